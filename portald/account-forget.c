/* Forgetting a person (GDPR, article 17): what goes, what stays, and what takes the place of values
   that the schema demands. No I/O, no clock. account_forget() is the way in. */
#include "config.h"

#include "account.h"

#include "cleanup.h"

#include <ctype.h>
#include <string.h>

#define PLACEHOLDER "forgotten"

/* What of our table stays: what the entry is called by and found by; that consents were given, when
   and to which version, as the evidence that a contract needs; the result of the wish. Whatever
   attribute comes to the table later goes. */
static bool stays(enum attribute attribute)
{
    switch (attribute) {
    case ATTRIBUTE_UID:
    case ATTRIBUTE_ENTRY_UUID:
    case ATTRIBUTE_REVISION:
    case ATTRIBUTE_CONSENT:
    case ATTRIBUTE_REQUEST:
    case ATTRIBUTE_REQUEST_RESULT:
        return true;
    default:
        return false;
    }
}

/* What gets another value. */
static bool replaced(enum attribute attribute)
{
    switch (attribute) {
    case ATTRIBUTE_CN:
    case ATTRIBUTE_SN:
    case ATTRIBUTE_POLICY_NUMBER:
    case ATTRIBUTE_STATE:
    case ATTRIBUTE_LOCK_REASON:
    case ATTRIBUTE_SESSION_EPOCH:
        return true;
    default:
        return false;
    }
}

/* ppolicy's own: a server without it doesn't know them, and only pwdReset is anybody's to write. So
   pwdHistory stays: hashes of passwords that open nothing any more, which only portald may read. */
static bool writable(enum attribute attribute, bool ppolicy)
{
    return strncmp(attribute_name(attribute), "pwd", 3) != 0 ||
           (ppolicy && attribute == ATTRIBUTE_PWD_RESET);
}

/* In the form of a policy number, and nobody else's. */
static void replace_policies(const struct entry *entry, struct changes *changes)
{
    char number[sizeof PLACEHOLDER + JOB_ENTRY_SIZE];
    size_t n = 0;

    for (const char *p = PLACEHOLDER; *p; p++)
        number[n++] = (char)toupper((unsigned char)*p);
    for (const char *p = entry->uuid; *p; p++)
        if (isalnum((unsigned char)*p))
            number[n++] = (char)toupper((unsigned char)*p);
    number[n] = 0;
    changes_string(changes, CHANGE_SET, ATTRIBUTE_POLICY_NUMBER, number);
}

void account_forget(const struct entry *entry, char *const *others, char *const *classes,
                    bool ppolicy, struct changes *changes)
{
    for (enum attribute a = 0; a < ATTRIBUTES; a++)
        if (!stays(a) && !replaced(a) && writable(a, ppolicy))
            changes_drop(changes, a);
    for (size_t i = 0; others && others[i]; i++)
        changes_string(changes, CHANGE_CLEAR_NAMED, ATTRIBUTES, others[i]);
    for (size_t i = 0; classes && classes[i]; i++)
        changes_string(changes, CHANGE_DROP_CLASS, ATTRIBUTES, classes[i]);
    changes_string(changes, CHANGE_SET, ATTRIBUTE_CN, PLACEHOLDER);
    changes_string(changes, CHANGE_SET, ATTRIBUTE_SN, PLACEHOLDER);
    replace_policies(entry, changes);
    /* Closed, so that nobody logs in, registers or is written to. Reopening it makes it an entry
       that was never registered: there is nothing left to come back to. */
    changes_string(changes, CHANGE_SET, ATTRIBUTE_STATE, account_state_word(ACCOUNT_CLOSED));
    changes_format(changes, CHANGE_SET, ATTRIBUTE_LOCK_REASON, "%s; before: %s", PLACEHOLDER,
                   account_state_word(ACCOUNT_PROVISIONED));
    changes_number(changes, ATTRIBUTE_SESSION_EPOCH, entry->session_epoch + 1);
}
