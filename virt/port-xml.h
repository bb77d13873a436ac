/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef VIRT_PORT_XML_H
#define VIRT_PORT_XML_H 1

#include <libxml/tree.h>
#include <stdbool.h>

#include "openvswitch/compiler.h"

struct vlan_spec;

/* <vlan> and <virtualport>, wherever they stand.  Private to virt/. */

char *port_xml_parse_vlan(const xmlNode *, struct vlan_spec *)
    OVS_WARN_UNUSED_RESULT;
bool port_xml_is_ovs(const xmlNode *);

#endif /* virt/port-xml.h */
