/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "controller/arrivals.h"

#include <limits.h>

#include "flows/pipeline.h"
#include "packets.h"
#include "tests/unit.h"
#include "util.h"

struct fixture {
    struct arrivals arrivals;
    struct pipeline_bridge before, after;
};

static struct eth_addr
make_mac(uint32_t number)
{
    struct eth_addr mac;
    eth_addr_from_uint64(number, &mac);
    return mac;
}

static struct pipeline_vnic *
add_vnic(struct pipeline_bridge *bridge, uint32_t number,
         enum guest_place place)
{
    struct pipeline_vnic *vnic = pipeline_bridge_add_vnic(bridge);
    vnic->number = number;
    vnic->mac = make_mac(number);
    vnic->place = place;
    return vnic;
}

static int
setup(void **state)
{
    struct fixture *f = xzalloc(sizeof *f);
    arrivals_init(&f->arrivals);
    pipeline_bridge_init(&f->before);
    pipeline_bridge_init(&f->after);
    *state = f;
    return 0;
}

static int
teardown(void **state)
{
    struct fixture *f = *state;
    arrivals_destroy(&f->arrivals);
    pipeline_bridge_destroy(&f->before);
    pipeline_bridge_destroy(&f->after);
    free(f);
    return 0;
}

/* What is to be done at 'now', and about whom; 0 for nothing. */
static void
check(struct fixture *f, long long int now, unsigned int deeds,
      uint32_t expected)
{
    uint32_t number;
    assert_int_equal(arrivals_next(&f->arrivals, now, &number), deeds);
    assert_int_equal(number, expected);
}

static void
test_who_came_is_announced_and_asked(void **state)
{
    struct fixture *f = *state;
    add_vnic(&f->before, 1, GUEST_INCOMING);
    add_vnic(&f->after, 1, GUEST_HERE);
    arrivals_note(&f->arrivals, &f->before, &f->after);
    check(f, 5, ARRIVAL_ANNOUNCE | ARRIVAL_ASK, 1);
    check(f, 5, 0, 0);
    assert_int_equal(arrivals_due_ms(&f->arrivals), 105);
    check(f, 105, ARRIVAL_ANNOUNCE, 1);
    check(f, 605, ARRIVAL_ANNOUNCE, 1);
    check(f, 2004, 0, 0);
    check(f, 2005, ARRIVAL_ASK, 1);
    check(f, 10000, 0, 0);
    assert_true(arrivals_due_ms(&f->arrivals) == LLONG_MAX);
}

static void
test_nobody_else_has_come(void **state)
{
    struct fixture *f = *state;
    add_vnic(&f->before, 1, GUEST_HERE);        /* Was there before. */
    add_vnic(&f->before, 2, GUEST_ELSEWHERE);   /* Comes back. */
    add_vnic(&f->before, 3, GUEST_INCOMING);    /* Is still to come. */
    add_vnic(&f->before, 4, GUEST_INCOMING);    /* Is somebody else now. */
    add_vnic(&f->before, 5, GUEST_INCOMING);    /* Never came. */
    add_vnic(&f->after, 1, GUEST_HERE);
    add_vnic(&f->after, 2, GUEST_HERE);
    add_vnic(&f->after, 3, GUEST_INCOMING);
    add_vnic(&f->after, 4, GUEST_HERE)->mac = make_mac(44);
    add_vnic(&f->after, 6, GUEST_HERE);         /* Has started. */
    arrivals_note(&f->arrivals, &f->before, &f->after);
    check(f, 5, 0, 0);
}

static void
test_each_in_its_time(void **state)
{
    struct fixture *f = *state;
    add_vnic(&f->before, 1, GUEST_INCOMING);
    add_vnic(&f->before, 2, GUEST_INCOMING);
    add_vnic(&f->after, 1, GUEST_HERE);
    add_vnic(&f->after, 2, GUEST_INCOMING);
    arrivals_note(&f->arrivals, &f->before, &f->after);
    check(f, 5, ARRIVAL_ANNOUNCE | ARRIVAL_ASK, 1);
    f->after.vnics[1].place = GUEST_HERE;
    f->before.vnics[0].place = GUEST_HERE;
    arrivals_note(&f->arrivals, &f->before, &f->after);
    check(f, 6, ARRIVAL_ANNOUNCE | ARRIVAL_ASK, 2);
    check(f, 105, ARRIVAL_ANNOUNCE, 1);
    check(f, 105, 0, 0);
    check(f, 106, ARRIVAL_ANNOUNCE, 2);
}

static void
test_who_has_gone_is_not_announced(void **state)
{
    struct fixture *f = *state;
    for (uint32_t number = 1; number <= 4; number++) {
        add_vnic(&f->before, number, GUEST_INCOMING);
        add_vnic(&f->after, number, GUEST_HERE);
    }
    arrivals_note(&f->arrivals, &f->before, &f->after);
    for (uint32_t number = 1; number <= 4; number++) {
        check(f, 5, ARRIVAL_ANNOUNCE | ARRIVAL_ASK, number);
    }

    struct pipeline_bridge last;
    pipeline_bridge_init(&last);
    add_vnic(&last, 1, GUEST_ELSEWHERE);        /* Has moved on. */
    add_vnic(&last, 2, GUEST_HERE)->mac = make_mac(22);
    add_vnic(&last, 4, GUEST_HERE);             /* The third has ended. */
    arrivals_note(&f->arrivals, &f->after, &last);
    check(f, 105, ARRIVAL_ANNOUNCE, 4);
    check(f, 105, 0, 0);
    pipeline_bridge_destroy(&last);
}

static void
test_who_was_forgotten_is_asked_and_not_announced(void **state)
{
    struct fixture *f = *state;
    add_vnic(&f->after, 1, GUEST_HERE);
    add_vnic(&f->after, 2, GUEST_HERE);
    add_vnic(&f->after, 3, GUEST_INCOMING);      /* Would not hear it. */
    arrivals_note_forgotten(&f->arrivals, &f->after);
    arrivals_note_forgotten(&f->arrivals, &f->after);
    check(f, 5, ARRIVAL_ASK, 1);
    check(f, 5, ARRIVAL_ASK, 2);
    check(f, 5, 0, 0);
    assert_true(arrivals_due_ms(&f->arrivals) == LLONG_MAX);
}

static void
test_who_is_yet_to_be_asked_is_not_asked_more_often(void **state)
{
    struct fixture *f = *state;
    add_vnic(&f->before, 1, GUEST_INCOMING);
    add_vnic(&f->after, 1, GUEST_HERE);
    arrivals_note(&f->arrivals, &f->before, &f->after);
    check(f, 5, ARRIVAL_ANNOUNCE | ARRIVAL_ASK, 1);
    arrivals_note_forgotten(&f->arrivals, &f->after);
    check(f, 5, 0, 0);
    check(f, 105, ARRIVAL_ANNOUNCE, 1);
    check(f, 605, ARRIVAL_ANNOUNCE, 1);
    check(f, 2005, ARRIVAL_ASK, 1);
    check(f, 10000, 0, 0);
}

int
main(void)
{
#define TEST(F) cmocka_unit_test_setup_teardown(F, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_who_came_is_announced_and_asked),
        TEST(test_nobody_else_has_come),
        TEST(test_each_in_its_time),
        TEST(test_who_has_gone_is_not_announced),
        TEST(test_who_was_forgotten_is_asked_and_not_announced),
        TEST(test_who_is_yet_to_be_asked_is_not_asked_more_often),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
