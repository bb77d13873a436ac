/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "flows/port-conn.h"

#include "fatal-signal.h"
#include "flow.h"
#include "flows/flood-map.h"
#include "openvswitch/poll-loop.h"
#include "openvswitch/vlog.h"
#include "tests/fake-switch.h"
#include "tests/unit.h"
#include "timeval.h"
#include "util.h"

#define TIMEOUT_MS 10000

/* What a new connection says. */
#define START "NXT_SET_CONTROLLER_ID\nOFPT_GET_CONFIG_REQUEST\n" \
    "NXT_SET_ASYNC_CONFIG\nOFPT_SET_CONFIG\nOFPST_PORT_DESC request\n"
#define CHANGE "OFPT_PORT_MOD\n"
#define BARRIER "OFPT_BARRIER_REQUEST\n"

static struct fake_switch sw;
static struct port_conn *conn;

static int
setup(void **state)
{
    fake_switch_init(&sw);
    conn = port_conn_create("br0", sw.target);
    return 0;
}

static int
teardown(void **state)
{
    port_conn_destroy(conn);
    fake_switch_destroy(&sw);
    return 0;
}

static bool
is_settled(void)
{
    return port_conn_state(conn) == PORT_CONN_SETTLED;
}

static bool
is_disconnected(void)
{
    return port_conn_state(conn) == PORT_CONN_DISCONNECTED;
}

static bool
is_refused(void)
{
    return port_conn_is_refused(conn);
}

static bool
has_changed_a_port(void)
{
    return is_settled() && port_conn_n_changes(conn) == 1;
}

static unsigned int seqno_before;

static bool
has_news(void)
{
    return port_conn_seqno(conn) != seqno_before;
}

/* Lets both sides run until 'condition()' is true. */
static void
run_until(bool (*condition)(void))
{
    long long int deadline = time_msec() + TIMEOUT_MS;
    for (;;) {
        port_conn_run(conn);
        fake_switch_run(&sw);
        if (condition()) {
            return;
        }
        assert_true(time_msec() < deadline);
        port_conn_wait(conn);
        fake_switch_wait(&sw);
        poll_timer_wait_until(deadline);
        poll_block();
    }
}

/* Forbids floods to 'port'. */
static void
forbid(uint16_t port)
{
    struct flood_map floods = { .known = { 0 } };
    flood_map_put(&floods, u16_to_ofp(port), false);
    port_conn_set_floods(conn, &floods);
}

static void
assert_log(const char *expected)
{
    assert_string_equal(ds_cstr(&sw.port_log), expected);
    ds_clear(&sw.port_log);
}

static void
test_ports_are_read(void **state)
{
    assert_string_equal(port_conn_state_to_string(port_conn_state(conn)),
                        "disconnected");
    run_until(is_settled);
    assert_log(START);
}

static void
test_changes_are_sent_once(void **state)
{
    forbid(1);
    run_until(is_settled);
    assert_log(START CHANGE BARRIER);
    assert_int_equal(port_conn_n_changes(conn), 1);

    unsigned int seqno = port_conn_seqno(conn);
    forbid(1);
    run_until(is_settled);
    assert_int_equal(port_conn_seqno(conn), seqno);
    assert_log("");
}

static void
test_new_port_is_changed(void **state)
{
    forbid(9);
    run_until(is_settled);
    assert_log(START);
    unsigned int seqno = port_conn_seqno(conn);
    fake_switch_tell(&sw, OFPPR_ADD, "vnet9", 9);
    run_until(has_changed_a_port);
    assert_log(CHANGE BARRIER);
    assert_int_not_equal(port_conn_seqno(conn), seqno);
}

static void
test_port_goes(void **state)
{
    run_until(is_settled);
    seqno_before = port_conn_seqno(conn);
    fake_switch_tell(&sw, OFPPR_DELETE, "vnet1", 1);
    run_until(has_news);
    forbid(1);
    assert_int_equal(port_conn_n_changes(conn), 0);
    forbid(2);
    assert_int_equal(port_conn_n_changes(conn), 1);
}

static void
test_refused_port_is_no_loop(void **state)
{
    sw.refuses_port_mod = true;
    forbid(1);
    run_until(is_settled);
    assert_log(START CHANGE BARRIER);
    assert_int_equal(port_conn_n_errors(conn), 1);
}

static void
test_new_connection_starts_again(void **state)
{
    forbid(1);
    run_until(is_settled);
    ds_clear(&sw.port_log);
    fake_switch_hang_up(&sw);
    run_until(is_disconnected);
    assert_false(port_conn_is_settled(conn));
    run_until(is_settled);
    assert_log(START CHANGE BARRIER);
}

static void
test_bridge_without_openflow_10_is_told_apart(void **state)
{
    assert_false(port_conn_is_refused(conn));
    sw.versions = 1u << OFP14_VERSION;
    unsigned int seqno = port_conn_seqno(conn);
    run_until(is_refused);
    assert_true(is_disconnected());
    assert_int_not_equal(port_conn_seqno(conn), seqno);
}

int
main(void)
{
#define TEST(NAME) cmocka_unit_test_setup_teardown(NAME, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_ports_are_read),
        TEST(test_changes_are_sent_once),
        TEST(test_new_port_is_changed),
        TEST(test_port_goes),
        TEST(test_refused_port_is_no_loop),
        TEST(test_new_connection_starts_again),
        TEST(test_bridge_without_openflow_10_is_told_apart),
    };
    fatal_ignore_sigpipe();
    vlog_set_levels(NULL, VLF_ANY_DESTINATION, VLL_OFF);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
