/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */

/* Holds the trace of a frame against who may get it: who gets it without a
 * right, who has a right and does not get it, who gets it twice, or with
 * another tag.
 *
 * Of what is outside, only that a frame gets there is judged: who gets it then
 * is up to NORMAL, as the operator configured it.  So are the copies that
 * mirrors make. */

#include <config.h>
#include "flows/verify.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "flows/tables.h"
#include "flows/trace.h"
#include "flows/verify-plan.h"
#include "lib/cleanup.h"
#include "lib/report.h"
#include "openvswitch/dynamic-string.h"
#include "packets.h"
#include "simap.h"
#include "util.h"

/* By index, the tags of the copies in words, empty for none. */
struct outcome {
    struct ds *copies;          /* Owned. */
    size_t n;
    bool is_outside;
};

static void
outcome_init(struct outcome *outcome, size_t n)
{
    *outcome = (struct outcome) {
        .copies = xcalloc(n, sizeof *outcome->copies), .n = n,
    };
}

static void
outcome_destroy(struct outcome *outcome)
{
    for (size_t i = 0; i < outcome->n; i++) {
        ds_destroy(&outcome->copies[i]);
    }
    free(outcome->copies);
}

static void
outcome_add(struct outcome *outcome, size_t i, const struct trace_tags *tags)
{
    struct ds *s = &outcome->copies[i];
    ds_put_cstr(s, s->length ? ", " : "");
    ds_put_cstr(s, tags->n ? "tag" : "untagged");
    for (size_t j = 0; j < tags->n; j++) {
        ds_put_format(s, " %d", tags->tags[j].vid);
        if (tags->tags[j].tpid != ETH_TYPE_VLAN_8021Q) {
            ds_put_format(s, " (0x%04x)", tags->tags[j].tpid);
        }
    }
}

/* True if somebody else than its vNIC was heard from the address that 'probe'
 * is for. */
static bool
has_moved(const struct verify_plan *plan, const struct verify_probe *probe,
          const struct trace *trace)
{
    if (probe->to == VERIFY_OUTSIDE) {
        return false;
    }
    uint32_t owner = plan->bridge.vnics[probe->to].number;
    for (size_t i = 0; i < trace->n_steps; i++) {
        const struct trace_step *step = &trace->steps[i];
        if (table_flow_is_learnt(step->table_id, step->cookie)
            && table_cookie_vnic(step->cookie) != owner) {
            return true;
        }
    }
    return false;
}

/* Where an address is that has moved, the intent does not say: one of those
 * has it who may have an address that nobody knows. */
static void
find_expected(const struct verify_plan *plan,
              const struct verify_probe *probe, bool is_moved,
              struct outcome *outcome)
{
    struct entitlement_frame frame = verify_plan_frame(plan, probe);
    if (is_moved) {
        frame.dst = plan->strangers[1];
    }
    CLEANUP(entitlements) struct entitlements e;
    entitlements_compute(&plan->bridge, &frame, &e);
    outcome_init(outcome, verify_plan_n_indexes(plan));
    outcome->is_outside = e.is_for_outside;
    for (size_t i = 0; i < e.n_receivers; i++) {
        outcome_add(outcome, e.receivers[i].to - plan->bridge.vnics,
                    &e.receivers[i].tags);
    }
}

/* The way outside is a patch port.  A copy for a port that nobody else is on
 * shows another one. */
static void
find_found(const struct verify_plan *plan, const struct trace *trace,
           struct outcome *outcome)
{
    outcome_init(outcome, verify_plan_n_indexes(plan));
    outcome->is_outside = trace->n_crossings > 0;
    for (size_t i = 0; i < trace->n_copies; i++) {
        const struct trace_copy *copy = &trace->copies[i];
        const struct simap_node *node = simap_find(&plan->ports, copy->port);
        if (node && node->data == VERIFY_MIRROR) {
            continue;
        } else if (node) {
            outcome_add(outcome, node->data, &copy->tags);
        } else {
            outcome->is_outside = true;
        }
    }
}

/* Rows. */

static const struct report_column columns[] = {
    { "from", "FROM" },
    { "to", "TO" },
    { "encapsulation", "FRAME" },
    { "expected", "EXPECTED" },
    { "found", "FOUND" },
};

/* Initializes 'report' for what verify_judge() adds. */
void
verify_report_init(struct report *report)
{
    report_init(report, columns, ARRAY_SIZE(columns));
}

static void
put_frame(struct report *report, const struct verify_probe *probe)
{
    const char *kind = verify_kind_to_string(probe->kind);
    if (probe->tag >= 0) {
        report_put_format(report, "%s, tag %d", kind, probe->tag);
    } else {
        report_put_format(report, "%s, untagged", kind);
    }
}

/* What is held against what. */
struct comparison {
    const struct verify_plan *plan;
    const struct verify_probe *probe;
    struct outcome expected, found;
    bool is_moved;              /* Of what is expected, one is enough. */
    struct report *report;
    size_t n_rows;              /* That were added to 'report'. */
};

static void
put_row(struct comparison *c, size_t to, const char *expected,
        const char *found)
{
    report_put_take(c->report, verify_plan_label(c->plan, c->probe->from));
    report_put_take(c->report, verify_plan_label(c->plan, to));
    put_frame(c->report, c->probe);
    report_put_string(c->report, expected[0] ? expected : "nothing");
    report_put_string(c->report, found[0] ? found : "nothing");
    c->n_rows++;
}

/* Of what is outside, no more is said. */
static const char *
words_of(bool is_outside)
{
    return is_outside ? "the frame" : "";
}

static void
compare(struct comparison *c)
{
    for (size_t i = 0; i < c->expected.n; i++) {
        const char *expected = ds_cstr(&c->expected.copies[i]);
        const char *found = ds_cstr(&c->found.copies[i]);
        if (strcmp(expected, found) && !(c->is_moved && !found[0])) {
            put_row(c, i, expected, found);
        }
    }
    if (c->expected.is_outside != c->found.is_outside
        && !(c->is_moved && !c->found.is_outside)) {
        put_row(c, VERIFY_OUTSIDE, words_of(c->expected.is_outside),
                words_of(c->found.is_outside));
    }
}

/* Adds to 'report' a row for each receiver for which 'trace', of the frame of
 * 'probe', is not what is meant.  Returns how many rows. */
size_t
verify_judge(const struct verify_plan *plan, const struct verify_probe *probe,
             const struct trace *trace, struct report *report)
{
    struct comparison c = {
        .plan = plan, .probe = probe, .report = report,
        .is_moved = has_moved(plan, probe, trace),
    };
    find_expected(plan, probe, c.is_moved, &c.expected);
    find_found(plan, trace, &c.found);
    compare(&c);
    outcome_destroy(&c.expected);
    outcome_destroy(&c.found);
    return c.n_rows;
}
