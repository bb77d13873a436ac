/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */

/* The elements of a domain's <metadata> that say what a vNIC may do.  Each
 * function reads one of them into a statement, or returns a sentence; what a
 * statement changes is decided in lib/policy-intent.c.  Pure. */

#include <config.h>
#include "virt/metadata-policy.h"

#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/error.h"
#include "lib/policy.h"
#include "lib/vnic.h"
#include "openvswitch/dynamic-string.h"
#include "packets.h"
#include "util.h"
#include "virt/metadata-node.h"
#include "virt/xml.h"

/* Attributes. */

/* Says that attribute 'name' of 'node' has a value of no use: 'fault' goes
 * after it. */
static char *
refuse_value(const xmlNode *node, const char *name, const char *value,
             const char *fault)
{
    CLEANUP_FREE char *shown = xml_excerpt(value);
    return xasprintf("%s='%s' of <%s> %s", name, shown,
                     (const char *) node->name, fault);
}

/* Stores in '*valuep' attribute 'name' of 'node', for the caller to free.
 * Returns a sentence if it is not there. */
static char *
get_required(const xmlNode *node, const char *name, char **valuep)
{
    *valuep = xml_get_attribute(node, name);
    return *valuep ? NULL : xasprintf("<%s> has no %s",
                                      (const char *) node->name, name);
}

/* <isolation>. */

/* Names of communities are compared, and shown, as they are written. */
static bool
is_group_name(const char *s)
{
    size_t len = strspn(s, "abcdefghijklmnopqrstuvwxyz"
                           "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-");
    return len >= 1 && len <= 64 && !s[len];
}

/* A community has a name, the other classes have none. */
static char *
parse_group(const xmlNode *node, struct policy *policy)
{
    CLEANUP_FREE char *group = xml_get_attribute(node, "group");
    bool is_community = policy->isolation == ISOLATION_COMMUNITY;
    if (!group != !is_community) {
        return xasprintf("<isolation class='%s'> %s group",
                         isolation_class_to_string(policy->isolation),
                         group ? "must not have" : "needs");
    }
    if (group && !is_group_name(group)) {
        return refuse_value(node, "group", group,
                            "is not 1 to 64 letters, digits, '.', '_' and "
                            "'-'");
    }
    policy->community = TAKE_PTR(group);
    return NULL;
}

char *
metadata_policy_parse_isolation(const xmlNode *node,
                                struct vnic_metadata *metadata)
{
    static const char *const attributes[] = { "class", "group", NULL };
    struct policy *policy = &metadata->policy.policy;
    CLEANUP_FREE char *class = NULL;

    char *error = metadata_node_check_leaf(node, attributes);
    if (!error) {
        error = get_required(node, "class", &class);
    }
    if (error) {
        return error;
    }
    if (!isolation_class_from_string(class, &policy->isolation)) {
        return refuse_value(node, "class", class, "is unknown");
    }
    metadata->policy.said |= POLICY_FIELD_ISOLATION;
    return parse_group(node, policy);
}

/* <guard>. */

char *
metadata_policy_parse_guard(const xmlNode *node,
                            struct vnic_metadata *metadata)
{
    static const char *const attributes[] = { "level", NULL };
    CLEANUP_FREE char *level = NULL;

    char *error = metadata_node_check_leaf(node, attributes);
    if (!error) {
        error = get_required(node, "level", &level);
    }
    if (error) {
        return error;
    }
    if (!guard_level_from_string(level, &metadata->policy.policy.guard)) {
        return refuse_value(node, "level", level, "is unknown");
    }
    metadata->policy.said |= POLICY_FIELD_GUARD;
    return NULL;
}

/* <allow>. */

char *
metadata_policy_parse_allow(const xmlNode *node,
                            struct vnic_metadata *metadata)
{
    static const char *const attributes[] = { "service", NULL };
    struct policy *policy = &metadata->policy.policy;
    CLEANUP_FREE char *name = NULL;

    char *error = metadata_node_check_leaf(node, attributes);
    if (!error) {
        error = get_required(node, "service", &name);
    }
    if (error) {
        return error;
    }

    enum policy_service service;
    if (!policy_service_from_string(name, &service)) {
        return refuse_value(node, "service", name, "is unknown");
    }
    if (policy->services & service) {
        return xasprintf("there are two elements <allow service='%s'>", name);
    }
    policy->services |= service;
    metadata->policy.said |= POLICY_FIELD_SERVICES;
    return NULL;
}

/* <address>. */

static char *
parse_ip(const xmlNode *node, struct policy_address *address)
{
    CLEANUP_FREE char *ip = NULL;
    char *error = get_required(node, "ip", &ip);
    if (error) {
        return error;
    }

    /* What an excerpt leaves out would have made it bad, too. */
    CLEANUP_FREE char *shown = xml_excerpt(ip);
    error = policy_address_parse(shown, &address->ip, &address->plen);
    if (error) {
        return error_wrap(error, "ip of <address>");
    }
    return policy_address_is_source(address)
           ? NULL
           : refuse_value(node, "ip", ip, "is no address that a frame may "
                          "come from");
}

static char *
parse_mac(const xmlNode *node, struct policy_address *address)
{
    CLEANUP_FREE char *mac = xml_get_attribute(node, "mac");
    if (!mac) {
        return NULL;
    }
    char *error = xml_parse_mac(mac, &address->mac);
    if (error) {
        return error_wrap(error, "mac of <address>");
    }
    return eth_addr_is_zero(address->mac)
           ? refuse_value(node, "mac", mac, "is no address of anybody")
           : NULL;
}

static char *
parse_vlan(const xmlNode *node, struct policy_address *address)
{
    CLEANUP_FREE char *vlan = xml_get_attribute(node, "vlan");
    return !vlan || vlan_vid_from_string(vlan, &address->vlan)
           ? NULL
           : refuse_value(node, "vlan", vlan, "is not a VLAN (1..4094)");
}

char *
metadata_policy_parse_address(const xmlNode *node,
                              struct vnic_metadata *metadata)
{
    static const char *const attributes[] = { "ip", "mac", "vlan", NULL };
    struct policy *policy = &metadata->policy.policy;

    if (policy->n_addresses >= METADATA_POLICY_MAX_ADDRESSES) {
        return xasprintf("there are more than %d elements <address>",
                         METADATA_POLICY_MAX_ADDRESSES);
    }
    metadata->policy.said |= POLICY_FIELD_ADDRESSES;
    struct policy_address *address = policy_add_address(policy);
    char *error = metadata_node_check_leaf(node, attributes);
    if (!error) {
        error = parse_ip(node, address);
    }
    if (!error) {
        error = parse_mac(node, address);
    }
    return error ? error : parse_vlan(node, address);
}

/* Compares each of the first 'n' addresses with the one behind them. */
static char *
check_repetition(const struct policy_address *addresses, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (policy_address_equals(&addresses[i], &addresses[n])) {
            struct ds s = DS_EMPTY_INITIALIZER;
            ds_put_cstr(&s, "there are two elements <address> for ");
            policy_address_format(&addresses[n], &s);
            return ds_steal_cstr(&s);
        }
    }
    return NULL;
}

/* Writes those addresses of 'statement' that go with MAC address 'own', the
 * vNIC's, in the one way that there is for it.  Returns a sentence if two of
 * them then are the same. */
char *
metadata_policy_settle_addresses(struct policy_statement *statement,
                                 struct eth_addr own)
{
    struct policy *policy = &statement->policy;
    for (size_t i = 0; i < policy->n_addresses; i++) {
        struct policy_address *address = &policy->addresses[i];
        if (eth_addr_equals(address->mac, own)) {
            address->mac = eth_addr_zero;
        }
        char *error = check_repetition(policy->addresses, i);
        if (error) {
            return error;
        }
    }
    return NULL;
}
