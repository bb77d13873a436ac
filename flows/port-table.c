/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */

/* The ports of a bridge, and to which of them NORMAL may flood.  Pure:
 * port-conn.c asks the switch. */

#include <config.h>
#include "flows/port-table.h"

#include <stdlib.h>

#include "simap.h"
#include "util.h"

void
port_table_init(struct port_table *table)
{
    shash_init(&table->ports);
}

void
port_table_destroy(struct port_table *table)
{
    if (table) {
        shash_destroy_free_data(&table->ports);
        port_table_init(table);
    }
}

void
port_table_clear(struct port_table *table)
{
    shash_clear_free_data(&table->ports);
}

/* Takes note of what the switch says of a port. */
void
port_table_update(struct port_table *table,
                  const struct ofputil_phy_port *desc)
{
    struct port_entry *entry = xzalloc(sizeof *entry);
    entry->desc = *desc;
    free(shash_replace(&table->ports, desc->name, entry));
}

void
port_table_remove(struct port_table *table, const char *name)
{
    free(shash_find_and_delete(&table->ports, name));
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

/* Looks for a port that is not as 'floods' says: the name of a port, and
 * whether NORMAL may flood to it.  Ports that are not named stay as they are.
 * Returns true and sets '*change' to what has to be sent, or returns false. */
bool
port_table_next_change(const struct port_table *table,
                       const struct simap *floods,
                       struct ofputil_port_mod *change)
{
    const struct simap_node *node;
    HMAP_FOR_EACH (node, node, &floods->map) {
        const struct port_entry *entry = shash_find_data(&table->ports,
                                                         node->name);
        if (entry && !entry->is_refused
            && has_no_flood(entry) == (node->data != 0)) {
            *change = make_change(entry);
            return true;
        }
    }
    return false;
}

static struct port_entry *
find_by_number(const struct port_table *table, ofp_port_t port_no)
{
    const struct shash_node *node;
    HMAP_FOR_EACH (node, node, &table->ports.map) {
        struct port_entry *entry = node->data;
        if (entry->desc.port_no == port_no) {
            return entry;
        }
    }
    return NULL;
}

/* Takes note that 'change' was sent: the switch does not tell him who asked
 * for it. */
void
port_table_apply(struct port_table *table,
                 const struct ofputil_port_mod *change)
{
    struct port_entry *entry = find_by_number(table, change->port_no);
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
    struct port_entry *entry = find_by_number(table, port_no);
    if (!entry) {
        return NULL;
    }
    entry->is_refused = true;
    return entry->desc.name;
}
