/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "lib/bridge-vlans.h"

#include "openvswitch/dynamic-string.h"
#include "tests/build.h"
#include "tests/unit.h"
#include "util.h"

/* br0 with vNICs on VLANs 10, 20 and, without a name, on all of them. */
static int
setup(void **state)
{
    struct switch_view *view = xzalloc(sizeof *view);
    *view = (struct switch_view) SWITCH_VIEW_INIT;
    add_bridge(view, "br0");
    add_vnic_port(view, 1, "vnet0", "br0", 1, 1, access_vlan(10));
    add_vnic_port(view, 2, "vnet1", "br0", 1, 2, trunk_vlan("10,20"));
    add_vnic_port(view, 3, "vnet2", "br0", 1, 3, trunk_vlan(""));
    *state = view;
    return 0;
}

static int
teardown(void **state)
{
    switch_view_destroy(*state);
    free(*state);
    return 0;
}

/* What is stranded on br0, in short form. */
static char *
stranded(const struct switch_view *view)
{
    struct bridge_vlans vlans;
    bridge_vlans_compute(view, "br0", &vlans);
    struct vlan_set set = bridge_vlans_stranded(&vlans);
    struct ds s = DS_EMPTY_INITIALIZER;
    vlan_set_format(&set, &s);
    return ds_steal_cstr(&s);
}

/* The host's own ports, other guests and other bridges do not count. */
static void
test_bridge_without_uplinks_is_private(void **state)
{
    add_port(*state, "mgmt0", "br0", "internal", access_vlan(10));
    add_port(*state, "eth1", "br1", "", trunk_vlan("30"));
    add_port(*state, "tap9", "br0", "", access_vlan(10))->has_guest_keys
        = true;
    assert_string_taken(stranded(*state), "");

    struct bridge_vlans vlans;
    bridge_vlans_compute(*state, "br0", &vlans);
    assert_false(vlans.has_uplinks);
    assert_true(vlan_set_is_empty(&vlans.carried));
    struct vlan_set used = trunk_vlan("10,20").trunks;
    assert_true(vlan_set_equals(&vlans.used, &used));
}

static void
test_one_uplink_is_enough(void **state)
{
    add_port(*state, "eth1", "br0", "", access_vlan(30));
    assert_string_taken(stranded(*state), "10,20");
    add_port(*state, "patch0", "br0", "patch",
             native_vlan(VLAN_NATIVE_UNTAGGED, 10, "30"));
    assert_string_taken(stranded(*state), "20");
    add_port(*state, "vxlan0", "br0", "vxlan", access_vlan(20));
    assert_string_taken(stranded(*state), "");
}

static void
test_an_uplink_on_all_vlans_carries_each(void **state)
{
    struct vlan_spec none = VLAN_SPEC_INIT;
    struct port_view *port = add_port(*state, "bond0", "br0", "", none);
    assert_string_taken(stranded(*state), "");
    port->ofport = -1;
    assert_string_taken(stranded(*state), "10,20");
}

#define TEST(NAME) cmocka_unit_test_setup_teardown(NAME, setup, teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_bridge_without_uplinks_is_private),
        TEST(test_one_uplink_is_enough),
        TEST(test_an_uplink_on_all_vlans_carries_each),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
