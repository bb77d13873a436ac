/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef FLOWS_VERIFY_PLAN_H
#define FLOWS_VERIFY_PLAN_H 1

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "flows/entitlement.h"
#include "flows/pipeline.h"
#include "openvswitch/compiler.h"
#include "simap.h"

/* Frames that show whether a bridge isolates as is meant.  Pure. */

/* More probes than this would keep the switch busy for too long. */
#define VERIFY_MAX_PROBES 100000

#define VERIFY_KINDS                                                    \
    VERIFY_KIND(UNICAST, "unicast")                                     \
    VERIFY_KIND(BROADCAST, "broadcast")                                 \
    VERIFY_KIND(MULTICAST, "multicast")                                 \
    VERIFY_KIND(UNKNOWN, "unknown unicast")                             \
    /* From a source address that is nobody's. */                       \
    VERIFY_KIND(FOREIGN, "foreign source")                              \
    VERIFY_KIND(FOREIGN_UNKNOWN, "foreign source, unknown unicast")     \
    /* A broadcast with a tag that the sender may not use. */           \
    VERIFY_KIND(FOREIGN_VLAN, "foreign VLAN")                           \
    /* A broadcast from a port that nothing may come from. */           \
    VERIFY_KIND(BLOCKED, "broadcast")

enum verify_kind {
#define VERIFY_KIND(ENUM, NAME) VERIFY_##ENUM,
    VERIFY_KINDS
#undef VERIFY_KIND
};

const char *verify_kind_to_string(enum verify_kind);

/* Indexes are those of the bridge's vNICs, and behind them those of its
 * blocked ports; and this for whoever is outside. */
#define VERIFY_OUTSIDE SIZE_MAX

/* In 'ports': the output port of a mirror, which may get anything. */
#define VERIFY_MIRROR UINT_MAX

struct verify_probe {
    enum verify_kind kind;
    size_t from;                /* Index of the sender. */
    size_t to;                  /* Of kinds that are for one vNIC: its
                                 * index. */
    int tag;                    /* Of the frame; -1: none. */
};

struct verify_plan {
    struct pipeline_bridge bridge; /* What is meant. */
    struct simap ports;         /* Indexes by the datapath's numbers of the
                                 * ports. */
    struct eth_addr strangers[2]; /* Addresses that are nobody's. */
    struct verify_probe *probes; /* Owned. */
    size_t n_probes, allocated_probes;
    size_t n_vlans;             /* That were looked at for them. */
    bool is_too_large;          /* Then it is not complete. */
};

char *verify_plan_init(struct verify_plan *, const struct pipeline_bridge *,
                       bool wants_all) OVS_WARN_UNUSED_RESULT;
void verify_plan_destroy(struct verify_plan *);

char *verify_plan_set_ports(struct verify_plan *, const struct simap *ofports)
    OVS_WARN_UNUSED_RESULT;
size_t verify_plan_n_indexes(const struct verify_plan *);
char *verify_plan_label(const struct verify_plan *, size_t index);
struct entitlement_frame verify_plan_frame(const struct verify_plan *,
                                           const struct verify_probe *);
char *verify_plan_flow(const struct verify_plan *,
                       const struct verify_probe *);

#endif /* flows/verify-plan.h */
