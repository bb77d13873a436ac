/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef CONTROLLER_BRIDGE_FLOWS_H
#define CONTROLLER_BRIDGE_FLOWS_H 1

#include <stdbool.h>
#include <stdint.h>

#include "openvswitch/compiler.h"

struct bridge_flows;
struct bridge_view;
struct desired;
struct desired_bridge;
struct desired_vnic;
struct ofconn;
struct pass;
struct pipeline_bridge;

/* The flows of one bridge: from what a pass means to what its switch has.
 * Main thread only; never blocks. */

#define BRIDGE_FLOWS_STATES                                                 \
    BRIDGE_FLOWS_STATE(DISCONNECTED, "disconnected")                        \
    BRIDGE_FLOWS_STATE(READING, "reading")                                  \
    /* Others' flows are where ours would be. */                            \
    BRIDGE_FLOWS_STATE(FOREIGN_FLOWS, "foreign-flows")                      \
    /* The switch waits for flows of before to be restored. */              \
    BRIDGE_FLOWS_STATE(ON_HOLD, "flow-restore-wait")                        \
    /* Something has to come first: the patch pair, or libvirt's answer. */ \
    BRIDGE_FLOWS_STATE(WAITING, "waiting")                                  \
    BRIDGE_FLOWS_STATE(INSTALLING, "installing")                            \
    BRIDGE_FLOWS_STATE(INSTALLED, "installed")                              \
    /* Were so, until others changed some; they are read when it is time. */ \
    BRIDGE_FLOWS_STATE(CHANGED, "changed")                                  \
    BRIDGE_FLOWS_STATE(REFUSED, "refused")                                  \
    BRIDGE_FLOWS_STATE(REMOVING, "removing")                                \
    BRIDGE_FLOWS_STATE(REMOVED, "removed")

enum bridge_flows_state {
#define BRIDGE_FLOWS_STATE(ENUM, NAME) BRIDGE_FLOWS_##ENUM,
    BRIDGE_FLOWS_STATES
#undef BRIDGE_FLOWS_STATE
    N_BRIDGE_FLOWS_STATES
};

const char *bridge_flows_state_to_string(enum bridge_flows_state);

struct bridge_flows *bridge_flows_create(const struct bridge_view *);
void bridge_flows_destroy(struct bridge_flows *);

void bridge_flows_run(struct bridge_flows *, long long int now);
void bridge_flows_wait(const struct bridge_flows *);

void bridge_flows_judge_bridge(const struct bridge_flows *,
                               struct desired_bridge *);
void bridge_flows_judge_vnic(const struct bridge_flows *,
                             const struct desired_bridge *, bool is_enforced,
                             struct desired_vnic *);
void bridge_flows_update(struct bridge_flows *, const struct pass *,
                         const struct desired_bridge *, bool has_met_libvirt,
                         long long int now);
void bridge_flows_hurry(struct bridge_flows *, long long int now);
void bridge_flows_retry(struct bridge_flows *);
bool bridge_flows_has_work(const struct bridge_flows *);

unsigned int bridge_flows_seqno(const struct bridge_flows *);
enum bridge_flows_state bridge_flows_state(const struct bridge_flows *);
long long int bridge_flows_since(const struct bridge_flows *);
char *bridge_flows_problem(const struct bridge_flows *)
    OVS_WARN_UNUSED_RESULT;
const char *bridge_flows_name(const struct bridge_flows *);
bool bridge_flows_is_of(const struct bridge_flows *,
                        const struct bridge_view *);
const struct ofconn *bridge_flows_conn(const struct bridge_flows *);
const struct pipeline_bridge *bridge_flows_facts(const struct bridge_flows *);

#endif /* controller/bridge-flows.h */
