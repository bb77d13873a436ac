/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */

/* Makes the flows of one bridge those that are meant.  Which those are is
 * decided elsewhere; what differs is computed by flow-diff.c, and how it looks
 * as OpenFlow is known to flow-msg.c.
 *
 * Theory of operation
 * ===================
 *
 * Each new connection reads all flows and groups.  After that we know what is
 * installed: what a committed bundle did is done to our copy, too.  Somebody
 * else's changes are seen when all is read once more.  In between, when what is
 * meant is installed, a change of it is all that may differ, and nothing else
 * is compared.
 *
 * What differs is sent as one atomic bundle, or nothing at all is sent.  The
 * bundle is filled at the pace of the switch.  A message that the switch
 * cannot decode is answered with an error and left out, and what is left would
 * be committed all the same.  A vNIC whose flows are there in part is not what
 * anybody means, so a barrier is sent behind the last message: if an error
 * came before its answer, the bundle is discarded.  A message that decodes and
 * cannot be executed fails the commit, and the switch undoes the rest.  Either
 * way the switch has what it had before.  The errors say whose flow it was; to
 * leave those out and try again is the caller's decision.
 *
 * Transaction ids tell which message an error is about: those of a bundle
 * follow each other, in the order of the operations.
 *
 *     first       open the bundle
 *     first + 1   add operation 0
 *     ...
 *     first + n   add operation n - 1
 *     barrier     did all arrive?
 *     commit
 *
 * No bundle is sent before NORMAL has been kept from flooding to ports that
 * are about to be flooded to by our flows (port-conn.c), unless the bridge
 * refuses to talk of that. */

#include <config.h>
#include "flows/ofconn.h"

#include <stdlib.h>

#include "coverage.h"
#include "flows/channel.h"
#include "flows/flow-change.h"
#include "flows/flow-msg.h"
#include "flows/flow-space.h"
#include "flows/flow-table.h"
#include "flows/port-conn.h"
#include "lib/cleanup.h"
#include "openvswitch/dynamic-string.h"
#include "openvswitch/ofp-msgs.h"
#include "openvswitch/ofp-port.h"
#include "openvswitch/ofp-util.h"
#include "openvswitch/ofpbuf.h"
#include "openvswitch/poll-loop.h"
#include "openvswitch/vlog.h"
#include "util.h"

VLOG_DEFINE_THIS_MODULE(ofconn);

COVERAGE_DEFINE(ofconn_bundle);
COVERAGE_DEFINE(ofconn_compare_all);
COVERAGE_DEFINE(ofconn_refused);
COVERAGE_DEFINE(ofconn_error);

/* Per run, so that others get their turn: messages received, of which one
 * holds some 500 flows of a dump, and operations sent. */
#define MAX_RECEIVED 4
#define MAX_SENT 500

/* A connection has one bundle at a time. */
#define BUNDLE_ID 1

struct ofconn {
    char *bridge;
    struct flow_space space;
    struct channel *channel;
    struct port_conn *ports;

    enum ofconn_state state;
    unsigned int seqno;         /* Changes with all that is public. */
    uint32_t awaited;           /* xid of the answer that 'state' waits for. */

    struct flow_table installed;
    struct flow_table reading;  /* What has been read of a dump. */
    bool has_facts;             /* 'installed' is what this switch has. */
    unsigned int facts_seqno;   /* Changes with 'installed', but for what our
                                 * bundles do. */
    bool is_stale;              /* Everything has to be read once more. */

    struct flow_table desired;
    struct flow_table next;     /* Replaces 'desired' after the bundle. */
    bool has_next;
    struct flow_change change;  /* Changes 'desired' after that. */
    bool needs_diff;            /* 'desired' may differ from 'installed'. */
    bool is_on_hold;            /* Nothing is to be sent. */
    enum ofconn_verdict verdict;

    struct flow_diff diff;      /* Of the bundle. */
    size_t n_sent;              /* Of the diff's operations. */
    uint32_t bundle_xid;        /* 'first' of above. */

    struct ofconn_error *errors; /* Of the last bundle. */
    size_t n_errors, allocated_errors;
    struct ofconn_counters counters;
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
    flow_table_init(&conn->installed);
    flow_table_init(&conn->reading);
    flow_table_init(&conn->desired);
    flow_table_init(&conn->next);
    flow_change_init(&conn->change);
    return conn;
}

static void
clear_errors(struct ofconn *conn)
{
    for (size_t i = 0; i < conn->n_errors; i++) {
        free(conn->errors[i].text);
    }
    conn->n_errors = 0;
}

/* Leaves the bridge as it is. */
void
ofconn_destroy(struct ofconn *conn)
{
    if (conn) {
        channel_destroy(conn->channel);
        port_conn_destroy(conn->ports);
        flow_diff_destroy(&conn->diff);
        flow_table_destroy(&conn->installed);
        flow_table_destroy(&conn->reading);
        flow_table_destroy(&conn->desired);
        flow_table_destroy(&conn->next);
        flow_change_destroy(&conn->change);
        clear_errors(conn);
        free(conn->errors);
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

static bool
is_sending(const struct ofconn *conn)
{
    return (conn->state == OFCONN_FILLING
            || conn->state == OFCONN_COMMITTING);
}

/* Reading. */

static void
start_reading(struct ofconn *conn)
{
    conn->is_stale = false;
    flow_table_clear(&conn->reading);
    conn->awaited = channel_send(
        conn->channel, flow_msg_dump_flows(channel_version(conn->channel)));
    set_state(conn, OFCONN_READING_FLOWS);
}

/* The switch says what we do not understand. */
static void
fail_reading(struct ofconn *conn, enum ofperr error)
{
    static struct vlog_rate_limit rl = VLOG_RATE_LIMIT_INIT(1, 5);
    VLOG_WARN_RL(&rl, "bridge %s: its flows cannot be read (%s, while %s)",
                 conn->bridge, ofperr_get_name(error),
                 ofconn_state_to_string(conn->state));
    channel_reconnect(conn->channel);
}

static void
recv_READING_FLOWS(struct ofconn *conn, struct ofpbuf *msg)
{
    if (!channel_is_message(msg, OFPTYPE_FLOW_STATS_REPLY)) {
        return;
    }
    bool has_more = ofpmp_more(msg->data);
    enum ofperr error = flow_msg_read_flows(msg, &conn->space, &conn->reading);
    if (error) {
        fail_reading(conn, error);
    } else if (!has_more) {
        conn->awaited = channel_send(
            conn->channel,
            flow_msg_dump_groups(channel_version(conn->channel)));
        set_state(conn, OFCONN_READING_GROUPS);
    }
}

static void
finish_reading(struct ofconn *conn)
{
    flow_table_steal(&conn->installed, &conn->reading);
    conn->has_facts = true;
    conn->facts_seqno++;
    conn->counters.reads++;
    conn->seqno++;

    /* What was refused once would be again: see ofconn_set_desired(). */
    conn->needs_diff = (conn->verdict == OFCONN_PENDING
                        || conn->verdict == OFCONN_INSTALLED);
    set_state(conn, OFCONN_READY);
}

static void
recv_READING_GROUPS(struct ofconn *conn, struct ofpbuf *msg)
{
    if (!channel_is_message(msg, OFPTYPE_GROUP_DESC_STATS_REPLY)) {
        return;
    }
    bool has_more = ofpmp_more(msg->data);
    enum ofperr error = flow_msg_read_groups(msg, &conn->space,
                                             &conn->reading);
    if (error) {
        fail_reading(conn, error);
    } else if (!has_more) {
        finish_reading(conn);
    }
}

/* Errors. */

/* Returns an error to be filled in, or NULL if there are enough. */
static struct ofconn_error *
add_error(struct ofconn *conn)
{
    if (conn->n_errors >= OFCONN_MAX_ERRORS) {
        return NULL;
    }
    if (conn->n_errors >= conn->allocated_errors) {
        conn->errors = x2nrealloc(conn->errors, &conn->allocated_errors,
                                  sizeof *conn->errors);
    }
    struct ofconn_error *error = &conn->errors[conn->n_errors++];
    *error = (struct ofconn_error) { .text = NULL };
    return error;
}

/* Takes note that 'op' was refused, for this reason. */
static void
add_op_error(struct ofconn *conn, const struct flow_op *op, const char *reason)
{
    const struct flow_entry *flow = op->flow.after ? op->flow.after
                                                   : op->flow.before;
    const struct flow_group *group = op->group.after ? op->group.after
                                                     : op->group.before;
    struct ofconn_error *error = add_error(conn);
    if (error) {
        CLEANUP_FREE char *object = flow_op_object(op);
        CLEANUP_FREE char *after = flow_op_after(op);
        error->cookie = flow ? flow->cookie : 0;
        error->group = group ? group->id : 0;
        error->text = xasprintf("%s: %s: %s", object, after, reason);
    }
}

/* An error about one message of a bundle says which.  If the commit fails,
 * there are two, and the one about the commit itself says nothing new.  What is
 * older than the bundle is not about it. */
static void
recv_bundle_error(struct ofconn *conn, uint32_t xid, const char *reason)
{
    uint32_t i = xid - conn->bundle_xid - 1;
    if (i < conn->n_sent) {
        add_op_error(conn, &conn->diff.ops[i], reason);
    } else if (!conn->n_errors && (int32_t) (xid - conn->bundle_xid) >= 0) {
        struct ofconn_error *error = add_error(conn);
        error->text = xasprintf("bundle: %s", reason);
    }
}

/* Sending. */

static enum ofp_version
version(const struct ofconn *conn)
{
    return channel_version(conn->channel);
}

/* Is something else meant than 'desired'? */
static bool
has_news(const struct ofconn *conn)
{
    return conn->has_next || !flow_change_is_empty(&conn->change);
}

/* Ends the bundle; what the switch has is not known for sure. */
static void
refuse(struct ofconn *conn)
{
    COVERAGE_INC(ofconn_refused);
    conn->counters.refused_bundles++;
    flow_diff_destroy(&conn->diff);
    set_verdict(conn, has_news(conn) ? OFCONN_PENDING : OFCONN_REFUSED);
    start_reading(conn);
}

static void
log_commit(const struct ofconn *conn)
{
    size_t n[N_FLOW_OP_KINDS] = { 0 };
    for (size_t i = 0; i < conn->diff.n_ops; i++) {
        n[conn->diff.ops[i].kind]++;
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

static void
finish_commit(struct ofconn *conn)
{
    COVERAGE_INC(ofconn_bundle);
    conn->counters.bundles++;
    log_commit(conn);
    flow_diff_apply(&conn->diff, &conn->installed);
    set_verdict(conn, has_news(conn) ? OFCONN_PENDING : OFCONN_INSTALLED);
    set_state(conn, OFCONN_READY);
}

static void
recv_COMMITTING(struct ofconn *conn, struct ofpbuf *msg)
{
    if (channel_is_message(msg, OFPTYPE_BUNDLE_CONTROL)) {
        finish_commit(conn);
    } else {
        refuse(conn);
    }
}

static void
recv_FILLING(struct ofconn *conn, struct ofpbuf *msg)
{
    if (!channel_is_message(msg, OFPTYPE_BARRIER_REPLY)) {
        return;
    }
    if (conn->n_errors) {
        channel_send(conn->channel,
                     flow_msg_bundle_control(BUNDLE_ID, OFPBCT_DISCARD_REQUEST,
                                             version(conn)));
        refuse(conn);
    } else {
        conn->awaited = channel_send(
            conn->channel,
            flow_msg_bundle_control(BUNDLE_ID, OFPBCT_COMMIT_REQUEST,
                                    version(conn)));
        set_state(conn, OFCONN_COMMITTING);
    }
}

static void
send_op(struct ofconn *conn, const struct flow_op *op, uint32_t xid)
{
    struct ofpbuf *msg = flow_msg_bundle_add(
        BUNDLE_ID, xid, flow_msg_from_op(op, version(conn)), version(conn));
    if (msg) {
        channel_send_as(conn->channel, xid, msg);
        conn->counters.ops[op->kind]++;
    } else {
        add_op_error(conn, op, "longer than an OpenFlow message may be");
    }
}

/* Sends what there is room for, and the barrier behind the last. */
static void
run_FILLING(struct ofconn *conn)
{
    if (conn->n_sent == conn->diff.n_ops) {
        return;
    }

    for (int i = 0; i < MAX_SENT && conn->n_sent < conn->diff.n_ops
                    && channel_has_room(conn->channel); i++) {
        const struct flow_op *op = &conn->diff.ops[conn->n_sent++];
        send_op(conn, op, conn->bundle_xid + conn->n_sent);
    }
    if (conn->n_sent == conn->diff.n_ops) {
        conn->awaited = channel_send(
            conn->channel, ofputil_encode_barrier_request(version(conn)));
    }
}

static void
start_bundle(struct ofconn *conn)
{
    clear_errors(conn);
    conn->n_sent = 0;
    conn->bundle_xid = channel_reserve(conn->channel, 1 + conn->diff.n_ops);
    conn->awaited = 0;
    channel_send_as(conn->channel, conn->bundle_xid,
                    flow_msg_bundle_control(BUNDLE_ID, OFPBCT_OPEN_REQUEST,
                                            version(conn)));
    set_verdict(conn, OFCONN_PENDING);
    set_state(conn, OFCONN_FILLING);
    run_FILLING(conn);
}

static bool
may_send(const struct ofconn *conn)
{
    return (!conn->is_on_hold
            && (port_conn_state(conn->ports) == PORT_CONN_SETTLED
                || port_conn_is_refused(conn->ports)));
}

/* Does what the diff says, if it can be done now. */
static void
act(struct ofconn *conn)
{
    conn->needs_diff = conn->diff.n_ops && !may_send(conn);
    if (!conn->diff.n_ops) {
        clear_errors(conn);
        set_verdict(conn, OFCONN_INSTALLED);
        flow_diff_destroy(&conn->diff);
    } else if (conn->needs_diff) {
        set_verdict(conn, OFCONN_PENDING);
        flow_diff_destroy(&conn->diff);
    } else {
        start_bundle(conn);
    }
}

/* Installs 'desired', if it is not. */
static void
reconcile(struct ofconn *conn)
{
    COVERAGE_INC(ofconn_compare_all);
    flow_change_apply(&conn->change, &conn->desired);
    flow_diff_compute(&conn->desired, &conn->installed, &conn->space,
                      &conn->diff);
    act(conn);
}

/* The same if all but the change is installed. */
static void
reconcile_change(struct ofconn *conn)
{
    flow_diff_compute_change(&conn->change, &conn->installed, &conn->space,
                             &conn->diff);
    flow_change_apply(&conn->change, &conn->desired);
    act(conn);
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
    if (conn->needs_diff) {
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
run_READING_FLOWS(struct ofconn *conn OVS_UNUSED)
{
}

static void
run_READING_GROUPS(struct ofconn *conn OVS_UNUSED)
{
}

static void
run_COMMITTING(struct ofconn *conn OVS_UNUSED)
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
recv_awaited(struct ofconn *conn, struct ofpbuf *msg)
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

static void
recv_error(struct ofconn *conn, const struct ofpbuf *msg)
{
    const struct ofp_header *oh = msg->data;
    enum ofperr error = ofperr_decode_msg(oh, NULL);
    COVERAGE_INC(ofconn_error);
    conn->counters.errors++;
    if (is_sending(conn)) {
        recv_bundle_error(conn, ntohl(oh->xid), ofperr_get_name(error));
    } else if (ntohl(oh->xid) == conn->awaited) {
        fail_reading(conn, error);
    } else {
        /* A bundle that the switch gave up cannot be discarded, either. */
        VLOG_DBG("bridge %s: %s, while %s", conn->bridge,
                 ofperr_get_name(error), ofconn_state_to_string(conn->state));
    }
}

static void
recv_message(struct ofconn *conn, struct ofpbuf *msg)
{
    const struct ofp_header *oh = msg->data;
    bool is_awaited = ntohl(oh->xid) == conn->awaited;
    if (channel_is_message(msg, OFPTYPE_ERROR)) {
        recv_error(conn, msg);
        is_awaited = is_awaited && conn->state == OFCONN_COMMITTING;
    }
    if (is_awaited) {
        recv_awaited(conn, msg);
    }
}

/* What was on its way may have arrived or not. */
static void
disconnect(struct ofconn *conn)
{
    flow_diff_destroy(&conn->diff);
    flow_table_clear(&conn->installed);
    conn->has_facts = false;
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
             && (conn->is_stale || conn->has_next || has_change(conn)
                 || (conn->needs_diff && may_send(conn))))
            || (conn->state == OFCONN_FILLING
                && conn->n_sent < conn->diff.n_ops
                && channel_has_room(conn->channel)));
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

/* For each port named in 'floods': whether NORMAL may flood to it.  No flow is
 * sent before that is so. */
void
ofconn_set_floods(struct ofconn *conn, const struct simap *floods)
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
    conn->needs_diff = conn->needs_diff || conn->verdict == OFCONN_REFUSED;
    take_news(conn);
}

/* Reads once more what the bridge has. */
void
ofconn_refresh(struct ofconn *conn)
{
    conn->is_stale = true;
    port_conn_refresh(conn->ports);
}

/* Has the switch do with the 'size' bytes at 'frame' what 'actions' say, which
 * this takes ownership of, by the flows that are installed.  Returns false if
 * the switch cannot be told now; whether it does is not known. */
bool
ofconn_send_frame(struct ofconn *conn, const void *frame, size_t size,
                  struct ofpbuf *actions)
{
    bool is_sent = conn->state != OFCONN_DISCONNECTED
                   && channel_has_room(conn->channel);
    if (is_sent) {
        channel_send(conn->channel,
                     flow_msg_packet_out(frame, size, actions,
                                         version(conn)));
    }
    ofpbuf_delete(actions);
    return is_sent;
}

enum ofconn_state
ofconn_state(const struct ofconn *conn)
{
    return conn->state;
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
 * bundles do. */
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
        return xasprintf("bridge %s: protocols has neither OpenFlow14 nor "
                         "OpenFlow15, which flows need", conn->bridge);
    } else if (port_conn_is_refused(conn->ports)) {
        return xasprintf("bridge %s: protocols has no OpenFlow10, without "
                         "which guests receive floods twice", conn->bridge);
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

/* Returns the OpenFlow number of 'port', or 0: the bridge has no such port, or
 * it is not known now. */
ofp_port_t
ofconn_ofport(const struct ofconn *conn, const char *port)
{
    const struct ofputil_phy_port *desc = port_conn_find(conn->ports, port);
    return desc ? desc->port_no : 0;
}

/* Flows are not installed for good while NORMAL floods past them.  Where the
 * bridge will not talk of that, nothing can be done about it. */
enum ofconn_verdict
ofconn_verdict(const struct ofconn *conn)
{
    return (conn->verdict == OFCONN_INSTALLED
            && !port_conn_is_settled(conn->ports)
            && !port_conn_is_refused(conn->ports)
            ? OFCONN_PENDING : conn->verdict);
}

/* Returns why the last bundle was refused: an array of '*n_errors', valid
 * until the next call of another function that changes 'conn'. */
const struct ofconn_error *
ofconn_errors(const struct ofconn *conn, size_t *n_errors)
{
    *n_errors = conn->n_errors;
    return conn->errors;
}

void
ofconn_get_counters(const struct ofconn *conn,
                    struct ofconn_counters *counters)
{
    unsigned int n_connections = channel_n_connections(conn->channel);
    *counters = conn->counters;
    counters->errors += port_conn_n_errors(conn->ports);
    counters->port_mods = port_conn_n_changes(conn->ports);
    counters->reconnects = n_connections ? n_connections - 1 : 0;
}
