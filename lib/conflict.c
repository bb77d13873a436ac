/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */

/* Looks at all vNICs together, each of which was judged by itself before, and
 * finds those that are in each other's way.  Pure. */

#include <config.h>
#include "lib/conflict.h"

#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/desired.h"
#include "lib/judge.h"
#include "lib/switch-view.h"
#include "openvswitch/shash.h"
#include "packets.h"
#include "util.h"

/* Conflicts: two vNICs whose ports would have one name. */

static void
quarantine_namesake(const struct memory *memory,
                    const struct desired_vnic *first, struct desired_vnic *d)
{
    CLEANUP_FREE char *other = desired_vnic_label(first);
    judge_quarantine(d, memory,
                     xasprintf("its port would be called %s, as that of %s",
                               vnic_port_name(&d->vnic), other));
    d->is_name_taken = true;
}

/* Quarantines, of any two vNICs that wait for a port of the same name, the
 * second. */
static void
resolve_names(const struct facts *facts, struct desired *desired)
{
    struct shash names = SHASH_INITIALIZER(&names);
    for (size_t i = 0; i < desired->n_vnics; i++) {
        struct desired_vnic *d = &desired->vnics[i];
        const char *name = vnic_port_name(&d->vnic);
        if (d->port || !name || !desired_vnic_is_meant(d)) {
            continue;
        }
        const struct desired_vnic *first = shash_find_data(&names, name);
        if (first) {
            quarantine_namesake(facts->memory, first, d);
        } else {
            shash_add(&names, name, d);
        }
    }
    shash_destroy(&names);
}

/* Conflicts: two vNICs with one MAC that can hear each other. */

static long long int
ready_since(const struct desired_vnic *d)
{
    return d->port && port_view_is_marked(d->port) && d->port->ready_ms
           ? d->port->ready_ms
           : LLONG_MAX;
}

/* By bridge and MAC; then the one that has been ready for longest. */
static int
compare_seniority(const void *a_, const void *b_)
{
    const struct desired_vnic *a = *(const struct desired_vnic *const *) a_;
    const struct desired_vnic *b = *(const struct desired_vnic *const *) b_;

    int cmp = strcmp(a->bridge, b->bridge);
    if (!cmp) {
        cmp = eth_addr_compare_3way(a->vnic.id.mac, b->vnic.id.mac);
    }
    if (!cmp) {
        long long int a_ms = ready_since(a), b_ms = ready_since(b);
        cmp = (a_ms > b_ms) - (a_ms < b_ms);
    }
    return cmp ? cmp : vnic_id_compare(&a->vnic.id, &b->vnic.id);
}

static bool
conflicts(const struct desired_vnic *a, const struct desired_vnic *b)
{
    struct vlan_spec a_vlan = desired_vnic_vlans(a);
    struct vlan_spec b_vlan = desired_vnic_vlans(b);
    return a->care == VNIC_MANAGED
           && b->care == VNIC_MANAGED
           && vlan_spec_overlaps(&a_vlan, &b_vlan);
}

static void
resolve_conflict(const struct memory *memory,
                 const struct desired_vnic *senior,
                 struct desired_vnic *newcomer)
{
    struct vlan_spec mine = desired_vnic_vlans(newcomer);
    struct vlan_spec theirs = desired_vnic_vlans(senior);
    CLEANUP_FREE char *my_vlan = vlan_spec_to_string(&mine);
    CLEANUP_FREE char *their_vlan = vlan_spec_to_string(&theirs);
    CLEANUP_FREE char *other = desired_vnic_label(senior);

    judge_quarantine(newcomer, memory,
                     xasprintf("%s (port %s) has the same MAC on bridge %s, "
                               "and its VLAN %s overlaps with %s", other,
                               (senior->port
                                ? senior->port->name : "not there yet"),
                               senior->bridge, their_vlan, my_vlan));
}

/* Quarantines, of any two running vNICs with the same MAC on one bridge and a
 * VLAN in common, the one that came later. */
static void
resolve_macs(const struct facts *facts, struct desired *desired)
{
    struct desired_vnic **sorted = xmalloc(desired->n_vnics * sizeof *sorted);
    size_t n = 0;
    for (size_t i = 0; i < desired->n_vnics; i++) {
        struct desired_vnic *d = &desired->vnics[i];
        if (d->care == VNIC_MANAGED && d->bridge) {
            sorted[n++] = d;
        }
    }
    if (n) {
        qsort(sorted, n, sizeof *sorted, compare_seniority);
    }

    for (size_t i = 0; i < n; i++) {
        for (size_t j = i + 1; j < n; j++) {
            if (!eth_addr_equals(sorted[i]->vnic.id.mac,
                                 sorted[j]->vnic.id.mac)
                || strcmp(sorted[i]->bridge, sorted[j]->bridge)) {
                break;
            }
            if (conflicts(sorted[i], sorted[j])) {
                resolve_conflict(facts->memory, sorted[i], sorted[j]);
            }
        }
    }
    free(sorted);
}

/* Quarantines, of any two vNICs that are in each other's way, one. */
void
conflict_resolve(const struct facts *facts, struct desired *desired)
{
    resolve_names(facts, desired);
    resolve_macs(facts, desired);
}
