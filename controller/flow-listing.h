/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef CONTROLLER_FLOW_LISTING_H
#define CONTROLLER_FLOW_LISTING_H 1

struct report;
struct switch_flows;

/* Flows as operators read them.  Each initializes 'report'; 'bridge' may be
 * NULL, for all bridges. */

void flow_listing_dump(const struct switch_flows *, const char *bridge,
                       struct report *);
void flow_listing_diff(const struct switch_flows *, const char *bridge,
                       struct report *);

#endif /* controller/flow-listing.h */
