/* The profile: every launch leaves an event, from which its time is read once
 * it has run. Nothing waits for that: events are looked at when there are many,
 * the oldest first, and the rest when the profile is asked for. */
#include "ocl/ocl.h"

#include <string.h>

#include "base/mem.h"
#include "ops/profile.h"

#define MANY 1024

/* A piece of work from the end of `from`, or the start of `to` where that is
 * NULL, to the end of `to`. */
typedef struct timed {
    cl_event from, to;
    size_t line; /* of the profile */
} timed;

struct ocl_times {
    timed *list; /* in the order of the queue */
    size_t count, room;
};

static cl_ulong time_of(cl_event event, cl_profiling_info what, int *code)
{
    cl_ulong at = 0;
    if (*code == CL_SUCCESS)
        *code = clGetEventProfilingInfo(event, what, sizeof at, &at, NULL);
    return at;
}

static void release(timed t)
{
    if (t.from)
        clReleaseEvent(t.from);
    if (t.to)
        clReleaseEvent(t.to);
}

static drift_status count_done(drift_context *ctx)
{
    ocl_times *times = ocl_of(ctx)->times;
    size_t done = 0;
    int code = CL_SUCCESS;
    while (done < times->count && ocl_is_over(times->list[done].to, &code)) {
        timed t = times->list[done++];
        cl_ulong end = time_of(t.to, CL_PROFILING_COMMAND_END, &code);
        cl_ulong begin = t.from
                             ? time_of(t.from, CL_PROFILING_COMMAND_END, &code)
                             : time_of(t.to, CL_PROFILING_COMMAND_START, &code);
        release(t);
        if (code == CL_PROFILING_INFO_NOT_AVAILABLE)
            code = CL_SUCCESS; /* an unknown time */
        if (code != CL_SUCCESS)
            break;
        if (begin && end > begin)
            ctx->profile->lines[t.line].seconds += 1e-9 * (double)(end - begin);
    }
    times->count -= done;
    memmove(times->list, times->list + done,
            times->count * sizeof *times->list);
    return code == CL_SUCCESS ? DRIFT_OK
                              : ocl_failed(ctx, code, "the time of a kernel");
}

/* Room for one more: looks at events each time that MANY have come. */
static drift_status make_room(drift_context *ctx, ocl_times *times)
{
    drift_status status = DRIFT_OK;
    if (times->count < times->room)
        return DRIFT_OK;
    if (times->count)
        TRY(count_done(ctx));
    if (times->room - times->count < MANY) {
        size_t room = times->room + MANY;
        void *list = mem_resize(ctx, times->list, room, sizeof(timed));
        if (!list)
            return DRIFT_ERROR_MEMORY;
        times->list = list;
        times->room = room;
    }
out:
    return status;
}

drift_status ocl_timed(drift_context *ctx, const char *name, cl_event from,
                       cl_event to, double bytes, double flops)
{
    drift_status status = DRIFT_OK;
    ocl_device *d = ocl_of(ctx);
    timed t = {.from = from, .to = to};
    if (!to)
        return DRIFT_OK;
    if (!d->times)
        d->times = mem_alloc(ctx, 1, sizeof *d->times);
    if (!d->times) {
        status = DRIFT_ERROR_MEMORY;
        goto out;
    }
    TRY(make_room(ctx, d->times));
    TRY(profile_line(ctx, name, &t.line));
    drift_profile_line *line = &ctx->profile->lines[t.line];
    line->calls++;
    line->bytes += bytes;
    line->flops += flops;
    d->times->list[d->times->count++] = t;
    t = (timed){0};
out:
    release(t);
    return status;
}

drift_status ocl_profile(drift_context *ctx)
{
    return ocl_of(ctx)->times ? count_done(ctx) : DRIFT_OK;
}

void ocl_times_free(ocl_device *d)
{
    ocl_times *times = d->times;
    if (!times)
        return;
    for (size_t i = 0; i < times->count; i++)
        release(times->list[i]);
    mem_free(times->list);
    mem_free(times);
}
