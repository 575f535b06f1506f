/* What falls due by the calendar, with more entries that fail than one turn takes: they keep no
   other from having its turn, and no turn looks at more than a page. Directory, queue and mail are
   played here. */
#include "config.h"

#include "account_fixture.h"
#include "portald/letter.h"
#include "portald/reminder.h"
#include "portald/swap.h"

#include "clock.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define BROKEN 120 /* more than two turns' worth, and before all others */
#define ALL    200
#define TURNS  50

static struct {
    struct entry entries[ALL];
    char uuids[ALL][JOB_ENTRY_SIZE];
    struct entry_pending pending;
    struct entry_letter letter;
    bool done[ALL];
    unsigned tries[ALL], pages;
    int error; /* of the broken ones */
    bool lost; /* the next page, once */
} world;

static size_t number_of(const struct entry *entry)
{
    return (size_t)(entry - world.entries);
}

/* The next page: the cookie is the number of the entry that it begins with. The broken ones come
   first, as they always would. */
static int visit_page(struct directory_place *place, directory_visit *visit, void *userdata)
{
    size_t i = 0, most = DIRECTORY_PLACE_ENTRIES;
    int r = 0;

    if (place->size > 0)
        memcpy(&i, place->cookie, sizeof i);
    place->size = 0;
    world.pages++;
    if (world.lost) {
        world.lost = false;
        return -ECONNRESET;
    }
    for (; i < ALL && most > 0; i++)
        if (world.entries[i].state != ACCOUNT_PROVISIONED) {
            if ((r = visit(userdata, &world.entries[i])) != 0)
                return r;
            most--;
        }
    if (i == ALL)
        return 0;
    memcpy(place->cookie, &i, sizeof i);
    place->size = sizeof i;
    return 1;
}

static int try_one(const struct entry *entry)
{
    size_t n = number_of(entry);

    world.tries[n]++;
    if (n < BROKEN)
        return world.error;
    world.done[n] = true;
    return 0;
}

int __wrap_directory_each_between(struct directory *d, struct directory_place *place,
                                  enum attribute attribute, time_t from, time_t to,
                                  directory_visit *visit, void *userdata);
int __wrap_directory_each_between(struct directory *d, struct directory_place *place,
                                  enum attribute attribute, time_t from, time_t to,
                                  directory_visit *visit, void *userdata)
{
    (void)d, (void)attribute, (void)from, (void)to;
    return visit_page(place, visit, userdata);
}

int __wrap_directory_each_with(struct directory *d, struct directory_place *place,
                               enum attribute attribute, const char *value, directory_visit *visit,
                               void *userdata);
int __wrap_directory_each_with(struct directory *d, struct directory_place *place,
                               enum attribute attribute, const char *value, directory_visit *visit,
                               void *userdata)
{
    (void)d, (void)attribute, (void)value;
    return visit_page(place, visit, userdata);
}

/* Nobody has a former address here. */
int __wrap_directory_each_present(struct directory *d, struct directory_place *place,
                                  enum attribute attribute, directory_visit *visit, void *userdata);
int __wrap_directory_each_present(struct directory *d, struct directory_place *place,
                                  enum attribute attribute, directory_visit *visit, void *userdata)
{
    (void)d, (void)place, (void)visit, (void)userdata;
    assert_int_equal(attribute, ATTRIBUTE_FORMER_MAIL);
    return 0;
}

int __wrap_directory_find(struct directory *d, enum directory_key key, const char *value,
                          bool secrets, long long deadline, struct entry **ret);
int __wrap_directory_find(struct directory *d, enum directory_key key, const char *value,
                          bool secrets, long long deadline, struct entry **ret)
{
    (void)d, (void)key, (void)secrets, (void)deadline;
    *ret = &world.entries[atoi(value)];
    return 0;
}

struct entry *__wrap_entry_free(struct entry *entry);
struct entry *__wrap_entry_free(struct entry *entry)
{
    (void)entry;
    return NULL;
}

int __wrap_entry_swap(struct directory *d, const struct entry *entry, const struct changes *changes,
                      long long deadline);
int __wrap_entry_swap(struct directory *d, const struct entry *entry, const struct changes *changes,
                      long long deadline)
{
    int r = try_one(entry);

    (void)d, (void)changes, (void)deadline;
    if (r == 0)
        world.entries[number_of(entry)].state = ACCOUNT_PROVISIONED;
    return r;
}

/* No reminder is on record but those that this test took; then the next look would pass them. */
int __wrap_queue_get(struct queue *queue, const char *id, struct job *ret);
int __wrap_queue_get(struct queue *queue, const char *id, struct job *ret)
{
    (void)queue, (void)id, (void)ret;
    return -ENOENT;
}

int __wrap_letter_mail(const struct manager *m, const struct entry *entry, const char *job,
                       const char *topic, time_t day, time_t now);
int __wrap_letter_mail(const struct manager *m, const struct entry *entry, const char *job,
                       const char *topic, time_t day, time_t now)
{
    int r = try_one(entry);

    (void)m, (void)job, (void)topic, (void)day, (void)now;
    if (r == 0)
        world.entries[number_of(entry)].state = ACCOUNT_PROVISIONED; /* not due any more */
    return r;
}

static void make_entries(enum account_state state, int error)
{
    time_t now = clock_now();

    memset(&world, 0, sizeof world);
    world.error = error;
    world.pending.expires = now - 31 * DAY;
    strcpy(world.letter.kind, "access");
    strcpy(world.letter.job, JOB_A);
    strcpy(world.letter.state, "posted");
    for (size_t i = 0; i < ALL; i++) {
        struct entry *e = &world.entries[i];
        snprintf(world.uuids[i], sizeof world.uuids[i], "%zu", i);
        *e = (struct entry){.mail = world.uuids[i],
                            .state = state,
                            .pending = &world.pending,
                            .pending_count = 1,
                            .letters = &world.letter,
                            .letter_count = 1,
                            .initial_expires = state == ACCOUNT_INITIAL ? now + DAY : 0};
        snprintf(e->uid, sizeof e->uid, "%zu", i);
        snprintf(e->uuid, sizeof e->uuid, "%zu", i);
    }
}

/* Returns how many turns it took until nothing was left to do. */
static unsigned take_turns(struct reminder *reminder)
{
    static struct settings settings;
    static struct keys keys;
    struct manager m = {.settings = &settings, .keys = &keys};
    unsigned turns = 0;
    int r;

    settings.rules = rules;
    while ((r = reminder_turn(reminder, &m, NULL)) > 0 && turns < TURNS)
        turns++;
    assert_int_equal(r, 0);
    return turns;
}

static void assert_only_broken_are_left(unsigned tries)
{
    for (size_t i = 0; i < ALL; i++) {
        assert_int_equal(world.done[i], i >= BROKEN);
        assert_int_equal(world.tries[i], i < BROKEN ? tries : 1);
    }
}

static void test_registrations_that_cannot_be_forgotten_keep_no_other(void **state)
{
    struct reminder reminder = {0};

    (void)state;
    make_entries(ACCOUNT_PENDING, -EPERM);
    assert_true(take_turns(&reminder) < TURNS);
    assert_only_broken_are_left(1);
    assert_int_equal(take_turns(&reminder), 0); /* not before the next look … */
    assert_only_broken_are_left(1);
    reminder.looked -= HOUR; /* … when they are tried again */
    assert_true(take_turns(&reminder) < TURNS);
    assert_only_broken_are_left(2);
}

static void test_customers_who_cannot_be_reminded_keep_no_other(void **state)
{
    struct reminder reminder = {0};

    (void)state;
    make_entries(ACCOUNT_INITIAL, -E2BIG);
    assert_true(take_turns(&reminder) < TURNS);
    assert_only_broken_are_left(1);
}

static void test_full_disk_ends_the_turn_and_counts_against_nobody(void **state)
{
    struct reminder reminder = {0};
    struct settings settings = {.rules = rules};
    struct keys keys = {0};
    struct manager m = {.settings = &settings, .keys = &keys};

    (void)state;
    make_entries(ACCOUNT_INITIAL, -ENOSPC);
    assert_int_equal(reminder_turn(&reminder, &m, NULL), -ENOSPC);
    assert_int_equal(world.tries[0], 1);
    assert_int_equal(world.tries[1], 0);
    world.error = -E2BIG;
    assert_true(take_turns(&reminder) < TURNS);
    assert_true(world.done[ALL - 1]);
    assert_int_equal(world.tries[0], 2);
}

static void test_turn_looks_at_one_page_however_many_there_are(void **state)
{
    struct reminder reminder = {0};
    struct settings settings = {.rules = rules};
    struct keys keys = {0};
    struct manager m = {.settings = &settings, .keys = &keys};

    (void)state;
    make_entries(ACCOUNT_PENDING, -EPERM);
    for (unsigned turn = 1; turn < ALL / DIRECTORY_PLACE_ENTRIES; turn++) {
        assert_int_equal(reminder_turn(&reminder, &m, NULL), 1);
        assert_int_equal(world.pages, turn);
    }
}

static void test_lost_place_begins_the_look_again(void **state)
{
    struct reminder reminder = {0};

    (void)state;
    make_entries(ACCOUNT_PENDING, -ECONNRESET);
    reminder = (struct reminder){.looked = 1, .step = REMINDER_FORGET};
    world.lost = true;
    assert_true(take_turns(&reminder) < TURNS);
    assert_true(world.done[ALL - 1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_registrations_that_cannot_be_forgotten_keep_no_other),
        cmocka_unit_test(test_customers_who_cannot_be_reminded_keep_no_other),
        cmocka_unit_test(test_full_disk_ends_the_turn_and_counts_against_nobody),
        cmocka_unit_test(test_turn_looks_at_one_page_however_many_there_are),
        cmocka_unit_test(test_lost_place_begins_the_look_again),
    };

    return cmocka_run_group_tests_name("reminder", tests, NULL, NULL);
}
