/* TensorBoard event files: written, then read back byte by byte. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "train/events.h"

static drift_context *ctx;
static char folder[64];

static int setup(void **state)
{
    (void)state;
    snprintf(folder, sizeof folder, "events.XXXXXX");
    return drift_context_open(&ctx, NULL) != DRIFT_OK || !mkdtemp(folder);
}

static int teardown(void **state)
{
    (void)state;
    drift_context_close(ctx);
    return rmdir(folder);
}

static uint64_t read_fixed(const unsigned char *p, size_t size)
{
    uint64_t value = 0;
    for (size_t i = 0; i < size; i++)
        value |= (uint64_t)p[i] << 8 * i;
    return value;
}

/* A protobuf message being read. */
typedef struct reader {
    const unsigned char *p, *end;
} reader;

static uint64_t read_varint(reader *r)
{
    uint64_t value = 0;
    for (int shift = 0;; shift += 7) {
        assert_true(r->p < r->end);
        value |= (uint64_t)(*r->p & 0x7f) << shift;
        if (!(*r->p++ & 0x80))
            return value;
    }
}

/* The next field must have this number and kind; its length-delimited content,
 * or the fixed-size bytes. */
static reader read_field(reader *r, unsigned field, unsigned kind)
{
    static const size_t fixed[] = {[1] = 8, [5] = 4};
    assert_int_equal(read_varint(r), field << 3 | kind);
    size_t size = kind == 2 ? (size_t)read_varint(r) : fixed[kind];
    assert_true(size <= (size_t)(r->end - r->p));
    reader inner = {r->p, r->p + size};
    r->p += size;
    return inner;
}

static void expect_text(reader r, const char *text)
{
    assert_int_equal(r.end - r.p, strlen(text));
    assert_memory_equal(r.p, text, strlen(text));
}

/* The next record's message; the checksums must be right. */
static reader read_record(reader *file)
{
    const unsigned char *p = file->p;
    assert_true(file->end - p >= 16);
    size_t size = (size_t)read_fixed(p, 8);
    assert_int_equal(read_fixed(p + 8, 4), events_checksum(p, 8));
    assert_true((size_t)(file->end - p) >= size + 16);
    assert_int_equal(read_fixed(p + 12 + size, 4),
                     events_checksum(p + 12, size));
    file->p += size + 16;
    reader message = {p + 12, p + 12 + size};
    (void)read_field(&message, 1, 1); /* wall_time */
    return message;
}

static void expect_scalar(reader *summary, const char *tag, float value)
{
    reader r = read_field(summary, 1, 2);
    expect_text(read_field(&r, 1, 2), tag);
    reader number = read_field(&r, 2, 5);
    uint32_t bits = (uint32_t)read_fixed(number.p, 4);
    float got;
    memcpy(&got, &bits, sizeof got);
    assert_true(got == value);
    assert_ptr_equal(r.p, r.end);
}

static void test_checksum(void **state)
{
    (void)state;
    /* CRC-32C of "123456789" is e3069283; masked as TFRecord asks. */
    uint32_t crc = 0xe3069283;
    assert_int_equal(events_checksum("123456789", 9),
                     (uint32_t)((crc >> 15 | crc << 17) + 0xa282ead8));
}

static void test_file(void **state)
{
    events *e;
    char **names, path[256];
    size_t count;
    file_view view;
    unsigned char pixels[12] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};
    image img = {2, 2, 3, pixels};
    char longest[300];
    (void)state;
    memset(longest, 'x', sizeof longest - 1);
    longest[sizeof longest - 1] = 0;
    assert_int_equal(events_open(ctx, folder, &e), DRIFT_OK);
    events_begin(e, 300);
    events_scalar(e, "loss", 0.1);
    events_scalar(e, longest, -2);
    assert_int_equal(events_end(e), DRIFT_OK);
    events_begin(e, 1LL << 40);
    events_image(e, "samples", &img);
    assert_int_equal(events_end(e), DRIFT_OK);
    events_begin(e, 0); /* nothing but its step */
    assert_int_equal(events_end(e), DRIFT_OK);
    events_close(e);

    assert_int_equal(file_list(ctx, folder, &names, &count), DRIFT_OK);
    assert_int_equal(count, 1);
    assert_non_null(strstr(names[0], "tfevents"));
    snprintf(path, sizeof path, "%s/%s", folder, names[0]);
    file_list_free(names, count);
    assert_int_equal(file_open_view(ctx, path, &view), DRIFT_OK);
    reader file = {view.data, view.data + view.size};

    reader r = read_record(&file);
    expect_text(read_field(&r, 3, 2), "brain.Event:2");

    r = read_record(&file);
    assert_int_equal(read_varint(&r), 2 << 3);
    assert_int_equal(read_varint(&r), 300);
    reader summary = read_field(&r, 5, 2);
    assert_ptr_equal(r.p, r.end);
    expect_scalar(&summary, "loss", 0.1f);
    expect_scalar(&summary, longest, -2);
    assert_ptr_equal(summary.p, summary.end);

    r = read_record(&file);
    assert_int_equal(read_varint(&r), 2 << 3);
    assert_true(read_varint(&r) == 1ULL << 40);
    summary = read_field(&r, 5, 2);
    reader value = read_field(&summary, 1, 2);
    expect_text(read_field(&value, 1, 2), "samples");
    reader picture = read_field(&value, 4, 2);
    assert_ptr_equal(value.p, value.end);
    static const unsigned sizes[] = {2, 2, 3}; /* height, width, channels */
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(read_varint(&picture), (i + 1) << 3);
        assert_int_equal(read_varint(&picture), sizes[i]);
    }
    reader png = read_field(&picture, 4, 2);
    assert_ptr_equal(picture.p, picture.end);
    image back;
    assert_int_equal(
        image_decode(ctx, "event", png.p, (size_t)(png.end - png.p), &back),
        DRIFT_OK);
    assert_memory_equal(back.pixels, pixels, sizeof pixels);
    image_free(&back);

    r = read_record(&file);
    assert_ptr_equal(file.p, file.end);
    file_close_view(&view);
    unlink(path);
}

/* Each start has a file of its own, even within a second. */
static void test_two_starts(void **state)
{
    events *first, *second;
    char **names, path[256];
    size_t count;
    (void)state;
    assert_int_equal(events_open(ctx, folder, &first), DRIFT_OK);
    assert_int_equal(events_open(ctx, folder, &second), DRIFT_OK);
    events_close(first);
    events_close(second);
    assert_int_equal(file_list(ctx, folder, &names, &count), DRIFT_OK);
    assert_int_equal(count, 2);
    for (size_t i = 0; i < count; i++) {
        snprintf(path, sizeof path, "%s/%s", folder, names[i]);
        unlink(path);
    }
    file_list_free(names, count);
}

static void test_errors(void **state)
{
    events *e = NULL;
    char **names, path[256];
    size_t count;
    (void)state;
    assert_int_equal(events_open(ctx, "/nowhere", &e), DRIFT_ERROR_IO);
    assert_null(e);
    assert_non_null(strstr(drift_error_text(ctx), "/nowhere"));
    drift_error_clear(ctx);
    assert_int_equal(events_open(ctx, folder, &e), DRIFT_OK);
    mem_fail_after(1); /* an event without memory fails, the next is whole */
    events_begin(e, 1);
    events_scalar(e, "loss", 1);
    assert_int_equal(events_end(e), DRIFT_ERROR_MEMORY);
    mem_fail_after(0);
    drift_error_clear(ctx);
    events_begin(e, 2);
    events_scalar(e, "loss", 1);
    assert_int_equal(events_end(e), DRIFT_OK);
    events_close(e);
    assert_int_equal(file_list(ctx, folder, &names, &count), DRIFT_OK);
    snprintf(path, sizeof path, "%s/%s", folder, names[0]);
    unlink(path);
    file_list_free(names, count);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_checksum),
        cmocka_unit_test(test_file),
        cmocka_unit_test(test_two_starts),
        cmocka_unit_test(test_errors),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
