/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */

/* Asks how traces call ports, and then for one trace after the other, a few of
 * them at a time, so that a large bridge keeps neither the switch nor us from
 * other work. */

#include <config.h>
#include "flows/verifier.h"

#include <stdlib.h>

#include "flows/dp-ports.h"
#include "flows/switch-control.h"
#include "flows/trace.h"
#include "flows/verify-plan.h"
#include "flows/verify.h"
#include "lib/cleanup.h"
#include "lib/error.h"
#include "lib/report.h"
#include "openvswitch/poll-loop.h"
#include "simap.h"
#include "util.h"

/* Traces that are asked for and not judged yet. */
#define MAX_PENDING 8

/* Where everything is wrong, some of it is enough. */
#define MAX_ROWS 1000

struct pending {
    struct switch_request *request;
    const struct verify_probe *probe;
};

struct verifier {
    struct switch_control *control;
    struct verify_plan plan;
    struct switch_request *ports; /* How do traces call ports?  NULL unless
                                   * it was asked, and not answered. */
    bool knows_ports;
    size_t next;                /* Index of the probe to be sent next. */
    struct pending pending[MAX_PENDING]; /* Those in use come first. */
    size_t n_pending;
    size_t n_judged, n_wrong;   /* Traces. */
    struct report *report;      /* Not owned. */
    size_t n_rows;              /* That were added to 'report'. */
    char *error;                /* A sentence; ends everything. */
};

/* Stores in '*verifierp' what will verify 'bridge', and adds a row to 'report'
 * for each disagreement, of many only the first.  'control' and 'report' must
 * outlive it.  Returns a sentence if that cannot be done. */
char *
verifier_create(struct switch_control *control,
                const struct pipeline_bridge *bridge,
                bool wants_all, struct report *report,
                struct verifier **verifierp)
{
    struct verifier *verifier = xzalloc(sizeof *verifier);
    verifier->control = control;
    verifier->report = report;
    char *error = verify_plan_init(&verifier->plan, bridge, wants_all);
    if (error) {
        verifier_destroy(verifier);
        *verifierp = NULL;
        return error;
    }
    *verifierp = verifier;
    return NULL;
}

void
verifier_destroy(struct verifier *verifier)
{
    if (verifier) {
        for (size_t i = 0; i < verifier->n_pending; i++) {
            switch_request_destroy(verifier->pending[i].request);
        }
        switch_request_destroy(verifier->ports);
        verify_plan_destroy(&verifier->plan);
        free(verifier->error);
        free(verifier);
    }
}

static char *
read_ports(struct verifier *verifier)
{
    char *error = switch_request_error(verifier->ports);
    if (error) {
        return error;
    }
    struct simap ofports = SIMAP_INITIALIZER(&ofports);
    error = dp_ports_parse(switch_request_reply(verifier->ports),
                           verifier->plan.bridge.name, &ofports);
    if (!error) {
        error = verify_plan_set_ports(&verifier->plan, &ofports);
    }
    simap_destroy(&ofports);
    return error;
}

/* Returns true once it is known how traces call ports. */
static bool
run_ports(struct verifier *verifier, long long int now)
{
    if (verifier->knows_ports) {
        return true;
    } else if (!verifier->ports) {
        verifier->ports = switch_control_ask(verifier->control, "dpif/show",
                                             NULL, 0, now);
    } else if (switch_request_is_done(verifier->ports)) {
        verifier->error = error_wrap(read_ports(verifier), "bridge %s",
                                     verifier->plan.bridge.name);
        switch_request_destroy(TAKE_PTR(verifier->ports));
        verifier->knows_ports = true;
    }
    return verifier->knows_ports;
}

static void
ask(struct verifier *verifier, const struct verify_probe *probe,
    long long int now)
{
    CLEANUP_FREE char *flow = verify_plan_flow(&verifier->plan, probe);
    const char *const args[] = { verifier->plan.bridge.name, flow };
    verifier->pending[verifier->n_pending++] = (struct pending) {
        .request = switch_control_ask(verifier->control, "ofproto/trace",
                                      args, ARRAY_SIZE(args), now),
        .probe = probe,
    };
}

static char *
judge(struct verifier *verifier, const struct pending *pending)
{
    char *error = switch_request_error(pending->request);
    if (error) {
        return error;
    }
    CLEANUP(trace) struct trace trace;
    error = trace_parse(switch_request_reply(pending->request), &trace);
    if (error) {
        return error;
    }
    size_t n_rows = verify_judge(&verifier->plan, pending->probe, &trace,
                                 verifier->report);
    verifier->n_rows += n_rows;
    verifier->n_wrong += n_rows > 0;
    verifier->n_judged++;
    return NULL;
}

/* Judges what has been answered. */
static void
judge_pending(struct verifier *verifier)
{
    size_t n = 0;
    for (size_t i = 0; i < verifier->n_pending; i++) {
        struct pending *pending = &verifier->pending[i];
        if (!switch_request_is_done(pending->request)) {
            verifier->pending[n++] = *pending;
            continue;
        }
        if (!verifier->error) {
            verifier->error = error_wrap(judge(verifier, pending),
                                         "bridge %s",
                                         verifier->plan.bridge.name);
        }
        switch_request_destroy(pending->request);
    }
    verifier->n_pending = n;
}

static bool
has_more(const struct verifier *verifier)
{
    return !verifier->error && verifier->n_rows < MAX_ROWS
           && verifier->next < verifier->plan.n_probes;
}

void
verifier_run(struct verifier *verifier, long long int now)
{
    if (!run_ports(verifier, now)) {
        return;
    }
    judge_pending(verifier);
    while (has_more(verifier) && verifier->n_pending < MAX_PENDING) {
        ask(verifier, &verifier->plan.probes[verifier->next++], now);
    }
}

/* What is asked for, 'struct switch_control' waits for. */
void
verifier_wait(const struct verifier *verifier)
{
    bool has_answer = (verifier->ports
                       ? switch_request_is_done(verifier->ports)
                       : !verifier->knows_ports
                         || (!verifier->n_pending && has_more(verifier)));
    for (size_t i = 0; i < verifier->n_pending; i++) {
        has_answer |= switch_request_is_done(verifier->pending[i].request);
    }
    if (has_answer) {
        poll_immediate_wake();
    }
}

bool
verifier_is_done(const struct verifier *verifier)
{
    return verifier->knows_ports && !verifier->n_pending
           && !has_more(verifier);
}

/* Returns why it could not be completed, or NULL. */
char *
verifier_error(const struct verifier *verifier)
{
    return nullable_xstrdup(verifier->error);
}

/* Returns how many frames were traced ... */
size_t
verifier_n_traces(const struct verifier *verifier)
{
    return verifier->n_judged;
}

/* ... and of how many the fate is not what is meant. */
size_t
verifier_n_wrong(const struct verifier *verifier)
{
    return verifier->n_wrong;
}
