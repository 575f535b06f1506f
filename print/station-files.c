/* Batches that came as files: station_run_files(). */
#include "config.h"

#include "station-private.h"

#include "cleanup.h"
#include "clock.h"
#include "log.h"
#include "messages.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static int file_trouble(int r, const char *file)
{
    if (r == -EBADMSG)
        log_event(LOG_ERR, MESSAGE_LETTER, NULL,
                  "%s isn't a whole batch that this station's portald signed: nothing of it is "
                  "printed",
                  file);
    else if (r == -ETIME)
        log_event(LOG_ERR, MESSAGE_LETTER, NULL,
                  "%s is older than 7 days: nothing of it is printed. Its letters are uncertain at "
                  "portald by now: 'portalctl letters list'",
                  file);
    else if (r == -ERANGE)
        log_event(LOG_ERR, MESSAGE_LETTER, NULL,
                  "%s is dated in the future: nothing of it is printed. Either the clock here is "
                  "wrong or portald's was ('timedatectl' tells): set it, then run this again, or "
                  "have portald write the file again: 'portalctl letters export DIR --batch BATCH'",
                  file);
    else
        station_trouble(r, file);
    return r;
}

/* Once answered, what wasn't printed comes in another batch: so that is entered before the answer
   can be read by anybody. */
static int file_answer(struct batch *b, const char *file)
{
    int r;

    if (b->answered)
        log_line(LOG_NOTICE, "%s was printed before; only its result is written again", file);
    r = ledger_batch_set_answered(b->ledger, b->id);
    if (r < 0)
        return station_trouble(r, "the ledger");
    r = batch_answer(file, b->id, b->rows, b->station->key, b->station->portald);
    return r < 0 ? station_trouble(r, "the result") : 0;
}

/* What to carry back, for whoever runs this by hand. */
static void file_say(const struct batch *b, const char *file)
{
    const char *slash = strrchr(file, '/');

    batch_say(b);
    printf("    portalctl letters import %.*s%s" RESULT_SUFFIX "\n",
           slash ? (int)(slash + 1 - file) : 0, file, b->id);
    fflush(stdout);
}

static int file_run(struct station *station, const char *file)
{
    _cleanup_(batch_clear) struct batch b = {.station = station, .by_file = true};
    _cleanup_(claim_clear) struct claim claim = {0};
    int r = batch_read(file, station->portald, clock_now(), &claim, b.id);

    if (r < 0)
        return file_trouble(r, file);
    if ((r = batch_open(&b)) < 0 || (r = press_recover(b.press, b.ledger, batch_recovered, &b)) < 0)
        return r;
    r = ledger_batch_answered(b.ledger, b.id);
    if (r < 0)
        return station_trouble(r, "the ledger");
    b.answered = r == 1;
    if ((r = batch_print(&b, &claim)) < 0 || (r = batch_rows(&b)) < 0 ||
        (r = file_answer(&b, file)) < 0)
        return r;
    file_say(&b, file);
    return 0;
}

static int is_batch(const struct dirent *e)
{
    size_t length = strlen(e->d_name), suffix = strlen(BATCH_SUFFIX);

    return e->d_name[0] != '.' && length > suffix &&
           strcmp(e->d_name + length - suffix, BATCH_SUFFIX) == 0;
}

static int directory_run(struct station *station, const char *path)
{
    struct dirent **names = NULL;
    int count = scandir(path, &names, is_batch, alphasort), r = 0;

    if (count < 0)
        return station_trouble(-errno, path);
    if (count == 0)
        log_line(LOG_NOTICE, "%s holds no batch: no file whose name ends in " BATCH_SUFFIX, path);
    for (int i = 0; i < count; i++) {
        char file[PATH_MAX];
        int done = -ENAMETOOLONG;

        if (snprintf(file, sizeof file, "%s/%s", path, names[i]->d_name) < (int)sizeof file)
            done = station_stopped(station) ? 0 : file_run(station, file);
        if (done < 0)
            r = done; /* the others may be all right */
        free(names[i]);
    }
    free(names);
    return r;
}

int station_run_files(struct station *station, const char *path)
{
    struct stat st;
    int r;

    if (stat(path, &st) < 0)
        return station_trouble(-errno, path);
    station->seen = json_object();
    r = S_ISDIR(st.st_mode) ? directory_run(station, path) : file_run(station, path);
    json_decref(station->seen);
    station->seen = NULL;
    return r;
}
