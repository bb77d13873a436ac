/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "lib/switch-view.h"

#include "tests/build.h"
#include "tests/unit.h"
#include "util.h"

static void
test_finds_ports_of_vnics(void **state)
{
    struct switch_view view = SWITCH_VIEW_INIT;
    struct vlan_spec none = VLAN_SPEC_INIT;
    for (unsigned int n = 20; n > 0; n--) {
        char name[16];
        snprintf(name, sizeof name, "vnet%u", n);
        add_vnic_port(&view, n, name, "br0", n, n, none);
    }
    add_vnic_port(&view, 99, "eth0", "br0", 1, 1, none)->is_vnic = false;
    switch_view_sort(&view);

    for (unsigned int n = 1; n <= 20; n++) {
        struct uuid id = vm(n);
        assert_int_equal(
            switch_view_find_vnic(&view, &id, MAC(n), NULL)->ofport, n);
        assert_null(switch_view_find_vnic(&view, &id, MAC(n + 1), NULL));
    }
    switch_view_destroy(&view);
}

static void
test_twins_are_told_apart_by_name_alone(void **state)
{
    struct switch_view view = SWITCH_VIEW_INIT;
    struct vlan_spec none = VLAN_SPEC_INIT;
    struct uuid id = vm(1);
    add_vnic_port(&view, 2, "b", "br0", 1, 1, none);
    add_vnic_port(&view, 1, "a", "br0", 1, 1, none);
    switch_view_sort(&view);

    assert_int_equal(switch_view_find_vnic(&view, &id, MAC(1), "a")->ofport,
                     1);
    assert_int_equal(switch_view_find_vnic(&view, &id, MAC(1), "b")->ofport,
                     2);
    assert_null(switch_view_find_vnic(&view, &id, MAC(1), "c"));
    assert_null(switch_view_find_vnic(&view, &id, MAC(1), NULL));
    assert_int_equal(switch_view_find_port(&view, "b")->ofport, 2);
    assert_null(switch_view_find_port(&view, "c"));
    switch_view_destroy(&view);
}

static void
test_finds_bridges(void **state)
{
    struct switch_view view = SWITCH_VIEW_INIT;
    add_bridge(&view, "br1");
    add_bridge(&view, "br0");
    add_fake_bridge(&view, "br0v10", "br0", 10);
    switch_view_sort(&view);
    assert_null(switch_view_find_bridge(&view, "br2"));
    assert_null(switch_view_find_bridge(&view, "br1")->parent);
    assert_int_equal(switch_view_find_bridge(&view, "br0v10")->tag, 10);
    switch_view_destroy(&view);
}

/* A port of 'view' with 'type', which leads to 'role'. */
static void
check_role(struct switch_view *view, const char *name, const char *type,
           const char *role)
{
    struct vlan_spec none = VLAN_SPEC_INIT;
    struct port_view *port = add_port(view, name, "br0", type, none);
    assert_string_equal(
        port_role_to_string(switch_view_find_role(view, port)), role);
    port->has_guest_keys = true;
    assert_int_equal(switch_view_find_role(view, port), PORT_ROLE_GUEST);
    port->is_vnic = true;
    assert_int_equal(switch_view_find_role(view, port), PORT_ROLE_VNIC);
}

static void
test_roles(void **state)
{
    struct switch_view view = SWITCH_VIEW_INIT;
    add_bridge(&view, "br0");
    check_role(&view, "eth0", "", "uplink");
    check_role(&view, "eth0", "system", "uplink");
    check_role(&view, "p0", "dpdk", "uplink");
    check_role(&view, "patch0", "patch", "uplink");
    check_role(&view, "vxlan0", "vxlan", "uplink");
    check_role(&view, "vhost0", "dpdkvhostuser", "guest");
    check_role(&view, "vhost0", "dpdkvhostuserclient", "guest");
    check_role(&view, "mgmt0", "internal", "host");
    check_role(&view, "tap0", "tap", "host");
    check_role(&view, "br0", "", "host");
    switch_view_destroy(&view);
}

static void
test_life_and_marks(void **state)
{
    struct switch_view view = SWITCH_VIEW_INIT;
    struct vlan_spec none = VLAN_SPEC_INIT;
    struct port_view *port = add_vnic_port(&view, 1, "a", "br0", 1, 1, none);

    assert_true(port_view_is_alive(port));
    port->ofport = 0;
    assert_true(port_view_is_alive(port));
    port->ofport = -1;
    assert_false(port_view_is_alive(port));

    assert_false(port_view_is_marked(port));
    port->marked_vm_id = vm(2);
    assert_false(port_view_is_marked(port));
    port->marked_vm_id = vm(1);
    assert_true(port_view_is_marked(port));
    port->is_vnic = false;
    assert_false(port_view_is_marked(port));
    switch_view_destroy(&view);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_finds_ports_of_vnics),
        cmocka_unit_test(test_twins_are_told_apart_by_name_alone),
        cmocka_unit_test(test_finds_bridges),
        cmocka_unit_test(test_roles),
        cmocka_unit_test(test_life_and_marks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
