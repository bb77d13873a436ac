/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef LIB_POLICY_INTENT_H
#define LIB_POLICY_INTENT_H 1

#include "lib/policy.h"
#include "openvswitch/compiler.h"
#include "openvswitch/types.h"

struct settings;
struct vlan_spec;

/* Where a field of a vNIC's policy was said. */
#define POLICY_SOURCES                                                  \
    POLICY_SOURCE(NOBODY, "nobody")         /* It is not known. */      \
    POLICY_SOURCE(DEFAULT, "default")                                   \
    POLICY_SOURCE(HOST, "host")             /* A setting of it. */      \
    POLICY_SOURCE(BRIDGE, "bridge")         /* A setting of it. */      \
    POLICY_SOURCE(METADATA, "metadata")                                 \
    POLICY_SOURCE(LAST_GOOD, "last good metadata")

enum policy_source {
#define POLICY_SOURCE(ENUM, NAME) POLICY_FROM_##ENUM,
    POLICY_SOURCES
#undef POLICY_SOURCE
};

const char *policy_source_to_string(enum policy_source);

/* Who said each field of a policy. */
struct policy_sources {
    enum policy_source isolation;
    enum policy_source guard;
    enum policy_source services;
    enum policy_source addresses;
};

/* What the policy of a vNIC follows from. */
struct policy_facts {
    const struct settings *settings;    /* In force on its bridge. */
    const struct policy_statement *metadata; /* What that says, or NULL. */
    enum policy_source metadata_source; /* What that is called. */
    struct eth_addr mac;                /* Of the vNIC. */
    const struct vlan_spec *vlan;       /* That it is on. */
};

/* What a vNIC may do, and who said so. */
struct policy_intent {
    struct policy policy;
    struct policy_sources sources;
    char *note;                 /* What an operator should know, or NULL. */
};

#define POLICY_INTENT_INIT { .policy = POLICY_INIT }

char *policy_intent_compute(const struct policy_facts *,
                            struct policy_intent *) OVS_WARN_UNUSED_RESULT;
void policy_intent_destroy(struct policy_intent *);

#endif /* lib/policy-intent.h */
