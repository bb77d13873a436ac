/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */

/* When to read domains, and what an answer changes.
 *
 * Events say which domains to read again.  Many changes leave none; so all are
 * listed and read again every minute, and once more some seconds after
 * connecting, because a libvirtd that has just started may still be killing
 * guests without a word.
 *
 * Facts are removed only by libvirt's own answer: a list without the domain,
 * or "no such domain".
 *
 * A domain that libvirt lists and fails to tell of, time after time, costs
 * itself only: that is noted with what is known of it, if only its UUID, and it
 * counts as read.  It is tried again with all others.
 *
 * What a hook told after a question was asked is newer than the answer. */

#include <config.h>
#include "virt/domain-poll.h"

#include <limits.h>
#include <stdlib.h>

#include "lib/cleanup.h"
#include "openvswitch/list.h"
#include "util.h"
#include "uuid.h"

#define MAX_READS_PER_CALL 256
#define SETTLE_MS 10000         /* From the first list to the second. */
#define RESYNC_MS 60000         /* From one list to the next. */

void
domain_poll_init(struct domain_poll *poll)
{
    *poll = (struct domain_poll) {
        .reads_asked_ms = LLONG_MAX,
        .list_asked_ms = LLONG_MAX,
        .list_due_ms = LLONG_MAX,
    };
    domain_set_init(&poll->domains);
    read_queue_init(&poll->queue);
    uuidset_init(&poll->unread);
}

void
domain_poll_destroy(struct domain_poll *poll)
{
    uuidset_destroy(&poll->unread);
    read_queue_destroy(&poll->queue);
    domain_set_destroy(&poll->domains);
}

/* The next connection has to tell everything; what is known stays. */
void
domain_poll_disconnect(struct domain_poll *poll)
{
    poll->is_listed = false;
    uuidset_clear(&poll->unread);
}

/* The list. */

/* Asks for a list, and a reading of each domain, as soon as possible. */
void
domain_poll_request(struct domain_poll *poll, long long int now)
{
    poll->list_due_ms = MIN(poll->list_due_ms, now);
    poll->list_asked_ms = MIN(poll->list_asked_ms, now);
}

/* Notes that a list is on its way. */
void
domain_poll_start_list(struct domain_poll *poll, long long int now)
{
    poll->list_asked_ms = MIN(poll->list_asked_ms, now);
    poll->list_due_ms = now + (poll->is_listed ? RESYNC_MS : SETTLE_MS);
}

/* Has a hook told of 'domain', which may be NULL, since 'asked_ms'? */
static bool
was_told_since(const struct domain *domain, long long int asked_ms)
{
    return domain && domain->stage != DOMAIN_READ
           && domain->read_ms >= asked_ms;
}

/* Forgets the domains that are not in 'listed', which was asked for at
 * 'asked_ms'. */
static void
forget_unlisted(struct domain_poll *poll, const struct uuidset *listed,
                long long int asked_ms)
{
    struct domain *domain;
    HMAP_FOR_EACH_SAFE (domain, node, &poll->domains.domains) {
        if (!uuidset_contains(listed, &domain->uuid)
            && !was_told_since(domain, asked_ms)) {
            struct uuid uuid = domain->uuid;
            domain_set_remove(&poll->domains, &uuid);
            poll->seqno++;
        }
    }

    struct uuidset_node *node;
    UUIDSET_FOR_EACH_SAFE (node, &poll->unread) {
        if (!uuidset_contains(listed, &node->uuid)) {
            uuidset_delete(&poll->unread, node);
        }
    }
}

/* Takes the 'n_uuids' 'uuids' for the domains that there are, as libvirt
 * answered to what it was asked at 'asked_ms', and queues each of them. */
void
domain_poll_finish_list(struct domain_poll *poll, const struct uuid *uuids,
                        size_t n_uuids, long long int asked_ms,
                        long long int now)
{
    struct uuidset listed = UUIDSET_INITIALIZER(&listed);
    for (size_t i = 0; i < n_uuids; i++) {
        uuidset_insert(&listed, &uuids[i]);
        read_queue_add(&poll->queue, &uuids[i], false, now);
        if (!poll->is_listed) {
            uuidset_insert(&poll->unread, &uuids[i]);
        }
    }
    forget_unlisted(poll, &listed, asked_ms);
    uuidset_destroy(&listed);

    /* Another list may have been asked for while this one was on its way. */
    poll->list_asked_ms = (poll->list_due_ms <= now
                           ? poll->list_due_ms : LLONG_MAX);
    poll->is_listed = true;
    poll->listed_ms = asked_ms;
}

/* Notes that there is no list, which is asked for again at 'retry_ms'. */
void
domain_poll_fail_list(struct domain_poll *poll, long long int retry_ms)
{
    poll->list_due_ms = retry_ms;
}

/* Readings. */

/* Moves those that are due, the urgent or the other ones, into 'reads', as many
 * as one question may ask for. */
void
domain_poll_start_reads(struct domain_poll *poll, bool is_urgent,
                        long long int now, struct ovs_list *reads)
{
    read_queue_take(&poll->queue, is_urgent, MAX_READS_PER_CALL, now, reads);

    const struct read_request *read;
    LIST_FOR_EACH (read, list_node, reads) {
        poll->reads_asked_ms = MIN(poll->reads_asked_ms, read->asked_ms);
    }
}

/* Is what is known newer than what 'read', asked for at 'asked_ms', says? */
bool
domain_poll_is_outdated(const struct domain_poll *poll,
                        const struct read_request *read,
                        long long int asked_ms)
{
    return was_told_since(domain_set_find(&poll->domains, &read->uuid),
                          asked_ms);
}

/* Notes that whoever waited for 'read' has its answer, and frees it. */
static void
end_read(struct domain_poll *poll, struct read_request *read, bool is_news)
{
    poll->seqno += is_news || read->is_urgent;
    uuidset_find_and_delete(&poll->unread, &read->uuid);
    read_request_destroy(read);
}

/* Takes ownership of 'domain', the newest that is known.  Returns true if it
 * says something new. */
static bool
replace(struct domain_poll *poll, struct domain *domain)
{
    domain_follow_migration(domain, domain_set_find(&poll->domains,
                                                    &domain->uuid));
    return domain_set_replace(&poll->domains, domain);
}

/* Takes ownership of 'domain', of which a hook told at its 'read_ms'. */
void
domain_poll_tell(struct domain_poll *poll, struct domain *domain)
{
    poll->seqno += replace(poll, domain);
}

/* Consumes 'read', asked for at 'asked_ms', and takes its answer for the
 * domain's new facts.  Returns them if they are news, NULL if not and if there is
 * no such domain any more. */
const struct domain *
domain_poll_finish_read(struct domain_poll *poll, struct read_request *read,
                        long long int asked_ms)
{
    struct domain *domain = TAKE_PTR(read->domain);
    bool is_news;
    if (domain) {
        domain->read_ms = asked_ms;
        is_news = replace(poll, domain);
    } else {
        is_news = domain_set_remove(&poll->domains, &read->uuid);
    }
    end_read(poll, read, is_news);
    return is_news ? domain : NULL;
}

/* Consumes 'read', asked for at 'asked_ms', and takes its failure for an
 * answer; the old facts stay. */
static void
accept_failure(struct domain_poll *poll, struct read_request *read,
               long long int asked_ms)
{
    struct domain *domain = domain_set_find(&poll->domains, &read->uuid);
    if (!domain) {
        domain = domain_create();
        domain->uuid = read->uuid;
        (void) domain_set_replace(&poll->domains, domain); /* It is new. */
    }
    bool is_news = !nullable_string_is_equal(domain->failure, read->error);
    free(domain->failure);
    domain->failure = TAKE_PTR(read->error);
    domain->failed_ms = asked_ms;
    end_read(poll, read, is_news);
}

/* Consumes 'read', asked for at 'asked_ms', which failed: it is tried again at
 * 'retry_ms', unless that is how it always ends. */
void
domain_poll_fail_read(struct domain_poll *poll, struct read_request *read,
                      long long int asked_ms, long long int retry_ms)
{
    const struct domain *domain = domain_set_find(&poll->domains, &read->uuid);
    if (++read->n_failures >= MAX_READ_FAILURES
        || (domain && domain->failure)) {
        accept_failure(poll, read, asked_ms);
    } else {
        read_queue_put_back(&poll->queue, read, retry_ms);
    }
}

/* Notes that all readings that were on their way have been consumed, or wait
 * again. */
void
domain_poll_end_reads(struct domain_poll *poll)
{
    poll->reads_asked_ms = LLONG_MAX;
}

/* What there is to know. */

/* True if all domains were listed and read since the connection was made, as
 * far as libvirt can. */
bool
domain_poll_is_complete(const struct domain_poll *poll)
{
    return poll->is_listed && uuidset_is_empty(&poll->unread);
}

/* Returns when there is something to be asked, LLONG_MAX for never. */
long long int
domain_poll_due_ms(const struct domain_poll *poll)
{
    return MIN(poll->list_due_ms,
               MIN(read_queue_due_ms(&poll->queue, true),
                   read_queue_due_ms(&poll->queue, false)));
}

/* Returns since when libvirt owes an answer, LLONG_MAX if it does not. */
long long int
domain_poll_asked_ms(const struct domain_poll *poll)
{
    return MIN(read_queue_asked_ms(&poll->queue),
               MIN(poll->reads_asked_ms, poll->list_asked_ms));
}

/* Returns a sentence: the domain 'uuid' cannot be read because of 'error'. */
char *
domain_poll_describe(const struct domain_poll *poll, const struct uuid *uuid,
                     const char *error)
{
    const struct domain *domain = domain_set_find(&poll->domains, uuid);
    return domain && domain->name
           ? xasprintf("cannot read domain %s: %s", domain->name, error)
           : xasprintf("cannot read domain "UUID_FMT": %s", UUID_ARGS(uuid),
                       error);
}

/* Returns a sentence about a domain that libvirt cannot tell of, NULL if there
 * is none. */
char *
domain_poll_find_failure(const struct domain_poll *poll)
{
    const struct domain *domain;
    HMAP_FOR_EACH (domain, node, &poll->domains.domains) {
        if (domain->failure) {
            return domain_poll_describe(poll, &domain->uuid, domain->failure);
        }
    }
    return NULL;
}
