/* The module between an application and a portald that say anything, through libFuzzer: `make
   fuzz`. libpam and client_call() are played here. However it goes: nobody is let in whom portald
   didn't let in whole, nothing that can be no secret is sent, and only hidden questions are asked.

   Input: one byte each of options, flags and first passwords; a byte for each call of the
   application; and whenever the application or portald is asked, a byte for the kind of answer and
   what that kind needs. */
#include "config.h"

#include <errno.h>
#include <security/pam_ext.h>
#include <security/pam_modules.h>
#include <stdarg.h>
#include <stdlib.h>

#include "cleanup.h"
#include "client.h"
#include "utf8.h"

#define CALLS_MAX  12
#define ANSWERS    512 /* in one run; then everything fails */
#define SECRET_MAX 511
#define HUGE_TEXT  70000
#define EXPIRED    ((int)PAM_CHANGE_EXPIRED_AUTHTOK)
#define USER       "anna@example.org"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void demand(bool what)
{
    if (!what)
        abort();
}

/* What portald has said in this call of the application. */
struct said {
    bool whole;    /* the last verdict that can let somebody in did, with account and uid */
    bool changed;  /* WIRE_CHANGE: done */
    bool enrolled; /* WIRE_ENROLL_CODE: done */
    bool enrollable, recovered, well; /* well: WIRE_ACCOUNT said so */
    uint8_t account;
};

struct pam_handle {
    const uint8_t *data;
    size_t size, asked;
    char *items[16], *last; /* last: the answer before */
    char uid[400];
    void *kept; /* PAM data */
    void (*keeper)(pam_handle_t *pamh, void *data, int error);
    struct pam_conv conv;
    struct said said;
    bool account_ok; /* the last verdict on the account was WIRE_OK, */
    bool rides;      /* … and came with the authentication just passed */
};

static pam_handle_t *running; /* client_call() isn't told for whom it is */

static uint8_t take(pam_handle_t *p)
{
    if (p->size == 0)
        return 0;
    p->size--;
    return *p->data++;
}

/* The next bytes as a string: one byte says how many. */
static char *take_string(pam_handle_t *p)
{
    size_t length = take(p);
    char *s;

    if (length == 255)
        length = HUGE_TEXT;
    s = calloc(1, length + 1);
    demand(s != NULL);
    if (length == HUGE_TEXT)
        memset(s, 'x', length);
    for (size_t i = 0; length < HUGE_TEXT && i < length; i++)
        s[i] = (char)take(p);
    return s;
}

/* --- The application --- */

static int answer(pam_handle_t *p, struct pam_response *responses, int i)
{
    switch (take(p) % 8) {
    case 0:
        return PAM_CONV_ERR;
    case 1:
        return PAM_CONV_AGAIN;
    case 2:
        return PAM_SUCCESS; /* NULL */
    case 3:
        responses[i].resp = p->last ? strdup(p->last) : NULL;
        return PAM_SUCCESS;
    case 4:
        responses[i].resp = i > 0 ? responses[0].resp : NULL;
        return PAM_SUCCESS;
    default:
        responses[i].resp = take_string(p);
        free(p->last);
        p->last = strdup(responses[i].resp);
        return PAM_SUCCESS;
    }
}

static void responses_free(struct pam_response *responses, int count)
{
    if (count > 1 && responses[1].resp != responses[0].resp)
        free(responses[1].resp);
    free(responses[0].resp);
    free(responses);
}

static int converse(int count, const struct pam_message **messages, struct pam_response **ret,
                    void *userdata)
{
    struct pam_response *responses;
    pam_handle_t *p = userdata;
    int r = PAM_SUCCESS;

    demand(count == 1 || count == 2);
    if (p->asked++ > ANSWERS)
        return PAM_CONV_ERR;
    responses = calloc((size_t)count, sizeof *responses);
    demand(responses != NULL);
    for (int i = 0; i < count && r == PAM_SUCCESS; i++) {
        demand(messages[i]->msg_style != PAM_PROMPT_ECHO_ON);
        demand(count == 1 || messages[i]->msg_style == PAM_PROMPT_ECHO_OFF);
        demand(strlen(messages[i]->msg) < PAM_MAX_MSG_SIZE && utf8_valid(messages[i]->msg));
        r = answer(p, responses, i);
    }
    if (r != PAM_SUCCESS || take(p) % 16 == 15) { /* or no array at all */
        responses_free(responses, count);
        *ret = r == PAM_SUCCESS ? NULL : (struct pam_response *)(uintptr_t)16;
        return r;
    }
    *ret = responses;
    return PAM_SUCCESS;
}

/* --- portald --- */

static bool can_let_in(enum wire_type type)
{
    return type == WIRE_AUTHENTICATE || type == WIRE_SECOND || type == WIRE_CHANGE;
}

/* Keeps book of a reply that is well-formed, as portald's contract in wire.h has it. */
static void book(pam_handle_t *p, enum wire_type type, const struct wire_frame *reply)
{
    const uint8_t *value;
    size_t length;
    uint8_t verdict, account = 0;
    bool ok, has_account, has_uid, has_state, has_grant;

    if (reply->type != WIRE_VERDICT || wire_get_u8(reply, WIRE_VERDICT_CODE, &verdict) < 0)
        verdict = 255;
    ok = verdict == WIRE_OK;
    has_account = wire_get_u8(reply, WIRE_ACCOUNT_CODE, &account) == 0;
    has_uid = wire_get(reply, WIRE_UID, &value, &length) == 0 && length > 0;
    has_state = wire_get(reply, WIRE_STATE, &value, &length) == 0 && length > 0;
    has_grant = wire_get(reply, WIRE_GRANT, &value, &length) == 0 && length > 0;
    if (can_let_in(type)) {
        p->said.whole = ok && has_account && has_uid && !(type == WIRE_CHANGE && has_state);
        p->said.account = account;
        p->said.enrollable = has_grant && account == WIRE_OK;
    }
    p->said.well |= ok && type == WIRE_ACCOUNT;
    p->said.changed |= ok && type == WIRE_CHANGE;
    p->said.enrolled |= ok && type == WIRE_ENROLL_CODE;
    p->said.recovered |= ok && type == WIRE_RECOVER;
}

static void put_fields(pam_handle_t *p, struct wire_writer *w)
{
    static const enum wire_tag strings[] = {WIRE_TEXT,  WIRE_UID, WIRE_GRANT,
                                            WIRE_STATE, WIRE_QR,  WIRE_URI};
    uint8_t which = take(p);

    for (size_t i = 0; i < ELEMENTS(strings); i++)
        if (which & 1 << i) {
            _cleanup_free_ char *value = take_string(p);

            wire_put_string(w, strings[i], value);
        }
    if (which & 64)
        wire_put_u8(w, WIRE_ACCOUNT_CODE, take(p) % 24);
}

/* A reply with fields as portald has them, or bytes of any kind. */
static int reply_make(pam_handle_t *p, bool any, struct client_reply *ret)
{
    struct wire_writer w = {0};
    int r;

    if (any) {
        size_t size = take(p);

        wire_begin(&w, WIRE_VERDICT);
        free(w.data);
        w = (struct wire_writer){.data = calloc(1, size + 1), .size = size};
        demand(w.data != NULL);
        for (size_t i = 0; i < size; i++)
            w.data[i] = take(p);
        r = 0;
    } else {
        wire_begin(&w, take(p) % 32 == 31 ? WIRE_ERROR : WIRE_VERDICT);
        wire_put_u8(&w, WIRE_VERDICT_CODE, take(p) % 24);
        put_fields(p, &w);
        r = wire_end(&w);
    }
    if (r == 0)
        r = wire_parse(w.data, w.size, &ret->frame);
    if (r < 0) {
        wire_writer_clear(&w);
        return -EPROTO;
    }
    ret->data = w.data;
    ret->size = w.size;
    return 0;
}

/* What is sent can be a secret: not empty, readable, of a length that portald takes. */
static void request_check(const struct wire_frame *f)
{
    static const enum wire_tag secrets[] = {WIRE_PASSWORD, WIRE_CODE, WIRE_PUK};
    char secret[SECRET_MAX + 1], user[300];
    uint8_t mode = WIRE_MODE_STEPS;

    (void)wire_get_u8(f, WIRE_MODE, &mode);
    for (size_t i = 0; i < ELEMENTS(secrets); i++) {
        int r = wire_get_string(f, secrets[i], secret, sizeof secret);

        if (r == -ENOENT)
            continue;
        demand(r == 0 && utf8_valid(secret));
        demand(*secret || (secrets[i] == WIRE_CODE && mode == WIRE_MODE_TOGETHER));
    }
    demand(wire_get_string(f, WIRE_USER, user, sizeof user) == 0 && strcmp(user, USER) == 0);
}

int client_call(const struct client_target *target, const struct wire_writer *request,
                struct client_reply *ret)
{
    static const int errors[] = {-ECONNRESET, -ETIMEDOUT, -EPERM, -ENOENT};
    struct wire_frame f;
    uint8_t kind = take(running);
    int r;

    demand(request->error == 0 && wire_parse(request->data, request->size, &f) == 0);
    demand((f.type == WIRE_ACCOUNT) == (strcmp(target->socket, "account.sock") == 0));
    request_check(&f);
    if (running->asked++ > ANSWERS || kind < ELEMENTS(errors))
        return errors[kind % ELEMENTS(errors)];
    r = reply_make(running, kind < 16, ret);
    if (r == 0)
        book(running, f.type, &ret->frame);
    return r;
}

void client_reply_clear(struct client_reply *reply)
{
    free(reply->data);
    *reply = (struct client_reply){0};
}

/* --- libpam --- */

int pam_get_item(const pam_handle_t *pamh, int item, const void **ret)
{
    *ret = item == PAM_CONV ? (const void *)&pamh->conv : pamh->items[item];
    return PAM_SUCCESS;
}

int pam_set_item(pam_handle_t *pamh, int item, const void *value)
{
    demand(item == PAM_AUTHTOK || item == PAM_OLDAUTHTOK);
    free(pamh->items[item]);
    pamh->items[item] = value ? strdup(value) : NULL;
    return PAM_SUCCESS;
}

int pam_get_data(const pam_handle_t *pamh, const char *name, const void **ret)
{
    (void)name;
    *ret = pamh->kept;
    return pamh->kept ? PAM_SUCCESS : PAM_NO_MODULE_DATA;
}

int pam_set_data(pam_handle_t *pamh, const char *name, void *data,
                 void (*cleanup)(pam_handle_t *pamh, void *data, int error))
{
    (void)name;
    if (pamh->kept)
        pamh->keeper(pamh, pamh->kept, PAM_DATA_REPLACE);
    pamh->kept = data;
    pamh->keeper = cleanup;
    return PAM_SUCCESS;
}

int pam_get_user(pam_handle_t *pamh, const char **ret, const char *prompt)
{
    (void)prompt;
    *ret = pamh->items[PAM_USER];
    return PAM_SUCCESS;
}

int pam_putenv(pam_handle_t *pamh, const char *line)
{
    const char *value = strchr(line, '=');

    demand(strncmp(line, "PORTAL_UID", 10) == 0 && !strpbrk(line, "\n\r"));
    snprintf(pamh->uid, sizeof pamh->uid, "%s", value ? value + 1 : "");
    return PAM_SUCCESS;
}

const char *pam_getenv(pam_handle_t *pamh, const char *name)
{
    (void)name;
    return *pamh->uid ? pamh->uid : NULL;
}

void pam_syslog(const pam_handle_t *pamh, int priority, const char *format, ...)
{
    char line[8192];
    va_list arguments;

    (void)pamh, (void)priority;
    va_start(arguments, format);
    vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
}

/* --- A run --- */

struct line {
    const char *argv[8];
    int argc;
    bool recover, require;
};

static void line_make(uint8_t bits, struct line *ret)
{
    static const char *const prompts[] = {"prompt=sequential", "prompt=together", "prompt=combined",
                                          "debug"};
    static const char *const enrolls[] = {"enroll=no", "enroll=offer", "enroll=require", "recover"};
    static const char *const passes[] = {"lang=de", "try_first_pass", "use_first_pass",
                                         "use_authtok"};

    *ret = (struct line){0};
    ret->argv[ret->argc++] = enrolls[bits & 3];
    ret->recover = (bits & 3) == 3;
    ret->require = (bits & 3) == 2;
    if (!ret->recover) {
        ret->argv[ret->argc++] = prompts[bits >> 2 & 3];
        ret->argv[ret->argc++] = passes[bits >> 4 & 3];
    }
    if (bits & 64)
        ret->argv[ret->argc++] = "change=auth";
    if (bits & 128)
        ret->argv[ret->argc++] = "use_authtok";
}

/* Who may come in, from what portald said alone. */
static void authenticate_check(const pam_handle_t *p, const struct line *line)
{
    const struct said *said = &p->said;

    demand(said->whole && *p->uid);
    demand(!line->recover || (said->recovered && said->changed));
    demand(!line->require || !said->enrollable || said->enrolled);
}

static const int codes[] = {
    PAM_SUCCESS,      PAM_SERVICE_ERR, PAM_PERM_DENIED,      PAM_AUTH_ERR,  PAM_AUTHINFO_UNAVAIL,
    PAM_MAXTRIES,     PAM_CONV_ERR,    PAM_NEW_AUTHTOK_REQD, PAM_BUF_ERR,   PAM_USER_UNKNOWN,
    PAM_ACCT_EXPIRED, PAM_AUTHTOK_ERR, PAM_AUTHTOK_EXPIRED,  PAM_INCOMPLETE};

static bool is_known(int code)
{
    for (size_t i = 0; i < ELEMENTS(codes); i++)
        if (codes[i] == code)
            return true;
    return false;
}

static int authenticate(pam_handle_t *p, int flags, struct line *line)
{
    int r = pam_sm_authenticate(p, flags, line->argc, line->argv);

    p->rides = p->account_ok = r == PAM_SUCCESS && p->said.account == WIRE_OK;
    if (r == PAM_SUCCESS)
        authenticate_check(p, line);
    else
        demand(!*p->uid);
    return r;
}

static int account(pam_handle_t *p, int flags, struct line *line)
{
    int r = pam_sm_acct_mgmt(p, flags, line->argc, line->argv);

    demand(r != PAM_SUCCESS || p->said.well || p->rides);
    p->rides = false;
    if (r != PAM_AUTHINFO_UNAVAIL) /* no answer leaves the last one as it was */
        p->account_ok = r == PAM_SUCCESS;
    return r;
}

static int change(pam_handle_t *p, int flags, struct line *line)
{
    int r = pam_sm_chauthtok(p, flags | PAM_PRELIM_CHECK, line->argc, line->argv);

    demand(is_known(r));
    if (r == PAM_SUCCESS)
        r = pam_sm_chauthtok(p, flags | PAM_UPDATE_AUTHTOK, line->argc, line->argv);
    demand(r != PAM_SUCCESS || p->said.changed ||
           (flags & EXPIRED && (p->account_ok || p->said.well)));
    if (p->said.changed)
        p->account_ok = p->rides = false;
    return r;
}

static void call(pam_handle_t *p, uint8_t step, int flags, struct line *line)
{
    int r;

    p->said = (struct said){0};
    if (step % 5 == 1)
        r = account(p, flags, line);
    else if (step % 5 == 2)
        r = change(p, flags, line);
    else if (step % 5 == 3)
        r = change(p, flags | EXPIRED, line);
    else if (step % 5 == 4)
        r = pam_sm_setcred(p, flags, line->argc, line->argv);
    else
        r = authenticate(p, flags, line);
    demand(is_known(r));
    demand(strcmp(p->items[PAM_USER], USER) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    pam_handle_t p = {.data = data, .size = size};
    struct line line;
    uint8_t flags;

    running = &p;
    p.conv = (struct pam_conv){converse, &p};
    p.items[PAM_USER] = strdup(USER);
    p.items[PAM_SERVICE] = strdup("fuzz");
    line_make(take(&p), &line);
    flags = take(&p);
    if (flags & 2)
        p.items[PAM_AUTHTOK] = take_string(&p);
    if (flags & 4)
        p.items[PAM_OLDAUTHTOK] = take_string(&p);
    if (flags & 8)
        p.items[PAM_RHOST] = take_string(&p);
    for (int i = 0; i < CALLS_MAX && p.size > 0; i++)
        call(&p, take(&p), flags & 1 ? (int)PAM_SILENT : 0, &line);
    if (p.kept)
        p.keeper(&p, p.kept, 0);
    for (size_t i = 0; i < ELEMENTS(p.items); i++)
        free(p.items[i]);
    free(p.last);
    return 0;
}
