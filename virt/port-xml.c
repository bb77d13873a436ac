/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */

/* The elements that an interface has in common with its network and port
 * group: <vlan> and <virtualport>.  Pure. */

#include <config.h>
#include "virt/port-xml.h"

#include <libxml/tree.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/vlan.h"
#include "util.h"
#include "virt/xml.h"

/* IEEE 802.1Q has no more VLANs than this. */
#define MAX_TAGS 4094

/* Below <vlan>. */

static char *
parse_tag_id(const xmlNode *tag, unsigned int *vidp)
{
    CLEANUP_FREE char *id = xml_get_attribute(tag, "id");
    *vidp = 0;
    if (!id) {
        return xstrdup("a VLAN tag has no id");
    }
    /* Like libvirt, takes no minus, not even that of "-0". */
    if (strchr(id, '-') || !str_to_uint(id, 10, vidp)
        || *vidp >= VLAN_SET_BITS) {
        CLEANUP_FREE char *shown = xml_excerpt(id);
        return xasprintf("VLAN tag id '%s' is not a number in 0..4095", shown);
    }
    return NULL;
}

/* Makes 'vid' the native VLAN of 'spec' if 'tag' says so. */
static char *
parse_native_mode(const xmlNode *tag, unsigned int vid, struct vlan_spec *spec)
{
    CLEANUP_FREE char *mode = xml_get_attribute(tag, "nativeMode");
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
        CLEANUP_FREE char *shown = xml_excerpt(mode);
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
    CLEANUP_FREE char *trunk = xml_get_attribute(vlan, "trunk");

    *is_trunkp = n_tags > 1;
    if (!trunk || !trunk[0]) {
        return NULL;
    }
    if (!strcasecmp(trunk, "yes")) {
        *is_trunkp = true;
        return NULL;
    }
    if (strcasecmp(trunk, "no")) {
        CLEANUP_FREE char *shown = xml_excerpt(trunk);
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

/* The elements. */

/* Stores what 'node', a <vlan>, says in '*vlan', or returns a sentence and
 * leaves it as it is.
 *
 * Accepts what libvirt's virNetDevVlanParse() accepts, so neither an empty
 * <vlan> nor ranges.  That 0 and 4095 make no sense on the wire is for
 * vlan_spec_validate() to say. */
char *
port_xml_parse_vlan(const xmlNode *node, struct vlan_spec *vlan)
{
    size_t n_tags = xml_count_elements(node, "tag");
    if (!n_tags) {
        return xstrdup("<vlan> has no <tag>");
    }
    if (n_tags > MAX_TAGS) {
        return xasprintf("%"PRIuSIZE" VLAN tags are more than %d",
                         n_tags, MAX_TAGS);
    }

    struct vlan_spec spec = VLAN_SPEC_INIT;
    XML_FOR_EACH_ELEMENT (tag, node, "tag") {
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
    *vlan = spec;
    return NULL;
}

/* True if 'node', a <virtualport>, is of Open vSwitch. */
bool
port_xml_is_ovs(const xmlNode *node)
{
    CLEANUP_FREE char *type = xml_get_attribute(node, "type");
    return type && !strcmp(type, "openvswitch");
}
