/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */

/* Executes a port plan: operations to one transaction.  Decides nothing.
 *
 * Each column of a row that is there is verified before it is written: if
 * somebody else changes it meanwhile, the whole transaction comes back as "try
 * again", and the next pass plans anew.  Only the ports of a bridge may change
 * meanwhile: one is put in, or taken out, and the others stay. */

#include <config.h>
#include "ovsdb/port-apply.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/desired.h"
#include "lib/orphan.h"
#include "lib/patch-pair.h"
#include "lib/switch-view.h"
#include "lib/vlan.h"
#include "ovsdb-idl.h"
#include "ovsdb/ovs-view.h"
#include "ovsdb/port-plan.h"
#include "packets.h"
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
verify_column(const struct ovsrec_port *row, enum vlan_column column)
{
    switch (column) {
    case VLAN_COLUMN_TAG:
        ovsrec_port_verify_tag(row);
        break;
    case VLAN_COLUMN_TRUNKS:
        ovsrec_port_verify_trunks(row);
        break;
    case VLAN_COLUMN_VLAN_MODE:
        ovsrec_port_verify_vlan_mode(row);
        break;
    case VLAN_COLUMN_CVLANS:
        ovsrec_port_verify_cvlans(row);
        break;
    case N_VLAN_COLUMNS:
        OVS_NOT_REACHED();
    }
}

static void
write_column(const struct ovsrec_port *row, enum vlan_column column,
             const struct vlan_spec *columns)
{
    switch (column) {
    case VLAN_COLUMN_TAG: {
        int64_t tag = columns->tag;
        ovsrec_port_set_tag(row, &tag, tag >= 0);
        break;
    }
    case VLAN_COLUMN_TRUNKS:
        write_vlan_set(&columns->trunks, row, ovsrec_port_set_trunks);
        break;
    case VLAN_COLUMN_VLAN_MODE:
        ovsrec_port_set_vlan_mode(row, vlan_mode_to_string(columns->mode));
        break;
    case VLAN_COLUMN_CVLANS:
        write_vlan_set(&columns->cvlans, row, ovsrec_port_set_cvlans);
        break;
    case N_VLAN_COLUMNS:
        OVS_NOT_REACHED();
    }
}

static void
apply_set(const struct port_op *op, const struct ovsrec_port *row)
{
    verify_column(row, op->column);
    write_column(row, op->column, &op->after);
}

static void
write_qos(const struct desired_vnic *d, const struct ovsdb_idl *idl,
          const struct ovsrec_port *row)
{
    const struct ovsrec_qos *qos
        = d->qos ? ovsrec_qos_get_for_uuid(idl, &d->qos->row) : NULL;
    if (qos) {
        ovsrec_port_set_qos(row, qos);
    }
}

static void
add_uuid(struct smap *ids, const char *key, const struct uuid *uuid)
{
    smap_add_format(ids, key, UUID_FMT, UUID_ARGS(uuid));
}

/* Adds to 'ids' the keys that libvirt writes when it plugs a port. */
static void
collect_libvirts_ids(const struct desired_vnic *d, struct smap *ids)
{
    const struct vnic *vnic = &d->vnic;
    smap_add_format(ids, "attached-mac", ETH_ADDR_FMT,
                    ETH_ADDR_ARGS(vnic->id.mac));
    add_uuid(ids, "vm-id", &vnic->id.domain);
    smap_add(ids, "iface-status", "active");
    if (vnic->interface_id) {
        smap_add(ids, "iface-id", vnic->interface_id);
    }
    if (vnic->profile_id) {
        smap_add(ids, "port-profile", vnic->profile_id);
        smap_add(ids, "ifname", vnic_port_name(vnic));
    }
}

/* Those, and our marks. */
static void
write_interface_ids(const struct desired_vnic *d,
                    const struct ovsrec_interface *row)
{
    struct smap ids = SMAP_INITIALIZER(&ids);
    collect_libvirts_ids(d, &ids);
    add_uuid(&ids, OVS_KEY_VM_ID, &d->vnic.id.domain);
    if (d->is_ours_to_plug) {
        smap_add(&ids, OVS_KEY_PLUGGED, "true");
    }
    ovsrec_interface_set_external_ids(row, &ids);
    smap_destroy(&ids);
}

/* Whatever else is there stays.  Our mark comes when the columns are right. */
static void
apply_identify(const struct desired_vnic *d,
               const struct ovsrec_interface *row)
{
    const struct smap_node *id;
    struct smap ids = SMAP_INITIALIZER(&ids);
    collect_libvirts_ids(d, &ids);
    ovsrec_interface_verify_external_ids(row);
    SMAP_FOR_EACH (id, &ids) {
        ovsrec_interface_update_external_ids_setkey(row, id->key, id->value);
    }
    smap_destroy(&ids);
}

/* As libvirt does, but no more than the switch can count. */
static int64_t
kilobits(unsigned long long int kilobytes)
{
    return MIN(kilobytes, UINT32_MAX / 8) * 8;
}

/* The limit to what the guest sends. */
static void
write_policing(const struct vnic *vnic, const struct ovsrec_interface *row)
{
    if (vnic->has_bandwidth) {
        ovsrec_interface_set_ingress_policing_rate(
            row, kilobits(vnic->outbound.average));
        ovsrec_interface_set_ingress_policing_burst(
            row, kilobits(vnic->outbound.burst));
    }
}

/* QEMU is the server of a vhost-user socket, the switch its client. */
static void
write_type(const struct vnic *vnic, const struct ovsrec_interface *row)
{
    if (vnic->type == VNIC_VHOSTUSER) {
        struct smap options = SMAP_INITIALIZER(&options);
        smap_add(&options, OVS_OPTION_VHOST_PATH, vnic->vhost_path);
        ovsrec_interface_set_type(row, "dpdkvhostuserclient");
        ovsrec_interface_set_options(row, &options);
        smap_destroy(&options);
    }
}

static const struct ovsrec_bridge *
find_bridge(const struct ovsdb_idl *idl, const char *name)
{
    const struct ovsrec_bridge *row;
    OVSREC_BRIDGE_FOR_EACH (row, idl) {
        if (!strcmp(row->name, name)) {
            return row;
        }
    }
    return NULL;
}

/* With a limit to what the guest receives libvirt marks the port, too. */
static void
write_port_ids(const struct vnic *vnic, const struct ovsrec_port *row)
{
    if (vnic->inbound.average) {
        struct smap ids = SMAP_INITIALIZER(&ids);
        add_uuid(&ids, "vm-id", &vnic->id.domain);
        smap_add(&ids, "ifname", vnic_port_name(vnic));
        ovsrec_port_set_external_ids(row, &ids);
        smap_destroy(&ids);
    }
}

/* Somebody else may plug the same port meanwhile, on whatever bridge: then this
 * transaction is to be tried again, and not to be refused. */
static void
verify_ports(const struct ovsdb_idl *idl)
{
    const struct ovsrec_bridge *bridge;
    OVSREC_BRIDGE_FOR_EACH (bridge, idl) {
        ovsrec_bridge_verify_ports(bridge);
    }
}

/* A bridge that has gone meanwhile is no error. */
static void
apply_plug(const struct port_op *op, const struct ovsdb_idl *idl,
           struct ovsdb_idl_txn *txn)
{
    const struct desired_vnic *d = op->vnic;
    const char *name = vnic_port_name(&d->vnic);
    const struct ovsrec_bridge *bridge = find_bridge(idl, d->bridge);
    if (!bridge) {
        return;
    }

    verify_ports(idl);
    struct ovsrec_interface *interface = ovsrec_interface_insert(txn);
    ovsrec_interface_set_name(interface, name);
    write_interface_ids(d, interface);
    write_policing(&d->vnic, interface);
    write_type(&d->vnic, interface);

    struct ovsrec_port *port = ovsrec_port_insert(txn);
    ovsrec_port_set_name(port, name);
    ovsrec_port_set_interfaces(port, &interface, 1);
    for (enum vlan_column column = 0; column < N_VLAN_COLUMNS; column++) {
        write_column(port, column, &op->after);
    }
    write_qos(d, idl, port);
    write_port_ids(&d->vnic, port);
    ovsrec_bridge_update_ports_addvalue(bridge, port);
}

/* The patch pair. */

static void
write_off_stp(const struct ovsrec_port *row)
{
    ovsrec_port_verify_other_config(row);
    ovsrec_port_update_other_config_setkey(row, OVS_CONFIG_STP, "false");
    ovsrec_port_update_other_config_setkey(row, OVS_CONFIG_RSTP, "false");
}

static void
verify_patch(const struct ovsrec_port *port,
             const struct ovsrec_interface *interface)
{
    for (enum vlan_column column = 0; column < N_VLAN_COLUMNS; column++) {
        verify_column(port, column);
    }
    ovsrec_interface_verify_options(interface);
    ovsrec_interface_verify_type(interface);
}

/* Makes 'port', with 'interface', the side of a patch pair that 'op' says. */
static void
write_patch(const struct port_op *op, const struct ovsrec_port *port,
            const struct ovsrec_interface *interface)
{
    struct vlan_spec columns = patch_pair_columns(op->side);
    for (enum vlan_column column = 0; column < N_VLAN_COLUMNS; column++) {
        write_column(port, column, &columns);
    }

    struct smap options = SMAP_INITIALIZER(&options);
    smap_add(&options, OVS_OPTION_PEER,
             patch_pair_peer(&op->bridge->pair, op->side));
    ovsrec_interface_set_options(interface, &options);
    smap_destroy(&options);
    ovsrec_interface_set_type(interface, "patch");
}

static void
apply_add_patch(const struct port_op *op, const struct ovsdb_idl *idl,
                struct ovsdb_idl_txn *txn)
{
    const char *name = port_op_port_name(op);
    const struct ovsrec_bridge *bridge = find_bridge(idl,
                                                     op->bridge->view->name);
    if (!bridge) {
        return;
    }

    struct smap ids = SMAP_INITIALIZER(&ids);
    smap_add(&ids, OVS_KEY_PATCH, patch_side_to_string(op->side));
    if (op->finds_no_flows) {
        smap_add(&ids, OVS_KEY_NO_FLOWS, "true");
    }
    struct smap config = SMAP_INITIALIZER(&config);
    smap_add(&config, OVS_CONFIG_STP, "false");
    smap_add(&config, OVS_CONFIG_RSTP, "false");

    struct ovsrec_interface *interface = ovsrec_interface_insert(txn);
    ovsrec_interface_set_name(interface, name);
    ovsrec_interface_set_external_ids(interface, &ids);
    struct ovsrec_port *port = ovsrec_port_insert(txn);
    ovsrec_port_set_name(port, name);
    ovsrec_port_set_interfaces(port, &interface, 1);
    ovsrec_port_set_other_config(port, &config);
    write_patch(op, port, interface);
    ovsrec_bridge_update_ports_addvalue(bridge, port);
    smap_destroy(&ids);
    smap_destroy(&config);
}

/* What has gone meanwhile, the next pass makes anew. */
static void
apply_to_patch(const struct port_op *op, const struct ovsdb_idl *idl)
{
    const struct port_view *view = op->bridge->pair.sides[op->side].port;
    const struct ovsrec_bridge *bridge = find_bridge(idl, view->bridge);
    const struct ovsrec_port *port
        = ovsrec_port_get_for_uuid(idl, &view->row);
    const struct ovsrec_interface *interface
        = ovsrec_interface_get_for_uuid(idl, &view->interface_row);
    if (!bridge || !port || !interface) {
        return;
    }

    if (op->kind == PORT_OP_REMOVE_PATCH) {
        ovsrec_interface_verify_external_ids(interface);
        ovsrec_bridge_update_ports_delvalue(bridge, port);
    } else {
        write_off_stp(port);
        verify_patch(port, interface);
        write_patch(op, port, interface);
    }
}

/* fail_mode. */

static void
apply_secure(const struct port_op *op, const struct ovsdb_idl *idl)
{
    const struct bridge_view *view = op->bridge->view;
    const struct ovsrec_bridge *row = find_bridge(idl, view->name);
    if (row) {
        ovsrec_bridge_verify_fail_mode(row);
        ovsrec_bridge_set_fail_mode(row, "secure");
        if (!view->fail_mode_before) {
            ovsrec_bridge_verify_external_ids(row);
            ovsrec_bridge_update_external_ids_setkey(
                row, OVS_KEY_FAIL_MODE,
                view->fail_mode ? view->fail_mode : "");
        }
    }
}

/* Sets the fail_mode of 'row' to what it was before we set it, if we did and
 * nobody else has set it since. */
static void
restore_fail_mode(const struct ovsrec_bridge *row)
{
    const char *before = smap_get(&row->external_ids, OVS_KEY_FAIL_MODE);
    if (!before) {
        return;
    }
    if (nullable_string_is_equal(row->fail_mode, "secure")) {
        ovsrec_bridge_verify_fail_mode(row);
        ovsrec_bridge_set_fail_mode(row, *before ? before : NULL);
    }
    ovsrec_bridge_verify_external_ids(row);
    ovsrec_bridge_update_external_ids_delkey(row, OVS_KEY_FAIL_MODE);
}

static void
apply_unsecure(const struct port_op *op, const struct ovsdb_idl *idl)
{
    const struct ovsrec_bridge *row = find_bridge(idl,
                                                  op->bridge->view->name);
    if (row) {
        restore_fail_mode(row);
    }
}

/* Removes a port that nobody uses, unless somebody takes it meanwhile. */
static void
collect_port(const struct port_view *view, const struct ovsdb_idl *idl)
{
    const struct ovsrec_bridge *bridge = find_bridge(idl, view->bridge);
    const struct ovsrec_port *port
        = ovsrec_port_get_for_uuid(idl, &view->row);
    const struct ovsrec_interface *interface
        = ovsrec_interface_get_for_uuid(idl, &view->interface_row);
    if (bridge && port && interface) {
        ovsrec_interface_verify_external_ids(interface);
        ovsrec_interface_verify_ofport(interface);
        ovsrec_interface_verify_error(interface);
        ovsrec_bridge_update_ports_delvalue(bridge, port);
    }
}

static void
collect_qos(const struct qos_view *view, const struct ovsdb_idl *idl)
{
    if (view->table == QOS_TABLE_QOS) {
        const struct ovsrec_qos *row
            = ovsrec_qos_get_for_uuid(idl, &view->row);
        if (row) {
            ovsrec_qos_delete(row);
        }
    } else {
        const struct ovsrec_queue *row
            = ovsrec_queue_get_for_uuid(idl, &view->row);
        if (row) {
            ovsrec_queue_delete(row);
        }
    }
}

static void
apply_collect(const struct orphan *orphan, const struct ovsdb_idl *idl)
{
    if (orphan->vnic) {
        collect_port(orphan->vnic->port, idl);
    } else {
        collect_qos(orphan->qos, idl);
    }
}

/* libvirt takes a row over with all of our keys. */
static void
apply_plugged(const struct port_op *op, const struct ovsrec_interface *row)
{
    if (op->is_plugged) {
        ovsrec_interface_update_external_ids_setkey(row, OVS_KEY_PLUGGED,
                                                    "true");
    } else if (smap_get(&row->external_ids, OVS_KEY_PLUGGED)) {
        ovsrec_interface_update_external_ids_delkey(row, OVS_KEY_PLUGGED);
    }
}

/* Writes which class 'd' is of, for when nobody but the switch can tell. */
static void
apply_isolation(const struct desired_vnic *d,
                const struct ovsrec_interface *row)
{
    CLEANUP_FREE char *isolation = policy_isolation_to_string(&d->policy);
    if (isolation) {
        ovsrec_interface_update_external_ids_setkey(row, OVS_KEY_ISOLATION,
                                                    isolation);
    } else if (d->port->marked_isolation) {
        ovsrec_interface_update_external_ids_delkey(row, OVS_KEY_ISOLATION);
    }
}

static void
apply_mark(const struct port_op *op, const struct ovsrec_interface *row,
           long long int now_ms)
{
    const struct port_view *port = op->vnic->port;
    bool is_marked = port_view_is_marked(port);
    CLEANUP_FREE char *vm_id = xasprintf(UUID_FMT, UUID_ARGS(&port->vm_id));
    ovsrec_interface_verify_external_ids(row);
    ovsrec_interface_update_external_ids_setkey(row, OVS_KEY_VM_ID, vm_id);
    apply_plugged(op, row);
    apply_isolation(op->vnic, row);
    if (op->is_ready && !(is_marked && port->ready_ms)) {
        CLEANUP_FREE char *ready = xasprintf("%lld", now_ms);
        ovsrec_interface_update_external_ids_setkey(row, OVS_KEY_READY, ready);
    } else if (!op->is_ready && port->ready_ms) {
        ovsrec_interface_update_external_ids_delkey(row, OVS_KEY_READY);
    }
}

/* Takes a port with 'interface' out of the spanning tree, and marks that. */
static void
apply_leave_stp(const struct ovsrec_port *port,
                const struct ovsrec_interface *interface)
{
    write_off_stp(port);
    ovsrec_interface_verify_external_ids(interface);
    ovsrec_interface_update_external_ids_setkey(interface, OVS_KEY_LEFT_STP,
                                                "true");
}

static void
enter_stp(const struct ovsrec_port *row)
{
    ovsrec_port_verify_other_config(row);
    ovsrec_port_update_other_config_delkey(row, OVS_CONFIG_STP);
    ovsrec_port_update_other_config_delkey(row, OVS_CONFIG_RSTP);
}

/* Takes our marks off 'row', an interface of 'port', and what they tell of.
 * Returns true if it had any. */
static bool
remove_marks(const struct ovsrec_port *port,
             const struct ovsrec_interface *row)
{
    static const char *const keys[] = {
        OVS_KEY_VM_ID, OVS_KEY_READY, OVS_KEY_ISOLATION, OVS_KEY_PLUGGED,
        OVS_KEY_LEFT_STP
    };
    bool is_marked = false;

    if (smap_get(&row->external_ids, OVS_KEY_LEFT_STP)) {
        enter_stp(port);
    }
    ovsrec_interface_verify_external_ids(row);
    for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
        if (smap_get(&row->external_ids, keys[i])) {
            ovsrec_interface_update_external_ids_delkey(row, keys[i]);
            is_marked = true;
        }
    }
    return is_marked;
}

/* Applies 'op' to the rows of a port.  If one has gone meanwhile that is no
 * error: so has its vNIC. */
static void
apply_to_port(const struct port_op *op, const struct ovsdb_idl *idl,
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
    case PORT_OP_IDENTIFY:
        apply_identify(op->vnic, interface);
        break;
    case PORT_OP_LINK_QOS:
        ovsrec_port_verify_qos(port);
        write_qos(op->vnic, idl, port);
        break;
    case PORT_OP_MARK:
        apply_mark(op, interface, now_ms);
        break;
    case PORT_OP_UNMARK:
        ovsrec_interface_verify_external_ids(interface);
        ovsrec_interface_update_external_ids_delkey(interface, OVS_KEY_READY);
        break;
    case PORT_OP_FORGET:
        (void) remove_marks(port, interface); /* Some or none. */
        break;
    case PORT_OP_LEAVE_STP:
        apply_leave_stp(port, interface);
        break;
    case PORT_OP_PLUG:
    case PORT_OP_COLLECT:
    case PORT_OP_ADD_PATCH:
    case PORT_OP_FIX_PATCH:
    case PORT_OP_REMOVE_PATCH:
    case PORT_OP_SECURE:
    case PORT_OP_UNSECURE:
        OVS_NOT_REACHED();
    }
}

static void
apply_op(const struct port_op *op, const struct ovsdb_idl *idl,
         struct ovsdb_idl_txn *txn, long long int now_ms)
{
    if (op->kind == PORT_OP_PLUG) {
        apply_plug(op, idl, txn);
    } else if (op->kind == PORT_OP_COLLECT) {
        apply_collect(op->orphan, idl);
    } else if (op->kind == PORT_OP_ADD_PATCH) {
        apply_add_patch(op, idl, txn);
    } else if (op->kind == PORT_OP_SECURE) {
        apply_secure(op, idl);
    } else if (op->kind == PORT_OP_UNSECURE) {
        apply_unsecure(op, idl);
    } else if (op->bridge) {
        apply_to_patch(op, idl);
    } else {
        apply_to_port(op, idl, now_ms);
    }
}

static void
add_comment(const struct port_op *op, struct ovsdb_idl_txn *txn)
{
    CLEANUP_FREE char *label = port_op_label(op);
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
        apply_op(op, idl, txn, now_ms);
        if (n_comments++ < MAX_COMMENTS) {
            add_comment(op, txn);
        }
    }
}

/* Takes what is ours off 'port', a port of 'bridge', or removes it if all of it
 * is ours.  Returns how many interfaces had a mark. */
static unsigned int
clean_port(const struct ovsrec_bridge *bridge, const struct ovsrec_port *port)
{
    unsigned int n = 0;
    for (size_t i = 0; i < port->n_interfaces; i++) {
        const struct ovsrec_interface *interface = port->interfaces[i];
        if (smap_get(&interface->external_ids, OVS_KEY_PATCH)) {
            ovsrec_bridge_update_ports_delvalue(bridge, port);
            return 0;
        }
        n += remove_marks(port, interface);
    }
    return n;
}

/* Takes what is ours off every port of 'bridge', or of all bridges if it is
 * NULL.  Returns how many interfaces had a mark. */
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
            n += clean_port(row, row->ports[i]);
        }
        restore_fail_mode(row);
    }
    ovsdb_idl_txn_add_comment(txn, "vnicd: cleanup%s%s",
                              bridge ? " of bridge " : "",
                              bridge ? bridge : "");
    return n;
}
