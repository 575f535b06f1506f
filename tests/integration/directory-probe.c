/* Drives portald's directory from a test: reads commands, one a line, words separated by tabs, and
   answers each with a line "RESULT\tMILLISECONDS\tERROR", lines "name=value", and a line ".".

       directory-probe URI BASE DECOY [bind=DN] [password=P] [starttls] [ca=FILE]
                       [cert=FILE key=FILE] [reply=SECONDS]

       find MS KEY VALUE [secrets]        verify MS DN|- PASSWORD        touch MS        ping MS
       swap MS [set|add|remove ATTRIBUTE VALUE | clear ATTRIBUTE _ ]...   the entry found last
       count MS N UID      N increments of portalSessionEpoch, each again when the race was lost
       finds MS SECONDS UID     finds and verifies without end; counts what failed
       threads MS N UID    four threads, each with a directory of its own
       logins MS N MAIL PASSWORD          forget MS      frees the entry found last */
#include "config.h"

#include "cleanup.h"
#include "clock.h"
#include "portald/directory.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WORDS_MAX 64
#define LINE_SIZE 32768
#define THREADS   4

struct probe {
    struct directory_options options;
    struct directory *directory;
    struct entry *entry;
    char *words[WORDS_MAX];
    size_t count;
    long long deadline;
};

static const char *const KEYS[] = {
    [DIRECTORY_MAIL] = "mail",
    [DIRECTORY_LOGIN] = "login",
    [DIRECTORY_CONFIRMED_MAIL] = "confirmed",
    [DIRECTORY_FORMER_MAIL] = "former",
    [DIRECTORY_POLICY] = "policy",
    [DIRECTORY_PENDING] = "pending",
    [DIRECTORY_UID] = "uid",
    [DIRECTORY_UUID] = "uuid",
    [DIRECTORY_SESSION] = "session",
    [DIRECTORY_JOB] = "job",
};

static const char *const OPS[] = {"set", "add", "remove", "clear"};

static int look_up(const char *const *table, size_t count, const char *word)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(table[i], word) == 0)
            return (int)i;
    return -EINVAL;
}

static const char *word(const struct probe *p, size_t i)
{
    return i < p->count ? p->words[i] : "";
}

static void show(const char *name, const char *value)
{
    printf("%s=%s\n", name, value ? value : "");
}

static int do_find(struct probe *p)
{
    int key = look_up(KEYS, ELEMENTS(KEYS), word(p, 2));
    p->entry = entry_free(p->entry);
    return key < 0 ? key
                   : directory_find(p->directory, (enum directory_key)key, word(p, 3),
                                    strcmp(word(p, 4), "secrets") == 0, p->deadline, &p->entry);
}

static void show_entry(const struct entry *e)
{
    show("dn", e->dn);
    show("uid", e->uid);
    show("uuid", e->uuid);
    show("name", e->name);
    show("mail", e->mail);
    show("state", account_state_word(e->state));
    show("problem", e->problem);
    show("puk", e->puk ? "there" : "");
    show("password", e->password ? "there" : "");
    printf("revision=%llu\nepoch=%llu\nhistory=%zu\npending=%zu\nfailures=%u\n",
           (unsigned long long)e->revision, (unsigned long long)e->session_epoch, e->history_count,
           e->pending_count, e->failures[FACTOR_PASSWORD].count);
}

static int do_verify(struct probe *p)
{
    const char *dn = strcmp(word(p, 2), "-") == 0 ? NULL : word(p, 2);
    return directory_verify(p->directory, dn, word(p, 3), p->deadline);
}

static int do_swap(struct probe *p)
{
    struct changes changes = {0};
    for (size_t i = 2; i + 2 < p->count; i += 3) {
        int op = look_up(OPS, ELEMENTS(OPS), p->words[i]);
        int attribute = attribute_find(p->words[i + 1], strlen(p->words[i + 1]));
        if (op < 0 || attribute < 0)
            return -EINVAL;
        if (op == CHANGE_CLEAR)
            changes_drop(&changes, (enum attribute)attribute);
        else
            changes_string(&changes, (enum change_op)op, (enum attribute)attribute,
                           p->words[i + 2]);
    }
    int r = p->entry ? directory_swap(p->directory, p->entry, &changes, p->deadline) : -EINVAL;
    changes_clear(&changes);
    return r;
}

/* One find and one swap. When nobody knows what became of the swap, its revision tells, as long as
   nobody else writes. */
static int increment_once(struct directory *d, const char *uid, long long deadline)
{
    _cleanup_(entry_free_p) struct entry *e = NULL, *after = NULL;
    struct changes changes = {0};
    int r = directory_find(d, DIRECTORY_UID, uid, false, deadline, &e);
    if (r < 0)
        return r;
    changes_number(&changes, ATTRIBUTE_SESSION_EPOCH, e->session_epoch + 1);
    r = directory_swap(d, e, &changes, deadline);
    changes_clear(&changes);
    if (r != -EUCLEAN)
        return r;
    r = directory_find(d, DIRECTORY_UID, uid, false, deadline, &after);
    return r < 0 ? r : after->revision == e->revision + 1 ? 0 : -ESTALE;
}

static int increment(struct directory *d, const char *uid, long long deadline)
{
    int r;
    do
        r = increment_once(d, uid, deadline);
    while (r == -ESTALE);
    return r;
}

static int do_count(struct probe *p)
{
    for (int n = atoi(word(p, 2)); n > 0; n--) {
        int r = increment(p->directory, word(p, 3), p->deadline);
        if (r < 0)
            return r;
    }
    return 0;
}

/* Each find and bind has the deadline for itself. */
static int do_finds(struct probe *p)
{
    long long each = p->deadline - clock_monotonic_ms();
    long long end = clock_monotonic_ms() + 1000LL * atoi(word(p, 2));
    unsigned done = 0, failed = 0;
    char first[256] = "";
    while (clock_monotonic_ms() < end) {
        _cleanup_(entry_free_p) struct entry *e = NULL;
        int r = directory_find(p->directory, DIRECTORY_UID, word(p, 3), false,
                               clock_monotonic_ms() + each, &e);
        if (r == 0)
            r = directory_verify(p->directory, NULL, "wrong", clock_monotonic_ms() + each);
        done++;
        if (r != -EACCES && failed++ == 0)
            snprintf(first, sizeof first, "%s", directory_error(p->directory));
    }
    printf("done=%u\nfailed=%u\nfirst=%s\n", done, failed, first);
    return 0;
}

struct thread {
    pthread_t id;
    const struct probe *probe;
    int result;
};

static int mixed_work(const struct probe *p, struct directory *d)
{
    for (int n = atoi(word(p, 2)); n > 0; n--) {
        int r = increment(d, word(p, 3), p->deadline);
        if (r == 0)
            r = directory_verify(d, NULL, "wrong", p->deadline);
        if (r == -EACCES)
            r = directory_touch_decoy(d, p->deadline);
        if (r < 0)
            return r;
    }
    return 0;
}

static void *work(void *argument)
{
    struct thread *t = argument;
    _cleanup_(directory_free_p) struct directory *d = NULL;
    t->result = directory_open(&t->probe->options, &d);
    if (t->result == 0)
        t->result = mixed_work(t->probe, d);
    return NULL;
}

static int do_threads(struct probe *p)
{
    struct thread threads[THREADS];
    int r = 0;
    for (size_t i = 0; i < THREADS; i++) {
        threads[i] = (struct thread){.probe = p, .result = -EAGAIN};
        if (pthread_create(&threads[i].id, NULL, work, &threads[i]) != 0)
            abort();
    }
    for (size_t i = 0; i < THREADS; i++) {
        pthread_join(threads[i].id, NULL);
        if (threads[i].result < 0)
            r = threads[i].result;
    }
    return r;
}

static int do_logins(struct probe *p)
{
    for (int n = atoi(word(p, 2)); n > 0; n--) {
        _cleanup_(entry_free_p) struct entry *e = NULL;
        int r = directory_find(p->directory, DIRECTORY_LOGIN, word(p, 3), false, p->deadline, &e);
        if (r == 0)
            r = directory_verify(p->directory, e->dn, word(p, 4), p->deadline);
        if (r < 0)
            return r;
    }
    return 0;
}

static int do_forget(struct probe *p)
{
    p->entry = entry_free(p->entry);
    return 0;
}

static int do_touch(struct probe *p)
{
    return directory_touch_decoy(p->directory, p->deadline);
}

static int do_ping(struct probe *p)
{
    return directory_ping(p->directory, p->deadline);
}

static const struct {
    const char *name;
    int (*run)(struct probe *p);
} COMMANDS[] = {
    {"find", do_find},     {"forget", do_forget},   {"verify", do_verify}, {"swap", do_swap},
    {"touch", do_touch},   {"ping", do_ping},       {"count", do_count},   {"finds", do_finds},
    {"logins", do_logins}, {"threads", do_threads},
};

static void run(struct probe *p, char *line, size_t size)
{
    char *rest = NULL;
    long long begin = clock_monotonic_ms();
    int r = -ENOSYS;
    p->count = 0;
    /* Empty words count: no strtok(). */
    for (rest = line; rest && p->count < WORDS_MAX;)
        p->words[p->count++] = strsep(&rest, "\t");
    p->deadline = begin + atoll(word(p, 1));
    for (size_t i = 0; i < ELEMENTS(COMMANDS); i++)
        if (strcmp(word(p, 0), COMMANDS[i].name) == 0)
            r = COMMANDS[i].run(p);
    printf("%s\t%lld\t%s\n", r == 0 ? "0" : strerrorname_np(-r), clock_monotonic_ms() - begin,
           r < 0 ? directory_error(p->directory) : "");
    if (r == 0 && strcmp(word(p, 0), "find") == 0)
        show_entry(p->entry);
    explicit_bzero(line, size);
    puts(".");
    fflush(stdout);
}

/* Byte by byte into one buffer, wiped after each command: a test looks for what is left of
   secrets. */
static bool read_line(char *line, size_t size)
{
    size_t n = 0;
    char c;
    while (n + 1 < size && read(STDIN_FILENO, &c, 1) == 1) {
        if (c == '\n') {
            line[n] = '\0';
            return true;
        }
        line[n++] = c;
    }
    return false;
}

static void read_option(struct directory_options *o, char *option)
{
    if (strncmp(option, "bind=", 5) == 0)
        o->bind_dn = option + 5;
    else if (strncmp(option, "password=", 9) == 0)
        o->bind_password = option + 9;
    else if (strncmp(option, "ca=", 3) == 0)
        o->ca_file = option + 3;
    else if (strncmp(option, "cert=", 5) == 0)
        o->cert_file = option + 5;
    else if (strncmp(option, "key=", 4) == 0)
        o->key_file = option + 4;
    else if (strncmp(option, "reply=", 6) == 0)
        o->network_timeout = atol(option + 6);
    else if (strcmp(option, "starttls") == 0)
        o->starttls = 1;
    else
        exit(2);
}

int main(int argc, char **argv)
{
    struct probe p = {.options = {.network_timeout = 10}};
    static char line[LINE_SIZE];
    if (argc < 4)
        return 2;
    p.options.uri = argv[1];
    p.options.base = argv[2];
    p.options.decoy_dn = argv[3];
    for (int i = 4; i < argc; i++)
        read_option(&p.options, argv[i]);
    int r = directory_open(&p.options, &p.directory);
    if (r < 0) {
        printf("%s\n", strerrorname_np(-r));
        return 1;
    }
    while (read_line(line, sizeof line))
        run(&p, line, sizeof line);
    entry_free(p.entry);
    directory_free(p.directory);
    return 0;
}
