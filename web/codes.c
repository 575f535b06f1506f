/* Used codes, in a ring; codes_use() is the way in. */
#include "config.h"

#include "codes.h"

#include <errno.h>
#include <pthread.h>

struct code {
    uint8_t id[CODES_ID];
    time_t made; /* 0: free */
};

struct codes {
    pthread_mutex_t lock;
    struct code code[CODES_MOST];
};

int codes_new(struct codes **ret)
{
    struct codes *codes = calloc(1, sizeof *codes);

    if (!codes)
        return -ENOMEM;
    pthread_mutex_init(&codes->lock, NULL);
    *ret = codes;
    return 0;
}

struct codes *codes_free(struct codes *codes)
{
    if (codes)
        pthread_mutex_destroy(&codes->lock);
    free(codes);
    return NULL;
}

static bool alive(time_t made, time_t now)
{
    return made != 0 && made <= now && now - made < CODES_LIFE;
}

/* Where a new one goes; NULL when id is among them, or nothing is free. */
static struct code *find_room(struct codes *codes, const uint8_t *id, time_t now)
{
    struct code *room = NULL;

    for (size_t i = 0; i < CODES_MOST; i++) {
        struct code *code = &codes->code[i];

        /* A clock that was set back may make an old one good again: it is looked for always, and
           the oldest makes room. */
        if (code->made != 0 && memcmp(code->id, id, sizeof code->id) == 0)
            return NULL;
        if (!alive(code->made, now) && (!room || code->made < room->made))
            room = code;
    }
    return room;
}

bool codes_use(struct codes *codes, const uint8_t id[static CODES_ID], time_t made, time_t now)
{
    struct code *room;

    if (!alive(made, now))
        return false;
    pthread_mutex_lock(&codes->lock);
    room = find_room(codes, id, now);
    if (room) {
        memcpy(room->id, id, sizeof room->id);
        room->made = made;
    }
    pthread_mutex_unlock(&codes->lock);
    return room;
}
