/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef LIB_MEMORY_H
#define LIB_MEMORY_H 1

#include <stdbool.h>

#include "lib/intent.h"
#include "lib/vlan.h"
#include "lib/vnic.h"
#include "openvswitch/hmap.h"

struct desired;
struct orphans;
struct switch_view;

/* What one pass must know of earlier ones.  Everything else is computed anew
 * from what is there now; nothing of this outlives the process. */

/* Repairs of one thing, so that we do not fight over it for ever. */
struct repairs {
    long long int since_ms;     /* Since when they are counted. */
    long long int last_ms;
    unsigned int n;
    char *found;                /* What was there before the last one; NULL
                                 * where that has no name. */
    bool is_found_same;         /* And before each of the others. */
};

/* More repairs of one thing than this, within the period, and it is tried once
 * in a period, until nobody has changed it for two. */
#define MEMORY_MAX_REPAIRS 5
#define MEMORY_REPAIR_PERIOD_MS 60000

/* What of a port is put right: its VLAN columns, and more. */
enum {
    MEMORY_QOS = N_VLAN_COLUMNS,
    MEMORY_KEYS,                /* libvirt's. */
    MEMORY_MARK,                /* Our own. */
    N_MEMORY_REPAIRS,
};

/* A vNIC's port, for as long as its row exists. */
struct port_memory {
    struct hmap_node node;      /* In 'struct memory', by 'row'. */
    struct uuid row;
    struct uuid vm_id;
    struct vlan_spec columns;   /* As last seen. */
    long long int changed_ms;   /* When 'vm_id' or 'columns' became so. */
    struct uuid qos;            /* As last seen. */
    long long int qos_ms;       /* When 'qos' became so. */
    bool is_first_contact;      /* The row with this VM is older than our first
                                 * look at the switch. */
    bool had_other_vm;          /* The row belonged to another VM before. */
    long long int asked_ms;     /* When libvirt was last asked about it. */
    unsigned int reported;      /* What has been reported, as bits. */
    bool is_present;            /* Seen in the view being noted. */
    char *marked_isolation;     /* The class that our mark said last, see
                                 * policy_isolation_to_string(). */

    /* So that we do not fight for ever. */
    struct repairs repairs[N_MEMORY_REPAIRS];
    long long int no_repair_before_ms;
    long long int no_mark_before_ms;
};

/* A vNIC, for as long as a domain or a port tells of it. */
struct vnic_memory {
    struct hmap_node node;      /* In 'struct memory', by 'id'. */
    struct vnic_id id;
    struct vlan_spec vlan;      /* Last in force and valid. */
    bool has_vlan;              /* There is such a one. */
    struct vlan_spec xml_vlan;  /* The last that metadata did not say. */
    bool has_xml_vlan;          /* There is such a one. */
    bool is_xml_vlan_default;   /* vnicd-default-vlan said it. */
    struct policy_statement policy; /* What metadata said last that could be
                                     * used. */
    bool has_policy;            /* There is such a one, if only an empty
                                 * one. */
    bool is_present;            /* Seen among the desired being noted. */

    /* Its port. */
    bool is_first_contact;      /* The vNIC is older than our first complete
                                 * look at libvirt. */
    bool had_port;              /* We have seen one. */
    char *port_name;            /* Of that; NULL: we have not. */
    struct vlan_spec columns;   /* Of that, as last seen; none if they were
                                 * another VM's. */
    long long int missing_ms;   /* Since when there is none, 0: there is. */
    long long int asked_ms;     /* When libvirt was last asked about that. */
    bool is_reported;           /* That there is none. */
    struct repairs plugs;
    long long int no_plug_before_ms;
};

/* A real bridge, for as long as it exists. */
struct bridge_memory {
    struct hmap_node node;      /* In 'struct memory', by 'name'. */
    char *name;
    struct uuid row;            /* In table Bridge. */
    bool had_pair;              /* We have seen a patch pair of ours, since a
                                 * pipeline is needed. */
    bool is_present;            /* Seen among the desired being noted. */

    /* So that we do not fight for ever. */
    struct repairs pair_repairs;
    long long int no_pair_before_ms;
    struct repairs fail_mode_repairs;
    long long int no_fail_mode_before_ms;
};

/* A row that a guest left behind, for as long as it looks like one. */
struct orphan_memory {
    struct hmap_node node;      /* In 'struct memory', by 'row'. */
    struct uuid row;
    long long int since_ms;     /* Monotonic. */
    long long int seen_ms;      /* The same, since the epoch. */
    long long int not_before_ms; /* The database has refused to remove it. */
    bool is_present;            /* Seen among the orphans being noted. */
};

struct memory {
    struct hmap ports;          /* Of 'struct port_memory'. */
    struct hmap vnics;          /* Of 'struct vnic_memory'. */
    struct hmap bridges;        /* Of 'struct bridge_memory'. */
    struct hmap orphans;        /* Of 'struct orphan_memory'. */
    bool has_looked;            /* A switch view has been noted before. */
    bool has_met;               /* Everything that libvirt knows, too. */
};

void memory_init(struct memory *);
void memory_destroy(struct memory *);

void memory_note_switch(struct memory *, const struct switch_view *,
                        long long int now);
void memory_disown_port(struct memory *, const struct uuid *row);
void memory_note_repair(struct memory *, const struct uuid *row,
                        unsigned int what, long long int now);
void memory_note_mark(struct memory *, const struct uuid *row,
                      const char *isolation, long long int now);
bool repairs_are_fight(const struct repairs *);
struct port_memory *memory_find_port(const struct memory *,
                                     const struct uuid *row);

void memory_note_desired(struct memory *, const struct desired *,
                         long long int now);
void memory_note_vlan(struct memory *, const struct vnic_id *,
                      const struct vlan_spec *, enum vlan_source);
void memory_note_plug(struct memory *, const struct vnic_id *,
                      long long int now);
void memory_note_unplug(struct memory *, const struct vnic_id *);
void memory_note_refused_plug(struct memory *, const struct vnic_id *,
                              long long int now);
void memory_note_refused_collect(struct memory *, const struct uuid *row,
                                 long long int now);
struct vnic_memory *memory_find_vnic(const struct memory *,
                                     const struct vnic_id *);
const struct vlan_spec *memory_find_vlan(const struct memory *,
                                         const struct vnic_id *);
const struct vlan_spec *memory_find_xml_vlan(const struct memory *,
                                             const struct vnic_id *);
const struct vlan_spec *memory_find_lasting_vlan(const struct memory *,
                                                 const struct vnic_id *);

const struct policy_statement *memory_find_policy(const struct memory *,
                                                  const struct vnic_id *);
void memory_note_pair(struct memory *, const char *bridge, long long int now);
void memory_note_fail_mode(struct memory *, const char *bridge,
                           long long int now);
void memory_note_refused_pair(struct memory *, const char *bridge,
                              long long int now);
struct bridge_memory *memory_find_bridge(const struct memory *,
                                         const char *name);

void memory_note_orphans(struct memory *, struct orphans *,
                         long long int now, long long int wall_ms);

#endif /* lib/memory.h */
