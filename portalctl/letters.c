/* portalctl letters: list, print, posted, returned, printed, again. */
#include "config.h"

#include "call.h"
#include "output.h"
#include "queue.h"
#include "report.h"

#include "cleanup.h"

#include <errno.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define PRINT_COMMAND   "systemctl start portal-print.service"
#define PRINT_WORDS_MAX 32

static int letters_fetch(const struct arguments *a, bool all, json_t **ret)
{
    return queue_fetch(a, "letters-list", "letters", json_pack("{s:b}", "all", all), 0, ret);
}

static void letters_table(const json_t *letters, const char *empty)
{
    static const struct column columns[] = {
        {.title = "JOB"},     {.title = "KIND"},
        {.title = "STATE"},   {.title = "FOR"},
        {.title = "CREATED"}, {.title = "PRINTED"},
        {.title = "BATCH"},   {.title = "NOTE", .flexible = true},
    };
    _cleanup_(table_clear) struct table t = TABLE(columns);
    const json_t *letter;
    size_t i;

    json_array_foreach(letters, i, letter)
    {
        table_put(&t, report_text(letter, "id"));
        table_put(&t, report_text(letter, "topic"));
        table_put(&t, report_text(letter, "letter_state"));
        table_put(&t, report_text(letter, "subject"));
        table_put_time(&t, report_time(letter, "created"));
        table_put_time(&t, report_time(letter, "happened"));
        table_put(&t, report_text(letter, "batch"));
        table_put(&t, report_text(letter, "note"));
    }
    table_print(&t, empty);
}

/* What nobody but a person can decide. */
static void uncertain_tell(const json_t *letters)
{
    const json_t *letter;
    size_t i, count = 0;

    json_array_foreach(letters, i, letter)
    {
        const char *state = report_text(letter, "state");

        count += state && strcmp(state, "uncertain") == 0;
    }
    if (count > 0)
        printf("\n%zu uncertain: handed out to be printed, but nobody knows whether it is on "
               "paper. It is never printed again by itself.\nLook for its number at the printer "
               "or among the files, then say for each:\n"
               "    portalctl letters printed JOB     it is on paper\n"
               "    portalctl letters again JOB       it isn't: print it with the next batch\n",
               count);
}

int letters_list_run(const struct arguments *a)
{
    json_auto_t *letters = NULL;
    int status = letters_fetch(a, a->value[OPTION_ALL] != NULL, &letters);

    if (status != STATUS_DONE)
        return status;
    if (arguments_json(a))
        output_json(letters);
    else
        letters_table(letters, "No letter is waiting, at the printer, or waiting to be posted.");
    if (!arguments_json(a))
        uncertain_tell(letters);
    return STATUS_DONE;
}

/* Runs the print station and waits for it. The command's words are separated by blanks; no shell
   ever sees them. */
static int print_command_run(void)
{
    const char *configured = getenv("PORTAL_PRINT_COMMAND");
    _cleanup_free_ char *command = strdup(configured && *configured ? configured : PRINT_COMMAND);
    char *words[PRINT_WORDS_MAX + 1] = {NULL}, *rest = NULL;
    size_t count = 0;
    int status, r;
    pid_t pid;

    if (!command)
        return -ENOMEM;
    for (char *word = strtok_r(command, " \t", &rest); word; word = strtok_r(NULL, " \t", &rest)) {
        if (count == PRINT_WORDS_MAX)
            return -E2BIG;
        words[count++] = word;
    }
    if (count == 0)
        return -EINVAL;
    fflush(stdout);
    r = posix_spawnp(&pid, words[0], NULL, NULL, words, environ);
    if (r != 0)
        return -r;
    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR)
            return -errno;
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return 0;
    output_error("The print command failed (%s %d): %s …", WIFEXITED(status) ? "status" : "signal",
                 WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status), words[0]);
    return -ECHILD;
}

static bool has_job(const json_t *jobs, const char *id)
{
    const json_t *job;
    size_t i;

    json_array_foreach(jobs, i, job)
    {
        if (report_text(job, "id") && strcmp(report_text(job, "id"), id) == 0)
            return true;
    }
    return false;
}

/* Those of letters in this state that aren't in before. */
static json_t *letters_since(json_t *before, json_t *letters, const char *state)
{
    json_t *found = json_array(), *letter;
    size_t i;

    json_array_foreach(letters, i, letter)
    {
        const char *id = report_text(letter, "id"), *is = report_text(letter, "state");

        if (id && is && strcmp(is, state) == 0 && !has_job(before, id))
            json_array_append(found, letter);
    }
    return found;
}

/* One line for each batch: the station works through them one after the other. */
static void batches_tell(const json_t *printed)
{
    const char *batch, *last = "";
    const json_t *letter;
    size_t i;

    json_array_foreach(printed, i, letter)
    {
        batch = report_text(letter, "batch");
        if (!batch || strcmp(batch, last) == 0)
            continue;
        printf("%s    portalctl letters posted %s\n", *last ? "" : "\nOnce they are posted:\n",
               batch);
        last = batch;
    }
}

static void printed_tell(const json_t *printed, const json_t *uncertain)
{
    letters_table(printed, "Nothing was printed: no letter is waiting.");
    batches_tell(printed);
    uncertain_tell(uncertain);
}

int letters_print_run(const struct arguments *a)
{
    json_auto_t *before = NULL, *after = NULL, *already = NULL, *none = json_array();
    json_auto_t *printed = NULL, *uncertain = NULL;
    int status = letters_fetch(a, false, &before);
    int r;

    if (status != STATUS_DONE)
        return status;
    already = letters_since(none, before, "printed");
    r = print_command_run();
    if (r < 0 && r != -ECHILD)
        output_error("The print command can't be run: %s", strerror(-r));
    status = letters_fetch(a, false, &after);
    if (status != STATUS_DONE)
        return status;
    printed = letters_since(already, after, "printed");
    uncertain = letters_since(none, after, "uncertain");
    if (arguments_json(a))
        output_json(printed);
    else if (r == 0 || json_array_size(printed) > 0)
        printed_tell(printed, uncertain);
    return r == 0 ? STATUS_DONE : STATUS_REFUSED;
}

int letters_posted_run(const struct arguments *a)
{
    return call_change(a, "letters-posted", "batch", a->operand[0]);
}

int letters_returned_run(const struct arguments *a)
{
    json_auto_t *report = NULL;
    int status = call_control(a,
                              json_pack("{s:s, s:s, s:s*}", "verb", "letters-returned", "id",
                                        a->operand[0], "reason", a->value[OPTION_REASON]),
                              &report);

    if (status != STATUS_DONE)
        return status;
    if (arguments_json(a))
        output_json(report);
    else
        output_text(report_text(report, "text"));
    return STATUS_DONE;
}

int letters_printed_run(const struct arguments *a)
{
    return call_change(a, "letters-printed", "id", a->operand[0]);
}

int letters_again_run(const struct arguments *a)
{
    return call_change(a, "letters-again", "id", a->operand[0]);
}
