/* The words of a job's kind and state, as tables, and the end of a job in memory. */
#include "config.h"

#include "queue.h"

#include "cleanup.h"

#include <errno.h>

static const char *const kind_words[JOB_KINDS] = {
    [JOB_REGISTRATION] = "registration",
    [JOB_MAIL] = "mail",
    [JOB_LETTER] = "letter",
};

static const char *const state_words[JOB_STATES] = {
    [JOB_STAGED] = "staged",       [JOB_READY] = "ready",         [JOB_CLAIMED] = "claimed",
    [JOB_PRINTED] = "printed",     [JOB_DONE] = "done",           [JOB_FAILED] = "failed",
    [JOB_WITHDRAWN] = "withdrawn", [JOB_UNCERTAIN] = "uncertain",
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

bool job_ended(enum job_state state)
{
    return state == JOB_DONE || state == JOB_FAILED || state == JOB_WITHDRAWN;
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
