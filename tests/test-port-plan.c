/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */

/* Tests of ovsdb/port-plan.c: the columns of ports that are there. */

#include <config.h>
#include "ovsdb/port-plan.h"

#include <limits.h>

#include "lib/desired.h"
#include "lib/memory.h"
#include "lib/network.h"
#include "lib/switch-view.h"
#include "tests/plan-host.h"
#include "util.h"
#include "uuid.h"

static void
test_right_and_marked_needs_nothing(void **state)
{
    struct plan_host *host = *state;
    mark(host);
    (void) compute(host, 0);
    assert_false(port_plan_has_work(&host->plan));
    assert_true(host->plan.due_ms == LLONG_MAX);
}

static void
test_right_at_first_contact_is_only_marked(void **state)
{
    struct plan_host *host = *state;
    assert_op(compute(host, 1), "mark", PORT_CAUSE_READY,
              "Interface vnet0 external_ids", "unmarked", "ready");
}

static void
test_port_is_not_ready_before_the_switch_opens_it(void **state)
{
    struct plan_host *host = *state;
    host->port->ofport = 0;
    (void) compute(host, 0);
}

static void
test_wrong_at_first_contact_is_reported(void **state)
{
    struct plan_host *host = *state;
    host->port->columns.tag = 7;
    assert_op(compute(host, 1), "report", PORT_CAUSE_FIRST_CONTACT,
              "Port vnet0 tag", "7", "42");
    assert_false(port_plan_has_work(&host->plan));
    assert_false(port_plan_backs_off(&host->plan));
}

static void
test_force_puts_first_contact_right(void **state)
{
    struct plan_host *host = *state;
    host->port->columns.tag = 7;
    host->gates.is_forced = true;
    struct port_op *ops = compute(host, 2);
    assert_op(&ops[0], "set", PORT_CAUSE_FIRST_CONTACT, "Port vnet0 tag", "7",
              "42");
    assert_op(&ops[1], "mark", PORT_CAUSE_READY,
              "Interface vnet0 external_ids", "unmarked", "ready");
}

static void
test_wrong_new_row_is_stale(void **state)
{
    struct plan_host *host = *state;
    look_before(host);
    host->port->ofport = 0;
    host->port->columns = native_vlan(VLAN_NATIVE_UNTAGGED, 7, "7,8");
    struct port_op *ops = compute(host, 4);
    assert_op(&ops[0], "set", PORT_CAUSE_STALE_ROW, "Port vnet0 tag", "7",
              "42");
    assert_op(&ops[1], "set", PORT_CAUSE_STALE_ROW, "Port vnet0 trunks",
              "[7-8]", "[]");
    assert_op(&ops[2], "set", PORT_CAUSE_STALE_ROW, "Port vnet0 vlan_mode",
              "native-untagged", "[]");
    assert_op(&ops[3], "mark", PORT_CAUSE_READY,
              "Interface vnet0 external_ids", "unmarked", "marked");
}

/* It is as libvirt made it: nothing has drifted, even if nothing that has is
 * to be put right. */
static void
test_new_row_follows_what_libvirt_does_not_know(void **state)
{
    struct plan_host *host = *state;
    struct vnic_metadata metadata = { .vlan = access_vlan(7) };
    vnic_set_metadata(&host->domain->vnics[0], &metadata);
    host->base.view.bridges[0].settings.drift = DRIFT_REPORT;
    look_before(host);
    assert_op(compute(host, 2), "set", PORT_CAUSE_INTENT, "Port vnet0 tag",
              "42", "7");
    assert_true(port_plan_has_work(&host->plan));

    host->port->columns.tag = 8;
    assert_op(compute(host, 1), "report", PORT_CAUSE_STALE_ROW,
              "Port vnet0 tag", "8", "7");
}

/* Also when we look for the first time: the mark tells. */
static void
test_row_with_another_vms_mark_is_stale(void **state)
{
    struct plan_host *host = *state;
    host->port->columns.tag = 7;
    host->port->marked_vm_id = vm(9);
    host->port->ready_ms = 5;
    assert_op(compute(host, 2), "set", PORT_CAUSE_STALE_ROW, "Port vnet0 tag",
              "7", "42");
}

static void
test_cleared_row_is_put_right_at_once(void **state)
{
    struct plan_host *host = *state;
    mark(host);
    host->port->columns = (struct vlan_spec) VLAN_SPEC_INIT;
    assert_op(compute(host, 1), "set", PORT_CAUSE_LIBVIRT_CLEARED,
              "Port vnet0 tag", "[]", "42");
}

static void
test_operators_change_is_confirmed_first(void **state)
{
    struct plan_host *host = *state;
    mark(host);
    host->port->columns.tag = 7;
    assert_op(compute(host, 1), "confirm", PORT_CAUSE_OPERATOR,
              "Port vnet0 tag", "7", "42");
    assert_int_equal(host->plan.due_ms, 1000 + PORT_PLAN_CONFIRM_MS);

    /* libvirt says that the intent is what it was. */
    host->domain->read_ms = 1001;
    host->gates.now = 1002;
    assert_op(compute(host, 1), "set", PORT_CAUSE_OPERATOR, "Port vnet0 tag",
              "7", "42");
}

static void
test_silent_libvirt_is_not_waited_for_for_ever(void **state)
{
    struct plan_host *host = *state;
    mark(host);
    host->port->columns.tag = 7;
    (void) compute(host, 1);
    host->gates.now += PORT_PLAN_CONFIRM_MS;
    assert_op(compute(host, 1), "set", PORT_CAUSE_OPERATOR, "Port vnet0 tag",
              "7", "42");
}

static void
test_absent_libvirt_is_not_waited_for(void **state)
{
    struct plan_host *host = *state;
    mark(host);
    host->port->columns.tag = 7;
    host->base.source.is_complete = false;
    assert_op(compute(host, 1), "set", PORT_CAUSE_OPERATOR, "Port vnet0 tag",
              "7", "42");
}

static void
test_new_intent_is_followed(void **state)
{
    struct plan_host *host = *state;
    struct vlan_spec before = access_vlan(7);
    mark(host);
    host->port->columns.tag = 7;
    memory_note_vlan(&host->base.memory, &host->domain->vnics[0].id, &before,
                     VLAN_FROM_INTERFACE);
    assert_op(compute(host, 1), "set", PORT_CAUSE_INTENT, "Port vnet0 tag",
              "7", "42");
}

/* The vNIC runs on VLAN 7 of its port group, which says 42 by now. */
static void
edit_portgroup(struct plan_host *host)
{
    struct vlan_spec none = VLAN_SPEC_INIT;
    struct network *lan = add_network(&host->base.networks, 1, "lan", none);
    add_portgroup(lan, "web", access_vlan(42));

    vnic_destroy(&host->domain->vnics[--host->domain->n_vnics]);
    add_network_vnic(host->domain, 1, "lan", "web", access_vlan(7), none);
    host->port->columns.tag = 7;
}

static void
test_edited_portgroup_is_followed(void **state)
{
    struct plan_host *host = *state;
    struct vlan_spec before = access_vlan(7);
    edit_portgroup(host);
    mark(host);
    memory_note_vlan(&host->base.memory, &host->domain->vnics[0].id, &before,
                     VLAN_FROM_INTERFACE);
    assert_op(compute(host, 1), "set", PORT_CAUSE_PORTGROUP_EDIT,
              "Port vnet0 tag", "7", "42");
    assert_true(port_cause_is_drift(PORT_CAUSE_PORTGROUP_EDIT));

    /* What happens to the port later is no edit. */
    memory_note_vlan(&host->base.memory, &host->domain->vnics[0].id,
                     &host->base.desired.vnics[0].vlan, VLAN_FROM_INTERFACE);
    host->port->columns = (struct vlan_spec) VLAN_SPEC_INIT;
    assert_op(compute(host, 1), "set", PORT_CAUSE_LIBVIRT_CLEARED,
              "Port vnet0 tag", "[]", "42");
}

/* The metadata said 7 until now. */
static void
test_removed_metadata_is_no_edit(void **state)
{
    struct plan_host *host = *state;
    struct vlan_spec before = access_vlan(7);
    edit_portgroup(host);
    mark(host);
    memory_note_vlan(&host->base.memory, &host->domain->vnics[0].id, &before,
                     VLAN_FROM_METADATA);
    assert_op(compute(host, 1), "set", PORT_CAUSE_INTENT, "Port vnet0 tag",
              "7", "42");
}

/* An edit while there was no agent is known by the port: it is still as
 * libvirt made it. */
static void
test_edited_portgroup_may_be_only_reported(void **state)
{
    struct plan_host *host = *state;
    struct vlan_spec before = access_vlan(7);
    edit_portgroup(host);
    mark(host);
    memory_note_vlan(&host->base.memory, &host->domain->vnics[0].id, &before,
                     VLAN_FROM_INTERFACE);
    host->base.view.bridges[0].settings.follow = false;
    assert_string_equal(port_op_kind_to_string(compute(host, 1)), "report");
    host->gates.is_forced = true;
    assert_string_equal(port_op_kind_to_string(compute(host, 1)), "set");
}

static void
test_portgroup_edited_before_us(void **state)
{
    struct plan_host *host = *state;
    edit_portgroup(host);
    assert_op(compute(host, 1), "report", PORT_CAUSE_FIRST_CONTACT,
              "Port vnet0 tag", "7", "42");
    mark(host);
    assert_op(compute(host, 1), "set", PORT_CAUSE_PORTGROUP_EDIT,
              "Port vnet0 tag", "7", "42");
    host->port->columns.tag = 8;
    assert_op(compute(host, 1), "confirm", PORT_CAUSE_OPERATOR,
              "Port vnet0 tag", "8", "42");
}

static void
test_without_intent_columns_stay(void **state)
{
    struct plan_host *host = *state;
    look_before(host);
    host->domain->vnics[0].vlan = (struct vlan_spec) VLAN_SPEC_INIT;
    assert_op(compute(host, 1), "mark", PORT_CAUSE_READY,
              "Interface vnet0 external_ids", "unmarked", "ready");
}

static void
test_without_intent_another_vms_columns_go(void **state)
{
    struct plan_host *host = *state;
    host->domain->vnics[0].vlan = (struct vlan_spec) VLAN_SPEC_INIT;
    host->port->marked_vm_id = vm(9);
    assert_op(compute(host, 2), "set", PORT_CAUSE_STALE_ROW, "Port vnet0 tag",
              "42", "[]");
}

static void
test_quarantined_is_not_ready(void **state)
{
    struct plan_host *host = *state;
    mark(host);
    host->port->columns.tag = 7;
    host->domain->vnics[0].vlan = access_vlan(0);
    assert_op(compute(host, 1), "unmark", PORT_CAUSE_NOT_READY,
              "Interface vnet0 external_ids", "ready", "marked");
}

static void
test_foreign_ports_are_left_alone(void **state)
{
    struct plan_host *host = *state;
    host->port->is_vnic = false;
    host->port->columns.tag = 7;
    (void) compute(host, 0);
}

static void
test_drift_may_be_left_to_an_operator(void **state)
{
    struct plan_host *host = *state;
    mark(host);
    host->port->columns.tag = 7;
    host->base.view.bridges[0].settings.drift = DRIFT_REPORT;
    assert_op(compute(host, 1), "report", PORT_CAUSE_OPERATOR,
              "Port vnet0 tag", "7", "42");
    host->gates.is_forced = true;
    assert_op(compute(host, 1), "set", PORT_CAUSE_OPERATOR, "Port vnet0 tag",
              "7", "42");
}

static void
test_fights_are_left_for_a_while(void **state)
{
    struct plan_host *host = *state;
    mark(host);
    host->port->columns = (struct vlan_spec) VLAN_SPEC_INIT;
    (void) compute(host, 1);
    memory_find_port(&host->base.memory, &host->port->row)->no_repair_before_ms
        = 2000;
    assert_op(compute(host, 1), "back-off", PORT_CAUSE_LIBVIRT_CLEARED,
              "Port vnet0 tag", "[]", "42");
    assert_int_equal(host->plan.due_ms, 2000);
    assert_false(port_plan_has_work(&host->plan));

    host->gates.now = 2000;
    assert_op(compute(host, 1), "set", PORT_CAUSE_LIBVIRT_CLEARED,
              "Port vnet0 tag", "[]", "42");
}

static void
test_written_fix_is_for_first_contact_too(void **state)
{
    struct plan_host *host = *state;
    host->port->columns.tag = 7;
    host->base.view.bridges[0].settings.drift = DRIFT_FIX_ALL;
    assert_op(compute(host, 2), "set", PORT_CAUSE_FIRST_CONTACT,
              "Port vnet0 tag", "7", "42");
}

static void
test_no_trace_on_a_bridge_that_is_not_ours(void **state)
{
    struct plan_host *host = *state;
    mark(host);
    host->port->columns.tag = 7;
    host->base.view.bridges[0].settings.manage = MANAGE_NO;
    assert_op(compute(host, 1), "forget", PORT_CAUSE_NOT_MANAGED,
              "Interface vnet0 external_ids", "ready", "unmarked");
}

/* Nor of a guest that libvirt does not know, or has not told of. */
static void
test_no_trace_of_a_stray_either(void **state)
{
    struct plan_host *host = *state;
    mark(host);
    host->port->vm_id = host->port->marked_vm_id = vm(9);
    (void) compute(host, 0);
    host->base.view.bridges[0].settings.manage = MANAGE_NO;
    for (int i = 0; i < 2; i++) {
        host->base.source.is_complete = i;
        assert_op(compute(host, 1), "forget", PORT_CAUSE_NOT_MANAGED,
                  "Interface vnet0 external_ids", "ready", "unmarked");
    }
}

/* Guests that are about to start. */

/* libvirt plugs the ports one by one: until it is done, nothing is written. */
static void
test_ports_of_a_prepared_guest_wait(void **state)
{
    struct plan_host *host = *state;
    look_before(host);
    host->domain->stage = DOMAIN_PREPARED;
    host->port->columns.tag = 7;
    (void) compute(host, 0);
    assert_false(desired_vnic_is_written(&host->base.desired.vnics[0]));

    host->base.view.n_ports = 0;
    (void) compute(host, 0);
    host->base.view.n_ports = 1;
}

/* What differs is left over, whoever looked when, and whatever the settings
 * say of drift. */
static void
test_starting_guest_is_put_right(void **state)
{
    struct plan_host *host = *state;
    host->domain->stage = DOMAIN_STARTING;
    host->port->columns.tag = 7;
    host->base.view.bridges[0].settings.drift = DRIFT_REPORT;
    struct port_op *ops = compute(host, 2);
    assert_op(&ops[0], "set", PORT_CAUSE_STALE_ROW, "Port vnet0 tag", "7",
              "42");
    assert_op(&ops[1], "mark", PORT_CAUSE_READY,
              "Interface vnet0 external_ids", "unmarked", "ready");
}

/* The same guest's row of an earlier run: libvirt cannot be asked now. */
static void
test_starting_guest_does_not_wait_for_libvirt(void **state)
{
    struct plan_host *host = *state;
    mark(host);
    host->domain->stage = DOMAIN_STARTING;
    host->port->columns.tag = 7;
    assert_op(compute(host, 1), "set", PORT_CAUSE_STALE_ROW,
              "Port vnet0 tag", "7", "42");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        PLAN_TEST(test_right_and_marked_needs_nothing),
        PLAN_TEST(test_right_at_first_contact_is_only_marked),
        PLAN_TEST(test_port_is_not_ready_before_the_switch_opens_it),
        PLAN_TEST(test_wrong_at_first_contact_is_reported),
        PLAN_TEST(test_force_puts_first_contact_right),
        PLAN_TEST(test_wrong_new_row_is_stale),
        PLAN_TEST(test_new_row_follows_what_libvirt_does_not_know),
        PLAN_TEST(test_row_with_another_vms_mark_is_stale),
        PLAN_TEST(test_cleared_row_is_put_right_at_once),
        PLAN_TEST(test_operators_change_is_confirmed_first),
        PLAN_TEST(test_silent_libvirt_is_not_waited_for_for_ever),
        PLAN_TEST(test_absent_libvirt_is_not_waited_for),
        PLAN_TEST(test_new_intent_is_followed),
        PLAN_TEST(test_edited_portgroup_is_followed),
        PLAN_TEST(test_removed_metadata_is_no_edit),
        PLAN_TEST(test_edited_portgroup_may_be_only_reported),
        PLAN_TEST(test_portgroup_edited_before_us),
        PLAN_TEST(test_without_intent_columns_stay),
        PLAN_TEST(test_without_intent_another_vms_columns_go),
        PLAN_TEST(test_quarantined_is_not_ready),
        PLAN_TEST(test_foreign_ports_are_left_alone),
        PLAN_TEST(test_drift_may_be_left_to_an_operator),
        PLAN_TEST(test_fights_are_left_for_a_while),
        PLAN_TEST(test_written_fix_is_for_first_contact_too),
        PLAN_TEST(test_no_trace_on_a_bridge_that_is_not_ours),
        PLAN_TEST(test_no_trace_of_a_stray_either),
        PLAN_TEST(test_ports_of_a_prepared_guest_wait),
        PLAN_TEST(test_starting_guest_is_put_right),
        PLAN_TEST(test_starting_guest_does_not_wait_for_libvirt),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
