/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "flows/port-table.h"

#include "flow.h"
#include "flows/flood-map.h"
#include "tests/unit.h"
#include "util.h"

static void
add_port(struct port_table *table, const char *name, uint16_t number,
         bool has_no_flood)
{
    struct ofputil_phy_port desc = {
        .port_no = u16_to_ofp(number),
        .hw_addr = ETH_ADDR_C(52,54,00,00,00,01),
        .config = OFPUTIL_PC_NO_FWD
                  | (has_no_flood ? OFPUTIL_PC_NO_FLOOD : 0),
    };
    ovs_strlcpy(desc.name, name, sizeof desc.name);
    port_table_update(table, &desc);
}

static void
put(struct flood_map *floods, uint16_t number, bool is_allowed)
{
    flood_map_put(floods, u16_to_ofp(number), is_allowed);
}

/* Returns the number of the port to change, and how, or 0. */
static unsigned int
next_change(const struct port_table *table, const struct flood_map *floods,
            struct ofputil_port_mod *change)
{
    return (port_table_next_change(table, floods, change)
            ? ofp_to_u16(change->port_no) : 0);
}

static void
test_ports_come_change_and_go(void **state)
{
    struct port_table table;
    struct flood_map floods = { .known = { 0 } };
    struct ofputil_port_mod change;
    port_table_init(&table);
    put(&floods, 1, false);
    assert_int_equal(next_change(&table, &floods, &change), 0);
    add_port(&table, "vnet0", 1, false);
    assert_int_equal(next_change(&table, &floods, &change), 1);
    add_port(&table, "vnet0", 1, true);
    assert_int_equal(next_change(&table, &floods, &change), 0);
    add_port(&table, "vnet0", 1, false);
    port_table_remove(&table, u16_to_ofp(1));
    assert_int_equal(next_change(&table, &floods, &change), 0);
    port_table_remove(&table, u16_to_ofp(1));
    port_table_destroy(&table);
    port_table_destroy(&table);
    port_table_destroy(NULL);
}

/* OpenFlow 1.0 cuts names, so that two of them may become one. */
static void
test_ports_of_one_name_are_told_apart(void **state)
{
    struct port_table table;
    struct flood_map floods = { .known = { 0 } };
    struct ofputil_port_mod change;
    port_table_init(&table);
    add_port(&table, "web-frontend-va", 1, false);
    add_port(&table, "web-frontend-va", 2, false);
    put(&floods, 1, false);
    assert_int_equal(next_change(&table, &floods, &change), 1);
    port_table_apply(&table, &change);
    assert_int_equal(next_change(&table, &floods, &change), 0);
    put(&floods, 2, false);
    assert_int_equal(next_change(&table, &floods, &change), 2);
    port_table_destroy(&table);
}

static void
test_only_known_ports_change(void **state)
{
    struct port_table table;
    port_table_init(&table);
    add_port(&table, "vnet0", 1, false);
    add_port(&table, "vnet1", 2, true);
    add_port(&table, "eth0", 3, false);

    struct flood_map floods = { .known = { 0 } };
    struct ofputil_port_mod change;
    assert_int_equal(next_change(&table, &floods, &change), 0);

    put(&floods, 2, false);
    put(&floods, 3, true);
    put(&floods, 4, false);
    assert_int_equal(next_change(&table, &floods, &change), 0);

    put(&floods, 1, false);
    assert_int_equal(next_change(&table, &floods, &change), 1);
    assert_int_equal(change.mask, OFPUTIL_PC_NO_FLOOD);
    assert_int_equal(change.config, OFPUTIL_PC_NO_FLOOD);

    port_table_apply(&table, &change);
    assert_int_equal(next_change(&table, &floods, &change), 0);

    put(&floods, 2, true);
    assert_int_equal(next_change(&table, &floods, &change), 2);
    assert_int_equal(change.config, 0);

    port_table_destroy(&table);
}

static void
test_refused_port_waits_for_news(void **state)
{
    struct port_table table;
    port_table_init(&table);
    add_port(&table, "vnet0", 1, false);
    struct flood_map floods = { .known = { 0 } };
    put(&floods, 1, false);

    struct ofputil_port_mod change;
    assert_string_equal(port_table_refuse(&table, u16_to_ofp(1)), "vnet0");
    assert_int_equal(next_change(&table, &floods, &change), 0);
    assert_null(port_table_refuse(&table, u16_to_ofp(7)));

    add_port(&table, "vnet0", 1, false);
    assert_int_equal(next_change(&table, &floods, &change), 1);

    port_table_destroy(&table);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ports_come_change_and_go),
        cmocka_unit_test(test_ports_of_one_name_are_told_apart),
        cmocka_unit_test(test_only_known_ports_change),
        cmocka_unit_test(test_refused_port_waits_for_news),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
