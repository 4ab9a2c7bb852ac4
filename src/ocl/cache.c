/* The cache of built programs: see cache.h. One file a program, written only
 * after a build that worked. */
#include "ocl/cache.h"

#include <string.h>

#include "base/cache.h"
#include "base/file.h"
#include "base/mem.h"

/* PoCL keeps what it compiles by itself, and finer: by work-group size. Asking
 * it for a binary makes it compile for sizes that no launch has. */
static int keeps_its_own(const ocl_device *d)
{
    char name[128] = "";
    clGetPlatformInfo(d->platform, CL_PLATFORM_NAME, sizeof name, name, NULL);
    return strcmp(name, "Portable Computing Language") == 0;
}

drift_status ocl_cache_open(drift_context *ctx, ocl_device *d)
{
    return cache_folder(ctx, !keeps_its_own(d), &d->cache);
}

void ocl_cache_key(const ocl_device *d, const char *source, const char *options,
                   char key[DIGEST_TEXT])
{
    char about[4][256] = {{0}};
    digest *all = d->cache ? digest_new() : NULL;
    key[0] = '\0';
    if (!all)
        return;
    clGetPlatformInfo(d->platform, CL_PLATFORM_NAME, 256, about[0], NULL);
    clGetPlatformInfo(d->platform, CL_PLATFORM_VERSION, 256, about[1], NULL);
    clGetDeviceInfo(d->id, CL_DEVICE_NAME, 256, about[2], NULL);
    clGetDeviceInfo(d->id, CL_DRIVER_VERSION, 256, about[3], NULL);
    /* Each with its end, so that none runs into the next. */
    digest_add(all, OCL_CACHE_MAGIC, sizeof OCL_CACHE_MAGIC);
    digest_add(all, about, sizeof about);
    digest_add(all, options, strlen(options) + 1);
    digest_add(all, source, strlen(source) + 1);
    digest_finish(all, key);
}

static char *path_of(drift_context *ctx, const ocl_device *d, const char *key)
{
    return mem_printf(ctx, "%s/%s.bin", d->cache, key);
}

/* What is wrong with a file, or NULL. */
static const char *fault(const file_view *file, const char *key)
{
    ocl_cache_header header;
    char content[DIGEST_TEXT];
    if (file->size < sizeof header)
        return "it is torn";
    memcpy(&header, file->data, sizeof header);
    if (memcmp(header.magic, OCL_CACHE_MAGIC, sizeof header.magic) != 0)
        return "it is of another format";
    if (memcmp(header.key, key, sizeof header.key) != 0)
        return "it is of another program or driver";
    if (header.length != file->size - sizeof header)
        return "its length is wrong";
    digest_of(file->data + sizeof header, (size_t)header.length, content);
    if (memcmp(header.content, content, sizeof header.content) != 0)
        return "its digest is wrong";
    return NULL;
}

static cl_program from_binary(const ocl_device *d, const char *options,
                              const unsigned char *data, size_t size)
{
    cl_int of_binary = CL_SUCCESS, code = CL_SUCCESS;
    cl_program program = clCreateProgramWithBinary(d->context, 1, &d->id, &size,
                                                   &data, &of_binary, &code);
    if (code == CL_SUCCESS && of_binary == CL_SUCCESS)
        code = clBuildProgram(program, 1, &d->id, options, NULL, NULL);
    if (code == CL_SUCCESS && of_binary == CL_SUCCESS)
        return program;
    if (program)
        clReleaseProgram(program);
    return NULL;
}

cl_program ocl_cache_load(drift_context *ctx, const char *key,
                          const char *options)
{
    const ocl_device *d = ocl_of(ctx);
    drift_context aside = {0}; /* takes the errors that are none of the run */
    drift_status status = DRIFT_OK;
    file_view file = {0};
    cl_program program = NULL;
    char *path = *key ? path_of(&aside, d, key) : NULL;
    if (!path || !file_exists(path))
        goto out;
    TRY(file_open_view(&aside, path, &file));
    const char *why = fault(&file, key);
    if (!why) {
        program = from_binary(d, options, file.data + sizeof(ocl_cache_header),
                              file.size - sizeof(ocl_cache_header));
        why = program ? NULL : "the driver refuses it";
    }
    if (why)
        FAIL(&aside, DRIFT_ERROR_FORMAT, "'%s' is not used: %s", path, why);
    log_debug(ctx, "cache: from '%s'", path);
out:
    if (status != DRIFT_OK)
        log_debug(ctx, "cache: %s", aside.text);
    file_close_view(&file);
    mem_free(path);
    return program;
}

void ocl_cache_save(drift_context *ctx, const char *key, cl_program program)
{
    const ocl_device *d = ocl_of(ctx);
    drift_context aside = {0};
    drift_status status = DRIFT_OK;
    ocl_cache_header header = {.magic = OCL_CACHE_MAGIC};
    unsigned char *file = NULL, *binary;
    char *path = NULL, content[DIGEST_TEXT];
    size_t size = 0;
    if (!*key)
        return;
    clGetProgramInfo(program, CL_PROGRAM_BINARY_SIZES, sizeof size, &size,
                     NULL);
    path = path_of(&aside, d, key);
    file = mem_alloc(&aside, 1, sizeof header + size);
    if (!path || !file) {
        status = DRIFT_ERROR_MEMORY;
        goto out;
    }
    binary = file + sizeof header;
    int code = clGetProgramInfo(program, CL_PROGRAM_BINARIES, sizeof binary,
                                &binary, NULL);
    if (!size || code != CL_SUCCESS)
        FAIL(&aside, DRIFT_ERROR_DEVICE, "the driver gives no binary: %s",
             ocl_code_name(code));
    digest_of(binary, size, content);
    memcpy(header.key, key, sizeof header.key);
    memcpy(header.content, content, sizeof header.content);
    header.length = size;
    memcpy(file, &header, sizeof header);
    TRY(file_make_dir(&aside, d->cache));
    TRY(file_replace(&aside, path, file, sizeof header + size));
out:
    if (status != DRIFT_OK)
        log_debug(ctx, "cache: %s", aside.text);
    mem_free(file);
    mem_free(path);
}
