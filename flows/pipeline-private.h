/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef FLOWS_PIPELINE_PRIVATE_H
#define FLOWS_PIPELINE_PRIVATE_H 1

#include "flows/pipeline.h"
#include "flows/tables.h"
#include "openvswitch/match.h"
#include "openvswitch/meta-flow.h"
#include "openvswitch/ofpbuf.h"

/* Shared by the files of the pipeline.
 *
 * A flow is made in four steps: pipeline_begin() or pipeline_begin_from(),
 * what it matches, what it does, pipeline_end(). */
struct pipeline {
    const struct pipeline_bridge *bridge;
    const struct pipeline_vnic **vnics; /* By number. */
    struct vlan_set *vlans;     /* Of each of 'vnics', the VLANs it is on. */
    size_t n_vnics;
    uint16_t class_of[VLAN_SET_BITS]; /* For each VLAN ID, the lowest one with
                                       * the same vNICs. */

    /* All that one vNIC's flows have to know of the others. */
    struct vlan_set tunnel_vlans; /* Service VLANs of dot1q-tunnels. */
    bool has_learner;           /* Behind one there may be any address. */

    struct flow_table *flows;   /* The result. */

    /* The flow in the making. */
    uint32_t owner;             /* Number of its vNIC; 0: everybody's. */
    struct match match;
    struct ofpbuf actions;
};

void pipeline_init(struct pipeline *, const struct pipeline_bridge *,
                   struct flow_table *);
void pipeline_destroy(struct pipeline *);
void pipeline_build_shared(struct pipeline *);
void pipeline_build_vnic(struct pipeline *, size_t i);

/* A flow, from pipeline-flow.c. */
void pipeline_begin(struct pipeline *, const struct pipeline_vnic *);
void pipeline_begin_from(struct pipeline *, const struct pipeline_vnic *);
void pipeline_end(struct pipeline *, enum table_id, enum table_priority,
                  enum table_rule);
void pipeline_end_violation(struct pipeline *, enum table_id,
                            enum table_priority, enum table_rule);
void pipeline_miss(struct pipeline *, enum table_id, enum table_id next,
                   enum table_rule);

/* What it matches. */

#define MATCH_MAC(...) ((struct eth_addr) { .ea = { __VA_ARGS__ } })

/* How many ranges match_link_control() knows. */
#define N_LINK_CONTROL 5

struct vlan_block;
void match_flag(struct match *, uint32_t flag, bool is_set);
void match_untagged(struct match *);
void match_any_tag(struct match *);
void match_tag(struct match *, const struct vlan_block *);
void match_vlan_register(struct match *, const struct vlan_block *);
void match_multicast(struct match *);
void match_link_control(struct match *, size_t i);
void match_ethertype(struct match *, uint16_t);
void match_ip_protocol(struct match *, uint16_t ethertype, uint8_t protocol);
void match_icmpv6(struct match *, uint8_t type);

/* What it does. */
void put_resubmit(struct pipeline *, enum table_id);
void put_violation(struct pipeline *, enum table_rule);
void put_register(struct pipeline *, enum table_register, uint32_t);
void put_flag(struct pipeline *, uint32_t flag);
void put_move(struct pipeline *, enum mf_field_id src, enum mf_field_id dst,
              unsigned int n_bits);
void put_pop_vlan(struct pipeline *);
void put_push_vlan(struct pipeline *, uint16_t tpid);
void put_own_vlan(struct pipeline *, int vid, int customer);
void put_output(struct pipeline *, ofp_port_t);
void put_group(struct pipeline *, uint32_t group_id);
void put_receiver(struct pipeline *, const struct pipeline_vnic *);
void put_receiver_class(struct pipeline *, const struct pipeline_vnic *);

/* From pipeline-learn.c. */
bool vnic_is_learnt(const struct pipeline_vnic *);

/* A power of two of successive VLAN IDs, as one match has them. */
struct vlan_block {
    int next;                   /* The first ID behind it. */
    uint16_t vid;
    uint16_t mask;              /* Of 12 bits. */
};

struct vlan_block vlan_block_one(int vid);
bool vlan_block_next(const struct vlan_set *, struct vlan_block *);

/* Iterates 'BLOCK' over the blocks that make up 'SET', few for ranges. */
#define VLAN_BLOCK_FOR_EACH(BLOCK, SET)                         \
    for (struct vlan_block BLOCK = { .next = 0 };               \
         vlan_block_next(SET, &(BLOCK)); )

/* What follows from the policy of a vNIC. */
bool vnic_is_guarded(const struct pipeline_vnic *);
bool vnic_enforces_mac(const struct pipeline_vnic *);
bool vnic_may_use_any_mac(const struct pipeline_vnic *);
bool vnic_learns(const struct pipeline_vnic *);
bool vnic_shares_macs(const struct pipeline_vnic *);
bool vnic_has_service(const struct pipeline_vnic *, enum policy_service);
bool vnic_is_related(const struct pipeline_vnic *,
                     const struct pipeline_vnic *);
bool vnic_next_mac(const struct pipeline_vnic *, size_t *i,
                   struct eth_addr *);

/* Iterates 'MAC' over the vNIC's own MAC address and those that its addresses
 * name; one may come several times. */
#define VNIC_MAC_FOR_EACH(MAC, VNIC)                            \
    for (size_t mac_i_ = 0; vnic_next_mac(VNIC, &mac_i_, &(MAC)); )

/* The tables, a file for each question: the flows that are everybody's ... */
void pipeline_classify(struct pipeline *);  /* Who sent it? */
void pipeline_guard(struct pipeline *);     /* Is the frame one of its? */
void pipeline_addresses(struct pipeline *); /* Are the addresses its? */
void pipeline_services(struct pipeline *);  /* May it play this role? */
void pipeline_learn(struct pipeline *);     /* Where was it heard? */
void pipeline_forward(struct pipeline *);   /* Whose is it? */
void pipeline_deliver(struct pipeline *);   /* May they talk, and how? */

/* ... and those of one vNIC, which is on 'vlans'. */
void pipeline_classify_vnic(struct pipeline *, const struct pipeline_vnic *,
                            const struct vlan_set *vlans);
void pipeline_guard_vnic(struct pipeline *, const struct pipeline_vnic *,
                         const struct vlan_set *vlans);
void pipeline_addresses_vnic(struct pipeline *, const struct pipeline_vnic *,
                             const struct vlan_set *vlans);
void pipeline_services_vnic(struct pipeline *, const struct pipeline_vnic *,
                            const struct vlan_set *vlans);
void pipeline_learn_vnic(struct pipeline *, const struct pipeline_vnic *);
void pipeline_forward_vnic(struct pipeline *, const struct pipeline_vnic *,
                           const struct vlan_set *vlans);
void pipeline_deliver_vnic(struct pipeline *, const struct pipeline_vnic *,
                           const struct vlan_set *vlans);

/* Those of VLANs: the groups, the flows that send frames for several to them,
 * and those that learn from outside. */
void pipeline_flood_classify(struct pipeline *);
void pipeline_flood_add_relatives(const struct pipeline *, struct vlan_set *);
void pipeline_flood(struct pipeline *, const struct vlan_set *vlans);
void pipeline_learn_vlans(struct pipeline *, int vid,
                          const struct vlan_set *vlans);

#endif /* flows/pipeline-private.h */
