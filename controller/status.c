/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */

/* The one screen that tells an operator how the agent is: an object for
 * scripts, lines for people. */

#include <config.h>
#include "controller/status.h"

#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

#include "controller/bridge-flows.h"
#include "controller/hooks.h"
#include "controller/inputs.h"
#include "controller/journal.h"
#include "controller/reconcile.h"
#include "controller/switch-flows.h"
#include "controller/vnic-state.h"
#include "controller/vswitchd.h"
#include "controller/warnings.h"
#include "flows/ofconn.h"
#include "flows/pipeline.h"
#include "lib/cleanup.h"
#include "lib/desired.h"
#include "lib/text.h"
#include "openvswitch/dynamic-string.h"
#include "openvswitch/json.h"
#include "ovsdb/ovsdb-conn.h"
#include "svec.h"
#include "timeval.h"
#include "util.h"
#include "virt/virt-conn.h"

/* How many mistakes in metadata are told. */
enum { MAX_METADATA_ERRORS = 5 };

/* How long connecting to a bridge, and reading it, may take before that is
 * told. */
enum { MOMENT_MS = 2000 };

/* What is wrong. */

static void
warn_of_libvirt(struct svec *warnings, const struct inputs *in)
{
    for (size_t i = 0; i < in->n_virts; i++) {
        struct virt_status s;
        virt_conn_get_status(in->virts[i], &s);
        if (s.state != VIRT_SYNCED || s.error) {
            warnings_add(warnings, "libvirt %s: %s%s%s", s.uri,
                         virt_state_to_string(s.state),
                         s.error ? ": " : "", s.error ? s.error : "");
        }
    }
}

/* Adds to 'errors' what is wrong with the metadata of running domains and is
 * not about one vNIC. */
static void
find_metadata_errors(const struct inputs *in, struct svec *errors)
{
    for (size_t i = 0; i < in->n_virts; i++) {
        const struct domain *domain;
        HMAP_FOR_EACH (domain, node, &in->sources[i].domains->domains) {
            CLEANUP_FREE char *name
                = text_printable(domain->name ? domain->name : "?");
            for (size_t j = 0; j < domain->metadata_errors.n; j++) {
                if (domain->is_active) {
                    svec_add_nocopy(errors, xasprintf(
                        "domain %s: %s", name,
                        domain->metadata_errors.names[j]));
                }
            }
        }
    }
    svec_sort_unique(errors);   /* Two connections may have one domain. */
}

static void
warn_of_metadata(struct svec *warnings, const struct inputs *in)
{
    struct svec errors = SVEC_EMPTY_INITIALIZER;
    find_metadata_errors(in, &errors);
    for (size_t i = 0; i < MIN(errors.n, MAX_METADATA_ERRORS); i++) {
        svec_add(warnings, errors.names[i]);
    }
    if (errors.n > MAX_METADATA_ERRORS) {
        warnings_add(warnings, "%"PRIuSIZE" more errors in metadata of "
                     "domains", errors.n - MAX_METADATA_ERRORS);
    }
    svec_destroy(&errors);
}

static void
warn_of_hooks(struct svec *warnings, const struct hooks *hooks)
{
    struct hooks_status s;
    hooks_get_status(hooks, &s);
    if (s.error) {
        warnings_add(warnings, "hooks are not heard at %s: %s", s.socket,
                     s.error);
    }
}

static void
warn_of_peers(struct svec *warnings, const struct inputs *in,
              const struct reconciler *r)
{
    warn_of_libvirt(warnings, in);
    if (ovsdb_conn_state(in->ovsdb) != OVSDB_CONN_ACTIVE) {
        warnings_add(warnings, "database %s: %s",
                     ovsdb_conn_remote(in->ovsdb),
                     ovsdb_conn_state_to_string(ovsdb_conn_state(in->ovsdb)));
    }
    if (reconciler_error(r)) {
        warnings_add(warnings, "the database refused the last transaction: %s",
                     reconciler_error(r));
    }
    if (!vswitchd_find()) {
        warnings_add(warnings, "ovs-vswitchd is not running");
    }
}

static void
warn_of_crowded_vlans(struct svec *warnings,
                      const struct pipeline_bridge *bridge)
{
    struct vlan_set crowded;
    pipeline_crowded_vlans(bridge, &crowded);
    if (!vlan_set_is_empty(&crowded)) {
        struct ds vids = DS_EMPTY_INITIALIZER;
        vlan_set_format(&crowded, &vids);
        warnings_add(warnings, "crowded: bridge %s: more than %d vNICs on "
                     "VLAN %s; what is for all of them may not reach each",
                     bridge->name, PIPELINE_MAX_RECEIVERS, ds_cstr(&vids));
        ds_destroy(&vids);
    }
}

/* Warns of a state of 'bf' that is gone in a moment, unless something is
 * wrong. */
static void
warn_of_state(struct svec *warnings, const struct bridge_flows *bf)
{
    enum bridge_flows_state state = bridge_flows_state(bf);
    if (time_wall_msec() - bridge_flows_since(bf) < MOMENT_MS) {
        return;
    }
    if (state == BRIDGE_FLOWS_DISCONNECTED) {
        warnings_add(warnings, "disconnected: bridge %s: the switch does not "
                     "answer: no vNIC gets flows", bridge_flows_name(bf));
    } else if (state == BRIDGE_FLOWS_CHANGED) {
        warnings_add(warnings, "flows-changed: bridge %s: somebody changes "
                     "flows again and again; they are read, and put right, "
                     "once a minute", bridge_flows_name(bf));
    }
}

static void
warn_of_flows(struct svec *warnings, const struct switch_flows *flows)
{
    for (size_t i = 0; i < switch_flows_n(flows); i++) {
        const struct bridge_flows *bf = switch_flows_get(flows, i);
        char *problem = bridge_flows_problem(bf);
        if (problem) {
            svec_add_nocopy(warnings, problem);
        } else {
            warn_of_state(warnings, bf);
        }
        warn_of_crowded_vlans(warnings, bridge_flows_facts(bf));
    }
}

/* Stores in 'warnings', whose content is overwritten unread, everything that
 * is wrong, each a sentence of its own. */
static void
find_warnings(const struct inputs *in, const struct reconciler *r,
              const struct hooks *hooks, struct svec *warnings)
{
    svec_init(warnings);
    warn_of_peers(warnings, in, r);
    warn_of_flows(warnings, reconciler_flows(r));
    warn_of_hooks(warnings, hooks);
    warn_of_metadata(warnings, in);
    warnings_find(reconciler_pass(r), reconciler_memory(r), warnings);
}

/* What is. */

static void
put_string(struct json *object, const char *key, const char *value)
{
    json_object_put(object, key, value ? json_string_create(value)
                                       : json_null_create());
}

static void
put_integer(struct json *object, const char *key, long long int value)
{
    json_object_put(object, key, json_integer_create(value));
}

static void
put_time(struct json *object, const char *key, long long int ms)
{
    json_object_put(object, key,
                    json_string_create_nocopy(report_time_to_string(ms)));
}

static struct json *
strings_to_json(const struct svec *strings)
{
    struct json *array = json_array_create_empty();
    for (size_t i = 0; i < strings->n; i++) {
        json_array_add(array, json_string_create(strings->names[i]));
    }
    return array;
}

static struct json *
libvirt_to_json(const struct inputs *in)
{
    struct json *array = json_array_create_empty();
    for (size_t i = 0; i < in->n_virts; i++) {
        struct virt_status s;
        virt_conn_get_status(in->virts[i], &s);

        struct json *object = json_object_create();
        put_string(object, "uri", s.uri);
        put_string(object, "state", virt_state_to_string(s.state));
        put_time(object, "since", s.since_ms);
        put_string(object, "error", s.error);
        put_integer(object, "domains", s.n_domains);
        put_integer(object, "active", s.n_active);
        put_integer(object, "events", s.n_events);
        json_array_add(array, object);
    }
    return array;
}

static struct json *
ovsdb_to_json(const struct inputs *in, const struct reconciler *r)
{
    enum ovsdb_conn_state state = ovsdb_conn_state(in->ovsdb);
    struct json *object = json_object_create();
    put_string(object, "remote", ovsdb_conn_remote(in->ovsdb));
    put_string(object, "state", ovsdb_conn_state_to_string(state));
    put_time(object, "since", ovsdb_conn_since(in->ovsdb));
    put_string(object, "lock", state == OVSDB_CONN_ACTIVE ? "held"
                               : state == OVSDB_CONN_STANDBY ? "contended"
                               : NULL);
    put_string(object, "error", reconciler_error(r));
    return object;
}

static struct json *
hooks_to_json(const struct hooks *hooks)
{
    struct hooks_status s;
    hooks_get_status(hooks, &s);

    struct json *object = json_object_create();
    put_string(object, "socket", s.socket);
    put_string(object, "error", s.error);
    put_integer(object, "events", s.n_events);
    put_integer(object, "refused", s.n_refused);
    put_integer(object, "unable", s.n_unable);
    put_integer(object, "malformed", s.n_malformed);
    return object;
}

static struct json *
vswitchd_to_json(void)
{
    pid_t pid = vswitchd_find();
    struct json *object = json_object_create();
    json_object_put(object, "running", json_boolean_create(pid != 0));
    json_object_put(object, "pid", pid ? json_integer_create(pid)
                                       : json_null_create());
    return object;
}

static uint64_t
count_flow_mods(const struct ofconn_counters *counters)
{
    uint64_t n = 0;
    for (enum flow_op_kind kind = 0; kind < N_FLOW_OP_KINDS; kind++) {
        n += counters->bundles.ops[kind];
    }
    return n;
}

static struct json *
bridge_flows_to_json(const struct bridge_flows *bf)
{
    struct ofconn_counters counters;
    ofconn_get_counters(bridge_flows_conn(bf), &counters);

    struct json *object = json_object_create();
    put_string(object, "bridge", bridge_flows_name(bf));
    put_string(object, "state",
               bridge_flows_state_to_string(bridge_flows_state(bf)));
    put_time(object, "since", bridge_flows_since(bf));
    put_integer(object, "bundles", counters.bundles.committed);
    put_integer(object, "refused_bundles", counters.bundles.refused);
    put_integer(object, "flow_mods", count_flow_mods(&counters));
    put_integer(object, "port_mods", counters.port_mods);
    put_integer(object, "errors", counters.errors);
    put_integer(object, "reads", counters.reads);
    put_integer(object, "reconnects", counters.reconnects);
    return object;
}

static struct json *
openflow_to_json(const struct switch_flows *flows)
{
    struct json *array = json_array_create_empty();
    for (size_t i = 0; i < switch_flows_n(flows); i++) {
        json_array_add(array, bridge_flows_to_json(switch_flows_get(flows,
                                                                    i)));
    }
    return array;
}

static void
count_states(const struct pass *pass, unsigned int counts[N_VNIC_STATES])
{
    for (size_t i = 0; i < pass->desired.n_vnics; i++) {
        char *reason;
        counts[vnic_state_find(&pass->desired.vnics[i], &pass->plan,
                               &reason)]++;
        free(reason);
    }
}

static struct json *
vnics_to_json(const struct pass *pass)
{
    unsigned int counts[N_VNIC_STATES] = { 0 };
    count_states(pass, counts);

    struct json *object = json_object_create();
    for (enum vnic_state state = 0; state < N_VNIC_STATES; state++) {
        put_integer(object, vnic_state_to_string(state), counts[state]);
    }
    return object;
}

static size_t
count_bridges(const struct switch_view *view)
{
    size_t n = 0;
    for (size_t i = 0; i < view->n_bridges; i++) {
        n += !view->bridges[i].parent;
    }
    return n;
}

/* For every cause, also where nothing has happened yet. */
static struct json *
drift_to_json(const struct journal *journal)
{
    struct json *object = json_object_create();
    for (enum port_cause cause = 0; cause < N_PORT_CAUSES; cause++) {
        if (port_cause_is_drift(cause)) {
            struct json *counts = json_object_create();
            put_integer(counts, "repaired", journal->n_repaired[cause]);
            put_integer(counts, "reported", journal->n_reported[cause]);
            json_object_put(object, port_cause_to_string(cause), counts);
        }
    }
    return object;
}

static struct json *
status_to_json(const struct inputs *in, const struct reconciler *r,
               const struct hooks *hooks)
{
    const struct journal *journal = reconciler_journal(r);
    const struct pass *pass = reconciler_pass(r);
    struct json *object = json_object_create();
    struct svec warnings;

    find_warnings(in, r, hooks, &warnings);
    put_string(object, "version", VERSION);
    put_integer(object, "pid", getpid());
    json_object_put(object, "ok", json_boolean_create(!warnings.n));
    json_object_put(object, "libvirt", libvirt_to_json(in));
    json_object_put(object, "ovsdb", ovsdb_to_json(in, r));
    json_object_put(object, "vswitchd", vswitchd_to_json());
    json_object_put(object, "openflow",
                    openflow_to_json(reconciler_flows(r)));
    json_object_put(object, "hooks", hooks_to_json(hooks));
    put_integer(object, "bridges", count_bridges(&pass->view));
    json_object_put(object, "vnics", vnics_to_json(pass));
    put_integer(object, "passes", reconciler_n_passes(r));
    put_integer(object, "ovsdb_transactions",
                ovsdb_conn_n_commits(in->ovsdb));
    put_integer(object, "column_repairs", journal_count(journal));
    json_object_put(object, "drift", drift_to_json(journal));
    put_integer(object, "drift_repaired",
                journal_count_drift(journal, false));
    put_integer(object, "drift_reported",
                journal_count_drift(journal, true));
    json_object_put(object, "warnings", strings_to_json(&warnings));
    svec_destroy(&warnings);
    return object;
}

/* For people: the same, a line for each thing. */

static const struct report_column status_columns[] = {
    { "item", "ITEM" },
    { "value", "VALUE" },
};

static void
put_libvirt_lines(struct report *report, const struct inputs *in)
{
    for (size_t i = 0; i < in->n_virts; i++) {
        struct virt_status s;
        virt_conn_get_status(in->virts[i], &s);
        CLEANUP_FREE char *since = report_time_to_string(s.since_ms);

        report_put_string(report, "libvirt");
        report_put_format(report, "%s: %s since %s, %"PRIuSIZE" of %"PRIuSIZE
                          " domains running", s.uri,
                          virt_state_to_string(s.state), since, s.n_active,
                          s.n_domains);
    }
}

static void
put_switch_lines(struct report *report, const struct inputs *in,
                 const struct pass *pass)
{
    CLEANUP_FREE char *since
        = report_time_to_string(ovsdb_conn_since(in->ovsdb));
    pid_t pid = vswitchd_find();

    report_put_string(report, "database");
    report_put_format(report, "%s: %s since %s", ovsdb_conn_remote(in->ovsdb),
                      ovsdb_conn_state_to_string(ovsdb_conn_state(in->ovsdb)),
                      since);
    report_put_string(report, "ovs-vswitchd");
    if (pid) {
        report_put_format(report, "running, pid %ld", (long int) pid);
    } else {
        report_put_string(report, "not running");
    }
    report_put_string(report, "bridges");
    report_put_integer(report, count_bridges(&pass->view));
}

static void
put_flow_lines(struct report *report, const struct switch_flows *flows)
{
    for (size_t i = 0; i < switch_flows_n(flows); i++) {
        const struct bridge_flows *bf = switch_flows_get(flows, i);
        CLEANUP_FREE char *since
            = report_time_to_string(bridge_flows_since(bf));
        struct ofconn_counters counters;
        ofconn_get_counters(bridge_flows_conn(bf), &counters);

        report_put_string(report, "flows");
        report_put_format(report, "%s: %s since %s, flow mods: %"PRIu64", "
                          "errors: %"PRIu64, bridge_flows_name(bf),
                          bridge_flows_state_to_string(
                              bridge_flows_state(bf)),
                          since, count_flow_mods(&counters), counters.errors);
    }
}

static void
put_hooks_line(struct report *report, const struct hooks *hooks)
{
    struct hooks_status s;
    hooks_get_status(hooks, &s);
    report_put_string(report, "hooks");
    report_put_format(report, "%s: %s, events: %"PRIu64", refused: %"PRIu64
                      ", not ready in time: %"PRIu64, s.socket,
                      s.error ? s.error : "listening", s.n_events,
                      s.n_refused, s.n_unable);
}

static void
put_drift_line(struct report *report, const struct journal *journal)
{
    struct ds s = DS_EMPTY_INITIALIZER;
    ds_put_cstr(&s, "put right: ");
    journal_format_drift(journal, false, &s);
    ds_put_cstr(&s, ", only reported: ");
    journal_format_drift(journal, true, &s);
    report_put_string(report, "drift");
    report_put_take(report, ds_steal_cstr(&s));
}

static void
put_work_lines(struct report *report, const struct inputs *in,
               const struct reconciler *r)
{
    const struct journal *journal = reconciler_journal(r);

    put_drift_line(report, journal);
    report_put_string(report, "work");
    report_put_format(report, "passes: %"PRIu64", transactions: %"PRIu64", "
                      "columns written: %"PRIu64, reconciler_n_passes(r),
                      ovsdb_conn_n_commits(in->ovsdb),
                      journal_count(journal));
}

static void
put_warning_lines(struct report *report, const struct inputs *in,
                  const struct reconciler *r, const struct hooks *hooks)
{
    struct svec warnings;
    find_warnings(in, r, hooks, &warnings);
    for (size_t i = 0; i < warnings.n; i++) {
        report_put_string(report, "warning");
        report_put_string(report, warnings.names[i]);
    }
    svec_destroy(&warnings);
}

static char *
render_lines(const struct inputs *in, const struct reconciler *r,
             const struct hooks *hooks, enum report_format format)
{
    struct report report;
    report_init(&report, status_columns, ARRAY_SIZE(status_columns));

    report_put_string(&report, "vnicd");
    report_put_format(&report, "%s, pid %ld", VERSION, (long int) getpid());
    put_libvirt_lines(&report, in);
    put_switch_lines(&report, in, reconciler_pass(r));
    put_flow_lines(&report, reconciler_flows(r));
    put_hooks_line(&report, hooks);
    report_put_string(&report, "vnics");
    CLEANUP_FREE char *summary = status_summary(r);
    report_put_string(&report, summary);
    put_work_lines(&report, in, r);
    put_warning_lines(&report, in, r, hooks);

    char *text = report_render(&report, format);
    report_destroy(&report);
    return text;
}

/* Returns the status as a malloc'd string. */
char *
status_render(const struct inputs *in, const struct reconciler *r,
              const struct hooks *hooks, enum report_format format)
{
    if (format != REPORT_JSON) {
        return render_lines(in, r, hooks, format);
    }

    struct json *json = status_to_json(in, r, hooks);
    char *text = json_to_string(json, JSSF_PRETTY | JSSF_SORT);
    json_destroy(json);
    return text;
}

/* Returns one line for the service manager, as a malloc'd string. */
char *
status_summary(const struct reconciler *r)
{
    unsigned int counts[N_VNIC_STATES] = { 0 };
    count_states(reconciler_pass(r), counts);

    struct ds s = DS_EMPTY_INITIALIZER;
    for (enum vnic_state state = 0; state < N_VNIC_STATES; state++) {
        if (counts[state]) {
            ds_put_format(&s, "%s%u %s", s.length ? ", " : "", counts[state],
                          vnic_state_to_string(state));
        }
    }
    return s.length ? ds_steal_cstr(&s) : xstrdup("no vNICs");
}
