/* `portalctl show WHO`: one customer, without secrets. */
#include "config.h"

#include "control.h"

#include "registration.h"

#include "cleanup.h"
#include "clock.h"

#include <errno.h>

#define POLICIES_MOST 64
#define MAILS_MOST    10

int control_find(struct control *control, const char *who, bool secrets, struct entry **ret)
{
    struct directory *d = control->worker->directory;
    long long deadline = control->request->deadline;
    char name[MAIL_ADDRESS_SIZE], policy[POLICY_NUMBER_SIZE];
    int r;

    if (strchr(who, '@'))
        return login_name_read(who, name) < 0
                   ? -ENOENT
                   : directory_find(d, DIRECTORY_MAIL, name, secrets, deadline, ret);
    r = directory_find(d, DIRECTORY_UID, who, secrets, deadline, ret);
    if (r != -ENOENT || policy_number_read(who, policy) < 0)
        return r;
    return directory_find(d, DIRECTORY_POLICY, policy, secrets, deadline, ret);
}

static json_t *show_pending(const struct entry *entry)
{
    json_t *list = json_array();

    for (size_t i = 0; i < entry->pending_count; i++)
        json_array_append_new(list, json_pack("{s:s, s:I}", "address", entry->pending[i].address,
                                              "expires", (json_int_t)entry->pending[i].expires));
    return list;
}

static json_t *show_formers(const struct entry *entry)
{
    json_t *list = json_array();

    for (size_t i = 0; i < entry->former_count; i++)
        json_array_append_new(list, json_pack("{s:s, s:I}", "address", entry->formers[i].address,
                                              "until", (json_int_t)entry->formers[i].until));
    return list;
}

json_t *control_letters(const struct entry *entry)
{
    json_t *list = json_array();

    for (size_t i = 0; i < entry->letter_count; i++)
        json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:I}", "kind",
                                              entry->letters[i].kind, "job", entry->letters[i].job,
                                              "state", entry->letters[i].state, "time",
                                              (json_int_t)entry->letters[i].time));
    return list;
}

/* The last ones, as far as the queue remembers them. A queue that can't be read hides nothing else.
 */
static json_t *show_mails(struct queue *queue, const struct entry *entry)
{
    struct queue_filter filter = {
        .kind = JOB_MAIL, .state = -1, .entry = entry->uuid, .most = QUEUE_LIST_MAX};
    _cleanup_(job_list_clear) struct job_list jobs = {0};
    json_t *list;

    if (queue_list(queue, &filter, &jobs) < 0)
        return json_null();
    list = json_array();
    for (size_t i = jobs.count > MAILS_MOST ? jobs.count - MAILS_MOST : 0; i < jobs.count; i++) {
        const struct job *job = &jobs.items[i];

        json_array_append_new(list,
                              json_pack("{s:s, s:s, s:s, s:I, s:s}", "topic", job->topic, "state",
                                        job_state_word(job->state), "note", job->note, "time",
                                        (json_int_t)job->created, "job", job->id));
    }
    return list;
}

/* Why letters came back, which the queue knows for as long as it keeps them. */
static void show_reasons(struct queue *queue, json_t *letters)
{
    json_t *letter;
    size_t i;

    json_array_foreach(letters, i, letter)
    {
        _cleanup_(job_clear) struct job job = {0};
        const char *id = json_string_value(json_object_get(letter, "job"));
        const char *state = json_string_value(json_object_get(letter, "state"));

        if (strcmp(state, "returned") == 0 && queue_get(queue, id, &job) == 0)
            json_object_set_new(letter, "note", json_string(job.note));
    }
}

static json_t *show_policies(const struct entry *entry)
{
    json_t *list = json_array();

    for (size_t i = 0; entry->policies && entry->policies[i] && i < POLICIES_MOST; i++)
        json_array_append_new(list, json_string(entry->policies[i]));
    return list;
}

static json_t *show_failures(const struct account_rules *rules, const struct entry *entry)
{
    static const char *const names[FACTORS] = {
        [FACTOR_PASSWORD] = "password", [FACTOR_TOTP] = "totp", [FACTOR_PUK] = "puk"};
    json_t *failures = json_object();
    time_t wait;

    for (int f = 0; f < FACTORS; f++)
        json_object_set_new(
            failures, names[f],
            json_pack("{s:i, s:o, s:b}", "count", (int)entry->failures[f].count, "retry_after",
                      control_time(entry->failures[f].retry_after), "blocked",
                      account_attempt(rules, &entry->failures[f], 0, &wait) == ATTEMPT_BLOCKED));
    return failures;
}

/* The mailed code that is out, never itself. */
static json_t *show_code(const struct entry *entry)
{
    if (!*entry->code.hash)
        return json_null();
    return json_pack("{s:I, s:i, s:o}", "expires", (json_int_t)entry->code.expires, "tries",
                     (int)entry->code.tries, "retry_after", control_time(entry->code.retry_after));
}

/* Values of others: any bytes. */
static json_t *show_requests(const struct entry_request *requests, size_t count)
{
    json_t *list = json_array();

    for (size_t i = 0; i < count; i++) {
        json_t *value = json_stringn(requests[i].value, requests[i].length);
        json_array_append_new(list, value ? value : json_string("(not UTF-8)"));
    }
    return list;
}

static json_t *show_consents(const struct entry *entry)
{
    json_t *list = json_array();

    for (char **c = entry->consents; c && *c; c++)
        json_array_append_new(list, json_string(*c));
    return list;
}

static json_t *show(const struct manager *m, const struct entry *e)
{
    json_t *report = json_pack(
        "{s:s, s:s, s:s, s:s, s:s, s:s, s:o, s:o, s:s, s:s, s:s}", "uid", e->uid, "dn", e->dn,
        "uuid", e->uuid, "name", e->name ? e->name : "", "state", account_state_word(e->state),
        "language", e->language, "policies", show_policies(e), "letters", control_letters(e),
        "problem", e->malformed ? e->problem : "", "birth_date", e->birth_date, "postal_address",
        e->postal_address ? e->postal_address : "");

    time_t now = clock_now();

    if (!report)
        return NULL;
    show_reasons(m->queue, json_object_get(report, "letters"));
    json_object_set_new(report, "mail", e->mail ? json_string(e->mail) : json_null());
    json_object_set_new(report, "initial_expires", control_time(e->initial_expires));
    json_object_set_new(report, "password_changed", control_time(e->password_changed));
    json_object_set_new(report, "last_login", control_time(e->last_login));
    json_object_set_new(report, "pending", show_pending(e));
    json_object_set_new(report, "new_mail",
                        account_new_mail(e, now) ? json_string(account_new_mail(e, now))
                                                 : json_null());
    json_object_set_new(report, "former_mails", show_formers(e));
    json_object_set_new(report, "mails", show_mails(m->queue, e));
    json_object_set_new(report, "failures", show_failures(&m->settings->rules, e));
    json_object_set_new(report, "totp", json_boolean(e->totp_size > 0));
    json_object_set_new(report, "code", show_code(e));
    json_object_set_new(report, "locked",
                        e->lock_reason ? json_string(e->lock_reason) : json_null());
    json_object_set_new(report, "consents", show_consents(e));
    json_object_set_new(report, "requests", show_requests(e->requests, e->request_count));
    json_object_set_new(report, "results", show_requests(e->results, e->result_count));
    json_object_set_new(report, "session_epoch", json_integer((json_int_t)e->session_epoch));
    json_object_set_new(report, "revision", json_integer((json_int_t)e->revision));
    return report;
}

json_t *control_customer(struct control *control, bool secrets, struct entry **ret)
{
    const char *who = control_string(control, "who");
    int r;

    if (!who || !*who)
        return control_refuse(control, 2, "Say whom: an e-mail address, a policy number or a uid");
    r = control_find(control, who, secrets, ret);
    if (r == -ENOENT)
        return control_refuse(
            control, 1, "There is no customer with this e-mail address, policy number or uid");
    if (r == -ENOTUNIQ)
        return control_refuse(control, 1, "More than one entry has this; look with ldapsearch");
    return r < 0 ? control_fail(control, r) : NULL;
}

json_t *control_show(struct control *control)
{
    _cleanup_(entry_free_p) struct entry *entry = NULL;
    json_t *refused = control_customer(control, true, &entry);

    return refused ? refused : show(control->worker->manager, entry);
}
