/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "tests/fake-switch.h"

#include <stdlib.h>
#include <unistd.h>

#include "byte-order.h"
#include "flow.h"
#include "openvswitch/ofp-bundle.h"
#include "openvswitch/ofp-errors.h"
#include "openvswitch/ofp-flow.h"
#include "openvswitch/ofp-monitor.h"
#include "openvswitch/ofp-msgs.h"
#include "openvswitch/ofp-port.h"
#include "openvswitch/ofp-switch.h"
#include "openvswitch/ofp-util.h"
#include "openvswitch/rconn.h"
#include "openvswitch/vconn.h"
#include "tests/unit.h"
#include "util.h"

void
fake_switch_init(struct fake_switch *sw)
{
    char dir[] = "/tmp/fake-switch-XXXXXX";
    assert_non_null(mkdtemp(dir));
    *sw = (struct fake_switch) {
        .dir = xstrdup(dir),
        .target = xasprintf("unix:%s/br0.mgmt", dir),
        .versions = ((1u << OFP10_VERSION) | (1u << OFP14_VERSION)
                     | (1u << OFP15_VERSION)),
        .flow_log = DS_EMPTY_INITIALIZER,
        .port_log = DS_EMPTY_INITIALIZER,
    };
    flow_table_init(&sw->flows);

    char *listen = xasprintf("p%s", sw->target);
    assert_int_equal(pvconn_open(listen, 0, 0, &sw->listener), 0);
    free(listen);
}

void
fake_switch_hang_up(struct fake_switch *sw)
{
    for (size_t i = 0; i < FAKE_SWITCH_MAX_PEERS; i++) {
        rconn_destroy(sw->peers[i]);
        sw->peers[i] = NULL;
    }
}

void
fake_switch_destroy(struct fake_switch *sw)
{
    fake_switch_hang_up(sw);
    pvconn_close(sw->listener);
    flow_table_destroy(&sw->flows);
    ds_destroy(&sw->flow_log);
    ds_destroy(&sw->port_log);
    assert_int_equal(rmdir(sw->dir), 0);
    free(sw->dir);
    free(sw->target);
}

static void
reply(struct rconn *peer, struct ofpbuf *msg)
{
    assert_int_equal(rconn_send(peer, msg, NULL), 0);
}

static void
reply_all(struct rconn *peer, struct ovs_list *replies)
{
    struct ofpbuf *msg;
    LIST_FOR_EACH_POP (msg, list_node, replies) {
        reply(peer, msg);
    }
}

static void
refuse(struct rconn *peer, uint32_t xid, enum ofperr error,
       const struct ofp_header *oh)
{
    struct ofpbuf *msg = ofperr_encode_reply(error, oh);
    struct ofp_header *header = msg->data;
    header->xid = htonl(xid);
    reply(peer, msg);
}

static void
reply_ports(struct rconn *peer, const struct ofp_header *oh)
{
    struct ovs_list replies;
    ofpmp_init(&replies, oh);
    for (uint16_t i = 1; i <= 2; i++) {
        struct ofputil_phy_port port = { .port_no = u16_to_ofp(i) };
        snprintf(port.name, sizeof port.name, "vnet%d", i);
        ofputil_append_port_desc_stats_reply(&port, &replies);
    }
    reply_all(peer, &replies);
}

static void
reply_flows(struct fake_switch *sw, struct rconn *peer,
            const struct ofp_header *oh)
{
    struct ovs_list replies;
    ofpmp_init(&replies, oh);
    const struct flow_entry *entry;
    HMAP_FOR_EACH (entry, node, &sw->flows.flows) {
        struct ofputil_flow_stats fs = {
            .cookie = htonll(entry->cookie),
            .table_id = entry->table_id,
            .priority = entry->priority,
            .ofpacts = entry->actions,
            .ofpacts_len = entry->actions_len,
        };
        minimatch_expand(&entry->match, &fs.match);
        ofputil_append_flow_stats_reply(&fs, &replies, NULL);
    }
    reply_all(peer, &replies);
}

static void
reply_nothing(struct rconn *peer, const struct ofp_header *oh)
{
    struct ovs_list replies;
    ofpmp_init(&replies, oh);
    reply_all(peer, &replies);
}

static void
reply_config(struct rconn *peer, const struct ofp_header *oh)
{
    struct ofputil_switch_config config = { .frag = OFPUTIL_FRAG_NORMAL };
    reply(peer, ofputil_encode_get_config_reply(oh, &config));
}

static void
recv_bundle_control(struct fake_switch *sw, struct rconn *peer,
                    const struct ofp_header *oh)
{
    struct ofputil_bundle_ctrl_msg control;
    assert_int_equal(ofputil_decode_bundle_ctrl(oh, &control), 0);
    if (control.type == OFPBCT_OPEN_REQUEST) {
        sw->n_adds = 0;
    }
    ds_put_format(&sw->flow_log, "  %s\n",
                  control.type == OFPBCT_OPEN_REQUEST ? "open"
                  : control.type == OFPBCT_COMMIT_REQUEST ? "commit"
                  : "discard");
    if (control.type == OFPBCT_COMMIT_REQUEST && sw->refuses_commit) {
        refuse(peer, sw->first_add_xid, OFPERR_OFPBAC_BAD_OUT_GROUP, oh);
        refuse(peer, ntohl(oh->xid), OFPERR_OFPBFC_MSG_FAILED, oh);
    } else {
        control.type++;
        reply(peer, ofputil_encode_bundle_ctrl_reply(oh, &control));
    }
}

static void
recv_bundle_add(struct fake_switch *sw, struct rconn *peer,
                const struct ofp_header *oh)
{
    sw->n_adds++;
    if (sw->n_adds == 1) {
        sw->first_add_xid = ntohl(oh->xid);
    }
    if (sw->n_adds == sw->refused_add) {
        refuse(peer, ntohl(oh->xid), OFPERR_OFPBAC_BAD_OUT_PORT, oh);
    }
}

static void
recv_barrier(struct fake_switch *sw, struct rconn *peer,
             const struct ofp_header *oh)
{
    if (oh->version == OFP10_VERSION || !sw->keeps_barriers) {
        reply(peer, ofpraw_alloc_reply(oh->version == OFP10_VERSION
                                       ? OFPRAW_OFPT10_BARRIER_REPLY
                                       : OFPRAW_OFPT11_BARRIER_REPLY, oh, 0));
    }
}

static void
answer(struct fake_switch *sw, struct rconn *peer, const struct ofp_header *oh,
       enum ofptype type)
{
    if (type == OFPTYPE_GET_CONFIG_REQUEST) {
        reply_config(peer, oh);
    } else if (type == OFPTYPE_PORT_DESC_STATS_REQUEST) {
        reply_ports(peer, oh);
    } else if (type == OFPTYPE_FLOW_STATS_REQUEST) {
        reply_flows(sw, peer, oh);
    } else if (type == OFPTYPE_GROUP_DESC_STATS_REQUEST) {
        reply_nothing(peer, oh);
    } else if (type == OFPTYPE_BARRIER_REQUEST) {
        recv_barrier(sw, peer, oh);
    } else if (type == OFPTYPE_BUNDLE_CONTROL) {
        recv_bundle_control(sw, peer, oh);
    } else if (type == OFPTYPE_BUNDLE_ADD_MESSAGE) {
        recv_bundle_add(sw, peer, oh);
    } else if (type == OFPTYPE_PORT_MOD && sw->refuses_port_mod) {
        refuse(peer, ntohl(oh->xid), OFPERR_OFPPMFC_BAD_HW_ADDR, oh);
    } else if (type == OFPTYPE_PACKET_OUT && sw->refuses_packets) {
        refuse(peer, ntohl(oh->xid), OFPERR_OFPBRC_BAD_PORT, oh);
    } else if (type == OFPTYPE_FLOW_MONITOR_STATS_REQUEST
               && sw->refuses_monitors) {
        refuse(peer, ntohl(oh->xid), OFPERR_OFPBRC_BAD_STAT, oh);
    }
}

static void
recv_message(struct fake_switch *sw, struct rconn *peer,
             const struct ofp_header *oh)
{
    enum ofptype type;
    assert_int_equal(ofptype_decode(&type, oh), 0);
    ds_put_format(oh->version == OFP10_VERSION ? &sw->port_log : &sw->flow_log,
                  "%s\n", ofptype_get_name(type));
    answer(sw, peer, oh, type);
}

/* Tells of a port, as a switch does in OpenFlow 1.0. */
void
fake_switch_tell(struct fake_switch *sw, enum ofp_port_reason reason,
                 const char *port, uint16_t number)
{
    struct ofputil_port_status status = {
        .reason = reason,
        .desc = { .port_no = u16_to_ofp(number) },
    };
    ovs_strlcpy(status.desc.name, port, sizeof status.desc.name);
    for (size_t i = 0; i < FAKE_SWITCH_MAX_PEERS; i++) {
        if (sw->peers[i]
            && rconn_get_version(sw->peers[i]) == OFP10_VERSION) {
            reply(sw->peers[i],
                  ofputil_encode_port_status(&status, OFPUTIL_P_OF10_STD));
        }
    }
}

/* Tells that somebody has removed a flow, as a switch does in OpenFlow 1.5. */
void
fake_switch_tell_of_flow(struct fake_switch *sw, uint64_t cookie)
{
    struct ofputil_flow_update update = {
        .event = OFPFME_REMOVED,
        .cookie = htonll(cookie),
    };
    match_init_catchall(&update.match);
    for (size_t i = 0; i < FAKE_SWITCH_MAX_PEERS; i++) {
        if (sw->peers[i]
            && rconn_get_version(sw->peers[i]) == OFP15_VERSION) {
            struct ovs_list replies;
            ofputil_start_flow_update(&replies, OFPUTIL_P_OF15_OXM);
            ofputil_append_flow_update(&update, &replies, NULL);
            reply_all(sw->peers[i], &replies);
        }
    }
}

static void
accept_peer(struct fake_switch *sw)
{
    struct vconn *vconn;
    if (pvconn_accept(sw->listener, &vconn)) {
        return;
    }
    vconn_set_allowed_versions(vconn, sw->versions);
    for (size_t i = 0; i < FAKE_SWITCH_MAX_PEERS; i++) {
        if (!sw->peers[i]) {
            sw->peers[i] = rconn_create(0, 0, 0, sw->versions);
            rconn_connect_unreliably(sw->peers[i], vconn, "peer");
            return;
        }
    }
    fail();
}

static void
run_peer(struct fake_switch *sw, struct rconn *peer)
{
    rconn_run(peer);
    struct ofpbuf *msg;
    while (!sw->is_deaf && (msg = rconn_recv(peer))) {
        recv_message(sw, peer, msg->data);
        ofpbuf_delete(msg);
    }
}

void
fake_switch_run(struct fake_switch *sw)
{
    accept_peer(sw);
    for (size_t i = 0; i < FAKE_SWITCH_MAX_PEERS; i++) {
        if (sw->peers[i]) {
            run_peer(sw, sw->peers[i]);
            if (!rconn_is_alive(sw->peers[i])) {
                rconn_destroy(sw->peers[i]);
                sw->peers[i] = NULL;
            }
        }
    }
}

void
fake_switch_wait(struct fake_switch *sw)
{
    pvconn_wait(sw->listener);
    for (size_t i = 0; i < FAKE_SWITCH_MAX_PEERS; i++) {
        if (sw->peers[i]) {
            rconn_run_wait(sw->peers[i]);
            if (!sw->is_deaf) {
                rconn_recv_wait(sw->peers[i]);
            }
        }
    }
}
