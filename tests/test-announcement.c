/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "flows/announcement.h"

#include "packets.h"
#include "tests/unit.h"
#include "util.h"

static void
test_rarp(void **state)
{
    static const uint8_t expected[ANNOUNCEMENT_SIZE] =
        "\xff\xff\xff\xff\xff\xff" "\x52\x54\0\x01\x02\x03" "\x80\x35"
        "\0\x01\x08\0\x06\x04\0\x03"
        "\x52\x54\0\x01\x02\x03" "\0\0\0\0"
        "\x52\x54\0\x01\x02\x03" "\0\0\0\0";
    const struct eth_addr mac = { .ea = { 0x52, 0x54, 0, 1, 2, 3 } };
    struct announcement announcement;
    announcement_build(&announcement, mac);
    assert_memory_equal(announcement.frame, expected, sizeof expected);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rarp),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
