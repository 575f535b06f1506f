/* Columns of a CSV file and what may stand in them; columns_read() and customer_read() are the ways
   in. */
#include "config.h"

#include "customer.h"

#include "calendar.h"
#include "cleanup.h"
#include "postal.h"

#include <ctype.h>
#include <errno.h>
#include <glib.h>
#include <stdarg.h>
#include <strings.h>

const char *const identity_attributes[IDENTITIES + 1] = {
    [IDENTITY_UID] = "uid",
    [IDENTITY_GIVEN_NAME] = "givenName",
    [IDENTITY_SURNAME] = "sn",
    [IDENTITY_NAME] = "cn",
    [IDENTITY_BIRTH_DATE] = "portalBirthDate",
    [IDENTITY_LANGUAGE] = "preferredLanguage",
    [IDENTITY_ADDRESS] = "postalAddress",
    [IDENTITY_POLICIES] = "portalPolicyNumber",
};

#define BLANKS " \t\r\n"

/* --- Columns --- */

static const struct {
    const char *name;
    enum identity identity;
} synonyms[] = {
    {"surname", IDENTITY_SURNAME},        {"birthDate", IDENTITY_BIRTH_DATE},
    {"language", IDENTITY_LANGUAGE},      {"policyNumber", IDENTITY_POLICIES},
    {"policyNumbers", IDENTITY_POLICIES},
};

/* That export writes, and an import passes over: they are the account's, not the person's. */
static const char *const passed_over[] = {
    "portalState",
    "portalInitialPasswordExpires",
    "portalPasswordChanged",
    "portalLastLogin",
};

static int identity_find(const char *name)
{
    for (int i = 0; i < IDENTITIES; i++)
        if (strcasecmp(name, identity_attributes[i]) == 0)
            return i;
    for (size_t i = 0; i < ELEMENTS(synonyms); i++)
        if (strcasecmp(name, synonyms[i].name) == 0)
            return (int)synonyms[i].identity;
    return -1;
}

static bool is_passed_over(const char *name)
{
    for (size_t i = 0; i < ELEMENTS(passed_over); i++)
        if (strcasecmp(name, passed_over[i]) == 0)
            return true;
    return false;
}

/* Where columns keeps the place of the column of this name; NULL: there is no such column. */
static int *column_find(struct columns *columns, const char *name)
{
    int i = identity_find(name);

    if (i >= 0)
        return &columns->identity[i];
    if (strncasecmp(name, "address", 7) == 0 && name[7] >= '1' && name[7] < '1' + ADDRESS_COLUMNS &&
        name[8] == '\0')
        return &columns->address[name[7] - '1'];
    return NULL;
}

static bool has_address_columns(const struct columns *columns)
{
    for (int i = 0; i < ADDRESS_COLUMNS; i++)
        if (columns->address[i] >= 0)
            return true;
    return false;
}

static int refuse(char ret_why[static CUSTOMER_WHY_SIZE], const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static int refuse(char ret_why[static CUSTOMER_WHY_SIZE], const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(ret_why, CUSTOMER_WHY_SIZE, format, arguments);
    va_end(arguments);
    return -EINVAL;
}

int columns_read(const struct record *header, struct columns *ret,
                 char ret_why[static CUSTOMER_WHY_SIZE])
{
    struct columns columns = {.count = header->count};

    memset(columns.identity, -1, sizeof columns.identity);
    memset(columns.address, -1, sizeof columns.address);
    for (size_t i = 0; i < header->count; i++) {
        int *place = column_find(&columns, header->field[i]);

        if (!place && is_passed_over(header->field[i]))
            continue;
        if (!place && strcasecmp(header->field[i], "mail") == 0)
            return refuse(ret_why, "column mail: customers confirm their address themselves; "
                                   "leave it out");
        if (!place)
            return refuse(ret_why,
                          "unknown column \"%.64s\"; there are sn, givenName, cn, "
                          "portalPolicyNumber, portalBirthDate, preferredLanguage, postalAddress "
                          "or address1 to address6, and uid",
                          header->field[i]);
        if (*place >= 0)
            return refuse(ret_why, "column \"%.64s\" stands there twice", header->field[i]);
        *place = (int)i;
    }
    if (columns.identity[IDENTITY_SURNAME] < 0 || columns.identity[IDENTITY_POLICIES] < 0)
        return refuse(ret_why, "column %s is missing",
                      columns.identity[IDENTITY_SURNAME] < 0 ? "sn" : "portalPolicyNumber");
    if (columns.identity[IDENTITY_ADDRESS] >= 0 && has_address_columns(&columns))
        return refuse(ret_why, "either column postalAddress or address1 to address6, not both");
    *ret = columns;
    return 0;
}

/* --- Texts --- */

/* The next character of a text in which blanks around it are none, and several are one. */
static char next_character(const char **text, const char *begin)
{
    const char *p = *text;
    bool blank = false;

    while (*p && strchr(BLANKS, *p)) {
        blank = true;
        p++;
    }
    if (!*p || (blank && *text > begin)) {
        *text = p;
        return *p ? ' ' : '\0';
    }
    *text = p + 1;
    return *p;
}

bool customer_text_same(const char *one, const char *other)
{
    const char *p = one, *q = other;
    char a, b;

    do {
        a = next_character(&p, one);
        b = next_character(&q, other);
    } while (a == b && a);
    return a == b;
}

bool customer_text_is_formula(const char *text)
{
    text += strspn(text, "'");
    return *text && strchr("=+-@", *text);
}

/* A field without the blanks around it, and without export's apostrophe; NULL when empty. */
static int field_copy(const char *field, char **ret)
{
    size_t length;
    char *copy;

    if (*field == '\'' && customer_text_is_formula(field))
        field++;
    field += strspn(field, BLANKS);
    length = strlen(field);
    while (length > 0 && strchr(BLANKS, field[length - 1]))
        length--;
    copy = length > 0 ? strndup(field, length) : NULL;
    if (length > 0 && !copy)
        return -ENOMEM;
    *ret = copy;
    return 0;
}

/* --- The rules of each value: they may put it into its canonical form --- */

static int check_uid(char **value, const char *today, char ret_why[static CUSTOMER_WHY_SIZE])
{
    (void)today;
    if (strlen(*value) > CUSTOMER_UID || strpbrk(*value, "\t\r\n"))
        return refuse(ret_why, "uid: expected up to %d bytes in one line", CUSTOMER_UID);
    return 0;
}

static int check_name(char **value, const char *today, char ret_why[static CUSTOMER_WHY_SIZE])
{
    (void)today;
    if (strpbrk(*value, "\t\r\n"))
        return refuse(ret_why, "a name goes over several lines");
    if (g_utf8_strlen(*value, -1) > CUSTOMER_NAME)
        return refuse(ret_why, "a name is longer than %d characters", CUSTOMER_NAME);
    return 0;
}

static int check_birth_date(char **value, const char *today, char ret_why[static CUSTOMER_WHY_SIZE])
{
    char day[CALENDAR_DAY_SIZE], *copy;

    if (calendar_read_day(*value, day) < 0 || strcmp(day, today) > 0)
        return refuse(ret_why,
                      "portalBirthDate: expected a day that was, as 1970-12-31 or 31.12.1970, got "
                      "\"%.64s\"",
                      *value);
    copy = strdup(day);
    if (!copy)
        return -ENOMEM;
    free(*value);
    *value = copy;
    return 0;
}

/* "de", "en", "de-AT". */
static int check_language(char **value, const char *today, char ret_why[static CUSTOMER_WHY_SIZE])
{
    const char *v = *value;

    (void)today;
    if ((strncasecmp(v, "de", 2) != 0 && strncasecmp(v, "en", 2) != 0) || (v[2] && v[2] != '-') ||
        strspn(v, "-0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ") != strlen(v))
        return refuse(ret_why, "preferredLanguage: expected de or en, got \"%.64s\"", v);
    return 0;
}

/* Lines with newlines between them: blanks around each go, and so do empty ones. */
static void lines_tidy(char *lines)
{
    char *out = lines;

    for (char *line = lines, *end; *line; line = end) {
        size_t length = strcspn(line, "\n"), blanks = strspn(line, " \t\r");

        end = line + length + (line[length] == '\n');
        if (blanks >= length)
            continue;
        line += blanks;
        length -= blanks;
        while (strchr(" \t\r", line[length - 1]))
            length--;
        if (out > lines)
            *out++ = '\n';
        memmove(out, line, length);
        out += length;
    }
    *out = '\0';
}

static int check_address(char **value, const char *today, char ret_why[static CUSTOMER_WHY_SIZE])
{
    _cleanup_free_ char *stored = NULL;

    (void)today;
    lines_tidy(*value);
    if (strpbrk(*value, "\t\r"))
        return refuse(ret_why, "postalAddress: a tab is in it");
    if (!**value || postal_lines(*value) > POSTAL_LINES)
        return refuse(ret_why, "postalAddress: it takes %zu lines, the letter's field has %d",
                      postal_lines(*value), POSTAL_LINES);
    if (postal_write(*value, &stored) < 0)
        return -ENOMEM;
    if (strlen(stored) > POSTAL_SIZE)
        return refuse(ret_why, "postalAddress: it is longer than %d bytes", POSTAL_SIZE);
    return 0;
}

typedef int check(char **value, const char *today, char ret_why[static CUSTOMER_WHY_SIZE]);
static check *const checks[IDENTITIES] = {
    [IDENTITY_UID] = check_uid,
    [IDENTITY_GIVEN_NAME] = check_name,
    [IDENTITY_SURNAME] = check_name,
    [IDENTITY_NAME] = check_name,
    [IDENTITY_BIRTH_DATE] = check_birth_date,
    [IDENTITY_LANGUAGE] = check_language,
    [IDENTITY_ADDRESS] = check_address,
};

/* --- A line --- */

/* Several stand in one field with "|", comma, semicolon or newline between them. */
static int read_policies(struct customer *c, char ret_why[static CUSTOMER_WHY_SIZE])
{
    static const char between[] = "|,;\r\n";
    char *text = c->value[IDENTITY_POLICIES], *rest = NULL;

    for (char *word = text ? strtok_r(text, between, &rest) : NULL; word;
         word = strtok_r(NULL, between, &rest)) {
        if (word[strspn(word, BLANKS)] == '\0')
            continue;
        if (c->policy_count == CUSTOMER_POLICIES)
            return refuse(ret_why, "portalPolicyNumber: more than %d of them", CUSTOMER_POLICIES);
        if (policy_number_read(word, c->policies[c->policy_count]) < 0)
            return refuse(ret_why, "portalPolicyNumber: no policy number: \"%.64s\"%s", word,
                          strstr(word, "E+") ? " (a spreadsheet has rounded it: format the column "
                                               "as text)"
                                             : "");
        for (size_t i = 0; i < c->policy_count; i++)
            if (strcmp(c->policies[i], c->policies[c->policy_count]) == 0)
                return refuse(ret_why, "portalPolicyNumber: %s stands there twice", c->policies[i]);
        c->policy_count++;
    }
    return c->policy_count > 0 ? 0 : refuse(ret_why, "portalPolicyNumber: there is none");
}

/* In one column either LDAP's form, or a text of several lines. */
static int take_address(const struct columns *columns, const struct record *record,
                        struct customer *c)
{
    _cleanup_free_ char *field = c->value[IDENTITY_ADDRESS];
    char *lines = NULL;
    size_t size = 1;

    c->value[IDENTITY_ADDRESS] = NULL;
    if (field && !strchr(field, '\n'))
        return postal_read(field, strlen(field), &c->value[IDENTITY_ADDRESS]);
    if (field) {
        c->value[IDENTITY_ADDRESS] = TAKE(field);
        return 0;
    }
    for (int i = 0; i < ADDRESS_COLUMNS; i++)
        if (columns->address[i] >= 0)
            size += strlen(record->field[columns->address[i]]) + 1;
    if (size == 1 || !(lines = calloc(1, size)))
        return size == 1 ? 0 : -ENOMEM;
    c->value[IDENTITY_ADDRESS] = lines;
    for (int i = 0; i < ADDRESS_COLUMNS; i++) {
        _cleanup_free_ char *line = NULL;

        if (columns->address[i] < 0)
            continue;
        if (field_copy(record->field[columns->address[i]], &line) < 0)
            return -ENOMEM;
        if (line)
            lines += sprintf(lines, "%s\n", line);
    }
    if (!*c->value[IDENTITY_ADDRESS])
        free(TAKE(c->value[IDENTITY_ADDRESS]));
    return 0;
}

char *customer_name(const char *given, const char *surname)
{
    char *name = NULL;

    if (asprintf(&name, "%s%s%s", given ? given : "", given && surname ? " " : "",
                 surname ? surname : "") < 0)
        return NULL;
    return name;
}

static int make_name(struct customer *c)
{
    if (c->value[IDENTITY_NAME])
        return 0;
    c->name_made = true;
    c->value[IDENTITY_NAME] =
        customer_name(c->value[IDENTITY_GIVEN_NAME], c->value[IDENTITY_SURNAME]);
    return c->value[IDENTITY_NAME] ? 0 : -ENOMEM;
}

static int read_values(const struct columns *columns, const struct record *record,
                       const char *today, struct customer *c,
                       char ret_why[static CUSTOMER_WHY_SIZE])
{
    int r;

    for (int i = 0; i < IDENTITIES; i++)
        if (columns->identity[i] >= 0 &&
            field_copy(record->field[columns->identity[i]], &c->value[i]) < 0)
            return -ENOMEM;
    if (take_address(columns, record, c) < 0)
        return -ENOMEM;
    for (int i = 0; i < IDENTITIES; i++)
        if (c->value[i] && checks[i] && (r = checks[i](&c->value[i], today, ret_why)) < 0)
            return r;
    if (!c->value[IDENTITY_SURNAME])
        return refuse(ret_why, "sn: there is none");
    r = read_policies(c, ret_why);
    return r < 0 ? r : make_name(c);
}

int customer_read(const struct columns *columns, const struct record *record, const char *today,
                  struct customer *ret, char ret_why[static CUSTOMER_WHY_SIZE])
{
    struct customer c = {0};
    int r;

    if (record->count != columns->count)
        return refuse(ret_why, "it has %zu fields, the header has %zu", record->count,
                      columns->count);
    r = read_values(columns, record, today, &c, ret_why);
    if (r < 0) {
        customer_clear(&c);
        return r;
    }
    *ret = c;
    return 0;
}

void customer_clear(struct customer *c)
{
    for (int i = 0; i < IDENTITIES; i++)
        free(c->value[i]);
    *c = (struct customer){0};
}

const char *customer_uid_tells(const struct customer *c)
{
    const char *uid = c->value[IDENTITY_UID];
    char number[POLICY_NUMBER_SIZE];

    if (!uid)
        return NULL;
    if (strchr(uid, '@'))
        return "an e-mail address";
    if (policy_number_read(uid, number) == 0)
        for (size_t i = 0; i < c->policy_count; i++)
            if (strcmp(c->policies[i], number) == 0)
                return "the policy number";
    return NULL;
}
