/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "tests/build.h"

#include <stdlib.h>

#include "tests/unit.h"
#include "util.h"
#include "uuid.h"

struct uuid
vm(unsigned int number)
{
    return (struct uuid) { .parts = { 0x11111111, 0, 0, number } };
}

struct vlan_spec
access_vlan(int tag)
{
    struct vlan_spec spec = VLAN_SPEC_INIT;
    spec.mode = VLAN_ACCESS;
    spec.tag = tag;
    return spec;
}

static void
add_vids(struct vlan_set *set, const char *vids)
{
    while (*vids) {
        char *end;
        vlan_set_add(set, strtol(vids, &end, 10));
        vids = *end ? end + 1 : end;
    }
}

struct vlan_spec
trunk_vlan(const char *vids)
{
    struct vlan_spec spec = VLAN_SPEC_INIT;
    spec.mode = VLAN_TRUNK;
    add_vids(&spec.trunks, vids);
    return spec;
}

struct vlan_spec
native_vlan(enum vlan_mode mode, int tag, const char *vids)
{
    struct vlan_spec spec = VLAN_SPEC_INIT;
    spec.mode = mode;
    spec.tag = tag;
    add_vids(&spec.trunks, vids);
    return spec;
}

struct domain *
add_domain(struct domain_set *set, unsigned int number, const char *name)
{
    struct domain *domain = domain_create();
    domain->uuid = vm(number);
    domain->name = xstrdup(name);
    domain->is_active = true;
    (void) domain_set_replace(set, domain);
    return domain;
}

struct vnic *
add_bridge_vnic(struct domain *domain, unsigned char mac, const char *bridge,
                const char *target, struct vlan_spec vlan)
{
    struct vnic vnic;
    vnic_init(&vnic);
    vnic.id.mac = MAC(mac);
    vnic.type = VNIC_BRIDGE;
    vnic.has_ovs_virtualport = true;
    vnic.bridge = xstrdup(bridge);
    vnic.target = nullable_xstrdup(target);
    vnic.vlan = vlan;
    return domain_add_vnic(domain, &vnic);
}

/* A vNIC of a running guest, which libvirt has merged: 'live' are its VLANs
 * since the start, 'own' what the definition of the interface says. */
struct vnic *
add_network_vnic(struct domain *domain, unsigned char mac,
                 const char *network, const char *portgroup,
                 struct vlan_spec live, struct vlan_spec own)
{
    struct vnic *vnic = add_bridge_vnic(domain, mac, "br0", NULL, own);
    vnic->network = xstrdup(network);
    vnic->portgroup = nullable_xstrdup(portgroup);
    vnic_set_config(vnic, vnic);
    vnic->vlan = live;
    return vnic;
}

/* A network on bridge br0. */
struct network *
add_network(struct network_set *set, unsigned int number, const char *name,
            struct vlan_spec vlan)
{
    struct network *network = network_create();
    network->uuid = vm(number);
    network->name = xstrdup(name);
    network->bridge = xstrdup("br0");
    network->has_ovs_virtualport = true;
    network->vlan = vlan;
    (void) network_set_replace(set, network);
    return network;
}

struct portgroup *
add_portgroup(struct network *network, const char *name,
              struct vlan_spec vlan)
{
    struct portgroup *portgroup = network_add_portgroup(network);
    portgroup->name = xstrdup(name);
    portgroup->vlan = vlan;
    return portgroup;
}

void
add_bridge(struct switch_view *view, const char *name)
{
    switch_view_add_bridge(view)->name = xstrdup(name);
}

void
add_fake_bridge(struct switch_view *view, const char *name,
                const char *parent, int tag)
{
    struct bridge_view *bridge = switch_view_add_bridge(view);
    bridge->name = xstrdup(name);
    bridge->parent = xstrdup(parent);
    bridge->tag = tag;
}

/* Port 'row' of a vNIC, open and without any mark of ours. */
struct port_view *
add_vnic_port(struct switch_view *view, unsigned int row, const char *name,
              const char *bridge, unsigned int vm_number, unsigned char mac,
              struct vlan_spec columns)
{
    struct port_view *port = switch_view_add_port(view);
    port->row = (struct uuid) { .parts = { 0x22222222, 0, 0, row } };
    port->interface_row = (struct uuid) { .parts = { 0x33333333, 0, 0, row } };
    port->name = xstrdup(name);
    port->bridge = xstrdup(bridge);
    port->columns = columns;
    port->ofport = row;
    port->is_vnic = true;
    port->vm_id = vm(vm_number);
    port->mac = MAC(mac);
    return port;
}

/* A port that is no vNIC's, open. */
struct port_view *
add_port(struct switch_view *view, const char *name, const char *bridge,
         const char *type, struct vlan_spec columns)
{
    struct port_view *port = switch_view_add_port(view);
    port->name = xstrdup(name);
    port->bridge = xstrdup(bridge);
    port->type = xstrdup(type);
    port->columns = columns;
    port->ofport = 1;
    return port;
}

/* Returns the port called 'name', which must be there, to change it. */
struct port_view *
get_port(struct switch_view *view, const char *name)
{
    const struct port_view *found = switch_view_find_port(view, name);
    assert_non_null(found);
    return &view->ports[found - view->ports];
}
