/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */

/* Tests of virt/metadata-xml.c, through the parser of domains. */

#include <config.h>
#include "virt/metadata-xml.h"

#include <string.h>

#include "lib/cleanup.h"
#include "lib/vnic.h"
#include "openvswitch/dynamic-string.h"
#include "tests/unit.h"
#include "util.h"
#include "virt/domain-xml.h"

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

/* Asserts that 'metadata' has 'sentence' reported on the domain, and that no
 * vNIC is concerned. */
static void
assert_bad_domain(const char *metadata, const char *sentence)
{
    CLEANUP_FREE char *expected = xasprintf("metadata: %s", sentence);
    struct domain *domain = parse(metadata);
    assert_int_equal(domain->metadata_errors.n, 1);
    assert_string_equal(domain->metadata_errors.names[0], expected);
    for (size_t i = 0; i < domain->n_vnics; i++) {
        assert_null(domain->vnics[i].metadata);
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

/* What later releases may know protects nobody now. */
static void
test_unknown_content(void **state OVS_UNUSED)
{
#define VLAN "<v:vlan mode='access' tag='5'/>"
    static const struct {
        const char *content;
        const char *sentence;
    } cases[] = {
        { VLAN "<v:isolation class='isolated'/>",
          "element <isolation> is unknown" },
        { "<v:guard level='monitor'/>" VLAN, "element <guard> is unknown" },
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

static void
test_what_concerns_no_vnic(void **state OVS_UNUSED)
{
    assert_bad_domain(VNICS "<v:vnic mac='52:54:00:00:00:09'/></v:vnics>",
                      "no interface has MAC 52:54:00:00:00:09");
    assert_bad_domain(VNICS "<v:vnic/></v:vnics>", "<vnic> has no mac");
    assert_bad_domain(VNICS "<v:vnic mac='all'/></v:vnics>",
                      "MAC address 'all' is malformed");
    assert_bad_domain(VNICS "<v:vnic mac='ff:ff:ff:ff:ff:ff'/></v:vnics>",
                      "MAC address 'ff:ff:ff:ff:ff:ff' is a multicast "
                      "address");
    assert_bad_domain(VNICS "<v:isolation/></v:vnics>",
                      "element <isolation> is unknown");
    assert_bad_domain(VNICS "<vnic mac='52:54:00:00:00:01'/></v:vnics>",
                      "element <vnic> is not of namespace "
                      "urn:vnicd:domain:1");
    assert_bad_domain(VNICS "all</v:vnics>",
                      "text 'all' has no meaning here");
    assert_bad_domain("<vnic xmlns='urn:vnicd:domain:1'/>",
                      "element <vnic> is unknown");
    assert_bad_domain("<vnics xmlns='urn:vnicd:domain:1' guard='on'/>",
                      "attribute guard of <vnics> is unknown");
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
        cmocka_unit_test(test_unknown_content),
        cmocka_unit_test(test_bad_vnics),
        cmocka_unit_test(test_what_concerns_no_vnic),
        cmocka_unit_test(test_limits),
    };
    return cmocka_run_group_tests_name("metadata-xml", tests, NULL, NULL);
}
