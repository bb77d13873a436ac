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
 *     writes a new row right, so what is wrong is left over from before, unless
 *     it is just what libvirt knows, and the rest of the intent is for us.
 *   - Its guest is just about to start: whatever differs is left over from
 *     before, and nobody has meant anything yet.
 *   - The vNIC was there before us: perhaps somebody meant it so.  We report.
 *
 * A port that is missing is put back when libvirt, asked after it was gone,
 * still calls the guest running: when a guest ends, its port goes first.
 *
 * And nobody wins a fight: a port that has to be put right over and over is
 * left alone for a while.
 */

#include <config.h>
#include "ovsdb/port-plan.h"

#include <limits.h>
#include <stdlib.h>

#include "lib/cleanup.h"
#include "lib/desired.h"
#include "lib/isolation.h"
#include "lib/memory.h"
#include "lib/orphan.h"
#include "lib/switch-view.h"
#include "ovsdb/bridge-plan.h"
#include "ovsdb/planner.h"
#include "util.h"
#include "uuid.h"

/* Judging: may what is wrong be put right, and now? */

/* The row demonstrably carries what was meant for another VM. */
static bool
has_other_vms_columns(const struct port_view *port,
                      const struct port_memory *seen)
{
    return port_view_is_another_vms(port)
           || (seen->had_other_vm && !port_view_is_marked(port));
}

/* Did the port group, or the network, of 'd' change its VLANs while the guest
 * runs?  Not if the domain's metadata said what was last in force.  If nothing
 * is known of that, we were not there to see, but the port is still as libvirt
 * made it when the guest started. */
static bool
is_portgroup_edited(const struct desired_vnic *d, const struct memory *memory)
{
    if (d->source != VLAN_FROM_PORTGROUP && d->source != VLAN_FROM_NETWORK) {
        return false;
    }

    const struct vlan_spec *before = memory_find_vlan(memory, &d->vnic.id);
    const struct vlan_spec *said = memory_find_xml_vlan(memory, &d->vnic.id);
    return before
           ? said && vlan_spec_equals(before, said)
             && !vlan_spec_equals(before, &d->vlan)
           : vnic_is_merged(&d->vnic)
             && !vlan_columns_diff(&d->port->columns, &d->vnic.vlan);
}

/* Is the port of 'd' as libvirt made it, and 'd' meant for VLANs that libvirt
 * does not know? */
static bool
is_unknown_to_libvirt(const struct desired_vnic *d)
{
    return (d->source == VLAN_FROM_METADATA || d->source == VLAN_FROM_DEFAULT)
           && !vlan_columns_diff(&d->port->columns, &d->vnic.vlan);
}

/* Is the guest of 'd' just about to start, with all of its ports plugged? */
static bool
is_starting(const struct desired_vnic *d)
{
    return d->stage == DOMAIN_STARTING;
}

/* Was 'd', which has a port, there before us? */
static bool
is_first_contact(const struct desired_vnic *d, const struct port_memory *seen)
{
    return seen->is_first_contact && !is_starting(d);
}

/* Why do the columns of 'd', which has a port, differ from its intent? */
static enum port_cause
find_cause(const struct desired_vnic *d, const struct port_memory *seen,
           const struct memory *memory)
{
    if (has_other_vms_columns(d->port, seen)) {
        return PORT_CAUSE_STALE_ROW;
    }
    if (!d->port->lacks_keys
        && (!port_view_is_marked(d->port) || is_starting(d))) {
        return (is_first_contact(d, seen) ? PORT_CAUSE_FIRST_CONTACT
                : is_unknown_to_libvirt(d) ? PORT_CAUSE_INTENT
                : PORT_CAUSE_STALE_ROW);
    }

    if (is_portgroup_edited(d, memory)) {
        return PORT_CAUSE_PORTGROUP_EDIT;
    }
    const struct vlan_spec *before = memory_find_vlan(memory, &d->vnic.id);
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

/* Judges a difference of 'd' with 'cause' that is not to be put right before
 * 'not_before_ms', because that was done too often of late. */
static enum port_verdict
judge(const struct planner *p, const struct desired_vnic *d,
      enum port_cause cause, long long int not_before_ms)
{
    if (p->gates->is_forced) {
        return PORT_VERDICT_APPLY;
    }
    if (is_only_reported(d, cause) && !is_starting(d)) {
        return PORT_VERDICT_REPORT;
    }
    if (port_cause_is_drift(cause) && p->gates->now < not_before_ms) {
        planner_look_again(p, not_before_ms);
        return PORT_VERDICT_BACK_OFF;
    }
    return PORT_VERDICT_APPLY;
}

/* VLAN columns. */

static enum port_verdict
judge_columns(const struct planner *p, const struct desired_vnic *d,
              enum port_cause cause, const struct port_memory *seen)
{
    enum port_verdict verdict = judge(p, d, cause, seen->no_repair_before_ms);
    if (verdict == PORT_VERDICT_APPLY && cause == PORT_CAUSE_OPERATOR) {
        long long int until = confirm_until(d, seen, p->gates);
        if (until) {
            planner_look_again(p, until);
            return PORT_VERDICT_CONFIRM;
        }
    }
    return verdict;
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
plan_columns(const struct planner *p, const struct desired_vnic *d,
             const struct port_memory *seen)
{
    unsigned int diff = diff_columns(d, seen);
    if (!diff) {
        return true;
    }

    enum port_cause cause = find_cause(d, seen, p->memory);
    enum port_verdict verdict = judge_columns(p, d, cause, seen);
    for (enum vlan_column column = 0; column < N_VLAN_COLUMNS; column++) {
        if (diff & (1u << column)) {
            struct port_op *op = planner_add(p, d, PORT_OP_SET, cause);
            op->verdict = verdict;
            op->column = column;
            op->after = vlan_columns_from_spec(&d->vlan);
        }
    }
    return verdict == PORT_VERDICT_APPLY;
}

/* libvirt's keys. */

/* Plans to put back the keys by which the port of 'd' is known, if somebody has
 * removed them.  Returns false if they are missing and will not be put back
 * now. */
static bool
plan_keys(const struct planner *p, const struct desired_vnic *d,
          const struct port_memory *seen)
{
    if (!d->port->lacks_keys) {
        return true;
    }
    struct port_op *op = planner_add(p, d, PORT_OP_IDENTIFY,
                                     PORT_CAUSE_OPERATOR);
    op->verdict = judge(p, d, op->cause, seen->no_repair_before_ms);
    return op->verdict == PORT_VERDICT_APPLY;
}

/* Quality of service. */

/* May libvirt still say that it has just taken the limit of 'd' away?  Before
 * it removes such rows, it unlinks them. */
static bool
is_limit_in_doubt(const struct desired_vnic *d, const struct port_memory *seen)
{
    return d->can_be_asked && d->read_ms < seen->qos_ms && !is_starting(d);
}

/* Plans to link what libvirt made for the vNIC's bandwidth, if the port does
 * not use it: libvirt finds its rows of an earlier start again, and does not
 * link them.  Returns false if that is not made right now. */
static bool
plan_qos(const struct planner *p, const struct desired_vnic *d,
         const struct port_memory *seen)
{
    if (!d->qos) {
        return true;
    }

    bool is_new = !is_first_contact(d, seen) || port_view_is_marked(d->port);
    enum port_cause cause = (is_new ? PORT_CAUSE_QOS_UNLINKED
                             : PORT_CAUSE_FIRST_CONTACT);
    struct port_op *op = planner_add(p, d, PORT_OP_LINK_QOS, cause);
    op->verdict = judge(p, d, cause, seen->no_repair_before_ms);
    if (op->verdict == PORT_VERDICT_APPLY && !p->gates->is_forced
        && is_limit_in_doubt(d, seen)) {
        op->verdict = PORT_VERDICT_CONFIRM;
    }
    return op->verdict == PORT_VERDICT_APPLY;
}

/* Missing ports. */

/* Does the guest of 'd' run without a port, though it is to have one that we
 * know how to make? */
static bool
is_missing(const struct desired_vnic *d)
{
    return !d->port && !d->is_stray && desired_vnic_is_meant(d)
           && d->bridge && vnic_port_name(&d->vnic) && !d->is_name_taken;
}

/* Has libvirt, asked after the port was gone, said that the guest runs with
 * it?  When a guest ends, its port goes first. */
static bool
is_confirmed(const struct desired_vnic *d, const struct vnic_memory *seen)
{
    return d->can_be_asked && d->read_ms >= seen->missing_ms;
}

/* The columns for a new port of 'd'.  If nobody meant any VLAN, it gets those
 * that it had: without them it would be on all VLANs. */
static struct vlan_spec
columns_for_plug(const struct desired_vnic *d, const struct vnic_memory *seen)
{
    return d->vlan.mode == VLAN_NONE && seen->had_port
           ? seen->columns : vlan_columns_from_spec(&d->vlan);
}

/* Why does 'd' have no port? */
static enum port_cause
find_missing_cause(const struct desired_vnic *d,
                   const struct vnic_memory *seen)
{
    if (d->is_ours_to_plug && !seen->had_port) {
        return PORT_CAUSE_INTENT;
    }
    return (seen->had_port || !seen->is_first_contact
            ? PORT_CAUSE_PORT_DELETED : PORT_CAUSE_FIRST_CONTACT);
}

/* Is the port of 'd', which is missing, a matter of whoever starts its guest?
 * That is so for one that libvirt plugs, as long as it has just done so, or if
 * the guest never had one while we looked. */
static bool
is_left_to_libvirt(const struct desired_vnic *d,
                   const struct vnic_memory *seen,
                   const struct port_plan_gates *gates)
{
    return !d->is_ours_to_plug
           && (is_starting(d)
               || (!seen->had_port && !seen->is_first_contact
                   && !gates->is_forced));
}

/* Plans the port of 'd', which is missing. */
static void
plan_plug(const struct planner *p, const struct desired_vnic *d,
          const struct vnic_memory *seen)
{
    if (is_left_to_libvirt(d, seen, p->gates)) {
        return;
    }

    enum port_cause cause = find_missing_cause(d, seen);
    struct port_op *op = planner_add(p, d, PORT_OP_PLUG, cause);
    op->after = columns_for_plug(d, seen);
    op->verdict = (cause == PORT_CAUSE_INTENT || is_confirmed(d, seen)
                   ? judge(p, d, cause, seen->no_plug_before_ms)
                   : PORT_VERDICT_CONFIRM);
    planner_hold_back(p, op, seen->no_plug_before_ms);
}

/* Marks. */

/* Has the switch done all that it has to for 'd'?  Opened its port, and where
 * its bridge has a pipeline, said that it has the vNIC's flows. */
static bool
is_done(const struct desired_vnic *d)
{
    return d->port->ofport > 0
           && (d->flows == FLOWS_NONE || d->flows == FLOWS_INSTALLED);
}

/* Does our mark say which class 'd' is of? */
static bool
is_isolation_marked(const struct desired_vnic *d)
{
    CLEANUP_FREE char *isolation = policy_isolation_to_string(&d->policy);
    return nullable_string_is_equal(isolation, d->port->marked_isolation);
}

/* Will flows of 'd', which the switch does not have, be there in a moment? */
static bool
are_flows_coming(const struct desired *desired, const struct desired_vnic *d)
{
    const struct desired_bridge *bridge
        = d->port ? desired_find_bridge(desired, d->port->bridge) : NULL;
    return d->flows == FLOWS_PENDING && bridge && bridge->are_flows_coming;
}

/* Is the guest of 'd' being started, and are flows of any of its vNICs yet to
 * come?  When they are there all of them are marked at the same time. */
static bool
awaits_others(const struct desired *desired, const struct desired_vnic *d)
{
    for (size_t i = 0; d->stage == DOMAIN_STARTING && i < desired->n_vnics;
         i++) {
        const struct desired_vnic *other = &desired->vnics[i];
        if (uuid_equals(&other->vnic.id.domain, &d->vnic.id.domain)
            && are_flows_coming(desired, other)) {
            return true;
        }
    }
    return false;
}

/* Is the port of 'd', which does not say so, ours to remove?  It is if it is
 * the one that we would make: the mark was taken off it while its bridge was
 * not ours to manage, or the metadata came after the port.  One with iface-id,
 * as libvirt's have, is not. */
static bool
lacks_plug_mark(const struct desired_vnic *d)
{
    return !d->port->is_plugged_by_us && !d->port->has_iface_id
           && desired_vnic_is_plugged_as_meant(d);
}

/* Plans our mark on a port whose VLANs are right, or become so in the same
 * transaction: whose plug it is, and "ready" once the switch is done, with the
 * class that it has then.  A port that we plugged is ours until it is removed,
 * also if nothing is meant for it any more. */
static void
plan_mark(const struct planner *p, const struct desired_vnic *d,
          bool is_changed, const struct port_memory *seen)
{
    bool is_marked = port_view_is_marked(d->port);
    bool is_ready = is_done(d) && !awaits_others(p->desired, d);
    bool is_adopted = lacks_plug_mark(d);

    if (is_ready ? !is_marked || !d->port->ready_ms || !is_isolation_marked(d)
                   || is_adopted
                 : (is_changed || is_adopted) && !is_marked) {
        struct port_op *op = planner_add(p, d, PORT_OP_MARK,
                                         PORT_CAUSE_READY);
        op->is_ready = is_ready;
        op->is_plugged = is_adopted || d->port->is_plugged_by_us;
        planner_hold_back(p, op, seen->no_mark_before_ms);
    }
}

/* vNICs and orphans. */

/* Plans to keep 'd', if it is ours to look after, out of the spanning tree: the
 * switch would listen to the BPDUs of a guest before any flow sees them. */
static void
plan_stp(const struct planner *p, const struct desired_vnic *d,
         const struct port_memory *seen)
{
    const struct desired_bridge *bridge
        = desired_find_bridge(p->desired, d->port->bridge);
    if (bridge && bridge->needs_pipeline && bridge->view->runs_stp
        && isolation_is_of_bridge(d, bridge->view) && !d->port->is_off_stp) {
        planner_hold_back(p, planner_add(p, d, PORT_OP_LEAVE_STP,
                                         PORT_CAUSE_PIPELINE),
                          seen->no_mark_before_ms);
    }
}

static void
plan_port(const struct planner *p, const struct desired_vnic *d,
          const struct port_memory *seen)
{
    if (desired_vnic_is_written(d)) {
        size_t n_ops = p->plan->n_ops;
        bool has_keys = plan_keys(p, d, seen);
        bool is_right = plan_columns(p, d, seen);
        bool is_limited = plan_qos(p, d, seen);
        if (has_keys && is_right && is_limited && d->care == VNIC_MANAGED) {
            plan_mark(p, d, p->plan->n_ops > n_ops, seen);
        }
    }
    if ((d->care == VNIC_QUARANTINED || d->flows == FLOWS_REFUSED)
        && d->port->ready_ms) {
        planner_hold_back(p, planner_add(p, d, PORT_OP_UNMARK,
                                         PORT_CAUSE_NOT_READY),
                          seen->no_mark_before_ms);
    }
    if (d->care == VNIC_DISOWNED && port_view_bears_mark(d->port)) {
        planner_add(p, d, PORT_OP_FORGET, PORT_CAUSE_NOT_MANAGED);
    }
}

static void
plan_vnic(const struct planner *p, const struct desired_vnic *d)
{
    if (d->stage == DOMAIN_PREPARED) {
        return;
    } else if (d->port) {
        const struct port_memory *seen
            = memory_find_port(p->memory, &d->port->row);
        if (seen) {
            plan_port(p, d, seen);
            plan_stp(p, d, seen);
        }
    } else if (is_missing(d)) {
        const struct vnic_memory *seen
            = memory_find_vnic(p->memory, &d->vnic.id);
        if (seen) {
            plan_plug(p, d, seen);
        }
    }
}

/* Judges an orphan: our own port goes at once, and so does one that is swept, if
 * the settings have us remove it; another one when all that libvirt says was
 * asked for after it has been one for long enough, or after an operator asked
 * for it. */
static enum port_verdict
judge_orphan(const struct planner *p, const struct orphan *orphan)
{
    const struct port_plan_gates *gates = p->gates;
    if (gates->now < orphan->not_before_ms) {
        planner_look_again(p, orphan->not_before_ms);
        return PORT_VERDICT_BACK_OFF;
    }
    if (orphan->is_plugged_by_us) {
        return PORT_VERDICT_APPLY;
    }

    bool is_asked_for = gates->collect_ms < LLONG_MAX;
    if (!orphan->is_collected && !is_asked_for) {
        return PORT_VERDICT_REPORT;
    }
    if (orphan->is_swept) {
        return PORT_VERDICT_APPLY;
    }

    long long int needed_ms = MIN(orphan->since_ms + ORPHAN_AGE_MS,
                                  gates->collect_ms);
    if (p->desired->read_ms >= needed_ms) {
        return PORT_VERDICT_APPLY;
    }
    if (gates->now < needed_ms) {
        planner_look_again(p, needed_ms);
    } else {
        p->plan->needs_reading = true;
    }
    return PORT_VERDICT_CONFIRM;
}

static void
plan_orphans(const struct planner *p, const struct orphans *orphans)
{
    for (size_t i = 0; i < orphans->n; i++) {
        const struct orphan *orphan = &orphans->orphans[i];
        enum port_cause cause = (orphan->is_plugged_by_us ? PORT_CAUSE_INTENT
                                 : PORT_CAUSE_ORPHAN);
        struct port_op *op = planner_add(p, NULL, PORT_OP_COLLECT, cause);
        op->orphan = orphan;
        op->verdict = judge_orphan(p, orphan);
    }
}

/* Order. */

static bool
is_due(const struct port_op *op, bool is_row)
{
    return op->verdict == PORT_VERDICT_APPLY
           && port_op_is_of_row(op) == is_row;
}

/* Holds back the whole rows that are to be made or removed, as long as anything
 * else is to be done: the database may refuse them, and with them whatever is
 * in the same transaction.  Once it has refused several, they go one by one. */
static void
hold_rows(const struct port_plan_gates *gates, struct port_plan *plan)
{
    bool is_held = false;
    for (size_t i = 0; i < plan->n_ops; i++) {
        is_held = is_held || is_due(&plan->ops[i], false);
    }
    for (size_t i = 0; i < plan->n_ops; i++) {
        struct port_op *op = &plan->ops[i];
        if (!is_due(op, true)) {
            continue;
        }
        if (is_held) {
            op->verdict = PORT_VERDICT_WAIT;
            plan->has_more = true;
        }
        is_held = is_held || gates->is_row_by_row;
    }
}

/* Stores in 'plan', whose content is overwritten unread, what has to be done
 * so that the ports become what 'desired' says, and so that 'orphans' go.
 * 'memory' must have noted all of them.  The plan points into them. */
void
port_plan_compute(const struct desired *desired, const struct orphans *orphans,
                  const struct memory *memory,
                  const struct port_plan_gates *gates, struct port_plan *plan)
{
    struct planner planner = {
        .desired = desired,
        .memory = memory,
        .gates = gates,
        .plan = plan,
    };
    *plan = (struct port_plan) PORT_PLAN_INIT;
    for (size_t i = 0; i < desired->n_vnics; i++) {
        plan_vnic(&planner, &desired->vnics[i]);
    }
    for (size_t i = 0; i < desired->n_bridges; i++) {
        bridge_plan(&planner, &desired->bridges[i]);
    }
    plan_orphans(&planner, orphans);
    hold_rows(gates, plan);
}

void
port_plan_destroy(struct port_plan *plan)
{
    free(plan->ops);
    *plan = (struct port_plan) PORT_PLAN_INIT;
}

/* Returns how many whole rows 'plan' makes or removes now. */
size_t
port_plan_count_rows(const struct port_plan *plan)
{
    size_t n = 0;
    for (size_t i = 0; i < plan->n_ops; i++) {
        n += is_due(&plan->ops[i], true);
    }
    return n;
}

static bool
has_verdict(const struct port_plan *plan, enum port_verdict verdict)
{
    for (size_t i = 0; i < plan->n_ops; i++) {
        if (plan->ops[i].verdict == verdict) {
            return true;
        }
    }
    return false;
}

/* True if 'plan' has something to write now. */
bool
port_plan_has_work(const struct port_plan *plan)
{
    return has_verdict(plan, PORT_VERDICT_APPLY);
}

/* True if 'plan' leaves something for later that has been tried in vain. */
bool
port_plan_backs_off(const struct port_plan *plan)
{
    return has_verdict(plan, PORT_VERDICT_BACK_OFF);
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

/* Returns the VLANs that 'vnic', which has a port, is to have while 'plan' is
 * carried out.  What is only reported, or left alone, stays as the port has
 * it, unless that allows the guest more than is meant; what was there before us
 * stays, whatever it is. */
struct vlan_spec
port_plan_vlans(const struct port_plan *plan, const struct desired_vnic *vnic)
{
    const struct port_op *op = port_plan_find_vlan_op(plan, vnic);
    if (!op || (op->verdict != PORT_VERDICT_REPORT
                && op->verdict != PORT_VERDICT_BACK_OFF)) {
        return desired_vnic_vlans(vnic);
    }
    struct vlan_spec found = vlan_columns_to_spec(&vnic->port->columns);
    return op->cause != PORT_CAUSE_FIRST_CONTACT
           && vlan_spec_is_within(&vnic->vlan, &found)
           ? vnic->vlan : found;
}

/* Returns the first planned operation that puts something of 'vnic' right, or
 * NULL if nothing is wrong. */
const struct port_op *
port_plan_find_repair(const struct port_plan *plan,
                      const struct desired_vnic *vnic)
{
    for (size_t i = 0; i < plan->n_ops; i++) {
        const struct port_op *op = &plan->ops[i];
        if (op->vnic == vnic && port_op_is_repair(op)) {
            return op;
        }
    }
    return NULL;
}
