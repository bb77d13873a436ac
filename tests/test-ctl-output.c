/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "ctl/output.h"

#include "tests/unit.h"

/* Returns what becomes of 'text', malloc'd. */
static char *
put(const char *text, bool has_colour)
{
    char *s;
    size_t size;
    FILE *stream = open_memstream(&s, &size);
    assert_non_null(stream);
    output_put(stream, text, has_colour);
    fclose(stream);
    return s;
}

static const char table[] =
    "DOMAIN  STATE       REASON\n"
    "------- ----------- ------\n"
    "web1    ready       -     \n"
    "ready   quarantined ready \n"
    "drifted waiting     -     \n"
    "x       unmanaged   -     \n"
    "x       getting-ready -   \n"
    "x";

static void
test_without_colour(void **state)
{
    assert_string_taken(put(table, false), table);
}

static void
test_state_column_alone_is_coloured(void **state)
{
    assert_string_taken(put(table, true),
        "DOMAIN  STATE       REASON\n"
        "------- ----------- ------\n"
        "web1    \033[32mready\033[0m       -     \n"
        "ready   \033[31mquarantined\033[0m ready \n"
        "drifted \033[33mwaiting\033[0m     -     \n"
        "x       \033[2munmanaged\033[0m   -     \n"
        "x       getting-ready -   \n"
        "x");
}

/* The agent lines columns up as a terminal shows them. */
static void
test_state_column_behind_wide_characters(void **state)
{
    assert_string_taken(put("DOMAIN STATE\n"
                            "------ -----\n"
                            "B\303\274ro   ready\n"
                            "\346\235\261\344\272\254   drifted\n"
                            "cafe\314\201   waiting\n"
                            "a\377\303    ready\n"
                            "\303\n"
                            "drifted", true),
                        "DOMAIN STATE\n"
                        "------ -----\n"
                        "B\303\274ro   \033[32mready\033[0m\n"
                        "\346\235\261\344\272\254   "
                        "\033[31mdrifted\033[0m\n"
                        "cafe\314\201   \033[33mwaiting\033[0m\n"
                        "a\377\303    \033[32mready\033[0m\n"
                        "\303\n"
                        "drifted");
}

static void
test_table_without_states(void **state)
{
    static const char plan[] = "KIND   WHERE\n------ -----\nready  ready\n";
    assert_string_taken(put(plan, true), plan);
}

static void
test_paragraphs(void **state)
{
    assert_string_taken(put("domain              : ready\n"
                            "state               : pending\n"
                            "reason              : drifted\n"
                            "\n"
                            "state               : \n"
                            "state ", true),
                        "domain              : ready\n"
                        "state               : \033[33mpending\033[0m\n"
                        "reason              : drifted\n"
                        "\n"
                        "state               : \n"
                        "state ");
}

static void
test_counts(void **state)
{
    assert_string_taken(put("ITEM    VALUE\n"
                            "------- -----\n"
                            "vnics   2 ready, 1 drifted\n"
                            "warning drifted: 1 vNIC\n", true),
                        "ITEM    VALUE\n"
                        "------- -----\n"
                        "vnics   2 \033[32mready\033[0m, "
                        "1 \033[31mdrifted\033[0m\n"
                        "warning drifted: 1 vNIC\n");
    assert_string_taken(put("vnics ready", true),
                        "vnics \033[32mready\033[0m");
}

static void
test_domains_called_like_items(void **state)
{
    static const char list[] = "DOMAIN STATE REASON\n"
                               "vnics  ?     ready\n"
                               "state  ?     ready\n";
    assert_string_taken(put(list, true), list);
}

static void
test_empty(void **state)
{
    assert_string_taken(put("", true), "");
    assert_string_taken(put("\n", true), "\n");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_without_colour),
        cmocka_unit_test(test_state_column_alone_is_coloured),
        cmocka_unit_test(test_state_column_behind_wide_characters),
        cmocka_unit_test(test_table_without_states),
        cmocka_unit_test(test_paragraphs),
        cmocka_unit_test(test_counts),
        cmocka_unit_test(test_domains_called_like_items),
        cmocka_unit_test(test_empty),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
