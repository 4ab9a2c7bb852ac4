/* metrics.jsonl, the same numbers as TensorBoard events, the curves. A line is
 * one write, so that a run killed at any moment leaves whole lines and at most
 * one torn one at the end, which the next resume cuts off. */
#include "train/metrics.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <jansson.h>

#include "base/build.h"
#include "base/context.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/threads.h"
#include "plot/plot.h"
#include "train/events.h"

const char *const phase_names[PHASE_COUNT] = {"data", "generate", "field",
                                              "backward", "optimizer"};

/* NULL: it has none. */
static const char *const encoder_phase_names[PHASE_COUNT] = {
    "data", "forward", NULL, "backward", "optimizer"};

struct metrics {
    drift_context *ctx;
    rundir *dir;
    const config *c;
    int file;        /* metrics.jsonl */
    events *events;  /* of this start of the run */
    json_t *about;   /* goes into the next line; NULL once written */
    double *history; /* [count][CURVE_COUNT] */
    size_t count, room;
};

/* The decimal a temperature is known by: "0.05". */
static char *temperature_name(double r, char text[32])
{
    snprintf(text, 32, "%.6g", r);
    return text;
}

/* -- history ------------------------------------------------------------ */

static drift_status history_add(metrics *m, const double row[CURVE_COUNT])
{
    if (m->count == m->room) {
        size_t room = m->room ? 2 * m->room : 256;
        double *more =
            mem_resize(m->ctx, m->history, room * CURVE_COUNT, sizeof *more);
        if (!more)
            return DRIFT_ERROR_MEMORY;
        m->history = more;
        m->room = room;
    }
    memcpy(m->history + m->count++ * CURVE_COUNT, row,
           CURVE_COUNT * sizeof *row);
    return DRIFT_OK;
}

static double number(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    return json_is_number(value) ? json_number_value(value) : NAN;
}

static const char *network_wanted(const run_config *c)
{
    return c->evaluate_network ? c->evaluate_network : "";
}

/* Whether scores were made as this run makes them: else the best of them is not
 * to be compared with. */
static int like_ours(const metrics *m, const json_t *scores)
{
    const char *network = json_string_value(json_object_get(scores, "network"));
    return network && !strcmp(network, network_wanted(&m->c->run)) &&
           number(scores, "count") == m->c->run.evaluate_count;
}

/* A line of an earlier run of the program. */
enum { LINE_FOREIGN, LINE_KEPT, LINE_AFTER };

/* LINE_AFTER when its step lies after `last`; fills `row` when it is kept. */
static int read_line(const metrics *m, const char *line, size_t size,
                     int64_t last, double row[CURVE_COUNT])
{
    const field_args *f = &m->c->drift.field;
    json_t *root = json_loadb(line, size, 0, NULL);
    const json_t *step = json_object_get(root, "step");
    int kind = !json_is_integer(step)             ? LINE_FOREIGN
               : json_integer_value(step) <= last ? LINE_KEPT
                                                  : LINE_AFTER;
    for (int i = 0; i < CURVE_COUNT; i++)
        row[i] = NAN;
    if (kind == LINE_KEPT) {
        row[CURVE_STEP] = (double)json_integer_value(step);
        row[CURVE_LOSS] = number(root, "loss");
        row[CURVE_GRAD] = number(root, "grad_norm");
        row[CURVE_RATE] = number(root, "lr");
        row[CURVE_SPEED] = number(root, "samples_per_second");
        row[CURVE_SPREAD] = number(root, "spread");
        row[CURVE_ACCURACY] = number(root, "accuracy");
        row[CURVE_TEST] = number(root, "test_accuracy");
        row[CURVE_TEST_LOSS] = number(root, "test_loss");
        const json_t *scores = json_object_get(root, "evaluation");
        row[CURVE_RIGHT] = number(scores, "accuracy");
        row[CURVE_DISTANCE] =
            like_ours(m, scores) ? number(scores, "rank") : NAN;
        for (int j = 0; j < f->temperatures; j++) {
            char name[32];
            temperature_name((double)f->r[j], name);
            row[CURVE_DRIFT + j] = number(json_object_get(root, "drift"), name);
            row[CURVE_ESS + j] = number(json_object_get(root, "ess"), name);
        }
    }
    json_decref(root);
    return kind;
}

/* Cut out what was logged after step `last`, and a torn line at the end; what
 * is no line of a run stays. */
static drift_status cut_back(metrics *m, const char *name, int64_t last)
{
    drift_status status = DRIFT_OK;
    file_view view = {0};
    char *left = NULL;
    size_t size = 0, foreign = 0;
    if (!file_exists(name))
        return DRIFT_OK;
    TRY(file_open_view(m->ctx, name, &view));
    left = mem_alloc(m->ctx, view.size, 1);
    if (!left) {
        status = DRIFT_ERROR_MEMORY;
        goto out;
    }
    const char *at = (const char *)view.data, *stop = at + view.size, *end;
    for (; at < stop && (end = memchr(at, '\n', (size_t)(stop - at)));
         at = end + 1) {
        double row[CURVE_COUNT];
        size_t length = (size_t)(end - at) + 1;
        int kind = read_line(m, at, length, last, row);
        if (kind == LINE_AFTER)
            continue;
        if (kind == LINE_KEPT)
            TRY(history_add(m, row));
        foreign += kind == LINE_FOREIGN;
        memcpy(left + size, at, length);
        size += length;
    }
    if (foreign)
        rundir_warn(m->dir, "'%s': %zu lines are not of a run; they are kept",
                    name, foreign);
    if (size < view.size)
        TRY(file_replace(m->ctx, name, left, size));
out:
    mem_free(left);
    file_close_view(&view);
    return status;
}

/* -- opening ------------------------------------------------------------ */

drift_status metrics_open(rundir *r, const config *c, int64_t keep_step,
                          metrics **out)
{
    drift_status status = DRIFT_OK;
    drift_context *ctx = r->ctx;
    char *name = rundir_path(r, "metrics.jsonl");
    metrics *m = mem_alloc(ctx, 1, sizeof *m);
    *out = NULL;
    if (!name || !m) {
        status = DRIFT_ERROR_MEMORY;
        goto out;
    }
    *m = (metrics){.ctx = ctx, .dir = r, .c = c, .file = -1};
    if (keep_step >= 0)
        TRY(cut_back(m, name, keep_step));
    m->file = open(name,
                   O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC |
                       (keep_step < 0 ? O_TRUNC : 0),
                   0666);
    if (m->file < 0)
        FAIL(ctx, DRIFT_ERROR_IO, "unable to open '%s': %s", name,
             strerror(errno));
    TRY(events_open(ctx, r->path, &m->events));
    *out = m;
    m = NULL;
out:
    metrics_close(m);
    mem_free(name);
    return status;
}

void metrics_close(metrics *m)
{
    if (!m)
        return;
    if (m->file >= 0)
        close(m->file);
    events_close(m->events);
    json_decref(m->about);
    mem_free(m->history);
    mem_free(m);
}

/* -- writing ------------------------------------------------------------ */

/* Sets object[key]; NaN and infinity are left out, JSON has no word for them.
 * Returns -1 out of memory. */
static int put_number(json_t *object, const char *key, double value)
{
    return isfinite(value) ? json_object_set_new(object, key, json_real(value))
                           : 0;
}

static int put_text(json_t *object, const char *key, const char *value)
{
    return json_object_set_new(object, key, json_string(value));
}

drift_status metrics_describe(metrics *m, const char *data_digest,
                              int64_t resumed_at)
{
    drift_status status = DRIFT_OK;
    drift_context *ctx = m->ctx;
    char config_hash[DIGEST_TEXT];
    TRY(config_digest(ctx, m->c, config_hash));
    json_decref(m->about);
    json_t *about = m->about = json_object();
    int bad = 0;
    bad |= put_text(about, "name", m->c->run.name ? m->c->run.name : "");
    bad |= put_text(about, "version", drift_version());
    bad |= put_text(about, "revision", build_revision());
    bad |= put_text(about, "compiler", build_compiler());
    bad |= put_text(about, "options", build_options());
    bad |= put_text(about, "libraries", build_libraries());
    bad |= put_text(about, "device", drift_context_device(ctx));
    bad |= put_text(about, "config_digest", config_hash);
    bad |= put_text(about, "data_digest", data_digest);
    bad |= json_object_set_new(about, "seed", json_integer(m->c->run.seed));
    bad |= json_object_set_new(about, "threads", json_integer(threads_get()));
    bad |= json_object_set_new(about, "resumed_at",
                               json_integer((json_int_t)resumed_at));
    if (bad)
        FAIL(ctx, DRIFT_ERROR_MEMORY, "out of memory");
out:
    return status;
}

/* {"0.05": values[0], ...} */
static json_t *by_temperature(const step_report *r, const double *values)
{
    json_t *object = json_object();
    for (int j = 0; j < r->temperatures; j++) {
        char name[32];
        put_number(object, temperature_name(r->temperature[j], name),
                   values[j]);
    }
    return object;
}

static json_t *family_object(const step_report *r, const family_stats *f)
{
    json_t *object = json_object();
    put_number(object, "loss", f->loss);
    put_number(object, "scale", f->scale);
    json_object_set_new(object, "raw_mean_square", by_temperature(r, f->raw));
    json_object_set_new(object, "normalised_mean_square",
                        by_temperature(r, f->normed));
    json_object_set_new(object, "ess", by_temperature(r, f->ess));
    json_object_set_new(object, "ess_p10", by_temperature(r, f->ess10));
    return object;
}

static void put_drift(json_t *root, const step_report *r)
{
    json_t *families = json_object();
    json_object_set_new(root, "drift", by_temperature(r, r->drift));
    json_object_set_new(root, "ess", by_temperature(r, r->ess));
    json_object_set_new(root, "ess_p10", by_temperature(r, r->ess10));
    if (r->spread >= 0) {
        put_number(root, "spread", r->spread);
        put_number(root, "spread_least", r->spread_least);
    }
    put_number(root, "alpha_drawn", r->alpha);
    put_number(root, "alpha_realised", 1 / (1 - r->unconditional));
    put_number(root, "unconditional_share", r->unconditional);
    for (size_t i = 0; i < r->family_count; i++)
        json_object_set_new(families, r->families[i].name,
                            family_object(r, &r->families[i]));
    json_object_set_new(root, "families", families);
}

static json_t *scores_object(const run_config *c, const drift_scores *s)
{
    json_t *object = json_object();
    json_object_set_new(object, "count", json_integer((json_int_t)s->count));
    put_text(object, "network", network_wanted(c));
    put_number(object, "rank", drift_score_rank(s));
    for (const drift_score_field *f = drift_score_fields(); f->key; f++)
        put_number(object, f->key, drift_score_value(s, f));
    return object;
}

/* A set that fails for want of memory drops its value; the caller looks at
 * the whole line only. */
static json_t *report_object(const config *c, const step_report *r)
{
    const char *const *names =
        c->subject == DRIFT_ENCODER ? encoder_phase_names : phase_names;
    json_t *root = json_object();
    json_t *parts = json_object(), *phases = json_object();
    json_object_set_new(root, "step", json_integer((json_int_t)r->step));
    put_number(root, "seconds", r->seconds);
    json_object_set_new(root, "images", json_integer((json_int_t)r->images));
    put_number(root, "loss", r->loss);
    put_number(root, "grad_norm", r->grad_norm);
    put_number(root, "lr", r->learning_rate);
    put_number(root, "samples_per_second", r->samples_per_second);
    if (c->subject == DRIFT_GENERATOR)
        put_drift(root, r);
    if (r->accuracy >= 0)
        put_number(root, "accuracy", r->accuracy);
    if (r->test_accuracy >= 0)
        put_number(root, "test_accuracy", r->test_accuracy);
    if (r->test_loss >= 0)
        put_number(root, "test_loss", r->test_loss);
    if (r->scores)
        json_object_set_new(root, "evaluation",
                            scores_object(&c->run, r->scores));
    for (size_t i = 0; i < r->part_count; i++)
        put_number(parts, r->parts[i], r->part_norms[i]);
    json_object_set_new(root, "grad_norm_parts", parts);
    for (int i = 0; i < PHASE_COUNT; i++)
        if (names[i])
            put_number(phases, names[i], r->phases[i]);
    json_object_set_new(root, "phase_seconds", phases);
    json_object_set_new(root, "resident_bytes",
                        json_integer((json_int_t)memory_resident()));
    return root;
}

static drift_status write_line(metrics *m, const char *line, size_t size)
{
    while (size) {
        ssize_t n = write(m->file, line, size);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return ERROR(m->ctx, DRIFT_ERROR_IO,
                         "unable to write '%s/metrics.jsonl': %s", m->dir->path,
                         strerror(errno));
        line += n;
        size -= (size_t)n;
    }
    return DRIFT_OK;
}

/* Every number of an object, tagged with its path: "drift/0.05". */
static void add_scalars(events *e, const char *prefix, json_t *object)
{
    const char *key;
    json_t *value;
    json_object_foreach(object, key, value)
    {
        char tag[256];
        snprintf(tag, sizeof tag, "%s%s%s", prefix, *prefix ? "/" : "", key);
        if (json_is_object(value))
            add_scalars(e, tag, value);
        else if (json_is_number(value))
            events_scalar(e, tag, json_number_value(value));
    }
}

drift_status metrics_picture(metrics *m, int64_t step, const char *path)
{
    drift_status status = DRIFT_OK;
    image img = {0};
    TRY(image_read(m->ctx, path, &img));
    events_begin(m->events, step);
    events_image(m->events, "samples", &img);
    TRY(events_end(m->events));
out:
    image_free(&img);
    return status;
}

drift_status metrics_add(metrics *m, const step_report *r)
{
    drift_status status = DRIFT_OK;
    char *text = NULL, *line = NULL;
    double row[CURVE_COUNT];
    json_t *root = report_object(m->c, r);
    events_begin(m->events, r->step);
    add_scalars(m->events, "", root);
    if (m->about && json_object_set(root, "run", m->about) == 0) {
        json_decref(m->about);
        m->about = NULL;
    }
    text = json_dumps(root, JSON_COMPACT | JSON_REAL_PRECISION(9));
    if (!text)
        FAIL(m->ctx, DRIFT_ERROR_MEMORY, "out of memory");
    line = mem_printf(m->ctx, "%s\n", text);
    if (!line) {
        status = DRIFT_ERROR_MEMORY;
        goto out;
    }
    TRY(write_line(m, line, strlen(line)));
    TRY(events_end(m->events));
    for (int i = 0; i < CURVE_COUNT; i++)
        row[i] = NAN;
    row[CURVE_STEP] = (double)r->step;
    row[CURVE_LOSS] = r->loss;
    row[CURVE_GRAD] = r->grad_norm;
    row[CURVE_RATE] = r->learning_rate;
    row[CURVE_SPEED] = r->samples_per_second;
    if (r->spread >= 0)
        row[CURVE_SPREAD] = r->spread;
    if (r->accuracy >= 0)
        row[CURVE_ACCURACY] = r->accuracy;
    if (r->test_accuracy >= 0)
        row[CURVE_TEST] = r->test_accuracy;
    if (r->test_loss >= 0)
        row[CURVE_TEST_LOSS] = r->test_loss;
    if (r->scores) {
        row[CURVE_RIGHT] = r->scores->accuracy;
        row[CURVE_DISTANCE] = drift_score_rank(r->scores);
    }
    for (int j = 0; j < r->temperatures; j++) {
        row[CURVE_DRIFT + j] = r->drift[j];
        row[CURVE_ESS + j] = r->ess[j];
    }
    TRY(history_add(m, row));
out:
    json_decref(root);
    free(text);
    mem_free(line);
    return status;
}

double metrics_best(const metrics *m)
{
    double least = INFINITY;
    for (size_t i = 0; i < m->count; i++)
        least = fmin(least, m->history[i * CURVE_COUNT + CURVE_DISTANCE]);
    return least;
}

/* -- curves ------------------------------------------------------------- */

/* A panel of a picture: one line, or one a temperature. */
typedef struct panel {
    const char *title;
    int first, log, per_temperature;
} panel;

#define PANELS 8

static const panel all_panels[PANELS] = {
    {"raw drift (RMS)", CURVE_DRIFT, 1, 1},
    {"effective neighbours (ESS)", CURVE_ESS, 1, 1},
    {"spread of a class / the data's", CURVE_SPREAD, 0, 0},
    {"gradient norm", CURVE_GRAD, 1, 0},
    {"loss (no measure of progress)", CURVE_LOSS, 0, 0},
    {"learning rate", CURVE_RATE, 0, 0},
    {"of the asked class, by the evaluations", CURVE_RIGHT, 0, 0},
    {"distance, by the evaluations", CURVE_DISTANCE, 1, 0},
};
static const panel encoder_panels[] = {
    {"accuracy on the test images", CURVE_TEST, 0, 0},
    {"accuracy on the training batches", CURVE_ACCURACY, 0, 0},
    {"loss on the test images", CURVE_TEST_LOSS, 1, 0},
    {"loss", CURVE_LOSS, 1, 0},
    {"gradient norm", CURVE_GRAD, 1, 0},
    {"learning rate", CURVE_RATE, 0, 0},
};
static const panel loss_panels[] = {
    {"loss", CURVE_LOSS, 1, 0},
    {"raw drift (RMS)", CURVE_DRIFT, 1, 1},
};

static drift_status draw(metrics *m, const char *name, const panel *wanted,
                         size_t count)
{
    drift_status status = DRIFT_OK;
    drift_context *ctx = m->ctx;
    const field_args *f = &m->c->drift.field;
    plot_panel panels[PANELS];
    plot_line lines[PANELS][FIELD_MAX_R];
    char names[FIELD_MAX_R][40];
    char *path = rundir_path(m->dir, "%s", name);
    double *columns = mem_alloc(ctx, m->count * CURVE_COUNT, sizeof *columns);
    if (!path || !columns) {
        status = DRIFT_ERROR_MEMORY;
        goto out;
    }
    for (size_t i = 0; i < m->count; i++)
        for (size_t k = 0; k < CURVE_COUNT; k++)
            columns[k * m->count + i] = m->history[i * CURVE_COUNT + k];
    for (int j = 0; j < f->temperatures; j++)
        snprintf(names[j], sizeof names[j], "R = %.6g", (double)f->r[j]);
    for (size_t i = 0; i < count; i++) {
        int line_count = wanted[i].per_temperature ? f->temperatures : 1;
        for (int j = 0; j < line_count; j++)
            lines[i][j] = (plot_line){
                .name = wanted[i].per_temperature ? names[j] : NULL,
                .x = columns + CURVE_STEP * m->count,
                .y = columns + (size_t)(wanted[i].first + j) * m->count,
                .count = m->count};
        panels[i] = (plot_panel){.title = wanted[i].title,
                                 .x_label = "step",
                                 .log_y = wanted[i].log,
                                 .lines = lines[i],
                                 .line_count = (size_t)line_count};
    }
    TRY(plot_curves(ctx, path, panels, count));
out:
    mem_free(columns);
    mem_free(path);
    return status;
}

drift_status metrics_curves(metrics *m)
{
    if (m->c->subject == DRIFT_ENCODER)
        return draw(m, "curves.png", encoder_panels,
                    sizeof encoder_panels / sizeof *encoder_panels);
    return draw(m, "curves.png", all_panels,
                m->c->run.evaluate_every ? PANELS : PANELS - 2);
}

drift_status metrics_losses(metrics *m)
{
    return draw(m, "losses.png", loss_panels,
                sizeof loss_panels / sizeof *loss_panels);
}
