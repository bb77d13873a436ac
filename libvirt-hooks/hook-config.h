/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef LIBVIRT_HOOKS_HOOK_CONFIG_H
#define LIBVIRT_HOOKS_HOOK_CONFIG_H 1

#include <stdbool.h>

#define HOOK_MAX_PATH_BYTES 108 /* Of a Unix socket. */

/* What an operator says in hook.conf. */
struct hook_config {
    char socket[HOOK_MAX_PATH_BYTES];
    bool fails_open;            /* Without the agent, guests start. */
    unsigned int deadline_ms;   /* Nothing takes longer. */
};

void hook_config_init(struct hook_config *);
void hook_config_load(const char *path, struct hook_config *);
const char *hook_config_parse(char *line, struct hook_config *);

#endif /* libvirt-hooks/hook-config.h */
