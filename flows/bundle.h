/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef FLOWS_BUNDLE_H
#define FLOWS_BUNDLE_H 1

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "flows/flow-diff.h"

struct channel;
struct ofpbuf;

/* Operations on the flows of a bridge, sent as one atomic OpenFlow bundle.
 * Main thread only; never blocks. */

/* Why a bundle was refused. */
struct bundle_error {
    uint64_t cookie;            /* Of the flow; 0: it was not a flow. */
    uint32_t group;             /* Id of the group; 0: it was not a group. */
    char *text;                 /* For people. */
};

/* No more than so many errors of one bundle are kept. */
#define BUNDLE_MAX_ERRORS 1000

/* What an answer of the switch means. */
enum bundle_event {
    BUNDLE_UNDER_WAY,
    BUNDLE_COMMITTED,
    BUNDLE_REFUSED,             /* The switch has what it had before. */
};

struct bundle_counters {
    uint64_t ops[N_FLOW_OP_KINDS]; /* Sent. */
    uint64_t committed, refused; /* Bundles. */
};

struct bundle *bundle_create(struct channel *);
void bundle_destroy(struct bundle *);

void bundle_start(struct bundle *, struct flow_diff *);
void bundle_abandon(struct bundle *);
void bundle_run(struct bundle *);
bool bundle_has_work(const struct bundle *);
enum bundle_event bundle_recv(struct bundle *, const struct ofpbuf *msg);

struct flow_diff *bundle_diff(struct bundle *);
const struct bundle_error *bundle_errors(const struct bundle *,
                                         size_t *n_errors);
void bundle_clear_errors(struct bundle *);
const struct bundle_counters *bundle_counters(const struct bundle *);

#endif /* flows/bundle.h */
