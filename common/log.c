/* Logging: log_line() and log_event(), to the journal or to stderr. */
#include "config.h"

#include "log.h"

#include "cleanup.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>

#define SD_JOURNAL_SUPPRESS_LOCATION
#include <systemd/sd-journal.h>

#define MESSAGE_SIZE 2048  /* what is longer is cut */
#define RECORD_SIZE  16384 /* all fields of one event together */
#define FIELDS_MAX   20
#define LINE_SIZE    4096 /* PIPE_BUF: a line reaches a pipe whole */

/* The one global: where to, and how much. Set by log_open() before any thread is there. */
static struct {
    const char *name;
    bool journal;
    int level;
} logging = {.name = "portal", .level = LOG_INFO};

/* The last line at LOG_ERR or worse, for `portalctl status`. */
static struct {
    pthread_mutex_t mutex;
    char text[LOG_LAST_SIZE];
} last_error = {.mutex = PTHREAD_MUTEX_INITIALIZER};

void log_last_error(char ret[static LOG_LAST_SIZE])
{
    pthread_mutex_lock(&last_error.mutex);
    memcpy(ret, last_error.text, sizeof last_error.text);
    pthread_mutex_unlock(&last_error.mutex);
}

/* Whether stderr is the very stream that systemd says leads to the journal (systemd.exec(5)). A
   child whose stderr was redirected has the variable, too. */
static bool stderr_is_journal(void)
{
    const char *stream = getenv("JOURNAL_STREAM");
    unsigned long device, inode;
    struct stat st;

    return stream && sscanf(stream, "%lu:%lu", &device, &inode) == 2 &&
           fstat(STDERR_FILENO, &st) == 0 && st.st_dev == device && st.st_ino == inode;
}

void log_open(const char *name, int level)
{
    logging.name = name;
    logging.level = level;
    logging.journal = stderr_is_journal();
}

/* One event on its way to the journal. */
struct record {
    struct iovec fields[FIELDS_MAX];
    int count;
    size_t used;
    char text[RECORD_SIZE];
};

static void record_add(struct record *record, const char *name, const char *value)
{
    char *field = record->text + record->used;
    size_t room = sizeof record->text - record->used;
    int length;

    if (record->count == FIELDS_MAX || room < 2)
        return;
    length = snprintf(field, room, "%s=%s", name, value);
    if (length < 0)
        return;
    if ((size_t)length >= room)
        length = (int)room - 1;
    record->fields[record->count++] = (struct iovec){.iov_base = field, .iov_len = (size_t)length};
    record->used += (size_t)length;
}

static int write_journal(int level, const char *message_id, const char *const *fields,
                         const char *message)
{
    struct record record = {.count = 0, .used = 0};
    char priority[16];

    snprintf(priority, sizeof priority, "%d", level);
    record_add(&record, "PRIORITY", priority);
    record_add(&record, "SYSLOG_IDENTIFIER", logging.name);
    record_add(&record, "MESSAGE", message);
    if (message_id)
        record_add(&record, "MESSAGE_ID", message_id);
    for (size_t i = 0; fields && fields[i] && fields[i + 1]; i += 2)
        record_add(&record, fields[i], fields[i + 1]);
    return sd_journal_sendv(record.fields, record.count);
}

/* The bytes of the printable character at p; 0 if it is a control character or no UTF-8. */
static size_t printable_length(const unsigned char *p)
{
    size_t length = p[0] < 0x80   ? 1
                    : p[0] < 0xc2 ? 0
                    : p[0] < 0xe0 ? 2
                    : p[0] < 0xf0 ? 3
                    : p[0] < 0xf5 ? 4
                                  : 0;

    if (p[0] < ' ' || p[0] == 0x7f || (p[0] == 0xc2 && p[1] < 0xa0))
        return 0;
    for (size_t i = 1; i < length; i++)
        if ((p[i] & 0xc0) != 0x80)
            return 0;
    return length;
}

/* Text on its way to a person; what doesn't fit is cut. */
struct line {
    char *text;
    size_t room, used;
};

static void line_put_raw(struct line *line, const char *text, size_t length)
{
    if (length > line->room - line->used) {
        line->room = line->used; /* nothing shorter may follow what was left out */
        return;
    }
    memcpy(line->text + line->used, text, length);
    line->used += length;
}

/* Appends text with everything that could fool a terminal made visible. */
static void line_put(struct line *line, const char *text)
{
    char escaped[8];
    size_t length;

    while (*text) {
        length = printable_length((const unsigned char *)text);
        if (length > 0) {
            line_put_raw(line, text, length);
            text += length;
        } else {
            snprintf(escaped, sizeof escaped, "\\x%02x", (unsigned char)*text++);
            line_put_raw(line, escaped, 4);
        }
    }
}

/* "portald: message [PORTAL_ENTRY=c-0001]", in one write so that the lines of several programs
   don't mix. */
static void write_stderr(const char *const *fields, const char *message)
{
    char text[LINE_SIZE];
    struct line line = {.text = text, .room = sizeof text - 1};

    line_put(&line, logging.name);
    line_put(&line, ": ");
    line_put(&line, message);
    for (size_t i = 0; fields && fields[i] && fields[i + 1]; i += 2) {
        line_put(&line, i == 0 ? " [" : " ");
        line_put(&line, fields[i]);
        line_put(&line, "=");
        line_put(&line, fields[i + 1]);
        line_put(&line, fields[i + 2] ? "" : "]");
    }
    text[line.used++] = '\n';
    if (write(STDERR_FILENO, text, line.used) < 0)
        return; /* nobody is left to be told */
}

/* Keeps it as people may see it: it becomes JSON, which bears no broken UTF-8. */
static void remember(const char *message)
{
    struct line line = {.text = last_error.text, .room = sizeof last_error.text - 1};

    pthread_mutex_lock(&last_error.mutex);
    line_put(&line, message);
    last_error.text[line.used] = 0;
    pthread_mutex_unlock(&last_error.mutex);
}

__attribute__((format(printf, 4, 0))) static void write_event(int level, const char *message_id,
                                                              const char *const *fields,
                                                              const char *format, va_list arguments)
{
    char message[MESSAGE_SIZE];
    int error = errno;

    if (level > logging.level)
        return;
    if (vsnprintf(message, sizeof message, format, arguments) < 0)
        return;
    if (level <= LOG_ERR)
        remember(message);
    if (!logging.journal || write_journal(level, message_id, fields, message) < 0)
        write_stderr(fields, message);
    errno = error;
}

void log_line(int level, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    write_event(level, NULL, NULL, format, arguments);
    va_end(arguments);
}

void log_event(int level, const char *message_id, const char *const *fields, const char *format,
               ...)
{
    va_list arguments;

    va_start(arguments, format);
    write_event(level, message_id, fields, format, arguments);
    va_end(arguments);
}
