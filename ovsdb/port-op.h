/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef OVSDB_PORT_OP_H
#define OVSDB_PORT_OP_H 1

#include <stdbool.h>

#include "lib/switch-view.h"
#include "lib/vlan.h"

struct desired_bridge;
struct desired_vnic;
struct orphan;

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
    /* The port of a running guest was removed. */                          \
    PORT_CAUSE(PORT_DELETED, "port-deleted")                                \
    /* The guest has no limit, though its bandwidth is there. */            \
    PORT_CAUSE(QOS_UNLINKED, "qos-unlinked")                                \
    /* A guest left the row behind. */                                      \
    PORT_CAUSE(ORPHAN, "orphan")                                            \
    /* The vNIC was there before us and somebody may have meant it so. */   \
    PORT_CAUSE(FIRST_CONTACT, "first-contact")                              \
    /* The pipeline of a bridge needs it, or not any more. */               \
    PORT_CAUSE(PIPELINE, "pipeline")                                        \
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

enum port_op_kind {
    PORT_OP_PLUG,               /* Make the Port, with 'after'. */
    PORT_OP_SET,                /* Write 'column' of the Port. */
    PORT_OP_IDENTIFY,           /* Write libvirt's keys into the Interface. */
    PORT_OP_LINK_QOS,           /* Write the Port's qos. */
    PORT_OP_MARK,               /* Write our mark into the Interface. */
    PORT_OP_UNMARK,             /* Take "ready" out of our mark. */
    PORT_OP_FORGET,             /* Take our mark away. */
    PORT_OP_COLLECT,            /* Remove what a guest left behind. */
    PORT_OP_LEAVE_STP,          /* Write the Port's other_config: no STP. */
    PORT_OP_ADD_PATCH,          /* Make 'side' of the bridge's patch pair. */
    PORT_OP_FIX_PATCH,          /* Make it what it has to be. */
    PORT_OP_REMOVE_PATCH,
    PORT_OP_SECURE,             /* Write the Bridge's fail_mode: secure. */
    PORT_OP_UNSECURE,           /* Write what it was before. */
};

/* Which of a vNIC's operations may be executed. */
enum port_verdict {
    PORT_VERDICT_APPLY,
    PORT_VERDICT_CONFIRM,       /* Not before libvirt has been asked once more;
                                 * if only the intent may have changed, not
                                 * before 'due_ms'. */
    PORT_VERDICT_WAIT,          /* Not before the rest has been done. */
    PORT_VERDICT_REPORT,        /* An operator has to decide. */
    PORT_VERDICT_BACK_OFF,      /* It was put right too often of late, or
                                 * refused; not before 'due_ms'. */
};

/* One difference between what is meant and what is there, and what to do
 * about it. */
struct port_op {
    enum port_op_kind kind;
    enum port_cause cause;
    enum port_verdict verdict;
    const struct desired_vnic *vnic; /* Borrowed; its 'port' is NULL with
                                 * PORT_OP_PLUG.  NULL where 'orphan' or
                                 * 'bridge' is not. */
    const struct orphan *orphan; /* PORT_OP_COLLECT only.  Borrowed. */
    const struct desired_bridge *bridge; /* PORT_OP_*_PATCH and
                                 * PORT_OP_*SECURE only.  Borrowed. */
    enum patch_side side;       /* PORT_OP_*_PATCH only. */
    enum vlan_column column;    /* PORT_OP_SET only. */
    struct vlan_spec after;     /* PORT_OP_PLUG, PORT_OP_SET: the columns to
                                 * be. */
    bool is_ready;              /* PORT_OP_MARK: with vnicd-ready. */
    bool is_plugged;            /* PORT_OP_MARK: with vnicd-plugged. */
    bool finds_no_flows;        /* PORT_OP_ADD_PATCH: with a mark of that. */
};

const char *port_cause_to_string(enum port_cause);
bool port_cause_is_drift(enum port_cause);

bool port_op_is_repair(const struct port_op *);
bool port_op_is_of_row(const struct port_op *);
const char *port_op_port_name(const struct port_op *);
const char *port_op_column(const struct port_op *);
char *port_op_label(const struct port_op *);
const char *port_op_kind_to_string(const struct port_op *);
char *port_op_object(const struct port_op *);
char *port_op_before(const struct port_op *);
char *port_op_after(const struct port_op *);

#endif /* ovsdb/port-op.h */
