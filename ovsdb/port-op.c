/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */

/* One operation of a port plan, in words.  Pure. */

#include <config.h>
#include "ovsdb/port-op.h"

#include <stdlib.h>

#include "lib/cleanup.h"
#include "lib/desired.h"
#include "lib/orphan.h"
#include "lib/switch-view.h"
#include "openvswitch/dynamic-string.h"
#include "util.h"
#include "uuid.h"

static const char *const cause_names[N_PORT_CAUSES] = {
#define PORT_CAUSE(ENUM, NAME) [PORT_CAUSE_##ENUM] = NAME,
    PORT_CAUSES
#undef PORT_CAUSE
};

const char *
port_cause_to_string(enum port_cause cause)
{
    return cause_names[cause];
}

/* True if 'cause' means that a port went wrong, false if it only follows. */
bool
port_cause_is_drift(enum port_cause cause)
{
    switch (cause) {
    case PORT_CAUSE_PORTGROUP_EDIT:
    case PORT_CAUSE_OPERATOR:
    case PORT_CAUSE_LIBVIRT_CLEARED:
    case PORT_CAUSE_STALE_ROW:
    case PORT_CAUSE_PORT_DELETED:
    case PORT_CAUSE_QOS_UNLINKED:
    case PORT_CAUSE_ORPHAN:
    case PORT_CAUSE_FIRST_CONTACT:
        return true;
    case PORT_CAUSE_INTENT:
    case PORT_CAUSE_PIPELINE:
    case PORT_CAUSE_READY:
    case PORT_CAUSE_NOT_READY:
    case PORT_CAUSE_NOT_MANAGED:
    case N_PORT_CAUSES:
        break;
    }
    return false;
}

/* True if 'op' changes what somebody else might have written, false if it only
 * concerns what is ours, and nobody has touched it. */
bool
port_op_is_repair(const struct port_op *op)
{
    switch (op->kind) {
    case PORT_OP_PLUG:
    case PORT_OP_SET:
    case PORT_OP_IDENTIFY:
    case PORT_OP_LINK_QOS:
    case PORT_OP_COLLECT:
        return true;
    case PORT_OP_ADD_PATCH:
    case PORT_OP_FIX_PATCH:
    case PORT_OP_SECURE:
        return port_cause_is_drift(op->cause);
    case PORT_OP_MARK:
    case PORT_OP_UNMARK:
    case PORT_OP_FORGET:
    case PORT_OP_LEAVE_STP:
    case PORT_OP_REMOVE_PATCH:
    case PORT_OP_UNSECURE:
        break;
    }
    return false;
}

static const char *
deed_to_string(const struct port_op *op)
{
    switch (op->kind) {
    case PORT_OP_PLUG:
        return "plug";
    case PORT_OP_SET:
        return "set";
    case PORT_OP_IDENTIFY:
        return "identify";
    case PORT_OP_LINK_QOS:
        return "link";
    case PORT_OP_MARK:
        return "mark";
    case PORT_OP_UNMARK:
        return "unmark";
    case PORT_OP_FORGET:
        return "forget";
    case PORT_OP_COLLECT:
        return op->orphan->is_plugged_by_us ? "unplug" : "collect";
    case PORT_OP_LEAVE_STP:
        return "leave-stp";
    case PORT_OP_ADD_PATCH:
        return "add-patch";
    case PORT_OP_FIX_PATCH:
        return "fix-patch";
    case PORT_OP_REMOVE_PATCH:
        return "remove-patch";
    case PORT_OP_SECURE:
        return "secure";
    case PORT_OP_UNSECURE:
        return "unsecure";
    }
    OVS_NOT_REACHED();
}

/* Returns what becomes of 'op': "confirm", "report", "back-off", or the word
 * for what it does. */
const char *
port_op_kind_to_string(const struct port_op *op)
{
    switch (op->verdict) {
    case PORT_VERDICT_CONFIRM:
        return "confirm";
    case PORT_VERDICT_WAIT:
        return "wait";
    case PORT_VERDICT_REPORT:
        return "report";
    case PORT_VERDICT_BACK_OFF:
        return "back-off";
    case PORT_VERDICT_APPLY:
        break;
    }
    return deed_to_string(op);
}

/* True if 'op' makes or removes a whole row. */
bool
port_op_is_of_row(const struct port_op *op)
{
    return op->kind == PORT_OP_PLUG || op->kind == PORT_OP_COLLECT
           || op->kind == PORT_OP_ADD_PATCH
           || op->kind == PORT_OP_REMOVE_PATCH;
}

static bool
is_of_whole_bridge(const struct port_op *op)
{
    return op->kind == PORT_OP_SECURE || op->kind == PORT_OP_UNSECURE;
}

/* Returns the name of the port that 'op' is about; of a bridge, that of its
 * own. */
const char *
port_op_port_name(const struct port_op *op)
{
    return (is_of_whole_bridge(op) ? op->bridge->view->name
            : op->orphan ? orphan_name(op->orphan)
            : op->bridge ? op->bridge->pair.sides[op->side].name
            : op->vnic->port ? op->vnic->port->name
            : vnic_port_name(&op->vnic->vnic));
}

/* Returns the column that 'op' is about, "row" if that is the whole row. */
const char *
port_op_column(const struct port_op *op)
{
    switch (op->kind) {
    case PORT_OP_SET:
        return vlan_column_to_string(op->column);
    case PORT_OP_LINK_QOS:
        return "qos";
    case PORT_OP_LEAVE_STP:
        return "other_config";
    case PORT_OP_SECURE:
    case PORT_OP_UNSECURE:
        return "fail_mode";
    case PORT_OP_PLUG:
    case PORT_OP_COLLECT:
    case PORT_OP_ADD_PATCH:
    case PORT_OP_FIX_PATCH:
    case PORT_OP_REMOVE_PATCH:
        return "row";
    case PORT_OP_IDENTIFY:
    case PORT_OP_MARK:
    case PORT_OP_UNMARK:
    case PORT_OP_FORGET:
        break;
    }
    return "external_ids";
}

/* Returns by which name logs and lists call what 'op' is about, the vNIC if
 * possible, as a malloc'd string. */
char *
port_op_label(const struct port_op *op)
{
    if (op->bridge) {
        return xasprintf("bridge %s", op->bridge->view->name);
    }
    const struct desired_vnic *d = op->orphan ? op->orphan->vnic : op->vnic;
    return d
           ? desired_vnic_label(d)
           : xasprintf(UUID_FMT"/%s", UUID_ARGS(orphan_vm_id(op->orphan)),
                       orphan_name(op->orphan));
}

/* Returns what 'op' acts on, "Port vnet0 tag", as a malloc'd string. */
char *
port_op_object(const struct port_op *op)
{
    const char *port = port_op_port_name(op);
    switch (op->kind) {
    case PORT_OP_SET:
    case PORT_OP_LINK_QOS:
    case PORT_OP_LEAVE_STP:
        return xasprintf("Port %s %s", port, port_op_column(op));
    case PORT_OP_PLUG:
    case PORT_OP_ADD_PATCH:
    case PORT_OP_FIX_PATCH:
    case PORT_OP_REMOVE_PATCH:
        return xasprintf("Port %s", port);
    case PORT_OP_SECURE:
    case PORT_OP_UNSECURE:
        return xasprintf("Bridge %s fail_mode", port);
    case PORT_OP_COLLECT:
        return xasprintf("%s %s%s", orphan_table(op->orphan),
                         op->orphan->qos ? "of " : "", port);
    case PORT_OP_IDENTIFY:
    case PORT_OP_MARK:
    case PORT_OP_UNMARK:
    case PORT_OP_FORGET:
        break;
    }
    return xasprintf("Interface %s external_ids", port);
}

static char *
column_to_string(const struct vlan_spec *columns, enum vlan_column column)
{
    struct ds s = DS_EMPTY_INITIALIZER;
    vlan_column_format(columns, column, &s);
    return ds_steal_cstr(&s);
}

static char *
plug_to_string(const char *bridge, const struct vlan_spec *columns)
{
    struct vlan_spec spec = vlan_columns_to_spec(columns);
    CLEANUP_FREE char *vlan = vlan_spec_to_string(&spec);
    return xasprintf("on %s, VLAN %s", bridge, vlan);
}

static const char *
stp_to_string(bool is_off_stp)
{
    return is_off_stp ? "no STP" : "STP";
}

static char *
patch_to_string(const char *type, const char *peer,
                const struct vlan_spec *columns, bool is_off_stp)
{
    struct vlan_spec spec = vlan_columns_to_spec(columns);
    CLEANUP_FREE char *vlan = vlan_spec_to_string(&spec);
    return xasprintf("%s to %s, VLAN %s, %s", type && *type ? type : "port",
                     peer ? peer : "nowhere", vlan, stp_to_string(is_off_stp));
}

/* Returns what 'side' of 'pair' is, as a malloc'd string. */
static char *
found_patch_to_string(const struct patch_pair *pair, enum patch_side side)
{
    const struct port_view *port = pair->sides[side].port;
    return patch_to_string(port->type, port->peer, &port->columns,
                           port->is_off_stp);
}

/* Returns what 'side' of 'pair' has to be, as a malloc'd string. */
static char *
meant_patch_to_string(const struct patch_pair *pair, enum patch_side side)
{
    struct vlan_spec columns = patch_pair_columns(side);
    return patch_to_string("patch", patch_pair_peer(pair, side), &columns,
                           true);
}

static char *
fail_mode_to_text(const char *fail_mode)
{
    return xstrdup(fail_mode && *fail_mode ? fail_mode : "[]");
}

static char *
mark_to_string(bool is_ready, bool is_plugged, const char *isolation)
{
    return xasprintf("%s%s%s%s", is_ready ? "ready" : "marked",
                     is_plugged ? ", plugged" : "",
                     isolation ? ", " : "", isolation ? isolation : "");
}

/* Returns the mark that 'port' has, but for "ready", as a malloc'd string. */
static char *
found_mark_to_string(const struct port_view *port, bool is_ready)
{
    return mark_to_string(is_ready, port->is_plugged_by_us,
                          port->marked_isolation);
}

static char *
meant_mark_to_string(const struct port_op *op)
{
    CLEANUP_FREE char *isolation
        = policy_isolation_to_string(&op->vnic->policy);
    return mark_to_string(op->is_ready, op->is_plugged, isolation);
}

/* Returns what is there, as a malloc'd string. */
char *
port_op_before(const struct port_op *op)
{
    switch (op->kind) {
    case PORT_OP_SET:
        return column_to_string(&op->vnic->port->columns, op->column);
    case PORT_OP_LINK_QOS:
        return xstrdup("[]");
    case PORT_OP_LEAVE_STP:
        return xstrdup(stp_to_string(op->vnic->port->is_off_stp));
    case PORT_OP_SECURE:
    case PORT_OP_UNSECURE:
        return fail_mode_to_text(op->bridge->view->fail_mode);
    case PORT_OP_FIX_PATCH:
    case PORT_OP_REMOVE_PATCH:
        return found_patch_to_string(&op->bridge->pair, op->side);
    case PORT_OP_IDENTIFY:
    case PORT_OP_PLUG:
    case PORT_OP_ADD_PATCH:
        return xstrdup("missing");
    case PORT_OP_COLLECT:
        return (op->orphan->vnic
                ? plug_to_string(op->orphan->vnic->port->bridge,
                                 &op->orphan->vnic->port->columns)
                : xasprintf(UUID_FMT, UUID_ARGS(&op->orphan->row)));
    case PORT_OP_MARK:
    case PORT_OP_UNMARK:
    case PORT_OP_FORGET:
        break;
    }
    const struct port_view *port = op->vnic->port;
    return !port_view_is_marked(port) ? xstrdup("unmarked")
           : found_mark_to_string(port, port->ready_ms != 0);
}

/* Returns what 'op' puts there, as a malloc'd string. */
char *
port_op_after(const struct port_op *op)
{
    switch (op->kind) {
    case PORT_OP_SET:
        return column_to_string(&op->after, op->column);
    case PORT_OP_IDENTIFY:
        return xstrdup("libvirt's keys");
    case PORT_OP_LINK_QOS:
        return xasprintf(UUID_FMT, UUID_ARGS(&op->vnic->qos->row));
    case PORT_OP_PLUG:
        return plug_to_string(op->vnic->bridge, &op->after);
    case PORT_OP_LEAVE_STP:
        return xstrdup(stp_to_string(true));
    case PORT_OP_ADD_PATCH:
    case PORT_OP_FIX_PATCH:
        return meant_patch_to_string(&op->bridge->pair, op->side);
    case PORT_OP_SECURE:
        return fail_mode_to_text("secure");
    case PORT_OP_UNSECURE:
        return fail_mode_to_text(op->bridge->view->fail_mode_before);
    case PORT_OP_COLLECT:
    case PORT_OP_REMOVE_PATCH:
        return xstrdup("removed");
    case PORT_OP_MARK:
        return meant_mark_to_string(op);
    case PORT_OP_UNMARK:
        return found_mark_to_string(op->vnic->port, false);
    case PORT_OP_FORGET:
        return xstrdup("unmarked");
    }
    OVS_NOT_REACHED();
}
