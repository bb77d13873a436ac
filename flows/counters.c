/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */

/* Reads counters when somebody asks for them, over a connection of its own:
 * what ofconn.c reads is large, and about flows, not packets.  Each vNIC has a
 * flow for each rule that it can break, at either level of the guard, see
 * pipeline-guard.c, and one for VLANs that are not its. */

#include <config.h>
#include "flows/counters.h"

#include <errno.h>
#include <stdlib.h>

#include "byte-order.h"
#include "flows/channel.h"
#include "flows/pipeline.h"
#include "flows/why.h"
#include "lib/report.h"
#include "openvswitch/match.h"
#include "openvswitch/ofp-errors.h"
#include "openvswitch/ofp-flow.h"
#include "openvswitch/ofp-msgs.h"
#include "openvswitch/ofp-protocol.h"
#include "openvswitch/ofpbuf.h"
#include "openvswitch/poll-loop.h"
#include "util.h"

/* How long the answer may take. */
enum { TIMEOUT_MS = 5000 };

/* Those that ofconn.c speaks. */
#define VERSIONS ((1u << OFP14_VERSION) | (1u << OFP15_VERSION))

struct counters {
    char *bridge;
    struct channel *channel;    /* NULL once it is done. */
    uint32_t awaited;           /* Transaction id of the request. */
    long long int deadline_ms;
    struct pipeline_vnic vnic;  /* Its number and policy alone. */
    struct why_count *counts;   /* Owned. */
    size_t n_counts, allocated_counts;
    char *error;                /* A sentence, or NULL. */
};

/* Asks for the counters of 'vnic' on 'bridge', whose management socket is
 * 'target'. */
struct counters *
counters_create(const char *bridge, const char *target,
                const struct pipeline_vnic *vnic, long long int now)
{
    struct counters *counters = xzalloc(sizeof *counters);
    counters->bridge = xstrdup(bridge);
    counters->channel = channel_create(target, VERSIONS);
    counters->deadline_ms = now + TIMEOUT_MS;
    counters->vnic.number = vnic->number;
    policy_clone(&counters->vnic.policy, &vnic->policy);
    return counters;
}

void
counters_destroy(struct counters *counters)
{
    if (counters) {
        channel_destroy(counters->channel);
        policy_destroy(&counters->vnic.policy);
        free(counters->bridge);
        free(counters->counts);
        free(counters->error);
        free(counters);
    }
}

static void
end(struct counters *counters, char *error)
{
    channel_destroy(counters->channel);
    counters->channel = NULL;
    counters->error = error;
}

/* Returns the request for all flows of 'vnic'. */
static struct ofpbuf *
make_request(const struct pipeline_vnic *vnic, enum ofp_version version)
{
    struct ofputil_flow_stats_request request = {
        .out_port = OFPP_ANY,
        .out_group = OFPG_ANY,
        .table_id = OFPTT_ALL,
        .cookie = htonll(table_cookie(vnic->number, 0)),
        .cookie_mask = htonll(~(uint64_t) COOKIE_RULE_MASK),
    };
    match_init_catchall(&request.match);
    return ofputil_encode_flow_stats_request(
        &request, ofputil_protocol_from_ofp_version(version));
}

static bool
is_broken_rule(const struct ofputil_flow_stats *fs)
{
    uint64_t cookie = ntohll(fs->cookie);
    return fs->packet_count && fs->packet_count != UINT64_MAX
           && (table_flow_is_violation(fs->table_id, cookie)
               || (fs->table_id == TABLE_CLASSIFY
                   && table_cookie_rule(cookie) == RULE_FOREIGN_VLAN));
}

static void
add_count(struct counters *counters, const struct ofputil_flow_stats *fs)
{
    if (!is_broken_rule(fs)) {
        return;
    }
    if (counters->n_counts >= counters->allocated_counts) {
        counters->counts = x2nrealloc(counters->counts,
                                      &counters->allocated_counts,
                                      sizeof *counters->counts);
    }
    counters->counts[counters->n_counts++] = (struct why_count) {
        .table_id = fs->table_id,
        .rule = table_cookie_rule(ntohll(fs->cookie)),
        .n_packets = fs->packet_count,
    };
}

static char *
read_reply(struct counters *counters, struct ofpbuf *msg)
{
    uint64_t stub[1024 / 8];
    struct ofpbuf actions = OFPBUF_STUB_INITIALIZER(stub);
    struct ofputil_flow_stats fs;
    int error;
    while (!(error = ofputil_decode_flow_stats_reply(&fs, msg, false,
                                                     &actions))) {
        add_count(counters, &fs);
    }
    ofpbuf_uninit(&actions);
    return error == EOF ? NULL
           : xasprintf("bridge %s: its counters cannot be read",
                       counters->bridge);
}

static void
receive(struct counters *counters, struct ofpbuf *msg)
{
    const struct ofp_header *oh = msg->data;
    if (ntohl(oh->xid) != counters->awaited) {
        return;
    } else if (!channel_is_message(msg, OFPTYPE_FLOW_STATS_REPLY)) {
        end(counters, xasprintf("bridge %s refuses to tell its counters",
                                counters->bridge));
        return;
    }
    bool has_more = ofpmp_more(msg->data);
    char *error = read_reply(counters, msg);
    if (error || !has_more) {
        end(counters, error);
    }
}

static void
run_channel(struct counters *counters)
{
    switch (channel_run(counters->channel)) {
    case CHANNEL_UP:
        counters->n_counts = 0;
        counters->awaited = channel_send(
            counters->channel,
            make_request(&counters->vnic,
                         channel_version(counters->channel)));
        break;
    case CHANNEL_DOWN:
    case CHANNEL_NOTHING_NEW:
        break;
    }
    struct ofpbuf *msg;
    while (counters->channel && (msg = channel_recv(counters->channel))) {
        receive(counters, msg);
        ofpbuf_delete(msg);
    }
}

void
counters_run(struct counters *counters, long long int now)
{
    if (counters->channel) {
        run_channel(counters);
    }
    if (counters->channel && now >= counters->deadline_ms) {
        end(counters, xasprintf("bridge %s did not tell its counters within "
                                "%d s", counters->bridge, TIMEOUT_MS / 1000));
    }
}

void
counters_wait(const struct counters *counters)
{
    if (counters->channel) {
        channel_wait(counters->channel);
        poll_timer_wait_until(counters->deadline_ms);
    }
}

bool
counters_are_done(const struct counters *counters)
{
    return !counters->channel;
}

static int
compare_counts(const void *a_, const void *b_)
{
    const struct why_count *a = a_, *b = b_;
    return a->rule < b->rule ? -1 : a->rule > b->rule;
}

/* Initializes 'report' with a row for each rule that was broken.  Returns a
 * sentence if they are not known; 'report' has no rows then. */
char *
counters_tell(const struct counters *counters, struct report *report)
{
    why_counts_report_init(report);
    if (counters->error) {
        return xstrdup(counters->error);
    } else if (counters->n_counts) {
        qsort(counters->counts, counters->n_counts, sizeof *counters->counts,
              compare_counts);
    }
    for (size_t i = 0; i < counters->n_counts; i++) {
        why_count_explain(&counters->vnic, &counters->counts[i], report);
    }
    return NULL;
}
