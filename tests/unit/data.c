/* Data sets: every source opened and compared with what was written, every
 * kind of bad input with its error; folders and archives in folder.c. The test
 * makes its files itself. */
#include "dataset.h"

#include "base/file.h"
#include "base/mem.h"
#include "base/threads.h"
#include "formats/npy.h"

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

/* Any byte of a gz counts, its checksums too. */
static void test_gzip(void **state)
{
    (void)state;
    unsigned char bytes[512];
    file_view view;
    write_idx("a", LABELS, "01");
    PACK("b.gz", "a");
    expect_ok(file_open_view(ctx, "b.gz", &view));
    size_t n = view.size;
    memset(bytes, 0, sizeof bytes);
    memcpy(bytes, view.data, n);
    file_close_view(&view);
    for (size_t i = 10; i < n; i++) { /* after the header */
        write_bytes("x-idx3.gz", bytes, i);
        BAD(FORMAT, "x-idx3.gz'", .path = "x-idx3.gz", .classes = 1);
        bytes[i] ^= 1;
        write_bytes("x-idx3.gz", bytes, n);
        BAD(FORMAT, "x-idx3.gz'", .path = "x-idx3.gz", .classes = 1);
        bytes[i] ^= 1;
    }
    bytes[n] = 'x';
    write_bytes("x-idx3.gz", bytes, n + 1);
    BAD(FORMAT, "gzip: bytes after the end", .path = "x-idx3.gz", .classes = 1);
    bytes[n] = 0; /* what tapes and disks fill up with */
    write_bytes("x-idx3.gz", bytes, n + 100);
    dataset_free(OPEN(.path = "x-idx3.gz", .classes = 1));

    /* Two members are one file. */
    expect_ok(file_open_view(ctx, "a", &view));
    write_bytes("head", view.data, 20);
    write_bytes("tail", view.data + 20, view.size - 20);
    file_close_view(&view);
    PACK("head.gz", "head");
    PACK("tail.gz", "tail");
    size_t size = 0;
    for (int i = 0; i < 2; i++) {
        expect_ok(file_open_view(ctx, i ? "tail.gz" : "head.gz", &view));
        memcpy(bytes + size, view.data, view.size);
        size += view.size;
        file_close_view(&view);
    }
    write_bytes("x-idx3.gz", bytes, size);
    dataset *d = OPEN(.path = "x-idx3.gz", .classes = 1);
    assert_int_equal(d->count, 2);
    expect_pixels(d, 1, 16, 21);
    dataset_free(d);
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
    make_dir("fetched");
    PACK("fetched/cifar-10-binary.tar.gz", BATCH(1), BATCH(2), BATCH(3),
         BATCH(4), BATCH(5));
    static const char *const paths[] = {".", "cifar-10-batches-bin", "c.tar.gz",
                                        "fetched"};
    char first[DIGEST_TEXT] = "";
    for (int i = 0; i < 4; i++) {
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
    assert_int_equal(truncate(BATCH(1), (off_t)RECORD * 20001), 0);
    BAD(FORMAT, "data_batch_1.bin': more than the 61460000 bytes allowed",
        .path = ".");
    PACK("c.tar.gz", BATCH(1));
    BAD(FORMAT, "data_batch_1.bin: more than the 61460000 bytes allowed",
        .path = "c.tar.gz");
}

/* -- npz ---------------------------------------------------------------------
 */

static void add(zip_writer *w, const char *name, array_type type, int ndim,
                const size_t *dim, const void *data)
{
    size_t bytes;
    assert_true(array_size(type, ndim, dim, &bytes));
    expect_ok(npz_begin(w, name, type, ndim, dim));
    expect_ok(zip_write(w, data, bytes));
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
        zip_writer *w;
        expect_ok(zip_create(ctx, "x.npz", &w));
        add(w, names[i][1], ARRAY_I32, 1, dim, labels);
        add(w, names[i][0], ARRAY_U8, 4, dim, pixels);
        expect_ok(zip_commit(w));
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
    zip_writer *w;
    float points[4] = {1, 2, -3, .5f}, x[2];
    static const size_t points_dim[] = {2, 2};
    expect_ok(zip_create(ctx, "p.npz", &w));
    add(w, "points", ARRAY_F32, 2, points_dim, points);
    expect_ok(zip_commit(w));
    dataset *d = OPEN(.path = "p.npz");
    assert_int_equal(d->points, 1);
    assert_int_equal(d->classes, 1);
    assert_int_equal(d->channels, 2);
    expect_ok(d->get(d, 1, x));
    assert_true(x[0] == -3 && x[1] == .5f);
    dataset_free(d);
    BAD(FORMAT, "has no labels", .path = "p.npz", .classes = 2);

    /* Of what is not asked for nothing is read: here an array of objects. */
    static const char npy[] =
        "\x93NUMPY\x01\0\x3f\0{'descr': '|u1', 'fortran_order': False, "
        "'shape': (1, 2, 2)}  \nabcd";
    file_view view;
    expect_ok(file_open_view(
        ctx, DRIFT_SOURCE_DIR "/tests/golden/torch/files/bad_npy_object.npy",
        &view));
    write_bytes("images.npy", npy, sizeof npy - 1);
    write_bytes("names.npy", view.data, view.size);
    PACK("x.zip.npz", "names.npy", "images.npy");
    dataset_free(OPEN(.path = "x.zip.npz"));
    write_bytes("labels.npy", view.data, view.size);
    PACK("x.zip.npz", "images.npy", "labels.npy");
    BAD(FORMAT, "'x.zip.npz': 'labels': npy", .path = "x.zip.npz");
    file_close_view(&view);
}

static void test_npz_bad(void **state)
{
    (void)state;
    static const size_t dim[] = {2, 2, 2, 2}, none[] = {0, 2, 2, 1};
    static const size_t five[] = {5}, two[] = {2};
    unsigned char zeros[64] = {0}, minus[8];
    zip_writer *w;
    memset(minus, 0xff, sizeof minus);
    expect_ok(zip_create(ctx, "x.npz", &w));
    add(w, "images", ARRAY_U8, 4, dim, zeros);
    expect_ok(zip_commit(w));
    BAD(FORMAT, "'images' is U8 with 4 dimensions", .path = "x.npz");
    expect_ok(zip_create(ctx, "x.npz", &w));
    add(w, "images", ARRAY_F32, 3, dim, zeros);
    expect_ok(zip_commit(w));
    BAD(FORMAT, "'images' is F32 with 3 dimensions", .path = "x.npz");
    expect_ok(zip_create(ctx, "x.npz", &w));
    add(w, "images", ARRAY_U8, 4, none, zeros);
    expect_ok(zip_commit(w));
    BAD(FORMAT, "'images' is empty", .path = "x.npz");
    expect_ok(zip_create(ctx, "x.npz", &w));
    add(w, "images", ARRAY_U8, 3, dim, zeros);
    add(w, "labels", ARRAY_I32, 1, five, zeros);
    expect_ok(zip_commit(w));
    BAD(FORMAT, "5 labels for 2 images", .path = "x.npz");
    expect_ok(zip_create(ctx, "x.npz", &w));
    add(w, "images", ARRAY_U8, 3, dim, zeros);
    add(w, "labels", ARRAY_I32, 1, two, minus);
    expect_ok(zip_commit(w));
    BAD(FORMAT, "the label -1; allowed are 0 to", .path = "x.npz");
    expect_ok(zip_create(ctx, "x.npz", &w));
    add(w, "pictures", ARRAY_U8, 3, dim, zeros);
    expect_ok(zip_commit(w));
    BAD(FORMAT, "looked for x_train, train_images, images", .path = "x.npz");

    /* NaN and infinities, also those made by the conversion to f32. */
    static const size_t rows[] = {3, 2};
    const double huge[] = {0, 1, 2, 3, 4, 1e300};
    for (int i = 0; i < 3; i++) {
        float points[] = {0, 1, 2, 3, i ? -INFINITY : NAN, 5};
        expect_ok(zip_create(ctx, "x.npz", &w));
        add(w, "points", i < 2 ? ARRAY_F32 : ARRAY_F64, 2, rows,
            i < 2 ? (const void *)points : huge);
        expect_ok(zip_commit(w));
        BAD(FORMAT, "'x.npz': row 2 of 'points' is (", .path = "x.npz");
    }

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
    BAD(USAGE, "allowed are 1 to 4096 for both, or 0 for both", .path = ".",
        .height = 3);
    BAD(USAGE, "allowed are 1 to 4096", .path = ".", .height = 4097,
        .width = 3);
    BAD(USAGE, "data.kind 99 is unknown", .path = ".", .kind = 99);
    BAD(USAGE, "data.channels is 2; allowed", .path = ".", .channels = 2);
    BAD(USAGE, "data.limit = -1", .path = ".", .limit = -1);
    /* Known sets; this folder has a fetch.sh of its own. */
    assert_int_equal(setenv("DRIFT_DATA_DIR", ".", 1), 0);
    make_dir("data");
    write_bytes("data/fetch.sh", "", 0);
    BAD(IO, "'cifar10' is not there; get it by: sh ./data/fetch.sh cifar10",
        .path = "cifar10");
    unsetenv("DRIFT_DATA_DIR");
    if (!file_exists("/usr/share/datasets/fashion-mnist") &&
        !file_exists(DRIFT_SOURCE_DIR "/data/fashion-mnist"))
        BAD(IO, "fashion-mnist (on Debian: the package dataset-fashion-mnist)",
            .path = "fashion-mnist");
}

/* Memory fails at every allocation of every source in turn. One thread: the
 * countdown is not made for several. */
static void test_out_of_memory(void **state)
{
    (void)state;
    unsigned char zeros[24] = {0};
    static const size_t dim[] = {2, 2, 2, 3};
    zip_writer *w;
    write_tree("t");
    make_dir("i");
    write_idx("i/" IMAGES, "i/" LABELS, "01021");
    write_cifar();
    PACK("t.tar.gz", TREE);
    expect_ok(zip_create(ctx, "x.npz", &w));
    add(w, "images", ARRAY_U8, 4, dim, zeros);
    expect_ok(zip_commit(w));
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

/* -- augmentation ------------------------------------------------------- */

#define AUG_H 6
#define AUG_W 5

static dataset augmented(int flip)
{
    return (dataset){.count = 1,
                     .height = AUG_H,
                     .width = AUG_W,
                     .channels = 2,
                     .flip = flip};
}

/* Two channels, each pixel another value, within [-1,1]. */
static void fill_ramp(float *x)
{
    for (int i = 0; i < AUG_H * AUG_W; i++) {
        x[2 * i] = -1 + (float)i / 20;
        x[2 * i + 1] = 1 - (float)i / 40;
    }
}

/* Every pixel comes from one so far away, or from the edge; all moves are
 * made, and the same draw makes the same one. */
static void shift_moves(void **state)
{
    (void)state;
    dataset d = augmented(0);
    augmentation a = {.shift = 2, .crop = 1};
    float from[AUG_H * AUG_W * 2], to[AUG_H * AUG_W * 2], again[sizeof to / 4];
    float spare[AUG_H * AUG_W * 2];
    int seen[5][5] = {{0}};
    fill_ramp(from);
    for (uint64_t i = 0; i < 200; i++) {
        memcpy(to, from, sizeof to);
        memcpy(again, from, sizeof to);
        dataset_vary(&d, &a, (rng_stream){1, RNG_AUGMENT, 3}, i, to, spare);
        dataset_vary(&d, &a, (rng_stream){1, RNG_AUGMENT, 3}, i, again, spare);
        assert_memory_equal(to, again, sizeof to);
        int moves = 0;
        for (int dy = -2; dy <= 2; dy++)
            for (int dx = -2; dx <= 2; dx++) {
                int same = 1;
                for (int y = 0; y < AUG_H; y++)
                    for (int x = 0; x < AUG_W; x++) {
                        int u = y - dy < 0       ? 0
                                : y - dy < AUG_H ? y - dy
                                                 : AUG_H - 1;
                        int v = x - dx < 0       ? 0
                                : x - dx < AUG_W ? x - dx
                                                 : AUG_W - 1;
                        same &=
                            !memcmp(to + 2 * (y * AUG_W + x),
                                    from + 2 * (u * AUG_W + v), 2 * sizeof *to);
                    }
                moves += same;
                seen[dy + 2][dx + 2] += same;
            }
        assert_int_equal(moves, 1);
    }
    for (int i = 0; i < 25; i++)
        assert_true(seen[i / 5][i % 5] > 0);
}

/* A cut of an even image is even, of a slope has less of its range, and never
 * goes beyond [-1,1]; with crop 1 and no shift it is dataset_augment alone. */
static void crop_cuts(void **state)
{
    (void)state;
    dataset d = augmented(1);
    augmentation off = {.crop = 1}, half = {.crop = .25f};
    rng_stream s = {1, RNG_AUGMENT, 3};
    float from[AUG_H * AUG_W * 2], to[AUG_H * AUG_W * 2];
    float flipped[AUG_H * AUG_W * 2], spare[AUG_H * AUG_W * 2];
    float range = 0; /* of the whole image: 1.45 */
    int differ = 0;
    fill_ramp(from);
    for (uint64_t i = 0; i < 50; i++) {
        memcpy(to, from, sizeof to);
        memcpy(flipped, from, sizeof to);
        dataset_vary(&d, &off, s, i, to, spare);
        dataset_augment(&d, s, i, flipped);
        assert_memory_equal(to, flipped, sizeof to);
        dataset_vary(&d, &half, s, i, to, spare);
        float least = 1, most = -1;
        for (int k = 0; k < AUG_H * AUG_W; k++) {
            assert_true(to[2 * k] >= -1 && to[2 * k] <= 1);
            least = fminf(least, to[2 * k]);
            most = fmaxf(most, to[2 * k]);
        }
        range += most - least;
        differ += memcmp(to, flipped, sizeof to) != 0;
        for (int k = 0; k < AUG_H * AUG_W * 2; k++)
            to[k] = .25f;
        dataset_vary(&d, &half, s, i, to, spare);
        for (int k = 0; k < AUG_H * AUG_W * 2; k++)
            assert_true(fabsf(to[k] - .25f) < 1e-6f);
    }
    assert_int_equal(differ, 50);
    assert_true(range / 50 < 1.3f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_idx),     TEST(test_idx_bad),    TEST(test_gzip),
        TEST(test_cifar),   TEST(test_cifar_bad),  TEST(test_npz),
        TEST(test_npz_bad), TEST(test_config_bad), TEST(test_out_of_memory),
        TEST(test_mnist),   TEST(shift_moves),     TEST(crop_cuts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
