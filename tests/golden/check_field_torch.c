/* field_torch: the field as the public PyTorch re-implementations compute it,
 * where that is one of ours: each class is a call of its own. Not ours, so
 * todo: unconditional weights inside the softmax of `xy`, and the affinities,
 * which the op does not give away. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "drift/features.h"
#include "drift/guidance.h"
#include "golden.h"
#include "ops/field.h"

/* No scales, no floor: V is the plain force at one temperature. */
static field_args plain(int normalization, double temperature)
{
    return (field_args){.variant = FIELD_PAPER,
                        .normalization = normalization,
                        .temperatures = 1,
                        .r = {(float)temperature},
                        .attraction = 1,
                        .repulsion = 1};
}

/* [n,d] of the file as one group. */
static drift_status load_group(golden *g, const char *name, tensor *view)
{
    drift_status status = DRIFT_OK;
    tensor *t;
    TRY(golden_load(g, &t, NULL, "%s", name));
    *view = tensor_reshape(t, SHAPE(1, t->shape.dim[0], t->shape.dim[1]));
out:
    return status;
}

/* The force on x, which are negatives too where args say so, at one
 * temperature. stats may be NULL. */
static drift_status measured(golden *g, const tensor *x, const tensor *neg,
                             const tensor *pos, const tensor *w_neg,
                             field_args args, tensor **v,
                             float host[FIELD_STATS(1)])
{
    drift_status status = DRIFT_OK;
    tensor *loss, *stats;
    TRY(golden_output(g, v, x->shape));
    TRY(golden_output(g, &loss, SHAPE(1)));
    TRY(golden_output(g, &stats, SHAPE(FIELD_STATS(1))));
    TRY(op_field(g->ctx, *v, loss, stats, x, NULL, neg, pos, NULL, w_neg, NULL,
                 args, (size_t)64 << 20));
    TRY(tensor_read(g->ctx, stats, host));
out:
    return status;
}

static drift_status force(golden *g, const tensor *x, const tensor *neg,
                          const tensor *pos, const tensor *w_neg,
                          field_args args, tensor **v)
{
    float stats[FIELD_STATS(1)];
    return measured(g, x, neg, pos, w_neg, args, v, stats);
}

/* The sum over temperatures of F / sqrt(m + 1e-8), where the release, and so
 * our scale_drift, has sqrt(max(m, 1e-8)); the scale. */
static drift_status normalised(golden *g, const tensor *x, const tensor *neg,
                               const tensor *pos, const tensor *w_neg,
                               field_args args, tensor **v, double *scale)
{
    static const double taus[] = {.02, .05, .2};
    drift_status status = DRIFT_OK;
    tensor *f;
    TRY(golden_gradient(g, v, x->shape));
    for (size_t i = 0; i < sizeof taus / sizeof *taus; i++) {
        float stats[FIELD_STATS(1)];
        args.r[0] =
            (float)(args.shape == FIELD_GAUSSIAN ? sqrt(taus[i]) : taus[i]);
        TRY(measured(g, x, neg, pos, w_neg, args, &f, stats));
        double m = (double)stats[FIELD_STAT_RAW(1, 0)];
        TRY(op_add_fwd(g->ctx, *v, *v, f, 1, (float)(1 / sqrt(m + 1e-8))));
        *scale = (double)stats[FIELD_STAT_SCALE];
    }
out:
    return status;
}

/* tyfeld: softmax over both axes on raw distances. */
static drift_status check_ty(golden *g)
{
    static const char *const taus[] = {"0.05", "0.2", "1.0"};
    drift_status status = DRIFT_OK;
    tensor x, pos, other, *v;
    double scale;
    TRY(load_group(g, "x", &x));
    TRY(load_group(g, "y_pos", &pos));
    TRY(load_group(g, "y_uncond", &other));
    for (size_t i = 0; i < sizeof taus / sizeof *taus; i++) {
        field_args args = plain(FIELD_XY, strtod(taus[i], NULL));
        TRY(force(g, &x, &other, &pos, NULL, args, &v));
        TRY(golden_near(g, v, NULL, "ty.other.tau%s", taus[i]));
        if (golden_find(g, "ty.swapped.tau%s", taus[i])) {
            TRY(force(g, &x, &pos, &other, NULL, args, &v));
            TRY(golden_near(g, v, NULL, "ty.swapped.tau%s", taus[i]));
        }
        args.queries_are_targets = 1;
        TRY(force(g, &x, NULL, &pos, NULL, args, &v));
        TRY(golden_near(g, v, NULL, "ty.self.tau%s", taus[i]));
    }
    field_args args = plain(FIELD_XY, 0);
    args.queries_are_targets = 1;
    TRY(normalised(g, &x, NULL, &pos, NULL, args, &v, &scale));
    TRY(golden_near(g, v, NULL, "ty.multi"));
out:
    return status;
}

/* jiaxi98 at temperature 0.3: its `y` is our `separate`, its gaussian
 * exp(-d^2/0.3). */
static drift_status check_jx(golden *g)
{
    drift_status status = DRIFT_OK;
    tensor x, pos, other, *v, *w;
    TRY(load_group(g, "x", &x));
    TRY(load_group(g, "y_pos", &pos));
    TRY(load_group(g, "y_uncond", &other));
    TRY(golden_load(g, &w, NULL, "neg_weights"));
    size_t n = x.shape.dim[1], m = other.shape.dim[1];
    tensor weights = tensor_view(w, n, SHAPE(1, m)); /* the first n are 1 */
    for (int gaussian = 0; gaussian < 2; gaussian++) {
        const char *kernel = gaussian ? "gaussian" : "l2";
        double r = gaussian ? sqrt(0.3 / 2) : 0.3;
        field_args args = plain(FIELD_XY, r);
        args.shape = gaussian ? FIELD_GAUSSIAN : FIELD_LAPLACE;
        args.queries_are_targets = 1;
        TRY(force(g, &x, &other, &pos, NULL, args, &v));
        TRY(golden_near(g, v, NULL, "jx.xy.%s.now.V", kernel));
        args.normalization = FIELD_SEPARATE;
        TRY(force(g, &x, &other, &pos, NULL, args, &v));
        TRY(golden_near(g, v, NULL, "jx.y.%s.now.V", kernel));
        TRY(force(g, &x, &other, &pos, &weights, args, &v));
        TRY(golden_near(g, v, NULL, "jx.y.%s.w.V", kernel));
    }
out:
    return status;
}

/* A step of 2-D points: points + 0.1 V at temperature 0.1. */
static drift_status check_toy(golden *g)
{
    drift_status status = DRIFT_OK;
    tensor points, data, *v, *y;
    TRY(load_group(g, "toy.points", &points));
    TRY(load_group(g, "toy.data", &data));
    field_args args = plain(FIELD_XY, 0.1);
    args.queries_are_targets = 1;
    TRY(force(g, &points, NULL, &data, NULL, args, &v));
    TRY(golden_output(g, &y, points.shape));
    TRY(op_add_fwd(g->ctx, y, &points, v, 1, 0.1f));
    TRY(golden_near(g, y, NULL, "toy.out"));
out:
    return status;
}

/* alpha in [1,4] for given u: density alpha^-power, power 0 the uniform one;
 * the weight of 4 negatives beside 8 samples. */
static drift_status check_alpha(golden *g)
{
    drift_status status = DRIFT_OK;
    double *u, *alpha = NULL;
    size_t count;
    char name[32];
    TRY(golden_numbers(g, &u, &count, "alpha.u"));
    alpha = calloc(count + 1, sizeof *alpha);
    if (!alpha)
        FAIL(g->ctx, DRIFT_ERROR_MEMORY, "out of memory");
    for (int power = 0; power < 10; power++) {
        guidance_config c = {1, 4, (float)power, 0};
        snprintf(name, sizeof name, power ? "alpha.power%d" : "alpha.uniform",
                 power);
        if (!golden_find(g, "%s", name))
            continue;
        for (size_t i = 0; i < count; i++)
            alpha[i] = (double)guidance_alpha(&c, (float)u[i], 1);
        TRY(golden_near_host(g, alpha, count, "%s", name));
        for (size_t i = 0; i < count; i++)
            alpha[i] = (double)guidance_weight((float)alpha[i], 8, 4);
        if (power == 3) /* the draw that the file's weights belong to */
            TRY(golden_near_host(g, alpha, count, "alpha.weight_n8_u4"));
    }
out:
    free(alpha);
    return status;
}

/* -- class losses in pixel space ------------------------------------------ */

/* The images of one class, flattened, [n,d]. */
typedef struct images {
    double *x, *label; /* of all classes; label NULL: of no class */
    size_t count, d;
} images;

static drift_status load_images(golden *g, const char *name, const char *label,
                                images *im)
{
    drift_status status = DRIFT_OK;
    size_t numbers;
    const array *a = golden_find(g, "loss.%s", name);
    if (!a || !a->dim[0])
        FAIL(g->ctx, DRIFT_ERROR_FORMAT, "no loss.%s", name);
    TRY(golden_numbers(g, &im->x, &numbers, "loss.%s", name));
    im->count = a->dim[0];
    im->d = numbers / im->count;
    im->label = NULL;
    if (label)
        TRY(golden_numbers(g, &im->label, NULL, "loss.%s", label));
out:
    return status;
}

static int belongs(const images *im, size_t i, int c)
{
    return !im->label || (int)im->label[i] == c;
}

/* Length of image i where they are projected to the unit sphere, else 1. */
static double length(const images *im, size_t i, int unit)
{
    double sum = 0;
    for (size_t j = 0; j < im->d; j++)
        sum += im->x[i * im->d + j] * im->x[i * im->d + j];
    return unit ? sqrt(sum) : 1;
}

static drift_status class_set(golden *g, const images *im, int c, int unit,
                              tensor **out)
{
    drift_status status = DRIFT_OK;
    size_t n = 0;
    float *host = calloc(im->count * im->d + 1, sizeof *host);
    if (!host)
        FAIL(g->ctx, DRIFT_ERROR_MEMORY, "out of memory");
    for (size_t i = 0; i < im->count; i++) {
        if (!belongs(im, i, c))
            continue;
        for (size_t j = 0; j < im->d; j++)
            host[n * im->d + j] =
                (float)(im->x[i * im->d + j] / length(im, i, unit));
        n++;
    }
    TRY(golden_output(g, out, SHAPE(1, n, im->d)));
    TRY(tensor_write(g->ctx, *out, host));
out:
    free(host);
    return status;
}

typedef struct losses {
    images gen, pos, uncond;
    double *alpha;
    size_t classes;
    double value, *dx; /* dx like gen.x */
} losses;

/* Class c's part of the loss from V, and its gradient, -2 V / s over all
 * numbers; through x/|x| on the unit sphere. */
static drift_status add_class(golden *g, losses *l, int c, int unit,
                              const tensor *v, double s)
{
    drift_status status = DRIFT_OK;
    size_t n = 0, d = l->gen.d;
    double parts = (double)(tensor_count(v) * l->classes);
    float *host = calloc(tensor_count(v) + 1, sizeof *host);
    if (!host)
        FAIL(g->ctx, DRIFT_ERROR_MEMORY, "out of memory");
    TRY(tensor_read(g->ctx, v, host));
    for (size_t i = 0; i < l->gen.count; i++) {
        const double *x = l->gen.x + i * d;
        double size = length(&l->gen, i, unit), along = 0;
        if (!belongs(&l->gen, i, c))
            continue;
        const float *row = host + n++ * d;
        for (size_t j = 0; j < d; j++) {
            along += unit ? (double)row[j] * x[j] / (size * size) : 0;
            l->value += (double)row[j] * (double)row[j] / parts;
        }
        for (size_t j = 0; j < d; j++)
            l->dx[i * d + j] =
                -2 / (s * parts * size) * ((double)row[j] - along * x[j]);
    }
out:
    free(host);
    return status;
}

/* Mean over classes; with `uncond` further negatives of weight by alpha. */
static drift_status class_losses(golden *g, losses *l, field_args args,
                                 int unit, int uncond)
{
    drift_status status = DRIFT_OK;
    l->value = 0;
    for (int c = 0; c < (int)l->classes; c++) {
        tensor *x, *pos, *neg = NULL, *w = NULL, *v;
        double scale;
        TRY(class_set(g, &l->gen, c, unit, &x));
        TRY(class_set(g, &l->pos, c, unit, &pos));
        size_t n = x->shape.dim[1];
        if (uncond) {
            size_t m = l->uncond.count;
            TRY(class_set(g, &l->uncond, c, unit, &neg));
            TRY(golden_output(g, &w, SHAPE(1, m)));
            TRY(op_fill(g->ctx, w, guidance_weight((float)l->alpha[c], n, m)));
        }
        TRY(normalised(g, x, neg, pos, w, args, &v, &scale));
        double s = field_feature_scale(&args, scale, l->gen.d);
        TRY(add_class(g, l, c, unit, v, s));
    }
out:
    return status;
}

static drift_status check_losses(golden *g)
{
    drift_status status = DRIFT_OK;
    losses l = {0};
    char name[64];
    TRY(load_images(g, "x_gen", "labels_gen", &l.gen));
    TRY(load_images(g, "x_pos", "labels_pos", &l.pos));
    TRY(load_images(g, "x_uncond", NULL, &l.uncond));
    TRY(golden_numbers(g, &l.alpha, &l.classes, "loss.alpha"));
    size_t count = l.gen.count * l.gen.d;
    l.dx = calloc(count + 1, sizeof *l.dx);
    if (!l.dx)
        FAIL(g->ctx, DRIFT_ERROR_MEMORY, "out of memory");
    field_args args = plain(FIELD_XY, 0);
    args.queries_are_targets = 1;
    TRY(class_losses(g, &l, args, 1, 0));
    TRY(golden_near_host(g, &l.value, 1, "loss.ty.value"));
    TRY(golden_near_host(g, l.dx, count, "loss.ty.dx"));
    args.scale_features = 1;
    for (int i = 0; i < 8; i++) {
        int gaussian = i & 1, y = i & 2, uncond = i & 4;
        if (uncond && !y)
            continue;
        field_args a = args;
        a.normalization = y ? FIELD_SEPARATE : FIELD_XY;
        a.shape = gaussian ? FIELD_GAUSSIAN : FIELD_LAPLACE;
        snprintf(name, sizeof name, "loss.jx.%s.%s.%s",
                 gaussian ? "gaussian" : "l2", y ? "y" : "xy",
                 uncond ? "uncond" : "plain");
        TRY(class_losses(g, &l, a, 0, uncond));
        TRY(golden_near_host(g, &l.value, 1, "%s.value", name));
        TRY(golden_near_host(g, l.dx, count, "%s.dx", name));
    }
out:
    free(l.dx);
    return status;
}

/* -- features of maps ----------------------------------------------------- */

/* What one tensor of the file holds: a row a sample, pieces side by side. */
typedef struct sheet {
    double *x;
    size_t rows, width, at; /* at: numbers put into each row so far */
} sheet;

static drift_status sheet_new(golden *g, const char *name, sheet *s)
{
    drift_status status = DRIFT_OK;
    const array *a = golden_find(g, "%s", name);
    if (!a || a->ndim != 2)
        FAIL(g->ctx, DRIFT_ERROR_FORMAT, "no %s [b,n]", name);
    *s = (sheet){calloc(array_count(a) + 1, sizeof *s->x), a->dim[0], a->dim[1],
                 0};
    if (!s->x)
        FAIL(g->ctx, DRIFT_ERROR_MEMORY, "out of memory");
out:
    return status;
}

/* All locations of a family [b,f,c]. Their energy is our norm_x without root,
 * and neither that nor their std has our 1e-6 under the root. */
enum { AS_IT_IS, WITHOUT_ROOT, WITHOUT_EPS };

static drift_status put(golden *g, sheet *s, const feature *f, int how)
{
    drift_status status = DRIFT_OK;
    const tensor *t = &f->value->value;
    size_t count = tensor_count(t), n = count / t->shape.dim[0];
    float *host = calloc(count + 1, sizeof *host);
    if (!host)
        FAIL(g->ctx, DRIFT_ERROR_MEMORY, "out of memory");
    if (t->shape.dim[0] != s->rows || s->at + n > s->width)
        FAIL(g->ctx, DRIFT_ERROR_SHAPE, "more features than in the file");
    TRY(tensor_read(g->ctx, t, host));
    for (size_t i = 0; i < count; i++) {
        double v = (double)host[i];
        if (how != AS_IT_IS)
            v = fmax(v * v - 1e-6, 0);
        if (how == WITHOUT_EPS)
            v = sqrt(v);
        s->x[i / n * s->width + s->at + i % n] = v;
    }
    s->at += n;
out:
    free(host);
    return status;
}

/* The families of a map that `parts` names, means before stds; cropped to a
 * multiple of `patch`, or left out where smaller. */
static drift_status put_map(golden *g, sheet *s, tape *t, var *map,
                            size_t patch, unsigned parts)
{
    drift_status status = DRIFT_OK;
    features f = {0};
    size_t h = map->value.shape.dim[1], w = map->value.shape.dim[2];
    h -= h % patch;
    w -= w % patch;
    if (h && w) {
        var *cut = tape_split(t, tape_split(t, map, 1, 0, h), 2, 0, w);
        features_of_map(t, &f, cut, "map", parts);
        TRY(tape_status(t));
    }
    for (size_t i = 0; i < f.count; i++)
        TRY(put(g, s, &f.list[i],
                strstr(f.list[i].name, "_std") ? WITHOUT_EPS : AS_IT_IS));
out:
    features_free(&f);
    return status;
}

/* With `full` every feature, else energy, mean and std. */
static drift_status check_features(golden *g, const char *name, int full)
{
    drift_status status = DRIFT_OK;
    features f = {0};
    sheet s = {0};
    tape *t = NULL;
    tensor *x, *flat, *map;
    TRY(sheet_new(g, name, &s));
    TRY(golden_load(g, &x, MAP, "feat.x"));
    TRY(golden_load(g, &flat, NULL, "feat.x")); /* global in their order */
    TRY(tape_new(g->ctx, 0, &t));
    features_global(t, &f, tape_constant(t, flat));
    features_norm_x(t, &f, tape_constant(t, x));
    TRY(tape_status(t));
    if (full)
        TRY(put(g, &s, &f.list[0], AS_IT_IS));
    TRY(put(g, &s, &f.list[1], WITHOUT_ROOT));
    for (int i = 0; golden_find(g, "feat.map%d", i); i++) {
        TRY(golden_load(g, &map, MAP, "feat.map%d", i));
        var *v = tape_constant(t, map);
        if (full)
            TRY(put_map(g, &s, t, v, 1, FAMILY_LOCATIONS));
        TRY(put_map(g, &s, t, v, 1, FAMILY_MEAN | FAMILY_STD));
        if (full) {
            TRY(put_map(g, &s, t, v, 2, FAMILY_MEAN_2 | FAMILY_STD_2));
            TRY(put_map(g, &s, t, v, 4, FAMILY_MEAN_4 | FAMILY_STD_4));
        }
    }
    TRY(golden_near_host(g, s.x, s.rows * s.width, "%s", name));
    golden_ignore(g, "feat.*.widths"); /* as the parts above */
out:
    features_free(&f);
    tape_free(t);
    free(s.x);
    return status;
}

static drift_status check_file(golden *g)
{
    drift_status status = DRIFT_OK;
    TRY(check_ty(g));
    TRY(check_jx(g));
    TRY(check_toy(g));
    TRY(check_alpha(g));
    TRY(check_losses(g));
    TRY(check_features(g, "feat.sets", 0));
    TRY(check_features(g, "feat.fullsets", 1));
out:
    return status;
}

const golden_family check_field_torch[] = {
    {"field_torch.safetensors", check_file, 1e-5}, {0}};
