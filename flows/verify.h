/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef FLOWS_VERIFY_H
#define FLOWS_VERIFY_H 1

#include <stddef.h>

struct report;
struct trace;
struct verify_plan;
struct verify_probe;

/* What is wrong in what became of a frame, against what is meant.  Pure. */

void verify_report_init(struct report *);
size_t verify_judge(const struct verify_plan *, const struct verify_probe *,
                    const struct trace *, struct report *);

#endif /* flows/verify.h */
