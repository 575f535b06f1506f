/* The connection below libldap: connects, reads ahead and writes with a deadline that holds
   exactly, whatever libldap is doing above it (a TLS handshake, a reply that comes in drops), never
   raises SIGPIPE, and wipes what it handed on. Way in: directory_socket_connect(), then
   directory_socket_attach(). */
#pragma once

#include <ldap.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#define DIRECTORY_READ_AHEAD 8192

struct directory_socket {
    int fd;
    long long deadline;      /* of clock_monotonic_ms(), for whatever is read or written next */
    bool timed_out;          /* the deadline passed while something was waited for */
    bool broken;             /* the other end has gone */
    const atomic_bool *lost; /* set when the other end is known to be dead; may be NULL */
    bool patient;            /* libldap is to wait by itself for what isn't read ahead: watch.c */
    size_t start, end;       /* of what was read ahead */
    unsigned char buffer[DIRECTORY_READ_AHEAD];
};

/* Connects to what one URI names: ldap, ldaps or ldapi. Returns 0 and s->fd; -EINVAL for another
   URI; -ETIMEDOUT; or what connect() or the name lookup said, as -EHOSTDOWN. Names are looked up
   here, without a deadline, and nowhere else. */
int directory_socket_connect(struct directory_socket *s, const LDAPURLDesc *url,
                             long long deadline);
/* Hands the connection to an LDAP handle, which owns the descriptor from now on and needs s as long
   as it lives. Returns 0, -EINVAL or -ENOMEM. */
int directory_socket_attach(struct directory_socket *s, const char *uri, LDAP **ret);
/* Undoes what libldap's TLS handshake does to the descriptor, which would cost a poll() a read. */
void directory_socket_block(struct directory_socket *s);
/* Whether an idle connection is still good: nothing to be read, not closed by the other end. */
bool directory_socket_idle(const struct directory_socket *s);
