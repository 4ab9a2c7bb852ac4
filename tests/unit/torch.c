/* Torch files made here: what is read and under which names, what a hostile
 * zip or pickle must not do. The files of others, and memory that runs out,
 * are in formats.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "formats/tensors.h"
#include "formats/zip.h"

#define GOLDEN DRIFT_SOURCE_DIR "/tests/golden/torch/files/"

static drift_context *ctx;

static char warning[256]; /* the last one */

static void keep(void *data, int level, const char *text)
{
    (void)data;
    if (level == DRIFT_LOG_WARNING)
        snprintf(warning, sizeof warning, "%s", text);
}

static int setup(void **state)
{
    drift_options options = {.log = keep};
    (void)state;
    return drift_context_open(&ctx, &options) != DRIFT_OK;
}

static int fresh(void **state)
{
    (void)state;
    drift_error_clear(ctx);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    drift_context_close(ctx);
    return 0;
}

/* `text` NULL: no error. */
static void expect(drift_status status, const char *text)
{
    if (!text && status != DRIFT_OK)
        fail_msg("%s (%s)", drift_error_text(ctx), drift_error_place(ctx));
    if (text &&
        (status != DRIFT_ERROR_FORMAT || !strstr(drift_error_text(ctx), text)))
        fail_msg("status %d, '%s' instead of '%s'", status,
                 drift_error_text(ctx), text);
    drift_error_clear(ctx);
}

/* -- a zip, stored ----------------------------------------------------------
 */

typedef struct part {
    const char *name;
    const void *data;
    size_t size;
} part;

typedef struct zip {
    unsigned char bytes[1 << 16];
    size_t size;
    size_t local[8], central[8], end; /* where the headers are */
} zip;

static void put(zip *z, uint64_t v, size_t size)
{
    assert_true(z->size + size <= sizeof z->bytes);
    for (size_t i = 0; i < size; i++)
        z->bytes[z->size++] = (unsigned char)(i < 8 ? v >> (8 * i) : 0);
}

static void put_bytes(zip *z, const void *data, size_t size)
{
    assert_true(z->size + size <= sizeof z->bytes);
    memcpy(z->bytes + z->size, data, size);
    z->size += size;
}

/* As torch does: the sizes only in the directory. With `wide` they and the
 * places are there in the form of 64 bits. */
static void make_zip(zip *z, const part *parts, size_t count, int wide)
{
    z->size = 0;
    for (size_t i = 0; i < count; i++) {
        z->local[i] = z->size;
        put(z, 0x04034b50, 4);
        put(z, 0x0808000a, 6);
        put(z, 0, 16);
        put(z, strlen(parts[i].name), 2);
        put(z, 4, 2);
        put_bytes(z, parts[i].name, strlen(parts[i].name));
        put(z, 0x4246, 4); /* an empty extra field */
        put_bytes(z, parts[i].data, parts[i].size);
    }
    size_t begin = z->size;
    for (size_t i = 0; i < count; i++) {
        z->central[i] = z->size;
        put(z, 0x02014b50, 4);
        put(z, 0x808000a000a, 8);
        put(z, 0, 8);
        put(z, wide ? UINT32_MAX : parts[i].size, 4);
        put(z, wide ? UINT32_MAX : parts[i].size, 4);
        put(z, strlen(parts[i].name), 2);
        put(z, wide ? 32 : 0, 2);
        put(z, 0, 10);
        put(z, wide ? UINT32_MAX : z->local[i], 4);
        put_bytes(z, parts[i].name, strlen(parts[i].name));
        if (wide) {
            put(z, 0x4246, 4);
            put(z, 0x00180001, 4);
            put(z, parts[i].size, 8);
            put(z, parts[i].size, 8);
            put(z, z->local[i], 8);
        }
    }
    size_t end = z->size;
    if (wide) {
        put(z, 0x06064b50, 4);
        put(z, 44, 8);
        put(z, 0, 12);
        put(z, count, 8);
        put(z, count, 8);
        put(z, end - begin, 8);
        put(z, begin, 8);
        put(z, 0x07064b50, 4);
        put(z, 0, 4);
        put(z, end, 8);
        put(z, 1, 4);
    }
    z->end = z->size;
    put(z, 0x06054b50, 4);
    put(z, 0, 4);
    put(z, wide ? UINT16_MAX : count, 2);
    put(z, wide ? UINT16_MAX : count, 2);
    put(z, wide ? UINT32_MAX : end - begin, 4);
    put(z, wide ? UINT32_MAX : begin, 4);
    put(z, 0, 2);
}

/* -- pickles ----------------------------------------------------------------
 * A \0 before a digit would be another escape: texts are cut there. */

#define TEXT(n, text) "X" n "\0\0\0" text
#define STORAGE(class)                                                         \
    "(" TEXT("\7", "storage") "ctorch\n" class "Storage\n" TEXT("\1", "0")     \
        TEXT("\3", "cpu") "K\x0ctQ"
#define CALL(name) "ctorch._utils\n" name "\n("
/* Of 12 floats: their first, shape and strides. */
#define TENSOR(place)                                                          \
    CALL("_rebuild_tensor_v2") STORAGE("Float") place "\x89}tR"
#define MATRIX       TENSOR("K\0K\3K\4\x86K\4K\1\x86")
#define PICKLE(text) "\x80\2" text "."
#define BYTES(text)  text, sizeof text - 1

static const float twelve[12] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11};
static zip made;

static drift_status parse(const char *pickle, size_t size, torch_file *f)
{
    const part parts[] = {{"m/data.pkl", pickle, size},
                          {"m/byteorder", "little", 6},
                          {"m/data/0", twelve, sizeof twelve}};
    *f = (torch_file){0};
    make_zip(&made, parts, 3, 0);
    return torch_parse(ctx, made.bytes, made.size, f);
}

/* The names of what is in it, in order, joined by spaces. */
static void expect_names(const char *pickle, size_t size, const char *names)
{
    char found[256] = "";
    torch_file f;
    expect(parse(pickle, size, &f), NULL);
    for (size_t i = 0; i < f.arrays.count; i++) {
        strcat(found, i ? " " : "");
        strcat(found, f.arrays.items[i].name);
    }
    assert_string_equal(found, names);
    torch_close(&f);
}

static void expect_refused(const char *pickle, size_t size, const char *text)
{
    torch_file f;
    drift_status status = parse(pickle, size, &f);
    torch_close(&f);
    expect(status, text);
}

/* -- what is read ---------------------------------------------------------- */

static void test_names(void **state)
{
    (void)state;
    expect_names(BYTES(PICKLE(MATRIX)), "");
    /* A key may be a text of Python 2, a number, or of neither kind. */
    expect_names(
        BYTES(PICKLE("}(U\1a" MATRIX "K\7" MATRIX "J\xff\xff\xff\xff" MATRIX
                     "N" MATRIX "\x8a\2\x00\x80" MATRIX "u")),
        "-1 -32768 7 a");
    expect_names(BYTES(PICKLE("}" TEXT("\1", "l") "](" MATRIX "N" MATRIX "es")),
                 "l.0 l.2");
    expect_names(BYTES(PICKLE("}" TEXT("\1", "t") MATRIX "}\x86s")), "t.0");
    /* One dictionary under two names, and a Parameter. */
    expect_names(
        BYTES(PICKLE("}(" TEXT(
            "\1", "a") "ccollections\nOrderedDict\n)Rq\1(" TEXT("\1", "w")
                         CALL("_rebuild_parameter") MATRIX
                     "\x88}tRu}b" TEXT("\1", "b") "h\1u")),
        "a.w b.w");
    /* Objects of other classes, list-like ones among them. */
    expect_names(
        BYTES(PICKLE("}(" TEXT("\1", "x") "cmy\nNet\n)\x81}b" TEXT(
            "\1",
            "y") "ccollections\ndeque\n)R(K\1K\2e" TEXT("\1",
                                                        "z") "cmy\nf"
                                                             "\n" TEXT("\1",
                                                                       "w")
                                                                 MATRIX "u")),
        "w");
    expect_names(BYTES(PICKLE("}" TEXT("\1", "w") CALL("_rebuild_tensor")
                                  STORAGE("Float") "K\0K\1\x85K\1\x85tRs")),
                 "w");
}

/* A tensor of a kind that is not read is missed; an object is not. */
static void test_unread(void **state)
{
    (void)state;
    warning[0] = '\0';
    expect_names(BYTES(PICKLE("}(" TEXT("\1", "x") "cmy\nNet\n)\x81" TEXT(
                     "\1", "w") MATRIX "u")),
                 "w");
    assert_string_equal(warning, "");
    expect_names(
        BYTES(PICKLE("}(" TEXT("\1", "v") CALL("_rebuild_tensor_v3") STORAGE(
            "Float") "K\0K\1\x85K\1\x85tR" TEXT("\1", "w") MATRIX "u")),
        "w");
    assert_string_equal(warning,
                        "tensor 'v' is left out: what "
                        "torch._utils._rebuild_tensor_v3 makes is not read");
}

static void test_views(void **state)
{
    (void)state;
    static const struct {
        const char *pickle;
        size_t size;
        int copied;
        float values[6];
    } cases[] = {
        {BYTES(PICKLE(TENSOR("K\5K\2K\3\x86K\3K\1\x86"))),
         0,
         {5, 6, 7, 8, 9, 10}},
        {BYTES(PICKLE(TENSOR("K\1K\3K\2\x86K\1K\4\x86"))),
         1,
         {1, 5, 2, 6, 3, 7}},
        {BYTES(PICKLE(TENSOR("K\3K\2K\3\x86K\0K\1\x86"))),
         1,
         {3, 4, 5, 3, 4, 5}},
        {BYTES(PICKLE(TENSOR("K\0K\6\x85K\2\x85"))), 1, {0, 2, 4, 6, 8, 10}},
        /* The stride of a dimension of 1 does not matter. */
        {BYTES(PICKLE(TENSOR("K\6K\6K\1\x86K\1K\x63\x86"))),
         0,
         {6, 7, 8, 9, 10, 11}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        torch_file f;
        float got[6];
        expect(parse(cases[i].pickle, cases[i].size, &f), NULL);
        const array *a = &f.arrays.items[0];
        assert_int_equal(array_count(a), 6);
        assert_int_equal(a->owned != NULL, cases[i].copied);
        array_to_f32(a, got);
        assert_memory_equal(got, cases[i].values, sizeof got);
        torch_close(&f);
    }
}

static void test_zip_forms(void **state)
{
    (void)state;
    const part parts[] = {{"m/data.pkl", BYTES(PICKLE(MATRIX))},
                          {"m/.data/id", "", 0},
                          {"m/data/0", twelve, sizeof twelve}};
    for (int wide = 0; wide < 2; wide++)
        for (size_t comment = 0; comment < 3; comment++) {
            torch_file f = {0};
            make_zip(&made, parts, 3, wide);
            made.bytes[made.size - 2] = (unsigned char)comment;
            put_bytes(&made, "PK", comment);
            expect(torch_parse(ctx, made.bytes, made.size, &f), NULL);
            assert_int_equal(f.arrays.count, 1);
            assert_ptr_equal(f.arrays.items[0].data,
                             made.bytes + made.local[2] + 30 + 8 + 4);
            torch_close(&f);
        }
}

/* -- what is refused ------------------------------------------------------- */

static void test_pickles(void **state)
{
    (void)state;
    static const struct {
        const char *pickle;
        size_t size;
        const char *text;
    } cases[] = {
        {BYTES("\x80\4N."), "protocol is not 2"},
        {BYTES(PICKLE("NN")), "not one object"},
        {BYTES(PICKLE("(")), "not one object"},
        {BYTES(PICKLE("}.")), "goes on after its end"},
        {BYTES(PICKLE("}r\xff\xff\xff\xff")), "far too large number"},
        {BYTES(PICKLE("}q\2")), "far too large number"},
        {BYTES(PICKLE("}q\1h\0")), "nothing was kept"},
        {BYTES(PICKLE("}(K\1u")), "where none can be"},
        {BYTES(PICKLE("](K\1K\1u")), "where none can be"},
        {BYTES(PICKLE("}K\1a")), "where none can be"},
        {BYTES(PICKLE("}}b")), "a state for what has none"},
        {BYTES(PICKLE("(R")), "too few objects"},
        {BYTES(PICKLE("cos\nsystem")), "has no end"},
        {BYTES(PICKLE("X\xff\xff\xff\xff")), "longer than the rest"},
        {BYTES(PICKLE("\x8a\xff")), "longer than the rest"},
        {BYTES(PICKLE("cos\nsystem\n)R")), "made by os.system"},
        {BYTES(PICKLE("}q\0" TEXT("\1", "a") "h\0s")), "parts of themselves"},
        {BYTES(PICKLE("}(" TEXT("\1", "a") "}" TEXT("\1", "b") MATRIX
                      "s" TEXT("\3", "a.b") MATRIX "u")),
         "'a.b' is there twice"},
        {BYTES(PICKLE("}" TEXT("\1", "\0") MATRIX "s")), "holds a NUL"},
        {BYTES(PICKLE(CALL("_rebuild_tensor_v2")
                          STORAGE("ComplexFloat") "K\0)))}tR")),
         "of a known type"},
        {BYTES(PICKLE(TENSOR("K\0K\2\x85K\xff\x85"))), "beyond its storage"},
        {BYTES(PICKLE(TENSOR("K\x0cK\1\x85K\1\x85"))), "beyond its storage"},
        {BYTES(PICKLE(TENSOR("K\0(K\1K\1K\1K\1K\1K\1K\1K\1K\1t)"))),
         "more than 8"},
        /* 2^90 elements on one, and 2^60 */
        {BYTES(PICKLE(TENSOR("K\0J\0\0\0\x40J\0\0\0\x40J\0\0\0\x40\x87"
                             "K\0K\0K\0\x87"))),
         "beyond its storage"},
        {BYTES(PICKLE(TENSOR("K\0J\0\0\0\x40J\0\0\0\x40\x86K\0K\0\x86"))),
         "far more bytes than the file has"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        expect_refused(cases[i].pickle, cases[i].size, cases[i].text);
}

typedef struct text {
    char bytes[1 << 15];
    size_t size;
} text;

static void add(text *t, const char *bytes, size_t size)
{
    assert_true(t->size + size <= sizeof t->bytes);
    memcpy(t->bytes + t->size, bytes, size);
    t->size += size;
}

/* Small files that would be large trees: dictionaries of two same ones, 40
 * deep; a thousand copies; 60000 lists in each other. */
static void test_bombs(void **state)
{
    (void)state;
    static text t;
    size_t asked = mem_asked();
    t.size = 0;
    add(&t, BYTES("\x80\2" MATRIX "q\0"));
    for (int i = 0; i < 40; i++) {
        char level[] = "}q?(X\1\0\0\0ah?X\1\0\0\0bh?u";
        level[2] = (char)(i + 1);
        level[11] = level[19] = (char)i;
        add(&t, level, sizeof level - 1);
    }
    /* The stack must end with one object. */
    for (int i = 0; i < 40; i++)
        add(&t, BYTES("\x86"));
    add(&t, BYTES("."));
    expect_refused(t.bytes, t.size, "shared too often");

    t.size = 0;
    add(&t, BYTES("\x80\2](" TENSOR("K\0M\xff\x0f\x85K\0\x85") "q\1"));
    for (int i = 0; i < 1000; i++)
        add(&t, BYTES("h\1"));
    add(&t, BYTES("e."));
    expect_refused(t.bytes, t.size, "far more bytes than the file has");

    t.size = 0;
    add(&t, BYTES("\x80\2"));
    for (int i = 0; i < 15000; i++)
        add(&t, BYTES("]"));
    for (int i = 0; i < 14999; i++)
        add(&t, BYTES("a"));
    add(&t, BYTES("."));
    expect_refused(t.bytes, t.size, "64 deep");
    /* Three files of at most 32 KiB. */
    assert_true(mem_asked() - asked < 16 << 20);
}

static void test_zips(void **state)
{
    (void)state;
    static const struct {
        size_t from, at, size; /* 0: local 0, 1: central 0, 2: end */
        uint64_t value;
        const char *text;
    } cases[] = {
        {1, 8, 2, 0x0809, "compressed or encrypted"},
        {1, 10, 2, 8, "compressed or encrypted"},
        {1, 34, 2, 1, "several parts"},
        {1, 20, 4, 3, "larger than"},
        {1, 24, 4, 3, "larger than"},
        {1, 20, 4, UINT32_MAX, "directory is damaged"},
        {1, 30, 2, UINT16_MAX, "directory is damaged"},
        {1, 0, 1, 'Q', "directory is damaged"},
        {1, 42, 4, 1, "not where the directory says"},
        {1, 42, 4, 0xfffffffe, "not where the directory says"},
        {0, 30, 1, 'n', "not where the directory says"},
        {0, 26, 2, 9, "not where the directory says"},
        {0, 28, 2, UINT16_MAX, "larger than"},
        {2, 4, 2, 1, "several parts"},
        {2, 8, 2, 1, "several parts"},
        {2, 12, 4, 1, "not where the end record says"},
        {2, 16, 4, UINT32_MAX, "not where the end record says"},
        {2, 20, 2, 1, "directory at its end is missing"},
    };
    static const part good[] = {{"m/data.pkl", BYTES(PICKLE(MATRIX))},
                                {"m/data/0", twelve, sizeof twelve}};
    static const struct {
        part parts[2];
        const char *text;
    } names[] = {
        {{{"m/data.pkl", BYTES(PICKLE(MATRIX))}, {"m/../0", "", 0}},
         "leads upwards"},
        {{{"m/data.pkl", BYTES(PICKLE(MATRIX))}, {"m/data.pkl", "", 0}},
         "twice"},
        {{{"m/data.pkl", BYTES(PICKLE(MATRIX))}, {"n/data/0", "", 0}},
         "not of one folder"},
        {{{"data.pkl", BYTES(PICKLE(MATRIX))}, {"m", "", 0}},
         "not of one folder"},
        {{{"m/data.pkl", BYTES(PICKLE(MATRIX))}, {"m/byteorder", "big", 3}},
         "big-endian"},
        {{{"m/data.pkl", BYTES(PICKLE(MATRIX))}, {"m/constants.pkl", "", 0}},
         "TorchScript"},
    };
    torch_file f = {0};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        make_zip(&made, good, 2, 0);
        size_t from[] = {made.local[0], made.central[0], made.end};
        for (size_t k = 0; k < cases[i].size; k++)
            made.bytes[from[cases[i].from] + cases[i].at + k] =
                (unsigned char)(cases[i].value >> (8 * k));
        drift_status status = torch_parse(ctx, made.bytes, made.size, &f);
        torch_close(&f);
        expect(status, cases[i].text);
    }
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        make_zip(&made, names[i].parts, 2, 0);
        drift_status status = torch_parse(ctx, made.bytes, made.size, &f);
        torch_close(&f);
        expect(status, names[i].text);
    }
    /* Two entries at one place. */
    const part same[] = {{"m/a", "xy", 2}, {"m/a", "xy", 2}};
    make_zip(&made, same, 2, 0);
    memcpy(made.bytes + made.central[1] + 42, made.bytes + made.central[0] + 42,
           4);
    expect(torch_parse(ctx, made.bytes, made.size, &f), "overlap");
    /* A zip of nothing but its end. */
    expect(torch_parse(ctx, made.bytes + made.end, made.size - made.end, &f),
           "not a torch file");
}

/* Every length shorter than the whole is refused; any byte changed, what is
 * accepted lies inside the file or in memory of its own. */
static void damage(const char *path)
{
    static const unsigned char changes[] = {0x01, 0x20, 0x80, 0xff, 0x08};
    file_view view;
    expect(file_open_view(ctx, path, &view), NULL);
    for (size_t n = 0; n < view.size; n++) {
        torch_file f = {0};
        unsigned char *cut = mem_alloc(NULL, n, 1);
        memcpy(cut, view.data, n);
        drift_status status = torch_parse(ctx, cut, n, &f);
        torch_close(&f);
        expect(status, "");
        mem_free(cut);
    }
    unsigned char *bytes = mem_alloc(NULL, view.size, 1);
    memcpy(bytes, view.data, view.size);
    for (size_t i = 0; i < view.size * sizeof changes; i++) {
        torch_file f = {0};
        bytes[i / sizeof changes] ^= changes[i % sizeof changes];
        drift_status status = torch_parse(ctx, bytes, view.size, &f);
        for (size_t n = 0; status == DRIFT_OK && n < f.arrays.count; n++) {
            const array *a = &f.arrays.items[n];
            const unsigned char *p = a->data;
            size_t b = array_count(a) * array_type_size(a->type);
            assert_true(a->owned || (p >= bytes && p + b <= bytes + view.size));
        }
        torch_close(&f);
        expect(status, status == DRIFT_OK ? NULL : "");
        bytes[i / sizeof changes] ^= changes[i % sizeof changes];
    }
    mem_free(bytes);
    file_close_view(&view);
}

static void test_damage(void **state)
{
    (void)state;
    damage(GOLDEN "zip_minimal.pth");
    damage(GOLDEN "legacy_simple.pth");
    damage(GOLDEN "latent_fortran.pt");
}

#define TEST(function) cmocka_unit_test_setup(function, fresh)

/* tensors_open knows both forms by their content. */
static void test_containers(void **state)
{
    static const char *const name[] = {GOLDEN "zip_minimal.pth",
                                       GOLDEN "legacy_simple.pth"};
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        tensors any;
        torch_file one;
        assert_int_equal(tensors_open(ctx, name[i], &any), DRIFT_OK);
        assert_int_equal(torch_open(ctx, name[i], &one), DRIFT_OK);
        assert_int_equal(any.arrays->count, one.arrays.count);
        assert_string_equal(any.arrays->items[0].name,
                            one.arrays.items[0].name);
        assert_null(tensors_metadata(&any, "format"));
        tensors_close(&any);
        torch_close(&one);
    }
}

/* What is written comes back, of each type, without elements or axes, with an
 * axis that takes more than 31 bits. */
static void test_write(void **state)
{
    static const char path[] = "torch-written.pth";
    static unsigned char data[40 + 6 * 8];
    static const size_t dims[][2] = {{2, 3}, {6}, {0}, {(size_t)1 << 31, 0}};
    static const int axes[] = {2, 1, 0, 2};
    array_list list = {0};
    char name[32];
    (void)state;
    for (size_t i = 0; i < sizeof data; i++)
        data[i] = (unsigned char)(i * 37 + 1);
    for (int t = 0; t < ARRAY_TYPES; t++)
        for (int k = 0; k < 4; k++) {
            array a = {.type = (array_type)t,
                       .ndim = axes[k],
                       .data = data + list.count};
            memcpy(a.dim, dims[k], sizeof dims[k]);
            if (SIZE_MAX == UINT32_MAX) /* too large for any array there */
                a.dim[0] &= INT32_MAX;
            snprintf(name, sizeof name, "%s.%d \xc3\xa9",
                     array_type_name(a.type), k);
            if (t < ARRAY_U16 || t > ARRAY_U64)
                assert_int_equal(array_list_add(ctx, &list, name, &a),
                                 DRIFT_OK);
        }
    assert_int_equal(list.count, 4 * 10);
    (void)array_list_sort(&list);
    expect(torch_write(ctx, path, &list), NULL);
    torch_file f;
    expect(torch_open(ctx, path, &f), NULL);
    assert_int_equal(f.arrays.count, list.count);
    for (size_t i = 0; i < list.count; i++) {
        const array *a = &list.items[i], *b = &f.arrays.items[i];
        assert_string_equal(a->name, b->name);
        assert_int_equal(a->type, b->type);
        assert_int_equal(a->ndim, b->ndim);
        assert_memory_equal(a->dim, b->dim, (size_t)a->ndim * sizeof *a->dim);
        assert_memory_equal(a->data, b->data,
                            array_count(a) * array_type_size(a->type));
    }
    torch_close(&f);
    assert_int_equal(remove(path), 0);
    array wide = {.type = ARRAY_U16, .data = data};
    array bad = {.type = ARRAY_F32, .data = data};
    assert_int_equal(array_list_add(ctx, &list, "wide", &wide), DRIFT_OK);
    expect(torch_write(ctx, path, &list),
           "'torch-written.pth': torch files have no tensors of type U16, as "
           "'wide' is");
    array_list_free(&list);
    assert_int_equal(array_list_add(ctx, &list, "\xff", &bad), DRIFT_OK);
    expect(torch_write(ctx, path, &list), "': not UTF-8");
    assert_int_not_equal(remove(path), 0);
    array_list_free(&list);
}

/* Byte for byte what torch.load(weights_only) takes: this program's reader
 * does without the half of it. */
static void test_bytes(void **state)
{
    static const char path[] = "torch-written.pth";
    static const char wanted[] = "\x80\2}(X\1\0\0\0w"
                                 "ctorch._utils\n_rebuild_tensor_v2\n(("
                                 "X\7\0\0\0storage"
                                 "ctorch\nHalfStorage\n"
                                 "X\1\0\0\0"
                                 "0"
                                 "X\3\0\0\0cpu"
                                 "J\6\0\0\0tQ"
                                 "J\0\0\0\0"
                                 "(J\2\0\0\0J\3\0\0\0t"
                                 "(J\3\0\0\0J\1\0\0\0t"
                                 "\x89"
                                 "ccollections\nOrderedDict\n)RtRu.";
    static const struct {
        const char *name, *bytes;
        size_t size;
    } parts[] = {{"archive/data.pkl", wanted, sizeof wanted - 1},
                 {"archive/byteorder", "little", 6},
                 {"archive/data/0", "abcdefghijkl", 12},
                 {"archive/version", "3\n", 2}};
    array a = {
        .type = ARRAY_F16, .ndim = 2, .dim = {2, 3}, .data = "abcdefghijkl"};
    array_list list = {0};
    file_view view;
    zip_entry *entries;
    size_t count;
    (void)state;
    assert_int_equal(array_list_add(ctx, &list, "w", &a), DRIFT_OK);
    expect(torch_write(ctx, path, &list), NULL);
    expect(file_open_view(ctx, path, &view), NULL);
    expect(zip_list(ctx, view.data, view.size, &entries, &count), NULL);
    assert_int_equal(count, 4);
    for (size_t i = 0; i < count; i++) {
        const zip_entry *e =
            zip_find(entries, count, parts[i].name, strlen(parts[i].name));
        assert_non_null(e);
        assert_int_equal(e->size, parts[i].size);
        assert_memory_equal(e->data, parts[i].bytes, e->size);
    }
    mem_free(entries);
    file_close_view(&view);
    array_list_free(&list);
    assert_int_equal(remove(path), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_names),   TEST(test_views),      TEST(test_zip_forms),
        TEST(test_pickles), TEST(test_bombs),      TEST(test_zips),
        TEST(test_damage),  TEST(test_containers), TEST(test_write),
        TEST(test_bytes),   TEST(test_unread),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
