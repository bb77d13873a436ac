/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef CONTROLLER_STALE_SOCKETS_H
#define CONTROLLER_STALE_SOCKETS_H 1

void stale_sockets_remove(const char *rundir);

#endif /* controller/stale-sockets.h */
