/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef LIB_VNIC_H
#define LIB_VNIC_H 1

#include <stdbool.h>
#include <stddef.h>

#include "lib/policy.h"
#include "lib/vlan.h"
#include "openvswitch/hmap.h"
#include "openvswitch/types.h"
#include "openvswitch/uuid.h"
#include "svec.h"

struct ds;

/* What libvirt says: domains and their virtual network interfaces (vNICs).
 * Plain facts; what follows from them is decided in lib/desired.c. */

/* Identity of a vNIC.  Names of taps, domain ids, portids and OpenFlow port
 * numbers are reused or change; this does not. */
struct vnic_id {
    struct uuid domain;
    struct eth_addr mac;
    unsigned int ordinal;       /* 0, or 1, 2, … for a MAC used again by
                                 * interfaces of the same domain. */
};

bool vnic_id_equals(const struct vnic_id *, const struct vnic_id *);
int vnic_id_compare(const struct vnic_id *, const struct vnic_id *);
uint32_t vnic_id_hash(const struct vnic_id *);

/* The values of <interface type='…'>. */
#define VNIC_TYPES                              \
    VNIC_TYPE(BRIDGE, "bridge")                 \
    VNIC_TYPE(NETWORK, "network")               \
    VNIC_TYPE(ETHERNET, "ethernet")             \
    VNIC_TYPE(VHOSTUSER, "vhostuser")           \
    VNIC_TYPE(HOSTDEV, "hostdev")               \
    VNIC_TYPE(DIRECT, "direct")                 \
    VNIC_TYPE(USER, "user")                     \
    VNIC_TYPE(INTERNAL, "internal")             \
    VNIC_TYPE(UDP, "udp")                       \
    VNIC_TYPE(MCAST, "mcast")                   \
    VNIC_TYPE(SERVER, "server")                 \
    VNIC_TYPE(CLIENT, "client")                 \
    VNIC_TYPE(VDPA, "vdpa")                     \
    VNIC_TYPE(VDS, "vds")                       \
    VNIC_TYPE(NULL, "null")                     \
    VNIC_TYPE(OTHER, "other")   /* One that a newer libvirt knows. */

enum vnic_type {
#define VNIC_TYPE(ENUM, NAME) VNIC_##ENUM,
    VNIC_TYPES
#undef VNIC_TYPE
};

const char *vnic_type_to_string(enum vnic_type);
enum vnic_type vnic_type_from_string(const char *);

/* What the definition of a domain says of the network and VLANs of an
 * interface. */
struct vnic_config {
    char *network;
    char *portgroup;
    struct vlan_spec vlan;
};

/* What the domain's <metadata> says of an interface, to us alone. */
struct vnic_metadata {
    char *bridge;               /* <plug bridge>, or NULL. */
    struct vlan_spec vlan;      /* <vlan>; VLAN_NONE where there is none. */
    struct policy_statement policy; /* <isolation>, <guard>, <allow> and
                                     * <address>. */
    char *error;                /* Why it cannot be used: a sentence, or
                                 * NULL. */
};

#define VNIC_METADATA_INIT { .vlan = VLAN_SPEC_INIT,            \
                             .policy = POLICY_STATEMENT_INIT }

/* One direction of <bandwidth>, in the units of libvirt; 0 where it is not
 * given. */
struct bandwidth {
    unsigned long long int average; /* Kilobytes (1000) per second. */
    unsigned long long int peak;    /* Kilobytes (1000) per second. */
    unsigned long long int burst;   /* Kibibytes (1024). */
};

/* One <interface>.  Strings are NULL where the element is absent. */
struct vnic {
    struct vnic_id id;
    enum vnic_type type;
    char *target;               /* <target dev>: the netdev on the host. */
    char *bridge;               /* <source bridge>. */
    char *network;              /* <source network>. */
    char *portgroup;            /* <source portgroup>. */
    char *model;                /* <model type>. */
    bool has_ovs_virtualport;   /* <virtualport type='openvswitch'>. */
    char *interface_id;         /* Its <parameters interfaceid>. */
    char *profile_id;           /* Its <parameters profileid>. */
    char *source_device;        /* VNIC_DIRECT: <source dev>; VNIC_HOSTDEV: its
                                 * PCI address, "0000:06:02.0". */
    char *macvtap_mode;         /* VNIC_DIRECT: <source mode>. */
    char *vhost_path;           /* VNIC_VHOSTUSER: <source path>, a socket. */
    char *vhost_mode;           /* VNIC_VHOSTUSER: <source mode>, what QEMU is
                                 * on that socket: "client" or "server". */
    bool has_bandwidth;         /* <bandwidth>: a QoS is meant. */
    struct bandwidth inbound;   /* To the guest. */
    struct bandwidth outbound;  /* From the guest. */
    struct vlan_spec vlan;      /* <vlan>; VLAN_NONE where there is none. */
    struct vnic_config *config; /* Of a merged vNIC; NULL if there is no such
                                 * interface in the definition. */
    struct vnic_metadata *metadata; /* NULL if there is none. */
    char *error;                /* Why the element cannot be used: a sentence
                                 * about the interface alone, or NULL. */
};

void vnic_init(struct vnic *);
void vnic_destroy(struct vnic *);
void vnic_clone(struct vnic *dst, const struct vnic *src);
bool vnic_equals(const struct vnic *, const struct vnic *);
bool vnic_is_plugged_by_libvirt(const struct vnic *);
bool vnic_may_be_plugged_by_us(const struct vnic *);
const char *vnic_port_name(const struct vnic *);
bool vnic_is_merged(const struct vnic *);
void vnic_set_config(struct vnic *, const struct vnic *configured);
void vnic_set_metadata(struct vnic *, const struct vnic_metadata *);
void vnic_metadata_destroy(struct vnic_metadata *);

/* How far a domain is, where it was a hook of libvirt's that told of it. */
enum domain_stage {
    DOMAIN_READ,                /* No hook: libvirt was asked. */
    DOMAIN_PREPARED,            /* Its interfaces are about to be plugged. */
    DOMAIN_STARTING,            /* They have been, its guest does not run. */
    DOMAIN_TOLD,                /* At some other moment. */
};

/* Where the guest of a domain is that libvirt calls paused. */
enum domain_migration {
    MIGRATION_NONE,             /* Here. */
    MIGRATION_STARTING,         /* Nowhere: its QEMU is being started, for a
                                 * guest of this host or for one that comes. */
    MIGRATION_PAUSED,           /* Elsewhere: it is about to come, or has just
                                 * gone. */
    MIGRATION_LEFT,             /* Elsewhere: it has gone. */
};

/* Where the guest of an active domain runs. */
enum guest_place {
    GUEST_HERE,
    GUEST_ELSEWHERE,            /* It has just gone there. */
    GUEST_INCOMING,             /* Elsewhere, and is about to come. */
};

/* One domain, as one reading of its XML gave it. */
struct domain {
    struct hmap_node node;      /* In 'struct domain_set', by 'uuid'. */
    struct uuid uuid;
    char *name;
    bool is_active;             /* Has a guest: running, paused, crashed but
                                 * kept, suspended.  Its XML is the live one. */
    enum domain_migration migration; /* As libvirt says; of hooks, none. */
    enum guest_place place;     /* What follows from that, and from what was
                                 * known before. */
    struct vnic *vnics;         /* Owned, in the order of the XML. */
    size_t n_vnics;
    char *error;                /* Why the XML could not be used, or NULL;
                                 * then 'n_vnics' is 0. */
    struct svec metadata_errors; /* Sentences: what is wrong with its
                                 * <metadata> and is not about one vNIC.  If it
                                 * may be about any, each has it as the error
                                 * of its own. */
    enum domain_stage stage;
    long long int read_ms;      /* When the reading was asked for; when the
                                 * hook told it; 0: never. */
    char *failure;              /* Why libvirt lists it, and cannot tell of it:
                                 * a sentence, or NULL.  The rest is what was
                                 * told before: nothing but 'uuid', and NULL
                                 * for 'name', if 'read_ms' is 0. */
    long long int failed_ms;    /* When the reading was asked for that led to
                                 * 'failure'. */
};

struct domain *domain_create(void);
void domain_destroy(struct domain *);
bool domain_equals(const struct domain *, const struct domain *);
struct vnic *domain_add_vnic(struct domain *, struct vnic *);
const struct vnic *domain_find_mac(const struct domain *, struct eth_addr);
bool domain_is_told(const struct domain *);
bool domain_is_merged(const struct domain *);
bool domain_has_networks(const struct domain *);
void domain_set_configs(struct domain *, const struct domain *configured);
void domain_follow_migration(struct domain *, const struct domain *before);

/* The domains of one libvirt connection. */
struct domain_set {
    struct hmap domains;        /* Of 'struct domain', owned. */
};

void domain_set_init(struct domain_set *);
void domain_set_destroy(struct domain_set *);
struct domain *domain_set_find(const struct domain_set *,
                               const struct uuid *);
bool domain_set_replace(struct domain_set *, struct domain *);
bool domain_set_remove(struct domain_set *, const struct uuid *);

#endif /* lib/vnic.h */
