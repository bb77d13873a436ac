/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */

/* Rows of the database to plain facts.  One function per table.  Nothing here
 * trusts what a row contains. */

#include <config.h>
#include "ovsdb/ovs-view.h"

#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/patch-pair.h"
#include "lib/settings.h"
#include "lib/switch-view.h"
#include "ovsdb-idl.h"
#include "packets.h"
#include "smap.h"
#include "util.h"
#include "uuid.h"
#include "uuidset.h"
#include "vswitch-idl.h"

/* Values outside 0..4095 cannot be in these columns, by their schema. */
static void
read_vlan_set(const int64_t *vids, size_t n, struct vlan_set *set)
{
    for (size_t i = 0; i < n; i++) {
        if (vids[i] >= 0 && vids[i] < VLAN_SET_BITS) {
            vlan_set_add(set, vids[i]);
        }
    }
}

static void
read_columns(const struct ovsrec_port *row, struct vlan_spec *columns)
{
    if (row->vlan_mode) {
        (void) vlan_mode_from_string(row->vlan_mode, &columns->mode);
    }
    if (row->n_tag) {
        columns->tag = row->tag[0];
    }
    read_vlan_set(row->trunks, row->n_trunks, &columns->trunks);
    read_vlan_set(row->cvlans, row->n_cvlans, &columns->cvlans);
}

/* The end of the year 9999, in ms since the epoch: what RFC 3339 can print. */
#define MAX_READY_MS 253402300799999LL

/* Returns 0, "not ready", for a value that we cannot have written. */
static long long int
read_ready(const char *value)
{
    long long int ms;
    return value && str_to_llong(value, 10, &ms)
           && ms > 0 && ms <= MAX_READY_MS ? ms : 0;
}

/* Those of libvirt, and those of other programs that plug guests. */
static bool
has_guest_keys(const struct smap *ids)
{
    static const char *const keys[] = {
        "attached-mac", "iface-id", "vm-id", "vm-uuid", "xs-vif-uuid",
    };
    for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
        if (smap_get(ids, keys[i])) {
            return true;
        }
    }
    return false;
}

/* They count whether or not libvirt's keys are there: see lib/identify.h. */
static void
read_marks(const struct smap *ids, struct port_view *port)
{
    const char *mark = smap_get(ids, OVS_KEY_VM_ID);
    if (!mark || !uuid_from_string(&port->marked_vm_id, mark)) {
        uuid_zero(&port->marked_vm_id);
    }
    port->marked_isolation
        = nullable_xstrdup(smap_get(ids, OVS_KEY_ISOLATION));
    port->ready_ms = read_ready(smap_get(ids, OVS_KEY_READY));
    port->has_left_stp = smap_get_bool(ids, OVS_KEY_LEFT_STP, false);
}

/* libvirt's keys say whose port it is; without both of them, well-formed, it
 * is not a vNIC's. */
static void
read_external_ids(const struct smap *ids, struct port_view *port)
{
    const char *side = smap_get(ids, OVS_KEY_PATCH);
    if (side && !patch_side_from_string(side, &port->patch_side)) {
        port->patch_side = PATCH_NEITHER;
    }
    port->found_no_flows = smap_get_bool(ids, OVS_KEY_NO_FLOWS, false);
    port->has_guest_keys = has_guest_keys(ids);
    const char *vm_id = smap_get(ids, "vm-id");
    const char *mac = smap_get(ids, "attached-mac");
    port->is_vnic = vm_id && mac
                    && uuid_from_string(&port->vm_id, vm_id)
                    && eth_addr_from_string(mac, &port->mac);
    port->has_iface_id = smap_get(ids, "iface-id") != NULL;
    read_marks(ids, port);
    /* libvirt takes a row over without removing our keys, but writes iface-id;
     * our own ports have none. */
    port->is_plugged_by_us = smap_get_bool(ids, OVS_KEY_PLUGGED, false)
                             && port_view_is_marked(port)
                             && !port->has_iface_id;
}

/* Of a device that is there ifindex is never 0. */
static bool
is_detached(const struct ovsrec_interface *row)
{
    return !row->type[0]
           && row->n_ifindex && !row->ifindex[0]
           && nullable_string_is_equal(row->link_state, "down");
}

static void
read_interface(const struct ovsrec_interface *row, struct port_view *port)
{
    port->interface_row = row->header_.uuid;
    port->type = xstrdup(row->type);
    port->ofport = row->n_ofport ? row->ofport[0] : 0;
    port->is_detached = is_detached(row);
    port->error = nullable_xstrdup(row->error);
    port->peer = nullable_xstrdup(smap_get(&row->options, OVS_OPTION_PEER));
    port->vhost_path = nullable_xstrdup(smap_get(&row->options,
                                                 OVS_OPTION_VHOST_PATH));
    read_external_ids(&row->external_ids, port);
}

/* Returns the interface that tells how 'row', a port with interfaces, is.  A
 * bond works as long as one of its interfaces does.  But what is a guest's stays
 * so, whatever is added to it. */
static const struct ovsrec_interface *
find_interface(const struct ovsrec_port *row)
{
    for (size_t i = 0; i < row->n_interfaces; i++) {
        if (has_guest_keys(&row->interfaces[i]->external_ids)) {
            return row->interfaces[i];
        }
    }
    for (size_t i = 0; i < row->n_interfaces; i++) {
        const struct ovsrec_interface *interface = row->interfaces[i];
        if (interface->n_ofport && interface->ofport[0] > 0) {
            return interface;
        }
    }
    return row->interfaces[0];
}

/* Adds the numbers of the open interfaces of 'row' but for 'port->ofport'. */
static void
read_other_ofports(const struct ovsrec_port *row, struct port_view *port)
{
    port->other_ofports = xcalloc(row->n_interfaces,
                                  sizeof *port->other_ofports);
    for (size_t i = 0; i < row->n_interfaces; i++) {
        const struct ovsrec_interface *interface = row->interfaces[i];
        if (interface->n_ofport && interface->ofport[0] > 0
            && interface->ofport[0] != port->ofport) {
            port->other_ofports[port->n_other_ofports++]
                = interface->ofport[0];
        }
    }
}

/* A bond's, for example. */
static void
read_interface_names(const struct ovsrec_port *row, struct svec *names)
{
    for (size_t i = 0; i < row->n_interfaces; i++) {
        if (strcmp(row->interfaces[i]->name, row->name)) {
            svec_add(names, row->interfaces[i]->name);
        }
    }
}

/* A fake bridge is a port, with a tag, of a real one. */
static void
read_fake_bridge(const struct ovsrec_port *row, const char *parent,
                 struct switch_view *view)
{
    struct bridge_view *bridge = switch_view_add_bridge(view);
    bridge->name = xstrdup(row->name);
    bridge->parent = xstrdup(parent);
    bridge->tag = row->n_tag ? row->tag[0] : 0;
}

/* Returns the name of a mirror of 'bridge' that sends its copies to 'port', or
 * NULL. */
static const char *
find_mirror(const struct ovsrec_bridge *bridge, const struct ovsrec_port *port)
{
    for (size_t i = 0; i < bridge->n_mirrors; i++) {
        if (bridge->mirrors[i]->output_port == port) {
            return bridge->mirrors[i]->name;
        }
    }
    return NULL;
}

static void
read_port(const struct ovsrec_port *row, const struct ovsrec_bridge *bridge,
          struct switch_view *view)
{
    struct port_view *port = switch_view_add_port(view);
    port->row = row->header_.uuid;
    port->name = xstrdup(row->name);
    port->bridge = xstrdup(bridge->name);
    port->mirror = nullable_xstrdup(find_mirror(bridge, row));
    read_columns(row, &port->columns);
    if (row->qos) {
        port->qos = row->qos->header_.uuid;
    }
    read_interface_names(row, &view->interface_names);
    if (row->n_interfaces) {
        read_interface(find_interface(row), port);
    }
    if (row->n_interfaces > 1) {
        read_other_ofports(row, port);
    }
    port->is_protected = row->protected_;
    port->is_off_stp
        = !smap_get_bool(&row->other_config, OVS_CONFIG_STP, true)
          && !smap_get_bool(&row->other_config, OVS_CONFIG_RSTP, true);
    if (row->fake_bridge) {
        read_fake_bridge(row, bridge->name, view);
    }
}

/* OVN says in the switch's row which bridge is its own, "br-int" by default. */
static bool
is_ovns_bridge(const struct ovsrec_open_vswitch *ovs, const char *name)
{
    const char *bridge = smap_get_def(&ovs->external_ids, "ovn-bridge",
                                      "br-int");
    return smap_get(&ovs->external_ids, "ovn-remote")
           && !strcmp(bridge, name);
}

static void
read_bridge(const struct ovsrec_open_vswitch *ovs,
            const struct ovsrec_bridge *row, struct switch_view *view)
{
    CLEANUP_FREE char *where = xasprintf("bridge %s", row->name);
    struct bridge_view *bridge = switch_view_add_bridge(view);

    bridge->row = row->header_.uuid;
    bridge->name = xstrdup(row->name);
    bridge->fail_mode = nullable_xstrdup(row->fail_mode);
    bridge->fail_mode_before
        = nullable_xstrdup(smap_get(&row->external_ids, OVS_KEY_FAIL_MODE));
    bridge->has_controller = row->n_controller > 0;
    bridge->is_ovns = is_ovns_bridge(ovs, row->name);
    bridge->runs_stp = row->stp_enable || row->rstp_enable;
    bridge->forwards_bpdus = smap_get_bool(&row->other_config, "forward-bpdu",
                                           false);
    bridge->settings = view->settings;
    settings_read(&row->external_ids, SETTING_FROM_BRIDGE, where,
                  &bridge->settings, &view->setting_errors);
    for (size_t i = 0; i < row->n_ports; i++) {
        read_port(row->ports[i], row, view);
    }
}

/* libvirt's rows for bandwidth. */

/* Adds the row, if its external_ids are those that libvirt writes. */
static void
read_qos_row(const struct uuid *row, enum qos_table table,
             const struct smap *ids, bool is_used, struct switch_view *view)
{
    const char *vm_id = smap_get(ids, "vm-id");
    const char *ifname = smap_get(ids, "ifname");
    struct uuid uuid;
    if (vm_id && ifname && uuid_from_string(&uuid, vm_id)) {
        struct qos_view *qos = switch_view_add_qos(view);
        qos->row = *row;
        qos->table = table;
        qos->vm_id = uuid;
        qos->ifname = xstrdup(ifname);
        qos->is_used = is_used;
    }
}

/* Adds to 'used' the queues that have to stay as long as 'qos' does. */
static void
use_queues(const struct ovsrec_qos *qos, bool is_used, struct uuidset *used)
{
    for (size_t i = 0; i < qos->n_queues; i++) {
        const struct ovsrec_queue *queue = qos->value_queues[i];
        if (is_used || !smap_equal(&qos->external_ids, &queue->external_ids)) {
            uuidset_insert(used, &queue->header_.uuid);
        }
    }
}

/* A QoS is used by ports, a queue by a QoS.  One that belongs to an unused QoS
 * of the same vNIC goes where that goes. */
static void
read_qoses(const struct ovsdb_idl *idl, struct switch_view *view)
{
    struct uuidset used = UUIDSET_INITIALIZER(&used);

    const struct ovsrec_port *port;
    OVSREC_PORT_FOR_EACH (port, idl) {
        if (port->qos) {
            uuidset_insert(&used, &port->qos->header_.uuid);
        }
    }

    const struct ovsrec_qos *qos;
    OVSREC_QOS_FOR_EACH (qos, idl) {
        const struct uuid *row = &qos->header_.uuid;
        bool is_used = uuidset_contains(&used, row);
        read_qos_row(row, QOS_TABLE_QOS, &qos->external_ids, is_used, view);
        use_queues(qos, is_used, &used);
    }

    const struct ovsrec_queue *queue;
    OVSREC_QUEUE_FOR_EACH (queue, idl) {
        const struct uuid *row = &queue->header_.uuid;
        read_qos_row(row, QOS_TABLE_QUEUE, &queue->external_ids,
                     uuidset_contains(&used, row), view);
    }
    uuidset_destroy(&used);
}

/* As the switch reads it: a negative limit is none. */
static int
read_vlan_limit(const struct ovsrec_open_vswitch *ovs)
{
    int limit = smap_get_int(&ovs->other_config, "vlan-limit",
                             SWITCH_VIEW_DEFAULT_VLAN_LIMIT);
    return MAX(limit, 0);
}

/* Stores in 'view', whose content is overwritten unread, what 'idl' holds. */
void
ovs_view_read(const struct ovsdb_idl *idl, struct switch_view *view)
{
    *view = (struct switch_view) SWITCH_VIEW_INIT;

    const struct ovsrec_open_vswitch *ovs = ovsrec_open_vswitch_first(idl);
    if (!ovs) {
        return;
    }
    view->flow_restore_wait = smap_get_bool(&ovs->other_config,
                                            "flow-restore-wait", false);
    view->vlan_limit = read_vlan_limit(ovs);
    settings_read(&ovs->external_ids, SETTING_FROM_HOST, "host",
                  &view->settings, &view->setting_errors);
    for (size_t i = 0; i < ovs->n_bridges; i++) {
        read_bridge(ovs, ovs->bridges[i], view);
    }
    read_qoses(idl, view);
    switch_view_sort(view);
    svec_sort(&view->setting_errors);
}
