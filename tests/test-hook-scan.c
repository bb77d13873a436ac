/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */

/* Tests of libvirt-hooks/hook-scan.c. */

#include <config.h>
#include "libvirt-hooks/hook-scan.h"

#include <string.h>

#include "tests/unit.h"

static bool
is_on_ovs(const char *xml)
{
    return hook_scan_is_on_ovs(xml, strlen(xml));
}

static void
test_guests_on_ovs(void **state)
{
    assert_true(is_on_ovs("<domain><devices><interface type='bridge'>"
                          "<virtualport type='openvswitch'/></interface>"
                          "</devices></domain>"));
    assert_true(is_on_ovs("<devices><virtualport type=\"openvswitch\">"));
    assert_true(is_on_ovs("<devices><virtualport type='802.1Qbh'>"
                          "</virtualport><virtualport a='b' "
                          "type='openvswitch'>"));
}

static void
test_other_guests(void **state)
{
    assert_false(is_on_ovs(""));
    assert_false(is_on_ovs("<domain><devices/></domain>"));
    assert_false(is_on_ovs("<devices><interface type='network'/>"));
    assert_false(is_on_ovs("<devices><virtualport type='802.1Qbh'/>"
                           "<other type='openvswitch'/>"));
    assert_false(is_on_ovs("<metadata><virtualport type='openvswitch'/>"
                           "</metadata><devices></devices>"));
    assert_false(is_on_ovs("<devices><x:virtualport type='openvswitch'/>"));
    assert_false(is_on_ovs("<devices><virtualports type='openvswitch'/>"));
    assert_false(is_on_ovs("<devices><virtualport mytype='openvswitch'/>"));
}

/* Whatever it is cut off at, nothing behind the end is looked at. */
static void
test_cut_off(void **state)
{
    static const char xml[]
        = "<devices><virtualport type='openvswitch'/></devices>";
    size_t needed = strlen("<devices><virtualport type='openvswitch'/>");
    for (size_t size = 0; size < sizeof xml; size++) {
        assert_int_equal(hook_scan_is_on_ovs(xml, size), size >= needed);
    }
    assert_false(hook_scan_is_on_ovs(NULL, 0));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_guests_on_ovs),
        cmocka_unit_test(test_other_guests),
        cmocka_unit_test(test_cut_off),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
