/* Whether a print server is the one that print.conf names. libcups encrypts, but takes any
   certificate, whatever client.conf says, and connects again by itself: so the certificate is
   checked here, with GnuTLS (which libcups has its TLS from), for each connection before a letter
   goes over it, and again with each answer. */
#pragma once

#include "output-ipp.h"

#include <cups/http.h>

struct trust;

/* file: certificates (PEM) of those who may vouch for it, or its own; NULL: the system's. Returns
   0; -ENOENT and so on when file can't be read; -EINVAL when it holds no certificate; -ENOMEM. */
int trust_open(const char *file, struct trust **ret);
struct trust *trust_free(struct trust *trust);
/* The certificate that http has shown must be valid now, for a server of this name or address. 0,
   or -EACCES and why not. */
int trust_check(const struct trust *trust, http_t *http, const char *host,
                char why[static PRINTER_WHY_SIZE]);
