/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "controller/wishes.h"

#include <limits.h>

#include "tests/unit.h"

/* When the tests begin. */
enum { T0 = 1000000 };

static struct wishes wishes;

static int
setup(void **state)
{
    wishes = (struct wishes) { .since_ms = 0 };
    return 0;
}

/* A pass begins at 'now'; libvirt is silent. */
static bool
begin_pass(long long int now)
{
    return wishes_serve(&wishes, true, now);
}

/* The same when libvirt has answered. */
static bool
begin_settled_pass(long long int now)
{
    return wishes_serve(&wishes, false, now);
}

static void
test_a_pass_without_wishes_serves_none(void **state)
{
    assert_int_equal(wishes_due_ms(&wishes, false), LLONG_MAX);
    assert_int_equal(wishes_due_ms(&wishes, true), LLONG_MAX);
    assert_false(begin_settled_pass(T0));
    for (enum wish_kind kind = 0; kind < N_WISH_KINDS; kind++) {
        assert_false(wishes_are_served(&wishes, kind));
    }
}

static void
test_a_wish_is_served_and_then_fulfilled(void **state)
{
    uint64_t repair = wishes_utter(&wishes, WISH_REPAIR, T0);
    assert_int_equal(wishes_due_ms(&wishes, false), LLONG_MIN);
    assert_true(begin_settled_pass(T0));
    assert_true(wishes_are_served(&wishes, WISH_REPAIR));
    assert_false(wishes_are_served(&wishes, WISH_COLLECT));
    assert_false(wishes_is_fulfilled(&wishes, WISH_REPAIR, repair));
    assert_int_equal(wishes_due_ms(&wishes, false), LLONG_MAX);

    wishes_fulfil(&wishes);
    assert_true(wishes_is_fulfilled(&wishes, WISH_REPAIR, repair));
    assert_false(wishes_are_served(&wishes, WISH_REPAIR));
}

static void
test_a_wish_waits_for_libvirt(void **state)
{
    uint64_t collect = wishes_utter(&wishes, WISH_COLLECT, T0);
    assert_int_equal(wishes_due_ms(&wishes, true), T0 + WISH_SETTLE_MS);
    assert_false(begin_pass(T0 + WISH_SETTLE_MS - 1));
    assert_false(wishes_are_served(&wishes, WISH_COLLECT));
    wishes_fulfil(&wishes);
    assert_false(wishes_is_fulfilled(&wishes, WISH_COLLECT, collect));
    assert_true(begin_pass(T0 + WISH_SETTLE_MS));
    assert_true(wishes_are_served(&wishes, WISH_COLLECT));
}

static void
test_a_sweep_does_not_wait_for_libvirt(void **state)
{
    uint64_t repair = wishes_utter(&wishes, WISH_REPAIR, T0);
    uint64_t sweep = wishes_utter(&wishes, WISH_SWEEP, T0);
    assert_int_equal(wishes_due_ms(&wishes, true), LLONG_MIN);
    assert_false(begin_pass(T0));
    assert_true(wishes_are_served(&wishes, WISH_SWEEP));
    assert_false(wishes_are_served(&wishes, WISH_REPAIR));
    wishes_fulfil(&wishes);
    assert_true(wishes_is_fulfilled(&wishes, WISH_SWEEP, sweep));
    assert_false(wishes_is_fulfilled(&wishes, WISH_REPAIR, repair));
}

static void
test_later_wishes_do_not_delay_the_first(void **state)
{
    wishes_utter(&wishes, WISH_REPAIR, T0);
    wishes_utter(&wishes, WISH_COLLECT, T0 + 2000);
    wishes_utter(&wishes, WISH_REPAIR, T0 + 3000);
    assert_int_equal(wishes_due_ms(&wishes, true), T0 + WISH_SETTLE_MS);
    assert_int_equal(wishes.newest_ms, T0 + 3000);
}

/* The transaction of the pass is on its way when somebody utters one more. */
static void
test_a_pass_serves_no_wish_that_came_after_it_began(void **state)
{
    for (enum wish_kind kind = 0; kind < N_WISH_KINDS; kind++) {
        uint64_t before = wishes_utter(&wishes, kind, T0);
        begin_settled_pass(T0);
        uint64_t after = wishes_utter(&wishes, kind, T0 + 1);
        wishes_fulfil(&wishes);
        assert_true(wishes_is_fulfilled(&wishes, kind, before));
        assert_false(wishes_is_fulfilled(&wishes, kind, after));

        assert_int_equal(wishes_due_ms(&wishes, false), LLONG_MIN);
        begin_settled_pass(T0 + 2);
        assert_true(wishes_are_served(&wishes, kind));
        wishes_fulfil(&wishes);
        assert_true(wishes_is_fulfilled(&wishes, kind, after));
    }
}

/* The transaction came too late, so the pass is made once more. */
static void
test_another_try_does_not_wait_for_a_later_wish(void **state)
{
    uint64_t first = wishes_utter(&wishes, WISH_REPAIR, T0);
    assert_true(begin_pass(T0 + WISH_SETTLE_MS));
    uint64_t second = wishes_utter(&wishes, WISH_REPAIR, T0 + 4001);
    assert_int_equal(wishes_due_ms(&wishes, true), T0 + 8001);
    assert_false(begin_pass(T0 + 4002));
    assert_true(wishes_are_served(&wishes, WISH_REPAIR));
    wishes_fulfil(&wishes);
    assert_true(wishes_is_fulfilled(&wishes, WISH_REPAIR, first));
    assert_false(wishes_is_fulfilled(&wishes, WISH_REPAIR, second));
}

static void
test_nobody_waits_for_what_is_withdrawn(void **state)
{
    uint64_t repair = wishes_utter(&wishes, WISH_REPAIR, T0);
    uint64_t sweep = wishes_utter(&wishes, WISH_SWEEP, T0);
    wishes_withdraw(&wishes, WISH_SWEEP);
    assert_true(wishes_is_fulfilled(&wishes, WISH_SWEEP, sweep));
    begin_settled_pass(T0);
    assert_false(wishes_are_served(&wishes, WISH_SWEEP));
    assert_true(wishes_are_served(&wishes, WISH_REPAIR));
    assert_false(wishes_is_fulfilled(&wishes, WISH_REPAIR, repair));
}

int
main(void)
{
#define TEST(NAME) cmocka_unit_test_setup(NAME, setup)
    const struct CMUnitTest tests[] = {
        TEST(test_a_pass_without_wishes_serves_none),
        TEST(test_a_wish_is_served_and_then_fulfilled),
        TEST(test_a_wish_waits_for_libvirt),
        TEST(test_a_sweep_does_not_wait_for_libvirt),
        TEST(test_later_wishes_do_not_delay_the_first),
        TEST(test_a_pass_serves_no_wish_that_came_after_it_began),
        TEST(test_another_try_does_not_wait_for_a_later_wish),
        TEST(test_nobody_waits_for_what_is_withdrawn),
    };
#undef TEST
    return cmocka_run_group_tests(tests, NULL, NULL);
}
