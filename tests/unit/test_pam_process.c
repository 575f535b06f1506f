/* The module as a guest: what a process that logged somebody in has, it must have had before. No
   libpam on the way but the one that the module itself links: entry points are called as libpam
   does. */
#include "config.h"

#include <dirent.h>
#include <dlfcn.h>
#include <elf.h>
#include <fcntl.h>
#include <link.h>
#include <pthread.h>
#include <security/pam_appl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "cleanup.h"
#include "pam_place.h"
#include "wire.h"

#define SIGNALS 32
#define LOGINS  20
#define THREADS 4

static const char *const entry_points[] = {
    "pam_sm_authenticate", "pam_sm_setcred",       "pam_sm_acct_mgmt",
    "pam_sm_open_session", "pam_sm_close_session", "pam_sm_chauthtok",
};

static char module_path[4096];
static bool instrumented; /* sanitizers add symbols, threads and handlers of their own */

/* --- Ways to log in --- */

/* free() writes into the first bytes of what it is given, so a word that wasn't wiped is found by
   its end. */
#define LONG "ein-Anfang-der-so-lang-ist-wie-was-free-ueberschreibt:"

static const struct place_flow flows[] = {
    {"password", "", {{.verdict = WIRE_OK, .account = true}}, 1, {LONG "Xylophon-Quarz"}},
    {"code in steps",
     "",
     {{.verdict = WIRE_CODE_NEEDED, .state = "s"}, {.verdict = WIRE_OK, .account = true}},
     2,
     {LONG "Quarz-in-Schritten", LONG "Ziffern-in-Schritten"}},
    {"code together",
     "prompt=together",
     {{.verdict = WIRE_OK, .account = true}},
     1,
     {LONG "Quarz-zugleich", LONG "Ziffern-zugleich"}},
    {"code behind the password",
     "prompt=combined",
     {{.verdict = WIRE_OK, .account = true}},
     1,
     {LONG "Quarz-und-Ziffern-in-einem"}},
    {"set-up",
     "enroll=require",
     {{.verdict = WIRE_OK, .account = true, .grant = "g"},
      {.verdict = WIRE_OK, .state = "s", .uri = "otpauth://totp/" LONG "Geheimnis-der-App"},
      {.verdict = WIRE_WRONG},
      {.verdict = WIRE_OK}},
     4,
     {LONG "Quarz-vor-der-App", LONG "Ziffern-daneben", LONG "Ziffern-der-App"}},
    {"recovery",
     "recover",
     {{.verdict = WIRE_OK},
      {.verdict = WIRE_OK, .grant = "g"},
      {.verdict = WIRE_OK, .state = "s"},
      {.verdict = WIRE_OK, .account = true}},
     4,
     {LONG "Ziffern-aus-der-Post", LONG "Zeichen-aus-dem-Brief", LONG "Quarz-von-heute",
      LONG "Quarz-von-heute", LONG "Ziffern-nach-der-Post"}},
};

/* --- What a process has --- */

static size_t count_in(const char *directory)
{
    DIR *d = opendir(directory);
    size_t count = 0;

    assert_non_null(d);
    while (readdir(d))
        count++;
    closedir(d);
    return count;
}

struct state {
    size_t descriptors, threads;
    struct sigaction actions[SIGNALS];
    sigset_t mask;
    mode_t umask;
    struct rlimit core;
    char directory[4096];
};

static void state_take(struct state *ret)
{
    memset(ret, 0, sizeof *ret);
    ret->descriptors = count_in("/proc/self/fd");
    ret->threads = count_in("/proc/self/task");
    for (int i = 1; i < SIGNALS; i++)
        sigaction(i, NULL, &ret->actions[i]);
    sigprocmask(SIG_BLOCK, NULL, &ret->mask);
    ret->umask = umask(0);
    umask(ret->umask);
    getrlimit(RLIMIT_CORE, &ret->core);
    assert_non_null(getcwd(ret->directory, sizeof ret->directory));
}

static void state_compare(const struct state *before, const struct state *after)
{
    assert_int_equal(before->descriptors, after->descriptors);
    assert_int_equal(before->threads, after->threads);
    for (int i = 1; i < SIGNALS; i++)
        assert_ptr_equal(before->actions[i].sa_handler, after->actions[i].sa_handler);
    assert_memory_equal(&before->mask, &after->mask, sizeof before->mask);
    assert_int_equal(before->umask, after->umask);
    assert_memory_equal(&before->core, &after->core, sizeof before->core);
    assert_string_equal(before->directory, after->directory);
}

/* --- The file --- */

static void *module_open(void)
{
    void *module = dlopen(module_path, RTLD_NOW | RTLD_LOCAL);

    if (!module)
        fail_msg("%s", dlerror());
    return module;
}

static bool is_entry_point(const char *name)
{
    for (size_t i = 0; i < ELEMENTS(entry_points); i++)
        if (strcmp(name, entry_points[i]) == 0)
            return true;
    return false;
}

struct dynamic {
    const ElfW(Sym) * symbols;
    const char *strings;
    size_t symbol_count;
    bool has_constructors;
    size_t needed[16], needed_count;
};

/* How many symbols the GNU hash table knows: its last chain's end. */
static size_t symbols_of(const uint32_t *hash)
{
    const uint32_t *buckets = hash + 4 + hash[2] * (sizeof(ElfW(Addr)) / sizeof(uint32_t));
    const uint32_t *chain = buckets + hash[0];
    uint32_t last = 0;

    for (uint32_t i = 0; i < hash[0]; i++)
        if (buckets[i] > last)
            last = buckets[i];
    while (last >= hash[1] && !(chain[last - hash[1]] & 1))
        last++;
    return last + 1;
}

static struct dynamic dynamic_read(void *module)
{
    struct dynamic d = {0};
    const struct link_map *map = NULL;

    assert_int_equal(dlinfo(module, RTLD_DI_LINKMAP, &map), 0);
    for (const ElfW(Dyn) *entry = map->l_ld; entry->d_tag != DT_NULL; entry++) {
        const void *pointer = (const void *)entry->d_un.d_ptr; /* NOLINT: that is what it is */

        if (entry->d_tag == DT_SYMTAB)
            d.symbols = pointer;
        else if (entry->d_tag == DT_STRTAB)
            d.strings = pointer;
        else if (entry->d_tag == DT_GNU_HASH)
            d.symbol_count = symbols_of(pointer);
        else if (entry->d_tag == DT_NEEDED && d.needed_count < ELEMENTS(d.needed))
            d.needed[d.needed_count++] = entry->d_un.d_val;
        else if (entry->d_tag == DT_INIT_ARRAYSZ)
            d.has_constructors = entry->d_un.d_val > sizeof(void *); /* one: the compiler's own */
    }
    return d;
}

static void test_module_exports_the_six_entry_points_and_nothing_else(void **state)
{
    void *module = module_open();
    struct dynamic d = dynamic_read(module);
    size_t exported = 0;

    (void)state;
    for (size_t i = 0; i < d.symbol_count; i++) {
        const char *name = d.strings + d.symbols[i].st_name;

        if (d.symbols[i].st_shndx == SHN_UNDEF || !*name)
            continue;
        exported++;
        if (!is_entry_point(name))
            fail_msg("exported: %s", name);
    }
    assert_int_equal(exported, ELEMENTS(entry_points));
    for (size_t i = 0; i < ELEMENTS(entry_points); i++)
        assert_non_null(dlsym(module, entry_points[i]));
    dlclose(module);
}

static void test_module_links_libpam_and_libc_only(void **state)
{
    void *module = module_open();
    struct dynamic d = dynamic_read(module);

    (void)state;
    if (instrumented) {
        print_message("a sanitizer adds libraries and constructors of its own\n");
        skip();
    }
    for (size_t i = 0; i < d.needed_count; i++) {
        const char *name = d.strings + d.needed[i];

        if (strcmp(name, "libpam.so.0") != 0 && strcmp(name, "libc.so.6") != 0)
            fail_msg("linked: %s", name);
    }
    assert_int_equal(d.needed_count, 2);
    dlclose(module);
}

static void test_module_has_no_constructors(void **state)
{
    void *module = module_open();

    (void)state;
    if (instrumented) {
        print_message("a sanitizer adds libraries and constructors of its own\n");
        skip();
    }
    assert_false(dynamic_read(module).has_constructors);
    dlclose(module);
}

/* --- In the process --- */

static void test_logins_leave_the_process_as_it_was(void **state)
{
    struct state before, after;
    int authenticate, account;

    (void)state;
    for (size_t i = 0; i < ELEMENTS(flows); i++) {
        size_t logins = FAKE_REPLIES / flows[i].reply_count;
        void *place = NULL;

        assert_int_equal(place_setup(&place), 0);
        place_make(place, module_path, &flows[i], logins);
        place_login(place, &authenticate, &account); /* libpam and libc make themselves at home */
        state_take(&before);
        for (size_t k = 1; k < logins; k++) {
            place_login(place, &authenticate, &account);
            assert_int_equal(authenticate, PAM_SUCCESS);
            assert_int_equal(account, PAM_SUCCESS);
        }
        state_take(&after);
        state_compare(&before, &after);
        assert_int_equal(place_teardown(&place), 0);
    }
}

/* Who gives up half-way leaves no more behind: the answers end after the first. */
static void test_logins_given_up_leave_the_process_as_it_was(void **state)
{
    struct state before, after;
    int authenticate, account;

    (void)state;
    for (size_t i = 0; i < ELEMENTS(flows); i++) {
        struct place_flow flow = flows[i];
        void *place = NULL;

        if (flow.reply_count == 1)
            continue;
        flow.answers[1] = NULL;
        assert_int_equal(place_setup(&place), 0);
        place_make(place, module_path, &flow, 1);
        state_take(&before);
        place_login(place, &authenticate, &account);
        assert_int_equal(authenticate, PAM_CONV_ERR);
        assert_int_not_equal(account, PAM_SUCCESS);
        state_take(&after);
        state_compare(&before, &after);
        assert_int_equal(place_teardown(&place), 0);
    }
}

static void test_failed_logins_leave_the_process_as_it_was(void **state)
{
    struct place *place = *state;
    struct state before, after;
    int authenticate, account;

    place_make(place, module_path, &flows[0], 0);
    place_login(place, &authenticate, &account);
    state_take(&before);
    for (size_t i = 0; i < LOGINS; i++) {
        place_login(place, &authenticate, &account);
        assert_int_equal(authenticate, PAM_AUTHINFO_UNAVAIL);
        assert_int_equal(account, PAM_AUTHINFO_UNAVAIL);
    }
    state_take(&after);
    state_compare(&before, &after);
}

/* Above FD_SETSIZE a select() would write beside its set (CVE-2013-0288). */
static void test_login_works_with_more_descriptors_than_select_knows(void **state)
{
    struct rlimit limit;
    struct place *place = *state;
    int authenticate, account, null = open("/dev/null", O_RDONLY | O_CLOEXEC), last = null;

    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    if (limit.rlim_max < 2048) {
        print_message("the limit of open files, %lu, is too low\n", (unsigned long)limit.rlim_max);
        close(null);
        skip();
    }
    limit.rlim_cur = 2048;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
    place_make(place, module_path, &flows[0], 1);
    while (last < 1200) {
        last = dup(null);
        assert_true(last >= 0);
    }
    place_login(place, &authenticate, &account);
    assert_int_equal(authenticate, PAM_SUCCESS);
    for (int fd = null; fd <= last; fd++)
        if (fd != place->fake.control)
            close(fd);
}

/* Does the word stand anywhere in this process that can be written to? */
static bool memory_has(const char *word)
{
    _cleanup_fclose_ FILE *maps = fopen("/proc/self/maps", "re");
    char line[4096], access[5];
    unsigned long first, last;

    assert_non_null(maps);
    while (fgets(line, sizeof line, maps))
        if (sscanf(line, "%lx-%lx %4s", &first, &last, access) == 3 &&
            strncmp(access, "rw", 2) == 0 && !strstr(line, "[v") && /* not [vvar] */
            memmem((const void *)first, last - first, word, strlen(word)))
            return true;
    return false;
}

static void memory_check(const struct place_flow *flow, const char *word)
{
    const char *end = word ? strstr(word, LONG) : NULL;

    if (end && memory_has(end + strlen(LONG)))
        fail_msg("%s: \"%s\" is still there", flow->name, end + strlen(LONG));
}

static void test_no_secret_stays_in_memory(void **state)
{
    char *left = strdup(LONG "ein-Wort-das-niemand-sonst-sagt");
    int authenticate, account;

    (void)state;
    assert_non_null(left);
    free(left);
    if (instrumented) {
        print_message("memory that a sanitizer keeps can't be walked through\n");
        skip();
    }
    assert_true(memory_has("ein-Wort-das-niemand-sonst-sagt")); /* unwiped, it is seen */
    for (size_t i = 0; i < ELEMENTS(flows); i++) {
        void *place = NULL;

        assert_int_equal(place_setup(&place), 0);
        place_make(place, module_path, &flows[i], 1);
        place_login(place, &authenticate, &account);
        assert_int_equal(authenticate, PAM_SUCCESS);
        for (size_t k = 0; k < PLACE_STEPS; k++) {
            memory_check(&flows[i], flows[i].answers[k]);
            memory_check(&flows[i], flows[i].replies[k].uri);
        }
        assert_int_equal(place_teardown(&place), 0);
    }
}

struct worker {
    const struct place *place;
    int authenticate, account;
};

static void *worker_main(void *data)
{
    struct worker *worker = data;

    place_login(worker->place, &worker->authenticate, &worker->account);
    return NULL;
}

static void test_several_threads_log_in_at_once(void **state)
{
    struct place *place = *state;
    struct worker workers[THREADS];
    pthread_t threads[THREADS];

    place_make(place, module_path, &flows[0], THREADS);
    for (size_t i = 0; i < THREADS; i++) {
        workers[i] = (struct worker){.place = place};
        assert_int_equal(pthread_create(&threads[i], NULL, worker_main, &workers[i]), 0);
    }
    for (size_t i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_int_equal(workers[i].authenticate, PAM_SUCCESS);
        assert_int_equal(workers[i].account, PAM_SUCCESS);
    }
}

/* A SIGPIPE from a portald that closes would end an application that doesn't ignore it. */
static void test_portald_that_closes_raises_no_signal(void **state)
{
    struct place *place = *state;
    int authenticate, account;

    place_make(place, module_path, &flows[0], 2);
    for (size_t i = 0; i < place->fake.count; i++)
        place->fake.replies[i].manner = FAKE_CLOSES;
    signal(SIGPIPE, SIG_DFL);
    free(fake_stop(&place->fake)); /* started before it knew */
    {
        _cleanup_free_ char *path = NULL;

        assert_true(asprintf(&path, "rm -f %s/*.sock", place->directory) > 0);
        assert_int_equal(system(path), 0);
    }
    fake_start(&place->fake);
    place_login(place, &authenticate, &account);
    assert_int_equal(authenticate, PAM_AUTHINFO_UNAVAIL);
}

int main(void)
{
    const char *module = getenv("PAM_PORTAL_MODULE"), *build = getenv("PORTAL_BUILDDIR");
    const struct CMUnitTest tests[] = {
        /* first: later on, records of the fake portald lie about */
        cmocka_unit_test(test_no_secret_stays_in_memory),
        cmocka_unit_test_setup_teardown(test_module_exports_the_six_entry_points_and_nothing_else,
                                        place_setup, place_teardown),
        cmocka_unit_test_setup_teardown(test_module_links_libpam_and_libc_only, place_setup,
                                        place_teardown),
        cmocka_unit_test_setup_teardown(test_module_has_no_constructors, place_setup,
                                        place_teardown),
        cmocka_unit_test(test_logins_leave_the_process_as_it_was),
        cmocka_unit_test(test_logins_given_up_leave_the_process_as_it_was),
        cmocka_unit_test_setup_teardown(test_failed_logins_leave_the_process_as_it_was, place_setup,
                                        place_teardown),
        cmocka_unit_test_setup_teardown(test_login_works_with_more_descriptors_than_select_knows,
                                        place_setup, place_teardown),
        cmocka_unit_test_setup_teardown(test_several_threads_log_in_at_once, place_setup,
                                        place_teardown),
        cmocka_unit_test_setup_teardown(test_portald_that_closes_raises_no_signal, place_setup,
                                        place_teardown),
    };

    if (module)
        snprintf(module_path, sizeof module_path, "%s", module);
    else
        snprintf(module_path, sizeof module_path, "%s/pam_portal/.libs/pam_portal.so",
                 build ? build : ".");
    instrumented = dlsym(RTLD_DEFAULT, "__asan_init") || dlsym(RTLD_DEFAULT, "__tsan_init") ||
                   dlsym(RTLD_DEFAULT, "__ubsan_handle_type_mismatch_v1");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
