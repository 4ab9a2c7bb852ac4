#include "ocl/ocl.h"

drift_status ocl_gemm(drift_context *ctx, tensor *c, const tensor *a, const tensor *b,
    int transpose_a, int transpose_b, float alpha, float beta)
{
    (void)c;
    (void)a;
    (void)b;
    (void)transpose_a;
    (void)transpose_b;
    (void)alpha;
    (void)beta;
    return ERROR(ctx, DRIFT_ERROR_UNAVAILABLE, "gemm is not written yet");
}
