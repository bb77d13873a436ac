/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef LIB_ORPHAN_H
#define LIB_ORPHAN_H 1

#include <stdbool.h>
#include <stddef.h>

#include "openvswitch/uuid.h"

struct desired;
struct desired_vnic;
struct qos_view;
struct switch_view;

/* An orphan is not removed before it has been one for this long. */
#define ORPHAN_AGE_MS 30000

/* A row of the switch's database that a guest left behind. */
struct orphan {
    struct uuid row;            /* Of a Port, a QoS or a Queue. */
    const struct desired_vnic *vnic; /* A port: the vNIC that nobody has.
                                 * Borrowed; otherwise NULL. */
    const struct qos_view *qos; /* A QoS or a Queue.  Borrowed, or NULL. */
    bool is_plugged_by_us;      /* A port: then it goes at once. */
    bool is_swept;              /* A port, found while libvirt plugs nobody:
                                 * then, too. */
    bool is_collected;          /* The settings have us remove it. */
    long long int since_ms;     /* Since when it looks like one, monotonic. */
    long long int seen_ms;      /* The same, since the epoch. */
    long long int not_before_ms; /* The database has refused to remove it. */
};

struct orphans {
    struct orphan *orphans;
    size_t n, allocated;
};

#define ORPHANS_INIT { .n = 0 }

void orphans_find(const struct switch_view *, const struct desired *,
                  bool is_sweep, struct orphans *);
void orphans_destroy(struct orphans *);

const char *orphan_table(const struct orphan *);
const char *orphan_name(const struct orphan *);
const struct uuid *orphan_vm_id(const struct orphan *);
const char *orphan_reason(const struct orphan *);

#endif /* lib/orphan.h */
