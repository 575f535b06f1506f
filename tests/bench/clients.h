/* Client processes that do one thing over and over, and how fast they were. */
#pragma once

#include <stddef.h>

#define CLIENTS_MAX 64

/* The entries that tests/bench/login makes: uid and password of number n, 1 … users; the mail
   address is the uid at example.org. */
#define CLIENTS_UID      "c-%04u"
#define CLIENTS_MAIL     "c-%04u@example.org"
#define CLIENTS_PASSWORD "Kennwort-%06u"
/* The TOTP secret of all of them, where they have one. */
#define CLIENTS_SECRET "12345678901234567890"

struct clients_task {
    /* In each client before it begins. Returns what once() gets, NULL on failure. */
    void *(*begin)(void *settings);
    /* One login of user number n. Returns 0, or -1 after saying why on stderr. */
    int (*once)(void *state, unsigned user);
    void *settings;
};

struct clients_load {
    unsigned clients, users;
    unsigned first; /* users first + 1 … first + users */
    double seconds; /* counted; a fifth of it comes before, to warm up */
    int in_turn;    /* users one after the other, instead of any … */
    unsigned turn;  /* … beginning behind so many */
};

/* Runs the task and prints "logins N rate R p50 MS p99 MS". Returns 0, or 1 when anything
   failed. */
int clients_run(const struct clients_load *load, const struct clients_task *task);
