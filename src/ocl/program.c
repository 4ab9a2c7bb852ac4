/* Programs: one cl/FILE.cl each, behind the shared parts of cl/shared, built
 * at its first use.
 *
 * The text given to the compiler is the embedded one; DRIFT_CL_DIR names a
 * folder to read it from instead, while kernels are being worked on. */
#include "ocl/ocl.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

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

static drift_status text_add(drift_context *ctx, text *t, const char *more)
{
    size_t n = strlen(more);
    if (t->size + n + 1 > t->room) {
        size_t room = 2 * (t->size + n + 1);
        char *data = mem_resize(ctx, t->data, room, 1);
        if (!data)
            return DRIFT_ERROR_MEMORY;
        t->data = data;
        t->room = room;
    }
    memcpy(t->data + t->size, more, n + 1);
    t->size += n;
    return DRIFT_OK;
}

static drift_status add_lines(drift_context *ctx, text *t, FILE *f)
{
    drift_status status = DRIFT_OK;
    char line[1024];
    while (fgets(line, sizeof line, f))
        TRY(text_add(ctx, t, strncmp(line, "#include \"", 10) ? line : "\n"));
out:
    return status;
}

/* One part, from DRIFT_CL_DIR where it is set. */
static drift_status add_part(drift_context *ctx, text *t, const char *name)
{
    drift_status status = DRIFT_OK;
    const char *folder = getenv("DRIFT_CL_DIR");
    const ocl_source *s = source_of(name);
    char line[512];
    FILE *f = NULL;
    snprintf(line, sizeof line, "#line 1 \"cl/%s\"\n", name);
    TRY(text_add(ctx, t, line));
    if (folder) {
        snprintf(line, sizeof line, "%s/%s", folder, name);
        f = fopen(line, "r");
        if (!f)
            FAIL(ctx, DRIFT_ERROR_IO, "unable to open '%s' (DRIFT_CL_DIR)",
                 line);
        TRY(add_lines(ctx, t, f));
    } else if (s) {
        for (const char *const *l = s->lines; *l; l++)
            TRY(text_add(ctx, t, *l));
    } else {
        FAIL(ctx, DRIFT_ERROR_DEVICE, "there is no kernel file '%s'", name);
    }
out:
    if (f)
        fclose(f);
    return status;
}

/* The compiler's own words, first lines first. */
static drift_status build_failed(drift_context *ctx, cl_program program,
                                 const char *file, int code)
{
    ocl_device *d = ocl_of(ctx);
    char log[1400] = "";
    size_t size = 0;
    char *all = NULL;
    clGetProgramBuildInfo(program, d->id, CL_PROGRAM_BUILD_LOG, 0, NULL, &size);
    all = mem_alloc(NULL, size + 1, 1);
    if (all) {
        clGetProgramBuildInfo(program, d->id, CL_PROGRAM_BUILD_LOG, size, all,
                              NULL);
        snprintf(log, sizeof log, "%s", all);
        log_warning(ctx, "building cl/%s.cl: %s", file, all);
    }
    mem_free(all);
    return ERROR(ctx, DRIFT_ERROR_DEVICE, "building cl/%s.cl: %s: %s", file,
                 ocl_code_name(code), log);
}

static drift_status build(drift_context *ctx, ocl_program *p)
{
    drift_status status = DRIFT_OK;
    ocl_device *d = ocl_of(ctx);
    text source = {0};
    char options[160], name[64];
    int code;
    snprintf(options, sizeof options,
             "-cl-std=CL1.2 -DGROUP=%zu -DTILE=%zu -DIN_TURNS=%d",
             d->shape.group, d->shape.tile,
             d->shape.type == CL_DEVICE_TYPE_CPU);
    for (const ocl_source *part = ocl_sources; part->name; part++)
        if (!strncmp(part->name, "shared/", 7))
            TRY(add_part(ctx, &source, part->name));
    snprintf(name, sizeof name, "%s.cl", p->file);
    TRY(add_part(ctx, &source, name));
    const char *data = source.data;
    p->program =
        clCreateProgramWithSource(d->context, 1, &data, &source.size, &code);
    if (code != CL_SUCCESS) {
        status = ocl_failed(ctx, code, "clCreateProgramWithSource");
        goto out;
    }
    if (!d->said_building++)
        log_info(ctx, "building kernels for %s", ctx->device_text);
    code = clBuildProgram(p->program, 1, &d->id, options, NULL, NULL);
    if (code != CL_SUCCESS)
        status = build_failed(ctx, p->program, p->file, code);
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
