/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */

/* Compares the flows and groups that are meant with those that are installed.
 * Pure: what differs is data; ofconn.c sends it.
 *
 * A flow of somebody else, that is, with a cookie that is not ours, is never
 * part of an operation, even if it stands where one of ours is meant: it is
 * reported, and an operator decides.  Except that one with a time-out, which
 * another flow may have learnt, keeps no place of ours.
 *
 * This holds for what has been read.  In a place that was empty then, "add"
 * replaces whatever is there by now: see flow-msg.c. */

#include <config.h>
#include "flows/flow-diff.h"

#include <stdlib.h>

#include "flows/flow-change.h"
#include "flows/flow-space.h"
#include "flows/flow-table.h"
#include "openvswitch/dynamic-string.h"
#include "util.h"

static const char *const kind_names[N_FLOW_OP_KINDS] = {
#define FLOW_OP_KIND(ENUM, NAME) [FLOW_OP_##ENUM] = NAME,
    FLOW_OP_KINDS
#undef FLOW_OP_KIND
};

static const char *const cause_names[N_FLOW_CAUSES] = {
#define FLOW_CAUSE(ENUM, NAME) [FLOW_CAUSE_##ENUM] = NAME,
    FLOW_CAUSES
#undef FLOW_CAUSE
};

const char *
flow_op_kind_to_string(enum flow_op_kind kind)
{
    return kind_names[kind];
}

const char *
flow_cause_to_string(enum flow_cause cause)
{
    return cause_names[cause];
}

static struct flow_op *
add_op(struct flow_diff *diff, enum flow_op_kind kind, enum flow_cause cause)
{
    if (diff->n_ops >= diff->allocated_ops) {
        diff->ops = x2nrealloc(diff->ops, &diff->allocated_ops,
                               sizeof *diff->ops);
    }
    struct flow_op *op = &diff->ops[diff->n_ops++];
    *op = (struct flow_op) { .kind = kind, .cause = cause };
    return op;
}

static void
add_flow_op(struct flow_diff *diff, enum flow_op_kind kind,
            enum flow_cause cause, const struct flow_entry *before,
            const struct flow_entry *after)
{
    struct flow_op *op = add_op(diff, kind, cause);
    op->flow.before = before;
    op->flow.after = after;
}

static void
add_group_op(struct flow_diff *diff, enum flow_op_kind kind,
             enum flow_cause cause, const struct flow_group *before,
             const struct flow_group *after)
{
    struct flow_op *op = add_op(diff, kind, cause);
    op->group.before = before;
    op->group.after = after;
}

static void
compare_desired_flow(const struct flow_entry *after,
                     const struct flow_table *installed,
                     const struct flow_space *space, struct flow_diff *diff)
{
    const struct flow_entry *before = flow_table_find(installed, after);
    if (!before) {
        add_flow_op(diff, FLOW_OP_ADD_FLOW, FLOW_CAUSE_MISSING, NULL, after);
    } else if (before->is_fleeting) {
        add_flow_op(diff, FLOW_OP_ADD_FLOW, FLOW_CAUSE_TIMEOUT, before, after);
    } else if (flow_space_owns_flow(space, before->cookie)
               && !flow_entry_equals(before, after)) {
        /* OpenFlow can change the actions of a flow, and keep its counters,
         * but not its cookie. */
        if (before->cookie == after->cookie) {
            add_flow_op(diff, FLOW_OP_MODIFY_FLOW, FLOW_CAUSE_ACTIONS,
                        before, after);
        } else {
            add_flow_op(diff, FLOW_OP_ADD_FLOW, FLOW_CAUSE_COOKIE,
                        before, after);
        }
    }
}

static void
add_foreign(struct flow_diff *diff, const struct flow_entry *entry)
{
    if (diff->n_foreign >= diff->allocated_foreign) {
        diff->foreign = x2nrealloc(diff->foreign, &diff->allocated_foreign,
                                   sizeof *diff->foreign);
    }
    diff->foreign[diff->n_foreign++] = entry;
}

/* Does one of 'desired' take the place of 'before'? */
static bool
is_replaced(const struct flow_entry *before, const struct flow_table *desired)
{
    return before->is_fleeting && flow_table_find(desired, before);
}

static void
compare_installed_flow(const struct flow_entry *before,
                       const struct flow_table *desired,
                       const struct flow_space *space, struct flow_diff *diff)
{
    if (!flow_space_owns_flow(space, before->cookie)) {
        if (flow_space_is_obstructed(space, before)
            && !is_replaced(before, desired)) {
            add_foreign(diff, before);
        }
    } else if (!flow_table_find(desired, before)) {
        add_flow_op(diff, FLOW_OP_DELETE_FLOW, FLOW_CAUSE_UNWANTED,
                    before, NULL);
    }
}

static void
compare_desired_group(const struct flow_group *after,
                      const struct flow_table *installed,
                      struct flow_diff *diff)
{
    const struct flow_group *before = flow_table_find_group(installed,
                                                            after->id);
    if (!before) {
        add_group_op(diff, FLOW_OP_ADD_GROUP, FLOW_CAUSE_MISSING,
                     NULL, after);
    } else if (!flow_group_equals(before, after)) {
        add_group_op(diff, FLOW_OP_MODIFY_GROUP, FLOW_CAUSE_BUCKETS,
                     before, after);
    }
}

static void
compare_installed_group(const struct flow_group *before,
                        const struct flow_table *desired,
                        const struct flow_space *space, struct flow_diff *diff)
{
    if (flow_space_owns_group(space, before->id)
        && !flow_table_find_group(desired, before->id)) {
        add_group_op(diff, FLOW_OP_DELETE_GROUP, FLOW_CAUSE_UNWANTED,
                     before, NULL);
    }
}

#define COMPARE(A, B) ((A) < (B) ? -1 : (A) > (B))

/* In the order of tables, and of lookup within each. */
static int
compare_flows(const struct flow_entry *a, const struct flow_entry *b)
{
    int cmp = COMPARE(a->table_id, b->table_id);
    cmp = cmp ? cmp : COMPARE(b->priority, a->priority);
    cmp = cmp ? cmp : COMPARE(a->cookie, b->cookie);
    return cmp ? cmp : COMPARE(a->node.hash, b->node.hash);
}

static int
compare_ops(const void *a_, const void *b_)
{
    const struct flow_op *a = a_;
    const struct flow_op *b = b_;
    if (a->kind != b->kind) {
        return COMPARE(a->kind, b->kind);
    }
    if (a->flow.after || a->flow.before) {
        return compare_flows(a->flow.after ? a->flow.after : a->flow.before,
                             b->flow.after ? b->flow.after : b->flow.before);
    }
    return COMPARE(a->group.after ? a->group.after->id : a->group.before->id,
                   b->group.after ? b->group.after->id : b->group.before->id);
}

static int
compare_foreign(const void *a_, const void *b_)
{
    const struct flow_entry *const *a = a_;
    const struct flow_entry *const *b = b_;
    return compare_flows(*a, *b);
}

/* qsort() wants an array even if there is nothing to sort. */
static void
sort(void *array, size_t n, size_t size,
     int (*compare)(const void *, const void *))
{
    if (n) {
        qsort(array, n, size, compare);
    }
}

static void
sort_ops(struct flow_diff *diff)
{
    sort(diff->ops, diff->n_ops, sizeof *diff->ops, compare_ops);
}

/* All that is meant. */
static void
compare_desired(const struct flow_table *desired,
                const struct flow_table *installed,
                const struct flow_space *space, struct flow_diff *diff)
{
    const struct flow_entry *entry;
    HMAP_FOR_EACH (entry, node, &desired->flows) {
        compare_desired_flow(entry, installed, space, diff);
    }

    const struct flow_group *group;
    HMAP_FOR_EACH (group, node, &desired->groups) {
        compare_desired_group(group, installed, diff);
    }
}

/* Adds to 'diff', which is empty, what has to be done so that of 'installed'
 * what is ours by 'space' becomes 'desired'.  The result points into both
 * tables. */
void
flow_diff_compute(const struct flow_table *desired,
                  const struct flow_table *installed,
                  const struct flow_space *space, struct flow_diff *diff)
{
    compare_desired(desired, installed, space, diff);

    const struct flow_entry *entry;
    HMAP_FOR_EACH (entry, node, &installed->flows) {
        compare_installed_flow(entry, desired, space, diff);
    }

    const struct flow_group *group;
    HMAP_FOR_EACH (group, node, &installed->groups) {
        compare_installed_group(group, desired, space, diff);
    }

    sort_ops(diff);
    sort(diff->foreign, diff->n_foreign, sizeof *diff->foreign,
         compare_foreign);
}

/* What goes and does not come back. */
static void
compare_gone(const struct flow_change *change,
             const struct flow_table *installed,
             const struct flow_space *space, struct flow_diff *diff)
{
    const struct flow_entry *entry;
    HMAP_FOR_EACH (entry, node, &change->before.flows) {
        const struct flow_entry *before = flow_table_find(installed, entry);
        if (before && flow_space_owns_flow(space, before->cookie)) {
            compare_installed_flow(before, &change->after, space, diff);
        }
    }

    const struct flow_group *group;
    HMAP_FOR_EACH (group, node, &change->before.groups) {
        const struct flow_group *before
            = flow_table_find_group(installed, group->id);
        if (before) {
            compare_installed_group(before, &change->after, space, diff);
        }
    }
}

/* The same, if before 'change' nothing had to be done: then nothing else has
 * to be looked at.  The result points into 'change' and 'installed'.  Others'
 * flows are not reported. */
void
flow_diff_compute_change(const struct flow_change *change,
                         const struct flow_table *installed,
                         const struct flow_space *space,
                         struct flow_diff *diff)
{
    compare_desired(&change->after, installed, space, diff);
    compare_gone(change, installed, space, diff);
    sort_ops(diff);
}

static void
apply_op(const struct flow_op *op, struct flow_table *table)
{
    if (op->flow.after) {
        flow_table_copy(table, op->flow.after);
    } else if (op->flow.before) {
        flow_table_remove(table, op->flow.before);
    } else if (op->group.after) {
        flow_table_copy_group(table, op->group.after);
    } else {
        flow_table_remove_group(table, op->group.before->id);
    }
}

/* Does what the operations say to 'installed', with which 'diff' was computed.
 * They point to what may be no more then: empties 'diff'. */
void
flow_diff_apply(struct flow_diff *diff, struct flow_table *installed)
{
    for (size_t i = 0; i < diff->n_ops; i++) {
        apply_op(&diff->ops[i], installed);
    }
    flow_diff_destroy(diff);
}

void
flow_diff_destroy(struct flow_diff *diff)
{
    free(diff->ops);
    free(diff->foreign);
    *diff = (struct flow_diff) FLOW_DIFF_INIT;
}

/* Returns what 'op' is about, as a malloc'd string. */
char *
flow_op_object(const struct flow_op *op)
{
    const struct flow_entry *flow = op->flow.after ? op->flow.after
                                                   : op->flow.before;
    struct ds s = DS_EMPTY_INITIALIZER;
    if (flow) {
        ds_put_cstr(&s, "flow ");
        flow_entry_format_identity(flow, &s);
    } else {
        ds_put_format(&s, "group %"PRIu32, op->group.after
                                           ? op->group.after->id
                                           : op->group.before->id);
    }
    return ds_steal_cstr(&s);
}

/* Returns 'flow' without its identity, or 'group', or 'neither', as a malloc'd
 * string. */
static char *
content_to_string(const struct flow_entry *flow,
                  const struct flow_group *group, const char *neither)
{
    struct ds s = DS_EMPTY_INITIALIZER;
    if (flow) {
        ds_put_format(&s, "cookie=0x%"PRIx64", actions=", flow->cookie);
        flow_entry_format_actions(flow, &s);
    } else if (group) {
        flow_group_format(group, &s);
    } else {
        ds_put_cstr(&s, neither);
    }
    return ds_steal_cstr(&s);
}

/* Returns what is installed, as a malloc'd string. */
char *
flow_op_before(const struct flow_op *op)
{
    return content_to_string(op->flow.before, op->group.before, "missing");
}

/* Returns what 'op' installs, as a malloc'd string. */
char *
flow_op_after(const struct flow_op *op)
{
    return content_to_string(op->flow.after, op->group.after, "removed");
}
