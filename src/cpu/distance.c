/* distance: d[g,n,t] = |x[g,n,:] - y[g,t,:]|.
 *
 * |x|^2 + |y|^2 - 2 x.y by GEMM loses all digits when points are far from the
 * origin compared with their distance. So each group's mean is taken off
 * first, and pairs that are still near are computed directly (row.h). The
 * backward
 *     dx_n = sum_t q_nt (x_n - y_t),  q = dd / d  (0 where d = 0)
 * is cut in the same way. */
#include <math.h>

#include "cpu/cpu.h"
#include "cpu/row.h"

#define LARGE   (1u << 24) /* products of a group worth all the threads */
#define COLUMNS 64

/* The points as given, and (use_products) less the group's mean, with the
 * squared norms of those. */
typedef struct problem {
    size_t g, n, t, d;
    const float *x, *y; /* [g,n,d], [g,t,d] */
    tensor xc, yc;      /* less the mean */
    tensor x2, y2;      /* [g,n], [g,t]: squared norms of xc, yc */
} problem;

static void problem_free(drift_context *ctx, problem *p)
{
    tensor_free(ctx, &p->xc);
    tensor_free(ctx, &p->yc);
    tensor_free(ctx, &p->x2);
    tensor_free(ctx, &p->y2);
}

static int use_products(const problem *p)
{
    return p->d >= DISTANCE_DIRECT;
}

/* Take the mean off columns [first, first + n) of one group. */
static void centre(problem *p, size_t group, size_t first, size_t n)
{
    double mean[COLUMNS] = {0};
    float offset[COLUMNS];
    const float *const from[2] = {p->x + group * p->n * p->d + first,
                                  p->y + group * p->t * p->d + first};
    float *const to[2] = {f32(&p->xc) + group * p->n * p->d + first,
                          f32(&p->yc) + group * p->t * p->d + first};
    const size_t rows[2] = {p->n, p->t};
    for (int set = 0; set < 2; set++)
        for (size_t r = 0; r < rows[set]; r++)
            row_sum(mean, from[set] + r * p->d, n);
    for (size_t i = 0; i < n; i++)
        offset[i] = (float)(mean[i] / (double)(p->n + p->t));
    for (int set = 0; set < 2; set++)
        for (size_t r = 0; r < rows[set]; r++)
            for (size_t i = 0; i < n; i++)
                to[set][r * p->d + i] = from[set][r * p->d + i] - offset[i];
}

static drift_status problem_open(drift_context *ctx, problem *p,
                                 const tensor *x, const tensor *y)
{
    drift_status status = DRIFT_OK;
    *p = (problem){.g = x->shape.dim[0], .n = x->shape.dim[1]};
    p->t = y->shape.dim[1];
    p->d = x->shape.dim[2];
    p->x = f32(x);
    p->y = f32(y);
    if (!use_products(p))
        return DRIFT_OK;
    TRY(tensor_new(ctx, &p->xc, DTYPE_F32, x->shape));
    TRY(tensor_new(ctx, &p->yc, DTYPE_F32, y->shape));
    TRY(tensor_new(ctx, &p->x2, DTYPE_F32, SHAPE(p->g, p->n)));
    TRY(tensor_new(ctx, &p->y2, DTYPE_F32, SHAPE(p->g, p->t)));
    size_t tasks = (p->d + COLUMNS - 1) / COLUMNS;
#pragma omp parallel for if (p->g * (p->n + p->t) * p->d > CPU_SMALL)
    for (size_t i = 0; i < p->g * tasks; i++) {
        size_t first = i % tasks * COLUMNS;
        size_t n = p->d - first < COLUMNS ? p->d - first : COLUMNS;
        centre(p, i / tasks, first, n);
    }
    const float *xc = f32(&p->xc), *yc = f32(&p->yc);
    size_t nx = p->g * p->n, ny = p->g * p->t;
#pragma omp parallel for if ((nx + ny) * p->d > CPU_SMALL)
    for (size_t r = 0; r < nx + ny; r++) {
        if (r < nx)
            f32(&p->x2)[r] = row_square(xc + r * p->d, p->d);
        else
            f32(&p->y2)[r - nx] = row_square(yc + (r - nx) * p->d, p->d);
    }
out:
    return status;
}

/* From -2 x.y to the distances of row r (over all groups). */
static void finish_row(const problem *p, float *row, size_t r)
{
    size_t group = r / p->n;
    const float *x = p->x + r * p->d, *y = p->y + group * p->t * p->d;
    const float *y2 = use_products(p) ? f32(&p->y2) + group * p->t : NULL;
    float x2 = use_products(p) ? f32(&p->x2)[r] : 0;
    for (size_t t = 0; t < p->t; t++) {
        float sum = y2 ? x2 + y2[t] : 0, square = y2 ? sum + row[t] : 0;
        if (!(square >= DISTANCE_NEAR * sum) || !y2)
            square = row_distance2(x, y + t * p->d, p->d);
        row[t] = sqrtf(square);
    }
}

/* Run `product` for every group: side by side when they are small, one after
 * the other, each with all threads, when they are large. */
static void each_group(const problem *p, float *out, float *matrix,
                       void (*product)(const problem *p, float *out,
                                       float *matrix, size_t group))
{
    if (p->n * p->t * p->d < LARGE) {
#pragma omp parallel for
        for (size_t group = 0; group < p->g; group++)
            product(p, out, matrix, group);
    } else {
        for (size_t group = 0; group < p->g; group++)
            product(p, out, matrix, group);
    }
}

/* matrix [n,t] = -2 x y^T */
static void cross_products(const problem *p, float *out, float *matrix,
                           size_t group)
{
    (void)out;
    cpu_sgemm(0, 1, p->n, p->t, p->d, -2, f32(&p->xc) + group * p->n * p->d,
              p->d, f32(&p->yc) + group * p->t * p->d, p->d, 0,
              matrix + group * p->n * p->t, p->t);
}

drift_status cpu_distance_fwd(drift_context *ctx, tensor *d, const tensor *x,
                              const tensor *y)
{
    drift_status status = DRIFT_OK;
    problem p;
    TRY(problem_open(ctx, &p, x, y));
    float *dp = f32(d);
    if (use_products(&p))
        each_group(&p, NULL, dp, cross_products);
#pragma omp parallel for schedule(dynamic, 16) if (tensor_count(d) > CPU_SMALL)
    for (size_t r = 0; r < p.g * p.n; r++)
        finish_row(&p, dp + r * p.t, r);
out:
    problem_free(ctx, &p);
    return status;
}

static int is_near(const problem *p, size_t row, size_t column, float d)
{
    if (!use_products(p))
        return 1;
    return d * d < DISTANCE_NEAR * (f32(&p->x2)[row] + f32(&p->y2)[column]);
}

/* What one row of q (over all groups) gives to its x, but for the product of
 * its distant pairs with y. */
static void pull_row(const problem *p, float *dx, const float *d,
                     const float *q, size_t r)
{
    size_t first = r / p->n * p->t;
    const float *x = p->x + r * p->d;
    double sum = 0;
    for (size_t t = 0; t < p->t; t++) {
        float one = q[r * p->t + t];
        if (is_near(p, r, first + t, d[r * p->t + t]))
            row_difference(dx + r * p->d, x, p->y + (first + t) * p->d, one,
                           p->d);
        else
            sum += (double)one;
    }
    if (use_products(p))
        row_axpy(dx + r * p->d, f32(&p->xc) + r * p->d, (float)sum, p->d);
}

/* The same for the y of column c. */
static void pull_column(const problem *p, float *dy, const float *d,
                        const float *q, size_t c)
{
    size_t first = c / p->t * p->n, t = c % p->t;
    const float *y = p->y + c * p->d;
    double sum = 0;
    for (size_t n = 0; n < p->n; n++) {
        size_t at = (first + n) * p->t + t;
        if (is_near(p, first + n, c, d[at]))
            row_difference(dy + c * p->d, y, p->x + (first + n) * p->d, q[at],
                           p->d);
        else
            sum += (double)q[at];
    }
    if (use_products(p))
        row_axpy(dy + c * p->d, f32(&p->yc) + c * p->d, (float)sum, p->d);
}

/* dx -= q y of the distant pairs. */
static void product_x(const problem *p, float *dx, float *q, size_t group)
{
    cpu_sgemm(0, 0, p->n, p->d, p->t, -1, q + group * p->n * p->t, p->t,
              f32(&p->yc) + group * p->t * p->d, p->d, 1,
              dx + group * p->n * p->d, p->d);
}

static void product_y(const problem *p, float *dy, float *q, size_t group)
{
    cpu_sgemm(1, 0, p->t, p->d, p->n, -1, q + group * p->n * p->t, p->t,
              f32(&p->xc) + group * p->n * p->d, p->d, 1,
              dy + group * p->t * p->d, p->d);
}

drift_status cpu_distance_bwd(drift_context *ctx, tensor *dx, tensor *dy,
                              const tensor *dd, const tensor *x,
                              const tensor *y, const tensor *d)
{
    drift_status status = DRIFT_OK;
    problem p = {0};
    tensor weights = {0};
    size_t count = tensor_count(d);
    TRY(tensor_new(ctx, &weights, DTYPE_F32, d->shape));
    TRY(problem_open(ctx, &p, x, y));
    cpu_begin_all(dx);
    cpu_begin_all(dy);
    float *q = f32(&weights), *dxp = f32(dx), *dyp = f32(dy);
    const float *ddp = f32(dd), *dp = f32(d);
#pragma omp parallel for if (count > CPU_SMALL)
    for (size_t i = 0; i < count; i++)
        q[i] = dp[i] > 0 ? ddp[i] / dp[i] : 0;
    if (dx) {
#pragma omp parallel for schedule(dynamic, 16) if (count > CPU_SMALL)
        for (size_t r = 0; r < p.g * p.n; r++)
            pull_row(&p, dxp, dp, q, r);
    }
    if (dy) {
#pragma omp parallel for schedule(dynamic, 16) if (count > CPU_SMALL)
        for (size_t c = 0; c < p.g * p.t; c++)
            pull_column(&p, dyp, dp, q, c);
    }
    if (!use_products(&p))
        goto out;
#pragma omp parallel for if (count > CPU_SMALL)
    for (size_t r = 0; r < p.g * p.n; r++)
        for (size_t t = 0; t < p.t; t++)
            if (is_near(&p, r, r / p.n * p.t + t, dp[r * p.t + t]))
                q[r * p.t + t] = 0;
    if (dx)
        each_group(&p, dxp, q, product_x);
    if (dy)
        each_group(&p, dyp, q, product_y);
out:
    tensor_free(ctx, &weights);
    problem_free(ctx, &p);
    return status;
}
