/* drift-encoder: train an encoder from a configuration, or go on with a run. */
#include <stdio.h>

#include "tools/training.h"

static void describe(const drift_progress *p, char *text, size_t size)
{
    char left[32];
    size_t used = (size_t)snprintf(
        text, size, "step %lld/%lld  %s left  %.0f images/s  loss %.4g",
        (long long)p->step, (long long)p->total_steps,
        training_duration(p->seconds_left, left), p->samples_per_second,
        p->loss);
    if (p->accuracy >= 0 && used < size)
        used += (size_t)snprintf(text + used, size - used, "  right %.1f %%",
                                 100 * p->accuracy);
    if (p->test_accuracy >= 0 && used < size)
        snprintf(text + used, size - used, "  test %.2f %%",
                 100 * p->test_accuracy);
    else if (p->test_loss >= 0 && used < size)
        snprintf(text + used, size - used, "  test %.4g", p->test_loss);
}

static const training encode = {
    .subject = DRIFT_ENCODER,
    .tool = {"drift-encoder",
             "[OPTIONS] [CONFIG] [key=value...]\n"
             "       drift-encoder [OPTIONS] --resume DIR [run.key=value...]",
             "Train an encoder, in which drift-train compares samples. CONFIG "
             "is a YAML\nfile or a preset [encoder-mnist].",
             training_options,
             "Ctrl-C saves the run and says how to go on.\n"
             "Exit status: 0 done, 1 failed, 2 wrong usage, 3 device; 129, 130 "
             "or\n143 saved after a signal."},
    .preset = "encoder-mnist",
    .describe = describe};

int main(int argc, char **argv)
{
    return training_main(&encode, argc, argv);
}
