/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */

/* Tells ours from others' on a bridge.  Pure. */

#include <config.h>
#include "flows/flow-space.h"

/* True if a flow with 'cookie' is ours, wherever it is. */
bool
flow_space_owns_flow(const struct flow_space *space, uint64_t cookie)
{
    return (cookie & space->cookie_mask) == space->cookie;
}

bool
flow_space_owns_group(const struct flow_space *space, uint32_t group_id)
{
    return (group_id & space->group_mask) == space->group;
}

static bool
range_covers(const struct flow_range *range, uint8_t table_id,
             uint16_t priority)
{
    return (table_id >= range->first_table && table_id <= range->last_table
            && priority >= range->first_priority
            && priority <= range->last_priority);
}

/* True if a flow here that is not ours is in our way. */
bool
flow_space_covers(const struct flow_space *space, uint8_t table_id,
                  uint16_t priority)
{
    for (size_t i = 0; i < space->n_ranges; i++) {
        if (range_covers(&space->ranges[i], table_id, priority)) {
            return true;
        }
    }
    return false;
}
