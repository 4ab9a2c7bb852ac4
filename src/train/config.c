/* Configuration values: from text, to text, checks between keys, digest. */
#include "train/config.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/items.h"
#include "base/mem.h"
#include "base/nearest.h"
#include "train/config_internal.h"

/* The longest list of allowed values that an error shows. */
#define ALLOWED_TEXT 160

static void *field_of(config *c, const config_key *key)
{
    return (char *)c + key->offset;
}

static const void *field_in(const config *c, const config_key *key)
{
    return (const char *)c + key->offset;
}

static int *count_of(config *c, const config_key *key)
{
    return (int *)(void *)((char *)c + key->count_offset);
}

static int count_in(const config *c, const config_key *key)
{
    return *(const int *)(const void *)((const char *)c + key->count_offset);
}

/* -- whose keys --------------------------------------------------------- */

/* Sections of one subject alone; the others are common. */
static const struct {
    const char *name;
    drift_subject subject;
} own_sections[] = {
    {"generator", DRIFT_GENERATOR}, {"features", DRIFT_GENERATOR},
    {"drift", DRIFT_GENERATOR},     {"guidance", DRIFT_GENERATOR},
    {"encoder", DRIFT_ENCODER},
};

const char *config_tool(drift_subject subject)
{
    return subject == DRIFT_ENCODER ? "drift-encoder" : "drift-train";
}

int config_has_section(drift_subject subject, const char *name, size_t length)
{
    for (size_t i = 0; i < sizeof own_sections / sizeof *own_sections; i++)
        if (strlen(own_sections[i].name) == length &&
            !strncmp(own_sections[i].name, name, length))
            return own_sections[i].subject == subject;
    return 1;
}

int config_has(drift_subject subject, const config_key *key)
{
    return config_has_section(subject, key->name, strcspn(key->name, ".")) &&
           (subject == DRIFT_GENERATOR || !(key->flags & KEY_GENERATOR));
}

/* -- finding keys ------------------------------------------------------- */

const config_key *config_find(const char *name)
{
    for (size_t i = 0; i < config_key_count; i++)
        if (!strcmp(config_keys[i].name, name))
            return &config_keys[i];
    return NULL;
}

int config_is_section(const char *name)
{
    size_t n = strlen(name);
    for (size_t i = 0; i < config_key_count; i++)
        if (!strncmp(config_keys[i].name, name, n) &&
            config_keys[i].name[n] == '.')
            return 1;
    return 0;
}

/* The key that a misspelt one most likely means. A key under the wrong section
 * counts as one slip: `run.lr` is nearer to `optimizer.lr` than to
 * `run.gif`. */
static const char *nearest_key(drift_subject subject, const char *name)
{
    const char *best = NULL, *dot = strchr(name, '.');
    size_t least = (size_t)-1;
    for (size_t i = 0; i < config_key_count; i++) {
        const char *known = config_keys[i].name;
        if (!config_has(subject, &config_keys[i]))
            continue;
        size_t whole = edit_distance(name, known);
        size_t last =
            1 + edit_distance(dot ? dot + 1 : name, strchr(known, '.') + 1);
        size_t d = whole < last ? whole : last;
        if (d < least) {
            least = d;
            best = known;
        }
    }
    return best;
}

drift_status config_key_of(drift_context *ctx, const config *c,
                           const char *where, const char *name,
                           const config_key **key)
{
    const char *between = *where ? ": " : "";
    *key = config_find(name);
    if (!*key)
        return ERROR(ctx, DRIFT_ERROR_USAGE,
                     "%s%sunknown key '%.80s' (nearest: '%s')", where, between,
                     name, nearest_key(c->subject, name));
    if (!config_has(c->subject, *key))
        return ERROR(ctx, DRIFT_ERROR_USAGE,
                     "%s%s'%s' is a key of %s, not of %s", where, between, name,
                     config_tool(!c->subject), config_tool(c->subject));
    return DRIFT_OK;
}

int config_is_list(const config_key *key)
{
    return key->type == KEY_FLOATS || key->type == KEY_INTS ||
           key->type == KEY_TEXTS;
}

/* -- from text ---------------------------------------------------------- */

static void number_text(double v, char *text, size_t size)
{
    if (fabs(v) < 1e6 && floor(v) == v) { /* 10, not 1e+01 */
        snprintf(text, size, "%.0f", v);
        return;
    }
    for (int digits = 1; digits < 18; digits++) {
        snprintf(text, size, "%.*g", digits, v);
        if (strtod(text, NULL) == v)
            return;
    }
}

/* As short as reads back to the same float. */
static void float_text(float v, char *text, size_t size)
{
    if (fabsf(v) < 1e6f && floorf(v) == v) {
        snprintf(text, size, "%.0f", (double)v);
        return;
    }
    for (int digits = 1; digits < 10; digits++) {
        snprintf(text, size, "%.*g", digits, (double)v);
        if (strtof(text, NULL) == v)
            return;
    }
}

void config_allowed(const config_key *key, char *text, size_t size)
{
    char low[32], high[32];
    size_t used = 0;
    text[0] = '\0';
    switch (key->type) {
    case KEY_BOOL:
        snprintf(text, size, "true or false");
        return;
    case KEY_TEXT:
        snprintf(text, size, "any UTF-8");
        return;
    case KEY_TEXTS:
        snprintf(text, size, "at most %d texts, as [a, b]", key->room);
        return;
    case KEY_ENUM:
        for (int i = 0; key->names[i] && used < size; i++)
            used += (size_t)snprintf(text + used, size - used, "%s%s",
                                     i == 0              ? ""
                                     : key->names[i + 1] ? ", "
                                                         : " or ",
                                     key->names[i]);
        return;
    case KEY_INT:
    case KEY_LONG:
    case KEY_SIZE:
    case KEY_FLOAT:
    case KEY_DOUBLE:
    case KEY_FLOATS:
    case KEY_INTS:
        break;
    }
    number_text(key->low, low, sizeof low);
    number_text(key->high, high, sizeof high);
    /* In the notation that is read. */
    if (key->type == KEY_INT || key->type == KEY_LONG)
        snprintf(high, sizeof high, "%.0f", key->high);
    if (config_is_list(key))
        snprintf(text, size, "at most %d from %s to %s, as [1, 2]", key->room,
                 low, high);
    else if (key->type == KEY_SIZE)
        snprintf(text, size, "%s or more bytes, or as 512 MiB, 2 GiB", low);
    else if (key->high >= CONFIG_UNBOUNDED)
        snprintf(text, size, "%s or more%s%s", low, *key->unit ? " " : "",
                 key->unit);
    else
        snprintf(text, size, "%s to %s%s%s", low, high, *key->unit ? " " : "",
                 key->unit);
}

/* What a wrong value is not. */
static const char *type_text(key_type type)
{
    switch (type) {
    case KEY_BOOL:
        return "a truth value";
    case KEY_INT:
    case KEY_LONG:
    case KEY_INTS:
        return "a whole number";
    case KEY_SIZE:
        return "a size";
    case KEY_ENUM:
        return "known here";
    case KEY_TEXT:
    case KEY_TEXTS:
        return "plain text";
    case KEY_FLOAT:
    case KEY_DOUBLE:
    case KEY_FLOATS:
        break;
    }
    return "a number";
}

/* Decimal notation only: strtod would take hexadecimal, nan and leading
 * blanks. */
static int read_number(const char *text, const char *letters, double *out,
                       char **end)
{
    size_t n = strspn(text, letters);
    if (n == 0 || text[n] == 'x' || text[n] == 'X')
        return 0;
    errno = 0;
    *out = strtod(text, end);
    return *end != text && isfinite(*out);
}

static int read_whole(const char *text, double *out)
{
    char *end;
    return read_number(text, "+-0123456789", out, &end) && !*end &&
           strspn(text, "+-0123456789") == strlen(text);
}

static int read_real(const char *text, double *out)
{
    char *end;
    return read_number(text, "+-.0123456789eE", out, &end) && !*end;
}

static int read_size(const char *text, double *out)
{
    static const struct {
        const char *name;
        double bytes;
    } units[] = {{"", 1},
                 {"B", 1},
                 {"KiB", 1024.0},
                 {"MiB", 1048576.0},
                 {"GiB", 1073741824.0},
                 {"TiB", 1099511627776.0}};
    char *end;
    if (!read_number(text, "+.0123456789", out, &end))
        return 0;
    while (*end == ' ')
        end++;
    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
        if (!strcmp(end, units[i].name)) {
            *out = floor(*out * units[i].bytes);
            return 1;
        }
    return 0;
}

/* Text must survive YAML and JSON: UTF-8 without control characters. */
static int is_plain_text(const char *s)
{
    const unsigned char *p = (const unsigned char *)s;
    while (*p) {
        int more = *p < 0x80             ? 0
                   : (*p & 0xe0) == 0xc0 ? 1
                   : (*p & 0xf0) == 0xe0 ? 2
                   : (*p & 0xf8) == 0xf0 ? 3
                                         : -1;
        if (more < 0 || *p < 0x20 || *p == 0x7f || *p == 0xc0 || *p == 0xc1)
            return 0;
        /* Surrogates, overlong forms and what lies above U+10FFFF. */
        if ((*p == 0xe0 && p[1] < 0xa0) || (*p == 0xed && p[1] > 0x9f) ||
            (*p == 0xf0 && p[1] < 0x90) || (*p == 0xf4 && p[1] > 0x8f) ||
            *p > 0xf4)
            return 0;
        for (p++; more > 0; more--, p++)
            if ((*p & 0xc0) != 0x80)
                return 0;
    }
    return 1;
}

static drift_status wrong(drift_context *ctx, const char *where,
                          const config_key *key, const char *value,
                          const char *what)
{
    char allowed[ALLOWED_TEXT];
    config_allowed(key, allowed, sizeof allowed);
    return ERROR(ctx, DRIFT_ERROR_USAGE, "%s: %s: '%.80s' is %s; allowed: %s",
                 where, key->name, value, what, allowed);
}

static drift_status set_enum(drift_context *ctx, config *c, const char *where,
                             const config_key *key, const char *value)
{
    static const char *const booleans[] = {"false", "true", NULL};
    const char *const *names = key->type == KEY_BOOL ? booleans : key->names;
    for (int i = 0; names[i]; i++)
        if (!strcmp(names[i], value)) {
            *(int *)field_of(c, key) = i;
            return DRIFT_OK;
        }
    char what[64];
    snprintf(what, sizeof what, "not %s", type_text(key->type));
    return wrong(ctx, where, key, value, what);
}

static drift_status set_text(drift_context *ctx, config *c, const char *where,
                             const config_key *key, const char *value)
{
    char **field = field_of(c, key);
    if (!is_plain_text(value))
        return ERROR(ctx, DRIFT_ERROR_USAGE,
                     "%s: %s: the value is not plain text in UTF-8", where,
                     key->name);
    char *copy = mem_strdup(ctx, value);
    if (!copy)
        return DRIFT_ERROR_MEMORY;
    mem_free(*field);
    *field = copy;
    return DRIFT_OK;
}

/* A number within the key's range. */
static drift_status take_number(drift_context *ctx, const char *where,
                                const config_key *key, const char *value,
                                double *v)
{
    int whole =
        key->type == KEY_INT || key->type == KEY_LONG || key->type == KEY_INTS;
    int good = whole                   ? read_whole(value, v)
               : key->type == KEY_SIZE ? read_size(value, v)
                                       : read_real(value, v);
    char what[64];
    snprintf(what, sizeof what, "not %s", type_text(key->type));
    if (!good)
        return wrong(ctx, where, key, value, what);
    if (*v < key->low || *v > key->high)
        return wrong(ctx, where, key, value, "out of range");
    return DRIFT_OK;
}

drift_status config_set_scalar(drift_context *ctx, config *c, const char *where,
                               const config_key *key, const char *value)
{
    drift_status status = DRIFT_OK;
    double v = 0;
    switch (key->type) {
    case KEY_BOOL:
    case KEY_ENUM:
        return set_enum(ctx, c, where, key, value);
    case KEY_TEXT:
        return set_text(ctx, c, where, key, value);
    case KEY_FLOATS:
    case KEY_TEXTS:
    case KEY_INTS:
        return wrong(ctx, where, key, value, "not a list");
    case KEY_INT:
    case KEY_LONG:
    case KEY_SIZE:
    case KEY_FLOAT:
    case KEY_DOUBLE:
        break;
    }
    TRY(take_number(ctx, where, key, value, &v));
    if (key->type == KEY_INT)
        *(int *)field_of(c, key) = (int)v;
    else if (key->type == KEY_FLOAT)
        *(float *)field_of(c, key) = (float)v;
    else if (key->type == KEY_DOUBLE)
        *(double *)field_of(c, key) = v;
    else
        *(int64_t *)field_of(c, key) = (int64_t)v;
out:
    return status;
}

static drift_status set_texts(drift_context *ctx, config *c, const char *where,
                              const config_key *key, const char *const *values,
                              size_t count)
{
    drift_status status = DRIFT_OK;
    char *joined = mem_strdup(ctx, "");
    for (size_t i = 0; joined && i < count; i++) {
        if (!*values[i] || strlen(values[i]) >= ITEM_TEXT ||
            strchr(values[i], ','))
            FAIL(ctx, DRIFT_ERROR_USAGE,
                 "%s: %s: '%.80s' is empty, too long or has a comma in it",
                 where, key->name, values[i]);
        char *more = mem_printf(ctx, "%s%s%s", joined, i ? "," : "", values[i]);
        mem_free(joined);
        joined = more;
    }
    if (!joined)
        return DRIFT_ERROR_MEMORY;
    TRY(set_text(ctx, c, where, key, joined));
out:
    mem_free(joined);
    return status;
}

drift_status config_set_list(drift_context *ctx, config *c, const char *where,
                             const config_key *key, const char *const *values,
                             size_t count)
{
    drift_status status = DRIFT_OK;
    float *floats = field_of(c, key);
    int *ints = field_of(c, key);
    if (!config_is_list(key))
        return wrong(ctx, where, key, "[...]", "a list");
    if (count > (size_t)key->room)
        FAIL(ctx, DRIFT_ERROR_USAGE, "%s: %s: %zu %s; at most %d allowed",
             where, key->name, count,
             key->type == KEY_TEXTS ? "texts" : "numbers", key->room);
    if (key->type == KEY_TEXTS)
        return set_texts(ctx, c, where, key, values, count);
    for (size_t i = 0; i < (size_t)key->room; i++) {
        double v = 0;
        if (i < count)
            TRY(take_number(ctx, where, key, values[i], &v));
        if (key->type == KEY_FLOATS)
            floats[i] = (float)v;
        else
            ints[i] = (int)v;
    }
    *count_of(c, key) = (int)count;
out:
    return status;
}

/* "[a, b]" or "a,b" as on a command line, each perhaps in quotes. */
static drift_status set_list_text(drift_context *ctx, config *c,
                                  const char *where, const config_key *key,
                                  const char *value)
{
    drift_status status = DRIFT_OK;
    const char *parts[32];
    size_t count = 0, n = strlen(value);
    char *copy = mem_strdup(ctx, value), *p = copy;
    if (!copy)
        return DRIFT_ERROR_MEMORY;
    if (n >= 2 && p[0] == '[' && p[n - 1] == ']') {
        p[n - 1] = '\0';
        p++;
    }
    p += strspn(p, " ");
    while (*p) {
        char *end = strchr(p, ',');
        int more = end != NULL;
        if (!end)
            end = p + strlen(p);
        char *next = more ? end + 1 + strspn(end + 1, " ") : end;
        while (end > p && end[-1] == ' ')
            end--;
        if (*p == '"' && end - p > 1 && end[-1] == '"') {
            p++;
            end--;
        }
        *end = '\0';
        if (count == sizeof parts / sizeof *parts)
            FAIL(ctx, DRIFT_ERROR_USAGE,
                 "%s: %s: too many of them; at most %d allowed", where,
                 key->name, key->room);
        parts[count++] = p;
        if (more && !*next)
            FAIL(ctx, DRIFT_ERROR_USAGE, "%s: %s: '%.80s' ends with a comma",
                 where, key->name, value);
        p = next;
    }
    TRY(config_set_list(ctx, c, where, key, parts, count));
out:
    mem_free(copy);
    return status;
}

static drift_status set_value(drift_context *ctx, config *c, const char *where,
                              const config_key *key, const char *value)
{
    return config_is_list(key) ? set_list_text(ctx, c, where, key, value)
                               : config_set_scalar(ctx, c, where, key, value);
}

drift_status config_set(drift_context *ctx, config *c, const char *where,
                        const char *name, const char *value)
{
    drift_status status = DRIFT_OK;
    const config_key *key;
    TRY(config_key_of(ctx, c, where, name, &key));
    TRY(set_value(ctx, c, where, key, value));
out:
    return status;
}

/* -- life --------------------------------------------------------------- */

drift_status config_new(drift_context *ctx, drift_subject subject, config **out)
{
    drift_status status = DRIFT_OK;
    config *c = mem_alloc(ctx, 1, sizeof *c);
    *out = NULL;
    if (!c)
        return DRIFT_ERROR_MEMORY;
    c->subject = subject;
    for (size_t i = 0; i < config_key_count; i++)
        TRY(set_value(ctx, c, "default", &config_keys[i],
                      config_keys[i].fallback));
    c->drift.field.queries_are_targets = 1;
    *out = c;
    c = NULL;
out:
    config_free(c);
    return status;
}

static int is_owned(const config_key *key)
{
    return key->type == KEY_TEXT || key->type == KEY_TEXTS;
}

void config_free(config *c)
{
    if (!c)
        return;
    for (size_t i = 0; i < config_key_count; i++)
        if (is_owned(&config_keys[i]))
            mem_free(*(char **)field_of(c, &config_keys[i]));
    mem_free(c);
}

drift_status config_copy(drift_context *ctx, const config *c, config **out)
{
    drift_status status = DRIFT_OK;
    config *copy = mem_alloc(ctx, 1, sizeof *copy);
    *out = NULL;
    if (!copy)
        return DRIFT_ERROR_MEMORY;
    *copy = *c;
    for (size_t i = 0; i < config_key_count; i++)
        if (is_owned(&config_keys[i]))
            *(char **)field_of(copy, &config_keys[i]) = NULL;
    for (size_t i = 0; i < config_key_count; i++)
        if (is_owned(&config_keys[i]))
            TRY(set_text(ctx, copy, "copy", &config_keys[i],
                         *(char *const *)field_in(c, &config_keys[i])));
    *out = copy;
    copy = NULL;
out:
    config_free(copy);
    return status;
}

/* -- checks between keys ------------------------------------------------ */

static drift_status check_distinct(drift_context *ctx, const char *key,
                                   const float *list, int count)
{
    for (int i = 0; i < count; i++)
        for (int j = 0; j < i; j++)
            if (!(list[i] < list[j]) && !(list[i] > list[j]))
                return ERROR(ctx, DRIFT_ERROR_USAGE, "%s: %g comes twice", key,
                             (double)list[i]);
    return DRIFT_OK;
}

static drift_status check_drifting(drift_context *ctx, const config *c)
{
    drift_status status = DRIFT_OK;
    if (c->drift.field.temperatures < 1)
        FAIL(ctx, DRIFT_ERROR_USAGE,
             "drift.temperatures is empty: give at least one number");
    TRY(check_distinct(ctx, "drift.temperatures", c->drift.field.r,
                       c->drift.field.temperatures));
    if (c->guidance.alpha_min > c->guidance.alpha_max)
        FAIL(ctx, DRIFT_ERROR_USAGE,
             "guidance.alpha_min (%g) is above guidance.alpha_max (%g)",
             (double)c->guidance.alpha_min, (double)c->guidance.alpha_max);
out:
    return status;
}

drift_status config_resolve(drift_context *ctx, config *c)
{
    drift_status status = DRIFT_OK;
    optimizer_config *o = &c->optimizer;
    if (!*c->data.path)
        FAIL(ctx, DRIFT_ERROR_USAGE, "data.path is empty: name a data set");
    if (strcmp(c->data.split, "train") && strcmp(c->data.split, "test"))
        FAIL(ctx, DRIFT_ERROR_USAGE,
             "data.split: '%.80s' is not known here; allowed: train or test",
             c->data.split);
    if (c->subject == DRIFT_GENERATOR)
        TRY(check_drifting(ctx, c));
    else if (!c->encoder.stages)
        FAIL(ctx, DRIFT_ERROR_USAGE,
             "encoder.blocks is empty: give a number a stage");
    TRY(check_distinct(ctx, "optimizer.ema", o->ema, o->ema_count));
    if (o->total_steps == 0)
        o->total_steps = c->run.steps;
    if (o->schedule == SCHEDULE_COSINE && o->warmup_steps >= o->total_steps)
        FAIL(ctx, DRIFT_ERROR_USAGE,
             "optimizer.warmup_steps (%lld) leaves nothing of "
             "optimizer.total_steps (%lld) to a cosine schedule",
             (long long)o->warmup_steps, (long long)o->total_steps);
out:
    return status;
}

/* -- to text ------------------------------------------------------------ */

/* Double quotes where a plain scalar could be read as something else. */
static char *quoted(drift_context *ctx, const char *s)
{
    static const char safe[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQ"
                               "RSTUVWXYZ0123456789_./-+";
    size_t n = strlen(s), used = 0;
    if (n && strspn(s, safe) == n && *s != '-')
        return mem_strdup(ctx, s);
    char *text = mem_alloc(ctx, 2 * n + 3, 1);
    if (!text)
        return NULL;
    text[used++] = '"';
    for (; *s; s++) {
        if (*s == '"' || *s == '\\')
            text[used++] = '\\';
        text[used++] = *s;
    }
    text[used++] = '"';
    return text;
}

static char *list_value(drift_context *ctx, const config *c,
                        const config_key *key)
{
    const float *floats = field_in(c, key);
    const int *ints = field_in(c, key);
    char text[32 * 16] = "[", one[32];
    size_t used = 1;
    for (int i = 0; i < count_in(c, key); i++) {
        if (key->type == KEY_FLOATS)
            float_text(floats[i], one, sizeof one);
        else
            snprintf(one, sizeof one, "%d", ints[i]);
        used += (size_t)snprintf(text + used, sizeof text - used, "%s%s",
                                 i ? ", " : "", one);
    }
    return mem_printf(ctx, "%s]", text);
}

/* "a,b" as [a, b], each quoted where it has to be. */
static char *texts_value(drift_context *ctx, const char *list)
{
    char *text = mem_strdup(ctx, "[");
    const char *at = list;
    char item[ITEM_TEXT];
    while (text && items_next(&at, item)) {
        char *one = quoted(ctx, item);
        char *more =
            one ? mem_printf(ctx, "%s%s%s", text, text[1] ? ", " : "", one)
                : NULL;
        mem_free(one);
        mem_free(text);
        text = more;
    }
    char *whole = text ? mem_printf(ctx, "%s]", text) : NULL;
    mem_free(text);
    return whole;
}

static char *size_value(drift_context *ctx, int64_t bytes)
{
    static const char *const units[] = {"GiB", "MiB", "KiB"};
    for (int i = 0; i < 3 && bytes; i++) {
        int64_t unit = (int64_t)1 << (30 - 10 * i);
        if (bytes % unit == 0)
            return mem_printf(ctx, "%lld %s", (long long)(bytes / unit),
                              units[i]);
    }
    return mem_printf(ctx, "%lld", (long long)bytes);
}

char *config_value(drift_context *ctx, const config *c, const config_key *key)
{
    const void *field = field_in(c, key);
    char text[40];
    switch (key->type) {
    case KEY_BOOL:
        return mem_strdup(ctx, *(const int *)field ? "true" : "false");
    case KEY_ENUM:
        return mem_strdup(ctx, key->names[*(const int *)field]);
    case KEY_TEXT:
        return quoted(ctx, *(char *const *)field);
    case KEY_INT:
        return mem_printf(ctx, "%d", *(const int *)field);
    case KEY_LONG:
        return mem_printf(ctx, "%lld", (long long)*(const int64_t *)field);
    case KEY_SIZE:
        return size_value(ctx, *(const int64_t *)field);
    case KEY_FLOAT:
        float_text(*(const float *)field, text, sizeof text);
        break;
    case KEY_DOUBLE:
        number_text(*(const double *)field, text, sizeof text);
        break;
    case KEY_FLOATS:
    case KEY_INTS:
        return list_value(ctx, c, key);
    case KEY_TEXTS:
        return texts_value(ctx, *(char *const *)field);
    }
    return mem_strdup(ctx, text);
}

drift_status config_digest(drift_context *ctx, const config *c,
                           char text[DIGEST_TEXT])
{
    digest *d = digest_new();
    if (!d)
        return ERROR(ctx, DRIFT_ERROR_MEMORY, "out of memory");
    for (size_t i = 0; i < config_key_count; i++) {
        const config_key *key = &config_keys[i];
        if (key->flags & KEY_NO_RESULT || !config_has(c->subject, key))
            continue;
        char *value = config_value(ctx, c, key);
        if (!value) {
            digest_finish(d, text);
            return DRIFT_ERROR_MEMORY;
        }
        digest_add(d, key->name, strlen(key->name));
        digest_add(d, "=", 1);
        digest_add(d, value, strlen(value));
        digest_add(d, "\n", 1);
        mem_free(value);
    }
    digest_finish(d, text);
    return DRIFT_OK;
}
