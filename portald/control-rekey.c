/* `portalctl rekey`: starts it, or joins the one that runs, and tells how far it is. */
#include "config.h"

#include "control.h"

#include "cleanup.h"

#include <errno.h>

static json_t *losses_json(const struct rekey_progress *p)
{
    json_t *list = json_array();

    for (size_t i = 0; i < p->loss_count; i++)
        json_array_append_new(
            list, json_pack("{s:s, s:s}", "uid", p->losses[i].uid, "why", p->losses[i].why));
    return list;
}

json_t *control_rekey_look(struct control *control)
{
    const struct manager *m = control->worker->manager;
    _cleanup_(rekey_progress_clear) struct rekey_progress p = {0};
    char key[TOTP_KEY_ID_SIZE];
    int r = rekey_look(m->rekey, &p);

    if (r < 0)
        return control_fail(control, r);
    totp_sealing_id(m->totp, key);
    return json_pack("{s:s, s:b, s:s, s:I, s:I, s:I, s:o, s:s*}", "id", p.id, "running", p.running,
                     "key", key, "seen", (json_int_t)p.seen, "resealed", (json_int_t)p.resealed,
                     "lost", (json_int_t)p.lost, "entries", losses_json(&p), "error",
                     control_error_words(p.error));
}

json_t *control_rekey(struct control *control)
{
    int r = rekey_start(control->worker->manager->rekey);

    return r < 0 && r != -EALREADY ? control_fail(control, r) : control_rekey_look(control);
}
