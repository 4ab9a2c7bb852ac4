/* The stack machine of pickles, with those opcodes of protocol 2 that torch
 * writes around tensors. Its memory is bounded by the pickle's length: each
 * opcode makes at most one node, and moves others. */
#include "formats/pickle.h"

#include <string.h>

#include "base/mem.h"
#include "formats/array.h"

#define MAX_NODES ((size_t)1 << 22)

enum opcode {
    MARK = '(',
    STOP = '.',
    NONE = 'N',
    NEWTRUE = 0x88,
    NEWFALSE = 0x89,
    BININT = 'J',
    BININT1 = 'K',
    BININT2 = 'M',
    LONG1 = 0x8a,
    BINFLOAT = 'G',
    BINUNICODE = 'X',
    SHORT_BINSTRING = 'U',
    EMPTY_TUPLE = ')',
    TUPLE = 't',
    TUPLE1 = 0x85,
    TUPLE2 = 0x86,
    TUPLE3 = 0x87,
    EMPTY_LIST = ']',
    APPEND = 'a',
    APPENDS = 'e',
    EMPTY_DICT = '}',
    SETITEM = 's',
    SETITEMS = 'u',
    EMPTY_SET = 0x8f,
    GLOBAL = 'c',
    REDUCE = 'R',
    NEWOBJ = 0x81,
    BUILD = 'b',
    BINPERSID = 'Q',
    BINPUT = 'q',
    LONG_BINPUT = 'r',
    BINGET = 'h',
    LONG_BINGET = 'j',
    PROTO = 0x80,
};

typedef struct machine {
    drift_context *ctx;
    const unsigned char *bytes;
    size_t size, at;
    pickle *out;
    pickle_node **stack; /* NULL is a mark */
    size_t top, stack_room;
    pickle_node **memo; /* NULL where nothing was put */
    size_t memo_room;
} machine;

static drift_status bad(machine *m, const char *what)
{
    return ERROR(m->ctx, DRIFT_ERROR_FORMAT, "pickle, before byte %zu: %s",
                 m->at, what);
}

/* -- nodes, stack and memo ------------------------------------------------ */

static drift_status reserve(machine *m, pickle_node ***list, size_t *room,
                            size_t count)
{
    if (count <= *room)
        return DRIFT_OK;
    size_t more = count < 4 ? count : 2 * count;
    pickle_node **grown = mem_resize(m->ctx, *list, more, sizeof *grown);
    if (!grown)
        return DRIFT_ERROR_MEMORY;
    for (size_t i = *room; i < more; i++)
        grown[i] = NULL;
    *list = grown;
    *room = more;
    return DRIFT_OK;
}

static drift_status push(machine *m, pickle_node *n)
{
    drift_status status = reserve(m, &m->stack, &m->stack_room, m->top + 1);
    if (status == DRIFT_OK)
        m->stack[m->top++] = n;
    return status;
}

static drift_status make(machine *m, pickle_kind kind, pickle_node **out)
{
    if (m->out->count == MAX_NODES)
        return bad(m, "more than 4 million objects");
    pickle_node *n = mem_alloc(m->ctx, 1, sizeof *n);
    if (!n)
        return DRIFT_ERROR_MEMORY;
    n->kind = kind;
    n->next = m->out->nodes;
    m->out->nodes = n;
    m->out->count++;
    *out = n;
    return DRIFT_OK;
}

static drift_status push_new(machine *m, pickle_kind kind, int64_t number,
                             const void *text, size_t length)
{
    pickle_node *n = NULL;
    drift_status status = make(m, kind, &n);
    if (status != DRIFT_OK)
        return status;
    n->number = number;
    n->text = text;
    n->length = length;
    return push(m, n);
}

/* The k-th object from the top, from 0; NULL for a mark, or none. */
static pickle_node *peek(const machine *m, size_t k)
{
    return k < m->top ? m->stack[m->top - 1 - k] : NULL;
}

/* Objects above the topmost mark. */
static drift_status since_mark(machine *m, size_t *count)
{
    size_t n = 0;
    while (peek(m, n))
        n++;
    *count = n;
    return n < m->top ? DRIFT_OK : bad(m, "no mark on the stack");
}

/* The topmost `count` objects leave the stack for the end of `to` (NULL: for
 * nowhere). */
static drift_status move(machine *m, size_t count, pickle_node *to)
{
    for (size_t k = 0; k < count; k++)
        if (!peek(m, k))
            return bad(m, "too few objects on the stack");
    m->top -= count;
    if (!to || !count)
        return DRIFT_OK;
    drift_status status = reserve(m, &to->items, &to->room, to->count + count);
    if (status != DRIFT_OK)
        return status;
    memcpy(to->items + to->count, m->stack + m->top, count * sizeof *to->items);
    to->count += count;
    return DRIFT_OK;
}

/* A new object of the topmost `count`, in their place. */
static drift_status wrap(machine *m, pickle_kind kind, size_t count, int marked)
{
    drift_status status = DRIFT_OK;
    pickle_node *n = NULL;
    TRY(make(m, kind, &n));
    TRY(move(m, count, n));
    m->top -= marked != 0;
    TRY(push(m, n));
out:
    return status;
}

/* The topmost `count` go into the object below them (and below a mark). What
 * is appended to an unknown object is forgotten. */
static drift_status fill(machine *m, pickle_kind kind, size_t count, int marked)
{
    drift_status status = DRIFT_OK;
    pickle_node *to = peek(m, count + (marked != 0));
    int pairs = kind == PICKLE_DICT;
    if (!to || (to->kind != kind && to->kind != PICKLE_OBJECT) ||
        (pairs && count % 2))
        return bad(m, "items are put where none can be");
    TRY(move(m, count, pairs || to->kind == kind ? to : NULL));
    m->top -= marked != 0;
out:
    return status;
}

/* Python numbers what it keeps from 0 or 1 on, so no number is above that of
 * the objects. */
static drift_status put(machine *m, uint64_t index)
{
    drift_status status = DRIFT_OK;
    if (!peek(m, 0) || index > m->out->count)
        return bad(m, "nothing to keep, or kept under a far too large number");
    TRY(reserve(m, &m->memo, &m->memo_room, (size_t)index + 1));
    m->memo[index] = peek(m, 0);
out:
    return status;
}

static drift_status get(machine *m, uint64_t index)
{
    return index < m->memo_room && m->memo[index]
               ? push(m, m->memo[index])
               : bad(m, "nothing was kept under that number");
}

/* -- opcodes ----------------------------------------------------------------
 */

/* Bytes of the number after an opcode. */
static size_t number_size(int op)
{
    switch (op) {
    case BININT1:
    case BINPUT:
    case BINGET:
    case PROTO:
    case LONG1:
    case SHORT_BINSTRING:
        return 1;
    case BININT2:
        return 2;
    case BININT:
    case LONG_BINPUT:
    case LONG_BINGET:
    case BINUNICODE:
        return 4;
    case BINFLOAT:
        return 8;
    default:
        return 0;
    }
}

/* Two's complement of `size` bytes. */
static int64_t integer(const unsigned char *p, size_t size)
{
    uint64_t v = little_endian(p, size);
    if (size && size < 8 && p[size - 1] & 0x80)
        v |= UINT64_MAX << (8 * size);
    return v > INT64_MAX ? -(int64_t)~v - 1 : (int64_t)v;
}

/* The text of GLOBAL is two lines. */
static drift_status push_global(machine *m)
{
    const unsigned char *p = m->bytes + m->at, *end = m->bytes + m->size;
    const unsigned char *line = memchr(p, '\n', (size_t)(end - p));
    if (line)
        line = memchr(line + 1, '\n', (size_t)(end - line - 1));
    if (!line)
        return bad(m, "the name of a global has no end");
    m->at += (size_t)(line + 1 - p);
    return push_new(m, PICKLE_GLOBAL, 0, p, (size_t)(line - p));
}

static drift_status build(machine *m)
{
    pickle_node *state = peek(m, 0), *to = peek(m, 1);
    if (!state || !to || to->kind != PICKLE_OBJECT)
        return bad(m, "a state for what has none");
    to->state = state;
    return move(m, 1, NULL);
}

/* All but STOP. `v` is the number after the opcode, `text` what follows. */
static drift_status run(machine *m, int op, uint64_t v,
                        const unsigned char *text)
{
    drift_status status = DRIFT_OK;
    size_t n;
    switch (op) {
    case PROTO:
        return v == 2 ? DRIFT_OK : bad(m, "its protocol is not 2");
    case MARK:
        return push(m, NULL);
    case NONE:
    case BINFLOAT:
    case EMPTY_SET:
        return push_new(m, PICKLE_OTHER, 0, NULL, 0);
    case NEWTRUE:
    case NEWFALSE:
        return push_new(m, PICKLE_BOOL, op == NEWTRUE, NULL, 0);
    case BININT:
        return push_new(m, PICKLE_INTEGER, integer(text - 4, 4), NULL, 0);
    case BININT1:
    case BININT2:
        return push_new(m, PICKLE_INTEGER, (int64_t)v, NULL, 0);
    case LONG1:
        return v > 8 ? push_new(m, PICKLE_OTHER, 0, NULL, 0)
                     : push_new(m, PICKLE_INTEGER, integer(text, (size_t)v),
                                NULL, 0);
    case BINUNICODE:
    case SHORT_BINSTRING:
        return push_new(m, PICKLE_TEXT, 0, text, (size_t)v);
    case EMPTY_TUPLE:
        return push_new(m, PICKLE_TUPLE, 0, NULL, 0);
    case EMPTY_LIST:
        return push_new(m, PICKLE_LIST, 0, NULL, 0);
    case EMPTY_DICT:
        return push_new(m, PICKLE_DICT, 0, NULL, 0);
    case TUPLE:
        TRY(since_mark(m, &n));
        return wrap(m, PICKLE_TUPLE, n, 1);
    case TUPLE1:
    case TUPLE2:
    case TUPLE3:
        return wrap(m, PICKLE_TUPLE, (size_t)(op - TUPLE1) + 1, 0);
    case APPEND:
        return fill(m, PICKLE_LIST, 1, 0);
    case APPENDS:
        TRY(since_mark(m, &n));
        return fill(m, PICKLE_LIST, n, 1);
    case SETITEM:
        return fill(m, PICKLE_DICT, 2, 0);
    case SETITEMS:
        TRY(since_mark(m, &n));
        return fill(m, PICKLE_DICT, n, 1);
    case GLOBAL:
        return push_global(m);
    case REDUCE:
    case NEWOBJ:
        return wrap(m, PICKLE_OBJECT, 2, 0);
    case BUILD:
        return build(m);
    case BINPERSID:
        return wrap(m, PICKLE_PERSISTENT, 1, 0);
    case BINPUT:
    case LONG_BINPUT:
        return put(m, v);
    case BINGET:
    case LONG_BINGET:
        return get(m, v);
    default:
        return ERROR(m->ctx, DRIFT_ERROR_FORMAT,
                     "pickle, before byte %zu: opcode 0x%02x, which no tensor "
                     "needs",
                     m->at, (unsigned)op);
    }
out:
    return status;
}

/* The next opcode and what belongs to it; *stop after the last. */
static drift_status step(machine *m, int *stop)
{
    if (m->at == m->size)
        return bad(m, "it is cut");
    int op = m->bytes[m->at++];
    size_t n = number_size(op);
    if (n > m->size - m->at)
        return bad(m, "it is cut");
    uint64_t v = little_endian(m->bytes + m->at, n);
    m->at += n;
    const unsigned char *text = m->bytes + m->at;
    if (op == BINUNICODE || op == SHORT_BINSTRING || op == LONG1) {
        if (v > m->size - m->at)
            return bad(m, "a text or number is longer than the rest");
        m->at += (size_t)v;
    }
    *stop = op == STOP;
    return *stop ? DRIFT_OK : run(m, op, v, text);
}

drift_status pickle_read(drift_context *ctx, const unsigned char *bytes,
                         size_t size, pickle *out, size_t *used)
{
    drift_status status = DRIFT_OK;
    machine m = {.ctx = ctx, .bytes = bytes, .size = size, .out = out};
    int stop = 0;
    *out = (pickle){0};
    while (!stop)
        TRY(step(&m, &stop));
    if (m.top != 1 || !m.stack[0])
        TRY(bad(&m, "what is left at the end is not one object"));
    out->root = m.stack[0];
    *used = m.at;
out:
    mem_free(m.stack);
    mem_free(m.memo);
    return status;
}

void pickle_free(pickle *p)
{
    while (p->nodes) {
        pickle_node *n = p->nodes;
        p->nodes = n->next;
        mem_free(n->items);
        mem_free(n);
    }
    *p = (pickle){0};
}

int pickle_is(const pickle_node *n, pickle_kind kind, const char *text)
{
    return n && n->kind == kind && n->length == strlen(text) &&
           !memcmp(n->text, text, n->length);
}
