/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef LIB_ERROR_H
#define LIB_ERROR_H 1

#include "openvswitch/compiler.h"

/* An error that a human reads is a sentence: a malloc'd string without final
 * stop or newline, NULL for success.  The caller owns it. */

char *error_wrap(char *error, const char *format, ...)
    OVS_PRINTF_FORMAT(2, 3) OVS_WARN_UNUSED_RESULT;

#endif /* lib/error.h */
