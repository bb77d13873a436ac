/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef FLOWS_FLOOD_MAP_H
#define FLOWS_FLOOD_MAP_H 1

#include <stdbool.h>

#include "bitmap.h"
#include "openflow/openflow-common.h"
#include "openvswitch/types.h"

/* To which ports of a bridge NORMAL may flood.  Pure.
 *
 * A port is its OpenFlow number: in OpenFlow 1.0, which alone has NO_FLOOD, a
 * name ends after 15 characters. */

#define FLOOD_MAP_BITS (UINT16_MAX + 1)

/* All zeroes: no port is known, and each stays as it is. */
struct flood_map {
    unsigned long known[BITMAP_N_LONGS(FLOOD_MAP_BITS)];
    unsigned long allowed[BITMAP_N_LONGS(FLOOD_MAP_BITS)]; /* Of these. */
};

void flood_map_put(struct flood_map *, ofp_port_t, bool is_allowed);
bool flood_map_contains(const struct flood_map *, ofp_port_t);
bool flood_map_allows(const struct flood_map *, ofp_port_t);
bool flood_map_equals(const struct flood_map *, const struct flood_map *);

#endif /* flows/flood-map.h */
