/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef CONTROLLER_STALE_SOCKETS_H
#define CONTROLLER_STALE_SOCKETS_H 1

#include <stdbool.h>

void stale_sockets_remove(const char *rundir);
bool stale_sockets_is_listening(const char *path);

#endif /* controller/stale-sockets.h */
