/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef CONTROLLER_BRIDGE_FACTS_H
#define CONTROLLER_BRIDGE_FACTS_H 1

#include <stdbool.h>

struct desired_bridge;
struct pass;
struct pipeline_bridge;
struct simap;

/* What the pipeline of a bridge is computed from, out of one pass. */

void bridge_facts_collect(const struct pass *, const struct desired_bridge *,
                          bool has_met_libvirt, struct pipeline_bridge *);
void bridge_facts_find_floods(const struct pass *,
                              const struct desired_bridge *,
                              const struct pipeline_bridge *,
                              const struct simap *before,
                              struct simap *floods);

#endif /* controller/bridge-facts.h */
