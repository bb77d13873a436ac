/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef FLOWS_WHY_H
#define FLOWS_WHY_H 1

#include <stddef.h>
#include <stdint.h>

#include "flows/tables.h"

struct pipeline_bridge;
struct pipeline_vnic;
struct report;
struct simap;
struct trace;

/* What became of a frame, and why, in an operator's words.  Pure. */

void why_report_init(struct report *);
void why_explain(const struct pipeline_bridge *, const struct simap *ofports,
                 const char *port, const struct trace *, struct report *);

/* How many frames broke a rule. */
struct why_count {
    uint8_t table_id;
    enum table_rule rule;
    uint64_t n_packets;
};

void why_counts_report_init(struct report *);
void why_count_explain(const struct pipeline_vnic *, const struct why_count *,
                       struct report *);

/* Who a port is; NULL if it is no vNIC's. */
const struct pipeline_vnic *why_find_vnic(const struct pipeline_bridge *,
                                          const struct simap *ofports,
                                          const char *port);

#endif /* flows/why.h */
