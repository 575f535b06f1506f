/* The address of a client behind proxies; client_address() is the way in. */
#include "config.h"

#include "client-address.h"

#include "cleanup.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>

#define ADDRESS_SIZE INET6_ADDRSTRLEN

/* IPv4 in IPv6 (::ffff:a.b.c.d) as IPv4, so that one address has one form. */
static int address_normal(const char *typed, char ret[static ADDRESS_SIZE])
{
    struct in6_addr six;
    struct in_addr four;

    if (inet_pton(AF_INET, typed, &four) == 1)
        return inet_ntop(AF_INET, &four, ret, ADDRESS_SIZE) ? 0 : -EINVAL;
    if (inet_pton(AF_INET6, typed, &six) != 1)
        return -EINVAL;
    if (IN6_IS_ADDR_V4MAPPED(&six))
        return inet_ntop(AF_INET, six.s6_addr + 12, ret, ADDRESS_SIZE) ? 0 : -EINVAL;
    return inet_ntop(AF_INET6, &six, ret, ADDRESS_SIZE) ? 0 : -EINVAL;
}

static bool is_proxy(char *const *proxies, const char *address)
{
    char normal[ADDRESS_SIZE];

    for (; proxies && *proxies; proxies++)
        if (address_normal(*proxies, normal) == 0 && strcmp(normal, address) == 0)
            return true;
    return false;
}

static bool peer_address(const struct sockaddr *peer, char ret[static ADDRESS_SIZE])
{
    char text[ADDRESS_SIZE];
    const void *address;

    if (!peer || (peer->sa_family != AF_INET && peer->sa_family != AF_INET6))
        return false;
    address = peer->sa_family == AF_INET
                  ? (const void *)&((const struct sockaddr_in *)(const void *)peer)->sin_addr
                  : (const void *)&((const struct sockaddr_in6 *)(const void *)peer)->sin6_addr;
    return inet_ntop(peer->sa_family, address, text, sizeof text) && address_normal(text, ret) == 0;
}

/* The word that ends at end, without blanks around it. */
static int last_word(const char *begin, const char *end, char ret[static ADDRESS_SIZE])
{
    char word[ADDRESS_SIZE];
    size_t length;

    while (begin < end && (*begin == ' ' || *begin == '\t'))
        begin++;
    while (end > begin && (end[-1] == ' ' || end[-1] == '\t'))
        end--;
    length = (size_t)(end - begin);
    if (length == 0 || length >= sizeof word)
        return -EINVAL;
    memcpy(word, begin, length);
    word[length] = '\0';
    return address_normal(word, ret);
}

static void forwarded_address(char *const *proxies, const char *forwarded,
                              char ret[static ADDRESS_SIZE])
{
    const char *end = forwarded + strlen(forwarded);

    for (;;) {
        const char *begin = end;
        char address[ADDRESS_SIZE];
        while (begin > forwarded && begin[-1] != ',')
            begin--;
        if (last_word(begin, end, address) < 0)
            return;
        strcpy(ret, address);
        if (!is_proxy(proxies, address) || begin == forwarded)
            return;
        end = begin - 1;
    }
}

bool client_is_proxy(char *const *proxies, const struct sockaddr *peer)
{
    char address[ADDRESS_SIZE] = "";

    return !peer_address(peer, address) || is_proxy(proxies, address);
}

void client_address(char *const *proxies, const struct sockaddr *peer, const char *forwarded,
                    char *ret, size_t size)
{
    char address[ADDRESS_SIZE] = "";

    (void)peer_address(peer, address);
    if (forwarded && client_is_proxy(proxies, peer))
        forwarded_address(proxies, forwarded, address);
    snprintf(ret, size, "%s", address);
}
