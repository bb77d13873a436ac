/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */

/* Listings: what one pass saw, meant and planned, as rows and cells.  The keys
 * are a contract with those who script against them: see vnicctl(8).  Pure. */

#include <config.h>
#include "controller/listings.h"

#include <stdlib.h>
#include <string.h>

#include "controller/journal.h"
#include "controller/reconcile.h"
#include "controller/vnic-state.h"
#include "lib/cleanup.h"
#include "lib/report.h"
#include "packets.h"
#include "util.h"
#include "uuid.h"

/* Cells that several listings have. */

static void
put_ofport(struct report *report, const struct port_view *port)
{
    if (port && port->ofport > 0) {
        report_put_integer(report, port->ofport);
    } else {
        report_put_null(report);
    }
}

/* The netdev: of the port, or that libvirt names. */
static void
put_port_name(struct report *report, const struct desired_vnic *d)
{
    report_put_string(report, d->port ? d->port->name
                              : vnic_port_name(&d->vnic));
}

/* For people: "community web". */
static void
put_class(struct report *report, const struct desired_vnic *d)
{
    const struct policy *policy = &d->policy;
    const char *class = isolation_class_to_string(policy->isolation);
    if (!desired_vnic_has_policy(d)) {
        report_put_null(report);
    } else if (policy->community) {
        report_put_format(report, "%s %s", class, policy->community);
    } else {
        report_put_string(report, class);
    }
}

/* Two cells: the class, and its group. */
static void
put_isolation(struct report *report, const struct desired_vnic *d)
{
    const char *class = isolation_class_to_string(d->policy.isolation);
    report_put_string(report, desired_vnic_has_policy(d) ? class : NULL);
    report_put_string(report, d->policy.community);
}

static void
put_guard(struct report *report, const struct desired_vnic *d)
{
    const char *level = guard_level_to_string(d->policy.guard);
    report_put_string(report, desired_vnic_has_policy(d) ? level : NULL);
}

static void
put_state(struct report *report, const struct pass *pass,
          const struct desired_vnic *d)
{
    char *reason;
    enum vnic_state state = vnic_state_find(d, &pass->plan, &reason);
    report_put_string(report, vnic_state_to_string(state));
    report_put_take(report, reason);
}

static int
compare_names(const void *a_, const void *b_)
{
    const struct desired_vnic *a = *(const struct desired_vnic *const *) a_;
    const struct desired_vnic *b = *(const struct desired_vnic *const *) b_;
    int cmp = strcmp(a->domain ? a->domain : "", b->domain ? b->domain : "");
    return cmp ? cmp : vnic_id_compare(&a->vnic.id, &b->vnic.id);
}

/* Returns the vNICs of 'pass', by the names of their domains, in a malloc'd
 * array. */
static const struct desired_vnic **
sort_vnics(const struct pass *pass)
{
    size_t n = pass->desired.n_vnics;
    const struct desired_vnic **vnics = xmalloc((n + 1) * sizeof *vnics);
    for (size_t i = 0; i < n; i++) {
        vnics[i] = &pass->desired.vnics[i];
    }
    vnics[n] = NULL;
    qsort(vnics, n, sizeof *vnics, compare_names);
    return vnics;
}

/* vnic/list. */

static const struct report_column vnic_columns[] = {
    { "domain", "DOMAIN" },
    { "domain_uuid", NULL },
    { "mac", "MAC" },
    { "port", "PORT" },
    { "ofport", "OFPORT" },
    { "bridge", "BRIDGE" },
    { NULL, "VLAN" },
    { "vlan_mode", NULL },
    { "tag", NULL },
    { "trunks", NULL },
    { "cvlans", NULL },
    { NULL, "ISOLATION" },
    { "isolation", NULL },
    { "community", NULL },
    { "guard", "GUARD" },
    { "state", "STATE" },
    { "reason", "REASON" },
};

static void
put_vnic(struct report *report, const struct pass *pass,
         const struct desired_vnic *d)
{
    struct vlan_spec vlan = desired_vnic_vlans(d);

    report_put_string(report, d->domain);
    report_put_uuid(report, &d->vnic.id.domain);
    report_put_mac(report, d->vnic.id.mac);
    put_port_name(report, d);
    put_ofport(report, d->port);
    report_put_string(report, d->bridge ? d->bridge : d->vnic.bridge);
    report_put_take(report, vlan_spec_to_string(&vlan));
    report_put_string(report, vlan_mode_to_string(vlan.mode));
    report_put_vid(report, vlan.tag);
    report_put_vlans(report, &vlan.trunks);
    report_put_vlans(report, &vlan.cvlans);
    put_class(report, d);
    put_isolation(report, d);
    put_guard(report, d);
    put_state(report, pass, d);
}

static bool
is_on_bridge(const struct desired_vnic *d, const char *bridge)
{
    return !bridge || nullable_string_is_equal(d->bridge, bridge)
           || nullable_string_is_equal(d->vnic.bridge, bridge);
}

/* The vNICs, of 'bridge' if it is not NULL. */
void
listing_vnics(const struct pass *pass, const char *bridge,
              struct report *report)
{
    CLEANUP_FREE const struct desired_vnic **vnics = sort_vnics(pass);

    report_init(report, vnic_columns, ARRAY_SIZE(vnic_columns));
    for (size_t i = 0; vnics[i]; i++) {
        if (is_on_bridge(vnics[i], bridge)) {
            put_vnic(report, pass, vnics[i]);
        }
    }
}

/* vnic/show. */

/* Those of them that tell of the policy, at the end. */
enum { N_POLICY_CELLS = 9 };

static const struct report_column vnic_detail_columns[] = {
    { "domain", "domain" },
    { "domain_uuid", "domain uuid" },
    { "mac", "mac" },
    { "type", "interface type" },
    { "model", "model" },
    { "state", "state" },
    { "reason", "reason" },
    { "bridge", "bridge" },
    { "port", "port" },
    { "ofport", "ofport" },
    { "ready_since", "ready since" },
    { "xml_bridge", "bridge in xml" },
    { "xml_network", "network in xml" },
    { "xml_portgroup", "portgroup in xml" },
    { "source_device", "source device" },
    { "macvtap_mode", "macvtap mode" },
    { "interface_id", "interface id" },
    { "profile_id", "profile id" },
    { "vlan", "vlan meant" },
    { "vlan_source", "vlan said by" },
    { "switch_vlan", "vlan in switch" },
    { "switch_tag", "tag" },
    { "switch_trunks", "trunks" },
    { "switch_vlan_mode", "vlan_mode" },
    { "switch_cvlans", "cvlans" },
    { "isolation", "isolation" },
    { "community", "community" },
    { "isolation_source", "isolation said by" },
    { "guard", "guard" },
    { "guard_source", "guard said by" },
    { "services", "services" },
    { "services_source", "services said by" },
    { "addresses", "addresses" },
    { "addresses_source", "addresses said by" },
};

static void
put_switch_vlan(struct report *report, const struct port_view *port)
{
    if (!port) {
        for (int i = 0; i < N_VLAN_COLUMNS + 1; i++) {
            report_put_null(report);
        }
        return;
    }

    struct vlan_spec spec = vlan_columns_to_spec(&port->columns);
    report_put_take(report, vlan_spec_to_string(&spec));
    report_put_vid(report, port->columns.tag);
    report_put_vlans(report, &port->columns.trunks);
    report_put_string(report, vlan_mode_to_string(port->columns.mode));
    report_put_vlans(report, &port->columns.cvlans);
}

/* Who said the VLANs of 'd': "port group web of network lan". */
static void
put_vlan_source(struct report *report, const struct desired_vnic *d)
{
    const char *source = vlan_source_to_string(d->source);
    switch (d->source) {
    case VLAN_FROM_PORTGROUP:
        report_put_format(report, "%s %s of network %s", source, d->portgroup,
                          d->vnic.network);
        break;
    case VLAN_FROM_NETWORK:
        report_put_format(report, "%s %s", source, d->vnic.network);
        break;
    case VLAN_FROM_FAKE_BRIDGE:
        report_put_format(report, "%s %s", source,
                          d->vnic.bridge ? d->vnic.bridge
                          : "of the network");
        break;
    case VLAN_FROM_NOBODY:
    case VLAN_FROM_METADATA:
    case VLAN_FROM_INTERFACE:
    case VLAN_FROM_LIVE:
    case VLAN_FROM_DEFAULT:
    case VLAN_FROM_FOUND:
    case VLAN_FROM_LAST_GOOD:
        report_put_string(report, source);
        break;
    }
}

static void
put_policy_source(struct report *report, enum policy_source source)
{
    report_put_string(report, policy_source_to_string(source));
}

/* What a guest may do beyond what any guest may. */
static void
put_services(struct report *report, unsigned int services)
{
    struct svec names = SVEC_EMPTY_INITIALIZER;
    for (; services; services = zero_rightmost_1bit(services)) {
        svec_add(&names, policy_service_to_string(rightmost_1bit(services)));
    }
    report_put_strings(report, &names);
    svec_destroy(&names);
}

static void
put_addresses(struct report *report, const struct policy *policy)
{
    struct svec addresses = SVEC_EMPTY_INITIALIZER;
    for (size_t i = 0; i < policy->n_addresses; i++) {
        svec_add_nocopy(&addresses,
                        policy_address_to_string(&policy->addresses[i]));
    }
    report_put_strings(report, &addresses);
    svec_destroy(&addresses);
}

static void
put_policy(struct report *report, const struct desired_vnic *d)
{
    if (!desired_vnic_has_policy(d)) {
        for (size_t i = 0; i < N_POLICY_CELLS; i++) {
            report_put_null(report);
        }
        return;
    }
    put_isolation(report, d);
    put_policy_source(report, d->policy_sources.isolation);
    put_guard(report, d);
    put_policy_source(report, d->policy_sources.guard);
    put_services(report, d->policy.services);
    put_policy_source(report, d->policy_sources.services);
    put_addresses(report, &d->policy);
    put_policy_source(report, d->policy_sources.addresses);
}

static void
put_vnic_details(struct report *report, const struct pass *pass,
                 const struct desired_vnic *d)
{
    report_put_string(report, d->domain);
    report_put_uuid(report, &d->vnic.id.domain);
    report_put_mac(report, d->vnic.id.mac);
    report_put_string(report, vnic_type_to_string(d->vnic.type));
    report_put_string(report, d->vnic.model);
    put_state(report, pass, d);
    report_put_string(report, d->bridge);
    put_port_name(report, d);
    put_ofport(report, d->port);
    report_put_time(report, d->port ? d->port->ready_ms : 0);
    report_put_string(report, d->vnic.bridge);
    report_put_string(report, d->vnic.network);
    report_put_string(report, d->vnic.portgroup);
    report_put_string(report, d->vnic.source_device);
    report_put_string(report, d->vnic.macvtap_mode);
    report_put_string(report, d->vnic.interface_id);
    report_put_string(report, d->vnic.profile_id);
    report_put_take(report, vlan_spec_to_string(&d->vlan));
    put_vlan_source(report, d);
    put_switch_vlan(report, d->port);
    put_policy(report, d);
}

/* Is 'd' what 'name', "DOMAIN" or "DOMAIN/MAC", stands for?  DOMAIN is a name
 * or a UUID; a slash can be part of neither. */
static bool
is_called(const struct desired_vnic *d, const char *name)
{
    CLEANUP_FREE char *domain = xstrdup(name);
    char *mac = strchr(domain, '/');
    if (mac) {
        *mac++ = '\0';
    }

    struct uuid uuid;
    struct eth_addr ea;
    return (nullable_string_is_equal(d->domain, domain)
            || (uuid_from_string(&uuid, domain)
                && uuid_equals(&uuid, &d->vnic.id.domain)))
           && (!mac || (eth_addr_from_string(mac, &ea)
                        && eth_addr_equals(ea, d->vnic.id.mac)));
}

/* Everything about the vNICs that 'name' stands for; without rows if there are
 * none. */
void
listing_vnic_details(const struct pass *pass, const char *name,
                     struct report *report)
{
    report_init(report, vnic_detail_columns, ARRAY_SIZE(vnic_detail_columns));
    for (size_t i = 0; i < pass->desired.n_vnics; i++) {
        const struct desired_vnic *d = &pass->desired.vnics[i];
        if (is_called(d, name)) {
            put_vnic_details(report, pass, d);
        }
    }
}

/* quarantine/list. */

static const struct report_column quarantine_columns[] = {
    { "domain", "DOMAIN" },
    { "mac", "MAC" },
    { NULL, "PORT" },
    { "reason", "REASON" },
};

/* The vNICs that are held back, and why. */
void
listing_quarantine(const struct pass *pass, struct report *report)
{
    CLEANUP_FREE const struct desired_vnic **vnics = sort_vnics(pass);

    report_init(report, quarantine_columns, ARRAY_SIZE(quarantine_columns));
    for (size_t i = 0; vnics[i]; i++) {
        char *reason;
        if (vnic_state_find(vnics[i], &pass->plan, &reason)
            != VNIC_STATE_QUARANTINED) {
            free(reason);
            continue;
        }
        report_put_string(report, vnics[i]->domain);
        report_put_mac(report, vnics[i]->vnic.id.mac);
        put_port_name(report, vnics[i]);
        report_put_take(report, reason);
    }
}

/* bridge/list. */

static const struct report_column bridge_columns[] = {
    { "bridge", "BRIDGE" },
    { "managed", "MANAGED" },
    { "fail_mode", "FAIL MODE" },
    { "drift", "DRIFT" },
    { "follow", "FOLLOW" },
    { "default_vlan", "DEFAULT VLAN" },
    { "orphans", "ORPHANS" },
    { "metadata", "METADATA" },
    { "guard", "GUARD" },
    { "fail_mode_setting", "FAIL MODE SETTING" },
    { "unknown_address", "UNKNOWN ADDRESS" },
    { "unknown_port", "UNKNOWN PORT" },
    { "no_intent", "NO INTENT" },
    { "said_by", "SAID BY" },
    { "uplinks", "UPLINKS" },
    { "connected", "CONNECTED" },
};

static void
put_uplinks(struct report *report, const struct switch_view *view,
            const char *bridge)
{
    struct svec uplinks = SVEC_EMPTY_INITIALIZER;
    for (size_t i = 0; i < view->n_ports; i++) {
        const struct port_view *port = &view->ports[i];
        if (!strcmp(port->bridge, bridge)
            && switch_view_find_role(view, port) == PORT_ROLE_UPLINK) {
            svec_add(&uplinks, port->name);
        }
    }
    report_put_strings(report, &uplinks);
    svec_destroy(&uplinks);
}

/* Who said those settings that are not the defaults: "vnicd-guard: bridge". */
static void
put_setting_sources(struct report *report, const struct settings *settings)
{
    struct svec said = SVEC_EMPTY_INITIALIZER;
    for (enum setting i = 0; i < N_SETTINGS; i++) {
        enum setting_source source = settings->sources[i];
        if (source != SETTING_FROM_DEFAULT) {
            svec_add_nocopy(&said, xasprintf("%s: %s", setting_to_string(i),
                                             setting_source_to_string(source)));
        }
    }
    report_put_strings(report, &said);
    svec_destroy(&said);
}

static void
put_settings(struct report *report, const struct settings *s)
{
    report_put_string(report, drift_mode_to_string(s->drift));
    report_put_boolean(report, s->follow);
    report_put_vid(report, s->default_vlan ? s->default_vlan : -1);
    report_put_string(report, s->collect_orphans ? "collect" : "report");
    report_put_string(report, metadata_mode_to_string(s->metadata));
    report_put_string(report, guard_level_to_string(s->guard));
    report_put_string(report, fail_mode_to_string(s->fail_mode));
    report_put_string(report, s->passes_unknown_addresses ? "pass" : "drop");
    report_put_string(report, s->passes_unknown_ports ? "pass" : "drop");
    report_put_string(report, s->trusts_rows ? "row" : "drop");
    put_setting_sources(report, s);
}

/* Null where no flow is needed, so that nobody connects. */
static void
put_connected(struct report *report, const struct desired_bridge *bridge)
{
    if (bridge && bridge->has_connection) {
        report_put_boolean(report, bridge->is_connected);
    } else {
        report_put_null(report);
    }
}

/* The real bridges, with the settings in force on each. */
void
listing_bridges(const struct pass *pass, struct report *report)
{
    report_init(report, bridge_columns, ARRAY_SIZE(bridge_columns));
    for (size_t i = 0; i < pass->view.n_bridges; i++) {
        const struct bridge_view *bridge = &pass->view.bridges[i];
        if (bridge->parent) {
            continue;
        }
        report_put_string(report, bridge->name);
        report_put_boolean(report, bridge_view_is_managed(bridge));
        report_put_string(report, bridge->fail_mode);
        put_settings(report, &bridge->settings);
        put_uplinks(report, &pass->view, bridge->name);
        put_connected(report, desired_find_bridge(&pass->desired,
                                                  bridge->name));
    }
}

/* plan. */

static const struct report_column change_columns[] = {
    { "kind", "KIND" },
    { "reason", "REASON" },
    { NULL, "VNIC" },
    { "key", "WHERE" },
    { "before", "BEFORE" },
    { "after", "AFTER" },
};

/* What the newest pass wants changed, and what it only reports; orphans that
 * are not due yet have a listing of their own. */
void
listing_plan(const struct pass *pass, struct report *report)
{
    report_init(report, change_columns, ARRAY_SIZE(change_columns));
    for (size_t i = 0; i < pass->plan.n_ops; i++) {
        const struct port_op *op = &pass->plan.ops[i];
        if (op->orphan && op->verdict == PORT_VERDICT_CONFIRM) {
            continue;
        }
        report_put_string(report, port_op_kind_to_string(op));
        report_put_string(report, port_cause_to_string(op->cause));
        report_put_take(report, port_op_label(op));
        report_put_take(report, port_op_object(op));
        report_put_take(report, port_op_before(op));
        report_put_take(report, port_op_after(op));
    }
}

/* What was changed after journal entry 'after'. */
void
listing_changes(const struct journal *journal, uint64_t after,
                struct report *report)
{
    report_init(report, change_columns, ARRAY_SIZE(change_columns));
    for (uint64_t i = MAX(journal_first(journal), after + 1); i <= journal->n;
         i++) {
        const struct journal_entry *entry = journal_get(journal, i);
        report_put_string(report, entry->kind);
        report_put_string(report, port_cause_to_string(entry->cause));
        report_put_string(report, entry->label);
        report_put_string(report, entry->object);
        report_put_string(report, entry->found);
        report_put_string(report, entry->restored);
    }
}

/* drift/list. */

static const struct report_column drift_columns[] = {
    { "time", "TIME" },
    { "domain", "DOMAIN" },
    { "mac", "MAC" },
    { "port", "PORT" },
    { "column", "COLUMN" },
    { "found", "FOUND" },
    { "restored", "RESTORED" },
    { "cause", "CAUSE" },
};

/* A row for bandwidth has no MAC. */
static void
put_known_mac(struct report *report, struct eth_addr mac)
{
    if (eth_addr_is_zero(mac)) {
        report_put_null(report);
    } else {
        report_put_mac(report, mac);
    }
}

/* The newest repairs and reports, oldest first.  What was only reported has
 * nothing restored. */
void
listing_drift(const struct journal *journal, struct report *report)
{
    report_init(report, drift_columns, ARRAY_SIZE(drift_columns));
    for (uint64_t i = journal_first(journal); i <= journal->n; i++) {
        const struct journal_entry *entry = journal_get(journal, i);
        if (!port_cause_is_drift(entry->cause)) {
            continue;
        }
        report_put_time(report, entry->time_ms);
        report_put_string(report, entry->domain);
        put_known_mac(report, entry->mac);
        report_put_string(report, entry->port);
        report_put_string(report, entry->column);
        report_put_string(report, entry->found);
        report_put_string(report,
                          entry->is_reported ? NULL : entry->restored);
        report_put_string(report, port_cause_to_string(entry->cause));
    }
}
