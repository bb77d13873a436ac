/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef VIRT_METADATA_POLICY_H
#define VIRT_METADATA_POLICY_H 1

#include <libxml/tree.h>

#include "openvswitch/compiler.h"
#include "openvswitch/types.h"

struct policy_statement;
struct vnic_metadata;

/* What a domain's <metadata> says of a vNIC's policy.  Private to
 * virt/metadata-*.c. */

/* With more elements <address>, a vNIC is refused. */
#define METADATA_POLICY_MAX_ADDRESSES 256

char *metadata_policy_parse_isolation(const xmlNode *, struct vnic_metadata *)
    OVS_WARN_UNUSED_RESULT;
char *metadata_policy_parse_guard(const xmlNode *, struct vnic_metadata *)
    OVS_WARN_UNUSED_RESULT;
char *metadata_policy_parse_allow(const xmlNode *, struct vnic_metadata *)
    OVS_WARN_UNUSED_RESULT;
char *metadata_policy_parse_address(const xmlNode *, struct vnic_metadata *)
    OVS_WARN_UNUSED_RESULT;
char *metadata_policy_settle_addresses(struct policy_statement *,
                                       struct eth_addr own)
    OVS_WARN_UNUSED_RESULT;

#endif /* virt/metadata-policy.h */
