/* Pictures of an evaluation: see evaluate_pictures.h. */
#include "train/evaluate_pictures.h"

#include "base/file.h"
#include "base/mem.h"
#include "eval/neighbours.h"

#define COLUMNS ((size_t)10)
#define ROWS    ((size_t)10) /* at most, of classes */
#define NEAR    ((size_t)16) /* images whose neighbours are shown */
#define POINTS  ((size_t)10000)

/* A picture in the making: rows x columns images. */
typedef struct sheet {
    images *x;
    size_t rows, columns;
    float *pixels; /* of one row, or of one image */
    unsigned char *bytes;
} sheet;

static drift_status sheet_new(images *x, size_t rows, size_t columns,
                              sheet *out)
{
    size_t n = images_numbers(x);
    *out = (sheet){.x = x, .rows = rows, .columns = columns};
    out->pixels = mem_alloc(x->ctx, columns * n, sizeof *out->pixels);
    out->bytes = mem_alloc(x->ctx, rows * columns, n);
    return out->pixels && out->bytes ? DRIFT_OK : DRIFT_ERROR_MEMORY;
}

static void sheet_free(sheet *s)
{
    mem_free(s->pixels);
    mem_free(s->bytes);
}

static unsigned char *place(const sheet *s, size_t row, size_t column)
{
    return s->bytes + (row * s->columns + column) * images_numbers(s->x);
}

/* Image i of x, which are of the sheet's size. */
static drift_status put(sheet *s, images *x, size_t i, size_t row,
                        size_t column)
{
    drift_status status = DRIFT_OK;
    int32_t label;
    TRY(x->read(x, i, 1, s->pixels, &label));
    dataset_to_bytes(s->pixels, images_numbers(x), place(s, row, column));
out:
    return status;
}

/* A row of samples. */
static drift_status put_samples(sheet *s, const drift_request *r, size_t row)
{
    drift_status status = DRIFT_OK;
    TRY(drift_model_sample(s->x->model, r, s->pixels));
    drift_to_bytes(s->pixels, s->columns * images_numbers(s->x),
                   place(s, row, 0));
out:
    return status;
}

static drift_status write(const sheet *s, const char *folder, const char *name)
{
    drift_status status;
    char *path = mem_printf(s->x->ctx, "%s/%s", folder, name);
    if (!path)
        return DRIFT_ERROR_MEMORY;
    status = drift_write_sheet(s->x->ctx, path, s->bytes, s->rows * s->columns,
                               s->columns, (size_t)s->x->height,
                               (size_t)s->x->width, (size_t)s->x->channels, 0);
    mem_free(path);
    return status;
}

static size_t class_rows(const images *x)
{
    size_t classes = (size_t)x->classes;
    return classes < ROWS ? classes : ROWS;
}

/* The row of image i: its class; of one class, ten fill a row. */
static size_t row_of(const images *x, size_t i)
{
    return x->classes == 1 ? i / COLUMNS : (size_t)images_label(x, i);
}

/* The first images of each class; places without one stay black. */
static drift_status draw_samples(images *x, const char *folder)
{
    drift_status status = DRIFT_OK;
    size_t rows = x->classes > 1 ? class_rows(x) : ROWS, have[ROWS] = {0};
    size_t which[ROWS][COLUMNS], columns = 1;
    sheet s = {0};
    for (size_t i = 0; i < x->count; i++) {
        size_t row = row_of(x, i);
        if (row >= rows || have[row] == COLUMNS)
            continue;
        which[row][have[row]++] = i;
        if (have[row] > columns)
            columns = have[row];
    }
    while (rows > 1 && !have[rows - 1])
        rows--;
    TRY(sheet_new(x, rows, columns, &s));
    for (size_t row = 0; row < rows; row++)
        for (size_t k = 0; k < have[row]; k++)
            TRY(put(&s, x, which[row][k], row, k));
    TRY(write(&s, folder, "samples.png"));
out:
    sheet_free(&s);
    return status;
}

static drift_status draw_neighbours(images *x, images *real, const char *folder)
{
    drift_status status = DRIFT_OK;
    size_t n = x->count < NEAR ? x->count : NEAR;
    neighbours near[NEAR];
    sheet s;
    TRY(sheet_new(x, n, 1 + NEIGHBOURS, &s));
    TRY(neighbours_find(x, n, real, near));
    for (size_t i = 0; i < n; i++) {
        TRY(put(&s, x, images_spread(x, n, i), i, 0));
        for (size_t k = 0; k < NEIGHBOURS && near[i].label[k] >= 0; k++)
            TRY(put(&s, real, near[i].which[k], i, 1 + k));
    }
    TRY(write(&s, folder, "neighbours.png"));
out:
    sheet_free(&s);
    return status;
}

static drift_status draw_alpha(images *x, const char *folder)
{
    static const float strength[] = {1, 1.5f, 2, 3};
    drift_status status = DRIFT_OK;
    size_t rows = sizeof strength / sizeof *strength;
    float alpha[COLUMNS];
    sheet s;
    drift_request r = {.count = x->classes > 1 ? class_rows(x) : COLUMNS,
                       .seed = x->seed,
                       .alpha = alpha};
    TRY(sheet_new(x, rows, r.count, &s));
    for (size_t row = 0; row < rows; row++) {
        for (size_t i = 0; i < r.count; i++)
            alpha[i] = strength[row];
        TRY(put_samples(&s, &r, row));
    }
    TRY(write(&s, folder, "alpha.png"));
out:
    sheet_free(&s);
    return status;
}

/* Row r is from sample 2r's noise to that of 2r + 1. */
static drift_status draw_interpolation(images *x, const char *folder)
{
    drift_status status = DRIFT_OK;
    const drift_model_info *i = drift_model_get_info(x->model);
    size_t rows = x->classes > 1 ? class_rows(x) : ROWS;
    float *noise = mem_alloc(x->ctx, COLUMNS * i->noise, sizeof *noise);
    int32_t *styles = mem_alloc(x->ctx, COLUMNS * i->styles, sizeof *styles);
    int32_t labels[COLUMNS];
    float alpha[COLUMNS];
    sheet s = {0};
    drift_request r = {.count = COLUMNS,
                       .labels = labels,
                       .alpha = alpha,
                       .noise = noise,
                       .styles = styles};
    if (!noise || !styles) {
        status = DRIFT_ERROR_MEMORY;
        goto out;
    }
    TRY(sheet_new(x, rows, COLUMNS, &s));
    for (size_t row = 0; row < rows; row++) {
        for (size_t k = 0; k < COLUMNS; k++) {
            labels[k] = x->classes > 1 ? (int32_t)row : 0;
            alpha[k] = x->alpha;
        }
        drift_model_noise_between(x->model, x->seed, 2 * row, 2 * row + 1,
                                  COLUMNS, noise, styles);
        TRY(put_samples(&s, &r, row));
    }
    TRY(write(&s, folder, "interpolation.png"));
out:
    sheet_free(&s);
    mem_free(noise);
    mem_free(styles);
    return status;
}

static drift_status draw_points(images *x, const char *folder)
{
    drift_status status = DRIFT_OK;
    size_t n = x->count < POINTS ? x->count : POINTS;
    float *points = mem_alloc(x->ctx, n, 2 * sizeof *points);
    int32_t *labels = mem_alloc(x->ctx, n, sizeof *labels);
    char *path = mem_printf(x->ctx, "%s/samples.png", folder);
    if (!points || !labels || !path) {
        status = DRIFT_ERROR_MEMORY;
        goto out;
    }
    TRY(images_read_spread(x, n, points, labels));
    TRY(drift_write_points(x->ctx, path, points, labels, n));
out:
    mem_free(points);
    mem_free(labels);
    mem_free(path);
    return status;
}

drift_status evaluate_pictures(images *x, images *real, const char *folder)
{
    drift_status status = DRIFT_OK;
    TRY(file_make_dir(x->ctx, folder));
    if (x->points)
        return draw_points(x, folder);
    TRY(draw_samples(x, folder));
    if (real->count)
        TRY(draw_neighbours(x, real, folder));
    if (x->model)
        TRY(draw_interpolation(x, folder));
    if (x->model && drift_model_get_info(x->model)->use_alpha)
        TRY(draw_alpha(x, folder));
out:
    return status;
}
