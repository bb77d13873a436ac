/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "controller/journal.h"

#include "controller/listings.h"
#include "lib/desired.h"
#include "lib/report.h"
#include "openvswitch/dynamic-string.h"
#include "tests/build.h"
#include "tests/unit.h"
#include "util.h"

struct fixture {
    struct switch_view view;
    struct desired_vnic d;
    struct port_op op;
    struct journal *journal;
};

static int
setup(void **state)
{
    struct fixture *f = xzalloc(sizeof *f);
    f->d.port = add_vnic_port(&f->view, 1, "vnet0", "br0", 1, 1,
                              access_vlan(20));
    f->d.vnic.id.mac = MAC(1);
    f->d.domain = xstrdup("web1");
    f->op = (struct port_op) {
        .kind = PORT_OP_SET,
        .cause = PORT_CAUSE_OPERATOR,
        .vnic = &f->d,
        .column = VLAN_COLUMN_TAG,
        .after = access_vlan(10),
    };
    f->journal = journal_create();
    *state = f;
    return 0;
}

static int
teardown(void **state)
{
    struct fixture *f = *state;
    journal_destroy(f->journal);
    switch_view_destroy(&f->view);
    free(f->d.domain);
    free(f);
    return 0;
}

static void
test_counts_by_what_was_done(void **state)
{
    struct fixture *f = *state;
    journal_add(f->journal, &f->op, 1000);
    f->op.verdict = PORT_VERDICT_REPORT;
    f->op.cause = PORT_CAUSE_FIRST_CONTACT;
    journal_add(f->journal, &f->op, 2000);
    f->op.verdict = PORT_VERDICT_APPLY;
    f->op.cause = PORT_CAUSE_INTENT;
    journal_add(f->journal, &f->op, 3000);

    assert_int_equal(journal_count(f->journal), 2);
    assert_int_equal(journal_count_drift(f->journal, false), 1);
    assert_int_equal(journal_count_drift(f->journal, true), 1);
}

static char *
drift(const struct journal *journal, bool is_reported)
{
    struct ds s = DS_EMPTY_INITIALIZER;
    journal_format_drift(journal, is_reported, &s);
    return ds_steal_cstr(&s);
}

static void
test_names_the_causes_that_have_counts(void **state)
{
    struct fixture *f = *state;
    assert_string_taken(drift(f->journal, false), "0");
    f->op.cause = PORT_CAUSE_INTENT;
    journal_add(f->journal, &f->op, 1000);
    assert_string_taken(drift(f->journal, false), "0");
    f->op.cause = PORT_CAUSE_STALE_ROW;
    journal_add(f->journal, &f->op, 2000);
    f->op.cause = PORT_CAUSE_OPERATOR;
    journal_add(f->journal, &f->op, 3000);
    journal_add(f->journal, &f->op, 4000);
    assert_string_taken(drift(f->journal, false),
                        "3 (operator 2, stale-row 1)");
    assert_string_taken(drift(f->journal, true), "0");
    f->op.verdict = PORT_VERDICT_REPORT;
    journal_add(f->journal, &f->op, 5000);
    assert_string_taken(drift(f->journal, true), "1 (operator 1)");
}

static void
test_lists_drift_alone(void **state)
{
    struct fixture *f = *state;
    struct report report;
    journal_add(f->journal, &f->op, 1000);
    f->op.verdict = PORT_VERDICT_REPORT;
    f->op.cause = PORT_CAUSE_FIRST_CONTACT;
    journal_add(f->journal, &f->op, 2000);
    f->op.verdict = PORT_VERDICT_APPLY;
    f->op.cause = PORT_CAUSE_INTENT;
    journal_add(f->journal, &f->op, 3000);

    listing_drift(f->journal, &report);
    assert_string_taken(
        report_render(&report, REPORT_CSV),
        "time,domain,mac,port,column,found,restored,cause\n"
        "1970-01-01T00:00:01.000Z,web1,52:54:00:00:00:01,vnet0,tag,20,10,"
        "operator\n"
        "1970-01-01T00:00:02.000Z,web1,52:54:00:00:00:01,vnet0,tag,20,,"
        "first-contact\n");
    report_destroy(&report);

    listing_changes(f->journal, 2, &report);
    assert_string_taken(report_render(&report, REPORT_CSV),
                        "kind,reason,key,before,after\n"
                        "set,intent,Port vnet0 tag,20,10\n");
    report_destroy(&report);
}

static void
test_oldest_make_room(void **state)
{
    struct fixture *f = *state;
    for (int i = 1; i <= JOURNAL_CAPACITY + 5; i++) {
        journal_add(f->journal, &f->op, i);
    }
    assert_int_equal(journal_first(f->journal), 6);
    assert_int_equal(journal_get(f->journal, 6)->time_ms, 6);
    assert_int_equal(journal_get(f->journal, f->journal->n)->time_ms,
                     JOURNAL_CAPACITY + 5);
    assert_int_equal(journal_count(f->journal), JOURNAL_CAPACITY + 5);
}

#define TEST(NAME) cmocka_unit_test_setup_teardown(NAME, setup, teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_counts_by_what_was_done),
        TEST(test_names_the_causes_that_have_counts),
        TEST(test_lists_drift_alone),
        TEST(test_oldest_make_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
