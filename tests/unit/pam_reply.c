/* Replies by name: verdicts, fields, and frames that no portald would send. Way in:
   reply_make(). */
#include "config.h"

#include "pam_reply.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "wire.h"

static const struct {
    const char *name;
    int value;
} verdicts[] =
    {
        {"OK", WIRE_OK},
        {"WRONG", WIRE_WRONG},
        {"TYPING_ERROR", WIRE_TYPING_ERROR},
        {"THROTTLED", WIRE_THROTTLED},
        {"EXPIRED", WIRE_EXPIRED},
        {"NEW_PASSWORD", WIRE_NEW_PASSWORD},
        {"LOCKED", WIRE_LOCKED},
        {"CLOSED", WIRE_CLOSED},
        {"UNKNOWN", WIRE_UNKNOWN},
        {"NOT_CONFIRMED", WIRE_NOT_CONFIRMED},
        {"BLOCKED", WIRE_BLOCKED},
        {"REFUSED", WIRE_REFUSED},
        {"BUSY", WIRE_BUSY},
        {"UNAVAILABLE", WIRE_UNAVAILABLE},
        {"LINK_GOOD", WIRE_LINK_GOOD},
        {"LINK_DONE", WIRE_LINK_DONE},
        {"LINK_EXPIRED", WIRE_LINK_EXPIRED},
        {"LINK_TAKEN", WIRE_LINK_TAKEN},
        {"GRANT_OVER", WIRE_GRANT_OVER},
        {"CODE_NEEDED", WIRE_CODE_NEEDED},
        {"NO_SUCH_VERDICT", 200},
},
  manners[] = {
      {"CLOSES", FAKE_CLOSES},
      {"TRUNCATES", FAKE_TRUNCATES},
      {"HANGS", FAKE_HANGS},
};

static int verdict_of(const char *name)
{
    for (size_t i = 0; i < ELEMENTS(verdicts); i++)
        if (strcmp(verdicts[i].name, name) == 0)
            return verdicts[i].value;
    return -EINVAL;
}

static int manner_of(const char *name)
{
    for (size_t i = 0; i < ELEMENTS(manners); i++)
        if (strcmp(manners[i].name, name) == 0)
            return manners[i].value;
    return -EINVAL;
}

static int reply_from_hex(const char *hex, struct fake_reply *ret)
{
    unsigned byte;
    int used;

    for (ret->size = 0; *hex && ret->size < sizeof ret->frame; hex += 2) {
        if (sscanf(hex, "%2x%n", &byte, &used) != 1 || used != 2)
            return -EINVAL;
        ret->frame[ret->size++] = (unsigned char)byte;
    }
    return *hex ? -EINVAL : 0;
}

static const struct {
    const char *name;
    enum wire_tag tag;
} strings[] = {
    {"text=", WIRE_TEXT},   {"uid=", WIRE_UID}, {"grant=", WIRE_GRANT},
    {"state=", WIRE_STATE}, {"qr=", WIRE_QR},   {"uri=", WIRE_URI},
};

static int reply_put(struct wire_writer *w, const char *word)
{
    static const char account[] = "account=";
    int verdict;

    for (size_t i = 0; i < ELEMENTS(strings); i++)
        if (strncmp(word, strings[i].name, strlen(strings[i].name)) == 0) {
            wire_put_string(w, strings[i].tag, word + strlen(strings[i].name));
            return 0;
        }
    if (strncmp(word, account, strlen(account)) != 0)
        return -EINVAL;
    verdict = verdict_of(word + strlen(account));
    if (verdict < 0)
        return verdict;
    wire_put_u8(w, WIRE_ACCOUNT_CODE, (uint8_t)verdict);
    return 0;
}

static int reply_write(const struct script_line *line, size_t first, struct fake_reply *ret)
{
    _cleanup_(wire_writer_clear) struct wire_writer w = {0};
    const char *word = line->words[first].text;
    int verdict, r = 0;

    if (strcmp(word, "ERROR") == 0) {
        wire_begin(&w, WIRE_ERROR);
    } else if (strcmp(word, "REPORT") == 0) {
        wire_begin(&w, WIRE_REPORT);
        wire_put_u8(&w, WIRE_VERDICT_CODE, WIRE_OK);
    } else {
        wire_begin(&w, WIRE_VERDICT);
        verdict = verdict_of(word);
        if (verdict >= 0)
            wire_put_u8(&w, WIRE_VERDICT_CODE, (uint8_t)verdict);
        else if (strcmp(word, "EMPTY") != 0)
            return verdict;
    }
    for (size_t i = first + 1; i < line->count && r == 0; i++)
        r = reply_put(&w, line->words[i].text);
    if (r == 0)
        r = wire_end(&w);
    if (r < 0 || w.size > sizeof ret->frame)
        return -EINVAL;
    memcpy(ret->frame, w.data, w.size);
    ret->size = w.size;
    return 0;
}

int reply_make(const struct script_line *line, struct fake_reply *ret)
{
    size_t next = 2;
    int manner;

    *ret = (struct fake_reply){0};
    if (line->count < 3)
        return -EINVAL;
    ret->account = strcmp(line->words[1].text, "account") == 0;
    if (!ret->account && strcmp(line->words[1].text, "api") != 0)
        return -EINVAL;
    manner = manner_of(line->words[next].text);
    if (manner >= 0) {
        ret->manner = (enum fake_manner)manner;
        if (manner != FAKE_TRUNCATES)
            return 0;
        next++;
    }
    if (next >= line->count)
        return -EINVAL;
    if (strncmp(line->words[next].text, "hex=", 4) == 0)
        return reply_from_hex(line->words[next].text + 4, ret);
    return reply_write(line, next, ret);
}
