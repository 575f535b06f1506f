/* Configuration files, through libFuzzer: `make fuzz`. A load fails exactly when a fault was told,
   each fault with a line of the file, as a line of text. */
#include "config.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>

#include "cleanup.h"
#include "conf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct settings {
    char *string, *path;
    long number, span;
    struct conf_spans spans;
    bool boolean;
    int choice;
    char **list;
};

static const char *const choices[] = {"off", "opportunistic", "required", NULL};

static const struct conf_key keys[] = {
    CONF_STRING("fuzz", "string", struct settings, string, "", "text"),
    CONF_PATH("fuzz", "path", struct settings, path, "", "a path"),
    CONF_NUMBER("fuzz", "number", struct settings, number, "25", 1, 65535, "a number"),
    CONF_SPAN("fuzz", "span", struct settings, span, "1h", 1, 86400, "a time"),
    CONF_SPANS("fuzz", "spans", struct settings, spans, "1min", 1, 86400, "times"),
    CONF_BOOL("fuzz", "bool", struct settings, boolean, "no"),
    CONF_CHOICE("fuzz", "choice", struct settings, choice, "off", choices, "a word"),
    CONF_LIST("fuzz", "list", struct settings, list, "", "words"),
};

struct told {
    unsigned faults, lines;
};

static void demand(bool what)
{
    if (!what)
        abort();
}

static void take_fault(void *userdata, const char *file, unsigned line, const char *problem)
{
    struct told *told = userdata;

    demand(strcmp(file, "fuzz.conf") == 0);
    demand(line >= 1 && line <= told->lines);
    demand(*problem && !strchr(problem, '\n') && !strchr(problem, '\x1b'));
    told->faults++;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct settings s = {0};
    struct told told = {.lines = 1};
    int r;

    for (size_t i = 0; i < size; i++)
        told.lines += data[i] == '\n';
    r = conf_load_buffer("fuzz.conf", (const char *)data, size, keys, ELEMENTS(keys), &s,
                         take_fault, &told);
    demand(r == (told.faults > 0 ? -EINVAL : 0));
    if (r == 0) {
        demand(strlen(s.string) <= CONF_LINE_MAX && (!s.path || *s.path == '/'));
        demand(s.number >= 1 && s.number <= 65535 && s.span >= 1 && s.span <= 86400);
        demand(s.spans.count <= CONF_SPANS_MAX && s.choice >= 0 && s.choice <= 2 && s.list);
    }
    conf_clear(keys, ELEMENTS(keys), &s);
    return 0;
}
