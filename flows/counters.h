/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef FLOWS_COUNTERS_H
#define FLOWS_COUNTERS_H 1

#include <stdbool.h>

#include "openvswitch/compiler.h"

struct counters;
struct pipeline_vnic;
struct report;

/* How often a vNIC broke which rule: asks the switch for the counters of the
 * vNIC's flows.  Main thread only; never blocks. */

struct counters *counters_create(const char *bridge, const char *target,
                                 const struct pipeline_vnic *,
                                 long long int now);
void counters_destroy(struct counters *);

void counters_run(struct counters *, long long int now);
void counters_wait(const struct counters *);

bool counters_are_done(const struct counters *);
char *counters_tell(const struct counters *, struct report *)
    OVS_WARN_UNUSED_RESULT;

#endif /* flows/counters.h */
