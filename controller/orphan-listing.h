/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef CONTROLLER_ORPHAN_LISTING_H
#define CONTROLLER_ORPHAN_LISTING_H 1

struct pass;
struct report;

void orphan_listing_fill(const struct pass *, struct report *);

#endif /* controller/orphan-listing.h */
