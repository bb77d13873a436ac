/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "flows/flow-owners.h"

#include <inttypes.h>

#include "flows/flow-table.h"
#include "flows/tables.h"
#include "lib/cleanup.h"
#include "tests/flow-text.h"
#include "tests/unit.h"
#include "util.h"

/* Returns whose the only flow of a bridge is. */
static struct flow_owners
owners_of(const char *flow)
{
    struct flow_table table;
    struct flow_owners owners;
    flow_table_init(&table);
    assert_null(flow_text_add(&table, flow));
    flow_owners_find(&table, &owners);
    flow_table_destroy(&table);
    return owners;
}

/* The same for a flow of ours that ends 'rule'. */
static struct flow_owners
owners_of_rule(enum table_rule rule, const char *actions)
{
    CLEANUP_FREE char *flow = xasprintf(
        "cookie=0x%"PRIx64",table=0,priority=1,actions=%s",
        table_cookie(0, rule), actions);
    return owners_of(flow);
}

static void
test_nobodys(void **state OVS_UNUSED)
{
    struct flow_table empty;
    struct flow_owners owners = { true, true, true, true };
    flow_table_init(&empty);
    flow_owners_find(&empty, &owners);
    assert_false(owners.has_ours || owners.drops_unknown
                 || owners.has_foreign || owners.has_others);
    flow_table_destroy(&empty);
}

static void
test_ours(void **state OVS_UNUSED)
{
    struct flow_owners owners = owners_of_rule(RULE_UNKNOWN_PORT, "drop");
    assert_true(owners.has_ours && owners.drops_unknown);
    assert_false(owners.has_foreign || owners.has_others);
    assert_false(owners_of_rule(RULE_UNKNOWN_PORT, "NORMAL").drops_unknown);
    assert_false(owners_of_rule(RULE_UNKNOWN_UNICAST, "drop").drops_unknown);
}

/* Those that bridges are born with, that only drop, that lead past ours, that
 * are in our tables, and that are in tables of their own. */
static void
test_others(void **state OVS_UNUSED)
{
    static const struct {
        const char *flow;
        bool has_others, has_foreign;
    } cases[] = {
        { "table=0,priority=0,actions=NORMAL", true, false },
        { "table=0,priority=200,ip,actions=drop", true, false },
        { "table=0,priority=200,ip,actions=NORMAL", true, true },
        { "table=0,priority=200,idle_timeout=9,actions=NORMAL", false, true },
        { "table=110,priority=7,actions=drop", false, true },
        { "table=7,priority=7,actions=NORMAL", false, false },
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct flow_owners owners = owners_of(cases[i].flow);
        assert_false(owners.has_ours);
        assert_int_equal(owners.has_others, cases[i].has_others);
        assert_int_equal(owners.has_foreign, cases[i].has_foreign);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nobodys),
        cmocka_unit_test(test_ours),
        cmocka_unit_test(test_others),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
