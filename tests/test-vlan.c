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
        cmocka_unit_test(test_modes_have_the_names_of_the_column),
        cmocka_unit_test(test_specs_read_short),
        cmocka_unit_test(test_validate_names_the_value),
        cmocka_unit_test(test_overlap),
        cmocka_unit_test(test_columns_of_modes),
        cmocka_unit_test(test_explicit_mode_is_as_good_as_none),
        cmocka_unit_test(test_columns_as_the_switch_reads_them),
        cmocka_unit_test(test_columns_print_as_ovs_vsctl_does),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
