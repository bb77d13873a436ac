/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */

/* Tests of controller/gate.c. */

#include <config.h>
#include "controller/gate.h"

#include <string.h>

#include "controller/reconcile.h"
#include "tests/build.h"
#include "tests/unit.h"
#include "util.h"

/* Strings that are borrowed. */
static char port_name[] = "vnet0";
static char bridge[] = "br0";
static char web1[] = "web1", other[] = "other";
static char reason[] = "VLAN 0";
static char flows_reason[] = "flows are on their way";

/* A domain with two vNICs on ports, and another domain's vNIC before them. */
struct fixture {
    struct port_view port;
    struct desired_vnic vnics[3];
    struct port_op ops[1];
    struct bridge_view bridge_view;
    struct desired_bridge bridge;
    struct pass pass;
};

static int
setup(void **state)
{
    struct fixture *f = xzalloc(sizeof *f);
    f->port = (struct port_view) {
        .name = port_name,
        .bridge = bridge,
        .columns = VLAN_SPEC_INIT,
        .ofport = 1,
    };
    for (size_t i = 0; i < ARRAY_SIZE(f->vnics); i++) {
        f->vnics[i] = (struct desired_vnic) {
            .domain = i ? web1 : other,
            .bridge = bridge,
            .port = &f->port,
            .stage = DOMAIN_STARTING,
            .vlan = access_vlan(42),
            .vnic.id = { .domain = vm(i ? 1 : 2), .mac = MAC(i) },
        };
    }
    f->ops[0] = (struct port_op) {
        .kind = PORT_OP_SET,
        .cause = PORT_CAUSE_STALE_ROW,
        .vnic = &f->vnics[2],
    };
    f->bridge_view = (struct bridge_view) {
        .name = bridge,
        .settings = SETTINGS_DEFAULT,
    };
    f->bridge = (struct desired_bridge) {
        .view = &f->bridge_view,
        .is_connected = true,
        .are_flows_coming = true,
    };
    f->pass.desired = (struct desired) {
        .vnics = f->vnics,
        .n_vnics = ARRAY_SIZE(f->vnics),
        .bridges = &f->bridge,
        .n_bridges = 1,
        .is_complete = true,
    };
    f->pass.plan = (struct port_plan) { .ops = f->ops };
    *state = f;
    return 0;
}

static int
teardown(void **state)
{
    free(*state);
    return 0;
}

static void
check(struct fixture *f, enum gate gate, const char *why)
{
    struct uuid uuid = vm(1);
    char *found;
    assert_int_equal(gate_of_domain(&uuid, &f->pass, &found), gate);
    if (why) {
        assert_string_taken(found, why);
    } else {
        assert_null(found);
    }
}

static void
test_right_ports(void **state)
{
    check(*state, GATE_OPEN, NULL);
}

static void
test_wrong_port(void **state)
{
    struct fixture *f = *state;
    f->pass.plan.n_ops = 1;
    check(f, GATE_WAITING, "web1/52:54:00:00:00:02: stale-row: VLAN trunk "
                           "all in the switch, 42 meant");
    f->ops[0].kind = PORT_OP_MARK;
    check(f, GATE_OPEN, NULL);
    f->ops[0].kind = PORT_OP_SET;
    f->ops[0].vnic = &f->vnics[0];
    check(f, GATE_OPEN, NULL);
}

/* What a pass has written need not be looked at again; what it only reports, or
 * leaves to another, is as wrong as before. */
static void
test_port_put_right(void **state)
{
    struct fixture *f = *state;
    f->pass.plan.n_ops = 1;
    f->pass.is_written = true;
    f->ops[0].verdict = PORT_VERDICT_APPLY;
    check(f, GATE_OPEN, NULL);
    f->ops[0].verdict = PORT_VERDICT_WAIT;
    check(f, GATE_WAITING, "web1/52:54:00:00:00:02: stale-row: VLAN trunk "
                           "all in the switch, 42 meant");
    f->ops[0].verdict = PORT_VERDICT_APPLY;
    f->ops[0].kind = PORT_OP_PLUG;
    f->vnics[2].port = NULL;
    check(f, GATE_WAITING, "web1/52:54:00:00:00:02: stale-row: no port for it "
                           "on bridge br0");
}

static void
test_missing_port(void **state)
{
    struct fixture *f = *state;
    f->vnics[1].port = NULL;
    check(f, GATE_WAITING,
          "web1/52:54:00:00:00:01: no port for it on bridge br0");
    f->vnics[1].stage = f->vnics[2].stage = DOMAIN_PREPARED;
    check(f, GATE_OPEN, NULL);
}

/* What stays wrong says why, whatever else there is to wait for. */
static void
test_quarantined(void **state)
{
    struct fixture *f = *state;
    f->vnics[1].port = NULL;
    f->vnics[2].care = VNIC_QUARANTINED;
    f->vnics[2].reason = reason;
    check(f, GATE_CLOSED, "VLAN 0");
    f->vnics[2].stage = DOMAIN_PREPARED;
    check(f, GATE_CLOSED, "VLAN 0");

    /* A row left behind says nothing of the guest. */
    f->vnics[2].is_stray = true;
    f->vnics[1].port = &f->port;
    check(f, GATE_OPEN, NULL);
}

/* Where nothing is enforced, a guest need not wait for a switch that is on
 * hold, or not there. */
static void
test_flows_on_their_way(void **state)
{
    struct fixture *f = *state;
    f->vnics[2].flows = FLOWS_PENDING;
    f->vnics[2].flows_reason = flows_reason;
    check(f, GATE_WAITING,
          "web1/52:54:00:00:00:02: flows are on their way");
    f->bridge.are_flows_coming = false;
    check(f, GATE_OPEN, NULL);
    f->bridge_view.settings.guard = GUARD_ENFORCE;
    check(f, GATE_WAITING,
          "web1/52:54:00:00:00:02: flows are on their way");
    f->vnics[2].stage = DOMAIN_PREPARED;
    check(f, GATE_OPEN, NULL);
}

/* libvirt does not tell before the hook is over. */
static void
test_flows_that_wait_for_libvirt(void **state)
{
    struct fixture *f = *state;
    f->vnics[2].flows = FLOWS_PENDING;
    f->vnics[2].flows_reason = flows_reason;
    f->bridge_view.settings.guard = GUARD_ENFORCE;
    check(f, GATE_WAITING,
          "web1/52:54:00:00:00:02: flows are on their way");
    f->bridge.awaits_libvirt = true;
    check(f, GATE_OPEN, NULL);
}

static void
test_refused_flows(void **state)
{
    struct fixture *f = *state;
    f->vnics[2].flows = FLOWS_REFUSED;
    f->vnics[2].flows_reason = reason;
    check(f, GATE_OPEN, NULL);
    f->bridge_view.settings.guard = GUARD_ENFORCE;
    check(f, GATE_CLOSED, "VLAN 0");
}

static void
test_what_is_not_ours_to_judge(void **state)
{
    static const enum vnic_care cares[] = {
        VNIC_UNKNOWN, VNIC_UNMANAGED, VNIC_DISOWNED,
    };
    struct fixture *f = *state;
    f->vnics[1].port = NULL;
    for (size_t i = 0; i < ARRAY_SIZE(cares); i++) {
        f->vnics[1].care = cares[i];
        check(f, GATE_OPEN, NULL);
    }
}

#define TEST(NAME) cmocka_unit_test_setup_teardown(NAME, setup, teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_right_ports),
        TEST(test_wrong_port),
        TEST(test_port_put_right),
        TEST(test_missing_port),
        TEST(test_quarantined),
        TEST(test_flows_on_their_way),
        TEST(test_flows_that_wait_for_libvirt),
        TEST(test_refused_flows),
        TEST(test_what_is_not_ours_to_judge),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
