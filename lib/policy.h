/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef LIB_POLICY_H
#define LIB_POLICY_H 1

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>

#include "openvswitch/compiler.h"
#include "openvswitch/types.h"

struct ds;

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

const char *isolation_class_to_string(enum isolation_class);
bool isolation_class_from_string(const char *, enum isolation_class *);

struct policy;
char *policy_isolation_to_string(const struct policy *);
void policy_set_isolation(struct policy *, const char *);

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

const char *guard_level_to_string(enum guard_level);
bool guard_level_from_string(const char *, enum guard_level *);

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

const char *policy_service_to_string(enum policy_service);
bool policy_service_from_string(const char *, enum policy_service *);

/* Families of addresses: within one that has an entry only entries pass, one
 * that has none is unknown. */
enum policy_family {
    POLICY_FAMILY_IPV4,
    POLICY_FAMILY_IPV6,         /* Other than link-local. */
    POLICY_FAMILY_LINK_LOCAL    /* fe80::/10. */
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

/* The fields of a policy, as bits. */
enum policy_field {
    POLICY_FIELD_ISOLATION = 1u << 0,
    POLICY_FIELD_GUARD = 1u << 1,
    POLICY_FIELD_SERVICES = 1u << 2,
    POLICY_FIELD_ADDRESSES = 1u << 3,
};

/* What somebody says of a policy, which need not be all of it. */
struct policy_statement {
    struct policy policy;
    unsigned int said;          /* Which of its fields count: bits of enum
                                 * policy_field. */
};

#define POLICY_STATEMENT_INIT { POLICY_INIT, .said = 0 }

void policy_init(struct policy *);
void policy_destroy(struct policy *);
void policy_clone(struct policy *dst, const struct policy *src);
bool policy_equals(const struct policy *, const struct policy *);
struct policy_address *policy_add_address(struct policy *);

void policy_statement_destroy(struct policy_statement *);
void policy_statement_clone(struct policy_statement *dst,
                            const struct policy_statement *src);
bool policy_statement_equals(const struct policy_statement *,
                             const struct policy_statement *);

bool policy_address_equals(const struct policy_address *,
                           const struct policy_address *);
bool policy_address_is_source(const struct policy_address *);
bool policy_address_is_ipv4(const struct policy_address *);
bool policy_address_is_link_local(const struct policy_address *);
enum policy_family policy_address_family(const struct policy_address *);
bool policy_knows_family(const struct policy *, enum policy_family);
char *policy_address_parse(const char *, struct in6_addr *,
                           unsigned int *plenp) OVS_WARN_UNUSED_RESULT;
void policy_address_format(const struct policy_address *, struct ds *);
char *policy_address_to_string(const struct policy_address *);

#endif /* lib/policy.h */
