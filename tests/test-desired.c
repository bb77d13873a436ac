/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "lib/desired.h"

#include "lib/memory.h"
#include "lib/network.h"
#include "tests/build.h"
#include "tests/host.h"
#include "tests/unit.h"
#include "util.h"

static int
setup(void **state)
{
    struct host *host = xmalloc(sizeof *host);
    host_init(host);
    *state = host;
    return 0;
}

static int
teardown(void **state)
{
    host_destroy(*state);
    free(*state);
    return 0;
}

/* Computes, and returns the vNIC in place 'index'. */
static struct desired_vnic *
compute(struct host *host, size_t n, size_t index)
{
    host_compute(host);
    assert_int_equal(host->desired.n_vnics, n);
    return &host->desired.vnics[index];
}

static void
test_vlan_comes_from_the_interface(void **state)
{
    struct host *host = *state;
    struct domain *web = add_domain(&host->domains, 1, "web1");
    add_bridge_vnic(web, 1, "br0", "vnet0", access_vlan(42));
    add_vnic_port(&host->view, 1, "vnet0", "br0", 1, 1, access_vlan(7));

    struct desired_vnic *d = compute(host, 1, 0);
    assert_int_equal(d->care, VNIC_MANAGED);
    assert_int_equal(d->vlan.tag, 42);
    assert_int_equal(d->source, VLAN_FROM_INTERFACE);
    assert_string_equal(d->port->name, "vnet0");
    assert_string_equal(d->bridge, "br0");
    assert_true(desired_vnic_is_written(d));
}

static void
test_no_vlan_is_no_intent(void **state)
{
    struct host *host = *state;
    struct vlan_spec none = VLAN_SPEC_INIT;
    struct domain *web = add_domain(&host->domains, 1, "web1");
    add_bridge_vnic(web, 1, "br0", "vnet0", none);

    struct desired_vnic *d = compute(host, 1, 0);
    assert_int_equal(d->care, VNIC_MANAGED);
    assert_int_equal(d->vlan.mode, VLAN_NONE);
    assert_int_equal(d->source, VLAN_FROM_NOBODY);
}

static void
test_fake_bridge_is_a_vlan_of_its_parent(void **state)
{
    struct host *host = *state;
    struct vlan_spec none = VLAN_SPEC_INIT;
    struct domain *web = add_domain(&host->domains, 1, "web1");
    add_fake_bridge(&host->view, "br0v10", "br0", 10);
    add_bridge_vnic(web, 1, "br0v10", "vnet0", none);
    add_bridge_vnic(web, 2, "br0v10", "vnet1", access_vlan(20));

    struct desired_vnic *d = compute(host, 2, 0);
    assert_int_equal(d->vlan.tag, 10);
    assert_int_equal(d->source, VLAN_FROM_FAKE_BRIDGE);
    assert_string_equal(d->bridge, "br0");
    assert_int_equal(d[1].vlan.tag, 20);
    assert_int_equal(d[1].source, VLAN_FROM_INTERFACE);
}

static void
test_bad_input_costs_its_vnic_only(void **state)
{
    struct host *host = *state;
    struct domain *web = add_domain(&host->domains, 1, "web1");
    add_bridge_vnic(web, 1, "br0", "vnet0", access_vlan(0));
    add_bridge_vnic(web, 2, "br9", "vnet1", access_vlan(10));
    add_bridge_vnic(web, 3, "br0", "vnet2", access_vlan(10))->error
        = xstrdup("VLAN tag '5000' is out of range");
    add_bridge_vnic(web, 4, "br0", "vnet3", access_vlan(10));

    struct desired_vnic *d = compute(host, 4, 0);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(d[i].care, VNIC_QUARANTINED);
        assert_false(desired_vnic_is_written(&d[i]));
    }
    assert_string_equal(d[0].reason,
                        "domain web1, interface 52:54:00:00:00:01: "
                        "VLAN 0 is out of range (1..4094)");
    assert_string_equal(d[1].reason,
                        "domain web1, interface 52:54:00:00:00:02: "
                        "bridge br9 does not exist");
    assert_string_equal(d[2].reason,
                        "domain web1, interface 52:54:00:00:00:03: "
                        "VLAN tag '5000' is out of range");
    assert_int_equal(d[3].care, VNIC_MANAGED);
}

static void
test_quarantine_keeps_the_last_good(void **state)
{
    struct host *host = *state;
    struct domain *web = add_domain(&host->domains, 1, "web1");
    struct vnic *vnic = add_bridge_vnic(web, 1, "br0", "vnet0",
                                        access_vlan(4095));
    struct vlan_spec good = access_vlan(30);
    memory_note_vlan(&host->memory, &vnic->id, &good, VLAN_FROM_INTERFACE);
    add_vnic_port(&host->view, 1, "vnet0", "br0", 1, 1, access_vlan(30));

    struct desired_vnic *d = compute(host, 1, 0);
    assert_int_equal(d->care, VNIC_QUARANTINED);
    assert_int_equal(d->vlan.tag, 30);
    assert_int_equal(d->source, VLAN_FROM_LAST_GOOD);
    assert_true(desired_vnic_is_written(d));
}

static void
test_broken_domain_quarantines_its_ports(void **state)
{
    struct host *host = *state;
    struct domain *web = add_domain(&host->domains, 1, "web1");
    web->error = xstrdup("not XML");
    add_vnic_port(&host->view, 1, "vnet0", "br0", 1, 1, access_vlan(30));

    struct desired_vnic *d = compute(host, 1, 0);
    assert_int_equal(d->care, VNIC_QUARANTINED);
    assert_string_equal(d->reason, "domain web1, interface "
                        "52:54:00:00:00:01: not XML");
}

/* As libvirt lists 'number', and cannot tell of it. */
static struct domain *
add_unreadable_domain(struct host *host, unsigned int number)
{
    struct domain *domain = domain_create();
    domain->uuid = vm(number);
    domain->failure = xstrdup("too large");
    domain->failed_ms = 700;
    (void) domain_set_replace(&host->domains, domain);
    return domain;
}

static void
test_ports_of_unreadable_domain_are_unknown(void **state)
{
    struct host *host = *state;
    add_unreadable_domain(host, 1);
    add_vnic_port(&host->view, 1, "vnet0", "br0", 1, 1, access_vlan(30));
    add_vnic_port(&host->view, 2, "vnet1", "br0", 2, 2, access_vlan(30));

    struct desired_vnic *d = compute(host, 2, 0);
    assert_int_equal(d[0].care, VNIC_UNKNOWN);
    assert_string_equal(d[0].reason,
                        "libvirt cannot tell of this domain: too large");
    assert_int_equal(d[1].care, VNIC_UNMANAGED); /* Costs itself only. */
    assert_true(host->desired.is_complete);
    struct uuid uuid = vm(1);
    assert_true(desired_is_untold(&host->desired, &uuid));
}

/* Nothing waits for ever for libvirt to tell of it. */
static void
test_unreadable_domain_does_not_age(void **state)
{
    struct host *host = *state;
    host->source.listed_ms = 800;
    struct domain *domain = add_unreadable_domain(host, 1);
    (void) compute(host, 0, 0);
    assert_int_equal(host->desired.read_ms, 700);
    domain->read_ms = 750;      /* Told by a hook. */
    (void) compute(host, 0, 0);
    assert_int_equal(host->desired.read_ms, 750);
}

static void
test_unreadable_domain_keeps_its_vnics(void **state)
{
    struct host *host = *state;
    struct domain *web = add_domain(&host->domains, 1, "web1");
    add_bridge_vnic(web, 1, "br0", "vnet0", access_vlan(10));
    add_vnic_port(&host->view, 1, "vnet0", "br0", 1, 1, access_vlan(10));
    add_vnic_port(&host->view, 2, "vnet1", "br0", 1, 2, access_vlan(30));
    assert_true(compute(host, 2, 0)->can_be_asked);
    assert_int_equal(compute(host, 2, 1)->care, VNIC_UNMANAGED);

    web->failure = xstrdup("too large");
    struct desired_vnic *d = compute(host, 2, 0);
    assert_int_equal(d[0].care, VNIC_MANAGED);
    assert_int_equal(d[0].vlan.tag, 10);
    assert_false(d[0].can_be_asked);
    assert_int_equal(d[1].care, VNIC_UNKNOWN); /* It may be new. */
}

static void
test_other_interfaces_are_listed(void **state)
{
    struct host *host = *state;
    struct vlan_spec none = VLAN_SPEC_INIT;
    struct domain *web = add_domain(&host->domains, 1, "web1");
    add_bridge_vnic(web, 1, "virbr0", "vnet0", none)->has_ovs_virtualport
        = false;

    struct desired_vnic *d = compute(host, 1, 0);
    assert_int_equal(d->care, VNIC_UNMANAGED);
    assert_string_equal(d->reason, "interface of type bridge, bridge virbr0, "
                        "not on Open vSwitch");
}

static void
test_ports_that_nobody_claims(void **state)
{
    struct host *host = *state;
    add_vnic_port(&host->view, 1, "vnet0", "br0", 9, 1, access_vlan(30));

    assert_int_equal(compute(host, 1, 0)->care, VNIC_UNMANAGED);
    assert_string_equal(host->desired.vnics[0].reason,
                        "no domain with this vm-id is known to libvirt");

    host->source.is_complete = false;
    assert_int_equal(compute(host, 1, 0)->care, VNIC_UNKNOWN);
}

/* libvirt plugs before it says that a domain starts. */
/* A port that says it is another's is not taken, but known. */
static void
test_namesake_is_told_from_the_port(void **state)
{
    struct host *host = *state;
    struct domain *web = add_domain(&host->domains, 1, "web1");
    add_bridge_vnic(web, 1, "br0", "vnet0", access_vlan(42));
    add_vnic_port(&host->view, 1, "vnet0", "br0", 9, 1, access_vlan(42));

    struct desired_vnic *d = compute(host, 2, 0);
    assert_null(d->port);
    assert_string_equal(d->namesake->name, "vnet0");
    host->view.ports[0].vm_id = vm(1);
    d = compute(host, 1, 0);
    assert_non_null(d->port);
    assert_null(d->namesake);
}

static void
test_starting_domain_is_known_by_its_port(void **state)
{
    struct host *host = *state;
    struct domain *web = add_domain(&host->domains, 1, "web1");
    add_bridge_vnic(web, 1, "br0", NULL, access_vlan(42));
    web->is_active = false;
    (void) compute(host, 0, 0);

    struct port_view *port = add_vnic_port(&host->view, 1, "vnet0", "br0", 1,
                                           1, access_vlan(7));
    port->ofport = 0;
    assert_int_equal(compute(host, 1, 0)->vlan.tag, 42);

    /* A dead port is no sign of life. */
    host->view.ports[0].ofport = -1;
    assert_int_equal(compute(host, 1, 0)->care, VNIC_UNMANAGED);

    /* Nor is one that the switch keeps open without its device. */
    host->view.ports[0].ofport = 1;
    host->view.ports[0].is_detached = true;
    assert_int_equal(compute(host, 1, 0)->care, VNIC_UNMANAGED);
}

static void
test_vlan_comes_from_the_port_group(void **state)
{
    struct host *host = *state;
    struct vlan_spec none = VLAN_SPEC_INIT;
    struct domain *web = add_domain(&host->domains, 1, "web1");
    struct network *lan = add_network(&host->networks, 1, "lan", none);
    add_portgroup(lan, "web", access_vlan(30));
    add_network_vnic(web, 1, "lan", "web", access_vlan(10), none);
    add_network_vnic(web, 2, "lan", "wbe", none, none);

    struct desired_vnic *d = compute(host, 2, 0);
    assert_int_equal(d->care, VNIC_MANAGED);
    assert_int_equal(d->vlan.tag, 30);
    assert_int_equal(d->source, VLAN_FROM_PORTGROUP);
    assert_string_equal(d->portgroup, "web");
    assert_int_equal(d[1].care, VNIC_QUARANTINED);
    assert_string_equal(d[1].reason,
                        "domain web1, interface 52:54:00:00:00:02: "
                        "network lan has no port group wbe");
}

/* What is lost stays in force, and what is known of it is said. */
static void
test_removed_vlan_and_pending_change_are_told(void **state)
{
    struct host *host = *state;
    struct vlan_spec none = VLAN_SPEC_INIT;
    struct domain *web = add_domain(&host->domains, 1, "web1");
    add_network(&host->networks, 1, "lan", none);
    add_network_vnic(web, 1, "lan", NULL, access_vlan(10), none);
    struct vnic *moved = add_network_vnic(web, 2, "lan", NULL,
                                          access_vlan(20), none);
    free(moved->config->network);
    moved->config->network = xstrdup("dmz");

    struct desired_vnic *d = compute(host, 2, 0);
    assert_int_equal(d->vlan.tag, 10);
    assert_string_equal(d->reason, "vlan-removed-from-network: VLAN 10 stays "
                        "in force");
    assert_int_equal(d[1].care, VNIC_MANAGED);
    assert_int_equal(d[1].vlan.tag, 20);
    assert_true(d[1].is_pending);
    assert_string_equal(d[1].reason,
                        "network dmz from the next start on");
}

/* With its network known, so is the VLAN of a domain that libvirt has not
 * said to start. */
static void
test_starting_domain_of_a_network(void **state)
{
    struct host *host = *state;
    struct vlan_spec none = VLAN_SPEC_INIT;
    struct domain *web = add_domain(&host->domains, 1, "web1");
    struct vnic *vnic = add_bridge_vnic(web, 1, "br0", NULL, none);
    vnic->type = VNIC_NETWORK;
    vnic->network = xstrdup("lan");
    vnic->has_ovs_virtualport = false;
    free(vnic->bridge);
    vnic->bridge = NULL;
    web->is_active = false;
    add_vnic_port(&host->view, 1, "vnet0", "br0", 1, 1, none);

    struct desired_vnic *d = compute(host, 1, 0);
    assert_int_equal(d->care, VNIC_UNKNOWN);
    assert_string_equal(d->reason, "domain web1 is starting, its network's "
                        "VLAN is not known yet");

    add_network(&host->networks, 1, "lan", access_vlan(30));
    d = compute(host, 1, 0);
    assert_int_equal(d->care, VNIC_MANAGED);
    assert_int_equal(d->vlan.tag, 30);

    /* Without a port as well, the network tells where it belongs. */
    host->view.ports[0].is_vnic = false;
    web->is_active = true;
    d = compute(host, 1, 0);
    assert_int_equal(d->care, VNIC_MANAGED);
    assert_string_equal(d->bridge, "br0");
}

/* A guest that runs follows its port group, as it did before.  One that starts
 * has what libvirt has just merged: it may have been given other VLANs since
 * it ran last. */
static void
test_what_was_followed_does_not_outlive_the_guest(void **state)
{
    struct host *host = *state;
    struct vlan_spec none = VLAN_SPEC_INIT;
    struct domain *web = add_domain(&host->domains, 1, "web1");
    struct network *lan = add_network(&host->networks, 1, "lan", none);
    add_portgroup(lan, "web", access_vlan(30));
    struct vnic *vnic = add_network_vnic(web, 1, "lan", "web",
                                         access_vlan(9), none);
    vnic_set_config(vnic, NULL);        /* As hooks tell it. */
    add_vnic_port(&host->view, 1, "vnet0", "br0", 1, 1, access_vlan(9));

    struct vlan_spec followed = access_vlan(30);
    memory_note_vlan(&host->memory, &vnic->id, &followed,
                     VLAN_FROM_PORTGROUP);
    assert_int_equal(compute(host, 1, 0)->vlan.tag, 30);
    web->stage = DOMAIN_STARTING;
    assert_int_equal(compute(host, 1, 0)->vlan.tag, 9);
}

static void
test_one_mac_twice_in_a_domain(void **state)
{
    struct host *host = *state;
    struct domain *web = add_domain(&host->domains, 1, "web1");
    add_bridge_vnic(web, 1, "br0", "tapb", access_vlan(10));
    add_bridge_vnic(web, 1, "br0", "tapa", access_vlan(20));
    add_vnic_port(&host->view, 1, "tapa", "br0", 1, 1, access_vlan(7));
    add_vnic_port(&host->view, 2, "tapb", "br0", 1, 1, access_vlan(7));

    struct desired_vnic *d = compute(host, 2, 0);
    assert_string_equal(d[0].port->name, "tapb");
    assert_int_equal(d[0].vlan.tag, 10);
    assert_string_equal(d[1].port->name, "tapa");
    assert_int_equal(d[1].vlan.tag, 20);
}

/* Of twins whose ports cannot be told apart, none gets the other's. */
static void
test_no_port_is_taken_for_a_twins(void **state)
{
    struct host *host = *state;
    struct domain *web = add_domain(&host->domains, 1, "web1");
    add_bridge_vnic(web, 1, "br0", NULL, access_vlan(10))->type = VNIC_USER;
    add_bridge_vnic(web, 1, "br0", "vnet9", access_vlan(20));
    add_bridge_vnic(web, 1, "br0", "vnet8", access_vlan(30));
    add_vnic_port(&host->view, 1, "vnet9", "br0", 1, 1, access_vlan(20));

    struct desired_vnic *d = compute(host, 3, 0);
    assert_null(d[0].port);
    assert_string_equal(d[1].port->name, "vnet9");
    assert_null(d[2].port);

    /* As long as libvirt has not said which port is whose: none. */
    web->is_active = false;
    free(web->vnics[1].target);
    web->vnics[1].target = NULL;
    free(web->vnics[2].target);
    web->vnics[2].target = NULL;
    assert_int_equal(compute(host, 1, 0)->care, VNIC_UNMANAGED);
}

static void
test_one_libvirt_by_two_connections(void **state)
{
    struct host *host = *state;
    struct domain_source twice[] = { host->source, host->source };
    struct domain_set again;
    domain_set_init(&again);
    twice[1].domains = &again;
    host->facts.sources = twice;
    host->facts.n_sources = 2;
    add_bridge_vnic(add_domain(&host->domains, 1, "web1"), 1, "br0", "vnet0",
                    access_vlan(10));
    add_bridge_vnic(add_domain(&again, 1, "web1"), 1, "br0", "vnet0",
                    access_vlan(10));
    add_vnic_port(&host->view, 1, "vnet0", "br0", 1, 1, access_vlan(10));

    assert_int_equal(compute(host, 1, 0)->care, VNIC_MANAGED);
    domain_set_destroy(&again);
}

static void
test_default_vlan_is_for_those_without(void **state)
{
    struct host *host = *state;
    struct vlan_spec none = VLAN_SPEC_INIT;
    struct domain *web = add_domain(&host->domains, 1, "web1");
    host->view.bridges[0].settings.default_vlan = 99;
    add_bridge_vnic(web, 1, "br0", "vnet0", none);
    add_bridge_vnic(web, 2, "br0", "vnet1", access_vlan(10));

    struct desired_vnic *d = compute(host, 2, 0);
    assert_int_equal(d[0].vlan.tag, 99);
    assert_int_equal(d[0].source, VLAN_FROM_DEFAULT);
    assert_int_equal(d[1].vlan.tag, 10);
}

/* One MAC, one port: the device of the host has none, but its VLAN. */
static void
test_teaming_pair_is_no_conflict(void **state)
{
    struct host *host = *state;
    struct domain *web = add_domain(&host->domains, 1, "web1");
    struct vnic_metadata metadata = VNIC_METADATA_INIT;
    add_bridge_vnic(web, 1, "br0", NULL, access_vlan(10));
    struct vnic *device = add_bridge_vnic(web, 1, "", NULL, access_vlan(20));
    device->type = VNIC_HOSTDEV;
    device->has_ovs_virtualport = false;
    free(device->bridge);
    device->bridge = NULL;
    device->source_device = xstrdup("0000:06:10.1");
    add_vnic_port(&host->view, 1, "vnet0", "br0", 1, 1, access_vlan(10));

    struct desired_vnic *d = compute(host, 2, 0);
    assert_int_equal(d[0].care, VNIC_MANAGED);
    assert_string_equal(d[0].port->name, "vnet0");
    assert_int_equal(d[1].care, VNIC_UNMANAGED);
    assert_null(d[1].port);
    assert_int_equal(d[1].vlan.tag, 20);
    assert_int_equal(d[1].source, VLAN_FROM_INTERFACE);
    assert_string_equal(d[1].reason, "interface of type hostdev, device "
                        "0000:06:10.1, not on Open vSwitch");

    /* libvirt has put the VLAN of a network there. */
    device->network = xstrdup("pool");
    vnic_set_metadata(device, &metadata);
    d = compute(host, 2, 0);
    assert_int_equal(d[1].source, VLAN_FROM_LIVE);
    assert_string_equal(d[1].reason, "interface of type hostdev, device "
                        "0000:06:10.1, not on Open vSwitch; metadata is not "
                        "followed");
}

static void
test_settings_of_the_bridge_judge_metadata(void **state)
{
    struct host *host = *state;
    struct vnic_metadata metadata = { .vlan = access_vlan(20) };
    struct vnic *vnic = add_bridge_vnic(
        add_domain(&host->domains, 1, "web1"), 1, "br0", "vnet0",
        access_vlan(10));
    vnic_set_metadata(vnic, &metadata);
    struct desired_vnic *d = compute(host, 1, 0);
    assert_int_equal(d->vlan.tag, 20);
    assert_int_equal(d->source, VLAN_FROM_METADATA);

    host->view.bridges[0].settings.metadata = METADATA_NONE;
    d = compute(host, 1, 0);
    assert_int_equal(d->vlan.tag, 10);
    assert_string_equal(d->reason, "metadata is not followed "
                        "(vnicd-metadata=none)");
}

/* Metadata before the bridge, and who said so. */
static void
test_policy_follows_from_metadata_and_settings(void **state)
{
    struct host *host = *state;
    struct settings *settings = &host->view.bridges[0].settings;
    struct vnic_metadata metadata = VNIC_METADATA_INIT;
    struct vnic *vnic = add_bridge_vnic(
        add_domain(&host->domains, 1, "web1"), 1, "br0", "vnet0",
        access_vlan(10));
    metadata.policy.policy.isolation = ISOLATION_ISOLATED;
    metadata.policy.said = POLICY_FIELD_ISOLATION;
    vnic_set_metadata(vnic, &metadata);
    settings->guard = GUARD_ENFORCE;
    settings->sources[SETTING_GUARD] = SETTING_FROM_BRIDGE;

    struct desired_vnic *d = compute(host, 1, 0);
    assert_true(desired_vnic_has_policy(d));
    assert_int_equal(d->policy.isolation, ISOLATION_ISOLATED);
    assert_int_equal(d->policy_sources.isolation, POLICY_FROM_METADATA);
    assert_int_equal(d->policy.guard, GUARD_ENFORCE);
    assert_int_equal(d->policy_sources.guard, POLICY_FROM_BRIDGE);
    assert_null(d->policy_error);
    assert_null(d->reason);

    settings->metadata = METADATA_NONE;
    d = compute(host, 1, 0);
    assert_int_equal(d->policy.isolation, ISOLATION_PROMISCUOUS);
    assert_int_equal(d->policy_sources.isolation, POLICY_FROM_DEFAULT);
}

/* Any MAC from a class that is told by it makes no sense: a new vNIC must not
 * talk, one that was good before goes on as it was. */
static void
test_bad_policy_leaves_the_last_good(void **state)
{
    struct host *host = *state;
    struct vnic_metadata good = VNIC_METADATA_INIT;
    struct vnic *vnic = add_bridge_vnic(
        add_domain(&host->domains, 1, "web1"), 1, "br0", "vnet0",
        access_vlan(10));
    good.policy.policy.isolation = ISOLATION_ISOLATED;
    good.policy.policy.guard = GUARD_OFF;
    good.policy.said = POLICY_FIELD_ISOLATION | POLICY_FIELD_GUARD;
    struct vnic_metadata bad = good;
    bad.policy.policy.services = SERVICE_ANY_MAC;
    bad.policy.said |= POLICY_FIELD_SERVICES;

    static const char sentence[] =
        "domain web1, interface 52:54:00:00:00:01: metadata: service any-mac "
        "is for class promiscuous, not for isolated";
    vnic_set_metadata(vnic, &bad);
    struct desired_vnic *d = compute(host, 1, 0);
    assert_int_equal(d->care, VNIC_QUARANTINED);
    assert_string_equal(d->reason, sentence);
    assert_string_equal(d->policy_error, sentence);
    assert_false(desired_vnic_has_policy(d));
    assert_false(desired_vnic_may_talk(d));

    vnic_set_metadata(vnic, &good);
    host_look(host, 1);
    memory_note_vlan(&host->memory, &vnic->id, &vnic->vlan,
                     VLAN_FROM_INTERFACE);
    vnic_set_metadata(vnic, &bad);
    host_look(host, 2);
    host_look(host, 3);
    d = compute(host, 1, 0);
    assert_int_equal(d->care, VNIC_QUARANTINED);
    assert_string_equal(d->reason, sentence);
    assert_null(d->policy_error);
    assert_true(desired_vnic_may_talk(d));
    assert_int_equal(d->policy.isolation, ISOLATION_ISOLATED);
    assert_int_equal(d->policy.services, 0);
    assert_int_equal(d->policy_sources.guard, POLICY_FROM_LAST_GOOD);

    /* What an operator says later binds the last good as well. */
    host->view.bridges[0].settings.metadata = METADATA_STRICTER;
    vnic->metadata->error = xstrdup("no good");
    d = compute(host, 1, 0);
    assert_int_equal(d->policy.guard, GUARD_MONITOR);
    assert_int_equal(d->policy_sources.guard, POLICY_FROM_DEFAULT);
}

/* What metadata had in force is not the network's, which has no VLAN: it
 * neither stays when an operator forbids it nor binds what metadata says next,
 * but it is the last good. */
static void
test_metadata_is_not_measured_by_itself(void **state)
{
    struct host *host = *state;
    struct vlan_spec none = VLAN_SPEC_INIT;
    struct vnic_metadata metadata = { .vlan = access_vlan(20) };
    (void) add_network(&host->networks, 1, "lan", none);
    struct vnic *vnic = add_network_vnic(
        add_domain(&host->domains, 1, "web1"), 1, "lan", NULL, none, none);
    vnic_set_metadata(vnic, &metadata);
    host->view.bridges[0].settings.metadata = METADATA_STRICTER;
    metadata.vlan = access_vlan(10);
    memory_note_vlan(&host->memory, &vnic->id, &metadata.vlan,
                     VLAN_FROM_METADATA);

    struct desired_vnic *d = compute(host, 1, 0);
    assert_int_equal(d->vlan.tag, 20);
    assert_int_equal(d->source, VLAN_FROM_METADATA);
    host->view.bridges[0].settings.metadata = METADATA_NONE;
    d = compute(host, 1, 0);
    assert_int_equal(d->source, VLAN_FROM_NOBODY);

    host->view.bridges[0].settings.metadata = METADATA_ALL;
    vnic->metadata->error = xstrdup("no good");
    d = compute(host, 1, 0);
    assert_int_equal(d->care, VNIC_QUARANTINED);
    assert_int_equal(d->vlan.tag, 10);
}

/* The switch as it is by default looks at one tag. */
static void
test_customer_vlans_need_the_vlan_limit(void **state)
{
    struct host *host = *state;
    struct vnic_metadata metadata = {
        .vlan = native_vlan(VLAN_DOT1Q_TUNNEL, 100, ""),
    };
    struct vnic *vnic = add_bridge_vnic(
        add_domain(&host->domains, 1, "web1"), 1, "br0", "vnet0",
        access_vlan(10));
    vlan_set_add(&metadata.vlan.cvlans, 7);
    vnic_set_metadata(vnic, &metadata);
    struct desired_vnic *d = compute(host, 1, 0);
    assert_int_equal(d->care, VNIC_QUARANTINED);
    assert_string_equal(d->reason, "domain web1, interface 52:54:00:00:00:01: "
                        "VLAN dot1q-tunnel 100 of 7: Open_vSwitch "
                        "other_config:vlan-limit is 1 and must be 0, or 2 and "
                        "more, for cvlans");

    host->view.vlan_limit = 2;
    d = compute(host, 1, 0);
    assert_int_equal(d->care, VNIC_MANAGED);
    assert_int_equal(d->vlan.mode, VLAN_DOT1Q_TUNNEL);
}

static void
test_bridges_that_are_not_ours(void **state)
{
    struct host *host = *state;
    struct domain *web = add_domain(&host->domains, 1, "web1");
    add_bridge_vnic(web, 1, "br0", "vnet0", access_vlan(10));
    add_vnic_port(&host->view, 1, "vnet0", "br0", 1, 1, access_vlan(7));

    host->view.bridges[0].settings.manage = MANAGE_NO;
    assert_int_equal(compute(host, 1, 0)->care, VNIC_DISOWNED);
    assert_string_equal(host->desired.vnics[0].reason,
                        "bridge br0 is not managed (vnicd-manage=no)");

    host->view.bridges[0].settings.manage = MANAGE_AUTO;
    host->view.bridges[0].has_controller = true;
    assert_int_equal(compute(host, 1, 0)->care, VNIC_DISOWNED);
    assert_string_equal(host->desired.vnics[0].reason,
                        "bridge br0 is not managed (vnicd-manage=auto, it has "
                        "a controller)");

    host->view.bridges[0].settings.manage = MANAGE_YES;
    assert_int_equal(compute(host, 1, 0)->care, VNIC_MANAGED);
}

#define TEST(NAME) cmocka_unit_test_setup_teardown(NAME, setup, teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_vlan_comes_from_the_interface),
        TEST(test_no_vlan_is_no_intent),
        TEST(test_fake_bridge_is_a_vlan_of_its_parent),
        TEST(test_bad_input_costs_its_vnic_only),
        TEST(test_quarantine_keeps_the_last_good),
        TEST(test_broken_domain_quarantines_its_ports),
        TEST(test_ports_of_unreadable_domain_are_unknown),
        TEST(test_unreadable_domain_does_not_age),
        TEST(test_unreadable_domain_keeps_its_vnics),
        TEST(test_other_interfaces_are_listed),
        TEST(test_ports_that_nobody_claims),
        TEST(test_namesake_is_told_from_the_port),
        TEST(test_starting_domain_is_known_by_its_port),
        TEST(test_vlan_comes_from_the_port_group),
        TEST(test_removed_vlan_and_pending_change_are_told),
        TEST(test_starting_domain_of_a_network),
        TEST(test_what_was_followed_does_not_outlive_the_guest),
        TEST(test_one_mac_twice_in_a_domain),
        TEST(test_no_port_is_taken_for_a_twins),
        TEST(test_one_libvirt_by_two_connections),
        TEST(test_default_vlan_is_for_those_without),
        TEST(test_teaming_pair_is_no_conflict),
        TEST(test_settings_of_the_bridge_judge_metadata),
        TEST(test_policy_follows_from_metadata_and_settings),
        TEST(test_bad_policy_leaves_the_last_good),
        TEST(test_metadata_is_not_measured_by_itself),
        TEST(test_customer_vlans_need_the_vlan_limit),
        TEST(test_bridges_that_are_not_ours),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
