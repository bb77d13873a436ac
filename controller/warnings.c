/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */

/* What an operator should look at, out of one pass.  Each warning is a
 * sentence of its own.  Those about connections are in status.c.  Pure. */

#include <config.h>
#include "controller/warnings.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "controller/reconcile.h"
#include "controller/vnic-state.h"
#include "lib/bridge-vlans.h"
#include "lib/cleanup.h"
#include "lib/isolation.h"
#include "lib/memory.h"
#include "openvswitch/dynamic-string.h"
#include "svec.h"
#include "util.h"

/* How many vNICs, or uplinks, a warning names. */
enum { MAX_NAMED = 5 };

void
warnings_add(struct svec *warnings, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    svec_add_nocopy(warnings, xvasprintf(format, args));
    va_end(args);
}

/* The vNICs that a warning is about. */
struct named {
    struct ds names;            /* The first of them. */
    unsigned int n;
};

static void
name_vnic(struct named *named, const struct desired_vnic *d)
{
    if (named->n++ < MAX_NAMED) {
        CLEANUP_FREE char *label = desired_vnic_label(d);
        ds_put_format(&named->names, "%s%s", named->n > 1 ? ", " : "", label);
    }
}

/* Says 'what' about 'named', if there are any, and frees its content. */
static void
warn_of_named(struct svec *warnings, const char *what, struct named *named)
{
    if (named->n) {
        warnings_add(warnings, "%s: %u vNIC%s (%s%s)", what, named->n,
                     named->n == 1 ? "" : "s", ds_cstr(&named->names),
                     named->n > MAX_NAMED ? ", …" : "");
    }
    ds_destroy(&named->names);
}

/* Names the vNICs in 'state', or those of them with 'reason', if that is not
 * NULL. */
static void
warn_of_vnics(struct svec *warnings, const struct pass *pass,
              enum vnic_state state, const char *reason)
{
    struct named named = { .names = DS_EMPTY_INITIALIZER };

    for (size_t i = 0; i < pass->desired.n_vnics; i++) {
        const struct desired_vnic *d = &pass->desired.vnics[i];
        char *why;
        if (vnic_state_find(d, &pass->plan, &why) == state
            && (!reason || nullable_string_is_equal(why, reason))) {
            name_vnic(&named, d);
        }
        free(why);
    }
    warn_of_named(warnings, reason ? reason : vnic_state_to_string(state),
                  &named);
}

/* Names the vNICs of which another one uses an address. */
static void
warn_of_rivals(struct svec *warnings, const struct desired *desired)
{
    struct named named = { .names = DS_EMPTY_INITIALIZER };
    for (size_t i = 0; i < desired->n_vnics; i++) {
        if (desired->vnics[i].has_rival) {
            name_vnic(&named, &desired->vnics[i]);
        }
    }
    warn_of_named(warnings, "address-shared", &named);
}

/* Has 'd' no port that the switch could open? */
static bool
is_cut_off(const struct desired_vnic *d)
{
    return d->care == VNIC_MANAGED && (!d->port || d->port->error);
}

static void
warn_of_missing_ports(struct svec *warnings, const struct pass *pass)
{
    unsigned int n = 0;
    for (size_t i = 0; i < pass->desired.n_vnics; i++) {
        const struct desired_vnic *d = &pass->desired.vnics[i];
        if (is_cut_off(d) && n++ < MAX_NAMED) {
            CLEANUP_FREE char *label = desired_vnic_label(d);
            char *why;
            (void) vnic_state_find(d, &pass->plan, &why); /* Not ready. */
            warnings_add(warnings, "%s: %s", label, why);
            free(why);
        }
    }
    if (n > MAX_NAMED) {
        warnings_add(warnings, "no port that works for %u more vNICs",
                     n - MAX_NAMED);
    }
}

static void
warn_of_column_fight(struct svec *warnings, const char *port,
                     enum vlan_column column, const struct repairs *repairs)
{
    const char *name = vlan_column_to_string(column);
    CLEANUP_FREE char *deed
        = (repairs->is_found_same
           ? xasprintf("sets %s to %s again and again", name, repairs->found)
           : xasprintf("changes %s again and again, last to %s", name,
                       repairs->found));
    warnings_add(warnings, "port %s: somebody %s, put right %u times; trying "
                 "once a minute", port, deed, repairs->n);
}

/* 'kind' and 'name' say of what somebody does 'deed' again and again. */
static void
warn_of_fight(struct svec *warnings, const char *kind, const char *name,
              const char *deed, const struct repairs *repairs)
{
    warnings_add(warnings, "%s %s: somebody %s again and again, put right %u "
                 "times; trying once a minute", kind, name, deed, repairs->n);
}

/* Is it for 'repairs' that there are to be no more before 'before_ms'? */
static bool
are_reason(const struct repairs *repairs, long long int before_ms)
{
    return repairs_are_fight(repairs)
           && repairs->last_ms + MEMORY_REPAIR_PERIOD_MS == before_ms;
}

/* The VLAN columns of a port, its QoS and libvirt's keys are left alone together,
 * for the sake of any of them. */
static void
warn_of_column_fights(struct svec *warnings, const char *port,
                      const struct port_memory *seen)
{
    const struct repairs *qos = &seen->repairs[MEMORY_QOS];
    const struct repairs *keys = &seen->repairs[MEMORY_KEYS];
    for (enum vlan_column column = 0; column < N_VLAN_COLUMNS; column++) {
        if (are_reason(&seen->repairs[column], seen->no_repair_before_ms)) {
            warn_of_column_fight(warnings, port, column,
                                 &seen->repairs[column]);
        }
    }
    if (are_reason(qos, seen->no_repair_before_ms)) {
        warn_of_fight(warnings, "port", port, "unlinks its QoS", qos);
    }
    if (are_reason(keys, seen->no_repair_before_ms)) {
        warn_of_fight(warnings, "port", port,
                      "removes libvirt's keys from external_ids", keys);
    }
}

/* Warns of whoever removes the port called 'name' over and over, by 'deed'; if
 * nobody does, the database refuses it. */
static void
warn_of_row(struct svec *warnings, const char *name, const char *deed,
            const struct repairs *repairs)
{
    if (repairs_are_fight(repairs)) {
        warn_of_fight(warnings, "port", name, deed, repairs);
    } else {
        warnings_add(warnings, "port %s: the database refuses it; trying once "
                     "a minute", name);
    }
}

/* Warns of what is changed over and over on the port of 'op', which is left
 * alone for that. */
static void
warn_of_fights(struct svec *warnings, const struct memory *memory,
               const struct port_op *op)
{
    const char *name = port_op_port_name(op);
    if (op->kind == PORT_OP_PLUG) {
        warn_of_row(warnings, name, "removes it",
                    &memory_find_vnic(memory, &op->vnic->vnic.id)->plugs);
        return;
    }

    const struct port_memory *seen
        = memory_find_port(memory, &op->vnic->port->row);
    const struct repairs *mark = &seen->repairs[MEMORY_MARK];
    if (port_op_is_repair(op)) {
        warn_of_column_fights(warnings, name, seen);
    } else if (are_reason(mark, seen->no_mark_before_ms)) {
        warn_of_fight(warnings, "port", name,
                      "changes vnicd's keys in external_ids", mark);
    }
}

static void
warn_of_ports_left_alone(struct svec *warnings, const struct pass *pass,
                         const struct memory *memory)
{
    const struct desired_vnic *previous = NULL;
    for (size_t i = 0; i < pass->plan.n_ops; i++) {
        const struct port_op *op = &pass->plan.ops[i];
        if (op->verdict == PORT_VERDICT_BACK_OFF && op->vnic
            && op->vnic != previous) {
            warn_of_fights(warnings, memory, op);
            previous = op->vnic;
        }
    }
}

/* Returns the uplinks of 'bridge', "eth0, eth1 (not open)", as a malloc'd
 * string. */
static char *
list_uplinks(const struct switch_view *view, const char *bridge)
{
    struct ds names = DS_EMPTY_INITIALIZER;
    unsigned int n = 0;

    for (size_t i = 0; i < view->n_ports; i++) {
        const struct port_view *port = &view->ports[i];
        if (!strcmp(port->bridge, bridge)
            && switch_view_find_role(view, port) == PORT_ROLE_UPLINK
            && n++ < MAX_NAMED) {
            ds_put_format(&names, "%s%s%s", n > 1 ? ", " : "", port->name,
                          port_view_is_alive(port) ? "" : " (not open)");
        }
    }
    ds_put_cstr(&names, n > MAX_NAMED ? ", …" : "");
    return ds_steal_cstr(&names);
}

/* Warns of the VLANs of 'bridge' on which guests hear nothing from outside. */
static void
warn_of_stranded_vlans(struct svec *warnings, const struct switch_view *view,
                       const char *bridge)
{
    struct bridge_vlans vlans;
    bridge_vlans_compute(view, bridge, &vlans);
    struct vlan_set stranded = bridge_vlans_stranded(&vlans);
    if (vlan_set_is_empty(&stranded)) {
        return;
    }

    struct ds vids = DS_EMPTY_INITIALIZER;
    CLEANUP_FREE char *uplinks = list_uplinks(view, bridge);
    vlan_set_format(&stranded, &vids);
    warnings_add(warnings, "bridge %s: vNICs are on VLAN %s, which no uplink "
                 "carries: %s", bridge, ds_cstr(&vids), uplinks);
    ds_destroy(&vids);
}

/* Where somebody else manages a bridge, its columns need not say where frames
 * go. */
static void
warn_of_bridges(struct svec *warnings, const struct switch_view *view)
{
    for (size_t i = 0; i < view->n_bridges; i++) {
        const struct bridge_view *bridge = &view->bridges[i];
        if (!bridge->parent && bridge_view_is_managed(bridge)) {
            warn_of_stranded_vlans(warnings, view, bridge->name);
        }
    }
}

/* Is there a vNIC on 'bridge' that is on several VLANs and guarded? */
static bool
has_guarded_trunk(const struct desired *desired,
                  const struct bridge_view *bridge)
{
    for (size_t i = 0; i < desired->n_vnics; i++) {
        const struct desired_vnic *d = &desired->vnics[i];
        struct vlan_spec vlan = desired_vnic_vlans(d);
        if (isolation_is_of_bridge(d, bridge)
            && d->policy.guard != GUARD_OFF && vlan.mode != VLAN_ACCESS) {
            return true;
        }
    }
    return false;
}

/* Returns a protected port of 'bridge' that is no vNIC's, and not of the patch
 * pair, or NULL. */
static const struct port_view *
find_protected_outside(const struct switch_view *view, const char *bridge)
{
    for (size_t i = 0; i < view->n_ports; i++) {
        const struct port_view *port = &view->ports[i];
        enum port_role role = switch_view_find_role(view, port);
        if (port->is_protected && !strcmp(port->bridge, bridge)
            && (role == PORT_ROLE_HOST || role == PORT_ROLE_UPLINK)) {
            return port;
        }
    }
    return NULL;
}

/* Returns a vNIC on 'bridge' whose port is protected, or NULL. */
static const struct desired_vnic *
find_protected_vnic(const struct desired *desired,
                    const struct bridge_view *bridge)
{
    for (size_t i = 0; i < desired->n_vnics; i++) {
        const struct desired_vnic *d = &desired->vnics[i];
        if (isolation_is_of_bridge(d, bridge) && d->port->is_protected) {
            return d;
        }
    }
    return NULL;
}

/* Warns where protected ports can talk: whoever is outside meets guests at a
 * patch port, which is not protected. */
static void
warn_of_protected_ports(struct svec *warnings, const struct pass *pass)
{
    for (size_t i = 0; i < pass->desired.n_bridges; i++) {
        const struct desired_bridge *bridge = &pass->desired.bridges[i];
        const struct port_view *port
            = find_protected_outside(&pass->view, bridge->view->name);
        const struct desired_vnic *d
            = find_protected_vnic(&pass->desired, bridge->view);
        if (bridge->needs_pipeline && port && d) {
            warnings_add(warnings, "protected: bridge %s: ports %s and %s are "
                         "both protected, and may talk all the same: with "
                         "flows, only guests are kept from each other",
                         bridge->view->name, port->name, d->port->name);
        }
    }
}

/* Returns a vNIC on 'bridge' of which nobody has told us, or NULL. */
static const struct desired_vnic *
find_unknown_vnic(const struct desired *desired,
                  const struct bridge_view *bridge)
{
    for (size_t i = 0; i < desired->n_vnics; i++) {
        const struct desired_vnic *d = &desired->vnics[i];
        if (d->care == VNIC_UNKNOWN && isolation_is_of_bridge(d, bridge)) {
            return d;
        }
    }
    return NULL;
}

/* Warns of bridges where nothing is done before libvirt tells more. */
static void
warn_of_waiting(struct svec *warnings, const struct desired *desired)
{
    for (size_t i = 0; i < desired->n_bridges; i++) {
        const struct desired_bridge *bridge = &desired->bridges[i];
        const struct desired_vnic *d
            = find_unknown_vnic(desired, bridge->view);
        if (bridge->awaits_libvirt && d) {
            warnings_add(warnings, "waiting: bridge %s: its flows stay as an "
                         "earlier run left them, and new guests get none, "
                         "until each libvirt has told whose port %s is",
                         bridge->view->name, d->port->name);
        }
    }
}

/* Would anything of 'd' be dropped if its bridge were ours to manage? */
static bool
asks_for_isolation(const struct desired_vnic *d)
{
    const struct policy *policy
        = d->vnic.metadata && d->settings.metadata != METADATA_NONE
          ? &d->vnic.metadata->policy.policy : NULL;
    return d->settings.guard == GUARD_ENFORCE
           || (policy && (policy->guard == GUARD_ENFORCE
                          || policy->isolation != ISOLATION_PROMISCUOUS));
}

/* Warns of guests that are to be isolated, and are on bridges that the agent
 * leaves alone because somebody else seems to manage them. */
static void
warn_of_lost_isolation(struct svec *warnings, const struct desired *desired)
{
    struct named named = { .names = DS_EMPTY_INITIALIZER };
    for (size_t i = 0; i < desired->n_vnics; i++) {
        const struct desired_vnic *d = &desired->vnics[i];
        if (d->care == VNIC_DISOWNED && d->settings.manage == MANAGE_AUTO
            && asks_for_isolation(d)) {
            name_vnic(&named, d);
        }
    }
    warn_of_named(warnings, "not-isolated: on a bridge that is not managed",
                  &named);
}

/* Warns of what weakens the isolation on the bridges that have any. */
static void
warn_of_isolation(struct svec *warnings, const struct pass *pass)
{
    for (size_t i = 0; i < pass->desired.n_bridges; i++) {
        const struct desired_bridge *bridge = &pass->desired.bridges[i];
        if (!bridge->needs_pipeline
            || !isolation_is_enforced(&pass->desired, bridge->view)) {
            continue;
        }
        if (!nullable_string_is_equal(bridge->view->fail_mode, "secure")) {
            warnings_add(warnings, "fail-open: bridge %s: until flows are "
                         "back after a restart of the switch, guests are not "
                         "isolated: its fail_mode is not secure",
                         bridge->view->name);
        }
        if (pass->view.vlan_limit != SWITCH_VIEW_DEFAULT_VLAN_LIMIT
            && has_guarded_trunk(&pass->desired, bridge->view)) {
            warnings_add(warnings, "degraded: bridge %s: a guest that is on "
                         "several VLANs may stack tags past the guard: the "
                         "switch's vlan-limit is %d, not 1",
                         bridge->view->name, pass->view.vlan_limit);
        }
    }
}

/* Warns of a patch pair that is removed, or refused, over and over, and of a
 * fail_mode that is changed so. */
static void
warn_of_bridge_fights(struct svec *warnings, const struct pass *pass,
              const struct memory *memory)
{
    for (size_t i = 0; i < pass->plan.n_ops; i++) {
        const struct port_op *op = &pass->plan.ops[i];
        if (op->verdict != PORT_VERDICT_BACK_OFF || !op->bridge) {
            continue;
        }
        const char *name = port_op_port_name(op);
        const struct bridge_memory *seen
            = memory_find_bridge(memory, op->bridge->view->name);
        if (op->kind == PORT_OP_SECURE) {
            warn_of_fight(warnings, "bridge", name, "changes its fail_mode",
                          &seen->fail_mode_repairs);
        } else {
            warn_of_row(warnings, name, "changes or removes it",
                        &seen->pair_repairs);
        }
    }
}

static void
warn_of_settings(struct svec *warnings, const struct switch_view *view)
{
    for (size_t i = 0; i < view->setting_errors.n; i++) {
        svec_add(warnings, view->setting_errors.names[i]);
    }
    if (view->flow_restore_wait) {
        warnings_add(warnings,
                     "flow-restore-wait: the switch waits for a restore");
    }
}

/* Adds to 'warnings' what is wrong in 'pass', which was made with 'memory'. */
void
warnings_find(const struct pass *pass, const struct memory *memory,
              struct svec *warnings)
{
    warn_of_settings(warnings, &pass->view);
    warn_of_missing_ports(warnings, pass);
    warn_of_vnics(warnings, pass, VNIC_STATE_QUARANTINED, NULL);
    warn_of_vnics(warnings, pass, VNIC_STATE_DRIFTED, NULL);
    warn_of_ports_left_alone(warnings, pass, memory);
    warn_of_vnics(warnings, pass, VNIC_STATE_READY, "untagged-trunk");
    warn_of_vnics(warnings, pass, VNIC_STATE_READY, "vlan-not-in-xml");
    warn_of_rivals(warnings, &pass->desired);
    warn_of_bridges(warnings, &pass->view);
    warn_of_waiting(warnings, &pass->desired);
    warn_of_lost_isolation(warnings, &pass->desired);
    warn_of_isolation(warnings, pass);
    warn_of_protected_ports(warnings, pass);
    warn_of_bridge_fights(warnings, pass, memory);
}
