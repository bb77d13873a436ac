/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "flows/flow-monitor.h"

#include <string.h>

#include "byte-order.h"
#include "flows/flow-space.h"
#include "flows/flow-table.h"
#include "openvswitch/list.h"
#include "openvswitch/ofp-monitor.h"
#include "openvswitch/ofp-msgs.h"
#include "openvswitch/ofp-print.h"
#include "openvswitch/ofp-protocol.h"
#include "openvswitch/ofpbuf.h"
#include "openvswitch/vlog.h"
#include "tests/flow-text.h"
#include "tests/unit.h"
#include "util.h"

static const struct flow_range ranges[] = { { 0, 0, 1, 99 },
                                            { 100, 169, 0, UINT16_MAX } };
static const struct flow_space space = {
    .cookie = 0x7600,
    .cookie_mask = 0xff00,
    .ranges = ranges,
    .n_ranges = ARRAY_SIZE(ranges),
    .learnt_table = 131,
};

static const enum ofp_version versions[] = { OFP14_VERSION, OFP15_VERSION };

/* Flows, as the switch tells of them. */
#define FLOW(TABLE, COOKIE)                                             \
    { .event = OFPFME_REMOVED, .table_id = TABLE, .priority = 50,       \
      .cookie = CONSTANT_HTONLL(COOKIE) }
static const struct ofputil_flow_update
    own = { .event = OFPFME_ABBREV, .xid = CONSTANT_HTONL(7) },
    ours = FLOW(160, 0x7601), foreign = FLOW(110, 0x99),
    shared = FLOW(0, 0x99), elsewhere = FLOW(20, 0x99),
    learnt = { .event = OFPFME_ADDED, .idle_timeout = 10,
               .priority = 200 },
    forged = { .event = OFPFME_ADDED, .idle_timeout = 10,
               .priority = 200, .cookie = CONSTANT_HTONLL(0x7601) },
    fleeting = { .event = OFPFME_ADDED, .hard_timeout = 10,
                 .table_id = 110 },
    paused = { .event = OFPFME_PAUSED };

/* Appends 'update' to 'replies', as a switch does. */
static void
append(const struct ofputil_flow_update *update, struct ovs_list *replies,
       enum ofp_version version)
{
    if (update->event == OFPFME_PAUSED) {
        struct ofpbuf *msg = ofputil_encode_flow_monitor_pause(
            OFPFME_PAUSED, ofputil_protocol_from_ofp_version(version));
        ovs_list_push_back(replies, &msg->list_node);
        return;
    }
    struct ofputil_flow_update copy = *update;
    match_init_catchall(&copy.match);
    if (ovs_list_is_empty(replies)) {
        ofputil_start_flow_update(replies,
                                  ofputil_protocol_from_ofp_version(version));
    }
    ofputil_append_flow_update(&copy, replies, NULL);
}

/* Returns the only one of 'replies', as it arrives. */
static struct ofpbuf *
transmit(struct ovs_list *replies)
{
    assert_int_equal(ovs_list_size(replies), 1);
    struct ofpbuf *sent = ofpbuf_from_list(ovs_list_pop_front(replies));
    ofpmsg_update_length(sent);
    struct ofpbuf *msg = ofpbuf_clone_data(sent->data, sent->size);
    ofpbuf_delete(sent);
    return msg;
}

/* Do 'first' and 'second', unless that is NULL, told in one message, concern
 * us? */
static bool
concern(const struct ofputil_flow_update *first,
        const struct ofputil_flow_update *second, enum ofp_version version)
{
    struct ovs_list replies = OVS_LIST_INITIALIZER(&replies);
    append(first, &replies, version);
    if (second) {
        append(second, &replies, version);
    }
    struct ofpbuf *msg = transmit(&replies);
    assert_true(flow_monitor_is_update(msg));
    bool result = flow_monitor_concerns(msg, &space, 0);
    ofpbuf_delete(msg);
    return result;
}

/* Takes ownership of 'msg'. */
static void
assert_requests(struct ofpbuf *msg, const char *what, const char *table)
{
    assert_false(flow_monitor_is_update(msg));
    char *text = ofp_to_string(msg->data, msg->size, NULL, NULL, 2);
    assert_non_null(strstr(text, what));
    assert_non_null(strstr(text, table));
    free(text);
    ofpbuf_delete(msg);
}

static void
test_request_names_a_table(void **state)
{
    for (size_t i = 0; i < ARRAY_SIZE(versions); i++) {
        assert_requests(flow_monitor_request(130, false, versions[i]),
                        "id=130 flags=add,delete,modify", "table=130");
        assert_requests(flow_monitor_request(0, true, versions[i]),
                        "id=0 flags=add,delete,modify,actions", "table=0");
    }
}

static void
test_what_others_do_to_flows_concerns_us(void **state)
{
    const struct {
        const struct ofputil_flow_update *first, *second;
        bool do_concern;
    } cases[] = {
        { &own, NULL, false },
        { &ours, NULL, true },
        { &foreign, NULL, true },
        { &shared, NULL, true },
        { &elsewhere, NULL, false },
        { &learnt, NULL, false },
        { &forged, NULL, true },
        { &fleeting, NULL, true },
        { &paused, NULL, true },
        { &own, &ours, true },
        { &elsewhere, &learnt, false },
        { &learnt, &shared, true },
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        for (size_t j = 0; j < ARRAY_SIZE(versions); j++) {
            assert_int_equal(concern(cases[i].first, cases[i].second,
                                     versions[j]), cases[i].do_concern);
        }
    }
}

/* Does 'event' concern us, of a flow of others that has a time-out and does
 * 'actions', while 'n' such lead past ours? */
static bool
fleeting_concerns(enum ofp_flow_update_event event, const char *actions,
                  size_t n)
{
    struct flow_table table;
    flow_table_init(&table);
    assert_null(flow_text_add(&table, actions));
    const struct flow_entry *entry
        = CONTAINER_OF(hmap_first(&table.flows), struct flow_entry, node);
    struct ofputil_flow_update update = {
        .event = event, .idle_timeout = 10, .priority = 200,
        .ofpacts = entry->actions, .ofpacts_len = entry->actions_len,
    };
    struct ovs_list replies = OVS_LIST_INITIALIZER(&replies);
    append(&update, &replies, OFP15_VERSION);
    struct ofpbuf *msg = transmit(&replies);
    bool result = flow_monitor_concerns(msg, &space, n);
    ofpbuf_delete(msg);
    flow_table_destroy(&table);
    return result;
}

static void
test_the_first_and_the_last_that_lead_past_ours_concern_us(void **state)
{
    const char *normal = "actions=NORMAL", *drop = "actions=drop";
    assert_true(fleeting_concerns(OFPFME_ADDED, normal, 0));
    assert_true(fleeting_concerns(OFPFME_MODIFIED, normal, 0));
    assert_false(fleeting_concerns(OFPFME_ADDED, normal, 1));
    assert_false(fleeting_concerns(OFPFME_ADDED, drop, 0));
    assert_true(fleeting_concerns(OFPFME_REMOVED, normal, 1));
    assert_false(fleeting_concerns(OFPFME_REMOVED, normal, 0));
    assert_false(fleeting_concerns(OFPFME_REMOVED, normal, 2));
    assert_false(fleeting_concerns(OFPFME_REMOVED, drop, 1));
}

static void
test_those_that_lead_past_ours_for_a_while_are_counted(void **state)
{
    static const char *const lines[] = {
        "priority=200,idle_timeout=9,actions=NORMAL",
        "priority=0,hard_timeout=9,in_port=1,actions=output:2",
        "priority=201,idle_timeout=9,actions=drop",
        "priority=202,actions=NORMAL",
        "priority=50,idle_timeout=9,actions=NORMAL",
        "priority=203,cookie=0x7601,idle_timeout=9,actions=NORMAL",
    };
    struct flow_table table;
    flow_table_init(&table);
    for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
        assert_null(flow_text_add(&table, lines[i]));
    }
    assert_int_equal(flow_monitor_count_fleeting(&table, &space), 2);
    flow_table_destroy(&table);
}

static void
test_what_cannot_be_decoded_concerns_us(void **state)
{
    struct ovs_list replies = OVS_LIST_INITIALIZER(&replies);
    append(&own, &replies, OFP15_VERSION);
    struct ofpbuf *msg = transmit(&replies);
    ovs_be16 *length = ofpbuf_at_assert(msg, sizeof(struct ofp_header) + 8,
                                        sizeof *length);
    *length = htons(5);
    assert_true(flow_monitor_concerns(msg, &space, 0));
    ofpbuf_delete(msg);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_request_names_a_table),
        cmocka_unit_test(test_what_others_do_to_flows_concerns_us),
        cmocka_unit_test(
            test_the_first_and_the_last_that_lead_past_ours_concern_us),
        cmocka_unit_test(
            test_those_that_lead_past_ours_for_a_while_are_counted),
        cmocka_unit_test(test_what_cannot_be_decoded_concerns_us),
    };
    vlog_set_levels(NULL, VLF_ANY_DESTINATION, VLL_OFF);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
