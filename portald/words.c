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
#define KIND_MASK    3u
#define BUCKET_BITS  16
#define BUCKETS      (1u << BUCKET_BITS)

/* Of a hash the first 16 bits say in which bucket it lies, the next 30 are kept, above the kind.
   Memory is mapped, not allocated: what a reload gives back has really gone. */
struct words {
    uint64_t *read; /* until words_ready() */
    size_t count, room;
    uint32_t *kept;
    uint32_t begins[BUCKETS + 1];
};

static size_t bucket(uint64_t hash)
{
    return (size_t)(hash >> (64 - BUCKET_BITS));
}

static uint32_t remainder_of(uint64_t hash)
{
    return (uint32_t)(hash >> (32 - BUCKET_BITS)) & ~KIND_MASK;
}

static void *map(size_t size)
{
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    return memory == MAP_FAILED ? NULL : memory;
}

int words_open(struct words **ret)
{
    struct words *words = map(sizeof *words);

    if (!words)
        return -ENOMEM;
    *ret = words;
    return 0;
}

static void forget_read(struct words *words)
{
    if (words->read)
        munmap(words->read, words->room * sizeof *words->read);
    words->read = NULL;
}

struct words *words_free(struct words *words)
{
    if (!words)
        return NULL;
    forget_read(words);
    if (words->kept)
        munmap(words->kept, words->room * sizeof *words->kept);
    munmap(words, sizeof *words);
    return NULL;
}

static int keep(struct words *w, uint64_t hash, enum word_kind kind)
{
    if (w->count == WORDS_MOST)
        return -E2BIG;
    if (w->count == w->room) {
        size_t size = w->room * sizeof *w->read;
        void *read = w->read ? mremap(w->read, size, size * 2, MREMAP_MAYMOVE)
                             : map(ROOM_FIRST * sizeof *w->read);
        if (!read || read == MAP_FAILED)
            return -ENOMEM;
        w->room = w->read ? w->room * 2 : ROOM_FIRST;
        w->read = read;
    }
    w->read[w->count++] = (hash & ~(uint64_t)KIND_MASK) | kind;
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

static void sort_bucket(uint32_t *kept, size_t count)
{
    for (size_t i = 1; i < count; i++) {
        uint32_t hash = kept[i];
        size_t j = i;
        for (; j > 0 && kept[j - 1] > hash; j--)
            kept[j] = kept[j - 1];
        kept[j] = hash;
    }
}

/* Into buckets of a few: hashes are spread evenly. */
static void sort(struct words *w)
{
    for (size_t i = 0; i < w->count; i++)
        w->begins[bucket(w->read[i]) + 1]++;
    for (size_t b = 0; b < BUCKETS; b++)
        w->begins[b + 1] += w->begins[b];
    for (size_t i = w->count; i-- > 0;) /* from the end of each, which moves to its beginning … */
        w->kept[--w->begins[bucket(w->read[i]) + 1]] =
            remainder_of(w->read[i]) | (uint32_t)(w->read[i] & KIND_MASK);
    for (size_t b = 0; b < BUCKETS; b++) /* … so that all stand one further behind */
        w->begins[b] = w->begins[b + 1];
    w->begins[BUCKETS] = (uint32_t)w->count;
    for (size_t b = 0; b < BUCKETS; b++)
        sort_bucket(w->kept + w->begins[b], w->begins[b + 1] - w->begins[b]);
}

/* Of the same word in several lists the cheapest kind stays: it comes first. */
static void unique(struct words *w)
{
    uint32_t count = 0;

    for (size_t b = 0; b < BUCKETS; b++) {
        uint32_t from = w->begins[b], end = w->begins[b + 1];
        w->begins[b] = count;
        for (; from < end; from++)
            if (count == w->begins[b] ||
                (w->kept[from] & ~KIND_MASK) != (w->kept[count - 1] & ~KIND_MASK))
                w->kept[count++] = w->kept[from];
    }
    w->begins[BUCKETS] = count;
    w->count = count;
}

int words_ready(struct words *words)
{
    size_t size = words->count * sizeof *words->kept;

    if (words->count == 0)
        return 0;
    words->kept = map(size);
    if (!words->kept)
        return -ENOMEM;
    sort(words);
    forget_read(words);
    words->room = words->count;
    unique(words);
    if (mremap(words->kept, size, words->count * sizeof *words->kept, 0) != words->kept)
        return -ENOMEM;
    words->room = words->count;
    return 0;
}

enum word_kind words_find(const struct words *words, uint64_t hash)
{
    uint32_t end = words->begins[bucket(hash) + 1], wanted = remainder_of(hash);

    for (uint32_t i = words->begins[bucket(hash)]; i < end; i++)
        if ((words->kept[i] & ~KIND_MASK) == wanted)
            return (enum word_kind)(words->kept[i] & KIND_MASK);
    return WORD_NONE;
}
