/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */

/* Table CLASSIFY: who sent it, and in which VLAN.  All that is said in tags is
 * in registers behind it. */

#include <config.h>
#include "flows/pipeline-private.h"

#include "openvswitch/ofp-actions.h"
#include "packets.h"
#include "util.h"

/* Ports that are no vNIC's. */

static void
add_infrastructure_port(struct pipeline *p, ofp_port_t port)
{
    pipeline_begin(p, NULL);
    match_set_in_port(&p->match, port);
    put_output(p, OFPP_NORMAL);
    pipeline_end(p, TABLE_CLASSIFY, PRIORITY_EXACT, RULE_INFRASTRUCTURE);
}

static void
add_infrastructure(struct pipeline *p)
{
    for (size_t i = 0; i < p->bridge->n_infrastructure; i++) {
        add_infrastructure_port(p, p->bridge->infrastructure[i]);
    }
    add_infrastructure_port(p, OFPP_LOCAL);
    add_infrastructure_port(p, p->bridge->outside);
}

/* Puts the tag into registers, and takes it off. */
static void
put_tag_into_registers(struct pipeline *p)
{
    put_move(p, MFF_VLAN_VID, MFF_REG0 + REG_VLAN, 12);
    put_move(p, MFF_VLAN_PCP, MFF_REG0 + REG_PCP, REG_PCP_BITS);
    put_pop_vlan(p);
}

static void
add_inside(struct pipeline *p, bool is_tagged)
{
    pipeline_begin(p, NULL);
    match_set_in_port(&p->match, p->bridge->inside);
    put_register(p, REG_FLAGS, FLAG_FROM_OUTSIDE);
    if (is_tagged) {
        match_any_tag(&p->match);
        put_tag_into_registers(p);
    } else {
        match_untagged(&p->match);
    }
    put_resubmit(p, TABLE_L2_SOURCE);
    pipeline_end(p, TABLE_CLASSIFY, PRIORITY_EXACT, RULE_INSIDE);
}

/* vNICs. */

/* Says in registers who the sender is. */
static void
put_sender(struct pipeline *p, const struct pipeline_vnic *vnic,
           uint32_t flags)
{
    put_register(p, REG_FLAGS, flags | FLAG_SERVICE(vnic->policy.services));
    put_register(p, REG_SENDER_CLASS,
                 table_class(vnic->policy.isolation, vnic->community));
    put_register(p, REG_SENDER, vnic->number);
}

/* Frames without a tag, and with a priority tag, which is none either, are in
 * VLAN 'vid'. */
static void
add_untagged(struct pipeline *p, const struct pipeline_vnic *vnic, int vid)
{
    pipeline_begin_from(p, vnic);
    match_untagged(&p->match);
    put_sender(p, vnic, 0);
    put_register(p, REG_VLAN, vid);
    put_resubmit(p, TABLE_SOURCE_MAC);
    pipeline_end(p, TABLE_CLASSIFY, PRIORITY_EXACT, RULE_VLAN);

    const struct vlan_block no_vlan = vlan_block_one(0);
    pipeline_begin_from(p, vnic);
    match_tag(&p->match, &no_vlan);
    put_sender(p, vnic, FLAG_PRIORITY_TAG
                        | (vnic->vlan.mode == VLAN_ACCESS ? FLAG_ACCESS : 0));
    put_tag_into_registers(p);
    put_register(p, REG_VLAN, vid);
    put_resubmit(p, TABLE_SOURCE_MAC);
    pipeline_end(p, TABLE_CLASSIFY, PRIORITY_EXACT, RULE_VLAN);
}

static void
add_tagged(struct pipeline *p, const struct pipeline_vnic *vnic,
           const struct vlan_set *vlans)
{
    VLAN_BLOCK_FOR_EACH (block, vlans) {
        pipeline_begin_from(p, vnic);
        match_tag(&p->match, &block);
        put_sender(p, vnic, 0);
        put_tag_into_registers(p);
        put_resubmit(p, TABLE_SOURCE_MAC);
        pipeline_end(p, TABLE_CLASSIFY, PRIORITY_PREFIX, RULE_VLAN);
    }
}

/* A frame of a customer: its tag is not ours to look at, except that it must
 * be one of 'cvlans', unless that is NULL. */
static void
add_customer(struct pipeline *p, const struct pipeline_vnic *vnic,
             const struct vlan_block *cvlans)
{
    pipeline_begin_from(p, vnic);
    if (cvlans) {
        match_tag(&p->match, cvlans);
    }
    put_sender(p, vnic, FLAG_TUNNEL);
    put_register(p, REG_VLAN, vnic->vlan.tag);
    put_resubmit(p, TABLE_SOURCE_MAC);
    pipeline_end(p, TABLE_CLASSIFY, PRIORITY_PREFIX, RULE_VLAN);
}

static void
add_customers(struct pipeline *p, const struct pipeline_vnic *vnic)
{
    if (vlan_set_is_empty(&vnic->vlan.cvlans)) {
        add_customer(p, vnic, NULL);
        return;
    }
    VLAN_BLOCK_FOR_EACH (block, &vnic->vlan.cvlans) {
        add_customer(p, vnic, &block);
    }
}

void
pipeline_classify_vnic(struct pipeline *p, const struct pipeline_vnic *vnic,
                       const struct vlan_set *vlans)
{
    switch (vnic->vlan.mode) {
    case VLAN_ACCESS:
        add_untagged(p, vnic, vnic->vlan.tag);
        break;
    case VLAN_NATIVE_TAGGED:
    case VLAN_NATIVE_UNTAGGED:
        add_untagged(p, vnic, vnic->vlan.tag);
        add_tagged(p, vnic, vlans);
        break;
    case VLAN_NONE:
    case VLAN_TRUNK:
        if (vlan_spec_is_on_all(&vnic->vlan)) {
            add_untagged(p, vnic, 0);
        }
        add_tagged(p, vnic, vlans);
        break;
    case VLAN_DOT1Q_TUNNEL:
        add_customers(p, vnic);
        break;
    }

    pipeline_begin_from(p, vnic);
    pipeline_end(p, TABLE_CLASSIFY, PRIORITY_ANY, RULE_FOREIGN_VLAN);
}

/* VLAN 4095 is reserved, and dead here: 'inside' is a trunk of it alone. */
static void
add_reserved_vlan(struct pipeline *p)
{
    const struct vlan_block reserved = vlan_block_one(4095);
    pipeline_begin(p, NULL);
    match_tag(&p->match, &reserved);
    pipeline_end(p, TABLE_CLASSIFY, PRIORITY_REFUSE, RULE_RESERVED_VLAN);
}

static void
add_blocked(struct pipeline *p, const ofp_port_t *ports, size_t n,
            enum table_rule rule)
{
    for (size_t i = 0; i < n; i++) {
        pipeline_begin(p, NULL);
        match_set_in_port(&p->match, ports[i]);
        pipeline_end(p, TABLE_CLASSIFY, PRIORITY_EXACT, rule);
    }
}

static void
add_unknown_ports(struct pipeline *p)
{
    pipeline_begin(p, NULL);
    if (p->bridge->passes_unknown_ports) {
        put_output(p, OFPP_NORMAL);
    }
    pipeline_end(p, TABLE_CLASSIFY, PRIORITY_CLASSIFY_MISS, RULE_UNKNOWN_PORT);
}

void
pipeline_classify(struct pipeline *p)
{
    add_infrastructure(p);
    add_inside(p, false);
    add_inside(p, true);
    add_reserved_vlan(p);
    add_blocked(p, p->bridge->blocked, p->bridge->n_blocked, RULE_QUARANTINE);
    add_blocked(p, p->bridge->mirrors, p->bridge->n_mirrors, RULE_MIRROR);
    add_unknown_ports(p);
}
