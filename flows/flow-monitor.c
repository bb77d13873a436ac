/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */

/* Asks a switch to tell when flows are added, removed or modified, and looks
 * whether what it tells is any business of ours.  Pure: ofconn.c sends and
 * receives, and answers with a complete reading.
 *
 * What we do ourselves, over the same connection, the switch abbreviates to
 * its transaction ids, one for each message or bundle.  What it learns makes
 * no work as long as nobody asks for the table: hence one request for each
 * table that is of interest.
 *
 * Flows of others learn, too, perhaps thousands of flows with a time-out, and
 * to read everything for each of them would be all that we do.  Where a flow
 * of ours may be, one takes its place.  Beside ours, in a table that we share,
 * what matters is whether there is any that leads frames past ours: hence the
 * switch is asked there what a flow does, and those that follow the first are
 * left to the next reading.
 *
 * A switch that cannot get rid of what it has to tell says that it pauses, and
 * later tells what it left out.  Whatever that was, to read everything is the
 * answer. */

#include <config.h>
#include "flows/flow-monitor.h"

#include "byte-order.h"
#include "flows/flow-space.h"
#include "flows/flow-table.h"
#include "openvswitch/ofp-monitor.h"
#include "openvswitch/ofp-msgs.h"
#include "openvswitch/ofp-protocol.h"
#include "openvswitch/ofpbuf.h"
#include "util.h"

/* Returns the request to tell of the flows of 'table_id', and what they do if
 * 'with_actions'.  Nothing has to be told of those that are there already. */
struct ofpbuf *
flow_monitor_request(uint8_t table_id, bool with_actions,
                     enum ofp_version version)
{
    struct ofputil_flow_monitor_request request = {
        .id = table_id,
        .command = OFPFMC_ADD,
        .flags = (OFPFMF_ADD | OFPFMF_REMOVED | OFPFMF_MODIFY
                  | (with_actions ? OFPFMF_INSTRUCTIONS : 0)),
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
leads_past(const struct flow_space *space, const struct flow_entry *entry)
{
    return (!flow_space_owns_flow(space, entry->cookie)
            && !flow_space_covers(space, entry->table_id, entry->priority)
            && flow_space_is_obstructed(space, entry));
}

/* Returns how many of 'installed' are others' flows beside ours that lead
 * frames past ours, until a time-out. */
size_t
flow_monitor_count_fleeting(const struct flow_table *installed,
                            const struct flow_space *space)
{
    size_t n = 0;
    const struct flow_entry *entry;
    HMAP_FOR_EACH (entry, node, &installed->flows) {
        n += entry->is_fleeting && leads_past(space, entry);
    }
    return n;
}

/* Is the flow of 'update', which has a time-out, ours, in a place of ours, or
 * perhaps the first or the last that leads frames past ours? */
static bool
fleeting_concerns(const struct ofputil_flow_update *update,
                  const struct flow_space *space, size_t n_fleeting)
{
    const struct flow_entry entry = {
        .table_id = update->table_id,
        .priority = update->priority,
        .cookie = ntohll(update->cookie),
        .actions = CONST_CAST(struct ofpact *, update->ofpacts),
        .actions_len = update->ofpacts_len,
    };
    return (flow_space_owns_flow(space, entry.cookie)
            || flow_space_covers(space, entry.table_id, entry.priority)
            || (n_fleeting == (update->event == OFPFME_REMOVED)
                && leads_past(space, &entry)));
}

static bool
update_concerns(const struct ofputil_flow_update *update,
                const struct flow_space *space, size_t n_fleeting)
{
    switch (update->event) {
    case OFPFME_ABBREV:
        return false;
    case OFPFME_INITIAL:
    case OFPFME_ADDED:
    case OFPFME_REMOVED:
    case OFPFME_MODIFIED:
        return has_timeout(update)
               ? fleeting_concerns(update, space, n_fleeting)
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
 * 'space', or in our way, or in the first table, where 'n_fleeting' are known
 * of those that flow_monitor_count_fleeting() counts.  The first is enough;
 * what cannot be decoded is taken for one. */
bool
flow_monitor_concerns(struct ofpbuf *msg, const struct flow_space *space,
                      size_t n_fleeting)
{
    uint64_t stub[256 / 8];
    struct ofpbuf actions = OFPBUF_STUB_INITIALIZER(stub);
    struct ofputil_flow_update update;
    bool concerns = false;
    int error = 0;
    while (!concerns
           && !(error = ofputil_decode_flow_update(&update, msg, &actions))) {
        concerns = update_concerns(&update, space, n_fleeting);
    }
    ofpbuf_uninit(&actions);
    return concerns || error != EOF;
}
