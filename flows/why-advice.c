/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */

/* What an operator would have to set, rule by rule.  All of it is in the one
 * table below. */

#include <config.h>
#include "flows/why-advice.h"

#include "flows/pipeline.h"
#include "lib/cleanup.h"
#include "packets.h"
#include "util.h"

/* In what follows elements are of the vNIC's <metadata>. */
#define ADDRESS "<address ip='...'/> with that address"
#define ALLOW(SERVICE) "<allow service='" SERVICE "'/>"
#define OTHER_MAC "<address mac='...' ip='...'/> with that MAC address"

static const struct {
    enum table_rule rule;
    const char *setting;        /* NULL: none but the guard's level. */
} advice[] = {
    { RULE_FOREIGN_VLAN, "another <vlan> of the sender's interface" },
    { RULE_RESERVED_VLAN, "no setting: VLAN 4095 is reserved" },
    { RULE_UNKNOWN_PORT, "vnicd-unknown-port=pass, or a domain that names "
      "the port" },
    { RULE_MIRROR, "no setting: a mirror has the port as its output_port" },
    { RULE_ISOLATION, "<isolation class='promiscuous'/> of one of the two, "
      "or the same community of both" },
    { RULE_NOT_ITS_VLAN, "another <vlan> of the receiver's interface" },
    { RULE_FROM_OUTSIDE, "no setting: nothing goes back to where it came "
      "from" },
    { RULE_VIOLATION, "no setting: a flow of the sender is missing, see "
      "'status'" },

    { RULE_SOURCE_MAC, OTHER_MAC ", or " ALLOW("any-mac") },
    { RULE_MAC_LIMIT, NULL },
    { RULE_VLAN_TAG, NULL },
    { RULE_RESERVED, ALLOW("bpdu") " or " ALLOW("lldp") ", if it is such a "
      "frame" },
    { RULE_ETHERTYPE, NULL },
    { RULE_ARP, ADDRESS },
    { RULE_RARP, OTHER_MAC },
    { RULE_IPV4_SOURCE, ADDRESS },
    { RULE_IPV6_SOURCE, ADDRESS },
    { RULE_ND_OPTION, OTHER_MAC },
    { RULE_ND_TARGET, ADDRESS },
    { RULE_DHCP_SERVER, ALLOW("dhcp-server") },
    { RULE_ROUTER, ALLOW("router-advertisement") },
    { RULE_QUERIER, ALLOW("router-advertisement") },
    { RULE_FRAGMENT, NULL },
    { RULE_HEADER_CHAIN, NULL },
};

static const char *
find_setting(enum table_rule rule)
{
    for (size_t i = 0; i < ARRAY_SIZE(advice); i++) {
        if (advice[i].rule == rule) {
            return advice[i].setting;
        }
    }
    return NULL;
}

/* True if addresses of 'vnic' do not go with its own MAC address alone. */
static bool
names_macs(const struct pipeline_vnic *vnic)
{
    for (size_t i = 0; i < vnic->policy.n_addresses; i++) {
        if (!eth_addr_is_zero(vnic->policy.addresses[i].mac)) {
            return true;
        }
    }
    return false;
}

/* Returns what an <address> of 'vnic' has to say, besides the address, so that
 * it is good for frames from 'source'; all-zero if that is not known.  Most
 * vNICs have one MAC address, and need not be told. */
static char *
advise_mac(const struct pipeline_vnic *vnic, const struct eth_addr source)
{
    if (!names_macs(vnic)) {
        return xstrdup("");
    } else if (eth_addr_is_zero(source)) {
        return xstrdup(" and the mac='...' it is used with");
    }
    return xasprintf(" and mac='"ETH_ADDR_FMT"'", ETH_ADDR_ARGS(source));
}

static bool
is_about_address(enum table_rule rule)
{
    return rule == RULE_ARP || rule == RULE_IPV4_SOURCE
           || rule == RULE_IPV6_SOURCE || rule == RULE_ND_TARGET;
}

/* True if it is the guard that looks at 'rule', so that its level counts. */
bool
why_rule_is_guards(enum table_rule rule)
{
    switch ((int) rule) {
#define RULE(ENUM, NUMBER, NAME, WORDS) case RULE_##ENUM: return true;
    TABLE_GUARD_RULES
#undef RULE
    }
    return false;
}

static bool
is_held_by_class(enum table_rule rule, const struct pipeline_vnic *vnic)
{
    return (rule == RULE_SOURCE_MAC
            && vnic->policy.isolation != ISOLATION_PROMISCUOUS);
}

/* True if what breaks 'rule' is dropped, not only counted. */
bool
why_rule_is_enforced(enum table_rule rule, const struct pipeline_vnic *vnic)
{
    return vnic->policy.guard == GUARD_ENFORCE
           || is_held_by_class(rule, vnic);
}

/* Returns what would let a frame of 'sender', NULL if it is no vNIC, pass that
 * 'rule' drops, for the caller to free; NULL if 'rule' drops nothing.  'source'
 * is the MAC address it is from, all-zero if that is not known. */
char *
why_advice(enum table_rule rule, const struct pipeline_vnic *sender,
           const struct eth_addr source)
{
    const char *setting = find_setting(rule);
    if (!why_rule_is_guards(rule)) {
        return nullable_xstrdup(setting);
    } else if (sender && is_held_by_class(rule, sender)) {
        return xstrdup(OTHER_MAC "; no level of the guard, since the vNIC is "
                       "not promiscuous");
    }
    CLEANUP_FREE char *mac = sender && is_about_address(rule)
                             ? advise_mac(sender, source) : NULL;
    return xasprintf("%s%s%sguard level 'monitor': <guard level='monitor'/>, "
                     "or vnicd-guard of the bridge", setting ? setting : "",
                     mac ? mac : "", setting ? ", or " : "");
}
