/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */

/* Tests of ovsdb/port-plan.c: whole rows, as missing ports, orphans, QoS, and
 * ports that are our own. */

#include <config.h>
#include "ovsdb/port-plan.h"

#include <errno.h>
#include <limits.h>

#include "lib/cleanup.h"
#include "lib/desired.h"
#include "lib/memory.h"
#include "lib/orphan.h"
#include "lib/switch-view.h"
#include "tests/plan-host.h"
#include "util.h"
#include "uuid.h"

/* Missing ports. */

/* Somebody removes the port, at 2000. */
static void
delete_port(struct plan_host *host)
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
    struct plan_host *host = *state;
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
    struct plan_host *host = *state;
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
    struct plan_host *host = *state;
    mark(host);
    (void) compute(host, 0);
    delete_port(host);
    host->domain->is_active = false;
    (void) compute(host, 0);
}

static void
test_deleted_port_may_be_only_reported(void **state)
{
    struct plan_host *host = *state;
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
    struct plan_host *host = *state;
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
    struct plan_host *host = *state;
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
    struct plan_host *host = *state;
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
    struct plan_host *host = *state;
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
    struct plan_host *host = *state;
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

static void
test_missing_port_of_a_starting_guest_is_libvirts(void **state)
{
    struct plan_host *host = *state;
    host->domain->stage = DOMAIN_STARTING;
    host->domain->read_ms = host->gates.now;
    host->base.view.n_ports = 0;
    (void) compute(host, 0);
    host->base.view.n_ports = 1;
}

/* Quality of service. */

static struct qos_view *
add_qos(struct plan_host *host, const char *ifname, bool is_used)
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
    struct plan_host *host = *state;
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
    struct plan_host *host = *state;
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

static void
test_limit_of_a_starting_guest_is_linked(void **state)
{
    struct plan_host *host = *state;
    mark(host);
    host->domain->stage = DOMAIN_STARTING;
    host->domain->vnics[0].inbound.average = 1000;
    add_qos(host, "vnet0", false);
    assert_string_equal(port_op_kind_to_string(compute(host, 1)), "link");
}

/* Orphans. */

/* The guest is gone, the row is not. */
static void
orphan_port(struct plan_host *host)
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
    struct plan_host *host = *state;
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
    struct plan_host *host = *state;
    orphan_port(host);
    host->gates.collect_ms = 1000;
    assert_string_equal(port_op_kind_to_string(compute(host, 1)), "confirm");
    host->base.source.listed_ms = host->domain->read_ms = 1000;
    assert_string_equal(port_op_kind_to_string(compute(host, 1)), "collect");
}

static void
test_orphans_may_be_only_reported(void **state)
{
    struct plan_host *host = *state;
    orphan_port(host);
    host->base.view.bridges[0].settings.collect_orphans = false;
    assert_string_equal(port_op_kind_to_string(compute(host, 1)), "report");
}

/* Each single reason to think that somebody may need the port. */
static void
test_no_orphan_while_in_doubt(void **state)
{
    struct plan_host *host = *state;
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

    host->domain->failure = xstrdup("too large");
    (void) compute(host, 0);
    free(host->domain->failure);
    host->domain->failure = NULL;

    free(host->port->error);
    host->port->error = xstrdup("could not open network device vnet0 (Too "
                                "many open files)");
    (void) compute(host, 0);
}

/* libvirt has told nothing yet, and plugs nobody. */
static void
test_orphan_is_swept_while_libvirt_starts(void **state)
{
    struct plan_host *host = *state;
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
    struct plan_host *host = *state;
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
    struct plan_host *host = *state;
    orphan_port(host);
    struct domain *other = add_domain(&host->base.domains, 2, "web2");
    add_bridge_vnic(other, 2, "br0", "vnet0", access_vlan(10));
    (void) compute(host, 0);
}

static void
test_orphans_never_hold_up_repairs(void **state)
{
    struct plan_host *host = *state;
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
    struct plan_host *host = *state;
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
    struct plan_host *host = *state;
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

/* Its domain may have a vNIC, of which libvirt does not tell. */
static void
test_qos_of_an_unreadable_domain_is_no_orphan(void **state)
{
    struct plan_host *host = *state;
    mark(host);
    (void) compute(host, 0);
    (void) add_qos(host, "vnet9", false);
    host->domain->failure = xstrdup("too large");
    (void) compute(host, 0);
}

/* Once the port is put back, it is linked again. */
static void
test_qos_of_a_missing_port_is_no_orphan(void **state)
{
    struct plan_host *host = *state;
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
plug_by_ourselves(struct plan_host *host)
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
    struct plan_host *host = *state;
    delete_port(host);
    plug_by_ourselves(host);
    assert_op(compute(host, 1), "plug", PORT_CAUSE_INTENT, "Port vnet0",
              "missing", "on br0, VLAN 42");
}

static void
test_our_own_port_goes_with_its_guest(void **state)
{
    struct plan_host *host = *state;
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
    struct plan_host *host = *state;
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
    struct plan_host *host = *state;
    mark(host);
    plug_by_ourselves(host);
    vnic_set_metadata(&host->domain->vnics[0], NULL);
    svec_add(&host->domain->metadata_errors, "no interface has this MAC");
    (void) compute(host, 0);
    svec_clear(&host->domain->metadata_errors);
    assert_string_equal(port_op_kind_to_string(compute(host, 1)), "unplug");
}

/* It was held, so that it needs a mark before it goes. */
static void
test_our_own_port_is_ours_until_it_goes(void **state)
{
    struct plan_host *host = *state;
    mark(host);
    plug_by_ourselves(host);
    host->port->ready_ms = 0;
    vnic_set_metadata(&host->domain->vnics[0], NULL);
    struct port_op *op = compute(host, 2);
    assert_op(op, "mark", PORT_CAUSE_READY, "Interface vnet0 external_ids",
              "marked, plugged", "ready, plugged");
    assert_string_equal(port_op_kind_to_string(&op[1]), "wait");
}

/* Its bridge was not ours to manage for a while. */
static void
test_our_own_port_gets_its_mark_back(void **state)
{
    struct plan_host *host = *state;
    plug_by_ourselves(host);
    host->port->is_plugged_by_us = false;
    struct port_op *op = compute(host, 1);
    assert_op(op, "mark", PORT_CAUSE_READY, "Interface vnet0 external_ids",
              "unmarked", "ready, plugged");
    host->port->ofport = -1;
    assert_op(compute(host, 1), "mark", PORT_CAUSE_READY,
              "Interface vnet0 external_ids", "unmarked", "marked, plugged");
    mark(host);
    (void) compute(host, 0);
    host->port->ofport = 1;
    assert_op(compute(host, 1), "mark", PORT_CAUSE_READY,
              "Interface vnet0 external_ids", "ready", "ready, plugged");
}

/* Others have made it: not what, or not where, we would. */
static void
test_a_port_of_others_is_not_adopted(void **state)
{
    struct plan_host *host = *state;
    mark(host);
    plug_by_ourselves(host);
    host->port->is_plugged_by_us = false;
    host->port->has_iface_id = true;
    (void) compute(host, 0);
    host->port->has_iface_id = false;
    host->port->vhost_path = xstrdup("/run/other");
    (void) compute(host, 0);
}

/* libvirt has taken the row over, with our keys in it. */
static void
test_a_port_of_libvirt_is_never_unplugged(void **state)
{
    struct plan_host *host = *state;
    mark(host);
    host->port->is_plugged_by_us = true;
    (void) compute(host, 0);
}

static void
test_a_refused_plug_is_left_for_a_while(void **state)
{
    struct plan_host *host = *state;
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
    struct plan_host *host = *state;
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
    struct plan_host *host = *state;
    delete_port(host);
    plug_by_ourselves(host);
    svec_add(&host->base.view.interface_names, "vnet0");
    (void) compute(host, 0);
}

/* An interface of a type that libvirt leaves to others, and no word of ours. */
static void
test_a_port_of_others_is_not_removed(void **state)
{
    struct plan_host *host = *state;
    mark(host);
    plug_by_ourselves(host);
    host->port->is_plugged_by_us = false;
    vnic_set_metadata(&host->domain->vnics[0], NULL);
    (void) compute(host, 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        PLAN_TEST(test_deleted_port_is_put_back_once_libvirt_confirms),
        PLAN_TEST(test_absent_libvirt_confirms_nothing),
        PLAN_TEST(test_port_of_a_guest_that_ended_stays_away),
        PLAN_TEST(test_deleted_port_may_be_only_reported),
        PLAN_TEST(test_missing_port_at_first_contact_is_reported),
        PLAN_TEST(test_port_that_never_was_is_not_missed),
        PLAN_TEST(test_without_intent_a_port_gets_its_columns_back),
        PLAN_TEST(test_name_in_use_is_not_plugged),
        PLAN_TEST(test_plugging_over_and_over_is_left_for_a_while),
        PLAN_TEST(test_missing_port_of_a_starting_guest_is_libvirts),
        PLAN_TEST(test_unlinked_qos_is_linked),
        PLAN_TEST(test_qos_is_linked_again_only_if_libvirt_means_it),
        PLAN_TEST(test_limit_of_a_starting_guest_is_linked),
        PLAN_TEST(test_orphan_goes_after_two_looks),
        PLAN_TEST(test_orphan_goes_at_once_if_asked_for),
        PLAN_TEST(test_orphans_may_be_only_reported),
        PLAN_TEST(test_no_orphan_while_in_doubt),
        PLAN_TEST(test_orphan_is_swept_while_libvirt_starts),
        PLAN_TEST(test_sweep_spares_who_is_there),
        PLAN_TEST(test_claimed_name_is_no_orphan),
        PLAN_TEST(test_orphans_never_hold_up_repairs),
        PLAN_TEST(test_rows_go_one_by_one),
        PLAN_TEST(test_unused_qos_is_an_orphan),
        PLAN_TEST(test_qos_of_an_unreadable_domain_is_no_orphan),
        PLAN_TEST(test_qos_of_a_missing_port_is_no_orphan),
        PLAN_TEST(test_our_own_port_is_plugged_at_once),
        PLAN_TEST(test_our_own_port_goes_with_its_guest),
        PLAN_TEST(test_our_own_port_moves_with_its_metadata),
        PLAN_TEST(test_our_own_port_stays_while_metadata_is_in_doubt),
        PLAN_TEST(test_our_own_port_is_ours_until_it_goes),
        PLAN_TEST(test_our_own_port_gets_its_mark_back),
        PLAN_TEST(test_a_port_of_others_is_not_adopted),
        PLAN_TEST(test_a_port_of_libvirt_is_never_unplugged),
        PLAN_TEST(test_a_refused_plug_is_left_for_a_while),
        PLAN_TEST(test_two_ports_of_one_name),
        PLAN_TEST(test_an_interface_has_the_name),
        PLAN_TEST(test_a_port_of_others_is_not_removed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
