/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef FLOWS_FLOW_WATCH_H
#define FLOWS_FLOW_WATCH_H 1

#include <stdbool.h>

struct channel;
struct flow_space;
struct flow_table;
struct ofpbuf;

/* Has a bridge tell when others change its flows.  Main thread only; never
 * blocks. */

struct flow_watch *flow_watch_create(const char *bridge, struct channel *,
                                     const struct flow_space *);
void flow_watch_destroy(struct flow_watch *);

void flow_watch_start(struct flow_watch *);
bool flow_watch_recv_error(const struct flow_watch *,
                           const struct ofpbuf *msg);
void flow_watch_note_installed(struct flow_watch *, const struct flow_table *);
bool flow_watch_recv_update(const struct flow_watch *, struct ofpbuf *msg);

#endif /* flows/flow-watch.h */
