/* TensorBoard event files: records with checksums (TFRecord) of protobuf
 * messages, written by hand; nothing of TensorFlow is needed.
 *
 *     events_begin(e, step);
 *     events_scalar(e, "loss", value);
 *     status = events_end(e);
 *
 * Each start of a run opens a file of its own; TensorBoard reads them all as
 * one run. */
#ifndef TRAIN_EVENTS_H
#define TRAIN_EVENTS_H

#include <stdint.h>

#include "formats/image.h"

typedef struct events events;

/* A new file "events.out.tfevents.SECONDS.HOST.PID.N" in `folder`. */
drift_status events_open(drift_context *ctx, const char *folder,
                         events **out) DRIFT_MUST_CHECK;
void events_close(events *e); /* NULL is fine */

/* One event of a step: begin, any number of values, end, which hands it to
 * the system in one piece. An error within is kept for events_end. */
void events_begin(events *e, int64_t step);
void events_scalar(events *e, const char *tag, double value);
void events_image(events *e, const char *tag, const image *img);
drift_status events_end(events *e) DRIFT_MUST_CHECK;

/* The checksum of a record's parts, for tests and readers. */
uint32_t events_checksum(const void *data, size_t size);

#endif
