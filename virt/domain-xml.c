/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */

/* Domain XML, as libvirt and its hooks print it, to facts.  Pure.
 *
 * One function for each element that we read, and a table for each parent that
 * names them.  An element that may occur once counts where it occurs first, as
 * in libvirt itself; elements of a foreign namespace do not count at all.
 *
 * What is wrong with one interface costs that interface only. */

#include <config.h>
#include "virt/domain-xml.h"

#include <libxml/tree.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/vnic.h"
#include "util.h"
#include "virt/metadata-xml.h"
#include "virt/port-xml.h"
#include "virt/xml.h"

/* Below <interface>.  Each stores what its element says in 'vnic', or returns
 * a sentence. */

static char *
parse_mac(const xmlNode *node, struct vnic *vnic)
{
    CLEANUP_FREE char *address = xml_get_attribute(node, "address");
    return address
           ? xml_parse_mac(address, &vnic->id.mac)
           : xstrdup("<mac> has no address");
}

/* Stores in '*partp' the number that attribute 'name' is, decimal or with 0x
 * in front; 0 if it is not there.  Returns false if it is no number. */
static bool
parse_address_part(const xmlNode *address, const char *name,
                   unsigned int *partp)
{
    CLEANUP_FREE char *value = xml_get_attribute(address, name);
    *partp = 0;
    return !value || str_to_uint(value, 0, partp);
}

/* Below <source> of a device of the host: its PCI address, for people. */
static char *
parse_address(const xmlNode *address, struct vnic *vnic)
{
    unsigned int domain, bus, slot, function;
    if (!parse_address_part(address, "domain", &domain)
        || !parse_address_part(address, "bus", &bus)
        || !parse_address_part(address, "slot", &slot)
        || !parse_address_part(address, "function", &function)) {
        return xstrdup("<address> of <source> is malformed");
    }
    free(vnic->source_device);
    vnic->source_device = xasprintf("%04x:%02x:%02x.%x", domain, bus, slot,
                                    function);
    return NULL;
}

/* What <source> says besides bridge and network depends on the type. */
static char *
parse_source(const xmlNode *node, struct vnic *vnic)
{
    xml_set_from_attribute(node, "bridge", &vnic->bridge);
    xml_set_from_attribute(node, "network", &vnic->network);
    xml_set_from_attribute(node, "portgroup", &vnic->portgroup);
    if (vnic->type == VNIC_DIRECT) {
        xml_set_from_attribute(node, "dev", &vnic->source_device);
        xml_set_from_attribute(node, "mode", &vnic->macvtap_mode);
    } else if (vnic->type == VNIC_VHOSTUSER) {
        xml_set_from_attribute(node, "path", &vnic->vhost_path);
        xml_set_from_attribute(node, "mode", &vnic->vhost_mode);
    } else if (vnic->type == VNIC_HOSTDEV) {
        const xmlNode *address = xml_find_element(node->children, "address");
        return address ? parse_address(address, vnic) : NULL;
    }
    return NULL;
}

static char *
parse_target(const xmlNode *node, struct vnic *vnic)
{
    xml_set_from_attribute(node, "dev", &vnic->target);
    return NULL;
}

static char *
parse_model(const xmlNode *node, struct vnic *vnic)
{
    xml_set_from_attribute(node, "type", &vnic->model);
    return NULL;
}

/* An interface of a network may leave the type to the network.  Parameters of
 * the other types (802.1Qbg, 802.1Qbh, midonet) mean nothing to us. */
static char *
parse_virtualport(const xmlNode *node, struct vnic *vnic)
{
    CLEANUP_FREE char *type = xml_get_attribute(node, "type");
    vnic->has_ovs_virtualport = port_xml_is_ovs(node);

    const xmlNode *parameters = xml_find_element(node->children, "parameters");
    if (parameters && (!type || vnic->has_ovs_virtualport)) {
        xml_set_from_attribute(parameters, "interfaceid", &vnic->interface_id);
        xml_set_from_attribute(parameters, "profileid", &vnic->profile_id);
    }
    return NULL;
}

static char *
parse_vlan(const xmlNode *node, struct vnic *vnic)
{
    return port_xml_parse_vlan(node, &vnic->vlan);
}

/* Stores in '*numberp' what attribute 'name' of 'node' says, 0 if it is not
 * there. */
static char *
parse_rate(const xmlNode *node, const char *name,
           unsigned long long int *numberp)
{
    CLEANUP_FREE char *value = xml_get_attribute(node, name);
    *numberp = 0;
    if (value && !str_to_ullong(value, 10, numberp)) {
        CLEANUP_FREE char *shown = xml_excerpt(value);
        return xasprintf("%s='%s' of <%s> is not a number", name, shown,
                         (const char *) node->name);
    }
    return NULL;
}

/* 'node' is <inbound> or <outbound>, or NULL. */
static char *
parse_direction(const xmlNode *node, struct bandwidth *bandwidth)
{
    if (!node) {
        return NULL;
    }
    char *error = parse_rate(node, "average", &bandwidth->average);
    if (!error) {
        error = parse_rate(node, "peak", &bandwidth->peak);
    }
    if (!error) {
        error = parse_rate(node, "burst", &bandwidth->burst);
    }
    return error;
}

static char *
parse_bandwidth(const xmlNode *node, struct vnic *vnic)
{
    vnic->has_bandwidth = true;
    char *error = parse_direction(xml_find_element(node->children, "inbound"),
                                  &vnic->inbound);
    return error ? error
           : parse_direction(xml_find_element(node->children, "outbound"),
                             &vnic->outbound);
}

static const struct {
    const char *name;
    bool is_required;
    char *(*parse)(const xmlNode *, struct vnic *);
} interface_elements[] = {
    { "mac",         true,  parse_mac },
    { "source",      false, parse_source },
    { "target",      false, parse_target },
    { "model",       false, parse_model },
    { "virtualport", false, parse_virtualport },
    { "vlan",        false, parse_vlan },
    { "bandwidth",   false, parse_bandwidth },
};

/* Below <domain>. */

/* Fills 'vnic', which is as after vnic_init().  The first thing wrong becomes
 * its error; the rest is read all the same, for operators to recognise it. */
static void
parse_interface(const xmlNode *node, struct vnic *vnic)
{
    CLEANUP_FREE char *type = xml_get_attribute(node, "type");
    vnic->type = type ? vnic_type_from_string(type) : VNIC_OTHER;

    for (size_t i = 0; i < ARRAY_SIZE(interface_elements); i++) {
        const char *name = interface_elements[i].name;
        const xmlNode *child = xml_find_element(node->children, name);
        char *error = NULL;
        if (child) {
            error = interface_elements[i].parse(child, vnic);
        } else if (interface_elements[i].is_required) {
            error = xasprintf("<%s> is missing", name);
        }

        if (vnic->error) {
            free(error);
        } else {
            vnic->error = error;
        }
    }
}

static char *
parse_uuid(const xmlNode *node, struct domain *domain)
{
    return xml_parse_uuid(node, &domain->uuid);
}

static char *
parse_name(const xmlNode *node, struct domain *domain)
{
    return xml_parse_name(node, &domain->name);
}

static char *
parse_devices(const xmlNode *node, struct domain *domain)
{
    size_t n = xml_count_elements(node, "interface");
    if (n > DOMAIN_XML_MAX_VNICS) {
        return xasprintf("%"PRIuSIZE" interfaces are more than %d",
                         n, DOMAIN_XML_MAX_VNICS);
    }
    XML_FOR_EACH_ELEMENT (interface, node, "interface") {
        struct vnic vnic;
        vnic_init(&vnic);
        parse_interface(interface, &vnic);
        domain_add_vnic(domain, &vnic);
    }
    return NULL;
}

/* In the order in which they are needed: a vNIC gets its domain's UUID, and
 * metadata is about vNICs. */
static const struct {
    const char *name;
    bool is_required;
    char *(*parse)(const xmlNode *, struct domain *);
} domain_elements[] = {
    { "uuid",     true,  parse_uuid },
    { "name",     true,  parse_name },
    { "devices",  false, parse_devices },
    { "metadata", false, metadata_xml_parse },
};

/* Only a domain with a guest has an id. */
static char *
parse_domain(const xmlNode *node, struct domain *domain)
{
    const xmlChar *id = (const xmlChar *) "id";
    domain->is_active = xmlHasNsProp(node, id, NULL) != NULL;

    for (size_t i = 0; i < ARRAY_SIZE(domain_elements); i++) {
        const char *name = domain_elements[i].name;
        const xmlNode *child = xml_find_element(node->children, name);
        char *error = NULL;
        if (child) {
            error = domain_elements[i].parse(child, domain);
        } else if (domain_elements[i].is_required) {
            error = xasprintf("<%s> is missing", name);
        }
        if (error) {
            return error;
        }
    }
    return NULL;
}

/* The document. */

static char *
parse_document(const xmlDoc *doc, struct domain *domain)
{
    const xmlNode *root = xml_find_element(doc->children, "domain");
    return root ? parse_domain(root, domain)
                : xstrdup("the root element is not <domain>");
}

/* Parses the 'size' bytes at 'xml', the XML of one domain of any driver.
 * Returns NULL and stores in '*domainp' a new domain, which the caller must
 * destroy, or returns a sentence, which the caller must free, and stores NULL.
 *
 * The domain is active if the XML has an id for it.  What is wrong with one
 * interface becomes the 'error' of its vNIC, or of its metadata; a vNIC
 * without a valid MAC has the MAC 00:00:00:00:00:00.  The caller sets
 * 'read_ms'.
 *
 * Any thread, once xmlInitParser() was called (virt_init() does). */
char *
domain_xml_parse(const char *xml, size_t size, struct domain **domainp)
{
    *domainp = NULL;

    xmlDoc *doc;
    char *error = xml_read_document(xml, size, &doc);
    if (error) {
        return error;
    }

    struct domain *domain = domain_create();
    error = parse_document(doc, domain);
    xmlFreeDoc(doc);
    if (error) {
        domain_destroy(domain);
    } else {
        *domainp = domain;
    }
    return error;
}
