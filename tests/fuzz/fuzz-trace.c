/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */

/* libFuzzer target: whatever the switch calls a trace is understood as a
 * whole, or not at all. */

#include <config.h>
#include "flows/trace.h"

#include <stdlib.h>

#include "lib/cleanup.h"
#include "tests/fuzz/fuzz.h"

static void
check_trace(const struct trace *trace)
{
    for (size_t i = 0; i < trace->n_steps; i++) {
        ovs_assert(trace->steps[i].bridge && trace->steps[i].match);
    }
    for (size_t i = 0; i < trace->n_copies; i++) {
        ovs_assert(trace->copies[i].port[0]);
        ovs_assert(trace->copies[i].tags.n <= TRACE_MAX_TAGS);
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CLEANUP_FREE char *text = xmemdup0((const char *) data, size);
    CLEANUP(trace) struct trace trace;
    CLEANUP_FREE char *error = trace_parse(text, &trace);
    check_trace(&trace);
    if (error) {
        check_sentence(error);
        ovs_assert(!trace.n_steps && !trace.n_copies && !trace.failure);
    }
    return 0;
}
