/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef FLOWS_PIPELINE_H
#define FLOWS_PIPELINE_H 1

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/policy.h"
#include "lib/vlan.h"
#include "lib/vnic.h"
#include "openvswitch/types.h"

struct flow_change;
struct flow_table;
struct ofpbuf;

/* The flows and groups that isolate the vNICs of a bridge, computed from plain
 * facts.  Pure. */

/* More receivers than this in one VLAN, and a frame for all of them meets
 * limits of the switch: to be reported. */
#define PIPELINE_MAX_RECEIVERS 900

/* A vNIC that is on the bridge and whose policy is known. */
struct pipeline_vnic {
    uint32_t number;            /* Of this vNIC alone: more than 0, less than
                                 * RECEIVER_OUTSIDE. */
    char *label;                /* For people: "web1/52:54:00:00:00:01". */
    ofp_port_t ofport;          /* A vNIC without one is left out. */
    struct eth_addr mac;        /* Not zero, unicast. */
    enum guest_place place;     /* While its guest does not run here, what is
                                 * for 'mac' alone goes outside; if it is
                                 * about to come, until its first frame says
                                 * that it has. */
    bool is_protected;          /* The switch itself delivers nothing from it to
                                 * another such one. */
    struct vlan_spec vlan;      /* Validated; VLAN_NONE is every VLAN. */
    struct policy policy;
    uint16_t community;         /* What the policy's community is called in
                                 * registers; the same for the same name. */
};

struct pipeline_bridge {
    char *name;
    ofp_port_t *infrastructure; /* Ports that are no vNIC's and not one of
                                 * those below.  Owned. */
    size_t n_infrastructure;
    ofp_port_t *blocked;        /* Ports that nothing may come from, whatever
                                 * becomes of unknown ones.  Owned. */
    size_t n_blocked;
    ofp_port_t *mirrors;        /* Ports that mirrors send copies to, and that
                                 * nothing else comes from or goes to.
                                 * Owned. */
    size_t n_mirrors;
    ofp_port_t outside;         /* The patch port where NORMAL sees vNICs. */
    ofp_port_t inside;          /* Its peer, where vNICs see NORMAL. */
    bool passes_unknown_addresses; /* Of families without an entry. */
    bool passes_unknown_ports;  /* Ports that are none of the above. */
    bool forwards_bpdus;        /* other_config:forward-bpdu of the bridge. */
    struct pipeline_vnic *vnics; /* Owned. */
    size_t n_vnics, allocated_vnics;
};

void pipeline_bridge_init(struct pipeline_bridge *);
void pipeline_bridge_destroy(struct pipeline_bridge *);
void pipeline_bridge_clone(struct pipeline_bridge *dst,
                           const struct pipeline_bridge *src);
void pipeline_bridge_add_infrastructure(struct pipeline_bridge *, ofp_port_t);
void pipeline_bridge_add_blocked(struct pipeline_bridge *, ofp_port_t);
void pipeline_bridge_add_mirror(struct pipeline_bridge *, ofp_port_t);
struct pipeline_vnic *pipeline_bridge_add_vnic(struct pipeline_bridge *);
void pipeline_bridge_remove_vnic(struct pipeline_bridge *, size_t i);
void pipeline_bridge_steal(struct pipeline_bridge *dst,
                           struct pipeline_bridge *src);
bool pipeline_bridge_is_open(const struct pipeline_bridge *);
bool pipeline_bridge_equals(const struct pipeline_bridge *,
                            const struct pipeline_bridge *);
bool pipeline_bridge_settings_equal(const struct pipeline_bridge *,
                                    const struct pipeline_bridge *);
bool pipeline_bridge_ports_equal(const struct pipeline_bridge *,
                                 const struct pipeline_bridge *);
void pipeline_bridge_sort(struct pipeline_bridge *);
const struct pipeline_vnic *pipeline_bridge_find_vnic(
    const struct pipeline_bridge *, uint32_t number);
bool pipeline_vnic_equals(const struct pipeline_vnic *,
                          const struct pipeline_vnic *);
void pipeline_vnic_clone(struct pipeline_vnic *dst,
                         const struct pipeline_vnic *src);
void pipeline_vnic_destroy(struct pipeline_vnic *);

void pipeline_build(const struct pipeline_bridge *, struct flow_table *);
void pipeline_build_change(const struct pipeline_bridge *old,
                           const struct pipeline_bridge *new,
                           struct flow_change *);
void pipeline_build_normal(struct flow_table *);
struct ofpbuf *pipeline_deliver_to(const struct pipeline_vnic *, int vid,
                                   int customer);
struct ofpbuf *pipeline_send_outside(const struct pipeline_vnic *, int vid,
                                     int customer);
void pipeline_crowded_vlans(const struct pipeline_bridge *,
                            struct vlan_set *);

#endif /* flows/pipeline.h */
