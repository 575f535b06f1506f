/* The print station: batch by batch it takes letters from portald and puts them on paper, each
   once. Ways in: station_open(), station_run(). */
#pragma once

#include "letter.h"
#include "settings.h"

#include "cleanup.h"

#include <stdbool.h>
#include <stdint.h>

struct station;

/* Reads keys, texts and fonts; what is wrong has been logged when it returns an error. */
int station_open(const struct settings *settings, uint32_t batch_size, struct station **ret);
struct station *station_free(struct station *station);
DEFINE_CLEANUP(struct station, station_free)

/* Prints until nothing is left, or SIGTERM or SIGINT, which must be blocked, is pending. Returns 0
   or a negative errno, which has been logged. */
int station_run(struct station *station);
/* Prints a batch file, or every one in a directory, and writes its result beside it. */
int station_run_files(struct station *station, const char *path);
bool station_stopped(struct station *station);
/* Waits, not longer than seconds, for such a signal. */
void station_wait(struct station *station, long seconds);

/* station-keys.c: portald's public key, and the station's own, newest first. What is wrong has been
   logged. */
int station_keys_load(const struct settings *settings, uint8_t *portald, size_t size,
                      struct station_key **ret);
/* Makes station.key and station.pub in directory, neither of which may exist. */
int station_keygen(const char *directory);
