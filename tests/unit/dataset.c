/* What the tests of data sets share: see dataset.h. */
#include "dataset.h"

#include <archive.h>
#include <archive_entry.h>

#include "base/file.h"
#include "formats/image.h"

drift_context *ctx;
char warned[256];
static char start[4096]; /* where the program was started */
static char folder[64];

static void keep_warning(void *data, int level, const char *text)
{
    (void)data;
    if (level == DRIFT_LOG_WARNING)
        snprintf(warned, sizeof warned, "%s", text);
}

int setup(void **state)
{
    (void)state;
    drift_options options = {.log = keep_warning};
    warned[0] = '\0';
    snprintf(folder, sizeof folder, "data.XXXXXX");
    return (!start[0] && !getcwd(start, sizeof start)) ||
           drift_context_open(&ctx, &options) != DRIFT_OK || !mkdtemp(folder) ||
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

int teardown(void **state)
{
    (void)state;
    if (chdir(start) != 0)
        return 1;
    drift_error_clear(ctx);
    remove_all(folder);
    drift_context_close(ctx);
    return 0;
}

void expect_ok(drift_status status)
{
    if (status != DRIFT_OK)
        fail_msg("%s (%s)", drift_error_text(ctx), drift_error_place(ctx));
}

void expect_error(drift_status status, drift_status wanted, const char *text)
{
    if (status != wanted || !strstr(drift_error_text(ctx), text))
        fail_msg("status %d and '%s' instead of %d and '%s'", status,
                 drift_error_text(ctx), wanted, text);
    drift_error_clear(ctx);
}

dataset *open_ok(data_config c)
{
    dataset *d;
    expect_ok(dataset_open(ctx, &c, 1, &d));
    return d;
}

void open_bad(data_config c, drift_status wanted, const char *text)
{
    dataset *d;
    expect_error(dataset_open(ctx, &c, 1, &d), wanted, text);
    assert_null(d);
}

/* -- files to read -----------------------------------------------------------
 */

void write_bytes(const char *path, const void *data, size_t size)
{
    expect_ok(file_replace(ctx, path, data, size));
}

void make_dir(const char *path)
{
    expect_ok(file_make_dir(ctx, path));
}

void pack(const char *path, const char *const *files)
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
        file_view view = {0};
        int is_folder = file_is_dir(*files);
        if (!is_folder)
            expect_ok(file_open_view(ctx, *files, &view));
        struct archive_entry *e = archive_entry_new();
        archive_entry_set_pathname(e, *files);
        archive_entry_set_filetype(e, is_folder ? AE_IFDIR : AE_IFREG);
        archive_entry_set_perm(e, is_folder ? 0755 : 0644);
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

void write_png(const char *path, int height, int width, int channels,
               unsigned char value)
{
    unsigned char pixels[64 * 64 * 3];
    memset(pixels, value, sizeof pixels);
    image img = {height, width, channels, pixels};
    expect_ok(image_write_png(ctx, path, &img));
}

void write_tree(const char *root)
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

void expect_pixels(dataset *d, size_t i, double first, double last)
{
    float x[64 * 64 * 3];
    size_t n = (size_t)d->height * (size_t)d->width * (size_t)d->channels;
    expect_ok(d->get(d, i, x));
    assert_true(fabs(x[0] - (first / 127.5 - 1)) < 1e-6);
    assert_true(fabs(x[n - 1] - (last / 127.5 - 1)) < 1e-6);
}
