/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */

/* A switch tells when others change flows, and then they are read at once.
 * Whoever changes them over and over, perhaps because we put them back, makes
 * us read less and less often, in the end once a minute.
 *
 * Of what it does not tell, as that groups are not as they were, it is asked:
 * once a minute, and when there is reason for doubt soon, and then less and
 * less often. */

#include <config.h>
#include "controller/read-pace.h"

#include "util.h"

static long long int
longer(long long int pause_ms)
{
    return MIN(MAX(2 * pause_ms, READ_PACE_FIRST_PAUSE_MS),
               READ_PACE_PAUSE_MS);
}

/* As if everything had been read at 'now'. */
void
read_pace_init(struct read_pace *pace, long long int now)
{
    *pace = (struct read_pace) {
        .due_ms = now + READ_PACE_PAUSE_MS,
        .pause_ms = READ_PACE_PAUSE_MS,
        .last_ms = now,
    };
}

/* Something has happened to the bridge that may make it forget flows. */
void
read_pace_note_doubt(struct read_pace *pace, long long int now)
{
    pace->pause_ms = READ_PACE_FIRST_PAUSE_MS;
    pace->due_ms = now + pace->pause_ms;
}

/* The switch tells that others have changed flows since they were read. */
void
read_pace_note_change(struct read_pace *pace, long long int now)
{
    long long int soonest_ms = pace->last_ms + pace->told_pause_ms;
    pace->due_ms = MIN(pace->due_ms, MAX(now, soonest_ms));
    pace->is_told = true;
}

/* Somebody waits for what is read: a change that was told is not put off. */
void
read_pace_hurry(struct read_pace *pace, long long int now)
{
    if (pace->is_told) {
        pace->due_ms = MIN(pace->due_ms, now);
    }
}

/* Returns true if it is time to read, which the caller does then. */
bool
read_pace_take(struct read_pace *pace, long long int now)
{
    if (now < pace->due_ms) {
        return false;
    }
    pace->told_pause_ms = (pace->is_told ? longer(pace->told_pause_ms)
                           : now - pace->last_ms >= READ_PACE_PAUSE_MS ? 0
                           : pace->told_pause_ms);
    pace->is_told = false;
    pace->pause_ms = longer(pace->pause_ms);
    pace->due_ms = now + pace->pause_ms;
    pace->last_ms = now;
    return true;
}
