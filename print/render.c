/* The layout of a letter; geometry in render.h, what surrounds it in render-look.h, the address
   field in render-field.h, drawing in page.h, wording in texts.h. The way in is render_letter(). */
#include "config.h"

#include "render.h"

#include "render-field.h"
#include "render-look.h"

#include "cleanup.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define TEXT_BOTTOM 276.0

#define BOX_PADDING    5.0
#define BOX_BAR        1.2
#define BOX_NOTE_LEFT  141.0
#define BOX_LABEL      4.2 /* heights */
#define BOX_CODE       9.2
#define BOX_GAP        2.6
#define STEP_INDENT    7.0
#define CODE_SIZE_PT   18.0
#define VALUE_SIZE_PT  12.0
#define VALUE_SMALLEST 7.5
#define SIGNATURE_GAP  1.5
#define CODE_LABEL_GAP 2.4
#define CODE_GAP       6.0 /* beside the QR code, more than its quiet zone */

/* One letter being laid out. */
struct sheet {
    const struct renderer *renderer;
    const struct letter *letter;
    struct page *page;
    const char *values[TEXT_VALUES];
    char last_day[64]; /* between two TEXT_KEEP */
    char reference_url[512];
    const struct density *density;
    double y;  /* where the body goes on */
    int error; /* the first one sticks */
};

/* How close the body is set where the text is long: white goes first, then the lines move together,
   and only then the type gets smaller, which is read by old eyes. */
static const struct density {
    double type, gaps; /* to what they are otherwise */
    double leading;
} densities[] = {
    {1.0, 1.0, 1.36},  {1.0, 0.85, 1.32}, {1.0, 0.7, 1.28},  {0.97, 0.7, 1.28}, {0.95, 0.6, 1.26},
    {0.92, 0.6, 1.26}, {0.9, 0.6, 1.26},  {0.85, 0.6, 1.26}, {0.8, 0.6, 1.26},
};

/* A section of the wording; "" after an error, which sticks. Returns whether it tells nothing of
   this customer. */
static bool fill(struct sheet *s, enum text_section section, char ret[static TEXT_SIZE])
{
    int r = texts_fill(s->renderer->texts, s->letter->language, s->letter->kind, section, s->values,
                       ret);
    if (r < 0) {
        ret[0] = '\0';
        if (s->error == 0)
            s->error = r;
    }
    return !texts_is_personal(s->renderer->texts, s->letter->language, s->letter->kind, section);
}

static const struct page_style label_style = {.size = 8, .colour = {0.36, 0.39, 0.43}};
static const struct page_style body_style = {
    .size = 10.5, .leading = 1.36, .colour = {0.10, 0.11, 0.13}};
static const struct page_style title_style = {
    .size = 10.5, .weight = 700, .leading = 1.36, .colour = {0.10, 0.11, 0.13}};

static struct page_style as_dense(const struct sheet *s, struct page_style style)
{
    style.size *= s->density->type;
    if (style.leading > 0)
        style.leading = s->density->leading;
    return style;
}

/* A section of the wording there; returns its height. */
static double put(struct sheet *s, enum text_section section, struct page_style style, double x,
                  double y, double width)
{
    char text[TEXT_SIZE];
    style.kept = fill(s, section, text);
    return page_text(s->page, &style, x, y, width, text, true);
}

/* A label and what it names; returns where the next may stand. */
static double draw_labelled(struct sheet *s, double y, enum text_section section,
                            const struct page_style *style, const char *value)
{
    const double width = RENDER_RIGHT - RENDER_INFORMATION;
    y += put(s, section, label_style, RENDER_INFORMATION, y, width) + 0.4;
    return y + page_text(s->page, style, RENDER_INFORMATION, y, width, value, true) + 2.5;
}

static void draw_information(struct sheet *s)
{
    char day[CALENDAR_DAY_SIZE], said[64] = "";
    const struct page_style date = {.size = 10, .colour = render_ink, .kept = true};
    const struct page_style number = {.face = PAGE_CODE, .size = 8.5, .colour = render_ink};
    calendar_day(s->letter->time, day);
    if (calendar_say_day(day, letter_language_word(s->letter->language), said, sizeof said) < 0)
        s->error = -EINVAL;
    double y = draw_labelled(s, s->renderer->places->information, TEXT_DATE, &date, said);
    draw_labelled(s, y, TEXT_NUMBER, &number, s->letter->job);
}

static const struct page_style small_style = {.size = 9, .colour = {0.36, 0.39, 0.43}};

/* One section of the body, and the gap behind it. */
static void body(struct sheet *s, enum text_section section, struct page_style style, double width,
                 double gap)
{
    s->y += put(s, section, as_dense(s, style), RENDER_LEFT, s->y, width) + gap * s->density->gaps;
}

/* One code with its label above and a note beside it. */
static void box_code(struct sheet *s, double x, enum text_section label, enum text_section note,
                     const char *code)
{
    const struct page_style large = {.face = PAGE_CODE, .size = CODE_SIZE_PT, .colour = render_ink};
    const struct page_style beside = {.size = 10, .leading = 1.3, .colour = render_ink};
    put(s, label, small_style, x, s->y, BOX_NOTE_LEFT - x);
    page_line_of_text(s->page, &large, x, s->y + BOX_LABEL + 6.4, code);
    put(s, note, beside, BOX_NOTE_LEFT, s->y + BOX_LABEL - 0.4,
        RENDER_RIGHT - BOX_PADDING + 2 - BOX_NOTE_LEFT);
    s->y += BOX_LABEL + BOX_CODE;
}

static void draw_box(struct sheet *s)
{
    const struct letter *l = s->letter;
    const double x = RENDER_LEFT + BOX_PADDING, width = RENDER_TEXT_WIDTH - 2 * BOX_PADDING;
    struct page_style value = {.size = VALUE_SIZE_PT, .weight = 700, .colour = render_ink};
    double fits = page_fitting_size(s->page, &value, VALUE_SMALLEST, width, l->login);
    value.size = fits > 0 ? fits : VALUE_SMALLEST; /* and then it wraps */
    double login = page_text(s->page, &value, x, s->y, width, l->login, false);
    int codes = (l->password[0] != '\0') + (l->puk[0] != '\0');
    double height =
        2 * BOX_PADDING - 2 + BOX_LABEL + login + codes * (BOX_GAP + BOX_LABEL + BOX_CODE);
    page_box(s->page, RENDER_LEFT, s->y, RENDER_TEXT_WIDTH, height, s->renderer->tint);
    page_box(s->page, RENDER_LEFT, s->y, BOX_BAR, height, s->renderer->accent);
    double bottom = s->y + height;
    s->y += BOX_PADDING - 1;
    put(s, TEXT_LOGIN, small_style, x, s->y, width);
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
    struct page_style style = as_dense(s, body_style), figure = as_dense(s, title_style);
    style.kept = fill(s, TEXT_STEPS, text);
    figure.kept = true;
    figure.colour = s->renderer->accent;
    int n = 0;
    char *save = NULL;
    for (char *step = strtok_r(text, "\n", &save); step; step = strtok_r(NULL, "\n", &save)) {
        snprintf(number, sizeof number, "%d.", ++n);
        page_text(s->page, &figure, RENDER_LEFT, s->y, STEP_INDENT, number, true);
        s->y += page_text(s->page, &style, RENDER_LEFT + STEP_INDENT, s->y,
                          RENDER_TEXT_WIDTH - STEP_INDENT, step, true) +
                0.8 * s->density->gaps;
    }
    s->y += 2.6 * s->density->gaps;
}

/* The closing's first paragraph, the signature's picture, and the rest. */
static void draw_closing(struct sheet *s, double width)
{
    const struct page_picture *picture = s->renderer->signed_by;
    char text[TEXT_SIZE];
    struct page_style style = as_dense(s, body_style);
    style.kept = fill(s, TEXT_CLOSING, text);
    char *rest = picture ? strchr(text, '\n') : NULL;
    if (rest) {
        *rest++ = '\0';
        s->y += page_text(s->page, &style, RENDER_LEFT, s->y, width, text, true) + SIGNATURE_GAP;
        page_picture(s->page, picture, RENDER_LEFT, s->y);
        s->y += page_picture_height(picture) + SIGNATURE_GAP;
    }
    s->y += page_text(s->page, &style, RENDER_LEFT, s->y, width, rest ? rest : text, true);
}

/* The QR code at the right of the end, with its label below. Returns the width that it leaves. */
static double draw_code(struct sheet *s, double *ret_bottom)
{
    const double x = RENDER_RIGHT - RENDER_CODE_SIZE;
    struct page_style style = label_style;
    *ret_bottom = s->y;
    if (!s->renderer->code)
        return RENDER_TEXT_WIDTH;
    double y = s->y + 1;
    page_code(s->page, s->renderer->code, x, y, RENDER_CODE_SIZE, render_ink);
    style.align = PAGE_RIGHT;
    y += RENDER_CODE_SIZE + CODE_LABEL_GAP;
    y += put(s, TEXT_QR, style, x - CODE_GAP, y, RENDER_CODE_SIZE + CODE_GAP);
    *ret_bottom = y;
    return RENDER_TEXT_WIDTH - RENDER_CODE_SIZE - CODE_GAP;
}

static void draw_end(struct sheet *s)
{
    double bottom;
    double width = draw_code(s, &bottom);
    body(s, TEXT_QUESTIONS, body_style, width, 4);
    draw_closing(s, width);
    if (s->y < bottom)
        s->y = bottom;
}

static void draw_body(struct sheet *s)
{
    const struct page_style subject = {.size = 13, .weight = 700, .colour = s->renderer->accent};
    struct page_style note = body_style, url = as_dense(s, body_style);
    note.size = 10;
    url.face = PAGE_CODE;
    url.size = 9.5 * s->density->type;
    s->y = s->renderer->places->text;
    body(s, TEXT_SUBJECT, subject, RENDER_TEXT_WIDTH, 4.5);
    body(s, TEXT_GREETING, body_style, RENDER_TEXT_WIDTH, 2.4);
    body(s, TEXT_INTRO, body_style, RENDER_TEXT_WIDTH, 3.5);
    draw_box(s);
    s->y += 3 * s->density->gaps;
    body(s, TEXT_TYPING, note, RENDER_TEXT_WIDTH, 3.5);
    body(s, TEXT_STEPS_TITLE, title_style, RENDER_TEXT_WIDTH, 0.8);
    draw_steps(s);
    body(s, TEXT_NOT_ME_TITLE, title_style, RENDER_TEXT_WIDTH, 0.6);
    body(s, TEXT_NOT_ME, body_style, RENDER_TEXT_WIDTH, 0.8);
    s->y += page_text(s->page, &url, RENDER_LEFT, s->y, RENDER_TEXT_WIDTH, s->reference_url, true) +
            3 * s->density->gaps;
    draw_end(s);
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
        [VALUE_PORTAL_URL] = r->portal_kept,
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

static int sheet_close(struct sheet *s, struct page_pdf *pdf)
{
    char title[TEXT_SIZE], created[32];
    struct tm utc;
    if (!gmtime_r(&s->letter->time, &utc) ||
        strftime(created, sizeof created, "%Y-%m-%dT%H:%M:%SZ", &utc) == 0)
        return -EINVAL;
    fill(s, TEXT_SUBJECT, title);
    plain(title);
    const struct page_about about = {
        .title = title, .author = s->renderer->company, .created = created};
    return page_close(s->page, &about, pdf);
}

/* Lays the whole page out at one density. Returns -EOVERFLOW when the text needs more room. */
static int lay_out(struct sheet *s, struct page_pdf *pdf, char why[static LETTER_WHY_SIZE])
{
    char remark[TEXT_SIZE];
    struct page *page = s->page;
    page_empty(page);
    fill(s, TEXT_REMARK, remark);
    int r = render_field(s->renderer, page, remark, s->letter->address, why);
    if (page_misses(page, why, LETTER_WHY_SIZE)) /* which can be what makes a line too long */
        return -EBADMSG;
    if (r < 0)
        return r;
    render_frame(s->renderer, page);
    draw_information(s);
    draw_body(s);
    if (s->error < 0)
        return s->error;
    if (page_misses(page, why, LETTER_WHY_SIZE))
        return -EBADMSG;
    if (s->y > TEXT_BOTTOM)
        return -EOVERFLOW;
    return sheet_close(s, pdf);
}

/* Who steers what is written could make it read as something else, or hide a part of it. */
static int letter_check(const struct letter *l, char why[static LETTER_WHY_SIZE])
{
    const struct {
        const char *text, *problem;
    } texts[] = {
        {l->name, "the name holds a character that can't be printed"},
        {l->address, "the postal address holds a character that can't be printed"},
        {l->login, "the login name holds a character that can't be printed"},
    };
    for (size_t i = 0; i < ELEMENTS(texts); i++) {
        if (page_text_is_plain(texts[i].text))
            continue;
        snprintf(why, LETTER_WHY_SIZE, "%s", texts[i].problem);
        return -EBADMSG;
    }
    return 0;
}

int render_letter(struct renderer *renderer, const struct letter *letter, struct page_pdf *pdf,
                  char why[static LETTER_WHY_SIZE])
{
    _cleanup_(page_free_p) struct page *page = NULL;
    struct sheet s = {.renderer = renderer, .letter = letter};
    int r = letter_check(letter, why);
    if (r == 0)
        r = sheet_values(&s, why);
    if (r == 0)
        r = page_open(renderer->fonts, &page);
    if (r < 0)
        return r;
    s.page = page;
    for (size_t i = 0; i < ELEMENTS(densities); i++) {
        s.density = &densities[i];
        r = lay_out(&s, pdf, why);
        if (r == 0)
            return 0;
        if (!pdf->sheaf) /* which holds other letters */
            page_pdf_clear(pdf);
        if (r != -EOVERFLOW)
            break;
    }
    if (r == -EOVERFLOW)
        snprintf(why, LETTER_WHY_SIZE, "the text is too long for one page");
    else if (r == -ENOENT)
        snprintf(why, LETTER_WHY_SIZE, "its wording needs a value that this letter hasn't");
    else
        return r;
    return -EBADMSG;
}
