/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef CONTROLLER_SWITCH_FLOWS_H
#define CONTROLLER_SWITCH_FLOWS_H 1

#include <stdbool.h>
#include <stddef.h>

struct bridge_flows;
struct desired;
struct pass;

/* The flows of all bridges that have, or need, any.  Main thread only; never
 * blocks. */

struct switch_flows *switch_flows_create(void);
void switch_flows_destroy(struct switch_flows *);

void switch_flows_run(struct switch_flows *, long long int now);
void switch_flows_wait(const struct switch_flows *);

void switch_flows_leave(struct switch_flows *);
void switch_flows_judge(struct switch_flows *, struct desired *,
                        bool may_choose);
void switch_flows_update(struct switch_flows *, const struct pass *,
                         bool has_met_libvirt, long long int now);
void switch_flows_hurry(struct switch_flows *, long long int now);
void switch_flows_retry(struct switch_flows *);

unsigned int switch_flows_seqno(const struct switch_flows *);

size_t switch_flows_n(const struct switch_flows *);
const struct bridge_flows *switch_flows_get(const struct switch_flows *,
                                            size_t i);
const struct bridge_flows *switch_flows_find(const struct switch_flows *,
                                             const char *bridge);

#endif /* controller/switch-flows.h */
