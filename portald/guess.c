/* The price of a guess; guess_price() is the way in. Only the first GUESS_MOST folded characters
   count: what is behind them could but raise it. */
#include "config.h"

#include "guess.h"
#include "pattern.h"

#include "cleanup.h"

#include <limits.h>

#define GUESS_MOST   PATTERN_TEXT_MOST
#define LONE_AROUND  8 /* digits and signs around a lone word that don't make it a good one */
#define LONE_LETTERS 4

#define PRICE_LETTER    45 /* any one by itself */
#define PRICE_STRANGE   60 /* … of another alphabet */
#define PRICE_SIGN      25 /* digit or sign */
#define PRICE_BLANK     10
#define PRICE_RUN       10 /* the same character again and again */
#define PRICE_WALK      60 /* along the keys … */
#define PRICE_TURN      20
#define PRICE_SEQUENCE  70
#define PRICE_TWO       90 /* sequences by turns */
#define PRICE_NEXT_LESS 30 /* right behind another such */
#define PRICE_COPY      30
#define PRICE_YEAR      65
#define PRICE_DATE      130
#define PRICE_LEET      10 /* a word with signs for letters */
#define PRICE_REVERSED  10

static const unsigned word_prices[] = {[WORD_FAMILY] = 50, [WORD_COMMON] = 100, [WORD_OTHER] = 145};

/* The cheapest way to one place in the text: behind anything, or behind a walk. */
enum { ANYTHING, WALK, WAYS };
struct way {
    unsigned price, words;
};

struct search {
    const struct words *words;
    gunichar text[GUESS_MOST];
    size_t length;
    struct pattern_keys keys;
    struct way ways[GUESS_MOST + 1][WAYS];
};

static struct way cheapest(const struct search *s, size_t at)
{
    return s->ways[at][s->ways[at][WALK].price < s->ways[at][ANYTHING].price ? WALK : ANYTHING];
}

static void reach(struct search *s, size_t to, int way, struct way from, unsigned price,
                  unsigned words)
{
    if (from.price + price < s->ways[to][way].price)
        s->ways[to][way] = (struct way){from.price + price, from.words + words};
}

/* A word of letters in either reading of its signs. */
struct reading {
    uint64_t hash[2];
    bool letter, sign;
};
static const struct reading nothing_read = {.hash = {WORD_HASH_START, WORD_HASH_START}};

static bool read_on(struct reading *r, gunichar c)
{
    gunichar first = fold_leet(c, false);

    if (!first)
        return false;
    r->hash[0] = word_hash(r->hash[0], first);
    r->hash[1] = word_hash(r->hash[1], fold_leet(c, true));
    if (first == c)
        r->letter = true;
    else
        r->sign = true;
    return true;
}

static enum word_kind known(const struct words *words, const struct reading *r)
{
    enum word_kind kind;

    if (!r->letter)
        return WORD_NONE;
    kind = words_find(words, r->hash[0]);
    return kind == WORD_NONE && r->hash[1] != r->hash[0] ? words_find(words, r->hash[1]) : kind;
}

static void reach_word(struct search *s, size_t from, size_t to, const struct reading *r,
                       unsigned extra)
{
    enum word_kind kind = to - from >= WORD_LEAST ? known(s->words, r) : WORD_NONE;

    if (kind != WORD_NONE)
        reach(s, to, ANYTHING, cheapest(s, from),
              word_prices[kind] + extra + (r->sign ? PRICE_LEET : 0), 1);
}

static void try_words(struct search *s, size_t at)
{
    struct reading r = nothing_read;

    for (size_t i = at; i < s->length && i - at < WORD_MOST && read_on(&r, s->text[i]); i++)
        reach_word(s, at, i + 1, &r, 0);
}

/* Those that end before at and are written backwards. */
static void try_reversed_words(struct search *s, size_t at)
{
    struct reading r = nothing_read;

    for (size_t i = at; i > 0 && at - i < WORD_MOST && read_on(&r, s->text[i - 1]); i--)
        reach_word(s, i - 1, at, &r, PRICE_REVERSED);
}

static unsigned character_price(gunichar c)
{
    if (c == ' ')
        return PRICE_BLANK;
    if (c >= 0x80)
        return PRICE_STRANGE;
    return g_ascii_isalpha((char)c) ? PRICE_LETTER : PRICE_SIGN;
}

static void try_row(struct search *s, size_t at, size_t length, unsigned price)
{
    if (length == 0)
        return;
    reach(s, at + length, WALK, s->ways[at][ANYTHING], price, 0);
    reach(s, at + length, WALK, s->ways[at][WALK], price - PRICE_NEXT_LESS, 0);
}

static void try_walks(struct search *s, size_t at)
{
    unsigned char turns[PATTERN_TEXT_MOST + 1];

    for (int b = 0; b < PATTERN_BOARDS; b++) {
        size_t length = pattern_walk(&s->keys, s->length, at, b, turns);
        for (size_t n = pattern_walk_least(b); n <= length; n++)
            try_row(s, at, n, PRICE_WALK + PRICE_TURN * (unsigned)turns[n]);
    }
}

static void try_patterns(struct search *s, size_t at)
{
    struct way from = cheapest(s, at);
    size_t sequence = pattern_sequence(s->text, s->length, at),
           two = pattern_interleaved(s->text, s->length, at),
           run = pattern_run(s->text, s->length, at), copy = pattern_copy(s->text, s->length, at),
           year = pattern_year(s->text, s->length, at), date = pattern_date(s->text, s->length, at);
    unsigned price = character_price(s->text[at]);

    reach(s, at + 1, ANYTHING, from, price, 0);
    if (run)
        reach(s, at + run, ANYTHING, from, price + PRICE_RUN, 0);
    for (size_t n = 3; n <= sequence; n++)
        try_row(s, at, n, PRICE_SEQUENCE);
    try_row(s, at, two, PRICE_TWO);
    for (size_t n = 3; n <= copy; n++)
        reach(s, at + n, ANYTHING, from, PRICE_COPY, 0);
    if (year)
        reach(s, at + year, ANYTHING, from, PRICE_YEAR, 0);
    if (date)
        reach(s, at + date, ANYTHING, from, PRICE_DATE, 0);
}

static bool lone_word(const struct search *s)
{
    size_t begin = 0, end = s->length;
    struct reading r = nothing_read;

    while (begin < end && !fold_letter(s->text[begin]))
        begin++;
    while (end > begin && !fold_letter(s->text[end - 1]))
        end--;
    if (end - begin < LONE_LETTERS || s->length - (end - begin) > LONE_AROUND)
        return false;
    for (size_t i = begin; i < end; i++)
        if (!read_on(&r, s->text[i]))
            return false;
    return known(s->words, &r) != WORD_NONE;
}

void guess_price(const struct words *words, const char *password, struct guess *ret)
{
    struct search s = {.words = words};
    struct way end;

    s.length = fold_text(password, false, s.text, GUESS_MOST);
    pattern_keys(s.text, s.length, &s.keys);
    for (size_t i = 0; i <= s.length; i++)
        for (int way = 0; way < WAYS; way++)
            s.ways[i][way] = (struct way){UINT_MAX / 2, 0};
    s.ways[0][ANYTHING] = (struct way){0, 0};
    for (size_t i = 0; i < s.length; i++) {
        try_reversed_words(&s, i);
        try_words(&s, i);
        try_walks(&s, i);
        try_patterns(&s, i);
    }
    try_reversed_words(&s, s.length);
    end = cheapest(&s, s.length);
    *ret = (struct guess){.price = end.price, .words = end.words, .lone_word = lone_word(&s)};
    explicit_bzero(&s, sizeof s);
}
