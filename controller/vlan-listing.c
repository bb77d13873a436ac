/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */

/* The listing 'vlan/show': who is on which VLAN of which bridge.  As the
 * switch has it, whatever is meant.  Pure. */

#include <config.h>
#include "controller/vlan-listing.h"

#include <stdlib.h>
#include <string.h>

#include "controller/reconcile.h"
#include "lib/cleanup.h"
#include "lib/report.h"
#include "util.h"

static const struct report_column vlan_columns[] = {
    { "bridge", "BRIDGE" },
    { "vlan", NULL },
    { NULL, "VLAN" },
    { "port", "PORT" },
    { "domain", "DOMAIN" },
    { "role", "ROLE" },
    { "vlan_mode", "MODE" },
    { "tagged", "TAGGED" },
};

/* More rows than this are no listing, and would keep the agent from its work. */
enum { MAX_VLAN_ROWS = 20000 };

/* Is a port with 'spec' on every VLAN, because it has no list? */
static bool
is_on_all_vlans(const struct vlan_spec *spec)
{
    return spec->mode != VLAN_ACCESS && spec->mode != VLAN_DOT1Q_TUNNEL
           && vlan_set_is_empty(&spec->trunks);
}

/* Returns the VLANs of 'bridge' that some vNIC is on by name. */
static struct vlan_set
vlans_in_use(const struct switch_view *view, const char *bridge)
{
    struct vlan_set in_use = { { 0 } };
    for (size_t i = 0; i < view->n_ports; i++) {
        const struct port_view *port = &view->ports[i];
        struct vlan_spec spec = vlan_columns_to_spec(&port->columns);
        if (port->is_vnic && !strcmp(port->bridge, bridge)
            && !is_on_all_vlans(&spec)) {
            struct vlan_set members;
            vlan_spec_members(&spec, &members);
            bitmap_or(in_use.bits, members.bits, VLAN_SET_BITS);
        }
    }
    return in_use;
}

/* Does a frame of VLAN 'vid' bear its tag outside a port with 'spec'? */
static bool
is_tagged(const struct vlan_spec *spec, int vid)
{
    switch (spec->mode) {
    case VLAN_ACCESS:
    case VLAN_DOT1Q_TUNNEL:
        return false;
    case VLAN_NATIVE_UNTAGGED:
        return vid != spec->tag;
    case VLAN_NONE:
    case VLAN_TRUNK:
    case VLAN_NATIVE_TAGGED:
        break;
    }
    return true;
}

static const char *
domain_of(const struct pass *pass, const struct port_view *port)
{
    for (size_t i = 0; i < pass->desired.n_vnics; i++) {
        if (pass->desired.vnics[i].port == port) {
            return pass->desired.vnics[i].domain;
        }
    }
    return NULL;
}

static int
compare_port_names(const void *a_, const void *b_)
{
    const struct port_view *a = *(const struct port_view *const *) a_;
    const struct port_view *b = *(const struct port_view *const *) b_;
    return a->is_vnic != b->is_vnic ? (a->is_vnic ? -1 : 1)
                                    : strcmp(a->name, b->name);
}

/* Returns the ports of 'view', those of vNICs first, each by name, in a
 * malloc'd array. */
static const struct port_view **
sort_ports(const struct switch_view *view)
{
    const struct port_view **ports
        = xmalloc((view->n_ports + 1) * sizeof *ports);
    for (size_t i = 0; i < view->n_ports; i++) {
        ports[i] = &view->ports[i];
    }
    ports[view->n_ports] = NULL;
    qsort(ports, view->n_ports, sizeof *ports, compare_port_names);
    return ports;
}

/* 'vid' is -1 for a port that is on all VLANs. */
static void
put_member(struct report *report, const struct pass *pass,
           const struct port_view *port, const struct vlan_spec *spec, int vid)
{
    report_put_string(report, port->bridge);
    report_put_vid(report, vid);
    if (vid >= 0) {
        report_put_integer(report, vid);
    } else {
        report_put_string(report, "all");
    }
    report_put_string(report, port->name);
    report_put_string(report, domain_of(pass, port));
    report_put_string(report,
                      port_role_to_string(switch_view_find_role(&pass->view,
                                                                port)));
    report_put_string(report, vlan_mode_to_string(spec->mode));
    report_put_boolean(report, is_tagged(spec, vid));
}

/* The members of VLAN 'vid' of 'bridge' or, if it is -1, those that are on all
 * of them. */
static void
put_vlan(struct report *report, const struct pass *pass,
         const struct port_view **ports, const char *bridge, int vid)
{
    for (size_t i = 0; ports[i]; i++) {
        struct vlan_spec spec = vlan_columns_to_spec(&ports[i]->columns);
        if (strcmp(ports[i]->bridge, bridge)
            || is_on_all_vlans(&spec) != (vid < 0)) {
            continue;
        }
        struct vlan_set members;
        vlan_spec_members(&spec, &members);
        if (vid < 0 || vlan_set_contains(&members, vid)) {
            put_member(report, pass, ports[i], &spec, vid);
        }
    }
}

static bool
put_bridge_vlans(struct report *report, const struct pass *pass,
                 const struct port_view **ports, const char *bridge)
{
    struct vlan_set in_use = vlans_in_use(&pass->view, bridge);
    VLAN_SET_FOR_EACH (vid, &in_use) {
        put_vlan(report, pass, ports, bridge, vid);
        if (report->n_cells / report->n_columns > MAX_VLAN_ROWS) {
            return false;
        }
    }
    put_vlan(report, pass, ports, bridge, -1);
    return true;
}

/* For each VLAN that vNICs use, the ports that carry it, of 'bridge' if it is
 * not NULL; then the ports that are on all VLANs.  As the switch has it,
 * whatever is meant.  Returns a sentence if there are too many. */
char *
vlan_listing_fill(const struct pass *pass, const char *bridge,
              struct report *report)
{
    CLEANUP_FREE const struct port_view **ports = sort_ports(&pass->view);

    report_init(report, vlan_columns, ARRAY_SIZE(vlan_columns));
    for (size_t i = 0; i < pass->view.n_bridges; i++) {
        const struct bridge_view *b = &pass->view.bridges[i];
        if (!b->parent && (!bridge || !strcmp(b->name, bridge))
            && !put_bridge_vlans(report, pass, ports, b->name)) {
            return xasprintf("bridge %s has more than %d members of VLANs; "
                             "'vnic/list' shows the VLANs of each vNIC",
                             b->name, MAX_VLAN_ROWS);
        }
    }
    return NULL;
}
