/* Frames from outside, through libFuzzer: `make fuzz`. What parses lies within its bytes, keeps the
   limits, and comes out the same when it is written again. */
#include "config.h"

#include <errno.h>
#include <stdlib.h>

#include "cleanup.h"
#include "wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void demand(bool what)
{
    if (!what)
        abort();
}

/* Asks for every field in every way. */
static void ask(const struct wire_frame *f)
{
    char text[64] = "";
    uint64_t u64;
    uint32_t u32;
    uint16_t u16;
    uint8_t u8;

    for (unsigned tag = 0; tag <= WIRE_TAG_LAST + 1; tag++) {
        if (wire_get_string(f, (enum wire_tag)tag, text, sizeof text) == 0)
            demand(strlen(text) < sizeof text);
        wire_get_u8(f, (enum wire_tag)tag, &u8);
        wire_get_u16(f, (enum wire_tag)tag, &u16);
        wire_get_u32(f, (enum wire_tag)tag, &u32);
        wire_get_u64(f, (enum wire_tag)tag, &u64);
    }
}

/* Writes f's fields again; returns whether all of them are known. */
static bool write_again(const struct wire_frame *f, struct wire_writer *w)
{
    size_t offset = 0, length;
    const uint8_t *value;
    struct wire_frame letter;
    enum wire_tag tag;
    bool all = true;

    while (wire_next(f, &offset, &tag, &value, &length) > 0) {
        demand(value >= f->fields && length <= f->size && value + length <= f->fields + f->size);
        if (wire_limit(tag) == 0) {
            all = false;
            continue;
        }
        demand(length <= wire_limit(tag));
        wire_put(w, tag, value, length);
        if (tag == WIRE_LETTER && wire_parse_fields(value, length, &letter) == 0)
            ask(&letter);
    }
    demand(offset == f->size);
    return all;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    _cleanup_(wire_writer_clear) struct wire_writer w = {0};
    struct wire_frame f;
    size_t announced = 0;

    if (wire_frame_size(data, size, WIRE_REQUEST_MAX, &announced) == 0)
        demand(announced >= WIRE_HEADER_SIZE && announced <= WIRE_REQUEST_MAX);
    if (wire_parse(data, size, &f) < 0)
        return 0;
    ask(&f);
    wire_begin(&w, f.type);
    if (write_again(&f, &w)) {
        demand(wire_end(&w) == 0 && w.size == size);
        demand(memcmp(w.data, data, size) == 0);
    }
    return 0;
}
