/* Putting letters on paper: press.h. */
#include "config.h"

#include "press.h"

#include "output-dir.h"

#include "cleanup.h"
#include "file.h"
#include "log.h"
#include "messages.h"

#include <errno.h>
#include <jansson.h>
#include <sodium.h>
#include <string.h>

#define MANIFEST_MAX       65536u
#define MANIFEST_NAME_SIZE (ULID_SIZE + sizeof ".json")

#define GROUP_MOST 32 /* letters that a crash has made again */

/* Letters that are staged, and neither in the ledger nor, perhaps, on disk. */
struct group {
    struct ledger_letter letters[GROUP_MOST];
    int files[GROUP_MOST];
    size_t count;
};

struct press {
    const struct settings *settings;
    struct printer_watch watch;
    int directory;           /* -1 with a printer */
    struct printer *printer; /* or NULL */
    struct group group;
};

DEFINE_CLEANUP(struct press, press_free)

static int trouble(int r, const char *what)
{
    if (r != -EINTR)
        log_line(LOG_ERR, "%s: %s", what, strerror(-r));
    return r;
}

static int open_printer(struct press *press)
{
    const struct settings *s = press->settings;
    const struct printer_options options = {
        .uri = s->printer, .plain = s->printer_plain, .ca = s->printer_ca, .wait = s->printer_wait};
    char why[PRINTER_WHY_SIZE] = "";
    int r = printer_open(&options, &press->printer, why);

    if (r < 0)
        log_event(LOG_ERR, MESSAGE_CONFIGURATION, NULL, "[output] printer %s: %s", s->printer,
                  why[0] ? why : strerror(-r));
    return r;
}

int press_open(const struct settings *settings, const struct printer_watch *watch,
               struct press **ret)
{
    _cleanup_(press_free_p) struct press *press = calloc(1, sizeof *press);
    int r;

    if (!press)
        return -ENOMEM;
    press->settings = settings;
    press->watch = *watch;
    press->directory = -1;
    if (settings->printer[0])
        r = open_printer(press);
    else if ((r = output_open(settings->output, &press->directory)) < 0)
        trouble(r, settings->output);
    if (r < 0)
        return r;
    *ret = TAKE(press);
    return 0;
}

/* They come again with the next run. */
static void group_discard(struct press *press)
{
    struct group *g = &press->group;

    for (size_t i = 0; i < g->count; i++) {
        close(g->files[i]);
        output_discard(press->directory, g->letters[i].job);
    }
    g->count = 0;
}

struct press *press_free(struct press *press)
{
    if (press) {
        group_discard(press);
        close_p(&press->directory);
        printer_free(press->printer);
    }
    free(press);
    return NULL;
}

int press_ready(struct press *press, char why[static PRINTER_WHY_SIZE])
{
    return press->printer ? printer_ready(press->printer, why) : 0;
}

int press_sync(struct press *press)
{
    int r = press->printer ? 0 : output_sync(press->directory);

    return r < 0 ? trouble(r, press->settings->output) : 0;
}

/* ---- Files ---- */

/* Once the ledger was asked to enter them, only it knows which of them it has: the next run's sweep
   asks it. */
static int group_enter(struct press *press, struct ledger *ledger, const struct group *g)
{
    int r = ledger_add_all(ledger, g->letters, g->count);

    if (r < 0)
        return trouble(r, "the ledger");
    for (size_t i = 0; r == 0 && i < g->count; i++)
        r = output_finish(press->directory, g->letters[i].job);
    return r < 0 ? trouble(r, press->settings->output) : 0;
}

int press_flush(struct press *press, struct ledger *ledger)
{
    struct group *g = &press->group;
    int r = 0;

    if (g->count == 0)
        return 0;
    r = output_keep(press->directory, g->files, g->count);
    if (r < 0) {
        for (size_t i = 0; i < g->count; i++)
            output_discard(press->directory, g->letters[i].job);
        trouble(r, press->settings->output);
    } else
        r = group_enter(press, ledger, g);
    g->count = 0;
    return r;
}

static int put_file(struct press *press, struct ledger *ledger, const struct page_pdf *pdf,
                    struct ledger_letter *letter)
{
    struct group *g = &press->group;
    int r = output_stage(press->directory, letter->job, pdf->data, pdf->size, &g->files[g->count]);

    if (r < 0)
        return trouble(r, press->settings->output);
    letter->state = LEDGER_PRINTED;
    g->letters[g->count++] = *letter;
    return g->count == GROUP_MOST ? press_flush(press, ledger) : 0;
}

/* A staged file is a letter's, or a whole batch's. */
static int known(void *userdata, const char *id)
{
    struct ledger_letter letter;
    int r = ledger_find(userdata, id, &letter);

    return r == -ENOENT ? ledger_has_batch(userdata, id) : r < 0 ? r : 1;
}

/* Written before the PDF has its name: whoever sees that finds this beside it. */
static int put_manifest(struct press *press, const char *batch, const char *sha256,
                        const struct ledger_letter *letters, size_t count)
{
    _cleanup_free_ char *text = malloc(MANIFEST_MAX);
    json_auto_t *rows = json_array(), *manifest = NULL;
    char name[MANIFEST_NAME_SIZE];
    size_t size, page = 1;

    for (size_t i = 0; i < count; page += letters[i++].pages)
        if (json_array_append_new(rows,
                                  json_pack("{s:s, s:I, s:i}", "job", letters[i].job, "page",
                                            (json_int_t)page, "pages", (int)letters[i].pages)) < 0)
            return -ENOMEM;
    manifest = json_pack("{s:i, s:s, s:s, s:O}", "version", 1, "batch", batch, "sha256", sha256,
                         "letters", rows);
    if (!text || !manifest)
        return -ENOMEM;
    size = json_dumpb(manifest, text, MANIFEST_MAX, JSON_INDENT(1));
    if (size == 0 || size > MANIFEST_MAX)
        return -EMSGSIZE;
    snprintf(name, sizeof name, "%s.json", batch);
    return file_write(press->settings->output, name, text, size);
}

/* ---- A printer ---- */

/* Follows the job at the printer and enters what became of it. */
static int settle(struct press *press, struct ledger *ledger, struct ledger_letter *letter,
                  enum printer_fate *ret)
{
    int r = printer_follow(press->printer, letter->printer_job, letter->job, &press->watch, ret,
                           letter->why);

    if (r < 0)
        return r;
    if (*ret == PRINTER_FAILED)
        r = ledger_drop(ledger, letter->job);
    else {
        letter->state = *ret == PRINTER_PRINTED ? LEDGER_PRINTED : LEDGER_UNCERTAIN;
        if (*ret == PRINTER_PRINTED)
            letter->why[0] = '\0';
        r = ledger_set(ledger, letter);
    }
    return r < 0 ? trouble(r, "the ledger") : 0;
}

/* A letter without a number was never sent, but may have left a job that waits for it: the ledger
   forgets it only once the printer has none. */
static int clear_job(struct press *press, struct ledger *ledger, struct ledger_letter *letter,
                     char why[static PRINTER_WHY_SIZE])
{
    int r =
        press->printer ? printer_clear(press->printer, letter->job, &letter->printer_job, why) : 0;

    if (r == -EAGAIN)
        return r;
    r = r == -EEXIST ? ledger_set(ledger, letter) /* as if its number had been entered */
                     : ledger_drop(ledger, letter->job);
    return r < 0 ? trouble(r, "the ledger") : 0;
}

static int put_job(struct press *press, struct ledger *ledger, const struct page_pdf *pdf,
                   struct ledger_letter *letter, enum printer_fate *ret)
{
    int r;

    letter->state = LEDGER_AT_PRINTER;
    letter->printer_job = 0;
    if ((r = ledger_add(ledger, letter)) < 0)
        return trouble(r, "the ledger");
    if (printer_create(press->printer, letter->job, &letter->printer_job, letter->why) < 0) {
        char unused[PRINTER_WHY_SIZE];

        *ret = PRINTER_FAILED;
        r = clear_job(press, ledger, letter, unused);
        return r == -EAGAIN ? 0 : r; /* the next run tries again */
    }
    if ((r = ledger_set(ledger, letter)) < 0)
        return trouble(r, "the ledger");
    printer_send(press->printer, letter->printer_job, pdf->data, pdf->size);
    return settle(press, ledger, letter, ret);
}

/* Before anything is asked for: what can't be cleared now waits, and so do the letters. */
static int recover_unsent(struct press *press, struct ledger *ledger, struct ledger_letter *letter)
{
    char why[PRINTER_WHY_SIZE] = "";
    int r = clear_job(press, ledger, letter, why);

    if (r == -EAGAIN)
        log_line(LOG_ERR, "No letters are asked for, letter %s may have left a job: %s",
                 letter->job, why);
    return r;
}

static int recover_jobs(struct press *press, struct ledger *ledger,
                        int (*failed)(void *userdata, const struct ledger_letter *letter),
                        void *userdata)
{
    struct ledger_letter letter;
    int r;

    while ((r = ledger_at_printer(ledger, &letter)) == 0) {
        enum printer_fate fate = PRINTER_FAILED;

        if (letter.printer_job == 0) {
            if ((r = recover_unsent(press, ledger, &letter)) < 0)
                return r;
            continue;
        }
        if (press->printer)
            r = settle(press, ledger, &letter, &fate);
        else { /* the configuration has changed meanwhile */
            letter.state = LEDGER_UNCERTAIN;
            snprintf(letter.why, sizeof letter.why,
                     "it was at a printer that isn't configured now");
            r = ledger_set(ledger, &letter);
            fate = PRINTER_UNCERTAIN;
        }
        if (r == 0 && fate == PRINTER_FAILED)
            r = failed(userdata, &letter);
        if (r < 0)
            return trouble(r, "what an earlier run has left");
    }
    return r == -ENOENT ? 0 : trouble(r, "the ledger");
}

/* ---- Both ---- */

int press_recover(struct press *press, struct ledger *ledger,
                  int (*failed)(void *userdata, const struct ledger_letter *letter), void *userdata)
{
    int r = press->printer ? 0 : output_sweep(press->directory, known, ledger);

    if (r < 0)
        return trouble(r, "what an earlier run has left");
    return recover_jobs(press, ledger, failed, userdata);
}

static void digest_put(const struct page_pdf *pdf, char ret[static LEDGER_SHA256_SIZE])
{
    unsigned char digest[crypto_hash_sha256_BYTES];

    crypto_hash_sha256(digest, pdf->data, pdf->size);
    sodium_bin2hex(ret, LEDGER_SHA256_SIZE, digest, sizeof digest);
}

int press_put_all(struct press *press, struct ledger *ledger, const char *batch,
                  const struct page_pdf *pdf, struct ledger_letter *letters, size_t count)
{
    char sha256[LEDGER_SHA256_SIZE];
    int file, r = output_stage(press->directory, batch, pdf->data, pdf->size, &file);

    digest_put(pdf, sha256);
    if (r == 0)
        r = output_keep(press->directory, &file, 1);
    if (r == 0)
        r = put_manifest(press, batch, sha256, letters, count);
    if (r < 0)
        return trouble(r, press->settings->output);
    for (size_t i = 0; i < count; i++) {
        memcpy(letters[i].sha256, sha256, sizeof sha256);
        letters[i].state = LEDGER_PRINTED;
    }
    r = ledger_add_all(ledger, letters, count);
    if (r < 0) /* as with one */
        return trouble(r, "the ledger");
    r = output_finish(press->directory, batch);
    return r < 0 ? trouble(r, press->settings->output) : 0;
}

int press_put(struct press *press, struct ledger *ledger, const struct page_pdf *pdf,
              struct ledger_letter *letter, enum printer_fate *ret)
{
    digest_put(pdf, letter->sha256);
    if (press->printer)
        return put_job(press, ledger, pdf, letter, ret);
    *ret = PRINTER_PRINTED;
    return put_file(press, ledger, pdf, letter);
}
