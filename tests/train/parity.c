/* The same training steps on the CPU and on an OpenCL device.
 *
 * Both begin each step with the same state, the CPU's, and must agree in loss,
 * raw drift, gradients and updates. An update is lr m' / (sqrt(v') + eps), a
 * ratio: where a gradient is small against its own rounding, so is what the
 * update can be trusted for, and the limit says so. */
#include "support.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"

#define STEPS 20
/* A gradient is the sum of some thousand products, through some ten ops, and of
 * distances whose differences the sharpest kernel multiplies by 1/R. */
#define TERMS 4096
/* Through an encoder and back it is some thirty. */
#define TERMS_ENCODER (3 * TERMS)

static const char *const dit_base[] = {"data.path=" DRIFT_SOURCE_DIR
                                       "/data/mnist",
                                       "data.limit=200",
                                       "generator.kind=dit",
                                       "generator.hidden=24",
                                       "generator.depth=2",
                                       "generator.heads=2",
                                       "generator.patch=7",
                                       "generator.style_tokens=3",
                                       "generator.style_codes=5",
                                       "generator.zero_output=false",
                                       "drift.generated=6",
                                       "drift.positives=8",
                                       "drift.negatives=4",
                                       "guidance.alpha_max=3",
                                       "optimizer.lr=0.002",
                                       "optimizer.warmup_steps=2",
                                       "optimizer.clip_norm=0.5",
                                       "optimizer.ema=0.9",
                                       "run.preflight=false",
                                       NULL};

static float *host_of(drift_context *ctx, const tensor *t)
{
    float *x = mem_alloc(ctx, tensor_count(t), sizeof *x);
    assert_non_null(x);
    OK(ctx, tensor_read(ctx, t, x));
    return x;
}

/* to = from, on another device. */
static void carry(const fixture *from, const tensor *x, const fixture *to,
                  tensor *y)
{
    float *host = host_of(from->ctx, x);
    OK(to->ctx, tensor_write(to->ctx, y, host));
    mem_free(host);
}

static double rms(const float *x, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += (double)x[i] * (double)x[i];
    return sqrt(sum / (double)n);
}

static double near_scalar(double a, double b, double terms)
{
    double limit = 8 * (double)FLT_EPSILON / 2 * sqrt(terms);
    double share = fabs(a - b) / (limit * fmax(fabs(a), fabs(b)) + DBL_MIN);
    assert_true(share < 1);
    return share;
}

typedef struct worst {
    double terms; /* behind a gradient */
    double scalar, gradient, update;
} worst;

/* The size of a parameter's gradients. Those of a bias sum the same terms as
 * its weight's; where they cancel, as before a GroupNorm, what is left is the
 * rounding of these terms, so their size counts. */
static double size_of(const params *p, const param *one, const float *g)
{
    double size = rms(g + one->offset, shape_count(one->shape));
    size_t length = strlen(one->name);
    size_t stem = length > 4 ? length - strlen("bias") : length;
    for (size_t i = 0; i < p->count; i++) {
        const param *w = &p->list[i];
        if (!strcmp(one->name + stem, "bias") &&
            !strncmp(w->name, one->name, stem) &&
            !strcmp(w->name + stem, "weight"))
            size = fmax(size, rms(g + w->offset, shape_count(w->shape)));
    }
    return size;
}

/* Of one parameter: gradients g of this size, weights before and after, v
 * after. */
static void compare(const fixture *cpu, const param *one, const float *g[2],
                    double size, const float *before, const float *after[2],
                    const float *v, double correction2, worst *w)
{
    size_t first = one->offset, n = shape_count(one->shape);
    const optimizer *o = &cpu->optimizer;
    for (size_t i = first; i < first + n; i++) {
        double limit = 8 * (double)FLT_EPSILON / 2 * sqrt(w->terms) *
                       (fabs((double)g[0][i]) + size);
        double off = fabs((double)g[0][i] - (double)g[1][i]);
        if (off > limit) {
            print_error("gradient %zu of '%s': %.9g and %.9g\n", i - first,
                        one->name, (double)g[0][i], (double)g[1][i]);
            fail();
        }
        w->gradient = fmax(w->gradient, off / (limit + DBL_MIN));
        double root = sqrt((double)v[i] / correction2) + o->config.eps;
        double most = o->learning_rate * fmin(2, 3 * limit / root) +
                      4 * (double)FLT_EPSILON * fabs((double)before[i]) +
                      8 * (double)FLT_EPSILON * o->learning_rate;
        off = fabs((double)after[0][i] - (double)after[1][i]);
        if (off > most) {
            print_error("update %zu of '%s': %.9g and %.9g from %.9g\n",
                        i - first, one->name, (double)after[0][i],
                        (double)after[1][i], (double)before[i]);
            fail();
        }
        w->update = fmax(w->update, off / most);
    }
}

static void run_step(fixture *cpu, fixture *device, int64_t n, worst *w)
{
    fixture *both[2] = {cpu, device};
    params *p = &cpu->generator->params;
    float *g[2], *after[2];
    carry(cpu, &p->value, device, &device->generator->params.value);
    carry(cpu, &cpu->optimizer.m, device, &device->optimizer.m);
    carry(cpu, &cpu->optimizer.v, device, &device->optimizer.v);
    float *before = host_of(cpu->ctx, &p->value);
    for (int k = 0; k < 2; k++) {
        fixture *f = both[k];
        OK(f->ctx, step_run(&f->step, n, 0));
        g[k] = host_of(f->ctx, &f->generator->params.grad);
        after[k] = host_of(f->ctx, &f->generator->params.value);
        OK(f->ctx, step_settle(&f->step));
    }
    const step_report *a = &cpu->step.report, *b = &device->step.report;
    w->scalar = fmax(w->scalar, near_scalar(a->loss, b->loss, w->terms));
    w->scalar =
        fmax(w->scalar, near_scalar(a->grad_norm, b->grad_norm, w->terms));
    for (int j = 0; j < a->temperatures; j++) {
        w->scalar =
            fmax(w->scalar, near_scalar(a->drift[j], b->drift[j], w->terms));
        w->scalar =
            fmax(w->scalar, near_scalar(a->ess[j], b->ess[j], w->terms));
    }
    float *v = host_of(cpu->ctx, &cpu->optimizer.v);
    double correction2 = 1 - pow(cpu->optimizer.config.beta2, (double)n + 1);
    for (size_t i = 0; i < p->count; i++)
        compare(cpu, &p->list[i], (const float *[2]){g[0], g[1]},
                size_of(p, &p->list[i], g[0]), before,
                (const float *[2]){after[0], after[1]}, v, correction2, w);
    for (int k = 0; k < 2; k++) {
        mem_free(g[k]);
        mem_free(after[k]);
    }
    mem_free(before);
    mem_free(v);
}

static void agree(const char *const *base, double terms)
{
    drift_context *ctx = open_opencl();
    fixture cpu, device;
    worst w = {.terms = terms};
    if (!ctx)
        skip();
    fixture_open(&cpu, open_context(2), base, "run.seed=4", "drift.bank=0");
    fixture_open(&device, ctx, base, "run.seed=4", "drift.bank=0");
    OK(cpu.ctx, step_cache(&cpu.step, "."));
    OK(ctx, step_cache(&device.step, "."));
    for (int64_t n = 0; n < STEPS; n++)
        run_step(&cpu, &device, n, &w);
    print_message("worst share of the limit: %.3f scalars, %.3f gradients, "
                  "%.3f updates\n",
                  w.scalar, w.gradient, w.update);
    fixture_close(&cpu);
    fixture_close(&device);
}

static void toy(void **state)
{
    (void)state;
    agree(toy_base, TERMS);
}

static void conv(void **state)
{
    (void)state;
    agree(image_base, TERMS);
}

/* Real features kept as f32: what two devices round apart in the last bit, f16
 * would round apart in its own. The wide kernel alone: the features come out
 * of some twenty ops, and R = .02 multiplies what these round by 50. */
static void features_of_encoder(void **state)
{
    (void)state;
    static const char *const more[] = {"features.cache_type=f32",
                                       "drift.temperatures=0.2", NULL};
    const char *base[MOST_KEYS];
    char text[300];
    drift_context *ctx = open_context(1);
    char *folder = scratch_new();
    char *file = make_encoder(ctx, folder, "encoder.safetensors", 1);
    encoder_keys(base, text, file, more);
    agree(base, TERMS_ENCODER);
    mem_free(file);
    scratch_remove(folder);
    drift_context_close(ctx);
}

static void dit(void **state)
{
    (void)state;
    agree(dit_base, TERMS);
}

/* Uploads go into second buffers beside running work, fetches come later; what
 * arrives is what was sent, in the order of the calls. */
static void transfers(void **state)
{
    (void)state;
    enum { COUNT = 5000000, ROUNDS = 12 };
    drift_context *ctx = open_opencl();
    if (!ctx)
        skip();
    tensor x, sum;
    float *host = mem_alloc(ctx, COUNT, sizeof *host);
    float got[ROUNDS];
    fetch reading[ROUNDS];
    OK(ctx, tensor_new(ctx, &x, DTYPE_F32, SHAPE(COUNT)));
    for (int r = 0; r < ROUNDS; r++) {
        for (size_t i = 0; i < COUNT; i++)
            host[i] = (float)((i + (size_t)r) % 3);
        OK(ctx,
           r % 2 ? tensor_upload(ctx, &x, host) : tensor_write(ctx, &x, host));
        host[0] = 1e30f; /* the copy is taken */
        OK(ctx, op_add_fwd(ctx, &x, &x, NULL, (float)(r + 1), 0));
        OK(ctx, tensor_new(ctx, &sum, DTYPE_F32, SHAPE(1)));
        OK(ctx, op_reduce(ctx, &sum, &x, REDUCE_SUM));
        OK(ctx, tensor_fetch(ctx, &sum, &got[r], &reading[r]));
        tensor_free(ctx, &sum);
    }
    for (int r = ROUNDS - 1; r >= 0; r--) {
        OK(ctx, fetch_wait(ctx, &reading[r]));
        assert_true(fabs((double)got[r] - COUNT * (r + 1.0)) <
                    1e-5 * COUNT * (r + 1));
    }
    /* A part of a block leaves the rest of it alone. */
    tensor few = tensor_view(&x, 7, SHAPE(5));
    static const float five[5] = {1, 2, 3, 4, 5};
    OK(ctx, op_fill(ctx, &x, 9));
    OK(ctx, tensor_write(ctx, &few, five));
    OK(ctx, tensor_read(ctx, &x, host));
    for (int i = 0; i < 19; i++)
        assert_true(host[i] == (i < 7 || i > 11 ? 9.f : five[i - 7]));
    tensor_free(ctx, &x);
    mem_free(host);
    drift_context_close(ctx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(transfers), cmocka_unit_test(toy),
        cmocka_unit_test(conv),      cmocka_unit_test(features_of_encoder),
        cmocka_unit_test(dit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
