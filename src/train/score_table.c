/* Rows of scores, and the file of them: see score_table.h. */
#include "train/score_table.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "train/checkpoint.h"

/* -- columns ------------------------------------------------------------ */

typedef enum kind {
    TEXT,  /* char * */
    WHOLE, /* int64_t, not negative */
    SEED,  /* uint64_t */
    COUNT, /* size_t */
    REAL   /* double */
} kind;

typedef struct column {
    const char *key;
    kind kind;
    size_t offset; /* in drift_score_row */
} column;

#define COLUMN(name, kind)                                                     \
    {                                                                          \
#name, kind, offsetof(drift_score_row, name)                           \
    }

static const column own[] = {
    COLUMN(checkpoint, TEXT),
    COLUMN(step, WHOLE),
    COLUMN(images, WHOLE),
    COLUMN(seconds, REAL),
    COLUMN(weights, TEXT),
    COLUMN(alpha, REAL),
    COLUMN(seed, SEED),
    COLUMN(network, TEXT),
    COLUMN(resize, TEXT),
    COLUMN(data, TEXT),
    {"count", COUNT, offsetof(drift_score_row, scores.count)},
};
#define OWN (sizeof own / sizeof *own)

/* Column i: those above, then all figures. 0 after the last. */
static int column_at(size_t i, column *out)
{
    if (i < OWN) {
        *out = own[i];
        return 1;
    }
    const drift_score_field *f = drift_score_fields() + (i - OWN);
    *out =
        (column){f->key, REAL, offsetof(drift_score_row, scores) + f->offset};
    return f->key != NULL;
}

static size_t columns(void)
{
    column c;
    size_t n = OWN;
    while (column_at(n, &c))
        n++;
    return n;
}

static void *place(const drift_score_row *row, const column *c)
{
    return (char *)(uintptr_t)row + c->offset;
}

/* -- rows --------------------------------------------------------------- */

static void free_row(drift_score_row *row)
{
    for (size_t i = 0; i < OWN; i++)
        if (own[i].kind == TEXT)
            mem_free(*(char **)place(row, &own[i]));
}

static drift_status copy_row(drift_context *ctx, const drift_score_row *row,
                             drift_score_row *out)
{
    drift_status status = DRIFT_OK;
    *out = *row;
    for (size_t i = 0; i < OWN; i++)
        if (own[i].kind == TEXT) {
            char **text = place(out, &own[i]);
            *text = mem_strdup(ctx, *text);
            if (!*text)
                status = DRIFT_ERROR_MEMORY;
        }
    if (status != DRIFT_OK)
        free_row(out);
    return status;
}

static int same_settings(const drift_score_row *a, const drift_score_row *b)
{
    return !strcmp(a->weights, b->weights) && a->alpha == b->alpha &&
           a->seed == b->seed && !strcmp(a->network, b->network) &&
           !strcmp(a->resize, b->resize) && !strcmp(a->data, b->data) &&
           a->scores.count == b->scores.count;
}

const drift_score_row *score_table_find(const drift_score_table *t,
                                        const drift_score_row *like)
{
    for (size_t i = 0; i < t->count; i++)
        if (t->rows[i].step == like->step && same_settings(&t->rows[i], like))
            return &t->rows[i];
    return NULL;
}

/* Where a row goes: rows of the same settings lie together by rising step. */
static size_t place_for(const drift_score_table *t, const drift_score_row *row)
{
    size_t at = t->count;
    for (size_t i = 0; i < t->count; i++)
        if (same_settings(&t->rows[i], row)) {
            if (t->rows[i].step >= row->step)
                return i;
            at = i + 1;
        }
    return at;
}

drift_status score_table_put(drift_score_table *t, const drift_score_row *row)
{
    drift_status status = DRIFT_OK;
    size_t at = place_for(t, row);
    drift_score_row copy, *more;
    TRY(copy_row(t->ctx, row, &copy));
    if (score_table_find(t, row)) {
        free_row(&t->rows[at]);
        t->rows[at] = copy;
        goto out;
    }
    more = mem_resize(t->ctx, t->rows, t->count + 1, sizeof *more);
    if (!more) {
        free_row(&copy);
        return DRIFT_ERROR_MEMORY;
    }
    t->rows = more;
    memmove(more + at + 1, more + at, (t->count++ - at) * sizeof *more);
    more[at] = copy;
out:
    return status;
}

void score_table_select(drift_score_table *t, const drift_score_row *like)
{
    drift_score_row way = *like; /* which may be one of these */
    size_t kept = 0;
    for (size_t i = 0; i < t->count; i++)
        if (same_settings(&t->rows[i], &way)) {
            drift_score_row row = t->rows[kept];
            t->rows[kept++] = t->rows[i];
            t->rows[i] = row;
        }
    for (size_t i = kept; i < t->count; i++)
        free_row(&t->rows[i]);
    t->count = kept;
}

const drift_score_row *drift_score_table_row(const drift_score_table *t,
                                             size_t i)
{
    return i < t->count ? &t->rows[i] : NULL;
}

void drift_score_table_free(drift_score_table *t)
{
    if (!t)
        return;
    for (size_t i = 0; i < t->count; i++)
        free_row(&t->rows[i]);
    mem_free(t->rows);
    mem_free(t);
}

/* -- writing ------------------------------------------------------------ */

static void put_text(FILE *f, const char *text)
{
    if (!text[strcspn(text, ",\"\r\n")]) {
        fputs(text, f);
        return;
    }
    fputc('"', f);
    for (; *text; text++)
        fprintf(f, *text == '"' ? "\"\"" : "%c", *text);
    fputc('"', f);
}

/* As few digits as read back. */
static void put_real(FILE *f, double value)
{
    char text[32];
    int digits = 15;
    if (isnan(value))
        return;
    do
        snprintf(text, sizeof text, "%.*g", digits, value);
    while (strtod(text, NULL) != value && digits++ < 17);
    fputs(text, f);
}

static void put_value(FILE *f, const drift_score_row *row, const column *c)
{
    const void *value = place(row, c);
    if (c->kind == TEXT)
        put_text(f, *(char *const *)value);
    else if (c->kind == REAL)
        put_real(f, *(const double *)value);
    else if (c->kind == COUNT)
        fprintf(f, "%zu", *(const size_t *)value);
    else
        fprintf(f, "%" PRIu64, *(const uint64_t *)value);
}

drift_status score_table_write(const drift_score_table *t, const char *path)
{
    drift_status status = DRIFT_OK;
    char *text = NULL;
    size_t size = 0;
    column c;
    FILE *f = open_memstream(&text, &size);
    if (!f)
        FAIL(t->ctx, DRIFT_ERROR_MEMORY, "out of memory");
    for (size_t k = 0; column_at(k, &c); k++)
        fprintf(f, "%s%s", k ? "," : "", c.key);
    fputc('\n', f);
    for (size_t i = 0; i < t->count; i++) {
        for (size_t k = 0; column_at(k, &c); k++) {
            if (k)
                fputc(',', f);
            put_value(f, &t->rows[i], &c);
        }
        fputc('\n', f);
    }
    int bad = ferror(f);
    if (fclose(f) != 0 || bad)
        FAIL(t->ctx, DRIFT_ERROR_MEMORY, "out of memory");
    TRY(file_replace(t->ctx, path, text, size));
out:
    free(text);
    return status;
}

/* -- reading ------------------------------------------------------------ */

typedef struct reader {
    drift_context *ctx;
    const char *path;
    char *at;     /* what comes next */
    size_t line;  /* of the row that is read */
    size_t lines; /* that are behind `at` */
} reader;

/* Cut the next field out, in place. Tells what it ended with: ',', '\n', 0 at
 * the end of the file; another byte is wrong there. */
static char cut_field(reader *r, char **field)
{
    char *from = r->at, *to = from, end;
    *field = from;
    if (*from == '"') {
        for (from++; *from && (*from != '"' || from[1] == '"'); from++) {
            from += *from == '"';
            r->lines += *from == '\n';
            *to++ = *from;
        }
        if (*from)
            from++; /* the closing quote */
    } else {
        from += strcspn(from, ",\"\n");
        to = from;
    }
    end = *from;
    *to = '\0';
    r->lines += end == '\n';
    r->at = from + (end != '\0');
    return end;
}

static int read_whole(const char *text, uint64_t most, uint64_t *out)
{
    errno = 0;
    *out = strtoull(text, NULL, 10);
    return *text && strspn(text, "0123456789") == strlen(text) && !errno &&
           *out <= most;
}

static int read_real(const char *text, double *out)
{
    char *end;
    *out = *text ? strtod(text, &end) : NAN;
    return !*text || !strcmp(text, "inf") ||
           (!*end && strspn(text, "+-.0123456789eE") == strlen(text));
}

static int read_value(char *text, const column *c, drift_score_row *row)
{
    void *value = place(row, c);
    uint64_t whole;
    if (c->kind == TEXT) {
        *(char **)value = text;
        return 1;
    }
    if (c->kind == REAL)
        return read_real(text, value);
    if (!read_whole(text,
                    c->kind == WHOLE   ? INT64_MAX
                    : c->kind == COUNT ? SIZE_MAX
                                       : UINT64_MAX,
                    &whole))
        return 0;
    if (c->kind == COUNT)
        *(size_t *)value = (size_t)whole;
    else
        *(uint64_t *)value = whole;
    return 1;
}

/* The next row; of the first line (`row` NULL), the keys. */
static drift_status read_row(reader *r, drift_score_row *row)
{
    drift_status status = DRIFT_OK;
    column c;
    char *text;
    r->line = r->lines + 1;
    for (size_t k = 0; column_at(k, &c); k++) {
        char wanted = k + 1 < columns() ? ',' : '\n';
        char end = cut_field(r, &text);
        if (end == '\0')
            FAIL(r->ctx, DRIFT_ERROR_FORMAT, "'%s', line %zu is cut off",
                 r->path, r->line);
        if (end != ',' && end != '\n')
            FAIL(r->ctx, DRIFT_ERROR_FORMAT,
                 "'%s', line %zu: '%s' has a quote amid its text", r->path,
                 r->line, c.key);
        if (end != wanted)
            FAIL(r->ctx, DRIFT_ERROR_FORMAT,
                 "'%s', line %zu has %s columns than %zu", r->path, r->line,
                 end == ',' ? "more" : "fewer", columns());
        if (!row && strcmp(text, c.key) != 0)
            FAIL(r->ctx, DRIFT_ERROR_FORMAT,
                 "'%s', line 1: column %zu is '%.64s'; wanted '%s'", r->path,
                 k + 1, text, c.key);
        if (row && !read_value(text, &c, row))
            FAIL(r->ctx, DRIFT_ERROR_FORMAT,
                 "'%s', line %zu: '%s' is '%.64s'; wanted %s", r->path, r->line,
                 c.key, text,
                 c.kind == REAL ? "a number or nothing" : "a whole number");
    }
out:
    return status;
}

drift_status score_table_open(drift_context *ctx, const char *path,
                              drift_score_table **out)
{
    drift_status status = DRIFT_OK;
    drift_score_table *t = mem_alloc(ctx, 1, sizeof *t);
    file_view view = {0};
    char *text = NULL;
    *out = NULL;
    if (!t)
        return DRIFT_ERROR_MEMORY;
    t->ctx = ctx;
    if (file_exists(path)) {
        TRY(file_open_view(ctx, path, &view));
        text = mem_alloc(ctx, view.size + 1, 1);
        if (!text) {
            status = DRIFT_ERROR_MEMORY;
            goto out;
        }
        if (view.size)
            memcpy(text, view.data, view.size);
        /* What follows a NUL would be lost: there the file has no end. */
        reader r = {.ctx = ctx, .path = path, .at = text};
        TRY(read_row(&r, NULL));
        while (r.at < text + view.size) {
            drift_score_row row = {0};
            TRY(read_row(&r, &row));
            TRY(score_table_put(t, &row));
        }
    }
    *out = t;
    t = NULL;
out:
    drift_score_table_free(t);
    mem_free(text);
    file_close_view(&view);
    return status;
}

static int is_wanted(const drift_score_row *row, const drift_score_wanted *w)
{
    char weights[SET_TEXT];
    checkpoint_set_name(w->ema ? w->ema : "", weights);
    return (!w->network || !strcmp(row->network, w->network)) &&
           (!w->resize || !strcmp(row->resize, w->resize)) &&
           (!w->data || !strcmp(row->data, w->data)) &&
           (!w->ema || !strcmp(row->weights, weights)) &&
           (w->alpha == 0 || (float)row->alpha == (float)w->alpha) &&
           (!w->count || row->scores.count == w->count) &&
           (!w->seed || row->seed == *w->seed);
}

/* What there is to choose among. */
static drift_status fail_wanted(const drift_score_table *t, const char *file)
{
    char *all = mem_strdup(t->ctx, "");
    for (size_t i = 0; all && i < t->count; i++) {
        const drift_score_row *r = &t->rows[i];
        if (i && same_settings(r, r - 1))
            continue;
        char *more = mem_printf(
            t->ctx, "%s%s%s%s%s, data %s, %zu samples, %s, alpha %g, seed %llu",
            all, *all ? "; " : "", *r->network ? r->network : "points",
            *r->resize ? ", resize " : "", r->resize, r->data, r->scores.count,
            r->weights, r->alpha, (unsigned long long)r->seed);
        mem_free(all);
        all = more;
    }
    if (!all)
        return DRIFT_ERROR_MEMORY;
    drift_status status =
        ERROR(t->ctx, DRIFT_ERROR_USAGE,
              "'%s' has no scores of these settings; it has: %s", file, all);
    mem_free(all);
    return status;
}

drift_status drift_score_table_read(drift_context *ctx, const char *path,
                                    const drift_score_wanted *wanted,
                                    drift_score_table **out)
{
    static const drift_score_wanted any = {0};
    drift_status status = DRIFT_OK;
    drift_score_table *t = NULL;
    size_t last;
    char *file = file_is_dir(path)
                     ? mem_printf(ctx, "%s/" SCORE_FOLDER "/" SCORE_FILE, path)
                     : mem_strdup(ctx, path);
    *out = NULL;
    if (!file)
        return DRIFT_ERROR_MEMORY;
    TRY(score_table_open(ctx, file, &t));
    if (!t->count)
        FAIL(ctx, DRIFT_ERROR_IO,
             "no scores in '%s'; this makes them: drift-eval --all '%s'", file,
             path);
    last = t->count;
    while (last && !is_wanted(&t->rows[last - 1], wanted ? wanted : &any))
        last--;
    if (!last) {
        status = fail_wanted(t, file);
        goto out;
    }
    score_table_select(t, &t->rows[last - 1]);
    *out = t;
    t = NULL;
out:
    drift_score_table_free(t);
    mem_free(file);
    return status;
}
