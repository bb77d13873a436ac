/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "flows/verify-plan.h"

#include "lib/cleanup.h"
#include "openvswitch/dynamic-string.h"
#include "packets.h"
#include "tests/pipeline-json.h"
#include "tests/unit.h"
#include "util.h"

static struct pipeline_bridge bridge;

static int
setup(void **state)
{
    pipeline_bridge_init(&bridge);
    return 0;
}

static int
teardown(void **state)
{
    pipeline_bridge_destroy(&bridge);
    return 0;
}

/* A bridge with 'n' vNICs in VLANs 10 to 12, every second isolated. */
static void
make_bridge(int n)
{
    struct ds s = DS_EMPTY_INITIALIZER;
    ds_put_cstr(&s, "{'inside':31,'vnics':[");
    for (int i = 1; i <= n; i++) {
        ds_put_format(&s, "%s{'number':%d,'ofport':%d,"
                      "'mac':'52:54:00:00:%02x:%02x','vlan_mode':'access',"
                      "'tag':%d,'isolation':'%s','guard':'enforce'}",
                      i > 1 ? "," : "", i, i, i >> 8, i & 0xff, 10 + i % 3,
                      i % 2 ? "promiscuous" : "isolated");
    }
    ds_put_cstr(&s, "]}");
    pipeline_json_parse(ds_cstr(&s), &bridge);
    ds_destroy(&s);
}

static size_t
count(const struct verify_plan *plan, enum verify_kind kind, size_t from,
      size_t to)
{
    size_t n = 0;
    for (size_t i = 0; i < plan->n_probes; i++) {
        const struct verify_probe *probe = &plan->probes[i];
        n += probe->kind == kind && probe->from == from
             && (to == VERIFY_OUTSIDE || probe->to == to);
    }
    return n;
}

static void
test_everybody_is_sender_and_receiver(void **state)
{
    CLEANUP(verify_plan) struct verify_plan plan;
    make_bridge(60);
    assert_null(verify_plan_init(&plan, &bridge, false));
    for (size_t i = 0; i < bridge.n_vnics; i++) {
        assert_true(count(&plan, VERIFY_UNICAST, i, VERIFY_OUTSIDE) >= 1);
        assert_int_equal(count(&plan, VERIFY_UNICAST, VERIFY_OUTSIDE, i), 1);
        assert_int_equal(count(&plan, VERIFY_FOREIGN, i, VERIFY_OUTSIDE), 1);
        assert_int_equal(count(&plan, VERIFY_FOREIGN_UNKNOWN, i,
                               VERIFY_OUTSIDE), 1);
        /* Its own tag, that of another VLAN, and the reserved one. */
        assert_int_equal(count(&plan, VERIFY_FOREIGN_VLAN, i,
                               VERIFY_OUTSIDE), 3);
    }
    /* Floods: of two groups in three VLANs. */
    size_t n = 0;
    for (size_t i = 0; i < bridge.n_vnics; i++) {
        n += count(&plan, VERIFY_BROADCAST, i, VERIFY_OUTSIDE);
    }
    assert_int_equal(n, 6);
    assert_int_equal(count(&plan, VERIFY_BROADCAST, VERIFY_OUTSIDE,
                           VERIFY_OUTSIDE), 3);
}

static void
test_all_is_each_pair(void **state)
{
    CLEANUP(verify_plan) struct verify_plan plan;
    make_bridge(12);
    assert_null(verify_plan_init(&plan, &bridge, true));
    for (size_t i = 0; i < bridge.n_vnics; i++) {
        assert_int_equal(count(&plan, VERIFY_BROADCAST, i, VERIFY_OUTSIDE),
                         1);
        for (size_t j = i % 3; j < bridge.n_vnics; j += 3) {
            assert_true(i == j || count(&plan, VERIFY_UNICAST, i, j) >= 1);
        }
    }
}

static void
test_too_much_is_refused(void **state)
{
    CLEANUP(verify_plan) struct verify_plan plan;
    make_bridge(1000);
    assert_string_taken(verify_plan_init(&plan, &bridge, true),
                        "bridge br0 needs more than 100000 traces");
    verify_plan_destroy(&plan);
    assert_null(verify_plan_init(&plan, &bridge, false));
    assert_in_range(plan.n_probes, 7000, 8000);
}

/* The first VLAN is too much, so nobody looks at the 4,093 others. */
static void
test_too_much_ends_the_plan(void **state)
{
    CLEANUP(verify_plan) struct verify_plan plan;
    make_bridge(1000);
    for (size_t i = 0; i < bridge.n_vnics; i++) {
        struct vlan_spec *vlan = &bridge.vnics[i].vlan;
        *vlan = (struct vlan_spec) { .mode = VLAN_TRUNK, .tag = -1 };
        for (int vid = 1; vid <= 4094; vid++) {
            vlan_set_add(&vlan->trunks, vid);
        }
    }
    assert_string_taken(verify_plan_init(&plan, &bridge, true),
                        "bridge br0 needs more than 100000 traces");
    assert_int_equal(plan.n_vlans, 1);
    assert_int_equal(plan.n_probes, 0);
    verify_plan_destroy(&plan);
    assert_null(verify_plan_init(&plan, &bridge, false));
    assert_int_equal(plan.n_vlans, 1);
}

static void
test_vlans_with_the_same_members_are_one(void **state)
{
    CLEANUP(verify_plan) struct verify_plan plan;
    pipeline_json_parse(
        "{'vnics':[{'number':1,'ofport':1,'mac':'52:54:00:00:00:01',"
        "'vlan_mode':'trunk','tag':-1},"
        "{'number':2,'ofport':2,'mac':'52:54:00:00:00:02',"
        "'vlan_mode':'trunk','tag':-1,'trunks':[10,20,21]}]}", &bridge);
    assert_null(verify_plan_init(&plan, &bridge, false));
    /* No VLAN; 1, for those of the first alone; 10. */
    assert_int_equal(count(&plan, VERIFY_BROADCAST, 0, VERIFY_OUTSIDE), 3);
    assert_int_equal(count(&plan, VERIFY_BROADCAST, 1, VERIFY_OUTSIDE), 0);
    verify_plan_destroy(&plan);

    assert_null(verify_plan_init(&plan, &bridge, true));
    assert_int_equal(count(&plan, VERIFY_BROADCAST, 0, VERIFY_OUTSIDE), 5);
    assert_int_equal(count(&plan, VERIFY_BROADCAST, 1, VERIFY_OUTSIDE), 3);
}

static void
test_what_a_trace_cannot_tell_is_left_out(void **state)
{
    CLEANUP(verify_plan) struct verify_plan plan;
    pipeline_json_parse(
        "{'vnics':[{'number':1,'ofport':1,'mac':'52:54:00:00:00:01',"
        "'vlan_mode':'access','tag':10,'services':['any-mac']}]}", &bridge);
    assert_null(verify_plan_init(&plan, &bridge, false));
    assert_int_equal(count(&plan, VERIFY_FOREIGN, 0, VERIFY_OUTSIDE), 0);
    assert_int_equal(count(&plan, VERIFY_BROADCAST, 0, VERIFY_OUTSIDE), 1);
}

static void
test_nobody_has_no_probes(void **state)
{
    CLEANUP(verify_plan) struct verify_plan plan;
    assert_null(verify_plan_init(&plan, &bridge, false));
    assert_int_equal(plan.n_probes, 0);
}

static void
test_flow(void **state)
{
    CLEANUP(verify_plan) struct verify_plan plan;
    make_bridge(3);
    /* The first address that nobody has is taken. */
    bridge.vnics[2].mac = (struct eth_addr) ETH_ADDR_C(0e,76,6e,69,63,00);
    assert_null(verify_plan_init(&plan, &bridge, false));
    const struct verify_probe inside = {
        .kind = VERIFY_FOREIGN, .from = 0, .to = 1, .tag = -1,
    };
    assert_string_taken(
        verify_plan_flow(&plan, &inside),
        "in_port=1,arp,arp_op=1,arp_spa=0.0.0.0,arp_tpa=0.0.0.0,"
        "dl_src=0e:76:6e:69:63:01,arp_sha=0e:76:6e:69:63:01,"
        "dl_dst=52:54:00:00:00:02");
    const struct verify_probe outside = {
        .kind = VERIFY_UNKNOWN, .from = VERIFY_OUTSIDE, .tag = 10,
    };
    assert_string_taken(
        verify_plan_flow(&plan, &outside),
        "in_port=31,arp,arp_op=1,arp_spa=0.0.0.0,arp_tpa=0.0.0.0,"
        "dl_src=0e:76:6e:69:63:01,arp_sha=0e:76:6e:69:63:01,"
        "dl_dst=0e:76:6e:69:63:02,dl_vlan=10");
}

static void
test_ports_must_be_there(void **state)
{
    CLEANUP(verify_plan) struct verify_plan plan;
    make_bridge(2);
    assert_null(verify_plan_init(&plan, &bridge, false));
    struct simap ofports = SIMAP_INITIALIZER(&ofports);
    simap_put(&ofports, "7", 1);
    simap_put(&ofports, "8", 77);
    assert_string_taken(verify_plan_set_ports(&plan, &ofports),
                        "of 2 vNICs only 1 have a port in the switch");
    simap_put(&ofports, "8", 2);
    assert_null(verify_plan_set_ports(&plan, &ofports));
    assert_int_equal(simap_get(&plan.ports, "8"), 1);
    simap_destroy(&ofports);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(NAME) cmocka_unit_test_setup_teardown(NAME, setup, teardown)
        TEST(test_everybody_is_sender_and_receiver),
        TEST(test_all_is_each_pair),
        TEST(test_too_much_is_refused),
        TEST(test_too_much_ends_the_plan),
        TEST(test_vlans_with_the_same_members_are_one),
        TEST(test_what_a_trace_cannot_tell_is_left_out),
        TEST(test_nobody_has_no_probes),
        TEST(test_flow),
        TEST(test_ports_must_be_there),
#undef TEST
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
