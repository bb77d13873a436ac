/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef CONTROLLER_GATE_H
#define CONTROLLER_GATE_H 1

struct desired_vnic;
struct pass;
struct uuid;

/* May a guest start? */
enum gate {
    GATE_OPEN,                  /* Nothing stands against it. */
    GATE_WAITING,               /* Something is being put right. */
    GATE_CLOSED,                /* Something is wrong, and stays so. */
};

enum gate gate_of_vnic(const struct desired_vnic *, const struct pass *,
                       char **reasonp);
enum gate gate_of_domain(const struct uuid *, const struct pass *,
                         char **reasonp);

#endif /* controller/gate.h */
