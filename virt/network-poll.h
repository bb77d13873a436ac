/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef VIRT_NETWORK_POLL_H
#define VIRT_NETWORK_POLL_H 1

#include <stdbool.h>

#include "lib/network.h"
#include "uuidset.h"

/* What one visit to libvirt tells of all networks. */
struct network_reading {
    struct network_set networks;
    struct uuidset unread;      /* Those that libvirt lists, and cannot tell
                                 * of. */
    char *failure;              /* A sentence about one of these, or NULL. */
};

void network_reading_init(struct network_reading *);
void network_reading_destroy(struct network_reading *);

/* The networks of one connection, and when they are to be read again: always
 * all of them, in one visit.  Pure.  Private to virt/. */

struct network_poll {
    struct network_set networks; /* As last read, or told. */
    char *failure;              /* Why they, or one of them, were not read
                                 * last, or NULL. */
    unsigned int n_failures;    /* In a row, since a reading was taken in. */
    long long int told_ms;      /* When a hook told news of one of them. */
    bool is_listed;             /* Since the connection was made. */
    long long int asked_ms;     /* Since when an answer is owed, LLONG_MAX if
                                 * none is. */
    long long int due_ms;       /* When to ask, LLONG_MAX: not before somebody
                                 * wants it. */
};

void network_poll_init(struct network_poll *);
void network_poll_destroy(struct network_poll *);
void network_poll_disconnect(struct network_poll *);

void network_poll_request(struct network_poll *, long long int now);
void network_poll_start(struct network_poll *, long long int now);
bool network_poll_is_outdated(const struct network_poll *,
                              long long int asked_ms);
void network_poll_fail_list(struct network_poll *, const char *error,
                            long long int now, long long int retry_ms);
bool network_poll_finish(struct network_poll *, struct network_reading *,
                         long long int now, long long int retry_ms);
bool network_poll_tell(struct network_poll *, struct network *,
                       long long int now);

bool network_poll_is_complete(const struct network_poll *);
bool network_poll_has_ceased(const struct network_poll *);

#endif /* virt/network-poll.h */
