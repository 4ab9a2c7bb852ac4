/* Between host and device. Writes and fetches go through pieces of pinned
 * memory, so that the host neither waits for the device nor keeps the device
 * waiting: a piece is used again when its transfer is over.
 *
 * An upload goes beside the work asked for before: into a second buffer, over
 * a second queue. The block then has the new buffer, and the old one is kept
 * until the next upload of its size: by then the work on it is over. */
#include "ocl/transfer.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"

#define FAULT      (4 * sizeof(cl_int))
#define PIECE      ((size_t)64 << 10) /* least size */
#define MOST_PIECE ((size_t)16 << 20) /* of a longer write, one at a time */
#define MOST_ALL   ((size_t)64 << 20)

typedef struct piece {
    struct piece *next;
    cl_mem pinned;
    char *host; /* its address while it is mapped, that is always */
    size_t bytes;
    cl_event busy; /* NULL: idle */
    int kept;      /* by a fetch that was not waited for */
    int watched;   /* and that has the device's fault behind its numbers */
} piece;

/* A buffer that uploads use next, once `free` is over. */
typedef struct spare {
    struct spare *next;
    cl_mem buffer;
    size_t bytes;
    cl_event free;
} spare;

struct ocl_transfers {
    cl_command_queue queue; /* of uploads */
    piece *pieces;
    size_t pinned; /* bytes of all pieces */
    spare *spares;
    cl_mem fault; /* int[4], see ocl_fault */
    int watched;  /* something may have written a fault */
};

static void release(cl_event *e)
{
    if (*e)
        clReleaseEvent(*e);
    *e = NULL;
}

drift_status ocl_transfers_open(drift_context *ctx)
{
    static const cl_int none[4];
    ocl_device *d = ocl_of(ctx);
    ocl_transfers *x = d->transfers = mem_alloc(ctx, 1, sizeof *x);
    int code;
    if (!x)
        return DRIFT_ERROR_MEMORY;
    x->queue = clCreateCommandQueue(d->context, d->id, 0, &code);
    if (code != CL_SUCCESS)
        return ocl_failed(ctx, code, "clCreateCommandQueue");
    x->fault =
        clCreateBuffer(d->context, CL_MEM_READ_WRITE | CL_MEM_COPY_HOST_PTR,
                       sizeof none, (void *)(uintptr_t)none, &code);
    return code == CL_SUCCESS ? DRIFT_OK
                              : ocl_failed(ctx, code, "clCreateBuffer");
}

void ocl_transfers_close(ocl_device *d)
{
    ocl_transfers *x = d->transfers;
    if (!x)
        return;
    if (x->queue)
        clFinish(x->queue);
    while (x->pieces) {
        piece *p = x->pieces;
        x->pieces = p->next;
        release(&p->busy);
        clEnqueueUnmapMemObject(d->queue, p->pinned, p->host, 0, NULL, NULL);
        clReleaseMemObject(p->pinned);
        mem_free(p);
    }
    while (x->spares) {
        spare *s = x->spares;
        x->spares = s->next;
        release(&s->free);
        clReleaseMemObject(s->buffer);
        mem_free(s);
    }
    if (x->fault)
        clReleaseMemObject(x->fault);
    if (x->queue)
        clReleaseCommandQueue(x->queue);
    mem_free(x);
    d->transfers = NULL;
}

/* "writing a tensor [2,3]: CL_..." */
static drift_status failed(drift_context *ctx, int code, const char *what,
                           const tensor *t)
{
    char text[SHAPE_TEXT], whole[SHAPE_TEXT + 32];
    snprintf(whole, sizeof whole, "%s a tensor %s", what,
             shape_text(t->shape, text));
    return ocl_failed(ctx, code, whole);
}

/* -- pieces ---------------------------------------------------------------- */

static drift_status piece_new(drift_context *ctx, size_t bytes, piece **out)
{
    drift_status status = DRIFT_OK;
    ocl_device *d = ocl_of(ctx);
    ocl_transfers *x = d->transfers;
    int code;
    piece *p = mem_alloc(ctx, 1, sizeof *p);
    if (!p)
        return DRIFT_ERROR_MEMORY;
    p->bytes = bytes;
    p->pinned =
        clCreateBuffer(d->context, CL_MEM_READ_WRITE | CL_MEM_ALLOC_HOST_PTR,
                       bytes, NULL, &code);
    if (code == CL_SUCCESS)
        p->host = clEnqueueMapBuffer(d->queue, p->pinned, CL_TRUE,
                                     CL_MAP_READ | CL_MAP_WRITE, 0, bytes, 0,
                                     NULL, NULL, &code);
    if (code != CL_SUCCESS) {
        char what[64];
        snprintf(what, sizeof what, "%zu bytes of pinned memory", bytes);
        status = ocl_failed(ctx, code, what);
        goto out;
    }
    p->next = x->pieces;
    x->pieces = *out = p;
    x->pinned += bytes;
    p = NULL;
out:
    if (p && p->pinned)
        clReleaseMemObject(p->pinned);
    mem_free(p);
    return status;
}

/* An idle piece of at least this size: one at hand, a new one, or, beyond
 * MOST_ALL, the first that gets idle. */
static drift_status piece_get(drift_context *ctx, size_t bytes, piece **out)
{
    ocl_transfers *x = ocl_of(ctx)->transfers;
    piece *busy = NULL;
    size_t room = PIECE;
    int code = CL_SUCCESS;
    while (room < bytes)
        room *= 2;
    for (piece *p = x->pieces; p; p = p->next) {
        if (p->kept || p->bytes != room)
            continue;
        if (!p->busy || ocl_is_over(p->busy, &code)) {
            release(&p->busy);
            *out = p;
            return code == CL_SUCCESS ? DRIFT_OK
                                      : ocl_failed(ctx, code, "a write");
        }
        if (!busy)
            busy = p;
    }
    if (!busy || x->pinned + room <= MOST_ALL)
        return piece_new(ctx, room, out);
    code = clWaitForEvents(1, &busy->busy);
    release(&busy->busy);
    *out = busy;
    return code == CL_SUCCESS ? DRIFT_OK
                              : ocl_failed(ctx, code, "waiting for a write");
}

static drift_status piece_for(drift_context *ctx, size_t bytes, const tensor *t,
                              piece **out)
{
    char text[SHAPE_TEXT];
    drift_status status = piece_get(ctx, bytes, out);
    return status == DRIFT_OK ? status
                              : error_prefix(ctx, status, "tensor %s",
                                             shape_text(t->shape, text));
}

/* -- faults ---------------------------------------------------------------- */

void ocl_fault(ocl_launch *l)
{
    ocl_transfers *x = ocl_of(l->ctx)->transfers;
    ocl_bytes(l, &x->fault, sizeof x->fault);
    x->watched = 1;
}

/* What a kernel wrote; the next one is to be seen, too. */
static drift_status tell_fault(drift_context *ctx, const cl_int fault[4])
{
    static const cl_int none[4];
    ocl_device *d = ocl_of(ctx);
    if (!fault[0])
        return DRIFT_OK;
    int code = clEnqueueWriteBuffer(d->queue, d->transfers->fault, CL_TRUE, 0,
                                    sizeof none, none, 0, NULL, NULL);
    if (code != CL_SUCCESS)
        return ocl_failed(ctx, code, "clearing a fault");
    if (fault[0] == FAULT_LABEL)
        return ERROR(ctx, DRIFT_ERROR_SHAPE,
                     "cross_entropy: label %d at %d is no column of its row",
                     fault[1], fault[2]);
    return ERROR(ctx, DRIFT_ERROR_SHAPE,
                 "embedding: index %d at %d is not in 0 ... %d", fault[1],
                 fault[2], fault[3] - 1);
}

static drift_status check_fault(drift_context *ctx)
{
    ocl_device *d = ocl_of(ctx);
    ocl_transfers *x = d->transfers;
    cl_int fault[4] = {0};
    if (!x->watched)
        return DRIFT_OK;
    x->watched = 0;
    int code = clEnqueueReadBuffer(d->queue, x->fault, CL_TRUE, 0, sizeof fault,
                                   fault, 0, NULL, NULL);
    return code == CL_SUCCESS ? tell_fault(ctx, fault)
                              : ocl_failed(ctx, code, "reading a fault");
}

/* -- host to device -------------------------------------------------------- */

/* Through pieces into a buffer; the first one waits for `after` (or NULL). */
static drift_status send(drift_context *ctx, cl_command_queue queue,
                         cl_mem buffer, const tensor *t, const void *host,
                         const cl_event *after)
{
    drift_status status = DRIFT_OK;
    size_t offset = t->offset * 4, bytes = tensor_count(t) * 4, n;
    for (size_t at = 0; at < bytes; at += n, after = NULL) {
        piece *p = NULL;
        n = bytes - at < MOST_PIECE ? bytes - at : MOST_PIECE;
        TRY(piece_for(ctx, n, t, &p));
        memcpy(p->host, (const char *)host + at, n);
        int code =
            clEnqueueWriteBuffer(queue, buffer, CL_FALSE, offset + at, n,
                                 p->host, after ? 1 : 0, after, &p->busy);
        if (code != CL_SUCCESS) {
            status = failed(ctx, code, "writing", t);
            goto out;
        }
    }
out:
    return status;
}

/* On the queue of all other work. */
drift_status ocl_write(drift_context *ctx, tensor *t, const void *host)
{
    return send(ctx, ocl_of(ctx)->queue, t->block->handle, t, host, NULL);
}

/* A buffer of this size that earlier uploads left, or a new one. */
static spare *spare_of(drift_context *ctx, size_t bytes)
{
    ocl_device *d = ocl_of(ctx);
    ocl_transfers *x = d->transfers;
    for (spare *s = x->spares; s; s = s->next)
        if (s->bytes == bytes)
            return s;
    int code;
    spare *s = mem_alloc(NULL, 1, sizeof *s);
    if (!s)
        return NULL;
    s->bytes = bytes;
    s->buffer =
        clCreateBuffer(d->context, CL_MEM_READ_WRITE, bytes, NULL, &code);
    if (code != CL_SUCCESS) {
        mem_free(s);
        return NULL;
    }
    s->next = x->spares;
    x->spares = s;
    return s;
}

drift_status ocl_upload(drift_context *ctx, tensor *t, const void *host)
{
    drift_status status = DRIFT_OK;
    ocl_device *d = ocl_of(ctx);
    ocl_transfers *x = d->transfers;
    cl_event sent = NULL;
    spare *s = tensor_count(t) ? spare_of(ctx, t->block->bytes) : NULL;
    if (!s) /* no memory for two */
        return ocl_write(ctx, t, host);
    TRY(send(ctx, x->queue, s->buffer, t, host, s->free ? &s->free : NULL));
    release(&s->free);
    int code = clEnqueueMarkerWithWaitList(x->queue, 0, NULL, &sent);
    if (code == CL_SUCCESS)
        code = clFlush(x->queue);
    if (code == CL_SUCCESS)
        code = clEnqueueMarkerWithWaitList(d->queue, 0, NULL, &s->free);
    if (code == CL_SUCCESS)
        code = clEnqueueBarrierWithWaitList(d->queue, 1, &sent, NULL);
    if (code == CL_SUCCESS) /* the other queue will wait for the marker */
        code = clFlush(d->queue);
    if (code != CL_SUCCESS) {
        status = failed(ctx, code, "uploading", t);
        goto out;
    }
    cl_mem old = t->block->handle;
    t->block->handle = s->buffer;
    s->buffer = old;
out:
    release(&sent);
    return status;
}

/* -- device to host -------------------------------------------------------- */

drift_status ocl_read(drift_context *ctx, const tensor *t, void *host)
{
    drift_status status = check_fault(ctx);
    size_t bytes = tensor_count(t) * 4;
    if (!bytes || status != DRIFT_OK)
        return status;
    int code =
        clEnqueueReadBuffer(ocl_of(ctx)->queue, t->block->handle, CL_TRUE,
                            t->offset * 4, bytes, host, 0, NULL, NULL);
    return code == CL_SUCCESS ? DRIFT_OK : failed(ctx, code, "reading", t);
}

drift_status ocl_fetch(drift_context *ctx, const tensor *t, fetch *f)
{
    drift_status status = DRIFT_OK;
    ocl_device *d = ocl_of(ctx);
    piece *p = NULL;
    if (!f->bytes)
        return DRIFT_OK;
    TRY(piece_for(ctx, f->bytes + FAULT, t, &p));
    int code = CL_SUCCESS;
    p->watched = d->transfers->watched;
    d->transfers->watched = 0;
    if (p->watched)
        code = clEnqueueReadBuffer(d->queue, d->transfers->fault, CL_FALSE, 0,
                                   FAULT, p->host + f->bytes, 0, NULL, NULL);
    if (code == CL_SUCCESS)
        code = clEnqueueReadBuffer(d->queue, t->block->handle, CL_FALSE,
                                   t->offset * 4, f->bytes, p->host, 0, NULL,
                                   &p->busy);
    if (code == CL_SUCCESS)
        code = clFlush(d->queue);
    if (code != CL_SUCCESS) {
        status = failed(ctx, code, "reading", t);
        goto out;
    }
    p->kept = 1;
    f->handle = p;
out:
    return status;
}

drift_status ocl_fetch_wait(drift_context *ctx, fetch *f)
{
    piece *p = f->handle;
    int code = clWaitForEvents(1, &p->busy);
    release(&p->busy);
    p->kept = 0;
    if (code != CL_SUCCESS)
        return ocl_failed(ctx, code, "reading numbers");
    memcpy(f->host, p->host, f->bytes);
    if (!p->watched)
        return DRIFT_OK;
    cl_int fault[4];
    memcpy(fault, p->host + f->bytes, FAULT);
    return tell_fault(ctx, fault);
}

drift_status ocl_finish(drift_context *ctx)
{
    int code = clFinish(ocl_of(ctx)->queue);
    return code == CL_SUCCESS ? check_fault(ctx)
                              : ocl_failed(ctx, code, "clFinish");
}
