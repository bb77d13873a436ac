/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */

/* Tables SERVICE, UDP and ICMPV6: may the vNIC play the role that this packet
 * plays?  Roles are a DHCP server's, a router's (its advertisements and
 * redirects, the queries of a multicast router) and that of a neighbour.
 *
 * Ports are matched behind a look at the protocol, so that a connection over
 * TCP does not make a flow of the datapath for each port. */

#include <config.h>
#include "flows/pipeline-private.h"

#include <netinet/icmp6.h>
#include <netinet/ip_icmp.h>

#include "dhcp.h"
#include "packets.h"
#include "util.h"

#define DHCPV6_CLIENT_PORT 546      /* RFC 8415, 7.2. */
#define DHCPV6_SERVER_PORT 547

#define ICMP_ROUTER_ADVERTISEMENT 9         /* RFC 1256. */
#define ICMPV6_MULTICAST_ROUTER_ADVERT 151  /* RFC 4286. */
#define ICMPV6_MULTICAST_ROUTER_END 153     /* RFC 4286. */
#define ICMPV6_FAST_HANDOVER 154            /* RFC 5568: router proxies. */

/* Ends a flow for what only vNICs with 'service' may send. */
static void
end_role(struct pipeline *p, enum table_id table, enum table_priority priority,
         enum policy_service service, enum table_rule rule)
{
    match_flag(&p->match, FLAG_SERVICE(service), false);
    pipeline_end_violation(p, table, priority, rule);
}

/* SERVICE. */

static void
add_protocol(struct pipeline *p, enum table_priority priority,
             uint16_t ethertype, uint8_t protocol, enum table_id next)
{
    pipeline_begin(p, NULL);
    match_ip_protocol(&p->match, ethertype, protocol);
    put_resubmit(p, next);
    pipeline_end(p, TABLE_SERVICE, priority, RULE_PROTOCOL);
}

static void
add_other_protocols(struct pipeline *p, uint16_t ethertype)
{
    pipeline_begin(p, NULL);
    match_ethertype(&p->match, ethertype);
    put_resubmit(p, TABLE_EGRESS_RULES);
    pipeline_end(p, TABLE_SERVICE, PRIORITY_ANY, RULE_PROTOCOL);
}

static void
add_icmp_router(struct pipeline *p, uint8_t type)
{
    pipeline_begin(p, NULL);
    match_ip_protocol(&p->match, ETH_TYPE_IP, IPPROTO_ICMP);
    match_set_icmp_type(&p->match, type);
    end_role(p, TABLE_SERVICE, PRIORITY_REFUSE, SERVICE_ROUTER, RULE_ROUTER);
}

/* The type of IGMP cannot be matched, but general queries alone go to all
 * systems (RFC 3376, 4.1.12). */
static void
add_igmp_query(struct pipeline *p)
{
    pipeline_begin(p, NULL);
    match_ip_protocol(&p->match, ETH_TYPE_IP, IPPROTO_IGMP);
    match_set_nw_dst(&p->match, htonl(INADDR_ALLHOSTS_GROUP));
    end_role(p, TABLE_SERVICE, PRIORITY_SPECIAL, SERVICE_ROUTER, RULE_QUERIER);
}

/* What the switch says of headers that it cannot follow to their end. */
static void
add_broken_header_chain(struct pipeline *p)
{
    pipeline_begin(p, NULL);
    match_ip_protocol(&p->match, ETH_TYPE_IPV6, 0);
    pipeline_end_violation(p, TABLE_SERVICE, PRIORITY_SPECIAL,
                           RULE_HEADER_CHAIN);
}

static void
add_services(struct pipeline *p)
{
    add_protocol(p, PRIORITY_FIRST, ETH_TYPE_IP, IPPROTO_TCP,
                 TABLE_EGRESS_RULES);
    add_protocol(p, PRIORITY_FIRST, ETH_TYPE_IPV6, IPPROTO_TCP,
                 TABLE_EGRESS_RULES);
    add_protocol(p, PRIORITY_FIRST, ETH_TYPE_IP, IPPROTO_UDP, TABLE_UDP);
    add_protocol(p, PRIORITY_FIRST, ETH_TYPE_IPV6, IPPROTO_UDP, TABLE_UDP);
    add_protocol(p, PRIORITY_FIRST, ETH_TYPE_IPV6, IPPROTO_ICMPV6,
                 TABLE_ICMPV6);
    add_icmp_router(p, ICMP_REDIRECT);
    add_icmp_router(p, ICMP_ROUTER_ADVERTISEMENT);
    add_igmp_query(p);
    add_broken_header_chain(p);
    add_other_protocols(p, ETH_TYPE_IP);
    add_other_protocols(p, ETH_TYPE_IPV6);
    pipeline_begin(p, NULL);
    pipeline_end_violation(p, TABLE_SERVICE, PRIORITY_MISS, RULE_ETHERTYPE);
}

/* UDP. */

/* A server answers from its own port, or from any, to the client's. */
static void
add_dhcp_server(struct pipeline *p, uint16_t ethertype, uint16_t server_port,
                uint16_t client_port)
{
    pipeline_begin(p, NULL);
    match_ip_protocol(&p->match, ethertype, IPPROTO_UDP);
    match_set_tp_src(&p->match, htons(server_port));
    end_role(p, TABLE_UDP, PRIORITY_REFUSE, SERVICE_DHCP_SERVER,
             RULE_DHCP_SERVER);

    pipeline_begin(p, NULL);
    match_ip_protocol(&p->match, ethertype, IPPROTO_UDP);
    match_set_tp_dst(&p->match, htons(client_port));
    end_role(p, TABLE_UDP, PRIORITY_REFUSE, SERVICE_DHCP_SERVER,
             RULE_DHCP_SERVER);
}

static void
add_udp(struct pipeline *p)
{
    add_dhcp_server(p, ETH_TYPE_IP, DHCP_SERVER_PORT, DHCP_CLIENT_PORT);
    add_dhcp_server(p, ETH_TYPE_IPV6, DHCPV6_SERVER_PORT, DHCPV6_CLIENT_PORT);

    /* A first fragment that ends before the ports (RFC 7112). */
    pipeline_begin(p, NULL);
    match_ip_protocol(&p->match, ETH_TYPE_IPV6, IPPROTO_UDP);
    match_set_nw_frag(&p->match, FLOW_NW_FRAG_ANY);
    match_set_tp_src(&p->match, htons(0));
    match_set_tp_dst(&p->match, htons(0));
    pipeline_end_violation(p, TABLE_UDP, PRIORITY_REFUSE, RULE_HEADER_CHAIN);

    pipeline_miss(p, TABLE_UDP, TABLE_EGRESS_RULES, RULE_PROTOCOL);
}

/* ICMPV6. */

static void
match_first_fragment(struct match *match)
{
    match_ip_protocol(match, ETH_TYPE_IPV6, IPPROTO_ICMPV6);
    match_set_nw_frag(match, FLOW_NW_FRAG_ANY);
}

/* What is in a fragment is not looked at by those who follow RFC 6980; others
 * are protected here.  Echoes are large, and harmless. */
static void
add_first_fragments(struct pipeline *p)
{
    static const uint8_t echoes[] = { ICMP6_ECHO_REQUEST, ICMP6_ECHO_REPLY };
    for (size_t i = 0; i < ARRAY_SIZE(echoes); i++) {
        pipeline_begin(p, NULL);
        match_first_fragment(&p->match);
        match_set_icmp_type(&p->match, echoes[i]);
        put_resubmit(p, TABLE_EGRESS_RULES);
        pipeline_end(p, TABLE_ICMPV6, PRIORITY_FIRST, RULE_PROTOCOL);
    }
    pipeline_begin(p, NULL);
    match_first_fragment(&p->match);
    pipeline_end_violation(p, TABLE_ICMPV6, PRIORITY_FLAG, RULE_FRAGMENT);
}

static void
add_router(struct pipeline *p, uint8_t type)
{
    pipeline_begin(p, NULL);
    match_icmpv6(&p->match, type);
    end_role(p, TABLE_ICMPV6, PRIORITY_SPECIAL, SERVICE_ROUTER,
             type == MLD_QUERY ? RULE_QUERIER : RULE_ROUTER);
}

static void
add_routers(struct pipeline *p)
{
    static const uint8_t types[] = {
        ND_ROUTER_ADVERT, ND_REDIRECT, ICMP6_ROUTER_RENUMBERING, MLD_QUERY,
        ICMPV6_MULTICAST_ROUTER_ADVERT, ICMPV6_MULTICAST_ROUTER_END,
        ICMPV6_FAST_HANDOVER,
    };
    for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
        add_router(p, types[i]);
    }
}

/* Where a neighbour is: in a solicitation the sender, in an advertisement the
 * target. */
static void
match_link_layer_option(struct match *match, uint8_t type,
                        const struct eth_addr mac)
{
    match_icmpv6(match, type);
    if (type == ND_NEIGHBOR_SOLICIT) {
        match_set_arp_sha(match, mac);
    } else {
        match_set_arp_tha(match, mac);
    }
}

static void
put_neighbour(struct pipeline *p, uint8_t type)
{
    put_resubmit(p, type == ND_NEIGHBOR_SOLICIT ? TABLE_EGRESS_RULES
                                                : TABLE_ND_TARGET);
    pipeline_end(p, TABLE_ICMPV6, PRIORITY_EXACT, RULE_OWN_LINK_LAYER);
}

/* 'mac' zero: there is no option. */
static void
add_neighbour(struct pipeline *p, const struct pipeline_vnic *vnic,
              uint8_t type, const struct eth_addr mac)
{
    pipeline_begin_from(p, vnic);
    match_link_layer_option(&p->match, type, mac);
    put_neighbour(p, type);
}

static void
add_neighbours(struct pipeline *p, const struct pipeline_vnic *vnic,
               uint8_t type)
{
    if (vnic_may_use_any_mac(vnic)) {
        pipeline_begin_from(p, vnic);
        match_icmpv6(&p->match, type);
        put_neighbour(p, type);
        return;
    }
    struct eth_addr mac;
    add_neighbour(p, vnic, type, eth_addr_zero);
    VNIC_MAC_FOR_EACH (mac, vnic) {
        add_neighbour(p, vnic, type, mac);
    }
}

/* An option that comes twice reads as zero, as does the target then. */
static void
add_neighbour_refusals(struct pipeline *p, uint8_t type)
{
    pipeline_begin(p, NULL);
    match_icmpv6(&p->match, type);
    match_set_nd_target(&p->match, &in6addr_any);
    pipeline_end_violation(p, TABLE_ICMPV6, PRIORITY_REFUSE, RULE_ND_TARGET);

    pipeline_begin(p, NULL);
    match_ip_protocol(&p->match, ETH_TYPE_IPV6, IPPROTO_ICMPV6);
    match_set_icmp_type(&p->match, type);
    pipeline_end_violation(p, TABLE_ICMPV6, PRIORITY_REST, RULE_ND_OPTION);
}

static void
add_icmpv6(struct pipeline *p)
{
    add_first_fragments(p);
    add_routers(p);
    add_neighbour_refusals(p, ND_NEIGHBOR_SOLICIT);
    add_neighbour_refusals(p, ND_NEIGHBOR_ADVERT);
    pipeline_miss(p, TABLE_ICMPV6, TABLE_EGRESS_RULES, RULE_PROTOCOL);
}

void
pipeline_services_vnic(struct pipeline *p, const struct pipeline_vnic *vnic,
                       const struct vlan_set *vlans OVS_UNUSED)
{
    if (vnic_is_guarded(vnic)) {
        add_neighbours(p, vnic, ND_NEIGHBOR_SOLICIT);
        add_neighbours(p, vnic, ND_NEIGHBOR_ADVERT);
    }
}

void
pipeline_services(struct pipeline *p)
{
    add_services(p);
    add_udp(p);
    add_icmpv6(p);
}
