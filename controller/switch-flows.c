/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */

/* Decides which bridges are talked to; how is in bridge-flows.c. */

#include <config.h>
#include "controller/switch-flows.h"

#include <stdlib.h>
#include <string.h>

#include "controller/bridge-flows.h"
#include "controller/reconcile.h"
#include "lib/isolation.h"
#include "util.h"

struct switch_flows {
    struct bridge_flows **bridges; /* Owned, by name. */
    size_t n;
    unsigned int seqno;         /* Changes with the bridges that are gone. */
};

struct switch_flows *
switch_flows_create(void)
{
    return xzalloc(sizeof(struct switch_flows));
}

/* Leaves the switch as it is. */
void
switch_flows_destroy(struct switch_flows *flows)
{
    if (flows) {
        switch_flows_leave(flows);
        free(flows);
    }
}

void
switch_flows_run(struct switch_flows *flows, long long int now)
{
    for (size_t i = 0; i < flows->n; i++) {
        bridge_flows_run(flows->bridges[i], now);
    }
}

void
switch_flows_wait(const struct switch_flows *flows)
{
    for (size_t i = 0; i < flows->n; i++) {
        bridge_flows_wait(flows->bridges[i]);
    }
}

/* Returns the one that talks to 'bridge', or NULL.  A bridge that was made anew
 * is another, whatever its name: it has none of the flows, and its ports have
 * other numbers. */
static struct bridge_flows *
find(const struct switch_flows *flows, const struct bridge_view *bridge)
{
    for (size_t i = 0; i < flows->n; i++) {
        if (bridge_flows_is_of(flows->bridges[i], bridge)) {
            return flows->bridges[i];
        }
    }
    return NULL;
}

static bool
contains(const struct switch_flows *flows, const struct bridge_flows *bf)
{
    for (size_t i = 0; i < flows->n; i++) {
        if (flows->bridges[i] == bf) {
            return true;
        }
    }
    return false;
}

/* A bridge that needs no pipeline may have one all the same, as the patch pair
 * tells: it is the last to go. */
static bool
is_talked_to(const struct desired_bridge *bridge,
             const struct bridge_flows *bf)
{
    return bridge->needs_pipeline || patch_pair_is_there(&bridge->pair)
           || (bf && bridge_flows_has_work(bf));
}

/* Connects to the bridges of 'desired' that are to be talked to, and leaves
 * the others. */
static void
choose_bridges(struct switch_flows *flows, const struct desired *desired)
{
    struct bridge_flows **bridges = xcalloc(desired->n_bridges,
                                            sizeof *bridges);
    size_t n = 0;
    for (size_t i = 0; i < desired->n_bridges; i++) {
        const struct desired_bridge *bridge = &desired->bridges[i];
        struct bridge_flows *bf = find(flows, bridge->view);
        if (is_talked_to(bridge, bf)) {
            bridges[n++] = bf ? bf : bridge_flows_create(bridge->view);
        }
    }

    struct switch_flows old = *flows;
    flows->bridges = bridges;
    flows->n = n;
    for (size_t i = 0; i < old.n; i++) {
        if (!contains(flows, old.bridges[i])) {
            flows->seqno += bridge_flows_seqno(old.bridges[i]);
            bridge_flows_destroy(old.bridges[i]);
        }
    }
    free(old.bridges);
}

/* Talks to no bridge any more, and leaves them as they are. */
void
switch_flows_leave(struct switch_flows *flows)
{
    for (size_t i = 0; i < flows->n; i++) {
        flows->seqno += bridge_flows_seqno(flows->bridges[i]);
        bridge_flows_destroy(flows->bridges[i]);
    }
    free(flows->bridges);
    flows->bridges = NULL;
    flows->n = 0;
}

static void
judge_bridge(const struct bridge_flows *bf, struct desired *desired,
             struct desired_bridge *bridge)
{
    bool is_enforced = isolation_is_enforced(desired, bridge->view);
    bridge_flows_judge_bridge(bf, bridge);
    for (size_t i = 0; i < desired->n_vnics; i++) {
        struct desired_vnic *d = &desired->vnics[i];
        if (isolation_is_of_bridge(d, bridge->view)) {
            bridge_flows_judge_vnic(bf, bridge, is_enforced, d);
        }
    }
}

/* Notes in 'desired' how far the switch is with the flows of each vNIC, and
 * what is to become of each patch pair now.  Without 'may_choose' the bridges
 * that are talked to stay the same. */
void
switch_flows_judge(struct switch_flows *flows, struct desired *desired,
                   bool may_choose)
{
    if (may_choose) {
        choose_bridges(flows, desired);
    }
    for (size_t i = 0; i < desired->n_bridges; i++) {
        struct desired_bridge *bridge = &desired->bridges[i];
        const struct bridge_flows *bf = find(flows, bridge->view);
        if (bf) {
            judge_bridge(bf, desired, bridge);
        }
    }
}

/* Does what 'pass' wants done, as far as it can be done now. */
void
switch_flows_update(struct switch_flows *flows, const struct pass *pass,
                    bool has_met_libvirt, long long int now)
{
    for (size_t i = 0; i < pass->desired.n_bridges; i++) {
        const struct desired_bridge *bridge = &pass->desired.bridges[i];
        struct bridge_flows *bf = find(flows, bridge->view);
        if (bf) {
            bridge_flows_update(bf, pass, bridge, has_met_libvirt, now);
        }
    }
}

/* A guest waits for its flows. */
void
switch_flows_hurry(struct switch_flows *flows, long long int now)
{
    for (size_t i = 0; i < flows->n; i++) {
        bridge_flows_hurry(flows->bridges[i], now);
    }
}

/* Lets everybody in that was refused. */
void
switch_flows_retry(struct switch_flows *flows)
{
    for (size_t i = 0; i < flows->n; i++) {
        bridge_flows_retry(flows->bridges[i]);
    }
}

/* Returns a number that changes with all that switch_flows_judge() notes. */
unsigned int
switch_flows_seqno(const struct switch_flows *flows)
{
    unsigned int seqno = flows->seqno;
    for (size_t i = 0; i < flows->n; i++) {
        seqno += bridge_flows_seqno(flows->bridges[i]);
    }
    return seqno;
}

size_t
switch_flows_n(const struct switch_flows *flows)
{
    return flows->n;
}

/* Returns the bridge at index 'i'. */
const struct bridge_flows *
switch_flows_get(const struct switch_flows *flows, size_t i)
{
    return flows->bridges[i];
}

/* Returns the bridge called 'bridge', or NULL: it is not talked to. */
const struct bridge_flows *
switch_flows_find(const struct switch_flows *flows, const char *bridge)
{
    for (size_t i = 0; i < flows->n; i++) {
        if (!strcmp(bridge_flows_name(flows->bridges[i]), bridge)) {
            return flows->bridges[i];
        }
    }
    return NULL;
}
