/* Asking portald over control.sock, or over support.sock where only that is open to the caller:
   call_control() for administration, call_verdict() for what a customer could ask as well. */
#include "config.h"

#include "call.h"

#include "output.h"
#include "report.h"

#include "cleanup.h"
#include "client.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SOCKET_NAME    "control.sock"
#define SOCKET_SUPPORT "support.sock"
#define SOCKET_OPEN    "api.sock" /* to anybody */
#define SOCKET_USER    "portald"
#define TIMEOUT_MS     30000u

/* Who may own the socket besides root: whoever owns it, if that is the caller or portald's user.
   Anybody else could answer what they like. */
static uid_t trusted_peer(const char *directory, const char *name)
{
    char path[4096];
    struct stat st;
    const struct passwd *user;

    if (snprintf(path, sizeof path, "%s/%s", directory, name) >= (int)sizeof path ||
        stat(path, &st) < 0)
        return 0;
    if (st.st_uid == geteuid())
        return st.st_uid;
    user = getpwnam(SOCKET_USER);
    return user && user->pw_uid == st.st_uid ? st.st_uid : 0;
}

static const struct trouble {
    int error;
    int status;
    const char *text; /* DIR/control.sock stands before it */
} troubles[] = {
    {-ENOENT, STATUS_UNREACHABLE,
     "there is no such socket. Is portald installed and running ('systemctl status portald'), or "
     "do "
     "you mean another --socket-dir?"},
    {-ECONNREFUSED, STATUS_UNREACHABLE,
     "nobody listens. Start portald ('systemctl start portald-control.socket portald')."},
    {-EACCES, STATUS_UNREACHABLE,
     "you may not use it. It is for root and the group portal-admin; support.sock beside it is for "
     "the group portal-support."},
    {-EPERM, STATUS_UNREACHABLE,
     "it, or its directory, belongs neither to root nor to portald nor to you, or others may write "
     "there. Nothing was sent."},
    {-ETIMEDOUT, STATUS_UNREACHABLE, "portald did not answer in time. It may be busy; try again."},
    {-ECONNRESET, STATUS_UNREACHABLE,
     "portald hung up twice without an answer. Its log says why: 'journalctl -u portald'."},
    {-EPROTO, STATUS_UNREACHABLE,
     "what answers doesn't speak this version's protocol. Are portald and portalctl of one "
     "version?"},
    {-EMSGSIZE, STATUS_USAGE, "what you gave is longer than any valid value. Nothing was sent."},
};

static int trouble_tell(const struct arguments *a, const char *name, int error)
{
    const char *text = strerror(-error);
    int status = STATUS_UNREACHABLE;

    for (size_t i = 0; i < ELEMENTS(troubles); i++)
        if (troubles[i].error == error) {
            text = troubles[i].text;
            status = troubles[i].status;
        }
    output_error("%s/%s: %s", arguments_socket_dir(a), name, text);
    return status;
}

/* What the caller may open says which role is used; portald decides what that role may do. Where
   neither may be opened it is control.sock's trouble that is told. */
static const char *role_socket(const struct arguments *a)
{
    static const char *const names[] = {SOCKET_NAME, SOCKET_SUPPORT};
    char path[4096];

    for (size_t i = 0; i < ELEMENTS(names); i++)
        if (snprintf(path, sizeof path, "%s/%s", arguments_socket_dir(a), names[i]) <
                (int)sizeof path &&
            faccessat(AT_FDCWD, path, W_OK, AT_EACCESS) == 0)
            return names[i];
    return SOCKET_NAME;
}

/* A request that the socket doesn't take at all. */
static int refusal_tell(const char *name, const char *text)
{
    if (strcmp(name, SOCKET_SUPPORT) == 0)
        output_error("Support may not do this. Administrators may: root and the group "
                     "portal-admin, over " SOCKET_NAME);
    else
        output_error("portald did not take the request: %s", text);
    return STATUS_REFUSED;
}

/* Ends the frame and sends it. */
static int call(const struct arguments *a, const char *name, struct wire_writer *request,
                struct client_reply *ret)
{
    struct client_target target = {
        .directory = arguments_socket_dir(a),
        .socket = name,
        .peer = trusted_peer(arguments_socket_dir(a), name),
        .timeout_ms = TIMEOUT_MS,
    };
    char text[1024] = "";
    int r = wire_end(request);

    if (r < 0)
        return trouble_tell(a, name, r);
    r = client_call(&target, request, ret);
    if (r < 0)
        return trouble_tell(a, name,
                            r == -EMSGSIZE ? -EPROTO : r); /* an answer too long to be one */
    if (ret->frame.type != WIRE_ERROR)
        return STATUS_DONE;
    if (wire_get_string(&ret->frame, WIRE_TEXT, text, sizeof text) < 0)
        snprintf(text, sizeof text, "(without a reason)");
    return refusal_tell(name, text);
}

static int reply_unexpected(void)
{
    output_error(
        "portald answered something unexpected. Are portald and portalctl of one version?");
    return STATUS_UNREACHABLE;
}

/* Times are shown in portald's zone, wherever its operator sits. */
static void zone_use(const json_t *report)
{
    const char *zone = report_text(report, "zone");

    if (zone && *zone && setenv("TZ", zone, 1) == 0)
        tzset();
}

/* The report, if portald did what it was asked; otherwise its error is told. */
static int report_read(const struct arguments *a, const struct wire_frame *frame, json_t **ret)
{
    json_auto_t *report = NULL;
    const uint8_t *text;
    const char *error;
    size_t length;
    uint8_t status;

    if (frame->type != WIRE_REPORT || wire_get(frame, WIRE_JSON, &text, &length) < 0 ||
        wire_get_u8(frame, WIRE_EXIT, &status) < 0)
        return reply_unexpected();
    report = json_loadb((const char *)text, length, JSON_REJECT_DUPLICATES, NULL);
    if (!json_is_object(report))
        return reply_unexpected();
    if (status == STATUS_DONE) {
        zone_use(report);
        *ret = TAKE(report);
        return STATUS_DONE;
    }
    error = json_string_value(json_object_get(report, "error"));
    if (arguments_json(a))
        output_json(report);
    else
        output_error("%s", error ? error : "portald refused, without a reason.");
    return status == STATUS_USAGE ? STATUS_USAGE : STATUS_REFUSED;
}

int call_control_reply(const struct arguments *a, json_t *request, json_t **ret,
                       struct client_reply *reply)
{
    json_auto_t *owned = request;
    _cleanup_free_ char *text = NULL;
    _cleanup_(wire_writer_clear) struct wire_writer w = {0};
    int status;

    text = owned ? json_dumps(owned, JSON_COMPACT) : NULL;
    if (!text) {
        output_error("What you gave isn't valid UTF-8, or there is no memory left.");
        return STATUS_USAGE;
    }
    wire_begin(&w, WIRE_CONTROL);
    wire_put_string(&w, WIRE_JSON, text);
    status = call(a, role_socket(a), &w, reply);
    return status == STATUS_DONE ? report_read(a, &reply->frame, ret) : status;
}

int call_control(const struct arguments *a, json_t *request, json_t **ret)
{
    _cleanup_(client_reply_clear) struct client_reply reply = {0};

    return call_control_reply(a, request, ret, &reply);
}

int call_anybody(const struct arguments *a, struct wire_writer *request, struct client_reply *reply)
{
    return call(a, SOCKET_OPEN, request, reply);
}

int call_change(const struct arguments *a, const char *verb, const char *name, const char *value)
{
    json_auto_t *report = NULL;
    const char *text;
    int status = call_control(a, json_pack("{s:s, s:s}", "verb", verb, name, value), &report);

    if (status != STATUS_DONE)
        return status;
    text = json_string_value(json_object_get(report, "text"));
    if (arguments_json(a))
        output_json(report);
    else if (text)
        output_text(text);
    return STATUS_DONE;
}

static const struct verdict {
    enum wire_verdict code;
    const char *word;
    int status;
} verdicts[] = {
    {WIRE_OK, "ok", STATUS_DONE},
    {WIRE_THROTTLED, "throttled", STATUS_REFUSED},
    {WIRE_LOCKED, "locked", STATUS_REFUSED},
    {WIRE_CLOSED, "closed", STATUS_REFUSED},
    {WIRE_UNKNOWN, "unknown", STATUS_REFUSED},
    {WIRE_REFUSED, "refused", STATUS_REFUSED},
    {WIRE_BUSY, "busy", STATUS_REFUSED},
    {WIRE_UNAVAILABLE, "unavailable", STATUS_REFUSED},
    {WIRE_LINK_GOOD, "good", STATUS_DONE},
    {WIRE_LINK_DONE, "done-already", STATUS_DONE}, /* worked before, so it isn't an error */
    {WIRE_LINK_EXPIRED, "expired", STATUS_REFUSED},
    {WIRE_LINK_TAKEN, "taken", STATUS_REFUSED},
    {WIRE_LINK_OVER, "over", STATUS_REFUSED},
};

/* The option that filled the field which portald found wrong. */
static const char *field_option(uint16_t field)
{
    static const struct {
        enum wire_tag tag;
        enum option option;
    } fields[] = {
        {WIRE_POLICY, OPTION_POLICY},     {WIRE_BIRTHDATE, OPTION_BIRTHDATE},
        {WIRE_MAIL_ADDRESS, OPTION_MAIL}, {WIRE_MAIL_AGAIN, OPTION_MAIL_AGAIN},
        {WIRE_PRIVACY, OPTION_PRIVACY},   {WIRE_TERMS, OPTION_TERMS},
        {WIRE_LANGUAGE, OPTION_LANGUAGE},
    };

    for (size_t i = 0; i < ELEMENTS(fields); i++)
        if (fields[i].tag == field)
            return option_names[fields[i].option].name;
    return NULL;
}

static void verdict_print(const struct arguments *a, const struct verdict *verdict,
                          const char *text, const char *option)
{
    json_auto_t *json = NULL;

    if (arguments_json(a)) {
        json =
            json_pack("{s:s, s:s, s:s?}", "verdict", verdict->word, "text", text, "field", option);
        output_json(json);
    } else if (verdict->status == STATUS_DONE) {
        output_text(text);
    } else if (option) {
        output_error("--%s: %s", option, text);
    } else {
        output_error("%s", text);
    }
}

int call_verdict(const struct arguments *a, struct wire_writer *request)
{
    _cleanup_(client_reply_clear) struct client_reply reply = {0};
    char text[4097] = "";
    uint16_t field = 0;
    uint8_t code;
    int status = call(a, role_socket(a), request, &reply);

    if (status != STATUS_DONE)
        return status;
    if (reply.frame.type != WIRE_VERDICT ||
        wire_get_u8(&reply.frame, WIRE_VERDICT_CODE, &code) < 0 ||
        wire_get_string(&reply.frame, WIRE_TEXT, text, sizeof text) < 0)
        return reply_unexpected();
    wire_get_u16(&reply.frame, WIRE_FIELD, &field);
    for (size_t i = 0; i < ELEMENTS(verdicts); i++)
        if (verdicts[i].code == code) {
            verdict_print(a, &verdicts[i], text, field_option(field));
            return verdicts[i].status;
        }
    return reply_unexpected();
}
