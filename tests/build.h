/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_BUILD_H
#define TESTS_BUILD_H 1

#include <stdbool.h>

#include "lib/network.h"
#include "lib/switch-view.h"
#include "lib/vlan.h"
#include "lib/vnic.h"

/* Short ways to make the facts that pure code decides from. */

#define MAC(LAST) ((struct eth_addr) {                                  \
    .ea = { 0x52, 0x54, 0, 0, 0, (LAST) } })

struct uuid vm(unsigned int number);
struct vlan_spec access_vlan(int tag);
struct vlan_spec trunk_vlan(const char *vids);
struct vlan_spec native_vlan(enum vlan_mode, int tag, const char *vids);

struct domain *add_domain(struct domain_set *, unsigned int number,
                          const char *name);
struct vnic *add_bridge_vnic(struct domain *, unsigned char mac,
                             const char *bridge, const char *target,
                             struct vlan_spec);
struct vnic *add_network_vnic(struct domain *, unsigned char mac,
                              const char *network, const char *portgroup,
                              struct vlan_spec live, struct vlan_spec own);
struct network *add_network(struct network_set *, unsigned int number,
                            const char *name, struct vlan_spec);
struct portgroup *add_portgroup(struct network *, const char *name,
                                struct vlan_spec);
void add_bridge(struct switch_view *, const char *name);
void add_fake_bridge(struct switch_view *, const char *name,
                     const char *parent, int tag);
struct port_view *add_vnic_port(struct switch_view *, unsigned int row,
                                const char *name, const char *bridge,
                                unsigned int vm_number, unsigned char mac,
                                struct vlan_spec columns);

struct port_view *get_port(struct switch_view *, const char *name);
struct port_view *add_port(struct switch_view *, const char *name,
                           const char *bridge, const char *type,
                           struct vlan_spec columns);

#endif /* tests/build.h */
