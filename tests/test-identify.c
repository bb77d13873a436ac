/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "lib/identify.h"

#include "lib/switch-view.h"
#include "packets.h"
#include "tests/build.h"
#include "tests/host.h"
#include "tests/unit.h"
#include "util.h"
#include "uuid.h"

/* A guest that runs, VM 1 with vnet0, and a port of that name without keys;
 * others are before and behind it. */
struct fixture {
    struct host base;
    struct domain *domain;
};

static int
setup(void **state)
{
    struct fixture *f = xzalloc(sizeof *f);
    struct vlan_spec vlan = access_vlan(10);
    host_init(&f->base);
    f->domain = add_domain(&f->base.domains, 1, "web1");
    add_bridge_vnic(f->domain, 1, "br0", "vnet0", vlan);
    add_port(&f->base.view, "eth0", "br0", "", vlan);
    add_port(&f->base.view, "vnet0", "br0", "", vlan);
    add_vnic_port(&f->base.view, 9, "vnet9", "br0", 9, 9, vlan);
    switch_view_sort(&f->base.view);
    *state = f;
    return 0;
}

static int
teardown(void **state)
{
    struct fixture *f = *state;
    host_destroy(&f->base);
    free(f);
    return 0;
}

static struct port_view *
port(struct fixture *f, const char *name)
{
    return get_port(&f->base.view, name);
}

/* Returns the port that is found as that of the guest, or NULL. */
static const struct port_view *
identify(struct fixture *f)
{
    identify_ports(&f->base.source, 1, &f->base.view);
    struct uuid uuid = vm(1);
    return switch_view_find_vnic(&f->base.view, &uuid, MAC(1), "vnet0");
}

static void
test_who_runs_is_found_by_the_name_of_its_port(void **state)
{
    struct fixture *f = *state;
    const struct port_view *found = identify(f);
    assert_ptr_equal(found, port(f, "vnet0"));
    assert_true(found->lacks_keys);
    assert_int_equal(switch_view_find_role(&f->base.view, found),
                     PORT_ROLE_VNIC);
    assert_int_equal(switch_view_find_role(&f->base.view, port(f, "eth0")),
                     PORT_ROLE_UPLINK);
    assert_ptr_equal(identify(f), port(f, "vnet0")); /* Again. */
}

static void
test_what_is_not_told_any_more_is_forgotten(void **state)
{
    struct fixture *f = *state;
    assert_non_null(identify(f));
    f->domain->is_active = false;
    assert_null(identify(f));
    assert_false(port(f, "vnet0")->is_vnic);
    assert_false(port(f, "vnet0")->lacks_keys);
}

static void
test_who_is_being_plugged_is_not_found_so(void **state)
{
    static const enum domain_stage stages[]
        = { DOMAIN_PREPARED, DOMAIN_STARTING };
    struct fixture *f = *state;
    for (size_t i = 0; i < ARRAY_SIZE(stages); i++) {
        f->domain->stage = stages[i];
        assert_null(identify(f));
    }
    f->domain->stage = DOMAIN_TOLD;
    assert_non_null(identify(f));
}

/* libvirt may be late to tell that the device's name was used again. */
static void
test_keys_are_believed(void **state)
{
    struct fixture *f = *state;
    struct port_view *vnet0 = port(f, "vnet0");
    vnet0->is_vnic = true;
    vnet0->vm_id = vm(7);
    vnet0->mac = MAC(7);
    switch_view_sort(&f->base.view);
    assert_null(identify(f));
    assert_true(eth_addr_equals(port(f, "vnet0")->mac, MAC(7)));
}

static void
test_only_a_network_device_is_a_guests(void **state)
{
    static const char *const types[] = { "internal", "patch", "geneve" };
    struct fixture *f = *state;
    for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
        struct port_view *vnet0 = port(f, "vnet0");
        free(vnet0->type);
        vnet0->type = xstrdup(types[i]);
        assert_null(identify(f));
    }
    f->domain->vnics[0].type = VNIC_ETHERNET;
    free(port(f, "vnet0")->type);
    port(f, "vnet0")->type = xstrdup("system");
    assert_null(identify(f));   /* libvirt has not plugged it. */
    f->domain->vnics[0].type = VNIC_BRIDGE;
    assert_non_null(identify(f));
}

#define TEST(NAME) cmocka_unit_test_setup_teardown(NAME, setup, teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_who_runs_is_found_by_the_name_of_its_port),
        TEST(test_what_is_not_told_any_more_is_forgotten),
        TEST(test_who_is_being_plugged_is_not_found_so),
        TEST(test_keys_are_believed),
        TEST(test_only_a_network_device_is_a_guests),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
