/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef VIRT_READ_QUEUE_H
#define VIRT_READ_QUEUE_H 1

#include <stdbool.h>
#include <stddef.h>

#include "openvswitch/hmap.h"
#include "openvswitch/list.h"
#include "openvswitch/uuid.h"

/* The domains that wait to be read: each at most once, the urgent ones before
 * the others, otherwise first come, first served.  Pure.  Private to virt/. */

/* Tries to read a domain, or networks, before nobody waits for the answer any
 * more: for some ten seconds, since one that is not known may lose its
 * network. */
#define MAX_READ_FAILURES 10

struct read_request {
    struct hmap_node hmap_node; /* In the queue, by 'uuid'. */
    struct ovs_list list_node;  /* In the queue, or in what was taken. */
    struct uuid uuid;
    bool is_urgent;
    long long int asked_ms;     /* Since when it waits for an answer. */
    long long int due_ms;       /* Not to be taken before. */
    unsigned int n_failures;    /* In a row, for whoever reads to count. */

    /* The answer, once 'is_answered': 'domain', or neither (there is no such
     * domain), or a sentence about why it could not be read. */
    bool is_answered;
    struct domain *domain;
    char *error;
};

void read_request_destroy(struct read_request *);

struct read_queue {
    struct hmap requests;       /* Of 'struct read_request', owned. */
    struct ovs_list urgent;
    struct ovs_list others;
};

void read_queue_init(struct read_queue *);
void read_queue_destroy(struct read_queue *);

void read_queue_add(struct read_queue *, const struct uuid *, bool is_urgent,
                    long long int now);
void read_queue_put_back(struct read_queue *, struct read_request *,
                         long long int due_ms);
size_t read_queue_take(struct read_queue *, bool is_urgent, size_t max,
                       long long int now, struct ovs_list *requests);

long long int read_queue_due_ms(const struct read_queue *, bool is_urgent);
long long int read_queue_asked_ms(const struct read_queue *);

#endif /* virt/read-queue.h */
