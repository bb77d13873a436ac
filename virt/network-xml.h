/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef VIRT_NETWORK_XML_H
#define VIRT_NETWORK_XML_H 1

#include <stddef.h>

#include "openvswitch/compiler.h"

struct network;

/* A network with more port groups is refused. */
#define NETWORK_XML_MAX_PORTGROUPS 4096

char *network_xml_parse(const char *xml, size_t size, struct network **)
    OVS_WARN_UNUSED_RESULT;

#endif /* virt/network-xml.h */
