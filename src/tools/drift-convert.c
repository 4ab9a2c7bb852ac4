/* drift-convert: files of weights from one container into another. */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/context.h"
#include "formats/tensors.h"
#include "tools/cli.h"

static const option options[] = {{OPTION_END, NULL, NULL, NULL, NULL, 0, 0}};

static const tool convert = {
    "drift-convert",
    "INPUT [OUTPUT]",
    "Turn a file of weights (safetensors, PyTorch, Flax) into OUTPUT, which is "
    "to end\nin .safetensors, .pth, .pt or .th; without one, list its tensors. "
    "Nothing in\na file is run, renamed or transposed.",
    options,
    "Exit status: 0 done, 1 failed, 2 wrong usage.",
    NULL};

static int ends_in(const char *path, const char *end)
{
    size_t n = strlen(path), m = strlen(end);
    return n > m && !strcasecmp(path + n - m, end);
}

static int is_torch(const char *path)
{
    return ends_in(path, ".pth") || ends_in(path, ".pt") ||
           ends_in(path, ".th");
}

/* A name may hold what a terminal obeys. */
static void put_name(const char *name)
{
    for (const unsigned char *p = (const unsigned char *)name; *p; p++)
        if (*p < 0x20 || *p == 0x7f)
            printf("\\x%02x", (unsigned)*p);
        else
            putchar(*p);
    putchar('\n');
}

static void list(const array_list *arrays)
{
    for (size_t i = 0; i < arrays->count; i++) {
        const array *a = &arrays->items[i];
        printf("%-4s [", array_type_name(a->type));
        for (int d = 0; d < a->ndim; d++)
            printf("%s%zu", d ? "," : "", a->dim[d]);
        printf("] ");
        put_name(a->name);
    }
}

static drift_status write_as(drift_context *ctx, const char *path,
                             const tensors *t)
{
    const safetensors *s = &t->safetensors;
    /* What readers of PyTorch's world ask a safetensors file for. */
    const char *key = "format", *value = "pt";
    if (!is_torch(path) && t->arrays == &t->torch.arrays)
        return safetensors_write(ctx, path, t->arrays, &key, &value, 1);
    if (!is_torch(path))
        return safetensors_write(
            ctx, path, t->arrays, (const char *const *)s->keys,
            (const char *const *)s->values, s->metadata_count);
    drift_status status = torch_write(ctx, path, t->arrays);
    for (size_t i = 0; i < s->metadata_count && status == DRIFT_OK; i++)
        if (strcmp(s->keys[i], key) != 0)
            log_warning(ctx,
                        "'%s' of the metadata is left out: torch files have "
                        "none",
                        s->keys[i]);
    return status;
}

int main(int argc, char **argv)
{
    int count;
    drift_context *ctx;
    tensors t = {0};
    int code = cli_parse(&convert, argc, argv, &count);
    if (code >= 0)
        return code;
    if (!count)
        return cli_usage(&convert, "name a file of weights");
    if (count > 2)
        return cli_usage(&convert, "'%s' is too much: INPUT and OUTPUT",
                         argv[3]);
    const char *to = count == 2 ? argv[2] : NULL;
    if (to && !is_torch(to) && !ends_in(to, ".safetensors"))
        return cli_usage(
            &convert, "'%s' ends in none of .safetensors, .pth, .pt, .th", to);
    code = cli_open(&convert, "cpu", 1, 0, 0, &ctx);
    if (code < 0) {
        drift_status status = tensors_open(ctx, argv[1], &t);
        if (status == DRIFT_OK && to)
            status = write_as(ctx, to, &t);
        else if (status == DRIFT_OK)
            list(t.arrays);
        code = status == DRIFT_OK ? cli_close_stdout(&convert)
                                  : cli_failed(&convert, ctx, status);
    }
    tensors_close(&t);
    drift_context_close(ctx);
    return code;
}
