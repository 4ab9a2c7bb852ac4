/* mae_*: the release's masked autoencoder. Families of its maps and their
 * gradient in the image; mae_full: its training, too. Weights come from the
 * file beside it or, for mae_odd and mae_full, by formula. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "drift/features.h"
#include "formula.h"
#include "release.h"
#include "train/mae_loss.h"

/* The suggested limits of jax/README.md beside g->limit, that of maps. */
#define GRAD_LIMIT 1e-4
#define PASS_LIMIT 2e-5 /* recon, logits */
#define LOSS_LIMIT 1e-5

/* -- the encoder ---------------------------------------------------------- */

static drift_status beside(golden *g, const char *name, const char *extension,
                           char *path, size_t size)
{
    int n = snprintf(path, size, "%s/%s.%s", g->directory, name, extension);
    return n > 0 && (size_t)n < size
               ? DRIFT_OK
               : ERROR(g->ctx, DRIFT_ERROR_IO, "path too long");
}

/* A line "name 3,3,4,37 lo hi" of a list of leaves. */
static drift_status add_leaf(golden *g, array_list *list, const char *salt,
                             const char *line)
{
    char name[200], shape_is[64];
    double lo, hi;
    size_t dim[ARRAY_DIMS];
    int ndim = 0;
    if (sscanf(line, "%199s %63s %lf %lf", name, shape_is, &lo, &hi) != 4)
        return ERROR(g->ctx, DRIFT_ERROR_FORMAT, "bad leaf: %s", line);
    for (char *at = shape_is; *at && ndim < ARRAY_DIMS; at += *at == ',')
        dim[ndim++] = strtoul(at, &at, 10);
    return formula_add(g->ctx, list, salt, name, ndim, dim, lo, hi);
}

static drift_status read_leaves(golden *g, const char *name, array_list *list)
{
    drift_status status = DRIFT_OK;
    char path[4096], line[400], salt[64] = "";
    FILE *f = NULL;
    TRY(beside(g, name, "leaves.txt", path, sizeof path));
    f = fopen(path, "r");
    if (!f)
        FAIL(g->ctx, DRIFT_ERROR_IO, "unable to open '%s'", path);
    while (fgets(line, sizeof line, f))
        if (line[0] != '#')
            TRY(add_leaf(g, list, salt, line));
        else
            (void)sscanf(line, "# salt %63s", salt);
out:
    if (f)
        fclose(f);
    return status;
}

drift_status release_encoder(golden *g, const char *name, int with_grad,
                             array_list *leaves, encoder **out)
{
    drift_status status = DRIFT_OK;
    encoder_config c = {.kind = ENCODER_MAE};
    char path[4096];
    file_view json = {0};
    TRY(read_leaves(g, name, leaves));
    if (!mae_ops.recognize(leaves, &c))
        FAIL(g->ctx, DRIFT_ERROR_FORMAT, "the leaves are not recognised");
    TRY(beside(g, name, "json", path, sizeof path));
    TRY(file_open_view(g->ctx, path, &json));
    TRY(mae_ops.metadata(g->ctx, (const char *)json.data, json.size, &c));
    TRY(encoder_new(g->ctx, &c, 0, with_grad, out));
    TRY(mae_ops.load(*out, leaves, &(*out)->params.value));
out:
    file_close_view(&json);
    return status;
}

/* The first four numbers of each leaf. */
static drift_status check_heads(golden *g, const array_list *leaves)
{
    drift_status status = DRIFT_OK;
    double *head = calloc(4 * leaves->count + 1, sizeof *head);
    if (!head)
        FAIL(g->ctx, DRIFT_ERROR_MEMORY, "out of memory");
    for (size_t i = 0; i < leaves->count; i++)
        for (size_t k = 0; k < 4; k++)
            head[4 * i + k] = (double)((const float *)leaves->items[i].data)[k];
    TRY(golden_absolute(g, head, 4 * leaves->count, 1e-7, "leaf_head"));
out:
    free(head);
    return status;
}

/* -- the families --------------------------------------------------------- */

void release_families(encoder *e, tape *t, var *image, features *f)
{
    encoder_out maps = {.count = 0};
    features_global(t, f, image);
    encoder_forward(e, t, &e->params.value, image, &maps);
    for (size_t i = 0; i < maps.count; i++) {
        const encoder_map *m = &maps.list[i];
        if (m->families == FAMILY_NORM)
            features_norm_x(t, f, m->value);
        else
            features_of_map(t, f, m->value, m->name, m->families);
    }
}

static drift_status compare_image_gradient(golden *g, const var *image,
                                           const char *name)
{
    double limit = g->limit;
    g->limit = GRAD_LIMIT;
    drift_status status = golden_near(g, &image->grad, NULL, "%s", name);
    if (status == DRIFT_OK && golden_find(g, "%s_f64", name))
        status = golden_near(g, &image->grad, NULL, "%s_f64", name);
    g->limit = limit;
    return status;
}

static drift_status check_families(golden *g, encoder *e, const char *grad)
{
    drift_status status = DRIFT_OK;
    tape *t = NULL;
    features f = {0};
    tensor *x, *ct;
    TRY(golden_load(g, &x, NULL, "x"));
    TRY(tape_new(g->ctx, 1, &t));
    var *image = tape_input(t, x);
    release_families(e, t, image, &f);
    TRY(tape_status(t));
    for (size_t i = 0; i < f.count; i++) {
        const feature *one = &f.list[i];
        TRY(golden_near(g, &one->value->value, NULL, "feat.%s", one->name));
        TRY(golden_load(g, &ct, NULL, "ct.%s", one->name));
        tape_seed(t, one->value, ct);
    }
    TRY(tape_backward(t));
    TRY(compare_image_gradient(g, image, grad));
out:
    features_free(&f);
    tape_free(t);
    return status;
}

/* -- training ------------------------------------------------------------- */

/* A tape with the losses of samples first .. first + count on it. */
static drift_status losses(golden *g, encoder *e, size_t first, size_t count,
                           tape *t, double loss[2], var **image, mae_out *out)
{
    drift_status status = DRIFT_OK;
    tensor *x, *mask, *label, *sums;
    double *lambda;
    float host[MAE_SUMS];
    TRY(golden_load(g, &x, NULL, "x"));
    TRY(golden_load(g, &mask, NULL, "mask"));
    TRY(golden_load(g, &label, NULL, "labels"));
    TRY(golden_numbers(g, &lambda, NULL, "lambda_cls"));
    TRY(golden_output(g, &sums, SHAPE(MAE_SUMS)));
    tensor *const parts[3] = {x, mask, label};
    tensor part[3];
    for (int i = 0; i < 3; i++) {
        shape s = parts[i]->shape;
        size_t one = tensor_count(parts[i]) / s.dim[0];
        s.dim[0] = count;
        part[i] = tensor_view(parts[i], first * one, s);
    }
    mae_loss_args args = {&part[1], &part[2], (float)*lambda, count};
    *image = tape_input(t, &part[0]);
    mae_forward(e, t, &e->params.value, *image, &part[1], out);
    TRY(mae_loss(t, out, &args, sums));
    TRY(tensor_read(g->ctx, sums, host));
    loss[0] = (double)host[MAE_RECON];
    loss[1] = (double)host[MAE_CLASS];
out:
    return status;
}

/* The losses are the file's one a sample: each alone. */
static drift_status check_losses(golden *g, encoder *e)
{
    drift_status status = DRIFT_OK;
    double recon[16], class[16], total[16], loss[2], *lambda, limit = g->limit;
    tape *t = NULL;
    mae_out out;
    var *image;
    const array *x = golden_find(g, "x");
    size_t b = x ? x->dim[0] : 0;
    TRY(tape_new(g->ctx, 1, &t));
    TRY(golden_numbers(g, &lambda, NULL, "lambda_cls"));
    for (size_t i = 0; i < b && i < 16; i++) {
        tape_reset(t, 1);
        TRY(losses(g, e, i, 1, t, loss, &image, &out));
        recon[i] = loss[0];
        class[i] = loss[1];
        total[i] = *lambda * loss[1] + (1 - *lambda) * loss[0];
    }
    g->limit = LOSS_LIMIT;
    TRY(golden_near_host(g, recon, b, "recon_loss"));
    TRY(golden_near_host(g, class, b, "cls_loss"));
    TRY(golden_near_host(g, total, b, "loss"));
    TRY(golden_near_host(g, total, b, "loss_f64"));
out:
    g->limit = limit;
    tape_free(t);
    return status;
}

/* Of a leaf's gradient: its own numbers where the file has them, its product
 * with a formula and its norm. worst: errors relative to the norm. */
static drift_status check_leaf(golden *g, encoder *e, const array *leaf,
                               const double *want, double worst[2])
{
    drift_status status = DRIFT_OK;
    params *p = &e->params;
    char check[256];
    int i = params_find(p, leaf->name);
    float *x = NULL;
    double dot = 0, square = 0;
    if (i < 0)
        FAIL(g->ctx, DRIFT_ERROR_FORMAT, "no parameter '%s'", leaf->name);
    tensor view = params_view(p, &p->grad, i);
    if (golden_find(g, "grad.%s", leaf->name))
        TRY(golden_near(g, &view, NULL, "grad.%s", leaf->name));
    size_t n = tensor_count(&view);
    x = malloc((n + 1) * sizeof *x);
    if (!x)
        FAIL(g->ctx, DRIFT_ERROR_MEMORY, "out of memory");
    TRY(tensor_read(g->ctx, &view, x));
    snprintf(check, sizeof check, "check.%s", leaf->name);
    uint64_t key = formula_key(golden_meta(g, "salt"), check);
    for (size_t k = 0; k < n; k++) {
        dot += (double)x[k] * (double)formula_value(key, k, -1, 1);
        square += (double)x[k] * (double)x[k];
    }
    worst[0] = fmax(worst[0], fabs(dot - want[0]) / want[1]);
    worst[1] = fmax(worst[1], fabs(sqrt(square) - want[1]) / want[1]);
out:
    free(x);
    return status;
}

static drift_status check_training(golden *g, encoder *e,
                                   const array_list *leaves)
{
    drift_status status = DRIFT_OK;
    const array *x = golden_find(g, "x");
    double loss[2], worst[2] = {0, 0}, *want, limit = g->limit;
    tape *t = NULL;
    var *image;
    mae_out out;
    TRY(check_losses(g, e));
    TRY(op_fill(g->ctx, &e->params.grad, 0));
    TRY(tape_new(g->ctx, 1, &t));
    TRY(losses(g, e, 0, x ? x->dim[0] : 0, t, loss, &image, &out));
    g->limit = PASS_LIMIT;
    TRY(golden_near(g, &out.recon->value, NULL, "recon"));
    TRY(golden_near(g, &out.recon->value, NULL, "recon_f64"));
    TRY(golden_near(g, &out.logits->value, NULL, "logits"));
    TRY(tape_backward(t));
    TRY(compare_image_gradient(g, image, "grad_x"));
    g->limit = GRAD_LIMIT;
    TRY(golden_numbers(g, &want, NULL, "leaf_grad_check"));
    for (size_t i = 0; i < leaves->count; i++)
        TRY(check_leaf(g, e, &leaves->items[i], want + 2 * i, worst));
    golden_line(g, "mae_full leaf_grad_check, products", worst[0], GRAD_LIMIT);
    golden_line(g, "mae_full leaf_grad_check, norms", worst[1], GRAD_LIMIT);
out:
    g->limit = limit;
    tape_free(t);
    return status;
}

/* -- the files ------------------------------------------------------------ */

static drift_status check_file(golden *g)
{
    drift_status status = DRIFT_OK;
    encoder *e = NULL;
    char path[4096];
    TRY(beside(g, g->name, "msgpack", path, sizeof path));
    TRY(encoder_open(g->ctx, path, &e));
    TRY(check_families(g, e, "grad_x"));
out:
    encoder_free(e);
    return status;
}

static drift_status check_formula(golden *g)
{
    drift_status status = DRIFT_OK;
    encoder *e = NULL;
    array_list leaves = {0};
    int trained = golden_find(g, "recon") != NULL;
    TRY(release_encoder(g, g->name, trained, &leaves, &e));
    TRY(check_heads(g, &leaves));
    TRY(check_families(g, e, trained ? "grad_x_feat" : "grad_x"));
    if (trained)
        TRY(check_training(g, e, &leaves));
out:
    encoder_free(e);
    array_list_free(&leaves);
    return status;
}

const golden_family check_mae[] = {{"mae_full.safetensors", check_formula, 5e-5},
                                   {"mae_odd.safetensors", check_formula, 5e-5},
                                   {"mae_*.safetensors", check_file, 5e-5},
                                   {0}};
