/* The queue's row of one mail to a customer: made here for whoever sends one (matching, recovery,
   notices). Way in: mail_job_make(). */
#pragma once

#include "manager.h"

/* A mail of topic (compose.h) about entry, to address. id: its id, or NULL for a new one. named:
   the address is confirmed as its owner's, so that the mail may say the name. It expires with what
   it carries: a mailed code's time, or rules.mail_life. Returns 0 and a row that is READY and due
   now, with neither parent nor lease, for job_clear(); or -ENOMEM. */
int mail_job_make(const struct manager *manager, const char *id, const char *topic,
                  const struct entry *entry, const char *address, bool named, time_t now,
                  struct job *ret);

/* Whether one more mail that its customer may not have asked for may go there ([limits] of
   portald.conf): 1, also for one that is in the queue already; 0; or the queue's error. */
int mail_job_allowed(const struct manager *manager, const struct job *mail, time_t now);

/* The same with a day in its payload, which some topics name (compose.h). */
int mail_job_make_dated(const struct manager *manager, const char *id, const char *topic,
                        const struct entry *entry, time_t day, time_t now, struct job *ret);

/* The mail that follows from the job parent: its id follows, too, so that a second run finds the
   first one's row. */
void mail_job_child_id(const struct manager *manager, const char *parent, const char *topic,
                       char ret[static ULID_SIZE]);
int mail_job_child(const struct manager *manager, const char *parent, const char *topic,
                   const struct entry *entry, const char *address, bool named, time_t now,
                   struct job *ret);
