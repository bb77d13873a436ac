/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "flows/flow-diff.h"

#include "flows/flow-space.h"
#include "flows/flow-table.h"
#include "openvswitch/dynamic-string.h"
#include "tests/flow-text.h"
#include "tests/unit.h"
#include "util.h"

static const struct flow_range ranges[] = { { 0, 0, 1, 99 },
                                            { 100, 169, 0, UINT16_MAX } };
static const struct flow_space space = {
    .cookie = 0x7600,
    .cookie_mask = 0xff00,
    .group = 0x7600,
    .group_mask = 0xff00,
    .ranges = ranges,
    .n_ranges = ARRAY_SIZE(ranges),
};

#define MAX_LINES 8

static void
fill(struct flow_table *table, const char *const lines[MAX_LINES])
{
    flow_table_init(table);
    for (size_t i = 0; i < MAX_LINES && lines[i]; i++) {
        assert_null(flow_text_add(table, lines[i]));
    }
}

static char *
diff_to_string(const struct flow_diff *diff)
{
    struct ds s = DS_EMPTY_INITIALIZER;
    for (size_t i = 0; i < diff->n_ops; i++) {
        const struct flow_op *op = &diff->ops[i];
        char *object = flow_op_object(op);
        char *before = flow_op_before(op);
        char *after = flow_op_after(op);
        ds_put_format(&s, "%s (%s) %s: %s -> %s\n",
                      flow_op_kind_to_string(op->kind),
                      flow_cause_to_string(op->cause), object, before, after);
        free(object);
        free(before);
        free(after);
    }
    for (size_t i = 0; i < diff->n_foreign; i++) {
        ds_put_cstr(&s, "foreign ");
        flow_entry_format(diff->foreign[i], &s);
        ds_put_char(&s, '\n');
    }
    return ds_steal_cstr(&s);
}

/* Compares two tables, and expects this text. */
static void
check(const char *const desired[MAX_LINES],
      const char *const installed[MAX_LINES], const char *expected)
{
    struct flow_table want, have;
    fill(&want, desired);
    fill(&have, installed);

    struct flow_diff diff = FLOW_DIFF_INIT;
    flow_diff_compute(&want, &have, &space, &diff);
    assert_string_taken(diff_to_string(&diff), expected);

    flow_diff_destroy(&diff);
    flow_table_destroy(&want);
    flow_table_destroy(&have);
}

#define LINES(...) (const char *const[MAX_LINES]) { __VA_ARGS__ }

static void
test_nothing_to_do(void **state)
{
    check(LINES(NULL), LINES(NULL), "");
    check(LINES("table=100,cookie=0x7601,in_port=1,actions=strip_vlan,NORMAL",
                "group_id=0x7601,type=all,bucket=bucket_id:1,output:1"),
          LINES("table=100,cookie=0x7601,in_port=1,actions=pop_vlan,NORMAL",
                "group_id=0x7601,type=all,bucket=bucket_id:0,output:1"), "");
}

static void
test_missing_flow_is_added(void **state)
{
    check(LINES("table=100,priority=5,cookie=0x7601,actions=drop"),
          LINES(NULL),
          "add-flow (missing) flow table=100, priority=5: "
          "missing -> cookie=0x7601, actions=drop\n");
}

static void
test_flow_that_nobody_means_is_deleted(void **state)
{
    check(LINES(NULL),
          LINES("table=7,priority=5,cookie=0x7601,actions=drop"),
          "delete-flow (unwanted) flow table=7, priority=5: "
          "cookie=0x7601, actions=drop -> removed\n");
}

static void
test_changed_actions_keep_the_counters(void **state)
{
    check(LINES("table=100,priority=5,cookie=0x7601,actions=output:1"),
          LINES("table=100,priority=5,cookie=0x7601,actions=drop"),
          "modify-flow (actions) flow table=100, priority=5: "
          "cookie=0x7601, actions=drop -> cookie=0x7601, actions=output:1\n");
}

static void
test_changed_cookie_needs_a_new_flow(void **state)
{
    check(LINES("table=100,priority=5,cookie=0x7602,actions=drop"),
          LINES("table=100,priority=5,cookie=0x7601,actions=drop"),
          "add-flow (cookie) flow table=100, priority=5: "
          "cookie=0x7601, actions=drop -> cookie=0x7602, actions=drop\n");
}

static void
test_what_goes_by_itself_keeps_no_place(void **state)
{
    static const char *const cookies[] = { "0x7601", "0x99" };
    for (size_t i = 0; i < ARRAY_SIZE(cookies); i++) {
        char *have = xasprintf("table=100,priority=5,cookie=%s,"
                               "idle_timeout=9,actions=drop", cookies[i]);
        char *expected = xasprintf(
            "add-flow (timeout) flow table=100, priority=5: cookie=%s, "
            "actions=drop -> cookie=0x7601, actions=drop\n", cookies[i]);
        check(LINES("table=100,priority=5,cookie=0x7601,actions=drop"),
              LINES(have), expected);
        free(expected);
        free(have);
    }
}

static void
test_flows_that_lead_past_ours_for_a_while_are_found(void **state)
{
    check(LINES(NULL),
          LINES("priority=200,cookie=0x99,idle_timeout=9,actions=NORMAL",
                "priority=201,cookie=0x7601,hard_timeout=9,actions=NORMAL"),
          "delete-flow (unwanted) flow table=0, priority=201: "
          "cookie=0x7601, actions=NORMAL -> removed\n"
          "foreign cookie=0x99, table=0, priority=200 actions=NORMAL\n");
}

static void
test_groups_go_first_and_are_deleted_last(void **state)
{
    check(LINES("group_id=0x7601,type=all,bucket=bucket_id:1,output:1",
                "group_id=0x7602,type=all,bucket=bucket_id:1,output:2",
                "table=101,priority=5,cookie=0x7601,actions=group:0x7601",
                "table=100,priority=5,cookie=0x7601,actions=group:0x7602"),
          LINES("group_id=0x7602,type=all,bucket=bucket_id:1,output:1",
                "group_id=0x7603,type=all,bucket=bucket_id:1,output:1",
                "table=100,priority=5,cookie=0x7601,actions=group:0x7603",
                "table=102,priority=5,cookie=0x7601,actions=group:0x7603"),
          "add-group (missing) group 30209: missing -> group_id=30209,"
          "type=all,bucket=bucket_id:1,actions=output:1\n"
          "modify-group (buckets) group 30210: group_id=30210,"
          "type=all,bucket=bucket_id:1,actions=output:1 -> group_id=30210,"
          "type=all,bucket=bucket_id:1,actions=output:2\n"
          "delete-flow (unwanted) flow table=102, priority=5: "
          "cookie=0x7601, actions=group:30211 -> removed\n"
          "modify-flow (actions) flow table=100, priority=5: "
          "cookie=0x7601, actions=group:30211 -> "
          "cookie=0x7601, actions=group:30210\n"
          "add-flow (missing) flow table=101, priority=5: "
          "missing -> cookie=0x7601, actions=group:30209\n"
          "delete-group (unwanted) group 30211: group_id=30211,"
          "type=all,bucket=bucket_id:1,actions=output:1 -> removed\n");
}

static void
test_flows_come_in_the_order_of_lookup(void **state)
{
    check(LINES("table=101,priority=5,cookie=0x7601,actions=drop",
                "table=100,priority=5,cookie=0x7602,in_port=1,actions=drop",
                "table=100,priority=5,cookie=0x7601,in_port=2,actions=drop",
                "table=100,priority=9,cookie=0x7603,actions=drop"),
          LINES(NULL),
          "add-flow (missing) flow table=100, priority=9: "
          "missing -> cookie=0x7603, actions=drop\n"
          "add-flow (missing) flow table=100, priority=5,in_port=2: "
          "missing -> cookie=0x7601, actions=drop\n"
          "add-flow (missing) flow table=100, priority=5,in_port=1: "
          "missing -> cookie=0x7602, actions=drop\n"
          "add-flow (missing) flow table=101, priority=5: "
          "missing -> cookie=0x7601, actions=drop\n");
}

static void
test_what_is_others_stays(void **state)
{
    check(LINES(NULL),
          LINES("table=0,priority=0,actions=NORMAL",
                "table=0,priority=100,cookie=0x9900,in_port=1,actions=drop",
                "table=7,priority=5,actions=drop",
                "group_id=5,type=all,bucket=bucket_id:1,output:1"), "");
}

static void
test_others_in_our_way_are_reported(void **state)
{
    check(LINES(NULL),
          LINES("table=120,priority=5,actions=drop",
                "table=0,priority=50,cookie=0x9900,in_port=1,actions=drop"),
          "foreign cookie=0x9900, table=0, priority=50,in_port=1 "
          "actions=drop\n"
          "foreign cookie=0x0, table=120, priority=5 actions=drop\n");
}

static void
test_others_in_the_very_place_of_ours_stays(void **state)
{
    check(LINES("table=120,priority=5,cookie=0x7601,actions=output:1",
                "table=120,priority=6,cookie=0x7601,actions=output:1"),
          LINES("table=120,priority=5,actions=drop"),
          "add-flow (missing) flow table=120, priority=6: "
          "missing -> cookie=0x7601, actions=output:1\n"
          "foreign cookie=0x0, table=120, priority=5 actions=drop\n");
}

static void
copy_table(struct flow_table *dst, const struct flow_table *src)
{
    flow_table_init(dst);
    const struct flow_entry *entry;
    HMAP_FOR_EACH (entry, node, &src->flows) {
        flow_table_copy(dst, entry);
    }
    const struct flow_group *group;
    HMAP_FOR_EACH (group, node, &src->groups) {
        flow_table_copy_group(dst, group);
    }
}

static void
fill_at_random(struct flow_table *table, const int *cookies, size_t n_cookies)
{
    flow_table_init(table);
    for (size_t i = 0; i < 20; i++) {
        char *line = xasprintf("table=%d,priority=%d,cookie=%d,in_port=%d,"
                               "actions=output:%d", 99 + rand() % 3,
                               rand() % 2, cookies[rand() % n_cookies],
                               1 + rand() % 3, 1 + rand() % 2);
        assert_null(flow_text_add(table, line));
        free(line);

        line = xasprintf("group_id=%d,type=all,bucket=bucket_id:1,output:%d",
                         0x7600 + rand() % 4, 1 + rand() % 2);
        assert_null(flow_text_add(table, line));
        free(line);
    }
}

static size_t
count_foreign(const struct flow_table *a, const struct flow_table *b)
{
    size_t n = 0;
    const struct flow_entry *entry;
    HMAP_FOR_EACH (entry, node, &a->flows) {
        const struct flow_entry *other = flow_table_find(b, entry);
        n += (!flow_space_owns_flow(&space, entry->cookie)
              && other && flow_entry_equals(entry, other));
    }
    return n;
}

static void
test_what_the_diff_says_is_all_there_is_to_do(void **state)
{
    static const int ours[] = { 0x7601, 0x7602 };
    static const int anybodys[] = { 0x7601, 0x7602, 0, 0x9900 };
    srand(1);
    for (size_t i = 0; i < 200; i++) {
        struct flow_table want, have, result;
        fill_at_random(&want, ours, ARRAY_SIZE(ours));
        fill_at_random(&have, anybodys, ARRAY_SIZE(anybodys));

        struct flow_diff diff = FLOW_DIFF_INIT;
        copy_table(&result, &have);
        flow_diff_compute(&want, &result, &space, &diff);
        flow_diff_apply(&diff, &result);
        assert_int_equal(count_foreign(&have, &result),
                         count_foreign(&have, &have));

        struct flow_diff again = FLOW_DIFF_INIT;
        flow_diff_compute(&want, &result, &space, &again);
        assert_int_equal(again.n_ops, 0);

        flow_diff_destroy(&again);
        flow_table_destroy(&want);
        flow_table_destroy(&have);
        flow_table_destroy(&result);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing_to_do),
        cmocka_unit_test(test_missing_flow_is_added),
        cmocka_unit_test(test_flow_that_nobody_means_is_deleted),
        cmocka_unit_test(test_changed_actions_keep_the_counters),
        cmocka_unit_test(test_changed_cookie_needs_a_new_flow),
        cmocka_unit_test(test_what_goes_by_itself_keeps_no_place),
        cmocka_unit_test(test_flows_that_lead_past_ours_for_a_while_are_found),
        cmocka_unit_test(test_groups_go_first_and_are_deleted_last),
        cmocka_unit_test(test_flows_come_in_the_order_of_lookup),
        cmocka_unit_test(test_what_is_others_stays),
        cmocka_unit_test(test_others_in_our_way_are_reported),
        cmocka_unit_test(test_others_in_the_very_place_of_ours_stays),
        cmocka_unit_test(test_what_the_diff_says_is_all_there_is_to_do),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
