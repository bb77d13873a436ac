/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef CONTROLLER_NETDEVS_H
#define CONTROLLER_NETDEVS_H 1

struct switch_view;

void netdevs_find(struct switch_view *);

#endif /* controller/netdevs.h */
