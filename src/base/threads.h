/* Threads: OpenMP where there is, one thread where not. */
#ifndef BASE_THREADS_H
#define BASE_THREADS_H

#include <stddef.h>

/* The processor's name, "" where the system does not tell. */
void processor_name(char *text, size_t size);
/* OMP_NUM_THREADS, or all processors this process may use. */
int threads_available(void);
/* Of the parallel regions that the calling thread begins; 0: all available. */
void threads_set(int n);
int threads_get(void);
double clock_seconds(void);   /* monotonic */
size_t memory_resident(void); /* bytes now, 0 where unknown */
size_t memory_peak(void);     /* peak resident bytes, 0 where unknown */

#endif
