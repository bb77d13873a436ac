/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */

/* What every parser of libvirt's XML needs.  Pure.
 *
 * Whoever may define a domain or a network has a say in its XML.  The document
 * is therefore limited in size, must do without a document type (so without
 * entities of its own), and is taken for UTF-8, which is what libvirt prints,
 * whatever encoding it declares.  Nothing is ever loaded from elsewhere. */

#include <config.h>
#include "virt/xml.h"

#include <libxml/parser.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/text.h"
#include "packets.h"
#include "util.h"
#include "uuid.h"

/* How much of a value goes into a sentence. */
#define EXCERPT_BYTES 80

/* Nodes. */

/* Returns 'value', made fit for a sentence, as a malloc'd string. */
char *
xml_excerpt(const char *value)
{
    return text_excerpt(value, EXCERPT_BYTES);
}

/* Returns 'node', or the first after it of its siblings, that is an element
 * 'name' without namespace; NULL if there is none. */
const xmlNode *
xml_find_element(const xmlNode *node, const char *name)
{
    while (node && (node->type != XML_ELEMENT_NODE || node->ns
                    || strcmp((const char *) node->name, name))) {
        node = node->next;
    }
    return node;
}

/* Returns how many elements 'name' are directly below 'parent'. */
size_t
xml_count_elements(const xmlNode *parent, const char *name)
{
    size_t n = 0;
    XML_FOR_EACH_ELEMENT (child, parent, name) {
        n++;
    }
    return n;
}

/* Makes a string of libxml2's, which may be NULL, one for free(). */
static char *
take_xml_string(xmlChar *s)
{
    char *copy = nullable_xstrdup((char *) s);
    xmlFree(s);
    return copy;
}

/* Returns the value of attribute 'name', which the caller must free, or NULL
 * if 'node' does not have it. */
char *
xml_get_attribute(const xmlNode *node, const char *name)
{
    return take_xml_string(xmlGetNoNsProp(node, (const xmlChar *) name));
}

/* Stores the value of attribute 'name', if there is one that is not empty, in
 * '*stringp'. */
void
xml_set_from_attribute(const xmlNode *node, const char *name, char **stringp)
{
    CLEANUP_FREE char *value = xml_get_attribute(node, name);
    if (value && value[0]) {
        free(*stringp);
        *stringp = TAKE_PTR(value);
    }
}

/* Stores in '*uuid' what 'node', a <uuid>, contains. */
char *
xml_parse_uuid(const xmlNode *node, struct uuid *uuid)
{
    CLEANUP_FREE char *text = take_xml_string(xmlNodeGetContent(node));
    if (!uuid_from_string(uuid, text ? text : "")) {
        CLEANUP_FREE char *shown = xml_excerpt(text ? text : "");
        return xasprintf("UUID '%s' is malformed", shown);
    }
    return NULL;
}

/* Stores in '*namep' what 'node', a <name>, contains. */
char *
xml_parse_name(const xmlNode *node, char **namep)
{
    free(*namep);
    *namep = take_xml_string(xmlNodeGetContent(node));
    return *namep && (*namep)[0] ? NULL : xstrdup("<name> is empty");
}

/* Stores in '*macp' the unicast address that 'address' is. */
char *
xml_parse_mac(const char *address, struct eth_addr *macp)
{
    /* eth_addr_from_string() is lenient; what it understood must look like
     * what it was given. */
    struct eth_addr mac;
    char canonical[ETH_ADDR_STRLEN + 1];
    CLEANUP_FREE char *shown = xml_excerpt(address);
    bool ok = eth_addr_from_string(address, &mac);
    snprintf(canonical, sizeof canonical, ETH_ADDR_FMT, ETH_ADDR_ARGS(mac));
    if (!ok || strcasecmp(address, canonical)) {
        return xasprintf("MAC address '%s' is malformed", shown);
    }
    if (eth_addr_is_multicast(mac)) {
        return xasprintf("MAC address '%s' is a multicast address", shown);
    }
    *macp = mac;
    return NULL;
}

/* The document. */

/* libxml2 calls this at "<!DOCTYPE", before it reads any declaration. */
static void
refuse_document_type(void *parser_, const xmlChar *name OVS_UNUSED,
                     const xmlChar *public_id OVS_UNUSED,
                     const xmlChar *system_id OVS_UNUSED)
{
    xmlParserCtxt *parser = parser_;
    bool *has_document_type = parser->_private;
    *has_document_type = true;
    xmlStopParser(parser);
}

/* Says why 'parser' gave up. */
static char *
syntax_error(xmlParserCtxt *parser)
{
    const xmlError *last = xmlCtxtGetLastError(parser);
    if (!last || !last->message) {
        return xstrdup("malformed XML");
    }

    CLEANUP_FREE char *message = xstrdup(last->message);
    message[strcspn(message, "\n")] = '\0';
    CLEANUP_FREE char *shown = xml_excerpt(message);
    return xasprintf("malformed XML in line %d: %s", last->line, shown);
}

/* Reads the 'size' bytes at 'xml' into '*docp', for the caller to free, or
 * stores NULL and returns a sentence.  Any thread, once xmlInitParser() was
 * called. */
char *
xml_read_document(const char *xml, size_t size, xmlDoc **docp)
{
    *docp = NULL;
    if (size > XML_MAX_BYTES) {
        return xasprintf("%"PRIuSIZE" bytes of XML are more than %d",
                         size, XML_MAX_BYTES);
    }

    bool has_document_type = false;
    xmlParserCtxt *parser = xmlNewParserCtxt();
    parser->_private = &has_document_type;
    parser->sax->internalSubset = refuse_document_type;
    xmlDoc *doc = xmlCtxtReadMemory(parser, xml, size, NULL, "UTF-8",
                                    XML_PARSE_NONET | XML_PARSE_NOERROR
                                    | XML_PARSE_NOWARNING);
    char *error = NULL;
    if (has_document_type) {
        error = xstrdup("a document type is not allowed");
        xmlFreeDoc(doc);
    } else if (!doc) {
        error = syntax_error(parser);
    } else {
        *docp = doc;
    }
    xmlFreeParserCtxt(parser);
    return error;
}
