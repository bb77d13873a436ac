/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef FLOWS_PACKET_FLOW_H
#define FLOWS_PACKET_FLOW_H 1

#include "openvswitch/compiler.h"
#include "openvswitch/types.h"

/* A packet, as an operator says it, for 'ofproto/trace'.  Pure. */

char *packet_flow_parse(const char *packet, ofp_port_t in_port,
                        struct eth_addr mac, char **flowp)
    OVS_WARN_UNUSED_RESULT;

#endif /* flows/packet-flow.h */
