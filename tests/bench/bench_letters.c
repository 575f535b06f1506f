/* How long one letter takes on one core, from what portald hands out to a PDF on disk: unsealed,
   rendered, written. tests/bench/letters runs it beside its floor, and portal-print as a whole. */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cleanup.h"
#include "print/letter.h"
#include "print/output-dir.h"
#include "print/render.h"
#include "process.h"
#include "seal.h"
#include "ulid.h"
#include "wire.h"

#define ENTRY       "6f1d1c4e-0000-4000-8000-000000000001"
#define LETTERS_MAX 1000000
#define WARM_UP     20
#define GROUP       32         /* letters that go to disk together, as portal-print has them */
#define NOW         1795348407 /* 22 November 2026 */

enum stage {
    UNSEAL,
    RENDER,
    WRITE,
    STAGES,
};

struct bench {
    struct station_key key;
    struct renderer *renderer;
    struct letter *letter;
    int output;       /* the directory, or -1 */
    int files[GROUP]; /* staged, and their jobs */
    char jobs[GROUP][ULID_SIZE];
    size_t staged;
    double spent[STAGES]; /* CPU seconds */
    size_t bytes;         /* of PDF */
};

static const struct {
    const char *name, *street, *town, *language;
} people[] = {
    {"Anna Beispiel", "Lindenallee 12", "50667 Köln", "de"},
    {"Karl-Heinz Großmann-Öttinger", "Am Bühl 7", "88662 Überlingen", "de"},
    {"Łukasz Wiśniewski", "Goethestraße 33", "02826 Görlitz", "de"},
    {"Işıl Yıldırım", "Keupstraße 61", "51063 Köln", "de"},
    {"Γιώργος Κωνσταντινίδης", "Marktplatz 1", "70173 Stuttgart", "de"},
    {"Thị Ngọc Ánh Nguyễn", "Herzbergstraße 128", "10365 Berlin", "de"},
    {"Emily Carter", "Hansaring 77", "50670 Köln", "en"},
    {"Hannelore Friederike von der Wettern-Schwarzenfels zu Hohenbrück",
     "Obere Schloßgartenstraße 118", "73728 Esslingen am Neckar", "de"},
};

static double cpu_now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* One LETTER field as a claim has it, with codes of its own. */
static int field_make(const struct bench *b, unsigned number, struct wire_writer *w)
{
    unsigned char raw[REFERENCE_BYTES];
    char job[ULID_SIZE], password[CODE_SIZE], puk[CODE_SIZE], login[64], content[256], address[512];
    char reference[REFERENCE_PRINTED_SIZE];
    _cleanup_free_ uint8_t *sealed = NULL;
    size_t size, who = number % ELEMENTS(people);

    ulid_make((uint64_t)NOW * 1000 + number, job);
    code_make(password);
    code_make(puk);
    randombytes_buf(raw, sizeof raw);
    code_reference_print(raw, reference);
    snprintf(login, sizeof login, "customer-%u@mail.example", number);
    snprintf(content, sizeof content,
             "{\"version\":1,\"job\":\"%s\",\"entry\":\"" ENTRY
             "\",\"kind\":\"access\",\"password\":\"%s\",\"puk\":\"%s\"}",
             job, password, puk);
    snprintf(address, sizeof address, "%s\n%s\n%s", people[who].name, people[who].street,
             people[who].town);
    if (seal_letter(b->key.public_key, content, strlen(content), &sealed, &size) < 0)
        return -ENOMEM;
    wire_begin_fields(w);
    wire_put_string(w, WIRE_JOB, job);
    wire_put_string(w, WIRE_KIND, "access");
    wire_put_string(w, WIRE_ENTRY, ENTRY);
    wire_put(w, WIRE_SEALED, sealed, size);
    wire_put_string(w, WIRE_ADDRESS, address);
    wire_put_string(w, WIRE_NAME, people[who].name);
    wire_put_string(w, WIRE_LANGUAGE, people[who].language);
    wire_put_string(w, WIRE_LOGIN, login);
    wire_put_string(w, WIRE_LAST_DAY, "2026-12-27");
    wire_put_string(w, WIRE_REFERENCE_CODE, reference);
    wire_put_u64(w, WIRE_TIME, NOW);
    return w->error;
}

static int group_finish(struct bench *b)
{
    int r = b->staged > 0 ? output_keep(b->output, b->files, b->staged) : 0;

    for (size_t i = 0; r == 0 && i < b->staged; i++)
        r = output_finish(b->output, b->jobs[i]);
    b->staged = 0;
    return r;
}

static int letter_write(struct bench *b, const struct page_pdf *pdf)
{
    int r;

    b->bytes += pdf->size;
    if (b->output < 0)
        return 0;
    r = output_stage(b->output, b->letter->job, pdf->data, pdf->size, &b->files[b->staged]);
    if (r < 0)
        return r;
    memcpy(b->jobs[b->staged++], b->letter->job, ULID_SIZE);
    return b->staged == GROUP ? group_finish(b) : 0;
}

static int letter_once(struct bench *b, unsigned number)
{
    _cleanup_(wire_writer_clear) struct wire_writer w = {0};
    _cleanup_(page_pdf_clear) struct page_pdf pdf = {0};
    char why[LETTER_WHY_SIZE] = "";
    double times[STAGES + 1];
    int r = field_make(b, number, &w);

    if (r < 0)
        return r;
    times[UNSEAL] = cpu_now();
    r = letter_read(&b->key, w.data, w.size, b->letter, why);
    times[RENDER] = cpu_now();
    if (r == 0)
        r = render_letter(b->renderer, b->letter, &pdf, why);
    times[WRITE] = cpu_now();
    if (r == 0)
        r = letter_write(b, &pdf);
    times[STAGES] = cpu_now();
    for (size_t i = 0; i < STAGES; i++)
        b->spent[i] += times[i + 1] - times[i];
    if (r < 0)
        fprintf(stderr, "letter %u: %s\n", number, why[0] ? why : strerror(-r));
    return r;
}

static int bench_open(struct bench *b, const char *texts, const char *directory)
{
    char problem[512];
    const struct render_look look = {
        .texts = texts,
        .font = "Lato",
        .code_font = "Hack",
        .colour = "#1f4e79",
        .form = RENDER_FORM_B,
        .qr = true,
        .company = "Beispiel Versicherung",
        .return_address = "Beispiel Versicherung · Postfach 10 01 00 · 50441 Köln",
        .letterhead = "Musterstraße 1 | 12345 Musterstadt | www.versicherung.example",
        .footer = "Amtsgericht Musterstadt HRB 12345 | Vorstand: Dr. Erika Beispiel",
        .support = "Telefon 0221 555-0100, montags bis freitags von 8 bis 18 Uhr",
        .portal_url = "https://konto.versicherung.example",
        .signature = "Ihr Kundenservice | Beispiel Versicherung",
    };
    int r;

    if (sodium_init() < 0 || !(b->letter = letter_new()))
        return -ENOMEM;
    letter_wipe_json();
    crypto_box_keypair(b->key.public_key, b->key.secret);
    r = renderer_open(&look, problem, sizeof problem, &b->renderer);
    if (r < 0) {
        fprintf(stderr, "%s\n", problem);
        return r;
    }
    return directory ? output_open(directory, &b->output) : 0;
}

static void bench_clear(struct bench *b)
{
    renderer_free(b->renderer);
    letter_free(b->letter);
    if (b->output >= 0)
        close(b->output);
}

static int bench_run(struct bench *b, unsigned letters)
{
    double whole = 0, begun;
    int left;

    for (unsigned i = 0; i < WARM_UP + letters; i++) {
        int r = letter_once(b, i);

        if (r < 0)
            return r;
        if (i + 1 == WARM_UP)
            memset(b->spent, 0, sizeof b->spent);
    }
    begun = cpu_now();
    left = group_finish(b);
    b->spent[WRITE] += cpu_now() - begun;
    if (left < 0)
        return left;
    for (size_t i = 0; i < STAGES; i++)
        whole += b->spent[i];
    printf("letters %u rate %.1f unseal %.3f render %.3f write %.3f bytes %zu\n", letters,
           letters / whole, b->spent[UNSEAL] * 1000 / letters, b->spent[RENDER] * 1000 / letters,
           b->spent[WRITE] * 1000 / letters, b->bytes / (WARM_UP + letters));
    return 0;
}

/* bench_letters TEXTS LETTERS [DIR] */
int main(int argc, char **argv)
{
    _cleanup_(bench_clear) struct bench b = {.output = -1};
    unsigned letters = argc > 2 ? (unsigned)strtoul(argv[2], NULL, 10) : 0;

    if (argc < 3 || argc > 4 || letters == 0 || letters > LETTERS_MAX) {
        fprintf(stderr, "Usage: bench_letters TEXTS LETTERS [DIR]\n");
        return 2;
    }
    if (process_set_zone("Europe/Berlin") < 0 || bench_open(&b, argv[1], argv[3]) < 0)
        return 1;
    return bench_run(&b, letters) < 0;
}
