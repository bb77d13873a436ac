/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef CONTROLLER_WISHES_H
#define CONTROLLER_WISHES_H 1

#include <stdbool.h>
#include <stdint.h>

/* What operators and hooks ask for, besides what is done anyway, and how far a
 * pass is with it.  Pure; times are in monotonic ms. */

enum wish_kind {
    WISH_REPAIR,                /* What is only reported is put right, too. */
    WISH_COLLECT,               /* Orphans go at once. */
    WISH_SWEEP,                 /* So do ports that dead guests left, although
                                 * libvirt has not told anything: it starts, and
                                 * plugs nobody. */
    N_WISH_KINDS
};

/* How long a wish waits for libvirt's answers that are under way, so that it is
 * fulfilled with the newest intent; a sweep does not.  That leaves, of the 5 s
 * in which an operator is answered, one for the database. */
#define WISH_SETTLE_MS 4000

/* The wishes of one kind have numbers: 1 is the first. */
struct wishes_of_kind {
    uint64_t n_uttered;
    uint64_t n_served;          /* By the newest pass, or one before it ... */
    uint64_t n_fulfilled;       /* ... whose transaction is through. */
};

struct wishes {
    struct wishes_of_kind kinds[N_WISH_KINDS];
    long long int since_ms;     /* When the first that waits for libvirt, and
                                 * that no pass serves, was uttered ... */
    long long int newest_ms;    /* ... and when the last was. */
};

uint64_t wishes_utter(struct wishes *, enum wish_kind, long long int now);
void wishes_withdraw(struct wishes *, enum wish_kind);
long long int wishes_due_ms(const struct wishes *, bool is_answering);
bool wishes_serve(struct wishes *, bool is_answering, long long int now);
bool wishes_are_served(const struct wishes *, enum wish_kind);
void wishes_fulfil(struct wishes *);
bool wishes_is_fulfilled(const struct wishes *, enum wish_kind,
                         uint64_t number);

#endif /* controller/wishes.h */
