/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef LIB_INTENT_H
#define LIB_INTENT_H 1

#include <stdbool.h>

#include "lib/settings.h"
#include "lib/vlan.h"
#include "openvswitch/compiler.h"

struct bridge_view;
struct network;
struct network_set;
struct vnic;

/* Where the VLANs of a vNIC were said. */
#define VLAN_SOURCES                                    \
    VLAN_SOURCE(NOBODY, "nobody")                       \
    VLAN_SOURCE(METADATA, "metadata")                   \
    VLAN_SOURCE(INTERFACE, "interface")                 \
    VLAN_SOURCE(PORTGROUP, "port group")                \
    VLAN_SOURCE(NETWORK, "network")                     \
    VLAN_SOURCE(FAKE_BRIDGE, "fake bridge")             \
    VLAN_SOURCE(LIVE, "live XML")                       \
    VLAN_SOURCE(DEFAULT, "vnicd-default-vlan")          \
    VLAN_SOURCE(FOUND, "port as found")                 \
    VLAN_SOURCE(LAST_GOOD, "last good intent")

enum vlan_source {
#define VLAN_SOURCE(ENUM, NAME) VLAN_FROM_##ENUM,
    VLAN_SOURCES
#undef VLAN_SOURCE
};

const char *vlan_source_to_string(enum vlan_source);

/* What the VLANs of a vNIC follow from. */
struct intent_facts {
    const struct vnic *vnic;
    const struct network_set *networks; /* Of its libvirt connection, or
                                         * NULL. */
    const struct bridge_view *bridge;   /* That its XML names, or NULL. */
    const struct vlan_spec *last;       /* Last in force of those that neither
                                         * metadata nor 'default_vlan' said,
                                         * or NULL. */
    const struct vlan_spec *found;      /* Those on which an earlier run of the
                                         * agent has left it, or NULL. */
    int default_vlan;                   /* For want of any, 0: none. */
    enum metadata_mode metadata_mode;   /* What metadata may change. */
    int vlan_limit;                     /* The switch's, see there. */
};

/* The VLANs that are meant for one vNIC, and who said so. */
struct intent {
    struct vlan_spec vlan;      /* VLAN_NONE: nobody said any. */
    enum vlan_source source;
    char *portgroup;            /* VLAN_FROM_PORTGROUP: its name. */
    bool is_pending;            /* The definition says something else, from the
                                 * next start on; 'note' says what. */
    char *note;                 /* What an operator should know, or NULL. */
};

#define INTENT_INIT { .vlan = VLAN_SPEC_INIT }

char *intent_compute(const struct intent_facts *, struct intent *)
    OVS_WARN_UNUSED_RESULT;
void intent_destroy(struct intent *);

const char *intent_plug_bridge(const struct vnic *, enum metadata_mode);
const struct network *intent_find_network(const struct network_set *,
                                          const struct vnic *);

#endif /* lib/intent.h */
