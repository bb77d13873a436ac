/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef FLOWS_TRACE_H
#define FLOWS_TRACE_H 1

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "openvswitch/compiler.h"
#include "openvswitch/types.h"
#include "svec.h"

/* What 'ofproto/trace --names' of ovs-vswitchd says of a frame.  Pure. */

struct trace_tag {
    uint16_t tpid;
    uint16_t vid;
};

#define TRACE_MAX_TAGS 4

/* Tags as they are on the wire, the outermost first. */
struct trace_tags {
    struct trace_tag tags[TRACE_MAX_TAGS];
    size_t n;
};

/* A copy that leaves the datapath. */
struct trace_copy {
    char *port;                 /* The name of the datapath's port; other
                                 * actions that deliver stand for
                                 * themselves. */
    struct trace_tags tags;
};

/* A table that was looked at. */
struct trace_step {
    char *bridge;
    uint8_t table_id;
    bool has_flow;              /* False: no flow matched ... */
    char *match;                /* ... and this says so. */
    int priority;
    uint64_t cookie;
    struct svec actions;        /* With the switch's remarks, in their
                                 * order. */
};

struct trace {
    struct trace_step *steps;   /* Owned, in the order of the frame. */
    size_t n_steps;
    struct trace_copy *copies;  /* Owned. */
    size_t n_copies;
    size_t n_crossings;         /* Patch ports that the frame went through. */
    struct eth_addr source;     /* Where the frame is from, as it came in;
                                 * all-zero: not said. */
    bool skips_learning;        /* A "learn" action was not executed: what
                                 * depends on its result is not so. */
    char *failure;              /* Why the switch gave up, and dropped the
                                 * frame; or NULL. */
};

void trace_init(struct trace *);
void trace_destroy(struct trace *);

char *trace_parse(const char *text, struct trace *) OVS_WARN_UNUSED_RESULT;

#endif /* flows/trace.h */
