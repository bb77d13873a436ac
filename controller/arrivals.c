/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */

/* When guests that have arrived are to be asked for their multicast groups.
 * Pure: controller/bridge-flows.c does it. */

#include <config.h>
#include "controller/arrivals.h"

#include <limits.h>
#include <stdlib.h>

#include "flows/pipeline.h"
#include "packets.h"
#include "util.h"

struct arrival {
    uint32_t number;            /* Of the vNIC. */
    int n_queries;              /* That are left. */
    long long int due_ms;       /* When the next is due, monotonic. */
};

void
arrivals_init(struct arrivals *arrivals)
{
    *arrivals = (struct arrivals) { .n = 0 };
}

/* Frees what 'arrivals' owns. */
void
arrivals_destroy(struct arrivals *arrivals)
{
    free(arrivals->vnics);
    arrivals_init(arrivals);
}

/* Has 'vnic' arrived since it was 'before', NULL: it was not there? */
static bool
has_arrived(const struct pipeline_vnic *vnic,
            const struct pipeline_vnic *before)
{
    return before && before->is_incoming && !vnic->is_elsewhere
           && eth_addr_equals(before->mac, vnic->mac);
}

/* Adds the vNICs that were yet to come in 'before', which must be sorted, and
 * are there in 'after', the facts of the same bridge that follow. */
void
arrivals_note(struct arrivals *arrivals, const struct pipeline_bridge *before,
              const struct pipeline_bridge *after)
{
    for (size_t i = 0; i < after->n_vnics; i++) {
        const struct pipeline_vnic *vnic = &after->vnics[i];
        if (has_arrived(vnic, pipeline_bridge_find_vnic(before,
                                                        vnic->number))) {
            arrivals->vnics = xrealloc(
                arrivals->vnics, (arrivals->n + 1) * sizeof *arrivals->vnics);
            arrivals->vnics[arrivals->n++] = (struct arrival) {
                .number = vnic->number,
                .n_queries = ARRIVALS_N_QUERIES,
                .due_ms = LLONG_MIN,
            };
        }
    }
}

/* If a vNIC is to be asked 'now', stores its number in '*numberp' and returns
 * true; it is taken for asked then. */
bool
arrivals_next_query(struct arrivals *arrivals, long long int now,
                    uint32_t *numberp)
{
    for (size_t i = 0; i < arrivals->n; i++) {
        struct arrival *arrival = &arrivals->vnics[i];
        if (now >= arrival->due_ms) {
            *numberp = arrival->number;
            arrival->due_ms = now + ARRIVALS_PAUSE_MS;
            if (!--arrival->n_queries) {
                *arrival = arrivals->vnics[--arrivals->n];
            }
            return true;
        }
    }
    *numberp = 0;
    return false;
}

/* Returns when the next vNIC is to be asked, LLONG_MAX for never. */
long long int
arrivals_due_ms(const struct arrivals *arrivals)
{
    long long int due_ms = LLONG_MAX;
    for (size_t i = 0; i < arrivals->n; i++) {
        due_ms = MIN(due_ms, arrivals->vnics[i].due_ms);
    }
    return due_ms;
}
