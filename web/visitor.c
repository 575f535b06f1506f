/* Answers for visitors that aren't of one page only. */
#include "config.h"

#include "visitor.h"

#include "cleanup.h"
#include "texts.h"

#include <stdio.h>

#define STATUS_NOT_FOUND 404

void visitor_not_found(struct web *web, struct request *request, struct response *response)
{
    const char *l = request->language;

    page_message(
        web, request, response, STATUS_NOT_FOUND, text(l, N_("This page doesn't exist")),
        text(l, N_("Perhaps the address was typed wrong, or a link was cut off. If it came "
                   "with a mail, please copy the whole link from there.")),
        "/", text(l, N_("To the start")));
}

void visitor_unavailable(struct web *web, struct request *request, struct response *response)
{
    struct answer answer = {.verdict = WIRE_UNAVAILABLE};

    snprintf(answer.text, sizeof answer.text, "%s",
             text(request->language,
                  N_("This service is not available at the moment. Please try again in a few "
                     "minutes. Nothing has been lost.")));
    page_unavailable(web, request, response, &answer);
}
