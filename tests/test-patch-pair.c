/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "lib/patch-pair.h"

#include <string.h>

#include "tests/build.h"
#include "tests/unit.h"
#include "util.h"

static const struct vlan_spec no_vlan = VLAN_SPEC_INIT;

/* Checks the names of a pair that 'bridge' is to get in 'view'. */
static void
check_names(const struct switch_view *view, const char *bridge,
            const char *outside, const char *inside)
{
    struct patch_pair pair;
    patch_pair_find(view, bridge, &pair);
    assert_false(patch_pair_is_there(&pair));
    assert_string_equal(pair.sides[PATCH_OUTSIDE].name, outside);
    assert_string_equal(pair.sides[PATCH_INSIDE].name, inside);
    patch_pair_destroy(&pair);
}

static void
test_names_come_from_the_bridge(void **state)
{
    struct switch_view view = SWITCH_VIEW_INIT;
    check_names(&view, "br0", "br0-out", "br0-in");
    check_names(&view, "ten-letter", "ten-letter-out", "ten-letter-in");
    switch_view_destroy(&view);
}

static void
test_names_are_short_and_differ(void **state)
{
    struct switch_view view = SWITCH_VIEW_INIT;
    struct patch_pair a, b;
    patch_pair_find(&view, "bridge-of-all-1", &a);
    patch_pair_find(&view, "bridge-of-all-2", &b);
    for (enum patch_side side = 0; side < N_PATCH_SIDES; side++) {
        assert_true(strlen(a.sides[side].name) <= 15);
        assert_string_not_equal(a.sides[side].name, b.sides[side].name);
    }
    patch_pair_destroy(&a);
    patch_pair_destroy(&b);
    switch_view_destroy(&view);
}

static void
test_names_have_whole_characters(void **state)
{
    static const struct {
        const char *bridge, *stem;
    } cases[] = {
        { "brücken-an-alle", "brüc-" },
        { "die-brücke-an-alle", "die-b-" },
        { "laufbrücken", "laufb-" },
        { "abcdücken-an", "abcd-" },
        { "abc€uro-bridge", "abc-" },
        { "ab€uro-bridge", "ab€-" },
    };
    struct switch_view view = SWITCH_VIEW_INIT;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct patch_pair pair;
        patch_pair_find(&view, cases[i].bridge, &pair);
        const char *name = pair.sides[PATCH_INSIDE].name;
        size_t len = strlen(cases[i].stem);
        assert_memory_equal(name, cases[i].stem, len);
        assert_int_equal(strlen(name), len + strlen("5a17-in"));
        patch_pair_destroy(&pair);
    }
    switch_view_destroy(&view);
}

static void
test_names_of_others_are_left_to_them(void **state)
{
    struct switch_view view = SWITCH_VIEW_INIT;
    struct patch_pair pair;
    add_port(&view, "br0-in", "br0", "", no_vlan);
    svec_add(&view.interface_names, "br0-out");
    switch_view_sort(&view);
    patch_pair_find(&view, "br0", &pair);
    assert_string_not_equal(pair.sides[PATCH_INSIDE].name, "br0-in");
    assert_string_not_equal(pair.sides[PATCH_OUTSIDE].name, "br0-out");
    patch_pair_destroy(&pair);
    switch_view_destroy(&view);
}

/* A pair as it has to be, on br0. */
static void
add_pair(struct switch_view *view)
{
    for (enum patch_side side = 0; side < N_PATCH_SIDES; side++) {
        bool is_inside = side == PATCH_INSIDE;
        struct port_view *port = add_port(view, is_inside ? "i" : "o", "br0",
                                          "patch", patch_pair_columns(side));
        port->patch_side = side;
        port->peer = xstrdup(is_inside ? "o" : "i");
        port->is_off_stp = true;
    }
    switch_view_sort(view);
}

static void
test_a_pair_is_found_by_its_mark(void **state)
{
    struct switch_view view = SWITCH_VIEW_INIT;
    struct patch_pair pair;
    add_pair(&view);
    patch_pair_find(&view, "br0", &pair);
    assert_true(patch_pair_is_there(&pair));
    assert_string_equal(pair.sides[PATCH_INSIDE].name, "i");
    assert_true(patch_pair_is_right(&pair, PATCH_INSIDE));
    assert_true(patch_pair_is_right(&pair, PATCH_OUTSIDE));
    patch_pair_destroy(&pair);

    check_names(&view, "br1", "br1-out", "br1-in");
    switch_view_destroy(&view);
}

static void
test_a_wrong_pair_is_told(void **state)
{
    struct switch_view view = SWITCH_VIEW_INIT;
    struct patch_pair pair;
    add_pair(&view);
    patch_pair_find(&view, "br0", &pair);
    struct port_view *in = &view.ports[pair.sides[PATCH_INSIDE].port
                                       - view.ports];
    in->columns = access_vlan(10);
    assert_false(patch_pair_is_right(&pair, PATCH_INSIDE));
    in->columns = patch_pair_columns(PATCH_INSIDE);
    in->is_off_stp = false;
    assert_false(patch_pair_is_right(&pair, PATCH_INSIDE));
    in->is_off_stp = true;
    in->peer[0] = 'x';
    assert_false(patch_pair_is_right(&pair, PATCH_INSIDE));
    in->peer[0] = 'o';
    assert_true(patch_pair_is_right(&pair, PATCH_INSIDE));
    patch_pair_destroy(&pair);
    switch_view_destroy(&view);
}

static void
test_sides_have_names(void **state)
{
    enum patch_side side;
    assert_true(patch_side_from_string("inside", &side));
    assert_int_equal(side, PATCH_INSIDE);
    assert_string_equal(patch_side_to_string(PATCH_OUTSIDE), "outside");
    assert_false(patch_side_from_string("Inside", &side));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names_come_from_the_bridge),
        cmocka_unit_test(test_names_are_short_and_differ),
        cmocka_unit_test(test_names_have_whole_characters),
        cmocka_unit_test(test_names_of_others_are_left_to_them),
        cmocka_unit_test(test_a_pair_is_found_by_its_mark),
        cmocka_unit_test(test_a_wrong_pair_is_told),
        cmocka_unit_test(test_sides_have_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
