/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */

/* What changes in a table of flows, so that whoever has that table already has
 * to look at nothing else.  Pure. */

#include <config.h>
#include "flows/flow-change.h"

void
flow_change_init(struct flow_change *change)
{
    flow_table_init(&change->before);
    flow_table_init(&change->after);
}

void
flow_change_destroy(struct flow_change *change)
{
    if (change) {
        flow_table_destroy(&change->before);
        flow_table_destroy(&change->after);
    }
}

void
flow_change_clear(struct flow_change *change)
{
    flow_table_clear(&change->before);
    flow_table_clear(&change->after);
}

bool
flow_change_is_empty(const struct flow_change *change)
{
    return flow_table_is_empty(&change->before)
           && flow_table_is_empty(&change->after);
}

/* Makes 'change' one that does what it did, and then what 'later' does, which
 * is empty then. */
void
flow_change_append(struct flow_change *change, struct flow_change *later)
{
    flow_table_subtract(&change->after, &later->before);
    flow_table_merge(&change->before, &later->before);
    flow_table_merge(&change->after, &later->after);
}

/* Changes 'table'.  'change' is empty then; the flows and groups that have come
 * are the same objects as before. */
void
flow_change_apply(struct flow_change *change, struct flow_table *table)
{
    flow_table_subtract(table, &change->before);
    flow_table_merge(table, &change->after);
    flow_table_clear(&change->before);
}
