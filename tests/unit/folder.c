/* Data sets of image files, in a folder or an archive. */
#include "dataset.h"

#include "base/file.h"
#include "base/threads.h"

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
    PACK("both.tar", TREE, "t/z.png");
    BAD(FORMAT, "'both.tar: t/z.png' lies beside the class folders",
        .path = "both.tar");
    remove("t/z.png");
    PACK("both.tar", TREE);

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

    BAD(IO, "'both.tar' has no folder 'test'", .path = "both.tar",
        .split = "test");
    write_bytes("text.tar", "plain text\n", 11);
    BAD(FORMAT, "'text.tar' is no data set of a known kind",
        .path = "text.tar");
    BAD(FORMAT, "'t/dog/a.png' is one image", .path = "t/dog/a.png");
}

/* The same files mean the same in a folder and in an archive of it. */
static void test_archive_alike(void **state)
{
    (void)state;
    write_tree("t");
    make_dir("t/.ipynb_checkpoints");
    make_dir("t/__MACOSX/cat");
    write_png("t/.ipynb_checkpoints/x.png", 4, 4, 1, 0);
    write_png("t/__MACOSX/cat/x.png", 4, 4, 1, 0);
    write_bytes("t/README", "x", 1);
#define OTHERS "t/.ipynb_checkpoints/x.png", "t/__MACOSX/cat/x.png", "t/README"
    check_tree(OPEN(.path = "t"));
    PACK("t.tar", "t/", "t/.ipynb_checkpoints/", OTHERS, "t/cat/", "t/dog/",
         TREE);
    check_tree(OPEN(.path = "t.tar"));
    /* As `tar cf x.tar .` writes it, and without a root. */
    assert_int_equal(chdir("t"), 0);
    PACK("../dot.tar", "./", "./README", "./cat/", "./cat/a.png", "./cat/b.png",
         "./cat/c.PNG", "./dog/a.png", "./dog//b.png");
    assert_int_equal(chdir(".."), 0);
    check_tree(OPEN(.path = "dot.tar"));
    PACK("deep.tar", "./t/../t/cat/a.png", "./t/cat/a.png");
    dataset *d = OPEN(.path = "deep.tar");
    assert_int_equal(d->count, 1); /* ".." is hidden, too */
    dataset_free(d);

    make_dir("t/bird");
    BAD(FORMAT, "the class folder 't/bird' has no images", .path = "t");
    PACK("t.tar", TREE, "t/bird");
    BAD(FORMAT, "'t.tar': the class folder 'bird' has no images",
        .path = "t.tar");
    BAD(FORMAT, "'t.tar': the class folder 'bird' has no images",
        .path = "t.tar", .classes = 1);
    make_dir("t/bird/deep");
    write_png("t/bird/deep/x.png", 4, 4, 1, 0);
    PACK("t.tar", TREE, "t/bird/deep/x.png");
    BAD(FORMAT, "'t.tar: t/bird/deep/x.png' lies deeper than in a class's",
        .path = "t.tar");
    PACK("t.tar", TREE, "t/bird/deep/");
    BAD(FORMAT, "'t.tar: t/bird/deep/' lies deeper", .path = "t.tar");
    PACK("t.tar", "t/README", "t/cat/Thumbs.db");
    BAD(FORMAT, "has no images", .path = "t.tar");
    PACK("t.tar", "t/README", "t/");
    BAD(FORMAT, "'t.tar' has no images", .path = "t.tar");

    /* A folder of the split's name is no root. */
    make_dir("train/test");
    make_dir("train/dog");
    write_png("train/test/a.png", 4, 4, 1, 1);
    write_png("train/dog/a.png", 4, 4, 1, 2);
    PACK("s.tar", "train/test/a.png", "train/dog/a.png");
    d = OPEN(.path = "s.tar");
    assert_int_equal(d->classes, 2); /* one of them is called "test" */
    assert_string_equal(d->class_names[1], "test");
    dataset_free(d);
    BAD(IO, "'s.tar' has no folder 'test'", .path = "s.tar", .split = "test");
}

/* An archive cut anywhere, and one whose checksum is wrong. */
static void test_archive_torn(void **state)
{
    (void)state;
    file_view view;
    write_tree("t");
    PACK("t.tar", TREE);
    expect_ok(file_open_view(ctx, "t.tar", &view));
    size_t end = view.size;
    while (!view.data[end - 1])
        end--;
    end = (end + 511) / 512 * 512; /* two empty blocks follow, and padding */
    assert_true(end + 1024 <= view.size);
    for (size_t n = 1; n <= end; n += n % 512 ? 512 - n % 512 : 100) {
        write_bytes("part.tar", view.data, n);
        BAD(FORMAT, "'part.tar'", .path = "part.tar");
    }
    write_bytes("part.tar", view.data, end + 1024);
    check_tree(OPEN(.path = "part.tar"));
    file_close_view(&view);

    unsigned char bytes[4096];
    PACK("t.tar.gz", TREE);
    expect_ok(file_open_view(ctx, "t.tar.gz", &view));
    size_t size = view.size;
    assert_true(size <= sizeof bytes);
    memcpy(bytes, view.data, size);
    file_close_view(&view);
    for (size_t i = size - 8; i < size; i++) {
        bytes[i] ^= 1;
        write_bytes("part.tar.gz", bytes, size);
        BAD(FORMAT, "part.tar.gz", .path = "part.tar.gz");
        bytes[i] ^= 1;
    }
}

/* Images larger than allowed, and of kinds that are not read. */
static void test_left_out(void **state)
{
    (void)state;
    write_tree("t");
    assert_int_equal(truncate("t/cat/a.png", (off_t)65 << 20), 0);
    PACK("t.tar.gz", TREE);
    BAD(FORMAT, "cat/a.png: more than the 67108864 bytes allowed",
        .path = "t.tar.gz");
    write_tree("t");
    check_tree(OPEN(.path = "t"));
    assert_string_equal(warned, "");
    write_bytes("t/dog/c.webp", "x", 1);
    check_tree(OPEN(.path = "t"));
    assert_string_equal(warned, "'t': 1 image is left out: only .png, .jpg and "
                                ".jpeg are read");
    write_bytes("t/cat/d.GIF", "x", 1);
    PACK("t.tar", TREE, "t/dog/c.webp", "t/cat/d.GIF");
    check_tree(OPEN(.path = "t.tar"));
    assert_string_equal(warned, "'t.tar': 2 images are left out: only .png, "
                                ".jpg and .jpeg are read");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_folder),        TEST(test_splits),
        TEST(test_sizes),         TEST(test_folder_bad),
        TEST(test_archive_alike), TEST(test_archive_torn),
        TEST(test_left_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
