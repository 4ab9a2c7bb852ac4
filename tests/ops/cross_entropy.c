/* cross_entropy: -log softmax of each row at its label, and its gradient. */
#include "harness.h"

#include <math.h>

typedef struct sizes {
    size_t n, k;
    int skip_self;
    double smoothing, size; /* of the logits */
    const int *label;
} sizes;

/* loss and hit from the logits. */
static void formula(double *const y[], const double *const x[], const void *arg)
{
    const sizes *s = arg;
    for (size_t r = 0; r < s->n; r++) {
        const double *z = x[0] + r * s->k, own = z[s->label[r]];
        size_t label = (size_t)s->label[r];
        double rest = 0, apart = 0, columns = 0;
        int hit = 1;
        for (size_t j = 0; j < s->k; j++) {
            if (s->skip_self && j == r)
                continue;
            columns++;
            rest += j == label ? 0 : exp(z[j] - own);
            apart += own - z[j];
            hit &= j == label || (j < label ? z[j] < own : z[j] <= own);
        }
        y[0][r] = log1p(rest) + s->smoothing * apart / columns;
        if (y[1])
            y[1][r] = hit;
    }
}

/* Rows of 1, primes, more than a row's items; and a sure network. */
static const sizes cases[] = {
    {1, 1, 0, 0, 2, NULL},      {1, 2, 0, 0, 2, NULL},
    {7, 10, 0, .1, 3, NULL},    {67, 13, 0, 0, 2, NULL},
    {3, 1000, 0, .1, 4, NULL},  {5, 5003, 0, 0, 4, NULL},
    {301, 11, 0, .25, 1, NULL}, {2, 2, 1, 0, 2, NULL},
    {13, 13, 1, 0, 3, NULL},    {66, 66, 1, .1, 2, NULL},
    {19, 10, 0, 0, 15, NULL},   {128, 128, 1, 0, 10, NULL}};
#define CASES (sizeof cases / sizeof *cases)

static operand *labels_of(harness *t, sizes *s)
{
    operand *labels = case_index(t, SHAPE(s->n), (int)s->k);
    for (size_t r = 0; s->skip_self && r < s->n; r++)
        if ((size_t)labels->index[r] == r)
            labels->index[r] = (int)((r + 1) % s->k);
    s->label = labels->index;
    return labels;
}

static drift_status run(drift_context *ctx, operand *loss, operand *hit,
                        operand *dlogits, operand *logits, operand *labels,
                        float factor, const sizes *s)
{
    return op_cross_entropy(ctx, T(loss), T(hit), T(dlogits), T(logits),
                            T(labels), factor, (float)s->smoothing,
                            s->skip_self);
}

static void run_case(harness *t, sizes s, int wanted, double sure)
{
    drift_context *ctx = case_context(t);
    const float factor = -.75f;
    shape map = SHAPE(s.n, s.k), row = SHAPE(s.n);
    case_begin(t, "%zux%zu, smoothing %g%s, sure %g, outputs %d", s.n, s.k,
               s.smoothing, s.skip_self ? ", without itself" : "", sure,
               wanted);
    operand *loss = case_output(t, row);
    operand *hit = wanted & 1 ? case_output(t, row) : NULL;
    operand *dlogits = wanted & 2 ? case_output(t, map) : NULL;
    operand *logits = case_input(t, map, -s.size, s.size);
    operand *labels = labels_of(t, &s);
    operand *dloss = case_input(t, row, 0, 1);
    for (size_t r = 0; r < s.n; r++) {
        dloss->host[r] = factor;
        logits->host[r * s.k + (size_t)labels->index[r]] += (float)sure;
    }
    s.smoothing = (double)(float)s.smoothing;
    case_reference(t, formula, &s, LIST(loss, hit), LIST(logits));
    loss->terms = 16 + sqrt((double)s.k);
    if (sure == 0 || s.smoothing > 0) /* the size of what is subtracted */
        loss->magnitude = fmax(1, s.size + sure);
    if (hit)
        hit->terms = 0;
    if (dlogits) {
        case_gradients(t, formula, &s, LIST(dloss, NULL), LIST(logits),
                       LIST(dlogits));
        dlogits->terms = 16 + sqrt((double)s.k);
    }
    CASE_RUN(t, run(ctx, loss, hit, dlogits, logits, labels, factor, &s));
}

/* A label with an equal before it or beside it, and no number anywhere. */
static void run_ties(harness *t)
{
    drift_context *ctx = case_context(t);
    static const float z[] = {1, 2, 2, 0, /**/ 2,   2, 1, 0, /**/
                              3, 1, 2, 1, /**/ NAN, 1, 2, 0};
    static const int label[] = {2, 0, 2, 2};
    static const double want[2][4] = {{0, 1, 0, 0}, {0, 1, 0, 0}};
    for (int skip_self = 0; skip_self < 2; skip_self++) {
        sizes s = {4, 4, skip_self, 0, 1, label};
        case_begin(t, "ties%s", skip_self ? ", without itself" : "");
        operand *loss = case_output(t, SHAPE(4));
        operand *hit = case_output(t, SHAPE(4));
        operand *logits = case_input(t, SHAPE(4, 4), 0, 1);
        operand *labels = case_index(t, SHAPE(4), 4);
        for (int i = 0; i < 16; i++)
            logits->host[i] = z[i];
        for (int i = 0; i < 4; i++) {
            labels->index[i] = label[i];
            hit->want[i] = want[skip_self][i];
            loss->want[i] = NAN;
        }
        if (skip_self) { /* 1 of row 1, 0 of row 0: left out */
            labels->index[1] = 0;
            labels->index[2] = 3;
        }
        hit->terms = 0;
        CASE_RUN(t, run(ctx, loss, hit, NULL, logits, labels, 1, &s));
    }
}

static void run_wrong(harness *t, int wrong, int skip_self)
{
    drift_context *ctx = case_context(t);
    sizes s = {4, 4, skip_self, 0, 1, NULL};
    case_begin(t, "label %d of 4%s", wrong,
               skip_self ? " in row 2, without itself" : "");
    operand *loss = case_output(t, SHAPE(4));
    operand *logits = case_input(t, SHAPE(4, 4), -1, 1);
    operand *labels = labels_of(t, &s);
    labels->index[2] = wrong;
    if (tensor_write(ctx, T(labels), labels->index) != DRIFT_OK ||
        tensor_write(ctx, T(logits), logits->host) != DRIFT_OK)
        case_fail(t, "no memory");
    drift_status got = run(ctx, loss, NULL, NULL, logits, labels, 1, &s);
    if (got == DRIFT_OK)
        got = tensor_read(ctx, T(loss), loss->host);
    case_rejected(t, DRIFT_ERROR_SHAPE, got);
    if (tensor_read(ctx, T(loss), loss->host) != DRIFT_OK)
        case_fail(t, "an error told twice");
}

void test_cross_entropy(harness *t)
{
    drift_context *ctx = case_context(t);
    for (size_t i = 0; i < CASES; i++)
        for (int wanted = 0; wanted < 4; wanted++)
            run_case(t, cases[i], wanted, 0);
    run_case(t, cases[2], 3, 20);
    run_case(t, cases[3], 3, 12);
    run_case(t, cases[8], 3, 15);
    run_ties(t);
    run_wrong(t, -1, 0);
    run_wrong(t, 4, 0);
    run_wrong(t, 2, 1);

    case_begin(t, "invalid shapes");
    sizes plain = {2, 3, 0, 0, 1, NULL}, self = {2, 3, 1, 0, 1, NULL};
    sizes smooth = {2, 3, 0, 1.5, 1, NULL};
    operand *loss = case_output(t, SHAPE(2));
    operand *hit = case_output(t, SHAPE(3));
    operand *dlogits = case_output(t, SHAPE(3, 2));
    operand *logits = case_input(t, SHAPE(2, 3), -1, 1);
    operand *flat = case_input(t, SHAPE(2), -1, 1);
    operand *labels = case_index(t, SHAPE(2), 3);
    operand *more = case_index(t, SHAPE(3), 3);
    CASE_REJECTED(t, run(ctx, loss, hit, NULL, logits, labels, 1, &plain));
    CASE_REJECTED(t, run(ctx, hit, NULL, NULL, logits, labels, 1, &plain));
    CASE_REJECTED(t, run(ctx, loss, NULL, dlogits, logits, labels, 1, &plain));
    CASE_REJECTED(t, run(ctx, loss, NULL, NULL, flat, labels, 1, &plain));
    CASE_REJECTED(t, run(ctx, loss, NULL, NULL, logits, more, 1, &plain));
    CASE_REJECTED(t, run(ctx, loss, NULL, NULL, logits, flat, 1, &plain));
    CASE_REJECTED(t, run(ctx, loss, NULL, NULL, logits, labels, 1, &self));
    CASE_REJECTED(t, run(ctx, loss, NULL, NULL, logits, labels, 1, &smooth));
}
