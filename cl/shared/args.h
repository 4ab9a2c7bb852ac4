/* Argument structs of ops, compiled by C and by OpenCL. Only int and float
 * fields, so that the layout is the same in both. */
#ifndef CL_SHARED_ARGS_H
#define CL_SHARED_ARGS_H

/* conv2d: weight [kh,kw,ci/groups,co]; the output size gives the padding on
 * the far sides. */
typedef struct conv_args {
    int stride_h, stride_w;
    int pad_top, pad_left;
    int dilation_h, dilation_w;
    int groups;
} conv_args;

/* Its sizes, without the images' number: what kernels are given. */
typedef struct conv_shape {
    int h, w, ci, oh, ow, co, kh, kw;
    int stride_h, stride_w, pad_top, pad_left, dilation_h, dilation_w, groups;
} conv_shape;

/* maxpool, avgpool: square windows of `size` (`kernel` is a word of OpenCL C). */
typedef struct pool_args {
    int size, stride, pad;
} pool_args;

/* Attention's sizes: t queries, s keys, h heads of d numbers. */
typedef struct attention_args {
    int t, s, h, d;
    float scale;
} attention_args;

/* Which order the numbers of a patch have inside a token. */
#define PATCH_PIXEL_MAJOR   0 /* row, column, channel (release) */
#define PATCH_CHANNEL_MAJOR 1 /* channel, row, column (PyTorch convs) */

/* Bilinear resize: half-pixel centres; antialias widens the kernel when
 * shrinking (jax.image.resize); align_corners as PyTorch's. */
typedef struct resize_args {
    int antialias;
    int align_corners;
} resize_args;

#define ACT_SILU      0
#define ACT_GELU_ERF  1
#define ACT_GELU_TANH 2
#define ACT_RELU      3
#define ACT_TANH      4
#define ACT_COUNT     5
#define ACT_NONE      (-1) /* where an op can do without */

#define REDUCE_SUM       0
#define REDUCE_SUMSQ     1
#define REDUCE_MAX_ABS   2
#define REDUCE_NONFINITE 3 /* how many NaN or infinite */

/* method.md section 5: v and m with bias correction, decoupled decay. Made by
 * adamw_args_of (ops/ops.h). */
typedef struct adamw_args {
    float lr, beta1, beta2, eps, weight_decay;
    float rate1, rate2; /* 1 - beta, rounded once: 1 - .999f is off by 1e-5 */
    float correction1, correction2; /* 1 - beta^step */
} adamw_args;

#define GRN_EPS 1e-6f /* of the mean of the norms */

/* What a kernel found wrong with its input, and the numbers that tell it. */
#define FAULT_INDEX 1 /* embedding: the index, its place, the limit */
#define FAULT_LABEL 2 /* cross_entropy: the label, its row */

#define FIELD_LAPLACE  0
#define FIELD_GAUSSIAN 1

#define FIELD_XY       0
#define FIELD_Y        1
#define FIELD_NONE     2
#define FIELD_SEPARATE 3
#define FIELD_SINKHORN 4

#define FIELD_RELEASE 0
#define FIELD_PAPER   1
#define FIELD_TOY     2 /* the authors' 2-D notebook, method.md section 2 */

#define FIELD_MAX_R 8

/* The drifting field of method.md section 2. */
typedef struct field_args {
    int variant; /* FIELD_RELEASE, _PAPER, _TOY */
    int shape; /* of the kernel: FIELD_LAPLACE, _GAUSSIAN; `kernel` is a word of
                  OpenCL C */
    int normalization; /* FIELD_XY ... */
    int temperatures;  /* how many of r[] */
    float r[FIELD_MAX_R];
    float attraction, repulsion; /* multipliers, 1 and 1 */
    int scale_features;          /* step 3: divide by scale/sqrt(D) */
    int scale_drift;             /* step 5: divide by sqrt(m_R) */
    int queries_are_targets;     /* x is gen: the self pair is masked */
} field_args;

#endif
