/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "flows/entitlement.h"

#include "flows/pipeline.h"
#include "lib/cleanup.h"
#include "openvswitch/dynamic-string.h"
#include "packets.h"
#include "tests/pipeline-json.h"
#include "tests/unit.h"
#include "util.h"

#define MAC(N) ((struct eth_addr) { .ea = { 0x52, 0x54, 0, 0, 0, N } })
#define NOBODY MAC(0x99)
#define GROUP ((struct eth_addr) { .ea = { 0x01, 0, 0x5e, 0, 0, 1 } })
#define OUTSIDE SIZE_MAX

/* Whatever is in VLAN 10 is access, unless said otherwise. */
#define VNIC(N, MEMBERS)                                                \
    "{'number':" #N ",'ofport':" #N ",'mac':'52:54:00:00:00:0" #N "',"  \
    "'guard':'enforce'" MEMBERS "}"
#define ACCESS(VID) ",'vlan_mode':'access','tag':" #VID

static void
format_receiver(const struct entitlement *e, struct ds *s)
{
    ds_put_format(s, "%"PRIu32, e->to->number);
    for (size_t i = 0; i < e->tags.n; i++) {
        ds_put_format(s, "%s%d", e->tags.tags[i].tpid == ETH_TYPE_VLAN_8021AD
                      ? "/s" : "/", e->tags.tags[i].vid);
    }
    ds_put_char(s, ' ');
}

/* Returns the numbers of those who may get a frame, each with its tags behind
 * slashes, and "out" for whoever is outside. */
static char *
who(const char *vnics, size_t from, struct eth_addr src, struct eth_addr dst,
    int tag)
{
    CLEANUP_FREE char *text = xasprintf("{'vnics':[%s]}", vnics);
    CLEANUP(pipeline_bridge) struct pipeline_bridge bridge;
    pipeline_bridge_init(&bridge);
    pipeline_json_parse(text, &bridge);

    const struct entitlement_frame frame = {
        .from = from == OUTSIDE ? NULL : &bridge.vnics[from - 1],
        .src = src, .dst = dst, .tag = tag,
    };
    CLEANUP(entitlements) struct entitlements e;
    entitlements_compute(&bridge, &frame, &e);
    struct ds s = DS_EMPTY_INITIALIZER;
    for (size_t i = 0; i < e.n_receivers; i++) {
        format_receiver(&e.receivers[i], &s);
    }
    ds_put_cstr(&s, e.is_for_outside ? "out" : "");
    return ds_steal_cstr(&s);
}

#define CLASSES                                                         \
    VNIC(1, ACCESS(10)) ","                                             \
    VNIC(2, ACCESS(10) ",'isolation':'isolated'") ","                   \
    VNIC(3, ACCESS(10) ",'isolation':'isolated'") ","                   \
    VNIC(4, ACCESS(10) ",'isolation':'community','community':1") ","    \
    VNIC(5, ACCESS(10) ",'isolation':'community','community':1") ","    \
    VNIC(6, ACCESS(10) ",'isolation':'community','community':2") ","    \
    VNIC(7, ACCESS(20))

static void
test_protected_ports_are_kept_apart_whatever_the_class(void **state)
{
    static const char vnics[]
        = VNIC(1, ACCESS(10) ",'is_protected':true") ","
          VNIC(2, ACCESS(10) ",'is_protected':true") ","
          VNIC(3, ACCESS(10));
    static const char *const to[] = { "3 out", "3 out", "1 2 out" };
    for (size_t i = 0; i < ARRAY_SIZE(to); i++) {
        assert_string_taken(who(vnics, i + 1, MAC(i + 1), GROUP, -1), to[i]);
    }
    assert_string_taken(who(vnics, OUTSIDE, NOBODY, GROUP, 10), "1 2 3 ");
}

static void
test_classes(void **state)
{
    static const struct { int from; const char *to; } cases[] = {
        { 1, "2 3 4 5 6 out" }, { 2, "1 out" }, { 3, "1 out" },
        { 4, "1 5 out" }, { 5, "1 4 out" }, { 6, "1 out" }, { 7, "out" },
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct eth_addr mac = MAC(cases[i].from);
        assert_string_taken(who(CLASSES, cases[i].from, mac,
                                eth_addr_broadcast, -1), cases[i].to);
        assert_string_taken(who(CLASSES, cases[i].from, mac, GROUP, -1),
                            cases[i].to);
    }
    assert_string_taken(who(CLASSES, OUTSIDE, NOBODY, GROUP, 10),
                        "1 2 3 4 5 6 ");
    assert_string_taken(who(CLASSES, OUTSIDE, NOBODY, MAC(2), 10), "2 ");
    assert_string_taken(who(CLASSES, OUTSIDE, NOBODY, MAC(2), 20), "");
}

static void
test_unicast(void **state)
{
    assert_string_taken(who(CLASSES, 1, MAC(1), MAC(2), -1), "2 ");
    assert_string_taken(who(CLASSES, 2, MAC(2), MAC(3), -1), "");
    assert_string_taken(who(CLASSES, 2, MAC(2), MAC(2), -1), "");
    /* One of another VLAN is unknown here. */
    assert_string_taken(who(CLASSES, 2, MAC(2), MAC(7), -1), "out");
    assert_string_taken(who(CLASSES, 2, MAC(2), NOBODY, -1), "out");
}

/* A guest that migrates is reached by floods alone. */
static void
test_who_is_elsewhere_is_unknown(void **state)
{
    static const char vnics[]
        = VNIC(1, ACCESS(10)) ","
          VNIC(2, ACCESS(10) ",'guard':'monitor','place':'elsewhere'") ","
          VNIC(3, ACCESS(10) ",'guard':'monitor'");
    assert_string_taken(who(vnics, 1, MAC(1), MAC(2), -1), "3 out");
    assert_string_taken(who(vnics, OUTSIDE, NOBODY, MAC(2), 10), "3 ");
    assert_string_taken(who(vnics, 1, MAC(1), NOBODY, -1), "3 out");
    assert_string_taken(who(vnics, 1, MAC(1), eth_addr_broadcast, -1),
                        "2 3 out");
}

#define SOURCES                                                         \
    VNIC(1, ACCESS(10)) ","                                             \
    VNIC(2, ACCESS(10) ",'guard':'monitor'") ","                        \
    VNIC(3, ACCESS(10) ",'guard':'off','isolation':'isolated'") ","     \
    VNIC(4, ACCESS(10) ",'services':['any-mac']") ","                   \
    VNIC(5, ACCESS(10) ",'addresses':[{'ip':'10.0.0.1',"                \
            "'mac':'52:54:00:00:00:99'}]")

static void
test_sources(void **state)
{
    assert_string_taken(who(SOURCES, 1, NOBODY, GROUP, -1), "");
    assert_string_taken(who(SOURCES, 2, NOBODY, GROUP, -1), "1 3 4 5 out");
    assert_string_taken(who(SOURCES, 3, NOBODY, GROUP, -1), "");
    assert_string_taken(who(SOURCES, 4, NOBODY, GROUP, -1), "1 2 3 5 out");
    assert_string_taken(who(SOURCES, 5, NOBODY, GROUP, -1), "1 2 3 4 out");
    /* Behind those who may use others there may be others. */
    assert_string_taken(who(SOURCES, 1, MAC(1), MAC(0x77), -1), "2 4 out");
}

#define VLANS                                                           \
    VNIC(1, ACCESS(10)) ","                                             \
    VNIC(2, ",'vlan_mode':'trunk','tag':-1,'trunks':[10,20]") ","       \
    VNIC(3, ",'vlan_mode':'trunk','tag':-1") ","                        \
    VNIC(4, ",'vlan_mode':'native-untagged','tag':10,"                  \
            "'trunks':[10,20]") ","                                     \
    VNIC(5, ",'vlan_mode':'native-tagged','tag':10,'trunks':[10,20]") "," \
    VNIC(6, ",'vlan_mode':'dot1q-tunnel','tag':10") ","                 \
    VNIC(7, ",'vlan_mode':'dot1q-tunnel','tag':10,'cvlans':[5]") ","    \
    VNIC(8, ",'vlan_mode':'native-untagged','tag':10")

static void
test_vlans(void **state)
{
    static const struct { size_t from; int tag; const char *to; } cases[] = {
        { 1, -1, "2/10 3/10 4 5/10 6 8 out" },
        { 1, 10, "" }, { 1, 4095, "" },
        { 2, -1, "" }, { 2, 10, "1 3/10 4 5/10 6 8 out" },
        { 2, 20, "3/20 4/20 5/20 8/20 out" }, { 2, 30, "" },
        { 3, -1, "out" }, { 3, 30, "8/30 out" }, { 3, 4095, "" },
        { 4, -1, "1 2/10 3/10 5/10 6 8 out" },
        { 4, 10, "1 2/10 3/10 5/10 6 8 out" },
        { 4, 20, "2/20 3/20 5/20 8/20 out" }, { 4, 30, "" },
        { 6, -1, "1 2/s10 3/s10 4 5/s10 8 out" },
        { 6, 5, "2/s10/5 3/s10/5 4/5 5/s10/5 7/5 8/5 out" },
        { 7, -1, "" }, { 7, 6, "" },
        { 7, 5, "2/s10/5 3/s10/5 4/5 5/s10/5 6/5 8/5 out" },
        { OUTSIDE, -1, "3 " },
        { OUTSIDE, 30, "3/30 8/30 " }, { OUTSIDE, 4095, "" },
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        print_message("%"PRIuSIZE" sends with tag %d\n", cases[i].from,
                      cases[i].tag);
        assert_string_taken(who(VLANS, cases[i].from,
                                MAC(cases[i].from & 0xff), eth_addr_broadcast,
                                cases[i].tag), cases[i].to);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(
            test_protected_ports_are_kept_apart_whatever_the_class),
        cmocka_unit_test(test_classes),
        cmocka_unit_test(test_unicast),
        cmocka_unit_test(test_who_is_elsewhere_is_unknown),
        cmocka_unit_test(test_sources),
        cmocka_unit_test(test_vlans),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
