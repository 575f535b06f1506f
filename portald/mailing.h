/* One conversation with a portal-mailer: mails go there, results come back (mailer/protocol.h). Way
   in: mailing_open(), then mailing_run(). Knows neither queue nor templates. */
#pragma once

#include "cleanup.h"
#include "compose.h"
#include "mailer/protocol.h"

#include <stdbool.h>
#include <stddef.h>

struct mailing;

struct mailing_target {
    const char *socket;  /* portal-mailer.socket; NULL or "": program is started instead */
    const char *program; /* … as "program --config FILE", on a socketpair */
    const char *config;
};

/* Connects or starts. Returns 0 or a negative errno. */
int mailing_open(const struct mailing_target *target, struct mailing **ret);
/* Ends the conversation. A mailer that is our child is given a moment, then killed, and reaped. */
struct mailing *mailing_close(struct mailing *mailing);
DEFINE_CLEANUP(struct mailing, mailing_close)

/* Whether another round of mailing_add() and mailing_run() is possible: the mailer is there and has
   said nothing that it wasn't asked for. */
bool mailing_alive(const struct mailing *mailing);

/* Queues a mail to be sent by mailing_run(). Returns 0, -EMSGSIZE, -ENOMEM. */
int mailing_add(struct mailing *mailing, const char *job, const struct mail *mail);

struct mailing_result {
    char job[ULID_SIZE];
    enum mailer_result result;
    unsigned status; /* SMTP reply code, 0 where none came */
    char text[MAILER_TEXT_SIZE];
};
#define MAILING_TOGETHER 64
/* Called with results as they come, those that came together at once, at most MAILING_TOGETHER;
   returns false when no more are wanted. */
typedef bool mailing_heard(void *userdata, const struct mailing_result *results, size_t count);

/* Sends what was added and hears results until heard() has enough, the mailer is done or gone, or
   deadline (of clock_monotonic_ms()) has come. Once stop, a descriptor, is readable, only a few
   seconds are left: a relay that stalls mustn't hold up a stop or a reload. Returns 1 when heard()
   had enough; 0 when the mailer ended; -ETIMEDOUT; -EPROTO when what came back makes no sense; or
   what the socket said. */
int mailing_run(struct mailing *mailing, int64_t deadline, int stop, mailing_heard *heard,
                void *userdata);
