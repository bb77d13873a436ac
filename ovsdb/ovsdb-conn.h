/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef OVSDB_OVSDB_CONN_H
#define OVSDB_OVSDB_CONN_H 1

#include <stdbool.h>
#include <stdint.h>

#include "openvswitch/compiler.h"

struct ovsdb_idl;
struct ovsdb_idl_txn;
struct simap;

/* The connection to the switch's database, with at most one transaction on its
 * way.  Main thread only; never blocks. */

/* The name of the lock that keeps two agents apart. */
#define OVSDB_CONN_LOCK "vnicd"

enum ovsdb_conn_state {
    OVSDB_CONN_DISCONNECTED,    /* Facts, if any, are those of before. */
    OVSDB_CONN_SYNCING,         /* Likewise: connected, waiting for a dump. */
    OVSDB_CONN_STANDBY,         /* Another agent holds the lock. */
    OVSDB_CONN_ACTIVE,          /* We may write. */
};

const char *ovsdb_conn_state_to_string(enum ovsdb_conn_state);

/* How a transaction ended. */
enum ovsdb_conn_outcome {
    OVSDB_CONN_PENDING,         /* It has not, or there is none. */
    OVSDB_CONN_DONE,            /* Committed, or nothing needed writing. */
    OVSDB_CONN_TRY_AGAIN,       /* The database changed under it. */
    OVSDB_CONN_FAILED,
};

struct ovsdb_conn *ovsdb_conn_create(const char *remote);
void ovsdb_conn_destroy(struct ovsdb_conn *);

void ovsdb_conn_run(struct ovsdb_conn *);
void ovsdb_conn_wait(struct ovsdb_conn *);

struct ovsdb_idl *ovsdb_conn_idl(const struct ovsdb_conn *);
const char *ovsdb_conn_remote(const struct ovsdb_conn *);
unsigned int ovsdb_conn_seqno(const struct ovsdb_conn *);
enum ovsdb_conn_state ovsdb_conn_state(const struct ovsdb_conn *);
unsigned int ovsdb_conn_state_seqno(const struct ovsdb_conn *);
long long int ovsdb_conn_since(const struct ovsdb_conn *);
bool ovsdb_conn_has_facts(const struct ovsdb_conn *);

struct ovsdb_idl_txn *ovsdb_conn_begin(struct ovsdb_conn *);
bool ovsdb_conn_is_writing(const struct ovsdb_conn *);
enum ovsdb_conn_outcome ovsdb_conn_poll(struct ovsdb_conn *, char **errorp)
    OVS_WARN_UNUSED_RESULT;
uint64_t ovsdb_conn_n_commits(const struct ovsdb_conn *);
void ovsdb_conn_get_memory_usage(const struct ovsdb_conn *, struct simap *);

#endif /* ovsdb/ovsdb-conn.h */
