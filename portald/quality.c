/* Guessable passwords; quality_check() is the way in. */
#include "config.h"

#include "quality.h"

#include "guess.h"

#include "cleanup.h"

#include <errno.h>
#include <pthread.h>
#include <pwquality.h>
#include <stdio.h>

#define PRICE_LEAST  285 /* tenths of a bit (guess.h): two words of a dictionary, hardly more */
#define PHRASE_WORDS 3   /* from so many words on … */
#define LONG_LEAST   20  /* … or so many characters only our own check counts */
#define LENGTH_LEAST 6   /* libpwquality's own least */
#define FILES_MOST   32

/* Nobody has this in a dictionary: whoever finds it there has none. */
#define IN_NO_DICTIONARY "vK7#xQ2mLw9zRt"

/* What this very service makes people think of. */
#define FAMILY                                                                                     \
    "passwort password passwd pass kennwort losungswort portal kundenportal webportal konto "      \
    "kundenkonto account login logon anmeldung anmelden zugang zugangsdaten passphrase geheim "    \
    "geheimnis geheimwort secret pin code kunde kundin kundennummer customer user benutzer "       \
    "versicherung versicherungen versicherungsnummer police insurance policy admin administrator"

struct quality {
    struct words *words;
    pthread_mutex_t lock; /* libpwquality crashes where two threads are in it */
    pwquality_settings_t *settings;
};

static void words_free_p(struct words **words)
{
    words_free(*words);
}

static int add_files(struct words *words, const char *files, enum word_kind kind, char *problem,
                     size_t size)
{
    _cleanup_free_ char *list = strdup(files);
    char *rest = NULL;
    int r = list ? 0 : -ENOMEM, count = 0;

    for (char *file = list ? strtok_r(list, " \t", &rest) : NULL; r == 0 && file;
         file = strtok_r(NULL, " \t", &rest)) {
        r = ++count > FILES_MOST ? -E2BIG : words_add_file(words, file, kind);
        if (r < 0)
            snprintf(problem, size, "The list of words %s: %s", file,
                     r == -EILSEQ ? "it isn't UTF-8" : strerror(-r));
    }
    return r;
}

static int load_words(const struct quality_words *from, char *problem, size_t size,
                      struct words **ret)
{
    _cleanup_(words_free_p) struct words *words = NULL;
    int r = words_open(&words);

    if (r < 0 || (r = words_add(words, FAMILY, WORD_FAMILY)) < 0 ||
        (r = words_add(words, from->company, WORD_FAMILY)) < 0 ||
        (r = add_files(words, from->common, WORD_COMMON, problem, size)) < 0 ||
        (r = add_files(words, from->words, WORD_OTHER, problem, size)) < 0 ||
        (r = words_ready(words)) < 0) {
        if (!*problem)
            snprintf(problem, size, "The lists of words: %s", strerror(-r));
        return r;
    }
    *ret = TAKE(words);
    return 0;
}

/* No rules of composition, and no file of its own that could bring them back. */
static pwquality_settings_t *make_settings(void)
{
    static const struct {
        int setting, value;
    } values[] = {
        {PWQ_SETTING_MIN_LENGTH, LENGTH_LEAST},
        {PWQ_SETTING_DIG_CREDIT, 0},
        {PWQ_SETTING_UP_CREDIT, 0},
        {PWQ_SETTING_LOW_CREDIT, 0},
        {PWQ_SETTING_OTH_CREDIT, 0},
        {PWQ_SETTING_MIN_CLASS, 0},
        {PWQ_SETTING_MAX_REPEAT, 0},
        {PWQ_SETTING_MAX_CLASS_REPEAT, 0},
        {PWQ_SETTING_MAX_SEQUENCE, 0},
        {PWQ_SETTING_GECOS_CHECK, 0},
        {PWQ_SETTING_USER_CHECK, 0},
        {PWQ_SETTING_DICT_CHECK, 1},
    };
    pwquality_settings_t *settings = pwquality_default_settings();

    for (size_t i = 0; settings && i < ELEMENTS(values); i++)
        pwquality_set_int_value(settings, values[i].setting, values[i].value);
    return settings;
}

/* Its answer, 0 for a good password; what it would say in words is of no use to customers. */
static int ask(pwquality_settings_t *settings, const char *password)
{
    char unused[PWQ_MAX_ERROR_MESSAGE_LEN];
    void *more = NULL;
    int r = pwquality_check(settings, password, NULL, NULL, &more);

    if (r < 0)
        pwquality_strerror(unused, sizeof unused, r, more);
    return r < 0 ? r : 0;
}

/* Memory that it didn't get, or a dictionary that isn't there, is our trouble. */
static bool library_refuses(struct quality *q, const char *password)
{
    bool refuses = false;
    int r;

    pthread_mutex_lock(&q->lock);
    r = ask(q->settings, password);
    if (r == PWQ_ERROR_CRACKLIB_CHECK)
        refuses = ask(q->settings, IN_NO_DICTIONARY) == 0;
    else if (r != 0)
        refuses = r <= PWQ_ERROR_TOO_SIMILAR;
    pthread_mutex_unlock(&q->lock);
    return refuses;
}

int quality_open(const struct quality_words *words, char *problem, size_t size,
                 struct quality **ret)
{
    _cleanup_(quality_free_p) struct quality *q = calloc(1, sizeof *q);
    int r;

    *problem = 0;
    if (!q)
        return -ENOMEM;
    pthread_mutex_init(&q->lock, NULL);
    if ((r = load_words(words, problem, size, &q->words)) < 0)
        return r;
    q->settings = make_settings();
    if (!q->settings)
        return -ENOMEM;
    if (ask(q->settings, IN_NO_DICTIONARY) != 0)
        snprintf(problem, size,
                 "libpwquality finds no dictionary (package cracklib-runtime): personal passwords "
                 "are held against our own lists only");
    *ret = TAKE(q);
    return 0;
}

struct quality *quality_free(struct quality *q)
{
    if (!q)
        return NULL;
    words_free(q->words);
    if (q->settings)
        pwquality_free_settings(q->settings);
    pthread_mutex_destroy(&q->lock);
    free(q);
    return NULL;
}

/* libpwquality counts bytes, and calls neighbours in the alphabet systematic: sentences have many
   of them. So it isn't asked about phrases. */
enum account_password quality_check(struct quality *q, const char *password)
{
    struct guess guess;

    guess_price(q->words, password, &guess);
    if (guess.price < PRICE_LEAST || guess.lone_word)
        return PASSWORD_COMMON;
    if (guess.words >= PHRASE_WORDS || g_utf8_strlen(password, -1) >= LONG_LEAST)
        return PASSWORD_GOOD;
    return library_refuses(q, password) ? PASSWORD_TOO_SIMPLE : PASSWORD_GOOD;
}
