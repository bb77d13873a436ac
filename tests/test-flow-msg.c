/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "flows/flow-msg.h"

#include <string.h>

#include "byte-order.h"
#include "flows/flow-diff.h"
#include "flows/flow-space.h"
#include "flows/flow-table.h"
#include "openvswitch/dynamic-string.h"
#include "openvswitch/ofp-actions.h"
#include "openvswitch/ofp-flow.h"
#include "openvswitch/ofp-msgs.h"
#include "openvswitch/ofp-packet.h"
#include "openvswitch/ofp-print.h"
#include "openvswitch/ofpbuf.h"
#include "tests/flow-text.h"
#include "tests/unit.h"
#include "util.h"

static const struct flow_space space = {
    .cookie = 0x7600,
    .cookie_mask = 0xff00,
    .group = 0x7600,
    .group_mask = 0xff00,
    .learnt_table = 131,
};

static const enum ofp_version versions[] = { OFP14_VERSION, OFP15_VERSION };

static void
fill(struct flow_table *table, const char *line)
{
    flow_table_init(table);
    if (line) {
        assert_null(flow_text_add(table, line));
    }
}

/* Returns the message for the only operation between 'installed' and
 * 'desired', as ovs-ofctl would print it. */
static char *
message_to_string(const char *desired, const char *installed,
                  enum ofp_version version)
{
    struct flow_table want, have;
    fill(&want, desired);
    fill(&have, installed);
    struct flow_diff diff = FLOW_DIFF_INIT;
    flow_diff_compute(&want, &have, &space, &diff);
    assert_int_equal(diff.n_ops, 1);

    struct ofpbuf *msg = flow_msg_from_op(&diff.ops[0], version);
    char *text = ofp_to_string(msg->data, msg->size, NULL, NULL, 2);
    char *message = xstrdup(strchr(text, ':') + 2);
    message[strcspn(message, "\n")] = '\0';

    free(text);
    ofpbuf_delete(msg);
    flow_diff_destroy(&diff);
    flow_table_destroy(&want);
    flow_table_destroy(&have);
    return message;
}

static void
test_operations_become_messages(void **state)
{
    static const struct {
        const char *desired, *installed, *message;
    } cases[] = {
        { "table=100,cookie=0x7601,in_port=1,actions=output:2", NULL,
          "ADD table:100 in_port=1 cookie:0x7601 actions=output:2" },
        { "table=100,cookie=0x7602,actions=drop",
          "table=100,cookie=0x7601,actions=drop",
          "ADD table:100 cookie:0x7602 reset_counts actions=drop" },
        { "table=100,cookie=0x7601,actions=drop",
          "table=100,cookie=0x7601,actions=output:2",
          "MOD_STRICT table:100 cookie:0x7601/0xffffffffffffffff "
          "actions=drop" },
        { NULL, "table=100,priority=7,cookie=0x7601,in_port=1,actions=drop",
          "DEL_STRICT table:100 priority=7,in_port=1 "
          "cookie:0x7601/0xffffffffffffffff actions=drop" },
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        for (size_t j = 0; j < ARRAY_SIZE(versions); j++) {
            assert_string_taken(message_to_string(cases[i].desired,
                                                  cases[i].installed,
                                                  versions[j]),
                                cases[i].message);
        }
    }
}

static void
test_group_operations_become_messages(void **state)
{
    static const char one[] = "group_id=0x7601,type=all,"
                              "bucket=bucket_id:1,output:1";
    static const char other[] = "group_id=0x7601,type=all,"
                                "bucket=bucket_id:1,output:2";
    assert_string_taken(message_to_string(one, NULL, OFP15_VERSION),
                        " ADD group_id=30209,type=all,"
                        "bucket=bucket_id:1,actions=output:1");
    assert_string_taken(message_to_string(one, other, OFP15_VERSION),
                        " MOD group_id=30209,type=all,"
                        "bucket=bucket_id:1,actions=output:1");
    assert_string_taken(message_to_string(NULL, one, OFP14_VERSION),
                        " DEL group_id=30209,type=all");
}

static struct ofpbuf *
huge_group(size_t n_buckets)
{
    struct flow_table table;
    flow_table_init(&table);
    struct flow_group *group = flow_table_add_group(&table, 0x7601);
    uint64_t stub[16];
    struct ofpbuf no_actions = OFPBUF_STUB_INITIALIZER(stub);
    for (size_t i = 0; i < n_buckets; i++) {
        flow_group_add_bucket(group, i, &no_actions);
    }
    struct flow_op op = { .kind = FLOW_OP_ADD_GROUP, .group.after = group };
    struct ofpbuf *msg = flow_msg_from_op(&op, OFP15_VERSION);
    flow_table_destroy(&table);
    return msg;
}

static void
test_message_that_is_too_long_is_not_sent(void **state)
{
    struct ofpbuf *msg = flow_msg_bundle_add(1, 7, huge_group(100),
                                             OFP15_VERSION);
    const struct ofp_header *oh = msg->data;
    assert_int_equal(ntohl(oh->xid), 7);
    assert_int_equal(ntohs(oh->length), msg->size);
    ofpbuf_delete(msg);
    assert_null(flow_msg_bundle_add(1, 7, huge_group(10000), OFP15_VERSION));
}

/* The reply of a switch with this flow only, as it arrives. */
static struct ofpbuf *
reply_with(const struct ofputil_flow_stats *fs, enum ofp_version version)
{
    struct ofpbuf *request = flow_msg_dump_flows(version);
    struct ovs_list replies;
    ofpmp_init(&replies, request->data);
    ofputil_append_flow_stats_reply(fs, &replies, NULL);
    ofpbuf_delete(request);
    struct ofpbuf *reply = ofpbuf_from_list(ovs_list_pop_front(&replies));
    ofpmsg_update_length(reply);
    struct ofpbuf *arrived = ofpbuf_clone_data(reply->data, reply->size);
    ofpbuf_delete(reply);
    return arrived;
}

static size_t
count_read(uint8_t table_id, uint64_t cookie, uint16_t idle_timeout,
           uint16_t hard_timeout)
{
    struct ofputil_flow_stats fs = {
        .cookie = htonll(cookie),
        .table_id = table_id,
        .idle_timeout = idle_timeout,
        .hard_timeout = hard_timeout,
    };
    match_init_catchall(&fs.match);

    struct flow_table table;
    flow_table_init(&table);
    struct ofpbuf *reply = reply_with(&fs, OFP15_VERSION);
    assert_int_equal(flow_msg_read_flows(reply, &space, &table), 0);
    size_t n = hmap_count(&table.flows);
    const struct flow_entry *entry;
    HMAP_FOR_EACH (entry, node, &table.flows) {
        assert_int_equal(entry->is_fleeting, idle_timeout || hard_timeout);
    }
    ofpbuf_delete(reply);
    flow_table_destroy(&table);
    return n;
}

static void
test_flows_that_are_not_ours_are_not_read(void **state)
{
    assert_int_equal(count_read(7, 0x7601, 0, 0), 1);
    assert_int_equal(count_read(7, 0x9900, 0, 0), 0);
}

static void
test_learnt_flows_are_the_switchs(void **state)
{
    assert_int_equal(count_read(131, 0x7601, 300, 0), 0);
    assert_int_equal(count_read(131, 0x7601, 0, 300), 0);
}

static void
test_other_flows_with_a_timeout_are_read(void **state)
{
    assert_int_equal(count_read(131, 0x7601, 0, 0), 1);
    assert_int_equal(count_read(0, 0x7601, 300, 0), 1);
    assert_int_equal(count_read(0, 0x9900, 300, 0), 1);
    assert_int_equal(count_read(0, 0x9900, 0, 300), 1);
}

static void
test_broken_reply_is_an_error(void **state)
{
    struct ofputil_flow_stats fs = { .cookie = htonll(0x7601) };
    match_init_catchall(&fs.match);
    struct ofpbuf *reply = reply_with(&fs, OFP15_VERSION);
    reply->size -= 8;
    ofpmsg_update_length(reply);

    struct flow_table table;
    flow_table_init(&table);
    assert_int_not_equal(flow_msg_read_flows(reply, &space, &table), 0);
    ofpbuf_delete(reply);
    flow_table_destroy(&table);
}

static void
test_frame_becomes_a_message(void **state)
{
    struct ofpbuf actions;
    ofpbuf_init(&actions, 64);
    ofpact_put_OUTPUT(&actions)->port = OFP_PORT_C(7);
    for (size_t i = 0; i < ARRAY_SIZE(versions); i++) {
        struct ofpbuf *msg = flow_msg_packet_out("frame", 5, &actions,
                                                 versions[i]);
        struct ofputil_packet_out out;
        struct ofpbuf ofpacts;
        ofpbuf_init(&ofpacts, 64);
        assert_int_equal(ofputil_decode_packet_out(&out, msg->data, NULL,
                                                   &ofpacts), 0);
        assert_int_equal(out.packet_len, 5);
        assert_memory_equal(out.packet, "frame", 5);
        assert_true(out.flow_metadata.flow.in_port.ofp_port
                    == OFPP_CONTROLLER);
        assert_true(ofpacts_equal(out.ofpacts, out.ofpacts_len,
                                  actions.data, actions.size));
        ofpbuf_uninit(&ofpacts);
        ofpbuf_delete(msg);
    }
    ofpbuf_uninit(&actions);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_operations_become_messages),
        cmocka_unit_test(test_group_operations_become_messages),
        cmocka_unit_test(test_message_that_is_too_long_is_not_sent),
        cmocka_unit_test(test_flows_that_are_not_ours_are_not_read),
        cmocka_unit_test(test_learnt_flows_are_the_switchs),
        cmocka_unit_test(test_other_flows_with_a_timeout_are_read),
        cmocka_unit_test(test_broken_reply_is_an_error),
        cmocka_unit_test(test_frame_becomes_a_message),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
