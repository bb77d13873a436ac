/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "flows/membership-query.h"

#include "csum.h"
#include "openvswitch/dynamic-string.h"
#include "tests/unit.h"
#include "util.h"

static void
assert_frame(const struct membership_query *query, const char *expected)
{
    struct ds s = DS_EMPTY_INITIALIZER;
    for (size_t i = 0; i < query->size; i++) {
        ds_put_format(&s, "%02x", query->frame[i]);
    }
    assert_string_taken(ds_steal_cstr(&s), expected);
}

/* Whoever sums up a header with its checksum gets nothing. */
static void
test_igmp(void **state)
{
    struct membership_query query;
    membership_query_igmp(&query);
    assert_int_equal(csum(&query.frame[14], 24), 0);
    assert_int_equal(csum(&query.frame[38], 12), 0);
    assert_frame(&query,
                 "01005e000001" "02766e696364" "0800"
                 "46c00024" "00000000" "01024413" "00000000" "e0000001"
                 "94040000"
                 "110aec78" "00000000" "027d0000"
                 "00000000000000000000");
}

static void
test_mld(void **state)
{
    struct membership_query query;
    membership_query_mld(&query);
    uint8_t pseudo_header[8] = { 0, 0, 0, 28, 0, 0, 0, 58 };
    uint32_t sum = csum_continue(0, &query.frame[22], 32);
    sum = csum_continue(sum, pseudo_header, sizeof pseudo_header);
    assert_int_equal(csum_finish(csum_continue(sum, &query.frame[62], 28)),
                     0);
    assert_frame(&query,
                 "333300000001" "02766e696364" "86dd"
                 "6000000000240001" "fe80000000000000fffffffffffffffe"
                 "ff020000000000000000000000000001"
                 "3a00050200000100"
                 "820079c003e80000" "00000000000000000000000000000000"
                 "027d0000");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_igmp),
        cmocka_unit_test(test_mld),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
