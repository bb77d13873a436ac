/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "flows/packet-flow.h"

#include <string.h>

#include "flow.h"
#include "packets.h"
#include "tests/unit.h"

/* What becomes of 'packet' on port 7, where a vNIC is, or the sentence. */
static char *
parse(const char *packet)
{
    const struct eth_addr mac = ETH_ADDR_C(52,54,00,00,00,01);
    char *flow;
    char *error = packet_flow_parse(packet, u16_to_ofp(7), mac, &flow);
    assert_true(!error == !!flow);
    return error ? error : flow;
}

#define SRC "dl_src=52:54:00:00:00:01"
#define BYTES "525400000002 525400000001 "

static void
test_fields(void **state)
{
    assert_string_taken(parse("udp,dl_src=52:54:00:00:00:09,nw_src=10.0.0.1"),
                        "in_port=7,udp,dl_src=52:54:00:00:00:09,"
                        "nw_src=10.0.0.1");
    assert_string_taken(parse("tcp, eth_src=52:54:00:00:00:09"),
                        "in_port=7,tcp,eth_src=52:54:00:00:00:09");
    assert_string_taken(parse("udp6,tp_src=547,tp_dst=546"),
                        "in_port=7,udp6,udp_src=547,udp_dst=546," SRC);
    assert_string_taken(parse("tcp,tp_dst=80"),
                        "in_port=7,tcp,tp_dst=80," SRC);
    assert_string_taken(parse("icmp6,icmp_type=134"),
                        "in_port=7,icmp6,icmpv6_type=134," SRC);
}

static void
test_a_sender_is_the_vnic(void **state)
{
    assert_string_taken(parse("arp,arp_spa=10.0.0.9"),
                        "in_port=7,arp,arp_spa=10.0.0.9," SRC
                        ",arp_sha=52:54:00:00:00:01,arp_op=1");
    assert_string_taken(parse("arp,arp_op=2,arp_sha=52:54:00:00:00:09"),
                        "in_port=7,arp,arp_op=2,arp_sha=52:54:00:00:00:09,"
                        SRC);
    /* Unless there is none. */
    char *flow;
    assert_null(packet_flow_parse("arp", u16_to_ofp(7), eth_addr_zero,
                                  &flow));
    assert_string_taken(flow, "in_port=7,arp");
}

static void
test_bytes(void **state)
{
    assert_string_taken(
        parse(BYTES "0806 0001080006040002 525400000009 0a000009"
              "000000000000 0a000001"),
        "in_port=7,dl_type=0x0806," SRC ",dl_dst=52:54:00:00:00:02,arp_op=2,"
        "arp_spa=10.0.0.9,arp_tpa=10.0.0.1,arp_sha=52:54:00:00:00:09,"
        "arp_tha=00:00:00:00:00:00");
    assert_string_taken(
        parse(BYTES "8100600a 0800 4500001c000100004011 66c1 0a000001"
              "0a000002 00430044 0008 0000"),
        "in_port=7,dl_type=0x0800," SRC ",dl_dst=52:54:00:00:00:02,"
        "dl_vlan=10,dl_vlan_pcp=3,nw_src=10.0.0.1,nw_dst=10.0.0.2,"
        "nw_proto=17,nw_tos=0,nw_ecn=0,nw_ttl=64,nw_frag=no,udp_src=67,"
        "udp_dst=68");
    /* The second tag is an EtherType. */
    assert_string_taken(
        parse(BYTES "8100000a 81000014 0806 00010800060400"),
        "in_port=7,dl_type=0x8100," SRC ",dl_dst=52:54:00:00:00:02,"
        "dl_vlan=10,dl_vlan_pcp=0");
    assert_string_taken(parse("52:54:00:00:00:02:52:54:00:00:00:01:88:b5"),
                        "in_port=7,dl_type=0x88b5," SRC
                        ",dl_dst=52:54:00:00:00:02");
}

static void
test_what_is_no_packet(void **state)
{
    assert_string_taken(parse("in_port=3,arp"), "packet 'in_port=3,arp' names "
                        "a port: give PORT alone");
    assert_string_taken(parse("525400"), "packet '525400' is no whole "
                        "Ethernet frame");
    assert_string_taken(parse("52540000000252540000000108000"),
                        "packet '52540000000252540000000108000' is no whole "
                        "Ethernet frame");
    char *endless = xmalloc(70001);
    memset(endless, 'x', 70000);
    endless[70000] = '\0';
    assert_string_taken(parse(endless), "packet 'xxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
                        "xxxxxxxxxxx...' is too long for a list of fields");
    free(endless);
    /* The 40th byte is the first half of a character. */
    assert_string_taken(parse("arp,in_port=012345678901234567890123456"
                              "\303\274berall"),
                        "packet 'arp,in_port=012345678901234567890123456...' "
                        "names a port: give PORT alone");
    assert_string_taken(parse(""), "packet '' is no whole Ethernet frame");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fields),
        cmocka_unit_test(test_a_sender_is_the_vnic),
        cmocka_unit_test(test_bytes),
        cmocka_unit_test(test_what_is_no_packet),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
