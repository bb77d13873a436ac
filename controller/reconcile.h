/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef CONTROLLER_RECONCILE_H
#define CONTROLLER_RECONCILE_H 1

#include <stdbool.h>
#include <stdint.h>

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

/* What may be asked for, besides what is done anyway; bits. */
enum reconcile_wish {
    WISH_REPAIR = 1 << 0,       /* What is only reported is put right, too. */
    WISH_COLLECT = 1 << 1,      /* Orphans go at once. */
    WISH_SWEEP = 1 << 2,        /* So do ports that dead guests left, although
                                 * libvirt has not told anything: it starts, and
                                 * plugs nobody. */
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

void reconciler_wish(struct reconciler *, enum reconcile_wish,
                     long long int now);
unsigned int reconciler_wishes(const struct reconciler *,
                               unsigned int wishes);
void reconciler_forget_wish(struct reconciler *, enum reconcile_wish);
void reconciler_touch(struct reconciler *);
void reconciler_set_hurried(struct reconciler *, bool is_hurried);
bool reconciler_was_answered(const struct reconciler *);

#endif /* controller/reconcile.h */
