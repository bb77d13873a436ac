/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "controller/warnings.h"

#include <limits.h>

#include "controller/reconcile.h"
#include "svec.h"
#include "tests/build.h"
#include "tests/host.h"
#include "tests/unit.h"
#include "util.h"

/* When every pass is made, in monotonic ms. */
enum { NOW = 2 * MEMORY_REPAIR_PERIOD_MS };

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

/* A ready vNIC of domain 'number', "web1" for 1, on br0. */
static struct port_view *
add_ready_vnic(struct host *host, unsigned int number, struct vlan_spec meant,
               struct vlan_spec columns)
{
    char *name = xasprintf("web%u", number);
    char *target = xasprintf("vnet%u", number);
    struct domain *domain = add_domain(&host->domains, number, name);
    add_bridge_vnic(domain, number, "br0", target, meant);
    struct port_view *port = add_vnic_port(&host->view, number, target, "br0",
                                           number, number, columns);
    port->marked_vm_id = port->vm_id;
    port->ready_ms = 1;
    free(name);
    free(target);
    return port;
}

/* Returns the warnings of a pass over 'host', a line for each. */
static char *
find(struct host *host)
{
    struct svec warnings = SVEC_EMPTY_INITIALIZER;
    struct port_plan_gates gates = { .now = NOW, .collect_ms = LLONG_MAX };
    struct pass pass = { .plan = PORT_PLAN_INIT };

    host_look(host, gates.now);
    pass.view = host->view;
    pass.desired = host->desired;
    port_plan_compute(&pass.desired, &host->orphans, &host->memory, &gates,
                      &pass.plan);
    warnings_find(&pass, &host->memory, &warnings);
    char *text = svec_join(&warnings, "\n", "");
    svec_destroy(&warnings);
    port_plan_destroy(&pass.plan);
    return text;
}

static void
test_nothing_is_wrong(void **state)
{
    assert_string_taken(find(*state), "");
    add_ready_vnic(*state, 1, access_vlan(10), access_vlan(10));
    assert_string_taken(find(*state), "");
}

static void
test_settings(void **state)
{
    struct host *host = *state;
    svec_add(&host->view.setting_errors, "host: no such key");
    host->view.flow_restore_wait = true;
    assert_string_taken(find(host),
                        "host: no such key\n"
                        "flow-restore-wait: the switch waits for a restore");
}

static void
test_missing_ports(void **state)
{
    struct host *host = *state;
    struct domain *domain = add_domain(&host->domains, 1, "web1");
    for (unsigned char n = 1; n <= 7; n++) {
        add_bridge_vnic(domain, n, "br0", NULL, access_vlan(10));
    }
    assert_string_taken(
        find(host),
        "web1/52:54:00:00:00:01: no port for it on bridge br0\n"
        "web1/52:54:00:00:00:02: no port for it on bridge br0\n"
        "web1/52:54:00:00:00:03: no port for it on bridge br0\n"
        "web1/52:54:00:00:00:04: no port for it on bridge br0\n"
        "web1/52:54:00:00:00:05: no port for it on bridge br0\n"
        "no port that works for 2 more vNICs");
}

static void
test_ports_that_do_not_open(void **state)
{
    struct host *host = *state;
    add_ready_vnic(host, 1, access_vlan(10), access_vlan(10))->error
        = xstrdup("no such device");
    assert_string_taken(find(host), "web1/52:54:00:00:00:01: port vnet1: no "
                        "such device");
}

static void
test_a_port_on_another_bridge(void **state)
{
    struct host *host = *state;
    add_bridge(&host->view, "br1");
    struct port_view *port = add_ready_vnic(host, 1, access_vlan(10),
                                            access_vlan(10));
    free(port->bridge);
    port->bridge = xstrdup("br1");
    assert_string_taken(find(host), "drifted: 1 vNIC (web1/52:54:00:00:00:01)");
}

/* An operator who says vnicd-manage=no knows what he does. */
static void
test_isolation_that_somebody_takes_away(void **state)
{
    struct host *host = *state;
    struct settings *settings = &host->view.bridges[0].settings;
    add_ready_vnic(host, 1, access_vlan(10), access_vlan(10));
    host->view.bridges[0].has_controller = true;
    assert_string_taken(find(host), "");
    settings->guard = GUARD_ENFORCE;
    assert_string_taken(find(host), "not-isolated: on a bridge that is not "
                        "managed: 1 vNIC (web1/52:54:00:00:00:01)");
    settings->manage = MANAGE_NO;
    assert_string_taken(find(host), "");
    settings->manage = MANAGE_AUTO;
    settings->guard = GUARD_MONITOR;

    struct uuid uuid = vm(1);
    struct vnic_metadata metadata = VNIC_METADATA_INIT;
    metadata.policy.policy.isolation = ISOLATION_ISOLATED;
    vnic_set_metadata(&domain_set_find(&host->domains, &uuid)->vnics[0],
                      &metadata);
    assert_string_taken(find(host), "not-isolated: on a bridge that is not "
                        "managed: 1 vNIC (web1/52:54:00:00:00:01)");
    settings->metadata = METADATA_NONE;
    assert_string_taken(find(host), "");
}

static void
test_states(void **state)
{
    struct vlan_spec none = VLAN_SPEC_INIT;
    for (unsigned int n = 1; n <= 6; n++) {
        add_ready_vnic(*state, n, access_vlan(10), access_vlan(11));
    }
    add_ready_vnic(*state, 7, access_vlan(0), access_vlan(10));
    add_ready_vnic(*state, 8, none, none);
    add_ready_vnic(*state, 9, none, access_vlan(10));
    assert_string_taken(
        find(*state),
        "quarantined: 1 vNIC (web7/52:54:00:00:00:07)\n"
        "drifted: 6 vNICs (web1/52:54:00:00:00:01, web2/52:54:00:00:00:02, "
        "web3/52:54:00:00:00:03, web4/52:54:00:00:00:04, "
        "web5/52:54:00:00:00:05, …)\n"
        "untagged-trunk: 1 vNIC (web8/52:54:00:00:00:08)\n"
        "vlan-not-in-xml: 1 vNIC (web9/52:54:00:00:00:09)");
}

/* Has the tag of vnet1, then with libvirt's answer to why, put right over and
 * over. */
static void
fight(struct host *host, int tag, unsigned int times)
{
    struct port_view *port = &host->view.ports[0];
    port->columns = access_vlan(tag);
    memory_note_switch(&host->memory, &host->view, NOW);
    while (times--) {
        memory_note_repair(&host->memory, &port->row, VLAN_COLUMN_TAG, NOW);
    }
}

#define DRIFTED "drifted: 1 vNIC (web1/52:54:00:00:00:01)\n"

static void
test_fights(void **state)
{
    struct host *host = *state;
    add_ready_vnic(host, 1, access_vlan(10), access_vlan(10));
    fight(host, 99, MEMORY_MAX_REPAIRS + 2);
    assert_string_taken(find(host), DRIFTED
                        "port vnet1: somebody sets tag to 99 again and "
                        "again, put right 7 times; trying once a minute");
    fight(host, 98, 1);
    assert_string_taken(find(host), DRIFTED
                        "port vnet1: somebody changes tag again and again, "
                        "last to 98, put right 8 times; trying once a "
                        "minute");
}

/* Of several columns that differ one is fought over. */
static void
test_fights_name_the_column(void **state)
{
    struct host *host = *state;
    add_ready_vnic(host, 1, access_vlan(10), access_vlan(10));
    fight(host, 99, MEMORY_MAX_REPAIRS + 1);
    host->view.ports[0].columns = trunk_vlan("20");
    assert_string_taken(find(host), DRIFTED
                        "port vnet1: somebody sets tag to 99 again and "
                        "again, put right 6 times; trying once a minute");
}

static void
test_fights_over_the_mark(void **state)
{
    struct host *host = *state;
    struct port_view *port = add_ready_vnic(host, 1, access_vlan(10),
                                            access_vlan(10));
    memory_note_switch(&host->memory, &host->view, NOW);
    for (int i = 0; i <= MEMORY_MAX_REPAIRS; i++) {
        memory_note_mark(&host->memory, &port->row, i % 2 ? NULL : "isolated",
                         NOW);
    }
    port->ready_ms = 0;
    assert_string_taken(find(host), "");
    for (int i = 0; i <= MEMORY_MAX_REPAIRS; i++) {
        memory_note_mark(&host->memory, &port->row, NULL, NOW);
    }
    assert_string_taken(find(host),
                        "port vnet1: somebody changes vnicd's keys in "
                        "external_ids again and again, put right 6 times; "
                        "trying once a minute");
}

/* A port whose VLANs are fought over is left alone as a whole, and the next
 * thing that is wrong with it is nobody's fault. */
static void
test_fights_do_not_spread(void **state)
{
    struct host *host = *state;
    add_ready_vnic(host, 1, access_vlan(10), access_vlan(10));
    fight(host, 99, MEMORY_MAX_REPAIRS + 1);
    host->view.ports[0].columns = access_vlan(10);
    struct uuid uuid = vm(1);
    domain_set_find(&host->domains, &uuid)->vnics[0].inbound.average = 100;
    struct qos_view *qos = switch_view_add_qos(&host->view);
    *qos = (struct qos_view) {
        .row = vm(77), .vm_id = uuid, .ifname = xstrdup("vnet1"),
    };
    assert_string_taken(find(host), DRIFTED
                        "port vnet1: somebody sets tag to 99 again and "
                        "again, put right 6 times; trying once a minute");
}

/* 'has_pair' says that the bridge has all that its flows need, or nothing. */
static char *
find_of_bridge(struct host *host, bool has_pair)
{
    struct port_plan plan = PORT_PLAN_INIT;
    struct svec warnings = SVEC_EMPTY_INITIALIZER;
    struct port_plan_gates gates = { .now = NOW, .collect_ms = LLONG_MAX };
    struct pass pass;

    host_look(host, NOW);
    host->desired.bridges[0].needs_pipeline = true;
    host->desired.bridges[0].has_flows = has_pair;
    host->desired.bridges[0].pair_care = has_pair ? PAIR_AS_IS : PAIR_WANTED;
    port_plan_compute(&host->desired, &host->orphans, &host->memory, &gates,
                      &plan);
    pass = (struct pass) {
        .view = host->view, .desired = host->desired, .plan = plan,
    };
    warnings_find(&pass, &host->memory, &warnings);
    char *text = svec_join(&warnings, "\n", "");
    svec_destroy(&warnings);
    port_plan_destroy(&plan);
    return text;
}

static void
test_fights_over_a_bridge(void **state)
{
    struct host *host = *state;
    host->view.bridges[0].settings.fail_mode = FAIL_MODE_SECURE;
    assert_string_taken(find_of_bridge(host, true), "");
    for (int i = 0; i <= MEMORY_MAX_REPAIRS; i++) {
        memory_note_fail_mode(&host->memory, "br0", NOW);
    }
    assert_string_taken(find_of_bridge(host, true),
                        "bridge br0: somebody changes its fail_mode again and "
                        "again, put right 6 times; trying once a minute");
    assert_string_taken(find_of_bridge(host, false), "");

    for (int i = 0; i <= MEMORY_MAX_REPAIRS; i++) {
        memory_note_pair(&host->memory, "br0", NOW);
    }
    assert_string_taken(find_of_bridge(host, false),
                        "port br0-out: somebody changes or removes it again "
                        "and again, put right 6 times; trying once a minute\n"
                        "port br0-in: somebody changes or removes it again "
                        "and again, put right 6 times; trying once a minute");
}

/* Not a state of theirs: they go on. */
static void
test_shared_addresses(void **state)
{
    struct host *host = *state;
    for (unsigned int number = 1; number <= 2; number++) {
        struct vnic_metadata metadata = VNIC_METADATA_INIT;
        struct policy_address *address
            = policy_add_address(&metadata.policy.policy);
        assert_null(policy_address_parse("10.0.0.5", &address->ip,
                                         &address->plen));
        metadata.policy.said = POLICY_FIELD_ADDRESSES;
        add_ready_vnic(host, number, access_vlan(10), access_vlan(10));
        struct uuid uuid = vm(number);
        struct domain *domain = domain_set_find(&host->domains, &uuid);
        vnic_set_metadata(&domain->vnics[0], &metadata);
        vnic_metadata_destroy(&metadata);
    }
    assert_string_taken(find(host), "address-shared: 2 vNICs "
                        "(web1/52:54:00:00:00:01, web2/52:54:00:00:00:02)");
}

static void
test_stranded_vlans(void **state)
{
    struct host *host = *state;
    add_ready_vnic(host, 1, access_vlan(10), access_vlan(10));
    add_ready_vnic(host, 2, trunk_vlan("20,21,30"), trunk_vlan("20,21,30"));
    assert_string_taken(find(host), "");    /* No uplink: it is private. */

    add_port(&host->view, "eth9", "br0", "", trunk_vlan(""))->ofport = -1;
    add_port(&host->view, "bond0", "br0", "", trunk_vlan("10"));
    assert_string_taken(find(host),
                        "bridge br0: vNICs are on VLAN 20-21,30, which no "
                        "uplink carries: bond0, eth9 (not open)");

    host->view.bridges[0].has_controller = true;
    assert_string_taken(find(host), "");    /* Flows decide. */
    host->view.bridges[0].has_controller = false;
    add_port(&host->view, "vxlan0", "br0", "vxlan", trunk_vlan(""));
    assert_string_taken(find(host), "");
}

#define TEST(NAME) cmocka_unit_test_setup_teardown(NAME, setup, teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_nothing_is_wrong),
        TEST(test_settings),
        TEST(test_missing_ports),
        TEST(test_ports_that_do_not_open),
        TEST(test_a_port_on_another_bridge),
        TEST(test_isolation_that_somebody_takes_away),
        TEST(test_states),
        TEST(test_fights),
        TEST(test_fights_name_the_column),
        TEST(test_fights_over_the_mark),
        TEST(test_fights_do_not_spread),
        TEST(test_fights_over_a_bridge),
        TEST(test_shared_addresses),
        TEST(test_stranded_vlans),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
