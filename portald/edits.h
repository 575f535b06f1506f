/* What administrators edit: one thread, with directory handles of its own, that hears of every
   change which somebody else than portald makes to an account, and does what is due (readdress.h).
   How far it has come outlives the process. */
#pragma once

struct manager;
struct edits;

int edits_start(struct manager *manager, struct edits **ret);
struct edits *edits_stop(struct edits *edits);
