/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */

/* Tests of virt/ with libvirt's own test driver, which needs no daemon, and
 * real threads.  tests/test-virt-conn-*.c have what cannot be had from a
 * real libvirt: failures, and a clock. */

#include <config.h>
#include "virt/virt-conn.h"

#include <libvirt/libvirt.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/network.h"
#include "lib/vnic.h"
#include "openvswitch/dynamic-string.h"
#include "openvswitch/list.h"
#include "openvswitch/vlog.h"
#include "tests/unit.h"
#include "timeval.h"
#include "util.h"
#include "uuid.h"
#include "virt/xml.h"

/* No condition takes longer to become true, unless it never does. */
#define DEADLINE_MS 10000

/* A main loop: each job has a thread of its own. */

struct work {
    struct ovs_list node;       /* In 'done'. */
    struct virt_job *job;
};

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static struct ovs_list done = OVS_LIST_INITIALIZER(&done);
static unsigned int n_working;
static bool is_woken;

static void *
run_work(void *work_)
{
    struct work *work = work_;
    work->job->run(work->job);
    pthread_mutex_lock(&mutex);
    ovs_list_push_back(&done, &work->node);
    pthread_cond_signal(&cond);
    pthread_mutex_unlock(&mutex);
    return NULL;
}

static void
submit(void *aux OVS_UNUSED, struct virt_job *job)
{
    struct work *work = xmalloc(sizeof *work);
    work->job = job;
    n_working++;

    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, run_work, work), 0);
    assert_int_equal(pthread_detach(thread), 0);
}

static void
wake(void *aux OVS_UNUSED)
{
    pthread_mutex_lock(&mutex);
    is_woken = true;
    pthread_cond_signal(&cond);
    pthread_mutex_unlock(&mutex);
}

static const struct virt_executor executor = {
    .submit = submit,
    .wake = wake,
};

/* Sleeps until something happens, or until 'until_ms'. */
static void
block(long long int until_ms)
{
    long long int wait_ms = MAX(0, until_ms - time_msec());
    long long int wall_ms = time_wall_msec() + MIN(wait_ms, DEADLINE_MS);
    struct timespec deadline = {
        .tv_sec = wall_ms / 1000,
        .tv_nsec = wall_ms % 1000 * 1000 * 1000,
    };

    pthread_mutex_lock(&mutex);
    int error = 0;
    while (!is_woken && ovs_list_is_empty(&done) && !error) {
        error = pthread_cond_timedwait(&cond, &mutex, &deadline);
    }
    is_woken = false;
    pthread_mutex_unlock(&mutex);
}

static void
finish_work(void)
{
    struct ovs_list finished;
    pthread_mutex_lock(&mutex);
    ovs_list_move(&finished, &done);
    ovs_list_init(&done);
    pthread_mutex_unlock(&mutex);

    struct work *work;
    LIST_FOR_EACH_POP (work, node, &finished) {
        n_working--;
        work->job->done(work->job);
        free(work);
    }
}

/* Does what there is to do. */
static void
run(struct virt_conn *conn)
{
    finish_work();
    if (conn) {
        virt_conn_run(conn, time_msec());
    }
}

/* Sleeps until there may be something to do, but not past 'deadline_ms'. */
static void
wait(const struct virt_conn *conn, long long int deadline_ms)
{
    long long int now = time_msec();
    assert_true(now < deadline_ms);
    long long int next_ms = conn ? virt_conn_next_ms(conn, now) : LLONG_MAX;
    block(MIN(next_ms, deadline_ms));
}

/* Turns the loop for 'CONN', which may be NULL, until 'CONDITION' is true. */
#define WAIT_UNTIL(CONN, CONDITION)                                     \
    do {                                                                \
        long long int deadline_ms_ = time_msec() + DEADLINE_MS;         \
        for (run(CONN); !(CONDITION); run(CONN)) {                      \
            wait(CONN, deadline_ms_);                                   \
        }                                                               \
    } while (0)

/* Helpers. */

#define UUID_1 "6a7e9c10-0000-4000-8000-000000000001"
#define UUID_2 "6a7e9c10-0000-4000-8000-000000000002"
#define UUID_3 "6a7e9c10-0000-4000-8000-000000000003"

static struct virt_status
get_status(const struct virt_conn *conn)
{
    struct virt_status status;
    virt_conn_get_status(conn, &status);
    return status;
}

static const struct domain *
find(const struct virt_conn *conn, const char *text)
{
    struct uuid uuid;
    assert_true(uuid_from_string(&uuid, text));
    return domain_set_find(virt_conn_domains(conn), &uuid);
}

/* Closes 'conn' as the agent does, and frees it. */
static void
finish(struct virt_conn *conn)
{
    virt_conn_close(conn);
    WAIT_UNTIL(conn, virt_conn_is_closed(conn));
    virt_conn_destroy(conn);
    assert_int_equal(n_working, 0);
}

static char *
domain_xml(const char *name, const char *uuid, const char *interfaces)
{
    return xasprintf("<domain type='test'><name>%s</name><uuid>%s</uuid>"
                     "<memory>1024</memory><os><type>hvm</type></os>"
                     "<devices>%s</devices></domain>",
                     name, uuid, interfaces);
}

static const char one_interface[] =
    "<interface type='bridge'><mac address='52:54:00:00:00:01'/>"
    "<source bridge='br0'/><vlan><tag id='42'/></vlan>"
    "<virtualport type='openvswitch'/><target dev='tp1'/></interface>";

/* A description of a whole host for the test driver, in a file of its own. */
static char *
write_node(const char *domains)
{
    char *path = xstrdup("/tmp/test-virt-conn.XXXXXX");
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    FILE *file = fdopen(fd, "w");
    assert_non_null(file);
    fprintf(file, "<node>%s</node>", domains);
    assert_int_equal(fclose(file), 0);
    return path;
}

/* The test driver's shared host, and somebody who changes it. */
static virConnectPtr
open_operator(void)
{
    virConnectPtr operator = virConnectOpen("test:///default");
    assert_non_null(operator);
    return operator;
}

static virDomainPtr
define(virConnectPtr operator, const char *name, const char *uuid,
       const char *interfaces)
{
    CLEANUP_FREE char *xml = domain_xml(name, uuid, interfaces);
    virDomainPtr domain = virDomainDefineXML(operator, xml);
    assert_non_null(domain);
    return domain;
}

static struct virt_conn *
open_synced(const char *uri)
{
    struct virt_conn *conn = virt_conn_create(uri, &executor);
    WAIT_UNTIL(conn, virt_conn_is_synced(conn));
    return conn;
}

/* Tests. */

static void
test_sync(void **state OVS_UNUSED)
{
    static const char runstate[] =
        "<test:runstate xmlns:test="
        "'http://libvirt.org/schemas/domain/test/1.0'>5</test:runstate>";
    CLEANUP_FREE char *on = domain_xml("on", UUID_1, one_interface);
    CLEANUP_FREE char *off = domain_xml("off", UUID_2, "");
    char *end = strstr(off, "</domain>");
    CLEANUP_FREE char *node = xasprintf("%s%.*s%s</domain>", on,
                                        (int) (end - off), off, runstate);
    CLEANUP_FREE char *path = write_node(node);
    CLEANUP_FREE char *uri = xasprintf("test://%s", path);

    struct virt_conn *conn = open_synced(uri);
    assert_int_equal(unlink(path), 0);
    struct virt_status status = get_status(conn);
    assert_int_equal(status.n_domains, 2);
    assert_int_equal(status.n_active, 1);
    assert_null(status.error);
    assert_false(find(conn, UUID_2)->is_active);

    const struct domain *domain = find(conn, UUID_1);
    assert_string_equal(domain->name, "on");
    assert_true(domain->is_active);
    assert_true(domain->read_ms > 0 && domain->read_ms <= time_msec());
    assert_int_equal(domain->n_vnics, 1);
    const struct vnic *vnic = &domain->vnics[0];
    assert_null(vnic->error);
    assert_string_equal(vnic->bridge, "br0");
    assert_string_equal(vnic->target, "tp1");
    assert_int_equal(vnic->vlan.tag, 42);
    assert_true(vnic->has_ovs_virtualport);
    assert_non_null(vnic->interface_id); /* libvirt makes one. */
    finish(conn);
}

/* A domain's whole life, as events tell it. */
static void
test_events(void **state OVS_UNUSED)
{
    virConnectPtr operator = open_operator();
    struct virt_conn *conn = open_synced("test:///default");
    assert_null(find(conn, UUID_1));

    virDomainPtr domain = define(operator, "web1", UUID_1, one_interface);
    WAIT_UNTIL(conn, find(conn, UUID_1));
    assert_false(find(conn, UUID_1)->is_active);

    assert_int_equal(virDomainCreate(domain), 0);
    WAIT_UNTIL(conn, find(conn, UUID_1)->is_active);

    assert_int_equal(virDomainSuspend(domain), 0);
    assert_int_equal(virDomainDestroy(domain), 0);
    WAIT_UNTIL(conn, !find(conn, UUID_1)->is_active);

    virDomainFree(domain);
    domain = define(operator, "web1", UUID_1, "");
    WAIT_UNTIL(conn, find(conn, UUID_1)->n_vnics == 0);

    assert_int_equal(virDomainUndefine(domain), 0);
    WAIT_UNTIL(conn, !find(conn, UUID_1));
    WAIT_UNTIL(conn, get_status(conn).n_events >= 6);

    virDomainFree(domain);
    finish(conn);
    assert_int_equal(virConnectClose(operator), 0);
}

static void
set_metadata(virDomainPtr domain, const char *xml, const char *namespace)
{
    assert_int_equal(virDomainSetMetadata(domain, VIR_DOMAIN_METADATA_ELEMENT,
                                          xml, "t", namespace,
                                          VIR_DOMAIN_AFFECT_CONFIG), 0);
}

/* What we say of the first vNIC of a domain is read when it is said. */
static void
test_metadata_is_read(void **state OVS_UNUSED)
{
    virConnectPtr operator = open_operator();
    virDomainPtr domain = define(
        operator, "web2", UUID_2,
        "<interface type='bridge'><mac address='52:54:00:00:00:01'/>"
        "<source bridge='br0'/></interface>");
    struct virt_conn *conn = open_synced("test:///default");
    assert_null(find(conn, UUID_2)->vnics[0].metadata);

    set_metadata(domain, "<vnics><vnic mac='52:54:00:00:00:01'>"
                 "<vlan mode='access' tag='42'/></vnic></vnics>",
                 "urn:vnicd:domain:1");
    WAIT_UNTIL(conn, find(conn, UUID_2)->vnics[0].metadata);
    const struct vnic_metadata *metadata
        = find(conn, UUID_2)->vnics[0].metadata;
    assert_null(metadata->error);
    assert_int_equal(metadata->vlan.tag, 42);
    set_metadata(domain, NULL, "urn:vnicd:domain:1");
    WAIT_UNTIL(conn, !find(conn, UUID_2)->vnics[0].metadata);

    assert_int_equal(virDomainUndefine(domain), 0);
    virDomainFree(domain);
    finish(conn);
    assert_int_equal(virConnectClose(operator), 0);
}

static void
test_metadata_event(void **state OVS_UNUSED)
{
    virConnectPtr operator = open_operator();
    virDomainPtr domain = define(operator, "web2", UUID_2, "");
    struct virt_conn *conn = open_synced("test:///default");
    uint64_t seqno = virt_conn_seqno(conn);
    uint64_t n_events = get_status(conn).n_events;

    set_metadata(domain, "<note/>", "urn:example:test");
    WAIT_UNTIL(conn, get_status(conn).n_events > n_events);
    WAIT_UNTIL(conn, !virt_conn_is_reading(conn, NULL));
    assert_int_equal(virt_conn_seqno(conn), seqno); /* Nothing that we read. */

    assert_int_equal(virDomainUndefine(domain), 0);
    virDomainFree(domain);
    finish(conn);
    assert_int_equal(virConnectClose(operator), 0);
}

static int
portgroup_tag(const struct virt_conn *conn)
{
    const struct network *lan
        = network_set_find_name(virt_conn_networks(conn), "lan");
    const struct portgroup *web
        = lan ? network_find_portgroup(lan, "web") : NULL;
    return web ? web->vlan.tag : 0;
}

static virNetworkPtr
define_network(virConnectPtr operator, int tag)
{
    CLEANUP_FREE char *xml = xasprintf(
        "<network><name>lan</name><uuid>" UUID_1 "</uuid>"
        "<forward mode='bridge'/><bridge name='br0'/>"
        "<virtualport type='openvswitch'/>"
        "<portgroup name='web'><vlan><tag id='%d'/></vlan></portgroup>"
        "</network>", tag);
    virNetworkPtr network = virNetworkDefineXML(operator, xml);
    assert_non_null(network);
    return network;
}

/* A network's whole life, as events tell it. */
static void
test_networks(void **state OVS_UNUSED)
{
    virConnectPtr operator = open_operator();
    struct virt_conn *conn = open_synced("test:///default");
    assert_int_equal(portgroup_tag(conn), 0);

    virNetworkPtr network = define_network(operator, 10);
    WAIT_UNTIL(conn, portgroup_tag(conn) == 10);
    virNetworkFree(network);
    network = define_network(operator, 20);
    WAIT_UNTIL(conn, portgroup_tag(conn) == 20);

    const struct network *lan
        = network_set_find_name(virt_conn_networks(conn), "lan");
    assert_string_equal(lan->bridge, "br0");
    assert_true(lan->has_ovs_virtualport);

    assert_int_equal(virNetworkUndefine(network), 0);
    WAIT_UNTIL(conn, portgroup_tag(conn) == 0);
    virNetworkFree(network);
    finish(conn);
    assert_int_equal(virConnectClose(operator), 0);
}

static void
test_read_domain(void **state OVS_UNUSED)
{
    virConnectPtr operator = open_operator();
    virDomainPtr domain = define(operator, "web3", UUID_3, one_interface);
    struct virt_conn *conn = open_synced("test:///default");

    uint64_t seqno = virt_conn_seqno(conn);
    struct uuid uuid = find(conn, UUID_3)->uuid;
    long long int asked_ms = find(conn, UUID_3)->read_ms + 1;
    while (time_msec() < asked_ms) {
        block(asked_ms);
    }
    virt_conn_read_domain(conn, &uuid, asked_ms);
    assert_true(virt_conn_is_reading(conn, NULL));
    WAIT_UNTIL(conn, virt_conn_seqno(conn) != seqno);
    assert_true(find(conn, UUID_3)->read_ms >= asked_ms);

    seqno = virt_conn_seqno(conn);
    assert_true(uuid_from_string(&uuid, UUID_1)); /* Of no domain. */
    virt_conn_read_domain(conn, &uuid, time_msec());
    WAIT_UNTIL(conn, virt_conn_seqno(conn) != seqno);
    assert_null(find(conn, UUID_1));

    assert_int_equal(virDomainUndefine(domain), 0);
    virDomainFree(domain);
    finish(conn);
    assert_int_equal(virConnectClose(operator), 0);
}

/* A domain that libvirt likes and we do not. */
static void
test_refused_domain(void **state OVS_UNUSED)
{
    CLEANUP_FREE char *essay = xmalloc(XML_MAX_BYTES + 1);
    memset(essay, 'x', XML_MAX_BYTES);
    essay[XML_MAX_BYTES] = '\0';
    CLEANUP_FREE char *description = xasprintf(
        "</devices><description>%s</description><devices>", essay);
    CLEANUP_FREE char *xml = domain_xml("big", UUID_1, description);
    CLEANUP_FREE char *path = write_node(xml);
    CLEANUP_FREE char *uri = xasprintf("test://%s", path);

    struct virt_conn *conn = open_synced(uri);
    assert_int_equal(unlink(path), 0);
    const struct domain *domain = find(conn, UUID_1);
    assert_string_equal(domain->name, "big");
    assert_true(domain->is_active);
    assert_int_equal(domain->n_vnics, 0);
    static const char start[] = "domain big: ";
    assert_non_null(domain->error);
    assert_memory_equal(domain->error, start, strlen(start));
    assert_non_null(strstr(domain->error, "bytes of XML are more than"));
    finish(conn);
}

static void
test_many_domains(void **state OVS_UNUSED)
{
    struct ds node = DS_EMPTY_INITIALIZER;
    for (unsigned int i = 0; i < 1000; i++) {
        CLEANUP_FREE char *name = xasprintf("vm%u", i);
        CLEANUP_FREE char *uuid = xasprintf(
            "6a7e9c10-0000-4000-8000-%012x", i);
        CLEANUP_FREE char *xml = domain_xml(name, uuid, "");
        ds_put_cstr(&node, xml);
    }
    CLEANUP_FREE char *path = write_node(ds_cstr(&node));
    CLEANUP_FREE char *uri = xasprintf("test://%s", path);
    ds_destroy(&node);

    struct virt_conn *conn = open_synced(uri);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(get_status(conn).n_domains, 1000);
    assert_int_equal(get_status(conn).n_calls, 3 + 4); /* 256 at a time. */
    finish(conn);
}

/* What cannot be opened says why, and is tried again. */
static void
test_unreachable(void **state OVS_UNUSED)
{
    static const char *const uris[] = {
        "nonsense",
        "frob:///system",
        "test+unix:///default?socket=/nonexistent/libvirt-sock",
    };
    for (size_t i = 0; i < ARRAY_SIZE(uris); i++) {
        struct virt_conn *conn = virt_conn_create(uris[i], &executor);
        WAIT_UNTIL(conn, get_status(conn).n_calls == 2);
        assert_non_null(get_status(conn).error);
        assert_true(strlen(get_status(conn).error) > 10);
        assert_false(virt_conn_is_synced(conn));
        finish(conn);
    }
}

/* What is destroyed in any state leaves nothing behind. */
static void
test_destroy(void **state OVS_UNUSED)
{
    virt_conn_destroy(NULL);
    for (int n_turns = 0; n_turns < 6; n_turns++) {
        struct virt_conn *conn = virt_conn_create("test:///default",
                                                  &executor);
        for (int i = 0; i < n_turns; i++) {
            run(conn);
            block(time_msec() + 20);
        }
        virt_conn_destroy(conn);
        WAIT_UNTIL(NULL, !n_working);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sync),
        cmocka_unit_test(test_events),
        cmocka_unit_test(test_metadata_event),
        cmocka_unit_test(test_metadata_is_read),
        cmocka_unit_test(test_networks),
        cmocka_unit_test(test_read_domain),
        cmocka_unit_test(test_refused_domain),
        cmocka_unit_test(test_many_domains),
        cmocka_unit_test(test_unreachable),
        cmocka_unit_test(test_destroy),
    };
    vlog_set_levels(NULL, VLF_ANY_DESTINATION, VLL_OFF);
    virt_init();
    return cmocka_run_group_tests_name("virt-conn", tests, NULL, NULL);
}
