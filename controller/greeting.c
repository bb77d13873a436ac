/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */

/* What is said about a guest that a migration has brought: to whoever is
 * outside, where it is now, and to itself, which groups has it joined?  The
 * latter is asked, too, when the switch has forgotten it.  These are the only
 * packets that the agent makes. */

#include <config.h>
#include "controller/greeting.h"

#include "controller/arrivals.h"
#include "flows/announcement.h"
#include "flows/membership-query.h"
#include "flows/ofconn.h"
#include "flows/pipeline.h"
#include "util.h"

/* More VLANs than this are not worth the frames, and the queue of a tap does
 * not hold them. */
enum { MAX_GREETED_VLANS = 128 };

/* A frame that goes to a switch which has just gone is lost like any other. */

static void
announce(struct ofconn *conn, const struct pipeline_vnic *vnic, int vid,
         int customer)
{
    struct announcement announcement;
    announcement_build(&announcement, vnic->mac);
    (void) ofconn_send_frame(conn, announcement.frame,
                             sizeof announcement.frame,
                             pipeline_send_outside(vnic, vid, customer));
}

static void
ask_for_groups(struct ofconn *conn, const struct pipeline_vnic *vnic,
               int vid, int customer)
{
    static void (*const questions[])(struct membership_query *) = {
        membership_query_igmp, membership_query_mld,
    };
    for (size_t i = 0; i < ARRAY_SIZE(questions); i++) {
        struct membership_query query;
        questions[i](&query);
        (void) ofconn_send_frame(conn, query.frame, query.size,
                                 pipeline_deliver_to(vnic, vid, customer));
    }
}

static void
greet_in(struct ofconn *conn, const struct pipeline_vnic *vnic, int vid,
         int customer, unsigned int deeds)
{
    if (deeds & ARRIVAL_ANNOUNCE) {
        announce(conn, vnic, vid, customer);
    }
    if (deeds & ARRIVAL_ASK) {
        ask_for_groups(conn, vnic, vid, customer);
    }
}

/* Stores in '*vlans' those that the guest of 'vnic' uses, as far as they are
 * named: of a dot1q-tunnel they are the customer's.  0 stands for no tag. */
static void
find_greeted_vlans(const struct pipeline_vnic *vnic, struct vlan_set *vlans)
{
    if (vnic->vlan.mode == VLAN_DOT1Q_TUNNEL) {
        *vlans = vnic->vlan.cvlans;
    } else {
        vlan_spec_named(&vnic->vlan, vlans);
    }
    if (vlan_set_is_empty(vlans)) {
        vlan_set_add(vlans, 0);
    }
}

/* Does 'deeds', bits of 'enum arrival_deed', about the guest of 'vnic', in each
 * of its VLANs.  Its flows have to be there, and 'conn' to have room. */
void
greet(struct ofconn *conn, const struct pipeline_vnic *vnic,
      unsigned int deeds)
{
    bool is_tunnel = vnic->vlan.mode == VLAN_DOT1Q_TUNNEL;
    struct vlan_set vlans;
    int n = 0;
    find_greeted_vlans(vnic, &vlans);
    VLAN_SET_FOR_EACH (vid, &vlans) {
        if (n++ >= MAX_GREETED_VLANS) {
            break;
        }
        greet_in(conn, vnic, is_tunnel ? vnic->vlan.tag : vid,
                 is_tunnel ? vid : 0, deeds);
    }
}
