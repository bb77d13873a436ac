/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef OVSDB_OVSDB_REMOTE_H
#define OVSDB_OVSDB_REMOTE_H 1

#include <stdbool.h>

#include "openvswitch/compiler.h"

char *ovsdb_remote_check(const char *remote, bool has_keys)
    OVS_WARN_UNUSED_RESULT;

#endif /* ovsdb/ovsdb-remote.h */
