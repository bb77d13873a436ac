/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef FLOWS_TABLES_H
#define FLOWS_TABLES_H 1

#include <stdbool.h>
#include <stdint.h>

#include "lib/policy.h"

struct flow_space;

/* How the pipeline uses what OpenFlow offers: tables, priorities, registers,
 * cookies and groups.  The single source: whoever needs a number finds it
 * here, and what it means to an operator beside it. */

/* Tables.  Table 0 we share with whoever else has flows on the bridge; 100 to
 * 169 are ours. */
#define TABLES                                                          \
    /* Who sent it, and in which VLAN. */                               \
    TABLE(CLASSIFY, 0)                                                  \
    /* Is the sender who it claims to be? */                            \
    TABLE(SOURCE_MAC, 110)      /* Its MAC address. */                  \
    TABLE(FOREIGN_MAC, 111)     /* One more. */                         \
    TABLE(FRAME, 112)           /* Tags, destination, EtherType. */     \
    TABLE(ADDRESS, 113)         /* ARP, RARP, source of IP packets. */  \
    TABLE(UNSPECIFIED, 114)     /* IPv6 packets from "::". */           \
    /* May it play this role? */                                        \
    TABLE(SERVICE, 115)         /* By IP protocol. */                   \
    TABLE(UDP, 116)             /* The only one that matches ports. */  \
    TABLE(ICMPV6, 117)                                                  \
    TABLE(ND_TARGET, 118)       /* Addresses that it says are its own. */ \
    /* What becomes of a frame that broke the rule in REG_VIOLATION. */ \
    TABLE(VIOLATION, 119)                                               \
    TABLE(EGRESS_RULES, 120)    /* Security rules of the sender. */     \
    /* Who sent it: what gets this far is learnt from. */               \
    TABLE(L2_SOURCE, 128)       /* Where its source address is. */      \
    TABLE(MAC_LIMIT, 129)       /* Was there room for it? */            \
    /* Whose it is. */                                                  \
    TABLE(L2, 130)              /* MAC addresses that we know. */       \
    TABLE(L2_LEARNT, 131)       /* Who was last heard from one; the     \
                                 * switch fills it. */                  \
    TABLE(L2_FOUND, 132)        /* Found there or not. */               \
    TABLE(OUTSIDE, 133)         /* Everybody who is no local vNIC. */   \
    /* For each receiver. */                                            \
    TABLE(ISOLATION, 140)       /* May these two talk? */               \
    TABLE(INGRESS_RULES, 150)   /* Security rules of the receiver. */   \
    TABLE(DELIVER, 160)         /* Its VLAN, its tag, its port. */

enum table_id {
#define TABLE(ENUM, ID) TABLE_##ENUM = ID,
    TABLES
#undef TABLE
};

#define TABLE_FIRST_OWN 100
#define TABLE_LAST_OWN 169

/* Priorities, one scale for all tables: the more special, the higher.  Flows
 * that most packets hit come high, since a lookup ends there and leaves the
 * fields that only lower flows match wildcarded in the datapath.  All are in
 * 1..99 in table 0: flows from 100 on are others', and go first. */
enum table_priority {
    PRIORITY_MISS = 0,          /* What no other flow knows. */
    PRIORITY_CLASSIFY_MISS = 1, /* The same in table 0, before the NORMAL that
                                 * every bridge is born with. */
    PRIORITY_REST = 10,         /* What is left of a protocol. */
    PRIORITY_ANY = 20,          /* Any value, from whoever may use any. */
    PRIORITY_FAMILY = 25,       /* A part of any that is decided apart. */
    PRIORITY_PREFIX = 30,       /* A prefix, or a range of VLANs. */
    PRIORITY_TAKEN = 40,        /* One value that is somebody else's. */
    PRIORITY_MARTIAN = 50,      /* Values that are nobody's. */
    PRIORITY_SPECIAL = 60,      /* Values with a meaning of their own. */
    PRIORITY_EXACT = 70,        /* One value. */
    PRIORITY_REFUSE = 80,       /* Never, whatever the value is. */
    PRIORITY_ALLOW = 85,        /* Except from whoever is told so. */
    PRIORITY_FLAG = 90,         /* Decided by a table before. */
    PRIORITY_FIRST = 95,
    PRIORITY_LAST_OWN = 99      /* In table 0. */
};

/* Registers.  All are zero when a packet enters the pipeline. */
enum table_register {
    REG_FLAGS = 0,              /* FLAG_*. */
    REG_VLAN = 1,               /* VLAN ID; 0 for none, on a port that is on
                                 * every VLAN. */
    REG_PCP = 2,                /* Priority code point of the tag. */
    REG_SENDER_CLASS = 3,       /* See table_class(). */
    REG_RECEIVER_CLASS = 4,     /* See table_class(). */
    REG_RECEIVER = 5,           /* Number of the receiving vNIC, 0 for one that
                                 * is not known, or RECEIVER_OUTSIDE. */
    REG_SENDER = 6,             /* Number of the sending vNIC; 0 for whoever
                                 * is outside. */
    REG_VIOLATION = 7           /* RULE_* that was broken. */
};

#define REG_VLAN_MASK 0xfffu
#define REG_PCP_BITS 3
#define RECEIVER_OUTSIDE 0xffffffu

/* Bits of REG_FLAGS. */
enum table_flag {
    FLAG_FROM_OUTSIDE = 1u << 0,  /* Never back to where it came from. */
    FLAG_PRIORITY_TAG = 1u << 1,  /* Had a tag with VLAN ID 0. */
    FLAG_TUNNEL = 1u << 2,        /* From a dot1q-tunnel: below the service
                                   * tag, which is in REG_VLAN, there may be a
                                   * tag of the customer's. */
    FLAG_FOREIGN_MAC = 1u << 3,   /* From a MAC address that is not the
                                   * vNIC's, but may be used if there is
                                   * room for it. */
    FLAG_LEARNT = 1u << 4,        /* There was. */
    FLAG_ACCESS = 1u << 5,        /* Had a tag with VLAN ID 0, and is from an
                                   * access port. */
    FLAG_LEARN = 1u << 6,         /* Its source address is to be learnt, if
                                   * the guard lets it pass. */
    FLAG_SERVICES_SHIFT = 8       /* From here on enum policy_service. */
};

#define FLAG_SERVICE(SERVICE) ((uint32_t) (SERVICE) << FLAG_SERVICES_SHIFT)

/* The two class registers: what the port may reach, and of which community. */
#define CLASS_MASK 3u
#define CLASS_COMMUNITY_SHIFT 16

static inline uint32_t
table_class(enum isolation_class class, uint16_t community)
{
    return class == ISOLATION_COMMUNITY
           ? (uint32_t) community << CLASS_COMMUNITY_SHIFT | class
           : (uint32_t) class;
}

/* Rules: what a flow is for.  Their numbers are in cookies: one that changes
 * its meaning needs a new COOKIE_LAYOUT. */
#define TABLE_RULES                                                         \
    /* Where a frame comes from. */                                         \
    RULE(INFRASTRUCTURE, 1, "infrastructure",                               \
         "from a port that is no guest's: switched as configured")          \
    RULE(INSIDE, 2, "inside", "from outside, for guests of this host")      \
    RULE(VLAN, 3, "vlan", "in a VLAN of the vNIC")                          \
    RULE(FOREIGN_VLAN, 4, "foreign-vlan",                                   \
         "in a VLAN that is not the vNIC's")                                \
    RULE(RESERVED_VLAN, 5, "reserved-vlan",                                 \
         "in VLAN 4095, which is reserved")                                 \
    RULE(UNKNOWN_PORT, 6, "unknown-port",                                   \
         "from a port of which nobody told us")                             \
    RULE(QUARANTINE, 7, "quarantine",                                       \
         "from a vNIC that is quarantined")                                 \
    RULE(MIRROR, 8, "mirror",                                               \
         "from a port that is there for the copies of a mirror")            \
    /* What the guard lets pass. */                                         \
    RULE(OWN_MAC, 16, "own-mac", "from the vNIC's MAC address")             \
    RULE(SHARED_MAC, 17, "shared-mac",                                      \
         "from a MAC address that the vNIC shares")                         \
    RULE(ANY_MAC, 18, "any-mac",                                            \
         "from a MAC address that is learnt")                               \
    RULE(OTHERS_MAC, 19, "others-mac",                                      \
         "from the MAC address of another vNIC")                            \
    RULE(PROTOCOL, 20, "protocol", "of a protocol that guests use")         \
    RULE(SERVICE, 21, "service", "of a service that the vNIC may offer")    \
    RULE(OWN_ADDRESS, 22, "own-address", "an address of the vNIC's")        \
    RULE(UNKNOWN_ADDRESS, 23, "unknown-address",                            \
         "an address of a family of which nobody told us")                  \
    RULE(LINK_LOCAL, 24, "link-local", "a link-local address")              \
    RULE(OTHERS_LINK_LOCAL, 25, "others-link-local",                        \
         "the link-local address of another vNIC")                          \
    RULE(MARTIAN, 26, "martian", "an address that nobody may have")         \
    RULE(CONFIGURATION, 27, "configuration",                                \
         "what guests send before they have an address")                    \
    RULE(ANNOUNCEMENT, 28, "announcement",                                  \
         "RARP that announces the vNIC's MAC address")                      \
    RULE(OWN_LINK_LAYER, 29, "own-link-layer",                              \
         "neighbour discovery for the vNIC's MAC address")                  \
    /* What comes behind. */                                                \
    RULE(EGRESS, 48, "egress", "no security rules")                         \
    RULE(UNICAST, 49, "unicast", "for a vNIC")                              \
    RULE(FLOOD, 50, "flood", "for each vNIC of the VLAN, and outside")      \
    RULE(LINK_CONTROL, 51, "link-control",                                  \
         "for the next switch, and no guest")                               \
    RULE(LEARNT, 52, "learnt", "for a MAC address that was learnt")         \
    RULE(UNKNOWN_UNICAST, 53, "unknown-unicast",                            \
         "for a MAC address that nobody knows")                             \
    RULE(OUTSIDE, 54, "outside", "for whoever is outside")                  \
    RULE(FROM_OUTSIDE, 55, "from-outside", "came from outside")             \
    RULE(PROMISCUOUS, 56, "promiscuous", "one of the two may talk to all")  \
    RULE(COMMUNITY, 57, "community", "of the same community")               \
    RULE(ISOLATION, 58, "isolation", "these two may not talk")              \
    RULE(INGRESS, 59, "ingress", "no security rules")                       \
    RULE(DELIVER, 60, "deliver", "to the vNIC")                             \
    RULE(NOT_ITS_VLAN, 61, "not-its-vlan",                                  \
         "not in a VLAN of the receiver's")                                 \
    RULE(VIOLATION, 62, "violation", "broke a rule")                        \
    RULE(LEARN_OUTSIDE, 63, "learn-outside",                                \
         "from outside: its source address is there")                      \
    RULE(LEARN_SENDER, 64, "learn-sender",                                  \
         "from the vNIC: its source address is there")                      \
    RULE(KNOWN_SOURCE, 65, "known-source",                                  \
         "nothing to learn from its source address")                        \
    TABLE_GUARD_RULES

/* Those that a guest can break, with what it then did. */
#define TABLE_GUARD_RULES                                                   \
    RULE(SOURCE_MAC, 80, "source-mac",                                      \
         "a source MAC address that is not the vNIC's")                     \
    RULE(MAC_LIMIT, 81, "mac-limit", "too many MAC addresses")              \
    RULE(VLAN_TAG, 82, "vlan-tag", "a priority tag, or a second VLAN tag")  \
    RULE(RESERVED, 83, "reserved-destination",                              \
         "a destination that only switches use, as BPDUs have")             \
    RULE(ETHERTYPE, 84, "ethertype", "an EtherType that is not allowed")    \
    RULE(ARP, 85, "arp", "ARP with an address that is not the vNIC's")      \
    RULE(RARP, 86, "rarp", "RARP that does not announce the vNIC")          \
    RULE(IPV4_SOURCE, 87, "ipv4-source",                                    \
         "an IPv4 source address that is not the vNIC's")                   \
    RULE(IPV6_SOURCE, 88, "ipv6-source",                                    \
         "an IPv6 source address that is not the vNIC's")                   \
    RULE(ND_OPTION, 89, "nd-option",                                        \
         "neighbour discovery for a MAC address that is not the vNIC's")    \
    RULE(ND_TARGET, 90, "nd-target",                                        \
         "neighbour discovery for an address that is not the vNIC's")       \
    RULE(DHCP_SERVER, 91, "dhcp-server", "an answer of a DHCP server")      \
    RULE(ROUTER, 92, "router-advertisement",                                \
         "a router advertisement or a redirect")                            \
    RULE(QUERIER, 93, "multicast-querier", "a query of a multicast router") \
    RULE(FRAGMENT, 94, "fragment", "ICMPv6 in fragments")                   \
    RULE(HEADER_CHAIN, 95, "header-chain",                                  \
         "extension headers that hide what follows")

enum table_rule {
#define RULE(ENUM, NUMBER, NAME, WORDS) RULE_##ENUM = NUMBER,
    TABLE_RULES
#undef RULE
};

const char *table_name(uint8_t table_id);
const char *table_rule_name(enum table_rule);
const char *table_rule_words(enum table_rule);

/* Cookies.  The prefix says that a flow is ours, the layout which version of
 * this file it was made from, so that an upgrade replaces those of another;
 * then whose flow it is (0: everybody's) and what it is for. */
#define COOKIE_PREFIX UINT64_C(0x766e000000000000)
#define COOKIE_PREFIX_MASK UINT64_C(0xffff000000000000)
#define COOKIE_LAYOUT 1u
#define COOKIE_LAYOUT_SHIFT 40
#define COOKIE_VNIC_SHIFT 16
#define COOKIE_MAX_VNIC 0xffffffu
#define COOKIE_RULE_MASK 0xffffu

uint64_t table_cookie(uint32_t vnic, enum table_rule);
bool table_cookie_is_ours(uint64_t cookie);
uint32_t table_cookie_vnic(uint64_t cookie);
enum table_rule table_cookie_rule(uint64_t cookie);
bool table_flow_is_violation(uint8_t table_id, uint64_t cookie);
bool table_flow_is_learnt(uint8_t table_id, uint64_t cookie);

/* What of a bridge is ours, by cookies and group ids, and where others' flows
 * are in our way. */
extern const struct flow_space table_space;

/* Groups: a prefix, whom a frame is for, a VLAN that stands for all VLANs with
 * the same receivers, and a number, since one message holds a limited number
 * of buckets. */
#define GROUP_PREFIX 0x76000000u
#define GROUP_PREFIX_MASK 0xff000000u
#define GROUP_MAX_BUCKETS 500

enum table_flood {
    FLOOD_ALL = 0,              /* Each receiver. */
    FLOOD_UNKNOWN = 1           /* Those that may have MAC addresses of which
                                 * we do not know. */
};

static inline uint32_t
table_group_id(enum table_flood flood, uint16_t vid, uint32_t part)
{
    return GROUP_PREFIX | part << 13 | (uint32_t) flood << 12 | vid;
}

/* MAC addresses that are learnt: how long they are kept after the last packet
 * from there (what goes there does not count, or one that has moved would be
 * looked for in the wrong place for ever), and how many from one vNIC and from
 * outside.  The time is NORMAL's own; a frame from elsewhere moves an address
 * at once, and one that is not known is still reached, by flooding. */
#define LEARNT_HARD_S 300
#define LEARNT_MAX 16
#define LEARNT_MAX_OUTSIDE 8192

#endif /* flows/tables.h */
