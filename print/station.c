/* The work of the print station: station.h.

   What makes a letter come out once, wherever a crash comes: the batch is in the ledger before
   portald is asked, so that asking again gives the same letters; the ledger knows of a letter
   before it can be paper (press.h); and the batch is forgotten only after portald has taken the
   report. */
#include "config.h"

#include "station-private.h"

#include "render.h"

#include "cleanup.h"
#include "clock.h"
#include "log.h"
#include "messages.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define PROBLEM_SIZE  512
#define STOPPED       "the print station was stopped before this letter"
#define RENEW_MS      (600 * 1000) /* well within portald's lease */
#define REFUSALS_MOST 3

DEFINE_CLEANUP(struct letter, letter_free)

void batch_clear(struct batch *b)
{
    json_decref(b->rows);
    page_pdf_clear(&b->pdf);
    free(b->gathered);
    press_free(b->press);
    if (b->ledger)
        ledger_close(b->ledger);
}

int station_trouble(int r, const char *what)
{
    log_line(LOG_ERR, "%s: %s", what, strerror(-r));
    return r;
}

/* portald couldn't be asked. What it answered itself was logged with the answer. */
static int portald_trouble(const struct settings *s, int r)
{
    static const struct {
        int error;
        const char *text;
    } reasons[] = {
        {-ENOENT,
         "there is no such socket; is portald running here, or is [portald] socket wrong?"},
        {-ECONNREFUSED, "nobody listens; is portald running?"},
        {-EACCES, "this user may not use it"},
        {-EPERM,
         "it, or its directory, belongs neither to root nor to [portald] peer, or others may "
         "write there; nothing was sent"},
        {-ETIMEDOUT, "no answer within [portald] timeout; letters under way are taken up again"},
    };

    for (size_t i = 0; i < ELEMENTS(reasons); i++)
        if (reasons[i].error == r) {
            log_line(LOG_ERR, "portald's socket %s/%s: %s", s->socket_dir, s->socket,
                     reasons[i].text);
            return r;
        }
    return station_trouble(r, "portald can't be asked now");
}

/* ---- Reporting ---- */

static int row_add(struct batch *b, json_t *row)
{
    return row && json_array_append_new(b->rows, row) == 0 ? 0 : -ENOMEM;
}

static bool row_exists(const struct batch *b, const char *job)
{
    size_t i;
    json_t *row;

    json_array_foreach(b->rows, i, row)
    {
        if (strcmp(json_string_value(json_object_get(row, "job")), job) == 0)
            return true;
    }
    return false;
}

/* What the ledger says of a letter. */
static int row_known(struct batch *b, const struct ledger_letter *letter)
{
    if (row_exists(b, letter->job))
        return 0;
    if (letter->state == LEDGER_PRINTED)
        return row_add(b, json_pack("{s:s, s:i, s:s}", "job", letter->job, "pages",
                                    (int)letter->pages, "sha256", letter->sha256));
    log_event(LOG_WARNING, MESSAGE_LETTER_UNCERTAIN, LOG_FIELDS("PORTAL_JOB", letter->job),
              "Letter %s may be on paper or not: %s", letter->job, letter->why);
    return row_add(b, json_pack("{s:s, s:s}", "job", letter->job, "uncertain",
                                letter->why[0] ? letter->why : "an earlier run was interrupted"));
}

static int row_failed(struct batch *b, const char *job, const char *why)
{
    log_event(LOG_ERR, MESSAGE_LETTER, LOG_FIELDS("PORTAL_JOB", job), "Letter %s isn't printed: %s",
              job, why);
    b->failed++;
    return row_add(b, json_pack("{s:s, s:s}", "job", job, "failed", why));
}

/* ---- One letter ---- */

static void letter_enter(const struct batch *b, const struct letter *letter,
                         struct ledger_letter *ret)
{
    *ret = (struct ledger_letter){.pages = 1};
    memcpy(ret->job, letter->job, sizeof ret->job);
    memcpy(ret->batch, b->id, sizeof ret->batch);
}

static int letter_put(struct batch *b, const struct letter *letter, const struct page_pdf *pdf)
{
    struct ledger_letter entry;
    enum printer_fate fate = PRINTER_UNCERTAIN;
    int r;

    letter_enter(b, letter, &entry);
    r = press_put(b->press, b->ledger, pdf, &entry, &fate);
    if (r < 0)
        return r;
    return fate == PRINTER_FAILED ? row_failed(b, entry.job, entry.why) : row_known(b, &entry);
}

static int letter_print(struct batch *b, const char *job, const uint8_t *field, size_t size)
{
    _cleanup_(letter_free_p) struct letter *letter = letter_new();
    _cleanup_(page_pdf_clear) struct page_pdf pdf = {0};
    char why[LETTER_WHY_SIZE] = "";
    int r = letter ? letter_read(b->station->key, field, size, letter, why) : -ENOMEM;

    if (r == 0)
        r = render_letter(b->station->renderer, letter, b->gathered ? &b->pdf : &pdf, why);
    if (r == -EBADMSG)
        return row_failed(b, job, why);
    if (r < 0)
        return station_trouble(r, "a letter");
    if (!b->gathered)
        return letter_put(b, letter, &pdf);
    letter_enter(b, letter, &b->gathered[b->gathered_count++]);
    return 0;
}

/* One file for the whole batch. When it was made and the report got lost, what failed then comes
   again now: a file that has been taken away must not come back as another. */
static int gather_begin(struct batch *b, const struct claim *claim)
{
    int r;

    if (!b->station->settings->one_file)
        return 0;
    r = ledger_has_batch(b->ledger, b->id);
    if (r < 0)
        return station_trouble(r, "the ledger");
    if (r > 0)
        snprintf(b->blocked, sizeof b->blocked, "its batch is printed already: with the next one");
    b->gathered = calloc(claim->letters + 1, sizeof *b->gathered);
    r = b->gathered ? page_pdf_gather(&b->pdf) : -ENOMEM;
    return r < 0 ? station_trouble(r, "a batch") : 0;
}

static int gather_end(struct batch *b)
{
    int r = page_pdf_finish(&b->pdf);

    if (r < 0)
        return station_trouble(r, "a batch");
    return b->gathered_count == 0
               ? 0
               : press_put_all(b->press, b->ledger, b->id, &b->pdf, b->gathered, b->gathered_count);
}

static bool is_gathered(const struct batch *b, const char *job)
{
    for (size_t i = 0; i < b->gathered_count; i++)
        if (strcmp(b->gathered[i].job, job) == 0)
            return true;
    return false;
}

/* Whether what the ledger knows of job is the end of it. An uncertain letter comes in another batch
   only after a person has looked and said that it isn't on paper. */
static int letter_is_over(struct batch *b, const char *job, bool *ret)
{
    struct ledger_letter known;
    int r = ledger_find(b->ledger, job, &known);

    *ret = r == 0;
    if (r == -ENOENT)
        return 0;
    if (r < 0)
        return station_trouble(r, "the ledger");
    if (known.state == LEDGER_UNCERTAIN && strcmp(known.batch, b->id) != 0) {
        *ret = false;
        r = ledger_drop(b->ledger, job);
        return r < 0 ? station_trouble(r, "the ledger") : 0;
    }
    if (known.state == LEDGER_PRINTED)
        log_event(LOG_NOTICE, MESSAGE_LETTER, LOG_FIELDS("PORTAL_JOB", job),
                  "Letter %s was printed before, and isn't again", job);
    return row_known(b, &known);
}

static void letter_see(struct batch *b, const char *job)
{
    if (json_object_get(b->station->seen, job))
        return;
    json_object_set_new(b->station->seen, job, json_true());
    b->fresh++;
}

static int letter_handle(struct batch *b, const uint8_t *field, size_t size)
{
    char job[ULID_SIZE];
    bool over;
    int r = letter_job(field, size, job);

    if (r < 0) {
        /* Signed, and yet without a name to report it by: portald will ask what became of it. */
        log_line(LOG_ERR, "batch %s holds a letter without a valid job", b->id);
        return 0;
    }
    letter_see(b, job);
    if (row_exists(b, job) || is_gathered(b, job))
        return 0;
    r = letter_is_over(b, job, &over);
    if (r < 0 || over || b->answered)
        return r;
    if (station_stopped(b->station))
        return row_failed(b, job, STOPPED);
    if (!b->blocked[0])
        (void)press_ready(b->press, b->blocked);
    return b->blocked[0] ? row_failed(b, job, b->blocked) : letter_print(b, job, field, size);
}

/* ---- One batch ---- */

static bool watch_stopped(void *userdata)
{
    return station_stopped(userdata);
}

static void watch_waits(void *userdata, const char *job, const char *why)
{
    (void)userdata;
    log_event(LOG_NOTICE, MESSAGE_LETTER, LOG_FIELDS("PORTAL_JOB", job), "Letter %s: %s", job, why);
}

int batch_open(struct batch *b)
{
    const struct settings *s = b->station->settings;
    const struct printer_watch watch = {watch_stopped, watch_waits, b->station};
    int r = press_open(s, &watch, &b->press);

    if (r < 0)
        return r;
    b->rows = json_array();
    r = b->rows ? ledger_open(s->state_dir, &b->ledger) : -ENOMEM;
    return r < 0 ? station_trouble(r, s->state_dir) : 0;
}

/* A letter of another batch comes again with that. */
int batch_recovered(void *userdata, const struct ledger_letter *letter)
{
    struct batch *b = userdata;

    return strcmp(letter->batch, b->id) == 0 ? row_failed(b, letter->job, letter->why) : 0;
}

/* Takes up the batch that an earlier run has left, or begins one if it could be printed. */
static int batch_begin(struct batch *b)
{
    char why[PRINTER_WHY_SIZE] = "";
    int open = ledger_batch(b->ledger, b->id), r;

    if (open < 0 && open != -ENOENT)
        return station_trouble(open, "the ledger");
    r = press_recover(b->press, b->ledger, batch_recovered, b);
    if (r < 0 || open == 0)
        return r;
    if (press_ready(b->press, why) < 0) {
        log_line(LOG_ERR, "No letters are asked for: %s", why);
        return -EAGAIN;
    }
    ulid_make(clock_now_ms(), b->id);
    r = ledger_batch_begin(b->ledger, b->id);
    return r < 0 ? station_trouble(r, "the ledger") : 0;
}

static int batch_claim(struct batch *b, struct claim *claim)
{
    const struct station *station = b->station;
    int r = claim_ask(station->settings, station->portald, b->id, station->batch_size, claim);

    b->asked = clock_monotonic_ms();
    if (r == -EBADMSG) {
        log_event(LOG_ERR, MESSAGE_LETTER, LOG_FIELDS("PORTAL_BATCH", b->id),
                  "Batch %s isn't signed by portald: nothing of it is printed", b->id);
        return r;
    }
    return r < 0 ? portald_trouble(station->settings, r) : 0;
}

/* A slow printer may need longer than a lease: asking again for the same batch renews it. */
static void batch_renew(struct batch *b)
{
    _cleanup_(claim_clear) struct claim claim = {0};

    if (!b->by_file && clock_monotonic_ms() - b->asked > RENEW_MS)
        (void)batch_claim(b, &claim);
}

int batch_print(struct batch *b, struct claim *claim)
{
    const uint8_t *field;
    size_t size;
    int r = gather_begin(b, claim), flushed;

    while (r == 0 && claim_next(claim, &field, &size)) {
        batch_renew(b);
        r = letter_handle(b, field, size);
    }
    /* Also what was right before something went wrong. */
    flushed = press_flush(b->press, b->ledger);
    return r < 0 ? r : flushed < 0 ? flushed : gather_end(b);
}

static int letter_of_batch(void *userdata, const struct ledger_letter *letter)
{
    struct batch *b = userdata;

    b->printed += letter->state == LEDGER_PRINTED;
    b->uncertain += letter->state == LEDGER_UNCERTAIN;
    return row_known(b, letter);
}

/* Everything that the ledger has of this batch is told, even if portald no longer asks. */
int batch_rows(struct batch *b)
{
    int r = press_sync(b->press);

    if (r < 0)
        return r;
    r = ledger_each(b->ledger, b->id, letter_of_batch, b);
    return r < 0 ? station_trouble(r, "the ledger") : 0;
}

/* A report that portald doesn't understand must not keep the station from the letters to come. */
static int batch_refused(struct batch *b)
{
    unsigned times = 0;
    int r = ledger_batch_refused(b->ledger, b->id, &times);

    if (r == 0 && times >= REFUSALS_MOST) {
        log_event(LOG_ERR, MESSAGE_LETTER_UNCERTAIN, LOG_FIELDS("PORTAL_BATCH", b->id),
                  "portald has refused the report of batch %s %u times: it is set aside. "
                  "'portalctl letters list' shows its letters, 'portalctl letters printed JOB' "
                  "tells of each that is on paper",
                  b->id, times);
        r = ledger_batch_end(b->ledger, b->id);
    }
    return r < 0 ? station_trouble(r, "the ledger") : -EPROTO;
}

static int batch_report(struct batch *b)
{
    int r = claim_report(b->station->settings, b->id, b->rows);

    if (r == -EPROTO)
        return batch_refused(b);
    if (r < 0)
        return portald_trouble(b->station->settings, r);
    r = ledger_batch_end(b->ledger, b->id);
    return r < 0 ? station_trouble(r, "the ledger") : 0;
}

void batch_say(const struct batch *b)
{
    if (json_array_size(b->rows) == 0)
        return;
    printf("batch %s: %zu letter%s", b->id, b->printed, b->printed == 1 ? "" : "s");
    if (b->failed > 0)
        printf(", %zu failed", b->failed);
    if (b->uncertain > 0)
        printf(", %zu uncertain", b->uncertain);
    putchar('\n');
    fflush(stdout);
}

/* Returns 1 when portald gave letters that were new to this run, 0 when it had none, or when the
   station was stopped while a letter was at the printer. */
static int batch_run(struct station *station)
{
    _cleanup_(batch_clear) struct batch b = {.station = station};
    _cleanup_(claim_clear) struct claim claim = {0};
    int r = batch_open(&b);

    if (r == 0)
        r = batch_begin(&b);
    if (r == 0)
        r = batch_claim(&b, &claim);
    if (r == 0)
        r = batch_print(&b, &claim);
    if (r == 0)
        r = batch_rows(&b);
    if (r == 0)
        r = batch_report(&b);
    if (r < 0)
        return r == -EINTR ? 0 : r;
    batch_say(&b);
    if (claim.letters > 0 && b.fresh == 0)
        log_line(LOG_ERR, "portald hands out letters that it was just told of; this run ends here");
    return b.fresh > 0;
}

int station_run(struct station *station)
{
    int r;

    station->seen = json_object();
    do
        r = station_stopped(station) ? 0 : batch_run(station);
    while (r > 0);
    json_decref(station->seen);
    station->seen = NULL;
    return r;
}

/* ---- Its life ---- */

static int renderer_find(const struct settings *s, struct renderer **ret)
{
    const struct render_look look = {.texts = s->texts,
                                     .font = s->font,
                                     .code_font = s->code_font,
                                     .colour = s->colour,
                                     .company = s->company,
                                     .return_address = s->return_address,
                                     .letterhead = s->letterhead,
                                     .footer = s->footer,
                                     .support = s->support,
                                     .portal_url = s->portal_url,
                                     .signature = s->signature,
                                     .logo = s->logo,
                                     .signature_image = s->signature_image,
                                     .form = (enum render_form)s->form,
                                     .qr = s->qr};
    char problem[PROBLEM_SIZE] = "";
    int r = renderer_open(&look, problem, sizeof problem, ret);

    if (r < 0)
        log_event(LOG_ERR, MESSAGE_CONFIGURATION, NULL, "%s", problem[0] ? problem : strerror(-r));
    return r;
}

int station_open(const struct settings *settings, uint32_t batch_size, struct station **ret)
{
    _cleanup_(station_free_p) struct station *station = calloc(1, sizeof *station);
    int r;

    if (!station)
        return -ENOMEM;
    letter_wipe_json();
    station->settings = settings;
    station->batch_size = batch_size;
    r = station_keys_load(settings, station->portald, sizeof station->portald, &station->key);
    if (r < 0)
        return r;
    r = renderer_find(settings, &station->renderer);
    if (r < 0)
        return r;
    *ret = TAKE(station);
    return 0;
}

struct station *station_free(struct station *station)
{
    if (station) {
        station_key_free(station->key);
        renderer_free(station->renderer);
    }
    free(station);
    return NULL;
}

void station_wait(struct station *station, long seconds)
{
    const struct timespec most = {.tv_sec = seconds};
    sigset_t signals;

    if (station->stopped)
        return;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    if (sigtimedwait(&signals, NULL, &most) > 0)
        station->stopped = true;
}

bool station_stopped(struct station *station)
{
    station_wait(station, 0);
    return station->stopped;
}
