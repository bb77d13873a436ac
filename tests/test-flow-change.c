/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "flows/flow-change.h"

#include <stdlib.h>

#include "openvswitch/dynamic-string.h"
#include "svec.h"
#include "tests/flow-text.h"
#include "tests/unit.h"

/* What is in 'table', in order, as text. */
static char *
table_to_string(const struct flow_table *table)
{
    struct svec lines = SVEC_EMPTY_INITIALIZER;
    const struct flow_entry *flow;
    HMAP_FOR_EACH (flow, node, &table->flows) {
        struct ds s = DS_EMPTY_INITIALIZER;
        flow_entry_format(flow, &s);
        svec_add_nocopy(&lines, ds_steal_cstr(&s));
    }
    const struct flow_group *group;
    HMAP_FOR_EACH (group, node, &table->groups) {
        struct ds s = DS_EMPTY_INITIALIZER;
        flow_group_format(group, &s);
        svec_add_nocopy(&lines, ds_steal_cstr(&s));
    }
    svec_sort(&lines);
    char *text = svec_join(&lines, "\n", "");
    svec_destroy(&lines);
    return text;
}

static void
add(struct flow_table *table, const char *first, const char *second)
{
    assert_null(flow_text_add(table, first));
    if (second) {
        assert_null(flow_text_add(table, second));
    }
}

static const char one[] = "table=1,cookie=0x1,actions=output:1";
static const char one_otherwise[] = "table=1,cookie=0x1,actions=output:9";
static const char two[] = "table=2,cookie=0x2,actions=output:2";
static const char three[] = "table=3,cookie=0x3,actions=output:3";
static const char group[] = "group_id=1,type=all,bucket=bucket_id:1,output:1";
static const char group_otherwise[]
    = "group_id=1,type=all,bucket=bucket_id:1,output:9";

static void
test_what_is_before_goes_and_what_is_after_comes(void **state)
{
    struct flow_table table;
    struct flow_change change;
    flow_table_init(&table);
    flow_change_init(&change);
    add(&table, one, two);
    add(&table, group, NULL);
    add(&change.before, one_otherwise, group);
    add(&change.after, three, group_otherwise);

    flow_change_apply(&change, &table);
    assert_string_taken(
        table_to_string(&table),
        "cookie=0x2, table=2,  actions=output:2\n"
        "cookie=0x3, table=3,  actions=output:3\n"
        "group_id=1,type=all,bucket=bucket_id:1,actions=output:9");
    assert_true(flow_change_is_empty(&change));
    flow_change_destroy(&change);
    flow_table_destroy(&table);
}

/* What came with the first and goes with the second was never there. */
static void
test_two_changes_are_one(void **state)
{
    struct flow_table table;
    struct flow_change change, later;
    flow_table_init(&table);
    flow_change_init(&change);
    flow_change_init(&later);
    add(&table, one, NULL);
    add(&change.before, one, NULL);
    add(&change.after, two, group);
    add(&later.before, two, group);
    add(&later.after, three, one_otherwise);

    flow_change_append(&change, &later);
    assert_true(flow_change_is_empty(&later));
    assert_false(flow_change_is_empty(&change));
    flow_change_apply(&change, &table);
    assert_string_taken(table_to_string(&table),
                        "cookie=0x1, table=1,  actions=output:9\n"
                        "cookie=0x3, table=3,  actions=output:3");
    flow_change_destroy(&change);
    flow_change_destroy(&later);
    flow_table_destroy(&table);
}

static void
test_cleared_change_is_none(void **state)
{
    struct flow_change change;
    flow_change_init(&change);
    assert_true(flow_change_is_empty(&change));
    add(&change.before, one, NULL);
    assert_false(flow_change_is_empty(&change));
    flow_change_clear(&change);
    assert_true(flow_change_is_empty(&change));
    flow_change_destroy(&change);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_before_goes_and_what_is_after_comes),
        cmocka_unit_test(test_two_changes_are_one),
        cmocka_unit_test(test_cleared_change_is_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
