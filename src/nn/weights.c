/* Copying weights by name and shape, with a list of what does not fit. */
#include "nn/weights.h"

#include <fnmatch.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"

#define NAME 256

/* -- complaints ----------------------------------------------------------- */

void weights_complain(weights *w, const char *format, ...)
{
    char one[512];
    va_list ap;
    va_start(ap, format);
    vsnprintf(one, sizeof one, format, ap);
    va_end(ap);
    if (strstr(w->text, one)) /* of another part of the array */
        return;
    log_warning(w->params->ctx, "weights: %s", one);
    size_t need = strlen(one) + 2;
    if (w->text_used + need < sizeof w->text)
        w->text_used += (size_t)snprintf(w->text + w->text_used,
                                         sizeof w->text - w->text_used, "%s%s",
                                         w->complaints ? "; " : "", one);
    else
        w->left_out++;
    w->complaints++;
}

static const char *dims_text(int ndim, const size_t *dim, char text[SHAPE_TEXT])
{
    size_t used = 1;
    text[0] = '[';
    text[1] = '\0';
    for (int i = 0; i < ndim && used + 24 < SHAPE_TEXT; i++)
        used += (size_t)snprintf(text + used, SHAPE_TEXT - used, "%s%zu",
                                 i ? "," : "", dim[i]);
    snprintf(text + used, SHAPE_TEXT - used, "]");
    return text;
}

/* -- finding -------------------------------------------------------------- */

/* The part of `name` before `end`, -1 when it does not end so. */
static long before(const char *name, const char *end)
{
    size_t n = strlen(name), m = strlen(end);
    if (n < m || strcmp(name + n - m, end) != 0 ||
        (n > m && name[n - m - 1] != '.'))
        return -1;
    return (long)(n - m);
}

static int has_word(const char *text, size_t length, const char *word)
{
    size_t n = strlen(word);
    for (size_t i = 0; i + n <= length; i++)
        if (!strncmp(text + i, word, n))
            return 1;
    return 0;
}

/* What stands before the anchor. */
static drift_status find_tree(weights *w, const char *anchor)
{
    drift_context *ctx = w->params->ctx;
    const array *best = NULL;
    int trees = 0, chosen = 0;
    for (size_t i = 0; i < w->arrays->count; i++) {
        const array *a = &w->arrays->items[i];
        long n = before(a->name, anchor);
        if (n < 0)
            continue;
        int better = has_word(a->name, (size_t)n, "ema") ||
                     has_word(a->name, (size_t)n, "encoder_q.");
        trees++;
        chosen += better;
        if (!best || better) {
            best = a;
            w->prefix = a->name;
            w->prefix_length = (size_t)n;
        }
    }
    if (!best)
        return ERROR(ctx, DRIFT_ERROR_FORMAT,
                     "weights: no '%s' among the %zu arrays", anchor,
                     w->arrays->count);
    if (trees > 1 && chosen != 1)
        return ERROR(ctx, DRIFT_ERROR_FORMAT,
                     "weights: %d sets of weights, %d of them averaged (ema) "
                     "or MoCo's encoder_q: which one is not clear",
                     trees, chosen);
    return DRIFT_OK;
}

drift_status weights_open(params *p, tensor *flat, const array_list *arrays,
                          const char *anchor, weights *w)
{
    drift_status status = DRIFT_OK;
    *w = (weights){.params = p, .flat = flat, .arrays = arrays, .prefix = ""};
    w->used = mem_alloc(p->ctx, arrays->count, 1);
    if (!w->used)
        return DRIFT_ERROR_MEMORY;
    if (anchor)
        TRY(find_tree(w, anchor));
out:
    return status;
}

const array *weights_named(const array_list *arrays, const char *name)
{
    for (size_t i = 0; i < arrays->count; i++)
        if (before(arrays->items[i].name, name) >= 0)
            return &arrays->items[i];
    return NULL;
}

int weights_extent(const array_list *arrays, const char *list)
{
    size_t length = strlen(list);
    int count = 0;
    for (size_t i = 0; i < arrays->count; i++) {
        const char *name = arrays->items[i].name;
        const char *at = strstr(name, list);
        int n = 0, end = 0;
        if (at && (at == name || at[-1] == '.') &&
            sscanf(at + length, "%6d%n", &n, &end) == 1 &&
            at[length + (size_t)end] == '.' && n >= count)
            count = n + 1;
    }
    return count;
}

/* The name of an array inside the tree, NULL when it is not in it. */
static const char *inner_name(const weights *w, const array *a)
{
    return strncmp(a->name, w->prefix, w->prefix_length) != 0
               ? NULL
               : a->name + w->prefix_length;
}

static const array *find(weights *w, const char *name)
{
    for (size_t i = 0; i < w->arrays->count; i++) {
        const char *inner = inner_name(w, &w->arrays->items[i]);
        if (inner && !strcmp(inner, name)) {
            w->used[i] = 1;
            return &w->arrays->items[i];
        }
    }
    return NULL;
}

const array *weights_find(weights *w, const char *name_format, ...)
{
    char name[NAME];
    va_list ap;
    va_start(ap, name_format);
    vsnprintf(name, sizeof name, name_format, ap);
    va_end(ap);
    return find(w, name);
}

static const array *want(weights *w, const char *name)
{
    const array *a = find(w, name);
    if (!a)
        weights_complain(w, "'%s' is missing", name);
    return a;
}

void weights_ignore(weights *w, const char *pattern)
{
    for (size_t i = 0; i < w->arrays->count; i++) {
        const char *inner = inner_name(w, &w->arrays->items[i]);
        if (inner && !fnmatch(pattern, inner, 0))
            w->used[i] = 1;
    }
}

/* -- copying -------------------------------------------------------------- */

/* Theirs fits when its shape, but for dimensions of 1, is ours; in WEIGHTS_OI
 * `in` may be several dimensions. */
static int fits(const array *a, shape ours, weights_layout layout)
{
    size_t want[TENSOR_DIMS], count = shape_count(ours);
    const size_t *d = ours.dim;
    int n = 0, at = 0;
    if (array_count(a) != count)
        return 0;
    if (layout == WEIGHTS_OI)
        return a->ndim >= 2 && ours.ndim == 2 && a->dim[0] == d[1];
    if (layout == WEIGHTS_OIHW)
        return a->ndim == 4 && ours.ndim == 4 && a->dim[0] == d[3] &&
               a->dim[1] == d[2] && a->dim[2] == d[0] && a->dim[3] == d[1];
    for (int i = 0; i < ours.ndim; i++)
        if (d[i] != 1)
            want[n++] = d[i];
    for (int i = 0; i < a->ndim; i++)
        if (a->dim[i] != 1 && (at >= n || a->dim[i] != want[at++]))
            return 0;
    return at == n;
}

/* [out,rest] -> [rest,out], and for OIHW rest (in,kh kw) -> (kh kw,in). */
static void reorder(float *to, const float *from, shape s, weights_layout l)
{
    size_t out = s.dim[s.ndim - 1], in = s.dim[s.ndim - 2];
    size_t window = l == WEIGHTS_OIHW ? s.dim[0] * s.dim[1] : 1;
    for (size_t o = 0; o < out; o++)
        for (size_t i = 0; i < in; i++)
            for (size_t k = 0; k < window; k++)
                to[(k * in + i) * out + o] = from[(o * in + i) * window + k];
}

/* Which of so many equal pieces of an array. */
typedef struct piece {
    size_t part, parts;
} piece;

/* *a becomes its piece; 0 when it has none. */
static int cut(array *a, piece p)
{
    if (p.parts == 1)
        return 1;
    if (!a->ndim || a->dim[0] % p.parts)
        return 0;
    a->dim[0] /= p.parts;
    a->data = (const char *)a->data +
              p.part * array_count(a) * array_type_size(a->type);
    return 1;
}

/* The array `name` in our layout, as fresh host memory; NULL in *out when it
 * does not fit, which is noted. */
static drift_status fetch_piece(weights *w, shape s, weights_layout layout,
                                piece p, const char *name, float **out)
{
    drift_context *ctx = w->params->ctx;
    const array *all = want(w, name);
    char is[SHAPE_TEXT], wanted[SHAPE_TEXT];
    float *x = *out = NULL, *y = NULL;
    if (!all)
        return DRIFT_OK;
    array here = *all, *a = &here;
    if (!cut(a, p) || !fits(a, s, layout)) {
        weights_complain(w, "'%s' is %s, not %s%s%s", name,
                         dims_text(all->ndim, all->dim, is),
                         shape_text(s, wanted),
                         layout == WEIGHTS_AS_OURS ? "" : " transposed",
                         p.parts == 1 ? "" : " several times");
        return DRIFT_OK;
    }
    x = mem_alloc(ctx, array_count(a), sizeof *x);
    if (!x)
        return DRIFT_ERROR_MEMORY;
    array_to_f32(a, x);
    if (layout != WEIGHTS_AS_OURS) {
        y = mem_alloc(ctx, array_count(a), sizeof *y);
        if (!y) {
            mem_free(x);
            return DRIFT_ERROR_MEMORY;
        }
        reorder(y, x, s, layout);
        mem_free(x);
    }
    *out = y ? y : x;
    return DRIFT_OK;
}

static drift_status fetch_array(weights *w, shape s, weights_layout layout,
                                const char *name, float **out)
{
    return fetch_piece(w, s, layout, (piece){0, 1}, name, out);
}

static drift_status take(weights *w, int i, size_t first, size_t count,
                         weights_layout layout, const char *name)
{
    drift_status status = DRIFT_OK;
    tensor view = params_view(w->params, w->flat, i);
    shape s = view.shape;
    float *x = NULL;
    if (count) {
        size_t row = shape_count(s) / s.dim[0];
        s.dim[0] = count;
        view = tensor_view(&view, first * row, s);
    }
    TRY(fetch_array(w, s, layout, name, &x));
    if (x)
        TRY(tensor_write(w->params->ctx, &view, x));
out:
    mem_free(x);
    return status;
}

drift_status weights_take(weights *w, int i, weights_layout layout,
                          const char *name_format, ...)
{
    char name[NAME];
    va_list ap;
    va_start(ap, name_format);
    vsnprintf(name, sizeof name, name_format, ap);
    va_end(ap);
    return take(w, i, 0, 0, layout, name);
}

drift_status weights_take_rows(weights *w, int i, size_t first, size_t count,
                               weights_layout layout, const char *name_format,
                               ...)
{
    char name[NAME];
    va_list ap;
    va_start(ap, name_format);
    vsnprintf(name, sizeof name, name_format, ap);
    va_end(ap);
    return take(w, i, first, count, layout, name);
}

drift_status weights_take_part(weights *w, int i, size_t part, size_t parts,
                               weights_layout layout, const char *name_format,
                               ...)
{
    drift_status status = DRIFT_OK;
    tensor view = params_view(w->params, w->flat, i);
    float *x = NULL;
    char name[NAME];
    va_list ap;
    va_start(ap, name_format);
    vsnprintf(name, sizeof name, name_format, ap);
    va_end(ap);
    TRY(fetch_piece(w, view.shape, layout, (piece){part, parts}, name, &x));
    if (x)
        TRY(tensor_write(w->params->ctx, &view, x));
out:
    mem_free(x);
    return status;
}

/* -- folding -------------------------------------------------------------- */

drift_status weights_fold(weights *w, int weight, int bias, float eps,
                          const char *conv, const char *norm)
{
    static const char *const parts[4] = {"weight", "bias", "running_mean",
                                         "running_var"};
    drift_context *ctx = w->params->ctx;
    drift_status status = DRIFT_OK;
    tensor to = params_view(w->params, w->flat, weight);
    tensor to_bias = params_view(w->params, w->flat, bias);
    size_t c = tensor_count(&to_bias), rows = tensor_count(&to) / c;
    float *x = NULL, *n[4] = {NULL, NULL, NULL, NULL};
    char name[NAME];
    int whole = 1;
    snprintf(name, sizeof name, "%s.weight", conv);
    TRY(fetch_array(w, to.shape, WEIGHTS_OIHW, name, &x));
    for (int i = 0; i < 4; i++) {
        snprintf(name, sizeof name, "%s.%s", norm, parts[i]);
        TRY(fetch_array(w, SHAPE(c), WEIGHTS_AS_OURS, name, &n[i]));
        whole = whole && n[i];
    }
    snprintf(name, sizeof name, "%s.num_batches_tracked", norm);
    weights_ignore(w, name);
    if (!x || !whole)
        goto out;
    for (size_t j = 0; j < c; j++) {
        double g = (double)n[0][j] / sqrt((double)n[3][j] + (double)eps);
        for (size_t i = 0; i < rows; i++)
            x[i * c + j] = (float)((double)x[i * c + j] * g);
        n[1][j] = (float)((double)n[1][j] - (double)n[2][j] * g);
    }
    TRY(tensor_write(ctx, &to, x));
    TRY(tensor_write(ctx, &to_bias, n[1]));
out:
    mem_free(x);
    for (int i = 0; i < 4; i++)
        mem_free(n[i]);
    return status;
}

drift_status weights_scale(weights *w, int i, const char *name_format, ...)
{
    drift_context *ctx = w->params->ctx;
    drift_status status = DRIFT_OK;
    tensor to = params_view(w->params, w->flat, i);
    size_t c = to.shape.dim[to.shape.ndim - 1], count = tensor_count(&to);
    float *scale = NULL, *x = NULL;
    char name[NAME];
    va_list ap;
    va_start(ap, name_format);
    vsnprintf(name, sizeof name, name_format, ap);
    va_end(ap);
    TRY(fetch_array(w, SHAPE(c), WEIGHTS_AS_OURS, name, &scale));
    if (!scale)
        goto out;
    x = mem_alloc(ctx, count, sizeof *x);
    if (!x) {
        status = DRIFT_ERROR_MEMORY;
        goto out;
    }
    TRY(tensor_read(ctx, &to, x));
    for (size_t k = 0; k < count; k++)
        x[k] *= scale[k % c];
    TRY(tensor_write(ctx, &to, x));
out:
    mem_free(scale);
    mem_free(x);
    return status;
}

/* -- the end -------------------------------------------------------------- */

drift_status weights_close(weights *w, drift_status status)
{
    for (size_t i = 0; status == DRIFT_OK && i < w->arrays->count; i++) {
        const char *inner = inner_name(w, &w->arrays->items[i]);
        if (inner && !w->used[i])
            weights_complain(w, "'%s' is left over", inner);
    }
    if (status == DRIFT_OK && w->complaints)
        status = ERROR(w->params->ctx, DRIFT_ERROR_FORMAT,
                       "weights: %zu do not fit: %s%s", w->complaints, w->text,
                       w->left_out ? " ..." : "");
    mem_free(w->used);
    w->used = NULL;
    return status;
}
