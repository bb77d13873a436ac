/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */

/* The ports of a bridge, and to which of them NORMAL may flood.  Pure:
 * port-conn.c asks the switch. */

#include <config.h>
#include "flows/port-table.h"

#include <stdlib.h>

#include "flow.h"
#include "flows/flood-map.h"
#include "hash.h"
#include "util.h"

void
port_table_init(struct port_table *table)
{
    hmap_init(&table->entries);
}

void
port_table_destroy(struct port_table *table)
{
    if (table) {
        port_table_clear(table);
        hmap_destroy(&table->entries);
        port_table_init(table);
    }
}

void
port_table_clear(struct port_table *table)
{
    struct port_entry *entry;
    HMAP_FOR_EACH_POP (entry, node, &table->entries) {
        free(entry);
    }
}

static uint32_t
hash_number(ofp_port_t port_no)
{
    return hash_int(ofp_to_u16(port_no), 0);
}

static struct port_entry *
find(const struct port_table *table, ofp_port_t port_no)
{
    struct port_entry *entry;
    HMAP_FOR_EACH_WITH_HASH (entry, node, hash_number(port_no),
                             &table->entries) {
        if (entry->desc.port_no == port_no) {
            return entry;
        }
    }
    return NULL;
}

/* Takes note of what the switch says of a port. */
void
port_table_update(struct port_table *table,
                  const struct ofputil_phy_port *desc)
{
    port_table_remove(table, desc->port_no);
    struct port_entry *entry = xzalloc(sizeof *entry);
    entry->desc = *desc;
    hmap_insert(&table->entries, &entry->node, hash_number(desc->port_no));
}

void
port_table_remove(struct port_table *table, ofp_port_t port_no)
{
    struct port_entry *entry = find(table, port_no);
    if (entry) {
        hmap_remove(&table->entries, &entry->node);
        free(entry);
    }
}

static bool
has_no_flood(const struct port_entry *entry)
{
    return (entry->desc.config & OFPUTIL_PC_NO_FLOOD) != 0;
}

static struct ofputil_port_mod
make_change(const struct port_entry *entry)
{
    return (struct ofputil_port_mod) {
        .port_no = entry->desc.port_no,
        .hw_addr = entry->desc.hw_addr,
        .config = has_no_flood(entry) ? 0 : OFPUTIL_PC_NO_FLOOD,
        .mask = OFPUTIL_PC_NO_FLOOD,
    };
}

/* Looks for a port that is not as 'floods' says.  Returns true and sets
 * '*change' to what has to be sent, or returns false. */
bool
port_table_next_change(const struct port_table *table,
                       const struct flood_map *floods,
                       struct ofputil_port_mod *change)
{
    const struct port_entry *entry;
    HMAP_FOR_EACH (entry, node, &table->entries) {
        ofp_port_t port_no = entry->desc.port_no;
        if (!entry->is_refused && flood_map_contains(floods, port_no)
            && has_no_flood(entry) == flood_map_allows(floods, port_no)) {
            *change = make_change(entry);
            return true;
        }
    }
    return false;
}

/* Takes note that 'change' was sent: the switch does not tell him who asked
 * for it. */
void
port_table_apply(struct port_table *table,
                 const struct ofputil_port_mod *change)
{
    struct port_entry *entry = find(table, change->port_no);
    if (entry) {
        entry->desc.config = ((entry->desc.config & ~change->mask)
                              | change->config);
    }
}

/* Takes note that the switch refused to change 'port_no': what it is like is
 * not known until the switch speaks of it.  Returns its name, or NULL if there
 * is no such port any more. */
const char *
port_table_refuse(struct port_table *table, ofp_port_t port_no)
{
    struct port_entry *entry = find(table, port_no);
    if (!entry) {
        return NULL;
    }
    entry->is_refused = true;
    return entry->desc.name;
}
