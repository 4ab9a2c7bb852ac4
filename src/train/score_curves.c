/* Pictures of tables of scores. */
#include "train/score_curves.h"

#include <math.h>

#include "base/mem.h"
#include "plot/plot.h"
#include "train/score_table.h"

drift_status score_curves(const drift_score_table *t, const drift_scores *real,
                          const char *path)
{
    drift_status status = DRIFT_OK;
    size_t n = t->count;
    double *x = mem_alloc(t->ctx, 3 * n, sizeof *x), *y, *z;
    if (!x)
        return DRIFT_ERROR_MEMORY;
    y = x + n;
    z = y + n;
    for (size_t i = 0; i < n; i++) {
        x[i] = (double)t->rows[i].step;
        y[i] = drift_score_rank(&t->rows[i].scores);
        z[i] = t->rows[i].scores.accuracy;
    }
    double ends[] = {n ? x[0] : NAN, n ? x[n - 1] : NAN};
    double floor = drift_score_rank(real), distance[] = {floor, floor};
    double accuracy[] = {real->accuracy, real->accuracy};
    plot_line distances[] = {{"samples", x, y, n},
                             {"real test images", ends, distance, 2}};
    plot_line accuracies[] = {{"samples", x, z, n},
                              {"real test images", ends, accuracy, 2}};
    plot_panel panels[] = {{"distance", "step", 1, distances, 2},
                           {"of the asked class", "step", 0, accuracies, 2}};
    TRY(plot_curves(t->ctx, path, panels, 2));
out:
    mem_free(x);
    return status;
}

drift_status drift_score_tables_draw(drift_context *ctx, const char *path,
                                     const drift_score_table *const *tables,
                                     const char *const *names, size_t count)
{
    enum { STEPS, IMAGES, SECONDS, PANELS };
    static const char *const labels[PANELS] = {"step", "generated images",
                                               "seconds of training"};
    drift_status status = DRIFT_OK;
    plot_panel panels[PANELS];
    size_t rows = 0, at = 0;
    for (size_t k = 0; k < count; k++)
        rows += tables[k]->count;
    double *numbers = mem_alloc(ctx, (PANELS + 1) * rows, sizeof *numbers);
    plot_line *lines = mem_alloc(ctx, PANELS * count, sizeof *lines);
    if (!numbers || !lines) {
        status = DRIFT_ERROR_MEMORY;
        goto out;
    }
    double *y = numbers + PANELS * rows;
    for (size_t k = 0; k < count; k++) {
        const drift_score_table *t = tables[k];
        for (size_t p = 0; p < PANELS; p++)
            lines[p * count + k] = (plot_line){
                names[k], numbers + p * rows + at, y + at, t->count};
        for (size_t i = 0; i < t->count; i++, at++) {
            numbers[STEPS * rows + at] = (double)t->rows[i].step;
            numbers[IMAGES * rows + at] = (double)t->rows[i].images;
            numbers[SECONDS * rows + at] = t->rows[i].seconds;
            y[at] = drift_score_rank(&t->rows[i].scores);
        }
    }
    for (size_t p = 0; p < PANELS; p++)
        panels[p] =
            (plot_panel){"distance", labels[p], 1, lines + p * count, count};
    TRY(plot_curves(ctx, path, panels, PANELS));
out:
    mem_free(numbers);
    mem_free(lines);
    return status;
}
