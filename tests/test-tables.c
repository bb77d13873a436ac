/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "flows/tables.h"

#include "sset.h"
#include "tests/unit.h"
#include "util.h"

static const enum table_rule rules[] = {
#define RULE(ENUM, NUMBER, NAME, WORDS) RULE_##ENUM,
    TABLE_RULES
#undef RULE
};

static void
test_cookie_says_whose_and_what_for(void **state)
{
    static const uint32_t vnics[] = { 0, 1, 0x123456, COOKIE_MAX_VNIC };
    for (size_t i = 0; i < ARRAY_SIZE(vnics); i++) {
        for (size_t j = 0; j < ARRAY_SIZE(rules); j++) {
            uint64_t cookie = table_cookie(vnics[i], rules[j]);
            assert_true(table_cookie_is_ours(cookie));
            assert_int_equal(table_cookie_vnic(cookie), vnics[i]);
            assert_int_equal(table_cookie_rule(cookie), rules[j]);
            assert_int_equal(cookie >> COOKIE_LAYOUT_SHIFT & 0xff,
                             COOKIE_LAYOUT);
        }
    }
}

static void
test_other_cookies_are_not_ours(void **state)
{
    assert_false(table_cookie_is_ours(0));
    assert_false(table_cookie_is_ours(UINT64_MAX));
    assert_false(table_cookie_is_ours(COOKIE_PREFIX >> 8));
    assert_true(table_cookie_is_ours(COOKIE_PREFIX | 0xff0000000000));
}

static void
test_each_rule_has_a_name_of_its_own(void **state)
{
    struct sset names = SSET_INITIALIZER(&names);
    for (size_t i = 0; i < ARRAY_SIZE(rules); i++) {
        assert_non_null(sset_add(&names, table_rule_name(rules[i])));
        assert_non_null(table_rule_words(rules[i]));
    }
    assert_int_equal(sset_count(&names), ARRAY_SIZE(rules));
    assert_null(table_rule_name(table_cookie_rule(UINT64_MAX)));
    assert_null(table_rule_words(0));
    sset_destroy(&names);
}

static void
test_tables_are_0_and_100_to_169(void **state)
{
    static const int ids[] = {
#define TABLE(ENUM, ID) ID,
        TABLES
#undef TABLE
    };
    for (size_t i = 0; i < ARRAY_SIZE(ids); i++) {
        assert_non_null(table_name(ids[i]));
        assert_true(ids[i] == 0 || (ids[i] >= 100 && ids[i] <= 169));
        assert_true(i == 0 || ids[i] > ids[i - 1]);
    }
    assert_string_equal(table_name(TABLE_ISOLATION), "ISOLATION");
    assert_null(table_name(1));
}

static void
test_learnt_flows_are_told(void **state)
{
    uint64_t cookie = table_cookie(5, RULE_LEARNT);
    assert_true(table_flow_is_learnt(TABLE_L2_LEARNT, cookie));
    assert_false(table_flow_is_learnt(TABLE_L2, cookie));
    assert_false(table_flow_is_learnt(TABLE_L2_LEARNT, RULE_LEARNT));
    assert_false(table_flow_is_learnt(TABLE_L2_LEARNT,
                                      table_cookie(5, RULE_UNICAST)));
}

static void
test_flows_that_count_violations_are_told(void **state)
{
    uint64_t limit = table_cookie(5, RULE_MAC_LIMIT);
    assert_true(table_flow_is_violation(TABLE_VIOLATION,
                                        table_cookie(5, RULE_ARP)));
    assert_true(table_flow_is_violation(TABLE_MAC_LIMIT, limit));
    assert_false(table_flow_is_violation(TABLE_MAC_LIMIT,
                                         table_cookie(0, RULE_ANY_MAC)));
    assert_false(table_flow_is_violation(TABLE_FRAME, limit));
}

static void
test_classes_differ_by_community_alone(void **state)
{
    assert_int_equal(table_class(ISOLATION_PROMISCUOUS, 7), 0);
    assert_int_equal(table_class(ISOLATION_ISOLATED, 7),
                     table_class(ISOLATION_ISOLATED, 8));
    assert_int_not_equal(table_class(ISOLATION_COMMUNITY, 7),
                         table_class(ISOLATION_COMMUNITY, 8));
    assert_int_equal(table_class(ISOLATION_COMMUNITY, 0xffff) & CLASS_MASK,
                     ISOLATION_COMMUNITY);
}

static void
test_group_ids_do_not_meet(void **state)
{
    uint32_t last = table_group_id(FLOOD_ALL, 4095, 0);
    assert_true(last < table_group_id(FLOOD_UNKNOWN, 0, 0));
    last = table_group_id(FLOOD_UNKNOWN, 4095, 0);
    assert_true(last < table_group_id(FLOOD_ALL, 0, 1));
    assert_int_equal(table_group_id(FLOOD_UNKNOWN, 4095, 2047)
                     & GROUP_PREFIX_MASK, GROUP_PREFIX);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cookie_says_whose_and_what_for),
        cmocka_unit_test(test_other_cookies_are_not_ours),
        cmocka_unit_test(test_each_rule_has_a_name_of_its_own),
        cmocka_unit_test(test_tables_are_0_and_100_to_169),
        cmocka_unit_test(test_learnt_flows_are_told),
        cmocka_unit_test(test_flows_that_count_violations_are_told),
        cmocka_unit_test(test_classes_differ_by_community_alone),
        cmocka_unit_test(test_group_ids_do_not_meet),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
