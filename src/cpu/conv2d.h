/* What the files of conv2d share. */
#ifndef CPU_CONV2D_H
#define CPU_CONV2D_H

#include "cpu/cpu.h"

/* One convolution: x [n,h,w,ci], y [n,oh,ow,co], weight [kh,kw,ci/groups,co].
 */
typedef struct conv_sizes {
    size_t n, h, w, ci, oh, ow, co, kh, kw;
    conv_args args;
} conv_sizes;

/* Few output channels, stride 1, no groups or dilation. (conv2d_thin.c) */
int conv_is_thin(const conv_sizes *z);
drift_status conv_thin_fwd(drift_context *ctx, const conv_sizes *z, float *y,
                           const float *x, const float *w, const float *bias);
drift_status conv_thin_dw(drift_context *ctx, const conv_sizes *z, float *dw,
                          const float *dy, const float *x);

/* Any convolution, by plain loops; bias may be NULL. (conv2d_plain.c) */
void conv_plain_fwd(const conv_sizes *z, float *y, const float *x,
                    const float *w, const float *bias);
void conv_plain_dx(const conv_sizes *z, float *dx, const float *dy,
                   const float *w);
void conv_plain_dw(const conv_sizes *z, float *dw, const float *dy,
                   const float *x);

#endif
