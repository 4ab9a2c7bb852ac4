/* Between host and device: the backend's write, upload, read, fetch. */
#ifndef OCL_TRANSFER_H
#define OCL_TRANSFER_H

#include "ocl/ocl.h"

drift_status ocl_transfers_open(drift_context *ctx) DRIFT_MUST_CHECK;
/* After the queue is finished; what open left undone is fine. */
void ocl_transfers_close(ocl_device *d);

drift_status ocl_write(drift_context *ctx, tensor *t, const void *host);
drift_status ocl_upload(drift_context *ctx, tensor *t, const void *host);
drift_status ocl_read(drift_context *ctx, const tensor *t, void *host);
drift_status ocl_fetch(drift_context *ctx, const tensor *t, fetch *f);
drift_status ocl_fetch_wait(drift_context *ctx, fetch *f);
drift_status ocl_finish(drift_context *ctx);

#endif
