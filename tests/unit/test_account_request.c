/* What administrators write into portalRequest: understood, put in order, answered; and what
   forgetting a person leaves. */
#include "config.h"

#include "account_fixture.h"

#define TYPED(text) ((struct entry_request){.value = (char *)(text), .length = sizeof(text) - 1})

static void assert_read(struct entry_request typed, int wish, const char *word, const char *reason)
{
    struct account_request read;

    account_read_request(&typed, &read);
    assert_int_equal(read.wish, wish);
    assert_string_equal(read.word, word);
    assert_string_equal(read.reason, reason);
}

static bool is_wish(struct entry_request typed)
{
    struct account_request read;

    account_read_request(&typed, &read);
    return !read.why;
}

static void test_words_are_understood_in_either_case_and_between_blanks(void **state)
{
    (void)state;
    assert_read(TYPED("letter"), WISH_LETTER, "letter", "");
    assert_read(TYPED("  LOCK   lost his phone "), WISH_LOCK, "lock", "lost his phone");
    assert_read(TYPED("Totp-Off"), WISH_TOTP_OFF, "totp-off", "");
    for (int w = 0; w < WISHES; w++) {
        const char *word = account_wish_word((enum account_wish)w);
        struct entry_request typed = {.value = (char *)word, .length = strlen(word)};
        assert_read(typed, w, word, "");
        assert_true(is_wish(typed));
    }
}

static void test_only_lock_and_close_take_a_reason(void **state)
{
    (void)state;
    assert_true(is_wish(TYPED("lock x")));
    assert_true(is_wish(TYPED("close x")));
    assert_false(is_wish(TYPED("unlock x")));
    assert_false(is_wish(TYPED("letter x")));
    assert_false(is_wish(TYPED("forget x")));
}

static void test_what_is_no_wish_is_told_with_all_that_are(void **state)
{
    struct account_request read;

    (void)state;
    account_read_request(&TYPED("lok"), &read);
    for (int w = 0; w < WISHES; w++)
        assert_non_null(strstr(read.why, account_wish_word((enum account_wish)w)));
    assert_false(is_wish(TYPED("")));
    assert_false(is_wish(TYPED(" ")));
    assert_false(is_wish(TYPED("lock\0x")));
    assert_false(is_wish(TYPED("loc\nk")));
    assert_read(TYPED("a\nb\0c"), WISHES, "a?b?c", "");
    assert_read(TYPED(" "), WISHES, "?", "");
    /* 30 bytes and half an umlaut: cut before it. */
    assert_read(TYPED("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\u00fc\u00fc"), WISHES,
                "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "");
}

static void test_wishes_come_in_the_order_of_the_list(void **state)
{
    struct entry_request typed[] = {TYPED("forget"), TYPED("nonsense"), TYPED("UNLOCK"),
                                    TYPED("letter"), TYPED("letter x"), TYPED("Lock x")};
    static const char *const order[] = {"Lock x", "UNLOCK", "letter", "forget", "nonsense"};
    struct entry e = {.requests = typed, .request_count = ELEMENTS(typed)};

    (void)state;
    for (size_t i = 0; i < ELEMENTS(order); i++) {
        const struct entry_request *next = account_next_request(&e);
        size_t at = (size_t)(next - typed);
        assert_string_equal(next->value, order[i]);
        memmove(typed + at, typed + at + 1, (--e.request_count - at) * sizeof *typed);
    }
    e.request_count = 0;
    assert_null(account_next_request(&e));
}

static void test_the_result_takes_exactly_the_request_away(void **state)
{
    _cleanup_(changes_clear) struct changes c = {0};
    struct entry_request typed = TYPED("LOCK  x");
    struct entry e = {.requests = &typed, .request_count = 1};

    (void)state;
    account_answer_request(&e, &typed, "lock", NULL, NOON, &c);
    assert_int_equal(c.count, 2);
    assert_int_equal(c.items[0].op, CHANGE_REMOVE);
    assert_int_equal(c.items[0].attribute, ATTRIBUTE_REQUEST);
    assert_string_equal(c.items[0].value, "LOCK  x");
    assert_int_equal(c.items[1].op, CHANGE_ADD);
    assert_int_equal(c.items[1].attribute, ATTRIBUTE_REQUEST_RESULT);
    assert_string_equal(strchr(c.items[1].value, ' '), " lock ok");
}

static void test_the_oldest_results_go(void **state)
{
    _cleanup_(changes_clear) struct changes c = {0};
    struct entry_request typed = TYPED("lock"), results[10];
    char lines[10][32];
    struct entry e = {.requests = &typed,
                      .request_count = 1,
                      .results = results,
                      .result_count = ELEMENTS(results)};

    (void)state;
    for (int i = 0; i < 10; i++) {
        snprintf(lines[i], sizeof lines[i], "202501%02d120000Z lock ok", 1 + (i * 3) % 10);
        results[i] = (struct entry_request){.value = lines[i], .length = strlen(lines[i])};
    }
    account_answer_request(&e, &typed, "lock", "why", NOON, &c);
    assert_int_equal(c.count, 5);
    for (size_t i = 1; i < 4; i++) {
        assert_int_equal(c.items[i].op, CHANGE_REMOVE);
        assert_true(strncmp(c.items[i].value, "20250104", 8) < 0);
    }
    assert_non_null(strstr(c.items[4].value, " lock failed: why"));
}

static void test_an_equal_result_of_the_same_second_isnt_added(void **state)
{
    _cleanup_(changes_clear) struct changes first = {0}, second = {0};
    struct entry_request typed = TYPED("lock"), result;
    struct entry e = {.requests = &typed, .request_count = 1};

    (void)state;
    account_answer_request(&e, &typed, "lock", NULL, NOON, &first);
    result = (struct entry_request){.value = first.items[1].value, .length = first.items[1].length};
    e.results = &result;
    e.result_count = 1;
    account_answer_request(&e, &typed, "lock", NULL, NOON, &second);
    assert_int_equal(second.count, 1);
    assert_int_equal(second.items[0].op, CHANGE_REMOVE);
}

static void test_results_fit_the_schema_however_long_the_reason(void **state)
{
    _cleanup_(changes_clear) struct changes c = {0};
    struct entry_request typed = TYPED("lock");
    struct entry e = {.requests = &typed, .request_count = 1};
    char why[1000];

    (void)state;
    memset(why, 'x', sizeof why);
    why[sizeof why - 1] = 0;
    account_answer_request(&e, &typed, "lock", why, NOON, &c);
    assert_true(c.items[1].length < 512);
}

/* Every attribute that there is now or will be: dropped, replaced, or among the few that stay. */
static void test_forgetting_leaves_nothing_but_these(void **state)
{
    static const enum attribute stay[] = {ATTRIBUTE_UID,      ATTRIBUTE_ENTRY_UUID,
                                          ATTRIBUTE_REVISION, ATTRIBUTE_CONSENT,
                                          ATTRIBUTE_REQUEST,  ATTRIBUTE_REQUEST_RESULT};
    _cleanup_(changes_clear) struct changes c = {0};
    char *others[] = {(char *)"telephoneNumber", (char *)"cn;lang-de", NULL};
    struct entry e = {.uuid = "0a1b2c3d-2222-3333-4444-555555555555",
                      .state = ACCOUNT_ACTIVE,
                      .session_epoch = 7};
    bool touched[ATTRIBUTES] = {0};

    (void)state;
    account_forget(&e, others, NULL, true, &c);
    assert_int_equal(c.error, 0);
    for (size_t i = 0; i < c.count; i++)
        if (c.items[i].op != CHANGE_CLEAR_NAMED)
            touched[c.items[i].attribute] = true;
    for (size_t i = 0; i < ELEMENTS(stay); i++) {
        assert_false(touched[stay[i]]);
        touched[stay[i]] = true;
    }
    for (enum attribute a = 0; a < ATTRIBUTES; a++)
        if (!touched[a]) /* ppolicy's own */
            assert_int_equal(strncmp(attribute_name(a), "pwd", 3), 0);
}

static void test_forgotten_is_closed_with_placeholders(void **state)
{
    static const struct {
        enum attribute attribute;
        const char *value;
    } set[] = {
        {ATTRIBUTE_CN, "forgotten"},
        {ATTRIBUTE_SN, "forgotten"},
        {ATTRIBUTE_POLICY_NUMBER, "FORGOTTEN0A1B2C3D222233334444555555555555"},
        {ATTRIBUTE_STATE, "closed"},
        {ATTRIBUTE_LOCK_REASON, "forgotten; before: provisioned"},
        {ATTRIBUTE_SESSION_EPOCH, "8"},
    };
    _cleanup_(changes_clear) struct changes c = {0};
    struct entry e = {.uuid = "0a1b2c3d-2222-3333-4444-555555555555",
                      .state = ACCOUNT_ACTIVE,
                      .session_epoch = 7};

    (void)state;
    account_forget(&e, NULL, NULL, false, &c);
    for (size_t i = 0; i < ELEMENTS(set); i++) {
        bool found = false;
        for (size_t j = 0; j < c.count; j++)
            if (c.items[j].op == CHANGE_SET && c.items[j].attribute == set[i].attribute)
                found = strcmp(c.items[j].value, set[i].value) == 0;
        assert_true(found);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_words_are_understood_in_either_case_and_between_blanks),
        cmocka_unit_test(test_only_lock_and_close_take_a_reason),
        cmocka_unit_test(test_what_is_no_wish_is_told_with_all_that_are),
        cmocka_unit_test(test_wishes_come_in_the_order_of_the_list),
        cmocka_unit_test(test_the_result_takes_exactly_the_request_away),
        cmocka_unit_test(test_the_oldest_results_go),
        cmocka_unit_test(test_an_equal_result_of_the_same_second_isnt_added),
        cmocka_unit_test(test_results_fit_the_schema_however_long_the_reason),
        cmocka_unit_test(test_forgetting_leaves_nothing_but_these),
        cmocka_unit_test(test_forgotten_is_closed_with_placeholders),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
