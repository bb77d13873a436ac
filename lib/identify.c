/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */

/* Whose is a port that has lost the keys by which it is known?
 *
 * Somebody cleared them, or made the port anew without them.  Taken for a way
 * out of the bridge it would lead past all isolation.  But libvirt names the
 * network device of a running guest, and no other device of the host has that
 * name.  Keys that name a vNIC, whichever, are believed: they are newer than
 * what libvirt has told.  Pure. */

#include <config.h>
#include "lib/identify.h"

#include "lib/desired.h"
#include "lib/switch-view.h"
#include "lib/vnic.h"
#include "packets.h"
#include "util.h"
#include "uuid.h"

/* Does libvirt tell of 'domain' as of one that runs, with the names of its
 * ports?  While a guest is being started they may be anybody's. */
static bool
is_running(const struct domain *domain)
{
    return domain->is_active && domain->stage != DOMAIN_PREPARED
           && domain->stage != DOMAIN_STARTING;
}

static const struct vnic *
find_vnic_of_domain(const struct domain *domain, const char *port)
{
    for (size_t i = 0; i < domain->n_vnics; i++) {
        const struct vnic *vnic = &domain->vnics[i];
        if (vnic_is_plugged_by_libvirt(vnic)
            && nullable_string_is_equal(vnic_port_name(vnic), port)) {
            return vnic;
        }
    }
    return NULL;
}

/* Returns the vNIC of a running guest whose port is called 'port', or NULL. */
static const struct vnic *
find_vnic(const struct domain_source *sources, size_t n_sources,
          const char *port)
{
    for (size_t i = 0; i < n_sources; i++) {
        const struct domain *domain;
        HMAP_FOR_EACH (domain, node, &sources[i].domains->domains) {
            const struct vnic *vnic = is_running(domain)
                                      ? find_vnic_of_domain(domain, port)
                                      : NULL;
            if (vnic) {
                return vnic;
            }
        }
    }
    return NULL;
}

/* Gives 'port', which has no keys, the identity 'id'; NULL: none. */
static void
set_identity(struct port_view *port, const struct vnic_id *id)
{
    port->lacks_keys = port->is_vnic = id != NULL;
    port->vm_id = id ? id->domain : UUID_ZERO;
    port->mac = id ? id->mac : eth_addr_zero;
}

/* Gives the ports of 'view' that have no keys the identities that 'sources' tell,
 * and takes away those that they do not tell any more. */
void
identify_ports(const struct domain_source *sources, size_t n_sources,
               struct switch_view *view)
{
    bool is_sorted = true;
    for (size_t i = 0; i < view->n_ports; i++) {
        struct port_view *port = &view->ports[i];
        if ((port->is_vnic && !port->lacks_keys)
            || port->patch_side != PATCH_NEITHER
            || !port_view_is_netdev(port)) {
            continue;
        }
        const struct vnic *vnic = find_vnic(sources, n_sources, port->name);
        is_sorted = is_sorted && !vnic && !port->lacks_keys;
        set_identity(port, vnic ? &vnic->id : NULL);
    }
    if (!is_sorted) {
        switch_view_sort(view);
    }
}
