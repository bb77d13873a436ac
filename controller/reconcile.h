/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef CONTROLLER_RECONCILE_H
#define CONTROLLER_RECONCILE_H 1

#include <stdbool.h>
#include <stdint.h>

#include "controller/wishes.h"
#include "lib/desired.h"
#include "lib/orphan.h"
#include "lib/switch-view.h"
#include "ovsdb/port-plan.h"

struct inputs;
struct journal;
struct memory;
struct switch_flows;

/* What one pass saw, meant, and found different. */
struct pass {
    struct switch_view view;
    struct desired desired;     /* Points into 'view'. */
    struct orphans orphans;     /* Points into 'view' and 'desired'. */
    struct port_plan plan;      /* Points into all of them. */
    bool is_written;            /* What of it was to be written is in the
                                 * database. */
};

struct reconciler *reconciler_create(struct inputs *);
void reconciler_destroy(struct reconciler *);

void reconciler_hear(struct reconciler *, long long int now);
void reconciler_run(struct reconciler *, long long int now);
void reconciler_wait(const struct reconciler *);

const struct pass *reconciler_pass(const struct reconciler *);
const struct memory *reconciler_memory(const struct reconciler *);
const struct journal *reconciler_journal(const struct reconciler *);
const struct switch_flows *reconciler_flows(const struct reconciler *);
uint64_t reconciler_n_passes(const struct reconciler *);
const char *reconciler_error(const struct reconciler *);

uint64_t reconciler_wish(struct reconciler *, enum wish_kind,
                         long long int now);
bool reconciler_has_fulfilled(const struct reconciler *, enum wish_kind,
                              uint64_t number);
void reconciler_forget_wishes(struct reconciler *, enum wish_kind);
void reconciler_touch(struct reconciler *);
void reconciler_set_hurried(struct reconciler *, bool is_hurried);
bool reconciler_was_answered(const struct reconciler *);

#endif /* controller/reconcile.h */
