/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef CONTROLLER_JOURNAL_H
#define CONTROLLER_JOURNAL_H 1

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "openvswitch/types.h"
#include "ovsdb/port-plan.h"

struct ds;

/* What was done to the switch's VLANs, or only reported, with causes.  The
 * newest entries are kept, the numbers of all of them. */

#define JOURNAL_CAPACITY 1000

struct journal_entry {
    uint64_t number;            /* 1 for the first entry ever. */
    long long int time_ms;      /* Since the epoch. */
    enum port_cause cause;
    bool is_reported;           /* Only reported, not put right. */
    const char *kind;           /* What was done, in the plan's word. */
    char *label;                /* Whose port it is. */
    char *object;               /* What was changed. */
    char *domain;               /* Name, or NULL. */
    struct eth_addr mac;        /* All-zero if no vNIC is known. */
    char *port;
    char *column;
    char *found;
    char *restored;             /* Or what should be there. */
};

struct journal {
    struct journal_entry entries[JOURNAL_CAPACITY]; /* A ring. */
    uint64_t n;                 /* Entries ever made. */
    uint64_t n_repaired[N_PORT_CAUSES];
    uint64_t n_reported[N_PORT_CAUSES];
};

struct journal *journal_create(void);
void journal_destroy(struct journal *);

void journal_add(struct journal *, const struct port_op *,
                 long long int time_ms);
const struct journal_entry *journal_get(const struct journal *,
                                        uint64_t number);
uint64_t journal_first(const struct journal *);
uint64_t journal_count(const struct journal *);
uint64_t journal_count_drift(const struct journal *, bool is_reported);
void journal_format_drift(const struct journal *, bool is_reported,
                          struct ds *);

#endif /* controller/journal.h */
