/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */

/* Table L2_SOURCE, and what the switch itself puts into L2_LEARNT: who was last
 * heard from a MAC address.
 *
 * An address that a vNIC enforces is known, and not looked for there.  Any
 * other may move: to the vNIC that sends from it, or outside as soon as a
 * frame from there bears it.  Those of outside are learnt, too, since a frame
 * for nobody knows whom goes to each vNIC that it might be for.
 *
 * All this is behind the guard: what it drops, nobody has heard. */

#include <config.h>
#include "flows/pipeline-private.h"

#include <string.h>

#include "openvswitch/ofp-actions.h"
#include "packets.h"
#include "util.h"

/* Appends one of the parts of 'learn' that say what a learnt flow matches and
 * sets. */
static struct ofpact_learn_spec *
put_spec(struct pipeline *p, uint16_t dst_type, enum mf_field_id dst)
{
    const struct mf_field *field = mf_from_id(dst);
    struct ofpact_learn_spec *spec = ofpbuf_put_zeros(&p->actions,
                                                      sizeof *spec);
    spec->n_bits = field->n_bits;
    spec->dst_type = dst_type;
    spec->dst.field = field;
    spec->dst.n_bits = field->n_bits;
    return spec;
}

/* The learnt flow matches in 'dst' what this frame has in 'src'. */
static void
put_match(struct pipeline *p, enum mf_field_id dst, enum mf_field_id src)
{
    struct ofpact_learn_spec *spec = put_spec(p, NX_LEARN_DST_MATCH, dst);
    spec->src_type = NX_LEARN_SRC_FIELD;
    spec->src.field = mf_from_id(src);
    spec->src.n_bits = spec->n_bits;
}

/* The learnt flow sets REG_RECEIVER. */
static void
put_receiver_number(struct pipeline *p, uint32_t number)
{
    struct ofpact_learn_spec *spec = put_spec(p, NX_LEARN_DST_LOAD,
                                              MFF_REG0 + REG_RECEIVER);
    spec->src_type = NX_LEARN_SRC_IMMEDIATE;
    ovs_be32 v = htonl(number);
    memcpy(ofpbuf_put_zeros(&p->actions, OFPACT_ALIGN(sizeof v)), &v,
           sizeof v);
}

/* Makes the switch remember that 'receiver' has this source address, in this
 * VLAN.  What it has learnt goes with the flow of 'owner' that does this. */
static struct ofpact_learn *
put_learn(struct pipeline *p, uint32_t owner, uint32_t receiver,
          uint32_t limit)
{
    struct ofpact_learn *learn = ofpact_put_LEARN(&p->actions);
    learn->hard_timeout = LEARNT_HARD_S;
    learn->priority = PRIORITY_EXACT;
    learn->table_id = TABLE_L2_LEARNT;
    learn->flags = NX_LEARN_F_DELETE_LEARNED;
    learn->cookie = htonll(table_cookie(owner, RULE_LEARNT));
    learn->limit = limit;
    put_match(p, MFF_REG0 + REG_VLAN, MFF_REG0 + REG_VLAN);
    put_match(p, MFF_ETH_DST, MFF_ETH_SRC);
    put_receiver_number(p, receiver);
    return p->actions.header;   /* It may have moved. */
}

/* The source address is behind 'vnic'; FLAG_LEARNT says if there was room. */
static void
put_learn_sender(struct pipeline *p, const struct pipeline_vnic *vnic)
{
    struct ofpact_learn *learn = put_learn(p, vnic->number, vnic->number,
                                           LEARNT_MAX);
    learn->flags |= NX_LEARN_F_WRITE_RESULT;
    learn->result_dst = (struct mf_subfield) {
        .field = mf_from_id(MFF_REG0 + REG_FLAGS),
        .ofs = raw_ctz(FLAG_LEARNT), .n_bits = 1,
    };
    ofpact_finish_LEARN(&p->actions, &learn);
}

/* True if an address may be learnt to be behind 'vnic'. */
bool
vnic_is_learnt(const struct pipeline_vnic *vnic)
{
    return vnic_learns(vnic) || vnic_shares_macs(vnic)
           || vnic->place == GUEST_INCOMING;
}

/* True if an address of VLAN 'vid' may move between outside and a vNIC. */
static bool
is_learning_vlan(const struct pipeline *p, int vid)
{
    for (size_t i = 0; i < p->n_vnics; i++) {
        if ((vnic_learns(p->vnics[i]) || vnic_shares_macs(p->vnics[i]))
            && vlan_set_contains(&p->vlans[i], vid)) {
            return true;
        }
    }
    return false;
}

/* L2_SOURCE: the source address is outside. */
static void
add_outside_sources(struct pipeline *p, const struct vlan_block *block)
{
    pipeline_begin(p, NULL);
    match_flag(&p->match, FLAG_FROM_OUTSIDE, true);
    match_vlan_register(&p->match, block);
    struct ofpact_learn *learn = put_learn(p, 0, RECEIVER_OUTSIDE,
                                           LEARNT_MAX_OUTSIDE);
    ofpact_finish_LEARN(&p->actions, &learn);
    put_resubmit(p, TABLE_L2);
    pipeline_end(p, TABLE_L2_SOURCE, PRIORITY_EXACT, RULE_LEARN_OUTSIDE);
}

/* Adds what learns from outside in 'vlans', which all have the same vNICs as
 * 'vid'. */
void
pipeline_learn_vlans(struct pipeline *p, int vid, const struct vlan_set *vlans)
{
    if (is_learning_vlan(p, vid)) {
        VLAN_BLOCK_FOR_EACH (block, vlans) {
            add_outside_sources(p, &block);
        }
    }
}

/* L2_SOURCE: the source address is the vNIC's, or behind it.  Only who may use
 * any has a limit to keep. */
void
pipeline_learn_vnic(struct pipeline *p, const struct pipeline_vnic *vnic)
{
    if (vnic_is_learnt(vnic)) {
        pipeline_begin_from(p, vnic);
        match_flag(&p->match, FLAG_LEARN, true);
        put_learn_sender(p, vnic);
        put_resubmit(p, (vnic_may_use_any_mac(vnic) ? TABLE_MAC_LIMIT
                         : TABLE_L2));
        pipeline_end(p, TABLE_L2_SOURCE, PRIORITY_EXACT, RULE_LEARN_SENDER);
    }
}

void
pipeline_learn(struct pipeline *p)
{
    pipeline_miss(p, TABLE_L2_SOURCE, TABLE_L2, RULE_KNOWN_SOURCE);
}
