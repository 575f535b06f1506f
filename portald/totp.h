/* TOTP (RFC 6238): SHA-1, 6 digits, 30 s, a secret of 160 bits, one step of tolerance either way.
   At rest the secret is sealed: XChaCha20-Poly1305, the key's id in front, the entry's UUID as
   associated data, so that a secret moved to another entry opens nothing. */
#pragma once

#include "entry.h"
#include "keys.h"

#define TOTP_SECRET_BYTES 20
#define TOTP_SECRET_TEXT  33 /* base32, and NUL */
#define TOTP_STEP_SECONDS 30
#define TOTP_URI_SIZE     1024

/* Keys that seal: the first one configured (or, where none is, portald's own) seals, all open. Ids
   follow from the keys, so nobody has to number them. */
struct totp_keys;
#define TOTP_KEY_BYTES 32 /* of a key file */
/* files: separated by blanks, NULL for none; each as key_read() takes it. problem gets a sentence.
   Returns 0 or a negative errno. */
int totp_keys_load(const struct keys *keys, const char *files, char *problem, size_t size,
                   struct totp_keys **ret);
struct totp_keys *totp_keys_free(struct totp_keys *keys);
DEFINE_CLEANUP(struct totp_keys, totp_keys_free)

void totp_make(uint8_t ret[static TOTP_SECRET_BYTES]);
int totp_seal(const struct totp_keys *keys, const char *uuid,
              const uint8_t secret[static TOTP_SECRET_BYTES], uint8_t ret[static ENTRY_TOTP_MAX],
              size_t *ret_size);
/* 0; -ENOKEY when it was sealed with a key that we don't have; -EBADMSG when it was changed, or
   belongs to another entry. */
int totp_unseal(const struct totp_keys *keys, const char *uuid, const uint8_t *sealed, size_t size,
                uint8_t ret[static TOTP_SECRET_BYTES]);
/* Whether it is sealed with another key than the first: rekey has work to do. */
bool totp_is_old(const struct totp_keys *keys, const uint8_t *sealed, size_t size);
/* The id of the key that it is sealed with, in hex; of the one that seals. */
#define TOTP_KEY_ID_SIZE 9
void totp_key_id(const uint8_t *sealed, size_t size, char ret[static TOTP_KEY_ID_SIZE]);
void totp_sealing_id(const struct totp_keys *keys, char ret[static TOTP_KEY_ID_SIZE]);
/* Why it can't be opened, for the journal: what totp_unseal() returned, with the id of the key. */
#define TOTP_WHY_SIZE 160
void totp_explain(const uint8_t *sealed, size_t size, int error, char ret[static TOTP_WHY_SIZE]);

/* Whether typed (six digits, read as base32_read() reads letters' codes) is the code of a step
   within one of now's and beyond last_step. Constant time. 0 and *ret_step; -EACCES. */
int totp_check(const uint8_t secret[static TOTP_SECRET_BYTES], const char *typed, time_t now,
               uint64_t last_step, uint64_t *ret_step);
/* The same for an entry's sealed secret and last step; also -ENOKEY, -EBADMSG. */
int totp_verify(const struct totp_keys *keys, const struct entry *entry, const char *typed,
                time_t now, uint64_t *ret_step);
/* Whether typed has the form of a code at all. */
bool totp_is_code(const char *typed);

/* What goes into the customer's app; all of it is wiped by the caller. The secret in base32, ""
   when memory runs out. */
void totp_secret_text(const uint8_t secret[static TOTP_SECRET_BYTES],
                      char ret[static TOTP_SECRET_TEXT]);
/* otpauth:// with company as issuer and account as name, percent-encoded and, where both are long,
   cut, so that its QR code has 25 to 27 lines. 0 or -E2BIG. */
int totp_uri(const uint8_t secret[static TOTP_SECRET_BYTES], const char *company,
             const char *account, char ret[static TOTP_URI_SIZE]);
/* The QR code of uri as lines of text separated by newlines: half blocks, light modules drawn. 0;
   -ENOMEM; -E2BIG when it doesn't fit, which for what totp_uri() makes can't be. */
#define TOTP_QR_SIZE 8192
int totp_qr(const char *uri, char ret[static TOTP_QR_SIZE]);
