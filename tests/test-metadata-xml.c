/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */

/* Tests of virt/metadata-xml.c, through the parser of domains. */

#include <config.h>
#include "virt/metadata-xml.h"

#include <string.h>

#include "lib/cleanup.h"
#include "lib/vnic.h"
#include "openvswitch/dynamic-string.h"
#include "packets.h"
#include "tests/unit.h"
#include "util.h"
#include "virt/domain-xml.h"
#include "virt/metadata-policy.h"

#define VNICS "<v:vnics xmlns:v='" METADATA_XML_NAMESPACE "'>"
#define VNIC "<v:vnic mac='52:54:00:00:00:01'>"
#define END "</v:vnic></v:vnics>"

/* A domain with the content of <metadata> and three interfaces, the last two
 * of which stand in for each other. */
static struct domain *
parse(const char *metadata)
{
    CLEANUP_FREE char *xml = xasprintf(
        "<domain id='3'><name>web1</name>"
        "<uuid>8ae1d2c5-5a1c-4a53-9b4e-0d7e6a1f0001</uuid>"
        "<metadata>%s</metadata><devices>"
        "<interface type='ethernet'>"
        "<mac address='52:54:00:00:00:01'/></interface>"
        "<interface type='bridge'><vlan><tag id='5'/></vlan>"
        "<mac address='52:54:00:00:00:02'/></interface>"
        "<interface type='hostdev'>"
        "<mac address='52:54:00:00:00:02'/></interface>"
        "</devices></domain>", metadata);
    struct domain *domain;
    char *error = domain_xml_parse(xml, strlen(xml), &domain);
    assert_null(error);
    return domain;
}

/* Asserts that what is below the first interface's <vnic> is refused with
 * 'sentence', and that only that vNIC is concerned. */
static void
assert_bad_vnic(const char *content, const char *sentence)
{
    CLEANUP_FREE char *metadata = xasprintf(VNICS VNIC "%s" END, content);
    CLEANUP_FREE char *expected = xasprintf("metadata: %s", sentence);
    struct domain *domain = parse(metadata);
    assert_non_null(domain->vnics[0].metadata);
    assert_non_null(domain->vnics[0].metadata->error);
    assert_string_equal(domain->vnics[0].metadata->error, expected);
    assert_null(domain->vnics[0].error);
    assert_null(domain->vnics[1].metadata);
    assert_int_equal(domain->metadata_errors.n, 0);
    domain_destroy(domain);
}

/* Asserts that 'metadata' has 'sentence' reported on the domain, and that it
 * is the error of each vNIC. */
static void
assert_all_held(const char *metadata, const char *sentence)
{
    CLEANUP_FREE char *expected = xasprintf("metadata: %s", sentence);
    struct domain *domain = parse(metadata);
    assert_int_equal(domain->metadata_errors.n, 1);
    assert_string_equal(domain->metadata_errors.names[0], expected);
    for (size_t i = 0; i < domain->n_vnics; i++) {
        assert_non_null(domain->vnics[i].metadata);
        assert_non_null(domain->vnics[i].metadata->error);
        assert_string_equal(domain->vnics[i].metadata->error, expected);
    }
    domain_destroy(domain);
}

static void
test_no_metadata(void **state OVS_UNUSED)
{
    static const char *const cases[] = {
        "",
        "text",
        "<note/>",
        "<x:vnics xmlns:x='urn:vnicd:domain:2'><x:vnic/></x:vnics>",
        VNICS "</v:vnics>",
        VNICS "<!-- later --></v:vnics>",
        VNICS "<x:vnic xmlns:x='urn:x' mac='x'/></v:vnics>",
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct domain *domain = parse(cases[i]);
        assert_int_equal(domain->metadata_errors.n, 0);
        assert_null(domain->vnics[0].metadata);
        domain_destroy(domain);
    }
}

static void
test_modes(void **state OVS_UNUSED)
{
    static const struct {
        const char *attributes;
        const char *expected;
    } cases[] = {
        { "mode='access' tag='42'", "42" },
        { "mode='trunk' trunks='10,20-29'", "trunk 10,20-29" },
        { "mode='trunk' trunks='1-4094'", "trunk 1-4094" },
        { "mode='native-tagged' tag='10' trunks='20'",
          "native-tagged 10 of 10,20" },
        { "mode='native-untagged' tag='10' trunks='10-12'",
          "native-untagged 10 of 10-12" },
        { "mode='dot1q-tunnel' tag='100'", "dot1q-tunnel 100 of all" },
        { "mode='dot1q-tunnel' tag='100' cvlans='10,20-29'",
          "dot1q-tunnel 100 of 10,20-29" },
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        CLEANUP_FREE char *metadata = xasprintf(
            VNICS VNIC "<v:vlan %s/>" END, cases[i].attributes);
        struct domain *domain = parse(metadata);
        const struct vnic_metadata *own = domain->vnics[0].metadata;
        assert_non_null(own);
        assert_null(own->error);
        assert_null(own->bridge);
        assert_string_taken(vlan_spec_to_string(&own->vlan),
                            cases[i].expected);
        assert_null(vlan_spec_validate(&own->vlan));
        domain_destroy(domain);
    }
}

/* Lists of any length, written as they are printed. */
static void
test_lists_survive(void **state OVS_UNUSED)
{
    struct vlan_set set = { { 0 } };
    srand(1);
    for (int n = 1; n <= 4094; n += 1 + rand() % 200) {
        struct ds list = DS_EMPTY_INITIALIZER;
        for (int i = 0; i < n; i++) {
            vlan_set_add(&set, 1 + rand() % 4094);
        }
        vlan_set_format(&set, &list);
        CLEANUP_FREE char *metadata = xasprintf(
            VNICS VNIC "<v:vlan mode='trunk' trunks='%s'/>" END,
            ds_cstr(&list));
        struct domain *domain = parse(metadata);
        assert_null(domain->vnics[0].metadata->error);
        assert_true(vlan_set_equals(&domain->vnics[0].metadata->vlan.trunks,
                                    &set));
        domain_destroy(domain);
        ds_destroy(&list);
    }
}

static void
test_plug(void **state OVS_UNUSED)
{
    struct domain *domain = parse(VNICS VNIC "<v:plug bridge='br0'/>" END);
    assert_null(domain->vnics[0].metadata->error);
    assert_string_equal(domain->vnics[0].metadata->bridge, "br0");
    assert_int_equal(domain->vnics[0].metadata->vlan.mode, VLAN_NONE);
    assert_null(domain->vnics[0].bridge);
    domain_destroy(domain);

    domain = parse(VNICS "<v:vnic mac='52:54:00:00:00:02'>"
                   "<v:plug bridge='br0'/>" END);
    assert_string_equal(domain->vnics[1].metadata->error,
                        "metadata: <plug> is for interfaces of type ethernet "
                        "and vhostuser, this one is of type bridge");
    domain_destroy(domain);
}

/* Of another namespace: comments of other tools on what is ours. */
static void
test_foreign_content_is_ignored(void **state OVS_UNUSED)
{
    struct domain *domain = parse(
        "<x:a xmlns:x='urn:x'><vnics/></x:a>\n"
        "<vnics xmlns='" METADATA_XML_NAMESPACE "' xmlns:x='urn:x' x:by='me'>"
        "<x:note>text</x:note><!-- c --><?pi?>\n"
        "<vnic mac='52:54:00:00:00:01' x:mac='y'>\n"
        "<vlan x:mode='z' mode='access' tag='7' xml:space='preserve'>"
        "<x:note/> </vlan><x:vlan/>"
        "</vnic></vnics>");
    assert_int_equal(domain->metadata_errors.n, 0);
    assert_null(domain->vnics[0].metadata->error);
    assert_int_equal(domain->vnics[0].metadata->vlan.tag, 7);
    domain_destroy(domain);
}

/* They share a MAC, and what is said of it. */
static void
test_teaming_pair(void **state OVS_UNUSED)
{
    struct domain *domain = parse(
        VNICS "<v:vnic mac='52:54:00:00:00:02'>"
        "<v:vlan mode='access' tag='9'/>" END);
    assert_null(domain->vnics[0].metadata);
    for (size_t i = 1; i < 3; i++) {
        assert_null(domain->vnics[i].metadata->error);
        assert_int_equal(domain->vnics[i].metadata->vlan.tag, 9);
    }
    assert_int_equal(domain->vnics[1].vlan.tag, 5);
    domain_destroy(domain);
}

static void
test_bad_vlans(void **state OVS_UNUSED)
{
    static const struct {
        const char *attributes;
        const char *sentence;
    } cases[] = {
        { "", "<vlan> has no mode" },
        { "tag='5'", "<vlan> has no mode" },
        { "mode='' tag='5'", "mode='' of <vlan> is unknown" },
        { "mode='qinq' tag='5'", "mode='qinq' of <vlan> is unknown" },
        { "mode='Access' tag='5'", "mode='Access' of <vlan> is unknown" },
        { "mode='access'", "<vlan mode='access'> needs tag" },
        { "mode='access' tag='5' trunks='5'",
          "<vlan mode='access'> must not have trunks" },
        { "mode='access' tag='5' cvlans='5'",
          "<vlan mode='access'> must not have cvlans" },
        { "mode='access' tag='0'",
          "tag='0' of <vlan> is not a VLAN (1..4094)" },
        { "mode='access' tag='4095'",
          "tag='4095' of <vlan> is not a VLAN (1..4094)" },
        { "mode='access' tag=''", "tag='' of <vlan> is not a VLAN (1..4094)" },
        { "mode='access' tag='5,6'",
          "tag='5,6' of <vlan> is not a VLAN (1..4094)" },
        { "mode='trunk'", "<vlan mode='trunk'> needs trunks" },
        { "mode='trunk' trunks='5' tag='5'",
          "<vlan mode='trunk'> must not have tag" },
        { "mode='trunk' trunks='5' cvlans='5'",
          "<vlan mode='trunk'> must not have cvlans" },
        { "mode='trunk' trunks=''",
          "trunks='' of <vlan> is not a list of VLANs (1..4094) like "
          "10,20-29" },
        { "mode='trunk' trunks='29-20'",
          "trunks='29-20' of <vlan> is not a list of VLANs (1..4094) like "
          "10,20-29" },
        { "mode='native-tagged' trunks='5'",
          "<vlan mode='native-tagged'> needs tag" },
        { "mode='native-untagged' tag='5'",
          "<vlan mode='native-untagged'> needs trunks" },
        { "mode='native-untagged' tag='5' trunks='5' cvlans='5'",
          "<vlan mode='native-untagged'> must not have cvlans" },
        { "mode='dot1q-tunnel'", "<vlan mode='dot1q-tunnel'> needs tag" },
        { "mode='dot1q-tunnel' tag='5' trunks='5'",
          "<vlan mode='dot1q-tunnel'> must not have trunks" },
        { "mode='dot1q-tunnel' tag='5' cvlans='0'",
          "cvlans='0' of <vlan> is not a list of VLANs (1..4094) like "
          "10,20-29" },
        { "mode='access' tag='5' native='5'",
          "attribute native of <vlan> is unknown" },
        { "mode='access' v:tag='5'", "attribute tag of <vlan> is unknown" },
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        CLEANUP_FREE char *vlan = xasprintf("<v:vlan %s/>",
                                            cases[i].attributes);
        assert_bad_vnic(vlan, cases[i].sentence);
    }
}

/* Returns what a policy of 'content' says, for people. */
static char *
say_policy(const char *content)
{
    CLEANUP_FREE char *metadata = xasprintf(VNICS VNIC "%s" END, content);
    struct domain *domain = parse(metadata);
    const struct vnic_metadata *own = domain->vnics[0].metadata;
    const struct policy *policy = &own->policy.policy;
    struct ds s = DS_EMPTY_INITIALIZER;

    assert_null(own->error);
    ds_put_format(&s, "said %x", own->policy.said);
    ds_put_format(&s, ", %s", isolation_class_to_string(policy->isolation));
    if (policy->community) {
        ds_put_format(&s, " %s", policy->community);
    }
    ds_put_format(&s, ", %s", guard_level_to_string(policy->guard));
    ds_put_format(&s, ", services %x", policy->services);
    for (size_t i = 0; i < policy->n_addresses; i++) {
        ds_put_cstr(&s, ", ");
        policy_address_format(&policy->addresses[i], &s);
        ds_put_format(&s, " "ETH_ADDR_FMT" %d",
                      ETH_ADDR_ARGS(policy->addresses[i].mac),
                      policy->addresses[i].vlan);
    }
    domain_destroy(domain);
    return ds_steal_cstr(&s);
}

static void
test_policies(void **state OVS_UNUSED)
{
    static const struct {
        const char *content;
        const char *expected;
    } cases[] = {
        { "", "said 0, promiscuous, monitor, services 0" },
        { "<v:isolation class='promiscuous'/>",
          "said 1, promiscuous, monitor, services 0" },
        { "<v:isolation class='isolated'/>",
          "said 1, isolated, monitor, services 0" },
        { "<v:isolation class='community' group='web.1_a-b'/>",
          "said 1, community web.1_a-b, monitor, services 0" },
        { "<v:guard level='monitor'/>",
          "said 2, promiscuous, monitor, services 0" },
        { "<v:guard level='off'/>", "said 2, promiscuous, off, services 0" },
        { "<v:allow service='dhcp-server'/><v:guard level='enforce'/>"
          "<v:allow service='any-mac'/>",
          "said 6, promiscuous, enforce, services 11" },
        { "<v:address ip='10.0.0.5'/><v:address ip='2001:db8::/64' vlan='7'/>"
          "<v:address mac='00:00:5E:00:01:07' ip='10.0.0.100'/>",
          "said 8, promiscuous, monitor, services 0, "
          "10.0.0.5 00:00:00:00:00:00 -1, 2001:db8::/64 00:00:00:00:00:00 7, "
          "10.0.0.100 00:00:5e:00:01:07 -1" },
        /* The vNIC's own MAC needs no mention. */
        { "<v:address ip='10.0.0.5' mac='52:54:00:00:00:01'/>",
          "said 8, promiscuous, monitor, services 0, "
          "10.0.0.5 00:00:00:00:00:00 -1" },
        { "<v:address ip='10.0.0.5'/><v:address ip='10.0.0.5' vlan='7'/>",
          "said 8, promiscuous, monitor, services 0, "
          "10.0.0.5 00:00:00:00:00:00 -1, 10.0.0.5 00:00:00:00:00:00 7" },
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        assert_string_taken(say_policy(cases[i].content), cases[i].expected);
    }
}

static void
test_bad_policies(void **state OVS_UNUSED)
{
    static const struct {
        const char *content;
        const char *sentence;
    } cases[] = {
        { "<v:isolation/>", "<isolation> has no class" },
        { "<v:isolation class=''/>", "class='' of <isolation> is unknown" },
        { "<v:isolation class='private'/>",
          "class='private' of <isolation> is unknown" },
        { "<v:isolation class='isolated' group='web'/>",
          "<isolation class='isolated'> must not have group" },
        { "<v:isolation class='promiscuous' group=''/>",
          "<isolation class='promiscuous'> must not have group" },
        { "<v:isolation class='community'/>",
          "<isolation class='community'> needs group" },
        { "<v:isolation class='community' group=''/>",
          "group='' of <isolation> is not 1 to 64 letters, digits, '.', '_' "
          "and '-'" },
        { "<v:isolation class='community' group='a b'/>",
          "group='a b' of <isolation> is not 1 to 64 letters, digits, '.', "
          "'_' and '-'" },
        { "<v:isolation class='isolated' level='1'/>",
          "attribute level of <isolation> is unknown" },
        { "<v:isolation class='isolated'>web</v:isolation>",
          "text 'web' has no meaning here" },
        { "<v:isolation class='isolated'/><v:isolation class='isolated'/>",
          "there are two elements <isolation>" },
        { "<v:guard/>", "<guard> has no level" },
        { "<v:guard level='on'/>", "level='on' of <guard> is unknown" },
        { "<v:guard level='Enforce'/>",
          "level='Enforce' of <guard> is unknown" },
        { "<v:guard level='off' vlan='5'/>",
          "attribute vlan of <guard> is unknown" },
        { "<v:guard level='off'/><v:guard level='off'/>",
          "there are two elements <guard>" },
        { "<v:allow/>", "<allow> has no service" },
        { "<v:allow service='dhcp'/>", "service='dhcp' of <allow> is unknown" },
        { "<v:allow service='lldp' vlan='5'/>",
          "attribute vlan of <allow> is unknown" },
        { "<v:allow service='lldp'/><v:allow service='lldp'/>",
          "there are two elements <allow service='lldp'>" },
        { "<v:allow service='lldp'><v:vlan/></v:allow>",
          "element <vlan> is unknown" },
        { "<v:address/>", "<address> has no ip" },
        { "<v:address mac='00:00:5e:00:01:07'/>", "<address> has no ip" },
        { "<v:address ip=''/>",
          "ip of <address>: '' is neither an IP address nor a prefix" },
        { "<v:address ip='10.0.0.256'/>",
          "ip of <address>: '10.0.0.256' is neither an IP address nor a "
          "prefix" },
        { "<v:address ip='10.0.0.5/24'/>",
          "ip of <address>: '10.0.0.5/24' is no prefix: it has bits beyond "
          "its length" },
        { "<v:address ip='2001:db8::1/64'/>",
          "ip of <address>: '2001:db8::1/64' is no prefix: it has bits "
          "beyond its length" },
        { "<v:address ip='224.0.0.1'/>",
          "ip='224.0.0.1' of <address> is no address that a frame may come "
          "from" },
        { "<v:address ip='::'/>",
          "ip='::' of <address> is no address that a frame may come from" },
        { "<v:address ip='10.0.0.5' mac=''/>",
          "mac of <address>: MAC address '' is malformed" },
        { "<v:address ip='10.0.0.5' mac='01:00:5e:00:00:01'/>",
          "mac of <address>: MAC address '01:00:5e:00:00:01' is a multicast "
          "address" },
        { "<v:address ip='10.0.0.5' mac='ff:ff:ff:ff:ff:ff'/>",
          "mac of <address>: MAC address 'ff:ff:ff:ff:ff:ff' is a multicast "
          "address" },
        { "<v:address ip='10.0.0.5' mac='00:00:00:00:00:00'/>",
          "mac='00:00:00:00:00:00' of <address> is no address of anybody" },
        { "<v:address ip='10.0.0.5' vlan='0'/>",
          "vlan='0' of <address> is not a VLAN (1..4094)" },
        { "<v:address ip='10.0.0.5' vlan='4095'/>",
          "vlan='4095' of <address> is not a VLAN (1..4094)" },
        { "<v:address ip='10.0.0.5' vlan=''/>",
          "vlan='' of <address> is not a VLAN (1..4094)" },
        { "<v:address ip='10.0.0.5' plen='24'/>",
          "attribute plen of <address> is unknown" },
        { "<v:address ip='10.0.0.5'/><v:address ip='10.0.0.5/32'/>",
          "there are two elements <address> for 10.0.0.5" },
        { "<v:address ip='10.0.0.5'/>"
          "<v:address ip='10.0.0.5' mac='52:54:00:00:00:01'/>",
          "there are two elements <address> for 10.0.0.5" },
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        assert_bad_vnic(cases[i].content, cases[i].sentence);
    }

    CLEANUP_FREE char *long_group = xasprintf(
        "<v:isolation class='community' group='%065d'/>", 0);
    CLEANUP_FREE char *sentence = xasprintf(
        "group='%065d' of <isolation> is not 1 to 64 letters, digits, '.', "
        "'_' and '-'", 0);
    assert_bad_vnic(long_group, sentence);
}

/* As many as there may be, and one more. */
static void
test_many_addresses(void **state OVS_UNUSED)
{
    struct ds s = DS_EMPTY_INITIALIZER;
    for (int i = 0; i < METADATA_POLICY_MAX_ADDRESSES; i++) {
        ds_put_format(&s, "<v:address ip='10.0.%d.%d'/>", i / 256, i % 256);
    }
    CLEANUP_FREE char *said = say_policy(ds_cstr(&s));
    assert_non_null(strstr(said, ", 10.0.0.255 "));
    ds_put_cstr(&s, "<v:address ip='10.1.0.0'/>");
    assert_bad_vnic(ds_cstr(&s),
                    "there are more than 256 elements <address>");
    ds_destroy(&s);
}

/* What later releases may know protects nobody now. */
static void
test_unknown_content(void **state OVS_UNUSED)
{
#define VLAN "<v:vlan mode='access' tag='5'/>"
    static const struct {
        const char *content;
        const char *sentence;
    } cases[] = {
        { VLAN "<v:filter name='isolated'/>", "element <filter> is unknown" },
        { "<v:rate limit='1'/>" VLAN, "element <rate> is unknown" },
        { "<vlan mode='access' tag='5'/>",
          "element <vlan> is not of namespace urn:vnicd:domain:1" },
        { VLAN VLAN, "there are two elements <vlan>" },
        { "<v:plug bridge='a'/><v:plug bridge='a'/>",
          "there are two elements <plug>" },
        { VLAN "isolated", "text 'isolated' has no meaning here" },
        { VLAN "<![CDATA[x]]>", "text 'x' has no meaning here" },
        { "<v:vlan mode='access' tag='5'>6</v:vlan>",
          "text '6' has no meaning here" },
        { "<v:vlan mode='access' tag='5'><v:tag/></v:vlan>",
          "element <tag> is unknown" },
        { "<v:plug/>", "<plug> has no bridge" },
        { "<v:plug bridge=''/>", "<plug> has no bridge" },
        { "<v:plug bridge='br0' port='1'/>",
          "attribute port of <plug> is unknown" },
        { "<v:plug bridge='br0'>x</v:plug>", "text 'x' has no meaning here" },
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        assert_bad_vnic(cases[i].content, cases[i].sentence);
    }
}

static void
test_bad_vnics(void **state OVS_UNUSED)
{
    struct domain *domain = parse(
        VNICS "<v:vnic mac='52:54:00:00:00:01' name='a'/></v:vnics>");
    assert_string_equal(domain->vnics[0].metadata->error,
                        "metadata: attribute name of <vnic> is unknown");
    domain_destroy(domain);

    domain = parse(VNICS VNIC VLAN "</v:vnic>" VNIC VLAN END);
    assert_string_equal(domain->vnics[0].metadata->error,
                        "metadata: there are two elements <vnic> for this "
                        "MAC");
    assert_int_equal(domain->metadata_errors.n, 0);
    domain_destroy(domain);
#undef VLAN
}

/* The interface may be one to come, or may have gone. */
static void
test_other_mac_concerns_no_vnic(void **state OVS_UNUSED)
{
    struct domain *domain = parse(
        VNICS "<v:vnic mac='52:54:00:00:00:09'><v:rate/></v:vnic></v:vnics>");
    assert_int_equal(domain->metadata_errors.n, 1);
    assert_string_equal(domain->metadata_errors.names[0],
                        "metadata: no interface has MAC 52:54:00:00:00:09");
    for (size_t i = 0; i < domain->n_vnics; i++) {
        assert_null(domain->vnics[i].metadata);
    }
    domain_destroy(domain);
}

static void
test_what_may_concern_any_vnic(void **state OVS_UNUSED)
{
#define GOOD "<vnic mac='52:54:00:00:00:01'><isolation class='isolated'/></vnic>"
    static const struct {
        const char *metadata;
        const char *sentence;
    } cases[] = {
        { VNICS "<v:vnic/></v:vnics>", "<vnic> has no mac" },
        { VNICS "<v:vnic MAC='52:54:00:00:00:01'/></v:vnics>",
          "<vnic> has no mac" },
        { VNICS "<v:vnic mac='all'/></v:vnics>",
          "MAC address 'all' is malformed" },
        { VNICS "<v:vnic mac='52-54-00-00-00-01'/></v:vnics>",
          "MAC address '52-54-00-00-00-01' is malformed" },
        { VNICS "<v:vnic mac='ff:ff:ff:ff:ff:ff'/></v:vnics>",
          "MAC address 'ff:ff:ff:ff:ff:ff' is a multicast address" },
        { VNICS "<v:isolation/></v:vnics>", "element <isolation> is unknown" },
        { VNICS GOOD "</v:vnics>",
          "element <vnic> is not of namespace urn:vnicd:domain:1" },
        { VNICS "all</v:vnics>", "text 'all' has no meaning here" },
        { "<vnic xmlns='urn:vnicd:domain:1' mac='52:54:00:00:00:01'/>",
          "element <vnic> is in the place of <vnics>" },
        { "<vnics xmlns='urn:vnicd:domain:1' guard='on'/>",
          "attribute guard of <vnics> is unknown" },
        { "<vnics xmlns='urn:vnicd:domain:1'>" GOOD "<vnic/></vnics>",
          "<vnic> has no mac" },
        { "<vnics xmlns='urn:vnicd:domain:1'><vnic/>" GOOD "</vnics>",
          "<vnic> has no mac" },
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        assert_all_held(cases[i].metadata, cases[i].sentence);
    }
#undef GOOD
}

/* What is wrong with its own element tells more of a vNIC; of several faults
 * that may concern it, the domain tells. */
static void
test_first_fault_is_told(void **state OVS_UNUSED)
{
    struct domain *domain = parse(
        VNICS "<v:vnic mac='x'/><v:rate/>" VNIC "<v:vlan/>" END);
    assert_string_equal(domain->vnics[0].metadata->error,
                        "metadata: <vlan> has no mode");
    assert_string_equal(domain->vnics[1].metadata->error,
                        "metadata: MAC address 'x' is malformed");
    assert_int_equal(domain->metadata_errors.n, 2);
    assert_string_equal(domain->metadata_errors.names[1],
                        "metadata: element <rate> is unknown");
    domain_destroy(domain);
}

static void
assert_refused(const char *metadata, const char *sentence)
{
    CLEANUP_FREE char *xml = xasprintf(
        "<domain><name>web1</name>"
        "<uuid>8ae1d2c5-5a1c-4a53-9b4e-0d7e6a1f0001</uuid>"
        "<metadata>%s</metadata></domain>", metadata);
    struct domain *domain;
    assert_string_taken(domain_xml_parse(xml, strlen(xml), &domain),
                        sentence);
    assert_null(domain);
}

static void
test_limits(void **state OVS_UNUSED)
{
    assert_refused("<vnics xmlns='urn:vnicd:domain:1'/>"
                   "<vnics xmlns='urn:vnicd:domain:1'/>",
                   "metadata has two elements of namespace "
                   "urn:vnicd:domain:1");

    struct ds s = DS_EMPTY_INITIALIZER;
    ds_put_cstr(&s, VNICS);
    for (int i = 0; i <= METADATA_XML_MAX_VNICS; i++) {
        ds_put_cstr(&s, "<v:vnic/>");
    }
    ds_put_cstr(&s, "</v:vnics>");
    assert_refused(ds_cstr(&s),
                   "metadata has more than 1024 elements below <vnics>");
    ds_destroy(&s);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_no_metadata),
        cmocka_unit_test(test_modes),
        cmocka_unit_test(test_lists_survive),
        cmocka_unit_test(test_plug),
        cmocka_unit_test(test_foreign_content_is_ignored),
        cmocka_unit_test(test_teaming_pair),
        cmocka_unit_test(test_bad_vlans),
        cmocka_unit_test(test_policies),
        cmocka_unit_test(test_bad_policies),
        cmocka_unit_test(test_many_addresses),
        cmocka_unit_test(test_unknown_content),
        cmocka_unit_test(test_bad_vnics),
        cmocka_unit_test(test_other_mac_concerns_no_vnic),
        cmocka_unit_test(test_what_may_concern_any_vnic),
        cmocka_unit_test(test_first_fault_is_told),
        cmocka_unit_test(test_limits),
    };
    return cmocka_run_group_tests_name("metadata-xml", tests, NULL, NULL);
}
