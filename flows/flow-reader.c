/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */

/* Asks for all flows and groups of a bridge, and puts together what it
 * answers, in several messages each.  When is the business of ofconn.c. */

#include <config.h>
#include "flows/flow-reader.h"

#include <stdlib.h>

#include "flows/channel.h"
#include "flows/flow-msg.h"
#include "flows/flow-space.h"
#include "flows/flow-table.h"
#include "openvswitch/ofp-errors.h"
#include "openvswitch/ofp-msgs.h"
#include "openvswitch/ofpbuf.h"
#include "openvswitch/vlog.h"
#include "util.h"

VLOG_DEFINE_THIS_MODULE(flow_reader);

struct flow_reader {
    char *bridge;
    struct channel *channel;    /* Borrowed. */
    const struct flow_space *space; /* Borrowed. */
    enum ofptype expected;      /* Of what 'awaited' is the answer. */
    uint32_t awaited;           /* Its xid. */
    struct flow_table table;    /* What has been read. */
};

/* Returns what reads the flows of 'space' that 'bridge' has; 'channel' and
 * 'space' must outlive it. */
struct flow_reader *
flow_reader_create(const char *bridge, struct channel *channel,
                   const struct flow_space *space)
{
    struct flow_reader *reader = xzalloc(sizeof *reader);
    reader->bridge = xstrdup(bridge);
    reader->channel = channel;
    reader->space = space;
    flow_table_init(&reader->table);
    return reader;
}

void
flow_reader_destroy(struct flow_reader *reader)
{
    if (reader) {
        flow_table_destroy(&reader->table);
        free(reader->bridge);
        free(reader);
    }
}

static void
ask(struct flow_reader *reader, struct ofpbuf *request, enum ofptype expected)
{
    reader->expected = expected;
    reader->awaited = channel_send(reader->channel, request);
}

/* Begins anew; answers to what was asked before do not count. */
void
flow_reader_start(struct flow_reader *reader)
{
    flow_table_clear(&reader->table);
    ask(reader, flow_msg_dump_flows(channel_version(reader->channel)),
        OFPTYPE_FLOW_STATS_REPLY);
}

/* True if the switch has not answered yet what flows it has: what it tells of
 * them before it does, the answer takes into account. */
bool
flow_reader_awaits_flows(const struct flow_reader *reader)
{
    return reader->expected == OFPTYPE_FLOW_STATS_REPLY;
}

static enum flow_reader_event
finish_part(struct flow_reader *reader)
{
    if (!flow_reader_awaits_flows(reader)) {
        return FLOW_READER_DONE;
    }
    ask(reader, flow_msg_dump_groups(channel_version(reader->channel)),
        OFPTYPE_GROUP_DESC_STATS_REPLY);
    return FLOW_READER_UNDER_WAY;
}

static enum flow_reader_event
fail(const struct flow_reader *reader, enum ofperr error)
{
    static struct vlog_rate_limit rl = VLOG_RATE_LIMIT_INIT(1, 5);
    VLOG_WARN_RL(&rl, "bridge %s: its %s cannot be read (%s)", reader->bridge,
                 flow_reader_awaits_flows(reader) ? "flows" : "groups",
                 ofperr_get_name(error));
    return FLOW_READER_FAILED;
}

static enum ofperr
read_reply(struct flow_reader *reader, struct ofpbuf *reply)
{
    return flow_reader_awaits_flows(reader)
           ? flow_msg_read_flows(reply, reader->space, &reader->table)
           : flow_msg_read_groups(reply, reader->space, &reader->table);
}

/* Takes in 'msg', which may have nothing to do with what was asked. */
enum flow_reader_event
flow_reader_recv(struct flow_reader *reader, struct ofpbuf *msg)
{
    const struct ofp_header *oh = msg->data;
    if (ntohl(oh->xid) != reader->awaited) {
        return FLOW_READER_UNDER_WAY;
    } else if (channel_is_message(msg, OFPTYPE_ERROR)) {
        return fail(reader, ofperr_decode_msg(oh, NULL));
    } else if (!channel_is_message(msg, reader->expected)) {
        return FLOW_READER_UNDER_WAY;
    }

    bool has_more = ofpmp_more(oh);
    enum ofperr error = read_reply(reader, msg);
    return (error ? fail(reader, error)
            : has_more ? FLOW_READER_UNDER_WAY
            : finish_part(reader));
}

/* After FLOW_READER_DONE: moves what was read to 'table'. */
void
flow_reader_steal(struct flow_reader *reader, struct flow_table *table)
{
    flow_table_steal(table, &reader->table);
}
