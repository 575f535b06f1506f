/* The print server's certificate: trust.h. */
#include "config.h"

#include "trust.h"

#include "cleanup.h"

#include <errno.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <string.h>
#include <unistd.h>

#define CHAIN_MOST 10 /* certificates that a server may show */

struct trust {
    gnutls_x509_trust_list_t list;
};

DEFINE_CLEANUP(struct trust, trust_free)

int trust_open(const char *file, struct trust **ret)
{
    _cleanup_(trust_free_p) struct trust *trust = calloc(1, sizeof *trust);
    int count;

    if (!trust || gnutls_x509_trust_list_init(&trust->list, 0) < 0)
        return -ENOMEM;
    if (file && access(file, R_OK) < 0)
        return -errno;
    count = file ? gnutls_x509_trust_list_add_trust_file(trust->list, file, NULL,
                                                         GNUTLS_X509_FMT_PEM, 0, 0)
                 : gnutls_x509_trust_list_add_system_trust(trust->list, 0, 0);
    if (count <= 0)
        return -EINVAL;
    *ret = TAKE(trust);
    return 0;
}

struct trust *trust_free(struct trust *trust)
{
    if (trust && trust->list)
        gnutls_x509_trust_list_deinit(trust->list, 1);
    free(trust);
    return NULL;
}

/* ---- The chain that the server has shown ---- */

struct chain {
    gnutls_x509_crt_t certificates[CHAIN_MOST];
    unsigned count;
};

static void chain_clear(struct chain *chain)
{
    while (chain->count > 0)
        gnutls_x509_crt_deinit(chain->certificates[--chain->count]);
}

static int chain_add(struct chain *chain, const http_credential_t *shown)
{
    const gnutls_datum_t der = {shown->data, (unsigned)shown->datalen};
    gnutls_x509_crt_t *next = &chain->certificates[chain->count];

    if (chain->count == CHAIN_MOST || shown->datalen > UINT16_MAX || gnutls_x509_crt_init(next) < 0)
        return -EACCES;
    chain->count++;
    return gnutls_x509_crt_import(*next, &der, GNUTLS_X509_FMT_DER) < 0 ? -EACCES : 0;
}

static int chain_read(http_t *http, struct chain *ret)
{
    cups_array_t *shown = NULL;
    int r = httpCopyCredentials(http, &shown) == 0 ? 0 : -EACCES;

    for (void *c = cupsArrayFirst(shown); r == 0 && c; c = cupsArrayNext(shown))
        r = chain_add(ret, c);
    httpFreeCredentials(shown);
    return r == 0 && ret->count == 0 ? -EACCES : r;
}

/* ---- What is wrong with it ---- */

static const char *status_text(unsigned status)
{
    static const struct {
        unsigned bit;
        const char *text;
    } reasons[] = {
        {GNUTLS_CERT_UNEXPECTED_OWNER, "its certificate is for another name"},
        {GNUTLS_CERT_EXPIRED, "its certificate has expired"},
        {GNUTLS_CERT_NOT_ACTIVATED, "its certificate isn't valid yet; is the clock right?"},
        {GNUTLS_CERT_SIGNER_NOT_FOUND,
         "nobody who is trusted has signed its certificate; is [output] ca right?"},
        {GNUTLS_CERT_PURPOSE_MISMATCH, "its certificate isn't one for servers"},
        {GNUTLS_CERT_INSECURE_ALGORITHM, "its certificate's signature is too weak"},
    };

    for (size_t i = 0; i < ELEMENTS(reasons); i++)
        if (status & reasons[i].bit)
            return reasons[i].text;
    return "its certificate isn't valid";
}

static int refuse(char why[static PRINTER_WHY_SIZE], const char *host, const char *text)
{
    snprintf(why, PRINTER_WHY_SIZE, "the print server %s isn't believed: %s", host, text);
    return -EACCES;
}

int trust_check(const struct trust *trust, http_t *http, const char *host,
                char why[static PRINTER_WHY_SIZE])
{
    static char purpose[] = GNUTLS_KP_TLS_WWW_SERVER;
    _cleanup_(chain_clear) struct chain chain = {.count = 0};
    char name[HTTP_MAX_HOST];
    gnutls_typed_vdata_st wanted[] = {
        {.type = GNUTLS_DT_DNS_HOSTNAME, .data = (unsigned char *)name},
        {.type = GNUTLS_DT_KEY_PURPOSE_OID, .data = (unsigned char *)purpose},
    };
    unsigned status = GNUTLS_CERT_INVALID;

    snprintf(name, sizeof name, "%s", host);
    if (chain_read(http, &chain) < 0)
        return refuse(why, host, "it showed no certificate that can be read");
    if (gnutls_x509_trust_list_verify_crt2(trust->list, chain.certificates, chain.count, wanted,
                                           ELEMENTS(wanted), 0, &status, NULL) < 0)
        return refuse(why, host, "its certificate can't be checked");
    return status == 0 ? 0 : refuse(why, host, status_text(status));
}
