/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */

/* Listings of flows: what a bridge has of ours, and how that differs from what
 * is meant.  The keys are a contract with those who script against them: see
 * vnicctl(8). */

#include <config.h>
#include "controller/flow-listing.h"

#include <stdlib.h>
#include <string.h>

#include "controller/bridge-flows.h"
#include "controller/switch-flows.h"
#include "flows/flow-diff.h"
#include "flows/flow-table.h"
#include "flows/ofconn.h"
#include "flows/pipeline.h"
#include "flows/tables.h"
#include "lib/cleanup.h"
#include "lib/report.h"
#include "openvswitch/dynamic-string.h"
#include "util.h"

/* Returns the bridge at index 'i' if it is 'bridge', or if that is NULL;
 * otherwise NULL. */
static const struct bridge_flows *
find_bridge(const struct switch_flows *flows, size_t i, const char *bridge)
{
    const struct bridge_flows *bf = switch_flows_get(flows, i);
    return !bridge || !strcmp(bridge, bridge_flows_name(bf)) ? bf : NULL;
}

/* flow/dump. */

static const struct report_column dump_columns[] = {
    { "bridge", "BRIDGE" },
    { "table", "TABLE" },
    { "table_id", NULL },
    { "priority", "PRIORITY" },
    { "vnic", "VNIC" },
    { "rule", "RULE" },
    { "match", "MATCH" },
    { "actions", "ACTIONS" },
};

/* In the order of the pipeline. */
static int
compare_flows(const void *a_, const void *b_)
{
    const struct flow_entry *a = *(const struct flow_entry *const *) a_;
    const struct flow_entry *b = *(const struct flow_entry *const *) b_;
    if (a->table_id != b->table_id) {
        return a->table_id < b->table_id ? -1 : 1;
    } else if (a->priority != b->priority) {
        return a->priority > b->priority ? -1 : 1;
    } else if (a->cookie != b->cookie) {
        return a->cookie < b->cookie ? -1 : 1;
    }
    struct ds a_match = DS_EMPTY_INITIALIZER, b_match = DS_EMPTY_INITIALIZER;
    flow_entry_format_match(a, &a_match);
    flow_entry_format_match(b, &b_match);
    int cmp = strcmp(ds_cstr(&a_match), ds_cstr(&b_match));
    ds_destroy(&a_match);
    ds_destroy(&b_match);
    return cmp;
}

/* Returns those of 'table' that are ours, in order, with a NULL behind them,
 * in a malloc'd array. */
static const struct flow_entry **
sort_flows(const struct flow_table *table)
{
    size_t n = 0;
    const struct flow_entry **flows
        = xcalloc(hmap_count(&table->flows) + 1, sizeof *flows);
    const struct flow_entry *flow;
    HMAP_FOR_EACH (flow, node, &table->flows) {
        if (table_cookie_is_ours(flow->cookie)) {
            flows[n++] = flow;
        }
    }
    qsort(flows, n, sizeof *flows, compare_flows);
    return flows;
}

/* Whose flow it is; one that is everybody's has nobody. */
static void
put_vnic(struct report *report, const struct bridge_flows *bf, uint32_t number)
{
    const struct pipeline_vnic *vnic
        = pipeline_bridge_find_vnic(bridge_flows_facts(bf), number);
    if (vnic) {
        report_put_string(report, vnic->label);
    } else if (number) {
        report_put_format(report, "port %u", (unsigned int) number);
    } else {
        report_put_null(report);
    }
}

static void
put_flow(struct report *report, const struct bridge_flows *bf,
         const struct flow_entry *flow)
{
    struct ds match = DS_EMPTY_INITIALIZER, actions = DS_EMPTY_INITIALIZER;
    flow_entry_format_match(flow, &match);
    flow_entry_format_actions(flow, &actions);

    report_put_string(report, bridge_flows_name(bf));
    report_put_string(report, table_name(flow->table_id));
    report_put_integer(report, flow->table_id);
    report_put_integer(report, flow->priority);
    put_vnic(report, bf, table_cookie_vnic(flow->cookie));
    report_put_string(report, table_rule_name(table_cookie_rule(
                                                  flow->cookie)));
    report_put_take(report, ds_steal_cstr(&match));
    report_put_take(report, ds_steal_cstr(&actions));
}

static void
put_flows(struct report *report, const struct bridge_flows *bf)
{
    CLEANUP_FREE const struct flow_entry **flows
        = sort_flows(ofconn_installed(bridge_flows_conn(bf)));
    for (size_t i = 0; flows[i]; i++) {
        put_flow(report, bf, flows[i]);
    }
}

/* The flows of ours that each bridge has, as far as is known. */
void
flow_listing_dump(const struct switch_flows *flows, const char *bridge,
                  struct report *report)
{
    report_init(report, dump_columns, ARRAY_SIZE(dump_columns));
    for (size_t i = 0; i < switch_flows_n(flows); i++) {
        const struct bridge_flows *bf = find_bridge(flows, i, bridge);
        if (bf) {
            put_flows(report, bf);
        }
    }
}

/* flow/diff. */

static const struct report_column diff_columns[] = {
    { "bridge", "BRIDGE" },
    { "kind", "KIND" },
    { "reason", "REASON" },
    { "key", "WHERE" },
    { "before", "BEFORE" },
    { "after", "AFTER" },
};

static void
put_op(struct report *report, const char *bridge, const struct flow_op *op)
{
    report_put_string(report, bridge);
    report_put_string(report, flow_op_kind_to_string(op->kind));
    report_put_string(report, flow_cause_to_string(op->cause));
    report_put_take(report, flow_op_object(op));
    report_put_take(report, flow_op_before(op));
    report_put_take(report, flow_op_after(op));
}

/* Others' flow in our way: nothing is done about it. */
static void
put_foreign(struct report *report, const char *bridge,
            const struct flow_entry *flow)
{
    struct ds where = DS_EMPTY_INITIALIZER, what = DS_EMPTY_INITIALIZER;
    ds_put_cstr(&where, "flow ");
    flow_entry_format_identity(flow, &where);
    flow_entry_format_actions(flow, &what);

    report_put_string(report, bridge);
    report_put_string(report, "report");
    report_put_string(report, "foreign-flows");
    report_put_take(report, ds_steal_cstr(&where));
    report_put_take(report, ds_steal_cstr(&what));
    report_put_null(report);
}

/* Others have changed flows, and nobody knows which. */
static void
put_change(struct report *report, const char *bridge)
{
    report_put_string(report, bridge);
    report_put_string(report, "report");
    report_put_string(report, "flows-changed");
    report_put_string(report, "flows");
    report_put_string(report, "not read yet");
    report_put_null(report);
}

/* Before anything is meant for the bridge, flows of an earlier run of the
 * agent are no difference. */
static void
put_differences(struct report *report, const struct bridge_flows *bf)
{
    const struct ofconn *conn = bridge_flows_conn(bf);
    const char *bridge = bridge_flows_name(bf);
    bool is_meant = ofconn_verdict(conn) != OFCONN_NONE;
    struct flow_diff diff = FLOW_DIFF_INIT;

    flow_diff_compute(ofconn_desired(conn), ofconn_installed(conn),
                      &table_space, &diff);
    for (size_t i = 0; i < diff.n_ops && is_meant; i++) {
        put_op(report, bridge, &diff.ops[i]);
    }
    if (bridge_flows_state(bf) == BRIDGE_FLOWS_CHANGED) {
        put_change(report, bridge);
    }
    for (size_t i = 0; i < diff.n_foreign; i++) {
        put_foreign(report, bridge, diff.foreign[i]);
    }
    flow_diff_destroy(&diff);
}

/* How the flows that each bridge has differ from those that are meant, as far
 * as both are known, and others' flows that are in their way. */
void
flow_listing_diff(const struct switch_flows *flows, const char *bridge,
                  struct report *report)
{
    report_init(report, diff_columns, ARRAY_SIZE(diff_columns));
    for (size_t i = 0; i < switch_flows_n(flows); i++) {
        const struct bridge_flows *bf = find_bridge(flows, i, bridge);
        if (bf && ofconn_has_facts(bridge_flows_conn(bf))) {
            put_differences(report, bf);
        }
    }
}
