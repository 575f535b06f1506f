/* Couriers: threads of portald that claim mails, compose them, hand batches to a portal-mailer
   process (which serves for a while, and keeps its session with the relay open), and record each
   result as it comes. They never touch the directory: an accepted confirmation is marked untold,
   and the clerk tells the directory from when its 48 hours count. */
#pragma once

#include "compose.h"
#include "queue.h"

struct courier_options {
    unsigned couriers;          /* threads, each with a mailer of its own */
    unsigned batch;             /* most mails a batch */
    const char *mailer_socket;  /* portal-mailer.socket, or NULL */
    const char *mailer_program; /* where there is no such socket: exec'd on a socketpair, as
                                   "program --config FILE" */
    const char *mailer_config;
    long deadline; /* seconds for a batch; a mailer that overruns it is given up (and killed, where
                      it is our child) */
    const long *retry; /* seconds after the 1st, 2nd, … failed attempt, ±20 %; the last repeats */
    size_t retries;
};

struct couriers;
/* The strings of options, compose and queue stay the caller's, until couriers_stop(). */
int couriers_start(const struct courier_options *options, const struct compose *compose,
                   struct queue *queue, struct couriers **ret);
/* Stops after the batches under way, or within seconds: what has no result by then is deferred. */
struct couriers *couriers_stop(struct couriers *couriers);
