/* Tables and JSON of scores: see eval_show.h. */
#include "tools/eval_show.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* -- tables ---------------------------------------------------------------- */

static void cell(int width, double value, const drift_score_field *f)
{
    char text[32];
    if (isnan(value))
        snprintf(text, sizeof text, "-");
    else if (f->percent)
        snprintf(text, sizeof text, "%.1f %%", 100 * value);
    else
        snprintf(text, sizeof text, "%.3g", value);
    printf(" %*s", width, text);
}

static void print_network(const char *network, const char *resize)
{
    printf("network  %s%s%s", network, *resize ? ", images resized as by " : "",
           resize);
}

#define COLUMNS 3

/* Whether all columns lack a figure: those of images that points do not have,
 * and the other way round. */
static int is_blank(const drift_scores *const *columns,
                    const drift_score_field *f)
{
    for (size_t i = 0; i < COLUMNS; i++)
        if (!isnan(drift_score_value(columns[i], f)))
            return 0;
    return 1;
}

static void print_evaluation(const drift_evaluation *e)
{
    const drift_scores *columns[COLUMNS] = {&e->samples, &e->real, &e->noise};
    const char *kind = *e->network ? "images" : "points";
    printf("samples  %s\n", e->of);
    if (e->training)
        printf("real     %zu training %s of %s\n", e->training, kind, e->data);
    if (*e->reference)
        printf("distance from mu and sigma of %s\n", e->reference);
    if (*e->network)
        printf("network  %s, %zu features%s%s\n", e->network, e->features,
               *e->resize ? ", images resized as by " : "", e->resize);
    printf("seed     %llu\n\n", (unsigned long long)e->seed);
    printf("%-24s %12s %12s %12s\n", "", "samples", "real, test", "noise");
    printf("%-24s %12zu %12zu %12zu\n", kind, e->samples.count, e->real.count,
           e->noise.count);
    for (const drift_score_field *f = drift_score_fields(); f->key; f++) {
        if (is_blank(columns, f))
            continue;
        printf("%-24s", f->title);
        for (size_t i = 0; i < COLUMNS; i++)
            cell(12, drift_score_value(columns[i], f), f);
        printf("\n");
    }
}

/* Figures that stand in a line, of which there are many below each other. */
static const drift_score_field *in_line(int points, size_t i)
{
    static const char *const of_images[] = {"accuracy",  "distance", "kernel",
                                            "precision", "recall",   "coverage",
                                            NULL};
    static const char *const of_points[] = {"energy", "sliced", NULL};
    const char *key = (points ? of_points : of_images)[i];
    const drift_score_field *f = drift_score_fields();
    while (key && strcmp(f->key, key) != 0)
        f++;
    return key ? f : NULL;
}

static void print_keys(int points)
{
    const drift_score_field *f;
    for (size_t i = 0; (f = in_line(points, i)); i++)
        printf(" %9s", f->key);
    printf("\n");
}

static void print_scores(int points, const drift_scores *s)
{
    const drift_score_field *f;
    for (size_t i = 0; (f = in_line(points, i)); i++)
        cell(9, drift_score_value(s, f), f);
    printf("\n");
}

/* What all rows have in common. */
static void print_settings(const drift_score_row *r)
{
    int points = !*r->network;
    printf("%s, %zu samples a checkpoint, alpha %g, seed %llu\n", r->weights,
           r->scores.count, r->alpha, (unsigned long long)r->seed);
    printf("real     %s of %s\n", points ? "points" : "training images",
           r->data);
    if (!points) {
        print_network(r->network, r->resize);
        printf("\n");
    }
    printf("\n");
}

static void print_run(const char *path, const drift_score_table *table,
                      const drift_evaluation *bounds)
{
    const drift_score_row *r = drift_score_table_row(table, 0);
    int points = r && !*r->network;
    if (r) {
        printf("run      %s, ", path);
        print_settings(r);
    }
    printf("%-12s", "step");
    print_keys(points);
    for (size_t i = 0; (r = drift_score_table_row(table, i)); i++) {
        printf("%-12lld", (long long)r->step);
        print_scores(points, &r->scores);
    }
    if (!bounds->noise.count)
        return;
    printf("%-12s", "real, test");
    print_scores(points, &bounds->real);
    printf("%-12s", "noise");
    print_scores(points, &bounds->noise);
}

/* -- JSON ------------------------------------------------------------------ */

/* A path need not be UTF-8; what there is not is null. */
static json_t *text(const char *s)
{
    json_t *v = *s ? json_string(s) : json_null();
    return v ? v : json_string("?");
}

/* A figure that could not be had is null. */
static json_t *number(double v)
{
    return isfinite(v) ? json_real(v) : json_null();
}

static void add_scores(json_t *o, const drift_scores *s)
{
    json_object_set_new(o, "count", json_integer((json_int_t)s->count));
    for (const drift_score_field *f = drift_score_fields(); f->key; f++)
        json_object_set_new(o, f->key, number(drift_score_value(s, f)));
}

static json_t *scores(const drift_scores *s)
{
    json_t *o = json_object();
    add_scores(o, s);
    return o;
}

static json_t *evaluation(const drift_evaluation *e)
{
    return json_pack("{s:o,s:o,s:I,s:o,s:o,s:o,s:I,s:I,s:o,s:o,s:o}", "of",
                     text(e->of), "data", text(e->data), "training",
                     (json_int_t)e->training, "reference", text(e->reference),
                     "network", text(e->network), "resize", text(e->resize),
                     "features", (json_int_t)e->features, "seed",
                     (json_int_t)e->seed, "samples", scores(&e->samples),
                     "real", scores(&e->real), "noise", scores(&e->noise));
}

static json_t *row(const drift_score_row *r)
{
    json_t *o =
        json_pack("{s:o,s:I,s:I,s:o,s:o,s:o,s:I,s:o,s:o,s:o}", "checkpoint",
                  text(r->checkpoint), "step", (json_int_t)r->step, "images",
                  (json_int_t)r->images, "seconds", number(r->seconds),
                  "weights", text(r->weights), "alpha", number(r->alpha),
                  "seed", (json_int_t)r->seed, "network", text(r->network),
                  "resize", text(r->resize), "data", text(r->data));
    add_scores(o, &r->scores);
    return o;
}

static json_t *rows(const drift_score_table *table)
{
    json_t *list = json_array();
    const drift_score_row *r;
    for (size_t i = 0; (r = drift_score_table_row(table, i)); i++)
        json_array_append_new(list, row(r));
    return list;
}

/* Takes `o` over. */
static int print_json(const tool *t, json_t *o)
{
    char *text = o ? json_dumps(o, JSON_INDENT(2)) : NULL;
    if (text)
        puts(text);
    else
        fprintf(stderr, "%s: out of memory\n", t->name);
    free(text);
    json_decref(o);
    return text ? cli_close_stdout(t) : EXIT_FAILED;
}

/* -- one evaluation, one run ----------------------------------------------- */

int eval_show(const tool *t, const drift_evaluation *e, int json)
{
    if (json)
        return print_json(t, evaluation(e));
    print_evaluation(e);
    return cli_close_stdout(t);
}

int eval_show_run(const tool *t, const char *path,
                  const drift_score_table *table,
                  const drift_evaluation *bounds, int json)
{
    int looked = bounds->noise.count > 0;
    if (json)
        return print_json(
            t, json_pack("{s:o,s:o,s:o,s:o}", "run", text(path), "checkpoints",
                         rows(table), "real",
                         looked ? scores(&bounds->real) : json_null(), "noise",
                         looked ? scores(&bounds->noise) : json_null()));
    print_run(path, table, bounds);
    return cli_close_stdout(t);
}

/* -- many runs ------------------------------------------------------------- */

/* The first where there is no figure to tell the best by. */
static const drift_score_row *best(const drift_score_table *table)
{
    const drift_score_row *b = drift_score_table_row(table, 0), *r;
    for (size_t i = 1; (r = drift_score_table_row(table, i)); i++)
        if (drift_score_rank(&r->scores) < drift_score_rank(&b->scores))
            b = r;
    return b;
}

/* What makes figures of two runs say nothing beside each other; or NULL. */
static const char *difference(const drift_score_row *a,
                              const drift_score_row *b)
{
    return strcmp(a->network, b->network)       ? "network"
           : strcmp(a->resize, b->resize)       ? "way to resize"
           : strcmp(a->data, b->data)           ? "path of real images"
           : a->scores.count != b->scores.count ? "number of samples"
           : a->alpha != b->alpha               ? "alpha"
           : a->seed != b->seed                 ? "seed"
           : strcmp(a->weights, b->weights)     ? "kind of weights"
                                                : NULL;
}

static void print_comparison(char *const *runs,
                             drift_score_table *const *tables, size_t count)
{
    int width = 3;
    int points = count && !*best(tables[0])->network;
    for (size_t i = 0; i < count; i++)
        if ((int)strlen(runs[i]) > width)
            width = (int)strlen(runs[i]);
    if (count) {
        printf("scores   ");
        print_settings(best(tables[0]));
    }
    printf("%-*s %9s %9s %11s", width, "run", "best step", "seconds", "images");
    print_keys(points);
    for (size_t i = 0; i < count; i++) {
        const drift_score_row *r = best(tables[i]);
        printf("%-*s %9lld %9.0f %11lld", width, runs[i], (long long)r->step,
               r->seconds, (long long)r->images);
        print_scores(points, &r->scores);
    }
}

static json_t *comparison(char *const *runs, drift_score_table *const *tables,
                          size_t count, const char *picture)
{
    json_t *list = json_array();
    for (size_t i = 0; i < count; i++)
        json_array_append_new(list,
                              json_pack("{s:o,s:o,s:o}", "run", text(runs[i]),
                                        "best", row(best(tables[i])),
                                        "checkpoints", rows(tables[i])));
    return json_pack("{s:o,s:o}", "runs", list, "picture", text(picture));
}

/* Where the picture goes: `out` itself if it ends in .png. */
static drift_status find_picture(drift_context *ctx, const char *out,
                                 char *path, size_t size)
{
    const char *dot = out ? strrchr(out, '.') : NULL;
    if (dot && !strcmp(dot, ".png")) {
        snprintf(path, size, "%s", out);
        return DRIFT_OK;
    }
    snprintf(path, size, "%s%scompare.png", out ? out : "", out ? "/" : "");
    return out ? cli_make_dir(ctx, out) : DRIFT_OK;
}

/* A build that draws nothing says so, and has the figures all the same. */
static drift_status draw(const tool *t, drift_context *ctx, char *const *runs,
                         drift_score_table *const *tables, size_t count,
                         char *picture)
{
    drift_status status = drift_score_tables_draw(
        ctx, picture, (const drift_score_table *const *)tables,
        (const char *const *)runs, count);
    if (status != DRIFT_ERROR_UNAVAILABLE)
        return status;
    fprintf(stderr, "%s: warning: pictures are left out: %s\n", t->name,
            drift_error_text(ctx));
    drift_error_clear(ctx);
    *picture = '\0';
    return DRIFT_OK;
}

int eval_show_comparison(const tool *t, drift_context *ctx, char *const *runs,
                         size_t count, const drift_score_wanted *wanted,
                         const char *out, int json)
{
    drift_status status = DRIFT_OK;
    char picture[4096];
    int code = EXIT_FAILED;
    drift_score_table **tables = calloc(count, sizeof *tables);
    if (!tables) {
        fprintf(stderr, "%s: out of memory\n", t->name);
        return EXIT_FAILED;
    }
    for (size_t i = 0; i < count && status == DRIFT_OK; i++) {
        const char *other;
        status = drift_score_table_read(ctx, runs[i], wanted, &tables[i]);
        other = status == DRIFT_OK
                    ? difference(best(tables[0]), best(tables[i]))
                    : NULL;
        if (other)
            fprintf(stderr,
                    "%s: warning: '%s' and '%s' do not compare: they were "
                    "scored with another %s\n",
                    t->name, runs[0], runs[i], other);
    }
    if (status == DRIFT_OK)
        status = find_picture(ctx, out, picture, sizeof picture);
    if (status == DRIFT_OK)
        status = draw(t, ctx, runs, tables, count, picture);
    if (status != DRIFT_OK) {
        code = cli_failed(t, ctx, status);
    } else if (json) {
        code = print_json(t, comparison(runs, tables, count, picture));
    } else {
        print_comparison(runs, tables, count);
        if (*picture)
            printf("\npicture  %s\n", picture);
        code = cli_close_stdout(t);
    }
    for (size_t i = 0; i < count; i++)
        drift_score_table_free(tables[i]);
    free(tables);
    return code;
}
