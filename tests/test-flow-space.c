/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "flows/flow-space.h"

#include "flows/flow-table.h"
#include "tests/flow-text.h"
#include "tests/unit.h"
#include "util.h"

static const struct flow_range ranges[] = { { 0, 0, 1, 99 },
                                            { 100, 169, 0, UINT16_MAX } };
static const struct flow_space space = {
    .cookie = UINT64_C(0x766e000000000000),
    .cookie_mask = UINT64_C(0xffff000000000000),
    .group = 0x76000000,
    .group_mask = 0xff000000,
    .ranges = ranges,
    .n_ranges = ARRAY_SIZE(ranges),
    .learnt_table = 131,
};

static void
test_flow_is_ours_by_its_cookie(void **state)
{
    assert_true(flow_space_owns_flow(&space, UINT64_C(0x766e000000000000)));
    assert_true(flow_space_owns_flow(&space, UINT64_C(0x766effffffffffff)));
    assert_false(flow_space_owns_flow(&space, UINT64_C(0x766f000000000000)));
    assert_false(flow_space_owns_flow(&space, 0));
}

static void
test_group_is_ours_by_its_id(void **state)
{
    assert_true(flow_space_owns_group(&space, 0x76000000));
    assert_true(flow_space_owns_group(&space, 0x76ffffff));
    assert_false(flow_space_owns_group(&space, 0x77000000));
    assert_false(flow_space_owns_group(&space, 1));
}

static void
test_space_has_bounds(void **state)
{
    static const struct {
        uint8_t table_id;
        uint16_t priority;
        bool is_covered;
    } cases[] = {
        { 0, 0, false },
        { 0, 1, true },
        { 0, 99, true },
        { 0, 100, false },
        { 1, 50, false },
        { 99, 50, false },
        { 100, 0, true },
        { 169, UINT16_MAX, true },
        { 170, 50, false },
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        assert_int_equal(flow_space_covers(&space, cases[i].table_id,
                                           cases[i].priority),
                         cases[i].is_covered);
    }
}

static void
test_what_concerns_us(void **state)
{
    uint64_t our_cookie = UINT64_C(0x766e000000000001);
    assert_true(flow_space_concerns(&space, 0, 0, 0));
    assert_true(flow_space_concerns(&space, 110, 7, 0));
    assert_true(flow_space_concerns(&space, 7, 7, our_cookie));
    assert_false(flow_space_concerns(&space, 7, 7, 0));
}

static void
test_what_the_switch_learns_is_not_watched(void **state)
{
    static const struct {
        uint8_t table_id;
        bool is_watched;
    } cases[] = {
        { 0, true }, { 1, false }, { 100, true }, { 130, true },
        { 131, false }, { 169, true }, { 170, false },
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        assert_int_equal(flow_space_watches(&space, cases[i].table_id),
                         cases[i].is_watched);
    }
}

static void
test_what_is_learnt_is_so_by_table_and_cookie(void **state)
{
    uint64_t our_cookie = UINT64_C(0x766e000000000001);
    assert_true(flow_space_learns(&space, 131, our_cookie));
    assert_false(flow_space_learns(&space, 131, 0));
    assert_false(flow_space_learns(&space, 0, our_cookie));
    const struct flow_space none = { .cookie = 1, .cookie_mask = 1 };
    assert_false(flow_space_learns(&none, 0, 1));
}

static void
test_one_table_is_shared(void **state)
{
    assert_true(flow_space_shares(&space, 0));
    assert_false(flow_space_shares(&space, 7));
    assert_false(flow_space_shares(&space, 110));
}

static bool
is_obstructed(const char *line)
{
    struct flow_table table;
    flow_table_init(&table);
    assert_null(flow_text_add(&table, line));
    struct hmap_node *node = hmap_first(&table.flows);
    bool result = flow_space_is_obstructed(
        &space, CONTAINER_OF(node, struct flow_entry, node));
    flow_table_destroy(&table);
    return result;
}

/* In the table that others use, too. */
static void
test_others_are_in_the_way_if_they_lead_past_ours(void **state)
{
    static const struct {
        const char *line;
        bool is_obstructed;
    } cases[] = {
        { "table=0,priority=0,actions=NORMAL", false },
        { "table=0,priority=0,actions=drop", true },
        { "table=0,priority=0,actions=output:1,NORMAL", true },
        { "table=0,priority=0,actions=output:1", true },
        { "table=0,priority=50,actions=drop", true },
        { "table=0,priority=100,udp,tp_src=67,actions=drop", false },
        { "table=0,priority=100,arp,actions=NORMAL", true },
        { "table=0,priority=100,in_port=1,actions=resubmit(,10)", true },
        { "table=10,priority=0,actions=NORMAL", false },
        { "table=130,priority=5,actions=drop", true },
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        assert_int_equal(is_obstructed(cases[i].line),
                         cases[i].is_obstructed);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_flow_is_ours_by_its_cookie),
        cmocka_unit_test(test_group_is_ours_by_its_id),
        cmocka_unit_test(test_space_has_bounds),
        cmocka_unit_test(test_what_concerns_us),
        cmocka_unit_test(test_what_the_switch_learns_is_not_watched),
        cmocka_unit_test(test_what_is_learnt_is_so_by_table_and_cookie),
        cmocka_unit_test(test_one_table_is_shared),
        cmocka_unit_test(test_others_are_in_the_way_if_they_lead_past_ours),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
