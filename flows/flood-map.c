/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */

/* To which ports of a bridge NORMAL may flood, and which are not ours to
 * decide about.  Pure: bridge-facts.c decides, and port-conn.c tells the
 * switch. */

#include <config.h>
#include "flows/flood-map.h"

#include <string.h>

#include "flow.h"

/* Says whether NORMAL may flood to 'port'. */
void
flood_map_put(struct flood_map *map, ofp_port_t port, bool is_allowed)
{
    bitmap_set1(map->known, ofp_to_u16(port));
    bitmap_set(map->allowed, ofp_to_u16(port), is_allowed);
}

/* False for a port that stays as it is. */
bool
flood_map_contains(const struct flood_map *map, ofp_port_t port)
{
    return bitmap_is_set(map->known, ofp_to_u16(port));
}

/* True for a port that is in 'map', and that NORMAL may flood to. */
bool
flood_map_allows(const struct flood_map *map, ofp_port_t port)
{
    return bitmap_is_set(map->allowed, ofp_to_u16(port));
}

bool
flood_map_equals(const struct flood_map *a, const struct flood_map *b)
{
    return !memcmp(a, b, sizeof *a);
}
