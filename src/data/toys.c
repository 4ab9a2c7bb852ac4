/* Endless 2-D point sets. Point i is a function of (seed, i) alone: it takes
 * its numbers from the stream (seed, RNG_TOY, step i). Coordinates are about
 * [-1,1], but for the checkerboard's [-1,1] plus noise. */
#include "data/store.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"

#define PI 3.14159265358979323846

typedef struct toy_state {
    int toy;
    double noise;
    uint64_t seed;
} toy_state;

/* The first words of a point's stream place it; its noise comes from words of
 * its own, so that the noise's size leaves the places alone. */
enum { WORD_U, WORD_V, WORD_BITS, WORD_NOISE = 4 };

static void place_moons(rng_stream s, double p[2])
{
    double angle = PI * rng_uniform(s, WORD_U);
    double x = cos(angle), y = sin(angle);
    if (rng_u32(s, WORD_BITS) & 1) {
        x = 1 - x;
        y = .5 - y;
    }
    p[0] = (x - .5) / 1.5;
    p[1] = (y - .25) / 1.5;
}

/* The authors divide a batch by its largest |coordinate|. A stream has no
 * batch: here it is the largest that can occur, t sin t at t = 4.5 pi, which a
 * batch of 2048 misses by less than a thousandth. */
static void place_swissroll(rng_stream s, double p[2])
{
    double t = .5 * PI + 4 * PI * rng_uniform(s, WORD_U);
    p[0] = t * cos(t) / (4.5 * PI);
    p[1] = t * sin(t) / (4.5 * PI);
}

static void place_checkerboard(rng_stream s, double p[2])
{
    uint32_t bits = rng_u32(s, WORD_BITS);
    double b = bits & 1, i = bits >> 1 & 1, j = bits >> 2 & 1;
    p[0] = (2 * i + b + rng_uniform(s, WORD_U) - 2) / 2;
    p[1] = (2 * j + b + rng_uniform(s, WORD_V) - 2) / 2;
}

static void place_gaussians(rng_stream s, double p[2])
{
    double angle = .25 * PI * (rng_u32(s, WORD_BITS) & 7);
    p[0] = .8 * cos(angle);
    p[1] = .8 * sin(angle);
}

static void place_spirals(rng_stream s, double p[2])
{
    /* The root makes the points equally dense along the arm. */
    double r = sqrt(rng_uniform(s, WORD_U));
    double angle = 3 * PI * r + PI * (rng_u32(s, WORD_BITS) & 1);
    p[0] = .9 * r * cos(angle);
    p[1] = .9 * r * sin(angle);
}

const char *const dataset_toys[] = {"moons",     "swissroll", "checkerboard",
                                    "gaussians", "spirals",   NULL};

/* In the order of dataset_toys. */
static const struct {
    void (*place)(rng_stream s, double p[2]);
    double noise;
} toys[] = {{place_moons, .05},
            {place_swissroll, .03},
            {place_checkerboard, .05},
            {place_gaussians, .05},
            {place_spirals, .02}};

int toy_find(const char *name)
{
    for (int i = 0; dataset_toys[i]; i++)
        if (!strcmp(dataset_toys[i], name))
            return i;
    return -1;
}

drift_status toy_unknown(drift_context *ctx, const char *name)
{
    char all[128] = "";
    for (int i = 0; dataset_toys[i]; i++) {
        size_t n = strlen(all);
        snprintf(all + n, sizeof all - n, "%s%s", i ? ", " : "",
                 dataset_toys[i]);
    }
    return ERROR(ctx, DRIFT_ERROR_USAGE, "'%s' is no toy; there are %s", name,
                 all);
}

static drift_status get(dataset *d, size_t i, float *out)
{
    const toy_state *t = d->state;
    rng_stream s = {t->seed, RNG_TOY, i};
    double p[2];
    toys[t->toy].place(s, p);
    for (unsigned k = 0; k < 2; k++)
        out[k] = (float)(p[k] + t->noise * rng_normal(s, WORD_NOISE + k));
    return DRIFT_OK;
}

static int label(dataset *d, size_t i)
{
    (void)d;
    (void)i;
    return 0;
}

static void close_toy(dataset *d)
{
    mem_free(d->state);
}

drift_status toy_open(dataset *d, int toy, const data_config *config,
                      uint64_t seed)
{
    drift_status status = DRIFT_OK;
    if (config->height || config->width || config->channels || config->flip)
        FAIL(d->ctx, DRIFT_ERROR_USAGE,
             "'%s' is a set of points: data.height, width, channels and flip "
             "do not apply",
             dataset_toys[toy]);
    if (config->classes > 1)
        FAIL(d->ctx, DRIFT_ERROR_USAGE,
             "'%s' has no classes; data.classes must be 0 or 1",
             dataset_toys[toy]);
    toy_state *t = mem_alloc(d->ctx, 1, sizeof *t);
    if (!t) {
        status = DRIFT_ERROR_MEMORY;
        goto out;
    }
    t->toy = toy;
    t->noise = config->noise < 0 ? toys[toy].noise : config->noise;
    t->seed = seed;
    d->state = t;
    d->count = (size_t)config->limit;
    d->classes = d->height = d->width = 1;
    d->channels = 2;
    d->points = 1;
    d->get = get;
    d->label = label;
    d->close = close_toy;
    char *text = mem_printf(d->ctx, "%s noise %.9g seed %llu limit %zu",
                            dataset_toys[toy], t->noise,
                            (unsigned long long)seed, d->count);
    if (!text) {
        status = DRIFT_ERROR_MEMORY;
        goto out;
    }
    digest_of(text, strlen(text), d->digest);
    mem_free(text);
out:
    return status;
}
