/* CSV through libcsv, which is fed line by line, so that each record's line is known;
   sheet_next() is the way in. */
#include "config.h"

#include "sheet.h"

#include "cleanup.h"

#include <csv.h>
#include <errno.h>
#include <glib.h>
#include <stdbool.h>

#define CHUNK   65536u
#define OPTIONS (CSV_STRICT | CSV_STRICT_FINI)

struct sheet {
    FILE *file;
    struct csv_parser csv;
    unsigned char delimiter;
    char chunk[CHUNK];
    size_t have, at;    /* bytes in chunk, and those that are used up */
    unsigned long line; /* that the next byte is in */
    bool skipping;      /* what is left of a line with an error */
    bool ended;

    struct record record;
    char text[SHEET_RECORD + SHEET_FIELDS];
    size_t used, fed; /* bytes of text; bytes that the record came from */
    bool open;        /* it has begun, and goes on in the next line */
    bool complete;
    int error;
};

static void fail(struct sheet *s, int error, const char *why)
{
    if (s->error == -EBADMSG || (s->error != 0 && error != -EBADMSG))
        return;
    s->error = error;
    s->record.why = why;
}

/* Control characters would let a name move a cursor, and none belongs into an address. */
static bool has_control(const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        unsigned char c = (unsigned char)text[i], next = (unsigned char)text[i + 1];

        if ((c < 0x20 && c != '\n' && c != '\r' && c != '\t') || c == 0x7f ||
            (c == 0xc2 && next >= 0x80 && next < 0xa0))
            return true;
    }
    return false;
}

static void take_field(void *data, size_t length, void *userdata)
{
    struct sheet *s = userdata;
    char *text = s->text + s->used;

    if (s->complete) {
        fail(s, -EBADMSG, "a carriage return stands in it that no newline follows");
        return;
    }
    if (s->record.count == SHEET_FIELDS || length >= sizeof s->text - s->used) {
        fail(s, -EILSEQ, "it has too many fields");
        return;
    }
    if (length > 0)
        memcpy(text, data, length);
    text[length] = '\0';
    s->used += length + 1;
    s->record.field[s->record.count++] = text;
    if (!g_utf8_validate_len(text, length, NULL))
        fail(s, -EILSEQ, "it isn't UTF-8 (in Excel: save as \"CSV UTF-8\")");
    else if (has_control(text, length))
        fail(s, -EILSEQ, "a control character is in it");
}

static void take_record(int end, void *userdata)
{
    struct sheet *s = userdata;

    (void)end;
    if (s->complete)
        fail(s, -EBADMSG, "a carriage return stands in it that no newline follows");
    s->complete = true;
}

static int parser_start(struct sheet *s)
{
    if (csv_init(&s->csv, OPTIONS) != 0)
        return -ENOMEM;
    csv_set_delim(&s->csv, s->delimiter);
    return 0;
}

/* What comes next is a new record, whatever came before. */
static int parser_restart(struct sheet *s)
{
    csv_free(&s->csv);
    return parser_start(s);
}

static int fill(struct sheet *s)
{
    s->at = 0;
    s->have = fread(s->chunk, 1, sizeof s->chunk, s->file);
    return s->have == 0 && ferror(s->file) ? -EIO : 0;
}

/* Of the first line: what it has most of, outside of quotation marks. */
static unsigned char delimiter_find(const char *text, size_t length)
{
    static const char candidates[] = ",;\t";
    size_t counts[sizeof candidates - 1] = {0}, best = 0;
    bool quoted = false;

    for (size_t i = 0; i < length && (quoted || (text[i] != '\n' && text[i] != '\r')); i++) {
        const char *found = text[i] ? strchr(candidates, text[i]) : NULL;

        quoted ^= text[i] == '"';
        if (found && !quoted)
            counts[found - candidates]++;
    }
    for (size_t i = 1; i < ELEMENTS(counts); i++)
        if (counts[i] > counts[best])
            best = i;
    return (unsigned char)candidates[best];
}

DEFINE_CLEANUP(struct sheet, sheet_free)

int sheet_open(FILE *file, struct sheet **ret)
{
    static const char mark[] = "\xef\xbb\xbf";
    _cleanup_(sheet_free_p) struct sheet *s = calloc(1, sizeof *s);
    int r;

    if (!s)
        return -ENOMEM;
    s->file = file;
    s->line = 1;
    if ((r = fill(s)) < 0)
        return r;
    if (s->have >= sizeof mark - 1 && memcmp(s->chunk, mark, sizeof mark - 1) == 0)
        s->at = sizeof mark - 1;
    s->delimiter = delimiter_find(s->chunk + s->at, s->have - s->at);
    if ((r = parser_start(s)) < 0)
        return r;
    *ret = TAKE(s);
    return 0;
}

struct sheet *sheet_free(struct sheet *s)
{
    if (!s)
        return NULL;
    csv_free(&s->csv);
    explicit_bzero(s->text, sizeof s->text);
    explicit_bzero(s->chunk, sizeof s->chunk);
    free(s);
    return NULL;
}

static bool is_blank(const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++)
        if (!strchr(" \t\r\n", text[i]) || text[i] == '\0')
            return false;
    return true;
}

static void parser_failed(struct sheet *s)
{
    if (csv_error(&s->csv) == CSV_EPARSE)
        fail(s, -EBADMSG, "a quotation mark stands where none may be, or is missing");
    else
        fail(s, -ENOMEM, "out of memory");
}

/* Up to a newline, or what there is of the line. */
static int feed(struct sheet *s, const char *text, size_t length)
{
    bool whole = text[length - 1] == '\n';

    if (s->skipping) {
        s->skipping = !whole;
        return 0;
    }
    if (!s->open) {
        s->record = (struct record){.line = s->line};
        s->used = s->fed = 0;
        s->open = !is_blank(text, length);
    }
    s->fed += length;
    if (s->open && s->fed > SHEET_RECORD)
        fail(s, -EBADMSG, "it is longer than 64 KiB: is a quotation mark missing?");
    else if (csv_parse(&s->csv, text, length, take_field, take_record, s) < length)
        parser_failed(s);
    if (s->error == -EBADMSG) {
        s->open = false;
        s->skipping = !whole;
        return parser_restart(s);
    }
    s->open &= !s->complete;
    return s->error == -ENOMEM ? -ENOMEM : 0;
}

/* The last line may lack its end. */
static void finish(struct sheet *s)
{
    s->ended = true;
    if (!s->open) {
        s->record = (struct record){.line = s->line};
        s->used = 0;
    }
    if (csv_fini(&s->csv, take_field, take_record, s) != 0)
        parser_failed(s);
    else if (!s->open && s->complete)
        fail(s, -EBADMSG, "a carriage return stands in it that no newline follows");
}

/* What was found, once. A record that is too long to be kept isn't given in part. */
static int deliver(struct sheet *s, struct record *ret)
{
    int r = s->error < 0 ? s->error : s->complete ? 1 : 0;

    if (r < 0)
        s->record.count = 0;
    *ret = s->record;
    s->complete = false;
    s->error = 0;
    return r;
}

int sheet_next(struct sheet *s, struct record *ret)
{
    while (!s->ended && !s->complete && s->error != -EBADMSG) {
        const char *text = s->chunk + s->at, *end;
        size_t left = s->have - s->at;
        int r;

        if (left == 0) {
            if ((r = fill(s)) < 0)
                return r;
            if (s->have == 0)
                finish(s);
            continue;
        }
        end = memchr(text, '\n', left);
        if (end)
            left = (size_t)(end - text) + 1;
        if ((r = feed(s, text, left)) < 0)
            return r;
        s->at += left;
        s->line += end != NULL;
    }
    return deliver(s, ret);
}
