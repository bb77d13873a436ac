/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef OVSDB_PORT_PLAN_H
#define OVSDB_PORT_PLAN_H 1

#include <stdbool.h>
#include <stddef.h>

#include "ovsdb/port-op.h"

struct desired;
struct memory;
struct orphans;

/* What has to be done so that the ports become what is meant. */
struct port_plan {
    struct port_op *ops;
    size_t n_ops, allocated_ops;
    long long int due_ms;       /* When to look again, LLONG_MAX: no need. */
    bool has_more;              /* Something waits for the rest of the plan to
                                 * be done. */
    bool needs_reading;         /* Something waits for libvirt to tell all that
                                 * it knows once more. */
};

#define PORT_PLAN_INIT { .ops = NULL, .due_ms = LLONG_MAX }

/* How long libvirt is given to say that a VLAN column was changed because the
 * intent has changed. */
#define PORT_PLAN_CONFIRM_MS 300

/* What the plan may count on. */
struct port_plan_gates {
    long long int now;          /* Monotonic ms. */
    bool is_forced;             /* An operator asks for everything that is only
                                 * reported to be put right, too. */
    bool is_row_by_row;         /* The database has refused several rows at
                                 * once. */
    long long int collect_ms;   /* When an operator asked for orphans to be
                                 * collected, LLONG_MAX: nobody did. */
};

void port_plan_compute(const struct desired *, const struct orphans *,
                       const struct memory *, const struct port_plan_gates *,
                       struct port_plan *);
void port_plan_destroy(struct port_plan *);

bool port_plan_has_work(const struct port_plan *);
bool port_plan_backs_off(const struct port_plan *);
size_t port_plan_count_rows(const struct port_plan *);
const struct port_op *port_plan_find_vlan_op(const struct port_plan *,
                                             const struct desired_vnic *);
struct vlan_spec port_plan_vlans(const struct port_plan *,
                                 const struct desired_vnic *);
const struct port_op *port_plan_find_repair(const struct port_plan *,
                                            const struct desired_vnic *);

#endif /* ovsdb/port-plan.h */
