/* drift-info: the build, the device, and what a checkpoint holds. */
#include <jansson.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef HAVE_OPENCL
#include "base/mem.h"
#include "ocl/device.h"
#endif
#include "tools/cli.h"

static struct {
    const char *device, *checkpoint;
    int64_t threads;
    int json, config, devices;
} arg;

static const option options[] = {
    {OPTION_TEXT, "checkpoint", "FILE",
     "same as naming the file or run directory", &arg.checkpoint, 0, 0},
    {OPTION_FLAG, "config", NULL, "show the checkpoint's configuration only",
     &arg.config, 0, 0},
    {OPTION_FLAG, "json", NULL, "one JSON object instead of a table", &arg.json,
     0, 0},
    {OPTION_FLAG, "devices", NULL, "list the devices of this machine instead",
     &arg.devices, 0, 0},
    {OPTION_TEXT, "device", "NAME",
     "auto, cpu, opencl[:N|:NAME], check[:N|:NAME] [auto]", &arg.device, 0, 0},
    {OPTION_WHOLE, "threads", "N", "processors to use [all]", &arg.threads, 0,
     4096},
    {OPTION_END, NULL, NULL, NULL, NULL, 0, 0},
};

static const tool info = {
    "drift-info",
    "[OPTIONS] [CHECKPOINT-OR-RUN-DIRECTORY]",
    "Show the build and the device or, given one, what a checkpoint holds.",
    options,
    "Exit status: 0 done, 1 failed, 2 wrong usage, 3 device.",
    NULL};

/* Facts are gathered once, as JSON; the table is another view of it. NULL
 * values (out of memory) are caught at the end. */
static void put(json_t *to, const char *key, json_t *value)
{
    /* A failure leaves the key out, which print_json reports. */
    if (json_object_set_new(to, key, value) != 0)
        (void)json_object_set_new(to, "incomplete", json_true());
}

/* Text from a file is shown as it is if it is UTF-8. */
static json_t *text(const char *s)
{
    json_t *v = json_string(s);
    return v ? v : json_string("?");
}

static json_t *build_facts(const drift_context *ctx)
{
    json_t *o = json_object();
    put(o, "version", text(drift_version()));
    put(o, "revision", text(drift_build_text(DRIFT_BUILD_REVISION)));
    put(o, "compiler", text(drift_build_text(DRIFT_BUILD_COMPILER)));
    put(o, "options", text(drift_build_text(DRIFT_BUILD_OPTIONS)));
    put(o, "libraries", text(drift_build_text(DRIFT_BUILD_LIBRARIES)));
    put(o, "device", text(drift_context_device(ctx)));
    return o;
}

static json_t *model_facts(const drift_model *m)
{
    const drift_model_info *i = drift_model_get_info(m);
    json_t *o = json_object(), *parts = json_object(), *ema = json_array();
    json_t *names = json_array();
    const char *name;
    size_t count;
    put(o, "checkpoint", text(i->path));
    put(o, "name", text(i->name));
    put(o, "generator", text(i->kind));
    put(o, "weights", text(i->weights));
    put(o, "step", json_integer(i->step));
    put(o, "images", json_integer(i->images));
    put(o, "seconds", json_real(i->seconds));
    put(o, "sample", json_pack("[i,i,i]", i->height, i->width, i->channels));
    put(o, "points", json_boolean(i->points));
    put(o, "classes", json_integer(i->classes));
    for (int k = 0; i->class_names && k < i->classes; k++)
        if (json_array_append_new(names, text(i->class_names[k])) != 0)
            put(o, "incomplete", json_true());
    put(o, "class names", names);
    put(o, "noise", json_integer((json_int_t)i->noise));
    put(o, "parameters", json_integer((json_int_t)i->parameters));
    for (size_t k = 0; (name = drift_model_part(m, k, &count)); k++)
        put(parts, name, json_integer((json_int_t)count));
    put(o, "parts", parts);
    for (size_t k = 0; (name = drift_model_ema(m, k)); k++)
        if (json_array_append_new(ema, text(name)) != 0)
            put(o, "incomplete", json_true());
    put(o, "ema", ema);
    put(o, "config digest", text(i->config_digest));
    put(o, "data digest", text(i->data_digest));
    return o;
}

/* -- the devices ---------------------------------------------------------- */

#ifdef HAVE_OPENCL
#define NO_OPENCL "none: no driver is installed; see drift-gpu(7)"

static json_t *opencl_device(const ocl_listed *d)
{
    json_t *o = json_object();
    put(o, "name", text(d->name));
    put(o, "platform", text(d->platform_name));
    put(o, "type", text(ocl_type_name(d->type)));
    put(o, "compute units", json_integer(d->units));
    put(o, "memory MiB", json_integer((json_int_t)(d->memory >> 20)));
    put(o, "largest buffer MiB",
        json_integer((json_int_t)(d->most_bytes >> 20)));
    put(o, "local memory KiB",
        json_integer((json_int_t)(d->local_bytes >> 10)));
    put(o, "version", text(d->version));
    put(o, "driver", text(d->driver));
    put(o, "fp16", json_boolean(d->fp16));
    put(o, "usable", json_boolean(!*d->why_not));
    if (*d->why_not)
        put(o, "why not", text(d->why_not));
    return o;
}

static drift_status opencl_devices(drift_context *ctx, json_t *to)
{
    ocl_listed *list = NULL;
    size_t count = 0;
    drift_status status = ocl_list(ctx, &list, &count);
    for (size_t i = 0; i < count; i++)
        if (json_array_append_new(to, opencl_device(&list[i])) != 0)
            status = DRIFT_ERROR_MEMORY;
    mem_free(list);
    return status;
}
#else
#define NO_OPENCL "none: built without OpenCL"

static drift_status opencl_devices(drift_context *ctx, json_t *to)
{
    (void)ctx, (void)to;
    return DRIFT_OK;
}
#endif

/* The context is the CPU's: "cpu: NAME, ...". */
static drift_status device_facts(drift_context *ctx, json_t *o)
{
    json_t *list = json_array();
    drift_status status = opencl_devices(ctx, list);
    put(o, "cpu", text(strchr(drift_context_device(ctx), ' ') + 1));
    if (!arg.json && !json_array_size(list)) {
        put(o, "opencl", text(NO_OPENCL));
        json_decref(list);
    } else {
        put(o, "opencl", list);
    }
    return status;
}

static drift_status add_config(drift_context *ctx, const drift_model *m,
                               json_t *o)
{
    json_t *c = json_object();
    drift_status status = DRIFT_OK;
    for (size_t i = 0; i < drift_config_key_count(DRIFT_GENERATOR); i++) {
        char value[4096];
        drift_key key;
        drift_config_key(DRIFT_GENERATOR, i, &key);
        status = drift_config_get(ctx, drift_model_config(m), key.name, value,
                                  sizeof value);
        if (status != DRIFT_OK)
            break;
        put(c, key.name, text(value));
    }
    put(o, "config", c);
    return status;
}

static int print_json(const json_t *o)
{
    if (json_object_get(o, "incomplete") ||
        json_dumpf(o, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(9)) != 0) {
        fprintf(stderr, "%s: unable to write the object\n", info.name);
        return EXIT_FAILED;
    }
    printf("\n");
    return cli_close_stdout(&info);
}

/* "name  value" lines; an inner object is indented, each of a list of objects
 * is NAME:NUMBER. */
static void print_table(json_t *o, int indent)
{
    const char *key;
    json_t *value, *inner;
    size_t i;
    json_object_foreach(o, key, value)
    {
        if (json_is_object(json_array_get(value, 0))) {
            json_array_foreach(value, i, inner)
            {
                printf("%*s%s:%zu\n", indent, "", key, i);
                print_table(inner, indent + 2);
            }
            continue;
        }
        printf("%*s%-*s", indent, "", 14 - indent + (indent ? 12 : 0), key);
        if (json_is_object(value)) {
            printf("\n");
            print_table(value, indent + 2);
        } else if (json_is_string(value)) {
            printf(" %s\n", json_string_value(value));
        } else {
            char *s = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT |
                                            JSON_REAL_PRECISION(6));
            printf(" %s\n", s ? s : "?");
            free(s);
        }
    }
}

static int show_devices(drift_context *ctx)
{
    json_t *o = json_object();
    drift_status status = device_facts(ctx, o);
    int code = EXIT_OK;
    if (status != DRIFT_OK) {
        code = cli_failed(&info, ctx, status);
    } else if (arg.json) {
        code = print_json(o);
    } else {
        print_table(o, 0);
        code = cli_close_stdout(&info);
    }
    json_decref(o);
    return code;
}

static int show(drift_context *ctx, const char *path)
{
    drift_model *m = NULL;
    json_t *o = NULL;
    drift_status status = DRIFT_OK;
    int code;
    if (path)
        status = drift_model_open(ctx, path, NULL, &m);
    if (status == DRIFT_OK && m && arg.config && !arg.json) {
        status = drift_config_write(ctx, drift_model_config(m), "-");
        code = EXIT_OK;
    } else if (status == DRIFT_OK) {
        o = m ? model_facts(m) : build_facts(ctx);
        if (m && arg.json)
            status = add_config(ctx, m, o);
        if (status == DRIFT_OK && arg.json) {
            code = print_json(o);
        } else {
            if (status == DRIFT_OK)
                print_table(o, 0);
            code = cli_close_stdout(&info);
        }
    } else {
        code = EXIT_FAILED;
    }
    json_decref(o);
    drift_model_free(m);
    return status == DRIFT_OK ? code : cli_failed(&info, ctx, status);
}

int main(int argc, char **argv)
{
    int count, code = cli_parse(&info, argc, argv, &count);
    drift_context *ctx = NULL;
    if (code >= 0)
        return code;
    if (count > 1 || (count && arg.checkpoint))
        return cli_usage(&info,
                         "'%s' is too much: one checkpoint or run "
                         "directory",
                         argv[count > 1 ? 2 : 1]);
    const char *path = count ? argv[1] : arg.checkpoint;
    if (arg.config && !path)
        return cli_usage(&info, "--config needs a checkpoint");
    if (arg.devices && (path || arg.device))
        return cli_usage(&info, "--devices lists all: it takes no %s",
                         path ? "checkpoint" : "--device");
    code = cli_open(&info, arg.devices ? "cpu" : arg.device, arg.threads, 0, 1,
                    &ctx);
    if (code < 0)
        code = arg.devices ? show_devices(ctx) : show(ctx, path);
    drift_context_close(ctx);
    return code;
}
