/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef CONTROLLER_ARRIVALS_H
#define CONTROLLER_ARRIVALS_H 1

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct pipeline_bridge;

/* The vNICs of guests that migrations have brought to a bridge, or whose groups
 * its switch has forgotten; what is to be done about them, and when.  Pure. */

enum arrival_deed {
    ARRIVAL_ANNOUNCE = 1 << 0,  /* Tell the switches where it is. */
    ARRIVAL_ASK = 1 << 1,       /* Ask for its multicast groups. */
};

struct arrivals {
    struct arrival *vnics;      /* Owned. */
    size_t n;
};

void arrivals_init(struct arrivals *);
void arrivals_destroy(struct arrivals *);

void arrivals_note(struct arrivals *, const struct pipeline_bridge *before,
                   const struct pipeline_bridge *after);
void arrivals_note_forgotten(struct arrivals *,
                             const struct pipeline_bridge *);
unsigned int arrivals_next(struct arrivals *, long long int now,
                           uint32_t *numberp);
long long int arrivals_due_ms(const struct arrivals *);

#endif /* controller/arrivals.h */
