/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef CONTROLLER_INPUTS_H
#define CONTROLLER_INPUTS_H 1

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "openvswitch/compiler.h"

struct domain;
struct domain_source;
struct ovsdb_conn;
struct uuid;
struct virt_conn;
struct virt_executor;

/* Everything that is observed: the switch's database, and libvirt by one or
 * several connections. */
struct inputs {
    struct ovsdb_conn *ovsdb;
    struct virt_conn **virts;
    struct domain_source *sources; /* What each of them says. */
    size_t n_virts;
};

void inputs_init(struct inputs *, const char *ovsdb_remote,
                 char *const *libvirt_uris, size_t n_libvirt_uris,
                 const struct virt_executor *);
void inputs_destroy(struct inputs *);

void inputs_close(struct inputs *);
bool inputs_are_closed(const struct inputs *);

void inputs_run(struct inputs *, long long int now);
void inputs_wait(struct inputs *, long long int now);

uint64_t inputs_seqno(const struct inputs *);
bool inputs_are_reading(const struct inputs *, long long int *since_msp);
bool inputs_are_answering(const struct inputs *);
void inputs_read_domain(struct inputs *, const struct uuid *,
                        long long int now);
void inputs_read_all(struct inputs *, long long int now);
bool inputs_has_read_domain(const struct inputs *, const struct uuid *);
void inputs_tell_domain(struct inputs *, const char *driver, struct domain *);
char *inputs_tell_network(struct inputs *, const char *xml, size_t size,
                          long long int now) OVS_WARN_UNUSED_RESULT;

#endif /* controller/inputs.h */
