/* The page: measured with poppler's pdftotext, pdffonts and pdfinfo, as a printer or a person would
   see it. */
#include "config.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "cleanup.h"
#include "process.h"
#include "print/missing.h"
#include "print/render.h"

#define MM        (72.0 / 25.4)
#define TOLERANCE 1.0 /* points; a box is higher than the ink in it */
#define OUTPUT    262144
#define PASSWORD  "7K3M-9QXC-2V8D-HJ0B"
#define PUK       "0B8D-5S2Z-G6VY-1QTA"

struct fixture {
    struct renderer *renderer;
    char file[64];
    char output[OUTPUT];
    char why[LETTER_WHY_SIZE];
    char texts[4096];
};

static struct render_look look(const struct fixture *f)
{
    return (struct render_look){
        .texts = f->texts,
        .font = "DejaVu Sans",
        .code_font = "DejaVu Sans Mono",
        .colour = "#1f4e79",
        .company = "Beispiel Versicherung",
        .return_address = "Beispiel Versicherung · Musterstraße 1 · 12345 Musterstadt",
        .letterhead = "Musterstraße 1 | 12345 Musterstadt | www.versicherung.example",
        .footer = "Amtsgericht Musterstadt HRB 12345 | Vorstand: Dr. Erika Beispiel",
        .support = "Telefon 0221 555-0100, montags bis freitags von 8 bis 18 Uhr",
        .portal_url = "https://konto.versicherung.example",
        .signature = "Ihr Kundenservice | Beispiel Versicherung",
    };
}

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    const char *source = getenv("PORTAL_SRCDIR");
    char problem[512];

    if (!f || !source || process_set_zone("Europe/Berlin") < 0)
        return -1;
    snprintf(f->texts, sizeof f->texts, "%s/config/letters", source);
    snprintf(f->file, sizeof f->file, "/tmp/portal-test-XXXXXX");
    int fd = mkstemp(f->file);
    if (fd < 0)
        return -1;
    close(fd);
    struct render_look l = look(f);
    if (renderer_open(&l, problem, sizeof problem, &f->renderer) < 0) {
        fprintf(stderr, "%s\n", problem);
        return -1;
    }
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    if (!f)
        return 0;
    renderer_free(f->renderer);
    unlink(f->file);
    free(f);
    return 0;
}

static struct letter letter(void)
{
    return (struct letter){
        .job = "01KAN0PQ7ZJ3S8V4W6X9Y2T5RB",
        .kind = LETTER_ACCESS,
        .language = LETTER_GERMAN,
        .address = "Erika Beispiel\nMusterstraße 1\n12345 Musterstadt",
        .name = "Erika Beispiel",
        .login = "erika.beispiel@example.org",
        .reference = "7K3M9-QXC2V-8DHJ4-N0B5S-2ZTGWR",
        .last_day = "2026-12-28",
        .time = 1795000000, /* 18 November 2026 */
        .password = PASSWORD,
        .puk = PUK,
    };
}

static int render(struct fixture *f, const struct letter *l)
{
    struct page_pdf pdf = {0};
    f->why[0] = '\0';
    int r = render_letter(f->renderer, l, &pdf, f->why);

    if (r == 0) {
        _cleanup_fclose_ FILE *out = fopen(f->file, "we");
        assert_non_null(out);
        assert_int_equal(fwrite(pdf.data, 1, pdf.size, out), pdf.size);
    }
    page_pdf_clear(&pdf);
    return r;
}

/* What a poppler program prints about the page. */
static const char *ask(struct fixture *f, const char *program, const char *behind)
{
    char command[256];

    snprintf(command, sizeof command, "%s '%s' %s", program, f->file, behind);
    FILE *p = popen(command, "re");
    assert_non_null(p);
    size_t n = fread(f->output, 1, sizeof f->output - 1, p);
    f->output[n] = '\0';
    assert_int_equal(pclose(p), 0);
    return f->output;
}

static const char *text_of(struct fixture *f)
{
    return ask(f, "pdftotext -layout", "-");
}

static void expect(const char *text, const char *part)
{
    if (!strstr(text, part))
        fail_msg("\"%s\" isn't in:\n%s", part, text);
}

struct box {
    double left, top, right, bottom;
};

/* The first box of word; 1 when there is one. */
static int box_of(const char *boxes, const char *word, struct box *ret)
{
    char end[256];
    snprintf(end, sizeof end, ">%s</word>", word);
    const char *at = strstr(boxes, end);
    if (!at)
        return 0;
    while (at > boxes && strncmp(at, "<word ", 6) != 0)
        at--;
    return sscanf(at, "<word xMin=\"%lf\" yMin=\"%lf\" xMax=\"%lf\" yMax=\"%lf\"", &ret->left,
                  &ret->top, &ret->right, &ret->bottom) == 4;
}

static void expect_within(const char *boxes, const char *word, struct box area)
{
    struct box b;
    if (!box_of(boxes, word, &b))
        fail_msg("\"%s\" isn't on the page", word);
    if (b.left < area.left * MM - TOLERANCE || b.right > area.right * MM + TOLERANCE ||
        b.top < area.top * MM - TOLERANCE || b.bottom > area.bottom * MM + TOLERANCE)
        fail_msg("\"%s\" is at %.1f %.1f to %.1f %.1f mm", word, b.left / MM, b.top / MM,
                 b.right / MM, b.bottom / MM);
}

static const struct box window = {20, 45, 105, 90};
static const struct box address_zone = {20, 62.7, 105, 90};
static const struct box return_zone = {20, 45, 105, 62.7};
static const struct box text_area = {25, 98.4, 190, 279};

static void test_everything_is_on_one_page_of_a4(void **state)
{
    struct fixture *f = *state;
    struct letter l = letter();

    for (enum letter_kind kind = 0; kind < LETTER_KINDS; kind++) {
        for (enum letter_language language = 0; language < LETTER_LANGUAGES; language++) {
            l.kind = kind;
            l.language = language;
            snprintf(l.password, sizeof l.password, "%s", kind == LETTER_PUK ? "" : PASSWORD);
            snprintf(l.puk, sizeof l.puk, "%s", kind == LETTER_PASSWORD ? "" : PUK);
            snprintf(l.last_day, sizeof l.last_day, "%s", kind == LETTER_PUK ? "" : "2026-12-28");
            assert_int_equal(render(f, &l), 0);
            expect(ask(f, "pdfinfo", ""), "Pages:           1\n");
            expect(f->output, "595.276 x 841.89 pts (A4)");
            text_of(f);
            assert_true(!strstr(f->output, PASSWORD) == (kind == LETTER_PUK));
            assert_true(!strstr(f->output, PUK) == (kind == LETTER_PASSWORD));
            expect(f->output, l.login);
            expect(f->output, l.job);
        }
    }
}

static void test_address_of_six_lines_lies_in_the_window(void **state)
{
    struct fixture *f = *state;
    struct letter l = letter();
    const char *const words[] = {"Firma1", "Abteilung2", "Frau3", "Straße4", "54321", "FRANKREICH"};

    strcpy(l.address,
           "Firma1 x\nAbteilung2 x\nFrau3 Erika Beispiel\nStraße4 1\n54321 Ort\nFRANKREICH");
    assert_int_equal(render(f, &l), 0);
    const char *boxes = ask(f, "pdftotext -bbox", "-");
    for (size_t i = 0; i < ELEMENTS(words); i++)
        expect_within(boxes, words[i], address_zone);
    expect_within(boxes, "Versicherung", (struct box){25, 10, 120, 40}); /* the letterhead's */
    expect_within(boxes, "·", return_zone);
}

/* Nothing else may be seen through the window: above all no code. */
static void test_window_shows_nothing_but_addresses(void **state)
{
    struct fixture *f = *state;
    struct letter l = letter();

    strcpy(l.address, "ADDRESS\nADDRESS\nADDRESS\nADDRESS\nADDRESS\nADDRESS");
    assert_int_equal(render(f, &l), 0);
    const char *boxes = ask(f, "pdftotext -bbox", "-");
    for (const char *at = boxes; (at = strstr(at, "<word ")); at++) {
        struct box b;
        char word[128] = "";
        assert_int_equal(
            sscanf(at, "<word xMin=\"%lf\" yMin=\"%lf\" xMax=\"%lf\" yMax=\"%lf\">%127[^<]",
                   &b.left, &b.top, &b.right, &b.bottom, word),
            5);
        if (b.right < window.left * MM || b.left > window.right * MM ||
            b.bottom < window.top * MM || b.top > window.bottom * MM)
            continue;
        if (strcmp(word, "ADDRESS") != 0 && b.bottom > return_zone.bottom * MM + TOLERANCE)
            fail_msg("\"%s\" shows in the window", word);
    }
}

static void test_long_address_is_set_smaller_until_it_fits(void **state)
{
    struct fixture *f = *state;
    struct letter l = letter();

    strcpy(l.address, "Wolfeschlegelsteinhausenbergerdorff-Oberhofen\nWeg 1\n12345 Ort");
    assert_int_equal(render(f, &l), 0);
    expect_within(ask(f, "pdftotext -bbox", "-"), "Wolfeschlegelsteinhausenbergerdorff-Oberhofen",
                  address_zone);
}

static void test_line_too_long_for_the_field_goes_on_in_the_next(void **state)
{
    struct fixture *f = *state;
    struct letter l = letter();
    const char *const words[] = {"Gesellschaft", "Altersversorgung", "Hinterbliebenen", "54321"};

    strcpy(l.address,
           "Gesellschaft zur Förderung der betrieblichen Altersversorgung und der Fürsorge "
           "für die Hinterbliebenen\nMusterstraße 1\n54321 Ort");
    assert_int_equal(render(f, &l), 0);
    const char *boxes = ask(f, "pdftotext -bbox", "-");
    for (size_t i = 0; i < ELEMENTS(words); i++)
        expect_within(boxes, words[i], address_zone);
}

static void test_address_that_does_not_fit_is_refused(void **state)
{
    struct fixture *f = *state;
    const struct {
        const char *address, *why;
    } cases[] = {
        {"Erika Beispiel\nWolfeschlegelsteinhausenbergerdorffwelchevoralternwarengewissenhaft\nOrt",
         "the postal address is too long for the address field"},
        {"1\n2\n3\n4\n5\nGesellschaft zur Förderung der betrieblichen Altersversorgung und der "
         "Fürsorge",
         "the postal address is too long for the address field"},
        {"1\n2\n3\n4\n5\n6\n7", "the postal address has more than six lines"},
        {"\n \n", "the postal address is empty"},
    };

    for (size_t i = 0; i < ELEMENTS(cases); i++) {
        struct letter l = letter();
        snprintf(l.address, sizeof l.address, "%s", cases[i].address);
        assert_int_equal(render(f, &l), -EBADMSG);
        assert_string_equal(f->why, cases[i].why);
    }
}

static void test_codes_are_whole_words_within_the_margins(void **state)
{
    struct fixture *f = *state;
    struct letter l = letter();
    struct box b;

    assert_int_equal(render(f, &l), 0);
    const char *boxes = ask(f, "pdftotext -bbox", "-");
    expect_within(boxes, PASSWORD, text_area);
    expect_within(boxes, PUK, text_area);
    assert_int_equal(box_of(boxes, PASSWORD, &b), 1);
    assert_true(b.bottom - b.top > 15); /* large */
}

static void test_last_day_is_written_out_in_the_language(void **state)
{
    struct fixture *f = *state;
    struct letter l = letter();

    assert_int_equal(render(f, &l), 0);
    expect(text_of(f), "28. Dezember 2026");
    expect(f->output, "18. November 2026");
    expect(f->output, "Guten Tag Erika Beispiel,");
    l.language = LETTER_ENGLISH;
    assert_int_equal(render(f, &l), 0);
    expect(text_of(f), "28 December 2026");
    expect(f->output, "Hello Erika Beispiel,");
    strcpy(l.last_day, "2026-02-30");
    assert_int_equal(render(f, &l), -EBADMSG);
    assert_string_equal(f->why, "the last valid day isn't a date");
}

static void test_names_of_every_script_are_whole(void **state)
{
    struct fixture *f = *state;
    static const char *const names[] = {
        "Jürgen Weiß",    "Nguyễn Thị Ánh Tuyết", "Łukasz Żółć", "Şebnem İpekçioğlu",
        "Ελένη Παπαδάκη", "Zoë Čapková Ørsted",   "Ольга Щукина"};

    for (size_t i = 0; i < ELEMENTS(names); i++) {
        struct letter l = letter();
        snprintf(l.name, sizeof l.name, "%s", names[i]);
        snprintf(l.address, sizeof l.address, "%s\nMusterstraße 1\n12345 Ort", names[i]);
        assert_int_equal(render(f, &l), 0);
        const char *text = text_of(f);
        const char *first = strstr(text, names[i]);
        if (!first || !strstr(first + 1, names[i]))
            fail_msg("%s isn't twice in:\n%s", names[i], text);
    }
}

/* U+10FFFD, private use: no font has it. */
static void test_character_that_no_font_has_is_refused(void **state)
{
    struct fixture *f = *state;
    struct letter l = letter();

    strcpy(l.name, "Erika \xf4\x8f\xbf\xbd");
    assert_int_equal(render(f, &l), -EBADMSG);
    assert_string_equal(f->why, "no installed font has U+10FFFD: correct the entry");
    l = letter();
    strcpy(l.address, "Erika \xf4\x8f\xbf\xbd\nWeg 1\n12345 Ort");
    assert_int_equal(render(f, &l), -EBADMSG);
    assert_string_equal(f->why, "no installed font has U+10FFFD: correct the entry");
}

static void test_missing_characters_are_named_with_what_to_install(void **state)
{
    static const struct {
        uint32_t characters[5];
        const char *said;
    } cases[] = {
        {{0xae40}, "no installed font has 김 (U+AE40): install fonts-noto-cjk"},
        {{0x738b, 0x738b, 0x5c0f},
         "no installed font has 王 (U+738B), 小 (U+5C0F): install fonts-noto-cjk"},
        {{0xe01}, "no installed font has ก (U+0E01): install fonts-noto-core"},
        {{0x94d}, "no installed font has U+094D: install fonts-noto-core"}, /* a mark */
        {{0x1f600}, "no installed font has 😀 (U+1F600): install fonts-symbola"},
        {{0xe000}, "no installed font has U+E000: correct the entry"},
        {{0xe01, 0xae40},
         "no installed font has ก (U+0E01), 김 (U+AE40): install fonts-noto-core and "
         "fonts-noto-cjk"},
        {{0xae40, 0xbbfc, 0xc900, 0xb098},
         "no installed font has 김 (U+AE40), 민 (U+BBFC), 준 (U+C900) and others: install "
         "fonts-noto-cjk"},
    };

    (void)state;
    for (size_t i = 0; i < ELEMENTS(cases); i++) {
        struct missing missing = {0};
        char why[LETTER_WHY_SIZE];

        for (size_t c = 0; cases[i].characters[c]; c++)
            missing_add(&missing, cases[i].characters[c]);
        missing_say(&missing, why, sizeof why);
        assert_string_equal(why, cases[i].said);
    }
}

/* They could make an address read as another one, or hide a part of it. */
static void test_character_that_steers_the_text_is_refused(void **state)
{
    struct fixture *f = *state;
    static const char *const texts[] = {"Erika \xe2\x80\xae"
                                        "dnE", /* U+202E, right to left */
                                        "Erika \xe2\x81\xa6"
                                        "End", /* U+2066, an isolate */
                                        "Erika\xe2\x80\xa8"
                                        "Beispiel",       /* U+2028, a new line */
                                        "Erika \xc2\x85", /* U+0085, a new line */
                                        "Erika \xff"};    /* not UTF-8 */

    for (size_t i = 0; i < ELEMENTS(texts); i++) {
        struct letter l = letter();
        strcpy(l.name, texts[i]);
        assert_int_equal(render(f, &l), -EBADMSG);
        assert_string_equal(f->why, "the name holds a character that can't be printed");
        l = letter();
        snprintf(l.address, sizeof l.address, "%s\n12345 Ort", texts[i]);
        assert_int_equal(render(f, &l), -EBADMSG);
        assert_string_equal(f->why, "the postal address holds a character that can't be printed");
    }
}

static void test_form_a_has_its_address_field_18_mm_higher(void **state)
{
    struct fixture *f = *state;
    struct letter l = letter();
    struct render_look form_a = look(f);
    char problem[512];
    struct box a, b;
    struct renderer *form_b = f->renderer;

    strcpy(l.address, "Erika Beispiel\nWeg 1\n54321 Ort");
    assert_int_equal(render(f, &l), 0);
    assert_int_equal(box_of(ask(f, "pdftotext -bbox", "-"), "54321", &b), 1);
    form_a.form = RENDER_FORM_A;
    assert_int_equal(renderer_open(&form_a, problem, sizeof problem, &f->renderer), 0);
    int r = render(f, &l);
    renderer_free(f->renderer);
    f->renderer = form_b;
    assert_int_equal(r, 0);
    assert_int_equal(box_of(ask(f, "pdftotext -bbox", "-"), "54321", &a), 1);
    assert_true(b.top - a.top > 17.9 * MM && b.top - a.top < 18.1 * MM);
}

/* Layouts are kept between letters: none may show what belongs to another customer. */
static void test_letter_shows_nothing_of_the_one_before(void **state)
{
    struct fixture *f = *state;
    struct letter one = letter(), other = letter();
    struct page_pdf alone = {0}, after = {0};
    struct render_look same = look(f);
    struct renderer *fresh = NULL;
    char problem[512];

    strcpy(other.name, "Jürgen Weiß");
    strcpy(other.address, "Jürgen Weiß\nWeg 1\n54321 Ort");
    strcpy(other.login, "weiss@example.org");
    strcpy(other.reference, "0B8D5-S2ZG6-VY1QT-A7K3M-9QXC2V");
    strcpy(other.password, "1111-1111-1111-1111");
    assert_int_equal(renderer_open(&same, problem, sizeof problem, &fresh), 0);
    assert_int_equal(render_letter(fresh, &other, &alone, f->why), 0);
    assert_int_equal(render_letter(f->renderer, &one, &after, f->why), 0);
    page_pdf_clear(&after);
    assert_int_equal(render_letter(f->renderer, &other, &after, f->why), 0);
    assert_int_equal(alone.size, after.size);
    assert_memory_equal(alone.data, after.data, alone.size);
    page_pdf_clear(&alone);
    page_pdf_clear(&after);
    renderer_free(fresh);
}

static void test_fonts_are_embedded_and_metadata_hold_no_secret(void **state)
{
    struct fixture *f = *state;
    struct letter l = letter();

    assert_int_equal(render(f, &l), 0);
    const char *line = strstr(ask(f, "pdffonts", ""), "\n");
    int fonts = 0;
    assert_non_null(line);
    line = strstr(line + 1, "\n"); /* two lines of heading */
    for (line++; *line; line = strchr(line, '\n') + 1, fonts++)
        assert_memory_equal(strstr(line, " yes "), " yes yes yes", 12);
    assert_true(fonts >= 2);
    const char *info = ask(f, "TZ=UTC pdfinfo", "");
    expect(info, "Title:           Ihr Zugang zum Kundenportal\n");
    expect(info, "Wed Nov 18");
    assert_null(strstr(info, "Erika"));
    assert_null(strstr(info, PUK));
}

static void test_same_letter_makes_the_same_bytes(void **state)
{
    struct fixture *f = *state;
    struct letter l = letter();
    struct page_pdf one = {0}, two = {0};

    assert_int_equal(render_letter(f->renderer, &l, &one, f->why), 0);
    sleep(1); /* its own clock isn't in it */
    assert_int_equal(render_letter(f->renderer, &l, &two, f->why), 0);
    assert_int_equal(one.size, two.size);
    assert_memory_equal(one.data, two.data, one.size);
    page_pdf_clear(&one);
    page_pdf_clear(&two);
}

static void test_longest_login_name_stays_on_the_page(void **state)
{
    struct fixture *f = *state;
    struct letter l = letter();

    memset(l.login, 'e', 64); /* 254 bytes: RFC 5321, 4.5.3.1.3 */
    strcpy(l.login + 64, "@");
    for (size_t i = 65; i < 246; i++)
        l.login[i] = i % 32 == 0 ? '.' : 'n';
    strcpy(l.login + 246, ".example");
    if (render(f, &l) < 0)
        fail_msg("%s", f->why);
    expect(ask(f, "pdfinfo", ""), "Pages:           1\n");
    expect_within(ask(f, "pdftotext -bbox", "-"), PUK, text_area);
}

static void test_text_too_long_for_a_page_is_refused(void **state)
{
    struct fixture *f = *state;
    struct letter l = letter();
    struct render_look long_look = look(f);
    char support[2001], problem[512];
    struct renderer *renderer = NULL;

    for (size_t i = 0; i < sizeof support - 1; i++)
        support[i] = i % 7 == 6 ? ' ' : 'x';
    support[sizeof support - 1] = '\0';
    long_look.support = support;
    assert_int_equal(renderer_open(&long_look, problem, sizeof problem, &renderer), 0);
    struct page_pdf pdf = {0};
    assert_int_equal(render_letter(renderer, &l, &pdf, f->why), -EBADMSG);
    assert_string_equal(f->why, "the text is too long for one page");
    assert_null(pdf.data);
    renderer_free(renderer);
}

static void test_look_that_can_not_be_had_is_refused_at_the_start(void **state)
{
    struct fixture *f = *state;
    struct render_look l = look(f);
    char problem[512];
    struct renderer *renderer = NULL;

    l.code_font = "No Such Font";
    assert_int_equal(renderer_open(&l, problem, sizeof problem, &renderer), -ENOENT);
    assert_string_equal(problem, "the font \"No Such Font\" isn't installed");
    l = look(f);
    l.colour = "blue";
    assert_int_equal(renderer_open(&l, problem, sizeof problem, &renderer), -EINVAL);
    l = look(f);
    l.return_address = "Wolfeschlegelsteinhausenbergerdorffwelchevoralternwarengewissenhaftschafer "
                       "· Musterstraße 1 · 12345 Musterstadt";
    assert_int_equal(renderer_open(&l, problem, sizeof problem, &renderer), -EINVAL);
    assert_string_equal(problem, "return_address doesn't fit into the address field");
    assert_null(renderer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_everything_is_on_one_page_of_a4),
        cmocka_unit_test(test_address_of_six_lines_lies_in_the_window),
        cmocka_unit_test(test_window_shows_nothing_but_addresses),
        cmocka_unit_test(test_long_address_is_set_smaller_until_it_fits),
        cmocka_unit_test(test_line_too_long_for_the_field_goes_on_in_the_next),
        cmocka_unit_test(test_address_that_does_not_fit_is_refused),
        cmocka_unit_test(test_codes_are_whole_words_within_the_margins),
        cmocka_unit_test(test_last_day_is_written_out_in_the_language),
        cmocka_unit_test(test_names_of_every_script_are_whole),
        cmocka_unit_test(test_character_that_no_font_has_is_refused),
        cmocka_unit_test(test_missing_characters_are_named_with_what_to_install),
        cmocka_unit_test(test_character_that_steers_the_text_is_refused),
        cmocka_unit_test(test_form_a_has_its_address_field_18_mm_higher),
        cmocka_unit_test(test_letter_shows_nothing_of_the_one_before),
        cmocka_unit_test(test_fonts_are_embedded_and_metadata_hold_no_secret),
        cmocka_unit_test(test_same_letter_makes_the_same_bytes),
        cmocka_unit_test(test_longest_login_name_stays_on_the_page),
        cmocka_unit_test(test_text_too_long_for_a_page_is_refused),
        cmocka_unit_test(test_look_that_can_not_be_had_is_refused_at_the_start),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
