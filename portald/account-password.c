/* The rules of personal passwords: what may be one, what setting it changes. No I/O, no clock. */
#include "config.h"

#include "account.h"

#include "cleanup.h"
#include "code.h"

#include <glib.h>
#include <stdio.h>
#include <string.h>

#define OWN_DATA_LEAST  4 /* shorter names may be part of a password */
#define DIFFERENT_LEAST 4 /* characters */

/* A text in the forms in which people may write the same: "Müller" as muller and mueller,
   "Yıldırım" as yildirim. What can't be written in ASCII stays in the first form only. */
enum { FORM_FOLDED, FORM_ASCII, FORM_GERMAN, FORMS };

struct forms {
    char *form[FORMS];
};

static void wipe(char *text)
{
    explicit_bzero(text, strlen(text));
    g_free(text);
}

static void forms_clear(struct forms *f)
{
    for (int i = 0; i < FORMS; i++)
        if (f->form[i])
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

static bool holds(const struct forms *password, const char *data)
{
    _cleanup_(forms_clear) struct forms part = {0};

    if (!data || g_utf8_strlen(data, -1) < OWN_DATA_LEAST)
        return false;
    part = forms_make(data);
    for (int i = 0; i < FORMS; i++)
        if ((i == FORM_FOLDED || !strchr(part.form[i], '?')) &&
            strstr(password->form[i], part.form[i]))
            return true;
    return false;
}

/* Any of the words in text, which may be a name such as "Anna-Lena von der Heide". */
static bool holds_word(const struct forms *password, const char *text)
{
    g_auto(GStrv) words = text ? g_strsplit_set(text, " -.'_+", -1) : NULL;

    for (char **w = words; w && *w; w++)
        if (holds(password, *w))
            return true;
    return false;
}

static bool holds_birth_date(const char *password, const char *day)
{
    char forms[4][9];

    if (strlen(day) != CALENDAR_DAY_SIZE - 1)
        return false;
    snprintf(forms[0], sizeof forms[0], "%.4s%.2s%.2s", day, day + 5, day + 8);
    snprintf(forms[1], sizeof forms[1], "%.2s%.2s%.4s", day + 8, day + 5, day);
    snprintf(forms[2], sizeof forms[2], "%.2s%.2s%.2s", day + 8, day + 5, day + 2);
    snprintf(forms[3], sizeof forms[3], "%.2s%.2s%.4s", day + 5, day + 8, day);
    for (size_t i = 0; i < 4; i++)
        if (strstr(password, forms[i]))
            return true;
    return strstr(password, day);
}

/* The local part alone: half the world shares the same few domains. */
static bool holds_mail(const struct forms *password, const char *mail)
{
    g_autofree char *local = mail ? g_strndup(mail, strcspn(mail, "@")) : NULL;

    return holds(password, local) || holds_word(password, local);
}

static bool holds_own_data(const struct entry *entry, const char *text)
{
    _cleanup_(forms_clear) struct forms password = forms_make(text);

    if (holds_word(&password, entry->name) || holds_word(&password, entry->given_name) ||
        holds_word(&password, entry->surname) || holds_mail(&password, entry->mail) ||
        holds_birth_date(text, entry->birth_date))
        return true;
    for (char **p = entry->policies; p && *p; p++)
        if (holds(&password, *p))
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
    changes_string(changes, CHANGE_SET, ATTRIBUTE_USER_PASSWORD, hash);
    if (ppolicy)
        changes_drop(changes, ATTRIBUTE_PWD_RESET);
    changes_drop(changes, ATTRIBUTE_INITIAL_EXPIRES);
    changes_time(changes, ATTRIBUTE_PASSWORD_CHANGED, now);
    changes_drop(changes, ATTRIBUTE_PASSWORD_FAILURES);
    changes_drop(changes, ATTRIBUTE_PASSWORD_RETRY_AFTER);
    changes_number(changes, ATTRIBUTE_SESSION_EPOCH, entry->session_epoch + 1);
    if (entry->state != ACCOUNT_ACTIVE)
        changes_string(changes, CHANGE_SET, ATTRIBUTE_STATE, account_state_word(ACCOUNT_ACTIVE));
}
