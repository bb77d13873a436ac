/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */

/* Asks for one trace.  The bridge is remembered as it was then. */

#include <config.h>
#include "flows/fate.h"

#include <stdlib.h>

#include "flow.h"
#include "flows/packet-flow.h"
#include "flows/pipeline.h"
#include "flows/switch-control.h"
#include "flows/trace.h"
#include "flows/why.h"
#include "lib/cleanup.h"
#include "lib/report.h"
#include "packets.h"
#include "simap.h"
#include "util.h"

struct fate {
    struct switch_request *request;
    struct pipeline_bridge bridge;
    struct simap ofports;
    char *port;
};

static char *
find_flow(const struct fate_question *question, char **flowp)
{
    const struct simap_node *node = simap_find(question->ofports,
                                               question->port);
    *flowp = NULL;
    if (!node) {
        return xasprintf("bridge %s has no port %s", question->bridge->name,
                         question->port);
    }
    const struct pipeline_vnic *vnic = why_find_vnic(
        question->bridge, question->ofports, question->port);
    return packet_flow_parse(question->packet, u16_to_ofp(node->data),
                             vnic ? vnic->mac : eth_addr_zero, flowp);
}

/* Stores in '*fatep' what asks 'control', which must outlive it, for
 * 'question', or returns what is wrong with that. */
char *
fate_create(struct switch_control *control,
            const struct fate_question *question, long long int now,
            struct fate **fatep)
{
    CLEANUP_FREE char *flow = NULL;
    char *error = find_flow(question, &flow);
    *fatep = NULL;
    if (error) {
        return error;
    }

    const char *const args[] = { "--names", question->bridge->name, flow };
    struct fate *fate = xzalloc(sizeof *fate);
    fate->request = switch_control_ask(control, "ofproto/trace", args,
                                       ARRAY_SIZE(args), now);
    fate->port = xstrdup(question->port);
    pipeline_bridge_clone(&fate->bridge, question->bridge);
    simap_init(&fate->ofports);
    struct simap_node *node;
    HMAP_FOR_EACH (node, node, &question->ofports->map) {
        simap_put(&fate->ofports, node->name, node->data);
    }
    *fatep = fate;
    return NULL;
}

void
fate_destroy(struct fate *fate)
{
    if (fate) {
        switch_request_destroy(fate->request);
        pipeline_bridge_destroy(&fate->bridge);
        simap_destroy(&fate->ofports);
        free(fate->port);
        free(fate);
    }
}

bool
fate_is_done(const struct fate *fate)
{
    return switch_request_is_done(fate->request);
}

/* Initializes 'report' with what became of the frame.  Returns a sentence if
 * there is no answer; 'report' has no rows then. */
char *
fate_tell(const struct fate *fate, struct report *report)
{
    why_report_init(report);
    char *error = switch_request_error(fate->request);
    if (error) {
        return error;
    }
    CLEANUP(trace) struct trace trace;
    error = trace_parse(switch_request_reply(fate->request), &trace);
    if (!error) {
        why_explain(&fate->bridge, &fate->ofports, fate->port, &trace,
                    report);
    }
    return error;
}
