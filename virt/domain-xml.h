/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef VIRT_DOMAIN_XML_H
#define VIRT_DOMAIN_XML_H 1

#include <stddef.h>

#include "openvswitch/compiler.h"

struct domain;

/* A domain with more interfaces is refused. */
#define DOMAIN_XML_MAX_VNICS 1024

char *domain_xml_parse(const char *xml, size_t size, struct domain **domainp)
    OVS_WARN_UNUSED_RESULT;

#endif /* virt/domain-xml.h */
