/* Patterns of keys and digits; pattern_walk() and its neighbours are the ways in. */
#include "config.h"

#include "pattern.h"

#include "cleanup.h"

#define ROWS              4
#define SEQUENCE_STEP     2 /* at most */
#define SEQUENCE_ONES     3 /* least length with steps of one */
#define SEQUENCE_TWOS     4
#define INTERLEAVED_LEAST 6
#define COPY_LEAST        3
#define YEAR_FIRST        1900
#define YEAR_LAST         2099

/* Each row without and with shift; a blank is a key that has no place in ASCII. */
static const struct board {
    const char *plain[ROWS], *shifted[ROWS];
    size_t least;
} boards[PATTERN_BOARDS] = {
    {{"1234567890", "qwertzuiop", "asdfghjkl", "yxcvbnm,.-"},
     {"!\" $%&/()=?", "", "", "       ;:_"},
     4},
    {{"1234567890-=", "qwertyuiop[]", "asdfghjkl;'", "zxcvbnm,./"},
     {"!@#$%^&*()_+", "          {}", "         :\"", "       <>?"},
     4},
    {{"&  \"'(- _  )=", "azertyuiop", "qsdfghjklm", "wxcvbn,;:!"},
     {"1234567890", "", "", "      ?./ "},
     4},
    {{"789", "456", "123", "0"}, {"", "", "", ""}, 3},
};

static bool find_key(const struct board *board, gunichar c, signed char *ret_row,
                     signed char *ret_column)
{
    if (c <= ' ' || c >= 0x7f)
        return false;
    for (int row = 0; row < ROWS; row++) {
        const char *plain = strchr(board->plain[row], (char)c),
                   *shifted = strchr(board->shifted[row], (char)c);
        if (!plain && !shifted)
            continue;
        *ret_row = (signed char)row;
        *ret_column =
            (signed char)(plain ? plain - board->plain[row] : shifted - board->shifted[row]);
        return true;
    }
    return false;
}

void pattern_keys(const gunichar *text, size_t length, struct pattern_keys *ret)
{
    for (int b = 0; b < PATTERN_BOARDS; b++)
        for (size_t i = 0; i < length; i++)
            if (!find_key(&boards[b], text[i], &ret->row[b][i], &ret->column[b][i]))
                ret->row[b][i] = -1;
}

size_t pattern_walk_least(int board)
{
    return boards[board].least;
}

struct step {
    int down, right;
};

static bool step_between(const struct pattern_keys *k, int b, size_t at, struct step *ret)
{
    if (k->row[b][at] < 0 || k->row[b][at + 1] < 0)
        return false;
    *ret =
        (struct step){k->row[b][at + 1] - k->row[b][at], k->column[b][at + 1] - k->column[b][at]};
    return abs(ret->down) <= 1 && abs(ret->right) <= 1;
}

static bool step_same(struct step a, struct step b)
{
    return a.down == b.down && a.right == b.right;
}

size_t pattern_walk(const struct pattern_keys *keys, size_t length, size_t at, int board,
                    unsigned char ret_turns[static PATTERN_TEXT_MOST + 1])
{
    struct step last = {0, 0}, before = {0, 0}, now;
    unsigned char turns = 0;
    size_t n = 1;

    for (; at + n < length && step_between(keys, board, at + n - 1, &now); n++) {
        if (n > 1 && !step_same(now, last) && (n < 3 || !step_same(now, before)))
            turns++;
        before = last;
        last = now;
        ret_turns[n + 1] = turns;
    }
    return n;
}

size_t pattern_run(const gunichar *text, size_t length, size_t at)
{
    size_t n = 1;

    while (at + n < length && text[at + n] == text[at])
        n++;
    return n > 1 ? n : 0;
}

static bool is_digit(gunichar c)
{
    return c >= '0' && c <= '9';
}

/* The step from a to b; behind 9 comes 0. */
static int sequence_step(gunichar a, gunichar b)
{
    long step = (long)b - (long)a;

    if (is_digit(a) && is_digit(b) && (step > SEQUENCE_STEP || step < -SEQUENCE_STEP))
        step += step > 0 ? -10 : 10;
    return step > SEQUENCE_STEP || step < -SEQUENCE_STEP ? 0 : (int)step;
}

size_t pattern_sequence(const gunichar *text, size_t length, size_t at)
{
    size_t n = 1;
    int step;

    if (at + 1 >= length || (!is_digit(text[at]) && !fold_letter(text[at])))
        return 0;
    step = sequence_step(text[at], text[at + 1]);
    if (step == 0)
        return 0;
    while (at + n < length && (is_digit(text[at + n]) || fold_letter(text[at + n])) &&
           sequence_step(text[at + n - 1], text[at + n]) == step)
        n++;
    return n >= (abs(step) == 1 ? SEQUENCE_ONES : SEQUENCE_TWOS) ? n : 0;
}

size_t pattern_interleaved(const gunichar *text, size_t length, size_t at)
{
    size_t n = INTERLEAVED_LEAST;

    if (at + n > length)
        return 0;
    for (size_t i = at + 2; i < at + 4; i++) {
        int step = sequence_step(text[i - 2], text[i]);
        if (step == 0 || sequence_step(text[i], text[i + 2]) != step)
            return 0;
    }
    while (at + n < length && sequence_step(text[at + n - 2], text[at + n]) ==
                                  sequence_step(text[at + n - 4], text[at + n - 2]))
        n++;
    return n;
}

size_t pattern_copy(const gunichar *text, size_t length, size_t at)
{
    size_t longest = 0;

    for (size_t from = 0; from < at; from++) {
        size_t n = 0;
        while (at + n < length && text[from + n] == text[at + n])
            n++;
        if (n > longest)
            longest = n;
    }
    return longest >= COPY_LEAST ? longest : 0;
}

/* Up to `digits` digits; returns how many there are. */
static size_t number(const gunichar *text, size_t length, size_t at, size_t digits, int *ret)
{
    size_t n = 0;

    *ret = 0;
    while (n < digits && at + n < length && is_digit(text[at + n]))
        *ret = *ret * 10 + (int)(text[at + n++] - '0');
    return n;
}

size_t pattern_year(const gunichar *text, size_t length, size_t at)
{
    int year = 0;

    return number(text, length, at, 4, &year) == 4 && year >= YEAR_FIRST && year <= YEAR_LAST ? 4
                                                                                              : 0;
}

/* Y: four digits of a year, y: two; D and M: two, d and m: one; a dot: any one sign. */
static const char *const dates[] = {
    "D.M.Y", "M.D.Y", "Y.M.D", "D.m.Y", "d.M.Y", "d.m.Y", "m.D.Y", "D.M.y", "d.M.y",
    "D.m.y", "d.m.y", "DMY",   "MDY",   "YMD",   "DMy",   "yMD",   "D.M.",
};

static size_t date_part(const gunichar *text, size_t length, size_t at, char part)
{
    static const struct {
        char part;
        size_t digits;
        int first, last;
    } parts[] = {
        {'Y', 4, YEAR_FIRST, YEAR_LAST},
        {'y', 2, 0, 99},
        {'D', 2, 1, 31},
        {'d', 1, 1, 9},
        {'M', 2, 1, 12},
        {'m', 1, 1, 9},
    };
    int value = 0;

    if (part == '.')
        return at < length && !is_digit(text[at]) && !fold_letter(text[at]) ? 1 : 0;
    for (size_t i = 0; i < ELEMENTS(parts); i++)
        if (parts[i].part == part)
            return number(text, length, at, parts[i].digits, &value) == parts[i].digits &&
                           value >= parts[i].first && value <= parts[i].last
                       ? parts[i].digits
                       : 0;
    return 0;
}

size_t pattern_date(const gunichar *text, size_t length, size_t at)
{
    size_t longest = 0;

    for (size_t i = 0; i < ELEMENTS(dates); i++) {
        size_t n = 0;
        for (const char *p = dates[i]; *p; p++) {
            size_t more = date_part(text, length, at + n, *p);
            if (more == 0) {
                n = 0;
                break;
            }
            n += more;
        }
        if (n > longest)
            longest = n;
    }
    return longest;
}
