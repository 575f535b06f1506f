/* The main loop of portald and portal-web; daemon_loop() is the way in. */
#include "config.h"

#include "daemon.h"

#include "cleanup.h"
#include "log.h"
#include "messages.h"

#include <signal.h>
#include <stdbool.h>
#include <systemd/sd-daemon.h>
#include <systemd/sd-event.h>
#include <time.h>

#define TICK_USEC    1000000ull
#define STATUS_TICKS 5

struct daemon {
    const struct daemon_calls *calls;
    void *userdata;
    sd_event *event;
    unsigned ticks;
};

static const int handled[] = {SIGTERM, SIGINT, SIGHUP};

void daemon_block_signals(void)
{
    sigset_t set;

    sigemptyset(&set);
    for (size_t i = 0; i < ELEMENTS(handled); i++)
        sigaddset(&set, handled[i]);
    sigprocmask(SIG_BLOCK, &set, NULL);
}

static int on_stop(sd_event_source *source, const struct signalfd_siginfo *info, void *userdata)
{
    (void)info;
    (void)userdata;
    sd_notify(false, "STOPPING=1");
    return sd_event_exit(sd_event_source_get_event(source), 0);
}

static void notify_reloading(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    sd_notifyf(false, "RELOADING=1\nMONOTONIC_USEC=%llu",
               (unsigned long long)now.tv_sec * 1000000ull +
                   (unsigned long long)now.tv_nsec / 1000ull);
}

static int on_reload(sd_event_source *source, const struct signalfd_siginfo *info, void *userdata)
{
    const struct daemon *d = userdata;
    int r;

    (void)info;
    notify_reloading();
    r = d->calls->reload(d->userdata);
    if (r < 0)
        return sd_event_exit(sd_event_source_get_event(source), r);
    sd_notify(false, "READY=1");
    return 0;
}

static int on_tick(sd_event_source *source, uint64_t usec, void *userdata)
{
    struct daemon *d = userdata;

    (void)usec;
    d->calls->tick(d->userdata);
    if (++d->ticks % STATUS_TICKS == 0)
        d->calls->status(d->userdata);
    return sd_event_source_set_time_relative(source, TICK_USEC);
}

static int make_loop(struct daemon *d)
{
    sd_event_source *timer = NULL;
    int r;

    if ((r = sd_event_default(&d->event)) < 0 || (r = sd_event_set_watchdog(d->event, true)) < 0 ||
        (r = sd_event_add_signal(d->event, NULL, SIGTERM, on_stop, d)) < 0 ||
        (r = sd_event_add_signal(d->event, NULL, SIGINT, on_stop, d)) < 0 ||
        (r = sd_event_add_signal(d->event, NULL, SIGHUP, on_reload, d)) < 0 ||
        (r = sd_event_add_time_relative(d->event, &timer, CLOCK_BOOTTIME, TICK_USEC, 0, on_tick,
                                        d)) < 0)
        return r;
    r = sd_event_source_set_enabled(timer, SD_EVENT_ON);
    sd_event_source_set_floating(timer, true);
    sd_event_source_unref(timer);
    return r;
}

int daemon_loop(const char *name, const struct daemon_calls *calls, void *userdata)
{
    struct daemon d = {.calls = calls, .userdata = userdata};
    int r = make_loop(&d);

    if (r == 0) {
        sd_notify(false, "READY=1");
        log_event(LOG_INFO, MESSAGE_STARTED, NULL, "%s %s is ready", name, PACKAGE_VERSION);
        r = sd_event_loop(d.event);
        log_event(LOG_INFO, MESSAGE_STOPPED, NULL, "%s stops", name);
    }
    sd_event_unref(d.event);
    return r;
}
