/* groupnorm: y = (x - mean) rstd w + b, mean and variance over the positions
 * and the c/groups channels of a group, per sample.
 *
 * The variance comes from differences to the mean, and their own sum corrects
 * the mean, so a large mean costs nothing (E[x^2] - E[x]^2 would). Parallel
 * over samples and slices of channels. */
#include "cpu/channels.h"
#include "cpu/cpu.h"
#include "ops/check.h"

#include <math.h>

/* One unit's view of the operands. Groups are counted from the unit's first;
 * channels c from the unit's first, too. */
typedef struct unit {
    channel_unit u;
    size_t groups, per_group;
    double count; /* numbers a group */
    const float *x;
    float *mean, *rstd; /* of the unit's groups */
    const float *w, *b; /* of the unit's channels, or NULL */
} unit;

static unit unit_of(const channel_units *s, size_t i, int groups,
                    const tensor *x, const tensor *w, const tensor *b,
                    const tensor *mean, const tensor *rstd)
{
    unit t = {.u = channel_unit_of(s, i), .per_group = s->c / (size_t)groups};
    size_t group = t.u.row / t.per_group;
    t.groups = t.u.map.width / t.per_group;
    t.count = (double)(s->positions * t.per_group);
    t.x = f32(x) + t.u.at;
    t.mean = f32(mean) + group;
    t.rstd = f32(rstd) + group;
    t.w = w ? f32(w) + t.u.first : NULL;
    t.b = b ? f32(b) + t.u.first : NULL;
    return t;
}

/* The part of the unit from channel c on, narrow enough for the loops. */
static channels piece(const unit *t, size_t c)
{
    channels p = t->u.map;
    p.width = p.width - c < CHANNELS_MOST ? p.width - c : CHANNELS_MOST;
    return p;
}

static void statistics(const unit *t, float eps)
{
    double total[CHANNELS_MOST] = {0}, rest[CHANNELS_MOST] = {0};
    double squares[CHANNELS_MOST] = {0};
    float m[CHANNELS_MOST];
    size_t width = t->u.map.width;
    for (size_t c = 0; c < width; c += CHANNELS_MOST) {
        double sum[CHANNELS_MOST] = {0};
        channels p = piece(t, c);
        channels_sums(sum, NULL, t->x + c, NULL, p);
        for (size_t i = 0; i < p.width; i++)
            total[(c + i) / t->per_group] += sum[i];
    }
    for (size_t g = 0; g < t->groups; g++)
        t->mean[g] = (float)(total[g] / t->count);
    for (size_t c = 0; c < width; c += CHANNELS_MOST) {
        double sum[CHANNELS_MOST] = {0}, square[CHANNELS_MOST] = {0};
        channels p = piece(t, c);
        for (size_t i = 0; i < p.width; i++)
            m[i] = t->mean[(c + i) / t->per_group];
        channels_sums(sum, square, t->x + c, m, p);
        for (size_t i = 0; i < p.width; i++) {
            rest[(c + i) / t->per_group] += sum[i];
            squares[(c + i) / t->per_group] += square[i];
        }
    }
    for (size_t g = 0; g < t->groups; g++) {
        double off = rest[g] / t->count;
        double variance = squares[g] / t->count - off * off;
        t->mean[g] = (float)((double)t->mean[g] + off);
        t->rstd[g] =
            (float)(1 / sqrt((variance > 0 ? variance : 0) + (double)eps));
    }
}

drift_status cpu_groupnorm_fwd(drift_context *ctx, tensor *y, tensor *mean,
                               tensor *rstd, const tensor *x, const tensor *w,
                               const tensor *b, int groups, float eps)
{
    (void)ctx;
    channel_units s = channel_units_of(x, last_dim(x) / (size_t)groups);
#pragma omp parallel for if (tensor_count(x) > CPU_SMALL)
    for (size_t i = 0; i < s.count; i++) {
        unit t = unit_of(&s, i, groups, x, w, b, mean, rstd);
        float m[CHANNELS_MOST], scale[CHANNELS_MOST], shift[CHANNELS_MOST];
        statistics(&t, eps);
        for (size_t c = 0; c < t.u.map.width; c += CHANNELS_MOST) {
            channels p = piece(&t, c);
            for (size_t j = 0; j < p.width; j++) {
                size_t g = (c + j) / t.per_group;
                m[j] = t.mean[g];
                scale[j] = t.rstd[g] * (t.w ? t.w[c + j] : 1);
                shift[j] = t.b ? t.b[c + j] : 0;
            }
            channels_map(f32(y) + t.u.at + c, t.x + c, m, scale, shift, p);
        }
    }
    return DRIFT_OK;
}

/* With n = (x - mean) rstd, A = sum w dy, B = sum w dy n over a group of K
 * numbers: dx = rstd (w dy - A/K - n B/K), dw = sum dy n, db = sum dy.
 * dw_row, db_row: this sample's shares. */
static void unit_back(const unit *t, float *dx, int fresh, float *dw_row,
                      float *db_row, const float *dy)
{
    double a_sum[CHANNELS_MOST] = {0}, b_sum[CHANNELS_MOST] = {0};
    float m[CHANNELS_MOST];
    size_t width = t->u.map.width;
    for (size_t c = 0; c < width; c += CHANNELS_MOST) {
        double sum[CHANNELS_MOST] = {0}, dot[CHANNELS_MOST] = {0};
        channels p = piece(t, c);
        for (size_t i = 0; i < p.width; i++)
            m[i] = t->mean[(c + i) / t->per_group];
        channels_dots(sum, dot, dy + c, t->x + c, m, p);
        for (size_t i = 0; i < p.width; i++) {
            size_t g = (c + i) / t->per_group;
            double weight = t->w ? (double)t->w[c + i] : 1;
            dot[i] *= (double)t->rstd[g];
            a_sum[g] += weight * sum[i];
            b_sum[g] += weight * dot[i];
            if (dw_row)
                dw_row[c + i] = (float)dot[i];
            if (db_row)
                db_row[c + i] = (float)sum[i];
        }
    }
    for (size_t c = 0; dx && c < width; c += CHANNELS_MOST) {
        float a[CHANNELS_MOST], slope[CHANNELS_MOST], shift[CHANNELS_MOST];
        channels p = piece(t, c);
        for (size_t i = 0; i < p.width; i++) {
            size_t g = (c + i) / t->per_group;
            double r = (double)t->rstd[g];
            m[i] = t->mean[g];
            a[i] = (float)(r * (t->w ? (double)t->w[c + i] : 1));
            slope[i] = (float)(-r * r * b_sum[g] / t->count);
            shift[i] = (float)(-r * a_sum[g] / t->count);
        }
        if (fresh)
            channels_zero(dx + c, p);
        channels_norm_back(dx + c, dy + c, t->x + c, m, a, slope, shift, p);
    }
}

drift_status cpu_groupnorm_bwd(drift_context *ctx, tensor *dx, tensor *dw,
                               tensor *db, const tensor *dy, const tensor *x,
                               const tensor *w, const tensor *mean,
                               const tensor *rstd, int groups)
{
    drift_status status = DRIFT_OK;
    channel_units s = channel_units_of(x, last_dim(x) / (size_t)groups);
    /* Each sample's share of dw and db, added in order afterwards. */
    tensor dw_rows = {0}, db_rows = {0};
    cpu_begin_all(dw);
    cpu_begin_all(db);
    if (dw)
        TRY(tensor_new(ctx, &dw_rows, DTYPE_F32, SHAPE(s.samples, s.c)));
    if (db)
        TRY(tensor_new(ctx, &db_rows, DTYPE_F32, SHAPE(s.samples, s.c)));
#pragma omp parallel for if (tensor_count(x) > CPU_SMALL)
    for (size_t i = 0; i < s.count; i++) {
        unit t = unit_of(&s, i, groups, x, w, NULL, mean, rstd);
        unit_back(&t, dx ? f32(dx) + t.u.at : NULL, dx && dx->fresh,
                  dw ? f32(&dw_rows) + t.u.row : NULL,
                  db ? f32(&db_rows) + t.u.row : NULL, f32(dy) + t.u.at);
    }
    if (dw)
        channels_add_rows(f32(dw), f32(&dw_rows), s.samples, s.c);
    if (db)
        channels_add_rows(f32(db), f32(&db_rows), s.samples, s.c);
out:
    tensor_free(ctx, &dw_rows);
    tensor_free(ctx, &db_rows);
    return status;
}
