/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef LIB_MEMORY_H
#define LIB_MEMORY_H 1

#include <stdbool.h>

#include "lib/vlan.h"
#include "lib/vnic.h"
#include "openvswitch/hmap.h"

struct switch_view;

/* What one pass must know of earlier ones.  Everything else is computed anew
 * from what is there now; nothing of this outlives the process. */

/* A vNIC's port, for as long as its row exists. */
struct port_memory {
    struct hmap_node node;      /* In 'struct memory', by 'row'. */
    struct uuid row;
    struct uuid vm_id;
    struct vlan_spec columns;   /* As last seen. */
    long long int changed_ms;   /* When 'vm_id' or 'columns' became so. */
    bool is_first_contact;      /* The row with this VM is older than our first
                                 * look at the switch. */
    bool had_other_vm;          /* The row belonged to another VM before. */
    long long int asked_ms;     /* When libvirt was last asked about it. */
    unsigned int reported_columns; /* VLAN columns, as bits, whose difference
                                 * has been reported. */
    bool is_present;            /* Seen in the view being noted. */

    /* Repairs of each column, so that we do not fight over one for ever. */
    struct {
        long long int since_ms; /* Since when they are counted. */
        unsigned int n;
    } repairs[N_VLAN_COLUMNS + 1]; /* The last one is for our mark. */
    long long int no_repair_before_ms;
    long long int no_mark_before_ms;
};

/* More repairs of a column than this, within the period, and the port is left
 * alone for as long. */
#define MEMORY_MAX_REPAIRS 5
#define MEMORY_REPAIR_PERIOD_MS 60000


/* A vNIC's VLANs as they were last in force and valid. */
struct vnic_memory {
    struct hmap_node node;      /* In 'struct memory', by 'id'. */
    struct vnic_id id;
    struct vlan_spec vlan;
    bool is_present;
};

struct memory {
    struct hmap ports;          /* Of 'struct port_memory'. */
    struct hmap vnics;          /* Of 'struct vnic_memory'. */
    bool has_looked;            /* A switch view has been noted before. */
};

void memory_init(struct memory *);
void memory_destroy(struct memory *);

void memory_note_switch(struct memory *, const struct switch_view *,
                        long long int now);
void memory_disown_port(struct memory *, const struct uuid *row);
void memory_note_repair(struct memory *, const struct uuid *row,
                        enum vlan_column, long long int now);
void memory_note_mark(struct memory *, const struct uuid *row,
                      long long int now);
struct port_memory *memory_find_port(const struct memory *,
                                     const struct uuid *row);

void memory_note_vlan(struct memory *, const struct vnic_id *,
                      const struct vlan_spec *);
void memory_keep_vlan(struct memory *, const struct vnic_id *);
const struct vlan_spec *memory_find_vlan(const struct memory *,
                                         const struct vnic_id *);
void memory_forget_absent_vlans(struct memory *);

#endif /* lib/memory.h */
