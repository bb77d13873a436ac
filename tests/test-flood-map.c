/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "flows/flood-map.h"

#include "flow.h"
#include "tests/unit.h"
#include "util.h"

static void
test_what_is_put_is_found(void **state)
{
    struct flood_map map = { .known = { 0 } };
    assert_false(flood_map_contains(&map, OFPP_LOCAL));
    assert_false(flood_map_allows(&map, OFPP_LOCAL));
    flood_map_put(&map, OFPP_LOCAL, true);
    flood_map_put(&map, u16_to_ofp(1), false);
    assert_true(flood_map_contains(&map, OFPP_LOCAL));
    assert_true(flood_map_allows(&map, OFPP_LOCAL));
    assert_true(flood_map_contains(&map, u16_to_ofp(1)));
    assert_false(flood_map_allows(&map, u16_to_ofp(1)));
    assert_false(flood_map_contains(&map, u16_to_ofp(2)));
}

static void
test_the_last_word_counts(void **state)
{
    struct flood_map map = { .known = { 0 } };
    struct flood_map other = { .known = { 0 } };
    assert_true(flood_map_equals(&map, &other));
    flood_map_put(&map, u16_to_ofp(7), true);
    assert_false(flood_map_equals(&map, &other));
    flood_map_put(&other, u16_to_ofp(7), false);
    assert_false(flood_map_equals(&map, &other));
    flood_map_put(&map, u16_to_ofp(7), false);
    assert_true(flood_map_equals(&map, &other));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_put_is_found),
        cmocka_unit_test(test_the_last_word_counts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
