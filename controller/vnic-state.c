/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */

/* One word, and where it needs one a reason, for how a vNIC is.  Pure. */

#include <config.h>
#include "controller/vnic-state.h"

#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/desired.h"
#include "lib/switch-view.h"
#include "ovsdb/port-plan.h"
#include "packets.h"
#include "util.h"
#include "uuid.h"

static const char *const state_names[N_VNIC_STATES] = {
#define VNIC_STATE(ENUM, NAME) [VNIC_STATE_##ENUM] = NAME,
    VNIC_STATES
#undef VNIC_STATE
};

const char *
vnic_state_to_string(enum vnic_state state)
{
    return state_names[state];
}

/* Why a vNIC whose port is as meant may still deserve a look, or NULL. */
static char *
explain_ready(const struct desired_vnic *d)
{
    if (d->port->mirror) {
        return xasprintf("mirror %s sends its copies to port %s, which has no "
                         "other traffic", d->port->mirror, d->port->name);
    }
    if (d->reason) {
        return xstrdup(d->reason);
    }
    if (d->vlan.mode == VLAN_NONE) {
        return xstrdup(vlan_spec_is_empty(&d->port->columns)
                       ? "untagged-trunk" : "vlan-not-in-xml");
    }
    return NULL;
}

static enum vnic_state
find_port_state(const struct desired_vnic *d, char **reasonp)
{
    const struct port_view *port = d->port;

    if (port->error) {
        *reasonp = xasprintf("port %s: %s", port->name, port->error);
    } else if (port->ofport <= 0) {
        *reasonp = xasprintf("the switch has not opened port %s yet",
                             port->name);
    } else if (d->flows == FLOWS_PENDING) {
        *reasonp = nullable_xstrdup(d->flows_reason);
    } else if (!port_view_is_marked(port) || !port->ready_ms) {
        *reasonp = xstrdup("not committed yet");
    } else if (d->is_misplaced) {
        *reasonp = xasprintf("on bridge %s, but the XML says %s", d->bridge,
                             d->vnic.bridge);
        return VNIC_STATE_DRIFTED;
    } else {
        *reasonp = explain_ready(d);
        return d->is_pending ? VNIC_STATE_PENDING : VNIC_STATE_READY;
    }
    return VNIC_STATE_WAITING;
}

/* What is wrong, as far as 'op', which puts it right, tells. */
static char *
explain_repair(const struct desired_vnic *d, const struct port_op *op)
{
    if (op->kind == PORT_OP_PLUG) {
        return xasprintf("no port for it on bridge %s", d->bridge);
    } else if (op->kind == PORT_OP_IDENTIFY) {
        return xasprintf("port %s has lost libvirt's keys", d->port->name);
    } else if (op->kind == PORT_OP_LINK_QOS) {
        return xstrdup("its port has no QoS, so the guest has no limit");
    }

    CLEANUP_FREE char *want = vlan_spec_to_string(&d->vlan);
    struct vlan_spec found = vlan_columns_to_spec(&d->port->columns);
    CLEANUP_FREE char *have = vlan_spec_to_string(&found);
    return xasprintf("VLAN %s in the switch, %s meant", have, want);
}

/* 'op' is the first of those that would put something of 'd' right. */
static enum vnic_state
find_planned_state(const struct desired_vnic *d, const struct port_op *op,
                   char **reasonp)
{
    CLEANUP_FREE char *what = explain_repair(d, op);
    *reasonp = xasprintf("%s: %s%s", port_cause_to_string(op->cause), what,
                         op->verdict == PORT_VERDICT_BACK_OFF
                         ? "; trying once a minute"
                         : "");
    return op->cause == PORT_CAUSE_INTENT ? VNIC_STATE_WAITING
                                          : VNIC_STATE_DRIFTED;
}

/* Why no port is the one of 'd', by libvirt's keys. */
static char *
explain_missing_port(const struct desired_vnic *d)
{
    const struct port_view *port = d->namesake;
    if (!port && d->is_name_taken) {
        return xasprintf("an interface called %s is there, of another port",
                         vnic_port_name(&d->vnic));
    }
    if (!port) {
        return xasprintf("no port for it on bridge %s",
                         d->bridge ? d->bridge : "(unknown)");
    }
    if (!port->is_vnic) {
        return xasprintf("port %s is there, but without a valid vm-id and "
                         "attached-mac", port->name);
    }
    return uuid_equals(&port->vm_id, &d->vnic.id.domain)
           ? xasprintf("port %s is there, but its attached-mac is "
                       ETH_ADDR_FMT, port->name, ETH_ADDR_ARGS(port->mac))
           : xasprintf("port %s is there, but its vm-id is "UUID_FMT
                       ", another domain's", port->name,
                       UUID_ARGS(&port->vm_id));
}

static enum vnic_state
find_managed_state(const struct desired_vnic *d, const struct port_plan *plan,
                   char **reasonp)
{
    if (d->stage == DOMAIN_PREPARED) {
        *reasonp = xstrdup("its domain is starting");
        return VNIC_STATE_WAITING;
    }
    const struct port_op *op = port_plan_find_repair(plan, d);
    if (d->flows == FLOWS_REFUSED) {
        *reasonp = nullable_xstrdup(d->flows_reason);
        return VNIC_STATE_QUARANTINED;
    }
    if (op) {
        return find_planned_state(d, op, reasonp);
    }
    if (d->port) {
        return find_port_state(d, reasonp);
    }
    *reasonp = explain_missing_port(d);
    return VNIC_STATE_WAITING;
}

static char *
explain_quarantine(const struct desired_vnic *d)
{
    if (d->source != VLAN_FROM_LAST_GOOD || !d->port) {
        return xstrdup(d->reason);
    }
    CLEANUP_FREE char *vlan = vlan_spec_to_string(&d->vlan);
    return xasprintf("%s; last good VLAN %s in force", d->reason, vlan);
}

/* Returns the state of 'd' after the pass that made 'plan', and stores in
 * '*reasonp' a sentence, which the caller owns, or NULL. */
enum vnic_state
vnic_state_find(const struct desired_vnic *d, const struct port_plan *plan,
                char **reasonp)
{
    *reasonp = NULL;
    switch (d->care) {
    case VNIC_MANAGED:
        return find_managed_state(d, plan, reasonp);
    case VNIC_QUARANTINED:
        *reasonp = explain_quarantine(d);
        return VNIC_STATE_QUARANTINED;
    case VNIC_UNKNOWN:
        *reasonp = xstrdup(d->reason);
        return VNIC_STATE_WAITING;
    case VNIC_UNMANAGED:
    case VNIC_DISOWNED:
        *reasonp = xstrdup(d->reason);
        return VNIC_STATE_UNMANAGED;
    }
    OVS_NOT_REACHED();
}
