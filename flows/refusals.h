/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef FLOWS_REFUSALS_H
#define FLOWS_REFUSALS_H 1

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "openvswitch/hmap.h"

struct bundle_error;
struct pipeline_bridge;

/* The vNICs of one bridge whose flows the switch refuses.  Each is left out,
 * so that the others get theirs, and tried again a few times.  Pure. */

/* So often is a vNIC tried again, with pauses that grow by this factor. */
#define REFUSALS_MAX_RETRIES 5
#define REFUSALS_FIRST_PAUSE_MS 1000
#define REFUSALS_PAUSE_FACTOR 4

struct refusals {
    struct hmap map;            /* Of 'struct refusal', by number. */
};

void refusals_init(struct refusals *);
void refusals_destroy(struct refusals *);
void refusals_clear(struct refusals *);

void refusals_note(struct refusals *, const struct pipeline_bridge *told,
                   const struct bundle_error *, size_t n_errors,
                   long long int now);
void refusals_note_installed(struct refusals *);
bool refusals_let_in(struct refusals *, long long int now);
void refusals_apply(struct refusals *, struct pipeline_bridge *,
                    bool are_blocked);

bool refusals_is_bridge_due(const struct refusals *);
long long int refusals_next_ms(const struct refusals *);
const char *refusals_find(const struct refusals *, uint32_t number);

#endif /* flows/refusals.h */
