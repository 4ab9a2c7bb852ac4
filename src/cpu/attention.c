/* attention: o = softmax(scale q k^T) v for each batch entry and head, with
 * lse = log sum exp of the scaled logits kept for the backward:
 *
 *     p = exp(scale q k^T - lse)            dv = p^T do
 *     ds = scale p (do v^T - rowsum(do o))  dq = ds k,  dk = ds^T q
 *
 * Threads share out the (batch, head) pairs. Each works through its rows of
 * logits in blocks that stay in the cache, by tile products on copies of q, k,
 * v, made once a pair; k and v are transposed besides. */
#include <math.h>
#include <string.h>

#include "cpu/cpu.h"
#include "cpu/tile.h"
#include "shared/vexp.h"

#define BLOCK_FLOATS 65536 /* logits a block holds */

typedef struct sizes {
    size_t b, t, s, h, d;
    size_t pad_s, pad_d; /* to whole tiles */
    size_t block;        /* rows of logits at a time */
} sizes;

static sizes sizes_of(const tensor *q, const tensor *k)
{
    const size_t *n = q->shape.dim;
    sizes z = {n[0], n[1], k->shape.dim[1], n[2], n[3], 0, 0, 0};
    z.pad_s = tile_padded(z.s);
    z.pad_d = tile_padded(z.d);
    size_t most = z.pad_s ? BLOCK_FLOATS / z.pad_s : 0;
    z.block = most < 16 ? 16 : most;
    z.block = z.block > z.t ? z.t : z.block;
    return z;
}

/* Rows of one head, `row` floats apart, readable up to pad_d columns. */
typedef struct head {
    const float *at;
    size_t row;
} head;

/* The head, copied to `room` [n,pad_d] unless it is like that: a tile reads
 * whole lines, beyond the head and the last one's memory, and where it lies its
 * rows are often a power of two apart, fall into a few sets of the cache
 * and cost more than the copy. */
static head head_of(const tensor *x, const sizes *z, size_t b, size_t h,
                    size_t n, float *room)
{
    size_t row = z->h * z->d;
    head out = {f32(x) + b * n * row + h * z->d, row};
    if (z->h == 1 && row == z->pad_d)
        return out;
    for (size_t i = 0; i < n; i++)
        memcpy(room + i * z->pad_d, out.at + i * row, z->d * sizeof *room);
    return (head){room, z->pad_d};
}

/* to[j,i] = from[i,j] for the d columns of n rows. */
static void transpose(float *restrict to, size_t to_row, head from, size_t n,
                      size_t d)
{
    size_t i = 0;
    for (; i + 8 <= n; i += 8)
        for (size_t j = 0; j < d; j++)
            for (size_t r = 0; r < 8; r++)
                to[j * to_row + i + r] = from.at[(i + r) * from.row + j];
    for (; i < n; i++)
        for (size_t j = 0; j < d; j++)
            to[j * to_row + i] = from.at[i * from.row + j];
}

/* A thread's own memory. */
typedef struct scratch {
    float *k_t, *v_t;           /* [d,pad_s] */
    float *q, *k, *v, *o, *d_o; /* [.,pad_d]: copies, see head_of */
    float *p, *ds;              /* [block,pad_s] */
} scratch;

static size_t scratch_floats(const sizes *z)
{
    return 2 * z->d * z->pad_s + (3 * z->t + 2 * z->s) * z->pad_d +
           2 * z->block * z->pad_s; /* whole cache lines */
}

static scratch scratch_at(float *at, const sizes *z)
{
    scratch s;
    s.k_t = at;
    s.v_t = s.k_t + z->d * z->pad_s;
    s.q = s.v_t + z->d * z->pad_s;
    s.o = s.q + z->t * z->pad_d;
    s.d_o = s.o + z->t * z->pad_d;
    s.k = s.d_o + z->t * z->pad_d;
    s.v = s.k + z->s * z->pad_d;
    s.p = s.v + z->s * z->pad_d;
    s.ds = s.p + z->block * z->pad_s;
    return s;
}

/* Rows of logits, `row` apart, become softmax(scale p); lse of each. */
static CPU_SIMD void softmax_rows(float *restrict p, float *restrict lse,
                                  size_t rows, size_t row, size_t n,
                                  float scale)
{
    for (size_t r = 0; r < rows; r++, p += row) {
        float top = -INFINITY, sum = 0;
#pragma omp simd reduction(max : top)
        for (size_t j = 0; j < n; j++) {
            float x = scale * p[j];
            top = x > top ? x : top; /* fmaxf would not vectorise */
        }
#pragma omp simd reduction(+ : sum)
        for (size_t j = 0; j < n; j++) {
            p[j] = vexp(scale * p[j] - top);
            sum += p[j];
        }
        float share = 1 / sum;
        for (size_t j = 0; j < n; j++)
            p[j] *= share;
        lse[r] = top + logf(sum);
    }
}

static void forward_pair(const sizes *z, size_t b, size_t h, const scratch *w,
                         tensor *o, float *lse, const tensor *q,
                         const tensor *k, const tensor *v, float scale)
{
    size_t row = z->h * z->d;
    head kh = head_of(k, z, b, h, z->s, w->k);
    head vh = head_of(v, z, b, h, z->s, w->v);
    transpose(w->k_t, z->pad_s, kh, z->s, z->d);
    const float *qp = f32(q) + b * z->t * row + h * z->d;
    float *op = f32(o) + b * z->t * row + h * z->d;
    lse += (b * z->h + h) * z->t;
    for (size_t i = 0, n; i < z->t; i += n) {
        n = z->t - i < z->block ? z->t - i : z->block;
        cpu_tile(&(tile_product){.m = n,
                                 .n = z->s,
                                 .segments = 1,
                                 .k = z->d,
                                 .a = qp + i * row,
                                 .a_row = row,
                                 .a_k = 1,
                                 .b = w->k_t,
                                 .b_k = z->pad_s,
                                 .c = w->p,
                                 .c_row = z->pad_s});
        softmax_rows(w->p, lse + i, n, z->pad_s, z->s, scale);
        cpu_tile(&(tile_product){.m = n,
                                 .n = z->d,
                                 .segments = 1,
                                 .k = z->s,
                                 .a = w->p,
                                 .a_row = z->pad_s,
                                 .a_k = 1,
                                 .b = vh.at,
                                 .b_k = vh.row,
                                 .c = op + i * row,
                                 .c_row = row});
    }
}

drift_status cpu_attention_fwd(drift_context *ctx, tensor *o, tensor *lse,
                               const tensor *q, const tensor *k,
                               const tensor *v, float scale)
{
    sizes z = sizes_of(q, k);
    size_t each = scratch_floats(&z);
    int threads = cpu_threads(z.b * z.h);
    float *room = cpu_scratch(ctx, each * (size_t)threads);
    if (!room)
        return DRIFT_ERROR_MEMORY;
#pragma omp parallel for num_threads(threads) schedule(dynamic)
    for (size_t pair = 0; pair < z.b * z.h; pair++) {
        scratch w = scratch_at(room + each * (size_t)cpu_thread_number(), &z);
        forward_pair(&z, pair / z.h, pair % z.h, &w, o, f32(lse), q, k, v,
                     scale);
    }
    return DRIFT_OK;
}

/* p = exp(scale p - lse); ds = scale p (ds - delta), delta the row's d_o o. */
static CPU_SIMD void ds_rows(const sizes *z, float *restrict p,
                             float *restrict ds, const float *lse, head d_o,
                             head o, size_t rows, float scale)
{
    size_t n = z->s, d = z->d;
    for (size_t r = 0; r < rows; r++, p += z->pad_s, ds += z->pad_s) {
        const float *restrict a = d_o.at + r * d_o.row;
        const float *restrict b = o.at + r * o.row;
        float delta = 0, start = lse[r];
#pragma omp simd reduction(+ : delta)
        for (size_t j = 0; j < d; j++)
            delta += a[j] * b[j];
        for (size_t j = 0; j < n; j++) {
            p[j] = vexp(scale * p[j] - start);
            ds[j] = scale * p[j] * (ds[j] - delta);
        }
    }
}

typedef struct gradients {
    float *dq, *dk, *dv;        /* NULL = not wanted */
    int add_dq, add_dk, add_dv; /* 0: overwritten */
} gradients;

static void backward_pair(const sizes *z, size_t b, size_t h, const scratch *w,
                          gradients g, const tensor *d_out, const tensor *q,
                          const tensor *k, const tensor *v, const tensor *o,
                          const float *lse, float scale)
{
    size_t row = z->h * z->d, t_at = b * z->t * row + h * z->d;
    size_t s_at = b * z->s * row + h * z->d;
    head qh = head_of(q, z, b, h, z->t, w->q);
    head kh = head_of(k, z, b, h, z->s, w->k);
    head vh = head_of(v, z, b, h, z->s, w->v);
    head oh = head_of(o, z, b, h, z->t, w->o);
    head dh = head_of(d_out, z, b, h, z->t, w->d_o);
    transpose(w->k_t, z->pad_s, kh, z->s, z->d);
    transpose(w->v_t, z->pad_s, vh, z->s, z->d);
    lse += (b * z->h + h) * z->t;
    for (size_t i = 0, n; i < z->t; i += n) {
        n = z->t - i < z->block ? z->t - i : z->block;
        const float *qi = qh.at + i * qh.row, *di = dh.at + i * dh.row;
        tile_product logits = {.m = n,
                               .n = z->s,
                               .segments = 1,
                               .k = z->d,
                               .a = qi,
                               .a_row = qh.row,
                               .a_k = 1,
                               .b = w->k_t,
                               .b_k = z->pad_s,
                               .c = w->p,
                               .c_row = z->pad_s};
        cpu_tile(&logits);
        logits.a = di;
        logits.a_row = dh.row;
        logits.b = w->v_t;
        logits.c = w->ds;
        cpu_tile(&logits);
        ds_rows(z, w->p, w->ds, lse + i, (head){di, dh.row},
                (head){oh.at + i * oh.row, oh.row}, n, scale);
        if (g.dq)
            cpu_tile(&(tile_product){.m = n,
                                     .n = z->d,
                                     .segments = 1,
                                     .k = z->s,
                                     .a = w->ds,
                                     .a_row = z->pad_s,
                                     .a_k = 1,
                                     .b = kh.at,
                                     .b_k = kh.row,
                                     .c = g.dq + t_at + i * row,
                                     .c_row = row,
                                     .add = g.add_dq});
        tile_product across = {.m = z->s,
                               .n = z->d,
                               .segments = 1,
                               .k = n,
                               .a = w->ds,
                               .a_row = 1,
                               .a_k = z->pad_s,
                               .b = qi,
                               .b_k = qh.row,
                               .c_row = row};
        if (g.dk) {
            across.c = g.dk + s_at;
            across.add = g.add_dk || i;
            cpu_tile(&across);
        }
        across.a = w->p;
        across.b = di;
        across.b_k = dh.row;
        if (g.dv) {
            across.c = g.dv + s_at;
            across.add = g.add_dv || i;
            cpu_tile(&across);
        }
    }
}

drift_status cpu_attention_bwd(drift_context *ctx, tensor *dq, tensor *dk,
                               tensor *dv, const tensor *dout, const tensor *q,
                               const tensor *k, const tensor *v,
                               const tensor *o, const tensor *lse, float scale)
{
    sizes z = sizes_of(q, k);
    size_t each = scratch_floats(&z);
    int threads = cpu_threads(z.b * z.h);
    float *room = cpu_scratch(ctx, each * (size_t)threads);
    if (!room)
        return DRIFT_ERROR_MEMORY;
    gradients g = {.dq = f32(dq),
                   .dk = f32(dk),
                   .dv = f32(dv),
                   .add_dq = !(dq && dq->fresh),
                   .add_dk = !(dk && dk->fresh),
                   .add_dv = !(dv && dv->fresh)};
    if (!z.t) { /* no query: nothing is written below */
        cpu_begin_all(dk);
        cpu_begin_all(dv);
    }
#pragma omp parallel for num_threads(threads) schedule(dynamic)
    for (size_t pair = 0; pair < z.b * z.h; pair++) {
        scratch w = scratch_at(room + each * (size_t)cpu_thread_number(), &z);
        backward_pair(&z, pair / z.h, pair % z.h, &w, g, dout, q, k, v, o,
                      f32(lse), scale);
    }
    return DRIFT_OK;
}
