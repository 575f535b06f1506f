/* Between a courier of portald and portal-mailer, over one connected stream socket: frames of
   wire.h.

   courier → mailer   WIRE_MAIL: JOB SENDER RECIPIENT MESSAGE, any number, back to back
   mailer → courier   WIRE_MAIL_RESULT: JOB RESULT STATUS TEXT, one for each mail, as soon as it is
   known and in whatever order

   The courier may send the next mails while results of earlier ones are outstanding, or much later:
   the mailer keeps its session with the relay open for a while. The courier shuts its side down
   when no more mails follow; the mailer ends after the last result. It may also end earlier.
   A mail without a result counts as deferred with an unknown outcome. TEXT is the relay's line, at
   most 200 bytes of printable ASCII. */
#pragma once

enum mailer_result {
    MAILER_ACCEPTED = 1, /* 2xx for message and recipient, check complete: the relay has it */
    MAILER_DEFERRED = 2, /* 4xx, no connection, dropped, TLS failed: try again later */
    MAILER_REJECTED = 3, /* 5xx for this recipient or message: trying again would not help */
};

#define MAILER_MAIL_MAX  300000u /* the largest WIRE_MAIL frame */
#define MAILER_TEXT_SIZE 201
