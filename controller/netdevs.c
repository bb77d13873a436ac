/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */

/* What the host's kernel says of network devices: a second witness beside the
 * switch, which may have looked some time ago. */

#include <config.h>
#include "controller/netdevs.h"

#include <net/if.h>

#include "lib/switch-view.h"

/* Notes for each port of 'view' that the switch has trouble with whether its
 * network device exists. */
void
netdevs_find(struct switch_view *view)
{
    for (size_t i = 0; i < view->n_ports; i++) {
        struct port_view *port = &view->ports[i];
        if (port->error || port->is_detached) {
            port->has_netdev = if_nametoindex(port->name) != 0;
        }
    }
}
