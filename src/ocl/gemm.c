/* gemm: c = alpha op(a) op(b) + beta c, by CLBlast, which builds its kernels
 * when they are called first. */
#include "ocl/ocl.h"

#include <clblast_c.h>
#include <limits.h>
#include <stdio.h>

static CLBlastTranspose how(ocl_matrix x)
{
    return x.transposed ? CLBlastTransposeYes : CLBlastTransposeNo;
}

static size_t start(ocl_matrix x)
{
    return x.tensor->offset + x.offset;
}

/* CLBlast's kernels count elements by 32 bits. */
static int too_far(ocl_matrix x, size_t batch, size_t rows, size_t cols)
{
    size_t lines = x.transposed ? cols : rows;
    return start(x) + (batch - 1) * x.batch + lines * x.row > INT_MAX;
}

/* beta c, where the sum has no terms. */
static drift_status scale(drift_context *ctx, ocl_matrix c, size_t batch,
                          size_t m, size_t n, float beta)
{
    drift_status status = DRIFT_OK;
    for (size_t i = 0; i < batch; i++) {
        tensor matrix =
            tensor_view(c.tensor, c.offset + i * c.batch, SHAPE(m * c.row));
        ocl_launch l = ocl_begin(ctx, "gemm", "gemm_scale");
        ocl_tensor(&l, &matrix);
        ocl_size(&l, n);
        ocl_size(&l, m);
        ocl_size(&l, c.row);
        ocl_float(&l, beta);
        TRY(ocl_box(&l, n, m, 1));
    }
out:
    return status;
}

/* What CLBlast builds kernels for, bits of products_built. */
#define PRODUCTS 1
#define BATCHES  2

/* One product. CLBlast's copies go into memory of the pool: left to itself it
 * asks for a buffer at every call, and ends the process when there is none. */
static int multiply_one(ocl_device *d, ocl_matrix c, ocl_matrix a, ocl_matrix b,
                        size_t m, size_t n, size_t k, float alpha, float beta,
                        const tensor *room, cl_event *event)
{
    return CLBlastSgemmWithTempBuffer(
        CLBlastLayoutRowMajor, how(a), how(b), m, n, k, alpha,
        a.tensor->block->handle, start(a), a.row, b.tensor->block->handle,
        start(b), b.row, beta, c.tensor->block->handle, start(c), c.row,
        &d->queue, event, room->block ? room->block->handle : NULL);
}

/* A whole batch, where no copies are made: where it copies some of the
 * matrices, CLBlast forgets offsets and strides of the others. */
static int multiply_all(ocl_device *d, ocl_matrix c, ocl_matrix a, ocl_matrix b,
                        size_t batch, size_t m, size_t n, size_t k, float alpha,
                        float beta, cl_event *event)
{
    return CLBlastSgemmStridedBatched(
        CLBlastLayoutRowMajor, how(a), how(b), m, n, k, alpha,
        a.tensor->block->handle, start(a), a.row, a.batch,
        b.tensor->block->handle, start(b), b.row, b.batch, beta,
        c.tensor->block->handle, start(c), c.row, c.batch, batch, &d->queue,
        event);
}

/* On a CPU local memory is no faster than any other, and barriers cost: each
 * work-item makes a block of c of its own in registers, 2 vectors by `cols`
 * numbers, by kernels that copy what they need into order first. That is ten
 * times as fast as CLBlast's own choice. */
static void suit_cpu(drift_context *ctx, const ocl_device *d)
{
    const char *names[] = {"GEMMK", "KREG",  "KWG",   "KWI", "MDIMA", "MDIMC",
                           "MWG",   "NDIMB", "NDIMC", "NWG", "SA",    "SB",
                           "STRM",  "STRN",  "VWM",   "VWN"};
    const char *smallest = "XGEMM_MIN_INDIRECT_SIZE";
    size_t count = sizeof names / sizeof *names, always = 1;
    cl_uint vector = 0;
    clGetDeviceInfo(d->id, CL_DEVICE_NATIVE_VECTOR_WIDTH_FLOAT, sizeof vector,
                    &vector, NULL);
    size_t v = vector >= 16 ? 16 : vector >= 8 ? 8 : 4;
    size_t cols = v == 16 ? 8 : 4; /* more registers come with wider ones */
    size_t values[] = {0, 1,    16, 1, 1, 1, 2 * v, 1,
                       1, cols, 0,  0, 0, 0, v,     cols};
    int code = CLBlastOverrideParameters(d->id, "Xgemm", CLBlastPrecisionSingle,
                                         count, names, values);
    if (code == CL_SUCCESS)
        code = CLBlastOverrideParameters(d->id, "GemmRoutine",
                                         CLBlastPrecisionSingle, 1, &smallest,
                                         &always);
    if (code != CL_SUCCESS)
        log_debug(ctx, "CLBlast keeps its own parameters: %s",
                  ocl_code_name(code));
}

/* What a batch of products reads and writes at least. */
static double bytes_of(ocl_matrix a, ocl_matrix b, size_t batch, size_t m,
                       size_t n, size_t k, float beta)
{
    double ac = (double)m * (double)k, bc = (double)k * (double)n;
    double cc = (double)m * (double)n, times = (double)batch;
    return 4 * ((a.batch ? times : 1) * ac + (b.batch ? times : 1) * bc +
                (beta > 0 || beta < 0 ? 2 : 1) * times * cc);
}

static drift_status multiply(drift_context *ctx, ocl_matrix c, ocl_matrix a,
                             ocl_matrix b, size_t batch, size_t m, size_t n,
                             size_t k, float alpha, float beta,
                             const char *what)
{
    drift_status status = DRIFT_OK;
    ocl_device *d = ocl_of(ctx);
    tensor room = {0};
    cl_event from = NULL, to = NULL;
    size_t bytes = 0, last = batch - 1;
    if (!d->products_built && d->shape.type == CL_DEVICE_TYPE_CPU)
        suit_cpu(ctx, d);
    /* Matrices away from the start of their buffer may need more copies. */
    int code = CLBlastSGemmTempBufferSize(
        CLBlastLayoutRowMajor, how(a), how(b), m, n, k,
        start(a) + last * a.batch, a.row, start(b) + last * b.batch, b.row,
        start(c) + last * c.batch, c.row, &d->queue, &bytes);
    if (code == CL_SUCCESS && bytes)
        TRY(tensor_new(ctx, &room, DTYPE_F32, SHAPE((bytes + 3) / 4)));
    int kind = batch > 1 && !bytes ? BATCHES : PRODUCTS;
    int first = !(d->products_built & kind);
    d->products_built |= kind;
    if (first)
        ocl_building_begin(ctx, kind == PRODUCTS
                                    ? "CLBlast, products"
                                    : "CLBlast, batches of products");
    /* A product is several kernels, whose last alone has the event. */
    if (code == CL_SUCCESS && ocl_event(ctx, &from))
        code = clEnqueueMarkerWithWaitList(d->queue, 0, NULL, &from);
    double bytes_moved = bytes_of(a, b, batch, m, n, k, beta);
    double flops = 2. * (double)batch * (double)m * (double)n * (double)k;
    if (code == CL_SUCCESS && kind == BATCHES) {
        code = multiply_all(d, c, a, b, batch, m, n, k, alpha, beta,
                            ocl_event(ctx, &to));
        batch = 0;
    }
    for (size_t i = 0; code == CL_SUCCESS && i < batch; i++) {
        code = multiply_one(d, c, a, b, m, n, k, alpha, beta, &room,
                            i + 1 < batch ? NULL : ocl_event(ctx, &to));
        a.offset += a.batch;
        b.offset += b.batch;
        c.offset += c.batch;
    }
    if (first)
        ocl_building_end(ctx);
    if (code == CL_SUCCESS) {
        status = ocl_timed(ctx, "gemm", from, to, bytes_moved, flops);
    } else {
        if (from)
            clReleaseEvent(from);
        status = ocl_failed(ctx, code, what);
    }
out:
    tensor_free(ctx, &room);
    return status;
}

drift_status ocl_sgemm(drift_context *ctx, ocl_matrix c, ocl_matrix a,
                       ocl_matrix b, size_t batch, size_t m, size_t n, size_t k,
                       float alpha, float beta)
{
    char what[200];
    if (!batch || !m || !n)
        return DRIFT_OK;
    if (!k)
        return scale(ctx, c, batch, m, n, beta);
    if (batch > 1 && !b.batch && !a.transposed && a.batch == m * a.row &&
        c.batch == m * c.row) {
        /* One b under all of a: a single tall product. */
        m *= batch;
        batch = 1;
    }
    snprintf(what, sizeof what, "gemm of %zu times [%zu,%zu] by [%zu,%zu]",
             batch, m, k, k, n);
    if (too_far(c, batch, m, n) || too_far(a, batch, m, k) ||
        too_far(b, batch, k, n))
        return ERROR(ctx, DRIFT_ERROR_MEMORY,
                     "%s: a matrix reaches beyond the 2^31 numbers that "
                     "CLBlast counts",
                     what);
    return multiply(ctx, c, a, b, batch, m, n, k, alpha, beta, what);
}

/* Parts of a long sum: each is as much work as a product of its own, and a
 * sum of few terms. */
#define PARTS        16
#define PART_TERMS   512
#define PARTS_FLOATS (4u << 20)

drift_status ocl_sum_products(drift_context *ctx, tensor *c, int add,
                              ocl_matrix a, ocl_matrix b, size_t m, size_t n,
                              size_t k)
{
    drift_status status = DRIFT_OK;
    tensor sums = {0};
    size_t count = m * n, parts = k / PART_TERMS;
    ocl_matrix whole = {.tensor = c, .row = n};
    a.transposed = 1;
    if (!count)
        return DRIFT_OK;
    if (parts > PARTS)
        parts = PARTS;
    if (parts > PARTS_FLOATS / count)
        parts = PARTS_FLOATS / count;
    if (parts < 2)
        return ocl_sgemm(ctx, whole, a, b, 1, m, n, k, 1, add ? 1 : 0);
    size_t terms = k / parts;
    TRY(tensor_new(ctx, &sums, DTYPE_F32, SHAPE(parts, m, n)));
    ocl_matrix part = {.tensor = &sums, .row = n, .batch = count};
    a.batch = terms * a.row;
    b.batch = terms * b.row;
    TRY(ocl_sgemm(ctx, part, a, b, parts, m, n, terms, 1, 0));
    TRY(ocl_sum_rows(ctx, c, add, &sums, parts, count));
    if (terms * parts < k) {
        a.offset += parts * a.batch;
        b.offset += parts * b.batch;
        TRY(ocl_sgemm(ctx, whole, a, b, 1, m, n, k - parts * terms, 1, 1));
    }
out:
    tensor_free(ctx, &sums);
    return status;
}

/* The last two dimensions of x. */
static ocl_matrix matrix_of(const tensor *x, int transposed)
{
    const size_t *dim = x->shape.dim + (x->shape.ndim - 2);
    return (ocl_matrix){.tensor = x,
                        .row = dim[1],
                        .batch = x->shape.ndim == 3 ? dim[0] * dim[1] : 0,
                        .transposed = transposed};
}

drift_status ocl_gemm(drift_context *ctx, tensor *c, const tensor *a,
                      const tensor *b, int transpose_a, int transpose_b,
                      float alpha, float beta)
{
    const size_t *ad = a->shape.dim + (a->shape.ndim - 2);
    const size_t *cd = c->shape.dim + (c->shape.ndim - 2);
    return ocl_sgemm(ctx, matrix_of(c, 0), matrix_of(a, transpose_a),
                     matrix_of(b, transpose_b),
                     c->shape.ndim == 3 ? c->shape.dim[0] : 1, cd[0], cd[1],
                     ad[transpose_a ? 0 : 1], alpha, beta);
}
