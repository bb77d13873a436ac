/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */

/* What a vNIC may do: a value type, the names of its enumerations, and the
 * addresses in it.  Pure. */

#include <config.h>
#include "lib/policy.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "openvswitch/dynamic-string.h"
#include "packets.h"
#include "util.h"

/* Names. */

static const char *const class_names[] = {
#define ISOLATION_CLASS(ENUM, NAME) [ISOLATION_##ENUM] = NAME,
    ISOLATION_CLASSES
#undef ISOLATION_CLASS
};

static const char *const level_names[] = {
#define GUARD_LEVEL(ENUM, NAME) [GUARD_##ENUM] = NAME,
    GUARD_LEVELS
#undef GUARD_LEVEL
};

/* By the number of the bit. */
static const char *const service_names[] = {
#define POLICY_SERVICE(ENUM, NAME, BIT) [BIT] = NAME,
    POLICY_SERVICES
#undef POLICY_SERVICE
};

/* Stores in '*indexp' which of 'names' is 's' and returns true; false, and 0,
 * if none is. */
static bool
find_name(const char *const names[], size_t n, const char *s, size_t *indexp)
{
    for (size_t i = 0; i < n; i++) {
        if (!strcmp(s, names[i])) {
            *indexp = i;
            return true;
        }
    }
    *indexp = 0;
    return false;
}

const char *
isolation_class_to_string(enum isolation_class class)
{
    return class_names[class];
}

/* Stores in '*classp' the class that 's' names and returns true; false, and
 * the first class, if there is no such class. */
bool
isolation_class_from_string(const char *s, enum isolation_class *classp)
{
    size_t index;
    bool found = find_name(class_names, ARRAY_SIZE(class_names), s, &index);
    *classp = index;
    return found;
}

/* Returns the class of 'policy', with its community, as a malloc'd string:
 * "isolated", "community web"; NULL if it is promiscuous. */
char *
policy_isolation_to_string(const struct policy *policy)
{
    const char *name = isolation_class_to_string(policy->isolation);
    switch (policy->isolation) {
    case ISOLATION_PROMISCUOUS:
        return NULL;
    case ISOLATION_ISOLATED:
        return xstrdup(name);
    case ISOLATION_COMMUNITY:
        return xasprintf("%s %s", name, policy->community);
    }
    OVS_NOT_REACHED();
}

/* Gives 'policy' the class that policy_isolation_to_string() has put into 's'.
 * What cannot be read is taken for the strictest. */
void
policy_set_isolation(struct policy *policy, const char *s)
{
    CLEANUP_FREE char *class = xstrdup(s);
    char *community = class + strcspn(class, " ");
    if (*community) {
        *community++ = '\0';
    }
    free(policy->community);
    policy->community = NULL;
    if (!isolation_class_from_string(class, &policy->isolation)
        || (policy->isolation == ISOLATION_COMMUNITY) != (*community != 0)) {
        policy->isolation = ISOLATION_ISOLATED;
    } else if (*community) {
        policy->community = xstrdup(community);
    }
}

const char *
guard_level_to_string(enum guard_level level)
{
    return level_names[level];
}

/* Stores in '*levelp' the level that 's' names and returns true; false, and
 * the first level, if there is no such level. */
bool
guard_level_from_string(const char *s, enum guard_level *levelp)
{
    size_t index;
    bool found = find_name(level_names, ARRAY_SIZE(level_names), s, &index);
    *levelp = index;
    return found;
}

const char *
policy_service_to_string(enum policy_service service)
{
    return service_names[raw_ctz(service)];
}

/* Stores in '*servicep' the service that 's' names and returns true; false,
 * and the first service, if there is no such service. */
bool
policy_service_from_string(const char *s, enum policy_service *servicep)
{
    size_t index;
    bool found = find_name(service_names, ARRAY_SIZE(service_names), s,
                           &index);
    *servicep = 1u << index;
    return found;
}

/* Policies. */

void
policy_init(struct policy *policy)
{
    *policy = (struct policy) POLICY_INIT;
}

/* Frees what 'policy' owns, not 'policy' itself, and leaves it as after
 * policy_init(). */
void
policy_destroy(struct policy *policy)
{
    if (policy) {
        free(policy->community);
        free(policy->addresses);
        policy_init(policy);
    }
}

/* Makes 'dst', whose content is overwritten unread, a copy of 'src'. */
void
policy_clone(struct policy *dst, const struct policy *src)
{
    *dst = *src;
    dst->community = nullable_xstrdup(src->community);
    dst->addresses = NULL;
    if (src->n_addresses) {
        dst->addresses = xmemdup(src->addresses, src->n_addresses
                                                 * sizeof *src->addresses);
    }
}

static bool
addresses_are_equal(const struct policy *a, const struct policy *b)
{
    if (a->n_addresses != b->n_addresses) {
        return false;
    }
    for (size_t i = 0; i < a->n_addresses; i++) {
        if (!policy_address_equals(&a->addresses[i], &b->addresses[i])) {
            return false;
        }
    }
    return true;
}

/* True if 'a' and 'b' say the same, their addresses in the same order. */
bool
policy_equals(const struct policy *a, const struct policy *b)
{
    return a->isolation == b->isolation
           && nullable_string_is_equal(a->community, b->community)
           && a->guard == b->guard
           && a->services == b->services
           && addresses_are_equal(a, b);
}

/* Adds an address to 'policy': the unspecified one, with the vNIC's own MAC,
 * in each of its VLANs, for the caller to fill in.  'policy' keeps owning it;
 * the pointer is good until the next one is added. */
struct policy_address *
policy_add_address(struct policy *policy)
{
    size_t n = policy->n_addresses++;
    policy->addresses = xrealloc(policy->addresses,
                                 policy->n_addresses
                                 * sizeof *policy->addresses);
    policy->addresses[n] = (struct policy_address) { .plen = 128, .vlan = -1 };
    return &policy->addresses[n];
}

/* Statements. */

/* Frees what 'statement' owns, not 'statement' itself, and leaves it empty. */
void
policy_statement_destroy(struct policy_statement *statement)
{
    policy_destroy(&statement->policy);
    statement->said = 0;
}

/* Makes 'dst', whose content is overwritten unread, a copy of 'src'. */
void
policy_statement_clone(struct policy_statement *dst,
                       const struct policy_statement *src)
{
    policy_clone(&dst->policy, &src->policy);
    dst->said = src->said;
}

bool
policy_statement_equals(const struct policy_statement *a,
                        const struct policy_statement *b)
{
    return a->said == b->said && policy_equals(&a->policy, &b->policy);
}

/* Addresses. */

bool
policy_address_equals(const struct policy_address *a,
                      const struct policy_address *b)
{
    return ipv6_addr_equals(&a->ip, &b->ip)
           && a->plen == b->plen
           && eth_addr_equals(a->mac, b->mac)
           && a->vlan == b->vlan;
}

bool
policy_address_is_ipv4(const struct policy_address *address)
{
    return address->plen >= 96 && IN6_IS_ADDR_V4MAPPED(&address->ip);
}

/* True for addresses and prefixes within fe80::/10. */
bool
policy_address_is_link_local(const struct policy_address *address)
{
    return address->plen >= 10 && IN6_IS_ADDR_LINKLOCAL(&address->ip);
}

/* Which of them 'address' belongs to; a vNIC has a list for each. */
enum policy_family
policy_address_family(const struct policy_address *address)
{
    return (policy_address_is_ipv4(address) ? POLICY_FAMILY_IPV4
            : policy_address_is_link_local(address) ? POLICY_FAMILY_LINK_LOCAL
            : POLICY_FAMILY_IPV6);
}

/* Of 128 bits. */
static bool
is_within(const struct policy_address *address, const struct in6_addr *ip,
          unsigned int plen)
{
    struct in6_addr mask = ipv6_create_mask(plen);
    struct in6_addr network = ipv6_addr_bitand(&address->ip, &mask);
    return address->plen >= plen && ipv6_addr_equals(&network, ip);
}

/* False if no frame may come from 'address', or from any of the prefix:
 * because it is loopback, multicast or reserved, or no address at all. */
bool
policy_address_is_source(const struct policy_address *address)
{
    static const struct { struct in6_addr ip; unsigned int plen; } none[] = {
        { { .s6_addr = { [10] = 0xff, [11] = 0xff } }, 128 },
        { { .s6_addr = { [10] = 0xff, [11] = 0xff, [12] = 127 } }, 96 + 8 },
        { { .s6_addr = { [10] = 0xff, [11] = 0xff, [12] = 224 } }, 96 + 3 },
        { IN6ADDR_ANY_INIT, 128 },
        { IN6ADDR_LOOPBACK_INIT, 128 },
        { { .s6_addr = { 0xff } }, 8 },
    };
    for (size_t i = 0; i < ARRAY_SIZE(none); i++) {
        if (is_within(address, &none[i].ip, none[i].plen)) {
            return false;
        }
    }
    return true;
}

/* True if somebody told us an address of that family. */
bool
policy_knows_family(const struct policy *policy, enum policy_family family)
{
    for (size_t i = 0; i < policy->n_addresses; i++) {
        if (policy_address_family(&policy->addresses[i]) == family) {
            return true;
        }
    }
    return false;
}

/* True if 'ip' has a bit beyond its first 'plen'. */
static bool
has_host_bits(const struct in6_addr *ip, unsigned int plen)
{
    struct in6_addr mask = ipv6_create_mask(plen);
    struct in6_addr network = ipv6_addr_bitand(ip, &mask);
    return !ipv6_addr_equals(&network, ip);
}

/* Reads an IP address, without anything behind it, into '*ipp'.  Returns the
 * number of bits that are not its own in 'struct in6_addr', or -1 if 's' is no
 * address.  ("::ffff:10.0.0.5" is what we call 10.0.0.5, but on no wire.) */
static int
scan_address(const char *s, struct in6_addr *ipp)
{
    ovs_be32 ip4;
    if (inet_pton(AF_INET, s, &ip4) == 1) {
        in6_addr_set_mapped_ipv4(ipp, ip4);
        return 96;
    }
    return (inet_pton(AF_INET6, s, ipp) == 1 && !IN6_IS_ADDR_V4MAPPED(ipp)
            ? 0 : -1);
}

/* Returns the number of up to three digits that 's' is, -1 if it is none. */
static int
scan_length(const char *s)
{
    size_t len = strspn(s, "0123456789");
    return len && len <= 3 && !s[len] ? atoi(s) : -1;
}

/* Like policy_address_parse(), except that host bits are let pass and that the
 * results may be anything on failure.  Returns false if 's' is nothing of the
 * kind. */
static bool
scan_prefix(const char *s, struct in6_addr *ipp, unsigned int *plenp)
{
    size_t len = strcspn(s, "/");
    CLEANUP_FREE char *address = xmemdup0(s, len);
    int offset = scan_address(address, ipp);
    int max = 128 - offset;
    int plen = s[len] ? scan_length(s + len + 1) : max;
    *plenp = offset + plen;
    return offset >= 0 && plen >= 0 && plen <= max;
}

/* Reads the IPv4 or IPv6 address, or prefix, 's' into '*ipp' and '*plenp', in
 * the form of 'struct policy_address'.  Returns NULL; or a sentence that names
 * 's', and the unspecified address.  (libopenvswitch's own parser takes
 * "10.0.0.256" for an address.) */
char *
policy_address_parse(const char *s, struct in6_addr *ipp, unsigned int *plenp)
{
    char *error = NULL;
    if (!scan_prefix(s, ipp, plenp)) {
        error = xasprintf("'%s' is neither an IP address nor a prefix", s);
    } else if (has_host_bits(ipp, *plenp)) {
        error = xasprintf("'%s' is no prefix: it has bits beyond its length",
                          s);
    }
    if (error) {
        *ipp = in6addr_any;
        *plenp = 128;
    }
    return error;
}

/* Appends the address, "10.0.0.5" or "2001:db8::/64", to 's'. */
void
policy_address_format(const struct policy_address *address, struct ds *s)
{
    if (policy_address_is_ipv4(address)) {
        ovs_be32 mask = be32_prefix_mask(address->plen - 96);
        ip_format_masked(in6_addr_get_mapped_ipv4(&address->ip), mask, s);
    } else {
        struct in6_addr mask = ipv6_create_mask(address->plen);
        ipv6_format_masked(&address->ip, &mask, s);
    }
}

/* Returns the address and what it is bound to, "10.0.0.100 of 00:00:5e:00:01:07
 * in VLAN 10", as a malloc'd string. */
char *
policy_address_to_string(const struct policy_address *address)
{
    struct ds s = DS_EMPTY_INITIALIZER;
    policy_address_format(address, &s);
    if (!eth_addr_is_zero(address->mac)) {
        ds_put_format(&s, " of "ETH_ADDR_FMT, ETH_ADDR_ARGS(address->mac));
    }
    if (address->vlan >= 0) {
        ds_put_format(&s, " in VLAN %d", address->vlan);
    }
    return ds_steal_cstr(&s);
}
