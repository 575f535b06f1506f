/* /recover/letter: a new letter, for whose initial password has expired. Answered alike for
   everybody, as a registration is. Way in: page_letter(). */
#include "config.h"

#include "page.h"

#include "details.h"
#include "visitor.h"
#include "web.h"

#include "cleanup.h"

#define PATH "/recover/letter"

static void show(struct web *web, struct request *request, struct response *response,
                 unsigned status, const struct details *details, const char *trouble)
{
    struct view *view = view_new();

    details_show(details, view);
    view_set(view, "trouble", trouble);
    page_render(web, request, response, status, "letter", view);
}

static void send(struct web *web, struct request *request, struct response *response,
                 struct details *details)
{
    _cleanup_(wire_writer_clear) struct wire_writer w = {0};
    _cleanup_(answer_clear) struct answer answer = {0};

    ask_begin(&w, request, WIRE_LETTER_WANTED);
    details_put(details, &w);
    ask_send(web, request, &w, &answer);
    if (answer.verdict == WIRE_OK) {
        response_redirect(response, PATH "/done");
        return;
    }
    show(web, request, response, page_status(answer.verdict), details,
         details_note(details, &answer) ? NULL : answer.text);
}

void page_letter(struct web *web, struct request *request, struct response *response)
{
    _cleanup_(details_clear) struct details details = {.count = DETAILS_LETTER};

    if (request->method == METHOD_POST) {
        details_read(request, NULL, DETAILS_LETTER, &details);
        if (details_good(&details))
            send(web, request, response, &details);
        else
            show(web, request, response, 400, &details, NULL);
    } else if (strcmp(request->rest, "done") == 0) {
        page_render(web, request, response, 200, "letter-done", view_new());
    } else if (*request->rest) {
        visitor_not_found(web, request, response);
    } else {
        show(web, request, response, 200, &details, NULL);
    }
}
