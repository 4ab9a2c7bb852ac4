/* Data sets: every source opened and compared with what was written, every
 * kind of bad input with its error. The test makes its files itself. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include <archive.h>
#include <archive_entry.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/threads.h"
#include "data/data.h"
#include "formats/image.h"
#include "formats/npy.h"

static drift_context *ctx;
static char start[4096]; /* where the program was started */
static char folder[64];

/* Each test runs in an empty folder of its own. */
static int setup(void **state)
{
    (void)state;
    snprintf(folder, sizeof folder, "data.XXXXXX");
    return drift_context_open(&ctx, NULL) != DRIFT_OK || !mkdtemp(folder) ||
           chdir(folder) != 0;
}

static void remove_all(const char *path)
{
    char **names;
    size_t count;
    if (file_is_dir(path) && file_list(ctx, path, &names, &count) == DRIFT_OK) {
        for (size_t i = 0; i < count; i++) {
            char inside[4200];
            snprintf(inside, sizeof inside, "%s/%s", path, names[i]);
            remove_all(inside);
        }
        file_list_free(names, count);
    }
    (void)remove(path);
}

static int teardown(void **state)
{
    (void)state;
    if (chdir(start) != 0)
        return 1;
    drift_error_clear(ctx);
    remove_all(folder);
    drift_context_close(ctx);
    return 0;
}

static void expect_ok(drift_status status)
{
    if (status != DRIFT_OK)
        fail_msg("%s (%s)", drift_error_text(ctx), drift_error_place(ctx));
}

static void expect_error(drift_status status, drift_status wanted,
                         const char *text)
{
    if (status != wanted || !strstr(drift_error_text(ctx), text))
        fail_msg("status %d and '%s' instead of %d and '%s'", status,
                 drift_error_text(ctx), wanted, text);
    drift_error_clear(ctx);
}

static dataset *open_ok(data_config c)
{
    dataset *d;
    expect_ok(dataset_open(ctx, &c, 1, &d));
    return d;
}

static void open_bad(data_config c, drift_status wanted, const char *text)
{
    dataset *d;
    expect_error(dataset_open(ctx, &c, 1, &d), wanted, text);
    assert_null(d);
}

#define OPEN(...) open_ok((data_config){__VA_ARGS__})
#define BAD(status, text, ...)                                                 \
    open_bad((data_config){__VA_ARGS__}, DRIFT_ERROR_##status, text)

/* -- files to read -----------------------------------------------------------
 */

static void write_bytes(const char *path, const void *data, size_t size)
{
    expect_ok(file_replace(ctx, path, data, size));
}

static void make_dir(const char *path)
{
    expect_ok(file_make_dir(ctx, path));
}

/* n images of 2x3 whose byte j of image i is 16 i + j. */
static size_t idx_images(unsigned char *out, unsigned n)
{
    const unsigned char head[] = {0, 0, 8, 3, 0, 0, 0, (unsigned char)n,
                                  0, 0, 0, 2, 0, 0, 0, 3};
    memcpy(out, head, sizeof head);
    for (unsigned i = 0; i < n; i++)
        for (unsigned j = 0; j < 6; j++)
            out[16 + 6 * i + j] = (unsigned char)(16 * i + j);
    return 16 + 6 * n;
}

static size_t idx_labels(unsigned char *out, const char *labels)
{
    size_t n = strlen(labels);
    const unsigned char head[] = {0, 0, 8, 1, 0, 0, 0, (unsigned char)n};
    memcpy(out, head, sizeof head);
    for (size_t i = 0; i < n; i++)
        out[8 + i] = (unsigned char)(labels[i] - '0');
    return 8 + n;
}

static void write_idx(const char *images, const char *labels, const char *text)
{
    unsigned char bytes[512];
    size_t size = idx_images(bytes, (unsigned)strlen(text));
    write_bytes(images, bytes, size);
    size = idx_labels(bytes, text);
    write_bytes(labels, bytes, size);
}

#define IMAGES "train-images-idx3-ubyte"
#define LABELS "train-labels-idx1-ubyte"

/* A tar (or tar.gz, gz, zip by the ending) of files on disk. */
static void pack(const char *path, const char *const *files)
{
    struct archive *a = archive_write_new();
    if (strstr(path, ".zip"))
        archive_write_set_format_zip(a);
    else if (strstr(path, ".tar"))
        archive_write_set_format_ustar(a);
    else
        archive_write_set_format_raw(a);
    if (strstr(path, "gz"))
        archive_write_add_filter_gzip(a);
    assert_int_equal(archive_write_open_filename(a, path), ARCHIVE_OK);
    for (; *files; files++) {
        file_view view;
        expect_ok(file_open_view(ctx, *files, &view));
        struct archive_entry *e = archive_entry_new();
        archive_entry_set_pathname(e, *files);
        archive_entry_set_filetype(e, AE_IFREG);
        archive_entry_set_perm(e, 0644);
        archive_entry_set_size(e, (la_int64_t)view.size);
        assert_int_equal(archive_write_header(a, e), ARCHIVE_OK);
        if (view.size)
            assert_int_equal(archive_write_data(a, view.data, view.size),
                             view.size);
        archive_entry_free(e);
        file_close_view(&view);
    }
    assert_int_equal(archive_write_free(a), ARCHIVE_OK);
}

#define PACK(path, ...) pack(path, (const char *const[]){__VA_ARGS__, NULL})

/* A PNG of one colour. */
static void write_png(const char *path, int height, int width, int channels,
                      unsigned char value)
{
    unsigned char pixels[64 * 64 * 3];
    memset(pixels, value, sizeof pixels);
    image img = {height, width, channels, pixels};
    expect_ok(image_write_png(ctx, path, &img));
}

/* Three of class "cat", two of class "dog", 4x4 grey of 10 20 30 40 50. */
static void write_tree(const char *root)
{
    static const char *const names[] = {"cat/a.png", "cat/b.png", "cat/c.PNG",
                                        "dog/a.png", "dog/b.png"};
    char path[128];
    snprintf(path, sizeof path, "%s/cat", root);
    make_dir(path);
    snprintf(path, sizeof path, "%s/dog", root);
    make_dir(path);
    for (int i = 0; i < 5; i++) {
        snprintf(path, sizeof path, "%s/%s", root, names[i]);
        write_png(path, 4, 4, 1, (unsigned char)(10 * i + 10));
    }
    /* Left out without a word. */
    snprintf(path, sizeof path, "%s/cat/.hidden.png", root);
    write_bytes(path, "x", 1);
    snprintf(path, sizeof path, "%s/cat/Thumbs.db", root);
    write_bytes(path, "x", 1);
}

static void expect_pixels(dataset *d, size_t i, double first, double last)
{
    float x[64 * 64 * 3];
    size_t n = (size_t)d->height * (size_t)d->width * (size_t)d->channels;
    expect_ok(d->get(d, i, x));
    assert_true(fabs(x[0] - (first / 127.5 - 1)) < 1e-6);
    assert_true(fabs(x[n - 1] - (last / 127.5 - 1)) < 1e-6);
}

/* -- IDX ---------------------------------------------------------------------
 */

static void test_idx(void **state)
{
    (void)state;
    char digests[3][DIGEST_TEXT];
    write_idx(IMAGES, LABELS, "01021");
    write_idx("t10k-images.idx3-ubyte", "t10k-labels.idx1-ubyte", "10");
    for (int form = 0; form < 3; form++) {
        /* A folder, the same compressed, one file with labels beside it. */
        if (form == 1) {
            PACK(IMAGES ".gz", IMAGES);
            PACK(LABELS ".gz", LABELS);
            remove(IMAGES);
            remove(LABELS);
        }
        dataset *d = form < 2 ? OPEN(.path = ".") : OPEN(.path = IMAGES ".gz");
        assert_int_equal(d->count, 5);
        assert_int_equal(d->classes, 3);
        assert_int_equal(d->height, 2);
        assert_int_equal(d->width, 3);
        assert_int_equal(d->channels, 1);
        assert_int_equal(d->points, 0);
        assert_int_equal(d->label(d, 3), 2);
        expect_pixels(d, 3, 48, 53);
        strcpy(digests[form], d->digest);
        assert_string_equal(digests[form], digests[0]);
        dataset_free(d);
    }
    dataset *d = OPEN(.path = ".", .split = "test");
    assert_int_equal(d->count, 2);
    assert_string_not_equal(d->digest, digests[0]);
    dataset_free(d);
    d = OPEN(.path = ".", .classes = 1);
    assert_int_equal(d->classes, 1);
    assert_int_equal(d->label(d, 3), 0);
    dataset_free(d);
    d = OPEN(.path = ".", .classes = 3, .limit = 4, .channels = 3);
    assert_int_equal(d->count, 4); /* 0 1 . 2, then the second 0 */
    assert_int_equal(d->label(d, 2), 0);
    assert_int_equal(d->label(d, 3), 2);
    assert_int_equal(d->channels, 3);
    expect_pixels(d, 3, 48, 53);
    dataset_free(d);
    d = OPEN(.path = ".", .height = 4, .width = 6);
    assert_int_equal(d->height, 4);
    assert_int_equal(d->width, 6);
    dataset_free(d);
}

static void test_idx_bad(void **state)
{
    (void)state;
    unsigned char bytes[512];
    size_t size;
    BAD(IO, "absent': No such file", .path = "absent");
    BAD(FORMAT, "the folder '.' has no images", .path = ".");
    write_idx(IMAGES, LABELS, "0101");
    BAD(IO, "t10k-images-idx3-ubyte", .path = ".", .split = "test");
    BAD(FORMAT, "class 2 has no images", .path = ".", .classes = 3);
    BAD(USAGE, "leaves some of the 2 classes", .path = ".", .limit = 1);
    remove(LABELS);
    BAD(IO, "the labels of './" IMAGES "' are missing", .path = ".");
    write_bytes("other", "", 0);
    BAD(FORMAT, "'other' is no data set of a known kind", .path = "other");
    BAD(FORMAT, "'other' is empty", .path = "other", .kind = DATA_IDX);

    size = idx_labels(bytes, "012");
    write_bytes(LABELS, bytes, size);
    BAD(FORMAT, "3 labels for the 4 images", .path = ".");
    size = idx_labels(bytes, "0102");
    write_bytes(LABELS, bytes, size);
    BAD(FORMAT, "image 3 has the label 2; allowed are 0 to 1", .path = ".",
        .classes = 2);
    size = idx_labels(bytes, "0202");
    write_bytes(LABELS, bytes, size);
    BAD(FORMAT, "class 1 has no images", .path = ".");
    size = idx_images(bytes, 4);
    write_bytes(LABELS, bytes, size);
    BAD(FORMAT, "holds no labels: 3 dimensions", .path = ".");

    /* Cut anywhere, too long, empty, of another kind, monstrous. */
    size = idx_images(bytes, 4);
    for (size_t n = 0; n < size; n++) {
        write_bytes(IMAGES, bytes, n);
        BAD(FORMAT, IMAGES "'", .path = ".", .classes = 1);
    }
    bytes[size] = 0;
    write_bytes(IMAGES, bytes, size + 1);
    BAD(FORMAT, "goes on after the 24 bytes", .path = ".", .classes = 1);
    bytes[7] = 0;
    write_bytes(IMAGES, bytes, 16);
    BAD(FORMAT, "holds 0 images", .path = ".", .classes = 1);
    bytes[7] = 4;
    bytes[2] = 7;
    write_bytes(IMAGES, bytes, size);
    BAD(FORMAT, "not an IDX file", .path = ".", .classes = 1);
    bytes[2] = 9;
    write_bytes(IMAGES, bytes, size);
    BAD(FORMAT, "holds no images: 3 dimensions of I8", .path = ".",
        .classes = 1);
    bytes[2] = 8;
    bytes[3] = 200;
    write_bytes(IMAGES, bytes, size);
    BAD(FORMAT, "IDX with 200 dimensions", .path = ".", .classes = 1);
    bytes[3] = 3;
    memset(bytes + 4, 0xff, 12);
    write_bytes(IMAGES, bytes, size);
    BAD(FORMAT, "need more bytes than the file can hold", .path = ".",
        .classes = 1);
    bytes[4] = bytes[8] = bytes[12] = 0; /* 2^24 each: overflows 64 bits */
    write_bytes(IMAGES, bytes, size);
    BAD(FORMAT, "need more bytes than the file can hold", .path = ".",
        .classes = 1);

    /* A torn gz. */
    file_view view;
    write_idx("a", LABELS, "01");
    PACK("b.gz", "a");
    expect_ok(file_open_view(ctx, "b.gz", &view));
    write_bytes("c-idx3.gz", view.data, view.size / 2);
    file_close_view(&view);
    BAD(FORMAT, "c-idx3.gz", .path = "c-idx3.gz", .classes = 1);
}

/* -- CIFAR -------------------------------------------------------------------
 */

enum { RECORD = 3073 };

/* A batch of two records: labels a and b; planes of value, +1, +2. */
static void write_batch(const char *path, int a, int b, unsigned char value)
{
    static unsigned char bytes[2 * RECORD];
    for (int r = 0; r < 2; r++)
        for (int c = 0; c < 3; c++)
            memset(bytes + r * RECORD + 1 + 1024 * c, value + 10 * r + c, 1024);
    bytes[0] = (unsigned char)a;
    bytes[RECORD] = (unsigned char)b;
    write_bytes(path, bytes, sizeof bytes);
}

static void write_cifar(void)
{
    make_dir("cifar-10-batches-bin");
    for (int i = 1; i <= 5; i++) {
        char path[64];
        snprintf(path, sizeof path, "cifar-10-batches-bin/data_batch_%d.bin",
                 i);
        write_batch(path, 2 * i - 2, 2 * i - 1, (unsigned char)(40 * i));
    }
    write_batch("cifar-10-batches-bin/test_batch.bin", 0, 9, 7);
}

#define BATCH(n) "cifar-10-batches-bin/data_batch_" #n ".bin"

static void test_cifar(void **state)
{
    (void)state;
    write_cifar();
    /* Batches keep their order whatever the archive's. */
    PACK("c.tar.gz", BATCH(3), BATCH(2), BATCH(5), BATCH(1), BATCH(4));
    static const char *const paths[] = {".", "cifar-10-batches-bin",
                                        "c.tar.gz"};
    char first[DIGEST_TEXT] = "";
    for (int i = 0; i < 3; i++) {
        dataset *d =
            open_ok((data_config){.path = (char *)(uintptr_t)paths[i]});
        assert_int_equal(d->count, 10);
        assert_int_equal(d->classes, 10);
        assert_string_equal(d->class_names[3], "cat");
        assert_int_equal(d->label(d, 7), 7);
        expect_pixels(d, 3, 90, 92); /* batch 2, record 1 */
        if (i == 0)
            strcpy(first, d->digest);
        assert_string_equal(first, d->digest);
        dataset_free(d);
    }
    BAD(FORMAT, "class 1 automobile has no images", .path = ".",
        .split = "test");
    dataset *d = OPEN(.path = ".", .split = "test", .classes = 1);
    assert_int_equal(d->count, 2);
    dataset_free(d);
}

static void test_cifar_bad(void **state)
{
    (void)state;
    write_cifar();
    write_batch(BATCH(2), 0, 10, 0);
    BAD(FORMAT, "record 1 of batch 2 has the label 10; allowed are 0 to 9",
        .path = ".");
    write_bytes(BATCH(2), "abc", 3);
    BAD(FORMAT, "batch 2 has 3 bytes", .path = ".");
    write_bytes(BATCH(2), "", 0);
    BAD(FORMAT, "batch 2 has 0 bytes", .path = ".");
    remove(BATCH(2));
    BAD(IO, "lacks data_batch_2.bin", .path = ".");
    PACK("c.tar", BATCH(1));
    BAD(IO, "'c.tar' lacks data_batch_2.bin", .path = "c.tar");
    BAD(IO, "'c.tar' lacks test_batch.bin", .path = "c.tar", .split = "test");
}

/* -- folders and archives ----------------------------------------------------
 */

static void check_tree(dataset *d)
{
    assert_int_equal(d->count, 5);
    assert_int_equal(d->classes, 2);
    assert_string_equal(d->class_names[0], "cat");
    assert_string_equal(d->class_names[1], "dog");
    assert_int_equal(d->label(d, 2), 0);
    assert_int_equal(d->label(d, 3), 1);
    for (size_t i = 0; i < 5; i++)
        expect_pixels(d, i, 10 * (double)i + 10, 10 * (double)i + 10);
    dataset_free(d);
}

#define TREE                                                                   \
    "t/cat/a.png", "t/cat/b.png", "t/cat/c.PNG", "t/cat/Thumbs.db",            \
        "t/cat/.hidden.png", "t/dog/a.png", "t/dog/b.png"

static void test_folder(void **state)
{
    (void)state;
    write_tree("t");
    check_tree(OPEN(.path = "t"));
    for (int threads = 1; threads <= 4; threads += 3) {
        threads_set(threads);
        check_tree(OPEN(.path = "t"));
    }
    threads_set(0);
    PACK("t.tar", TREE);
    PACK("t.tgz.tar", TREE);
    PACK("t.zip", TREE);
    check_tree(OPEN(.path = "t.tar"));
    check_tree(OPEN(.path = "t.tgz.tar"));
    check_tree(OPEN(.path = "t.zip"));
    dataset *d = OPEN(.path = "t", .limit = 3);
    assert_int_equal(d->count, 3); /* two cats, one dog */
    expect_pixels(d, 1, 20, 20);
    expect_pixels(d, 2, 40, 40);
    char kept[DIGEST_TEXT];
    strcpy(kept, d->digest);
    dataset_free(d);
    d = OPEN(.path = "t.tar", .limit = 3);
    assert_string_equal(d->digest, kept);
    dataset_free(d);
    d = OPEN(.path = "t", .classes = 1, .limit = 4);
    assert_int_equal(d->classes, 1);
    expect_pixels(d, 3, 40, 40);
    dataset_free(d);
    /* Images alone are one class. */
    d = OPEN(.path = "t/dog");
    assert_int_equal(d->count, 2);
    assert_int_equal(d->classes, 1);
    assert_int_equal(d->label(d, 1), 0);
    dataset_free(d);
    PACK("one.tar", "t/dog/a.png", "t/dog/b.png");
    d = OPEN(.path = "one.tar");
    assert_int_equal(d->classes, 1);
    dataset_free(d);
}

static void test_splits(void **state)
{
    (void)state;
    write_tree("s/train");
    make_dir("s/test/cat");
    make_dir("s/test/dog");
    write_png("s/test/cat/a.png", 4, 4, 1, 1);
    write_png("s/test/dog/b.png", 4, 4, 1, 2);
    check_tree(OPEN(.path = "s"));
    check_tree(OPEN(.path = "s/train"));
    PACK("s.tar", "s/test/cat/a.png", "s/train/dog/a.png", "s/train/dog/b.png",
         "s/train/cat/a.png", "s/train/cat/b.png", "s/train/cat/c.PNG",
         "s/test/dog/b.png");
    for (int i = 0; i < 2; i++) {
        dataset *d = i ? OPEN(.path = "s.tar", .split = "test")
                       : OPEN(.path = "s", .split = "test");
        assert_int_equal(d->count, 2);
        expect_pixels(d, 1, 2, 2);
        assert_int_equal(d->label(d, 1), 1);
        dataset_free(d);
    }
    /* Classes are numbered by name, not by their order in the archive. */
    dataset *d = OPEN(.path = "s.tar");
    assert_string_equal(d->class_names[0], "cat");
    assert_int_equal(d->label(d, 0), 1);
    dataset_free(d);
    BAD(IO, "'s/train' has no folder 'test'", .path = "s/train",
        .split = "test");
}

static void test_sizes(void **state)
{
    (void)state;
    make_dir("m");
    write_png("m/a.png", 4, 4, 1, 100);
    write_png("m/b.png", 8, 4, 1, 100);
    BAD(FORMAT, "'m/b.png' is 4x8 with 1 channels, the images before it 4x4",
        .path = "m");
    PACK("m.tar", "m/a.png", "m/b.png");
    BAD(FORMAT, "'m.tar: m/b.png' is 4x8", .path = "m.tar");
    dataset *d = OPEN(.path = "m", .height = 6, .width = 6, .crop = 1);
    assert_int_equal(d->height, 6);
    expect_pixels(d, 1, 100, 100);
    dataset_free(d);
    write_png("m/b.png", 4, 4, 3, 50);
    BAD(FORMAT, "with 3 channels", .path = "m");
    /* Without a size, crop means nothing. */
    d = OPEN(.path = "m", .channels = 1, .crop = 1);
    assert_int_equal(d->channels, 1);
    expect_pixels(d, 1, 50, 50);
    dataset_free(d);
    d = OPEN(.path = "m", .channels = 3);
    assert_int_equal(d->channels, 3);
    expect_pixels(d, 0, 100, 100);
    dataset_free(d);
}

static void test_folder_bad(void **state)
{
    (void)state;
    write_tree("t");
    make_dir("t/bird");
    BAD(FORMAT, "the class folder 't/bird' has no images", .path = "t");
    write_bytes("t/bird/x.png", "not a png", 9);
    BAD(FORMAT, "'t/bird/x.png' is neither a PNG nor a JPEG", .path = "t");
    write_bytes("t/bird/x.png", "", 0);
    BAD(FORMAT, "'t/bird/x.png' is neither a PNG nor a JPEG", .path = "t");
    remove("t/bird/x.png");
    assert_int_equal(symlink("nowhere", "t/bird/x.png"), 0);
    BAD(IO, "'t/bird/x.png': No such file", .path = "t");
    remove("t/bird/x.png");
    make_dir("t/bird/deep");
    BAD(FORMAT, "'t/bird/deep' is a folder inside a class's folder",
        .path = "t");
    remove("t/bird/deep");
    remove("t/bird");
    write_png("t/z.png", 4, 4, 1, 0);
    BAD(FORMAT, "'t/z.png' lies beside the class folders", .path = "t");
    PACK("t.tar", "t/cat/a.png");
    PACK("both.tar", TREE);
    remove("t/z.png");

    /* A cut image among whole ones: the first in order is named, always. */
    file_view view;
    expect_ok(file_open_view(ctx, "t/cat/b.png", &view));
    write_bytes("cut", view.data, view.size - 20);
    file_close_view(&view);
    assert_int_equal(rename("cut", "t/cat/b.png"), 0);
    write_bytes("t/dog/b.png", "x", 1);
    for (int i = 0; i < 4; i++)
        BAD(FORMAT, "'t/cat/b.png': unable to read the PNG", .path = "t");
    PACK("t.tar", TREE);
    BAD(FORMAT, "'t.tar: t/cat/b.png': unable to read", .path = "t.tar");

    BAD(FORMAT, "no images (.png, .jpg, .jpeg) for the split 'test'",
        .path = "both.tar", .split = "test");
    write_bytes("text.tar", "plain text\n", 11);
    BAD(FORMAT, "'text.tar' is no data set of a known kind",
        .path = "text.tar");
    expect_ok(file_open_view(ctx, "both.tar", &view));
    for (size_t n = 1; n < view.size - 1024; n += 100) {
        write_bytes("part.tar", view.data, n);
        dataset *d;
        data_config c = {.path = "part.tar"};
        drift_status status = dataset_open(ctx, &c, 1, &d);
        if (status == DRIFT_OK) { /* the cut fell between two files */
            assert_true(d->count < 5);
            dataset_free(d);
        } else {
            expect_error(status, DRIFT_ERROR_FORMAT, "part.tar");
        }
    }
    file_close_view(&view);
    BAD(FORMAT, "'t/dog/a.png' is one image", .path = "t/dog/a.png");
}

/* -- npz ---------------------------------------------------------------------
 */

static void add(npz_writer *w, const char *name, array_type type, int ndim,
                const size_t *dim, const void *data)
{
    size_t bytes;
    assert_true(array_size(type, ndim, dim, &bytes));
    expect_ok(npz_begin(w, name, type, ndim, dim));
    expect_ok(npz_write(w, data, bytes));
}

static void test_npz(void **state)
{
    (void)state;
    static const size_t dim[] = {3, 2, 2, 3};
    unsigned char pixels[36];
    for (int i = 0; i < 36; i++)
        pixels[i] = (unsigned char)(3 * i);
    /* Little-endian 0 1 1. */
    static const unsigned char labels[] = {0, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0};
    static const char *const names[][2] = {{"images", "labels"},
                                           {"x_train", "y_train"},
                                           {"train_images", "train_labels"},
                                           {"x", "y"},
                                           {"arr_0", "arr_1"}};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        npz_writer *w;
        expect_ok(npz_create(ctx, "x.npz", &w));
        add(w, names[i][1], ARRAY_I32, 1, dim, labels);
        add(w, names[i][0], ARRAY_U8, 4, dim, pixels);
        expect_ok(npz_commit(w));
        dataset *d = OPEN(.path = "x.npz");
        assert_int_equal(d->count, 3);
        assert_int_equal(d->classes, 2);
        assert_int_equal(d->channels, 3);
        assert_int_equal(d->label(d, 2), 1);
        expect_pixels(d, 1, 36, 69);
        dataset_free(d);
        BAD(FORMAT, "no images for the split 'test'", .path = "x.npz",
            .split = "test");
    }
    npz_writer *w;
    float points[4] = {1, 2, -3, .5f}, x[2];
    static const size_t points_dim[] = {2, 2};
    expect_ok(npz_create(ctx, "p.npz", &w));
    add(w, "points", ARRAY_F32, 2, points_dim, points);
    expect_ok(npz_commit(w));
    dataset *d = OPEN(.path = "p.npz");
    assert_int_equal(d->points, 1);
    assert_int_equal(d->classes, 1);
    assert_int_equal(d->channels, 2);
    expect_ok(d->get(d, 1, x));
    assert_true(x[0] == -3 && x[1] == .5f);
    dataset_free(d);
    BAD(FORMAT, "has no labels", .path = "p.npz", .classes = 2);
}

static void test_npz_bad(void **state)
{
    (void)state;
    static const size_t dim[] = {2, 2, 2, 2}, none[] = {0, 2, 2, 1};
    static const size_t five[] = {5}, two[] = {2};
    unsigned char zeros[64] = {0}, minus[8];
    npz_writer *w;
    memset(minus, 0xff, sizeof minus);
    expect_ok(npz_create(ctx, "x.npz", &w));
    add(w, "images", ARRAY_U8, 4, dim, zeros);
    expect_ok(npz_commit(w));
    BAD(FORMAT, "'images' is U8 with 4 dimensions", .path = "x.npz");
    expect_ok(npz_create(ctx, "x.npz", &w));
    add(w, "images", ARRAY_F32, 3, dim, zeros);
    expect_ok(npz_commit(w));
    BAD(FORMAT, "'images' is F32 with 3 dimensions", .path = "x.npz");
    expect_ok(npz_create(ctx, "x.npz", &w));
    add(w, "images", ARRAY_U8, 4, none, zeros);
    expect_ok(npz_commit(w));
    BAD(FORMAT, "'images' is empty", .path = "x.npz");
    expect_ok(npz_create(ctx, "x.npz", &w));
    add(w, "images", ARRAY_U8, 3, dim, zeros);
    add(w, "labels", ARRAY_I32, 1, five, zeros);
    expect_ok(npz_commit(w));
    BAD(FORMAT, "5 labels for 2 images", .path = "x.npz");
    expect_ok(npz_create(ctx, "x.npz", &w));
    add(w, "images", ARRAY_U8, 3, dim, zeros);
    add(w, "labels", ARRAY_I32, 1, two, minus);
    expect_ok(npz_commit(w));
    BAD(FORMAT, "the label -1; allowed are 0 to", .path = "x.npz");
    expect_ok(npz_create(ctx, "x.npz", &w));
    add(w, "pictures", ARRAY_U8, 3, dim, zeros);
    expect_ok(npz_commit(w));
    BAD(FORMAT, "looked for x_train, train_images, images", .path = "x.npz");
    write_bytes("x.npz", "PK", 2);
    BAD(FORMAT, "'x.npz'", .path = "x.npz");
    write_bytes("x.npz", "", 0);
    BAD(FORMAT, "'x.npz' is empty", .path = "x.npz");
}

/* -- the rest ----------------------------------------------------------------
 */

static void test_config_bad(void **state)
{
    (void)state;
    BAD(USAGE, "data.path is empty", .split = "train");
    BAD(USAGE, "data.split is 'val'; allowed are train and test", .path = ".",
        .split = "val");
    BAD(USAGE, "or 0 for both", .path = ".", .height = 3);
    BAD(USAGE, "data.channels is 2; allowed", .path = ".", .channels = 2);
    BAD(USAGE, "data.limit = -1", .path = ".", .limit = -1);
}

/* Memory fails at every allocation of every source in turn. One thread: the
 * countdown is not made for several. */
static void test_out_of_memory(void **state)
{
    (void)state;
    unsigned char zeros[24] = {0};
    static const size_t dim[] = {2, 2, 2, 3};
    npz_writer *w;
    write_tree("t");
    make_dir("i");
    write_idx("i/" IMAGES, "i/" LABELS, "01021");
    write_cifar();
    PACK("t.tar.gz", TREE);
    expect_ok(npz_create(ctx, "x.npz", &w));
    add(w, "images", ARRAY_U8, 4, dim, zeros);
    expect_ok(npz_commit(w));
    static char *const paths[] = {"t",     "i",     "cifar-10-batches-bin",
                                  "x.npz", "moons", "t.tar.gz"};
    threads_set(1);
    for (size_t p = 0; p < sizeof paths / sizeof *paths; p++) {
        data_config c = {.path = paths[p]};
        if (strcmp(paths[p], "moons"))
            c.height = c.width = 3;
        for (long n = 1;; n++) {
            dataset *d;
            mem_fail_after(n);
            drift_status status = dataset_open(ctx, &c, 1, &d);
            mem_fail_after(0);
            dataset_free(d);
            if (status == DRIFT_OK) {
                assert_true(n > 2);
                break;
            }
            if (status != DRIFT_ERROR_MEMORY)
                fail_msg("'%s', allocation %ld: status %d, %s", paths[p], n,
                         status, drift_error_text(ctx));
            drift_error_clear(ctx);
        }
    }
    threads_set(0);
}

/* The data set that comes with the program. */
static void test_mnist(void **state)
{
    (void)state;
    size_t counts[10] = {0};
    double start_time = clock_seconds();
    dataset *d = OPEN(.path = DRIFT_SOURCE_DIR "/data/mnist");
    double seconds = clock_seconds() - start_time;
    assert_int_equal(d->count, 60000);
    assert_int_equal(d->classes, 10);
    assert_int_equal(d->height * d->width * d->channels, 784);
    for (size_t i = 0; i < d->count; i++)
        counts[d->label(d, i)]++;
    assert_int_equal(counts[0], 5923);
    assert_int_equal(counts[9], 5949);
    print_message("MNIST opens in %.3f s\n", seconds);
    dataset_free(d);
}

#define TEST(function)                                                         \
    cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_idx),       TEST(test_idx_bad),    TEST(test_cifar),
        TEST(test_cifar_bad), TEST(test_folder),     TEST(test_splits),
        TEST(test_sizes),     TEST(test_folder_bad), TEST(test_npz),
        TEST(test_npz_bad),   TEST(test_config_bad), TEST(test_out_of_memory),
        TEST(test_mnist),
    };
    if (!getcwd(start, sizeof start))
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
