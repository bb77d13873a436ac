/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef CONTROLLER_READ_PACE_H
#define CONTROLLER_READ_PACE_H 1

#include <stdbool.h>

/* When what a switch has is read once more.  Pure; times are in monotonic
 * ms. */

/* The pauses between two readings. */
#define READ_PACE_FIRST_PAUSE_MS 50
#define READ_PACE_PAUSE_MS 60000

struct read_pace {
    long long int due_ms;       /* When to read ... */
    long long int pause_ms;     /* ... and how long after that again. */
    long long int last_ms;      /* When it was read last ... */
    long long int told_pause_ms; /* ... and how long after that a change is
                                 * answered at the soonest. */
    bool is_told;               /* There was one since. */
};

void read_pace_init(struct read_pace *, long long int now);
void read_pace_note_doubt(struct read_pace *, long long int now);
void read_pace_note_change(struct read_pace *, long long int now);
void read_pace_hurry(struct read_pace *, long long int now);
bool read_pace_take(struct read_pace *, long long int now);

#endif /* controller/read-pace.h */
