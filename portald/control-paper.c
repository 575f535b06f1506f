/* What only a person can know of a letter: `portalctl letters printed|again ID` for one whose
   printing nobody confirmed, and `letters returned ID` for one that came back. */
#include "config.h"

#include "control.h"

#include "letter.h"
#include "outcome.h"
#include "swap.h"

#include "cleanup.h"
#include "clock.h"
#include "log.h"
#include "messages.h"

#include <errno.h>
#include <stdio.h>

static int letter_get(struct control *control, struct job *ret)
{
    const char *typed = control_string(control, "id");
    char id[ULID_SIZE];
    int r;

    if (!typed || ulid_read(typed, id) < 0)
        return -EINVAL;
    r = queue_get(control->worker->manager->queue, id, ret);
    return r == 0 && ret->kind != JOB_LETTER ? -ENOENT : r;
}

static json_t *letter_refuse(struct control *control, int r)
{
    if (r == -EINVAL)
        return control_refuse(
            control, 2,
            "A letter's id has 26 letters and digits, as portalctl letters list shows it");
    if (r == -ENOENT)
        return control_refuse(control, 1,
                              "There is no such letter: 'portalctl letters list --all' shows them");
    return control_fail(control, r);
}

json_t *control_letters_printed(struct control *control)
{
    _cleanup_(job_clear) struct job job = {0};
    struct manager *m = control->worker->manager;
    int r = letter_get(control, &job);

    if (r < 0)
        return letter_refuse(control, r);
    r = queue_printed(m->queue, job.id, job.batch, clock_now(), "found on paper by a person");
    if (r == -ESTALE)
        return control_refuse(control, 1,
                              "Only a letter that was handed out to a print station can be on "
                              "paper; this one is %s",
                              job_state_word(job.state));
    if (r < 0)
        return control_fail(control, r);
    log_event(LOG_NOTICE, MESSAGE_LETTER, LOG_FIELDS("PORTAL_JOB", job.id),
              "Letter %s of %s: printed, says a person", job.id, job.subject);
    /* What can't be told now the clerk tells later. */
    job_clear(&job);
    if (letter_get(control, &job) == 0 && job.untold)
        (void)outcome_tell(m, control->worker->directory, &job, control->request->deadline);
    return json_pack("{s:s, s:s}", "text", "It counts as printed. Post it with its batch.", "batch",
                     job.batch);
}

json_t *control_letters_again(struct control *control)
{
    _cleanup_(job_clear) struct job job = {0};
    int r = letter_get(control, &job);

    if (r < 0)
        return letter_refuse(control, r);
    r = queue_again(control->worker->manager->queue, job.id, clock_now(),
                    "not on paper, says a person");
    if (r == -EPERM)
        return control_refuse(control, 1,
                              "Only an uncertain letter can be printed again; this one is %s",
                              job_state_word(job.state));
    if (r < 0)
        return control_fail(control, r);
    log_event(LOG_NOTICE, MESSAGE_LETTER, LOG_FIELDS("PORTAL_JOB", job.id),
              "Letter %s of %s: to be printed again, says a person", job.id, job.subject);
    return json_pack("{s:s}", "text", "It is printed with the next batch.");
}

/* ---- Returned ---- */

/* What came back was on paper, whether anybody had said so or not. */
static int printed_after_all(struct control *control, struct job *job)
{
    struct manager *m = control->worker->manager;
    int r = queue_printed(m->queue, job->id, job->batch, clock_now(), "it came back from the post");

    if (r < 0)
        return r;
    job_clear(job);
    if ((r = letter_get(control, job)) == 0 && job->untold)
        (void)outcome_tell(m, control->worker->directory, job, control->request->deadline);
    return r;
}

static bool may_come_back(const struct job *job)
{
    return job->state == JOB_PRINTED || job->state == JOB_DONE || job->state == JOB_WITHDRAWN ||
           job->state == JOB_UNCERTAIN || job->state == JOB_CLAIMED;
}

struct hashes {
    char password[SECRET_HASH_SIZE], puk[SECRET_HASH_SIZE];
};

static int make_void(struct control *control, struct hashes *ret)
{
    struct secret_gate *gate = control->worker->manager->gate;
    int r = secret_gate_enter(gate, control->request->deadline);

    if (r < 0)
        return r;
    r = secret_hash_void(ret->password);
    if (r == 0)
        r = secret_hash_void(ret->puk);
    secret_gate_leave(gate);
    return r;
}

/* Writes until nobody else was faster. A try whose outcome isn't known may have been written, and
   then there is nothing left to void: what was decided first stays. */
static int write_returned(struct control *control, const struct job *job, time_t now,
                          enum account_returned *ret)
{
    struct directory *d = control->worker->directory;
    struct hashes hashes;
    int r = make_void(control, &hashes);
    const struct account_secrets nobodys = {.password_hash = hashes.password,
                                            .puk_hash = hashes.puk + strlen(SECRET_SCHEME)};

    if (r == 0)
        r = -ESTALE;
    for (int i = 0; i < SWAP_TRIES && (r == -ESTALE || r == -EUCLEAN); i++) {
        _cleanup_(entry_free_p) struct entry *entry = NULL;
        _cleanup_(changes_clear) struct changes changes = {0};
        enum account_returned done;
        bool unsure = r == -EUCLEAN;
        r = directory_find(d, DIRECTORY_UUID, job->entry, false, control->request->deadline,
                           &entry);
        if (r < 0)
            return r;
        done = account_letter_returned(entry, job->id, &nobodys, now, &changes);
        if (!unsure || done > *ret)
            *ret = done;
        if (changes.count > 0)
            r = entry_swap(d, entry, &changes, control->request->deadline);
        if (r == 0 && account_letter_missed(entry, job->id))
            r = letter_mail(control->worker->manager, entry, job->id, "letter-returned", 0, now);
    }
    return r;
}

static const char *returned_text(enum account_returned done)
{
    static const char *const texts[] = {
        [RETURNED_NOTHING] = "It is marked as returned. What it carries was void already.",
        [RETURNED_PUK] = "It is marked as returned, and its PUK is void. The password stays.",
        [RETURNED_PASSWORD] = ("It is marked as returned, and what it carries is void. Correct the "
                               "address, then send another with 'portalctl letter'."),
    };

    return texts[done];
}

static void returned_note(struct control *control, char ret[static JOB_NOTE_SIZE])
{
    const char *reason = control_string(control, "reason");

    snprintf(ret, JOB_NOTE_SIZE, NOTE_RETURNED "%s%s", reason && *reason ? ": " : "",
             reason ? reason : "");
    for (char *p = ret; *p; p++)
        if ((unsigned char)*p < ' ')
            *p = ' ';
}

/* The directory first: once its secrets are void, nothing is lost if the queue can't note it. */
json_t *control_letters_returned(struct control *control)
{
    _cleanup_(job_clear) struct job job = {0};
    enum account_returned done = RETURNED_NOTHING;
    char note[JOB_NOTE_SIZE];
    time_t now = clock_now();
    int r = letter_get(control, &job);

    if (r < 0)
        return letter_refuse(control, r);
    if (!may_come_back(&job))
        return control_refuse(control, 1,
                              "Only a letter that was printed can come back; this one is %s. Is "
                              "its number right? If you hold it in your hands, 'portalctl letter "
                              "%s' makes its codes void and sends another",
                              job_state_word(job.state), job.subject);
    if (job.state == JOB_UNCERTAIN || job.state == JOB_CLAIMED)
        if ((r = printed_after_all(control, &job)) < 0)
            return control_fail(control, r);
    r = write_returned(control, &job, now, &done);
    if (r < 0 && r != -ENOENT)
        return control_fail(control, r);
    returned_note(control, note);
    r = queue_returned(control->worker->manager->queue, job.id, now, note);
    if (r < 0)
        return control_fail(control, r);
    log_event(LOG_NOTICE, MESSAGE_LETTER, LOG_FIELDS("PORTAL_JOB", job.id), "Letter %s of %s: %s",
              job.id, job.subject, note);
    return json_pack("{s:s, s:s, s:s}", "text", returned_text(done), "uid", job.subject, "id",
                     job.id);
}
