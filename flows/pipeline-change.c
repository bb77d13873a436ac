/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */

/* What changes in the flows of a bridge with what it is made from.  Pure.
 *
 * Theory of operation
 * ===================
 *
 * Nothing is remembered of how flows were built: they follow from facts, and so
 * does what differs between two of them.  Whatever of the facts before and of
 * those after is not the same is built from both: the flows of the former go,
 * those of the latter come.  That is
 *
 *     the flows of each vNIC that is not the same,
 *     and of those that may have a flow in common with one of these: of two
 *         that mean the same flow one has it, and when that one goes, the
 *         other does;
 *     the groups of all VLANs with such a vNIC: where VLANs have got other
 *         receivers, or the same as others, those that they shared groups
 *         with, too;
 *     everybody's flows, if ports or communities are not the same.
 *
 * If anything else is not, which is seldom, everything is built. */

#include <config.h>
#include "flows/pipeline-private.h"

#include <stdlib.h>

#include "flows/flow-change.h"
#include "util.h"

/* One side of a change. */
struct side {
    struct pipeline p;
    bool *is_built;             /* For each of its vNICs: its flows are. */
};

/* What is built on both sides, besides. */
struct scope {
    bool has_shared;            /* Everybody's flows. */
    struct vlan_set floods;     /* The groups of these VLANs. */
};

static void
side_init(struct side *side, const struct pipeline_bridge *bridge,
          struct flow_table *flows)
{
    pipeline_init(&side->p, bridge, flows);
    side->is_built = xcalloc(side->p.n_vnics, sizeof *side->is_built);
}

static void
side_destroy(struct side *side)
{
    free(side->is_built);
    pipeline_destroy(&side->p);
}

/* vNICs that are not the same. */

static void
include_vnic(struct scope *scope, struct side *side, size_t i)
{
    side->is_built[i] = true;
    vlan_set_merge(&scope->floods, &side->p.vlans[i]);
    if (side->p.vnics[i]->policy.isolation == ISOLATION_COMMUNITY) {
        scope->has_shared = true;
    }
}

/* Returns whether the number of vNIC 'i' of 'a' comes before that of vNIC 'j'
 * of 'b' (less than 0), or behind it.  There may be no such vNIC. */
static int
compare_numbers(const struct side *a, size_t i, const struct side *b, size_t j)
{
    if (i >= a->p.n_vnics || j >= b->p.n_vnics) {
        return i < a->p.n_vnics ? -1 : 1;
    }
    uint32_t x = a->p.vnics[i]->number, y = b->p.vnics[j]->number;
    return x < y ? -1 : x > y;
}

static void
include_changed(struct scope *scope, struct side *before, struct side *after)
{
    size_t i = 0, j = 0;
    while (i < before->p.n_vnics || j < after->p.n_vnics) {
        int cmp = compare_numbers(before, i, after, j);
        if (cmp || !pipeline_vnic_equals(before->p.vnics[i],
                                         after->p.vnics[j])) {
            if (cmp <= 0) {
                include_vnic(scope, before, i);
            }
            if (cmp >= 0) {
                include_vnic(scope, after, j);
            }
        }
        i += cmp <= 0;
        j += cmp >= 0;
    }
}

/* Those that may have a flow in common with one of them. */

static bool
has_relative(const struct side *side, const struct pipeline_vnic *vnic)
{
    for (size_t i = 0; i < side->p.n_vnics; i++) {
        if (side->is_built[i] && vnic_is_related(side->p.vnics[i], vnic)) {
            return true;
        }
    }
    return false;
}

/* Includes the vNICs of 'side' that are related to one that is built.  Returns
 * whether there was another one. */
static bool
include_relatives(struct side *side, const struct side *other)
{
    bool has_more = false;
    for (size_t i = 0; i < side->p.n_vnics; i++) {
        if (!side->is_built[i]
            && (has_relative(side, side->p.vnics[i])
                || has_relative(other, side->p.vnics[i]))) {
            side->is_built[i] = has_more = true;
        }
    }
    return has_more;
}

static void
include_all_relatives(struct side *before, struct side *after)
{
    bool has_more = true;
    while (has_more) {
        has_more = include_relatives(before, after);
        has_more = include_relatives(after, before) || has_more;
    }
}

/* Everything. */

/* Is all the same that the flows of each vNIC follow from? */
static bool
are_alike(const struct pipeline *a, const struct pipeline *b)
{
    return pipeline_bridge_settings_equal(a->bridge, b->bridge)
           && vlan_set_equals(&a->tunnel_vlans, &b->tunnel_vlans)
           && a->has_learner == b->has_learner;
}

static void
include_all(struct scope *scope, struct side *side)
{
    for (size_t i = 0; i < side->p.n_vnics; i++) {
        side->is_built[i] = true;
    }
    scope->has_shared = true;
    bitmap_set_multiple(scope->floods.bits, 0, VLAN_SET_BITS, true);
}

static void
find_scope(struct side *before, struct side *after, struct scope *scope)
{
    if (!are_alike(&before->p, &after->p)) {
        include_all(scope, before);
        include_all(scope, after);
        return;
    }
    scope->has_shared = !pipeline_bridge_ports_equal(before->p.bridge,
                                                     after->p.bridge);
    include_changed(scope, before, after);
    include_all_relatives(before, after);
    pipeline_flood_add_relatives(&before->p, &scope->floods);
    pipeline_flood_add_relatives(&after->p, &scope->floods);
}

static void
build(struct side *side, const struct scope *scope)
{
    struct pipeline *p = &side->p;
    if (scope->has_shared) {
        pipeline_build_shared(p);
    }
    for (size_t i = 0; i < p->n_vnics; i++) {
        if (side->is_built[i]) {
            pipeline_build_vnic(p, i);
        }
    }
    pipeline_flood(p, &scope->floods);
}

/* Adds to 'change', which is empty, what makes the flows and groups of 'old'
 * those of 'new'. */
void
pipeline_build_change(const struct pipeline_bridge *old,
                      const struct pipeline_bridge *new,
                      struct flow_change *change)
{
    struct side before, after;
    struct scope scope = { .has_shared = false };
    side_init(&before, old, &change->before);
    side_init(&after, new, &change->after);
    find_scope(&before, &after, &scope);
    build(&before, &scope);
    build(&after, &scope);
    side_destroy(&before);
    side_destroy(&after);
}
