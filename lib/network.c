/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */

/* Value types for what libvirt says of networks and their port groups.
 * Pure. */

#include <config.h>
#include "lib/network.h"

#include <stdlib.h>
#include <string.h>

#include "util.h"
#include "uuid.h"

/* Port groups. */

static void
portgroup_destroy(struct portgroup *portgroup)
{
    free(portgroup->name);
    free(portgroup->error);
}

static bool
portgroup_equals(const struct portgroup *a, const struct portgroup *b)
{
    return a->is_default == b->is_default
           && a->has_ovs_virtualport == b->has_ovs_virtualport
           && vlan_spec_equals(&a->vlan, &b->vlan)
           && nullable_string_is_equal(a->name, b->name)
           && nullable_string_is_equal(a->error, b->error);
}

/* Networks. */

struct network *
network_create(void)
{
    struct network *network = xzalloc(sizeof *network);
    network->is_active = true;
    network->vlan = (struct vlan_spec) VLAN_SPEC_INIT;
    return network;
}

/* Accepts NULL. */
void
network_destroy(struct network *network)
{
    if (network) {
        for (size_t i = 0; i < network->n_portgroups; i++) {
            portgroup_destroy(&network->portgroups[i]);
        }
        free(network->portgroups);
        free(network->name);
        free(network->bridge);
        free(network->error);
        free(network);
    }
}

bool
network_equals(const struct network *a, const struct network *b)
{
    if (!uuid_equals(&a->uuid, &b->uuid)
        || a->is_active != b->is_active
        || a->has_ovs_virtualport != b->has_ovs_virtualport
        || a->n_portgroups != b->n_portgroups
        || !vlan_spec_equals(&a->vlan, &b->vlan)
        || !nullable_string_is_equal(a->name, b->name)
        || !nullable_string_is_equal(a->bridge, b->bridge)
        || !nullable_string_is_equal(a->error, b->error)) {
        return false;
    }
    for (size_t i = 0; i < a->n_portgroups; i++) {
        if (!portgroup_equals(&a->portgroups[i], &b->portgroups[i])) {
            return false;
        }
    }
    return true;
}

/* Appends a port group without name and VLAN to 'network'.  Returns it, valid
 * until the next one is added. */
struct portgroup *
network_add_portgroup(struct network *network)
{
    size_t n = ++network->n_portgroups;
    network->portgroups = xrealloc(network->portgroups,
                                   n * sizeof *network->portgroups);
    struct portgroup *portgroup = &network->portgroups[n - 1];
    *portgroup = (struct portgroup) { .vlan = VLAN_SPEC_INIT };
    return portgroup;
}

/* Returns the port group of 'network' that an interface gets which asks for
 * 'name': the one so called; for NULL the default one.  Returns NULL if there
 * is none. */
const struct portgroup *
network_find_portgroup(const struct network *network, const char *name)
{
    for (size_t i = 0; i < network->n_portgroups; i++) {
        const struct portgroup *portgroup = &network->portgroups[i];
        if (name ? !strcmp(portgroup->name, name) : portgroup->is_default) {
            return portgroup;
        }
    }
    return NULL;
}

/* Sets of networks. */

void
network_set_init(struct network_set *set)
{
    hmap_init(&set->networks);
}

void
network_set_destroy(struct network_set *set)
{
    struct network *network;
    HMAP_FOR_EACH_POP (network, node, &set->networks) {
        network_destroy(network);
    }
    hmap_destroy(&set->networks);
}

void
network_set_swap(struct network_set *a, struct network_set *b)
{
    hmap_swap(&a->networks, &b->networks);
}

/* True if 'a' and 'b' say the same. */
bool
network_set_equals(const struct network_set *a, const struct network_set *b)
{
    if (hmap_count(&a->networks) != hmap_count(&b->networks)) {
        return false;
    }
    const struct network *in_a;
    HMAP_FOR_EACH (in_a, node, &a->networks) {
        const struct network *in_b = network_set_find(b, &in_a->uuid);
        if (!in_b || !network_equals(in_a, in_b)) {
            return false;
        }
    }
    return true;
}

struct network *
network_set_find(const struct network_set *set, const struct uuid *uuid)
{
    struct network *network;
    HMAP_FOR_EACH_WITH_HASH (network, node, uuid_hash(uuid), &set->networks) {
        if (uuid_equals(&network->uuid, uuid)) {
            return network;
        }
    }
    return NULL;
}

/* Returns the network called 'name', or NULL.  A host has a handful. */
const struct network *
network_set_find_name(const struct network_set *set, const char *name)
{
    const struct network *network;
    HMAP_FOR_EACH (network, node, &set->networks) {
        if (!strcmp(network->name, name)) {
            return network;
        }
    }
    return NULL;
}

/* Takes ownership of 'network' and puts it in the place of the one with the
 * same UUID, if any.  Returns true if it says anything new. */
bool
network_set_replace(struct network_set *set, struct network *network)
{
    struct network *old = network_set_find(set, &network->uuid);
    bool changed = !old || !network_equals(old, network);
    if (old) {
        hmap_remove(&set->networks, &old->node);
        network_destroy(old);
    }
    hmap_insert(&set->networks, &network->node, uuid_hash(&network->uuid));
    return changed;
}

/* Takes the network 'uuid' out of 'set', for the caller to destroy, NULL if
 * there is none. */
struct network *
network_set_steal(struct network_set *set, const struct uuid *uuid)
{
    struct network *network = network_set_find(set, uuid);
    if (network) {
        hmap_remove(&set->networks, &network->node);
    }
    return network;
}
