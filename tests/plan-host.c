/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "tests/plan-host.h"

#include <limits.h>

#include "util.h"

int
plan_host_setup(void **state)
{
    struct plan_host *host = xzalloc(sizeof *host);
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

int
plan_host_teardown(void **state)
{
    struct plan_host *host = *state;
    port_plan_destroy(&host->plan);
    host_destroy(&host->base);
    free(host);
    return 0;
}

/* The port bears the marks of a vNIC that is ready. */
void
mark(struct plan_host *host)
{
    host->port->marked_vm_id = host->port->vm_id;
    host->port->ready_ms = 5;
}

/* The agent looked at a switch without the port before. */
void
look_before(struct plan_host *host)
{
    struct switch_view empty = SWITCH_VIEW_INIT;
    memory_note_switch(&host->base.memory, &empty, 1);
}

/* Decides what is meant; forgets the plan of before. */
void
look(struct plan_host *host)
{
    port_plan_destroy(&host->plan);
    host_look(&host->base, host->gates.now);
}

/* Plans for what is meant; expects 'n' operations and returns the first. */
struct port_op *
plan(struct plan_host *host, size_t n)
{
    port_plan_compute(&host->base.desired, &host->base.orphans,
                      &host->base.memory, &host->gates, &host->plan);
    assert_int_equal(host->plan.n_ops, n);
    return host->plan.ops;
}

/* Does both. */
struct port_op *
compute(struct plan_host *host, size_t n)
{
    look(host);
    return plan(host, n);
}

void
assert_op(const struct port_op *op, const char *kind, enum port_cause cause,
          const char *object, const char *before, const char *after)
{
    assert_string_equal(port_op_kind_to_string(op), kind);
    assert_int_equal(op->cause, cause);
    assert_string_taken(port_op_object(op), object);
    assert_string_taken(port_op_before(op), before);
    assert_string_taken(port_op_after(op), after);
}
