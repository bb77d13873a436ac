/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */

/* Gives each vNIC that is there, for itself alone, its bridge, its VLANs and
 * its policy, or the reason why it has none.  Pure.
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
#include "lib/text.h"
#include "packets.h"
#include "util.h"
#include "uuid.h"

/* Holds 'd' back, for 'reason', which is taken over. */
void
judge_hold_back(struct desired_vnic *d, char *reason)
{
    d->care = VNIC_QUARANTINED;
    d->is_pending = false;
    free(d->reason);
    d->reason = error_wrap(reason, "domain %s, interface "ETH_ADDR_FMT,
                           d->domain, ETH_ADDR_ARGS(d->vnic.id.mac));
}

/* Gives 'd' the policy that follows from 'metadata', which may be NULL and is
 * called 'source'.  Returns a sentence, and changes nothing, if that cannot be
 * used. */
static char *
judge_policy(struct desired_vnic *d, const struct policy_statement *metadata,
             enum policy_source source)
{
    struct vlan_spec vlan = desired_vnic_vlans(d);
    struct policy_facts facts = {
        .settings = &d->settings,
        .metadata = metadata,
        .metadata_source = source,
        .mac = d->vnic.id.mac,
        .vlan = &vlan,
    };
    CLEANUP(policy_intent) struct policy_intent intent = POLICY_INTENT_INIT;
    char *error = policy_intent_compute(&facts, &intent);
    if (error) {
        return error_wrap(error, "metadata");
    }
    policy_destroy(&d->policy);
    d->policy = intent.policy;
    policy_init(&intent.policy);
    d->policy_sources = intent.sources;
    d->reason = text_join(d->reason, TAKE_PTR(intent.note));
    return NULL;
}

/* Takes back what 'd' was given, for want of something good. */
static void
forget_intent(struct desired_vnic *d)
{
    d->vlan = (struct vlan_spec) VLAN_SPEC_INIT;
    d->source = VLAN_FROM_NOBODY;
    policy_destroy(&d->policy);
    d->policy_sources = (struct policy_sources) {
        .isolation = POLICY_FROM_NOBODY,
    };
    free(d->policy_error);
    d->policy_error = NULL;
}

/* Holds 'd' back, for 'reason', which is taken over.  What was good last stays
 * in force. */
void
judge_quarantine(struct desired_vnic *d, const struct memory *memory,
                 char *reason)
{
    const struct vlan_spec *vlan = memory_find_vlan(memory, &d->vnic.id);
    const struct policy_statement *metadata
        = memory_find_policy(memory, &d->vnic.id);

    judge_hold_back(d, reason);
    forget_intent(d);
    if (vlan) {
        d->vlan = *vlan;
        d->source = VLAN_FROM_LAST_GOOD;
    }
    if (vlan && metadata) {
        d->policy_error = judge_policy(d, metadata, POLICY_FROM_LAST_GOOD);
    } else {
        d->policy_error = xstrdup(d->reason);
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
    if (!bridge_view_is_managed(bridge)) {
        d->care = VNIC_DISOWNED;
        free(d->reason);
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

/* Returns a sentence if we cannot plug 'd', which is ours to plug.  Before a
 * guest starts libvirt has not given its taps their names. */
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
    return vnic_port_name(vnic) || d->stage == DOMAIN_PREPARED
           ? NULL
           : xasprintf("an interface of type %s without <target dev> cannot "
                       "be plugged", vnic_type_to_string(vnic->type));
}

/* Stores in '*vlan' the VLANs that an earlier run of the agent has left 'd' on,
 * as far as the row tells, and returns true: but not if we were there to see, if
 * the guest has yet to start, or if metadata or nobody but a setting may have
 * said them. */
static bool
find_left_vlan(const struct facts *facts, const struct desired_vnic *d,
               struct vlan_spec *vlan)
{
    if (desired_vnic_is_to_start(d) || d->vnic.metadata
        || d->vnic.vlan.mode == VLAN_NONE
        || !d->port || !d->port->ready_ms || !port_view_is_marked(d->port)
        || memory_find_vlan(facts->memory, &d->vnic.id)) {
        return false;
    }
    *vlan = vlan_columns_to_spec(&d->port->columns);
    return !vlan_spec_is_on_all(vlan); /* Who lost its VLANs tells nothing. */
}

static char *
judge_vlan(const struct facts *facts, const struct bridge_view *bridge,
           struct desired_vnic *d)
{
    struct vlan_spec found;
    bool is_found = find_left_vlan(facts, d, &found);
    struct intent_facts intent_facts = {
        .vnic = &d->vnic,
        .networks = d->networks,
        .bridge = bridge,
        .last = (desired_vnic_is_to_start(d) ? NULL
                 : memory_find_lasting_vlan(facts->memory, &d->vnic.id)),
        .found = is_found ? &found : NULL,
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

/* Gives 'd' what is meant for it on the bridge that its XML names, 'bridge',
 * which may be NULL.  Returns a sentence if that cannot be used. */
static char *
judge_intent(const struct facts *facts, const struct bridge_view *bridge,
             struct desired_vnic *d)
{
    const struct vnic_metadata *metadata = d->vnic.metadata;
    char *error = d->is_ours_to_plug ? check_plug(d) : NULL;
    if (!error) {
        error = judge_vlan(facts, bridge, d);
    }
    return error ? error : judge_policy(d, metadata ? &metadata->policy : NULL,
                                        POLICY_FROM_METADATA);
}

/* Decides what is meant for 'd', unless nobody knows whose it is: then only
 * whether its bridge is ours to manage. */
void
judge_vnic(const struct facts *facts, struct desired_vnic *d)
{
    if (d->care != VNIC_MANAGED) {
        (void) judge_management(facts->view, d); /* Nothing else follows. */
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
    if (!error) {
        error = judge_intent(facts, bridge, d);
    }
    if (error) {
        judge_quarantine(d, facts->memory, error);
    }
}
