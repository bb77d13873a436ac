/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */

/* Tells a trace as a story: which rules a frame met, and how it ended.
 *
 * What happens for each receiver of a flood, behind the table L2, is told only
 * where it ends: who gets the frame is listed anyhow. */

#include <config.h>
#include "flows/why.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "flow.h"
#include "flows/pipeline.h"
#include "flows/trace.h"
#include "flows/why-advice.h"
#include "lib/cleanup.h"
#include "lib/report.h"
#include "openvswitch/dynamic-string.h"
#include "packets.h"
#include "simap.h"
#include "util.h"

static const struct report_column columns[] = {
    { "what", "WHAT" },
    { "table", "TABLE" },
    { "rule", "RULE" },
    { "vnic", "VNIC" },
    { "words", "IN WORDS" },
};

/* Initializes 'report' for what why_explain() adds. */
void
why_report_init(struct report *report)
{
    report_init(report, columns, ARRAY_SIZE(columns));
}

/* What a row tells. */
#define STEP "step"             /* A rule that the frame met. */
#define COUNTED "counted"       /* One that it broke, and went on. */
#define DROPPED "dropped"       /* One that ended it. */
#define DELIVERED "delivered"   /* Who got it. */
#define OUTSIDE "outside"
#define CHANGE "change"         /* What would let it pass. */
#define NOTE "note"

/* What is needed to tell the story. */
struct story {
    const struct pipeline_bridge *bridge;
    const struct simap *ofports;
    const struct pipeline_vnic *sender; /* NULL: no vNIC. */
    const struct trace *trace;
    struct report *report;
    bool has_drop;              /* It was told where the frame ended. */
    enum table_rule advised;    /* The last rule about which it was told what
                                 * would change it; 0: none. */
};

/* Who is who. */

const struct pipeline_vnic *
why_find_vnic(const struct pipeline_bridge *bridge,
              const struct simap *ofports, const char *port)
{
    const struct simap_node *node = simap_find(ofports, port);
    for (size_t i = 0; node && i < bridge->n_vnics; i++) {
        if (ofp_to_u16(bridge->vnics[i].ofport) == node->data) {
            return &bridge->vnics[i];
        }
    }
    return NULL;
}

static const char *
label_of(const struct pipeline_bridge *bridge, uint32_t number)
{
    for (size_t i = 0; number && i < bridge->n_vnics; i++) {
        if (bridge->vnics[i].number == number) {
            return bridge->vnics[i].label;
        }
    }
    return NULL;
}

/* Rows. */

static void
put_row(struct story *story, const char *what, const char *table,
        const char *rule, const char *vnic, const char *words)
{
    report_put_string(story->report, what);
    report_put_string(story->report, table);
    report_put_string(story->report, rule);
    report_put_string(story->report, vnic);
    report_put_string(story->report, words);
}

static void
put_rule(struct story *story, const char *what, uint8_t table_id,
         enum table_rule rule, uint32_t owner)
{
    put_row(story, what, table_name(table_id), table_rule_name(rule),
            label_of(story->bridge, owner), table_rule_words(rule));
}

static void
put_words_take(struct story *story, const char *what, char *words)
{
    put_row(story, what, NULL, NULL, NULL, words);
    free(words);
}

static void
put_change(struct story *story, enum table_rule rule)
{
    char *words = rule != story->advised
                  ? why_advice(rule, story->sender, story->trace->source)
                  : NULL;
    if (words) {
        put_words_take(story, CHANGE, words);
        story->advised = rule;
    }
}

/* 'rule' of a table ends the frame, for 'owner' alone where it has several
 * receivers. */
static void
put_drop(struct story *story, uint8_t table_id, enum table_rule rule,
         uint32_t owner)
{
    put_rule(story, DROPPED, table_id, rule, owner);
    story->has_drop = true;
}

/* Steps. */

static bool
is_ours(const struct trace_step *step)
{
    return step->has_flow && table_cookie_is_ours(step->cookie)
           && table_rule_name(table_cookie_rule(step->cookie));
}

static bool
is_violation(const struct trace_step *step)
{
    return is_ours(step)
           && table_flow_is_violation(step->table_id, step->cookie);
}

/* A step that does nothing but end the frame. */
static bool
is_end(const struct trace_step *step)
{
    return step->actions.n && !strcmp(step->actions.names[0], "drop");
}

/* For one receiver of perhaps many. */
static bool
is_for_receiver(const struct trace_step *step)
{
    return is_ours(step) && step->table_id >= TABLE_ISOLATION;
}

/* Reads the number that 'action' writes into the receiver's register, as a
 * flow or a learnt one does. */
static bool
read_receiver(const char *action, uint32_t *number)
{
    int n = 0;
    return (sscanf(action, "set_field:0x%"SCNx32"->reg5%n", number, &n) == 1
            || sscanf(action, "load:0x%"SCNx32"->NXM_NX_REG5[]%n", number,
                      &n) == 1)
           && n;
}

/* Returns the number of the vNIC for which step 'i' decides, 0 if it cannot be
 * told. */
static uint32_t
find_receiver(const struct trace *trace, size_t i)
{
    while (i-- > 0) {
        const struct svec *actions = &trace->steps[i].actions;
        for (size_t j = actions->n; j-- > 0; ) {
            uint32_t number;
            if (read_receiver(actions->names[j], &number)) {
                return number;
            }
        }
    }
    return 0;
}

/* Somebody else's flow, or none. */
static void
put_foreign_step(struct story *story, const struct trace_step *step)
{
    struct ds words = DS_EMPTY_INITIALIZER;
    ds_put_format(&words, "%s: %s", step->bridge, step->match);
    if (step->has_flow) {
        ds_put_format(&words, "%spriority %d", step->match[0] ? ", " : "",
                      step->priority);
    }
    for (size_t i = 0; i < step->actions.n; i++) {
        ds_put_format(&words, "%s %s", i ? ";" : ", then",
                      step->actions.names[i]);
    }
    const char *name = table_name(step->table_id);
    CLEANUP_FREE char *table = name ? xstrdup(name)
                                    : xasprintf("%d", step->table_id);
    put_row(story, STEP, table, step->has_flow ? "somebody-else's" : "no-flow",
            NULL, ds_cstr(&words));
    ds_destroy(&words);
}

/* A guard's rule was broken at step 'i', or 'i' - 1 if that only says what
 * becomes of the frame. */
static void
put_violation(struct story *story, size_t i)
{
    const struct trace_step *step = &story->trace->steps[i];
    enum table_rule rule = table_cookie_rule(step->cookie);
    uint8_t table_id = i && step->table_id == TABLE_VIOLATION
                       ? story->trace->steps[i - 1].table_id
                       : step->table_id;
    uint32_t owner = table_cookie_vnic(step->cookie);
    if (is_end(step)) {
        put_drop(story, table_id, rule, owner);
    } else {
        put_rule(story, COUNTED, table_id, rule, owner);
    }
    if (rule == RULE_MAC_LIMIT && story->trace->skips_learning) {
        put_words_take(story, NOTE, xasprintf(
            "a trace learns nothing: a real frame passes while fewer than %d "
            "addresses are learnt", LEARNT_MAX));
    }
    if (is_end(step)) {
        put_change(story, rule);
    } else {
        put_words_take(story, NOTE, xstrdup("guard level 'enforce' would drop "
                                            "it here"));
    }
}

/* At the end of the way for one receiver.  A flood does not come back to its
 * sender, whatever that may talk to. */
static void
put_receiver_step(struct story *story, size_t i)
{
    const struct trace_step *step = &story->trace->steps[i];
    uint32_t receiver = find_receiver(story->trace, i);
    if (is_end(step)
        && (!story->sender || receiver != story->sender->number)) {
        enum table_rule rule = table_cookie_rule(step->cookie);
        put_drop(story, step->table_id, rule, receiver);
        put_change(story, rule);
    }
}

/* A step before it is known whose the frame is. */
static void
put_sender_step(struct story *story, const struct trace_step *step)
{
    enum table_rule rule = table_cookie_rule(step->cookie);
    uint32_t owner = table_cookie_vnic(step->cookie);
    /* These end a search, or a copy, but not the frame. */
    if (is_end(step) && step->table_id != TABLE_L2_LEARNT
        && rule != RULE_FROM_OUTSIDE) {
        put_drop(story, step->table_id, rule, owner);
        put_change(story, rule);
    } else {
        put_rule(story, STEP, step->table_id, rule, owner);
    }
}

/* True if the row of the next step says all that there is to say of step
 * 'i'. */
static bool
is_told_by_next(const struct trace *trace, size_t i)
{
    return i + 1 < trace->n_steps && is_violation(&trace->steps[i + 1])
           && table_cookie_rule(trace->steps[i].cookie)
              == table_cookie_rule(trace->steps[i + 1].cookie);
}

static void
put_step(struct story *story, size_t i)
{
    const struct trace_step *step = &story->trace->steps[i];
    if (!is_ours(step)) {
        put_foreign_step(story, step);
    } else if (is_told_by_next(story->trace, i)) {
        return;
    } else if (is_violation(step)) {
        put_violation(story, i);
    } else if (is_for_receiver(step)) {
        put_receiver_step(story, i);
    } else {
        put_sender_step(story, step);
    }
}

/* The end. */

static void
put_tags(const struct trace_tags *tags, struct ds *s)
{
    ds_put_cstr(s, tags->n ? "tag" : "untagged");
    for (size_t i = 0; i < tags->n; i++) {
        ds_put_format(s, " %d", tags->tags[i].vid);
    }
}

static void
put_copies_for_vnics(struct story *story)
{
    for (size_t i = 0; i < story->trace->n_copies; i++) {
        const struct trace_copy *copy = &story->trace->copies[i];
        const struct pipeline_vnic *vnic
            = why_find_vnic(story->bridge, story->ofports, copy->port);
        if (vnic) {
            struct ds s = DS_EMPTY_INITIALIZER;
            ds_put_format(&s, "on port %s, ", copy->port);
            put_tags(&copy->tags, &s);
            put_row(story, DELIVERED, NULL, NULL, vnic->label, ds_cstr(&s));
            ds_destroy(&s);
        }
    }
}

/* One row for all ports that are no vNIC's. */
static void
put_copies_outside(struct story *story)
{
    struct ds s = DS_EMPTY_INITIALIZER;
    for (size_t i = 0; i < story->trace->n_copies; i++) {
        const struct trace_copy *copy = &story->trace->copies[i];
        if (!why_find_vnic(story->bridge, story->ofports, copy->port)) {
            ds_put_format(&s, "%s%s (", s.length ? ", " : "", copy->port);
            put_tags(&copy->tags, &s);
            ds_put_char(&s, ')');
        }
    }
    if (s.length) {
        put_words_take(story, OUTSIDE, xasprintf("on %s", ds_cstr(&s)));
    } else if (story->sender && story->trace->n_crossings) {
        put_words_take(story, OUTSIDE, xstrdup("NORMAL has nobody to send it "
                                               "to"));
    }
    ds_destroy(&s);
}

static void
put_end(struct story *story)
{
    const struct trace *trace = story->trace;
    put_copies_for_vnics(story);
    put_copies_outside(story);
    if (trace->failure) {
        put_row(story, DROPPED, NULL, NULL, NULL, trace->failure);
    } else if (!trace->n_copies && !trace->n_crossings && !story->has_drop) {
        put_row(story, DROPPED, NULL, NULL, NULL, "nobody is there to get it");
    }
}

/* Adds to 'report' what became of the frame of 'trace', which came in on
 * 'port'.  'ofports' are the OpenFlow numbers of the bridge's ports by their
 * names. */
void
why_explain(const struct pipeline_bridge *bridge, const struct simap *ofports,
            const char *port, const struct trace *trace,
            struct report *report)
{
    struct story story = {
        .bridge = bridge, .ofports = ofports,
        .sender = why_find_vnic(bridge, ofports, port),
        .trace = trace, .report = report,
    };
    for (size_t i = 0; i < trace->n_steps; i++) {
        put_step(&story, i);
    }
    put_end(&story);
}

/* Counts. */

static const struct report_column count_columns[] = {
    { "packets", "PACKETS" },
    { "fate", "FATE" },
    { "table", NULL },
    { "rule", "RULE" },
    { "words", "IN WORDS" },
    { "change", "WOULD PASS WITH" },
};

/* Initializes 'report' for what why_count_explain() adds. */
void
why_counts_report_init(struct report *report)
{
    report_init(report, count_columns, ARRAY_SIZE(count_columns));
}

/* Adds how often 'vnic' broke a rule. */
void
why_count_explain(const struct pipeline_vnic *vnic,
                  const struct why_count *count, struct report *report)
{
    bool is_dropped = !why_rule_is_guards(count->rule)
                      || why_rule_is_enforced(count->rule, vnic);
    report_put_integer(report, count->n_packets);
    report_put_string(report, is_dropped ? "dropped" : "passed");
    report_put_string(report, table_name(count->table_id));
    report_put_string(report, table_rule_name(count->rule));
    report_put_string(report, table_rule_words(count->rule));
    report_put_take(report, is_dropped
                            ? why_advice(count->rule, vnic, eth_addr_zero)
                            : NULL);
}
