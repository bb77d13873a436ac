/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "controller/vnic-state.h"

#include "lib/desired.h"
#include "ovsdb/port-plan.h"
#include "tests/build.h"
#include "tests/unit.h"
#include "util.h"

/* A vNIC on VLAN 10 whose port is open, marked and ready. */
struct fixture {
    struct switch_view view;
    struct port_view *port;
    struct desired_vnic d;
    struct port_op op;
    struct port_plan plan;
};

static int
setup(void **state)
{
    struct fixture *f = xzalloc(sizeof *f);
    struct vlan_spec columns = access_vlan(10);
    f->port = add_vnic_port(&f->view, 1, "vnet0", "br0", 1, 1, columns);
    f->port->marked_vm_id = f->port->vm_id;
    f->port->ready_ms = 1000;
    vnic_init(&f->d.vnic);
    f->d.bridge = xstrdup("br0");
    f->d.port = f->port;
    f->d.vlan = access_vlan(10);
    f->op = (struct port_op) { .kind = PORT_OP_SET, .vnic = &f->d };
    f->plan.ops = &f->op;
    *state = f;
    return 0;
}

static int
teardown(void **state)
{
    struct fixture *f = *state;
    switch_view_destroy(&f->view);
    free(f->d.bridge);
    free(f->d.reason);
    free(f);
    return 0;
}

static void
check(struct fixture *f, enum vnic_state expected, const char *reason)
{
    char *why;
    assert_int_equal(vnic_state_find(&f->d, &f->plan, &why), expected);
    if (reason) {
        assert_string_taken(why, reason);
    } else {
        assert_null(why);
    }
}

static void
test_ready(void **state)
{
    struct fixture *f = *state;
    check(f, VNIC_STATE_READY, NULL);
    f->d.vlan = (struct vlan_spec) VLAN_SPEC_INIT;
    check(f, VNIC_STATE_READY, "vlan-not-in-xml");
    f->port->columns = (struct vlan_spec) VLAN_SPEC_INIT;
    check(f, VNIC_STATE_READY, "untagged-trunk");
}

/* The port is right, and there is something to know all the same. */
static void
test_pending_and_noted(void **state)
{
    struct fixture *f = *state;
    f->d.reason = xstrdup("network dmz from the next start on");
    check(f, VNIC_STATE_READY, "network dmz from the next start on");
    f->d.is_pending = true;
    check(f, VNIC_STATE_PENDING, "network dmz from the next start on");
    f->port->ready_ms = 0;
    check(f, VNIC_STATE_WAITING, "not committed yet");
}

static void
test_waiting(void **state)
{
    struct fixture *f = *state;
    f->port->ready_ms = 0;
    check(f, VNIC_STATE_WAITING, "not committed yet");
    f->port->ofport = 0;
    check(f, VNIC_STATE_WAITING, "the switch has not opened port vnet0 yet");
    f->port->error = xstrdup("no such device");
    check(f, VNIC_STATE_WAITING, "port vnet0: no such device");
    f->d.port = NULL;
    check(f, VNIC_STATE_WAITING, "no port for it on bridge br0");
    f->d.stage = DOMAIN_PREPARED;
    check(f, VNIC_STATE_WAITING, "its domain is starting");
    f->d.care = VNIC_UNKNOWN;
    f->d.reason = xstrdup("because");
    check(f, VNIC_STATE_WAITING, "because");
}

/* A port has the name that libvirt tells, but it is not the vNIC's. */
static void
test_waiting_beside_a_namesake(void **state)
{
    struct fixture *f = *state;
    f->d.vnic.id = (struct vnic_id) { .domain = vm(1), .mac = MAC(1) };
    f->d.port = NULL;
    f->d.namesake = f->port;
    f->port->mac = MAC(2);
    check(f, VNIC_STATE_WAITING,
          "port vnet0 is there, but its attached-mac is 52:54:00:00:00:02");
    f->port->vm_id = vm(9);
    check(f, VNIC_STATE_WAITING,
          "port vnet0 is there, but its vm-id is "
          "11111111-0000-0000-0000-000000000009, another domain's");
    f->port->is_vnic = false;
    check(f, VNIC_STATE_WAITING,
          "port vnet0 is there, but without a valid vm-id and attached-mac");
}

static void
test_drifted(void **state)
{
    struct fixture *f = *state;
    f->plan.n_ops = 1;
    f->op.cause = PORT_CAUSE_OPERATOR;
    f->d.vlan = access_vlan(20);
    check(f, VNIC_STATE_DRIFTED, "operator: VLAN 10 in the switch, 20 meant");
    f->op.cause = PORT_CAUSE_INTENT;
    check(f, VNIC_STATE_WAITING, "intent: VLAN 10 in the switch, 20 meant");
}

static void
test_quarantined(void **state)
{
    struct fixture *f = *state;
    f->d.care = VNIC_QUARANTINED;
    f->d.reason = xstrdup("VLAN 0");
    check(f, VNIC_STATE_QUARANTINED, "VLAN 0");
    f->d.source = VLAN_FROM_LAST_GOOD;
    check(f, VNIC_STATE_QUARANTINED, "VLAN 0; last good VLAN 10 in force");
}

static void
test_unmanaged(void **state)
{
    struct fixture *f = *state;
    f->d.care = VNIC_UNMANAGED;
    f->d.reason = xstrdup("not on Open vSwitch");
    check(f, VNIC_STATE_UNMANAGED, "not on Open vSwitch");
    assert_string_equal(vnic_state_to_string(VNIC_STATE_UNMANAGED),
                        "unmanaged");
}

#define TEST(NAME) cmocka_unit_test_setup_teardown(NAME, setup, teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_ready),
        TEST(test_pending_and_noted),
        TEST(test_waiting),
        TEST(test_waiting_beside_a_namesake),
        TEST(test_drifted),
        TEST(test_quarantined),
        TEST(test_unmanaged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
