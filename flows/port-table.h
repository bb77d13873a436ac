/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef FLOWS_PORT_TABLE_H
#define FLOWS_PORT_TABLE_H 1

#include <stdbool.h>
#include <stddef.h>

#include "openvswitch/hmap.h"
#include "openvswitch/ofp-port.h"

struct flood_map;

/* The ports of a bridge, as OpenFlow describes them, and to which of them
 * NORMAL may flood.  Pure. */

struct port_table {
    struct hmap entries;        /* Of 'struct port_entry', owned. */
};

struct port_entry {
    struct hmap_node node;      /* By number. */
    struct ofputil_phy_port desc;
    bool is_refused;            /* The switch refused a change: not again
                                 * before it has something new to say. */
};

void port_table_init(struct port_table *);
void port_table_destroy(struct port_table *);
void port_table_clear(struct port_table *);

void port_table_update(struct port_table *, const struct ofputil_phy_port *);
void port_table_remove(struct port_table *, ofp_port_t);

bool port_table_next_change(const struct port_table *,
                            const struct flood_map *floods,
                            struct ofputil_port_mod *);
void port_table_apply(struct port_table *, const struct ofputil_port_mod *);
const char *port_table_refuse(struct port_table *, ofp_port_t);

#endif /* flows/port-table.h */
