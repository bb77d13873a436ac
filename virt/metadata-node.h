/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef VIRT_METADATA_NODE_H
#define VIRT_METADATA_NODE_H 1

#include <libxml/tree.h>
#include <stdbool.h>

#include "openvswitch/compiler.h"

/* Nodes of a domain's <metadata>.  Private to virt/metadata-*.c. */

bool metadata_node_is_ours(const xmlNode *);
bool metadata_node_is(const xmlNode *, const char *name);
const xmlNode *metadata_node_find(const xmlNode *);
char *metadata_node_refuse(const xmlNode *) OVS_WARN_UNUSED_RESULT;
char *metadata_node_check_attributes(const xmlNode *,
                                     const char *const names[])
    OVS_WARN_UNUSED_RESULT;
char *metadata_node_check_leaf(const xmlNode *, const char *const names[])
    OVS_WARN_UNUSED_RESULT;

/* Iterates 'CHILD' over what is said to us directly below 'PARENT', good or
 * bad. */
#define METADATA_NODE_FOR_EACH(CHILD, PARENT)                               \
    for (const xmlNode *CHILD = metadata_node_find((PARENT)->children);     \
         CHILD; CHILD = metadata_node_find(CHILD->next))

#endif /* virt/metadata-node.h */
