/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef CTL_CLIENT_H
#define CTL_CLIENT_H 1

#include <stddef.h>

/* One question to the agent, and its answer. */

struct client_request {
    const char *target;         /* Path of the control socket; NULL: that of
                                 * the agent named by the pidfile. */
    long long int timeout_ms;   /* For everything together. */
    const char *method;         /* The agent's name of the command. */
    char **args;
    size_t n_args;
    const char *format;         /* A first argument, "--format=…"; or NULL. */
};

enum client_outcome {
    CLIENT_ANSWERED,            /* 'text' is the answer. */
    CLIENT_REFUSED,             /* 'text' says why the agent will not. */
    CLIENT_UNREACHABLE,         /* 'text' says why there is no answer. */
};

struct client_reply {
    enum client_outcome outcome;
    char *text;                 /* Owned, never NULL. */
};

struct client_reply client_call(const struct client_request *);
void client_reply_destroy(struct client_reply *);

#endif /* ctl/client.h */
