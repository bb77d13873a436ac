/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */

/* The little that one pass must know of earlier ones: since when a port is as
 * it is, or is missing, whether we ever saw it come, which VLANs of a vNIC were
 * last in force, and since when a row looks like an orphan.  Pure. */

#include <config.h>
#include "lib/memory.h"

#include <stdlib.h>
#include <string.h>

#include "hash.h"
#include "lib/desired.h"
#include "lib/orphan.h"
#include "lib/switch-view.h"
#include "openvswitch/dynamic-string.h"
#include "util.h"
#include "uuid.h"

void
memory_init(struct memory *memory)
{
    hmap_init(&memory->ports);
    hmap_init(&memory->vnics);
    hmap_init(&memory->bridges);
    hmap_init(&memory->orphans);
    memory->has_looked = false;
    memory->has_met = false;
}

static void
forget_repairs(struct port_memory *port)
{
    for (size_t i = 0; i < ARRAY_SIZE(port->repairs); i++) {
        free(port->repairs[i].found);
        port->repairs[i] = (struct repairs) { .found = NULL };
    }
    port->no_repair_before_ms = port->no_mark_before_ms = 0;
}

static void
destroy_port(struct port_memory *port)
{
    forget_repairs(port);
    free(port->marked_isolation);
    free(port);
}

static void
destroy_bridge(struct bridge_memory *bridge)
{
    free(bridge->name);
    free(bridge);
}

static void
destroy_vnic(struct vnic_memory *vnic)
{
    free(vnic->port_name);
    policy_statement_destroy(&vnic->policy);
    free(vnic);
}

void
memory_destroy(struct memory *memory)
{
    struct port_memory *port;
    HMAP_FOR_EACH_POP (port, node, &memory->ports) {
        destroy_port(port);
    }
    hmap_destroy(&memory->ports);

    struct vnic_memory *vnic;
    HMAP_FOR_EACH_POP (vnic, node, &memory->vnics) {
        destroy_vnic(vnic);
    }
    hmap_destroy(&memory->vnics);

    struct bridge_memory *bridge;
    HMAP_FOR_EACH_POP (bridge, node, &memory->bridges) {
        destroy_bridge(bridge);
    }
    hmap_destroy(&memory->bridges);

    struct orphan_memory *orphan;
    HMAP_FOR_EACH_POP (orphan, node, &memory->orphans) {
        free(orphan);
    }
    hmap_destroy(&memory->orphans);
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

/* The row goes to another VM: we saw it come.  A fight over what the last one
 * had is over. */
static void
hand_over_port(struct port_memory *port, const struct uuid *vm_id)
{
    forget_repairs(port);
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
        port->reported = 0;
    }
    if (is_new || is_taken || !uuid_equals(&port->qos, &view->qos)) {
        port->qos = view->qos;
        port->qos_ms = now;
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
            destroy_port(port);
        } else {
            port->is_present = false;
        }
    }
}

/* Takes note that somebody else looks after the Port row 'row': should it
 * become ours, it is as if we met it for the first time.  Who says whose it is
 * is an operator, and fights with nobody. */
void
memory_disown_port(struct memory *memory, const struct uuid *row)
{
    struct port_memory *port = memory_find_port(memory, row);
    if (port) {
        forget_repairs(port);
        port->is_first_contact = true;
        port->had_other_vm = false;
    }
}

/* True if whoever has 'repairs' made over and over means it. */
bool
repairs_are_fight(const struct repairs *repairs)
{
    return repairs->n > MEMORY_MAX_REPAIRS;
}

/* Is it as if there had been no repair before 'now'? */
static bool
are_forgotten(const struct repairs *repairs, long long int now)
{
    return repairs_are_fight(repairs)
           ? now - repairs->last_ms >= 2 * MEMORY_REPAIR_PERIOD_MS
           : now - repairs->since_ms >= MEMORY_REPAIR_PERIOD_MS;
}

/* Counts one more of 'repairs', of 'found', which may be NULL.  Takes ownership
 * of 'found'.  Returns true if it was too often. */
static bool
count_repair(struct repairs *repairs, char *found, long long int now)
{
    if (are_forgotten(repairs, now)) {
        repairs->since_ms = now;
        repairs->n = 0;
    }
    repairs->is_found_same
        = !repairs->n || (repairs->is_found_same
                          && nullable_string_is_equal(repairs->found, found));
    repairs->last_ms = now;
    repairs->n++;
    free(repairs->found);
    repairs->found = found;
    return repairs_are_fight(repairs);
}

/* Returns what 'port' has of 'what', or NULL, as a malloc'd string. */
static char *
find_value(const struct port_memory *port, unsigned int what)
{
    if (what >= N_VLAN_COLUMNS) {
        return NULL;
    }
    struct ds value = DS_EMPTY_INITIALIZER;
    vlan_column_format(&port->columns, what, &value);
    return ds_steal_cstr(&value);
}

/* Counts a repair of 'what', a VLAN column or one of MEMORY_*, of the Port row
 * 'row', which is remembered as it was before, at 'now'.  In a fight we back
 * off. */
void
memory_note_repair(struct memory *memory, const struct uuid *row,
                   unsigned int what, long long int now)
{
    struct port_memory *port = memory_find_port(memory, row);
    if (port && count_repair(&port->repairs[what], find_value(port, what),
                             now)) {
        long long int *before_ms = (what == MEMORY_MARK
                                    ? &port->no_mark_before_ms
                                    : &port->no_repair_before_ms);
        *before_ms = now + MEMORY_REPAIR_PERIOD_MS;
    }
}

/* Counts our mark on the Port row 'row', which says the class 'isolation', as a
 * repair: unless it is another class than before, which is nobody's fault. */
void
memory_note_mark(struct memory *memory, const struct uuid *row,
                 const char *isolation, long long int now)
{
    struct port_memory *port = memory_find_port(memory, row);
    if (port
        && !nullable_string_is_equal(port->marked_isolation, isolation)) {
        free(port->marked_isolation);
        port->marked_isolation = nullable_xstrdup(isolation);
    } else {
        memory_note_repair(memory, row, MEMORY_MARK, now);
    }
}

/* vNICs. */

/* Returns what is remembered of vNIC 'id', or NULL. */
struct vnic_memory *
memory_find_vnic(const struct memory *memory, const struct vnic_id *id)
{
    struct vnic_memory *vnic;
    HMAP_FOR_EACH_WITH_HASH (vnic, node, vnic_id_hash(id), &memory->vnics) {
        if (vnic_id_equals(&vnic->id, id)) {
            return vnic;
        }
    }
    return NULL;
}

static struct vnic_memory *
find_or_add_vnic(struct memory *memory, const struct vnic_id *id)
{
    struct vnic_memory *vnic = memory_find_vnic(memory, id);
    if (!vnic) {
        vnic = xzalloc(sizeof *vnic);
        vnic->id = *id;
        vnic->is_first_contact = !memory->has_met;
        hmap_insert(&memory->vnics, &vnic->node, vnic_id_hash(id));
    }
    return vnic;
}

static void
note_port_of(struct vnic_memory *vnic, const struct port_view *port)
{
    vnic->had_port = true;
    free(vnic->port_name);
    vnic->port_name = nullable_xstrdup(port->name);
    vnic->columns = port->columns;
    if (port_view_is_another_vms(port)) {
        vnic->columns = (struct vlan_spec) VLAN_SPEC_INIT;
    }
    vnic->missing_ms = 0;
    vnic->is_reported = false;
}

/* Notes that 'd' has no port.  One by another name was that of an earlier run
 * of its guest. */
static void
note_no_port_of(struct vnic_memory *vnic, const struct desired_vnic *d,
                long long int now)
{
    const char *name = vnic_port_name(&d->vnic);
    if (name && !nullable_string_is_equal(name, vnic->port_name)) {
        vnic->had_port = false;
    }
    if (!vnic->missing_ms) {
        vnic->missing_ms = now;
    }
}

/* Notes what the metadata of 'd' says of its policy, unless it is of no use. */
static void
note_policy_of(struct vnic_memory *vnic, const struct desired_vnic *d)
{
    static const struct policy_statement nothing = POLICY_STATEMENT_INIT;
    const struct vnic_metadata *metadata = d->vnic.metadata;
    if (d->care != VNIC_MANAGED || (metadata && metadata->error)) {
        return;
    }
    policy_statement_destroy(&vnic->policy);
    policy_statement_clone(&vnic->policy,
                           metadata ? &metadata->policy : &nothing);
    vnic->has_policy = true;
}

static void
note_vnic(struct vnic_memory *vnic, const struct desired_vnic *d,
          long long int now)
{
    vnic->is_present = true;
    note_policy_of(vnic, d);
    if (d->port) {
        note_port_of(vnic, d->port);
    } else {
        note_no_port_of(vnic, d, now);
    }
}

/* Notes what 'desired' tells of vNICs.  A row that an earlier run of a guest
 * left behind tells of a vNIC, too, but only while nobody knows better. */
static void
note_vnics(struct memory *memory, const struct desired *desired, bool strays,
           long long int now)
{
    for (size_t i = 0; i < desired->n_vnics; i++) {
        const struct desired_vnic *d = &desired->vnics[i];
        if (d->is_stray == strays) {
            struct vnic_memory *vnic = find_or_add_vnic(memory, &d->vnic.id);
            if (!strays || !vnic->is_present) {
                note_vnic(vnic, d, now);
            }
        }
    }
}

/* Bridges. */

/* Returns what is remembered of the real bridge 'name', or NULL. */
struct bridge_memory *
memory_find_bridge(const struct memory *memory, const char *name)
{
    struct bridge_memory *bridge;
    HMAP_FOR_EACH_WITH_HASH (bridge, node, hash_string(name, 0),
                             &memory->bridges) {
        if (!strcmp(bridge->name, name)) {
            return bridge;
        }
    }
    return NULL;
}

static void
remove_bridge(struct memory *memory, struct bridge_memory *bridge)
{
    hmap_remove(&memory->bridges, &bridge->node);
    destroy_bridge(bridge);
}

static struct bridge_memory *
add_bridge(struct memory *memory, const struct bridge_view *view)
{
    struct bridge_memory *bridge = xzalloc(sizeof *bridge);
    bridge->name = xstrdup(view->name);
    bridge->row = view->row;
    hmap_insert(&memory->bridges, &bridge->node,
                hash_string(bridge->name, 0));
    return bridge;
}

/* Of a bridge that was made anew nothing is known. */
static void
note_bridge(struct memory *memory, const struct desired_bridge *d)
{
    struct bridge_memory *bridge = memory_find_bridge(memory, d->view->name);
    if (bridge && !uuid_equals(&bridge->row, &d->view->row)) {
        remove_bridge(memory, bridge);
        bridge = NULL;
    }
    bridge = bridge ? bridge : add_bridge(memory, d->view);
    bridge->is_present = true;
    bridge->had_pair = d->needs_pipeline
                       && (bridge->had_pair || patch_pair_is_there(&d->pair));
}

static void
note_bridges(struct memory *memory, const struct desired *desired)
{
    for (size_t i = 0; i < desired->n_bridges; i++) {
        note_bridge(memory, &desired->bridges[i]);
    }

    struct bridge_memory *bridge;
    HMAP_FOR_EACH_SAFE (bridge, node, &memory->bridges) {
        if (!bridge->is_present) {
            remove_bridge(memory, bridge);
        } else {
            bridge->is_present = false;
        }
    }
}

/* Takes note that the patch pair of 'bridge' was put right, at 'now'. */
void
memory_note_pair(struct memory *memory, const char *bridge, long long int now)
{
    struct bridge_memory *seen = memory_find_bridge(memory, bridge);
    if (seen && count_repair(&seen->pair_repairs, NULL, now)) {
        seen->no_pair_before_ms = now + MEMORY_REPAIR_PERIOD_MS;
    }
}

/* The same of its fail_mode. */
void
memory_note_fail_mode(struct memory *memory, const char *bridge,
                      long long int now)
{
    struct bridge_memory *seen = memory_find_bridge(memory, bridge);
    if (seen && count_repair(&seen->fail_mode_repairs, NULL, now)) {
        seen->no_fail_mode_before_ms = now + MEMORY_REPAIR_PERIOD_MS;
    }
}

/* Takes note that the database has refused the patch pair of 'bridge' at
 * 'now': it is not tried again for a while. */
void
memory_note_refused_pair(struct memory *memory, const char *bridge,
                         long long int now)
{
    struct bridge_memory *seen = memory_find_bridge(memory, bridge);
    if (seen) {
        seen->no_pair_before_ms = now + MEMORY_REPAIR_PERIOD_MS;
    }
}

/* Compares 'desired' with what is remembered of vNICs and bridges, at 'now' in
 * monotonic ms, and forgets those that are no more. */
void
memory_note_desired(struct memory *memory, const struct desired *desired,
                    long long int now)
{
    note_vnics(memory, desired, false, now);
    note_vnics(memory, desired, true, now);
    note_bridges(memory, desired);
    memory->has_met = memory->has_met || desired->is_complete;

    struct vnic_memory *vnic;
    HMAP_FOR_EACH_SAFE (vnic, node, &memory->vnics) {
        if (!vnic->is_present) {
            hmap_remove(&memory->vnics, &vnic->node);
            destroy_vnic(vnic);
        } else {
            vnic->is_present = false;
        }
    }
}

/* Remembers 'vlan', said by 'source', as what is in force for vNIC 'id'.  A
 * last good one may have been said by anybody. */
void
memory_note_vlan(struct memory *memory, const struct vnic_id *id,
                 const struct vlan_spec *vlan, enum vlan_source source)
{
    struct vnic_memory *vnic = find_or_add_vnic(memory, id);
    vnic->vlan = *vlan;
    vnic->has_vlan = true;
    if (source != VLAN_FROM_METADATA && source != VLAN_FROM_LAST_GOOD) {
        vnic->xml_vlan = *vlan;
        vnic->has_xml_vlan = true;
        vnic->is_xml_vlan_default = source == VLAN_FROM_DEFAULT;
    }
}

/* Returns what was last in force for vNIC 'id', or NULL. */
const struct vlan_spec *
memory_find_vlan(const struct memory *memory, const struct vnic_id *id)
{
    const struct vnic_memory *vnic = memory_find_vnic(memory, id);
    return vnic && vnic->has_vlan ? &vnic->vlan : NULL;
}

/* The same, of those that metadata did not say. */
const struct vlan_spec *
memory_find_xml_vlan(const struct memory *memory, const struct vnic_id *id)
{
    const struct vnic_memory *vnic = memory_find_vnic(memory, id);
    return vnic && vnic->has_xml_vlan ? &vnic->xml_vlan : NULL;
}

/* The same, of those that stay in force when nobody says them any more: not
 * what vnicd-default-vlan said. */
const struct vlan_spec *
memory_find_lasting_vlan(const struct memory *memory,
                         const struct vnic_id *id)
{
    const struct vnic_memory *vnic = memory_find_vnic(memory, id);
    return vnic && vnic->has_xml_vlan && !vnic->is_xml_vlan_default
           ? &vnic->xml_vlan : NULL;
}

/* Returns what metadata said last of the policy of vNIC 'id' that could be
 * used, NULL if there is no such thing. */
const struct policy_statement *
memory_find_policy(const struct memory *memory, const struct vnic_id *id)
{
    const struct vnic_memory *vnic = memory_find_vnic(memory, id);
    return vnic && vnic->has_policy ? &vnic->policy : NULL;
}

/* Counts that the port of vNIC 'id' was put back.  As memory_note_repair(). */
void
memory_note_plug(struct memory *memory, const struct vnic_id *id,
                 long long int now)
{
    struct vnic_memory *vnic = memory_find_vnic(memory, id);
    if (vnic && count_repair(&vnic->plugs, NULL, now)) {
        vnic->no_plug_before_ms = now + MEMORY_REPAIR_PERIOD_MS;
    }
}

/* Takes note that the port of vNIC 'id' was removed by ourselves: nobody has to
 * put it back. */
void
memory_note_unplug(struct memory *memory, const struct vnic_id *id)
{
    struct vnic_memory *vnic = memory_find_vnic(memory, id);
    if (vnic) {
        vnic->had_port = false;
    }
}

/* Takes note that the database has refused the port of vNIC 'id' at 'now'. */
void
memory_note_refused_plug(struct memory *memory, const struct vnic_id *id,
                         long long int now)
{
    struct vnic_memory *vnic = memory_find_vnic(memory, id);
    if (vnic) {
        vnic->no_plug_before_ms = now + MEMORY_REPAIR_PERIOD_MS;
    }
}

/* Orphans. */

static struct orphan_memory *
find_orphan(const struct memory *memory, const struct uuid *row)
{
    struct orphan_memory *orphan;
    HMAP_FOR_EACH_WITH_HASH (orphan, node, uuid_hash(row), &memory->orphans) {
        if (uuid_equals(&orphan->row, row)) {
            return orphan;
        }
    }
    return NULL;
}

static struct orphan_memory *
find_or_add_orphan(struct memory *memory, const struct uuid *row,
                   long long int now, long long int wall_ms)
{
    struct orphan_memory *orphan = find_orphan(memory, row);
    if (!orphan) {
        orphan = xzalloc(sizeof *orphan);
        orphan->row = *row;
        orphan->since_ms = now;
        orphan->seen_ms = wall_ms;
        hmap_insert(&memory->orphans, &orphan->node, uuid_hash(row));
    }
    return orphan;
}

/* Takes note that the database has refused to remove the orphan 'row' at
 * 'now'. */
void
memory_note_refused_collect(struct memory *memory, const struct uuid *row,
                            long long int now)
{
    struct orphan_memory *orphan = find_orphan(memory, row);
    if (orphan) {
        orphan->not_before_ms = now + MEMORY_REPAIR_PERIOD_MS;
    }
}

/* Tells each of 'orphans' since when it is one, at 'now' in monotonic ms, which
 * is 'wall_ms' since the epoch.  What is not among them any more begins anew,
 * should it come back. */
void
memory_note_orphans(struct memory *memory, struct orphans *orphans,
                    long long int now, long long int wall_ms)
{
    for (size_t i = 0; i < orphans->n; i++) {
        struct orphan *orphan = &orphans->orphans[i];
        struct orphan_memory *seen
            = find_or_add_orphan(memory, &orphan->row, now, wall_ms);
        orphan->since_ms = seen->since_ms;
        orphan->seen_ms = seen->seen_ms;
        orphan->not_before_ms = seen->not_before_ms;
        seen->is_present = true;
    }

    struct orphan_memory *seen;
    HMAP_FOR_EACH_SAFE (seen, node, &memory->orphans) {
        if (!seen->is_present) {
            hmap_remove(&memory->orphans, &seen->node);
            free(seen);
        } else {
            seen->is_present = false;
        }
    }
}
