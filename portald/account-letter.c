/* The rules of letters: how many, which are still wanted, and until when what they carry works. No
   I/O, no clock. */
#include "config.h"

#include "account-letter.h"

#include "calendar.h"
#include "cleanup.h"

#include <string.h>

/* Whether it is the PUK's own beside the password's: both were made in one moment. */
static bool is_second(const struct entry *entry, const struct entry_letter *letter)
{
    if (strcmp(letter->kind, "puk") != 0)
        return false;
    for (size_t i = 0; i < entry->letter_count; i++)
        if (strcmp(entry->letters[i].kind, "password") == 0 &&
            strncmp(entry->letters[i].job, letter->job, ULID_TIME_SYMBOLS) == 0)
            return true;
    return false;
}

/* Two letters that belong together count as one. */
bool account_letter_allowed(const struct account_rules *rules, const struct entry *entry,
                            time_t now)
{
    long recent = 0;

    for (size_t i = 0; i < entry->letter_count; i++)
        recent += now - entry->letters[i].time < rules->letters_window &&
                  !is_second(entry, &entry->letters[i]);
    return recent < rules->letters_most;
}

void account_note_letter(const char *kind, const char *job, const char *state, time_t when,
                         struct changes *changes)
{
    char time[CALENDAR_GENERALIZED_SIZE];

    calendar_generalized(when, time);
    changes_format(changes, CHANGE_ADD, ATTRIBUTE_LETTER, "%s %s %s %s", kind, job, state, time);
}

static void update_letter(const struct entry_letter *letter, const char *state, time_t when,
                          struct changes *changes)
{
    changes_string(changes, CHANGE_REMOVE, ATTRIBUTE_LETTER, letter->value);
    account_note_letter(letter->kind, letter->job, state, when, changes);
}

static bool withdrawn(const struct entry_letter *letter)
{
    return strcmp(letter->state, "withdrawn") == 0;
}

/* Which state may follow which: a letter's life runs one way, but for what a print station gives
   back. What came back from the post, or isn't wanted any more, stays so. */
static const struct {
    const char *from, *to; /* to: words, separated by blanks */
} lives[] = {
    {"queued", "claimed uncertain printed posted withdrawn"},
    {"claimed", "queued uncertain printed posted withdrawn"},
    {"uncertain", "queued claimed printed posted returned withdrawn"},
    {"printed", "posted returned withdrawn"},
    {"posted", "returned"},
};

static bool has_word(const char *words, const char *word)
{
    size_t length = strlen(word);

    for (; *words; words += strcspn(words, " "), words += *words == ' ')
        if (strcspn(words, " ") == length && strncmp(words, word, length) == 0)
            return true;
    return false;
}

static bool may_become(const struct entry_letter *letter, const char *state)
{
    for (size_t i = 0; i < ELEMENTS(lives); i++)
        if (strcmp(lives[i].from, letter->state) == 0)
            return has_word(lives[i].to, state);
    return false;
}

/* portalLetter tells of recent letters only. */
static bool long_ago(const struct account_rules *rules, const struct entry_letter *letter,
                     time_t now)
{
    return now - letter->time > 2 * rules->letters_window;
}

static bool is_one_of(const struct entry_letter *letter, const char *const *states, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(letter->state, states[i]) == 0)
            return true;
    return false;
}

void account_withdraw_letters(const struct entry *entry, time_t now, struct changes *changes)
{
    static const char *const over[] = {"posted", "returned", "withdrawn"};

    for (size_t i = 0; i < entry->letter_count; i++)
        if (!is_one_of(&entry->letters[i], over, ELEMENTS(over)))
            update_letter(&entry->letters[i], "withdrawn", now, changes);
}

void account_supersede_letters(const struct account_rules *rules, const struct entry *entry,
                               time_t now, struct changes *changes)
{
    static const char *const to_come[] = {"queued", "claimed", "uncertain"};

    for (size_t i = 0; i < entry->letter_count; i++) {
        const struct entry_letter *letter = &entry->letters[i];
        if (long_ago(rules, letter, now))
            changes_string(changes, CHANGE_REMOVE, ATTRIBUTE_LETTER, letter->value);
        else if (is_one_of(letter, to_come, ELEMENTS(to_come)))
            update_letter(letter, "withdrawn", now, changes);
    }
}

static time_t initial_ceiling(const struct account_rules *rules, time_t issued)
{
    return calendar_end_of_day(issued, (int)rules->initial_ceiling);
}

static void note_letters(const struct account_secrets *secrets, time_t now, struct changes *changes)
{
    bool apart = secrets->puk_job && *secrets->puk_job;

    account_note_letter(apart ? "password" : "access", secrets->job, "queued", now, changes);
    account_note_job(secrets->job, changes);
    if (!apart)
        return;
    account_note_letter("puk", secrets->puk_job, "queued", now, changes);
    account_note_job(secrets->puk_job, changes);
}

void account_issue_access(const struct account_rules *rules, const struct entry *entry,
                          const struct account_secrets *secrets, bool ppolicy, time_t now,
                          struct changes *changes)
{
    account_supersede_letters(rules, entry, now, changes);
    changes_string(changes, CHANGE_SET, ATTRIBUTE_USER_PASSWORD, secrets->password_hash);
    changes_string(changes, CHANGE_SET, ATTRIBUTE_PUK, secrets->puk_hash);
    if (ppolicy)
        changes_string(changes, CHANGE_SET, ATTRIBUTE_PWD_RESET, "TRUE");
    if (entry->state != ACCOUNT_INITIAL)
        changes_string(changes, CHANGE_SET, ATTRIBUTE_STATE, account_state_word(ACCOUNT_INITIAL));
    changes_time(changes, ATTRIBUTE_PASSWORD_CHANGED, now);
    changes_time(changes, ATTRIBUTE_INITIAL_EXPIRES, initial_ceiling(rules, now));
    changes_drop(changes, ATTRIBUTE_PASSWORD_FAILURES);
    changes_drop(changes, ATTRIBUTE_PASSWORD_RETRY_AFTER);
    note_letters(secrets, now, changes);
}

static const struct entry_letter *find_letter(const struct entry *entry, const char *job)
{
    for (size_t i = 0; i < entry->letter_count; i++)
        if (strcmp(entry->letters[i].job, job) == 0)
            return &entry->letters[i];
    return NULL;
}

static bool carries_password(const char *kind)
{
    return strcmp(kind, "access") == 0 || strcmp(kind, "password") == 0;
}

bool account_letter_wanted(const struct entry *entry, const char *job, const char *kind)
{
    const struct entry_letter *letter = find_letter(entry, job);

    if (!letter || withdrawn(letter))
        return false;
    return carries_password(kind)
               ? entry->state == ACCOUNT_INITIAL
               : entry->state == ACCOUNT_INITIAL || entry->state == ACCOUNT_ACTIVE;
}

static bool carries_puk(const char *kind)
{
    return strcmp(kind, "access") == 0 || strcmp(kind, "puk") == 0;
}

/* Whether no later letter has replaced what this one carries: ids of later jobs are greater. */
static bool is_last(const struct entry *entry, const struct entry_letter *letter,
                    bool (*carries)(const char *kind))
{
    if (!carries(letter->kind))
        return false;
    for (size_t i = 0; i < entry->letter_count; i++)
        if (carries(entry->letters[i].kind) && strcmp(entry->letters[i].job, letter->job) > 0)
            return false;
    return true;
}

const struct entry_letter *account_letter_of_password(const struct entry *entry)
{
    for (size_t i = 0; i < entry->letter_count; i++)
        if (is_last(entry, &entry->letters[i], carries_password))
            return &entry->letters[i];
    return NULL;
}

const struct entry_letter *account_letter_of_puk(const struct entry *entry)
{
    for (size_t i = 0; i < entry->letter_count; i++)
        if (is_last(entry, &entry->letters[i], carries_puk))
            return &entry->letters[i];
    return NULL;
}

bool account_puk_awaited(const struct account_rules *rules, const struct entry_letter *letter,
                         time_t now)
{
    if (!letter || strcmp(letter->kind, "puk") != 0)
        return false;
    if (strcmp(letter->state, "posted") == 0)
        return now <= calendar_end_of_day(letter->time, (int)rules->delivery_days);
    return strcmp(letter->state, "queued") == 0 || strcmp(letter->state, "claimed") == 0 ||
           strcmp(letter->state, "printed") == 0;
}

enum account_puk account_puk(const struct account_rules *rules, const struct entry *entry,
                             time_t now)
{
    const struct entry_letter *letter = account_letter_of_puk(entry);
    time_t wait;

    if (!account_may_use_puk(entry) || !entry->puk ||
        (letter && (withdrawn(letter) || strcmp(letter->state, "returned") == 0)) ||
        account_attempt(rules, &entry->failures[FACTOR_PUK], now, &wait) == ATTEMPT_BLOCKED)
        return ACCOUNT_PUK_NONE;
    return account_puk_awaited(rules, letter, now) ? ACCOUNT_PUK_AWAITED : ACCOUNT_PUK_USABLE;
}

/* Whether the password in force is this letter's. */
static bool in_force(const struct entry *entry, const struct entry_letter *letter)
{
    return entry->state == ACCOUNT_INITIAL && is_last(entry, letter, carries_password);
}

static time_t earlier(time_t a, time_t b)
{
    return a < b ? a : b;
}

time_t account_letter_last(const struct account_rules *rules, const struct entry *entry,
                           const char *kind, time_t now)
{
    long days = rules->posting_days + rules->delivery_days + rules->initial_days;

    if (!carries_password(kind))
        return 0;
    return earlier(calendar_end_of_day(now, (int)days),
                   initial_ceiling(rules, entry->password_changed));
}

void account_letter_went(const struct entry *entry, const char *job,
                         const unsigned char *address_hash, struct changes *changes)
{
    const struct entry_letter *letter = find_letter(entry, job);

    if (letter && address_hash && may_become(letter, "printed"))
        changes_bytes(changes, CHANGE_SET, ATTRIBUTE_LETTER_ADDRESS, address_hash,
                      ENTRY_ADDRESS_BYTES);
}

void account_letter_printed(const struct account_rules *rules, const struct entry *entry,
                            const char *job, const unsigned char *address_hash, time_t printed,
                            struct changes *changes)
{
    const struct entry_letter *letter = find_letter(entry, job);

    account_job_done(entry, job, changes);
    if (!letter || !may_become(letter, "printed"))
        return;
    update_letter(letter, "printed", printed, changes);
    account_letter_went(entry, job, address_hash, changes);
    if (in_force(entry, letter))
        changes_time(changes, ATTRIBUTE_INITIAL_EXPIRES,
                     account_letter_last(rules, entry, letter->kind, printed));
}

void account_letter_posted(const struct account_rules *rules, const struct entry *entry,
                           const char *job, time_t posted, struct changes *changes)
{
    const struct entry_letter *letter = find_letter(entry, job);
    time_t last;

    account_job_done(entry, job, changes);
    if (!letter || !may_become(letter, "posted"))
        return;
    update_letter(letter, "posted", posted, changes);
    if (!in_force(entry, letter))
        return;
    last = earlier(calendar_end_of_day(posted, (int)(rules->delivery_days + rules->initial_days)),
                   initial_ceiling(rules, entry->password_changed));
    if (last > entry->initial_expires)
        changes_time(changes, ATTRIBUTE_INITIAL_EXPIRES, last);
}

/* One that was withdrawn may have been on paper by then, and what it carries in force until now.
   The password is an initial one exactly while its end is on record, also when the account is
   locked or closed meanwhile. That end is over: nobody is to be reminded of it. */
enum account_returned account_letter_returned(const struct entry *entry, const char *job,
                                              const struct account_secrets *void_secrets,
                                              time_t returned, struct changes *changes)
{
    const struct entry_letter *letter = find_letter(entry, job);
    enum account_returned done = RETURNED_NOTHING;

    account_job_done(entry, job, changes);
    if (!letter || strcmp(letter->state, "returned") == 0)
        return done;
    update_letter(letter, "returned", returned, changes);
    if (entry->state == ACCOUNT_PROVISIONED || entry->state == ACCOUNT_PENDING)
        return done; /* nothing that a letter brought is left */
    if (is_last(entry, letter, carries_puk)) {
        changes_string(changes, CHANGE_SET, ATTRIBUTE_PUK, void_secrets->puk_hash);
        done = RETURNED_PUK;
    }
    if (entry->initial_expires > 0 && is_last(entry, letter, carries_password)) {
        changes_string(changes, CHANGE_SET, ATTRIBUTE_USER_PASSWORD, void_secrets->password_hash);
        changes_time(changes, ATTRIBUTE_INITIAL_EXPIRES, earlier(returned, entry->initial_expires));
        done = RETURNED_PASSWORD;
    }
    return done;
}

void account_letter_became(const struct entry *entry, const char *job, const char *state,
                           time_t when, struct changes *changes)
{
    const struct entry_letter *letter = find_letter(entry, job);

    account_job_done(entry, job, changes);
    if (letter && may_become(letter, state))
        update_letter(letter, state, when, changes);
}

bool account_letter_elsewhere(const struct entry *entry,
                              const unsigned char address_hash[static ENTRY_ADDRESS_BYTES])
{
    return entry->has_letter_address &&
           memcmp(entry->letter_address, address_hash, ENTRY_ADDRESS_BYTES) != 0;
}

time_t account_letter_waits(const struct account_rules *rules, enum account_announced announced,
                            time_t accepted, time_t now)
{
    if (announced == ANNOUNCED_FAILED)
        return now + DAY;
    if (announced == ANNOUNCED_NOT) /* at the earliest */
        return now + rules->address_wait;
    return now - accepted < rules->address_wait ? accepted + rules->address_wait : 0;
}

static bool in_use(const struct entry *entry)
{
    return !entry->malformed && entry->mail &&
           (entry->state == ACCOUNT_INITIAL || entry->state == ACCOUNT_ACTIVE);
}

bool account_letter_missed(const struct entry *entry, const char *job)
{
    const struct entry_letter *letter = find_letter(entry, job);

    return in_use(entry) && letter && !withdrawn(letter) &&
           (in_force(entry, letter) || is_last(entry, letter, carries_puk));
}

time_t account_letter_expected(const struct account_rules *rules, const struct entry *entry,
                               const char *job, time_t posted, time_t now)
{
    static const char *const on_its_way[] = {"queued", "claimed", "uncertain", "printed", "posted"};
    const struct entry_letter *letter = find_letter(entry, job);
    time_t expected = calendar_end_of_day(posted, (int)rules->delivery_days);

    if (!in_use(entry) || !letter || !is_one_of(letter, on_its_way, ELEMENTS(on_its_way)) ||
        now > expected)
        return 0;
    return expected;
}

const struct entry_letter *account_remind(const struct account_rules *rules,
                                          const struct entry *entry, time_t now)
{
    static const char *const sent[] = {"printed", "posted"};

    if (!in_use(entry) || now >= entry->initial_expires ||
        entry->initial_expires - now > rules->remind)
        return NULL;
    for (size_t i = 0; i < entry->letter_count; i++)
        if (in_force(entry, &entry->letters[i]) &&
            is_one_of(&entry->letters[i], sent, ELEMENTS(sent)))
            return &entry->letters[i];
    return NULL;
}
