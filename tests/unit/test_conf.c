/* Configuration: every value of every type, every fault with its line, and nothing cut in
   silence. */
#include "config.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "cleanup.h"
#include "conf.h"
#include "scratch.h"

struct settings {
    char *uri, *name, *key, *more_keys;
    long port, wait;
    struct conf_spans retries;
    bool tls;
    int method;
    char **domains;
};

static const char *const methods[] = {"off", "opportunistic", "required", NULL};

static const struct conf_key keys[] = {
    CONF_STRING("ldap", "uri", struct settings, uri, "ldapi:///", "one or more LDAP URIs"),
    CONF_PATH("ldap", "key", struct settings, key, "", "an absolute path or credential:NAME"),
    CONF_PATHS("ldap", "more_keys", struct settings, more_keys, "", "absolute paths"),
    {"ldap", "name", CONF_TYPE_STRING, offsetof(struct settings, name), "portal", 0, 8, NULL,
     "a name of at most 8 bytes"},
    CONF_NUMBER("mail", "port", struct settings, port, "25", 1, 65535, "a number from 1 to 65535"),
    CONF_SPAN("mail", "wait", struct settings, wait, "15min", 1, 86400, "a time from 1s to 1d"),
    CONF_SPANS("mail", "retries", struct settings, retries, "1min 5min 15min 1h", 1, 86400,
               "times from 1s to 1d"),
    CONF_BOOL("mail", "tls", struct settings, tls, "yes"),
    CONF_CHOICE("mail", "method", struct settings, method, "required", methods,
                "off, opportunistic or required"),
    CONF_LIST("mail", "domains", struct settings, domains, "", "domains"),
};

static void clear(struct settings *s)
{
    conf_clear(keys, ELEMENTS(keys), s);
}

/* All reports of one load, a line each: LINE: PROBLEM. */
struct reports {
    char text[8192];
    const char *file; /* told before the line, when several are read */
};

static void collect(void *userdata, const char *file, unsigned line, const char *problem)
{
    struct reports *r = userdata;
    size_t used = strlen(r->text);
    const char *name = strrchr(file, '/');

    snprintf(r->text + used, sizeof r->text - used, "%s%s%u: %s\n",
             r->file ? (name ? name + 1 : file) : "", r->file ? ":" : "", line, problem);
}

static int load(const char *text, size_t size, struct settings *s, struct reports *r)
{
    memset(r, 0, sizeof *r);
    return conf_load_buffer("test.conf", text, size, keys, ELEMENTS(keys), s, collect, r);
}

/* Loads text, which has exactly these faults; "" for none. */
static void assert_faults(const char *text, size_t size, const char *faults)
{
    _cleanup_(clear) struct settings s = {0};
    struct reports r;
    int result = load(text, size, &s, &r);

    assert_string_equal(r.text, faults);
    assert_int_equal(result, *faults ? -EINVAL : 0);
}

static void test_defaults_are_there_when_nothing_is_given(void **state)
{
    _cleanup_(clear) struct settings s = {0};
    struct reports r;

    (void)state;
    assert_int_equal(load("", 0, &s, &r), 0);
    assert_string_equal(s.uri, "ldapi:///");
    assert_null(s.key);
    assert_int_equal(s.port, 25);
    assert_int_equal(s.wait, 900);
    assert_int_equal(s.retries.count, 4);
    assert_int_equal(s.retries.seconds[3], 3600);
    assert_true(s.tls);
    assert_int_equal(s.method, 2);
    assert_non_null(s.domains);
    assert_null(s.domains[0]);
}

static void test_every_type_is_read(void **state)
{
    static const char text[] = "# comment\n"
                               "; comment\n"
                               "\n"
                               "[ldap]\n"
                               "uri = ldaps://a.example.org ldaps://b.example.org \n"
                               "key=/etc/portal/ldap.key\n"
                               "  name : a;b#c\n"
                               "[mail]\r\n"
                               "port = 587\r\n"
                               "wait = 1h 30min\r\n"
                               "retries = 1min,5min,  1h30min , 1 d\r\n"
                               "tls = Off\r\n"
                               "method = opportunistic\r\n"
                               "domains = a.example b.example\r\n"
                               "domains =\tc.example";
    _cleanup_(clear) struct settings s = {0};
    struct reports r;

    (void)state;
    assert_int_equal(load(text, strlen(text), &s, &r), 0);
    assert_string_equal(r.text, "");
    assert_string_equal(s.uri, "ldaps://a.example.org ldaps://b.example.org");
    assert_string_equal(s.key, "/etc/portal/ldap.key");
    assert_string_equal(s.name, "a;b#c");
    assert_int_equal(s.port, 587);
    assert_int_equal(s.wait, 5400);
    assert_int_equal(s.retries.count, 4);
    assert_int_equal(s.retries.seconds[1], 300);
    assert_int_equal(s.retries.seconds[2], 5400);
    assert_int_equal(s.retries.seconds[3], 86400);
    assert_false(s.tls);
    assert_int_equal(s.method, 1);
    assert_string_equal(s.domains[0], "a.example");
    assert_string_equal(s.domains[2], "c.example");
    assert_null(s.domains[3]);
}

static const struct {
    const char *text, *faults;
} values[] = {
    {"[mail]\nport = 1\n", ""},
    {"[mail]\nport = 65535\n", ""},
    {"[mail]\nport = 0\n", "2: [mail] port = 0: expected a number from 1 to 65535\n"},
    {"[mail]\nport = 65536\n", "2: [mail] port = 65536: expected a number from 1 to 65535\n"},
    {"[mail]\nport = -1\n", "2: [mail] port = -1: expected a number from 1 to 65535\n"},
    {"[mail]\nport = 25x\n", "2: [mail] port = 25x: expected a number from 1 to 65535\n"},
    {"[mail]\nport = 0x19\n", "2: [mail] port = 0x19: expected a number from 1 to 65535\n"},
    {"[mail]\nport =\n", "2: [mail] port = : expected a number from 1 to 65535\n"},
    {"[mail]\nport = 99999999999999999999\n",
     "2: [mail] port = 99999999999999999999: expected a number from 1 to 65535\n"},
    {"[mail]\nwait = 1d\n", ""},
    {"[mail]\nwait = 23h 59min 60s\n", ""},
    {"[mail]\nwait = 86401s\n", "2: [mail] wait = 86401s: expected a time from 1s to 1d\n"},
    {"[mail]\nwait = 0\n", "2: [mail] wait = 0: expected a time from 1s to 1d\n"},
    {"[mail]\nwait = 30\n", "2: [mail] wait = 30: expected a time from 1s to 1d\n"},
    {"[mail]\nwait = 5 minutes\n", "2: [mail] wait = 5 minutes: expected a time from 1s to 1d\n"},
    {"[mail]\nwait = 1h, 5min\n", "2: [mail] wait = 1h, 5min: expected a time from 1s to 1d\n"},
    {"[mail]\nwait = -1s\n", "2: [mail] wait = -1s: expected a time from 1s to 1d\n"},
    {"[mail]\nwait = 9223372036854775807d\n",
     "2: [mail] wait = 9223372036854775807d: expected a time from 1s to 1d\n"},
    {"[mail]\nwait =\n", "2: [mail] wait = : expected a time from 1s to 1d\n"},
    {"[mail]\nretries =\n", ""},
    {"[mail]\nretries = 1min 2x\n", "2: [mail] retries = 1min 2x: expected times from 1s to 1d\n"},
    {"[mail]\nretries = 1min/2h\n", "2: [mail] retries = 1min/2h: expected times from 1s to 1d\n"},
    {"[mail]\nretries = 1min 2d\n", "2: [mail] retries = 1min 2d: expected times from 1s to 1d\n"},
    {"[mail]\ntls = TRUE\n", ""},
    {"[mail]\ntls = 0\n", ""},
    {"[mail]\ntls = maybe\n", "2: [mail] tls = maybe: expected yes or no\n"},
    {"[mail]\ntls =\n", "2: [mail] tls = : expected yes or no\n"},
    {"[mail]\nmethod = sometimes\n",
     "2: [mail] method = sometimes: expected off, opportunistic or required\n"},
    {"[ldap]\nkey = relative\n",
     "2: [ldap] key = relative: expected an absolute path or credential:NAME\n"},
    {"[ldap]\nkey = credential:../../etc/shadow\n",
     "2: [ldap] key = credential:../../etc/shadow: expected an absolute path or credential:NAME\n"},
    {"[ldap]\nkey = credential:\n",
     "2: [ldap] key = credential:: expected an absolute path or credential:NAME\n"},
    {"[ldap]\nmore_keys = /a relative /b\n",
     "2: [ldap] more_keys = /a relative /b: expected absolute paths\n"},
    {"[ldap]\nmore_keys = /a credential:../b\n",
     "2: [ldap] more_keys = /a credential:../b: expected absolute paths\n"},
    {"[ldap]\nname = 12345678\n", ""},
    {"[ldap]\nname = 123456789\n",
     "2: [ldap] name = 123456789: expected a name of at most 8 bytes\n"},
};

static void test_a_value_is_what_was_expected_or_an_error(void **state)
{
    (void)state;
    for (size_t i = 0; i < ELEMENTS(values); i++)
        assert_faults(values[i].text, strlen(values[i].text), values[i].faults);
}

static void test_all_faults_are_told_each_with_its_line(void **state)
{
    static const char text[] = "orphan = 1\n"
                               "[ldap]\n"
                               "uri = ldapi:///\n"
                               "  URI = x\n"
                               "nonsense\n"
                               "= x\n"
                               "[mial]\n"
                               "anything = goes unmentioned\n"
                               "[mail] x\n"
                               "[mail\n"
                               "[]\n"
                               "[mail]\n"
                               "port = 25\n"
                               "\n"
                               "port = 26\n"
                               "tls = perhaps";

    (void)state;
    assert_faults(text, strlen(text),
                  "1: orphan: expected a [section] first\n"
                  "4: [ldap] has no key URI: expected one of uri, key, more_keys, name\n"
                  "5: nonsense: expected [section], key = value, or a comment\n"
                  "6: = x: expected [section], key = value, or a comment\n"
                  "7: no section [mial]: expected one of ldap, mail\n"
                  "9: [mail] x: expected [section] and nothing else\n"
                  "10: [mail: expected [section] and nothing else\n"
                  "11: no section []: expected one of ldap, mail\n"
                  "15: [mail] port was given in line 13 already: expected it once\n"
                  "16: [mail] tls = perhaps: expected yes or no\n");
}

static void test_a_line_of_1000_bytes_is_read_whole_and_one_of_1001_refused(void **state)
{
    char text[2000] = "[ldap]\nuri = ";
    size_t before = strlen(text), longest = before + CONF_LINE_MAX - strlen("uri = ");
    _cleanup_(clear) struct settings s = {0};
    struct reports r;

    (void)state;
    memset(text + before, 'x', CONF_LINE_MAX);
    assert_int_equal(load(text, longest, &s, &r), 0);
    assert_int_equal(strlen(s.uri), CONF_LINE_MAX - strlen("uri = "));
    assert_int_equal(strspn(s.uri, "x"), strlen(s.uri));
    assert_faults(text, longest + 1, "2: the line has 1001 bytes: expected at most 1000\n");
    /* Its tail is no key of the next line either. */
    strcpy(text + longest + 1, "\nport = 1\n");
    assert_faults(text, strlen(text),
                  "2: the line has 1001 bytes: expected at most 1000\n"
                  "3: [ldap] has no key port: expected one of uri, key, more_keys, name\n");
}

/* inih alone would take the first 49 characters for the whole. */
static void test_long_names_are_not_cut(void **state)
{
#define FIFTY "aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeee"
    static const char text[] = "[" FIFTY "]\nx = 1\n[ldap]\n" FIFTY FIFTY FIFTY " = 1\n";
    static const struct conf_key cut[] = {{"aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeee", "x",
                                           CONF_TYPE_BOOL, 0, "no", 0, 0, NULL, "yes or no"}};
    struct reports r = {0};
    bool x = false;

    (void)state;
    assert_faults(text, strlen(text),
                  "1: no section [" FIFTY "]: expected one of ldap, mail\n"
                  "4: [ldap] has no key " FIFTY FIFTY
                  ": expected one of uri, key, more_keys, name\n");
    assert_int_equal(
        conf_load_buffer("test.conf", text, strcspn(text, "\n") + 7, cut, 1, &x, collect, &r),
        -EINVAL);
    assert_false(x);
}

/* inih alone would cut the value there. */
static void test_a_comment_behind_a_value_is_an_error(void **state)
{
    (void)state;
    assert_faults(
        "[ldap]\nuri = a ; b\n", 19,
        "2: uri = a ; b: expected a comment on a line of its own, and no blank before ;\n");
    assert_faults("[ldap]\nuri = a\t; b\n", 19,
                  "2: uri = a\t; b: expected a comment on a line of its own, and no blank before "
                  ";\n");
    assert_faults("[ldap]\nuri ; = a\n", 17,
                  "2: uri ; = a: expected a comment on a line of its own, and no blank before ;\n");
}

static void test_control_characters_and_nul_are_refused(void **state)
{
    (void)state;
    assert_faults("[ldap]\nuri = a\0b\n", 17,
                  "2: byte 8 is 0x00: expected text without control characters\n");
    assert_faults("[ldap]\nuri = a\x1b[0m\n", 19,
                  "2: byte 8 is 0x1b: expected text without control characters\n");
    assert_faults("[ldap]\nuri = a\rb\n", 17,
                  "2: byte 8 is 0x0d: expected text without control characters\n");
    assert_faults("[ldap]\n\0\n[mail]\n", 16,
                  "2: byte 1 is 0x00: expected text without control characters\n");
}

/* inih alone would take the second line for more of the first. */
static void test_an_indented_line_is_a_line(void **state)
{
    _cleanup_(clear) struct settings s = {0};
    static const char text[] = "[mail]\nmethod = off\n  port = 26\n";
    struct reports r;

    (void)state;
    assert_int_equal(load(text, strlen(text), &s, &r), 0);
    assert_int_equal(s.method, 0);
    assert_int_equal(s.port, 26);
}

static void test_a_byte_order_mark_is_passed_over(void **state)
{
    (void)state;
    assert_faults("\xef\xbb\xbf[mail]\nport = 26\n", 20, "");
    assert_faults("\xef\xbb\xbf\xef\xbb\xbf[mail]\n", 13,
                  "1: \xef\xbb\xbf[mail]: expected [section], key = value, or a comment\n");
}

static void test_a_key_without_default_must_be_given(void **state)
{
    static const struct conf_key needed[] = {
        CONF_STRING("ldap", "uri", struct settings, uri, NULL, "one or more LDAP URIs")};
    _cleanup_(clear) struct settings s = {0};
    struct reports r = {0};

    (void)state;
    assert_int_equal(conf_load_buffer("t", "[ldap]\n", 7, needed, 1, &s, collect, &r), -EINVAL);
    assert_string_equal(r.text, "0: [ldap] uri is missing: expected one or more LDAP URIs\n");
    assert_int_equal(conf_load_buffer("t", "[ldap]\nuri=x", 12, needed, 1, &s, collect, &r), 0);
}

static void test_credentials_come_from_systemds_directory(void **state)
{
    static const char text[] = "[ldap]\nkey = credential:ldap\n";
    _cleanup_(clear) struct settings s = {0};
    struct reports r;

    (void)state;
    assert_int_equal(unsetenv("CREDENTIALS_DIRECTORY"), 0);
    assert_faults(text, strlen(text),
                  "2: [ldap] key = credential:ldap: expected CREDENTIALS_DIRECTORY to be set, as "
                  "systemd does\n");
    assert_int_equal(setenv("CREDENTIALS_DIRECTORY", "/run/credentials/portald.service", 1), 0);
    assert_int_equal(load(text, strlen(text), &s, &r), 0);
    assert_string_equal(s.key, "/run/credentials/portald.service/ldap");
    assert_int_equal(unsetenv("CREDENTIALS_DIRECTORY"), 0);
}

static void test_several_paths_are_resolved_each(void **state)
{
    static const char text[] =
        "[ldap]\nmore_keys = credential:new  /etc/portal/old.key\tcredential:x";
    static const char none[] = "[ldap]\nmore_keys =";
    struct settings s = {0};
    struct reports r;

    (void)state;
    assert_int_equal(setenv("CREDENTIALS_DIRECTORY", "/run/c", 1), 0);
    assert_int_equal(load(text, strlen(text), &s, &r), 0);
    assert_string_equal(s.more_keys, "/run/c/new /etc/portal/old.key /run/c/x");
    clear(&s);
    assert_int_equal(load(none, strlen(none), &s, &r), 0);
    assert_null(s.more_keys);
    clear(&s);
    assert_int_equal(unsetenv("CREDENTIALS_DIRECTORY"), 0);
}

static void put(void **state, const char *name, const char *text)
{
    char path[SCRATCH_PATH_SIZE];

    scratch_write(scratch_path(state, name, path), text, strlen(text), 0644);
}

static int load_files(void **state, struct settings *s, struct reports *r)
{
    char path[SCRATCH_PATH_SIZE];

    *r = (struct reports){.file = ""};
    return conf_load(scratch_path(state, "p.conf", path), keys, ELEMENTS(keys), s, collect, r);
}

static void make_drop_in_directory(void **state)
{
    char path[SCRATCH_PATH_SIZE];

    assert_int_equal(mkdir(scratch_path(state, "p.conf.d", path), 0755), 0);
}

static void test_drop_ins_follow_in_the_order_of_their_names(void **state)
{
    _cleanup_(clear) struct settings s = {0};
    struct reports r;

    make_drop_in_directory(state);
    put(state, "p.conf", "[mail]\nport = 1\ndomains = a\ndomains = b\n[ldap]\nuri = main\n");
    put(state, "p.conf.d/10-x.conf", "[mail]\nport = 2\ndomains = c\ndomains = d\n");
    put(state, "p.conf.d/9-y.conf", "[mail]\nport = 3\n"); /* sorts behind 10 */
    put(state, "p.conf.d/A.conf", "[ldap]\nname = upper\n");
    put(state, "p.conf.d/a.conf", "[ldap]\nname = lower\n");
    put(state, "p.conf.d/z.conf.bak", "nonsense");
    put(state, "p.conf.d/.z.conf", "nonsense");
    put(state, "p.conf.d/.conf", "nonsense");
    assert_int_equal(load_files(state, &s, &r), 0);
    assert_string_equal(r.text, "");
    assert_int_equal(s.port, 3);
    assert_string_equal(s.uri, "main");
    assert_string_equal(s.name, "lower");
    assert_string_equal(s.domains[0], "c"); /* the list was replaced as a whole */
    assert_string_equal(s.domains[1], "d");
    assert_null(s.domains[2]);
}

static void test_faults_of_all_files_are_told(void **state)
{
    _cleanup_(clear) struct settings s = {0};
    struct reports r;

    make_drop_in_directory(state);
    put(state, "p.conf", "[mail]\nport = 0\n");
    put(state, "p.conf.d/a.conf", "\n[mail]\nprot = 1\n");
    put(state, "p.conf.d/b.conf", "[mail]\nport = x\n");
    assert_int_equal(load_files(state, &s, &r), -EINVAL);
    assert_string_equal(
        r.text,
        "p.conf:2: [mail] port = 0: expected a number from 1 to 65535\n"
        "a.conf:3: [mail] has no key prot: expected one of port, wait, retries, tls, method, "
        "domains\n"
        "b.conf:2: [mail] port = x: expected a number from 1 to 65535\n");
}

static void test_what_is_no_regular_file_is_an_error(void **state)
{
    _cleanup_(clear) struct settings s = {0}, t = {0};
    char path[SCRATCH_PATH_SIZE];
    struct reports r;

    assert_int_equal(load_files(state, &s, &r), -ENOENT);
    assert_int_equal(mkdir(scratch_path(state, "p.conf", path), 0755), 0);
    assert_int_equal(load_files(state, &s, &r), -EINVAL);
    assert_string_equal(r.text, "p.conf:0: Is a directory: expected a regular file that can be "
                                "read, of at most 1048576 bytes\n");
    assert_int_equal(rmdir(path), 0);
    put(state, "p.conf", "");
    make_drop_in_directory(state);
    assert_int_equal(mkfifo(scratch_path(state, "p.conf.d/a.conf", path), 0644), 0);
    assert_int_equal(symlink("nowhere", scratch_path(state, "p.conf.d/b.conf", path)), 0);
    assert_int_equal(load_files(state, &t, &r), -EINVAL);
    assert_string_equal(r.text, "a.conf:0: Invalid argument: expected a regular file that can be "
                                "read, of at most 1048576 bytes\n"
                                "b.conf:0: No such file or directory: expected a regular file that "
                                "can be read, of at most 1048576 bytes\n");
}

#define WITH_DIRECTORY(test) cmocka_unit_test_setup_teardown(test, scratch_make, scratch_remove)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults_are_there_when_nothing_is_given),
        cmocka_unit_test(test_every_type_is_read),
        cmocka_unit_test(test_a_value_is_what_was_expected_or_an_error),
        cmocka_unit_test(test_all_faults_are_told_each_with_its_line),
        cmocka_unit_test(test_a_line_of_1000_bytes_is_read_whole_and_one_of_1001_refused),
        cmocka_unit_test(test_long_names_are_not_cut),
        cmocka_unit_test(test_a_comment_behind_a_value_is_an_error),
        cmocka_unit_test(test_control_characters_and_nul_are_refused),
        cmocka_unit_test(test_an_indented_line_is_a_line),
        cmocka_unit_test(test_a_byte_order_mark_is_passed_over),
        cmocka_unit_test(test_a_key_without_default_must_be_given),
        cmocka_unit_test(test_credentials_come_from_systemds_directory),
        cmocka_unit_test(test_several_paths_are_resolved_each),
        WITH_DIRECTORY(test_drop_ins_follow_in_the_order_of_their_names),
        WITH_DIRECTORY(test_faults_of_all_files_are_told),
        WITH_DIRECTORY(test_what_is_no_regular_file_is_an_error),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
