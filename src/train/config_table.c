/* The one table of the configuration. Defaults are the release's, method.md
 * sections 5 and 6; the presets in examples/ set what differs. The man page
 * man/drift.yaml.5 names every key of it; tests/cli/man.sh compares them. */
#include "train/config.h"

#define AT(field)                  offsetof(config, field), 0, 0
#define LIST(field, n)             offsetof(config, field), offsetof(config, n)
#define BOOL(field)                KEY_BOOL, AT(field), 0, 1, NULL
#define INT(field, a, b)           KEY_INT, AT(field), a, b, NULL
#define LONG(field, a, b)          KEY_LONG, AT(field), a, b, NULL
#define SIZE(field, a, b)          KEY_SIZE, AT(field), a, b, NULL
#define FLOAT(field, a, b)         KEY_FLOAT, AT(field), a, b, NULL
#define DOUBLE(field, a, b)        KEY_DOUBLE, AT(field), a, b, NULL
#define ENUM(field, names)         KEY_ENUM, AT(field), 0, 0, names
#define TEXT(field)                KEY_TEXT, AT(field), 0, 0, NULL
#define INTS(field, n, room, a, b) KEY_INTS, LIST(field, n), room, a, b, NULL
#define TEXTS(field, room)                                                     \
    KEY_TEXTS, offsetof(config, field), 0, room, 0, 0, NULL

#define MAX_SIDE  4096
#define MAX_BATCH 1000000

static const char *const data_kinds[] = {"auto",    "idx", "cifar", "folder",
                                         "archive", "npz", "toy",   NULL};
static const char *const generator_kinds[] = {"dit", "conv", "mlp", NULL};
static const char *const patch_orders[] = {"pixel", "channel", NULL};
static const char *const variants[] = {"release", "paper", "toy", NULL};
static const char *const choices[] = {"random", "nearest", NULL};
static const char *const cache_types[] = {"f16", "f32", NULL};
static const char *const kernels[] = {"laplace", "gaussian", NULL};
static const char *const normalizations[] = {"xy",       "y",        "none",
                                             "separate", "sinkhorn", NULL};
static const char *const objective_names[] = {"classifier", "autoencoder",
                                              "simclr", "mae", NULL};
static const char *const schedules[] = {"constant", "cosine", NULL};

const config_key config_keys[] = {
    /* data */
    {"data.path", TEXT(data.path), "mnist", "",
     "folder, file or archive of the data set, or a toy: moons, swissroll, "
     "checkerboard, gaussians, spirals",
     KEY_NO_RESULT},
    {"data.split", TEXT(data.split), "train", "",
     "train or test, where the format has both", 0},
    {"data.kind", ENUM(data.kind, data_kinds), "auto", "",
     "format of the data set; auto looks at the path", 0},
    {"data.height", INT(data.height, 0, MAX_SIDE), "0", "pixels",
     "height to resize to; 0 = as stored", 0},
    {"data.width", INT(data.width, 0, MAX_SIDE), "0", "pixels",
     "width to resize to; 0 = as stored", 0},
    {"data.crop", BOOL(data.crop), "true", "",
     "crop the centre to the aspect of height and width before resizing", 0},
    {"data.channels", INT(data.channels, 0, 3), "0", "",
     "0 = as stored, 1 = grey, 3 = RGB", 0},
    {"data.flip", BOOL(data.flip), "false", "",
     "mirror real images left to right at random", 0},
    {"data.classes", INT(data.classes, 0, 65536), "0", "",
     "how many classes; 0 = as labelled, 1 = ignore the labels", 0},
    {"data.noise", FLOAT(data.noise, -1, 10), "-1", "",
     "toys: standard deviation of the noise on a point; below 0 = the toy's "
     "own",
     KEY_GENERATOR},
    {"data.limit", LONG(data.limit, 0, CONFIG_UNBOUNDED), "0", "images",
     "use only so many, of each class alike; 0 = all", 0},

    /* generator */
    {"generator.kind", ENUM(generator.kind, generator_kinds), "dit", "",
     "network: dit (transformer), conv (small decoder), mlp (points)", 0},
    {"generator.hidden", INT(generator.hidden, 1, 65536), "768", "",
     "dit: width; conv: channels at the finest map; mlp: width", 0},
    {"generator.depth", INT(generator.depth, 0, 1024), "12", "",
     "dit: blocks; conv: blocks a resolution; mlp: hidden layers", 0},
    {"generator.noise_std", FLOAT(generator.noise_std, 0, 1000), "1", "",
     "standard deviation of the input noise", 0},
    {"generator.noise_dim", INT(generator.noise_dim, 1, 65536), "32", "",
     "conv, mlp: length of the noise vector", 0},
    {"generator.use_class", BOOL(generator.use_class), "true", "",
     "condition on the class", 0},
    {"generator.use_alpha", BOOL(generator.use_alpha), "true", "",
     "condition on the guidance strength alpha", 0},
    {"generator.style_tokens", INT(generator.style_tokens, 0, 1024), "32", "",
     "random style indices a sample; 0 = none", 0},
    {"generator.style_codes", INT(generator.style_codes, 1, 65536), "64", "",
     "rows of a style table", 0},
    {"generator.style_shared", BOOL(generator.style_shared), "false", "",
     "one style table for all style indices", 0},
    {"generator.initial_spread", FLOAT(generator.initial_spread, 0, 1000), "1",
     "",
     "scale the last layer once so that first outputs vary so much; 0 = off",
     0},
    {"generator.autoencoder", TEXT(generator.autoencoder), "", "",
     "make latents of this autoencoder, a file of weights or the name of one "
     "that comes with the program; empty = make images",
     0},
    {"generator.output_tanh", BOOL(generator.output_tanh), "false", "",
     "tanh on the output", 0},
    {"generator.zero_output", BOOL(generator.zero_output), "true", "",
     "start the last layer at zero", 0},
    {"generator.patch", INT(generator.patch, 1, 256), "2", "pixels",
     "dit: side of a patch; conv: pixels an output location makes", 0},
    {"generator.patch_order", ENUM(generator.patch_order, patch_orders),
     "pixel", "", "dit: what comes first inside an input patch", 0},
    {"generator.heads", INT(generator.heads, 1, 1024), "12", "",
     "dit: attention heads", 0},
    {"generator.condition", INT(generator.condition, 0, 65536), "0", "",
     "width of the conditioning vector; 0 = hidden (conv: channels at the "
     "coarsest map)",
     0},
    {"generator.extra_tokens", INT(generator.extra_tokens, 0, 1024), "16", "",
     "dit: tokens put before those of the patches", 0},
    {"generator.extra_conditioned", BOOL(generator.extra_conditioned), "true",
     "", "dit: the extra tokens carry the conditioning vector", 0},
    {"generator.mlp_hidden", INT(generator.mlp_hidden, 0, 1048576), "0", "",
     "dit: width inside SwiGLU; 0 = 8/3 of hidden, rounded up to 32", 0},
    {"generator.mlp_bias", BOOL(generator.mlp_bias), "true", "",
     "dit: biases in SwiGLU", 0},
    {"generator.qkv_bias", BOOL(generator.qkv_bias), "true", "",
     "dit: bias of the query, key and value layer", 0},
    {"generator.qk_norm", BOOL(generator.qk_norm), "true", "",
     "dit: normalise queries and keys", 0},
    {"generator.position_table", BOOL(generator.position_table), "true", "",
     "dit: learned position table beside the rotary embedding", 0},
    {"generator.rope_bf16", BOOL(generator.rope_bf16), "false", "",
     "dit: rotary tables rounded as in the published checkpoints", 0},
    {"generator.null_class", BOOL(generator.null_class), "false", "",
     "a further row in the class table, for no class", 0},
    {"generator.alpha_max_period", INT(generator.alpha_max_period, 1, 1000000),
     "10000", "", "longest period of alpha's sinusoids", 0},
    {"generator.alpha_norm", BOOL(generator.alpha_norm), "true", "",
     "normalise alpha's embedding and weigh it with 0.02", 0},
    {"generator.levels", INT(generator.levels, 1, 8), "3", "",
     "conv: resolutions, each twice the one before", 0},
    {"generator.groups", INT(generator.groups, 1, 4096), "8", "",
     "conv: groups of the group normalisation", 0},
    {"generator.smooth", BOOL(generator.smooth), "false", "",
     "conv: maps grow by bilinear interpolation, the last one too, instead of "
     "each location making its patch of pixels alone",
     0},

    /* encoder */
    {"encoder.objective", ENUM(encoder.objective, objective_names),
     "classifier", "",
     "what it learns: classifier (the labels), autoencoder (the images), "
     "simclr (two views of an image are alike), mae (what is hidden of an "
     "image)",
     0},
    {"encoder.width", INT(encoder.network.width, 1, 65536), "16", "",
     "channels of the first stage; each further one has twice as many", 0},
    {"encoder.blocks",
     INTS(encoder.network.blocks, encoder.stages, ENCODER_STAGES, 1, 1024),
     "[1, 1, 1]", "",
     "blocks of each stage; from the second on a stage halves the image", 0},
    {"encoder.groups", INT(encoder.network.groups, 1, 4096), "8", "",
     "groups of the group normalisation", 0},
    {"encoder.hidden", INT(encoder.network.hidden, 1, 65536), "64", "",
     "classifier, simclr: width of the layer before the last", 0},
    {"encoder.latent", INT(encoder.network.latent, 1, 65536), "4", "",
     "autoencoder: channels of the latent map", 0},
    {"encoder.patch", INT(encoder.network.patch, 1, 256), "1", "pixels",
     "classifier, mae: side of the patches whose pixels become channels", 0},
    {"encoder.batch", INT(encoder.batch, 1, MAX_BATCH), "128", "images",
     "images a step", 0},
    {"encoder.label_smoothing", FLOAT(encoder.label_smoothing, 0, 0.9), "0", "",
     "classifier: share of the target that all classes have alike", 0},
    {"encoder.temperature", FLOAT(encoder.temperature, 0.001, 100), "0.5", "",
     "simclr: what similarities are divided by", 0},
    {"encoder.projection", INT(encoder.projection, 1, 65536), "64", "",
     "simclr: numbers that views are compared in, by a layer that is dropped "
     "after training",
     0},
    {"encoder.mask_patch", INT(encoder.mask_patch, 1, MAX_SIDE), "2", "",
     "mae: side of the squares of patches that are hidden together", 0},
    {"encoder.mask_ratio", FLOAT(encoder.mask_ratio, 0, 1), "0.5", "",
     "mae: chance of a square to be hidden", 0},
    {"encoder.class_steps", LONG(encoder.class_steps, 0, CONFIG_UNBOUNDED), "0",
     "steps", "mae: how many of the last steps learn the labels, too", 0},
    {"encoder.class_weight", FLOAT(encoder.class_weight, 0, 1), "0.1", "",
     "mae: share of the labels' loss then, after a rise over a third of the "
     "steps",
     0},
    {"encoder.shift", INT(encoder.augment.shift, 0, MAX_SIDE), "0", "pixels",
     "move training images at random by at most so much", 0},
    {"encoder.crop", FLOAT(encoder.augment.crop, 0.01, 1), "1", "",
     "least share of an image's area that is cut out at random and enlarged; "
     "1 = off",
     0},
    {"encoder.noise", FLOAT(encoder.augment.noise, 0, 10), "0", "",
     "most standard deviation of noise on training images, drawn for each; "
     "smooths what the encoder sees",
     0},

    /* features */
    {"features.encoders", TEXTS(features.encoders, 8), "[]", "",
     "encoders whose features are compared beside the pixels, files of "
     "weights or names of those that come with the program",
     0},
    {"features.families", TEXTS(features.families, 32), "[\"*\"]", "",
     "patterns of the feature families that count, each with =WEIGHT where it "
     "is not 1; the last that fits a name decides",
     0},
    {"features.train_encoder", BOOL(features.train_encoder), "false", "",
     "train the encoders along by the same loss, for ablations", 0},
    {"features.cache", BOOL(features.cache), "true", "",
     "compute the features of the real images once, before the first step; not "
     "with data.flip or features.train_encoder, which change them",
     0},
    {"features.cache_memory", SIZE(features.cache_memory, 0, CONFIG_UNBOUNDED),
     "2 GiB", "bytes",
     "features of real images kept in memory, beside drift.memory; more of "
     "them go to a file",
     KEY_NO_RESULT},
    {"features.cache_type", ENUM(features.cache_type, cache_types), "f16", "",
     "size of the numbers in the cache", 0},
    {"features.cache_file", TEXT(features.cache_file), "", "",
     "where the cache is kept and found again; empty = in the folder of the "
     "run, when memory is too small",
     KEY_NO_RESULT},

    /* drift */
    {"drift.variant", ENUM(drift.field.variant, variants), "release", "",
     "the field as the authors' release, their paper or their toy computes it",
     0},
    {"drift.kernel", ENUM(drift.field.shape, kernels), "laplace", "",
     "laplace exp(-d/R) or gaussian exp(-d^2/(2 R^2))", 0},
    {"drift.normalization", ENUM(drift.field.normalization, normalizations),
     "xy", "", "how the affinities are normalised", 0},
    {"drift.temperatures", KEY_FLOATS,
     LIST(drift.field.r, drift.field.temperatures), FIELD_MAX_R, 1e-6, 1e6,
     NULL, "[0.02, 0.05, 0.2]", "",
     "kernel widths R, one field each, in units of the mean distance", 0},
    {"drift.attraction", FLOAT(drift.field.attraction, 0, 1000), "1", "",
     "multiplier of the pull toward data; other than 1 destroys the balance",
     0},
    {"drift.repulsion", FLOAT(drift.field.repulsion, 0, 1000), "1", "",
     "multiplier of the push away from other samples", 0},
    {"drift.scale_features", BOOL(drift.field.scale_features), "true", "",
     "divide features by their mean distance", 0},
    {"drift.scale_drift", BOOL(drift.field.scale_drift), "true", "",
     "divide the drift of each temperature by its root mean square", 0},
    {"drift.classes", INT(drift.classes, 0, MAX_BATCH), "0", "",
     "classes drawn a step; 0 = every class once", 0},
    {"drift.generated", INT(drift.generated, 1, MAX_BATCH), "64", "samples",
     "generated samples a class and step", 0},
    {"drift.positives", INT(drift.positives, 1, MAX_BATCH), "64", "samples",
     "real samples a class and step", 0},
    {"drift.positives_choice", ENUM(drift.positives_choice, choices), "random",
     "",
     "real samples of a class are drawn at random, or those nearest to the "
     "generated are taken",
     0},
    {"drift.nearest_family", TEXT(drift.nearest_family), "", "",
     "feature family in which the nearest are looked for; empty = the last", 0},
    {"drift.nearest_random", FLOAT(drift.nearest_random, 0, 1), "0.25", "",
     "share of the positives that is drawn at random all the same", 0},
    {"drift.negatives", INT(drift.negatives, 0, MAX_BATCH), "0", "samples",
     "real samples of any class that join the negatives (guidance)", 0},
    {"drift.bank", INT(drift.bank, 0, 100000000), "128", "samples",
     "real samples kept ready a class; 0 = the whole data set", 0},
    {"drift.bank_unconditional", INT(drift.bank_unconditional, 1, 100000000),
     "1000", "samples", "real samples of any class kept ready", 0},
    {"drift.push", INT(drift.push, 1, MAX_BATCH), "64", "samples",
     "fresh real samples a step, at least", 0},
    {"drift.memory", SIZE(drift.memory, 0, CONFIG_UNBOUNDED), "0", "bytes",
     "bound on the tensors of a step, as 512 MiB or 2 GiB; 0 = none, on a GPU "
     "three quarters of its memory",
     0},
    {"drift.micro_batch", INT(drift.micro_batch, 0, MAX_BATCH), "0", "samples",
     "samples recorded at once; 0 = as many as drift.memory allows", 0},

    /* guidance */
    {"guidance.alpha_min", FLOAT(guidance.alpha_min, 1, 1000), "1", "",
     "least guidance strength drawn in training", 0},
    {"guidance.alpha_max", FLOAT(guidance.alpha_max, 1, 1000), "4", "",
     "largest guidance strength drawn in training", 0},
    {"guidance.power", FLOAT(guidance.power, 0, 100), "3", "",
     "alpha is drawn with a density of alpha to minus this power", 0},
    {"guidance.no_cfg_frac", FLOAT(guidance.no_cfg_frac, 0, 1), "0", "",
     "share of the draws that take alpha = 1 instead", 0},

    /* optimizer */
    {"optimizer.lr", DOUBLE(optimizer.lr, 0, 10), "0.0002", "",
     "learning rate of AdamW", 0},
    {"optimizer.warmup_steps",
     LONG(optimizer.warmup_steps, 0, CONFIG_UNBOUNDED), "5000", "steps",
     "steps over which the learning rate rises from 1e-6", 0},
    {"optimizer.schedule", ENUM(optimizer.schedule, schedules), "constant", "",
     "the learning rate after the warm-up", 0},
    {"optimizer.total_steps", LONG(optimizer.total_steps, 0, CONFIG_UNBOUNDED),
     "0", "steps", "length of the schedule; 0 = run.steps as the run begins",
     0},
    {"optimizer.beta1", DOUBLE(optimizer.beta1, 0, 0.999999), "0.9", "",
     "decay of AdamW's mean gradient", 0},
    {"optimizer.beta2", DOUBLE(optimizer.beta2, 0, 0.999999999), "0.95", "",
     "decay of AdamW's mean squared gradient", 0},
    {"optimizer.eps", DOUBLE(optimizer.eps, 0, 1), "1e-08", "",
     "added to AdamW's denominator", 0},
    {"optimizer.weight_decay", DOUBLE(optimizer.weight_decay, 0, 10), "0.01",
     "", "decoupled weight decay, on every parameter", 0},
    {"optimizer.clip_norm", DOUBLE(optimizer.clip_norm, 0, 1e30), "2", "",
     "bound on the norm of all gradients together; 0 = none", 0},
    {"optimizer.ema", KEY_FLOATS, LIST(optimizer.ema, optimizer.ema_count),
     CONFIG_MAX_EMA, 0, 0.99999999, NULL, "[0.999]", "",
     "decays of the averaged weights kept side by side; the first is used", 0},

    /* run */
    {"run.name", TEXT(run.name), "", "", "a name for logs and listings",
     KEY_NO_RESULT},
    {"run.steps", LONG(run.steps, 1, CONFIG_UNBOUNDED), "30000", "steps",
     "the run ends after so many steps", KEY_NO_RESULT},
    {"run.minutes", DOUBLE(run.minutes, 0, 1e9), "0", "minutes",
     "the run ends after so long a training; 0 = no bound", KEY_NO_RESULT},
    {"run.seed", LONG(run.seed, 0, CONFIG_UNBOUNDED), "1", "",
     "every random number of the run follows from it", 0},
    {"run.save_every", LONG(run.save_every, 0, CONFIG_UNBOUNDED), "500",
     "steps", "steps between checkpoints; 0 = only at the end", KEY_NO_RESULT},
    {"run.keep_last", INT(run.keep_last, 0, 1000000), "2", "files",
     "numbered checkpoints kept beside the latest", KEY_NO_RESULT},
    {"run.log_every", LONG(run.log_every, 1, CONFIG_UNBOUNDED), "10", "steps",
     "steps between lines of metrics.jsonl", KEY_NO_RESULT},
    {"run.preview_every", LONG(run.preview_every, 0, CONFIG_UNBOUNDED), "500",
     "steps",
     "steps between preview pictures, or of an encoder its tests; 0 = only at "
     "the end",
     KEY_NO_RESULT},
    {"run.preview_count", INT(run.preview_count, 1, 100000), "100", "samples",
     "samples of a preview picture", KEY_NO_RESULT},
    {"run.preview_alpha", FLOAT(run.preview_alpha, 0, 1000), "1", "",
     "guidance strength of the previews", KEY_NO_RESULT | KEY_GENERATOR},
    {"run.gif", BOOL(run.gif), "false", "",
     "an animated GIF of the previews at the end",
     KEY_NO_RESULT | KEY_GENERATOR},
    {"run.preflight", BOOL(run.preflight), "true", "",
     "check the field on the device before the first step",
     KEY_NO_RESULT | KEY_GENERATOR},
    {"run.evaluate_every", LONG(run.evaluate_every, 0, CONFIG_UNBOUNDED), "0",
     "steps",
     "steps between small evaluations, as drift-eval makes them, into "
     "metrics.jsonl and curves.png, and at the end; the best checkpoint is "
     "kept; the real images take memory beside drift.memory; 0 = none",
     KEY_NO_RESULT | KEY_GENERATOR},
    {"run.evaluate_count", INT(run.evaluate_count, 2, 1000000), "2000",
     "samples", "samples of such an evaluation", KEY_NO_RESULT | KEY_GENERATOR},
    {"run.evaluate_network", TEXT(run.evaluate_network), "", "",
     "the network that looks at them, as drift-eval's --features; empty = the "
     "one that comes for the data, whose name then stands in the run's "
     "config.yaml",
     KEY_NO_RESULT | KEY_GENERATOR},
};

const size_t config_key_count = sizeof config_keys / sizeof *config_keys;
