/* The SSL_CTX that libesmtp gets: tls.h. */
#include "config.h"

#include "tls.h"

#include "clock.h"

#include <arpa/inet.h>
#include <errno.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <stdbool.h>

#define REPLY_MAX 4096

static bool host_is_address(const char *host)
{
    struct in_addr v4;

    return inet_pton(AF_INET, host, &v4) == 1;
}

/* libesmtp makes the SSL itself and sends no SNI; the handshake's start is where we meet it. */
static void tls_started(const SSL *ssl, int where, int ret)
{
    struct tls *tls = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));

    (void)ret;
    if ((where & SSL_CB_HANDSHAKE_START) && !host_is_address(tls->host))
        SSL_set_tlsext_host_name((SSL *)(uintptr_t)ssl, tls->host);
}

/* Keeps why a certificate was refused, for the operator; decides nothing. */
static int tls_verified(int ok, X509_STORE_CTX *store)
{
    const SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
    struct tls *tls = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));

    if (!ok)
        tls->problem = X509_STORE_CTX_get_error(store);
    return ok;
}

static int tls_set_names(SSL_CTX *context, const char *host)
{
    X509_VERIFY_PARAM *param = SSL_CTX_get0_param(context);

    X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    return host_is_address(host) ? X509_VERIFY_PARAM_set1_ip_asc(param, host)
                                 : X509_VERIFY_PARAM_set1_host(param, host, 0);
}

int tls_open(struct tls *tls, const char *host, const char *ca_file)
{
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    int r = 0;

    if (!context)
        return -ENOMEM;
    SSL_CTX_set_app_data(context, tls);
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, tls_verified);
    SSL_CTX_set_info_callback(context, tls_started);
    if (!SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) || !tls_set_names(context, host))
        r = -ENOMEM;
    else if (ca_file ? !SSL_CTX_load_verify_file(context, ca_file)
                     : !SSL_CTX_set_default_verify_paths(context))
        r = -EINVAL;
    ERR_clear_error();
    if (r < 0) {
        SSL_CTX_free(context);
        return r;
    }
    *tls = (struct tls){.context = context, .host = host, .problem = X509_V_OK};
    return 0;
}

void tls_close(struct tls *tls)
{
    SSL_CTX_free(tls->context);
    tls->context = NULL;
}

/* Waits until what gave r could be tried again. */
static int tls_wait(SSL *ssl, int r, int64_t deadline)
{
    struct pollfd p = {.fd = SSL_get_fd(ssl)};
    int64_t left = deadline - clock_monotonic_ms();

    switch (SSL_get_error(ssl, r)) {
    case SSL_ERROR_WANT_READ:
        p.events = POLLIN;
        break;
    case SSL_ERROR_WANT_WRITE:
        p.events = POLLOUT;
        break;
    default:
        return -ECONNRESET;
    }
    r = left > 0 ? poll(&p, 1, (int)left) : 0;
    if (r < 0 && errno != EINTR)
        return -errno;
    return r == 0 ? -ETIMEDOUT : 0;
}

int tls_settle(SSL *ssl, long seconds)
{
    static const char noop[] = "NOOP\r\n";
    int64_t deadline = clock_monotonic_ms() + seconds * 1000;
    size_t column = 0;
    bool last = false;
    char c = 0;
    int r;

    if (SSL_version(ssl) < TLS1_3_VERSION)
        return 0;
    while ((r = SSL_write(ssl, noop, sizeof noop - 1)) <= 0)
        if ((r = tls_wait(ssl, r, deadline)) < 0)
            return r;
    for (size_t i = 0; i < REPLY_MAX; i++) {
        while ((r = SSL_read(ssl, &c, 1)) <= 0)
            if ((r = tls_wait(ssl, r, deadline)) < 0)
                return r;
        if (column == 3)
            last = c != '-';
        column = c == '\n' ? 0 : column + 1;
        if (c == '\n' && last)
            return SSL_pending(ssl) > 0 ? -EPROTO : 0;
    }
    return -EPROTO;
}
