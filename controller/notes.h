/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef CONTROLLER_NOTES_H
#define CONTROLLER_NOTES_H 1

#include "lib/memory.h"

struct journal;
struct pass;

/* What is kept of the passes: for those that follow, and for people. */
struct notes {
    struct memory memory;
    struct journal *journal;
};

void notes_init(struct notes *);
void notes_destroy(struct notes *);

void notes_take_of_plan(struct notes *, const struct pass *,
                        long long int wall_ms);
void notes_take_of_deeds(struct notes *, const struct pass *,
                         long long int now, long long int wall_ms);
void notes_take_of_refusal(struct notes *, const struct pass *,
                           long long int now);

#endif /* controller/notes.h */
