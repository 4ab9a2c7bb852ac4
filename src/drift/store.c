/* The store of real features: see store.h.
 *
 * A file is a head, filled up to whole pages, and the rows, one after the
 * other, each with its families one after the other. A step gathers all
 * families of rows that are anywhere: so what it reads of a row is in one
 * place, where family by family it would be in as many as there are families.
 * Rows not in the system's cache of files come at 50 ms for 2560 of 10 kB when
 * they were expected, so that many are fetched at a time, else at 320 ms.
 *
 * The head follows from the plan alone, so a file fits when it begins with the
 * very bytes that this plan gives and is as long; nothing in it is believed,
 * and no checksum is needed. The rows are not looked at, which would take as
 * long as reading them all: the file gets its name after all of it is on the
 * disk. */
#include "drift/store.h"

#include <string.h>

#include "base/context.h"
#include "base/digest.h"
#include "base/file.h"
#include "base/half.h"
#include "base/mem.h"
#include "base/simd.h"
#include "base/threads.h"
#include "shared/portable.h"

#define MAGIC "driftF1" /* with the number of the format */
#define PAGE  4096      /* rows begin on one */
#define SMALL 4096      /* numbers not worth a second thread */

typedef struct head {
    char magic[8];
    char key[DIGEST_TEXT - 1];
    uint64_t rows, type, family_count; /* in the machine's order of bytes */
} head;

typedef struct head_family {
    char name[FEATURE_NAME];
    uint64_t locations, channels;
} head_family;

/* Where a family lies in a row. */
typedef struct place {
    size_t offset, numbers;
} place;

struct feature_store {
    drift_context *ctx;
    head_family *families; /* [family_count] */
    place *places;         /* [family_count] */
    size_t family_count, rows, row_bytes, head_bytes;
    store_type type;
    char *path;                 /* or NULL */
    unsigned char *top;         /* the head as it has to be, [head_bytes] */
    file_writer *writer;        /* until the file is complete */
    file_view view;             /* from then on */
    unsigned char *memory;      /* without a file */
    unsigned char *filling;     /* rows, to be put; in one of them */
    const unsigned char *ready; /* rows, when complete */
    size_t put;                 /* families of rows */
};

void feature_store_free(feature_store *s)
{
    if (!s)
        return;
    file_abort(s->writer);
    file_close_view(&s->view);
    mem_free(s->memory);
    mem_free(s->top);
    mem_free(s->path);
    mem_free(s->places);
    mem_free(s->families);
    mem_free(s);
}

int feature_store_complete(const feature_store *s)
{
    return s->ready != NULL;
}

size_t feature_store_bytes(const feature_store *s)
{
    return s->rows * s->row_bytes;
}

size_t feature_store_numbers(const feature_store *s, size_t family)
{
    return family < s->family_count ? s->places[family].numbers : 0;
}

/* -- the layout --------------------------------------------------------------
 */

/* *to += a * b, below a quarter of what there is. */
static int add_product(size_t *to, size_t a, size_t b)
{
    size_t most = SIZE_MAX / 4 - *to;
    if (b && a > most / b)
        return 0;
    *to += a * b;
    return 1;
}

static drift_status lay_out(feature_store *s, const store_plan *plan)
{
    drift_status status = DRIFT_OK;
    size_t item = s->type == STORE_F16 ? sizeof(uint16_t) : sizeof(float);
    size_t all = 0;
    for (size_t i = 0; i < s->family_count; i++) {
        const store_family *f = &plan->families[i];
        place *p = &s->places[i];
        p->offset = s->row_bytes;
        if (!memchr(f->name, '\0', sizeof f->name))
            FAIL(s->ctx, DRIFT_ERROR_SHAPE,
                 "store: the name of family %zu has no end", i);
        if (!add_product(&p->numbers, f->locations, f->channels) ||
            !add_product(&s->row_bytes, p->numbers, item) || !p->numbers)
            FAIL(s->ctx, DRIFT_ERROR_SHAPE,
                 "store: family '%s' cannot be %zu x %zu numbers", f->name,
                 f->locations, f->channels);
        strcpy(s->families[i].name, f->name);
        s->families[i].locations = f->locations;
        s->families[i].channels = f->channels;
    }
    if (!s->rows || !s->family_count ||
        !add_product(&all, s->rows, s->row_bytes))
        FAIL(s->ctx, DRIFT_ERROR_SHAPE,
             "store: %zu rows of %zu families and %zu bytes", s->rows,
             s->family_count, s->row_bytes);
out:
    return status;
}

/* The bytes a file of this plan begins with. */
static drift_status write_top(feature_store *s, const store_plan *plan)
{
    head h = {.magic = MAGIC,
              .rows = s->rows,
              .type = (uint64_t)s->type,
              .family_count = s->family_count};
    size_t families = s->family_count * sizeof *s->families;
    if (strlen(plan->key) != sizeof h.key)
        return ERROR(s->ctx, DRIFT_ERROR_USAGE,
                     "store: the key '%s' is no digest", plan->key);
    memcpy(h.key, plan->key, sizeof h.key);
    s->head_bytes = (sizeof h + families + PAGE - 1) / PAGE * PAGE;
    s->top = mem_alloc(s->ctx, s->head_bytes, 1);
    if (!s->top)
        return DRIFT_ERROR_MEMORY;
    memcpy(s->top, &h, sizeof h);
    memcpy(s->top + sizeof h, s->families, families);
    return DRIFT_OK;
}

/* -- the file ----------------------------------------------------------------
 */

/* What is wrong with a file, or NULL. */
static const char *fault(const feature_store *s, const file_view *file)
{
    const size_t key = offsetof(head, key), rest = offsetof(head, rows);
    if (file->size < s->head_bytes)
        return "it is torn";
    if (memcmp(file->data, s->top, key) != 0)
        return "it is of another format";
    if (memcmp(file->data + key, s->top + key, rest - key) != 0)
        return "it is of other images or another encoder";
    if (memcmp(file->data + rest, s->top + rest, s->head_bytes - rest) != 0)
        return "it has other rows or families";
    if (file->size - s->head_bytes != feature_store_bytes(s))
        return "its length is wrong";
    return NULL;
}

/* Take the file at the path; the error says why it is not usable. */
static drift_status take_file(feature_store *s, drift_context *ctx)
{
    drift_status status = DRIFT_OK;
    file_view view = {0};
    TRY(file_open_view(ctx, s->path, &view));
    const char *why = fault(s, &view);
    if (why)
        FAIL(ctx, DRIFT_ERROR_FORMAT, "'%s' is not usable: %s", s->path, why);
    file_scattered(&view);
    s->view = view;
    s->ready = view.data + s->head_bytes;
    view = (file_view){0};
out:
    file_close_view(&view);
    return status;
}

static drift_status open_file(feature_store *s)
{
    drift_status status = DRIFT_OK;
    drift_context aside = {0}; /* takes the errors that are none of the run */
    unsigned char *map;
    if (file_exists(s->path)) {
        if (!file_is_regular(s->path))
            FAIL(s->ctx, DRIFT_ERROR_IO,
                 "unable to keep features in '%s': it is no regular file",
                 s->path);
        if (take_file(s, &aside) == DRIFT_OK)
            return DRIFT_OK;
        log_info(s->ctx, "features: %s; made again", aside.text);
    }
    TRY(file_create(s->ctx, s->path, &s->writer));
    TRY(file_map(s->writer, s->head_bytes + feature_store_bytes(s), &map));
    s->filling = map + s->head_bytes;
out:
    return status;
}

static drift_status open_memory(feature_store *s, size_t most)
{
    size_t bytes = feature_store_bytes(s);
    if (most && bytes > most)
        return ERROR(s->ctx, DRIFT_ERROR_MEMORY,
                     "the features of %zu images take %zu MiB of %zu MiB",
                     s->rows, bytes >> 20, most >> 20);
    s->filling = s->memory = mem_alloc(s->ctx, bytes, 1);
    return s->memory ? DRIFT_OK : DRIFT_ERROR_MEMORY;
}

drift_status feature_store_new(drift_context *ctx, const store_plan *plan,
                               feature_store **out)
{
    drift_status status = DRIFT_OK;
    feature_store *s = mem_alloc(ctx, 1, sizeof *s);
    *out = NULL;
    if (!s)
        return DRIFT_ERROR_MEMORY;
    s->ctx = ctx;
    s->family_count = plan->family_count;
    s->rows = plan->rows;
    s->type = plan->type;
    s->families = mem_alloc(ctx, s->family_count, sizeof *s->families);
    s->places = mem_alloc(ctx, s->family_count, sizeof *s->places);
    if (plan->path)
        s->path = mem_strdup(ctx, plan->path);
    if (!s->families || !s->places || (plan->path && !s->path)) {
        status = DRIFT_ERROR_MEMORY;
        goto out;
    }
    TRY(lay_out(s, plan));
    TRY(write_top(s, plan));
    TRY(s->path ? open_file(s) : open_memory(s, plan->memory));
    *out = s;
    s = NULL;
out:
    feature_store_free(s);
    return status;
}

/* -- the rows ----------------------------------------------------------------
 */

/* The largest magnitude, as bits: these are in the order of the magnitudes, NaN
 * last. */
static CPU_SIMD uint32_t largest(const float *x, size_t n)
{
    uint32_t most = 0;
    for (size_t i = 0; i < n; i++) {
        uint32_t magnitude = shared_bits(x[i]) & 0x7fffffff;
        most = magnitude > most ? magnitude : most;
    }
    return most;
}

/* The largest magnitude, NaN where there is one. */
static float put_row(const feature_store *s, unsigned char *to,
                     const float *from, size_t n)
{
    if (s->type == STORE_F16)
        return half_write((uint16_t *)(void *)to, from, n);
    memcpy(to, from, n * sizeof *from);
    return shared_float(largest(from, n));
}

static drift_status check_family(const feature_store *s, size_t family)
{
    if (family < s->family_count)
        return DRIFT_OK;
    return ERROR(s->ctx, DRIFT_ERROR_USAGE, "store: family %zu of %zu", family,
                 s->family_count);
}

drift_status feature_store_put(feature_store *s, size_t family, size_t first,
                               size_t count, const float *values)
{
    drift_status status = DRIFT_OK;
    TRY(check_family(s, family));
    if (!s->filling || first > s->rows || count > s->rows - first)
        FAIL(s->ctx, DRIFT_ERROR_USAGE,
             "store: rows %zu to %zu cannot be put into %zu", first,
             first + count, s->filling ? s->rows : 0);
    size_t n = s->places[family].numbers, bad = count;
    float limit = s->type == STORE_F16 ? HALF_LIMIT : INFINITY;
    unsigned char *to =
        s->filling + first * s->row_bytes + s->places[family].offset;
    threads_set(s->ctx->threads);
#pragma omp parallel for reduction(min : bad) if (count * n > SMALL)
    for (size_t i = 0; i < count; i++)
        if (!(put_row(s, to + i * s->row_bytes, values + i * n, n) < limit))
            bad = i < bad ? i : bad;
    if (bad < count) {
        float most = shared_float(largest(values + bad * n, n));
#pragma omp critical(feature_store)
        status = ERROR(
            s->ctx, DRIFT_ERROR_NUMBER, "family '%s' of image %zu %s (%g)",
            s->families[family].name, first + bad,
            isfinite(most) ? "does not fit f16, use f32" : "is not finite",
            (double)most);
        goto out;
    }
#pragma omp atomic
    s->put += count;
out:
    return status;
}

drift_status feature_store_finish(feature_store *s)
{
    drift_status status = DRIFT_OK;
    if (s->ready || s->put != s->rows * s->family_count)
        FAIL(s->ctx, DRIFT_ERROR_USAGE,
             "store: finished with %zu of %zu families of all rows", s->put,
             s->rows * s->family_count);
    if (s->writer) {
        memcpy(s->filling - s->head_bytes, s->top, s->head_bytes);
        status = file_commit(s->writer);
        s->writer = NULL;
        s->filling = NULL;
        TRY(status);
        TRY(take_file(s, s->ctx));
    } else {
        s->ready = s->filling;
        s->filling = NULL;
    }
out:
    return status;
}

static drift_status check_rows(const feature_store *s, const int64_t *rows,
                               size_t count)
{
    drift_status status = DRIFT_OK;
    if (!s->ready)
        FAIL(s->ctx, DRIFT_ERROR_USAGE,
             "store: gathered before it is finished");
    for (size_t i = 0; i < count; i++)
        if (rows[i] < 0 || (size_t)rows[i] >= s->rows)
            FAIL(s->ctx, DRIFT_ERROR_USAGE, "store: row %lld of %zu",
                 (long long)rows[i], s->rows);
out:
    return status;
}

drift_status feature_store_expect(feature_store *s, const int64_t *rows,
                                  size_t count)
{
    drift_status status = check_rows(s, rows, count);
    for (size_t i = 0; i < count && status == DRIFT_OK; i++)
        file_expect(&s->view, s->head_bytes + (size_t)rows[i] * s->row_bytes,
                    s->row_bytes);
    return status;
}

drift_status feature_store_gather(feature_store *s, size_t family,
                                  const int64_t *rows, size_t count, float *out)
{
    drift_status status = DRIFT_OK;
    TRY(check_family(s, family));
    TRY(check_rows(s, rows, count));
    size_t n = s->places[family].numbers;
    const unsigned char *from = s->ready + s->places[family].offset;
    threads_set(s->ctx->threads);
#pragma omp parallel for if (count * n > SMALL)
    for (size_t i = 0; i < count; i++) {
        const void *row = from + (size_t)rows[i] * s->row_bytes;
        if (s->type == STORE_F16)
            half_read(out + i * n, row, n);
        else
            memcpy(out + i * n, row, n * sizeof *out);
    }
out:
    return status;
}
