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

/* Call when the handshake of a connection of libesmtp's is done. With TLS 1.3 the server's session
   tickets come after it: libesmtp takes them for the first reply, waits for the rest of it, and so
   never sends the command that the reply would be to. This says NOOP (RFC 5321, 4.1.4: allowed at
   any time) and reads the reply; whatever came before it is read then, too. Returns 0; -ETIMEDOUT
   after seconds; -ECONNRESET; -EPROTO when it was more than a reply. */
int tls_settle(SSL *ssl, long seconds);
