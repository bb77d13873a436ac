/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */

/* Tables EGRESS_RULES, L2, L2_LEARNT, L2_FOUND and OUTSIDE: whose is it?
 *
 * A frame for a vNIC goes there alone; one for several, to each vNIC of the
 * VLAN and outside; one for an address that nobody knows, outside, and to
 * those vNICs behind which it may be.  Groups hold the receivers.  VLANs with
 * the same receivers share their groups: a guest that is on all VLANs needs
 * one, not 4094. */

#include <config.h>
#include "flows/pipeline-private.h"

#include <stdlib.h>

#include "flows/flow-table.h"
#include "hash.h"
#include "openvswitch/hmap.h"
#include "openvswitch/ofp-actions.h"
#include "packets.h"
#include "util.h"

/* Receivers. */

/* Who receives what in each VLAN: a row of bits for each, one for each vNIC. */
struct receiver_rows {
    unsigned long *bits;
    size_t row_longs;
};

static unsigned long *
row_of(const struct receiver_rows *rows, int vid)
{
    return &rows->bits[vid * rows->row_longs];
}

/* A vNIC that is on the same VLANs as the one before it tells nothing new. */
static void
fill_rows(const struct pipeline *p, struct receiver_rows *rows)
{
    rows->row_longs = bitmap_n_longs(p->n_vnics);
    rows->bits = xcalloc(VLAN_SET_BITS * rows->row_longs, sizeof *rows->bits);
    for (size_t i = 0; i < p->n_vnics; i++) {
        if (i && vlan_set_equals(&p->vlans[i], &p->vlans[i - 1])) {
            continue;
        }
        VLAN_SET_FOR_EACH (vid, &p->vlans[i]) {
            bitmap_set1(row_of(rows, vid), i);
        }
    }
}

static bool
rows_are_equal(const struct receiver_rows *rows, int a, int b)
{
    return bitmap_equal(row_of(rows, a), row_of(rows, b),
                        rows->row_longs * BITMAP_ULONG_BITS);
}

/* A VLAN that is the first with its receivers. */
struct vlan_class {
    struct hmap_node node;      /* By hash of its row. */
    int vid;
};

/* Returns the lowest of 'vid' and those in 'classes' with the same row. */
static int
find_class(struct hmap *classes, const struct receiver_rows *rows, int vid)
{
    uint32_t hash = hash_bytes(row_of(rows, vid),
                               rows->row_longs * sizeof *rows->bits, 0);
    struct vlan_class *class;
    HMAP_FOR_EACH_WITH_HASH (class, node, hash, classes) {
        if (rows_are_equal(rows, class->vid, vid)) {
            return class->vid;
        }
    }
    class = xmalloc(sizeof *class);
    class->vid = vid;
    hmap_insert(classes, &class->node, hash);
    return vid;
}

/* Finds the lowest VLAN ID with the receivers of each, which mostly are those
 * of the ID before. */
void
pipeline_flood_classify(struct pipeline *p)
{
    struct hmap classes = HMAP_INITIALIZER(&classes);
    struct receiver_rows rows;
    fill_rows(p, &rows);
    for (int vid = 0; vid < VLAN_SET_BITS; vid++) {
        p->class_of[vid] = vid && rows_are_equal(&rows, vid, vid - 1)
                           ? p->class_of[vid - 1]
                           : find_class(&classes, &rows, vid);
    }

    struct vlan_class *class;
    HMAP_FOR_EACH_POP (class, node, &classes) {
        free(class);
    }
    hmap_destroy(&classes);
    free(rows.bits);
}

/* Adds to 'vlans' those that share their groups with one of them. */
void
pipeline_flood_add_relatives(const struct pipeline *p, struct vlan_set *vlans)
{
    struct vlan_set classes = { { 0 } };
    VLAN_SET_FOR_EACH (vid, vlans) {
        vlan_set_add(&classes, p->class_of[vid]);
    }
    for (int vid = 0; vid < VLAN_SET_BITS; vid++) {
        if (vlan_set_contains(&classes, p->class_of[vid])) {
            vlan_set_add(vlans, vid);
        }
    }
}

static bool
is_receiver(const struct pipeline *p, size_t i, enum table_flood flood,
            int vid)
{
    const struct pipeline_vnic *vnic = p->vnics[i];
    return vlan_set_contains(&p->vlans[i], vid)
           && (flood == FLOOD_ALL
               || (vnic_learns(vnic) && vnic->place == GUEST_HERE));
}

static void
add_bucket(struct pipeline *p, struct flow_group *group,
           const struct pipeline_vnic *vnic)
{
    pipeline_begin(p, vnic);
    put_receiver(p, vnic);
    flow_group_add_bucket(group, vnic->number, &p->actions);
}

/* Adds the groups with the receivers in VLAN 'vid', and returns how many
 * groups that takes. */
static unsigned int
add_groups(struct pipeline *p, enum table_flood flood, int vid)
{
    struct flow_group *group = NULL;
    unsigned int n_receivers = 0, n_groups = 0;
    for (size_t i = 0; i < p->n_vnics; i++) {
        if (!is_receiver(p, i, flood, vid)) {
            continue;
        }
        if (n_receivers++ % GROUP_MAX_BUCKETS == 0) {
            uint32_t id = table_group_id(flood, vid, n_groups++);
            group = flow_table_add_group(p->flows, id);
        }
        add_bucket(p, group, p->vnics[i]);
    }
    return n_groups;
}

/* L2 and L2_FOUND. */

/* Frames that are for several in the VLANs of 'block'. */
static void
add_flood_flow(struct pipeline *p, enum table_flood flood,
               const struct vlan_block *block, int vid, unsigned int n_groups)
{
    pipeline_begin(p, NULL);
    match_vlan_register(&p->match, block);
    if (flood == FLOOD_ALL) {
        match_multicast(&p->match);
    } else {
        match_set_reg(&p->match, REG_RECEIVER, 0);
    }
    for (unsigned int i = 0; i < n_groups; i++) {
        put_group(p, table_group_id(flood, vid, i));
    }
    put_resubmit(p, TABLE_OUTSIDE);
    if (flood == FLOOD_ALL) {
        pipeline_end(p, TABLE_L2, PRIORITY_SPECIAL, RULE_FLOOD);
    } else {
        pipeline_end(p, TABLE_L2_FOUND, PRIORITY_EXACT,
                     RULE_UNKNOWN_UNICAST);
    }
}

static void
add_flood(struct pipeline *p, enum table_flood flood, int vid,
          const struct vlan_set *vlans)
{
    unsigned int n_groups = add_groups(p, flood, vid);
    if (n_groups) {
        VLAN_BLOCK_FOR_EACH (block, vlans) {
            add_flood_flow(p, flood, &block, vid, n_groups);
        }
    }
}

/* Adds the groups of 'vlans', which are all that share theirs with one of
 * them. */
void
pipeline_flood(struct pipeline *p, const struct vlan_set *vlans)
{
    struct vlan_set **classes = xcalloc(VLAN_SET_BITS, sizeof *classes);
    VLAN_SET_FOR_EACH (vid, vlans) {
        struct vlan_set **class = &classes[p->class_of[vid]];
        if (!*class) {
            *class = xzalloc(sizeof **class);
        }
        vlan_set_add(*class, vid);
    }
    for (int vid = 0; vid < VLAN_SET_BITS; vid++) {
        if (classes[vid]) {
            add_flood(p, FLOOD_ALL, vid, classes[vid]);
            add_flood(p, FLOOD_UNKNOWN, vid, classes[vid]);
            pipeline_learn_vlans(p, vid, classes[vid]);
            free(classes[vid]);
        }
    }
    free(classes);
}

/* A learnt flow, which sets REG_RECEIVER, can do nothing else. */
static void
put_search(struct pipeline *p)
{
    put_resubmit(p, TABLE_L2_LEARNT);
    put_resubmit(p, TABLE_L2_FOUND);
}

/* What is for 'vnic' goes there, unless somebody else was heard from its
 * address since, and could be. */
static void
add_unicast(struct pipeline *p, const struct pipeline_vnic *vnic,
            const struct vlan_set *vlans)
{
    VLAN_BLOCK_FOR_EACH (block, vlans) {
        pipeline_begin(p, vnic);
        match_vlan_register(&p->match, &block);
        match_set_dl_dst(&p->match, vnic->mac);
        if (vnic_enforces_mac(vnic)) {
            put_receiver(p, vnic);
        } else {
            put_register(p, REG_RECEIVER, vnic->number);
            put_search(p);
        }
        pipeline_end(p, TABLE_L2, PRIORITY_EXACT, RULE_UNICAST);
    }
}

/* NORMAL does not forward them either, unless it is told so. */
static void
add_link_control(struct pipeline *p)
{
    for (size_t i = 0; i < N_LINK_CONTROL; i++) {
        pipeline_begin(p, NULL);
        match_link_control(&p->match, i);
        put_resubmit(p, TABLE_OUTSIDE);
        pipeline_end(p, TABLE_L2, PRIORITY_REFUSE, RULE_LINK_CONTROL);
    }
}

static void
add_l2(struct pipeline *p)
{
    if (!p->bridge->forwards_bpdus) {
        add_link_control(p);
    }

    pipeline_begin(p, NULL);
    put_search(p);
    pipeline_end(p, TABLE_L2, PRIORITY_MISS, RULE_LEARNT);

    pipeline_begin(p, NULL);
    pipeline_end(p, TABLE_L2_LEARNT, PRIORITY_MISS, RULE_UNKNOWN_UNICAST);
}

static void
add_found(struct pipeline *p, const struct pipeline_vnic *vnic)
{
    pipeline_begin(p, vnic);
    match_set_reg(&p->match, REG_RECEIVER, vnic->number);
    put_receiver_class(p, vnic);
    put_resubmit(p, TABLE_ISOLATION);
    pipeline_end(p, TABLE_L2_FOUND, PRIORITY_EXACT, RULE_LEARNT);
}

static void
add_l2_found(struct pipeline *p)
{
    pipeline_begin(p, NULL);
    match_set_reg(&p->match, REG_RECEIVER, RECEIVER_OUTSIDE);
    put_resubmit(p, TABLE_OUTSIDE);
    pipeline_end(p, TABLE_L2_FOUND, PRIORITY_EXACT, RULE_OUTSIDE);

    pipeline_begin(p, NULL);
    match_set_reg(&p->match, REG_RECEIVER, 0);
    put_resubmit(p, TABLE_OUTSIDE);
    pipeline_end(p, TABLE_L2_FOUND, PRIORITY_ANY, RULE_UNKNOWN_UNICAST);

    pipeline_begin(p, NULL);
    pipeline_end(p, TABLE_L2_FOUND, PRIORITY_MISS, RULE_LEARNT);
}

/* OUTSIDE. */

static void
add_outside(struct pipeline *p)
{
    pipeline_begin(p, NULL);
    match_flag(&p->match, FLAG_FROM_OUTSIDE, true);
    pipeline_end(p, TABLE_OUTSIDE, PRIORITY_EXACT, RULE_FROM_OUTSIDE);

    pipeline_begin(p, NULL);
    match_set_reg(&p->match, REG_VLAN, 0);
    put_output(p, p->bridge->inside);
    pipeline_end(p, TABLE_OUTSIDE, PRIORITY_SPECIAL, RULE_OUTSIDE);

    pipeline_begin(p, NULL);
    match_flag(&p->match, FLAG_TUNNEL, true);
    put_push_vlan(p, ETH_TYPE_VLAN_8021AD);
    put_output(p, p->bridge->inside);
    pipeline_end(p, TABLE_OUTSIDE, PRIORITY_PREFIX, RULE_OUTSIDE);

    pipeline_begin(p, NULL);
    put_push_vlan(p, ETH_TYPE_VLAN_8021Q);
    put_output(p, p->bridge->inside);
    pipeline_end(p, TABLE_OUTSIDE, PRIORITY_MISS, RULE_OUTSIDE);
}

/* Returns the actions that send a frame without tag outside, as one that 'vnic'
 * has sent in VLAN 'vid', or 'customer' in it, see pipeline_deliver_to(); no
 * vNIC gets it. */
struct ofpbuf *
pipeline_send_outside(const struct pipeline_vnic *vnic, int vid, int customer)
{
    struct pipeline p = { .owner = vnic->number };
    ofpbuf_init(&p.actions, 64);
    put_own_vlan(&p, vid, customer);
    if (vnic->vlan.mode == VLAN_DOT1Q_TUNNEL) {
        put_flag(&p, FLAG_TUNNEL);
    }
    put_resubmit(&p, TABLE_OUTSIDE);
    struct ofpbuf *actions = ofpbuf_clone(&p.actions);
    ofpbuf_uninit(&p.actions);
    return actions;
}

void
pipeline_forward_vnic(struct pipeline *p, const struct pipeline_vnic *vnic,
                      const struct vlan_set *vlans)
{
    if (vnic->place == GUEST_HERE) {
        add_unicast(p, vnic, vlans);
    }
    if (vnic_is_learnt(vnic)) {
        add_found(p, vnic);
    }
}

/* A switch that looks at several tags of a frame takes off all of those that an
 * access port sends behind a priority tag.  Where the guard lets it pass, the
 * frame is what NORMAL makes of it. */
static void
add_egress(struct pipeline *p)
{
    pipeline_begin(p, NULL);
    match_flag(&p->match, FLAG_ACCESS, true);
    match_any_tag(&p->match);
    put_pop_vlan(p);
    put_resubmit(p, TABLE_L2_SOURCE);
    pipeline_end(p, TABLE_EGRESS_RULES, PRIORITY_SPECIAL, RULE_EGRESS);

    pipeline_miss(p, TABLE_EGRESS_RULES, TABLE_L2_SOURCE, RULE_EGRESS);
}

void
pipeline_forward(struct pipeline *p)
{
    add_egress(p);
    add_l2(p);
    add_l2_found(p);
    add_outside(p);
}
