/* See loader.h. */
#include "train/loader.h"

#include "base/mem.h"
#include "base/rng.h"

drift_status loader_sample(drift_context *ctx, loader *l, int64_t q,
                           int64_t *index)
{
    int64_t count = (int64_t)l->count, epoch = q / count;
    int first = !l->order;
    if (first)
        l->order = mem_alloc(ctx, l->count, sizeof *l->order);
    if (!l->order)
        return DRIFT_ERROR_MEMORY;
    if (first || epoch != l->epoch) {
        rng_stream s = {l->seed, RNG_LOADER, (uint64_t)epoch};
        rng_permutation(s, (uint32_t)count, l->order);
        l->epoch = epoch;
    }
    *index = l->order[q % count];
    return DRIFT_OK;
}

void loader_free(loader *l)
{
    mem_free(l->order);
    l->order = NULL;
}
