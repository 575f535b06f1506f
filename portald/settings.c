/* portald's configuration: one table that reads like portald.conf(5). */
#include "config.h"

#include "settings.h"

#include "cleanup.h"
#include "loopback.h"

#include <errno.h>
#include <ldap.h>

#define S struct settings

static const char *const languages[] = {"de", "en", NULL};
static const char *const starttls_choices[] = {"no", "required", NULL};

static const struct conf_key keys[] = {
    CONF_STRING("portal", "company", S, company, NULL, "the name that mails and pages speak in"),
    CONF_STRING("portal", "support", S, support, NULL, "how customers reach support, one line"),
    CONF_STRING("portal", "base_url", S, base_url, NULL,
                "the address of portal-web, https://… without a slash at its end"),
    CONF_STRING("portal", "zone", S, zone, "Europe/Berlin", "a time zone, such as Europe/Berlin"),
    CONF_CHOICE("portal", "language", S, language, "de", languages, "de or en"),
    CONF_PATH("portal", "locale_dir", S, locale_dir, LOCALE_DIR, "a directory"),

    CONF_STRING("consent", "privacy_version", S, privacy_version, "1",
                "the version of the privacy notice in force"),
    CONF_PATH("consent", "privacy_file", S, privacy_file, SYSCONF_DIR "/privacy.txt",
              "the privacy notice, a file"),
    CONF_STRING("consent", "terms_version", S, terms_version, "1",
                "the version of the terms of use in force"),
    CONF_PATH("consent", "terms_file", S, terms_file, SYSCONF_DIR "/terms.txt",
              "the terms of use, a file"),

    CONF_STRING("directory", "uri", S, uri, "ldapi:///",
                "one or more LDAP URIs, separated by blanks"),
    CONF_STRING("directory", "base", S, base, NULL,
                "the DN below which customers are, ou=customers,…"),
    CONF_STRING("directory", "bind_dn", S, bind_dn, "", "a DN; empty for SASL EXTERNAL"),
    CONF_PATH("directory", "bind_password_file", S, bind_password_file, "",
              "a file, or credential:NAME"),
    CONF_STRING("directory", "decoy_dn", S, decoy_dn, NULL,
                "the DN of the decoy, cn=decoy,ou=services,…"),
    CONF_STRING("directory", "admins", S, admins, "",
                "the DN of the administrators' group, cn=portal-admins,ou=groups,…"),
    CONF_CHOICE("directory", "starttls", S, starttls, "no", starttls_choices, "no or required"),
    CONF_PATH("directory", "ca_file", S, ca_file, "", "a file with CA certificates (PEM)"),
    CONF_PATH("directory", "cert_file", S, cert_file, "", "a file with a certificate (PEM)"),
    CONF_PATH("directory", "key_file", S, key_file, "",
              "a file with the certificate's key (PEM), or credential:NAME"),
    CONF_BOOL("directory", "ppolicy", S, ppolicy, "yes"),
    CONF_SPAN("directory", "timeout", S, directory_timeout, "5s", 1, MINUTE,
              "a span from 1s to 1min"),

    CONF_PATH("keys", "master", S, master_key, "credential:portald.key",
              "a key file, or credential:NAME"),
    CONF_PATHS("keys", "totp", S, totp_keys, "",
               "key files, or credential:NAME, separated by blanks; the first seals"),
    CONF_PATH("keys", "station", S, station_key, SYSCONF_DIR "/station.pub",
              "the print station's public key, a file"),

    CONF_PATH("queue", "file", S, queue_file, STATE_DIR "/queue.db",
              "a file on a local file system"),
    CONF_NUMBER("queue", "limit", S, queue_limit, "5000000", 100, 100000000,
                "a number from 100 to 100000000"),
    CONF_SPAN("queue", "keep", S, queue_keep, "60d", 31 * DAY, 3650 * DAY,
              "a span from 31d to 3650d"),

    CONF_STRING("mail", "sender", S, sender, NULL, "the address that mails come from"),
    CONF_STRING("mail", "sender_name", S, sender_name, "",
                "the name beside it; empty for the company's"),
    CONF_STRING("mail", "bounce_address", S, bounce_address, "",
                "the address that bounces return to; empty for the sender"),
    CONF_STRING("mail", "message_domain", S, message_domain, NULL, "the domain in Message-IDs"),
    CONF_PATH("mail", "templates", S, templates, SYSCONF_DIR "/templates", "a directory"),
    CONF_PATH("mail", "mailer_socket", S, mailer_socket, "",
              "portal-mailer.socket; empty to start the program instead"),
    CONF_PATH("mail", "mailer_program", S, mailer_program, LIBEXEC_DIR "/portal-mailer",
              "a program"),
    CONF_PATH("mail", "mailer_config", S, mailer_config, SYSCONF_DIR "/mailer.conf", "a file"),
    CONF_NUMBER("mail", "couriers", S, couriers, "2", 1, 32, "a number from 1 to 32"),
    CONF_NUMBER("mail", "batch", S, mail_batch, "50", 1, 500, "a number from 1 to 500"),
    CONF_SPAN("mail", "deadline", S, mail_deadline, "2min", 5, HOUR, "a span from 5s to 1h"),
    CONF_SPANS("mail", "retry", S, mail_retry, "1min 5min 15min 60min", 1, DAY,
               "spans from 1s to 1d; the last repeats"),

    CONF_PATH("server", "socket_dir", S, socket_dir, RUN_DIR, "a directory"),
    CONF_PATH("server", "state_dir", S, state_dir, STATE_DIR, "a directory"),
    CONF_NUMBER("server", "workers", S, workers, "8", 3, 256, "a number from 3 to 256"),
    CONF_NUMBER("server", "connections", S, connections, "1000", 16, 100000,
                "a number from 16 to 100000, a socket"),
    CONF_NUMBER("server", "hashes", S, hashes, "4", 1, 64, "a number from 1 to 64"),
    CONF_SPAN("server", "timeout", S, request_timeout, "12s", 1, MINUTE, "a span from 1s to 1min"),

    CONF_NUMBER("limits", "failing_names_per_client", S, names_per_client, "20", 1, 20,
                "a number from 1 to 20, an hour"),
    CONF_NUMBER("limits", "registrations_per_client", S, registrations_per_client, "20", 1, 1000000,
                "a number, an hour"),
    CONF_NUMBER("limits", "registrations_per_policy", S, registrations_per_policy, "5", 1, 1000,
                "a number, a day"),
    CONF_NUMBER("limits", "mails_per_address", S, mails_per_address, "3", 1, 1000,
                "a number, an hour"),
    CONF_NUMBER("limits", "confirmations_per_entry", S, confirmations_per_entry, "5", 1, 1000,
                "a number, a day"),
    CONF_NUMBER("limits", "unblocks_per_entry", S, unblocks_per_entry, "5", 1, 1000,
                "a number, a day"),

    CONF_SPAN("rules", "link_valid", S, rules.link_valid, "48h", HOUR, 30 * DAY,
              "a span from 1h to 30d"),
    CONF_SPAN("rules", "link_kept", S, rules.link_kept, "30d", DAY, 365 * DAY,
              "a span from 1d to 365d"),
    CONF_SPAN("rules", "mail_undo", S, rules.mail_undo, "7d", DAY, 30 * DAY,
              "a span from 1d to 30d"),
    CONF_SPAN("rules", "mail_life", S, rules.mail_life, "5d", HOUR, 30 * DAY,
              "a span from 1h to 30d"),
    CONF_NUMBER("rules", "posting_days", S, rules.posting_days, "2", 0, 30, "days from 0 to 30"),
    CONF_NUMBER("rules", "delivery_days", S, rules.delivery_days, "3", 0, 30, "days from 0 to 30"),
    CONF_NUMBER("rules", "initial_days", S, rules.initial_days, "30", 1, 365, "days from 1 to 365"),
    CONF_NUMBER("rules", "initial_ceiling_days", S, rules.initial_ceiling, "60", 1, 730,
                "days from 1 to 730"),
    CONF_NUMBER("rules", "free_failures", S, rules.free_failures, "5", 0, 100,
                "a number from 0 to 100"),
    CONF_SPAN("rules", "retry_first", S, rules.retry_first, "30s", 1, HOUR, "a span from 1s to 1h"),
    CONF_SPAN("rules", "retry_most", S, rules.retry_most, "15min", 1, DAY, "a span from 1s to 1d"),
    CONF_NUMBER("rules", "block_failures", S, rules.block_failures, "100", 1, 1000,
                "a number from 1 to 1000"),
    CONF_NUMBER("rules", "letters", S, rules.letters_most, "3", 1, 1000, "a number from 1 to 1000"),
    CONF_SPAN("rules", "letters_window", S, rules.letters_window, "30d", DAY, 365 * DAY,
              "a span from 1d to 365d"),
    CONF_SPAN("rules", "address_wait", S, rules.address_wait, "3d", 0, 30 * DAY,
              "a span from 0s to 30d"),
    CONF_NUMBER("rules", "puk_letter_days", S, rules.puk_days, "0", 0, 30, "days from 0 to 30"),
    CONF_SPAN("rules", "remind", S, rules.remind, "7d", 0, 30 * DAY, "a span from 0s to 30d"),
    CONF_NUMBER("rules", "password_least", S, rules.password_least, "12", 8, 64,
                "characters from 8 to 64"),
    CONF_NUMBER("rules", "password_most", S, rules.password_most, "128", 64, 128,
                "characters from 64 to 128"),
    CONF_SPAN("rules", "code_life", S, rules.code_life, "30min", 5 * MINUTE, 10 * HOUR,
              "a span from 5min to 10h"),
    CONF_NUMBER("rules", "code_tries", S, rules.code_tries, "5", 1, 100, "a number from 1 to 100"),
    CONF_SPAN("rules", "code_wait", S, rules.code_wait, "1h", MINUTE, DAY,
              "a span from 1min to 1d"),
    CONF_NUMBER("rules", "codes_hour", S, rules.codes_hour, "3", 1, 100, "a number from 1 to 100"),
    CONF_NUMBER("rules", "codes_day", S, rules.codes_day, "10", 1, 1000, "a number from 1 to 1000"),
    CONF_SPAN("rules", "login_note", S, rules.login_note, "1d", HOUR, 30 * DAY,
              "a span from 1h to 30d"),
    CONF_SPAN("rules", "session_life", S, session_life, "12h", 5 * MINUTE, 30 * DAY,
              "a span from 5min to 30d"),

    CONF_STRING("passwords", "common", S, common_words,
                SYSCONF_DIR "/passwords/de.txt " SYSCONF_DIR "/passwords/en.txt",
                "files with a word a line, separated by blanks"),
    CONF_STRING("passwords", "words", S, words,
                "/usr/share/dict/ngerman /usr/share/dict/american-english",
                "files with a word a line, separated by blanks"),
};

static bool begins_with(const char *text, const char *const *beginnings)
{
    for (; *beginnings; beginnings++)
        if (strncmp(text, *beginnings, strlen(*beginnings)) == 0)
            return true;
    return false;
}

static int wrong(const char *file, const char *problem)
{
    conf_log(NULL, file, 0, problem);
    return -EINVAL;
}

/* What is wrong with one of the URIs, or NULL. Passwords go to what it names. */
static const char *uri_problem(const char *uri, bool starttls)
{
    LDAPURLDesc *url = NULL;
    const char *problem = NULL;

    if (ldap_url_parse(uri, &url) != LDAP_URL_SUCCESS)
        return "[directory] uri: expected ldapi://…, ldaps://… or ldap://…";
    if (strcmp(url->lud_scheme, "ldap") == 0 && !starttls && url->lud_host && *url->lud_host &&
        !host_is_loopback(url->lud_host))
        problem = "[directory] uri: ldap:// to another machine would show passwords to the "
                  "network: use ldaps://, or set starttls = required";
    ldap_free_urldesc(url);
    return problem;
}

static const char *uris_problem(const struct settings *s)
{
    _cleanup_free_ char *uris = strdup(s->uri);
    const char *problem = uris ? NULL : strerror(ENOMEM);
    char *rest = NULL;

    for (char *uri = uris ? strtok_r(uris, " \t", &rest) : NULL; uri && !problem;
         uri = strtok_r(NULL, " \t", &rest))
        problem = uri_problem(uri, s->starttls);
    return problem;
}

/* What the table can't say. */
static int settings_check(const char *file, const struct settings *s)
{
    static const char *const web[] = {"https://", "http://", NULL};
    static const char *const ldap[] = {"ldapi://", "ldaps://", "ldap://", NULL};
    size_t length = strlen(s->base_url);
    const char *problem = uris_problem(s);

    if (!begins_with(s->base_url, web) || s->base_url[length - 1] == '/' ||
        strpbrk(s->base_url, " \t?#"))
        return wrong(file, "[portal] base_url: expected https://… without a slash at its end");
    if (!begins_with(s->uri, ldap))
        return wrong(file, "[directory] uri: expected ldapi://…, ldaps://… or ldap://…");
    if (problem)
        return wrong(file, problem);
    if (!strchr(s->base, '=') || !strchr(s->decoy_dn, '='))
        return wrong(file, "[directory] base and decoy_dn: expected a DN, ou=…,dc=…");
    if (!strchr(s->admins, '='))
        return wrong(file, "[directory] admins: expected a DN, cn=…,dc=…");
    return 0;
}

/* Beside the customers, as portal-directory makes it. */
static int find_admins(struct settings *s)
{
    const char *above = s->base;
    char *dn = NULL;

    if (*s->admins)
        return 0;
    for (above += strcspn(above, "\\,"); *above == '\\'; above += strcspn(above, "\\,"))
        above += above[1] ? 2 : 1;
    if (asprintf(&dn, "cn=portal-admins,ou=groups%s", above) < 0)
        return -ENOMEM;
    free(s->admins);
    s->admins = dn;
    return 0;
}

int settings_load(const char *file, struct settings **ret)
{
    struct settings *settings = calloc(1, sizeof *settings);
    int r;

    if (!settings)
        return -ENOMEM;
    r = conf_load(file, keys, ELEMENTS(keys), settings, conf_log, NULL);
    if (r == -ENOENT)
        wrong(file, "there is no such file");
    if (r == 0 && (r = find_admins(settings)) == 0)
        r = settings_check(file, settings);
    if (r < 0) {
        settings_free(settings);
        return r;
    }
    *ret = settings;
    return 0;
}

struct settings *settings_free(struct settings *settings)
{
    if (settings)
        conf_clear(keys, ELEMENTS(keys), settings);
    free(settings);
    return NULL;
}
