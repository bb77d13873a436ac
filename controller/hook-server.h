/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef CONTROLLER_HOOK_SERVER_H
#define CONTROLLER_HOOK_SERVER_H 1

#include <stdbool.h>
#include <stdint.h>

#include "libvirt-hooks/hook-proto.h"
#include "openvswitch/list.h"

struct loop;

/* The socket on which vnicd-hook tells the agent what libvirt does.  Main
 * thread only; never blocks. */

/* An event that has come completely, and that an answer is owed to. */
struct hook_call {
    struct ovs_list node;       /* For whoever has popped it. */
    struct hook_event event;
    long long int received_ms;  /* Monotonic. */

    /* Private to the server. */
    struct hook_conn *conn;     /* NULL: nobody listens any more. */
    char *frame;
};

bool hook_call_is_over(const struct hook_call *);
void hook_call_answer(struct hook_call *, const struct hook_verdict *);
void hook_call_drop(struct hook_call *);

struct hook_server *hook_server_create(struct loop *, const char *path);
void hook_server_destroy(struct hook_server *);

void hook_server_run(struct hook_server *, long long int now);
void hook_server_wait(const struct hook_server *);

struct hook_call *hook_server_pop(struct hook_server *);
const char *hook_server_path(const struct hook_server *);
const char *hook_server_error(const struct hook_server *);
uint64_t hook_server_n_malformed(const struct hook_server *);

#endif /* controller/hook-server.h */
