/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef CONTROLLER_HOOKS_H
#define CONTROLLER_HOOKS_H 1

#include <stdint.h>

struct inputs;
struct loop;
struct reconciler;

/* What libvirt's hooks tell, and what they are told. */

/* What an operator wants to know of them. */
struct hooks_status {
    const char *socket;
    const char *error;          /* Why they are not heard, or NULL; valid until
                                 * hooks_run(). */
    uint64_t n_events;
    uint64_t n_refused;
    uint64_t n_unable;          /* Guests that were not got ready in time. */
    uint64_t n_malformed;       /* Connections closed for what was wrong. */
};

struct hooks *hooks_create(struct inputs *, struct reconciler *,
                           struct loop *, const char *socket);
void hooks_destroy(struct hooks *);

void hooks_run(struct hooks *, long long int now);
void hooks_answer(struct hooks *, long long int now);
void hooks_wait(const struct hooks *);

void hooks_get_status(const struct hooks *, struct hooks_status *);

#endif /* controller/hooks.h */
