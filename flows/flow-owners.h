/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef FLOWS_FLOW_OWNERS_H
#define FLOWS_FLOW_OWNERS_H 1

#include <stdbool.h>

struct flow_table;

/* Whose flows a bridge has. */
struct flow_owners {
    bool has_ours;
    bool drops_unknown;         /* Ours drop what comes from unknown ports. */
    bool has_foreign;           /* Others' that are in the way of ours. */
    bool has_others;            /* Others' in the first table, that stay. */
};

void flow_owners_find(const struct flow_table *installed,
                      struct flow_owners *);

#endif /* flows/flow-owners.h */
