/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */

/* Carries questions to a pool thread, and the answers back.  Whom to ask what,
 * and when, is decided in virt-conn.c.
 *
 * libvirt may keep a call for ever, and the connection that sent it may be
 * destroyed meanwhile: such a call is abandoned.  It owns its link from then
 * on, closes it as soon as it can, and frees itself. */

#include <config.h>
#include "virt/virt-call.h"

#include <stdlib.h>

#include "util.h"
#include "uuid.h"
#include "virt/read-queue.h"
#include "virt/virt-link.h"
#include "virt/virt-marks.h"

/* Stops at the first reading that fails: it may have taken half a minute, and
 * something more urgent may be waiting by now. */
static void
read_all(struct virt_call *call)
{
    struct read_request *read;
    LIST_FOR_EACH (read, list_node, &call->reads) {
        read->error = virt_link_read(call->link, &read->uuid, &read->domain);
        read->is_answered = true;
        if (read->error) {
            return;
        }
    }
}

/* Pool thread. */
static void
run_call(struct virt_job *job)
{
    struct virt_call *call = CONTAINER_OF(job, struct virt_call, job);
    switch (call->kind) {
    case VIRT_CALL_OPEN:
        call->error = virt_link_open(call->uri, call->marks, &call->link);
        break;
    case VIRT_CALL_NETWORKS:
        call->error = virt_link_read_networks(call->link, &call->networks);
        break;
    case VIRT_CALL_LIST:
        call->error = virt_link_list(call->link, &call->uuids,
                                     &call->n_uuids);
        break;
    case VIRT_CALL_READ:
        read_all(call);
        break;
    case VIRT_CALL_CLOSE:
        call->error = virt_link_close(call->link);
        call->link = NULL;
        break;
    }
    call->is_lost = call->link && !virt_link_is_alive(call->link);
}

/* Nobody waits for the answer of 'call' any more, but its link must still be
 * closed. */
static void
finish_abandoned(struct virt_call *call)
{
    if (call->link) {
        free(call->error);
        call->error = NULL;
        call->kind = VIRT_CALL_CLOSE;
        virt_call_submit(call);
    } else {
        virt_call_destroy(call);
    }
}

/* Main thread. */
static void
call_done(struct virt_job *job)
{
    struct virt_call *call = CONTAINER_OF(job, struct virt_call, job);
    call->is_done = true;
    if (call->is_abandoned) {
        finish_abandoned(call);
    }
}

/* Returns a new call of 'kind' to 'link', which is NULL for VIRT_CALL_OPEN and
 * otherwise has no other call. */
struct virt_call *
virt_call_create(enum virt_call_kind kind,
                 const struct virt_executor *executor, struct virt_link *link)
{
    struct virt_call *call = xzalloc(sizeof *call);
    call->job.run = run_call;
    call->job.done = call_done;
    call->executor = *executor;
    call->kind = kind;
    call->link = link;
    network_reading_init(&call->networks);
    ovs_list_init(&call->reads);
    return call;
}

/* Frees 'call', which must not be on its way, but not its link. */
void
virt_call_destroy(struct virt_call *call)
{
    if (call) {
        struct read_request *read;
        LIST_FOR_EACH_POP (read, list_node, &call->reads) {
            read_request_destroy(read);
        }
        network_reading_destroy(&call->networks);
        virt_marks_unref(call->marks);
        free(call->uri);
        free(call->error);
        free(call->uuids);
        free(call);
    }
}

/* Sends 'call' to libvirt. */
void
virt_call_submit(struct virt_call *call)
{
    call->is_done = false;
    call->executor.submit(call->executor.aux, &call->job);
}

/* Takes ownership of 'call', which was submitted, and of its link. */
void
virt_call_abandon(struct virt_call *call)
{
    call->is_abandoned = true;
    if (call->is_done) {
        finish_abandoned(call);
    }
}
