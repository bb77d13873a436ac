/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */

/* Sorts the ports of a bridge into what its pipeline knows: the bridge's own
 * and all that leads out, vNICs whose intent is known, and guests that are to
 * be kept out.  Pure.
 *
 * The number of a vNIC is that of its port: nobody else on the bridge has it,
 * it stays as long as the port does, and after a restart of the agent it is
 * the same.
 *
 * Whoever is in none of the lists is unknown.  Where nothing is enforced the
 * unknown pass, so that monitoring cuts nobody off. */

#include <config.h>
#include "controller/bridge-facts.h"

#include <stdlib.h>
#include <string.h>

#include "bitmap.h"
#include "controller/reconcile.h"
#include "flows/flood-map.h"
#include "flows/pipeline.h"
#include "hash.h"
#include "lib/cleanup.h"
#include "lib/error.h"
#include "lib/isolation.h"
#include "packets.h"
#include "svec.h"
#include "util.h"
#include "uuid.h"

static ofp_port_t
to_ofport(int64_t number)
{
    return OFP_PORT_C(number);
}

static bool
is_on(const struct port_view *port, const struct desired_bridge *bridge)
{
    return !strcmp(port->bridge, bridge->view->name);
}

/* Ports that are no guest's. */

static void
add_port(const struct port_view *port,
         void (*add)(struct pipeline_bridge *, ofp_port_t),
         struct pipeline_bridge *facts)
{
    if (port->ofport > 0) {
        add(facts, to_ofport(port->ofport));
    }
    for (size_t i = 0; i < port->n_other_ofports; i++) {
        add(facts, to_ofport(port->other_ofports[i]));
    }
}

static void
set_patch_port(const struct port_view *port, struct pipeline_bridge *facts)
{
    if (port->ofport > 0) {
        *(port->patch_side == PATCH_INSIDE ? &facts->inside : &facts->outside)
            = to_ofport(port->ofport);
    }
}

/* The bridge's own port, which has its name, is in every pipeline.  What a
 * mirror sends its copies to is nobody's any more. */
static void
collect_ports(const struct pass *pass, const struct desired_bridge *bridge,
              struct pipeline_bridge *facts)
{
    for (size_t i = 0; i < pass->view.n_ports; i++) {
        const struct port_view *port = &pass->view.ports[i];
        if (!is_on(port, bridge) || !strcmp(port->name, bridge->view->name)) {
            continue;
        }
        if (port->mirror) {
            add_port(port, pipeline_bridge_add_mirror, facts);
            continue;
        }
        switch (switch_view_find_role(&pass->view, port)) {
        case PORT_ROLE_HOST:
        case PORT_ROLE_UPLINK:
            add_port(port, pipeline_bridge_add_infrastructure, facts);
            break;
        case PORT_ROLE_PATCH:
            set_patch_port(port, facts);
            break;
        case PORT_ROLE_VNIC:
        case PORT_ROLE_GUEST:
        case N_PORT_ROLES:
            break;
        }
    }
}

/* Communities. */

/* Numbers the communities in 'names', which is sorted: each gets a number made
 * from its name, or the next that is free. */
static uint16_t *
number_communities(const struct svec *names)
{
    uint16_t *numbers = xcalloc(names->n, sizeof *numbers);
    unsigned long *taken = bitmap_allocate(UINT16_MAX + 1);
    bitmap_set1(taken, 0);
    for (size_t i = 0; i < MIN(names->n, UINT16_MAX); i++) {
        uint16_t number = hash_string(names->names[i], 0);
        while (bitmap_is_set(taken, number)) {
            number++;
        }
        bitmap_set1(taken, number);
        numbers[i] = number;
    }
    bitmap_free(taken);
    return numbers;
}

static void
set_communities(struct pipeline_bridge *facts)
{
    struct svec names = SVEC_EMPTY_INITIALIZER;
    for (size_t i = 0; i < facts->n_vnics; i++) {
        if (facts->vnics[i].policy.community) {
            svec_add(&names, facts->vnics[i].policy.community);
        }
    }
    svec_sort_unique(&names);

    CLEANUP_FREE uint16_t *numbers = number_communities(&names);
    for (size_t i = 0; i < facts->n_vnics; i++) {
        struct pipeline_vnic *vnic = &facts->vnics[i];
        if (vnic->policy.community) {
            vnic->community = numbers[svec_find(&names,
                                                vnic->policy.community)];
        }
    }
    svec_destroy(&names);
}

/* vNICs. */

/* Is 'd' a vNIC of which only the switch tells, since libvirt has told nothing
 * at all yet? */
static bool
is_untold(const struct desired_vnic *d, bool has_met_libvirt)
{
    return d->care == VNIC_UNKNOWN && !has_met_libvirt;
}

/* Is libvirt still to plug a port of the guest of 'd', or the switch to open it?
 * Nobody talks there before: when the last has come all of them get their flows
 * at the same time.  A port that is ready is that of a guest that runs, whatever
 * a hook says. */
static bool
is_being_plugged(const struct desired *desired, const struct desired_vnic *d)
{
    if (d->stage != DOMAIN_PREPARED
        || (port_view_is_marked(d->port) && d->port->ready_ms)) {
        return false;
    }
    for (size_t i = 0; i < desired->n_vnics; i++) {
        const struct desired_vnic *other = &desired->vnics[i];
        if (uuid_equals(&other->vnic.id.domain, &d->vnic.id.domain)
            && other->care == VNIC_MANAGED && !other->is_ours_to_plug
            && !(other->port && other->port->ofport > 0)) {
            return true;
        }
    }
    return false;
}

/* Is it known what is meant for 'd', and time for it?  What the switch has may
 * have to do. */
static bool
is_known(const struct pass *pass, const struct desired_vnic *d,
         const struct desired_bridge *bridge, bool has_met_libvirt)
{
    return !is_being_plugged(&pass->desired, d)
           && (desired_vnic_may_talk(d)
               || (is_untold(d, has_met_libvirt)
                   && bridge->view->settings.trusts_rows));
}

/* May metadata of 'd' that nobody understands be about isolation?  Not if its
 * port was ready without. */
static bool
may_be_isolated(const struct desired_vnic *d)
{
    bool was_open = port_view_is_marked(d->port) && d->port->ready_ms
                    && !d->port->marked_isolation;
    return d->policy_error && d->vnic.metadata && d->vnic.metadata->error
           && !was_open;
}

/* Is 'd', which is not known, kept out by a flow of its own?  One that is being
 * plugged is where the unknown pass; elsewhere that would be one more bundle. */
static bool
is_kept_out(const struct desired_vnic *d, const struct desired_bridge *bridge,
            bool has_met_libvirt, bool is_enforced)
{
    return is_untold(d, has_met_libvirt) || may_be_isolated(d)
           || (is_enforced
               && (d->care == VNIC_QUARANTINED
                   || (d->stage == DOMAIN_PREPARED
                       && bridge->view->settings.passes_unknown_ports)));
}

/* Returns a sentence if no pipeline can give 'd' the VLANs 'vlan', which somebody
 * else has written into its row. */
char *
bridge_facts_check(const struct desired_vnic *d, const struct vlan_spec *vlan)
{
    char *error = vlan_spec_validate(vlan);
    if (error) {
        return error_wrap(error, "flows cannot do what the columns of port %s "
                          "say", d->port->name);
    }
    return (eth_addr_is_zero(d->vnic.id.mac)
            || eth_addr_is_multicast(d->vnic.id.mac)
            ? xasprintf(ETH_ADDR_FMT" is no MAC address of a guest",
                        ETH_ADDR_ARGS(d->vnic.id.mac))
            : NULL);
}

static void
add_vnic(const struct desired_vnic *d, const struct vlan_spec *vlan,
         const struct desired_bridge *bridge, struct pipeline_bridge *facts)
{
    struct pipeline_vnic *vnic = pipeline_bridge_add_vnic(facts);
    vnic->number = d->port->ofport;
    vnic->label = desired_vnic_label(d);
    vnic->ofport = to_ofport(d->port->ofport);
    vnic->mac = d->vnic.id.mac;
    vnic->place = d->place;
    vnic->is_protected = d->port->is_protected;
    vnic->vlan = *vlan;
    policy_clone(&vnic->policy, &d->policy);
    if (d->care == VNIC_UNKNOWN) {
        vnic->policy.guard = bridge->view->settings.guard;
    }
}

static void
collect_vnics(const struct pass *pass, const struct desired_bridge *bridge,
              bool has_met_libvirt, struct pipeline_bridge *facts)
{
    bool is_enforced = isolation_is_enforced(&pass->desired, bridge->view);
    for (size_t i = 0; i < pass->desired.n_vnics; i++) {
        const struct desired_vnic *d = &pass->desired.vnics[i];
        if (!d->port || !is_on(d->port, bridge) || d->port->ofport <= 0
            || d->port->mirror) {
            continue;
        }
        bool is_known_now = is_known(pass, d, bridge, has_met_libvirt);
        struct vlan_spec vlan = port_plan_vlans(&pass->plan, d);
        CLEANUP_FREE char *error = bridge_facts_check(d, &vlan);
        if (is_known_now && !error) {
            add_vnic(d, &vlan, bridge, facts);
        } else if (is_known_now ? is_enforced
                   : is_kept_out(d, bridge, has_met_libvirt, is_enforced)) {
            pipeline_bridge_add_blocked(facts, to_ofport(d->port->ofport));
        }
    }
}

/* Adds to 'facts', which is empty, what 'pass' knows of 'bridge'. */
void
bridge_facts_collect(const struct pass *pass,
                     const struct desired_bridge *bridge,
                     bool has_met_libvirt, struct pipeline_bridge *facts)
{
    const struct settings *settings = &bridge->view->settings;

    facts->name = xstrdup(bridge->view->name);
    facts->passes_unknown_addresses = settings->passes_unknown_addresses;
    facts->passes_unknown_ports
        = settings->passes_unknown_ports
          || !isolation_is_enforced(&pass->desired, bridge->view);
    facts->forwards_bpdus = bridge->view->forwards_bpdus;
    collect_ports(pass, bridge, facts);
    collect_vnics(pass, bridge, has_met_libvirt, facts);
    set_communities(facts);
    pipeline_bridge_sort(facts);
}

/* Floods. */

static bool
is_guests(const struct pass *pass, const struct port_view *port)
{
    enum port_role role = switch_view_find_role(&pass->view, port);
    return role == PORT_ROLE_VNIC || role == PORT_ROLE_GUEST;
}

static bool
is_blocked(const struct pipeline_bridge *facts, ofp_port_t port)
{
    for (size_t i = 0; i < facts->n_blocked; i++) {
        if (facts->blocked[i] == port) {
            return true;
        }
    }
    return false;
}

/* May NORMAL flood to 'port', a guest's?  To vNICs flows do it, and to the
 * output port of a mirror nobody, also once that is gone. */
static bool
is_guest_flooded(const struct port_view *port,
                 const struct pipeline_bridge *facts)
{
    return facts->passes_unknown_ports && !port->mirror
           && !pipeline_bridge_find_vnic(facts, port->ofport)
           && !is_blocked(facts, to_ofport(port->ofport));
}

/* Must NORMAL not flood to 'port', on a bridge whose pipeline is made from
 * 'facts', NULL: it has none? */
static bool
is_kept_from_floods(const struct pass *pass, const struct port_view *port,
                    const struct pipeline_bridge *facts)
{
    return facts && (port->patch_side == PATCH_INSIDE
                     || (is_guests(pass, port)
                         && !is_guest_flooded(port, facts)));
}

/* Adds to 'floods' whether NORMAL may flood to the ports of 'bridge', whose
 * pipeline is made from 'facts', NULL: it has none.  A port in 'before' that
 * it need not be kept from any more is flooded to again; any other is as
 * somebody else wants it. */
void
bridge_facts_find_floods(const struct pass *pass,
                         const struct desired_bridge *bridge,
                         const struct pipeline_bridge *facts,
                         const struct flood_map *before,
                         struct flood_map *floods)
{
    for (size_t i = 0; i < pass->view.n_ports; i++) {
        const struct port_view *port = &pass->view.ports[i];
        if (!is_on(port, bridge) || port->ofport <= 0) {
            continue;
        }
        ofp_port_t number = to_ofport(port->ofport);
        if (is_kept_from_floods(pass, port, facts)) {
            flood_map_put(floods, number, false);
        } else if (flood_map_contains(before, number)) {
            flood_map_put(floods, number, true);
        }
    }
}

/* Was NORMAL kept from flooding to 'port' by an earlier run of the agent,
 * whose flows drop what comes from unknown ports if 'dropped_unknown'? */
static bool
was_kept_from_floods(const struct pass *pass, const struct port_view *port,
                     bool dropped_unknown)
{
    return port->patch_side == PATCH_INSIDE
           || switch_view_find_role(&pass->view, port) == PORT_ROLE_VNIC
           || (dropped_unknown && is_guests(pass, port));
}

/* Adds to 'floods' the ports of 'bridge' that an earlier run of the agent kept
 * NORMAL from flooding to: nobody noted which, but its flows tell whether they
 * drop what comes from unknown ports, 'dropped_unknown'. */
void
bridge_facts_adopt_floods(const struct pass *pass,
                          const struct desired_bridge *bridge,
                          bool dropped_unknown, struct flood_map *floods)
{
    for (size_t i = 0; i < pass->view.n_ports; i++) {
        const struct port_view *port = &pass->view.ports[i];
        if (is_on(port, bridge) && port->ofport > 0
            && was_kept_from_floods(pass, port, dropped_unknown)) {
            flood_map_put(floods, to_ofport(port->ofport), false);
        }
    }
}
