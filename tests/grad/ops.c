/* Every recorded operation against finite differences, alone and with one
 * value used twice, and computed again on the way back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "slope.h"

typedef struct one_case {
    const char *name;
    slope_function *f;
    shape in[4]; /* up to ndim = 0 */
    double low, high;
} one_case;

#define S(...) SHAPE(__VA_ARGS__)
#define IN(i)  slope_leaf(s, t, i)
#define BUILD(name, value)                                                     \
    static var *name(slope *s, tape *t, void *arg)                             \
    {                                                                          \
        (void)arg;                                                             \
        return value;                                                          \
    }

static conv_args strided(void)
{
    return (conv_args){.stride_h = 2,
                       .stride_w = 1,
                       .pad_top = 1,
                       .pad_left = 2,
                       .dilation_h = 1,
                       .dilation_w = 1,
                       .groups = 2};
}

BUILD(linear, tape_linear(t, IN(0), IN(1), IN(2)))
BUILD(linear_plain, tape_linear(t, IN(0), IN(1), NULL))
BUILD(conv_same, tape_conv2d_same(t, IN(0), IN(1), IN(2)))
BUILD(conv_strided, tape_conv2d(t, IN(0), IN(1), NULL, strided(), 3, 6))
BUILD(attention, tape_attention(t, IN(0), IN(1), IN(2), 0.5f))
BUILD(groupnorm, tape_groupnorm(t, IN(0), IN(1), IN(2), 2, 1e-5f))
BUILD(groupnorm_all,
      tape_groupnorm_act(t, IN(0), IN(1), IN(2), IN(3), 2, 1e-5f, ACT_SILU))
BUILD(groupnorm_mod,
      tape_groupnorm_act(t, IN(0), NULL, NULL, IN(1), 2, 1e-5f, ACT_NONE))
BUILD(groupnorm_plain, tape_groupnorm(t, IN(0), NULL, NULL, 3, 1e-5f))
BUILD(grn, tape_grn(t, IN(0), IN(1), IN(2), 1e-6f))
BUILD(layernorm, tape_layernorm(t, IN(0), IN(1), IN(2), 1e-5f, 0))
BUILD(layernorm_std, tape_layernorm(t, IN(0), NULL, NULL, 0, 0.25f))
BUILD(rmsnorm, tape_rmsnorm(t, IN(0), IN(1), 1e-6f))
BUILD(silu, tape_activation(t, IN(0), ACT_SILU))
BUILD(gelu, tape_activation(t, IN(0), ACT_GELU_ERF))
BUILD(gelu_tanh, tape_activation(t, IN(0), ACT_GELU_TANH))
BUILD(relu, tape_activation(t, IN(0), ACT_RELU))
BUILD(tanh_, tape_activation(t, IN(0), ACT_TANH))
BUILD(swiglu, tape_swiglu(t, IN(0), IN(1)))
BUILD(add, tape_add(t, IN(0), IN(1), 1, 1))
BUILD(add_weighted, tape_add(t, IN(0), IN(1), -2, 0.5f))
BUILD(scaled, tape_add(t, IN(0), NULL, 3, 0))
BUILD(mul, tape_mul(t, IN(0), IN(1)))
BUILD(modulate, tape_modulate(t, IN(0), IN(1), IN(2)))
BUILD(gate, tape_gate(t, IN(0), IN(1), IN(2)))
BUILD(gate_alone, tape_gate(t, NULL, IN(0), IN(1)))
BUILD(patchify, tape_patchify(t, IN(0), 2, PATCH_CHANNEL_MAJOR))
BUILD(unpatchify,
      tape_unpatchify(t, IN(0), SHAPE(2, 6, 4, 3), 2, PATCH_PIXEL_MAJOR))
BUILD(split, tape_split(t, IN(0), 1, 1, 3))
BUILD(swap, tape_swap(t, IN(0)))
BUILD(expand, tape_expand(t, IN(0), 5))
BUILD(upsample, tape_upsample_nearest(t, IN(0), 2))
BUILD(distance, tape_distance(t, IN(0), IN(1)))
BUILD(reshape, tape_reshape(t, IN(0), SHAPE(6, 5)))
BUILD(resize,
      tape_resize_bilinear(t, IN(0), 7, 3, (resize_args){.antialias = 1}))

static var *concat(slope *s, tape *t, void *arg)
{
    (void)arg;
    var *parts[3] = {IN(0), IN(1), IN(2)};
    return tape_concat(t, 1, parts, 3);
}

static var *rope(slope *s, tape *t, void *arg)
{
    (void)arg;
    tensor cosine, sine;
    assert_int_equal(tensor_new(s->ctx, &cosine, DTYPE_F32, SHAPE(5, 2)), 0);
    assert_int_equal(tensor_new(s->ctx, &sine, DTYPE_F32, SHAPE(5, 2)), 0);
    rng_stream r = {.seed = 3, .purpose = RNG_TEST};
    assert_int_equal(op_uniform(s->ctx, &cosine, r, 0, -1, 1), 0);
    assert_int_equal(op_uniform(s->ctx, &sine, r, 99, -1, 1), 0);
    var *y = tape_rope(t, IN(0), &cosine, &sine);
    /* The tape holds counts of its own. */
    tensor_free(s->ctx, &cosine);
    tensor_free(s->ctx, &sine);
    return y;
}

/* Numbers far enough apart that a window's largest stays the largest. */
static var *maxpool(slope *s, tape *t, void *arg)
{
    (void)arg;
    float far[2 * 5 * 4 * 3];
    tensor apart;
    for (int i = 0; i < 120; i++)
        far[i] = (float)(i * 7 % 120) * 3;
    assert_int_equal(tensor_new(s->ctx, &apart, DTYPE_F32, S(2, 5, 4, 3)), 0);
    assert_int_equal(tensor_write(s->ctx, &apart, far), 0);
    var *x = tape_add(t, IN(0), tape_constant(t, &apart), 1, 1);
    tensor_free(s->ctx, &apart);
    return tape_maxpool(t, x, (pool_args){3, 2, 1});
}

static var *avgpool(slope *s, tape *t, void *arg)
{
    (void)arg;
    return tape_avgpool(t, IN(0), (pool_args){3, 2, 1});
}

static var *embedding(slope *s, tape *t, void *arg)
{
    static const int rows[6] = {0, 1, 1, 1, 0, 1};
    const int *stride = arg;
    tensor index;
    assert_int_equal(tensor_new(s->ctx, &index, DTYPE_I32, SHAPE(3, 2)), 0);
    assert_int_equal(tensor_write(s->ctx, &index, rows), 0);
    var *y = tape_embedding(t, IN(0), &index, *stride);
    tensor_free(s->ctx, &index);
    return y;
}

static var *moments(slope *s, tape *t, void *arg)
{
    const int *which = arg;
    var *mean = NULL, *std = NULL;
    tape_moments(t, IN(0), 2, 3, 1e-6f, which[0] ? &mean : NULL,
                 which[1] ? &std : NULL);
    if (mean && std)
        return tape_add(t, mean, std, 1, 2);
    return mean ? mean : std;
}

/* One value as several inputs. */
BUILD(add_twice, tape_add(t, IN(0), IN(0), 1, 1))
BUILD(square, tape_mul(t, IN(0), IN(0)))
static var *same(slope *s, tape *t, int what)
{
    var *x = IN(0), *v = slope_leaf(s, t, s->count - 1);
    switch (what) {
    case 0: {
        var *y = tape_add(t, x, NULL, 2, 0);
        return tape_add(t, y, y, 1, 1);
    }
    case 1: {
        var *y = tape_activation(t, x, ACT_SILU);
        return tape_swiglu(t, y, y);
    }
    case 2: {
        var *y = tape_activation(t, x, ACT_SILU);
        return tape_attention(t, y, y, y, 0.5f);
    }
    case 3: {
        var *y = tape_activation(t, x, ACT_SILU);
        return tape_gate(t, y, y, v);
    }
    case 4:
        return tape_modulate(t, x, v, v);
    case 5: { /* a value and its other shape */
        var *y = tape_activation(t, x, ACT_SILU);
        var *z = tape_reshape(t, tape_reshape(t, y, SHAPE(5, 6)), SHAPE(6, 5));
        return tape_swiglu(t, z, y);
    }
    case 6: { /* residual: the sum's gradient is handed on */
        var *y = tape_activation(t, x, ACT_SILU);
        return tape_add(t, y, tape_activation(t, y, ACT_TANH), 1, 1);
    }
    default: {
        var *y = tape_activation(t, x, ACT_SILU);
        var *parts[3] = {y, tape_reshape(t, y, y->value.shape), y};
        return tape_concat(t, 0, parts, 3);
    }
    }
}
BUILD(same_add, same(s, t, 0))
BUILD(same_swiglu, same(s, t, 1))
BUILD(same_attention, same(s, t, 2))
BUILD(same_gate, same(s, t, 3))
BUILD(same_modulate, same(s, t, 4))
BUILD(same_reshape, same(s, t, 5))
BUILD(same_residual, same(s, t, 6))
BUILD(same_concat, same(s, t, 7))

/* Chains of values that are computed again. */
static var *again(slope *s, tape *t, void *arg)
{
    int lean = arg != NULL;
    tape_open(t);
    var *x = tape_linear(t, IN(0), IN(1), NULL);
    tape_open(t);
    var *n = tape_rmsnorm(t, x, IN(2), 1e-6f);
    if (lean)
        n = tape_again(t, n);
    n = tape_reshape(t, n, SHAPE(3, 2, 4));
    var *m = tape_modulate(t, n, IN(3), IN(3));
    if (lean)
        m = tape_again(t, m);
    var *k = tape_activation(t, m, ACT_SILU);
    if (lean)
        k = tape_again(t, k);
    var *y = tape_swiglu(t, k, m);
    if (lean)
        y = tape_again(t, y);
    y = tape_attention(t, tape_reshape(t, y, SHAPE(3, 2, 2, 2)),
                       tape_reshape(t, k, SHAPE(3, 2, 2, 2)),
                       tape_reshape(t, m, SHAPE(3, 2, 2, 2)), 0.7f);
    if (lean)
        y = tape_again(t, y);
    y = tape_close(t, tape_reshape(t, y, SHAPE(6, 4)));
    return tape_close(t, tape_linear(t, y, IN(1), NULL));
}

static int both[2] = {1, 1}, first[2] = {1, 0}, second[2] = {0, 1};

static void run_case(const one_case *c, void *arg)
{
    drift_context *ctx = slope_context(1);
    slope s = {.ctx = ctx, .name = c->name, .f = c->f, .arg = arg};
    for (int i = 0; i < 4 && c->in[i].ndim; i++)
        slope_add(&s, c->in[i], c->low, c->high);
    slope_check(&s);
    /* Any one of them frozen: the others' gradients stay the same. */
    for (size_t frozen = 0; s.count > 1 && frozen < s.count; frozen++) {
        s.frozen[frozen] = 1;
        slope_check(&s);
        s.frozen[frozen] = 0;
    }
    slope_free(&s);
    assert_int_equal(pool_get_stats(ctx).used, 0);
    drift_context_close(ctx);
}

static void products(void **state)
{
    (void)state;
    one_case cases[] = {
        {"linear", linear, {S(2, 3, 5), S(5, 7), S(7)}, -1, 1},
        {"linear without bias", linear_plain, {S(6, 5), S(5, 3)}, -1, 1},
        {"conv2d 3x3", conv_same, {S(2, 5, 4, 3), S(3, 3, 3, 2), S(2)}, -1, 1},
        {"conv2d strided, groups",
         conv_strided,
         {S(2, 5, 5, 4), S(3, 4, 2, 6)},
         -1,
         1},
        {"attention",
         attention,
         {S(2, 3, 2, 4), S(2, 5, 2, 4), S(2, 5, 2, 4)},
         -1,
         1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        run_case(&cases[i], NULL);
}

static void norms(void **state)
{
    (void)state;
    one_case cases[] = {
        {"groupnorm", groupnorm, {S(2, 3, 2, 6), S(6), S(6)}, -1, 1},
        {"groupnorm, modulated, silu",
         groupnorm_all,
         {S(2, 3, 2, 6), S(6), S(6), S(2, 12)},
         -1,
         1},
        {"groupnorm, modulated", groupnorm_mod, {S(2, 5, 6), S(2, 12)}, -1, 1},
        {"groupnorm without weights", groupnorm_plain, {S(2, 5, 6)}, -1, 1},
        {"grn", grn, {S(2, 3, 2, 6), S(6), S(6)}, -1, 1},
        {"layernorm", layernorm, {S(2, 3, 7), S(7), S(7)}, -1, 1},
        {"layernorm, eps beside the std", layernorm_std, {S(2, 3, 7)}, -1, 1},
        {"rmsnorm", rmsnorm, {S(2, 3, 8), S(4)}, -1, 1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        run_case(&cases[i], NULL);
}

static void elementwise(void **state)
{
    (void)state;
    one_case cases[] = {
        {"silu", silu, {S(7, 5)}, -3, 3},
        {"gelu erf", gelu, {S(7, 5)}, -3, 3},
        {"gelu tanh", gelu_tanh, {S(7, 5)}, -3, 3},
        {"relu", relu, {S(7, 5)}, 0.1, 3}, /* clear of the corner */
        {"tanh", tanh_, {S(7, 5)}, -2, 2},
        {"swiglu", swiglu, {S(7, 5), S(7, 5)}, -2, 2},
        {"add", add, {S(4, 3, 5), S(3, 5)}, -1, 1},
        {"add weighted", add_weighted, {S(4, 3), S(4, 3)}, -1, 1},
        {"add of nothing", scaled, {S(4, 3)}, -1, 1},
        {"mul", mul, {S(4, 3, 5), S(3, 5)}, -1, 1},
        {"modulate", modulate, {S(2, 3, 5), S(2, 5), S(2, 5)}, -1, 1},
        {"modulate a map", modulate, {S(2, 3, 2, 5), S(2, 5), S(2, 5)}, -1, 1},
        {"gate", gate, {S(2, 3, 5), S(2, 3, 5), S(2, 5)}, -1, 1},
        {"gate without x", gate_alone, {S(2, 3, 5), S(2, 5)}, -1, 1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        run_case(&cases[i], NULL);
}

static void moving(void **state)
{
    (void)state;
    one_case cases[] = {
        {"rope", rope, {S(2, 5, 3, 4)}, -1, 1},
        {"patchify", patchify, {S(2, 4, 6, 3)}, -1, 1},
        {"unpatchify", unpatchify, {S(2, 6, 12)}, -1, 1},
        {"split", split, {S(2, 5, 3)}, -1, 1},
        {"concat", concat, {S(2, 1, 3), S(2, 4, 3), S(2, 2, 3)}, -1, 1},
        {"swap", swap, {S(2, 3, 4, 5)}, -1, 1},
        {"expand", expand, {S(3, 4)}, -1, 1},
        {"maxpool", maxpool, {S(2, 5, 4, 3)}, -1, 1},
        {"avgpool", avgpool, {S(2, 5, 4, 3)}, -1, 1},
        {"upsample nearest", upsample, {S(2, 3, 4, 2)}, -1, 1},
        {"resize bilinear", resize, {S(2, 4, 5, 2)}, -1, 1},
        {"reshape", reshape, {S(2, 3, 5)}, -1, 1},
        {"distance", distance, {S(2, 3, 6), S(2, 4, 6)}, -1, 1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        run_case(&cases[i], NULL);
    static int shared = 0, own = 2;
    one_case e = {"embedding", embedding, {S(5, 4)}, -1, 1};
    run_case(&e, &shared);
    run_case(&e, &own);
    one_case m = {"moments", moments, {S(2, 4, 6, 3)}, -1, 1};
    run_case(&m, both);
    run_case(&m, first);
    run_case(&m, second);
}

static void one_value_twice(void **state)
{
    (void)state;
    one_case cases[] = {
        {"a + a, leaf", add_twice, {S(4, 3)}, -1, 1},
        {"a + a", same_add, {S(4, 3)}, -1, 1},
        {"a a", square, {S(4, 3)}, -1, 1},
        {"swiglu(a, a)", same_swiglu, {S(4, 3)}, -1, 1},
        {"attention(a, a, a)", same_attention, {S(2, 3, 2, 4)}, -1, 1},
        {"gate(a, a, g)", same_gate, {S(2, 3, 5), S(2, 5)}, -1, 1},
        {"modulate(x, v, v)", same_modulate, {S(2, 3, 5), S(2, 5)}, -1, 1},
        {"a and its other shape", same_reshape, {S(6, 5)}, -1, 1},
        {"residual", same_residual, {S(6, 5)}, -1, 1},
        {"concat(a, a, a)", same_concat, {S(2, 5)}, -1, 1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        run_case(&cases[i], NULL);
}

/* Values computed again give the same gradients to the bit. */
static void computed_again(void **state)
{
    static int lean;
    float kept[64], made[64];
    drift_context *ctx = slope_context(1);
    slope s = {.ctx = ctx, .name = "again", .f = again};
    (void)state;
    slope_add(&s, S(6, 4), -1, 1);
    slope_add(&s, S(4, 4), -1, 1);
    slope_add(&s, S(4), 0.5, 1.5);
    slope_add(&s, S(3, 4), -1, 1);
    slope_check(&s);
    s.arg = &lean;
    slope_check(&s);
    for (size_t i = 0; i < s.count; i++) {
        for (int k = 0; k < 2; k++) {
            s.arg = k ? &lean : NULL;
            for (size_t j = 0; j < s.count; j++)
                assert_int_equal(op_fill(ctx, &s.grad[j], 0), 0);
            slope_run(&s, 1);
            assert_int_equal(tensor_read(ctx, &s.grad[i], k ? made : kept), 0);
        }
        assert_memory_equal(kept, made, tensor_count(&s.grad[i]) * 4);
    }
    slope_free(&s);
    assert_int_equal(pool_get_stats(ctx).used, 0);
    drift_context_close(ctx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(products),        cmocka_unit_test(norms),
        cmocka_unit_test(elementwise),     cmocka_unit_test(moving),
        cmocka_unit_test(one_value_twice), cmocka_unit_test(computed_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
