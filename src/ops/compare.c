/* The check backend: every op on the device and on the CPU, on the same
 * numbers, by the tables of both.
 *
 * A context's tensors live on its device. Before an op what it reads is copied
 * to the CPU: its inputs, and the content of what it writes, which it may add
 * to. Both then run, and what the device wrote is read and compared; training
 * goes on with the device's numbers, so that each call is judged by itself.
 *
 * An element may be off by 2 * 8 * 2^-24 * sqrt(terms) * (|wanted| + rms of all
 * wanted): the limit of the op tests (tests/ops/README.md), doubled since both
 * sides round. Where an element is beyond it, the numbers may be such that they
 * magnify rounding: sums that cancel, sharp exponentials. So the CPU runs the
 * op once more with every input moved by a factor of 1 +- MOVE, and the change
 * of its results, divided by MOVE, is added to the size in the brackets.
 * Results that are so small that a device may take them for 0 pass. */
#include "ops/compare.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"

#define MOST_TENSORS 16 /* of an op */
#define MOVE         0x1p-16
#define LIMIT        (2 * 8 * 0x1p-24)

struct comparison {
    backend table;         /* with the ops of this file */
    const backend *device; /* with its own */
    drift_context *cpu;
    size_t calls[OP_COUNT];
    double worst;   /* share of the limit */
    char text[600]; /* about it */
};

typedef struct operand {
    const char *name; /* as in ops.def */
    const void *at;   /* the parameter */
    const tensor *t;  /* the device's, NULL: absent */
    int written;
    int same;      /* the first operand that lies in the same place */
    tensor copy;   /* the content before; afterwards what the CPU made of it */
    tensor before; /* the content before, of what is written */
    tensor given;  /* to the CPU's op, borrowed */
} operand;

/* What the op is about to be run for. */
enum { FIRST, DEVICE, MOVED, DONE };

typedef struct call {
    drift_context *ctx;
    struct comparison *c;
    drift_context *cpu;
    op_id op;
    int stage;
    drift_status status; /* of the run before */
    operand operands[MOST_TENSORS];
    int count;
} call;

/* -- the operands ----------------------------------------------------------
 */

static call begin(drift_context *ctx, op_id op)
{
    ctx->compare->calls[op]++;
    return (call){.ctx = ctx,
                  .c = ctx->compare,
                  .cpu = ctx->compare->cpu,
                  .op = op,
                  .stage = -1};
}

static void note(call *c, const char *name, const void *at, int written)
{
    operand *o = &c->operands[c->count];
    *o = (operand){.name = name, .at = at, .written = written};
    memcpy(&o->t, at, sizeof o->t);
    while (o->t &&
           !(c->operands[o->same].t &&
             c->operands[o->same].t->block == o->t->block &&
             c->operands[o->same].t->offset == o->t->offset &&
             tensor_count(c->operands[o->same].t) == tensor_count(o->t)))
        o->same++;
    c->count++;
}

static void note_written(call *c, const char *name, const void *at)
{
    note(c, name, at, 1);
}

static void note_read(call *c, const char *name, const void *at)
{
    note(c, name, at, 0);
}

static void note_nothing(call *c, const char *name, const void *at)
{
    (void)c;
    (void)name;
    (void)at;
}

/* The CPU's tensor for the parameter at this address. */
static tensor *given(call *c, const void *at)
{
    operand *o = c->operands;
    while (o->at != at)
        o++;
    if (!o->t)
        return NULL;
    operand *first = &c->operands[o->same];
    o->given =
        c->stage == MOVED && first->written ? first->before : first->copy;
    o->given.shape = o->t->shape;
    o->given.fresh = o->t->fresh;
    return &o->given;
}

static void *host(const tensor *t)
{
    return (float *)t->block->host + t->offset;
}

static drift_status cpu_failed(call *c, drift_status status)
{
    status = ERROR(c->ctx, status, "%s", drift_error_text(c->cpu));
    drift_error_clear(c->cpu);
    return status;
}

static drift_status copy_new(call *c, tensor *copy, const tensor *t)
{
    drift_status status = tensor_new(c->cpu, copy, t->type, t->shape);
    return status == DRIFT_OK ? status : cpu_failed(c, status);
}

/* Operands of which this one is the first in its place. */
static int is_own(const call *c, int i)
{
    return c->operands[i].t && c->operands[i].same == i;
}

/* The tape gives the shape of what an op does not read another tensor's place
 * (tape/record.c), which may be too small for it. */
static int is_there(const tensor *t)
{
    return (t->offset + tensor_count(t)) * 4 <= t->block->bytes;
}

static drift_status copy_operands(call *c)
{
    drift_status status = DRIFT_OK;
    for (int i = 0; i < c->count; i++) {
        operand *o = &c->operands[i];
        if (!is_own(c, i))
            continue;
        TRY(copy_new(c, &o->copy, o->t));
        if (o->written)
            TRY(copy_new(c, &o->before, o->t));
        if (o->t->fresh || !is_there(o->t))
            continue;
        TRY(c->c->device->read(c->ctx, o->t, host(&o->copy)));
        if (o->written)
            memcpy(host(&o->before), host(&o->copy), tensor_count(o->t) * 4);
    }
out:
    return status;
}

static void move_operands(call *c)
{
    uint32_t random = 1;
    for (int i = 0; i < c->count; i++) {
        operand *o = &c->operands[i];
        if (!is_own(c, i) || o->t->type != DTYPE_F32 || o->t->fresh)
            continue;
        float *x = host(o->written ? &o->before : &o->copy);
        for (size_t j = 0; j < tensor_count(o->t); j++) {
            random = random * 1664525u + 1013904223u;
            x[j] *= random >> 31 ? (float)(1 + MOVE) : (float)(1 - MOVE);
        }
    }
}

/* -- comparing -------------------------------------------------------------
 */

/* Root mean square of what is finite of a[i] - b[i]; b NULL: 0. */
static double rms(const float *a, const float *b, size_t n)
{
    double sum = 0;
    size_t finite = 0;
    for (size_t i = 0; i < n; i++) {
        double v = b ? (double)a[i] - (double)b[i] : (double)a[i];
        if (isfinite(v)) {
            sum += v * v;
            finite++;
        }
    }
    return finite ? sqrt(sum / (double)finite) : 0;
}

static int all_finite(const float *a, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!isfinite(a[i]))
            return 0;
    return 1;
}

/* The element that is worst for its limit. */
typedef struct finding {
    int operand;
    size_t element;
    double got, wanted, limit, share;
} finding;

static void consider(finding *worst, int at, size_t element, double got,
                     double wanted, double limit)
{
    double off = got == wanted ? 0 : fabs(got - wanted);
    double share = off == 0                     ? 0
                   : limit > 0 && isfinite(off) ? off / limit
                                                : INFINITY;
    if (share > worst->share)
        *worst = (finding){at, element, got, wanted, limit, share};
}

static drift_status compare_operand(call *c, int i, finding *worst)
{
    drift_status status = DRIFT_OK;
    const operand *o = &c->operands[i];
    size_t n = tensor_count(o->t);
    const tensor *t[MOST_TENSORS];
    tensor read = {0};
    for (int j = 0; j < c->count; j++)
        t[j] = c->operands[j].t;
    TRY(copy_new(c, &read, o->t));
    TRY(c->c->device->read(c->ctx, o->t, host(&read)));
    if (o->t->type == DTYPE_I32) {
        const int *got = host(&read), *wanted = host(&o->copy);
        for (size_t j = 0; j < n; j++)
            consider(worst, i, j, got[j], wanted[j], 0);
        goto out;
    }
    const float *got = host(&read), *wanted = host(&o->copy);
    /* The run is over: how far infinities and NaN spread is left open. */
    if (!all_finite(got, n) && !all_finite(wanted, n))
        goto out;
    const float *moved = c->stage == MOVED ? host(&o->before) : NULL;
    double terms = op_terms(c->op, t, i), least = terms * (double)FLT_MIN;
    double unit = LIMIT * sqrt(terms), size = rms(wanted, NULL, n);
    if (moved)
        size += rms(moved, wanted, n) / MOVE;
    for (size_t j = 0; j < n; j++) {
        double w = (double)wanted[j], own = fabs(w);
        if (moved && isfinite(moved[j]))
            own += fabs((double)moved[j] - w) / MOVE;
        consider(worst, i, j, (double)got[j], w, unit * (own + size) + least);
    }
out:
    tensor_free(c->cpu, &read);
    return status;
}

/* "y [2,3], x [2,4], w [4,3]" */
static void shapes_text(const call *c, char *text, size_t size)
{
    char one[SHAPE_TEXT];
    size_t used = 0;
    for (int i = 0; i < c->count; i++)
        if (c->operands[i].t && used < size)
            used += (size_t)snprintf(text + used, size - used, "%s%s %s",
                                     used ? ", " : "", c->operands[i].name,
                                     shape_text(c->operands[i].t->shape, one));
}

static void keep_worst(call *c, const finding *f)
{
    char shapes[400];
    struct comparison *all = c->c;
    if (f->share <= all->worst)
        return;
    shapes_text(c, shapes, sizeof shapes);
    all->worst = f->share;
    snprintf(all->text, sizeof all->text,
             "%s operand %s (%s): off by %.3g, %.3g %% of its limit",
             op_names[c->op], c->operands[f->operand].name, shapes,
             fabs(f->got - f->wanted), 100 * f->share);
}

static drift_status refuse(call *c, const finding *f)
{
    char shapes[400];
    shapes_text(c, shapes, sizeof shapes);
    return ERROR(c->ctx, DRIFT_ERROR_DEVICE,
                 "element %zu of %s is %.9g on the device and %.9g on the CPU, "
                 "more than %.3g apart (%s)",
                 f->element, c->operands[f->operand].name, f->got, f->wanted,
                 f->limit, shapes);
}

/* Sets *again where the numbers must be moved to know. */
static drift_status compare(call *c, int *again)
{
    drift_status status = DRIFT_OK;
    finding worst = {0};
    *again = 0;
    for (int i = 0; i < c->count; i++)
        if (is_own(c, i) && c->operands[i].written)
            TRY(compare_operand(c, i, &worst));
    *again = worst.share > 1 && c->stage == DEVICE;
    if (*again)
        goto out;
    keep_worst(c, &worst);
    if (worst.share > 1)
        status = refuse(c, &worst);
out:
    return status;
}

/* Make ready for the next run of the op; 0: there is none. */
static int next(call *c)
{
    int again = 1;
    if (c->status != DRIFT_OK) {
        if (c->stage == FIRST || c->stage == MOVED)
            c->status = cpu_failed(c, c->status);
        return 0;
    }
    switch (c->stage) {
    case FIRST:
        break;
    case DEVICE:
    case MOVED:
        c->status = compare(c, &again);
        if (again)
            move_operands(c);
        break;
    default:
        c->status = copy_operands(c);
    }
    c->stage++;
    return again && c->status == DRIFT_OK;
}

static drift_status end(call *c)
{
    for (int i = 0; i < c->count; i++) {
        tensor_free(c->cpu, &c->operands[i].copy);
        tensor_free(c->cpu, &c->operands[i].before);
    }
    return c->status;
}

/* -- the table --------------------------------------------------------------
 */

/* EACH(m, a, b, ...): m(a), m(b), ... */
#define EACH_1(m, a)       m(a)
#define EACH_2(m, a, ...)  m(a), EACH_1(m, __VA_ARGS__)
#define EACH_3(m, a, ...)  m(a), EACH_2(m, __VA_ARGS__)
#define EACH_4(m, a, ...)  m(a), EACH_3(m, __VA_ARGS__)
#define EACH_5(m, a, ...)  m(a), EACH_4(m, __VA_ARGS__)
#define EACH_6(m, a, ...)  m(a), EACH_5(m, __VA_ARGS__)
#define EACH_7(m, a, ...)  m(a), EACH_6(m, __VA_ARGS__)
#define EACH_8(m, a, ...)  m(a), EACH_7(m, __VA_ARGS__)
#define EACH_9(m, a, ...)  m(a), EACH_8(m, __VA_ARGS__)
#define EACH_10(m, a, ...) m(a), EACH_9(m, __VA_ARGS__)
#define EACH_11(m, a, ...) m(a), EACH_10(m, __VA_ARGS__)
#define EACH_12(m, a, ...) m(a), EACH_11(m, __VA_ARGS__)
#define EACH_13(m, a, ...) m(a), EACH_12(m, __VA_ARGS__)
#define EACH_14(m, a, ...) m(a), EACH_13(m, __VA_ARGS__)
#define EACH_15(m, a, ...) m(a), EACH_14(m, __VA_ARGS__)
#define EACH_16(m, a, ...) m(a), EACH_15(m, __VA_ARGS__)
#define PICK(a1, a2, a3, a4, a5, a6, a7, a8, a9, a10, a11, a12, a13, a14, a15, \
             a16, name, ...)                                                   \
    name
#define EACH(m, ...)                                                           \
    PICK(__VA_ARGS__, EACH_16, EACH_15, EACH_14, EACH_13, EACH_12, EACH_11,    \
         EACH_10, EACH_9, EACH_8, EACH_7, EACH_6, EACH_5, EACH_4, EACH_3,      \
         EACH_2, EACH_1, )                                                     \
    (m, __VA_ARGS__)

/* What a parameter is follows from its type. */
#define NOTE(a)                                                                \
    _Generic((a),                                                              \
        tensor *: note_written,                                                \
        const tensor *: note_read,                                             \
        default: note_nothing)(&both, #a, &(a))
#define GIVEN(a)                                                               \
    _Generic((a),                                                              \
        drift_context *: both.cpu,                                                \
        tensor *: given(&both, &(a)),                                             \
        const tensor *: given(&both, &(a)),                                       \
        default: (a))
#define NOTE_ALL(...)  EACH(NOTE, __VA_ARGS__)
#define GIVEN_ALL(...) (EACH(GIVEN, __VA_ARGS__))

#define OP(name, params, args)                                                 \
    static drift_status compare_##name params                                  \
    {                                                                          \
        call both = begin(ctx, OP_##name);                                     \
        NOTE_ALL args;                                                         \
        while (next(&both))                                                    \
            both.status = both.stage == DEVICE                                 \
                              ? both.c->device->name args                      \
                              : both.cpu->backend->name GIVEN_ALL args;        \
        return end(&both);                                                     \
    }
#include "ops/ops.def"
#undef OP

/* -- opening and closing ----------------------------------------------------
 */

#define PREFIX "check: " /* of the device's name */

static void report(drift_context *ctx)
{
    const struct comparison *c = ctx->compare;
    size_t calls = 0, ops = 0;
    for (size_t i = 0; i < OP_COUNT; i++) {
        calls += c->calls[i];
        ops += c->calls[i] > 0;
    }
    if (calls)
        log_info(ctx, "check: %zu calls of %zu ops on %s; worst: %s", calls,
                 ops, ctx->device_text + sizeof PREFIX - 1,
                 *c->text ? c->text : "none, all bits are equal");
}

static void close_both(drift_context *ctx)
{
    struct comparison *c = ctx->compare;
    report(ctx);
    c->device->close(ctx);
    drift_context_close(c->cpu);
    mem_free(c);
    ctx->compare = NULL;
}

drift_status compare_open(drift_context *ctx)
{
    drift_status status = DRIFT_OK;
    char name[sizeof ctx->device_text];
    struct comparison *c = mem_alloc(ctx, 1, sizeof *c);
    if (!c)
        return DRIFT_ERROR_MEMORY;
    c->cpu = mem_alloc(ctx, 1, sizeof *c->cpu);
    if (!c->cpu) {
        status = DRIFT_ERROR_MEMORY;
        goto out;
    }
    c->cpu->threads = ctx->threads;
    status = cpu_open(c->cpu);
    if (status != DRIFT_OK)
        FAIL(ctx, status, "%s", drift_error_text(c->cpu));
    c->device = ctx->backend;
    c->table = *ctx->backend;
    c->table.close = close_both;
#define OP(name, params, args) c->table.name = compare_##name;
#include "ops/ops.def"
#undef OP
    snprintf(name, sizeof name, PREFIX "%.200s", ctx->device_text);
    memcpy(ctx->device_text, name, sizeof name);
    ctx->compare = c;
    ctx->backend = &c->table;
    c = NULL;
out:
    if (c) {
        drift_context_close(c->cpu);
        mem_free(c);
    }
    return status;
}
