/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "ovsdb/port-plan.h"

#include <errno.h>
#include <limits.h>

#include "lib/cleanup.h"
#include "lib/desired.h"
#include "lib/memory.h"
#include "lib/network.h"
#include "tests/build.h"
#include "tests/host.h"
#include "tests/unit.h"
#include "util.h"
#include "uuid.h"

/* A host with one vNIC, meant for VLAN 42, on one port. */
struct fixture {
    struct host base;
    struct domain *domain;
    struct port_view *port;
    struct port_plan_gates gates;
    struct port_plan plan;
    bool is_bare;               /* Of br0: as the switch says. */
};

static int
setup(void **state)
{
    struct fixture *host = xzalloc(sizeof *host);
    host_init(&host->base);
    host->domain = add_domain(&host->base.domains, 1, "web1");
    add_bridge_vnic(host->domain, 1, "br0", "vnet0", access_vlan(42));
    host->port = add_vnic_port(&host->base.view, 1, "vnet0", "br0", 1, 1,
                               access_vlan(42));
    host->port->columns.mode = VLAN_NONE;
    host->gates = (struct port_plan_gates) {
        .now = 1000,
        .collect_ms = LLONG_MAX,
    };
    host->domain->read_ms = 900;
    host->base.source.listed_ms = 900;
    *state = host;
    return 0;
}

static int
teardown(void **state)
{
    struct fixture *host = *state;
    port_plan_destroy(&host->plan);
    host_destroy(&host->base);
    free(host);
    return 0;
}

static void
mark(struct fixture *host)
{
    host->port->marked_vm_id = host->port->vm_id;
    host->port->ready_ms = 5;
}

/* The agent looked at a switch without the port before. */
static void
look_before(struct fixture *host)
{
    struct switch_view empty = SWITCH_VIEW_INIT;
    memory_note_switch(&host->base.memory, &empty, 1);
}

/* Computes; expects 'n' operations and returns the first. */
static struct port_op *
compute(struct fixture *host, size_t n)
{
    struct host *base = &host->base;

    port_plan_destroy(&host->plan);
    host_look(base, host->gates.now);
    port_plan_compute(&base->desired, &base->orphans, &base->memory,
                      &host->gates, &host->plan);
    assert_int_equal(host->plan.n_ops, n);
    return host->plan.ops;
}

static void
assert_op(const struct port_op *op, const char *kind, enum port_cause cause,
          const char *object, const char *before, const char *after)
{
    assert_string_equal(port_op_kind_to_string(op), kind);
    assert_int_equal(op->cause, cause);
    assert_string_taken(port_op_object(op), object);
    assert_string_taken(port_op_before(op), before);
    assert_string_taken(port_op_after(op), after);
}

static void
test_right_and_marked_needs_nothing(void **state)
{
    struct fixture *host = *state;
    mark(host);
    (void) compute(host, 0);
    assert_false(port_plan_has_work(&host->plan));
    assert_true(host->plan.due_ms == LLONG_MAX);
}

static void
test_right_at_first_contact_is_only_marked(void **state)
{
    struct fixture *host = *state;
    assert_op(compute(host, 1), "mark", PORT_CAUSE_READY,
              "Interface vnet0 external_ids", "unmarked", "ready");
}

static void
test_port_is_not_ready_before_the_switch_opens_it(void **state)
{
    struct fixture *host = *state;
    host->port->ofport = 0;
    (void) compute(host, 0);
}

static void
test_wrong_at_first_contact_is_reported(void **state)
{
    struct fixture *host = *state;
    host->port->columns.tag = 7;
    assert_op(compute(host, 1), "report", PORT_CAUSE_FIRST_CONTACT,
              "Port vnet0 tag", "7", "42");
    assert_false(port_plan_has_work(&host->plan));
}

static void
test_force_puts_first_contact_right(void **state)
{
    struct fixture *host = *state;
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
    struct fixture *host = *state;
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
    struct fixture *host = *state;
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
    struct fixture *host = *state;
    host->port->columns.tag = 7;
    host->port->marked_vm_id = vm(9);
    host->port->ready_ms = 5;
    assert_op(compute(host, 2), "set", PORT_CAUSE_STALE_ROW, "Port vnet0 tag",
              "7", "42");
}

static void
test_cleared_row_is_put_right_at_once(void **state)
{
    struct fixture *host = *state;
    mark(host);
    host->port->columns = (struct vlan_spec) VLAN_SPEC_INIT;
    assert_op(compute(host, 1), "set", PORT_CAUSE_LIBVIRT_CLEARED,
              "Port vnet0 tag", "[]", "42");
}

static void
test_operators_change_is_confirmed_first(void **state)
{
    struct fixture *host = *state;
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
    struct fixture *host = *state;
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
    struct fixture *host = *state;
    mark(host);
    host->port->columns.tag = 7;
    host->base.source.is_complete = false;
    assert_op(compute(host, 1), "set", PORT_CAUSE_OPERATOR, "Port vnet0 tag",
              "7", "42");
}

static void
test_new_intent_is_followed(void **state)
{
    struct fixture *host = *state;
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
edit_portgroup(struct fixture *host)
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
    struct fixture *host = *state;
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
    struct fixture *host = *state;
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
    struct fixture *host = *state;
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
    struct fixture *host = *state;
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
    struct fixture *host = *state;
    look_before(host);
    host->domain->vnics[0].vlan = (struct vlan_spec) VLAN_SPEC_INIT;
    assert_op(compute(host, 1), "mark", PORT_CAUSE_READY,
              "Interface vnet0 external_ids", "unmarked", "ready");
}

static void
test_without_intent_another_vms_columns_go(void **state)
{
    struct fixture *host = *state;
    host->domain->vnics[0].vlan = (struct vlan_spec) VLAN_SPEC_INIT;
    host->port->marked_vm_id = vm(9);
    assert_op(compute(host, 2), "set", PORT_CAUSE_STALE_ROW, "Port vnet0 tag",
              "42", "[]");
}

static void
test_quarantined_is_not_ready(void **state)
{
    struct fixture *host = *state;
    mark(host);
    host->port->columns.tag = 7;
    host->domain->vnics[0].vlan = access_vlan(0);
    assert_op(compute(host, 1), "unmark", PORT_CAUSE_NOT_READY,
              "Interface vnet0 external_ids", "ready", "marked");
}

static void
test_foreign_ports_are_left_alone(void **state)
{
    struct fixture *host = *state;
    host->port->is_vnic = false;
    host->port->columns.tag = 7;
    (void) compute(host, 0);
}

static void
test_drift_may_be_left_to_an_operator(void **state)
{
    struct fixture *host = *state;
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
    struct fixture *host = *state;
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
    struct fixture *host = *state;
    host->port->columns.tag = 7;
    host->base.view.bridges[0].settings.drift = DRIFT_FIX_ALL;
    assert_op(compute(host, 2), "set", PORT_CAUSE_FIRST_CONTACT,
              "Port vnet0 tag", "7", "42");
}

static void
test_no_trace_on_a_bridge_that_is_not_ours(void **state)
{
    struct fixture *host = *state;
    mark(host);
    host->port->columns.tag = 7;
    host->base.view.bridges[0].settings.manage = MANAGE_NO;
    assert_op(compute(host, 1), "forget", PORT_CAUSE_NOT_MANAGED,
              "Interface vnet0 external_ids", "ready", "unmarked");
}

/* Missing ports. */

/* Somebody removes the port, at 2000. */
static void
delete_port(struct fixture *host)
{
    switch_view_destroy(&host->base.view);
    host->base.view = (struct switch_view) SWITCH_VIEW_INIT;
    add_bridge(&host->base.view, "br0");
    host->port = NULL;
    host->gates.now = 2000;
}

static void
test_deleted_port_is_put_back_once_libvirt_confirms(void **state)
{
    struct fixture *host = *state;
    mark(host);
    (void) compute(host, 0);
    delete_port(host);
    assert_op(compute(host, 1), "confirm", PORT_CAUSE_PORT_DELETED,
              "Port vnet0", "missing", "on br0, VLAN 42");

    /* However long that takes. */
    host->gates.now = 100000;
    assert_string_equal(port_op_kind_to_string(compute(host, 1)), "confirm");
    host->domain->read_ms = 2001;
    assert_op(compute(host, 1), "plug", PORT_CAUSE_PORT_DELETED,
              "Port vnet0", "missing", "on br0, VLAN 42");
    assert_string_equal(port_op_column(host->plan.ops), "row");
}

static void
test_absent_libvirt_confirms_nothing(void **state)
{
    struct fixture *host = *state;
    mark(host);
    (void) compute(host, 0);
    delete_port(host);
    host->domain->read_ms = 2001;
    host->base.source.is_complete = false;
    assert_string_equal(port_op_kind_to_string(compute(host, 1)), "confirm");
}

static void
test_port_of_a_guest_that_ended_stays_away(void **state)
{
    struct fixture *host = *state;
    mark(host);
    (void) compute(host, 0);
    delete_port(host);
    host->domain->is_active = false;
    (void) compute(host, 0);
}

static void
test_deleted_port_may_be_only_reported(void **state)
{
    struct fixture *host = *state;
    mark(host);
    (void) compute(host, 0);
    delete_port(host);
    host->domain->read_ms = 2001;
    host->base.view.bridges[0].settings.drift = DRIFT_REPORT;
    assert_string_equal(port_op_kind_to_string(compute(host, 1)), "report");
    host->gates.is_forced = true;
    assert_string_equal(port_op_kind_to_string(compute(host, 1)), "plug");
}

static void
test_missing_port_at_first_contact_is_reported(void **state)
{
    struct fixture *host = *state;
    delete_port(host);
    (void) compute(host, 1);
    host->domain->read_ms = 2001;
    assert_op(compute(host, 1), "report", PORT_CAUSE_FIRST_CONTACT,
              "Port vnet0", "missing", "on br0, VLAN 42");
}

/* Whoever has started it is about to plug it. */
static void
test_port_that_never_was_is_not_missed(void **state)
{
    struct fixture *host = *state;
    host->domain->is_active = false;
    delete_port(host);
    (void) compute(host, 0);
    host->domain->is_active = true;
    host->domain->read_ms = 2001;
    (void) compute(host, 0);
    host->gates.is_forced = true;
    assert_string_equal(port_op_kind_to_string(compute(host, 1)), "plug");
}

/* Without columns it would be on all VLANs. */
static void
test_without_intent_a_port_gets_its_columns_back(void **state)
{
    struct fixture *host = *state;
    mark(host);
    host->domain->vnics[0].vlan = (struct vlan_spec) VLAN_SPEC_INIT;
    (void) compute(host, 0);
    delete_port(host);
    host->domain->read_ms = 2001;
    assert_op(compute(host, 1), "plug", PORT_CAUSE_PORT_DELETED,
              "Port vnet0", "missing", "on br0, VLAN 42");
}

static void
test_name_in_use_is_not_plugged(void **state)
{
    struct fixture *host = *state;
    mark(host);
    (void) compute(host, 0);
    delete_port(host);
    host->port = add_vnic_port(&host->base.view, 2, "vnet0", "br0", 9, 9,
                               access_vlan(7));
    host->domain->read_ms = 2001;
    (void) compute(host, 0);
}

static void
test_plugging_over_and_over_is_left_for_a_while(void **state)
{
    struct fixture *host = *state;
    mark(host);
    (void) compute(host, 0);
    delete_port(host);
    (void) compute(host, 1);
    host->domain->read_ms = 2001;
    memory_find_vnic(&host->base.memory, &host->domain->vnics[0].id)
        ->no_plug_before_ms = 3000;
    assert_string_equal(port_op_kind_to_string(compute(host, 1)), "back-off");
    assert_int_equal(host->plan.due_ms, 3000);
}

/* Quality of service. */

static struct qos_view *
add_qos(struct fixture *host, const char *ifname, bool is_used)
{
    struct qos_view *qos = switch_view_add_qos(&host->base.view);
    qos->row = vm(77);
    qos->vm_id = vm(1);
    qos->ifname = xstrdup(ifname);
    qos->is_used = is_used;
    return qos;
}

static void
test_unlinked_qos_is_linked(void **state)
{
    struct fixture *host = *state;
    mark(host);
    add_qos(host, "vnet0", false);
    (void) compute(host, 0);    /* No bandwidth is meant. */

    host->domain->vnics[0].inbound.average = 1000;
    host->domain->read_ms = 1001;
    struct port_op *op = compute(host, 1);
    CLEANUP_FREE char *after = xasprintf(UUID_FMT,
                                         UUID_ARGS(&host->base.view.qoses->row));
    assert_op(op, "link", PORT_CAUSE_QOS_UNLINKED, "Port vnet0 qos", "[]",
              after);

    uuid_zero(&host->port->marked_vm_id);
    assert_op(compute(host, 1), "report", PORT_CAUSE_FIRST_CONTACT,
              "Port vnet0 qos", "[]", after);
}

/* To take a limit away, libvirt unlinks it first. */
static void
test_qos_is_linked_again_only_if_libvirt_means_it(void **state)
{
    struct fixture *host = *state;
    mark(host);
    struct qos_view *qos = add_qos(host, "vnet0", true);
    host->port->qos = qos->row;
    host->domain->vnics[0].inbound.average = 1000;
    (void) compute(host, 0);

    uuid_zero(&host->port->qos);
    qos->is_used = false;
    host->gates.now = 2000;
    assert_string_equal(port_op_kind_to_string(compute(host, 1)), "confirm");
    host->gates.now = 100000;   /* However long that takes. */
    assert_string_equal(port_op_kind_to_string(compute(host, 1)), "confirm");
    host->domain->read_ms = 2001;
    assert_string_equal(port_op_kind_to_string(compute(host, 1)), "link");
    host->domain->vnics[0].inbound.average = 0;
    (void) compute(host, 0);
}

/* Orphans. */

/* The guest is gone, the row is not. */
static void
orphan_port(struct fixture *host)
{
    host->domain->is_active = false;
    host->port->has_iface_id = true;
    host->port->ofport = -1;
    host->port->error = xasprintf("could not open network device vnet0 (%s)",
                                  ovs_strerror(ENODEV));
}

static void
test_orphan_goes_after_two_looks(void **state)
{
    struct fixture *host = *state;
    orphan_port(host);
    assert_op(compute(host, 1), "confirm", PORT_CAUSE_ORPHAN,
              "Port vnet0", "on br0, VLAN 42", "removed");
    assert_int_equal(host->plan.due_ms, 1000 + ORPHAN_AGE_MS);
    assert_false(host->plan.needs_reading);

    /* It is time, but libvirt has to tell once more that nobody needs it. */
    host->gates.now = 1000 + ORPHAN_AGE_MS;
    assert_string_equal(port_op_kind_to_string(compute(host, 1)), "confirm");
    assert_true(host->plan.needs_reading);
    host->base.source.listed_ms = host->gates.now;
    assert_string_equal(port_op_kind_to_string(compute(host, 1)), "confirm");

    host->domain->read_ms = host->gates.now;
    assert_string_equal(port_op_kind_to_string(compute(host, 1)), "collect");
}

static void
test_orphan_goes_at_once_if_asked_for(void **state)
{
    struct fixture *host = *state;
    orphan_port(host);
    host->gates.collect_ms = 1000;
    assert_string_equal(port_op_kind_to_string(compute(host, 1)), "confirm");
    host->base.source.listed_ms = host->domain->read_ms = 1000;
    assert_string_equal(port_op_kind_to_string(compute(host, 1)), "collect");
}

static void
test_orphans_may_be_only_reported(void **state)
{
    struct fixture *host = *state;
    orphan_port(host);
    host->base.view.bridges[0].settings.collect_orphans = false;
    assert_string_equal(port_op_kind_to_string(compute(host, 1)), "report");
}

/* Each single reason to think that somebody may need the port. */
static void
test_no_orphan_while_in_doubt(void **state)
{
    struct fixture *host = *state;
    orphan_port(host);
    (void) compute(host, 1);

    host->port->has_netdev = true;
    (void) compute(host, 0);
    host->port->is_detached = true;
    (void) compute(host, 0);
    host->port->has_netdev = false;

    host->port->has_iface_id = false;
    (void) compute(host, 0);
    host->port->has_iface_id = true;

    host->port->ofport = 1;
    (void) compute(host, 1);    /* Detached. */
    host->port->is_detached = false;
    (void) compute(host, 0);
    host->port->ofport = 0;
    (void) compute(host, 0);
    host->port->ofport = -1;

    host->base.source.is_complete = false;
    (void) compute(host, 0);
    host->base.source.is_complete = true;

    host->base.view.bridges[0].settings.manage = MANAGE_NO;
    (void) compute(host, 0);
    host->base.view.bridges[0].settings.manage = MANAGE_AUTO;

    host->domain->error = xstrdup("malformed");
    (void) compute(host, 0);
    free(host->domain->error);
    host->domain->error = NULL;

    free(host->port->error);
    host->port->error = xstrdup("could not open network device vnet0 (Too "
                                "many open files)");
    (void) compute(host, 0);
}

/* libvirt has told nothing yet, and plugs nobody. */
static void
test_orphan_is_swept_while_libvirt_starts(void **state)
{
    struct fixture *host = *state;
    orphan_port(host);
    host->base.source.is_complete = false;
    host->port->vm_id = vm(7);
    (void) compute(host, 0);
    host->base.is_sweep = true;
    assert_string_equal(port_op_kind_to_string(compute(host, 1)), "collect");

    host->base.view.bridges[0].settings.collect_orphans = false;
    assert_string_equal(port_op_kind_to_string(compute(host, 1)), "report");
}

static void
test_sweep_spares_who_is_there(void **state)
{
    struct fixture *host = *state;
    orphan_port(host);
    host->base.source.is_complete = false;
    host->base.is_sweep = true;
    host->port->vm_id = vm(7);
    host->port->has_netdev = true; /* Its guest has outlived libvirt. */
    (void) compute(host, 0);

    host->port->has_netdev = false;
    host->domain->is_active = true; /* It had a guest when libvirt ended. */
    (void) compute(host, 0);
    host->port->vm_id = vm(1);
    host->port->has_iface_id = false;
    (void) compute(host, 0);
}

/* Another guest's interface of that name is about to take the row over. */
static void
test_claimed_name_is_no_orphan(void **state)
{
    struct fixture *host = *state;
    orphan_port(host);
    struct domain *other = add_domain(&host->base.domains, 2, "web2");
    add_bridge_vnic(other, 2, "br0", "vnet0", access_vlan(10));
    (void) compute(host, 0);
}

static void
test_orphans_never_hold_up_repairs(void **state)
{
    struct fixture *host = *state;
    add_vnic_port(&host->base.view, 3, "vnet3", "br0", 3, 3, access_vlan(7));
    struct domain *other = add_domain(&host->base.domains, 3, "web3");
    add_bridge_vnic(other, 3, "br0", "vnet3", access_vlan(7));
    host->port = &host->base.view.ports[0];
    orphan_port(host);
    host->gates.collect_ms = 0;
    struct port_op *ops = compute(host, 2);
    assert_string_equal(port_op_kind_to_string(&ops[0]), "mark");
    assert_string_equal(port_op_kind_to_string(&ops[1]), "wait");
    assert_true(host->plan.has_more);
    assert_int_equal(port_plan_count_rows(&host->plan), 0);
}

/* Once the database has refused several. */
static void
test_rows_go_one_by_one(void **state)
{
    struct fixture *host = *state;
    orphan_port(host);
    struct qos_view *qos = switch_view_add_qos(&host->base.view);
    qos->row = vm(77);
    qos->vm_id = vm(1);
    qos->ifname = xstrdup("vnet9");
    host->gates.collect_ms = 0;
    (void) compute(host, 2);
    assert_int_equal(port_plan_count_rows(&host->plan), 2);
    assert_false(host->plan.has_more);

    host->gates.is_row_by_row = true;
    (void) compute(host, 2);
    assert_int_equal(port_plan_count_rows(&host->plan), 1);
    assert_true(host->plan.has_more);

    /* That one was refused. */
    memory_note_refused_collect(&host->base.memory, &host->port->row, 1000);
    struct port_op *ops = compute(host, 2);
    assert_string_equal(port_op_kind_to_string(&ops[0]), "back-off");
    assert_string_equal(port_op_kind_to_string(&ops[1]), "collect");
    assert_int_equal(host->plan.due_ms, 1000 + MEMORY_REPAIR_PERIOD_MS);
}

static void
test_unused_qos_is_an_orphan(void **state)
{
    struct fixture *host = *state;
    mark(host);
    struct qos_view *qos = add_qos(host, "vnet9", true);
    (void) compute(host, 0);
    qos->is_used = false;
    assert_op(compute(host, 1), "confirm", PORT_CAUSE_ORPHAN, "QoS of vnet9",
              "11111111-0000-0000-0000-00000000004d", "removed");
    CLEANUP_FREE char *label = port_op_label(host->plan.ops);
    CLEANUP_FREE char *expected
        = xasprintf(UUID_FMT"/vnet9", UUID_ARGS(&qos->vm_id));
    assert_string_equal(label, expected);
}

/* Once the port is put back, it is linked again. */
static void
test_qos_of_a_missing_port_is_no_orphan(void **state)
{
    struct fixture *host = *state;
    mark(host);
    (void) compute(host, 0);
    delete_port(host);
    struct qos_view *qos = add_qos(host, "vnet0", false);
    host->domain->read_ms = 2001;
    host->base.view.bridges[0].settings.drift = DRIFT_REPORT;
    assert_string_equal(port_op_kind_to_string(compute(host, 1)), "report");

    qos->vm_id = vm(2);         /* Another guest's, that had the name. */
    struct port_op *ops = compute(host, 2);
    assert_string_equal(port_op_kind_to_string(&ops[0]), "report");
    assert_op(&ops[1], "confirm", PORT_CAUSE_ORPHAN, "QoS of vnet0",
              "11111111-0000-0000-0000-00000000004d", "removed");
}

/* What we plug ourselves. */

/* The vNIC is one that libvirt does not plug; its metadata names br0. */
static void
plug_by_ourselves(struct fixture *host)
{
    struct vnic_metadata metadata = VNIC_METADATA_INIT;
    struct vnic *vnic = &host->domain->vnics[0];
    char bridge[] = "br0";
    metadata.bridge = bridge;
    metadata.vlan = access_vlan(42);
    vnic_set_metadata(vnic, &metadata);
    vnic->type = VNIC_ETHERNET;
    vnic->has_ovs_virtualport = false;
    vnic->vlan = (struct vlan_spec) VLAN_SPEC_INIT;
    free(vnic->bridge);
    vnic->bridge = NULL;
    if (host->port) {
        host->port->is_plugged_by_us = true;
    }
}

static void
test_our_own_port_is_plugged_at_once(void **state)
{
    struct fixture *host = *state;
    delete_port(host);
    plug_by_ourselves(host);
    assert_op(compute(host, 1), "plug", PORT_CAUSE_INTENT, "Port vnet0",
              "missing", "on br0, VLAN 42");
}

static void
test_our_own_port_goes_with_its_guest(void **state)
{
    struct fixture *host = *state;
    mark(host);
    plug_by_ourselves(host);
    (void) compute(host, 0);
    host->domain->is_active = false;
    assert_op(compute(host, 1), "unplug", PORT_CAUSE_INTENT, "Port vnet0",
              "on br0, VLAN 42", "removed");
    host->base.source.is_complete = false;
    (void) compute(host, 0);
}

static void
test_our_own_port_moves_with_its_metadata(void **state)
{
    struct fixture *host = *state;
    mark(host);
    plug_by_ourselves(host);
    add_bridge(&host->base.view, "br1");
    free(host->domain->vnics[0].metadata->bridge);
    host->domain->vnics[0].metadata->bridge = xstrdup("br1");
    struct port_op *op = compute(host, 1);
    assert_op(op, "unplug", PORT_CAUSE_INTENT, "Port vnet0",
              "on br0, VLAN 42", "removed");
    memory_note_unplug(&host->base.memory, &host->domain->vnics[0].id);
    delete_port(host);
    add_bridge(&host->base.view, "br1");
    assert_op(compute(host, 1), "plug", PORT_CAUSE_INTENT, "Port vnet0",
              "missing", "on br1, VLAN 42");
}

/* Something is wrong with the metadata; it may be what named the bridge. */
static void
test_our_own_port_stays_while_metadata_is_in_doubt(void **state)
{
    struct fixture *host = *state;
    mark(host);
    plug_by_ourselves(host);
    vnic_set_metadata(&host->domain->vnics[0], NULL);
    svec_add(&host->domain->metadata_errors, "no interface has this MAC");
    (void) compute(host, 0);
    svec_clear(&host->domain->metadata_errors);
    assert_string_equal(port_op_kind_to_string(compute(host, 1)), "unplug");
}

/* libvirt has taken the row over, with our keys in it. */
static void
test_a_port_of_libvirt_is_never_unplugged(void **state)
{
    struct fixture *host = *state;
    mark(host);
    host->port->is_plugged_by_us = true;
    (void) compute(host, 0);
}

static void
test_a_refused_plug_is_left_for_a_while(void **state)
{
    struct fixture *host = *state;
    delete_port(host);
    plug_by_ourselves(host);
    (void) compute(host, 1);
    memory_note_refused_plug(&host->base.memory,
                             &host->domain->vnics[0].id, 2000);
    assert_string_equal(port_op_kind_to_string(compute(host, 1)), "back-off");
    assert_int_equal(host->plan.due_ms, 2000 + MEMORY_REPAIR_PERIOD_MS);
}

static void
test_two_ports_of_one_name(void **state)
{
    struct fixture *host = *state;
    delete_port(host);
    plug_by_ourselves(host);
    struct domain *twin = add_domain(&host->base.domains, 2, "web2");
    struct vnic *vnic = add_bridge_vnic(twin, 2, "br0", "vnet0",
                                        access_vlan(1));
    vnic_set_metadata(vnic, host->domain->vnics[0].metadata);
    vnic->type = VNIC_ETHERNET;
    assert_string_equal(port_op_kind_to_string(compute(host, 1)), "plug");
    assert_int_equal(host->base.desired.vnics[1].care, VNIC_QUARANTINED);
    assert_non_null(strstr(host->base.desired.vnics[1].reason,
                           "its port would be called vnet0, as that of "
                           "web1/52:54:00:00:00:01"));
}

static void
test_an_interface_has_the_name(void **state)
{
    struct fixture *host = *state;
    delete_port(host);
    plug_by_ourselves(host);
    svec_add(&host->base.view.interface_names, "vnet0");
    (void) compute(host, 0);
}

/* An interface of a type that libvirt leaves to others, and no word of ours. */
static void
test_a_port_of_others_is_not_removed(void **state)
{
    struct fixture *host = *state;
    mark(host);
    plug_by_ourselves(host);
    host->port->is_plugged_by_us = false;
    vnic_set_metadata(&host->domain->vnics[0], NULL);
    (void) compute(host, 0);
}

/* Guests that are about to start. */

/* libvirt plugs the ports one by one: until it is done, nothing is written. */
static void
test_ports_of_a_prepared_guest_wait(void **state)
{
    struct fixture *host = *state;
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
    struct fixture *host = *state;
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
    struct fixture *host = *state;
    mark(host);
    host->domain->stage = DOMAIN_STARTING;
    host->port->columns.tag = 7;
    assert_op(compute(host, 1), "set", PORT_CAUSE_STALE_ROW,
              "Port vnet0 tag", "7", "42");
}

static void
test_missing_port_of_a_starting_guest_is_libvirts(void **state)
{
    struct fixture *host = *state;
    host->domain->stage = DOMAIN_STARTING;
    host->domain->read_ms = host->gates.now;
    host->base.view.n_ports = 0;
    (void) compute(host, 0);
    host->base.view.n_ports = 1;
}

static void
test_limit_of_a_starting_guest_is_linked(void **state)
{
    struct fixture *host = *state;
    mark(host);
    host->domain->stage = DOMAIN_STARTING;
    host->domain->vnics[0].inbound.average = 1000;
    add_qos(host, "vnet0", false);
    assert_string_equal(port_op_kind_to_string(compute(host, 1)), "link");
}

/* The patch pair, and what else a pipeline needs in the database. */

/* Computes for br0, of which the switch is said to be this far; expects 'n'
 * operations and returns the first. */
static struct port_op *
compute_pipeline(struct fixture *host, enum pair_care care, bool has_flows,
                 size_t n)
{
    struct host *base = &host->base;

    port_plan_destroy(&host->plan);
    host_look(base, host->gates.now);
    struct desired_bridge *bridge = &base->desired.bridges[0];
    assert_true(bridge->needs_pipeline == (care != PAIR_UNWANTED));
    bridge->pair_care = care;
    bridge->has_flows = has_flows;
    bridge->is_bare = host->is_bare;
    port_plan_compute(&base->desired, &base->orphans, &base->memory,
                      &host->gates, &host->plan);
    assert_int_equal(host->plan.n_ops, n);
    return host->plan.ops;
}

static void
add_pair(struct fixture *host)
{
    for (enum patch_side side = 0; side < N_PATCH_SIDES; side++) {
        bool is_inside = side == PATCH_INSIDE;
        struct port_view *port
            = add_port(&host->base.view, is_inside ? "br0-in" : "br0-out",
                       "br0", "patch", patch_pair_columns(side));
        port->patch_side = side;
        port->peer = xstrdup(is_inside ? "br0-out" : "br0-in");
        port->is_off_stp = true;
    }
    switch_view_sort(&host->base.view);
    host->port = &host->base.view.ports[0]; /* vNICs come first. */
}

static void
test_a_pair_is_made_when_the_switch_is_ready(void **state)
{
    struct fixture *host = *state;
    mark(host);
    (void) compute_pipeline(host, PAIR_AS_IS, false, 0);
    struct port_op *op = compute_pipeline(host, PAIR_WANTED, false, 2);
    assert_op(&op[0], "add-patch", PORT_CAUSE_PIPELINE, "Port br0-out",
              "missing", "patch to br0-in, VLAN trunk all, no STP");
    assert_op(&op[1], "add-patch", PORT_CAUSE_PIPELINE, "Port br0-in",
              "missing", "patch to br0-out, VLAN trunk 4095, no STP");
    assert_string_taken(port_op_label(op), "bridge br0");
    assert_false(port_op_is_repair(op));
}

static void
test_a_pair_remembers_that_the_bridge_was_bare(void **state)
{
    struct fixture *host = *state;
    mark(host);
    host->is_bare = true;
    struct port_op *op = compute_pipeline(host, PAIR_WANTED, false, 2);
    assert_true(op[0].finds_no_flows && op[1].finds_no_flows);

    /* What is there with a pair says nothing, but the other side knows. */
    add_pair(host);
    (void) compute_pipeline(host, PAIR_WANTED, false, 0);
    host->base.view.ports[1].patch_side = PATCH_NEITHER;
    op = compute_pipeline(host, PAIR_WANTED, false, 2);
    assert_false(op[1].finds_no_flows);
    host->base.view.ports[2].found_no_flows = true;
    op = compute_pipeline(host, PAIR_WANTED, false, 2);
    assert_true(op[1].finds_no_flows);
}

static void
test_a_pair_is_put_right(void **state)
{
    struct fixture *host = *state;
    mark(host);
    add_pair(host);
    (void) compute_pipeline(host, PAIR_WANTED, false, 0);
    host->base.view.ports[1].columns.tag = 7;
    struct port_op *op = compute_pipeline(host, PAIR_WANTED, false, 1);
    assert_string_equal(port_op_kind_to_string(op), "fix-patch");
    assert_int_equal(op->cause, PORT_CAUSE_OPERATOR);
    assert_true(port_op_is_repair(op));

    /* Somebody took its mark away: the other has to lead to a new one. */
    host->base.view.ports[1].patch_side = PATCH_NEITHER;
    op = compute_pipeline(host, PAIR_WANTED, false, 2);
    assert_int_equal(op[1].cause, PORT_CAUSE_PORT_DELETED);
    for (int i = 0; i <= MEMORY_MAX_REPAIRS; i++) {
        memory_note_pair(&host->base.memory, "br0", host->gates.now);
    }
    op = compute_pipeline(host, PAIR_WANTED, false, 2);
    assert_int_equal(op[0].verdict, PORT_VERDICT_BACK_OFF);
    assert_int_equal(op[1].verdict, PORT_VERDICT_BACK_OFF);
}

static void
test_a_pair_goes_when_nobody_needs_it(void **state)
{
    struct fixture *host = *state;
    mark(host);
    add_pair(host);
    host->base.view.bridges[0].settings.guard = GUARD_OFF;
    struct port_op *op = compute_pipeline(host, PAIR_UNWANTED, false, 2);
    assert_string_equal(port_op_kind_to_string(op), "remove-patch");
}

static void
test_fail_mode_is_ours_where_settings_say_so(void **state)
{
    struct fixture *host = *state;
    struct bridge_view *bridge = &host->base.view.bridges[0];
    mark(host);
    add_pair(host);
    (void) compute_pipeline(host, PAIR_WANTED, true, 0);
    bridge->settings.fail_mode = FAIL_MODE_SECURE;
    (void) compute_pipeline(host, PAIR_WANTED, false, 0);
    assert_op(compute_pipeline(host, PAIR_WANTED, true, 1), "secure",
              PORT_CAUSE_PIPELINE, "Bridge br0 fail_mode", "[]", "secure");

    bridge->fail_mode = xstrdup("secure");
    bridge->fail_mode_before = xstrdup("standalone");
    (void) compute_pipeline(host, PAIR_WANTED, true, 0);
    bridge->settings.guard = GUARD_OFF;
    struct port_op *op = compute_pipeline(host, PAIR_UNWANTED, false, 3);
    assert_op(&op[2], "unsecure", PORT_CAUSE_PIPELINE, "Bridge br0 fail_mode",
              "secure", "standalone");
}

static void
test_ports_of_guests_leave_the_spanning_tree(void **state)
{
    struct fixture *host = *state;
    mark(host);
    add_pair(host);
    host->base.view.bridges[0].runs_stp = true;
    assert_op(compute_pipeline(host, PAIR_WANTED, true, 1), "leave-stp",
              PORT_CAUSE_PIPELINE, "Port vnet0 other_config", "STP", "no STP");
    host->port->is_off_stp = true;
    (void) compute_pipeline(host, PAIR_WANTED, true, 0);
}

/* Computes with the flows of the vNIC in this state; expects 'n' operations. */
static struct port_op *
compute_flows(struct fixture *host, enum vnic_flows flows, size_t n)
{
    struct host *base = &host->base;
    port_plan_destroy(&host->plan);
    host_look(base, host->gates.now);
    base->desired.vnics[0].flows = flows;
    port_plan_compute(&base->desired, &base->orphans, &base->memory,
                      &host->gates, &host->plan);
    assert_int_equal(host->plan.n_ops, n);
    return host->plan.ops;
}

static void
test_ready_needs_the_flows(void **state)
{
    struct fixture *host = *state;
    (void) compute_flows(host, FLOWS_PENDING, 0);
    assert_true(compute_flows(host, FLOWS_INSTALLED, 1)->is_ready);
    mark(host);
    (void) compute_flows(host, FLOWS_PENDING, 0); /* It was ready. */
    assert_op(compute_flows(host, FLOWS_REFUSED, 1), "unmark",
              PORT_CAUSE_NOT_READY, "Interface vnet0 external_ids", "ready",
              "marked");
}

#define TEST(NAME) cmocka_unit_test_setup_teardown(NAME, setup, teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_right_and_marked_needs_nothing),
        TEST(test_right_at_first_contact_is_only_marked),
        TEST(test_port_is_not_ready_before_the_switch_opens_it),
        TEST(test_wrong_at_first_contact_is_reported),
        TEST(test_force_puts_first_contact_right),
        TEST(test_wrong_new_row_is_stale),
        TEST(test_new_row_follows_what_libvirt_does_not_know),
        TEST(test_row_with_another_vms_mark_is_stale),
        TEST(test_cleared_row_is_put_right_at_once),
        TEST(test_operators_change_is_confirmed_first),
        TEST(test_silent_libvirt_is_not_waited_for_for_ever),
        TEST(test_absent_libvirt_is_not_waited_for),
        TEST(test_new_intent_is_followed),
        TEST(test_edited_portgroup_is_followed),
        TEST(test_removed_metadata_is_no_edit),
        TEST(test_edited_portgroup_may_be_only_reported),
        TEST(test_portgroup_edited_before_us),
        TEST(test_without_intent_columns_stay),
        TEST(test_without_intent_another_vms_columns_go),
        TEST(test_quarantined_is_not_ready),
        TEST(test_foreign_ports_are_left_alone),
        TEST(test_drift_may_be_left_to_an_operator),
        TEST(test_fights_are_left_for_a_while),
        TEST(test_written_fix_is_for_first_contact_too),
        TEST(test_no_trace_on_a_bridge_that_is_not_ours),
        TEST(test_deleted_port_is_put_back_once_libvirt_confirms),
        TEST(test_absent_libvirt_confirms_nothing),
        TEST(test_port_of_a_guest_that_ended_stays_away),
        TEST(test_deleted_port_may_be_only_reported),
        TEST(test_missing_port_at_first_contact_is_reported),
        TEST(test_port_that_never_was_is_not_missed),
        TEST(test_without_intent_a_port_gets_its_columns_back),
        TEST(test_name_in_use_is_not_plugged),
        TEST(test_plugging_over_and_over_is_left_for_a_while),
        TEST(test_unlinked_qos_is_linked),
        TEST(test_qos_is_linked_again_only_if_libvirt_means_it),
        TEST(test_orphan_goes_after_two_looks),
        TEST(test_orphan_goes_at_once_if_asked_for),
        TEST(test_orphans_may_be_only_reported),
        TEST(test_no_orphan_while_in_doubt),
        TEST(test_orphan_is_swept_while_libvirt_starts),
        TEST(test_sweep_spares_who_is_there),
        TEST(test_claimed_name_is_no_orphan),
        TEST(test_orphans_never_hold_up_repairs),
        TEST(test_rows_go_one_by_one),
        TEST(test_unused_qos_is_an_orphan),
        TEST(test_qos_of_a_missing_port_is_no_orphan),
        TEST(test_our_own_port_is_plugged_at_once),
        TEST(test_our_own_port_goes_with_its_guest),
        TEST(test_our_own_port_moves_with_its_metadata),
        TEST(test_our_own_port_stays_while_metadata_is_in_doubt),
        TEST(test_a_port_of_libvirt_is_never_unplugged),
        TEST(test_a_refused_plug_is_left_for_a_while),
        TEST(test_two_ports_of_one_name),
        TEST(test_an_interface_has_the_name),
        TEST(test_a_port_of_others_is_not_removed),
        TEST(test_a_pair_is_made_when_the_switch_is_ready),
        TEST(test_a_pair_remembers_that_the_bridge_was_bare),
        TEST(test_a_pair_is_put_right),
        TEST(test_a_pair_goes_when_nobody_needs_it),
        TEST(test_fail_mode_is_ours_where_settings_say_so),
        TEST(test_ports_of_guests_leave_the_spanning_tree),
        TEST(test_ready_needs_the_flows),
        TEST(test_ports_of_a_prepared_guest_wait),
        TEST(test_starting_guest_is_put_right),
        TEST(test_starting_guest_does_not_wait_for_libvirt),
        TEST(test_missing_port_of_a_starting_guest_is_libvirts),
        TEST(test_limit_of_a_starting_guest_is_linked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
