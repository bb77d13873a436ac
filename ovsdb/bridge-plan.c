/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */

/* What a bridge as a whole needs in the database for its pipeline: the patch
 * pair and, if the settings say so, fail_mode.  Pure; part of the port plan. */

#include <config.h>
#include "ovsdb/bridge-plan.h"

#include "lib/desired.h"
#include "lib/memory.h"
#include "lib/patch-pair.h"
#include "lib/switch-view.h"
#include "ovsdb/planner.h"
#include "util.h"

static struct port_op *
add_op(const struct planner *p, const struct desired_bridge *bridge,
       enum port_op_kind kind, enum port_cause cause)
{
    struct port_op *op = planner_add(p, NULL, kind, cause);
    op->bridge = bridge;
    return op;
}

static struct port_op *
add_patch_op(const struct planner *p, const struct desired_bridge *bridge,
             enum patch_side side, enum port_op_kind kind,
             enum port_cause cause)
{
    struct port_op *op = add_op(p, bridge, kind, cause);
    op->side = side;
    return op;
}

/* Plans 'side' of the pair that 'bridge' needs.  Like every port that somebody
 * removes over and over, it is left alone for a while then. */
static void
plan_side(const struct planner *p, const struct desired_bridge *bridge,
          enum patch_side side, const struct bridge_memory *seen)
{
    struct port_op *op = NULL;
    if (!bridge->pair.sides[side].port) {
        op = add_patch_op(p, bridge, side, PORT_OP_ADD_PATCH,
                          seen->had_pair ? PORT_CAUSE_PORT_DELETED
                          : PORT_CAUSE_PIPELINE);
        op->finds_no_flows = patch_pair_found_no_flows(&bridge->pair)
                             || (bridge->is_bare && !seen->had_pair);
    } else if (!patch_pair_is_right(&bridge->pair, side)) {
        op = add_patch_op(p, bridge, side, PORT_OP_FIX_PATCH,
                          PORT_CAUSE_OPERATOR);
    }
    if (op) {
        planner_hold_back(p, op, seen->no_pair_before_ms);
    }
}

/* Plans fail_mode, if the settings say that it is ours: "secure" once all flows
 * are there, since what is dropped without flows is the host's own traffic,
 * too; and what it was before once they are gone. */
static void
plan_fail_mode(const struct planner *p, const struct desired_bridge *bridge,
               const struct bridge_memory *seen)
{
    const struct bridge_view *view = bridge->view;
    bool is_secure = nullable_string_is_equal(view->fail_mode, "secure");
    bool is_going = bridge->pair_care == PAIR_UNWANTED
                    || !patch_pair_is_there(&bridge->pair);

    if (!bridge->needs_pipeline && view->fail_mode_before && is_going) {
        add_op(p, bridge, PORT_OP_UNSECURE, PORT_CAUSE_PIPELINE);
    } else if (seen && bridge->needs_pipeline && bridge->has_flows
               && view->settings.fail_mode == FAIL_MODE_SECURE && !is_secure) {
        planner_hold_back(p, add_op(p, bridge, PORT_OP_SECURE,
                                    view->fail_mode_before
                                    ? PORT_CAUSE_OPERATOR
                                    : PORT_CAUSE_PIPELINE),
                          seen->no_fail_mode_before_ms);
    }
}

static void
plan_pair(const struct planner *p, const struct desired_bridge *bridge,
          const struct bridge_memory *seen)
{
    for (enum patch_side side = 0; side < N_PATCH_SIDES && seen; side++) {
        if (bridge->pair_care == PAIR_WANTED) {
            plan_side(p, bridge, side, seen);
        } else if (bridge->pair_care == PAIR_UNWANTED
                   && bridge->pair.sides[side].port) {
            planner_hold_back(p, add_patch_op(p, bridge, side,
                                              PORT_OP_REMOVE_PATCH,
                                              PORT_CAUSE_PIPELINE),
                              seen->no_pair_before_ms);
        }
    }
}

/* Plans what 'bridge' needs as a whole. */
void
bridge_plan(const struct planner *p, const struct desired_bridge *bridge)
{
    const struct bridge_memory *seen
        = memory_find_bridge(p->memory, bridge->view->name);
    plan_pair(p, bridge, seen);
    plan_fail_mode(p, bridge, seen);
}
