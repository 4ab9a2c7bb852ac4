/* The cache of built kernels: a program is taken from it when all is well, and
 * compiled again, without an error, whatever is wrong with it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "ocl/cache.h"
#include "../opencl.h"

#define HEADER sizeof(ocl_cache_header)

static const char *program; /* this one: `cache build` only builds */
static char folder[200], path[512], said[4096];
static file_view whole; /* the file of a good cache */
static size_t all;      /* files of a good cache: the self-test's too */

static void keep(void *data, int level, const char *text)
{
    (void)data;
    size_t used = strlen(said);
    if (level == DRIFT_LOG_DEBUG)
        snprintf(said + used, sizeof said - used, "%s\n", text);
}

/* One kernel of a small file, as a fresh process has it: what the log said of
 * the cache is in `said`. */
static drift_status build(void)
{
    drift_options options = {.device = "opencl", .log = keep};
    drift_context *ctx = NULL;
    cl_kernel kernel = NULL;
    drift_status status = drift_context_open(&ctx, &options);
    said[0] = '\0';
    if (status == DRIFT_OK)
        status = ocl_kernel(ctx, "ema", "ema", &kernel);
    if (status != DRIFT_OK)
        fprintf(stderr, "%s\n", drift_error_text(ctx));
    drift_context_close(ctx);
    return status;
}

static void must_build(void)
{
    assert_int_equal(build(), DRIFT_OK);
}

static int was_used(void)
{
    return strstr(said, "cache: from '") != NULL;
}

/* The file that was used. */
static void find_path(void)
{
    const char *at = strstr(said, "cache: from '");
    assert_non_null(at);
    assert_int_equal(sscanf(at, "cache: from '%511[^']", path), 1);
}

static size_t files(void)
{
    char **names, inner[256];
    size_t count;
    snprintf(inner, sizeof inner, "%s/drift", folder);
    if (!file_exists(inner))
        return 0;
    assert_int_equal(file_list(NULL, inner, &names, &count), DRIFT_OK);
    file_list_free(names, count);
    return count;
}

static void put(const void *data, size_t size)
{
    assert_int_equal(file_replace(NULL, path, data, size), DRIFT_OK);
}

/* `data` in the place of the good file is refused with these words, and what
 * is compiled then is kept and used. */
static void refused(const void *data, size_t size, const char *words)
{
    put(data, size);
    must_build();
    assert_false(was_used());
    if (!strstr(said, words))
        fail_msg("'%s' lacks '%s'", said, words);
    must_build();
    assert_true(was_used());
    assert_int_equal(files(), all);
}

static void keeps_what_it_built(void **state)
{
    (void)state;
    assert_int_equal(files(), 0);
    must_build();
    assert_false(was_used());
    all = files();
    assert_true(all > 0);
    must_build();
    find_path();
    assert_int_equal(files(), all);
    assert_int_equal(file_open_view(NULL, path, &whole), DRIFT_OK);
    assert_true(whole.size > HEADER);
}

static void torn(void **state)
{
    (void)state;
    const size_t sizes[] = {
        0, 1, HEADER - 1, HEADER, HEADER + 1, whole.size / 2, whole.size - 1};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        refused(whole.data, sizes[i],
                sizes[i] < HEADER ? "it is torn" : "its length is wrong");
}

static void flipped(void **state)
{
    (void)state;
    const struct {
        size_t at;
        const char *words;
    } cases[] = {
        {offsetof(ocl_cache_header, magic) + 6, "of another format"},
        {offsetof(ocl_cache_header, key), "of another program or driver"},
        {offsetof(ocl_cache_header, content) + 9, "its digest is wrong"},
        {offsetof(ocl_cache_header, length) + 7, "its length is wrong"},
        {HEADER, "its digest is wrong"},
        {whole.size - 1, "its digest is wrong"},
    };
    unsigned char *copy = mem_alloc(NULL, whole.size + 1, 1);
    assert_non_null(copy);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        memcpy(copy, whole.data, whole.size);
        copy[cases[i].at] ^= 1;
        refused(copy, whole.size, cases[i].words);
    }
    memcpy(copy, whole.data, whole.size);
    refused(copy, whole.size + 1, "its length is wrong");
    mem_free(copy);
}

/* Well formed, but no binary of this driver. */
static void refused_by_driver(void **state)
{
    (void)state;
    unsigned char file[HEADER + 100] = {0};
    ocl_cache_header header;
    char content[DIGEST_TEXT];
    memcpy(&header, whole.data, HEADER);
    header.length = 100;
    digest_of(file + HEADER, 100, content);
    memcpy(header.content, content, sizeof header.content);
    memcpy(file, &header, HEADER);
    refused(file, sizeof file, "the driver refuses it");
}

/* Source, options, driver: each has a part in the key. */
static void key_of_all(void **state)
{
    (void)state;
    drift_options options = {.device = "opencl"};
    drift_context *ctx = NULL;
    char key[3][DIGEST_TEXT];
    assert_int_equal(drift_context_open(&ctx, &options), DRIFT_OK);
    ocl_cache_key(ocl_of(ctx), "ab", "c", key[0]);
    ocl_cache_key(ocl_of(ctx), "ab", "d", key[1]);
    ocl_cache_key(ocl_of(ctx), "b", "ca", key[2]);
    assert_int_equal(strlen(key[0]), DIGEST_TEXT - 1);
    assert_string_not_equal(key[0], key[1]);
    assert_string_not_equal(key[0], key[2]);
    drift_context_close(ctx);
}

static void several_processes(void **state)
{
    (void)state;
    pid_t child[4];
    assert_int_equal(unlink(path), 0);
    for (int i = 0; i < 4; i++) {
        child[i] = fork();
        if (!child[i]) {
            execl(program, program, "build", (char *)NULL);
            _exit(127);
        }
    }
    for (int i = 0; i < 4; i++) {
        int how = -1;
        assert_int_equal(waitpid(child[i], &how, 0), child[i]);
        assert_int_equal(how, 0);
    }
    assert_int_equal(files(), all);
    must_build();
    assert_true(was_used());
}

/* No folder to keep it in: a file in its place, one that takes no files (root
 * writes into read-only ones, but not into /proc), none at all. */
static void no_folder(void **state)
{
    (void)state;
    char file[256], locked[256];
    snprintf(file, sizeof file, "%s/file", folder);
    snprintf(locked, sizeof locked, "%s/locked", folder);
    assert_int_equal(file_replace(NULL, file, "", 0), DRIFT_OK);
    assert_int_equal(mkdir(locked, 0555), 0);
    const char *bad[] = {file, "/proc", locked};
    for (size_t i = 0; i < 3; i++) {
        setenv("XDG_CACHE_HOME", bad[i], 1);
        must_build();
        if (i < 2 || geteuid() != 0)
            assert_non_null(strstr(said, "cache: unable to create"));
    }
    unsetenv("XDG_CACHE_HOME");
    unsetenv("HOME");
    must_build();
    assert_string_equal(said, "");
    setenv("HOME", folder, 1);
    must_build();
    must_build();
    assert_true(was_used());
    setenv("XDG_CACHE_HOME", folder, 1);
}

static void switched(void **state)
{
    (void)state;
    setenv("DRIFT_CACHE", "off", 1);
    assert_int_equal(unlink(path), 0);
    must_build();
    assert_string_equal(said, "");
    assert_int_equal(files(), all - 1);
    setenv("DRIFT_CACHE", "perhaps", 1);
    assert_int_equal(build(), DRIFT_ERROR_USAGE);
    setenv("DRIFT_CACHE", "on", 1);
}

/* Without a device there is nothing to test, where none is required. */
static int opens(void)
{
    drift_options options = {.device = "opencl"};
    drift_context *ctx = NULL;
    int good = drift_context_open(&ctx, &options) == DRIFT_OK;
    if (!good)
        printf("skipped: %s\n", drift_error_text(ctx));
    drift_context_close(ctx);
    return good;
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keeps_what_it_built),
        cmocka_unit_test(torn),
        cmocka_unit_test(flipped),
        cmocka_unit_test(refused_by_driver),
        cmocka_unit_test(key_of_all),
        cmocka_unit_test(several_processes),
        cmocka_unit_test(no_folder),
        cmocka_unit_test(switched),
    };
    char remove[256];
    program = argv[0];
    /* Ended at once: this process looks for the leaks of the same way, and
     * the sanitizer's walk over PoCL's threads has crashed in four at once. */
    if (argc > 1)
        _exit(build() != DRIFT_OK);
    if (!opens())
        return opencl_required() ? 1 : 77;
    snprintf(folder, sizeof folder, "%s/drift-cache.XXXXXX",
             getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp");
    if (!mkdtemp(folder))
        return 99;
    setenv("XDG_CACHE_HOME", folder, 1);
    setenv("DRIFT_CACHE", "on", 1);
    unsetenv("DRIFT_CL_DIR");
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    file_close_view(&whole);
    snprintf(remove, sizeof remove, "rm -rf '%s'", folder);
    return failed || system(remove) != 0;
}
