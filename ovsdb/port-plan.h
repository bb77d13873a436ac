/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef OVSDB_PORT_PLAN_H
#define OVSDB_PORT_PLAN_H 1

#include <stdbool.h>
#include <stddef.h>

#include "lib/vlan.h"

struct desired;
struct desired_vnic;
struct memory;

/* Why a port is not as it should be. */
#define PORT_CAUSES                                                         \
    /* The intent changed: a new <vlan>, a new vNIC. */                     \
    PORT_CAUSE(INTENT, "intent")                                            \
    /* The VLANs of the port group, or of the network, changed. */          \
    PORT_CAUSE(PORTGROUP_EDIT, "portgroup-edit")                            \
    /* Somebody changed the port. */                                        \
    PORT_CAUSE(OPERATOR, "operator")                                        \
    /* The port lost its VLANs and is on all of them. */                    \
    PORT_CAUSE(LIBVIRT_CLEARED, "libvirt-cleared")                          \
    /* The port still has what was meant for an earlier vNIC. */            \
    PORT_CAUSE(STALE_ROW, "stale-row")                                      \
    /* The vNIC was there before us and somebody may have meant it so. */   \
    PORT_CAUSE(FIRST_CONTACT, "first-contact")                              \
    /* Nothing is wrong with the VLANs: our mark comes or goes. */          \
    PORT_CAUSE(READY, "ready")                                              \
    PORT_CAUSE(NOT_READY, "not-ready")                                      \
    PORT_CAUSE(NOT_MANAGED, "not-managed")

enum port_cause {
#define PORT_CAUSE(ENUM, NAME) PORT_CAUSE_##ENUM,
    PORT_CAUSES
#undef PORT_CAUSE
    N_PORT_CAUSES
};

const char *port_cause_to_string(enum port_cause);
bool port_cause_is_drift(enum port_cause);

enum port_op_kind {
    PORT_OP_SET,                /* Write 'column' of the Port. */
    PORT_OP_MARK,               /* Write our mark into the Interface. */
    PORT_OP_UNMARK,             /* Take "ready" out of our mark. */
    PORT_OP_FORGET,             /* Take our mark away. */
};

/* Which of a vNIC's operations may be executed. */
enum port_verdict {
    PORT_VERDICT_APPLY,
    PORT_VERDICT_CONFIRM,       /* Not before libvirt has been asked whether
                                 * the intent has changed, or 'due_ms'. */
    PORT_VERDICT_REPORT,        /* An operator has to decide. */
    PORT_VERDICT_BACK_OFF,      /* It was put right too often of late; not
                                 * before 'due_ms'. */
};

/* One difference between what is meant and what is there, and what to do
 * about it. */
struct port_op {
    enum port_op_kind kind;
    enum port_cause cause;
    enum port_verdict verdict;
    const struct desired_vnic *vnic; /* Borrowed; its 'port' is not NULL. */
    enum vlan_column column;    /* PORT_OP_SET only. */
    struct vlan_spec after;     /* PORT_OP_SET: the columns to be; those that
                                 * are, are the port's. */
    bool is_ready;              /* PORT_OP_MARK: with vnicd-ready. */
};

struct port_plan {
    struct port_op *ops;
    size_t n_ops, allocated_ops;
    long long int due_ms;       /* When to look again, LLONG_MAX: no need. */
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
};

void port_plan_compute(const struct desired *, const struct memory *,
                       const struct port_plan_gates *, struct port_plan *);
void port_plan_destroy(struct port_plan *);

bool port_plan_has_work(const struct port_plan *);
const struct port_op *port_plan_find_vlan_op(const struct port_plan *,
                                             const struct desired_vnic *);

const char *port_op_kind_to_string(const struct port_op *);
char *port_op_object(const struct port_op *);
char *port_op_before(const struct port_op *);
char *port_op_after(const struct port_op *);

#endif /* ovsdb/port-plan.h */
