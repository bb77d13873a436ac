/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */

/* Gives each vNIC that is there its bridge and its VLANs, or the reason why it
 * has none: first each for itself, then all of them together.  Pure.
 *
 * Bad input costs its own vNIC only: it is quarantined, with a sentence. */

#include <config.h>
#include "lib/judge.h"

#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/desired.h"
#include "lib/error.h"
#include "lib/intent.h"
#include "lib/memory.h"
#include "lib/network.h"
#include "lib/switch-view.h"
#include "openvswitch/shash.h"
#include "packets.h"
#include "util.h"
#include "uuid.h"

/* One vNIC at a time. */

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
    if (!vnic_is_plugged_by_libvirt(vnic)) {
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

/* Finds the bridge that we are to plug 'd' into, if we are. */
static void
judge_plug(const struct switch_view *view, struct desired_vnic *d)
{
    const struct vnic_metadata *metadata = d->vnic.metadata;
    if (!vnic_may_be_plugged_by_us(&d->vnic) || !metadata
        || !metadata->bridge) {
        return;
    }

    const struct bridge_view *bridge
        = switch_view_find_real_bridge(view, metadata->bridge);
    const struct settings *settings = (bridge ? &bridge->settings
                                       : &view->settings);
    const char *name = intent_plug_bridge(&d->vnic, settings->metadata);
    if (name) {
        d->is_ours_to_plug = true;
        free(d->vnic.bridge);
        d->vnic.bridge = xstrdup(name);
    }
}

/* An interface that Open vSwitch has nothing to do with is listed only, with
 * the VLANs that its XML says: libvirt gives them to the device. */
static bool
judge_type(struct desired_vnic *d)
{
    if (d->port || d->is_ours_to_plug || is_on_open_vswitch(d)) {
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
    d->policy.guard = d->settings.guard;
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
    const char *name = d->port ? d->port->name : vnic_port_name(&d->vnic);
    if (!d->port && name) {
        d->namesake = switch_view_find_port(view, name);
        d->is_name_taken = d->namesake
                           || svec_contains(&view->interface_names, name);
    }
    if (name && d->vnic.inbound.average
        && (!d->port || uuid_is_zero(&d->port->qos))) {
        d->qos = switch_view_find_qos(view, &d->vnic.id.domain, name);
    }
}

/* Returns a sentence if we cannot plug 'd', which is ours to plug. */
static char *
check_plug(const struct desired_vnic *d)
{
    const struct vnic *vnic = &d->vnic;
    if (vnic->type == VNIC_VHOSTUSER && !vnic->vhost_path) {
        return xstrdup("an interface of type vhostuser without the path of "
                       "its socket cannot be plugged");
    }
    if (vnic->type == VNIC_VHOSTUSER
        && !nullable_string_is_equal(vnic->vhost_mode, "server")) {
        return xasprintf("an interface of type vhostuser with mode '%s' "
                         "cannot be plugged: only with mode 'server', in "
                         "which Open vSwitch is the client", vnic->vhost_mode
                         ? vnic->vhost_mode : "");
    }
    return vnic_port_name(vnic)
           ? NULL
           : xasprintf("an interface of type %s without <target dev> cannot "
                       "be plugged", vnic_type_to_string(vnic->type));
}

static char *
judge_vlan(const struct facts *facts, const struct bridge_view *bridge,
           struct desired_vnic *d)
{
    struct intent_facts intent_facts = {
        .vnic = &d->vnic,
        .networks = d->networks,
        .bridge = bridge,
        .last = memory_find_lasting_vlan(facts->memory, &d->vnic.id),
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

/* Decides what is meant for 'd', of which a domain tells. */
void
judge_vnic(const struct facts *facts, struct desired_vnic *d)
{
    if (d->care != VNIC_MANAGED) {
        return;
    }
    judge_plug(facts->view, d);
    if (!judge_type(d)) {
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
    if (!error && d->is_ours_to_plug) {
        error = check_plug(d);
    }
    if (!error) {
        error = judge_vlan(facts, bridge, d);
    }
    if (error) {
        quarantine(d, facts->memory, error);
    }
}

/* Conflicts: two vNICs whose ports would have one name. */

static void
quarantine_namesake(const struct memory *memory,
                    const struct desired_vnic *first, struct desired_vnic *d)
{
    CLEANUP_FREE char *other = desired_vnic_label(first);
    quarantine(d, memory, xasprintf("its port would be called %s, as that of "
                                    "%s", vnic_port_name(&d->vnic), other));
    d->is_name_taken = true;
}

/* Quarantines, of any two vNICs that wait for a port of the same name, the
 * second. */
static void
resolve_names(const struct facts *facts, struct desired *desired)
{
    struct shash names = SHASH_INITIALIZER(&names);
    for (size_t i = 0; i < desired->n_vnics; i++) {
        struct desired_vnic *d = &desired->vnics[i];
        const char *name = vnic_port_name(&d->vnic);
        if (d->port || !name || !desired_vnic_is_meant(d)) {
            continue;
        }
        const struct desired_vnic *first = shash_find_data(&names, name);
        if (first) {
            quarantine_namesake(facts->memory, first, d);
        } else {
            shash_add(&names, name, d);
        }
    }
    shash_destroy(&names);
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
resolve_macs(const struct facts *facts, struct desired *desired)
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

/* Quarantines, of any two vNICs that are in each other's way, one. */
void
judge_conflicts(const struct facts *facts, struct desired *desired)
{
    resolve_names(facts, desired);
    resolve_macs(facts, desired);
}
