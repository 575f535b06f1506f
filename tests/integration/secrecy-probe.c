/* Run under valgrind by test_holes.py, which looks at what no ordinary test sees:

       secrecy-probe compare totp GUESS     checks a guess at a code; its steps are counted from
   outside secrecy-probe compare code TYPED     likewise, what was typed from a letter secrecy-probe
   replies                whether every byte that leaves portald was ever written

   Ends with 0; 1 where a byte wasn't; 77 where valgrind isn't there to say. */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "code.h"
#include "portald/enrollment.h"
#include "portald/grant.h"
#include "portald/session.h"
#include "portald/state.h"
#include "portald/totp.h"
#include "seal.h"
#include "wire.h"

#if __has_include(<valgrind/memcheck.h>)
#include <valgrind/memcheck.h>
#define WATCHED                    RUNNING_ON_VALGRIND
#define UNWRITTEN(address, length) (VALGRIND_CHECK_MEM_IS_DEFINED(address, length) != 0)
#else
#define WATCHED                    0
#define UNWRITTEN(address, length) 0
#endif

#define NOW  1795345230
#define NAME "erika@example.org"

static const struct keys keys = {.grant = {1}, .sign_secret = {2}};

static int look(const char *what, const void *data, size_t size)
{
    if (!UNWRITTEN(data, size))
        return 0;
    printf("%s holds bytes that nobody wrote\n", what);
    return 1;
}

static int look_at_seals(const struct entry *entry)
{
    const struct state_bounds bounds = {NAME, "sshd", "192.0.2.1"};
    struct enrollment enrollment = {.proof = proof_make(entry)};
    struct proof proof = proof_make(entry);
    uint8_t *sealed = malloc(GRANT_SIZE); /* what was here before is nobody's business */
    size_t size = 0;
    int bad = 0;

    if (!sealed)
        return 1;
    memset(enrollment.sealed, 7, enrollment.size = TOTP_SECRET_BYTES);
    if (grant_make(&keys, GRANT_LOGIN, NAME, "sshd", entry, NOW, sealed, &size) == 0)
        bad |= look("a grant", sealed, size);
    if (state_make(&keys, &bounds, &proof, WIRE_PURPOSE_LOGIN, NOW, sealed, &size) == 0)
        bad |= look("a state", sealed, size);
    if (enrollment_make(&keys, NAME, "sshd", &enrollment, NOW, sealed, &size) == 0)
        bad |= look("a state of a set-up", sealed, size);
    if (session_make(&keys, entry, NOW, sealed, &size) == 0)
        bad |= look("a session", sealed, size);
    free(sealed);
    return bad || size == 0;
}

static int look_at_frames(void)
{
    struct wire_writer w = {0};
    uint8_t claim[crypto_sign_BYTES], manifest[32] = {0};
    int bad;

    wire_begin(&w, WIRE_VERDICT);
    wire_put_u8(&w, WIRE_VERDICT_CODE, WIRE_OK);
    wire_put_string(&w, WIRE_TEXT, "Letzte Anmeldung: gestern.");
    wire_put_u64(&w, WIRE_TIME, NOW);
    for (int i = 0; i < 40; i++) /* so that the buffer has to grow */
        wire_put_string(&w, WIRE_LETTER, "a letter of some length, in the place of one");
    seal_claim(keys.sign_secret, "01J00000000000000000000000", manifest, claim);
    wire_put(&w, WIRE_SIGNATURE, claim, sizeof claim);
    bad = wire_end(&w) < 0 || look("a frame", w.data, w.size);
    wire_writer_clear(&w);
    return bad;
}

static int replies(void)
{
    struct entry entry = {.password_changed = NOW, .session_epoch = 3};

    /* As entry.c does: what follows the NUL was zeroed with the entry. */
    strcpy(entry.uuid, "11111111-2222-3333-4444-555555555555");
    return look_at_seals(&entry) | look_at_frames();
}

static int compare(const char *what, const char *typed)
{
    static const uint8_t secret[TOTP_SECRET_BYTES] = "12345678901234567890";
    char code[CODE_SIZE];
    uint64_t step;

    if (strcmp(what, "totp") == 0)
        return totp_check(secret, typed, 59, 0, &step) == 0 ? 2 : 0; /* RFC 6238: 287082 */
    return code_read(typed, code) == CODE_RIGHT ? 2 : 0;
}

int main(int argc, char **argv)
{
    if (sodium_init() < 0)
        return 1;
    if (argc == 4 && strcmp(argv[1], "compare") == 0)
        return compare(argv[2], argv[3]);
    if (argc != 2 || strcmp(argv[1], "replies") != 0)
        return 1;
    return WATCHED ? replies() : 77;
}
