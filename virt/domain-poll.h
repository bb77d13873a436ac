/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef VIRT_DOMAIN_POLL_H
#define VIRT_DOMAIN_POLL_H 1

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/vnic.h"
#include "uuidset.h"
#include "virt/read-queue.h"

struct ovs_list;

/* The domains of one connection, and what is to be asked about them: first a
 * list, and then each by itself.  Pure.  Private to virt/.
 *
 * The '..._asked_ms' say since when an answer is owed, LLONG_MAX if none is. */

struct domain_poll {
    struct domain_set domains;  /* As last read, or told. */
    struct read_queue queue;    /* Those that wait to be read. */
    long long int reads_asked_ms; /* Those that were taken out of it. */
    long long int list_asked_ms;
    long long int list_due_ms;  /* When to ask for a list. */
    long long int listed_ms;    /* When the newest list was asked for, 0: there
                                 * is none. */
    bool is_listed;             /* Since the connection was made. */
    struct uuidset unread;      /* Listed then, and not read yet. */
    uint64_t seqno;             /* Changes when there is news, and when a
                                 * reading is there that somebody waits for,
                                 * news or not. */
};

void domain_poll_init(struct domain_poll *);
void domain_poll_destroy(struct domain_poll *);
void domain_poll_disconnect(struct domain_poll *);

void domain_poll_request(struct domain_poll *, long long int now);
void domain_poll_start_list(struct domain_poll *, long long int now);
void domain_poll_finish_list(struct domain_poll *, const struct uuid *,
                             size_t n_uuids, long long int asked_ms,
                             long long int now);
void domain_poll_fail_list(struct domain_poll *, long long int retry_ms);

void domain_poll_start_reads(struct domain_poll *, bool is_urgent,
                             long long int now, struct ovs_list *reads);
bool domain_poll_is_outdated(const struct domain_poll *,
                             const struct read_request *,
                             long long int asked_ms);
const struct domain *domain_poll_finish_read(struct domain_poll *,
                                             struct read_request *,
                                             long long int asked_ms);
void domain_poll_fail_read(struct domain_poll *, struct read_request *,
                           long long int asked_ms, long long int retry_ms);
void domain_poll_end_reads(struct domain_poll *);
void domain_poll_tell(struct domain_poll *, struct domain *);

bool domain_poll_is_complete(const struct domain_poll *);
long long int domain_poll_due_ms(const struct domain_poll *);
long long int domain_poll_asked_ms(const struct domain_poll *);
char *domain_poll_describe(const struct domain_poll *, const struct uuid *,
                           const char *error);
char *domain_poll_find_failure(const struct domain_poll *);

#endif /* virt/domain-poll.h */
