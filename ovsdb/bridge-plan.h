/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef OVSDB_BRIDGE_PLAN_H
#define OVSDB_BRIDGE_PLAN_H 1

struct desired_bridge;
struct planner;

void bridge_plan(const struct planner *, const struct desired_bridge *);

#endif /* ovsdb/bridge-plan.h */
