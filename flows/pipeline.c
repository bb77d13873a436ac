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
 * About vNICs everything is known, and nothing of it is learnt by NORMAL.  A
 * frame from one is classified, guarded, delivered to each local receiver that
 * may have it, and leaves through 'inside'.  A frame that came from outside
 * never goes back there.
 *
 * A frame is in one form on its way: the VLAN and the priority in registers,
 * the tag off.  Only the tag of a customer, from a dot1q-tunnel, stays.
 *
 * The checks of the guard are the same at each level, and shared by all vNICs
 * where they do not depend on one.  Whichever a frame breaks first sends it to
 * the table VIOLATION, where each vNIC has a flow for each rule: with
 * "enforce" it drops, with "monitor" it lets the frame go on behind the guard.
 * That flow counts what this vNIC did against this rule, at either level.
 *
 * What the switch lacks is dropped: no table ends in NORMAL, and a frame finds
 * its way out only by flows that are there. */

#include <config.h>
#include "flows/pipeline-private.h"

#include <stdlib.h>

#include "flows/flow-table.h"
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
        free(bridge->vnics[i].label);
        policy_destroy(&bridge->vnics[i].policy);
    }
    free(bridge->vnics);
    free(bridge->infrastructure);
    free(bridge->name);
    pipeline_bridge_init(bridge);
}

void
pipeline_bridge_add_infrastructure(struct pipeline_bridge *bridge,
                                   ofp_port_t port)
{
    size_t n = bridge->n_infrastructure++;
    bridge->infrastructure = xrealloc(bridge->infrastructure,
                                      bridge->n_infrastructure
                                      * sizeof *bridge->infrastructure);
    bridge->infrastructure[n] = port;
}

/* Adds a vNIC without VLANs and with the default policy, for the caller to
 * fill in.  'bridge' keeps owning it; the pointer is good until the next is
 * added. */
struct pipeline_vnic *
pipeline_bridge_add_vnic(struct pipeline_bridge *bridge)
{
    size_t n = bridge->n_vnics++;
    bridge->vnics = xrealloc(bridge->vnics,
                             bridge->n_vnics * sizeof *bridge->vnics);
    struct pipeline_vnic *vnic = &bridge->vnics[n];
    *vnic = (struct pipeline_vnic) {
        .ofport = OFPP_NONE,
        .vlan = VLAN_SPEC_INIT,
        .policy = POLICY_INIT,
    };
    return vnic;
}

/* True if a vNIC asks for anything that NORMAL does not do. */
bool
pipeline_is_needed(const struct pipeline_bridge *bridge)
{
    for (size_t i = 0; i < bridge->n_vnics; i++) {
        const struct policy *policy = &bridge->vnics[i].policy;
        if (policy->isolation != ISOLATION_PROMISCUOUS
            || policy->guard != GUARD_OFF) {
            return true;
        }
    }
    return false;
}

/* Stores in '*vlans' those that 'vnic' is on; 0 stands for frames without a
 * tag on a port that is on every VLAN. */
static void
get_vlans(const struct pipeline_vnic *vnic, struct vlan_set *vlans)
{
    vlan_spec_members(&vnic->vlan, vlans);
    if (vlan_spec_is_on_all(&vnic->vlan)) {
        bitmap_set_multiple(vlans->bits, 0, VLAN_SET_BITS, true);
    }
}

static int
compare_numbers(const void *a_, const void *b_)
{
    const struct pipeline_vnic *const *a = a_, *const *b = b_;
    return ((*a)->number > (*b)->number) - ((*a)->number < (*b)->number);
}

static void
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
    }
}

static void
pipeline_destroy(struct pipeline *p)
{
    ofpbuf_uninit(&p->actions);
    free(p->vlans);
    free(p->vnics);
}

/* Adds to 'flows' all flows and groups that 'bridge' needs. */
void
pipeline_build(const struct pipeline_bridge *bridge, struct flow_table *flows)
{
    struct pipeline p;
    pipeline_init(&p, bridge, flows);
    pipeline_classify(&p);
    pipeline_guard(&p);
    pipeline_addresses(&p);
    pipeline_services(&p);
    pipeline_forward(&p);
    pipeline_deliver(&p);
    pipeline_destroy(&p);
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
