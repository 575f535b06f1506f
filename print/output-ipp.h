/* Letters to a printer over IPP (RFC 8011), through libcups: one job a letter, made first, then
   sent, then followed to its end. Nothing here is durable: who calls keeps the job's number before
   the letter goes out, and asks by it after a crash. */
#pragma once

#include "letter.h"

#include <stdbool.h>
#include <stddef.h>

#define PRINTER_WHY_SIZE LETTER_WHY_SIZE

struct printer;

struct printer_options {
    const char *uri; /* ipp:// or ipps:// */
    bool plain;      /* ipp:// to another machine is allowed */
    const char *ca;  /* trust.h's file, for ipps:// */
    long wait;       /* seconds that a letter may lie at the printer before it is taken back */
};

/* What became of a letter. */
enum printer_fate {
    PRINTER_PRINTED,   /* the printer says completed */
    PRINTER_FAILED,    /* nothing of it is on paper */
    PRINTER_UNCERTAIN, /* nobody knows */
};

/* For one who waits: whether to stop waiting, and what it waits for, told when that changes. */
struct printer_watch {
    bool (*stopped)(void *userdata);
    void (*waits)(void *userdata, const char *job, const char *why);
    void *userdata;
};

/* Returns 0; -EINVAL, and a sentence in why, when the URI isn't one that can be used, or
   ca can't be read. */
int printer_open(const struct printer_options *options, struct printer **ret,
                 char why[static PRINTER_WHY_SIZE]);
struct printer *printer_free(struct printer *printer);

/* Whether it takes jobs now and prints them: 0, or -EAGAIN and why not. */
int printer_ready(struct printer *printer, char why[static PRINTER_WHY_SIZE]);
/* Makes a job without a document, named like the letter's: 0, or -EAGAIN and why. */
int printer_create(struct printer *printer, const char *job, int *ret_number,
                   char why[static PRINTER_WHY_SIZE]);
/* Cancels jobs named like the letter's, for which it was never sent: 0: the printer has none (any
   more); -EEXIST, and its number: one has a document nevertheless, and is left alone; -EAGAIN and
   why. */
int printer_clear(struct printer *printer, const char *job, int *ret_number,
                  char why[static PRINTER_WHY_SIZE]);
/* Sends the document, once. What went wrong shows in what becomes of the job. */
void printer_send(struct printer *printer, int number, const void *pdf, size_t size);
/* Waits for the job's end. Returns 0, *ret, and why where it isn't printed; -EINTR when watch says
   stop: the job is still there. */
int printer_follow(struct printer *printer, int number, const char *job,
                   const struct printer_watch *watch, enum printer_fate *ret,
                   char why[static PRINTER_WHY_SIZE]);
