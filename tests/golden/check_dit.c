/* dit_*: the authors' generator with the weights of its own files; dit_torch:
 * that of the PyTorch re-implementations; rope: the rotary tables. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "formats/flax.h"
#include "golden.h"
#include "nn/dit.h"
#include "nn/foreign.h"
#include "release.h"

/* The suggested limits of jax/README.md beside g->limit, that of outputs. */
#define COND_LIMIT 2e-6
#define GRAD_LIMIT 2e-5
#define ROPE_LIMIT 1e-4

/* Open g->directory/g->name.extension. */
static drift_status open_beside(golden *g, const char *extension, char *path,
                                size_t size)
{
    int n = snprintf(path, size, "%s/%s.%s", g->directory, g->name, extension);
    return n > 0 && (size_t)n < size
               ? DRIFT_OK
               : ERROR(g->ctx, DRIFT_ERROR_IO, "path too long");
}

typedef struct model {
    golden *golden;
    generator *g;
    tape *tape;
    drift_status status; /* of the watch */
    generator_input in;
    tensor label, alpha; /* views of the file's, [b,1] */
    tensor *noise_grad;
} model;

static void close_model(model *m)
{
    tape_free(m->tape);
    generator_free(m->g);
}

/* Forward, compare with `name`. */
static var *forward(model *m, const char *name, const char *layout,
                    drift_status *status)
{
    var *y = generator_forward(m->g, m->tape, &m->g->params.value, &m->in);
    *status = tape_status(m->tape);
    if (*status == DRIFT_OK)
        *status = m->status;
    if (*status == DRIFT_OK)
        *status = golden_near(m->golden, &y->value, layout, "%s", name);
    return y;
}

/* One gradient in their layout: name = prefix and the piece's. */
static drift_status compare_gradient(model *m, const foreign_piece *piece,
                                     const char *prefix)
{
    golden *g = m->golden;
    drift_status status = DRIFT_OK;
    tensor view = foreign_view(m->g, &m->g->params.grad, piece);
    size_t count = tensor_count(&view);
    size_t rows = view.shape.dim[0], columns = rows ? count / rows : 0;
    float *x = malloc((count + 1) * sizeof *x);
    double *theirs = malloc((count + 1) * sizeof *theirs);
    if (!x || !theirs) {
        status = DRIFT_ERROR_MEMORY;
        goto out;
    }
    TRY(tensor_read(g->ctx, &view, x));
    for (size_t i = 0; i < rows; i++)
        for (size_t j = 0; j < columns; j++)
            theirs[piece->transposed ? j * rows + i : i * columns + j] =
                x[i * columns + j];
    TRY(golden_near_host(g, theirs, count, "%s%s", prefix, piece->name));
out:
    free(x);
    free(theirs);
    return status;
}

static drift_status compare_gradients(model *m, foreign_kind kind,
                                      const char *prefix)
{
    drift_status status = DRIFT_OK;
    foreign_piece *pieces = NULL;
    size_t count;
    m->golden->limit = GRAD_LIMIT;
    TRY(foreign_pieces(m->g, kind, &pieces, &count));
    for (size_t i = 0; i < count; i++)
        TRY(compare_gradient(m, &pieces[i], prefix));
out:
    free(pieces);
    return status;
}

/* -- the release ---------------------------------------------------------- */

static void watch(void *data, const char *name, int index, var *value)
{
    model *m = data;
    golden *g = m->golden;
    double limit = g->limit;
    if (m->status != DRIFT_OK)
        return;
    if (!strcmp(name, "cond")) {
        g->limit = COND_LIMIT;
        m->status = golden_near(g, &value->value, NULL, "cond");
        g->limit = limit;
    } else if (!strcmp(name, "block") &&
               golden_find(g, "block_out.%d", index)) {
        m->status = golden_near(g, &value->value, NULL, "block_out.%d", index);
    }
}

drift_status release_load(golden *g, generator **out)
{
    drift_status status = DRIFT_OK;
    char path[4096];
    file_view json = {0};
    flax weights = {0};
    generator_config config;
    sample_shape sample;
    TRY(open_beside(g, "json", path, sizeof path));
    TRY(file_open_view(g->ctx, path, &json));
    TRY(foreign_flax_config(g->ctx, (const char *)json.data, json.size, &config,
                            &sample));
    TRY(generator_new(g->ctx, &config, sample, 0, 1, out));
    TRY(open_beside(g, "msgpack", path, sizeof path));
    TRY(flax_open(g->ctx, path, &weights));
    TRY(foreign_load(*out, FOREIGN_FLAX, &weights.arrays,
                     &(*out)->params.value));
out:
    flax_close(&weights);
    file_close_view(&json);
    return status;
}

/* labels and alpha are [b] in the files. */
static drift_status load_inputs(golden *g, model *m, const char *layout,
                                const char *noise, const char *style)
{
    drift_status status = DRIFT_OK;
    tensor *x, *label, *alpha, *index;
    TRY(golden_load(g, &x, layout, "%s", noise));
    TRY(golden_load(g, &label, NULL, "labels"));
    TRY(golden_load(g, &alpha, NULL, "alpha"));
    TRY(golden_load(g, &index, NULL, "%s", style));
    TRY(golden_gradient(g, &m->noise_grad, x->shape));
    m->label = tensor_reshape(label, SHAPE(x->shape.dim[0], 1));
    m->alpha = tensor_reshape(alpha, SHAPE(x->shape.dim[0], 1));
    m->in = (generator_input){.noise = x,
                              .label = &m->label,
                              .alpha = &m->alpha,
                              .style = index,
                              .noise_grad = m->noise_grad};
out:
    return status;
}

static drift_status check_release(golden *g)
{
    drift_status status = DRIFT_OK;
    model m = {.golden = g};
    tensor *cotangent;
    TRY(release_load(g, &m.g));
    TRY(load_inputs(g, &m, NULL, "noise", "style_idx"));
    TRY(golden_load(g, &cotangent, NULL, "cotangent"));
    TRY(tape_new(g->ctx, 1, &m.tape));
    m.g->watch = watch;
    m.g->watch_data = &m;
    var *y = forward(&m, "out", NULL, &status);
    TRY(status);
    TRY(golden_near(g, &y->value, NULL, "out_f64"));
    tape_seed(m.tape, y, cotangent);
    TRY(tape_backward(m.tape));
    TRY(golden_near(g, m.noise_grad, NULL, "grad_noise"));
    TRY(compare_gradients(&m, FOREIGN_FLAX, "grad."));
out:
    close_model(&m);
    return status;
}

/* -- the PyTorch line ------------------------------------------------------ */

static drift_status load_torch(golden *g, model *m)
{
    drift_status status = DRIFT_OK;
    generator_config config;
    sample_shape sample;
    array_list weights = {0};
    for (size_t i = 0; i < g->file.arrays.count; i++) {
        array a = g->file.arrays.items[i];
        if (!strncmp(a.name, "w.", 2))
            TRY(array_list_add(g->ctx, &weights, a.name + 2, &a));
    }
    int size = (int)golden_option(g, "config", "img_size");
    TRY(foreign_torch_config(g->ctx, &weights, size, &config, &sample));
    TRY(generator_new(g->ctx, &config, sample, 0, 1, &m->g));
    TRY(foreign_load(m->g, FOREIGN_TORCH, &weights, &m->g->params.value));
    golden_ignore(g, "w.*");
out:
    array_list_free(&weights);
    return status;
}

/* Labels: the null class where drop says so; all = 0, 1: none, all dropped. */
static drift_status set_labels(golden *g, model *m, int all)
{
    drift_status status = DRIFT_OK;
    double *drop, *label;
    size_t b;
    int index[64];
    TRY(golden_numbers(g, &label, &b, "labels"));
    TRY(golden_numbers(g, &drop, NULL, "drop"));
    for (size_t i = 0; i < b && i < 64; i++) {
        int dropped = all < 0 ? drop[i] != 0 : all;
        index[i] = dropped ? m->g->sample.classes : (int)label[i];
    }
    if (b > 64)
        FAIL(g->ctx, DRIFT_ERROR_FORMAT, "too many labels");
    TRY(tensor_write(g->ctx, &m->label, index));
out:
    return status;
}

/* uncond + 1.5 (cond - uncond), both at alpha 1.5. */
static drift_status check_guided(golden *g, model *m)
{
    drift_status status = DRIFT_OK;
    const tensor *w = &m->g->params.value;
    tensor guided = {0};
    tape_reset(m->tape, 0);
    TRY(set_labels(g, m, 0));
    var *with = generator_forward(m->g, m->tape, w, &m->in);
    TRY(set_labels(g, m, 1));
    var *without = generator_forward(m->g, m->tape, w, &m->in);
    TRY(tape_status(m->tape));
    TRY(tensor_new(g->ctx, &guided, DTYPE_F32, with->value.shape));
    TRY(op_add_fwd(g->ctx, &guided, &with->value, &without->value, 1.5f,
                   -0.5f));
    TRY(golden_near(g, &guided, MAP, "y_cfg_intended"));
out:
    tensor_free(g->ctx, &guided);
    return status;
}

static drift_status check_torch(golden *g)
{
    drift_status status = DRIFT_OK;
    model m = {.golden = g};
    tensor *c;
    TRY(load_torch(g, &m));
    TRY(load_inputs(g, &m, MAP, "x", "style_indices"));
    TRY(golden_load(g, &c, MAP, "c"));
    TRY(tape_new(g->ctx, 1, &m.tape));
    TRY(set_labels(g, &m, -1));
    var *y = forward(&m, "y", MAP, &status);
    TRY(status);
    tape_seed(m.tape, y, c);
    TRY(tape_backward(m.tape));
    TRY(golden_near(g, m.noise_grad, MAP, "dx"));
    TRY(compare_gradients(&m, FOREIGN_TORCH, "d."));
    tape_reset(m.tape, 0);
    TRY(set_labels(g, &m, 0));
    (void)forward(&m, "y_nodrop", MAP, &status);
    TRY(status);
    TRY(set_labels(g, &m, 1));
    (void)forward(&m, "y_alldrop", MAP, &status);
    TRY(status);
    TRY(set_labels(g, &m, 0));
    TRY(op_fill(g->ctx, &m.alpha, 1.5f));
    (void)forward(&m, "y_alpha_1_5", MAP, &status);
    TRY(status);
    TRY(check_guided(g, &m));
out:
    close_model(&m);
    return status;
}

/* -- the rotary tables ----------------------------------------------------- */

static drift_status check_rope(golden *g)
{
    static const char *const name[2][2] = {{"cos_f32", "sin_f32"},
                                           {"cos_bf16", "sin_bf16"}};
    drift_status status = DRIFT_OK;
    double *got = NULL;
    const array *a = golden_find(g, "cos_f32");
    if (!a || a->ndim != 2)
        FAIL(g->ctx, DRIFT_ERROR_FORMAT, "no cos_f32 [tokens,half]");
    size_t tokens = a->dim[0], half = a->dim[1], count = tokens * half;
    float *table = malloc((2 * count + 1) * sizeof *table);
    got = malloc((count + 1) * sizeof *got);
    for (int rounded = 0; table && got && rounded < 2; rounded++) {
        dit_rope_tables(tokens, half, rounded, table, table + count);
        for (size_t k = 0; status == DRIFT_OK && k < 2; k++) {
            for (size_t i = 0; i < count; i++)
                got[i] = table[k * count + i];
            status = golden_absolute(g, got, count, rounded ? 0 : ROPE_LIMIT,
                                     "%s", name[rounded][k]);
        }
    }
    free(table);
out:
    free(got);
    return status;
}

const golden_family check_dit[] = {{"dit_torch.safetensors", check_torch, 2e-5},
                                   {"dit_*.safetensors", check_release, 1e-5},
                                   {"rope.safetensors", check_rope, ROPE_LIMIT},
                                   {0}};
