// clang-format off
/* The protocol between portald and everybody who talks to it, whole.

   One connection carries one request and one reply, then both ends close. A frame is

       offset  size
            0     4  N, how many bytes follow this field: at least 2, at most WIRE_REQUEST_MAX - 4
                     towards portald and WIRE_REPLY_MAX - 4 from it
            4     1  WIRE_VERSION
            5     1  enum wire_type
            6   N-2  fields, one behind the other: tag (2), length (4), that many bytes

   Integers are big-endian. Strings are UTF-8 without a terminating NUL; one with a NUL inside, or
   longer than its limit below, makes the frame invalid. A tag may come once, but for those marked
   "many". A receiver passes over tags that it doesn't know, and refuses a version or type that it
   doesn't.

   Which requests a socket takes depends on the socket alone (enum wire_socket), never on who the
   peer seems to be. What is refused at that level is answered with WIRE_ERROR.

   request                   fields in                   fields of its reply
   sockets
   ------------------------  --------------------------  ----------------------------------------
   WIRE_AUTHENTICATE         USER SERVICE LANGUAGE       WIRE_VERDICT: VERDICT TEXT;
   api, account, web         PASSWORD [MODE] [CODE]      on success: ACCOUNT UID [GRANT], and
                             [CLIENT] [PURPOSE]          TIME of the last login, if any;
                                                         with CODE_NEEDED: STATE
   WIRE_SECOND               USER SERVICE LANGUAGE       WIRE_VERDICT, as AUTHENTICATE
   api, account, web         STATE CODE [CLIENT]
   WIRE_ACCOUNT              USER SERVICE LANGUAGE       WIRE_VERDICT: VERDICT TEXT, and UID
   account                   [CLIENT]                    where all is well
   WIRE_CHANGE               USER SERVICE LANGUAGE       WIRE_VERDICT: VERDICT TEXT;
   api, account, web         GRANT PASSWORD (the new     on success: UID [GRANT]; after a
                             one) [CLIENT] [PURPOSE]     recovery also ACCOUNT, or instead of
                                                         both STATE where a code is still
                                                         needed to log in
   WIRE_ENROLL               USER SERVICE LANGUAGE       WIRE_VERDICT: VERDICT TEXT;
   api, account, web         GRANT                       on success: URI QR STATE. Changes
                                                         nothing
   WIRE_ENROLL_CODE          USER SERVICE LANGUAGE       WIRE_VERDICT: VERDICT TEXT; WRONG:
   api, account, web         STATE CODE [CLIENT]         the same STATE may be tried again;
                                                         on success on the web: [SESSION]
   WIRE_FORGOTTEN            USER SERVICE LANGUAGE       WIRE_VERDICT: VERDICT TEXT, alike for
   api, account, web         [CLIENT]                    every name; mails a code
   WIRE_RECOVER              USER SERVICE LANGUAGE       WIRE_VERDICT: VERDICT TEXT;
   api, account, web         CODE PUK [CLIENT]           on success: GRANT
   WIRE_REGISTER             POLICY BIRTHDATE            WIRE_VERDICT: VERDICT TEXT, and FIELD,
   web, control              MAIL_ADDRESS MAIL_AGAIN     the tag of the field that is wrong
                             PRIVACY TERMS LANGUAGE
                             [CLIENT]
   WIRE_LETTER_WANTED        POLICY BIRTHDATE            WIRE_VERDICT: VERDICT TEXT, and FIELD,
   web, control              MAIL_ADDRESS LANGUAGE       as REGISTER
                             [CLIENT]
   WIRE_SITE                                             WIRE_REPORT: JSON, as below
   web
   WIRE_SESSION              SESSION LANGUAGE            WIRE_VERDICT: VERDICT TEXT;
   web                                                   on success: UID LOGIN
   WIRE_PROFILE              SESSION LANGUAGE            WIRE_VERDICT: VERDICT TEXT;
   web                                                   on success: JSON, as below
   WIRE_END_SESSIONS         SESSION LANGUAGE            WIRE_VERDICT: VERDICT TEXT
   web
   WIRE_NEW_MAIL             USER SERVICE LANGUAGE       WIRE_VERDICT: VERDICT TEXT, and FIELD,
   web                       GRANT MAIL_ADDRESS          as REGISTER
                             MAIL_AGAIN [CLIENT]
   WIRE_TOTP_OFF             USER SERVICE LANGUAGE       WIRE_VERDICT: VERDICT TEXT
   web                       GRANT [CLIENT]
   WIRE_QUALITY              USER SERVICE LANGUAGE       WIRE_VERDICT: VERDICT (OK, REFUSED)
   web                       GRANT PASSWORD              TEXT; changes nothing
   WIRE_LINK_AGAIN           TOKEN LANGUAGE [CLIENT]     WIRE_VERDICT: VERDICT TEXT
   web
   WIRE_LINK                 TOKEN LANGUAGE              WIRE_VERDICT: VERDICT TEXT;
   web, control                                          changes nothing
   WIRE_CONFIRM              TOKEN LANGUAGE              WIRE_VERDICT: VERDICT TEXT
   web, control
   WIRE_REFERENCE            REFERENCE_CODE LANGUAGE     WIRE_VERDICT: VERDICT TEXT KIND;
   web, control                                          changes nothing
   WIRE_NOT_ME               REFERENCE_CODE LANGUAGE     WIRE_VERDICT: VERDICT TEXT
   web, control
   WIRE_CLAIM                BATCH COUNT                 WIRE_LETTERS: SIGNATURE MANIFEST
   print                                                 LETTER (many)
   WIRE_PRINTED              BATCH MANIFEST              WIRE_VERDICT: VERDICT TEXT
   print
   WIRE_CONTROL              JSON: {"verb": …, …}        WIRE_REPORT: JSON, and EXIT, the exit
   control, support                                      status
   WIRE_BOUNCE               REFERENCE_CODE REPORTED     WIRE_VERDICT: VERDICT TEXT
   api, control              CODE TEXT RECIPIENT
   WIRE_BOUNCE is what a delivery status notification said of the mail whose return path had
   REFERENCE_CODE, which speaks for itself: hence api. CODE is its status ("5.1.1"), TEXT its
   diagnostic, RECIPIENT whom it names, to be left out of what is kept.

   PURPOSE is 1 when the authentication is for changing the password: GRANT then comes with a
   password that would be accepted for login, too. It is 2 when TOTP is to be set up: GRANT then
   comes where TOTP isn't set up yet. Without it GRANT comes only with an initial password.

   MODE is enum wire_mode. In steps (the default) a right password of an account with TOTP is
   answered with CODE_NEEDED, and the code goes with STATE into WIRE_SECOND. In the other two modes
   everything comes at once: together in PASSWORD and CODE (absent means empty), or combined in
   PASSWORD, the code's six digits behind the password. Then neither verdict nor text nor count
   tells which of the two was wrong; an account without TOTP ignores CODE and takes a combined
   password whole. CODE may be the PUK instead: it removes TOTP.

   STATE is sealed by portald: what has been proven so far, bound to user and service, for 10
   minutes. Only the request that it is listed with takes it.

   QR is the QR code of URI (otpauth://) as lines of text, light modules drawn as blocks.

   WIRE_REGISTER, WIRE_LETTER_WANTED and WIRE_FORGOTTEN are answered once they are durably queued;
   whether the details match, or the name exists, is found out afterwards. WIRE_LETTER_WANTED is for
   customers whose initial password has expired; MAIL_ADDRESS is their confirmed one. CODE of
   WIRE_RECOVER is the eight digits that were mailed.

   VERDICT and ACCOUNT are one byte, enum wire_verdict. TEXT is for the person, in LANGUAGE, one
   line or several, without control characters but newlines. UID is the entry's opaque uid. GRANT is
   sealed by portald: user, service, what tells the password in force from others, and an end, 10
   minutes off. WIRE_CHANGE and WIRE_ENROLL take it, and what is said below. After a recovery it says
   that, too: the change then voids the PUK, and a letter with a new one is queued.

   SESSION is sealed by portald: who has logged in and by which password and session epoch, for the
   longest time that a session may last. On the web socket it comes with every success that lets
   somebody in for good: AUTHENTICATE or SECOND with ACCOUNT OK, whatever their PURPOSE, and CHANGE
   where no code is needed any more. WIRE_SESSION answers GRANT_OVER once it has ended: by time, a
   new password, a lock, or WIRE_END_SESSIONS, which ends all of the account's. Setting up TOTP ends
   those that were begun without a code; ENROLL_CODE gives whoever did it a new one. It proves
   nothing to any other request.

   DEVICE, on the web socket with any request that has CLIENT: what the person's browser is known
   by, a random string of 32 hexadecimal digits. There it takes CLIENT's place in what makes a
   client known to an account, and in what STATE is bound to; CLIENT goes on to be what the limits
   of an address count. Without it nobody is known there. Another string, or another socket: refused.

   GRANT of an authentication with PURPOSE 1 also serves WIRE_NEW_MAIL and WIRE_TOTP_OFF.
   WIRE_QUALITY takes any that WIRE_CHANGE would, and says what that would say of the password, but
   for whether it is the one in force or one of the last five. WIRE_NEW_MAIL mails a link to the new
   address, which WIRE_CONFIRM takes like any other; a mail to the old one says so once it is done,
   with a reference that undoes it for 7 days. KIND of WIRE_REFERENCE says what WIRE_NOT_ME would do:
   "account" protects it, "mail" undoes a change of address. WIRE_LINK_AGAIN mails a new link to the
   address of one that has expired, and is answered alike whether it does.

   JSON of WIRE_SITE: {"company", "support", "privacy": {"version", "text"}, "terms": {…},
   "password": {"least", "most"}, "link_hours", "code_minutes", "initial_days", "session_seconds"}.
   JSON of WIRE_PROFILE: {"name", "mail", "address": [line, …], "policies": [number, …],
   "birthdate", "language", "state", "totp", "password_changed", "last_login", "puk": "usable" |
   "on its way" | "none", "new_mail": address that waits for its confirmation or null, "consents":
   [{"text": "privacy" | "terms", "version", "time"}, …]}; times in seconds since 1970 or null.

   BATCH is a ULID that the print station makes and keeps before it asks: asking again with the same
   one returns the same letters, so that a lost reply loses no letter and doubles none. LETTER is
   nested fields: JOB, KIND, ENTRY (its UUID), SEALED, ADDRESS (lines separated by newlines), NAME,
   LANGUAGE, TIME (now, of portald's clock), LAST_DAY (YYYY-MM-DD in the configured zone; absent
   where nothing expires), REFERENCE_CODE, LOGIN (the e-mail address to log in with). MANIFEST of a
   claim is the BLAKE2b-256 of all LETTER fields' bytes, each preceded by its length (4); SIGNATURE
   is Ed25519 over "portal-claim-1" NUL, BATCH, MANIFEST. MANIFEST of WIRE_PRINTED is JSON: [{"job":
   ULID, "pages": n, "sha256": hex}|{"job": ULID, "failed": why}|{"job": ULID, "uncertain": why}, ...]
   with why at most 200 bytes. "failed" is certainly not on paper, and is printed later;
   "uncertain" may be, and waits for a person.

   A batch file is one frame of WIRE_LETTERS with BATCH in front, as a claim's reply has it. The
   control verb letters-export puts these fields into its report, behind which come JSON and EXIT.

   The mailer's protocol is in mailer/protocol.h; it uses the same frames. */
// clang-format on
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define WIRE_VERSION     1
#define WIRE_HEADER_SIZE 6u
#define WIRE_REQUEST_MAX 65536u
#define WIRE_REPLY_MAX   4194304u
#define WIRE_CLAIM_MAX   200u /* letters in one answer to WIRE_CLAIM */
#define WIRE_WHY_MAX     200u /* bytes of a reason in WIRE_PRINTED */

enum wire_type {
    WIRE_AUTHENTICATE = 1,
    WIRE_ACCOUNT = 2,
    WIRE_CHANGE = 3,
    WIRE_REGISTER = 4,
    WIRE_LINK = 5,
    WIRE_CONFIRM = 6,
    WIRE_REFERENCE = 7,
    WIRE_NOT_ME = 8,
    WIRE_CLAIM = 9,
    WIRE_PRINTED = 10,
    WIRE_CONTROL = 11,
    WIRE_SECOND = 12,
    WIRE_ENROLL = 13,
    WIRE_ENROLL_CODE = 14,
    WIRE_FORGOTTEN = 15,
    WIRE_RECOVER = 16,
    WIRE_BOUNCE = 17,
    WIRE_LETTER_WANTED = 18,
    WIRE_SITE = 19,
    WIRE_SESSION = 20,
    WIRE_PROFILE = 21,
    WIRE_END_SESSIONS = 22,
    WIRE_NEW_MAIL = 23,
    WIRE_TOTP_OFF = 24,
    WIRE_QUALITY = 25,
    WIRE_LINK_AGAIN = 26,
    WIRE_MAIL = 32,
    WIRE_MAIL_RESULT = 33,
    WIRE_VERDICT = 64,
    WIRE_LETTERS = 65,
    WIRE_REPORT = 66,
    WIRE_ERROR = 127, /* TEXT: what was wrong with the request, for a developer */
};

/* The sockets of portald. What may be asked on each is a table in portald/handlers.c. */
enum wire_socket {
    WIRE_SOCKET_API,     /* api.sock: anybody */
    WIRE_SOCKET_ACCOUNT, /* account.sock: root and group portal-pam */
    WIRE_SOCKET_WEB,     /* web.sock: user portal-web */
    WIRE_SOCKET_PRINT,   /* print.sock: user portal-print */
    WIRE_SOCKET_CONTROL, /* control.sock: group portal-admin */
    WIRE_SOCKET_SUPPORT, /* support.sock: group portal-support; which verbs is control.c's table */
    WIRE_SOCKETS,
};

enum wire_verdict {
    WIRE_OK = 0,
    WIRE_WRONG = 1, /* password wrong, unknown name, or not confirmed: told apart by nothing */
    WIRE_TYPING_ERROR = 2,  /* a letter's code whose check character is wrong; not counted */
    WIRE_THROTTLED = 3,     /* nothing was verified; TEXT says how long to wait */
    WIRE_EXPIRED = 4,       /* the initial password was right, but its time is over */
    WIRE_NEW_PASSWORD = 5,  /* ACCOUNT only: a personal password must be set first */
    WIRE_LOCKED = 6,        /* right password, but locked */
    WIRE_CLOSED = 7,        /* right password, but the contract is over */
    WIRE_UNKNOWN = 8,       /* ACCOUNT and links: no such customer, link or reference */
    WIRE_NOT_CONFIRMED = 9, /* ACCOUNT only */
    WIRE_BLOCKED = 10,      /* ACCOUNT only: 100 failures in a row */
    WIRE_REFUSED = 11,      /* what was asked breaks a rule that TEXT names; nothing was changed */
    WIRE_BUSY = 12,         /* too much at once; later */
    WIRE_UNAVAILABLE = 13,  /* directory or queue can't be reached */
    WIRE_LINK_GOOD = 14,    /* WIRE_LINK, WIRE_REFERENCE: would work */
    WIRE_LINK_DONE = 15,    /* this address is confirmed already; nothing to do */
    WIRE_LINK_EXPIRED = 16,
    WIRE_LINK_TAKEN = 17,  /* another customer has confirmed this address meanwhile */
    WIRE_LINK_OVER = 19,   /* confirmed with another address, or can't be confirmed any more */
    WIRE_GRANT_OVER = 18,  /* grant or state has ended or doesn't fit; authenticate again */
    WIRE_CODE_NEEDED = 20, /* the password was right; WIRE_SECOND with the code comes next */
};

enum wire_mode {
    WIRE_MODE_STEPS = 0,
    WIRE_MODE_TOGETHER = 1,
    WIRE_MODE_COMBINED = 2,
};

enum wire_purpose {
    WIRE_PURPOSE_LOGIN = 0,
    WIRE_PURPOSE_CHANGE = 1,
    WIRE_PURPOSE_ENROLL = 2,
};

enum wire_bounce {
    WIRE_BOUNCE_FAILED = 0,    /* it won't arrive */
    WIRE_BOUNCE_DELAYED = 1,   /* it is still tried */
    WIRE_BOUNCE_DELIVERED = 2, /* it arrived, or went on to where nobody reports */
};

/* tag, its name, most bytes, many? One line a field, for the table in wire.c. */
enum wire_tag {
    WIRE_USER = 1,     /* login name, an e-mail address: 254 (RFC 5321, 4.5.3.1.3) */
    WIRE_SERVICE = 2,  /* PAM service: 64 */
    WIRE_LANGUAGE = 3, /* "de" or "en": 8 */
    WIRE_PASSWORD = 4, /* 511 (PAM_MAX_RESP_SIZE less its NUL) */
    WIRE_CLIENT = 5,   /* address that the person comes from, as text: 64; absent when not known */
    WIRE_PURPOSE = 6,  /* 1: enum wire_purpose */
    WIRE_GRANT = 7,    /* 512 */
    WIRE_VERDICT_CODE = 8,    /* 1 */
    WIRE_ACCOUNT_CODE = 9,    /* 1 */
    WIRE_TEXT = 10,           /* 4096 */
    WIRE_UID = 11,            /* 256 */
    WIRE_TIME = 12,           /* 8: seconds since 1970 */
    WIRE_POLICY = 13,         /* 64 */
    WIRE_BIRTHDATE = 14,      /* 32 */
    WIRE_MAIL_ADDRESS = 15,   /* 254 */
    WIRE_MAIL_AGAIN = 16,     /* 254 */
    WIRE_PRIVACY = 17,        /* 32: version of the privacy notice that was acknowledged */
    WIRE_TERMS = 18,          /* 32: version of the terms of use that were accepted */
    WIRE_FIELD = 19,          /* 2: the wire_tag of the field that is wrong */
    WIRE_TOKEN = 20,          /* 512: token or whole link */
    WIRE_REFERENCE_CODE = 21, /* 512: reference or whole link */
    WIRE_BATCH = 22,          /* 26 */
    WIRE_COUNT = 23,          /* 4 */
    WIRE_LETTER = 24,         /* 8192, many */
    WIRE_MANIFEST = 25,       /* 60000 */
    WIRE_SIGNATURE = 26,      /* 64 */
    WIRE_JOB = 27,            /* 26 */
    WIRE_KIND = 28,           /* 16 */
    WIRE_ENTRY = 29,          /* 36 */
    WIRE_SEALED = 30,         /* 2048 */
    WIRE_ADDRESS = 31,        /* 1024 */
    WIRE_NAME = 32,           /* 512 */
    WIRE_LAST_DAY = 33,       /* 10 */
    WIRE_LOGIN = 34,          /* 254 */
    WIRE_JSON = 35,           /* WIRE_REPLY_MAX - 64 */
    WIRE_EXIT = 36,           /* 1 */
    WIRE_SENDER = 37,         /* 320 */
    WIRE_RECIPIENT = 38,      /* 320 */
    WIRE_MESSAGE = 39,        /* 262144 */
    WIRE_STATUS = 40,         /* 4: SMTP reply code, 0 where none came */
    WIRE_RESULT = 41,         /* 1: enum mailer_result */
    WIRE_MODE = 42,           /* 1: enum wire_mode */
    WIRE_CODE = 43,           /* 511: what was typed as code: TOTP, PUK, or mailed code */
    WIRE_PUK = 44,            /* 511 */
    WIRE_STATE = 45,          /* 512 */
    WIRE_QR = 46,             /* 8192: lines separated by newlines */
    WIRE_URI = 47,            /* 1024: otpauth:// */
    WIRE_REPORTED = 48,       /* 1: enum wire_bounce */
    WIRE_SESSION_STATE = 49,  /* 512: SESSION */
    WIRE_DEVICE = 50,         /* 32 */
    WIRE_TAG_LAST = WIRE_DEVICE,
};

/* Writing. Errors stick: put what there is to put, then ask wire_end() once. */
struct wire_writer {
    uint8_t *data;
    size_t size, capacity;
    int error; /* 0, -ENOMEM, or -EMSGSIZE when a field or the frame is over its limit */
};

void wire_begin(struct wire_writer *w, enum wire_type type);
void wire_put(struct wire_writer *w, enum wire_tag tag, const void *value, size_t length);
void wire_put_string(struct wire_writer *w, enum wire_tag tag,
                     const char *value); /* NULL: nothing is put */
void wire_put_u8(struct wire_writer *w, enum wire_tag tag, uint8_t value);
void wire_put_u16(struct wire_writer *w, enum wire_tag tag, uint16_t value);
void wire_put_u32(struct wire_writer *w, enum wire_tag tag, uint32_t value);
void wire_put_u64(struct wire_writer *w, enum wire_tag tag, uint64_t value);
/* Nested fields without a header, for WIRE_LETTER: begin with wire_begin_fields(), then the same
   calls; data and size are the value. */
void wire_begin_fields(struct wire_writer *w);
/* Sets the length. Returns 0 or the error that stuck. The frame is w->data, w->size. */
int wire_end(struct wire_writer *w);
/* Wipes and frees. For use with _cleanup_. */
void wire_writer_clear(struct wire_writer *w);

/* Reading. A frame points into the buffer that it was parsed from. */
struct wire_frame {
    enum wire_type type;
    const uint8_t *fields;
    size_t size;
};

/* How many bytes the frame at data will have once whole. Returns 0 and *ret_size, -EAGAIN when
   fewer than 4 bytes are there, -EMSGSIZE when it announces more than max, -EPROTO when it
   announces fewer than a frame can have. */
int wire_frame_size(const uint8_t *data, size_t have, size_t max, size_t *ret_size);
/* Parses one whole frame of exactly size bytes; checks version, that all fields lie within it,
   their limits, and that none comes twice that may not. Returns 0, -EPROTO, or -EPROTONOSUPPORT for
   another version. */
int wire_parse(const uint8_t *data, size_t size, struct wire_frame *ret);
/* The same for nested fields. */
int wire_parse_fields(const uint8_t *data, size_t size, struct wire_frame *ret);
/* The field tag: 0, or -ENOENT. */
int wire_get(const struct wire_frame *f, enum wire_tag tag, const uint8_t **ret,
             size_t *ret_length);
/* As a NUL-terminated copy in buffer (size bytes): 0, -ENOENT, -E2BIG when it doesn't fit, -EILSEQ
   when there is a NUL in it. */
int wire_get_string(const struct wire_frame *f, enum wire_tag tag, char *buffer, size_t size);
/* As an integer: 0, -ENOENT, -EPROTO when its length is another. */
int wire_get_u8(const struct wire_frame *f, enum wire_tag tag, uint8_t *ret);
int wire_get_u16(const struct wire_frame *f, enum wire_tag tag, uint16_t *ret);
int wire_get_u32(const struct wire_frame *f, enum wire_tag tag, uint32_t *ret);
int wire_get_u64(const struct wire_frame *f, enum wire_tag tag, uint64_t *ret);
/* One field after the other: *offset starts at 0. Returns 1 and the field, or 0 behind the last. */
int wire_next(const struct wire_frame *f, size_t *offset, enum wire_tag *ret_tag,
              const uint8_t **ret, size_t *ret_length);
/* The limit of a field, 0 for an unknown tag. */
size_t wire_limit(enum wire_tag tag);
