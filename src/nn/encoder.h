/* Encoders: images to maps and vectors in which samples are compared
 * (method.md section 3). Kinds: classifier and autoencoder (nn/classifier.c,
 * nn/autoencoder.c, the program's own), mae (the release's, section 7), resnet
 * and cifar-resnet, convnext, dino, inception (networks-and-formats sections 2
 * to 5).
 *
 * In training they are frozen: the tape's gradients flow through them to the
 * image. */
#ifndef NN_ENCODER_H
#define NN_ENCODER_H

#include "base/digest.h"
#include "formats/array.h"
#include "nn/generator.h"

#define ENCODER_STAGES 4

typedef enum encoder_kind {
    ENCODER_CLASSIFIER,
    ENCODER_AUTOENCODER,
    ENCODER_MAE,
    ENCODER_CIFAR_RESNET,
    ENCODER_RESNET,
    ENCODER_CONVNEXT,
    ENCODER_DINO,
    ENCODER_INCEPTION,
    ENCODER_KINDS
} encoder_kind;

typedef struct encoder_config {
    int kind;
    int width;                  /* channels of the first stage */
    int blocks[ENCODER_STAGES]; /* of each stage; 0: no such stage */
    int widths[ENCODER_STAGES]; /* convnext: channels of each stage */
    int groups;     /* of GroupNorm; mae: the most, the largest divisor of the
                       channels up to it is taken */
    int hidden;     /* classifier: width of the layer before the last; dino: of
                       the mlp */
    int latent;     /* autoencoder: channels of its latent map */
    int classes;    /* of the head; 0: none */
    int patch;      /* classifier, mae: side of the patches that become
                       channels; dino: of those that become tokens */
    int decoder;    /* mae: has it one? */
    int bottleneck; /* resnet: are blocks of three convolutions? */
    int heads;      /* dino */
    int positions;  /* dino: side of the table of positions */
    int image_height, image_width, channels; /* of the images it is for; 0: of
                                             any size */
    int resize;   /* images smaller than this square are enlarged to it; 0 */
    int imagenet; /* images become (x+1)/2, then lose ImageNet's mean and are
                     divided by its standard deviation; 0: [-1,1] as they are */
    int unit;     /* images become (x+1)/2 and stay so */
    int clamp;    /* with either: to [0,1] then */
    int shrink;   /* larger ones become that square, too, antialiased */
    int map_norm; /* convnext: maps are normalised as the release's */
} encoder_config;

/* The sizes by name, and their ranges. */
typedef struct encoder_size {
    const char *name;
    size_t offset;
    int least, most;
} encoder_size;

#define ENCODER_SIZES 27
extern const encoder_size encoder_sizes[ENCODER_SIZES];
int *encoder_size_of(encoder_config *c, size_t i);

/* Which families a map is good for; drift/features.h says what they are. */
#define FAMILY_LOCATIONS 1
#define FAMILY_MEAN      2
#define FAMILY_STD       4
#define FAMILY_MEAN_2    8
#define FAMILY_STD_2     16
#define FAMILY_MEAN_4    32
#define FAMILY_STD_4     64
#define FAMILY_ALL       127
#define FAMILY_NORM      128 /* norm_x alone */
#define FAMILY_FLAT      256 /* the whole map as one vector */

typedef struct encoder_map {
    char name[32];
    var *value; /* [b,h,w,c], or a vector [b,c] with families 0 */
    unsigned families;
} encoder_map;

#define ENCODER_MAPS 40

/* What a forward pass gives. */
typedef struct encoder_out {
    encoder_map list[ENCODER_MAPS];
    size_t count;
    size_t most; /* maps that are wanted, the first ones; 0: all */
    var *image;  /* as the caller gave it; encoder_next leaves it alone */
    var *summary; /* the vector [b,c] of its maps that a head reads; NULL: it
                     reads the mean of the last one */
    int want_logits;
    var *logits; /* [b,classes], where wanted and the encoder has a head */
} encoder_out;

typedef struct encoder encoder;

typedef struct encoder_ops {
    const char *name;
    drift_status (*declare)(encoder *e); /* checks, parameters */
    /* x is prepared; every map goes to encoder_emit. */
    void (*forward)(encoder *e, tape *t, const tensor *flat, var *x,
                    encoder_out *out);
    void (*close)(encoder *e); /* frees e->state; may be NULL */
    /* Other people's files; all NULL: there are none. Does a file with these
     * arrays hold such a network, and of which sizes? One with an array missing
     * or wrong still does, but for its signs, which error texts name: load
     * tells what is not as it should be. */
    const char *signs;
    int (*recognize)(const array_list *arrays, encoder_config *config);
    drift_status (*load)(encoder *e, const array_list *arrays, tensor *flat);
    /* What a metadata.json with such a file says beyond its arrays; NULL:
     * there are no such files. */
    drift_status (*metadata)(drift_context *ctx, const char *json, size_t size,
                             encoder_config *config);
    /* Parameters that no map needs (patterns as the shell's, the last NULL):
     * those of a decoder and of a head for classes. NULL: none. */
    const char *const *heads;
} encoder_ops;

struct encoder {
    drift_context *ctx;
    const encoder_ops *ops;
    encoder_config config;
    params params;
    void *state;                   /* of the kind */
    tensor input_w[3], input_b[3]; /* imagenet: [3,3], [3] of each step */
    int input_steps;
};

extern const encoder_ops *const encoder_kinds[ENCODER_KINDS];

/* Declare, allocate and draw the initial parameters. */
drift_status encoder_new(drift_context *ctx, const encoder_config *config,
                         uint64_t seed, int with_grad,
                         encoder **out) DRIFT_MUST_CHECK;
/* The same in two steps: after the first the parameters have shapes, but no
 * memory. */
drift_status encoder_declare(drift_context *ctx, const encoder_config *config,
                             encoder **out) DRIFT_MUST_CHECK;
drift_status encoder_allocate(encoder *e, uint64_t seed,
                              int with_grad) DRIFT_MUST_CHECK;
void encoder_free(encoder *e); /* NULL is fine */

/* Add what its maps follow from, sizes and parameters, to a digest. */
drift_status encoder_digest(const encoder *e, digest *d) DRIFT_MUST_CHECK;

/* The maps of images [b,h,w,c] in [-1,1], with the parameters in `flat`. Grey
 * images are given to an encoder for RGB three times over. */
void encoder_forward(encoder *e, tape *t, const tensor *flat, var *image,
                     encoder_out *out);

/* The same without its head and decoder, with the parameters in `flat`. */
drift_status encoder_behead(encoder *e, const tensor *flat,
                            encoder **out) DRIFT_MUST_CHECK;

/* -- files (nn/encoder_file.c) -------------------------------------------- */

/* An encoder of drift-encoder, or other people's weights, which are recognised
 * by their names and shapes, in any container (formats/tensors.h). Sizes that
 * those do not tell, as how its images are prepared, may be in FILE.json beside
 * FILE.pth: {"drift.encoder": {"imagenet": 0}} (encoder_sizes). For its maps
 * alone: what they do not need takes no memory. */
drift_status encoder_open(drift_context *ctx, const char *path,
                          encoder **out) DRIFT_MUST_CHECK;
/* The same with its decoder and its head, as far as the file has them. */
drift_status encoder_open_whole(drift_context *ctx, const char *path,
                                encoder **out) DRIFT_MUST_CHECK;
/* The kind and sizes of other people's weights; ops->load reads them. */
drift_status encoder_recognize(drift_context *ctx, const array_list *arrays,
                               encoder_config *c) DRIFT_MUST_CHECK;
/* The parameters in `flat`, with what encoder_open needs. */
drift_status encoder_write(encoder *e, const tensor *flat,
                           const char *path) DRIFT_MUST_CHECK;

/* One inside another file: arrays NAME.config and NAME.PARAMETER. *out is NULL
 * where the file has none. */
drift_status encoder_to_arrays(const encoder *e, const char *name,
                               array_list *list) DRIFT_MUST_CHECK;
drift_status encoder_from_arrays(drift_context *ctx, const char *name,
                                 const array_list *list,
                                 encoder **out) DRIFT_MUST_CHECK;

/* -- for the kinds -------------------------------------------------------- */

/* The images as the kind wants them; checks their shape. encoder_forward has
 * done it. */
var *encoder_input(encoder *e, tape *t, var *image);
/* Every parameter under its own name, after any wrapper in front of `anchor`
 * (nn/weights.h); what the file has of `heads` may be more. */
drift_status encoder_load_named(encoder *e, const array_list *arrays,
                                const char *anchor,
                                tensor *flat) DRIFT_MUST_CHECK;
void encoder_emit(tape *t, encoder_out *out, var *value, unsigned families,
                  const char *name_format, ...) DRIFT_PRINTF(5, 6);
/* Whether all that is wanted has been emitted: what comes after it is not to be
 * computed. */
int encoder_done(const encoder_out *out);
/* y replaces x, whose memory is let go of unless it was emitted or is the
 * caller's image. */
var *encoder_next(tape *t, const encoder_out *out, var *x, var *y);
/* Parameter i on the tape. */
var *encoder_leaf(encoder *e, tape *t, const tensor *flat, int i);
/* Convolution with parameters `weight` and `bias` (-1: none). Odd kernels are
 * padded by half their size, even ones not at all; a weight of fewer input
 * channels than x has is one in groups. */
var *encoder_conv(encoder *e, tape *t, const tensor *flat, int weight, int bias,
                  int stride, var *x);
/* The same without padding. */
var *encoder_conv_inside(encoder *e, tape *t, const tensor *flat, int weight,
                         int bias, int stride, var *x);
/* [b,h,w,c] -> [b,h/p,w/p,p*p*c] with config.patch, and those channels. */
var *encoder_patchify(encoder *e, tape *t, var *image);
size_t encoder_channels(const encoder_config *c);
/* The mean over all locations: [b,h,w,c] -> [b,c]. */
var *encoder_mean(tape *t, var *x);

extern const encoder_ops classifier_ops, autoencoder_ops, mae_ops,
    cifar_resnet_ops, resnet_ops, convnext_ops, dino_ops, inception_ops;

#endif
