/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */

/* The order in which domains are read.  Pure.
 *
 * A request that was taken is no longer in the queue: a mark for the same
 * domain that arrives while it is being read makes a second request, so what
 * happens after libvirt looked is not missed. */

#include <config.h>
#include "virt/read-queue.h"

#include <limits.h>
#include <stdlib.h>

#include "lib/cleanup.h"
#include "lib/vnic.h"
#include "util.h"
#include "uuid.h"

/* Accepts NULL. */
void
read_request_destroy(struct read_request *request)
{
    if (request) {
        domain_destroy(request->domain);
        free(request->error);
        free(request);
    }
}

void
read_queue_init(struct read_queue *queue)
{
    hmap_init(&queue->requests);
    ovs_list_init(&queue->urgent);
    ovs_list_init(&queue->others);
}

void
read_queue_destroy(struct read_queue *queue)
{
    struct read_request *request;
    HMAP_FOR_EACH_POP (request, hmap_node, &queue->requests) {
        read_request_destroy(request);
    }
    hmap_destroy(&queue->requests);
}

static struct read_request *
find(const struct read_queue *queue, const struct uuid *uuid)
{
    struct read_request *request;
    HMAP_FOR_EACH_WITH_HASH (request, hmap_node, uuid_hash(uuid),
                             &queue->requests) {
        if (uuid_equals(&request->uuid, uuid)) {
            return request;
        }
    }
    return NULL;
}

static struct ovs_list *
list_of(struct read_queue *queue, bool is_urgent)
{
    return is_urgent ? &queue->urgent : &queue->others;
}

/* Takes ownership of 'request', whose domain is not in the queue. */
static void
insert(struct read_queue *queue, struct read_request *request)
{
    hmap_insert(&queue->requests, &request->hmap_node,
                uuid_hash(&request->uuid));
    ovs_list_push_back(list_of(queue, request->is_urgent),
                       &request->list_node);
}

/* Asks for a reading of 'uuid'.  If it waits already, that request serves both
 * and becomes urgent if either is. */
void
read_queue_add(struct read_queue *queue, const struct uuid *uuid,
               bool is_urgent, long long int now)
{
    struct read_request *request = find(queue, uuid);
    if (!request) {
        request = xzalloc(sizeof *request);
        request->uuid = *uuid;
        request->is_urgent = is_urgent;
        request->asked_ms = now;
        request->due_ms = now;
        insert(queue, request);
    } else if (is_urgent) {
        request->due_ms = now;
        if (!request->is_urgent) {
            request->is_urgent = true;
            ovs_list_remove(&request->list_node);
            ovs_list_push_back(&queue->urgent, &request->list_node);
        }
    }
}

/* Takes ownership of 'request', which was taken and not served, or with an
 * answer that does not count, and has it wait again, at the end of the queue
 * and until 'due_ms'.  A request for the
 * same domain that has come meanwhile becomes one with it. */
void
read_queue_put_back(struct read_queue *queue, struct read_request *request,
                    long long int due_ms)
{
    struct read_request *newer = find(queue, &request->uuid);
    if (newer) {
        request->is_urgent |= newer->is_urgent;
        hmap_remove(&queue->requests, &newer->hmap_node);
        ovs_list_remove(&newer->list_node);
        read_request_destroy(newer);
    }

    domain_destroy(TAKE_PTR(request->domain));
    free(TAKE_PTR(request->error));
    request->is_answered = false;
    request->due_ms = due_ms;
    insert(queue, request);
}

/* Moves at most 'max' requests that are due and, as 'is_urgent' says, urgent
 * or not, to the end of 'requests', whose owner gets them.  Returns how
 * many. */
size_t
read_queue_take(struct read_queue *queue, bool is_urgent, size_t max,
                long long int now, struct ovs_list *requests)
{
    size_t n = 0;
    struct read_request *request;
    LIST_FOR_EACH_SAFE (request, list_node, list_of(queue, is_urgent)) {
        if (n >= max) {
            break;
        }
        if (request->due_ms <= now) {
            hmap_remove(&queue->requests, &request->hmap_node);
            ovs_list_remove(&request->list_node);
            ovs_list_push_back(requests, &request->list_node);
            n++;
        }
    }
    return n;
}

/* Returns when the first of the urgent requests, or of the others, is due,
 * LLONG_MAX if there is none. */
long long int
read_queue_due_ms(const struct read_queue *queue, bool is_urgent)
{
    const struct ovs_list *list = is_urgent ? &queue->urgent : &queue->others;
    const struct read_request *request;
    long long int due_ms = LLONG_MAX;
    LIST_FOR_EACH (request, list_node, list) {
        due_ms = MIN(due_ms, request->due_ms);
    }
    return due_ms;
}

/* Returns since when the oldest request waits, LLONG_MAX if there is none. */
long long int
read_queue_asked_ms(const struct read_queue *queue)
{
    const struct read_request *request;
    long long int asked_ms = LLONG_MAX;
    HMAP_FOR_EACH (request, hmap_node, &queue->requests) {
        asked_ms = MIN(asked_ms, request->asked_ms);
    }
    return asked_ms;
}
