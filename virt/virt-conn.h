/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef VIRT_VIRT_CONN_H
#define VIRT_VIRT_CONN_H 1

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct domain;
struct domain_set;
struct network;
struct network_set;
struct uuid;

/* The domains and networks of one libvirt connection, seen from the main loop:
 * it never blocks, whatever libvirt does.  Main thread only, unless said
 * otherwise.
 *
 * Times called 'now' are milliseconds of a clock that never goes back. */

/* Work that may block. */
struct virt_job {
    void (*run)(struct virt_job *);     /* In a pool thread. */
    void (*done)(struct virt_job *);    /* Then, in the main thread; may free
                                         * the job. */
};

/* The caller's means to run such work, and to be woken. */
struct virt_executor {
    /* Sees to it that job->run() and then job->done() are called, the latter
     * never from within submit() itself. */
    void (*submit)(void *aux, struct virt_job *);

    /* Makes the main loop turn once more.  Any thread; must not block. */
    void (*wake)(void *aux);

    void *aux;
};

#define VIRT_STATES                                                     \
    VIRT_STATE(DISCONNECTED, "disconnected")    /* Until the next try. */ \
    VIRT_STATE(CONNECTING, "connecting")        /* May take for ever. */ \
    VIRT_STATE(SYNCING, "syncing")              /* First complete reading. */ \
    VIRT_STATE(SYNCED, "synced")                                        \
    VIRT_STATE(CLOSED, "closed")                /* For good. */

enum virt_state {
#define VIRT_STATE(ENUM, NAME) VIRT_##ENUM,
    VIRT_STATES
#undef VIRT_STATE
};

const char *virt_state_to_string(enum virt_state);

/* What an operator wants to know of a connection. */
struct virt_status {
    const char *uri;            /* Lives as long as the connection. */
    enum virt_state state;
    long long int since_ms;     /* When the connection was made or lost, in ms
                                 * since the epoch. */
    const char *error;          /* What is wrong, in libvirt's own words, or
                                 * NULL; valid until virt_conn_run(). */
    size_t n_domains;
    size_t n_active;
    uint64_t n_events;          /* Events received. */
    uint64_t n_calls;           /* Visits of a pool thread to libvirt. */
};

void virt_init(void);

struct virt_conn *virt_conn_create(const char *uri,
                                   const struct virt_executor *);
void virt_conn_destroy(struct virt_conn *);

void virt_conn_run(struct virt_conn *, long long int now);
long long int virt_conn_next_ms(const struct virt_conn *, long long int now);

const struct domain_set *virt_conn_domains(const struct virt_conn *);
const struct network_set *virt_conn_networks(const struct virt_conn *);
uint64_t virt_conn_seqno(const struct virt_conn *);
bool virt_conn_is_connected(const struct virt_conn *);
bool virt_conn_is_synced(const struct virt_conn *);
long long int virt_conn_listed_ms(const struct virt_conn *);
bool virt_conn_is_reading(const struct virt_conn *, long long int *since_ms);
void virt_conn_get_status(const struct virt_conn *, struct virt_status *);

void virt_conn_read_domain(struct virt_conn *, const struct uuid *,
                           long long int now);
void virt_conn_read_all(struct virt_conn *, long long int now);
void virt_conn_tell_domain(struct virt_conn *, struct domain *);
void virt_conn_tell_network(struct virt_conn *, struct network *,
                            long long int now);

void virt_conn_close(struct virt_conn *);
bool virt_conn_is_closed(const struct virt_conn *);

#endif /* virt/virt-conn.h */
