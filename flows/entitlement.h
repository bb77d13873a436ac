/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef FLOWS_ENTITLEMENT_H
#define FLOWS_ENTITLEMENT_H 1

#include <stdbool.h>
#include <stddef.h>

#include "flows/trace.h"
#include "lib/vlan.h"
#include "openvswitch/types.h"

struct pipeline_bridge;
struct pipeline_vnic;

/* Who may get a frame: what the intent says, without any regard to flows.
 * Pure. */

/* A frame that no guard minds but for its addresses and its tag. */
struct entitlement_frame {
    const struct pipeline_vnic *from; /* NULL: no vNIC. */
    struct eth_addr src, dst;
    int tag;                    /* On the wire; -1: none. */
    bool is_blocked;            /* From a port that nothing may come from. */
};

struct entitlement {
    const struct pipeline_vnic *to;
    struct trace_tags tags;     /* As it gets the frame. */
};

struct entitlements {
    struct entitlement *receivers; /* Owned; each vNIC once at most. */
    size_t n_receivers;
    bool is_for_outside;        /* Whether somebody is there is up to
                                 * NORMAL. */
};

void entitlements_destroy(struct entitlements *);

void entitlements_compute(const struct pipeline_bridge *,
                          const struct entitlement_frame *,
                          struct entitlements *);

bool entitlement_is_member(const struct pipeline_vnic *, int vid);
bool entitlement_may_use_any_source(const struct pipeline_vnic *);
bool entitlement_may_send(const struct pipeline_vnic *, int tag);
int entitlement_tag(const struct pipeline_vnic *, int vid);

#endif /* flows/entitlement.h */
