/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */

/* When switches are told of guests that have arrived, and when these are asked
 * for their multicast groups, as all are of whom the switch has forgotten them.
 * Pure: controller/welcome.c does it, as fast as the switch takes what there is
 * to say.
 *
 * QEMU has announced a guest before its flows are put right.  But Open vSwitch
 * learns an address from packets that it has forwarded in the datapath only
 * when it counts them, every half a second and whenever flows change: from the
 * guest's last frames that came from the other host, too, after those of QEMU.
 * An announcement of ours is learnt from at once. */

#include <config.h>
#include "controller/arrivals.h"

#include <limits.h>
#include <stdlib.h>

#include "flows/pipeline.h"
#include "packets.h"
#include "util.h"

struct arrival {
    uint32_t number;            /* Of the vNIC. */
    size_t next_step;           /* Of 'steps'. */
    long long int due_ms;       /* When that is due, monotonic. */
};

/* What is done, and how long to wait before.  The second query is for a guest
 * that did not get the first, and after everybody has answered that. */
static const struct {
    int pause_ms;
    unsigned int deeds;
} steps[] = {
    { 0, ARRIVAL_ANNOUNCE | ARRIVAL_ASK },
    { 100, ARRIVAL_ANNOUNCE },
    { 500, ARRIVAL_ANNOUNCE },
    { 1400, ARRIVAL_ASK },
};

/* The step that is all of it for a guest whose groups were forgotten. */
enum { LAST_STEP = ARRAY_SIZE(steps) - 1 };

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
    return before && before->place == GUEST_INCOMING
           && vnic->place == GUEST_HERE
           && eth_addr_equals(before->mac, vnic->mac);
}

/* Adds the vNIC called 'number', for which what comes before 'first_step' is
 * not to be done. */
static void
add(struct arrivals *arrivals, uint32_t number, size_t first_step)
{
    arrivals->vnics = xrealloc(arrivals->vnics,
                               (arrivals->n + 1) * sizeof *arrivals->vnics);
    arrivals->vnics[arrivals->n++] = (struct arrival) {
        .number = number,
        .next_step = first_step,
        .due_ms = LLONG_MIN,
    };
}

/* Is the guest of the vNIC called 'number' here before and after? */
static bool
has_stayed(uint32_t number, const struct pipeline_bridge *before,
           const struct pipeline_bridge *after)
{
    const struct pipeline_vnic *old
        = pipeline_bridge_find_vnic(before, number);
    const struct pipeline_vnic *vnic
        = pipeline_bridge_find_vnic(after, number);
    return old && vnic && vnic->place == GUEST_HERE
           && eth_addr_equals(vnic->mac, old->mac);
}

/* Removes the guests that have gone: of one that runs on another host now it
 * must not be said that it is here. */
static void
remove_gone(struct arrivals *arrivals, const struct pipeline_bridge *before,
            const struct pipeline_bridge *after)
{
    size_t n = 0;
    for (size_t i = 0; i < arrivals->n; i++) {
        if (has_stayed(arrivals->vnics[i].number, before, after)) {
            arrivals->vnics[n++] = arrivals->vnics[i];
        }
    }
    arrivals->n = n;
}

/* Adds the vNICs that were yet to come in 'before', and are there in 'after',
 * the facts of the same bridge that follow.  Forgets those that have gone
 * since.  Both must be sorted. */
void
arrivals_note(struct arrivals *arrivals, const struct pipeline_bridge *before,
              const struct pipeline_bridge *after)
{
    remove_gone(arrivals, before, after);
    for (size_t i = 0; i < after->n_vnics; i++) {
        const struct pipeline_vnic *vnic = &after->vnics[i];
        if (has_arrived(vnic, pipeline_bridge_find_vnic(before,
                                                        vnic->number))) {
            add(arrivals, vnic->number, 0);
        }
    }
}

static bool
contains(const struct arrivals *arrivals, uint32_t number)
{
    for (size_t i = 0; i < arrivals->n; i++) {
        if (arrivals->vnics[i].number == number) {
            return true;
        }
    }
    return false;
}

/* Adds the vNICs of 'bridge', whose groups the switch has just forgotten.  Who
 * is among 'arrivals' already is yet to be asked anyhow; whose guest is not
 * here would not hear it. */
void
arrivals_note_forgotten(struct arrivals *arrivals,
                        const struct pipeline_bridge *bridge)
{
    for (size_t i = 0; i < bridge->n_vnics; i++) {
        const struct pipeline_vnic *vnic = &bridge->vnics[i];
        if (vnic->place == GUEST_HERE && !contains(arrivals, vnic->number)) {
            add(arrivals, vnic->number, LAST_STEP);
        }
    }
}

/* If something is to be done 'now' about a vNIC, stores its number in '*numberp'
 * and returns what, as bits of 'enum arrival_deed'; it is taken for done then.
 * Otherwise returns 0. */
unsigned int
arrivals_next(struct arrivals *arrivals, long long int now, uint32_t *numberp)
{
    for (size_t i = 0; i < arrivals->n; i++) {
        struct arrival *arrival = &arrivals->vnics[i];
        if (now >= arrival->due_ms) {
            unsigned int deeds = steps[arrival->next_step++].deeds;
            *numberp = arrival->number;
            if (arrival->next_step < ARRAY_SIZE(steps)) {
                arrival->due_ms = now + steps[arrival->next_step].pause_ms;
            } else {
                *arrival = arrivals->vnics[--arrivals->n];
            }
            return deeds;
        }
    }
    *numberp = 0;
    return 0;
}

/* Returns when arrivals_next() has something, LLONG_MAX for never. */
long long int
arrivals_due_ms(const struct arrivals *arrivals)
{
    long long int due_ms = LLONG_MAX;
    for (size_t i = 0; i < arrivals->n; i++) {
        due_ms = MIN(due_ms, arrivals->vnics[i].due_ms);
    }
    return due_ms;
}
