/* Other people's weights: their names, and copying by name and shape. */
#include "nn/foreign.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "nn/weights.h"

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

/* -- copying -------------------------------------------------------------- */

drift_status foreign_load(generator *g, foreign_kind kind,
                          const array_list *arrays, tensor *flat)
{
    static const char *const anchor[2] = {
        FLAX_LINEAR("LightningDiT_0.TorchLinear_0"), "patch_embed.proj.weight"};
    drift_status status = DRIFT_OK;
    foreign_piece *pieces = NULL;
    weights w = {0};
    size_t count;
    TRY(foreign_pieces(g, kind, &pieces, &count));
    TRY(weights_open(&g->params, flat, arrays, anchor[kind], &w));
    for (size_t i = 0; i < count; i++) {
        const foreign_piece *p = &pieces[i];
        TRY(weights_take_rows(
            &w, p->param, p->first, p->rows,
            p->transposed ? WEIGHTS_OI : WEIGHTS_AS_OURS, "%s", p->name));
    }
    if (kind == FOREIGN_TORCH) /* tables, which are made anew */
        weights_ignore(&w, "rope.*");
out:
    if (w.arrays)
        status = weights_close(&w, status);
    mem_free(pieces);
    return status;
}
