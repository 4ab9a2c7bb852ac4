/* Loading, comparing and reporting for the checkers: see golden.h. */
#include "golden.h"

#include <fnmatch.h>
#include <jansson.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define NAME 200 /* longest name of a tensor */

#define FORMAT(text, fmt)                                                      \
    char text[NAME];                                                           \
    do {                                                                       \
        va_list ap;                                                            \
        va_start(ap, fmt);                                                     \
        vsnprintf(text, sizeof text, fmt, ap);                                 \
        va_end(ap);                                                            \
    } while (0)

/* -- what a case holds -------------------------------------------------- */

static drift_status hold(golden *g, void *memory)
{
    void **more = NULL;
    if (memory)
        more = realloc(g->held, (g->held_count + 1) * sizeof *more);
    if (!more) {
        free(memory);
        return ERROR(g->ctx, DRIFT_ERROR_MEMORY, "out of memory");
    }
    g->held = more;
    g->held[g->held_count++] = memory;
    return DRIFT_OK;
}

static drift_status new_tensor(golden *g, tensor **out, dtype type, shape s)
{
    tensor **more = realloc(g->tensors, (g->tensor_count + 1) * sizeof *more);
    tensor *t = calloc(1, sizeof *t);
    if (more)
        g->tensors = more;
    if (!more || !t) {
        free(t);
        return ERROR(g->ctx, DRIFT_ERROR_MEMORY, "out of memory");
    }
    g->tensors[g->tensor_count++] = t;
    *out = t;
    return tensor_new(g->ctx, t, type, s);
}

void golden_end_case(golden *g)
{
    for (size_t i = 0; i < g->tensor_count; i++) {
        tensor_free(g->ctx, g->tensors[i]);
        free(g->tensors[i]);
    }
    for (size_t i = 0; i < g->held_count; i++)
        free(g->held[i]);
    g->tensor_count = g->held_count = 0;
}

static drift_status filled(golden *g, tensor **out, shape s, float value)
{
    drift_status status = new_tensor(g, out, DTYPE_F32, s);
    return status == DRIFT_OK ? op_fill(g->ctx, *out, value) : status;
}

drift_status golden_output(golden *g, tensor **out, shape s)
{
    return filled(g, out, s, NAN);
}

drift_status golden_gradient(golden *g, tensor **out, shape s)
{
    return filled(g, out, s, 0);
}

/* -- loading ------------------------------------------------------------ */

static const array *find(golden *g, const char *name)
{
    const array *a = array_list_find(&g->file.arrays, name);
    if (a)
        g->used[a - g->file.arrays.items] = 1;
    return a;
}

static const array *need(golden *g, const char *name)
{
    const array *a = find(g, name);
    if (!a)
        (void)ERROR(g->ctx, DRIFT_ERROR_FORMAT, "%s has no tensor '%s'",
                    g->name, name);
    return a;
}

const array *golden_find(golden *g, const char *name, ...)
{
    FORMAT(text, name);
    return find(g, text);
}

/* Its shape and numbers, dimensions reordered. */
static drift_status arrange(golden *g, const array *a, const char *layout,
                            shape *s, double **out)
{
    static const char same[] = "01234567";
    size_t count = array_count(a), stride[ARRAY_DIMS];
    double *raw = malloc((count + 1) * sizeof *raw);
    double *to = malloc((count + 1) * sizeof *to);
    *out = to;
    if (hold(g, raw) != DRIFT_OK || hold(g, to) != DRIFT_OK)
        return DRIFT_ERROR_MEMORY;
    if (!layout)
        layout = same;
    else if (strlen(layout) != (size_t)a->ndim)
        return ERROR(g->ctx, DRIFT_ERROR_SHAPE, "'%s' has %d dimensions",
                     a->name, a->ndim);
    if (a->ndim > TENSOR_DIMS)
        return ERROR(g->ctx, DRIFT_ERROR_SHAPE, "'%s' has %d dimensions",
                     a->name, a->ndim);
    array_to_f64(a, raw);
    *s = (shape){.ndim = a->ndim};
    for (int i = 0; i < a->ndim; i++) {
        int from = layout[i] - '0';
        s->dim[i] = a->dim[from];
        stride[i] = 1;
        for (int j = from + 1; j < a->ndim; j++)
            stride[i] *= a->dim[j];
    }
    for (size_t i = 0; i < count; i++) {
        size_t rest = i, at = 0;
        for (int j = s->ndim - 1; j >= 0; j--) {
            at += rest % s->dim[j] * stride[j];
            rest /= s->dim[j];
        }
        to[i] = raw[at];
    }
    return DRIFT_OK;
}

static int is_integer(const array *a)
{
    return a->type == ARRAY_I32 || a->type == ARRAY_I64;
}

static drift_status load(golden *g, tensor **out, const char *layout,
                         const array *a)
{
    drift_status status = DRIFT_OK;
    shape s;
    double *numbers;
    int integer = is_integer(a);
    TRY(arrange(g, a, layout, &s, &numbers));
    TRY(new_tensor(g, out, integer ? DTYPE_I32 : DTYPE_F32, s));
    size_t count = tensor_count(*out);
    void *host = malloc((count + 1) * 4);
    TRY(hold(g, host));
    for (size_t i = 0; i < count; i++)
        if (integer)
            ((int *)host)[i] = (int)numbers[i];
        else
            ((float *)host)[i] = (float)numbers[i];
    TRY(tensor_write(g->ctx, *out, host));
out:
    return status;
}

drift_status golden_load(golden *g, tensor **out, const char *layout,
                         const char *name, ...)
{
    FORMAT(text, name);
    const array *a = need(g, text);
    return a ? load(g, out, layout, a) : DRIFT_ERROR_FORMAT;
}

drift_status golden_load_optional(golden *g, tensor **out, const char *layout,
                                  const char *name, ...)
{
    FORMAT(text, name);
    const array *a = find(g, text);
    *out = NULL;
    return a ? load(g, out, layout, a) : DRIFT_OK;
}

drift_status golden_numbers(golden *g, double **out, size_t *count,
                            const char *name, ...)
{
    FORMAT(text, name);
    const array *a = need(g, text);
    shape s;
    if (!a)
        return DRIFT_ERROR_FORMAT;
    if (count)
        *count = array_count(a);
    return arrange(g, a, NULL, &s, out);
}

/* -- comparing ---------------------------------------------------------- */

void golden_line(golden *g, const char *name, double error, double limit)
{
    int good = error <= limit;
    printf("%-46s %9.2e %9.2e %s\n", name, error, limit, good ? "ok" : "FAIL");
    if (good)
        g->passed++;
    else
        g->failed++;
}

static void fail(golden *g, const char *name)
{
    printf("%-46s %9s %9s FAIL: %s\n", name, "-", "-",
           drift_error_text(g->ctx));
    g->failed++;
    drift_error_clear(g->ctx);
}

static void compare(golden *g, const char *name, const double *got,
                    const double *want, size_t count, double limit,
                    int absolute)
{
    char line[NAME + 80];
    double worst = 0, size = 0;
    for (size_t i = 0; i < count; i++) {
        double error = fabs(got[i] - want[i]);
        worst = fmax(worst, isnan(error) ? INFINITY : error);
        size = fmax(size, fabs(want[i]));
    }
    snprintf(line, sizeof line, "%s %s", g->name, name);
    if (!absolute && size > 0)
        worst /= size;
    golden_line(g, line, worst, limit);
}

static drift_status wrong_count(golden *g, const char *name, size_t got,
                                size_t want)
{
    return ERROR(g->ctx, DRIFT_ERROR_SHAPE,
                 "'%s' has %zu numbers, computed were %zu", name, want, got);
}

drift_status golden_near(golden *g, const tensor *got, const char *layout,
                         const char *name, ...)
{
    FORMAT(text, name);
    drift_status status = DRIFT_OK;
    shape s;
    double *want;
    size_t count = tensor_count(got);
    const array *a = need(g, text);
    if (!a)
        return DRIFT_ERROR_FORMAT;
    TRY(arrange(g, a, layout, &s, &want));
    if (shape_count(s) != count) {
        status = wrong_count(g, text, count, shape_count(s));
        goto out;
    }
    float *host = malloc((count + 1) * sizeof *host);
    TRY(hold(g, host));
    double *numbers = malloc((count + 1) * sizeof *numbers);
    TRY(hold(g, numbers));
    TRY(tensor_read(g->ctx, got, host));
    for (size_t i = 0; i < count; i++)
        numbers[i] = (double)host[i];
    compare(g, text, numbers, want, count, g->limit, 0);
out:
    return status;
}

static drift_status compare_host(golden *g, const double *got, size_t count,
                                 double limit, int absolute, const char *name)
{
    drift_status status = DRIFT_OK;
    shape s;
    double *want;
    const array *a = need(g, name);
    if (!a)
        return DRIFT_ERROR_FORMAT;
    TRY(arrange(g, a, NULL, &s, &want));
    if (shape_count(s) != count)
        return wrong_count(g, name, count, shape_count(s));
    compare(g, name, got, want, count, limit, absolute);
out:
    return status;
}

drift_status golden_near_host(golden *g, const double *got, size_t count,
                              const char *name, ...)
{
    FORMAT(text, name);
    return compare_host(g, got, count, g->limit, 0, text);
}

drift_status golden_absolute(golden *g, const double *got, size_t count,
                             double limit, const char *name, ...)
{
    FORMAT(text, name);
    return compare_host(g, got, count, limit, 1, text);
}

static void print_todo(golden *g, const char *name)
{
    char line[NAME + 80];
    snprintf(line, sizeof line, "%s %s", g->name, name);
    printf("%-46s %9s %9s todo\n", line, "-", "-");
    g->todo++;
}

/* All of a case need no line of their own any more. */
static void use_all(golden *g, const char *prefix)
{
    size_t length = strlen(prefix);
    for (size_t i = 0; i < g->file.arrays.count; i++) {
        const char *name = g->file.arrays.items[i].name;
        if (!strncmp(name, prefix, length) &&
            (!name[length] || name[length] == '.'))
            g->used[i] = 1;
    }
}

void golden_todo(golden *g, const char *prefix)
{
    use_all(g, prefix);
    print_todo(g, prefix);
}

void golden_ignore(golden *g, const char *pattern)
{
    for (size_t i = 0; i < g->file.arrays.count; i++)
        if (!fnmatch(pattern, g->file.arrays.items[i].name, 0))
            g->used[i] = 1;
}

/* -- metadata ----------------------------------------------------------- */

const char *golden_meta(const golden *g, const char *key)
{
    const char *text = safetensors_metadata(&g->file, key);
    return text ? text : "";
}

double golden_option(const golden *g, const char *key, const char *option)
{
    json_t *object = json_loads(golden_meta(g, key), 0, NULL);
    double value = json_number_value(json_object_get(object, option));
    json_decref(object);
    return value;
}

/* -- files -------------------------------------------------------------- */

drift_status golden_each_case(golden *g,
                              drift_status (*check)(golden *g,
                                                    const char *name))
{
    char last[NAME] = "";
    for (size_t i = 0; i < g->file.arrays.count; i++) {
        const char *name = g->file.arrays.items[i].name;
        size_t length = strcspn(name, ".");
        if (!name[length] || length >= NAME ||
            (!strncmp(name, last, length) && !last[length]))
            continue;
        memcpy(last, name, length);
        last[length] = 0;
        if (check(g, last) != DRIFT_OK) {
            char line[2 * NAME];
            snprintf(line, sizeof line, "%s %s", g->name, last);
            fail(g, line);
            use_all(g, last);
        }
        golden_end_case(g);
    }
    return DRIFT_OK;
}

/* What nobody asked for, one line for all names with the same beginning. */
static void print_unused(golden *g)
{
    const array *items = g->file.arrays.items;
    for (size_t i = 0; i < g->file.arrays.count; i++) {
        char line[NAME];
        size_t length = strcspn(items[i].name, "."), count = 0;
        if (g->used[i])
            continue;
        for (size_t j = i; j < g->file.arrays.count; j++)
            if (!g->used[j] && !strncmp(items[i].name, items[j].name, length) &&
                strcspn(items[j].name, ".") == length) {
                g->used[j] = 1;
                count++;
            }
        snprintf(line, sizeof line, "%.*s.* (%zu tensors)", (int)length,
                 items[i].name, count);
        print_todo(g, count > 1 ? line : items[i].name);
    }
}

void golden_check_file(golden *g, const golden_family *family, const char *file)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", g->directory, file);
    snprintf(g->name, sizeof g->name, "%.*s", (int)strcspn(file, "."), file);
    g->limit = family->limit;
    drift_status status = safetensors_open(g->ctx, path, &g->file);
    if (status == DRIFT_OK) {
        g->used = calloc(g->file.arrays.count + 1, 1);
        if (!g->used)
            status = ERROR(g->ctx, DRIFT_ERROR_MEMORY, "out of memory");
    }
    if (status == DRIFT_OK && !family->check) {
        memset(g->used, 1, g->file.arrays.count);
        print_todo(g, "(all)");
    } else if (status == DRIFT_OK) {
        (void)array_list_sort(&g->file.arrays);
        status = family->check(g);
    }
    golden_end_case(g);
    if (status == DRIFT_ERROR_UNAVAILABLE) {
        print_todo(g, drift_error_text(g->ctx));
        drift_error_clear(g->ctx);
    } else if (status != DRIFT_OK)
        fail(g, g->name);
    else
        print_unused(g);
    safetensors_close(&g->file);
    free(g->used);
    free(g->held);
    free(g->tensors);
    g->used = NULL;
    g->held = NULL;
    g->tensors = NULL;
    g->held_count = g->tensor_count = 0;
}
