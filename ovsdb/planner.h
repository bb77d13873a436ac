/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef OVSDB_PLANNER_H
#define OVSDB_PLANNER_H 1

#include "ovsdb/port-plan.h"

/* A plan that is being made, and what it is made from. */
struct planner {
    const struct desired *desired;
    const struct memory *memory;
    const struct port_plan_gates *gates;
    struct port_plan *plan;
};

struct port_op *planner_add(const struct planner *, const struct desired_vnic *,
                            enum port_op_kind, enum port_cause);
void planner_hold_back(const struct planner *, struct port_op *,
                       long long int not_before_ms);
void planner_look_again(const struct planner *, long long int ms);

#endif /* ovsdb/planner.h */
