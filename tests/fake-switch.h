/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_FAKE_SWITCH_H
#define TESTS_FAKE_SWITCH_H 1

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "flows/flow-table.h"
#include "openvswitch/dynamic-string.h"
#include "openvswitch/ofp-port.h"

/* What a bridge answers, without a switch: it listens on a Unix socket, and
 * does nothing but what the members say. */

#define FAKE_SWITCH_MAX_PEERS 8

struct fake_switch {
    char *dir;
    char *target;               /* To connect to. */
    struct pvconn *listener;
    struct rconn *peers[FAKE_SWITCH_MAX_PEERS];
    uint32_t versions;          /* Bitmap; what it speaks. */

    struct flow_table flows;    /* What a dump says. */
    struct ds flow_log;         /* Types of messages received, a line each; of
                                 * connections for flows ... */
    struct ds port_log;         /* ... and of those with OpenFlow 1.0. */

    bool is_deaf;               /* Reads nothing. */
    bool keeps_barriers;        /* Does not answer barriers of flows. */
    size_t refused_add;         /* Refuses the nth message of a bundle; 0:
                                 * none. */
    bool refuses_commit;        /* For the first message of the bundle. */
    bool refuses_port_mod;
    bool refuses_packets;       /* That it is to send. */
    bool refuses_monitors;      /* Of flows. */

    size_t n_adds;              /* Of the bundle. */
    uint32_t first_add_xid;     /* Of the bundle. */
};

void fake_switch_init(struct fake_switch *);
void fake_switch_destroy(struct fake_switch *);
void fake_switch_run(struct fake_switch *);
void fake_switch_wait(struct fake_switch *);
void fake_switch_tell(struct fake_switch *, enum ofp_port_reason,
                      const char *port, uint16_t number);
void fake_switch_tell_of_flow(struct fake_switch *, uint64_t cookie);
void fake_switch_hang_up(struct fake_switch *);

#endif /* tests/fake-switch.h */
