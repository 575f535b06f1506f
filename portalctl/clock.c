/* portalctl clock: shows or moves portald's clock. Only in builds with --enable-test-clock. */
#include "config.h"

#include "call.h"
#include "output.h"
#include "report.h"

#include "cleanup.h"

#include <ctype.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MOVE_MAX (INT64_C(20) * 366 * 86400)

/* "+47h59m", "-1h", "2d", "90s": one number with its unit behind the other. */
static int move_read(const char *text, int64_t *ret)
{
    static const struct {
        const char *name;
        int64_t seconds;
    } units[] = {{"min", 60}, {"d", 86400}, {"h", 3600}, {"m", 60}, {"s", 1}};
    bool back = text[0] == '-';
    int64_t total = 0;
    size_t u;

    if (text[0] == '-' || text[0] == '+')
        text++;
    if (!*text)
        return -EINVAL;
    while (*text) {
        char *end;
        unsigned long n;

        errno = 0;
        n = strtoul(text, &end, 10);
        if (errno != 0 || !isdigit((unsigned char)*text) || n > (unsigned long)MOVE_MAX)
            return -EINVAL;
        for (u = 0; u < ELEMENTS(units); u++)
            if (strncmp(end, units[u].name, strlen(units[u].name)) == 0)
                break;
        if (u == ELEMENTS(units))
            return -EINVAL;
        total += (int64_t)n * units[u].seconds;
        if (total > MOVE_MAX)
            return -ERANGE;
        text = end + strlen(units[u].name);
    }
    *ret = back ? -total : total;
    return 0;
}

int clock_run(const struct arguments *a)
{
    json_auto_t *request = json_pack("{s:s}", "verb", "clock"), *report = NULL;
    char now[OUTPUT_TIME_SIZE], span[OUTPUT_TIME_SIZE];
    int status;
    int64_t seconds;

    if (a->operands > 0) {
        if (move_read(a->operand[0], &seconds) < 0) {
            output_error("clock %s: expected something like +47h59m, -1h, +2d or +30s, at most 20 "
                         "years",
                         a->operand[0]);
            return STATUS_USAGE;
        }
        json_object_set_new(request, "seconds", json_integer(seconds));
    }
    status = call_control(a, TAKE(request), &report);
    if (status != STATUS_DONE)
        return status;
    if (arguments_json(a)) {
        output_json(report);
        return STATUS_DONE;
    }
    output_time(report_time(report, "now"), now);
    output_span(report_number(report, "offset"), span);
    printf("%s, moved by %s%s\n", now, report_number(report, "offset") < 0 ? "-" : "+", span);
    return STATUS_DONE;
}
