/* Registering, and asking for a new letter: WIRE_REGISTER and WIRE_LETTER_WANTED. What was typed is
   checked for form, counted, and durably queued; whether it matches anybody is found out afterwards
   by the clerk (matching.c, renewal.c), so that neither text nor timing tells. */
#include "config.h"

#include "registration.h"

#include "handlers.h"
#include "renewal.h"
#include "texts.h"

#include "cleanup.h"
#include "clock.h"
#include "log.h"
#include "messages.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <strings.h>

/* What is asked with policy number and birthdate. Both count for one limit of a connection, so that
   neither is a way around the other's; for a policy number each has its own, so that who registered
   in vain can still ask for a letter. */
struct form_kind {
    const char *topic, *space; /* of the job; of what is counted for a policy number */
    const char *what;          /* for the log */
    const char *thanks;
};

static const struct form_kind registration_form = {
    .topic = "registration",
    .space = "register-policy",
    .what = "registration",
    .thanks = N_("Thank you. If your details match, mail is on its way to you. Please open "
                 "it and press the button in it. If nothing arrives within a few minutes, "
                 "please look in your spam folder, and check your details."),
};

static const struct form_kind letter_form = {
    .topic = RENEWAL_TOPIC,
    .space = "letter-policy",
    .what = "request for a new letter",
    .thanks = N_("Thank you. If your details match, mail is on its way to you. It says whether a "
                 "new letter is coming. If nothing arrives within a few minutes, please look in "
                 "your spam folder, and check your details: the e-mail address must be the one "
                 "that you registered with."),
};

struct form {
    const struct form_kind *kind;
    struct worker *worker;
    const struct request *request;
    struct wire_writer *reply;
    char language[LANGUAGE_SIZE];
    struct registration registration;
};

static void wrong_field(struct form *form, enum wire_tag field, const char *line)
{
    reply_verdict(form->reply, WIRE_REFUSED, line);
    wire_put_u16(form->reply, WIRE_FIELD, (uint16_t)field);
}

/* The five things of the form, one after the other. Returns false when the answer is given. */
static bool read_identity(struct form *form)
{
    struct registration *r = &form->registration;
    char typed[TYPED_SIZE];

    if (wire_get_string(&form->request->frame, WIRE_POLICY, typed, sizeof typed) < 0 ||
        policy_number_read(typed, r->policy) < 0) {
        wrong_field(form, WIRE_POLICY,
                    text(form->language, N_("Please enter your policy number, as it stands at the "
                                            "top of your policy: letters and "
                                            "digits.")));
        return false;
    }
    if (wire_get_string(&form->request->frame, WIRE_BIRTHDATE, typed, sizeof typed) < 0 ||
        calendar_read_day(typed, r->birth_date) < 0) {
        wrong_field(
            form, WIRE_BIRTHDATE,
            text(form->language,
                 N_("Please enter the policyholder's date of birth, for example 24.12.1950.")));
        return false;
    }
    return true;
}

static bool read_address(struct form *form)
{
    char typed[MAIL_ADDRESS_SIZE];

    if (wire_get_string(&form->request->frame, WIRE_MAIL_ADDRESS, typed, sizeof typed) < 0 ||
        mail_address_read(typed, form->registration.address) < 0) {
        wrong_field(
            form, WIRE_MAIL_ADDRESS,
            text(form->language,
                 N_("This is not an e-mail address that we can write to. Please check it.")));
        return false;
    }
    return true;
}

static bool read_again(struct form *form)
{
    char typed[MAIL_ADDRESS_SIZE], again[MAIL_ADDRESS_SIZE];

    if (wire_get_string(&form->request->frame, WIRE_MAIL_AGAIN, typed, sizeof typed) < 0 ||
        mail_address_read(typed, again) < 0 || strcasecmp(again, form->registration.address) != 0) {
        wrong_field(form, WIRE_MAIL_AGAIN,
                    text(form->language,
                         N_("The two e-mail addresses are not the same. Please check both.")));
        return false;
    }
    return true;
}

static bool read_consent(struct form *form)
{
    const struct settings *s = form->worker->manager->settings;
    char version[VERSION_SIZE];

    if (wire_get_string(&form->request->frame, WIRE_PRIVACY, version, sizeof version) < 0 ||
        strcmp(version, s->privacy_version) != 0) {
        wrong_field(form, WIRE_PRIVACY,
                    text(form->language,
                         N_("Please acknowledge the privacy notice in its present version.")));
        return false;
    }
    if (wire_get_string(&form->request->frame, WIRE_TERMS, version, sizeof version) < 0 ||
        strcmp(version, s->terms_version) != 0) {
        wrong_field(
            form, WIRE_TERMS,
            text(form->language, N_("Please accept the terms of use in their present version.")));
        return false;
    }
    return true;
}

static bool turn_away(struct form *form, const char *line, const char *what)
{
    reply_verdict(form->reply, WIRE_THROTTLED, line);
    log_event(LOG_NOTICE, MESSAGE_THROTTLED, NULL, "A %s was turned away: too many from one %s",
              form->kind->what, what);
    return false;
}

/* Counted before anything is looked up, and alike for policy numbers that exist and that don't. */
static bool within_limits(struct form *form)
{
    const struct manager *m = form->worker->manager;
    char client[THROTTLE_CLIENT_SIZE], span[64], line[TEXT_SIZE];
    time_t wait = 0;

    request_client(form->request, client);
    if (*client && throttle_take(m->rates, "register-client", client,
                                 (unsigned)m->settings->registrations_per_client, HOUR, clock_now(),
                                 &wait) < 0) {
        calendar_say_span(wait, form->language, span, sizeof span);
        text_format(line, sizeof line, form->language,
                    N_("Too many requests from your connection. Please try again in %s."), span);
        return turn_away(form, line, "client address");
    }
    if (throttle_take(m->names, form->kind->space, form->registration.policy,
                      (unsigned)m->settings->registrations_per_policy, DAY, clock_now(),
                      &wait) < 0) {
        calendar_say_span(wait, form->language, span, sizeof span);
        text_format(line, sizeof line, form->language,
                    N_("Too many requests with this policy number today. Please try again in %s."),
                    span);
        return turn_away(form, line, "policy number");
    }
    return true;
}

static int enqueue(const struct form *form)
{
    struct job job = {.kind = JOB_REGISTRATION, .state = JOB_READY};
    time_t now = clock_now();
    int r = registration_write(&form->registration, &job.payload, &job.payload_size);

    if (r < 0)
        return r;
    ulid_make(clock_now_ms(), job.id);
    snprintf(job.topic, sizeof job.topic, "%s", form->kind->topic);
    snprintf(job.subject, sizeof job.subject, "%s", form->registration.policy);
    job.created = job.due = now;
    r = queue_put(form->worker->manager->queue, &job);
    job_clear(&job);
    return r;
}

/* The answer is the same for everybody whose details are well formed. */
static void finish(struct form *form)
{
    int r = enqueue(form);

    if (r == 0) {
        reply_verdict(form->reply, WIRE_OK, text(form->language, form->kind->thanks));
        return;
    }
    /* It must not cost the customer one of a few a day. */
    throttle_give_back(form->worker->manager->names, form->kind->space, form->registration.policy);
    log_event(LOG_ERR, MESSAGE_QUEUE_TROUBLE, NULL, "A %s could not be queued: %s",
              form->kind->what, strerror(-r));
    reply_standard(form->reply, r == -EBUSY ? WIRE_BUSY : WIRE_UNAVAILABLE, form->language);
}

static void form_begin(struct form *form)
{
    wire_begin(form->reply, WIRE_VERDICT);
    request_language(form->worker->manager, form->request, form->language);
    memcpy(form->registration.language, form->language, sizeof form->registration.language);
}

void register_accept(struct worker *worker, const struct request *request,
                     struct wire_writer *reply)
{
    struct form form = {
        .kind = &registration_form, .worker = worker, .request = request, .reply = reply};

    form_begin(&form);
    if (read_identity(&form) && read_address(&form) && read_again(&form) && read_consent(&form) &&
        within_limits(&form))
        finish(&form);
    sodium_memzero(&form.registration, sizeof form.registration);
}

void register_letter(struct worker *worker, const struct request *request,
                     struct wire_writer *reply)
{
    struct form form = {.kind = &letter_form, .worker = worker, .request = request, .reply = reply};

    form_begin(&form);
    if (read_identity(&form) && read_address(&form) && within_limits(&form))
        finish(&form);
    sodium_memzero(&form.registration, sizeof form.registration);
}
