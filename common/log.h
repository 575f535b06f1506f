/* Logging: to the journal with structured fields when stderr is the journal (JOURNAL_STREAM), else
   as lines on stderr. Never a secret; user-given text goes through as a field's value, with control
   characters made visible on stderr. */
#pragma once

#include <stdarg.h>
#include <syslog.h>

/* name: the program; level: the least important level that is still logged (LOG_INFO,
   LOG_DEBUG). */
void log_open(const char *name, int level);

/* A line that only a developer needs the id of. */
void log_line(int level, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* An event: message_id is one of messages.h. Behind format's arguments nothing follows; fields are
   pairs of name and value, ended by NULL, in an array so that the format is checked:
   log_event(LOG_INFO, MESSAGE_STATE, LOG_FIELDS("PORTAL_ENTRY", uid), "…", …) */
#define LOG_FIELDS(...) ((const char *const[]){__VA_ARGS__, NULL})
void log_event(int level, const char *message_id, const char *const *fields, const char *format,
               ...) __attribute__((format(printf, 4, 5)));

/* The last message at LOG_ERR or worse of this process, cut to fit; "" when there was none. */
#define LOG_LAST_SIZE 256
void log_last_error(char ret[static LOG_LAST_SIZE]);
