/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "lib/vlan.h"

#include "openvswitch/dynamic-string.h"
#include "tests/build.h"
#include "tests/unit.h"
#include "util.h"

static void
test_set_formats_as_ranges(void **state)
{
    struct { const char *vids, *text; } cases[] = {
        { "10,20,21,22,29", "trunk 10,20-22,29" },
        { "1,2", "trunk 1-2" },
        { "4094", "trunk 4094" },
        { "", "trunk all" },
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct vlan_spec spec = trunk_vlan(cases[i].vids);
        assert_string_taken(vlan_spec_to_string(&spec), cases[i].text);
    }
}

static void
test_set_of_all_vlans_has_one_range(void **state)
{
    struct vlan_spec spec = trunk_vlan("");
    for (int vid = 1; vid <= 4094; vid++) {
        vlan_set_add(&spec.trunks, vid);
    }
    assert_string_taken(vlan_spec_to_string(&spec), "trunk 1-4094");
    assert_null(vlan_spec_validate(&spec));
}

static void
test_set_iterates_in_order(void **state)
{
    struct vlan_spec spec = trunk_vlan("4095,0,7");
    int expected[] = { 0, 7, 4095 };
    size_t n = 0;
    VLAN_SET_FOR_EACH (vid, &spec.trunks) {
        assert_int_equal(vid, expected[n++]);
    }
    assert_int_equal(n, 3);
    assert_false(vlan_set_contains(&spec.trunks, -1));
    assert_false(vlan_set_contains(&spec.trunks, 4096));
}

static void
test_lists_are_read(void **state)
{
    struct { const char *list, *text; } cases[] = {
        { "1", "trunk 1" },
        { "10,20-29", "trunk 10,20-29" },
        { "29,20-28,10,25-26,010", "trunk 10,20-29" },
        { "1-4094", "trunk 1-4094" },
        { "7-7", "trunk 7" },
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct vlan_spec spec = trunk_vlan("");
        assert_true(vlan_set_from_string(cases[i].list, &spec.trunks));
        assert_string_taken(vlan_spec_to_string(&spec), cases[i].text);
    }
}

static void
test_bad_lists_give_nothing(void **state)
{
    static const char *const lists[] = {
        "", ",", "1,", ",1", "1,,2", "0", "4095", "99999999999999999999",
        "1-", "-1", "1-2-3", "20-10", "0-5", "10-4095", " 1", "1 ", "1, 2",
        "+1", "0x10", "all", "1;2", "1\n",
    };
    for (size_t i = 0; i < ARRAY_SIZE(lists); i++) {
        struct vlan_spec spec = trunk_vlan("5");
        assert_false(vlan_set_from_string(lists[i], &spec.trunks));
        assert_true(vlan_set_is_empty(&spec.trunks));
    }
}

static void
test_vids_are_read(void **state)
{
    static const char *const bad[] = {
        "", "0", "4095", "-1", "1 ", "1-2", "0x1", "4294967297",
    };
    int vid;
    assert_true(vlan_vid_from_string("4094", &vid));
    assert_int_equal(vid, 4094);
    assert_true(vlan_vid_from_string("0042", &vid));
    assert_int_equal(vid, 42);
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        assert_false(vlan_vid_from_string(bad[i], &vid));
        assert_int_equal(vid, -1);
    }
}

static void
check_list_survives(const struct vlan_set *set)
{
    struct ds list = DS_EMPTY_INITIALIZER;
    struct vlan_set again;
    vlan_set_format(set, &list);
    assert_true(vlan_set_from_string(ds_cstr(&list), &again));
    assert_true(vlan_set_equals(set, &again));
    ds_destroy(&list);
}

/* 'set', as what each mode with a list lists, is the same after the columns
 * have held it. */
static void
check_columns_keep(const struct vlan_set *set)
{
    for (enum vlan_mode mode = VLAN_TRUNK; mode <= VLAN_DOT1Q_TUNNEL; mode++) {
        struct vlan_spec spec = VLAN_SPEC_INIT;
        spec.mode = mode;
        *(mode == VLAN_DOT1Q_TUNNEL ? &spec.cvlans : &spec.trunks) = *set;
        if (mode != VLAN_TRUNK) {
            spec.tag = vlan_set_next(set, 0);
        }
        struct vlan_spec columns = vlan_columns_from_spec(&spec);
        struct vlan_spec again = vlan_columns_to_spec(&columns);
        assert_true(vlan_spec_equals(&spec, &again));
        assert_null(vlan_spec_validate(&spec));
    }
}

/* Each VLAN with a chance of 1 in 'sparsity'; never none. */
static struct vlan_set
random_set(int sparsity)
{
    struct vlan_set set = { { 0 } };
    vlan_set_add(&set, 1 + rand() % 4094);
    for (int vid = 1; vid <= 4094; vid++) {
        if (!(rand() % sparsity)) {
            vlan_set_add(&set, vid);
        }
    }
    return set;
}

static void
test_lists_of_any_size_survive(void **state)
{
    static const char *const extremes[] = {
        "1", "4094", "1,4094", "1-4094", "2-4093", "1-2047,2049-4094",
    };
    for (size_t i = 0; i < ARRAY_SIZE(extremes); i++) {
        struct vlan_set set;
        assert_true(vlan_set_from_string(extremes[i], &set));
        check_list_survives(&set);
        check_columns_keep(&set);
    }

    srand(1);
    for (int sparsity = 1; sparsity <= 4096; sparsity *= 2) {
        for (int i = 0; i < 20; i++) {
            struct vlan_set set = random_set(sparsity);
            check_list_survives(&set);
            check_columns_keep(&set);
        }
    }
}

static void
test_modes_have_the_names_of_the_column(void **state)
{
    enum vlan_mode mode;
    for (mode = VLAN_ACCESS; mode <= VLAN_DOT1Q_TUNNEL; mode++) {
        enum vlan_mode again;
        assert_true(vlan_mode_from_string(vlan_mode_to_string(mode), &again));
        assert_int_equal(again, mode);
    }
    assert_false(vlan_mode_from_string("native", &mode));
    assert_int_equal(mode, VLAN_NONE);
}

static void
test_specs_read_short(void **state)
{
    struct vlan_spec spec = access_vlan(42);
    assert_string_taken(vlan_spec_to_string(&spec), "42");
    spec = native_vlan(VLAN_NATIVE_UNTAGGED, 10, "10,20");
    assert_string_taken(vlan_spec_to_string(&spec),
                        "native-untagged 10 of 10,20");
    spec = native_vlan(VLAN_NATIVE_TAGGED, 10, "10,20");
    assert_string_taken(vlan_spec_to_string(&spec),
                        "native-tagged 10 of 10,20");
    spec = (struct vlan_spec) VLAN_SPEC_INIT;
    assert_string_taken(vlan_spec_to_string(&spec), "none");
    spec = native_vlan(VLAN_DOT1Q_TUNNEL, 100, "");
    vlan_set_add(&spec.cvlans, 7);
    assert_string_taken(vlan_spec_to_string(&spec), "dot1q-tunnel 100 of 7");
}

static void
test_validate_names_the_value(void **state)
{
    struct vlan_spec spec = access_vlan(0);
    assert_string_taken(vlan_spec_validate(&spec),
                        "VLAN 0 is out of range (1..4094)");
    spec = access_vlan(4095);
    assert_string_taken(vlan_spec_validate(&spec),
                        "VLAN 4095 is out of range (1..4094)");
    spec = trunk_vlan("10,4095");
    assert_string_taken(vlan_spec_validate(&spec),
                        "VLAN 4095 is out of range (1..4094)");
    spec = access_vlan(4094);
    assert_null(vlan_spec_validate(&spec));
    spec = (struct vlan_spec) VLAN_SPEC_INIT;
    assert_null(vlan_spec_validate(&spec));
}

static void
test_overlap(void **state)
{
    struct vlan_spec a10 = access_vlan(10), a20 = access_vlan(20);
    struct vlan_spec t = trunk_vlan("10,30");
    struct vlan_spec all = trunk_vlan("");
    struct vlan_spec none = VLAN_SPEC_INIT;

    assert_false(vlan_spec_overlaps(&a10, &a20));
    assert_true(vlan_spec_overlaps(&a10, &a10));
    assert_true(vlan_spec_overlaps(&a10, &t));
    assert_false(vlan_spec_overlaps(&a20, &t));
    assert_true(vlan_spec_overlaps(&a20, &all));
    assert_true(vlan_spec_overlaps(&a20, &none));
}

static void
test_within(void **state)
{
    struct vlan_spec none = VLAN_SPEC_INIT;
    struct vlan_spec tunnel = native_vlan(VLAN_DOT1Q_TUNNEL, 10, "");
    struct vlan_spec access = access_vlan(10), other = access_vlan(20);
    struct vlan_spec trunk = trunk_vlan("10,30"), all = trunk_vlan("");
    struct vlan_spec native = native_vlan(VLAN_NATIVE_UNTAGGED, 10, "10,30");

    assert_true(vlan_spec_is_within(&access, &access));
    assert_true(vlan_spec_is_within(&access, &trunk));
    assert_true(vlan_spec_is_within(&native, &trunk));
    assert_true(vlan_spec_is_within(&all, &none));
    assert_true(vlan_spec_is_within(&none, &all));
    assert_false(vlan_spec_is_within(&other, &trunk));
    assert_false(vlan_spec_is_within(&trunk, &access));
    assert_false(vlan_spec_is_within(&all, &trunk));
    assert_false(vlan_spec_is_within(&none, &access));

    /* What a guest sends with a tag: an access port drops it. */
    assert_true(vlan_spec_is_within(&tunnel, &trunk));
    assert_true(vlan_spec_is_within(&tunnel, &none));
    assert_true(vlan_spec_is_within(&tunnel, &tunnel));
    assert_true(vlan_spec_is_within(&access, &tunnel));
    assert_false(vlan_spec_is_within(&tunnel, &access));
}

static struct vlan_set
set_of(const char *vids)
{
    return trunk_vlan(vids).trunks;
}

static void
test_sets_are_merged_and_subtracted(void **state)
{
    struct vlan_set set = set_of("1,10"), other = set_of("10,4095");
    vlan_set_merge(&set, &other);
    struct vlan_set sum = set_of("1,10,4095");
    assert_true(vlan_set_equals(&set, &sum));
    vlan_set_subtract(&set, &other);
    struct vlan_set rest = set_of("1");
    assert_true(vlan_set_equals(&set, &rest));
}

/* What a port is on by name, and which VLAN is untagged there. */
static void
test_names_and_tags(void **state)
{
    struct {
        struct vlan_spec spec;
        const char *named;
        int untagged;
        bool is_on_all;
    } cases[] = {
        { access_vlan(10), "10", 10, false },
        { trunk_vlan("10,20"), "10,20", -1, false },
        { trunk_vlan(""), "", -1, true },
        { native_vlan(VLAN_NATIVE_UNTAGGED, 10, ""), "10", 10, true },
        { native_vlan(VLAN_NATIVE_TAGGED, 10, ""), "10", -1, true },
        { native_vlan(VLAN_NATIVE_UNTAGGED, 10, "10,20"), "10,20", 10,
          false },
        { native_vlan(VLAN_DOT1Q_TUNNEL, 10, ""), "10", 10, false },
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct vlan_set named, expected = set_of(cases[i].named);
        vlan_spec_named(&cases[i].spec, &named);
        assert_true(vlan_set_equals(&named, &expected));
        assert_int_equal(vlan_spec_is_on_all(&cases[i].spec),
                         cases[i].is_on_all);
        for (int vid = 10; vid <= 20; vid += 10) {
            assert_int_equal(vlan_spec_tags(&cases[i].spec, vid),
                             vid != cases[i].untagged
                             && cases[i].spec.mode != VLAN_ACCESS
                             && cases[i].spec.mode != VLAN_DOT1Q_TUNNEL);
        }
    }
}

/* What each mode needs in the columns, and that it needs the others empty. */
static void
test_columns_of_modes(void **state)
{
    struct vlan_spec full = native_vlan(VLAN_NATIVE_TAGGED, 99, "98,99");
    vlan_set_add(&full.cvlans, 5);

    struct { struct vlan_spec spec; enum vlan_mode mode; int tag; } cases[] = {
        { access_vlan(42), VLAN_NONE, 42 },
        { trunk_vlan("10,20"), VLAN_NONE, -1 },
        { native_vlan(VLAN_NATIVE_UNTAGGED, 10, "10,20"),
          VLAN_NATIVE_UNTAGGED, 10 },
        { native_vlan(VLAN_NATIVE_TAGGED, 10, "10,20"),
          VLAN_NATIVE_TAGGED, 10 },
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct vlan_spec columns = vlan_columns_from_spec(&cases[i].spec);
        assert_int_equal(columns.mode, cases[i].mode);
        assert_int_equal(columns.tag, cases[i].tag);
        assert_int_equal(vlan_columns_diff(&columns, &cases[i].spec), 0);
        assert_true(vlan_columns_diff(&full, &cases[i].spec)
                    & (1u << VLAN_COLUMN_CVLANS));
    }
}

static void
test_explicit_mode_is_as_good_as_none(void **state)
{
    struct vlan_spec spec = access_vlan(42);
    struct vlan_spec columns = spec;    /* With vlan_mode "access". */
    assert_int_equal(vlan_columns_diff(&columns, &spec), 0);

    spec = trunk_vlan("10,20");
    columns = spec;
    assert_int_equal(vlan_columns_diff(&columns, &spec), 0);

    /* An access port with a forgotten trunk list is not as good. */
    columns = access_vlan(42);
    vlan_set_add(&columns.trunks, 10);
    spec = access_vlan(42);
    assert_int_equal(vlan_columns_diff(&columns, &spec),
                     1u << VLAN_COLUMN_TRUNKS);

    /* The mode of another kind of port is not. */
    columns = native_vlan(VLAN_NATIVE_TAGGED, 42, "");
    assert_int_equal(vlan_columns_diff(&columns, &spec),
                     1u << VLAN_COLUMN_VLAN_MODE);

    /* Without intent nothing may stand there. */
    struct vlan_spec none = VLAN_SPEC_INIT;
    columns = (struct vlan_spec) VLAN_SPEC_INIT;
    columns.mode = VLAN_TRUNK;
    assert_int_equal(vlan_columns_diff(&columns, &none),
                     1u << VLAN_COLUMN_VLAN_MODE);
}

static void
test_columns_as_the_switch_reads_them(void **state)
{
    struct vlan_spec columns = VLAN_SPEC_INIT;
    struct vlan_spec spec = vlan_columns_to_spec(&columns);
    assert_string_taken(vlan_spec_to_string(&spec), "trunk all");

    columns = native_vlan(VLAN_NONE, 10, "20,30");
    spec = vlan_columns_to_spec(&columns);
    assert_string_taken(vlan_spec_to_string(&spec), "10");

    columns = native_vlan(VLAN_TRUNK, 10, "20,30");
    spec = vlan_columns_to_spec(&columns);
    assert_string_taken(vlan_spec_to_string(&spec), "trunk 20,30");

    columns = native_vlan(VLAN_NATIVE_UNTAGGED, 10, "20");
    spec = vlan_columns_to_spec(&columns);
    assert_string_taken(vlan_spec_to_string(&spec),
                        "native-untagged 10 of 10,20");
}

static void
test_columns_print_as_ovs_vsctl_does(void **state)
{
    struct vlan_spec columns = native_vlan(VLAN_NATIVE_TAGGED, 10, "10,11");
    static const char *const expected[N_VLAN_COLUMNS] = {
        [VLAN_COLUMN_TAG] = "10",
        [VLAN_COLUMN_TRUNKS] = "[10-11]",
        [VLAN_COLUMN_VLAN_MODE] = "native-tagged",
        [VLAN_COLUMN_CVLANS] = "[]",
    };
    for (enum vlan_column c = 0; c < N_VLAN_COLUMNS; c++) {
        struct ds s = DS_EMPTY_INITIALIZER;
        vlan_column_format(&columns, c, &s);
        assert_string_taken(ds_steal_cstr(&s), expected[c]);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_set_formats_as_ranges),
        cmocka_unit_test(test_set_of_all_vlans_has_one_range),
        cmocka_unit_test(test_set_iterates_in_order),
        cmocka_unit_test(test_lists_are_read),
        cmocka_unit_test(test_bad_lists_give_nothing),
        cmocka_unit_test(test_vids_are_read),
        cmocka_unit_test(test_lists_of_any_size_survive),
        cmocka_unit_test(test_modes_have_the_names_of_the_column),
        cmocka_unit_test(test_specs_read_short),
        cmocka_unit_test(test_validate_names_the_value),
        cmocka_unit_test(test_overlap),
        cmocka_unit_test(test_within),
        cmocka_unit_test(test_sets_are_merged_and_subtracted),
        cmocka_unit_test(test_names_and_tags),
        cmocka_unit_test(test_columns_of_modes),
        cmocka_unit_test(test_explicit_mode_is_as_good_as_none),
        cmocka_unit_test(test_columns_as_the_switch_reads_them),
        cmocka_unit_test(test_columns_print_as_ovs_vsctl_does),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
