/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "flows/refusals.h"

#include <limits.h>

#include "flows/bundle.h"
#include "flows/pipeline.h"
#include "flows/tables.h"
#include "tests/unit.h"
#include "util.h"

/* A bridge with the vNICs 1, 2 and 3. */
static void
fill_bridge(struct pipeline_bridge *bridge)
{
    pipeline_bridge_init(bridge);
    for (uint32_t number = 1; number <= 3; number++) {
        struct pipeline_vnic *vnic = pipeline_bridge_add_vnic(bridge);
        vnic->number = number;
        vnic->label = xasprintf("vnic%u", (unsigned int) number);
        vnic->ofport = OFP_PORT_C(number);
    }
}

/* Notes that a flow of vNIC 'number' was refused, at 'now'. */
static void
refuse(struct refusals *refusals, uint32_t number, long long int now)
{
    struct pipeline_bridge told;
    fill_bridge(&told);
    struct bundle_error errors[] = {
        { .cookie = number ? table_cookie(number, RULE_DELIVER) : 0,
          .text = xstrdup("no") },
    };
    refusals_note(refusals, &told, errors, ARRAY_SIZE(errors), now);
    free(errors[0].text);
    pipeline_bridge_destroy(&told);
}

/* How many vNICs get in at 'now', and how many ports are blocked. */
static void
check_bridge(struct refusals *refusals, long long int now, size_t n_vnics,
             size_t n_blocked)
{
    struct pipeline_bridge bridge;
    fill_bridge(&bridge);
    (void) refusals_let_in(refusals, now); /* What follows shows it. */
    refusals_apply(refusals, &bridge, true);
    assert_int_equal(bridge.n_vnics, n_vnics);
    assert_int_equal(bridge.n_blocked, n_blocked);
    pipeline_bridge_destroy(&bridge);
}

static void
test_one_is_left_out_and_tried_again(void **state)
{
    struct refusals refusals;
    refusals_init(&refusals);
    check_bridge(&refusals, 0, 3, 0);
    refuse(&refusals, 2, 0);
    assert_string_equal(refusals_find(&refusals, 2), "no");
    assert_null(refusals_find(&refusals, 1));
    check_bridge(&refusals, 0, 2, 1);
    assert_int_equal(refusals_next_ms(&refusals), REFUSALS_FIRST_PAUSE_MS);

    check_bridge(&refusals, REFUSALS_FIRST_PAUSE_MS, 3, 0);
    assert_non_null(refusals_find(&refusals, 2));
    refusals_note_installed(&refusals);
    assert_null(refusals_find(&refusals, 2));
    refusals_destroy(&refusals);
}

static void
test_pauses_grow_until_it_is_given_up(void **state)
{
    struct refusals refusals;
    refusals_init(&refusals);
    long long int now = 0, pause_ms = REFUSALS_FIRST_PAUSE_MS;
    for (int i = 0; i < REFUSALS_MAX_RETRIES; i++) {
        refuse(&refusals, 2, now);
        assert_int_equal(refusals_next_ms(&refusals), now + pause_ms);
        now += pause_ms;
        pause_ms *= REFUSALS_PAUSE_FACTOR;
        check_bridge(&refusals, now - 1, 2, 1);
        check_bridge(&refusals, now, 3, 0);
    }
    refuse(&refusals, 2, now);
    assert_true(refusals_next_ms(&refusals) == LLONG_MAX);
    check_bridge(&refusals, LLONG_MAX - 1, 2, 1);
    refusals_clear(&refusals);
    check_bridge(&refusals, now, 3, 0);
    refusals_destroy(&refusals);
}

static void
test_several_errors_of_one_bundle_count_once(void **state)
{
    struct refusals refusals;
    refusals_init(&refusals);
    refuse(&refusals, 2, 0);
    refuse(&refusals, 2, 0);
    assert_int_equal(refusals_next_ms(&refusals), REFUSALS_FIRST_PAUSE_MS);
    refusals_destroy(&refusals);
}

static void
test_who_has_changed_is_let_in_at_once(void **state)
{
    struct refusals refusals;
    struct pipeline_bridge bridge;
    refusals_init(&refusals);
    refuse(&refusals, 2, 0);
    fill_bridge(&bridge);
    bridge.vnics[1].vlan.tag = 7;
    refusals_apply(&refusals, &bridge, false);
    assert_int_equal(bridge.n_vnics, 3);
    assert_null(refusals_find(&refusals, 2));

    refuse(&refusals, 1, 0);
    pipeline_bridge_remove_vnic(&bridge, 0);
    refusals_apply(&refusals, &bridge, false);
    assert_null(refusals_find(&refusals, 1));
    pipeline_bridge_destroy(&bridge);
    refusals_destroy(&refusals);
}

static void
test_what_is_nobodys_holds_the_bridge(void **state)
{
    struct refusals refusals;
    refusals_init(&refusals);
    refuse(&refusals, 0, 0);    /* Perhaps for want of knowledge. */
    assert_null(refusals_find(&refusals, 0));
    assert_true(refusals_let_in(&refusals, 0));
    assert_true(refusals_is_bridge_due(&refusals));

    refuse(&refusals, 0, 0);
    assert_non_null(refusals_find(&refusals, 0));
    check_bridge(&refusals, 0, 3, 0);
    assert_false(refusals_is_bridge_due(&refusals));
    long long int retry_ms = refusals_next_ms(&refusals);
    assert_true(retry_ms > 0);
    assert_true(refusals_let_in(&refusals, retry_ms));
    assert_true(refusals_is_bridge_due(&refusals));
    refusals_note_installed(&refusals);
    assert_null(refusals_find(&refusals, 0));
    refusals_destroy(&refusals);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_is_left_out_and_tried_again),
        cmocka_unit_test(test_pauses_grow_until_it_is_given_up),
        cmocka_unit_test(test_several_errors_of_one_bundle_count_once),
        cmocka_unit_test(test_who_has_changed_is_let_in_at_once),
        cmocka_unit_test(test_what_is_nobodys_holds_the_bridge),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
