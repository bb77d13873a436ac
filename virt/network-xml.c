/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */

/* Network XML, as libvirt and its hooks print it, to facts.  Pure.
 *
 * As in virt/domain-xml.c, an element that may occur once counts where it
 * occurs first, and elements of a foreign namespace do not count at all.
 *
 * What is wrong with one port group costs that port group only, and what is
 * wrong with the network's own <vlan> only those that would inherit it. */

#include <config.h>
#include "virt/network-xml.h"

#include <libxml/tree.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/network.h"
#include "util.h"
#include "virt/port-xml.h"
#include "virt/xml.h"

/* Below <portgroup>, and below <network> as well. */

/* Stores in '*vlan' and '*is_ovsp' what 'parent' says of its ports.  Returns a
 * sentence if its <vlan> cannot be used. */
static char *
parse_ports(const xmlNode *parent, struct vlan_spec *vlan, bool *is_ovsp)
{
    const xmlNode *children = parent->children;
    const xmlNode *virtualport = xml_find_element(children, "virtualport");
    const xmlNode *vlan_node = xml_find_element(children, "vlan");

    *is_ovsp = virtualport && port_xml_is_ovs(virtualport);
    return vlan_node ? port_xml_parse_vlan(vlan_node, vlan) : NULL;
}

/* Below <network>.  Each stores what its element says in 'network', or returns
 * a sentence. */

static char *
parse_uuid(const xmlNode *node, struct network *network)
{
    return xml_parse_uuid(node, &network->uuid);
}

static char *
parse_name(const xmlNode *node, struct network *network)
{
    return xml_parse_name(node, &network->name);
}

static char *
parse_bridge(const xmlNode *node, struct network *network)
{
    xml_set_from_attribute(node, "name", &network->bridge);
    return NULL;
}

/* libvirt ignores case here, as in every yes and no. */
static void
parse_portgroup(const xmlNode *node, struct portgroup *portgroup)
{
    CLEANUP_FREE char *is_default = xml_get_attribute(node, "default");
    portgroup->is_default = is_default && !strcasecmp(is_default, "yes");

    xml_set_from_attribute(node, "name", &portgroup->name);
    if (!portgroup->name) {
        portgroup->name = xstrdup("");
        portgroup->error = xstrdup("it has no name");
        return;
    }
    portgroup->error = parse_ports(node, &portgroup->vlan,
                                   &portgroup->has_ovs_virtualport);
}

static char *
parse_portgroups(const xmlNode *parent, struct network *network)
{
    size_t n = xml_count_elements(parent, "portgroup");
    if (n > NETWORK_XML_MAX_PORTGROUPS) {
        return xasprintf("%"PRIuSIZE" port groups are more than %d",
                         n, NETWORK_XML_MAX_PORTGROUPS);
    }
    XML_FOR_EACH_ELEMENT (node, parent, "portgroup") {
        parse_portgroup(node, network_add_portgroup(network));
    }
    return NULL;
}

static const struct {
    const char *name;
    bool is_required;
    char *(*parse)(const xmlNode *, struct network *);
} network_elements[] = {
    { "uuid",   true,  parse_uuid },
    { "name",   true,  parse_name },
    { "bridge", false, parse_bridge },
};

static char *
parse_network(const xmlNode *node, struct network *network)
{
    for (size_t i = 0; i < ARRAY_SIZE(network_elements); i++) {
        const char *name = network_elements[i].name;
        const xmlNode *child = xml_find_element(node->children, name);
        char *error = NULL;
        if (child) {
            error = network_elements[i].parse(child, network);
        } else if (network_elements[i].is_required) {
            error = xasprintf("<%s> is missing", name);
        }
        if (error) {
            return error;
        }
    }

    network->error = parse_ports(node, &network->vlan,
                                 &network->has_ovs_virtualport);
    return parse_portgroups(node, network);
}

/* The document. */

/* A hook is told more than the network, in <hookData>. */
static char *
parse_document(const xmlDoc *doc, struct network *network)
{
    const xmlNode *hook_data = xml_find_element(doc->children, "hookData");
    const xmlNode *root = xml_find_element(
        hook_data ? hook_data->children : doc->children, "network");
    return root ? parse_network(root, network)
           : hook_data ? xstrdup("there is no <network> in <hookData>")
           : xstrdup("the root element is not <network>");
}

/* Parses the 'size' bytes at 'xml', the XML of one network of any forward
 * mode.  Returns NULL and stores in '*networkp' a new network, which the
 * caller must destroy, or returns a sentence, which the caller must free, and
 * stores NULL.
 *
 * Any thread, once xmlInitParser() was called (virt_init() does). */
char *
network_xml_parse(const char *xml, size_t size, struct network **networkp)
{
    *networkp = NULL;

    xmlDoc *doc;
    char *error = xml_read_document(xml, size, &doc);
    if (error) {
        return error;
    }

    struct network *network = network_create();
    error = parse_document(doc, network);
    xmlFreeDoc(doc);
    if (error) {
        network_destroy(network);
    } else {
        *networkp = network;
    }
    return error;
}
