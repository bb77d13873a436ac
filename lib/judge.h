/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef LIB_JUDGE_H
#define LIB_JUDGE_H 1

struct desired_vnic;
struct facts;
struct memory;

/* Private to lib/desired.c and lib/conflict.c. */

void judge_vnic(const struct facts *, struct desired_vnic *);
void judge_hold_back(struct desired_vnic *, char *reason);
void judge_quarantine(struct desired_vnic *, const struct memory *,
                      char *reason);

#endif /* lib/judge.h */
