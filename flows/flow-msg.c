/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */

/* Encodes operations as flow-mods and group-mods, and decodes dumps.  Pure:
 * ofconn.c sends and receives. */

#include <config.h>
#include "flows/flow-msg.h"

#include <errno.h>

#include "byte-order.h"
#include "flows/flow-diff.h"
#include "flows/flow-space.h"
#include "flows/flow-table.h"
#include "openvswitch/ofp-actions.h"
#include "openvswitch/ofp-bundle.h"
#include "openvswitch/ofp-flow.h"
#include "openvswitch/ofp-group.h"
#include "openvswitch/ofp-msgs.h"
#include "openvswitch/ofp-packet.h"
#include "openvswitch/ofp-protocol.h"
#include "util.h"

static struct ofpbuf *
encode_flow_mod(const struct ofputil_flow_mod *fm, enum ofp_version version)
{
    return ofputil_encode_flow_mod(fm,
                                   ofputil_protocol_from_ofp_version(version));
}

/* A flow-mod for the flow in the place of 'entry'. */
static struct ofputil_flow_mod
flow_mod_init(const struct flow_entry *entry, uint16_t command)
{
    return (struct ofputil_flow_mod) {
        .command = command,
        .match = entry->match,
        .priority = entry->priority,
        .table_id = entry->table_id,
        .new_cookie = OVS_BE64_MAX,
        .buffer_id = UINT32_MAX,
        .out_port = OFPP_ANY,
        .out_group = OFPG_ANY,
    };
}

/* If somebody else's flow has taken the place of 'entry' since we looked, it
 * has another cookie and stays. */
static void
require_cookie(struct ofputil_flow_mod *fm, const struct flow_entry *entry)
{
    fm->cookie = htonll(entry->cookie);
    fm->cookie_mask = OVS_BE64_MAX;
}

/* Replaces whatever is in this place, also somebody else's flow that has come
 * since we looked.  OFPFF_CHECK_OVERLAP is of no help: it is about other
 * matches, and a switch does not look for those if this one is there. */
static struct ofpbuf *
encode_add_flow(const struct flow_op *op, enum ofp_version version)
{
    const struct flow_entry *entry = op->flow.after;
    struct ofputil_flow_mod fm = flow_mod_init(entry, OFPFC_ADD);
    fm.new_cookie = htonll(entry->cookie);
    fm.ofpacts = entry->actions;
    fm.ofpacts_len = entry->actions_len;
    if (op->flow.before) {
        /* The counters are those of another rule. */
        fm.flags = OFPUTIL_FF_RESET_COUNTS;
    }
    return encode_flow_mod(&fm, version);
}

static struct ofpbuf *
encode_modify_flow(const struct flow_op *op, enum ofp_version version)
{
    const struct flow_entry *entry = op->flow.after;
    struct ofputil_flow_mod fm = flow_mod_init(entry, OFPFC_MODIFY_STRICT);
    require_cookie(&fm, entry);
    fm.ofpacts = entry->actions;
    fm.ofpacts_len = entry->actions_len;
    return encode_flow_mod(&fm, version);
}

static struct ofpbuf *
encode_delete_flow(const struct flow_op *op, enum ofp_version version)
{
    const struct flow_entry *entry = op->flow.before;
    struct ofputil_flow_mod fm = flow_mod_init(entry, OFPFC_DELETE_STRICT);
    require_cookie(&fm, entry);
    return encode_flow_mod(&fm, version);
}

static struct ofpbuf *
encode_group_mod(const struct flow_group *group, uint16_t command,
                 enum ofp_version version)
{
    struct ofputil_group_mod gm = {
        .command = command,
        .type = OFPGT11_ALL,
        .group_id = group->id,
        .command_bucket_id = OFPG15_BUCKET_ALL,
    };
    ovs_list_init(&gm.buckets);
    if (command != OFPGC15_DELETE) {
        ofputil_bucket_clone_list(&gm.buckets, &group->buckets, NULL);
    }
    struct ofpbuf *msg = ofputil_encode_group_mod(version, &gm, NULL, -1);
    ofputil_uninit_group_mod(&gm);
    return msg;
}

/* Returns the message that executes 'op'.  That of a large group may be longer
 * than OpenFlow allows. */
struct ofpbuf *
flow_msg_from_op(const struct flow_op *op, enum ofp_version version)
{
    switch (op->kind) {
    case FLOW_OP_ADD_GROUP:
        return encode_group_mod(op->group.after, OFPGC15_ADD, version);
    case FLOW_OP_MODIFY_GROUP:
        return encode_group_mod(op->group.after, OFPGC15_MODIFY, version);
    case FLOW_OP_DELETE_GROUP:
        return encode_group_mod(op->group.before, OFPGC15_DELETE, version);
    case FLOW_OP_ADD_FLOW:
        return encode_add_flow(op, version);
    case FLOW_OP_MODIFY_FLOW:
        return encode_modify_flow(op, version);
    case FLOW_OP_DELETE_FLOW:
        return encode_delete_flow(op, version);
    case N_FLOW_OP_KINDS:
        break;
    }
    OVS_NOT_REACHED();
}

#define BUNDLE_FLAGS (OFPBF_ATOMIC | OFPBF_ORDERED)

/* Returns the message that adds 'msg' to a bundle, both with 'xid', or NULL if
 * it would be longer than OpenFlow allows.  Takes ownership of 'msg'. */
struct ofpbuf *
flow_msg_bundle_add(uint32_t bundle_id, uint32_t xid, struct ofpbuf *msg,
                    enum ofp_version version)
{
    struct ofpbuf *add = NULL;
    if (msg->size + sizeof(struct ofp_header)
        + sizeof(struct ofp14_bundle_ctrl_msg) <= UINT16_MAX) {
        struct ofp_header *oh = msg->data;
        oh->xid = htonl(xid);
        struct ofputil_bundle_add_msg bam = {
            .bundle_id = bundle_id,
            .flags = BUNDLE_FLAGS,
            .msg = oh,
        };
        add = ofputil_encode_bundle_add(version, &bam);
    }
    ofpbuf_delete(msg);
    return add;
}

/* Returns an OFPT_BUNDLE_CONTROL message of 'type', OFPBCT_*_REQUEST. */
struct ofpbuf *
flow_msg_bundle_control(uint32_t bundle_id, uint16_t type,
                        enum ofp_version version)
{
    struct ofputil_bundle_ctrl_msg control = {
        .bundle_id = bundle_id,
        .type = type,
        .flags = BUNDLE_FLAGS,
    };
    return ofputil_encode_bundle_ctrl_request(version, &control);
}

/* Returns the message that has the switch do with the 'size' bytes at 'frame'
 * what 'actions' say; no port has received it. */
struct ofpbuf *
flow_msg_packet_out(const void *frame, size_t size,
                    const struct ofpbuf *actions, enum ofp_version version)
{
    struct ofputil_packet_out out = {
        .packet = frame,
        .packet_len = size,
        .buffer_id = UINT32_MAX,
        .flow_metadata = MATCH_CATCHALL_INITIALIZER,
        .ofpacts = actions->data,
        .ofpacts_len = actions->size,
    };
    match_set_in_port(&out.flow_metadata, OFPP_CONTROLLER);
    return ofputil_encode_packet_out(
        &out, ofputil_protocol_from_ofp_version(version));
}

/* Returns the request for all flows of a bridge, in one look.  OpenFlow cannot
 * ask for flows without our cookie, and those are wanted, too, where they are
 * in our way. */
struct ofpbuf *
flow_msg_dump_flows(enum ofp_version version)
{
    struct ofputil_flow_stats_request request = {
        .out_port = OFPP_ANY,
        .out_group = OFPG_ANY,
        .table_id = OFPTT_ALL,
    };
    match_init_catchall(&request.match);
    return ofputil_encode_flow_stats_request(
        &request, ofputil_protocol_from_ofp_version(version));
}

struct ofpbuf *
flow_msg_dump_groups(enum ofp_version version)
{
    return ofputil_encode_group_desc_request(version, OFPG_ALL);
}

static bool
is_fleeting(const struct ofputil_flow_stats *fs)
{
    return fs->idle_timeout || fs->hard_timeout;
}

/* What a "learn" action of ours has made nobody means, and the switch removes
 * it. */
static bool
is_of_interest(const struct ofputil_flow_stats *fs,
               const struct flow_space *space)
{
    uint64_t cookie = ntohll(fs->cookie);
    return (!(is_fleeting(fs)
              && flow_space_learns(space, fs->table_id, cookie))
            && flow_space_concerns(space, fs->table_id, fs->priority,
                                   cookie));
}

/* Adds to 'table' the flows of 'reply' that are ours by 'space', or in our
 * way, or in the first table.  Returns 0, or what is wrong with 'reply'. */
enum ofperr
flow_msg_read_flows(struct ofpbuf *reply, const struct flow_space *space,
                    struct flow_table *table)
{
    uint64_t stub[1024 / 8];
    struct ofpbuf actions = OFPBUF_STUB_INITIALIZER(stub);
    struct ofputil_flow_stats fs;
    int error;
    while (!(error = ofputil_decode_flow_stats_reply(&fs, reply, false,
                                                     &actions))) {
        if (is_of_interest(&fs, space)) {
            struct flow_entry *entry
                = flow_table_add(table, fs.table_id, fs.priority,
                                 ntohll(fs.cookie), &fs.match, &actions);
            entry->is_fleeting = is_fleeting(&fs);
        }
    }
    ofpbuf_uninit(&actions);
    return error == EOF ? 0 : OFPERR_OFPBRC_BAD_LEN;
}

/* Somebody may have made a group of another type with one of our ids.  It is
 * read as one without buckets, which is what no group of ours is. */
static void
add_group(const struct ofputil_group_desc *desc, struct flow_table *table)
{
    struct flow_group *group = flow_table_add_group(table, desc->group_id);
    if (desc->type == OFPGT11_ALL) {
        const struct ofputil_bucket *bucket;
        LIST_FOR_EACH (bucket, list_node, &desc->buckets) {
            struct ofpbuf actions;
            ofpbuf_use_const(&actions, bucket->ofpacts, bucket->ofpacts_len);
            flow_group_add_bucket(group, bucket->bucket_id, &actions);
        }
    }
}

/* Adds to 'table' the groups of 'reply' that are ours by 'space'.  Returns 0,
 * or what is wrong with 'reply'. */
enum ofperr
flow_msg_read_groups(struct ofpbuf *reply, const struct flow_space *space,
                     struct flow_table *table)
{
    const struct ofp_header *oh = reply->data;
    enum ofp_version version = oh->version;
    struct ofputil_group_desc desc;
    int error;
    while (!(error = ofputil_decode_group_desc_reply(&desc, reply, version))) {
        if (flow_space_owns_group(space, desc.group_id)) {
            add_group(&desc, table);
        }
        ofputil_uninit_group_desc(&desc);
    }
    return error == EOF ? 0 : OFPERR_OFPBRC_BAD_LEN;
}
