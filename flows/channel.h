/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef FLOWS_CHANNEL_H
#define FLOWS_CHANNEL_H 1

#include <stdbool.h>
#include <stdint.h>

#include "openvswitch/ofp-msgs.h"

struct ofpbuf;

/* An OpenFlow connection to a bridge, made again whenever it is lost.  Main
 * thread only; never blocks. */

enum channel_event {
    CHANNEL_NOTHING_NEW,
    CHANNEL_UP,                 /* A new connection: the switch may be another,
                                 * or have forgotten everything. */
    CHANNEL_DOWN,
};

struct channel *channel_create(const char *target, uint32_t versions);
void channel_destroy(struct channel *);

enum channel_event channel_run(struct channel *);
void channel_wait(struct channel *);

enum ofp_version channel_version(const struct channel *);
bool channel_is_refused(const struct channel *);
unsigned int channel_n_connections(const struct channel *);

uint32_t channel_reserve(struct channel *, uint32_t n);
uint32_t channel_send(struct channel *, struct ofpbuf *);
void channel_send_as(struct channel *, uint32_t xid, struct ofpbuf *);
bool channel_has_room(const struct channel *);
struct ofpbuf *channel_recv(struct channel *);
bool channel_is_message(const struct ofpbuf *, enum ofptype);
void channel_reconnect(struct channel *);

#endif /* flows/channel.h */
