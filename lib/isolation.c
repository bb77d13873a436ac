/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */

/* Decides for each bridge, from the vNICs on it, whether it needs a pipeline,
 * and whether anything may be dropped there.  Pure. */

#include <config.h>
#include "lib/isolation.h"

#include <string.h>

#include "lib/desired.h"
#include "lib/switch-view.h"

/* True if 'd' has a port on 'bridge' that is ours to look after. */
bool
isolation_is_of_bridge(const struct desired_vnic *d,
                       const struct bridge_view *bridge)
{
    return d->port && d->care != VNIC_UNMANAGED && d->care != VNIC_DISOWNED
           && !strcmp(d->port->bridge, bridge->name);
}

/* Of a vNIC that nobody has told us of, only the bridge says anything. */
static enum guard_level
guard_of(const struct desired_vnic *d, const struct bridge_view *bridge)
{
    return d->care == VNIC_UNKNOWN ? bridge->settings.guard : d->policy.guard;
}

/* True if a vNIC on 'bridge', which is ours to manage, asks for anything that
 * NORMAL does not do. */
bool
isolation_is_needed(const struct desired *desired,
                    const struct bridge_view *bridge)
{
    if (!bridge_view_is_managed(bridge)) {
        return false;
    }
    for (size_t i = 0; i < desired->n_vnics; i++) {
        const struct desired_vnic *d = &desired->vnics[i];
        if (isolation_is_of_bridge(d, bridge)
            && (guard_of(d, bridge) != GUARD_OFF
                || d->policy.isolation != ISOLATION_PROMISCUOUS)) {
            return true;
        }
    }
    return false;
}

/* True if anything that plain NORMAL passes is to be dropped on 'bridge'.  As
 * long as it is not, whoever is unknown there passes, too. */
bool
isolation_is_enforced(const struct desired *desired,
                      const struct bridge_view *bridge)
{
    if (bridge->settings.guard == GUARD_ENFORCE) {
        return true;
    }
    for (size_t i = 0; i < desired->n_vnics; i++) {
        const struct desired_vnic *d = &desired->vnics[i];
        if (isolation_is_of_bridge(d, bridge)
            && (guard_of(d, bridge) == GUARD_ENFORCE
                || d->policy.isolation != ISOLATION_PROMISCUOUS)) {
            return true;
        }
    }
    return false;
}
