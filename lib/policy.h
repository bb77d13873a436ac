/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef LIB_POLICY_H
#define LIB_POLICY_H 1

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>

#include "openvswitch/types.h"

/* What a vNIC may do, and whom it may reach. */

/* Whom a port may reach, as the port types of a private VLAN (RFC 5517). */
#define ISOLATION_CLASSES                       \
    ISOLATION_CLASS(PROMISCUOUS, "promiscuous") \
    ISOLATION_CLASS(ISOLATED, "isolated")       \
    ISOLATION_CLASS(COMMUNITY, "community")

enum isolation_class {
#define ISOLATION_CLASS(ENUM, NAME) ISOLATION_##ENUM,
    ISOLATION_CLASSES
#undef ISOLATION_CLASS
};

/* What becomes of a frame that a guest must not send. */
#define GUARD_LEVELS                                            \
    GUARD_LEVEL(MONITOR, "monitor") /* It passes, counted. */   \
    GUARD_LEVEL(ENFORCE, "enforce") /* It is dropped. */        \
    GUARD_LEVEL(OFF, "off")         /* Nobody looks. */

enum guard_level {
#define GUARD_LEVEL(ENUM, NAME) GUARD_##ENUM,
    GUARD_LEVELS
#undef GUARD_LEVEL
};

/* Roles that a guest plays only if it is told so; bits. */
#define POLICY_SERVICES                                         \
    POLICY_SERVICE(DHCP_SERVER, "dhcp-server", 0)               \
    POLICY_SERVICE(ROUTER, "router-advertisement", 1)           \
    POLICY_SERVICE(BPDU, "bpdu", 2)                             \
    POLICY_SERVICE(LLDP, "lldp", 3)                             \
    POLICY_SERVICE(ANY_MAC, "any-mac", 4)

enum policy_service {
#define POLICY_SERVICE(ENUM, NAME, BIT) SERVICE_##ENUM = 1u << (BIT),
    POLICY_SERVICES
#undef POLICY_SERVICE
};

/* An address, or prefix, that a vNIC may use. */
struct policy_address {
    struct in6_addr ip;         /* IPv4 as ::ffff:a.b.c.d. */
    unsigned int plen;          /* Of 128 bits, IPv4 too. */
    struct eth_addr mac;        /* All-zero: the vNIC's own. */
    int vlan;                   /* -1: in each of its VLANs. */
};

struct policy {
    enum isolation_class isolation;
    char *community;            /* ISOLATION_COMMUNITY: its name. */
    enum guard_level guard;
    unsigned int services;      /* Bits of enum policy_service. */
    struct policy_address *addresses; /* Owned. */
    size_t n_addresses;
};

#define POLICY_INIT { .isolation = ISOLATION_PROMISCUOUS }

void policy_destroy(struct policy *);
void policy_clone(struct policy *dst, const struct policy *src);
bool policy_equals(const struct policy *, const struct policy *);
struct policy_address *policy_add_address(struct policy *);

bool policy_address_is_ipv4(const struct policy_address *);
bool policy_address_is_link_local(const struct policy_address *);

#endif /* lib/policy.h */
