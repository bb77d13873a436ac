/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef FLOWS_FLOW_DIFF_H
#define FLOWS_FLOW_DIFF_H 1

#include <stddef.h>

struct flow_change;
struct flow_entry;
struct flow_group;
struct flow_space;
struct flow_table;

/* What has to be done so that a bridge has the flows that are meant.  Pure. */

/* In the order in which they are executed. */
#define FLOW_OP_KINDS                                           \
    /* Before the flows that send packets to them. */           \
    FLOW_OP_KIND(ADD_GROUP, "add-group")                        \
    FLOW_OP_KIND(MODIFY_GROUP, "modify-group")                  \
    FLOW_OP_KIND(DELETE_FLOW, "delete-flow")                    \
    FLOW_OP_KIND(MODIFY_FLOW, "modify-flow")                    \
    FLOW_OP_KIND(ADD_FLOW, "add-flow")                          \
    /* With a group the switch deletes each flow that uses it. */ \
    FLOW_OP_KIND(DELETE_GROUP, "delete-group")

enum flow_op_kind {
#define FLOW_OP_KIND(ENUM, NAME) FLOW_OP_##ENUM,
    FLOW_OP_KINDS
#undef FLOW_OP_KIND
    N_FLOW_OP_KINDS
};

/* Why a flow or group is not as it should be. */
#define FLOW_CAUSES                                             \
    FLOW_CAUSE(MISSING, "missing")                              \
    FLOW_CAUSE(ACTIONS, "actions")                              \
    FLOW_CAUSE(BUCKETS, "buckets")                              \
    /* It belonged to another vNIC, or to another rule. */      \
    FLOW_CAUSE(COOKIE, "cookie")                                \
    /* It would go by itself. */                                \
    FLOW_CAUSE(TIMEOUT, "timeout")                              \
    FLOW_CAUSE(UNWANTED, "unwanted")

enum flow_cause {
#define FLOW_CAUSE(ENUM, NAME) FLOW_CAUSE_##ENUM,
    FLOW_CAUSES
#undef FLOW_CAUSE
    N_FLOW_CAUSES
};

/* One difference between what is meant and what is installed.  Of each pair
 * 'before' is NULL if nothing is installed, 'after' if nothing is meant. */
struct flow_op {
    enum flow_op_kind kind;
    enum flow_cause cause;
    struct {
        const struct flow_entry *before, *after;
    } flow;                     /* Borrowed from the tables compared. */
    struct {
        const struct flow_group *before, *after;
    } group;                    /* Borrowed from the tables compared. */
};

struct flow_diff {
    struct flow_op *ops;
    size_t n_ops, allocated_ops;

    /* Others' flows that are in the way of ours; borrowed from the installed
     * table.  Where one is in the very place of a flow that is meant, there is
     * no operation for the latter. */
    const struct flow_entry **foreign;
    size_t n_foreign, allocated_foreign;
};

#define FLOW_DIFF_INIT { .ops = NULL }

void flow_diff_compute(const struct flow_table *desired,
                       const struct flow_table *installed,
                       const struct flow_space *, struct flow_diff *);
void flow_diff_compute_change(const struct flow_change *,
                              const struct flow_table *installed,
                              const struct flow_space *, struct flow_diff *);
void flow_diff_apply(struct flow_diff *, struct flow_table *installed);
void flow_diff_destroy(struct flow_diff *);

const char *flow_op_kind_to_string(enum flow_op_kind);
const char *flow_cause_to_string(enum flow_cause);
char *flow_op_object(const struct flow_op *);
char *flow_op_before(const struct flow_op *);
char *flow_op_after(const struct flow_op *);

#endif /* flows/flow-diff.h */
