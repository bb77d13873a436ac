/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef CONTROLLER_ARRIVALS_H
#define CONTROLLER_ARRIVALS_H 1

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct pipeline_bridge;

/* The vNICs of guests that migrations have brought to a bridge, and that are to
 * be asked which multicast groups they have joined.  Pure. */

/* How often, and with how much time in between: no query that gets lost is
 * missed, and none comes before hosts have answered the one before. */
#define ARRIVALS_N_QUERIES 2
#define ARRIVALS_PAUSE_MS 2000

struct arrivals {
    struct arrival *vnics;      /* Owned. */
    size_t n;
};

void arrivals_init(struct arrivals *);
void arrivals_destroy(struct arrivals *);

void arrivals_note(struct arrivals *, const struct pipeline_bridge *before,
                   const struct pipeline_bridge *after);
bool arrivals_next_query(struct arrivals *, long long int now,
                         uint32_t *numberp);
long long int arrivals_due_ms(const struct arrivals *);

#endif /* controller/arrivals.h */
