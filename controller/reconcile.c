/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */

/* The heart of the agent: observe, decide, diff, act.  Start reading here.
 *
 * Whenever something observed changes, a *pass* computes everything anew: what
 * the switch has, what is meant, where they differ, and acts on the difference
 * in one transaction.  There is no incremental state to go wrong.  What little
 * a pass must know of earlier ones is in lib/memory.h.
 *
 * While a transaction is on its way no new pass starts, so 'pass' is always
 * what that transaction was made from.  None starts either while the database
 * is away: who waits for a pass waits for one that has looked at it. */

#include <config.h>
#include "controller/reconcile.h"

#include <limits.h>
#include <stdlib.h>

#include "controller/inputs.h"
#include "controller/netdevs.h"
#include "controller/notes.h"
#include "controller/switch-flows.h"
#include "coverage.h"
#include "lib/cleanup.h"
#include "lib/identify.h"
#include "lib/memory.h"
#include "openvswitch/poll-loop.h"
#include "openvswitch/vlog.h"
#include "ovsdb/ovs-view.h"
#include "ovsdb/ovsdb-conn.h"
#include "ovsdb/port-apply.h"
#include "timeval.h"
#include "util.h"

VLOG_DEFINE_THIS_MODULE(reconcile);

COVERAGE_DEFINE(reconcile_pass);

static struct vlog_rate_limit rl = VLOG_RATE_LIMIT_INIT(5, 20);

/* How long a pass waits for libvirt's answers that are under way, so that a
 * burst of changes makes one transaction. */
enum { SETTLE_MS = 100 };

/* The pauses after a transaction that came too late, and after one that the
 * database refused. */
enum { TRY_AGAIN_MS = 10, RETRY_MS = 1000 };

/* The pause between two complete readings for the sake of orphans. */
enum { READ_ALL_PAUSE_MS = 5000 };

struct reconciler {
    struct inputs *in;
    struct switch_flows *flows;
    struct pass pass;           /* The newest one. */
    unsigned int view_seqno;    /* Of the database, at its 'view'. */
    struct notes notes;         /* Of all of them. */
    uint64_t n_passes;
    uint64_t seen_seqno;        /* Of the inputs, at the newest pass. */
    unsigned int seen_flows;    /* seqno of the flows, at the newest pass. */
    bool is_dirty;              /* A pass is due though nothing changed. */
    bool is_hurried;            /* A pass does not wait for libvirt: a guest
                                 * waits for it. */
    struct wishes wishes;
    bool was_answered;          /* libvirt had answered everything when an
                                 * operator's wish was last served. */
    bool is_retry_due;          /* Somebody wishes for a repair, and bridges
                                 * have not been told yet. */
    long long int may_read_ms;  /* Not before, everything is read once more for
                                 * the sake of what waits for it. */
    bool awaits_reading;        /* A pass is due when that has been done. */
    bool is_row_by_row;         /* The database has refused several rows at
                                 * once; until all are dealt with. */
    long long int retry_ms;     /* No pass before, monotonic. */
    char *error;                /* Why the last transaction failed, or NULL:
                                 * nothing is left of that. */
};

/* A pass. */

/* Clears what follows from the view. */
static void
pass_clear(struct pass *pass)
{
    port_plan_destroy(&pass->plan);
    orphans_destroy(&pass->orphans);
    desired_destroy(&pass->desired);
    pass->is_written = false;
}

static void
pass_destroy(struct pass *pass)
{
    pass_clear(pass);
    switch_view_destroy(&pass->view);
}

/* Does what we know of libvirt leave open why the port of 'd' is as it is? */
static bool
is_puzzling(const struct desired_vnic *d)
{
    return d->port && (d->care == VNIC_UNKNOWN || d->care == VNIC_UNMANAGED);
}

/* May libvirt have the last word on 'op'? */
static bool
is_in_doubt(const struct port_op *op)
{
    return op->cause == PORT_CAUSE_OPERATOR
           || op->cause == PORT_CAUSE_LIBVIRT_CLEARED
           || op->kind == PORT_OP_PLUG
           || op->kind == PORT_OP_LINK_QOS;
}

/* Asks libvirt about the domain of 'd', if its port has changed, or gone, since
 * it was asked last. */
static void
ask_about(struct reconciler *r, const struct desired_vnic *d,
          long long int now)
{
    struct port_memory *port
        = d->port ? memory_find_port(&r->notes.memory, &d->port->row) : NULL;
    struct vnic_memory *vnic = memory_find_vnic(&r->notes.memory, &d->vnic.id);
    long long int changed_ms
        = port ? MAX(port->changed_ms, port->qos_ms) : vnic->missing_ms;
    long long int *asked_msp = port ? &port->asked_ms : &vnic->asked_ms;

    if (*asked_msp < changed_ms) {
        *asked_msp = now;
        inputs_read_domain(r->in, &d->vnic.id.domain, now);
    }
}

/* Asks libvirt about the domains of the ports that changed in a way which the
 * known intent does not explain: once per change of a port; and about
 * everything, now and then, if orphans wait for that. */
static void
ask_libvirt(struct reconciler *r, long long int now)
{
    for (size_t i = 0; i < r->pass.desired.n_vnics; i++) {
        const struct desired_vnic *d = &r->pass.desired.vnics[i];
        if (is_puzzling(d)) {
            ask_about(r, d, now);
        }
    }
    for (size_t i = 0; i < r->pass.plan.n_ops; i++) {
        const struct port_op *op = &r->pass.plan.ops[i];
        if (op->vnic && is_in_doubt(op)) {
            ask_about(r, op->vnic, now);
        }
    }
    if (r->pass.plan.needs_reading && now >= r->may_read_ms) {
        r->may_read_ms = now + READ_ALL_PAUSE_MS;
        r->awaits_reading = true;
        inputs_read_all(r->in, now);
    }
}

/* Notes what the bridges say of flows.  Another agent that holds the database's
 * lock talks to them, too. */
static void
judge_flows(struct reconciler *r)
{
    enum ovsdb_conn_state state = ovsdb_conn_state(r->in->ovsdb);
    if (state == OVSDB_CONN_STANDBY) {
        switch_flows_leave(r->flows);
    } else {
        switch_flows_judge(r->flows, &r->pass.desired,
                           state == OVSDB_CONN_ACTIVE);
    }
}

static void
update_flows(struct reconciler *r, long long int now)
{
    if (ovsdb_conn_state(r->in->ovsdb) == OVSDB_CONN_ACTIVE) {
        if (r->is_retry_due) {
            r->is_retry_due = false;
            switch_flows_retry(r->flows);
        }
        if (r->is_hurried) {
            switch_flows_hurry(r->flows, now);
        }
        switch_flows_update(r->flows, &r->pass, r->notes.memory.has_met, now);
    }
}

/* Takes ownership of 'error', which may be NULL. */
static void
set_error(struct reconciler *r, char *error)
{
    free(r->error);
    r->error = error;
}

/* There is nothing to write. */
static void
rest(struct reconciler *r)
{
    wishes_fulfil(&r->wishes);
    if (!port_plan_backs_off(&r->pass.plan)) {
        set_error(r, NULL);
    }
}

/* Wishes whose work cannot be done, because another agent has the database's
 * lock, stay. */
static void
act(struct reconciler *r)
{
    if (!port_plan_has_work(&r->pass.plan)) {
        rest(r);
        return;
    }
    struct ovsdb_idl_txn *txn = ovsdb_conn_begin(r->in->ovsdb);
    if (txn) {
        port_apply(&r->pass.plan, ovsdb_conn_idl(r->in->ovsdb), txn,
                   time_wall_msec());
    }
}

/* Returns when libvirt's answers that are under way have come, or have taken
 * too long. */
static long long int
settled_ms(const struct reconciler *r)
{
    long long int since_ms;
    return inputs_are_reading(r->in, &since_ms) ? since_ms + SETTLE_MS
                                                : LLONG_MIN;
}

/* Returns when a pass is due for the sake of a wish.  A libvirt that is not
 * there is not waited for. */
static long long int
wishes_ms(const struct reconciler *r)
{
    return wishes_due_ms(&r->wishes, inputs_are_answering(r->in));
}

/* Takes note of what is about to be looked at, and clears the table. */
static void
begin_pass(struct reconciler *r, long long int now)
{
    COVERAGE_INC(reconcile_pass);
    r->n_passes++;
    r->seen_seqno = inputs_seqno(r->in);
    r->seen_flows = switch_flows_seqno(r->flows);
    r->is_dirty = false;
    r->awaits_reading = r->awaits_reading && inputs_are_reading(r->in, NULL);
    if (wishes_serve(&r->wishes, inputs_are_answering(r->in), now)) {
        r->was_answered = !inputs_are_reading(r->in, NULL);
        r->is_retry_due = wishes_are_served(&r->wishes, WISH_REPAIR);
    }
    pass_clear(&r->pass);
}

/* Looks at what the switch has; in the database only if that has changed. */
static void
observe(struct reconciler *r)
{
    unsigned int seqno = ovsdb_conn_seqno(r->in->ovsdb);
    if (r->view_seqno != seqno) {
        r->view_seqno = seqno;
        switch_view_destroy(&r->pass.view);
        ovs_view_read(ovsdb_conn_idl(r->in->ovsdb), &r->pass.view);
    }
    netdevs_find(&r->pass.view);
}

static void
make_pass(struct reconciler *r, long long int now)
{
    struct pass *pass = &r->pass;
    struct facts facts = {
        .sources = r->in->sources,
        .n_sources = r->in->n_virts,
        .view = &pass->view,
        .memory = &r->notes.memory,
    };
    struct port_plan_gates gates = {
        .now = now,
        .is_row_by_row = r->is_row_by_row,
        .collect_ms = LLONG_MAX,
    };

    begin_pass(r, now);
    gates.is_forced = wishes_are_served(&r->wishes, WISH_REPAIR);
    if (wishes_are_served(&r->wishes, WISH_COLLECT)) {
        gates.collect_ms = r->wishes.newest_ms;
    }

    /* Observe. */
    observe(r);
    identify_ports(facts.sources, facts.n_sources, &pass->view);
    memory_note_switch(&r->notes.memory, &pass->view, now);

    /* Decide. */
    desired_compute(&facts, &pass->desired);
    judge_flows(r);
    memory_note_desired(&r->notes.memory, &pass->desired, now);
    orphans_find(&pass->view, &pass->desired,
                 wishes_are_served(&r->wishes, WISH_SWEEP), &pass->orphans);
    memory_note_orphans(&r->notes.memory, &pass->orphans, now, time_wall_msec());

    /* Diff. */
    port_plan_compute(&pass->desired, &pass->orphans, &r->notes.memory, &gates,
                      &pass->plan);
    notes_take_of_plan(&r->notes, pass, time_wall_msec());
    r->is_row_by_row = r->is_row_by_row && pass->plan.has_more;

    /* Act. */
    ask_libvirt(r, now);
    update_flows(r, now);
    act(r);
}

/* When. */

/* Returns when a pass is due for the sake of what waits for libvirt to tell
 * everything once more. */
static long long int
reading_due_ms(const struct reconciler *r)
{
    if (r->awaits_reading) {
        return inputs_are_reading(r->in, NULL) ? LLONG_MAX : LLONG_MIN;
    }
    return r->pass.plan.needs_reading ? r->may_read_ms : LLONG_MAX;
}

/* Returns when the next pass starts, in monotonic ms, LLONG_MAX: not before
 * something changes. */
static long long int
next_pass_ms(const struct reconciler *r)
{
    if (!ovsdb_conn_has_facts(r->in->ovsdb)
        || ovsdb_conn_is_writing(r->in->ovsdb)) {
        return LLONG_MAX;
    }

    long long int due_ms = MIN(r->pass.plan.due_ms, reading_due_ms(r));
    if (r->is_dirty || r->seen_seqno != inputs_seqno(r->in)
        || r->seen_flows != switch_flows_seqno(r->flows)) {
        due_ms = LLONG_MIN;
    }
    if (!r->is_hurried) {
        due_ms = MAX(due_ms, settled_ms(r));
    }
    return MAX(MIN(due_ms, wishes_ms(r)), r->retry_ms);
}

static void
succeed(struct reconciler *r, long long int now)
{
    r->pass.is_written = true;
    notes_take_of_deeds(&r->notes, &r->pass, now, time_wall_msec());
    r->is_dirty = r->is_dirty || r->pass.plan.has_more;
    if (!r->pass.plan.has_more) {
        wishes_fulfil(&r->wishes);
    }
    set_error(r, NULL);
}

/* The database will not have the transaction.  A single row that it refuses is
 * left for a while; of several, the next passes find out which it is.  Takes
 * ownership of 'error'. */
static void
fail(struct reconciler *r, char *error, long long int now)
{
    size_t n_rows = port_plan_count_rows(&r->pass.plan);

    VLOG_WARN_RL(&rl, "the database refused a transaction: %s", error);
    set_error(r, error);
    r->is_dirty = true;
    if (n_rows > 1) {
        r->is_row_by_row = true;
    } else if (n_rows) {
        notes_take_of_refusal(&r->notes, &r->pass, now);
        wishes_fulfil(&r->wishes); /* It has been tried. */
    } else {
        r->retry_ms = now + RETRY_MS;
    }
}

/* Deals with the outcome of the transaction on its way, if it has one. */
static void
finish_transaction(struct reconciler *r, long long int now)
{
    char *error;

    switch (ovsdb_conn_poll(r->in->ovsdb, &error)) {
    case OVSDB_CONN_PENDING:
        break;
    case OVSDB_CONN_DONE:
        succeed(r, now);
        break;
    case OVSDB_CONN_TRY_AGAIN:
        /* What it stumbled over is on its way to us, or here already. */
        r->is_dirty = true;
        r->retry_ms = now + TRY_AGAIN_MS;
        break;
    case OVSDB_CONN_FAILED:
        fail(r, error, now);
        break;
    }
}

/* Takes in what became of what the newest pass wanted done. */
void
reconciler_hear(struct reconciler *r, long long int now)
{
    switch_flows_run(r->flows, now);
    finish_transaction(r, now);
}

/* Makes the pass that is due, if one is.  Never blocks. */
void
reconciler_run(struct reconciler *r, long long int now)
{
    if (now >= next_pass_ms(r)) {
        make_pass(r, now);
        finish_transaction(r, now); /* Sends it. */
    }
}

void
reconciler_wait(const struct reconciler *r)
{
    switch_flows_wait(r->flows);
    poll_timer_wait_until(next_pass_ms(r));
}

/* Life. */

/* 'in' must outlive the reconciler. */
struct reconciler *
reconciler_create(struct inputs *in)
{
    struct reconciler *r = xzalloc(sizeof *r);
    r->in = in;
    r->flows = switch_flows_create();
    r->pass = (struct pass) {
        .view = SWITCH_VIEW_INIT,
        .desired = DESIRED_INIT,
        .orphans = ORPHANS_INIT,
        .plan = PORT_PLAN_INIT,
    };
    r->is_dirty = true;
    r->retry_ms = LLONG_MIN;
    notes_init(&r->notes);
    return r;
}

void
reconciler_destroy(struct reconciler *r)
{
    if (r) {
        pass_destroy(&r->pass);
        switch_flows_destroy(r->flows);
        notes_destroy(&r->notes);
        free(r->error);
        free(r);
    }
}

/* Returns the newest pass; empty before the first one. */
const struct pass *
reconciler_pass(const struct reconciler *r)
{
    return &r->pass;
}

/* Returns what the newest pass knew of earlier ones, and did. */
const struct memory *
reconciler_memory(const struct reconciler *r)
{
    return &r->notes.memory;
}

const struct journal *
reconciler_journal(const struct reconciler *r)
{
    return r->notes.journal;
}

const struct switch_flows *
reconciler_flows(const struct reconciler *r)
{
    return r->flows;
}

uint64_t
reconciler_n_passes(const struct reconciler *r)
{
    return r->n_passes;
}

/* Returns why the last transaction failed, or NULL if it did not, or nothing is
 * left to do of it. */
const char *
reconciler_error(const struct reconciler *r)
{
    return r->error;
}

/* Asks for a pass although nothing changed. */
void
reconciler_touch(struct reconciler *r)
{
    r->is_dirty = true;
}

/* From now on passes wait for libvirt's answers, or, if 'is_hurried', do not. */
void
reconciler_set_hurried(struct reconciler *r, bool is_hurried)
{
    r->is_hurried = is_hurried;
}

/* Asks for a pass that fulfils a wish of 'kind', unless that is a sweep with
 * the newest that libvirt can tell.  Returns the number of the wish. */
uint64_t
reconciler_wish(struct reconciler *r, enum wish_kind kind, long long int now)
{
    r->is_dirty = true;
    if (kind != WISH_SWEEP) {
        inputs_read_all(r->in, now);
    }
    return wishes_utter(&r->wishes, kind, now);
}

/* Takes the wishes of 'kind' back, unless it is too late. */
void
reconciler_forget_wishes(struct reconciler *r, enum wish_kind kind)
{
    wishes_withdraw(&r->wishes, kind);
}

/* True if a pass that began after reconciler_wish() had returned 'number' has
 * done its work. */
bool
reconciler_has_fulfilled(const struct reconciler *r, enum wish_kind kind,
                         uint64_t number)
{
    return wishes_is_fulfilled(&r->wishes, kind, number);
}

/* True if libvirt had answered everything when an operator's wish was last
 * served. */
bool
reconciler_was_answered(const struct reconciler *r)
{
    return r->was_answered;
}
