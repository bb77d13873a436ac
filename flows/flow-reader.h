/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef FLOWS_FLOW_READER_H
#define FLOWS_FLOW_READER_H 1

#include <stdbool.h>

struct channel;
struct flow_space;
struct flow_table;
struct ofpbuf;

/* Reads what a bridge has: flows, then groups.  Main thread only; never
 * blocks. */

/* What an answer of the switch means. */
enum flow_reader_event {
    FLOW_READER_UNDER_WAY,
    FLOW_READER_DONE,
    FLOW_READER_FAILED,         /* The switch says what we do not
                                 * understand. */
};

struct flow_reader *flow_reader_create(const char *bridge, struct channel *,
                                       const struct flow_space *);
void flow_reader_destroy(struct flow_reader *);

void flow_reader_start(struct flow_reader *);
enum flow_reader_event flow_reader_recv(struct flow_reader *,
                                        struct ofpbuf *msg);
bool flow_reader_awaits_flows(const struct flow_reader *);
void flow_reader_steal(struct flow_reader *, struct flow_table *);

#endif /* flows/flow-reader.h */
