/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */

/* Whose flows a bridge has: what becomes of a pipeline depends on it.  Pure. */

#include <config.h>
#include "flows/flow-owners.h"

#include "flows/flow-space.h"
#include "flows/flow-table.h"
#include "flows/tables.h"
#include "openvswitch/hmap.h"

static void
note_ours(const struct flow_entry *entry, struct flow_owners *owners)
{
    owners->has_ours = true;
    if (table_cookie_rule(entry->cookie) == RULE_UNKNOWN_PORT
        && !entry->actions_len) {
        owners->drops_unknown = true;
    }
}

static void
note_others(const struct flow_entry *entry, struct flow_owners *owners)
{
    if (entry->table_id == TABLE_CLASSIFY && !entry->is_fleeting) {
        owners->has_others = true;
    }
    if (flow_space_is_obstructed(&table_space, entry)) {
        owners->has_foreign = true;
    }
}

/* Stores in 'owners' whose the flows in 'installed' are. */
void
flow_owners_find(const struct flow_table *installed,
                 struct flow_owners *owners)
{
    *owners = (struct flow_owners) { .has_ours = false };
    const struct flow_entry *entry;
    HMAP_FOR_EACH (entry, node, &installed->flows) {
        if (table_cookie_is_ours(entry->cookie)) {
            note_ours(entry, owners);
        } else {
            note_others(entry, owners);
        }
    }
}
