/* Whom a request comes from: who connected, or, where that is a proxy that is believed, the last
   address in X-Forwarded-For that isn't one. What stands further left can be anybody's invention.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

/* peer: NULL or another family than IPv4 and IPv6 for a Unix socket, whose owner is believed.
   forwarded: the header, or NULL. ret gets the address in its usual form; "" when it isn't known:
   nothing is counted then for anybody. */
void client_address(char *const *proxies, const struct sockaddr *peer, const char *forwarded,
                    char *ret, size_t size);
/* Whether who connected is such a proxy. */
bool client_is_proxy(char *const *proxies, const struct sockaddr *peer);
