/* A customer as a line of a CSV file has it: columns_read() finds the columns, customer_read()
   takes a line and checks it by the rules that registration, letters and lint keep, too. */
#pragma once

#include "sheet.h"

#include "policy.h"

#include <stdbool.h>

/* What belongs to a person, and not to the account. */
enum identity {
    IDENTITY_UID,
    IDENTITY_GIVEN_NAME,
    IDENTITY_SURNAME,
    IDENTITY_NAME,
    IDENTITY_BIRTH_DATE,
    IDENTITY_LANGUAGE,
    IDENTITY_ADDRESS,
    IDENTITY_POLICIES,
    IDENTITIES,
};
#define IDENTITY_BIT(i) (1u << (i))
extern const char *const identity_attributes[IDENTITIES + 1]; /* their names in LDAP; then NULL */

#define CUSTOMER_POLICIES 32  /* as the constraint overlay has it */
#define CUSTOMER_NAME     128 /* characters of a name */
#define CUSTOMER_UID      64
#define CUSTOMER_WHY_SIZE 256

/* What a file calls its columns, other than by their attributes; and what export writes besides. */
#define ADDRESS_COLUMNS 6
struct columns {
    int identity[IDENTITIES];     /* number of the field, or -1 */
    int address[ADDRESS_COLUMNS]; /* address1 to address6 */
    size_t count;
};
/* Returns 0, or -EINVAL and why: a column is unknown, there twice, or missing. */
int columns_read(const struct record *header, struct columns *ret,
                 char ret_why[static CUSTOMER_WHY_SIZE]);

struct customer {
    char *value[IDENTITIES]; /* NULL: the file doesn't say. The address has newlines */
    bool name_made;          /* of given name and surname, because the file doesn't say */
    char policies[CUSTOMER_POLICIES][POLICY_NUMBER_SIZE];
    size_t policy_count;
};
/* today: YYYY-MM-DD. Returns 0; -EINVAL and why; or -ENOMEM. */
int customer_read(const struct columns *columns, const struct record *record, const char *today,
                  struct customer *ret, char ret_why[static CUSTOMER_WHY_SIZE]);
void customer_clear(struct customer *customer);
/* Given name and surname, either of which may be NULL; malloc'ed, or NULL. */
char *customer_name(const char *given, const char *surname);
/* Whether a uid tells nothing, as the name of an entry must. NULL, or what it tells. */
const char *customer_uid_tells(const struct customer *customer);

/* Whether two texts are one to LDAP's matching, but for case: blanks around and doubled don't
   count. */
bool customer_text_same(const char *one, const char *other);

/* A spreadsheet takes a text that begins with one of =+-@ for a formula. Whether one does, behind
   any number of apostrophes: export puts one more in front, and customer_read() takes one away. */
bool customer_text_is_formula(const char *text);
