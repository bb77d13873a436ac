/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */

/* Looks at all vNICs together, each of which was judged by itself before, and
 * finds those that are in each other's way: by the name of their port, by a MAC
 * address, by an IP address.  Pure.
 *
 * Of two with the same name or MAC one has to give way, always the same one,
 * whatever the order in which they are told of: one whose guest runs stays, not
 * one that is to start; then the one that has been ready for longer and, where
 * neither has been ready, the one with the smaller id.  Who else is in the way
 * of one that gives way does not matter any more.
 *
 * What counts is who can run: a domain that is not running has no port, and is
 * not here. */

#include <config.h>
#include "lib/conflict.h"

#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/desired.h"
#include "lib/judge.h"
#include "lib/switch-view.h"
#include "lib/text.h"
#include "openvswitch/shash.h"
#include "packets.h"
#include "util.h"

/* Names: two vNICs whose ports would have one name. */

/* Is there to be a port of 'd' that is not there yet, and that is not for
 * libvirt to plug at this moment?  Whether the name is free libvirt finds out
 * by itself, and sooner than we hear that the guest is gone which had it. */
static bool
awaits_port(const struct desired_vnic *d)
{
    return !d->port && desired_vnic_is_meant(d)
           && (d->is_ours_to_plug || !desired_vnic_is_to_start(d));
}

static void
quarantine_namesake(const struct memory *memory,
                    const struct desired_vnic *first, struct desired_vnic *d)
{
    CLEANUP_FREE char *other = desired_vnic_label(first);
    judge_quarantine(d, memory,
                     xasprintf("its port would be called %s, as that of %s",
                               vnic_port_name(&d->vnic), other));
    d->is_name_taken = true;
}

/* Quarantines, of any two vNICs that wait for a port of the same name, the
 * second. */
static void
resolve_names(const struct facts *facts, struct desired *desired)
{
    struct shash names = SHASH_INITIALIZER(&names);
    for (size_t i = 0; i < desired->n_vnics; i++) {
        struct desired_vnic *d = &desired->vnics[i];
        const char *name = vnic_port_name(&d->vnic);
        if (!name || !awaits_port(d)) {
            continue;
        }
        const struct desired_vnic *first = shash_find_data(&names, name);
        if (first) {
            quarantine_namesake(facts->memory, first, d);
        } else {
            shash_add(&names, name, d);
        }
    }
    shash_destroy(&names);
}

/* Those that may talk. */

/* They are on a bridge. */
struct talkers {
    struct desired_vnic **vnics; /* Owned, not what it points to. */
    size_t n;
};

static void
talkers_destroy(struct talkers *talkers)
{
    free(talkers->vnics);
}

static long long int
ready_since(const struct desired_vnic *d)
{
    return d->port && port_view_is_marked(d->port) && d->port->ready_ms
           ? d->port->ready_ms
           : LLONG_MAX;
}

/* The one that stays comes first. */
static int
compare_seniority(const struct desired_vnic *a, const struct desired_vnic *b)
{
    long long int a_ms = ready_since(a), b_ms = ready_since(b);
    int cmp = desired_vnic_is_to_start(a) - desired_vnic_is_to_start(b);
    if (!cmp) {
        cmp = (a_ms > b_ms) - (a_ms < b_ms);
    }
    return cmp ? cmp : vnic_id_compare(&a->vnic.id, &b->vnic.id);
}

/* By bridge and MAC. */
static int
compare_macs(const struct desired_vnic *a, const char *bridge,
             struct eth_addr mac)
{
    int cmp = strcmp(a->bridge, bridge);
    return cmp ? cmp : eth_addr_compare_3way(a->vnic.id.mac, mac);
}

static int
order_talkers(const void *a_, const void *b_)
{
    const struct desired_vnic *a = *(const struct desired_vnic *const *) a_;
    const struct desired_vnic *b = *(const struct desired_vnic *const *) b_;
    int cmp = compare_macs(a, b->bridge, b->vnic.id.mac);
    return cmp ? cmp : compare_seniority(a, b);
}

static void
find_talkers(struct desired *desired, struct talkers *talkers)
{
    talkers->vnics = xmalloc(desired->n_vnics * sizeof *talkers->vnics);
    talkers->n = 0;
    for (size_t i = 0; i < desired->n_vnics; i++) {
        struct desired_vnic *d = &desired->vnics[i];
        if (d->bridge && desired_vnic_may_talk(d)) {
            talkers->vnics[talkers->n++] = d;
        }
    }
    if (talkers->n) {
        qsort(talkers->vnics, talkers->n, sizeof *talkers->vnics,
              order_talkers);
    }
}

/* MAC addresses: two vNICs with one that can hear each other. */

static bool
conflicts(const struct desired_vnic *a, const struct desired_vnic *b)
{
    struct vlan_spec a_vlan = desired_vnic_vlans(a);
    struct vlan_spec b_vlan = desired_vnic_vlans(b);
    return desired_vnic_may_talk(a)
           && desired_vnic_may_talk(b)
           && vlan_spec_overlaps(&a_vlan, &b_vlan);
}

/* Its port keeps the VLANs that are meant for it: whichever they are, they are
 * less wrong than those of somebody else. */
static void
set_aside(struct desired_vnic *d, char *reason)
{
    judge_hold_back(d, reason);
    d->policy_error = xstrdup(d->reason);
    if (!d->port && d->is_ours_to_plug) {
        d->vlan = (struct vlan_spec) VLAN_SPEC_INIT;
        d->source = VLAN_FROM_NOBODY;
    }
}

static void
resolve_conflict(const struct desired_vnic *senior,
                 struct desired_vnic *newcomer)
{
    struct vlan_spec mine = desired_vnic_vlans(newcomer);
    struct vlan_spec theirs = desired_vnic_vlans(senior);
    CLEANUP_FREE char *my_vlan = vlan_spec_to_string(&mine);
    CLEANUP_FREE char *their_vlan = vlan_spec_to_string(&theirs);
    CLEANUP_FREE char *other = desired_vnic_label(senior);

    set_aside(newcomer,
              xasprintf("%s (port %s) has the same MAC on bridge %s, and its "
                        "VLAN %s overlaps with %s", other,
                        senior->port ? senior->port->name : "not there yet",
                        senior->bridge, their_vlan, my_vlan));
}

/* Sets aside, of any two running vNICs with the same MAC on one bridge and a
 * VLAN in common, the one that came later. */
static void
resolve_macs(const struct talkers *talkers)
{
    for (size_t i = 0; i < talkers->n; i++) {
        const struct desired_vnic *senior = talkers->vnics[i];
        for (size_t j = i + 1; j < talkers->n; j++) {
            struct desired_vnic *newcomer = talkers->vnics[j];
            if (compare_macs(newcomer, senior->bridge, senior->vnic.id.mac)) {
                break;
            }
            if (conflicts(senior, newcomer)) {
                resolve_conflict(senior, newcomer);
            }
        }
    }
}

/* Telling: both of two vNICs, each of the first such other, which is enough to
 * begin with. */

/* Takes ownership of 'note'. */
static void
tell(struct desired_vnic *d, char *note)
{
    if (d->has_rival) {
        free(note);
        return;
    }
    d->reason = text_join(d->reason, note);
    d->has_rival = true;
}

/* Borrowed MAC addresses: an IP address that goes with one which is another
 * vNIC's own.  Frames to it reach that one alone. */

/* Returns the place of the first of 'talkers' that has 'mac' on 'bridge', or of
 * the first behind it. */
static size_t
find_mac(const struct talkers *talkers, const char *bridge,
         struct eth_addr mac)
{
    size_t low = 0, high = talkers->n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (compare_macs(talkers->vnics[middle], bridge, mac) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static void
tell_of_borrowing(struct desired_vnic *d, struct desired_vnic *owner,
                  const struct policy_address *address)
{
    CLEANUP_FREE char *shown = policy_address_to_string(address);
    CLEANUP_FREE char *borrower = desired_vnic_label(d);
    CLEANUP_FREE char *label = desired_vnic_label(owner);
    tell(d, xasprintf("address %s goes with the MAC of %s", shown, label));
    tell(owner, xasprintf("%s has an address that goes with this MAC",
                          borrower));
}

static void
compare_address_mac(const struct talkers *talkers, struct desired_vnic *d,
                    const struct policy_address *address)
{
    for (size_t i = find_mac(talkers, d->bridge, address->mac);
         i < talkers->n; i++) {
        struct desired_vnic *owner = talkers->vnics[i];
        if (compare_macs(owner, d->bridge, address->mac)) {
            return;
        }
        if (conflicts(d, owner)) {
            tell_of_borrowing(d, owner, address);
        }
    }
}

static void
compare_address_macs(const struct talkers *talkers)
{
    for (size_t i = 0; i < talkers->n; i++) {
        struct desired_vnic *d = talkers->vnics[i];
        for (size_t j = 0; j < d->policy.n_addresses; j++) {
            if (!eth_addr_is_zero(d->policy.addresses[j].mac)) {
                compare_address_mac(talkers, d, &d->policy.addresses[j]);
            }
        }
    }
}

/* IP addresses: two vNICs in one VLAN that each use one as their own.
 *
 * Nobody has to give way: both were told that they may, and it is for whoever
 * told them to say who is meant.  An address that goes with another MAC than
 * the vNIC's own is one that several are to share, of which one at a time has
 * it (VRRP), and a prefix is of many by nature. */

struct claim {
    struct desired_vnic *vnic;
    const struct policy_address *address;
};

/* Owned, not what they point to. */
struct claims {
    struct claim *claims;
    size_t n, allocated;
};

static void
claims_destroy(struct claims *claims)
{
    free(claims->claims);
}

static bool
is_claim(const struct policy_address *address)
{
    return address->plen == 128 && eth_addr_is_zero(address->mac);
}

/* By bridge and address. */
static int
compare_ips(const struct claim *a, const struct claim *b)
{
    int cmp = strcmp(a->vnic->bridge, b->vnic->bridge);
    return cmp ? cmp : memcmp(&a->address->ip, &b->address->ip,
                              sizeof a->address->ip);
}

static int
order_claims(const void *a_, const void *b_)
{
    const struct claim *a = a_;
    const struct claim *b = b_;
    int cmp = compare_ips(a, b);
    if (!cmp) {
        cmp = compare_seniority(a->vnic, b->vnic);
    }
    return cmp ? cmp : a->address->vlan - b->address->vlan;
}

static void
add_claims(struct desired_vnic *d, struct claims *claims)
{
    const struct policy *policy = &d->policy;
    for (size_t i = 0; i < policy->n_addresses; i++) {
        if (!is_claim(&policy->addresses[i])) {
            continue;
        }
        if (claims->n >= claims->allocated) {
            claims->claims = x2nrealloc(claims->claims, &claims->allocated,
                                        sizeof *claims->claims);
        }
        claims->claims[claims->n++] = (struct claim) {
            .vnic = d,
            .address = &policy->addresses[i],
        };
    }
}

static void
find_claims(const struct talkers *talkers, struct claims *claims)
{
    for (size_t i = 0; i < talkers->n; i++) {
        if (desired_vnic_may_talk(talkers->vnics[i])) {
            add_claims(talkers->vnics[i], claims);
        }
    }
    if (claims->n) {
        qsort(claims->claims, claims->n, sizeof *claims->claims,
              order_claims);
    }
}

/* Stores in 'vlans' where 'claim' holds. */
static void
find_vlans(const struct claim *claim, struct vlan_set *vlans)
{
    struct vlan_spec spec = desired_vnic_vlans(claim->vnic);
    int vlan = claim->address->vlan;

    vlan_spec_members(&spec, vlans);
    if (vlan >= 0) {
        bool is_on = vlan_set_contains(vlans, vlan);
        *vlans = (struct vlan_set) { { 0 } };
        if (is_on) {
            vlan_set_add(vlans, vlan);
        }
    }
}

/* Returns the first of 'n' claims to the address of 'claim' by another vNIC
 * that holds in one of 'vlans' too, NULL if there is none. */
static const struct claim *
find_rival(const struct claim *claims, size_t n, const struct claim *claim,
           const struct vlan_set *vlans)
{
    for (size_t i = 0; i < n; i++) {
        struct vlan_set theirs;
        find_vlans(&claims[i], &theirs);
        if (claims[i].vnic != claim->vnic
            && vlan_set_overlaps(vlans, &theirs)) {
            return &claims[i];
        }
    }
    return NULL;
}

static void
tell_of_rival(const struct claim *claim, const struct claim *rival)
{
    CLEANUP_FREE char *shown = policy_address_to_string(claim->address);
    CLEANUP_FREE char *other = desired_vnic_label(rival->vnic);
    tell(claim->vnic, xasprintf("address %s is also that of %s", shown,
                                other));
}

/* Compares the 'n' claims to one address on one bridge.  As long as they are in
 * VLANs of their own, as those of tenants who do not know each other, one look
 * at each is enough. */
static void
compare_run(const struct claim *claims, size_t n)
{
    struct vlan_set taken = { { 0 } };
    for (size_t i = 0; i < n; i++) {
        struct vlan_set vlans;
        find_vlans(&claims[i], &vlans);
        const struct claim *rival
            = (vlan_set_overlaps(&taken, &vlans)
               ? find_rival(claims, i, &claims[i], &vlans) : NULL);
        if (rival) {
            tell_of_rival(&claims[i], rival);
            tell_of_rival(rival, &claims[i]);
        }
        vlan_set_merge(&taken, &vlans);
    }
}

/* Tells each of two vNICs with an address in common of the other. */
static void
compare_claims(const struct talkers *talkers)
{
    CLEANUP(claims) struct claims claims = { .claims = NULL };
    find_claims(talkers, &claims);
    for (size_t i = 0, n; i < claims.n; i += n) {
        for (n = 1; i + n < claims.n; n++) {
            if (compare_ips(&claims.claims[i], &claims.claims[i + n])) {
                break;
            }
        }
        compare_run(&claims.claims[i], n);
    }
}

/* Quarantines, of any two vNICs of 'desired' that are in each other's way, one,
 * or tells both. */
void
conflict_resolve(const struct facts *facts, struct desired *desired)
{
    resolve_names(facts, desired);

    CLEANUP(talkers) struct talkers talkers = { .vnics = NULL };
    find_talkers(desired, &talkers);
    resolve_macs(&talkers);
    compare_address_macs(&talkers);
    compare_claims(&talkers);
}
