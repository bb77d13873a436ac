/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */

/* Facts about the switch, and the question asked of them most: which port is
 * that vNIC's?  Filled by ovsdb/ovs-view.c.  Pure. */

#include <config.h>
#include "lib/switch-view.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "packets.h"
#include "util.h"
#include "uuid.h"

const char *
port_role_to_string(enum port_role role)
{
    static const char *const names[N_PORT_ROLES] = {
#define PORT_ROLE(ENUM, NAME) [PORT_ROLE_##ENUM] = NAME,
        PORT_ROLES
#undef PORT_ROLE
    };
    return names[role];
}

void
switch_view_destroy(struct switch_view *view)
{
    for (size_t i = 0; i < view->n_bridges; i++) {
        struct bridge_view *bridge = &view->bridges[i];
        free(bridge->name);
        free(bridge->parent);
        free(bridge->fail_mode);
        free(bridge->fail_mode_before);
    }
    for (size_t i = 0; i < view->n_ports; i++) {
        struct port_view *port = &view->ports[i];
        free(port->name);
        free(port->bridge);
        free(port->type);
        free(port->error);
        free(port->vhost_path);
        free(port->other_ofports);
        free(port->peer);
        free(port->mirror);
        free(port->marked_isolation);
    }
    for (size_t i = 0; i < view->n_qoses; i++) {
        free(view->qoses[i].ifname);
    }
    free(view->bridges);
    free(view->ports);
    free(view->qoses);
    svec_destroy(&view->setting_errors);
    svec_destroy(&view->interface_names);
    *view = (struct switch_view) SWITCH_VIEW_INIT;
}

/* Room for one more element behind 'n' of 'size' bytes: the allocation doubles
 * whenever 'n' is a power of two. */
static void *
grow(void *array, size_t n, size_t size)
{
    return n & (n - 1) ? array : xrealloc(array, (n ? 2 * n : 1) * size);
}

/* Adds an empty bridge and returns it, valid until the next one is added. */
struct bridge_view *
switch_view_add_bridge(struct switch_view *view)
{
    view->bridges = grow(view->bridges, view->n_bridges,
                         sizeof *view->bridges);
    struct bridge_view *bridge = &view->bridges[view->n_bridges++];
    *bridge = (struct bridge_view) {
        .tag = -1,
        .settings = SETTINGS_DEFAULT,
    };
    return bridge;
}

/* Adds an empty port and returns it, valid until the next one is added. */
struct port_view *
switch_view_add_port(struct switch_view *view)
{
    view->ports = grow(view->ports, view->n_ports, sizeof *view->ports);
    struct port_view *port = &view->ports[view->n_ports++];
    *port = (struct port_view) {
        .columns = VLAN_SPEC_INIT,
        .patch_side = PATCH_NEITHER,
    };
    return port;
}

/* Adds an empty row and returns it, valid until the next one is added. */
struct qos_view *
switch_view_add_qos(struct switch_view *view)
{
    view->qoses = grow(view->qoses, view->n_qoses, sizeof *view->qoses);
    struct qos_view *qos = &view->qoses[view->n_qoses++];
    *qos = (struct qos_view) { .table = QOS_TABLE_QOS };
    return qos;
}

static int
compare_bridges(const void *a_, const void *b_)
{
    const struct bridge_view *a = a_;
    const struct bridge_view *b = b_;
    return strcmp(a->name, b->name);
}

/* vNICs before others, then by VM and MAC. */
static int
compare_vnics(const struct port_view *a, const struct port_view *b)
{
    if (a->is_vnic != b->is_vnic) {
        return a->is_vnic ? -1 : 1;
    }
    int cmp = uuid_compare_3way(&a->vm_id, &b->vm_id);
    return cmp ? cmp : eth_addr_compare_3way(a->mac, b->mac);
}

static int
compare_ports(const void *a_, const void *b_)
{
    const struct port_view *a = a_;
    const struct port_view *b = b_;
    int cmp = compare_vnics(a, b);
    return cmp ? cmp : strcmp(a->name, b->name);
}

static int
compare_qoses(const void *a_, const void *b_)
{
    const struct qos_view *a = a_;
    const struct qos_view *b = b_;
    int cmp = uuid_compare_3way(&a->vm_id, &b->vm_id);
    if (!cmp) {
        cmp = strcmp(a->ifname, b->ifname);
    }
    if (!cmp) {
        cmp = (int) a->table - (int) b->table;
    }
    return cmp ? cmp : uuid_compare_3way(&a->row, &b->row);
}

/* Puts all that is in 'view' in the order that the find functions need, and that
 * does not depend on the order of the database's rows. */
void
switch_view_sort(struct switch_view *view)
{
    if (view->n_bridges) {
        qsort(view->bridges, view->n_bridges, sizeof *view->bridges,
              compare_bridges);
    }
    if (view->n_ports) {
        qsort(view->ports, view->n_ports, sizeof *view->ports, compare_ports);
    }
    svec_sort(&view->interface_names);
    if (view->n_qoses) {
        qsort(view->qoses, view->n_qoses, sizeof *view->qoses, compare_qoses);
    }
}

/* Returns the bridge called 'name', real or fake, or NULL. */
const struct bridge_view *
switch_view_find_bridge(const struct switch_view *view, const char *name)
{
    for (size_t i = 0; i < view->n_bridges; i++) {
        if (!strcmp(view->bridges[i].name, name)) {
            return &view->bridges[i];
        }
    }
    return NULL;
}

/* Returns the port called 'name', whosever it is, or NULL. */
const struct port_view *
switch_view_find_port(const struct switch_view *view, const char *name)
{
    for (size_t i = 0; i < view->n_ports; i++) {
        if (!strcmp(view->ports[i].name, name)) {
            return &view->ports[i];
        }
    }
    return NULL;
}

/* Returns the bridge called 'name' or, if that is a fake one, its parent, or
 * NULL. */
const struct bridge_view *
switch_view_find_real_bridge(const struct switch_view *view, const char *name)
{
    const struct bridge_view *bridge = switch_view_find_bridge(view, name);
    return bridge && bridge->parent
           ? switch_view_find_bridge(view, bridge->parent) : bridge;
}

/* Returns NULL if 'name' is a real bridge, otherwise a sentence. */
char *
switch_view_check_bridge(const struct switch_view *view, const char *name)
{
    const struct bridge_view *bridge = switch_view_find_bridge(view, name);
    if (!bridge) {
        return xasprintf("there is no bridge '%s'", name);
    }
    return bridge->parent
           ? xasprintf("'%s' is a fake bridge; name its parent '%s'", name,
                       bridge->parent)
           : NULL;
}

/* Returns the index of the first port that does not sort before 'key'. */
static size_t
lower_bound(const struct switch_view *view, const struct port_view *key)
{
    size_t low = 0;
    size_t high = view->n_ports;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (compare_vnics(&view->ports[middle], key) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

/* Returns the port of VM 'vm_id' with 'mac' that is called 'target' or, if that
 * is NULL, the only one there is.  NULL if there is none, or if there are
 * several and nobody says which. */
const struct port_view *
switch_view_find_vnic(const struct switch_view *view,
                      const struct uuid *vm_id, struct eth_addr mac,
                      const char *target)
{
    struct port_view key = { .is_vnic = true, .vm_id = *vm_id, .mac = mac };
    const struct port_view *found = NULL;

    for (size_t i = lower_bound(view, &key);
         i < view->n_ports && !compare_vnics(&view->ports[i], &key); i++) {
        const struct port_view *port = &view->ports[i];
        if (target && !strcmp(port->name, target)) {
            return port;
        } else if (!target && found) {
            return NULL;
        }
        found = port;
    }
    return target ? NULL : found;
}

/* Interface.type and what a port of it leads to.  Any other, a network device,
 * a patch port or a tunnel, leads out. */
static const struct {
    const char *type;
    enum port_role role;
} type_roles[] = {
    { "internal", PORT_ROLE_HOST },
    { "tap", PORT_ROLE_HOST },
    { "dpdkvhostuser", PORT_ROLE_GUEST },
    { "dpdkvhostuserclient", PORT_ROLE_GUEST },
};

static enum port_role
find_type_role(const char *type)
{
    for (size_t i = 0; i < ARRAY_SIZE(type_roles); i++) {
        if (nullable_string_is_equal(type, type_roles[i].type)) {
            return type_roles[i].role;
        }
    }
    return PORT_ROLE_UPLINK;
}

/* Returns what 'port' leads to.  The bridge's own port, and those of its fake
 * bridges, have their names. */
enum port_role
switch_view_find_role(const struct switch_view *view,
                      const struct port_view *port)
{
    return (port->patch_side != PATCH_NEITHER ? PORT_ROLE_PATCH
            : port->is_vnic ? PORT_ROLE_VNIC
            : port->has_guest_keys ? PORT_ROLE_GUEST
            : switch_view_find_bridge(view, port->name) ? PORT_ROLE_HOST
            : find_type_role(port->type));
}

/* Returns the QoS that libvirt made for port 'ifname' of 'vm_id' and that no
 * port uses, or NULL. */
const struct qos_view *
switch_view_find_qos(const struct switch_view *view, const struct uuid *vm_id,
                     const char *ifname)
{
    for (size_t i = 0; i < view->n_qoses; i++) {
        const struct qos_view *qos = &view->qoses[i];
        if (qos->table == QOS_TABLE_QOS && !qos->is_used
            && uuid_equals(&qos->vm_id, vm_id)
            && !strcmp(qos->ifname, ifname)) {
            return qos;
        }
    }
    return NULL;
}

/* True if the ports of 'bridge', which is a real one, are ours to look after:
 * as its setting says or, where that is "auto", unless somebody else does. */
bool
bridge_view_is_managed(const struct bridge_view *bridge)
{
    switch (bridge->settings.manage) {
    case MANAGE_YES:
        return true;
    case MANAGE_NO:
        return false;
    case MANAGE_AUTO:
        return !bridge->has_controller && !bridge->is_ovns;
    }
    OVS_NOT_REACHED();
}

/* True if the port is a network device of the host that the switch only uses,
 * like a guest's tap. */
bool
port_view_is_netdev(const struct port_view *port)
{
    return !port->type || !*port->type || !strcmp(port->type, "system");
}

/* False if the port's network device is known to be missing.  A port that the
 * switch has not looked at yet counts as alive. */
bool
port_view_is_alive(const struct port_view *port)
{
    return port->ofport >= 0 && !port->error;
}

/* True if both the switch and the host say that the port's network device does
 * not exist: whoever used it is gone.  The switch says so when it opens the
 * port; with the userspace datapath it keeps a port whose device goes later
 * open, and only loses sight of the device. */
bool
port_view_lacks_netdev(const struct port_view *port)
{
    return !port->has_netdev
           && (port->is_detached
               || (port->ofport < 0 && port->error
                   && strstr(port->error, ovs_strerror(ENODEV))));
}

/* True if any mark of ours is there, whoever it names. */
bool
port_view_bears_mark(const struct port_view *port)
{
    return !uuid_is_zero(&port->marked_vm_id) || port->ready_ms
           || port->marked_isolation || port->is_plugged_by_us
           || port->has_left_stp;
}

/* True if our mark is there and names the VM that holds the port now. */
bool
port_view_is_marked(const struct port_view *port)
{
    return port->is_vnic && uuid_equals(&port->marked_vm_id, &port->vm_id);
}

/* True if our mark is there and names another VM than the one that holds the
 * port now: its VLANs were meant for that. */
bool
port_view_is_another_vms(const struct port_view *port)
{
    return !uuid_is_zero(&port->marked_vm_id) && !port_view_is_marked(port);
}
