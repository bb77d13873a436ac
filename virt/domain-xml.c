/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */

/* Domain XML, as libvirt and its hooks print it, to facts.  Pure.
 *
 * One function for each element that we read, and a table for each parent that
 * names them.  An element that may occur once counts where it occurs first, as
 * in libvirt itself; elements of a foreign namespace do not count at all.
 *
 * Whoever may define a domain has a say in its XML.  The document is therefore
 * limited in size, must do without a document type (so without entities of its
 * own), and is taken for UTF-8, which is what libvirt prints, whatever
 * encoding it declares.  Nothing is ever loaded from elsewhere.
 *
 * What is wrong with one interface costs that interface only. */

#include <config.h>
#include "virt/domain-xml.h"

#include <libxml/parser.h>
#include <libxml/tree.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/error.h"
#include "lib/vnic.h"
#include "openvswitch/dynamic-string.h"
#include "packets.h"
#include "util.h"
#include "uuid.h"

/* How much of a value goes into a sentence. */
#define EXCERPT_BYTES 80

/* IEEE 802.1Q has no more VLANs than this. */
#define MAX_TAGS 4094

/* Helpers. */

/* Returns 'value', made fit for a sentence, as a malloc'd string: no control
 * characters, and cut between two characters of UTF-8 if it is long. */
static char *
excerpt(const char *value)
{
    size_t size = strlen(value);
    bool is_cut = size > EXCERPT_BYTES;
    if (is_cut) {
        size = EXCERPT_BYTES;
        while (size && (value[size] & 0xc0) == 0x80) {
            size--;
        }
    }

    struct ds s = DS_EMPTY_INITIALIZER;
    for (size_t i = 0; i < size; i++) {
        unsigned char c = value[i];
        ds_put_char(&s, c < ' ' || c == 0x7f ? '?' : c);
    }
    ds_put_cstr(&s, is_cut ? "..." : "");
    return ds_steal_cstr(&s);
}

/* Returns 'node', or the first after it of its siblings, that is an element
 * 'name' without namespace; NULL if there is none. */
static const xmlNode *
find_element(const xmlNode *node, const char *name)
{
    while (node && (node->type != XML_ELEMENT_NODE || node->ns
                    || strcmp((const char *) node->name, name))) {
        node = node->next;
    }
    return node;
}

/* Iterates 'CHILD' over the elements 'NAME' directly below 'PARENT'. */
#define FOR_EACH_ELEMENT(CHILD, PARENT, NAME)                           \
    for (const xmlNode *CHILD = find_element((PARENT)->children, NAME); \
         CHILD; CHILD = find_element(CHILD->next, NAME))

static size_t
count_elements(const xmlNode *parent, const char *name)
{
    size_t n = 0;
    FOR_EACH_ELEMENT (child, parent, name) {
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
static char *
get_attribute(const xmlNode *node, const char *name)
{
    return take_xml_string(xmlGetNoNsProp(node, (const xmlChar *) name));
}

/* Stores the value of attribute 'name', if there is one that is not empty, in
 * '*stringp'. */
static void
set_from_attribute(const xmlNode *node, const char *name, char **stringp)
{
    CLEANUP_FREE char *value = get_attribute(node, name);
    if (value && value[0]) {
        free(*stringp);
        *stringp = TAKE_PTR(value);
    }
}

/* Below <interface><vlan>. */

static char *
parse_tag_id(const xmlNode *tag, unsigned int *vidp)
{
    CLEANUP_FREE char *id = get_attribute(tag, "id");
    *vidp = 0;
    if (!id) {
        return xstrdup("a VLAN tag has no id");
    }
    if (!str_to_uint(id, 10, vidp) || *vidp >= VLAN_SET_BITS) {
        CLEANUP_FREE char *shown = excerpt(id);
        return xasprintf("VLAN tag id '%s' is not a number in 0..4095", shown);
    }
    return NULL;
}

/* Makes 'vid' the native VLAN of 'spec' if 'tag' says so. */
static char *
parse_native_mode(const xmlNode *tag, unsigned int vid, struct vlan_spec *spec)
{
    CLEANUP_FREE char *mode = get_attribute(tag, "nativeMode");
    if (!mode) {
        return NULL;
    }
    if (spec->mode != VLAN_NONE) {
        return xasprintf("VLAN %u cannot be native, VLAN %d is",
                         vid, spec->tag);
    }

    if (!strcmp(mode, "tagged")) {
        spec->mode = VLAN_NATIVE_TAGGED;
    } else if (!strcmp(mode, "untagged")) {
        spec->mode = VLAN_NATIVE_UNTAGGED;
    } else {
        CLEANUP_FREE char *shown = excerpt(mode);
        return xasprintf("nativeMode '%s' of VLAN %u is unknown", shown, vid);
    }
    spec->tag = vid;
    return NULL;
}

static char *
parse_tag(const xmlNode *tag, struct vlan_spec *spec)
{
    unsigned int vid;
    char *error = parse_tag_id(tag, &vid);
    if (error) {
        return error;
    }
    vlan_set_add(&spec->trunks, vid);
    return parse_native_mode(tag, vid, spec);
}

/* Stores in '*is_trunkp' whether 'vlan', with 'n_tags' tags and perhaps a
 * native one, is a trunk.  Like libvirt, ignores case and an empty value. */
static char *
parse_trunk(const xmlNode *vlan, size_t n_tags, bool has_native,
            bool *is_trunkp)
{
    CLEANUP_FREE char *trunk = get_attribute(vlan, "trunk");

    *is_trunkp = n_tags > 1;
    if (!trunk || !trunk[0]) {
        return NULL;
    }
    if (!strcasecmp(trunk, "yes")) {
        *is_trunkp = true;
        return NULL;
    }
    if (strcasecmp(trunk, "no")) {
        CLEANUP_FREE char *shown = excerpt(trunk);
        return xasprintf("trunk='%s' of <vlan> is neither yes nor no", shown);
    }
    if (n_tags > 1) {
        return xasprintf("trunk='no' with %"PRIuSIZE" VLAN tags", n_tags);
    }
    return has_native ? xstrdup("trunk='no' with a native VLAN") : NULL;
}

/* Without a native VLAN, 'spec' has all tags in its trunks and no mode yet. */
static void
set_plain_mode(struct vlan_spec *spec, bool is_trunk)
{
    if (is_trunk) {
        spec->mode = VLAN_TRUNK;
    } else {
        int vid = vlan_set_next(&spec->trunks, 0);
        *spec = (struct vlan_spec) { .mode = VLAN_ACCESS, .tag = vid };
    }
}

/* Below <interface>.  Each stores what its element says in 'vnic', or returns
 * a sentence. */

static char *
parse_mac(const xmlNode *node, struct vnic *vnic)
{
    CLEANUP_FREE char *address = get_attribute(node, "address");
    if (!address) {
        return xstrdup("<mac> has no address");
    }

    /* eth_addr_from_string() is lenient; what it understood must look like
     * what it was given. */
    struct eth_addr mac;
    char canonical[ETH_ADDR_STRLEN + 1];
    CLEANUP_FREE char *shown = excerpt(address);
    bool ok = eth_addr_from_string(address, &mac);
    snprintf(canonical, sizeof canonical, ETH_ADDR_FMT, ETH_ADDR_ARGS(mac));
    if (!ok || strcasecmp(address, canonical)) {
        return xasprintf("MAC address '%s' is malformed", shown);
    }
    if (eth_addr_is_multicast(mac)) {
        return xasprintf("MAC address '%s' is a multicast address", shown);
    }
    vnic->id.mac = mac;
    return NULL;
}

static char *
parse_source(const xmlNode *node, struct vnic *vnic)
{
    set_from_attribute(node, "bridge", &vnic->bridge);
    set_from_attribute(node, "network", &vnic->network);
    set_from_attribute(node, "portgroup", &vnic->portgroup);
    return NULL;
}

static char *
parse_target(const xmlNode *node, struct vnic *vnic)
{
    set_from_attribute(node, "dev", &vnic->target);
    return NULL;
}

static char *
parse_model(const xmlNode *node, struct vnic *vnic)
{
    set_from_attribute(node, "type", &vnic->model);
    return NULL;
}

/* An interface of a network may leave the type to the network.  Parameters of
 * the other types (802.1Qbg, 802.1Qbh, midonet) mean nothing to us. */
static char *
parse_virtualport(const xmlNode *node, struct vnic *vnic)
{
    CLEANUP_FREE char *type = get_attribute(node, "type");
    vnic->has_ovs_virtualport = type && !strcmp(type, "openvswitch");

    const xmlNode *parameters = find_element(node->children, "parameters");
    if (parameters && (!type || vnic->has_ovs_virtualport)) {
        set_from_attribute(parameters, "interfaceid", &vnic->interface_id);
        set_from_attribute(parameters, "profileid", &vnic->profile_id);
    }
    return NULL;
}

/* Accepts what libvirt's virNetDevVlanParse() accepts, so neither an empty
 * <vlan> nor ranges.  That 0 and 4095 make no sense on the wire is for
 * vlan_spec_validate() to say. */
static char *
parse_vlan(const xmlNode *node, struct vnic *vnic)
{
    size_t n_tags = count_elements(node, "tag");
    if (!n_tags) {
        return xstrdup("<vlan> has no <tag>");
    }
    if (n_tags > MAX_TAGS) {
        return xasprintf("%"PRIuSIZE" VLAN tags are more than %d",
                         n_tags, MAX_TAGS);
    }

    struct vlan_spec spec = VLAN_SPEC_INIT;
    FOR_EACH_ELEMENT (tag, node, "tag") {
        char *error = parse_tag(tag, &spec);
        if (error) {
            return error;
        }
    }

    bool is_trunk;
    bool has_native = spec.mode != VLAN_NONE;
    char *error = parse_trunk(node, n_tags, has_native, &is_trunk);
    if (error) {
        return error;
    }
    if (!has_native) {
        set_plain_mode(&spec, is_trunk);
    }
    vnic->vlan = spec;
    return NULL;
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
};

/* Below <domain>. */

/* Fills 'vnic', which is as after vnic_init().  The first thing wrong becomes
 * its error; the rest is read all the same, for operators to recognise it. */
static void
parse_interface(const xmlNode *node, struct vnic *vnic)
{
    CLEANUP_FREE char *type = get_attribute(node, "type");
    vnic->type = type ? vnic_type_from_string(type) : VNIC_OTHER;

    for (size_t i = 0; i < ARRAY_SIZE(interface_elements); i++) {
        const char *name = interface_elements[i].name;
        const xmlNode *child = find_element(node->children, name);
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
    CLEANUP_FREE char *uuid = take_xml_string(xmlNodeGetContent(node));
    if (!uuid_from_string(&domain->uuid, uuid ? uuid : "")) {
        CLEANUP_FREE char *shown = excerpt(uuid ? uuid : "");
        return xasprintf("UUID '%s' is malformed", shown);
    }
    return NULL;
}

static char *
parse_name(const xmlNode *node, struct domain *domain)
{
    domain->name = take_xml_string(xmlNodeGetContent(node));
    return domain->name && domain->name[0] ? NULL : xstrdup("<name> is empty");
}

static char *
parse_devices(const xmlNode *node, struct domain *domain)
{
    size_t n = count_elements(node, "interface");
    if (n > DOMAIN_XML_MAX_VNICS) {
        return xasprintf("%"PRIuSIZE" interfaces are more than %d",
                         n, DOMAIN_XML_MAX_VNICS);
    }
    FOR_EACH_ELEMENT (interface, node, "interface") {
        struct vnic vnic;
        vnic_init(&vnic);
        parse_interface(interface, &vnic);
        domain_add_vnic(domain, &vnic);
    }
    return NULL;
}

/* In the order in which they are needed: a vNIC gets its domain's UUID. */
static const struct {
    const char *name;
    bool is_required;
    char *(*parse)(const xmlNode *, struct domain *);
} domain_elements[] = {
    { "uuid",    true,  parse_uuid },
    { "name",    true,  parse_name },
    { "devices", false, parse_devices },
};

/* Only a domain with a guest has an id. */
static char *
parse_domain(const xmlNode *node, struct domain *domain)
{
    const xmlChar *id = (const xmlChar *) "id";
    domain->is_active = xmlHasNsProp(node, id, NULL) != NULL;

    for (size_t i = 0; i < ARRAY_SIZE(domain_elements); i++) {
        const char *name = domain_elements[i].name;
        const xmlNode *child = find_element(node->children, name);
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
    CLEANUP_FREE char *shown = excerpt(message);
    return xasprintf("malformed XML in line %d: %s", last->line, shown);
}

/* Reads the document into '*docp', for the caller to free. */
static char *
read_document(const char *xml, size_t size, xmlDoc **docp)
{
    *docp = NULL;
    if (size > DOMAIN_XML_MAX_BYTES) {
        return xasprintf("%"PRIuSIZE" bytes of XML are more than %d",
                         size, DOMAIN_XML_MAX_BYTES);
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

static char *
parse_document(const xmlDoc *doc, struct domain *domain)
{
    const xmlNode *root = find_element(doc->children, "domain");
    return root ? parse_domain(root, domain)
                : xstrdup("the root element is not <domain>");
}

/* Parses the 'size' bytes at 'xml', the XML of one domain of any driver.
 * Returns NULL and stores in '*domainp' a new domain, which the caller must
 * destroy, or returns a sentence, which the caller must free, and stores NULL.
 *
 * The domain is active if the XML has an id for it.  What is wrong with one
 * interface becomes the 'error' of its vNIC; a vNIC without a valid MAC has
 * the MAC 00:00:00:00:00:00.  The caller sets 'read_ms'.
 *
 * Any thread, once xmlInitParser() was called (virt_init() does). */
char *
domain_xml_parse(const char *xml, size_t size, struct domain **domainp)
{
    *domainp = NULL;

    xmlDoc *doc;
    char *error = read_document(xml, size, &doc);
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
