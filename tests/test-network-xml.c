/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */

/* Tests of virt/network-xml.c.  What it has in common with domains is tested
 * with them. */

#include <config.h>
#include "virt/network-xml.h"

#include <string.h>

#include "lib/cleanup.h"
#include "lib/network.h"
#include "openvswitch/dynamic-string.h"
#include "tests/unit.h"
#include "util.h"
#include "uuid.h"

#define UUID "8ae1d2c5-5a1c-4a53-9b4e-0d7e6a1f0002"
#define HEAD "<network><name>lan</name><uuid>" UUID "</uuid>"
#define TAIL "</network>"

/* Helpers. */

static struct network *
parse(const char *elements)
{
    CLEANUP_FREE char *xml = xasprintf(HEAD "%s" TAIL, elements);
    struct network *network;
    char *error = network_xml_parse(xml, strlen(xml), &network);
    assert_null(error);
    assert_non_null(network);
    return network;
}

static void
assert_refused(const char *xml, const char *sentence)
{
    struct network *network;
    CLEANUP_FREE char *error = network_xml_parse(xml, strlen(xml), &network);
    assert_null(network);
    assert_non_null(error);
    assert_string_equal(error, sentence);
}

static void
assert_portgroup(const struct portgroup *portgroup, const char *name,
                 bool is_default, const char *vlan)
{
    assert_string_equal(portgroup->name, name);
    assert_int_equal(portgroup->is_default, is_default);
    assert_string_taken(vlan_spec_to_string(&portgroup->vlan), vlan);
    assert_null(portgroup->error);
}

/* Tests. */

/* As 'virsh net-dumpxml' prints it. */
static void
test_network(void **state OVS_UNUSED)
{
    struct network *network = parse(
        "<forward mode='bridge'/>"
        "<bridge name='br0'/>"
        "<vlan trunk='yes'><tag id='10'/><tag id='20'/></vlan>"
        "<virtualport type='openvswitch'/>"
        "<portgroup name='web'><vlan><tag id='30'/></vlan></portgroup>"
        "<portgroup name='rest' default='yes' trustGuestRxFilters='no'>"
        "<bandwidth><inbound average='1000'/></bandwidth></portgroup>"
        "<portgroup name='edge'>"
        "<vlan><tag id='7' nativeMode='untagged'/><tag id='8'/></vlan>"
        "<virtualport type='openvswitch'><parameters profileid='p'/>"
        "</virtualport></portgroup>");
    char uuid[UUID_LEN + 1];
    snprintf(uuid, sizeof uuid, UUID_FMT, UUID_ARGS(&network->uuid));
    assert_string_equal(uuid, UUID);
    assert_string_equal(network->name, "lan");
    assert_string_equal(network->bridge, "br0");
    assert_true(network->has_ovs_virtualport);
    assert_string_taken(vlan_spec_to_string(&network->vlan), "trunk 10,20");
    assert_null(network->error);

    assert_int_equal(network->n_portgroups, 3);
    assert_portgroup(&network->portgroups[0], "web", false, "30");
    assert_portgroup(&network->portgroups[1], "rest", true, "none");
    assert_portgroup(&network->portgroups[2], "edge", false,
                     "native-untagged 7 of 7-8");
    assert_false(network->portgroups[0].has_ovs_virtualport);
    assert_true(network->portgroups[2].has_ovs_virtualport);
    network_destroy(network);
}

/* Of whatever forward mode, a network is read. */
static void
test_forward_modes(void **state OVS_UNUSED)
{
    static const char *const forwards[] = {
        "", "<forward mode='nat'/>", "<forward mode='route'/>",
        "<forward mode='open'/>", "<forward mode='bridge'/>",
        "<forward mode='hostdev' managed='yes'><pf dev='eth3'/></forward>",
        "<forward mode='private'><interface dev='eth1'/></forward>",
        "<forward mode='teleport'/>",
    };
    for (size_t i = 0; i < ARRAY_SIZE(forwards); i++) {
        struct network *network = parse(forwards[i]);
        assert_null(network->bridge);
        assert_false(network->has_ovs_virtualport);
        assert_true(vlan_spec_is_empty(&network->vlan));
        assert_int_equal(network->n_portgroups, 0);
        network_destroy(network);
    }
}

static void
test_portgroup_attributes(void **state OVS_UNUSED)
{
    struct network *network = parse(
        "<portgroup default='yes'/>"
        "<portgroup name='' default='maybe' color='blue'/>"
        "<portgroup name='c' default='YES'/>"
        "<x:portgroup xmlns:x='urn:example' name='d'/>");
    assert_int_equal(network->n_portgroups, 3);
    assert_string_equal(network->portgroups[0].name, "");
    assert_string_equal(network->portgroups[0].error, "it has no name");
    assert_true(network->portgroups[0].is_default);
    assert_string_equal(network->portgroups[1].error, "it has no name");
    assert_false(network->portgroups[1].is_default);
    assert_true(network->portgroups[2].is_default);
    network_destroy(network);
}

static void
test_bad_vlan_costs_its_portgroup_only(void **state OVS_UNUSED)
{
    struct network *network = parse(
        "<vlan><tag id='10'/></vlan>"
        "<portgroup name='bad'><vlan><tag id='5000'/></vlan></portgroup>"
        "<portgroup name='good'><vlan><tag id='20'/></vlan></portgroup>");
    assert_null(network->error);
    assert_int_equal(network->vlan.tag, 10);
    assert_string_equal(network->portgroups[0].error,
                        "VLAN tag id '5000' is not a number in 0..4095");
    assert_true(vlan_spec_is_empty(&network->portgroups[0].vlan));
    assert_portgroup(&network->portgroups[1], "good", false, "20");
    network_destroy(network);
}

static void
test_bad_vlan_of_the_network(void **state OVS_UNUSED)
{
    struct network *network = parse(
        "<vlan/>"
        "<portgroup name='good'><vlan><tag id='20'/></vlan></portgroup>");
    assert_string_equal(network->error, "<vlan> has no <tag>");
    assert_portgroup(&network->portgroups[0], "good", false, "20");
    network_destroy(network);
}

static void
test_what_a_hook_is_told(void **state OVS_UNUSED)
{
    static const char xml[] = "<hookData>" HEAD "<bridge name='br0'/>" TAIL
                              "<networkport><uuid>x</uuid></networkport>"
                              "</hookData>";
    struct network *network;
    assert_null(network_xml_parse(xml, strlen(xml), &network));
    assert_string_equal(network->name, "lan");
    assert_string_equal(network->bridge, "br0");
    network_destroy(network);
}

static void
test_bad_networks(void **state OVS_UNUSED)
{
    assert_refused("<network><name>a</name></network>", "<uuid> is missing");
    assert_refused("<network><uuid>" UUID "</uuid></network>",
                   "<name> is missing");
    assert_refused("<network><uuid>" UUID "</uuid><name/></network>",
                   "<name> is empty");
    assert_refused("<network><uuid>1</uuid><name>a</name></network>",
                   "UUID '1' is malformed");
    assert_refused("<domain><name>a</name></domain>",
                   "the root element is not <network>");
    assert_refused("<hookData><networkport/></hookData>",
                   "there is no <network> in <hookData>");
    assert_refused("<!DOCTYPE network><network/>",
                   "a document type is not allowed");
}

static void
test_malformed_xml(void **state OVS_UNUSED)
{
    static const char xml[] = HEAD
        "<portgroup name='a'><vlan><tag id='1'/></vlan></portgroup>" TAIL;
    for (size_t size = 0; size < sizeof xml - 1; size++) {
        CLEANUP_FREE char *cut = xmemdup(xml, size ? size : 1);
        struct network *network;
        CLEANUP_FREE char *error = network_xml_parse(cut, size, &network);
        assert_null(network);
        assert_memory_equal(error, "malformed XML in line 1: ", 25);
    }
}

static void
test_too_many_portgroups(void **state OVS_UNUSED)
{
    struct ds s = DS_EMPTY_INITIALIZER;
    ds_put_cstr(&s, HEAD);
    for (int i = 0; i <= NETWORK_XML_MAX_PORTGROUPS; i++) {
        ds_put_cstr(&s, "<portgroup/>");
    }
    ds_put_cstr(&s, TAIL);
    assert_refused(ds_cstr(&s), "4097 port groups are more than 4096");
    ds_destroy(&s);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_network),
        cmocka_unit_test(test_forward_modes),
        cmocka_unit_test(test_portgroup_attributes),
        cmocka_unit_test(test_bad_vlan_costs_its_portgroup_only),
        cmocka_unit_test(test_bad_vlan_of_the_network),
        cmocka_unit_test(test_what_a_hook_is_told),
        cmocka_unit_test(test_bad_networks),
        cmocka_unit_test(test_malformed_xml),
        cmocka_unit_test(test_too_many_portgroups),
    };
    return cmocka_run_group_tests_name("network-xml", tests, NULL, NULL);
}
