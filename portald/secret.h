/* Passwords and PUKs: made, hashed, checked for form. Argon2id, 19 MiB, t = 2, p = 1 (OWASP
   Password Storage; NIST SP 800-63B-4), after NFKC. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* slapd's form of what libsodium makes: "{ARGON2}$argon2id$…". */
#define SECRET_SCHEME    "{ARGON2}"
#define SECRET_HASH_SIZE 160

/* NFKC of a UTF-8 string into ret, which is wiped by the caller. Returns 0; -EILSEQ for what isn't
   UTF-8; -E2BIG. */
int secret_normalize(const char *text, char *ret, size_t size);
/* Hashes what is normalized already. Returns 0 or -ENOMEM. */
int secret_hash(const char *normalized, char ret[static SECRET_HASH_SIZE]);
/* The hash of something random that nobody knows: what "void" means. */
int secret_hash_void(char ret[static SECRET_HASH_SIZE]);
/* Whether normalized is what hash was made of: 0; -EACCES; -EOPNOTSUPP when hash isn't ours, or
   would cost far more than ours; -ENOMEM, which says nothing about the secret. */
int secret_verify(const char *hash, const char *normalized);
/* Whether hash isn't of our kind, or cost less to make than ours do. */
bool secret_is_weak(const char *hash);
/* At most this many hashes at a time in this process; waiting is bounded by a deadline of
   clock_monotonic_ms(). -EBUSY beyond it. */
struct secret_gate;
int secret_gate_open(unsigned places, struct secret_gate **ret);
struct secret_gate *secret_gate_free(struct secret_gate *gate);
int secret_gate_enter(struct secret_gate *gate, long long deadline_ms);
void secret_gate_leave(struct secret_gate *gate);
unsigned secret_gate_waiting(struct secret_gate *gate); /* how many wait, for status */
