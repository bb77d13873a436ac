/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_FLOW_TEXT_H
#define TESTS_FLOW_TEXT_H 1

#include "openvswitch/compiler.h"

struct flow_table;

/* Flows and groups in the syntax of ovs-ofctl, for tests. */

char *flow_text_add(struct flow_table *, const char *line)
    OVS_WARN_UNUSED_RESULT;

#endif /* tests/flow-text.h */
