/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "flows/flow-space.h"

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

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_flow_is_ours_by_its_cookie),
        cmocka_unit_test(test_group_is_ours_by_its_id),
        cmocka_unit_test(test_space_has_bounds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
