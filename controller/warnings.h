/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef CONTROLLER_WARNINGS_H
#define CONTROLLER_WARNINGS_H 1

#include "openvswitch/compiler.h"

struct memory;
struct pass;
struct svec;

void warnings_add(struct svec *, const char *format, ...)
    OVS_PRINTF_FORMAT(2, 3);
void warnings_find(const struct pass *, const struct memory *, struct svec *);

#endif /* controller/warnings.h */
