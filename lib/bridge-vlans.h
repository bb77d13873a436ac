/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef LIB_BRIDGE_VLANS_H
#define LIB_BRIDGE_VLANS_H 1

#include <stdbool.h>

#include "lib/vlan.h"

struct switch_view;

/* The VLANs of one bridge, as its ports have them. */
struct bridge_vlans {
    struct vlan_set used;       /* That some vNIC is on by name. */
    struct vlan_set carried;    /* That some uplink carries. */
    bool has_uplinks;
};

void bridge_vlans_compute(const struct switch_view *, const char *bridge,
                          struct bridge_vlans *);
struct vlan_set bridge_vlans_stranded(const struct bridge_vlans *);

#endif /* lib/bridge-vlans.h */
