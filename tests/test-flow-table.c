/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "flows/flow-table.h"

#include "byte-order.h"
#include "openvswitch/dynamic-string.h"
#include "openvswitch/ofp-actions.h"
#include "openvswitch/ofp-flow.h"
#include "openvswitch/ofp-protocol.h"
#include "tests/flow-text.h"
#include "tests/unit.h"
#include "util.h"

static void
add_text(struct flow_table *table, const char *line)
{
    assert_null(flow_text_add(table, line));
}

/* Returns the only flow of 'table'. */
static const struct flow_entry *
only_flow(const struct flow_table *table)
{
    assert_int_equal(hmap_count(&table->flows), 1);
    return CONTAINER_OF(hmap_first(&table->flows), struct flow_entry, node);
}

static char *
flow_to_string(const struct flow_table *table)
{
    struct ds s = DS_EMPTY_INITIALIZER;
    flow_entry_format(only_flow(table), &s);
    return ds_steal_cstr(&s);
}

static char *
group_to_string(const struct flow_table *table, uint32_t id)
{
    struct ds s = DS_EMPTY_INITIALIZER;
    flow_group_format(flow_table_find_group(table, id), &s);
    return ds_steal_cstr(&s);
}

static void
test_flow_is_written_as_a_dump_writes_it(void **state)
{
    static const struct {
        const char *meant, *dumped;
    } cases[] = {
        { "table=0,priority=5,cookie=0x1,in_port=3,actions=strip_vlan,NORMAL",
          "cookie=0x1, table=0, priority=5,in_port=3 "
          "actions=pop_vlan,NORMAL" },
        { "table=110,priority=9,cookie=0x766e000000000102,"
          "actions=load:7->NXM_NX_REG1[],resubmit(,120)",
          "cookie=0x766e000000000102, table=110, priority=9 "
          "actions=set_field:0x7->reg1,resubmit(,120)" },
        { "priority=5,vlan_tci=0x0000/0x1fff,actions=drop",
          "cookie=0x0, table=0, priority=5,vlan_tci=0x0000/0x1fff "
          "actions=drop" },
        { "priority=5,vlan_tci=0x1000/0x1000,actions=drop",
          "cookie=0x0, table=0, priority=5,vlan_tci=0x1000/0x1000 "
          "actions=drop" },
        { "priority=5,dl_vlan=7,actions=set_field:0x1007->vlan_vid,output:2",
          "cookie=0x0, table=0, priority=5,dl_vlan=7 "
          "actions=set_field:4103->vlan_vid,output:2" },
        { "priority=5,actions=mod_vlan_vid:7,output:2",
          "cookie=0x0, table=0, priority=5 "
          "actions=push_vlan:0x8100,set_field:4103->vlan_vid,output:2" },
        { "priority=5,tcp,tp_dst=22,actions=ct(commit,zone=7),group:9",
          "cookie=0x0, table=0, priority=5,tcp,tp_dst=22 "
          "actions=ct(commit,zone=7),group:9" },
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct flow_table table;
        flow_table_init(&table);
        add_text(&table, cases[i].meant);
        assert_string_taken(flow_to_string(&table), cases[i].dumped);
        flow_table_destroy(&table);
    }
}

/* Sends 'entry' through a flow-mod of OpenFlow 'version', as a switch sees it,
 * and adds what arrives to 'table'. */
static void
add_through_wire(struct flow_table *table, const struct flow_entry *entry,
                 enum ofputil_protocol protocol)
{
    struct ofputil_flow_mod fm = {
        .command = OFPFC_ADD,
        .match = entry->match,
        .priority = entry->priority,
        .table_id = entry->table_id,
        .new_cookie = htonll(entry->cookie),
        .buffer_id = UINT32_MAX,
        .out_port = OFPP_ANY,
        .out_group = OFPG_ANY,
        .ofpacts = entry->actions,
        .ofpacts_len = entry->actions_len,
    };
    struct ofpbuf *msg = ofputil_encode_flow_mod(&fm, protocol);

    struct ofputil_flow_mod decoded;
    struct ofpbuf ofpacts;
    ofpbuf_init(&ofpacts, 0);
    assert_int_equal(ofputil_decode_flow_mod(&decoded, msg->data, protocol,
                                             NULL, NULL, &ofpacts,
                                             OFPP_MAX, 255), 0);
    struct match match;
    minimatch_expand(&decoded.match, &match);
    flow_table_add(table, decoded.table_id, decoded.priority,
                   ntohll(decoded.new_cookie), &match, &ofpacts);
    minimatch_destroy(&decoded.match);
    ofpbuf_uninit(&ofpacts);
    ofpbuf_delete(msg);
}

static void
test_form_does_not_depend_on_the_openflow_version(void **state)
{
    static const char *const flows[] = {
        "in_port=3,vlan_tci=0x0000/0x1fff,"
            "actions=set_field:5->reg1,goto_table:9",
        "vlan_tci=0x1005/0x1fff,actions=pop_vlan,"
            "move:NXM_OF_VLAN_TCI[13..15]->NXM_NX_REG2[13..15],NORMAL",
        "udp6,tp_dst=546,ipv6_src=fe80::/10,actions=drop",
        "arp,arp_spa=10.0.0.1,arp_sha=52:54:00:00:00:01,actions=resubmit(,40)",
        "icmp6,icmp_type=135,nd_target=fe80::1,nd_sll=52:54:00:00:00:01,"
            "actions=set_field:0x20/0x30->reg0,resubmit(,19)",
        "ct_state=+trk+new,ip,actions=ct(commit,zone=NXM_NX_REG6[0..15])",
        "dl_dst=01:00:00:00:00:00/01:00:00:00:00:00,actions=group:7",
        "reg3=0x10002/0xffff0003,actions=push_vlan:0x8100,"
            "move:NXM_NX_REG1[0..11]->OXM_OF_VLAN_VID[0..11],output:7",
        "dl_vlan=7,dl_vlan_pcp=3,actions=output:NXM_NX_REG5[0..15]",
        "ip,nw_frag=later,actions=learn(table=29,limit=16,priority=20,"
            "NXM_OF_ETH_DST[]=NXM_OF_ETH_SRC[],output:NXM_OF_IN_PORT[])",
    };
    for (size_t i = 0; i < ARRAY_SIZE(flows); i++) {
        struct flow_table meant, as_14, as_15;
        flow_table_init(&meant);
        flow_table_init(&as_14);
        flow_table_init(&as_15);

        add_text(&meant, flows[i]);
        add_through_wire(&as_14, only_flow(&meant), OFPUTIL_P_OF14_OXM);
        add_through_wire(&as_15, only_flow(&meant), OFPUTIL_P_OF15_OXM);
        assert_true(flow_entry_equals(only_flow(&meant), only_flow(&as_14)));
        assert_true(flow_entry_equals(only_flow(&meant), only_flow(&as_15)));

        flow_table_destroy(&meant);
        flow_table_destroy(&as_14);
        flow_table_destroy(&as_15);
    }
}

static void
test_flow_is_found_by_table_priority_and_match(void **state)
{
    struct flow_table table, keys;
    flow_table_init(&table);
    flow_table_init(&keys);
    add_text(&table, "table=1,priority=5,in_port=3,actions=drop");

    static const struct {
        const char *key;
        bool is_found;
    } cases[] = {
        { "table=1,priority=5,in_port=3,cookie=7,actions=NORMAL", true },
        { "table=2,priority=5,in_port=3,actions=drop", false },
        { "table=1,priority=6,in_port=3,actions=drop", false },
        { "table=1,priority=5,in_port=4,actions=drop", false },
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        add_text(&keys, cases[i].key);
        assert_int_equal(flow_table_find(&table, only_flow(&keys)) != NULL,
                         cases[i].is_found);
        flow_table_clear(&keys);
    }
    flow_table_destroy(&table);
    flow_table_destroy(&keys);
}

static void
test_last_flow_of_one_identity_stays(void **state)
{
    struct flow_table table;
    flow_table_init(&table);
    add_text(&table, "priority=5,in_port=3,cookie=1,actions=drop");
    add_text(&table, "priority=5,in_port=3,cookie=2,actions=output:4");
    assert_string_taken(flow_to_string(&table),
                        "cookie=0x2, table=0, priority=5,in_port=3 "
                        "actions=output:4");
    flow_table_destroy(&table);
}

static void
test_cookie_and_actions_make_flows_differ(void **state)
{
    struct flow_table a, b;
    flow_table_init(&a);
    flow_table_init(&b);
    add_text(&a, "in_port=3,cookie=1,actions=strip_vlan,output:4");

    static const struct {
        const char *flow;
        bool is_equal;
    } cases[] = {
        { "in_port=3,cookie=1,actions=pop_vlan,output:4", true },
        { "in_port=3,cookie=2,actions=pop_vlan,output:4", false },
        { "in_port=3,cookie=1,actions=pop_vlan,output:5", false },
        { "in_port=3,cookie=1,actions=pop_vlan", false },
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        add_text(&b, cases[i].flow);
        assert_int_equal(flow_entry_equals(only_flow(&a), only_flow(&b)),
                         cases[i].is_equal);
        flow_table_clear(&b);
    }
    flow_table_destroy(&a);
    flow_table_destroy(&b);
}

static void
test_group_is_written_as_a_dump_writes_it(void **state)
{
    struct flow_table table;
    flow_table_init(&table);
    add_text(&table, "group_id=7,type=all,"
                     "bucket=bucket_id:1,load:3->NXM_NX_REG5[],resubmit(,40),"
                     "bucket=bucket_id:2,output:9");
    assert_string_taken(group_to_string(&table, 7),
                        "group_id=7,type=all,"
                        "bucket=bucket_id:1,actions=set_field:0x3->reg5,"
                        "resubmit(,40),bucket=bucket_id:2,actions=output:9");
    assert_null(flow_table_find_group(&table, 8));
    flow_table_destroy(&table);
}

static void
test_buckets_in_their_order_make_groups_equal(void **state)
{
    struct flow_table a, b;
    flow_table_init(&a);
    flow_table_init(&b);
    add_text(&a, "group_id=7,type=all,bucket=bucket_id:1,strip_vlan,output:1,"
                 "bucket=bucket_id:2,output:2");

    static const struct {
        const char *group;
        bool is_equal;
    } cases[] = {
        { "group_id=7,type=all,bucket=bucket_id:0,pop_vlan,output:1,"
          "bucket=bucket_id:1,output:2", true },
        { "group_id=7,type=all,bucket=bucket_id:1,pop_vlan,output:1", false },
        { "group_id=7,type=all,bucket=bucket_id:1,output:2,"
          "bucket=bucket_id:2,pop_vlan,output:1", false },
        { "group_id=7,type=all", false },
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        add_text(&b, cases[i].group);
        assert_int_equal(flow_group_equals(flow_table_find_group(&a, 7),
                                           flow_table_find_group(&b, 7)),
                         cases[i].is_equal);
        assert_int_equal(hmap_count(&b.groups), 1);
    }
    flow_table_destroy(&a);
    flow_table_destroy(&b);
}

static void
test_groups_without_buckets_are_equal(void **state)
{
    struct flow_table a, b;
    flow_table_init(&a);
    flow_table_init(&b);
    assert_true(flow_group_equals(flow_table_add_group(&a, 7),
                                  flow_table_add_group(&b, 7)));
    assert_false(flow_group_equals(flow_table_find_group(&a, 7),
                                   flow_table_add_group(&b, 8)));
    flow_table_destroy(&a);
    flow_table_destroy(&b);
}

static void
test_destroy_twice(void **state)
{
    struct flow_table table;
    flow_table_init(&table);
    add_text(&table, "actions=drop");
    flow_table_destroy(&table);
    assert_true(hmap_is_empty(&table.flows));
    flow_table_destroy(&table);
    flow_table_destroy(NULL);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_flow_is_written_as_a_dump_writes_it),
        cmocka_unit_test(test_form_does_not_depend_on_the_openflow_version),
        cmocka_unit_test(test_flow_is_found_by_table_priority_and_match),
        cmocka_unit_test(test_last_flow_of_one_identity_stays),
        cmocka_unit_test(test_cookie_and_actions_make_flows_differ),
        cmocka_unit_test(test_group_is_written_as_a_dump_writes_it),
        cmocka_unit_test(test_buckets_in_their_order_make_groups_equal),
        cmocka_unit_test(test_groups_without_buckets_are_equal),
        cmocka_unit_test(test_destroy_twice),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
