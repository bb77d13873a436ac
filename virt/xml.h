/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef VIRT_XML_H
#define VIRT_XML_H 1

#include <libxml/tree.h>
#include <stddef.h>

#include "openvswitch/compiler.h"

struct eth_addr;
struct uuid;

/* Documents that libvirt prints, and their nodes.  Private to virt/. */

/* A larger document is refused unread; libvirt's are some kilobytes. */
#define XML_MAX_BYTES (4 * 1024 * 1024)

char *xml_read_document(const char *xml, size_t size, xmlDoc **)
    OVS_WARN_UNUSED_RESULT;

const xmlNode *xml_find_element(const xmlNode *, const char *name);
size_t xml_count_elements(const xmlNode *parent, const char *name);

/* Iterates 'CHILD' over the elements 'NAME' directly below 'PARENT'. */
#define XML_FOR_EACH_ELEMENT(CHILD, PARENT, NAME)                       \
    for (const xmlNode *CHILD                                           \
             = xml_find_element((PARENT)->children, NAME);              \
         CHILD; CHILD = xml_find_element(CHILD->next, NAME))

char *xml_get_attribute(const xmlNode *, const char *name);
void xml_set_from_attribute(const xmlNode *, const char *name, char **);
char *xml_parse_uuid(const xmlNode *, struct uuid *) OVS_WARN_UNUSED_RESULT;
char *xml_parse_name(const xmlNode *, char **) OVS_WARN_UNUSED_RESULT;
char *xml_parse_mac(const char *, struct eth_addr *) OVS_WARN_UNUSED_RESULT;
char *xml_excerpt(const char *value);

#endif /* virt/xml.h */
