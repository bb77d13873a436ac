/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef VIRT_VIRT_CALL_H
#define VIRT_VIRT_CALL_H 1

#include <stdbool.h>
#include <stddef.h>

#include "openvswitch/list.h"
#include "virt/network-poll.h"
#include "virt/virt-conn.h"

struct uuid;
struct virt_link;
struct virt_marks;

/* One visit of a pool thread to libvirt: a question goes, an answer comes
 * back.  Private to virt/. */

enum virt_call_kind {
    VIRT_CALL_OPEN,
    VIRT_CALL_NETWORKS,
    VIRT_CALL_LIST,
    VIRT_CALL_READ,
    VIRT_CALL_CLOSE,
};

/* The main thread fills in the question before virt_call_submit() and reads
 * the answer once 'is_done'.  In between the pool thread has everything but
 * 'is_done' and 'is_abandoned', which are the main thread's. */
struct virt_call {
    struct virt_job job;
    struct virt_executor executor;
    bool is_done;
    bool is_abandoned;

    /* The question. */
    enum virt_call_kind kind;
    char *uri;                  /* VIRT_CALL_OPEN. */
    struct virt_marks *marks;   /* VIRT_CALL_OPEN: a reference. */
    struct virt_link *link;     /* Whom to ask.  After VIRT_CALL_OPEN the new
                                 * link, after VIRT_CALL_CLOSE NULL. */

    /* The answer. */
    char *error;                /* Why there is none, or NULL. */
    bool is_lost;               /* 'link' is fit only to be closed. */
    struct network_reading networks; /* VIRT_CALL_NETWORKS. */
    struct uuid *uuids;         /* VIRT_CALL_LIST. */
    size_t n_uuids;
    struct ovs_list reads;      /* VIRT_CALL_READ: of 'struct read_request',
                                 * the question as well as the answer. */
};

struct virt_call *virt_call_create(enum virt_call_kind,
                                   const struct virt_executor *,
                                   struct virt_link *);
void virt_call_destroy(struct virt_call *);

void virt_call_submit(struct virt_call *);
void virt_call_abandon(struct virt_call *);

#endif /* virt/virt-call.h */
