/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */

/* The pipeline, by golden scenarios and by what must be true of each.
 *
 *   tests/flow-scenarios/NAME/README        what it shows
 *   tests/flow-scenarios/NAME/bridge.json   see tests/pipeline-json.c
 *   tests/flow-scenarios/NAME/expected.txt  groups and flows
 *
 * What a switch makes of the flows, tests/integration/test_pipeline.py asks
 * one. */

#include <config.h>
#include "flows/pipeline.h"

#include <string.h>

#include "flow.h"
#include "flows/flow-table.h"
#include "flows/pipeline-private.h"
#include "flows/tables.h"
#include "lib/cleanup.h"
#include "openvswitch/dynamic-string.h"
#include "openvswitch/json.h"
#include "openvswitch/ofp-actions.h"
#include "random.h"
#include "tests/build.h"
#include "tests/golden.h"
#include "tests/json-member.h"
#include "tests/pipeline-json.h"
#include "tests/unit.h"
#include "util.h"

/* Properties. */

static char *
build_text(const struct pipeline_bridge *bridge)
{
    struct flow_table flows;
    flow_table_init(&flows);
    pipeline_build(bridge, &flows);
    char *text = pipeline_json_flows(&flows, "", "");
    flow_table_destroy(&flows);
    return text;
}

static void
reverse(struct pipeline_bridge *bridge)
{
    for (size_t i = 0, j = bridge->n_vnics; i + 1 < j; i++) {
        struct pipeline_vnic swap = bridge->vnics[i];
        bridge->vnics[i] = bridge->vnics[--j];
        bridge->vnics[j] = swap;
    }
    for (size_t i = 0, j = bridge->n_infrastructure; i + 1 < j; i++) {
        ofp_port_t swap = bridge->infrastructure[i];
        bridge->infrastructure[i] = bridge->infrastructure[--j];
        bridge->infrastructure[j] = swap;
    }
}

static void
check_order_is_irrelevant(struct pipeline_bridge *bridge)
{
    CLEANUP_FREE char *before = build_text(bridge);
    reverse(bridge);
    assert_string_taken(build_text(bridge), before);
}

static bool
is_number_of_vnic(const struct pipeline_bridge *bridge, uint32_t number)
{
    for (size_t i = 0; i < bridge->n_vnics; i++) {
        if (bridge->vnics[i].number == number) {
            return true;
        }
    }
    return !number;
}

static void
check_cookie(const struct pipeline_bridge *bridge,
             const struct flow_entry *flow)
{
    assert_true(table_cookie_is_ours(flow->cookie));
    assert_true(is_number_of_vnic(bridge, table_cookie_vnic(flow->cookie)));
    assert_non_null(table_rule_name(table_cookie_rule(flow->cookie)));
    assert_non_null(table_name(flow->table_id));
    assert_in_range(flow->priority, flow->table_id ? 0 : 1, 99);
}

/* No loops, no group that is not there, and NORMAL at the entrance alone. */
static void
check_actions(const struct flow_table *flows, const struct flow_entry *flow)
{
    const struct ofpact *a;
    OFPACT_FOR_EACH (a, flow->actions, flow->actions_len) {
        if (a->type == OFPACT_RESUBMIT) {
            assert_true(ofpact_get_RESUBMIT(a)->table_id > flow->table_id);
        } else if (a->type == OFPACT_GROUP) {
            uint32_t id = ofpact_get_GROUP(a)->group_id;
            assert_non_null(flow_table_find_group(flows, id));
        } else if (a->type == OFPACT_OUTPUT
                   && ofpact_get_OUTPUT(a)->port == OFPP_NORMAL) {
            assert_int_equal(flow->table_id, TABLE_CLASSIFY);
        }
    }
}

static void
check_each_table_has_a_miss(const struct flow_table *flows)
{
    static const int ids[] = {
#define TABLE(ENUM, ID) ID,
        TABLES
#undef TABLE
    };
    for (size_t i = 0; i < ARRAY_SIZE(ids); i++) {
        struct match match;
        match_init_catchall(&match);
        struct flow_entry key = {
            .table_id = ids[i],
            .priority = ids[i] ? PRIORITY_MISS : PRIORITY_CLASSIFY_MISS,
        };
        minimatch_init(&key.match, &match);
        assert_non_null(flow_table_find(flows, &key));
        minimatch_destroy(&key.match);
    }
}

static void
check_flows(const struct pipeline_bridge *bridge)
{
    struct flow_table flows;
    flow_table_init(&flows);
    pipeline_build(bridge, &flows);
    const struct flow_entry *flow;
    HMAP_FOR_EACH (flow, node, &flows.flows) {
        check_cookie(bridge, flow);
        check_actions(&flows, flow);
    }
    check_each_table_has_a_miss(&flows);
    flow_table_destroy(&flows);
}

/* Scenarios. */

static void
run_scenario(const char *path)
{
    CLEANUP_FREE char *input = xasprintf("%s/bridge.json", path);
    CLEANUP_FREE char *expected = xasprintf("%s/expected.txt", path);
    struct json *json = json_member_read_file(input);
    CLEANUP(pipeline_bridge) struct pipeline_bridge bridge;
    pipeline_bridge_init(&bridge);
    pipeline_json_read(json, &bridge);
    json_destroy(json);

    CLEANUP_FREE char *text = build_text(&bridge);
    golden_compare(expected, text);
    check_flows(&bridge);
    check_order_is_irrelevant(&bridge);
}

static void
test_scenarios(void **state)
{
    golden_for_each("flow-scenarios", run_scenario);
}

/* Sizes. */

static void
fill(struct pipeline_bridge *bridge, unsigned int n, enum guard_level guard)
{
    pipeline_bridge_init(bridge);
    bridge->outside = u16_to_ofp(60000);
    bridge->inside = u16_to_ofp(60001);
    for (unsigned int i = 1; i <= n; i++) {
        struct pipeline_vnic *vnic = pipeline_bridge_add_vnic(bridge);
        vnic->number = i;
        vnic->ofport = u16_to_ofp(i);
        vnic->mac = MAC(i);
        vnic->mac.ea[4] = i >> 8;
        vnic->vlan = access_vlan(10);
        vnic->policy.guard = guard;
        struct policy_address *address = policy_add_address(&vnic->policy);
        CLEANUP_FREE char *ip = xasprintf("10.0.%u.%u", i >> 8, i & 0xff);
        assert_null(policy_address_parse(ip, &address->ip, &address->plen));
    }
}

static size_t
count_flows(unsigned int n_vnics, enum guard_level guard, size_t *n_groups)
{
    CLEANUP(pipeline_bridge) struct pipeline_bridge bridge;
    struct flow_table flows;
    fill(&bridge, n_vnics, guard);
    flow_table_init(&flows);
    pipeline_build(&bridge, &flows);
    size_t n = hmap_count(&flows.flows);
    *n_groups = hmap_count(&flows.groups);
    flow_table_destroy(&flows);
    return n;
}

/* Each vNIC costs the same, however many there are. */
static void
test_flows_grow_with_vnics(void **state)
{
    for (enum guard_level guard = GUARD_MONITOR; guard <= GUARD_OFF; guard++) {
        size_t n_groups;
        size_t ten = count_flows(10, guard, &n_groups);
        size_t hundred = count_flows(100, guard, &n_groups);
        assert_int_equal(n_groups, guard == GUARD_ENFORCE ? 1 : 2);
        size_t thousand = count_flows(1000, guard, &n_groups);
        assert_int_equal(n_groups, guard == GUARD_ENFORCE ? 2 : 4);
        print_message("%s: %"PRIuSIZE" flows with 10 vNICs, %"PRIuSIZE
                      " with 1000\n",
                      guard_level_to_string(guard), ten, thousand);
        assert_int_equal((hundred - ten) % 90, 0);
        assert_int_equal(thousand - hundred, 10 * (hundred - ten));
        assert_true((hundred - ten) / 90 < 45);
    }
}

static void
test_a_vlan_with_too_many_is_named(void **state)
{
    CLEANUP(pipeline_bridge) struct pipeline_bridge bridge;
    struct vlan_set crowded;
    fill(&bridge, PIPELINE_MAX_RECEIVERS, GUARD_MONITOR);
    pipeline_crowded_vlans(&bridge, &crowded);
    assert_true(vlan_set_is_empty(&crowded));

    struct pipeline_vnic *vnic = pipeline_bridge_add_vnic(&bridge);
    vnic->vlan = trunk_vlan("10,20");
    pipeline_crowded_vlans(&bridge, &crowded);
    assert_int_equal(vlan_set_next(&crowded, 0), 10);
    assert_int_equal(vlan_set_next(&crowded, 11), -1);
}

/* Blocks of VLANs. */

/* Returns the number of blocks, which must be 'set', each VLAN once. */
static int
check_blocks(const struct vlan_set *set)
{
    struct vlan_set again = { { 0 } };
    int n = 0;
    VLAN_BLOCK_FOR_EACH (block, set) {
        for (int vid = 0; vid < VLAN_SET_BITS; vid++) {
            if ((vid & block.mask) == block.vid) {
                assert_false(vlan_set_contains(&again, vid));
                vlan_set_add(&again, vid);
            }
        }
        n++;
    }
    assert_true(vlan_set_equals(set, &again));
    return n;
}

static void
test_blocks_are_the_set(void **state)
{
    struct vlan_set set = { { 0 } };
    assert_int_equal(check_blocks(&set), 0);
    vlan_set_add(&set, 4095);
    assert_int_equal(check_blocks(&set), 1);
    bitmap_set_multiple(set.bits, 1, 4094, true);
    assert_int_equal(check_blocks(&set), 12);
    vlan_set_add(&set, 0);
    assert_int_equal(check_blocks(&set), 1);

    random_set_seed(1);
    for (int i = 0; i < 20; i++) {
        memset(&set, 0, sizeof set);
        for (int j = 0; j < 30; j++) {
            int first = random_range(VLAN_SET_BITS);
            int n = 1 + random_range(100);
            bitmap_set_multiple(set.bits, first,
                                MIN(n, VLAN_SET_BITS - first), true);
        }
        assert_true(check_blocks(&set) > 0);
    }
}

/* A frame of our own. */

/* Takes ownership of 'actions'. */
static void
check_frame(struct ofpbuf *actions, const char *expected)
{
    struct ds s = DS_EMPTY_INITIALIZER;
    struct ofpact_format_params params = { .s = &s };
    ofpacts_format(actions->data, actions->size, &params);
    assert_string_taken(ds_steal_cstr(&s), expected);
    ofpbuf_delete(actions);
}

static void
test_our_frames_go_to_the_last_tables(void **state)
{
    struct pipeline_vnic vnic = { .number = 7 };
    check_frame(pipeline_deliver_to(&vnic, 10, 0),
                "set_field:0xa->reg1,set_field:0x7->reg5,resubmit(,160)");
    check_frame(pipeline_send_outside(&vnic, 10, 0),
                "set_field:0xa->reg1,resubmit(,133)");
    vnic.vlan.mode = VLAN_DOT1Q_TUNNEL;
    check_frame(pipeline_send_outside(&vnic, 10, 0),
                "set_field:0xa->reg1,set_field:0x4/0x4->reg0,"
                "resubmit(,133)");
    check_frame(pipeline_send_outside(&vnic, 10, 30),
                "set_field:0x1e->reg1,push_vlan:0x8100,"
                "move:NXM_NX_REG1[0..11]->OXM_OF_VLAN_VID[],"
                "move:NXM_NX_REG2[0..2]->OXM_OF_VLAN_PCP[],"
                "set_field:0xa->reg1,set_field:0x4/0x4->reg0,"
                "resubmit(,133)");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_scenarios),
        cmocka_unit_test(test_flows_grow_with_vnics),
        cmocka_unit_test(test_a_vlan_with_too_many_is_named),
        cmocka_unit_test(test_blocks_are_the_set),
        cmocka_unit_test(test_our_frames_go_to_the_last_tables),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
