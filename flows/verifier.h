/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef FLOWS_VERIFIER_H
#define FLOWS_VERIFIER_H 1

#include <stdbool.h>
#include <stddef.h>

#include "openvswitch/compiler.h"

struct pipeline_bridge;
struct report;
struct switch_control;
struct verifier;

/* Has a switch trace the frames that show whether a bridge isolates as is
 * meant, a few at a time.  Main thread only; never blocks. */

char *verifier_create(struct switch_control *, const struct pipeline_bridge *,
                      bool wants_all, struct report *, struct verifier **)
    OVS_WARN_UNUSED_RESULT;
void verifier_destroy(struct verifier *);

void verifier_run(struct verifier *, long long int now);
void verifier_wait(const struct verifier *);

bool verifier_is_done(const struct verifier *);
char *verifier_error(const struct verifier *) OVS_WARN_UNUSED_RESULT;
size_t verifier_n_traces(const struct verifier *);
size_t verifier_n_wrong(const struct verifier *);

#endif /* flows/verifier.h */
