/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */

/* What all parts of a port plan are made with.  Pure. */

#include <config.h>
#include "ovsdb/planner.h"

#include "util.h"

/* Adds an operation, to be applied unless somebody says otherwise.  'vnic' is
 * NULL where it is about none.  Valid until the next one is added. */
struct port_op *
planner_add(const struct planner *p, const struct desired_vnic *vnic,
            enum port_op_kind kind, enum port_cause cause)
{
    struct port_plan *plan = p->plan;
    if (plan->n_ops >= plan->allocated_ops) {
        plan->ops = x2nrealloc(plan->ops, &plan->allocated_ops,
                               sizeof *plan->ops);
    }
    struct port_op *op = &plan->ops[plan->n_ops++];
    *op = (struct port_op) {
        .kind = kind,
        .cause = cause,
        .verdict = PORT_VERDICT_APPLY,
        .vnic = vnic,
        .after = VLAN_SPEC_INIT,
    };
    return op;
}

/* Holds 'op', which would be applied, back until 'not_before_ms'. */
void
planner_hold_back(const struct planner *p, struct port_op *op,
                  long long int not_before_ms)
{
    if (op->verdict == PORT_VERDICT_APPLY && !p->gates->is_forced
        && p->gates->now < not_before_ms) {
        op->verdict = PORT_VERDICT_BACK_OFF;
        planner_look_again(p, not_before_ms);
    }
}

/* Has the plan made again at 'ms', if nothing happens before. */
void
planner_look_again(const struct planner *p, long long int ms)
{
    p->plan->due_ms = MIN(p->plan->due_ms, ms);
}
