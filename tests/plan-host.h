/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_PLAN_HOST_H
#define TESTS_PLAN_HOST_H 1

#include "ovsdb/port-plan.h"
#include "tests/build.h"
#include "tests/host.h"
#include "tests/unit.h"

/* A host with one vNIC, meant for VLAN 42, on one port, and what is planned
 * for it. */
struct plan_host {
    struct host base;
    struct domain *domain;
    struct port_view *port;
    struct port_plan_gates gates;
    struct port_plan plan;
};

int plan_host_setup(void **state);
int plan_host_teardown(void **state);

void mark(struct plan_host *);
void look_before(struct plan_host *);

void look(struct plan_host *);
struct port_op *plan(struct plan_host *, size_t n);
struct port_op *compute(struct plan_host *, size_t n);

void assert_op(const struct port_op *, const char *kind, enum port_cause,
               const char *object, const char *before, const char *after);

#define PLAN_TEST(NAME)                                         \
    cmocka_unit_test_setup_teardown(NAME, plan_host_setup,      \
                                    plan_host_teardown)

#endif /* tests/plan-host.h */
