/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef CONTROLLER_LEARNT_FLUSH_H
#define CONTROLLER_LEARNT_FLUSH_H 1

#include <stdbool.h>

/* Makes NORMAL forget where it has heard of whom.  Main thread only; never
 * blocks. */

struct learnt_flush *learnt_flush_create(const char *bridge);
void learnt_flush_destroy(struct learnt_flush *);

void learnt_flush_start(struct learnt_flush *, long long int now);
bool learnt_flush_run(struct learnt_flush *, long long int now);
void learnt_flush_wait(const struct learnt_flush *);

#endif /* controller/learnt-flush.h */
