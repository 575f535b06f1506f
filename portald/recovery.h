/* A forgotten password, behind the answers that recover.c gives: the request as it lies in the
   queue, the code that the clerk mails, and what the new password brings with it. */
#pragma once

#include "letter.h"
#include "login.h"
#include "notice.h"

/* The topic of a request (a JOB_REGISTRATION), and of the mail with the code. */
#define RECOVERY_TOPIC "code"

/* Who asks for a code, and from where. */
struct recovery_request {
    char name[MAIL_ADDRESS_SIZE];
    char client[THROTTLE_CLIENT_SIZE], known_as[THROTTLE_CLIENT_SIZE]; /* handlers.h */
};
/* To and from a job's payload: 0, -ENOMEM, -EBADMSG. */
int recovery_write(const struct recovery_request *request, uint8_t **ret, size_t *ret_size);
int recovery_read(const uint8_t *payload, size_t size, struct recovery_request *ret);

/* Carries out one claimed request to its end: mails a code where there is an account to recover.
   Each step may be run again. Returns 0, or an error after which it is to be tried again later. */
int recovery_run(const struct manager *manager, struct directory *directory, const struct job *job,
                 long long deadline);

/* The tries of codes start over, of all clients (recover.c). */
void recovery_unblock(const struct manager *manager, const char *name, time_t now);

/* What a recovery's new password brings with it: the next PUK with its letter, and the notice that
   this one was used. entry: whole. The caller wipes the letter. 0 or puk_replace()'s errors, and
   nothing is staged then. */
struct recovery_effects {
    struct letter letter;
    struct notice notice;
};
int recovery_stage(const struct manager *manager, const struct entry *entry, time_t now,
                   long long deadline, struct recovery_effects *ret);
/* The changes: account_recover() and all that was staged. */
void recovery_apply(const struct manager *manager, const struct entry *entry,
                    const struct recovery_effects *effects, const char *password_hash, time_t now,
                    struct changes *changes);
/* The write has happened, or certainly not; where that isn't known, don't call. */
void recovery_settle(const struct manager *manager, const struct recovery_effects *effects,
                     bool written);
/* What the customer is told; letter: whether one with the next PUK is on its way. */
const char *recovery_text(const char *language, bool letter);
