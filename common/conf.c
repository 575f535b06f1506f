/* Configuration files: conf_load() reads a file and its drop-ins by a program's table of keys.
   Lines and their faults are ours, what a line means is inih's, values are conf-value.c's. */
#include "config.h"

#include "conf.h"

#include "cleanup.h"
#include "conf-value.h"
#include "log.h"
#include "messages.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ini.h>
#include <limits.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define CONF_FILE_MAX (1024 * 1024)
#define PROBLEM_SIZE  512
#define DROP_IN       ".conf"

/* How far one load has come. */
struct loader {
    const struct conf_key *keys;
    size_t count;
    void *target;
    conf_report *report;
    void *userdata;
    unsigned errors;
    struct {
        unsigned line; /* where it was given in this file; 0: not yet */
        bool given;    /* in any file */
    } * progress;
    /* Where we are. */
    const char *file;
    const char *next; /* the text that is left */
    size_t left;
    unsigned line;
    bool past_section; /* there was one already */
    bool in_section;   /* … and it exists */
};

__attribute__((format(printf, 3, 4))) static void complain(struct loader *l, unsigned line,
                                                           const char *format, ...)
{
    char problem[PROBLEM_SIZE];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(problem, sizeof problem, format, arguments);
    va_end(arguments);
    l->errors++;
    if (l->report)
        l->report(l->userdata, l->file, line, problem);
}

static bool section_exists(const struct loader *l, const char *section)
{
    for (size_t i = 0; i < l->count; i++)
        if (strcmp(l->keys[i].section, section) == 0)
            return true;
    return false;
}

/* "a, b, c": the sections, or the keys of one section, for a person who has mistyped one. */
static void list_names(const struct loader *l, const char *section, char *ret, size_t size)
{
    const char *name, *last = "";
    size_t used = 0;

    ret[0] = 0;
    for (size_t i = 0; i < l->count && used < size; i++) {
        if (section && strcmp(l->keys[i].section, section) != 0)
            continue;
        name = section ? l->keys[i].name : l->keys[i].section;
        if (strcmp(name, last) != 0)
            used += (size_t)snprintf(ret + used, size - used, "%s%s", used ? ", " : "", name);
        last = name;
    }
}

/* Whether a line could have come from a person's editor and goes through inih unharmed. */
static bool check_bytes(struct loader *l, const char *line, size_t length)
{
    if (length > CONF_LINE_MAX) {
        complain(l, l->line, "the line has %zu bytes: expected at most %d", length, CONF_LINE_MAX);
        return false;
    }
    for (size_t i = 0; i < length; i++)
        if (((unsigned char)line[i] < ' ' && line[i] != '\t') || line[i] == 0x7f) {
            complain(l, l->line, "byte %zu is 0x%02x: expected text without control characters",
                     i + 1, (unsigned)line[i]);
            return false;
        }
    return true;
}

/* [section]; line has no blanks around it. */
static bool check_section(struct loader *l, char *line, size_t length)
{
    char names[PROBLEM_SIZE / 2], *end = strchr(line, ']');

    l->past_section = true;
    l->in_section = false;
    if (!end || end != line + length - 1) {
        complain(l, l->line, "%.100s: expected [section] and nothing else", line);
        return false;
    }
    *end = 0;
    l->in_section = section_exists(l, line + 1);
    *end = ']';
    if (!l->in_section) {
        list_names(l, NULL, names, sizeof names);
        complain(l, l->line, "no section %.100s: expected one of %s", line, names);
    }
    return l->in_section;
}

/* key = value, without what inih would cut off in silence. */
static bool check_pair(struct loader *l, const char *line)
{
    const char *mark = strpbrk(line, "=:");

    if (!mark || mark == line) {
        complain(l, l->line, "%.100s: expected [section], key = value, or a comment", line);
        return false;
    }
    if (strstr(line, " ;") || strstr(line, "\t;")) {
        complain(l, l->line,
                 "%.100s: expected a comment on a line of its own, and no blank before ;", line);
        return false;
    }
    return true;
}

static bool check_line(struct loader *l, char *line, size_t length)
{
    if (length == 0 || *line == '#' || *line == ';')
        return true;
    return *line == '[' ? check_section(l, line, length) : check_pair(l, line);
}

/* Takes the next line off the text. Its end is no part of it, nor are blanks around it: inih would
   take a line that begins with one for more of the line before. */
static const char *take_line(struct loader *l, size_t *ret_length)
{
    const char *line = l->next, *end = memchr(line, '\n', l->left);
    size_t length = end ? (size_t)(end - line) : l->left;

    l->next += length + (end != NULL);
    l->left -= length + (end != NULL);
    l->line++;
    if (l->line == 1 && length >= 3 && memcmp(line, "\xef\xbb\xbf", 3) == 0) {
        line += 3;
        length -= 3;
    }
    while (length > 0 && strchr(" \t\r", line[length - 1]) && line[length - 1])
        length--;
    while (length > 0 && (*line == ' ' || *line == '\t')) {
        line++;
        length--;
    }
    *ret_length = length;
    return line;
}

/* inih's reader, called for each line: hands on those that are in order, and nothing for others. */
static char *read_line(char *str, int num, void *stream)
{
    struct loader *l = stream;
    const char *line;
    size_t length;

    if (l->left == 0 || num < 1)
        return NULL;
    line = take_line(l, &length);
    if (!check_bytes(l, line, length))
        length = 0;
    if (length >= (size_t)num) {
        complain(l, l->line, "the line has %zu bytes: this inih takes %d", length, num - 1);
        length = 0;
    }
    memcpy(str, line, length);
    str[length] = 0;
    if (!check_line(l, str, length))
        *str = 0;
    return str;
}

/* What is wrong with a value, and what was expected. */
static void complain_value(struct loader *l, const struct conf_key *key, unsigned line,
                           const char *value, int error)
{
    if (error == -ENOENT)
        complain(l, line,
                 "[%s] %s = %.100s: expected CREDENTIALS_DIRECTORY to be set, as systemd does",
                 key->section, key->name, value);
    else
        complain(l, line, "[%s] %s = %.100s: expected %s", key->section, key->name, value,
                 key->expected);
}

static const struct conf_key *key_find(const struct loader *l, const char *section,
                                       const char *name)
{
    for (size_t i = 0; i < l->count; i++)
        if (strcmp(l->keys[i].section, section) == 0 && strcmp(l->keys[i].name, name) == 0)
            return &l->keys[i];
    return NULL;
}

/* inih's handler, called for each key = value. Always 1: what is wrong was reported. */
static int take_pair(void *user, const char *section, const char *name, const char *value)
{
    struct loader *l = user;
    const struct conf_key *key;
    char names[PROBLEM_SIZE / 2];
    size_t i;
    int r;

    if (!l->in_section) {
        if (!l->past_section)
            complain(l, l->line, "%.100s: expected a [section] first", name);
        return 1;
    }
    key = key_find(l, section, name);
    if (!key) {
        list_names(l, section, names, sizeof names);
        complain(l, l->line, "[%s] has no key %.100s: expected one of %s", section, name, names);
        return 1;
    }
    i = (size_t)(key - l->keys);
    if (l->progress[i].line && key->type != CONF_TYPE_LIST) {
        complain(l, l->line, "[%s] %s was given in line %u already: expected it once", section,
                 name, l->progress[i].line);
        return 1;
    }
    r = conf_value_set(key, value, l->progress[i].line != 0, l->target);
    if (r < 0)
        complain_value(l, key, l->line, value, r);
    l->progress[i].line = l->line;
    l->progress[i].given = true;
    return 1;
}

static int load_text(struct loader *l, const char *file, const char *text, size_t size)
{
    l->file = file;
    l->next = text;
    l->left = size;
    l->line = 0;
    l->past_section = l->in_section = false;
    for (size_t i = 0; i < l->count; i++)
        l->progress[i].line = 0;
    /* With its own 200, inih would split longer lines; it has no other way to be told. */
    ini_max_line = CONF_LINE_MAX + 3;
    return ini_parse_stream(read_line, l, take_pair, l) == -2 ? -ENOMEM : 0;
}

/* Reads a whole regular file that isn't absurdly large. */
static int read_file(const char *file, char **ret, size_t *ret_size)
{
    _cleanup_close_ int fd = open(file, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    _cleanup_free_ char *text = NULL;
    size_t size = 0;
    struct stat st;
    ssize_t n;

    if (fd < 0 || fstat(fd, &st) < 0)
        return -errno;
    if (S_ISDIR(st.st_mode))
        return -EISDIR;
    if (!S_ISREG(st.st_mode))
        return -EINVAL;
    text = malloc(CONF_FILE_MAX + 1);
    if (!text)
        return -ENOMEM;
    do {
        n = read(fd, text + size, CONF_FILE_MAX + 1 - size);
        if (n < 0 && errno != EINTR)
            return -errno;
        size += n > 0 ? (size_t)n : 0;
    } while (n != 0 && size <= CONF_FILE_MAX);
    if (size > CONF_FILE_MAX)
        return -EFBIG;
    *ret = TAKE(text);
    *ret_size = size;
    return 0;
}

static int load_file(struct loader *l, const char *file)
{
    _cleanup_free_ char *text = NULL;
    size_t size = 0;
    int r;

    r = read_file(file, &text, &size);
    if (r == 0)
        return load_text(l, file, text, size);
    if (r == -ENOMEM)
        return r;
    l->file = file;
    complain(l, 0, "%s: expected a regular file that can be read, of at most %d bytes",
             strerror(-r), CONF_FILE_MAX);
    return 0;
}

static int is_drop_in(const struct dirent *entry)
{
    size_t length = strlen(entry->d_name), end = strlen(DROP_IN);

    return entry->d_name[0] != '.' && length > end &&
           strcmp(entry->d_name + length - end, DROP_IN) == 0;
}

/* By bytes: the order mustn't depend on anybody's locale. */
static int compare_names(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static int load_drop_ins(struct loader *l, const char *file)
{
    struct dirent **entries = NULL;
    char directory[PATH_MAX], path[PATH_MAX];
    int count, r = 0;

    if (snprintf(directory, sizeof directory, "%s.d", file) >= (int)sizeof directory)
        return -ENAMETOOLONG;
    count = scandir(directory, &entries, is_drop_in, compare_names);
    if (count < 0 && errno != ENOENT) {
        l->file = directory;
        complain(l, 0, "%s: expected a directory that can be read", strerror(errno));
    }
    for (int i = 0; i < count; i++) {
        if (r == 0 &&
            snprintf(path, sizeof path, "%s/%s", directory, entries[i]->d_name) >= (int)sizeof path)
            r = -ENAMETOOLONG;
        if (r == 0)
            r = load_file(l, path);
        free(entries[i]);
    }
    free(entries);
    return r;
}

/* Gives the keys that no file has given their defaults. */
static int fill_in(struct loader *l, const char *file)
{
    const struct conf_key *key;
    int r;

    l->file = file;
    for (size_t i = 0; i < l->count; i++) {
        key = &l->keys[i];
        if (l->progress[i].given)
            continue;
        if (!key->initial) {
            complain(l, 0, "[%s] %s is missing: expected %s", key->section, key->name,
                     key->expected);
            continue;
        }
        r = conf_value_set(key, key->initial, false, l->target);
        if (r == -ENOMEM)
            return r;
        if (r < 0)
            complain_value(l, key, 0, key->initial, r);
    }
    return l->errors > 0 ? -EINVAL : 0;
}

static int loader_prepare(struct loader *l, const struct conf_key *keys, size_t count, void *target,
                          conf_report *report, void *userdata)
{
    *l = (struct loader){.keys = keys,
                         .count = count,
                         .target = target,
                         .report = report,
                         .userdata = userdata,
                         .progress = calloc(count + 1, sizeof *l->progress)};
    return l->progress ? 0 : -ENOMEM;
}

static void loader_clear(struct loader *l)
{
    free(l->progress);
}

int conf_load(const char *file, const struct conf_key *keys, size_t count, void *target,
              conf_report *report, void *userdata)
{
    _cleanup_(loader_clear) struct loader l = {0};
    int r;

    if (access(file, F_OK) < 0 && errno == ENOENT)
        return -ENOENT;
    r = loader_prepare(&l, keys, count, target, report, userdata);
    if (r == 0)
        r = load_file(&l, file);
    if (r == 0)
        r = load_drop_ins(&l, file);
    return r < 0 ? r : fill_in(&l, file);
}

int conf_load_buffer(const char *name, const char *data, size_t size, const struct conf_key *keys,
                     size_t count, void *target, conf_report *report, void *userdata)
{
    _cleanup_(loader_clear) struct loader l = {0};
    int r;

    r = loader_prepare(&l, keys, count, target, report, userdata);
    if (r == 0)
        r = load_text(&l, name, data, size);
    return r < 0 ? r : fill_in(&l, name);
}

void conf_clear(const struct conf_key *keys, size_t count, void *target)
{
    for (size_t i = 0; i < count; i++)
        conf_value_clear(&keys[i], target);
}

void conf_log(void *userdata, const char *file, unsigned line, const char *problem)
{
    (void)userdata;
    if (line > 0)
        log_event(LOG_ERR, MESSAGE_CONFIGURATION, NULL, "%s:%u: %s", file, line, problem);
    else
        log_event(LOG_ERR, MESSAGE_CONFIGURATION, NULL, "%s: %s", file, problem);
}
