/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */

/* Asks a bridge to tell when others change its flows, and takes in what it
 * tells.  What becomes of that is the business of ofconn.c; how it is said, of
 * flow-monitor.c. */

#include <config.h>
#include "flows/flow-watch.h"

#include <stdlib.h>

#include "flows/channel.h"
#include "flows/flow-monitor.h"
#include "flows/flow-space.h"
#include "openvswitch/ofp-errors.h"
#include "openvswitch/ofpbuf.h"
#include "openvswitch/vlog.h"
#include "util.h"

VLOG_DEFINE_THIS_MODULE(flow_watch);

struct flow_watch {
    char *bridge;
    struct channel *channel;    /* Borrowed. */
    const struct flow_space *space; /* Borrowed. */
    uint32_t first_request;     /* xids of the requests, one for a table ... */
    uint32_t n_requests;        /* ... which follow each other. */
    size_t n_fleeting;          /* See flow_monitor_count_fleeting(). */
};

/* Returns what watches the flows of 'bridge' that 'space' is about; 'channel'
 * and 'space' must outlive it. */
struct flow_watch *
flow_watch_create(const char *bridge, struct channel *channel,
                  const struct flow_space *space)
{
    struct flow_watch *watch = xzalloc(sizeof *watch);
    watch->bridge = xstrdup(bridge);
    watch->channel = channel;
    watch->space = space;
    return watch;
}

void
flow_watch_destroy(struct flow_watch *watch)
{
    if (watch) {
        free(watch->bridge);
        free(watch);
    }
}

/* Asks the switch to tell, over a new connection. */
void
flow_watch_start(struct flow_watch *watch)
{
    watch->n_requests = 0;
    for (int table = 0; table <= UINT8_MAX; table++) {
        if (flow_space_watches(watch->space, table)) {
            uint32_t xid = channel_send(
                watch->channel,
                flow_monitor_request(table,
                                     flow_space_shares(watch->space, table),
                                     channel_version(watch->channel)));
            watch->first_request = (watch->n_requests ? watch->first_request
                                    : xid);
            watch->n_requests++;
        }
    }
}

/* Returns whether 'msg', an error, answers what was asked here.  A switch that
 * does not know how to tell is read now and then as ever. */
bool
flow_watch_recv_error(const struct flow_watch *watch, const struct ofpbuf *msg)
{
    const struct ofp_header *oh = msg->data;
    uint32_t i = ntohl(oh->xid) - watch->first_request;
    if (i >= watch->n_requests) {
        return false;
    }
    if (!i) {
        VLOG_INFO("bridge %s: the switch does not tell of flows that others "
                  "change (%s)", watch->bridge,
                  ofperr_get_name(ofperr_decode_msg(oh, NULL)));
    }
    return true;
}

/* Takes note of the flows that have been read. */
void
flow_watch_note_installed(struct flow_watch *watch,
                          const struct flow_table *installed)
{
    watch->n_fleeting = flow_monitor_count_fleeting(installed, watch->space);
}

/* Returns whether 'msg', for which flow_monitor_is_update() is true, tells of
 * flows that concern us. */
bool
flow_watch_recv_update(const struct flow_watch *watch, struct ofpbuf *msg)
{
    static struct vlog_rate_limit rl = VLOG_RATE_LIMIT_INIT(5, 5);
    bool concerns = flow_monitor_concerns(msg, watch->space,
                                          watch->n_fleeting);
    if (concerns) {
        VLOG_INFO_RL(&rl, "bridge %s: somebody has changed flows",
                     watch->bridge);
    }
    return concerns;
}
