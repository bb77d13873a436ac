/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "lib/memory.h"

#include "lib/desired.h"
#include "lib/orphan.h"
#include "tests/build.h"
#include "tests/unit.h"
#include "util.h"

static struct port_memory *
note(struct memory *memory, unsigned int vm_number, struct vlan_spec columns,
     long long int now)
{
    struct switch_view view = SWITCH_VIEW_INIT;
    add_bridge(&view, "br0");
    struct uuid row = add_vnic_port(&view, 1, "vnet0", "br0", vm_number, 1,
                                    columns)->row;
    switch_view_sort(&view);
    memory_note_switch(memory, &view, now);
    switch_view_destroy(&view);
    return memory_find_port(memory, &row);
}

static void
test_first_view_is_first_contact(void **state)
{
    struct memory memory;
    memory_init(&memory);
    assert_true(note(&memory, 1, access_vlan(10), 100)->is_first_contact);
    assert_true(note(&memory, 1, access_vlan(20), 200)->is_first_contact);
    memory_destroy(&memory);
}

static void
test_later_rows_were_seen_coming(void **state)
{
    struct memory memory;
    struct switch_view empty = SWITCH_VIEW_INIT;
    memory_init(&memory);
    memory_note_switch(&memory, &empty, 50);

    struct port_memory *port = note(&memory, 1, access_vlan(10), 100);
    assert_false(port->is_first_contact);
    assert_false(port->had_other_vm);
    memory_destroy(&memory);
}

static void
test_change_is_dated_once(void **state)
{
    struct memory memory;
    memory_init(&memory);
    assert_int_equal(note(&memory, 1, access_vlan(10), 100)->changed_ms, 100);
    assert_int_equal(note(&memory, 1, access_vlan(10), 200)->changed_ms, 100);
    assert_int_equal(note(&memory, 1, access_vlan(20), 300)->changed_ms, 300);
    memory_destroy(&memory);
}

static void
test_another_vm_takes_the_row(void **state)
{
    struct memory memory;
    memory_init(&memory);
    note(&memory, 1, access_vlan(10), 100)->reported = 1;

    struct port_memory *port = note(&memory, 2, access_vlan(10), 200);
    assert_true(port->had_other_vm);
    assert_false(port->is_first_contact);
    assert_int_equal(port->changed_ms, 200);
    assert_int_equal(port->reported, 0);
    memory_destroy(&memory);
}

/* Or a guest would wait in another one's VLAN for the end of their fight. */
static void
test_another_vm_inherits_no_fight(void **state)
{
    struct memory memory;
    memory_init(&memory);
    struct port_memory *port = note(&memory, 1, access_vlan(10), 100);
    for (int i = 0; i <= MEMORY_MAX_REPAIRS; i++) {
        memory_note_repair(&memory, &port->row, VLAN_COLUMN_TAG, 200);
        memory_note_repair(&memory, &port->row, MEMORY_MARK, 200);
    }
    assert_true(port->no_repair_before_ms > 200);
    assert_true(port->no_mark_before_ms > 200);

    port = note(&memory, 2, access_vlan(10), 300);
    assert_int_equal(port->no_repair_before_ms, 0);
    assert_int_equal(port->no_mark_before_ms, 0);
    memory_note_repair(&memory, &port->row, VLAN_COLUMN_TAG, 400);
    assert_int_equal(port->repairs[VLAN_COLUMN_TAG].n, 1);
    memory_destroy(&memory);
}

static void
test_disowned_rows_are_met_anew(void **state)
{
    struct memory memory;
    struct switch_view empty = SWITCH_VIEW_INIT;
    memory_init(&memory);
    memory_note_switch(&memory, &empty, 50);
    struct port_memory *port = note(&memory, 1, access_vlan(10), 100);
    port = note(&memory, 2, access_vlan(10), 200);
    for (int i = 0; i <= MEMORY_MAX_REPAIRS; i++) {
        memory_note_repair(&memory, &port->row, MEMORY_MARK, 300);
    }
    assert_int_not_equal(port->no_mark_before_ms, 0);
    memory_disown_port(&memory, &port->row);
    assert_true(port->is_first_contact);
    assert_false(port->had_other_vm);
    assert_int_equal(port->no_mark_before_ms, 0);
    memory_destroy(&memory);
}

static void
test_fights_are_left(void **state)
{
    struct memory memory;
    memory_init(&memory);
    struct port_memory *port = note(&memory, 1, access_vlan(10), 100);

    long long int now = MEMORY_REPAIR_PERIOD_MS;
    for (int i = 0; i < MEMORY_MAX_REPAIRS; i++) {
        memory_note_repair(&memory, &port->row, VLAN_COLUMN_TAG, now);
        memory_note_repair(&memory, &port->row, VLAN_COLUMN_TRUNKS, now);
    }
    assert_int_equal(port->no_repair_before_ms, 0);
    memory_note_repair(&memory, &port->row, VLAN_COLUMN_TAG, now);
    assert_int_equal(port->no_repair_before_ms,
                     now + MEMORY_REPAIR_PERIOD_MS);

    /* Much later it is no fight. */
    now += 2 * MEMORY_REPAIR_PERIOD_MS;
    memory_note_repair(&memory, &port->row, VLAN_COLUMN_TAG, now);
    assert_true(port->no_repair_before_ms < now);
    memory_destroy(&memory);
}

/* Has the tag of the row put right, from 'found'. */
static struct repairs *
repair(struct memory *memory, int found, long long int now)
{
    struct port_memory *port = note(memory, 1, access_vlan(found), now);
    memory_note_repair(memory, &port->row, VLAN_COLUMN_TAG, now);
    return &port->repairs[VLAN_COLUMN_TAG];
}

/* Each try that was in vain is followed by another minute's pause. */
static void
test_a_fight_is_tried_once_a_minute(void **state)
{
    struct memory memory;
    memory_init(&memory);
    long long int now = MEMORY_REPAIR_PERIOD_MS;
    struct repairs *repairs = repair(&memory, 99, now);
    const struct port_memory *port
        = CONTAINER_OF(repairs, struct port_memory,
                       repairs[VLAN_COLUMN_TAG]);
    for (int i = 0; i < MEMORY_MAX_REPAIRS; i++) {
        assert_false(repairs_are_fight(repairs));
        repair(&memory, 99, now);
    }
    assert_true(repairs_are_fight(repairs));

    for (int i = 0; i < 3; i++) {
        now = port->no_repair_before_ms + 50;
        repair(&memory, 99, now);
        assert_int_equal(port->no_repair_before_ms,
                         now + MEMORY_REPAIR_PERIOD_MS);
    }
    assert_int_equal(repairs->n, MEMORY_MAX_REPAIRS + 4);
    memory_destroy(&memory);
}

static void
test_what_was_found_is_remembered(void **state)
{
    struct memory memory;
    memory_init(&memory);
    long long int now = MEMORY_REPAIR_PERIOD_MS;
    const struct repairs *repairs = repair(&memory, 98, now);
    repair(&memory, 98, now);
    assert_string_equal(repairs->found, "98");
    assert_true(repairs->is_found_same);
    repair(&memory, 99, now);
    repair(&memory, 99, now);
    assert_string_equal(repairs->found, "99");
    assert_false(repairs->is_found_same);

    repair(&memory, 97, now + MEMORY_REPAIR_PERIOD_MS);
    assert_string_equal(repairs->found, "97");
    assert_true(repairs->is_found_same);
    memory_destroy(&memory);
}

static void
test_gone_rows_are_forgotten(void **state)
{
    struct memory memory;
    struct switch_view empty = SWITCH_VIEW_INIT;
    memory_init(&memory);
    struct uuid row = note(&memory, 1, access_vlan(10), 100)->row;
    memory_note_switch(&memory, &empty, 200);
    assert_null(memory_find_port(&memory, &row));
    memory_destroy(&memory);
}

/* Notes that vNIC 1 is there, with 'port' or without; returns what is known of
 * it. */
static struct vnic_memory *
meet(struct memory *memory, const struct port_view *port, bool is_complete,
     long long int now)
{
    struct desired_vnic vnic = {
        .vnic.id = { .domain = vm(1), .mac = MAC(1) },
        .port = port,
    };
    struct desired desired = {
        .vnics = &vnic, .n_vnics = 1, .is_complete = is_complete
    };
    memory_note_desired(memory, &desired, now);
    return memory_find_vnic(memory, &vnic.vnic.id);
}

static void
test_vlans_in_force(void **state)
{
    struct memory memory;
    struct desired nobody = DESIRED_INIT;
    struct vnic_id id = { .domain = vm(1), .mac = MAC(1) };
    struct vlan_spec vlan = access_vlan(10);
    memory_init(&memory);
    assert_null(memory_find_vlan(&memory, &id));
    assert_non_null(meet(&memory, NULL, true, 100));
    assert_null(memory_find_vlan(&memory, &id));

    memory_note_vlan(&memory, &id, &vlan, VLAN_FROM_INTERFACE);
    meet(&memory, NULL, true, 200);
    assert_int_equal(memory_find_vlan(&memory, &id)->tag, 10);

    memory_note_desired(&memory, &nobody, 300);
    assert_null(memory_find_vlan(&memory, &id));
    assert_null(memory_find_vnic(&memory, &id));
    memory_destroy(&memory);
}

/* What metadata said is last good, but nobody else's. */
static void
test_vlans_of_metadata(void **state)
{
    struct memory memory;
    struct vnic_id id = { .domain = vm(1), .mac = MAC(1) };
    struct vlan_spec ten = access_vlan(10), twenty = access_vlan(20);
    memory_init(&memory);
    assert_null(memory_find_xml_vlan(&memory, &id));
    memory_note_vlan(&memory, &id, &twenty, VLAN_FROM_METADATA);
    assert_null(memory_find_xml_vlan(&memory, &id));
    memory_note_vlan(&memory, &id, &ten, VLAN_FROM_PORTGROUP);
    memory_note_vlan(&memory, &id, &twenty, VLAN_FROM_METADATA);
    memory_note_vlan(&memory, &id, &twenty, VLAN_FROM_LAST_GOOD);
    assert_int_equal(memory_find_vlan(&memory, &id)->tag, 20);
    assert_int_equal(memory_find_xml_vlan(&memory, &id)->tag, 10);
    memory_destroy(&memory);
}

/* The host's setting is in force as long as it is set. */
static void
test_default_vlan_does_not_last(void **state)
{
    struct memory memory;
    struct vnic_id id = { .domain = vm(1), .mac = MAC(1) };
    struct vlan_spec ten = access_vlan(10), twenty = access_vlan(20);
    memory_init(&memory);
    assert_null(memory_find_lasting_vlan(&memory, &id));
    memory_note_vlan(&memory, &id, &twenty, VLAN_FROM_DEFAULT);
    assert_null(memory_find_lasting_vlan(&memory, &id));
    assert_int_equal(memory_find_xml_vlan(&memory, &id)->tag, 20);
    memory_note_vlan(&memory, &id, &ten, VLAN_FROM_NETWORK);
    assert_int_equal(memory_find_lasting_vlan(&memory, &id)->tag, 10);
    memory_note_vlan(&memory, &id, &twenty, VLAN_FROM_DEFAULT);
    memory_note_vlan(&memory, &id, &twenty, VLAN_FROM_LAST_GOOD);
    assert_null(memory_find_lasting_vlan(&memory, &id));
    memory_destroy(&memory);
}

static void
test_missing_ports(void **state)
{
    struct memory memory;
    struct port_view port = { .columns = access_vlan(10) };
    memory_init(&memory);

    struct vnic_memory *vnic = meet(&memory, NULL, false, 100);
    assert_true(vnic->is_first_contact);
    assert_false(vnic->had_port);
    assert_int_equal(vnic->missing_ms, 100);

    vnic = meet(&memory, &port, true, 200);
    assert_true(vnic->had_port);
    assert_int_equal(vnic->missing_ms, 0);

    meet(&memory, NULL, true, 300);
    vnic = meet(&memory, NULL, true, 400);
    assert_true(vnic->had_port);
    assert_int_equal(vnic->columns.tag, 10);
    assert_int_equal(vnic->missing_ms, 300);
    memory_destroy(&memory);
}

/* An earlier run of the guest left a row behind: that is not the port. */
static void
test_left_row_of_the_same_vnic(void **state)
{
    struct memory memory;
    struct port_view port = { .columns = access_vlan(10) };
    struct port_view left = { .columns = access_vlan(20) };
    struct vnic_id id = { .domain = vm(1), .mac = MAC(1) };
    struct desired_vnic vnics[] = {
        { .vnic.id = id, .port = &left, .is_stray = true },
        { .vnic.id = id, .port = &port },
        { .vnic.id = id, .port = &left, .is_stray = true },
    };
    struct desired desired = { .vnics = vnics, .n_vnics = 3 };
    memory_init(&memory);

    memory_note_desired(&memory, &desired, 100);
    vnics[1].port = NULL;
    memory_note_desired(&memory, &desired, 200);
    memory_note_desired(&memory, &desired, 300);
    const struct vnic_memory *vnic = memory_find_vnic(&memory, &id);
    assert_int_equal(vnic->missing_ms, 200);
    assert_int_equal(vnic->columns.tag, 10);

    /* While libvirt is silent about the guest, the row is all there is. */
    desired.n_vnics = 1;
    memory_note_desired(&memory, &desired, 400);
    assert_int_equal(memory_find_vnic(&memory, &id)->missing_ms, 0);
    memory_destroy(&memory);
}

/* A guest that runs again with another tap never had the old one's port. */
static void
test_port_of_an_earlier_run(void **state)
{
    struct memory memory;
    char vnet0[] = "vnet0", vnet1[] = "vnet1";
    struct port_view left = { .name = vnet0, .columns = access_vlan(20) };
    struct desired_vnic vnic = {
        .vnic.id = { .domain = vm(1), .mac = MAC(1) },
        .port = &left, .is_stray = true,
    };
    struct desired desired = { .vnics = &vnic, .n_vnics = 1 };
    memory_init(&memory);
    memory_note_desired(&memory, &desired, 100);

    vnic.port = NULL;
    vnic.is_stray = false;
    vnic.vnic.target = vnet0;
    memory_note_desired(&memory, &desired, 200);
    assert_true(memory_find_vnic(&memory, &vnic.vnic.id)->had_port);
    vnic.vnic.target = vnet1;
    memory_note_desired(&memory, &desired, 300);
    assert_false(memory_find_vnic(&memory, &vnic.vnic.id)->had_port);
    memory_destroy(&memory);
}

/* What is left of another guest is none of this one's. */
static void
test_port_with_another_vms_columns(void **state)
{
    struct memory memory;
    struct port_view port = {
        .is_vnic = true, .vm_id = vm(1), .marked_vm_id = vm(2),
        .columns = access_vlan(20),
    };
    memory_init(&memory);
    assert_int_equal(meet(&memory, &port, true, 100)->columns.tag, -1);
    port.marked_vm_id = vm(1);
    assert_int_equal(meet(&memory, &port, true, 200)->columns.tag, 20);
    memory_destroy(&memory);
}

static void
test_later_vnics_were_seen_coming(void **state)
{
    struct memory memory;
    struct desired nobody = { .is_complete = true };
    memory_init(&memory);
    memory_note_desired(&memory, &nobody, 100);
    assert_false(meet(&memory, NULL, true, 200)->is_first_contact);
    memory_destroy(&memory);
}

/* What metadata said is remembered as long as it is of use, nothing included;
 * a vNIC that is held back for something else said nothing new. */
static void
test_policies_that_were_good(void **state)
{
    struct memory memory;
    struct desired_vnic d = { .vnic.id = { .domain = vm(1), .mac = MAC(1) } };
    struct desired desired = { .vnics = &d, .n_vnics = 1 };
    struct vnic_metadata metadata = VNIC_METADATA_INIT;
    memory_init(&memory);
    assert_null(memory_find_policy(&memory, &d.vnic.id));

    memory_note_desired(&memory, &desired, 1);
    assert_int_equal(memory_find_policy(&memory, &d.vnic.id)->said, 0);
    metadata.policy.said = POLICY_FIELD_GUARD;
    d.vnic.metadata = &metadata;
    memory_note_desired(&memory, &desired, 2);
    assert_int_equal(memory_find_policy(&memory, &d.vnic.id)->said,
                     POLICY_FIELD_GUARD);

    metadata.policy.said = POLICY_FIELD_SERVICES;
    d.care = VNIC_QUARANTINED;
    memory_note_desired(&memory, &desired, 3);
    assert_int_equal(memory_find_policy(&memory, &d.vnic.id)->said,
                     POLICY_FIELD_GUARD);
    d.care = VNIC_MANAGED;      /* vnicd-metadata=none: nobody cares. */
    metadata.error = xstrdup("no good");
    memory_note_desired(&memory, &desired, 4);
    assert_int_equal(memory_find_policy(&memory, &d.vnic.id)->said,
                     POLICY_FIELD_GUARD);

    desired.n_vnics = 0;
    memory_note_desired(&memory, &desired, 5);
    assert_null(memory_find_policy(&memory, &d.vnic.id));
    vnic_metadata_destroy(&metadata);
    memory_destroy(&memory);
}

static void
test_plugging_over_and_over_is_a_fight(void **state)
{
    struct memory memory;
    memory_init(&memory);
    struct vnic_memory *vnic = meet(&memory, NULL, true, 100);
    for (int i = 0; i < MEMORY_MAX_REPAIRS; i++) {
        memory_note_plug(&memory, &vnic->id, 200);
    }
    assert_int_equal(vnic->no_plug_before_ms, 0);
    memory_note_plug(&memory, &vnic->id, 200);
    assert_int_equal(vnic->no_plug_before_ms, 200 + MEMORY_REPAIR_PERIOD_MS);
    memory_destroy(&memory);
}

/* Notes that row 'number' is an orphan, or that there is none if it is 0;
 * returns since when it is one. */
static long long int
note_orphan(struct memory *memory, unsigned int number, long long int now)
{
    struct orphan orphan = { .row = vm(number) };
    struct orphans orphans = { .orphans = &orphan, .n = number ? 1 : 0 };
    memory_note_orphans(memory, &orphans, now, now + 7);
    assert_int_equal(orphan.seen_ms, number ? orphan.since_ms + 7 : 0);
    return orphan.since_ms;
}

static void
test_orphans_are_dated_once(void **state)
{
    struct memory memory;
    memory_init(&memory);
    assert_int_equal(note_orphan(&memory, 1, 100), 100);
    assert_int_equal(note_orphan(&memory, 1, 200), 100);
    assert_int_equal(note_orphan(&memory, 2, 300), 300);

    /* One that was none for a while begins anew. */
    assert_int_equal(note_orphan(&memory, 1, 400), 400);
    note_orphan(&memory, 0, 500);
    assert_int_equal(note_orphan(&memory, 1, 600), 600);
    memory_destroy(&memory);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_first_view_is_first_contact),
        cmocka_unit_test(test_later_rows_were_seen_coming),
        cmocka_unit_test(test_change_is_dated_once),
        cmocka_unit_test(test_another_vm_takes_the_row),
        cmocka_unit_test(test_another_vm_inherits_no_fight),
        cmocka_unit_test(test_disowned_rows_are_met_anew),
        cmocka_unit_test(test_fights_are_left),
        cmocka_unit_test(test_a_fight_is_tried_once_a_minute),
        cmocka_unit_test(test_what_was_found_is_remembered),
        cmocka_unit_test(test_gone_rows_are_forgotten),
        cmocka_unit_test(test_vlans_in_force),
        cmocka_unit_test(test_vlans_of_metadata),
        cmocka_unit_test(test_default_vlan_does_not_last),
        cmocka_unit_test(test_missing_ports),
        cmocka_unit_test(test_left_row_of_the_same_vnic),
        cmocka_unit_test(test_port_of_an_earlier_run),
        cmocka_unit_test(test_port_with_another_vms_columns),
        cmocka_unit_test(test_later_vnics_were_seen_coming),
        cmocka_unit_test(test_policies_that_were_good),
        cmocka_unit_test(test_plugging_over_and_over_is_a_fight),
        cmocka_unit_test(test_orphans_are_dated_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
