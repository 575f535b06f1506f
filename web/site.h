/* What portald says of the site: company, the texts that are consented to, the numbers that pages
   name. Asked for again when it is older than SITE_SECONDS; a copy that is there goes on to be used
   while portald can't be asked; where there is none yet, portald is asked again after
   SITE_RETRY_SECONDS, and pages do without until then. */
#pragma once

#include "cleanup.h"

#define SITE_SECONDS       60
#define SITE_RETRY_SECONDS 2

struct web;
struct request;
struct site;

struct site_text {
    char *version, *text;
};
struct site_facts {
    char *company, *support;
    struct site_text privacy, terms;
    long password_least, password_most, link_hours, code_minutes, initial_days, session_seconds;
};

int site_new(struct site **ret);
struct site *site_free(struct site *site);
/* Shared with others, so not to be changed; for _cleanup_(site_facts_free_p). Returns 0 or a
   negative errno. */
int site_get(struct web *web, const struct request *request, struct site_facts **ret);
struct site_facts *site_facts_free(struct site_facts *facts);
DEFINE_CLEANUP(struct site_facts, site_facts_free)
