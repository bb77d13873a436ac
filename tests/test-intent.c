/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "lib/intent.h"

#include "lib/network.h"
#include "lib/switch-view.h"
#include "lib/vnic.h"
#include "tests/build.h"
#include "tests/unit.h"
#include "util.h"

/* A vNIC of port group "web" of network "lan", which runs, and of which
 * libvirt says that its VLAN is 77 since it started.  Nobody says any else. */
struct fixture {
    struct network_set networks;
    struct network *lan;
    struct domain_set domains;
    struct vnic *vnic;
    struct intent_facts facts;
    struct intent intent;
};

static int
setup(void **state)
{
    struct vlan_spec none = VLAN_SPEC_INIT;
    struct fixture *f = xzalloc(sizeof *f);
    network_set_init(&f->networks);
    f->lan = add_network(&f->networks, 1, "lan", none);
    add_portgroup(f->lan, "web", none);

    domain_set_init(&f->domains);
    f->vnic = add_network_vnic(add_domain(&f->domains, 1, "web1"), 1, "lan",
                               "web", access_vlan(77), none);
    f->facts = (struct intent_facts) {
        .vnic = f->vnic,
        .networks = &f->networks,
    };
    *state = f;
    return 0;
}

static int
teardown(void **state)
{
    struct fixture *f = *state;
    intent_destroy(&f->intent);
    network_set_destroy(&f->networks);
    domain_set_destroy(&f->domains);
    free(f);
    return 0;
}

static void
compute(struct fixture *f)
{
    intent_destroy(&f->intent);
    assert_null(intent_compute(&f->facts, &f->intent));
}

/* Asserts that the VLAN is 'vlan', in short form, and who says so. */
static void
check(struct fixture *f, const char *vlan, enum vlan_source source)
{
    compute(f);
    assert_string_taken(vlan_spec_to_string(&f->intent.vlan), vlan);
    assert_string_equal(vlan_source_to_string(f->intent.source),
                        vlan_source_to_string(source));
}

static void
check_note(struct fixture *f, const char *note)
{
    compute(f);
    if (note) {
        assert_non_null(f->intent.note);
        assert_string_equal(f->intent.note, note);
    } else {
        assert_null(f->intent.note);
    }
}

static void
check_refused(struct fixture *f, const char *sentence)
{
    intent_destroy(&f->intent);
    assert_string_taken(intent_compute(&f->facts, &f->intent), sentence);
}

/* Everybody says a VLAN, or does not: the first who does is right. */
static void
test_precedence(void **state)
{
    struct fixture *f = *state;
    struct vlan_spec none = VLAN_SPEC_INIT;
    struct switch_view view = SWITCH_VIEW_INIT;
    add_fake_bridge(&view, "v9", "br0", 9);

    for (unsigned int who = 0; who < 16; who++) {
        f->vnic->config->vlan = who & 1 ? access_vlan(1) : none;
        f->lan->portgroups[0].vlan = who & 2 ? access_vlan(2) : none;
        f->lan->vlan = who & 4 ? access_vlan(4) : none;
        f->facts.bridge = who & 8 ? &view.bridges[0] : NULL;
        if (who & 1) {
            check(f, "1", VLAN_FROM_INTERFACE);
        } else if (who & 2) {
            check(f, "2", VLAN_FROM_PORTGROUP);
            assert_string_equal(f->intent.portgroup, "web");
        } else if (who & 4) {
            check(f, "4", VLAN_FROM_NETWORK);
        } else if (who & 8) {
            check(f, "9", VLAN_FROM_FAKE_BRIDGE);
        } else {
            check(f, "77", VLAN_FROM_LIVE);
        }
    }
    switch_view_destroy(&view);
}

/* As somebody who was there before us has left it. */
static void
test_what_is_found_is_kept_where_nobody_knows_more(void **state)
{
    struct fixture *f = *state;
    struct vlan_spec found = access_vlan(55), last = access_vlan(66);
    f->facts.found = &found;
    check(f, "55", VLAN_FROM_FOUND);
    f->facts.networks = NULL;
    check(f, "55", VLAN_FROM_FOUND);
    f->facts.last = &last;
    check(f, "66", VLAN_FROM_LAST_GOOD);
    f->facts.networks = &f->networks;
    f->lan->vlan = access_vlan(4);
    check(f, "4", VLAN_FROM_NETWORK);
}

/* The first one that says a VLAN says all of it. */
static void
test_whole_element_counts(void **state)
{
    struct fixture *f = *state;
    f->lan->vlan = trunk_vlan("10,20");
    f->lan->portgroups[0].vlan = native_vlan(VLAN_NATIVE_TAGGED, 5, "5,6");
    check(f, "native-tagged 5 of 5-6", VLAN_FROM_PORTGROUP);
}

static void
test_default_portgroup(void **state)
{
    struct fixture *f = *state;
    struct portgroup *rest = add_portgroup(f->lan, "rest", access_vlan(40));
    rest->is_default = true;
    f->lan->vlan = access_vlan(5);
    check(f, "5", VLAN_FROM_NETWORK);   /* "web" was asked for. */

    free(f->vnic->portgroup);
    f->vnic->portgroup = NULL;
    free(f->vnic->config->portgroup);
    f->vnic->config->portgroup = NULL;
    check(f, "40", VLAN_FROM_PORTGROUP);
    assert_string_equal(f->intent.portgroup, "rest");

    rest->is_default = false;
    check(f, "5", VLAN_FROM_NETWORK);
}

/* libvirt would use the network's VLAN, or none, without a word. */
static void
test_unknown_portgroup_is_refused(void **state)
{
    struct fixture *f = *state;
    free(f->vnic->portgroup);
    f->vnic->portgroup = xstrdup("wbe");
    check_refused(f, "network lan has no port group wbe");
}

static void
test_bad_vlans_are_refused(void **state)
{
    struct fixture *f = *state;
    f->lan->vlan = access_vlan(4095);
    check_refused(f, "network lan: VLAN 4095 is out of range (1..4094)");
    f->lan->portgroups[0].vlan = access_vlan(0);
    check_refused(f, "network lan, port group web: "
                  "VLAN 0 is out of range (1..4094)");
    f->lan->portgroups[0].error = xstrdup("<vlan> has no <tag>");
    check_refused(f, "network lan, port group web: <vlan> has no <tag>");
    f->vnic->config->vlan = access_vlan(0);
    check_refused(f, "VLAN 0 is out of range (1..4094)");

    /* Nobody asks the port group. */
    f->vnic->config->vlan = access_vlan(7);
    check(f, "7", VLAN_FROM_INTERFACE);
}

static void
test_unknown_network_changes_nothing(void **state)
{
    struct fixture *f = *state;
    struct vlan_spec last = access_vlan(30);
    struct vlan_spec none = VLAN_SPEC_INIT;
    free(f->lan->name);
    f->lan->name = xstrdup("wan");

    check(f, "77", VLAN_FROM_LIVE);
    assert_null(f->intent.note);
    f->facts.last = &last;
    check(f, "30", VLAN_FROM_LAST_GOOD);
    f->facts.last = &none;
    check(f, "77", VLAN_FROM_LIVE);
    f->facts.networks = NULL;
    check(f, "77", VLAN_FROM_LIVE);

    /* Nor does it make sense of what makes none. */
    f->vnic->vlan = access_vlan(4095);
    check_refused(f, "VLAN 4095 is out of range (1..4094)");
}

/* Its definition is that of the next time; a guest that runs goes on. */
static void
test_inactive_network_changes_nothing(void **state)
{
    struct fixture *f = *state;
    struct vlan_spec last = access_vlan(30), found = access_vlan(55);
    f->lan->portgroups[0].vlan = access_vlan(41);
    f->lan->is_active = false;
    check(f, "77", VLAN_FROM_LIVE);
    f->facts.found = &found;
    check(f, "55", VLAN_FROM_FOUND);
    f->facts.last = &last;
    check(f, "30", VLAN_FROM_LAST_GOOD);
    assert_null(f->intent.note);
    free(f->lan->portgroups[0].name);
    f->lan->portgroups[0].name = xstrdup("db");
    check(f, "30", VLAN_FROM_LAST_GOOD);

    f->lan->is_active = true;
    check_refused(f, "network lan has no port group web");
}

/* What libvirt has not merged is what the interface says itself. */
static void
test_interface_that_is_not_merged(void **state)
{
    struct fixture *f = *state;
    f->vnic->type = VNIC_NETWORK;
    f->lan->portgroups[0].vlan = access_vlan(30);
    check(f, "77", VLAN_FROM_INTERFACE);
    f->vnic->vlan = (struct vlan_spec) VLAN_SPEC_INIT;
    check(f, "30", VLAN_FROM_PORTGROUP);
}

static void
test_interface_without_network(void **state)
{
    struct fixture *f = *state;
    free(f->vnic->network);
    f->vnic->network = NULL;
    f->lan->portgroups[0].vlan = access_vlan(30);
    check(f, "77", VLAN_FROM_INTERFACE);
    f->vnic->vlan = (struct vlan_spec) VLAN_SPEC_INIT;
    check(f, "none", VLAN_FROM_NOBODY);
}

static void
test_change_for_the_next_start_is_pending(void **state)
{
    struct fixture *f = *state;
    struct vnic_config *config = f->vnic->config;
    f->lan->portgroups[0].vlan = access_vlan(30);
    config->vlan = access_vlan(55);
    check(f, "55", VLAN_FROM_INTERFACE);
    assert_false(f->intent.is_pending);

    free(config->portgroup);
    config->portgroup = xstrdup("db");
    check(f, "77", VLAN_FROM_LIVE);
    assert_true(f->intent.is_pending);
    check_note(f, "port group db of network lan from the next start on");
    free(config->portgroup);
    config->portgroup = NULL;
    check_note(f, "network lan from the next start on");
    free(config->network);
    config->network = NULL;
    check_note(f, "no network from the next start on");

    /* It has followed its port group before. */
    struct vlan_spec last = access_vlan(30);
    f->facts.last = &last;
    check(f, "30", VLAN_FROM_PORTGROUP);
    assert_true(f->intent.is_pending);
}

/* Plugged into the running guest alone: what it was given is all we know. */
static void
test_interface_without_definition_keeps_its_vlan(void **state)
{
    struct fixture *f = *state;
    f->lan->portgroups[0].vlan = access_vlan(30);
    vnic_set_config(f->vnic, NULL);
    check(f, "77", VLAN_FROM_LIVE);
    assert_false(f->intent.is_pending);
    assert_null(f->intent.note);
}

static void
test_removed_vlan_stays_in_force(void **state)
{
    struct fixture *f = *state;
    struct vlan_spec last = access_vlan(30);
    check_note(f, "vlan-removed-from-network: VLAN 77 stays in force");
    f->facts.last = &last;
    check_note(f, "vlan-removed-from-network: VLAN 30 stays in force");
    check(f, "30", VLAN_FROM_LAST_GOOD);

    /* Where there never was one, there is none. */
    f->facts.last = NULL;
    f->vnic->vlan = (struct vlan_spec) VLAN_SPEC_INIT;
    check(f, "none", VLAN_FROM_NOBODY);
    assert_null(f->intent.note);
}

/* Metadata. */

static void
give_metadata(struct fixture *f, struct vlan_spec vlan)
{
    struct vnic_metadata metadata = { .vlan = vlan };
    vnic_set_metadata(f->vnic, &metadata);
}

static void
test_metadata_goes_first(void **state)
{
    struct fixture *f = *state;
    f->lan->vlan = access_vlan(5);
    f->lan->portgroups[0].vlan = access_vlan(30);
    f->facts.default_vlan = 99;
    give_metadata(f, trunk_vlan("7,8"));
    check(f, "trunk 7-8", VLAN_FROM_METADATA);
    assert_null(f->intent.portgroup);
    f->vnic->config->vlan = access_vlan(1);
    check(f, "trunk 7-8", VLAN_FROM_METADATA);

    /* Nobody asks the others what is wrong with them, nor notes it. */
    f->lan->portgroups[0].error = xstrdup("no good");
    f->vnic->config->vlan = (struct vlan_spec) VLAN_SPEC_INIT;
    check(f, "trunk 7-8", VLAN_FROM_METADATA);
    free(f->vnic->portgroup);
    f->vnic->portgroup = xstrdup("wbe");
    check(f, "trunk 7-8", VLAN_FROM_METADATA);
    check_note(f, NULL);
}

static void
test_metadata_without_vlan_leaves_it_to_the_others(void **state)
{
    struct fixture *f = *state;
    struct vnic_metadata metadata = VNIC_METADATA_INIT;
    vnic_set_metadata(f->vnic, &metadata);
    f->lan->vlan = access_vlan(5);
    check(f, "5", VLAN_FROM_NETWORK);
    f->facts.metadata_mode = METADATA_STRICTER;
    check(f, "5", VLAN_FROM_NETWORK);
    f->lan->error = xstrdup("no good");
    check_refused(f, "network lan: no good");
}

static void
test_bad_metadata_is_refused(void **state)
{
    struct fixture *f = *state;
    f->lan->vlan = access_vlan(5);
    give_metadata(f, access_vlan(4095));
    check_refused(f, "VLAN 4095 is out of range (1..4094)");
    give_metadata(f, access_vlan(5));
    f->vnic->metadata->error = xstrdup("metadata: no good");
    check_refused(f, "metadata: no good");
    f->facts.metadata_mode = METADATA_STRICTER;
    check_refused(f, "metadata: no good");
    f->facts.metadata_mode = METADATA_NONE;
    check(f, "5", VLAN_FROM_NETWORK);
}

static void
test_metadata_that_must_not_count(void **state)
{
    struct fixture *f = *state;
    f->facts.metadata_mode = METADATA_NONE;
    f->lan->vlan = access_vlan(5);
    give_metadata(f, access_vlan(5));
    check(f, "5", VLAN_FROM_NETWORK);
    check_note(f, "metadata is not followed (vnicd-metadata=none)");
    f->lan->vlan = (struct vlan_spec) VLAN_SPEC_INIT;
    check_note(f, "vlan-removed-from-network: VLAN 77 stays in force; "
               "metadata is not followed (vnicd-metadata=none)");
}

static void
test_stricter_metadata(void **state)
{
    struct fixture *f = *state;
    f->facts.metadata_mode = METADATA_STRICTER;
    f->lan->vlan = trunk_vlan("10,20,30");
    give_metadata(f, access_vlan(20));
    check(f, "20", VLAN_FROM_METADATA);
    check_note(f, NULL);
    give_metadata(f, native_vlan(VLAN_NATIVE_TAGGED, 10, "10,20"));
    check(f, "native-tagged 10 of 10,20", VLAN_FROM_METADATA);
    give_metadata(f, trunk_vlan("10,40"));
    check(f, "trunk 10,20,30", VLAN_FROM_NETWORK);
    check_note(f, "metadata is not followed (vnicd-metadata=stricter): VLAN "
               "trunk 10,40 allows more than trunk 10,20,30");

    f->lan->vlan = access_vlan(10);
    give_metadata(f, native_vlan(VLAN_DOT1Q_TUNNEL, 10, ""));
    check_note(f, "metadata is not followed (vnicd-metadata=stricter): VLAN "
               "dot1q-tunnel 10 of all allows more than 10");

    /* Of what is wrong nobody knows what it allows. */
    give_metadata(f, access_vlan(10));
    f->lan->error = xstrdup("no good");
    check_refused(f, "network lan: no good");
}

/* No VLAN is no limit; a default is one. */
static void
test_stricter_metadata_of_an_unbound_interface(void **state)
{
    struct fixture *f = *state;
    f->facts.metadata_mode = METADATA_STRICTER;
    free(f->vnic->network);
    f->vnic->network = NULL;
    f->vnic->vlan = (struct vlan_spec) VLAN_SPEC_INIT;
    give_metadata(f, trunk_vlan("1,4094"));
    check(f, "trunk 1,4094", VLAN_FROM_METADATA);
    f->facts.default_vlan = 99;
    check(f, "99", VLAN_FROM_DEFAULT);
    give_metadata(f, access_vlan(99));
    check(f, "99", VLAN_FROM_METADATA);
}

static void
test_pending_stays_pending_with_metadata(void **state)
{
    struct fixture *f = *state;
    f->lan->portgroups[0].vlan = access_vlan(30);
    free(f->vnic->config->portgroup);
    f->vnic->config->portgroup = xstrdup("db");
    give_metadata(f, access_vlan(7));
    check(f, "7", VLAN_FROM_METADATA);
    assert_true(f->intent.is_pending);
    check_note(f, "port group db of network lan from the next start on");
}

static void
test_customer_vlans_need_a_switch_that_sees_them(void **state)
{
    struct fixture *f = *state;
    struct vlan_spec tunnel = native_vlan(VLAN_DOT1Q_TUNNEL, 100, "");
    f->facts.vlan_limit = 1;
    give_metadata(f, tunnel);
    check(f, "dot1q-tunnel 100 of all", VLAN_FROM_METADATA);

    vlan_set_add(&tunnel.cvlans, 10);
    give_metadata(f, tunnel);
    check_refused(f, "VLAN dot1q-tunnel 100 of 10: Open_vSwitch "
                  "other_config:vlan-limit is 1 and must be 0, or 2 and "
                  "more, for cvlans");
    f->facts.vlan_limit = 2;
    check(f, "dot1q-tunnel 100 of 10", VLAN_FROM_METADATA);
    f->facts.vlan_limit = 0;
    check(f, "dot1q-tunnel 100 of 10", VLAN_FROM_METADATA);

    /* Not our concern if it does not count. */
    f->facts.vlan_limit = 1;
    f->facts.metadata_mode = METADATA_NONE;
    check(f, "77", VLAN_FROM_LIVE);
}

static void
test_plug(void **state)
{
    struct fixture *f = *state;
    assert_null(intent_plug_bridge(f->vnic, METADATA_ALL));
    give_metadata(f, access_vlan(7));
    assert_null(intent_plug_bridge(f->vnic, METADATA_ALL));
    f->vnic->metadata->bridge = xstrdup("br0");
    assert_string_equal(intent_plug_bridge(f->vnic, METADATA_ALL), "br0");
    assert_null(intent_plug_bridge(f->vnic, METADATA_STRICTER));
    assert_null(intent_plug_bridge(f->vnic, METADATA_NONE));
}

#define TEST(NAME) cmocka_unit_test_setup_teardown(NAME, setup, teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_precedence),
        TEST(test_what_is_found_is_kept_where_nobody_knows_more),
        TEST(test_whole_element_counts),
        TEST(test_default_portgroup),
        TEST(test_unknown_portgroup_is_refused),
        TEST(test_bad_vlans_are_refused),
        TEST(test_unknown_network_changes_nothing),
        TEST(test_inactive_network_changes_nothing),
        TEST(test_interface_that_is_not_merged),
        TEST(test_interface_without_network),
        TEST(test_change_for_the_next_start_is_pending),
        TEST(test_interface_without_definition_keeps_its_vlan),
        TEST(test_removed_vlan_stays_in_force),
        TEST(test_metadata_goes_first),
        TEST(test_metadata_without_vlan_leaves_it_to_the_others),
        TEST(test_bad_metadata_is_refused),
        TEST(test_metadata_that_must_not_count),
        TEST(test_stricter_metadata),
        TEST(test_stricter_metadata_of_an_unbound_interface),
        TEST(test_pending_stays_pending_with_metadata),
        TEST(test_customer_vlans_need_a_switch_that_sees_them),
        TEST(test_plug),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
