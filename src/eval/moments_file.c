/* Moments in files: see moments.h. The names are those of pytorch-fid and
 * clean-fid, or of the release (networks-and-formats.md 4.3). */
#include <math.h>
#include <string.h>

#include "eval/moments.h"
#include "formats/npy.h"

/* How much sigma may lack of symmetry, by its largest variance: what sums in
 * f32 leave. */
#define ASYMMETRY 1e-5

static int is_moment(const void *arg, const char *name)
{
    (void)arg;
    return !strcmp(name, "mu") || !strcmp(name, "sigma") ||
           !strcmp(name, "ref_mu") || !strcmp(name, "ref_sigma");
}

static int is_real(const array *a)
{
    return a->type == ARRAY_F32 || a->type == ARRAY_F64;
}

static drift_status check_shapes(drift_context *ctx, const array *mu,
                                 const array *sigma)
{
    if (!mu || !sigma)
        return ERROR(ctx, DRIFT_ERROR_FORMAT,
                     "it has no mu and sigma, nor ref_mu and ref_sigma");
    if (!is_real(mu) || !is_real(sigma))
        return ERROR(ctx, DRIFT_ERROR_FORMAT,
                     "mu is of type %s and sigma of %s; allowed are F32, F64",
                     array_type_name(mu->type), array_type_name(sigma->type));
    if (mu->ndim != 1 || !mu->dim[0] || sigma->ndim != 2 ||
        sigma->dim[0] != mu->dim[0] || sigma->dim[1] != mu->dim[0])
        return ERROR(ctx, DRIFT_ERROR_FORMAT,
                     "mu has %zu numbers in %d dimensions, sigma %zu in %d: "
                     "they are no mean and covariance",
                     array_count(mu), mu->ndim, array_count(sigma),
                     sigma->ndim);
    return DRIFT_OK;
}

static drift_status check_numbers(drift_context *ctx, const moments *m)
{
    size_t d = m->d;
    double most = 0;
    for (size_t i = 0; i < d; i++)
        if (!isfinite(m->mean[i]))
            return ERROR(ctx, DRIFT_ERROR_FORMAT, "mu[%zu] is %g", i,
                         m->mean[i]);
    for (size_t i = 0; i < d * d; i++)
        if (!isfinite(m->covariance[i]))
            return ERROR(ctx, DRIFT_ERROR_FORMAT, "sigma[%zu,%zu] is %g", i / d,
                         i % d, m->covariance[i]);
    for (size_t i = 0; i < d; i++) {
        double variance = m->covariance[i * d + i];
        if (variance < 0)
            return ERROR(ctx, DRIFT_ERROR_FORMAT,
                         "sigma[%zu,%zu] is %g: no variance", i, i, variance);
        most = fmax(most, variance);
    }
    for (size_t i = 0; i < d; i++)
        for (size_t k = 0; k < i; k++) {
            double a = m->covariance[i * d + k], b = m->covariance[k * d + i];
            if (fabs(a - b) > ASYMMETRY * most)
                return ERROR(ctx, DRIFT_ERROR_FORMAT,
                             "sigma is not symmetric: [%zu,%zu] is %g and "
                             "[%zu,%zu] %g",
                             i, k, a, k, i, b);
        }
    return DRIFT_OK;
}

drift_status moments_read(drift_context *ctx, const char *path, moments *out)
{
    drift_status status = DRIFT_OK;
    array_list list = {0};
    *out = (moments){0};
    status = npz_read_some(ctx, path, is_moment, NULL, &list);
    if (status != DRIFT_OK)
        goto closed; /* the text names the file */
    int release = array_list_find(&list, "ref_mu") != NULL;
    const array *mu = array_list_find(&list, release ? "ref_mu" : "mu");
    const array *sigma =
        array_list_find(&list, release ? "ref_sigma" : "sigma");
    TRY(check_shapes(ctx, mu, sigma));
    TRY(moments_new(ctx, mu->dim[0], out));
    array_to_f64(mu, out->mean);
    array_to_f64(sigma, out->covariance);
    TRY(check_numbers(ctx, out));
out:
    if (status != DRIFT_OK) {
        moments_free(out);
        status = error_prefix(ctx, status, "'%s'", path);
    }
closed:
    array_list_free(&list);
    return status;
}

drift_status moments_write(drift_context *ctx, const char *path,
                           const moments *m)
{
    drift_status status = DRIFT_OK;
    const size_t dim[] = {m->d, m->d};
    zip_writer *w = NULL;
    TRY(zip_create(ctx, path, &w));
    TRY(npz_put(w, "mu", ARRAY_F64, 1, dim, m->mean));
    TRY(npz_put(w, "sigma", ARRAY_F64, 2, dim, m->covariance));
    status = zip_commit(w);
    w = NULL;
out:
    zip_abort(w);
    return status;
}
