/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef FLOWS_ANNOUNCEMENT_H
#define FLOWS_ANNOUNCEMENT_H 1

#include <stdint.h>

#include "openvswitch/types.h"

/* The frame that tells switches where a MAC address is.  Pure. */

#define ANNOUNCEMENT_SIZE 60

struct announcement {
    uint8_t frame[ANNOUNCEMENT_SIZE]; /* Without VLAN tag. */
};

void announcement_build(struct announcement *, const struct eth_addr);

#endif /* flows/announcement.h */
