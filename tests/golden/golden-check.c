/* golden-check: compares this program with reference values computed by the
 * authors' JAX release and by PyTorch.
 *
 *     golden-check [--device D] DIR [PATTERN]
 *
 * For every file of DIR that it knows (and that PATTERN fits), one line a
 * tensor: name, worst error, limit, ok or FAIL; `todo` is what the program
 * cannot do yet. Exits 1 when something failed. */
#include <fnmatch.h>
#include <stdio.h>
#include <string.h>

#include "golden.h"

/* The first that knows a file checks it. */
static const golden_family *const families[] = {
    check_act,      check_attn,        check_block,     check_conv,
    check_distance, check_dit,         check_drift,     check_encoder,
    check_eval,     check_field_torch, check_formats,   check_inception,
    check_mae,      check_norm,        check_optim,     check_post,
    check_resize,   check_step,        check_trainstep, check_later,
};

static const char usage[] =
    "Usage: golden-check [--device DEVICE] DIR [PATTERN]\n";

static const golden_family *find_family(const char *file)
{
    for (size_t i = 0; i < sizeof families / sizeof *families; i++)
        for (const golden_family *f = families[i]; f->pattern; f++)
            if (!fnmatch(f->pattern, file, 0))
                return f;
    return NULL;
}

static drift_status check_directory(golden *g, const char *pattern)
{
    char **names = NULL;
    size_t count = 0;
    drift_status status = file_list(g->ctx, g->directory, &names, &count);
    for (size_t i = 0; status == DRIFT_OK && i < count; i++) {
        const golden_family *family = find_family(names[i]);
        if (family && (!pattern || !fnmatch(pattern, names[i], 0)))
            golden_check_file(g, family, names[i]);
    }
    file_list_free(names, count);
    return status;
}

int main(int argc, char **argv)
{
    drift_options options = {0};
    const char *words[2] = {0};
    size_t count = 0;
    for (int i = 1; i < argc; i++) {
        if (!strcmp(argv[i], "--help")) {
            fputs(usage, stdout);
            return 0;
        }
        if (!strcmp(argv[i], "--device") && i + 1 < argc)
            options.device = argv[++i];
        else if (count < 2 && argv[i][0] != '-')
            words[count++] = argv[i];
        else
            count = 3;
        if (count > 2)
            break;
    }
    if (count < 1 || count > 2) {
        fputs(usage, stderr);
        return 2;
    }
    drift_context *ctx = NULL;
    if (drift_context_open(&ctx, &options) != DRIFT_OK) {
        fprintf(stderr, "golden-check: %s\n",
                ctx ? drift_error_text(ctx) : "out of memory");
        drift_context_close(ctx);
        return 3;
    }
    golden g = {.ctx = ctx, .directory = words[0]};
    int code = 0;
    if (check_directory(&g, words[1]) != DRIFT_OK) {
        fprintf(stderr, "golden-check: %s\n", drift_error_text(ctx));
        code = 1;
    }
    printf("%zu passed, %zu failed\n", g.passed, g.failed);
    drift_context_close(ctx);
    return g.failed ? 1 : code;
}
