/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef FLOWS_WHY_ADVICE_H
#define FLOWS_WHY_ADVICE_H 1

#include <stdbool.h>

#include "flows/tables.h"
#include "openvswitch/types.h"

struct pipeline_vnic;

/* Which setting would let a frame pass that a rule drops.  Pure. */

bool why_rule_is_guards(enum table_rule);
bool why_rule_is_enforced(enum table_rule, const struct pipeline_vnic *);
char *why_advice(enum table_rule, const struct pipeline_vnic *sender,
                 const struct eth_addr source);

#endif /* flows/why-advice.h */
