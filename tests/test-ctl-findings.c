/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "ctl/findings.h"

#include "tests/unit.h"

static void
test_heading_alone_is_no_finding(void **state)
{
    assert_false(findings_in_listing("KIND WHERE\n---- -----\n", "table"));
    assert_false(findings_in_listing("KIND WHERE\n---- -----", "table"));
    assert_false(findings_in_listing("KIND WHERE\n---- -----\n\n(all is "
                                     "well)\n", "table"));
    assert_false(findings_in_listing("kind,key\n", "csv"));
    assert_false(findings_in_listing("[]", "json"));
    assert_false(findings_in_listing("[\n]\n", "json"));
}

static void
test_each_row_is_a_finding(void **state)
{
    assert_true(findings_in_listing("KIND\n----\nset\n", "table"));
    assert_true(findings_in_listing("KIND\n----\nset", "table"));
    assert_true(findings_in_listing("KIND\n----\nset\n\n(nearly)", "table"));
    assert_true(findings_in_listing("kind\nset\n", "csv"));
    assert_true(findings_in_listing("[{\"kind\": \"set\"}]", "json"));
}

static void
test_nonsense_is_a_finding(void **state)
{
    assert_true(findings_in_listing("", "json"));
    assert_true(findings_in_listing("{}", "json"));
    assert_true(findings_in_status(""));
    assert_true(findings_in_status("[]"));
}

static void
test_status(void **state)
{
    assert_false(findings_in_status("{\"ok\": true}"));
    assert_false(findings_in_status("{\"ok\": true, \"warnings\": []}"));
    assert_true(findings_in_status("{\"ok\": false, \"warnings\": []}"));
    assert_true(findings_in_status("{\"ok\": true, \"warnings\": [\"x\"]}"));
    assert_true(findings_in_status("{\"warnings\": []}"));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_heading_alone_is_no_finding),
        cmocka_unit_test(test_each_row_is_a_finding),
        cmocka_unit_test(test_nonsense_is_a_finding),
        cmocka_unit_test(test_status),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
