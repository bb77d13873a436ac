/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */

/* Which VLANs of a bridge are in use, and which of them lead out of it:
 * whether the frames of a guest can leave the host is decided on two ports,
 * its own and an uplink.  As the switch has them, whatever is meant.  Pure. */

#include <config.h>
#include "lib/bridge-vlans.h"

#include <string.h>

#include "lib/switch-view.h"

/* An uplink that is not open carries nothing. */
static void
add_port(const struct switch_view *view, const struct port_view *port,
         struct bridge_vlans *vlans)
{
    struct vlan_spec spec = vlan_columns_to_spec(&port->columns);
    enum port_role role = switch_view_find_role(view, port);
    struct vlan_set set;

    if (role == PORT_ROLE_VNIC) {
        vlan_spec_named(&spec, &set);
        vlan_set_merge(&vlans->used, &set);
    } else if (role == PORT_ROLE_UPLINK) {
        vlans->has_uplinks = true;
        if (port_view_is_alive(port)) {
            vlan_spec_members(&spec, &set);
            vlan_set_merge(&vlans->carried, &set);
        }
    }
}

/* Stores in 'vlans', whose content is overwritten unread, what the ports of
 * the real bridge 'bridge' make of it. */
void
bridge_vlans_compute(const struct switch_view *view, const char *bridge,
                     struct bridge_vlans *vlans)
{
    *vlans = (struct bridge_vlans) { .has_uplinks = false };
    for (size_t i = 0; i < view->n_ports; i++) {
        if (!strcmp(view->ports[i].bridge, bridge)) {
            add_port(view, &view->ports[i], vlans);
        }
    }
}

/* Returns the VLANs in use that no uplink carries.  A bridge without uplinks
 * is private by design: none of its VLANs is stranded. */
struct vlan_set
bridge_vlans_stranded(const struct bridge_vlans *vlans)
{
    struct vlan_set stranded = { { 0 } };
    if (vlans->has_uplinks) {
        stranded = vlans->used;
        vlan_set_subtract(&stranded, &vlans->carried);
    }
    return stranded;
}
