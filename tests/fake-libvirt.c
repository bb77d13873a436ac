/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */

/* A libvirt, a pool thread and a clock of our own, for tests of virt-conn.c:
 * this file takes the place of virt/virt-link.c. */

#include <config.h>
#include "tests/fake-libvirt.h"

#include <string.h>

#include "lib/network.h"
#include "lib/vnic.h"
#include "tests/unit.h"
#include "util.h"
#include "uuid.h"
#include "virt/network-poll.h"
#include "virt/virt-link.h"
#include "virt/virt-marks.h"

/* The fake libvirt. */

struct fake fake;

struct uuid
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
virt_link_read_networks(struct virt_link *link,
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
        network->is_active = !fake.is_network_inactive;
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

/* The fake pool. */

struct virt_job *job;
unsigned int n_wakes;

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

void
finish_job(void)
{
    assert_non_null(job);
    struct virt_job *job_ = job;
    job = NULL;
    job_->run(job_);
    job_->done(job_);
}

/* The connection under test, and its clock. */

struct virt_conn *conn;
long long int now;

int
fake_libvirt_set_up(void **state OVS_UNUSED)
{
    memset(&fake, 0, sizeof fake);
    job = NULL;
    n_wakes = 0;
    now = 1000000;
    conn = virt_conn_create("fake:///", &executor);
    return 0;
}

/* Whatever state a test ends in, nothing of libvirt's may be left. */
int
fake_libvirt_tear_down(void **state OVS_UNUSED)
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
void
turn(void)
{
    virt_conn_run(conn, now);
    if (job) {
        finish_job();
        virt_conn_run(conn, now);
    }
}

/* Turns until there is nothing to do at present. */
void
settle(void)
{
    virt_conn_run(conn, now);
    while (job) {
        turn();
    }
    assert_true(virt_conn_next_ms(conn, now) > now);
}

/* Lets time pass up to the next thing to do. */
void
advance(void)
{
    long long int next_ms = virt_conn_next_ms(conn, now);
    assert_true(next_ms < LLONG_MAX);
    now = MAX(now, next_ms);
}

void
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

const struct domain *
find(uint32_t number)
{
    struct uuid uuid = make_uuid(number);
    return domain_set_find(virt_conn_domains(conn), &uuid);
}

void
read_domain(uint32_t number)
{
    struct uuid uuid = make_uuid(number);
    virt_conn_read_domain(conn, &uuid, now);
}

/* An event about domain 'number'. */
void
mark(uint32_t number)
{
    struct uuid uuid = make_uuid(number);
    virt_marks_add(fake.link->marks, &uuid);
}

void
create_domains(uint32_t first, uint32_t last)
{
    for (uint32_t i = first; i <= last; i++) {
        fake.domains[i].exists = true;
        fake.domains[i].is_active = true;
    }
}

/* Synced with domains 1 to 'n'. */
void
sync_with(uint32_t n)
{
    create_domains(1, n);
    settle();
    assert_state(VIRT_SYNCED, NULL);
    fake.n_reads = 0;
}
