/* Asking portald: one call, its errors told to the person. */
#pragma once

#include "client.h"
#include "command.h"
#include "wire.h"

#include <jansson.h>

/* Sends request, {"verb": ...}, which it takes over (NULL: out of memory), over the control socket.
   With STATUS_DONE *ret is the report, an object; otherwise the error was told already. */
int call_control(const struct arguments *a, json_t *request, json_t **ret);
/* The same with the reply itself, for its other fields: client_reply_clear() in every case. */
int call_control_reply(const struct arguments *a, json_t *request, json_t **ret,
                       struct client_reply *reply);
/* Has one thing changed: verb, and what is meant by name and value. Tells the sentence that portald
   answers with. */
int call_change(const struct arguments *a, const char *verb, const char *name, const char *value);
/* Sends what was put into request over api.sock, which needs no rights. With STATUS_DONE *reply is
   to be cleared, whatever it says; otherwise the error was told already. */
int call_anybody(const struct arguments *a, struct wire_writer *request,
                 struct client_reply *reply);
/* Sends what was put into request and tells the verdict. */
int call_verdict(const struct arguments *a, struct wire_writer *request);
