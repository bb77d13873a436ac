/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef OVSDB_PORT_APPLY_H
#define OVSDB_PORT_APPLY_H 1

struct ovsdb_idl;
struct ovsdb_idl_txn;
struct port_plan;

void port_apply(const struct port_plan *, const struct ovsdb_idl *,
                struct ovsdb_idl_txn *, long long int now_ms);
unsigned int port_apply_cleanup(const struct ovsdb_idl *, const char *bridge,
                                struct ovsdb_idl_txn *);

#endif /* ovsdb/port-apply.h */
