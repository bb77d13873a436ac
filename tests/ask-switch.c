/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */

/* Asks a switch about the bridge that a file describes, see
 * tests/pipeline-json.c, for the integration tests:
 *
 *     ask-switch RUNDIR FILE verify|verify-all
 *
 * Prints the report as JSON, and on the error output how many frames were
 * traced; or a sentence, and returns 1. */

#include <config.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "flows/pipeline.h"
#include "flows/switch-control.h"
#include "flows/verifier.h"
#include "lib/cleanup.h"
#include "lib/report.h"
#include "openvswitch/json.h"
#include "openvswitch/poll-loop.h"
#include "tests/json-member.h"
#include "tests/pipeline-json.h"
#include "timeval.h"
#include "util.h"

static char *
verify(struct switch_control *control, const struct pipeline_bridge *bridge,
       bool wants_all)
{
    struct verifier *verifier;
    char *error = verifier_create(control, bridge, wants_all, time_msec(),
                                  &verifier);
    if (error) {
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
    CLEANUP_FREE char *text = report_render(verifier_report(verifier),
                                            REPORT_JSON);
    puts(text);
    fprintf(stderr, "%"PRIuSIZE" traces, %"PRIuSIZE" wrong\n",
            verifier_n_traces(verifier), verifier_n_wrong(verifier));
    verifier_destroy(verifier);
    return error;
}

int
main(int argc, char *argv[])
{
    if (argc != 4) {
        ovs_fatal(0, "usage: %s RUNDIR FILE verify|verify-all", argv[0]);
    }
    struct json *json = json_member_read_file(argv[2]);
    CLEANUP(pipeline_bridge) struct pipeline_bridge bridge;
    pipeline_bridge_init(&bridge);
    pipeline_json_read(json, &bridge);
    json_destroy(json);

    struct switch_control *control = switch_control_create(argv[1]);
    CLEANUP_FREE char *error = verify(control, &bridge,
                                      !strcmp(argv[3], "verify-all"));
    switch_control_destroy(control);
    if (error) {
        fprintf(stderr, "%s\n", error);
    }
    return error ? EXIT_FAILURE : EXIT_SUCCESS;
}
