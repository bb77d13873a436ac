/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */

/* What exit code 1 means: the agent's answer has findings.  Pure. */

#include <config.h>
#include "ctl/findings.h"

#include <string.h>

#include <jansson.h>

/* Up to an empty one. */
static int
count_lines(const char *text)
{
    int n = 0;
    while (*text && *text != '\n') {
        n++;
        text += strcspn(text, "\n");
        text += *text == '\n';
    }
    return n;
}

/* True if the listing 'text' has rows.  The agent's contract: one without
 * rows is its heading alone, which is an empty array in JSON, one line in CSV,
 * and two, the headings and the rules below them, in a table.  What follows an
 * empty line is a remark. */
bool
findings_in_listing(const char *text, const char *format)
{
    if (strcmp(format, "json")) {
        return count_lines(text) > (!strcmp(format, "csv") ? 1 : 2);
    }

    json_t *rows = json_loads(text, 0, NULL);
    bool has_rows = !json_is_array(rows) || json_array_size(rows) > 0;
    json_decref(rows);
    return has_rows;
}

/* True unless the agent's status, as JSON, says plainly that all is well. */
bool
findings_in_status(const char *json)
{
    json_t *status = json_loads(json, 0, NULL);
    bool is_well = json_is_true(json_object_get(status, "ok"))
                   && !json_array_size(json_object_get(status, "warnings"));
    json_decref(status);
    return !is_well;
}
