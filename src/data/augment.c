/* What happens to images at random in training: mirrored, cut out and
 * enlarged, moved. Each draw is a function of seed, step and the sample's
 * number, so any order and any number of threads give the same. */
#include <math.h>
#include <string.h>

#include "data/data.h"

/* Words of (RNG_CROP, step) a sample has. */
enum { DRAW_AREA, DRAW_ASPECT, DRAW_TOP, DRAW_LEFT, DRAW_DOWN, DRAW_RIGHT };
#define DRAWS 8

/* The bounds of a cut's aspect: the usual ones. */
#define WIDEST (4.0 / 3)

void dataset_augment(const dataset *d, rng_stream s, uint64_t i, float *sample)
{
    /* The top bit: the best one of most generators, and Philox's like any. */
    if (!d->flip || !(rng_u32(s, i) >> 31))
        return;
    size_t c = (size_t)d->channels, w = (size_t)d->width;
    for (size_t y = 0; y < (size_t)d->height; y++) {
        float *row = sample + y * w * c;
        for (size_t x = 0; x < w / 2; x++)
            for (size_t k = 0; k < c; k++) {
                float swap = row[x * c + k];
                row[x * c + k] = row[(w - 1 - x) * c + k];
                row[(w - 1 - x) * c + k] = swap;
            }
    }
}

static int inside(int at, int size)
{
    return at < 0 ? 0 : at >= size ? size - 1 : at;
}

/* Weights of the four points about one that lies `t` beyond the second:
 * Keys' cubic, a = -1/2. */
static void cubic(float t, float w[4])
{
    w[0] = ((-.5f * t + 1) * t - .5f) * t;
    w[1] = (1.5f * t - 2.5f) * t * t + 1;
    w[2] = ((-1.5f * t + 2) * t + .5f) * t;
    w[3] = (.5f * t - .5f) * t * t;
}

/* `size` points of `from`, `stride` numbers apart, by `size` that lie evenly
 * in [start, start + length). */
static void stretch(const float *from, float *to, int size, size_t stride,
                    double start, double length)
{
    for (int i = 0; i < size; i++) {
        double at = start + (i + .5) * length / size - .5, low = floor(at);
        float w[4], sum = 0;
        cubic((float)(at - low), w);
        for (int k = 0; k < 4; k++)
            sum += w[k] * from[(size_t)inside((int)low - 1 + k, size) * stride];
        to[(size_t)i * stride] = fminf(fmaxf(sum, -1), 1);
    }
}

static void crop(const dataset *d, float least, rng_stream s, uint64_t i,
                 float *sample, float *spare)
{
    size_t c = (size_t)d->channels, row = (size_t)d->width * c;
    double u[4];
    for (uint64_t k = 0; k < 4; k++)
        u[k] = (double)rng_uniform(s, i * DRAWS + k);
    double area = ((double)least + u[DRAW_AREA] * (1 - (double)least)) *
                  d->height * d->width;
    double aspect = exp((2 * u[DRAW_ASPECT] - 1) * log(WIDEST));
    double h = fmin(sqrt(area / aspect), d->height);
    double w = fmin(sqrt(area * aspect), d->width);
    double top = u[DRAW_TOP] * (d->height - h);
    double left = u[DRAW_LEFT] * (d->width - w);
    for (size_t k = 0; k < row; k++)
        stretch(sample + k, spare + k, d->height, row, top, h);
    for (size_t y = 0; y < (size_t)d->height; y++)
        for (size_t k = 0; k < c; k++)
            stretch(spare + y * row + k, sample + y * row + k, d->width, c,
                    left, w);
}

/* What is moved in has the value of the edge. */
static void shift(const dataset *d, int most, rng_stream s, uint64_t i,
                  float *sample, float *spare)
{
    size_t c = (size_t)d->channels, row = (size_t)d->width * c;
    uint32_t n = 2 * (uint32_t)most + 1;
    int down = (int)rng_below(s, i * DRAWS + DRAW_DOWN, n) - most;
    int right = (int)rng_below(s, i * DRAWS + DRAW_RIGHT, n) - most;
    memcpy(spare, sample, (size_t)d->height * row * sizeof *spare);
    for (int y = 0; y < d->height; y++) {
        const float *from = spare + (size_t)inside(y - down, d->height) * row;
        float *to = sample + (size_t)y * row;
        for (int x = 0; x < d->width; x++)
            memcpy(to + (size_t)x * c,
                   from + (size_t)inside(x - right, d->width) * c,
                   c * sizeof *to);
    }
}

/* Noise of a standard deviation that is uniform in [0, most). */
static void disturb(const dataset *d, float most, rng_stream s, uint64_t i,
                    float *sample)
{
    uint64_t n =
        (uint64_t)d->height * (uint64_t)d->width * (uint64_t)d->channels;
    rng_stream strength = {s.seed, RNG_GRAIN, ~s.step};
    float std = most * rng_uniform(strength, i);
    for (uint64_t k = 0; k < n; k++)
        sample[k] += std * rng_normal(s, i * n + k);
}

void dataset_vary(const dataset *d, const augmentation *a, rng_stream s,
                  uint64_t i, float *sample, float *spare)
{
    rng_stream draws = {s.seed, RNG_CROP, s.step};
    dataset_augment(d, s, i, sample);
    if (a->crop < 1)
        crop(d, a->crop, draws, i, sample, spare);
    if (a->shift)
        shift(d, a->shift, draws, i, sample, spare);
    if (a->noise > 0)
        disturb(d, a->noise, (rng_stream){s.seed, RNG_GRAIN, s.step}, i,
                sample);
}
