/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */

/* A domain's <metadata> to facts about its vNICs.  Pure.
 *
 * Unlike libvirt's XML, this is written by people for us alone, so nothing in
 * it is passed over: whoever writes an element that we do not know, or a value
 * that makes no sense, must not believe that it has an effect.  What is wrong
 * with the element of one interface becomes the error of its metadata; so does,
 * for each interface, what is wrong and may be about any of them: a guest that
 * was to be isolated must not reach others because of a slip.  An element for a
 * MAC that no interface has, or has yet, is about none, and is reported on the
 * domain only.  What is of another namespace is none of our business. */

#include <config.h>
#include "virt/metadata-xml.h"

#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/error.h"
#include "lib/vnic.h"
#include "openvswitch/types.h"
#include "packets.h"
#include "util.h"
#include "virt/metadata-node.h"
#include "virt/metadata-policy.h"
#include "virt/xml.h"

/* <vlan>. */

/* What a mode makes of the attributes "tag", "trunks" and "cvlans". */
enum need { REFUSED, OPTIONAL, REQUIRED };

static const struct mode_needs {
    enum need tag, trunks, cvlans;
} mode_needs[] = {
    [VLAN_ACCESS]          = { REQUIRED, REFUSED,  REFUSED },
    [VLAN_TRUNK]           = { REFUSED,  REQUIRED, REFUSED },
    [VLAN_NATIVE_TAGGED]   = { REQUIRED, REQUIRED, REFUSED },
    [VLAN_NATIVE_UNTAGGED] = { REQUIRED, REQUIRED, REFUSED },
    [VLAN_DOT1Q_TUNNEL]    = { REQUIRED, REFUSED,  OPTIONAL },
};

static char *
parse_mode(const xmlNode *vlan, enum vlan_mode *modep)
{
    CLEANUP_FREE char *mode = xml_get_attribute(vlan, "mode");
    if (!mode) {
        return xstrdup("<vlan> has no mode");
    }
    if (!vlan_mode_from_string(mode, modep)) {
        CLEANUP_FREE char *shown = xml_excerpt(mode);
        return xasprintf("mode='%s' of <vlan> is unknown", shown);
    }
    return NULL;
}

/* Stores in '*valuep' the attribute 'name' of 'vlan', for the caller to free,
 * NULL if it is not there.  Returns a sentence if that is not as 'mode' needs
 * it. */
static char *
get_needed(const xmlNode *vlan, const char *name, enum vlan_mode mode,
           enum need need, char **valuep)
{
    *valuep = xml_get_attribute(vlan, name);
    if (*valuep ? need != REFUSED : need != REQUIRED) {
        return NULL;
    }
    return xasprintf("<vlan mode='%s'> %s %s", vlan_mode_to_string(mode),
                     *valuep ? "must not have" : "needs", name);
}

static char *
parse_tag(const xmlNode *vlan, enum vlan_mode mode, enum need need, int *tagp)
{
    CLEANUP_FREE char *value = NULL;
    char *error = get_needed(vlan, "tag", mode, need, &value);
    if (error || !value || vlan_vid_from_string(value, tagp)) {
        return error;
    }
    CLEANUP_FREE char *shown = xml_excerpt(value);
    return xasprintf("tag='%s' of <vlan> is not a VLAN (1..4094)", shown);
}

/* 'name' is "trunks" or "cvlans". */
static char *
parse_list(const xmlNode *vlan, const char *name, enum vlan_mode mode,
           enum need need, struct vlan_set *set)
{
    CLEANUP_FREE char *value = NULL;
    char *error = get_needed(vlan, name, mode, need, &value);
    if (error || !value || vlan_set_from_string(value, set)) {
        return error;
    }
    CLEANUP_FREE char *shown = xml_excerpt(value);
    return xasprintf("%s='%s' of <vlan> is not a list of VLANs (1..4094) like "
                     "10,20-29", name, shown);
}

/* Without the attributes: what 'vlan' says in 'spec', which is empty. */
static char *
parse_vlan_values(const xmlNode *vlan, struct vlan_spec *spec)
{
    char *error = parse_mode(vlan, &spec->mode);
    if (error) {
        return error;
    }

    enum vlan_mode mode = spec->mode;
    const struct mode_needs *needs = &mode_needs[mode];
    error = parse_tag(vlan, mode, needs->tag, &spec->tag);
    if (!error) {
        error = parse_list(vlan, "trunks", mode, needs->trunks, &spec->trunks);
    }
    if (!error) {
        error = parse_list(vlan, "cvlans", mode, needs->cvlans, &spec->cvlans);
    }
    return error;
}

static char *
parse_vlan(const xmlNode *node, struct vnic_metadata *metadata)
{
    static const char *const attributes[] = {
        "mode", "tag", "trunks", "cvlans", NULL,
    };
    struct vlan_spec spec = VLAN_SPEC_INIT;

    char *error = metadata_node_check_leaf(node, attributes);
    if (!error) {
        error = parse_vlan_values(node, &spec);
    }
    if (error) {
        return error;
    }
    if (spec.mode == VLAN_NATIVE_TAGGED || spec.mode == VLAN_NATIVE_UNTAGGED) {
        vlan_set_add(&spec.trunks, spec.tag);
    }
    metadata->vlan = spec;
    return NULL;
}

/* <plug>. */

static char *
parse_plug(const xmlNode *node, struct vnic_metadata *metadata)
{
    static const char *const attributes[] = { "bridge", NULL };

    char *error = metadata_node_check_leaf(node, attributes);
    if (error) {
        return error;
    }
    xml_set_from_attribute(node, "bridge", &metadata->bridge);
    return metadata->bridge ? NULL : xstrdup("<plug> has no bridge");
}

/* <vnic>. */

static const struct vnic_element {
    const char *name;
    char *(*parse)(const xmlNode *, struct vnic_metadata *);
    bool is_repeatable;
} vnic_elements[] = {
    { "plug", parse_plug, false },
    { "vlan", parse_vlan, false },
    { "isolation", metadata_policy_parse_isolation, false },
    { "guard", metadata_policy_parse_guard, false },
    { "allow", metadata_policy_parse_allow, true },
    { "address", metadata_policy_parse_address, true },
};

/* Parses 'node', a child of <vnic>.  '*seenp' has a bit for each of
 * 'vnic_elements' that was there before. */
static char *
parse_vnic_child(const xmlNode *node, unsigned int *seenp,
                 struct vnic_metadata *metadata)
{
    for (size_t i = 0; i < ARRAY_SIZE(vnic_elements); i++) {
        const struct vnic_element *element = &vnic_elements[i];
        if (!metadata_node_is(node, element->name)) {
            continue;
        }
        if (*seenp & (1u << i) && !element->is_repeatable) {
            return xasprintf("there are two elements <%s>", element->name);
        }
        *seenp |= 1u << i;
        return element->parse(node, metadata);
    }
    return metadata_node_refuse(node);
}

/* Stores in 'metadata', which is empty, what 'node', the <vnic> for 'mac',
 * says; what is wrong with it in its 'error'. */
static void
parse_vnic(const xmlNode *node, struct eth_addr mac,
           struct vnic_metadata *metadata)
{
    static const char *const attributes[] = { "mac", NULL };
    unsigned int seen = 0;

    metadata->error = metadata_node_check_attributes(node, attributes);
    METADATA_NODE_FOR_EACH (child, node) {
        if (metadata->error) {
            break;
        }
        metadata->error = parse_vnic_child(child, &seen, metadata);
    }
    if (!metadata->error) {
        metadata->error = metadata_policy_settle_addresses(&metadata->policy,
                                                           mac);
    }
}

/* The domain. */

/* Gives 'vnic', one of those that 'metadata' is about, its copy. */
static void
set_metadata(struct vnic *vnic, const struct vnic_metadata *metadata)
{
    bool is_second = vnic->metadata != NULL;
    vnic_set_metadata(vnic, metadata);

    struct vnic_metadata *own = vnic->metadata;
    if (is_second) {
        free(own->error);
        own->error = xstrdup("there are two elements <vnic> for this MAC");
    } else if (own->bridge && !own->error && !vnic_may_be_plugged_by_us(vnic)) {
        own->error = xasprintf("<plug> is for interfaces of type ethernet and "
                               "vhostuser, this one is of type %s",
                               vnic_type_to_string(vnic->type));
    }
    own->error = error_wrap(own->error, "metadata");
}

/* Reports 'error', which is taken over, on 'domain'. */
static void
complain(struct domain *domain, char *error)
{
    svec_add_nocopy(&domain->metadata_errors, error_wrap(error, "metadata"));
}

/* Takes what 'node', the <vnic> for 'mac', says to the interfaces with that
 * MAC: there are two where one stands in for the other (<teaming>). */
static void
apply_vnic(const xmlNode *node, struct eth_addr mac, struct domain *domain)
{
    CLEANUP(vnic_metadata) struct vnic_metadata metadata = VNIC_METADATA_INIT;
    bool is_found = false;
    parse_vnic(node, mac, &metadata);
    for (size_t i = 0; i < domain->n_vnics; i++) {
        if (eth_addr_equals(domain->vnics[i].id.mac, mac)) {
            set_metadata(&domain->vnics[i], &metadata);
            is_found = true;
        }
    }
    if (!is_found) {
        complain(domain, xasprintf("no interface has MAC "ETH_ADDR_FMT,
                                   ETH_ADDR_ARGS(mac)));
    }
}

/* 'node' is what is said to us directly below <vnics>.  Returns a sentence if
 * it cannot be told which interface it is about. */
static char *
parse_vnics_child(const xmlNode *node, struct domain *domain)
{
    if (!metadata_node_is(node, "vnic")) {
        return metadata_node_refuse(node);
    }

    CLEANUP_FREE char *address = xml_get_attribute(node, "mac");
    struct eth_addr mac;
    char *error = address ? xml_parse_mac(address, &mac)
                          : xstrdup("<vnic> has no mac");
    if (!error) {
        apply_vnic(node, mac, domain);
    }
    return error;
}

/* 'error' may be NULL. */
static void
add_fault(struct svec *faults, char *error)
{
    if (error) {
        svec_add_nocopy(faults, error);
    }
}

/* 'node' is our element in the <metadata> of 'domain'.  Adds to 'faults' a
 * sentence for each of which it cannot be told which interface it is about. */
static char *
parse_vnics(const xmlNode *node, struct domain *domain, struct svec *faults)
{
    static const char *const attributes[] = { NULL };
    size_t n = 0;

    if (!metadata_node_is(node, "vnics")) {
        CLEANUP_FREE char *shown = xml_excerpt((const char *) node->name);
        add_fault(faults, xasprintf("element <%s> is in the place of <vnics>",
                                    shown));
        return NULL;
    }
    add_fault(faults, metadata_node_check_attributes(node, attributes));
    METADATA_NODE_FOR_EACH (child, node) {
        if (++n > METADATA_XML_MAX_VNICS) {
            return xasprintf("metadata has more than %d elements below "
                             "<vnics>", METADATA_XML_MAX_VNICS);
        }
        add_fault(faults, parse_vnics_child(child, domain));
    }
    return NULL;
}

/* Reports 'faults' on 'domain', and makes the first of them the error of each
 * vNIC's metadata that has none of its own. */
static void
hold_all(struct domain *domain, const struct svec *faults)
{
    static const struct vnic_metadata nothing = VNIC_METADATA_INIT;

    for (size_t i = 0; i < faults->n; i++) {
        complain(domain, xstrdup(faults->names[i]));
    }
    for (size_t i = 0; faults->n && i < domain->n_vnics; i++) {
        struct vnic *vnic = &domain->vnics[i];
        if (!vnic->metadata) {
            vnic_set_metadata(vnic, &nothing);
        }
        if (!vnic->metadata->error) {
            vnic->metadata->error = error_wrap(xstrdup(faults->names[0]),
                                               "metadata");
        }
    }
}

/* Reads 'node', the <metadata> of 'domain', whose vNICs are there already.
 * Returns a sentence if the domain has to be refused for it: libvirt keeps one
 * element of each namespace, so a second one is not libvirt's. */
char *
metadata_xml_parse(const xmlNode *node, struct domain *domain)
{
    const xmlNode *vnics = NULL;
    for (const xmlNode *child = node->children; child; child = child->next) {
        if (metadata_node_is_ours(child)) {
            if (vnics) {
                return xstrdup("metadata has two elements of namespace "
                               METADATA_XML_NAMESPACE);
            }
            vnics = child;
        }
    }

    struct svec faults = SVEC_EMPTY_INITIALIZER;
    char *error = vnics ? parse_vnics(vnics, domain, &faults) : NULL;
    hold_all(domain, &faults);
    svec_destroy(&faults);
    return error;
}
