/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */

/* Turns the bytes of a packet, or some of its fields, into the fields that a
 * switch traces.  It is never given the bytes themselves: from a packet it
 * would learn, addresses and flows, and a question must change nothing. */

#include <config.h>
#include "flows/packet-flow.h"

#include <ctype.h>
#include <netinet/icmp6.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "dp-packet.h"
#include "flow.h"
#include "lib/cleanup.h"
#include "lib/text.h"
#include "openvswitch/dynamic-string.h"
#include "packets.h"
#include "svec.h"
#include "util.h"

/* Bytes. */

/* Both addresses and the EtherType. */
#define MIN_HEX_DIGITS (2 * ETH_HEADER_LEN)

/* All fields there are, each with a value and a mask, take less.  What is longer
 * would come back from the switch as it is, in a sentence of its own. */
#define MAX_FIELDS_LEN 2000

/* Bytes come as digits alone, perhaps with blanks or colons between them; no
 * field looks like that, each having a letter behind 'f' or a sign. */
static bool
is_hex(const char *packet)
{
    return strspn(packet, "0123456789abcdefABCDEF: ") == strlen(packet);
}

static char *
strip_separators(const char *packet)
{
    struct ds s = DS_EMPTY_INITIALIZER;
    for (; *packet; packet++) {
        if (isxdigit((unsigned char) *packet)) {
            ds_put_char(&s, *packet);
        }
    }
    return ds_steal_cstr(&s);
}

static void
put_mac(struct ds *s, const char *name, const struct eth_addr mac)
{
    ds_put_format(s, ",%s="ETH_ADDR_FMT, name, ETH_ADDR_ARGS(mac));
}

static void
put_ipv4(struct ds *s, const char *name, ovs_be32 ip)
{
    ds_put_format(s, ",%s="IP_FMT, name, IP_ARGS(ip));
}

static void
put_ipv6(struct ds *s, const char *name, const struct in6_addr *ip)
{
    ds_put_format(s, ",%s=", name);
    ipv6_format_addr(ip, s);
}

static void
put_ethernet(struct ds *s, const struct flow *flow)
{
    ds_put_format(s, "dl_type=0x%04x", ntohs(flow->dl_type));
    put_mac(s, "dl_src", flow->dl_src);
    put_mac(s, "dl_dst", flow->dl_dst);
    if (flow->vlans[0].tci & htons(VLAN_CFI)) {
        ds_put_format(s, ",dl_vlan=%d,dl_vlan_pcp=%d",
                      vlan_tci_to_vid(flow->vlans[0].tci),
                      vlan_tci_to_pcp(flow->vlans[0].tci));
    }
}

/* ARP and RARP. */
static void
put_arp(struct ds *s, const struct flow *flow)
{
    ds_put_format(s, ",arp_op=%d", flow->nw_proto);
    put_ipv4(s, "arp_spa", flow->nw_src);
    put_ipv4(s, "arp_tpa", flow->nw_dst);
    put_mac(s, "arp_sha", flow->arp_sha);
    put_mac(s, "arp_tha", flow->arp_tha);
}

static void
put_ip(struct ds *s, const struct flow *flow)
{
    if (flow->dl_type == htons(ETH_TYPE_IP)) {
        put_ipv4(s, "nw_src", flow->nw_src);
        put_ipv4(s, "nw_dst", flow->nw_dst);
    } else {
        put_ipv6(s, "ipv6_src", &flow->ipv6_src);
        put_ipv6(s, "ipv6_dst", &flow->ipv6_dst);
    }
    ds_put_format(s, ",nw_proto=%d,nw_tos=%d,nw_ecn=%d,nw_ttl=%d,nw_frag=%s",
                  flow->nw_proto, flow->nw_tos & IP_DSCP_MASK,
                  flow->nw_tos & IP_ECN_MASK, flow->nw_ttl,
                  flow->nw_frag & FLOW_NW_FRAG_LATER ? "later"
                  : flow->nw_frag & FLOW_NW_FRAG_ANY ? "first" : "no");
}

/* Neighbour discovery has its options in the place of ARP's addresses. */
static void
put_icmpv6(struct ds *s, const struct flow *flow)
{
    uint8_t type = ntohs(flow->tp_src);
    ds_put_format(s, ",icmpv6_type=%d,icmpv6_code=%d", type,
                  ntohs(flow->tp_dst));
    if (flow->tp_dst == htons(0) && (type == ND_NEIGHBOR_SOLICIT
                                     || type == ND_NEIGHBOR_ADVERT)) {
        put_ipv6(s, "nd_target", &flow->nd_target);
        if (type == ND_NEIGHBOR_SOLICIT) {
            put_mac(s, "nd_sll", flow->arp_sha);
        } else {
            put_mac(s, "nd_tll", flow->arp_tha);
        }
    }
}

static void
put_transport(struct ds *s, const struct flow *flow)
{
    bool is_ipv6 = flow->dl_type == htons(ETH_TYPE_IPV6);
    const char *name = (flow->nw_proto == IPPROTO_TCP ? "tcp"
                        : flow->nw_proto == IPPROTO_UDP ? "udp"
                        : flow->nw_proto == IPPROTO_SCTP ? "sctp" : NULL);
    if (flow->nw_frag & FLOW_NW_FRAG_LATER) {
        return;
    } else if (name) {
        ds_put_format(s, ",%s_src=%d,%s_dst=%d", name, ntohs(flow->tp_src),
                      name, ntohs(flow->tp_dst));
    } else if (is_ipv6 && flow->nw_proto == IPPROTO_ICMPV6) {
        put_icmpv6(s, flow);
    } else if (!is_ipv6 && flow->nw_proto == IPPROTO_ICMP) {
        ds_put_format(s, ",icmp_type=%d,icmp_code=%d", ntohs(flow->tp_src),
                      ntohs(flow->tp_dst));
    }
}

/* Returns the fields of 'packet'.  Those of libopenvswitch's own words are not
 * all of them taken back by a switch. */
static char *
format_fields(struct dp_packet *packet)
{
    struct flow flow;
    /* As a switch does that is not told otherwise: what follows the first tag
     * is the EtherType. */
    flow_limit_vlans(1);
    flow_extract(packet, &flow);

    struct ds s = DS_EMPTY_INITIALIZER;
    put_ethernet(&s, &flow);
    if (flow.dl_type == htons(ETH_TYPE_ARP)
        || flow.dl_type == htons(ETH_TYPE_RARP)) {
        put_arp(&s, &flow);
    } else if (flow.dl_type == htons(ETH_TYPE_IP)
               || flow.dl_type == htons(ETH_TYPE_IPV6)) {
        put_ip(&s, &flow);
        put_transport(&s, &flow);
    }
    return ds_steal_cstr(&s);
}

/* Returns a sentence about 'packet', with no more of it than is needed to know
 * it again. */
static char *
complain(const char *packet, const char *what)
{
    CLEANUP_FREE char *excerpt = text_excerpt(packet, 40);
    return xasprintf("packet '%s' %s", excerpt, what);
}

static char *
parse_hex(const char *packet, char **fieldsp)
{
    CLEANUP_FREE char *digits = strip_separators(packet);
    size_t n = strlen(digits);
    if (n % 2 || n < MIN_HEX_DIGITS) {
        return complain(packet, "is no whole Ethernet frame");
    }
    struct dp_packet *bytes = dp_packet_new(n / 2);
    (void) dp_packet_put_hex(bytes, digits, NULL); /* All digits. */
    *fieldsp = format_fields(bytes);
    dp_packet_delete(bytes);
    return NULL;
}

/* Fields. */

static bool
has_field(const struct svec *fields, const char *name)
{
    size_t len = strlen(name);
    for (size_t i = 0; i < fields->n; i++) {
        const char *field = fields->names[i];
        if (!strncmp(field, name, len) && strchr("=:", field[len])) {
            return true;
        }
    }
    return false;
}

static void
add_default(struct svec *fields, const char *name, const char *other_name,
            const char *value)
{
    if (!has_field(fields, name) && !has_field(fields, other_name)) {
        svec_add_nocopy(fields, xasprintf("%s=%s", name, value));
    }
}

/* What is not said of the sender is as the vNIC with 'mac' would have it. */
static void
add_defaults(struct svec *fields, struct eth_addr mac)
{
    CLEANUP_FREE char *own = xasprintf(ETH_ADDR_FMT, ETH_ADDR_ARGS(mac));
    if (eth_addr_is_zero(mac)) {
        return;
    }
    add_default(fields, "dl_src", "eth_src", own);
    if (svec_contains_unsorted(fields, "arp")) {
        add_default(fields, "arp_sha", "nx_arp_sha", own);
        add_default(fields, "arp_op", "nw_proto", "1");
    }
}

/* Operators know these names for any protocol, 'ofproto/trace' only for the
 * first that has such a field. */
static void
rename_fields(struct svec *fields)
{
    static const struct { const char *protocol, *from, *to; } names[] = {
        { "udp", "tp_src=", "udp_src=" },
        { "udp", "tp_dst=", "udp_dst=" },
        { "udp6", "tp_src=", "udp_src=" },
        { "udp6", "tp_dst=", "udp_dst=" },
        { "icmp6", "icmp_type=", "icmpv6_type=" },
        { "icmp6", "icmp_code=", "icmpv6_code=" },
    };
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        size_t len = strlen(names[i].from);
        for (size_t j = 0; j < fields->n; j++) {
            char *field = fields->names[j];
            if (!strncmp(field, names[i].from, len)
                && svec_contains_unsorted(fields, names[i].protocol)) {
                fields->names[j] = xasprintf("%s%s", names[i].to,
                                             field + len);
                free(field);
            }
        }
    }
}

static char *
parse_fields(const char *packet, struct eth_addr mac, char **fieldsp)
{
    if (strlen(packet) > MAX_FIELDS_LEN) {
        return complain(packet, "is too long for a list of fields");
    }
    struct svec fields = SVEC_EMPTY_INITIALIZER;
    CLEANUP_FREE char *copy = xstrdup(packet);
    char *save = NULL;
    for (char *field = strtok_r(copy, ", ", &save); field;
         field = strtok_r(NULL, ", ", &save)) {
        svec_add(&fields, field);
    }
    char *error = NULL;
    if (has_field(&fields, "in_port")) {
        error = complain(packet, "names a port: give PORT alone");
    } else {
        add_defaults(&fields, mac);
        rename_fields(&fields);
        *fieldsp = svec_join(&fields, ",", "");
    }
    svec_destroy(&fields);
    return error;
}

/* Makes of 'packet', the bytes of an Ethernet frame in hexadecimal digits, or
 * fields as ovs-fields(7) calls them, what 'ofproto/trace' takes for a frame
 * that comes in on 'in_port'.  'mac' is the address of the vNIC there, or
 * zero: where fields do not tell the sender's address, it is meant.  Returns
 * NULL and stores the result in '*flowp', for the caller to free, or returns a
 * sentence. */
char *
packet_flow_parse(const char *packet, ofp_port_t in_port, struct eth_addr mac,
                  char **flowp)
{
    CLEANUP_FREE char *fields = NULL;
    CLEANUP_FREE char *printable = text_printable(packet);
    char *error = is_hex(printable)
                  ? parse_hex(printable, &fields)
                  : parse_fields(printable, mac, &fields);
    *flowp = error ? NULL : xasprintf("in_port=%d,%s", ofp_to_u16(in_port),
                                      fields);
    return error;
}
