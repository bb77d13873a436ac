/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "lib/error.h"

#include "tests/unit.h"
#include "util.h"

static void
test_context_goes_in_front(void **state)
{
    char *error = error_wrap(xstrdup("VLAN 0"), "interface %d", 7);
    assert_string_taken(error_wrap(error, "domain %s", "web1"),
                        "domain web1: interface 7: VLAN 0");
}

static void
test_success_stays_success(void **state)
{
    assert_null(error_wrap(NULL, "domain %s", "web1"));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_context_goes_in_front),
        cmocka_unit_test(test_success_stays_success),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
