/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef CONTROLLER_LOOP_H
#define CONTROLLER_LOOP_H 1

#include <stdbool.h>

struct uv_loop_s;
struct virt_executor;

/* libuv inside Open vSwitch's poll loop: signals, and blocking work in libuv's
 * thread pool.  Main thread only. */

struct loop *loop_create(void);
void loop_destroy(struct loop *);

void loop_run(struct loop *);
void loop_wait(struct loop *);

bool loop_is_exiting(const struct loop *);
void loop_exit(struct loop *);

const struct virt_executor *loop_executor(struct loop *);
struct uv_loop_s *loop_uv(struct loop *);

#endif /* controller/loop.h */
