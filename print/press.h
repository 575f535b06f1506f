/* From a letter's PDF to paper, whatever [output] is: files, or a printer. Each letter comes out
   once wherever a crash comes, because the ledger knows it before it can be paper:

       files     staged on disk, entered as printed, named: one for each letter or for a batch.
                 Letters go these steps in groups, which share flushes and the ledger's commit
       printer   entered, made a job, its number entered, sent, followed, its end entered */
#pragma once

#include "ledger.h"
#include "output-ipp.h"
#include "page.h"
#include "settings.h"

struct press;

/* What is wrong has been logged when these return an error. */
int press_open(const struct settings *settings, const struct printer_watch *watch,
               struct press **ret);
struct press *press_free(struct press *press);

/* Whether a letter could be printed now: 0, or -EAGAIN and why not, which isn't logged. */
int press_ready(struct press *press, char why[static PRINTER_WHY_SIZE]);
/* Ends what a crash left under way. failed is told of letters that surely aren't on paper; the
   others are in the ledger. -EINTR when watch says stop. */
int press_recover(struct press *press, struct ledger *ledger,
                  int (*failed)(void *userdata, const struct ledger_letter *letter),
                  void *userdata);
/* Puts letter (job, batch, pages) on paper; its sha256, state and why are filled in. Returns 0 and
   its fate; with PRINTER_FAILED the ledger doesn't know it, or knows it as one that may have left a
   job without a document, for press_recover(). PRINTER_PRINTED is true of a file once
   press_flush() has returned 0. */
int press_put(struct press *press, struct ledger *ledger, const struct page_pdf *pdf,
              struct ledger_letter *letter, enum printer_fate *ret);
/* Brings the letters that are under way to their end. */
int press_flush(struct press *press, struct ledger *ledger);
/* The same for the letters of one batch in one PDF, with a manifest of them, in order of their
   pages: BATCH.pdf and BATCH.json, in a directory. */
int press_put_all(struct press *press, struct ledger *ledger, const char *batch,
                  const struct page_pdf *pdf, struct ledger_letter *letters, size_t count);
/* Until this returns 0, names of files may not be on disk. */
int press_sync(struct press *press);
