/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_HOST_H
#define TESTS_HOST_H 1

#include "lib/desired.h"
#include "lib/memory.h"
#include "lib/network.h"
#include "lib/orphan.h"
#include "lib/switch-view.h"
#include "lib/vnic.h"

/* A host with one libvirt connection, the bridge br0 and an empty memory: what
 * desired_compute() decides from, and what it decides. */
struct host {
    struct domain_set domains;
    struct network_set networks;
    struct domain_source source;
    struct switch_view view;
    struct memory memory;
    struct facts facts;
    bool is_sweep;
    struct desired desired;
    struct orphans orphans;
};

void host_init(struct host *);
void host_destroy(struct host *);
void host_compute(struct host *);
void host_look(struct host *, long long int now);

#endif /* tests/host.h */
