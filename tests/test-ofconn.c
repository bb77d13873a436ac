/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "flows/ofconn.h"

#include <string.h>

#include "coverage.h"
#include "fatal-signal.h"
#include "flow.h"
#include "flows/flood-map.h"
#include "flows/flow-change.h"
#include "flows/flow-space.h"
#include "flows/flow-table.h"
#include "flows/pipeline.h"
#include "openvswitch/poll-loop.h"
#include "openvswitch/vlog.h"
#include "tests/fake-switch.h"
#include "tests/flow-text.h"
#include "tests/unit.h"
#include "timeval.h"
#include "util.h"

static const struct flow_space space = {
    .cookie = 0x7600,
    .cookie_mask = 0xff00,
    .group = 0x7600,
    .group_mask = 0xff00,
};

/* The same, and tables of which the switch is to tell. */
static const struct flow_range ranges[] = { { 1, 2, 0, UINT16_MAX } };
static const struct flow_space watched_space = {
    .cookie = 0x7600,
    .cookie_mask = 0xff00,
    .group = 0x7600,
    .group_mask = 0xff00,
    .ranges = ranges,
    .n_ranges = ARRAY_SIZE(ranges),
};

/* Types of the messages of one bundle with two flows. */
#define READ "OFPST_FLOW request\nNXST_GROUP_DESC request\n"
#define WATCH "OFPST_FLOW_MONITOR request\n"
#define CONTROL "OFPT_BUNDLE_CONTROL\n  "
#define FILL CONTROL "open\n"                                          \
    "OFPT_BUNDLE_ADD_MESSAGE\nOFPT_BUNDLE_ADD_MESSAGE\n"               \
    "OFPT_BARRIER_REQUEST\n"
#define COMMIT CONTROL "commit\n"
#define DISCARD CONTROL "discard\n"

#define TIMEOUT_MS 10000

static struct fake_switch sw;
static struct ofconn *conn;

static int
setup(void **state)
{
    fake_switch_init(&sw);
    conn = ofconn_create("br0", sw.target, &space);
    return 0;
}

static int
setup_watched(void **state)
{
    fake_switch_init(&sw);
    conn = ofconn_create("br0", sw.target, &watched_space);
    return 0;
}

static int
teardown(void **state)
{
    ofconn_destroy(conn);
    fake_switch_destroy(&sw);
    return 0;
}

static bool
has_facts(void)
{
    return ofconn_has_facts(conn);
}

static bool
is_installed(void)
{
    return ofconn_verdict(conn) == OFCONN_INSTALLED;
}

static bool
is_outdated(void)
{
    return ofconn_is_outdated(conn);
}

static bool
is_refused(void)
{
    return (ofconn_verdict(conn) == OFCONN_REFUSED
            && ofconn_state(conn) == OFCONN_READY);
}

static bool
is_disconnected(void)
{
    return ofconn_state(conn) == OFCONN_DISCONNECTED;
}

static bool
is_filled(void)
{
    return strstr(ds_cstr(&sw.flow_log), "BARRIER_REQUEST") != NULL;
}

static bool
has_problem(void)
{
    char *problem = ofconn_problem(conn);
    free(problem);
    return problem != NULL;
}

/* Lets both sides run until 'condition()' is true. */
static void
run_until(bool (*condition)(void))
{
    long long int deadline = time_msec() + TIMEOUT_MS;
    for (;;) {
        ofconn_run(conn);
        fake_switch_run(&sw);
        if (condition()) {
            return;
        }
        assert_true(time_msec() < deadline);
        ofconn_wait(conn);
        fake_switch_wait(&sw);
        poll_timer_wait_until(deadline);
        poll_block();
    }
}

/* Says that these flows are meant. */
static void
mean(const char *first, const char *second)
{
    struct flow_table table;
    flow_table_init(&table);
    if (first) {
        assert_null(flow_text_add(&table, first));
    }
    if (second) {
        assert_null(flow_text_add(&table, second));
    }
    ofconn_set_desired(conn, &table);
    assert_true(hmap_is_empty(&table.flows));
    flow_table_destroy(&table);
}

/* Says that another flow is meant instead of one; each may be NULL. */
static void
mean_instead(const char *before, const char *after)
{
    struct flow_change change;
    flow_change_init(&change);
    if (before) {
        assert_null(flow_text_add(&change.before, before));
    }
    if (after) {
        assert_null(flow_text_add(&change.after, after));
    }
    ofconn_change_desired(conn, &change);
    assert_true(flow_change_is_empty(&change));
    flow_change_destroy(&change);
}

static const char one[] = "table=1,cookie=0x7601,actions=output:1";
static const char two[] = "table=2,cookie=0x7602,actions=output:2";
static const char three[] = "table=3,cookie=0x7603,actions=output:3";

static void
assert_log(struct ds *log, const char *expected)
{
    assert_string_equal(ds_cstr(log), expected);
    ds_clear(log);
}

static struct ofconn_counters
get_counters(void)
{
    struct ofconn_counters counters;
    ofconn_get_counters(conn, &counters);
    return counters;
}

static void
test_nothing_is_sent_before_somebody_means_something(void **state)
{
    assert_null(flow_text_add(&sw.flows, one));
    run_until(has_facts);
    assert_log(&sw.flow_log, READ);
    assert_int_equal(ofconn_verdict(conn), OFCONN_NONE);
    assert_int_equal(hmap_count(&ofconn_installed(conn)->flows), 1);
    assert_int_equal(get_counters().reads, 1);
}

static void
test_what_is_meant_is_one_bundle(void **state)
{
    mean(one, two);
    assert_int_equal(ofconn_verdict(conn), OFCONN_PENDING);
    run_until(is_installed);
    assert_log(&sw.flow_log, READ FILL COMMIT);
    assert_int_equal(get_counters().bundles.committed, 1);
    assert_int_equal(get_counters().bundles.ops[FLOW_OP_ADD_FLOW], 2);
    assert_int_equal(hmap_count(&ofconn_installed(conn)->flows), 2);
}

static void
test_right_switch_is_left_alone(void **state)
{
    assert_null(flow_text_add(&sw.flows, one));
    assert_null(flow_text_add(&sw.flows, two));
    mean(one, two);
    run_until(is_installed);
    assert_log(&sw.flow_log, READ);

    unsigned int seqno = ofconn_seqno(conn);
    mean(two, one);
    assert_true(is_installed());
    assert_int_equal(ofconn_seqno(conn), seqno);
    assert_int_equal(get_counters().bundles.committed, 0);
}

static void
test_what_others_took_away_comes_back_with_a_refresh(void **state)
{
    mean(one, two);
    run_until(is_installed);
    ds_clear(&sw.flow_log);

    /* The fake switch forgot both. */
    ofconn_refresh(conn);
    while (get_counters().bundles.committed < 2) {
        run_until(has_facts);
    }
    assert_log(&sw.flow_log, READ FILL COMMIT);
}

static void
test_refused_flow_is_named_and_nothing_else_changes(void **state)
{
    sw.refused_add = 2;
    mean(one, two);
    run_until(is_refused);
    assert_log(&sw.flow_log, READ FILL DISCARD READ);

    size_t n_errors;
    const struct bundle_error *errors = ofconn_errors(conn, &n_errors);
    assert_int_equal(n_errors, 1);
    assert_int_equal(errors[0].cookie, 0x7602);
    assert_string_equal(errors[0].text,
                        "flow table=2, : cookie=0x7602, actions=output:2: "
                        "OFPBAC_BAD_OUT_PORT");
    assert_int_equal(get_counters().errors, 1);
    assert_int_equal(get_counters().bundles.refused, 1);
    assert_true(hmap_is_empty(&ofconn_installed(conn)->flows));
}

static void
test_refused_flows_wait_for_the_caller(void **state)
{
    sw.refused_add = 2;
    mean(one, two);
    run_until(is_refused);
    ds_clear(&sw.flow_log);
    ofconn_refresh(conn);
    run_until(has_facts);
    assert_int_equal(get_counters().bundles.refused, 1);

    mean(one, NULL);
    run_until(is_installed);
    size_t n_errors;
    ofconn_errors(conn, &n_errors);
    assert_int_equal(n_errors, 0);
    assert_int_equal(get_counters().bundles.committed, 1);
}

static void
test_failed_commit_names_the_flow(void **state)
{
    sw.refuses_commit = true;
    mean(one, two);
    run_until(is_refused);
    assert_log(&sw.flow_log, READ FILL COMMIT READ);

    size_t n_errors;
    const struct bundle_error *errors = ofconn_errors(conn, &n_errors);
    assert_int_equal(n_errors, 1);
    assert_int_equal(errors[0].cookie, 0x7601);
}

/* The error comes while the bundle is sent that followed. */
static void
test_frame_that_is_refused_costs_no_flow(void **state)
{
    const struct pipeline_vnic vnic = { .number = 1 };
    assert_false(ofconn_send_frame(conn, "frame", 5,
                                   pipeline_deliver_to(&vnic, 10, 0)));
    run_until(has_facts);
    ds_clear(&sw.flow_log);

    sw.refuses_packets = true;
    assert_true(ofconn_send_frame(conn, "frame", 5,
                                  pipeline_deliver_to(&vnic, 10, 0)));
    mean(one, two);
    run_until(is_installed);
    assert_log(&sw.flow_log, "OFPT_PACKET_OUT\n" FILL COMMIT);
    assert_int_equal(get_counters().errors, 1);
    assert_int_equal(get_counters().bundles.refused, 0);
}

/* Sends frames until the switch has so many to take that others have to wait,
 * and returns how many. */
static size_t
fill_with_frames(void)
{
    const struct pipeline_vnic vnic = { .number = 1 };
    char frame[1500] = "";
    size_t n = 0;
    while (ofconn_has_room(conn)) {
        assert_true(ofconn_send_frame(conn, frame, sizeof frame,
                                      pipeline_deliver_to(&vnic, 10, 0)));
        assert_true(n++ < 10000);
    }
    return n;
}

static bool
has_room(void)
{
    return ofconn_has_room(conn);
}

static size_t
count_frames(void)
{
    size_t n = 0;
    const char *p = ds_cstr(&sw.flow_log);
    while ((p = strstr(p, "OFPT_PACKET_OUT\n"))) {
        p++;
        n++;
    }
    return n;
}

static void
test_frames_wait_for_a_switch_that_takes_its_time(void **state)
{
    const struct pipeline_vnic vnic = { .number = 1 };
    assert_false(ofconn_has_room(conn));
    run_until(has_facts);
    sw.is_deaf = true;
    size_t n = fill_with_frames();
    ofconn_run(conn);
    assert_false(ofconn_has_room(conn));

    /* One that belongs to those is not lost. */
    assert_true(ofconn_send_frame(conn, "frame", 5,
                                  pipeline_deliver_to(&vnic, 10, 0)));
    sw.is_deaf = false;
    run_until(has_room);
    mean(one, NULL);
    run_until(is_installed);
    assert_int_equal(count_frames(), n + 1);
}

static void
test_what_is_meant_meanwhile_comes_next(void **state)
{
    sw.keeps_barriers = true;
    mean(one, two);
    run_until(is_filled);
    mean(one, NULL);
    assert_int_equal(ofconn_verdict(conn), OFCONN_PENDING);
    assert_int_equal(ofconn_state(conn), OFCONN_SENDING);

    /* The answer is lost with the connection, and the bundle with it. */
    fake_switch_hang_up(&sw);
    sw.keeps_barriers = false;
    ds_clear(&sw.flow_log);
    run_until(is_installed);
    assert_int_equal(hmap_count(&ofconn_installed(conn)->flows), 1);
    assert_int_equal(get_counters().bundles.committed, 1);
    assert_int_equal(get_counters().reconnects, 1);
}

static void
assert_means(size_t n_flows)
{
    assert_int_equal(hmap_count(&ofconn_desired(conn)->flows), n_flows);
    assert_int_equal(hmap_count(&ofconn_installed(conn)->flows), n_flows);
}

static void
test_change_is_all_that_is_sent(void **state)
{
    mean(one, two);
    run_until(is_installed);
    ds_clear(&sw.flow_log);

    mean_instead(one, three);
    assert_int_equal(ofconn_verdict(conn), OFCONN_PENDING);
    run_until(is_installed);
    assert_log(&sw.flow_log, FILL COMMIT);
    assert_int_equal(get_counters().bundles.ops[FLOW_OP_DELETE_FLOW], 1);
    assert_int_equal(get_counters().bundles.ops[FLOW_OP_ADD_FLOW], 3);
    assert_means(2);
}

static void
test_change_to_the_same_is_nothing_to_do(void **state)
{
    mean(one, two);
    run_until(is_installed);
    ds_clear(&sw.flow_log);

    mean_instead(one, one);
    assert_true(is_installed());
    mean_instead(NULL, NULL);
    assert_true(is_installed());
    assert_means(2);
    assert_int_equal(get_counters().bundles.committed, 1);
}

static void
test_changes_wait_for_the_bundle(void **state)
{
    sw.keeps_barriers = true;
    mean(one, two);
    run_until(is_filled);
    mean_instead(one, three);
    mean_instead(three, NULL);
    assert_int_equal(ofconn_verdict(conn), OFCONN_PENDING);
    assert_int_equal(hmap_count(&ofconn_desired(conn)->flows), 2);

    fake_switch_hang_up(&sw);
    sw.keeps_barriers = false;
    run_until(is_installed);
    assert_means(1);
    assert_int_equal(get_counters().bundles.committed, 1);
}

static void
test_change_after_a_refusal_is_all_that_is_left(void **state)
{
    sw.refused_add = 2;
    mean(one, two);
    run_until(is_refused);

    sw.refused_add = 0;
    mean_instead(two, NULL);
    assert_int_equal(ofconn_verdict(conn), OFCONN_PENDING);
    run_until(is_installed);
    assert_means(1);
}

static void
test_everything_meant_anew_undoes_changes(void **state)
{
    mean(one, two);
    mean_instead(NULL, three);
    mean(two, NULL);
    run_until(is_installed);
    assert_means(1);
}

static void
test_new_connection_gets_everything_again(void **state)
{
    mean(one, two);
    run_until(is_installed);
    ds_clear(&sw.flow_log);

    fake_switch_hang_up(&sw);
    run_until(is_disconnected);
    assert_int_equal(ofconn_verdict(conn), OFCONN_PENDING);
    assert_false(ofconn_has_facts(conn));
    run_until(is_installed);
    assert_log(&sw.flow_log, READ FILL COMMIT);
}

static void
test_queue_for_a_deaf_switch_is_bounded(void **state)
{
    run_until(has_facts);
    sw.is_deaf = true;

    struct flow_table table;
    flow_table_init(&table);
    for (int i = 0; i < 20000; i++) {
        char *line = xasprintf("table=1,cookie=0x7601,in_port=%d,"
                               "actions=drop", i + 1);
        assert_null(flow_text_add(&table, line));
        free(line);
    }
    ofconn_set_desired(conn, &table);
    flow_table_destroy(&table);

    for (int i = 0; i < 100; i++) {
        ofconn_run(conn);
    }
    assert_int_equal(ofconn_state(conn), OFCONN_SENDING);
    assert_true(get_counters().bundles.ops[FLOW_OP_ADD_FLOW] < 10000);

    sw.is_deaf = false;
    run_until(is_installed);
    assert_int_equal(get_counters().bundles.ops[FLOW_OP_ADD_FLOW], 20000);
}

static void
test_floods_are_forbidden_before_flows_are_sent(void **state)
{
    struct flood_map floods = { .known = { 0 } };
    flood_map_put(&floods, OFP_PORT_C(1), false);
    flood_map_put(&floods, OFP_PORT_C(2), false);
    ofconn_set_floods(conn, &floods);
    ofconn_set_fragments(conn, FRAGMENTS_MATCHED);
    mean(one, NULL);
    mean_instead(NULL, two);
    run_until(is_installed);
    assert_means(2);

    assert_log(&sw.port_log, "NXT_SET_CONTROLLER_ID\n"
                             "OFPT_GET_CONFIG_REQUEST\n"
                             "NXT_SET_ASYNC_CONFIG\nOFPT_SET_CONFIG\n"
                             "OFPST_PORT_DESC request\n"
                             "OFPT_PORT_MOD\nOFPT_PORT_MOD\n"
                             "OFPT_BARRIER_REQUEST\n");
    assert_int_equal(get_counters().port_mods, 2);
}

/* How often everything has been compared since it was asked last. */
static unsigned int
count_comparisons(void)
{
    extern struct coverage_counter counter_ofconn_compare_all;
    return counter_ofconn_compare_all.count();
}

static void
test_what_may_not_be_sent_is_compared_once(void **state)
{
    ofconn_set_hold(conn, true);
    mean(one, two);
    run_until(has_facts);
    (void) count_comparisons(); /* How many there were is not the point. */
    for (int i = 0; i < 100; i++) {
        ofconn_run(conn);
    }
    assert_int_equal(count_comparisons(), 0);

    mean_instead(two, three);
    assert_int_equal(count_comparisons(), 1);
    mean_instead(three, two);
    mean_instead(two, three);
    assert_int_equal(count_comparisons(), 2);
    assert_int_equal(ofconn_verdict(conn), OFCONN_PENDING);
    assert_null(strstr(ds_cstr(&sw.flow_log), "BUNDLE"));

    ofconn_set_hold(conn, false);
    run_until(is_installed);
    assert_int_equal(get_counters().bundles.ops[FLOW_OP_ADD_FLOW], 2);
    assert_means(2);
}

static void
test_what_becomes_right_on_hold_is_installed(void **state)
{
    assert_null(flow_text_add(&sw.flows, one));
    ofconn_set_hold(conn, true);
    mean(one, two);
    run_until(has_facts);
    assert_int_equal(ofconn_verdict(conn), OFCONN_PENDING);
    mean_instead(two, NULL);
    run_until(is_installed);
    assert_means(1);
}

static void
test_what_the_switch_tells_is_outdated_until_it_is_read(void **state)
{
    mean(one, two);
    run_until(is_installed);
    assert_log(&sw.flow_log, WATCH WATCH READ FILL COMMIT);
    assert_false(is_outdated());

    fake_switch_tell_of_flow(&sw, 0x7601);
    run_until(is_outdated);
    assert_log(&sw.flow_log, "");
    ofconn_refresh(conn);
    assert_false(is_outdated());
    while (get_counters().reads < 2) {
        run_until(has_facts);
    }
    assert_false(is_outdated());
}

static void
test_switch_that_does_not_tell_gets_flows_all_the_same(void **state)
{
    sw.refuses_monitors = true;
    mean(one, two);
    run_until(is_installed);
    assert_log(&sw.flow_log, WATCH WATCH READ FILL COMMIT);
    assert_int_equal(get_counters().errors, 0);
}

static void
test_bridge_without_our_versions_is_a_problem(void **state)
{
    sw.versions = 1u << OFP10_VERSION;
    run_until(has_problem);
    assert_string_taken(ofconn_problem(conn),
                        "protocols: bridge br0: neither OpenFlow14 nor "
                        "OpenFlow15, which flows need");
}

static bool
is_connected(void)
{
    return ofconn_is_connected(conn);
}

static bool
is_read_without_floods(void)
{
    return has_problem() && has_facts();
}

/* NORMAL would flood past them. */
static void
test_bridge_without_openflow_10_gets_no_flows(void **state)
{
    sw.versions = 1u << OFP14_VERSION;
    mean(one, NULL);
    run_until(is_read_without_floods);
    assert_false(is_connected());
    assert_string_taken(ofconn_problem(conn),
                        "protocols: bridge br0: no OpenFlow10, without "
                        "which NORMAL floods past flows");
    assert_int_equal(ofconn_verdict(conn), OFCONN_PENDING);
    assert_int_equal(get_counters().bundles.committed, 0);

    unsigned int seqno = ofconn_seqno(conn);
    sw.versions |= 1u << OFP10_VERSION;
    run_until(is_connected);
    assert_int_not_equal(ofconn_seqno(conn), seqno);
    run_until(is_installed);
    assert_null(ofconn_problem(conn));
    assert_int_equal(get_counters().bundles.committed, 1);
}

int
main(void)
{
#define TEST(NAME) cmocka_unit_test_setup_teardown(NAME, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_nothing_is_sent_before_somebody_means_something),
        TEST(test_what_is_meant_is_one_bundle),
        TEST(test_right_switch_is_left_alone),
        TEST(test_what_others_took_away_comes_back_with_a_refresh),
        TEST(test_refused_flow_is_named_and_nothing_else_changes),
        TEST(test_refused_flows_wait_for_the_caller),
        TEST(test_failed_commit_names_the_flow),
        TEST(test_frame_that_is_refused_costs_no_flow),
        TEST(test_frames_wait_for_a_switch_that_takes_its_time),
        TEST(test_what_is_meant_meanwhile_comes_next),
        TEST(test_change_is_all_that_is_sent),
        TEST(test_change_to_the_same_is_nothing_to_do),
        TEST(test_changes_wait_for_the_bundle),
        TEST(test_change_after_a_refusal_is_all_that_is_left),
        TEST(test_everything_meant_anew_undoes_changes),
        TEST(test_new_connection_gets_everything_again),
        TEST(test_queue_for_a_deaf_switch_is_bounded),
        TEST(test_floods_are_forbidden_before_flows_are_sent),
        TEST(test_what_may_not_be_sent_is_compared_once),
        TEST(test_what_becomes_right_on_hold_is_installed),
#define WATCHED(NAME) \
        cmocka_unit_test_setup_teardown(NAME, setup_watched, teardown)
        WATCHED(test_what_the_switch_tells_is_outdated_until_it_is_read),
        WATCHED(test_switch_that_does_not_tell_gets_flows_all_the_same),
        TEST(test_bridge_without_our_versions_is_a_problem),
        TEST(test_bridge_without_openflow_10_gets_no_flows),
    };
    fatal_ignore_sigpipe();
    vlog_set_levels(NULL, VLF_ANY_DESTINATION, VLL_OFF);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
