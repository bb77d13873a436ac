/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */

/* Tests of virt/domain-xml.c. */

#include <config.h>
#include "virt/domain-xml.h"

#include <string.h>

#include "lib/cleanup.h"
#include "lib/vnic.h"
#include "openvswitch/dynamic-string.h"
#include "packets.h"
#include "tests/unit.h"
#include "util.h"
#include "uuid.h"
#include "virt/xml.h"

#define UUID "8ae1d2c5-5a1c-4a53-9b4e-0d7e6a1f0001"
#define HEAD "<domain type='kvm' id='3'><uuid>" UUID "</uuid>" \
             "<name>web1</name><devices>"
#define TAIL "</devices></domain>"
#define MAC "<mac address='52:54:00:00:00:01'/>"

/* Helpers. */

static struct domain *
parse(const char *xml)
{
    struct domain *domain;
    char *error = domain_xml_parse(xml, strlen(xml), &domain);
    assert_null(error);
    assert_non_null(domain);
    return domain;
}

static void
assert_refused_bytes(const char *xml, size_t size, const char *sentence)
{
    struct domain *domain;
    CLEANUP_FREE char *error = domain_xml_parse(xml, size, &domain);
    assert_null(domain);
    assert_non_null(error);
    assert_string_equal(error, sentence);
}

static void
assert_refused(const char *xml, const char *sentence)
{
    assert_refused_bytes(xml, strlen(xml), sentence);
}

/* Parses a domain that has 'devices' below <devices>. */
static struct domain *
parse_devices(const char *devices)
{
    CLEANUP_FREE char *xml = xasprintf(HEAD "%s" TAIL, devices);
    return parse(xml);
}

/* Asserts that an interface with MAC and 'elements' has the error 'sentence',
 * and that its neighbour has none. */
static void
assert_quarantined(const char *elements, const char *sentence)
{
    CLEANUP_FREE char *devices = xasprintf(
        "<interface type='bridge'>%s</interface>"
        "<interface type='user'>" MAC "</interface>", elements);
    struct domain *domain = parse_devices(devices);
    assert_int_equal(domain->n_vnics, 2);
    assert_non_null(domain->vnics[0].error);
    assert_string_equal(domain->vnics[0].error, sentence);
    assert_null(domain->vnics[1].error);
    domain_destroy(domain);
}

/* Asserts that 'vlan' gives the intent 'expected', in its short form. */
static void
assert_vlan(const char *vlan, const char *expected)
{
    CLEANUP_FREE char *devices = xasprintf(
        "<interface type='bridge'>" MAC "%s</interface>", vlan);
    struct domain *domain = parse_devices(devices);
    CLEANUP_FREE char *text = vlan_spec_to_string(&domain->vnics[0].vlan);
    assert_null(domain->vnics[0].error);
    assert_string_equal(text, expected);
    domain_destroy(domain);
}

static void
assert_bad_vlan(const char *vlan, const char *sentence)
{
    CLEANUP_FREE char *elements = xasprintf(MAC "%s", vlan);
    assert_quarantined(elements, sentence);
}

/* A <vlan> with the tags 'first' ... 'last'. */
static char *
many_tags(int first, int last)
{
    struct ds s = DS_EMPTY_INITIALIZER;
    ds_put_cstr(&s, "<vlan>");
    for (int id = first; id <= last; id++) {
        ds_put_format(&s, "<tag id='%d'/>", id);
    }
    ds_put_cstr(&s, "</vlan>");
    return ds_steal_cstr(&s);
}

/* 'n' interfaces of one domain, without any element. */
static char *
many_interfaces(int n)
{
    struct ds s = DS_EMPTY_INITIALIZER;
    ds_put_cstr(&s, HEAD);
    for (int i = 0; i < n; i++) {
        ds_put_cstr(&s, "<interface type='user'/>");
    }
    ds_put_cstr(&s, TAIL);
    return ds_steal_cstr(&s);
}

/* Domains. */

static void
test_domain(void **state OVS_UNUSED)
{
    struct domain *domain = parse(
        "<?xml version='1.0' encoding='UTF-8'?><!-- generated -->\n"
        "<domain type='kvm' id='3' xmlns:qemu='urn:example:qemu'>\n"
        "  <name>caf\303\251 &amp; bar</name>\n"
        "  <uuid>" UUID "</uuid>\n"
        "  <devices><disk type='file'/></devices>\n"
        "  <qemu:commandline/>\n"
        "</domain>\n");
    char uuid[UUID_LEN + 1];
    snprintf(uuid, sizeof uuid, UUID_FMT, UUID_ARGS(&domain->uuid));
    assert_string_equal(uuid, UUID);
    assert_string_equal(domain->name, "caf\303\251 & bar");
    assert_true(domain->is_active);
    assert_int_equal(domain->n_vnics, 0);
    assert_null(domain->error);
    domain_destroy(domain);
}

static void
test_inactive_domain(void **state OVS_UNUSED)
{
    struct domain *domain = parse("<domain type='kvm'><name>web1</name>"
                                  "<uuid>" UUID "</uuid></domain>");
    assert_false(domain->is_active);
    assert_int_equal(domain->n_vnics, 0);
    domain_destroy(domain);
}

static void
test_bad_domains(void **state OVS_UNUSED)
{
    assert_refused("<domain><name>a</name></domain>", "<uuid> is missing");
    assert_refused("<domain><uuid>" UUID "</uuid></domain>",
                   "<name> is missing");
    assert_refused("<domain><uuid>" UUID "</uuid><name/></domain>",
                   "<name> is empty");
    assert_refused("<domain><uuid/><name>a</name></domain>",
                   "UUID '' is malformed");
    assert_refused("<domain><uuid>" UUID "0</uuid><name>a</name></domain>",
                   "UUID '" UUID "0' is malformed");
    assert_refused("<network><name>a</name></network>",
                   "the root element is not <domain>");
    assert_refused("<domain xmlns='urn:example'/>",
                   "the root element is not <domain>");
    assert_refused("<a><domain/></a>", "the root element is not <domain>");
}

/* The words after the line number are libxml2's, which change. */
static void
assert_malformed(const char *xml, size_t size, int line)
{
    struct domain *domain;
    CLEANUP_FREE char *error = domain_xml_parse(xml, size, &domain);
    CLEANUP_FREE char *start = xasprintf("malformed XML in line %d: ", line);
    assert_null(domain);
    assert_non_null(error);
    assert_memory_equal(error, start, strlen(start));
    assert_true(strlen(error) > strlen(start));
    assert_null(strchr(error, '\n'));
}

static void
test_malformed_xml(void **state OVS_UNUSED)
{
    static const struct {
        const char *xml;
        int line;
    } cases[] = {
        { "", 1 },
        { "web1", 1 },
        { "<domain>\n<name></domain>", 2 },
        { "<domain\n\nid='&hop;'/>", 3 },
        { "<domain/>\n<domain/>", 2 },
        { "<domain><name>\377</name></domain>", 1 },
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        assert_malformed(cases[i].xml, strlen(cases[i].xml), cases[i].line);
    }
    assert_malformed("<domain>\0</domain>", 18, 1);
}

/* Every cut gives a sentence, none a domain, and none reads past its end. */
static void
test_truncated_xml(void **state OVS_UNUSED)
{
    static const char xml[] = HEAD
        "<interface type='bridge'>" MAC "<vlan><tag id='5'/></vlan>"
        "</interface>" TAIL;
    for (size_t size = 0; size < sizeof xml - 1; size++) {
        CLEANUP_FREE char *cut = xmemdup(xml, size ? size : 1);
        struct domain *domain;
        CLEANUP_FREE char *error = domain_xml_parse(cut, size, &domain);
        assert_non_null(error);
        assert_null(domain);
    }
}

static void
test_document_type_is_refused(void **state OVS_UNUSED)
{
    static const char sentence[] = "a document type is not allowed";
    assert_refused("<!DOCTYPE domain><domain/>", sentence);
    assert_refused("<!DOCTYPE domain SYSTEM 'file:///etc/passwd'><domain/>",
                   sentence);
    assert_refused("<!DOCTYPE d [<!ENTITY a 'ha'>"
                   "<!ENTITY b '&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;'>"
                   "<!ENTITY c '&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;'>]>"
                   "<domain id='&c;'/>", sentence);
}

/* What is declared does not matter: libvirt prints UTF-8. */
static void
test_encoding_is_utf8(void **state OVS_UNUSED)
{
    struct domain *domain = parse(
        "<?xml version='1.0' encoding='ISO-8859-1'?><domain><uuid>" UUID
        "</uuid><name>\303\251</name></domain>");
    assert_string_equal(domain->name, "\303\251");
    domain_destroy(domain);
}

static void
test_limits(void **state OVS_UNUSED)
{
    size_t size = XML_MAX_BYTES + 1;
    CLEANUP_FREE char *blanks = xmalloc(size);
    memset(blanks, ' ', size);
    assert_refused_bytes(blanks, size,
                         "4194305 bytes of XML are more than 4194304");

    CLEANUP_FREE char *too_many = many_interfaces(DOMAIN_XML_MAX_VNICS + 1);
    assert_refused(too_many, "1025 interfaces are more than 1024");

    CLEANUP_FREE char *enough = many_interfaces(DOMAIN_XML_MAX_VNICS);
    struct domain *domain = parse(enough);
    assert_int_equal(domain->n_vnics, DOMAIN_XML_MAX_VNICS);
    domain_destroy(domain);
}

/* Interfaces. */

static void
test_interface(void **state OVS_UNUSED)
{
    struct domain *domain = parse_devices(
        "<interface type='bridge'>"
        "  <mac address='52:54:00:AB:cd:01'/>"
        "  <source network='lan' portgroup='web' portid='" UUID "'"
        "          bridge='br0'/>"
        "  <vlan><tag id='30'/></vlan>"
        "  <virtualport type='openvswitch'>"
        "    <parameters interfaceid='" UUID "' profileid='gold'/>"
        "  </virtualport>"
        "  <target dev='vnet4'/><model type='virtio'/>"
        "</interface>");
    const struct vnic *vnic = &domain->vnics[0];
    assert_int_equal(domain->n_vnics, 1);
    assert_null(vnic->error);
    assert_true(uuid_equals(&vnic->id.domain, &domain->uuid));
    assert_true(eth_addr_equals(vnic->id.mac, ((struct eth_addr)
                                ETH_ADDR_C(52,54,00,ab,cd,01))));
    assert_int_equal(vnic->type, VNIC_BRIDGE);
    assert_string_equal(vnic->bridge, "br0");
    assert_string_equal(vnic->network, "lan");
    assert_string_equal(vnic->portgroup, "web");
    assert_string_equal(vnic->target, "vnet4");
    assert_string_equal(vnic->model, "virtio");
    assert_true(vnic->has_ovs_virtualport);
    assert_string_equal(vnic->interface_id, UUID);
    assert_string_equal(vnic->profile_id, "gold");
    assert_int_equal(vnic->vlan.mode, VLAN_ACCESS);
    assert_int_equal(vnic->vlan.tag, 30);
    assert_true(vlan_set_is_empty(&vnic->vlan.trunks));
    domain_destroy(domain);
}

static void
test_interface_with_mac_only(void **state OVS_UNUSED)
{
    struct domain *domain = parse_devices(
        "<interface type='ethernet'>" MAC
        "<source bridge=''/><target/></interface>");
    const struct vnic *vnic = &domain->vnics[0];
    assert_null(vnic->error);
    assert_null(vnic->bridge);
    assert_null(vnic->network);
    assert_null(vnic->portgroup);
    assert_null(vnic->target);
    assert_null(vnic->model);
    assert_null(vnic->interface_id);
    assert_null(vnic->profile_id);
    assert_false(vnic->has_ovs_virtualport);
    assert_true(vlan_spec_is_empty(&vnic->vlan));
    domain_destroy(domain);
}

static void
test_interface_types(void **state OVS_UNUSED)
{
    static const struct {
        const char *attribute;
        enum vnic_type type;
    } cases[] = {
        { "type='bridge'",    VNIC_BRIDGE },
        { "type='network'",   VNIC_NETWORK },
        { "type='ethernet'",  VNIC_ETHERNET },
        { "type='vhostuser'", VNIC_VHOSTUSER },
        { "type='hostdev'",   VNIC_HOSTDEV },
        { "type='direct'",    VNIC_DIRECT },
        { "type='user'",      VNIC_USER },
        { "type='internal'",  VNIC_INTERNAL },
        { "type='udp'",       VNIC_UDP },
        { "type='mcast'",     VNIC_MCAST },
        { "type='server'",    VNIC_SERVER },
        { "type='client'",    VNIC_CLIENT },
        { "type='vdpa'",      VNIC_VDPA },
        { "type='vds'",       VNIC_VDS },
        { "type='null'",      VNIC_NULL },
        { "type='quantum'",   VNIC_OTHER },
        { "",                 VNIC_OTHER },
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        CLEANUP_FREE char *devices = xasprintf(
            "<interface %s>" MAC "</interface>", cases[i].attribute);
        struct domain *domain = parse_devices(devices);
        assert_int_equal(domain->vnics[0].type, cases[i].type);
        assert_null(domain->vnics[0].error);
        domain_destroy(domain);
    }
}

/* What stands in <source> of an interface that Open vSwitch has nothing to do
 * with, for people. */
static void
test_hostdev_and_direct(void **state OVS_UNUSED)
{
    struct domain *domain = parse_devices(
        "<interface type='hostdev' managed='yes'>" MAC
        "<driver name='vfio'/><source><address type='pci' domain='0x0000'"
        " bus='0x06' slot='0x10' function='0x1'/></source>"
        "<vlan><tag id='42'/></vlan>"
        "<teaming type='transient' persistent='ua-backup0'/></interface>"
        "<interface type='direct'>" MAC
        "<source dev='eth0' mode='passthrough' path='/tmp/x'/>"
        "<vlan><tag id='43'/></vlan><target dev='macvtap0'/></interface>"
        "<interface type='hostdev'>" MAC "<source/></interface>");
    const struct vnic *vnics = domain->vnics;
    assert_null(vnics[0].error);
    assert_string_equal(vnics[0].source_device, "0000:06:10.1");
    assert_int_equal(vnics[0].vlan.tag, 42);
    assert_null(vnics[0].macvtap_mode);
    assert_null(vnics[1].error);
    assert_string_equal(vnics[1].source_device, "eth0");
    assert_string_equal(vnics[1].macvtap_mode, "passthrough");
    assert_string_equal(vnics[1].target, "macvtap0");
    assert_null(vnics[1].vhost_path);
    assert_null(vnics[1].vhost_mode);
    assert_null(vnics[2].error);
    assert_null(vnics[2].source_device);
    domain_destroy(domain);

    domain = parse_devices(
        "<interface type='hostdev'>" MAC "<source><address bus='six'/>"
        "</source></interface>");
    assert_string_equal(domain->vnics[0].error,
                        "<address> of <source> is malformed");
    domain_destroy(domain);
}

static void
test_vhostuser(void **state OVS_UNUSED)
{
    struct domain *domain = parse_devices(
        "<interface type='vhostuser'>" MAC
        "<source type='unix' path='/run/vm/web1.sock' mode='server'/>"
        "<target dev='vhost1'/></interface>"
        "<interface type='ethernet'>" MAC
        "<source path='/run/x' mode='server'/><target dev='tap7'/>"
        "</interface>");
    assert_string_equal(domain->vnics[0].vhost_path, "/run/vm/web1.sock");
    assert_string_equal(domain->vnics[0].vhost_mode, "server");
    assert_string_equal(domain->vnics[0].target, "vhost1");
    assert_null(domain->vnics[0].macvtap_mode);
    assert_null(domain->vnics[1].vhost_path);
    assert_string_equal(domain->vnics[1].target, "tap7");
    domain_destroy(domain);
}

static void
check_bandwidth(const struct bandwidth *bandwidth,
                unsigned long long int average, unsigned long long int peak,
                unsigned long long int burst)
{
    assert_int_equal(bandwidth->average, average);
    assert_int_equal(bandwidth->peak, peak);
    assert_int_equal(bandwidth->burst, burst);
}

static void
test_bandwidth(void **state OVS_UNUSED)
{
    struct domain *domain = parse_devices(
        "<interface type='bridge'>" MAC "<bandwidth>"
        "<inbound average='1000' peak='5000' floor='200' burst='1024'/>"
        "<outbound average='128' peak='4294967296'/></bandwidth></interface>"
        "<interface type='bridge'>" MAC "<bandwidth/></interface>"
        "<interface type='bridge'>" MAC "</interface>");
    const struct vnic *vnics = domain->vnics;
    assert_true(vnics[0].has_bandwidth);
    check_bandwidth(&vnics[0].inbound, 1000, 5000, 1024);
    check_bandwidth(&vnics[0].outbound, 128, 4294967296, 0);
    assert_true(vnics[1].has_bandwidth);
    check_bandwidth(&vnics[1].inbound, 0, 0, 0);
    assert_false(vnics[2].has_bandwidth);
    domain_destroy(domain);

    assert_quarantined(MAC "<bandwidth><inbound average='1'/>"
                       "<outbound average='1' peak='fast'/></bandwidth>",
                       "peak='fast' of <outbound> is not a number");
}

static void
test_lxc_domain(void **state OVS_UNUSED)
{
    struct domain *domain = parse(
        "<domain type='lxc'><name>ct</name><uuid>" UUID "</uuid>"
        "<os><type arch='x86_64'>exe</type><init>/sbin/init</init></os>"
        "<devices><emulator>/usr/lib/libvirt/libvirt_lxc</emulator>"
        "<interface type='bridge'>" MAC "<source bridge='br0'/>"
        "<vlan><tag id='7'/></vlan><guest dev='eth0'/></interface>"
        "<console type='pty'/></devices></domain>");
    assert_int_equal(domain->n_vnics, 1);
    assert_string_equal(domain->vnics[0].bridge, "br0");
    assert_int_equal(domain->vnics[0].vlan.tag, 7);
    domain_destroy(domain);
}

static void
test_ordinals(void **state OVS_UNUSED)
{
    struct domain *domain = parse_devices(
        "<interface type='bridge'>" MAC "</interface>"
        "<interface type='bridge'>"
        "<mac address='52:54:00:00:00:02'/></interface>"
        "<interface type='hostdev'>" MAC "</interface>");
    assert_int_equal(domain->n_vnics, 3);
    assert_int_equal(domain->vnics[0].id.ordinal, 0);
    assert_int_equal(domain->vnics[1].id.ordinal, 0);
    assert_int_equal(domain->vnics[2].id.ordinal, 1);
    domain_destroy(domain);
}

static void
test_bad_macs(void **state OVS_UNUSED)
{
    assert_quarantined("", "<mac> is missing");
    assert_quarantined("<mac/>", "<mac> has no address");
    assert_quarantined("<mac address=''/>", "MAC address '' is malformed");
    assert_quarantined("<mac address='52:54:00:00:00'/>",
                       "MAC address '52:54:00:00:00' is malformed");
    assert_quarantined("<mac address='52:54:00:00:00:01:02'/>",
                       "MAC address '52:54:00:00:00:01:02' is malformed");
    assert_quarantined("<mac address='52-54-00-00-00-01'/>",
                       "MAC address '52-54-00-00-00-01' is malformed");
    assert_quarantined("<mac address='152:54:00:00:00:1'/>",
                       "MAC address '152:54:00:00:00:1' is malformed");
    assert_quarantined("<mac address='0x2:54:00:00:00:1'/>",
                       "MAC address '0x2:54:00:00:00:1' is malformed");
    assert_quarantined("<mac address='01:00:5e:00:00:01'/>",
                       "MAC address '01:00:5e:00:00:01' is a multicast "
                       "address");
    assert_quarantined("<mac address='ff:ff:ff:ff:ff:ff'/>",
                       "MAC address 'ff:ff:ff:ff:ff:ff' is a multicast "
                       "address");
}

/* A sentence stays one line of readable text. */
static void
test_excerpts(void **state OVS_UNUSED)
{
    assert_quarantined("<mac address='a&#10;b&#9;c&#127;'/>",
                       "MAC address 'a?b?c?' is malformed");

    /* 79 bytes, then a character of two. */
    char value[80];
    memset(value, 'x', 79);
    value[79] = '\0';
    CLEANUP_FREE char *mac = xasprintf("<mac address='%s\303\251'/>", value);
    CLEANUP_FREE char *sentence = xasprintf(
        "MAC address '%s...' is malformed", value);
    assert_quarantined(mac, sentence);
}

/* The rest of an interface is read although something in it is wrong, and the
 * first thing wrong is what is said. */
static void
test_bad_interface_is_still_read(void **state OVS_UNUSED)
{
    struct domain *domain = parse_devices(
        "<interface type='bridge'><target dev='tap0'/>"
        "<vlan><tag id='x'/></vlan><mac address='nonsense'/></interface>");
    assert_string_equal(domain->vnics[0].error,
                        "MAC address 'nonsense' is malformed");
    assert_string_equal(domain->vnics[0].target, "tap0");
    assert_int_equal(domain->vnics[0].type, VNIC_BRIDGE);
    assert_true(vlan_spec_is_empty(&domain->vnics[0].vlan));
    domain_destroy(domain);
}

static void
test_foreign_and_misplaced_elements(void **state OVS_UNUSED)
{
    struct domain *domain = parse(
        "<domain xmlns:x='urn:example'><x:uuid>bad</x:uuid>"
        "<uuid>" UUID "</uuid><name>web1</name>"
        "<metadata><interface type='bridge'/>"
        "<x:devices><interface/></x:devices></metadata>"
        "<devices><x:interface/><controller><interface/></controller>"
        "<interface type='user' x:type='bridge'>" MAC
        "<x:vlan><tag id='1'/></x:vlan></interface>"
        "</devices></domain>");
    assert_int_equal(domain->n_vnics, 1);
    assert_int_equal(domain->vnics[0].type, VNIC_USER);
    assert_true(vlan_spec_is_empty(&domain->vnics[0].vlan));
    domain_destroy(domain);
}

static void
test_virtualports(void **state OVS_UNUSED)
{
    static const char parameters[] =
        "<parameters interfaceid='i' profileid='p'/>";
    static const struct {
        const char *type;
        bool is_ovs;
        bool has_parameters;
    } cases[] = {
        { "type='openvswitch'", true,  true },
        { "",                   false, true },
        { "type='802.1Qbh'",    false, false },
        { "type='midonet'",     false, false },
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        CLEANUP_FREE char *devices = xasprintf(
            "<interface type='network'>" MAC "<virtualport %s>%s"
            "</virtualport></interface>", cases[i].type, parameters);
        struct domain *domain = parse_devices(devices);
        const struct vnic *vnic = &domain->vnics[0];
        assert_int_equal(vnic->has_ovs_virtualport, cases[i].is_ovs);
        assert_int_equal(vnic->interface_id != NULL, cases[i].has_parameters);
        assert_int_equal(vnic->profile_id != NULL, cases[i].has_parameters);
        domain_destroy(domain);
    }
}

/* VLANs. */

static void
test_vlans(void **state OVS_UNUSED)
{
    static const struct {
        const char *vlan;
        const char *expected;
    } cases[] = {
        { "", "none" },
        { "<vlan><tag id='42'/></vlan>", "42" },
        { "<vlan><tag id=' +042'/></vlan>", "42" },
        { "<vlan><tag id='0'/></vlan>", "0" },
        { "<vlan><tag id='4095'/></vlan>", "4095" },
        { "<vlan trunk='no'><tag id='42'/></vlan>", "42" },
        { "<vlan trunk=''><tag id='42'/></vlan>", "42" },
        { "<vlan trunk='yes'><tag id='42'/></vlan>", "trunk 42" },
        { "<vlan trunk='YES'><tag id='42'/></vlan>", "trunk 42" },
        { "<vlan><tag id='20'/><tag id='10'/><tag id='11'/></vlan>",
          "trunk 10-11,20" },
        { "<vlan><tag id='7'/><tag id='7'/></vlan>", "trunk 7" },
        { "<vlan><tag id='42' nativeMode='untagged'/></vlan>",
          "native-untagged 42 of 42" },
        { "<vlan><tag id='42' nativeMode='tagged'/></vlan>",
          "native-tagged 42 of 42" },
        { "<vlan trunk='yes'><tag id='10'/>"
          "<tag id='20' nativeMode='untagged'/></vlan>",
          "native-untagged 20 of 10,20" },
        { "<vlan><tag id='10' nativeMode='tagged'/><tag id='20'/></vlan>",
          "native-tagged 10 of 10,20" },
        { "<vlan><tag id='5'/></vlan><vlan><tag id='6'/></vlan>", "5" },
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        assert_vlan(cases[i].vlan, cases[i].expected);
    }
}

static void
test_bad_vlan_tags(void **state OVS_UNUSED)
{
    assert_bad_vlan("<vlan/>", "<vlan> has no <tag>");
    assert_bad_vlan("<vlan><tag/></vlan>", "a VLAN tag has no id");
    static const char *const ids[] = {
        "", "x", "42 ", "0x2a", "-1", "-0", "4096", "5000", "4294967338",
        "18446744073709551658", "1-4",
    };
    for (size_t i = 0; i < ARRAY_SIZE(ids); i++) {
        CLEANUP_FREE char *vlan = xasprintf(
            "<vlan><tag id='3'/><tag id='%s'/></vlan>", ids[i]);
        CLEANUP_FREE char *sentence = xasprintf(
            "VLAN tag id '%s' is not a number in 0..4095", ids[i]);
        assert_bad_vlan(vlan, sentence);
    }
}

static void
test_bad_vlan_modes(void **state OVS_UNUSED)
{
    assert_bad_vlan("<vlan><tag id='1' nativeMode='tagged'/>"
                    "<tag id='2' nativeMode='untagged'/></vlan>",
                    "VLAN 2 cannot be native, VLAN 1 is");
    assert_bad_vlan("<vlan><tag id='1' nativeMode='default'/></vlan>",
                    "nativeMode 'default' of VLAN 1 is unknown");
    assert_bad_vlan("<vlan><tag id='1' nativeMode=''/></vlan>",
                    "nativeMode '' of VLAN 1 is unknown");
    assert_bad_vlan("<vlan trunk='no'><tag id='1'/><tag id='2'/></vlan>",
                    "trunk='no' with 2 VLAN tags");
    assert_bad_vlan("<vlan trunk='No'><tag id='1' nativeMode='tagged'/>"
                    "</vlan>", "trunk='no' with a native VLAN");
    assert_bad_vlan("<vlan trunk='maybe'><tag id='1'/></vlan>",
                    "trunk='maybe' of <vlan> is neither yes nor no");
}

static void
test_many_vlan_tags(void **state OVS_UNUSED)
{
    CLEANUP_FREE char *all = many_tags(1, 4094);
    assert_vlan(all, "trunk 1-4094");

    CLEANUP_FREE char *too_many = many_tags(1, 4095);
    assert_bad_vlan(too_many, "4095 VLAN tags are more than 4094");
}

/* A trunk of the members of 'set' or, if 'native' is a mode, with the first of
 * them native. */
static char *
vlan_xml(const struct vlan_set *set, const char *native)
{
    struct ds s = DS_EMPTY_INITIALIZER;
    ds_put_cstr(&s, "<vlan trunk='yes'>");
    VLAN_SET_FOR_EACH (vid, set) {
        bool is_native = native && vid == vlan_set_next(set, 0);
        ds_put_format(&s, "<tag id='%d'", vid);
        if (is_native) {
            ds_put_format(&s, " nativeMode='%s'", native);
        }
        ds_put_cstr(&s, "/>");
    }
    ds_put_cstr(&s, "</vlan>");
    return ds_steal_cstr(&s);
}

/* Asserts that the VLANs 'set' of the XML come back from the columns. */
static void
check_round_trip(const struct vlan_set *set)
{
    static const char *const native_modes[] = { NULL, "tagged", "untagged" };
    for (size_t i = 0; i < ARRAY_SIZE(native_modes); i++) {
        CLEANUP_FREE char *vlan = vlan_xml(set, native_modes[i]);
        CLEANUP_FREE char *devices = xasprintf(
            "<interface type='bridge'>" MAC "%s</interface>", vlan);
        struct domain *domain = parse_devices(devices);
        const struct vlan_spec *spec = &domain->vnics[0].vlan;
        struct vlan_spec columns = vlan_columns_from_spec(spec);
        struct vlan_spec again = vlan_columns_to_spec(&columns);
        assert_true(vlan_set_equals(&spec->trunks, set));
        assert_int_equal(spec->tag,
                         native_modes[i] ? vlan_set_next(set, 0) : -1);
        assert_true(vlan_spec_equals(spec, &again));
        domain_destroy(domain);
    }
}

static void
test_vlans_of_any_number_survive(void **state OVS_UNUSED)
{
    struct vlan_set set = { { 0 } };
    vlan_set_add(&set, 4094);
    check_round_trip(&set);
    vlan_set_add(&set, 1);
    check_round_trip(&set);

    srand(1);
    for (int vid = 2; vid < 4094; vid++) {
        vlan_set_add(&set, vid);
        if (!(rand() % 256)) {
            check_round_trip(&set);
        }
    }
    check_round_trip(&set);         /* All 4094. */
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_domain),
        cmocka_unit_test(test_inactive_domain),
        cmocka_unit_test(test_bad_domains),
        cmocka_unit_test(test_malformed_xml),
        cmocka_unit_test(test_truncated_xml),
        cmocka_unit_test(test_document_type_is_refused),
        cmocka_unit_test(test_encoding_is_utf8),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_interface),
        cmocka_unit_test(test_interface_with_mac_only),
        cmocka_unit_test(test_interface_types),
        cmocka_unit_test(test_hostdev_and_direct),
        cmocka_unit_test(test_vhostuser),
        cmocka_unit_test(test_bandwidth),
        cmocka_unit_test(test_lxc_domain),
        cmocka_unit_test(test_ordinals),
        cmocka_unit_test(test_bad_macs),
        cmocka_unit_test(test_excerpts),
        cmocka_unit_test(test_bad_interface_is_still_read),
        cmocka_unit_test(test_foreign_and_misplaced_elements),
        cmocka_unit_test(test_virtualports),
        cmocka_unit_test(test_vlans),
        cmocka_unit_test(test_bad_vlan_tags),
        cmocka_unit_test(test_bad_vlan_modes),
        cmocka_unit_test(test_many_vlan_tags),
        cmocka_unit_test(test_vlans_of_any_number_survive),
    };
    return cmocka_run_group_tests_name("domain-xml", tests, NULL, NULL);
}
