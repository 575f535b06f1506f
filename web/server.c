/* libmicrohttpd's side: connections, parsing, sending. server_start() is the way in; what a request
   means is dispatch.c's. */
#include "config.h"

#include "server.h"

#include "client-address.h"
#include "dispatch.h"
#include "limits.h"
#include "slow.h"
#include "workers.h"

#include "cleanup.h"
#include "clock.h"
#include "log.h"

#include <errno.h>
#include <glib.h>
#include <malloc.h>
#include <stdatomic.h>
#include <stdio.h>
#include <time.h>

#define HEADER_MEMORY (32u * 1024) /* of a connection: its request line and header lines */
#define BODY_IGNORED  (1u << 20)   /* bytes of a body too large that are still read, to answer */
#define POST_BUFFER   1024
#define DRAIN_MS      10000
#define DRAIN_STEP_MS 20
#define TRIM_REQUESTS 256
#define FORM_TYPE     "application/x-www-form-urlencoded"
#define NOT_TEXT                                                                                   \
    '\x01' /* stands for what can't be decoded, and is refused as control character                \
            */

#define STATUS_BAD        400
#define STATUS_METHOD     405
#define STATUS_TOO_LARGE  413
#define STATUS_TOO_LONG   414
#define STATUS_MEDIA_TYPE 415

struct server {
    struct web *web;
    struct MHD_Daemon *daemon;
    struct workers *workers;
    struct slow *slow;
    atomic_bool stopping;
    atomic_ulong requests, refused, over_time;
    unsigned long trimmed; /* how many requests there were by then */
};

static void on_mhd_error(void *userdata, const char *format, va_list arguments)
{
    (void)userdata;
    (void)format;
    (void)arguments; /* peers that went away, mostly; may hold what they sent */
}

static int hex_digit(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

/* Percent-decodes in place. What isn't two digits, or stands for NUL, is refused later on. */
static size_t unescape(void *userdata, struct MHD_Connection *connection, char *s)
{
    char *to = s;

    (void)userdata;
    (void)connection;
    for (const char *from = s; *from; to++) {
        int high, low;
        bool text;
        if (*from != '%') {
            *to = *from++;
            continue;
        }
        high = hex_digit(from[1]);
        low = high < 0 ? -1 : hex_digit(from[2]);
        text = low >= 0 && (high > 0 || low > 0);
        *to = NOT_TEXT;
        if (text)
            *to = (char)(high << 4 | low);
        from += low < 0 ? 1 : 3;
    }
    *to = '\0';
    return (size_t)(to - s);
}

static struct slow_connection *slow_of(struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

    return info ? info->socket_context : NULL;
}

static void on_connection(void *userdata, struct MHD_Connection *connection, void **context,
                          enum MHD_ConnectionNotificationCode code)
{
    struct server *server = userdata;

    if (code == MHD_CONNECTION_NOTIFY_STARTED)
        *context = slow_open(
            server->slow,
            MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd);
    else {
        slow_close(server->slow, *context);
        *context = NULL;
    }
}

/* The request line was read. NULL, out of memory, ends the connection in on_request(). */
static void *on_uri(void *userdata, const char *uri, struct MHD_Connection *connection)
{
    struct server *server = userdata;
    struct exchange *x = calloc(1, sizeof *x);

    if (!x)
        return NULL;
    x->server = server;
    x->connection = slow_of(connection);
    x->request.connection = connection;
    slow_enter(server->slow, x->connection, SLOW_REQUEST);
    if (strlen(uri) > REQUEST_PATH_MAX + REQUEST_FIELD_MAX)
        x->refusal = STATUS_TOO_LONG;
    return x;
}

static void on_completed(void *userdata, struct MHD_Connection *connection, void **context,
                         enum MHD_RequestTerminationCode code)
{
    struct server *server = userdata;
    struct exchange *x = *context;

    (void)connection;
    (void)code;
    if (!x)
        return;
    slow_enter(server->slow, x->connection, SLOW_IDLE);
    exchange_clear(x);
    free(x);
    *context = NULL;
}

static enum MHD_Result on_query(void *userdata, enum MHD_ValueKind kind, const char *name,
                                const char *value)
{
    struct exchange *x = userdata;

    (void)kind;
    if (!value)
        value = "";
    if (exchange_field(&x->request.query, name, value, 0, strlen(value)) < 0)
        x->refusal = STATUS_BAD;
    return MHD_YES;
}

static enum MHD_Result on_form(void *userdata, enum MHD_ValueKind kind, const char *name,
                               const char *filename, const char *type, const char *encoding,
                               const char *data, uint64_t offset, size_t size)
{
    struct exchange *x = userdata;

    (void)kind;
    (void)filename;
    (void)type;
    (void)encoding;
    if (exchange_field(&x->request.form, name, data, offset, size) < 0)
        x->refusal = STATUS_BAD;
    return MHD_YES;
}

/* Only forms are read, so an upload can't be one. */
static void begin_body(struct exchange *x, struct MHD_Connection *connection)
{
    const char *type = request_header(&x->request, MHD_HTTP_HEADER_CONTENT_TYPE);

    if (!type || strncasecmp(type, FORM_TYPE, strlen(FORM_TYPE)) != 0)
        x->refusal = STATUS_MEDIA_TYPE;
    else
        x->post = MHD_create_post_processor(connection, POST_BUFFER, on_form, x);
    if (!x->refusal && !x->post)
        x->refusal = STATUS_BAD;
}

static void read_path(struct exchange *x, const char *url)
{
    size_t length = strlen(url);

    if (length > REQUEST_PATH_MAX) {
        x->refusal = STATUS_TOO_LONG;
        return;
    }
    memcpy(x->path, url, length + 1);
    if (x->path[0] != '/' || !g_utf8_validate(x->path, -1, NULL))
        x->refusal = STATUS_BAD;
    for (const unsigned char *c = (const unsigned char *)x->path; *c; c++)
        if (*c < 0x20 || *c == 0x7f)
            x->refusal = STATUS_BAD;
    x->request.path = x->path;
    x->route = route_find(x->path, &x->request.rest);
}

/* Several, or none with HTTP/1.1: RFC 9112, 3.2. A proxy may have taken another one than we would.
 */
static bool host_is_doubtful(const struct request *request, const char *version)
{
    return !request_header(request, MHD_HTTP_HEADER_HOST) &&
           (strcmp(version, MHD_HTTP_VERSION_1_0) != 0 ||
            MHD_lookup_connection_value(request->connection, MHD_HEADER_KIND,
                                        MHD_HTTP_HEADER_HOST));
}

/* How long the body is, said in two ways: RFC 9112, 6.3. What a proxy that took the other one sends
   as a body would be read as the next visitor's request. */
static bool length_is_doubtful(const struct request *request)
{
    struct MHD_Connection *c = request->connection;

    return MHD_lookup_connection_value(c, MHD_HEADER_KIND, MHD_HTTP_HEADER_CONTENT_LENGTH) &&
           (!request_header(request, MHD_HTTP_HEADER_CONTENT_LENGTH) ||
            MHD_lookup_connection_value(c, MHD_HEADER_KIND, MHD_HTTP_HEADER_TRANSFER_ENCODING));
}

/* The header lines were read. */
static void begin(struct server *server, struct exchange *x, struct MHD_Connection *connection,
                  const char *url, const char *method, const char *version)
{
    const union MHD_ConnectionInfo *peer =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);

    x->stage = EXCHANGE_READING;
    x->request.path = "/";
    x->request.rest = "";
    atomic_fetch_add(&server->requests, 1);
    client_address(server->web->settings->proxies, peer ? peer->client_addr : NULL,
                   request_last_header(&x->request, "X-Forwarded-For"), x->request.client,
                   sizeof x->request.client);
    x->request.proxied =
        client_is_proxy(server->web->settings->proxies, peer ? peer->client_addr : NULL);
    read_path(x, url);
    MHD_get_connection_values(connection, MHD_GET_ARGUMENT_KIND, on_query, x);
    if (!exchange_fields_good(&x->request.query) || host_is_doubtful(&x->request, version))
        x->refusal = STATUS_BAD;
    x->last = length_is_doubtful(&x->request);
    if (x->last)
        x->refusal = STATUS_BAD;
    if (strcmp(method, MHD_HTTP_METHOD_POST) == 0) {
        x->request.method = METHOD_POST;
        begin_body(x, connection);
    } else if (strcmp(method, MHD_HTTP_METHOD_GET) != 0 &&
               strcmp(method, MHD_HTTP_METHOD_HEAD) != 0)
        x->refusal = STATUS_METHOD;
}

static enum MHD_Result read_body(struct exchange *x, const char *data, size_t *size)
{
    x->body += *size;
    if (x->body > REQUEST_BODY_MAX) {
        x->refusal = STATUS_TOO_LARGE;
        if (x->body > BODY_IGNORED)
            return MHD_NO;
    } else if (x->post && !x->refusal && MHD_post_process(x->post, data, *size) != MHD_YES)
        x->refusal = STATUS_BAD;
    *size = 0;
    return MHD_YES;
}

static void end_body(struct exchange *x)
{
    if (!x->post)
        return;
    if (MHD_destroy_post_processor(x->post) != MHD_YES && !x->refusal)
        x->refusal = STATUS_BAD;
    x->post = NULL;
    if (!exchange_fields_good(&x->request.form) && !x->refusal)
        x->refusal = STATUS_BAD;
}

struct body {
    size_t size;
    char data[];
};

static void free_body(void *userdata)
{
    struct body *body = userdata;

    explicit_bzero(body->data, body->size);
    free(body);
}

static struct MHD_Response *make_response(const struct response *response)
{
    struct body *body;
    struct MHD_Response *made;

    if (response->fixed)
        return MHD_create_response_from_buffer(response->size, (void *)response->fixed,
                                               MHD_RESPMEM_PERSISTENT);
    body = malloc(sizeof *body + response->size + 1);
    if (!body)
        return NULL;
    body->size = response->size;
    if (response->size)
        memcpy(body->data, response->body, response->size);
    made = MHD_create_response_from_buffer_with_free_callback_cls(response->size, body->data,
                                                                  free_body, body);
    if (!made)
        free_body(body);
    return made;
}

static enum MHD_Result send_response(struct server *server, struct exchange *x,
                                     struct MHD_Connection *connection)
{
    struct MHD_Response *made;
    enum MHD_Result r = MHD_YES;

    dispatch_headers(server->web, x);
    if (x->last || atomic_load(&server->stopping))
        response_header(&x->response, MHD_HTTP_HEADER_CONNECTION, "close");
    if (x->response.status >= 400)
        atomic_fetch_add(&server->refused, 1);
    made = make_response(&x->response);
    if (!made)
        return MHD_NO;
    for (size_t i = 0; i < x->response.headers && r == MHD_YES; i++)
        r = MHD_add_response_header(made, x->response.header[i].name, x->response.header[i].value);
    if (r == MHD_YES)
        r = MHD_queue_response(connection, x->response.status, made);
    MHD_destroy_response(made);
    return r;
}

/* How many requests of one client are under way: those that it sent. */
static bool is_counted(const struct exchange *x)
{
    return !x->request.proxied || !x->route || !(x->route->flags & ROUTE_PROXY);
}

static bool enter(struct server *server, const struct exchange *x)
{
    return !is_counted(x) || limits_enter(server->web->limits, x->request.client);
}

static void leave(struct server *server, const struct exchange *x)
{
    if (is_counted(x))
        limits_leave(server->web->limits, x->request.client);
}

static void run_job(void *userdata, void *job)
{
    struct server *server = userdata;
    struct exchange *x = job;

    dispatch_run(server->web, x);
    leave(server, x);
    slow_enter(server->slow, x->connection, SLOW_REQUEST);
    x->stage = EXCHANGE_READY;
    MHD_resume_connection(x->request.connection);
}

/* The whole request is there. */
static enum MHD_Result answer(struct server *server, struct exchange *x,
                              struct MHD_Connection *connection)
{
    end_body(x);
    if (dispatch_at_once(server->web, x))
        return send_response(server, x, connection);
    if (!enter(server, x)) {
        dispatch_busy(x, 429);
        return send_response(server, x, connection);
    }
    x->stage = EXCHANGE_WORKING;
    slow_enter(server->slow, x->connection, SLOW_OURS);
    MHD_suspend_connection(connection);
    if (workers_put(server->workers, x) == 0)
        return MHD_YES;
    leave(server, x);
    dispatch_busy(x, 503);
    x->stage = EXCHANGE_READY;
    MHD_resume_connection(connection);
    return MHD_YES;
}

static enum MHD_Result on_request(void *userdata, struct MHD_Connection *connection,
                                  const char *url, const char *method, const char *version,
                                  const char *upload, size_t *upload_size, void **context)
{
    struct server *server = userdata;
    struct exchange *x = *context;

    if (!x)
        return MHD_NO;
    switch (x->stage) {
    case EXCHANGE_BEGUN:
        begin(server, x, connection, url, method, version);
        return MHD_YES;
    case EXCHANGE_READING:
        return *upload_size ? read_body(x, upload, upload_size) : answer(server, x, connection);
    case EXCHANGE_WORKING:
        return MHD_YES;
    case EXCHANGE_READY:
        return send_response(server, x, connection);
    }
    return MHD_NO;
}

static struct MHD_Daemon *start_daemon(struct server *server, int fd)
{
    const struct settings *s = server->web->settings;
    unsigned threads = (unsigned)s->threads;

    return MHD_start_daemon(
        MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG | MHD_USE_ITC,
        0, NULL, NULL, on_request, server, MHD_OPTION_EXTERNAL_LOGGER, on_mhd_error, NULL,
        MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_CONNECTION_LIMIT, (unsigned)s->connections,
        MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)s->idle_time, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
        (size_t)HEADER_MEMORY, MHD_OPTION_NOTIFY_COMPLETED, on_completed, server,
        MHD_OPTION_NOTIFY_CONNECTION, on_connection, server, MHD_OPTION_URI_LOG_CALLBACK, on_uri,
        server, MHD_OPTION_UNESCAPE_CALLBACK, unescape, NULL, MHD_OPTION_STRICT_FOR_CLIENT, 1,
        MHD_OPTION_SIGPIPE_HANDLED_BY_APP, 1,
        threads > 1 ? MHD_OPTION_THREAD_POOL_SIZE : MHD_OPTION_END, threads, MHD_OPTION_END);
}

int server_start(struct web *web, int fd, struct server **ret)
{
    const struct settings *s = web->settings;
    struct slow_limits limits = {.idle = s->header_time * 1000, .request = s->request_time * 1000};
    struct server *server = calloc(1, sizeof *server);
    int r;

    if (!server)
        return -ENOMEM;
    server->web = web;
    if (s->idle_time > s->header_time)
        limits.idle = s->idle_time * 1000;
    r = slow_new(&limits, &server->slow);
    if (r == 0)
        r = workers_start((unsigned)s->workers, run_job, server, &server->workers);
    if (r == 0 && !(server->daemon = start_daemon(server, fd)))
        r = -EIO;
    if (r < 0) {
        server_stop(server);
        return r;
    }
    *ret = server;
    return 0;
}

/* What a rush took goes back to the system once it is over. */
static void trim(struct server *server)
{
    unsigned long requests = atomic_load(&server->requests);

    if (requests - server->trimmed < TRIM_REQUESTS || slow_busy(server->slow) > 0)
        return;
    server->trimmed = requests;
    malloc_trim(0);
}

void server_sweep(struct server *server)
{
    atomic_fetch_add(&server->over_time, slow_sweep(server->slow));
    trim(server);
}

struct server_counts server_count(struct server *server)
{
    return (struct server_counts){
        .requests = atomic_load(&server->requests),
        .refused = atomic_load(&server->refused),
        .slow = atomic_load(&server->over_time),
        .busy = slow_busy(server->slow),
    };
}

/* Nobody who was let in is sent away: requests under way are answered, a connection that was just
   accepted gets its first one. */
static void drain(struct server *server)
{
    int64_t until = clock_monotonic_ms() + DRAIN_MS;
    struct timespec step = {.tv_nsec = DRAIN_STEP_MS * 1000000l};

    while (slow_retire(server->slow) > 0 && clock_monotonic_ms() < until)
        nanosleep(&step, NULL);
}

struct server *server_stop(struct server *server)
{
    if (!server)
        return NULL;
    if (server->daemon) {
        atomic_store(&server->stopping, true);
        MHD_quiesce_daemon(server->daemon);
        drain(server);
    }
    /* libmicrohttpd may not end while connections are suspended, and its threads may still put. */
    if (server->workers)
        workers_stop(server->workers);
    if (server->daemon)
        MHD_stop_daemon(server->daemon);
    workers_free(server->workers);
    slow_free(server->slow);
    free(server);
    return NULL;
}
