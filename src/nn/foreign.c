/* Other people's weights: their names, and copying by name and shape. */
#include "nn/foreign.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

typedef struct names {
    const char *ours, *theirs[2]; /* by foreign_kind; NULL: they have none */
    int linear;                   /* a matrix that PyTorch keeps as [out,in] */
} names;

#define FLAX_LINEAR(path) path ".Dense_0.kernel"
#define FLAX_BIAS(path)   path ".Dense_0.bias"

static const names top_names[] = {
    {"class.table",
     {"Embed_0.embedding", "label_embed.embedding_table.weight"},
     0},
    {"style.table",
     {"noise_embeds_%d.embedding", "style_embed.codebook.weight"},
     0},
    {"alpha.linear1.weight",
     {FLAX_LINEAR("TimestepEmbedder_0.TorchLinear_0"),
      "alpha_embed.mlp.0.weight"},
     1},
    {"alpha.linear1.bias",
     {FLAX_BIAS("TimestepEmbedder_0.TorchLinear_0"), "alpha_embed.mlp.0.bias"},
     0},
    {"alpha.linear2.weight",
     {FLAX_LINEAR("TimestepEmbedder_0.TorchLinear_1"),
      "alpha_embed.mlp.2.weight"},
     1},
    {"alpha.linear2.bias",
     {FLAX_BIAS("TimestepEmbedder_0.TorchLinear_1"), "alpha_embed.mlp.2.bias"},
     0},
    {"alpha.norm.weight", {"RMSNorm_0.weight", NULL}, 0},
    {"patch.weight",
     {FLAX_LINEAR("LightningDiT_0.TorchLinear_0"), "patch_embed.proj.weight"},
     1},
    {"patch.bias",
     {FLAX_BIAS("LightningDiT_0.TorchLinear_0"), "patch_embed.proj.bias"},
     0},
    {"position.table", {"LightningDiT_0.pos_embed", NULL}, 0},
    {"extra.weight", {FLAX_LINEAR("LightningDiT_0.TorchLinear_1"), NULL}, 1},
    {"extra.bias", {FLAX_BIAS("LightningDiT_0.TorchLinear_1"), NULL}, 0},
    {"extra.table", {"LightningDiT_0.cls_embed", "register_tokens"}, 0},
    {"final.norm.weight",
     {"LightningDiT_0.FinalLayer_0.RMSNorm_0.weight",
      "final_layer.norm.weight"},
     0},
    {"final.modulation.weight",
     {FLAX_LINEAR("LightningDiT_0.FinalLayer_0.TorchLinear_0"),
      "final_layer.adaLN_modulation.1.weight"},
     1},
    {"final.modulation.bias",
     {FLAX_BIAS("LightningDiT_0.FinalLayer_0.TorchLinear_0"),
      "final_layer.adaLN_modulation.1.bias"},
     0},
    {"final.linear.weight",
     {FLAX_LINEAR("LightningDiT_0.FinalLayer_0.TorchLinear_1"),
      "final_layer.linear.weight"},
     1},
    {"final.linear.bias",
     {FLAX_BIAS("LightningDiT_0.FinalLayer_0.TorchLinear_1"),
      "final_layer.linear.bias"},
     0},
};

/* Of a block: after LightningDiT_0.blocks_I. or blocks.I. */
static const names block_names[] = {
    {"norm1.weight", {"RMSNorm_0.weight", "norm1.weight"}, 0},
    {"norm2.weight", {"RMSNorm_1.weight", "norm2.weight"}, 0},
    {"modulation.weight",
     {FLAX_LINEAR("TorchLinear_0"), "adaLN_modulation.1.weight"},
     1},
    {"modulation.bias",
     {FLAX_BIAS("TorchLinear_0"), "adaLN_modulation.1.bias"},
     0},
    {"attention.qkv.weight",
     {FLAX_LINEAR("Attention_0.TorchLinear_0"), "attn.qkv.weight"},
     1},
    {"attention.qkv.bias",
     {FLAX_BIAS("Attention_0.TorchLinear_0"), "attn.qkv.bias"},
     0},
    {"attention.q_norm.weight",
     {"Attention_0.q_norm.weight", "attn.q_norm.weight"},
     0},
    {"attention.k_norm.weight",
     {"Attention_0.k_norm.weight", "attn.k_norm.weight"},
     0},
    {"attention.out.weight",
     {FLAX_LINEAR("Attention_0.TorchLinear_1"), "attn.proj.weight"},
     1},
    {"attention.out.bias",
     {FLAX_BIAS("Attention_0.TorchLinear_1"), "attn.proj.bias"},
     0},
    {"mlp.w1.weight",
     {FLAX_LINEAR("SwiGLUFFN_0.TorchLinear_0"), "mlp.w1.weight"},
     1},
    {"mlp.w1.bias", {FLAX_BIAS("SwiGLUFFN_0.TorchLinear_0"), "mlp.w1.bias"}, 0},
    {"mlp.w3.weight",
     {FLAX_LINEAR("SwiGLUFFN_0.TorchLinear_1"), "mlp.w3.weight"},
     1},
    {"mlp.w3.bias", {FLAX_BIAS("SwiGLUFFN_0.TorchLinear_1"), "mlp.w3.bias"}, 0},
    {"mlp.w2.weight",
     {FLAX_LINEAR("SwiGLUFFN_0.TorchLinear_2"), "mlp.w2.weight"},
     1},
    {"mlp.w2.bias", {FLAX_BIAS("SwiGLUFFN_0.TorchLinear_2"), "mlp.w2.bias"}, 0},
};

/* Arrays of theirs that hold nothing of ours: tables made anew. */
static int is_buffer(foreign_kind kind, const char *name)
{
    return kind == FOREIGN_TORCH && !strncmp(name, "rope.", 5);
}

static const names *find(const names *list, size_t count, const char *ours)
{
    for (size_t i = 0; i < count; i++)
        if (!strcmp(list[i].ours, ours))
            return &list[i];
    return NULL;
}

/* Their name of our parameter; 0 when they have none. */
static int translate(foreign_kind kind, const char *ours, foreign_piece *piece)
{
    char head[64] = "";
    int i, end = 0;
    const names *n;
    if (sscanf(ours, "blocks.%d.%n", &i, &end) == 1 && end) {
        n = find(block_names, sizeof block_names / sizeof *block_names,
                 ours + end);
        snprintf(head, sizeof head,
                 kind == FOREIGN_FLAX ? "LightningDiT_0.blocks_%d."
                                      : "blocks.%d.",
                 i);
    } else {
        n = find(top_names, sizeof top_names / sizeof *top_names, ours);
    }
    if (!n || !n->theirs[kind])
        return 0;
    snprintf(piece->name, sizeof piece->name, "%s%s", head, n->theirs[kind]);
    piece->transposed = kind == FOREIGN_TORCH && n->linear;
    return 1;
}

/* The style tables of the release are arrays of their own. */
static size_t pieces_of(const generator *g, foreign_kind kind, size_t i)
{
    int many = kind == FOREIGN_FLAX && !g->config.style_shared &&
               (int)i == g->condition.style_table;
    return many ? (size_t)g->config.style_tokens : 1;
}

drift_status foreign_pieces(const generator *g, foreign_kind kind,
                            foreign_piece **out, size_t *count)
{
    drift_context *ctx = g->ctx;
    drift_status status = DRIFT_OK;
    const params *p = &g->params;
    foreign_piece *list = NULL;
    size_t total = 0, at = 0;
    *out = NULL;
    *count = 0;
    if (g->config.kind != GENERATOR_DIT)
        FAIL(ctx, DRIFT_ERROR_USAGE,
             "weights: only a dit can take other people's weights, this is "
             "'%s'",
             g->ops->name);
    for (size_t i = 0; i < p->count; i++)
        total += pieces_of(g, kind, i);
    list = mem_alloc(ctx, total, sizeof *list);
    if (!list)
        return DRIFT_ERROR_MEMORY;
    for (size_t i = 0; i < p->count; i++) {
        size_t n = pieces_of(g, kind, i);
        for (size_t k = 0; k < n; k++) {
            foreign_piece *piece = &list[at++];
            piece->param = (int)i;
            piece->rows = p->list[i].shape.dim[0] / n;
            piece->first = k * piece->rows;
            if (!translate(kind, p->list[i].name, piece))
                FAIL(ctx, DRIFT_ERROR_USAGE,
                     "weights: the other architecture has no '%s'",
                     p->list[i].name);
            if (n > 1)
                snprintf(piece->name, sizeof piece->name,
                         "noise_embeds_%zu.embedding", k);
        }
    }
    *out = list;
    *count = total;
    list = NULL;
out:
    mem_free(list);
    return status;
}

tensor foreign_view(const generator *g, const tensor *flat,
                    const foreign_piece *piece)
{
    tensor view = params_view(&g->params, flat, piece->param);
    shape s = view.shape;
    size_t row = s.dim[0] ? shape_count(s) / s.dim[0] : 0;
    s.dim[0] = piece->rows;
    return tensor_view(&view, piece->first * row, s);
}

/* -- finding the tree ----------------------------------------------------- */

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

/* The wrapper's length and text: what stands before the patch embedding. */
static drift_status find_tree(drift_context *ctx, foreign_kind kind,
                              const array_list *arrays, const char **prefix,
                              size_t *length)
{
    static const char *const anchor[2] = {
        FLAX_LINEAR("LightningDiT_0.TorchLinear_0"), "patch_embed.proj.weight"};
    const array *best = NULL;
    int trees = 0, averaged = 0;
    for (size_t i = 0; i < arrays->count; i++) {
        const array *a = &arrays->items[i];
        long n = before(a->name, anchor[kind]);
        if (n < 0)
            continue;
        int ema = has_word(a->name, (size_t)n, "ema");
        trees++;
        averaged += ema;
        if (!best || ema) {
            best = a;
            *prefix = a->name;
            *length = (size_t)n;
        }
    }
    if (!best)
        return ERROR(ctx, DRIFT_ERROR_FORMAT,
                     "weights: no '%s' among the %zu arrays", anchor[kind],
                     arrays->count);
    if (trees > 1 && averaged != 1)
        return ERROR(ctx, DRIFT_ERROR_FORMAT,
                     "weights: %d sets of weights, %d of them averaged (ema): "
                     "which one is not clear",
                     trees, averaged);
    return DRIFT_OK;
}

static const array *find_array(const array_list *arrays, const char *prefix,
                               size_t length, const char *name)
{
    for (size_t i = 0; i < arrays->count; i++) {
        const char *full = arrays->items[i].name;
        if (!strncmp(full, prefix, length) && !strcmp(full + length, name))
            return &arrays->items[i];
    }
    return NULL;
}

/* -- copying -------------------------------------------------------------- */

/* What did not fit; `text` is cut off when there is too much of it. */
typedef struct complaint {
    char text[1500];
    size_t used, count, left_out;
} complaint;

static void complain(drift_context *ctx, complaint *c, const char *fmt, ...)
    DRIFT_PRINTF(3, 4);

static void complain(drift_context *ctx, complaint *c, const char *fmt, ...)
{
    char one[512];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(one, sizeof one, fmt, ap);
    va_end(ap);
    log_warning(ctx, "weights: %s", one);
    size_t need = strlen(one) + 2;
    if (c->used + need < sizeof c->text)
        c->used += (size_t)snprintf(c->text + c->used, sizeof c->text - c->used,
                                    "%s%s", c->count ? "; " : "", one);
    else
        c->left_out++;
    c->count++;
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

/* Theirs fits when its shape, but for dimensions of 1, is ours; [out,in] of a
 * transposed one may have `in` in several dimensions (a convolution). */
static int fits(const array *a, const tensor *ours, int transposed)
{
    size_t want[TENSOR_DIMS];
    int n = 0, at = 0;
    for (int i = 0; i < ours->shape.ndim; i++)
        if (ours->shape.dim[i] != 1)
            want[n++] = ours->shape.dim[i];
    if (transposed)
        return a->ndim >= 2 && a->dim[0] == ours->shape.dim[1] &&
               array_count(a) == tensor_count(ours);
    for (int i = 0; i < a->ndim; i++)
        if (a->dim[i] != 1 && (at >= n || a->dim[i] != want[at++]))
            return 0;
    return at == n;
}

static drift_status copy(drift_context *ctx, const array *a, tensor *to,
                         int transposed)
{
    drift_status status = DRIFT_OK;
    size_t count = array_count(a);
    float *x = mem_alloc(ctx, count, sizeof *x), *y = NULL;
    if (!x)
        return DRIFT_ERROR_MEMORY;
    array_to_f32(a, x);
    if (transposed) {
        size_t in = to->shape.dim[0], out = to->shape.dim[1];
        y = mem_alloc(ctx, count, sizeof *y);
        if (!y) {
            status = DRIFT_ERROR_MEMORY;
            goto out;
        }
        for (size_t i = 0; i < in; i++)
            for (size_t o = 0; o < out; o++)
                y[i * out + o] = x[o * in + i];
    }
    TRY(tensor_write(ctx, to, y ? y : x));
out:
    mem_free(x);
    mem_free(y);
    return status;
}

drift_status foreign_load(generator *g, foreign_kind kind,
                          const array_list *arrays, tensor *flat)
{
    drift_context *ctx = g->ctx;
    drift_status status = DRIFT_OK;
    complaint c = {.count = 0};
    foreign_piece *pieces = NULL;
    unsigned char *used = NULL;
    const char *prefix = "";
    size_t count, length = 0;
    TRY(foreign_pieces(g, kind, &pieces, &count));
    TRY(find_tree(ctx, kind, arrays, &prefix, &length));
    used = mem_alloc(ctx, arrays->count, 1);
    if (!used) {
        status = DRIFT_ERROR_MEMORY;
        goto out;
    }
    for (size_t i = 0; i < count; i++) {
        char is[SHAPE_TEXT], want[SHAPE_TEXT];
        tensor view = foreign_view(g, flat, &pieces[i]);
        const array *a = find_array(arrays, prefix, length, pieces[i].name);
        if (!a) {
            complain(ctx, &c, "'%s' is missing", pieces[i].name);
            continue;
        }
        used[a - arrays->items] = 1;
        if (fits(a, &view, pieces[i].transposed))
            TRY(copy(ctx, a, &view, pieces[i].transposed));
        else
            complain(ctx, &c, "'%s' is %s, not %s%s", pieces[i].name,
                     dims_text(a->ndim, a->dim, is),
                     shape_text(view.shape, want),
                     pieces[i].transposed ? " transposed" : "");
    }
    for (size_t i = 0; i < arrays->count; i++) {
        const char *name = arrays->items[i].name;
        if (!used[i] && !strncmp(name, prefix, length) &&
            !is_buffer(kind, name + length))
            complain(ctx, &c, "'%s' is left over", name + length);
    }
    if (c.count)
        FAIL(ctx, DRIFT_ERROR_FORMAT, "weights: %zu do not fit: %s%s", c.count,
             c.text, c.left_out ? " ..." : "");
out:
    mem_free(used);
    mem_free(pieces);
    return status;
}
