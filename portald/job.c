/* What is known of jobs without a queue, as tables: the words of kinds and states, which topic is
   urgent and which may be refused; and the end of a job in memory. */
#include "config.h"

#include "queue.h"

#include "cleanup.h"

#include <errno.h>

#define TELL_FIRST 2
#define TELL_MOST  HOUR

static const char *const kind_words[JOB_KINDS] = {
    [JOB_REGISTRATION] = "registration",
    [JOB_MAIL] = "mail",
    [JOB_LETTER] = "letter",
};

static const char *const state_words[JOB_STATES] = {
    [JOB_STAGED] = "staged",       [JOB_READY] = "ready",         [JOB_CLAIMED] = "claimed",
    [JOB_PRINTED] = "printed",     [JOB_DONE] = "done",           [JOB_FAILED] = "failed",
    [JOB_WITHDRAWN] = "withdrawn", [JOB_UNCERTAIN] = "uncertain", [JOB_DAMAGED] = "damaged",
};

/* The first row that fits; topic NULL: any. */
static const struct topic_rule {
    enum job_kind kind;
    const char *topic;
    enum job_lane lane;
    enum job_need need;
} topic_rules[] = {
    {JOB_REGISTRATION, "code", LANE_CODE, NEED_MUST},
    {JOB_REGISTRATION, "new-mail", LANE_CONFIRM, NEED_MUST},
    {JOB_REGISTRATION, NULL, LANE_CONFIRM, NEED_NEW},
    {JOB_MAIL, "code", LANE_CODE, NEED_MUST},
    {JOB_MAIL, "confirm", LANE_CONFIRM, NEED_MUST},
    {JOB_MAIL, "mail-confirm", LANE_CONFIRM, NEED_MUST},
    /* It can undo what was done. */
    {JOB_MAIL, "mail-moved", LANE_NOTICE, NEED_MUST},
    {JOB_MAIL, "in-use", LANE_ANSWER, NEED_NOTICE},
    {JOB_MAIL, "registered", LANE_ANSWER, NEED_NOTICE},
    {JOB_MAIL, "letter-valid", LANE_ANSWER, NEED_NOTICE},
    {JOB_MAIL, "letter-refused", LANE_ANSWER, NEED_NOTICE},
    {JOB_MAIL, "has-password", LANE_ANSWER, NEED_NOTICE},
    {JOB_MAIL, "password-expires", LANE_REMINDER, NEED_NOTICE},
    {JOB_MAIL, "letter-posted", LANE_REMINDER, NEED_NOTICE},
    {JOB_MAIL, NULL, LANE_NOTICE, NEED_NOTICE},
    {JOB_LETTER, NULL, LANE_NOTICE, NEED_MUST},
};

/* While all of them have something to do, a lane with twice the share is claimed from twice as
   often. */
#define LANE_SHARES 64
static const unsigned lane_shares[LANES] = {
    [LANE_CODE] = 32,  [LANE_CONFIRM] = 16, [LANE_NOTICE] = 8,
    [LANE_ANSWER] = 4, [LANE_REMINDER] = 2, [LANE_CROWD] = 1,
};

/* Which part of everything must stay free: one in so many; 0: none. */
static const unsigned need_reserves[] = {
    [NEED_MUST] = 0,
    [NEED_NOTICE] = 20,
    [NEED_NEW] = 10,
};

static int word_read(const char *const *words, size_t count, const char *word)
{
    for (size_t i = 0; word && i < count; i++)
        if (strcmp(words[i], word) == 0)
            return (int)i;
    return -EINVAL;
}

const char *job_kind_word(enum job_kind kind)
{
    return (size_t)kind < ELEMENTS(kind_words) ? kind_words[kind] : "unknown";
}

const char *job_state_word(enum job_state state)
{
    return (size_t)state < ELEMENTS(state_words) ? state_words[state] : "unknown";
}

int job_kind_read(const char *word)
{
    return word_read(kind_words, ELEMENTS(kind_words), word);
}

int job_state_read(const char *word)
{
    return word_read(state_words, ELEMENTS(state_words), word);
}

time_t job_tell_wait(unsigned tries)
{
    time_t wait = TELL_FIRST;

    while (tries-- > 0 && wait < TELL_MOST)
        wait *= 2;
    return wait < TELL_MOST ? wait : TELL_MOST;
}

bool job_ended(enum job_state state)
{
    return state == JOB_DONE || state == JOB_FAILED || state == JOB_WITHDRAWN;
}

static const struct topic_rule *topic_rule(enum job_kind kind, const char *topic)
{
    const struct topic_rule *rule = topic_rules;
    for (size_t i = 0; i < ELEMENTS(topic_rules); i++) {
        rule = &topic_rules[i];
        if (rule->kind == kind && (!rule->topic || strcmp(rule->topic, topic) == 0))
            break;
    }
    return rule;
}

enum job_lane job_lane(enum job_kind kind, const char *topic)
{
    return topic_rule(kind, topic)->lane;
}

enum job_need job_need(enum job_kind kind, const char *topic)
{
    return topic_rule(kind, topic)->need;
}

uint64_t job_need_reserve(enum job_need need, uint64_t all)
{
    return need_reserves[need] ? all / need_reserves[need] : 0;
}

/* Stride scheduling: each claim moves its lane on by a step that is the smaller the greater its
   share is, and the lane that is furthest behind is next; the more urgent one of equals. A lane
   that had nothing to do joins where the others are, so that nobody saves up. */
enum job_lane lane_next(struct lane_turns *turns, unsigned waiting)
{
    enum job_lane next = LANES;
    uint64_t least = UINT64_MAX;
    for (unsigned i = 0; i < LANES; i++) {
        uint64_t pass = turns->pass[i] > turns->now ? turns->pass[i] : turns->now;
        if (waiting & (1u << i) && pass < least) {
            least = pass;
            next = (enum job_lane)i;
        }
    }
    if (next == LANES)
        return LANE_CODE;
    turns->now = least;
    turns->pass[next] = least + LANE_SHARES / lane_shares[next];
    return next;
}

void job_clear(struct job *job)
{
    if (job->payload)
        explicit_bzero(job->payload, job->payload_size);
    free(job->payload);
    job->payload = NULL;
    job->payload_size = 0;
}

void job_list_clear(struct job_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        job_clear(&list->items[i]);
    free(list->items);
    *list = (struct job_list){0};
}
