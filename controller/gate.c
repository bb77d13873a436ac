/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */

/* Whether a guest may start, as a pass saw it.  Each of its vNICs is asked by
 * one function, so that whatever else a vNIC may need one day to be ready has
 * one place to be asked for.  Pure. */

#include <config.h>
#include "controller/gate.h"

#include <stdlib.h>

#include "controller/reconcile.h"
#include "controller/vnic-state.h"
#include "lib/cleanup.h"
#include "lib/desired.h"
#include "lib/isolation.h"
#include "util.h"
#include "uuid.h"

/* Is anything dropped on the bridge of 'd'? */
static bool
is_enforced(const struct desired_vnic *d, const struct pass *pass)
{
    const struct desired_bridge *bridge
        = desired_find_bridge(&pass->desired, d->port->bridge);
    return bridge && isolation_is_enforced(&pass->desired, bridge->view);
}

/* Has 'd', which has a port, to wait for its flows?  Where nothing is enforced,
 * nobody waits for a switch that is not there, is on hold or has refused.  Nor
 * do those wait that come when libvirt has told of all guests: it does not
 * before this one's hook is over.  Until then an enforcing pipeline does not
 * know the port, and drops. */
static bool
awaits_flows(const struct desired_vnic *d, const struct pass *pass)
{
    const struct desired_bridge *bridge
        = desired_find_bridge(&pass->desired, d->port->bridge);
    return d->flows == FLOWS_PENDING && bridge && !bridge->awaits_libvirt
           && (bridge->are_flows_coming || is_enforced(d, pass));
}

/* Is anything of 'd' still to be put right?  What 'pass' itself has written is,
 * whether or not another pass has looked at it. */
static bool
awaits_repair(const struct desired_vnic *d, const struct pass *pass)
{
    for (size_t i = 0; i < pass->plan.n_ops; i++) {
        const struct port_op *op = &pass->plan.ops[i];
        bool is_done = pass->is_written && op->verdict == PORT_VERDICT_APPLY;
        if (op->vnic == d && port_op_is_repair(op) && !is_done) {
            return true;
        }
    }
    return false;
}

/* Returns why 'd' is not ready yet, as a malloc'd sentence, or NULL if it is.
 * Its VLANs, and what else libvirt wrote, have to be in the database as they
 * are meant, and its flows in the switch.  Our mark comes when it comes. */
static char *
explain_delay(const struct desired_vnic *d, const struct pass *pass)
{
    if (d->stage == DOMAIN_PREPARED
        || (d->port && !awaits_repair(d, pass)
            && !awaits_flows(d, pass))) {
        return NULL;
    }
    CLEANUP_FREE char *label = desired_vnic_label(d);
    CLEANUP_FREE char *why = NULL;
    (void) vnic_state_find(d, &pass->plan, &why); /* Why is what counts. */
    return xasprintf("%s: %s", label, why);
}

/* Returns whether 'd', of 'pass', is ready for its guest to start.  If not,
 * stores in '*reasonp' a sentence, which the caller owns; otherwise NULL.
 * What is not ours to judge is ready. */
enum gate
gate_of_vnic(const struct desired_vnic *d, const struct pass *pass,
             char **reasonp)
{
    *reasonp = NULL;
    switch (d->care) {
    case VNIC_MANAGED:
        if (d->flows == FLOWS_REFUSED && is_enforced(d, pass)) {
            *reasonp = xstrdup(d->flows_reason);
            return GATE_CLOSED;
        }
        *reasonp = explain_delay(d, pass);
        return *reasonp ? GATE_WAITING : GATE_OPEN;
    case VNIC_QUARANTINED:
        *reasonp = xstrdup(d->reason);
        return GATE_CLOSED;
    case VNIC_UNKNOWN:
    case VNIC_UNMANAGED:
    case VNIC_DISOWNED:
        return GATE_OPEN;
    }
    OVS_NOT_REACHED();
}

/* The same for all vNICs of the domain 'uuid': the first that is not ready
 * says why. */
enum gate
gate_of_domain(const struct uuid *uuid, const struct pass *pass,
               char **reasonp)
{
    enum gate gate = GATE_OPEN;
    *reasonp = NULL;
    for (size_t i = 0; i < pass->desired.n_vnics; i++) {
        const struct desired_vnic *d = &pass->desired.vnics[i];
        char *reason = NULL;
        enum gate other = (uuid_equals(&d->vnic.id.domain, uuid)
                           && !d->is_stray
                           ? gate_of_vnic(d, pass, &reason) : GATE_OPEN);
        if (other > gate) {
            gate = other;
            free(*reasonp);
            *reasonp = TAKE_PTR(reason);
        }
        free(reason);
    }
    return gate;
}
