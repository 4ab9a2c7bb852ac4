/* How many rounded operations lead to an element of a result: the one table
 * that the limits of the check backend are made from. The tests of the ops hold
 * every backend to the same numbers (tests/ops/<op>.c).
 *
 * Sums count their terms; those that a backend makes in double or in pairs of
 * numbers, or by parts, count the square root or nothing. How the numbers of a
 * call magnify rounding is not told here but measured (compare.c). */
#include <math.h>

#include "ops/check.h"
#include "ops/compare.h"

static double count(const tensor *t)
{
    return t ? (double)tensor_count(t) : 0;
}

static double dim(const tensor *t, int i)
{
    return (double)t->shape.dim[i];
}

/* Of one matrix of a batch. */
static double matrix(const tensor *t)
{
    return dim(t, t->shape.ndim - 1) * dim(t, t->shape.ndim - 2);
}

/* Inputs of an output, or outputs of an input, of a resize along dimension i.
 */
static double spread(const tensor *a, const tensor *b, int i)
{
    return 2 * fmax(dim(a, i) / dim(b, i), dim(b, i) / dim(a, i)) + 1;
}

double op_terms(op_id op, const tensor *const t[], int k)
{
    switch (op) {
    case OP_gemm: /* c = a b: [m,n] of [m,k] and [k,n] */
        return sqrt(matrix(t[1]) * matrix(t[2]) / matrix(t[0])) + 2;
    case OP_linear_fwd:
        return dim(t[2], 0) + 1;
    case OP_linear_bwd: /* dx, dw, db, dy, x, w */
        return k == 0 ? dim(t[5], 1) + 1 : count(t[3]) / dim(t[5], 1) + 1;
    case OP_conv2d_fwd:
        return count(t[2]) / dim(t[2], 3) + 1;
    case OP_conv2d_bwd: /* dx, dw, db, dy, x, w */
        return k == 0 ? count(t[5]) / dim(t[5], 2) + 1
                      : count(t[3]) / dim(t[5], 3) + 1;
    case OP_attention_fwd: /* o, lse, q, k, v */
        return dim(t[3], 1) + dim(t[3], 3) + 8;
    case OP_attention_bwd: /* dq, dk, dv, dout, q, k, v, o, lse */
        return dim(t[4], 1) + dim(t[5], 1) + dim(t[5], 3) + 16;

    case OP_groupnorm_fwd: /* y, mean, rstd */
        return k == 0 ? 12 : 2;
    case OP_groupnorm_bwd: /* dx, dw, db, dmod, dy, x */
        return k == 0 ? 16
               : k == 3
                   ? 16 + count(t[5]) / dim(t[5], 0) / (double)last_dim(t[5])
                   : 16 + count(t[5]) / (double)last_dim(t[5]);
    case OP_grn_fwd: /* y, norm */
        return k == 0 ? 12 : 4;
    case OP_grn_bwd: /* dx, dw, db, dy, x */
        return k == 0 ? 16 : 16 + count(t[4]) / (double)last_dim(t[4]);
    case OP_layernorm_fwd: /* y, mean, rstd, x */
        return 8 + sqrt((double)last_dim(t[3]));
    case OP_layernorm_bwd: /* dx, dw, db, dy, x */
        return k == 0 ? 16 + sqrt((double)last_dim(t[4]))
                      : 8 + count(t[4]) / (double)last_dim(t[4]);
    case OP_rmsnorm_fwd: /* y, rstd, x, w */
        return 6 + sqrt(count(t[3]));
    case OP_rmsnorm_bwd: /* dx, dw, dy, x, w */
        return k == 0 ? 16 + sqrt(count(t[4])) : 8 + count(t[3]) / count(t[4]);

    case OP_activation_fwd:
    case OP_activation_bwd:
    case OP_swiglu_fwd:
    case OP_swiglu_bwd:
        return 10; /* an exponential and a division */
    case OP_add_fwd:
        return 3;
    case OP_add_bwd: /* da, db, dy */
        return k == 0 ? 2 : 1 + count(t[2]) / count(t[1]);
    case OP_mul_fwd:
        return 1;
    case OP_mul_bwd: /* da, db, dy */
        return k == 0 ? 2 : 1 + count(t[2]) / count(t[1]);
    case OP_modulate_fwd:
        return 3;
    case OP_modulate_bwd: /* dx, dshift, dscale, dy */
        return k == 0 ? 3 : 2 + count(t[3]) / count(t[k]);
    case OP_gate_fwd:
        return 2;
    case OP_gate_bwd: /* dx, dr, dgate, dy */
        return k < 2 ? 2 : 2 + count(t[3]) / count(t[2]);

    case OP_rope_fwd:
    case OP_rope_bwd:
        return 4;
    case OP_patchify_fwd:
    case OP_unpatchify_fwd:
    case OP_split_fwd:
    case OP_concat_fwd:
    case OP_swap_fwd:
    case OP_expand_fwd:
    case OP_maxpool_fwd:
    case OP_upsample_nearest_fwd:
        return 0;
    case OP_patchify_bwd:
    case OP_unpatchify_bwd:
    case OP_split_bwd:
    case OP_concat_bwd:
    case OP_swap_bwd:
        return 1;
    case OP_expand_bwd:
    case OP_upsample_nearest_bwd: /* dx, dy */
        return 1 + count(t[1]) / count(t[0]);
    case OP_avgpool_fwd: /* 3x3, for one */
    case OP_maxpool_bwd: /* the windows that reach a number, likewise */
    case OP_avgpool_bwd:
        return 10;
    case OP_embedding_fwd: /* y, table, index */
        return dim(t[2], t[2]->shape.ndim - 1);
    case OP_embedding_bwd: /* dtable, dy, index: all of one row at worst */
        return 1 + count(t[2]);
    case OP_sinusoid:
        return 4;
    case OP_resize_bilinear_fwd:
    case OP_resize_bilinear_bwd:
        return spread(t[0], t[1], 1) * spread(t[0], t[1], 2);

    case OP_moments_fwd:
    case OP_moments_bwd:
        return 8;
    case OP_reduce:
        return 1;
    case OP_distance_fwd: /* d, x */
        return (double)last_dim(t[1]) + 2;
    case OP_distance_bwd: /* dx, dy, dd */
        return dim(t[2], k == 0 ? 2 : 1) + 8;
    case OP_cross_entropy: /* loss, hit, dlogits, logits */
        return k == 1 ? 0 : 16 + sqrt(dim(t[3], 1));
    case OP_field: /* v, loss, stats, x, gen, neg, pos */
        return 16 + dim(t[3], 1) + dim(t[3], 2) + dim(t[6], 1) +
               (t[4] ? dim(t[4], 1) : 0) + (t[5] ? dim(t[5], 1) : 0);

    case OP_field_gradient:
        return 4;
    case OP_clip: /* scale, squares */
        return 3;
    case OP_adamw:
        return 8;
    case OP_ema:
        return 3;
    case OP_fill:
    case OP_index:
        return 0;
    case OP_normal:
        return 8;
    case OP_uniform:
        return 2;
    case OP_COUNT:
        break;
    }
    return 0;
}
