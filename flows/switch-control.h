/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef FLOWS_SWITCH_CONTROL_H
#define FLOWS_SWITCH_CONTROL_H 1

#include <stdbool.h>
#include <stddef.h>

#include "openvswitch/compiler.h"

/* Questions to ovs-vswitchd over its control socket, as ovs-appctl asks them.
 * Main thread only; never blocks. */

struct switch_control *switch_control_create(const char *rundir);
void switch_control_destroy(struct switch_control *);

void switch_control_run(struct switch_control *, long long int now);
void switch_control_wait(const struct switch_control *);

/* A question that was asked.  Whoever asked owns it, and destroys it before
 * the 'struct switch_control', at any time. */
struct switch_request *switch_control_ask(struct switch_control *,
                                          const char *method,
                                          const char *const args[],
                                          size_t n_args, long long int now);
void switch_request_destroy(struct switch_request *);

bool switch_request_is_done(const struct switch_request *);
char *switch_request_error(const struct switch_request *)
    OVS_WARN_UNUSED_RESULT;
const char *switch_request_reply(const struct switch_request *);

#endif /* flows/switch-control.h */
