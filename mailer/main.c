/* portal-mailer: takes mails from a courier of portald on its standard input, a connected socket,
   hands them to the SMTP relay, and tells on the same socket what became of each. It lives for one
   connection: libesmtp can block without limit and isn't trusted with more. */
#include "config.h"

#include "session.h"

#include "cleanup.h"
#include "log.h"
#include "process.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>

static int usage(FILE *out, int status)
{
    fputs("Usage: portal-mailer [--config FILE]\n"
          "Sends mails for portald, which starts it; see portal-mailer(8).\n",
          out);
    return status;
}

/* The configuration file, or NULL and the exit status. */
static const char *options_read(int argc, char **argv, int *ret_status)
{
    static const struct option options[] = {
        {"config", required_argument, NULL, 'c'},
        {"help", no_argument, NULL, 'h'},
        {"version", no_argument, NULL, 'V'},
        {0},
    };
    const char *config = SYSCONF_DIR "/mailer.conf";
    int c;

    while ((c = getopt_long(argc, argv, "c:h", options, NULL)) != -1)
        switch (c) {
        case 'c':
            config = optarg;
            break;
        case 'h':
            *ret_status = usage(stdout, 0);
            return NULL;
        case 'V':
            puts("portal-mailer " PACKAGE_VERSION);
            *ret_status = 0;
            return NULL;
        default:
            *ret_status = usage(stderr, 2);
            return NULL;
        }
    if (optind == argc)
        return config;
    *ret_status = usage(stderr, 2);
    return NULL;
}

/* One session after the other, as long as the courier has mails. */
static int mailer_send(const struct settings *settings, struct tls *tls)
{
    _cleanup_(batch_clear) struct batch batch = {.fd = STDIN_FILENO};
    struct batch_mail *mail;
    int r = 1;

    while (r > 0) {
        if (!batch.first)
            r = batch_next(&batch, true, &mail);
        if (r > 0 && (r = session_run(&batch, settings, tls)) == 0)
            r = 1;
    }
    return r;
}

static int mailer_run(const struct settings *settings)
{
    struct tls tls = {0};
    int r = 0;

    if (settings->starttls == STARTTLS_REQUIRED) {
        r = tls_open(&tls, settings->host, settings->ca_file);
        if (r == -EINVAL)
            log_line(LOG_ERR, "%s holds no CA certificates",
                     settings->ca_file ? settings->ca_file : "the system's store");
    }
    if (r >= 0)
        r = mailer_send(settings, tls.context ? &tls : NULL);
    tls_close(&tls);
    return r;
}

int main(int argc, char **argv)
{
    _cleanup_(settings_clear) struct settings settings = {0};
    int status = EXIT_FAILURE, r;
    const char *config = options_read(argc, argv, &status);

    if (!config)
        return status;
    log_open("portal-mailer", LOG_INFO);
    /* libesmtp reads certificates and settings from there, and an unreadable one ends TLS. */
    if (setenv("HOME", "/nonexistent", 1) < 0 || unsetenv("XDG_CONFIG_DIR") < 0)
        return EXIT_FAILURE;
    r = process_harden();
    if (r < 0)
        log_line(LOG_ERR, "can't protect this process: %s", strerror(-r));
    if (r < 0 || settings_load(config, &settings) < 0)
        return EXIT_FAILURE;
    r = mailer_run(&settings);
    if (r < 0)
        log_line(LOG_ERR, "the batch was given up: %s", strerror(-r));
    return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
