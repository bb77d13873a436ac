/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */

/* The flows and groups that isolate the vNICs of a bridge.  Pure.
 *
 * Theory of operation
 * ===================
 *
 * Inside, explicit; outside, NORMAL; one door between them.
 *
 * A pair of patch ports connects the bridge with itself.  Whatever is no vNIC
 * is *outside*: its frames go to NORMAL, which does VLANs, bonds, multicast
 * snooping and learning as the operator configured them, and sees all vNICs
 * behind one port, 'outside'.  What NORMAL sends there comes in on 'inside'.
 *
 * About vNICs everything is known, and nothing of it is learnt by NORMAL: only
 * where nobody enforces a MAC address, or several share one, is it followed, in
 * a table of our own.  A frame from one is classified, guarded, learnt from if
 * it has passed, delivered to each local receiver that may have it, and leaves
 * through 'inside'.  A frame that came from outside never goes back there.
 *
 * A frame is in one form on its way: the VLAN and the priority in registers,
 * the tag off.  Only the tag of a customer, from a dot1q-tunnel, stays.
 *
 * The checks of the guard are the same at each level, and shared by all vNICs
 * where they do not depend on one.  Whichever a frame breaks first sends it to
 * the table VIOLATION, where each vNIC has a flow for each rule: with
 * "enforce" it drops, with "monitor" it lets the frame go on behind the guard.
 * That flow counts what this vNIC did against this rule, at either level.  How
 * many MAC addresses it has is known only to who learns them, behind all other
 * checks: that rule's flow is in MAC_LIMIT.
 *
 * What the switch lacks is dropped: no table ends in NORMAL, and a frame finds
 * its way out only by flows that are there. */

#include <config.h>
#include "flows/pipeline-private.h"

#include <stdlib.h>
#include <string.h>

#include "flows/flow-table.h"
#include "openvswitch/ofp-actions.h"
#include "packets.h"
#include "util.h"

void
pipeline_bridge_init(struct pipeline_bridge *bridge)
{
    *bridge = (struct pipeline_bridge) {
        .outside = OFPP_NONE, .inside = OFPP_NONE,
    };
}

/* Frees what 'bridge' owns, not 'bridge' itself. */
void
pipeline_bridge_destroy(struct pipeline_bridge *bridge)
{
    if (!bridge) {
        return;
    }
    for (size_t i = 0; i < bridge->n_vnics; i++) {
        pipeline_vnic_destroy(&bridge->vnics[i]);
    }
    free(bridge->vnics);
    free(bridge->infrastructure);
    free(bridge->blocked);
    free(bridge->mirrors);
    free(bridge->name);
    pipeline_bridge_init(bridge);
}

static void
add_port(ofp_port_t **ports, size_t *n, ofp_port_t port)
{
    *ports = xrealloc(*ports, (*n + 1) * sizeof **ports);
    (*ports)[(*n)++] = port;
}

/* Makes 'dst', which need not be initialised, a copy of 'src'. */
void
pipeline_bridge_clone(struct pipeline_bridge *dst,
                      const struct pipeline_bridge *src)
{
    pipeline_bridge_init(dst);
    dst->name = nullable_xstrdup(src->name);
    dst->outside = src->outside;
    dst->inside = src->inside;
    dst->passes_unknown_addresses = src->passes_unknown_addresses;
    dst->passes_unknown_ports = src->passes_unknown_ports;
    dst->forwards_bpdus = src->forwards_bpdus;
    for (size_t i = 0; i < src->n_infrastructure; i++) {
        pipeline_bridge_add_infrastructure(dst, src->infrastructure[i]);
    }
    for (size_t i = 0; i < src->n_blocked; i++) {
        pipeline_bridge_add_blocked(dst, src->blocked[i]);
    }
    for (size_t i = 0; i < src->n_mirrors; i++) {
        pipeline_bridge_add_mirror(dst, src->mirrors[i]);
    }
    for (size_t i = 0; i < src->n_vnics; i++) {
        struct pipeline_vnic *vnic = pipeline_bridge_add_vnic(dst);
        *vnic = src->vnics[i];
        vnic->label = nullable_xstrdup(src->vnics[i].label);
        policy_clone(&vnic->policy, &src->vnics[i].policy);
    }
}

void
pipeline_bridge_add_infrastructure(struct pipeline_bridge *bridge,
                                   ofp_port_t port)
{
    add_port(&bridge->infrastructure, &bridge->n_infrastructure, port);
}

void
pipeline_bridge_add_blocked(struct pipeline_bridge *bridge, ofp_port_t port)
{
    add_port(&bridge->blocked, &bridge->n_blocked, port);
}

void
pipeline_bridge_add_mirror(struct pipeline_bridge *bridge, ofp_port_t port)
{
    add_port(&bridge->mirrors, &bridge->n_mirrors, port);
}

/* Adds a vNIC without VLANs and with the default policy, for the caller to
 * fill in.  'bridge' keeps owning it; the pointer is good until the next is
 * added. */
struct pipeline_vnic *
pipeline_bridge_add_vnic(struct pipeline_bridge *bridge)
{
    if (bridge->n_vnics >= bridge->allocated_vnics) {
        bridge->vnics = x2nrealloc(bridge->vnics, &bridge->allocated_vnics,
                                   sizeof *bridge->vnics);
    }
    struct pipeline_vnic *vnic = &bridge->vnics[bridge->n_vnics++];
    *vnic = (struct pipeline_vnic) {
        .ofport = OFPP_NONE,
        .vlan = VLAN_SPEC_INIT,
        .policy = POLICY_INIT,
    };
    return vnic;
}

/* Removes the vNIC at index 'i'; those behind it move up. */
void
pipeline_bridge_remove_vnic(struct pipeline_bridge *bridge, size_t i)
{
    pipeline_vnic_destroy(&bridge->vnics[i]);
    bridge->n_vnics--;
    memmove(&bridge->vnics[i], &bridge->vnics[i + 1],
            (bridge->n_vnics - i) * sizeof bridge->vnics[i]);
}

/* Moves what is in 'src', which is empty then, to 'dst'. */
void
pipeline_bridge_steal(struct pipeline_bridge *dst,
                      struct pipeline_bridge *src)
{
    pipeline_bridge_destroy(dst);
    *dst = *src;
    pipeline_bridge_init(src);
}

/* True if both patch ports are there: without them there is no pipeline. */
bool
pipeline_bridge_is_open(const struct pipeline_bridge *bridge)
{
    return bridge->outside != OFPP_NONE && bridge->inside != OFPP_NONE;
}

static bool
ports_are_equal(const ofp_port_t *a, size_t n_a, const ofp_port_t *b,
                size_t n_b)
{
    return n_a == n_b && (!n_a || !memcmp(a, b, n_a * sizeof *a));
}

static bool
vnics_are_equal(const struct pipeline_bridge *a,
                const struct pipeline_bridge *b)
{
    if (a->n_vnics != b->n_vnics) {
        return false;
    }
    for (size_t i = 0; i < a->n_vnics; i++) {
        if (!pipeline_vnic_equals(&a->vnics[i], &b->vnics[i])) {
            return false;
        }
    }
    return true;
}

/* True if 'a' and 'b' are the same but for their vNICs and other ports. */
bool
pipeline_bridge_settings_equal(const struct pipeline_bridge *a,
                               const struct pipeline_bridge *b)
{
    return a->outside == b->outside
           && a->inside == b->inside
           && a->passes_unknown_addresses == b->passes_unknown_addresses
           && a->passes_unknown_ports == b->passes_unknown_ports
           && a->forwards_bpdus == b->forwards_bpdus;
}

/* True if 'a' and 'b' have the same ports that are no vNIC's. */
bool
pipeline_bridge_ports_equal(const struct pipeline_bridge *a,
                            const struct pipeline_bridge *b)
{
    return ports_are_equal(a->infrastructure, a->n_infrastructure,
                           b->infrastructure, b->n_infrastructure)
           && ports_are_equal(a->blocked, a->n_blocked,
                              b->blocked, b->n_blocked)
           && ports_are_equal(a->mirrors, a->n_mirrors,
                              b->mirrors, b->n_mirrors);
}

/* True if 'a' and 'b', with everything in the same order, have the same
 * flows. */
bool
pipeline_bridge_equals(const struct pipeline_bridge *a,
                       const struct pipeline_bridge *b)
{
    return pipeline_bridge_settings_equal(a, b)
           && pipeline_bridge_ports_equal(a, b)
           && vnics_are_equal(a, b);
}

static int
compare_vnics(const void *a_, const void *b_)
{
    const struct pipeline_vnic *a = a_, *b = b_;
    return (a->number > b->number) - (a->number < b->number);
}

/* Puts the vNICs in the order of their numbers. */
void
pipeline_bridge_sort(struct pipeline_bridge *bridge)
{
    if (bridge->n_vnics) {
        qsort(bridge->vnics, bridge->n_vnics, sizeof *bridge->vnics,
              compare_vnics);
    }
}

/* Returns the vNIC with 'number' of 'bridge', which must be sorted, or
 * NULL. */
const struct pipeline_vnic *
pipeline_bridge_find_vnic(const struct pipeline_bridge *bridge,
                          uint32_t number)
{
    const struct pipeline_vnic key = { .number = number };
    return bridge->n_vnics
           ? bsearch(&key, bridge->vnics, bridge->n_vnics, sizeof key,
                     compare_vnics)
           : NULL;
}

/* True if 'a' and 'b', whatever they are called, have the same flows. */
bool
pipeline_vnic_equals(const struct pipeline_vnic *a,
                     const struct pipeline_vnic *b)
{
    return a->number == b->number
           && a->ofport == b->ofport
           && eth_addr_equals(a->mac, b->mac)
           && a->place == b->place
           && a->is_protected == b->is_protected
           && vlan_spec_equals(&a->vlan, &b->vlan)
           && policy_equals(&a->policy, &b->policy)
           && a->community == b->community;
}

/* 'dst' is overwritten unread. */
void
pipeline_vnic_clone(struct pipeline_vnic *dst, const struct pipeline_vnic *src)
{
    *dst = *src;
    dst->label = xstrdup(src->label);
    policy_clone(&dst->policy, &src->policy);
}

/* Frees what 'vnic' owns, not 'vnic' itself. */
void
pipeline_vnic_destroy(struct pipeline_vnic *vnic)
{
    free(vnic->label);
    policy_destroy(&vnic->policy);
}

/* Stores in '*vlans' those that 'vnic' is on; 0 stands for frames without a
 * tag on a port that is on every VLAN, and gives them no native one. */
static void
get_vlans(const struct pipeline_vnic *vnic, struct vlan_set *vlans)
{
    vlan_spec_members(&vnic->vlan, vlans);
    if (vlan_spec_is_on_all(&vnic->vlan) && vnic->vlan.tag < 0) {
        bitmap_set_multiple(vlans->bits, 0, VLAN_SET_BITS, true);
    }
}

static int
compare_numbers(const void *a_, const void *b_)
{
    const struct pipeline_vnic *const *a = a_, *const *b = b_;
    return ((*a)->number > (*b)->number) - ((*a)->number < (*b)->number);
}

/* Prepares for building flows of 'bridge', which go to 'flows'. */
void
pipeline_init(struct pipeline *p, const struct pipeline_bridge *bridge,
              struct flow_table *flows)
{
    *p = (struct pipeline) {
        .bridge = bridge,
        .vnics = xmalloc(bridge->n_vnics * sizeof *p->vnics),
        .vlans = xmalloc(bridge->n_vnics * sizeof *p->vlans),
        .n_vnics = bridge->n_vnics,
        .flows = flows,
    };
    ofpbuf_init(&p->actions, 512);

    for (size_t i = 0; i < p->n_vnics; i++) {
        p->vnics[i] = &bridge->vnics[i];
    }
    qsort(p->vnics, p->n_vnics, sizeof *p->vnics, compare_numbers);
    for (size_t i = 0; i < p->n_vnics; i++) {
        get_vlans(p->vnics[i], &p->vlans[i]);
        if (p->vnics[i]->vlan.mode == VLAN_DOT1Q_TUNNEL) {
            vlan_set_add(&p->tunnel_vlans, p->vnics[i]->vlan.tag);
        }
        p->has_learner = p->has_learner || vnic_learns(p->vnics[i]);
    }
    pipeline_flood_classify(p);
}

void
pipeline_destroy(struct pipeline *p)
{
    ofpbuf_uninit(&p->actions);
    free(p->vlans);
    free(p->vnics);
}

/* Adds the flows that are everybody's. */
void
pipeline_build_shared(struct pipeline *p)
{
    pipeline_classify(p);
    pipeline_guard(p);
    pipeline_addresses(p);
    pipeline_services(p);
    pipeline_learn(p);
    pipeline_forward(p);
    pipeline_deliver(p);
}

/* Adds the flows of the vNIC at index 'i'. */
void
pipeline_build_vnic(struct pipeline *p, size_t i)
{
    const struct pipeline_vnic *vnic = p->vnics[i];
    const struct vlan_set *vlans = &p->vlans[i];
    pipeline_classify_vnic(p, vnic, vlans);
    pipeline_guard_vnic(p, vnic, vlans);
    pipeline_addresses_vnic(p, vnic, vlans);
    pipeline_services_vnic(p, vnic, vlans);
    pipeline_learn_vnic(p, vnic);
    pipeline_forward_vnic(p, vnic, vlans);
    pipeline_deliver_vnic(p, vnic, vlans);
}

/* Adds to 'flows' all flows and groups that 'bridge' needs. */
void
pipeline_build(const struct pipeline_bridge *bridge, struct flow_table *flows)
{
    struct pipeline p;
    struct vlan_set all;
    bitmap_set_multiple(all.bits, 0, VLAN_SET_BITS, true);
    pipeline_init(&p, bridge, flows);
    pipeline_build_shared(&p);
    for (size_t i = 0; i < p.n_vnics; i++) {
        pipeline_build_vnic(&p, i);
    }
    pipeline_flood(&p, &all);
    pipeline_destroy(&p);
}

/* Adds to 'flows' the one that a bridge is born with, which is nobody's. */
void
pipeline_build_normal(struct flow_table *flows)
{
    struct match match = MATCH_CATCHALL_INITIALIZER;
    struct ofpbuf actions;
    ofpbuf_init(&actions, 64);
    ofpact_put_OUTPUT(&actions)->port = OFPP_NORMAL;
    flow_table_add(flows, TABLE_CLASSIFY, PRIORITY_MISS, 0, &match, &actions);
    ofpbuf_uninit(&actions);
}

/* Stores in '*crowded' the VLANs with more receivers than
 * PIPELINE_MAX_RECEIVERS. */
void
pipeline_crowded_vlans(const struct pipeline_bridge *bridge,
                       struct vlan_set *crowded)
{
    unsigned int n[VLAN_SET_BITS] = { 0 };
    *crowded = (struct vlan_set) { { 0 } };
    for (size_t i = 0; i < bridge->n_vnics; i++) {
        struct vlan_set vlans;
        get_vlans(&bridge->vnics[i], &vlans);
        VLAN_SET_FOR_EACH (vid, &vlans) {
            if (++n[vid] > PIPELINE_MAX_RECEIVERS) {
                vlan_set_add(crowded, vid);
            }
        }
    }
}
