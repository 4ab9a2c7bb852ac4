/* The configuration as YAML: a mapping of sections, each a mapping of keys to
 * scalars or lists of scalars. Strict: every mistake is an error that names
 * file and line. */
#include <stdio.h>
#include <string.h>
#include <yaml.h>

#include "base/mem.h"
#include "base/nearest.h"
#include "train/config_internal.h"

typedef struct reader {
    drift_context *ctx;
    config *c;
    const char *file;
    yaml_document_t *document;
    int *seen; /* line of each key of the table, 0 = not yet */
} reader;

#define WHERE_TEXT 512

/* "file:line"; a long path loses its middle. */
static const char *where(const reader *r, size_t line, char text[WHERE_TEXT])
{
    size_t n = strlen(r->file);
    if (n > 400)
        snprintf(text, WHERE_TEXT, "%.200s...%s:%zu", r->file,
                 r->file + n - 180, line + 1);
    else
        snprintf(text, WHERE_TEXT, "%s:%zu", r->file, line + 1);
    return text;
}

static const char *scalar_text(const yaml_node_t *node)
{
    return (const char *)node->data.scalar.value;
}

/* A zero byte inside would hide the rest of the value. */
static int scalar_is_whole(const yaml_node_t *node)
{
    return strlen(scalar_text(node)) == node->data.scalar.length;
}

static const char *kind_text(const yaml_node_t *node)
{
    return node->type == YAML_MAPPING_NODE    ? "a mapping"
           : node->type == YAML_SEQUENCE_NODE ? "a list"
                                              : "a value";
}

/* Text may be quoted; `hidden: "64"` is not a number. */
static drift_status check_style(const reader *r, const config_key *key,
                                const yaml_node_t *node)
{
    char at[WHERE_TEXT];
    yaml_scalar_style_t style = node->data.scalar.style;
    if (!scalar_is_whole(node))
        return ERROR(r->ctx, DRIFT_ERROR_USAGE,
                     "%s: %s: a zero byte in the value",
                     where(r, node->start_mark.line, at), key->name);
    if (key->type != KEY_TEXT && key->type != KEY_TEXTS &&
        style != YAML_PLAIN_SCALAR_STYLE) {
        char allowed[160];
        config_allowed(key, allowed, sizeof allowed);
        return ERROR(r->ctx, DRIFT_ERROR_USAGE,
                     "%s: %s: found quoted text \"%.80s\"; allowed: %s",
                     where(r, node->start_mark.line, at), key->name,
                     scalar_text(node), allowed);
    }
    return DRIFT_OK;
}

static drift_status read_list(const reader *r, const config_key *key,
                              const yaml_node_t *node)
{
    drift_status status = DRIFT_OK;
    const char *values[64];
    size_t count = 0;
    char at[WHERE_TEXT];
    const yaml_node_item_t *item = node->data.sequence.items.start;
    where(r, node->start_mark.line, at);
    for (; item < node->data.sequence.items.top; item++) {
        const yaml_node_t *one = yaml_document_get_node(r->document, *item);
        if (one->type != YAML_SCALAR_NODE)
            FAIL(r->ctx, DRIFT_ERROR_USAGE,
                 "%s: %s: found %s inside the list; allowed: %s",
                 where(r, one->start_mark.line, at), key->name, kind_text(one),
                 key->type == KEY_TEXTS ? "texts" : "numbers");
        TRY(check_style(r, key, one));
        if (count == sizeof values / sizeof *values)
            FAIL(r->ctx, DRIFT_ERROR_USAGE,
                 "%s: %s: a list of more than %zu; at most %d allowed", at,
                 key->name, count, key->room);
        values[count++] = scalar_text(one);
    }
    TRY(config_set_list(r->ctx, r->c, at, key, values, count));
out:
    return status;
}

static drift_status read_value(const reader *r, const config_key *key,
                               const yaml_node_t *node)
{
    drift_status status = DRIFT_OK;
    char at[WHERE_TEXT], allowed[160];
    where(r, node->start_mark.line, at);
    config_allowed(key, allowed, sizeof allowed);
    if (node->type == YAML_SEQUENCE_NODE && config_is_list(key))
        return read_list(r, key, node);
    if (node->type != YAML_SCALAR_NODE)
        FAIL(r->ctx, DRIFT_ERROR_USAGE, "%s: %s: found %s; allowed: %s", at,
             key->name, kind_text(node), allowed);
    TRY(check_style(r, key, node));
    if (!*scalar_text(node) &&
        node->data.scalar.style == YAML_PLAIN_SCALAR_STYLE)
        FAIL(r->ctx, DRIFT_ERROR_USAGE, "%s: %s: found no value; allowed: %s",
             at, key->name, allowed);
    TRY(config_set_scalar(r->ctx, r->c, at, key, scalar_text(node)));
out:
    return status;
}

/* The name on the left of a pair. */
static drift_status read_name(const reader *r, const yaml_node_t *node,
                              const char **name)
{
    char at[WHERE_TEXT];
    if (node->type != YAML_SCALAR_NODE || !scalar_is_whole(node))
        return ERROR(r->ctx, DRIFT_ERROR_USAGE,
                     "%s: found %s where a name belongs",
                     where(r, node->start_mark.line, at), kind_text(node));
    *name = scalar_text(node);
    return DRIFT_OK;
}

static drift_status read_section(const reader *r, const char *section,
                                 const yaml_node_t *node)
{
    drift_status status = DRIFT_OK;
    const yaml_node_pair_t *pair = node->data.mapping.pairs.start;
    for (; pair < node->data.mapping.pairs.top; pair++) {
        const yaml_node_t *left, *right;
        const char *name = NULL;
        char full[128], at[WHERE_TEXT];
        left = yaml_document_get_node(r->document, pair->key);
        right = yaml_document_get_node(r->document, pair->value);
        TRY(read_name(r, left, &name));
        where(r, left->start_mark.line, at);
        snprintf(full, sizeof full, "%s.%s", section, name);
        const config_key *key;
        TRY(config_key_of(r->ctx, r->c, at, full, &key));
        int *seen = &r->seen[key - config_keys];
        if (*seen)
            FAIL(r->ctx, DRIFT_ERROR_USAGE,
                 "%s: '%s' comes again; first on line %d", at, full, *seen);
        *seen = (int)left->start_mark.line + 1;
        TRY(read_value(r, key, right));
    }
out:
    return status;
}

static drift_status unknown_section(const reader *r, const char *name,
                                    size_t line)
{
    char at[WHERE_TEXT], nearest[64] = "", sections[256] = "";
    size_t least = (size_t)-1, used = 0, last = 0;
    const char *before = "";
    for (size_t i = 0; i < config_key_count; i++) {
        const char *known = config_keys[i].name;
        size_t n = strcspn(known, ".");
        if ((n == last && !strncmp(known, before, n)) ||
            !config_has_section(r->c->subject, known, n))
            continue;
        before = known;
        last = n;
        used += (size_t)snprintf(sections + used, sizeof sections - used,
                                 "%s%.*s", used ? ", " : "", (int)n, known);
        char one[64];
        snprintf(one, sizeof one, "%.*s", (int)n, known);
        size_t d = edit_distance(name, one);
        if (d < least) {
            least = d;
            memcpy(nearest, one, sizeof nearest);
        }
    }
    return ERROR(r->ctx, DRIFT_ERROR_USAGE,
                 "%s: unknown section '%.80s' (nearest: '%s'; sections: %s)",
                 where(r, line, at), name, nearest, sections);
}

/* Known, of this subject, and each once. */
static drift_status check_sections(const reader *r, const yaml_node_t *root)
{
    drift_status status = DRIFT_OK;
    const yaml_node_pair_t *start = root->data.mapping.pairs.start, *pair;
    for (pair = start; pair < root->data.mapping.pairs.top; pair++) {
        const yaml_node_t *left;
        const char *name = NULL;
        char at[WHERE_TEXT];
        left = yaml_document_get_node(r->document, pair->key);
        TRY(read_name(r, left, &name));
        if (!config_is_section(name))
            return unknown_section(r, name, left->start_mark.line);
        where(r, left->start_mark.line, at);
        if (!config_has_section(r->c->subject, name, strlen(name)))
            FAIL(r->ctx, DRIFT_ERROR_USAGE,
                 "%s: section '%s' is of %s, not of %s", at, name,
                 config_tool(!r->c->subject), config_tool(r->c->subject));
        for (const yaml_node_pair_t *p = start; p < pair; p++) {
            const yaml_node_t *other =
                yaml_document_get_node(r->document, p->key);
            if (!strcmp(name, scalar_text(other)))
                FAIL(r->ctx, DRIFT_ERROR_USAGE,
                     "%s: section '%s' comes again; first on line %zu", at,
                     name, other->start_mark.line + 1);
        }
    }
out:
    return status;
}

static drift_status read_sections(const reader *r, const yaml_node_t *root)
{
    drift_status status = DRIFT_OK;
    const yaml_node_pair_t *pair = root->data.mapping.pairs.start;
    TRY(check_sections(r, root));
    for (; pair < root->data.mapping.pairs.top; pair++) {
        const yaml_node_t *left, *right;
        const char *name;
        char at[WHERE_TEXT];
        left = yaml_document_get_node(r->document, pair->key);
        right = yaml_document_get_node(r->document, pair->value);
        name = scalar_text(left);
        where(r, left->start_mark.line, at);
        if (right->type != YAML_MAPPING_NODE)
            FAIL(r->ctx, DRIFT_ERROR_USAGE,
                 "%s: section '%s': found %s; allowed: keys with values, "
                 "indented",
                 at, name, kind_text(right));
        TRY(read_section(r, name, right));
    }
out:
    return status;
}

static drift_status syntax_error(const reader *r, const yaml_parser_t *p)
{
    char at[WHERE_TEXT];
    const char *problem = p->problem ? p->problem : "unknown problem";
    if (p->error == YAML_MEMORY_ERROR)
        return ERROR(r->ctx, DRIFT_ERROR_MEMORY, "%s: out of memory", r->file);
    if (p->error == YAML_READER_ERROR)
        return ERROR(r->ctx, DRIFT_ERROR_USAGE, "%s: %s at byte %zu", r->file,
                     problem, p->problem_offset);
    return ERROR(r->ctx, DRIFT_ERROR_USAGE, "%s: not YAML: %s%s%s",
                 where(r, p->problem_mark.line, at), problem,
                 p->context ? ", " : "", p->context ? p->context : "");
}

/* The file holds one document and nothing after it. */
static drift_status read_end(const reader *r, yaml_parser_t *parser)
{
    drift_status status = DRIFT_OK;
    yaml_document_t next;
    char at[WHERE_TEXT];
    if (!yaml_parser_load(parser, &next))
        return syntax_error(r, parser);
    if (yaml_document_get_root_node(&next))
        status = ERROR(r->ctx, DRIFT_ERROR_USAGE,
                       "%s: a second document; a configuration has one",
                       where(r, next.start_mark.line, at));
    yaml_document_delete(&next);
    return status;
}

drift_status config_parse(drift_context *ctx, config *c, const char *file,
                          const char *text, size_t size)
{
    drift_status status = DRIFT_OK;
    yaml_parser_t parser;
    yaml_document_t document;
    int have_parser = 0, have_document = 0;
    char at[WHERE_TEXT];
    config *copy = NULL;
    reader r = {.ctx = ctx, .file = file, .document = &document};

    /* Keys are set in a copy, so that an error leaves *c as it was. */
    TRY(config_copy(ctx, c, &copy));
    r.c = copy;
    r.seen = mem_alloc(ctx, config_key_count, sizeof *r.seen);
    have_parser = r.seen && yaml_parser_initialize(&parser);
    if (!have_parser)
        FAIL(ctx, DRIFT_ERROR_MEMORY, "%s: out of memory", file);
    yaml_parser_set_input_string(&parser, (const unsigned char *)text, size);
    have_document = yaml_parser_load(&parser, &document);
    if (!have_document) {
        status = syntax_error(&r, &parser);
        goto out;
    }
    yaml_node_t *root = yaml_document_get_root_node(&document);
    if (!root)
        FAIL(ctx, DRIFT_ERROR_USAGE, "%s: the configuration is empty", file);
    if (root->type != YAML_MAPPING_NODE)
        FAIL(ctx, DRIFT_ERROR_USAGE, "%s: found %s; allowed: sections",
             where(&r, root->start_mark.line, at), kind_text(root));
    TRY(read_sections(&r, root));
    TRY(read_end(&r, &parser));

    config swap = *c;
    *c = *copy;
    *copy = swap;
out:
    if (have_document)
        yaml_document_delete(&document);
    if (have_parser)
        yaml_parser_delete(&parser);
    mem_free(r.seen);
    config_free(copy);
    return status;
}

/* Whether a section of the document is of another subject alone. */
static int has_other_section(drift_subject subject, yaml_document_t *d)
{
    yaml_node_t *root = yaml_document_get_root_node(d);
    if (!root || root->type != YAML_MAPPING_NODE)
        return 0;
    for (const yaml_node_pair_t *p = root->data.mapping.pairs.start;
         p < root->data.mapping.pairs.top; p++) {
        const yaml_node_t *left = yaml_document_get_node(d, p->key);
        if (left->type == YAML_SCALAR_NODE &&
            !config_has_section(subject, scalar_text(left),
                                left->data.scalar.length))
            return 1;
    }
    return 0;
}

int config_is_of_other(drift_subject subject, const char *text, size_t size)
{
    yaml_parser_t parser;
    yaml_document_t document;
    int found = 0;
    if (!yaml_parser_initialize(&parser))
        return 0;
    yaml_parser_set_input_string(&parser, (const unsigned char *)text, size);
    if (yaml_parser_load(&parser, &document)) {
        found = has_other_section(subject, &document);
        yaml_document_delete(&document);
    }
    yaml_parser_delete(&parser);
    return found;
}

drift_status config_text(drift_context *ctx, const config *c, char **out)
{
    drift_status status = DRIFT_OK;
    const char *section = "";
    size_t length = 0;
    char *text =
        mem_printf(ctx, "# drift %s; the keys: drift.yaml(5)\n", DRIFT_VERSION);
    *out = NULL;
    if (!text)
        return DRIFT_ERROR_MEMORY;
    for (size_t i = 0; i < config_key_count; i++) {
        const config_key *key = &config_keys[i];
        if (!config_has(c->subject, key))
            continue;
        char *value = config_value(ctx, c, key), *line = NULL;
        length = strcspn(key->name, ".");
        if (value)
            line =
                strncmp(section, key->name, length + 1)
                    ? mem_printf(ctx, "%s%.*s:\n  %s: %s\n", text, (int)length,
                                 key->name, key->name + length + 1, value)
                    : mem_printf(ctx, "%s  %s: %s\n", text,
                                 key->name + length + 1, value);
        section = key->name;
        mem_free(value);
        mem_free(text);
        text = line;
        if (!text) {
            status = DRIFT_ERROR_MEMORY;
            goto out;
        }
    }
    *out = text;
    text = NULL;
out:
    mem_free(text);
    return status;
}
