/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */

/* Tables ISOLATION, INGRESS_RULES and DELIVER: may the two talk, is the
 * receiver in this VLAN, and what tag does it want? */

#include <config.h>
#include "flows/pipeline-private.h"

#include "openvswitch/ofp-actions.h"
#include "packets.h"
#include "util.h"

/* ISOLATION, as RFC 5517 has it: promiscuous ports talk to all, those of a
 * community among themselves. */

static void
add_promiscuous(struct pipeline *p, enum table_register class,
                enum table_priority priority)
{
    pipeline_begin(p, NULL);
    match_set_reg_masked(&p->match, class, ISOLATION_PROMISCUOUS, CLASS_MASK);
    put_resubmit(p, TABLE_INGRESS_RULES);
    pipeline_end(p, TABLE_ISOLATION, priority, RULE_PROMISCUOUS);
}

static void
add_community(struct pipeline *p, uint32_t class)
{
    pipeline_begin(p, NULL);
    match_set_reg(&p->match, REG_SENDER_CLASS, class);
    match_set_reg(&p->match, REG_RECEIVER_CLASS, class);
    put_resubmit(p, TABLE_INGRESS_RULES);
    pipeline_end(p, TABLE_ISOLATION, PRIORITY_SPECIAL, RULE_COMMUNITY);
}

static void
add_isolation(struct pipeline *p)
{
    add_promiscuous(p, REG_SENDER_CLASS, PRIORITY_FIRST);
    add_promiscuous(p, REG_RECEIVER_CLASS, PRIORITY_EXACT);
    for (size_t i = 0; i < p->n_vnics; i++) {
        const struct pipeline_vnic *vnic = p->vnics[i];
        if (vnic->policy.isolation == ISOLATION_COMMUNITY) {
            add_community(p, table_class(ISOLATION_COMMUNITY,
                                         vnic->community));
        }
    }
    pipeline_begin(p, NULL);
    pipeline_end(p, TABLE_ISOLATION, PRIORITY_MISS, RULE_ISOLATION);
}

/* DELIVER. */

static void
begin_for(struct pipeline *p, const struct pipeline_vnic *vnic,
          const struct vlan_block *block)
{
    pipeline_begin(p, vnic);
    match_set_reg(&p->match, REG_RECEIVER, vnic->number);
    match_vlan_register(&p->match, block);
}

static void
add_plain(struct pipeline *p, const struct pipeline_vnic *vnic, int vid)
{
    struct vlan_block block = vlan_block_one(vid);
    begin_for(p, vnic, &block);
    put_output(p, vnic->ofport);
    pipeline_end(p, TABLE_DELIVER, PRIORITY_EXACT, RULE_DELIVER);
}

/* A customer's tag is nothing for an access port. */
static void
add_access(struct pipeline *p, const struct pipeline_vnic *vnic)
{
    struct vlan_block block = vlan_block_one(vnic->vlan.tag);
    begin_for(p, vnic, &block);
    match_untagged(&p->match);
    put_output(p, vnic->ofport);
    pipeline_end(p, TABLE_DELIVER, PRIORITY_EXACT, RULE_DELIVER);
}

static void
add_tunnel(struct pipeline *p, const struct pipeline_vnic *vnic)
{
    if (vlan_set_is_empty(&vnic->vlan.cvlans)) {
        add_plain(p, vnic, vnic->vlan.tag);
        return;
    }
    VLAN_BLOCK_FOR_EACH (block, &vnic->vlan.cvlans) {
        struct vlan_block service = vlan_block_one(vnic->vlan.tag);
        begin_for(p, vnic, &service);
        match_tag(&p->match, &block);
        put_output(p, vnic->ofport);
        pipeline_end(p, TABLE_DELIVER, PRIORITY_EXACT, RULE_DELIVER);
    }
}

static void
add_tagged(struct pipeline *p, const struct pipeline_vnic *vnic,
           const struct vlan_set *vlans)
{
    VLAN_BLOCK_FOR_EACH (block, vlans) {
        begin_for(p, vnic, &block);
        put_push_vlan(p, ETH_TYPE_VLAN_8021Q);
        put_output(p, vnic->ofport);
        pipeline_end(p, TABLE_DELIVER, PRIORITY_PREFIX, RULE_DELIVER);
    }
}

/* What comes out of a local dot1q-tunnel bears a service tag. */
static void
add_service_tagged(struct pipeline *p, const struct pipeline_vnic *vnic,
                   const struct vlan_set *vlans)
{
    VLAN_SET_FOR_EACH (vid, &p->tunnel_vlans) {
        if (vlan_set_contains(vlans, vid)) {
            struct vlan_block block = vlan_block_one(vid);
            begin_for(p, vnic, &block);
            match_flag(&p->match, FLAG_TUNNEL, true);
            put_push_vlan(p, ETH_TYPE_VLAN_8021AD);
            put_output(p, vnic->ofport);
            pipeline_end(p, TABLE_DELIVER, PRIORITY_SPECIAL, RULE_DELIVER);
        }
    }
}

void
pipeline_deliver_vnic(struct pipeline *p, const struct pipeline_vnic *vnic,
                      const struct vlan_set *vlans)
{
    switch (vnic->vlan.mode) {
    case VLAN_ACCESS:
        add_access(p, vnic);
        break;
    case VLAN_DOT1Q_TUNNEL:
        add_tunnel(p, vnic);
        break;
    case VLAN_NATIVE_UNTAGGED:
        add_plain(p, vnic, vnic->vlan.tag);
        add_tagged(p, vnic, vlans);
        add_service_tagged(p, vnic, vlans);
        break;
    case VLAN_NONE:
    case VLAN_TRUNK:
    case VLAN_NATIVE_TAGGED:
        if (vlan_set_contains(vlans, 0)) {
            add_plain(p, vnic, 0);
        }
        add_tagged(p, vnic, vlans);
        add_service_tagged(p, vnic, vlans);
        break;
    }
}

/* Returns the actions that give a frame without tag to 'vnic', and nobody else,
 * as one of VLAN 'vid'; 0 stands for a frame without tag on a port that is on
 * every VLAN.  If 'vnic' is a dot1q-tunnel, 'customer' is the customer's VLAN, 0
 * for none.  Nothing that concerns senders is asked: there is none. */
struct ofpbuf *
pipeline_deliver_to(const struct pipeline_vnic *vnic, int vid, int customer)
{
    struct pipeline p = { .owner = vnic->number };
    ofpbuf_init(&p.actions, 64);
    put_own_vlan(&p, vid, customer);
    put_register(&p, REG_RECEIVER, vnic->number);
    put_resubmit(&p, TABLE_DELIVER);
    struct ofpbuf *actions = ofpbuf_clone(&p.actions);
    ofpbuf_uninit(&p.actions);
    return actions;
}

void
pipeline_deliver(struct pipeline *p)
{
    add_isolation(p);
    pipeline_miss(p, TABLE_INGRESS_RULES, TABLE_DELIVER, RULE_INGRESS);
    pipeline_begin(p, NULL);
    pipeline_end(p, TABLE_DELIVER, PRIORITY_MISS, RULE_NOT_ITS_VLAN);
}
