/* What is packed into cookies: steps, sessions, and the bytes they are made of. */
#include "config.h"

#include <errno.h>
#include <setjmp.h>
#include <sodium.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "clock.h"
#include "web/pack.h"
#include "web/step.h"
#include "web_visit.h"

#define HOST_STEP "__Host-" COOKIE_STEP

static void test_what_is_packed_is_unpacked(void **state)
{
    uint8_t data[64], blob[8], fixed[3];
    struct pack p = {.data = data, .capacity = sizeof data};
    struct unpack u = {.data = data};
    char text[8];

    (void)state;
    pack_u8(&p, 200);
    pack_u64(&p, 0x8000000000000001);
    pack_string(&p, "text");
    pack_string(&p, "");
    pack_blob(&p, "\0\1", 2);
    pack_fixed(&p, "abc", 3);
    assert_false(p.failed);
    u.size = p.size;
    assert_int_equal(unpack_u8(&u), 200);
    assert_true(unpack_u64(&u) == 0x8000000000000001);
    unpack_string(&u, text, sizeof text);
    assert_string_equal(text, "text");
    unpack_string(&u, text, sizeof text);
    assert_string_equal(text, "");
    assert_int_equal(unpack_blob(&u, blob, sizeof blob), 2);
    assert_memory_equal(blob, "\0\1", 2);
    assert_false(unpack_end(&u)); /* something is left */
    unpack_fixed(&u, fixed, sizeof fixed);
    assert_memory_equal(fixed, "abc", 3);
    assert_true(unpack_end(&u));
}

static void test_pack_that_is_full_takes_nothing_more(void **state)
{
    static const char large[UINT16_MAX + 1];
    uint8_t data[8], all[UINT16_MAX + 10];
    struct pack p = {.data = data, .capacity = sizeof data};
    struct pack room = {.data = all, .capacity = sizeof all};

    (void)state;
    pack_string(&p, "sixsix");
    assert_false(p.failed);
    pack_u8(&p, 1);
    assert_true(p.failed);
    assert_int_equal(p.size, 8);
    pack_fixed(&p, "", 0);
    assert_true(p.failed); /* it sticks */
    pack_blob(&room, large, sizeof large);
    assert_true(room.failed); /* its length would not be told */
}

static void test_unpacking_stays_within_what_is_there(void **state)
{
    static const uint8_t announces[] = {0, 5, 'a', 'b', 'c', 'd'};
    static const uint8_t has_nul[] = {0, 3, 'a', 0, 'c'};
    static const uint8_t good[] = {0, 3, 'a', 'b', 'c'};
    struct unpack u = {.data = announces, .size = sizeof announces};
    char text[8] = "before", small[3];

    (void)state;
    unpack_string(&u, text, sizeof text);
    assert_string_equal(text, "");
    assert_false(unpack_end(&u));
    assert_true(unpack_u64(&u) == 0);
    u = (struct unpack){.data = has_nul, .size = sizeof has_nul};
    unpack_string(&u, text, sizeof text);
    assert_string_equal(text, "");
    assert_false(unpack_end(&u));
    u = (struct unpack){.data = good, .size = sizeof good};
    unpack_string(&u, small, sizeof small);
    assert_false(unpack_end(&u));
    u = (struct unpack){.data = good, .size = 1};
    unpack_string(&u, text, sizeof text);
    assert_false(unpack_end(&u));
}

static struct session a_session(void)
{
    struct session s = {.started = VISIT_NOW - 60,
                        .seen = VISIT_NOW,
                        .uid = "c-0001",
                        .mail = "anna@example.org",
                        .host = "app.example.org",
                        .state = {1, 0, 2},
                        .state_size = 3};

    memset(s.id, 9, sizeof s.id);
    return s;
}

static void test_session_comes_back_whole_or_not_at_all(void **state)
{
    struct session before = a_session(), after = {0}, untouched = {0};
    uint8_t data[SESSION_PACKED + 1] = {0};
    size_t size = session_pack(&before, data);

    (void)state;
    assert_true(size > 0);
    assert_int_equal(session_unpack(data, size, &after), 0);
    assert_memory_equal(&after, &before, sizeof before);
    after = untouched;
    for (size_t shorter = 0; shorter < size; shorter++)
        assert_int_equal(session_unpack(data, shorter, &after), -EBADMSG);
    assert_int_equal(session_unpack(data, size + 1, &after), -EBADMSG);
    data[0]++; /* another version */
    assert_int_equal(session_unpack(data, size, &after), -EBADMSG);
    assert_memory_equal(&after, &untouched, sizeof after);
}

static void test_largest_session_fits(void **state)
{
    struct session most = {.state_size = SESSION_STATE}, after = {0};
    uint8_t data[SESSION_PACKED];
    size_t size;

    (void)state;
    memset(most.uid, 'u', sizeof most.uid - 1);
    memset(most.mail, 'm', sizeof most.mail - 1);
    memset(most.host, 'h', sizeof most.host - 1);
    memset(most.state, 's', sizeof most.state);
    size = session_pack(&most, data);
    assert_true(size > 0);
    assert_int_equal(session_unpack(data, size, &after), 0);
    assert_memory_equal(&after, &most, sizeof most);
}

static void save(struct visit *v, struct step *step)
{
    *step = (struct step){.kind = STEP_CODE,
                          .user = "anna@example.org",
                          .to = "/account",
                          .purpose = "mail",
                          .extra = "otpauth://x",
                          .blob = {1, 0, 3},
                          .blob_size = 3};
    assert_int_equal(step_save(&v->web, &v->response, step), 0);
    visit_keep(v, HOST_STEP);
    v->request.now = step->made;
}

static void test_step_comes_back_as_it_was_saved(void **state)
{
    struct visit *v = *state;
    struct step step, loaded = {0};

    save(v, &step);
    assert_int_equal(step_load(&v->web, &v->request, STEP_CODE, &loaded), 0);
    assert_memory_equal(&loaded, &step, sizeof step);
    v->values = 0;
    assert_int_equal(step_load(&v->web, &v->request, STEP_CODE, &loaded), -ENOENT);
}

static void test_step_serves_only_its_kind(void **state)
{
    struct visit *v = *state;
    struct step step, loaded = {.user = "untouched"};

    save(v, &step);
    for (int kind = 0; kind <= STEP_RECOVER_CODE + 1; kind++)
        if (kind != STEP_CODE)
            assert_int_equal(step_load(&v->web, &v->request, (enum step_kind)kind, &loaded),
                             -ENOENT);
    assert_string_equal(loaded.user, "untouched");
}

static void test_step_is_over_at_its_time_exactly(void **state)
{
    struct visit *v = *state;
    struct step step, loaded;

    save(v, &step);
    v->request.now = step.made + v->settings.step - 1;
    assert_int_equal(step_load(&v->web, &v->request, STEP_CODE, &loaded), 0);
    v->request.now++;
    assert_int_equal(step_load(&v->web, &v->request, STEP_CODE, &loaded), -ENOENT);
}

static void test_step_of_another_tab_is_not_taken(void **state)
{
    struct visit *v = *state;
    struct step first, second, loaded;

    save(v, &first);
    v->values = 0;
    save(v, &second);
    assert_string_not_equal(first.id, second.id);
    v->request.method = METHOD_POST;
    assert_int_equal(step_load(&v->web, &v->request, STEP_CODE, &loaded), -ENOENT);
    visit_field(&v->request.form, "step", first.id);
    assert_int_equal(step_load(&v->web, &v->request, STEP_CODE, &loaded), -ENOENT);
    visit_forget_fields(&v->request.form);
    visit_field(&v->request.form, "step", second.id);
    assert_int_equal(step_load(&v->web, &v->request, STEP_CODE, &loaded), 0);
}

static void test_largest_step_fits(void **state)
{
    struct visit *v = *state;
    struct step most = {.kind = STEP_RECOVER, .blob_size = STEP_BLOB}, loaded;

    memset(most.user, 'u', sizeof most.user - 1);
    memset(most.to, 't', sizeof most.to - 1);
    memset(most.purpose, 'p', sizeof most.purpose - 1);
    assert_int_equal(step_save(&v->web, &v->response, &most), 0);
    visit_keep(v, HOST_STEP);
    v->request.now = most.made;
    assert_int_equal(step_load(&v->web, &v->request, STEP_RECOVER, &loaded), 0);
    assert_memory_equal(&loaded, &most, sizeof most);
}

static void test_step_that_does_not_fit_is_not_half_saved(void **state)
{
    struct visit *v = *state;
    struct step most = {.kind = STEP_TOTP, .blob_size = STEP_BLOB};

    memset(most.user, 'u', sizeof most.user - 1);
    memset(most.to, 't', sizeof most.to - 1);
    memset(most.extra, 'e', sizeof most.extra - 1);
    assert_int_equal(step_save(&v->web, &v->response, &most), -EMSGSIZE);
    assert_int_equal(v->response.headers, 0);
}

static void test_step_ends_with_its_cookie(void **state)
{
    struct visit *v = *state;
    char text[VISIT_TEXT];
    struct step step;

    save(v, &step);
    step_end(&v->web, &v->response);
    assert_string_equal(visit_set_cookie(v, HOST_STEP, text, sizeof text), "");
}

#define VISIT(test) cmocka_unit_test_setup_teardown(test, visit_make, visit_unmake)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_packed_is_unpacked),
        cmocka_unit_test(test_pack_that_is_full_takes_nothing_more),
        cmocka_unit_test(test_unpacking_stays_within_what_is_there),
        cmocka_unit_test(test_session_comes_back_whole_or_not_at_all),
        cmocka_unit_test(test_largest_session_fits),
        VISIT(test_step_comes_back_as_it_was_saved),
        VISIT(test_step_serves_only_its_kind),
        VISIT(test_step_is_over_at_its_time_exactly),
        VISIT(test_step_of_another_tab_is_not_taken),
        VISIT(test_largest_step_fits),
        VISIT(test_step_that_does_not_fit_is_not_half_saved),
        VISIT(test_step_ends_with_its_cookie),
    };

    return sodium_init() < 0 ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
