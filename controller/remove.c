/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */

/* 'vnicd --cleanup': takes what is the agent's own out of the switch: flows
 * first, then what is in the database.  Needs neither a running agent nor
 * libvirt.  VLAN columns stay: the guests go on as they are.
 *
 * A switch that is not running has no flows. */

#include <config.h>
#include "controller/remove.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "controller/bridge-flows.h"
#include "controller/reconcile.h"
#include "controller/vswitchd.h"
#include "daemon.h"
#include "dirs.h"
#include "flows/flow-owners.h"
#include "flows/ofconn.h"
#include "lib/cleanup.h"
#include "lib/memory.h"
#include "lib/switch-view.h"
#include "openvswitch/poll-loop.h"
#include "ovsdb/ovs-view.h"
#include "ovsdb/ovsdb-conn.h"
#include "ovsdb/port-apply.h"
#include "timeval.h"
#include "util.h"

enum { DEADLINE_MS = 10000 };

/* Runs the connection until it may write.  Returns a sentence if it may not
 * within the deadline, or never. */
static char *
wait_until_active(struct ovsdb_conn *conn, long long int deadline_ms)
{
    for (;;) {
        ovsdb_conn_run(conn);
        if (ovsdb_conn_state(conn) == OVSDB_CONN_ACTIVE) {
            return NULL;
        }
        if (ovsdb_conn_state(conn) == OVSDB_CONN_STANDBY) {
            return xstrdup("an agent is running on this switch; stop it "
                           "first");
        }
        if (time_msec() >= deadline_ms) {
            return xasprintf("database %s did not answer within %d s",
                             ovsdb_conn_remote(conn), DEADLINE_MS / 1000);
        }
        ovsdb_conn_wait(conn);
        poll_timer_wait_until(deadline_ms);
        poll_block();
    }
}

/* What is there, with nobody who means anything. */

static void
look(const struct ovsdb_conn *conn, struct pass *pass)
{
    struct memory memory;
    memory_init(&memory);
    ovs_view_read(ovsdb_conn_idl(conn), &pass->view);
    desired_compute(&(struct facts) { .view = &pass->view,
                                      .memory = &memory }, &pass->desired);
    pass->orphans = (struct orphans) ORPHANS_INIT;
    pass->plan = (struct port_plan) PORT_PLAN_INIT;
    memory_destroy(&memory);
}

static void
forget(struct pass *pass)
{
    desired_destroy(&pass->desired);
    switch_view_destroy(&pass->view);
}

static char *
check_bridges(const struct pass *pass, char *const *bridges, size_t n)
{
    char *error = NULL;
    for (size_t i = 0; i < n && !error; i++) {
        error = switch_view_check_bridge(&pass->view, bridges[i]);
    }
    return error;
}

static bool
is_chosen(const struct desired_bridge *bridge, char *const *bridges, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (!strcmp(bridges[i], bridge->view->name)) {
            return true;
        }
    }
    return !n;
}

/* Flows. */

/* Can nothing of ours be on 'bridge', because it does not speak the versions of
 * OpenFlow that we do? */
static bool
is_out_of_reach(const struct bridge_flows *bf,
                const struct desired_bridge *bridge)
{
    const struct ofconn *conn = bridge_flows_conn(bf);
    CLEANUP_FREE char *problem = ofconn_problem(conn);
    struct flow_owners owners;
    flow_owners_find(ofconn_installed(conn), &owners);
    return problem && ofconn_state(conn) != OFCONN_READING
           && !owners.has_ours && !patch_pair_is_there(&bridge->pair);
}

/* Returns why flows are still there, as a malloc'd sentence. */
static char *
explain_delay(const struct bridge_flows *bf)
{
    char *problem = ofconn_problem(bridge_flows_conn(bf));
    return problem ? problem
           : xstrdup(bridge_flows_state_to_string(bridge_flows_state(bf)));
}

/* Runs 'bf' until nothing of ours is left on 'bridge'. */
static char *
wait_until_removed(struct bridge_flows *bf, const struct pass *pass,
                   const struct desired_bridge *bridge,
                   long long int deadline_ms)
{
    for (;;) {
        long long int now = time_msec();
        bridge_flows_run(bf, now);
        bridge_flows_update(bf, pass, bridge, true, now);
        if (bridge_flows_state(bf) == BRIDGE_FLOWS_REMOVED
            || is_out_of_reach(bf, bridge)) {
            return NULL;
        }
        if (now >= deadline_ms) {
            CLEANUP_FREE char *why = explain_delay(bf);
            return xasprintf("bridge %s: its flows could not be removed "
                             "within %d s (%s)", bridge->view->name,
                             DEADLINE_MS / 1000, why);
        }
        bridge_flows_wait(bf);
        poll_timer_wait_until(deadline_ms);
        poll_block();
    }
}

static char *
remove_flows_of(const struct pass *pass, const struct desired_bridge *bridge,
                long long int deadline_ms)
{
    struct bridge_flows *bf = bridge_flows_create(bridge->view);
    char *error = wait_until_removed(bf, pass, bridge, deadline_ms);
    if (!error) {
        struct ofconn_counters counters;
        ofconn_get_counters(bridge_flows_conn(bf), &counters);
        if (counters.bundles.committed) {
            printf("vnicd: removed the flows of bridge %s\n",
                   bridge->view->name);
        }
    }
    bridge_flows_destroy(bf);
    return error;
}

static char *
remove_flows(const struct pass *pass, char *const *bridges, size_t n_bridges,
             long long int deadline_ms)
{
    char *error = NULL;
    for (size_t i = 0; i < pass->desired.n_bridges && !error; i++) {
        const struct desired_bridge *bridge = &pass->desired.bridges[i];
        if (is_chosen(bridge, bridges, n_bridges) && vswitchd_find()) {
            error = remove_flows_of(pass, bridge, deadline_ms);
        }
    }
    return error;
}

/* Rows. */

static char *
commit(struct ovsdb_conn *conn, long long int deadline_ms)
{
    for (;;) {
        char *error;
        switch (ovsdb_conn_poll(conn, &error)) {
        case OVSDB_CONN_DONE:
            return NULL;
        case OVSDB_CONN_FAILED:
            return error;
        case OVSDB_CONN_TRY_AGAIN:
            return xstrdup("the database changed meanwhile; try again");
        case OVSDB_CONN_PENDING:
            break;
        }
        if (time_msec() >= deadline_ms) {
            return xstrdup("the database did not answer in time");
        }
        ovsdb_conn_wait(conn);
        poll_timer_wait_until(deadline_ms);
        poll_block();
        ovsdb_conn_run(conn);
    }
}

static char *
remove_marks(struct ovsdb_conn *conn, char *const *bridges, size_t n_bridges,
             long long int deadline_ms)
{
    struct ovsdb_idl_txn *txn = ovsdb_conn_begin(conn);
    unsigned int n = n_bridges ? 0
        : port_apply_cleanup(ovsdb_conn_idl(conn), NULL, txn);
    for (size_t i = 0; i < n_bridges; i++) {
        n += port_apply_cleanup(ovsdb_conn_idl(conn), bridges[i], txn);
    }

    char *error = commit(conn, deadline_ms);
    if (!error) {
        printf("vnicd: took the marks off %u interface%s\n", n,
               n == 1 ? "" : "s");
    }
    return error;
}

/* Returns a sentence if an agent is running here, whatever database it has. */
static char *
check_agent(void)
{
    CLEANUP_FREE char *pidfile = xasprintf("%s/vnicd.pid", ovs_rundir());
    pid_t pid = access(pidfile, R_OK) ? 0 : read_pidfile(pidfile);
    return pid <= 0
           ? NULL
           : xasprintf("an agent is running (pid %ld); stop it first",
                       (long int) pid);
}

static char *
remove_ours(struct ovsdb_conn *conn, char *const *bridges, size_t n_bridges,
            long long int deadline_ms)
{
    struct pass pass;
    look(conn, &pass);
    char *error = check_bridges(&pass, bridges, n_bridges);
    if (!error) {
        error = remove_flows(&pass, bridges, n_bridges, deadline_ms);
    }
    forget(&pass);
    return error ? error
                 : remove_marks(conn, bridges, n_bridges, deadline_ms);
}

/* Removes what is ours from 'bridges', or from all of them if there are none:
 * flows, and then rows and keys in one transaction.  Blocks.  Returns NULL or
 * a sentence. */
char *
remove_all(const char *ovsdb_remote, char *const *bridges, size_t n_bridges)
{
    struct ovsdb_conn *conn = ovsdb_conn_create(ovsdb_remote);
    long long int deadline_ms = time_msec() + DEADLINE_MS;

    char *error = wait_until_active(conn, deadline_ms);
    if (!error) {
        error = check_agent();
    }
    if (!error) {
        error = remove_ours(conn, bridges, n_bridges, deadline_ms);
    }
    ovsdb_conn_destroy(conn);
    return error;
}
