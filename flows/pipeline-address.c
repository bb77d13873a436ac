/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */

/* Tables ADDRESS, UNSPECIFIED and ND_TARGET: are the IP addresses that a vNIC
 * speaks from, or speaks of, its own?
 *
 * Addresses are lists by family: in one with an entry only entries pass, and
 * one without is unknown.  Where nobody listed link-local addresses all of
 * them pass, except those that are known to be another vNIC's in that VLAN:
 * listed, or made from the MAC address of one that lists none (RFC 4291,
 * appendix A), as guests do by default. */

#include <config.h>
#include "flows/pipeline-private.h"

#include <netinet/icmp6.h>

#include "dhcp.h"
#include "packets.h"
#include "util.h"

/* A place where an address stands. */
struct address_use {
    void (*match)(struct match *, const struct in6_addr *, unsigned int plen);
    bool is_ipv6;
    bool has_mac;               /* ARP: the sender's MAC address beside it. */
    enum table_id table;
    enum table_id next;         /* For whoever may use the address. */
    enum table_rule rule;       /* Which is broken otherwise. */
};

static void
match_arp_sender(struct match *match, const struct in6_addr *ip,
                 unsigned int plen)
{
    match_ethertype(match, ETH_TYPE_ARP);
    match_set_nw_src_masked(match, in6_addr_get_mapped_ipv4(ip),
                            be32_prefix_mask(plen - 96));
}

static void
match_ipv4_source(struct match *match, const struct in6_addr *ip,
                  unsigned int plen)
{
    match_ethertype(match, ETH_TYPE_IP);
    match_set_nw_src_masked(match, in6_addr_get_mapped_ipv4(ip),
                            be32_prefix_mask(plen - 96));
}

static void
match_ipv6_source(struct match *match, const struct in6_addr *ip,
                  unsigned int plen)
{
    struct in6_addr mask = ipv6_create_mask(plen);
    match_ethertype(match, ETH_TYPE_IPV6);
    match_set_ipv6_src_masked(match, ip, &mask);
}

static void
match_target(struct match *match, uint8_t type, const struct in6_addr *ip,
             unsigned int plen)
{
    struct in6_addr mask = ipv6_create_mask(plen);
    match_icmpv6(match, type);
    match_set_nd_target_masked(match, ip, &mask);
}

static void
match_solicited(struct match *match, const struct in6_addr *ip,
                unsigned int plen)
{
    match_target(match, ND_NEIGHBOR_SOLICIT, ip, plen);
}

static void
match_advertised(struct match *match, const struct in6_addr *ip,
                 unsigned int plen)
{
    match_target(match, ND_NEIGHBOR_ADVERT, ip, plen);
}

static const struct address_use uses[] = {
    { match_arp_sender, false, true,
      TABLE_ADDRESS, TABLE_EGRESS_RULES, RULE_ARP },
    { match_ipv4_source, false, false,
      TABLE_ADDRESS, TABLE_SERVICE, RULE_IPV4_SOURCE },
    { match_ipv6_source, true, false,
      TABLE_ADDRESS, TABLE_SERVICE, RULE_IPV6_SOURCE },
    /* Duplicate address detection: a solicitation from "::". */
    { match_solicited, true, false,
      TABLE_ND_TARGET, TABLE_EGRESS_RULES, RULE_ND_TARGET },
    { match_advertised, true, false,
      TABLE_ND_TARGET, TABLE_EGRESS_RULES, RULE_ND_TARGET },
};

static const struct in6_addr any_ipv4 = { .s6_addr = {
    [10] = 0xff, [11] = 0xff } };
static const struct in6_addr any_link_local = { .s6_addr = {
    [0] = 0xfe, [1] = 0x80 } };

static enum table_priority
priority_of(unsigned int plen)
{
    return plen == 128 ? PRIORITY_EXACT : PRIORITY_PREFIX;
}

/* Known addresses. */

static void
match_mac(struct pipeline *p, const struct address_use *use,
          const struct eth_addr mac)
{
    match_set_dl_src(&p->match, mac);
    if (use->has_mac) {
        match_set_arp_sha(&p->match, mac);
    }
}

static void
match_vlan(struct match *match, const struct policy_address *address)
{
    if (address->vlan >= 0) {
        match_set_reg(match, REG_VLAN, address->vlan);
    }
}

/* 'vnic' may use 'address', with the MAC address that goes with it. */
static void
add_entry(struct pipeline *p, const struct pipeline_vnic *vnic,
          const struct address_use *use, const struct policy_address *address)
{
    pipeline_begin_from(p, vnic);
    use->match(&p->match, &address->ip, address->plen);
    match_vlan(&p->match, address);
    if (!eth_addr_is_zero(address->mac)) {
        match_mac(p, use, address->mac);
    } else if (!vnic_may_use_any_mac(vnic)) {
        match_mac(p, use, vnic->mac);
    }
    put_resubmit(p, use->next);
    pipeline_end(p, use->table, priority_of(address->plen), RULE_OWN_ADDRESS);
}

static void
add_entries(struct pipeline *p, const struct pipeline_vnic *vnic,
            const struct address_use *use)
{
    for (size_t i = 0; i < vnic->policy.n_addresses; i++) {
        const struct policy_address *address = &vnic->policy.addresses[i];
        if (policy_address_is_ipv4(address) != use->is_ipv6) {
            add_entry(p, vnic, use, address);
        }
    }
}

/* VRRP: who has an address that several share tells the others from the MAC
 * address that goes with it, but from an IPv4 or link-local address of its own
 * (RFC 9568, 5.1 and 7.2). */

#define VRRP_PROTOCOL 112
#define VRRP_ROUTERS 0xe0000012u    /* 224.0.0.18 */

static void
match_advertisement(struct match *match, const struct policy_address *address)
{
    static const struct in6_addr routers = { .s6_addr = {
        [0] = 0xff, [1] = 0x02, [15] = 0x12 } };
    if (policy_address_is_ipv4(address)) {
        match_ipv4_source(match, &address->ip, address->plen);
        match_set_nw_dst(match, htonl(VRRP_ROUTERS));
    } else {
        match_ipv6_source(match, &address->ip, address->plen);
        match_set_ipv6_dst(match, &routers);
    }
    match_set_nw_proto(match, VRRP_PROTOCOL);
}

/* From each MAC address of 'vnic': SOURCE_MAC lets no other pass. */
static void
add_advertiser(struct pipeline *p, const struct pipeline_vnic *vnic,
               const struct policy_address *address)
{
    pipeline_begin_from(p, vnic);
    match_advertisement(&p->match, address);
    match_vlan(&p->match, address);
    put_resubmit(p, TABLE_SERVICE);
    pipeline_end(p, TABLE_ADDRESS, priority_of(address->plen),
                 RULE_OWN_ADDRESS);
}

static void
add_advertisers(struct pipeline *p, const struct pipeline_vnic *vnic)
{
    for (size_t i = 0; i < vnic->policy.n_addresses; i++) {
        const struct policy_address *address = &vnic->policy.addresses[i];
        bool is_own = eth_addr_is_zero(address->mac)
                      || eth_addr_equals(address->mac, vnic->mac);
        if (is_own && policy_address_family(address) != POLICY_FAMILY_IPV6) {
            add_advertiser(p, vnic, address);
        }
    }
}

/* Unknown addresses. */

static void
add_any(struct pipeline *p, const struct pipeline_vnic *vnic,
        const struct address_use *use, const struct eth_addr *mac)
{
    pipeline_begin_from(p, vnic);
    use->match(&p->match, use->is_ipv6 ? &in6addr_any : &any_ipv4,
               use->is_ipv6 ? 0 : 96);
    if (mac) {
        match_mac(p, use, *mac);
    }
    put_resubmit(p, use->next);
    pipeline_end(p, use->table, PRIORITY_ANY, RULE_UNKNOWN_ADDRESS);
}

static void
add_unknown(struct pipeline *p, const struct pipeline_vnic *vnic,
            const struct address_use *use)
{
    if (!use->has_mac || vnic_may_use_any_mac(vnic)) {
        add_any(p, vnic, use, NULL);
        return;
    }
    struct eth_addr mac;
    VNIC_MAC_FOR_EACH (mac, vnic) {
        add_any(p, vnic, use, &mac);
    }
}

/* Link-local addresses. */

static struct in6_addr
link_local_of(const struct pipeline_vnic *vnic)
{
    struct in6_addr ip;
    in6_generate_lla(vnic->mac, &ip);
    return ip;
}

/* 'vnic' may use each link-local address that is not known to be another's. */
static void
add_any_link_local(struct pipeline *p, const struct pipeline_vnic *vnic,
                   const struct address_use *use)
{
    struct in6_addr own = link_local_of(vnic);
    pipeline_begin_from(p, vnic);
    use->match(&p->match, &own, 128);
    put_resubmit(p, use->next);
    pipeline_end(p, use->table, PRIORITY_EXACT, RULE_LINK_LOCAL);

    pipeline_begin_from(p, vnic);
    use->match(&p->match, &any_link_local, 10);
    put_resubmit(p, use->next);
    pipeline_end(p, use->table, PRIORITY_PREFIX, RULE_LINK_LOCAL);
}

/* Where link-local addresses are listed, others are not merely unknown IPv6
 * addresses. */
static void
add_no_other_link_local(struct pipeline *p, const struct pipeline_vnic *vnic,
                        const struct address_use *use)
{
    pipeline_begin_from(p, vnic);
    use->match(&p->match, &any_link_local, 10);
    pipeline_end_violation(p, use->table, PRIORITY_FAMILY, use->rule);
}

/* In 'vlans' 'ip' is nobody's but 'vnic's. */
static void
add_claim(struct pipeline *p, const struct pipeline_vnic *vnic,
          const struct vlan_set *vlans, const struct address_use *use,
          const struct in6_addr *ip)
{
    VLAN_BLOCK_FOR_EACH (block, vlans) {
        pipeline_begin(p, vnic);
        match_vlan_register(&p->match, &block);
        use->match(&p->match, ip, 128);
        put_violation(p, use->rule);
        pipeline_end(p, use->table, PRIORITY_TAKEN, RULE_OTHERS_LINK_LOCAL);
    }
}

static void
add_claims(struct pipeline *p, const struct pipeline_vnic *vnic,
           const struct vlan_set *vlans, const struct address_use *use)
{
    if (!policy_knows_family(&vnic->policy, POLICY_FAMILY_LINK_LOCAL)) {
        struct in6_addr own = link_local_of(vnic);
        add_claim(p, vnic, vlans, use, &own);
        return;
    }
    for (size_t i = 0; i < vnic->policy.n_addresses; i++) {
        const struct policy_address *address = &vnic->policy.addresses[i];
        struct vlan_set one = { { 0 } };
        if (address->vlan >= 0) {
            vlan_set_add(&one, address->vlan);
        }
        if (policy_address_is_link_local(address) && address->plen == 128) {
            add_claim(p, vnic, address->vlan >= 0 ? &one : vlans, use,
                      &address->ip);
        }
    }
}

/* Does add_claims() have 'ip' be 'vnic''s alone? */
static bool
claims(const struct pipeline_vnic *vnic, const struct in6_addr *ip)
{
    if (!policy_knows_family(&vnic->policy, POLICY_FAMILY_LINK_LOCAL)) {
        struct in6_addr own = link_local_of(vnic);
        return ipv6_addr_equals(&own, ip);
    }
    for (size_t i = 0; i < vnic->policy.n_addresses; i++) {
        const struct policy_address *address = &vnic->policy.addresses[i];
        if (policy_address_is_link_local(address) && address->plen == 128
            && ipv6_addr_equals(&address->ip, ip)) {
            return true;
        }
    }
    return false;
}

static bool
claims_any_of(const struct pipeline_vnic *vnic,
              const struct pipeline_vnic *other)
{
    struct in6_addr own = link_local_of(other);
    if (claims(other, &own) && claims(vnic, &own)) {
        return true;
    }
    for (size_t i = 0; i < other->policy.n_addresses; i++) {
        const struct in6_addr *ip = &other->policy.addresses[i].ip;
        if (claims(other, ip) && claims(vnic, ip)) {
            return true;
        }
    }
    return false;
}

/* True if 'a' and 'b' may have a flow in common: all that match no port, and
 * do not name their vNIC, match a MAC address or one that is claimed. */
bool
vnic_is_related(const struct pipeline_vnic *a, const struct pipeline_vnic *b)
{
    return eth_addr_equals(a->mac, b->mac) || claims_any_of(a, b);
}

/* All that 'vnic' may say in a place. */
static void
add_use(struct pipeline *p, const struct pipeline_vnic *vnic,
        const struct address_use *use)
{
    const struct policy *policy = &vnic->policy;
    add_entries(p, vnic, use);
    if (use->is_ipv6) {
        if (policy_knows_family(policy, POLICY_FAMILY_LINK_LOCAL)) {
            add_no_other_link_local(p, vnic, use);
        } else {
            add_any_link_local(p, vnic, use);
        }
    }
    if (p->bridge->passes_unknown_addresses
        && !policy_knows_family(policy, (use->is_ipv6 ? POLICY_FAMILY_IPV6
                                         : POLICY_FAMILY_IPV4))) {
        add_unknown(p, vnic, use);
    }
}

/* Before there is an address. */

/* ARP probes (RFC 5227), and the RARP with which a guest that has moved says
 * where it is now. */
static void
add_announcements(struct pipeline *p, const struct pipeline_vnic *vnic)
{
    struct eth_addr mac;
    VNIC_MAC_FOR_EACH (mac, vnic) {
        pipeline_begin_from(p, vnic);
        match_ethertype(&p->match, ETH_TYPE_ARP);
        match_set_nw_proto(&p->match, ARP_OP_REQUEST);
        match_mac(p, &uses[0], mac);
        match_set_nw_src(&p->match, htonl(INADDR_ANY));
        put_resubmit(p, TABLE_EGRESS_RULES);
        pipeline_end(p, TABLE_ADDRESS, PRIORITY_EXACT, RULE_CONFIGURATION);

        pipeline_begin_from(p, vnic);
        match_ethertype(&p->match, ETH_TYPE_RARP);
        match_mac(p, &uses[0], mac);
        match_set_arp_tha(&p->match, mac);
        match_set_nw_src(&p->match, htonl(INADDR_ANY));
        put_resubmit(p, TABLE_EGRESS_RULES);
        pipeline_end(p, TABLE_ADDRESS, PRIORITY_EXACT, RULE_ANNOUNCEMENT);
    }
}

/* Behind whom there are others, they announce themselves. */
static void
add_any_announcements(struct pipeline *p, const struct pipeline_vnic *vnic)
{
    pipeline_begin_from(p, vnic);
    match_ethertype(&p->match, ETH_TYPE_ARP);
    match_set_nw_proto(&p->match, ARP_OP_REQUEST);
    match_set_nw_src(&p->match, htonl(INADDR_ANY));
    put_resubmit(p, TABLE_EGRESS_RULES);
    pipeline_end(p, TABLE_ADDRESS, PRIORITY_SPECIAL, RULE_CONFIGURATION);

    pipeline_begin_from(p, vnic);
    match_ethertype(&p->match, ETH_TYPE_RARP);
    put_resubmit(p, TABLE_EGRESS_RULES);
    pipeline_end(p, TABLE_ADDRESS, PRIORITY_SPECIAL, RULE_ANNOUNCEMENT);
}

static void
add_dhcp_client(struct pipeline *p)
{
    pipeline_begin(p, NULL);
    match_ip_protocol(&p->match, ETH_TYPE_IP, IPPROTO_UDP);
    match_set_nw_src(&p->match, htonl(INADDR_ANY));
    match_set_tp_src(&p->match, htons(DHCP_CLIENT_PORT));
    match_set_tp_dst(&p->match, htons(DHCP_SERVER_PORT));
    put_resubmit(p, TABLE_EGRESS_RULES);
    pipeline_end(p, TABLE_ADDRESS, PRIORITY_SPECIAL, RULE_CONFIGURATION);
}

static void
add_unspecified_sources(struct pipeline *p)
{
    add_dhcp_client(p);

    /* Reports of multicast groups (RFC 3376, 4.2.13). */
    pipeline_begin(p, NULL);
    match_ip_protocol(&p->match, ETH_TYPE_IP, IPPROTO_IGMP);
    match_set_nw_src(&p->match, htonl(INADDR_ANY));
    put_resubmit(p, TABLE_SERVICE);
    pipeline_end(p, TABLE_ADDRESS, PRIORITY_SPECIAL, RULE_CONFIGURATION);

    pipeline_begin(p, NULL);
    match_ipv6_source(&p->match, &in6addr_any, 128);
    put_resubmit(p, TABLE_UNSPECIFIED);
    pipeline_end(p, TABLE_ADDRESS, PRIORITY_SPECIAL, RULE_CONFIGURATION);
}

/* Sources that nobody may have, unless listed one by one. */
static void
add_martians(struct pipeline *p)
{
    static const struct { ovs_be32 ip; int plen; } ipv4[] = {
        { CONSTANT_HTONL(0x00000000), 32 },
        { CONSTANT_HTONL(0x7f000000), 8 },
        { CONSTANT_HTONL(0xe0000000), 3 },
    };
    for (size_t i = 0; i < ARRAY_SIZE(ipv4); i++) {
        pipeline_begin(p, NULL);
        match_ethertype(&p->match, ETH_TYPE_IP);
        match_set_nw_src_masked(&p->match, ipv4[i].ip,
                                be32_prefix_mask(ipv4[i].plen));
        put_violation(p, RULE_IPV4_SOURCE);
        pipeline_end(p, TABLE_ADDRESS, PRIORITY_MARTIAN, RULE_MARTIAN);
    }

    static const struct in6_addr multicast = { .s6_addr = { 0xff } };
    static const struct in6_addr loopback = IN6ADDR_LOOPBACK_INIT;
    static const struct { const struct in6_addr *ip; int plen; } ipv6[] = {
        { &multicast, 8 },
        { &loopback, 128 },
    };
    for (size_t i = 0; i < ARRAY_SIZE(ipv6); i++) {
        pipeline_begin(p, NULL);
        match_ipv6_source(&p->match, ipv6[i].ip, ipv6[i].plen);
        put_violation(p, RULE_IPV6_SOURCE);
        pipeline_end(p, TABLE_ADDRESS, PRIORITY_MARTIAN, RULE_MARTIAN);
    }
}

/* What is left of each protocol breaks its rule. */
static void
add_rest(struct pipeline *p)
{
    static const struct {
        uint16_t ethertype;
        enum table_rule rule;
    } rest[] = {
        { ETH_TYPE_ARP, RULE_ARP },
        { ETH_TYPE_RARP, RULE_RARP },
        { ETH_TYPE_IP, RULE_IPV4_SOURCE },
        { ETH_TYPE_IPV6, RULE_IPV6_SOURCE },
    };
    for (size_t i = 0; i < ARRAY_SIZE(rest); i++) {
        pipeline_begin(p, NULL);
        match_ethertype(&p->match, rest[i].ethertype);
        pipeline_end_violation(p, TABLE_ADDRESS, PRIORITY_REST, rest[i].rule);
    }
    pipeline_begin(p, NULL);
    pipeline_end_violation(p, TABLE_ADDRESS, PRIORITY_MISS, RULE_ETHERTYPE);
    pipeline_begin(p, NULL);
    pipeline_end_violation(p, TABLE_ND_TARGET, PRIORITY_MISS, RULE_ND_TARGET);
}

/* UNSPECIFIED. */

/* Whole ICMPv6 packets alone: a fragment of what a guest sends before it has
 * an address is no such thing. */
static void
add_unspecified(struct pipeline *p, uint8_t type, enum table_id next)
{
    pipeline_begin(p, NULL);
    match_icmpv6(&p->match, type);
    match_set_nw_frag(&p->match, 0);
    if (type == ND_NEIGHBOR_SOLICIT) {
        /* No source link-layer option (RFC 4861, 4.3). */
        match_set_arp_sha(&p->match, eth_addr_zero);
    }
    put_resubmit(p, next);
    pipeline_end(p, TABLE_UNSPECIFIED, PRIORITY_EXACT, RULE_CONFIGURATION);
}

static void
add_unspecified_ipv6(struct pipeline *p)
{
    add_unspecified(p, ND_NEIGHBOR_SOLICIT, TABLE_ND_TARGET);
    add_unspecified(p, ND_ROUTER_SOLICIT, TABLE_EGRESS_RULES);
    add_unspecified(p, MLD_REPORT, TABLE_EGRESS_RULES);
    add_unspecified(p, MLD_DONE, TABLE_EGRESS_RULES);
    add_unspecified(p, MLD2_REPORT, TABLE_EGRESS_RULES);
    pipeline_begin(p, NULL);
    pipeline_end_violation(p, TABLE_UNSPECIFIED, PRIORITY_MISS,
                           RULE_IPV6_SOURCE);
}

static void
add_all_uses(struct pipeline *p, const struct pipeline_vnic *vnic)
{
    for (size_t i = 0; i < ARRAY_SIZE(uses); i++) {
        add_use(p, vnic, &uses[i]);
    }
    if (vnic_may_use_any_mac(vnic)) {
        add_any_announcements(p, vnic);
    } else {
        add_announcements(p, vnic);
        if (vnic_shares_macs(vnic)) {
            add_advertisers(p, vnic);
        }
    }
}

void
pipeline_addresses_vnic(struct pipeline *p, const struct pipeline_vnic *vnic,
                        const struct vlan_set *vlans)
{
    if (vnic_is_guarded(vnic)) {
        add_all_uses(p, vnic);
    }
    for (size_t i = 0; i < ARRAY_SIZE(uses); i++) {
        if (uses[i].is_ipv6) {
            add_claims(p, vnic, vlans, &uses[i]);
        }
    }
}

void
pipeline_addresses(struct pipeline *p)
{
    add_unspecified_sources(p);
    add_martians(p);
    add_rest(p);
    add_unspecified_ipv6(p);
}
