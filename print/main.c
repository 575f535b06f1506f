/* portal-print: takes sealed letters from portald, opens and renders them, and tells portald what
   is on paper. Its key never leaves this process; see portal-print(8). */
#include "config.h"

#include "claim.h"
#include "settings.h"
#include "station.h"

#include "calendar.h"
#include "cleanup.h"
#include "conf-value.h"
#include "log.h"
#include "process.h"

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#define BATCH_SIZE 100
#define EVERY_MOST DAY
#define USAGE      2

struct options {
    const char *config;
    const char *keygen; /* the directory, or NULL */
    const char *batch;  /* a file or directory, or NULL */
    long every;         /* seconds; 0: once */
    long batch_size;
};

static const struct conf_key every_key =
    CONF_SPAN("", "every", struct options, every, NULL, 1, EVERY_MOST, "a span from 1s to 1d");
static const struct conf_key batch_key =
    CONF_NUMBER("", "batch-size", struct options, batch_size, NULL, 1, WIRE_CLAIM_MAX,
                "a number from 1 to 200");

static int usage(FILE *out, int status)
{
    fputs("Usage: portal-print [--config FILE] [--every SPAN] [--batch-size N]\n"
          "           print the letters that wait; with --every, look again after each SPAN\n"
          "       portal-print [--config FILE] --batch FILE|DIR\n"
          "           print batches that \"portalctl letters export\" wrote\n"
          "       portal-print keygen DIR\n"
          "           make station.key and station.pub in DIR\n",
          out);
    return status;
}

static int usage_because(const char *why)
{
    fprintf(stderr, "portal-print: %s\n", why);
    return usage(stderr, USAGE);
}

static int option_value(const struct conf_key *key, const char *value, struct options *o)
{
    if (conf_value_set(key, value, false, o) == 0)
        return -1;
    fprintf(stderr, "portal-print: --%s %s: expected %s\n", key->name, value, key->expected);
    return USAGE;
}

/* One option. Returns the exit status, or -1 to go on. */
static int option_read(int c, struct options *o)
{
    switch (c) {
    case 'c':
        o->config = optarg;
        return -1;
    case 'e':
        return option_value(&every_key, optarg, o);
    case 'b':
        return option_value(&batch_key, optarg, o);
    case 'f':
        o->batch = optarg;
        return -1;
    case 'h':
        return usage(stdout, 0);
    case 'V':
        puts("portal-print " PACKAGE_VERSION);
        return 0;
    default:
        return usage(stderr, USAGE);
    }
}

static int options_read(int argc, char **argv, struct options *o)
{
    static const struct option options[] = {
        {"config", required_argument, NULL, 'c'},
        {"every", required_argument, NULL, 'e'},
        {"batch-size", required_argument, NULL, 'b'},
        {"batch", required_argument, NULL, 'f'},
        {"help", no_argument, NULL, 'h'},
        {"version", no_argument, NULL, 'V'},
        {0},
    };
    int c, status = -1;

    while (status < 0 && (c = getopt_long(argc, argv, "c:h", options, NULL)) != -1)
        status = option_read(c, o);
    if (status >= 0)
        return status;
    if (argc - optind == 2 && strcmp(argv[optind], "keygen") == 0)
        o->keygen = argv[optind + 1];
    else if (argc > optind && strcmp(argv[optind], "keygen") == 0)
        return usage_because("'keygen' needs one DIR");
    else if (argc > optind)
        return usage_because("a batch file or a directory of them is named with --batch");
    else if (o->batch && o->every > 0)
        return usage_because("--batch prints files once and ends: not with --every");
    return -1;
}

static int keygen(const char *directory)
{
    int r = station_keygen(directory);

    if (r == 0) {
        printf("Made in %s:\n"
               "    station.key    secret, stays on this machine: [station] key of print.conf\n"
               "    station.pub    goes to portald's machine: [keys] station of portald.conf, then "
               "restart portald\n"
               "From there portald.pub comes here: [portald] key of print.conf. If letters sealed "
               "to another key still wait, see KEYS in portal-print(8).\n",
               directory);
        return EXIT_SUCCESS;
    }
    log_line(LOG_ERR, "%s: %s", directory,
             r == -EEXIST ? "there is a station.key or station.pub already, which is never "
                            "overwritten"
                          : strerror(-r));
    return EXIT_FAILURE;
}

static int print(const struct options *o)
{
    _cleanup_(settings_clear) struct settings settings = {0};
    _cleanup_(station_free_p) struct station *station = NULL;
    sigset_t signals;
    int r;

    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    if (sigprocmask(SIG_BLOCK, &signals, NULL) < 0 || settings_load(o->config, &settings) < 0 ||
        station_open(&settings, (uint32_t)o->batch_size, &station) < 0)
        return EXIT_FAILURE;
    if (o->batch)
        return station_run_files(station, o->batch) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
    r = station_run(station);
    while (o->every > 0 && !station_stopped(station)) {
        station_wait(station, o->every);
        r = station_run(station);
    }
    return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
    struct options options = {.config = SYSCONF_DIR "/print.conf", .batch_size = BATCH_SIZE};
    int status = options_read(argc, argv, &options), r;

    if (status >= 0)
        return status;
    log_open("portal-print", LOG_INFO);
    r = process_harden();
    if (r < 0) {
        log_line(LOG_ERR, "can't protect this process: %s", strerror(-r));
        return EXIT_FAILURE;
    }
    return options.keygen ? keygen(options.keygen) : print(&options);
}
