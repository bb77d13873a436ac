/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef FLOWS_PORT_CONN_H
#define FLOWS_PORT_CONN_H 1

#include <stdbool.h>
#include <stdint.h>

struct flood_map;

/* The ports of one bridge, and whether NORMAL may flood to them.  Main thread
 * only; never blocks. */

#define PORT_CONN_STATES                                        \
    PORT_CONN_STATE(DISCONNECTED, "disconnected")               \
    /* Waits for what the switch was set to ... */              \
    PORT_CONN_STATE(CONFIGURING, "configuring")                 \
    /* ... for its ports ... */                                 \
    PORT_CONN_STATE(READING, "reading")                         \
    /* ... and for a change to be done. */                      \
    PORT_CONN_STATE(CHANGING, "changing")                       \
    PORT_CONN_STATE(SETTLED, "settled")

enum port_conn_state {
#define PORT_CONN_STATE(ENUM, NAME) PORT_CONN_##ENUM,
    PORT_CONN_STATES
#undef PORT_CONN_STATE
    N_PORT_CONN_STATES
};

/* What flows see of the fragments of a bridge's packets, which is a setting of
 * the whole bridge. */
enum fragment_mode {
    FRAGMENTS_AS_IS,            /* As somebody else has set it. */
    FRAGMENTS_MATCHED,          /* All that is in them. */
    FRAGMENTS_NORMAL,           /* No ports: as bridges are born. */
};

const char *port_conn_state_to_string(enum port_conn_state);

struct port_conn *port_conn_create(const char *bridge, const char *target);
void port_conn_destroy(struct port_conn *);

void port_conn_run(struct port_conn *);
void port_conn_wait(struct port_conn *);

void port_conn_set_floods(struct port_conn *, const struct flood_map *);
void port_conn_set_fragments(struct port_conn *, enum fragment_mode);
void port_conn_refresh(struct port_conn *);

enum port_conn_state port_conn_state(const struct port_conn *);
unsigned int port_conn_seqno(const struct port_conn *);
bool port_conn_is_settled(const struct port_conn *);
bool port_conn_is_refused(const struct port_conn *);
uint64_t port_conn_n_changes(const struct port_conn *);
uint64_t port_conn_n_errors(const struct port_conn *);

#endif /* flows/port-conn.h */
