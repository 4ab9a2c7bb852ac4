/* The objects that a pickle of Python (protocol 2) describes, as a tree of
 * nodes that may share parts and even be part of themselves. Nothing is
 * imported or called: what Python would make by a call is a node that says
 * which. */
#ifndef FORMATS_PICKLE_H
#define FORMATS_PICKLE_H

#include <stdint.h>

#include "base/error.h"

typedef enum pickle_kind {
    PICKLE_OTHER, /* None, a float, a set, an integer beyond 64 bits */
    PICKLE_BOOL,
    PICKLE_INTEGER,
    PICKLE_TEXT,
    PICKLE_GLOBAL,
    PICKLE_TUPLE,
    PICKLE_LIST,
    PICKLE_DICT,
    PICKLE_PERSISTENT, /* what the pickle's reader must know by an id */
    PICKLE_OBJECT
} pickle_kind;

typedef struct pickle_node {
    pickle_kind kind;
    int64_t number;   /* BOOL, INTEGER */
    const char *text; /* TEXT: UTF-8; GLOBAL: its module, '\n', its name */
    size_t length;
    /* TUPLE, LIST: elements; DICT: key, value, key, ...; PERSISTENT: the id;
     * OBJECT: what would be called, the tuple of arguments, then key, value,
     * key, ... */
    struct pickle_node **items;
    size_t count, room;
    struct pickle_node *state; /* of an OBJECT, or NULL */
    struct pickle_node *next;  /* any order */
} pickle_node;

typedef struct pickle {
    pickle_node *root;
    pickle_node *nodes; /* all of them */
    size_t count;
} pickle;

/* The pickle at the beginning of the bytes, whose texts stay there; *used is
 * its length. On failure *out must still be freed. */
drift_status pickle_read(drift_context *ctx, const unsigned char *bytes,
                         size_t size, pickle *out,
                         size_t *used) DRIFT_MUST_CHECK;
void pickle_free(pickle *p);

int pickle_is(const pickle_node *n, pickle_kind kind, const char *text);

#endif
