/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */

/* When to read networks.
 *
 * libvirt has events for networks that come and go, and none for the edit of
 * one ('virsh net-update'), although that is what running guests are to
 * follow.  So networks are looked at much more often than domains, which are
 * many and announce most of what happens to them: a host has a handful of
 * networks, and reading one takes a fraction of a millisecond.  Where there
 * are none, there is nothing to edit, and the event of the first one will
 * do.
 *
 * On connecting they are waited for.  A driver that has none says so; any
 * other failure may be over in a moment, or be that of a host without a
 * network daemon: after so many tries they count as read, and what was known
 * of them stays. */

#include <config.h>
#include "virt/network-poll.h"

#include <limits.h>
#include <stdlib.h>

#include "lib/cleanup.h"
#include "util.h"
#include "virt/read-queue.h"

/* From one reading to the next: how long an edited port group may wait. */
#define POLL_MS 10000

void
network_reading_init(struct network_reading *reading)
{
    network_set_init(&reading->networks);
    uuidset_init(&reading->unread);
    reading->failure = NULL;
}

/* Frees what 'reading' owns. */
void
network_reading_destroy(struct network_reading *reading)
{
    network_set_destroy(&reading->networks);
    uuidset_destroy(&reading->unread);
    free(reading->failure);
}

void
network_poll_init(struct network_poll *poll)
{
    *poll = (struct network_poll) {
        .asked_ms = LLONG_MAX,
        .due_ms = LLONG_MAX,
        .told_ms = LLONG_MIN,
    };
    network_set_init(&poll->networks);
}

void
network_poll_destroy(struct network_poll *poll)
{
    network_set_destroy(&poll->networks);
    free(poll->failure);
}

/* The next connection has to tell everything; what is known stays. */
void
network_poll_disconnect(struct network_poll *poll)
{
    poll->is_listed = false;
    poll->n_failures = 0;
}

/* Asks for a reading as soon as possible. */
void
network_poll_request(struct network_poll *poll, long long int now)
{
    poll->due_ms = MIN(poll->due_ms, now);
    poll->asked_ms = MIN(poll->asked_ms, now);
}

/* Notes that a reading is on its way. */
void
network_poll_start(struct network_poll *poll, long long int now)
{
    poll->asked_ms = MIN(poll->asked_ms, now);
    poll->due_ms = now + POLL_MS;
}

/* Is what is known newer than what a reading says that was asked for at
 * 'asked_ms'? */
bool
network_poll_is_outdated(const struct network_poll *poll,
                         long long int asked_ms)
{
    return poll->told_ms >= asked_ms;
}

/* Notes a failure.  Returns true if there is another try, at 'retry_ms', false
 * if that is how it always ends. */
static bool
retry(struct network_poll *poll, long long int retry_ms)
{
    if (++poll->n_failures >= MAX_READ_FAILURES) {
        return false;
    }
    poll->due_ms = retry_ms;
    return true;
}

/* Notes that whoever waited has an answer, except for 'failure', which it
 * takes ownership of, and which may be NULL. */
static void
end_reading(struct network_poll *poll, char *failure, long long int now)
{
    free(poll->failure);
    poll->failure = failure;

    /* Another reading may have been asked for while this one was made. */
    poll->asked_ms = poll->due_ms <= now ? poll->due_ms : LLONG_MAX;
    if (poll->due_ms > now && hmap_is_empty(&poll->networks.networks)
        && !poll->failure) {
        poll->due_ms = LLONG_MAX;
    }
}

/* Notes that the networks could not be listed because of 'error': it is tried
 * again at 'retry_ms', unless that is how it always ends.  What is known
 * stays. */
void
network_poll_fail_list(struct network_poll *poll, const char *error,
                       long long int now, long long int retry_ms)
{
    if (!retry(poll, retry_ms)) {
        end_reading(poll, xstrdup(error), now);
    }
}

/* Moves the networks 'unread' from 'src' to 'dst'. */
static void
move_networks(const struct uuidset *unread, struct network_set *src,
              struct network_set *dst)
{
    const struct uuidset_node *node;
    UUIDSET_FOR_EACH (node, unread) {
        struct network *network = network_set_steal(src, &node->uuid);
        if (network) {
            (void) network_set_replace(dst, network); /* No news. */
        }
    }
}

/* Takes the networks of 'reading' for what there is; of those that libvirt
 * could not tell of, what was known of them stays.  Returns true if that is
 * news. */
static bool
replace(struct network_poll *poll, struct network_reading *reading)
{
    struct network_set kept;
    network_set_init(&kept);
    move_networks(&reading->unread, &poll->networks, &kept);
    bool is_news = !network_set_equals(&poll->networks, &reading->networks);
    network_set_swap(&poll->networks, &reading->networks);
    move_networks(&reading->unread, &kept, &poll->networks);
    network_set_destroy(&kept);
    return is_news;
}

/* Takes what 'reading' holds for what there is.  Something else may be in it
 * afterwards.  Returns true if that is news.
 *
 * A network that libvirt could not tell of, and of which nothing may be known,
 * is waited for: 'reading' is made again at 'retry_ms' then, unless that is
 * how it always ends. */
bool
network_poll_finish(struct network_poll *poll, struct network_reading *reading,
                    long long int now, long long int retry_ms)
{
    if (reading->failure && !poll->is_listed && retry(poll, retry_ms)) {
        return false;
    }
    bool is_news = replace(poll, reading);
    poll->is_listed = true;
    poll->n_failures = 0;
    end_reading(poll, TAKE_PTR(reading->failure), now);
    return is_news;
}

/* Takes ownership of 'network', which a hook of libvirt's has told, and takes
 * it for what there is until the next reading, which is asked for.  Whether it
 * is active its XML does not say.  Returns true if it is news. */
bool
network_poll_tell(struct network_poll *poll, struct network *network,
                  long long int now)
{
    const struct network *known
        = network_set_find(&poll->networks, &network->uuid);
    if (known) {
        network->is_active = known->is_active;
    }
    bool is_news = network_set_replace(&poll->networks, network);
    if (is_news) {
        poll->told_ms = now;
        network_poll_request(poll, now);
    }
    return is_news;
}

/* True if all networks were read since the connection was made, as far as
 * libvirt can. */
bool
network_poll_is_complete(const struct network_poll *poll)
{
    return poll->is_listed || poll->n_failures >= MAX_READ_FAILURES;
}

/* True if libvirt listed the networks on this connection, and does not any
 * more. */
bool
network_poll_has_ceased(const struct network_poll *poll)
{
    return poll->is_listed && poll->n_failures >= MAX_READ_FAILURES;
}
