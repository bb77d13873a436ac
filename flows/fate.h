/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef FLOWS_FATE_H
#define FLOWS_FATE_H 1

#include <stdbool.h>

#include "openvswitch/compiler.h"

struct fate;
struct pipeline_bridge;
struct report;
struct simap;
struct switch_control;

/* What would become of a frame: has the switch trace it, and tells it in an
 * operator's words.  Main thread only; never blocks. */

struct fate_question {
    const struct pipeline_bridge *bridge;
    const struct simap *ofports; /* OpenFlow numbers of its ports, by name. */
    const char *port;           /* Where the frame comes in. */
    const char *packet;         /* See packet_flow_parse(). */
};

char *fate_create(struct switch_control *, const struct fate_question *,
                  long long int now, struct fate **) OVS_WARN_UNUSED_RESULT;
void fate_destroy(struct fate *);

bool fate_is_done(const struct fate *);
char *fate_tell(const struct fate *, struct report *) OVS_WARN_UNUSED_RESULT;

#endif /* flows/fate.h */
