/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "lib/network.h"

#include "tests/build.h"
#include "tests/unit.h"
#include "util.h"

/* A network with a port group on VLAN 30, and a default one on VLAN 40. */
static struct network *
make_network(unsigned int number, const char *name)
{
    struct network *network = network_create();
    network->uuid = vm(number);
    network->name = xstrdup(name);

    struct portgroup *web = network_add_portgroup(network);
    web->name = xstrdup("web");
    web->vlan = access_vlan(30);
    struct portgroup *rest = network_add_portgroup(network);
    rest->name = xstrdup("rest");
    rest->is_default = true;
    rest->vlan = access_vlan(40);
    return network;
}

static void
test_find_portgroup(void **state OVS_UNUSED)
{
    struct network *network = make_network(1, "lan");
    assert_int_equal(network_find_portgroup(network, "web")->vlan.tag, 30);
    assert_int_equal(network_find_portgroup(network, NULL)->vlan.tag, 40);
    assert_null(network_find_portgroup(network, "db"));

    network->portgroups[1].is_default = false;
    assert_null(network_find_portgroup(network, NULL));
    network_destroy(network);
}

static void
test_equality(void **state OVS_UNUSED)
{
    struct network *a = make_network(1, "lan");
    struct network *b = make_network(1, "lan");
    assert_true(network_equals(a, b));
    b->portgroups[0].vlan.tag = 31;
    assert_false(network_equals(a, b));
    b->portgroups[0].vlan.tag = 30;
    b->is_active = false;
    assert_false(network_equals(a, b));
    b->is_active = true;
    b->vlan = access_vlan(5);
    assert_false(network_equals(a, b));
    network_destroy(a);
    network_destroy(b);
    network_destroy(NULL);
}

static void
test_set(void **state OVS_UNUSED)
{
    struct network_set set, other;
    network_set_init(&set);
    network_set_init(&other);
    assert_true(network_set_replace(&set, make_network(1, "lan")));
    assert_false(network_set_replace(&set, make_network(1, "lan")));
    assert_true(network_set_replace(&set, make_network(2, "dmz")));
    assert_int_equal(hmap_count(&set.networks), 2);
    assert_string_equal(network_set_find_name(&set, "dmz")->name, "dmz");
    assert_null(network_set_find_name(&set, "wan"));

    assert_false(network_set_equals(&set, &other));
    assert_true(network_set_replace(&other, make_network(2, "dmz")));
    assert_false(network_set_equals(&set, &other));
    assert_true(network_set_replace(&other, make_network(3, "lan")));
    assert_false(network_set_equals(&set, &other));
    network_set_swap(&set, &other);
    assert_null(network_set_find(&set, &(struct uuid) { .parts = { 0 } }));

    struct uuid uuid = network_set_find_name(&set, "lan")->uuid;
    struct network *lan = network_set_steal(&set, &uuid);
    assert_string_equal(lan->name, "lan");
    assert_null(network_set_find_name(&set, "lan"));
    assert_null(network_set_steal(&set, &uuid));
    network_destroy(lan);
    network_set_destroy(&set);
    network_set_destroy(&other);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_find_portgroup),
        cmocka_unit_test(test_equality),
        cmocka_unit_test(test_set),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
