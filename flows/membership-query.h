/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef FLOWS_MEMBERSHIP_QUERY_H
#define FLOWS_MEMBERSHIP_QUERY_H 1

#include <stddef.h>
#include <stdint.h>

/* The question which multicast groups a host has joined, as frames.  Pure. */

#define MEMBERSHIP_QUERY_MAX_SIZE 90

struct membership_query {
    uint8_t frame[MEMBERSHIP_QUERY_MAX_SIZE]; /* Without VLAN tag. */
    size_t size;
};

void membership_query_igmp(struct membership_query *);
void membership_query_mld(struct membership_query *);

#endif /* flows/membership-query.h */
