/* Letters as files in a directory, JOB.pdf each. The name depends on the job alone, and a letter
   gets it in two steps, so that a crash between them neither loses one nor makes it twice: staged
   under a name that nobody takes for a letter, and finished once the ledger knows it. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* Returns 0 and a descriptor of directory. */
int output_open(const char *directory, int *ret_fd);
/* Writes a letter beside its place, readable by its owner alone, and has the disk begin with it.
   ret_file is for output_keep(), until which it may not be on disk. */
int output_stage(int fd, const char *job, const void *data, size_t size, int *ret_file);
/* Closes the files of staged letters; all of them are on disk when it returns 0. */
int output_keep(int fd, const int *files, size_t count);
/* Takes a staged letter back. */
void output_discard(int fd, const char *job);
/* Gives a staged letter its name. 0, too, when that has happened before. */
int output_finish(int fd, const char *job);
/* Until this returns 0 the names may not be on disk. */
int output_sync(int fd);
/* What a crash left staged: finishes what known() says 1 to, and removes what it says 0 to. A
   negative errno of its ends the sweep. */
int output_sweep(int fd, int (*known)(void *userdata, const char *job), void *userdata);
