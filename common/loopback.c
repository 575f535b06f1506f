/* This machine: loopback.h. */
#include "config.h"

#include "loopback.h"

#include <arpa/inet.h>
#include <string.h>
#include <strings.h>

#define LOOPBACK_NET 127

bool host_is_loopback(const char *host)
{
    unsigned char address[sizeof(struct in_addr)];

    if (strcasecmp(host, "localhost") == 0 || strcmp(host, "::1") == 0 ||
        strcmp(host, "[::1]") == 0)
        return true;
    return inet_pton(AF_INET, host, address) == 1 && address[0] == LOOPBACK_NET;
}
