/* attention: o = softmax(scale q k^T) v per batch entry and head; the formulas
 * and how groups share the work are at the head of cl/attention.cl. */
#include "ocl/ocl.h"

#include <limits.h>

#define ROWS 4 /* of queries or keys an item, as in the kernels */

typedef struct sizes {
    attention_args args;
    size_t b, pairs; /* batch entries; these times heads */
} sizes;

static drift_status sizes_of(drift_context *ctx, sizes *z, const tensor *q,
                             const tensor *k, float scale)
{
    const size_t *n = q->shape.dim;
    size_t s = k->shape.dim[1];
    if (n[1] > INT_MAX / 2 || s > INT_MAX / 2 || n[2] > INT_MAX / 2 ||
        n[3] > INT_MAX / 2)
        return ERROR(ctx, DRIFT_ERROR_SHAPE,
                     "attention: %zu queries, %zu keys, %zu heads of %zu are "
                     "too many for a device",
                     n[1], s, n[2], n[3]);
    *z = (sizes){
        {(int)n[1], (int)s, (int)n[2], (int)n[3], scale}, n[0], n[0] * n[2]};
    return DRIFT_OK;
}

static size_t divide_up(size_t a, size_t b)
{
    return (a + b - 1) / b;
}

/* Columns of a head a group sums; longer heads are cut. */
static size_t columns_of(const sizes *z)
{
    return z->args.d <= 64 ? 64 : 128;
}

/* Groups of TILE x TILE items for `rows` queries or keys of every pair;
 * `products` of [t,s] by d. */
static drift_status run(ocl_launch *l, const sizes *z, size_t rows,
                        int products)
{
    size_t tile = ocl_of(l->ctx)->shape.tile;
    size_t cuts = divide_up((size_t)z->args.d, columns_of(z));
    size_t groups[3] = {
        divide_up(rows, ROWS * tile) * z->pairs * (cuts ? cuts : 1), 1};
    size_t local[3] = {tile, tile};
    ocl_size(l, z->pairs);
    ocl_bytes(l, &z->args, sizeof z->args);
    ocl_flops(l, 2.0 * products * (double)z->pairs * z->args.t * z->args.s *
                     z->args.d);
    return ocl_run(l, 2, groups, local);
}

drift_status ocl_attention_fwd(drift_context *ctx, tensor *o, tensor *lse,
                               const tensor *q, const tensor *k,
                               const tensor *v, float scale)
{
    drift_status status = DRIFT_OK;
    sizes z;
    TRY(sizes_of(ctx, &z, q, k, scale));
    ocl_launch l = ocl_begin(ctx, "attention",
                             columns_of(&z) == 64 ? "attention_fwd_64"
                                                  : "attention_fwd_128");
    ocl_tensor(&l, o);
    ocl_tensor(&l, lse);
    ocl_tensor(&l, q);
    ocl_tensor(&l, k);
    ocl_tensor(&l, v);
    TRY(run(&l, &z, (size_t)z.args.t, 2));
out:
    return status;
}

/* delta[b,h,t] = rowsum(do o) */
static drift_status make_delta(drift_context *ctx, tensor *delta,
                               const tensor *dout, const tensor *o,
                               const sizes *z)
{
    size_t rows = tensor_count(delta), tile = ocl_of(ctx)->shape.tile;
    size_t groups[3] = {divide_up(rows, tile), 1}, local[3] = {tile, tile};
    ocl_launch l = ocl_begin(ctx, "attention", "attention_delta");
    ocl_tensor(&l, delta);
    ocl_tensor(&l, dout);
    ocl_tensor(&l, o);
    ocl_size(&l, rows);
    ocl_bytes(&l, &z->args, sizeof z->args);
    return ocl_run(&l, 2, groups, local);
}

drift_status ocl_attention_bwd(drift_context *ctx, tensor *dq, tensor *dk,
                               tensor *dv, const tensor *dout, const tensor *q,
                               const tensor *k, const tensor *v,
                               const tensor *o, const tensor *lse, float scale)
{
    drift_status status = DRIFT_OK;
    tensor delta = {0};
    sizes z;
    TRY(sizes_of(ctx, &z, q, k, scale));
    int narrow = columns_of(&z) == 64;
    if (dq || dk) {
        TRY(tensor_new(ctx, &delta, DTYPE_F32, lse->shape));
        TRY(make_delta(ctx, &delta, dout, o, &z));
    }
    if (dq) {
        ocl_launch l =
            ocl_begin(ctx, "attention",
                      narrow ? "attention_bwd_q_64" : "attention_bwd_q_128");
        ocl_gradient(&l, dq);
        ocl_tensor(&l, dout);
        ocl_tensor(&l, q);
        ocl_tensor(&l, k);
        ocl_tensor(&l, v);
        ocl_tensor(&l, lse);
        ocl_tensor(&l, &delta);
        TRY(run(&l, &z, (size_t)z.args.t, 3));
    }
    if (dk || dv) {
        ocl_launch l =
            ocl_begin(ctx, "attention",
                      narrow ? "attention_bwd_kv_64" : "attention_bwd_kv_128");
        ocl_gradient(&l, dk);
        ocl_gradient(&l, dv);
        ocl_tensor(&l, dout);
        ocl_tensor(&l, q);
        ocl_tensor(&l, k);
        ocl_tensor(&l, v);
        ocl_tensor(&l, lse);
        ocl_tensor(&l, dk ? &delta : NULL);
        TRY(run(&l, &z, (size_t)z.args.s, 1 + 2 * (dk != NULL) + (dv != NULL)));
    }
out:
    tensor_free(ctx, &delta);
    return status;
}
