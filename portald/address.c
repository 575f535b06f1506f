/* Mail addresses of customers: address.h. */
#include "config.h"

#include "address.h"

#include "cleanup.h"

#include <errno.h>
#include <idn2.h>
#include <stdbool.h>

#define BLANKS    " \t\r\n"
#define TYPED_MAX 1024 /* longer is no address, whatever libidn2 would make of it */

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Dot-string of RFC 5321, 4.1.2. "%" and "!" are left out: relays read routes into them. */
static bool local_is_fine(const char *local, size_t length)
{
    bool dot = true; /* as if one stood in front: the first character can't be one */

    if (length == 0 || length > MAIL_LOCAL_MAX)
        return false;
    for (size_t i = 0; i < length; i++) {
        if (local[i] == '.' && dot)
            return false;
        dot = local[i] == '.';
        if (!dot && !is_letter(local[i]) && !is_digit(local[i]) &&
            (local[i] == '\0' || !strchr("#$&'*+-/=?^_`{|}~", local[i])))
            return false;
    }
    return !dot;
}

/* At least two labels of letters, digits and hyphens, the last one not a number: RFC 1123, 2.1. */
static bool domain_is_fine(const char *domain)
{
    const char *label = domain, *last = NULL;

    for (;;) {
        size_t length = strcspn(label, ".");

        if (length == 0 || length > 63 || label[0] == '-' || label[length - 1] == '-')
            return false;
        for (size_t i = 0; i < length; i++)
            if (!is_letter(label[i]) && !is_digit(label[i]) && label[i] != '-')
                return false;
        if (!label[length])
            break;
        label += length + 1;
        last = label;
    }
    return last && strspn(last, "0123456789") < strlen(last);
}

/* Unicode names in the form that the DNS knows (RFC 5891). Not with IDN2_USE_STD3_ASCII_RULES: that
   silently drops characters, so that b@kunde.example would become bkunde.example. */
static int domain_read(const char *typed, char *ret, size_t size)
{
    char *ascii = NULL;
    int r = idn2_to_ascii_8z(typed, &ascii, IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL);

    if (r != IDN2_OK)
        return r == IDN2_MALLOC ? -ENOMEM : -EINVAL;
    r = -EINVAL;
    if (strlen(ascii) < size) {
        memcpy(ret, ascii, strlen(ascii) + 1);
        for (char *c = ret; *c; c++)
            if (*c >= 'A' && *c <= 'Z')
                *c = (char)(*c - 'A' + 'a');
        r = domain_is_fine(ret) ? 0 : -EINVAL;
    }
    idn2_free(ascii);
    return r;
}

int mail_address_read(const char *typed, char ret[static MAIL_ADDRESS_SIZE])
{
    char copy[TYPED_MAX], domain[MAIL_ADDRESS_SIZE];
    size_t length, local;
    const char *at;
    int r;

    typed += strspn(typed, BLANKS);
    length = strnlen(typed, TYPED_MAX);
    while (length > 0 && strchr(BLANKS, typed[length - 1]))
        length--;
    if (length == 0 || length >= TYPED_MAX)
        return -EINVAL;
    memcpy(copy, typed, length);
    copy[length] = '\0';
    at = strchr(copy, '@');
    if (!at)
        return -EINVAL;
    local = (size_t)(at - copy);
    if (!local_is_fine(copy, local))
        return -EINVAL;
    r = domain_read(at + 1, domain, sizeof domain);
    if (r < 0)
        return r;
    if (local + 1 + strlen(domain) >= MAIL_ADDRESS_SIZE)
        return -EINVAL;
    memcpy(ret, copy, local + 1);
    memcpy(ret + local + 1, domain, strlen(domain) + 1);
    return 0;
}

void mail_address_fold(const char *address, char ret[static MAIL_ADDRESS_SIZE])
{
    size_t i;

    for (i = 0; address[i] && i < MAIL_ADDRESS_SIZE - 1; i++)
        ret[i] =
            address[i] >= 'A' && address[i] <= 'Z' ? (char)(address[i] - 'A' + 'a') : address[i];
    ret[i] = '\0';
}

int login_name_read(const char *typed, char ret[static MAIL_ADDRESS_SIZE])
{
    char address[MAIL_ADDRESS_SIZE];

    if (strpbrk(typed, " \t\r\n\v\f") || mail_address_read(typed, address) < 0)
        return -EINVAL;
    mail_address_fold(address, ret);
    return 0;
}
