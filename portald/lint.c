/* Looking at all entries and jobs: a thread of its own while it lasts, which waits whenever nobody
   fetches what it found. lint_start() is the way in. Its memory doesn't grow with the directory:
   pages of entries, a page of findings, and a table of bits that tells which addresses and policy
   numbers may have been seen before; only of those is asked whether they are double. */
#include "config.h"

#include "lint.h"

#include "address.h"

#include "cleanup.h"
#include "clock.h"

#include <errno.h>
#include <pthread.h>
#include <sodium.h>
#include <stdio.h>
#include <time.h>

#define STEP_MS       10000
#define LEFT_MS       60000 /* nobody has fetched for so long: the run ends */
#define WAIT_MS       200
#define BATCH         50 /* entries; then as long a rest as they took */
#define REST_MOST_MS  100
#define SEEN_BITS     (1u << 25) /* 4 MiB: a million customers cost few needless searches */
#define REQUESTS_MOST 64         /* wishes that are looked at again at the end */
#define REQUEST_MS    3000       /* a wish may lie there so long */
#define STAGED_GRACE  (5 * MINUTE)

struct lint {
    struct lint_means means;
    struct directory *scan, *work; /* the cookie of a scan wants a connection for itself */
    pthread_t thread;
    pthread_mutex_t mutex; /* guards what follows */
    pthread_cond_t bell;   /* stop was set, or findings were fetched */
    bool stop, has_thread;
    long long fetched_ms;
    struct lint_progress progress;
    struct lint_finding page[LINT_PAGE];
    size_t count;
};

/* What the thread alone has. */
struct run {
    struct lint *lint;
    unsigned char *seen;
    unsigned batch;
    long long batch_begun;
    char requests[REQUESTS_MOST][JOB_ENTRY_SIZE];
    size_t request_count;
    long long request_ms; /* the last one was seen */
    int error;            /* the run is to end */
};

void lint_progress_clear(struct lint_progress *progress)
{
    free(TAKE(progress->page));
}

/* --- Findings --- */

/* Under the lock. Whether the run is to end. */
static bool is_over(const struct lint *lint)
{
    return lint->stop || clock_monotonic_ms() - lint->fetched_ms > LEFT_MS;
}

static void wait_for_bell(struct lint *lint)
{
    struct timespec until;

    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += WAIT_MS * 1000000L;
    until.tv_sec += until.tv_nsec / 1000000000L;
    until.tv_nsec %= 1000000000L;
    pthread_cond_timedwait(&lint->bell, &lint->mutex, &until);
}

static void put(void *userdata, const struct lint_finding *finding)
{
    struct run *run = userdata;
    struct lint *lint = run->lint;

    pthread_mutex_lock(&lint->mutex);
    while (lint->count == LINT_PAGE && !is_over(lint))
        wait_for_bell(lint);
    if (lint->count < LINT_PAGE) {
        lint->page[lint->count++] = *finding;
        lint->progress.findings++;
    } else {
        run->error = -ECANCELED;
    }
    pthread_mutex_unlock(&lint->mutex);
}

static void tell(struct run *run, enum lint_rule rule, const char *entry, const char *job,
                 const char *detail)
{
    struct lint_finding f = {.rule = rule};

    snprintf(f.entry, sizeof f.entry, "%s", entry);
    snprintf(f.job, sizeof f.job, "%s", job);
    snprintf(f.detail, sizeof f.detail, "%s", detail);
    put(run, &f);
}

/* --- Doubles --- */

/* Whether what may have been seen before; it has from now on. Kinds don't mix. */
static bool seen_before(struct run *run, char kind, const char *what)
{
    char folded[MAIL_ADDRESS_SIZE + 1] = {kind};
    uint32_t hash[2];
    bool before = true;

    for (size_t i = 0; what[i] && i + 2 < sizeof folded; i++)
        folded[i + 1] = what[i] >= 'A' && what[i] <= 'Z' ? (char)(what[i] + 'a' - 'A') : what[i];
    crypto_generichash((unsigned char *)hash, sizeof hash, (const unsigned char *)folded,
                       sizeof folded, NULL, 0);
    for (size_t i = 0; i < ELEMENTS(hash); i++) {
        uint32_t bit = hash[i] % SEEN_BITS;
        before = before && (run->seen[bit / 8] >> (bit % 8) & 1);
        run->seen[bit / 8] |= (unsigned char)(1u << (bit % 8));
    }
    return before;
}

/* The uid of another entry that has it, "several" for more of them; or "". */
static void find_double(struct run *run, const struct entry *entry, enum directory_key key,
                        const char *what, char ret[static ENTRY_UID_SIZE])
{
    _cleanup_(entry_free_p) struct entry *other = NULL;
    int r =
        directory_find(run->lint->work, key, what, false, clock_monotonic_ms() + STEP_MS, &other);

    ret[0] = '\0';
    if (r == -ENOTUNIQ)
        snprintf(ret, ENTRY_UID_SIZE, "several");
    else if (r == 0 && strcmp(other->uuid, entry->uuid) != 0)
        snprintf(ret, ENTRY_UID_SIZE, "%s", other->uid);
}

/* --- One entry --- */

static bool is_lost(struct run *run, const char *job)
{
    _cleanup_(job_clear) struct job found = {0};

    return queue_get(run->lint->means.queue, job, &found) == -ENOENT;
}

static void look_at_jobs(struct run *run, const struct entry *entry)
{
    char detail[LINT_DETAIL_SIZE];

    for (size_t i = 0; i < entry->letter_count; i++)
        if (lint_letter_open(&entry->letters[i]) && is_lost(run, entry->letters[i].job)) {
            snprintf(detail, sizeof detail, "%s, %s", entry->letters[i].kind,
                     entry->letters[i].state);
            tell(run, LINT_LETTER_LOST, entry->uid, entry->letters[i].job, detail);
        }
    for (char **job = entry->jobs; job && *job; job++)
        if (is_lost(run, *job))
            tell(run, LINT_JOB_LOST, entry->uid, *job, attribute_name(ATTRIBUTE_JOB));
}

static void look_at_totp(struct run *run, const struct entry *entry, char ret[static TOTP_WHY_SIZE])
{
    uint8_t secret[TOTP_SECRET_BYTES];
    int r;

    ret[0] = '\0';
    if (entry->totp_size == 0)
        return;
    r = totp_unseal(run->lint->means.totp, entry->uuid, entry->totp_secret, entry->totp_size,
                    secret);
    sodium_memzero(secret, sizeof secret);
    if (r < 0)
        totp_explain(entry->totp_secret, entry->totp_size, r, ret);
}

/* A wish that is there now may be gone in a second. */
static void note_request(struct run *run, const struct entry *entry)
{
    if (entry->request_count == 0 || run->request_count == REQUESTS_MOST)
        return;
    memcpy(run->requests[run->request_count++], entry->uuid, JOB_ENTRY_SIZE);
    run->request_ms = clock_monotonic_ms();
}

static void look_at_entry(struct run *run, const struct entry *entry)
{
    char mail[ENTRY_UID_SIZE] = "", policy[ENTRY_UID_SIZE] = "", why[TOTP_WHY_SIZE];
    struct lint_facts facts = {0};

    /* Before it is confirmed, mail says nothing. */
    if (entry->mail && entry->state != ACCOUNT_PROVISIONED && entry->state != ACCOUNT_PENDING &&
        seen_before(run, 'm', entry->mail))
        find_double(run, entry, DIRECTORY_CONFIRMED_MAIL, entry->mail, mail);
    for (char **p = entry->policies; p && *p && !*policy; p++)
        if (seen_before(run, 'p', *p)) {
            find_double(run, entry, DIRECTORY_POLICY, *p, policy);
            facts.policy_double = *policy ? *p : NULL;
        }
    facts.mail_double = *mail ? mail : NULL;
    look_at_totp(run, entry, why);
    facts.totp_why = *why ? why : NULL;
    lint_entry(run->lint->means.rules, entry, &facts, clock_now(), put, run);
    look_at_jobs(run, entry);
    note_request(run, entry);
}

/* Half of the time is the logins'. */
static void rest(struct run *run)
{
    long long worked = clock_monotonic_ms() - run->batch_begun;
    long long ms = worked < REST_MOST_MS ? worked : REST_MOST_MS;
    struct timespec t = {.tv_nsec = ms * 1000000};

    nanosleep(&t, NULL);
    run->batch = 0;
    run->batch_begun = clock_monotonic_ms();
}

static int visit(void *userdata, const struct entry *entry)
{
    struct run *run = userdata;
    struct lint *lint = run->lint;

    look_at_entry(run, entry);
    pthread_mutex_lock(&lint->mutex);
    lint->progress.entries++;
    if (is_over(lint))
        run->error = -ECANCELED;
    pthread_mutex_unlock(&lint->mutex);
    if (++run->batch == BATCH)
        rest(run);
    return run->error;
}

/* --- Jobs --- */

static void look_at_job(struct run *run, const struct job *job)
{
    _cleanup_(entry_free_p) struct entry *entry = NULL;
    char detail[LINT_DETAIL_SIZE];

    snprintf(detail, sizeof detail, "%s %s", job_kind_word(job->kind), job->topic);
    if (job->state == JOB_DAMAGED) {
        tell(run, LINT_DAMAGED, "", job->id, detail);
        return;
    }
    if (job->state == JOB_STAGED && job->lease + STAGED_GRACE < clock_now())
        tell(run, LINT_STAGED, job->subject, job->id, detail);
    if (*job->entry && directory_find(run->lint->work, DIRECTORY_UUID, job->entry, false,
                                      clock_monotonic_ms() + STEP_MS, &entry) == -ENOENT)
        tell(run, LINT_ENTRY_GONE, job->subject, job->id, detail);
}

static int look_at_queue(struct run *run)
{
    struct lint *lint = run->lint;
    char after[ULID_SIZE] = "";
    size_t count;

    do {
        _cleanup_(job_list_clear) struct job_list jobs = {0};
        struct queue_filter filter = {
            .kind = -1, .state = -1, .after = after, .unfinished = true, .most = LINT_PAGE};
        int r = queue_list(lint->means.queue, &filter, &jobs);

        if (r < 0)
            return r;
        run->batch_begun = clock_monotonic_ms();
        for (size_t i = 0; i < jobs.count && run->error == 0; i++)
            look_at_job(run, &jobs.items[i]);
        count = jobs.count;
        if (count > 0)
            memcpy(after, jobs.items[count - 1].id, sizeof after);
        pthread_mutex_lock(&lint->mutex);
        lint->progress.jobs += count;
        pthread_mutex_unlock(&lint->mutex);
        rest(run);
    } while (count == LINT_PAGE && run->error == 0);
    return run->error;
}

/* --- Wishes that are still there --- */

static void look_at_requests(struct run *run)
{
    struct lint *lint = run->lint;

    pthread_mutex_lock(&lint->mutex);
    while (run->request_count > 0 && clock_monotonic_ms() - run->request_ms < REQUEST_MS &&
           !is_over(lint))
        wait_for_bell(lint);
    pthread_mutex_unlock(&lint->mutex);
    for (size_t i = 0; i < run->request_count && run->error == 0; i++) {
        _cleanup_(entry_free_p) struct entry *entry = NULL;

        if (directory_find(lint->work, DIRECTORY_UUID, run->requests[i], false,
                           clock_monotonic_ms() + STEP_MS, &entry) == 0 &&
            entry->request_count > 0)
            tell(run, LINT_REQUEST, entry->uid, "", attribute_name(ATTRIBUTE_REQUEST));
    }
}

/* --- The thread --- */

static int work_through(struct lint *lint)
{
    _cleanup_free_ unsigned char *seen = calloc(1, SEEN_BITS / 8);
    struct run run = {.lint = lint, .seen = seen, .batch_begun = clock_monotonic_ms()};
    int r;

    if (!seen)
        return -ENOMEM;
    if ((r = directory_each_customer(lint->scan, visit, &run)) == 0)
        r = look_at_queue(&run);
    if (r == 0)
        look_at_requests(&run);
    return r < 0 ? r : run.error;
}

static void *work(void *userdata)
{
    struct lint *lint = userdata;
    int r = work_through(lint);

    pthread_mutex_lock(&lint->mutex);
    lint->progress.error = r;
    lint->progress.running = false;
    pthread_mutex_unlock(&lint->mutex);
    return NULL;
}

static void join(struct lint *lint)
{
    if (lint->has_thread)
        pthread_join(lint->thread, NULL);
    lint->has_thread = false;
}

/* Whose waits end in time also when the clock is set back. */
static void bell_init(pthread_cond_t *bell)
{
    pthread_condattr_t monotonic;

    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(bell, &monotonic);
    pthread_condattr_destroy(&monotonic);
}

int lint_open(const struct lint_means *means, struct lint **ret)
{
    _cleanup_(lint_free_p) struct lint *lint = calloc(1, sizeof *lint);
    int r;

    if (!lint)
        return -ENOMEM;
    lint->means = *means;
    pthread_mutex_init(&lint->mutex, NULL);
    bell_init(&lint->bell);
    if ((r = directory_open(means->directory, &lint->scan)) < 0 ||
        (r = directory_open(means->directory, &lint->work)) < 0)
        return r;
    *ret = TAKE(lint);
    return 0;
}

struct lint *lint_free(struct lint *lint)
{
    if (!lint)
        return NULL;
    pthread_mutex_lock(&lint->mutex);
    lint->stop = true;
    pthread_cond_broadcast(&lint->bell);
    pthread_mutex_unlock(&lint->mutex);
    join(lint);
    directory_free(lint->scan);
    directory_free(lint->work);
    pthread_cond_destroy(&lint->bell);
    pthread_mutex_destroy(&lint->mutex);
    free(lint);
    return NULL;
}

/* Under the lock: of two who start at once, one does. */
int lint_start(struct lint *lint, char ret_id[static ULID_SIZE])
{
    int r = -EALREADY;

    pthread_mutex_lock(&lint->mutex);
    if (!lint->progress.running) {
        join(lint);
        lint->progress = (struct lint_progress){.running = true};
        lint->count = 0;
        lint->fetched_ms = clock_monotonic_ms();
        ulid_make(clock_now_ms(), lint->progress.id);
        memcpy(ret_id, lint->progress.id, ULID_SIZE);
        r = -pthread_create(&lint->thread, NULL, work, lint);
        lint->has_thread = r == 0;
        lint->progress.running = r == 0;
    }
    pthread_mutex_unlock(&lint->mutex);
    return r;
}

int lint_fetch(struct lint *lint, const char *id, struct lint_progress *ret)
{
    int r = -ENOENT;

    pthread_mutex_lock(&lint->mutex);
    if (*id && strcmp(id, lint->progress.id) == 0) {
        struct lint_progress copy = lint->progress;

        copy.page = calloc(lint->count + 1, sizeof *copy.page);
        r = copy.page ? 0 : -ENOMEM;
        if (r == 0) {
            copy.count = lint->count;
            memcpy(copy.page, lint->page, lint->count * sizeof *copy.page);
            lint->count = 0;
            lint->fetched_ms = clock_monotonic_ms();
            *ret = copy;
            pthread_cond_broadcast(&lint->bell);
        }
    }
    pthread_mutex_unlock(&lint->mutex);
    return r;
}
