/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_FUZZ_FUZZ_H
#define TESTS_FUZZ_FUZZ_H 1

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "lib/vlan.h"
#include "util.h"

/* What every parser promises, whatever it is given. */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A sentence is one line, without control characters. */
static inline void
check_sentence(const char *sentence)
{
    size_t len = strlen(sentence);
    ovs_assert(len > 0);
    for (size_t i = 0; i < len; i++) {
        ovs_assert((unsigned char) sentence[i] >= ' ');
    }
}

/* An intent names its VLANs: none that is empty means "everything". */
static inline void
check_vlan(const struct vlan_spec *vlan)
{
    if (vlan->mode == VLAN_ACCESS) {
        ovs_assert(vlan->tag >= 0);
    } else if (vlan->mode == VLAN_DOT1Q_TUNNEL) {
        ovs_assert(vlan->tag >= 0 && vlan_set_is_empty(&vlan->trunks));
    } else if (vlan->mode != VLAN_NONE) {
        ovs_assert(!vlan_set_is_empty(&vlan->trunks));
    }
}

#endif /* tests/fuzz/fuzz.h */
