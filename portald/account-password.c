/* The rules of personal passwords: what may be one, what setting it changes. No I/O, no clock. */
#include "config.h"

#include "account.h"

#include "cleanup.h"
#include "code.h"
#include "fold.h"

#include <glib.h>
#include <stdio.h>
#include <string.h>

#define OWN_DATA_LEAST  4 /* shorter names may be part of a password */
#define DOMAIN_LEAST    6
#define DIFFERENT_LEAST 4 /* characters */

/* A text in the forms in which people may write the same: "Müller" as muller and mueller,
   "Yıldırım" as yildirim. What can't be written in ASCII stays in the first form only. */
enum { FORM_FOLDED, FORM_ASCII, FORM_GERMAN, FORMS };

struct forms {
    char *form[FORMS];
};

static void wipe(char *text)
{
    if (text)
        explicit_bzero(text, strlen(text));
    g_free(text);
}

static void wipe_p(char **text)
{
    wipe(*text);
}

static void forms_clear(struct forms *f)
{
    for (int i = 0; i < FORMS; i++)
        wipe(f->form[i]);
}

#define DOTLESS_I "\xc4\xb1" /* glib knows no ASCII for it */

static char *dotted(const char *text)
{
    char *result = g_strdup(text), *to = result;

    for (const char *from = text; *from; from++)
        if (strncmp(from, DOTLESS_I, strlen(DOTLESS_I)) == 0) {
            *to++ = 'i';
            from++;
        } else {
            *to++ = *from;
        }
    *to = 0;
    return result;
}

static char *ascii_form(const char *text, const char *locale)
{
    char *plain = dotted(text), *ascii = g_str_to_ascii(plain, locale);
    char *lower = g_ascii_strdown(ascii, -1);

    wipe(plain);
    wipe(ascii);
    return lower;
}

static struct forms forms_make(const char *text)
{
    return (struct forms){
        {g_utf8_casefold(text, -1), ascii_form(text, "C"), ascii_form(text, "de")}};
}

/* A password as it stands, with letters for its digits and signs in either way (fold.h), and
   without what people put between the parts of a number. */
enum { READING_PLAIN, READING_LEET, READING_LEET_TOO, READINGS };

struct password {
    struct forms reading[READINGS];
    char *joined;
};

static void password_clear(struct password *p)
{
    for (int i = 0; i < READINGS; i++)
        forms_clear(&p->reading[i]);
    wipe(p->joined);
}

static char *letters_for_signs(const char *text, bool second)
{
    char *result = g_malloc(strlen(text) + 1), *to = result;

    for (; *text; text = g_utf8_next_char(text)) {
        gunichar c = g_utf8_get_char(text), letter = fold_leet(c, second);
        to += g_unichar_to_utf8(letter ? letter : c, to);
    }
    *to = 0;
    return result;
}

static char *joined(const char *text)
{
    char *result = g_malloc(strlen(text) + 1), *to = result;

    for (; *text; text++)
        if (!strchr(" -./_", *text))
            *to++ = *text;
    *to = 0;
    return result;
}

static struct password password_make(const char *text)
{
    struct password p = {.reading[READING_PLAIN] = forms_make(text)};

    for (int i = 0; i < FORMS; i++) {
        const char *form = p.reading[READING_PLAIN].form[i];
        p.reading[READING_LEET].form[i] = letters_for_signs(form, false);
        p.reading[READING_LEET_TOO].form[i] = letters_for_signs(form, true);
    }
    p.joined = joined(p.reading[READING_PLAIN].form[FORM_ASCII]);
    return p;
}

/* Forwards or backwards. */
static bool has(const char *text, const char *part)
{
    _cleanup_(wipe_p) char *reversed = g_utf8_strreverse(part, -1);

    return strstr(text, part) || strstr(text, reversed);
}

static bool holds(const struct password *password, const char *data, long least)
{
    _cleanup_(forms_clear) struct forms part = {0};

    if (!data || g_utf8_strlen(data, -1) < least)
        return false;
    part = forms_make(data);
    for (int i = 0; i < FORMS; i++) {
        if (i != FORM_FOLDED && strchr(part.form[i], '?'))
            continue;
        for (int r = 0; r < READINGS; r++)
            if (has(password->reading[r].form[i], part.form[i]))
                return true;
    }
    return false;
}

/* Any of the words in text, which may be a name such as "Anna-Lena von der Heide". */
static bool holds_word(const struct password *password, const char *text)
{
    g_auto(GStrv) words = text ? g_strsplit_set(text, " -.'_+", -1) : NULL;

    for (char **w = words; w && *w; w++)
        if (holds(password, *w, OWN_DATA_LEAST))
            return true;
    return false;
}

/* YYYY-MM-DD in the orders in which people write it, with and without zeros in front. */
static bool holds_birth_date(const struct password *password, const char *date)
{
    int year, month, day;
    char forms[5][24];

    if (sscanf(date, "%4d-%2d-%2d", &year, &month, &day) != 3)
        return false;
    snprintf(forms[0], sizeof forms[0], "%04d%02d%02d", year, month, day);
    snprintf(forms[1], sizeof forms[1], "%02d%02d%04d", day, month, year);
    snprintf(forms[2], sizeof forms[2], "%02d%02d%02d", day, month, year % 100);
    snprintf(forms[3], sizeof forms[3], "%02d%02d%04d", month, day, year);
    snprintf(forms[4], sizeof forms[4], "%d%d%04d", day, month, year);
    for (size_t i = 0; i < ELEMENTS(forms); i++)
        if (has(password->joined, forms[i]))
            return true;
    return false;
}

/* The local part and its words. Of the domain the first label, where it isn't as short as those
   that half the world shares. */
static bool holds_mail(const struct password *password, const char *mail)
{
    g_autofree char *local = mail ? g_strndup(mail, strcspn(mail, "@")) : NULL;
    const char *domain = mail ? strchr(mail, '@') : NULL;
    g_autofree char *label = domain ? g_strndup(domain + 1, strcspn(domain + 1, ".")) : NULL;

    return holds(password, local, OWN_DATA_LEAST) || holds_word(password, local) ||
           holds(password, label, DOMAIN_LEAST);
}

static bool holds_policy(const struct password *password, const char *number)
{
    g_autofree char *lower = g_ascii_strdown(number, -1);

    return holds(password, number, OWN_DATA_LEAST) ||
           (strlen(lower) >= OWN_DATA_LEAST && has(password->joined, lower));
}

static bool holds_own_data(const struct entry *entry, const char *text)
{
    _cleanup_(password_clear) struct password password = password_make(text);

    if (holds_word(&password, entry->name) || holds_word(&password, entry->given_name) ||
        holds_word(&password, entry->surname) || holds_mail(&password, entry->mail) ||
        holds_birth_date(&password, entry->birth_date))
        return true;
    for (char **p = entry->policies; p && *p; p++)
        if (holds_policy(&password, *p))
            return true;
    return false;
}

static bool repeats(const char *password)
{
    gunichar seen[DIFFERENT_LEAST];
    size_t count = 0;

    for (const char *p = password; *p; p = g_utf8_next_char(p)) {
        gunichar c = g_utf8_get_char(p);
        size_t i = 0;
        while (i < count && seen[i] != c)
            i++;
        if (i < count)
            continue;
        if (count + 1 == DIFFERENT_LEAST)
            return false;
        seen[count++] = c;
    }
    return true;
}

enum account_password account_check_password(const struct account_rules *rules,
                                             const struct entry *entry, const char *password)
{
    char code[CODE_SIZE];
    long length = g_utf8_strlen(password, -1);

    if (length < rules->password_least)
        return PASSWORD_TOO_SHORT;
    if (length > rules->password_most)
        return PASSWORD_TOO_LONG;
    if (code_read(password, code) != CODE_OTHER) {
        explicit_bzero(code, sizeof code);
        return PASSWORD_LIKE_A_CODE;
    }
    if (repeats(password))
        return PASSWORD_REPEATED;
    return holds_own_data(entry, password) ? PASSWORD_OWN_DATA : PASSWORD_GOOD;
}

void account_set_password(const struct entry *entry, const char *hash, bool ppolicy, time_t now,
                          struct changes *changes)
{
    static const struct entry_failures none = {0};

    changes_string(changes, CHANGE_SET, ATTRIBUTE_USER_PASSWORD, hash);
    if (ppolicy)
        changes_drop(changes, ATTRIBUTE_PWD_RESET);
    changes_drop(changes, ATTRIBUTE_INITIAL_EXPIRES);
    changes_time(changes, ATTRIBUTE_PASSWORD_CHANGED, now);
    /* Of both factors, for both were right. Would codes go on counting alone, answers to a password
       with a code behind it would tell who has set TOTP up. */
    account_write_failures(FACTOR_PASSWORD, &none, changes);
    account_write_failures(FACTOR_TOTP, &none, changes);
    changes_number(changes, ATTRIBUTE_SESSION_EPOCH, entry->session_epoch + 1);
    if (entry->state != ACCOUNT_ACTIVE)
        changes_string(changes, CHANGE_SET, ATTRIBUTE_STATE, account_state_word(ACCOUNT_ACTIVE));
}
