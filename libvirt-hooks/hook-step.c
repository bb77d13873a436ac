/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */

/* Which of libvirt's operations matter.  Pure, and without any library: both
 * ends share it. */

#include <config.h>
#include "libvirt-hooks/hook-step.h"

#include <stddef.h>
#include <string.h>

#include "libvirt-hooks/hook-proto.h"

/* "" stands for all operations. */
static const struct {
    const char *driver;
    const char *operation;
    enum hook_step step;
} steps[] = {
    { "qemu", "prepare", HOOK_STEP_PREPARE },
    { "qemu", "migrate", HOOK_STEP_MIGRATE },
    { "qemu", "start", HOOK_STEP_START },
    { "qemu", "started", HOOK_STEP_STARTED },
    { "qemu", "reconnect", HOOK_STEP_RECONNECT },
    { "qemu", "stopped", HOOK_STEP_STOPPED },
    { "qemu", "release", HOOK_STEP_RELEASE },
    { "lxc", "prepare", HOOK_STEP_PREPARE },
    { "lxc", "start", HOOK_STEP_START },
    { "lxc", "started", HOOK_STEP_STARTED },
    { "lxc", "reconnect", HOOK_STEP_RECONNECT },
    { "lxc", "stopped", HOOK_STEP_STOPPED },
    { "lxc", "release", HOOK_STEP_RELEASE },
    { "network", "", HOOK_STEP_NETWORK },
    { "daemon", "start", HOOK_STEP_DAEMON_START },
};

/* Returns the step that 'event' tells of. */
enum hook_step
hook_step_of_event(const struct hook_event *event)
{
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        if (!strcmp(event->driver, steps[i].driver)
            && (!strcmp(event->operation, steps[i].operation)
                || !*steps[i].operation)) {
            return steps[i].step;
        }
    }
    return HOOK_STEP_OTHER;
}
