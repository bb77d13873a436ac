/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "lib/policy.h"

#include <string.h>

#include "lib/cleanup.h"
#include "openvswitch/dynamic-string.h"
#include "packets.h"
#include "tests/build.h"
#include "tests/unit.h"
#include "util.h"

/* Adds the address that 's' names. */
static struct policy_address *
add(struct policy *policy, const char *s)
{
    struct policy_address *address = policy_add_address(policy);
    assert_null(policy_address_parse(s, &address->ip, &address->plen));
    return address;
}

static void
test_names_are_read_and_written(void **state)
{
    enum isolation_class class;
    assert_true(isolation_class_from_string("community", &class));
    assert_string_equal(isolation_class_to_string(class), "community");

    enum guard_level level;
    assert_true(guard_level_from_string("enforce", &level));
    assert_string_equal(guard_level_to_string(level), "enforce");

    enum policy_service service;
    assert_true(policy_service_from_string("any-mac", &service));
    assert_int_equal(service, SERVICE_ANY_MAC);
    assert_string_equal(policy_service_to_string(SERVICE_LLDP), "lldp");
}

static void
test_unknown_names_give_the_safe_default(void **state)
{
    enum isolation_class class = ISOLATION_ISOLATED;
    assert_false(isolation_class_from_string("Isolated", &class));
    assert_int_equal(class, ISOLATION_PROMISCUOUS);

    enum guard_level level = GUARD_OFF;
    assert_false(guard_level_from_string("", &level));
    assert_int_equal(level, GUARD_MONITOR);

    enum policy_service service = SERVICE_ANY_MAC;
    assert_false(policy_service_from_string("dhcp", &service));
    assert_int_equal(service, SERVICE_DHCP_SERVER);
}

static void
test_addresses_are_read_and_written(void **state)
{
    struct { const char *in, *out; } cases[] = {
        { "10.0.0.5", "10.0.0.5" },
        { "10.0.0.0/24", "10.0.0.0/24" },
        { "0.0.0.0/0", "0.0.0.0/0" },
        { "2001:db8::5", "2001:db8::5" },
        { "2001:db8::/64", "2001:db8::/64" },
        { "fe80::1", "fe80::1" },
        { "::/0", "::/0" },
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        CLEANUP(policy) struct policy policy = POLICY_INIT;
        struct ds s = DS_EMPTY_INITIALIZER;
        policy_address_format(add(&policy, cases[i].in), &s);
        assert_string_taken(ds_steal_cstr(&s), cases[i].out);
    }
}

static void
test_addresses_are_written_with_what_binds_them(void **state)
{
    CLEANUP(policy) struct policy policy = POLICY_INIT;
    assert_string_taken(policy_address_to_string(add(&policy, "10.0.0.5")),
                        "10.0.0.5");
    struct policy_address *address = add(&policy, "2001:db8::/64");
    address->mac = MAC(7);
    address->vlan = 10;
    assert_string_taken(policy_address_to_string(address),
                        "2001:db8::/64 of 52:54:00:00:00:07 in VLAN 10");
}

static void
test_bad_addresses_are_named(void **state)
{
    static const char *const bad[] = {
        "", "10.0.0", "10.0.0.256", "10.0.0.5/33", "10.0.0.5/24", "fe80::/129",
        "2001:db8::1/64", "host", "10.0.0.5 ", "10.0.0.5/255.255.0.255",
        "::ffff:10.0.0.5",
    };
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        struct in6_addr ip;
        unsigned int plen;
        CLEANUP_FREE char *error = policy_address_parse(bad[i], &ip, &plen);
        CLEANUP_FREE char *quoted = xasprintf("'%s' ", bad[i]);
        assert_non_null(error);
        assert_non_null(strstr(error, quoted));
        assert_true(ipv6_addr_equals(&ip, &in6addr_any));
        assert_int_equal(plen, 128);
    }
}

static void
test_families(void **state)
{
    struct { const char *s; enum policy_family family; } cases[] = {
        { "10.0.0.5", POLICY_FAMILY_IPV4 },
        { "0.0.0.0/0", POLICY_FAMILY_IPV4 },
        { "2001:db8::/64", POLICY_FAMILY_IPV6 },
        { "::/0", POLICY_FAMILY_IPV6 },
        { "fe80::1", POLICY_FAMILY_LINK_LOCAL },
        { "fe80::/10", POLICY_FAMILY_LINK_LOCAL },
        { "fe80::/9", POLICY_FAMILY_IPV6 },
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        CLEANUP(policy) struct policy policy = POLICY_INIT;
        assert_int_equal(policy_address_family(add(&policy, cases[i].s)),
                         cases[i].family);
        for (enum policy_family f = POLICY_FAMILY_IPV4;
             f <= POLICY_FAMILY_LINK_LOCAL; f++) {
            assert_int_equal(policy_knows_family(&policy, f),
                             f == cases[i].family);
        }
    }
}

static void
test_a_new_address_is_of_each_vlan(void **state)
{
    CLEANUP(policy) struct policy policy = POLICY_INIT;
    struct policy_address *address = policy_add_address(&policy);
    assert_int_equal(address->vlan, -1);
    assert_int_equal(address->plen, 128);
    assert_true(eth_addr_is_zero(address->mac));
}

static void
fill(struct policy *policy)
{
    policy->isolation = ISOLATION_COMMUNITY;
    policy->community = xstrdup("web");
    policy->guard = GUARD_ENFORCE;
    policy->services = SERVICE_ROUTER | SERVICE_LLDP;
    add(policy, "10.0.0.5")->mac = MAC(1);
    add(policy, "2001:db8::/64")->vlan = 10;
}

static void
test_a_clone_is_equal_and_its_own(void **state)
{
    CLEANUP(policy) struct policy a = POLICY_INIT;
    fill(&a);
    CLEANUP(policy) struct policy b;
    policy_clone(&b, &a);
    assert_true(policy_equals(&a, &b));
    assert_ptr_not_equal(a.community, b.community);
    assert_ptr_not_equal(a.addresses, b.addresses);

    policy_destroy(&a);
    policy_destroy(&a);
    assert_false(policy_equals(&a, &b));
    policy_destroy(NULL);
}

/* Each member counts. */
static void
test_one_difference_is_enough(void **state)
{
    for (int member = 0; member < 9; member++) {
        CLEANUP(policy) struct policy a = POLICY_INIT;
        CLEANUP(policy) struct policy b = POLICY_INIT;
        fill(&a);
        fill(&b);
        assert_true(policy_equals(&a, &b));
        switch (member) {
        case 0: b.isolation = ISOLATION_ISOLATED; break;
        case 1: b.community[0] = 'W'; break;
        case 2: b.guard = GUARD_OFF; break;
        case 3: b.services = SERVICE_ROUTER; break;
        case 4: add(&b, "::/0"); break;
        case 5: b.addresses[0].ip.s6_addr[15]++; break;
        case 6: b.addresses[1].plen--; break;
        case 7: b.addresses[0].mac = MAC(2); break;
        case 8: b.addresses[1].vlan = -1; break;
        }
        assert_false(policy_equals(&a, &b));
    }
}

static void
test_statements_differ_in_what_is_said(void **state)
{
    CLEANUP(policy_statement) struct policy_statement a
        = POLICY_STATEMENT_INIT;
    fill(&a.policy);
    a.said = POLICY_FIELD_ISOLATION;
    CLEANUP(policy_statement) struct policy_statement b;
    policy_statement_clone(&b, &a);
    assert_true(policy_statement_equals(&a, &b));
    b.said |= POLICY_FIELD_GUARD;
    assert_false(policy_statement_equals(&a, &b));
    b.said = a.said;
    b.policy.services = 0;
    assert_false(policy_statement_equals(&a, &b));

    policy_statement_destroy(&a);
    policy_statement_destroy(&a);
    assert_int_equal(a.said, 0);
}

static void
test_sources(void **state)
{
    static const struct { const char *s; bool is_source; } cases[] = {
        { "10.0.0.5", true },
        { "0.0.0.0/0", true },
        { "0.0.0.0/1", true },
        { "223.255.255.255", true },
        { "0.0.0.0", false },
        { "127.0.0.1", false },
        { "127.0.0.0/8", false },
        { "224.0.0.1", false },
        { "224.0.0.0/3", false },
        { "240.0.0.0/4", false },
        { "255.255.255.255", false },
        { "2001:db8::5", true },
        { "::/0", true },
        { "fe80::1", true },
        { "::", false },
        { "::1", false },
        { "ff02::1", false },
        { "ff00::/8", false },
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        CLEANUP(policy) struct policy policy = POLICY_INIT;
        assert_int_equal(policy_address_is_source(add(&policy, cases[i].s)),
                         cases[i].is_source);
    }
}

static void
check_isolation(const char *said, const char *understood)
{
    struct policy policy = POLICY_INIT;
    policy_set_isolation(&policy, said);
    char *s = policy_isolation_to_string(&policy);
    if (understood) {
        assert_non_null(s);
        assert_string_equal(s, understood);
    } else {
        assert_null(s);
    }
    free(s);
    policy_destroy(&policy);
}

static void
test_isolation_is_kept_as_text(void **state OVS_UNUSED)
{
    check_isolation("promiscuous", NULL);
    check_isolation("isolated", "isolated");
    check_isolation("community web", "community web");
    check_isolation("community web 2", "community web 2");

    /* What nobody understands is not open. */
    check_isolation("", "isolated");
    check_isolation("Promiscuous", "isolated");
    check_isolation("promiscuous x", "isolated");
    check_isolation("community", "isolated");
    check_isolation("community ", "isolated");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names_are_read_and_written),
        cmocka_unit_test(test_unknown_names_give_the_safe_default),
        cmocka_unit_test(test_addresses_are_read_and_written),
        cmocka_unit_test(test_addresses_are_written_with_what_binds_them),
        cmocka_unit_test(test_bad_addresses_are_named),
        cmocka_unit_test(test_families),
        cmocka_unit_test(test_a_new_address_is_of_each_vlan),
        cmocka_unit_test(test_a_clone_is_equal_and_its_own),
        cmocka_unit_test(test_one_difference_is_enough),
        cmocka_unit_test(test_statements_differ_in_what_is_said),
        cmocka_unit_test(test_sources),
        cmocka_unit_test(test_isolation_is_kept_as_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
