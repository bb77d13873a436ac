/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "tests/host.h"

#include "tests/build.h"

/* 'host' must stay where it is until it is destroyed. */
void
host_init(struct host *host)
{
    *host = (struct host) {
        .source = {
            .domains = &host->domains,
            .networks = &host->networks,
            .is_complete = true,
        },
        .view = SWITCH_VIEW_INIT,
        .facts = {
            .sources = &host->source,
            .n_sources = 1,
            .view = &host->view,
            .memory = &host->memory,
        },
        .desired = DESIRED_INIT,
    };
    domain_set_init(&host->domains);
    network_set_init(&host->networks);
    memory_init(&host->memory);
    add_bridge(&host->view, "br0");
}

void
host_destroy(struct host *host)
{
    orphans_destroy(&host->orphans);
    desired_destroy(&host->desired);
    switch_view_destroy(&host->view);
    memory_destroy(&host->memory);
    network_set_destroy(&host->networks);
    domain_set_destroy(&host->domains);
}

/* Computes 'host->desired' anew. */
void
host_compute(struct host *host)
{
    switch_view_sort(&host->view);
    desired_destroy(&host->desired);
    desired_compute(&host->facts, &host->desired);
}

/* Lets the memory note what there is at 'now', as a pass does, and computes
 * everything that a plan is made from. */
void
host_look(struct host *host, long long int now)
{
    memory_note_switch(&host->memory, &host->view, now);
    host_compute(host);
    memory_note_desired(&host->memory, &host->desired, now);
    orphans_destroy(&host->orphans);
    orphans_find(&host->view, &host->desired, host->is_sweep,
                 &host->orphans);
    memory_note_orphans(&host->memory, &host->orphans, now, now);
}
