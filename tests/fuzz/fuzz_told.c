/* What portald says in JSON, through libFuzzer: `make fuzz`. The bytes are the site's and a
   profile's: whatever comes, nothing breaks, and what is taken is whole. */
#include "config.h"

#include "web/profile.h"
#include "web/site.h"
#include "web/view-private.h"
#include "web/web.h"

#include "client.h"
#include "log.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const uint8_t *told;
static size_t told_size;
static enum wire_type told_as;

int __wrap_client_call(const struct client_target *target, const struct wire_writer *request,
                       struct client_reply *ret);
int __wrap_client_call(const struct client_target *target, const struct wire_writer *request,
                       struct client_reply *ret)
{
    struct wire_writer w = {0};
    int r;

    (void)target;
    (void)request;
    wire_begin(&w, told_as);
    if (told_as == WIRE_VERDICT)
        wire_put_u8(&w, WIRE_VERDICT_CODE, WIRE_OK);
    wire_put(&w, WIRE_JSON, told, told_size);
    r = wire_end(&w);
    if (r < 0) {
        wire_writer_clear(&w);
        return r;
    }
    ret->data = w.data;
    ret->size = w.size;
    return wire_parse(ret->data, ret->size, &ret->frame);
}

/* The pages that would be shown instead, and the client that isn't called. */
bool page_needs_session(struct web *web, struct request *request, struct response *response)
{
    (void)web;
    (void)request;
    (void)response;
    return true;
}
void page_unavailable(struct web *web, struct request *request, struct response *response,
                      const struct answer *answer)
{
    (void)web;
    (void)request;
    (void)response;
    (void)answer;
}
void session_end(struct web *web, struct request *request, struct response *response)
{
    (void)web;
    (void)request;
    (void)response;
}
void client_reply_clear(struct client_reply *reply)
{
    free(reply->data);
    *reply = (struct client_reply){0};
}

static void demand(bool what)
{
    if (!what)
        abort();
}

static void try_site(struct web *web, const struct request *request)
{
    struct site_facts *facts = NULL;

    if (site_new(&web->site) < 0)
        abort();
    told_as = WIRE_REPORT;
    if (site_get(web, request, &facts) == 0)
        demand(facts->company && facts->support && facts->privacy.version && facts->privacy.text &&
               facts->terms.version && facts->terms.text);
    else
        demand(!facts);
    site_facts_free(facts);
    web->site = site_free(web->site);
}

static void try_profile(struct web *web, struct request *request)
{
    static const char *const names[] = {"name", "mail", "state", "last_login", "password_changed"};
    struct response response = {0};
    struct profile profile = {0};
    struct view *view = view_new();

    told_as = WIRE_VERDICT;
    if (profile_get(web, request, &response, &profile)) {
        for (size_t i = 0; i < ELEMENTS(names); i++) {
            view_set(view, names[i], profile_string(&profile, names[i]));
            view_day(view, "day", "de", profile_time(&profile, names[i]));
            view_time(view, "time", "en", profile_time(&profile, names[i]));
        }
        profile_flag(&profile, "totp");
        demand(view_error(view) == 0);
    }
    profile_clear(&profile);
    view_free(view);
    response_clear(&response);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char directory[] = "/nonexistent";
    static struct settings settings = {.socket_dir = directory, .timeout = 1};
    struct web web = {.settings = &settings};
    struct request request = {.path = "/", .rest = "", .language = "en"};

    log_open("fuzz", LOG_ERR); /* what isn't text is warned of, each time */
    told = data;
    told_size = size;
    try_site(&web, &request);
    try_profile(&web, &request);
    return 0;
}
