/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */

/* The little that one pass must know of earlier ones: since when a port is as
 * it is, whether we ever saw it come, and which VLANs of a vNIC were last in
 * force.  Pure. */

#include <config.h>
#include "lib/memory.h"

#include <stdlib.h>

#include "lib/switch-view.h"
#include "util.h"
#include "uuid.h"

void
memory_init(struct memory *memory)
{
    hmap_init(&memory->ports);
    hmap_init(&memory->vnics);
    memory->has_looked = false;
}

void
memory_destroy(struct memory *memory)
{
    struct port_memory *port;
    HMAP_FOR_EACH_POP (port, node, &memory->ports) {
        free(port);
    }
    hmap_destroy(&memory->ports);

    struct vnic_memory *vnic;
    HMAP_FOR_EACH_POP (vnic, node, &memory->vnics) {
        free(vnic);
    }
    hmap_destroy(&memory->vnics);
}

/* Ports. */

/* Returns what is remembered of the Port row 'row', or NULL. */
struct port_memory *
memory_find_port(const struct memory *memory, const struct uuid *row)
{
    struct port_memory *port;
    HMAP_FOR_EACH_WITH_HASH (port, node, uuid_hash(row), &memory->ports) {
        if (uuid_equals(&port->row, row)) {
            return port;
        }
    }
    return NULL;
}

static struct port_memory *
add_port(struct memory *memory, const struct port_view *view)
{
    struct port_memory *port = xzalloc(sizeof *port);
    port->row = view->row;
    port->vm_id = view->vm_id;
    port->is_first_contact = !memory->has_looked;
    hmap_insert(&memory->ports, &port->node, uuid_hash(&port->row));
    return port;
}

/* The row goes to another VM: we saw it come. */
static void
hand_over_port(struct port_memory *port, const struct uuid *vm_id)
{
    port->vm_id = *vm_id;
    port->had_other_vm = true;
    port->is_first_contact = false;
}

static void
note_port(struct memory *memory, const struct port_view *view,
          long long int now)
{
    struct port_memory *port = memory_find_port(memory, &view->row);
    bool is_new = !port;
    if (is_new) {
        port = add_port(memory, view);
    }

    bool is_taken = !uuid_equals(&port->vm_id, &view->vm_id);
    if (is_taken) {
        hand_over_port(port, &view->vm_id);
    }

    if (is_new || is_taken
        || !vlan_spec_equals(&port->columns, &view->columns)) {
        port->columns = view->columns;
        port->changed_ms = now;
        port->reported_columns = 0;
    }
    port->is_present = true;
}

/* Compares 'view' with what is remembered of vNICs' ports, at 'now' in
 * monotonic ms. */
void
memory_note_switch(struct memory *memory, const struct switch_view *view,
                   long long int now)
{
    for (size_t i = 0; i < view->n_ports && view->ports[i].is_vnic; i++) {
        note_port(memory, &view->ports[i], now);
    }
    memory->has_looked = true;

    struct port_memory *port;
    HMAP_FOR_EACH_SAFE (port, node, &memory->ports) {
        if (!port->is_present) {
            hmap_remove(&memory->ports, &port->node);
            free(port);
        } else {
            port->is_present = false;
        }
    }
}

/* Takes note that somebody else looks after the Port row 'row': should it
 * become ours, it is as if we met it for the first time. */
void
memory_disown_port(struct memory *memory, const struct uuid *row)
{
    struct port_memory *port = memory_find_port(memory, row);
    if (port) {
        port->is_first_contact = true;
        port->had_other_vm = false;
    }
}

/* Counts one more of what 'index' counts.  Returns true if it was too often. */
static bool
count_repair(struct port_memory *port, size_t index, long long int now)
{
    if (now - port->repairs[index].since_ms >= MEMORY_REPAIR_PERIOD_MS) {
        port->repairs[index].since_ms = now;
        port->repairs[index].n = 0;
    }
    return ++port->repairs[index].n > MEMORY_MAX_REPAIRS;
}

/* Counts a repair of 'column' of the Port row 'row' at 'now'.  Whoever has it
 * repaired over and over means it: we back off. */
void
memory_note_repair(struct memory *memory, const struct uuid *row,
                   enum vlan_column column, long long int now)
{
    struct port_memory *port = memory_find_port(memory, row);
    if (port && count_repair(port, column, now)) {
        port->no_repair_before_ms = now + MEMORY_REPAIR_PERIOD_MS;
    }
}

/* The same for our mark on the port. */
void
memory_note_mark(struct memory *memory, const struct uuid *row,
                 long long int now)
{
    struct port_memory *port = memory_find_port(memory, row);
    if (port && count_repair(port, N_VLAN_COLUMNS, now)) {
        port->no_mark_before_ms = now + MEMORY_REPAIR_PERIOD_MS;
    }
}

/* VLANs of vNICs. */

static struct vnic_memory *
find_vnic(const struct memory *memory, const struct vnic_id *id)
{
    struct vnic_memory *vnic;
    HMAP_FOR_EACH_WITH_HASH (vnic, node, vnic_id_hash(id), &memory->vnics) {
        if (vnic_id_equals(&vnic->id, id)) {
            return vnic;
        }
    }
    return NULL;
}

/* Remembers 'vlan' as what is in force for vNIC 'id'. */
void
memory_note_vlan(struct memory *memory, const struct vnic_id *id,
                 const struct vlan_spec *vlan)
{
    struct vnic_memory *vnic = find_vnic(memory, id);
    if (!vnic) {
        vnic = xzalloc(sizeof *vnic);
        vnic->id = *id;
        hmap_insert(&memory->vnics, &vnic->node, vnic_id_hash(id));
    }
    vnic->vlan = *vlan;
    vnic->is_present = true;
}

/* Keeps what is remembered of vNIC 'id', if anything, as it is. */
void
memory_keep_vlan(struct memory *memory, const struct vnic_id *id)
{
    struct vnic_memory *vnic = find_vnic(memory, id);
    if (vnic) {
        vnic->is_present = true;
    }
}

/* Returns what was last in force for vNIC 'id', or NULL. */
const struct vlan_spec *
memory_find_vlan(const struct memory *memory, const struct vnic_id *id)
{
    const struct vnic_memory *vnic = find_vnic(memory, id);
    return vnic ? &vnic->vlan : NULL;
}

/* Forgets the vNICs that were neither noted nor kept since the last call. */
void
memory_forget_absent_vlans(struct memory *memory)
{
    struct vnic_memory *vnic;
    HMAP_FOR_EACH_SAFE (vnic, node, &memory->vnics) {
        if (!vnic->is_present) {
            hmap_remove(&memory->vnics, &vnic->node);
            free(vnic);
        } else {
            vnic->is_present = false;
        }
    }
}
