/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "controller/bridge-facts.h"

#include <limits.h>

#include "controller/reconcile.h"
#include "flows/flood-map.h"
#include "flows/pipeline.h"
#include "lib/cleanup.h"
#include "lib/isolation.h"
#include "tests/build.h"
#include "tests/host.h"
#include "tests/unit.h"
#include "util.h"
#include "uuid.h"

/* A bridge with an uplink, the patch pair and two vNICs: 1 and 2 on VLAN 10,
 * on ports with their numbers. */
struct fixture {
    struct host base;
    struct pass pass;
    struct pipeline_bridge facts;
    bool has_met;
};

static const struct vlan_spec no_vlan = VLAN_SPEC_INIT;

static struct port_view *
add_open_port(struct switch_view *view, const char *name, const char *type,
              int64_t ofport)
{
    struct port_view *port = add_port(view, name, "br0", type, no_vlan);
    port->ofport = ofport;
    return port;
}

static void
add_guest(struct fixture *f, unsigned char number, const char *port)
{
    struct domain *domain = add_domain(&f->base.domains, number, port);
    struct port_view *view
        = add_vnic_port(&f->base.view, number, port, "br0", number, number,
                        vlan_columns_from_spec(
                            &(struct vlan_spec) { .mode = VLAN_ACCESS,
                                                  .tag = 10 }));
    add_bridge_vnic(domain, number, "br0", port, access_vlan(10));
    view->marked_vm_id = view->vm_id;
}

static int
setup(void **state)
{
    struct fixture *f = xzalloc(sizeof *f);
    struct switch_view *view = &f->base.view;
    host_init(&f->base);
    f->pass.plan = (struct port_plan) PORT_PLAN_INIT;
    f->has_met = true;
    pipeline_bridge_init(&f->facts);
    add_open_port(view, "br0", "internal", 65534);
    add_open_port(view, "eth0", "", 20);
    add_open_port(view, "br0-out", "patch", 30)->patch_side = PATCH_OUTSIDE;
    add_open_port(view, "br0-in", "patch", 31)->patch_side = PATCH_INSIDE;
    add_guest(f, 2, "vnet2");
    add_guest(f, 1, "vnet1");
    switch_view_sort(view);
    *state = f;
    return 0;
}

/* 'pass' borrows what is in 'base'. */
static int
teardown(void **state)
{
    struct fixture *f = *state;
    pipeline_bridge_destroy(&f->facts);
    port_plan_destroy(&f->pass.plan);
    host_destroy(&f->base);
    free(f);
    return 0;
}

static struct bridge_view *
bridge(struct fixture *f)
{
    return &f->base.view.bridges[0];
}

static struct port_view *
port(struct fixture *f, const char *name)
{
    return get_port(&f->base.view, name);
}

static const struct desired_bridge *
collect(struct fixture *f)
{
    struct host *base = &f->base;
    struct port_plan_gates gates = { .now = 1000, .collect_ms = LLONG_MAX };
    host_look(base, gates.now);
    port_plan_destroy(&f->pass.plan);
    port_plan_compute(&base->desired, &base->orphans, &base->memory, &gates,
                      &f->pass.plan);
    f->pass.view = base->view;
    f->pass.desired = base->desired;

    const struct desired_bridge *d = desired_find_bridge(&base->desired,
                                                         "br0");
    pipeline_bridge_destroy(&f->facts);
    bridge_facts_collect(&f->pass, d, f->has_met, &f->facts);
    return d;
}

/* Returns what 'floods' says of 'name', -1: it stays as it is. */
static int
flood_in(struct fixture *f, const struct flood_map *floods, const char *name)
{
    ofp_port_t number = OFP_PORT_C(port(f, name)->ofport);
    return (flood_map_contains(floods, number)
            ? flood_map_allows(floods, number) : -1);
}

/* Returns whether NORMAL may flood to 'name' where the pipeline is there; it
 * was kept from that before if 'was_kept'. */
static int
flood(struct fixture *f, const char *name, bool was_kept)
{
    struct flood_map before = { .known = { 0 } };
    struct flood_map floods = { .known = { 0 } };
    const struct desired_bridge *d = collect(f);
    if (was_kept) {
        flood_map_put(&before, OFP_PORT_C(port(f, name)->ofport), false);
    }
    bridge_facts_find_floods(&f->pass, d, &f->facts, &before, &floods);
    return flood_in(f, &floods, name);
}

static void
test_each_port_is_what_it_is(void **state)
{
    struct fixture *f = *state;
    assert_true(collect(f)->needs_pipeline);
    assert_true(pipeline_bridge_is_open(&f->facts));
    assert_int_equal(f->facts.outside, 30);
    assert_int_equal(f->facts.inside, 31);
    assert_int_equal(f->facts.n_infrastructure, 1);
    assert_int_equal(f->facts.infrastructure[0], 20);
    assert_int_equal(f->facts.n_vnics, 2);
    assert_int_equal(f->facts.vnics[0].number, 1);
    assert_int_equal(f->facts.vnics[1].vlan.tag, 10);
    assert_true(f->facts.passes_unknown_ports); /* Nothing is enforced. */
}

static void
test_what_a_mirror_sends_copies_to_is_no_vnic(void **state)
{
    struct fixture *f = *state;
    port(f, "vnet1")->mirror = xstrdup("m0");
    port(f, "eth0")->mirror = xstrdup("m1");
    (void) collect(f);
    assert_int_equal(f->facts.n_vnics, 1);
    assert_int_equal(f->facts.n_infrastructure, 0);
    assert_int_equal(f->facts.n_blocked, 0);
    assert_int_equal(f->facts.n_mirrors, 2);
    assert_int_equal(flood(f, "vnet1", true), 0);
}

static void
test_a_bond_is_each_of_its_members(void **state)
{
    struct fixture *f = *state;
    struct port_view *bond = port(f, "eth0");
    bond->other_ofports = xmalloc(sizeof *bond->other_ofports);
    bond->other_ofports[0] = 21;
    bond->n_other_ofports = 1;
    (void) collect(f);
    assert_int_equal(f->facts.n_infrastructure, 2);
}

static void
test_without_number_there_is_no_vnic(void **state)
{
    struct fixture *f = *state;
    port(f, "vnet1")->ofport = -1;
    (void) collect(f);
    assert_int_equal(f->facts.n_vnics, 1);
    assert_int_equal(f->facts.vnics[0].number, 2);
}

static void
test_the_same_facts_are_equal(void **state)
{
    struct fixture *f = *state;
    struct pipeline_bridge before;
    pipeline_bridge_init(&before);
    (void) collect(f);
    pipeline_bridge_steal(&before, &f->facts);
    (void) collect(f);
    assert_true(pipeline_bridge_equals(&before, &f->facts));
    bridge(f)->forwards_bpdus = true;
    (void) collect(f);
    assert_false(pipeline_bridge_equals(&before, &f->facts));
    pipeline_bridge_destroy(&before);
}

/* Somebody changed the tag of a port, which is only reported. */
static void
test_a_reported_drift_counts_as_it_is(void **state)
{
    struct fixture *f = *state;
    bridge(f)->settings.drift = DRIFT_REPORT;
    port(f, "vnet1")->columns.tag = 20;
    (void) collect(f);
    assert_int_equal(f->facts.vnics[0].vlan.tag, 20);

    /* On all VLANs: what is meant is less. */
    port(f, "vnet1")->columns.tag = -1;
    (void) collect(f);
    assert_int_equal(f->facts.vnics[0].vlan.tag, 10);
}

static void
test_first_contact_cuts_nobody_off(void **state)
{
    struct fixture *f = *state;
    struct port_view *vnet1 = port(f, "vnet1");
    uuid_zero(&vnet1->marked_vm_id);
    vnet1->columns.tag = -1;
    (void) collect(f);
    assert_true(vlan_spec_is_on_all(&f->facts.vnics[0].vlan));
}

static void
test_who_is_quarantined_is_blocked_where_it_matters(void **state)
{
    struct fixture *f = *state;
    struct domain *domain = domain_set_find(&f->base.domains,
                                            &port(f, "vnet1")->vm_id);
    domain->vnics[0].error = xstrdup("no");
    (void) collect(f);
    assert_int_equal(f->facts.n_vnics, 1);
    assert_int_equal(f->facts.n_blocked, 0);
    assert_int_equal(flood(f, "vnet1", true), 1);

    bridge(f)->settings.guard = GUARD_ENFORCE;
    bridge(f)->settings.passes_unknown_ports = true;
    (void) collect(f);
    assert_int_equal(f->facts.n_blocked, 1);
    assert_int_equal(f->facts.blocked[0], 1);
    assert_int_equal(flood(f, "vnet1", false), 0);
}

/* It may say that its guest is isolated. */
static void
test_who_has_faulty_metadata_is_blocked_anywhere(void **state)
{
    struct fixture *f = *state;
    struct vnic_metadata metadata = VNIC_METADATA_INIT;
    struct vnic *vnic = &domain_set_find(&f->base.domains,
                                         &port(f, "vnet1")->vm_id)->vnics[0];
    vnic_set_metadata(vnic, &metadata);
    vnic->metadata->error = xstrdup("no");
    (void) collect(f);
    assert_int_equal(f->facts.n_vnics, 1);
    assert_int_equal(f->facts.n_blocked, 1);

    port(f, "vnet1")->ready_ms = 1;     /* It was promiscuous. */
    (void) collect(f);
    assert_int_equal(f->facts.n_blocked, 0);
    port(f, "vnet1")->marked_isolation = xstrdup("isolated");
    (void) collect(f);
    assert_int_equal(f->facts.n_blocked, 1);
}

/* libvirt plugs its ports one by one: they get their flows together. */
static void
test_who_is_being_plugged_waits_for_the_last_port(void **state)
{
    struct fixture *f = *state;
    struct domain *domain = domain_set_find(&f->base.domains,
                                            &port(f, "vnet1")->vm_id);
    add_bridge_vnic(domain, 7, "br0", NULL, access_vlan(10));
    domain->stage = DOMAIN_PREPARED;
    for (int i = 0; i < 2; i++) {
        assert_true(collect(f)->needs_pipeline);
        assert_int_equal(f->facts.n_vnics, 1);
        assert_int_equal(f->facts.n_blocked, 0);
        assert_int_equal(f->facts.passes_unknown_ports, !i);
        bridge(f)->settings.guard = GUARD_ENFORCE;
    }
    bridge(f)->settings.passes_unknown_ports = true;
    (void) collect(f);
    assert_int_equal(f->facts.n_vnics, 1);
    assert_int_equal(f->facts.n_blocked, 1);
    assert_int_equal(flood(f, "vnet1", false), 0);

    port(f, "vnet1")->ready_ms = 1;     /* Of a guest that runs. */
    (void) collect(f);
    assert_int_equal(f->facts.n_vnics, 2);
    assert_int_equal(f->facts.n_blocked, 0);

    port(f, "vnet1")->ready_ms = 0;
    add_vnic_port(&f->base.view, 7, "vnet7", "br0", 1, 7, no_vlan)->ofport = 0;
    (void) collect(f);
    assert_int_equal(f->facts.n_vnics, 1);
    port(f, "vnet7")->ofport = 7;       /* The switch has opened it. */
    (void) collect(f);
    assert_int_equal(f->facts.n_vnics, 3);
    assert_int_equal(f->facts.vnics[2].vlan.tag, 10);

    port(f, "vnet7")->ofport = 0;
    domain->stage = DOMAIN_STARTING;
    (void) collect(f);
    assert_int_equal(f->facts.n_vnics, 2);
}

static void
test_unknown_guests_pass_as_the_setting_says(void **state)
{
    struct fixture *f = *state;
    add_open_port(&f->base.view, "tap7", "", 7)->has_guest_keys = true;
    assert_int_equal(flood(f, "tap7", false), -1);
    bridge(f)->settings.guard = GUARD_ENFORCE;
    (void) collect(f);
    assert_false(f->facts.passes_unknown_ports);
    assert_int_equal(f->facts.n_infrastructure, 1);
    assert_int_equal(flood(f, "tap7", false), 0);
    bridge(f)->settings.passes_unknown_ports = true;
    assert_int_equal(flood(f, "tap7", true), 1);
    assert_int_equal(flood(f, "tap7", false), -1);
}

static void
test_normal_floods_to_no_vnic(void **state)
{
    struct fixture *f = *state;
    add_open_port(&f->base.view, "old0", "", 8);
    assert_int_equal(flood(f, "vnet1", false), 0);
    assert_int_equal(flood(f, "br0-in", false), 0);
    assert_int_equal(flood(f, "br0-out", false), -1);
    assert_int_equal(flood(f, "eth0", false), -1);
    assert_int_equal(flood(f, "old0", false), -1);
    assert_int_equal(flood(f, "old0", true), 1);
}

static void
test_without_pipeline_normal_floods_again_and_no_more(void **state)
{
    struct fixture *f = *state;
    struct flood_map before = { .known = { 0 } };
    struct flood_map floods = { .known = { 0 } };
    const struct desired_bridge *d = collect(f);
    flood_map_put(&before, OFP_PORT_C(1), false);
    bridge_facts_find_floods(&f->pass, d, NULL, &before, &floods);
    assert_int_equal(flood_in(f, &floods, "vnet1"), 1);
    assert_int_equal(flood_in(f, &floods, "vnet2"), -1);
    assert_int_equal(flood_in(f, &floods, "br0-in"), -1);
}

static void
test_what_an_earlier_run_kept_follows_from_its_flows(void **state)
{
    struct fixture *f = *state;
    struct flood_map floods = { .known = { 0 } };
    add_open_port(&f->base.view, "tap7", "", 7)->has_guest_keys = true;
    const struct desired_bridge *d = collect(f);
    bridge_facts_adopt_floods(&f->pass, d, false, &floods);
    assert_int_equal(flood_in(f, &floods, "vnet1"), 0);
    assert_int_equal(flood_in(f, &floods, "br0-in"), 0);
    assert_int_equal(flood_in(f, &floods, "br0-out"), -1);
    assert_int_equal(flood_in(f, &floods, "eth0"), -1);
    assert_int_equal(flood_in(f, &floods, "tap7"), -1);
    bridge_facts_adopt_floods(&f->pass, d, true, &floods);
    assert_int_equal(flood_in(f, &floods, "tap7"), 0);
    assert_int_equal(flood_in(f, &floods, "eth0"), -1);
}

static void
test_before_libvirt_has_told_the_row_must_do(void **state)
{
    struct fixture *f = *state;
    add_vnic_port(&f->base.view, 3, "vnet3", "br0", 3, 3, access_vlan(7));
    f->base.source.is_complete = false;
    (void) collect(f);
    assert_int_equal(f->facts.n_vnics, 2);
    f->has_met = false;
    (void) collect(f);
    assert_int_equal(f->facts.n_vnics, 3);
    assert_int_equal(f->facts.vnics[2].vlan.tag, 7);
}

static void
test_before_libvirt_has_told_rows_need_not_be_trusted(void **state)
{
    struct fixture *f = *state;
    bridge(f)->settings.trusts_rows = false;
    add_vnic_port(&f->base.view, 3, "vnet3", "br0", 3, 3, access_vlan(7));
    f->base.source.is_complete = false;
    f->has_met = false;
    (void) collect(f);
    assert_int_equal(f->facts.n_vnics, 2);
    assert_int_equal(f->facts.n_blocked, 1);
    f->has_met = true;
    (void) collect(f);
    assert_int_equal(f->facts.n_blocked, 0);
}

static void
test_who_is_migrated_is_elsewhere(void **state)
{
    struct fixture *f = *state;
    domain_set_find(&f->base.domains, &port(f, "vnet1")->vm_id)->place
        = GUEST_ELSEWHERE;
    (void) collect(f);
    assert_int_equal(f->facts.vnics[0].place, GUEST_ELSEWHERE);
    assert_int_equal(f->facts.vnics[1].place, GUEST_HERE);
}

static void
test_communities_have_numbers_of_their_own(void **state)
{
    struct fixture *f = *state;
    (void) collect(f);
    static const char *const names[] = { "blue", "red", "blue" };
    for (size_t i = 0; i < f->base.desired.n_vnics; i++) {
        struct policy *policy = &f->base.desired.vnics[i].policy;
        policy->isolation = ISOLATION_COMMUNITY;
        policy->community = xstrdup(names[i]);
    }
    pipeline_bridge_destroy(&f->facts);
    bridge_facts_collect(&f->pass,
                         desired_find_bridge(&f->base.desired, "br0"), true,
                         &f->facts);
    assert_int_not_equal(f->facts.vnics[0].community, 0);
    assert_int_not_equal(f->facts.vnics[0].community,
                         f->facts.vnics[1].community);
    assert_false(f->facts.passes_unknown_ports);
}

#define TEST(NAME) cmocka_unit_test_setup_teardown(NAME, setup, teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_each_port_is_what_it_is),
        TEST(test_what_a_mirror_sends_copies_to_is_no_vnic),
        TEST(test_a_bond_is_each_of_its_members),
        TEST(test_without_number_there_is_no_vnic),
        TEST(test_the_same_facts_are_equal),
        TEST(test_a_reported_drift_counts_as_it_is),
        TEST(test_first_contact_cuts_nobody_off),
        TEST(test_who_is_quarantined_is_blocked_where_it_matters),
        TEST(test_who_has_faulty_metadata_is_blocked_anywhere),
        TEST(test_who_is_being_plugged_waits_for_the_last_port),
        TEST(test_unknown_guests_pass_as_the_setting_says),
        TEST(test_normal_floods_to_no_vnic),
        TEST(test_without_pipeline_normal_floods_again_and_no_more),
        TEST(test_what_an_earlier_run_kept_follows_from_its_flows),
        TEST(test_before_libvirt_has_told_the_row_must_do),
        TEST(test_before_libvirt_has_told_rows_need_not_be_trusted),
        TEST(test_who_is_migrated_is_elsewhere),
        TEST(test_communities_have_numbers_of_their_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
