/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */

/* Tests of virt/virt-conn.c with a libvirt of our own: what is read of domains
 * and networks, and what hooks tell of them. */

#include <config.h>
#include "virt/virt-conn.h"

#include <stdio.h>
#include <unistd.h>

#include "lib/network.h"
#include "lib/vnic.h"
#include "openvswitch/vlog.h"
#include "tests/fake-libvirt.h"
#include "tests/unit.h"
#include "util.h"
#include "uuid.h"
#include "virt/virt-marks.h"

/* Reading. */

static void
test_event_leads_to_reading(void **state OVS_UNUSED)
{
    sync_with(2);
    uint64_t seqno = virt_conn_seqno(conn);
    fake.domains[2].is_active = false;
    mark(2);
    mark(2);
    assert_true(find(2)->is_active); /* The event itself tells nothing. */
    settle();
    assert_false(find(2)->is_active);
    assert_int_equal(fake.n_reads, 1);
    assert_true(virt_conn_seqno(conn) != seqno);

    struct virt_status status;
    virt_conn_get_status(conn, &status);
    assert_int_equal(status.n_events, 2);
}

static void
test_confirmation_is_no_change(void **state OVS_UNUSED)
{
    sync_with(1);
    uint64_t seqno = virt_conn_seqno(conn);
    now += 500;
    mark(1);
    settle();
    assert_int_equal(fake.n_reads, 1);
    assert_int_equal(virt_conn_seqno(conn), seqno);
    assert_int_equal(find(1)->read_ms, now);
}

/* Whoever asked is waiting for the answer, news or not. */
static void
test_answer_asked_for_is_announced(void **state OVS_UNUSED)
{
    sync_with(1);
    for (uint32_t i = 1; i <= 2; i++) {
        uint64_t seqno = virt_conn_seqno(conn);
        now += 500;
        read_domain(i);         /* The second does not exist. */
        assert_int_equal(virt_conn_next_ms(conn, now), now);
        settle();
        assert_int_equal(fake.n_reads, i);
        assert_true(virt_conn_seqno(conn) != seqno);
    }
    assert_int_equal(find(1)->read_ms, now - 500);
    assert_null(find(2));
}

static void
test_event_during_reading_leads_to_another(void **state OVS_UNUSED)
{
    sync_with(1);
    mark(1);
    virt_conn_run(conn, now);
    assert_non_null(job);
    mark(1);                    /* libvirt may have answered already. */
    virt_conn_run(conn, now);
    settle();
    assert_int_equal(fake.n_reads, 2);
}

static void
test_domain_gone(void **state OVS_UNUSED)
{
    sync_with(2);
    uint64_t seqno = virt_conn_seqno(conn);
    fake.domains[1].exists = false;
    mark(1);
    settle();
    assert_null(find(1));
    assert_non_null(find(2));
    assert_true(virt_conn_seqno(conn) != seqno);
}

static void
test_new_domain(void **state OVS_UNUSED)
{
    sync_with(1);
    create_domains(7, 7);
    mark(7);
    settle();
    assert_non_null(find(7));
}

static void
test_refused_xml(void **state OVS_UNUSED)
{
    sync_with(1);
    fake.domains[1].is_refused = true;
    mark(1);
    settle();
    assert_string_equal(find(1)->error, "refused");
    assert_state(VIRT_SYNCED, NULL);
}

static void
test_failed_reading_is_retried(void **state OVS_UNUSED)
{
    sync_with(2);
    fake.domains[1].error = "timed out";
    read_domain(1);
    long long int asked_ms = now;
    settle();
    assert_state(VIRT_SYNCED, "cannot read domain vm1: timed out");
    assert_true(find(1)->is_active);
    assert_int_equal(fake.n_reads, 1);

    long long int since_ms;
    assert_true(virt_conn_is_reading(conn, &since_ms));
    assert_int_equal(since_ms, asked_ms);
    assert_int_equal(virt_conn_next_ms(conn, now), now + 1000);

    fake.domains[1].error = NULL;
    fake.domains[1].is_active = false;
    advance();
    settle();
    assert_state(VIRT_SYNCED, NULL);
    assert_false(find(1)->is_active);
    assert_false(virt_conn_is_reading(conn, NULL));
}

static void
test_sync_waits_for_failed_reading(void **state OVS_UNUSED)
{
    create_domains(1, 3);
    fake.domains[2].error = "timed out";
    settle();
    assert_state(VIRT_SYNCING, "cannot read domain "
                 "00000000-0000-0000-0000-000000000002: timed out");
    assert_non_null(find(1));
    assert_null(find(2));
    assert_non_null(find(3));   /* The others do not wait. */

    fake.domains[2].error = NULL;
    advance();
    settle();
    assert_state(VIRT_SYNCED, NULL);
}

/* Lets domain 'number' fail to be read, as often as we try. */
static void
fail_for_good(uint32_t number)
{
    fake.domains[number].error = "too large";
    for (mark(number), settle(); virt_conn_is_reading(conn, NULL); settle()) {
        advance();
    }
}

#define TOO_LARGE "cannot read domain 00000000-0000-0000-0000-000000000002: " \
    "too large"

static void
test_unreadable_domain_costs_itself(void **state OVS_UNUSED)
{
    create_domains(1, 2);
    fake.domains[2].error = "too large";
    settle();
    for (int i = 1; i < 10; i++) {
        assert_state(VIRT_SYNCING, TOO_LARGE);
        assert_null(find(2));
        advance();
        settle();
    }
    assert_state(VIRT_SYNCED, TOO_LARGE);
    assert_false(virt_conn_is_reading(conn, NULL));
    assert_string_equal(find(2)->failure, "too large");
    assert_int_equal(find(2)->read_ms, 0);
    assert_int_equal(find(2)->failed_ms, now);
    assert_int_equal(fake.n_reads, 2 + 9);
}

static void
test_unreadable_domain_keeps_its_facts(void **state OVS_UNUSED)
{
    sync_with(2);
    long long int read_ms = now;
    fail_for_good(1);
    assert_int_equal(fake.n_reads, 10);
    assert_state(VIRT_SYNCED, "cannot read domain vm1: too large");
    assert_true(find(1)->is_active);
    assert_int_equal(find(1)->read_ms, read_ms);
    assert_true(find(1)->failed_ms > read_ms);
}

/* Once with all others; and it may be read then. */
static void
test_unreadable_domain_is_tried_again(void **state OVS_UNUSED)
{
    sync_with(2);
    fail_for_good(1);
    fake.n_reads = 0;
    virt_conn_read_all(conn, now);
    settle();
    assert_false(virt_conn_is_reading(conn, NULL));
    assert_true(fake.n_reads <= 3); /* The other may have to go twice. */
    assert_int_equal(find(1)->failed_ms, now);
    assert_state(VIRT_SYNCED, "cannot read domain vm1: too large");

    fake.domains[1].error = NULL;
    uint64_t seqno = virt_conn_seqno(conn);
    mark(1);
    settle();
    assert_true(virt_conn_seqno(conn) != seqno);
    assert_null(find(1)->failure);
    assert_state(VIRT_SYNCED, NULL);
}

static void
test_unreadable_domain_is_forgotten(void **state OVS_UNUSED)
{
    sync_with(2);
    fail_for_good(1);
    fake.domains[1].exists = false;
    virt_conn_read_all(conn, now);
    settle();
    assert_null(find(1));
    assert_true(virt_conn_is_synced(conn));
}

/* A domain that vanishes before it could be read does not hold up the sync. */
static void
test_sync_does_not_wait_for_unlisted(void **state OVS_UNUSED)
{
    create_domains(1, 2);
    fake.domains[2].error = "timed out";
    settle();
    assert_state(VIRT_SYNCING, "cannot read domain "
                 "00000000-0000-0000-0000-000000000002: timed out");
    fake.domains[2].exists = false;
    virt_conn_read_all(conn, now);
    settle();
    assert_true(virt_conn_is_synced(conn));
}

static void
test_urgent_reading_goes_first(void **state OVS_UNUSED)
{
    sync_with(400);
    for (uint32_t i = 1; i <= 400; i++) {
        mark(i);
    }
    virt_conn_run(conn, now);   /* The first 256 are on their way. */
    fake.domains[599].exists = true;
    read_domain(599);
    finish_job();
    assert_int_equal(fake.n_reads, 256);

    turn();                     /* Alone. */
    assert_int_equal(fake.n_reads, 257);
    assert_int_equal(fake.reads[256], 599);
    settle();
    assert_int_equal(fake.n_reads, 401);
}

static void
test_list_forgets_domains(void **state OVS_UNUSED)
{
    sync_with(3);
    fake.domains[1].exists = false;
    fake.domains[3].exists = false;
    virt_conn_read_all(conn, now);
    turn();                     /* Networks. */
    turn();                     /* List. */
    assert_null(find(1));
    assert_non_null(find(2));
    assert_null(find(3));
    settle();
}

static void
test_list_failure_forgets_nothing(void **state OVS_UNUSED)
{
    sync_with(2);
    unsigned int n_lists = fake.n_lists;
    fake.list_error = "busy";
    virt_conn_read_all(conn, now);
    long long int asked_ms = now;
    settle();
    assert_state(VIRT_SYNCED, "cannot list the domains: busy");
    assert_non_null(find(2));

    long long int since_ms;
    assert_true(virt_conn_is_reading(conn, &since_ms));
    assert_int_equal(since_ms, asked_ms);
    assert_int_equal(virt_conn_next_ms(conn, now), now + 1000);
    fake.list_error = NULL;
    advance();
    settle();
    assert_state(VIRT_SYNCED, NULL);
    assert_int_equal(fake.n_lists, n_lists + 2);
    assert_false(virt_conn_is_reading(conn, NULL));
}

/* A list asked for while one is on its way may concern what is newer. */
static void
test_list_asked_for_twice(void **state OVS_UNUSED)
{
    sync_with(1);
    unsigned int n_lists = fake.n_lists;
    virt_conn_read_all(conn, now);
    turn();                     /* Networks; the list is on its way. */
    now++;
    virt_conn_read_all(conn, now);
    finish_job();
    virt_conn_run(conn, now);

    long long int since_ms;
    assert_true(virt_conn_is_reading(conn, &since_ms));
    assert_int_equal(since_ms, now);
    settle();
    assert_int_equal(fake.n_lists, n_lists + 2);
}

static void
test_periodic_reading(void **state OVS_UNUSED)
{
    static const int pauses[] = { 10000, 60000, 60000 };
    sync_with(2);
    for (size_t i = 0; i < ARRAY_SIZE(pauses); i++) {
        assert_int_equal(virt_conn_next_ms(conn, now), now + pauses[i]);
        fake.n_reads = 0;
        advance();
        settle();
        assert_int_equal(fake.n_lists, i + 2);
        assert_int_equal(fake.n_reads, 2);
    }
}

static void
test_too_many_marks_become_a_list(void **state OVS_UNUSED)
{
    sync_with(1);
    unsigned int n_lists = fake.n_lists;
    fake.domains[1].is_active = false;
    for (uint32_t i = 0; i <= VIRT_MARKS_MAX; i++) {
        struct uuid uuid = { .parts = { i, 1, 0, 0 } };
        virt_marks_add(fake.link->marks, &uuid);
    }
    settle();
    assert_int_equal(fake.n_lists, n_lists + 1);
    assert_false(find(1)->is_active);
}

/* Networks. */

static int
network_tag(void)
{
    const struct network *network
        = network_set_find_name(virt_conn_networks(conn), "lan");
    return network ? network->vlan.tag : 0;
}

/* Nothing announces the edit of a network. */
static void
test_networks_are_read_often(void **state OVS_UNUSED)
{
    fake.network_tag = 10;
    sync_with(1);
    assert_int_equal(network_tag(), 10);
    uint64_t seqno = virt_conn_seqno(conn);

    for (int i = 0; i < 3; i++) {
        assert_int_equal(virt_conn_next_ms(conn, now), now + 10000);
        advance();
        settle();
    }
    assert_int_equal(virt_conn_seqno(conn), seqno); /* No news. */

    fake.network_tag = 20;
    advance();
    settle();
    assert_int_equal(network_tag(), 20);
    assert_true(virt_conn_seqno(conn) != seqno);
}

static void
test_network_event_leads_to_reading(void **state OVS_UNUSED)
{
    sync_with(1);
    fake.network_tag = 10;
    virt_marks_add_networks(fake.link->marks);
    virt_marks_add_networks(fake.link->marks);
    unsigned int n_network_reads = fake.n_network_reads;
    settle();
    assert_int_equal(network_tag(), 10);
    assert_int_equal(fake.n_network_reads, n_network_reads + 1);
    assert_int_equal(fake.n_reads, 0);
}

/* libvirt merges the newest network into what it changes of a domain. */
static void
test_changed_domain_leads_to_networks(void **state OVS_UNUSED)
{
    fake.network_tag = 10;
    fake.domains[1].has_network = true;
    sync_with(2);
    unsigned int n_network_reads = fake.n_network_reads;
    mark(1);
    settle();
    assert_int_equal(fake.n_network_reads, n_network_reads);

    fake.domains[1].is_active = false;
    mark(1);
    settle();
    assert_int_equal(fake.n_network_reads, n_network_reads + 1);
}

#define TIMED_OUT "cannot read the networks: timed out"

static void
test_sync_waits_for_networks(void **state OVS_UNUSED)
{
    create_domains(1, 1);
    fake.network_tag = 10;
    fake.network_error = "timed out";
    settle();
    assert_state(VIRT_SYNCING, TIMED_OUT);
    assert_true(virt_conn_is_reading(conn, NULL));
    assert_int_equal(virt_conn_next_ms(conn, now), now + 1000);

    fake.network_error = NULL;
    advance();
    settle();
    assert_state(VIRT_SYNCED, NULL);
    assert_int_equal(network_tag(), 10);
}

/* Nobody sees a domain without the networks that it is on, whatever happens to
 * the domain meanwhile. */
static void
test_domains_wait_for_networks(void **state OVS_UNUSED)
{
    create_domains(1, 2);
    fake.network_tag = 10;
    fake.network_error = "timed out";
    settle();
    read_domain(1);
    mark(2);
    settle();
    assert_int_equal(fake.n_lists, 0);
    assert_int_equal(fake.n_reads, 0);

    fake.network_error = NULL;
    advance();
    settle();
    assert_state(VIRT_SYNCED, NULL);
    assert_int_equal(network_tag(), 10);
    assert_non_null(find(1));
}

static void
test_failure_forgets_no_network(void **state OVS_UNUSED)
{
    fake.network_tag = 10;
    sync_with(1);
    fake.network_error = "timed out";
    virt_conn_read_all(conn, now);
    settle();
    assert_state(VIRT_SYNCED, TIMED_OUT);
    assert_int_equal(network_tag(), 10);
    assert_int_equal(virt_conn_next_ms(conn, now), now + 1000);
}

/* Lets libvirt fail to list the networks as often as they are waited for. */
static void
fail_to_list_networks(enum virt_state meanwhile)
{
    fake.network_error = "timed out";
    virt_conn_read_all(conn, now);
    settle();
    for (int i = 1; i < 10; i++) {
        assert_state(meanwhile, TIMED_OUT);
        assert_true(virt_conn_is_reading(conn, NULL));
        advance();
        settle();
    }
}

/* A host may have no network daemon. */
static void
test_domains_do_not_wait_for_ever(void **state OVS_UNUSED)
{
    create_domains(1, 1);
    turn();
    fail_to_list_networks(VIRT_SYNCING);
    assert_state(VIRT_SYNCED, TIMED_OUT);
    assert_false(virt_conn_is_reading(conn, NULL));
    assert_non_null(find(1));

    /* One more try counts at once.  It is made as often as ever. */
    for (int i = 0; i < 3; i++) {
        unsigned int n_network_reads = fake.n_network_reads;
        now += 10000;
        settle();
        assert_state(VIRT_SYNCED, TIMED_OUT);
        assert_false(virt_conn_is_reading(conn, NULL));
        assert_int_equal(fake.n_network_reads, n_network_reads + 1);
    }
    assert_int_equal(fake.n_opens, 1);

    fake.network_tag = 10;
    fake.network_error = NULL;
    now += 10000;
    settle();
    assert_state(VIRT_SYNCED, NULL);
    assert_int_equal(network_tag(), 10);
}

/* Opens a file for warnings, which it stores the path of in 'path'. */
static void
start_log(char path[])
{
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(close(fd), 0);
    assert_int_equal(vlog_set_log_file(path), 0);
    vlog_set_levels(NULL, VLF_FILE, VLL_WARN);
}

/* Ends what start_log() began.  Returns how many warnings there were. */
static size_t
end_log(const char *path)
{
    vlog_set_levels(NULL, VLF_FILE, VLL_OFF);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    size_t n = 0;
    for (int c; (c = getc(file)) != EOF; ) {
        n += c == '\n';
    }
    assert_int_equal(fclose(file), 0);
    assert_int_equal(unlink(path), 0);
    return n;
}

static void
test_what_fails_for_ever_is_logged_once(void **state OVS_UNUSED)
{
    char path[] = "/tmp/test-virt-conn-facts.XXXXXX";
    start_log(path);
    turn();
    fail_to_list_networks(VIRT_SYNCING);
    now += 10000;
    settle();
    assert_state(VIRT_SYNCED, TIMED_OUT);
    assert_int_equal(end_log(path), 1);
}

/* Another connection may do better.  If not, it is kept. */
static void
test_networks_that_cease_lead_to_reconnection(void **state OVS_UNUSED)
{
    fake.network_tag = 10;
    sync_with(1);
    fail_to_list_networks(VIRT_SYNCED);
    assert_int_equal(fake.n_opens, 2);
    for (int i = 1; i < 10; i++) {
        assert_state(VIRT_SYNCING, TIMED_OUT);
        advance();
        settle();
    }
    assert_state(VIRT_SYNCED, TIMED_OUT);
    now += 60000;
    settle();
    assert_state(VIRT_SYNCED, TIMED_OUT);
    assert_int_equal(fake.n_opens, 2);
    assert_int_equal(network_tag(), 10); /* As it was. */
}

#define LAN_TOO_LARGE "cannot read the networks: network lan: too large"

/* It is waited for, but not for ever. */
static void
test_unreadable_network_costs_itself(void **state OVS_UNUSED)
{
    create_domains(1, 1);
    fake.network_tag = 10;
    fake.is_network_unreadable = true;
    settle();
    for (int i = 1; i < 10; i++) {
        assert_state(VIRT_SYNCING, LAN_TOO_LARGE);
        advance();
        settle();
    }
    assert_state(VIRT_SYNCED, LAN_TOO_LARGE);
    assert_false(virt_conn_is_reading(conn, NULL));
    assert_int_equal(network_tag(), 0);

    fake.is_network_unreadable = false;
    now += 10000;               /* It is tried as often as ever. */
    settle();
    assert_state(VIRT_SYNCED, NULL);
    assert_int_equal(network_tag(), 10);
}

static void
test_unreadable_network_keeps_its_facts(void **state OVS_UNUSED)
{
    fake.network_tag = 10;
    sync_with(1);
    uint64_t seqno = virt_conn_seqno(conn);
    fake.is_network_unreadable = true;
    virt_conn_read_all(conn, now);
    settle();
    assert_state(VIRT_SYNCED, LAN_TOO_LARGE);
    assert_int_equal(network_tag(), 10);
    assert_int_equal(virt_conn_seqno(conn), seqno); /* No news. */
}

/* Nobody sees a domain without the networks that it is on. */
static void
test_networks_come_before_urgent_readings(void **state OVS_UNUSED)
{
    create_domains(1, 1);
    fake.network_tag = 10;
    read_domain(1);             /* While there is no connection. */
    while (!find(1)) {
        assert_false(virt_conn_is_synced(conn));
        turn();
    }
    assert_int_equal(network_tag(), 10);
}

static void
test_networks_outlive_the_connection(void **state OVS_UNUSED)
{
    fake.network_tag = 10;
    sync_with(1);
    virt_marks_close(fake.link->marks, "closed by libvirt");
    virt_conn_run(conn, now);
    assert_int_equal(network_tag(), 10);

    fake.network_tag = 20;
    settle();
    assert_state(VIRT_SYNCED, NULL);
    assert_int_equal(network_tag(), 20);
}

/* Hooks. */

/* A hook tells, now, that domain 'number' is there and active. */
static void
tell(uint32_t number, enum domain_stage stage)
{
    struct domain *domain = domain_create();
    domain->uuid = make_uuid(number);
    domain->name = xasprintf("vm%u", number);
    domain->is_active = true;
    domain->stage = stage;
    domain->read_ms = now;
    virt_conn_tell_domain(conn, domain);
}

static void
test_told_domain_counts_until_the_next_answer(void **state OVS_UNUSED)
{
    sync_with(1);
    fake.domains[1].is_active = false;
    mark(1);
    settle();
    now++;
    uint64_t seqno = virt_conn_seqno(conn);
    tell(1, DOMAIN_STARTING);
    assert_true(virt_conn_seqno(conn) != seqno);
    settle();
    assert_true(find(1)->is_active);

    now++;
    mark(1);
    settle();
    assert_false(find(1)->is_active);
    assert_int_equal(find(1)->stage, DOMAIN_READ);
}

static void
test_told_domain_is_newer_than_an_old_question(void **state OVS_UNUSED)
{
    sync_with(1);
    fake.domains[1].is_active = false;
    mark(1);
    virt_conn_run(conn, now);   /* The question is on its way. */
    now++;
    tell(1, DOMAIN_STARTING);
    finish_job();
    virt_conn_run(conn, now);
    assert_true(find(1)->is_active);

    now++;                      /* It is asked again. */
    settle();
    assert_false(find(1)->is_active);
}

static void
test_old_list_does_not_forget_told_domain(void **state OVS_UNUSED)
{
    sync_with(1);
    virt_conn_read_all(conn, now);
    turn();                     /* Networks; the list is on its way. */
    now++;
    tell(7, DOMAIN_PREPARED);
    finish_job();
    virt_conn_run(conn, now);
    assert_non_null(find(7));
    settle();
    assert_non_null(find(7));

    now++;
    virt_conn_read_all(conn, now);
    settle();
    assert_null(find(7));
}

static void
test_told_domain_before_connecting(void **state OVS_UNUSED)
{
    fake.open_error = "not there yet";
    settle();
    tell(1, DOMAIN_STARTING);
    assert_true(find(1)->is_active);
    advance();
    settle();
    assert_true(find(1)->is_active);

    fake.open_error = NULL;
    create_domains(1, 1);
    advance();
    settle();
    assert_int_equal(find(1)->stage, DOMAIN_READ);
}

/* A hook tells, now, that the only network has VLAN 'tag'. */
static void
tell_network(int tag)
{
    struct network *network = network_create();
    network->name = xstrdup("lan");
    network->vlan.mode = VLAN_ACCESS;
    network->vlan.tag = tag;
    virt_conn_tell_network(conn, network, now);
}

static void
test_told_network_is_read_soon(void **state OVS_UNUSED)
{
    fake.network_tag = 10;
    sync_with(1);
    now++;
    tell_network(20);
    assert_int_equal(network_tag(), 20);
    assert_true(virt_conn_next_ms(conn, now) <= now);

    fake.network_tag = 30;
    now++;
    settle();
    assert_int_equal(network_tag(), 30);
}

/* Its definition may be edited while it is not: that is no reason to follow
 * it. */
static void
test_told_network_is_as_active_as_it_was(void **state OVS_UNUSED)
{
    const struct network_set *networks = virt_conn_networks(conn);
    fake.network_tag = 10;
    fake.is_network_inactive = true;
    sync_with(1);
    tell_network(20);
    assert_int_equal(network_tag(), 20);
    assert_false(network_set_find_name(networks, "lan")->is_active);

    fake.is_network_inactive = false;
    now++;
    settle();
    assert_true(network_set_find_name(networks, "lan")->is_active);
}

static void
test_network_told_again_is_no_news(void **state OVS_UNUSED)
{
    fake.network_tag = 10;
    sync_with(1);
    uint64_t seqno = virt_conn_seqno(conn);
    tell_network(10);
    assert_int_equal(virt_conn_seqno(conn), seqno);
    assert_true(virt_conn_next_ms(conn, now) > now);
}

static void
test_told_network_is_newer_than_an_old_question(void **state OVS_UNUSED)
{
    fake.network_tag = 10;
    sync_with(1);
    advance();
    virt_conn_run(conn, now);   /* The question is on its way. */
    now++;
    tell_network(20);
    finish_job();
    virt_conn_run(conn, now);
    assert_int_equal(network_tag(), 20);

    now++;                      /* It is asked again. */
    settle();
    assert_int_equal(network_tag(), 10);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        FAKE_LIBVIRT_TEST(test_event_leads_to_reading),
        FAKE_LIBVIRT_TEST(test_confirmation_is_no_change),
        FAKE_LIBVIRT_TEST(test_answer_asked_for_is_announced),
        FAKE_LIBVIRT_TEST(test_event_during_reading_leads_to_another),
        FAKE_LIBVIRT_TEST(test_domain_gone),
        FAKE_LIBVIRT_TEST(test_new_domain),
        FAKE_LIBVIRT_TEST(test_refused_xml),
        FAKE_LIBVIRT_TEST(test_failed_reading_is_retried),
        FAKE_LIBVIRT_TEST(test_sync_waits_for_failed_reading),
        FAKE_LIBVIRT_TEST(test_unreadable_domain_costs_itself),
        FAKE_LIBVIRT_TEST(test_unreadable_domain_keeps_its_facts),
        FAKE_LIBVIRT_TEST(test_unreadable_domain_is_tried_again),
        FAKE_LIBVIRT_TEST(test_unreadable_domain_is_forgotten),
        FAKE_LIBVIRT_TEST(test_sync_does_not_wait_for_unlisted),
        FAKE_LIBVIRT_TEST(test_urgent_reading_goes_first),
        FAKE_LIBVIRT_TEST(test_list_forgets_domains),
        FAKE_LIBVIRT_TEST(test_list_failure_forgets_nothing),
        FAKE_LIBVIRT_TEST(test_list_asked_for_twice),
        FAKE_LIBVIRT_TEST(test_periodic_reading),
        FAKE_LIBVIRT_TEST(test_too_many_marks_become_a_list),
        FAKE_LIBVIRT_TEST(test_networks_are_read_often),
        FAKE_LIBVIRT_TEST(test_network_event_leads_to_reading),
        FAKE_LIBVIRT_TEST(test_changed_domain_leads_to_networks),
        FAKE_LIBVIRT_TEST(test_sync_waits_for_networks),
        FAKE_LIBVIRT_TEST(test_domains_wait_for_networks),
        FAKE_LIBVIRT_TEST(test_failure_forgets_no_network),
        FAKE_LIBVIRT_TEST(test_domains_do_not_wait_for_ever),
        FAKE_LIBVIRT_TEST(test_what_fails_for_ever_is_logged_once),
        FAKE_LIBVIRT_TEST(test_networks_that_cease_lead_to_reconnection),
        FAKE_LIBVIRT_TEST(test_unreadable_network_costs_itself),
        FAKE_LIBVIRT_TEST(test_unreadable_network_keeps_its_facts),
        FAKE_LIBVIRT_TEST(test_networks_come_before_urgent_readings),
        FAKE_LIBVIRT_TEST(test_networks_outlive_the_connection),
        FAKE_LIBVIRT_TEST(test_told_domain_counts_until_the_next_answer),
        FAKE_LIBVIRT_TEST(test_told_domain_is_newer_than_an_old_question),
        FAKE_LIBVIRT_TEST(test_old_list_does_not_forget_told_domain),
        FAKE_LIBVIRT_TEST(test_told_domain_before_connecting),
        FAKE_LIBVIRT_TEST(test_told_network_is_read_soon),
        FAKE_LIBVIRT_TEST(test_told_network_is_as_active_as_it_was),
        FAKE_LIBVIRT_TEST(test_network_told_again_is_no_news),
        FAKE_LIBVIRT_TEST(test_told_network_is_newer_than_an_old_question),
    };
    vlog_set_levels(NULL, VLF_ANY_DESTINATION, VLL_OFF);
    return cmocka_run_group_tests_name("virt-conn-facts", tests, NULL, NULL);
}
