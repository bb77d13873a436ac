/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */

/* A set of flows and groups, to be compared with another.  Pure.
 *
 * Theory of operation
 * ===================
 *
 * One flow can be written in several ways: "strip_vlan" is "pop_vlan", "load"
 * is "set_field", a match may carry bits that its other fields make
 * meaningless.  A switch answers a dump in one of them, whatever it was sent.
 * So that what is meant and what is installed can be compared byte by byte,
 * everything that is added here is encoded as OpenFlow and decoded again, as
 * if it came out of a dump.  The version is always the same, so that what was
 * dumped with another compares equal, too.
 *
 * The number of a bucket takes no part in a comparison: OpenFlow 1.4 has
 * none, and a group is always replaced as a whole. */

#include <config.h>
#include "flows/flow-table.h"

#include <stdlib.h>
#include <string.h>

#include "hash.h"
#include "openvswitch/dynamic-string.h"
#include "openvswitch/ofp-actions.h"
#include "openvswitch/ofp-match.h"
#include "util.h"

#define CANONICAL_VERSION OFP15_VERSION
#define CANONICAL_PROTOCOL OFPUTIL_P_OF15_OXM

void
flow_table_init(struct flow_table *table)
{
    hmap_init(&table->flows);
    hmap_init(&table->groups);
}

void
flow_table_destroy(struct flow_table *table)
{
    if (table) {
        flow_table_clear(table);
        hmap_destroy(&table->flows);
        hmap_destroy(&table->groups);
        flow_table_init(table);
    }
}

static void
flow_entry_destroy(struct flow_entry *entry)
{
    minimatch_destroy(&entry->match);
    free(entry->actions);
    free(entry);
}

static void
flow_group_destroy(struct flow_group *group)
{
    ofputil_bucket_list_destroy(&group->buckets);
    free(group);
}

void
flow_table_clear(struct flow_table *table)
{
    struct flow_entry *entry;
    HMAP_FOR_EACH_POP (entry, node, &table->flows) {
        flow_entry_destroy(entry);
    }

    struct flow_group *group;
    HMAP_FOR_EACH_POP (group, node, &table->groups) {
        flow_group_destroy(group);
    }
}

/* Replaces the content of 'dst' by that of 'src', which is empty then. */
void
flow_table_steal(struct flow_table *dst, struct flow_table *src)
{
    flow_table_clear(dst);
    hmap_swap(&dst->flows, &src->flows);
    hmap_swap(&dst->groups, &src->groups);
}

bool
flow_table_is_empty(const struct flow_table *table)
{
    return hmap_is_empty(&table->flows) && hmap_is_empty(&table->groups);
}

/* Initialises 'dst' as what a dump would say of 'src'.  What cannot be decoded
 * stays as it is: the switch will refuse it, and say why. */
static void
canonicalise_match(const struct match *src, struct minimatch *dst)
{
    uint64_t stub[256 / 8];
    struct ofpbuf wire = OFPBUF_STUB_INITIALIZER(stub);
    ofputil_put_ofp11_match(&wire, src, CANONICAL_PROTOCOL);

    struct match decoded;
    enum ofperr error = ofputil_pull_ofp11_match(&wire, NULL, NULL, &decoded,
                                                 NULL);
    minimatch_init(dst, error ? src : &decoded);
    ofpbuf_uninit(&wire);
}

/* libopenvswitch leaves what it does not need of a set_field as it was in
 * memory; a comparison of actions is one of bytes. */
static void
zero_padding(struct ofpbuf *actions)
{
    struct ofpact *a;
    OFPACT_FOR_EACH_FLATTENED (a, actions->data, actions->size) {
        if (a->type == OFPACT_SET_FIELD) {
            struct ofpact_set_field *sf = ofpact_get_SET_FIELD(a);
            size_t size = sf->field->n_bytes;
            size_t n_padding = ROUND_UP(size, OFPACT_ALIGNTO) - size;
            memset(sf->value->b + size, 0, n_padding);
            memset(ofpact_set_field_mask(sf)->b + size, 0, n_padding);
        }
    }
}

typedef enum ofperr ofpacts_pull_func(struct ofpbuf *wire, unsigned int len,
                                      enum ofp_version,
                                      const struct vl_mff_map *,
                                      uint64_t *tlv_bitmap,
                                      struct ofpbuf *ofpacts);

/* Returns what a dump would say of 'src', whose encoding is 'wire', to be
 * decoded with 'pull'.  What cannot be decoded stays as it is. */
static struct ofpact *
canonicalise_actions(const struct ofpbuf *src, struct ofpbuf *wire,
                     ofpacts_pull_func *pull, size_t *lenp)
{
    uint64_t stub[1024 / 8];
    struct ofpbuf actions = OFPBUF_STUB_INITIALIZER(stub);
    if (pull(wire, wire->size, CANONICAL_VERSION, NULL, NULL, &actions)) {
        ofpbuf_clear(&actions);
        ofpbuf_put(&actions, src->data, src->size);
    }
    zero_padding(&actions);

    *lenp = actions.size;
    struct ofpact *copy = xmemdup(actions.data, actions.size);
    ofpbuf_uninit(&actions);
    return copy;
}

static struct ofpact *
canonicalise_flow_actions(const struct ofpbuf *src, size_t *lenp)
{
    uint64_t stub[512 / 8];
    struct ofpbuf wire = OFPBUF_STUB_INITIALIZER(stub);
    ofpacts_put_openflow_instructions(src->data, src->size, &wire,
                                      CANONICAL_VERSION);
    struct ofpact *actions = canonicalise_actions(
        src, &wire, ofpacts_pull_openflow_instructions, lenp);
    ofpbuf_uninit(&wire);
    return actions;
}

static struct ofpact *
canonicalise_bucket_actions(const struct ofpbuf *src, size_t *lenp)
{
    uint64_t stub[512 / 8];
    struct ofpbuf wire = OFPBUF_STUB_INITIALIZER(stub);
    ofpacts_put_openflow_actions(src->data, src->size, &wire,
                                 CANONICAL_VERSION);
    struct ofpact *actions = canonicalise_actions(
        src, &wire, ofpacts_pull_openflow_actions, lenp);
    ofpbuf_uninit(&wire);
    return actions;
}

static uint32_t
flow_hash(const struct flow_entry *entry)
{
    return minimatch_hash(&entry->match,
                          hash_2words(entry->table_id, entry->priority));
}

/* True if 'a' and 'b' cannot be in one table together. */
static bool
have_same_identity(const struct flow_entry *a, const struct flow_entry *b)
{
    return (a->table_id == b->table_id
            && a->priority == b->priority
            && minimatch_equal(&a->match, &b->match));
}

static struct flow_entry *
find_flow(const struct flow_table *table, const struct flow_entry *key,
          uint32_t hash)
{
    struct flow_entry *entry;
    HMAP_FOR_EACH_WITH_HASH (entry, node, hash, &table->flows) {
        if (have_same_identity(entry, key)) {
            return entry;
        }
    }
    return NULL;
}

static void
remove_flow(struct flow_table *table, struct flow_entry *entry)
{
    if (entry) {
        hmap_remove(&table->flows, &entry->node);
        flow_entry_destroy(entry);
    }
}

static void
insert_flow(struct flow_table *table, struct flow_entry *entry, uint32_t hash)
{
    remove_flow(table, find_flow(table, entry, hash));
    hmap_insert(&table->flows, &entry->node, hash);
}

/* Adds a flow to 'table', in place of one with the same identity, as a switch
 * does.  Returns it; it is not fleeting. */
struct flow_entry *
flow_table_add(struct flow_table *table, uint8_t table_id, uint16_t priority,
               uint64_t cookie, const struct match *match,
               const struct ofpbuf *actions)
{
    struct flow_entry *entry = xzalloc(sizeof *entry);
    entry->table_id = table_id;
    entry->priority = priority;
    entry->cookie = cookie;
    canonicalise_match(match, &entry->match);
    entry->actions = canonicalise_flow_actions(actions, &entry->actions_len);

    insert_flow(table, entry, flow_hash(entry));
    return entry;
}

/* Adds a copy of 'entry' to 'table', in place of one with the same
 * identity. */
void
flow_table_copy(struct flow_table *table, const struct flow_entry *entry)
{
    struct flow_entry *copy = xmemdup(entry, sizeof *entry);
    minimatch_clone(&copy->match, &entry->match);
    copy->actions = xmemdup(entry->actions, entry->actions_len);
    insert_flow(table, copy, flow_hash(copy));
}

/* Removes the flow with the identity of 'key', which may be that flow. */
void
flow_table_remove(struct flow_table *table, const struct flow_entry *key)
{
    remove_flow(table, find_flow(table, key, flow_hash(key)));
}

/* Returns the flow of 'table' with the identity of 'key', or NULL. */
const struct flow_entry *
flow_table_find(const struct flow_table *table, const struct flow_entry *key)
{
    return find_flow(table, key, flow_hash(key));
}

/* True if 'a' and 'b' are the same flow, cookie, actions and whether it stays
 * included. */
bool
flow_entry_equals(const struct flow_entry *a, const struct flow_entry *b)
{
    return (have_same_identity(a, b)
            && a->cookie == b->cookie
            && a->is_fleeting == b->is_fleeting
            && ofpacts_equal(a->actions, a->actions_len,
                             b->actions, b->actions_len));
}

static void
format_actions(const struct ofpact *actions, size_t actions_len, struct ds *s)
{
    struct ofpact_format_params params = { .s = s };
    ofpacts_format(actions, actions_len, &params);
}

/* Appends the table, priority and match of 'entry'. */
void
flow_entry_format_identity(const struct flow_entry *entry, struct ds *s)
{
    ds_put_format(s, "table=%"PRIu8", ", entry->table_id);
    minimatch_format(&entry->match, NULL, NULL, s, entry->priority);
}

/* Appends what packets 'entry' is for; "" is all. */
void
flow_entry_format_match(const struct flow_entry *entry, struct ds *s)
{
    minimatch_format(&entry->match, NULL, NULL, s, OFP_DEFAULT_PRIORITY);
}

void
flow_entry_format_actions(const struct flow_entry *entry, struct ds *s)
{
    format_actions(entry->actions, entry->actions_len, s);
}

/* Appends 'entry' in the syntax of ovs-ofctl. */
void
flow_entry_format(const struct flow_entry *entry, struct ds *s)
{
    ds_put_format(s, "cookie=0x%"PRIx64", ", entry->cookie);
    flow_entry_format_identity(entry, s);
    ds_put_cstr(s, " actions=");
    flow_entry_format_actions(entry, s);
}

static struct flow_group *
find_group(const struct flow_table *table, uint32_t id)
{
    struct flow_group *group;
    HMAP_FOR_EACH_WITH_HASH (group, node, hash_int(id, 0), &table->groups) {
        if (group->id == id) {
            return group;
        }
    }
    return NULL;
}

static void
remove_group(struct flow_table *table, struct flow_group *group)
{
    if (group) {
        hmap_remove(&table->groups, &group->node);
        flow_group_destroy(group);
    }
}

static void
insert_group(struct flow_table *table, struct flow_group *group)
{
    remove_group(table, find_group(table, group->id));
    hmap_insert(&table->groups, &group->node, hash_int(group->id, 0));
}

/* Adds an empty group to 'table', in place of one with the same 'id', and
 * returns it to be filled.  'table' keeps owning it. */
struct flow_group *
flow_table_add_group(struct flow_table *table, uint32_t id)
{
    struct flow_group *group = xmalloc(sizeof *group);
    group->id = id;
    ovs_list_init(&group->buckets);
    insert_group(table, group);
    return group;
}

/* Adds a copy of 'group' to 'table', in place of one with the same id. */
void
flow_table_copy_group(struct flow_table *table, const struct flow_group *group)
{
    struct flow_group *copy = flow_table_add_group(table, group->id);
    ofputil_bucket_clone_list(&copy->buckets, &group->buckets, NULL);
}

void
flow_table_remove_group(struct flow_table *table, uint32_t id)
{
    remove_group(table, find_group(table, id));
}

/* Moves all flows and groups of 'src', which is empty then, to 'dst', in place
 * of those with the same identity. */
void
flow_table_merge(struct flow_table *dst, struct flow_table *src)
{
    struct flow_entry *entry;
    HMAP_FOR_EACH_POP (entry, node, &src->flows) {
        insert_flow(dst, entry, entry->node.hash);
    }

    struct flow_group *group;
    HMAP_FOR_EACH_POP (group, node, &src->groups) {
        insert_group(dst, group);
    }
}

/* Removes from 'table' what has the identity of a flow or group in 'keys'. */
void
flow_table_subtract(struct flow_table *table, const struct flow_table *keys)
{
    const struct flow_entry *entry;
    HMAP_FOR_EACH (entry, node, &keys->flows) {
        remove_flow(table, find_flow(table, entry, entry->node.hash));
    }

    const struct flow_group *group;
    HMAP_FOR_EACH (group, node, &keys->groups) {
        remove_group(table, find_group(table, group->id));
    }
}

/* Adds a bucket behind the others of 'group'. */
void
flow_group_add_bucket(struct flow_group *group, uint32_t bucket_id,
                      const struct ofpbuf *actions)
{
    struct ofputil_bucket *bucket = xzalloc(sizeof *bucket);
    bucket->bucket_id = bucket_id;
    bucket->watch_port = OFPP_ANY;
    bucket->watch_group = OFPG_ANY;
    bucket->ofpacts = canonicalise_bucket_actions(actions,
                                                  &bucket->ofpacts_len);
    ovs_list_push_back(&group->buckets, &bucket->list_node);
}

/* Returns the group of 'table' with this 'id', or NULL. */
const struct flow_group *
flow_table_find_group(const struct flow_table *table, uint32_t id)
{
    return find_group(table, id);
}

static bool
bucket_equals(const struct ofputil_bucket *a, const struct ofputil_bucket *b)
{
    return ofpacts_equal(a->ofpacts, a->ofpacts_len,
                         b->ofpacts, b->ofpacts_len);
}

/* True if 'a' and 'b' are the same group with the same buckets in the same
 * order, whatever the buckets' numbers. */
bool
flow_group_equals(const struct flow_group *a, const struct flow_group *b)
{
    if (a->id != b->id
        || ovs_list_size(&a->buckets) != ovs_list_size(&b->buckets)) {
        return false;
    }

    struct ovs_list *other = b->buckets.next;
    const struct ofputil_bucket *bucket;
    LIST_FOR_EACH (bucket, list_node, &a->buckets) {
        if (!bucket_equals(bucket, CONTAINER_OF(other, struct ofputil_bucket,
                                                list_node))) {
            return false;
        }
        other = other->next;
    }
    return true;
}

/* Appends 'group' in the syntax of ovs-ofctl. */
void
flow_group_format(const struct flow_group *group, struct ds *s)
{
    ds_put_format(s, "group_id=%"PRIu32",type=all", group->id);

    const struct ofputil_bucket *bucket;
    LIST_FOR_EACH (bucket, list_node, &group->buckets) {
        ds_put_format(s, ",bucket=bucket_id:%"PRIu32",actions=",
                      bucket->bucket_id);
        format_actions(bucket->ofpacts, bucket->ofpacts_len, s);
    }
}
