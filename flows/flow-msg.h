/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef FLOWS_FLOW_MSG_H
#define FLOWS_FLOW_MSG_H 1

#include <openflow/openflow-common.h>
#include <stdint.h>

#include "openvswitch/ofp-errors.h"

struct flow_op;
struct flow_space;
struct flow_table;
struct ofpbuf;

/* Flows and groups as OpenFlow messages, there and back.  Pure. */

struct ofpbuf *flow_msg_from_op(const struct flow_op *, enum ofp_version);
struct ofpbuf *flow_msg_bundle_add(uint32_t bundle_id, uint32_t xid,
                                   struct ofpbuf *msg, enum ofp_version);
struct ofpbuf *flow_msg_bundle_control(uint32_t bundle_id, uint16_t type,
                                       enum ofp_version);

struct ofpbuf *flow_msg_packet_out(const void *frame, size_t size,
                                   const struct ofpbuf *actions,
                                   enum ofp_version);

struct ofpbuf *flow_msg_dump_flows(enum ofp_version);
struct ofpbuf *flow_msg_dump_groups(enum ofp_version);
enum ofperr flow_msg_read_flows(struct ofpbuf *reply,
                                const struct flow_space *,
                                struct flow_table *);
enum ofperr flow_msg_read_groups(struct ofpbuf *reply,
                                 const struct flow_space *,
                                 struct flow_table *);

#endif /* flows/flow-msg.h */
