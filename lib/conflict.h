/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef LIB_CONFLICT_H
#define LIB_CONFLICT_H 1

struct desired;
struct facts;

/* Private to lib/desired.c. */

void conflict_resolve(const struct facts *, struct desired *);

#endif /* lib/conflict.h */
