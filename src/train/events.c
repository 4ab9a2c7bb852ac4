/* TensorBoard event files. A record is
 *     u64 length, u32 checksum of it, the message, u32 checksum of that
 * and the messages are, with the numbers of the fields,
 *     Event   { 1 double wall_time; 2 int64 step; 3 string file_version;
 *               5 Summary }
 *     Summary { 1 repeated Value }
 *     Value   { 1 string tag; 2 float simple_value; 4 Image }
 *     Image   { 1 height; 2 width; 3 colourspace (1 grey, 3 RGB); 4 PNG } */
#include "train/events.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"

/* How a protobuf field is stored. */
enum { VARINT, FIXED64, BYTES, FIXED32 = 5 };

typedef struct bytes {
    unsigned char *data;
    size_t size, room;
} bytes;

struct events {
    drift_context *ctx;
    char *path;
    int fd;
    drift_status status; /* first error of the event in hand */
    int64_t step;
    bytes summary, event;
};

/* -- checksums ---------------------------------------------------------- */

/* CRC-32C (Castagnoli), then masked: a checksum over data that hold checksums
 * would be weak. */
uint32_t events_checksum(const void *data, size_t size)
{
    const unsigned char *p = data;
    uint32_t crc = 0xffffffff;
    for (size_t i = 0; i < size; i++) {
        crc ^= p[i];
        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78 : 0);
    }
    crc = ~crc;
    return (crc >> 15 | crc << 17) + 0xa282ead8;
}

/* -- messages ----------------------------------------------------------- */

static void put(events *e, bytes *b, const void *data, size_t size)
{
    if (e->status != DRIFT_OK || !size)
        return;
    if (b->room - b->size < size) {
        size_t room = 2 * (b->size + size) + 256;
        unsigned char *more = mem_resize(e->ctx, b->data, room, 1);
        if (!more) {
            e->status = DRIFT_ERROR_MEMORY;
            return;
        }
        b->data = more;
        b->room = room;
    }
    memcpy(b->data + b->size, data, size);
    b->size += size;
}

static void put_fixed(events *e, bytes *b, uint64_t value, size_t size)
{
    unsigned char text[8];
    for (size_t i = 0; i < size; i++)
        text[i] = (unsigned char)(value >> 8 * i);
    put(e, b, text, size);
}

static void put_varint(events *e, bytes *b, uint64_t value)
{
    unsigned char text[10];
    size_t size = 0;
    do {
        text[size] = (unsigned char)(value & 0x7f);
        value >>= 7;
        text[size++] |= value ? 0x80 : 0;
    } while (value);
    put(e, b, text, size);
}

static void put_key(events *e, bytes *b, unsigned field, unsigned kind)
{
    put_varint(e, b, field << 3 | kind);
}

static void put_bytes(events *e, bytes *b, unsigned field, const void *data,
                      size_t size)
{
    put_key(e, b, field, BYTES);
    put_varint(e, b, size);
    put(e, b, data, size);
}

static size_t varint_size(uint64_t value)
{
    size_t size = 1;
    while (value >>= 7)
        size++;
    return size;
}

/* -- records ------------------------------------------------------------ */

static drift_status write_all(events *e, const unsigned char *data, size_t size)
{
    while (size) {
        ssize_t n = write(e->fd, data, size);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return ERROR(e->ctx, DRIFT_ERROR_IO, "unable to write '%s': %s",
                         e->path, strerror(errno));
        data += n;
        size -= (size_t)n;
    }
    return DRIFT_OK;
}

/* e->event as a record: the frame goes around the message in place. */
static drift_status write_record(events *e)
{
    unsigned char head[12];
    bytes *b = &e->event;
    uint64_t size = b->size;
    for (size_t i = 0; i < 8; i++)
        head[i] = (unsigned char)(size >> 8 * i);
    uint32_t check = events_checksum(head, 8);
    for (size_t i = 0; i < 4; i++)
        head[8 + i] = (unsigned char)(check >> 8 * i);
    uint32_t tail = events_checksum(b->data, b->size);
    put_fixed(e, b, tail, 4);
    put(e, b, head, sizeof head); /* room for the shift */
    if (e->status != DRIFT_OK)
        return e->status;
    memmove(b->data + sizeof head, b->data, b->size - sizeof head);
    memcpy(b->data, head, sizeof head);
    return write_all(e, b->data, b->size);
}

static void begin_message(events *e)
{
    struct timespec now;
    double seconds = 0;
    uint64_t bits;
    e->event.size = 0;
    if (clock_gettime(CLOCK_REALTIME, &now) == 0)
        seconds = (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
    memcpy(&bits, &seconds, sizeof bits);
    put_key(e, &e->event, 1, FIXED64);
    put_fixed(e, &e->event, bits, 8);
}

/* -- the interface ------------------------------------------------------ */

static drift_status create(events *e, const char *folder)
{
    char host[64] = "";
    if (gethostname(host, sizeof host - 1) != 0 || !host[0])
        snprintf(host, sizeof host, "host");
    for (char *p = host; *p; p++)
        if (*p == '/')
            *p = '-';
    /* Two starts within a second differ in the last number. */
    for (int i = 0; i < 1000 && e->fd < 0; i++) {
        mem_free(e->path);
        e->path = mem_printf(e->ctx, "%s/events.out.tfevents.%010ld.%s.%ld.%d",
                             folder, (long)time(NULL), host, (long)getpid(), i);
        if (!e->path)
            return DRIFT_ERROR_MEMORY;
        e->fd = open(e->path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (e->fd < 0 && errno != EEXIST)
            break;
    }
    if (e->fd < 0)
        return ERROR(e->ctx, DRIFT_ERROR_IO, "unable to create '%s': %s",
                     e->path, strerror(errno));
    return DRIFT_OK;
}

drift_status events_open(drift_context *ctx, const char *folder, events **out)
{
    static const char version[] = "brain.Event:2";
    drift_status status = DRIFT_OK;
    events *e = mem_alloc(ctx, 1, sizeof *e);
    *out = NULL;
    if (!e)
        return DRIFT_ERROR_MEMORY;
    e->ctx = ctx;
    e->fd = -1;
    TRY(create(e, folder));
    begin_message(e);
    put_bytes(e, &e->event, 3, version, sizeof version - 1);
    TRY(write_record(e));
    *out = e;
    e = NULL;
out:
    events_close(e);
    return status;
}

void events_close(events *e)
{
    if (!e)
        return;
    if (e->fd >= 0)
        close(e->fd);
    mem_free(e->summary.data);
    mem_free(e->event.data);
    mem_free(e->path);
    mem_free(e);
}

void events_begin(events *e, int64_t step)
{
    e->status = DRIFT_OK;
    e->step = step;
    e->summary.size = 0;
}

void events_scalar(events *e, const char *tag, double value)
{
    bytes *b = &e->summary;
    size_t length = strlen(tag);
    float single = (float)value;
    uint32_t bits;
    memcpy(&bits, &single, sizeof bits);
    put_key(e, b, 1, BYTES);
    put_varint(e, b, 1 + varint_size(length) + length + 1 + 4);
    put_bytes(e, b, 1, tag, length);
    put_key(e, b, 2, FIXED32);
    put_fixed(e, b, bits, 4);
}

void events_image(events *e, const char *tag, const image *img)
{
    bytes *b = &e->summary;
    unsigned char *png = NULL;
    size_t length = strlen(tag), size = 0;
    if (e->status == DRIFT_OK)
        e->status = image_encode_png(e->ctx, img, &png, &size);
    uint64_t height = (uint64_t)img->height, width = (uint64_t)img->width;
    uint64_t inner = 1 + varint_size(height) + 1 + varint_size(width) + 2 + 1 +
                     varint_size(size) + size;
    put_key(e, b, 1, BYTES);
    put_varint(e, b,
               1 + varint_size(length) + length + 1 + varint_size(inner) +
                   inner);
    put_bytes(e, b, 1, tag, length);
    put_key(e, b, 4, BYTES);
    put_varint(e, b, inner);
    put_key(e, b, 1, VARINT);
    put_varint(e, b, height);
    put_key(e, b, 2, VARINT);
    put_varint(e, b, width);
    put_key(e, b, 3, VARINT);
    put_varint(e, b, (uint64_t)img->channels);
    put_bytes(e, b, 4, png, size);
    mem_free(png);
}

drift_status events_end(events *e)
{
    begin_message(e);
    put_key(e, &e->event, 2, VARINT);
    put_varint(e, &e->event, (uint64_t)e->step);
    put_bytes(e, &e->event, 5, e->summary.data, e->summary.size);
    return e->status == DRIFT_OK ? write_record(e) : e->status;
}
