/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef LIB_ISOLATION_H
#define LIB_ISOLATION_H 1

#include <stdbool.h>

struct bridge_view;
struct desired;
struct desired_vnic;

/* What isolation asks of a whole bridge. */

bool isolation_is_of_bridge(const struct desired_vnic *,
                            const struct bridge_view *);
bool isolation_is_needed(const struct desired *, const struct bridge_view *);
bool isolation_is_enforced(const struct desired *, const struct bridge_view *);

#endif /* lib/isolation.h */
