/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef CONTROLLER_STATUS_H
#define CONTROLLER_STATUS_H 1

#include "lib/report.h"

struct hooks;
struct inputs;
struct reconciler;

char *status_render(const struct inputs *, const struct reconciler *,
                    const struct hooks *, enum report_format);
char *status_summary(const struct reconciler *);

#endif /* controller/status.h */
