/* Banks: see bank.h. */
#include "drift/bank.h"

#include <string.h>

#include "base/mem.h"

static drift_status rings_new(drift_context *ctx, rings *r, int classes)
{
    size_t n = (size_t)classes;
    r->classes = classes;
    r->start = mem_alloc(ctx, n + 1, sizeof *r->start);
    r->position = mem_alloc(ctx, n, sizeof *r->position);
    r->count = mem_alloc(ctx, n, sizeof *r->count);
    return r->start && r->position && r->count ? DRIFT_OK : DRIFT_ERROR_MEMORY;
}

/* Slots for the sizes that start[] tells. */
static drift_status rings_slots(drift_context *ctx, rings *r)
{
    r->index = mem_alloc(ctx, r->start[r->classes], sizeof *r->index);
    return r->index ? DRIFT_OK : DRIFT_ERROR_MEMORY;
}

static void rings_free(rings *r)
{
    mem_free(r->start);
    mem_free(r->index);
    mem_free(r->position);
    mem_free(r->count);
}

void bank_free(bank *b)
{
    if (!b)
        return;
    rings_free(&b->by_class);
    rings_free(&b->all);
    mem_free(b->batch);
    mem_free(b->drawn);
    mem_free(b);
}

static drift_status bank_open(drift_context *ctx, int classes, bank **out)
{
    drift_status status = DRIFT_OK;
    if (classes < 1)
        FAIL(ctx, DRIFT_ERROR_SHAPE, "bank: %d classes", classes);
    bank *b = *out = mem_alloc(ctx, 1, sizeof *b);
    if (!b)
        return DRIFT_ERROR_MEMORY;
    b->ctx = ctx;
    TRY(rings_new(ctx, &b->by_class, classes));
    TRY(rings_new(ctx, &b->all, 1));
out:
    return status;
}

/* Memory for the slots and for the marks of the largest ring. */
static drift_status bank_slots(bank *b)
{
    drift_status status = DRIFT_OK;
    const size_t *start = b->by_class.start;
    size_t most = b->all.start[1];
    for (int c = 0; c < b->by_class.classes; c++)
        if (start[c + 1] - start[c] > most)
            most = start[c + 1] - start[c];
    TRY(rings_slots(b->ctx, &b->by_class));
    TRY(rings_slots(b->ctx, &b->all));
    b->drawn = mem_alloc(b->ctx, most, 1);
    if (!b->drawn)
        status = DRIFT_ERROR_MEMORY;
out:
    return status;
}

drift_status bank_new(drift_context *ctx, int classes, size_t per_class,
                      size_t unconditional, bank **out)
{
    drift_status status = DRIFT_OK;
    *out = NULL;
    if (!per_class || !unconditional)
        FAIL(ctx, DRIFT_ERROR_SHAPE, "bank: a ring without slots");
    TRY(bank_open(ctx, classes, out));
    bank *b = *out;
    b->by_class.size = per_class;
    b->all.size = unconditional;
    for (int c = 0; c < classes; c++)
        b->by_class.start[c + 1] = (size_t)(c + 1) * per_class;
    b->all.start[1] = unconditional;
    TRY(bank_slots(b));
out:
    if (status != DRIFT_OK) {
        bank_free(*out);
        *out = NULL;
    }
    return status;
}

static drift_status check_label(bank *b, int label)
{
    if (label < 0 || label >= b->by_class.classes)
        return ERROR(b->ctx, DRIFT_ERROR_FORMAT,
                     "label %d is not within 0 and %d", label,
                     b->by_class.classes - 1);
    return DRIFT_OK;
}

drift_status bank_new_whole(drift_context *ctx, int classes, const int *labels,
                            size_t count, bank **out)
{
    drift_status status = DRIFT_OK;
    *out = NULL;
    TRY(bank_open(ctx, classes, out));
    bank *b = *out;
    rings *r = &b->by_class;
    b->whole = 1;
    for (size_t i = 0; i < count; i++) {
        TRY(check_label(b, labels[i]));
        r->start[labels[i] + 1]++;
    }
    for (int c = 0; c < classes; c++) {
        if (!r->start[c + 1])
            FAIL(ctx, DRIFT_ERROR_FORMAT, "class %d has no sample", c);
        r->start[c + 1] += r->start[c];
    }
    b->all.start[1] = count;
    TRY(bank_slots(b));
    for (size_t i = 0; i < count; i++) {
        int c = labels[i];
        r->index[r->start[c] + (size_t)r->count[c]++] = (int64_t)i;
        b->all.index[i] = (int64_t)i;
    }
    b->all.count[0] = (int64_t)count;
out:
    if (status != DRIFT_OK) {
        bank_free(*out);
        *out = NULL;
    }
    return status;
}

static void ring_push(rings *r, int c, int64_t index)
{
    int64_t size = (int64_t)r->size;
    r->index[r->start[c] + (size_t)r->position[c]] = index;
    r->position[c] = (r->position[c] + 1) % size;
    if (r->count[c] < size)
        r->count[c]++;
}

drift_status bank_push(bank *b, const int64_t *index, const int *label,
                       size_t count)
{
    drift_status status = DRIFT_OK;
    if (b->whole)
        FAIL(b->ctx, DRIFT_ERROR_USAGE,
             "bank: nothing can be pushed, it holds the whole set");
    for (size_t i = 0; i < count; i++)
        TRY(check_label(b, label[i]));
    if (count > b->batch_room) {
        int *more = mem_resize(b->ctx, b->batch, count, sizeof *more);
        if (!more)
            return DRIFT_ERROR_MEMORY;
        b->batch = more;
        b->batch_room = count;
    }
    memcpy(b->batch, label, count * sizeof *label);
    b->batch_count = count;
    for (size_t i = 0; i < count; i++) {
        ring_push(&b->by_class, label[i], index[i]);
        ring_push(&b->all, 0, index[i]);
    }
out:
    return status;
}

/* Shuffle the first n of `count` labels to the front (Fisher and Yates). */
static void shuffle(rng_stream s, uint64_t first, int *labels, size_t count,
                    size_t n)
{
    for (size_t i = 0; i < n; i++) {
        size_t j = i + rng_below(s, first + i, (uint32_t)(count - i));
        int swap = labels[i];
        labels[i] = labels[j];
        labels[j] = swap;
    }
}

drift_status bank_labels(bank *b, rng_stream stream, int *out, size_t n)
{
    drift_status status = DRIFT_OK;
    size_t count = b->whole ? (size_t)b->by_class.classes : b->batch_count;
    int *labels = NULL;
    if (!b->whole && n > count)
        FAIL(b->ctx, DRIFT_ERROR_USAGE,
             "%zu classes a step cannot be drawn from a batch of %zu", n,
             count);
    labels = mem_alloc(b->ctx, count, sizeof *labels);
    if (!labels)
        return DRIFT_ERROR_MEMORY;
    for (size_t at = 0; at < n; at += count) {
        size_t part = n - at < count ? n - at : count;
        for (size_t i = 0; i < count; i++)
            labels[i] = b->whole ? (int)i : b->batch[i];
        shuffle(stream, at, labels, count, part);
        memcpy(out + at, labels, part * sizeof *out);
    }
out:
    mem_free(labels);
    return status;
}

/* With enough samples: Floyd's draw of a subset, one word each; its order is
 * not random and does not matter to the field. */
static drift_status draw(bank *b, const rings *r, int c, rng_stream s,
                         uint64_t first, int64_t *out, size_t n)
{
    drift_status status = DRIFT_OK;
    size_t count = (size_t)r->count[c];
    const int64_t *slots = r->index + r->start[c];
    if (!count)
        FAIL(b->ctx, DRIFT_ERROR_FORMAT,
             r == &b->all ? "the bank is empty"
                          : "class %d has no sample in the bank",
             c);
    if (count < n) {
        for (size_t i = 0; i < n; i++)
            out[i] = slots[rng_below(s, first + i, (uint32_t)count)];
        return DRIFT_OK;
    }
    for (size_t i = 0, j = count - n; j < count; i++, j++) {
        size_t slot = rng_below(s, first + i, (uint32_t)(j + 1));
        if (b->drawn[slot])
            slot = j;
        b->drawn[slot] = 1;
        out[i] = (int64_t)slot;
    }
    for (size_t i = 0; i < n; i++) {
        b->drawn[out[i]] = 0;
        out[i] = slots[out[i]];
    }
out:
    return status;
}

drift_status bank_positives(bank *b, int c, rng_stream stream, uint64_t first,
                            int64_t *out, size_t n)
{
    drift_status status = check_label(b, c);
    return status != DRIFT_OK ? status
                              : draw(b, &b->by_class, c, stream, first, out, n);
}

drift_status bank_negatives(bank *b, rng_stream stream, uint64_t first,
                            int64_t *out, size_t n)
{
    return draw(b, &b->all, 0, stream, first, out, n);
}
