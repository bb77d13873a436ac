/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */

/* Makes the flows of one bridge those that are meant.  Which those are is
 * decided elsewhere; what differs is computed by flow-diff.c.
 *
 * Theory of operation
 * ===================
 *
 * Each new connection reads all flows and groups (flow-reader.c).  After that
 * we know what is installed: what a committed bundle did is done to our copy,
 * too.  In between, when what is meant is installed, a change of it is all that
 * may differ, and nothing else is compared.
 *
 * When somebody else changes flows, the switch tells (flow-watch.c), and our
 * copy is *outdated* until the caller has all read once more.  Of groups it
 * does not tell, and of the table that it fills by itself it is not asked to.
 *
 * The switch says what it says in the order in which things happen.  So what
 * it tells between the question what flows it has and the answer is in the
 * answer.
 *
 * What differs is sent as one atomic bundle, or nothing at all is sent
 * (bundle.c).  If the switch refuses it, everything is read once more, and the
 * caller decides what to leave out.
 *
 * No bundle is sent before NORMAL has been kept from flooding to ports that
 * are about to be flooded to by our flows (port-conn.c): never, if the bridge
 * refuses to talk of that. */

#include <config.h>
#include "flows/ofconn.h"

#include <stdlib.h>

#include "coverage.h"
#include "flows/bundle.h"
#include "flows/channel.h"
#include "flows/flow-change.h"
#include "flows/flow-monitor.h"
#include "flows/flow-msg.h"
#include "flows/flow-reader.h"
#include "flows/flow-space.h"
#include "flows/flow-table.h"
#include "flows/flow-watch.h"
#include "flows/port-conn.h"
#include "openvswitch/dynamic-string.h"
#include "openvswitch/ofp-errors.h"
#include "openvswitch/ofp-msgs.h"
#include "openvswitch/ofpbuf.h"
#include "openvswitch/poll-loop.h"
#include "openvswitch/vlog.h"
#include "util.h"

VLOG_DEFINE_THIS_MODULE(ofconn);

COVERAGE_DEFINE(ofconn_compare_all);
COVERAGE_DEFINE(ofconn_error);

/* Messages received per run, so that others get their turn: one holds some 500
 * flows of a dump. */
#define MAX_RECEIVED 4

struct ofconn {
    char *bridge;
    struct flow_space space;
    struct channel *channel;
    struct port_conn *ports;
    struct flow_reader *reader;
    struct flow_watch *watch;
    struct bundle *bundle;

    enum ofconn_state state;
    unsigned int seqno;         /* Changes with all that is public. */

    struct flow_table installed;
    bool has_facts;             /* 'installed' is what this switch has. */
    unsigned int facts_seqno;   /* Changes with 'installed', but for what our
                                 * bundles do to our flows. */
    bool is_stale;              /* Everything has to be read once more. */
    bool is_outdated;           /* Others have changed flows since. */

    struct flow_table desired;
    struct flow_table next;     /* Replaces 'desired' after the bundle. */
    bool has_next;
    struct flow_change change;  /* Changes 'desired' after that. */
    bool needs_diff;            /* 'desired' may differ from 'installed'. */
    bool is_blocked;            /* It does, by what may not be sent now. */
    bool is_on_hold;            /* Nothing is to be sent. */
    enum ofconn_verdict verdict;

    uint64_t n_errors;          /* From the switch. */
    uint64_t n_reads;           /* Complete ones. */
};

const char *
ofconn_state_to_string(enum ofconn_state state)
{
    static const char *const names[N_OFCONN_STATES] = {
#define OFCONN_STATE(ENUM, NAME) [OFCONN_##ENUM] = NAME,
        OFCONN_STATES
#undef OFCONN_STATE
    };
    return names[state];
}

/* Returns the connection to 'bridge' at 'target', "unix:…/br0.mgmt", which
 * is tried for ever.  What is ours of it is 'space', whose ranges must live as
 * long. */
struct ofconn *
ofconn_create(const char *bridge, const char *target,
              const struct flow_space *space)
{
    struct ofconn *conn = xzalloc(sizeof *conn);
    conn->bridge = xstrdup(bridge);
    conn->space = *space;
    conn->channel = channel_create(target, ((1u << OFP14_VERSION)
                                            | (1u << OFP15_VERSION)));
    conn->ports = port_conn_create(bridge, target);
    conn->reader = flow_reader_create(bridge, conn->channel, &conn->space);
    conn->watch = flow_watch_create(bridge, conn->channel, &conn->space);
    conn->bundle = bundle_create(conn->channel);
    flow_table_init(&conn->installed);
    flow_table_init(&conn->desired);
    flow_table_init(&conn->next);
    flow_change_init(&conn->change);
    return conn;
}

/* Leaves the bridge as it is. */
void
ofconn_destroy(struct ofconn *conn)
{
    if (conn) {
        bundle_destroy(conn->bundle);
        flow_watch_destroy(conn->watch);
        flow_reader_destroy(conn->reader);
        port_conn_destroy(conn->ports);
        channel_destroy(conn->channel);
        flow_table_destroy(&conn->installed);
        flow_table_destroy(&conn->desired);
        flow_table_destroy(&conn->next);
        flow_change_destroy(&conn->change);
        free(conn->bridge);
        free(conn);
    }
}

static void
set_state(struct ofconn *conn, enum ofconn_state state)
{
    VLOG_DBG("bridge %s: %s -> %s", conn->bridge,
             ofconn_state_to_string(conn->state),
             ofconn_state_to_string(state));
    conn->state = state;
}

static void
set_verdict(struct ofconn *conn, enum ofconn_verdict verdict)
{
    if (verdict != conn->verdict) {
        conn->verdict = verdict;
        conn->seqno++;
    }
}

/* What others do. */

/* Takes in what the switch tells of changes.  They may be many: once it is
 * known that there are any, the others are not looked at. */
static void
recv_update(struct ofconn *conn, struct ofpbuf *msg)
{
    bool is_in_answer = conn->state == OFCONN_READING
                        && flow_reader_awaits_flows(conn->reader);
    if (!conn->is_outdated && !conn->is_stale && !is_in_answer) {
        conn->is_outdated = flow_watch_recv_update(conn->watch, msg);
    }
}

/* Reading. */

static void
start_reading(struct ofconn *conn)
{
    conn->is_stale = conn->is_outdated = false;
    flow_reader_start(conn->reader);
    set_state(conn, OFCONN_READING);
}

static void
finish_reading(struct ofconn *conn)
{
    flow_reader_steal(conn->reader, &conn->installed);
    flow_watch_note_installed(conn->watch, &conn->installed);
    conn->has_facts = true;
    conn->facts_seqno++;
    conn->n_reads++;
    conn->seqno++;

    /* What was refused once would be again: see ofconn_set_desired(). */
    conn->needs_diff = (conn->verdict == OFCONN_PENDING
                        || conn->verdict == OFCONN_INSTALLED);
    set_state(conn, OFCONN_READY);
}

static void
recv_READING(struct ofconn *conn, struct ofpbuf *msg)
{
    switch (flow_reader_recv(conn->reader, msg)) {
    case FLOW_READER_UNDER_WAY:
        break;
    case FLOW_READER_DONE:
        finish_reading(conn);
        break;
    case FLOW_READER_FAILED:
        channel_reconnect(conn->channel);
        break;
    }
}

/* Sending. */

/* Is something else meant than 'desired'? */
static bool
has_news(const struct ofconn *conn)
{
    return conn->has_next || !flow_change_is_empty(&conn->change);
}

static void
log_commit(const struct ofconn *conn, const struct flow_diff *diff)
{
    size_t n[N_FLOW_OP_KINDS] = { 0 };
    for (size_t i = 0; i < diff->n_ops; i++) {
        n[diff->ops[i].kind]++;
    }

    struct ds s = DS_EMPTY_INITIALIZER;
    for (enum flow_op_kind kind = 0; kind < N_FLOW_OP_KINDS; kind++) {
        if (n[kind]) {
            ds_put_format(&s, ", %"PRIuSIZE" %s", n[kind],
                          flow_op_kind_to_string(kind));
        }
    }
    VLOG_INFO("bridge %s: bundle committed%s", conn->bridge, ds_cstr(&s));
    ds_destroy(&s);
}

/* Does 'diff' put flows in place of others'? */
static bool
replaces_others(const struct ofconn *conn, const struct flow_diff *diff)
{
    for (size_t i = 0; i < diff->n_ops; i++) {
        const struct flow_entry *before = diff->ops[i].flow.before;
        if (before && !flow_space_owns_flow(&conn->space, before->cookie)) {
            return true;
        }
    }
    return false;
}

static void
finish_commit(struct ofconn *conn)
{
    struct flow_diff *diff = bundle_diff(conn->bundle);
    log_commit(conn, diff);
    conn->facts_seqno += replaces_others(conn, diff);
    flow_diff_apply(diff, &conn->installed);
    set_verdict(conn, has_news(conn) ? OFCONN_PENDING : OFCONN_INSTALLED);
    set_state(conn, OFCONN_READY);
}

/* What the switch has is not known for sure. */
static void
finish_refusal(struct ofconn *conn)
{
    set_verdict(conn, has_news(conn) ? OFCONN_PENDING : OFCONN_REFUSED);
    start_reading(conn);
}

static void
recv_SENDING(struct ofconn *conn, struct ofpbuf *msg)
{
    switch (bundle_recv(conn->bundle, msg)) {
    case BUNDLE_UNDER_WAY:
        break;
    case BUNDLE_COMMITTED:
        finish_commit(conn);
        break;
    case BUNDLE_REFUSED:
        finish_refusal(conn);
        break;
    }
}

static void
run_SENDING(struct ofconn *conn)
{
    bundle_run(conn->bundle);
}

static bool
may_send(const struct ofconn *conn)
{
    return (!conn->is_on_hold
            && port_conn_state(conn->ports) == PORT_CONN_SETTLED);
}

/* Does what 'diff' says, if it can be done now. */
static void
act(struct ofconn *conn, struct flow_diff *diff)
{
    conn->needs_diff = false;
    conn->is_blocked = diff->n_ops && !may_send(conn);
    if (!diff->n_ops) {
        bundle_clear_errors(conn->bundle);
        set_verdict(conn, OFCONN_INSTALLED);
    } else {
        set_verdict(conn, OFCONN_PENDING);
        if (!conn->is_blocked) {
            bundle_start(conn->bundle, diff);
            set_state(conn, OFCONN_SENDING);
        }
    }
    flow_diff_destroy(diff);
}

/* Installs 'desired', if it is not. */
static void
reconcile(struct ofconn *conn)
{
    COVERAGE_INC(ofconn_compare_all);
    struct flow_diff diff = FLOW_DIFF_INIT;
    flow_change_apply(&conn->change, &conn->desired);
    flow_diff_compute(&conn->desired, &conn->installed, &conn->space, &diff);
    act(conn, &diff);
}

/* The same if all but the change is installed. */
static void
reconcile_change(struct ofconn *conn)
{
    struct flow_diff diff = FLOW_DIFF_INIT;
    flow_diff_compute_change(&conn->change, &conn->installed, &conn->space,
                             &diff);
    flow_change_apply(&conn->change, &conn->desired);
    act(conn, &diff);
}

/* True if all is to be compared now: there may be many flows. */
static bool
is_diff_due(const struct ofconn *conn)
{
    return conn->needs_diff || (conn->is_blocked && may_send(conn));
}

/* True if there is a change that can be made now. */
static bool
has_change(const struct ofconn *conn)
{
    return !flow_change_is_empty(&conn->change) && may_send(conn);
}

static void
run_READY(struct ofconn *conn)
{
    if (conn->is_stale) {
        start_reading(conn);
        return;
    }
    if (conn->has_next) {
        flow_table_steal(&conn->desired, &conn->next);
        conn->has_next = false;
        conn->needs_diff = true;
    }
    if (is_diff_due(conn)) {
        reconcile(conn);
    } else if (has_change(conn)) {
        reconcile_change(conn);
    }
}

/* What needs no turn of its own, or no answer. */

static void
run_DISCONNECTED(struct ofconn *conn OVS_UNUSED)
{
}

static void
run_READING(struct ofconn *conn OVS_UNUSED)
{
}

static void
recv_DISCONNECTED(struct ofconn *conn OVS_UNUSED,
                  struct ofpbuf *msg OVS_UNUSED)
{
}

static void
recv_READY(struct ofconn *conn OVS_UNUSED, struct ofpbuf *msg OVS_UNUSED)
{
}

static void
run_state(struct ofconn *conn)
{
    switch (conn->state) {
#define OFCONN_STATE(ENUM, NAME)                \
    case OFCONN_##ENUM:                         \
        run_##ENUM(conn);                       \
        break;
    OFCONN_STATES
#undef OFCONN_STATE
    case N_OFCONN_STATES:
        OVS_NOT_REACHED();
    }
}

static void
recv_state(struct ofconn *conn, struct ofpbuf *msg)
{
    switch (conn->state) {
#define OFCONN_STATE(ENUM, NAME)                \
    case OFCONN_##ENUM:                         \
        recv_##ENUM(conn, msg);                 \
        break;
    OFCONN_STATES
#undef OFCONN_STATE
    case N_OFCONN_STATES:
        OVS_NOT_REACHED();
    }
}

/* An error counts, whoever it is for.  A bundle that the switch gave up cannot
 * be discarded, for example, and nobody minds. */
static void
recv_error(struct ofconn *conn, struct ofpbuf *msg)
{
    const struct ofp_header *oh = msg->data;
    if (flow_watch_recv_error(conn->watch, msg)) {
        return;
    }
    COVERAGE_INC(ofconn_error);
    conn->n_errors++;
    VLOG_DBG("bridge %s: %s, while %s", conn->bridge,
             ofperr_get_name(ofperr_decode_msg(oh, NULL)),
             ofconn_state_to_string(conn->state));
    recv_state(conn, msg);
}

static void
recv_message(struct ofconn *conn, struct ofpbuf *msg)
{
    if (flow_monitor_is_update(msg)) {
        recv_update(conn, msg);
    } else if (channel_is_message(msg, OFPTYPE_ERROR)) {
        recv_error(conn, msg);
    } else {
        recv_state(conn, msg);
    }
}

/* What was on its way may have arrived or not. */
static void
disconnect(struct ofconn *conn)
{
    bundle_abandon(conn->bundle);
    flow_table_clear(&conn->installed);
    conn->has_facts = conn->is_outdated = false;
    conn->facts_seqno++;
    conn->seqno++;
    if (conn->verdict != OFCONN_NONE) {
        set_verdict(conn, OFCONN_PENDING);
    }
    set_state(conn, OFCONN_DISCONNECTED);
}

static void
run_channel(struct ofconn *conn)
{
    switch (channel_run(conn->channel)) {
    case CHANNEL_UP:
        disconnect(conn);
        flow_watch_start(conn->watch);
        start_reading(conn);
        break;
    case CHANNEL_DOWN:
        disconnect(conn);
        break;
    case CHANNEL_NOTHING_NEW:
        break;
    }
}

void
ofconn_run(struct ofconn *conn)
{
    port_conn_run(conn->ports);
    run_channel(conn);
    for (int i = 0; i < MAX_RECEIVED; i++) {
        struct ofpbuf *msg = channel_recv(conn->channel);
        if (!msg) {
            break;
        }
        recv_message(conn, msg);
        ofpbuf_delete(msg);
    }
    run_state(conn);
}

/* True if the next run has something to do, whatever arrives. */
static bool
has_work(const struct ofconn *conn)
{
    return ((conn->state == OFCONN_READY
             && (conn->is_stale || conn->has_next || is_diff_due(conn)
                 || has_change(conn)))
            || (conn->state == OFCONN_SENDING
                && bundle_has_work(conn->bundle)));
}

void
ofconn_wait(struct ofconn *conn)
{
    port_conn_wait(conn->ports);
    channel_wait(conn->channel);
    if (has_work(conn)) {
        poll_immediate_wake();
    }
}

/* Makes NORMAL flood as 'floods' says.  No flow is sent before that is so. */
void
ofconn_set_floods(struct ofconn *conn, const struct flood_map *floods)
{
    port_conn_set_floods(conn->ports, floods);
}

/* Sets what flows see of fragments. */
void
ofconn_set_fragments(struct ofconn *conn, enum fragment_mode fragments)
{
    port_conn_set_fragments(conn->ports, fragments);
}

/* As long as 'is_on_hold', nothing is installed or removed; a bundle on its way
 * is seen through. */
void
ofconn_set_hold(struct ofconn *conn, bool is_on_hold)
{
    conn->is_on_hold = is_on_hold;
}

/* Installs what is meant now, if that can be done at once. */
static void
take_news(struct ofconn *conn)
{
    bool is_ready = conn->state == OFCONN_READY && !conn->is_stale;
    if (is_ready) {
        run_READY(conn);
    }
    if (!is_ready || has_news(conn)) {
        set_verdict(conn, OFCONN_PENDING);
    }
}

/* Makes 'desired' what is meant from now on, after each reconnect, too.  Takes
 * what is in 'desired', which is empty then.
 *
 * What was refused is tried again with each call, and after a reconnect: leave
 * out what the errors name. */
void
ofconn_set_desired(struct ofconn *conn, struct flow_table *desired)
{
    flow_table_steal(&conn->next, desired);
    flow_change_clear(&conn->change);
    conn->has_next = true;
    take_news(conn);
}

/* Does the same with what is meant until now, but for 'change'.  Takes what is
 * in 'change', which is empty then. */
void
ofconn_change_desired(struct ofconn *conn, struct flow_change *change)
{
    flow_change_append(&conn->change, change);
    conn->needs_diff = conn->needs_diff || conn->is_blocked
                       || conn->verdict == OFCONN_REFUSED;
    take_news(conn);
}

/* Reads once more what the bridge has. */
void
ofconn_refresh(struct ofconn *conn)
{
    conn->is_stale = true;
    conn->is_outdated = false;
    port_conn_refresh(conn->ports);
}

/* True if others have changed flows since they were read: ofconn_refresh() is
 * due. */
bool
ofconn_is_outdated(const struct ofconn *conn)
{
    return conn->is_outdated;
}

/* True if frames may be sent now; as many as have to be sent together, even if
 * that is false after the first.  Otherwise ofconn_wait() waits for that. */
bool
ofconn_has_room(const struct ofconn *conn)
{
    return conn->state != OFCONN_DISCONNECTED
           && channel_has_room(conn->channel);
}

/* Has the switch do with the 'size' bytes at 'frame' what 'actions' say, which
 * this takes ownership of, by the flows that are installed.  Returns false if
 * the switch is not there; whether it does is not known.
 *
 * However much the switch has yet to take: see ofconn_has_room(). */
bool
ofconn_send_frame(struct ofconn *conn, const void *frame, size_t size,
                  struct ofpbuf *actions)
{
    bool is_sent = conn->state != OFCONN_DISCONNECTED;
    if (is_sent) {
        channel_send(conn->channel,
                     flow_msg_packet_out(frame, size, actions,
                                         channel_version(conn->channel)));
    }
    ofpbuf_delete(actions);
    return is_sent;
}

enum ofconn_state
ofconn_state(const struct ofconn *conn)
{
    return conn->state;
}

/* True if the switch is there, and can be told of flows and of floods. */
bool
ofconn_is_connected(const struct ofconn *conn)
{
    return (conn->state != OFCONN_DISCONNECTED
            && !port_conn_is_refused(conn->ports));
}

/* Returns a number that changes with all that the functions below return, but
 * for counters. */
unsigned int
ofconn_seqno(const struct ofconn *conn)
{
    return conn->seqno + port_conn_seqno(conn->ports);
}

/* True if what is installed is known. */
bool
ofconn_has_facts(const struct ofconn *conn)
{
    return conn->has_facts;
}

/* Returns a number that changes with what is installed, but for what our own
 * bundles do to our flows. */
unsigned int
ofconn_facts_seqno(const struct ofconn *conn)
{
    return conn->facts_seqno;
}

/* Returns why the flows cannot be as they are meant, whatever they are, as a
 * malloc'd string, or NULL. */
char *
ofconn_problem(const struct ofconn *conn)
{
    if (channel_is_refused(conn->channel)) {
        return xasprintf("protocols: bridge %s: neither OpenFlow14 nor "
                         "OpenFlow15, which flows need", conn->bridge);
    } else if (conn->state != OFCONN_DISCONNECTED
               && port_conn_is_refused(conn->ports)) {
        return xasprintf("protocols: bridge %s: no OpenFlow10, without which "
                         "NORMAL floods past flows", conn->bridge);
    }
    return NULL;
}

/* Returns what the bridge has of ours, and of others' in our way or in the
 * first table; empty without facts. */
const struct flow_table *
ofconn_installed(const struct ofconn *conn)
{
    return &conn->installed;
}

/* Returns what is meant, as it was last compared with what is installed. */
const struct flow_table *
ofconn_desired(const struct ofconn *conn)
{
    return &conn->desired;
}

/* Flows are not installed for good while NORMAL floods past them. */
enum ofconn_verdict
ofconn_verdict(const struct ofconn *conn)
{
    return (conn->verdict == OFCONN_INSTALLED
            && !port_conn_is_settled(conn->ports)
            ? OFCONN_PENDING : conn->verdict);
}

/* Returns why the last bundle was refused: an array of '*n_errors', valid
 * until the next call of another function that changes 'conn'. */
const struct bundle_error *
ofconn_errors(const struct ofconn *conn, size_t *n_errors)
{
    return bundle_errors(conn->bundle, n_errors);
}

void
ofconn_get_counters(const struct ofconn *conn,
                    struct ofconn_counters *counters)
{
    unsigned int n_connections = channel_n_connections(conn->channel);
    *counters = (struct ofconn_counters) {
        .bundles = *bundle_counters(conn->bundle),
        .errors = conn->n_errors + port_conn_n_errors(conn->ports),
        .port_mods = port_conn_n_changes(conn->ports),
        .reads = conn->n_reads,
        .reconnects = n_connections ? n_connections - 1 : 0,
    };
}
