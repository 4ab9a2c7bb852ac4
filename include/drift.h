/* drift.h - train and run one-step image generators ("drifting models").
 *
 * The only installed header. The library never prints, exits or aborts: every
 * fallible function returns a drift_status, and the context keeps the code,
 * text and place of the first error. A context and what was made with it
 * belong to one thread at a time.
 *
 * Example: ten samples of a trained model.
 *
 *     #include <drift.h>
 *     #include <stdio.h>
 *     #include <stdlib.h>
 *
 *     int main(int argc, char **argv)
 *     {
 *         drift_context *ctx = NULL;
 *         drift_model *model = NULL;
 *         drift_request ten = {.count = 10, .seed = 1};
 *         float *samples = NULL;
 *         drift_status status = drift_context_open(&ctx, NULL);
 *         if (status == DRIFT_OK)
 *             status = drift_model_open(ctx, argc > 1 ? argv[1] : "runs/mnist",
 *                                       NULL, &model);
 *         if (status == DRIFT_OK) {
 *             size_t numbers = drift_model_get_info(model)->numbers;
 *             samples = calloc(10 * numbers, sizeof *samples);
 *             if (samples)
 *                 status = drift_model_sample(model, &ten, samples);
 *         }
 *         if (status == DRIFT_OK && samples)
 *             printf("the first pixel: %g\n", (double)samples[0]);
 *         else
 *             fprintf(stderr, "%s\n", drift_error_text(ctx));
 *         free(samples);
 *         drift_model_free(model);
 *         drift_context_close(ctx);
 *         return status != DRIFT_OK;
 *     }
 */
#ifndef DRIFT_H
#define DRIFT_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif
/* The library is compiled with hidden names; these are its public ones. */
#if defined(__GNUC__)
#pragma GCC visibility push(default)
#endif

/* Version */

#define DRIFT_VERSION_MAJOR 0
#define DRIFT_VERSION_MINOR 1
#define DRIFT_VERSION_PATCH 0
#define DRIFT_VERSION       "0.1.0"

#if defined(__GNUC__)
#define DRIFT_MUST_CHECK   __attribute__((warn_unused_result))
#define DRIFT_PRINTF(a, b) __attribute__((format(printf, a, b)))
#else
#define DRIFT_MUST_CHECK
#define DRIFT_PRINTF(a, b)
#endif

/* Status of every fallible call. The tools' exit codes follow from it. */
typedef enum drift_status {
    DRIFT_OK = 0,
    DRIFT_ERROR_USAGE,       /* a wrong option or configuration: exit 2 */
    DRIFT_ERROR_MEMORY,      /* host or device memory ran out */
    DRIFT_ERROR_IO,          /* a system call on a file failed */
    DRIFT_ERROR_FORMAT,      /* a file's content is not what it should be */
    DRIFT_ERROR_SHAPE,       /* sizes that do not fit together */
    DRIFT_ERROR_DEVICE,      /* device absent, unfit or failed: exit 3 */
    DRIFT_ERROR_NUMBER,      /* NaN or infinity where none may be */
    DRIFT_ERROR_UNAVAILABLE  /* a feature this build was made without */
} drift_status;

typedef struct drift_context drift_context;

/* Context: one device, its memory, the first error */

typedef enum drift_log_level {
    DRIFT_LOG_WARNING,
    DRIFT_LOG_INFO,
    DRIFT_LOG_DEBUG
} drift_log_level;

typedef void (*drift_log_fn)(void *data, int level, const char *text);

/* Options of a context; {0} is the default of each. */
typedef struct drift_options {
    const char *device; /* "auto" (NULL): the first fit GPU, else the CPU;
                           "cpu"; "opencl[:N|:NAME]"; "check[:N|:NAME]": the
                           same device and the CPU, every op made by both, what
                           rounding does not explain is DRIFT_ERROR_DEVICE;
                           closing logs the worst op */
    int threads;        /* of each op, whichever thread of the caller uses the
                           context; 0: OMP_NUM_THREADS, or all processors that
                           this process may use */
    int profile;        /* keep the time of every op */
    drift_log_fn log;   /* NULL: no log */
    void *log_data;
} drift_options;

/* Open a context. On failure *out still is a context that holds the error
 * text (NULL only when memory ran out); close it in either case. */
DRIFT_MUST_CHECK drift_status drift_context_open(drift_context **out,
                                                 const drift_options *options);
void drift_context_close(drift_context *ctx); /* NULL is fine */

/* The first error since opening or the last drift_error_clear: its code, its
 * one-line text ("" when there is none) and "file:line" of the library. */
drift_status drift_error_code(const drift_context *ctx);
const char *drift_error_text(const drift_context *ctx);
const char *drift_error_place(const drift_context *ctx);
void drift_error_clear(drift_context *ctx);

/* One line about the device in use, as "cpu: Intel Xeon, 2 threads, BLIS
 * 0.9.0 skx". Owned by the context. */
const char *drift_context_device(const drift_context *ctx);

/* Where the time went, when `profile` was asked for: a line for each op, or on
 * an OpenCL device for each of its kernels and for "gemm", matrix products. */
typedef struct drift_profile_line {
    const char *name;
    size_t calls;   /* 0: the line says nothing */
    double seconds; /* on an OpenCL device by its own clock */
    double bytes;   /* read and written, each tensor once; 0: not known */
    double flops;   /* 0: not known, or none to speak of */
} drift_profile_line;

typedef struct drift_profile {
    double seconds; /* since opening or the last restart */
    double busy;    /* of them in the lines below */
    double waited;  /* of them the host waited for the device */
    int kernels;    /* 1: the lines are kernels, 0: ops */
    size_t count;   /* 0 without a profile */
    const drift_profile_line *lines; /* until the context is used again */
} drift_profile;

/* Waits for the device; a device that fails is DRIFT_ERROR_DEVICE. */
DRIFT_MUST_CHECK drift_status drift_context_profile(drift_context *ctx,
                                                    drift_profile *profile);
/* Count from here on: what came before built kernels and filled caches. */
DRIFT_MUST_CHECK drift_status drift_context_profile_restart(drift_context *ctx);

const char *drift_version(void); /* of the library at run time */

/* Facts of the build, each one line. */
typedef enum drift_build_fact {
    DRIFT_BUILD_REVISION,  /* of git, "-dirty" with local changes */
    DRIFT_BUILD_COMPILER,  /* "gcc 12.2.0" */
    DRIFT_BUILD_OPTIONS,   /* the compiler's options */
    DRIFT_BUILD_LIBRARIES, /* names and versions */
    DRIFT_BUILD_FACTS
} drift_build_fact;
const char *drift_build_text(drift_build_fact fact); /* "" when unknown */

/* Configuration: what to train, on what, how long. The keys are described in
 * drift.yaml(5). The library reads and writes numbers with a decimal point:
 * leave LC_NUMERIC at "C". */

typedef struct drift_config drift_config;

/* What is trained; a configuration has the keys of its subject alone. */
typedef enum drift_subject {
    DRIFT_GENERATOR, /* drift-train */
    DRIFT_ENCODER    /* drift-encoder */
} drift_subject;

/* Every key at its default. */
DRIFT_MUST_CHECK drift_status drift_config_new(drift_context *ctx,
                                               drift_subject subject,
                                               drift_config **out);
void drift_config_free(drift_config *config); /* NULL is fine */

/* Set the keys that a YAML file names: `name` is its path or, where no such
 * file is, the name of a preset. After an error no key was changed. */
DRIFT_MUST_CHECK drift_status drift_config_read(drift_context *ctx,
                                                drift_config *config,
                                                const char *name);
/* Set one key: "generator.hidden=64", "optimizer.ema=0.99,0.999". */
DRIFT_MUST_CHECK drift_status drift_config_set(drift_context *ctx,
                                               drift_config *config,
                                               const char *assignment);
/* The value of a key as the file shows it, into text[size]; too small a text
 * is DRIFT_ERROR_USAGE. */
DRIFT_MUST_CHECK drift_status drift_config_get(drift_context *ctx,
                                               const drift_config *config,
                                               const char *key, char *text,
                                               size_t size);
/* Whether the keys fit each other: DRIFT_ERROR_USAGE as drift_trainer_new
 * would give. */
DRIFT_MUST_CHECK drift_status drift_config_check(drift_context *ctx,
                                                 const drift_config *config);
/* All keys as a YAML file; "-" is standard output. */
DRIFT_MUST_CHECK drift_status drift_config_write(drift_context *ctx,
                                                 const drift_config *config,
                                                 const char *path);

/* A key of a subject's configurations, numbered 0 ...
 * drift_config_key_count(subject) - 1 in the order of the file. */
typedef struct drift_key {
    const char *name;     /* "generator.hidden" */
    const char *type;     /* "whole number", "text", ... */
    const char *unit;     /* "" when it has none */
    const char *fallback; /* its default */
    const char *help;     /* one sentence without its full stop */
    char allowed[160];    /* "1 to 65536" */
} drift_key;

size_t drift_config_key_count(drift_subject subject);
void drift_config_key(drift_subject subject, size_t i, drift_key *key);

/* Presets: configurations that come with the program, sorted by name, without
 * those that have sections of another subject alone. They
 * are looked for in $DRIFT_DATA_DIR/presets, in the source tree that the
 * library was built from, and where they were installed. */

typedef struct drift_presets drift_presets;

DRIFT_MUST_CHECK drift_status drift_presets_open(drift_context *ctx,
                                                 drift_subject subject,
                                                 drift_presets **out);
size_t drift_presets_count(const drift_presets *presets);
const char *drift_presets_name(const drift_presets *presets, size_t i);
/* Its first comment line; never NULL. */
const char *drift_presets_comment(const drift_presets *presets, size_t i);
void drift_presets_free(drift_presets *presets); /* NULL is fine */

/* Training: a trainer owns one run directory and makes one step at a time.
 * A program reads
 *
 *     drift_trainer_new(ctx, config, "runs/mnist", 0, &trainer);
 *     do
 *         status = drift_trainer_step(trainer, &progress);
 *     while (status == DRIFT_OK && !progress.done && !interrupted);
 *     if (status == DRIFT_OK)
 *         status = drift_trainer_save(trainer);
 *     drift_trainer_free(trainer);
 */

typedef struct drift_trainer drift_trainer;

#define DRIFT_TEMPERATURES 8

/* What one step left behind, for a live line. */
typedef struct drift_progress {
    int made;            /* 0: no step was made */
    int64_t step;        /* steps done since the run began */
    int64_t total_steps; /* run.steps */
    double seconds;      /* of training since the run began, resumes added */
    double seconds_left; /* estimate for run.steps and run.minutes */
    int64_t images;      /* generated, or looked at by an encoder, since the run
                            began */
    double samples_per_second;
    double loss;
    double grad_norm;
    double learning_rate;
    int temperatures; /* how many of the next three; 0 for an encoder */
    double temperature[DRIFT_TEMPERATURES];
    double drift[DRIFT_TEMPERATURES]; /* raw RMS, mean over the families */
    double ess[DRIFT_TEMPERATURES];   /* effective neighbours, mean */
    double spread; /* of a class against the data's; negative: not measured */
    double accuracy;      /* share of this step's images an encoder got right */
    double test_accuracy; /* at its last test; both negative: not measured */
    double test_loss;     /* the same of its loss */
    int logged;    /* this step wrote a line of metrics.jsonl */
    int saved;     /* this step wrote a checkpoint */
    int done;      /* run.steps or run.minutes is reached */
} drift_progress;

/* Flags of drift_trainer_new. */
#define DRIFT_TRAINER_FORCE 1 /* clear away a run that the folder holds */

/* Begin a run in `directory`, made when absent; one that holds a run already
 * is DRIFT_ERROR_USAGE without DRIFT_TRAINER_FORCE, one that holds no run but
 * files under the names of one is always. What can be checked is before the
 * directory is touched. The configuration is copied. Free the trainer with
 * drift_trainer_free; *out is NULL on failure. */
DRIFT_MUST_CHECK drift_status drift_trainer_new(drift_context *ctx,
                                                const drift_config *config,
                                                const char *directory,
                                                int flags, drift_trainer **out);

/* Go on with the run in `directory` from its latest checkpoint, equal to the
 * bit to a run that never stopped. overrides: `count` texts "run.key=value",
 * or, for the same files elsewhere, "data.path=value",
 * "features.encoders=value",
 * "generator.autoencoder=value"; others are DRIFT_ERROR_USAGE, and so is a run
 * of another subject. */
DRIFT_MUST_CHECK drift_status drift_trainer_resume(drift_context *ctx,
                                                   drift_subject subject,
                                                   const char *directory,
                                                   const char *const *overrides,
                                                   size_t count,
                                                   drift_trainer **out);

/* The configuration such a run would go on with; free with
 * drift_config_free. */
DRIFT_MUST_CHECK drift_status drift_config_resume(drift_context *ctx,
                                                  drift_subject subject,
                                                  const char *directory,
                                                  const char *const *overrides,
                                                  size_t count,
                                                  drift_config **out);

/* One step with all that falls due: metrics, pictures, checkpoints. NaN or
 * infinity (DRIFT_ERROR_NUMBER), memory or a device that gives out leave the
 * state before them in checkpoints/failed-STEP.safetensors, or the text says
 * that it could not be saved. Where the host works ahead of a device, what an
 * unlogged step reports is of the one before it. progress may be NULL. Once
 * `done`, a call does nothing. */
DRIFT_MUST_CHECK drift_status drift_trainer_step(drift_trainer *trainer,
                                                 drift_progress *progress);

/* Write a checkpoint now (unless this step's is there) and the curves. */
DRIFT_MUST_CHECK drift_status drift_trainer_save(drift_trainer *trainer);

/* Path of the run directory, owned by the trainer. */
const char *drift_trainer_directory(const drift_trainer *trainer);

void drift_trainer_free(drift_trainer *trainer); /* NULL is fine */

/* What an encoder makes of images, by feature family: `locations` times
 * `channels` numbers an image. Distances are those at single locations, as the
 * field takes them. */
typedef struct drift_probe_line {
    const char *name;
    size_t locations, channels;
    double nearest;    /* share of images whose nearest other one is of their
                          class */
    double class_mean; /* share of those nearest to the mean of their class */
    double within, between; /* mean distance in a class and of two */
    double low, median;     /* 1st and 50th percentile by the mean */
    double share;           /* mean distance to the nearest by the mean */
} drift_probe_line;

typedef void (*drift_probe_fn)(void *user, const drift_probe_line *line);

/* Tell of each family of an encoder, a file or the name of one that comes with
 * the program, pixels ("global") first, by the first `count` training images of
 * a data set, of each class alike. Time and memory grow with the square of
 * count. */
DRIFT_MUST_CHECK drift_status drift_probe(drift_context *ctx,
                                          const char *encoder_file,
                                          const char *data, size_t count,
                                          drift_probe_fn tell, void *user);

/* Models: a trained generator, read from a checkpoint */

typedef struct drift_model drift_model;

typedef struct drift_model_info {
    const char *path;            /* of the checkpoint file */
    const char *name;            /* of the run: run.name, "" when it has none */
    const char *kind;            /* "dit", "conv", "mlp" */
    const char *weights;         /* "model" or "ema.0.999" */
    int64_t step;                /* of training */
    int64_t images;              /* generated in training */
    double seconds;              /* of training */
    int height, width, channels; /* of a sample; points: 1, 1, dimensions */
    int points;                  /* 1: coordinates, 0: pixels */
    int classes;
    const char *const *class_names; /* [classes], or NULL */
    int use_class, use_alpha;       /* whether they influence the samples */
    size_t numbers;                 /* height * width * channels */
    size_t noise;                   /* numbers of noise a sample */
    size_t styles;                  /* style indices a sample */
    size_t parameters;
    const char *config_digest; /* of all keys that influence the weights */
    const char *data_digest;   /* of the data it was trained on */
} drift_model_info;

/* Read the generator of a checkpoint file, or of the latest one of a run
 * directory. `ema` names the averaged weights ("0.999"), "none" the plain
 * ones; NULL: the first average of the configuration. */
DRIFT_MUST_CHECK drift_status drift_model_open(drift_context *ctx,
                                               const char *path,
                                               const char *ema,
                                               drift_model **out);
void drift_model_free(drift_model *model); /* NULL is fine */

/* All owned by the model. */
const drift_model_info *drift_model_get_info(const drift_model *model);
const drift_config *drift_model_config(const drift_model *model);
/* Part i of the network and its number of parameters; NULL after the last. */
const char *drift_model_part(const drift_model *model, size_t i,
                             size_t *parameters);
/* Averaged weights that the checkpoint holds; NULL after the last. */
const char *drift_model_ema(const drift_model *model, size_t i);

/* What to sample; {0} is the default of each. Sample i depends on the seed
 * and on first + i alone, however many are asked for. */
typedef struct drift_request {
    size_t count;
    uint64_t seed;
    uint64_t first;        /* number of the first sample */
    const int32_t *labels; /* [count], or NULL: (first + i) mod classes */
    const float *alpha;    /* [count] guidance strengths, or NULL: 1 */
    const float *noise;    /* [count,noise], or NULL: drawn */
    const int32_t *styles; /* [count,styles], or NULL: drawn */
} drift_request;

/* Samples [count,height,width,channels]: pixels nominally in [-1,1], or
 * coordinates. Works in batches of bounded memory. */
DRIFT_MUST_CHECK drift_status drift_model_sample(drift_model *model,
                                                 const drift_request *request,
                                                 float *samples);
/* The noise [count,noise] and style indices [count,styles] (each may be NULL)
 * that drift_model_sample draws. */
void drift_model_noise(const drift_model *model, uint64_t seed, uint64_t first,
                       size_t count, float *noise, int32_t *styles);
/* The same for `frames` samples on the way from the noise of sample `from` to
 * that of `to`: on the great circle between them, so that each frame's noise
 * has a usual length. The style of all is that of `from`. */
void drift_model_noise_between(const drift_model *model, uint64_t seed,
                               uint64_t from, uint64_t to, size_t frames,
                               float *noise, int32_t *styles);

/* Pixels from [-1,1] to bytes, clipped, as published scores count them. */
void drift_to_bytes(const float *pixels, size_t count, unsigned char *bytes);

/* Scores: how good images are, by a network that looks at them, or points of
 * the plane, by their distance to those of a toy (method.md section 9). Of real
 * training images, `features` of the network are what is compared; what cannot
 * be had (no classes or others, no test images, too few images, a build without
 * LAPACK) is NaN. */

typedef struct drift_scores {
    size_t count;       /* images */
    double accuracy;    /* share taken for the class that was asked for */
    double distance;    /* Frechet; with Inception's features: FID */
    double kernel;      /* unbiased squared MMD with the kernel
                           (x.y / features + 1)^3, mean over 100 subsets of at
                           most 1000; with Inception's features: KID */
    double kernel_deviation; /* over the subsets */
    double precision;   /* share within the real images' manifold, and share of */
    double recall;      /* those within the images' own; 3 neighbours */
    double density;     /* the same where the real images lie dense, and share */
    double coverage;    /* of real ones with an image near; 5 neighbours */
    double score;       /* Inception Score over 10 parts, by the network's own */
    double score_deviation; /* classes */
    double diversity;   /* deviation of features within a class, as a share of
                           that of the real images */
    double chi_square;  /* of the classes taken for, beside those asked for */
    double vote;        /* share of 1000 of them for which most of the 3 nearest
                           training images, in pixels, are of that class */
    double nearest;     /* median distance of these 1000 to the nearest training
                           image, in grey levels (RMS): far below that of test
                           images, it tells copies */
    double energy;      /* of points, and of them alone: energy distance, mean */
    double sliced;      /* over sets of fresh ones; sliced Wasserstein-2 */
} drift_scores;

/* The figures of drift_scores in order, for tables and files. */
typedef struct drift_score_field {
    const char *key;     /* "precision" */
    const char *title;   /* "precision" in words */
    size_t offset;       /* of the double in drift_scores */
    int percent;         /* is a share */
    int better;          /* 1: more is better, -1: less is, 0: as of real ones */
} drift_score_field;

/* Ends with a key of NULL. */
const drift_score_field *drift_score_fields(void);
double drift_score_value(const drift_scores *scores,
                         const drift_score_field *field);
/* The figure that tells the best of several, less is better: the Frechet
 * distance; the kernel distance in a build without LAPACK; of points the energy
 * distance. NaN where there is none. */
double drift_score_rank(const drift_scores *scores);

typedef struct drift_evaluation {
    drift_scores samples;
    drift_scores real;  /* of as many real test images at most, or of fresh
                           points of a toy: the best that could be had */
    drift_scores noise; /* of as many images of independent normal pixels, with
                           the mean and deviation of the training images': the
                           worst that should be */
    size_t training;    /* real training images, or fresh points of a toy */
    size_t features;    /* numbers of an image that are compared */
    uint64_t seed;      /* of samples and noise */
    char network[4096]; /* that looked; "": none looks at points */
    char resize[24];    /* how images became its own; "": as they are */
    char of[4352];      /* what was looked at */
    char data[4096];    /* the real images; "": there are none */
    char reference[4096]; /* whose moments the distance is from, in place of
                             theirs; "": none */
} drift_evaluation;

/* `done` of `count` images have been looked at since the evaluator was made;
 * `count` has those that are known to come, too: after drift_evaluator_new the
 * samples of one score. The last were of this kind:
 * "samples", "training images", "test images", "noise"; with ", kept" after it
 * none were, as their figures are known from before (DRIFT_CACHE in
 * drift-eval(1)), and `count` is less by them. */
typedef void (*drift_evaluate_fn)(void *user, const char *kind, size_t done,
                                  size_t count);

/* {0} is the default of each but `samples`. */
typedef struct drift_evaluate_options {
    const char *samples; /* a checkpoint, a run directory, or images as
                            data.path takes them */
    const char *data;    /* real images, as data.path; of a model, NULL: the
                            training images of its data */
    const char *network; /* an encoder, a file or the name of one that comes
                            with the program; NULL: the one for these data */
    const char *resize;  /* how images become those of the inception network:
                            "legacy-tensorflow" (NULL), "pytorch", "clean"
                            (networks-and-formats.md 4.1) */
    const char *reference; /* the Frechet distance is from moments in this file
                              (.npz with mu and sigma), not from those of the
                              training images, which need not be there then;
                              or NULL */
    const char *write_reference; /* write those of the training images; or
                                    NULL */
    const char *ema;     /* as drift_model_open */
    float alpha;         /* how strongly samples are guided; 0: 1 */
    size_t count;        /* of samples; 0: 10000, or all images */
    uint64_t seed;       /* of samples */
    int quick;           /* leave out noise and what compares single images:
                            precision and its kin, vote, nearest */
    const char *pictures; /* a folder, which is made, for pictures of the samples
                             that were scored last (drift-eval(1)); or NULL */
    drift_evaluate_fn tell; /* or NULL */
    void *user;
} drift_evaluate_options;

DRIFT_MUST_CHECK drift_status drift_evaluate(
    drift_context *ctx, const drift_evaluate_options *options,
    drift_evaluation *out);

/* The same for many models or sets of images of one size, beside the same real
 * images, which are looked at once. options->samples is the first of them; the
 * texts of the options stay until drift_evaluator_free (NULL is fine). */
typedef struct drift_evaluator drift_evaluator;

DRIFT_MUST_CHECK drift_status drift_evaluator_new(
    drift_context *ctx, const drift_evaluate_options *options,
    drift_evaluator **out);
void drift_evaluator_free(drift_evaluator *e);
DRIFT_MUST_CHECK drift_status drift_evaluator_score(drift_evaluator *e,
                                                    const char *samples,
                                                    drift_evaluation *out);

/* Scores of a run's checkpoints, kept as a table: RUN/evaluation/metrics.csv */

/* How one checkpoint was scored, and what came of it; the texts are the
 * table's. */
typedef struct drift_score_row {
    char *checkpoint; /* its file in RUN/checkpoints */
    int64_t step, images; /* of training, and samples generated in it */
    double seconds;       /* of training */
    char *weights;        /* as in drift_model_info */
    double alpha;
    uint64_t seed;
    char *network, *resize, *data; /* as in drift_evaluation */
    drift_scores scores;
} drift_score_row;

typedef struct drift_score_table drift_score_table;

/* Score every checkpoint of the run directory options->samples, oldest first,
 * beside the same real images; of a step with several names, one. All figures
 * are had: options->quick is not heeded. After each checkpoint the table
 * FOLDER/metrics.csv is written anew, whole: a row of the same step and
 * settings is replaced, others stay. So is FOLDER/distance_vs_step.png, if this
 * build draws. folder NULL: RUN/evaluation. With skip_existing, checkpoints
 * that have a row of these settings are left out. options->tell is told
 * "checkpoint I of N, FILE" as the kind of samples.
 * *out has the rows of these settings by rising step; *bounds the scores of
 * real images and of noise, of counts 0 where nothing was left to score. */
DRIFT_MUST_CHECK drift_status drift_evaluate_run(
    drift_context *ctx, const drift_evaluate_options *options,
    const char *folder, int skip_existing, drift_evaluation *bounds,
    drift_score_table **out);

/* Settings to choose by among those of a table: NULL or 0 is any. */
typedef struct drift_score_wanted {
    const char *data, *network, *resize; /* as the table has them */
    const char *ema;                     /* as drift_model_open */
    double alpha;
    size_t count;
    const uint64_t *seed;
} drift_score_wanted;

/* The table of a run directory, or a file of that kind: those rows that were
 * scored as the last one was, or (`wanted` is not NULL) as the last one of these
 * settings, by rising step. DRIFT_ERROR_USAGE: there are none such. */
DRIFT_MUST_CHECK drift_status drift_score_table_read(
    drift_context *ctx, const char *path, const drift_score_wanted *wanted,
    drift_score_table **out);
void drift_score_table_free(drift_score_table *table); /* NULL is fine */
/* NULL after the last. */
const drift_score_row *drift_score_table_row(const drift_score_table *table,
                                             size_t i);
/* Frechet distances of tables over steps, samples and seconds of training, as
 * a PNG: one line a table, of these names. */
DRIFT_MUST_CHECK drift_status drift_score_tables_draw(
    drift_context *ctx, const char *path,
    const drift_score_table *const *tables, const char *const *names,
    size_t count);

/* Files of samples. Written whole or not at all; "-" is standard output. */

/* One image u8 [height,width,channels], channels 1 or 3. */
DRIFT_MUST_CHECK drift_status drift_write_png(drift_context *ctx,
                                              const char *path,
                                              const unsigned char *pixels,
                                              size_t height, size_t width,
                                              size_t channels);
/* count images of one size as a sheet, at most `columns` in a row, enlarged by
 * a whole factor (0: as is easy to see). */
DRIFT_MUST_CHECK drift_status drift_write_sheet(drift_context *ctx,
                                                const char *path,
                                                const unsigned char *images,
                                                size_t count, size_t columns,
                                                size_t height, size_t width,
                                                size_t channels, int enlarge);
/* DRIFT_ERROR_SHAPE where such a sheet would be too large a picture. */
DRIFT_MUST_CHECK drift_status drift_sheet_check(drift_context *ctx,
                                                size_t count, size_t columns,
                                                size_t height, size_t width,
                                                int enlarge);
/* 2-D points [count,2], coloured by label (NULL: one colour). */
DRIFT_MUST_CHECK drift_status drift_write_points(drift_context *ctx,
                                                 const char *path,
                                                 const float *points,
                                                 const int32_t *labels,
                                                 size_t count);

/* An npz file for numpy: images u8 [n,h,w,c] (or points f32 [n,c]), labels i32
 * [n], alpha f32 [n]. The size of the file is fixed by `count`; samples come in
 * as many pieces as one likes, as u8 pixels or as f32 points. */
typedef struct drift_npz drift_npz;

DRIFT_MUST_CHECK drift_status drift_npz_create(drift_context *ctx,
                                               const char *path,
                                               const drift_model_info *info,
                                               size_t count, drift_npz **out);
DRIFT_MUST_CHECK drift_status drift_npz_add(drift_npz *npz, const void *samples,
                                            const int32_t *labels,
                                            const float *alpha, size_t count);
/* Finish the file; count samples must have been added. Frees npz. */
DRIFT_MUST_CHECK drift_status drift_npz_commit(drift_npz *npz);
/* Drop it, leaving no file. NULL is fine. */
void drift_npz_abort(drift_npz *npz);

/* The drifting field itself, on arrays of the host: for use from other
 * programs and languages. It moves generated points towards data and away from
 * each other ("Generative Modeling via Drifting", arXiv 2602.04770, section 3
 * and algorithm 2):
 *
 *     drift_field_options options;
 *     drift_field_defaults(&options);
 *     drift_field_sets sets = {.groups = 1, .dimension = 2,
 *                              .gen = x, .gen_count = 64,
 *                              .pos = y, .pos_count = 256};
 *     if (drift_field(ctx, &options, &sets, v, NULL) != DRIFT_OK)
 *         fprintf(stderr, "%s\n", drift_error_text(ctx));
 */

typedef enum drift_field_variant {
    DRIFT_FIELD_RELEASE, /* as in the authors' JAX code */
    DRIFT_FIELD_PAPER,   /* algorithm 2: no floor under the affinities */
    DRIFT_FIELD_TOY      /* their 2-D notebook: raw distances, no scaling */
} drift_field_variant;

typedef enum drift_field_kernel {
    DRIFT_FIELD_LAPLACE, /* exp(-d/R) */
    DRIFT_FIELD_GAUSSIAN /* exp(-d^2/(2 R^2)) */
} drift_field_kernel;

/* Over what affinities are normalised. */
typedef enum drift_field_normalization {
    DRIFT_FIELD_XY,       /* rows and columns, geometric mean */
    DRIFT_FIELD_Y,        /* the targets of a row */
    DRIFT_FIELD_NONE,     /* nothing */
    DRIFT_FIELD_SEPARATE, /* positives and negatives of a row by themselves */
    DRIFT_FIELD_SINKHORN  /* the same as balanced couplings */
} drift_field_normalization;

#define DRIFT_FIELD_TEMPERATURES 8

typedef struct drift_field_options {
    drift_field_variant variant;
    drift_field_kernel kernel;
    drift_field_normalization normalization;
    int temperature_count; /* 1 to 8 */
    float temperatures[DRIFT_FIELD_TEMPERATURES];
    float attraction, repulsion; /* multipliers; 1 and 1 is balanced */
    int scale_features;          /* divide points by scale / sqrt(dimension) */
    int scale_drift;             /* bring each temperature's drift to RMS 1 */
    size_t memory;               /* bytes beyond the arrays */
} drift_field_options;

/* Release, laplace, xy, temperatures .02 .05 .2, balanced, both scalings,
 * 256 MiB. */
void drift_field_defaults(drift_field_options *options);

/* Row-major arrays, one set a group; groups share only the two scalings. With
 * `queries` NULL the field is that of training: it is taken at `gen`, and a
 * point is no target of its own. With queries (points in no set) gen may be
 * NULL. Weights may be NULL (all 1); they are finite and not negative. */
typedef struct drift_field_sets {
    size_t groups, dimension;
    size_t query_count, gen_count, neg_count, pos_count; /* in a group */
    const float *queries; /* [groups,query_count,dimension] or NULL */
    const float *gen;     /* [groups,gen_count,dimension]: generated */
    const float *neg;     /* the same: further negatives, or NULL */
    const float *pos;     /* the same: data */
    const float *gen_weight, *neg_weight, *pos_weight; /* [groups,count] */
} drift_field_sets;

typedef struct drift_field_report {
    double scale; /* weighted mean distance; points were divided by
                     scale / sqrt(dimension) */
    double drift[DRIFT_FIELD_TEMPERATURES]; /* mean square of each
                     temperature's drift before scale_drift */
    double ess[DRIFT_FIELD_TEMPERATURES];   /* effective number of positives,
                       mean over rows */
    double ess10[DRIFT_FIELD_TEMPERATURES]; /* its 10th percentile */
    double loss;                            /* mean square of the field */
} drift_field_report;

/* v [groups,N,dimension], N = query_count or gen_count: the field in scaled
 * coordinates, the sum over temperatures. report may be NULL.
 * DRIFT_ERROR_SHAPE: counts, pointers, weights that do not fit;
 * DRIFT_ERROR_USAGE: options; DRIFT_ERROR_MEMORY: too little memory allowed. */
DRIFT_MUST_CHECK drift_status drift_field(drift_context *ctx,
                                          const drift_field_options *options,
                                          const drift_field_sets *sets,
                                          float *v, drift_field_report *report);

#if defined(__GNUC__)
#pragma GCC visibility pop
#endif
#ifdef __cplusplus
}
#endif
#endif
