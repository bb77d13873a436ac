/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */

/* Compares what is meant with the ports that are there.  The difference is
 * data, each piece with its cause, so that it can be printed, counted,
 * refused or executed; port-apply.c executes it.  Pure.
 *
 * Who is right when a port differs from its intent?
 *
 *   - We have looked after this vNIC's plug before (our mark is on the row):
 *     if the intent is new, the port has to follow, also where that is because
 *     a port group was edited while the guest runs; if it is not, the port
 *     has drifted.  A drift may be libvirt's first half of a change of intent,
 *     so libvirt is asked first, for a short while, unless the port lost all
 *     its VLANs, which no change of intent does.
 *   - We saw the plug happen, or the row bears our mark for another VM: libvirt
 *     writes a new row right, so what is wrong is left over from before.
 *   - The vNIC was there before us: perhaps somebody meant it so.  We report.
 *
 * And nobody wins a fight: a port that has to be put right over and over is
 * left alone for a while.
 */

#include <config.h>
#include "ovsdb/port-plan.h"

#include <limits.h>
#include <stdlib.h>

#include "lib/desired.h"
#include "lib/memory.h"
#include "lib/switch-view.h"
#include "openvswitch/dynamic-string.h"
#include "util.h"
#include "uuid.h"

static const char *const cause_names[N_PORT_CAUSES] = {
#define PORT_CAUSE(ENUM, NAME) [PORT_CAUSE_##ENUM] = NAME,
    PORT_CAUSES
#undef PORT_CAUSE
};

const char *
port_cause_to_string(enum port_cause cause)
{
    return cause_names[cause];
}

/* True if 'cause' means that a port went wrong, false if it only follows. */
bool
port_cause_is_drift(enum port_cause cause)
{
    switch (cause) {
    case PORT_CAUSE_PORTGROUP_EDIT:
    case PORT_CAUSE_OPERATOR:
    case PORT_CAUSE_LIBVIRT_CLEARED:
    case PORT_CAUSE_STALE_ROW:
    case PORT_CAUSE_FIRST_CONTACT:
        return true;
    case PORT_CAUSE_INTENT:
    case PORT_CAUSE_READY:
    case PORT_CAUSE_NOT_READY:
    case PORT_CAUSE_NOT_MANAGED:
    case N_PORT_CAUSES:
        break;
    }
    return false;
}

static struct port_op *
add_op(struct port_plan *plan, const struct desired_vnic *vnic,
       enum port_op_kind kind, enum port_cause cause)
{
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

/* The row demonstrably carries what was meant for another VM. */
static bool
has_other_vms_columns(const struct port_view *port,
                      const struct port_memory *seen)
{
    return (!uuid_is_zero(&port->marked_vm_id) && !port_view_is_marked(port))
           || (seen->had_other_vm && !port_view_is_marked(port));
}

/* Did the port group, or the network, of 'd' change its VLANs while the guest
 * runs?  'before' was last in force; if it is NULL, we were not there to see,
 * but the port is still as libvirt made it when the guest started. */
static bool
is_portgroup_edited(const struct desired_vnic *d,
                    const struct vlan_spec *before)
{
    if (d->source != VLAN_FROM_PORTGROUP && d->source != VLAN_FROM_NETWORK) {
        return false;
    }
    return before
           ? !vlan_spec_equals(before, &d->vlan)
           : vnic_is_merged(&d->vnic)
             && !vlan_columns_diff(&d->port->columns, &d->vnic.vlan);
}

/* Why do the columns of 'd', which has a port, differ from its intent? */
static enum port_cause
find_cause(const struct desired_vnic *d, const struct port_memory *seen,
           const struct memory *memory)
{
    if (has_other_vms_columns(d->port, seen)) {
        return PORT_CAUSE_STALE_ROW;
    }
    if (!port_view_is_marked(d->port)) {
        return (seen->is_first_contact
                ? PORT_CAUSE_FIRST_CONTACT : PORT_CAUSE_STALE_ROW);
    }

    const struct vlan_spec *before = memory_find_vlan(memory, &d->vnic.id);
    if (is_portgroup_edited(d, before)) {
        return PORT_CAUSE_PORTGROUP_EDIT;
    }
    if (before && !vlan_spec_equals(before, &d->vlan)) {
        return PORT_CAUSE_INTENT;
    }
    return (vlan_spec_is_empty(&d->port->columns)
            ? PORT_CAUSE_LIBVIRT_CLEARED : PORT_CAUSE_OPERATOR);
}

/* Until when may libvirt say that an operator's change of 'd' is a change of
 * intent?  0 if it has said, or need not be asked. */
static long long int
confirm_until(const struct desired_vnic *d, const struct port_memory *seen,
              const struct port_plan_gates *gates)
{
    long long int until = seen->changed_ms + PORT_PLAN_CONFIRM_MS;
    return d->can_be_asked && !gates->is_forced
           && d->read_ms < seen->changed_ms && gates->now < until ? until : 0;
}

/* Do the settings of the bridge leave it to an operator? */
static bool
is_only_reported(const struct desired_vnic *d, enum port_cause cause)
{
    if (cause == PORT_CAUSE_PORTGROUP_EDIT) {
        return !d->settings.follow;
    }
    switch (d->settings.drift) {
    case DRIFT_FIX:
        return cause == PORT_CAUSE_FIRST_CONTACT;
    case DRIFT_FIX_ALL:
        return false;
    case DRIFT_REPORT:
        return port_cause_is_drift(cause);
    }
    OVS_NOT_REACHED();
}

static enum port_verdict
judge(const struct desired_vnic *d, enum port_cause cause,
      const struct port_memory *seen, const struct port_plan_gates *gates,
      struct port_plan *plan)
{
    if (!gates->is_forced && is_only_reported(d, cause)) {
        return PORT_VERDICT_REPORT;
    }
    if (!gates->is_forced && port_cause_is_drift(cause)
        && gates->now < seen->no_repair_before_ms) {
        plan->due_ms = MIN(plan->due_ms, seen->no_repair_before_ms);
        return PORT_VERDICT_BACK_OFF;
    }
    if (cause == PORT_CAUSE_OPERATOR) {
        long long int until = confirm_until(d, seen, gates);
        if (until) {
            plan->due_ms = MIN(plan->due_ms, until);
            return PORT_VERDICT_CONFIRM;
        }
    }
    return PORT_VERDICT_APPLY;
}

/* The columns of 'd' that have to change, as bits.  Without intent they stay
 * as found, unless they are another VM's. */
static unsigned int
diff_columns(const struct desired_vnic *d, const struct port_memory *seen)
{
    return d->vlan.mode == VLAN_NONE && !has_other_vms_columns(d->port, seen)
           ? 0
           : vlan_columns_diff(&d->port->columns, &d->vlan);
}

/* Plans the VLAN columns of 'd'.  Returns false if they are not right and will
 * not be made so now. */
static bool
plan_columns(const struct desired_vnic *d, const struct memory *memory,
             const struct port_memory *seen,
             const struct port_plan_gates *gates, struct port_plan *plan)
{
    unsigned int diff = diff_columns(d, seen);
    if (!diff) {
        return true;
    }

    enum port_cause cause = find_cause(d, seen, memory);
    enum port_verdict verdict = judge(d, cause, seen, gates, plan);
    for (enum vlan_column column = 0; column < N_VLAN_COLUMNS; column++) {
        if (diff & (1u << column)) {
            struct port_op *op = add_op(plan, d, PORT_OP_SET, cause);
            op->verdict = verdict;
            op->column = column;
            op->after = vlan_columns_from_spec(&d->vlan);
        }
    }
    return verdict == PORT_VERDICT_APPLY;
}

/* Holds 'op' back if our mark came and went too often of late. */
static void
hold_mark(struct port_op *op, const struct port_memory *seen,
          const struct port_plan_gates *gates, struct port_plan *plan)
{
    if (!gates->is_forced && gates->now < seen->no_mark_before_ms) {
        op->verdict = PORT_VERDICT_BACK_OFF;
        plan->due_ms = MIN(plan->due_ms, seen->no_mark_before_ms);
    }
}

/* Plans our mark on a port whose VLANs are right, or become so in the same
 * transaction: whose plug it is, and "ready" once the switch has opened it. */
static void
plan_mark(const struct desired_vnic *d, bool is_changed,
          const struct port_memory *seen, const struct port_plan_gates *gates,
          struct port_plan *plan)
{
    bool is_marked = port_view_is_marked(d->port);
    bool is_open = d->port->ofport > 0;

    if (is_open ? !is_marked || !d->port->ready_ms
                : is_changed && !is_marked) {
        struct port_op *op = add_op(plan, d, PORT_OP_MARK, PORT_CAUSE_READY);
        op->is_ready = is_open;
        hold_mark(op, seen, gates, plan);
    }
}

static void
plan_vnic(const struct desired_vnic *d, const struct memory *memory,
          const struct port_plan_gates *gates, struct port_plan *plan)
{
    const struct port_memory *seen
        = d->port ? memory_find_port(memory, &d->port->row) : NULL;

    if (seen && desired_vnic_is_written(d)) {
        size_t n_ops = plan->n_ops;
        bool is_right = plan_columns(d, memory, seen, gates, plan);
        if (is_right && d->care == VNIC_MANAGED) {
            plan_mark(d, plan->n_ops > n_ops, seen, gates, plan);
        }
    }
    if (seen && d->care == VNIC_QUARANTINED && d->port->ready_ms) {
        hold_mark(add_op(plan, d, PORT_OP_UNMARK, PORT_CAUSE_NOT_READY), seen,
                  gates, plan);
    }
    if (seen && d->care == VNIC_DISOWNED && port_view_bears_mark(d->port)) {
        add_op(plan, d, PORT_OP_FORGET, PORT_CAUSE_NOT_MANAGED);
    }
}

/* Stores in 'plan', whose content is overwritten unread, what has to be done
 * so that the ports become what 'desired' says.  'memory' must have noted the
 * view that 'desired' was computed from.  The plan points into 'desired'. */
void
port_plan_compute(const struct desired *desired, const struct memory *memory,
                  const struct port_plan_gates *gates, struct port_plan *plan)
{
    *plan = (struct port_plan) PORT_PLAN_INIT;
    for (size_t i = 0; i < desired->n_vnics; i++) {
        plan_vnic(&desired->vnics[i], memory, gates, plan);
    }
}

void
port_plan_destroy(struct port_plan *plan)
{
    free(plan->ops);
    *plan = (struct port_plan) PORT_PLAN_INIT;
}

/* True if 'plan' has something to write now. */
bool
port_plan_has_work(const struct port_plan *plan)
{
    for (size_t i = 0; i < plan->n_ops; i++) {
        if (plan->ops[i].verdict == PORT_VERDICT_APPLY) {
            return true;
        }
    }
    return false;
}

/* Returns the first planned change to the VLANs of 'vnic', or NULL if they are
 * right. */
const struct port_op *
port_plan_find_vlan_op(const struct port_plan *plan,
                       const struct desired_vnic *vnic)
{
    for (size_t i = 0; i < plan->n_ops; i++) {
        const struct port_op *op = &plan->ops[i];
        if (op->vnic == vnic && op->kind == PORT_OP_SET) {
            return op;
        }
    }
    return NULL;
}

/* Words for people. */

/* Returns what 'op' does, or would do: "set", "confirm", "report", "mark",
 * "unmark". */
const char *
port_op_kind_to_string(const struct port_op *op)
{
    switch (op->verdict) {
    case PORT_VERDICT_CONFIRM:
        return "confirm";
    case PORT_VERDICT_REPORT:
        return "report";
    case PORT_VERDICT_BACK_OFF:
        return "back-off";
    case PORT_VERDICT_APPLY:
        break;
    }
    switch (op->kind) {
    case PORT_OP_SET:
        return "set";
    case PORT_OP_MARK:
        return "mark";
    case PORT_OP_UNMARK:
        return "unmark";
    case PORT_OP_FORGET:
        return "forget";
    }
    OVS_NOT_REACHED();
}

/* Returns what 'op' acts on, "Port vnet0 tag", as a malloc'd string. */
char *
port_op_object(const struct port_op *op)
{
    const char *port = op->vnic->port->name;
    return op->kind == PORT_OP_SET
           ? xasprintf("Port %s %s", port, vlan_column_to_string(op->column))
           : xasprintf("Interface %s external_ids", port);
}

static char *
column_to_string(const struct vlan_spec *columns, enum vlan_column column)
{
    struct ds s = DS_EMPTY_INITIALIZER;
    vlan_column_format(columns, column, &s);
    return ds_steal_cstr(&s);
}

/* Returns what is there, as a malloc'd string. */
char *
port_op_before(const struct port_op *op)
{
    const struct port_view *port = op->vnic->port;
    if (op->kind == PORT_OP_SET) {
        return column_to_string(&port->columns, op->column);
    }
    return xstrdup(!port_view_is_marked(port) ? "unmarked"
                   : port->ready_ms ? "ready" : "marked");
}

/* Returns what 'op' puts there, as a malloc'd string. */
char *
port_op_after(const struct port_op *op)
{
    switch (op->kind) {
    case PORT_OP_SET:
        return column_to_string(&op->after, op->column);
    case PORT_OP_MARK:
        return xstrdup(op->is_ready ? "ready" : "marked");
    case PORT_OP_UNMARK:
        return xstrdup("marked");
    case PORT_OP_FORGET:
        return xstrdup("unmarked");
    }
    OVS_NOT_REACHED();
}
