/* The move between a tensor and a part of it along an axis, both ways: split
 * and concat are each other's gradient. */
#ifndef CPU_SPLIT_H
#define CPU_SPLIT_H

#include "cpu/cpu.h"

void part_from_whole(tensor *part, const tensor *whole, int axis, size_t start,
                     int add);
void whole_from_part(tensor *whole, const tensor *part, int axis, size_t start,
                     int add);

#endif
