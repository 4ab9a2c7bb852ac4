/* One function a reader, for libFuzzer (libfuzzer.c) and for the short run
 * (short.c). Bytes are copied into a block of exactly their size, so that a
 * sanitizer sees a step beyond it. */
#include "readers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "data/data.h"
#include "formats/flax.h"
#include "formats/idx.h"
#include "formats/image.h"
#include "formats/npy.h"
#include "formats/safetensors.h"
#include "formats/torch.h"
#include "formats/torch_tree.h"
#include "nn/foreign.h"
#include "train/checkpoint.h"
#include "train/config.h"

static drift_context *ctx;
static volatile double used; /* so that no read is optimised away */

static unsigned char *begin(const uint8_t *data, size_t size)
{
    if (!ctx && drift_context_open(&ctx, NULL) != DRIFT_OK)
        abort();
    drift_error_clear(ctx);
    unsigned char *copy = malloc(size + !size);
    if (!copy)
        abort();
    if (size)
        memcpy(copy, data, size);
    return copy;
}

static int end(drift_status status, unsigned char *copy)
{
    free(copy);
    if (status == DRIFT_OK)
        return 1;
    return drift_error_text(ctx)[0] ? 0 : -1;
}

static void use_bytes(const void *data, size_t size)
{
    const unsigned char *p = data;
    for (size_t i = 0; i < size; i++)
        used = used + p[i];
}

static void use_arrays(const array_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        const array *a = &list->items[i];
        use_bytes(a->data, array_count(a) * array_type_size(a->type));
        use_bytes(a->name, strlen(a->name));
    }
}

static int run_safetensors(const uint8_t *data, size_t size)
{
    unsigned char *copy = begin(data, size);
    safetensors s = {0};
    drift_status status = safetensors_parse(ctx, copy, size, &s);
    if (status == DRIFT_OK)
        use_arrays(&s.arrays);
    safetensors_close(&s);
    return end(status, copy);
}

static int run_npy(const uint8_t *data, size_t size)
{
    unsigned char *copy = begin(data, size);
    array_list list = {0};
    drift_status status = npy_parse(ctx, "memory", copy, size, &list);
    use_arrays(&list);
    array_list_free(&list);
    return end(status, copy);
}

static int run_npz(const uint8_t *data, size_t size)
{
    unsigned char *copy = begin(data, size);
    array_list list = {0};
    drift_status status = npz_parse(ctx, "memory", copy, size, &list);
    use_arrays(&list);
    array_list_free(&list);
    return end(status, copy);
}

static int run_flax(const uint8_t *data, size_t size)
{
    unsigned char *copy = begin(data, size);
    flax f = {0};
    drift_status status = flax_parse(ctx, copy, size, &f);
    use_arrays(&f.arrays);
    flax_close(&f);
    return end(status, copy);
}

static int run_torch(const uint8_t *data, size_t size)
{
    unsigned char *copy = begin(data, size);
    torch_file f = {0};
    drift_status status = torch_parse(ctx, copy, size, &f);
    use_arrays(&f.arrays);
    torch_close(&f);
    return end(status, copy);
}

/* data.pkl alone, beside a storage '0' of 6 floats: a container would refuse
 * each that has become longer or shorter. */
static int run_pickle(const uint8_t *data, size_t size)
{
    unsigned char *copy = begin(data, size), floats[24] = {0};
    zip_entry entry = {.name = "0", .length = 1, .data = floats, .size = 24};
    torch_storages storages = {&entry, 1};
    array_list list = {0};
    pickle p;
    size_t length;
    drift_status status = pickle_read(ctx, copy, size, &p, &length);
    if (status == DRIFT_OK)
        status = torch_tree(ctx, &p, &storages, size, &list);
    use_arrays(&list);
    array_list_free(&list);
    pickle_free(&p);
    return end(status, copy);
}

static int run_idx(const uint8_t *data, size_t size)
{
    unsigned char *copy = begin(data, size);
    array a;
    drift_status status = idx_parse(ctx, "memory", copy, size, &a);
    if (status == DRIFT_OK) {
        use_bytes(a.data, array_count(&a) * array_type_size(a.type));
        mem_free(a.owned);
    }
    return end(status, copy);
}

static int run_image(const uint8_t *data, size_t size)
{
    unsigned char *copy = begin(data, size);
    image img;
    drift_status status = image_decode(ctx, "memory", copy, size, &img);
    if (status == DRIFT_OK)
        use_bytes(img.pixels, (size_t)img.height * (size_t)img.width *
                                  (size_t)img.channels);
    image_free(&img);
    return end(status, copy);
}

static char folder[] = "fuzz.XXXXXX";

static void remove_folder(void)
{
    (void)rmdir(folder);
}

/* The bytes as a file of that name. */
static void write_file(char path[64], const char *file, const uint8_t *data,
                       size_t size)
{
    static int made;
    if (!made && (!mkdtemp(folder) || atexit(remove_folder) != 0))
        abort();
    made = 1;
    snprintf(path, 64, "%s/%s", folder, file);
    FILE *out = fopen(path, "wb");
    if (!out || fwrite(data, 1, size, out) != size || fclose(out) != 0)
        abort();
}

/* The data sets read from disk. */
static int run_data(const uint8_t *data, size_t size, const char *file,
                    data_config options)
{
    char path[64];
    unsigned char *copy = begin(data, size);
    dataset *d;
    write_file(path, file, copy, size);
    if (!options.path)
        options.path = options.kind == DATA_CIFAR ? folder : path;
    drift_status status = dataset_open(ctx, &options, 1, &d);
    if (status == DRIFT_OK) {
        float *x = malloc((size_t)d->height * (size_t)d->width *
                          (size_t)d->channels * sizeof *x);
        if (!x)
            abort();
        for (size_t i = 0; i < d->count; i++)
            if (d->get(d, i, x) == DRIFT_OK)
                used = used + x[0] + d->label(d, i);
        free(x);
        dataset_free(d);
    }
    (void)remove(path);
    return end(status, copy);
}

static int run_cifar(const uint8_t *data, size_t size)
{
    return run_data(data, size, "test_batch.bin",
                    (data_config){.kind = DATA_CIFAR,
                                  .split = (char[]){"test"},
                                  .classes = 1});
}

static int run_archive(const uint8_t *data, size_t size)
{
    return run_data(data, size, "data.tar",
                    (data_config){.kind = DATA_ARCHIVE,
                                  .height = 5,
                                  .width = 6,
                                  .crop = 1,
                                  .channels = 3});
}

/* What was read is written and read back as the same. */
static int run_yaml(const uint8_t *data, size_t size)
{
    unsigned char *copy = begin(data, size);
    config *c = NULL, *back = NULL;
    char *first = NULL, *second = NULL;
    if (config_new(ctx, DRIFT_GENERATOR, &c) != DRIFT_OK ||
        config_new(ctx, DRIFT_GENERATOR, &back) != DRIFT_OK)
        abort();
    drift_status status = config_parse(ctx, c, "memory", (char *)copy, size);
    if (status == DRIFT_OK &&
        (config_text(ctx, c, &first) != DRIFT_OK ||
         config_parse(ctx, back, "written", first, strlen(first)) != DRIFT_OK ||
         config_text(ctx, back, &second) != DRIFT_OK ||
         strcmp(first, second) != 0))
        abort();
    mem_free(first);
    mem_free(second);
    config_free(c);
    config_free(back);
    return end(status, copy);
}

/* As a file with the digest that its content has now: so what lies behind the
 * digest is reached. */
static int run_checkpoint(const uint8_t *data, size_t size)
{
    unsigned char *copy = begin(data, size);
    const char *keys[CHECKPOINT_KEYS], *values[CHECKPOINT_KEYS];
    char path[64], content[DIGEST_TEXT];
    size_t count = 0;
    safetensors s = {0};
    checkpoint c = {0};
    config *read = NULL;
    drift_status status = safetensors_parse(ctx, copy, size, &s);
    for (size_t i = 0; status == DRIFT_OK && i < CHECKPOINT_KEYS; i++) {
        keys[count] = checkpoint_keys[i];
        values[count] = safetensors_metadata(&s, checkpoint_keys[i]);
        count += values[count] != NULL;
    }
    if (status == DRIFT_OK && count == CHECKPOINT_KEYS) {
        status = checkpoint_digest(ctx, &s.arrays, values, content);
        values[count - 1] = content;
    }
    write_file(path, "checkpoint", copy, size);
    if (status == DRIFT_OK)
        status = safetensors_write(ctx, path, &s.arrays, keys, values, count);
    if (status == DRIFT_OK)
        status = checkpoint_open(ctx, path, &c);
    if (status == DRIFT_OK) {
        use_arrays(&c.file.arrays);
        for (int i = 0; c.facts.class_names && i < c.facts.sample.classes; i++)
            use_bytes(c.facts.class_names[i], strlen(c.facts.class_names[i]));
        if (c.facts.points && c.facts.sample.channels != 2)
            abort();
        status = checkpoint_config(ctx, &c, DRIFT_GENERATOR, &read);
    }
    config_free(read);
    checkpoint_close(&c);
    safetensors_close(&s);
    (void)remove(path);
    return end(status, copy);
}

/* metadata.json of the release. */
static int run_metadata(const uint8_t *data, size_t size)
{
    unsigned char *copy = begin(data, size);
    generator_config c;
    sample_shape s;
    drift_status status = foreign_flax_config(ctx, (char *)copy, size, &c, &s);
    if (status == DRIFT_OK)
        used = used + c.hidden + c.heads + s.channels;
    return end(status, copy);
}

const fuzz_reader fuzz_readers[] = {
    {"safetensors", run_safetensors, 50000},
    {"npy", run_npy, 50000},
    {"npz", run_npz, 5000},
    {"flax", run_flax, 50000},
    {"torch", run_torch, 50000},
    {"pickle", run_pickle, 50000},
    {"idx", run_idx, 50000},
    {"image", run_image, 20000},
    {"cifar", run_cifar, 500},
    {"archive", run_archive, 1000},
    {"config", run_yaml, 5000},
    {"checkpoint", run_checkpoint, 500},
    {"metadata", run_metadata, 20000},
    {NULL, NULL, 0},
};
