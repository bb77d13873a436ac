/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */

/* Remembers which flows a switch refuses, and decides who is left out.  Pure.
 *
 * A bundle is installed as a whole or not at all, so one flow that the switch
 * refuses would keep all others out.  Its cookie tells whose it is: that vNIC is
 * left out of the next bundle.  After a pause it is let in once more, at the
 * risk of another bundle in vain; if it differs from what was refused, at once.
 *
 * What is nobody's own, a flow that all share or a group, has the number 0.
 * Then the whole bridge waits, with what it had before; but the first time only
 * until it has been read once more, since the switch may have forgotten what
 * was to be changed. */

#include <config.h>
#include "flows/refusals.h"

#include <limits.h>
#include <stdlib.h>

#include "flows/bundle.h"
#include "flows/pipeline.h"
#include "flows/tables.h"
#include "hash.h"
#include "util.h"

struct refusal {
    struct hmap_node node;      /* In 'struct refusals', by 'number'. */
    uint32_t number;            /* Of the vNIC; 0: of the bridge. */
    struct pipeline_vnic vnic;  /* What was refused; empty for the bridge. */
    char *text;                 /* Why. */
    unsigned int n;             /* How often. */
    long long int retry_ms;     /* LLONG_MAX: never. */
    bool is_tried;              /* It has been let in once more. */
    bool is_present;            /* Seen among the vNICs being looked at. */
};

void
refusals_init(struct refusals *refusals)
{
    hmap_init(&refusals->map);
}

static void
remove_refusal(struct refusals *refusals, struct refusal *refusal)
{
    hmap_remove(&refusals->map, &refusal->node);
    pipeline_vnic_destroy(&refusal->vnic);
    free(refusal->text);
    free(refusal);
}

/* Forgets everything, as if nothing had been refused. */
void
refusals_clear(struct refusals *refusals)
{
    struct refusal *refusal;
    HMAP_FOR_EACH_SAFE (refusal, node, &refusals->map) {
        remove_refusal(refusals, refusal);
    }
}

void
refusals_destroy(struct refusals *refusals)
{
    refusals_clear(refusals);
    hmap_destroy(&refusals->map);
}

static struct refusal *
find_refusal(const struct refusals *refusals, uint32_t number)
{
    struct refusal *refusal;
    HMAP_FOR_EACH_WITH_HASH (refusal, node, hash_int(number, 0),
                             &refusals->map) {
        if (refusal->number == number) {
            return refusal;
        }
    }
    return NULL;
}

static struct refusal *
add_refusal(struct refusals *refusals, uint32_t number,
            const struct pipeline_vnic *vnic)
{
    struct refusal *refusal = xzalloc(sizeof *refusal);
    refusal->number = number;
    if (vnic) {
        pipeline_vnic_clone(&refusal->vnic, vnic);
    }
    hmap_insert(&refusals->map, &refusal->node, hash_int(number, 0));
    return refusal;
}

/* Was 'refusal', of a bridge, perhaps for want of knowledge? */
static bool
is_doubtful(const struct refusal *refusal)
{
    return !refusal->number && refusal->n == 1;
}

static long long int
pause_ms(const struct refusal *refusal)
{
    if (is_doubtful(refusal)) {
        return 0;
    }
    long long int ms = REFUSALS_FIRST_PAUSE_MS;
    for (unsigned int i = 1; i < refusal->n; i++) {
        ms *= REFUSALS_PAUSE_FACTOR;
    }
    return ms;
}

/* Counts once what several errors of one bundle are about. */
static void
count(struct refusal *refusal, const char *text, long long int now)
{
    if (refusal->n && !refusal->is_tried) {
        return;
    }
    free(refusal->text);
    refusal->text = xstrdup(text);
    refusal->is_tried = false;
    refusal->n++;
    refusal->retry_ms = (refusal->n > REFUSALS_MAX_RETRIES
                         ? LLONG_MAX : now + pause_ms(refusal));
}

/* Takes note of why the flows of 'told' were refused, at 'now'. */
void
refusals_note(struct refusals *refusals, const struct pipeline_bridge *told,
              const struct bundle_error *errors, size_t n_errors,
              long long int now)
{
    for (size_t i = 0; i < n_errors; i++) {
        uint64_t cookie = errors[i].cookie;
        const struct pipeline_vnic *vnic
            = (table_cookie_is_ours(cookie)
               ? pipeline_bridge_find_vnic(told, table_cookie_vnic(cookie))
               : NULL);
        uint32_t number = vnic ? vnic->number : 0;
        struct refusal *refusal = find_refusal(refusals, number);
        if (!refusal) {
            refusal = add_refusal(refusals, number, vnic);
        }
        count(refusal, errors[i].text, now);
    }
}

/* Takes note that the bridge has all that it was told: whoever was let in once
 * more is forgiven, and so is the bridge. */
void
refusals_note_installed(struct refusals *refusals)
{
    struct refusal *refusal;
    HMAP_FOR_EACH_SAFE (refusal, node, &refusals->map) {
        if (refusal->is_tried || !refusal->number) {
            remove_refusal(refusals, refusal);
        }
    }
}

/* Lets in whoever may be tried once more, at 'now'.  Returns true if there is
 * anybody. */
bool
refusals_let_in(struct refusals *refusals, long long int now)
{
    bool is_anybody = false;
    struct refusal *refusal;
    HMAP_FOR_EACH (refusal, node, &refusals->map) {
        if (!refusal->is_tried && now >= refusal->retry_ms) {
            refusal->is_tried = true;
            is_anybody = true;
        }
    }
    return is_anybody;
}

/* Is 'vnic' to be left out?  If it is not what was refused, it is not. */
static bool
is_left_out(struct refusals *refusals, const struct pipeline_vnic *vnic)
{
    struct refusal *refusal = find_refusal(refusals, vnic->number);
    if (!refusal) {
        return false;
    }
    if (!pipeline_vnic_equals(&refusal->vnic, vnic)) {
        remove_refusal(refusals, refusal);
        return false;
    }
    refusal->is_present = true;
    return !refusal->is_tried;
}

static void
forget_absent(struct refusals *refusals)
{
    struct refusal *refusal;
    HMAP_FOR_EACH_SAFE (refusal, node, &refusals->map) {
        if (refusal->number && !refusal->is_present) {
            remove_refusal(refusals, refusal);
        } else {
            refusal->is_present = false;
        }
    }
}

/* Leaves out of 'bridge' the vNICs that are refused, and forgets those that are
 * no more.  With 'are_blocked' nothing may come from them. */
void
refusals_apply(struct refusals *refusals, struct pipeline_bridge *bridge,
               bool are_blocked)
{
    for (size_t i = 0; i < bridge->n_vnics; ) {
        const struct pipeline_vnic *vnic = &bridge->vnics[i];
        if (!is_left_out(refusals, vnic)) {
            i++;
            continue;
        }
        if (are_blocked) {
            pipeline_bridge_add_blocked(bridge, vnic->ofport);
        }
        pipeline_bridge_remove_vnic(bridge, i);
    }
    forget_absent(refusals);
}

/* True if the bridge was refused as a whole, and is to be told once more. */
bool
refusals_is_bridge_due(const struct refusals *refusals)
{
    const struct refusal *whole = find_refusal(refusals, 0);
    return whole && whole->is_tried;
}

/* Returns when somebody is to be let in once more, LLONG_MAX: nobody. */
long long int
refusals_next_ms(const struct refusals *refusals)
{
    long long int next_ms = LLONG_MAX;
    const struct refusal *refusal;
    HMAP_FOR_EACH (refusal, node, &refusals->map) {
        if (!refusal->is_tried) {
            next_ms = MIN(next_ms, refusal->retry_ms);
        }
    }
    return next_ms;
}

/* Returns why the flows of the vNIC with 'number', or those that are nobody's
 * own if it is 0, were refused, or NULL. */
const char *
refusals_find(const struct refusals *refusals, uint32_t number)
{
    const struct refusal *refusal = find_refusal(refusals, number);
    return refusal && !is_doubtful(refusal) ? refusal->text : NULL;
}
