/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */

/* Keeps a replica of the columns that we use, and gets one transaction at a
 * time committed.  What is written is decided elsewhere; rows become facts in
 * ovs-view.c, operations become transactions in port-apply.c. */

#include <config.h>
#include "ovsdb/ovsdb-conn.h"

#include <stdlib.h>

#include "coverage.h"
#include "openvswitch/poll-loop.h"
#include "openvswitch/vlog.h"
#include "ovsdb-idl.h"
#include "timeval.h"
#include "util.h"
#include "vswitch-idl.h"

VLOG_DEFINE_THIS_MODULE(ovsdb_conn);

COVERAGE_DEFINE(ovsdb_commit);
COVERAGE_DEFINE(ovsdb_try_again);
COVERAGE_DEFINE(ovsdb_error);

struct ovsdb_conn {
    char *remote;
    struct ovsdb_idl *idl;
    enum ovsdb_conn_state state;
    unsigned int state_seqno;   /* Changes with 'state'. */
    unsigned int old_seqno;     /* Of the facts, when last not connected. */
    long long int since_ms;     /* Wall clock: when 'state' became so. */
    struct ovsdb_idl_txn *txn;  /* On its way, or NULL. */
    uint64_t n_commits;         /* Transactions that changed something. */
};

const char *
ovsdb_conn_state_to_string(enum ovsdb_conn_state state)
{
    switch (state) {
    case OVSDB_CONN_DISCONNECTED:
        return "disconnected";
    case OVSDB_CONN_SYNCING:
        return "syncing";
    case OVSDB_CONN_STANDBY:
        return "standby";
    case OVSDB_CONN_ACTIVE:
        return "active";
    }
    OVS_NOT_REACHED();
}

/* We monitor only what we use: vswitchd rewrites the statistics of every
 * interface every few seconds. */
static void
monitor_columns(struct ovsdb_idl *idl)
{
    static const struct ovsdb_idl_column *const columns[] = {
        &ovsrec_open_vswitch_col_bridges,
        &ovsrec_open_vswitch_col_external_ids,
        &ovsrec_open_vswitch_col_other_config,
        &ovsrec_bridge_col_name,
        &ovsrec_bridge_col_ports,
        &ovsrec_bridge_col_controller,
        &ovsrec_bridge_col_external_ids,
        &ovsrec_bridge_col_fail_mode,
        &ovsrec_bridge_col_mirrors,
        &ovsrec_bridge_col_other_config,
        &ovsrec_bridge_col_rstp_enable,
        &ovsrec_bridge_col_stp_enable,
        &ovsrec_port_col_name,
        &ovsrec_port_col_interfaces,
        &ovsrec_port_col_fake_bridge,
        &ovsrec_port_col_tag,
        &ovsrec_port_col_trunks,
        &ovsrec_port_col_vlan_mode,
        &ovsrec_port_col_cvlans,
        &ovsrec_port_col_other_config,
        &ovsrec_port_col_protected_,
        &ovsrec_port_col_qos,
        &ovsrec_interface_col_name,
        &ovsrec_interface_col_type,
        &ovsrec_interface_col_options,
        &ovsrec_interface_col_external_ids,
        &ovsrec_interface_col_ofport,
        &ovsrec_interface_col_error,
        &ovsrec_interface_col_ifindex,
        &ovsrec_interface_col_link_state,
        &ovsrec_mirror_col_name,
        &ovsrec_mirror_col_output_port,
        &ovsrec_qos_col_queues,
        &ovsrec_qos_col_external_ids,
        &ovsrec_queue_col_external_ids,
    };

    ovsdb_idl_add_table(idl, &ovsrec_table_open_vswitch);
    ovsdb_idl_add_table(idl, &ovsrec_table_bridge);
    ovsdb_idl_add_table(idl, &ovsrec_table_port);
    ovsdb_idl_add_table(idl, &ovsrec_table_interface);
    ovsdb_idl_add_table(idl, &ovsrec_table_mirror);
    ovsdb_idl_add_table(idl, &ovsrec_table_qos);
    ovsdb_idl_add_table(idl, &ovsrec_table_queue);
    for (size_t i = 0; i < ARRAY_SIZE(columns); i++) {
        ovsdb_idl_add_column(idl, columns[i]);
    }
}

/* Returns a connection to the Open_vSwitch database at 'remote', which is
 * tried for ever. */
struct ovsdb_conn *
ovsdb_conn_create(const char *remote)
{
    struct ovsdb_conn *conn = xzalloc(sizeof *conn);
    conn->remote = xstrdup(remote);
    conn->since_ms = time_wall_msec();
    conn->idl = ovsdb_idl_create(remote, &ovsrec_idl_class, false, true);
    monitor_columns(conn->idl);
    ovsdb_idl_set_lock(conn->idl, OVSDB_CONN_LOCK);
    return conn;
}

/* A transaction on its way is abandoned: it may or may not be committed. */
void
ovsdb_conn_destroy(struct ovsdb_conn *conn)
{
    if (conn) {
        if (conn->txn) {
            ovsdb_idl_txn_destroy(conn->txn);
        }
        ovsdb_idl_destroy(conn->idl);
        free(conn->remote);
        free(conn);
    }
}

/* Has the database been dumped completely over this connection?  A new one
 * gives the lock first, while the facts are those of before. */
static bool
is_dumped(const struct ovsdb_conn *conn)
{
    return ovsdb_conn_seqno(conn) != conn->old_seqno
           && ovsrec_open_vswitch_first(conn->idl);
}

static enum ovsdb_conn_state
find_state(const struct ovsdb_conn *conn)
{
    if (!ovsdb_idl_is_connected(conn->idl)) {
        return OVSDB_CONN_DISCONNECTED;
    } else if (!is_dumped(conn)) {
        return OVSDB_CONN_SYNCING;
    } else if (ovsdb_idl_has_lock(conn->idl)) {
        return OVSDB_CONN_ACTIVE;
    } else {
        return (ovsdb_idl_is_lock_contended(conn->idl)
                ? OVSDB_CONN_STANDBY : OVSDB_CONN_SYNCING);
    }
}

void
ovsdb_conn_run(struct ovsdb_conn *conn)
{
    ovsdb_idl_run(conn->idl);
    if (!ovsdb_idl_is_connected(conn->idl)) {
        conn->old_seqno = ovsdb_conn_seqno(conn);
    }

    enum ovsdb_conn_state state = find_state(conn);
    if (state != conn->state) {
        conn->state = state;
        conn->state_seqno++;
        conn->since_ms = time_wall_msec();
        VLOG_INFO("%s: %s", conn->remote, ovsdb_conn_state_to_string(state));
    }
}

void
ovsdb_conn_wait(struct ovsdb_conn *conn)
{
    ovsdb_idl_wait(conn->idl);
    if (conn->txn) {
        ovsdb_idl_txn_wait(conn->txn);
    }
}

struct ovsdb_idl *
ovsdb_conn_idl(const struct ovsdb_conn *conn)
{
    return conn->idl;
}

const char *
ovsdb_conn_remote(const struct ovsdb_conn *conn)
{
    return conn->remote;
}

/* Returns a number that changes with the facts. */
unsigned int
ovsdb_conn_seqno(const struct ovsdb_conn *conn)
{
    return ovsdb_idl_get_seqno(conn->idl);
}

enum ovsdb_conn_state
ovsdb_conn_state(const struct ovsdb_conn *conn)
{
    return conn->state;
}

/* Returns a number that changes with the state. */
unsigned int
ovsdb_conn_state_seqno(const struct ovsdb_conn *conn)
{
    return conn->state_seqno;
}

/* Returns since when the state is what it is, in ms since the epoch. */
long long int
ovsdb_conn_since(const struct ovsdb_conn *conn)
{
    return conn->since_ms;
}

/* True while the facts are what the database has now, not what it had when it
 * was there last. */
bool
ovsdb_conn_has_facts(const struct ovsdb_conn *conn)
{
    return (conn->state == OVSDB_CONN_STANDBY
            || conn->state == OVSDB_CONN_ACTIVE);
}

/* Returns a new transaction to fill in before the next ovsdb_conn_poll(), or
 * NULL if we may not write now or the previous one has not ended.  The
 * connection owns it. */
struct ovsdb_idl_txn *
ovsdb_conn_begin(struct ovsdb_conn *conn)
{
    if (conn->txn || conn->state != OVSDB_CONN_ACTIVE) {
        return NULL;
    }
    conn->txn = ovsdb_idl_txn_create(conn->idl);
    return conn->txn;
}

/* True between ovsdb_conn_begin() and the outcome. */
bool
ovsdb_conn_is_writing(const struct ovsdb_conn *conn)
{
    return conn->txn != NULL;
}

/* Moves the transaction on, if there is one, and returns its outcome once.
 * With OVSDB_CONN_FAILED '*errorp' is the database's sentence, which the
 * caller owns; otherwise NULL. */
enum ovsdb_conn_outcome
ovsdb_conn_poll(struct ovsdb_conn *conn, char **errorp)
{
    *errorp = NULL;
    if (!conn->txn) {
        return OVSDB_CONN_PENDING;
    }

    enum ovsdb_conn_outcome outcome = OVSDB_CONN_PENDING;
    switch (ovsdb_idl_txn_commit(conn->txn)) {
    case TXN_INCOMPLETE:
        return OVSDB_CONN_PENDING;
    case TXN_SUCCESS:
        COVERAGE_INC(ovsdb_commit);
        conn->n_commits++;
        outcome = OVSDB_CONN_DONE;
        break;
    case TXN_UNCHANGED:
        outcome = OVSDB_CONN_DONE;
        break;
    case TXN_TRY_AGAIN:
    case TXN_NOT_LOCKED:
        COVERAGE_INC(ovsdb_try_again);
        outcome = OVSDB_CONN_TRY_AGAIN;
        break;
    case TXN_ERROR:
        COVERAGE_INC(ovsdb_error);
        outcome = OVSDB_CONN_FAILED;
        *errorp = xstrdup(ovsdb_idl_txn_get_error(conn->txn));
        break;
    case TXN_UNCOMMITTED:
    case TXN_ABORTED:
        OVS_NOT_REACHED();
    }
    ovsdb_idl_txn_destroy(conn->txn);
    conn->txn = NULL;
    return outcome;
}

/* Returns how many transactions of ours changed the database. */
uint64_t
ovsdb_conn_n_commits(const struct ovsdb_conn *conn)
{
    return conn->n_commits;
}

/* Adds what the replica of the database takes to 'usage'. */
void
ovsdb_conn_get_memory_usage(const struct ovsdb_conn *conn,
                            struct simap *usage)
{
    ovsdb_idl_get_memory_usage(conn->idl, usage);
}
