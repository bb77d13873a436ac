/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */

/* The rules of isolation, stated a second time.
 *
 * The pipeline says in flows what becomes of a frame; this says it in a few
 * sentences, so that one can be held against the other.  Therefore nothing of
 * the pipeline's code is used here, and what both need of VLANs comes from
 * lib/vlan.c. */

#include <config.h>
#include "flows/entitlement.h"

#include <stdlib.h>

#include "flows/pipeline.h"
#include "packets.h"
#include "util.h"

#define NO_TAG -1
#define NO_VLAN -1
#define RESERVED_VLAN 4095

/* VLANs. */

static bool
is_tunnel(const struct pipeline_vnic *vnic)
{
    return vnic && vnic->vlan.mode == VLAN_DOT1Q_TUNNEL;
}

/* Returns the VLAN of a frame without a tag. */
static int
untagged_vlan(const struct vlan_spec *vlan)
{
    return vlan->tag >= 0 ? vlan->tag : vlan_spec_is_on_all(vlan) ? 0
           : NO_VLAN;
}

/* True if 'vnic' has frames of VLAN 'vid'; 0 is that of frames without a tag
 * which belong to no VLAN. */
bool
entitlement_is_member(const struct pipeline_vnic *vnic, int vid)
{
    const struct vlan_spec *vlan = &vnic->vlan;
    if (!vid) {
        return untagged_vlan(vlan) == 0;
    } else if (vlan->mode == VLAN_ACCESS || is_tunnel(vnic)) {
        return vid == vlan->tag;
    }
    return vid == vlan->tag || vlan_set_contains(&vlan->trunks, vid)
           || (vlan_spec_is_on_all(vlan) && vid != RESERVED_VLAN);
}

/* Returns the tag of a frame that 'vnic', NULL for whoever is outside, sends
 * in its VLAN 'vid', or -1 for none. */
int
entitlement_tag(const struct pipeline_vnic *vnic, int vid)
{
    if (is_tunnel(vnic)) {
        /* What is in the tunnel is the customer's. */
        return vlan_set_next(&vnic->vlan.cvlans, 0);
    } else if (!vid || (vnic && (vnic->vlan.mode == VLAN_ACCESS
                                 || vid == vnic->vlan.tag))) {
        return NO_TAG;
    }
    return vid;
}

/* True if frames of a customer with 'tag' go through the tunnel of 'vlan'. */
static bool
takes_customer(const struct vlan_spec *vlan, int tag)
{
    return vlan_set_is_empty(&vlan->cvlans)
           || (tag != NO_TAG && vlan_set_contains(&vlan->cvlans, tag));
}

/* Returns the VLAN of a frame with 'tag' from 'vnic', or NO_VLAN if it may not
 * send that. */
static int
find_vlan(const struct pipeline_vnic *vnic, int tag)
{
    if (tag == RESERVED_VLAN) {
        return NO_VLAN;
    } else if (!vnic) {
        return tag == NO_TAG ? 0 : tag;
    } else if (is_tunnel(vnic)) {
        return takes_customer(&vnic->vlan, tag) ? vnic->vlan.tag : NO_VLAN;
    } else if (tag == NO_TAG) {
        return untagged_vlan(&vnic->vlan);
    }
    return vnic->vlan.mode != VLAN_ACCESS && entitlement_is_member(vnic, tag)
           ? tag : NO_VLAN;
}

/* True if 'vnic' may send frames with 'tag', -1 for none. */
bool
entitlement_may_send(const struct pipeline_vnic *vnic, int tag)
{
    return find_vlan(vnic, tag) != NO_VLAN;
}

/* Receivers. */

/* RFC 5517; whoever is outside is promiscuous.  What the switch keeps apart by
 * itself is apart, whatever the class. */
static bool
may_talk(const struct pipeline_vnic *a, const struct pipeline_vnic *b)
{
    if (a && b && a->is_protected && b->is_protected) {
        return false;
    } else if (!a || !b || a->policy.isolation == ISOLATION_PROMISCUOUS
        || b->policy.isolation == ISOLATION_PROMISCUOUS) {
        return true;
    }
    return a->policy.isolation == ISOLATION_COMMUNITY
           && b->policy.isolation == ISOLATION_COMMUNITY
           && a->community == b->community;
}

/* Only a promiscuous vNIC may have other source addresses than its own: where
 * nobody enforces, or it was told so. */
bool
entitlement_may_use_any_source(const struct pipeline_vnic *vnic)
{
    return vnic->policy.isolation == ISOLATION_PROMISCUOUS
           && (vnic->policy.guard != GUARD_ENFORCE
               || vnic->policy.services & SERVICE_ANY_MAC);
}

static bool
may_send_from(const struct pipeline_vnic *vnic, const struct eth_addr src)
{
    if (!vnic || eth_addr_equals(src, vnic->mac)) {
        return true;
    }
    for (size_t i = 0; i < vnic->policy.n_addresses; i++) {
        if (eth_addr_equals(src, vnic->policy.addresses[i].mac)) {
            return true;
        }
    }
    return entitlement_may_use_any_source(vnic);
}

static void
append_tag(struct trace_tags *tags, uint16_t tpid, int vid)
{
    tags->tags[tags->n++] = (struct trace_tag) { .tpid = tpid, .vid = vid };
}

/* Finds the tags with which 'to' gets 'frame', which is in VLAN 'vid'.  What a
 * customer sent into a tunnel still has the customer's tag below the one of
 * the VLAN.  Returns false if 'to' cannot get it. */
static bool
find_tags(const struct entitlement_frame *frame,
          const struct pipeline_vnic *to, int vid, struct trace_tags *tags)
{
    int customer = is_tunnel(frame->from) ? frame->tag : NO_TAG;
    *tags = (struct trace_tags) { .n = 0 };
    if (is_tunnel(to) ? !takes_customer(&to->vlan, customer)
        : to->vlan.mode == VLAN_ACCESS && customer != NO_TAG) {
        return false;
    }
    if (vid && vlan_spec_tags(&to->vlan, vid)) {
        append_tag(tags, is_tunnel(frame->from) ? ETH_TYPE_VLAN_8021AD
                         : ETH_TYPE_VLAN_8021Q, vid);
    }
    if (customer != NO_TAG) {
        append_tag(tags, ETH_TYPE_VLAN_8021Q, customer);
    }
    return true;
}

static const struct pipeline_vnic *
find_owner(const struct pipeline_bridge *bridge, const struct eth_addr mac,
           int vid)
{
    for (size_t i = 0; i < bridge->n_vnics; i++) {
        const struct pipeline_vnic *vnic = &bridge->vnics[i];
        if (vnic->place == GUEST_HERE && eth_addr_equals(vnic->mac, mac)
            && entitlement_is_member(vnic, vid)) {
            return vnic;
        }
    }
    return NULL;
}

/* Is a frame to an address that is 'owner's, if anybody's, for 'vnic'? */
static bool
is_addressed(const struct entitlement_frame *frame,
             const struct pipeline_vnic *owner,
             const struct pipeline_vnic *vnic)
{
    return eth_addr_is_multicast(frame->dst)
           || (owner ? vnic == owner
               : entitlement_may_use_any_source(vnic)
                 && vnic->place == GUEST_HERE);
}

static void
add_receiver(struct entitlements *e, const struct pipeline_vnic *to,
             const struct trace_tags *tags)
{
    e->receivers = xrealloc(e->receivers, (e->n_receivers + 1)
                            * sizeof *e->receivers);
    e->receivers[e->n_receivers++] = (struct entitlement) {
        .to = to, .tags = *tags,
    };
}

/* Stores in 'e' who may get 'frame', for the caller to destroy. */
void
entitlements_compute(const struct pipeline_bridge *bridge,
                     const struct entitlement_frame *frame,
                     struct entitlements *e)
{
    *e = (struct entitlements) { .receivers = NULL };
    int vid = find_vlan(frame->from, frame->tag);
    if (frame->is_blocked || vid == NO_VLAN
        || !may_send_from(frame->from, frame->src)) {
        return;
    }

    const struct pipeline_vnic *owner = find_owner(bridge, frame->dst, vid);
    e->is_for_outside = frame->from && !owner;
    for (size_t i = 0; i < bridge->n_vnics; i++) {
        const struct pipeline_vnic *to = &bridge->vnics[i];
        struct trace_tags tags;
        if (to != frame->from && is_addressed(frame, owner, to)
            && entitlement_is_member(to, vid) && may_talk(frame->from, to)
            && find_tags(frame, to, vid, &tags)) {
            add_receiver(e, to, &tags);
        }
    }
}

/* Frees what 'e' owns, not 'e' itself. */
void
entitlements_destroy(struct entitlements *e)
{
    if (e) {
        free(e->receivers);
        *e = (struct entitlements) { .receivers = NULL };
    }
}
