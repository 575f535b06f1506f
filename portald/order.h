/* Requests for one account are handled one after another: one in flight, a few waiting, more are
   turned away. Waiting requests are parked here and hold no worker; whoever finishes one takes the
   next with it. The same serves to keep long work from taking every worker. */
#pragma once

#include <stddef.h>

#define ORDER_WAITING_MOST 8

struct order;
int order_open(struct order **ret);
struct order *order_free(struct order *order);

enum order_place {
    ORDER_RUN,    /* handle it now, then call order_leave() */
    ORDER_PARKED, /* item is kept and comes back from somebody's order_leave() */
    ORDER_FULL,   /* too many wait already */
};
/* key: at most 512 bytes are looked at. width: how many may be in flight with this key at a time.
   -ENOMEM counts as ORDER_FULL. */
enum order_place order_enter(struct order *order, const char *key, unsigned width, unsigned waiting,
                             void *item);
/* One with key is done. Returns the item that has waited longest, which is in flight from now on,
   or NULL. */
void *order_leave(struct order *order, const char *key);
