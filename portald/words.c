/* A set of words as sorted hashes; words_add_file() and words_find() are the ways in. */
#include "config.h"

#include "words.h"

#include "cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#define FILE_MOST    (64L * 1024 * 1024)
#define ROOM_FIRST   4096u
#define FAMILY_LEAST 4 /* letters: company names hold "the" and "und" */
#define KIND_MASK    UINT64_C(3)
#define BUCKET_BITS  16
#define BUCKETS      (1u << BUCKET_BITS)
#define BUCKET(hash) ((size_t)((hash) >> (64 - BUCKET_BITS)))

struct words {
    uint64_t *hashes; /* the kind in the lowest two bits */
    size_t count, room;
};

int words_open(struct words **ret)
{
    struct words *words = calloc(1, sizeof *words);

    if (!words)
        return -ENOMEM;
    *ret = words;
    return 0;
}

struct words *words_free(struct words *words)
{
    if (words)
        free(words->hashes);
    free(words);
    return NULL;
}

static int keep(struct words *w, uint64_t hash, enum word_kind kind)
{
    if (w->count == WORDS_MOST)
        return -E2BIG;
    if (w->count == w->room) {
        size_t room = w->room ? w->room * 2 : ROOM_FIRST;
        uint64_t *hashes = reallocarray(w->hashes, room, sizeof *hashes);
        if (!hashes)
            return -ENOMEM;
        w->hashes = hashes;
        w->room = room;
    }
    w->hashes[w->count++] = (hash & ~KIND_MASK) | kind;
    return 0;
}

/* One word, read letter by letter in both ways in which umlauts are written. */
struct word {
    uint64_t plain, german;
    size_t letters;
    bool other; /* holds what is no letter */
};

static const struct word empty = {.plain = WORD_HASH_START, .german = WORD_HASH_START};

static void word_put(struct word *word, gunichar c)
{
    gunichar parts[FOLD_PARTS];
    size_t n;

    if (c < 0x80) {
        c = (gunichar)g_ascii_tolower((char)c);
        word->plain = word_hash(word->plain, c);
        word->german = word_hash(word->german, c);
    } else {
        n = fold_char(c, false, parts);
        for (size_t i = 0; i < n; i++)
            word->plain = word_hash(word->plain, parts[i]);
        n = fold_char(c, true, parts);
        for (size_t i = 0; i < n; i++)
            word->german = word_hash(word->german, parts[i]);
    }
    word->letters++;
    if (!g_unichar_isalpha(c) && !g_unichar_ismark(c))
        word->other = true;
}

static int word_end(struct words *w, struct word *word, enum word_kind kind)
{
    struct word done = *word;
    int r;

    *word = empty;
    if (done.other || done.letters > WORD_MOST ||
        done.letters < (kind == WORD_FAMILY ? FAMILY_LEAST : WORD_LEAST))
        return 0;
    r = keep(w, done.plain, kind);
    return r < 0 || done.german == done.plain ? r : keep(w, done.german, kind);
}

int words_add(struct words *words, const char *text, enum word_kind kind)
{
    struct word word = empty;

    for (; *text; text = g_utf8_next_char(text)) {
        gunichar c = g_utf8_get_char(text);
        if (g_unichar_isalnum(c)) {
            word_put(&word, c);
            continue;
        }
        int r = word_end(words, &word, kind);
        if (r < 0)
            return r;
    }
    return word_end(words, &word, kind);
}

/* "Haus", "New York", "U-Bahn": a line is one word. "Peter's" is left out, "Peter" is there. */
static int add_lines(struct words *words, const char *text, const char *end, enum word_kind kind)
{
    struct word word = empty;

    while (text < end) {
        gunichar c = g_utf8_get_char(text);
        text = g_utf8_next_char(text);
        if (c == '#' && word.letters == 0) {
            const char *line = memchr(text, '\n', (size_t)(end - text));
            text = line ? line + 1 : end;
        } else if (c == '\n') {
            int r = word_end(words, &word, kind);
            if (r < 0)
                return r;
        } else if (c != '-' && c != ' ' && c != '\r') {
            word_put(&word, c);
        }
    }
    return word_end(words, &word, kind);
}

int words_add_file(struct words *words, const char *file, enum word_kind kind)
{
    _cleanup_close_ int fd = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    struct stat st;
    char *text;
    int r;

    if (fd < 0 || fstat(fd, &st) < 0)
        return -errno;
    if (!S_ISREG(st.st_mode))
        return S_ISDIR(st.st_mode) ? -EISDIR : -EINVAL;
    if (st.st_size == 0)
        return 0;
    if (st.st_size > FILE_MOST)
        return -EFBIG;
    text = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (text == MAP_FAILED)
        return -errno;
    r = g_utf8_validate(text, st.st_size, NULL) ? add_lines(words, text, text + st.st_size, kind)
                                                : -EILSEQ;
    munmap(text, (size_t)st.st_size);
    return r;
}

static void sort_bucket(uint64_t *hashes, size_t count)
{
    for (size_t i = 1; i < count; i++) {
        uint64_t hash = hashes[i];
        size_t j = i;
        for (; j > 0 && hashes[j - 1] > hash; j--)
            hashes[j] = hashes[j - 1];
        hashes[j] = hash;
    }
}

/* By their first bits into buckets of a few: hashes are spread evenly. */
static void sort(const uint64_t *from, size_t count, uint64_t *to, size_t *ends)
{
    size_t begin = 0;

    for (size_t i = 0; i < count; i++)
        ends[BUCKET(from[i])]++;
    for (size_t i = 0, sum = 0; i < BUCKETS; i++) {
        size_t n = ends[i];
        ends[i] = sum;
        sum += n;
    }
    for (size_t i = 0; i < count; i++)
        to[ends[BUCKET(from[i])]++] = from[i];
    for (size_t i = 0; i < BUCKETS; i++) {
        sort_bucket(to + begin, ends[i] - begin);
        begin = ends[i];
    }
}

/* Of the same word in several lists the cheapest kind stays: it comes first. */
static size_t unique(uint64_t *hashes, size_t count)
{
    size_t kept = 0;

    for (size_t i = 0; i < count; i++)
        if (kept == 0 || (hashes[i] & ~KIND_MASK) != (hashes[kept - 1] & ~KIND_MASK))
            hashes[kept++] = hashes[i];
    return kept;
}

int words_ready(struct words *words)
{
    _cleanup_free_ uint64_t *sorted = NULL;
    _cleanup_free_ size_t *ends = calloc(BUCKETS, sizeof *ends);
    uint64_t *fitting;

    if (words->count == 0)
        return 0;
    sorted = calloc(words->count, sizeof *sorted);
    if (!sorted || !ends)
        return -ENOMEM;
    sort(words->hashes, words->count, sorted, ends);
    free(words->hashes);
    words->hashes = TAKE(sorted);
    words->count = words->room = unique(words->hashes, words->count);
    fitting = reallocarray(words->hashes, words->count, sizeof *fitting);
    if (fitting)
        words->hashes = fitting;
    return 0;
}

size_t words_count(const struct words *words)
{
    return words->count;
}

enum word_kind words_find(const struct words *words, uint64_t hash)
{
    size_t low = 0, high = words->count;

    hash &= ~KIND_MASK;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if ((words->hashes[middle] & ~KIND_MASK) == hash)
            return (enum word_kind)(words->hashes[middle] & KIND_MASK);
        if (words->hashes[middle] < hash)
            low = middle + 1;
        else
            high = middle;
    }
    return WORD_NONE;
}
