/* The work of the print station: station.h.

   What makes a letter come out once, wherever a crash comes: the batch is in the ledger before
   portald is asked, so that asking again gives the same letters; a letter is staged on disk, then
   entered in the ledger, then named; and the batch is forgotten only after portald has taken the
   report. */
#include "config.h"

#include "station.h"

#include "claim.h"
#include "ledger.h"
#include "letter.h"
#include "output-dir.h"
#include "render.h"

#include "cleanup.h"
#include "clock.h"
#include "keys.h"
#include "log.h"
#include "messages.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define PROBLEM_SIZE 512
#define STOPPED      "the print station was stopped before this letter"

struct station {
    const struct settings *settings;
    uint32_t batch_size;
    struct station_key *key;
    uint8_t portald[crypto_sign_PUBLICKEYBYTES];
    struct renderer *renderer;
    bool stopped;
};

/* One batch in the making. */
struct batch {
    struct station *station;
    struct ledger *ledger;
    int output; /* the directory */
    char id[ULID_SIZE];
    json_t *rows;           /* of the report */
    size_t printed, failed; /* printed: by earlier runs, too */
};

DEFINE_CLEANUP(struct letter, letter_free)

static void batch_clear(struct batch *b)
{
    json_decref(b->rows);
    if (b->output >= 0)
        close(b->output);
    if (b->ledger)
        ledger_close(b->ledger);
}

static int trouble(int r, const char *what)
{
    log_line(LOG_ERR, "%s: %s", what, strerror(-r));
    return r;
}

static int key_trouble(int r, const char *what, const char *file)
{
    log_event(LOG_ERR, MESSAGE_CONFIGURATION, NULL, "%s %s: %s", what, file, key_error(r));
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
    return trouble(r, "portald can't be asked now");
}

/* ---- Reporting ---- */

static int row_add(struct batch *b, json_t *row)
{
    return row && json_array_append_new(b->rows, row) == 0 ? 0 : -ENOMEM;
}

static int row_printed(void *userdata, const struct ledger_letter *letter)
{
    struct batch *b = userdata;
    size_t i;
    json_t *row;

    json_array_foreach(b->rows, i, row)
    {
        if (strcmp(json_string_value(json_object_get(row, "job")), letter->job) == 0)
            return 0;
    }
    return row_add(b, json_pack("{s:s, s:i, s:s}", "job", letter->job, "pages", (int)letter->pages,
                                "sha256", letter->sha256));
}

static int row_failed(struct batch *b, const char *job, const char *why)
{
    log_event(LOG_ERR, MESSAGE_LETTER, LOG_FIELDS("PORTAL_JOB", job), "Letter %s isn't printed: %s",
              job, why);
    b->failed++;
    return row_add(b, json_pack("{s:s, s:s}", "job", job, "failed", why));
}

/* ---- One letter ---- */

static void sha256_hex(const struct page_pdf *pdf, char ret[static LEDGER_SHA256_SIZE])
{
    unsigned char digest[crypto_hash_sha256_BYTES];

    crypto_hash_sha256(digest, pdf->data, pdf->size);
    sodium_bin2hex(ret, LEDGER_SHA256_SIZE, digest, sizeof digest);
}

/* Staged, entered, named: in this order, see above. */
static int letter_put(struct batch *b, const struct letter *letter, const struct page_pdf *pdf)
{
    struct ledger_letter entry = {.pages = 1};
    int r;

    memcpy(entry.job, letter->job, sizeof entry.job);
    sha256_hex(pdf, entry.sha256);
    r = output_stage(b->output, entry.job, pdf->data, pdf->size);
    if (r < 0)
        return trouble(r, b->station->settings->output);
    r = ledger_add(b->ledger, b->id, &entry);
    if (r < 0) /* on disk or not, who knows: the next run's sweep asks the ledger */
        return trouble(r, "the ledger");
    r = output_finish(b->output, entry.job);
    if (r < 0)
        return trouble(r, b->station->settings->output);
    return row_printed(b, &entry);
}

static int letter_print(struct batch *b, const char *job, const uint8_t *field, size_t size)
{
    _cleanup_(letter_free_p) struct letter *letter = letter_new();
    _cleanup_(page_pdf_clear) struct page_pdf pdf = {0};
    char why[LETTER_WHY_SIZE] = "";
    int r = letter ? letter_read(b->station->key, field, size, letter, why) : -ENOMEM;

    if (r == 0)
        r = render_letter(b->station->renderer, letter, &pdf, why);
    if (r == -EBADMSG)
        return row_failed(b, job, why);
    return r < 0 ? trouble(r, "a letter") : letter_put(b, letter, &pdf);
}

static int letter_handle(struct batch *b, const uint8_t *field, size_t size)
{
    struct ledger_letter known;
    char job[ULID_SIZE];
    int r = letter_job(field, size, job);

    if (r < 0) {
        /* Signed, and yet without a name to report it by: portald will ask what became of it. */
        log_line(LOG_ERR, "batch %s holds a letter without a valid job", b->id);
        return 0;
    }
    r = ledger_find(b->ledger, job, &known);
    if (r == 0) {
        log_event(LOG_NOTICE, MESSAGE_LETTER, LOG_FIELDS("PORTAL_JOB", job),
                  "Letter %s was printed before, and isn't again", job);
        return row_printed(b, &known);
    }
    if (r != -ENOENT)
        return trouble(r, "the ledger");
    return station_stopped(b->station) ? row_failed(b, job, STOPPED)
                                       : letter_print(b, job, field, size);
}

/* ---- One batch ---- */

static int known(void *userdata, const char *job)
{
    struct batch *b = userdata;
    struct ledger_letter letter;
    int r = ledger_find(b->ledger, job, &letter);

    return r == -ENOENT ? 0 : r < 0 ? r : 1;
}

/* Takes up the batch that an earlier run has left, or begins one. */
static int batch_open(struct batch *b)
{
    const struct settings *s = b->station->settings;
    int r = output_open(s->output, &b->output);

    if (r < 0)
        return trouble(r, s->output);
    b->rows = json_array();
    r = b->rows ? ledger_open(s->state_dir, &b->ledger) : -ENOMEM;
    if (r < 0)
        return trouble(r, s->state_dir);
    r = output_sweep(b->output, known, b);
    if (r < 0)
        return trouble(r, "what an earlier run has left");
    r = ledger_batch(b->ledger, b->id);
    if (r == -ENOENT) {
        ulid_make(clock_now_ms(), b->id);
        r = ledger_batch_begin(b->ledger, b->id);
    }
    return r < 0 ? trouble(r, "the ledger") : 0;
}

static int batch_claim(const struct batch *b, struct claim *claim)
{
    const struct station *station = b->station;
    int r = claim_ask(station->settings, station->portald, b->id, station->batch_size, claim);

    if (r == -EBADMSG) {
        log_event(LOG_ERR, MESSAGE_LETTER, LOG_FIELDS("PORTAL_BATCH", b->id),
                  "Batch %s isn't signed by portald: nothing of it is printed", b->id);
        return r;
    }
    return r < 0 ? portald_trouble(station->settings, r) : 0;
}

static int letter_of_batch(void *userdata, const struct ledger_letter *letter)
{
    struct batch *b = userdata;

    b->printed++;
    return row_printed(b, letter);
}

/* Everything that the ledger has of this batch is told, even if portald no longer asks. */
static int batch_report(struct batch *b)
{
    int r = output_sync(b->output);

    if (r < 0)
        return trouble(r, b->station->settings->output);
    r = ledger_each(b->ledger, b->id, letter_of_batch, b);
    if (r == 0)
        r = claim_report(b->station->settings, b->id, b->rows);
    if (r < 0)
        return portald_trouble(b->station->settings, r);
    r = ledger_batch_end(b->ledger, b->id);
    return r < 0 ? trouble(r, "the ledger") : 0;
}

static void batch_say(const struct batch *b)
{
    if (json_array_size(b->rows) == 0)
        return;
    printf("batch %s: %zu letter%s", b->id, b->printed, b->printed == 1 ? "" : "s");
    if (b->failed > 0)
        printf(", %zu failed", b->failed);
    putchar('\n');
    fflush(stdout);
}

/* Returns 1 when portald gave letters, 0 when it had none. */
static int batch_run(struct station *station)
{
    _cleanup_(batch_clear) struct batch b = {.station = station, .output = -1};
    _cleanup_(claim_clear) struct claim claim = {0};
    const uint8_t *field;
    size_t size;
    int r = batch_open(&b);

    if (r == 0)
        r = batch_claim(&b, &claim);
    while (r == 0 && claim_next(&claim, &field, &size))
        r = letter_handle(&b, field, size);
    if (r == 0)
        r = batch_report(&b);
    if (r < 0)
        return r;
    batch_say(&b);
    return claim.letters > 0;
}

int station_run(struct station *station)
{
    int r;

    do
        r = station_stopped(station) ? 0 : batch_run(station);
    while (r > 0);
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
    r = key_read(settings->portald_key, false, station->portald, sizeof station->portald);
    if (r < 0)
        return key_trouble(r, "portald's public key", settings->portald_key);
    r = station_key_load(settings->station_key, &station->key);
    if (r < 0)
        return key_trouble(r, "the station's key", settings->station_key);
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

int station_keygen(const char *directory)
{
    uint8_t *secret = sodium_malloc(crypto_box_SECRETKEYBYTES);
    uint8_t public_key[crypto_box_PUBLICKEYBYTES];
    char path[PATH_MAX], public_path[PATH_MAX];
    int r = 0;

    if (!secret)
        return -ENOMEM;
    if (snprintf(path, sizeof path, "%s/station.key", directory) >= (int)sizeof path ||
        snprintf(public_path, sizeof public_path, "%s/station.pub", directory) >=
            (int)sizeof public_path)
        r = -ENAMETOOLONG;
    else if (access(public_path, F_OK) == 0)
        r = -EEXIST; /* never half a pair */
    crypto_box_keypair(public_key, secret);
    if (r == 0)
        r = key_write(path, 0600, secret, crypto_box_SECRETKEYBYTES);
    if (r == 0)
        r = key_write(public_path, 0644, public_key, sizeof public_key);
    sodium_free(secret);
    return r;
}
