/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */

/* 'vnicd --cleanup': takes what is the agent's own out of the switch.  Needs
 * the database, but neither a running agent nor libvirt.  VLAN columns stay:
 * the guests go on as they are. */

#include <config.h>
#include "controller/remove.h"

#include <stdio.h>
#include <stdlib.h>

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

static char *
check_bridges(struct ovsdb_conn *conn, char *const *bridges, size_t n)
{
    struct switch_view view;
    char *error = NULL;

    ovs_view_read(ovsdb_conn_idl(conn), &view);
    for (size_t i = 0; i < n && !error; i++) {
        error = switch_view_check_bridge(&view, bridges[i]);
    }
    switch_view_destroy(&view);
    return error;
}

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

/* Removes what is ours from 'bridges', or from all of them if there are none,
 * in one transaction.  Blocks.  Returns NULL or a sentence. */
char *
remove_all(const char *ovsdb_remote, char *const *bridges, size_t n_bridges)
{
    struct ovsdb_conn *conn = ovsdb_conn_create(ovsdb_remote);
    long long int deadline_ms = time_msec() + DEADLINE_MS;

    char *error = wait_until_active(conn, deadline_ms);
    if (!error) {
        error = check_bridges(conn, bridges, n_bridges);
    }
    if (!error) {
        error = remove_marks(conn, bridges, n_bridges, deadline_ms);
    }
    ovsdb_conn_destroy(conn);
    return error;
}
