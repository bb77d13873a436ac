/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */

/* Do the parsers of virt/ understand what libvirt understands?  Documents go
 * to libvirt, by its test driver, and to us: what libvirt refuses we must
 * refuse, or it is noted that we will never see it; what it accepts must mean
 * to us what libvirt prints, in its normal form, as that. */

#include <config.h>

#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>
#include <stdio.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/network.h"
#include "lib/vnic.h"
#include "tests/unit.h"
#include "util.h"
#include "virt/domain-xml.h"
#include "virt/network-xml.h"

#define UUID "8ae1d2c5-5a1c-4a53-9b4e-0d7e6a1f0001"
#define OVS "<virtualport type='openvswitch'/>"

/* libvirt 9.0 loses some memory with each <vlan> that it refuses.  This is
 * what LeakSanitizer asks for the leaks that are not to be told of. */
const char *__lsan_default_suppressions(void);

const char *
__lsan_default_suppressions(void)
{
    return "leak:virNetDevVlanParse\n";
}

static virConnectPtr conn;

/* libvirt would print each refusal. */
static void
ignore_error(void *aux OVS_UNUSED, virErrorPtr error OVS_UNUSED)
{
}

static int
open_libvirt(void **state OVS_UNUSED)
{
    virSetErrorFunc(NULL, ignore_error);
    conn = virConnectOpen("test:///default");
    return conn ? 0 : -1;
}

static int
close_libvirt(void **state OVS_UNUSED)
{
    return virConnectClose(conn);
}

/* Asking libvirt. */

/* Returns what libvirt makes of the domain 'xml', as a malloc'd string; NULL
 * if it refuses it. */
static char *
normalise_domain(const char *xml)
{
    virDomainPtr domain = virDomainDefineXML(conn, xml);
    if (!domain) {
        return NULL;
    }
    char *normal = virDomainGetXMLDesc(domain, VIR_DOMAIN_XML_INACTIVE);
    assert_non_null(normal);
    assert_int_equal(virDomainUndefine(domain), 0);
    virDomainFree(domain);
    return normal;
}

/* The same for the network 'xml'. */
static char *
normalise_network(const char *xml)
{
    virNetworkPtr network = virNetworkDefineXML(conn, xml);
    if (!network) {
        return NULL;
    }
    char *normal = virNetworkGetXMLDesc(network, 0);
    assert_non_null(normal);
    assert_int_equal(virNetworkUndefine(network), 0);
    virNetworkFree(network);
    return normal;
}

/* A domain with one interface. */
static char *
domain_xml(const char *type, const char *content)
{
    return xasprintf("<domain type='test'><name>a</name><uuid>" UUID "</uuid>"
                     "<memory>1024</memory><os><type>hvm</type></os><devices>"
                     "<interface type='%s'>"
                     "<mac address='52:54:00:00:00:01'/>%s</interface>"
                     "</devices></domain>", type, content);
}

static char *
network_xml(const char *content)
{
    return xasprintf("<network><name>n</name><uuid>" UUID "</uuid>"
                     "<forward mode='bridge'/><bridge name='br0'/>%s"
                     "</network>", content);
}

/* Asking us. */

static struct domain *
parse_domain(const char *xml)
{
    struct domain *domain;
    char *error = domain_xml_parse(xml, strlen(xml), &domain);
    assert_null(error);
    assert_int_equal(domain->n_vnics, 1);
    return domain;
}

static struct network *
parse_network(const char *xml)
{
    struct network *network;
    char *error = network_xml_parse(xml, strlen(xml), &network);
    assert_null(error);
    return network;
}

static bool
is_refused(const struct network *network)
{
    bool is_bad = network->error != NULL;
    for (size_t i = 0; i < network->n_portgroups; i++) {
        is_bad |= network->portgroups[i].error != NULL;
    }
    return is_bad;
}

/* <vlan>. */

/* Reads libvirt's normal form as little as one can, without our parser: each
 * "<tag id='N'/>", perhaps with a nativeMode, and "<vlan trunk='yes'>". */
static void
scan_vlan(const char *xml, struct vlan_spec *vlan)
{
    bool is_trunk = strstr(xml, "<vlan trunk='yes'>") != NULL;
    *vlan = (struct vlan_spec) VLAN_SPEC_INIT;
    while ((xml = strstr(xml, "<tag id='"))) {
        int vid = atoi(xml + strlen("<tag id='"));
        char mode[32] = "native-";
        size_t prefix_len = strlen(mode);
        if (sscanf(xml, "<tag id='%*d' nativeMode='%20[a-z]'",
                   mode + prefix_len) == 1) {
            assert_true(vlan_mode_from_string(mode, &vlan->mode));
            vlan->tag = vid;
        }
        vlan_set_add(&vlan->trunks, vid);
        xml++;
    }
    if (vlan->mode == VLAN_NONE && !vlan_set_is_empty(&vlan->trunks)) {
        if (is_trunk) {
            vlan->mode = VLAN_TRUNK;
        } else {
            vlan->mode = VLAN_ACCESS;
            vlan->tag = vlan_set_next(&vlan->trunks, 0);
            memset(&vlan->trunks, 0, sizeof vlan->trunks);
        }
    }
}

/* An interface with the element 'vlan': agree, or refuse, both. */
static void
check_interface_vlan(const char *vlan)
{
    CLEANUP_FREE char *content = xasprintf("<source bridge='br0'/>%s" OVS,
                                           vlan);
    CLEANUP_FREE char *xml = domain_xml("bridge", content);
    CLEANUP_FREE char *normal = normalise_domain(xml);
    struct domain *ours = parse_domain(xml);
    const struct vnic *vnic = &ours->vnics[0];

    if (normal) {
        struct vlan_spec expected;
        scan_vlan(normal, &expected);
        CLEANUP_FREE char *theirs = vlan_spec_to_string(&expected);
        assert_null(vnic->error);
        assert_string_taken(vlan_spec_to_string(&vnic->vlan), theirs);
        assert_true(vlan_spec_equals(&vnic->vlan, &expected));
    } else if (!vnic->error) {
        fail_msg("libvirt refuses %s", vlan);
    }
    domain_destroy(ours);
}

/* The same element on a network, and on a port group. */
static void
check_network_vlan(const char *vlan, bool is_portgroup)
{
    CLEANUP_FREE char *content = xasprintf(
        OVS "%s%s%s", is_portgroup ? "<portgroup name='a'>" : "", vlan,
        is_portgroup ? "</portgroup>" : "");
    CLEANUP_FREE char *xml = network_xml(content);
    CLEANUP_FREE char *normal = normalise_network(xml);
    struct network *ours = parse_network(xml);

    assert_int_equal(is_refused(ours), !normal);
    if (normal) {
        struct vlan_spec expected;
        scan_vlan(normal, &expected);
        assert_true(vlan_spec_equals(
            is_portgroup ? &ours->portgroups[0].vlan : &ours->vlan,
            &expected));
    }
    network_destroy(ours);
}

static void
check_vlan(const char *vlan)
{
    print_message("%s\n", vlan);
    check_interface_vlan(vlan);
    check_network_vlan(vlan, false);
    check_network_vlan(vlan, true);
}

static void
test_vlans(void **state OVS_UNUSED)
{
    static const char *const cases[] = {
        "", "<vlan/>", "<vlan> </vlan>", "<vlan trunk='yes'/>",
        "<vlan><tag/></vlan>", "<vlan id='5'/>",
        "<vlan><tag id='5'/></vlan><vlan><tag id='6'/></vlan>",
        "<vlan><tag id='5'/></vlan><vlan/>",
        "<vlan/><vlan><tag id='5'/></vlan>",
        "<vlan><tag id='5'/><tag id='6'/></vlan>",
        "<vlan><tag id='6'/><tag id='5'/></vlan>",
        "<vlan><tag id='5'/><tag id='5'/></vlan>",
        "<vlan><tag id='5'/><tag id='4096'/></vlan>",
        "<vlan trunk='yes'><tag id='5'/></vlan>",
        "<vlan trunk='no'><tag id='5'/></vlan>",
        "<vlan trunk=''><tag id='5'/></vlan>",
        "<vlan trunk='YES'><tag id='5'/></vlan>",
        "<vlan trunk='No'><tag id='5'/></vlan>",
        "<vlan trunk='maybe'><tag id='5'/></vlan>",
        "<vlan trunk='1'><tag id='5'/></vlan>",
        "<vlan trunk='no'><tag id='5'/><tag id='6'/></vlan>",
        "<vlan trunk='No'><tag id='5'/><tag id='6'/></vlan>",
        "<vlan trunk='no'><tag id='5' nativeMode='tagged'/></vlan>",
        "<vlan trunk='NO'><tag id='5' nativeMode='untagged'/></vlan>",
        "<vlan><x id='5'/><tag id='6' color='blue'/></vlan>",
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        check_vlan(cases[i]);
    }
}

static void
test_tag_ids(void **state OVS_UNUSED)
{
    static const char *const ids[] = {
        "", "0", "1", "42", "4094", "4095", "4096", "5000", "-1", "-0", "0x10",
        " 5", "5 ", "\t5", "&#10;5", "+5", "042", "09", "1-4", "1,4", "five",
        "5.0", "1e1", "4294967295", "4294967296", "4294967338",
        "18446744073709551615", "18446744073709551658", "99999999999999999999",
        "--5", "+-5", "&#xb5;",
    };
    for (size_t i = 0; i < ARRAY_SIZE(ids); i++) {
        CLEANUP_FREE char *vlan = xasprintf("<vlan><tag id='%s'/></vlan>",
                                            ids[i]);
        check_vlan(vlan);
    }
}

static void
test_native_modes(void **state OVS_UNUSED)
{
    static const char *const first_modes[] = {
        "tagged", "untagged", "default", "", "Tagged", "native", "yes",
        "tagged ",
    };
    for (size_t i = 0; i < ARRAY_SIZE(first_modes); i++) {
        CLEANUP_FREE char *one = xasprintf(
            "<vlan><tag id='5' nativeMode='%s'/></vlan>", first_modes[i]);
        check_vlan(one);
        CLEANUP_FREE char *first = xasprintf(
            "<vlan trunk='yes'><tag id='5' nativeMode='%s'/><tag id='6'/>"
            "</vlan>", first_modes[i]);
        check_vlan(first);
        CLEANUP_FREE char *two = xasprintf(
            "<vlan><tag id='5' nativeMode='untagged'/>"
            "<tag id='6' nativeMode='%s'/></vlan>", first_modes[i]);
        check_vlan(two);
    }
}

/* <virtualport>.  libvirt refuses what has no type, or an unknown one, where
 * no network could give it one; we never see that, and need not judge it. */

static void
test_virtualports(void **state OVS_UNUSED)
{
#define PORT(ATTRIBUTE, PARAMETERS) \
    "<virtualport " ATTRIBUTE "><parameters " PARAMETERS "/></virtualport>"
    static const struct {
        const char *virtualport;
        bool is_accepted;
        bool is_ovs;
    } cases[] = {
        { "", true, false },
        { OVS, true, true },
        { "<virtualport/>", false, false },
        { "<virtualport type=''/>", false, false },
        { "<virtualport type='none'/>", false, false },
        { "<virtualport type='Openvswitch'/>", false, false },
        { "<virtualport type='vepa'/>", false, false },
        { OVS "<virtualport type='midonet'/>", true, true },
        { PORT("type='openvswitch'", ""), true, true },
        { PORT("type='openvswitch'", "interfaceid='" UUID "'"), true, true },
        { PORT("type='openvswitch'", "interfaceid='" UUID "' profileid='p'"),
          true, true },
        { PORT("type='openvswitch'", "profileid='gold 1'"), true,
          true },
        { PORT("type='openvswitch'", "profileid=''"), true, true },
        { PORT("type='openvswitch'", "interfaceid='one'"), false, true },
        { PORT("type='openvswitch'", "managerid='1'"), false, true },
        { PORT("type='midonet'", "interfaceid='" UUID "'"), true, false },
        { PORT("type='802.1Qbh'", "profileid='p'"), true, false },
        { PORT("type='802.1Qbg'", "managerid='11' typeid='1193047' "
               "typeidversion='2' instanceid='" UUID "'"), true, false },
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        CLEANUP_FREE char *content = xasprintf("<source bridge='br0'/>%s",
                                               cases[i].virtualport);
        CLEANUP_FREE char *xml = domain_xml("bridge", content);
        CLEANUP_FREE char *normal = normalise_domain(xml);
        print_message("%s\n", cases[i].virtualport);
        assert_int_equal(normal != NULL, cases[i].is_accepted);

        struct domain *ours = parse_domain(xml);
        const struct vnic *vnic = &ours->vnics[0];
        assert_null(vnic->error);
        assert_int_equal(vnic->has_ovs_virtualport, cases[i].is_ovs);
        if (normal) {
            struct domain *theirs = parse_domain(normal);
            const struct vnic *their_vnic = &theirs->vnics[0];
            assert_int_equal(their_vnic->has_ovs_virtualport,
                             cases[i].is_ovs);
            assert_true(nullable_string_is_equal(vnic->profile_id,
                                                 their_vnic->profile_id));
            /* Without one, libvirt makes one up. */
            assert_true(!vnic->interface_id
                        || nullable_string_is_equal(
                            vnic->interface_id, their_vnic->interface_id));
            domain_destroy(theirs);
        }
        domain_destroy(ours);
    }
#undef PORT
}

/* Networks. */

/* We never see what libvirt refuses; what it accepts means the same in its
 * normal form.  Of two default port groups, or two of one name, the first
 * counts; the network driver of a host, unlike the test driver, refuses them,
 * too. */
static void
test_networks(void **state OVS_UNUSED)
{
#define VLAN(ID) "<vlan><tag id='" #ID "'/></vlan>"
    static const struct {
        const char *content;
        bool is_accepted;
    } cases[] = {
        { "", true },
        { OVS, true },
        { VLAN(5), true },
        { OVS VLAN(5), true },
        { OVS OVS, true },
        { "<virtualport/>", false },
        { "<virtualport type='vepa'/>", false },
        { OVS "<portgroup name='a'/>", true },
        { OVS "<portgroup/>", false },
        { OVS "<portgroup name=''/>", false },
        { OVS "<portgroup name='a'>" VLAN(7) "</portgroup>", true },
        { "<portgroup name='a'>" OVS VLAN(7) "</portgroup>", true },
        { "<portgroup name='a'>" VLAN(7) "</portgroup>", true },
        { OVS "<portgroup name='a'><vlan/></portgroup>", false },
        { OVS "<portgroup name='a' default='yes'>" VLAN(7) "</portgroup>"
          "<portgroup name='b' default='yes'>" VLAN(8) "</portgroup>", true },
        { OVS "<portgroup name='a'>" VLAN(7) "</portgroup>"
          "<portgroup name='a'>" VLAN(8) "</portgroup>", true },
        { OVS "<portgroup name='a' default='YES'>" VLAN(7) "</portgroup>",
          true },
        { OVS "<portgroup name='a' default='no'>" VLAN(7) "</portgroup>",
          true },
        { OVS "<portgroup name='a' default='maybe'>" VLAN(7) "</portgroup>",
          true },
        { OVS "<portgroup name='a' default=''>" VLAN(7) "</portgroup>", true },
        { OVS VLAN(5) "<portgroup name='a b'><virtualport>"
          "<parameters profileid='p'/></virtualport></portgroup>", true },
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        CLEANUP_FREE char *xml = network_xml(cases[i].content);
        CLEANUP_FREE char *normal = normalise_network(xml);
        print_message("%s\n", cases[i].content);
        assert_int_equal(normal != NULL, cases[i].is_accepted);
        if (normal) {
            struct network *ours = parse_network(xml);
            struct network *theirs = parse_network(normal);
            assert_false(is_refused(ours));
            assert_true(network_equals(ours, theirs));
            network_destroy(ours);
            network_destroy(theirs);
        }
    }
}

/* libvirt takes an unknown port group for the network's own, without a word,
 * and so cannot be asked for it; an empty one is none. */
static void
test_sources(void **state OVS_UNUSED)
{
    static const struct {
        const char *type, *content;
        bool is_accepted;
    } cases[] = {
        { "network", "<source network='n' portgroup='nobody'/>", true },
        { "network", "<source network='n' portgroup=''/>", true },
        { "network", "<source/>", false },
        { "network", "<source network='n'/><virtualport><parameters "
          "interfaceid='" UUID "'/></virtualport>" VLAN(5), true },
        { "bridge", "<source bridge='br0'/>" VLAN(5), true },
        { "bridge", "<source/>", false },
        { "ethernet", VLAN(5), true },
        { "direct", "<source dev='eth0' mode='vepa'/>" VLAN(5), true },
        { "direct", "<source dev='eth0' mode='passthrough'/>" VLAN(5), true },
        { "direct", "<source dev='eth0' mode='none'/>", false },
        { "vhostuser", "<source type='unix' path='/a' mode='server'/>"
          "<model type='virtio'/>", true },
        { "vhostuser", "<source type='unix' path='/a' mode='client'/>"
          "<model type='virtio'/>", true },
        { "vhostuser", "<source type='unix' path='/a' mode='both'/>"
          "<model type='virtio'/>", false },
        { "hostdev", "<source><address type='pci' domain='0x0000' bus='0x06' "
          "slot='0x02' function='0x0'/></source>" VLAN(5), true },
        { "hostdev", "<source><address type='pci' domain='0' bus='6' slot='2' "
          "function='0'/></source>" VLAN(5), true },
        { "bridge", "<source bridge='br0'/><bandwidth><inbound "
          "average='1000' peak='5000' burst='1024'/><outbound "
          "average='4294967296'/></bandwidth>", true },
        { "bridge", "<source bridge='br0'/><bandwidth><inbound average='x'/>"
          "</bandwidth>", false },
        { "bridge", "<source bridge='br0'/><bandwidth><inbound average='0x1'/>"
          "</bandwidth>", false },
        { "bridge", "<source bridge='br0'/><bandwidth><inbound average='-1'/>"
          "</bandwidth>", false },
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        CLEANUP_FREE char *xml = domain_xml(cases[i].type, cases[i].content);
        CLEANUP_FREE char *normal = normalise_domain(xml);
        print_message("%s %s\n", cases[i].type, cases[i].content);
        assert_int_equal(normal != NULL, cases[i].is_accepted);
        if (normal) {
            struct domain *ours = parse_domain(xml);
            struct domain *theirs = parse_domain(normal);
            struct vnic *vnic = &ours->vnics[0];
            assert_null(vnic->error);
            vnic->target = TAKE_PTR(theirs->vnics[0].target); /* Made up. */
            theirs->vnics[0].target = nullable_xstrdup(vnic->target);
            assert_true(vnic_equals(vnic, &theirs->vnics[0]));
            domain_destroy(ours);
            domain_destroy(theirs);
        }
    }
#undef VLAN
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vlans),
        cmocka_unit_test(test_tag_ids),
        cmocka_unit_test(test_native_modes),
        cmocka_unit_test(test_virtualports),
        cmocka_unit_test(test_networks),
        cmocka_unit_test(test_sources),
    };
    return cmocka_run_group_tests_name("virt-xml", tests, open_libvirt,
                                       close_libvirt);
}
