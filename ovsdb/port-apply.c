/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */

/* Executes a port plan: operations to one transaction.  Decides nothing.
 *
 * Each column is verified before it is written: if somebody else changes it
 * meanwhile, the whole transaction comes back as "try again", and the next
 * pass plans anew. */

#include <config.h>
#include "ovsdb/port-apply.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/desired.h"
#include "lib/switch-view.h"
#include "lib/vlan.h"
#include "ovsdb-idl.h"
#include "ovsdb/ovs-view.h"
#include "ovsdb/port-plan.h"
#include "smap.h"
#include "util.h"
#include "uuid.h"
#include "vswitch-idl.h"

/* Comments go into the database's log for 'ovsdb-tool show-log'; beyond this
 * many they would only be noise. */
enum { MAX_COMMENTS = 100 };

/* Passes the members of 'set' to 'write', as the IDL's setters want them. */
static void
write_vlan_set(const struct vlan_set *set, const struct ovsrec_port *row,
               void (*write)(const struct ovsrec_port *, const int64_t *,
                             size_t))
{
    int64_t vids[VLAN_SET_BITS];
    size_t n = 0;
    VLAN_SET_FOR_EACH (vid, set) {
        vids[n++] = vid;
    }
    write(row, vids, n);
}

static void
apply_set(const struct port_op *op, const struct ovsrec_port *row)
{
    switch (op->column) {
    case VLAN_COLUMN_TAG: {
        int64_t tag = op->after.tag;
        ovsrec_port_verify_tag(row);
        ovsrec_port_set_tag(row, &tag, tag >= 0);
        break;
    }
    case VLAN_COLUMN_TRUNKS:
        ovsrec_port_verify_trunks(row);
        write_vlan_set(&op->after.trunks, row, ovsrec_port_set_trunks);
        break;
    case VLAN_COLUMN_VLAN_MODE:
        ovsrec_port_verify_vlan_mode(row);
        ovsrec_port_set_vlan_mode(row, vlan_mode_to_string(op->after.mode));
        break;
    case VLAN_COLUMN_CVLANS:
        ovsrec_port_verify_cvlans(row);
        write_vlan_set(&op->after.cvlans, row, ovsrec_port_set_cvlans);
        break;
    case N_VLAN_COLUMNS:
        OVS_NOT_REACHED();
    }
}

static void
apply_mark(const struct port_op *op, const struct ovsrec_interface *row,
           long long int now_ms)
{
    CLEANUP_FREE char *vm_id = xasprintf(UUID_FMT,
                                         UUID_ARGS(&op->vnic->port->vm_id));
    ovsrec_interface_verify_external_ids(row);
    ovsrec_interface_update_external_ids_setkey(row, OVS_KEY_VM_ID, vm_id);

    if (op->is_ready) {
        CLEANUP_FREE char *ready = xasprintf("%lld", now_ms);
        ovsrec_interface_update_external_ids_setkey(row, OVS_KEY_READY, ready);
    } else if (op->vnic->port->ready_ms) {
        ovsrec_interface_update_external_ids_delkey(row, OVS_KEY_READY);
    }
}

/* Takes our mark off the interface.  Returns true if it had one. */
static bool
remove_mark(const struct ovsrec_interface *row)
{
    static const char *const keys[] = { OVS_KEY_VM_ID, OVS_KEY_READY };
    bool is_marked = false;

    ovsrec_interface_verify_external_ids(row);
    for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
        if (smap_get(&row->external_ids, keys[i])) {
            ovsrec_interface_update_external_ids_delkey(row, keys[i]);
            is_marked = true;
        }
    }
    return is_marked;
}

/* A row that has gone meanwhile is no error: so has its vNIC. */
static void
apply_op(const struct port_op *op, const struct ovsdb_idl *idl,
         long long int now_ms)
{
    const struct port_view *view = op->vnic->port;
    const struct ovsrec_port *port
        = ovsrec_port_get_for_uuid(idl, &view->row);
    const struct ovsrec_interface *interface
        = ovsrec_interface_get_for_uuid(idl, &view->interface_row);
    if (!port || !interface) {
        return;
    }

    switch (op->kind) {
    case PORT_OP_SET:
        apply_set(op, port);
        break;
    case PORT_OP_MARK:
        apply_mark(op, interface, now_ms);
        break;
    case PORT_OP_UNMARK:
        ovsrec_interface_verify_external_ids(interface);
        ovsrec_interface_update_external_ids_delkey(interface, OVS_KEY_READY);
        break;
    case PORT_OP_FORGET:
        (void) remove_mark(interface); /* What was there does not matter. */
        break;
    }
}

static void
add_comment(const struct port_op *op, struct ovsdb_idl_txn *txn)
{
    CLEANUP_FREE char *label = desired_vnic_label(op->vnic);
    CLEANUP_FREE char *object = port_op_object(op);
    CLEANUP_FREE char *before = port_op_before(op);
    CLEANUP_FREE char *after = port_op_after(op);
    ovsdb_idl_txn_add_comment(txn, "vnicd: %s: %s: %s -> %s (%s)", label,
                              object, before, after,
                              port_cause_to_string(op->cause));
}

/* Fills 'txn' with what 'plan' wants written now.  'now_ms' is in ms since the
 * epoch. */
void
port_apply(const struct port_plan *plan, const struct ovsdb_idl *idl,
           struct ovsdb_idl_txn *txn, long long int now_ms)
{
    int n_comments = 0;

    for (size_t i = 0; i < plan->n_ops; i++) {
        const struct port_op *op = &plan->ops[i];
        if (op->verdict != PORT_VERDICT_APPLY) {
            continue;
        }
        apply_op(op, idl, now_ms);
        if (n_comments++ < MAX_COMMENTS) {
            add_comment(op, txn);
        }
    }
}

/* Takes our marks off every interface of 'bridge', or of all bridges if it is
 * NULL.  Returns how many interfaces had any. */
unsigned int
port_apply_cleanup(const struct ovsdb_idl *idl, const char *bridge,
                struct ovsdb_idl_txn *txn)
{
    unsigned int n = 0;
    const struct ovsrec_bridge *row;
    OVSREC_BRIDGE_FOR_EACH (row, idl) {
        if (bridge && strcmp(row->name, bridge)) {
            continue;
        }
        for (size_t i = 0; i < row->n_ports; i++) {
            const struct ovsrec_port *port = row->ports[i];
            for (size_t j = 0; j < port->n_interfaces; j++) {
                n += remove_mark(port->interfaces[j]);
            }
        }
    }
    if (n) {
        ovsdb_idl_txn_add_comment(txn, "vnicd: cleanup%s%s",
                                  bridge ? " of bridge " : "",
                                  bridge ? bridge : "");
    }
    return n;
}
