/* src/base: errors, memory, files, digests, threads. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/context.h"
#include "base/digest.h"
#include "base/file.h"
#include "base/threads.h"
#include "sweep.h"

static drift_context *ctx;
static const char *self; /* this program */
static char folder[64];

static int setup(void **state)
{
    (void)state;
    snprintf(folder, sizeof folder, "base.XXXXXX");
    return drift_context_open(&ctx, NULL) != DRIFT_OK || !mkdtemp(folder);
}

static int teardown(void **state)
{
    (void)state;
    drift_context_close(ctx);
    return rmdir(folder); /* every test leaves it empty */
}

static const char *in_folder(const char *name)
{
    static char path[128];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static void expect_error(drift_status status, drift_status wanted,
                         const char *text)
{
    assert_int_equal(status, wanted);
    assert_int_equal(drift_error_code(ctx), wanted);
    assert_non_null(strstr(drift_error_text(ctx), text));
    drift_error_clear(ctx);
}

/* -- errors -----------------------------------------------------------------
 */

static void first_error_stays(void **state)
{
    (void)state;
    assert_int_equal(ERROR(ctx, DRIFT_ERROR_IO, "first %d", 1), DRIFT_ERROR_IO);
    assert_int_equal(ERROR(ctx, DRIFT_ERROR_SHAPE, "second"),
                     DRIFT_ERROR_SHAPE);
    assert_int_equal(drift_error_code(ctx), DRIFT_ERROR_IO);
    assert_string_equal(drift_error_text(ctx), "first 1");
    assert_non_null(strstr(drift_error_place(ctx), "base.c:"));
    (void)error_prefix(ctx, DRIFT_ERROR_IO, "key '%s'", "k");
    assert_string_equal(drift_error_text(ctx), "key 'k': first 1");
    drift_error_clear(ctx);
    assert_int_equal(drift_error_code(ctx), DRIFT_OK);
    assert_string_equal(drift_error_text(ctx), "");
    assert_string_equal(drift_error_place(ctx), "");
    (void)error_prefix(ctx, DRIFT_OK, "nothing to prefix");
    assert_string_equal(drift_error_text(ctx), "");
}

static void long_errors_are_cut(void **state)
{
    (void)state;
    static char text[5000];
    memset(text, 'x', sizeof text - 1);
    (void)ERROR(ctx, DRIFT_ERROR_IO, "%s", text);
    assert_int_equal(strlen(drift_error_text(ctx)), sizeof ctx->text - 1);
    (void)error_prefix(ctx, DRIFT_ERROR_IO, "where");
    assert_int_equal(strncmp(drift_error_text(ctx), "where: xxx", 10), 0);
    (void)error_prefix(ctx, DRIFT_ERROR_IO, "%s", text);
    assert_int_equal(strlen(drift_error_text(ctx)), sizeof ctx->text - 1);
    drift_error_clear(ctx);
}

/* Names from files do not reach the terminal as they are. */
static void texts_are_one_line(void **state)
{
    (void)state;
    const char *bad = "a\n\x1b[2J\x7f\xc2\x9b\xc3\xa4\xc2";
    (void)ERROR(ctx, DRIFT_ERROR_IO, "'%s'", bad);
    assert_string_equal(drift_error_text(ctx), "'a??[2J???\xc3\xa4\xc2'");
    (void)error_prefix(ctx, DRIFT_ERROR_IO, "%s", bad);
    assert_string_equal(drift_error_text(ctx),
                        "a??[2J???\xc3\xa4\xc2: 'a??[2J???\xc3\xa4\xc2'");
    drift_error_clear(ctx);
}

static void without_context(void **state)
{
    (void)state;
    assert_int_equal(ERROR(NULL, DRIFT_ERROR_IO, "unheard"), DRIFT_ERROR_IO);
    assert_int_equal(error_prefix(NULL, DRIFT_ERROR_IO, "unheard"),
                     DRIFT_ERROR_IO);
    log_warning(NULL, "unheard");
    drift_error_clear(NULL);
    drift_context_close(NULL);
    assert_int_equal(drift_error_code(NULL), DRIFT_ERROR_MEMORY);
    assert_true(*drift_error_text(NULL));
    assert_string_equal(drift_error_place(NULL), "");
    assert_string_equal(drift_context_device(NULL), "");
}

static char logged[64];
static int logged_level;

static void keep_log(void *data, int level, const char *text)
{
    assert_ptr_equal(data, &logged_level);
    logged_level = level;
    snprintf(logged, sizeof logged, "%s", text);
}

static void contexts_open(void **state)
{
    (void)state;
    drift_context *c;
    drift_options options = {
        .threads = 3, .log = keep_log, .log_data = &logged_level};
    assert_int_equal(drift_context_open(&c, &options), DRIFT_OK);
    int threads = threads_get();
    assert_true(threads == 3 || threads == 1); /* 1: built without OpenMP */
    assert_true(*drift_context_device(c));
    log_warning(c, "w %d", 1);
    assert_string_equal(logged, "w 1");
    assert_int_equal(logged_level, DRIFT_LOG_WARNING);
    log_warning(c, "w\n");
    assert_string_equal(logged, "w?");
    log_info(c, "i");
    assert_int_equal(logged_level, DRIFT_LOG_INFO);
    log_debug(c, "d");
    assert_int_equal(logged_level, DRIFT_LOG_DEBUG);
    drift_context_close(c);

    options = (drift_options){.device = "abacus"};
    assert_int_equal(drift_context_open(&c, &options), DRIFT_ERROR_DEVICE);
    assert_non_null(strstr(drift_error_text(c), "abacus"));
    assert_non_null(strstr(drift_error_text(c), "cpu"));
    drift_context_close(c);

    options = (drift_options){.threads = -1};
    assert_int_equal(drift_context_open(&c, &options), DRIFT_ERROR_USAGE);
    drift_context_close(c);

    for (long n = 1, left = 0; !left; n++) {
        (void)mem_fail_after(n);
        options = (drift_options){.profile = 1};
        drift_status status = drift_context_open(&c, &options);
        left = mem_fail_after(0);
        assert_int_equal(status, left ? DRIFT_OK : DRIFT_ERROR_MEMORY);
        drift_context_close(c);
    }
}

/* -- memory -----------------------------------------------------------------
 */

static void memory(void **state)
{
    (void)state;
    unsigned char *p = mem_alloc(ctx, 1000, 1);
    for (size_t i = 0; i < 1000; i++)
        assert_int_equal(p[i], 0);
    memset(p, 7, 1000);
    unsigned char *q = mem_resize(ctx, p, 3, 1000);
    assert_non_null(q);
    for (size_t i = 0; i < 1000; i++)
        assert_int_equal(q[i], 7);
    (void)mem_fail_after(1);
    assert_null(mem_resize(ctx, q, 1, 1));
    expect_error(drift_error_code(ctx), DRIFT_ERROR_MEMORY, "1 bytes");
    assert_int_equal(q[999], 7); /* still there */
    mem_free(q);

    p = mem_alloc(ctx, 0, 8);
    assert_non_null(p);
    mem_free(p);
    mem_free(NULL);

    p = mem_alloc_aligned(ctx, 100);
    assert_int_equal((uintptr_t)p % 64, 0);
    mem_free(p);

    char *s = mem_printf(ctx, "%d-%s", 12, "ab");
    assert_string_equal(s, "12-ab");
    char *copy = mem_strdup(ctx, s);
    assert_string_equal(copy, s);
    mem_free(s);
    mem_free(copy);
}

static void memory_runs_out(void **state)
{
    (void)state;
    assert_null(mem_alloc(ctx, SIZE_MAX / 2, 3)); /* the product overflows */
    expect_error(drift_error_code(ctx), DRIFT_ERROR_MEMORY, "out of memory");
    assert_null(mem_resize(ctx, NULL, SIZE_MAX / 2, 3));
    expect_error(drift_error_code(ctx), DRIFT_ERROR_MEMORY, "out of memory");

    (void)mem_fail_after(3);
    void *a = mem_alloc(ctx, 1, 1), *b = mem_alloc_aligned(ctx, 1);
    assert_true(a && b);
    assert_null(mem_strdup(ctx, "x"));
    assert_int_equal(mem_fail_after(0), 0); /* it has happened, */
    void *c = mem_alloc(ctx, 1, 1);         /* and only once */
    assert_non_null(c);
    mem_free(a);
    mem_free(b);
    mem_free(c);
    expect_error(drift_error_code(ctx), DRIFT_ERROR_MEMORY, "out of memory");

    (void)mem_fail_after(5);
    assert_int_equal(mem_fail_after(1), 5);
    assert_null(mem_alloc(NULL, 1, 1)); /* silently */
    assert_int_equal(drift_error_code(ctx), DRIFT_OK);
}

/* -- files ------------------------------------------------------------------
 */

static void expect_content(const char *path, const void *data, size_t size)
{
    file_view view;
    assert_int_equal(file_open_view(ctx, path, &view), DRIFT_OK);
    assert_int_equal(view.size, size);
    if (size)
        assert_memory_equal(view.data, data, size);
    file_close_view(&view);
}

static size_t entries(const char *path)
{
    char **names;
    size_t count;
    assert_int_equal(file_list(ctx, path, &names, &count), DRIFT_OK);
    file_list_free(names, count);
    return count;
}

static void files_are_replaced_whole(void **state)
{
    (void)state;
    char path[128];
    snprintf(path, sizeof path, "%s", in_folder("file"));
    assert_false(file_exists(path));
    assert_int_equal(file_replace(ctx, path, "old", 3), DRIFT_OK);
    expect_content(path, "old", 3);

    file_writer *w;
    assert_int_equal(file_create(ctx, path, &w), DRIFT_OK);
    assert_int_equal(file_write(w, "new ", 4), DRIFT_OK);
    assert_int_equal(file_write(w, "text", 4), DRIFT_OK);
    expect_content(path, "old", 3); /* until the commit */
    assert_int_equal(file_commit(w), DRIFT_OK);
    expect_content(path, "new text", 8);

    assert_int_equal(file_create(ctx, path, &w), DRIFT_OK);
    assert_int_equal(file_write(w, "half", 4), DRIFT_OK);
    file_abort(w);
    expect_content(path, "new text", 8);
    assert_int_equal(entries(folder), 1); /* no temporary stays */

    assert_int_equal(file_replace(ctx, path, "", 0), DRIFT_OK);
    expect_content(path, "", 0);
    unlink(path);
}

/* The disk is full: here, a limit on the size of files. */
static void full_disk_keeps_the_old(void **state)
{
    (void)state;
    char path[128];
    static char large[100000];
    struct rlimit old, small;
    snprintf(path, sizeof path, "%s", in_folder("file"));
    assert_int_equal(file_replace(ctx, path, "old", 3), DRIFT_OK);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    small = old;
    small.rlim_cur = 50000;
    void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    drift_status status = file_replace(ctx, path, large, sizeof large);
    setrlimit(RLIMIT_FSIZE, &old);
    signal(SIGXFSZ, handler);
    expect_error(status, DRIFT_ERROR_IO, "unable to write");
    expect_content(path, "old", 3);
    assert_int_equal(entries(folder), 1);
    unlink(path);
}

/* A file that is filled as memory; its disk is found full before that. */
static void file_as_memory(void **state)
{
    (void)state;
    enum { SIZE = 100000 };
    static unsigned char want[SIZE];
    char path[128];
    file_writer *w;
    unsigned char *map;
    struct rlimit old, small;
    snprintf(path, sizeof path, "%s", in_folder("file"));
    assert_int_equal(file_create(ctx, path, &w), DRIFT_OK);
    assert_int_equal(file_map(w, SIZE, &map), DRIFT_OK);
    assert_memory_equal(map, want, SIZE);
    map[0] = want[0] = 7;
    map[SIZE - 1] = want[SIZE - 1] = 9;
    assert_false(file_exists(path));
    assert_int_equal(file_commit(w), DRIFT_OK);
    expect_content(path, want, SIZE);

    assert_int_equal(file_create(ctx, path, &w), DRIFT_OK);
    assert_int_equal(file_map(w, SIZE, &map), DRIFT_OK);
    file_abort(w);
    expect_content(path, want, SIZE);

    assert_int_equal(file_create(ctx, path, &w), DRIFT_OK);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    small = old;
    small.rlim_cur = SIZE - 1;
    void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    drift_status status = file_map(w, SIZE, &map);
    setrlimit(RLIMIT_FSIZE, &old);
    signal(SIGXFSZ, handler);
    expect_error(status, DRIFT_ERROR_IO, "unable to take 100000 bytes");
    file_abort(w);
    assert_int_equal(entries(folder), 1);
    unlink(path);
}

/* Advice changes no byte, wherever the stretch begins. */
static void advice(void **state)
{
    (void)state;
    static char bytes[20000];
    char path[128];
    file_view view;
    snprintf(path, sizeof path, "%s", in_folder("file"));
    memset(bytes, 5, sizeof bytes);
    assert_int_equal(file_replace(ctx, path, bytes, sizeof bytes), DRIFT_OK);
    assert_int_equal(file_open_view(ctx, path, &view), DRIFT_OK);
    file_scattered(&view);
    file_expect(&view, 0, 1);
    file_expect(&view, 4097, 9000);
    file_expect(&view, sizeof bytes, 0);
    assert_memory_equal(view.data, bytes, sizeof bytes);
    file_close_view(&view);
    assert_true(file_is_regular(path));
    assert_false(file_is_regular(folder));
    assert_false(file_is_regular("/dev/null"));
    unlink(path);
}

static void unwritable_places(void **state)
{
    (void)state;
    char path[128];
    file_writer *w;
    snprintf(path, sizeof path, "%s", in_folder("absent/file"));
    expect_error(file_create(ctx, path, &w), DRIFT_ERROR_IO, "absent/file");
    assert_null(w);
    snprintf(path, sizeof path, "%s", in_folder("dir"));
    assert_int_equal(file_make_dir(ctx, path), DRIFT_OK);
    expect_error(file_replace(ctx, path, "x", 1), DRIFT_ERROR_IO,
                 "dir': Is a directory");
    assert_int_equal(entries(folder), 1);
    rmdir(path);
}

static void links_stay(void **state)
{
    (void)state;
    char path[128];
    struct stat info;
    snprintf(path, sizeof path, "%s", in_folder("link"));
    assert_int_equal(mkdir(in_folder("d"), 0700), 0);
    assert_int_equal(symlink("d/link", path), 0);
    assert_int_equal(symlink("file", in_folder("d/link")), 0);
    /* What they lead to is made, then replaced. */
    for (int i = 0; i < 2; i++) {
        assert_int_equal(file_replace(ctx, path, "new", 3), DRIFT_OK);
        assert_int_equal(lstat(in_folder("d/file"), &info), 0);
        assert_true(S_ISREG(info.st_mode));
        assert_int_equal(lstat(path, &info), 0);
        assert_true(S_ISLNK(info.st_mode));
        expect_content(path, "new", 3);
    }
    assert_int_equal(entries(in_folder("d")), 2); /* no temporary stays */
    unlink(in_folder("d/link"));
    assert_int_equal(symlink("../link", in_folder("d/link")), 0);
    expect_error(file_replace(ctx, path, "x", 1), DRIFT_ERROR_IO, "link': ");
    unlink(in_folder("d/link"));
    unlink(in_folder("d/file"));
    rmdir(in_folder("d"));
    /* mkdir says why, not the question whether it is there already. */
    expect_error(file_make_dir(ctx, path), DRIFT_ERROR_IO, "File exists");
    unlink(path);
}

static void unreadable_files(void **state)
{
    (void)state;
    file_view view;
    expect_error(file_open_view(ctx, in_folder("absent"), &view),
                 DRIFT_ERROR_IO, "No such file");
    file_close_view(&view); /* harmless */
    expect_error(file_open_view(ctx, folder, &view), DRIFT_ERROR_IO,
                 "directory");
}

static void pipes_are_read(void **state)
{
    (void)state;
    static unsigned char data[200000];
    char path[128];
    for (size_t i = 0; i < sizeof data; i++)
        data[i] = (unsigned char)(i * 7 + i / 256);
    snprintf(path, sizeof path, "%s", in_folder("pipe"));
    assert_int_equal(mkfifo(path, 0600), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        int fd = open(path, O_WRONLY);
        size_t done = 0;
        while (fd >= 0 && done < sizeof data) {
            ssize_t n = write(fd, data + done, sizeof data - done);
            if (n < 0)
                break;
            done += (size_t)n;
        }
        _exit(done != sizeof data);
    }
    expect_content(path, data, sizeof data);
    int result;
    assert_int_equal(waitpid(child, &result, 0), child);
    assert_int_equal(result, 0);
    unlink(path);
}

static void pipes_are_written(void **state)
{
    (void)state;
    char path[128], text[16] = "";
    struct stat info;
    snprintf(path, sizeof path, "%s", in_folder("pipe"));
    assert_int_equal(mkfifo(path, 0600), 0);
    int fd =
        open(path, O_RDONLY | O_NONBLOCK); /* so that writers need not wait */
    assert_true(fd >= 0);
    assert_int_equal(file_replace(ctx, path, "text", 4), DRIFT_OK);
    assert_int_equal(read(fd, text, sizeof text), 4);
    assert_string_equal(text, "text");
    close(fd);
    assert_int_equal(lstat(path, &info), 0);
    assert_true(S_ISFIFO(info.st_mode));
    assert_int_equal(entries(folder), 1);
    unlink(path);
}

static void folders(void **state)
{
    (void)state;
    char path[128];
    snprintf(path, sizeof path, "%s", in_folder("a/b/c"));
    assert_int_equal(file_make_dir(ctx, path), DRIFT_OK);
    assert_int_equal(file_make_dir(ctx, path), DRIFT_OK); /* again */
    assert_true(file_exists(path));
    static const char *const names[] = {"c/2", "c/10", "c/x", "c/1"};
    for (size_t i = 0; i < 4; i++) {
        snprintf(path, sizeof path, "%s/a/b/%s", folder, names[i]);
        assert_int_equal(file_replace(ctx, path, "", 0), DRIFT_OK);
    }
    char **list;
    size_t count;
    snprintf(path, sizeof path, "%s", in_folder("a/b/c"));
    assert_int_equal(file_list(ctx, path, &list, &count), DRIFT_OK);
    assert_int_equal(count, 4);
    assert_string_equal(list[0], "1");
    assert_string_equal(list[1], "10");
    assert_string_equal(list[2], "2");
    assert_string_equal(list[3], "x");
    file_list_free(list, count);

    snprintf(path, sizeof path, "%s", in_folder("a/b/c/1/d"));
    expect_error(file_make_dir(ctx, path), DRIFT_ERROR_IO,
                 "unable to create folder");
    expect_error(file_list(ctx, in_folder("absent"), &list, &count),
                 DRIFT_ERROR_IO, "absent");
    for (size_t i = 0; i < 4; i++) {
        snprintf(path, sizeof path, "%s/a/b/%s", folder, names[i]);
        unlink(path);
    }
    rmdir(in_folder("a/b/c"));
    rmdir(in_folder("a/b"));
    rmdir(in_folder("a"));
}

static drift_status all_file_calls(drift_context *c, void *arg)
{
    drift_status status = DRIFT_OK;
    char **names = NULL;
    size_t count = 0;
    file_view view = {0};
    TRY(file_make_dir(c, arg));
    TRY(file_replace(c, in_folder("d/file"), "text", 4));
    TRY(file_open_view(c, in_folder("d/file"), &view));
    TRY(file_list(c, arg, &names, &count));
    assert_int_equal(count, 1);
out:
    file_list_free(names, count);
    file_close_view(&view);
    return status;
}

static void file_memory_runs_out(void **state)
{
    (void)state;
    char path[128];
    snprintf(path, sizeof path, "%s", in_folder("d"));
    sweep_memory(all_file_calls, path);
    assert_int_equal(entries(path), 1); /* no temporaries */
    unlink(in_folder("d/file"));
    rmdir(path);
}

/* -- digests, threads -------------------------------------------------------
 */

static void digests(void **state)
{
    (void)state;
    char text[DIGEST_TEXT], parts[DIGEST_TEXT];
    static unsigned char data[10000];
    digest_of("", 0, text);
    assert_string_equal(text, "99aa06d3014798d86001c324468d497f");
    for (size_t i = 0; i < sizeof data; i++)
        data[i] = (unsigned char)(i * i);
    digest_of(data, sizeof data, text);
    digest *d = digest_new();
    for (size_t i = 0; i < sizeof data; i += 1250)
        digest_add(d, data + i, 1250);
    digest_finish(d, parts);
    assert_string_equal(parts, text);
    data[5000] ^= 1;
    digest_of(data, sizeof data, parts);
    assert_string_not_equal(parts, text);
}

static void threads(void **state)
{
    (void)state;
    assert_true(threads_available() >= 1);
    threads_set(3);
    int three = threads_get();
    assert_true(three == 3 || three == 1); /* 1: built without OpenMP */
    threads_set(0);
    assert_int_equal(threads_get(), three == 3 ? threads_available() : 1);
    /* This program again, which then ends with the number: see main. */
    char command[4200];
    snprintf(command, sizeof command, "OMP_NUM_THREADS=7 '%s' threads", self);
    int result = system(command);
    assert_true(WIFEXITED(result));
    assert_int_equal(WEXITSTATUS(result), three == 3 ? 7 : 1);
    double begin = clock_seconds();
    assert_true(clock_seconds() >= begin);
    size_t now = memory_resident(), peak = memory_peak();
    assert_true(now == 0 || peak == 0 || peak >= now / 2);
}

int main(int argc, char **argv)
{
    self = argv[0];
    if (argc > 1) {
        threads_set(3);
        return threads_available();
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(first_error_stays),
        cmocka_unit_test(long_errors_are_cut),
        cmocka_unit_test(texts_are_one_line),
        cmocka_unit_test(without_context),
        cmocka_unit_test(contexts_open),
        cmocka_unit_test(memory),
        cmocka_unit_test(memory_runs_out),
        cmocka_unit_test(files_are_replaced_whole),
        cmocka_unit_test(full_disk_keeps_the_old),
        cmocka_unit_test(file_as_memory),
        cmocka_unit_test(advice),
        cmocka_unit_test(unwritable_places),
        cmocka_unit_test(unreadable_files),
        cmocka_unit_test(links_stay),
        cmocka_unit_test(pipes_are_read),
        cmocka_unit_test(pipes_are_written),
        cmocka_unit_test(folders),
        cmocka_unit_test(file_memory_runs_out),
        cmocka_unit_test(digests),
        cmocka_unit_test(threads),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
