/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef LIBVIRT_HOOKS_HOOK_CLIENT_H
#define LIBVIRT_HOOKS_HOOK_CLIENT_H 1

#include <stdbool.h>
#include <stddef.h>

#include "libvirt-hooks/hook-proto.h"

/* How an event gets to the agent. */
struct hook_request {
    const char *socket;
    long long int deadline_ms;  /* Of hook_client_now(): nothing takes
                                 * longer. */
    bool insists;               /* An agent that is not there may come. */
    bool wants_verdict;
};

/* What came back. */
struct hook_answer {
    int error;                  /* Of errno: there is no verdict; 0: there is,
                                 * or none is wanted. */
    struct hook_verdict verdict; /* Points into 'frame'. */
    char frame[HOOK_MAX_VERDICT_BYTES];
};

long long int hook_client_now(void);
int hook_client_read_input(int fd, long long int deadline_ms, char **datap,
                           size_t *sizep);
void hook_client_ask(const struct hook_request *, struct hook_event *,
                     struct hook_answer *);

#endif /* libvirt-hooks/hook-client.h */
