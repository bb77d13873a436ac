/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */

/* Sends operations as a bundle, and finds out what became of it.  When, and
 * with which, is the business of ofconn.c.
 *
 * Theory of operation
 * ===================
 *
 * The bundle is filled at the pace of the switch.  A message that the switch
 * cannot decode is answered with an error and left out, and what is left would
 * be committed all the same.  A vNIC whose flows are there in part is not what
 * anybody means, so a barrier is sent behind the last message: if an error
 * came before its answer, the bundle is discarded.  A message that decodes and
 * cannot be executed fails the commit, and the switch undoes the rest.  Either
 * way the switch has what it had before.  The errors say whose flow it was; to
 * leave those out and try again is for others to decide.
 *
 * Transaction ids tell which message an error is about: those of a bundle
 * follow each other, in the order of the operations.
 *
 *     first       open the bundle
 *     first + 1   add operation 0
 *     ...
 *     first + n   add operation n - 1
 *     barrier     did all arrive?
 *     commit */

#include <config.h>
#include "flows/bundle.h"

#include <stdlib.h>

#include "coverage.h"
#include "flows/channel.h"
#include "flows/flow-msg.h"
#include "flows/flow-table.h"
#include "lib/cleanup.h"
#include "openvswitch/ofp-errors.h"
#include "openvswitch/ofp-msgs.h"
#include "openvswitch/ofp-util.h"
#include "openvswitch/ofpbuf.h"
#include "util.h"

COVERAGE_DEFINE(bundle_committed);
COVERAGE_DEFINE(bundle_refused);

/* Operations sent per run, so that others get their turn. */
#define MAX_SENT 500

/* A connection has one bundle at a time. */
#define BUNDLE_ID 1

struct bundle {
    struct channel *channel;    /* Borrowed. */
    struct flow_diff diff;
    size_t n_sent;              /* Of the diff's operations. */
    uint32_t first_xid;         /* 'first' of above. */
    uint32_t barrier_xid;       /* 0: not sent yet. */
    uint32_t commit_xid;        /* 0: not sent yet. */

    struct bundle_error *errors; /* Of the newest bundle. */
    size_t n_errors, allocated_errors;
    struct bundle_counters counters;
};

/* Returns a bundle that has never been sent; 'channel' must outlive it. */
struct bundle *
bundle_create(struct channel *channel)
{
    struct bundle *bundle = xzalloc(sizeof *bundle);
    bundle->channel = channel;
    return bundle;
}

void
bundle_destroy(struct bundle *bundle)
{
    if (bundle) {
        bundle_abandon(bundle);
        bundle_clear_errors(bundle);
        free(bundle->errors);
        free(bundle);
    }
}

static enum ofp_version
version(const struct bundle *bundle)
{
    return channel_version(bundle->channel);
}

/* Errors. */

void
bundle_clear_errors(struct bundle *bundle)
{
    for (size_t i = 0; i < bundle->n_errors; i++) {
        free(bundle->errors[i].text);
    }
    bundle->n_errors = 0;
}

/* Returns an error to be filled in, or NULL if there are enough. */
static struct bundle_error *
add_error(struct bundle *bundle)
{
    if (bundle->n_errors >= BUNDLE_MAX_ERRORS) {
        return NULL;
    }
    if (bundle->n_errors >= bundle->allocated_errors) {
        bundle->errors = x2nrealloc(bundle->errors, &bundle->allocated_errors,
                                    sizeof *bundle->errors);
    }
    struct bundle_error *error = &bundle->errors[bundle->n_errors++];
    *error = (struct bundle_error) { .text = NULL };
    return error;
}

/* Takes note that 'op' was refused, for this reason. */
static void
add_op_error(struct bundle *bundle, const struct flow_op *op,
             const char *reason)
{
    const struct flow_entry *flow = op->flow.after ? op->flow.after
                                                   : op->flow.before;
    const struct flow_group *group = op->group.after ? op->group.after
                                                     : op->group.before;
    struct bundle_error *error = add_error(bundle);
    if (error) {
        CLEANUP_FREE char *object = flow_op_object(op);
        CLEANUP_FREE char *after = flow_op_after(op);
        error->cookie = flow ? flow->cookie : 0;
        error->group = group ? group->id : 0;
        error->text = xasprintf("%s: %s: %s", object, after, reason);
    }
}

/* An error about one message of a bundle says which.  If the commit fails,
 * there are two, and the one about the commit itself says nothing new.  What is
 * older than the bundle is not about it. */
static void
note_error(struct bundle *bundle, uint32_t xid, const char *reason)
{
    uint32_t i = xid - bundle->first_xid - 1;
    if (i < bundle->n_sent) {
        add_op_error(bundle, &bundle->diff.ops[i], reason);
    } else if (!bundle->n_errors && (int32_t) (xid - bundle->first_xid) >= 0) {
        struct bundle_error *error = add_error(bundle);
        error->text = xasprintf("bundle: %s", reason);
    }
}

/* Sending. */

static void
send_op(struct bundle *bundle, const struct flow_op *op, uint32_t xid)
{
    struct ofpbuf *msg = flow_msg_bundle_add(
        BUNDLE_ID, xid, flow_msg_from_op(op, version(bundle)),
        version(bundle));
    if (msg) {
        channel_send_as(bundle->channel, xid, msg);
        bundle->counters.ops[op->kind]++;
    } else {
        add_op_error(bundle, op, "longer than an OpenFlow message may be");
    }
}

/* Sends what there is room for, and the barrier behind the last. */
void
bundle_run(struct bundle *bundle)
{
    if (bundle->n_sent == bundle->diff.n_ops) {
        return;
    }

    for (int i = 0; i < MAX_SENT && bundle_has_work(bundle); i++) {
        const struct flow_op *op = &bundle->diff.ops[bundle->n_sent++];
        send_op(bundle, op, bundle->first_xid + bundle->n_sent);
    }
    if (bundle->n_sent == bundle->diff.n_ops) {
        bundle->barrier_xid = channel_send(
            bundle->channel, ofputil_encode_barrier_request(version(bundle)));
    }
}

/* True if bundle_run() has something to send now. */
bool
bundle_has_work(const struct bundle *bundle)
{
    return (bundle->n_sent < bundle->diff.n_ops
            && channel_has_room(bundle->channel));
}

/* Begins to send the operations of 'diff', one at least.  Takes what is in
 * 'diff', which is empty then; what that points to must stay until the answer
 * has come. */
void
bundle_start(struct bundle *bundle, struct flow_diff *diff)
{
    bundle_abandon(bundle);
    bundle_clear_errors(bundle);
    bundle->diff = *diff;
    *diff = (struct flow_diff) FLOW_DIFF_INIT;
    bundle->n_sent = 0;
    bundle->barrier_xid = bundle->commit_xid = 0;
    bundle->first_xid = channel_reserve(bundle->channel,
                                        1 + bundle->diff.n_ops);
    channel_send_as(bundle->channel, bundle->first_xid,
                    flow_msg_bundle_control(BUNDLE_ID, OFPBCT_OPEN_REQUEST,
                                            version(bundle)));
    bundle_run(bundle);
}

/* Forgets the operations; whether they are done is not known. */
void
bundle_abandon(struct bundle *bundle)
{
    flow_diff_destroy(&bundle->diff);
    bundle->n_sent = 0;
}

/* Receiving. */

static uint32_t
send_control(struct bundle *bundle, uint16_t type)
{
    return channel_send(bundle->channel,
                        flow_msg_bundle_control(BUNDLE_ID, type,
                                                version(bundle)));
}

static enum bundle_event
refuse(struct bundle *bundle)
{
    COVERAGE_INC(bundle_refused);
    bundle->counters.refused++;
    bundle_abandon(bundle);
    return BUNDLE_REFUSED;
}

/* All operations have arrived, or been refused. */
static enum bundle_event
finish_filling(struct bundle *bundle)
{
    if (bundle->n_errors) {
        (void) send_control(bundle, OFPBCT_DISCARD_REQUEST); /* No answer is
                                                              * awaited. */
        return refuse(bundle);
    }
    bundle->commit_xid = send_control(bundle, OFPBCT_COMMIT_REQUEST);
    return BUNDLE_UNDER_WAY;
}

static enum bundle_event
finish_commit(struct bundle *bundle)
{
    COVERAGE_INC(bundle_committed);
    bundle->counters.committed++;
    return BUNDLE_COMMITTED;
}

static enum bundle_event
recv_error(struct bundle *bundle, const struct ofp_header *oh)
{
    uint32_t xid = ntohl(oh->xid);
    note_error(bundle, xid, ofperr_get_name(ofperr_decode_msg(oh, NULL)));
    return (bundle->commit_xid && xid == bundle->commit_xid
            ? refuse(bundle) : BUNDLE_UNDER_WAY);
}

/* Takes in 'msg', which may have nothing to do with the bundle.  After
 * BUNDLE_COMMITTED, bundle_diff() has been done; after BUNDLE_REFUSED,
 * bundle_errors() says why. */
enum bundle_event
bundle_recv(struct bundle *bundle, const struct ofpbuf *msg)
{
    const struct ofp_header *oh = msg->data;
    uint32_t xid = ntohl(oh->xid);
    if (channel_is_message(msg, OFPTYPE_ERROR)) {
        return recv_error(bundle, oh);
    } else if (bundle->barrier_xid && xid == bundle->barrier_xid) {
        return finish_filling(bundle);
    } else if (bundle->commit_xid && xid == bundle->commit_xid) {
        return (channel_is_message(msg, OFPTYPE_BUNDLE_CONTROL)
                ? finish_commit(bundle) : refuse(bundle));
    }
    return BUNDLE_UNDER_WAY;
}

/* Returns the operations of the newest bundle, empty after it was refused.
 * 'bundle' keeps owning them. */
struct flow_diff *
bundle_diff(struct bundle *bundle)
{
    return &bundle->diff;
}

/* Returns why the newest bundle was refused: an array of '*n_errors', valid
 * until the next bundle. */
const struct bundle_error *
bundle_errors(const struct bundle *bundle, size_t *n_errors)
{
    *n_errors = bundle->n_errors;
    return bundle->errors;
}

const struct bundle_counters *
bundle_counters(const struct bundle *bundle)
{
    return &bundle->counters;
}
