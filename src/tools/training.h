/* What drift-train and drift-encoder share: their options, the configuration
 * from a file or preset and key=value, the folder of the run, the live line,
 * signals. */
#ifndef TOOLS_TRAINING_H
#define TOOLS_TRAINING_H

#include "tools/cli.h"

extern const option training_options[];

typedef struct training {
    drift_subject subject;
    tool tool;
    const char *preset; /* where no configuration is named */
    /* A step just made, for the live line. */
    void (*describe)(const drift_progress *p, char *text, size_t size);
    /* An option of the program's own that asks for something else than to
     * train, when it is not NULL, and what then returns the exit code. */
    const char *const *other;
    int (*instead)(drift_context *ctx, char **arguments, int count);
} training;

/* The program: returns its exit code. */
int training_main(const training *t, int argc, char **argv);

#endif
