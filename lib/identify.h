/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef LIB_IDENTIFY_H
#define LIB_IDENTIFY_H 1

#include <stddef.h>

struct domain_source;
struct switch_view;

void identify_ports(const struct domain_source *, size_t n_sources,
                    struct switch_view *);

#endif /* lib/identify.h */
