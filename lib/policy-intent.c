/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */

/* What a vNIC may do, and who said so.  Pure.
 *
 * Metadata goes before the settings of the bridge, those before the host's,
 * those before the defaults: field by field.
 *
 * Where a tenant writes the metadata, vnicd-metadata=stricter binds it to what
 * allows less than the rest, which knows no class, no service and no address:
 *
 *   - each class but promiscuous reaches fewer ports;
 *   - a guard is stricter if it lets less pass;
 *   - each service allows more;
 *   - an address binds, because of its family only the entries pass, as long
 *     as it goes with the vNIC's own MAC, and as long as addresses of unknown
 *     families pass.  A single link-local address is more than that: it is
 *     taken from all others of the VLAN.  Only the one that follows from the
 *     MAC is the vNIC's without saying. */

#include <config.h>
#include "lib/policy-intent.h"

#include <stdlib.h>

#include "lib/cleanup.h"
#include "lib/settings.h"
#include "lib/text.h"
#include "lib/vlan.h"
#include "openvswitch/dynamic-string.h"
#include "packets.h"
#include "svec.h"
#include "util.h"

/* Of many things, a note names this many. */
enum { MAX_NAMED = 3 };

static const char *const source_names[] = {
#define POLICY_SOURCE(ENUM, NAME) [POLICY_FROM_##ENUM] = NAME,
    POLICY_SOURCES
#undef POLICY_SOURCE
};

const char *
policy_source_to_string(enum policy_source source)
{
    return source_names[source];
}

/* Settings. */

static enum policy_source
source_of(const struct settings *settings, enum setting setting)
{
    switch (settings->sources[setting]) {
    case SETTING_FROM_DEFAULT:
        return POLICY_FROM_DEFAULT;
    case SETTING_FROM_HOST:
        return POLICY_FROM_HOST;
    case SETTING_FROM_BRIDGE:
        return POLICY_FROM_BRIDGE;
    }
    OVS_NOT_REACHED();
}

static void
say_settings(const struct settings *settings, struct policy_intent *intent)
{
    intent->policy.guard = settings->guard;
    intent->sources = (struct policy_sources) {
        .isolation = POLICY_FROM_DEFAULT,
        .guard = source_of(settings, SETTING_GUARD),
        .services = POLICY_FROM_DEFAULT,
        .addresses = POLICY_FROM_DEFAULT,
    };
}

/* Metadata: what is not followed is added to 'refused'. */

static bool
is_bound(const struct policy_facts *facts)
{
    return facts->settings->metadata == METADATA_STRICTER;
}

static void
say_isolation(const struct policy_facts *facts, struct policy_intent *intent)
{
    const struct policy *said = &facts->metadata->policy;
    intent->policy.isolation = said->isolation;
    intent->policy.community = nullable_xstrdup(said->community);
    intent->sources.isolation = facts->metadata_source;
}

/* How much a level keeps from passing. */
static int
strictness(enum guard_level level)
{
    switch (level) {
    case GUARD_OFF:
        return 0;
    case GUARD_MONITOR:
        return 1;
    case GUARD_ENFORCE:
        return 2;
    }
    OVS_NOT_REACHED();
}

static void
say_guard(const struct policy_facts *facts, struct policy_intent *intent,
          struct svec *refused)
{
    enum guard_level level = facts->metadata->policy.guard;
    if (is_bound(facts)
        && strictness(level) < strictness(intent->policy.guard)) {
        svec_add_nocopy(refused, xasprintf("guard %s",
                                           guard_level_to_string(level)));
        return;
    }
    intent->policy.guard = level;
    intent->sources.guard = facts->metadata_source;
}

static void
say_services(const struct policy_facts *facts, struct policy_intent *intent,
             struct svec *refused)
{
    unsigned int services = facts->metadata->policy.services;
    if (!is_bound(facts)) {
        intent->policy.services = services;
        intent->sources.services = facts->metadata_source;
        return;
    }
    for (; services; services = zero_rightmost_1bit(services)) {
        const char *name = policy_service_to_string(rightmost_1bit(services));
        svec_add_nocopy(refused, xasprintf("service %s", name));
    }
}

/* Does 'address' keep the vNIC from using others, and nobody else from
 * anything? */
static bool
only_binds(const struct policy_address *address,
           const struct policy_facts *facts)
{
    if (!eth_addr_is_zero(address->mac)) {
        return false;
    }
    if (policy_address_family(address) != POLICY_FAMILY_LINK_LOCAL) {
        return facts->settings->passes_unknown_addresses;
    }
    struct in6_addr own;
    in6_generate_lla(facts->mac, &own);
    return address->plen < 128 || ipv6_addr_equals(&address->ip, &own);
}

static void
say_addresses(const struct policy_facts *facts, struct policy_intent *intent,
              struct svec *refused)
{
    const struct policy *said = &facts->metadata->policy;
    for (size_t i = 0; i < said->n_addresses; i++) {
        const struct policy_address *address = &said->addresses[i];
        if (is_bound(facts) && !only_binds(address, facts)) {
            CLEANUP_FREE char *name = policy_address_to_string(address);
            svec_add_nocopy(refused, xasprintf("address %s", name));
        } else {
            *policy_add_address(&intent->policy) = *address;
            intent->sources.addresses = facts->metadata_source;
        }
    }
}

/* Returns the first of 'names', and a sign that there are more, as a malloc'd
 * string. */
static char *
name_some(const struct svec *names)
{
    struct ds s = DS_EMPTY_INITIALIZER;
    for (size_t i = 0; i < MIN(names->n, MAX_NAMED); i++) {
        ds_put_format(&s, "%s%s", i ? ", " : "", names->names[i]);
    }
    ds_put_cstr(&s, names->n > MAX_NAMED ? ", …" : "");
    return ds_steal_cstr(&s);
}

static void
say_metadata(const struct policy_facts *facts, struct policy_intent *intent)
{
    struct svec refused = SVEC_EMPTY_INITIALIZER;
    unsigned int said = facts->metadata->said;

    if (said & POLICY_FIELD_ISOLATION) {
        say_isolation(facts, intent);
    }
    if (said & POLICY_FIELD_GUARD) {
        say_guard(facts, intent, &refused);
    }
    if (said & POLICY_FIELD_SERVICES) {
        say_services(facts, intent, &refused);
    }
    if (said & POLICY_FIELD_ADDRESSES) {
        say_addresses(facts, intent, &refused);
    }
    if (refused.n) {
        CLEANUP_FREE char *names = name_some(&refused);
        intent->note = xasprintf("metadata is not followed (vnicd-metadata="
                                 "stricter) where it allows more: %s", names);
    }
    svec_destroy(&refused);
}

/* Looking at the whole. */

/* Whoever may use any MAC could leave its class by using another's. */
static char *
check_any_mac(const struct policy *policy)
{
    if (!(policy->services & SERVICE_ANY_MAC)
        || policy->isolation == ISOLATION_PROMISCUOUS) {
        return NULL;
    }
    return xasprintf("service any-mac is for class promiscuous, not for %s",
                     isolation_class_to_string(policy->isolation));
}

/* An address in a VLAN that the vNIC is not on helps nobody, and may be what is
 * left of a VLAN that it was on. */
static void
note_foreign_vlans(const struct policy_facts *facts,
                   struct policy_intent *intent)
{
    struct svec foreign = SVEC_EMPTY_INITIALIZER;
    struct vlan_set members;
    vlan_spec_members(facts->vlan, &members);
    for (size_t i = 0; i < intent->policy.n_addresses; i++) {
        const struct policy_address *address = &intent->policy.addresses[i];
        if (address->vlan >= 0
            && !vlan_set_contains(&members, address->vlan)) {
            svec_add_nocopy(&foreign, policy_address_to_string(address));
        }
    }
    if (foreign.n) {
        CLEANUP_FREE char *names = name_some(&foreign);
        intent->note = text_join(intent->note,
                                 xasprintf("it is not on the VLAN of its "
                                           "addresses: %s", names));
    }
    svec_destroy(&foreign);
}

/* Stores in 'intent', whose content is overwritten unread, what follows from
 * 'facts', for the caller to destroy.  Returns a sentence if that cannot be
 * used. */
char *
policy_intent_compute(const struct policy_facts *facts,
                      struct policy_intent *intent)
{
    *intent = (struct policy_intent) POLICY_INTENT_INIT;
    say_settings(facts->settings, intent);
    if (facts->metadata && facts->settings->metadata != METADATA_NONE) {
        say_metadata(facts, intent);
    }
    note_foreign_vlans(facts, intent);
    return check_any_mac(&intent->policy);
}

/* Frees what 'intent' owns and leaves it empty. */
void
policy_intent_destroy(struct policy_intent *intent)
{
    policy_destroy(&intent->policy);
    free(intent->note);
    *intent = (struct policy_intent) POLICY_INTENT_INIT;
}
