/* The configuration of portal-mailer, with its keys in one table: settings.h. */
#include "config.h"

#include "settings.h"

#include "calendar.h"
#include "cleanup.h"
#include "conf.h"
#include "log.h"
#include "messages.h"

#include <errno.h>
#include <string.h>

static const char *const starttls_words[] = {"required", "off", NULL};

static const struct conf_key keys[] = {
    CONF_STRING("relay", "host", struct settings, host, NULL, "the SMTP relay's name"),
    CONF_NUMBER("relay", "port", struct settings, port, "587", 1, 65535,
                "a number from 1 to 65535"),
    CONF_CHOICE("relay", "starttls", struct settings, starttls, "required", starttls_words,
                "required or off"),
    CONF_PATH("relay", "ca_file", struct settings, ca_file, "",
              "an absolute path of a file with CA certificates (PEM)"),
    CONF_STRING("relay", "helo", struct settings, helo, "", "this machine's full name"),
    CONF_STRING("relay", "user", struct settings, user, "", "the login at the relay"),
    CONF_PATH("relay", "password", struct settings, password_file, "",
              "an absolute path, or credential:NAME"),
    CONF_SPAN("limits", "reply", struct settings, reply, "1min", 1, 10 * MINUTE, "1s to 10min"),
    CONF_SPAN("limits", "accept", struct settings, accept, "3min", 1, 10 * MINUTE, "1s to 10min"),
    CONF_SPAN("limits", "lifetime", struct settings, lifetime, "15min", 1, HOUR, "1s to 1h"),
    CONF_SPAN("limits", "idle", struct settings, idle, "5s", 0, MINUTE, "0s to 1min"),
    CONF_NUMBER("limits", "batch", struct settings, batch, "100", 1, 1000,
                "a number from 1 to 1000"),
};

/* Host and HELO name go into the SMTP conversation and, with ":port" behind, to libesmtp. */
static bool name_is_plain(const char *name)
{
    for (; *name; name++)
        if (*name <= ' ' || *name > '~' || strchr(":/<>@\"\\", *name))
            return false;
    return true;
}

static int settings_problem(const char *file, const char *problem)
{
    conf_log(NULL, file, 0, problem);
    return -EINVAL;
}

static int settings_check(const char *file, const struct settings *s)
{
    if (!s->host[0] || !name_is_plain(s->host))
        return settings_problem(file, "[relay] host: expected a host name or an IPv4 address");
    if (!name_is_plain(s->helo))
        return settings_problem(file, "[relay] helo: expected a host name");
    if (s->user[0] && !s->password_file)
        return settings_problem(file, "[relay] user: a password must be given, too");
    if (s->user[0] && s->starttls == STARTTLS_OFF)
        return settings_problem(file, "[relay] starttls: with a user it must be \"required\": a "
                                      "password never goes out unencrypted");
    return 0;
}

/* The first line of the password file. */
static int password_read(const char *file, char **ret)
{
    _cleanup_fclose_ FILE *f = fopen(file, "re");
    char line[SETTINGS_PASSWORD_MAX + 2];
    size_t length;

    if (!f)
        return -errno;
    setvbuf(f, NULL, _IONBF, 0); /* so that no copy stays in a buffer of stdio's */
    if (!fgets(line, sizeof line, f))
        return -EINVAL;
    length = strcspn(line, "\r\n");
    if (length == 0 || length > SETTINGS_PASSWORD_MAX) {
        explicit_bzero(line, sizeof line);
        return -EINVAL;
    }
    line[length] = '\0';
    *ret = strdup(line);
    explicit_bzero(line, sizeof line);
    return *ret ? 0 : -ENOMEM;
}

int settings_load(const char *file, struct settings *ret)
{
    int r;

    *ret = (struct settings){0};
    r = conf_load(file, keys, ELEMENTS(keys), ret, conf_log, NULL);
    if (r == -ENOENT)
        conf_log(NULL, file, 0, "there is no such file");
    if (r < 0)
        return r;
    r = settings_check(file, ret);
    if (r < 0 || !ret->user[0])
        return r;
    r = password_read(ret->password_file, &ret->password);
    if (r < 0)
        log_event(LOG_ERR, MESSAGE_CONFIGURATION, LOG_FIELDS("PORTAL_FILE", ret->password_file),
                  "%s: the relay's password can't be read: %s", ret->password_file, strerror(-r));
    return r;
}

void settings_clear(struct settings *settings)
{
    wipe_free_p(&settings->password);
    settings->password = NULL;
    conf_clear(keys, ELEMENTS(keys), settings);
}
