/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */

/* Tests of virt/virt-conn.c with a libvirt of our own: connections come and
 * go. */

#include <config.h>
#include "virt/virt-conn.h"

#include "lib/vnic.h"
#include "openvswitch/vlog.h"
#include "tests/fake-libvirt.h"
#include "tests/unit.h"
#include "util.h"
#include "virt/virt-marks.h"

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

int
main(void)
{
    const struct CMUnitTest tests[] = {
        FAKE_LIBVIRT_TEST(test_sync),
        FAKE_LIBVIRT_TEST(test_sync_of_nothing),
        FAKE_LIBVIRT_TEST(test_back_off),
        FAKE_LIBVIRT_TEST(test_close_event_reconnects_at_once),
        FAKE_LIBVIRT_TEST(test_dead_link_is_noticed_by_call),
        FAKE_LIBVIRT_TEST(test_short_connections_back_off),
        FAKE_LIBVIRT_TEST(test_events_of_old_link_are_ignored),
        FAKE_LIBVIRT_TEST(test_close_when_synced),
        FAKE_LIBVIRT_TEST(test_close_while_connecting),
        FAKE_LIBVIRT_TEST(test_close_while_reading),
        FAKE_LIBVIRT_TEST(test_close_before_connecting),
        FAKE_LIBVIRT_TEST(test_destroy_while_connecting),
        FAKE_LIBVIRT_TEST(test_destroy_with_answer_unread),
        FAKE_LIBVIRT_TEST(test_destroy_while_listing),
        FAKE_LIBVIRT_TEST(test_destroy_while_reading),
        FAKE_LIBVIRT_TEST(test_destroy_while_closing),
        FAKE_LIBVIRT_TEST(test_destroyed_connection_wakes_nobody),
    };
    vlog_set_levels(NULL, VLF_ANY_DESTINATION, VLL_OFF);
    return cmocka_run_group_tests_name("virt-conn-life", tests, NULL, NULL);
}
