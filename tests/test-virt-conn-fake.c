/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */

/* Tests of virt/virt-conn.c with a clock, a pool thread and a libvirt of our
 * own: this file takes the place of virt/virt-link.c.  tests/test-virt-conn.c
 * has the real ones. */

#include <config.h>
#include "virt/virt-conn.h"

#include <string.h>

#include "lib/network.h"
#include "lib/vnic.h"
#include "openvswitch/vlog.h"
#include "tests/unit.h"
#include "util.h"
#include "uuid.h"
#include "virt/network-poll.h"
#include "virt/virt-link.h"
#include "virt/virt-marks.h"

#define MAX_DOMAINS 600

/* The fake libvirt. */

struct virt_link {
    struct virt_marks *marks;
};

struct fake_domain {
    bool exists;
    bool is_active;
    bool is_refused;            /* Its XML cannot be used. */
    bool has_network;           /* Its only interface is on that network. */
    const char *error;          /* It cannot be read now. */
};

static struct fake {
    /* What it answers. */
    const char *open_error;
    const char *list_error;
    const char *network_error;
    int network_tag;            /* Of its only network; 0: it has none. */
    bool is_network_unreadable;
    bool is_dead;
    struct fake_domain domains[MAX_DOMAINS];

    /* What it saw. */
    struct virt_link *link;     /* The open one, or NULL. */
    unsigned int n_opens;
    unsigned int n_lists;
    unsigned int n_network_reads;
    unsigned int n_closes;
    uint32_t reads[MAX_DOMAINS]; /* Numbers of the domains read. */
    size_t n_reads;
} fake;

static struct uuid
make_uuid(uint32_t number)
{
    return (struct uuid) { .parts = { [3] = number } };
}

void
virt_link_init(void)
{
}

char *
virt_link_open(const char *uri, struct virt_marks *marks,
               struct virt_link **linkp)
{
    assert_string_equal(uri, "fake:///");
    fake.n_opens++;
    *linkp = NULL;
    if (fake.open_error) {
        return xstrdup(fake.open_error);
    }
    assert_null(fake.link);
    fake.is_dead = false;
    fake.link = *linkp = xmalloc(sizeof **linkp);
    fake.link->marks = virt_marks_ref(marks);
    return NULL;
}

char *
virt_link_close(struct virt_link *link)
{
    assert_ptr_equal(link, fake.link);
    fake.n_closes++;
    fake.link = NULL;
    virt_marks_unref(link->marks);
    free(link);
    return NULL;
}

bool
virt_link_is_alive(const struct virt_link *link)
{
    assert_ptr_equal(link, fake.link);
    return !fake.is_dead;
}

char *
virt_link_read_networks(const struct virt_link *link,
                        struct network_reading *reading)
{
    assert_ptr_equal(link, fake.link);
    fake.n_network_reads++;
    if (fake.network_error) {
        return xstrdup(fake.network_error);
    }
    if (fake.is_network_unreadable) {
        struct uuid uuid = UUID_ZERO;
        uuidset_insert(&reading->unread, &uuid);
        reading->failure = xstrdup("network lan: too large");
    } else if (fake.network_tag) {
        struct network *network = network_create();
        network->name = xstrdup("lan");
        network->vlan.mode = VLAN_ACCESS;
        network->vlan.tag = fake.network_tag;
        (void) network_set_replace(&reading->networks, network);
    }
    return NULL;
}

char *
virt_link_list(const struct virt_link *link, struct uuid **uuidsp, size_t *np)
{
    assert_ptr_equal(link, fake.link);
    fake.n_lists++;
    *uuidsp = NULL;
    *np = 0;
    if (fake.list_error) {
        return xstrdup(fake.list_error);
    }
    *uuidsp = xcalloc(MAX_DOMAINS, sizeof **uuidsp);
    for (uint32_t i = 0; i < MAX_DOMAINS; i++) {
        if (fake.domains[i].exists) {
            (*uuidsp)[(*np)++] = make_uuid(i);
        }
    }
    return NULL;
}

char *
virt_link_read(const struct virt_link *link, const struct uuid *uuid,
               struct domain **domainp)
{
    uint32_t number = uuid->parts[3];
    const struct fake_domain *domain = &fake.domains[number];

    assert_ptr_equal(link, fake.link);
    fake.reads[fake.n_reads++ % MAX_DOMAINS] = number;
    *domainp = NULL;
    if (domain->error) {
        return xstrdup(domain->error);
    }
    if (domain->exists) {
        *domainp = domain_create();
        (*domainp)->uuid = *uuid;
        (*domainp)->name = xasprintf("vm%u", number);
        (*domainp)->is_active = domain->is_active;
        (*domainp)->error = domain->is_refused ? xstrdup("refused") : NULL;
    }
    if (domain->exists && domain->has_network) {
        struct vnic vnic;
        vnic_init(&vnic);
        vnic.network = xstrdup("lan");
        (void) domain_add_vnic(*domainp, &vnic);
    }
    return NULL;
}

/* The fake pool: one job at a time, done when the test says so. */

static struct virt_job *job;
static unsigned int n_wakes;

static void
submit(void *aux OVS_UNUSED, struct virt_job *job_)
{
    assert_null(job);
    job = job_;
}

static void
wake(void *aux OVS_UNUSED)
{
    n_wakes++;
}

static const struct virt_executor executor = {
    .submit = submit,
    .wake = wake,
};

static void
finish_job(void)
{
    assert_non_null(job);
    struct virt_job *job_ = job;
    job = NULL;
    job_->run(job_);
    job_->done(job_);
}

/* The connection under test, and its clock. */

static struct virt_conn *conn;
static long long int now;

static int
set_up(void **state OVS_UNUSED)
{
    memset(&fake, 0, sizeof fake);
    job = NULL;
    n_wakes = 0;
    now = 1000000;
    conn = virt_conn_create("fake:///", &executor);
    return 0;
}

/* Whatever state a test ends in, nothing of libvirt's may be left. */
static int
tear_down(void **state OVS_UNUSED)
{
    virt_conn_destroy(conn);
    conn = NULL;
    while (job) {
        finish_job();
    }
    assert_null(fake.link);
    return 0;
}

/* Lets one call go to libvirt and come back, if there is anything to ask. */
static void
turn(void)
{
    virt_conn_run(conn, now);
    if (job) {
        finish_job();
        virt_conn_run(conn, now);
    }
}

/* Turns until there is nothing to do at present. */
static void
settle(void)
{
    virt_conn_run(conn, now);
    while (job) {
        turn();
    }
    assert_true(virt_conn_next_ms(conn, now) > now);
}

/* Lets time pass up to the next thing to do. */
static void
advance(void)
{
    long long int next_ms = virt_conn_next_ms(conn, now);
    assert_true(next_ms < LLONG_MAX);
    now = MAX(now, next_ms);
}

static void
assert_state(enum virt_state state, const char *error)
{
    struct virt_status status;
    virt_conn_get_status(conn, &status);
    assert_string_equal(virt_state_to_string(status.state),
                        virt_state_to_string(state));
    assert_int_equal(virt_conn_is_synced(conn), state == VIRT_SYNCED);
    if (error) {
        assert_non_null(status.error);
        assert_string_equal(status.error, error);
    } else {
        assert_null(status.error);
    }
}

static const struct domain *
find(uint32_t number)
{
    struct uuid uuid = make_uuid(number);
    return domain_set_find(virt_conn_domains(conn), &uuid);
}

static void
read_domain(uint32_t number)
{
    struct uuid uuid = make_uuid(number);
    virt_conn_read_domain(conn, &uuid, now);
}

/* An event about domain 'number'. */
static void
mark(uint32_t number)
{
    struct uuid uuid = make_uuid(number);
    virt_marks_add(fake.link->marks, &uuid);
}

static void
create_domains(uint32_t first, uint32_t last)
{
    for (uint32_t i = first; i <= last; i++) {
        fake.domains[i].exists = true;
        fake.domains[i].is_active = true;
    }
}

/* Synced with domains 1 to 'n'. */
static void
sync_with(uint32_t n)
{
    create_domains(1, n);
    settle();
    assert_state(VIRT_SYNCED, NULL);
    fake.n_reads = 0;
}

/* Connecting. */

static void
test_sync(void **state OVS_UNUSED)
{
    create_domains(1, 3);
    fake.domains[3].is_active = false;
    assert_state(VIRT_DISCONNECTED, NULL);
    assert_true(virt_conn_next_ms(conn, now) <= now);

    virt_conn_run(conn, now);
    assert_state(VIRT_CONNECTING, NULL);
    assert_non_null(job);
    assert_int_equal(virt_conn_next_ms(conn, now), LLONG_MAX);

    finish_job();               /* Open. */
    assert_int_equal(virt_conn_next_ms(conn, now), now);
    virt_conn_run(conn, now);
    assert_state(VIRT_SYNCING, NULL);

    turn();                     /* Networks, before any domain. */
    turn();                     /* List. */
    assert_state(VIRT_SYNCING, NULL);
    assert_int_equal(hmap_count(&virt_conn_domains(conn)->domains), 0);

    turn();                     /* Read. */
    assert_state(VIRT_SYNCED, NULL);
    assert_null(job);

    struct virt_status status;
    virt_conn_get_status(conn, &status);
    assert_string_equal(status.uri, "fake:///");
    assert_int_equal(status.n_domains, 3);
    assert_int_equal(status.n_active, 2);
    assert_int_equal(status.n_calls, 4);
    assert_int_equal(find(1)->read_ms, now);
}

static void
test_sync_of_nothing(void **state OVS_UNUSED)
{
    settle();
    assert_state(VIRT_SYNCED, NULL);
}

static void
test_back_off(void **state OVS_UNUSED)
{
    static const int pauses[] = { 1000, 2000, 4000, 8000, 8000 };
    fake.open_error = "permission denied";
    for (size_t i = 0; i < ARRAY_SIZE(pauses); i++) {
        turn();
        assert_state(VIRT_DISCONNECTED, "permission denied");
        assert_int_equal(fake.n_opens, i + 1);
        assert_int_equal(virt_conn_next_ms(conn, now), now + pauses[i]);
        now += pauses[i] - 1;
        virt_conn_run(conn, now);
        assert_null(job);
        now++;
    }

    /* The reason is shown for as long as the next try takes. */
    virt_conn_run(conn, now);
    assert_state(VIRT_CONNECTING, "permission denied");
    fake.open_error = NULL;
    settle();
    assert_state(VIRT_SYNCED, NULL);
}

static void
test_close_event_reconnects_at_once(void **state OVS_UNUSED)
{
    sync_with(2);
    unsigned int n_wakes_before = n_wakes;
    virt_marks_close(fake.link->marks, "closed by libvirt");
    assert_int_equal(n_wakes, n_wakes_before + 1);

    virt_conn_run(conn, now);   /* Closes the old one. */
    assert_state(VIRT_DISCONNECTED, "connection lost: closed by libvirt");
    assert_non_null(find(1));   /* Facts are kept. */
    fake.domains[2].exists = false;
    finish_job();
    assert_int_equal(fake.n_closes, 1);

    virt_conn_run(conn, now);
    assert_state(VIRT_CONNECTING, "connection lost: closed by libvirt");
    finish_job();
    turn();                     /* The networks. */
    turn();                     /* The list. */
    assert_null(find(2));
    assert_state(VIRT_SYNCING, NULL);
    settle();
    assert_state(VIRT_SYNCED, NULL);
    assert_int_equal(fake.n_opens, 2);
}

static void
test_dead_link_is_noticed_by_call(void **state OVS_UNUSED)
{
    sync_with(2);
    fake.is_dead = true;
    fake.domains[1].error = "broken pipe";
    read_domain(1);
    turn();
    assert_state(VIRT_DISCONNECTED, "connection lost: not alive");
    assert_non_null(find(1));
    assert_true(virt_conn_is_reading(conn, NULL));

    fake.domains[1].error = NULL;
    settle();
    assert_state(VIRT_SYNCED, NULL);
    assert_false(virt_conn_is_reading(conn, NULL));
}

/* What breaks before everything was read is no success. */
static void
test_short_connections_back_off(void **state OVS_UNUSED)
{
    static const int pauses[] = { 1000, 2000, 4000 };
    create_domains(1, 1);
    for (size_t i = 0; i < ARRAY_SIZE(pauses); i++) {
        turn();
        assert_state(VIRT_SYNCING, NULL);
        fake.is_dead = true;
        turn();                 /* List. */
        turn();                 /* Close. */
        assert_state(VIRT_DISCONNECTED, "connection lost: not alive");
        assert_null(fake.link);
        assert_int_equal(virt_conn_next_ms(conn, now), now + pauses[i]);
        advance();
    }
    assert_int_equal(fake.n_opens, ARRAY_SIZE(pauses));
}

static void
test_events_of_old_link_are_ignored(void **state OVS_UNUSED)
{
    sync_with(1);
    struct virt_marks *old = virt_marks_ref(fake.link->marks);
    virt_marks_close(old, "closed by libvirt");
    settle();
    assert_state(VIRT_SYNCED, NULL);

    unsigned int n_wakes_before = n_wakes;
    virt_marks_close(old, "again");
    virt_conn_run(conn, now);
    assert_state(VIRT_SYNCED, NULL);
    assert_int_equal(n_wakes, n_wakes_before);
    virt_marks_unref(old);
}

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

static void
test_sync_waits_for_networks(void **state OVS_UNUSED)
{
    create_domains(1, 1);
    fake.network_tag = 10;
    fake.network_error = "timed out";
    settle();
    assert_state(VIRT_SYNCING, "cannot read the networks: timed out");
    assert_true(virt_conn_is_reading(conn, NULL));
    assert_int_equal(virt_conn_next_ms(conn, now), now + 1000);

    fake.network_error = NULL;
    advance();
    settle();
    assert_state(VIRT_SYNCED, NULL);
    assert_int_equal(network_tag(), 10);

    /* A failure forgets nothing. */
    fake.network_error = "timed out";
    virt_conn_read_all(conn, now);
    settle();
    assert_state(VIRT_SYNCED, "cannot read the networks: timed out");
    assert_int_equal(network_tag(), 10);
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

/* Closing. */

static void
test_close_when_synced(void **state OVS_UNUSED)
{
    sync_with(1);
    virt_conn_close(conn);
    assert_int_equal(virt_conn_next_ms(conn, now), now);
    assert_false(virt_conn_is_closed(conn));
    virt_conn_run(conn, now);
    assert_non_null(job);
    finish_job();
    virt_conn_run(conn, now);
    assert_true(virt_conn_is_closed(conn));
    assert_state(VIRT_CLOSED, NULL);
    assert_int_equal(virt_conn_next_ms(conn, now), LLONG_MAX);
    assert_non_null(find(1));
}

static void
test_close_while_connecting(void **state OVS_UNUSED)
{
    virt_conn_run(conn, now);
    virt_conn_close(conn);
    virt_conn_run(conn, now);
    assert_false(virt_conn_is_closed(conn));
    settle();
    assert_true(virt_conn_is_closed(conn));
    assert_int_equal(fake.n_opens, 1);
    assert_int_equal(fake.n_closes, 1);
}

static void
test_close_while_reading(void **state OVS_UNUSED)
{
    sync_with(1);
    mark(1);
    virt_conn_run(conn, now);
    virt_conn_close(conn);
    settle();
    assert_true(virt_conn_is_closed(conn));
}

static void
test_close_before_connecting(void **state OVS_UNUSED)
{
    virt_conn_close(conn);
    virt_conn_close(conn);
    virt_conn_run(conn, now);
    assert_true(virt_conn_is_closed(conn));
    assert_int_equal(fake.n_opens, 0);
}

/* tear_down() checks that the link is closed all the same. */

static void
test_destroy_while_connecting(void **state OVS_UNUSED)
{
    virt_conn_run(conn, now);
}

static void
test_destroy_with_answer_unread(void **state OVS_UNUSED)
{
    virt_conn_run(conn, now);
    finish_job();
}

static void
test_destroy_while_listing(void **state OVS_UNUSED)
{
    turn();
    assert_non_null(job);
    fake.list_error = "busy";
}

static void
test_destroy_while_reading(void **state OVS_UNUSED)
{
    sync_with(1);
    mark(1);
    virt_conn_run(conn, now);
    assert_non_null(job);
}

static void
test_destroy_while_closing(void **state OVS_UNUSED)
{
    sync_with(1);
    virt_conn_close(conn);
    virt_conn_run(conn, now);
    assert_non_null(job);
}

static void
test_destroyed_connection_wakes_nobody(void **state OVS_UNUSED)
{
    sync_with(1);
    virt_conn_destroy(conn);
    conn = NULL;
    unsigned int n_wakes_before = n_wakes;
    mark(1);
    virt_marks_close(fake.link->marks, "closed by libvirt");
    assert_int_equal(n_wakes, n_wakes_before);
}

#define TEST(NAME) \
    cmocka_unit_test_setup_teardown(NAME, set_up, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_sync),
        TEST(test_sync_of_nothing),
        TEST(test_back_off),
        TEST(test_close_event_reconnects_at_once),
        TEST(test_dead_link_is_noticed_by_call),
        TEST(test_short_connections_back_off),
        TEST(test_events_of_old_link_are_ignored),
        TEST(test_event_leads_to_reading),
        TEST(test_confirmation_is_no_change),
        TEST(test_answer_asked_for_is_announced),
        TEST(test_event_during_reading_leads_to_another),
        TEST(test_domain_gone),
        TEST(test_new_domain),
        TEST(test_refused_xml),
        TEST(test_failed_reading_is_retried),
        TEST(test_sync_waits_for_failed_reading),
        TEST(test_unreadable_domain_costs_itself),
        TEST(test_unreadable_domain_keeps_its_facts),
        TEST(test_unreadable_domain_is_tried_again),
        TEST(test_unreadable_domain_is_forgotten),
        TEST(test_sync_does_not_wait_for_unlisted),
        TEST(test_urgent_reading_goes_first),
        TEST(test_list_forgets_domains),
        TEST(test_list_failure_forgets_nothing),
        TEST(test_list_asked_for_twice),
        TEST(test_periodic_reading),
        TEST(test_too_many_marks_become_a_list),
        TEST(test_networks_are_read_often),
        TEST(test_network_event_leads_to_reading),
        TEST(test_changed_domain_leads_to_networks),
        TEST(test_sync_waits_for_networks),
        TEST(test_unreadable_network_costs_itself),
        TEST(test_unreadable_network_keeps_its_facts),
        TEST(test_networks_come_before_urgent_readings),
        TEST(test_networks_outlive_the_connection),
        TEST(test_told_domain_counts_until_the_next_answer),
        TEST(test_told_domain_is_newer_than_an_old_question),
        TEST(test_old_list_does_not_forget_told_domain),
        TEST(test_told_domain_before_connecting),
        TEST(test_told_network_is_read_soon),
        TEST(test_network_told_again_is_no_news),
        TEST(test_told_network_is_newer_than_an_old_question),
        TEST(test_close_when_synced),
        TEST(test_close_while_connecting),
        TEST(test_close_while_reading),
        TEST(test_close_before_connecting),
        TEST(test_destroy_while_connecting),
        TEST(test_destroy_with_answer_unread),
        TEST(test_destroy_while_listing),
        TEST(test_destroy_while_reading),
        TEST(test_destroy_while_closing),
        TEST(test_destroyed_connection_wakes_nobody),
    };
    vlog_set_levels(NULL, VLF_ANY_DESTINATION, VLL_OFF);
    return cmocka_run_group_tests_name("virt-conn-fake", tests, NULL, NULL);
}
