/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */

/* Value types for what libvirt says of domains and their vNICs.  Pure. */

#include <config.h>
#include "lib/vnic.h"

#include <stdlib.h>
#include <string.h>

#include "hash.h"
#include "packets.h"
#include "util.h"
#include "uuid.h"

/* Identity. */

int
vnic_id_compare(const struct vnic_id *a, const struct vnic_id *b)
{
    int cmp = uuid_compare_3way(&a->domain, &b->domain);
    if (!cmp) {
        cmp = eth_addr_compare_3way(a->mac, b->mac);
    }
    return cmp ? cmp : (a->ordinal > b->ordinal) - (a->ordinal < b->ordinal);
}

bool
vnic_id_equals(const struct vnic_id *a, const struct vnic_id *b)
{
    return !vnic_id_compare(a, b);
}

uint32_t
vnic_id_hash(const struct vnic_id *id)
{
    return hash_mac(id->mac, id->ordinal, uuid_hash(&id->domain));
}

/* Types. */

static const char *const type_names[] = {
#define VNIC_TYPE(ENUM, NAME) [VNIC_##ENUM] = NAME,
    VNIC_TYPES
#undef VNIC_TYPE
};

const char *
vnic_type_to_string(enum vnic_type type)
{
    return type_names[type];
}

/* Returns the type called 's', VNIC_OTHER for a name that we do not know. */
enum vnic_type
vnic_type_from_string(const char *s)
{
    for (size_t i = 0; i < ARRAY_SIZE(type_names); i++) {
        if (!strcmp(s, type_names[i])) {
            return i;
        }
    }
    return VNIC_OTHER;
}

/* Configurations. */

static void
vnic_config_destroy(struct vnic_config *config)
{
    if (config) {
        free(config->network);
        free(config->portgroup);
        free(config);
    }
}

static struct vnic_config *
vnic_config_create(const char *network, const char *portgroup,
                   const struct vlan_spec *vlan)
{
    struct vnic_config *config = xmalloc(sizeof *config);
    config->network = nullable_xstrdup(network);
    config->portgroup = nullable_xstrdup(portgroup);
    config->vlan = *vlan;
    return config;
}

static bool
vnic_config_equals(const struct vnic_config *a, const struct vnic_config *b)
{
    return a && b
           ? nullable_string_is_equal(a->network, b->network)
             && nullable_string_is_equal(a->portgroup, b->portgroup)
             && vlan_spec_equals(&a->vlan, &b->vlan)
           : a == b;
}

/* Metadata. */

/* Frees what 'metadata' owns, not 'metadata' itself, and leaves it empty. */
void
vnic_metadata_destroy(struct vnic_metadata *metadata)
{
    free(metadata->bridge);
    policy_statement_destroy(&metadata->policy);
    free(metadata->error);
    *metadata = (struct vnic_metadata) VNIC_METADATA_INIT;
}

static struct vnic_metadata *
vnic_metadata_copy(const struct vnic_metadata *src)
{
    struct vnic_metadata *copy = xmalloc(sizeof *copy);
    copy->bridge = nullable_xstrdup(src->bridge);
    copy->vlan = src->vlan;
    policy_statement_clone(&copy->policy, &src->policy);
    copy->error = nullable_xstrdup(src->error);
    return copy;
}

static bool
vnic_metadata_equals(const struct vnic_metadata *a,
                     const struct vnic_metadata *b)
{
    return a && b
           ? nullable_string_is_equal(a->bridge, b->bridge)
             && vlan_spec_equals(&a->vlan, &b->vlan)
             && policy_statement_equals(&a->policy, &b->policy)
             && nullable_string_is_equal(a->error, b->error)
           : a == b;
}

/* Gives 'vnic' a copy of 'metadata' in place of its own, or none for NULL. */
void
vnic_set_metadata(struct vnic *vnic, const struct vnic_metadata *metadata)
{
    if (vnic->metadata) {
        vnic_metadata_destroy(vnic->metadata);
        free(vnic->metadata);
    }
    vnic->metadata = metadata ? vnic_metadata_copy(metadata) : NULL;
}

/* Bandwidth. */

static bool
bandwidth_equals(const struct bandwidth *a, const struct bandwidth *b)
{
    return a->average == b->average
           && a->peak == b->peak
           && a->burst == b->burst;
}

/* vNICs. */

/* The strings, of which each vNIC owns its own. */
#define VNIC_STRINGS                            \
    VNIC_STRING(target)                         \
    VNIC_STRING(bridge)                         \
    VNIC_STRING(network)                        \
    VNIC_STRING(portgroup)                      \
    VNIC_STRING(model)                          \
    VNIC_STRING(interface_id)                   \
    VNIC_STRING(profile_id)                     \
    VNIC_STRING(source_device)                  \
    VNIC_STRING(macvtap_mode)                   \
    VNIC_STRING(vhost_path)                     \
    VNIC_STRING(vhost_mode)                     \
    VNIC_STRING(error)

static bool
strings_are_equal(const struct vnic *a, const struct vnic *b)
{
#define VNIC_STRING(MEMBER) nullable_string_is_equal(a->MEMBER, b->MEMBER) &&
    return VNIC_STRINGS true;
#undef VNIC_STRING
}

void
vnic_init(struct vnic *vnic)
{
    *vnic = (struct vnic) { .type = VNIC_OTHER, .vlan = VLAN_SPEC_INIT };
}

/* Frees what 'vnic' owns, not 'vnic' itself, and leaves it as after
 * vnic_init(). */
void
vnic_destroy(struct vnic *vnic)
{
#define VNIC_STRING(MEMBER) free(vnic->MEMBER);
    VNIC_STRINGS
#undef VNIC_STRING
    vnic_config_destroy(vnic->config);
    vnic_set_metadata(vnic, NULL);
    vnic_init(vnic);
}

/* Makes 'dst', whose content is overwritten unread, a copy of 'src'. */
void
vnic_clone(struct vnic *dst, const struct vnic *src)
{
    *dst = *src;
#define VNIC_STRING(MEMBER) dst->MEMBER = nullable_xstrdup(src->MEMBER);
    VNIC_STRINGS
#undef VNIC_STRING
    dst->metadata = src->metadata ? vnic_metadata_copy(src->metadata) : NULL;
    if (src->config) {
        dst->config = vnic_config_create(src->config->network,
                                         src->config->portgroup,
                                         &src->config->vlan);
    }
}

bool
vnic_equals(const struct vnic *a, const struct vnic *b)
{
    return vnic_id_equals(&a->id, &b->id)
           && a->type == b->type
           && a->has_ovs_virtualport == b->has_ovs_virtualport
           && a->has_bandwidth == b->has_bandwidth
           && bandwidth_equals(&a->inbound, &b->inbound)
           && bandwidth_equals(&a->outbound, &b->outbound)
           && vlan_spec_equals(&a->vlan, &b->vlan)
           && vnic_config_equals(a->config, b->config)
           && vnic_metadata_equals(a->metadata, b->metadata)
           && strings_are_equal(a, b);
}

/* True if libvirt makes the port of 'vnic', should that be on Open vSwitch. */
bool
vnic_is_plugged_by_libvirt(const struct vnic *vnic)
{
    return vnic->type == VNIC_BRIDGE || vnic->type == VNIC_NETWORK;
}

/* True if 'vnic' may have a port that libvirt leaves to others. */
bool
vnic_may_be_plugged_by_us(const struct vnic *vnic)
{
    return vnic->type == VNIC_ETHERNET || vnic->type == VNIC_VHOSTUSER;
}

/* Returns the name that the port of 'vnic' has, or would have: its network
 * device's or, of a vhost-user socket, that of the file.  NULL while nobody
 * knows it.  Valid as long as 'vnic'. */
const char *
vnic_port_name(const struct vnic *vnic)
{
    if (vnic->target || vnic->type != VNIC_VHOSTUSER || !vnic->vhost_path) {
        return vnic->target;
    }
    const char *slash = strrchr(vnic->vhost_path, '/');
    return slash ? slash + 1 : vnic->vhost_path;
}

/* True if 'vnic' is on a network that libvirt has resolved, as it does when
 * the guest starts: bridge and VLANs are those that were merged then, from
 * the interface, its port group and its network. */
bool
vnic_is_merged(const struct vnic *vnic)
{
    return vnic->network && vnic->type != VNIC_NETWORK;
}

/* Takes from 'configured', the same interface in the domain's definition, how
 * 'vnic' is configured; NULL: it is not there. */
void
vnic_set_config(struct vnic *vnic, const struct vnic *configured)
{
    vnic_config_destroy(vnic->config);
    vnic->config = configured
                   ? vnic_config_create(configured->network,
                                        configured->portgroup,
                                        &configured->vlan)
                   : NULL;
}

/* Domains. */

struct domain *
domain_create(void)
{
    return xzalloc(sizeof(struct domain));
}

void
domain_destroy(struct domain *domain)
{
    if (domain) {
        for (size_t i = 0; i < domain->n_vnics; i++) {
            vnic_destroy(&domain->vnics[i]);
        }
        free(domain->vnics);
        free(domain->name);
        free(domain->error);
        free(domain->failure);
        svec_destroy(&domain->metadata_errors);
        free(domain);
    }
}

/* True if 'a' and 'b' say the same; when they were read does not matter. */
bool
domain_equals(const struct domain *a, const struct domain *b)
{
    if (!uuid_equals(&a->uuid, &b->uuid)
        || a->is_active != b->is_active
        || a->stage != b->stage
        || a->place != b->place
        || a->n_vnics != b->n_vnics
        || !nullable_string_is_equal(a->name, b->name)
        || !nullable_string_is_equal(a->error, b->error)
        || !nullable_string_is_equal(a->failure, b->failure)
        || !svec_equal(&a->metadata_errors, &b->metadata_errors)) {
        return false;
    }
    for (size_t i = 0; i < a->n_vnics; i++) {
        if (!vnic_equals(&a->vnics[i], &b->vnics[i])) {
            return false;
        }
    }
    return true;
}

/* Appends 'vnic' to 'domain', which takes over its strings, and completes its
 * identity: the domain's UUID (set it first), and the ordinal among the
 * interfaces that share its MAC.  Returns the stored vNIC, valid until the
 * next one is added. */
struct vnic *
domain_add_vnic(struct domain *domain, struct vnic *vnic)
{
    vnic->id.domain = domain->uuid;
    vnic->id.ordinal = 0;
    for (size_t i = 0; i < domain->n_vnics; i++) {
        if (eth_addr_equals(domain->vnics[i].id.mac, vnic->id.mac)) {
            vnic->id.ordinal++;
        }
    }

    domain->vnics = xrealloc(domain->vnics,
                             (domain->n_vnics + 1) * sizeof *domain->vnics);
    domain->vnics[domain->n_vnics] = *vnic;
    vnic_init(vnic);
    return &domain->vnics[domain->n_vnics++];
}

/* Returns the first interface of 'domain' with 'mac', or NULL. */
const struct vnic *
domain_find_mac(const struct domain *domain, struct eth_addr mac)
{
    for (size_t i = 0; i < domain->n_vnics; i++) {
        if (eth_addr_equals(domain->vnics[i].id.mac, mac)) {
            return &domain->vnics[i];
        }
    }
    return NULL;
}

/* True if 'domain' has no vNICs but those that it says. */
bool
domain_is_told(const struct domain *domain)
{
    return !domain->error && !domain->failure;
}

/* True if some vNIC of 'domain' is merged. */
bool
domain_is_merged(const struct domain *domain)
{
    for (size_t i = 0; i < domain->n_vnics; i++) {
        if (vnic_is_merged(&domain->vnics[i])) {
            return true;
        }
    }
    return false;
}

/* True if some vNIC of 'domain' is on a network. */
bool
domain_has_networks(const struct domain *domain)
{
    for (size_t i = 0; i < domain->n_vnics; i++) {
        if (domain->vnics[i].network) {
            return true;
        }
    }
    return false;
}

static const struct vnic *
find_vnic(const struct domain *domain, const struct vnic_id *id)
{
    for (size_t i = 0; i < domain->n_vnics; i++) {
        if (vnic_id_equals(&domain->vnics[i].id, id)) {
            return &domain->vnics[i];
        }
    }
    return NULL;
}

/* Gives each merged vNIC of 'domain' its configuration, out of 'configured',
 * the same domain's definition. */
void
domain_set_configs(struct domain *domain, const struct domain *configured)
{
    for (size_t i = 0; i < domain->n_vnics; i++) {
        struct vnic *vnic = &domain->vnics[i];
        const struct vnic *found = find_vnic(configured, &vnic->id);
        if (vnic_is_merged(vnic) && found && !found->error) {
            vnic_set_config(vnic, found);
        }
    }
}

/* Had the guest of 'domain' begun to run on this host? */
static bool
has_run_here(const struct domain *domain)
{
    return domain->is_active && domain->place != GUEST_INCOMING
           && domain->stage != DOMAIN_PREPARED
           && domain->stage != DOMAIN_STARTING;
}

/* Is 'domain' of the same start of its guest as 'before', the reading before
 * it?  The first hook of a start is "prepare", unless "migrate" comes before
 * it. */
static bool
is_of_same_start(const struct domain *domain, const struct domain *before)
{
    return domain->stage != DOMAIN_PREPARED
           || before->stage == DOMAIN_PREPARED;
}

/* Where is the guest of 'domain', of which libvirt itself tells?  While its
 * QEMU is being started, whoever told of that before knows. */
static enum guest_place
find_place(const struct domain *domain, const struct domain *before)
{
    switch (domain->migration) {
    case MIGRATION_NONE:
        return GUEST_HERE;
    case MIGRATION_STARTING:
        return (before && before->is_active ? before->place
                : GUEST_INCOMING);
    case MIGRATION_PAUSED:
        return (before && has_run_here(before) ? GUEST_ELSEWHERE
                : GUEST_INCOMING);
    case MIGRATION_LEFT:
        return GUEST_ELSEWHERE;
    }
    OVS_NOT_REACHED();
}

/* Completes what 'domain' says of a migration with what 'before' did, the
 * reading before it; NULL: there is none.  libvirt calls both of its ends the
 * same, and of hooks only the first says that a guest comes from elsewhere.
 * Without a hook each guest that is being started may. */
void
domain_follow_migration(struct domain *domain, const struct domain *before)
{
    if (domain->stage == DOMAIN_READ) {
        domain->place = find_place(domain, before);
    } else if (before && before->place == GUEST_INCOMING
               && is_of_same_start(domain, before)) {
        domain->place = GUEST_INCOMING;
    }
}

/* Sets of domains. */

void
domain_set_init(struct domain_set *set)
{
    hmap_init(&set->domains);
}

void
domain_set_destroy(struct domain_set *set)
{
    struct domain *domain;
    HMAP_FOR_EACH_POP (domain, node, &set->domains) {
        domain_destroy(domain);
    }
    hmap_destroy(&set->domains);
}

struct domain *
domain_set_find(const struct domain_set *set, const struct uuid *uuid)
{
    struct domain *domain;
    HMAP_FOR_EACH_WITH_HASH (domain, node, uuid_hash(uuid), &set->domains) {
        if (uuid_equals(&domain->uuid, uuid)) {
            return domain;
        }
    }
    return NULL;
}

/* Takes ownership of 'domain' and puts it in the place of the one with the
 * same UUID, if any.  Returns true if it says anything new. */
bool
domain_set_replace(struct domain_set *set, struct domain *domain)
{
    struct domain *old = domain_set_find(set, &domain->uuid);
    bool changed = !old || !domain_equals(old, domain);
    if (old) {
        hmap_remove(&set->domains, &old->node);
        domain_destroy(old);
    }
    hmap_insert(&set->domains, &domain->node, uuid_hash(&domain->uuid));
    return changed;
}

/* Forgets the domain 'uuid'.  Returns true if there was one. */
bool
domain_set_remove(struct domain_set *set, const struct uuid *uuid)
{
    struct domain *domain = domain_set_find(set, uuid);
    if (domain) {
        hmap_remove(&set->domains, &domain->node);
        domain_destroy(domain);
    }
    return domain != NULL;
}
