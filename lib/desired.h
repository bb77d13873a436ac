/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef LIB_DESIRED_H
#define LIB_DESIRED_H 1

#include <stdbool.h>
#include <stddef.h>

#include "lib/intent.h"
#include "lib/patch-pair.h"
#include "lib/policy-intent.h"
#include "lib/settings.h"
#include "lib/vlan.h"
#include "lib/vnic.h"

struct bridge_view;
struct memory;
struct network_set;
struct port_view;
struct qos_view;
struct switch_view;

/* What we have to do with a vNIC. */
enum vnic_care {
    VNIC_MANAGED,               /* Its port is to follow 'vlan'. */
    VNIC_QUARANTINED,           /* 'reason' says why; with VLAN_FROM_NOBODY
                                 * nothing is written, otherwise its port is to
                                 * follow 'vlan'. */
    VNIC_UNKNOWN,               /* Nobody has told us its intent yet. */
    VNIC_UNMANAGED,             /* Not ours; 'reason' says why. */
    VNIC_DISOWNED,              /* On a bridge that is not ours to manage:
                                 * no trace of us stays. */
};

/* How far the switch is with the flows of a vNIC. */
enum vnic_flows {
    FLOWS_NONE,                 /* Its bridge has no pipeline. */
    FLOWS_PENDING,              /* It has yet to say that it has them. */
    FLOWS_INSTALLED,
    FLOWS_REFUSED,
};

/* One vNIC and what is meant for it. */
struct desired_vnic {
    struct vnic vnic;           /* Copy of libvirt's facts; of a port that no
                                 * domain claims, what its row tells. */
    char *domain;               /* Name, NULL if no domain is known. */
    enum domain_stage stage;    /* Of its domain. */
    long long int read_ms;      /* When libvirt was asked for those facts, 0 if
                                 * it never answered. */
    bool can_be_asked;          /* libvirt will tell if they have changed. */
    const struct port_view *port; /* Borrowed from the view; NULL: no port. */
    bool is_stray;              /* Only its port tells of it. */
    enum guest_place place;     /* Of its domain. */
    bool is_ours_to_plug;       /* libvirt does not, and its metadata names a
                                 * bridge. */
    bool is_metadata_in_doubt;  /* Something in the domain's metadata is wrong,
                                 * and may be about this vNIC. */
    const struct port_view *namesake; /* Borrowed: a port with the name of its
                                 * own, which is missing, but not its own. */
    bool is_name_taken;         /* By that, or by something else. */
    const struct qos_view *qos; /* Borrowed: what libvirt made for its
                                 * bandwidth and its port does not use. */
    char *bridge;               /* Real bridge that it is, or should be, on. */
    bool is_misplaced;          /* The XML names another bridge. */
    const struct network_set *networks; /* Borrowed from the facts: those that
                                 * libvirt tells of with the domain; NULL if no
                                 * domain is known. */
    enum vnic_care care;
    char *reason;               /* A sentence, or NULL. */
    struct vlan_spec vlan;      /* Intent; VLAN_NONE: none. */
    enum vlan_source source;
    char *portgroup;            /* VLAN_FROM_PORTGROUP: its name. */
    bool is_pending;            /* The domain's definition says something else,
                                 * from the next start on; see 'reason'. */
    struct settings settings;   /* In force on 'bridge'. */
    struct policy policy;       /* What it may do, and whom it may reach. */
    struct policy_sources policy_sources; /* POLICY_FROM_NOBODY: 'policy' is
                                           * not known. */
    bool has_rival;             /* Another one may use an address of its own;
                                 * see 'reason'. */
    char *policy_error;         /* Why it must not talk to anybody: a sentence,
                                 * NULL if it may. */
    enum vnic_flows flows;      /* Noted by whoever talks to the switch. */
    char *flows_reason;         /* Why they are not installed, or NULL. */
};

/* What we have to do with the patch pair of a bridge. */
enum pair_care {
    PAIR_AS_IS,
    PAIR_WANTED,
    PAIR_UNWANTED,
};

/* One real bridge and what is meant for it. */
struct desired_bridge {
    const struct bridge_view *view; /* Borrowed. */
    bool needs_pipeline;        /* Some vNIC asks for what NORMAL cannot do. */
    bool has_connection;        /* It is, or may be, talked to. */
    bool is_connected;
    struct patch_pair pair;
    enum pair_care pair_care;   /* Noted by whoever talks to the switch: the
                                 * pair comes before the flows, and goes after
                                 * them. */
    bool has_flows;             /* Noted by the same: all are installed. */
    bool are_flows_coming;      /* And: those that are missing will be, in a
                                 * moment. */
    bool is_bare;               /* And: it is "secure", and nobody has given it
                                 * a flow. */
    bool awaits_libvirt;        /* And: flows of an earlier run stay until
                                 * libvirt has told of all vNICs. */
};

/* What is meant for the whole host. */
struct desired {
    struct desired_vnic *vnics; /* In the order of vnic_id_compare(). */
    size_t n_vnics, allocated_vnics;
    struct desired_bridge *bridges; /* In the order of their names. */
    size_t n_bridges;
    bool is_complete;           /* Every connection has told all it knows. */
    struct uuid *untold;        /* Domains that may have other vNICs, too. */
    size_t n_untold, allocated_untold;
    long long int read_ms;      /* All that libvirt says was asked for then or
                                 * later, monotonic; 0: some never. */
};

#define DESIRED_INIT { .vnics = NULL }

/* What one connection to libvirt says. */
struct domain_source {
    const struct domain_set *domains;
    const struct network_set *networks;
    bool is_complete;           /* It is up and was read completely. */
    long long int listed_ms;    /* When it was asked for the newest list of its
                                 * domains, monotonic. */
};

/* What desired_compute() decides from. */
struct facts {
    const struct domain_source *sources;
    size_t n_sources;
    const struct switch_view *view;
    const struct memory *memory;
};

void desired_compute(const struct facts *, struct desired *);
void desired_destroy(struct desired *);

const struct desired_bridge *desired_find_bridge(const struct desired *,
                                                 const char *name);
bool desired_is_untold(const struct desired *, const struct uuid *domain);
bool desired_vnic_is_to_start(const struct desired_vnic *);
bool desired_vnic_is_meant(const struct desired_vnic *);
bool desired_vnic_is_written(const struct desired_vnic *);
bool desired_vnic_may_talk(const struct desired_vnic *);
bool desired_vnic_is_plugged_as_meant(const struct desired_vnic *);
bool desired_vnic_has_policy(const struct desired_vnic *);
struct vlan_spec desired_vnic_vlans(const struct desired_vnic *);
char *desired_vnic_label(const struct desired_vnic *);

#endif /* lib/desired.h */
