/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */

/* How a flow of the pipeline is made: its matches and actions, in the forms
 * that a switch gives back when it is asked (set_field, pop_vlan). */

#include <config.h>
#include "flows/pipeline-private.h"

#include <netinet/icmp6.h>

#include "flows/flow-table.h"
#include "openvswitch/ofp-actions.h"
#include "packets.h"
#include "util.h"

/* Flows. */

/* Begins a flow of 'vnic', NULL for one that is everybody's. */
void
pipeline_begin(struct pipeline *p, const struct pipeline_vnic *vnic)
{
    p->owner = vnic ? vnic->number : 0;
    match_init_catchall(&p->match);
    ofpbuf_clear(&p->actions);
}

/* Begins a flow for what 'vnic' sends. */
void
pipeline_begin_from(struct pipeline *p, const struct pipeline_vnic *vnic)
{
    pipeline_begin(p, vnic);
    match_set_in_port(&p->match, vnic->ofport);
}

/* Ends the flow.  One without actions drops. */
void
pipeline_end(struct pipeline *p, enum table_id table,
             enum table_priority priority, enum table_rule rule)
{
    flow_table_add(p->flows, table, priority, table_cookie(p->owner, rule),
                   &p->match, &p->actions);
}

/* Says that the frame breaks 'rule'.  What becomes of it depends on whose it
 * is: see pipeline-guard.c. */
void
put_violation(struct pipeline *p, enum table_rule rule)
{
    put_register(p, REG_VIOLATION, rule);
    put_resubmit(p, TABLE_VIOLATION);
}

/* Ends a flow for frames that break 'rule'. */
void
pipeline_end_violation(struct pipeline *p, enum table_id table,
                       enum table_priority priority, enum table_rule rule)
{
    put_violation(p, rule);
    pipeline_end(p, table, priority, rule);
}

/* Adds what happens to frames that nothing else in 'table' matches. */
void
pipeline_miss(struct pipeline *p, enum table_id table, enum table_id next,
              enum table_rule rule)
{
    pipeline_begin(p, NULL);
    put_resubmit(p, next);
    pipeline_end(p, table, PRIORITY_MISS, rule);
}

/* Matches. */

void
match_flag(struct match *match, uint32_t flag, bool is_set)
{
    uint32_t mask = match->wc.masks.regs[REG_FLAGS] | flag;
    uint32_t value = match->flow.regs[REG_FLAGS] | (is_set ? flag : 0);
    match_set_reg_masked(match, REG_FLAGS, value, mask);
}

void
match_untagged(struct match *match)
{
    match_set_vlan_vid(match, htons(0));
}

void
match_any_tag(struct match *match)
{
    match_set_vlan_vid_masked(match, htons(OFPVID12_PRESENT),
                              htons(OFPVID12_PRESENT));
}

/* Matches a tag with a VLAN ID of 'block'. */
void
match_tag(struct match *match, const struct vlan_block *block)
{
    match_set_vlan_vid_masked(match, htons(OFPVID12_PRESENT | block->vid),
                              htons(OFPVID12_PRESENT | block->mask));
}

void
match_vlan_register(struct match *match, const struct vlan_block *block)
{
    match_set_reg_masked(match, REG_VLAN, block->vid, block->mask);
}

/* Broadcast included. */
void
match_multicast(struct match *match)
{
    const struct eth_addr bit = MATCH_MAC(0x01, 0, 0, 0, 0, 0);
    match_set_dl_dst_masked(match, bit, bit);
}

/* Matches the 'i'th range of destinations that neighbouring bridges use among
 * themselves: of IEEE 802.1D (table 7-10), Cisco and Extreme, the same that
 * NORMAL knows. */
void
match_link_control(struct match *match, size_t i)
{
    static const struct {
        struct eth_addr mac, mask;
    } ranges[N_LINK_CONTROL] = {
        { MATCH_MAC(0x01, 0x80, 0xc2, 0x00, 0x00, 0x00),
          MATCH_MAC(0xff, 0xff, 0xff, 0xff, 0xff, 0xf0) },
        { MATCH_MAC(0x01, 0x00, 0x0c, 0xcc, 0xcc, 0xc0),
          MATCH_MAC(0xff, 0xff, 0xff, 0xff, 0xff, 0xf0) },
        { MATCH_MAC(0x01, 0x00, 0x0c, 0xcd, 0xcd, 0xcd),
          MATCH_MAC(0xff, 0xff, 0xff, 0xff, 0xff, 0xff) },
        { MATCH_MAC(0x01, 0x00, 0x0c, 0x00, 0x00, 0x00),
          MATCH_MAC(0xff, 0xff, 0xff, 0xff, 0xff, 0xff) },
        { MATCH_MAC(0x00, 0xe0, 0x2b, 0x00, 0x00, 0x00),
          MATCH_MAC(0xff, 0xff, 0xff, 0xff, 0xff, 0xf8) },
    };
    match_set_dl_dst_masked(match, ranges[i].mac, ranges[i].mask);
}

void
match_ethertype(struct match *match, uint16_t ethertype)
{
    match_set_dl_type(match, htons(ethertype));
}

void
match_ip_protocol(struct match *match, uint16_t ethertype, uint8_t protocol)
{
    match_ethertype(match, ethertype);
    match_set_nw_proto(match, protocol);
}

void
match_icmpv6(struct match *match, uint8_t type)
{
    match_ip_protocol(match, ETH_TYPE_IPV6, IPPROTO_ICMPV6);
    match_set_icmp_type(match, type);
    if (type == ND_NEIGHBOR_SOLICIT || type == ND_NEIGHBOR_ADVERT) {
        /* Only with this code may a flow look at targets and options. */
        match_set_icmp_code(match, 0);
    }
}

/* Actions. */

void
put_resubmit(struct pipeline *p, enum table_id table)
{
    struct ofpact_resubmit *resubmit = ofpact_put_RESUBMIT(&p->actions);
    resubmit->in_port = OFPP_IN_PORT;
    resubmit->table_id = table;
}

static const struct mf_field *
register_field(enum table_register reg)
{
    return mf_from_id(MFF_REG0 + reg);
}

void
put_register(struct pipeline *p, enum table_register reg, uint32_t value)
{
    ovs_be32 v = htonl(value);
    ofpact_put_set_field(&p->actions, register_field(reg), &v, NULL);
}

/* Sets 'flag', and leaves the other flags alone. */
void
put_flag(struct pipeline *p, uint32_t flag)
{
    ovs_be32 v = htonl(flag);
    ofpact_put_set_field(&p->actions, register_field(REG_FLAGS), &v, &v);
}

static struct mf_subfield
low_bits(enum mf_field_id id, unsigned int n_bits)
{
    return (struct mf_subfield) {
        .field = mf_from_id(id), .ofs = 0, .n_bits = n_bits,
    };
}

/* Copies the lowest 'n_bits' of 'src' into those of 'dst'. */
void
put_move(struct pipeline *p, enum mf_field_id src, enum mf_field_id dst,
         unsigned int n_bits)
{
    struct ofpact_reg_move *move = ofpact_put_REG_MOVE(&p->actions);
    move->src = low_bits(src, n_bits);
    move->dst = low_bits(dst, n_bits);
}

void
put_pop_vlan(struct pipeline *p)
{
    ofpact_put_STRIP_VLAN(&p->actions);
}

/* Puts a tag of the VLAN and the priority in the registers in front. */
void
put_push_vlan(struct pipeline *p, uint16_t tpid)
{
    ofpact_put_PUSH_VLAN(&p->actions)->ethertype = htons(tpid);
    put_move(p, MFF_REG0 + REG_VLAN, MFF_VLAN_VID, 12);
    put_move(p, MFF_REG0 + REG_PCP, MFF_VLAN_PCP, REG_PCP_BITS);
}

/* Puts a frame of our own, which has no tag, in VLAN 'vid'; with the tag
 * 'customer' in it, unless that is 0, if it is for a dot1q-tunnel. */
void
put_own_vlan(struct pipeline *p, int vid, int customer)
{
    if (customer) {
        put_register(p, REG_VLAN, customer);
        put_push_vlan(p, ETH_TYPE_VLAN_8021Q);
    }
    put_register(p, REG_VLAN, vid);
}

void
put_output(struct pipeline *p, ofp_port_t port)
{
    ofpact_put_OUTPUT(&p->actions)->port = port;
}

void
put_group(struct pipeline *p, uint32_t group_id)
{
    ofpact_put_GROUP(&p->actions)->group_id = group_id;
}

/* Sends what there is to 'vnic', if its class allows. */
void
put_receiver(struct pipeline *p, const struct pipeline_vnic *vnic)
{
    put_register(p, REG_RECEIVER, vnic->number);
    put_receiver_class(p, vnic);
    put_resubmit(p, TABLE_ISOLATION);
}

void
put_receiver_class(struct pipeline *p, const struct pipeline_vnic *vnic)
{
    put_register(p, REG_RECEIVER_CLASS,
                 table_class(vnic->policy.isolation, vnic->community));
}

/* VLANs. */

struct vlan_block
vlan_block_one(int vid)
{
    return (struct vlan_block) {
        .next = vid + 1, .vid = vid, .mask = REG_VLAN_MASK,
    };
}

static bool
has_all(const struct vlan_set *set, int vid, int n)
{
    size_t end = bitmap_scan(set->bits, false, vid, vid + n);
    return end == vid + n;
}

/* Makes 'block' the one that follows it in 'set'.  Returns false if there is
 * none. */
bool
vlan_block_next(const struct vlan_set *set, struct vlan_block *block)
{
    int vid = block->next < VLAN_SET_BITS
              ? vlan_set_next(set, block->next) : -1;
    if (vid < 0) {
        return false;
    }
    int size = 1;
    while (!(vid & size) && vid + 2 * size <= VLAN_SET_BITS
           && has_all(set, vid + size, size)) {
        size *= 2;
    }
    *block = (struct vlan_block) {
        .next = vid + size, .vid = vid, .mask = -size & (VLAN_SET_BITS - 1),
    };
    return true;
}

/* Policies. */

bool
vnic_is_guarded(const struct pipeline_vnic *vnic)
{
    return vnic->policy.guard != GUARD_OFF;
}

/* True if frames from other MAC addresses are dropped.  The isolation of a
 * class holds at every level of the guard, and needs that. */
bool
vnic_enforces_mac(const struct pipeline_vnic *vnic)
{
    return vnic->policy.isolation != ISOLATION_PROMISCUOUS
           || vnic->policy.guard == GUARD_ENFORCE;
}

/* Other classes than promiscuous must not. */
bool
vnic_may_use_any_mac(const struct pipeline_vnic *vnic)
{
    return vnic->policy.isolation == ISOLATION_PROMISCUOUS
           && vnic_has_service(vnic, SERVICE_ANY_MAC);
}

/* True if there may be MAC addresses behind 'vnic' of which nobody told us:
 * frames for addresses that nobody knows go there, too. */
bool
vnic_learns(const struct pipeline_vnic *vnic)
{
    return vnic_may_use_any_mac(vnic) || !vnic_enforces_mac(vnic);
}

/* True if an address of 'vnic' goes with another MAC address than its own. */
bool
vnic_shares_macs(const struct pipeline_vnic *vnic)
{
    struct eth_addr mac;
    VNIC_MAC_FOR_EACH (mac, vnic) {
        if (!eth_addr_equals(mac, vnic->mac)) {
            return true;
        }
    }
    return false;
}

bool
vnic_has_service(const struct pipeline_vnic *vnic, enum policy_service service)
{
    return (vnic->policy.services & service) != 0;
}

/* Stores in '*mac' the vNIC's own MAC address if '*i' is 0, otherwise the next
 * that one of its addresses names, and advances '*i'.  Returns false if there
 * is none. */
bool
vnic_next_mac(const struct pipeline_vnic *vnic, size_t *i,
              struct eth_addr *mac)
{
    if (!(*i)++) {
        *mac = vnic->mac;
        return true;
    }
    for (; *i - 2 < vnic->policy.n_addresses; ++*i) {
        *mac = vnic->policy.addresses[*i - 2].mac;
        if (!eth_addr_is_zero(*mac)) {
            return true;
        }
    }
    return false;
}
