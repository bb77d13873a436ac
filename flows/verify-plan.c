/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */

/* Which frames to send in thought.
 *
 * All pairs of a large host in all VLANs would be too many, and most of them
 * meet the same flows.  VLANs with the same members are one case; so are, in a
 * VLAN, vNICs of the same class, community, guard and mode, a *group*.  There
 * is a probe for each pair of groups, and floods from one of each.  What is in
 * flows of a single vNIC is met by others: each is once the sender and once
 * the receiver of a unicast, once the receiver of one from outside, and tries
 * each source address and tag that it must not use.
 *
 * Each frame is an ARP probe (RFC 5227), which every guest may send whatever
 * its addresses are. */

#include <config.h>
#include "flows/verify-plan.h"

#include <inttypes.h>
#include <stdlib.h>

#include "flow.h"
#include "hash.h"
#include "openvswitch/dynamic-string.h"
#include "packets.h"
#include "util.h"

#define NO_TAG -1
#define RESERVED_VLAN 4095

const char *
verify_kind_to_string(enum verify_kind kind)
{
    switch (kind) {
#define VERIFY_KIND(ENUM, NAME) case VERIFY_##ENUM: return NAME;
        VERIFY_KINDS
#undef VERIFY_KIND
    }
    OVS_NOT_REACHED();
}

/* Probes. */

static void
add_probe(struct verify_plan *plan, enum verify_kind kind, size_t from,
          size_t to, int tag)
{
    if (plan->n_probes >= plan->allocated_probes) {
        plan->probes = x2nrealloc(plan->probes, &plan->allocated_probes,
                                  sizeof *plan->probes);
    }
    plan->probes[plan->n_probes++] = (struct verify_probe) {
        .kind = kind, .from = from, .to = to, .tag = tag,
    };
}

/* Returns the vNIC with index 'i', NULL for others. */
static const struct pipeline_vnic *
vnic_at(const struct verify_plan *plan, size_t i)
{
    return i < plan->bridge.n_vnics ? &plan->bridge.vnics[i] : NULL;
}

/* Returns how many indexes there are, but for VERIFY_OUTSIDE. */
size_t
verify_plan_n_indexes(const struct verify_plan *plan)
{
    return plan->bridge.n_vnics + plan->bridge.n_blocked;
}

static bool
is_blocked(const struct verify_plan *plan, size_t i)
{
    return i >= plan->bridge.n_vnics && i < verify_plan_n_indexes(plan);
}

static ofp_port_t
blocked_at(const struct verify_plan *plan, size_t i)
{
    return plan->bridge.blocked[i - plan->bridge.n_vnics];
}

/* Returns what an operator calls the one with index 'i', for the caller to
 * free. */
char *
verify_plan_label(const struct verify_plan *plan, size_t i)
{
    const struct pipeline_vnic *vnic = vnic_at(plan, i);
    return vnic ? xstrdup(vnic->label)
           : is_blocked(plan, i)
           ? xasprintf("blocked port %d", ofp_to_u16(blocked_at(plan, i)))
           : xstrdup("outside");
}

/* Adds a probe in VLAN 'vid', with the tag that its sender uses there. */
static void
add_probe_in(struct verify_plan *plan, enum verify_kind kind, size_t from,
             size_t to, int vid)
{
    add_probe(plan, kind, from, to,
              entitlement_tag(vnic_at(plan, from), vid));
}

static void
add_floods(struct verify_plan *plan, size_t from, int vid)
{
    add_probe_in(plan, VERIFY_BROADCAST, from, VERIFY_OUTSIDE, vid);
    add_probe_in(plan, VERIFY_MULTICAST, from, VERIFY_OUTSIDE, vid);
    add_probe_in(plan, VERIFY_UNKNOWN, from, VERIFY_OUTSIDE, vid);
}

/* The switch does not learn from a trace, and drops what it has not learnt
 * where only so many addresses may be used: nothing can be told there. */
static bool
can_judge_source(const struct pipeline_vnic *vnic)
{
    return !(entitlement_may_use_any_source(vnic)
             && vnic->policy.services & SERVICE_ANY_MAC
             && vnic->policy.guard != GUARD_OFF);
}

static void
add_foreign_sources(struct verify_plan *plan, size_t from, size_t to, int vid)
{
    if (can_judge_source(&plan->bridge.vnics[from])) {
        add_probe_in(plan, VERIFY_FOREIGN, from, to, vid);
        add_probe_in(plan, VERIFY_FOREIGN_UNKNOWN, from, VERIFY_OUTSIDE, vid);
    }
}

/* The members of a VLAN. */

struct members {
    int vid;
    size_t *indexes;            /* Of vNICs, owned. */
    size_t n;
};

static void
members_init(struct members *members, const struct pipeline_bridge *bridge,
             int vid)
{
    *members = (struct members) {
        .vid = vid, .indexes = xmalloc(bridge->n_vnics
                                       * sizeof *members->indexes),
    };
    for (size_t i = 0; i < bridge->n_vnics; i++) {
        if (entitlement_is_member(&bridge->vnics[i], vid)) {
            members->indexes[members->n++] = i;
        }
    }
}

static bool
is_same_group(const struct pipeline_vnic *a, const struct pipeline_vnic *b)
{
    return a->policy.isolation == b->policy.isolation
           && (a->policy.isolation != ISOLATION_COMMUNITY
               || a->community == b->community)
           && a->policy.guard == b->policy.guard
           && (a->policy.services & SERVICE_ANY_MAC)
              == (b->policy.services & SERVICE_ANY_MAC)
           && a->vlan.mode == b->vlan.mode;
}

/* Does one of 'chosen' stand for the group of 'vnic'? */
static bool
is_represented(const struct pipeline_bridge *bridge,
               const struct members *chosen, const struct pipeline_vnic *vnic)
{
    for (size_t i = 0; i < chosen->n; i++) {
        if (is_same_group(&bridge->vnics[chosen->indexes[i]], vnic)) {
            return true;
        }
    }
    return false;
}

/* Returns the members that stand for their groups, the first of each; or all
 * of them. */
static struct members
choose_representatives(const struct pipeline_bridge *bridge,
                       const struct members *members, bool wants_all)
{
    struct members chosen = {
        .vid = members->vid,
        .indexes = xmalloc(members->n * sizeof *chosen.indexes),
    };
    for (size_t i = 0; i < members->n; i++) {
        size_t index = members->indexes[i];
        if (wants_all
            || !is_represented(bridge, &chosen, &bridge->vnics[index])) {
            chosen.indexes[chosen.n++] = index;
        }
    }
    return chosen;
}

/* Each member sends to the next, the last one to the first. */
static void
add_ring(struct verify_plan *plan, const struct members *members)
{
    for (size_t i = 0; i < members->n; i++) {
        size_t from = members->indexes[i];
        size_t to = members->indexes[(i + 1) % members->n];
        if (from != to) {
            add_probe_in(plan, VERIFY_UNICAST, from, to, members->vid);
        }
        add_foreign_sources(plan, from, to, members->vid);
        add_probe_in(plan, VERIFY_UNICAST, VERIFY_OUTSIDE, from,
                     members->vid);
    }
}

/* One of a group to another of the same. */
static void
add_peer(struct verify_plan *plan, const struct members *members, size_t from)
{
    const struct pipeline_vnic *vnics = plan->bridge.vnics;
    for (size_t i = 0; i < members->n; i++) {
        size_t to = members->indexes[i];
        if (to != from && is_same_group(&vnics[from], &vnics[to])) {
            add_probe_in(plan, VERIFY_UNICAST, from, to, members->vid);
            return;
        }
    }
}

/* Returns the index of a vNIC that is not in VLAN 'vid', VERIFY_OUTSIDE if all
 * are. */
static size_t
find_stranger(const struct verify_plan *plan, int vid)
{
    for (size_t i = 0; i < plan->bridge.n_vnics; i++) {
        if (!entitlement_is_member(&plan->bridge.vnics[i], vid)) {
            return i;
        }
    }
    return VERIFY_OUTSIDE;
}

static void
add_pairs(struct verify_plan *plan, const struct members *members,
          const struct members *representatives)
{
    size_t stranger = find_stranger(plan, members->vid);
    for (size_t i = 0; i < representatives->n; i++) {
        size_t from = representatives->indexes[i];
        add_floods(plan, from, members->vid);
        if (stranger != VERIFY_OUTSIDE) {
            add_probe_in(plan, VERIFY_UNICAST, from, stranger, members->vid);
        }
        add_peer(plan, members, from);
        for (size_t j = 0; j < representatives->n; j++) {
            if (i != j) {
                add_probe_in(plan, VERIFY_UNICAST, from,
                             representatives->indexes[j], members->vid);
            }
        }
    }
}

static void
add_vlan(struct verify_plan *plan, int vid, bool wants_all)
{
    struct members members;
    plan->n_vlans++;
    members_init(&members, &plan->bridge, vid);
    struct members representatives
        = choose_representatives(&plan->bridge, &members, wants_all);
    /* At most: see add_ring() and add_pairs(). */
    size_t n = 4 * members.n + representatives.n * (representatives.n + 5);
    if (plan->n_probes + n <= VERIFY_MAX_PROBES) {
        add_ring(plan, &members);
        add_pairs(plan, &members, &representatives);
        add_floods(plan, VERIFY_OUTSIDE, vid);
    } else {
        plan->is_too_large = true;
    }
    free(representatives.indexes);
    free(members.indexes);
}

/* VLANs. */

/* What VLANs with the same members have in common. */
struct signature {
    uint64_t members;
    int vid;
};

static int
compare_signatures(const void *a_, const void *b_)
{
    const struct signature *a = a_, *b = b_;
    return a->members != b->members ? (a->members > b->members ? 1 : -1)
           : a->vid - b->vid;
}

static void
sign_vlans(const struct pipeline_bridge *bridge,
           struct signature signatures[RESERVED_VLAN])
{
    for (int vid = 0; vid < RESERVED_VLAN; vid++) {
        signatures[vid] = (struct signature) { .vid = vid };
    }
    for (size_t i = 0; i < bridge->n_vnics; i++) {
        struct vlan_set members;
        uint64_t mark = (uint64_t) hash_int(i, 1) << 32 | hash_int(i, 2);
        vlan_spec_members(&bridge->vnics[i].vlan, &members);
        for (int vid = 0; vid < RESERVED_VLAN; vid++) {
            if (vid ? vlan_set_contains(&members, vid)
                : entitlement_is_member(&bridge->vnics[i], vid)) {
                signatures[vid].members ^= mark;
            }
        }
    }
    if (signatures[0].members) {
        /* Never the same as another: its frames look different. */
        signatures[0].members = ~signatures[0].members;
    }
}

/* Stores in 'vlans' the lowest VLAN of those with the same members; with
 * 'wants_all' each that a vNIC names, too. */
static void
choose_vlans(const struct pipeline_bridge *bridge, bool wants_all,
             struct vlan_set *vlans)
{
    struct signature signatures[RESERVED_VLAN];
    sign_vlans(bridge, signatures);
    qsort(signatures, RESERVED_VLAN, sizeof signatures[0],
          compare_signatures);

    *vlans = (struct vlan_set) { { 0 } };
    uint64_t before = 0;        /* VLANs without members. */
    for (int i = 0; i < RESERVED_VLAN; i++) {
        if (signatures[i].members != before) {
            vlan_set_add(vlans, signatures[i].vid);
            before = signatures[i].members;
        }
    }
    for (size_t i = 0; wants_all && i < bridge->n_vnics; i++) {
        struct vlan_set named;
        vlan_spec_named(&bridge->vnics[i].vlan, &named);
        vlan_set_merge(vlans, &named);
    }
}

static void
add_foreign_vlan(struct verify_plan *plan, size_t from, int tag)
{
    if (!entitlement_may_send(&plan->bridge.vnics[from], tag)) {
        add_probe(plan, VERIFY_FOREIGN_VLAN, from, VERIFY_OUTSIDE, tag);
    }
}

/* Each vNIC tries the tags that are not for it: none, that of its own VLAN,
 * that of one of the others', and the reserved one. */
static void
add_foreign_vlans(struct verify_plan *plan, const struct vlan_set *vlans)
{
    for (size_t i = 0; i < plan->bridge.n_vnics; i++) {
        const struct pipeline_vnic *vnic = &plan->bridge.vnics[i];
        add_foreign_vlan(plan, i, NO_TAG);
        if (vnic->vlan.tag > 0) {
            add_foreign_vlan(plan, i, vnic->vlan.tag);
        }
        VLAN_SET_FOR_EACH (vid, vlans) {
            if (vid && vid != vnic->vlan.tag
                && !entitlement_may_send(vnic, vid)) {
                add_foreign_vlan(plan, i, vid);
                break;
            }
        }
        add_foreign_vlan(plan, i, RESERVED_VLAN);
    }
}

static void
add_blocked(struct verify_plan *plan)
{
    for (size_t i = 0; i < plan->bridge.n_blocked; i++) {
        add_probe(plan, VERIFY_BLOCKED, plan->bridge.n_vnics + i,
                  VERIFY_OUTSIDE, NO_TAG);
    }
}

/* Plans. */

static bool
is_used(const struct pipeline_bridge *bridge, const struct eth_addr mac)
{
    for (size_t i = 0; i < bridge->n_vnics; i++) {
        const struct pipeline_vnic *vnic = &bridge->vnics[i];
        if (eth_addr_equals(vnic->mac, mac)) {
            return true;
        }
        for (size_t j = 0; j < vnic->policy.n_addresses; j++) {
            if (eth_addr_equals(vnic->policy.addresses[j].mac, mac)) {
                return true;
            }
        }
    }
    return false;
}

/* Addresses that no vNIC has, locally administered. */
static void
choose_strangers(struct verify_plan *plan)
{
    struct eth_addr mac = ETH_ADDR_C(0e,76,6e,69,63,00);
    for (size_t i = 0; i < ARRAY_SIZE(plan->strangers); i++) {
        while (is_used(&plan->bridge, mac)) {
            eth_addr_from_uint64(eth_addr_to_uint64(mac) + 1, &mac);
        }
        plan->strangers[i] = mac;
        eth_addr_from_uint64(eth_addr_to_uint64(mac) + 1, &mac);
    }
}

/* Returns the index of whoever is on 'ofport', VERIFY_MIRROR for copies alone,
 * VERIFY_OUTSIDE for others. */
static size_t
find_index(const struct verify_plan *plan, unsigned int ofport)
{
    for (size_t i = 0; i < plan->bridge.n_vnics; i++) {
        if (ofp_to_u16(plan->bridge.vnics[i].ofport) == ofport) {
            return i;
        }
    }
    for (size_t i = 0; i < plan->bridge.n_blocked; i++) {
        if (ofp_to_u16(plan->bridge.blocked[i]) == ofport) {
            return plan->bridge.n_vnics + i;
        }
    }
    for (size_t i = 0; i < plan->bridge.n_mirrors; i++) {
        if (ofp_to_u16(plan->bridge.mirrors[i]) == ofport) {
            return VERIFY_MIRROR;
        }
    }
    return VERIFY_OUTSIDE;
}

/* VLANs come first: if those are few enough, so is all else. */
static void
add_probes(struct verify_plan *plan, bool wants_all)
{
    struct vlan_set vlans;
    choose_vlans(&plan->bridge, wants_all, &vlans);
    VLAN_SET_FOR_EACH (vid, &vlans) {
        add_vlan(plan, vid, wants_all);
        if (plan->is_too_large) {
            return;
        }
    }
    add_foreign_vlans(plan, &vlans);
    add_blocked(plan);
    plan->is_too_large = plan->n_probes > VERIFY_MAX_PROBES;
}

/* Makes the probes for 'bridge', with 'wants_all' for each pair of vNICs in
 * each VLAN that one names.  Returns NULL, or a sentence if that cannot be
 * done; 'plan' is to be destroyed then, too. */
char *
verify_plan_init(struct verify_plan *plan,
                 const struct pipeline_bridge *bridge, bool wants_all)
{
    *plan = (struct verify_plan) { .ports = SIMAP_INITIALIZER(&plan->ports) };
    pipeline_bridge_clone(&plan->bridge, bridge);
    choose_strangers(plan);
    add_probes(plan, wants_all);
    return plan->is_too_large
           ? xasprintf("bridge %s needs more than %d traces", bridge->name,
                       VERIFY_MAX_PROBES) : NULL;
}

/* Tells how traces call the ports of vNICs: 'ofports' are the OpenFlow numbers
 * by the datapath's.  Returns a sentence if one is missing. */
char *
verify_plan_set_ports(struct verify_plan *plan, const struct simap *ofports)
{
    size_t n_found = 0;
    struct simap_node *node;
    HMAP_FOR_EACH (node, node, &ofports->map) {
        size_t i = find_index(plan, node->data);
        if (i != VERIFY_OUTSIDE) {
            simap_put(&plan->ports, node->name, i);
        }
        n_found += vnic_at(plan, i) != NULL;
    }
    return n_found == plan->bridge.n_vnics ? NULL
           : xasprintf("of %"PRIuSIZE" vNICs only %"PRIuSIZE" have a port in "
                       "the switch", plan->bridge.n_vnics, n_found);
}

/* Frees what 'plan' owns, not 'plan' itself. */
void
verify_plan_destroy(struct verify_plan *plan)
{
    if (plan) {
        pipeline_bridge_destroy(&plan->bridge);
        simap_destroy(&plan->ports);
        free(plan->probes);
        plan->probes = NULL;
        plan->n_probes = plan->allocated_probes = 0;
    }
}

/* Frames. */

static struct eth_addr
source_of(const struct verify_plan *plan, const struct verify_probe *probe)
{
    const struct pipeline_vnic *vnic = vnic_at(plan, probe->from);
    return !vnic || probe->kind == VERIFY_FOREIGN
           || probe->kind == VERIFY_FOREIGN_UNKNOWN
           ? plan->strangers[0] : vnic->mac;
}

static struct eth_addr
destination_of(const struct verify_plan *plan,
               const struct verify_probe *probe)
{
    static const struct eth_addr multicast = ETH_ADDR_C(01,00,5e,7f,76,6e);
    switch (probe->kind) {
    case VERIFY_UNICAST:
    case VERIFY_FOREIGN:
        return plan->bridge.vnics[probe->to].mac;
    case VERIFY_BROADCAST:
    case VERIFY_FOREIGN_VLAN:
    case VERIFY_BLOCKED:
        return eth_addr_broadcast;
    case VERIFY_MULTICAST:
        return multicast;
    case VERIFY_UNKNOWN:
    case VERIFY_FOREIGN_UNKNOWN:
        break;
    }
    return plan->strangers[1];
}

/* Returns the frame of 'probe'. */
struct entitlement_frame
verify_plan_frame(const struct verify_plan *plan,
                  const struct verify_probe *probe)
{
    return (struct entitlement_frame) {
        .from = vnic_at(plan, probe->from),
        .src = source_of(plan, probe),
        .dst = destination_of(plan, probe),
        .tag = probe->tag,
        .is_blocked = is_blocked(plan, probe->from),
    };
}

static ofp_port_t
port_at(const struct verify_plan *plan, size_t i)
{
    const struct pipeline_vnic *vnic = vnic_at(plan, i);
    return vnic ? vnic->ofport
           : is_blocked(plan, i) ? blocked_at(plan, i) : plan->bridge.inside;
}

/* Returns the same as 'ofproto/trace' wants to have it: what is outside comes
 * in through the door that NORMAL uses. */
char *
verify_plan_flow(const struct verify_plan *plan,
                 const struct verify_probe *probe)
{
    struct entitlement_frame frame = verify_plan_frame(plan, probe);
    struct ds s = DS_EMPTY_INITIALIZER;
    ds_put_format(&s, "in_port=%"PRIu16",arp,arp_op=%d,arp_spa=0.0.0.0,"
                  "arp_tpa=0.0.0.0",
                  ofp_to_u16(port_at(plan, probe->from)), ARP_OP_REQUEST);
    ds_put_format(&s, ",dl_src="ETH_ADDR_FMT",arp_sha="ETH_ADDR_FMT
                  ",dl_dst="ETH_ADDR_FMT, ETH_ADDR_ARGS(frame.src),
                  ETH_ADDR_ARGS(frame.src), ETH_ADDR_ARGS(frame.dst));
    if (frame.tag != NO_TAG) {
        ds_put_format(&s, ",dl_vlan=%d", frame.tag);
    }
    return ds_steal_cstr(&s);
}
