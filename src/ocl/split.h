/* The move between a tensor and a part of it along an axis, both ways: split
 * and concat are each other's gradient. `add`: to what is there. */
#ifndef OCL_SPLIT_H
#define OCL_SPLIT_H

#include "ocl/ocl.h"

drift_status ocl_part_from_whole(drift_context *ctx, tensor *part,
                                 const tensor *whole, int axis, size_t start,
                                 int add) DRIFT_MUST_CHECK;
drift_status ocl_whole_from_part(drift_context *ctx, tensor *whole,
                                 const tensor *part, int axis, size_t start,
                                 int add) DRIFT_MUST_CHECK;

#endif
