/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */

/* Tables SOURCE_MAC, FOREIGN_MAC, FRAME, VIOLATION and MAC_LIMIT: does the frame
 * look like one of this vNIC's, and what becomes of it if not. */

#include <config.h>
#include "flows/pipeline-private.h"

#include "openvswitch/ofp-actions.h"
#include "packets.h"
#include "util.h"

#define ETH_TYPE_LLDP 0x88cc
#define ETH_TYPE_LLC FLOW_DL_TYPE_NONE /* No EtherType: what BPDUs have. */

/* SOURCE_MAC. */

/* Where frames of 'vnic' go whose source address is right. */
static enum table_id
next_table(const struct pipeline_vnic *vnic)
{
    return vnic_is_guarded(vnic) ? TABLE_FRAME : TABLE_EGRESS_RULES;
}

/* An address that 'vnic' shares with others, as routers share one with VRRP,
 * is where it was last seen; so is its own where others may take it, or as long
 * as a guest that is being migrated has yet to run here.  Nobody has to tell
 * the switch when it does: QEMU announces it at that moment.
 *
 * It is only marked here: a frame that the guard drops moves nothing. */
static void
add_mac(struct pipeline *p, const struct pipeline_vnic *vnic,
        const struct eth_addr mac)
{
    bool is_own = eth_addr_equals(mac, vnic->mac);
    pipeline_begin_from(p, vnic);
    match_set_dl_src(&p->match, mac);
    if (!is_own || !vnic_enforces_mac(vnic)
        || vnic->place == GUEST_INCOMING) {
        put_flag(p, FLAG_LEARN);
    }
    put_resubmit(p, next_table(vnic));
    pipeline_end(p, TABLE_SOURCE_MAC, PRIORITY_EXACT,
                 is_own ? RULE_OWN_MAC : RULE_SHARED_MAC);
}

static void
add_source_macs(struct pipeline *p, const struct pipeline_vnic *vnic)
{
    struct eth_addr mac;
    VNIC_MAC_FOR_EACH (mac, vnic) {
        add_mac(p, vnic, mac);
    }
    if (vnic_learns(vnic)) {
        pipeline_begin_from(p, vnic);
        put_resubmit(p, TABLE_FOREIGN_MAC);
        pipeline_end(p, TABLE_SOURCE_MAC, PRIORITY_ANY, RULE_ANY_MAC);
    }
}

/* FOREIGN_MAC. */

/* Where NORMAL would have learnt an address, because nobody enforces one, it
 * is learnt by us; with "monitor" it counts all the same. */
static void
add_learner(struct pipeline *p, const struct pipeline_vnic *vnic)
{
    pipeline_begin_from(p, vnic);
    put_flag(p, FLAG_LEARN);
    if (!vnic_is_guarded(vnic)) {
        put_resubmit(p, TABLE_EGRESS_RULES);
    } else if (vnic_may_use_any_mac(vnic)) {
        put_flag(p, FLAG_FOREIGN_MAC);
        put_resubmit(p, TABLE_FRAME);
    } else {
        put_violation(p, RULE_SOURCE_MAC);
    }
    pipeline_end(p, TABLE_FOREIGN_MAC, PRIORITY_ANY, RULE_ANY_MAC);
}

/* The address of 'vnic', if enforced, is never learnt to be somebody else's. */
static void
add_known_mac(struct pipeline *p, const struct pipeline_vnic *vnic,
              const struct vlan_set *vlans)
{
    VLAN_BLOCK_FOR_EACH (block, vlans) {
        pipeline_begin(p, vnic);
        match_vlan_register(&p->match, &block);
        match_set_dl_src(&p->match, vnic->mac);
        put_violation(p, RULE_SOURCE_MAC);
        pipeline_end(p, TABLE_FOREIGN_MAC, PRIORITY_TAKEN, RULE_OTHERS_MAC);
    }
}

static void
add_multicast_source(struct pipeline *p)
{
    const struct eth_addr bit = MATCH_MAC(0x01, 0, 0, 0, 0, 0);
    pipeline_begin(p, NULL);
    match_set_dl_src_masked(&p->match, bit, bit);
    pipeline_end_violation(p, TABLE_FOREIGN_MAC, PRIORITY_REFUSE,
                           RULE_SOURCE_MAC);
}

/* FRAME. */

/* Tags beyond the one that CLASSIFY took.  Where the switch parses one tag
 * only, the next is the EtherType. */
static void
add_tags(struct pipeline *p)
{
    pipeline_begin(p, NULL);
    match_flag(&p->match, FLAG_PRIORITY_TAG, true);
    pipeline_end_violation(p, TABLE_FRAME, PRIORITY_FLAG, RULE_VLAN_TAG);

    pipeline_begin(p, NULL);
    match_flag(&p->match, FLAG_TUNNEL, false);
    match_any_tag(&p->match);
    pipeline_end_violation(p, TABLE_FRAME, PRIORITY_FLAG, RULE_VLAN_TAG);

    static const uint16_t tpids[] = { ETH_TYPE_VLAN_8021Q,
                                      ETH_TYPE_VLAN_8021AD };
    for (size_t i = 0; i < ARRAY_SIZE(tpids); i++) {
        pipeline_begin(p, NULL);
        match_ethertype(&p->match, tpids[i]);
        pipeline_end_violation(p, TABLE_FRAME, PRIORITY_FLAG, RULE_VLAN_TAG);
    }
}

static void
add_allowed_service(struct pipeline *p, enum policy_service service,
                    uint16_t ethertype, const struct eth_addr dst)
{
    pipeline_begin(p, NULL);
    match_flag(&p->match, FLAG_SERVICE(service), true);
    match_ethertype(&p->match, ethertype);
    match_set_dl_dst(&p->match, dst);
    put_resubmit(p, TABLE_EGRESS_RULES);
    pipeline_end(p, TABLE_FRAME, PRIORITY_ALLOW, RULE_SERVICE);
}

static void
add_allowed_services(struct pipeline *p)
{
    static const struct {
        enum policy_service service;
        uint16_t ethertype;
        struct eth_addr dst;
    } allowed[] = {
        /* IEEE 802.1D, 802.1ad, and the spanning tree of each VLAN. */
        { SERVICE_BPDU, ETH_TYPE_LLC,
          { .ea = { 0x01, 0x80, 0xc2, 0, 0, 0x00 } } },
        { SERVICE_BPDU, ETH_TYPE_LLC,
          { .ea = { 0x01, 0x80, 0xc2, 0, 0, 0x08 } } },
        { SERVICE_BPDU, ETH_TYPE_LLC,
          { .ea = { 0x01, 0x00, 0x0c, 0xcc, 0xcc, 0xcd } } },
        /* The three scopes of IEEE 802.1AB. */
        { SERVICE_LLDP, ETH_TYPE_LLDP,
          { .ea = { 0x01, 0x80, 0xc2, 0, 0, 0x0e } } },
        { SERVICE_LLDP, ETH_TYPE_LLDP,
          { .ea = { 0x01, 0x80, 0xc2, 0, 0, 0x03 } } },
        { SERVICE_LLDP, ETH_TYPE_LLDP,
          { .ea = { 0x01, 0x80, 0xc2, 0, 0, 0x00 } } },
    };
    for (size_t i = 0; i < ARRAY_SIZE(allowed); i++) {
        add_allowed_service(p, allowed[i].service, allowed[i].ethertype,
                            allowed[i].dst);
    }
}

static void
add_reserved_destinations(struct pipeline *p)
{
    for (size_t i = 0; i < N_LINK_CONTROL; i++) {
        pipeline_begin(p, NULL);
        match_link_control(&p->match, i);
        pipeline_end_violation(p, TABLE_FRAME, PRIORITY_REFUSE, RULE_RESERVED);
    }
}

static void
add_protocols(struct pipeline *p)
{
    static const struct { uint16_t ethertype; int op; } protocols[] = {
        { ETH_TYPE_IP, -1 },
        { ETH_TYPE_IPV6, -1 },
        { ETH_TYPE_ARP, ARP_OP_REQUEST },
        { ETH_TYPE_ARP, ARP_OP_REPLY },
        { ETH_TYPE_RARP, ARP_OP_RARP },
    };
    for (size_t i = 0; i < ARRAY_SIZE(protocols); i++) {
        pipeline_begin(p, NULL);
        match_ethertype(&p->match, protocols[i].ethertype);
        if (protocols[i].op >= 0) {
            match_set_nw_proto(&p->match, protocols[i].op);
        }
        put_resubmit(p, TABLE_ADDRESS);
        pipeline_end(p, TABLE_FRAME, PRIORITY_EXACT, RULE_PROTOCOL);
    }
}

/* Operations that are neither request nor reply. */
static void
add_other_operations(struct pipeline *p)
{
    pipeline_begin(p, NULL);
    match_ethertype(&p->match, ETH_TYPE_ARP);
    pipeline_end_violation(p, TABLE_FRAME, PRIORITY_REST, RULE_ARP);

    pipeline_begin(p, NULL);
    match_ethertype(&p->match, ETH_TYPE_RARP);
    pipeline_end_violation(p, TABLE_FRAME, PRIORITY_REST, RULE_RARP);
}

static void
add_frame(struct pipeline *p)
{
    add_tags(p);
    add_allowed_services(p);
    add_reserved_destinations(p);
    add_protocols(p);
    add_other_operations(p);
    pipeline_begin(p, NULL);
    pipeline_end_violation(p, TABLE_FRAME, PRIORITY_MISS, RULE_ETHERTYPE);
}

/* VIOLATION. */

static bool
is_dropped(const struct pipeline_vnic *vnic, enum table_rule rule)
{
    return (rule == RULE_SOURCE_MAC
            ? vnic_enforces_mac(vnic)
            : vnic->policy.guard == GUARD_ENFORCE);
}

static void
add_violation(struct pipeline *p, const struct pipeline_vnic *vnic,
              enum table_rule rule)
{
    pipeline_begin_from(p, vnic);
    match_set_reg(&p->match, REG_VIOLATION, rule);
    if (!is_dropped(vnic, rule)) {
        put_resubmit(p, TABLE_EGRESS_RULES);
    }
    pipeline_end(p, TABLE_VIOLATION, PRIORITY_EXACT, rule);
}

static void
add_violations(struct pipeline *p, const struct pipeline_vnic *vnic)
{
    static const enum table_rule rules[] = {
#define RULE(ENUM, NUMBER, NAME, WORDS) RULE_##ENUM,
        TABLE_GUARD_RULES
#undef RULE
    };
    for (size_t i = 0; i < ARRAY_SIZE(rules); i++) {
        if (rules[i] != RULE_MAC_LIMIT
            && (vnic_is_guarded(vnic) || rules[i] == RULE_SOURCE_MAC)) {
            add_violation(p, vnic, rules[i]);
        }
    }
}

/* MAC_LIMIT: one address more than could be learnt. */
static void
add_mac_limit(struct pipeline *p, const struct pipeline_vnic *vnic)
{
    pipeline_begin_from(p, vnic);
    match_flag(&p->match, FLAG_FOREIGN_MAC, true);
    match_flag(&p->match, FLAG_LEARNT, false);
    if (!is_dropped(vnic, RULE_MAC_LIMIT)) {
        put_resubmit(p, TABLE_L2);
    }
    pipeline_end(p, TABLE_MAC_LIMIT, PRIORITY_EXACT, RULE_MAC_LIMIT);
}

void
pipeline_guard_vnic(struct pipeline *p, const struct pipeline_vnic *vnic,
                    const struct vlan_set *vlans)
{
    add_source_macs(p, vnic);
    if (vnic_learns(vnic)) {
        add_learner(p, vnic);
    }
    if (p->has_learner && vnic_enforces_mac(vnic)) {
        add_known_mac(p, vnic, vlans);
    }
    add_violations(p, vnic);
    if (vnic_is_guarded(vnic) && vnic_may_use_any_mac(vnic)) {
        add_mac_limit(p, vnic);
    }
}

void
pipeline_guard(struct pipeline *p)
{
    pipeline_begin(p, NULL);
    pipeline_end_violation(p, TABLE_SOURCE_MAC, PRIORITY_MISS,
                           RULE_SOURCE_MAC);
    add_multicast_source(p);
    pipeline_begin(p, NULL);
    pipeline_end_violation(p, TABLE_FOREIGN_MAC, PRIORITY_MISS,
                           RULE_SOURCE_MAC);
    add_frame(p);
    pipeline_begin(p, NULL);
    pipeline_end(p, TABLE_VIOLATION, PRIORITY_MISS, RULE_VIOLATION);
    pipeline_miss(p, TABLE_MAC_LIMIT, TABLE_L2, RULE_ANY_MAC);
}
