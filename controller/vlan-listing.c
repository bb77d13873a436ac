/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */

/* The listing 'vlan/show': who is on which VLAN of which bridge.  As the
 * switch has it, whatever is meant.  Pure. */

#include <config.h>
#include "controller/vlan-listing.h"

#include <stdlib.h>
#include <string.h>

#include "controller/reconcile.h"
#include "lib/bridge-vlans.h"
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
    { "carried", "CARRIED" },
};

/* More rows than this are no listing, and would keep the agent from its
 * work. */
enum { MAX_VLAN_ROWS = 20000 };

/* A port of the bridge, with what each of its rows needs. */
struct member {
    const struct port_view *port;
    const char *domain;         /* Borrowed; NULL if none is known. */
    enum port_role role;
    struct vlan_spec spec;
    struct vlan_set named;      /* VLANs that it is on by name. */
    struct vlan_set vlans;      /* All VLANs that it is on. */
    bool is_open;
};

struct members {
    struct member *array;       /* By role, then by name. */
    size_t n;
};

static const char *
find_domain(const struct pass *pass, const struct port_view *port)
{
    for (size_t i = 0; i < pass->desired.n_vnics; i++) {
        if (pass->desired.vnics[i].port == port) {
            return pass->desired.vnics[i].domain;
        }
    }
    return NULL;
}

static struct member
make_member(const struct pass *pass, const struct port_view *port)
{
    struct member member = {
        .port = port,
        .domain = find_domain(pass, port),
        .role = switch_view_find_role(&pass->view, port),
        .spec = vlan_columns_to_spec(&port->columns),
        .is_open = port_view_is_alive(port),
    };
    vlan_spec_named(&member.spec, &member.named);
    vlan_spec_members(&member.spec, &member.vlans);
    return member;
}

static int
compare_members(const void *a_, const void *b_)
{
    const struct member *a = a_;
    const struct member *b = b_;
    return (a->role != b->role ? (a->role > b->role ? 1 : -1)
                               : strcmp(a->port->name, b->port->name));
}

/* Stores in 'members' the ports of 'bridge'; the caller frees the array. */
static void
collect_members(const struct pass *pass, const char *bridge,
                struct members *members)
{
    members->array = xmalloc((pass->view.n_ports + 1)
                             * sizeof *members->array);
    members->n = 0;
    for (size_t i = 0; i < pass->view.n_ports; i++) {
        const struct port_view *port = &pass->view.ports[i];
        if (!strcmp(port->bridge, bridge)
            && port->patch_side == PATCH_NEITHER) {
            members->array[members->n++] = make_member(pass, port);
        }
    }
    qsort(members->array, members->n, sizeof *members->array,
          compare_members);
}

/* 'vid' is -1 for a port that is on all VLANs. */
static void
put_member(struct report *report, const struct member *member, int vid)
{
    bool is_on_vlan = vid < 0 || vlan_set_contains(&member->vlans, vid);

    report_put_string(report, member->port->bridge);
    report_put_vid(report, vid);
    if (vid >= 0) {
        report_put_integer(report, vid);
    } else {
        report_put_string(report, "all");
    }
    report_put_string(report, member->port->name);
    report_put_string(report, member->domain);
    report_put_string(report, port_role_to_string(member->role));
    report_put_string(report, vlan_mode_to_string(member->spec.mode));
    if (is_on_vlan) {
        report_put_boolean(report, vlan_spec_tags(&member->spec, vid));
    } else {
        report_put_null(report);
    }
    report_put_boolean(report, is_on_vlan && member->is_open);
}

/* The ports that are on VLAN 'vid' by name, and every uplink, whether it
 * carries it or not. */
static void
put_vlan(struct report *report, const struct members *members, int vid)
{
    for (size_t i = 0; i < members->n; i++) {
        const struct member *member = &members->array[i];
        if (member->role == PORT_ROLE_UPLINK
            || vlan_set_contains(&member->named, vid)) {
            put_member(report, member, vid);
        }
    }
}

static void
put_members_of_all(struct report *report, const struct members *members)
{
    for (size_t i = 0; i < members->n; i++) {
        const struct member *member = &members->array[i];
        if (vlan_spec_is_on_all(&member->spec)) {
            put_member(report, member, -1);
        }
    }
}

/* Returns false if there is too much to list. */
static bool
put_vlans(struct report *report, const struct vlan_set *vlans,
          const struct members *members)
{
    VLAN_SET_FOR_EACH (vid, vlans) {
        put_vlan(report, members, vid);
        if (report->n_cells / report->n_columns > MAX_VLAN_ROWS) {
            return false;
        }
    }
    put_members_of_all(report, members);
    return true;
}

static char *
put_bridge(struct report *report, const struct pass *pass, const char *bridge)
{
    struct bridge_vlans vlans;
    struct members members;

    bridge_vlans_compute(&pass->view, bridge, &vlans);
    collect_members(pass, bridge, &members);
    bool is_listed = put_vlans(report, &vlans.used, &members);
    free(members.array);
    return is_listed
           ? NULL
           : xasprintf("bridge %s has more than %d members of VLANs; "
                       "'vnic/list' shows the VLANs of each vNIC", bridge,
                       MAX_VLAN_ROWS);
}

/* For each VLAN that vNICs use, its ports and the uplinks, of 'bridge' if it
 * is not NULL; then the ports that are on all VLANs.  Returns a sentence if
 * there are too many. */
char *
vlan_listing_fill(const struct pass *pass, const char *bridge,
                  struct report *report)
{
    char *error = NULL;

    report_init(report, vlan_columns, ARRAY_SIZE(vlan_columns));
    for (size_t i = 0; i < pass->view.n_bridges && !error; i++) {
        const struct bridge_view *b = &pass->view.bridges[i];
        if (!b->parent && (!bridge || !strcmp(b->name, bridge))) {
            error = put_bridge(report, pass, b->name);
        }
    }
    return error;
}
