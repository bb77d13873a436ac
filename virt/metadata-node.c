/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */

/* Nodes of a domain's <metadata>: which of them are said to us, and what is
 * wrong with those that nobody knows.  What the known ones mean is read in
 * virt/metadata-xml.c and virt/metadata-policy.c.  Pure. */

#include <config.h>
#include "virt/metadata-node.h"

#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "util.h"
#include "virt/metadata-xml.h"
#include "virt/xml.h"

static bool
is_our_namespace(const xmlNs *ns)
{
    return ns && !strcmp((const char *) ns->href, METADATA_XML_NAMESPACE);
}

/* True if 'node' is an element of our namespace. */
bool
metadata_node_is_ours(const xmlNode *node)
{
    return node->type == XML_ELEMENT_NODE && is_our_namespace(node->ns);
}

/* True if 'node' is our element 'name'. */
bool
metadata_node_is(const xmlNode *node, const char *name)
{
    return metadata_node_is_ours(node)
           && !strcmp((const char *) node->name, name);
}

/* Is 'node' said to somebody else, or to nobody?  What has no namespace at all
 * was meant for us: somebody forgot a prefix. */
static bool
is_foreign(const xmlNode *node)
{
    if (node->type == XML_ELEMENT_NODE) {
        return node->ns && !is_our_namespace(node->ns);
    }
    bool is_text = node->type == XML_TEXT_NODE
                   || node->type == XML_CDATA_SECTION_NODE;
    return !is_text || xmlIsBlankNode(node);
}

/* Returns 'node', or the first after it of its siblings, that is said to us;
 * NULL if there is none. */
const xmlNode *
metadata_node_find(const xmlNode *node)
{
    while (node && is_foreign(node)) {
        node = node->next;
    }
    return node;
}

/* Says why 'node' must not be where it is. */
char *
metadata_node_refuse(const xmlNode *node)
{
    if (node->type != XML_ELEMENT_NODE) {
        CLEANUP_FREE char *shown = xml_excerpt((const char *) node->content);
        return xasprintf("text '%s' has no meaning here", shown);
    }
    CLEANUP_FREE char *shown = xml_excerpt((const char *) node->name);
    return node->ns
           ? xasprintf("element <%s> is unknown", shown)
           : xasprintf("element <%s> is not of namespace "
                       METADATA_XML_NAMESPACE, shown);
}

static bool
contains(const char *const names[], const char *name)
{
    for (; *names; names++) {
        if (!strcmp(*names, name)) {
            return true;
        }
    }
    return false;
}

/* Returns a sentence if 'node' has an attribute besides 'names', a list that
 * ends with NULL, and those of other namespaces. */
char *
metadata_node_check_attributes(const xmlNode *node, const char *const names[])
{
    for (const xmlAttr *a = node->properties; a; a = a->next) {
        bool is_known = !a->ns && contains(names, (const char *) a->name);
        if (!is_known && (!a->ns || is_our_namespace(a->ns))) {
            CLEANUP_FREE char *shown = xml_excerpt((const char *) a->name);
            return xasprintf("attribute %s of <%s> is unknown", shown,
                             (const char *) node->name);
        }
    }
    return NULL;
}

/* The same of 'node', which must have no content either. */
char *
metadata_node_check_leaf(const xmlNode *node, const char *const names[])
{
    char *error = metadata_node_check_attributes(node, names);
    if (error) {
        return error;
    }
    const xmlNode *child = metadata_node_find(node->children);
    return child ? metadata_node_refuse(child) : NULL;
}
