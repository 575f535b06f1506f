/* Passwords and PUKs: NFKC, Argon2id by libsodium, and the gate that bounds how many are hashed at
   a time. */
#include "config.h"

#include "secret.h"

#include "cleanup.h"
#include "clock.h"

#include <errno.h>
#include <glib.h>
#include <pthread.h>
#include <sodium.h>
#include <stdint.h>
#include <strings.h>

#define SECRET_OPERATIONS 2U
#define SECRET_MEMORY     ((size_t)19 * 1024 * 1024)
#define SECRET_INPUT_MAX  4096 /* bytes; more is refused before anything is done with it */
#define SECRET_VOID_SIZE  32
#define SECRET_MEMORY_MAX (256UL * 1024) /* KiB; what a hash from elsewhere may cost us */
#define SECRET_PASSES_MAX 16UL
_Static_assert(sizeof(SECRET_SCHEME) + crypto_pwhash_STRBYTES <= SECRET_HASH_SIZE, "it must fit");

static void wipe_g_free_p(gchar **text)
{
    if (!*text)
        return;
    sodium_memzero(*text, strlen(*text));
    g_free(*text);
}

static int text_copy(const char *text, size_t length, char *ret, size_t size)
{
    if (length >= size)
        return -E2BIG;
    memcpy(ret, text, length + 1);
    return 0;
}

int secret_normalize(const char *text, char *ret, size_t size)
{
    size_t length = strnlen(text, SECRET_INPUT_MAX + 1);
    if (length > SECRET_INPUT_MAX)
        return -E2BIG;
    /* ASCII is in NFKC already, and never leaves its traces in GLib's heap. */
    bool ascii = true;
    for (size_t i = 0; i < length; i++)
        ascii &= (unsigned char)text[i] < 0x80;
    if (ascii)
        return text_copy(text, length, ret, size);
    if (!g_utf8_validate(text, (gssize)length, NULL))
        return -EILSEQ;
    _cleanup_(wipe_g_free_p) gchar *normal =
        g_utf8_normalize(text, (gssize)length, G_NORMALIZE_NFKC);
    return normal ? text_copy(normal, strlen(normal), ret, size) : -EILSEQ;
}

int secret_hash(const char *normalized, char ret[static SECRET_HASH_SIZE])
{
    char hash[crypto_pwhash_STRBYTES];
    if (sodium_init() < 0 || crypto_pwhash_str(hash, normalized, strlen(normalized),
                                               SECRET_OPERATIONS, SECRET_MEMORY) != 0)
        return -ENOMEM;
    (void)snprintf(ret, SECRET_HASH_SIZE, SECRET_SCHEME "%s", hash);
    sodium_memzero(hash, sizeof hash);
    return 0;
}

int secret_hash_void(char ret[static SECRET_HASH_SIZE])
{
    uint8_t random[SECRET_VOID_SIZE];
    char text[SECRET_VOID_SIZE * 2 + 1];
    if (sodium_init() < 0)
        return -ENOMEM;
    randombytes_buf(random, sizeof random);
    sodium_bin2hex(text, sizeof text, random, sizeof random);
    int r = secret_hash(text, ret);
    sodium_memzero(random, sizeof random);
    sodium_memzero(text, sizeof text);
    return r;
}

/* Argon2id that libsodium understands, and that doesn't cost more than we are willing to pay: who
   may write a hash into the directory mustn't be able to take our memory with it. */
static bool hash_ours(const char *hash)
{
    unsigned long memory = 0, passes = 0;
    if (sscanf(hash, "$argon2id$v=19$m=%9lu,t=%9lu,p=1$", &memory, &passes) != 2)
        return false;
    return memory <= SECRET_MEMORY_MAX && passes <= SECRET_PASSES_MAX &&
           crypto_pwhash_str_needs_rehash(hash, SECRET_OPERATIONS, SECRET_MEMORY) >= 0;
}

int secret_verify(const char *hash, const char *normalized)
{
    char plain[crypto_pwhash_STRBYTES] = {0};
    if (strncasecmp(hash, SECRET_SCHEME, strlen(SECRET_SCHEME)) == 0)
        hash += strlen(SECRET_SCHEME);
    if (strlen(hash) >= sizeof plain)
        return -EOPNOTSUPP;
    memcpy(plain, hash, strlen(hash));
    if (sodium_init() < 0)
        return -ENOMEM;
    if (!hash_ours(plain))
        return -EOPNOTSUPP;
    errno = 0;
    int r = crypto_pwhash_str_verify(plain, normalized, strlen(normalized));
    if (r != 0)
        r = errno == ENOMEM ? -ENOMEM : -EACCES;
    sodium_memzero(plain, sizeof plain);
    return r;
}

bool secret_is_weak(const char *hash)
{
    unsigned long memory = 0, passes = 0;
    if (strncasecmp(hash, SECRET_SCHEME, strlen(SECRET_SCHEME)) == 0)
        hash += strlen(SECRET_SCHEME);
    return sscanf(hash, "$argon2id$v=19$m=%9lu,t=%9lu,", &memory, &passes) != 2 ||
           memory < SECRET_MEMORY / 1024 || passes < SECRET_OPERATIONS;
}

/* First come, first served: who leaves hands the place to the one that waits longest. */
struct waiter {
    pthread_cond_t turn;
    bool admitted;
    struct waiter *next;
};

struct secret_gate {
    pthread_mutex_t lock;
    unsigned places; /* free */
    struct waiter *first, **end;
};

int secret_gate_open(unsigned places, struct secret_gate **ret)
{
    if (places == 0)
        return -EINVAL;
    struct secret_gate *gate = calloc(1, sizeof *gate);
    if (!gate)
        return -ENOMEM;
    pthread_mutex_init(&gate->lock, NULL);
    gate->places = places;
    gate->end = &gate->first;
    *ret = gate;
    return 0;
}

struct secret_gate *secret_gate_free(struct secret_gate *gate)
{
    if (!gate)
        return NULL;
    pthread_mutex_destroy(&gate->lock);
    free(gate);
    return NULL;
}

static void gate_remove(struct secret_gate *gate, const struct waiter *waiter)
{
    struct waiter **link = &gate->first;
    while (*link != waiter)
        link = &(*link)->next;
    *link = waiter->next;
    if (!*link)
        gate->end = link;
}

/* Condition variables know CLOCK_MONOTONIC, our deadlines are of CLOCK_BOOTTIME: only what is left
   of one can be handed over. */
static void waiter_wait(struct secret_gate *gate, struct waiter *waiter, int64_t left_ms)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += (time_t)(left_ms / 1000);
    until.tv_nsec += (long)(left_ms % 1000) * 1000000L;
    until.tv_sec += until.tv_nsec / 1000000000L;
    until.tv_nsec %= 1000000000L;
    (void)pthread_cond_timedwait(&waiter->turn, &gate->lock, &until);
}

static int gate_queue(struct secret_gate *gate, long long deadline_ms)
{
    struct waiter waiter = {0};
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&waiter.turn, &monotonic);
    pthread_condattr_destroy(&monotonic);
    *gate->end = &waiter;
    gate->end = &waiter.next;
    int64_t left = deadline_ms - clock_monotonic_ms();
    while (!waiter.admitted && left > 0) {
        waiter_wait(gate, &waiter, left);
        left = deadline_ms - clock_monotonic_ms();
    }
    if (!waiter.admitted)
        gate_remove(gate, &waiter);
    pthread_cond_destroy(&waiter.turn);
    return waiter.admitted ? 0 : -EBUSY;
}

int secret_gate_enter(struct secret_gate *gate, long long deadline_ms)
{
    int r = 0;
    pthread_mutex_lock(&gate->lock);
    if (gate->places > 0)
        gate->places--;
    else
        r = gate_queue(gate, deadline_ms);
    pthread_mutex_unlock(&gate->lock);
    return r;
}

void secret_gate_leave(struct secret_gate *gate)
{
    pthread_mutex_lock(&gate->lock);
    struct waiter *waiter = gate->first;
    if (waiter) {
        gate_remove(gate, waiter);
        waiter->admitted = true;
        pthread_cond_signal(&waiter->turn);
    } else {
        gate->places++;
    }
    pthread_mutex_unlock(&gate->lock);
}

unsigned secret_gate_waiting(struct secret_gate *gate)
{
    unsigned count = 0;
    pthread_mutex_lock(&gate->lock);
    for (const struct waiter *waiter = gate->first; waiter; waiter = waiter->next)
        count++;
    pthread_mutex_unlock(&gate->lock);
    return count;
}
