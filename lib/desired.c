/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */

/* Decides what is meant: joins what libvirt says with the ports that the
 * switch has; what follows for each vNIC is judged in lib/judge.c, and for all
 * of them together in lib/conflict.c.  Knows nothing of how a port comes to be
 * right; that is ovsdb/port-plan.c.  Pure. */

#include <config.h>
#include "lib/desired.h"

#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/conflict.h"
#include "lib/isolation.h"
#include "lib/judge.h"
#include "lib/switch-view.h"
#include "lib/text.h"
#include "packets.h"
#include "util.h"
#include "uuid.h"

/* True if the guest of the vNIC has yet to start: what is remembered of the
 * vNIC is of another life. */
bool
desired_vnic_is_to_start(const struct desired_vnic *d)
{
    return d->stage == DOMAIN_PREPARED || d->stage == DOMAIN_STARTING;
}

/* True if the vNIC is to have a port with the VLANs that 'd' says. */
bool
desired_vnic_is_meant(const struct desired_vnic *d)
{
    return d->care == VNIC_MANAGED
           || (d->care == VNIC_QUARANTINED
               && d->source != VLAN_FROM_NOBODY);
}

/* True if the VLAN columns of the vNIC's port are ours to write.  While libvirt
 * plugs the ports of a guest they are not: once it is done, all of them are put
 * right at the same time. */
bool
desired_vnic_is_written(const struct desired_vnic *d)
{
    return d->port && d->stage != DOMAIN_PREPARED && desired_vnic_is_meant(d);
}

/* True if frames of the vNIC may pass, as far as its policy lets them. */
bool
desired_vnic_may_talk(const struct desired_vnic *d)
{
    return (d->care == VNIC_MANAGED || d->care == VNIC_QUARANTINED)
           && !d->policy_error;
}

/* True if the port of the vNIC, which has one, is what we would plug, and on
 * the bridge where we would. */
bool
desired_vnic_is_plugged_as_meant(const struct desired_vnic *d)
{
    return d->is_ours_to_plug && !d->is_misplaced
           && nullable_string_is_equal(d->port->vhost_path,
                                       d->vnic.vhost_path);
}

/* True if it is known what the vNIC may do. */
bool
desired_vnic_has_policy(const struct desired_vnic *d)
{
    return d->policy_sources.guard != POLICY_FROM_NOBODY;
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
        .policy = POLICY_INIT,
    };
    vnic_clone(&d->vnic, vnic);
    return d;
}

/* Can the port of 'vnic' be told without its name?  Not if another interface of
 * the domain that may have one has the same MAC.  A device of the host that
 * stands in for 'vnic' (<teaming>) has its MAC, but no port. */
static bool
is_found_by_mac(const struct domain *domain, const struct vnic *vnic)
{
    if (!vnic_is_plugged_by_libvirt(vnic)) {
        return false;
    }
    for (size_t i = 0; i < domain->n_vnics; i++) {
        const struct vnic *other = &domain->vnics[i];
        if (other != vnic && vnic_is_plugged_by_libvirt(other)
            && eth_addr_equals(other->id.mac, vnic->id.mac)) {
            return false;
        }
    }
    return true;
}

/* May libvirt just be plugging 'port'?  Not if it has outlived its device. */
static bool
may_be_just_plugged(const struct port_view *port)
{
    return port_view_is_alive(port) && !port_view_lacks_netdev(port)
           && !port->is_plugged_by_us;
}

/* Returns the port of 'vnic', NULL if it has none or nobody can tell which it
 * is.  A domain that libvirt calls inactive has none, except one that is just
 * being plugged by libvirt, which adds the port before it tells anybody that
 * the domain starts, and before the XML has the port's name. */
static const struct port_view *
find_port(const struct facts *facts, const struct domain *domain,
          const struct vnic *vnic)
{
    const char *name = vnic_port_name(vnic);
    if (!name && !is_found_by_mac(domain, vnic)) {
        return NULL;
    }
    const struct port_view *port
        = switch_view_find_vnic(facts->view, &domain->uuid, vnic->id.mac,
                                name);
    return port && (domain->is_active || may_be_just_plugged(port))
           ? port : NULL;
}

/* True if 'domain', one of libvirt's, may have vNICs that are not known. */
bool
desired_is_untold(const struct desired *desired, const struct uuid *domain)
{
    for (size_t i = 0; i < desired->n_untold; i++) {
        if (uuid_equals(&desired->untold[i], domain)) {
            return true;
        }
    }
    return false;
}

static void
note_untold(const struct domain *domain, struct desired *desired)
{
    if (domain_is_told(domain)) {
        return;
    }
    if (desired->n_untold >= desired->allocated_untold) {
        desired->untold = x2nrealloc(desired->untold,
                                     &desired->allocated_untold,
                                     sizeof *desired->untold);
    }
    desired->untold[desired->n_untold++] = domain->uuid;
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
        d->stage = domain->stage;
        d->read_ms = domain->read_ms;
        d->can_be_asked = source->is_complete && !domain->failure;
        d->place = domain->place;
        d->networks = source->networks;
        d->is_metadata_in_doubt = domain->metadata_errors.n > 0;
        if (!domain->is_active && vnic->type == VNIC_NETWORK
            && vnic->vlan.mode == VLAN_NONE
            && !intent_find_network(source->networks, vnic)) {
            d->care = VNIC_UNKNOWN;
            d->reason = xasprintf("domain %s is starting, its network's VLAN "
                                  "is not known yet", domain->name);
        }
    }
}

/* Returns the domain 'uuid', by the first connection that has it, and can tell
 * of it if any can: two of them may lead to one libvirt. */
static const struct domain *
find_domain(const struct facts *facts, const struct uuid *uuid)
{
    const struct domain *found = NULL;
    for (size_t i = 0; i < facts->n_sources; i++) {
        const struct domain *domain
            = domain_set_find(facts->sources[i].domains, uuid);
        if (domain && (!found || (found->failure && !domain->failure))) {
            found = domain;
        }
    }
    return found;
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

/* Why 'port', which says it belongs to a vNIC of 'domain', has no such vNIC. */
static char *
explain_stray(const struct facts *facts, const struct domain *domain,
              const struct port_view *port)
{
    if (!domain) {
        return is_complete(facts)
               ? xstrdup("no domain with this vm-id is known to libvirt")
               : xstrdup("libvirt has not told us about this domain");
    }
    if (domain->failure) {
        return xasprintf("libvirt cannot tell of this domain: %s",
                         domain->failure);
    }
    if (!domain->is_active) {
        return xasprintf("domain %s is not running", domain->name);
    }
    const struct vnic *vnic = domain_find_mac(domain, port->mac);
    return vnic && vnic_port_name(vnic)
           ? xasprintf("domain %s has this MAC on port %s", domain->name,
                       vnic_port_name(vnic))
           : xasprintf("domain %s has no interface with this MAC",
                       domain->name);
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
        d->domain = nullable_xstrdup(domain->name);
        d->read_ms = domain->read_ms;
    }
    if (domain && domain->error) {
        d->care = VNIC_MANAGED;     /* Quarantined below, for its error. */
        d->vnic.error = xstrdup(domain->error);
    } else {
        bool is_told = is_complete(facts) && !(domain && domain->failure);
        d->care = is_told ? VNIC_UNMANAGED : VNIC_UNKNOWN;
        d->reason = explain_stray(facts, domain, port);
        if (d->care == VNIC_UNKNOWN && port_view_is_marked(port)
            && port->marked_isolation) {
            policy_set_isolation(&d->policy, port->marked_isolation);
        }
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

/* Bridges. */

/* Returns the real bridge called 'name', or NULL. */
const struct desired_bridge *
desired_find_bridge(const struct desired *desired, const char *name)
{
    for (size_t i = 0; i < desired->n_bridges; i++) {
        if (!strcmp(desired->bridges[i].view->name, name)) {
            return &desired->bridges[i];
        }
    }
    return NULL;
}

/* Adds the real bridges of 'view', and what they need for their vNICs. */
static void
collect_bridges(const struct switch_view *view, struct desired *desired)
{
    desired->bridges = xcalloc(view->n_bridges, sizeof *desired->bridges);
    for (size_t i = 0; i < view->n_bridges; i++) {
        if (!view->bridges[i].parent) {
            struct desired_bridge *bridge
                = &desired->bridges[desired->n_bridges++];
            bridge->view = &view->bridges[i];
            bridge->needs_pipeline = isolation_is_needed(desired,
                                                         bridge->view);
            patch_pair_find(view, bridge->view->name, &bridge->pair);
        }
    }
}

/* Computing. */

/* How old may what libvirt says be?  Returns when the oldest part of it was
 * asked for.  That it cannot tell is an answer, too. */
static long long int
find_read_ms(const struct facts *facts)
{
    long long int read_ms = LLONG_MAX;
    for (size_t i = 0; i < facts->n_sources; i++) {
        const struct domain_source *source = &facts->sources[i];
        const struct domain *domain;
        read_ms = MIN(read_ms, source->listed_ms);
        HMAP_FOR_EACH (domain, node, &source->domains->domains) {
            read_ms = MIN(read_ms, MAX(domain->read_ms, domain->failed_ms));
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
                note_untold(domain, desired);
            }
        }
    }
    collect_strays(facts, desired);
    for (size_t i = 0; i < desired->n_vnics; i++) {
        judge_vnic(facts, &desired->vnics[i]);
    }
    if (desired->n_vnics) {
        qsort(desired->vnics, desired->n_vnics, sizeof *desired->vnics,
              compare_ids);
    }
    conflict_resolve(facts, desired);
    collect_bridges(facts->view, desired);
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
        free(d->flows_reason);
        policy_destroy(&d->policy);
        free(d->policy_error);
    }
    for (size_t i = 0; i < desired->n_bridges; i++) {
        patch_pair_destroy(&desired->bridges[i].pair);
    }
    free(desired->bridges);
    free(desired->untold);
    free(desired->vnics);
    *desired = (struct desired) DESIRED_INIT;
}
