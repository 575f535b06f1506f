/* The one clock of portald: rules, queue, Date headers, letter dates. In a build with
   --enable-test-clock it can be moved by an offset, which is kept in a file so that a restart
   doesn't lose it; elsewhere clock_move() returns -EOPNOTSUPP. */
#pragma once

#include <stdint.h>
#include <time.h>

time_t clock_now(void);           /* seconds since 1970 */
int64_t clock_now_ms(void);       /* milliseconds since 1970, of the same clock */
int64_t clock_monotonic_ms(void); /* CLOCK_BOOTTIME, for deadlines; never moved */
/* Adds seconds to the offset and stores it in file (NULL: nowhere). Returns 0 or a negative
   errno. */
int clock_move(int64_t seconds, const char *file);
/* Takes the offset from file, if there is one. */
int clock_restore(const char *file);
int64_t clock_offset(void);
