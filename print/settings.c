/* The configuration of portal-print, with its keys in one table: settings.h. */
#include "config.h"

#include "settings.h"

#include "calendar.h"
#include "cleanup.h"
#include "conf.h"
#include "log.h"
#include "process.h"

#include <errno.h>
#include <pwd.h>
#include <string.h>

#define S          struct settings
#define WAIT_MOST  (20 * MINUTE) /* less than portald's lease */
#define TEXT_BYTES 400           /* the longest text that is put into letters */

/* A text with a limit of its own. */
#define TEXT(name, member, initial, expected)                                                      \
    {                                                                                              \
        "letter", name, CONF_TYPE_STRING, offsetof(S, member), initial, 0, TEXT_BYTES, NULL,       \
            expected                                                                               \
    }

/* In the order of enum render_form. */
static const char *const forms[] = {"B", "A", NULL};

static const struct conf_key keys[] = {
    CONF_PATH("portald", "socket", S, socket, RUN_DIR "/print.sock", "an absolute path"),
    CONF_PATH("portald", "key", S, portald_key, SYSCONF_DIR "/portald.pub",
              "portald's public key, a file"),
    CONF_STRING("portald", "peer", S, peer, "", "a user"),
    CONF_SPAN("portald", "timeout", S, timeout, "1min", 1, 10 * MINUTE, "a span from 1s to 10min"),

    CONF_PATH("station", "key", S, station_key, "credential:station.key",
              "the print station's secret key: a file, or credential:NAME"),
    CONF_PATHS("station", "old_keys", S, old_keys, "",
               "earlier secret keys, which still open letters: files, separated by blanks"),
    CONF_PATH("station", "state_dir", S, state_dir, PRINT_STATE_DIR, "a directory"),
    CONF_STRING("station", "zone", S, zone, "Europe/Berlin", "a time zone, such as Europe/Berlin"),

    CONF_PATH("output", "directory", S, output, PRINT_STATE_DIR "/letters", "a directory"),
    CONF_BOOL("output", "one_file", S, one_file, "no"),
    CONF_STRING("output", "printer", S, printer, "", "ipps://HOST/printers/NAME"),
    CONF_PATH("output", "ca", S, printer_ca, "",
              "certificates (PEM) of those who vouch for the printer's, a file"),
    CONF_BOOL("output", "unencrypted", S, printer_plain, "no"),
    CONF_SPAN("output", "wait", S, printer_wait, "15min", 1, WAIT_MOST, "a span from 1s to 20min"),

    TEXT("company", company, NULL, "the name of the company"),
    TEXT("return_address", return_address, NULL,
         "name, street and town, for the small line above the address"),
    TEXT("letterhead", letterhead, "", "what stands at the top; | begins a new line"),
    TEXT("footer", footer, "", "what stands at the bottom; | begins a new line"),
    TEXT("support", support, NULL, "how customers reach support, one line"),
    TEXT("portal_url", portal_url, NULL, "the address of portal-web, https://…"),
    TEXT("signature", signature, "", "who signs; | begins a new line; empty for the company"),
    TEXT("font", font, "Lato", "a font family that is installed"),
    TEXT("code_font", code_font, "Hack", "a font family that is installed"),
    TEXT("colour", colour, "#1f4e79", "a colour, #RRGGBB"),
    CONF_CHOICE("letter", "form", S, form, "B", forms, "A or B, the forms of DIN 5008"),
    CONF_PATH("letter", "logo", S, logo, "", "a PNG file"),
    CONF_PATH("letter", "signature_image", S, signature_image, "", "a PNG file"),
    CONF_BOOL("letter", "qr", S, qr, "yes"),
    CONF_PATH("letter", "texts", S, texts, SYSCONF_DIR "/letters", "a directory"),
};

static int problem(const char *file, const char *text)
{
    conf_log(NULL, file, 0, text);
    return -EINVAL;
}

/* Splits the socket's path into directory and name, as client.h wants them. */
static int socket_split(const char *file, S *s)
{
    char *slash = s->socket ? strrchr(s->socket, '/') : NULL;
    char *name;

    if (!slash || slash == s->socket || !slash[1])
        return problem(file, "[portald] socket: expected the path of a socket in a directory");
    name = strdup(slash + 1);
    if (!name)
        return -ENOMEM;
    *slash = '\0';
    s->socket_dir = s->socket;
    s->socket = name;
    return 0;
}

static int peer_find(const char *file, S *s)
{
    const struct passwd *user;

    s->peer_uid = geteuid();
    if (!s->peer[0])
        return 0;
    user = getpwnam(s->peer);
    if (!user)
        return problem(file, "[portald] peer: there is no such user");
    s->peer_uid = user->pw_uid;
    return 0;
}

static int settings_check(const char *file, S *s)
{
    int r = socket_split(file, s);

    if (r == 0)
        r = peer_find(file, s);
    if (r == 0 && (!s->portald_key || !s->station_key || !s->state_dir || !s->output || !s->texts))
        r = problem(file, "a path is empty that must be given");
    if (r == 0 && (!s->company[0] || !s->return_address[0] || !s->support[0] || !s->portal_url[0]))
        r = problem(file, "[letter] company, return_address, support and portal_url: expected "
                          "more than nothing");
    if (r == 0 && s->one_file && s->printer[0])
        r = problem(file, "[output] one_file: is for a directory, not for a printer");
    if (r == 0 && process_set_zone(s->zone) < 0)
        r = problem(file, "[station] zone: expected a time zone of this system");
    return r;
}

int settings_load(const char *file, S *ret)
{
    int r = conf_load(file, keys, ELEMENTS(keys), ret, conf_log, NULL);

    if (r == -ENOENT)
        log_line(LOG_ERR, "%s: there is no such file", file);
    return r < 0 ? r : settings_check(file, ret);
}

void settings_clear(S *settings)
{
    free(settings->socket_dir);
    settings->socket_dir = NULL;
    conf_clear(keys, ELEMENTS(keys), settings);
}
