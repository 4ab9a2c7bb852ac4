#define _XOPEN_SOURCE 700
#include "support.h"

#include <ftw.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/build.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/threads.h"
#include "../opencl.h"

void check_ok(drift_context *ctx, drift_status status, const char *call,
              const char *file, int line)
{
    if (status != DRIFT_OK) {
        print_error("%s: status %d, %s (%s)\n", call, (int)status,
                    drift_error_text(ctx), drift_error_place(ctx));
        _fail(file, line);
    }
}

drift_context *open_context(int threads)
{
    drift_context *ctx = NULL;
    drift_options options = {.device = "cpu", .threads = threads};
    OK(ctx, drift_context_open(&ctx, &options));
    return ctx;
}

drift_context *open_opencl(void)
{
    drift_context *ctx = NULL;
    drift_options options = {.device = "opencl", .threads = 1};
    if (drift_context_open(&ctx, &options) == DRIFT_OK)
        return ctx;
    print_message("no OpenCL device: %s\n", drift_error_text(ctx));
    if (opencl_required())
        fail();
    drift_context_close(ctx);
    return NULL;
}

int is_sanitized(void)
{
    return strstr(build_options(), "-fsanitize=") != NULL;
}

char *scratch_new(void)
{
    const char *folder = getenv("TMPDIR");
    char *path =
        mem_printf(NULL, "%s/drift-test-XXXXXX", folder ? folder : "/tmp");
    assert_non_null(path);
    assert_non_null(mkdtemp(path));
    return path;
}

static int remove_one(const char *path, const struct stat *info, int kind,
                      struct FTW *where)
{
    (void)info, (void)kind, (void)where;
    return remove(path);
}

void scratch_remove(char *path)
{
    nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    mem_free(path);
}

char *path_in(const char *folder, const char *name)
{
    char *path = mem_printf(NULL, "%s/%s", folder, name);
    assert_non_null(path);
    return path;
}

#define SMALL_RUN                                                              \
    "optimizer.warmup_steps=2", "optimizer.ema=0.9", "run.log_every=1",        \
        "run.save_every=0", "run.preview_every=0", "run.preview_count=10",     \
        "run.preflight=false"

const char *const toy_base[] = {"data.path=swissroll",
                                "generator.kind=mlp",
                                "generator.hidden=24",
                                "generator.depth=2",
                                "generator.noise_dim=8",
                                "generator.use_class=false",
                                "generator.use_alpha=false",
                                "generator.style_tokens=0",
                                "drift.generated=64",
                                "drift.positives=64",
                                "optimizer.lr=0.01",
                                SMALL_RUN,
                                NULL};

const char *const image_base[] = {"data.path=" DRIFT_SOURCE_DIR "/data/mnist",
                                  "data.limit=200",
                                  "generator.kind=conv",
                                  "generator.hidden=8",
                                  "generator.depth=1",
                                  "generator.noise_dim=8",
                                  "generator.style_tokens=2",
                                  "generator.style_codes=5",
                                  "drift.generated=4",
                                  "drift.positives=6",
                                  "drift.negatives=2",
                                  "drift.bank=8",
                                  "drift.bank_unconditional=20",
                                  "optimizer.lr=0.003",
                                  SMALL_RUN,
                                  NULL};

const char *const encoder_base[] = {"data.path=" DRIFT_SOURCE_DIR "/data/mnist",
                                    "data.limit=200",
                                    "encoder.width=8",
                                    "encoder.blocks=1,1",
                                    "encoder.groups=4",
                                    "encoder.hidden=16",
                                    "encoder.batch=30",
                                    "encoder.label_smoothing=0.1",
                                    "encoder.shift=1",
                                    "encoder.crop=0.8",
                                    "optimizer.lr=0.01",
                                    "optimizer.warmup_steps=2",
                                    "optimizer.ema=0.9",
                                    "run.log_every=1",
                                    "run.save_every=0",
                                    "run.preview_every=0",
                                    NULL};

void encoder_keys(const char *base[MOST_KEYS], char text[300], const char *file,
                  const char *const *more)
{
    size_t n = 0;
    for (; image_base[n]; n++)
        base[n] = image_base[n];
    snprintf(text, 300, "features.encoders=%s", file);
    base[n++] = text;
    base[n++] = "drift.bank=0";
    for (; *more; more++)
        base[n++] = *more;
    base[n] = NULL;
}

char *make_encoder(drift_context *ctx, const char *folder, const char *name,
                   uint64_t seed)
{
    encoder_config c = {.kind = ENCODER_CLASSIFIER,
                        .width = 4,
                        .blocks = {1, 1, 1},
                        .groups = 2,
                        .hidden = 12,
                        .classes = 10,
                        .image_height = 28,
                        .image_width = 28,
                        .channels = 1};
    char *path = path_in(folder, name);
    encoder *e;
    OK(ctx, encoder_new(ctx, &c, seed, 0, &e));
    OK(ctx, encoder_write(e, &e->params.value, path));
    encoder_free(e);
    return path;
}

config *configure(drift_context *ctx, const char *const *base, ...)
{
    config *c;
    va_list ap;
    drift_subject subject =
        base == encoder_base ? DRIFT_ENCODER : DRIFT_GENERATOR;
    OK(ctx, drift_config_new(ctx, subject, &c));
    for (; *base; base++)
        OK(ctx, drift_config_set(ctx, c, *base));
    va_start(ap, base);
    for (const char *s; (s = va_arg(ap, const char *));)
        OK(ctx, drift_config_set(ctx, c, s));
    va_end(ap);
    return c;
}

void run_steps(drift_context *ctx, const config *c, const char *folder,
               int64_t steps)
{
    drift_trainer *t;
    OK(ctx, drift_trainer_new(ctx, c, folder, 0, &t));
    for (int64_t i = 0; i < steps; i++)
        OK(ctx, drift_trainer_step(t, NULL));
    OK(ctx, drift_trainer_save(t));
    drift_trainer_free(t);
}

static void open_latest(drift_context *ctx, const char *folder, checkpoint *out)
{
    char *path = path_in(folder, "checkpoints/latest.safetensors");
    OK(ctx, checkpoint_open(ctx, path, out));
    mem_free(path);
}

void expect_same_state(drift_context *ctx, const char *a, const char *b)
{
    checkpoint x, y;
    open_latest(ctx, a, &x);
    open_latest(ctx, b, &y);
    assert_int_equal(x.facts.step, y.facts.step);
    assert_int_equal(x.facts.images, y.facts.images);
    assert_int_equal(x.file.arrays.count, y.file.arrays.count);
    for (size_t i = 0; i < x.file.arrays.count; i++) {
        const array *p = &x.file.arrays.items[i];
        const array *q = &y.file.arrays.items[i];
        assert_string_equal(p->name, q->name);
        size_t bytes = array_count(p) * array_type_size(p->type);
        assert_int_equal(bytes, array_count(q) * array_type_size(q->type));
        if (memcmp(p->data, q->data, bytes) != 0) {
            print_error("tensor '%s' differs\n", p->name);
            fail();
        }
    }
    checkpoint_close(&x);
    checkpoint_close(&y);
}

double apart(const float *a, const float *b, size_t count)
{
    double most = 0, size = 0;
    for (size_t i = 0; i < count; i++) {
        most = fmax(most, fabs((double)a[i] - (double)b[i]));
        size = fmax(size, fabs((double)b[i]));
    }
    assert_true(size > 0);
    return most / size;
}

void fixture_open(fixture *f, drift_context *ctx, const char *const *base,
                  const char *a, const char *b)
{
    f->ctx = ctx;
    f->c = configure(f->ctx, base, a, b, NULL);
    OK(f->ctx, config_resolve(f->ctx, f->c));
    OK(f->ctx, dataset_open(f->ctx, &f->c->data, 1, &f->data));
    sample_shape s = {f->data->height, f->data->width, f->data->channels,
                      f->data->classes};
    OK(f->ctx, generator_new(f->ctx, &f->c->generator, s, 1, 1, &f->generator));
    OK(f->ctx, generator_spread(f->generator, 1));
    OK(f->ctx, optimizer_new(f->ctx, &f->generator->params, &f->c->optimizer,
                             &f->optimizer));
    OK(f->ctx,
       step_new(f->ctx, f->c, f->data, f->generator, &f->optimizer, &f->step));
}

void fixture_close(fixture *f)
{
    step_free(&f->step);
    optimizer_free(&f->optimizer);
    generator_free(f->generator);
    dataset_free(f->data);
    config_free(f->c);
    assert_int_equal(pool_get_stats(f->ctx).used, 0);
    drift_context_close(f->ctx);
}

void scene_open(scene *s)
{
    s->ctx = open_context(1);
    s->folder = scratch_new();
    s->run = path_in(s->folder, "run");
    s->latest = path_in(s->run, "checkpoints/latest.safetensors");
    s->lines = path_in(s->run, "metrics.jsonl");
}

void scene_close(scene *s)
{
    mem_free(s->lines);
    mem_free(s->latest);
    mem_free(s->run);
    scratch_remove(s->folder);
    drift_context_close(s->ctx);
}

void expect_error(scene *s, drift_status status, drift_status wanted,
                  const char *word)
{
    if (status != wanted || !strstr(drift_error_text(s->ctx), word)) {
        print_error("status %d, '%s'; wanted %d and '%s'\n", (int)status,
                    drift_error_text(s->ctx), (int)wanted, word);
        fail();
    }
    drift_error_clear(s->ctx);
}

json_t *line(scene *s, size_t i, size_t *count)
{
    file_view view;
    json_t *found = NULL;
    *count = 0;
    OK(s->ctx, file_open_view(s->ctx, s->lines, &view));
    for (size_t at = 0; at < view.size;) {
        const unsigned char *end = memchr(view.data + at, '\n', view.size - at);
        assert_non_null(end);
        size_t length = (size_t)(end - view.data) - at;
        if ((*count)++ == i)
            found = json_loadb((const char *)view.data + at, length, 0, NULL);
        at += length + 1;
    }
    file_close_view(&view);
    return found;
}
