/* Watches an SMTP conversation for what libesmtp lets through: guard.h. */
#include "config.h"

#include "guard.h"

#include "cleanup.h"

#include <string.h>
#include <strings.h>

void guard_begin(struct guard *guard, bool demand_tls, bool demand_login)
{
    /* The greeting is a reply to nothing. */
    *guard = (struct guard){.demand_tls = demand_tls, .demand_login = demand_login, .asked = 1};
}

void guard_secure(struct guard *guard)
{
    guard->secured = true;
    guard->asked = guard->replies = 0;
    guard->column = 0;
    guard->last_line = false;
}

static bool guard_refuse(struct guard *guard, const char *problem)
{
    if (!guard->problem)
        guard->problem = problem;
    return false;
}

/* One line of a reply is complete. */
static void guard_line(struct guard *guard)
{
    guard->line[guard->column < GUARD_LINE_SIZE ? guard->column : GUARD_LINE_SIZE - 1] = '\0';
    if (guard->last_line) {
        guard->replies++;
        if (strncmp(guard->line, "354", 3) == 0)
            guard->asked++;
        if (strncmp(guard->line, "421", 3) == 0)
            guard->closing = true;
        if (strncmp(guard->line, "235", 3) == 0)
            guard->logged_in = true;
        if (guard->line[0] == '4' || guard->line[0] == '5')
            memcpy(guard->trouble, guard->line, sizeof guard->trouble);
    }
    guard->column = 0;
    guard->last_line = false;
}

bool guard_read(struct guard *guard, const char *data, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        if (guard->replies >= guard->asked) {
            if (guard->demand_tls && !guard->secured)
                return guard_refuse(guard,
                                    "the relay answered before it was asked: data was injected "
                                    "into the unencrypted connection");
            guard->closing = true;
        }
        if (data[i] == '\n') {
            guard_line(guard);
            continue;
        }
        if (guard->column == 3)
            guard->last_line = data[i] != '-';
        if (guard->column < GUARD_LINE_SIZE - 1)
            guard->line[guard->column] = data[i] == '\r' ? '\0' : data[i];
        guard->column++;
    }
    return !guard->problem && !guard->closing;
}

static bool line_starts(const char *line, size_t size, const char *word)
{
    size_t length = strlen(word);

    return size >= length && strncasecmp(line, word, length) == 0;
}

static bool guard_command(struct guard *guard, const char *line, size_t size)
{
    static const char *const harmless[] = {"EHLO ", "HELO ", "STARTTLS\r", "QUIT\r"};

    if (!line_starts(line, size, ".\r\n")) /* its reply is counted since 354 */
        guard->asked++;
    if (guard->demand_login && !guard->logged_in && line_starts(line, size, "MAIL "))
        return guard_refuse(guard, "the relay didn't take our login");
    if (!guard->demand_tls || guard->secured)
        return true;
    for (size_t i = 0; i < ELEMENTS(harmless); i++)
        if (line_starts(line, size, harmless[i]))
            return true;
    return guard_refuse(guard, "the connection isn't encrypted");
}

bool guard_write(struct guard *guard, const char *data, size_t size)
{
    guard->over = guard->closing;
    while (size > 0 && !guard->problem && !guard->over) {
        const char *end = memchr(data, '\n', size);
        size_t length = end ? (size_t)(end - data) + 1 : size;

        guard_command(guard, data, length);
        data += length;
        size -= length;
    }
    return !guard->problem && !guard->over;
}
