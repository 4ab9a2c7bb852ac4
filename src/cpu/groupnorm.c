/* groupnorm: y = f(u (1 + scale) + shift), u = (x - mean) rstd w + b, mean and
 * variance over the positions and the c/groups channels of a group, per
 * sample; scale and shift per sample and channel.
 *
 * The variance comes from differences to the mean, and their own sum corrects
 * the mean, so a large mean costs nothing (E[x^2] - E[x]^2 would). Parallel
 * over samples and slices of channels, whose maps stay in the cache from the
 * first pass to the last. */
#include "base/threads.h"
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
    float *mean, *rstd;         /* of the unit's groups */
    const float *w, *b;         /* of the unit's channels, or NULL */
    const float *shift, *scale; /* of the unit's sample and channels, or NULL */
} unit;

/* The inputs that forward and backward share. */
typedef struct inputs {
    const tensor *x, *w, *b, *mod, *mean, *rstd;
    int groups;
} inputs;

static unit unit_of(const channel_units *s, size_t i, const inputs *in)
{
    unit t = {.u = channel_unit_of(s, i),
              .per_group = s->c / (size_t)in->groups};
    size_t group = t.u.row / t.per_group;
    t.groups = t.u.map.width / t.per_group;
    t.count = (double)(s->positions * t.per_group);
    t.x = f32(in->x) + t.u.at;
    t.mean = f32(in->mean) + group;
    t.rstd = f32(in->rstd) + group;
    t.w = in->w ? f32(in->w) + t.u.first : NULL;
    t.b = in->b ? f32(in->b) + t.u.first : NULL;
    if (in->mod) {
        t.shift = f32(in->mod) + 2 * t.u.sample * s->c + t.u.first;
        t.scale = t.shift + s->c;
    }
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

/* The normalisation as one affine map a channel: (x - m) a + b. */
typedef struct affine {
    float m[CHANNELS_MOST], a[CHANNELS_MOST], b[CHANNELS_MOST];
} affine;

static void affine_of(affine *f, const unit *t, size_t c, size_t width)
{
    for (size_t i = 0; i < width; i++) {
        size_t g = (c + i) / t->per_group;
        float scale = t->scale ? 1 + t->scale[c + i] : 1;
        f->m[i] = t->mean[g];
        f->a[i] = t->rstd[g] * (t->w ? t->w[c + i] : 1) * scale;
        f->b[i] =
            (t->b ? t->b[c + i] * scale : 0) + (t->shift ? t->shift[c + i] : 0);
    }
}

drift_status cpu_groupnorm_fwd(drift_context *ctx, tensor *y, tensor *mean,
                               tensor *rstd, const tensor *x, const tensor *w,
                               const tensor *b, const tensor *mod, int groups,
                               float eps, int kind)
{
    (void)ctx;
    channel_units s = channel_units_of(x, last_dim(x) / (size_t)groups);
    inputs in = {x, w, b, mod, mean, rstd, groups};
#pragma omp parallel for if (tensor_count(x) > CPU_SMALL)
    for (size_t i = 0; i < s.count; i++) {
        unit t = unit_of(&s, i, &in);
        affine f;
        statistics(&t, eps);
        for (size_t c = 0; c < t.u.map.width; c += CHANNELS_MOST) {
            channels p = piece(&t, c);
            affine_of(&f, &t, c, p.width);
            channels_map(f32(y) + t.u.at + c, t.x + c, f.m, f.a, f.b, kind, p);
        }
    }
    return DRIFT_OK;
}

/* Where a unit's gradients go; NULL = not wanted. */
typedef struct gradients {
    float *dx;
    int fresh;              /* dx has no content yet */
    float *dw, *db;         /* this sample's shares */
    float *dshift, *dscale; /* of this sample */
} gradients;

/* First du = dy f' on the inner side of the activation, u computed again from
 * x; where there is none, du is dy. Then with n = (x - mean) rstd,
 * v = w (1 + scale), A = sum v du, B = sum v du n over a group of K numbers:
 * dx = rstd (v du - A/K - n B/K). With the channel's own sums S = sum du,
 * D = sum du n: dw = D (1 + scale), db = S (1 + scale), dshift = S,
 * dscale = D w + S b. */
static void unit_back(const unit *t, const gradients *d, const float *dy,
                      float *du, int kind)
{
    double a_sum[CHANNELS_MOST] = {0}, b_sum[CHANNELS_MOST] = {0};
    size_t width = t->u.map.width;
    affine f;
    for (size_t c = 0; c < width; c += CHANNELS_MOST) {
        double sum[CHANNELS_MOST] = {0}, dot[CHANNELS_MOST] = {0};
        channels p = piece(t, c);
        affine_of(&f, t, c, p.width);
        channels_slope_dots(sum, dot, du ? du + c : NULL, dy + c, t->x + c, f.m,
                            f.a, f.b, kind, p);
        for (size_t i = 0; i < p.width; i++) {
            size_t g = (c + i) / t->per_group, k = c + i;
            double w = t->w ? (double)t->w[k] : 1;
            double b = t->b ? (double)t->b[k] : 0;
            double scale = t->scale ? 1 + (double)t->scale[k] : 1;
            dot[i] *= (double)t->rstd[g];
            a_sum[g] += w * scale * sum[i];
            b_sum[g] += w * scale * dot[i];
            if (d->dw)
                d->dw[k] = (float)(dot[i] * scale);
            if (d->db)
                d->db[k] = (float)(sum[i] * scale);
            if (d->dshift) {
                d->dshift[k] += (float)sum[i];
                d->dscale[k] += (float)(dot[i] * w + sum[i] * b);
            }
        }
    }
    if (du)
        dy = du;
    for (size_t c = 0; d->dx && c < width; c += CHANNELS_MOST) {
        float slope[CHANNELS_MOST], shift[CHANNELS_MOST];
        channels p = piece(t, c);
        affine_of(&f, t, c, p.width);
        for (size_t i = 0; i < p.width; i++) {
            size_t g = (c + i) / t->per_group;
            double r = (double)t->rstd[g];
            slope[i] = (float)(-r * r * b_sum[g] / t->count);
            shift[i] = (float)(-r * a_sum[g] / t->count);
        }
        channels_norm_back(d->dx + c, !d->fresh, dy + c, t->x + c, f.m, f.a,
                           slope, shift, p);
    }
}

drift_status cpu_groupnorm_bwd(drift_context *ctx, tensor *dx, tensor *dw,
                               tensor *db, tensor *dmod, const tensor *dy,
                               const tensor *x, const tensor *w,
                               const tensor *b, const tensor *mod,
                               const tensor *mean, const tensor *rstd,
                               int groups, int kind)
{
    drift_status status = DRIFT_OK;
    channel_units s = channel_units_of(x, last_dim(x) / (size_t)groups);
    inputs in = {x, w, b, mod, mean, rstd, groups};
    /* Each sample's share of dw and db, added in order afterwards; and for
     * each thread a sample's gradient on the inner side of the activation. */
    tensor dw_rows = {0}, db_rows = {0}, inner = {0};
    size_t lanes = (size_t)threads_get(), sample = s.positions * s.c;
    cpu_begin_all(dw);
    cpu_begin_all(db);
    cpu_begin_all(dmod);
    if (dw)
        TRY(tensor_new(ctx, &dw_rows, DTYPE_F32, SHAPE(s.samples, s.c)));
    if (db)
        TRY(tensor_new(ctx, &db_rows, DTYPE_F32, SHAPE(s.samples, s.c)));
    if (kind != ACT_NONE)
        TRY(tensor_new(ctx, &inner, DTYPE_F32, SHAPE(lanes, sample)));
#pragma omp parallel for if (tensor_count(x) > CPU_SMALL)
    for (size_t lane = 0; lane < lanes; lane++)
        for (size_t i = lane; i < s.count; i += lanes) {
            unit t = unit_of(&s, i, &in);
            gradients d = {.dx = dx ? f32(dx) + t.u.at : NULL,
                           .fresh = dx && dx->fresh,
                           .dw = dw ? f32(&dw_rows) + t.u.row : NULL,
                           .db = db ? f32(&db_rows) + t.u.row : NULL};
            if (dmod) {
                d.dshift = f32(dmod) + 2 * t.u.sample * s.c + t.u.first;
                d.dscale = d.dshift + s.c;
            }
            float *du = kind == ACT_NONE
                            ? NULL
                            : f32(&inner) + lane * sample + t.u.first;
            unit_back(&t, &d, f32(dy) + t.u.at, du, kind);
        }
    if (dw)
        channels_add_rows(f32(dw), f32(&dw_rows), s.samples, s.c);
    if (db)
        channels_add_rows(f32(db), f32(&db_rows), s.samples, s.c);
out:
    tensor_free(ctx, &dw_rows);
    tensor_free(ctx, &db_rows);
    tensor_free(ctx, &inner);
    return status;
}
