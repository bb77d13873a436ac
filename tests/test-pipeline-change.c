/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */

/* What is built of a change is all that there is to it, by what must be true
 * of every change, and no more than that, by numbers. */

#include <config.h>
#include "flows/pipeline.h"

#include <stdlib.h>
#include <string.h>

#include "flow.h"
#include "flows/flow-change.h"
#include "flows/flow-diff.h"
#include "flows/flow-space.h"
#include "flows/tables.h"
#include "lib/cleanup.h"
#include "openvswitch/dynamic-string.h"
#include "packets.h"
#include "random.h"
#include "tests/build.h"
#include "tests/unit.h"
#include "util.h"

/* Facts at random, of so few values that vNICs are in each other's way. */

static bool
one_in(int n)
{
    return !random_range(n);
}

static struct vlan_spec
random_vlan(void)
{
    static const char *const lists[] = { "10,20", "20,21,22,23", "11" };
    const char *list = lists[random_range(ARRAY_SIZE(lists))];
    struct vlan_spec vlan = VLAN_SPEC_INIT;
    switch (random_range(8)) {
    case 0:
        break;                  /* Every VLAN. */
    case 1:
        vlan = trunk_vlan(list);
        break;
    case 2:
        vlan = native_vlan(VLAN_NATIVE_TAGGED, 20, list);
        break;
    case 3:
        vlan = native_vlan(VLAN_NATIVE_UNTAGGED, 20, list);
        break;
    case 4:
        vlan.mode = VLAN_DOT1Q_TUNNEL;
        vlan.tag = 20 + random_range(2);
        break;
    default:
        vlan = access_vlan(10 + random_range(3));
    }
    return vlan;
}

static void
add_random_address(struct policy *policy)
{
    static const char *const ips[] = {
        "10.0.0.1", "fe80::1", "fe80::5054:ff:fe00:1", "fe80::/64",
        "2001:db8::1",
    };
    struct policy_address *address = policy_add_address(policy);
    assert_null(policy_address_parse(ips[random_range(ARRAY_SIZE(ips))],
                                     &address->ip, &address->plen));
    address->mac = one_in(3) ? MAC(random_range(4)) : eth_addr_zero;
    address->vlan = one_in(3) ? 10 + random_range(3) : -1;
}

static void
set_random_policy(struct pipeline_vnic *vnic)
{
    struct policy *policy = &vnic->policy;
    policy->isolation = random_range(3);
    if (policy->isolation == ISOLATION_COMMUNITY) {
        vnic->community = 1 + random_range(2);
        policy->community = xasprintf("c%d", vnic->community);
    }
    policy->guard = random_range(3);
    policy->services = one_in(4) ? SERVICE_ANY_MAC : 0;
    for (int i = random_range(3); i > 0; i--) {
        add_random_address(policy);
    }
}

static void
add_random_vnic(struct pipeline_bridge *bridge, unsigned int number)
{
    struct pipeline_vnic *vnic = pipeline_bridge_add_vnic(bridge);
    vnic->number = number;
    vnic->label = xasprintf("vm%u", number);
    vnic->ofport = u16_to_ofp(number);
    vnic->mac = MAC(random_range(4));
    vnic->place = one_in(2) ? GUEST_HERE : random_range(3);
    vnic->is_protected = one_in(5);
    vnic->vlan = random_vlan();
    set_random_policy(vnic);
}

static void
set_random_settings(struct pipeline_bridge *bridge)
{
    bridge->passes_unknown_addresses = one_in(2);
    bridge->passes_unknown_ports = one_in(2);
    bridge->forwards_bpdus = one_in(2);
}

static void
init_at_random(struct pipeline_bridge *bridge)
{
    pipeline_bridge_init(bridge);
    bridge->outside = u16_to_ofp(100);
    bridge->inside = u16_to_ofp(101);
    set_random_settings(bridge);
    for (unsigned int number = 1; number <= 6; number++) {
        if (!one_in(4)) {
            add_random_vnic(bridge, number);
        }
    }
}

/* Does one thing to 'bridge' that happens to bridges. */
static void
change_at_random(struct pipeline_bridge *bridge)
{
    switch (random_range(10)) {
    case 0:
        set_random_settings(bridge);
        break;
    case 1:
        pipeline_bridge_add_infrastructure(bridge,
                                           u16_to_ofp(200 + random_range(9)));
        break;
    case 2:
        pipeline_bridge_add_blocked(bridge,
                                    u16_to_ofp(300 + random_range(9)));
        break;
    case 3:
        pipeline_bridge_add_mirror(bridge, u16_to_ofp(400 + random_range(9)));
        break;
    case 4:
    case 5:
        if (bridge->n_vnics) {
            pipeline_bridge_remove_vnic(bridge,
                                        random_range(bridge->n_vnics));
        }
        break;
    default: {
        unsigned int number = 1 + random_range(7);
        for (size_t i = 0; i < bridge->n_vnics; i++) {
            if (bridge->vnics[i].number == number) {
                pipeline_bridge_remove_vnic(bridge, i);
            }
        }
        add_random_vnic(bridge, number);
        pipeline_bridge_sort(bridge);
    }
    }
}

/* Properties. */

static char *
diff_to_string(const struct flow_diff *diff)
{
    struct ds s = DS_EMPTY_INITIALIZER;
    for (size_t i = 0; i < diff->n_ops; i++) {
        CLEANUP_FREE char *object = flow_op_object(&diff->ops[i]);
        CLEANUP_FREE char *before = flow_op_before(&diff->ops[i]);
        CLEANUP_FREE char *after = flow_op_after(&diff->ops[i]);
        ds_put_format(&s, "%s (%s) %s: %s -> %s\n",
                      flow_op_kind_to_string(diff->ops[i].kind),
                      flow_cause_to_string(diff->ops[i].cause),
                      object, before, after);
    }
    return ds_steal_cstr(&s);
}

/* Compares what is said of all flows, and takes ownership of the answer. */
static char *
full_diff(const struct flow_table *desired, const struct flow_table *installed)
{
    struct flow_diff diff = FLOW_DIFF_INIT;
    flow_diff_compute(desired, installed, &table_space, &diff);
    char *text = diff_to_string(&diff);
    flow_diff_destroy(&diff);
    return text;
}

static char *
change_diff(const struct flow_change *change,
            const struct flow_table *installed)
{
    struct flow_diff diff = FLOW_DIFF_INIT;
    flow_diff_compute_change(change, installed, &table_space, &diff);
    char *text = diff_to_string(&diff);
    flow_diff_destroy(&diff);
    return text;
}

/* Returns the flows of 'bridge', for the caller to destroy. */
static struct flow_table *
build(const struct pipeline_bridge *bridge)
{
    struct flow_table *flows = xmalloc(sizeof *flows);
    flow_table_init(flows);
    pipeline_build(bridge, flows);
    return flows;
}

static void
destroy(struct flow_table *flows)
{
    flow_table_destroy(flows);
    free(flows);
}

/* A change does, and says that it does, what comparing everything would. */
static void
check_change(struct flow_table *flows, struct flow_change *change,
             const struct pipeline_bridge *new)
{
    struct flow_table *expected = build(new);
    CLEANUP_FREE char *ops = full_diff(expected, flows);
    assert_string_taken(change_diff(change, flows), ops);
    flow_change_apply(change, flows);
    assert_true(flow_change_is_empty(change));
    assert_string_taken(full_diff(expected, flows), "");
    destroy(expected);
}

static void
test_a_change_is_what_differs(void **state)
{
    random_set_seed(1);
    for (int i = 0; i < 30; i++) {
        CLEANUP(pipeline_bridge) struct pipeline_bridge now;
        init_at_random(&now);
        struct flow_table *flows = build(&now);
        for (int j = 0; j < 20; j++) {
            CLEANUP(pipeline_bridge) struct pipeline_bridge before;
            CLEANUP(flow_change) struct flow_change change;
            pipeline_bridge_clone(&before, &now);
            for (int k = random_range(3); k >= 0; k--) {
                change_at_random(&now);
            }
            flow_change_init(&change);
            pipeline_build_change(&before, &now, &change);
            check_change(flows, &change, &now);
        }
        destroy(flows);
    }
}

static void
test_changes_one_after_the_other_are_one(void **state)
{
    random_set_seed(2);
    for (int i = 0; i < 50; i++) {
        CLEANUP(pipeline_bridge) struct pipeline_bridge now;
        CLEANUP(flow_change) struct flow_change sum;
        init_at_random(&now);
        flow_change_init(&sum);
        struct flow_table *flows = build(&now);
        for (int j = 0; j < 4; j++) {
            CLEANUP(pipeline_bridge) struct pipeline_bridge before;
            CLEANUP(flow_change) struct flow_change change;
            pipeline_bridge_clone(&before, &now);
            change_at_random(&now);
            flow_change_init(&change);
            pipeline_build_change(&before, &now, &change);
            flow_change_append(&sum, &change);
        }
        check_change(flows, &sum, &now);
        destroy(flows);
    }
}

/* Numbers. */

static void
fill(struct pipeline_bridge *bridge, unsigned int n)
{
    pipeline_bridge_init(bridge);
    bridge->outside = u16_to_ofp(60000);
    bridge->inside = u16_to_ofp(60001);
    for (unsigned int i = 1; i <= n; i++) {
        struct pipeline_vnic *vnic = pipeline_bridge_add_vnic(bridge);
        vnic->number = i;
        vnic->label = xasprintf("vm%u", i);
        vnic->ofport = u16_to_ofp(i);
        vnic->mac = MAC(i);
        vnic->vlan = access_vlan(i % 2 ? 10 : 11);
        vnic->policy.guard = GUARD_ENFORCE;
    }
}

static void
assert_size(const struct flow_table *table, size_t n_flows, size_t n_groups)
{
    assert_int_equal(hmap_count(&table->flows), n_flows);
    assert_int_equal(hmap_count(&table->groups), n_groups);
}

/* With one more the groups of its VLAN change, and the flows that use them are
 * looked at; those of its neighbours are not. */
static void
test_a_plug_is_one_vnics_flows(void **state)
{
    CLEANUP(pipeline_bridge) struct pipeline_bridge before, after, alone;
    fill(&before, 100);
    fill(&after, 101);
    fill(&alone, 1);
    struct flow_table *nobodys = build(&(struct pipeline_bridge) {
        .outside = alone.outside, .inside = alone.inside });
    struct flow_table *its = build(&alone);
    size_t n_its = hmap_count(&its->flows) - hmap_count(&nobodys->flows);

    CLEANUP(flow_change) struct flow_change change;
    flow_change_init(&change);
    pipeline_build_change(&before, &after, &change);
    assert_size(&change.before, 1, 1);
    assert_size(&change.after, n_its, 1);
    flow_change_clear(&change);

    pipeline_build_change(&after, &before, &change);
    assert_size(&change.before, n_its, 1);
    assert_size(&change.after, 1, 1);
    destroy(nobodys);
    destroy(its);
}

static void
test_what_is_the_same_is_no_change(void **state)
{
    CLEANUP(pipeline_bridge) struct pipeline_bridge bridge;
    CLEANUP(flow_change) struct flow_change change;
    fill(&bridge, 10);
    flow_change_init(&change);
    pipeline_build_change(&bridge, &bridge, &change);
    assert_true(flow_change_is_empty(&change));
}

/* Of two that mean the same flow one has it.  When that one goes, the other
 * does. */
static void
test_who_shares_an_address_is_built_too(void **state)
{
    CLEANUP(pipeline_bridge) struct pipeline_bridge before, after;
    CLEANUP(flow_change) struct flow_change change;
    fill(&before, 10);
    fill(&after, 9);
    before.vnics[0].mac = after.vnics[0].mac = MAC(10);
    flow_change_init(&change);
    pipeline_build_change(&before, &after, &change);
    const struct flow_entry *flow;
    HMAP_FOR_EACH (flow, node, &change.after.flows) {
        uint32_t number = table_cookie_vnic(flow->cookie);
        assert_true(number == 1 || !number);
    }
    assert_true(hmap_count(&change.after.flows) > 10);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_change_is_what_differs),
        cmocka_unit_test(test_changes_one_after_the_other_are_one),
        cmocka_unit_test(test_a_plug_is_one_vnics_flows),
        cmocka_unit_test(test_what_is_the_same_is_no_change),
        cmocka_unit_test(test_who_shares_an_address_is_built_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
