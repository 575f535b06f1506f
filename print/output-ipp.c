/* A printer over IPP: output-ipp.h. The rules: a letter is printed only when the printer says
   completed; it has failed only when it surely isn't on paper; all else is uncertain. */
#include "config.h"

#include "output-ipp.h"

#include "exchange.h"
#include "trust.h"

#include "cleanup.h"
#include "clock.h"
#include "loopback.h"

#include <cups/cups.h>
#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <time.h>
#include <wchar.h>

#define CONNECT_MS     5000
#define ANSWER_SECONDS 20.0
#define POLL_FIRST_MS  100
#define POLL_MOST_MS   2000
#define TAKE_BACK_MS   10000 /* for the printer to say that it has cancelled a job */
#define UNSENT_MOST    8     /* jobs of one letter */
#define USER           "portal-print"
#define URI_SIZE       1024

struct printer {
    struct printer_options options;
    char uri[URI_SIZE], host[256], resource[512];
    int port;
    bool encrypted, upgraded;
    struct trust *trust; /* NULL without encryption */
    http_t *http;        /* NULL while there is no connection */
};

/* What a job looks like at one moment. */
struct look {
    ipp_jstate_t state;
    bool incoming; /* its document hasn't arrived */
    bool begun;    /* the printer has worked on it, if only once */
    int sheets;    /* on paper already */
    char name[ULID_SIZE];
    char says[PRINTER_WHY_SIZE]; /* state reasons and messages, for people */
};

/* A printer's words may be in any encoding, and may have been cut anywhere. They become JSON, which
   bears no broken UTF-8. */
static void text_mend(char *text)
{
    mbstate_t state = {0};

    for (size_t left = strlen(text); left > 0;) {
        size_t n = mbrlen(text, left, &state);

        if (n == 0 || n > left) {
            state = (mbstate_t){0};
            *text = '?';
            n = 1;
        }
        text += n;
        left -= n;
    }
}

static int say(char why[static PRINTER_WHY_SIZE], const char *format, ...)
    __attribute__((format(printf, 2, 3)));
static int say(char why[static PRINTER_WHY_SIZE], const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(why, PRINTER_WHY_SIZE, format, arguments);
    va_end(arguments);
    text_mend(why);
    return -EAGAIN;
}

/* Nobody is there to type one. */
static const char *no_password(const char *prompt, http_t *http, const char *method,
                               const char *resource, void *userdata)
{
    (void)prompt, (void)http, (void)method, (void)resource, (void)userdata;
    return NULL;
}

/* Whom to believe that it is the printer. */
static int trust_find(struct printer *p, char why[static PRINTER_WHY_SIZE])
{
    const char *file = p->options.ca;
    int r = p->encrypted ? trust_open(file, &p->trust) : 0;

    if (r == -EINVAL)
        say(why, "there is no certificate in %s", file ? file : "the system's store");
    else if (r < 0)
        say(why, "%s: %s", file ? file : "the system's certificates", strerror(-r));
    return r < 0 ? -EINVAL : 0;
}

DEFINE_CLEANUP(struct printer, printer_free)

int printer_open(const struct printer_options *options, struct printer **ret,
                 char why[static PRINTER_WHY_SIZE])
{
    _cleanup_(printer_free_p) struct printer *p = calloc(1, sizeof *p);
    char scheme[32], user[256];

    if (!p)
        return -ENOMEM;
    p->options = *options;
    if (snprintf(p->uri, sizeof p->uri, "%s", options->uri) >= (int)sizeof p->uri ||
        httpSeparateURI(HTTP_URI_CODING_ALL, options->uri, scheme, sizeof scheme, user, sizeof user,
                        p->host, sizeof p->host, &p->port, p->resource,
                        sizeof p->resource) != HTTP_URI_STATUS_OK ||
        (strcmp(scheme, "ipp") != 0 && strcmp(scheme, "ipps") != 0) || user[0]) {
        say(why, "expected ipps://HOST/printers/NAME");
        return -EINVAL;
    }
    p->encrypted = strcmp(scheme, "ipps") == 0;
    if (!p->encrypted && !options->plain && !host_is_loopback(p->host)) {
        say(why, "ipp:// to another machine would show the letters to the network: use ipps://");
        return -EINVAL;
    }
    if (trust_find(p, why) < 0)
        return -EINVAL;
    cupsSetUser(USER);
    cupsSetPasswordCB2(no_password, NULL);
    *ret = TAKE(p);
    return 0;
}

static void hang_up(struct printer *p)
{
    httpClose(p->http);
    p->http = NULL;
}

struct printer *printer_free(struct printer *p)
{
    if (p) {
        hang_up(p);
        trust_free(p->trust);
    }
    free(p);
    return NULL;
}

/* Whether what is at the other end is the printer. If not, nothing more must be said to it. */
static int believed(struct printer *p, char why[static PRINTER_WHY_SIZE])
{
    return !p->trust || trust_check(p->trust, p->http, p->host, why) == 0 ? 0 : -EAGAIN;
}

/* Over plain IPP a printer may ask for encryption, and gets it, whoever it is. */
static http_encryption_t encryption(const struct printer *p)
{
    return p->encrypted  ? HTTP_ENCRYPTION_ALWAYS
           : p->upgraded ? HTTP_ENCRYPTION_REQUIRED
                         : HTTP_ENCRYPTION_IF_REQUESTED;
}

/* A handshake may be dripped like an answer. libcups connects again for it, and only then can it be
   watched. */
static int encrypt(struct printer *p, char why[static PRINTER_WHY_SIZE])
{
    struct exchange *x = NULL;
    int r = encryption(p) == HTTP_ENCRYPTION_IF_REQUESTED ? 0 : exchange_begin(p->http, &x);

    if (r < 0)
        return say(why, "%s", strerror(-r));
    if (x && (httpEncryption(p->http, encryption(p)) != 0 || exchange_is_late(x)))
        r = say(why, "the print server %s:%d can't be reached: %s", p->host, p->port,
                exchange_is_late(x) ? "its handshake takes too long" : cupsLastErrorString());
    exchange_end(x);
    return r;
}

static int connected(struct printer *p, char why[static PRINTER_WHY_SIZE])
{
    int r;

    if (p->http)
        return 0;
    p->http = httpConnect2(p->host, p->port, NULL, AF_UNSPEC, HTTP_ENCRYPTION_IF_REQUESTED, 1,
                           CONNECT_MS, NULL);
    if (!p->http)
        return say(why, "the print server %s:%d can't be reached: %s", p->host, p->port,
                   cupsLastErrorString());
    httpSetTimeout(p->http, ANSWER_SECONDS, NULL, NULL);
    r = encrypt(p, why);
    if (r == 0)
        r = believed(p, why);
    if (r < 0)
        hang_up(p);
    return r;
}

static ipp_t *request_new(const struct printer *p, ipp_op_t operation, int number)
{
    ipp_t *request = ippNewRequest(operation);

    ippAddString(request, IPP_TAG_OPERATION, IPP_TAG_URI, "printer-uri", NULL, p->uri);
    if (number > 0)
        ippAddInteger(request, IPP_TAG_OPERATION, IPP_TAG_INTEGER, "job-id", number);
    ippAddString(request, IPP_TAG_OPERATION, IPP_TAG_NAME, "requesting-user-name", NULL, USER);
    return request;
}

/* One question, with what follows it, on a connection that is there. 0, -EAGAIN and why, or
   -EPROTO: the printer wants encryption first. */
static int ask_once(struct printer *p, ipp_t *request, const void *data, size_t size, ipp_t **ret,
                    char why[static PRINTER_WHY_SIZE])
{
    struct exchange *x = NULL;
    ipp_t *answer = NULL;
    const char *reason = "it takes too long";
    http_status_t status;
    int r = exchange_begin(p->http, &x);

    if (r < 0)
        return say(why, "%s", strerror(-r));
    status = cupsSendRequest(p->http, request, p->resource, ippLength(request) + size);
    r = believed(p, why); /* it may have connected again by itself, but from here on not */
    if (r == 0 && status == HTTP_STATUS_CONTINUE && size > 0)
        status = cupsWriteRequestData(p->http, data, size);
    if (r == 0 && (status == HTTP_STATUS_CONTINUE || status == HTTP_STATUS_OK))
        answer = exchange_answer(x, &status, &reason);
    else if (r == 0 && !exchange_is_late(x))
        reason = cupsLastErrorString();
    exchange_end(x);
    if (answer) {
        *ret = answer;
        return 0;
    }
    hang_up(p);
    if (r < 0)
        return r;
    say(why, "the print server %s:%d doesn't answer: %s", p->host, p->port, reason);
    return status == HTTP_STATUS_UPGRADE_REQUIRED ? -EPROTO : -EAGAIN;
}

/* Asks; takes request over. NULL when no answer came, whatever the reason; else IPP's status. */
static ipp_t *ask(struct printer *p, ipp_t *request, char why[static PRINTER_WHY_SIZE])
{
    ipp_t *answer = NULL;
    bool again;

    do {
        again = connected(p, why) == 0 && ask_once(p, request, NULL, 0, &answer, why) == -EPROTO &&
                !p->upgraded;
        p->upgraded |= again;
    } while (again);
    ippDelete(request);
    return answer;
}

static bool is_good(ipp_t *answer)
{
    return ippGetStatusCode(answer) < IPP_STATUS_REDIRECTION_OTHER_SITE;
}

static int number_of(ipp_t *answer, const char *name)
{
    ipp_attribute_t *a = ippFindAttribute(answer, name, IPP_TAG_ZERO);

    return a ? ippGetInteger(a, 0) : 0;
}

/* Appends the words of an attribute, without the one that says nothing. */
static void words_of(ipp_t *answer, const char *name, char says[static PRINTER_WHY_SIZE])
{
    ipp_attribute_t *a = ippFindAttribute(answer, name, IPP_TAG_ZERO);

    for (int i = 0; a && i < ippGetCount(a); i++) {
        const char *word = ippGetString(a, i, NULL);
        size_t used = strlen(says);

        if (word && *word && strcmp(word, "none") != 0)
            snprintf(says + used, PRINTER_WHY_SIZE - used, "%s%s", used ? ", " : "", word);
    }
    for (char *c = says; *c; c++)
        if ((unsigned char)*c < ' ' || *c == 0x7f)
            *c = ' ';
}

/* Whether its own words stop it. */
static bool has_word(ipp_t *answer, const char *name, const char *word)
{
    ipp_attribute_t *a = ippFindAttribute(answer, name, IPP_TAG_KEYWORD);

    return a && ippContainsString(a, word);
}

int printer_ready(struct printer *p, char why[static PRINTER_WHY_SIZE])
{
    static const char *const wanted[] = {"printer-state", "printer-state-reasons",
                                         "printer-state-message", "printer-is-accepting-jobs"};
    ipp_t *request = request_new(p, IPP_OP_GET_PRINTER_ATTRIBUTES, 0), *answer;
    ipp_attribute_t *accepting;
    char says[PRINTER_WHY_SIZE] = "";
    int r = 0;

    ippAddStrings(request, IPP_TAG_OPERATION, IPP_TAG_KEYWORD, "requested-attributes",
                  ELEMENTS(wanted), NULL, wanted);
    answer = ask(p, request, why);
    if (!answer)
        return -EAGAIN;
    words_of(answer, "printer-state-reasons", says);
    words_of(answer, "printer-state-message", says);
    accepting = ippFindAttribute(answer, "printer-is-accepting-jobs", IPP_TAG_BOOLEAN);
    if (!is_good(answer))
        r = say(why, "the print server answers: %s", ippErrorString(ippGetStatusCode(answer)));
    else if (accepting && !ippGetBoolean(accepting, 0))
        r = say(why, "the printer takes no jobs (%s)", says);
    else if (number_of(answer, "printer-state") == IPP_PSTATE_STOPPED)
        r = say(why, "the printer is stopped (%s)", says);
    ippDelete(answer);
    return r;
}

int printer_create(struct printer *p, const char *job, int *ret_number,
                   char why[static PRINTER_WHY_SIZE])
{
    ipp_t *request = request_new(p, IPP_OP_CREATE_JOB, 0), *answer;
    int number;

    ippAddString(request, IPP_TAG_OPERATION, IPP_TAG_NAME, "job-name", NULL, job);
    ippAddInteger(request, IPP_TAG_JOB, IPP_TAG_INTEGER, "copies", 1);
    ippAddString(request, IPP_TAG_JOB, IPP_TAG_KEYWORD, "sides", NULL, "one-sided");
    ippAddString(request, IPP_TAG_JOB, IPP_TAG_KEYWORD, "media", NULL, "iso_a4_210x297mm");
    ippAddString(request, IPP_TAG_JOB, IPP_TAG_KEYWORD, "print-scaling", NULL, "none");
    answer = ask(p, request, why);
    if (!answer)
        return -EAGAIN;
    number = is_good(answer) ? number_of(answer, "job-id") : 0;
    if (number <= 0)
        say(why, "the print server takes no job: %s", ippErrorString(ippGetStatusCode(answer)));
    ippDelete(answer);
    if (number <= 0)
        return -EAGAIN;
    *ret_number = number;
    return 0;
}

/* Once, whatever comes of it. */
void printer_send(struct printer *p, int number, const void *pdf, size_t size)
{
    char why[PRINTER_WHY_SIZE];
    ipp_t *request, *answer = NULL;

    if (connected(p, why) < 0)
        return;
    request = request_new(p, IPP_OP_SEND_DOCUMENT, number);
    ippAddString(request, IPP_TAG_OPERATION, IPP_TAG_MIMETYPE, "document-format", NULL,
                 "application/pdf");
    ippAddBoolean(request, IPP_TAG_OPERATION, "last-document", 1);
    ask_once(p, request, pdf, size, &answer, why);
    ippDelete(answer);
    ippDelete(request);
}

/* ---- Following ---- */

/* 0; -EAGAIN: no answer; -ENOENT: the server doesn't know the job. */
static int look_at(struct printer *p, int number, struct look *ret,
                   char why[static PRINTER_WHY_SIZE])
{
    static const char *const wanted[] = {"job-state",
                                         "job-state-reasons",
                                         "job-printer-state-message",
                                         "job-name",
                                         "number-of-documents",
                                         "job-media-sheets-completed",
                                         "job-impressions-completed",
                                         "time-at-processing"};
    ipp_t *request = request_new(p, IPP_OP_GET_JOB_ATTRIBUTES, number), *answer;
    struct look look = {0};
    ipp_attribute_t *name;
    int impressions, r = 0;

    ippAddStrings(request, IPP_TAG_OPERATION, IPP_TAG_KEYWORD, "requested-attributes",
                  ELEMENTS(wanted), NULL, wanted);
    answer = ask(p, request, why);
    if (!answer)
        return -EAGAIN;
    look.state = (ipp_jstate_t)number_of(answer, "job-state");
    if (!is_good(answer) || look.state < IPP_JSTATE_PENDING) {
        r = ippGetStatusCode(answer) >= IPP_STATUS_ERROR_INTERNAL ? -EAGAIN : -ENOENT;
        say(why, "the print server answers: %s", ippErrorString(ippGetStatusCode(answer)));
    }
    look.sheets = number_of(answer, "job-media-sheets-completed");
    impressions = number_of(answer, "job-impressions-completed");
    if (impressions > look.sheets)
        look.sheets = impressions;
    look.incoming = has_word(answer, "job-state-reasons", "job-incoming") ||
                    (ippFindAttribute(answer, "number-of-documents", IPP_TAG_INTEGER) &&
                     number_of(answer, "number-of-documents") == 0);
    look.begun = look.state == IPP_JSTATE_PROCESSING || look.state == IPP_JSTATE_STOPPED ||
                 ippFindAttribute(answer, "time-at-processing", IPP_TAG_INTEGER);
    name = ippFindAttribute(answer, "job-name", IPP_TAG_ZERO);
    snprintf(look.name, sizeof look.name, "%s", name ? ippGetString(name, 0, NULL) : "");
    words_of(answer, "job-state-reasons", look.says);
    words_of(answer, "job-printer-state-message", look.says);
    ippDelete(answer);
    if (r == 0)
        *ret = look;
    return r;
}

static void cancel(struct printer *p, int number)
{
    char why[PRINTER_WHY_SIZE];

    ippDelete(ask(p, request_new(p, IPP_OP_CANCEL_JOB, number), why));
}

static const char *waits_for(ipp_jstate_t state)
{
    switch (state) {
    case IPP_JSTATE_HELD:
        return "held at the printer";
    case IPP_JSTATE_STOPPED:
        return "stopped at the printer";
    case IPP_JSTATE_PROCESSING:
        return "being printed";
    default:
        return "waiting for the printer";
    }
}

/* An end that the printer has reached: true, with its fate. */
static bool has_ended(const struct look *look, enum printer_fate *ret,
                      char why[static PRINTER_WHY_SIZE])
{
    const char *what = look->state == IPP_JSTATE_CANCELED ? "cancelled" : "aborted";

    if (look->state < IPP_JSTATE_CANCELED)
        return false;
    *ret = look->state == IPP_JSTATE_COMPLETED ? PRINTER_PRINTED
           : look->sheets > 0                  ? PRINTER_UNCERTAIN
                                               : PRINTER_FAILED;
    if (*ret == PRINTER_FAILED)
        say(why, "%s at the printer (%s)", what, look->says);
    else if (*ret == PRINTER_UNCERTAIN)
        say(why, "%s at the printer after a page was out (%s)", what, look->says);
    return true;
}

static void pause_ms(int64_t ms)
{
    struct timespec t = {.tv_sec = (time_t)(ms / 1000), .tv_nsec = (long)(ms % 1000) * 1000000};

    nanosleep(&t, NULL);
}

/* Nobody waits for it any longer. Only a job that never began surely isn't on paper. */
static void take_back(struct printer *p, int number, const struct look *before, const char *reason,
                      enum printer_fate *ret, char why[static PRINTER_WHY_SIZE])
{
    int64_t end = clock_monotonic_ms() + TAKE_BACK_MS;
    char unused[PRINTER_WHY_SIZE];

    cancel(p, number);
    *ret = PRINTER_UNCERTAIN;
    say(why, "%s, and it can't be taken back", reason);
    while (clock_monotonic_ms() < end) {
        struct look now;

        if (look_at(p, number, &now, unused) == 0 && has_ended(&now, ret, unused)) {
            if (*ret == PRINTER_FAILED && (before->begun || now.begun))
                *ret = PRINTER_UNCERTAIN;
            if (*ret != PRINTER_PRINTED)
                say(why, "%s, and was taken back%s", reason,
                    *ret == PRINTER_UNCERTAIN ? " after it had begun" : "");
            return;
        }
        pause_ms(POLL_FIRST_MS);
    }
}

/* ---- Clearing ---- */

/* The number of the first job named so in the answer, which is a group of attributes a job; 0:
   there is none. */
static int number_named(ipp_t *answer, const char *job)
{
    bool named = false;
    int number = 0;

    for (ipp_attribute_t *a = ippFirstAttribute(answer); a; a = ippNextAttribute(answer)) {
        const char *what = ippGetName(a), *word;

        if (!what || ippGetGroupTag(a) != IPP_TAG_JOB) { /* between two jobs */
            named = false;
            number = 0;
        } else if (strcmp(what, "job-id") == 0 && ippGetValueTag(a) == IPP_TAG_INTEGER)
            number = ippGetInteger(a, 0);
        else if (strcmp(what, "job-name") == 0)
            named = (word = ippGetString(a, 0, NULL)) && strcmp(word, job) == 0;
        if (named && number > 0)
            return number;
    }
    return 0;
}

/* One of our jobs that is named so and hasn't ended: 0; -ENOENT; -EAGAIN and why. */
static int find_named(struct printer *p, const char *job, int *ret_number,
                      char why[static PRINTER_WHY_SIZE])
{
    static const char *const wanted[] = {"job-id", "job-name"};
    ipp_t *request = request_new(p, IPP_OP_GET_JOBS, 0), *answer;
    int number, r = 0;

    ippAddString(request, IPP_TAG_OPERATION, IPP_TAG_KEYWORD, "which-jobs", NULL, "not-completed");
    ippAddBoolean(request, IPP_TAG_OPERATION, "my-jobs", 1);
    ippAddStrings(request, IPP_TAG_OPERATION, IPP_TAG_KEYWORD, "requested-attributes",
                  ELEMENTS(wanted), NULL, wanted);
    answer = ask(p, request, why);
    if (!answer)
        return -EAGAIN;
    number = number_named(answer, job);
    /* Some say "not found" of an empty list. */
    if (!is_good(answer) && ippGetStatusCode(answer) != IPP_STATUS_ERROR_NOT_FOUND)
        r = say(why, "the print server doesn't list its jobs: %s",
                ippErrorString(ippGetStatusCode(answer)));
    else if (number == 0)
        r = -ENOENT;
    else
        *ret_number = number;
    ippDelete(answer);
    return r;
}

int printer_clear(struct printer *p, const char *job, int *ret_number,
                  char why[static PRINTER_WHY_SIZE])
{
    for (int i = 0; i < UNSENT_MOST; i++) {
        struct look look = {0};
        int number = 0, r = find_named(p, job, &number, why);

        if (r == 0)
            r = look_at(p, number, &look, why);
        if (r == -ENOENT)
            return 0;
        if (r < 0)
            return r;
        if (look.state < IPP_JSTATE_CANCELED && !look.incoming) {
            *ret_number = number;
            return -EEXIST;
        }
        cancel(p, number);
    }
    return say(why, "the print server doesn't cancel its job");
}

/* ---- Following to the end ---- */

/* What is told while it waits, each time that it is another. */
static void tell(const struct printer_watch *watch, const char *job, const char *why,
                 char last[static PRINTER_WHY_SIZE])
{
    if (strcmp(last, why) == 0)
        return;
    snprintf(last, PRINTER_WHY_SIZE, "%s", why);
    watch->waits(watch->userdata, job, why);
}

/* One look. True once its fate is known. */
static bool follow_step(struct printer *p, int number, const char *job, bool last_look,
                        enum printer_fate *ret, char why[static PRINTER_WHY_SIZE])
{
    struct look look = {0};
    char reason[PRINTER_WHY_SIZE] = "";
    int r = look_at(p, number, &look, why);

    *ret = PRINTER_UNCERTAIN;
    if (r == -EAGAIN)
        return last_look;
    if (r < 0 || strcmp(look.name, job) != 0) {
        say(why, "the print server no longer knows its job %d", number);
        return true;
    }
    if (has_ended(&look, ret, why))
        return true;
    if (look.incoming) { /* what was sent never arrived, and nobody sends it again */
        take_back(p, number, &look, "it didn't reach the printer", ret, why);
        return true;
    }
    say(why, "%s (%s)", waits_for(look.state), look.says);
    if (!last_look)
        return false;
    snprintf(reason, sizeof reason, "too long %s", why);
    take_back(p, number, &look, reason, ret, why);
    return true;
}

int printer_follow(struct printer *p, int number, const char *job,
                   const struct printer_watch *watch, enum printer_fate *ret,
                   char why[static PRINTER_WHY_SIZE])
{
    int64_t end = clock_monotonic_ms() + p->options.wait * 1000, pause = POLL_FIRST_MS;
    char last[PRINTER_WHY_SIZE] = "";

    for (;;) {
        if (follow_step(p, number, job, clock_monotonic_ms() >= end, ret, why))
            return 0;
        if (pause > POLL_FIRST_MS)
            tell(watch, job, why, last);
        if (watch->stopped(watch->userdata))
            return -EINTR;
        pause_ms(pause);
        pause = pause * 2 < POLL_MOST_MS ? pause * 2 : POLL_MOST_MS;
    }
}
