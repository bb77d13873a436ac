/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef CONTROLLER_GREETING_H
#define CONTROLLER_GREETING_H 1

struct ofconn;
struct pipeline_vnic;

void greet(struct ofconn *, const struct pipeline_vnic *, unsigned int deeds);

#endif /* controller/greeting.h */
