/* The program test-ops: every op of ops.def, by table.
 *
 *     test-ops [--device DEVICE] [--small] [OP...]
 *     test-ops --list */
#include "harness.h"

#include <limits.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/threads.h"
#include "cpu/cpu.h"

#define MOST_OPERANDS  32
#define CANARY_COUNT   16
#define CANARY         -1.2345678e30f
#define FAILURES_SHOWN 5   /* an op */
#define SMALL          800 /* elements of a case that --small runs */

/* Up to this many elements each has its own finite difference. */
#define ALL_ELEMENTS 400
#define SAMPLED      40

/* Limits in units of eps * sqrt(terms) * (|want| + magnitude): above the first
 * a case warns, above the second it fails. */
#define WARN_AT 2.0
#define FAIL_AT 8.0

enum { INPUT, OUTPUT, UPDATE, GRADIENT };

static const int runs_threads[] = {1, 4};
#define RUNS 2

struct harness {
    drift_context *ctx;
    const char *op;
    uint64_t stream;
    operand *operands[MOST_OPERANDS];
    size_t count;
    operand *retired; /* of the op's cases before */
    char name[256];
    double step;
    int run;
    int small; /* leave larger cases out, and run each once */
    /* Of the op in hand. */
    int cases, failures, warnings, skipped;
    double worst; /* share of the limit */
};

/* -- messages ---------------------------------------------------------------
 */

static void say(harness *t, const char *kind, const char *fmt, va_list ap)
{
    printf("  %s %s (%s): ", kind, t->op, t->name);
    vprintf(fmt, ap);
    printf("\n");
}

void case_fail(harness *t, const char *why, ...)
{
    if (t->failures++ < FAILURES_SHOWN) {
        va_list ap;
        va_start(ap, why);
        say(t, "FAIL", why, ap);
        va_end(ap);
    }
}

void case_note(harness *t, const char *what, ...)
{
    va_list ap;
    va_start(ap, what);
    say(t, "note", what, ap);
    va_end(ap);
}

static DRIFT_PRINTF(2, 3) void warn(harness *t, const char *what, ...)
{
    t->warnings++;
    va_list ap;
    va_start(ap, what);
    say(t, "warn", what, ap);
    va_end(ap);
}

static void *need(void *p)
{
    if (!p) {
        fprintf(stderr, "test-ops: out of memory\n");
        exit(1);
    }
    return p;
}

static void need_ok(harness *t, drift_status status)
{
    if (status != DRIFT_OK) {
        fprintf(stderr, "test-ops: %s\n", drift_error_text(t->ctx));
        exit(1);
    }
}

/* -- random numbers ---------------------------------------------------------
 */

static uint64_t next(uint64_t *state)
{
    uint64_t z = (*state += 0x9E3779B97F4A7C15u);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
}

double case_random(harness *t, double low, double high)
{
    return low + (high - low) * (double)(next(&t->stream) >> 11) * 0x1p-53;
}

/* -- operands ---------------------------------------------------------------
 */

drift_context *case_context(harness *t)
{
    return t->ctx;
}

/* The case is over: the numbers go, the shapes stay for checks that follow. */
static void retire_operands(harness *t)
{
    for (size_t i = 0; i < t->count; i++) {
        operand *o = t->operands[i];
        tensor_free(t->ctx, &o->whole);
        o->t.block = NULL;
        free(o->block);
        free(o->first);
        free(o->host);
        free(o->want);
        free(o->along);
        o->block = o->first = o->host = NULL;
        o->index = NULL;
        o->want = o->along = NULL;
        o->next = t->retired;
        t->retired = o;
    }
    t->count = 0;
}

static void free_retired(harness *t)
{
    while (t->retired) {
        operand *o = t->retired;
        t->retired = o->next;
        free(o);
    }
}

void case_begin(harness *t, const char *name, ...)
{
    retire_operands(t);
    va_list ap;
    va_start(ap, name);
    vsnprintf(t->name, sizeof t->name, name, ap);
    va_end(ap);
    t->step = 1e-3;
    t->cases++;
}

static operand *operand_new(harness *t, dtype type, shape s, int role)
{
    if (t->count == MOST_OPERANDS) {
        fprintf(stderr, "test-ops: more than %d operands\n", MOST_OPERANDS);
        exit(1);
    }
    operand *o = need(calloc(1, sizeof *o));
    o->role = role;
    o->count = shape_count(s);
    o->terms = 1;
    /* Views begin at odd places every other time. */
    o->offset = CANARY_COUNT + (t->cases % 2 ? 3 * (t->count % 3) : 0);
    size_t whole = o->offset + o->count + CANARY_COUNT;
    need_ok(t, tensor_new(t->ctx, &o->whole, type, SHAPE(whole)));
    o->t = tensor_view(&o->whole, o->offset, s);
    o->block = need(calloc(whole, sizeof *o->block));
    o->first = need(calloc(whole, sizeof *o->first));
    o->host = need(calloc(o->count + 1, sizeof *o->host));
    o->index = (int *)(void *)o->host;
    o->want = need(calloc(o->count + 1, sizeof *o->want));
    for (size_t i = 0; i < whole; i++)
        o->block[i] = CANARY;
    t->operands[t->count++] = o;
    return o;
}

static operand *random_operand(harness *t, shape s, double low, double high,
                               int role)
{
    operand *o = operand_new(t, DTYPE_F32, s, role);
    for (size_t i = 0; i < o->count; i++)
        o->host[i] = (float)case_random(t, low, high);
    return o;
}

operand *case_input(harness *t, shape s, double low, double high)
{
    return random_operand(t, s, low, high, INPUT);
}

operand *case_update(harness *t, shape s, double low, double high)
{
    return random_operand(t, s, low, high, UPDATE);
}

operand *case_index(harness *t, shape s, int n)
{
    operand *o = operand_new(t, DTYPE_I32, s, INPUT);
    for (size_t i = 0; i < o->count; i++)
        o->index[i] = (int)case_random(t, 0, n);
    return o;
}

operand *case_output(harness *t, shape s)
{
    operand *o = operand_new(t, DTYPE_F32, s, OUTPUT);
    for (size_t i = 0; i < o->count; i++)
        o->host[i] = NAN;
    return o;
}

operand *case_index_output(harness *t, shape s)
{
    operand *o = operand_new(t, DTYPE_I32, s, OUTPUT);
    for (size_t i = 0; i < o->count; i++)
        o->index[i] = INT_MIN;
    o->terms = 0;
    return o;
}

operand *case_gradient(harness *t, shape s)
{
    return operand_new(t, DTYPE_F32, s, GRADIENT);
}

tensor *case_tensor(operand *o)
{
    return o ? &o->t : NULL;
}

/* -- the reference ----------------------------------------------------------
 */

static double *values(const operand *o)
{
    if (!o)
        return NULL;
    double *v = need(malloc((o->count + 1) * sizeof *v));
    for (size_t i = 0; i < o->count; i++)
        v[i] = o->t.type == DTYPE_I32 ? o->index[i] : (double)o->host[i];
    return v;
}

void case_reference(harness *t, case_function *f, const void *arg, size_t ny,
                    operand *const y[], size_t nx, operand *const x[])
{
    double *in[MOST_OPERANDS] = {0}, *out[MOST_OPERANDS] = {0};
    (void)t;
    for (size_t i = 0; i < ny; i++)
        out[i] = y[i] ? y[i]->want : NULL;
    for (size_t i = 0; i < nx; i++)
        in[i] = values(x[i]);
    f(out, (const double *const *)in, arg);
    for (size_t i = 0; i < nx; i++)
        free(in[i]);
}

void case_saved(operand *o)
{
    for (size_t i = 0; i < o->count; i++)
        o->host[i] = (float)o->want[i];
}

void case_drop(operand *o)
{
    for (size_t i = 0; i < o->count; i++)
        o->want[i] = NAN;
}

typedef struct loss {
    case_function *f;
    const void *arg;
    size_t ny;
    operand *const *dy;
    double *y[MOST_OPERANDS];
    double *x[MOST_OPERANDS];
} loss;

static double loss_value(loss *l)
{
    double sum = 0;
    l->f(l->y, (const double *const *)l->x, l->arg);
    for (size_t i = 0; i < l->ny; i++)
        for (size_t j = 0; l->dy[i] && j < l->dy[i]->count; j++)
            sum += (double)l->dy[i]->host[j] * l->y[i][j];
    return sum;
}

/* d loss / d s of x + s * along, along NULL = the unit vector of element at. */
static double slope_of(loss *l, double *x, size_t count, const double *along,
                       size_t at, double h)
{
    static const double factor[] = {-1, 8, -8, 1}, place[] = {2, 1, -1, -2};
    double sum = 0, old = along ? 0 : x[at];
    double *copy = NULL;
    if (along) {
        copy = need(malloc((count + 1) * sizeof *copy));
        memcpy(copy, x, count * sizeof *copy);
    }
    for (int k = 0; k < 4; k++) {
        if (along)
            for (size_t i = 0; i < count; i++)
                x[i] = copy[i] + place[k] * h * along[i];
        else
            x[at] = old + place[k] * h;
        sum += factor[k] * loss_value(l);
    }
    if (along)
        memcpy(x, copy, count * sizeof *copy);
    else
        x[at] = old;
    free(copy);
    return sum / (12 * h);
}

void case_gradients(harness *t, case_function *f, const void *arg, size_t ny,
                    operand *const dy[], size_t nx, operand *const x[],
                    size_t ndx, operand *const dx[])
{
    loss l = {.f = f, .arg = arg, .ny = ny, .dy = dy};
    for (size_t i = 0; i < ny; i++)
        l.y[i] = dy[i] ? need(calloc(dy[i]->count + 1, sizeof(double))) : NULL;
    for (size_t i = 0; i < nx; i++)
        l.x[i] = values(x[i]);
    for (size_t k = 0; k < ndx; k++) {
        operand *d = dx[k];
        if (!d)
            continue;
        if (d->count <= ALL_ELEMENTS) {
            for (size_t i = 0; i < d->count; i++)
                d->want[i] = slope_of(&l, l.x[k], d->count, NULL, i, t->step);
            continue;
        }
        d->along = need(malloc(d->count * sizeof(double)));
        for (size_t i = 0; i < d->count; i++) {
            d->along[i] = next(&t->stream) & 1 ? 1 : -1;
            d->want[i] = NAN;
        }
        /* All elements move at once, so each by less. */
        d->slope = slope_of(&l, l.x[k], d->count, d->along, 0, 0.1 * t->step);
        for (size_t i = 0; i < SAMPLED; i++) {
            size_t at = next(&t->stream) % d->count;
            if (isnan(d->want[at]))
                d->want[at] = slope_of(&l, l.x[k], d->count, NULL, at, t->step);
        }
    }
    for (size_t i = 0; i < ny; i++)
        free(l.y[i]);
    for (size_t i = 0; i < nx; i++)
        free(l.x[i]);
}

void case_step(harness *t, double step)
{
    t->step = step;
}

/* -- running ----------------------------------------------------------------
 */

/* Root mean square of the numbers wanted. */
static double rms(const operand *o)
{
    double sum = 0;
    size_t n = 0;
    for (size_t i = 0; i < o->count; i++)
        if (isfinite(o->want[i])) {
            sum += o->want[i] * o->want[i];
            n++;
        }
    return n ? sqrt(sum / (double)n) : 0;
}

void case_start(harness *t)
{
    t->run = 0;
    for (size_t i = 0; i < t->count; i++) {
        operand *o = t->operands[i];
        double size = o->role == GRADIENT ? rms(o) : 0;
        for (size_t j = 0; o->role == GRADIENT && j < o->count; j++)
            o->host[j] = (float)case_random(t, -size, size);
        memcpy(o->block + o->offset, o->host, o->count * sizeof *o->host);
    }
}

/* The runs once more with gradients that have no content yet: NaN, counted as
 * zeros. 0 when the case has no gradient. */
static int make_fresh(harness *t)
{
    int any = 0;
    for (size_t i = 0; i < t->count; i++) {
        operand *o = t->operands[i];
        if (o->role != GRADIENT)
            continue;
        any = o->t.fresh = 1;
        for (size_t j = 0; j < o->count; j++) {
            o->host[j] = 0;
            o->block[o->offset + j] = NAN;
        }
    }
    return any;
}

static int too_large(const harness *t)
{
    size_t elements = 0;
    for (size_t i = 0; i < t->count; i++)
        elements += t->operands[i]->count;
    return t->small && elements > SMALL;
}

int case_small(const harness *t)
{
    return t->small;
}

int case_again(harness *t)
{
    if (t->small && t->run % RUNS)
        t->run++;
    if (t->run == 0 && too_large(t)) {
        t->skipped++;
        return 0;
    }
    if (t->run == 2 * RUNS || (t->run == RUNS && !make_fresh(t)))
        return 0;
    t->ctx->threads = runs_threads[t->run % RUNS];
    for (size_t i = 0; i < t->count; i++)
        need_ok(t, tensor_write(t->ctx, &t->operands[i]->whole,
                                t->operands[i]->block));
    return 1;
}

static int same_bits(const float *a, const float *b, size_t n)
{
    return !memcmp(a, b, n * sizeof *a);
}

static int is_float(const operand *o)
{
    return o->t.type == DTYPE_F32;
}

/* Compare an output with its reference; position i is the i-th operand. */
static void compare(harness *t, const operand *o, size_t position,
                    const float *got)
{
    double magnitude = o->magnitude > 0 ? o->magnitude : rms(o);
    double worst = 0, worst_got = 0, worst_want = 0;
    size_t at = 0;
    double along = 0, along_limit = 0;
    for (size_t i = 0; i < o->count; i++) {
        double start = o->role == GRADIENT ? (double)o->host[i] : 0;
        int number;
        memcpy(&number, got + i, sizeof number);
        double g = is_float(o) ? (double)got[i] : number;
        double want = start + o->want[i];
        double size = fabs(o->want[i]) + fabs(start) + magnitude;
        double share;
        if (o->along) {
            along += o->along[i] * (g - start);
            along_limit += fabs(start) + magnitude;
        }
        if (isnan(o->want[i]) && o->role == GRADIENT)
            share = isnan(g) ? INFINITY : 0;
        else if (isnan(o->want[i]))
            share = 0;
        else if (o->terms == 0)
            share =
                g == (is_float(o) ? (double)(float)want : want) ? 0 : INFINITY;
        else if (g == want) /* infinite ones too */
            share = 0;
        else
            share = fabs(g - want) / (FAIL_AT * EPS * sqrt(o->terms) * size);
        if (!(share <= worst)) {
            worst = isnan(share) ? INFINITY : share;
            at = i;
            worst_got = g;
            worst_want = want;
        }
    }
    if (worst > 1)
        case_fail(t,
                  "operand %zu: element %zu is %.9g, wanted %.9g: %.0f %% of "
                  "the limit",
                  position, at, worst_got, worst_want, 100 * worst);
    else if (worst > WARN_AT / FAIL_AT)
        warn(t,
             "operand %zu: element %zu is %.9g, wanted %.9g: %.0f %% of the "
             "limit",
             position, at, worst_got, worst_want, 100 * worst);
    if (worst > t->worst)
        t->worst = worst;
    if (o->along) {
        /* Rounding errors of the elements, taken as independent. */
        double limit = FAIL_AT * EPS * sqrt(o->terms) *
                       (along_limit / sqrt((double)o->count) + fabs(o->slope));
        double share = fabs(along - o->slope) / limit;
        if (!(share <= 1))
            case_fail(t,
                      "operand %zu: gradient along a random direction is "
                      "%.9g, wanted %.9g: %.0f %% of the limit",
                      position, along, o->slope, 100 * share);
    }
}

void case_ran(harness *t, drift_status status)
{
    size_t run = (size_t)t->run++ % RUNS;
    if (status != DRIFT_OK) {
        case_fail(t, "%s (status %d)", drift_error_text(t->ctx), (int)status);
        drift_error_clear(t->ctx);
        return;
    }
    need_ok(t, t->ctx->backend->finish(t->ctx));
    for (size_t i = 0; i < t->count; i++) {
        operand *o = t->operands[i];
        size_t whole = tensor_count(&o->whole);
        size_t end = o->offset + o->count;
        float *got = need(malloc(whole * sizeof *got));
        need_ok(t, tensor_read(t->ctx, &o->whole, got));
        if (!same_bits(got, o->block, o->offset) ||
            !same_bits(got + end, o->block + end, whole - end))
            case_fail(t, "operand %zu: written beyond its ends", i);
        if (o->role == INPUT) {
            if (!same_bits(got, o->block, whole))
                case_fail(t, "operand %zu: an input was changed", i);
        } else if (run == 0) {
            memcpy(o->first, got, whole * sizeof *got);
            compare(t, o, i, got + o->offset);
        } else if (!same_bits(got, o->first, whole)) {
            case_fail(t, "operand %zu: %d threads give other bits than %d", i,
                      runs_threads[run], runs_threads[0]);
        }
        free(got);
    }
}

void case_rejected(harness *t, drift_status code, drift_status got)
{
    if (got != code)
        case_fail(t, "status %d where %d was due (%s)", (int)got, (int)code,
                  drift_error_text(t->ctx));
    else if (!*drift_error_text(t->ctx))
        case_fail(t, "an error without a text");
    drift_error_clear(t->ctx);
}

/* -- the table --------------------------------------------------------------
 */

static const struct {
    const char *name;
    void (*test)(harness *t);
} table[] = {
#define OP(name, params, args) {#name, test_##name},
#include "ops/ops.def"
#undef OP
};

/* Each op has its own stream, so that it behaves the same when run alone. */
static uint64_t stream_of(const char *name)
{
    uint64_t h = 0xcbf29ce484222325u;
    for (; *name; name++)
        h = (h ^ (unsigned char)*name) * 0x100000001b3u;
    return h;
}

static int run_op(harness *t, size_t op)
{
    t->op = table[op].name;
    t->stream = stream_of(t->op);
    t->cases = t->failures = t->warnings = t->skipped = 0;
    t->worst = 0;
    snprintf(t->name, sizeof t->name, "before the first case");
    double begin = clock_seconds();
    table[op].test(t);
    retire_operands(t);
    free_retired(t);
    if (t->cases == 0)
        case_fail(t, "the test has no case");
    int passed = !t->failures;
    printf("%s %s: %d cases, %d warnings, worst %.0f %% of the limit, "
           "%.2f s\n",
           passed ? "ok" : "FAIL", t->op, t->cases, t->warnings, 100 * t->worst,
           clock_seconds() - begin);
    if (t->failures > FAILURES_SHOWN)
        printf("  ... %d failures in all\n", t->failures);
    if (t->skipped)
        printf("  %d larger cases left out\n", t->skipped);
    fflush(stdout);
    return passed;
}

int main(int argc, char **argv)
{
    harness t = {0};
    drift_options options = {.device = "cpu"};
    int passed = 0, failed = 0, named = 0;
    for (int i = 1; i < argc; i++) {
        if (!strcmp(argv[i], "--device") && i + 1 < argc) {
            options.device = argv[++i];
        } else if (!strcmp(argv[i], "--small")) {
            t.small = 1;
        } else if (!strcmp(argv[i], "--list") && argc == 2) {
            for (size_t op = 0; op < OP_COUNT; op++)
                printf("%s\n", table[op].name);
            return 0;
        } else if (argv[i][0] == '-') {
            fprintf(stderr, "usage: test-ops [--device DEVICE] [--small] "
                            "[OP...]\n");
            return 2;
        } else {
            named++;
        }
    }
    pool_poison(1);
    if (drift_context_open(&t.ctx, &options) != DRIFT_OK) {
        fprintf(stderr, "test-ops: %s\n", drift_error_text(t.ctx));
        drift_context_close(t.ctx);
        return 3;
    }
    printf("device: %s\n", drift_context_device(t.ctx));
    for (int i = 1; i < argc; i++) {
        size_t op = 0;
        if (!strcmp(argv[i], "--device")) {
            i++;
            continue;
        }
        if (argv[i][0] == '-')
            continue;
        while (op < OP_COUNT && strcmp(table[op].name, argv[i]))
            op++;
        if (op == OP_COUNT) {
            fprintf(stderr, "test-ops: there is no op '%s'\n", argv[i]);
            failed++;
        } else if (run_op(&t, op)) {
            passed++;
        } else {
            failed++;
        }
    }
    for (size_t op = 0; !named && op < OP_COUNT; op++) {
        if (run_op(&t, op))
            passed++;
        else
            failed++;
    }
    drift_context_close(t.ctx);
    printf("%d passed, %d failed\n", passed, failed);
    return failed != 0;
}
