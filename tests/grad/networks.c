/* Whole networks: gradients against finite differences in every parameter and
 * the input; of generators also threads, forward-only, the first spread,
 * allocation failures. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "nn/mae.h"
#include "slope.h"

#define BATCH 3

static generator_config dit_release(void)
{
    return (generator_config){.kind = GENERATOR_DIT,
                              .hidden = 24,
                              .depth = 2,
                              .condition = 16,
                              .noise_std = 1,
                              .use_class = 1,
                              .use_alpha = 1,
                              .style_tokens = 3,
                              .style_codes = 5,
                              .alpha_max_period = 10000,
                              .alpha_norm = 1,
                              .patch = 2,
                              .heads = 2,
                              .extra_tokens = 3,
                              .extra_conditioned = 1,
                              .mlp_bias = 1,
                              .qkv_bias = 1,
                              .position_table = 1,
                              .qk_norm = 1,
                              .zero_output = 1};
}

static generator_config dit_pytorch(void)
{
    generator_config c = dit_release();
    c.condition = 0;
    c.style_shared = c.null_class = 1;
    c.alpha_max_period = 10;
    c.alpha_norm = c.extra_conditioned = c.mlp_bias = c.qkv_bias = 0;
    c.position_table = c.zero_output = 0;
    c.mlp_hidden = 4 * c.hidden;
    c.patch_order = PATCH_CHANNEL_MAJOR;
    return c;
}

static generator_config dit_bare(void)
{
    generator_config c = dit_release();
    c.use_class = c.use_alpha = c.style_tokens = c.extra_tokens = 0;
    c.qk_norm = 0;
    c.rope_bf16 = 1;
    return c;
}

static generator_config conv(void)
{
    return (generator_config){.kind = GENERATOR_CONV,
                              .hidden = 4,
                              .depth = 2,
                              .condition = 5,
                              .noise_std = 1,
                              .use_class = 1,
                              .use_alpha = 1,
                              .alpha_max_period = 10000,
                              .alpha_norm = 1,
                              .style_tokens = 2,
                              .style_codes = 4,
                              .output_tanh = 1,
                              .patch = 1,
                              .noise_dim = 6,
                              .levels = 2,
                              .groups = 3};
}

static generator_config conv_bare(void)
{
    generator_config c = conv();
    c.use_class = c.use_alpha = c.style_tokens = 0;
    c.patch = 2;
    return c;
}

static generator_config conv_smooth(void)
{
    generator_config c = conv();
    c.patch = 2;
    c.smooth = 1;
    return c;
}

static generator_config mlp(void)
{
    generator_config c = conv();
    c.kind = GENERATOR_MLP;
    c.hidden = 12;
    return c;
}

typedef struct model {
    drift_context *ctx;
    generator *g;
    tensor noise, noise_grad, label, alpha, style;
    generator_input in;
} model;

static const sample_shape image = {6, 4, 2, 4};

static tensor indices(drift_context *ctx, shape s, int n, uint64_t step)
{
    tensor t;
    rng_stream r = {.seed = 5, .purpose = RNG_TEST, .step = step};
    assert_int_equal(tensor_new(ctx, &t, DTYPE_I32, s), 0);
    assert_int_equal(op_index(ctx, &t, r, 0, n), 0);
    return t;
}

/* Every parameter drawn anew, so that zero layers work too. */
static void stir(params *all)
{
    for (size_t i = 0; i < all->count; i++) {
        param *p = &all->list[i];
        tensor view = params_view(all, &all->value, (int)i);
        rng_stream r = {.seed = 6, .purpose = RNG_TEST, .step = i};
        float mean = p->init == INIT_ONE ? 1 : 0;
        float std = p->shape.ndim == 1 ? 0.2f : 0.3f;
        assert_int_equal(op_normal(all->ctx, &view, r, 0, mean, std), 0);
    }
}

static void model_open(model *m, generator_config c, sample_shape s,
                       int threads, size_t batch)
{
    *m = (model){.ctx = slope_context(threads)};
    rng_stream r = {.seed = 9, .purpose = RNG_TEST};
    if (generator_new(m->ctx, &c, s, 3, 1, &m->g) != DRIFT_OK)
        fail_msg("%s", drift_error_text(m->ctx));
    shape noise = generator_noise_shape(m->g, batch);
    assert_int_equal(tensor_new(m->ctx, &m->noise, DTYPE_F32, noise), 0);
    assert_int_equal(tensor_new(m->ctx, &m->noise_grad, DTYPE_F32, noise), 0);
    assert_int_equal(tensor_new(m->ctx, &m->alpha, DTYPE_F32, SHAPE(batch, 1)),
                     0);
    assert_int_equal(op_normal(m->ctx, &m->noise, r, 0, 0, 1), 0);
    assert_int_equal(op_fill(m->ctx, &m->noise_grad, 0), 0);
    assert_int_equal(op_uniform(m->ctx, &m->alpha, r, 999, 1, 4), 0);
    m->label = indices(m->ctx, SHAPE(batch, 1), s.classes + c.null_class, 1);
    m->in = (generator_input){.noise = &m->noise,
                              .label = &m->label,
                              .alpha = &m->alpha,
                              .noise_grad = &m->noise_grad};
    if (c.style_tokens) {
        m->style = indices(m->ctx, SHAPE(batch, (size_t)c.style_tokens),
                           c.style_codes, 2);
        m->in.style = &m->style;
    }
}

static void model_close(model *m)
{
    generator_free(m->g);
    tensor_free(m->ctx, &m->noise);
    tensor_free(m->ctx, &m->noise_grad);
    tensor_free(m->ctx, &m->label);
    tensor_free(m->ctx, &m->alpha);
    tensor_free(m->ctx, &m->style);
    assert_int_equal(pool_get_stats(m->ctx).used, 0);
    drift_context_close(m->ctx);
}

static var *forward(slope *s, tape *t, void *arg)
{
    model *m = arg;
    (void)s;
    return generator_forward(m->g, t, &m->g->params.value, &m->in);
}

static void check_gradients(generator_config c, sample_shape shape_of,
                            const char *name)
{
    model m;
    model_open(&m, c, shape_of, 1, BATCH);
    params *p = &m.g->params;
    slope s = {.ctx = m.ctx, .name = name, .f = forward, .arg = &m};
    stir(&m.g->params);
    s.terms = 30.0 * (c.depth + 1);
    s.step = 1.0 / 256;
    for (size_t i = 0; i < p->count; i++) {
        s.names[s.count] = p->list[i].name;
        s.value[s.count] = params_view(p, &p->value, (int)i);
        s.grad[s.count++] = params_view(p, &p->grad, (int)i);
    }
    s.names[s.count] = "noise";
    s.value[s.count] = m.noise;
    s.grad[s.count++] = m.noise_grad;
    slope_check(&s);
    model_close(&m);
}

static void gradients(void **state)
{
    (void)state;
    check_gradients(dit_release(), image, "dit, release");
    check_gradients(dit_pytorch(), image, "dit, PyTorch line");
    check_gradients(dit_bare(), image, "dit, no condition");
    check_gradients(conv(), image, "conv");
    check_gradients(conv_bare(), (sample_shape){5, 7, 1, 1},
                    "conv, cropped, no condition");
    check_gradients(conv_smooth(), (sample_shape){5, 7, 1, 3},
                    "conv, smooth, cropped");
    check_gradients(mlp(), image, "mlp");
}

/* -- the masked autoencoder ----------------------------------------------- */

typedef struct autoencoder {
    encoder *e;
    tensor image, image_grad, mask;
} autoencoder;

/* Reconstruction and logits, one beside the other. */
static var *reconstruct(slope *s, tape *t, void *arg)
{
    autoencoder *a = arg;
    mae_out out;
    (void)s;
    mae_forward(a->e, t, &a->e->params.value,
                tape_leaf(t, &a->image, &a->image_grad), &a->mask, &out);
    if (tape_status(t) != DRIFT_OK)
        return NULL;
    shape all = out.recon->value.shape;
    var *both[2] = {
        tape_reshape(t, out.recon,
                     SHAPE(all.dim[0], all.dim[1] * all.dim[2] * all.dim[3])),
        out.logits};
    return tape_concat(t, 1, both, 2);
}

static void mae_gradients(void **state)
{
    encoder_config c = {.kind = ENCODER_MAE,
                        .width = 4,
                        .blocks = {1, 2, 1, 1},
                        .groups = 2,
                        .classes = 3,
                        .patch = 2,
                        .decoder = 1,
                        .channels = 2};
    drift_context *ctx = slope_context(1);
    autoencoder a = {0};
    slope s = {.ctx = ctx,
               .name = "mae",
               .f = reconstruct,
               .arg = &a,
               .terms = 120,
               .step = 1.0 / 1024};
    rng_stream r = {.seed = 9, .purpose = RNG_TEST};
    float mask[BATCH * 30];
    (void)state;
    if (encoder_new(ctx, &c, 3, 1, &a.e) != DRIFT_OK)
        fail_msg("%s", drift_error_text(ctx));
    ((mae *)a.e->state)->act = ACT_SILU;
    stir(&a.e->params);
    shape sizes = SHAPE(BATCH, 12, 10, 2);
    assert_int_equal(tensor_new(ctx, &a.image, DTYPE_F32, sizes), 0);
    assert_int_equal(tensor_new(ctx, &a.image_grad, DTYPE_F32, sizes), 0);
    assert_int_equal(tensor_new(ctx, &a.mask, DTYPE_F32, SHAPE(BATCH, 6, 5, 1)),
                     0);
    assert_int_equal(op_normal(ctx, &a.image, r, 0, 0, 1), 0);
    assert_int_equal(op_fill(ctx, &a.image_grad, 0), 0);
    for (size_t i = 0; i < BATCH * 30; i++)
        mask[i] = i % 3 == 1;
    assert_int_equal(tensor_write(ctx, &a.mask, mask), 0);
    params *p = &a.e->params;
    for (size_t i = 0; i < p->count; i++) {
        s.names[s.count] = p->list[i].name;
        s.value[s.count] = params_view(p, &p->value, (int)i);
        s.grad[s.count++] = params_view(p, &p->grad, (int)i);
    }
    s.names[s.count] = "image";
    s.value[s.count] = a.image;
    s.grad[s.count++] = a.image_grad;
    slope_check(&s);
    encoder_free(a.e);
    tensor_free(ctx, &a.image);
    tensor_free(ctx, &a.image_grad);
    tensor_free(ctx, &a.mask);
    assert_int_equal(pool_get_stats(ctx).used, 0);
    drift_context_close(ctx);
}

/* -- generators, more ----------------------------------------------------- */

/* Values and gradients for 1 and 4 threads and without recording. */
static void equal_bits(void **state)
{
    generator_config all[] = {dit_release(), dit_pytorch(), conv(), mlp()};
    (void)state;
    for (size_t k = 0; k < sizeof all / sizeof *all; k++) {
        float *y[3], *grad[2];
        size_t n = 0, count = 0;
        for (int run = 0; run < 3; run++) {
            model m;
            model_open(&m, all[k], image, run == 1 ? 4 : 1, 7);
            slope s = {.ctx = m.ctx, .name = "bits", .f = forward, .arg = &m};
            tape *t;
            stir(&m.g->params);
            assert_int_equal(tape_new(m.ctx, run < 2, &t), 0);
            var *v = forward(&s, t, &m);
            assert_int_equal(tape_status(t), 0);
            n = tensor_count(&v->value);
            y[run] = malloc(n * 4);
            assert_int_equal(tensor_read(m.ctx, &v->value, y[run]), 0);
            tape_free(t);
            if (run < 2) {
                slope_run(&s, 1);
                count = m.g->params.total;
                grad[run] = malloc(count * 4);
                assert_int_equal(
                    tensor_read(m.ctx, &m.g->params.grad, grad[run]), 0);
            }
            model_close(&m);
        }
        assert_memory_equal(y[0], y[1], n * 4);
        assert_memory_equal(y[0], y[2], n * 4);
        assert_memory_equal(grad[0], grad[1], count * 4);
        for (int run = 0; run < 3; run++)
            free(y[run]);
        free(grad[0]);
        free(grad[1]);
    }
}

/* Mean over coordinates of the standard deviation within class 0. */
static double spread_of(model *m)
{
    tape *t;
    size_t b = m->noise.shape.dim[0];
    assert_int_equal(op_fill(m->ctx, &m->alpha, 1), 0);
    int *zero = calloc(b, sizeof *zero);
    assert_int_equal(tensor_write(m->ctx, &m->label, zero), 0);
    assert_int_equal(tape_new(m->ctx, 0, &t), 0);
    var *v = generator_forward_raw(m->g, t, &m->g->params.value, &m->in);
    assert_int_equal(tape_status(t), 0);
    size_t d = tensor_count(&v->value) / b;
    float *y = malloc(b * d * 4);
    assert_int_equal(tensor_read(m->ctx, &v->value, y), 0);
    double total = 0;
    for (size_t j = 0; j < d; j++) {
        double mean = 0, square = 0;
        for (size_t i = 0; i < b; i++)
            mean += y[i * d + j] / (double)b;
        for (size_t i = 0; i < b; i++)
            square += (y[i * d + j] - mean) * (y[i * d + j] - mean);
        total += sqrt(square / (double)b) / (double)d;
    }
    tape_free(t);
    free(zero);
    free(y);
    return total;
}

static void spread(void **state)
{
    generator_config all[] = {dit_release(), dit_pytorch(), conv(), mlp()};
    (void)state;
    for (size_t k = 0; k < sizeof all / sizeof *all; k++)
        for (int zero = 0; zero < 2; zero++) {
            generator_config c = all[k];
            c.initial_spread = 0.75f;
            c.zero_output = zero;
            model m;
            model_open(&m, c, (sample_shape){8, 8, 2, 3}, 1, 256);
            assert_int_equal(generator_spread(m.g, 3), 0);
            double r = spread_of(&m);
            print_message("%s: spread %.3f for 0.75\n", m.g->ops->name, r);
            assert_true(fabs(r - 0.75) < 0.05);
            model_close(&m);
        }
}

static void reject(generator_config c, sample_shape s, const char *text)
{
    drift_context *ctx = slope_context(1);
    generator *g;
    assert_int_equal(generator_new(ctx, &c, s, 0, 0, &g), DRIFT_ERROR_USAGE);
    assert_null(g);
    assert_non_null(strstr(drift_error_text(ctx), text));
    assert_int_equal(pool_get_stats(ctx).used, 0);
    drift_context_close(ctx);
}

static void misfits(void **state)
{
    generator_config c = dit_release();
    (void)state;
    c.patch = 5;
    reject(c, image, "generator.patch: 5 does not divide 6x4");
    c = dit_release();
    c.heads = 5;
    reject(c, image, "generator.heads");
    c = dit_release();
    c.hidden = 6;
    c.heads = 1;
    reject(c, image, "generator.hidden: 6");
    c = conv();
    c.noise_dim = 0;
    reject(c, image, "noise_dim");
    c = mlp();
    c.depth = 0;
    reject(c, image, "depth");
    /* Inputs. */
    model m;
    model_open(&m, conv(), image, 1, BATCH);
    tape *t;
    assert_int_equal(tape_new(m.ctx, 0, &t), 0);
    generator_input in = m.in;
    in.label = NULL;
    assert_null(generator_forward(m.g, t, &m.g->params.value, &in));
    assert_non_null(strstr(drift_error_text(m.ctx), "'label'"));
    drift_error_clear(m.ctx);
    tape_reset(t, 0);
    in = m.in;
    in.noise = &m.alpha;
    assert_null(generator_forward(m.g, t, &m.g->params.value, &in));
    assert_non_null(strstr(drift_error_text(m.ctx), "the noise is [3,1]"));
    drift_error_clear(m.ctx);
    tape_reset(t, 0);
    int wrong[2 * BATCH] = {0, 1, 2, 4};
    assert_int_equal(tensor_write(m.ctx, &m.style, wrong), 0);
    assert_null(generator_forward(m.g, t, &m.g->params.value, &m.in));
    assert_non_null(strstr(drift_error_text(m.ctx), "index 4"));
    tape_free(t);
    model_close(&m);
}

static void out_of_memory(void **state)
{
    generator_config all[] = {dit_release(), conv(), mlp()};
    (void)state;
    for (size_t k = 0; k < sizeof all / sizeof *all; k++) {
        drift_context *ctx = slope_context(1);
        drift_status status;
        long n = 0;
        do {
            generator *g = NULL;
            pool_trim(ctx);
            all[k].initial_spread = 1;
            mem_fail_after(++n);
            status = generator_new(ctx, &all[k], image, 0, 1, &g);
            if (status == DRIFT_OK)
                status = generator_spread(g, 0);
            mem_fail_after(0);
            generator_free(g);
            assert_int_equal(pool_get_stats(ctx).used, 0);
            if (status != DRIFT_OK) {
                assert_int_equal(status, DRIFT_ERROR_MEMORY);
                drift_error_clear(ctx);
            }
        } while (status != DRIFT_OK);
        assert_true(n > 100);
        drift_context_close(ctx);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gradients),  cmocka_unit_test(mae_gradients),
        cmocka_unit_test(equal_bits), cmocka_unit_test(spread),
        cmocka_unit_test(misfits),    cmocka_unit_test(out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
