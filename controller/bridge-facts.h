/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef CONTROLLER_BRIDGE_FACTS_H
#define CONTROLLER_BRIDGE_FACTS_H 1

#include <stdbool.h>

#include "openvswitch/compiler.h"

struct desired_bridge;
struct desired_vnic;
struct flood_map;
struct pass;
struct pipeline_bridge;
struct vlan_spec;

/* What the pipeline of a bridge is computed from, out of one pass. */

void bridge_facts_collect(const struct pass *, const struct desired_bridge *,
                          bool has_met_libvirt, struct pipeline_bridge *);
char *bridge_facts_check(const struct desired_vnic *,
                         const struct vlan_spec *) OVS_WARN_UNUSED_RESULT;
void bridge_facts_find_floods(const struct pass *,
                              const struct desired_bridge *,
                              const struct pipeline_bridge *,
                              const struct flood_map *before,
                              struct flood_map *floods);
void bridge_facts_adopt_floods(const struct pass *,
                               const struct desired_bridge *,
                               bool dropped_unknown, struct flood_map *);

#endif /* controller/bridge-facts.h */
