/* golden-check: what the checkers of the file families share.
 *
 * A family is a table of file patterns with the function that checks such a
 * file; see README.md for how to add one. A checker loads inputs, computes,
 * and compares; every comparison prints a line. All that it loads or makes
 * belongs to the case in hand and is freed at its end. */
#ifndef TESTS_GOLDEN_GOLDEN_H
#define TESTS_GOLDEN_GOLDEN_H

#include "formats/safetensors.h"
#include "ops/ops.h"

typedef struct golden golden;

typedef struct golden_family {
    const char *pattern;              /* of the file's name, as the shell's */
    drift_status (*check)(golden *g); /* NULL: known, cannot be checked yet */
    double limit; /* relative, the suggested column of the READMEs */
} golden_family;

struct golden {
    drift_context *ctx;
    const char *directory; /* as given on the command line */
    char name[64];         /* the file without its extension */
    safetensors file;
    double limit;
    size_t passed, failed, todo;
    /* For golden.c alone. */
    unsigned char *used; /* one flag a tensor of the file */
    void **held;         /* of the case in hand: memory, tensors */
    tensor **tensors;
    size_t held_count, tensor_count;
};

/* Families, each ended by {0}: one line here and one in golden-check.c. */
extern const golden_family check_act[];
extern const golden_family check_attn[];
extern const golden_family check_block[];
extern const golden_family check_conv[];
extern const golden_family check_distance[];
extern const golden_family check_drift[];
extern const golden_family check_dit[];
extern const golden_family check_encoder[];
extern const golden_family check_eval[];
extern const golden_family check_field_torch[];
extern const golden_family check_formats[];
extern const golden_family check_inception[];
extern const golden_family check_mae[];
extern const golden_family check_norm[];
extern const golden_family check_optim[];
extern const golden_family check_post[];
extern const golden_family check_resize[];
extern const golden_family check_step[];
extern const golden_family check_trainstep[];
extern const golden_family check_later[];

/* Layouts: element i names the dimension of the file that becomes dimension i
 * of ours; NULL = the file's own. */
#define MAP    "0231" /* NCHW -> NHWC */
#define CONV   "2310" /* OIHW -> HWIO */
#define MATRIX "10"   /* (out,in) -> (in,out) */

/* A tensor of the file, named by printf; integers become i32, bytes f32. */
drift_status golden_load(golden *g, tensor **out, const char *layout,
                         const char *name, ...) DRIFT_PRINTF(4, 5);
/* The same, NULL where the file has none. */
drift_status golden_load_optional(golden *g, tensor **out, const char *layout,
                                  const char *name, ...) DRIFT_PRINTF(4, 5);
/* As doubles on the host; count and dim may be NULL. */
drift_status golden_numbers(golden *g, double **out, size_t *count,
                            const char *name, ...) DRIFT_PRINTF(4, 5);
const array *golden_find(golden *g, const char *name, ...) DRIFT_PRINTF(2, 3);

/* Fresh tensors: of NaN for an output, of 0 for a gradient. */
drift_status golden_output(golden *g, tensor **out, shape s);
drift_status golden_gradient(golden *g, tensor **out, shape s);

/* Compare with a tensor of the file: max|a-b| / max|b| against g->limit; where
 * the file has nothing but zeros, max|a-b|. */
drift_status golden_near(golden *g, const tensor *got, const char *layout,
                         const char *name, ...) DRIFT_PRINTF(4, 5);
/* The same for numbers on the host. */
drift_status golden_near_host(golden *g, const double *got, size_t count,
                              const char *name, ...) DRIFT_PRINTF(4, 5);
/* max|a-b| alone; limit 0: equal. */
drift_status golden_absolute(golden *g, const double *got, size_t count,
                             double limit, const char *name, ...)
    DRIFT_PRINTF(5, 6);
/* Print a line of one's own: an error against a limit. */
void golden_line(golden *g, const char *name, double error, double limit);

/* These tensors wait for a later part; `prefix` may be a whole name. */
void golden_todo(golden *g, const char *prefix);
/* These need no line: inputs that the check has no use for, values of lower
 * precision. A pattern as the shell's. */
void golden_ignore(golden *g, const char *pattern);

/* Metadata of the file: a text, and a number of a JSON object in such a text
 * (0 where it is null or absent). */
const char *golden_meta(const golden *g, const char *key);
double golden_option(const golden *g, const char *key, const char *option);

/* Call `check` for every CASE of the tensors CASE.anything; an error becomes
 * a FAIL of that case. */
drift_status golden_each_case(golden *g,
                              drift_status (*check)(golden *g,
                                                    const char *name));
/* Free what the case in hand holds. */
void golden_end_case(golden *g);

/* Open, check and close one file. */
void golden_check_file(golden *g, const golden_family *family,
                       const char *file);

#endif
