/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef FLOWS_DP_PORTS_H
#define FLOWS_DP_PORTS_H 1

#include "openvswitch/compiler.h"

struct simap;

/* How the datapath numbers the ports of a bridge.  Pure. */

char *dp_ports_parse(const char *text, const char *bridge, struct simap *)
    OVS_WARN_UNUSED_RESULT;

#endif /* flows/dp-ports.h */
