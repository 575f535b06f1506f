/* Guessable passwords and good ones, with the lists that we ship, Debian's dictionaries and the
   real cracklib. What must not pass, and what must: a false refusal is a defect, too. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "portald/quality.h"

#include "cleanup.h"
#include "portald/words.h"
#include "scratch.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#define COMMON          SOURCE_DIR "/config/passwords/de.txt " SOURCE_DIR "/config/passwords/en.txt"
#define DICTIONARIES    "/usr/share/dict/ngerman /usr/share/dict/american-english"
#define RANDOM_LENGTH   12
#define RANDOM_COUNT    2000
#define UNSHARE_REFUSED 77

static struct quality *quality;

static int open_quality(void **state)
{
    const struct quality_words words = {
        .common = COMMON, .words = DICTIONARIES, .company = "Beispiel Versicherung AG"};
    char problem[256];

    (void)state;
    assert_int_equal(quality_open(&words, problem, sizeof problem, &quality), 0);
    assert_string_equal(problem, "");
    return 0;
}

static int close_quality(void **state)
{
    (void)state;
    quality = quality_free(quality);
    return 0;
}

static const char *const guessable[] = {
    /* what libpwquality alone takes */
    "Passwort1234",
    "qwertzuiopasdf",
    "Sommer2026!!",
    "P@ssw0rt12345",
    "hallohallo12",
    /* a word, a name, with something around it */
    "Weihnachten2025!",
    "Versicherung2024",
    "Krankenversicherung1",
    "Schmetterling",
    "SCHMETTERLING",
    "schm3tt3rl1ng",
    "gnilrettemhcs",
    "Rindfleisch 12",
    "Elefant739148",
    "4711 Elefant 1",
    "Elefant!!!???",
    "Deutschland54",
    "Geburtstag1985",
    "Mueller1234567",
    "MÜLLER1234567",
    "Muller!1234567",
    "Straßenbahn 12",
    "strassenbahn 12",
    "trowssaP1234",
    "monkey123456",
    "letmein12345",
    "ILoveYou2020!",
    "Abführmittel 1",
    "ABFUEHRMITTEL1",
    /* the same twice */
    "Hallo Hallo Hallo",
    "ElefantElefant",
    "elefant-Elefant",
    "Password!Password!",
    /* two that everybody thinks of */
    "Michael Schneider",
    "thomas.mueller",
    "Passwort Portal",
    "mein Passwort 7",
    "mein neues Passwort",
    "Sommer Winter 12",
    "Kennwort geheim",
    "Schalke04!!!!",
    /* the company */
    "Beispiel2026!!",
    "Beispiel Portal",
    "B3isp1el-Konto",
    /* rows and columns of keys */
    "asdfghjkl123",
    "qwertyuiop12",
    "azertyuiop12",
    "Elefant qwertz",
    "1q2w3e4r5t6z",
    "1q2w3e4r5t6z7u8i9o0p",
    "1qaz2wsx3edc",
    "1qaz2wsx3edc4rfv5tgb6yhn",
    "!QAZ2wsx#EDC",
    "qayxswedcvfr",
    "zaqwsxcderfv",
    "147258369147",
    "789456123000",
    "poiuztrewqlk",
    /* sequences, repeats, dates */
    "123456789012",
    "987654321098",
    "abcdefghijkl",
    "αβγδεζηθικλμ",
    "0123456789ab",
    "13579135791357",
    "a1b2c3d4e5f6",
    "aabbccddeeff",
    "111222333444",
    "aaaabbbbcccc",
    "abcabcabcdef",
    "äöüäöüäöüäöü",
    "日日日日日日日日日日日日",
    "24.12.1950!!!",
    "1950-12-24 50",
    "19501224 1950",
    "24/12/50 24/12/50",
};

static void test_guessable_passwords_are_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < ELEMENTS(guessable); i++)
        if (quality_check(quality, guessable[i]) == PASSWORD_GOOD)
            fail_msg("%s is taken", guessable[i]);
}

static const char *const good[] = {
    "blauer Elefant 7",
    "blauer Elefant",
    "BlauerElefant",
    "blauer Elefant im Schnee",
    "Regen auf dem Zeltdach",
    "Hund Katze Maus",
    "HundKatzeMaus",
    "Regen Teller Fahrrad",
    "grüner Tee am Morgen",
    "correct horse battery",
    "lila Wolken über Ulm",
    "drei kleine Schweine",
    "Ein Haus am See, bitte",
    "Teelöffel-Gartenzaun",
    "Kaktus#Lampe#Pfütze",
    "Peter Paula Petersilie",
    "sieben Brücken 1979",
    "Rosen sind rot, Veilchen blau",
    "unterstand offen",
    /* full of neighbours in the alphabet, which libpwquality calls systematic */
    "Die Studenten nähmen hier stets no hi de op",
    "ab cd ef gh ij kl mn op qr st",
    /* other tongues and scripts, 12 code points or more */
    "Στο βουνό χιονίζει",
    "κάτι τελείως διαφορετικό",
    "сегодня идёт дождь",
    "зелёный чай с лимоном",
    "con mèo ngủ trên mái",
    "một hai ba bốn năm sáu",
    "天地玄黄宇宙洪荒日月盈昃",
    "我喜欢在下雨天喝绿茶看书",
    "今日はとても良い天気です",
    "고양이가 지붕에서 잠을 잔다",
    "मेरी बिल्ली छत पर सोती है",
    "قطتي تنام على السطح",
    "חתול ישן על הגג",
    "çay içmek güzel",
    "żółty rower pod mostem",
    "🦊🌧🚲🎻🧦🍐🛶🕯🎈🧭🪁🥁",
    /* as programs make them */
    "kf8$jqPw2!xz",
    "Xq7Lm2Vt9RbK",
    "p4vj-k2xm-w8",
    "aeb3f90c77d2",
    "tagQhk7vvmLp",
    "Q%7fj;Lw)2aX",
};

static void test_good_passwords_are_taken(void **state)
{
    (void)state;
    for (size_t i = 0; i < ELEMENTS(good); i++)
        if (quality_check(quality, good[i]) != PASSWORD_GOOD)
            fail_msg("%s is refused: %d", good[i], quality_check(quality, good[i]));
}

/* The same ones each time: a test that fails once in a while helps nobody. */
static unsigned next(unsigned *seed)
{
    *seed = *seed * 1664525u + 1013904223u;
    return *seed >> 8;
}

static unsigned refused_of_random(const char *alphabet)
{
    char password[RANDOM_LENGTH + 1] = "";
    unsigned seed = 7, refused = 0;

    for (int i = 0; i < RANDOM_COUNT; i++) {
        for (size_t k = 0; k < RANDOM_LENGTH; k++)
            password[k] = alphabet[next(&seed) % strlen(alphabet)];
        refused += quality_check(quality, password) != PASSWORD_GOOD;
    }
    return refused;
}

static void test_twelve_random_characters_are_taken(void **state)
{
    (void)state;
    assert_int_equal(refused_of_random("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                       "0123456789!#$%&+-_?"),
                     0);
    assert_in_range(refused_of_random("abcdefghijklmnopqrstuvwxyz"), 0, RANDOM_COUNT / 500);
}

static const char *const animals[] = {"Giraffe", "Igel",  "Forelle", "Dachs",  "Uhu",   "Wal",
                                      "Kamel",   "Ziege", "Molch",   "Qualle", "Otter", "Pinguin"};
static const char *const things[] = {"Löffel",  "Tisch",  "Regenschirm", "Ast",   "Kerze",
                                     "Fenster", "Ziegel", "Suppe",       "Kragen"};

static void test_three_words_are_taken(void **state)
{
    char password[128];

    (void)state;
    for (size_t a = 0; a < ELEMENTS(animals); a++)
        for (size_t b = 0; b < ELEMENTS(things); b++) {
            snprintf(password, sizeof password, "%s %s %s", animals[a], things[b],
                     things[(a + b + 1) % ELEMENTS(things)]);
            if (b != (a + b + 1) % ELEMENTS(things) &&
                quality_check(quality, password) != PASSWORD_GOOD)
                fail_msg("%s is refused", password);
        }
}

/* A long password costs no more than it must: its end can but make it better. */
static void test_the_longest_passwords_are_judged(void **state)
{
    char password[512];

    (void)state;
    for (size_t i = 0; i < sizeof password; i++)
        password[i] = "ab"[i % 2];
    password[511] = 0;
    assert_int_equal(quality_check(quality, password), PASSWORD_COMMON);
    for (size_t i = 0; i < 511; i++)
        password[i] = (char)('!' + (i * i * 7 + i / 3) % 90);
    assert_int_equal(quality_check(quality, password), PASSWORD_GOOD);
}

static void *check_many(void *userdata)
{
    const char *const *passwords = userdata;
    bool refused = passwords == guessable;

    for (int round = 0; round < 5; round++)
        for (size_t i = 0; i < ELEMENTS(good); i++)
            if ((quality_check(quality, passwords[i]) != PASSWORD_GOOD) != refused)
                return userdata;
    return NULL;
}

/* libpwquality by itself aborts here. */
static void test_threads_may_ask_at_the_same_time(void **state)
{
    pthread_t threads[4];
    void *wrong = NULL;

    (void)state;
    for (size_t i = 0; i < ELEMENTS(threads); i++)
        assert_int_equal(
            pthread_create(&threads[i], NULL, check_many, (void *)(i % 2 ? good : guessable)), 0);
    for (size_t i = 0; i < ELEMENTS(threads); i++) {
        pthread_join(threads[i], &wrong);
        assert_null(wrong);
    }
}

static int try_lists(const char *common, const char *dictionaries, char *problem, size_t size)
{
    const struct quality_words words = {.common = common, .words = dictionaries, .company = ""};
    struct quality *q = NULL;
    int r = quality_open(&words, problem, size, &q);

    quality_free(q);
    return r;
}

static void test_a_list_that_cant_be_read_is_named(void **state)
{
    static const unsigned char latin1[] = {'M', 0xfc, 'l', 'l', 'e', 'r', '\n'};
    char problem[256] = "", file[SCRATCH_PATH_SIZE];

    assert_int_equal(try_lists("/nonexistent/list", "", problem, sizeof problem), -ENOENT);
    assert_non_null(strstr(problem, "/nonexistent/list"));
    assert_int_equal(try_lists("", "/usr/share", problem, sizeof problem), -EISDIR);
    scratch_write(scratch_path(state, "latin1", file), latin1, sizeof latin1, 0600);
    assert_int_equal(try_lists(file, "", problem, sizeof problem), -EILSEQ);
    assert_non_null(strstr(problem, "UTF-8"));
    assert_int_equal(try_lists("", "", problem, sizeof problem), 0);
}

static uint64_t hash(const char *word)
{
    uint64_t h = WORD_HASH_START;

    for (; *word; word++)
        h = word_hash(h, (gunichar)*word);
    return h;
}

static void test_lists_are_read_as_people_write_them(void **state)
{
    static const char text[] =
        "# Passage\n\nOhne Ende\r\nStraße\nMüller\nPeter's\nC3PO\nU-Bahn\nab\n"
        "Haus\nLetztes";
    static const struct {
        const char *word;
        enum word_kind kind;
    } cases[] = {
        {"passage", WORD_NONE},  {"ohneende", WORD_COMMON}, {"strasse", WORD_COMMON},
        {"muller", WORD_COMMON}, {"mueller", WORD_COMMON},  {"peters", WORD_NONE},
        {"cpo", WORD_NONE},      {"ubahn", WORD_COMMON},    {"ab", WORD_NONE},
        {"haus", WORD_FAMILY},   {"letztes", WORD_COMMON},
    };
    struct words *words = NULL;
    char file[SCRATCH_PATH_SIZE];

    scratch_write(scratch_path(state, "list", file), text, strlen(text), 0600);
    assert_int_equal(words_open(&words), 0);
    assert_int_equal(words_add_file(words, file, WORD_COMMON), 0);
    assert_int_equal(words_add(words, "Haus & Hof AG", WORD_FAMILY), 0);
    assert_int_equal(words_ready(words), 0);
    for (size_t i = 0; i < ELEMENTS(cases); i++)
        if (words_find(words, hash(cases[i].word)) != cases[i].kind)
            fail_msg("%s: %d", cases[i].word, words_find(words, hash(cases[i].word)));
    words_free(words);
}

/* In a file system of its own in which cracklib's dictionary isn't: then libpwquality says of
   everything that it is in the dictionary. */
static int ask_without_dictionary(const char *empty)
{
    static const char *const passwords[] = {"kf8$jqPw2!xz", "blauer Elefant", "Hagelkorn Fjord"};

    if (unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0)
        return UNSHARE_REFUSED;
    if (mount(empty, "/var/cache/cracklib", NULL, MS_BIND, NULL) < 0 ||
        access("/var/cache/cracklib/cracklib_dict.pwd", F_OK) == 0)
        return EXIT_FAILURE;
    for (size_t i = 0; i < ELEMENTS(passwords); i++)
        if (quality_check(quality, passwords[i]) != PASSWORD_GOOD)
            return EXIT_FAILURE;
    return quality_check(quality, "reliefpfeiler") == PASSWORD_TOO_SIMPLE &&
                   quality_check(quality, "Passwort1234") == PASSWORD_COMMON
               ? EXIT_SUCCESS
               : EXIT_FAILURE;
}

static void test_a_missing_dictionary_is_never_the_customers_fault(void **state)
{
    int status = 0;
    pid_t child = fork();

    assert_true(child >= 0);
    if (child == 0)
        _exit(ask_without_dictionary(*state));
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    if (WEXITSTATUS(status) == UNSHARE_REFUSED) {
        print_message("skipped: this system allows no user namespaces\n");
        skip();
    }
    assert_int_equal(WEXITSTATUS(status), EXIT_SUCCESS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_guessable_passwords_are_refused),
        cmocka_unit_test(test_good_passwords_are_taken),
        cmocka_unit_test(test_twelve_random_characters_are_taken),
        cmocka_unit_test(test_three_words_are_taken),
        cmocka_unit_test(test_the_longest_passwords_are_judged),
        cmocka_unit_test_setup_teardown(test_a_missing_dictionary_is_never_the_customers_fault,
                                        scratch_make, scratch_remove),
        cmocka_unit_test(test_threads_may_ask_at_the_same_time),
        cmocka_unit_test_setup_teardown(test_a_list_that_cant_be_read_is_named, scratch_make,
                                        scratch_remove),
        cmocka_unit_test_setup_teardown(test_lists_are_read_as_people_write_them, scratch_make,
                                        scratch_remove),
    };

    return cmocka_run_group_tests(tests, open_quality, close_quality);
}
