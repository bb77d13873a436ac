/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "flows/dp-ports.h"

#include "simap.h"
#include "tests/unit.h"

/* The words of ovs-vswitchd 3.1. */
static const char text[] =
    "netdev@ovs-netdev: hit:0 missed:0\n"
    "  br0:\n"
    "    br0 65534/100: (dummy-internal)\n"
    "    pa 30/none: (patch: peer=pb)\n"
    "    vnet1 1/2: (tap)\n"
    "    we$ird 9/7: (system)\n"
    "  br00:\n"
    "    br00 65534/8: (internal)\n"
    "    vnet2 1/3: (vxlan: remote_ip=1.2.3.4)\n"
    "system@ovs-system: hit:0 missed:0\n"
    "    vnet3 5/5: (tap)\n";

static void
test_ports_of_one_bridge(void **state)
{
    struct simap ports = SIMAP_INITIALIZER(&ports);
    assert_null(dp_ports_parse(text, "br0", &ports));
    assert_int_equal(simap_count(&ports), 3);
    assert_int_equal(simap_get(&ports, "100"), 65534);
    assert_int_equal(simap_get(&ports, "2"), 1);
    assert_int_equal(simap_get(&ports, "7"), 9);
    simap_clear(&ports);
    assert_null(dp_ports_parse(text, "br00", &ports));
    assert_int_equal(simap_count(&ports), 2);
    assert_int_equal(simap_get(&ports, "3"), 1);
    simap_destroy(&ports);
}

static void
test_bridge_that_is_not_there(void **state)
{
    struct simap ports = SIMAP_INITIALIZER(&ports);
    assert_string_taken(dp_ports_parse(text, "br1", &ports),
                        "the switch has no bridge br1");
    assert_string_taken(dp_ports_parse("", "br0", &ports),
                        "the switch has no bridge br0");
    assert_true(simap_is_empty(&ports));
    simap_destroy(&ports);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ports_of_one_bridge),
        cmocka_unit_test(test_bridge_that_is_not_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
