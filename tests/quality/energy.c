/* energy: how far are samples from their data?
 *
 *   energy DATA SAMPLES.npz
 *
 * DATA is the name of an endless toy; SAMPLES.npz comes from drift-sample
 * --npz. Fresh sets of as many points as there are samples are drawn from DATA
 * by a seed that no training uses. Prints name-value lines: the energy
 * distance of the samples to a fresh set, of one fresh set to another, and their
 * ratio. Both hold the same bias of about 1/points, which scatters by half of
 * itself from set to set: each is a mean over DRAWS sets. */
#include <stdint.h>
#include <stdio.h>

#include "base/mem.h"
#include "data/data.h"
#include "eval/energy.h"
#include "formats/npy.h"

#define DRAWS 16
#define SEED  20260204

static drift_status read_points(drift_context *ctx, const char *path,
                                size_t dimension, float **points, size_t *count)
{
    drift_status status = DRIFT_OK;
    array_list file = {0};
    TRY(npz_read(ctx, path, &file));
    const array *a = array_list_find(&file, "points");
    if (!a || a->type != ARRAY_F32 || a->ndim != 2 || !a->dim[0] ||
        a->dim[1] != dimension)
        FAIL(ctx, DRIFT_ERROR_FORMAT, "'%s' does not hold points f32 [n,%zu]",
             path, dimension);
    *count = a->dim[0];
    *points = mem_alloc(ctx, array_count(a), sizeof **points);
    if (!*points) {
        status = DRIFT_ERROR_MEMORY;
        goto out;
    }
    array_to_f32(a, *points);
out:
    array_list_free(&file);
    return status;
}

static drift_status run(drift_context *ctx, const char *name,
                        const char *samples)
{
    drift_status status = DRIFT_OK;
    data_config config = {
        .path = (char *)(uintptr_t)name, .kind = DATA_TOY, .noise = -1};
    dataset *data = NULL;
    float *made = NULL, *fresh = NULL;
    size_t count = 0;
    double to_data = 0, data_to_data = 0;
    TRY(dataset_open(ctx, &config, SEED, &data));
    size_t d = (size_t)data->channels;
    TRY(read_points(ctx, samples, d, &made, &count));
    fresh = mem_alloc(ctx, DRAWS * count * d, sizeof *fresh);
    if (!fresh) {
        status = DRIFT_ERROR_MEMORY;
        goto out;
    }
    for (size_t i = 0; i < DRAWS * count; i++)
        TRY(data->get(data, i, fresh + i * d));
    for (size_t k = 0; k < DRAWS; k++) {
        const float *one = fresh + k * count * d;
        const float *next = fresh + (k + 1) % DRAWS * count * d;
        to_data += energy_distance(made, count, one, count, d) / DRAWS;
        data_to_data += energy_distance(one, count, next, count, d) / DRAWS;
    }
    printf("points\t%zu\nenergy_distance\t%.6g\ndata_to_data\t%.6g\n"
           "ratio\t%.2f\n",
           count, to_data, data_to_data, to_data / data_to_data);
out:
    mem_free(made);
    mem_free(fresh);
    dataset_free(data);
    return status;
}

int main(int argc, char **argv)
{
    drift_context *ctx;
    if (argc != 3) {
        fprintf(stderr, "usage: energy DATA SAMPLES.npz\n");
        return 2;
    }
    drift_status status = drift_context_open(&ctx, NULL);
    if (status == DRIFT_OK)
        status = run(ctx, argv[1], argv[2]);
    if (status != DRIFT_OK)
        fprintf(stderr, "energy: %s\n", drift_error_text(ctx));
    drift_context_close(ctx);
    return status != DRIFT_OK;
}
