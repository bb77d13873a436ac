/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_UNIT_H
#define TESTS_UNIT_H 1

/* What cmocka wants included before itself. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

/* Compares the malloc'd string 'ACTUAL', and frees it. */
#define assert_string_taken(ACTUAL, EXPECTED)           \
    do {                                                \
        char *actual_ = (ACTUAL);                       \
        assert_non_null(actual_);                       \
        assert_string_equal(actual_, EXPECTED);         \
        free(actual_);                                  \
    } while (0)

#endif /* tests/unit.h */
