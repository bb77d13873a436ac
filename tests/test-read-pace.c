/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "controller/read-pace.h"

#include "tests/unit.h"

/* When the tests begin. */
enum { T0 = 1000000 };

static struct read_pace pace;

static int
setup(void **state)
{
    read_pace_init(&pace, T0);
    return 0;
}

/* Somebody changes flows every 10 ms from 'from' to 'to'.  Returns how often
 * they are read meanwhile. */
static int
count_reads(long long int from, long long int to)
{
    int n = 0;
    for (long long int now = from; now < to; now += 10) {
        read_pace_note_change(&pace, now);
        n += read_pace_take(&pace, now);
    }
    return n;
}

static void
test_a_quiet_switch_is_read_once_a_minute(void **state)
{
    assert_false(read_pace_take(&pace, T0 + READ_PACE_PAUSE_MS - 1));
    assert_true(read_pace_take(&pace, T0 + READ_PACE_PAUSE_MS));
    assert_false(read_pace_take(&pace, T0 + 2 * READ_PACE_PAUSE_MS - 1));
    assert_true(read_pace_take(&pace, T0 + 2 * READ_PACE_PAUSE_MS));
}

static void
test_a_change_is_read_at_once(void **state)
{
    read_pace_note_change(&pace, T0 + 1);
    assert_int_equal(pace.due_ms, T0 + 1);
    assert_true(read_pace_take(&pace, T0 + 1));
    assert_false(read_pace_take(&pace, T0 + 2));
}

static void
test_whoever_does_not_stop_is_read_less_and_less(void **state)
{
    assert_in_range(count_reads(T0, T0 + 1000), 4, 6);
    assert_in_range(count_reads(T0 + 1000, T0 + 60000), 4, 6);
    assert_int_equal(count_reads(T0 + 60000, T0 + 600000), 9);
}

/* A guest waits. */
static void
test_what_is_told_can_be_hurried(void **state)
{
    long long int now = T0 + 600000;
    count_reads(T0, now);
    read_pace_note_change(&pace, now);
    assert_true(pace.due_ms > now);
    read_pace_hurry(&pace, now);
    assert_true(read_pace_take(&pace, now));
    read_pace_hurry(&pace, now + 1);    /* Nothing is told. */
    assert_false(read_pace_take(&pace, now + 1));
}

static void
test_a_fight_is_forgotten_after_a_quiet_minute(void **state)
{
    long long int now = T0 + 600000;
    count_reads(T0, now);
    while (!read_pace_take(&pace, now)) {
        now += 10;
    }
    long long int quiet = now + READ_PACE_PAUSE_MS;
    assert_true(read_pace_take(&pace, quiet));
    read_pace_note_change(&pace, quiet + 1);
    assert_true(read_pace_take(&pace, quiet + 1));
}

static void
test_a_doubt_is_read_soon_and_then_less_and_less(void **state)
{
    long long int now = T0 + 5;
    read_pace_note_doubt(&pace, now);
    for (long long int pause = READ_PACE_FIRST_PAUSE_MS; pause < 5000;
         pause *= 2) {
        assert_int_equal(pace.due_ms, now + pause);
        now = pace.due_ms;
        assert_true(read_pace_take(&pace, now));
    }
}

int
main(void)
{
#define TEST(NAME) cmocka_unit_test_setup(NAME, setup)
    const struct CMUnitTest tests[] = {
        TEST(test_a_quiet_switch_is_read_once_a_minute),
        TEST(test_a_change_is_read_at_once),
        TEST(test_whoever_does_not_stop_is_read_less_and_less),
        TEST(test_what_is_told_can_be_hurried),
        TEST(test_a_fight_is_forgotten_after_a_quiet_minute),
        TEST(test_a_doubt_is_read_soon_and_then_less_and_less),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
