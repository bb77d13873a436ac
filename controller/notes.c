/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */

/* Which things are worth a note, and where it goes.  Decides nothing. */

#include <config.h>
#include "controller/notes.h"

#include <stdlib.h>

#include "controller/journal.h"
#include "controller/reconcile.h"
#include "lib/cleanup.h"
#include "openvswitch/vlog.h"
#include "util.h"

VLOG_DEFINE_THIS_MODULE(notes);

void
notes_init(struct notes *notes)
{
    memory_init(&notes->memory);
    notes->journal = journal_create();
}

void
notes_destroy(struct notes *notes)
{
    memory_destroy(&notes->memory);
    journal_destroy(notes->journal);
}

/* Remembers which VLANs are in force, where the port has them already. */
static void
remember_intents(struct memory *memory, const struct pass *pass)
{
    for (size_t i = 0; i < pass->desired.n_vnics; i++) {
        const struct desired_vnic *d = &pass->desired.vnics[i];
        if (desired_vnic_is_written(d)
            && !port_plan_find_vlan_op(&pass->plan, d)) {
            memory_note_vlan(memory, &d->vnic.id, &d->vlan, d->source);
        }
    }
}

/* Remembers which ports are not ours. */
static void
remember_disowned(struct memory *memory, const struct desired *desired)
{
    for (size_t i = 0; i < desired->n_vnics; i++) {
        const struct desired_vnic *d = &desired->vnics[i];
        if (d->care == VNIC_DISOWNED && d->port) {
            memory_disown_port(memory, &d->port->row);
        }
    }
}

/* Records and logs 'op', which was done or is only reported. */
static void
record(struct journal *journal, const struct port_op *op,
       long long int wall_ms)
{
    CLEANUP_FREE char *label = port_op_label(op);
    CLEANUP_FREE char *object = port_op_object(op);
    CLEANUP_FREE char *before = port_op_before(op);
    CLEANUP_FREE char *after = port_op_after(op);

    if (port_op_is_repair(op)) {
        journal_add(journal, op, wall_ms);
    }
    VLOG_INFO("%s%s: %s %s: %s -> %s (%s)", op->bridge ? "" : "vnic ", label,
              port_op_kind_to_string(op), object, before, after,
              port_cause_to_string(op->cause));
}

/* Which of a port's repairs is 'op'? */
static unsigned int
repair_of(const struct port_op *op)
{
    return (op->kind == PORT_OP_SET ? op->column
            : op->kind == PORT_OP_LINK_QOS ? MEMORY_QOS
            : op->kind == PORT_OP_IDENTIFY ? MEMORY_KEYS : MEMORY_MARK);
}

/* Takes note that 'op' is reported.  Returns false if it has been before, or
 * is an orphan: these have a listing of their own. */
static bool
note_report(struct memory *memory, const struct port_op *op)
{
    if (op->orphan) {
        return false;
    }

    bool was_reported;
    if (op->kind == PORT_OP_PLUG) {
        struct vnic_memory *seen = memory_find_vnic(memory,
                                                    &op->vnic->vnic.id);
        was_reported = seen->is_reported;
        seen->is_reported = true;
    } else {
        struct port_memory *seen = memory_find_port(memory,
                                                    &op->vnic->port->row);
        unsigned int bit = 1u << repair_of(op);
        was_reported = seen->reported & bit;
        seen->reported |= bit;
    }
    return !was_reported;
}

/* May 'op', of a port, be one of a fight?  A mark that is not complete is only
 * a step to one that is, and whoever edits a port group means it. */
static bool
may_be_fight(const struct port_op *op)
{
    return op->kind == PORT_OP_MARK
           ? op->is_ready
           : op->cause != PORT_CAUSE_PORTGROUP_EDIT
             && (port_cause_is_drift(op->cause) || !port_op_is_repair(op));
}

/* Counts what somebody else may have made necessary. */
static void
remember_repair(struct memory *memory, const struct port_op *op,
                long long int now)
{
    const struct uuid *row = &op->vnic->port->row;
    if (op->kind == PORT_OP_MARK) {
        CLEANUP_FREE char *isolation
            = policy_isolation_to_string(&op->vnic->policy);
        memory_note_mark(memory, row, isolation, now);
    } else {
        memory_note_repair(memory, row, repair_of(op), now);
    }
}

/* Counts what may turn out to be a fight. */
static void
remember_deed(struct memory *memory, const struct port_op *op,
              long long int now)
{
    if (op->bridge) {
        if (port_cause_is_drift(op->cause)) {
            (op->kind == PORT_OP_SECURE ? memory_note_fail_mode
             : memory_note_pair)(memory, op->bridge->view->name, now);
        }
    } else if (op->kind == PORT_OP_PLUG) {
        memory_note_plug(memory, &op->vnic->vnic.id, now);
    } else if (op->orphan && op->orphan->vnic) {
        memory_note_unplug(memory, &op->orphan->vnic->vnic.id);
    } else if (!op->orphan && may_be_fight(op)) {
        remember_repair(memory, op, now);
    }
}

/* Takes note of which VLANs are in force, which ports are not ours and, once
 * per change of a port, of what an operator has to decide.  'wall_ms' is in ms
 * since the epoch. */
void
notes_take_of_plan(struct notes *notes, const struct pass *pass,
                   long long int wall_ms)
{
    remember_intents(&notes->memory, pass);
    remember_disowned(&notes->memory, &pass->desired);
    for (size_t i = 0; i < pass->plan.n_ops; i++) {
        const struct port_op *op = &pass->plan.ops[i];
        if (op->verdict == PORT_VERDICT_REPORT
            && note_report(&notes->memory, op)) {
            record(notes->journal, op, wall_ms);
        }
    }
}

/* Takes note of what was done, at 'now' in monotonic ms, which is 'wall_ms'
 * since the epoch. */
void
notes_take_of_deeds(struct notes *notes, const struct pass *pass,
                    long long int now, long long int wall_ms)
{
    for (size_t i = 0; i < pass->plan.n_ops; i++) {
        const struct port_op *op = &pass->plan.ops[i];
        if (op->verdict == PORT_VERDICT_APPLY) {
            record(notes->journal, op, wall_ms);
            remember_deed(&notes->memory, op, now);
        }
    }
}

/* Takes note of the row that the database has refused at 'now', if 'pass' has
 * sent a single one. */
void
notes_take_of_refusal(struct notes *notes, const struct pass *pass,
                      long long int now)
{
    for (size_t i = 0; i < pass->plan.n_ops; i++) {
        const struct port_op *op = &pass->plan.ops[i];
        if (op->verdict != PORT_VERDICT_APPLY || !port_op_is_of_row(op)) {
            continue;
        }
        if (op->bridge) {
            memory_note_refused_pair(&notes->memory, op->bridge->view->name,
                                     now);
        } else if (op->kind == PORT_OP_PLUG) {
            memory_note_refused_plug(&notes->memory, &op->vnic->vnic.id, now);
        } else {
            memory_note_refused_collect(&notes->memory, &op->orphan->row,
                                        now);
        }
    }
}
