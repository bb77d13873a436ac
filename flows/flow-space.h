/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef FLOWS_FLOW_SPACE_H
#define FLOWS_FLOW_SPACE_H 1

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What is ours of a bridge that others use, too. */

/* Flows of these tables with these priorities, all inclusive. */
struct flow_range {
    uint8_t first_table, last_table;
    uint16_t first_priority, last_priority;
};

struct flow_entry;

struct flow_space {
    uint64_t cookie, cookie_mask; /* Flows that carry this are ours. */
    uint32_t group, group_mask; /* Groups whose ids carry this are ours: a
                                 * group has no cookie. */
    const struct flow_range *ranges; /* Where nobody else should have flows.
                                 * Borrowed. */
    size_t n_ranges;
    uint8_t learnt_table;       /* One of them that the switch fills by itself;
                                 * 0: there is none. */
};

bool flow_space_owns_flow(const struct flow_space *, uint64_t cookie);
bool flow_space_owns_group(const struct flow_space *, uint32_t group_id);
bool flow_space_covers(const struct flow_space *, uint8_t table_id,
                       uint16_t priority);
bool flow_space_concerns(const struct flow_space *, uint8_t table_id,
                         uint16_t priority, uint64_t cookie);
bool flow_space_learns(const struct flow_space *, uint8_t table_id,
                       uint64_t cookie);
bool flow_space_shares(const struct flow_space *, uint8_t table_id);
bool flow_space_watches(const struct flow_space *, uint8_t table_id);
bool flow_space_is_obstructed(const struct flow_space *,
                              const struct flow_entry *);

#endif /* flows/flow-space.h */
