/* Every rule of the product, as pure functions of (entry, event, now): no clock, no directory, no
   queue inside, so that each edge is a unit test. A function decides, and appends to changes what
   directory_swap() shall carry out; handlers do the rest. `now` and all times are seconds since
   1970; days are those of the process's zone (calendar.h). */
#pragma once

#include "entry.h"
#include "wire.h"

/* The numbers of the rules, from the configuration (portald.conf(5)). Spans in seconds. */
struct account_rules {
    long link_valid;      /* of a confirmation link, from SMTP acceptance */
    long link_kept;       /* how long used and expired links are still recognised */
    long mail_undo;       /* how long the former address can undo a change, from SMTP acceptance */
    long mail_life;       /* a mail that couldn't be sent is given up after this */
    long posting_days;    /* from printing to the letter box */
    long delivery_days;   /* from there to the customer */
    long initial_days;    /* that the customer then has */
    long initial_ceiling; /* days after issue when it ends whatever happens */
    long free_failures;   /* that cost nothing */
    long retry_first;     /* wait after the first that isn't free; doubles … */
    long retry_most;      /* … up to this */
    long block_failures;  /* in a row: blocked until recovered or unblocked */
    long letters_most;    /* in letters_window */
    long letters_window;
    long address_wait;   /* of a letter to another postal address than the last one; 0: none */
    long puk_days;       /* from the password's letter to the PUK's; 0: one letter has both */
    long remind;         /* so long before the initial password expires; 0: never */
    long password_least; /* characters (code points) of a personal password */
    long password_most;
    long code_life;             /* of a mailed code */
    long code_tries;            /* wrong ones across codes, from one client … */
    long code_wait;             /* … then nothing is verified for so long */
    long codes_hour, codes_day; /* mailed to one customer at most */
    long login_note;            /* portalLastLogin is written again only after this */
};

/* --- Registration --- */

enum account_registration {
    REGISTRATION_NO_MATCH, /* no such policy number, or another birthdate: nothing is sent */
    REGISTRATION_CONFIRM,  /* a link goes to the address */
    REGISTRATION_IN_USE,   /* another customer has confirmed the address: its mailbox is told */
    REGISTRATION_ALREADY,  /* this customer has an account: its confirmed address is told */
    REGISTRATION_LOCKED,   /* nothing is sent; support can see it */
    REGISTRATION_CLOSED,   /* likewise */
};
const char *account_registration_text(enum account_registration r); /* for the queue's history */

/* entry NULL: no such policy number. in_use: another entry has confirmed the address. */
enum account_registration account_register(const struct entry *entry, const char *birth_date,
                                           bool in_use);

struct account_link {
    const char *job;  /* the mail's */
    const char *hash; /* of the token */
    const char *address;
    const struct entry_pending *like; /* whose kind it takes over; NULL: of a registration */
};
struct account_consents {
    const char *privacy_version, *privacy_sha256, *terms_version, *terms_sha256;
};
/* What REGISTRATION_CONFIRM writes: state pending, the link, which may be used until it is given up
   by the mailer plus its time, the consents. */
void account_add_link(const struct account_rules *rules, const struct entry *entry,
                      const struct account_link *link, const struct account_consents *consents,
                      time_t now, struct changes *changes);
/* Another link to an address that asked for one before: the consents stay. The job is noted by the
   caller. */
void account_add_another_link(const struct account_rules *rules, const struct entry *entry,
                              const struct account_link *link, time_t now, struct changes *changes);
/* The relay has accepted the mail at accepted: from then the link's time counts. */
void account_link_accepted(const struct account_rules *rules, const struct entry *entry,
                           const char *job, const char *hash, time_t accepted,
                           struct changes *changes);

/* --- Confirmation --- */

/* Whether nobody confirmed, and the last link ended so long ago that it isn't recognised any more.
 */
bool account_pending_over(const struct account_rules *rules, const struct entry *entry, time_t now);
/* Then the registration is forgotten: state provisioned, without links and consents. */
void account_forget_pending(const struct entry *entry, struct changes *changes);

/* What pressing the link would do: WIRE_LINK_GOOD, _DONE, _EXPIRED, _TAKEN, _OVER or WIRE_UNKNOWN.
   entry NULL: nobody has such a link. in_use: another customer has the address. */
enum wire_verdict account_check_link(const struct entry *entry, const char *hash, bool in_use,
                                     time_t now);
/* Whether it may still confirm something, time apart: a registration that waits, or a change that
   nothing has come in between of, neither lock nor new password nor the end of all sessions. */
bool account_link_open(const struct entry *entry, const struct entry_pending *link);
/* It stays to be recognised, and does nothing any more. */
void account_end_link(const struct entry_pending *link, struct changes *changes);
/* The link itself, or NULL. */
const struct entry_pending *account_find_link(const struct entry *entry, const char *hash);

struct account_secrets {
    const char *password_hash, *puk_hash;
    const char *job;     /* of the letter that carries both, or the password */
    const char *puk_job; /* of the PUK's own; NULL or "": there is none */
};
/* What a good link writes: address, initial password, PUK, state initial, the letter. The ceiling
   is enforced until the letter is printed. */
void account_confirm(const struct account_rules *rules, const struct entry *entry,
                     const struct entry_pending *link, const struct account_secrets *secrets,
                     bool ppolicy, time_t now, struct changes *changes);
/* Whether another letter may be made for this customer. */
bool account_letter_allowed(const struct account_rules *rules, const struct entry *entry,
                            time_t now);

/* --- Letters --- */

/* Whether the letter `job` is still wanted: the entry waits for it and has not moved on. */
bool account_letter_wanted(const struct entry *entry, const char *job, const char *kind);
/* The last second at which an initial password works whose letter is printed now. 0 where the
   letter carries none. */
time_t account_letter_last(const struct account_rules *rules, const struct entry *entry,
                           const char *kind, time_t now);
/* address_hash: ENTRY_ADDRESS_BYTES of the address it went to; NULL when that isn't known, and the
   one before stays the last. */
void account_letter_printed(const struct account_rules *rules, const struct entry *entry,
                            const char *job, const unsigned char *address_hash, time_t printed,
                            struct changes *changes);
/* Posting moves the last day later, never earlier. */
void account_letter_posted(const struct account_rules *rules, const struct entry *entry,
                           const char *job, time_t posted, struct changes *changes);

/* What comes of a customer's own request for a new letter, after the initial password has expired
   (product.md 7). Nothing is sent but to the confirmed address, which must be among what was
   given. */
enum account_renewal {
    RENEWAL_NO_MATCH,     /* policy number, birthdate or confirmed address: nothing is sent */
    RENEWAL_LETTER,       /* a new letter with initial password and PUK, and a mail that says so */
    RENEWAL_VALID,        /* not expired: a mail says until when the present letter works */
    RENEWAL_HAS_PASSWORD, /* a personal one: a mail says so, and how to recover it */
    RENEWAL_RETURNED,     /* the last letter came back from where the next would go */
    RENEWAL_TOO_MANY,     /* letters of late; of these two a mail says to ask support */
    RENEWAL_LOCKED,       /* nothing is sent; support can see it */
    RENEWAL_CLOSED,       /* likewise */
};
const char *account_renewal_text(enum account_renewal r);  /* for the queue's history */
const char *account_renewal_topic(enum account_renewal r); /* of the mail, or NULL */
/* entry NULL: no such policy number. address_hash: of the postal address as it is now. */
enum account_renewal account_renew(const struct account_rules *rules, const struct entry *entry,
                                   const char *birth_date, const char *address,
                                   const unsigned char address_hash[static ENTRY_ADDRESS_BYTES],
                                   time_t now);
/* Until when the present initial password works at least: while its letter isn't printed, as if
   that happened now. */
time_t account_renewal_day(const struct account_rules *rules, const struct entry *entry,
                           time_t now);

/* What voiding the secrets of a letter left. */
enum account_returned {
    RETURNED_NOTHING,  /* they were void already, or others have taken their place */
    RETURNED_PUK,      /* the PUK is void; the personal password isn't touched */
    RETURNED_PASSWORD, /* the initial password is void, and the PUK if the letter had it */
};
/* The letter came back: whoever held it may have read it, so what it carries is void from now on.
   void_secrets: hashes of what nobody knows. */
enum account_returned account_letter_returned(const struct entry *entry, const char *job,
                                              const struct account_secrets *void_secrets,
                                              time_t returned, struct changes *changes);
/* Whether the customer of a letter that came back is to be told: it is the last one, of an account
   whose address is confirmed. Also of one that is marked as returned already. */
bool account_letter_missed(const struct entry *entry, const char *job);
/* Any other step of its life that somebody has seen: "queued" (again), "claimed", "uncertain",
   "withdrawn". What can't follow the present state changes nothing. */
void account_letter_became(const struct entry *entry, const char *job, const char *state,
                           time_t when, struct changes *changes);
/* Whether a letter that is printed now goes to another postal address than the last one did. */
bool account_letter_elsewhere(const struct entry *entry,
                              const unsigned char address_hash[static ENTRY_ADDRESS_BYTES]);
/* By when a letter that was posted then should arrive, for a mail that says so now; 0: there is
   nothing to be told, since it isn't this account's any more, came back, or must be there by
   now. */
time_t account_letter_expected(const struct account_rules *rules, const struct entry *entry,
                               const char *job, time_t posted, time_t now);
/* The letter that brought the initial password, if its customer is to be reminded now that it ends;
   NULL: not. */
const struct entry_letter *account_remind(const struct account_rules *rules,
                                          const struct entry *entry, time_t now);

/* --- Logging in --- */

enum account_attempt {
    ATTEMPT_VERIFY,  /* check the password: of the entry, or of the decoy where there is none to log
                        in to */
    ATTEMPT_WAIT,    /* a throttle holds: nothing is verified */
    ATTEMPT_BLOCKED, /* likewise, until recovered or unblocked */
};
/* failures: the entry's, or the table's for a name that doesn't exist. *ret_wait: seconds left,
   with ATTEMPT_WAIT. */
enum account_attempt account_attempt(const struct account_rules *rules,
                                     const struct entry_failures *failures, time_t now,
                                     time_t *ret_wait);
/* Whether the entry has a password to be verified at all; otherwise the decoy's is. */
bool account_has_login(const struct entry *entry);
/* The counters after one more failure. */
struct entry_failures account_count_failure(const struct account_rules *rules,
                                            const struct entry_failures *failures, time_t now);
void account_write_failures(enum entry_factor factor, const struct entry_failures *failures,
                            struct changes *changes);

/* The verdict on a login whose password was right; WIRE_CODE_NEEDED is not among them: see
   account_needs_code(). */
enum wire_verdict account_login(const struct entry *entry, time_t now);
/* The verdict on the account, password apart: what acct_mgmt says. entry NULL: unknown. */
enum wire_verdict account_access(const struct account_rules *rules, const struct entry *entry,
                                 time_t now);
/* Whether this login is to be written down, and the change. */
bool account_login_due(const struct account_rules *rules, const struct entry *entry, time_t now);

/* All sessions end, and the clients that the account knows are forgotten. */
void account_end_sessions(const struct entry *entry, struct changes *changes);

/* --- The second factor --- */

/* Whether a login needs a TOTP code, too. */
bool account_needs_code(const struct entry *entry);
/* Whether TOTP may be set up: there is a personal password, and none yet. */
bool account_may_enroll(const struct entry *entry);
/* A code was right: its step is accepted once, ever, by the swap that carries this. Whose failures
   are over then, the entry's or a known client's, is the handler's to write. */
void account_accept_step(uint64_t step, struct changes *changes);
/* TOTP is set up, confirmed by the code of step. */
void account_set_totp(const void *sealed, size_t size, uint64_t step, struct changes *changes);
/* Secret, last step and failures go. */
void account_drop_totp(struct changes *changes);

/* --- PUK and mailed code --- */

/* Whether a PUK does anything: only once there is a personal password. */
bool account_may_use_puk(const struct entry *entry);
/* How its customer stands with the PUK. */
enum account_puk {
    ACCOUNT_PUK_NONE, /* there is none that does anything: it is void, came back, or is blocked */
    ACCOUNT_PUK_AWAITED, /* it is in a letter of its own, which can't have arrived yet */
    ACCOUNT_PUK_USABLE,
};
/* entry: with its secrets. */
enum account_puk account_puk(const struct account_rules *rules, const struct entry *entry,
                             time_t now);
/* The PUK was used: puk_hash takes its place, job (or "") is the letter that carries the new
   one. */
void account_replace_puk(const struct account_rules *rules, const struct entry *entry,
                         const char *puk_hash, const char *job, time_t now,
                         struct changes *changes);
/* A code was mailed by job; tries go on counting across codes. */
void account_set_code(const struct account_rules *rules, const struct entry *entry,
                      const char *hash, const char *job, time_t now, struct changes *changes);
/* Whether codes may be tried now: ATTEMPT_VERIFY, or ATTEMPT_WAIT and *ret_wait seconds. */
enum account_attempt account_attempt_code(const struct account_rules *rules,
                                          const struct entry *entry, time_t now, time_t *ret_wait);
/* One wrong code more. */
void account_count_code(const struct account_rules *rules, const struct entry *entry, time_t now,
                        struct changes *changes);
/* A recovery's new password: account_set_password() and all that ends with it. The PUK is
   account_replace_puk()'s. */
void account_recover(const struct entry *entry, const char *hash, bool ppolicy, time_t now,
                     struct changes *changes);

/* The entry's last changes staged this job (portal.schema, portalJob); "" adds nothing. */
void account_note_job(const char *job, struct changes *changes);

/* --- What administrators and support wish --- */

enum account_wish {
    WISH_LOCK,
    WISH_UNLOCK,
    WISH_UNBLOCK,
    WISH_TOTP_OFF,
    WISH_RESTART,
    WISH_LETTER,
    WISH_CONFIRMATION,
    WISH_CLOSE,
    WISH_REOPEN,
    WISH_FORGET,
    WISHES,
};
const char *account_wish_word(enum account_wish wish); /* "lock", "totp-off", … */
int account_wish_read(const char *word);               /* or -EINVAL */
/* Why the wish can't be fulfilled, for people; NULL where it can. */
const char *account_wish_refused(const struct entry *entry, enum account_wish wish);
/* The kind of letter that the wish needs: "access", "puk", or NULL. */
const char *account_wish_letter(const struct entry *entry, enum account_wish wish);
struct account_wish_means {
    const char *reason;   /* lock: who and why; or NULL */
    const char *job;      /* of the letter; "" without one */
    const char *puk_job;  /* of the PUK's own; NULL or "": there is none */
    const char *puk_hash; /* of the letter … */
    const char *password_hash;
    const struct account_link *link; /* confirmation: the new one */
    char *const *others;             /* forget: attributes that aren't ours, NULL-terminated */
    char *const *classes;            /* … and object classes to be dropped; or NULL */
    bool ppolicy;
};
void account_grant_wish(const struct account_rules *rules, const struct entry *entry,
                        enum account_wish wish, const struct account_wish_means *means, time_t now,
                        struct changes *changes);

/* Forgets whose entry it is. others, classes: as account_wish_means has them. */
void account_forget(const struct entry *entry, char *const *others, char *const *classes,
                    bool ppolicy, struct changes *changes);

/* What somebody wrote into portalRequest, understood: a word and, behind some, a reason. */
#define REQUEST_WORD_SIZE   32
#define REQUEST_REASON_SIZE 400
struct account_request {
    enum account_wish wish;
    char word[REQUEST_WORD_SIZE];     /* the verb, or what was written instead of one */
    char reason[REQUEST_REASON_SIZE]; /* "": none */
    const char *why;                  /* it is no wish, for people; NULL where it is one */
};
void account_read_request(const struct entry_request *request, struct account_request *ret);
/* The one to be done first: in the order of the wishes above, what isn't understood at the end.
   NULL: there is none. */
const struct entry_request *account_next_request(const struct entry *entry);
/* Whether this very value is still there. */
bool account_has_request(const struct entry *entry, const struct entry_request *request);
/* Takes the request away and leaves the result: "TIME WORD ok", or, with why, "failed: …". Only the
   newest ACCOUNT_RESULTS_MOST are kept. */
#define ACCOUNT_RESULTS_MOST 8
void account_answer_request(const struct entry *entry, const struct entry_request *request,
                            const char *word, const char *why, time_t now, struct changes *changes);

/* --- Personal password --- */

enum account_password {
    PASSWORD_GOOD,
    PASSWORD_TOO_SHORT,
    PASSWORD_TOO_LONG,
    PASSWORD_LIKE_A_CODE, /* sixteen symbols of the letters' alphabet */
    PASSWORD_OWN_DATA,    /* holds the customer's name, address, birthdate or policy number */
    PASSWORD_REPEATED,    /* one character, or few, over and over */
    PASSWORD_THE_SAME,    /* as the one in force */
    PASSWORD_USED,        /* one of the last five */
    PASSWORD_COMMON,      /* a word, a name, a row of keys: quality.h */
    PASSWORD_TOO_SIMPLE,  /* what libpwquality says */
};
/* password: normalized. PASSWORD_THE_SAME, _USED, _COMMON and _TOO_SIMPLE are the handler's to find
   out. */
enum account_password account_check_password(const struct account_rules *rules,
                                             const struct entry *entry, const char *password);
void account_set_password(const struct entry *entry, const char *hash, bool ppolicy, time_t now,
                          struct changes *changes);

/* --- An address that portald didn't change --- */

/* In portalConfirmedMail: that there is no address was told, too. */
#define ACCOUNT_NO_MAIL "-"
/* Whether somebody else has changed mail since portald confirmed it or told of it: then both
   addresses are to be told. Only of accounts with a login; a malformed entry's isn't known. */
bool account_mail_changed(const struct entry *entry);
/* They are told: sessions end, known clients and mailed codes are void, and this address counts as
   the customer's from now on. */
void account_accept_mail(const struct entry *entry, struct changes *changes);
/* A login is written down; and the address that was logged in with, where none is on record yet. */
void account_note_login(const struct entry *entry, time_t when, struct changes *changes);

/* --- Another e-mail address, by the customer --- */

/* The address that waits for its confirmation, or NULL. */
const char *account_new_mail(const struct entry *entry, time_t now);

enum account_move {
    MOVE_GOOD,
    MOVE_NOT,       /* there is no personal password, or the account is locked or closed */
    MOVE_SAME,      /* it is the account's address already */
    MOVE_TOO_OFTEN, /* so many changes can still be undone */
};
#define ACCOUNT_FORMERS_MOST 8
enum account_move account_may_move(const struct entry *entry, const char *address, time_t now);
/* The link that confirms it takes the place of any that waits. */
void account_wish_move(const struct account_rules *rules, const struct entry *entry,
                       const struct account_link *link, time_t now, struct changes *changes);

#define ACCOUNT_NO_TOTP "-"
/* Who can undo it: job is the mail that tells the present address; totp tells the second factor
   from others, ACCOUNT_NO_TOTP where there is none. */
struct account_undoer {
    const char *job, *totp;
};
/* What a good link of a change writes: the address; the one before with its way back; sessions,
   known clients and mailed codes end. The password stays. */
void account_move(const struct account_rules *rules, const struct entry *entry,
                  const struct entry_pending *link, const struct account_undoer *undoer, time_t now,
                  struct changes *changes);
/* The relay has accepted the mail to the former address at accepted: from then its time counts. */
void account_move_told(const struct account_rules *rules, const struct entry *entry,
                       const char *job, time_t accepted, struct changes *changes);
/* The change that the mail job told of, if it can still be undone; else NULL. Not once somebody
   else has changed the address, nor after a restart. */
const struct entry_former *account_undoable(const struct entry *entry, const char *job, time_t now);
/* Whoever changed the address knew the password, so that is void from now on, with all that was
   begun since, and a second factor that was set up since; totp: of the one there is now. The PUK
   gets fresh tries: with it, and a code that is mailed to this address, the customer comes back.
   void_hash: of what nobody knows. */
void account_undo(const struct entry *entry, const struct entry_former *former,
                  const char *void_hash, const char *totp, bool ppolicy, time_t now,
                  struct changes *changes);
/* Whether the address was this customer's, and may be again. */
bool account_had_mail(const struct entry *entry, const char *address, time_t now);
/* Whether there are former addresses whose time is over; and forgets them. */
bool account_formers_over(const struct entry *entry, time_t now);
void account_forget_formers(const struct entry *entry, time_t now, struct changes *changes);

/* --- "This wasn't me" --- */

enum account_not_me {
    NOT_ME_UNDO,    /* a change of address that can be undone: account_undoable() */
    NOT_ME_UNLINK,  /* the link to a new address that is still open: account_end_link() */
    NOT_ME_WIPE,    /* no personal password ever: the registration is wiped */
    NOT_ME_LOCK,    /* afterwards: locked, all sessions end */
    NOT_ME_NOTHING, /* done already, or nothing to protect: support is told all the same */
};
/* What else than the first two. topic: the mail's or letter's. elsewhere: the mail went to another
   address than the entry's. Whoever gets a confirmation mail for somebody else's policy number can
   undo that registration with it, but not what was confirmed from another mailbox since. The rule
   is a table there. */
enum account_not_me account_not_me(const struct entry *entry, const char *topic, bool elsewhere);
void account_wipe(const struct entry *entry, bool ppolicy, time_t now, struct changes *changes);
void account_lock(const struct entry *entry, const char *reason, struct changes *changes);

/* Whether the LDAP write that job belongs to has happened: its id travels in it. */
bool account_has_job(const struct entry *entry, const char *job);
/* Changes of nothing but the ids of jobs that are no longer staged. */
void account_job_done(const struct entry *entry, const char *job, struct changes *changes);
