/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef LIB_NETWORK_H
#define LIB_NETWORK_H 1

#include <stdbool.h>
#include <stddef.h>

#include "lib/vlan.h"
#include "openvswitch/hmap.h"
#include "openvswitch/uuid.h"

/* What libvirt says of its networks.  Plain facts; what follows from them for
 * a vNIC is decided in lib/intent.c. */

/* One <portgroup>. */
struct portgroup {
    char *name;                 /* "" if it has none, which is an error. */
    bool is_default;            /* For interfaces that name no port group. */
    bool has_ovs_virtualport;   /* <virtualport type='openvswitch'>. */
    struct vlan_spec vlan;      /* <vlan>; VLAN_NONE where there is none. */
    char *error;                /* Why the element cannot be used: a sentence
                                 * about the port group alone, or NULL. */
};

/* One network, as one reading of its XML gave it. */
struct network {
    struct hmap_node node;      /* In 'struct network_set', by 'uuid'. */
    struct uuid uuid;
    char *name;
    bool is_active;             /* False where libvirt says so: then the rest
                                 * is its definition, which is in force for
                                 * nobody. */
    char *bridge;               /* <bridge name>, NULL where there is none. */
    bool has_ovs_virtualport;   /* <virtualport type='openvswitch'>. */
    struct vlan_spec vlan;      /* <vlan>; VLAN_NONE where there is none. */
    struct portgroup *portgroups; /* Owned, in the order of the XML. */
    size_t n_portgroups;
    char *error;                /* Why the network's own <vlan> cannot be used,
                                 * or NULL. */
};

struct network *network_create(void);
void network_destroy(struct network *);
bool network_equals(const struct network *, const struct network *);
struct portgroup *network_add_portgroup(struct network *);
const struct portgroup *network_find_portgroup(const struct network *,
                                               const char *name);

/* The networks of one libvirt connection. */
struct network_set {
    struct hmap networks;       /* Of 'struct network', owned. */
};

void network_set_init(struct network_set *);
void network_set_destroy(struct network_set *);
void network_set_swap(struct network_set *, struct network_set *);
bool network_set_equals(const struct network_set *,
                        const struct network_set *);
struct network *network_set_find(const struct network_set *,
                                 const struct uuid *);
const struct network *network_set_find_name(const struct network_set *,
                                            const char *name);
bool network_set_replace(struct network_set *, struct network *);
struct network *network_set_steal(struct network_set *, const struct uuid *);

#endif /* lib/network.h */
