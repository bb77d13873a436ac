/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */

/* Asks a switch about the bridge that a file describes, see
 * tests/pipeline-json.c, for the integration tests:
 *
 *     ask-switch RUNDIR FILE verify|verify-all
 *     ask-switch RUNDIR FILE why PORT [PACKET]
 *
 * Ports are called "pN", N being their OpenFlow number, but for those outside
 * and inside, "pa" and "pb".  Prints the report as JSON, and on the error
 * output how many frames were verified; or a sentence, and returns 1. */

#include <config.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "flow.h"
#include "flows/counters.h"
#include "flows/fate.h"
#include "flows/pipeline.h"
#include "flows/switch-control.h"
#include "flows/verifier.h"
#include "flows/verify.h"
#include "flows/why.h"
#include "lib/cleanup.h"
#include "lib/report.h"
#include "openvswitch/json.h"
#include "openvswitch/poll-loop.h"
#include "simap.h"
#include "tests/json-member.h"
#include "tests/pipeline-json.h"
#include "timeval.h"
#include "util.h"

static void
print_report(const struct report *report)
{
    CLEANUP_FREE char *text = report_render(report, REPORT_JSON);
    puts(text);
}

static char *
verify(struct switch_control *control, const struct pipeline_bridge *bridge,
       bool wants_all)
{
    struct report report;
    verify_report_init(&report);
    struct verifier *verifier;
    char *error = verifier_create(control, bridge, wants_all, &report,
                                  &verifier);
    if (error) {
        report_destroy(&report);
        return error;
    }
    for (;;) {
        switch_control_run(control, time_msec());
        verifier_run(verifier, time_msec());
        if (verifier_is_done(verifier)) {
            break;
        }
        switch_control_wait(control);
        verifier_wait(verifier);
        poll_block();
    }
    error = verifier_error(verifier);
    print_report(&report);
    fprintf(stderr, "%"PRIuSIZE" traces, %"PRIuSIZE" wrong\n",
            verifier_n_traces(verifier), verifier_n_wrong(verifier));
    verifier_destroy(verifier);
    report_destroy(&report);
    return error;
}

static void
name_ports(const struct pipeline_bridge *bridge, struct simap *ofports)
{
    for (size_t i = 0; i < bridge->n_vnics; i++) {
        unsigned int number = ofp_to_u16(bridge->vnics[i].ofport);
        CLEANUP_FREE char *name = xasprintf("p%u", number);
        simap_put(ofports, name, number);
    }
    simap_put(ofports, "pa", ofp_to_u16(bridge->outside));
    simap_put(ofports, "pb", ofp_to_u16(bridge->inside));
}

/* What would become of 'packet' on 'port'. */
static char *
explain(struct switch_control *control, const struct pipeline_bridge *bridge,
        const char *port, const char *packet)
{
    struct simap ofports = SIMAP_INITIALIZER(&ofports);
    name_ports(bridge, &ofports);
    const struct fate_question question = {
        .bridge = bridge, .ofports = &ofports, .port = port, .packet = packet,
    };
    struct fate *fate;
    char *error = fate_create(control, &question, time_msec(), &fate);
    simap_destroy(&ofports);
    if (error) {
        return error;
    }
    for (;;) {
        switch_control_run(control, time_msec());
        if (fate_is_done(fate)) {
            break;
        }
        switch_control_wait(control);
        poll_block();
    }
    struct report report;
    error = fate_tell(fate, &report);
    print_report(&report);
    report_destroy(&report);
    fate_destroy(fate);
    return error;
}

/* What was dropped or counted on 'port'. */
static char *
count(const struct pipeline_bridge *bridge, const char *rundir,
      const char *port)
{
    struct simap ofports = SIMAP_INITIALIZER(&ofports);
    name_ports(bridge, &ofports);
    const struct pipeline_vnic *vnic = why_find_vnic(bridge, &ofports, port);
    simap_destroy(&ofports);
    ovs_assert(vnic);

    CLEANUP_FREE char *target = xasprintf("unix:%s/%s.mgmt", rundir,
                                          bridge->name);
    struct counters *counters = counters_create(bridge->name, target, vnic,
                                                time_msec());
    for (;;) {
        counters_run(counters, time_msec());
        if (counters_are_done(counters)) {
            break;
        }
        counters_wait(counters);
        poll_block();
    }
    struct report report;
    char *error = counters_tell(counters, &report);
    print_report(&report);
    report_destroy(&report);
    counters_destroy(counters);
    return error;
}

static char *
ask(const struct pipeline_bridge *bridge, char *const argv[])
{
    if (!strcmp(argv[3], "why") && !argv[5]) {
        return count(bridge, argv[1], argv[4]);
    }
    struct switch_control *control = switch_control_create(argv[1]);
    char *error = (!strcmp(argv[3], "why")
                   ? explain(control, bridge, argv[4], argv[5])
                   : verify(control, bridge, !strcmp(argv[3], "verify-all")));
    switch_control_destroy(control);
    return error;
}

int
main(int argc, char *argv[])
{
    if (argc < 4 || argc > 6) {
        ovs_fatal(0, "usage: %s RUNDIR FILE verify|verify-all|why [PORT "
                  "[PACKET]]", argv[0]);
    }
    struct json *json = json_member_read_file(argv[2]);
    CLEANUP(pipeline_bridge) struct pipeline_bridge bridge;
    pipeline_bridge_init(&bridge);
    pipeline_json_read(json, &bridge);
    json_destroy(json);

    CLEANUP_FREE char *error = ask(&bridge, argv);
    if (error) {
        fprintf(stderr, "%s\n", error);
    }
    return error ? EXIT_FAILURE : EXIT_SUCCESS;
}
