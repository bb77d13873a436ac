/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef CTL_FINDINGS_H
#define CTL_FINDINGS_H 1

#include <stdbool.h>

/* Whether an answer of the agent asks for somebody's attention. */

bool findings_in_listing(const char *text, const char *format);
bool findings_in_status(const char *json);

#endif /* ctl/findings.h */
