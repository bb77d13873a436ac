/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */

/* Reading traces: what real switches said, and what must be refused.
 *
 *   tests/traces/NAME/README        what it shows
 *   tests/traces/NAME/trace.txt     the words of ovs-vswitchd 3.1
 *   tests/traces/NAME/expected.txt  what we take them for */

#include <config.h>
#include "flows/trace.h"

#include <inttypes.h>

#include "lib/cleanup.h"
#include "openvswitch/dynamic-string.h"
#include "tests/golden.h"
#include "tests/unit.h"
#include "util.h"

static void
format_step(const struct trace_step *step, struct ds *s)
{
    ds_put_format(s, "%s %d:", step->bridge, step->table_id);
    if (step->has_flow) {
        ds_put_format(s, " priority %d, cookie 0x%"PRIx64":", step->priority,
                      step->cookie);
    }
    ds_put_format(s, " %s\n", step->match);
    for (size_t i = 0; i < step->actions.n; i++) {
        ds_put_format(s, "    %s\n", step->actions.names[i]);
    }
}

static void
format_copy(const struct trace_copy *copy, struct ds *s)
{
    ds_put_format(s, "copy on %s", copy->port);
    for (size_t i = 0; i < copy->tags.n; i++) {
        ds_put_format(s, " %04x/%d", copy->tags.tags[i].tpid,
                      copy->tags.tags[i].vid);
    }
    ds_put_char(s, '\n');
}

static char *
format_trace(const struct trace *trace)
{
    struct ds s = DS_EMPTY_INITIALIZER;
    for (size_t i = 0; i < trace->n_steps; i++) {
        format_step(&trace->steps[i], &s);
    }
    for (size_t i = 0; i < trace->n_copies; i++) {
        format_copy(&trace->copies[i], &s);
    }
    ds_put_format(&s, "patch ports: %"PRIuSIZE"\n", trace->n_crossings);
    if (trace->skips_learning) {
        ds_put_cstr(&s, "nothing is learnt\n");
    }
    if (trace->failure) {
        ds_put_format(&s, "failure: %s\n", trace->failure);
    }
    return ds_steal_cstr(&s);
}

static void
run_scenario(const char *path)
{
    CLEANUP_FREE char *input = xasprintf("%s/trace.txt", path);
    CLEANUP_FREE char *expected = xasprintf("%s/expected.txt", path);
    CLEANUP_FREE char *text = golden_read_file(input);
    CLEANUP(trace) struct trace trace;
    assert_null(trace_parse(text, &trace));
    CLEANUP_FREE char *actual = format_trace(&trace);
    golden_compare(expected, actual);
}

static void
test_scenarios(void **state)
{
    golden_for_each("traces", run_scenario);
}

/* A text of which only the datapath actions matter. */

static char *
text_of(const char *actions)
{
    return xasprintf("Flow: in_port=p1,dl_vlan=10,dl_vlan1=20\n\n"
                     "bridge(\"br0\")\n-------------\n"
                     " 0. priority 0\n    drop\n\nFinal flow: unchanged\n"
                     "Megaflow: recirc_id=0\nDatapath actions: %s\n",
                     actions);
}

static char *
copies_of(const char *actions)
{
    CLEANUP_FREE char *text = text_of(actions);
    CLEANUP(trace) struct trace trace;
    char *error = trace_parse(text, &trace);
    if (error) {
        return error;
    }
    struct ds s = DS_EMPTY_INITIALIZER;
    for (size_t i = 0; i < trace.n_copies; i++) {
        format_copy(&trace.copies[i], &s);
    }
    return ds_steal_cstr(&s);
}

static void
test_tags_are_those_at_delivery(void **state)
{
    assert_string_taken(copies_of("drop"), "");
    assert_string_taken(copies_of("p1"), "copy on p1 8100/10 8100/20\n");
    assert_string_taken(copies_of("pop_vlan,p1,pop_vlan,p2"),
                        "copy on p1 8100/20\ncopy on p2\n");
    assert_string_taken(
        copies_of("pop_vlan,pop_vlan,push_vlan(tpid=0x88a8,vid=7,pcp=3),p1"),
        "copy on p1 88a8/7\n");
}

static void
test_a_clone_changes_nothing_for_others(void **state)
{
    assert_string_taken(copies_of("clone(pop_vlan,p1,clone(pop_vlan,p2)),p3"),
                        "copy on p1 8100/20\ncopy on p2\n"
                        "copy on p3 8100/10 8100/20\n");
    assert_string_taken(
        copies_of("sample(sample=1.0%,actions(pop_vlan,p1)),"
                  "check_pkt_len(size=200,gt(drop),le(p2)),"
                  "set(ipv4(src=10.0.0.1)),userspace(pid=0,x(1)),drop"),
        "copy on p1 8100/20\ncopy on p2 8100/10 8100/20\n");
}

static void
test_bonds_and_tunnels_deliver(void **state)
{
    assert_string_taken(copies_of("pop_vlan,pop_vlan,lb_output(1),"
                                  "hash(l4(0)),recirc(0x5)"),
                        "copy on lb_output(1)\ncopy on recirc(0x5)\n");
    assert_string_taken(copies_of("pop_vlan,pop_vlan,clone(tnl_push(tnl_port("
                                  "vx),header(size=50)),eth0),tnl_pop(vx)"),
                        "copy on eth0\ncopy on tnl_pop(vx)\n");
}

#define NOT_UNDERSTOOD "the switch's trace cannot be understood: "

static void
test_what_is_not_understood_is_refused(void **state)
{
    static const struct { const char *actions, *error; } cases[] = {
        { "p1,teleport(p2)", "at '' in its datapath actions: nobody knows "
          "what 'teleport()' does" },
        { "", "at '' in its datapath actions: an action is missing" },
        { "p1,,p2", "at ',p2' in its datapath actions: an action is missing" },
        { "clone(p1", "at '' in its datapath actions: a parenthesis is not "
          "closed" },
        { "set(p1", "at '' in its datapath actions: a parenthesis is not "
          "closed" },
        { "p1)", "at ')' in its datapath actions: a parenthesis is not "
          "opened" },
        { "a=1", "at '' in its datapath actions: 'a=1' is no action" },
        { "push_vlan(x)", "at '' in its datapath actions: it pushes a VLAN "
          "tag that cannot be read" },
        { "pop_vlan,pop_vlan,pop_vlan,p1", "at ',p1' in its datapath "
          "actions: it pops a VLAN tag that is not there" },
        { "ct(commit),recirc(0x1)", "it is not complete" },
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        CLEANUP_FREE char *expected = xasprintf(NOT_UNDERSTOOD "%s",
                                                cases[i].error);
        assert_string_taken(copies_of(cases[i].actions), expected);
    }
}

static void
test_limits(void **state)
{
    assert_string_taken(
        copies_of("push_vlan(vid=1,pcp=0),push_vlan(vid=2,pcp=0),"
                  "push_vlan(vid=3,pcp=0)"),
        NOT_UNDERSTOOD "at '' in its datapath actions: there are more than "
        "4 VLAN tags");
    struct ds s = DS_EMPTY_INITIALIZER;
    for (int i = 0; i < 100; i++) {
        ds_put_cstr(&s, "clone(");
    }
    char *error = copies_of(ds_cstr(&s));
    assert_non_null(strstr(error, "nested deeper than 16"));
    free(error);
    ds_destroy(&s);
}

/* A text that ends early says nothing. */
static void
cut_scenario(const char *path)
{
    CLEANUP_FREE char *input = xasprintf("%s/trace.txt", path);
    CLEANUP_FREE char *text = golden_read_file(input);
    char *last = strstr(text, "\nDatapath actions:");
    assert_non_null(last);
    for (char *next = last; next; next = strstr(next + 1,
                                                "\nDatapath actions:")) {
        last = next;
    }
    for (char *end = last; end > text; end--) {
        if (*end == '\n') {
            *end = '\0';
            CLEANUP(trace) struct trace trace;
            char *error = trace_parse(text, &trace);
            assert_non_null(error);
            assert_int_equal(trace.n_copies, 0);
            free(error);
        }
    }
}

static void
test_part_of_a_trace_is_refused(void **state)
{
    golden_for_each("traces", cut_scenario);
    CLEANUP(trace) struct trace trace;
    assert_string_taken(trace_parse("", &trace),
                        NOT_UNDERSTOOD "it is not complete");
    assert_string_taken(trace_parse("Datapath actions: p1", &trace),
                        NOT_UNDERSTOOD "there are datapath actions of no "
                        "frame");
    assert_string_taken(trace_parse("Flow: a\nFlow: b\n", &trace),
                        NOT_UNDERSTOOD "a frame has no datapath actions");
    assert_string_taken(trace_parse("Flow: a\nbridge(\"b\n", &trace),
                        NOT_UNDERSTOOD "the name of a bridge cannot be read: "
                        "b");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_scenarios),
        cmocka_unit_test(test_tags_are_those_at_delivery),
        cmocka_unit_test(test_a_clone_changes_nothing_for_others),
        cmocka_unit_test(test_bonds_and_tunnels_deliver),
        cmocka_unit_test(test_what_is_not_understood_is_refused),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_part_of_a_trace_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
