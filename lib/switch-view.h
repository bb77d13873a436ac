/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef LIB_SWITCH_VIEW_H
#define LIB_SWITCH_VIEW_H 1

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/settings.h"
#include "lib/vlan.h"
#include "lib/vnic.h"
#include "openvswitch/types.h"
#include "openvswitch/uuid.h"
#include "svec.h"

/* What Open vSwitch has: plain facts out of OVSDB, immutable once sorted, with
 * no pointer into the database's own rows. */

struct bridge_view {
    struct uuid row;            /* In table Bridge, all-zero for a fake bridge:
                                 * a bridge that is made anew has the name of
                                 * the old one, perhaps, and nothing else. */
    char *name;
    char *parent;               /* Fake bridge: the bridge that it is part of;
                                 * otherwise NULL. */
    int tag;                    /* Fake bridge: its VLAN; otherwise -1. */
    char *fail_mode;            /* "secure", "standalone" or NULL. */
    char *fail_mode_before;     /* Our mark: what it was before we set it, ""
                                 * for none; NULL: we have not. */
    bool has_controller;        /* An OpenFlow controller is set. */
    bool is_ovns;               /* OVN's integration bridge. */
    bool runs_stp;              /* The Spanning Tree Protocol, or Rapid STP. */
    bool forwards_bpdus;        /* other_config:forward-bpdu. */
    struct settings settings;   /* In force: the bridge's before the host's. */
};

/* A bridge with a pipeline is connected with itself by two patch ports. */
#define PATCH_SIDES                                                     \
    /* Where NORMAL sees the vNICs. */                                  \
    PATCH_SIDE(OUTSIDE, "outside", "out")                               \
    /* Its peer, where the vNICs see NORMAL. */                         \
    PATCH_SIDE(INSIDE, "inside", "in")

enum patch_side {
#define PATCH_SIDE(ENUM, NAME, SUFFIX) PATCH_##ENUM,
    PATCH_SIDES
#undef PATCH_SIDE
    N_PATCH_SIDES,
    PATCH_NEITHER = N_PATCH_SIDES
};

/* A port with its one interface or, of a bond's, one that is open. */
struct port_view {
    struct uuid row;            /* In table Port. */
    struct uuid interface_row;  /* In table Interface. */
    char *name;
    char *bridge;               /* The real bridge, never a fake one. */
    struct vlan_spec columns;
    char *type;                 /* Interface.type; "" is a network device. */
    int64_t ofport;             /* 0 while unknown, -1 if it has none. */
    int64_t *other_ofports;     /* Of a bond's other open interfaces.  Owned. */
    size_t n_other_ofports;
    char *peer;                 /* Of a patch port, or NULL. */
    char *mirror;               /* Name of one whose output port it is: the
                                 * switch keeps it for the copies, and NORMAL
                                 * has nothing to do with it.  NULL: none. */
    bool is_protected;          /* The switch lets nothing pass between two
                                 * such ports. */
    bool is_off_stp;            /* Takes no part in STP or Rapid STP. */
    char *error;                /* Interface.error, NULL if there is none. */
    bool is_detached;           /* The switch had a network device for it, which
                                 * has gone: ifindex 0, link down. */
    bool has_netdev;            /* The host has a network device of its name;
                                 * only looked up where there is a doubt. */
    char *vhost_path;           /* Its vhost-user socket, or NULL. */
    struct uuid qos;            /* Port.qos, all-zero if there is none. */

    /* From the Interface's external_ids. */
    bool is_vnic;               /* Has attached-mac, and a UUID as vm-id; or
                                 * 'lacks_keys'. */
    bool lacks_keys;            /* It has not: it is libvirt who says whose it
                                 * is, see lib/identify.h. */
    struct uuid vm_id;
    struct eth_addr mac;
    bool has_iface_id;          /* As every port that libvirt plugs. */
    bool is_plugged_by_us;      /* Our mark: libvirt does not plug it. */
    bool has_guest_keys;        /* Has one of those, or of other programs, by
                                 * which a guest's port is known. */
    enum patch_side patch_side; /* Our mark: one of the patch pair ... */
    bool found_no_flows;        /* ... and the bridge had no flow when that
                                 * came. */
    struct uuid marked_vm_id;   /* Our mark: the VM whose plug we looked after,
                                 * all-zero if there is none. */
    char *marked_isolation;     /* Our mark: the class of the vNIC, see
                                 * policy_isolation_to_string(). */
    long long int ready_ms;     /* Our mark: since when the vNIC is ready, in
                                 * ms since the epoch, 0 if it is not. */
    bool has_left_stp;          /* Our mark: it is off STP because of us. */
};

/* What a port leads to. */
#define PORT_ROLES                                                      \
    PORT_ROLE(VNIC, "vnic")     /* A guest, by libvirt's keys. */       \
    PORT_ROLE(GUEST, "guest")   /* A guest, though not a vNIC to us. */ \
    PORT_ROLE(HOST, "host")     /* The host itself. */                  \
    PORT_ROLE(PATCH, "patch")   /* The bridge itself: our patch pair. */ \
    PORT_ROLE(UPLINK, "uplink") /* The world outside the bridge. */

enum port_role {
#define PORT_ROLE(ENUM, NAME) PORT_ROLE_##ENUM,
    PORT_ROLES
#undef PORT_ROLE
    N_PORT_ROLES
};

const char *port_role_to_string(enum port_role);

/* Tables whose rows outlive what they were made for. */
enum qos_table {
    QOS_TABLE_QOS,
    QOS_TABLE_QUEUE,
};

/* A row that libvirt made for the bandwidth of a vNIC. */
struct qos_view {
    struct uuid row;
    enum qos_table table;
    struct uuid vm_id;          /* From its external_ids. */
    char *ifname;
    bool is_used;               /* By a port or, a queue, by a QoS that is used
                                 * or is not libvirt's. */
};

struct switch_view {
    struct settings settings;   /* The host's. */
    struct bridge_view *bridges;
    size_t n_bridges;
    struct port_view *ports;    /* vNICs first, by VM, MAC, name. */
    size_t n_ports;
    struct qos_view *qoses;     /* libvirt's, by VM, name, table, row. */
    size_t n_qoses;
    bool flow_restore_wait;     /* Flows are on hold, at a restore's wish. */
    int vlan_limit;             /* At how many VLAN tags of a frame the switch
                                 * looks; 0: at as many as it can. */
    struct svec setting_errors; /* Sentences about settings of no use. */
    struct svec interface_names; /* That are not those of their ports. */
};

/* What Open vSwitch does unless other_config:vlan-limit says otherwise. */
#define SWITCH_VIEW_DEFAULT_VLAN_LIMIT 1

#define SWITCH_VIEW_INIT {                                      \
    .settings = SETTINGS_DEFAULT,                               \
    .vlan_limit = SWITCH_VIEW_DEFAULT_VLAN_LIMIT,               \
    .setting_errors = SVEC_EMPTY_INITIALIZER,                   \
    .interface_names = SVEC_EMPTY_INITIALIZER,                  \
}

void switch_view_destroy(struct switch_view *);
struct bridge_view *switch_view_add_bridge(struct switch_view *);
struct port_view *switch_view_add_port(struct switch_view *);
struct qos_view *switch_view_add_qos(struct switch_view *);
void switch_view_sort(struct switch_view *);

const struct bridge_view *switch_view_find_bridge(const struct switch_view *,
                                                  const char *name);
const struct bridge_view *switch_view_find_real_bridge(
    const struct switch_view *, const char *name);
char *switch_view_check_bridge(const struct switch_view *, const char *name)
    OVS_WARN_UNUSED_RESULT;
const struct port_view *switch_view_find_port(const struct switch_view *,
                                              const char *name);
const struct port_view *switch_view_find_vnic(const struct switch_view *,
                                              const struct uuid *vm_id,
                                              struct eth_addr mac,
                                              const char *target);
enum port_role switch_view_find_role(const struct switch_view *,
                                     const struct port_view *);

const struct qos_view *switch_view_find_qos(const struct switch_view *,
                                            const struct uuid *vm_id,
                                            const char *ifname);

bool bridge_view_is_managed(const struct bridge_view *);
bool port_view_is_netdev(const struct port_view *);
bool port_view_is_alive(const struct port_view *);
bool port_view_lacks_netdev(const struct port_view *);
bool port_view_bears_mark(const struct port_view *);
bool port_view_is_another_vms(const struct port_view *);
bool port_view_is_marked(const struct port_view *);

#endif /* lib/switch-view.h */
