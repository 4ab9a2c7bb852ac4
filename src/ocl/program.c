/* Programs: one cl/FILE.cl each, behind the shared parts of cl/shared, built
 * at its first use, or taken from the cache of built ones.
 *
 * The text given to the compiler is the embedded one; DRIFT_CL_DIR names a
 * folder to read it from instead, while kernels are being worked on. */
#include "ocl/cache.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/threads.h"

#define KERNELS 32 /* of a file */

struct ocl_program {
    ocl_program *next;
    const char *file;
    cl_program program;
    cl_kernel kernels[KERNELS];
    char names[KERNELS][48];
    int count;
};

static const ocl_source *source_of(const char *name)
{
    for (const ocl_source *s = ocl_sources; s->name; s++)
        if (!strcmp(s->name, name))
            return s;
    return NULL;
}

/* Text that grows. */
typedef struct text {
    char *data;
    size_t size, room;
} text;

static drift_status text_add(drift_context *ctx, text *t, const char *more,
                             size_t n)
{
    if (t->size + n + 1 > t->room) {
        size_t room = 2 * (t->size + n + 1);
        char *data = mem_resize(ctx, t->data, room, 1);
        if (!data)
            return DRIFT_ERROR_MEMORY;
        t->data = data;
        t->room = room;
    }
    memcpy(t->data + t->size, more, n);
    t->size += n;
    t->data[t->size] = '\0';
    return DRIFT_OK;
}

/* A file's lines, without inclusions, as embed.awk does it. */
static drift_status add_file(drift_context *ctx, text *t, const char *path)
{
    static const char inclusion[] = "#include \"";
    drift_status status = DRIFT_OK;
    file_view file = {0};
    TRY(file_open_view(ctx, path, &file));
    for (size_t at = 0, n; at < file.size; at += n) {
        const char *line = (const char *)file.data + at;
        const char *end = memchr(line, '\n', file.size - at);
        n = end ? (size_t)(end - line) + 1 : file.size - at;
        if (n >= strlen(inclusion) &&
            memcmp(line, inclusion, strlen(inclusion)) == 0)
            TRY(text_add(ctx, t, "\n", 1));
        else
            TRY(text_add(ctx, t, line, n));
    }
    TRY(text_add(ctx, t, "\n", 1)); /* in case the last line has no end */
out:
    file_close_view(&file);
    return status;
}

/* One part, from DRIFT_CL_DIR where it is set. */
static drift_status add_part(drift_context *ctx, text *t, const char *name)
{
    drift_status status = DRIFT_OK;
    const char *folder = getenv("DRIFT_CL_DIR");
    const ocl_source *s = source_of(name);
    char line[128], *path = NULL;
    int n = snprintf(line, sizeof line, "#line 1 \"cl/%s\"\n", name);
    TRY(text_add(ctx, t, line, (size_t)n));
    if (folder && *folder) {
        path = mem_printf(ctx, "%s/%s", folder, name);
        if (!path) {
            status = DRIFT_ERROR_MEMORY;
            goto out;
        }
        status = add_file(ctx, t, path);
        if (status != DRIFT_OK)
            error_prefix(ctx, status, "DRIFT_CL_DIR");
    } else if (s) {
        for (const char *const *l = s->lines; *l; l++)
            TRY(text_add(ctx, t, *l, strlen(*l)));
    } else {
        FAIL(ctx, DRIFT_ERROR_DEVICE, "there is no kernel file '%s'", name);
    }
out:
    mem_free(path);
    return status;
}

/* -- building ---------------------------------------------------------------
 */

#define TELL_FIRST 0.5 /* seconds of building before the first line of it, */
#define TELL_AGAIN 2.0 /* and between lines */

/* A driver that keeps kernels has them at once, which only time can tell. But
 * what our own cache lacks is compiled, and nobody need wait to learn it. */
void ocl_building_begin(drift_context *ctx, const char *what)
{
    const ocl_device *d = ocl_of(ctx);
    ocl_building *b = &ocl_of(ctx)->building;
    int first = !b->lines;
    b->count++;
    if (b->seconds >= (first ? TELL_FIRST : b->told + TELL_AGAIN) ||
        (d->cache && b->count == 1)) {
        log_info(ctx, "building kernels%s%s: %s (%d)", first ? " for " : "",
                 first ? ctx->device_text : "", what, b->count);
        b->told = b->seconds;
        b->lines++;
    }
    b->since = clock_seconds();
}

void ocl_building_end(drift_context *ctx)
{
    ocl_building *b = &ocl_of(ctx)->building;
    b->seconds += clock_seconds() - b->since;
}

/* The compiler's own words go to the log as they are, line by line. */
static drift_status build_failed(drift_context *ctx, cl_program program,
                                 const char *name, int code)
{
    ocl_device *d = ocl_of(ctx);
    size_t size = 0;
    char what[80];
    clGetProgramBuildInfo(program, d->id, CL_PROGRAM_BUILD_LOG, 0, NULL, &size);
    char *all = mem_alloc(NULL, size + 1, 1);
    if (all)
        clGetProgramBuildInfo(program, d->id, CL_PROGRAM_BUILD_LOG, size, all,
                              NULL);
    for (char *line = all, *next; line; line = next) {
        next = strchr(line, '\n');
        if (next)
            *next++ = '\0';
        if (*line)
            log_warning(ctx, "%s", line);
    }
    mem_free(all);
    snprintf(what, sizeof what, "building cl/%s", name);
    return ocl_failed(ctx, code, what);
}

static drift_status compile(drift_context *ctx, cl_program *program,
                            const char *name, const char *source,
                            const char *options)
{
    ocl_device *d = ocl_of(ctx);
    int code;
    *program = clCreateProgramWithSource(d->context, 1, &source, NULL, &code);
    if (code != CL_SUCCESS)
        return ocl_failed(ctx, code, "clCreateProgramWithSource");
    ocl_building_begin(ctx, name);
    code = clBuildProgram(*program, 1, &d->id, options, NULL, NULL);
    /* PoCL's processes that begin at once are in each other's way in its own
     * cache, seldom: what failed then does not fail again. */
    if (code == CL_BUILD_PROGRAM_FAILURE)
        code = clBuildProgram(*program, 1, &d->id, options, NULL, NULL);
    ocl_building_end(ctx);
    return code == CL_SUCCESS ? DRIFT_OK
                              : build_failed(ctx, *program, name, code);
}

static drift_status build(drift_context *ctx, ocl_program *p)
{
    drift_status status = DRIFT_OK;
    ocl_device *d = ocl_of(ctx);
    text source = {0};
    char options[200], name[64], key[DIGEST_TEXT];
    snprintf(options, sizeof options,
             "-cl-std=CL1.2 -DGROUP=%zu -DTILE=%zu -DIN_TURNS=%d%s",
             d->shape.group, d->shape.tile, d->shape.type == CL_DEVICE_TYPE_CPU,
             d->rounds ? " -cl-fp32-correctly-rounded-divide-sqrt" : "");
    for (const ocl_source *part = ocl_sources; part->name; part++)
        if (!strncmp(part->name, "shared/", 7))
            TRY(add_part(ctx, &source, part->name));
    snprintf(name, sizeof name, "%s.cl", p->file);
    TRY(add_part(ctx, &source, name));
    ocl_cache_key(d, source.data, options, key);
    p->program = ocl_cache_load(ctx, key, options);
    if (!p->program) {
        TRY(compile(ctx, &p->program, name, source.data, options));
        ocl_cache_save(ctx, key, p->program);
    }
out:
    mem_free(source.data);
    return status;
}

static void program_free(ocl_program *p)
{
    for (int i = 0; i < p->count; i++)
        clReleaseKernel(p->kernels[i]);
    if (p->program)
        clReleaseProgram(p->program);
    mem_free(p);
}

/* The program of a file, built when it is asked for first. */
static drift_status program_of(drift_context *ctx, const char *file,
                               ocl_program **out)
{
    drift_status status = DRIFT_OK;
    ocl_device *d = ocl_of(ctx);
    ocl_program *p;
    for (p = d->programs; p; p = p->next)
        if (!strcmp(p->file, file)) {
            *out = p;
            return DRIFT_OK;
        }
    p = mem_alloc(ctx, 1, sizeof *p);
    if (!p)
        return DRIFT_ERROR_MEMORY;
    p->file = file;
    TRY(build(ctx, p));
    p->next = d->programs;
    d->programs = *out = p;
    p = NULL;
out:
    if (p)
        program_free(p);
    return status;
}

drift_status ocl_kernel(drift_context *ctx, const char *file, const char *name,
                        cl_kernel *out)
{
    drift_status status = DRIFT_OK;
    ocl_program *p = NULL;
    int code;
    TRY(program_of(ctx, file, &p));
    for (int i = 0; i < p->count; i++)
        if (!strcmp(p->names[i], name)) {
            *out = p->kernels[i];
            return DRIFT_OK;
        }
    if (p->count == KERNELS)
        FAIL(ctx, DRIFT_ERROR_DEVICE, "cl/%s.cl: more than %d kernels", file,
             KERNELS);
    *out = clCreateKernel(p->program, name, &code);
    if (code != CL_SUCCESS) {
        status = ocl_failed(ctx, code, name);
        goto out;
    }
    p->kernels[p->count] = *out;
    snprintf(p->names[p->count++], sizeof *p->names, "%s", name);
out:
    return status;
}

void ocl_programs_free(ocl_device *d)
{
    while (d->programs) {
        ocl_program *next = d->programs->next;
        program_free(d->programs);
        d->programs = next;
    }
}
