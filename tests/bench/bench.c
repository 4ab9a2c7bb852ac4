/* The program behind `make bench`: runs the cases, prints a line each, keeps
 * and compares baselines. */
#include "bench.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/threads.h"
#include "cpu/cpu.h"

#define MOST_TENSORS 64
#define MOST_CASES   256
#define SECONDS      0.25 /* a case is run for so long, */
#define RUNS         3    /* and so often at least */
#define SLOWER       1.1  /* what --compare complains about */

typedef struct result {
    char name[64];
    double seconds;
} result;

struct bench {
    drift_context *ctx;
    char **wanted; /* prefixes of names; none = all */
    int wanted_count;
    double peak; /* flops a second */
    double copy; /* bytes a second */
    tensor tensors[MOST_TENSORS];
    size_t tensor_count;
    result results[MOST_CASES];
    size_t result_count;
    /* the case in hand */
    const char *name;
    double flops, bytes, begin, best, total;
    int runs;
};

/* Nothing here is worth going on after a failure. */
void bench_need(bench *b, drift_status status)
{
    if (status == DRIFT_OK)
        return;
    fprintf(stderr, "bench: %s: %s\n", b->name ? b->name : "start",
            drift_error_text(b->ctx));
    exit(1);
}

drift_context *bench_context(bench *b)
{
    return b->ctx;
}

static tensor *new_tensor(bench *b, shape s, dtype type)
{
    if (b->tensor_count == MOST_TENSORS) {
        fprintf(stderr, "bench: too many tensors\n");
        exit(1);
    }
    tensor *t = &b->tensors[b->tensor_count++];
    bench_need(b, tensor_new(b->ctx, t, type, s));
    return t;
}

static rng_stream stream_of(const bench *b)
{
    return (rng_stream){1, RNG_TEST, b->tensor_count};
}

tensor *bench_tensor(bench *b, shape s)
{
    tensor *t = new_tensor(b, s, DTYPE_F32);
    bench_need(b, op_normal(b->ctx, t, stream_of(b), 0, 0, 1));
    return t;
}

tensor *bench_index(bench *b, shape s, int n)
{
    tensor *t = new_tensor(b, s, DTYPE_I32);
    bench_need(b, op_index(b->ctx, t, stream_of(b), 0, n));
    return t;
}

void bench_free(bench *b)
{
    while (b->tensor_count)
        tensor_free(b->ctx, &b->tensors[--b->tensor_count]);
    pool_trim(b->ctx);
}

int bench_wants(const bench *b, const char *prefix)
{
    if (!b->wanted_count)
        return 1;
    for (int i = 0; i < b->wanted_count; i++) {
        size_t a = strlen(b->wanted[i]), p = strlen(prefix);
        if (!strncmp(b->wanted[i], prefix, a < p ? a : p))
            return 1;
    }
    return 0;
}

static int is_wanted(const bench *b, const char *name)
{
    for (int i = 0; i < b->wanted_count; i++)
        if (!strncmp(name, b->wanted[i], strlen(b->wanted[i])))
            return 1;
    return !b->wanted_count;
}

void bench_begin(bench *b, const char *name, double flops, double bytes)
{
    b->name = name;
    b->flops = flops;
    b->bytes = bytes;
    b->runs = is_wanted(b, name) ? -1 : RUNS;
    b->total = is_wanted(b, name) ? 0 : SECONDS;
    b->best = 0;
}

static void print_line(bench *b)
{
    result *r = &b->results[b->result_count];
    if (b->result_count < MOST_CASES) {
        snprintf(r->name, sizeof r->name, "%s", b->name);
        r->seconds = b->best;
        b->result_count++;
    }
    double flops = b->flops / b->best, bytes = b->bytes / b->best;
    printf("%s\t%.6f\t", b->name, b->best);
    if (b->flops > 0)
        printf("%.1f\t%.1f\t", flops / 1e9, 100 * flops / b->peak);
    else if (b->bytes > 0)
        printf("-\t%.1f\t", 100 * bytes / b->copy);
    else
        printf("-\t-\t");
    if (b->bytes > 0)
        printf("%.1f\n", bytes / 1e9);
    else
        printf("-\n");
    fflush(stdout);
}

int bench_again(bench *b)
{
    if (b->runs >= RUNS && b->total >= SECONDS) {
        if (b->best > 0)
            print_line(b);
        return 0;
    }
    b->begin = clock_seconds();
    return 1;
}

void bench_ran(bench *b, drift_status status)
{
    bench_need(b, status);
    bench_need(b, tensors_finish(b->ctx));
    double seconds = clock_seconds() - b->begin;
    if (b->runs >= 0) {
        b->total += seconds;
        if (b->best == 0 || seconds < b->best)
            b->best = seconds;
    }
    b->runs++;
}

int bench_watch_memory(void)
{
    FILE *f = fopen("/proc/self/clear_refs", "w");
    if (!f)
        return 0;
    int written = fputs("5", f) >= 0;
    return fclose(f) == 0 && written;
}

void bench_tell_memory(const char *name)
{
    if (memory_peak())
        fprintf(stderr, "%s: at most %.0f MiB resident\n", name,
                (double)memory_peak() / 1048576);
}

/* -- what the others are measured by -----------------------------------------
 */

#define COPIED ((size_t)16 << 20) /* floats: beyond any cache */

/* Numbers read and written once, and nothing else. */
static void measure_copy(bench *b)
{
    tensor *x = bench_tensor(b, SHAPE(COPIED));
    tensor *y = bench_tensor(b, SHAPE(COPIED));
    double bytes = 2 * 4.0 * COPIED;
    b->name = "copy";
    for (int run = 0; run < 6; run++) {
        double begin = clock_seconds();
        bench_need(b, op_add_fwd(b->ctx, y, x, NULL, 1, 0));
        bench_need(b, tensors_finish(b->ctx));
        double took = clock_seconds() - begin;
        if (run && (run == 1 || took < b->best))
            b->best = took;
    }
    b->flops = 0;
    b->bytes = bytes;
    b->copy = bytes / b->best;
    print_line(b);
    bench_free(b);
}

/* The largest rate of a few shapes is what the others are measured by. */
static void measure_peak(bench *b)
{
    static const size_t sizes[][3] = {
        {1024, 1024, 1024}, {2048, 2048, 2048}, {3072, 3072, 3072},
        {8192, 1024, 512},  {51200, 1024, 256},
    };
    double seconds = 0, flops = 0;
    b->name = "peak";
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        size_t m = sizes[i][0], n = sizes[i][1], k = sizes[i][2];
        tensor *a = bench_tensor(b, SHAPE(m, k));
        tensor *w = bench_tensor(b, SHAPE(k, n));
        tensor *c = bench_tensor(b, SHAPE(m, n));
        for (int run = 0; run < 6; run++) {
            double begin = clock_seconds();
            bench_need(b, op_gemm(b->ctx, c, a, w, 0, 0, 1, 0));
            bench_need(b, tensors_finish(b->ctx));
            double took = clock_seconds() - begin;
            double rate = 2.0 * (double)m * (double)n * (double)k / took;
            if (run && rate > b->peak) {
                b->peak = rate;
                seconds = took;
                flops = rate * took;
            }
        }
        bench_free(b);
    }
    b->flops = flops;
    b->bytes = 0;
    b->best = seconds;
    print_line(b);
}

/* -- baselines ---------------------------------------------------------------
 */

/* Letters and digits of what follows the colon, with a dash for the rest. */
static void plain_name(char *name, size_t size, const char *text)
{
    size_t n = 0;
    for (const char *s = strchr(text, ':'); s && *s && n < size - 1; s++)
        if (isalnum((unsigned char)*s))
            name[n++] = (char)tolower((unsigned char)*s);
        else if (n && name[n - 1] != '-')
            name[n++] = '-';
    name[n && name[n - 1] == '-' ? n - 1 : n] = '\0';
}

/* "FOLDER/baseline-MODEL-of-the-cpu-THREADS.tsv", or of an OpenCL device: times
 * of another kind of machine say nothing. */
static void baseline_path(const bench *b, char *path, size_t size,
                          const char *folder)
{
    char line[256], model[100] = "cpu";
    const char *device = drift_context_device(b->ctx);
    FILE *f = fopen("/proc/cpuinfo", "r");
    while (f && fgets(line, sizeof line, f))
        if (!strncmp(line, "model name", 10) && strchr(line, ':')) {
            plain_name(model, sizeof model, line);
            break;
        }
    if (f)
        fclose(f);
    if (!strncmp(device, "opencl", 6)) {
        plain_name(model, sizeof model, device);
        snprintf(path, size, "%s/baseline-opencl-%s.tsv", folder, model);
    } else {
        snprintf(path, size, "%s/baseline-%s-%d.tsv", folder, model,
                 threads_get());
    }
}

static int write_baseline(const bench *b, const char *path)
{
    FILE *f = fopen(path, "w");
    for (size_t i = 0; f && i < b->result_count; i++)
        fprintf(f, "%s\t%.6f\n", b->results[i].name, b->results[i].seconds);
    if (!f || fclose(f) != 0) {
        fprintf(stderr, "bench: unable to write '%s'\n", path);
        return 1;
    }
    fprintf(stderr, "bench: wrote %s\n", path);
    return 0;
}

/* Cases that became slower, on stdout after the table; 1 when there are any. */
static int compare(const bench *b, const char *path)
{
    char line[256], name[64];
    double before;
    int slower = 0;
    FILE *f = fopen(path, "r");
    if (!f) {
        fprintf(stderr,
                "bench: no baseline '%s'; `make bench-baseline` writes one\n",
                path);
        return 1;
    }
    while (fgets(line, sizeof line, f))
        for (size_t i = 0; i < b->result_count; i++)
            if (sscanf(line, "%63s %lf", name, &before) == 2 &&
                !strcmp(name, b->results[i].name) &&
                b->results[i].seconds > SLOWER * before) {
                printf("slower\t%s\t%.6f\t%.6f\t%+.0f %%\n", name, before,
                       b->results[i].seconds,
                       100 * (b->results[i].seconds / before - 1));
                slower = 1;
            }
    fclose(f);
    if (!slower)
        printf("no case more than 10 %% slower than %s\n", path);
    return slower;
}

/* Where the time of all that ran went, on stderr. */
static void print_profile(bench *b)
{
    drift_profile p;
    bench_need(b, drift_context_profile(b->ctx, &p));
    for (size_t i = 0; i < p.count; i++)
        if (p.lines[i].calls)
            fprintf(stderr, "%-24s %8zu calls %9.3f s\n", p.lines[i].name,
                    p.lines[i].calls, p.lines[i].seconds);
}

int main(int argc, char **argv)
{
    static bench b;
    const char *against = NULL, *baseline = NULL;
    drift_options options = {0};
    int i = 1;
    for (; i < argc && !strncmp(argv[i], "--", 2); i++) {
        if (!strcmp(argv[i], "--compare") && i + 1 < argc)
            against = argv[++i];
        else if (!strcmp(argv[i], "--baseline") && i + 1 < argc)
            baseline = argv[++i];
        else if (!strcmp(argv[i], "--device") && i + 1 < argc)
            options.device = argv[++i];
        else if (!strcmp(argv[i], "--threads") && i + 1 < argc)
            options.threads = atoi(argv[++i]);
        else if (!strcmp(argv[i], "--profile"))
            options.profile = 1;
        else {
            fprintf(stderr, "usage: bench [--compare FOLDER | --baseline "
                            "FOLDER] [--device DEVICE] [--threads N] "
                            "[--profile] [CASE...]\n");
            return 2;
        }
    }
    b.wanted = argv + i;
    b.wanted_count = argc - i;
    bench_need(&b, drift_context_open(&b.ctx, &options));
    fprintf(stderr, "bench: %s\n", drift_context_device(b.ctx));
    fprintf(stderr, "name\tseconds\tgflops\tpercent\tgbytes\n");
    measure_copy(&b);
    measure_peak(&b);
    bench_products(&b);
    bench_ops(&b);
    bench_field(&b);
    bench_networks(&b);
    bench_encoders(&b);
    bench_figures(&b);
    bench_steps(&b);
    print_profile(&b);
    char path[512];
    int code = 0;
    if (baseline) {
        baseline_path(&b, path, sizeof path, baseline);
        code = write_baseline(&b, path);
    } else if (against) {
        baseline_path(&b, path, sizeof path, against);
        code = compare(&b, path);
    }
    drift_context_close(b.ctx);
    return code;
}
