/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef LIB_JUDGE_H
#define LIB_JUDGE_H 1

struct desired;
struct desired_vnic;
struct facts;

/* Private to lib/desired.c. */

void judge_vnic(const struct facts *, struct desired_vnic *);
void judge_conflicts(const struct facts *, struct desired *);

#endif /* lib/judge.h */
