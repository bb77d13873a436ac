/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef LIBVIRT_HOOKS_HOOK_SCAN_H
#define LIBVIRT_HOOKS_HOOK_SCAN_H 1

#include <stdbool.h>
#include <stddef.h>

bool hook_scan_is_on_ovs(const char *xml, size_t size);

#endif /* libvirt-hooks/hook-scan.h */
