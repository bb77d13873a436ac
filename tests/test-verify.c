/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "flows/verify.h"

#include "flows/trace.h"
#include "flows/verify-plan.h"
#include "lib/cleanup.h"
#include "lib/report.h"
#include "simap.h"
#include "tests/pipeline-json.h"
#include "tests/unit.h"
#include "util.h"

static struct verify_plan plan;

/* vNICs 1 and 2, 3 in another VLAN, and a blocked port 4; the datapath calls
 * them 11 to 14. */
static int
setup(void **state)
{
    CLEANUP(pipeline_bridge) struct pipeline_bridge bridge;
    pipeline_bridge_init(&bridge);
    pipeline_json_parse(
        "{'blocked':[4],'vnics':["
        "{'number':1,'ofport':1,'mac':'52:54:00:00:00:01',"
        "'vlan_mode':'access','tag':10,'guard':'enforce'},"
        "{'number':2,'ofport':2,'mac':'52:54:00:00:00:02',"
        "'vlan_mode':'trunk','tag':-1,'trunks':[10],'guard':'enforce'},"
        "{'number':3,'ofport':3,'mac':'52:54:00:00:00:03',"
        "'vlan_mode':'access','tag':20,'guard':'enforce'}]}", &bridge);
    char *error = verify_plan_init(&plan, &bridge, false);
    assert_null(error);

    struct simap ofports = SIMAP_INITIALIZER(&ofports);
    simap_put(&ofports, "11", 1);
    simap_put(&ofports, "12", 2);
    simap_put(&ofports, "13", 3);
    simap_put(&ofports, "14", 4);
    error = verify_plan_set_ports(&plan, &ofports);
    assert_null(error);
    simap_destroy(&ofports);
    return 0;
}

static int
teardown(void **state)
{
    verify_plan_destroy(&plan);
    return 0;
}

/* Judges a broadcast of vNIC 1, whose trace has these datapath actions, and
 * crosses a patch port or not. */
static char *
judge(const char *actions, bool crosses)
{
    CLEANUP_FREE char *text = xasprintf(
        "Flow: in_port=1,vlan_tci=0x0000\n\nbridge(\"br0\")\n%s\n"
        "Datapath actions: %s\n", crosses ? "bridge(\"br0\")" : "", actions);
    CLEANUP(trace) struct trace trace;
    assert_null(trace_parse(text, &trace));
    const struct verify_probe probe = {
        .kind = VERIFY_BROADCAST, .from = 0, .to = VERIFY_OUTSIDE, .tag = -1,
    };
    struct report report;
    verify_report_init(&report);
    size_t n_rows = verify_judge(&plan, &probe, &trace, &report);
    assert_int_equal(report.n_cells, n_rows * report.n_columns);
    char *csv = report_render(&report, REPORT_CSV);
    report_destroy(&report);
    return csv;
}

#define HEADING "from,to,encapsulation,expected,found\n"
#define FRAME "\"broadcast, untagged\""
#define RIGHT "push_vlan(vid=10,pcp=0),12"

static void
test_right_is_no_row(void **state)
{
    assert_string_taken(judge(RIGHT ",99", true), HEADING);
    assert_string_taken(judge(RIGHT, true), HEADING);
}

static void
test_too_much(void **state)
{
    assert_string_taken(judge("13," RIGHT, true), HEADING
                        "vnic1,vnic3," FRAME ",nothing,untagged\n");
    assert_string_taken(judge(RIGHT ",12", true), HEADING
                        "vnic1,vnic2," FRAME ",tag 10,\"tag 10, tag 10\"\n");
    assert_string_taken(judge(RIGHT ",14", true), HEADING
                        "vnic1,blocked port 4," FRAME ",nothing,tag 10\n");
    /* Its own frame back. */
    assert_string_taken(judge(RIGHT ",pop_vlan,11", true), HEADING
                        "vnic1,vnic1," FRAME ",nothing,untagged\n");
}

static void
test_too_little(void **state)
{
    assert_string_taken(judge("drop", false), HEADING
                        "vnic1,vnic2," FRAME ",tag 10,nothing\n"
                        "vnic1,outside," FRAME ",the frame,nothing\n");
    /* Outside by another way than the patch ports. */
    assert_string_taken(judge(RIGHT ",99", false), HEADING);
}

static void
test_wrong_tags(void **state)
{
    assert_string_taken(judge("12", true), HEADING
                        "vnic1,vnic2," FRAME ",tag 10,untagged\n");
    assert_string_taken(
        judge("push_vlan(vid=10,pcp=0),push_vlan(tpid=0x88a8,vid=7,pcp=0),12",
              true), HEADING
        "vnic1,vnic2," FRAME ",tag 10,tag 7 (0x88a8) 10\n");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(NAME) cmocka_unit_test_setup_teardown(NAME, setup, teardown)
        TEST(test_right_is_no_row),
        TEST(test_too_much),
        TEST(test_too_little),
        TEST(test_wrong_tags),
#undef TEST
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
