/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef CONTROLLER_COMMANDS_H
#define CONTROLLER_COMMANDS_H 1

struct hooks;
struct inputs;
struct loop;
struct reconciler;

/* What 'ovs-appctl -t vnicd' can ask. */
struct commands *commands_create(struct inputs *, struct reconciler *,
                                 const struct hooks *, struct loop *);
void commands_destroy(struct commands *);

void commands_run(struct commands *, long long int now);
void commands_wait(const struct commands *);

#endif /* controller/commands.h */
