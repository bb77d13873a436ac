/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef CONTROLLER_VSWITCHD_H
#define CONTROLLER_VSWITCHD_H 1

#include <sys/types.h>

pid_t vswitchd_find(void);

#endif /* controller/vswitchd.h */
