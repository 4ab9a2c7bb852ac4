/* split: part = x[start ... start+len) along an axis. */
#include "cpu/split.h"

#include "cpu/cpu.h"
#include "cpu/row.h"

#define CHUNK 4096 /* numbers a task moves at most */

/* Rows of `length` numbers lie `gap` apart in the whole, from `first` on, and
 * without a gap in the part; long rows are cut into `pieces`. */
typedef struct layout {
    size_t rows, length, gap, first, pieces;
} layout;

static layout find_layout(const tensor *whole, const tensor *part, int axis,
                          size_t start)
{
    size_t rows = 1, inner = 1;
    for (int i = 0; i < axis; i++)
        rows *= whole->shape.dim[i];
    for (int i = axis + 1; i < whole->shape.ndim; i++)
        inner *= whole->shape.dim[i];
    size_t length = part->shape.dim[axis] * inner;
    return (layout){rows, length, whole->shape.dim[axis] * inner, start * inner,
                    (length + CHUNK - 1) / CHUNK};
}

void part_from_whole(tensor *part, const tensor *whole, int axis, size_t start,
                     int add)
{
    layout l = find_layout(whole, part, axis, start);
    float *to = f32(part);
    const float *from = f32(whole);
#pragma omp parallel for if (l.rows * l.length > CPU_SMALL)
    for (size_t i = 0; i < l.rows * l.pieces; i++) {
        size_t row = i / l.pieces, at = i % l.pieces * CHUNK;
        size_t n = l.length - at < CHUNK ? l.length - at : CHUNK;
        row_move(to + row * l.length + at, from + row * l.gap + l.first + at, n,
                 add);
    }
}

void whole_from_part(tensor *whole, const tensor *part, int axis, size_t start,
                     int add)
{
    layout l = find_layout(whole, part, axis, start);
    float *to = f32(whole);
    const float *from = f32(part);
#pragma omp parallel for if (l.rows * l.length > CPU_SMALL)
    for (size_t i = 0; i < l.rows * l.pieces; i++) {
        size_t row = i / l.pieces, at = i % l.pieces * CHUNK;
        size_t n = l.length - at < CHUNK ? l.length - at : CHUNK;
        row_move(to + row * l.gap + l.first + at, from + row * l.length + at, n,
                 add);
    }
}

drift_status cpu_split_fwd(drift_context *ctx, tensor *part, const tensor *x,
                           int axis, size_t start)
{
    (void)ctx;
    part_from_whole(part, x, axis, start, 0);
    return DRIFT_OK;
}

drift_status cpu_split_bwd(drift_context *ctx, tensor *dx, const tensor *dpart,
                           int axis, size_t start)
{
    (void)ctx;
    cpu_begin_all(dx);
    if (dx)
        whole_from_part(dx, dpart, axis, start, 1);
    return DRIFT_OK;
}
