/* portalctl letters export: a batch for a print station on another machine. What comes back:
   result.c. */
#include "config.h"

#include "call.h"
#include "output.h"
#include "report.h"

#include "cleanup.h"
#include "client.h"
#include "clock.h"
#include "file.h"
#include "ulid.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define NAME_SIZE     (ULID_SIZE + sizeof ".batch")
#define COUNT_DEFAULT 100

/* The batch file: BATCH, the letters, MANIFEST and SIGNATURE, as wire.h says. */
static int batch_frame(const struct wire_frame *reply, struct wire_writer *ret)
{
    size_t offset = 0, length;
    const uint8_t *value;
    enum wire_tag tag;

    wire_begin(ret, WIRE_LETTERS);
    while (wire_next(reply, &offset, &tag, &value, &length))
        if (tag == WIRE_BATCH || tag == WIRE_LETTER || tag == WIRE_MANIFEST ||
            tag == WIRE_SIGNATURE)
            wire_put(ret, tag, value, length);
    return wire_end(ret);
}

static int batch_write(const struct arguments *a, const char *batch, const struct wire_frame *reply)
{
    _cleanup_(wire_writer_clear) struct wire_writer frame = {0};
    char name[NAME_SIZE];
    int r = batch_frame(reply, &frame);

    snprintf(name, sizeof name, "%s.batch", batch);
    if (r == 0)
        r = file_write(a->operand[0], name, frame.data, frame.size);
    if (r == 0)
        return STATUS_DONE;
    output_error("%s/%s can't be written: %s. Its letters stay claimed; once that is mended: "
                 "'portalctl letters export DIR --batch %s'",
                 a->operand[0], name, strerror(-r), batch);
    return STATUS_REFUSED;
}

static void export_tell(const char *directory, const char *batch, long long count)
{
    printf("%lld letter%s in %s/%s.batch. On the print station:\n"
           "    portal-print --batch %s.batch\n"
           "and with the %s.result that it writes, here:\n"
           "    portalctl letters import %s.result\n",
           count, count == 1 ? "" : "s", directory, batch, batch, batch, batch);
}

/* The id is made here, so that a call that is repeated claims the same letters. */
static int batch_id(const struct arguments *a, char ret[static ULID_SIZE])
{
    const char *given = a->value[OPTION_BATCH];

    if (!given)
        ulid_make(clock_now_ms(), ret);
    else if (ulid_read(given, ret) < 0) {
        output_error("--batch %s: expected 26 letters and digits", given);
        return -EINVAL;
    }
    return 0;
}

int letters_export_run(const struct arguments *a)
{
    _cleanup_(client_reply_clear) struct client_reply reply = {0};
    json_auto_t *report = NULL;
    char batch[ULID_SIZE];
    long long count;
    int status;

    if (batch_id(a, batch) < 0)
        return STATUS_USAGE;
    if (access(a->operand[0], W_OK | X_OK) < 0) { /* before anything is claimed */
        output_error("%s: %s", a->operand[0], strerror(errno));
        return STATUS_REFUSED;
    }
    status = call_control_reply(a,
                                json_pack("{s:s, s:s, s:i}", "verb", "letters-export", "batch",
                                          batch, "most", COUNT_DEFAULT),
                                &report, &reply);
    if (status != STATUS_DONE)
        return status;
    count = report_number(report, "count");
    if (count > 0)
        status = batch_write(a, batch, &reply.frame);
    if (status != STATUS_DONE)
        return status;
    if (arguments_json(a))
        output_json(report);
    else if (count > 0)
        export_tell(a->operand[0], batch, count);
    else
        puts("No letter is waiting.");
    return STATUS_DONE;
}
