/* Where one is in a page's HTML: follows its literal text character by character, so that each
   value is escaped for the place where it stands. Stricter than browsers: what they would have to
   guess at is refused. Way in: html_feed(). */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#define HTML_NAME_MAX   24
#define HTML_PREFIX_MAX 8

enum html_place {
    HTML_TEXT,
    HTML_RCDATA,  /* within title and textarea: text without tags */
    HTML_SCRIPT,  /* within script: must stay empty */
    HTML_OPEN,    /* behind < */
    HTML_CLOSE,   /* behind </ */
    HTML_ELEMENT, /* in a tag's name */
    HTML_BETWEEN, /* in a tag, where an attribute may begin */
    HTML_AFTER,   /* in a tag, behind an attribute: a blank or the tag's end follows */
    HTML_NAME,    /* in an attribute's name */
    HTML_EQUALS,  /* behind = */
    HTML_VALUE,   /* within quotes */
    HTML_DOCTYPE,
};

enum html_kind {
    HTML_PLAIN,
    HTML_URL,
    HTML_NO_VALUES, /* an attribute that may not hold what comes from elsewhere */
    HTML_REFUSED,   /* one that isn't had at all */
};

struct html {
    enum html_place place;
    bool closing;
    char element[HTML_NAME_MAX], attribute[HTML_NAME_MAX];
    char inside[HTML_NAME_MAX]; /* title, textarea or script */
    char quote;
    enum html_kind kind;
    char prefix[HTML_PREFIX_MAX]; /* how an URL begins, as far as it was literal */
    bool begun;                   /* it has begun */
};

/* How a value is escaped. */
enum html_hole {
    HOLE_TEXT,
    HOLE_ATTRIBUTE,
    HOLE_URL,      /* a whole URL, or its beginning */
    HOLE_URL_PART, /* something behind its beginning: percent-encoded */
};

/* Takes a character. Returns NULL, or what is wrong. */
const char *html_feed(struct html *html, char c);
/* A value comes here: how it is escaped. Returns NULL, or what is wrong. */
const char *html_hole(struct html *html, enum html_hole *ret);
/* A section begins or ends here. Returns NULL, or what is wrong. */
const char *html_pause(struct html *html);
/* A section that began at before ends at *html: may it be there or not be there, once or more
   often? Returns NULL, or what is wrong. */
const char *html_join(struct html *html, const struct html *before);
