/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef FLOWS_FLOW_MONITOR_H
#define FLOWS_FLOW_MONITOR_H 1

#include <openflow/openflow-common.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct flow_space;
struct flow_table;
struct ofpbuf;

/* What a switch tells of flows that change, as OpenFlow messages.  Pure. */

struct ofpbuf *flow_monitor_request(uint8_t table_id, bool with_actions,
                                    enum ofp_version);
bool flow_monitor_is_update(const struct ofpbuf *msg);
size_t flow_monitor_count_fleeting(const struct flow_table *installed,
                                   const struct flow_space *);
bool flow_monitor_concerns(struct ofpbuf *update, const struct flow_space *,
                           size_t n_fleeting);

#endif /* flows/flow-monitor.h */
