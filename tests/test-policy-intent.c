/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "lib/policy-intent.h"

#include "lib/cleanup.h"
#include "lib/settings.h"
#include "packets.h"
#include "tests/build.h"
#include "tests/unit.h"
#include "util.h"

/* A vNIC on VLAN 10, with the default settings and empty metadata. */
struct fixture {
    struct settings settings;
    struct vlan_spec vlan;
    struct policy_statement metadata;
    struct policy_facts facts;
    struct policy_intent intent;
};

static int
setup(void **state)
{
    struct fixture *f = xmalloc(sizeof *f);
    *f = (struct fixture) {
        .settings = SETTINGS_DEFAULT,
        .vlan = access_vlan(10),
        .metadata = POLICY_STATEMENT_INIT,
        .facts = {
            .settings = &f->settings,
            .metadata = &f->metadata,
            .metadata_source = POLICY_FROM_METADATA,
            .mac = MAC(1),
            .vlan = &f->vlan,
        },
        .intent = POLICY_INTENT_INIT,
    };
    *state = f;
    return 0;
}

static int
teardown(void **state)
{
    struct fixture *f = *state;
    policy_intent_destroy(&f->intent);
    policy_statement_destroy(&f->metadata);
    free(f);
    return 0;
}

static void
say_class(struct fixture *f, enum isolation_class class)
{
    f->metadata.policy.isolation = class;
    f->metadata.said |= POLICY_FIELD_ISOLATION;
}

static void
say_guard(struct fixture *f, enum guard_level level)
{
    f->metadata.policy.guard = level;
    f->metadata.said |= POLICY_FIELD_GUARD;
}

static void
say_services(struct fixture *f, unsigned int services)
{
    f->metadata.policy.services = services;
    f->metadata.said |= POLICY_FIELD_SERVICES;
}

static struct policy_address *
say_address(struct fixture *f, const char *s)
{
    struct policy_address *address = policy_add_address(&f->metadata.policy);
    assert_null(policy_address_parse(s, &address->ip, &address->plen));
    f->metadata.said |= POLICY_FIELD_ADDRESSES;
    return address;
}

/* Computes; nothing may be wrong. */
static const struct policy_intent *
compute(struct fixture *f)
{
    policy_intent_destroy(&f->intent);
    assert_null(policy_intent_compute(&f->facts, &f->intent));
    return &f->intent;
}

static void
test_defaults(void **state)
{
    struct fixture *f = *state;
    f->facts.metadata = NULL;
    const struct policy_intent *intent = compute(f);
    assert_int_equal(intent->policy.isolation, ISOLATION_PROMISCUOUS);
    assert_int_equal(intent->policy.guard, GUARD_MONITOR);
    assert_int_equal(intent->policy.services, 0);
    assert_int_equal(intent->policy.n_addresses, 0);
    assert_int_equal(intent->sources.isolation, POLICY_FROM_DEFAULT);
    assert_int_equal(intent->sources.guard, POLICY_FROM_DEFAULT);
    assert_int_equal(intent->sources.services, POLICY_FROM_DEFAULT);
    assert_int_equal(intent->sources.addresses, POLICY_FROM_DEFAULT);
    assert_null(intent->note);
}

static void
test_settings_name_their_source(void **state)
{
    struct fixture *f = *state;
    f->settings.guard = GUARD_ENFORCE;
    f->settings.sources[SETTING_GUARD] = SETTING_FROM_HOST;
    assert_int_equal(compute(f)->sources.guard, POLICY_FROM_HOST);
    f->settings.sources[SETTING_GUARD] = SETTING_FROM_BRIDGE;
    assert_int_equal(compute(f)->sources.guard, POLICY_FROM_BRIDGE);
    assert_int_equal(f->intent.policy.guard, GUARD_ENFORCE);
    assert_int_equal(f->intent.sources.isolation, POLICY_FROM_DEFAULT);
}

/* Field by field: what it does not say stays. */
static void
test_metadata_goes_first(void **state)
{
    struct fixture *f = *state;
    f->settings.guard = GUARD_ENFORCE;
    f->settings.sources[SETTING_GUARD] = SETTING_FROM_BRIDGE;
    say_class(f, ISOLATION_COMMUNITY);
    f->metadata.policy.community = xstrdup("web");
    const struct policy_intent *intent = compute(f);
    assert_int_equal(intent->policy.isolation, ISOLATION_COMMUNITY);
    assert_string_equal(intent->policy.community, "web");
    assert_int_equal(intent->sources.isolation, POLICY_FROM_METADATA);
    assert_int_equal(intent->policy.guard, GUARD_ENFORCE);
    assert_int_equal(intent->sources.guard, POLICY_FROM_BRIDGE);

    say_guard(f, GUARD_OFF);
    say_services(f, SERVICE_LLDP);
    say_address(f, "10.0.0.100")->mac = MAC(9);
    f->facts.metadata_source = POLICY_FROM_LAST_GOOD;
    intent = compute(f);
    assert_int_equal(intent->policy.guard, GUARD_OFF);
    assert_int_equal(intent->sources.guard, POLICY_FROM_LAST_GOOD);
    assert_int_equal(intent->policy.services, SERVICE_LLDP);
    assert_int_equal(intent->sources.services, POLICY_FROM_LAST_GOOD);
    assert_int_equal(intent->policy.n_addresses, 1);
    assert_int_equal(intent->sources.addresses, POLICY_FROM_LAST_GOOD);
    assert_null(intent->note);
}

static void
test_none_is_none(void **state)
{
    struct fixture *f = *state;
    f->settings.metadata = METADATA_NONE;
    say_class(f, ISOLATION_ISOLATED);
    say_services(f, SERVICE_ANY_MAC);
    say_address(f, "10.0.0.5")->vlan = 99;
    const struct policy_intent *intent = compute(f);
    assert_int_equal(intent->policy.isolation, ISOLATION_PROMISCUOUS);
    assert_int_equal(intent->policy.services, 0);
    assert_int_equal(intent->policy.n_addresses, 0);
    assert_null(intent->note);
}

#define NOT_FOLLOWED                                                    \
    "metadata is not followed (vnicd-metadata=stricter) where it allows " \
    "more: "

static void
test_stricter_guards_count(void **state)
{
    static const struct {
        enum guard_level rest, said, result;
        const char *note;
    } cases[] = {
        { GUARD_OFF, GUARD_MONITOR, GUARD_MONITOR, NULL },
        { GUARD_OFF, GUARD_ENFORCE, GUARD_ENFORCE, NULL },
        { GUARD_MONITOR, GUARD_ENFORCE, GUARD_ENFORCE, NULL },
        { GUARD_MONITOR, GUARD_MONITOR, GUARD_MONITOR, NULL },
        { GUARD_MONITOR, GUARD_OFF, GUARD_MONITOR, NOT_FOLLOWED "guard off" },
        { GUARD_ENFORCE, GUARD_MONITOR, GUARD_ENFORCE,
          NOT_FOLLOWED "guard monitor" },
        { GUARD_ENFORCE, GUARD_OFF, GUARD_ENFORCE, NOT_FOLLOWED "guard off" },
    };
    struct fixture *f = *state;
    f->settings.metadata = METADATA_STRICTER;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        f->settings.guard = cases[i].rest;
        say_guard(f, cases[i].said);
        const struct policy_intent *intent = compute(f);
        assert_int_equal(intent->policy.guard, cases[i].result);
        assert_int_equal(intent->sources.guard, cases[i].note
                         ? POLICY_FROM_DEFAULT : POLICY_FROM_METADATA);
        if (cases[i].note) {
            assert_string_equal(intent->note, cases[i].note);
        } else {
            assert_null(intent->note);
        }
    }
}

static void
test_stricter_lets_no_service_pass(void **state)
{
    struct fixture *f = *state;
    f->settings.metadata = METADATA_STRICTER;
    say_class(f, ISOLATION_ISOLATED);
    say_services(f, SERVICE_DHCP_SERVER | SERVICE_ANY_MAC);
    const struct policy_intent *intent = compute(f);
    assert_int_equal(intent->policy.isolation, ISOLATION_ISOLATED);
    assert_int_equal(intent->policy.services, 0);
    assert_int_equal(intent->sources.services, POLICY_FROM_DEFAULT);
    assert_string_equal(intent->note, NOT_FOLLOWED
                        "service dhcp-server, service any-mac");
}

/* Those that keep from using others, not those that add something. */
static void
test_stricter_lets_addresses_bind(void **state)
{
    struct in6_addr own;
    in6_generate_lla(MAC(1), &own);
    struct fixture *f = *state;
    f->settings.metadata = METADATA_STRICTER;
    say_address(f, "10.0.0.5");
    say_address(f, "2001:db8::/64")->vlan = 10;
    say_address(f, "fe80::/64");
    say_address(f, "fe80::1")->ip = own;
    assert_int_equal(compute(f)->policy.n_addresses, 4);
    assert_null(f->intent.note);

    say_address(f, "10.0.0.100")->mac = MAC(9);
    say_address(f, "fe80::1");
    assert_int_equal(compute(f)->policy.n_addresses, 4);
    assert_string_equal(f->intent.note, NOT_FOLLOWED "address 10.0.0.100 of "
                        "52:54:00:00:00:09, address fe80::1");

    /* Where others do not pass, each entry is one more. */
    f->settings.passes_unknown_addresses = false;
    assert_int_equal(compute(f)->policy.n_addresses, 2);
    assert_string_equal(f->intent.note, NOT_FOLLOWED "address 10.0.0.5, "
                        "address 2001:db8::/64 in VLAN 10, address 10.0.0.100 "
                        "of 52:54:00:00:00:09, …");
}

static void
test_any_mac_needs_promiscuous(void **state)
{
    struct fixture *f = *state;
    say_services(f, SERVICE_ANY_MAC);
    (void) compute(f);
    say_class(f, ISOLATION_ISOLATED);
    assert_string_taken(policy_intent_compute(&f->facts, &f->intent),
                        "service any-mac is for class promiscuous, not for "
                        "isolated");
}

static void
test_addresses_of_other_vlans_are_told(void **state)
{
    struct fixture *f = *state;
    say_address(f, "10.0.0.5")->vlan = 10;
    assert_null(compute(f)->note);
    say_address(f, "10.0.0.6")->vlan = 11;
    assert_string_equal(compute(f)->note, "it is not on the VLAN of its "
                        "addresses: 10.0.0.6 in VLAN 11");
    f->vlan = (struct vlan_spec) VLAN_SPEC_INIT;    /* On all. */
    assert_null(compute(f)->note);
    f->vlan = trunk_vlan("11,12");
    assert_string_equal(compute(f)->note, "it is not on the VLAN of its "
                        "addresses: 10.0.0.5 in VLAN 10");
}

static void
say_anything(struct fixture *f)
{
    static const char *const ips[] = {
        "10.0.0.5", "0.0.0.0/0", "2001:db8::5", "::/0", "fe80::/10", "fe80::1",
    };
    policy_statement_destroy(&f->metadata);
    say_class(f, rand() % 2 ? ISOLATION_ISOLATED : ISOLATION_PROMISCUOUS);
    say_guard(f, rand() % 3);
    say_services(f, rand() % 32);
    for (int n = rand() % 5; n > 0; n--) {
        struct policy_address *address
            = say_address(f, ips[rand() % ARRAY_SIZE(ips)]);
        address->mac = rand() % 4 ? eth_addr_zero : MAC(9);
        address->vlan = rand() % 4 ? -1 : 10;
    }
    f->metadata.said &= rand();
    f->settings.guard = rand() % 3;
    f->settings.passes_unknown_addresses = rand() % 2;
}

/* Whatever a tenant writes, with vnicd-metadata=stricter he gets no more than
 * without it. */
static void
test_stricter_never_widens(void **state)
{
    static const int strictness[] = {
        [GUARD_OFF] = 0, [GUARD_MONITOR] = 1, [GUARD_ENFORCE] = 2,
    };
    struct fixture *f = *state;
    f->settings.metadata = METADATA_STRICTER;
    srand(1);
    for (int i = 0; i < 10000; i++) {
        say_anything(f);
        const struct policy *policy = &compute(f)->policy;
        assert_true(strictness[policy->guard]
                    >= strictness[f->settings.guard]);
        assert_int_equal(policy->services, 0);
        for (size_t j = 0; j < policy->n_addresses; j++) {
            const struct policy_address *address = &policy->addresses[j];
            assert_true(eth_addr_is_zero(address->mac));
            assert_true(policy_address_is_link_local(address)
                        ? address->plen < 128
                        : f->settings.passes_unknown_addresses);
        }
    }
}

/* What is said counts, all of it or, for a sentence, nothing. */
static void
test_all_is_all(void **state)
{
    struct fixture *f = *state;
    srand(2);
    for (int i = 0; i < 10000; i++) {
        say_anything(f);
        struct policy expected = POLICY_INIT;
        expected.guard = f->settings.guard;
        const struct policy *said = &f->metadata.policy;
        if (f->metadata.said & POLICY_FIELD_ISOLATION) {
            expected.isolation = said->isolation;
        }
        if (f->metadata.said & POLICY_FIELD_GUARD) {
            expected.guard = said->guard;
        }
        if (f->metadata.said & POLICY_FIELD_SERVICES) {
            expected.services = said->services;
        }
        if (f->metadata.said & POLICY_FIELD_ADDRESSES) {
            expected.addresses = said->addresses;
            expected.n_addresses = said->n_addresses;
        }
        policy_intent_destroy(&f->intent);
        CLEANUP_FREE char *error = policy_intent_compute(&f->facts,
                                                         &f->intent);
        assert_int_equal(error != NULL,
                         expected.isolation != ISOLATION_PROMISCUOUS
                         && (expected.services & SERVICE_ANY_MAC));
        assert_true(policy_equals(&f->intent.policy, &expected));
    }
}

#define TEST(NAME) cmocka_unit_test_setup_teardown(NAME, setup, teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_defaults),
        TEST(test_settings_name_their_source),
        TEST(test_metadata_goes_first),
        TEST(test_none_is_none),
        TEST(test_stricter_guards_count),
        TEST(test_stricter_lets_no_service_pass),
        TEST(test_stricter_lets_addresses_bind),
        TEST(test_any_mac_needs_promiscuous),
        TEST(test_addresses_of_other_vlans_are_told),
        TEST(test_stricter_never_widens),
        TEST(test_all_is_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
