/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef FLOWS_FLOW_CHANGE_H
#define FLOWS_FLOW_CHANGE_H 1

#include <stdbool.h>

#include "flows/flow-table.h"

/* How one table becomes another, without what is the same in both: flows and
 * groups that are in 'before' go, whatever they do, and those of 'after' come.
 * Pure. */
struct flow_change {
    struct flow_table before;
    struct flow_table after;
};

void flow_change_init(struct flow_change *);
void flow_change_destroy(struct flow_change *);
void flow_change_clear(struct flow_change *);
bool flow_change_is_empty(const struct flow_change *);
void flow_change_append(struct flow_change *, struct flow_change *later);
void flow_change_apply(struct flow_change *, struct flow_table *);

#endif /* flows/flow-change.h */
