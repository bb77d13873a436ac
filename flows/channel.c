/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */

/* A connection to the management socket of a bridge, which is always there and
 * needs no row in the database.  Knows no message but the echo; what is said
 * is the business of ofconn.c and port-conn.c.
 *
 * A bridge that vanishes and comes back is a connection that was lost: it is
 * tried for ever.  There are no inactivity probes, since a Unix socket does
 * not lose its peer silently, and a switch that is busy for long would be cut
 * off for nothing. */

#include <config.h>
#include "flows/channel.h"

#include <errno.h>
#include <stdlib.h>

#include "openvswitch/ofp-msgs.h"
#include "openvswitch/ofp-util.h"
#include "openvswitch/ofpbuf.h"
#include "openvswitch/rconn.h"
#include "util.h"

/* While the switch is away nothing is isolated, or nothing passes; but each
 * try that fails is a warning in the log. */
#define MAX_BACKOFF_S 4

/* What may wait to be sent.  The switch reads some 50 messages at a time. */
#define MAX_QUEUED_BYTES (256 * 1024)

struct channel {
    struct rconn *rconn;
    struct rconn_packet_counter *queued;
    unsigned int rconn_seqno;   /* Of the connection that we know of. */
    bool is_up;
    enum ofp_version version;   /* rconn forgets it when a message cannot be
                                 * sent, in the middle of our work. */
    unsigned int n_connections;
    long long int lost_ms;      /* When a connection that was up was lost: what
                                 * fails later was never up. */
    uint32_t last_xid;
};

/* Returns a channel to 'target', "unix:…/br0.mgmt", in the newest of the
 * OpenFlow 'versions', a bitmap, that the bridge speaks. */
struct channel *
channel_create(const char *target, uint32_t versions)
{
    struct channel *channel = xzalloc(sizeof *channel);
    channel->rconn = rconn_create(0, MAX_BACKOFF_S, 0, versions);
    channel->queued = rconn_packet_counter_create();
    rconn_connect(channel->rconn, target, target);
    channel->rconn_seqno = rconn_get_connection_seqno(channel->rconn);
    channel->lost_ms = rconn_get_last_disconnect(channel->rconn);
    return channel;
}

void
channel_destroy(struct channel *channel)
{
    if (channel) {
        rconn_destroy(channel->rconn);
        rconn_packet_counter_destroy(channel->queued);
        free(channel);
    }
}

/* Does what the connection needs.  After CHANNEL_UP and CHANNEL_DOWN no answer
 * to what was sent before will come. */
enum channel_event
channel_run(struct channel *channel)
{
    rconn_run(channel->rconn);

    unsigned int seqno = rconn_get_connection_seqno(channel->rconn);
    bool is_up = rconn_is_connected(channel->rconn);
    if (seqno == channel->rconn_seqno) {
        return CHANNEL_NOTHING_NEW;
    }
    channel->rconn_seqno = seqno;
    if (!is_up && !channel->is_up) {
        return CHANNEL_NOTHING_NEW;
    }
    channel->is_up = is_up;
    channel->version = is_up ? rconn_get_version(channel->rconn) : 0;
    channel->n_connections += is_up;
    channel->lost_ms = rconn_get_last_disconnect(channel->rconn);
    return is_up ? CHANNEL_UP : CHANNEL_DOWN;
}

void
channel_wait(struct channel *channel)
{
    rconn_run_wait(channel->rconn);
    rconn_recv_wait(channel->rconn);
}

/* Returns the version that both sides speak, from CHANNEL_UP to
 * CHANNEL_DOWN. */
enum ofp_version
channel_version(const struct channel *channel)
{
    return channel->version;
}

/* True if the bridge is there, but speaks none of our versions.  Both sides
 * notice that, and whoever is first hangs up. */
bool
channel_is_refused(const struct channel *channel)
{
    int error = rconn_get_last_error(channel->rconn);
    return (!channel->is_up
            && rconn_get_last_disconnect(channel->rconn) != channel->lost_ms
            && (error == EPROTO || error == EPIPE || error == ECONNRESET));
}

/* Returns how often the switch was reached. */
unsigned int
channel_n_connections(const struct channel *channel)
{
    return channel->n_connections;
}

/* Returns the first of 'n' successive transaction ids, for nobody else. */
uint32_t
channel_reserve(struct channel *channel, uint32_t n)
{
    uint32_t first = channel->last_xid + 1;
    channel->last_xid += n;
    return first;
}

/* Sends 'msg', which it takes ownership of, and returns the transaction id
 * that the answer will have. */
uint32_t
channel_send(struct channel *channel, struct ofpbuf *msg)
{
    uint32_t xid = channel_reserve(channel, 1);
    channel_send_as(channel, xid, msg);
    return xid;
}

/* Sends 'msg', which it takes ownership of, with 'xid'. */
void
channel_send_as(struct channel *channel, uint32_t xid, struct ofpbuf *msg)
{
    struct ofp_header *oh = msg->data;
    oh->xid = htonl(xid);

    /* Fails only without a connection: channel_run() will say so. */
    (void) rconn_send(channel->rconn, msg, channel->queued);
}

/* True if more may be sent now.  Otherwise channel_wait() waits for that. */
bool
channel_has_room(const struct channel *channel)
{
    return (rconn_packet_counter_n_bytes(channel->queued)
            < MAX_QUEUED_BYTES);
}

/* True if 'msg' can be decoded, and is of this type. */
bool
channel_is_message(const struct ofpbuf *msg, enum ofptype expected)
{
    enum ofptype type;
    return !ofptype_decode(&type, msg->data) && type == expected;
}

/* Answers 'request' if it is an echo request, and returns whether it is. */
static bool
answer_echo(struct channel *channel, const struct ofpbuf *request)
{
    const struct ofp_header *oh = request->data;
    if (!channel_is_message(request, OFPTYPE_ECHO_REQUEST)) {
        return false;
    }
    channel_send_as(channel, ntohl(oh->xid), ofputil_encode_echo_reply(oh));
    return true;
}

/* Returns the next message, which the caller owns, or NULL if there is none
 * for now. */
struct ofpbuf *
channel_recv(struct channel *channel)
{
    struct ofpbuf *msg = rconn_recv(channel->rconn);
    if (msg && answer_echo(channel, msg)) {
        ofpbuf_delete(msg);
        return NULL;
    }
    return msg;
}

/* Drops the connection, and makes a new one after a while. */
void
channel_reconnect(struct channel *channel)
{
    rconn_reconnect(channel->rconn);
}
