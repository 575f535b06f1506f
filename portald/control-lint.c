/* `portalctl lint`: starts a look at everything, and hands out page after page of what it found. */
#include "config.h"

#include "control.h"

#include "lint.h"

#include "cleanup.h"

#include <errno.h>

/* What comes from elsewhere may be no UTF-8. */
static json_t *safe(const char *text)
{
    json_t *json = json_string(text);

    return json ? json : json_string("(not UTF-8)");
}

static json_t *findings_json(const struct lint_progress *p)
{
    json_t *list = json_array();

    for (size_t i = 0; i < p->count; i++) {
        const struct lint_finding *f = &p->page[i];
        const struct lint_words *words = &lint_words[f->rule];

        json_array_append_new(list,
                              json_pack("{s:s, s:o, s:s, s:s, s:o, s:s}", "rule", words->word,
                                        "entry", safe(f->entry), "job", f->job, "what", words->what,
                                        "detail", safe(f->detail), "help", words->help));
    }
    return list;
}

static json_t *page(struct control *control, const char *id)
{
    _cleanup_(lint_progress_clear) struct lint_progress p = {0};
    int r = lint_fetch(control->worker->manager->lint, id, &p);

    if (r == -ENOENT)
        return control_refuse(control, 1, "This run has ended, or portald was restarted");
    if (r < 0)
        return control_fail(control, r);
    return json_pack("{s:s, s:b, s:I, s:I, s:I, s:o, s:s*}", "id", p.id, "running", p.running,
                     "entries", (json_int_t)p.entries, "jobs", (json_int_t)p.jobs, "found",
                     (json_int_t)p.findings, "findings", findings_json(&p), "error",
                     p.error == -ECANCELED ? "nobody fetched what was found"
                                           : control_error_words(p.error));
}

/* id: of the run whose next page is wanted; without, a new one begins. */
json_t *control_lint(struct control *control)
{
    const char *id = control_string(control, "id");
    char started[ULID_SIZE];
    int r;

    if (id)
        return page(control, id);
    r = lint_start(control->worker->manager->lint, started);
    if (r == -EALREADY)
        return control_refuse(control, 1, "Somebody else's lint is under way; please wait for it");
    return r < 0 ? control_fail(control, r) : page(control, started);
}
