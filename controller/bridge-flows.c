/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */

/* Brings the flows that a bridge needs to its switch, and takes them away.
 *
 * Theory of operation
 * ===================
 *
 * Each pass tells what is meant; what the switch said of the flows until then
 * goes into the pass.  In between ofconn.c does the talking.  The order in which
 * a pipeline appears, each step when the one before it is done:
 *
 *     connect, and read what is installed;
 *     the patch pair, in the database;
 *     NORMAL floods to vNICs no more;
 *     one bundle with all flows;
 *     the vNICs are ready;
 *     NORMAL forgets what it has learnt from them, and they are asked for
 *     their multicast groups.
 *
 * And the order in which it goes:
 *
 *     one bundle: all flows away, and NORMAL back if nobody else has a flow;
 *     NORMAL floods to vNICs again, and sees fragments as ever;
 *     the patch pair.
 *
 * Were NORMAL to flood while flows do, too, guests would hear themselves.
 *
 * Flows are computed anew only when the facts that they are made from have
 * changed, and of those only what follows from what has changed: a thousand
 * vNICs have some 40,000, and a guest waits for its own.
 *
 * When the switch tells that others have changed flows, and now and then
 * anyhow, everything is read once more: see read-pace.c. */

#include <config.h>
#include "controller/bridge-flows.h"

#include <stdlib.h>

#include "controller/bridge-facts.h"
#include "controller/read-pace.h"
#include "controller/reconcile.h"
#include "controller/welcome.h"
#include "coverage.h"
#include "dirs.h"
#include "flows/flood-map.h"
#include "flows/flow-change.h"
#include "flows/flow-owners.h"
#include "flows/flow-space.h"
#include "flows/flow-table.h"
#include "flows/ofconn.h"
#include "flows/pipeline.h"
#include "flows/refusals.h"
#include "flows/tables.h"
#include "lib/cleanup.h"
#include "lib/isolation.h"
#include "lib/switch-view.h"
#include "openvswitch/poll-loop.h"
#include "openvswitch/vlog.h"
#include "packets.h"
#include "timeval.h"
#include "util.h"
#include "uuid.h"

VLOG_DEFINE_THIS_MODULE(bridge_flows);

COVERAGE_DEFINE(bridge_flows_built);

/* What 'conn' was told last. */
enum told {
    TOLD_NOTHING,
    TOLD_PIPELINE,              /* The flows of 'facts'. */
    TOLD_REMOVAL,               /* None. */
};

struct bridge_flows {
    char *name;
    struct uuid row;            /* Of the bridge, in the database. */
    struct ofconn *conn;
    enum told told;
    struct pipeline_bridge facts;
    struct refusals refusals;
    struct welcome *welcome;
    struct flood_map floods;    /* As the connection was told. */
    bool was_ours;              /* After TOLD_REMOVAL: it had a pipeline. */
    bool are_floods_normal;     /* After TOLD_REMOVAL: set for none. */
    char *fail_mode;            /* Of the bridge, as last seen. */
    bool is_on_hold;            /* flow-restore-wait. */
    bool may_join_others;       /* vnicd-manage=yes. */
    bool awaits_libvirt;        /* Flows of an earlier run know more than we
                                 * do. */

    /* What the switch has said. */
    unsigned int conn_seqno;    /* Of 'conn', when it was looked at ... */
    unsigned int facts_seqno;   /* ... and that of its facts. */
    enum ofconn_verdict verdict; /* At that time. */
    uint64_t n_refused;         /* Bundles, by then. */
    struct flow_owners owners;  /* Of the flows that are installed. */

    enum bridge_flows_state state;
    long long int since_ms;     /* Wall clock: when 'state' became so. */
    unsigned int seqno;         /* Changes with all that passes look at. */
    struct read_pace pace;      /* When to read everything once more. */
};

static const char *const state_names[N_BRIDGE_FLOWS_STATES] = {
#define BRIDGE_FLOWS_STATE(ENUM, NAME) [BRIDGE_FLOWS_##ENUM] = NAME,
    BRIDGE_FLOWS_STATES
#undef BRIDGE_FLOWS_STATE
};

const char *
bridge_flows_state_to_string(enum bridge_flows_state state)
{
    return state_names[state];
}

/* Life. */

/* Connects to the management socket of 'bridge', which is tried for ever. */
struct bridge_flows *
bridge_flows_create(const struct bridge_view *bridge)
{
    struct bridge_flows *bf = xzalloc(sizeof *bf);
    CLEANUP_FREE char *target = xasprintf("unix:%s/%s.mgmt", ovs_rundir(),
                                          bridge->name);
    bf->name = xstrdup(bridge->name);
    bf->row = bridge->row;
    bf->conn = ofconn_create(bridge->name, target, &table_space);
    pipeline_bridge_init(&bf->facts);
    refusals_init(&bf->refusals);
    bf->welcome = welcome_create(bridge->name);
    bf->since_ms = time_wall_msec();
    read_pace_init(&bf->pace, time_msec());
    return bf;
}

/* Leaves the switch as it is. */
void
bridge_flows_destroy(struct bridge_flows *bf)
{
    if (bf) {
        ofconn_destroy(bf->conn);
        pipeline_bridge_destroy(&bf->facts);
        refusals_destroy(&bf->refusals);
        welcome_destroy(bf->welcome);
        free(bf->fail_mode);
        free(bf->name);
        free(bf);
    }
}

/* What the switch says. */

/* Are others' flows in our way?  Once ours are there, they stay. */
static bool
is_barred(const struct bridge_flows *bf)
{
    return bf->owners.has_foreign && !bf->owners.has_ours
           && !bf->may_join_others;
}

static enum bridge_flows_state
find_told_state(const struct bridge_flows *bf)
{
    switch (ofconn_verdict(bf->conn)) {
    case OFCONN_NONE:
        return BRIDGE_FLOWS_WAITING;
    case OFCONN_PENDING:
        return (bf->told == TOLD_REMOVAL ? BRIDGE_FLOWS_REMOVING
                : BRIDGE_FLOWS_INSTALLING);
    case OFCONN_INSTALLED:
        return (bf->told == TOLD_PIPELINE
                ? (ofconn_is_outdated(bf->conn) ? BRIDGE_FLOWS_CHANGED
                   : BRIDGE_FLOWS_INSTALLED)
                : bf->are_floods_normal ? BRIDGE_FLOWS_REMOVED
                : BRIDGE_FLOWS_REMOVING);
    case OFCONN_REFUSED:
        return BRIDGE_FLOWS_REFUSED;
    }
    OVS_NOT_REACHED();
}

static enum bridge_flows_state
find_state(const struct bridge_flows *bf)
{
    if (!ofconn_is_connected(bf->conn)) {
        return BRIDGE_FLOWS_DISCONNECTED;
    } else if (!ofconn_has_facts(bf->conn)) {
        return BRIDGE_FLOWS_READING;
    } else if (bf->is_on_hold) {
        return BRIDGE_FLOWS_ON_HOLD;
    } else if (is_barred(bf) && bf->told != TOLD_REMOVAL) {
        return BRIDGE_FLOWS_FOREIGN_FLOWS;
    }
    return find_told_state(bf);
}

static void
update_state(struct bridge_flows *bf)
{
    enum bridge_flows_state state = find_state(bf);
    if (state != bf->state) {
        VLOG_INFO("bridge %s: flows %s", bf->name,
                  bridge_flows_state_to_string(state));
        bf->state = state;
        bf->since_ms = time_wall_msec();
        bf->seqno++;
    }
}

static void
log_refusals(const struct bridge_flows *bf)
{
    static struct vlog_rate_limit rl = VLOG_RATE_LIMIT_INIT(5, 20);
    for (size_t i = 0; i < bf->facts.n_vnics; i++) {
        const struct pipeline_vnic *vnic = &bf->facts.vnics[i];
        const char *text = refusals_find(&bf->refusals, vnic->number);
        if (text) {
            VLOG_WARN_RL(&rl, "vnic %s: the switch refuses its flows: %s",
                         vnic->label, text);
        }
    }
    const char *text = refusals_find(&bf->refusals, 0);
    if (text) {
        VLOG_WARN_RL(&rl, "bridge %s: the switch refuses its flows: %s",
                     bf->name, text);
    }
}

static void
look_at_refusals(struct bridge_flows *bf, long long int now)
{
    struct ofconn_counters counters;
    ofconn_get_counters(bf->conn, &counters);
    if (bf->told != TOLD_PIPELINE) {
        bf->n_refused = counters.bundles.refused;
    } else if (counters.bundles.refused != bf->n_refused
               && ofconn_verdict(bf->conn) == OFCONN_REFUSED) {
        size_t n;
        const struct bundle_error *errors = ofconn_errors(bf->conn, &n);
        refusals_note(&bf->refusals, &bf->facts, errors, n, now);
        bf->n_refused = counters.bundles.refused;
        bf->seqno++;
        log_refusals(bf);
    } else if (ofconn_verdict(bf->conn) == OFCONN_INSTALLED) {
        refusals_note_installed(&bf->refusals);
    }
}

/* The same without looking at each of them, which may be many, if nobody else
 * can have changed them. */
static void
look_at_installed(struct bridge_flows *bf)
{
    if (bf->facts_seqno != ofconn_facts_seqno(bf->conn)) {
        bf->facts_seqno = ofconn_facts_seqno(bf->conn);
        flow_owners_find(ofconn_installed(bf->conn), &bf->owners);
        if (ofconn_has_facts(bf->conn) && !bf->owners.has_ours) {
            welcome_note_learning(bf->welcome);
        }
    } else if (ofconn_verdict(bf->conn) == OFCONN_INSTALLED) {
        bf->owners.has_ours = bf->told == TOLD_PIPELINE;
    }
}

/* Takes in what the switch has said. */
static void
look(struct bridge_flows *bf, long long int now)
{
    if (bf->conn_seqno != ofconn_seqno(bf->conn)) {
        bf->conn_seqno = ofconn_seqno(bf->conn);
        look_at_installed(bf);
    }
    look_at_refusals(bf, now);
    if (bf->verdict != ofconn_verdict(bf->conn)) {
        bf->verdict = ofconn_verdict(bf->conn);
        bf->seqno++;
    }
    update_state(bf);
}

/* Reads everything once more, if it is time. */
static void
read_again(struct bridge_flows *bf, long long int now)
{
    if (ofconn_is_outdated(bf->conn)) {
        read_pace_note_change(&bf->pace, now);
    }
    if (read_pace_take(&bf->pace, now)) {
        ofconn_refresh(bf->conn);
    }
}

void
bridge_flows_run(struct bridge_flows *bf, long long int now)
{
    ofconn_run(bf->conn);
    read_again(bf, now);
    if (ofconn_seqno(bf->conn) != bf->conn_seqno) {
        look(bf, now);
    }
    update_state(bf);           /* Others may have changed flows. */
    bf->seqno += refusals_let_in(&bf->refusals, now);
    welcome_run(bf->welcome, bf->conn, &bf->facts,
                bf->state == BRIDGE_FLOWS_INSTALLED, now);
}

void
bridge_flows_wait(const struct bridge_flows *bf)
{
    ofconn_wait(bf->conn);
    poll_timer_wait_until(bf->pace.due_ms);
    poll_timer_wait_until(refusals_next_ms(&bf->refusals));
    welcome_wait(bf->welcome, bf->conn,
                 bf->state == BRIDGE_FLOWS_INSTALLED);
}

/* What goes into a pass. */

/* Is 'bridge' one on which nothing passes, because its fail_mode is "secure"
 * and nobody has given it a flow?  Others are born with one. */
static bool
is_bare(const struct bridge_flows *bf, const struct bridge_view *bridge)
{
    return ofconn_has_facts(bf->conn)
           && !bf->owners.has_ours && !bf->owners.has_others && !bf->is_on_hold
           && nullable_string_is_equal(bridge->fail_mode, "secure");
}

/* Are flows that the switch does not have on their way to it?  Otherwise they
 * come, if ever, after something that may take any time. */
static bool
are_flows_coming(const struct bridge_flows *bf)
{
    switch (bf->state) {
    case BRIDGE_FLOWS_READING:
    case BRIDGE_FLOWS_INSTALLING:
    case BRIDGE_FLOWS_INSTALLED:
    case BRIDGE_FLOWS_REMOVING:
    case BRIDGE_FLOWS_REMOVED:
        return true;
    case BRIDGE_FLOWS_REFUSED:
        /* A vNIC is left out at once; the bridge itself is not. */
        return !refusals_find(&bf->refusals, 0);
    case BRIDGE_FLOWS_DISCONNECTED:
    case BRIDGE_FLOWS_FOREIGN_FLOWS:
    case BRIDGE_FLOWS_ON_HOLD:
    case BRIDGE_FLOWS_WAITING:
    case BRIDGE_FLOWS_CHANGED:
        return false;
    case N_BRIDGE_FLOWS_STATES:
        break;
    }
    OVS_NOT_REACHED();
}

/* Notes in 'bridge' how its connection is, and what is to become of its patch
 * pair now. */
void
bridge_flows_judge_bridge(const struct bridge_flows *bf,
                          struct desired_bridge *bridge)
{
    bool is_barred_now = is_barred(bf) && bf->told == TOLD_NOTHING;
    bridge->has_connection = true;
    bridge->is_connected = bf->state != BRIDGE_FLOWS_DISCONNECTED;
    bridge->has_flows = bf->state == BRIDGE_FLOWS_INSTALLED;
    bridge->are_flows_coming = are_flows_coming(bf);
    bridge->is_bare = is_bare(bf, bridge->view);
    bridge->awaits_libvirt = bf->awaits_libvirt;
    bridge->pair_care = PAIR_AS_IS;
    if (bridge->needs_pipeline) {
        if (ofconn_has_facts(bf->conn) && !is_barred_now) {
            bridge->pair_care = PAIR_WANTED;
        }
    } else if (bf->told == TOLD_REMOVAL
               && bf->state == BRIDGE_FLOWS_REMOVED) {
        bridge->pair_care = PAIR_UNWANTED;
    }
}

/* Does the switch have what is meant for 'd'?  Its port must be the one that
 * the flows mean. */
static bool
is_installed(const struct bridge_flows *bf, const struct desired_vnic *d)
{
    const struct pipeline_vnic *vnic
        = pipeline_bridge_find_vnic(&bf->facts, d->port->ofport);
    struct vlan_spec vlan = desired_vnic_vlans(d);
    return bf->told == TOLD_PIPELINE && bf->state == BRIDGE_FLOWS_INSTALLED
           && vnic
           && eth_addr_equals(vnic->mac, d->vnic.id.mac)
           && vnic->place == d->place
           && vlan_spec_equals(&vnic->vlan, &vlan)
           && policy_equals(&vnic->policy, &d->policy);
}

/* Returns why 'd' can never have flows, as a malloc'd sentence, or NULL. */
static char *
find_obstacle(const struct bridge_flows *bf, const struct desired_vnic *d)
{
    struct vlan_spec vlan = desired_vnic_vlans(d);
    const char *refusal = (d->port->ofport > 0
                           ? refusals_find(&bf->refusals, d->port->ofport)
                           : NULL);
    return refusal ? xasprintf("the switch refuses its flows: %s", refusal)
                   : bridge_facts_check(d, &vlan);
}

/* Returns why a vNIC has no flows yet, as a malloc'd sentence.  Where flows are
 * installed, and not for it, its own are about to be told. */
static char *
explain_pending(const struct bridge_flows *bf)
{
    enum bridge_flows_state state = bf->state == BRIDGE_FLOWS_INSTALLED
                                    ? BRIDGE_FLOWS_INSTALLING : bf->state;
    return xasprintf("its flows are not installed yet; those of bridge %s: %s",
                     bf->name, bridge_flows_state_to_string(state));
}

/* Notes in 'd', which has a port on 'bridge', how far the switch is with its
 * flows.  Where nothing is enforced, one that cannot have any, and was not
 * refused, does without. */
void
bridge_flows_judge_vnic(const struct bridge_flows *bf,
                        const struct desired_bridge *bridge,
                        bool is_enforced, struct desired_vnic *d)
{
    CLEANUP_FREE char *obstacle = find_obstacle(bf, d);
    if (!bridge->needs_pipeline || d->port->mirror
        || bf->state == BRIDGE_FLOWS_FOREIGN_FLOWS) {
        d->flows = FLOWS_NONE;
    } else if (obstacle) {
        bool is_refused = refusals_find(&bf->refusals, d->port->ofport);
        d->flows = is_refused || is_enforced ? FLOWS_REFUSED : FLOWS_NONE;
        d->flows_reason = TAKE_PTR(obstacle);
    } else if (is_installed(bf, d)) {
        d->flows = FLOWS_INSTALLED;
    } else {
        d->flows = FLOWS_PENDING;
        d->flows_reason = explain_pending(bf);
    }
}

/* What comes out of a pass. */

/* Takes over what an earlier run of the agent has set. */
static void
adopt_floods(struct bridge_flows *bf, const struct pass *pass,
             const struct desired_bridge *bridge)
{
    if (bf->told == TOLD_NOTHING
        && (bf->owners.has_ours || patch_pair_is_there(&bridge->pair))) {
        bridge_facts_adopt_floods(pass, bridge, bf->owners.drops_unknown,
                                  &bf->floods);
    }
}

/* Sets which ports of 'bridge' NORMAL may flood to.  'facts' is NULL where
 * there is no pipeline. */
static void
set_floods(struct bridge_flows *bf, const struct pass *pass,
           const struct desired_bridge *bridge,
           const struct pipeline_bridge *facts)
{
    struct flood_map floods = { .known = { 0 } };
    bridge_facts_find_floods(pass, bridge, facts, &bf->floods, &floods);
    bf->floods = floods;
    ofconn_set_floods(bf->conn, &floods);
}

/* Tells the connection all flows of 'facts'. */
static void
tell_all(struct bridge_flows *bf, const struct pipeline_bridge *facts)
{
    struct flow_table flows;
    flow_table_init(&flows);
    pipeline_build(facts, &flows);
    COVERAGE_ADD(bridge_flows_built, hmap_count(&flows.flows));
    ofconn_set_fragments(bf->conn, FRAGMENTS_MATCHED);
    ofconn_set_desired(bf->conn, &flows);
    flow_table_destroy(&flows);
}

/* Tells it what differs from those of before. */
static void
tell_change(struct bridge_flows *bf, const struct pipeline_bridge *facts)
{
    struct flow_change change;
    flow_change_init(&change);
    pipeline_build_change(&bf->facts, facts, &change);
    COVERAGE_ADD(bridge_flows_built, hmap_count(&change.after.flows));
    ofconn_change_desired(bf->conn, &change);
    flow_change_destroy(&change);
}

/* Tells the connection what 'facts' need.  Takes what is in 'facts'.  A pass
 * has to look at that, also where other facts need the same flows, so that the
 * switch has nothing to say. */
static void
tell_pipeline(struct bridge_flows *bf, struct pipeline_bridge *facts)
{
    welcome_note_arrivals(bf->welcome, &bf->facts, facts);
    if (bf->told == TOLD_PIPELINE) {
        tell_change(bf, facts);
    } else {
        tell_all(bf, facts);
    }
    pipeline_bridge_steal(&bf->facts, facts);
    bf->told = TOLD_PIPELINE;
    bf->seqno++;
}

/* Is what the switch has better than what is known?  Before libvirt has told
 * anything, flows of an earlier run of the agent know more. */
static bool
knows_better(const struct bridge_flows *bf, const struct pass *pass,
             const struct desired_bridge *bridge, bool has_met_libvirt)
{
    if (has_met_libvirt || !bf->owners.has_ours) {
        return false;
    }
    for (size_t i = 0; i < pass->desired.n_vnics; i++) {
        const struct desired_vnic *d = &pass->desired.vnics[i];
        if (d->care == VNIC_UNKNOWN
            && isolation_is_of_bridge(d, bridge->view)) {
            return true;
        }
    }
    return false;
}

/* Takes note of whether libvirt has to tell more before anything is done. */
static void
note_wait(struct bridge_flows *bf, const struct pass *pass,
          const struct desired_bridge *bridge, bool has_met_libvirt)
{
    bool awaits_libvirt = knows_better(bf, pass, bridge, has_met_libvirt);
    bf->seqno += awaits_libvirt != bf->awaits_libvirt;
    bf->awaits_libvirt = awaits_libvirt;
}

/* Has the connection to be told what 'facts' need? */
static bool
is_news(const struct bridge_flows *bf, const struct pipeline_bridge *facts)
{
    return bf->told != TOLD_PIPELINE
           || !pipeline_bridge_equals(facts, &bf->facts)
           || (bf->verdict == OFCONN_REFUSED
               && refusals_is_bridge_due(&bf->refusals));
}

static void
install(struct bridge_flows *bf, const struct pass *pass,
        const struct desired_bridge *bridge, bool has_met_libvirt)
{
    struct pipeline_bridge facts;
    pipeline_bridge_init(&facts);
    bridge_facts_collect(pass, bridge, has_met_libvirt, &facts);
    if (pipeline_bridge_is_open(&facts)) {
        refusals_apply(&bf->refusals, &facts,
                       isolation_is_enforced(&pass->desired, bridge->view));
        adopt_floods(bf, pass, bridge);
        set_floods(bf, pass, bridge, &facts);
        if (is_news(bf, &facts)) {
            tell_pipeline(bf, &facts);
        }
    }
    pipeline_bridge_destroy(&facts);
}

/* Takes our flows away.  If 'bridge' had a pipeline and has no other flow,
 * nothing would pass then, the host's own packets included; unless it was so
 * before. */
static void
tell_removal(struct bridge_flows *bf, const struct desired_bridge *bridge)
{
    struct flow_table flows;
    flow_table_init(&flows);
    bf->was_ours = bf->owners.has_ours || patch_pair_is_there(&bridge->pair);
    if (bf->was_ours && !bf->owners.has_others
        && !patch_pair_found_no_flows(&bridge->pair)) {
        pipeline_build_normal(&flows);
    }
    bf->told = TOLD_REMOVAL;
    bf->are_floods_normal = false;
    welcome_note_learning(bf->welcome);
    refusals_clear(&bf->refusals);
    pipeline_bridge_destroy(&bf->facts);
    ofconn_set_desired(bf->conn, &flows);
    flow_table_destroy(&flows);
}

static void
take_away(struct bridge_flows *bf, const struct pass *pass,
          const struct desired_bridge *bridge)
{
    if (bf->told != TOLD_REMOVAL) {
        adopt_floods(bf, pass, bridge);
        tell_removal(bf, bridge);
    } else if (ofconn_verdict(bf->conn) == OFCONN_INSTALLED) {
        set_floods(bf, pass, bridge, NULL);
        if (bf->was_ours) {
            ofconn_set_fragments(bf->conn, FRAGMENTS_NORMAL);
        }
        bf->are_floods_normal = true;
    }
}

static void
note_bridge(struct bridge_flows *bf, const struct pass *pass,
            const struct bridge_view *view, long long int now)
{
    bool was_on_hold = bf->is_on_hold;
    bf->is_on_hold = pass->view.flow_restore_wait;
    bf->may_join_others = view->settings.manage == MANAGE_YES;
    ofconn_set_hold(bf->conn, bf->is_on_hold);
    if (was_on_hold && !bf->is_on_hold) {
        ofconn_refresh(bf->conn);
    }
    if (was_on_hold != bf->is_on_hold
        || !nullable_string_is_equal(bf->fail_mode, view->fail_mode)) {
        free(bf->fail_mode);
        bf->fail_mode = nullable_xstrdup(view->fail_mode);
        read_pace_note_doubt(&bf->pace, now);
    }
}

/* Does for 'bridge' what 'pass' wants done, as far as it can be done now.
 * 'has_met_libvirt' says that libvirt has told all it knows at least once. */
void
bridge_flows_update(struct bridge_flows *bf, const struct pass *pass,
                    const struct desired_bridge *bridge, bool has_met_libvirt,
                    long long int now)
{
    note_bridge(bf, pass, bridge->view, now);
    note_wait(bf, pass, bridge, has_met_libvirt);
    unsigned int seqno = bf->seqno;
    if (bf->awaits_libvirt) {
        /* Whether there is to be a pipeline at all may be libvirt's to say. */
    } else if (ofconn_has_facts(bf->conn) || bf->told != TOLD_NOTHING) {
        if (!bridge->needs_pipeline) {
            take_away(bf, pass, bridge);
        } else if (!is_barred(bf) || bf->told == TOLD_PIPELINE) {
            install(bf, pass, bridge, has_met_libvirt);
        }
    }
    look(bf, now);
    if (bf->state == BRIDGE_FLOWS_INSTALLING) {
        bf->seqno = seqno;      /* The switch will say what became of it. */
    }
}

/* Somebody waits for flows that others may have changed: they are read now,
 * however often they were. */
void
bridge_flows_hurry(struct bridge_flows *bf, long long int now)
{
    read_pace_hurry(&bf->pace, now);
}

/* Lets everybody in that was refused, whenever that was, and reads once more
 * what the switch has. */
void
bridge_flows_retry(struct bridge_flows *bf)
{
    refusals_clear(&bf->refusals);
    if (bf->state == BRIDGE_FLOWS_REFUSED) {
        bf->told = TOLD_NOTHING;
    }
    ofconn_refresh(bf->conn);
}

/* False once nothing of ours is left. */
bool
bridge_flows_has_work(const struct bridge_flows *bf)
{
    return bf->told == TOLD_PIPELINE
           || (bf->told == TOLD_REMOVAL && bf->state != BRIDGE_FLOWS_REMOVED);
}

/* Returns a number that changes with all that goes into a pass. */
unsigned int
bridge_flows_seqno(const struct bridge_flows *bf)
{
    return bf->seqno;
}

enum bridge_flows_state
bridge_flows_state(const struct bridge_flows *bf)
{
    return bf->state;
}

/* Returns since when the state is what it is, in ms since the epoch. */
long long int
bridge_flows_since(const struct bridge_flows *bf)
{
    return bf->since_ms;
}

/* Returns what an operator has to know, as a malloc'd sentence, or NULL. */
char *
bridge_flows_problem(const struct bridge_flows *bf)
{
    const char *refusal = refusals_find(&bf->refusals, 0);
    if (bf->state == BRIDGE_FLOWS_FOREIGN_FLOWS) {
        return xasprintf("foreign-flows: bridge %s: flows of others are in "
                         "the way of vnicd's, so guests are not isolated; "
                         "vnicd-manage=yes installs them nevertheless",
                         bf->name);
    } else if (bf->owners.has_foreign && bf->told == TOLD_PIPELINE) {
        return xasprintf("foreign-flows: bridge %s: flows of others are in "
                         "the way of vnicd's; where they lead frames past "
                         "them, guests are neither isolated nor reached",
                         bf->name);
    }
    return refusal ? xasprintf("bridge %s: the switch refuses flows: %s",
                               bf->name, refusal)
                   : ofconn_problem(bf->conn);
}

const char *
bridge_flows_name(const struct bridge_flows *bf)
{
    return bf->name;
}

/* True if 'bridge' is the one that is talked to, not another of that name. */
bool
bridge_flows_is_of(const struct bridge_flows *bf,
                   const struct bridge_view *bridge)
{
    return uuid_equals(&bf->row, &bridge->row);
}

const struct ofconn *
bridge_flows_conn(const struct bridge_flows *bf)
{
    return bf->conn;
}

/* Returns what the flows are made from that the switch was told last; empty
 * without pipeline. */
const struct pipeline_bridge *
bridge_flows_facts(const struct bridge_flows *bf)
{
    return &bf->facts;
}
