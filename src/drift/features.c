/* Feature families of a sample or of an encoder's map: see features.h. */
#include "drift/features.h"

#include <fnmatch.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/items.h"
#include "base/mem.h"

#define EPS 1e-6f

void features_free(features *f)
{
    mem_free(f->list);
    *f = (features){0};
}

/* Cut "=WEIGHT" off a pattern; 0: that is no number, the item is as it was. */
static int split_weight(char *item, float *weight)
{
    char *equals = strrchr(item, '='), *end;
    *weight = 1;
    if (!equals)
        return 1;
    *equals = '\0';
    *weight = strtof(equals + 1, &end);
    int fine = equals > item && end != equals + 1 && !*end &&
               isfinite(*weight) && *weight >= 0 && *weight <= 1e6f;
    if (!fine)
        *equals = '=';
    return fine;
}

float family_weight(const char *choice, const char *name)
{
    char item[ITEM_TEXT];
    float weight, found = 0;
    while (items_next(&choice, item))
        if (split_weight(item, &weight) && !fnmatch(item, name, 0))
            found = weight;
    return found;
}

drift_status family_check(drift_context *ctx, const char *choice)
{
    char item[ITEM_TEXT];
    float weight;
    const char *at = choice;
    while (items_next(&at, item))
        if (!split_weight(item, &weight))
            return ERROR(ctx, DRIFT_ERROR_USAGE,
                         "features.families: '%s' wants PATTERN or "
                         "PATTERN=WEIGHT, a weight from 0 to 1e6",
                         item);
    return DRIFT_OK;
}

static float weight_of(const features *f, const char *name)
{
    char full[3 * FEATURE_NAME];
    if (!f->choice)
        return 1;
    snprintf(full, sizeof full, "%s%s", f->prefix ? f->prefix : "", name);
    return family_weight(f->choice, full);
}

void features_add(tape *t, features *f, var *value, const char *name)
{
    drift_context *ctx = tape_context(t);
    drift_status status = DRIFT_OK;
    float weight = weight_of(f, name);
    const char *prefix = f->prefix ? f->prefix : "";
    if (!value || tape_status(t) != DRIFT_OK || weight <= 0)
        return;
    if (value->value.shape.ndim != 3)
        FAIL(ctx, DRIFT_ERROR_SHAPE, "feature family '%s' is not [B,F,C]",
             name);
    if (strlen(prefix) + strlen(name) >= FEATURE_NAME)
        FAIL(ctx, DRIFT_ERROR_SHAPE,
             "the name of feature family '%s' is too long", name);
    if (f->count == f->room) {
        size_t room = f->room ? 2 * f->room : 8;
        feature *more = mem_resize(ctx, f->list, room, sizeof *more);
        if (!more) {
            status = DRIFT_ERROR_MEMORY;
            goto out;
        }
        f->list = more;
        f->room = room;
    }
    feature *last = &f->list[f->count++];
    snprintf(last->name, sizeof last->name, "%s%s", prefix, name);
    last->weight = weight;
    last->value = value;
out:
    if (status != DRIFT_OK)
        tape_fail(t, status);
}

void features_global(tape *t, features *f, var *sample)
{
    if (!sample)
        return;
    size_t b = sample->value.shape.dim[0];
    size_t rest = shape_count(sample->value.shape) / b;
    features_add(t, f, tape_reshape(t, sample, SHAPE(b, 1, rest)), "global");
}

/* Whether "map" + "_mean_2" counts. */
static int wants(const features *f, const char *name, const char *suffix)
{
    char full[2 * FEATURE_NAME];
    snprintf(full, sizeof full, "%s%s", name, suffix);
    return weight_of(f, full) > 0;
}

static void add_part(tape *t, features *f, var *value, const char *name,
                     const char *suffix)
{
    char full[2 * FEATURE_NAME];
    snprintf(full, sizeof full, "%s%s", name, suffix);
    features_add(t, f, value, full);
}

void features_of_map(tape *t, features *f, var *map, const char *name,
                     unsigned parts)
{
    static const struct {
        size_t patch; /* 0: the whole map */
        unsigned mean, std;
        const char *mean_name, *std_name;
    } all[] = {{0, FAMILY_MEAN, FAMILY_STD, "_mean", "_std"},
               {2, FAMILY_MEAN_2, FAMILY_STD_2, "_mean_2", "_std_2"},
               {4, FAMILY_MEAN_4, FAMILY_STD_4, "_mean_4", "_std_4"}};
    if (!map || tape_status(t) != DRIFT_OK)
        return;
    const size_t *dim = map->value.shape.dim;
    size_t b = dim[0], h = dim[1], w = dim[2], c = dim[3];
    if (parts & FAMILY_LOCATIONS && wants(f, name, ""))
        features_add(t, f, tape_reshape(t, map, SHAPE(b, h * w, c)), name);
    if (parts & FAMILY_FLAT && wants(f, name, "_flat"))
        add_part(t, f, tape_reshape(t, map, SHAPE(b, 1, h * w * c)), name,
                 "_flat");
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        size_t ph = all[i].patch ? all[i].patch : h;
        size_t pw = all[i].patch ? all[i].patch : w;
        int with_mean = parts & all[i].mean && wants(f, name, all[i].mean_name);
        int with_std = parts & all[i].std && wants(f, name, all[i].std_name);
        var *mean = NULL, *std = NULL;
        if ((!with_mean && !with_std) || h % ph || w % pw)
            continue;
        tape_moments(t, map, (int)ph, (int)pw, EPS, with_mean ? &mean : NULL,
                     with_std ? &std : NULL);
        add_part(t, f, mean, name, all[i].mean_name);
        add_part(t, f, std, name, all[i].std_name);
    }
}

void features_norm_x(tape *t, features *f, var *map)
{
    if (!map || tape_status(t) != DRIFT_OK || weight_of(f, "norm_x") <= 0)
        return;
    /* The variance of x and -x together is the mean of x^2. */
    const size_t *dim = map->value.shape.dim;
    var *both[2] = {map, tape_add(t, map, NULL, -1, 0)}, *std = NULL;
    var *twice = tape_concat(t, 1, both, 2);
    tape_moments(t, twice, (int)(2 * dim[1]), (int)dim[2], EPS, NULL, &std);
    features_add(t, f, std, "norm_x");
}
