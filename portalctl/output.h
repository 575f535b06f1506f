/* What a person sees: tables as wide as the terminal, pairs, times, and JSON for programs. Whatever
   comes from elsewhere is shown with its control characters made visible. */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <time.h>

#define OUTPUT_TIME_SIZE 32

/* "portalctl: …" on stderr. */
void output_error(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Lines on stdout; newlines stay. */
void output_text(const char *text);
void output_json(const json_t *json);
/* A copy in which control characters, and what turns the direction of writing, are visible; NULL
   when there is no memory. keep: those that stay nevertheless. */
char *output_escape(const char *text, const char *keep);

/* "2026-11-23 14:05:09 CET" in local time, "-" for 0. */
void output_time(time_t t, char ret[static OUTPUT_TIME_SIZE]);
/* "3d 4h", "47h 59min", "12s": the two largest units. */
void output_span(long long seconds, char ret[static OUTPUT_TIME_SIZE]);

/* "Label:   value", indented alike. NULL, "": "-". */
void output_pair(const char *label, const char *value);

struct column {
    const char *title;
    bool right;    /* aligned to the right */
    bool flexible; /* cut, if the table is wider than the terminal */
};

/* Cells are put in row by row. Errors stick. */
struct table {
    const struct column *columns;
    size_t width; /* columns */
    char **cells;
    size_t count, capacity;
    int error;
};
#define TABLE(c) ((struct table){.columns = (c), .width = sizeof(c) / sizeof((c)[0])})

void table_put(struct table *t, const char *text); /* NULL, "": "-" */
void table_put_number(struct table *t, long long number);
void table_put_time(struct table *t, time_t time);
/* On stdout. Without rows nothing is printed but empty, a sentence. */
void table_print(const struct table *t, const char *empty);
void table_clear(struct table *t);
