/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */

/* General queries of IGMPv3 and MLDv2, which a host of an older version
 * answers, too, and which do not make a host of the newer one speak the older.
 *
 * We are no multicast router, and nobody is to take us for one.  In IGMP a
 * query from 0.0.0.0 comes from a snooping switch, and takes no part in the
 * election of a querier (RFC 4541, 2.1.1).  MLD has no such address: a query
 * that is not from a link-local address is ignored (RFC 3810, 5.1.14), and the
 * lowest address wins the election (7.6.2), so that ours is the highest.
 *
 * Hosts take the robustness and the query interval that they assume from the
 * query: those here are the defaults of RFC 3376, 8, and RFC 3810, 9. */

#include <config.h>
#include "flows/membership-query.h"

#include <string.h>

#include "csum.h"
#include "util.h"

/* Where a frame's parts are, and the checksums in them. */
enum {
    IP_OFFSET = 14,

    IPV4_SIZE = 24,
    IPV4_CSUM_OFFSET = IP_OFFSET + 10,
    IGMP_OFFSET = IP_OFFSET + IPV4_SIZE,
    IGMP_SIZE = 12,
    IGMP_CSUM_OFFSET = IGMP_OFFSET + 2,

    IPV6_ADDRESSES_OFFSET = IP_OFFSET + 8,
    IPV6_ADDRESSES_SIZE = 32,
    MLD_OFFSET = IP_OFFSET + 48,
    MLD_SIZE = 28,
    MLD_CSUM_OFFSET = MLD_OFFSET + 2,
};

/* From a MAC address of our own, locally administered. */
#define SOURCE_MAC 0x02, 0x76, 0x6e, 0x69, 0x63, 0x64

/* Hosts spread their answers over so much time. */
#define IGMP_RESPONSE_DS 10     /* Tenths of a second. */
#define MLD_RESPONSE_MS 0x03, 0xe8

#define ROBUSTNESS 2
#define QUERY_INTERVAL_S 125

/* The shortest frame of Ethernet, without its checksum, is 60 bytes. */
static const uint8_t igmp_frame[60] = {
    0x01, 0x00, 0x5e, 0x00, 0x00, 0x01, SOURCE_MAC, 0x08, 0x00,

    /* IPv4 with the option Router Alert, to all systems, hop limit 1. */
    0x46, 0xc0, 0, IPV4_SIZE + IGMP_SIZE, 0, 0, 0, 0, 1, 2, 0, 0,
    0, 0, 0, 0, 224, 0, 0, 1, 0x94, 0x04, 0, 0,

    0x11, IGMP_RESPONSE_DS, 0, 0, 0, 0, 0, 0,
    ROBUSTNESS, QUERY_INTERVAL_S, 0, 0,
};

static const uint8_t mld_frame[MEMBERSHIP_QUERY_MAX_SIZE] = {
    0x33, 0x33, 0x00, 0x00, 0x00, 0x01, SOURCE_MAC, 0x86, 0xdd,

    /* IPv6 to all nodes, hop limit 1; a hop-by-hop header follows. */
    0x60, 0, 0, 0, 0, 8 + MLD_SIZE, 0, 1,
    0xfe, 0x80, 0, 0, 0, 0, 0, 0,
    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfe,
    0xff, 0x02, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1,

    /* Router Alert for MLD, and padding; ICMPv6 follows. */
    58, 0, 0x05, 0x02, 0, 0, 0x01, 0x00,

    130, 0, 0, 0, MLD_RESPONSE_MS, 0, 0,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    ROBUSTNESS, QUERY_INTERVAL_S, 0, 0,
};

static void
put_csum(struct membership_query *query, size_t offset, ovs_be16 sum)
{
    memcpy(&query->frame[offset], &sum, sizeof sum);
}

/* Makes 'query', which is overwritten unread, one of IGMP. */
void
membership_query_igmp(struct membership_query *query)
{
    memcpy(query->frame, igmp_frame, sizeof igmp_frame);
    query->size = sizeof igmp_frame;
    put_csum(query, IPV4_CSUM_OFFSET,
             csum(&query->frame[IP_OFFSET], IPV4_SIZE));
    put_csum(query, IGMP_CSUM_OFFSET,
             csum(&query->frame[IGMP_OFFSET], IGMP_SIZE));
}

/* Likewise of MLD. */
void
membership_query_mld(struct membership_query *query)
{
    memcpy(query->frame, mld_frame, sizeof mld_frame);
    query->size = sizeof mld_frame;

    uint32_t sum = csum_continue(0, &query->frame[IPV6_ADDRESSES_OFFSET],
                                 IPV6_ADDRESSES_SIZE);
    sum = csum_add16(sum, htons(MLD_SIZE));
    sum = csum_add16(sum, htons(58)); /* ICMPv6. */
    sum = csum_continue(sum, &query->frame[MLD_OFFSET], MLD_SIZE);
    put_csum(query, MLD_CSUM_OFFSET, csum_finish(sum));
}
