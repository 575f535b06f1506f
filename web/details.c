/* Reading what people type who aren't logged in; details_read() is the way in. What is certainly
   wrong is said here, so that it is said at once; the rules are portald's. */
#include "config.h"

#include "details.h"

#include "birthdate.h"

#include "cleanup.h"
#include "policy.h"

#include <stdio.h>
#include <strings.h>

#define BLANKS " \t\r\n"

/* The form's fields. A text is said where nothing was typed, and where a check fails without saying
   more. Those that portald says, too, are its own. */
static const struct {
    const char *name, *error;
    enum wire_tag tag;
    const char *text;
} fields[DETAILS] = {
    [DETAIL_POLICY] = {"policy", "policy_error", WIRE_POLICY,
                       N_("Please enter your policy number, as it stands at the top of your "
                          "policy: letters and digits.")},
    [DETAIL_BIRTHDATE] = {"birthdate", "birthdate_error", WIRE_BIRTHDATE,
                          N_("Please enter the policyholder's date of birth, for example "
                             "24.12.1950.")},
    [DETAIL_MAIL] = {"mail", "mail_error", WIRE_MAIL_ADDRESS,
                     N_("This is not an e-mail address that we can write to. Please check it.")},
    [DETAIL_AGAIN] = {"again", "again_error", WIRE_MAIL_AGAIN,
                      N_("The two e-mail addresses are not the same. Please check both.")},
    [DETAIL_PRIVACY] = {"privacy", "privacy_error", WIRE_PRIVACY,
                        N_("Please tick that you have read the privacy notice.")},
    [DETAIL_TERMS] = {"terms", "terms_error", WIRE_TERMS,
                      N_("Please tick that you accept the terms of use.")},
};

static void trim(const char *typed, char ret[static DETAIL_SIZE])
{
    size_t length;

    typed += strspn(typed, BLANKS);
    length = strlen(typed);
    while (length > 0 && strchr(BLANKS, typed[length - 1]))
        length--;
    /* One that is too long is wrong, and is kept as far as it fits. */
    while (length >= DETAIL_SIZE || (length > 0 && ((unsigned char)typed[length] & 0xc0) == 0x80))
        length--;
    memcpy(ret, typed, length);
    ret[length] = '\0';
}

static void say(struct details *details, enum detail which, const char *line)
{
    snprintf(details->error[which], sizeof details->error[which], "%.*s",
             (int)sizeof details->error[which] - 1, line);
}

static void check_policy(struct details *details, const char *language)
{
    char canonical[POLICY_NUMBER_SIZE];

    if (policy_number_read(details->value[DETAIL_POLICY], canonical) < 0)
        say(details, DETAIL_POLICY, text(language, fields[DETAIL_POLICY].text));
}

static void say_ambiguous(struct details *details, const char *language, const char *other)
{
    char first[64] = "", second[64] = "";

    calendar_say_day(details->day, language, first, sizeof first);
    calendar_say_day(other, language, second, sizeof second);
    text_format(details->error[DETAIL_BIRTHDATE], TEXT_SIZE, language,
                N_("Do you mean %s or %s? Please write the month as a word."), first, second);
}

static void check_birthdate(struct details *details, const char *language, time_t now)
{
    char today[CALENDAR_DAY_SIZE], other[CALENDAR_DAY_SIZE];
    const char *line = NULL;

    calendar_day(now, today);
    switch (birthdate_read(details->value[DETAIL_BIRTHDATE], today, details->day, other)) {
    case BIRTHDATE_RIGHT:
        return;
    case BIRTHDATE_AMBIGUOUS:
        say_ambiguous(details, language, other);
        return;
    case BIRTHDATE_YEAR:
        line = N_("Please write the year with four digits, for example 1950.");
        break;
    case BIRTHDATE_FUTURE:
        line = N_("This day is still to come. Please check the year.");
        break;
    case BIRTHDATE_OTHER:
        line = fields[DETAIL_BIRTHDATE].text;
        break;
    }
    say(details, DETAIL_BIRTHDATE, text(language, line));
}

/* Only what no address can be: portald knows better. */
static void check_mail(struct details *details, const char *language)
{
    const char *mail = details->value[DETAIL_MAIL], *at = strchr(mail, '@');

    if (!*mail)
        say(details, DETAIL_MAIL, text(language, N_("Please enter your e-mail address.")));
    else if (!at || at == mail || strchr(at + 1, '@') || !strchr(at, '.') || strpbrk(mail, BLANKS))
        say(details, DETAIL_MAIL, text(language, fields[DETAIL_MAIL].text));
}

/* An address that is wrong in itself is said once. */
static void check_again(struct details *details, const char *language)
{
    const char *again = details->value[DETAIL_AGAIN];

    if (!*again)
        say(details, DETAIL_AGAIN,
            text(language, N_("Please enter your e-mail address a second time.")));
    else if (strcasecmp(again, details->value[DETAIL_MAIL]) != 0)
        say(details, DETAIL_AGAIN, text(language, fields[DETAIL_AGAIN].text));
}

/* Who ticked a version that isn't in force any more has to look again. */
static void check_consent(struct details *details, enum detail which, const char *version,
                          const char *language)
{
    if (strcmp(details->value[which], version) == 0)
        return;
    say(details, which,
        *details->value[which]
            ? text(language, N_("This text has changed meanwhile. Please read it, and tick again."))
            : text(language, fields[which].text));
    details->value[which][0] = '\0';
}

void details_read(const struct request *request, const struct site_facts *facts, size_t count,
                  struct details *ret)
{
    const char *language = request->language;

    memset(ret, 0, sizeof *ret);
    ret->count = count;
    for (size_t i = 0; i < count; i++)
        trim(request_form(request, fields[i].name), ret->value[i]);
    check_policy(ret, language);
    check_birthdate(ret, language, request->now);
    check_mail(ret, language);
    if (count > DETAIL_AGAIN)
        check_again(ret, language);
    if (count > DETAIL_TERMS) {
        check_consent(ret, DETAIL_PRIVACY, facts->privacy.version, language);
        check_consent(ret, DETAIL_TERMS, facts->terms.version, language);
    }
}

bool details_good(const struct details *details)
{
    for (size_t i = 0; i < details->count; i++)
        if (*details->error[i])
            return false;
    return true;
}

void details_set_mail(struct details *details, const char *mail)
{
    snprintf(details->value[DETAIL_MAIL], DETAIL_SIZE, "%s", mail);
    snprintf(details->value[DETAIL_AGAIN], DETAIL_SIZE, "%s", mail);
}

void details_put(const struct details *details, struct wire_writer *w)
{
    for (size_t i = 0; i < details->count; i++)
        wire_put_string(w, fields[i].tag, i == DETAIL_BIRTHDATE ? details->day : details->value[i]);
}

bool details_note(struct details *details, const struct answer *answer)
{
    for (size_t i = 0; i < details->count; i++)
        if (answer->field && fields[i].tag == answer->field) {
            say(details, (enum detail)i, answer->text);
            return true;
        }
    return false;
}

void details_show(const struct details *details, struct view *view)
{
    for (size_t i = 0; i < details->count; i++) {
        view_set(view, fields[i].name, details->value[i]);
        view_set(view, fields[i].error, details->error[i]);
    }
    view_flag(view, "wrong", !details_good(details));
}

void details_clear(struct details *details)
{
    explicit_bzero(details, sizeof *details);
}
