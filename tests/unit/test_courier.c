/* Couriers between a real queue and a mailer that this program plays itself: started with --config
   it does what the file's name says. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "cleanup.h"
#include "clock.h"
#include "log.h"
#include "mail_fixture.h"
#include "mailer/protocol.h"
#include "portald/courier.h"
#include "scratch.h"
#include "wire.h"

#define PATIENCE_MS 10000
#define MAILS       5
#define PAYLOAD                                                                                    \
    "{\"to\": \"erika.muster@kunde.example\", \"language\": \"de\", \"name\": \"Erika\"}"

static const long schedule[] = {60, 300, 900, 3600};

/* The mailer that is played ------------------------------------------------------------------- */

static bool next_mail(int fd, char job[static ULID_SIZE])
{
    static uint8_t buffer[MAILER_MAIL_MAX];
    struct wire_frame frame;
    size_t size = 0, have = 0;

    while (wire_frame_size(buffer, have, sizeof buffer, &size) == -EAGAIN || have < size) {
        ssize_t n = recv(fd, buffer + have, have < 4 ? 4 - have : size - have, 0);

        if (n <= 0)
            return false;
        have += (size_t)n;
    }
    return wire_parse(buffer, size, &frame) == 0 && frame.type == WIRE_MAIL &&
           wire_get_string(&frame, WIRE_JOB, job, ULID_SIZE) == 0;
}

static void tell(int fd, const char *job, uint8_t result, uint32_t status, const char *text)
{
    struct wire_writer w = {0};

    wire_begin(&w, WIRE_MAIL_RESULT);
    wire_put_string(&w, WIRE_JOB, job);
    wire_put_u8(&w, WIRE_RESULT, result);
    wire_put_u32(&w, WIRE_STATUS, status);
    wire_put_string(&w, WIRE_TEXT, text);
    if (wire_end(&w) == 0 && send(fd, w.data, w.size, MSG_NOSIGNAL) < 0)
        _exit(2);
    wire_writer_clear(&w);
}

/* Whether anything of the parent's came along. */
static bool descriptors_leaked(void)
{
    for (int fd = 3; fd < 100; fd++)
        if (fcntl(fd, F_GETFD) >= 0)
            return true;
    return false;
}

static int play(const char *config)
{
    const char *role = strrchr(config, '/') + 1;
    char job[ULID_SIZE];
    sigset_t mask;

    if (strcmp(role, "garbage") == 0)
        return write(STDIN_FILENO, "HTTP/1.1 200 OK\r\n", 17) == 17 ? 0 : 1;
    if (strcmp(role, "leave") == 0)
        return 0;
    if (strcmp(role, "inherit") == 0) {
        sigprocmask(SIG_BLOCK, NULL, &mask);
        if (descriptors_leaked() || sigismember(&mask, SIGTERM) || getenv("PORTAL_SECRET") ||
            signal(SIGUSR1, SIG_DFL) != SIG_DFL || strcmp(getenv("HOME"), "/nonexistent") != 0)
            return 1;
        role = "accept";
    }
    for (unsigned i = 0; next_mail(STDIN_FILENO, job); i++) {
        if (strcmp(role, "accept") == 0 || (strcmp(role, "hang") == 0 && i < 2))
            tell(STDIN_FILENO, job, MAILER_ACCEPTED, 250, "250 queued as 4711");
        if (strcmp(role, "defer") == 0)
            tell(STDIN_FILENO, job, MAILER_DEFERRED, 450,
                 "450 <erika.muster@kunde.example>: later");
        if (strcmp(role, "reject") == 0)
            tell(STDIN_FILENO, job, MAILER_REJECTED, 550, "550 no erika.muster here");
        if (strcmp(role, "strange") == 0) {
            tell(STDIN_FILENO, OTHER_JOB, MAILER_ACCEPTED, 250, "not yours");
            tell(STDIN_FILENO, job, MAILER_DEFERRED, 450, "450 later");
            tell(STDIN_FILENO, job, MAILER_ACCEPTED, 250, "said twice");
        }
        if (strcmp(role, "nonsense") == 0)
            tell(STDIN_FILENO, job, 77, 250, "no such result");
    }
    if (strcmp(role, "hang") == 0)
        pause();
    return 0;
}

/* The tests ----------------------------------------------------------------------------------- */

struct stage {
    char directory[SCRATCH_PATH_SIZE];
    struct queue *queue;
    struct compose *compose;
    struct couriers *couriers;
    time_t expires;
    unsigned made;
    char ids[MAILS][ULID_SIZE];
};

static int stage_make(void **state)
{
    struct stage *stage = calloc(1, sizeof *stage);
    char path[SCRATCH_PATH_SIZE + 16], problem[200];
    struct queue_options options = {.path = path, .limit = 1000, .keep = 86400};
    void *scratch = NULL;

    if (!stage || scratch_make(&scratch) < 0)
        return -1;
    snprintf(stage->directory, sizeof stage->directory, "%s", (const char *)scratch);
    free(scratch);
    snprintf(path, sizeof path, "%s/queue", stage->directory);
    *state = stage;
    return queue_open(&options, &stage->queue) < 0 ||
                   compose_open(fixture_options(), &fixture_keys, problem, sizeof problem,
                                &stage->compose) < 0
               ? -1
               : 0;
}

static int stage_remove(void **state)
{
    struct stage *stage = *state;
    void *directory = strdup(stage->directory);

    couriers_stop(stage->couriers);
    compose_free(stage->compose);
    queue_free(stage->queue);
    free(stage);
    return scratch_remove(&directory);
}

static const char *stage_put(struct stage *stage, const char *topic, const char *payload)
{
    struct job job = fixture_job("", topic, payload);
    char *id = stage->ids[stage->made++];

    ulid_make(clock_now_ms(), id);
    snprintf(job.id, sizeof job.id, "%s", id);
    job.state = JOB_READY;
    job.created = job.due = clock_now();
    job.expires = stage->expires;
    assert_int_equal(queue_put(stage->queue, &job), 0);
    return id;
}

static void stage_start(struct stage *stage, const char *role, long deadline, const char *socket)
{
    static char config[SCRATCH_PATH_SIZE + 32];
    struct courier_options options = {
        .couriers = 2,
        .batch = 3,
        .mailer_socket = socket,
        .mailer_program = "/proc/self/exe",
        .mailer_config = config,
        .deadline = deadline,
        .retry = schedule,
        .retries = ELEMENTS(schedule),
    };

    snprintf(config, sizeof config, "%s/%s", stage->directory, role);
    assert_int_equal(couriers_start(&options, stage->compose, stage->queue, &stage->couriers), 0);
}

static struct job await(struct stage *stage, const char *id, enum job_state state)
{
    struct job job = {0};

    for (int i = 0; i < PATIENCE_MS / 20; i++) {
        assert_int_equal(queue_get(stage->queue, id, &job), 0);
        if (job.state == state && job.attempts > 0)
            return job;
        poll(NULL, 0, 20);
    }
    fail_msg("%s is %s: %s", id, job_state_word(job.state), job.note);
    return job;
}

static void test_accepted_mails_are_done_from_that_moment(void **state)
{
    struct stage *stage = *state;
    time_t before = clock_now();
    struct job job;

    stage_put(stage, "confirm", PAYLOAD);
    stage_put(stage, "registered", PAYLOAD);
    stage_start(stage, "accept", 10, NULL);
    job = await(stage, stage->ids[0], JOB_DONE);
    assert_true(job.untold);
    assert_in_range(job.happened, before, clock_now());
    assert_string_equal(job.note, "250 queued as 4711");
    job = await(stage, stage->ids[1], JOB_DONE);
    assert_false(job.untold);
    assert_in_range(job.happened, before, clock_now());
}

static void test_mails_put_later_are_sent_at_once(void **state)
{
    struct stage *stage = *state;

    stage_start(stage, "accept", 10, NULL);
    poll(NULL, 0, 100);
    for (unsigned i = 0; i < MAILS; i++)
        stage_put(stage, "confirm", PAYLOAD);
    for (unsigned i = 0; i < MAILS; i++)
        await(stage, stage->ids[i], JOB_DONE);
}

static void test_deferred_mails_wait_by_the_schedule(void **state)
{
    struct stage *stage = *state;
    time_t before = clock_now();
    struct job job;

    stage_put(stage, "confirm", PAYLOAD);
    stage_start(stage, "defer", 10, NULL);
    job = await(stage, stage->ids[0], JOB_READY);
    assert_int_equal(job.attempts, 1);
    assert_in_range(job.due, before + 48, clock_now() + 72);
    assert_string_equal(job.note, "450 (…) later");
    assert_false(job.untold);
}

static void test_later_attempts_wait_longer_and_the_last_span_repeats(void **state)
{
    static const long spans[] = {60, 300, 900, 3600, 3600};
    struct stage *stage = *state;
    const char *id = stage_put(stage, "confirm", PAYLOAD);

    for (unsigned i = 0; i < ELEMENTS(spans); i++) {
        time_t before = clock_now();
        struct job job;

        stage_start(stage, "defer", 10, NULL);
        for (;;) {
            job = await(stage, id, JOB_READY);
            if (job.attempts == i + 1)
                break;
            poll(NULL, 0, 20);
        }
        stage->couriers = couriers_stop(stage->couriers);
        assert_in_range(job.due, before + spans[i] * 8 / 10, clock_now() + spans[i] * 12 / 10);
        assert_int_equal(queue_retry_now(stage->queue, id, clock_now()), 0);
    }
}

static void test_a_mail_is_given_up_when_it_would_expire_before_the_next_attempt(void **state)
{
    struct stage *stage = *state;

    stage->expires = clock_now() + 47; /* the first retry comes after 48 to 72 s */
    stage_put(stage, "confirm", PAYLOAD);
    stage_start(stage, "defer", 10, NULL);
    await(stage, stage->ids[0], JOB_FAILED);
}

static void test_a_mail_waits_when_the_next_attempt_is_in_time(void **state)
{
    struct stage *stage = *state;

    stage->expires = clock_now() + 90;
    stage_put(stage, "confirm", PAYLOAD);
    stage_start(stage, "defer", 10, NULL);
    await(stage, stage->ids[0], JOB_READY);
}

static void test_rejected_mails_have_failed_and_say_why_without_the_address(void **state)
{
    struct stage *stage = *state;
    struct job job;

    stage_put(stage, "confirm", PAYLOAD);
    stage_start(stage, "reject", 10, NULL);
    job = await(stage, stage->ids[0], JOB_FAILED);
    assert_string_equal(job.note, "550 no (…) here");
    assert_true(job.untold); /* the entry may hold its id */
}

static void test_mails_without_a_result_are_tried_again(void **state)
{
    static const char *const roles[] = {"leave", "garbage", "nonsense", "silent"};
    struct stage *stage = *state;

    for (size_t i = 0; i < ELEMENTS(roles); i++) {
        const char *id = stage_put(stage, "confirm", PAYLOAD);
        struct job job;

        stage_start(stage, roles[i], 1, NULL);
        job = await(stage, id, JOB_READY);
        assert_non_null(strstr(job.note, "the mailer gave no result"));
        stage->couriers = couriers_stop(stage->couriers);
    }
}

static void test_only_the_first_result_of_ones_own_job_counts(void **state)
{
    struct stage *stage = *state;
    struct job job;

    stage_put(stage, "confirm", PAYLOAD);
    stage_start(stage, "strange", 10, NULL);
    job = await(stage, stage->ids[0], JOB_READY);
    assert_string_equal(job.note, "450 later");
}

static void test_a_mailer_that_hangs_is_killed_and_what_it_told_stays(void **state)
{
    struct stage *stage = *state;
    int64_t began = clock_monotonic_ms();
    unsigned done = 0, again = 0;
    struct job job;

    for (unsigned i = 0; i < 3; i++) /* one batch */
        stage_put(stage, "confirm", PAYLOAD);
    stage_start(stage, "hang", 1, NULL);
    for (unsigned i = 0; i < 3; i++) {
        do {
            poll(NULL, 0, 20);
            assert_int_equal(queue_get(stage->queue, stage->ids[i], &job), 0);
        } while (job.state != JOB_DONE && !(job.state == JOB_READY && job.attempts > 0) &&
                 clock_monotonic_ms() - began < PATIENCE_MS);
        done += job.state == JOB_DONE;
        again += job.state == JOB_READY;
    }
    assert_int_equal(done, 2);
    assert_int_equal(again, 1);
    stage->couriers = couriers_stop(stage->couriers);
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1); /* nobody is left to be reaped */
    assert_int_equal(errno, ECHILD);
}

static void test_a_mailer_that_cannot_be_started_defers(void **state)
{
    struct courier_options options = {.couriers = 1,
                                      .batch = 3,
                                      .mailer_program = "/nonexistent/portal-mailer",
                                      .mailer_config = "/nonexistent",
                                      .deadline = 10,
                                      .retry = schedule,
                                      .retries = ELEMENTS(schedule)};
    struct stage *stage = *state;
    struct job job;

    stage_put(stage, "confirm", PAYLOAD);
    assert_int_equal(couriers_start(&options, stage->compose, stage->queue, &stage->couriers), 0);
    job = await(stage, stage->ids[0], JOB_READY);
    assert_string_equal(job.note, "the mailer gave no result: No such file or directory");
}

static void test_a_mail_that_makes_no_sense_fails_and_the_others_go(void **state)
{
    struct stage *stage = *state;
    struct job job;

    stage_put(stage, "confirm", "{}");
    stage_put(stage, "confirm", "{\"to\": \"nobody\", \"language\": \"de\"}");
    stage_put(stage, "confirm", PAYLOAD);
    stage_start(stage, "accept", 10, NULL);
    job = await(stage, stage->ids[0], JOB_FAILED);
    assert_string_equal(job.note, "the job's content makes no sense");
    job = await(stage, stage->ids[1], JOB_FAILED);
    assert_string_equal(job.note, "the address can't be mailed to");
    await(stage, stage->ids[2], JOB_DONE);
}

static void test_the_mailer_inherits_nothing(void **state)
{
    struct stage *stage = *state;

    setenv("PORTAL_SECRET", "secret", 1);
    signal(SIGUSR1, SIG_IGN);
    stage_put(stage, "confirm", PAYLOAD);
    stage_start(stage, "inherit", 10, NULL);
    await(stage, stage->ids[0], JOB_DONE);
    signal(SIGUSR1, SIG_DFL);
    unsetenv("PORTAL_SECRET");
}

static int listener_make(const struct stage *stage, struct sockaddr_un *ret)
{
    int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    *ret = (struct sockaddr_un){.sun_family = AF_UNIX};
    snprintf(ret->sun_path, sizeof ret->sun_path, "%.80s/mailer.sock", stage->directory);
    assert_int_equal(bind(listener, (struct sockaddr *)ret, sizeof *ret), 0);
    assert_int_equal(listen(listener, 4), 0);
    return listener;
}

static void serve_one(int connection, const char *id)
{
    char job[ULID_SIZE];

    assert_true(next_mail(connection, job));
    assert_string_equal(job, id);
    tell(connection, id, MAILER_ACCEPTED, 250, "250 fine");
}

static void test_a_socket_serves_instead_of_a_program(void **state)
{
    struct stage *stage = *state;
    struct sockaddr_un address;
    int listener = listener_make(stage, &address), connection;
    char job[ULID_SIZE];

    stage_put(stage, "confirm", PAYLOAD);
    stage_start(stage, "unused", 10, address.sun_path);
    connection = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    serve_one(connection, stage->ids[0]);
    await(stage, stage->ids[0], JOB_DONE);
    stage->couriers = couriers_stop(stage->couriers);
    assert_false(next_mail(connection, job)); /* it has let go */
    close(connection);
    close(listener);
}

static void start_one_courier(struct stage *stage, const char *socket)
{
    struct courier_options options = {.couriers = 1,
                                      .batch = 3,
                                      .mailer_socket = socket,
                                      .deadline = 10,
                                      .retry = schedule,
                                      .retries = ELEMENTS(schedule)};

    assert_int_equal(couriers_start(&options, stage->compose, stage->queue, &stage->couriers), 0);
}

static void test_a_mailer_serves_batch_after_batch(void **state)
{
    struct stage *stage = *state;
    struct sockaddr_un address;
    int listener = listener_make(stage, &address), connection = -1;

    start_one_courier(stage, address.sun_path);
    for (unsigned i = 0; i < MAILS; i++) {
        stage_put(stage, "confirm", PAYLOAD);
        if (i == 0)
            connection = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
        serve_one(connection, stage->ids[i]);
        await(stage, stage->ids[i], JOB_DONE);
    }
    close(connection);
    close(listener);
}

/* Between two batches: nothing is lost, and no mail waits for the schedule. */
static void test_a_mailer_that_has_left_is_replaced(void **state)
{
    struct stage *stage = *state;
    struct sockaddr_un address;
    int listener = listener_make(stage, &address);

    start_one_courier(stage, address.sun_path);
    for (unsigned i = 0; i < MAILS; i++) {
        struct job job;
        int connection;

        stage_put(stage, "confirm", PAYLOAD);
        connection = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
        serve_one(connection, stage->ids[i]);
        job = await(stage, stage->ids[i], JOB_DONE);
        assert_int_equal(job.attempts, 1);
        close(connection);
    }
    close(listener);
}

/* What it says now could be taken for results of the next batch. */
static void test_a_mailer_that_speaks_without_being_asked_is_replaced(void **state)
{
    struct stage *stage = *state;
    struct sockaddr_un address;
    int listener = listener_make(stage, &address), first, second;

    start_one_courier(stage, address.sun_path);
    stage_put(stage, "confirm", PAYLOAD);
    first = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    serve_one(first, stage->ids[0]);
    await(stage, stage->ids[0], JOB_DONE);
    tell(first, OTHER_JOB, MAILER_ACCEPTED, 250, "250 fine");
    stage_put(stage, "confirm", PAYLOAD);
    second = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    serve_one(second, stage->ids[1]);
    await(stage, stage->ids[1], JOB_DONE);
    close(first);
    close(second);
    close(listener);
}

static void test_stopping_does_not_wait_for_mails_that_are_not_due(void **state)
{
    struct stage *stage = *state;
    int64_t began;

    stage_put(stage, "confirm", PAYLOAD);
    stage_start(stage, "defer", 10, NULL);
    await(stage, stage->ids[0], JOB_READY);
    began = clock_monotonic_ms();
    stage->couriers = couriers_stop(stage->couriers);
    assert_true(clock_monotonic_ms() - began < 5000);
}

#define STAGED(test) cmocka_unit_test_setup_teardown(test, stage_make, stage_remove)

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        STAGED(test_accepted_mails_are_done_from_that_moment),
        STAGED(test_mails_put_later_are_sent_at_once),
        STAGED(test_deferred_mails_wait_by_the_schedule),
        STAGED(test_later_attempts_wait_longer_and_the_last_span_repeats),
        STAGED(test_a_mail_is_given_up_when_it_would_expire_before_the_next_attempt),
        STAGED(test_a_mail_waits_when_the_next_attempt_is_in_time),
        STAGED(test_rejected_mails_have_failed_and_say_why_without_the_address),
        STAGED(test_mails_without_a_result_are_tried_again),
        STAGED(test_only_the_first_result_of_ones_own_job_counts),
        STAGED(test_a_mailer_that_hangs_is_killed_and_what_it_told_stays),
        STAGED(test_a_mailer_that_cannot_be_started_defers),
        STAGED(test_a_mail_that_makes_no_sense_fails_and_the_others_go),
        STAGED(test_the_mailer_inherits_nothing),
        STAGED(test_a_socket_serves_instead_of_a_program),
        STAGED(test_a_mailer_serves_batch_after_batch),
        STAGED(test_a_mailer_that_has_left_is_replaced),
        STAGED(test_a_mailer_that_speaks_without_being_asked_is_replaced),
        STAGED(test_stopping_does_not_wait_for_mails_that_are_not_due),
    };

    if (argc == 3 && strcmp(argv[1], "--config") == 0)
        return play(argv[2]);
    setlocale(LC_ALL, "C.UTF-8"); /* as portald does: notes have more than ASCII in them */
    log_open("test_courier", LOG_EMERG);
    return cmocka_run_group_tests_name("courier", tests, NULL, NULL);
}
