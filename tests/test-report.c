/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "lib/report.h"

#include "tests/build.h"
#include "tests/unit.h"
#include "util.h"

static const struct report_column columns[] = {
    { "name", "NAME" },
    { NULL, "SHORT" },
    { "list", NULL },
    { "number", "NUMBER" },
    { "good", "GOOD" },
};

static void
fill(struct report *report)
{
    struct vlan_spec vlan = trunk_vlan("10,11,20");
    struct vlan_spec none = VLAN_SPEC_INIT;

    report_init(report, columns, ARRAY_SIZE(columns));
    report_put_string(report, "a, \"b\"");
    report_put_format(report, "%d of %d", 1, 2);
    report_put_vlans(report, &vlan.trunks);
    report_put_integer(report, 7);
    report_put_boolean(report, true);

    report_put_string(report, NULL);
    report_put_null(report);
    report_put_vlans(report, &none.trunks);
    report_put_null(report);
    report_put_boolean(report, false);
}

static void
check(enum report_format format, const char *expected)
{
    struct report report;
    fill(&report);
    assert_string_taken(report_render(&report, format), expected);
    report_destroy(&report);
}

static void
test_table_has_the_headings(void **state)
{
    check(REPORT_TABLE,
          "NAME   SHORT  NUMBER GOOD\n"
          "------ ------ ------ ----\n"
          "a, \"b\" 1 of 2 7      yes\n"
          "-      -      -      no\n");
}

/* What is one character is not always one byte, nor one column. */
static void
test_table_lines_up_on_a_terminal(void **state)
{
    static const struct report_column two[] = {
        { "domain", "DOMAIN" }, { "state", "STATE" },
    };
    static const char *const domains[] = {
        "web", "B\303\274ro", "\346\235\261\344\272\254",
        "cafe\314\201", "",
    };
    struct report report;
    report_init(&report, two, ARRAY_SIZE(two));
    for (size_t i = 0; i < ARRAY_SIZE(domains); i++) {
        report_put_string(&report, domains[i]);
        report_put_string(&report, i < 3 ? "ready" : "");
    }
    assert_string_taken(report_render(&report, REPORT_TABLE),
                        "DOMAIN STATE\n"
                        "------ -----\n"
                        "web    ready\n"
                        "B\303\274ro   ready\n"
                        "\346\235\261\344\272\254   ready\n"
                        "cafe\314\201\n"
                        "\n");
    report_destroy(&report);
}

static void
test_csv_has_the_keys(void **state)
{
    check(REPORT_CSV,
          "name,list,number,good\n"
          "\"a, \"\"b\"\"\",\"10-11,20\",7,yes\n"
          ",,,no\n");
}

static void
test_json_has_types(void **state)
{
    check(REPORT_JSON,
          "[\n"
          "  {\n"
          "    \"good\": true,\n"
          "    \"list\": [\n"
          "      10,\n"
          "      11,\n"
          "      20],\n"
          "    \"name\": \"a, \\\"b\\\"\",\n"
          "    \"number\": 7},\n"
          "  {\n"
          "    \"good\": false,\n"
          "    \"list\": null,\n"
          "    \"name\": null,\n"
          "    \"number\": null}]");
}

static void
test_no_rows(void **state)
{
    struct report report;
    report_init(&report, columns, ARRAY_SIZE(columns));
    assert_string_taken(report_render(&report, REPORT_JSON), "[]");
    assert_string_taken(report_render(&report, REPORT_CSV),
                        "name,list,number,good\n");
    assert_string_taken(report_render(&report, REPORT_TABLE),
                        "NAME SHORT NUMBER GOOD\n"
                        "---- ----- ------ ----\n");
    report_destroy(&report);
}

static void
test_paragraphs(void **state)
{
    struct report report;
    fill(&report);
    assert_string_taken(report_render_paragraphs(&report),
                        "NAME                : a, \"b\"\n"
                        "SHORT               : 1 of 2\n"
                        "NUMBER              : 7\n"
                        "GOOD                : yes\n"
                        "\n"
                        "NAME                : -\n"
                        "SHORT               : -\n"
                        "NUMBER              : -\n"
                        "GOOD                : no\n");
    report_destroy(&report);
}

static void
test_controls_do_not_reach_a_terminal(void **state)
{
    struct report report;
    report_init(&report, columns, 1);
    report_put_string(&report, "a\nb\033c\x7f" "d\302\233e\342\200\256f\303\274");
    assert_string_taken(report_render(&report, REPORT_CSV),
                        "name\na?b?c?d?e?f\303\274\n");
    report_destroy(&report);
}

static void
test_formats_have_names(void **state)
{
    enum report_format format;
    assert_null(report_format_from_string("csv", &format));
    assert_int_equal(format, REPORT_CSV);
    assert_string_taken(report_format_from_string("xml", &format),
                        "format 'xml' is not one of table, json, csv");
}

static void
test_times_are_utc(void **state)
{
    assert_string_taken(report_time_to_string(1000), "1970-01-01T00:00:01.000Z");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table_has_the_headings),
        cmocka_unit_test(test_table_lines_up_on_a_terminal),
        cmocka_unit_test(test_csv_has_the_keys),
        cmocka_unit_test(test_json_has_types),
        cmocka_unit_test(test_no_rows),
        cmocka_unit_test(test_paragraphs),
        cmocka_unit_test(test_controls_do_not_reach_a_terminal),
        cmocka_unit_test(test_formats_have_names),
        cmocka_unit_test(test_times_are_utc),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
