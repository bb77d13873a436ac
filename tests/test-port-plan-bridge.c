/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */

/* Tests of ovsdb/port-plan.c: what a pipeline needs in the database, and what a
 * vNIC needs of it. */

#include <config.h>
#include "ovsdb/port-plan.h"

#include "lib/desired.h"
#include "lib/patch-pair.h"
#include "lib/switch-view.h"
#include "tests/plan-host.h"
#include "util.h"

/* Decides what is meant, br0 having a switch that is said to be this far. */
static struct desired_bridge *
look_at_switch(struct plan_host *host, enum pair_care care, bool has_flows)
{
    look(host);
    struct desired_bridge *bridge = &host->base.desired.bridges[0];
    assert_true(bridge->needs_pipeline == (care != PAIR_UNWANTED));
    bridge->pair_care = care;
    bridge->has_flows = has_flows;
    return bridge;
}

/* Plans for that; expects 'n' operations and returns the first. */
static struct port_op *
compute_pipeline(struct plan_host *host, enum pair_care care, bool has_flows,
                 size_t n)
{
    look_at_switch(host, care, has_flows);
    return plan(host, n);
}

static void
add_pair(struct plan_host *host)
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
    struct plan_host *host = *state;
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

/* Plans for a bridge without flows on which nothing passes. */
static struct port_op *
compute_bare(struct plan_host *host, size_t n)
{
    look_at_switch(host, PAIR_WANTED, false)->is_bare = true;
    return plan(host, n);
}

static void
test_a_pair_remembers_that_the_bridge_was_bare(void **state)
{
    struct plan_host *host = *state;
    mark(host);
    struct port_op *op = compute_bare(host, 2);
    assert_true(op[0].finds_no_flows && op[1].finds_no_flows);

    /* What is there with a pair says nothing, but the other side knows. */
    add_pair(host);
    (void) compute_bare(host, 0);
    host->base.view.ports[1].patch_side = PATCH_NEITHER;
    op = compute_bare(host, 2);
    assert_false(op[1].finds_no_flows);
    host->base.view.ports[2].found_no_flows = true;
    op = compute_bare(host, 2);
    assert_true(op[1].finds_no_flows);
}

static void
test_a_pair_is_put_right(void **state)
{
    struct plan_host *host = *state;
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
    assert_true(port_plan_backs_off(&host->plan));
}

static void
test_a_pair_goes_when_nobody_needs_it(void **state)
{
    struct plan_host *host = *state;
    mark(host);
    add_pair(host);
    host->base.view.bridges[0].settings.guard = GUARD_OFF;
    struct port_op *op = compute_pipeline(host, PAIR_UNWANTED, false, 2);
    assert_string_equal(port_op_kind_to_string(op), "remove-patch");
}

static void
test_fail_mode_is_ours_where_settings_say_so(void **state)
{
    struct plan_host *host = *state;
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
    struct plan_host *host = *state;
    mark(host);
    add_pair(host);
    host->base.view.bridges[0].runs_stp = true;
    assert_op(compute_pipeline(host, PAIR_WANTED, true, 1), "leave-stp",
              PORT_CAUSE_PIPELINE, "Port vnet0 other_config", "STP", "no STP");
    host->port->is_off_stp = true;
    (void) compute_pipeline(host, PAIR_WANTED, true, 0);
}

/* Those that are not ours stay as they are. */
static void
test_ports_of_strangers_stay_in_the_spanning_tree(void **state)
{
    struct plan_host *host = *state;
    mark(host);
    add_vnic_port(&host->base.view, 9, "other0", "br0", 9, 9, access_vlan(1))
        ->ofport = 9;
    add_pair(host);
    host->base.view.bridges[0].runs_stp = true;
    host->port->is_off_stp = true;
    (void) compute_pipeline(host, PAIR_WANTED, true, 0);
}

/* The database refuses it: tried once a minute. */
static void
test_a_pair_that_cannot_go_is_left_alone(void **state)
{
    struct plan_host *host = *state;
    mark(host);
    add_pair(host);
    host->base.view.bridges[0].settings.guard = GUARD_OFF;
    (void) compute_pipeline(host, PAIR_UNWANTED, false, 2);
    memory_note_refused_pair(&host->base.memory, "br0", host->gates.now);
    struct port_op *op = compute_pipeline(host, PAIR_UNWANTED, false, 2);
    assert_string_equal(port_op_kind_to_string(op), "back-off");
    assert_int_equal(host->plan.due_ms,
                     host->gates.now + MEMORY_REPAIR_PERIOD_MS);
}

/* Computes with the flows of the vNIC in this state; expects 'n' operations. */
static struct port_op *
compute_flows(struct plan_host *host, enum vnic_flows flows, size_t n)
{
    look(host);
    host->base.desired.vnics[0].flows = flows;
    return plan(host, n);
}

static void
test_ready_needs_the_flows(void **state)
{
    struct plan_host *host = *state;
    (void) compute_flows(host, FLOWS_PENDING, 0);
    assert_true(compute_flows(host, FLOWS_INSTALLED, 1)->is_ready);
    mark(host);
    (void) compute_flows(host, FLOWS_PENDING, 0); /* It was ready. */
    assert_op(compute_flows(host, FLOWS_REFUSED, 1), "unmark",
              PORT_CAUSE_NOT_READY, "Interface vnet0 external_ids", "ready",
              "marked");
}

/* Computes with the flows of the first vNIC there and those of the second not,
 * or not yet; expects 'n' operations. */
static struct port_op *
compute_second(struct plan_host *host, bool are_coming, size_t n)
{
    look(host);
    host->base.desired.bridges[0].are_flows_coming = are_coming;
    host->base.desired.vnics[0].flows = FLOWS_INSTALLED;
    host->base.desired.vnics[1].flows = FLOWS_PENDING;
    return plan(host, n);
}

/* Two switches do not answer at the same time. */
static void
test_ports_of_a_starting_guest_are_marked_together(void **state)
{
    struct plan_host *host = *state;
    host->domain->stage = DOMAIN_STARTING;
    add_bridge_vnic(host->domain, 2, "br0", "vnet1", access_vlan(42));
    add_vnic_port(&host->base.view, 2, "vnet1", "br0", 1, 2, access_vlan(42))
        ->columns.mode = VLAN_NONE;
    (void) compute_second(host, true, 0);
    (void) compute_second(host, false, 1);
    host->domain->stage = DOMAIN_READ;
    assert_true(compute_second(host, true, 1)->is_ready);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        PLAN_TEST(test_a_pair_is_made_when_the_switch_is_ready),
        PLAN_TEST(test_a_pair_remembers_that_the_bridge_was_bare),
        PLAN_TEST(test_a_pair_is_put_right),
        PLAN_TEST(test_a_pair_goes_when_nobody_needs_it),
        PLAN_TEST(test_fail_mode_is_ours_where_settings_say_so),
        PLAN_TEST(test_ports_of_guests_leave_the_spanning_tree),
        PLAN_TEST(test_ports_of_strangers_stay_in_the_spanning_tree),
        PLAN_TEST(test_a_pair_that_cannot_go_is_left_alone),
        PLAN_TEST(test_ready_needs_the_flows),
        PLAN_TEST(test_ports_of_a_starting_guest_are_marked_together),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
