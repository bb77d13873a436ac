/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */

/* Keeps NORMAL from flooding to the ports that are ours to flood to, and lets
 * flows match fragments.
 *
 * Theory of operation
 * ===================
 *
 * That NORMAL must not flood to a port is NO_FLOOD, which OpenFlow 1.0 has and
 * no later version: with those it can be neither set nor seen.  Bundles in
 * turn need OpenFlow 1.4.  So a bridge has two connections, this one and that
 * of ofconn.c, which waits for this one to be settled.
 *
 * A new connection reads all ports.  From then on the switch tells of each
 * port that comes, goes or changes, so that a NO_FLOOD that somebody takes
 * away is put back.  For that the miss_send_len of the connection must not be
 * zero, which asks for packets, too; the asynchronous configuration says that
 * we want none.
 *
 * As long as anybody speaks OpenFlow 1.0, packets that no flow matches take
 * the slow path, to be sent to him.  Whoever has a controller id other than
 * zero does not count. */

#include <config.h>
#include "flows/port-conn.h"

#include <openflow/nicira-ext.h>
#include <stdlib.h>

#include "flows/channel.h"
#include "flows/flood-map.h"
#include "flows/port-table.h"
#include "openvswitch/ofp-connection.h"
#include "openvswitch/ofp-errors.h"
#include "openvswitch/ofp-msgs.h"
#include "openvswitch/ofp-switch.h"
#include "openvswitch/ofp-util.h"
#include "openvswitch/ofpbuf.h"
#include "openvswitch/poll-loop.h"
#include "openvswitch/vlog.h"
#include "util.h"

VLOG_DEFINE_THIS_MODULE(port_conn);

/* So that many ports at once do not fill the queue of the connection. */
#define MAX_CHANGES 500

/* Any but zero. */
#define CONTROLLER_ID 0x766e

/* Messages per run, so that others get their turn. */
#define MAX_RECEIVED 50

struct port_conn {
    char *bridge;
    struct channel *channel;
    enum port_conn_state state;
    unsigned int seqno;         /* Changes with all that is public. */
    bool is_refused;            /* The bridge does not speak our version. */
    uint32_t awaited;           /* xid of the answer that 'state' waits for. */
    bool is_stale;              /* Everything has to be read once more. */
    bool is_settled;            /* All known ports are as they should be, or
                                 * were when they were read last. */

    enum fragment_mode fragments;
    bool is_configured;         /* The switch has been told that. */
    struct flood_map floods;
    struct port_table ports;
    ofp_port_t *changes;        /* The ports of the changes on their way ... */
    size_t n_changes_sent;      /* ... MAX_CHANGES at most ... */
    uint32_t first_change;      /* ... and the xid of the first of them. */

    uint64_t n_changes, n_errors;
};

const char *
port_conn_state_to_string(enum port_conn_state state)
{
    static const char *const names[N_PORT_CONN_STATES] = {
#define PORT_CONN_STATE(ENUM, NAME) [PORT_CONN_##ENUM] = NAME,
        PORT_CONN_STATES
#undef PORT_CONN_STATE
    };
    return names[state];
}

/* Returns a connection to 'bridge' at 'target', "unix:…/br0.mgmt", which is
 * tried for ever. */
struct port_conn *
port_conn_create(const char *bridge, const char *target)
{
    struct port_conn *conn = xzalloc(sizeof *conn);
    conn->bridge = xstrdup(bridge);
    conn->channel = channel_create(target, 1u << OFP10_VERSION);
    conn->changes = xmalloc(MAX_CHANGES * sizeof *conn->changes);
    port_table_init(&conn->ports);
    return conn;
}

void
port_conn_destroy(struct port_conn *conn)
{
    if (conn) {
        channel_destroy(conn->channel);
        port_table_destroy(&conn->ports);
        free(conn->changes);
        free(conn->bridge);
        free(conn);
    }
}

static void
set_state(struct port_conn *conn, enum port_conn_state state)
{
    if (state != conn->state) {
        VLOG_DBG("bridge %s, ports: %s -> %s", conn->bridge,
                 port_conn_state_to_string(conn->state),
                 port_conn_state_to_string(state));
        conn->state = state;
        conn->seqno++;
    }
}

static void
send_and_await(struct port_conn *conn, struct ofpbuf *request,
               enum port_conn_state state)
{
    conn->awaited = channel_send(conn->channel, request);
    set_state(conn, state);
}

/* Says that we are not one to whom packets go that no flow matches. */
static void
send_controller_id(struct port_conn *conn)
{
    struct ofpbuf *msg = ofpraw_alloc(OFPRAW_NXT_SET_CONTROLLER_ID,
                                      OFP10_VERSION, 0);
    struct nx_controller_id *nci = ofpbuf_put_zeros(msg, sizeof *nci);
    nci->controller_id = htons(CONTROLLER_ID);
    channel_send(conn->channel, msg);
}

/* Asks for the configuration first: it is set as a whole, and we care for a
 * part. */
static void
start(struct port_conn *conn)
{
    conn->is_stale = false;
    port_table_clear(&conn->ports);
    send_controller_id(conn);
    send_and_await(conn, ofpraw_alloc(OFPRAW_OFPT_GET_CONFIG_REQUEST,
                                      OFP10_VERSION, 0),
                   PORT_CONN_CONFIGURING);
}

/* Asks for news of ports, and of nothing else. */
static void
send_async_config(struct port_conn *conn)
{
    struct ofputil_async_cfg async = OFPUTIL_ASYNC_CFG_INIT;
    async.primary[OAM_PORT_STATUS] = ((1u << OFPPR_ADD) | (1u << OFPPR_DELETE)
                                      | (1u << OFPPR_MODIFY));
    channel_send(conn->channel,
                 ofputil_encode_set_async_config(
                     &async, 1u << OAM_PORT_STATUS, OFP10_VERSION));
}

static void
recv_DISCONNECTED(struct port_conn *conn OVS_UNUSED,
                  struct ofpbuf *msg OVS_UNUSED)
{
    /* It was on its way when the connection went down. */
}

static void
recv_CONFIGURING(struct port_conn *conn, struct ofpbuf *msg)
{
    if (channel_is_message(msg, OFPTYPE_GET_CONFIG_REPLY)) {
        struct ofputil_switch_config config;
        ofputil_decode_get_config_reply(msg->data, &config);
        if (conn->fragments != FRAGMENTS_AS_IS) {
            config.frag = (conn->fragments == FRAGMENTS_MATCHED
                           ? OFPUTIL_FRAG_NX_MATCH : OFPUTIL_FRAG_NORMAL);
        }
        config.miss_send_len = OFP_DEFAULT_MISS_SEND_LEN;

        conn->is_configured = true;
        send_async_config(conn);
        channel_send(conn->channel,
                     ofputil_encode_set_config(&config, OFP10_VERSION));
        send_and_await(conn, ofputil_encode_port_desc_stats_request(
                                 OFP10_VERSION, OFPP_ANY),
                       PORT_CONN_READING);
    }
}

static void
send_change(struct port_conn *conn, const struct ofputil_port_mod *change)
{
    size_t i = conn->n_changes_sent++;
    channel_send_as(conn->channel, conn->first_change + i,
                    ofputil_encode_port_mod(change, OFPUTIL_P_OF10_STD));
    conn->changes[i] = change->port_no;
    conn->n_changes++;
    port_table_apply(&conn->ports, change);
}

/* Sends what has to be changed, if there is something, and a barrier behind
 * it. */
static void
settle(struct port_conn *conn)
{
    conn->first_change = channel_reserve(conn->channel, MAX_CHANGES);
    conn->n_changes_sent = 0;

    struct ofputil_port_mod change;
    while (conn->n_changes_sent < MAX_CHANGES
           && port_table_next_change(&conn->ports, &conn->floods, &change)) {
        send_change(conn, &change);
    }
    conn->is_settled = !conn->n_changes_sent;
    if (conn->n_changes_sent) {
        send_and_await(conn, ofputil_encode_barrier_request(OFP10_VERSION),
                       PORT_CONN_CHANGING);
    } else {
        set_state(conn, PORT_CONN_SETTLED);
    }
}

static void
recv_READING(struct port_conn *conn, struct ofpbuf *msg)
{
    if (channel_is_message(msg, OFPTYPE_PORT_DESC_STATS_REPLY)) {
        bool has_more = ofpmp_more(msg->data);
        struct ofputil_phy_port port;
        ofpraw_pull_assert(msg);
        while (!ofputil_pull_phy_port(OFP10_VERSION, msg, &port)) {
            port_table_update(&conn->ports, &port);
        }
        if (!has_more) {
            settle(conn);
        }
    }
}

static void
recv_CHANGING(struct port_conn *conn, struct ofpbuf *msg)
{
    if (channel_is_message(msg, OFPTYPE_BARRIER_REPLY)) {
        settle(conn);
    }
}

static void
recv_SETTLED(struct port_conn *conn OVS_UNUSED, struct ofpbuf *msg OVS_UNUSED)
{
    /* Nothing was asked. */
}

static void
recv_port_status(struct port_conn *conn, const struct ofpbuf *msg)
{
    struct ofputil_port_status status;
    if (ofputil_decode_port_status(msg->data, &status)) {
        return;
    }
    if (status.reason == OFPPR_DELETE) {
        port_table_remove(&conn->ports, status.desc.port_no);
    } else {
        port_table_update(&conn->ports, &status.desc);
    }
    conn->seqno++;
    if (conn->state == PORT_CONN_SETTLED) {
        settle(conn);
    }
}

/* A port that is gone before its change arrives is no error. */
static void
recv_error(struct port_conn *conn, const struct ofpbuf *msg)
{
    const struct ofp_header *oh = msg->data;
    uint32_t i = ntohl(oh->xid) - conn->first_change;
    enum ofperr error = ofperr_decode_msg(oh, NULL);
    if (i < conn->n_changes_sent) {
        const char *name = port_table_refuse(&conn->ports, conn->changes[i]);
        if (name) {
            static struct vlog_rate_limit rl = VLOG_RATE_LIMIT_INIT(1, 5);
            VLOG_WARN_RL(&rl, "bridge %s, port %s: the switch refuses to "
                         "change NO_FLOOD (%s)", conn->bridge, name,
                         ofperr_get_name(error));
            conn->n_errors++;
            conn->seqno++;
        }
    } else {
        static struct vlog_rate_limit rl = VLOG_RATE_LIMIT_INIT(1, 5);
        VLOG_WARN_RL(&rl, "bridge %s: the switch refuses to talk of its ports "
                     "(%s, while %s)", conn->bridge, ofperr_get_name(error),
                     port_conn_state_to_string(conn->state));
        conn->n_errors++;
        channel_reconnect(conn->channel);
    }
}

static void
recv_awaited(struct port_conn *conn, struct ofpbuf *msg)
{
    switch (conn->state) {
#define PORT_CONN_STATE(ENUM, NAME)             \
    case PORT_CONN_##ENUM:                      \
        recv_##ENUM(conn, msg);                 \
        break;
    PORT_CONN_STATES
#undef PORT_CONN_STATE
    case N_PORT_CONN_STATES:
        OVS_NOT_REACHED();
    }
}

static void
recv_message(struct port_conn *conn, struct ofpbuf *msg)
{
    const struct ofp_header *oh = msg->data;
    if (channel_is_message(msg, OFPTYPE_PORT_STATUS)) {
        recv_port_status(conn, msg);
    } else if (channel_is_message(msg, OFPTYPE_ERROR)) {
        recv_error(conn, msg);
    } else if (ntohl(oh->xid) == conn->awaited) {
        recv_awaited(conn, msg);
    }
}

static void
run_channel(struct port_conn *conn)
{
    switch (channel_run(conn->channel)) {
    case CHANNEL_UP:
        conn->is_settled = false;
        conn->is_configured = false;
        start(conn);
        break;
    case CHANNEL_DOWN:
        conn->is_settled = false;
        port_table_clear(&conn->ports);
        set_state(conn, PORT_CONN_DISCONNECTED);
        break;
    case CHANNEL_NOTHING_NEW:
        break;
    }

    bool is_refused = channel_is_refused(conn->channel);
    conn->seqno += is_refused != conn->is_refused;
    conn->is_refused = is_refused;
}

void
port_conn_run(struct port_conn *conn)
{
    run_channel(conn);
    for (int i = 0; i < MAX_RECEIVED; i++) {
        struct ofpbuf *msg = channel_recv(conn->channel);
        if (!msg) {
            break;
        }
        recv_message(conn, msg);
        ofpbuf_delete(msg);
    }
    if (conn->is_stale && conn->state == PORT_CONN_SETTLED) {
        start(conn);
    }
}

void
port_conn_wait(struct port_conn *conn)
{
    channel_wait(conn->channel);
    if (conn->is_stale && conn->state == PORT_CONN_SETTLED) {
        poll_immediate_wake();
    }
}

/* Makes NORMAL flood as 'floods' says. */
void
port_conn_set_floods(struct port_conn *conn, const struct flood_map *floods)
{
    if (flood_map_equals(&conn->floods, floods)) {
        return;
    }

    conn->floods = *floods;
    conn->is_settled = false;
    if (conn->state == PORT_CONN_SETTLED) {
        settle(conn);
    }
}

/* Sets what flows see of fragments. */
void
port_conn_set_fragments(struct port_conn *conn, enum fragment_mode fragments)
{
    if (conn->fragments != fragments) {
        conn->fragments = fragments;
        conn->is_configured = false;
        conn->is_stale = true;
    }
}

/* Looks once more at all that the switch does not tell by itself. */
void
port_conn_refresh(struct port_conn *conn)
{
    conn->is_stale = true;
}

enum port_conn_state
port_conn_state(const struct port_conn *conn)
{
    return conn->state;
}

/* Returns a number that changes with the state, the ports and the errors. */
unsigned int
port_conn_seqno(const struct port_conn *conn)
{
    return conn->seqno;
}

/* True if NORMAL floods only to those known ports that it may flood to, and
 * fragments are as set; what is being read once more counts as it was. */
bool
port_conn_is_settled(const struct port_conn *conn)
{
    return conn->is_settled && conn->is_configured;
}

/* True if the bridge is there, but does not speak OpenFlow 1.0. */
bool
port_conn_is_refused(const struct port_conn *conn)
{
    return conn->is_refused;
}

/* Returns how many port-mods were sent. */
uint64_t
port_conn_n_changes(const struct port_conn *conn)
{
    return conn->n_changes;
}

/* Returns how many messages the switch refused. */
uint64_t
port_conn_n_errors(const struct port_conn *conn)
{
    return conn->n_errors;
}
