/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef FLOWS_OFCONN_H
#define FLOWS_OFCONN_H 1

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "flows/bundle.h"
#include "flows/port-conn.h"
#include "openvswitch/compiler.h"

struct flood_map;
struct flow_change;
struct flow_space;
struct flow_table;
struct ofpbuf;

/* The OpenFlow side of one bridge: which flows it has, and making them those
 * that are meant.  Main thread only; never blocks. */

#define OFCONN_STATES                                                   \
    OFCONN_STATE(DISCONNECTED, "disconnected")                          \
    OFCONN_STATE(READING, "reading")                                    \
    OFCONN_STATE(READY, "ready")                                        \
    /* Sends a bundle, and waits for what becomes of it. */             \
    OFCONN_STATE(SENDING, "sending")

enum ofconn_state {
#define OFCONN_STATE(ENUM, NAME) OFCONN_##ENUM,
    OFCONN_STATES
#undef OFCONN_STATE
    N_OFCONN_STATES
};

const char *ofconn_state_to_string(enum ofconn_state);

/* What became of the flows that are meant. */
enum ofconn_verdict {
    OFCONN_NONE,                /* Nobody said which. */
    OFCONN_PENDING,             /* They are on their way. */
    OFCONN_INSTALLED,           /* The switch has them, and nothing else of
                                 * ours. */
    OFCONN_REFUSED,             /* It has those of before: see the errors. */
};

struct ofconn_counters {
    struct bundle_counters bundles;
    uint64_t errors;            /* From the switch. */
    uint64_t port_mods;
    uint64_t reads;             /* Complete dumps. */
    uint64_t reconnects;
};

struct ofconn *ofconn_create(const char *bridge, const char *target,
                             const struct flow_space *);
void ofconn_destroy(struct ofconn *);

void ofconn_run(struct ofconn *);
void ofconn_wait(struct ofconn *);

void ofconn_set_floods(struct ofconn *, const struct flood_map *);
void ofconn_set_fragments(struct ofconn *, enum fragment_mode);
void ofconn_set_hold(struct ofconn *, bool);
void ofconn_set_desired(struct ofconn *, struct flow_table *);
void ofconn_change_desired(struct ofconn *, struct flow_change *);
void ofconn_refresh(struct ofconn *);
bool ofconn_is_outdated(const struct ofconn *);
bool ofconn_has_room(const struct ofconn *);
bool ofconn_send_frame(struct ofconn *, const void *frame, size_t size,
                       struct ofpbuf *actions);

enum ofconn_state ofconn_state(const struct ofconn *);
bool ofconn_is_connected(const struct ofconn *);
unsigned int ofconn_seqno(const struct ofconn *);
bool ofconn_has_facts(const struct ofconn *);
unsigned int ofconn_facts_seqno(const struct ofconn *);
char *ofconn_problem(const struct ofconn *) OVS_WARN_UNUSED_RESULT;
const struct flow_table *ofconn_installed(const struct ofconn *);
const struct flow_table *ofconn_desired(const struct ofconn *);

enum ofconn_verdict ofconn_verdict(const struct ofconn *);
const struct bundle_error *ofconn_errors(const struct ofconn *,
                                         size_t *n_errors);
void ofconn_get_counters(const struct ofconn *, struct ofconn_counters *);

#endif /* flows/ofconn.h */
