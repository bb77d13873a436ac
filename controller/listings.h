/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef CONTROLLER_LISTINGS_H
#define CONTROLLER_LISTINGS_H 1

#include <stdint.h>

struct journal;
struct pass;
struct report;

/* What operators read, out of the newest pass.  Each initializes 'report'. */

void listing_vnics(const struct pass *, const char *bridge, struct report *);
void listing_vnic_details(const struct pass *, const char *name,
                          struct report *);
void listing_quarantine(const struct pass *, struct report *);
void listing_bridges(const struct pass *, struct report *);
void listing_plan(const struct pass *, struct report *);
void listing_drift(const struct journal *, struct report *);
void listing_changes(const struct journal *, uint64_t after, struct report *);

#endif /* controller/listings.h */
