/* What people type who aren't logged in: policy number, birthdate, e-mail address twice, consents.
   All mistakes are found at once, each belongs to its field, and what was typed is kept. Way in:
   details_read(). */
#pragma once

#include "portald.h"
#include "request.h"
#include "site.h"
#include "view.h"

#include "calendar.h"
#include "texts.h"
#include "wire.h"

#define DETAIL_SIZE 255

enum detail {
    DETAIL_POLICY,
    DETAIL_BIRTHDATE,
    DETAIL_MAIL,
    DETAIL_AGAIN,
    DETAIL_PRIVACY, /* the version that was ticked */
    DETAIL_TERMS,
    DETAILS,
};

/* Which a form has: the first so many. */
#define DETAILS_LETTER   DETAIL_AGAIN
#define DETAILS_REGISTER DETAILS

struct details {
    size_t count;
    char value[DETAILS][DETAIL_SIZE]; /* as typed, without the blanks around it */
    char error[DETAILS][TEXT_SIZE];   /* "": none */
    char day[CALENDAR_DAY_SIZE];      /* the birthdate as portald takes it */
};

/* Reads the first count from what was posted. */
void details_read(const struct request *request, const struct site_facts *facts, size_t count,
                  struct details *ret);
bool details_good(const struct details *details);
/* Another address, for both of its fields. */
void details_set_mail(struct details *details, const char *mail);
/* Into a request to portald. */
void details_put(const struct details *details, struct wire_writer *w);
/* What portald says of a field goes with it. Returns false where it says it of none. */
bool details_note(struct details *details, const struct answer *answer);
/* policy, birthdate, mail, again, privacy, terms, each with …_error, and wrong where any has one.
 */
void details_show(const struct details *details, struct view *view);
void details_clear(struct details *details);
