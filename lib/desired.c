/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */

/* Decides what is meant: joins what libvirt says with the ports that the
 * switch has, and gives each vNIC its VLANs, or the reason why it has none.
 * Knows nothing of how a port comes to be right; that is ovsdb/port-plan.c.
 * Pure.
 *
 * Bad input costs its own vNIC only: it is quarantined, with a sentence. */

#include <config.h>
#include "lib/desired.h"

#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/error.h"
#include "lib/memory.h"
#include "lib/network.h"
#include "lib/switch-view.h"
#include "lib/text.h"
#include "packets.h"
#include "util.h"
#include "uuid.h"

/* True if the vNIC is to have a port with the VLANs that 'd' says. */
bool
desired_vnic_is_meant(const struct desired_vnic *d)
{
    return d->care == VNIC_MANAGED
           || (d->care == VNIC_QUARANTINED
               && d->source == VLAN_FROM_LAST_GOOD);
}

/* True if the VLAN columns of the vNIC's port are ours to write. */
bool
desired_vnic_is_written(const struct desired_vnic *d)
{
    return d->port && desired_vnic_is_meant(d);
}

/* Returns the VLANs that 'd' is, or will be, on: those that are meant or, where
 * nobody meant any, those that the switch makes of its port's columns. */
struct vlan_spec
desired_vnic_vlans(const struct desired_vnic *d)
{
    return d->vlan.mode == VLAN_NONE && d->port
           ? vlan_columns_to_spec(&d->port->columns)
           : d->vlan;
}

/* Returns "web1/52:54:00:00:00:01", by which logs and lists name the vNIC, as
 * a malloc'd string. */
char *
desired_vnic_label(const struct desired_vnic *d)
{
    CLEANUP_FREE char *domain = d->domain ? text_printable(d->domain) : NULL;
    return domain
           ? xasprintf("%s/"ETH_ADDR_FMT, domain,
                       ETH_ADDR_ARGS(d->vnic.id.mac))
           : xasprintf(UUID_FMT"/"ETH_ADDR_FMT,
                       UUID_ARGS(&d->vnic.id.domain),
                       ETH_ADDR_ARGS(d->vnic.id.mac));
}

/* Collecting: which vNICs are there? */

/* 'port' may be NULL. */
static struct desired_vnic *
add_vnic(struct desired *desired, const struct vnic *vnic,
         const struct port_view *port)
{
    if (desired->n_vnics >= desired->allocated_vnics) {
        desired->vnics = x2nrealloc(desired->vnics, &desired->allocated_vnics,
                                    sizeof *desired->vnics);
    }
    struct desired_vnic *d = &desired->vnics[desired->n_vnics++];
    *d = (struct desired_vnic) {
        .care = VNIC_MANAGED,
        .port = port,
        .bridge = port ? xstrdup(port->bridge) : NULL,
        .vlan = VLAN_SPEC_INIT,
        .settings = SETTINGS_DEFAULT,
    };
    vnic_clone(&d->vnic, vnic);
    return d;
}

static bool
may_have_port(const struct vnic *vnic)
{
    return vnic->type == VNIC_BRIDGE || vnic->type == VNIC_NETWORK;
}

/* Can the port of 'vnic' be told without its name?  Not if another interface of
 * the domain that may have one has the same MAC.  A device of the host that
 * stands in for 'vnic' (<teaming>) has its MAC, but no port. */
static bool
is_found_by_mac(const struct domain *domain, const struct vnic *vnic)
{
    if (!may_have_port(vnic)) {
        return false;
    }
    for (size_t i = 0; i < domain->n_vnics; i++) {
        const struct vnic *other = &domain->vnics[i];
        if (other != vnic && may_have_port(other)
            && eth_addr_equals(other->id.mac, vnic->id.mac)) {
            return false;
        }
    }
    return true;
}

/* Returns the port of 'vnic', NULL if it has none or nobody can tell which it
 * is.  A domain that libvirt calls inactive has none, except one that is just
 * being plugged: libvirt adds the port before it tells anybody that the domain
 * starts, and before the XML has the port's name. */
static const struct port_view *
find_port(const struct facts *facts, const struct domain *domain,
          const struct vnic *vnic)
{
    if (!vnic->target && !is_found_by_mac(domain, vnic)) {
        return NULL;
    }
    const struct port_view *port
        = switch_view_find_vnic(facts->view, &domain->uuid, vnic->id.mac,
                                vnic->target);
    return port && (domain->is_active || port_view_is_alive(port))
           ? port : NULL;
}

static void
collect_domain(const struct facts *facts, const struct domain_source *source,
               const struct domain *domain, struct desired *desired)
{
    for (size_t i = 0; i < domain->n_vnics; i++) {
        const struct vnic *vnic = &domain->vnics[i];
        const struct port_view *port = find_port(facts, domain, vnic);
        if (!port && !domain->is_active) {
            continue;
        }

        struct desired_vnic *d = add_vnic(desired, vnic, port);
        d->domain = xstrdup(domain->name);
        d->read_ms = domain->read_ms;
        d->can_be_asked = source->is_complete;
        d->networks = source->networks;
        if (!domain->is_active && vnic->type == VNIC_NETWORK
            && vnic->vlan.mode == VLAN_NONE
            && !intent_find_network(source->networks, vnic)) {
            d->care = VNIC_UNKNOWN;
            d->reason = xasprintf("domain %s is starting, its network's VLAN "
                                  "is not known yet", domain->name);
        }
    }
}

/* Returns the domain 'uuid', by the first connection that has it: two of them
 * may lead to one libvirt. */
static const struct domain *
find_domain(const struct facts *facts, const struct uuid *uuid)
{
    for (size_t i = 0; i < facts->n_sources; i++) {
        const struct domain *domain
            = domain_set_find(facts->sources[i].domains, uuid);
        if (domain) {
            return domain;
        }
    }
    return NULL;
}

/* False while some connection may yet tell of domains that we do not know. */
static bool
is_complete(const struct facts *facts)
{
    for (size_t i = 0; i < facts->n_sources; i++) {
        if (!facts->sources[i].is_complete) {
            return false;
        }
    }
    return true;
}

/* Why a port that says it belongs to a vNIC of 'domain' has no such vNIC. */
static char *
explain_stray(const struct facts *facts, const struct domain *domain)
{
    if (!domain) {
        return is_complete(facts)
               ? xstrdup("no domain with this vm-id is known to libvirt")
               : xstrdup("libvirt has not told us about this domain");
    }
    return domain->is_active
           ? xasprintf("domain %s has no interface with this MAC",
                       domain->name)
           : xasprintf("domain %s is not running", domain->name);
}

/* Adds the vNIC of which only 'port' tells. */
static void
collect_stray(const struct facts *facts, const struct port_view *port,
              struct desired *desired)
{
    struct vnic vnic;
    vnic_init(&vnic);
    vnic.id = (struct vnic_id) { .domain = port->vm_id, .mac = port->mac };
    vnic.target = port->name;
    struct desired_vnic *d = add_vnic(desired, &vnic, port);
    d->is_stray = true;

    const struct domain *domain = find_domain(facts, &port->vm_id);
    if (domain) {
        d->domain = xstrdup(domain->name);
        d->read_ms = domain->read_ms;
    }
    if (domain && domain->error) {
        d->care = VNIC_MANAGED;     /* Quarantined below, for its error. */
        d->vnic.error = xstrdup(domain->error);
    } else {
        d->care = is_complete(facts) ? VNIC_UNMANAGED : VNIC_UNKNOWN;
        d->reason = explain_stray(facts, domain);
    }
}

static int
compare_ports_of(const void *a_, const void *b_)
{
    const struct desired_vnic *a = a_;
    const struct desired_vnic *b = b_;
    uintptr_t a_port = (uintptr_t) a->port, b_port = (uintptr_t) b->port;
    return (a_port > b_port) - (a_port < b_port);
}

/* Adds a vNIC for each port that says it has one and that no domain claims. */
static void
collect_strays(const struct facts *facts, struct desired *desired)
{
    size_t n = desired->n_vnics;
    if (n) {
        qsort(desired->vnics, n, sizeof *desired->vnics, compare_ports_of);
    }

    for (size_t i = 0; i < facts->view->n_ports; i++) {
        const struct port_view *port = &facts->view->ports[i];
        struct desired_vnic key = { .port = port };
        if (port->is_vnic
            && !(n && bsearch(&key, desired->vnics, n, sizeof key,
                              compare_ports_of))) {
            collect_stray(facts, port, desired);
        }
    }
}

/* Judging: one vNIC at a time. */

static void
quarantine(struct desired_vnic *d, const struct memory *memory, char *reason)
{
    const struct vlan_spec *last_good = memory_find_vlan(memory, &d->vnic.id);

    d->care = VNIC_QUARANTINED;
    d->is_pending = false;
    free(d->reason);
    d->reason = error_wrap(reason, "domain %s, interface "ETH_ADDR_FMT,
                           d->domain, ETH_ADDR_ARGS(d->vnic.id.mac));
    d->vlan = (struct vlan_spec) VLAN_SPEC_INIT;
    d->source = VLAN_FROM_NOBODY;
    if (last_good) {
        d->vlan = *last_good;
        d->source = VLAN_FROM_LAST_GOOD;
    }
}

/* The interface itself may say so or, as long as libvirt has not merged them,
 * its port group or its network. */
static bool
is_on_open_vswitch(const struct desired_vnic *d)
{
    const struct vnic *vnic = &d->vnic;
    if (!may_have_port(vnic)) {
        return false;
    }
    if (vnic->has_ovs_virtualport) {
        return true;
    }

    const struct network *network = intent_find_network(d->networks, vnic);
    const struct portgroup *portgroup
        = network ? network_find_portgroup(network, vnic->portgroup) : NULL;
    return (network && network->has_ovs_virtualport)
           || (portgroup && portgroup->has_ovs_virtualport);
}

/* What 'vnic' is attached to in the place of Open vSwitch, as a malloc'd
 * string: ", bridge virbr0", ", vepa on eth0", ", device 0000:06:10.1". */
static char *
describe_source(const struct vnic *vnic)
{
    if (vnic->bridge) {
        return xasprintf(", bridge %s", vnic->bridge);
    }
    if (vnic->source_device && vnic->macvtap_mode) {
        return xasprintf(", %s on %s", vnic->macvtap_mode,
                         vnic->source_device);
    }
    return vnic->source_device
           ? xasprintf(", device %s", vnic->source_device) : xstrdup("");
}

/* An interface that Open vSwitch has nothing to do with is listed only, with
 * the VLANs that its XML says: libvirt gives them to the device. */
static bool
judge_type(struct desired_vnic *d)
{
    if (d->port || is_on_open_vswitch(d)) {
        return true;
    }

    const struct vnic *vnic = &d->vnic;
    CLEANUP_FREE char *attached = describe_source(vnic);
    d->care = VNIC_UNMANAGED;
    d->reason = xasprintf("interface of type %s%s, not on Open vSwitch%s",
                          vnic_type_to_string(vnic->type), attached,
                          vnic->metadata ? "; metadata is not followed" : "");
    d->vlan = vnic->vlan;
    if (vnic->vlan.mode != VLAN_NONE) {
        d->source = vnic_is_merged(vnic) ? VLAN_FROM_LIVE
                                         : VLAN_FROM_INTERFACE;
    }
    return false;
}

/* Returns the bridge that the XML of 'd' names, or that of its network, where
 * libvirt has not put that into the XML yet. */
static const char *
bridge_name(const struct desired_vnic *d)
{
    const struct network *network = intent_find_network(d->networks, &d->vnic);
    return d->vnic.bridge ? d->vnic.bridge : network ? network->bridge : NULL;
}

/* Finds the real bridge of 'd': the one where its port is, or the parent of
 * 'bridge', if that is a fake one, or 'bridge', which may be NULL.  Returns a
 * sentence if the XML names one that is not there. */
static char *
judge_bridge(const struct bridge_view *bridge, struct desired_vnic *d)
{
    const char *real = (!bridge ? NULL
                        : bridge->parent ? bridge->parent : bridge->name);
    const char *name = bridge_name(d);

    if (!d->port && name && !bridge) {
        return xasprintf("bridge %s does not exist", name);
    } else if (!d->port) {
        d->bridge = nullable_xstrdup(real);
    } else {
        d->is_misplaced = d->vnic.bridge && real && strcmp(real, d->bridge);
    }
    return NULL;
}

/* Takes over the settings of the bridge of 'd'.  Returns false if they say that
 * it is not ours to manage. */
static bool
judge_management(const struct switch_view *view, struct desired_vnic *d)
{
    const struct bridge_view *bridge
        = d->bridge ? switch_view_find_bridge(view, d->bridge) : NULL;
    if (!bridge) {
        return true;
    }

    d->settings = bridge->settings;
    if (!bridge_view_is_managed(bridge)) {
        d->care = VNIC_DISOWNED;
        d->reason = xasprintf("bridge %s is not managed (vnicd-manage=%s%s)",
                              bridge->name,
                              manage_mode_to_string(bridge->settings.manage),
                              bridge->has_controller ? ", it has a controller"
                              : bridge->is_ovns ? ", it is OVN's" : "");
        return false;
    }
    return true;
}

/* Finds the rows that explain, or complete, the port of 'd'. */
static void
find_related_rows(const struct switch_view *view, struct desired_vnic *d)
{
    const char *name = d->port ? d->port->name : d->vnic.target;
    if (!d->port && name) {
        d->namesake = switch_view_find_port(view, name);
    }
    if (name && d->vnic.inbound.average
        && (!d->port || uuid_is_zero(&d->port->qos))) {
        d->qos = switch_view_find_qos(view, &d->vnic.id.domain, name);
    }
}

static char *
judge_vlan(const struct facts *facts, const struct bridge_view *bridge,
           struct desired_vnic *d)
{
    struct intent_facts intent_facts = {
        .vnic = &d->vnic,
        .networks = d->networks,
        .bridge = bridge,
        .last = memory_find_vlan(facts->memory, &d->vnic.id),
        .default_vlan = d->settings.default_vlan,
        .metadata_mode = d->settings.metadata,
        .vlan_limit = facts->view->vlan_limit,
    };
    CLEANUP(intent) struct intent intent = INTENT_INIT;
    char *error = intent_compute(&intent_facts, &intent);
    if (!error) {
        d->vlan = intent.vlan;
        d->source = intent.source;
        d->portgroup = TAKE_PTR(intent.portgroup);
        d->is_pending = intent.is_pending;
        d->reason = TAKE_PTR(intent.note);
    }
    return error;
}

static void
judge(const struct facts *facts, struct desired_vnic *d)
{
    if (d->care != VNIC_MANAGED || !judge_type(d)) {
        return;
    }

    const char *name = bridge_name(d);
    const struct bridge_view *bridge
        = name ? switch_view_find_bridge(facts->view, name) : NULL;
    char *error = judge_bridge(bridge, d);
    if (!error && !judge_management(facts->view, d)) {
        return;
    }
    find_related_rows(facts->view, d);
    if (d->vnic.error) {
        free(error);
        error = xstrdup(d->vnic.error);
    }
    if (!error) {
        error = judge_vlan(facts, bridge, d);
    }
    if (error) {
        quarantine(d, facts->memory, error);
    }
}

/* Conflicts: two vNICs with one MAC that can hear each other. */


static long long int
ready_since(const struct desired_vnic *d)
{
    return d->port && port_view_is_marked(d->port) && d->port->ready_ms
           ? d->port->ready_ms
           : LLONG_MAX;
}

/* By bridge and MAC; then the one that has been ready for longest. */
static int
compare_seniority(const void *a_, const void *b_)
{
    const struct desired_vnic *a = *(const struct desired_vnic *const *) a_;
    const struct desired_vnic *b = *(const struct desired_vnic *const *) b_;

    int cmp = strcmp(a->bridge, b->bridge);
    if (!cmp) {
        cmp = eth_addr_compare_3way(a->vnic.id.mac, b->vnic.id.mac);
    }
    if (!cmp) {
        long long int a_ms = ready_since(a), b_ms = ready_since(b);
        cmp = (a_ms > b_ms) - (a_ms < b_ms);
    }
    return cmp ? cmp : vnic_id_compare(&a->vnic.id, &b->vnic.id);
}

static bool
conflicts(const struct desired_vnic *a, const struct desired_vnic *b)
{
    struct vlan_spec a_vlan = desired_vnic_vlans(a);
    struct vlan_spec b_vlan = desired_vnic_vlans(b);
    return a->care == VNIC_MANAGED
           && b->care == VNIC_MANAGED
           && vlan_spec_overlaps(&a_vlan, &b_vlan);
}

static void
resolve_conflict(const struct memory *memory,
                 const struct desired_vnic *senior,
                 struct desired_vnic *newcomer)
{
    struct vlan_spec mine = desired_vnic_vlans(newcomer);
    struct vlan_spec theirs = desired_vnic_vlans(senior);
    CLEANUP_FREE char *my_vlan = vlan_spec_to_string(&mine);
    CLEANUP_FREE char *their_vlan = vlan_spec_to_string(&theirs);
    CLEANUP_FREE char *other = desired_vnic_label(senior);

    quarantine(newcomer, memory,
               xasprintf("%s (port %s) has the same MAC on bridge %s, and its "
                         "VLAN %s overlaps with %s", other,
                         senior->port ? senior->port->name : "not there yet",
                         senior->bridge, their_vlan, my_vlan));
}

/* Quarantines, of any two running vNICs with the same MAC on one bridge and a
 * VLAN in common, the one that came later. */
static void
resolve_conflicts(const struct facts *facts, struct desired *desired)
{
    struct desired_vnic **sorted = xmalloc(desired->n_vnics * sizeof *sorted);
    size_t n = 0;
    for (size_t i = 0; i < desired->n_vnics; i++) {
        struct desired_vnic *d = &desired->vnics[i];
        if (d->care == VNIC_MANAGED && d->bridge) {
            sorted[n++] = d;
        }
    }
    if (n) {
        qsort(sorted, n, sizeof *sorted, compare_seniority);
    }

    for (size_t i = 0; i < n; i++) {
        for (size_t j = i + 1; j < n; j++) {
            if (!eth_addr_equals(sorted[i]->vnic.id.mac,
                                 sorted[j]->vnic.id.mac)
                || strcmp(sorted[i]->bridge, sorted[j]->bridge)) {
                break;
            }
            if (conflicts(sorted[i], sorted[j])) {
                resolve_conflict(facts->memory, sorted[i], sorted[j]);
            }
        }
    }
    free(sorted);
}

/* How old may what libvirt says be?  Returns when the oldest part of it was
 * asked for. */
static long long int
find_read_ms(const struct facts *facts)
{
    long long int read_ms = LLONG_MAX;
    for (size_t i = 0; i < facts->n_sources; i++) {
        const struct domain_source *source = &facts->sources[i];
        const struct domain *domain;
        read_ms = MIN(read_ms, source->listed_ms);
        HMAP_FOR_EACH (domain, node, &source->domains->domains) {
            read_ms = MIN(read_ms, domain->read_ms);
        }
    }
    return read_ms;
}

static int
compare_ids(const void *a_, const void *b_)
{
    const struct desired_vnic *a = a_;
    const struct desired_vnic *b = b_;
    return vnic_id_compare(&a->vnic.id, &b->vnic.id);
}

/* Stores in 'desired', whose content is overwritten unread, what follows from
 * 'facts'.  The result points into 'facts->view'. */
void
desired_compute(const struct facts *facts, struct desired *desired)
{
    *desired = (struct desired) {
        .is_complete = is_complete(facts),
        .read_ms = find_read_ms(facts),
    };

    for (size_t i = 0; i < facts->n_sources; i++) {
        const struct domain_source *source = &facts->sources[i];
        const struct domain *domain;
        HMAP_FOR_EACH (domain, node, &source->domains->domains) {
            if (find_domain(facts, &domain->uuid) == domain) {
                collect_domain(facts, source, domain, desired);
            }
        }
    }
    collect_strays(facts, desired);
    for (size_t i = 0; i < desired->n_vnics; i++) {
        judge(facts, &desired->vnics[i]);
    }
    resolve_conflicts(facts, desired);
    if (desired->n_vnics) {
        qsort(desired->vnics, desired->n_vnics, sizeof *desired->vnics,
              compare_ids);
    }
}

void
desired_destroy(struct desired *desired)
{
    for (size_t i = 0; i < desired->n_vnics; i++) {
        struct desired_vnic *d = &desired->vnics[i];
        vnic_destroy(&d->vnic);
        free(d->domain);
        free(d->bridge);
        free(d->portgroup);
        free(d->reason);
    }
    free(desired->vnics);
    *desired = (struct desired) DESIRED_INIT;
}
