/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */

/* Which rows of the switch's database have guests left behind?  A host that
 * lost its power leaves every port, a database that was down when a guest ended
 * leaves that guest's, and libvirt itself leaves the rows of bandwidths.  A
 * port that stays is taken over by the next guest whose tap gets its name.
 *
 * A port is an orphan only if everybody agrees:
 *
 *   - it bears the external_ids that libvirt writes, all of them;
 *   - the switch says that its network device does not exist, and so does the
 *     host: a guest that runs, of whichever hypervisor, has its tap open;
 *   - every libvirt that we ask has told all of its domains, and no running
 *     one has an interface of that name.
 *
 * What is of a domain that libvirt lists and cannot tell of is no orphan.
 *
 * And it is not removed before that has been so for a while, and libvirt has
 * been asked once more; see ovsdb/port-plan.c.  A port that we plugged ourselves
 * goes as soon as libvirt says that its guest has gone.
 *
 * When libvirt starts it has not told anything, but it plugs nobody either.
 * Then the first two witnesses are enough: a guest that has outlived libvirt
 * still has its tap.  It is the moment to be rid of the ports that a host has
 * from before it lost its power, before their names are given to others.
 * Pure. */

#include <config.h>
#include "lib/orphan.h"

#include <stdlib.h>

#include "lib/desired.h"
#include "lib/switch-view.h"
#include "sset.h"
#include "util.h"
#include "uuid.h"

static struct orphan *
add_orphan(struct orphans *orphans, const struct uuid *row)
{
    if (orphans->n >= orphans->allocated) {
        orphans->orphans = x2nrealloc(orphans->orphans, &orphans->allocated,
                                      sizeof *orphans->orphans);
    }
    struct orphan *orphan = &orphans->orphans[orphans->n++];
    *orphan = (struct orphan) { .row = *row };
    return orphan;
}

/* Stores in 'names' those of the ports that running domains say they have. */
static void
find_claimed_names(const struct desired *desired, struct sset *names)
{
    for (size_t i = 0; i < desired->n_vnics; i++) {
        const struct desired_vnic *d = &desired->vnics[i];
        const char *name = vnic_port_name(&d->vnic);
        if (!d->is_stray && name) {
            sset_add(names, name);
        }
    }
}

/* Did we plug the port of 'd', and does nobody want it there any more?  Our own
 * port goes with its guest, and moves when the metadata names another bridge. */
static bool
is_unwanted(const struct desired_vnic *d)
{
    if (!d->port->is_plugged_by_us) {
        return false;
    }
    return d->is_stray
           ? d->care == VNIC_UNMANAGED
           : d->care == VNIC_MANAGED && !d->is_metadata_in_doubt
             && vnic_may_be_plugged_by_us(&d->vnic)
             && !desired_vnic_is_plugged_as_meant(d);
}

/* Does no domain have 'd'?  An XML that cannot be used may hide it.  In a sweep
 * it is enough that none is known to. */
static bool
is_nobodys(const struct desired_vnic *d, bool is_sweep)
{
    return d->is_stray
           && (d->care == VNIC_UNMANAGED
               || (is_sweep && d->care == VNIC_UNKNOWN));
}

/* Did libvirt plug the port of 'd', and did its guest leave it behind? */
static bool
is_left_behind(const struct desired_vnic *d, bool is_sweep,
               const struct sset *claimed)
{
    return is_nobodys(d, is_sweep)
           && d->port->has_iface_id
           && port_view_lacks_netdev(d->port)
           && !sset_contains(claimed, d->port->name);
}

static void
find_ports(const struct switch_view *view, const struct desired *desired,
           bool is_sweep, struct orphans *orphans)
{
    struct sset claimed = SSET_INITIALIZER(&claimed);
    find_claimed_names(desired, &claimed);

    for (size_t i = 0; i < desired->n_vnics; i++) {
        const struct desired_vnic *d = &desired->vnics[i];
        const struct bridge_view *bridge
            = d->port ? switch_view_find_bridge(view, d->port->bridge) : NULL;
        if (!bridge || !bridge_view_is_managed(bridge)) {
            continue;
        }
        bool is_plugged_by_us = is_unwanted(d);
        if (is_plugged_by_us || is_left_behind(d, is_sweep, &claimed)) {
            struct orphan *orphan = add_orphan(orphans, &d->port->row);
            orphan->vnic = d;
            orphan->is_plugged_by_us = is_plugged_by_us;
            orphan->is_swept = is_sweep;
            orphan->is_collected = bridge->settings.collect_orphans;
        }
    }
    sset_destroy(&claimed);
}

/* Is 'd', whose domain runs, the vNIC that 'qos' was made for? */
static bool
is_made_for(const struct qos_view *qos, const struct desired_vnic *d)
{
    return !d->is_stray
           && uuid_equals(&d->vnic.id.domain, &qos->vm_id)
           && nullable_string_is_equal(vnic_port_name(&d->vnic), qos->ifname);
}

/* May there still be the vNIC, or its port, that 'qos' was made for?  Then it
 * may be linked to that again, also if the port has to be put back first. */
static bool
is_wanted(const struct switch_view *view, const struct desired *desired,
          const struct qos_view *qos)
{
    const struct port_view *port = switch_view_find_port(view, qos->ifname);
    if (desired_is_untold(desired, &qos->vm_id)
        || (port && port->is_vnic
            && uuid_equals(&port->vm_id, &qos->vm_id))) {
        return true;
    }
    for (size_t i = 0; i < desired->n_vnics; i++) {
        if (is_made_for(qos, &desired->vnics[i])) {
            return true;
        }
    }
    return false;
}

static void
find_qoses(const struct switch_view *view, const struct desired *desired,
           struct orphans *orphans)
{
    for (size_t i = 0; i < view->n_qoses; i++) {
        const struct qos_view *qos = &view->qoses[i];
        if (!qos->is_used && !is_wanted(view, desired, qos)) {
            struct orphan *orphan = add_orphan(orphans, &qos->row);
            orphan->qos = qos;
            orphan->is_collected = view->settings.collect_orphans;
        }
    }
}

/* Stores in 'orphans', whose content is overwritten unread, the rows of 'view'
 * that, as far as 'desired' tells, nobody needs.  The result points into both.
 * There are none as long as somebody has not told everything, except, if
 * 'is_sweep' says that libvirt plugs nobody now, ports. */
void
orphans_find(const struct switch_view *view, const struct desired *desired,
             bool is_sweep, struct orphans *orphans)
{
    *orphans = (struct orphans) ORPHANS_INIT;
    if (desired->is_complete || is_sweep) {
        find_ports(view, desired, is_sweep, orphans);
    }
    if (desired->is_complete) {
        find_qoses(view, desired, orphans);
    }
}

void
orphans_destroy(struct orphans *orphans)
{
    free(orphans->orphans);
    *orphans = (struct orphans) ORPHANS_INIT;
}

/* Returns the name of the database table that 'orphan' is in. */
const char *
orphan_table(const struct orphan *orphan)
{
    return (orphan->vnic ? "Port"
            : orphan->qos->table == QOS_TABLE_QOS ? "QoS" : "Queue");
}

/* Returns the name of the port that 'orphan' is, or was made for. */
const char *
orphan_name(const struct orphan *orphan)
{
    return orphan->vnic ? orphan->vnic->port->name : orphan->qos->ifname;
}

const struct uuid *
orphan_vm_id(const struct orphan *orphan)
{
    return orphan->vnic ? &orphan->vnic->port->vm_id : &orphan->qos->vm_id;
}

const char *
orphan_reason(const struct orphan *orphan)
{
    return !orphan->vnic ? "no port uses it"
           : orphan->vnic->is_stray ? orphan->vnic->reason
           : "its metadata does not want it here any more";
}
