/* `portalctl letters import`: the result of a batch that went to a print station by file. Who
   carries such a file could write what he likes, so each part of it bears the station's seal
   (seal.h; print/batch.h has the format), which is checked here, where the key for it is. */
#include "config.h"

#include "control.h"

#include "letters.h"

#include "cleanup.h"
#include "seal.h"

#include <errno.h>

#define SEALS_MOST 8
#define NOT_SEALED                                                                                 \
    "The result isn't sealed by this portald's print station: it was changed on its way, or is "   \
    "another station's, or the keys were changed since. Nothing of it is taken. Have the station " \
    "write it again (portal-print --batch FILE.batch prints nothing twice) and check that it has " \
    "portald.pub of this machine and this machine its station.pub"

/* Any of the station's keys may be the one that we know: it seals with older ones, too. */
static bool is_sealed(const struct manager *m, const char *text, const json_t *seals)
{
    bool found = false;

    for (size_t i = 0; i < json_array_size(seals) && i < SEALS_MOST; i++) {
        const char *printed = json_string_value(json_array_get(seals, i));
        uint8_t seal[SEAL_RESULT];
        size_t size = 0;

        found |= printed &&
                 sodium_base642bin(seal, sizeof seal, printed, strlen(printed), NULL, &size, NULL,
                                   sodium_base64_VARIANT_ORIGINAL) == 0 &&
                 seal_result_check(m->keys->sign_secret, m->station, text, strlen(text), seal,
                                   size) == 0;
    }
    return found;
}

/* What the sealed text says: rows is borrowed from it. */
struct said {
    json_t *json, *rows;
    char batch[ULID_SIZE];
    json_int_t part, parts;
};

static int text_read(const char *text, struct said *ret)
{
    const char *batch = NULL;

    ret->json = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
    if (json_unpack(ret->json, "{s:s, s:I, s:I, s:o}", "batch", &batch, "part", &ret->part, "parts",
                    &ret->parts, "letters", &ret->rows) < 0 ||
        !json_is_array(ret->rows) || ulid_read(batch, ret->batch) < 0)
        return -EINVAL;
    return 0;
}

/* Letters of the result that are still in its batch, and of these the ones whose end is known. */
struct tally {
    size_t held, known;
};

static int tally_row(struct control *control, const struct said *said, const json_t *row,
                     struct tally *tally)
{
    _cleanup_(job_clear) struct job job = {0};
    const char *typed = json_string_value(json_object_get(row, "job"));
    char id[ULID_SIZE];
    int r;

    if (!typed || ulid_read(typed, id) < 0)
        return -EINVAL;
    r = queue_get(control->worker->manager->queue, id, &job);
    if (r < 0)
        return r == -ENOENT ? 0 : r;
    if (job.kind == JOB_LETTER && strcmp(job.batch, said->batch) == 0) {
        tally->held++;
        tally->known += job.state != JOB_CLAIMED && job.state != JOB_UNCERTAIN;
    }
    return 0;
}

static int tally_make(struct control *control, const struct said *said, struct tally *ret)
{
    json_t *row;
    size_t i;
    int r = 0;

    json_array_foreach(said->rows, i, row)
    {
        if ((r = tally_row(control, said, row, ret)) < 0)
            break;
    }
    return r;
}

/* With "look" true nothing is taken, so that portalctl may have all parts checked before. */
json_t *control_letters_import(struct control *control)
{
    const char *text = control_string(control, "text");
    struct said said = {0};
    json_auto_t *json = NULL;
    struct tally tally = {0};
    int r;

    if (!text)
        return control_refuse(control, 2, "A result has a text and its seals");
    if (!is_sealed(control->worker->manager, text, json_object_get(control->asked, "seals")))
        return control_refuse(control, 1, NOT_SEALED);
    r = text_read(text, &said);
    json = said.json;
    if (r == 0)
        r = tally_make(control, &said, &tally);
    if (r == 0 && !json_is_true(json_object_get(control->asked, "look")))
        r = letters_report(control->worker, control->request, said.batch, said.rows);
    if (r == -EINVAL)
        return control_refuse(control, 1,
                              "The result can't be understood: the print station's portal-print "
                              "isn't of this portald's version");
    if (r < 0)
        return control_fail(control, r);
    return json_pack("{s:s, s:I, s:I, s:O, s:I, s:I}", "batch", said.batch, "part", said.part,
                     "parts", said.parts, "letters", said.rows, "held", (json_int_t)tally.held,
                     "known", (json_int_t)tally.known);
}
