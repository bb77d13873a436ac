/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */

/* Asks a switch to tell when flows are added, removed or modified, and looks
 * whether what it tells is any business of ours.  Pure: ofconn.c sends and
 * receives, and answers with a complete reading.
 *
 * What we do ourselves, over the same connection, the switch abbreviates to
 * its transaction ids, one for each message or bundle.  What it learns makes
 * no work as long as nobody asks for the table: hence one request for each
 * table that is of interest.  Flows with a time-out are learnt, too, by the
 * flows of others; but where a flow of ours may be, one takes its place.
 *
 * A switch that cannot get rid of what it has to tell says that it pauses, and
 * later tells what it left out.  Whatever that was, to read everything is the
 * answer. */

#include <config.h>
#include "flows/flow-monitor.h"

#include "byte-order.h"
#include "flows/flow-space.h"
#include "openvswitch/ofp-monitor.h"
#include "openvswitch/ofp-msgs.h"
#include "openvswitch/ofp-protocol.h"
#include "openvswitch/ofpbuf.h"
#include "util.h"

/* Returns the request to tell of the flows of 'table_id'.  Nothing has to be
 * told of those that are there already, nor what any of them does. */
struct ofpbuf *
flow_monitor_request(uint8_t table_id, enum ofp_version version)
{
    struct ofputil_flow_monitor_request request = {
        .id = table_id,
        .command = OFPFMC_ADD,
        .flags = OFPFMF_ADD | OFPFMF_REMOVED | OFPFMF_MODIFY,
        .out_port = OFPP_ANY,
        .out_group = OFPG_ANY,
        .table_id = table_id,
    };
    match_init_catchall(&request.match);
    struct ofpbuf *msg = ofpbuf_new(64);
    ofputil_append_flow_monitor_request(
        &request, msg, ofputil_protocol_from_ofp_version(version));
    ofpmsg_update_length(msg);
    return msg;
}

/* True if 'msg' is for flow_monitor_concerns(). */
bool
flow_monitor_is_update(const struct ofpbuf *msg)
{
    enum ofptype type;
    return !ofptype_decode(&type, msg->data)
           && type == OFPTYPE_FLOW_MONITOR_STATS_REPLY;
}

static bool
has_timeout(const struct ofputil_flow_update *update)
{
    return update->idle_timeout || update->hard_timeout;
}

static bool
update_concerns(const struct ofputil_flow_update *update,
                const struct flow_space *space)
{
    switch (update->event) {
    case OFPFME_ABBREV:
        return false;
    case OFPFME_INITIAL:
    case OFPFME_ADDED:
    case OFPFME_REMOVED:
    case OFPFME_MODIFIED:
        return has_timeout(update)
               ? flow_space_covers(space, update->table_id, update->priority)
               : flow_space_concerns(space, update->table_id,
                                     update->priority,
                                     ntohll(update->cookie));
    case OFPFME_PAUSED:
    case OFPFME_RESUMED:
        break;
    }
    return true;
}

/* True if 'msg' tells that somebody else has changed flows that are ours by
 * 'space', or in our way, or in the first table.  The first of them is enough;
 * what cannot be decoded is taken for one. */
bool
flow_monitor_concerns(struct ofpbuf *msg, const struct flow_space *space)
{
    uint64_t stub[256 / 8];
    struct ofpbuf actions = OFPBUF_STUB_INITIALIZER(stub);
    struct ofputil_flow_update update;
    bool concerns = false;
    int error = 0;
    while (!concerns
           && !(error = ofputil_decode_flow_update(&update, msg, &actions))) {
        concerns = update_concerns(&update, space);
    }
    ofpbuf_uninit(&actions);
    return concerns || error != EOF;
}
