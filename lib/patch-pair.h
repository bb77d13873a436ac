/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef LIB_PATCH_PAIR_H
#define LIB_PATCH_PAIR_H 1

#include <stdbool.h>

#include "lib/switch-view.h"
#include "lib/vlan.h"

/* The two patch ports by which a pipeline meets NORMAL on its bridge: which
 * they are, and what they have to be. */

/* A frame in this VLAN, which is reserved, has no way into the bridge: where
 * plain NORMAL rules, a port that is on no other VLAN does nothing. */
#define PATCH_DEAD_VLAN 4095

struct patch_port {
    char *name;                 /* That it has, or is to get. */
    const struct port_view *port; /* Borrowed; NULL: there is none. */
};

struct patch_pair {
    struct patch_port sides[N_PATCH_SIDES];
};

const char *patch_side_to_string(enum patch_side);
bool patch_side_from_string(const char *, enum patch_side *);

void patch_pair_find(const struct switch_view *, const char *bridge,
                     struct patch_pair *);
void patch_pair_destroy(struct patch_pair *);
bool patch_pair_is_there(const struct patch_pair *);
bool patch_pair_found_no_flows(const struct patch_pair *);

struct vlan_spec patch_pair_columns(enum patch_side);
const char *patch_pair_peer(const struct patch_pair *, enum patch_side);
bool patch_pair_is_right(const struct patch_pair *, enum patch_side);

#endif /* lib/patch-pair.h */
