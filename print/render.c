/* The layout of a letter; geometry in render.h, drawing in page.h, wording in texts.h. The way in
   is render_letter(). */
#include "config.h"

#include "render.h"

#include "cleanup.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define LEFT         25.0
#define RIGHT        190.0
#define TEXT_WIDTH   (RIGHT - LEFT)
#define TEXT_TOP     98.5
#define TEXT_BOTTOM  276.0
#define FOOTER_TOP   279.5
#define HEAD_TOP     14.0
#define HEAD_LEFT    125.0
#define BORDER_POINT 0.4

#define FIELD_LEFT      25.0 /* 5 mm inside the window */
#define FIELD_WIDTH     78.0
#define RETURN_BASELINE 60.0
#define ADDRESS_TOP     62.7
#define ADDRESS_LINES   6
#define ADDRESS_PITCH   (27.3 / ADDRESS_LINES)
#define ADDRESS_RISE    0.75 /* of the pitch: the baseline within its line */
#define INFORMATION_TOP 50.0

#define BOX_PADDING    5.0
#define BOX_BAR        1.2
#define BOX_NOTE_LEFT  141.0
#define BOX_LABEL      4.2 /* heights */
#define BOX_CODE       9.2
#define BOX_GAP        2.6
#define MARK_SHORT     5.0
#define MARK_LONG      8.0
#define STEP_INDENT    7.0
#define CODE_SIZE_PT   18.0
#define VALUE_SIZE_PT  12.0
#define VALUE_SMALLEST 7.5
#define HALF_POINT     0.5

struct renderer {
    struct page_fonts *fonts;
    struct texts *texts;
    char *company, *return_address, *letterhead, *footer, *support, *portal_url, *signature;
    struct page_colour accent, tint;
};

/* One letter being laid out. */
struct sheet {
    const struct renderer *renderer;
    const struct letter *letter;
    struct page *page;
    const char *values[TEXT_VALUES];
    char last_day[64]; /* between two TEXT_KEEP */
    char reference_url[512];
    double scale; /* of the body's type and gaps: smaller where the text is long */
    double y;     /* where the body goes on */
    int error;    /* the first one sticks */
};

static const struct page_colour ink = {0.10, 0.11, 0.13};
static const struct page_colour grey = {0.36, 0.39, 0.43};
static const struct page_colour pale = {0.72, 0.74, 0.77};
static const double scales[] = {1.0, 0.95, 0.9, 0.85, 0.8};

DEFINE_CLEANUP(struct renderer, renderer_free)

struct renderer *renderer_free(struct renderer *r)
{
    if (!r)
        return NULL;
    char *strings[] = {r->company, r->return_address, r->letterhead, r->footer,
                       r->support, r->portal_url,     r->signature};
    for (size_t i = 0; i < ELEMENTS(strings); i++)
        free(strings[i]);
    page_fonts_free(r->fonts);
    texts_free(r->texts);
    free(r);
    return NULL;
}

static int colour_read(const char *text, struct page_colour *ret)
{
    unsigned red, green, blue;
    char behind;
    if (strlen(text) != 7 || sscanf(text, "#%2x%2x%2x%c", &red, &green, &blue, &behind) != 3)
        return -EINVAL;
    *ret = (struct page_colour){red / 255.0, green / 255.0, blue / 255.0};
    return 0;
}

/* Lines are configured with "|" between them. */
static char *lines_of(const char *configured)
{
    char *text = strdup(configured ? configured : "");
    char *to = text;
    for (const char *from = text; text && *from; from++) {
        if (*from != '|') {
            *to++ = *from;
            continue;
        }
        while (to > text && to[-1] == ' ')
            to--;
        *to++ = '\n';
        while (from[1] == ' ')
            from++;
    }
    if (text)
        *to = '\0';
    return text;
}

/* The largest size in steps of half a point at which every line of text fits into width; 0 for
   none. */
static double fitting_size(struct page *page, struct page_style style, double smallest,
                           double width, const char *text)
{
    for (; style.size >= smallest; style.size -= HALF_POINT)
        if (page_text_width(page, &style, text) <= width)
            return style.size;
    return 0;
}

static const struct page_style return_style = {
    .face = PAGE_BODY, .size = 7.5, .colour = {0.36, 0.39, 0.43}};

/* What is configured must fit, which is better said at the start than with each letter. */
static int look_check(struct renderer *r, char *problem, size_t size)
{
    struct page_pdf pdf = {0};
    _cleanup_(page_free_p) struct page *page = NULL;
    int error = page_open(r->fonts, "", "", "2000-01-01T00:00:00Z", &pdf, &page);
    if (error < 0)
        return error;
    double fits = fitting_size(page, return_style, 5.5, FIELD_WIDTH, r->return_address);
    page = page_free(page);
    page_pdf_clear(&pdf);
    if (fits > 0)
        return 0;
    snprintf(problem, size, "return_address doesn't fit into the address field");
    return -EINVAL;
}

int renderer_open(const struct render_look *look, char *problem, size_t size, struct renderer **ret)
{
    _cleanup_(renderer_free_p) struct renderer *r = calloc(1, sizeof *r);
    if (!r)
        return -ENOMEM;
    problem[0] = '\0';
    if (colour_read(look->colour, &r->accent) < 0) {
        snprintf(problem, size, "expected a colour such as #1f4e79 instead of \"%s\"",
                 look->colour);
        return -EINVAL;
    }
    const double share = 0.07;
    r->tint =
        (struct page_colour){1 - share * (1 - r->accent.red), 1 - share * (1 - r->accent.green),
                             1 - share * (1 - r->accent.blue)};
    int error = page_fonts_open(look->font, look->code_font, problem, size, &r->fonts);
    if (error < 0)
        return error;
    error = texts_load(look->texts, problem, size, &r->texts);
    if (error < 0)
        return error;
    r->company = strdup(look->company);
    r->return_address = strdup(look->return_address);
    r->letterhead = lines_of(look->letterhead);
    r->footer = lines_of(look->footer);
    r->support = strdup(look->support);
    r->portal_url = strdup(look->portal_url);
    r->signature = lines_of(look->signature[0] ? look->signature : look->company);
    if (!r->company || !r->return_address || !r->letterhead || !r->footer || !r->support ||
        !r->portal_url || !r->signature)
        return -ENOMEM;
    error = look_check(r, problem, size);
    if (error < 0)
        return error;
    *ret = TAKE(r);
    return 0;
}

/* A section of the wording; "" after an error, which sticks. */
static void fill(struct sheet *s, enum text_section section, char ret[static TEXT_SIZE])
{
    int r = texts_fill(s->renderer->texts, s->letter->language, s->letter->kind, section, s->values,
                       ret);
    if (r < 0) {
        ret[0] = '\0';
        if (s->error == 0)
            s->error = r;
    }
}

static void draw_marks(struct sheet *s)
{
    page_line(s->page, 4, 105, 4 + MARK_SHORT, 105, BORDER_POINT, pale);
    page_line(s->page, 4, 148.5, 4 + MARK_LONG, 148.5, BORDER_POINT, pale);
    page_line(s->page, 4, 210, 4 + MARK_SHORT, 210, BORDER_POINT, pale);
}

static void draw_head(struct sheet *s)
{
    const struct renderer *r = s->renderer;
    const struct page_style name = {.size = 19, .weight = 700, .colour = r->accent};
    const struct page_style lines = {
        .size = 8.5, .align = PAGE_RIGHT, .leading = 1.4, .colour = grey};
    page_text(s->page, &name, LEFT, HEAD_TOP, HEAD_LEFT - LEFT, r->company, true);
    page_text(s->page, &lines, HEAD_LEFT, HEAD_TOP + 1.2, RIGHT - HEAD_LEFT, r->letterhead, true);
    const struct page_style foot = {.size = 7.5, .leading = 1.4, .colour = grey};
    page_line(s->page, LEFT, FOOTER_TOP, RIGHT, FOOTER_TOP, BORDER_POINT, pale);
    page_text(s->page, &foot, LEFT, FOOTER_TOP + 1.5, TEXT_WIDTH, r->footer, true);
}

/* The address as it will stand: lines that point into the letter's own. */
struct address {
    struct {
        const char *text;
        size_t length;
    } lines[ADDRESS_LINES];
    size_t count;
};

/* Adds one line, in pieces where it is wider than the field. -E2BIG when a word is, or no line is
   left. */
static int address_add(struct page *page, const struct page_style *style, struct address *a,
                       const char *line, size_t length)
{
    while (length > 0) {
        size_t fits = page_text_fits(page, style, FIELD_WIDTH, line, length);
        if (fits == 0 || a->count == ADDRESS_LINES)
            return -E2BIG;
        a->lines[a->count].text = line;
        a->lines[a->count++].length = fits;
        line += fits;
        length -= fits;
    }
    return 0;
}

/* Empty lines are left out. */
static int address_fit(struct page *page, const struct page_style *style, const char *text,
                       struct address *a)
{
    int r = 0;
    a->count = 0;
    while (r == 0 && *text) {
        text += strspn(text, " \n");
        size_t length = strcspn(text, "\n"), end = length;
        while (end > 0 && text[end - 1] == ' ')
            end--;
        r = address_add(page, style, a, text, end);
        text += length;
    }
    return r;
}

static size_t address_count(const char *text)
{
    size_t count = 0;
    while (*text) {
        text += strspn(text, " \n");
        count += *text != '\0';
        text += strcspn(text, "\n");
    }
    return count;
}

/* Better small than broken, better broken than tiny: the largest size from 11 to 9 points at which
   each line stays one, else from 11 to 8 with long lines going on in the next. */
static int address_choose(struct page *page, const char *text, struct page_style *style,
                          struct address *a)
{
    const double largest = 11, smaller = 9, smallest = 8;
    size_t count = address_count(text);
    for (style->size = largest; style->size >= smaller; style->size -= HALF_POINT)
        if (address_fit(page, style, text, a) == 0 && a->count == count)
            return 0;
    for (style->size = largest; style->size >= smallest; style->size -= HALF_POINT)
        if (address_fit(page, style, text, a) == 0)
            return 0;
    return -E2BIG;
}

static int draw_address(struct sheet *s, char why[static LETTER_WHY_SIZE])
{
    const char *text = s->letter->address;
    struct page_style style = {.colour = ink};
    struct address a;
    char line[LETTER_ADDRESS_SIZE];
    size_t count = address_count(text);
    const char *problem = count == 0              ? "the postal address is empty"
                          : count > ADDRESS_LINES ? "the postal address has more than six lines"
                                                  : NULL;
    if (!problem && address_choose(s->page, text, &style, &a) < 0)
        problem = "the postal address is too long for the address field";
    if (problem) {
        snprintf(why, LETTER_WHY_SIZE, "%s", problem);
        return -EBADMSG;
    }
    for (size_t i = 0; i < a.count; i++) {
        snprintf(line, sizeof line, "%.*s", (int)a.lines[i].length, a.lines[i].text);
        page_line_of_text(s->page, &style, FIELD_LEFT,
                          ADDRESS_TOP + ((double)i + ADDRESS_RISE) * ADDRESS_PITCH, line);
    }
    return 0;
}

static void draw_return_address(struct sheet *s)
{
    struct page_style style = return_style;
    const char *text = s->renderer->return_address;
    style.size = fitting_size(s->page, style, 5.5, FIELD_WIDTH, text);
    page_line_of_text(s->page, &style, FIELD_LEFT, RETURN_BASELINE, text);
    page_line(s->page, FIELD_LEFT, RETURN_BASELINE + 0.9,
              FIELD_LEFT + page_text_width(s->page, &style, text), RETURN_BASELINE + 0.9,
              BORDER_POINT, pale);
}

static void draw_information(struct sheet *s)
{
    char label[TEXT_SIZE], day[CALENDAR_DAY_SIZE], said[64];
    const struct page_style small = {.size = 8, .colour = grey};
    const struct page_style value = {.size = 10, .colour = ink};
    const struct page_style number = {.face = PAGE_CODE, .size = 8.5, .colour = ink};
    double y = INFORMATION_TOP;
    calendar_day(s->letter->time, day);
    if (calendar_say_day(day, letter_language_word(s->letter->language), said, sizeof said) < 0)
        s->error = -EINVAL;
    fill(s, TEXT_DATE, label);
    y += page_text(s->page, &small, HEAD_LEFT, y, RIGHT - HEAD_LEFT, label, true) + 0.4;
    y += page_text(s->page, &value, HEAD_LEFT, y, RIGHT - HEAD_LEFT, said, true) + 2.5;
    fill(s, TEXT_NUMBER, label);
    y += page_text(s->page, &small, HEAD_LEFT, y, RIGHT - HEAD_LEFT, label, true) + 0.4;
    page_text(s->page, &number, HEAD_LEFT, y, RIGHT - HEAD_LEFT, s->letter->job, true);
}

/* One section of the body, and the gap behind it. */
static void body(struct sheet *s, enum text_section section, struct page_style style, double gap)
{
    char text[TEXT_SIZE];
    fill(s, section, text);
    style.size *= s->scale;
    s->y += page_text(s->page, &style, LEFT, s->y, TEXT_WIDTH, text, true) + gap * s->scale;
}

static const struct page_style body_style = {
    .size = 10.5, .leading = 1.36, .colour = {0.10, 0.11, 0.13}};
static const struct page_style title_style = {
    .size = 10.5, .weight = 700, .leading = 1.36, .colour = {0.10, 0.11, 0.13}};

/* One code with its label above and a note beside it. */
static void box_code(struct sheet *s, double x, enum text_section label, enum text_section note,
                     const char *code)
{
    char text[TEXT_SIZE];
    const struct page_style small = {.size = 8.5, .colour = grey};
    const struct page_style large = {
        .face = PAGE_CODE, .size = CODE_SIZE_PT, .weight = 700, .colour = ink};
    const struct page_style beside = {.size = 9, .leading = 1.35, .colour = ink};
    fill(s, label, text);
    page_text(s->page, &small, x, s->y, BOX_NOTE_LEFT - x, text, true);
    page_line_of_text(s->page, &large, x, s->y + BOX_LABEL + 6.4, code);
    fill(s, note, text);
    page_text(s->page, &beside, BOX_NOTE_LEFT, s->y + BOX_LABEL - 0.4,
              RIGHT - BOX_PADDING + 2 - BOX_NOTE_LEFT, text, true);
    s->y += BOX_LABEL + BOX_CODE;
}

static void draw_box(struct sheet *s)
{
    const struct letter *l = s->letter;
    const double x = LEFT + BOX_PADDING, width = TEXT_WIDTH - 2 * BOX_PADDING;
    const struct page_style small = {.size = 8.5, .colour = grey};
    struct page_style value = {.size = VALUE_SIZE_PT, .weight = 600, .colour = ink};
    char text[TEXT_SIZE];
    double fits = fitting_size(s->page, value, VALUE_SMALLEST, width, l->login);
    value.size = fits > 0 ? fits : VALUE_SMALLEST; /* and then it wraps */
    double login = page_text(s->page, &value, x, s->y, width, l->login, false);
    int codes = (l->password[0] != '\0') + (l->puk[0] != '\0');
    double height =
        2 * BOX_PADDING - 2 + BOX_LABEL + login + codes * (BOX_GAP + BOX_LABEL + BOX_CODE);
    page_box(s->page, LEFT, s->y, TEXT_WIDTH, height, s->renderer->tint);
    page_box(s->page, LEFT, s->y, BOX_BAR, height, s->renderer->accent);
    double bottom = s->y + height;
    s->y += BOX_PADDING - 1;
    fill(s, TEXT_LOGIN, text);
    page_text(s->page, &small, x, s->y, width, text, true);
    page_text(s->page, &value, x, s->y + BOX_LABEL, width, l->login, true);
    s->y += BOX_LABEL + login;
    if (l->password[0]) {
        s->y += BOX_GAP;
        box_code(s, x, TEXT_PASSWORD, TEXT_PASSWORD_NOTE, l->password);
    }
    if (l->puk[0]) {
        s->y += BOX_GAP;
        box_code(s, x, TEXT_PUK, TEXT_PUK_NOTE, l->puk);
    }
    s->y = bottom;
}

static void draw_steps(struct sheet *s)
{
    char text[TEXT_SIZE], number[12];
    struct page_style style = body_style, figure = title_style;
    style.size *= s->scale;
    figure.size *= s->scale;
    figure.colour = s->renderer->accent;
    fill(s, TEXT_STEPS, text);
    int n = 0;
    char *save = NULL;
    for (char *step = strtok_r(text, "\n", &save); step; step = strtok_r(NULL, "\n", &save)) {
        snprintf(number, sizeof number, "%d.", ++n);
        page_text(s->page, &figure, LEFT, s->y, STEP_INDENT, number, true);
        s->y += page_text(s->page, &style, LEFT + STEP_INDENT, s->y, TEXT_WIDTH - STEP_INDENT, step,
                          true) +
                0.8 * s->scale;
    }
    s->y += 2.6 * s->scale;
}

static void draw_body(struct sheet *s)
{
    struct page_style subject = {.size = 13, .weight = 700, .colour = s->renderer->accent};
    struct page_style note = body_style, url = body_style;
    note.size = 9.5;
    url.face = PAGE_CODE;
    url.size = 9.5 * s->scale;
    s->y = TEXT_TOP;
    body(s, TEXT_SUBJECT, subject, 4.5);
    body(s, TEXT_GREETING, body_style, 2.4);
    body(s, TEXT_INTRO, body_style, 4);
    draw_box(s);
    s->y += 3 * s->scale;
    note.colour = grey;
    body(s, TEXT_TYPING, note, 4);
    body(s, TEXT_STEPS_TITLE, title_style, 1);
    draw_steps(s);
    body(s, TEXT_NOT_ME_TITLE, title_style, 0.6);
    body(s, TEXT_NOT_ME, body_style, 0.8);
    s->y +=
        page_text(s->page, &url, LEFT, s->y, TEXT_WIDTH, s->reference_url, true) + 3.4 * s->scale;
    body(s, TEXT_QUESTIONS, body_style, 4.5);
    body(s, TEXT_CLOSING, body_style, 0);
}

static int sheet_values(struct sheet *s, char why[static LETTER_WHY_SIZE])
{
    const struct renderer *r = s->renderer;
    const struct letter *l = s->letter;
    const char *language = letter_language_word(l->language);
    char day[sizeof s->last_day - 2];
    if (l->last_day[0] && calendar_say_day(l->last_day, language, day, sizeof day) < 0) {
        snprintf(why, LETTER_WHY_SIZE, "the last valid day isn't a date");
        return -EBADMSG;
    }
    if (l->last_day[0])
        snprintf(s->last_day, sizeof s->last_day, "%c%s%c", TEXT_KEEP, day, TEXT_KEEP);
    int n = snprintf(s->reference_url, sizeof s->reference_url, "%s/not-me/%s", r->portal_url,
                     l->reference);
    if (n < 0 || (size_t)n >= sizeof s->reference_url)
        return -E2BIG;
    const char *const values[TEXT_VALUES] = {
        [VALUE_NAME] = l->name,
        [VALUE_COMPANY] = r->company,
        [VALUE_PORTAL_URL] = r->portal_url,
        [VALUE_LOGIN] = l->login,
        [VALUE_LAST_DAY] = l->last_day[0] ? s->last_day : NULL,
        [VALUE_SUPPORT] = r->support,
        [VALUE_REFERENCE] = l->reference,
        [VALUE_REFERENCE_URL] = s->reference_url,
        [VALUE_SIGNATURE] = r->signature,
    };
    memcpy(s->values, values, sizeof s->values);
    return 0;
}

/* Takes the marks out of a text that isn't drawn. */
static void plain(char *text)
{
    char *to = text;
    for (const char *from = text; *from; from++)
        if (*from != TEXT_BOLD && *from != TEXT_KEEP)
            *to++ = *from == '\n' ? ' ' : *from;
    *to = '\0';
}

/* Lays the whole page out at one scale. Returns -EOVERFLOW when the text needs more room. */
static int lay_out(struct sheet *s, struct page_pdf *pdf, char why[static LETTER_WHY_SIZE])
{
    char title[TEXT_SIZE], created[32];
    struct tm utc;
    if (!gmtime_r(&s->letter->time, &utc) ||
        strftime(created, sizeof created, "%Y-%m-%dT%H:%M:%SZ", &utc) == 0)
        return -EINVAL;
    fill(s, TEXT_SUBJECT, title);
    plain(title);
    _cleanup_(page_free_p) struct page *page = NULL;
    int r = page_open(s->renderer->fonts, title, s->renderer->company, created, pdf, &page);
    if (r < 0)
        return r;
    s->page = page;
    r = draw_address(s, why);
    if (r < 0)
        return r;
    draw_marks(s);
    draw_head(s);
    draw_return_address(s);
    draw_information(s);
    draw_body(s);
    if (s->error < 0)
        return s->error;
    if (s->y > TEXT_BOTTOM)
        return -EOVERFLOW;
    return page_close(page);
}

int render_letter(struct renderer *renderer, const struct letter *letter, struct page_pdf *pdf,
                  char why[static LETTER_WHY_SIZE])
{
    struct sheet s = {.renderer = renderer, .letter = letter};
    int r = sheet_values(&s, why);
    if (r < 0)
        return r;
    for (size_t i = 0; i < ELEMENTS(scales); i++) {
        s.scale = scales[i];
        r = lay_out(&s, pdf, why);
        if (r == 0)
            return 0;
        page_pdf_clear(pdf);
        if (r != -EOVERFLOW)
            break;
    }
    if (r == -EOVERFLOW)
        snprintf(why, LETTER_WHY_SIZE, "the text is too long for one page");
    else if (r == -EILSEQ)
        snprintf(why, LETTER_WHY_SIZE, "it needs a character that no installed font has");
    else if (r == -ENOENT)
        snprintf(why, LETTER_WHY_SIZE, "its wording needs a value that this letter hasn't");
    else
        return r;
    return -EBADMSG;
}
