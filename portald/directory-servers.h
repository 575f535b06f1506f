/* Which directory server is in use, of those that [directory] uri names: one at a time, for reads
   that decide something and for writes, and all threads of a portald agree on it. A server is left
   when it can't be connected to or when its watcher finds it dead or stuck; the first of the list
   that is well is taken instead. The way back to one that stands before is taken only when that
   has been well for some seconds and holds all that the present one holds (contextCSN). Ways in:
   directory_servers_open(), directory_servers_watch(). */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#define DIRECTORY_SERVERS_MOST 8
#define DIRECTORY_WHY_SIZE     256

struct directory_options;
struct directory_servers;

/* Keeps what options point to, but not options itself. Returns 0; -EINVAL when a URI isn't one or
   they are too many; -ENOMEM. */
int directory_servers_open(const struct directory_options *options, struct directory_servers **ret);
/* Ends the watchers, too. Before it, every struct directory that uses them must have gone. */
struct directory_servers *directory_servers_free(struct directory_servers *s);
/* Starts a watcher for each server, if they are several. Without, a server that failed is left
   alone for a few seconds; and nothing is logged. */
int directory_servers_watch(struct directory_servers *s);

struct directory_server_report {
    const char *uri;
    bool current, well;
    char why[DIRECTORY_WHY_SIZE]; /* not well, or not gone back to */
};
/* Returns how many there are. */
size_t directory_servers_report(struct directory_servers *s,
                                struct directory_server_report ret[static DIRECTORY_SERVERS_MOST]);

/* --- For the directory's own files --- */

size_t directory_servers_count(const struct directory_servers *s);
const char *directory_servers_uri(const struct directory_servers *s, size_t number);
/* Whether this is the one to ask, and not known to be dead. Costs nothing. */
bool directory_servers_good(const struct directory_servers *s, size_t number);
/* The next to be tried, none of tried (bits); the one in use first, those known to be dead last.
   After a start it waits until the watchers have chosen, if the deadline allows. Returns a number,
   or the count of servers when there is none left. */
size_t directory_servers_pick(struct directory_servers *s, unsigned tried, long long deadline);
/* It can be connected to. tried: those that couldn't; if the one in use is among them or dead, this
   one is in use from now on. Returns whether it is the one in use. */
bool directory_servers_answered(struct directory_servers *s, size_t number, unsigned tried);
/* It can't be used, for this reason. */
void directory_servers_failed(struct directory_servers *s, size_t number, const char *why);
/* It didn't answer in time, which may be its fault or the question's: its watcher finds out. */
void directory_servers_doubt(struct directory_servers *s, size_t number, const char *why);
/* Set while the server is known to be dead: whoever waits for its answer needn't any longer. NULL
   when there is no other to go to. */
const atomic_bool *directory_servers_lost(const struct directory_servers *s, size_t number);
/* Around each write. While the use moves back to another server, writes wait, so that it can be
   seen that nothing of what was written is missing there. Returns 0; -EHOSTDOWN when number isn't
   in use any more; -ETIMEDOUT. */
int directory_servers_write_begin(struct directory_servers *s, size_t number, long long deadline);
void directory_servers_write_end(struct directory_servers *s);
