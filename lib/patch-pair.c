/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */

/* Finds the patch pair of a bridge, by our mark, and names one that is not
 * there yet.  Pure. */

#include <config.h>
#include "lib/patch-pair.h"

#include <stdlib.h>
#include <string.h>

#include "hash.h"
#include "lib/text.h"
#include "util.h"

/* OpenFlow 1.0 cuts longer names. */
enum { MAX_NAME_LEN = 15 };

/* What of a bridge's name goes into the names of its pair. */
enum { MAX_STEM_LEN = 10, SHORT_STEM_LEN = 5 };

static const struct {
    const char *name;           /* In our mark. */
    const char *suffix;         /* Of the port's name. */
} sides[N_PATCH_SIDES] = {
#define PATCH_SIDE(ENUM, NAME, SUFFIX) [PATCH_##ENUM] = { NAME, SUFFIX },
    PATCH_SIDES
#undef PATCH_SIDE
};

const char *
patch_side_to_string(enum patch_side side)
{
    return sides[side].name;
}

bool
patch_side_from_string(const char *s, enum patch_side *side)
{
    for (*side = 0; *side < N_PATCH_SIDES; (*side)++) {
        if (!strcmp(s, sides[*side].name)) {
            return true;
        }
    }
    return false;
}

/* Is there a port, or an interface, called 'name'? */
static bool
is_taken(const struct switch_view *view, const char *name)
{
    return switch_view_find_port(view, name)
           || svec_contains(&view->interface_names, name);
}

/* Returns the name for 'side' of 'bridge' that is tried as number 'attempt':
 * "br0-in", and where the bridge's name is too long or that one is taken, one
 * with a number made from the bridge's name, "ovs-b-5a17-in". */
static char *
try_name(const char *bridge, enum patch_side side, uint32_t attempt)
{
    char *name = (attempt || strlen(bridge) > MAX_STEM_LEN
                  ? xasprintf("%.*s-%04x-%s",
                              (int) text_cut(bridge, SHORT_STEM_LEN), bridge,
                              hash_string(bridge, attempt) & 0xffff,
                              sides[side].suffix)
                  : xasprintf("%s-%s", bridge, sides[side].suffix));
    ovs_assert(strlen(name) <= MAX_NAME_LEN);
    return name;
}

/* Returns a name for 'side' of 'bridge' that is nobody's. */
static char *
find_name(const struct switch_view *view, const char *bridge,
          enum patch_side side)
{
    for (uint32_t attempt = 0;; attempt++) {
        char *name = try_name(bridge, side, attempt);
        if (!is_taken(view, name)) {
            return name;
        }
        free(name);
    }
}

static const struct port_view *
find_side(const struct switch_view *view, const char *bridge,
          enum patch_side side)
{
    for (size_t i = 0; i < view->n_ports; i++) {
        const struct port_view *port = &view->ports[i];
        if (port->patch_side == side && !strcmp(port->bridge, bridge)) {
            return port;
        }
    }
    return NULL;
}

/* Stores in 'pair', whose content is overwritten unread, the ports of 'bridge'
 * in 'view', or the names that they are to get. */
void
patch_pair_find(const struct switch_view *view, const char *bridge,
                struct patch_pair *pair)
{
    for (enum patch_side side = 0; side < N_PATCH_SIDES; side++) {
        const struct port_view *port = find_side(view, bridge, side);
        pair->sides[side].port = port;
        pair->sides[side].name = (port ? xstrdup(port->name)
                                  : find_name(view, bridge, side));
    }
}

/* Frees what 'pair' owns, not 'pair' itself. */
void
patch_pair_destroy(struct patch_pair *pair)
{
    for (enum patch_side side = 0; side < N_PATCH_SIDES; side++) {
        free(pair->sides[side].name);
        pair->sides[side].name = NULL;
    }
}

/* True if any of its ports exists. */
bool
patch_pair_is_there(const struct patch_pair *pair)
{
    return pair->sides[PATCH_OUTSIDE].port || pair->sides[PATCH_INSIDE].port;
}

/* True if the bridge had no flow when the pair came, as our marks say. */
bool
patch_pair_found_no_flows(const struct patch_pair *pair)
{
    for (enum patch_side side = 0; side < N_PATCH_SIDES; side++) {
        const struct port_view *port = pair->sides[side].port;
        if (port && port->found_no_flows) {
            return true;
        }
    }
    return false;
}

/* Returns the VLAN columns that 'side' has to have. */
struct vlan_spec
patch_pair_columns(enum patch_side side)
{
    struct vlan_spec columns = VLAN_SPEC_INIT;
    if (side == PATCH_INSIDE) {
        vlan_set_add(&columns.trunks, PATCH_DEAD_VLAN);
    }
    return columns;
}

/* Returns the name of the port that 'side' has to lead to. */
const char *
patch_pair_peer(const struct patch_pair *pair, enum patch_side side)
{
    return pair->sides[side == PATCH_INSIDE ? PATCH_OUTSIDE
                                            : PATCH_INSIDE].name;
}

/* True if 'side', which must be there, is all that it has to be. */
bool
patch_pair_is_right(const struct patch_pair *pair, enum patch_side side)
{
    const struct port_view *port = pair->sides[side].port;
    struct vlan_spec columns = patch_pair_columns(side);
    return nullable_string_is_equal(port->type, "patch")
           && nullable_string_is_equal(port->peer,
                                       patch_pair_peer(pair, side))
           && vlan_spec_equals(&port->columns, &columns)
           && port->is_off_stp;
}
