/* The clerk: one thread that carries out what the queue holds for the directory, with a directory
   handle of its own, so that no login waits for it. It matches registrations, mails codes, tells
   the directory when mails were accepted and letters printed or posted, resolves staged rows whose
   maker died, notes last logins, and prunes. */
#pragma once

#include "directory.h"
#include "queue.h"

struct manager;
struct clerk;

int clerk_start(struct manager *manager, struct clerk **ret);
struct clerk *clerk_stop(struct clerk *clerk);

/* Has a login written down, some time soon; dropped when too many wait. Never blocks. */
void clerk_note_login(struct clerk *clerk, const char *uuid, time_t when);
