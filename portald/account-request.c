/* What administrators write into portalRequest: understood, put in order, answered. No I/O, no
   clock. account-wish.c has the rules of the wishes themselves. */
#include "config.h"

#include "account.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define RESULT_SIZE 420 /* below the 512 of portal.schema */

static const char no_such_wish[] =
    "There is no such wish. Write one of these words: lock (a reason may follow), unlock, unblock, "
    "totp-off, restart, letter, confirmation, close (a reason may follow), reopen, forget.";
static const char no_reason[] =
    "Only lock and close take a reason: write the word alone if that is what you want.";

/* Copies a text as one line that ends where the room does, but not within a character. */
static void tame(const char *text, size_t length, char *ret, size_t size)
{
    size_t n = 0;

    while (n < length && n < size - 1) {
        ret[n] = (unsigned char)text[n] < ' ' || text[n] == '\x7f' ? '?' : text[n];
        n++;
    }
    if (n < length)
        while (n > 0 && ((unsigned char)text[n] & 0xc0) == 0x80)
            n--;
    ret[n] = 0;
}

/* Splits the text at its first blank; blanks around both parts go. */
static void split(const char *text, size_t length, struct account_request *ret)
{
    const char *end = text + length, *behind;

    while (text < end && *text == ' ')
        text++;
    while (end > text && end[-1] == ' ')
        end--;
    behind = memchr(text, ' ', (size_t)(end - text));
    if (!behind)
        behind = end;
    tame(text, (size_t)(behind - text), ret->word, sizeof ret->word);
    while (behind < end && *behind == ' ')
        behind++;
    tame(behind, (size_t)(end - behind), ret->reason, sizeof ret->reason);
    if (!*ret->word)
        strcpy(ret->word, "?");
}

static bool takes_reason(enum account_wish wish)
{
    return wish == WISH_LOCK || wish == WISH_CLOSE;
}

void account_read_request(const struct entry_request *request, struct account_request *ret)
{
    struct account_request read = {.wish = WISHES};

    split(request->value, request->length, &read);
    for (int i = 0; i < WISHES; i++)
        if (strcasecmp(account_wish_word((enum account_wish)i), read.word) == 0)
            read.wish = (enum account_wish)i;
    if (read.wish == WISHES)
        read.why = no_such_wish;
    else if (*read.reason && !takes_reason(read.wish))
        read.why = no_reason;
    if (read.wish != WISHES)
        strcpy(read.word, account_wish_word(read.wish));
    *ret = read;
}

const struct entry_request *account_next_request(const struct entry *entry)
{
    const struct entry_request *first = NULL;
    int least = 0;

    for (size_t i = 0; i < entry->request_count; i++) {
        struct account_request read;
        int rank;

        account_read_request(&entry->requests[i], &read);
        rank = read.why ? WISHES : (int)read.wish;
        if (first && rank >= least)
            continue;
        first = &entry->requests[i];
        least = rank;
    }
    return first;
}

static bool same(const struct entry_request *a, const struct entry_request *b)
{
    return a->length == b->length && memcmp(a->value, b->value, a->length) == 0;
}

bool account_has_request(const struct entry *entry, const struct entry_request *request)
{
    for (size_t i = 0; i < entry->request_count; i++)
        if (same(&entry->requests[i], request))
            return true;
    return false;
}

/* How many results are newer; of those of one second, some are as good as others. */
static size_t newer(const struct entry *entry, size_t which)
{
    const char *time = entry->results[which].value;
    size_t count = 0;

    for (size_t i = 0; i < entry->result_count; i++) {
        int order = strncmp(entry->results[i].value, time, CALENDAR_GENERALIZED_SIZE - 1);

        count += order > 0 || (order == 0 && i > which);
    }
    return count;
}

/* The directory holds no value twice, whatever its case: of two equal results in one second, one is
   kept. */
static bool is_there(const struct entry *entry, const char *result)
{
    for (size_t i = 0; i < entry->result_count; i++)
        if (strcasecmp(entry->results[i].value, result) == 0)
            return true;
    return false;
}

void account_answer_request(const struct entry *entry, const struct entry_request *request,
                            const char *word, const char *why, time_t now, struct changes *changes)
{
    char result[RESULT_SIZE], when[CALENDAR_GENERALIZED_SIZE];

    changes_bytes(changes, CHANGE_REMOVE, ATTRIBUTE_REQUEST, request->value, request->length);
    calendar_generalized(now, when);
    snprintf(result, sizeof result, "%s %s %s%s", when, word, why ? "failed: " : "ok",
             why ? why : "");
    if (is_there(entry, result))
        return;
    for (size_t i = 0; i < entry->result_count; i++)
        if (newer(entry, i) >= ACCOUNT_RESULTS_MOST - 1)
            changes_bytes(changes, CHANGE_REMOVE, ATTRIBUTE_REQUEST_RESULT, entry->results[i].value,
                          entry->results[i].length);
    changes_string(changes, CHANGE_ADD, ATTRIBUTE_REQUEST_RESULT, result);
}
