/* drift-encoder: train an encoder from a configuration, or go on with a run. */
#include <stdio.h>

#include "tools/training.h"

static void describe(const drift_progress *p, char *text, size_t size)
{
    char left[32];
    size_t used = (size_t)snprintf(
        text, size, "step %lld/%lld  %s left  %.0f images/s  loss %.4g",
        (long long)p->step, (long long)p->total_steps,
        cli_duration(p->seconds_left, left), p->samples_per_second, p->loss);
    if (p->accuracy >= 0 && used < size)
        used += (size_t)snprintf(text + used, size - used, "  right %.1f %%",
                                 100 * p->accuracy);
    if (p->test_accuracy >= 0 && used < size)
        snprintf(text + used, size - used, "  test %.2f %%",
                 100 * p->test_accuracy);
    else if (p->test_loss >= 0 && used < size)
        snprintf(text + used, size - used, "  test %.4g", p->test_loss);
}

/* -- probe -------------------------------------------------------------- */

/* As many images make a few seconds a family and four of five digits sure. */
#define PROBED 2000

static const char *probed; /* the encoder's file */

static const option own_options[] = {
    {OPTION_TEXT, "probe", "FILE",
     "show how its features see the images of DATA, and end", &probed, 0, 0},
    {OPTION_END, NULL, NULL, NULL, NULL, 0, 0},
};

static void tell(void *user, const drift_probe_line *l)
{
    int *lines = user;
    if (!(*lines)++)
        printf("%-24s %5s %5s %7s %7s %9s %9s %6s %6s %6s\n", "family", "F",
               "C", "near %", "mean %", "within", "between", "p1", "p50",
               "near");
    printf("%-24s %5zu %5zu %7.1f %7.1f %9.3g %9.3g %6.2f %6.2f %6.2f\n",
           l->name, l->locations, l->channels, 100 * l->nearest,
           100 * l->class_mean, l->within, l->between, l->low, l->median,
           l->share);
    fflush(stdout);
}

static int probe(drift_context *ctx, char **arguments, int count);

static const training encode = {
    .subject = DRIFT_ENCODER,
    .tool = {"drift-encoder",
             "[OPTIONS] [CONFIG] [key=value...]\n"
             "       drift-encoder [OPTIONS] --resume DIR [run.key=value...]\n"
             "       drift-encoder [OPTIONS] --probe FILE DATA",
             "Train an encoder, in which drift-train compares samples. CONFIG "
             "is a YAML\nfile or a preset [encoder-mnist].",
             training_options,
             "Ctrl-C saves the run and says how to go on.\n"
             "Exit status: 0 done, 1 failed, 2 wrong usage, 3 device; 129, 130 "
             "or\n143 saved after a signal.",
             own_options},
    .preset = "encoder-mnist",
    .describe = describe,
    .other = &probed,
    .instead = probe};

static int probe(drift_context *ctx, char **arguments, int count)
{
    if (count != 1)
        return cli_usage(&encode.tool, "--probe FILE wants one data set");
    int lines = 0;
    drift_status status =
        drift_probe(ctx, probed, arguments[0], PROBED, tell, &lines);
    return status == DRIFT_OK ? cli_close_stdout(&encode.tool)
                              : cli_failed(&encode.tool, ctx, status);
}

int main(int argc, char **argv)
{
    return training_main(&encode, argc, argv);
}
