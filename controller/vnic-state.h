/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef CONTROLLER_VNIC_STATE_H
#define CONTROLLER_VNIC_STATE_H 1

struct desired_vnic;
struct port_plan;

/* How a vNIC is, in one word. */
#define VNIC_STATES                                                     \
    /* Its port is open and has the VLANs, and where its bridge has a   \
     * pipeline the flows, that are meant for it. */                    \
    VNIC_STATE(READY, "ready")                                          \
    /* Something has yet to come. */                                    \
    VNIC_STATE(WAITING, "waiting")                                      \
    /* Its intent cannot be used, or the switch refuses its flows. */   \
    VNIC_STATE(QUARANTINED, "quarantined")                              \
    /* Its port differs from its intent. */                             \
    VNIC_STATE(DRIFTED, "drifted")                                      \
    /* A change waits for the next start of the domain. */              \
    VNIC_STATE(PENDING, "pending")                                      \
    /* Not ours. */                                                     \
    VNIC_STATE(UNMANAGED, "unmanaged")

enum vnic_state {
#define VNIC_STATE(ENUM, NAME) VNIC_STATE_##ENUM,
    VNIC_STATES
#undef VNIC_STATE
    N_VNIC_STATES
};

const char *vnic_state_to_string(enum vnic_state);
enum vnic_state vnic_state_find(const struct desired_vnic *,
                                const struct port_plan *, char **reasonp);

#endif /* controller/vnic-state.h */
