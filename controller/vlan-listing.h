/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef CONTROLLER_VLAN_LISTING_H
#define CONTROLLER_VLAN_LISTING_H 1

#include "openvswitch/compiler.h"

struct pass;
struct report;

char *vlan_listing_fill(const struct pass *, const char *bridge,
                        struct report *)
    OVS_WARN_UNUSED_RESULT;

#endif /* controller/vlan-listing.h */
