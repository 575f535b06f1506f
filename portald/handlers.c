/* The table of requests, and what all handlers share. */
#include "config.h"

#include "handlers.h"

#include "texts.h"
#include "verdicts.h"

#include "cleanup.h"
#include "log.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>

#define DEVICE_DIGITS 32
#define DEVICE_BYTES  (DEVICE_DIGITS / 2)

#define ON(socket)   (1u << WIRE_SOCKET_##socket)
#define LONG_LANE    "/long"
#define FREE_WORKERS 2u

static const struct route {
    enum wire_type type;
    unsigned sockets;
    enum wire_tag lane; /* requests with the same value of it go one after another; 0: none */
    bool is_long;       /* never takes the last two workers */
    handler *handle;
} routes[] = {
    {WIRE_AUTHENTICATE, ON(API) | ON(ACCOUNT) | ON(WEB), WIRE_USER, false, auth_authenticate},
    {WIRE_SECOND, ON(API) | ON(ACCOUNT) | ON(WEB), WIRE_USER, false, second_verify},
    {WIRE_ACCOUNT, ON(ACCOUNT), 0, false, auth_account},
    {WIRE_CHANGE, ON(API) | ON(ACCOUNT) | ON(WEB), WIRE_USER, false, change_password},
    {WIRE_ENROLL, ON(API) | ON(ACCOUNT) | ON(WEB), WIRE_USER, false, enroll_begin},
    {WIRE_ENROLL_CODE, ON(API) | ON(ACCOUNT) | ON(WEB), WIRE_USER, false, enroll_confirm},
    {WIRE_FORGOTTEN, ON(API) | ON(ACCOUNT) | ON(WEB), 0, false, recover_ask},
    {WIRE_RECOVER, ON(API) | ON(ACCOUNT) | ON(WEB), WIRE_USER, false, recover_verify},
    {WIRE_REGISTER, ON(WEB) | ON(CONTROL), 0, false, register_accept},
    {WIRE_LETTER_WANTED, ON(WEB) | ON(CONTROL), 0, false, register_letter},
    {WIRE_NEW_MAIL, ON(WEB), WIRE_USER, false, new_mail_ask},
    {WIRE_LINK_AGAIN, ON(WEB), 0, false, link_again},
    {WIRE_SITE, ON(WEB), 0, false, site_show},
    {WIRE_SESSION, ON(WEB), 0, false, visit_look},
    {WIRE_PROFILE, ON(WEB), 0, false, profile_show},
    {WIRE_END_SESSIONS, ON(WEB), 0, false, visit_end_all},
    {WIRE_TOTP_OFF, ON(WEB), WIRE_USER, false, enroll_remove},
    {WIRE_QUALITY, ON(WEB), WIRE_USER, false, change_look},
    {WIRE_LINK, ON(WEB) | ON(CONTROL), 0, false, confirm_look},
    {WIRE_CONFIRM, ON(WEB) | ON(CONTROL), 0, false, confirm_press},
    {WIRE_REFERENCE, ON(WEB) | ON(CONTROL), 0, false, not_me_look},
    {WIRE_NOT_ME, ON(WEB) | ON(CONTROL), 0, false, not_me_press},
    {WIRE_CLAIM, ON(PRINT), 0, true, letters_claim},
    {WIRE_PRINTED, ON(PRINT), 0, true, letters_printed},
    {WIRE_CONTROL, ON(CONTROL) | ON(SUPPORT), 0, true, control_handle},
    {WIRE_BOUNCE, ON(API) | ON(CONTROL), 0, false, bounce_handle},
};

static const struct route *route_find(enum wire_type type)
{
    for (size_t i = 0; i < ELEMENTS(routes); i++)
        if (routes[i].type == type)
            return &routes[i];
    return NULL;
}

static bool allowed(enum wire_socket socket, enum wire_type type)
{
    const struct route *route = route_find(type);

    return route && route->sockets & 1u << socket;
}

/* A name that can't be one has no lane: it is refused without anything being asked. */
static unsigned lane(const struct server *server, const struct request *request, char *key,
                     size_t size)
{
    const struct route *route = route_find(request->frame.type);
    char typed[MAIL_ADDRESS_SIZE], name[MAIL_ADDRESS_SIZE];

    if (route->is_long) {
        snprintf(key, size, "%s", LONG_LANE);
        return server_workers(server) > FREE_WORKERS ? server_workers(server) - FREE_WORKERS : 1;
    }
    if (route->lane && wire_get_string(&request->frame, route->lane, typed, sizeof typed) == 0 &&
        login_name_read(typed, name) == 0)
        snprintf(key, size, "%s", name);
    return 1;
}

/* 0, -ENOENT, or -EINVAL when it isn't one. */
static int read_device(const struct request *request, uint8_t ret[static DEVICE_BYTES])
{
    const uint8_t *typed;
    size_t length, size = 0;

    if (wire_get(&request->frame, WIRE_DEVICE, &typed, &length) < 0)
        return -ENOENT;
    return length == DEVICE_DIGITS && sodium_hex2bin(ret, DEVICE_BYTES, (const char *)typed, length,
                                                     NULL, &size, NULL) == 0
               ? 0
               : -EINVAL;
}

/* Elsewhere than on the web nobody may choose what they are known by. */
static bool device_fits(const struct request *request)
{
    uint8_t device[DEVICE_BYTES];
    int r = read_device(request, device);

    return r == -ENOENT || (r == 0 && request->socket == WIRE_SOCKET_WEB);
}

static void handle(void *worker_data, const struct request *request, struct wire_writer *reply)
{
    if (!device_fits(request)) {
        wire_begin(reply, WIRE_ERROR);
        wire_put_string(reply, WIRE_TEXT, "not a device, or not one that this socket takes");
        return;
    }
    route_find(request->frame.type)->handle(worker_data, request, reply);
}

static void crowded(const struct request *request, struct wire_writer *reply)
{
    char language[LANGUAGE_SIZE] = "de";

    wire_get_string(&request->frame, WIRE_LANGUAGE, language, sizeof language);
    wire_begin(reply, WIRE_VERDICT);
    reply_verdict(
        reply, WIRE_THROTTLED,
        text(language, N_("Too many attempts at the same time. Please try again in a minute.")));
}

static int worker_open(void *userdata, void **ret)
{
    struct worker *worker = calloc(1, sizeof *worker);
    int r;

    if (!worker)
        return -ENOMEM;
    worker->manager = userdata;
    r = directory_open(&worker->manager->directory, &worker->directory);
    if (r < 0) {
        log_line(LOG_CRIT, "A worker could not be made: %s", strerror(-r));
        free(worker);
        return r;
    }
    *ret = worker;
    return 0;
}

static void worker_close(void *worker_data)
{
    struct worker *worker = worker_data;

    directory_free(worker->directory);
    free(worker);
}

const struct server_handlers portald_handlers = {
    .allowed = allowed,
    .lane = lane,
    .handle = handle,
    .crowded = crowded,
    .worker_open = worker_open,
    .worker_close = worker_close,
};

void reply_verdict(struct wire_writer *reply, enum wire_verdict verdict, const char *text)
{
    wire_put_u8(reply, WIRE_VERDICT_CODE, (uint8_t)verdict);
    if (*text)
        wire_put_string(reply, WIRE_TEXT, text);
}

void reply_standard(struct wire_writer *reply, enum wire_verdict verdict, const char *language)
{
    reply_verdict(reply, verdict, text_verdict(language, verdict));
}

void reply_error(struct wire_writer *reply, int error, const char *language)
{
    bool busy = error == -EBUSY || error == -ESTALE;

    log_line(LOG_WARNING, "A request is answered as %s: %s", busy ? "busy" : "unavailable",
             strerror(-error));
    reply_standard(reply, busy ? WIRE_BUSY : WIRE_UNAVAILABLE, language);
}

void request_language(const struct manager *manager, const struct request *request,
                      char ret[static LANGUAGE_SIZE])
{
    char asked[9];

    strcpy(ret, manager->settings->language == LANGUAGE_EN ? "en" : "de");
    if (wire_get_string(&request->frame, WIRE_LANGUAGE, asked, sizeof asked) < 0)
        return;
    if (strncmp(asked, "de", 2) == 0 || strncmp(asked, "en", 2) == 0)
        snprintf(ret, LANGUAGE_SIZE, "%.2s", asked);
}

void request_client(const struct request *request, char ret[static THROTTLE_CLIENT_SIZE])
{
    char typed[CLIENT_SIZE] = "";

    wire_get_string(&request->frame, WIRE_CLIENT, typed, sizeof typed);
    throttle_client(typed, ret);
}

/* Hashed: whoever sees a table or a queued request doesn't have the browser's string. */
void request_known_as(const struct request *request, char ret[static THROTTLE_CLIENT_SIZE])
{
    static const char kind[] = "device ";
    uint8_t device[DEVICE_BYTES], hash[DEVICE_BYTES];

    if (request->socket != WIRE_SOCKET_WEB) {
        request_client(request, ret);
        return;
    }
    *ret = 0;
    if (read_device(request, device) < 0)
        return;
    crypto_generichash(hash, sizeof hash, device, sizeof device, NULL, 0);
    strcpy(ret, kind);
    sodium_bin2hex(ret + strlen(kind), THROTTLE_CLIENT_SIZE - strlen(kind), hash, sizeof hash);
}

enum wire_purpose request_purpose(const struct request *request)
{
    uint8_t purpose = WIRE_PURPOSE_LOGIN;

    wire_get_u8(&request->frame, WIRE_PURPOSE, &purpose);
    return purpose <= WIRE_PURPOSE_ENROLL ? purpose : WIRE_PURPOSE_LOGIN;
}
