/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */

/* Which VLANs are meant for a vNIC, and who said so.  Pure.
 *
 * The domain's metadata goes before the interface, that before its port group,
 * that before its network, and that before a fake bridge: the first with a
 * VLAN says all of it.  libvirt merges all but the first and the last when a
 * guest starts, and what it shows of a running guest is the result of that
 * moment.  We merge them again, from what they say now:
 *
 *   - the network and the port group are those of the live XML;
 *   - the interface's own <vlan> is that of its definition, as long as this
 *     names the same network and port group.  If it does not, the definition
 *     is that of the next start, and of this one only the result is known;
 *   - a network that is not active, or that we know nothing of, changes
 *     nothing.
 *
 * Nothing here ever widens the VLANs of a guest on its own: where none are
 * left, because a network lost its <vlan>, those in force stay.
 *
 * Metadata is the one of these that, on some hosts, a tenant writes.  There
 * vnicd-metadata=stricter binds it to what the others say.  Where these say
 * nothing, nothing binds it: no <vlan> is no intent, libvirt puts such a guest
 * on every VLAN, and any VLAN that metadata names is less than that.  What
 * somebody set on the port by hand is not an intent either, and binds nobody:
 * it could not be told from what metadata said before.  It is not lost
 * unseen, though, because a vNIC that was there before us is at first contact;
 * and whoever wants to bind such guests says vnicd-default-vlan. */

#include <config.h>
#include "lib/intent.h"

#include <stdlib.h>

#include "lib/cleanup.h"
#include "lib/error.h"
#include "lib/network.h"
#include "lib/switch-view.h"
#include "lib/text.h"
#include "lib/vnic.h"
#include "util.h"

static const char *const source_names[] = {
#define VLAN_SOURCE(ENUM, NAME) [VLAN_FROM_##ENUM] = NAME,
    VLAN_SOURCES
#undef VLAN_SOURCE
};

const char *
vlan_source_to_string(enum vlan_source source)
{
    return source_names[source];
}

/* Saying: each is tried while nobody before it has said anything. */

/* Takes 'vlan', if it is one, for the intent.  Returns a sentence if it makes
 * no sense, or if 'error' is one. */
static char *
say(const struct vlan_spec *vlan, const char *error, enum vlan_source source,
    struct intent *intent)
{
    if (error) {
        return xstrdup(error);
    }
    if (vlan->mode != VLAN_NONE) {
        intent->vlan = *vlan;
        intent->source = source;
    }
    return vlan_spec_validate(vlan);
}

static bool
is_said(const struct intent *intent)
{
    return intent->vlan.mode != VLAN_NONE;
}

/* 'portgroup' may be NULL.  One without <vlan> inherits the network's. */
static char *
say_network(const struct network *network, const struct portgroup *portgroup,
            struct intent *intent)
{
    if (portgroup) {
        char *error = say(&portgroup->vlan, portgroup->error,
                          VLAN_FROM_PORTGROUP, intent);
        if (error) {
            return error_wrap(error, "network %s, port group %s",
                              network->name, portgroup->name);
        }
        if (is_said(intent)) {
            intent->portgroup = xstrdup(portgroup->name);
            return NULL;
        }
    }
    return error_wrap(say(&network->vlan, network->error, VLAN_FROM_NETWORK,
                          intent),
                      "network %s", network->name);
}

/* 'own' is the interface's <vlan>. */
static char *
say_interface(const struct vlan_spec *own, const struct network *network,
              const struct portgroup *portgroup, struct intent *intent)
{
    char *error = say(own, NULL, VLAN_FROM_INTERFACE, intent);
    return error || is_said(intent)
           ? error : say_network(network, portgroup, intent);
}

static char *
say_access(int tag, enum vlan_source source, struct intent *intent)
{
    struct vlan_spec vlan = { .mode = VLAN_ACCESS, .tag = tag };
    return say(&vlan, NULL, source, intent);
}

/* Keeping. */

/* Keeps 'vlan', unless it is NULL or none, or one is kept already. */
static void
keep_as(const struct vlan_spec *vlan, enum vlan_source source,
        struct intent *intent)
{
    if (vlan && vlan->mode != VLAN_NONE && !is_said(intent)) {
        intent->vlan = *vlan;
        intent->source = source;
    }
}

/* Keeps what is in force: what was last; if we were not there to see that, what
 * an earlier run of the agent left; or what libvirt made of it when the guest
 * started. */
static void
keep(const struct intent_facts *facts, struct intent *intent)
{
    keep_as(facts->last, VLAN_FROM_LAST_GOOD, intent);
    keep_as(facts->found, VLAN_FROM_FOUND, intent);
    keep_as(&facts->vnic->vlan, VLAN_FROM_LIVE, intent);
}

/* Keeps the live VLANs of a merged vNIC whose own <vlan> is not known, unless
 * it has followed its network, or port group, before: then 'intent', which
 * these have said, is what is in force. */
static void
keep_live(const struct intent_facts *facts, struct intent *intent)
{
    if (!facts->last || !vlan_spec_equals(facts->last, &intent->vlan)) {
        intent->vlan = facts->vnic->vlan;
        intent->source = VLAN_FROM_LIVE;
    }
}

/* The VLANs are gone from where they came from. */
static void
keep_removed(const struct intent_facts *facts, struct intent *intent)
{
    keep(facts, intent);
    if (is_said(intent)) {
        CLEANUP_FREE char *vlan = vlan_spec_to_string(&intent->vlan);
        free(intent->note);
        intent->note = xasprintf("vlan-removed-from-network: VLAN %s stays in "
                                 "force", vlan);
    }
}

/* Merging. */

/* What the definition says of a vNIC from the next start on. */
static char *
explain_pending(const struct vnic_config *config)
{
    if (!config->network) {
        return xstrdup("no network from the next start on");
    }
    return config->portgroup
           ? xasprintf("port group %s of network %s from the next start on",
                       config->portgroup, config->network)
           : xasprintf("network %s from the next start on", config->network);
}

/* Is 'config' that of which libvirt made the running 'vnic'? */
static bool
is_config_in_force(const struct vnic *vnic, const struct vnic_config *config)
{
    return nullable_string_is_equal(config->network, vnic->network)
           && nullable_string_is_equal(config->portgroup, vnic->portgroup);
}

/* Merges again what libvirt merged when the guest started. */
static char *
merge_running(const struct intent_facts *facts, const struct network *network,
              const struct portgroup *portgroup, struct intent *intent)
{
    const struct vnic_config *config = facts->vnic->config;

    if (config && is_config_in_force(facts->vnic, config)) {
        return say_interface(&config->vlan, network, portgroup, intent);
    }

    if (config) {
        intent->is_pending = true;
        intent->note = explain_pending(config);
    }
    /* What is wrong with them now does not concern what libvirt made. */
    free(say_network(network, portgroup, intent));
    keep_live(facts, intent);
    return vlan_spec_validate(&intent->vlan);
}

/* What the interface, its port group and its network say. */
static char *
merge(const struct intent_facts *facts, struct intent *intent)
{
    const struct vnic *vnic = facts->vnic;
    const struct network *network = intent_find_network(facts->networks, vnic);
    if (!network || !network->is_active) {
        keep(facts, intent);
        return vlan_spec_validate(&intent->vlan);
    }

    const struct portgroup *portgroup
        = network_find_portgroup(network, vnic->portgroup);
    if (vnic->portgroup && !portgroup) {
        return xasprintf("network %s has no port group %s", network->name,
                         vnic->portgroup);
    }
    return vnic_is_merged(vnic)
           ? merge_running(facts, network, portgroup, intent)
           : say_interface(&vnic->vlan, network, portgroup, intent);
}

/* The others, if metadata says nothing.  What was last in force because
 * metadata said it is not theirs: they must not go on saying what an operator
 * has forbidden, nor may metadata be measured by itself. */
static char *
say_others(const struct intent_facts *facts, struct intent *intent)
{
    const struct vnic *vnic = facts->vnic;
    char *error = vnic->network
                  ? merge(facts, intent)
                  : say(&vnic->vlan, NULL, VLAN_FROM_INTERFACE, intent);
    if (!error && !is_said(intent) && facts->bridge && facts->bridge->parent) {
        error = say_access(facts->bridge->tag, VLAN_FROM_FAKE_BRIDGE, intent);
    }
    if (!error && !is_said(intent) && vnic->network) {
        keep_removed(facts, intent);
    }
    if (!error && !is_said(intent) && facts->default_vlan) {
        error = say_access(facts->default_vlan, VLAN_FROM_DEFAULT, intent);
    }
    return error;
}

/* Metadata. */

/* Takes ownership of 'note'. */
static void
add_note(struct intent *intent, char *note)
{
    intent->note = text_join(intent->note, note);
}

/* Says that 'vlan', the metadata's, allows more than 'intent', the others'. */
static void
note_not_stricter(const struct vlan_spec *vlan, struct intent *intent)
{
    CLEANUP_FREE char *more = vlan_spec_to_string(vlan);
    CLEANUP_FREE char *less = vlan_spec_to_string(&intent->vlan);
    add_note(intent, xasprintf("metadata is not followed (vnicd-metadata="
                               "stricter): VLAN %s allows more than %s", more,
                               less));
}

/* A switch that looks at one tag of a frame cannot tell customer VLANs, which
 * are in the second, and drops all frames to the guest.  Without a list of
 * them the second tag is payload, and one is enough. */
static char *
check_vlan_limit(const struct vlan_spec *vlan, int vlan_limit)
{
    if (vlan->mode != VLAN_DOT1Q_TUNNEL || vlan_limit != 1
        || vlan_set_is_empty(&vlan->cvlans)) {
        return NULL;
    }
    CLEANUP_FREE char *shown = vlan_spec_to_string(vlan);
    return xasprintf("VLAN %s: Open_vSwitch other_config:vlan-limit is 1 and "
                     "must be 0, or 2 and more, for cvlans", shown);
}

static char *
follow_metadata(const struct intent_facts *facts, struct intent *intent)
{
    const struct vlan_spec *vlan = &facts->vnic->metadata->vlan;

    intent->vlan = *vlan;
    intent->source = VLAN_FROM_METADATA;
    free(intent->portgroup);
    intent->portgroup = NULL;
    if (!intent->is_pending) {
        free(intent->note);     /* About VLANs that do not count. */
        intent->note = NULL;
    }
    char *error = vlan_spec_validate(vlan);
    return error ? error : check_vlan_limit(vlan, facts->vlan_limit);
}

/* 'error' is what is wrong with what the others say, or NULL; we own it. */
static char *
say_metadata(const struct intent_facts *facts, char *error,
             struct intent *intent)
{
    const struct vnic_metadata *metadata = facts->vnic->metadata;

    if (facts->metadata_mode == METADATA_NONE) {
        add_note(intent, xstrdup("metadata is not followed "
                                 "(vnicd-metadata=none)"));
        return error;
    }
    if (metadata->error) {
        free(error);
        return xstrdup(metadata->error);
    }
    if (metadata->vlan.mode == VLAN_NONE) {
        return error;
    }
    if (facts->metadata_mode == METADATA_STRICTER) {
        if (error) {
            return error;
        }
        if (!vlan_spec_is_within(&metadata->vlan, &intent->vlan)) {
            note_not_stricter(&metadata->vlan, intent);
            return NULL;
        }
    }
    free(error);                /* Nobody asks the others. */
    return follow_metadata(facts, intent);
}

/* Returns the bridge that we are to plug 'vnic' into because its metadata, if
 * it is without error, says so; NULL if it does not, or must not: whoever is
 * plugged reaches what he did not before, so that is never stricter.  'mode'
 * is that of this bridge. */
const char *
intent_plug_bridge(const struct vnic *vnic, enum metadata_mode mode)
{
    return vnic->metadata && mode == METADATA_ALL ? vnic->metadata->bridge
                                                  : NULL;
}

/* The interface. */

/* Returns the network that 'vnic' is on, NULL if it is on none or nothing is
 * known of it.  'networks' may be NULL. */
const struct network *
intent_find_network(const struct network_set *networks,
                    const struct vnic *vnic)
{
    return networks && vnic->network
           ? network_set_find_name(networks, vnic->network) : NULL;
}

/* Stores in 'intent', whose content is overwritten unread, what follows from
 * 'facts', for the caller to destroy.  Returns a sentence if that cannot be
 * used. */
char *
intent_compute(const struct intent_facts *facts, struct intent *intent)
{
    *intent = (struct intent) INTENT_INIT;
    char *error = say_others(facts, intent);
    return facts->vnic->metadata ? say_metadata(facts, error, intent) : error;
}

/* Frees what 'intent' owns and leaves it empty. */
void
intent_destroy(struct intent *intent)
{
    free(intent->portgroup);
    free(intent->note);
    *intent = (struct intent) INTENT_INIT;
}
