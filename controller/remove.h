/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef CONTROLLER_REMOVE_H
#define CONTROLLER_REMOVE_H 1

#include <stddef.h>

#include "openvswitch/compiler.h"

char *remove_all(const char *ovsdb_remote, char *const *bridges,
                 size_t n_bridges) OVS_WARN_UNUSED_RESULT;

#endif /* controller/remove.h */
