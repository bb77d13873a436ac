/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef LIBVIRT_HOOKS_HOOK_STEP_H
#define LIBVIRT_HOOKS_HOOK_STEP_H 1

struct hook_event;

/* What libvirt is doing when it runs a hook.  Both ends decide by it what is to
 * be done. */
enum hook_step {
    HOOK_STEP_OTHER,            /* It makes no difference to anybody. */
    HOOK_STEP_PREPARE,          /* A guest is to be plugged. */
    HOOK_STEP_MIGRATE,          /* So is one that runs on another host. */
    HOOK_STEP_START,            /* It is plugged, and does not run yet. */
    HOOK_STEP_STARTED,          /* It runs. */
    HOOK_STEP_RECONNECT,        /* It does, and libvirt has found it again. */
    HOOK_STEP_STOPPED,          /* It is dead, and plugged. */
    HOOK_STEP_RELEASE,          /* Nothing is left of it. */
    HOOK_STEP_NETWORK,          /* Something happens to a network. */
    HOOK_STEP_DAEMON_START,     /* libvirt is about to look for its guests. */
    N_HOOK_STEPS
};

enum hook_step hook_step_of_event(const struct hook_event *);

#endif /* libvirt-hooks/hook-step.h */
