/* What the daemons' mains have in common: signals, the service manager's notifications and
   watchdog, and a tick a second. */
#pragma once

struct daemon_calls {
    /* SIGHUP: read the configuration again. 0, also where the old one stays in force; an error ends
       the daemon. */
    int (*reload)(void *userdata);
    void (*tick)(void *userdata);   /* once a second */
    void (*status)(void *userdata); /* every few seconds: sd_notify("STATUS=…") */
};

/* Before any thread is started: SIGTERM, SIGINT and SIGHUP are for daemon_loop() alone. */
void daemon_block_signals(void);
/* Says READY, runs until SIGTERM or SIGINT. Returns 0 or a negative errno. */
int daemon_loop(const char *name, const struct daemon_calls *calls, void *userdata);
