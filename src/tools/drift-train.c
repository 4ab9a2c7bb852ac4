/* drift-train: train a generator from a configuration, or go on with a run. */
#include <stdio.h>

#include "tools/training.h"

static void describe(const drift_progress *p, char *text, size_t size)
{
    static double spread = -1; /* of the last logged step */
    char left[32];
    size_t used = (size_t)snprintf(
        text, size, "step %lld/%lld  %s left  %.0f samples/s  drift",
        (long long)p->step, (long long)p->total_steps,
        cli_duration(p->seconds_left, left), p->samples_per_second);
    for (int i = 0; i < p->temperatures && used < size; i++)
        used += (size_t)snprintf(text + used, size - used, " %g: %.3g",
                                 p->temperature[i], p->drift[i]);
    if (p->spread >= 0)
        spread = p->spread;
    if (spread >= 0 && used < size)
        snprintf(text + used, size - used, "  spread %.2f", spread);
}

static const training train = {
    .subject = DRIFT_GENERATOR,
    .tool = {"drift-train",
             "[OPTIONS] [CONFIG] [key=value...]\n"
             "       drift-train [OPTIONS] --resume DIR [run.key=value...]",
             "Train a one-step generator. CONFIG is a YAML file or a preset "
             "[mnist-feature].",
             training_options,
             "Ctrl-C saves the run and says how to go on.\n"
             "Exit status: 0 done, 1 failed, 2 wrong usage, 3 device; 129, 130 "
             "or\n143 saved after a signal.",
             NULL},
    .preset = "mnist-feature",
    .describe = describe};

int main(int argc, char **argv)
{
    return training_main(&train, argc, argv);
}
