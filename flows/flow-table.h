/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef FLOWS_FLOW_TABLE_H
#define FLOWS_FLOW_TABLE_H 1

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "openvswitch/compiler.h"
#include "openvswitch/hmap.h"
#include "openvswitch/match.h"
#include "openvswitch/ofp-group.h"
#include "openvswitch/ofpbuf.h"

struct ds;

/* A set of OpenFlow flows and groups: those that are meant for a bridge, or
 * those that it has.  Pure. */

/* One flow; table, priority and match are its identity. */
struct flow_entry {
    struct hmap_node node;      /* In 'struct flow_table'. */
    uint8_t table_id;
    uint16_t priority;
    uint64_t cookie;
    struct minimatch match;
    struct ofpact *actions;     /* Owned. */
    size_t actions_len;         /* In bytes. */
    bool is_fleeting;           /* Has a time-out: goes by itself. */
};

/* One group of type "all"; its id is its identity. */
struct flow_group {
    struct hmap_node node;      /* In 'struct flow_table'. */
    uint32_t id;
    struct ovs_list buckets;    /* Of 'struct ofputil_bucket', owned. */
};

struct flow_table {
    struct hmap flows;          /* Of 'struct flow_entry', owned. */
    struct hmap groups;         /* Of 'struct flow_group', owned. */
};

void flow_table_init(struct flow_table *);
void flow_table_destroy(struct flow_table *);
void flow_table_clear(struct flow_table *);
void flow_table_steal(struct flow_table *dst, struct flow_table *src);
bool flow_table_is_empty(const struct flow_table *);
void flow_table_merge(struct flow_table *dst, struct flow_table *src);
void flow_table_subtract(struct flow_table *, const struct flow_table *keys);

struct flow_entry *flow_table_add(struct flow_table *, uint8_t table_id,
                                  uint16_t priority, uint64_t cookie,
                                  const struct match *,
                                  const struct ofpbuf *actions);
void flow_table_copy(struct flow_table *, const struct flow_entry *);
void flow_table_remove(struct flow_table *, const struct flow_entry *key);
const struct flow_entry *flow_table_find(const struct flow_table *,
                                         const struct flow_entry *);
bool flow_entry_equals(const struct flow_entry *, const struct flow_entry *);
void flow_entry_format(const struct flow_entry *, struct ds *);
void flow_entry_format_identity(const struct flow_entry *, struct ds *);
void flow_entry_format_match(const struct flow_entry *, struct ds *);
void flow_entry_format_actions(const struct flow_entry *, struct ds *);

struct flow_group *flow_table_add_group(struct flow_table *, uint32_t id);
void flow_group_add_bucket(struct flow_group *, uint32_t bucket_id,
                           const struct ofpbuf *actions);
void flow_table_copy_group(struct flow_table *, const struct flow_group *);
void flow_table_remove_group(struct flow_table *, uint32_t id);
const struct flow_group *flow_table_find_group(const struct flow_table *,
                                               uint32_t id);
bool flow_group_equals(const struct flow_group *, const struct flow_group *);
void flow_group_format(const struct flow_group *, struct ds *);

#endif /* flows/flow-table.h */
