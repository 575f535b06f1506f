/* The place of a login. Way in: place_make(), place_login(). */
#include "config.h"

#include "pam_place.h"

#include <security/pam_appl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "cleanup.h"
#include "wire.h"

static void reply_make(const struct place_flow *flow, size_t i, struct fake_reply *ret)
{
    _cleanup_(wire_writer_clear) struct wire_writer w = {0};

    wire_begin(&w, WIRE_VERDICT);
    wire_put_u8(&w, WIRE_VERDICT_CODE, flow->replies[i].verdict);
    if (flow->replies[i].account) {
        wire_put_u8(&w, WIRE_ACCOUNT_CODE, WIRE_OK);
        wire_put_string(&w, WIRE_UID, "c-0001");
    }
    wire_put_string(&w, WIRE_GRANT, flow->replies[i].grant);
    wire_put_string(&w, WIRE_STATE, flow->replies[i].state);
    wire_put_string(&w, WIRE_URI, flow->replies[i].uri);
    assert_int_equal(wire_end(&w), 0);
    assert_true(w.size <= sizeof ret->frame);
    memcpy(ret->frame, w.data, w.size);
    ret->size = w.size;
}

void place_make(struct place *place, const char *module, const struct place_flow *flow,
                size_t logins)
{
    static const char *const types[] = {"auth", "account", "password", "session"};
    char path[128] = "/tmp/pam-process-XXXXXX";
    FILE *f;

    *place = (struct place){.flow = flow};
    assert_non_null(mkdtemp(path));
    memcpy(place->directory, path, sizeof place->directory);
    snprintf(path, sizeof path, "%s/" FAKE_SERVICE, place->directory);
    f = fopen(path, "we");
    assert_non_null(f);
    for (size_t i = 0; i < ELEMENTS(types); i++)
        fprintf(f, "%s required %s socket_dir=%s peer=%u timeout=5 %s\n", types[i], module,
                place->directory, getuid(), flow->options);
    assert_int_equal(fclose(f), 0);
    place->fake.directory = place->directory;
    assert_true(logins * flow->reply_count <= FAKE_REPLIES);
    for (; place->fake.count < logins * flow->reply_count; place->fake.count++)
        reply_make(flow, place->fake.count % flow->reply_count,
                   &place->fake.replies[place->fake.count]);
    if (logins > 0)
        fake_start(&place->fake);
    explicit_bzero(place->fake.replies, sizeof place->fake.replies);
}

int place_setup(void **state)
{
    *state = calloc(1, sizeof(struct place));
    return *state ? 0 : -1;
}

int place_teardown(void **state)
{
    _cleanup_free_ struct place *place = *state;
    _cleanup_free_ char *command = NULL;

    if (place->fake.pid)
        free(fake_stop(&place->fake));
    if (!*place->directory)
        return 0;
    if (asprintf(&command, "rm -r '%s'", place->directory) < 0)
        return -1;
    return system(command);
}

struct person {
    const struct place_flow *flow;
    size_t asked;
};

static int converse(int count, const struct pam_message **messages, struct pam_response **ret,
                    void *userdata)
{
    struct person *person = userdata;

    *ret = calloc((size_t)count, sizeof **ret);
    if (!*ret)
        return PAM_BUF_ERR;
    for (int i = 0; i < count; i++)
        if (messages[i]->msg_style == PAM_PROMPT_ECHO_OFF && person->asked < PLACE_STEPS &&
            person->flow->answers[person->asked])
            (*ret)[i].resp = strdup(person->flow->answers[person->asked++]);
    return PAM_SUCCESS;
}

void place_login(const struct place *place, int *ret_authenticate, int *ret_account)
{
    struct person person = {.flow = place->flow};
    const struct pam_conv conv = {.conv = converse, .appdata_ptr = &person};
    const void *user = NULL;
    pam_handle_t *pamh = NULL;

    if (pam_start_confdir(FAKE_SERVICE, FAKE_USER, &conv, place->directory, &pamh) != PAM_SUCCESS)
        abort();
    *ret_authenticate = pam_authenticate(pamh, 0);
    *ret_account = pam_acct_mgmt(pamh, 0);
    if (pam_get_item(pamh, PAM_USER, &user) != PAM_SUCCESS || strcmp(user, FAKE_USER) != 0)
        abort();
    pam_end(pamh, PAM_SUCCESS);
}
