/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */

/* Prints the pipeline of the bridge that a file describes, see
 * tests/pipeline-json.c, as 'ovs-ofctl bundle' reads it. */

#include <config.h>

#include <stdio.h>
#include <stdlib.h>

#include "flows/flow-table.h"
#include "flows/pipeline.h"
#include "lib/cleanup.h"
#include "openvswitch/json.h"
#include "tests/json-member.h"
#include "tests/pipeline-json.h"
#include "util.h"

int
main(int argc, char *argv[])
{
    if (argc != 2) {
        ovs_fatal(0, "usage: %s FILE", argv[0]);
    }
    struct json *json = json_member_read_file(argv[1]);
    CLEANUP(pipeline_bridge) struct pipeline_bridge bridge;
    pipeline_bridge_init(&bridge);
    pipeline_json_read(json, &bridge);
    json_destroy(json);

    struct flow_table flows;
    flow_table_init(&flows);
    pipeline_build(&bridge, &flows);
    CLEANUP_FREE char *text = pipeline_json_flows(&flows, "flow add ",
                                                  "group add ");
    fputs(text, stdout);
    flow_table_destroy(&flows);
    return 0;
}
