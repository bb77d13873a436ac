/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_PIPELINE_JSON_H
#define TESTS_PIPELINE_JSON_H 1

struct flow_table;
struct json;
struct pipeline_bridge;

/* A bridge, told to the pipeline as JSON, and flows as text. */

void pipeline_json_read(const struct json *, struct pipeline_bridge *);
void pipeline_json_parse(const char *, struct pipeline_bridge *);
char *pipeline_json_flows(const struct flow_table *, const char *flow_prefix,
                          const char *group_prefix);

#endif /* tests/pipeline-json.h */
