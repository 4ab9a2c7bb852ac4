/* Readers and writers of src/formats: golden files with verdicts, damaged
 * files, memory that runs out at every place, what is written read back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <errno.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/mem.h"
#include "formats/flax.h"
#include "formats/image.h"
#include "formats/npy.h"
#include "formats/safetensors.h"
#include "formats/torch.h"

#define GOLDEN DRIFT_SOURCE_DIR "/tests/golden/torch/files/"
#define FORMS  DRIFT_SOURCE_DIR "/tests/golden/jax/forms."

static drift_context *ctx;
static char folder[64]; /* for what a test writes */

static int setup(void **state)
{
    (void)state;
    snprintf(folder, sizeof folder, "formats.XXXXXX");
    return drift_context_open(&ctx, NULL) != DRIFT_OK || !mkdtemp(folder);
}

static int teardown(void **state)
{
    (void)state;
    drift_context_close(ctx);
    return rmdir(folder);
}

static const char *in_folder(const char *name)
{
    static char path[128];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static void expect_ok(drift_status status)
{
    if (status != DRIFT_OK)
        fail_msg("%s (%s)", drift_error_text(ctx), drift_error_place(ctx));
}

/* The error's text holds `text`; clears it. */
static void expect_error(drift_status status, drift_status wanted,
                         const char *text)
{
    if (status != wanted || !strstr(drift_error_text(ctx), text))
        fail_msg("status %d and '%s' instead of %d and '%s'", status,
                 drift_error_text(ctx), wanted, text);
    drift_error_clear(ctx);
}

/* -- one entry for all kinds of checkpoint files -----------------------------
 */

typedef struct checkpoint {
    safetensors st;
    flax flax;
    torch_file torch;
    array_list numpy;
    array_list *arrays;
} checkpoint;

static int has_ending(const char *name, const char *ending)
{
    size_t n = strlen(name), e = strlen(ending);
    return n >= e && !strcmp(name + n - e, ending);
}

static drift_status open_any(const char *path, checkpoint *c)
{
    memset(c, 0, sizeof *c);
    if (has_ending(path, ".safetensors")) {
        c->arrays = &c->st.arrays;
        return safetensors_open(ctx, path, &c->st);
    }
    if (has_ending(path, ".msgpack")) {
        c->arrays = &c->flax.arrays;
        return flax_open(ctx, path, &c->flax);
    }
    if (has_ending(path, ".pth") || has_ending(path, ".pt")) {
        c->arrays = &c->torch.arrays;
        return torch_open(ctx, path, &c->torch);
    }
    c->arrays = &c->numpy;
    return has_ending(path, ".npz") ? npz_read(ctx, path, &c->numpy)
                                    : npy_read(ctx, path, &c->numpy);
}

static void close_any(checkpoint *c)
{
    safetensors_close(&c->st);
    flax_close(&c->flax);
    torch_close(&c->torch);
    array_list_free(&c->numpy);
}

/* -- golden files ------------------------------------------------------------
 */

/* 1 when all that `expected` holds under FILE/ is in the checkpoint to the
 * bit, and nothing else is but the state of an optimizer, which it leaves
 * out. */
static int same_as_expected(const char *file, const checkpoint *c,
                            const safetensors *expected)
{
    size_t found = 0, n = strlen(file);
    for (size_t i = 0; i < expected->arrays.count; i++) {
        const array *e = &expected->arrays.items[i];
        if (strncmp(e->name, file, n) || e->name[n] != '/')
            continue;
        const array *a = array_list_find(c->arrays, e->name + n + 1);
        if (!a || a->type != e->type || a->ndim != e->ndim ||
            memcmp(a->dim, e->dim, sizeof *a->dim * (size_t)a->ndim) ||
            memcmp(a->data, e->data, array_count(e) * array_type_size(e->type)))
            return 0;
        found++;
    }
    for (size_t i = 0; i < c->arrays->count; i++)
        found += !strncmp(c->arrays->items[i].name, "optimizer.", 10);
    return found == c->arrays->count;
}

static void test_golden_verdicts(void **state)
{
    (void)state;
    safetensors expected;
    expect_ok(safetensors_open(ctx, GOLDEN "expected.safetensors", &expected));
    FILE *table = fopen(GOLDEN "expected.tsv", "r");
    assert_non_null(table);
    char line[512];
    int seen = 0;
    while (fgets(line, sizeof line, table)) {
        char file[64], verdict[64], path[256];
        if (line[0] == '#' ||
            sscanf(line, "%63[^\t]\t%63[^\t]", file, verdict) != 2)
            continue;
        seen++;
        snprintf(path, sizeof path, GOLDEN "%s", file);
        checkpoint c;
        drift_status status = open_any(path, &c);
        int ok = status == DRIFT_OK;
        int right = ok && same_as_expected(file, &c, &expected);
        if (!strncmp(verdict, "ok", 2) && !right)
            fail_msg("%s must load: %s", file, drift_error_text(ctx));
        if (!strcmp(verdict, "reject") && ok)
            fail_msg("%s must be refused", file);
        if (!strcmp(verdict, "either") && ok && !right)
            fail_msg("%s: wrong values", file);
        if (!ok && (!strstr(drift_error_text(ctx), file) ||
                    (status != DRIFT_ERROR_FORMAT)))
            fail_msg("%s: status %d, '%s' does not name the file", file, status,
                     drift_error_text(ctx));
        close_any(&c);
        drift_error_clear(ctx);
    }
    fclose(table);
    safetensors_close(&expected);
    assert_int_equal(seen, 128);
    assert_int_equal(access("unsafe_pickle_marker", F_OK), -1);
}

/* NPZ_BOMB claims 4 numbers and unpacks to 64 MiB: refused or right, and in
 * either case quickly. Its verdict is in the table; here the text. */
static void test_bomb(void **state)
{
    (void)state;
    checkpoint c;
    expect_error(open_any(GOLDEN "npz_bomb.npz", &c), DRIFT_ERROR_FORMAT,
                 "bytes after the 32 expected");
    close_any(&c);
}

static void test_flax_forms(void **state)
{
    (void)state;
    flax f;
    safetensors expected;
    drift_status status = flax_open(ctx, FORMS "msgpack", &f);
    if (status == DRIFT_ERROR_UNAVAILABLE) {
        drift_error_clear(ctx);
        skip();
    }
    expect_ok(status);
    expect_ok(safetensors_open(ctx, FORMS "safetensors", &expected));
    for (size_t i = 0; i < expected.arrays.count; i++) {
        const array *e = &expected.arrays.items[i];
        const array *a = array_list_find(&f.arrays, e->name);
        if (!a)
            fail_msg("'%s' is missing", e->name);
        size_t n = array_count(e);
        assert_int_equal(array_count(a), n);
        for (int d = 0; d < e->ndim && a->ndim == e->ndim; d++)
            assert_int_equal(a->dim[d], e->dim[d]);
        double *x = mem_alloc(NULL, n, sizeof *x);
        double *y = mem_alloc(NULL, n, sizeof *y);
        array_to_f64(a, x);
        array_to_f64(e, y);
        assert_memory_equal(x, y, n * sizeof *x);
        mem_free(x);
        mem_free(y);
    }
    static const struct {
        const char *name;
        array_type type;
        double value;
    } plain[] = {{"py_int", ARRAY_I64, 7},
                 {"py_float", ARRAY_F64, .5},
                 {"py_bool", ARRAY_BOOL, 1}};
    for (size_t i = 0; i < sizeof plain / sizeof *plain; i++) {
        const array *a = NULL;
        for (size_t k = 0; k < f.arrays.count; k++)
            if (strstr(f.arrays.items[k].name, plain[i].name))
                a = &f.arrays.items[k];
        assert_non_null(a);
        double v;
        array_to_f64(a, &v);
        assert_int_equal(a->type, plain[i].type);
        assert_int_equal(a->ndim, 0);
        assert_true(v == plain[i].value);
    }
    /* Those, and the empty array. */
    assert_int_equal(f.arrays.count, expected.arrays.count + 4);
    safetensors_close(&expected);
    flax_close(&f);
}

/* -- hostile msgpack ---------------------------------------------------------
 */

static void test_flax_hostile(void **state)
{
    (void)state;
    unsigned char deep[64];
    memset(deep, 0x91, sizeof deep); /* arrays of one array */
    static const struct {
        const char *bytes;
        size_t size;
    } cases[] = {
        {"", 0},
        {"\xc1", 1},
        {"\xdd\xff\xff\xff\xff", 5},     /* 2^32-1 elements */
        {"\xdf\xff\xff\xff\xff\x01", 6}, /* 2^32-1 pairs */
        {"\xc9\xff\xff\xff\xff\x01", 6}, /* ext of 4 GiB */
        {"\xc6\xff\xff\xff\xff", 5},     /* bin of 4 GiB */
        {"\x81\xa1"
         "a",
         3},                 /* no value */
        {"\x80\x80", 2},     /* two objects */
        {"\x81\x01\x01", 3}, /* key is a number */
        {"\x82\xa1"
         "a\x01\xa1"
         "a\x02",
         7}, /* the same key twice */
        {"\x81\xa1"
         "a\xc7\x01\x05\x01",
         6}, /* unknown ext type */
        {"\x81\xa1"
         "a\xc7\x01\x01\x01",
         6}, /* array that is a number */
        {"\x81\xa1"
         "a\xc7\x0c\x01\x93\x91\x05\xa7"
         "float32\xc4",
         18},
    };
    flax f = {0};
    if (flax_parse(ctx, (const unsigned char *)"\x80", 1, &f) ==
        DRIFT_ERROR_UNAVAILABLE) {
        drift_error_clear(ctx);
        skip();
    }
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        drift_status status = flax_parse(
            ctx, (const unsigned char *)cases[i].bytes, cases[i].size, &f);
        if (status != DRIFT_ERROR_FORMAT)
            fail_msg("case %zu: status %d", i, status);
        drift_error_clear(ctx);
        flax_close(&f);
    }
    expect_error(flax_parse(ctx, deep, sizeof deep, &f), DRIFT_ERROR_FORMAT,
                 "nested");
    flax_close(&f);
    /* Odd, but well-formed: an empty key. */
    expect_ok(flax_parse(ctx, (const unsigned char *)"\x81\xa0\x07", 3, &f));
    assert_non_null(array_list_find(&f.arrays, ""));
    flax_close(&f);
}

/* -- damage ------------------------------------------------------------------
 */

/* A copy of a file's bytes in memory of exactly their size, so that a
 * sanitizer sees any step beyond the end. */
static unsigned char *load(const char *path, size_t *size)
{
    file_view view;
    expect_ok(file_open_view(ctx, path, &view));
    unsigned char *bytes = mem_alloc(NULL, view.size, 1);
    memcpy(bytes, view.data, view.size);
    *size = view.size;
    file_close_view(&view);
    return bytes;
}

static unsigned char *cut(const unsigned char *bytes, size_t size)
{
    unsigned char *copy = mem_alloc(NULL, size, 1);
    memcpy(copy, bytes, size);
    return copy;
}

/* Every length shorter than the whole must be refused. */
static void test_torn_safetensors(void **state)
{
    (void)state;
    size_t size;
    unsigned char *bytes = load(GOLDEN "st_dtypes.safetensors", &size);
    for (size_t n = 0; n < size; n++) {
        safetensors s = {0};
        unsigned char *part = cut(bytes, n);
        expect_error(safetensors_parse(ctx, part, n, &s), DRIFT_ERROR_FORMAT,
                     "");
        safetensors_close(&s);
        mem_free(part);
    }
    mem_free(bytes);
}

/* Any byte of the header changed in several ways: accepted or refused, and
 * what is accepted lies inside the file. */
static void test_flipped_safetensors(void **state)
{
    (void)state;
    static const unsigned char changes[] = {0x01, 0x20, 0x80, 0xff, 0x08};
    size_t size;
    unsigned char *bytes = load(GOLDEN "st_order.safetensors", &size);
    size_t header = 8 + (size_t)bytes[0] + 256u * bytes[1];
    for (size_t i = 0; i < header; i++)
        for (size_t k = 0; k < sizeof changes; k++) {
            safetensors s = {0};
            bytes[i] ^= changes[k];
            if (safetensors_parse(ctx, bytes, size, &s) == DRIFT_OK)
                for (size_t n = 0; n < s.arrays.count; n++) {
                    const array *a = &s.arrays.items[n];
                    const unsigned char *p = a->data;
                    size_t b = array_count(a) * array_type_size(a->type);
                    assert_true(p >= bytes + 8 && p + b <= bytes + size);
                }
            safetensors_close(&s);
            drift_error_clear(ctx);
            bytes[i] ^= changes[k];
        }
    mem_free(bytes);
}

static void test_torn_numpy(void **state)
{
    (void)state;
    size_t size;
    unsigned char *bytes = load(GOLDEN "fortran3_f4.npy", &size);
    for (size_t n = 0; n < size; n++) {
        array_list list = {0};
        unsigned char *part = cut(bytes, n);
        expect_error(npy_parse(ctx, "part.npy", part, n, &list),
                     DRIFT_ERROR_FORMAT, "'part.npy'");
        array_list_free(&list);
        mem_free(part);
    }
    mem_free(bytes);
    bytes = load(GOLDEN "images.npz", &size);
    for (size_t n = 0; n < size; n++) {
        array_list list = {0};
        unsigned char *part = cut(bytes, n);
        /* The zip's directory is at its end. */
        expect_error(npz_parse(ctx, "part.npz", part, n, &list),
                     DRIFT_ERROR_FORMAT, "'part.npz'");
        array_list_free(&list);
        mem_free(part);
    }
    mem_free(bytes);
}

static void test_torn_flax(void **state)
{
    (void)state;
    size_t size;
    unsigned char *bytes = load(FORMS "msgpack", &size);
    for (size_t n = 0; n < size; n++) {
        flax f = {0};
        unsigned char *part = cut(bytes, n);
        assert_int_not_equal(flax_parse(ctx, part, n, &f), DRIFT_OK);
        drift_error_clear(ctx);
        flax_close(&f);
        mem_free(part);
    }
    mem_free(bytes);
}

/* -- memory runs out ---------------------------------------------------------
 */

static void sweep(drift_status (*run)(void))
{
    for (long n = 1;; n++) {
        mem_fail_after(n);
        drift_status status = run();
        mem_fail_after(0);
        if (status == DRIFT_OK) {
            assert_true(n > 1);
            return;
        }
        if (status != DRIFT_ERROR_MEMORY)
            fail_msg("allocation %ld: status %d, %s", n, status,
                     drift_error_text(ctx));
        drift_error_clear(ctx);
        assert_true(n < 10000);
    }
}

static drift_status run_checkpoint(const char *path)
{
    checkpoint c;
    drift_status status = open_any(path, &c);
    close_any(&c);
    return status;
}

static drift_status run_safetensors(void)
{
    return run_checkpoint(GOLDEN "st_dtypes.safetensors");
}

static drift_status run_npy(void)
{
    return run_checkpoint(GOLDEN "fortran_f8.npy");
}

static drift_status run_npz(void)
{
    return run_checkpoint(GOLDEN "stats_deflated.npz");
}

static drift_status run_torch(void)
{
    return run_checkpoint(GOLDEN "zip_nested.pth");
}

static drift_status run_torch_older(void)
{
    return run_checkpoint(GOLDEN "legacy_nested.pth");
}

static drift_status run_torch_numpy(void)
{
    return run_checkpoint(GOLDEN "latent_fortran.pt");
}

static drift_status run_flax(void)
{
    return run_checkpoint(FORMS "msgpack");
}

static drift_status write_all(void)
{
    checkpoint c;
    const char *keys[] = {"format"}, *values[] = {"pt"};
    const char *path = in_folder("out");
    zip_writer *w = NULL;
    size_t dim[] = {3, 1};
    drift_status status = open_any(GOLDEN "stats_ref_f32.npz", &c);
    if (status == DRIFT_OK)
        status = safetensors_write(ctx, path, c.arrays, keys, values, 1);
    if (status == DRIFT_OK)
        status = torch_write(ctx, path, c.arrays);
    close_any(&c);
    if (status == DRIFT_OK)
        status = zip_create(ctx, path, &w);
    if (status == DRIFT_OK)
        status = npz_begin(w, "x", ARRAY_U8, 2, dim);
    if (status == DRIFT_OK)
        status = zip_write(w, "abc", 3);
    if (status == DRIFT_OK)
        return zip_commit(w);
    zip_abort(w);
    return status;
}

static unsigned char pixels[5 * 7 * 3];

static drift_status png_round(void)
{
    image in = {5, 7, 3, pixels}, out;
    unsigned char *data;
    size_t size;
    drift_status status = image_encode_png(ctx, &in, &data, &size);
    if (status != DRIFT_OK)
        return status;
    status = image_decode(ctx, "memory", data, size, &out);
    mem_free(data);
    if (status == DRIFT_OK)
        status = image_fit(ctx, &out, 4, 9, 1, 1);
    if (status == DRIFT_OK)
        status = image_fit(ctx, &out, 0, 0, 0, 3);
    image_free(&out);
    return status;
}

static drift_status run_jpeg(void)
{
    image img;
    drift_status status =
        image_read(ctx, DRIFT_SOURCE_DIR "/tests/unit/images/ramp.jpg", &img);
    image_free(&img);
    return status;
}

static void test_out_of_memory(void **state)
{
    (void)state;
    flax f = {0};
    if (run_jpeg() == DRIFT_OK)
        sweep(run_jpeg);
    drift_error_clear(ctx);
    sweep(run_safetensors);
    sweep(run_npy);
    sweep(run_npz);
    sweep(run_torch);
    sweep(run_torch_older);
    sweep(run_torch_numpy);
    sweep(write_all);
    assert_int_equal(remove(in_folder("out")), 0);
    sweep(png_round);
    if (flax_parse(ctx, (const unsigned char *)"\x80", 1, &f) == DRIFT_OK)
        sweep(run_flax);
    drift_error_clear(ctx);
}

/* -- writing -----------------------------------------------------------------
 */

static void test_safetensors_round(void **state)
{
    (void)state;
    safetensors a, b;
    expect_ok(safetensors_open(ctx, GOLDEN "st_dtypes.safetensors", &a));
    const char *path = in_folder("round.safetensors");
    expect_ok(
        safetensors_write(ctx, path, &a.arrays, (const char *const *)a.keys,
                          (const char *const *)a.values, a.metadata_count));
    expect_ok(safetensors_open(ctx, path, &b));
    assert_int_equal(b.arrays.count, 13);
    assert_int_equal(b.metadata_count, 3);
    assert_string_equal(safetensors_metadata(&b, "note"), "a \"quoted\" note");
    assert_null(safetensors_metadata(&b, "absent"));
    for (size_t i = 0; i < a.arrays.count; i++) {
        const array *x = &a.arrays.items[i];
        const array *y = array_list_find(&b.arrays, x->name);
        assert_non_null(y);
        assert_int_equal(x->type, y->type);
        assert_memory_equal(x->dim, y->dim, sizeof x->dim);
        assert_memory_equal(x->data, y->data,
                            array_count(x) * array_type_size(x->type));
    }
    /* The data begins at a multiple of 8. */
    assert_int_equal((b.view.data[0] + 8) % 8, 0);
    safetensors_close(&b);
    assert_int_equal(remove(path), 0);
    expect_error(safetensors_write(ctx, "absent/x.safetensors", &a.arrays, NULL,
                                   NULL, 0),
                 DRIFT_ERROR_IO, "absent/x.safetensors");
    safetensors_close(&a);
}

static void test_npz_round(void **state)
{
    (void)state;
    const char *path = in_folder("round.npz");
    zip_writer *w;
    array_list list = {0};
    unsigned char images[2 * 3 * 4 * 1];
    float alpha[2] = {1.5f, -2};
    size_t images_dim[] = {2, 3, 4, 1}, one[] = {2};
    for (size_t i = 0; i < sizeof images; i++)
        images[i] = (unsigned char)(7 * i);
    expect_ok(zip_create(ctx, path, &w));
    expect_ok(npz_begin(w, "images", ARRAY_U8, 4, images_dim));
    expect_ok(zip_write(w, images, 5));
    expect_ok(zip_write(w, images + 5, sizeof images - 5));
    expect_ok(npz_begin(w, "alpha", ARRAY_F32, 1, one));
    expect_ok(zip_write(w, alpha, sizeof alpha));
    expect_ok(npz_begin(w, "scalar", ARRAY_F32, 0, NULL));
    expect_ok(zip_write(w, alpha, 4));
    expect_ok(zip_commit(w));
    expect_ok(npz_read(ctx, path, &list));
    assert_int_equal(list.count, 3);
    assert_int_equal(list.items[0].ndim, 4);
    assert_memory_equal(array_list_find(&list, "images")->data, images,
                        sizeof images);
    assert_memory_equal(array_list_find(&list, "alpha")->data, alpha,
                        sizeof alpha);
    assert_int_equal(array_list_find(&list, "scalar")->ndim, 0);
    array_list_free(&list);

    expect_ok(zip_create(ctx, path, &w));
    expect_ok(npz_begin(w, "alpha", ARRAY_F32, 1, one));
    expect_ok(zip_write(w, alpha, 4));
    expect_error(zip_commit(w), DRIFT_ERROR_SHAPE, "lacks 4 bytes");
    expect_ok(zip_create(ctx, path, &w));
    expect_ok(npz_begin(w, "alpha", ARRAY_F32, 1, one));
    expect_error(zip_write(w, alpha, 9), DRIFT_ERROR_SHAPE, "is full");
    zip_abort(w);
    /* The first file is still whole. */
    expect_ok(npz_read(ctx, path, &list));
    array_list_free(&list);
    assert_int_equal(remove(path), 0);
    expect_error(zip_create(ctx, "absent/x.npz", &w), DRIFT_ERROR_IO,
                 "absent/x.npz");
}

/* A disk that is full after 64 bytes: an error, the old file whole, and
 * nothing left beside it. */
static void test_full_disk(void **state)
{
    (void)state;
    struct rlimit old, small;
    static float numbers[1000];
    static const size_t dim[] = {1000};
    array a = {.type = ARRAY_F32, .ndim = 1, .dim = {1000}, .data = numbers};
    array_list list = {0};
    zip_writer *w = NULL;
    image img = {5, 7, 3, pixels};
    const char *path = in_folder("kept");
    for (int i = 0; i < 105; i++)
        pixels[i] = (unsigned char)(i * i);
    expect_ok(array_list_add(ctx, &list, "x", &a));
    expect_ok(file_replace(ctx, path, "old", 3));
    (void)signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    small = old;
    small.rlim_cur = 64;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    drift_status st = safetensors_write(ctx, path, &list, NULL, NULL, 0);
    char text[256];
    snprintf(text, sizeof text, "%s", drift_error_text(ctx));
    drift_error_clear(ctx);
    drift_status png = image_write_png(ctx, path, &img);
    drift_error_clear(ctx);
    drift_status torch = torch_write(ctx, path, &list);
    drift_error_clear(ctx);
    drift_status npz = zip_create(ctx, path, &w);
    if (npz == DRIFT_OK)
        npz = npz_begin(w, "x", ARRAY_F32, 1, dim);
    if (npz == DRIFT_OK)
        npz = zip_write(w, numbers, sizeof numbers);
    if (npz == DRIFT_OK)
        npz = zip_commit(w);
    else
        zip_abort(w);
    drift_error_clear(ctx);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
    assert_int_equal(st, DRIFT_ERROR_IO);
    assert_non_null(strstr(text, "kept"));
    assert_non_null(strstr(text, strerror(EFBIG)));
    assert_int_equal(png, DRIFT_ERROR_IO);
    assert_int_equal(torch, DRIFT_ERROR_IO);
    assert_int_equal(npz, DRIFT_ERROR_IO);
    size_t size;
    unsigned char *bytes = load(path, &size);
    assert_int_equal(size, 3);
    assert_memory_equal(bytes, "old", 3);
    mem_free(bytes);
    assert_int_equal(remove(path), 0);
    array_list_free(&list);
    char **names;
    expect_ok(file_list(ctx, folder, &names, &size));
    assert_int_equal(size, 0);
    file_list_free(names, size);
}

/* -- conversion --------------------------------------------------------------
 */

static void test_conversion(void **state)
{
    (void)state;
    static const struct {
        array_type type;
        const char *bytes;
        double value;
    } cases[] = {
        {ARRAY_F32, "\x00\x00\xc0\x3f", 1.5},
        {ARRAY_F64, "\x00\x00\x00\x00\x00\x00\x04\xc0", -2.5},
        {ARRAY_F16, "\x00\x3c", 1},
        {ARRAY_F16, "\x01\x00", 0x1p-24},
        {ARRAY_F16, "\xff\xfb", -65504},
        {ARRAY_F16, "\x00\x7c", INFINITY},
        {ARRAY_BF16, "\xc0\xbf", -1.5},
        {ARRAY_I8, "\x80", -128},
        {ARRAY_I16, "\xff\xff", -1},
        {ARRAY_I32, "\x00\x00\x00\x80", -2147483648.0},
        {ARRAY_I64, "\xfe\xff\xff\xff\xff\xff\xff\xff", -2},
        {ARRAY_U8, "\x80", 128},
        {ARRAY_U16, "\xff\xff", 65535},
        {ARRAY_U32, "\xff\xff\xff\xff", 4294967295.0},
        {ARRAY_U64, "\x00\x00\x00\x00\x00\x00\x00\x80", 0x1p63},
        {ARRAY_BOOL, "\x02", 1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        array a = {.type = cases[i].type, .data = cases[i].bytes};
        double d;
        float f;
        int32_t n;
        array_to_f64(&a, &d);
        array_to_f32(&a, &f);
        assert_true(d == cases[i].value);
        assert_true(f == (float)cases[i].value);
        drift_status status = array_to_i32(ctx, &a, &n);
        if (d == floor(d) && fabs(d) < 0x1p31)
            assert_true(status == DRIFT_OK && n == d);
        else if (d != -0x1p31)
            expect_error(status, DRIFT_ERROR_FORMAT, "allowed are integers");
    }
    array nan = {.type = ARRAY_F16, .data = "\x00\x7e"};
    float f;
    array_to_f32(&nan, &f);
    assert_true(isnan(f));
}

static int fresh(void **state)
{
    (void)state;
    drift_error_clear(ctx);
    return 0;
}

#define TEST(function) cmocka_unit_test_setup(function, fresh)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_golden_verdicts),  TEST(test_bomb),
        TEST(test_flax_forms),       TEST(test_flax_hostile),
        TEST(test_torn_safetensors), TEST(test_flipped_safetensors),
        TEST(test_torn_numpy),       TEST(test_torn_flax),
        TEST(test_out_of_memory),    TEST(test_safetensors_round),
        TEST(test_npz_round),        TEST(test_full_disk),
        TEST(test_conversion),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
