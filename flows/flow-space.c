/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */

/* Tells ours from others' on a bridge.  Pure. */

#include <config.h>
#include "flows/flow-space.h"

#include "flows/flow-table.h"
#include "openvswitch/ofp-actions.h"

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

/* True if this place is ours. */
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

/* True if a flow in this place with 'cookie' has to be known: it is ours, or
 * in a place of ours, or in the first table.  Of that all flows count: who
 * takes ours away has to know whether any is left. */
bool
flow_space_concerns(const struct flow_space *space, uint8_t table_id,
                    uint16_t priority, uint64_t cookie)
{
    return (table_id == 0
            || flow_space_owns_flow(space, cookie)
            || flow_space_covers(space, table_id, priority));
}

/* True if a flow in this table with 'cookie' and a time-out is one that a flow
 * of ours has learnt. */
bool
flow_space_learns(const struct flow_space *space, uint8_t table_id,
                  uint64_t cookie)
{
    return (space->learnt_table && table_id == space->learnt_table
            && flow_space_owns_flow(space, cookie));
}

/* True if some priorities of this table are ours, and others are not. */
bool
flow_space_shares(const struct flow_space *space, uint8_t table_id)
{
    return (flow_space_watches(space, table_id)
            && !(flow_space_covers(space, table_id, 0)
                 && flow_space_covers(space, table_id, UINT16_MAX)));
}

/* True if what changes in this table is worth to be told of. */
bool
flow_space_watches(const struct flow_space *space, uint8_t table_id)
{
    for (size_t i = 0; i < space->n_ranges; i++) {
        if (table_id >= space->ranges[i].first_table
            && table_id <= space->ranges[i].last_table) {
            return !space->learnt_table || table_id != space->learnt_table;
        }
    }
    return false;
}

static bool
is_normal(const struct flow_entry *entry)
{
    const struct ofpact *action = entry->actions;
    return entry->actions_len && ofpact_next(action) == ofpact_end(
               entry->actions, entry->actions_len)
           && action->type == OFPACT_OUTPUT
           && ofpact_get_OUTPUT(action)->port == OFPP_NORMAL;
}

/* Is 'entry' in our way in a table that we share?  Above our flows it leads
 * frames past them, unless it drops.  Below them it never sees a frame again,
 * which is all the same if it is what every bridge is born with. */
static bool
is_obstructed_next_to(const struct flow_range *range,
                      const struct flow_entry *entry)
{
    if (entry->table_id < range->first_table
        || entry->table_id > range->last_table) {
        return false;
    }
    return entry->priority > range->last_priority ? entry->actions_len != 0
           : entry->priority < range->first_priority ? !is_normal(entry)
           : true;
}

/* True if 'entry', somebody else's flow, is in our way. */
bool
flow_space_is_obstructed(const struct flow_space *space,
                         const struct flow_entry *entry)
{
    for (size_t i = 0; i < space->n_ranges; i++) {
        if (is_obstructed_next_to(&space->ranges[i], entry)) {
            return true;
        }
    }
    return false;
}
