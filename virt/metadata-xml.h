/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef VIRT_METADATA_XML_H
#define VIRT_METADATA_XML_H 1

#include <libxml/tree.h>

#include "openvswitch/compiler.h"

struct domain;

/* What a domain's <metadata> says to us.  Private to virt/. */

/* The namespace of our elements there.  A later one is another language. */
#define METADATA_XML_NAMESPACE "urn:vnicd:domain:1"

/* With more elements for interfaces, a domain is refused. */
#define METADATA_XML_MAX_VNICS 1024

char *metadata_xml_parse(const xmlNode *, struct domain *)
    OVS_WARN_UNUSED_RESULT;

#endif /* virt/metadata-xml.h */
