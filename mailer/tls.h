/* TLS towards the relay: an SSL_CTX of our own, because libesmtp's checks the wrong name and
   crashed on a process's second session. Way in: tls_open(). */
#pragma once

#include <openssl/ssl.h>

struct tls {
    SSL_CTX *context;
    const char *host; /* as configured: what the certificate must be for, and SNI */
    long problem;     /* the last X509_V_ERR_… of a verification, X509_V_OK when there was none */
};

/* TLS 1.2 or newer; the chain must lead to ca_file (NULL: the system's CAs) and the certificate
   must name host, which stays the caller's. Returns 0; -EINVAL when ca_file holds no certificates;
   -ENOMEM. */
int tls_open(struct tls *tls, const char *host, const char *ca_file);
void tls_close(struct tls *tls);
