/* Delivery status notifications (RFC 3464, in the multipart/report of RFC 6522): the few fields
   that portald is told. They come from anywhere, so nothing in them is believed. */
#pragma once

#include "wire.h"

#include <stddef.h>

#define DSN_MAX             1048576u /* bytes of a message that are looked at */
#define DSN_STATUS_MAX      65536u   /* of its part with the fields */
#define DSN_REFERENCE_SIZE  43       /* portald/bounce.h */
#define DSN_CODE_SIZE       12       /* "5.123.123" */
#define DSN_DIAGNOSTIC_SIZE 200
#define DSN_RECIPIENT_SIZE  255

struct dsn {
    char reference[DSN_REFERENCE_SIZE]; /* of the return path that the message came to */
    enum wire_bounce what;              /* the worst, if it tells of several recipients */
    char status[DSN_CODE_SIZE];         /* RFC 3463 */
    char diagnostic[DSN_DIAGNOSTIC_SIZE],
        recipient[DSN_RECIPIENT_SIZE]; /* printable ASCII, or "" */
};

/* Call once, before anything else. */
void dsn_start(void);
/* Reads a message. address: whom it came to, as the relay says; NULL: see its headers. Returns 0;
   -EBADMSG when it isn't such a notification, or makes no sense; -ENOENT when no return path of
   ours is named. */
int dsn_read(const void *message, size_t size, const char *address, struct dsn *ret);
