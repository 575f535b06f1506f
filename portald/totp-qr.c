/* What customers put into their authenticator app: the secret as text, the otpauth:// URI, its QR
   code. totp_uri() is the way in. */
#include "config.h"

#include "totp.h"

#include <errno.h>
#include <liboath/oath.h>
#include <qrencode.h>

/* A QR code of version 6 or 7 at level L: 41 or 45 modules a side, which are 25 or 27 lines with
   the quiet zone. */
#define QR_VERSION 6
#define QR_QUIET   4
#define URI_MOST   154 /* bytes, in version 7 */

/* Of those, what the issuer may take where both are long; the rest is the account's. */
#define ISSUER_MOST 40

#define ESCAPED_SIZE TOTP_URI_SIZE

void totp_secret_text(const uint8_t secret[static TOTP_SECRET_BYTES],
                      char ret[static TOTP_SECRET_TEXT])
{
    char *text = NULL;
    size_t length = 0;

    ret[0] = 0;
    if (oath_base32_encode((const char *)secret, TOTP_SECRET_BYTES, &text, &length) != OATH_OK)
        return;
    if (length < TOTP_SECRET_TEXT) {
        memcpy(ret, text, length);
        ret[length] = 0;
    }
    sodium_memzero(text, length);
    free(text);
}

/* RFC 3986, 2.3: what stands for itself; and the @ of an address, which may stand in a path. */
static bool is_plain(unsigned char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c && strchr("-._~@", c));
}

/* As many whole characters of text as fit into most bytes once escaped; returns their length. */
static size_t escape(const char *text, size_t most, char ret[static ESCAPED_SIZE])
{
    size_t length = 0, whole = 0;

    if (most > ESCAPED_SIZE - 1)
        most = ESCAPED_SIZE - 1;
    for (const unsigned char *p = (const unsigned char *)text; *p; p++) {
        size_t need = is_plain(*p) ? 1 : 3;

        if ((*p & 0xc0) != 0x80)
            whole = length;
        if (length + need > most) {
            length = whole;
            break;
        }
        if (need == 1)
            ret[length] = (char)*p;
        else
            snprintf(ret + length, 4, "%%%02X", *p);
        length += need;
    }
    ret[length] = 0;
    return length;
}

/* A label in front of the account is what apps expect; a long address goes without it, since the
   issuer is there once more, and then both are cut. So every customer gets a code that a terminal
   can show. */
int totp_uri(const uint8_t secret[static TOTP_SECRET_BYTES], const char *company,
             const char *account, char ret[static TOTP_URI_SIZE])
{
    const size_t room =
        URI_MOST - strlen("otpauth://totp/?secret=&issuer=") - (TOTP_SECRET_TEXT - 1);
    char issuer[ESCAPED_SIZE], name[ESCAPED_SIZE], text[TOTP_SECRET_TEXT];
    size_t i = escape(company, SIZE_MAX, issuer), n = escape(account, SIZE_MAX, name);
    bool label = 2 * i + 1 + n <= room;
    int r;

    if (!label && i + n > room) {
        i = i > ISSUER_MOST ? escape(company, ISSUER_MOST, issuer) : i;
        escape(account, room - i, name);
    }
    totp_secret_text(secret, text);
    r = snprintf(ret, TOTP_URI_SIZE, "otpauth://totp/%s%s%s?secret=%s&issuer=%s",
                 label ? issuer : "", label ? ":" : "", name, text, issuer);
    sodium_memzero(text, sizeof text);
    return r > 0 && r <= URI_MOST ? 0 : -E2BIG;
}

static bool is_light(const QRcode *code, int x, int y)
{
    if (y >= code->width + QR_QUIET)
        return false; /* below the last row */
    if (x < 0 || y < 0 || x >= code->width || y >= code->width)
        return true;
    return !(code->data[y * code->width + x] & 1);
}

static int draw(const QRcode *code, char ret[static TOTP_QR_SIZE])
{
    static const char *const blocks[] = {" ", "▄", "▀", "█"};
    const int end = code->width + QR_QUIET;
    size_t length = 0;

    for (int y = -QR_QUIET; y < end; y += 2) {
        for (int x = -QR_QUIET; x < end; x++) {
            const char *block = blocks[is_light(code, x, y) << 1 | is_light(code, x, y + 1)];

            if (length + strlen(block) + 2 > TOTP_QR_SIZE)
                return -E2BIG;
            length += (size_t)(stpcpy(ret + length, block) - (ret + length));
        }
        ret[length++] = '\n';
    }
    ret[length - 1] = 0;
    return 0;
}

int totp_qr(const char *uri, char ret[static TOTP_QR_SIZE])
{
    QRcode *code = QRcode_encodeString8bit(uri, QR_VERSION, QR_ECLEVEL_L);
    int r;

    if (!code)
        return errno == ERANGE ? -E2BIG : -ENOMEM;
    r = draw(code, ret);
    sodium_memzero(code->data, (size_t)code->width * (size_t)code->width);
    QRcode_free(code);
    return r;
}
