/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */

/* Tests of lib/conflict.c, through what is desired of a whole host. */

#include <config.h>
#include "lib/conflict.h"

#include "lib/memory.h"
#include "packets.h"
#include "tests/build.h"
#include "tests/host.h"
#include "tests/unit.h"
#include "util.h"
#include "uuid.h"

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

/* A vNIC of a domain of its own, with the port that libvirt made for it, ready
 * since 'ready_ms' if that is not 0. */
static struct vnic *
add_plugged(struct host *host, unsigned int number, unsigned char mac,
            struct vlan_spec vlan, long long int ready_ms)
{
    char *name = xasprintf("web%u", number);
    char *target = xasprintf("vnet%u", number);
    struct domain *domain = add_domain(&host->domains, number, name);
    struct vnic *vnic = add_bridge_vnic(domain, mac, "br0", target, vlan);
    struct port_view *port = add_vnic_port(&host->view, number, target, "br0",
                                           number, mac, vlan);
    if (ready_ms) {
        port->marked_vm_id = port->vm_id;
        port->ready_ms = ready_ms;
    }
    free(name);
    free(target);
    return vnic;
}

/* Computes, and returns the vNICs, of which there are 'n'. */
static const struct desired_vnic *
compute(struct host *host, size_t n)
{
    host_compute(host);
    assert_int_equal(host->desired.n_vnics, n);
    return host->desired.vnics;
}

static void
say_address(struct vnic *vnic, const char *ip, struct eth_addr mac, int vlan)
{
    struct vnic_metadata metadata = VNIC_METADATA_INIT;
    if (!vnic->metadata) {
        vnic_set_metadata(vnic, &metadata);
    }
    struct policy_statement *said = &vnic->metadata->policy;
    struct policy_address *address = policy_add_address(&said->policy);
    assert_null(policy_address_parse(ip, &address->ip, &address->plen));
    address->mac = mac;
    address->vlan = vlan;
    said->said |= POLICY_FIELD_ADDRESSES;
}

/* MAC addresses. */

/* It must not talk, but its VLAN is still the right one. */
static void
test_newcomer_with_a_taken_mac_is_set_aside(void **state)
{
    struct host *host = *state;
    add_plugged(host, 1, 1, access_vlan(10), 0);
    add_plugged(host, 2, 1, trunk_vlan("10,20"), 1000);

    const struct desired_vnic *d = compute(host, 2);
    assert_int_equal(d[0].care, VNIC_QUARANTINED);
    assert_false(desired_vnic_may_talk(&d[0]));
    assert_string_equal(d[0].reason,
                        "domain web1, interface 52:54:00:00:00:01: "
                        "web2/52:54:00:00:00:01 (port vnet2) has the same MAC "
                        "on bridge br0, and its VLAN trunk 10,20 overlaps "
                        "with 10");
    assert_string_equal(d[0].policy_error, d[0].reason);
    assert_true(desired_vnic_is_written(&d[0]));
    assert_int_equal(d[0].vlan.tag, 10);
    assert_int_equal(d[1].care, VNIC_MANAGED);
    assert_true(desired_vnic_may_talk(&d[1]));
}

static void
test_the_smaller_id_stays_if_nobody_was_ready(void **state)
{
    struct host *host = *state;
    add_plugged(host, 2, 1, access_vlan(10), 0);
    add_plugged(host, 1, 1, access_vlan(10), 0);
    const struct desired_vnic *d = compute(host, 2);
    assert_true(desired_vnic_may_talk(&d[0]));
    assert_false(desired_vnic_may_talk(&d[1]));
}

/* Nobody who runs gives way to a guest that starts, ready or not. */
static void
test_guest_that_starts_gives_way(void **state)
{
    struct host *host = *state;
    add_plugged(host, 1, 1, access_vlan(10), 0);
    add_plugged(host, 2, 1, access_vlan(10), 0);
    struct uuid uuid = vm(1);
    domain_set_find(&host->domains, &uuid)->stage = DOMAIN_PREPARED;
    const struct desired_vnic *d = compute(host, 2);
    assert_false(desired_vnic_may_talk(&d[0]));
    assert_true(desired_vnic_may_talk(&d[1]));
}

static void
test_same_mac_in_other_vlan_or_bridge_is_no_conflict(void **state)
{
    struct host *host = *state;
    add_plugged(host, 1, 1, access_vlan(10), 0);
    add_plugged(host, 2, 1, access_vlan(20), 0);
    const struct desired_vnic *d = compute(host, 2);
    assert_true(desired_vnic_may_talk(&d[0]));
    assert_true(desired_vnic_may_talk(&d[1]));

    struct vnic *elsewhere = add_plugged(host, 3, 1, access_vlan(10), 0);
    add_bridge(&host->view, "br1");
    free(elsewhere->bridge);
    elsewhere->bridge = xstrdup("br1");
    for (size_t i = 0; i < host->view.n_ports; i++) {
        struct port_view *port = &host->view.ports[i];
        if (!strcmp(port->name, "vnet3")) {
            free(port->bridge);
            port->bridge = xstrdup("br1");
        }
    }
    d = compute(host, 3);
    for (size_t i = 0; i < 3; i++) {
        assert_true(desired_vnic_may_talk(&d[i]));
    }
}

/* A copy of a domain that is defined, but does not run, is in nobody's way, nor
 * is one whose port is a dead one. */
static void
test_only_running_ones_count(void **state)
{
    struct host *host = *state;
    add_plugged(host, 2, 1, access_vlan(10), 0);
    struct domain *copy = add_domain(&host->domains, 1, "copy");
    add_bridge_vnic(copy, 1, "br0", NULL, access_vlan(10));
    copy->is_active = false;
    assert_true(desired_vnic_may_talk(compute(host, 1)));

    add_vnic_port(&host->view, 1, "vnet1", "br0", 1, 1,
                  access_vlan(10))->ofport = -1;
    const struct desired_vnic *d = compute(host, 2);
    assert_int_equal(d[0].care, VNIC_UNMANAGED);
    assert_int_equal(d[1].care, VNIC_MANAGED);
}

/* The third is in the way of the second alone, which gives way anyhow. */
static void
test_who_gives_way_is_in_nobodys_way(void **state)
{
    struct host *host = *state;
    add_plugged(host, 1, 1, access_vlan(10), 1000);
    add_plugged(host, 2, 1, trunk_vlan("10,20"), 2000);
    add_plugged(host, 3, 1, access_vlan(20), 3000);
    const struct desired_vnic *d = compute(host, 3);
    assert_true(desired_vnic_may_talk(&d[0]));
    assert_false(desired_vnic_may_talk(&d[1]));
    assert_true(desired_vnic_may_talk(&d[2]));
}

/* With bad metadata its last good intent is in force, so it counts. */
static void
test_the_last_good_counts(void **state)
{
    struct host *host = *state;
    struct vnic_metadata metadata = VNIC_METADATA_INIT;
    struct vnic *first = add_plugged(host, 1, 1, access_vlan(10), 1000);
    host_look(host, 1);
    memory_note_vlan(&host->memory, &first->id, &first->vlan,
                     VLAN_FROM_INTERFACE);
    metadata.error = xstrdup("no good");
    vnic_set_metadata(first, &metadata);
    vnic_metadata_destroy(&metadata);
    add_plugged(host, 2, 1, access_vlan(10), 0);

    const struct desired_vnic *d = compute(host, 2);
    assert_int_equal(d[0].care, VNIC_QUARANTINED);
    assert_true(desired_vnic_may_talk(&d[0]));
    assert_false(desired_vnic_may_talk(&d[1]));
}

/* What is not there yet is not made, to be in somebody's way. */
static void
test_we_plug_nobody_who_must_not_talk(void **state)
{
    struct host *host = *state;
    struct vnic_metadata metadata = VNIC_METADATA_INIT;
    add_plugged(host, 1, 1, access_vlan(10), 1000);
    struct vnic *ours = add_bridge_vnic(
        add_domain(&host->domains, 2, "web2"), 1, "", "tap2",
        access_vlan(10));
    ours->type = VNIC_ETHERNET;
    ours->has_ovs_virtualport = false;
    metadata.bridge = xstrdup("br0");
    vnic_set_metadata(ours, &metadata);
    vnic_metadata_destroy(&metadata);

    const struct desired_vnic *d = compute(host, 2);
    assert_true(d[1].is_ours_to_plug);
    assert_false(desired_vnic_may_talk(&d[1]));
    assert_false(desired_vnic_is_meant(&d[1]));
}

/* Of many, in any order, nobody who stays is in the way of another one who
 * does, whoever gives way is in the way of an older one who stays, and nobody
 * loses his VLANs. */
static void
add_many(struct host *host, bool is_reversed, unsigned int seed)
{
    struct { unsigned char mac; int vlan; long long int ready_ms; } many[12];
    srand(seed);
    for (size_t i = 0; i < ARRAY_SIZE(many); i++) {
        many[i].mac = 1 + rand() % 3;
        many[i].vlan = rand() % 3;
        many[i].ready_ms = rand() % 4;
    }
    for (size_t i = 0; i < ARRAY_SIZE(many); i++) {
        size_t at = is_reversed ? ARRAY_SIZE(many) - 1 - i : i;
        add_plugged(host, at + 1, many[at].mac,
                    many[at].vlan ? access_vlan(many[at].vlan)
                    : trunk_vlan("1,2"), many[at].ready_ms);
    }
}

static bool
is_in_the_way(const struct desired_vnic *a, const struct desired_vnic *b)
{
    return a != b && eth_addr_equals(a->vnic.id.mac, b->vnic.id.mac)
           && vlan_spec_overlaps(&a->vlan, &b->vlan);
}

static void
check_many(const struct desired *desired)
{
    for (size_t i = 0; i < desired->n_vnics; i++) {
        const struct desired_vnic *d = &desired->vnics[i];
        bool is_hindered = false;
        for (size_t j = 0; j < desired->n_vnics; j++) {
            const struct desired_vnic *other = &desired->vnics[j];
            is_hindered |= desired_vnic_may_talk(other)
                           && is_in_the_way(d, other);
        }
        assert_int_equal(desired_vnic_may_talk(d), !is_hindered);
        assert_true(desired_vnic_is_written(d));
        assert_true(vlan_spec_equals(&d->vlan, &d->vnic.vlan));
    }
}

static void
test_many_in_any_order(void **state)
{
    for (unsigned int seed = 0; seed < 200; seed++) {
        struct host hosts[2];
        for (int i = 0; i < 2; i++) {
            host_init(&hosts[i]);
            add_many(&hosts[i], i, seed);
            (void) compute(&hosts[i], 12);
            check_many(&hosts[i].desired);
        }
        for (size_t i = 0; i < 12; i++) {
            const struct desired_vnic *a = &hosts[0].desired.vnics[i];
            const struct desired_vnic *b = &hosts[1].desired.vnics[i];
            assert_true(uuid_equals(&a->vnic.id.domain, &b->vnic.id.domain));
            assert_true(nullable_string_is_equal(a->reason, b->reason));
        }
        host_destroy(&hosts[0]);
        host_destroy(&hosts[1]);
    }
}

/* Names. */

static void
test_the_smaller_id_has_the_name(void **state)
{
    struct host *host = *state;
    for (unsigned int number = 3; number; number--) {
        char *name = xasprintf("web%u", number);
        struct domain *domain = add_domain(&host->domains, number, name);
        add_bridge_vnic(domain, number, "br0", "tap0", access_vlan(10));
        free(name);
    }
    const struct desired_vnic *d = compute(host, 3);
    assert_int_equal(d[0].care, VNIC_MANAGED);
    assert_int_equal(d[1].care, VNIC_QUARANTINED);
    assert_int_equal(d[2].care, VNIC_QUARANTINED);
    assert_string_equal(d[2].reason,
                        "domain web3, interface 52:54:00:00:00:03: its port "
                        "would be called tap0, as that of "
                        "web1/52:54:00:00:00:01");
    assert_false(desired_vnic_may_talk(&d[2]));
}

/* Whether the one that had it is gone, libvirt knows better. */
static void
test_guest_that_starts_has_the_name_that_libvirt_gives_it(void **state)
{
    static const enum domain_stage stages[]
        = { DOMAIN_READ, DOMAIN_PREPARED, DOMAIN_STARTING };
    struct host *host = *state;
    for (unsigned int i = 0; i < ARRAY_SIZE(stages); i++) {
        char *name = xasprintf("web%u", i + 1);
        struct domain *domain = add_domain(&host->domains, i + 1, name);
        add_bridge_vnic(domain, i + 1, "br0", "tap0", access_vlan(10));
        domain->stage = stages[i];
        free(name);
    }
    const struct desired_vnic *d = compute(host, ARRAY_SIZE(stages));
    for (size_t i = 0; i < ARRAY_SIZE(stages); i++) {
        assert_int_equal(d[i].care, VNIC_MANAGED);
    }
}

/* IP addresses. */

static void
test_an_address_of_two_is_told_to_both(void **state)
{
    struct host *host = *state;
    say_address(add_plugged(host, 1, 1, access_vlan(10), 0), "10.0.0.5",
                eth_addr_zero, -1);
    say_address(add_plugged(host, 2, 2, trunk_vlan("10,20"), 0), "10.0.0.5",
                eth_addr_zero, 10);
    say_address(add_plugged(host, 3, 3, access_vlan(20), 0), "10.0.0.5",
                eth_addr_zero, -1);

    const struct desired_vnic *d = compute(host, 3);
    assert_string_equal(d[0].reason, "address 10.0.0.5 is also that of "
                        "web2/52:54:00:00:00:02");
    assert_string_equal(d[1].reason, "address 10.0.0.5 in VLAN 10 is also "
                        "that of web1/52:54:00:00:00:01");
    assert_null(d[2].reason);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(d[i].care, VNIC_MANAGED);
        assert_true(desired_vnic_may_talk(&d[i]));
        assert_int_equal(d[i].has_rival, i < 2);
    }
}

/* Each pair has a VLAN of its own; the first is enough to begin with. */
static void
test_each_pair_is_found(void **state)
{
    struct host *host = *state;
    for (unsigned int number = 1; number <= 40; number++) {
        struct vnic *vnic = add_plugged(host, number, number,
                                        access_vlan(1 + number % 20), 0);
        say_address(vnic, "10.0.0.5", eth_addr_zero, -1);
        say_address(vnic, "fe80::1", eth_addr_zero, -1);
    }
    const struct desired_vnic *d = compute(host, 40);
    for (unsigned int i = 0; i < 40; i++) {
        char *expected = xasprintf("address 10.0.0.5 is also that of web%u/"
                                   ETH_ADDR_FMT, 1 + (i + 20) % 40,
                                   ETH_ADDR_ARGS(MAC(1 + (i + 20) % 40)));
        assert_string_equal(d[i].reason, expected);
        free(expected);
    }
}

/* Whoever may use the MAC address of another one. */
static void
test_a_borrowed_mac_is_told_to_both(void **state)
{
    struct host *host = *state;
    say_address(add_plugged(host, 1, 1, access_vlan(10), 0), "10.0.0.9",
                MAC(3), -1);
    add_plugged(host, 2, 3, access_vlan(20), 0);
    const struct desired_vnic *d = compute(host, 2);
    assert_null(d[0].reason);
    assert_null(d[1].reason);

    add_plugged(host, 3, 3, access_vlan(10), 0);
    d = compute(host, 3);
    assert_string_equal(d[0].reason, "address 10.0.0.9 of 52:54:00:00:00:03 "
                        "goes with the MAC of web3/52:54:00:00:00:03");
    assert_null(d[1].reason);
    assert_string_equal(d[2].reason, "web1/52:54:00:00:00:01 has an address "
                        "that goes with this MAC");
    assert_true(d[0].has_rival && d[2].has_rival);
    assert_true(desired_vnic_may_talk(&d[0]));
    assert_true(desired_vnic_may_talk(&d[2]));
}

/* A shared address, a prefix, one address in two VLANs, and two bridges. */
static void
test_what_may_be_shared(void **state)
{
    struct host *host = *state;
    struct eth_addr vrrp = ETH_ADDR_C(00,00,5e,00,01,07);
    for (unsigned int number = 1; number <= 2; number++) {
        struct vnic *vnic = add_plugged(host, number, number,
                                        access_vlan(10), 0);
        say_address(vnic, "10.0.0.100", vrrp, -1);
        say_address(vnic, "2001:db8::/64", eth_addr_zero, -1);
        say_address(vnic, number == 1 ? "10.0.0.1" : "10.0.0.2",
                    eth_addr_zero, -1);
    }
    struct vnic *router = add_plugged(host, 3, 3, trunk_vlan("11,12"), 0);
    say_address(router, "10.0.0.1", eth_addr_zero, 11);
    say_address(router, "10.0.0.1", eth_addr_zero, 12);

    const struct desired_vnic *d = compute(host, 3);
    for (size_t i = 0; i < 3; i++) {
        assert_null(d[i].reason);
        assert_false(d[i].has_rival);
    }
}

/* Who must not talk uses no address. */
static void
test_who_is_set_aside_claims_nothing(void **state)
{
    struct host *host = *state;
    say_address(add_plugged(host, 1, 1, access_vlan(10), 0), "10.0.0.5",
                eth_addr_zero, -1);
    say_address(add_plugged(host, 2, 1, access_vlan(10), 0), "10.0.0.5",
                eth_addr_zero, -1);
    const struct desired_vnic *d = compute(host, 2);
    assert_null(d[0].reason);
    assert_false(desired_vnic_may_talk(&d[1]));
    assert_false(d[1].has_rival);
}

#define TEST(NAME) cmocka_unit_test_setup_teardown(NAME, setup, teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_newcomer_with_a_taken_mac_is_set_aside),
        TEST(test_the_smaller_id_stays_if_nobody_was_ready),
        TEST(test_guest_that_starts_gives_way),
        TEST(test_same_mac_in_other_vlan_or_bridge_is_no_conflict),
        TEST(test_only_running_ones_count),
        TEST(test_who_gives_way_is_in_nobodys_way),
        TEST(test_the_last_good_counts),
        TEST(test_we_plug_nobody_who_must_not_talk),
        cmocka_unit_test(test_many_in_any_order),
        TEST(test_the_smaller_id_has_the_name),
        TEST(test_guest_that_starts_has_the_name_that_libvirt_gives_it),
        TEST(test_an_address_of_two_is_told_to_both),
        TEST(test_each_pair_is_found),
        TEST(test_a_borrowed_mac_is_told_to_both),
        TEST(test_what_may_be_shared),
        TEST(test_who_is_set_aside_claims_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
