/* Threads, the clock and the process's memory. */
#include "base/threads.h"

#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#ifdef _OPENMP
#include <omp.h>
#endif

int threads_available(void)
{
#ifdef _OPENMP
    static int at_first; /* OpenMP answers what threads_set last asked for */
    if (!at_first)
        at_first = omp_get_max_threads();
    return at_first;
#else
    return 1;
#endif
}

void threads_set(int n)
{
#ifdef _OPENMP
    int available = threads_available(); /* before OpenMP's answer changes */
    omp_set_dynamic(0);
    omp_set_num_threads(n > 0 ? n : available);
#else
    (void)n;
#endif
}

int threads_get(void)
{
#ifdef _OPENMP
    return omp_get_max_threads();
#else
    return 1;
#endif
}

double clock_seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

size_t memory_resident(void)
{
    /* Linux only; elsewhere 0 says unknown. */
    unsigned long total, resident;
    FILE *f = fopen("/proc/self/statm", "r");
    if (!f)
        return 0;
    int n = fscanf(f, "%lu %lu", &total, &resident);
    fclose(f);
    return n == 2 ? (size_t)resident * (size_t)sysconf(_SC_PAGESIZE) : 0;
}

size_t memory_peak(void)
{
    struct rusage use;
    if (getrusage(RUSAGE_SELF, &use) != 0)
        return 0;
#ifdef __APPLE__
    return (size_t)use.ru_maxrss;
#else
    return (size_t)use.ru_maxrss * 1024;
#endif
}

void processor_name(char *text, size_t size)
{
    char line[256], machine[sizeof line];
    struct utsname system;
    text[0] = '\0';
    if (uname(&system) == 0)
        snprintf(text, size, "%s", system.machine);
    FILE *f = fopen("/proc/cpuinfo", "r"); /* Linux */
    while (f && fgets(line, sizeof line, f))
        if (sscanf(line, "model name : %255[^\n]", machine) == 1) {
            snprintf(text, size, "%s", machine);
            break;
        }
    if (f)
        fclose(f);
}
