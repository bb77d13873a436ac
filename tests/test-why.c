/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */

/* Stories, of the traces in tests/traces and of others. */

#include <config.h>
#include "flows/why.h"

#include <string.h>

#include "flows/pipeline.h"
#include "flows/trace.h"
#include "flows/why-advice.h"
#include "lib/cleanup.h"
#include "lib/report.h"
#include "packets.h"
#include "simap.h"
#include "tests/golden.h"
#include "tests/pipeline-json.h"
#include "tests/unit.h"
#include "util.h"

static struct pipeline_bridge bridge;
static struct simap ofports;

/* The bridge on which the traces were made, as far as it matters here. */
static int
setup(void **state)
{
    pipeline_bridge_init(&bridge);
    simap_init(&ofports);
    pipeline_json_parse(
        "{'vnics':["
        "{'number':1,'ofport':1,'guard':'enforce'},"
        "{'number':2,'ofport':2,'guard':'enforce','isolation':'isolated'},"
        "{'number':3,'ofport':3,'guard':'monitor'},"
        "{'number':4,'ofport':4,'guard':'enforce','services':['any-mac']},"
        "{'number':5,'ofport':5,'guard':'monitor','isolation':'isolated'}]}",
        &bridge);
    for (int i = 1; i <= 5; i++) {
        CLEANUP_FREE char *name = xasprintf("p%d", i);
        simap_put(&ofports, name, i);
    }
    simap_put(&ofports, "up", 20);
    return 0;
}

static int
teardown(void **state)
{
    pipeline_bridge_destroy(&bridge);
    simap_destroy(&ofports);
    return 0;
}

static char *
explain(const char *port, const char *text)
{
    CLEANUP(trace) struct trace trace;
    char *error = trace_parse(text, &trace);
    assert_null(error);
    struct report report;
    why_report_init(&report);
    why_explain(&bridge, &ofports, port, &trace, &report);
    char *csv = report_render(&report, REPORT_CSV);
    report_destroy(&report);
    return csv;
}

static char *
explain_file(const char *port, const char *name)
{
    const char *srcdir = getenv("srcdir") ? getenv("srcdir") : ".";
    CLEANUP_FREE char *path = xasprintf("%s/tests/traces/%s/trace.txt",
                                        srcdir, name);
    CLEANUP_FREE char *text = golden_read_file(path);
    return explain(port, text);
}

#define HEADING "what,table,rule,vnic,words\n"
#define SENDER(N)                                                       \
    "step,CLASSIFY,vlan,vnic" N ",in a VLAN of the vNIC\n"              \
    "step,SOURCE_MAC,own-mac,vnic" N ",from the vNIC's MAC address\n"
#define PROBE(N)                                                        \
    "step,FRAME,protocol,,of a protocol that guests use\n"              \
    "step,ADDRESS,configuration,vnic" N                                 \
    ",what guests send before they have an address\n"                   \
    "step,EGRESS_RULES,egress,,no security rules\n"

static void
test_delivered(void **state)
{
    assert_string_taken(explain_file("p1", "unicast"),
                        HEADING SENDER("1") PROBE("1")
                        "step,L2,unicast,vnic2,for a vNIC\n"
                        "delivered,,,vnic2,\"on port p2, untagged\"\n");
    assert_string_taken(explain_file("p1", "flood"),
                        HEADING SENDER("1") PROBE("1")
                        "step,L2,flood,,\"for each vNIC of the VLAN, and "
                        "outside\"\n"
                        "step,OUTSIDE,outside,,for whoever is outside\n"
                        "step,CLASSIFY,infrastructure,,from a port that is "
                        "no guest's: switched as configured\n"
                        "delivered,,,vnic2,\"on port p2, untagged\"\n"
                        "delivered,,,vnic3,\"on port p3, tag 10\"\n"
                        "delivered,,,vnic4,\"on port p4, untagged\"\n"
                        "delivered,,,vnic5,\"on port p5, untagged\"\n"
                        "outside,,,,\"on br0 (tag 10), up (tag 10)\"\n");
}

static void
test_dropped_by_the_guard(void **state)
{
    assert_string_taken(
        explain_file("p1", "dropped"),
        HEADING SENDER("1")
        "step,FRAME,protocol,,of a protocol that guests use\n"
        "dropped,ADDRESS,arp,vnic1,ARP with an address that is not the "
        "vNIC's\n"
        "change,,,,\"<address ip='...'/> with that address, or guard level "
        "'monitor': <guard level='monitor'/>, or vnicd-guard of the "
        "bridge\"\n");
}

static void
test_isolated(void **state)
{
    assert_string_taken(
        explain_file("p2", "isolated"),
        HEADING SENDER("2") PROBE("2")
        "step,L2,unicast,vnic5,for a vNIC\n"
        "dropped,ISOLATION,isolation,vnic5,these two may not talk\n"
        "change,,,,\"<isolation class='promiscuous'/> of one of the two, or "
        "the same community of both\"\n");
}

static void
test_what_is_not_learnt(void **state)
{
    char *story = explain_file("p4", "learning");
    assert_non_null(strstr(story, "dropped,MAC_LIMIT,mac-limit,vnic4,too many "
                           "MAC addresses\n"
                           "note,,,,a trace learns nothing: a real frame "
                           "passes while fewer than 16 addresses are "
                           "learnt\n"));
    free(story);
}

static void
test_somebody_elses_flows(void **state)
{
    char *story = explain_file("p3", "foreign-flow");
    assert_non_null(strstr(story, "step,CLASSIFY,somebody-else's,,\"br0: "
                           "udp,in_port=p3, priority 201, then set_field:"
                           "10.0.0.1->ip_src; output:p1; FLOOD\"\n"));
    free(story);
    story = explain_file("p2", "no-match");
    assert_non_null(strstr(story, "step,199,no-flow,,"));
    free(story);
    story = explain_file("p3", "too-deep");
    assert_non_null(strstr(story, "dropped,,,,Recursion too deep\n"));
    free(story);
}

static void
test_counted(void **state)
{
    assert_string_taken(
        explain("p3",
                "Flow: in_port=p3\n\nbridge(\"br0\")\n-------------\n"
                "110. priority 0, cookie 0x766e010000000050\n"
                "    set_field:0x50->reg7\n    resubmit(,119)\n"
                "119. reg7=0x50,in_port=p3, priority 70, cookie "
                "0x766e010000030050\n    resubmit(,120)\n\n"
                "Final flow: unchanged\nMegaflow: \n"
                "Datapath actions: up\n"),
        HEADING "counted,SOURCE_MAC,source-mac,vnic3,a source MAC address "
        "that is not the vNIC's\n"
        "note,,,,guard level 'enforce' would drop it here\n"
        "outside,,,,on up (untagged)\n");
}

static void
test_nobody_is_there(void **state)
{
    char *story = explain("up", "Flow: in_port=up\n\nbridge(\"br0\")\n"
                          " 0. in_port=up, priority 70, cookie "
                          "0x766e010000000001\n    NORMAL\n\n"
                          "Datapath actions: drop\n");
    assert_non_null(strstr(story, "dropped,,,,nobody is there to get it\n"));
    free(story);
}

/* Advice. */

static const enum table_rule guard_rules[] = {
#define RULE(ENUM, NUMBER, NAME, WORDS) RULE_##ENUM,
    TABLE_GUARD_RULES
#undef RULE
};

static void
test_each_rule_of_the_guard_has_advice(void **state)
{
    for (size_t i = 0; i < ARRAY_SIZE(guard_rules); i++) {
        assert_true(why_rule_is_guards(guard_rules[i]));
        CLEANUP_FREE char *words = why_advice(guard_rules[i],
                                              &bridge.vnics[0],
                                              eth_addr_zero);
        assert_non_null(strstr(words, "guard level 'monitor'"));
    }
    assert_null(why_advice(RULE_DELIVER, &bridge.vnics[0], eth_addr_zero));
    assert_false(why_rule_is_guards(RULE_ISOLATION));
}

static void
test_a_class_holds_its_vnics_to_their_addresses(void **state)
{
    CLEANUP_FREE char *words = why_advice(RULE_SOURCE_MAC, &bridge.vnics[4],
                                          eth_addr_zero);
    assert_non_null(strstr(words, "no level of the guard"));
    assert_true(why_rule_is_enforced(RULE_SOURCE_MAC, &bridge.vnics[4]));
    assert_false(why_rule_is_enforced(RULE_ARP, &bridge.vnics[4]));
    assert_false(why_rule_is_enforced(RULE_SOURCE_MAC, &bridge.vnics[2]));
    assert_true(why_rule_is_enforced(RULE_ARP, &bridge.vnics[0]));
}

/* An address that goes with a shared MAC address is not good for the vNIC's
 * own, and the other way round. */
static void
test_an_address_is_advised_with_its_mac(void **state)
{
    struct pipeline_bridge routers;
    pipeline_bridge_init(&routers);
    pipeline_json_parse(
        "{'vnics':[{'number':1,'ofport':1,'guard':'enforce','addresses':["
        "{'ip':'192.0.2.1'},"
        "{'ip':'192.0.2.100','mac':'00:00:5e:00:01:01'}]}]}", &routers);
    static const struct {
        enum table_rule rule;
        struct eth_addr source;
        const char *words;
    } cases[] = {
        { RULE_IPV4_SOURCE, ETH_ADDR_C(00,00,5e,00,01,01),
          "with that address and mac='00:00:5e:00:01:01', or " },
        { RULE_ARP, ETH_ADDR_C(52,54,00,00,00,01),
          "with that address and mac='52:54:00:00:00:01', or " },
        { RULE_ND_TARGET, ETH_ADDR_C(00,00,00,00,00,00),
          "with that address and the mac='...' it is used with, or " },
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        CLEANUP_FREE char *words = why_advice(
            cases[i].rule, &routers.vnics[0], cases[i].source);
        assert_non_null(strstr(words, cases[i].words));
    }
    pipeline_bridge_destroy(&routers);
}

static void
test_counts(void **state)
{
    struct report report;
    why_counts_report_init(&report);
    const struct why_count arp = { TABLE_VIOLATION, RULE_ARP, 7 };
    const struct why_count vlan = { TABLE_CLASSIFY, RULE_FOREIGN_VLAN, 1 };
    why_count_explain(&bridge.vnics[2], &arp, &report);
    why_count_explain(&bridge.vnics[2], &vlan, &report);
    assert_string_taken(
        report_render(&report, REPORT_CSV),
        "packets,fate,table,rule,words,change\n"
        "7,passed,VIOLATION,arp,ARP with an address that is not the vNIC's,"
        "\n"
        "1,dropped,CLASSIFY,foreign-vlan,in a VLAN that is not the vNIC's,"
        "another <vlan> of the sender's interface\n");
    report_destroy(&report);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(NAME) cmocka_unit_test_setup_teardown(NAME, setup, teardown)
        TEST(test_delivered),
        TEST(test_dropped_by_the_guard),
        TEST(test_isolated),
        TEST(test_what_is_not_learnt),
        TEST(test_somebody_elses_flows),
        TEST(test_counted),
        TEST(test_nobody_is_there),
        TEST(test_each_rule_of_the_guard_has_advice),
        TEST(test_a_class_holds_its_vnics_to_their_addresses),
        TEST(test_an_address_is_advised_with_its_mac),
        TEST(test_counts),
#undef TEST
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
