/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */

/* Keeps the main loop's picture of one libvirt connection.
 *
 * Theory of operation
 * ===================
 *
 * All decisions are made here, in the main thread, by virt_conn_run().  It
 * asks libvirt one thing at a time: a *call* (virt-call.c) carries the
 * question to a pool thread, comes back with the answer, and is consumed by
 * the next virt_conn_run().
 *
 *     DISCONNECTED -> CONNECTING -> SYNCING -> SYNCED
 *           ^             |            |         |
 *           +-------------+------------+---------+      any -> CLOSED
 *
 * In DISCONNECTED the old connection, if any, is closed first, then a new one
 * is tried when its time has come.  A connection counts as a success, which
 * takes the pause before the next try away, only once it was good enough to
 * read everything.
 *
 * Events are dirty marks (virt-marks.c).  The callbacks are registered before
 * the first list is asked for, so whatever happens after a question was asked
 * leaves a mark, and the mark leads to a later question.  Many changes leave
 * none, so everything is read again now and then (domain-poll.c).
 *
 * Networks come before domains, so that nobody sees a domain without them, and
 * are read more often (network-poll.c).  Until they are there, or libvirt has
 * failed to list them time after time, no domain is asked for.
 *
 * A connection that is lost or a reading that fails removes nothing.  What
 * libvirt lists and fails to tell of, time after time, a domain or a network,
 * costs itself only.
 *
 * A hook of libvirt's may know more than libvirt would answer now, because it
 * holds the domain's lock meanwhile.  What it tells counts like an answer; one
 * to a question that was asked before is older, and asked again. */

#include <config.h>
#include "virt/virt-conn.h"

#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/text.h"
#include "lib/vnic.h"
#include "openvswitch/vlog.h"
#include "timeval.h"
#include "util.h"
#include "uuid.h"
#include "uuidset.h"
#include "virt/domain-poll.h"
#include "virt/network-poll.h"
#include "virt/read-queue.h"
#include "virt/virt-call.h"
#include "virt/virt-link.h"
#include "virt/virt-marks.h"

VLOG_DEFINE_THIS_MODULE(virt_conn);

static struct vlog_rate_limit rl = VLOG_RATE_LIMIT_INIT(5, 20);

#define RETRY_MS 1000           /* Pause after a question that failed. */
#define MAX_BACKOFF_MS 8000     /* Longest pause between two connections. */

struct virt_conn {
    char *uri;
    struct virt_executor executor;

    /* State. */
    enum virt_state state;
    long long int since_ms;     /* Wall clock: when the connection was made or
                                 * lost. */
    char *error;                /* What is wrong at present, or NULL. */
    uint64_t seqno;

    /* The connection. */
    struct virt_link *link;     /* NULL while there is none. */
    struct virt_marks *marks;   /* What its events say.  NULL while none is
                                 * open or being opened. */
    struct virt_call *call;     /* On its way or just back, or NULL. */
    long long int call_ms;      /* When it was sent. */
    long long int retry_ms;     /* DISCONNECTED: when to try again. */
    int backoff_ms;             /* Pause after the next disconnection. */

    /* What is known, and what is to be asked. */
    struct domain_poll domains;
    struct network_poll networks;

    /* Counters. */
    uint64_t n_events;
    uint64_t n_calls;
};

static const char *const state_names[] = {
#define VIRT_STATE(ENUM, NAME) [VIRT_##ENUM] = NAME,
    VIRT_STATES
#undef VIRT_STATE
};

const char *
virt_state_to_string(enum virt_state state)
{
    return state_names[state];
}

/* Prepares libvirt and starts the thread in which its events arrive.  Once,
 * before anything else here, and after daemonizing: no thread survives it. */
void
virt_init(void)
{
    virt_link_init();
}

/* State. */

/* Takes ownership of 'error', which may be NULL.  Returns true if it says
 * something new. */
static bool
set_error(struct virt_conn *conn, char *error)
{
    bool is_new = !nullable_string_is_equal(conn->error, error);
    free(conn->error);
    conn->error = error;
    return is_new;
}

static void
transition(struct virt_conn *conn, enum virt_state state)
{
    bool was_connected = virt_conn_is_connected(conn);

    VLOG_DBG("libvirt %s: %s -> %s", conn->uri,
             virt_state_to_string(conn->state), virt_state_to_string(state));
    conn->state = state;
    conn->seqno++;
    if (virt_conn_is_connected(conn) != was_connected) {
        conn->since_ms = time_wall_msec();
    }
}

static void
drop_marks(struct virt_conn *conn)
{
    if (conn->marks) {
        virt_marks_mute(conn->marks);
        virt_marks_unref(conn->marks);
        conn->marks = NULL;
    }
}

/* Notes that there is no connection any more, or still none, and takes
 * ownership of the sentence that says why.  The same reason is logged once,
 * not at every try. */
static void
disconnect(struct virt_conn *conn, char *error, long long int now)
{
    if (set_error(conn, error)) {
        VLOG_INFO("libvirt %s: not connected: %s", conn->uri, conn->error);
    }
    drop_marks(conn);
    domain_poll_disconnect(&conn->domains);
    network_poll_disconnect(&conn->networks);
    conn->retry_ms = now + conn->backoff_ms;
    conn->backoff_ms = (conn->backoff_ms
                        ? MIN(2 * conn->backoff_ms, MAX_BACKOFF_MS)
                        : RETRY_MS);
    transition(conn, VIRT_DISCONNECTED);
}

/* Questions.  One may be on its way at a time. */

static struct virt_call *
create_call(const struct virt_conn *conn, enum virt_call_kind kind)
{
    return virt_call_create(kind, &conn->executor, conn->link);
}

/* Takes ownership of 'call'. */
static void
send_call(struct virt_conn *conn, struct virt_call *call, long long int now)
{
    ovs_assert(!conn->call);
    conn->call = call;
    conn->call_ms = now;
    conn->n_calls++;
    virt_call_submit(call);
}

static void
ask_open(struct virt_conn *conn, long long int now)
{
    struct virt_call *call = create_call(conn, VIRT_CALL_OPEN);
    conn->marks = virt_marks_create(&conn->executor);
    call->marks = virt_marks_ref(conn->marks);
    call->uri = xstrdup(conn->uri);
    send_call(conn, call, now);
}

static void
ask_networks(struct virt_conn *conn, long long int now)
{
    network_poll_start(&conn->networks, now);
    send_call(conn, create_call(conn, VIRT_CALL_NETWORKS), now);
}

static void
ask_list(struct virt_conn *conn, long long int now)
{
    domain_poll_start_list(&conn->domains, now);
    send_call(conn, create_call(conn, VIRT_CALL_LIST), now);
}

/* Urgent requests travel alone: their answer does not wait for others. */
static void
ask_reads(struct virt_conn *conn, bool is_urgent, long long int now)
{
    struct virt_call *call = create_call(conn, VIRT_CALL_READ);
    domain_poll_start_reads(&conn->domains, is_urgent, now, &call->reads);
    send_call(conn, call, now);
}

static void
ask_close(struct virt_conn *conn, long long int now)
{
    send_call(conn, create_call(conn, VIRT_CALL_CLOSE), now);
}

/* Answers. */

static void
recv_open(struct virt_conn *conn, const struct virt_call *call,
          long long int now)
{
    conn->link = call->link;
    if (conn->state != VIRT_CONNECTING) {
        return;                 /* virt_conn_close() was called meanwhile. */
    }
    if (call->error) {
        disconnect(conn, xstrdup(call->error), now);
        return;
    }
    VLOG_INFO("libvirt %s: connected", conn->uri);
    (void) set_error(conn, NULL); /* Being connected is what is new. */
    transition(conn, VIRT_SYNCING);
    virt_conn_read_all(conn, now);
}

/* Notes that a question was not answered although the connection is alive, and
 * takes ownership of the sentence that says why.  The same is logged once: what
 * fails for ever would take all that the rate limit leaves. */
static void
note_failure(struct virt_conn *conn, char *error)
{
    if (set_error(conn, error)) {
        VLOG_WARN_RL(&rl, "libvirt %s: %s", conn->uri, conn->error);
    }
}

static void
recv_networks(struct virt_conn *conn, struct virt_call *call,
              long long int now)
{
    if (call->is_lost) {
        return;                 /* Asked again by the next connection. */
    }
    if (network_poll_is_outdated(&conn->networks, conn->call_ms)) {
        network_poll_request(&conn->networks, now);
        return;
    }
    const char *error = call->error ? call->error : call->networks.failure;
    if (error) {
        note_failure(conn, xasprintf("cannot read the networks: %s", error));
    }
    if (call->error) {
        network_poll_fail_list(&conn->networks, call->error, now,
                               now + RETRY_MS);
    } else {
        conn->seqno += network_poll_finish(&conn->networks, &call->networks,
                                           now, now + RETRY_MS);
    }
}

static void
recv_list(struct virt_conn *conn, const struct virt_call *call,
          long long int now)
{
    if (call->is_lost) {
        return;                 /* Asked again by the next connection. */
    }
    if (call->error) {
        note_failure(conn, xasprintf("cannot list the domains: %s",
                                     call->error));
        domain_poll_fail_list(&conn->domains, now + RETRY_MS);
        return;
    }
    domain_poll_finish_list(&conn->domains, call->uuids, call->n_uuids,
                            conn->call_ms, now);
}

/* Returns a sentence about a network or a domain that libvirt cannot tell of,
 * NULL if there is none. */
static char *
find_failure(const struct virt_conn *conn)
{
    return conn->networks.failure
           ? xasprintf("cannot read the networks: %s", conn->networks.failure)
           : domain_poll_find_failure(&conn->domains);
}

/* Follows 'domain', which was just read and says something new. */
static void
follow_news(struct virt_conn *conn, const struct domain *domain,
            long long int now)
{
    if (domain_has_networks(domain)) {
        /* libvirt may have merged in what is new in them. */
        network_poll_request(&conn->networks, now);
    }
    if (domain->error) {
        CLEANUP_FREE char *error = text_printable(domain->error);
        VLOG_WARN_RL(&rl, "libvirt %s: %s", conn->uri, error);
    }
}

/* Consumes 'read'.  'is_lost' says that the connection is. */
static void
recv_read(struct virt_conn *conn, struct read_request *read, bool is_lost,
          long long int now)
{
    struct domain_poll *domains = &conn->domains;
    if (!read->is_answered || (read->error && is_lost)
        || domain_poll_is_outdated(domains, read, conn->call_ms)) {
        read_queue_put_back(&domains->queue, read, now);
    } else if (read->error) {
        note_failure(conn, domain_poll_describe(domains, &read->uuid,
                                                read->error));
        domain_poll_fail_read(domains, read, conn->call_ms, now + RETRY_MS);
    } else {
        const struct domain *domain
            = domain_poll_finish_read(domains, read, conn->call_ms);
        if (domain) {
            follow_news(conn, domain, now);
        }
    }
}

static void
recv_reads(struct virt_conn *conn, struct virt_call *call, long long int now)
{
    struct read_request *read;
    LIST_FOR_EACH_POP (read, list_node, &call->reads) {
        recv_read(conn, read, call->is_lost, now);
    }
    domain_poll_end_reads(&conn->domains);
}

static void
recv_close(struct virt_conn *conn, const struct virt_call *call)
{
    if (call->error) {
        VLOG_DBG("libvirt %s: closing: %s", conn->uri, call->error);
    }
    conn->link = NULL;
}

static void
recv_answer(struct virt_conn *conn, long long int now)
{
    struct virt_call *call = TAKE_PTR(conn->call);
    switch (call->kind) {
    case VIRT_CALL_OPEN:
        recv_open(conn, call, now);
        break;
    case VIRT_CALL_NETWORKS:
        recv_networks(conn, call, now);
        break;
    case VIRT_CALL_LIST:
        recv_list(conn, call, now);
        break;
    case VIRT_CALL_READ:
        recv_reads(conn, call, now);
        break;
    case VIRT_CALL_CLOSE:
        recv_close(conn, call);
        break;
    }
    if (call->is_lost && conn->marks) {
        /* libvirt is about to say so itself, unless it has. */
        virt_marks_close(conn->marks, "not alive");
    }
    virt_call_destroy(call);
}

/* The states, while no call is on its way. */

static void
run_DISCONNECTED(struct virt_conn *conn, long long int now)
{
    if (conn->link) {
        ask_close(conn, now);   /* The one that was lost. */
    } else if (conn->retry_ms <= now) {
        transition(conn, VIRT_CONNECTING);
        ask_open(conn, now);
    }
}

static void
run_CONNECTING(struct virt_conn *conn OVS_UNUSED, long long int now OVS_UNUSED)
{
    OVS_NOT_REACHED();          /* It ends with the answer to its call. */
}

/* Returns why the connection is of no use any more, or NULL.
 *
 * A virtqemud whose virtnetworkd was restarted goes on with the connection to
 * the old one, for as long as ours to itself lasts. */
static const char *
find_loss(const struct virt_conn *conn)
{
    const char *closed = virt_marks_closed(conn->marks);
    return (closed ? closed
            : network_poll_has_ceased(&conn->networks)
            ? "its networks cannot be listed any more"
            : NULL);
}

/* Asks what is to be asked now about domains and, once more, networks. */
static void
ask_next(struct virt_conn *conn, long long int now)
{
    if (read_queue_due_ms(&conn->domains.queue, true) <= now) {
        ask_reads(conn, true, now);
    } else if (conn->networks.due_ms <= now) {
        ask_networks(conn, now);
    } else if (conn->domains.list_due_ms <= now) {
        ask_list(conn, now);
    } else if (read_queue_due_ms(&conn->domains.queue, false) <= now) {
        ask_reads(conn, false, now);
    } else if (!virt_conn_is_reading(conn, NULL)) {
        /* All questions were answered.  A failure was logged before. */
        (void) set_error(conn, find_failure(conn));
    }
}

/* What is asked now?  The networks, before anything else is known. */
static void
run_connected(struct virt_conn *conn, long long int now)
{
    const char *loss = find_loss(conn);
    if (loss) {
        disconnect(conn, xasprintf("connection lost: %s", loss), now);
        run_DISCONNECTED(conn, now);
    } else if (network_poll_is_complete(&conn->networks)) {
        ask_next(conn, now);
    } else if (conn->networks.due_ms <= now) {
        ask_networks(conn, now);
    }
}

static void
run_SYNCING(struct virt_conn *conn, long long int now)
{
    if (domain_poll_is_complete(&conn->domains)
        && network_poll_is_complete(&conn->networks)) {
        VLOG_INFO("libvirt %s: synced, %"PRIuSIZE" domains", conn->uri,
                  hmap_count(&virt_conn_domains(conn)->domains));
        conn->backoff_ms = 0;
        transition(conn, VIRT_SYNCED);
    }
    run_connected(conn, now);
}

static void
run_SYNCED(struct virt_conn *conn, long long int now)
{
    run_connected(conn, now);
}

static void
run_CLOSED(struct virt_conn *conn, long long int now)
{
    if (conn->link) {
        ask_close(conn, now);
    }
}

static void
run_state(struct virt_conn *conn, long long int now)
{
    switch (conn->state) {
#define VIRT_STATE(ENUM, NAME)                  \
    case VIRT_##ENUM:                           \
        run_##ENUM(conn, now);                  \
        break;
    VIRT_STATES
#undef VIRT_STATE
    }
}

/* Turns the marks that events left into requests. */
static void
recv_marks(struct virt_conn *conn, long long int now)
{
    struct uuidset marked = UUIDSET_INITIALIZER(&marked);
    bool is_all, has_networks;
    conn->n_events += virt_marks_take(conn->marks, &marked, &is_all,
                                      &has_networks);

    const struct uuidset_node *node;
    UUIDSET_FOR_EACH (node, &marked) {
        read_queue_add(&conn->domains.queue, &node->uuid, false, now);
    }
    uuidset_destroy(&marked);
    if (has_networks) {
        network_poll_request(&conn->networks, now);
    }
    if (is_all) {
        virt_conn_read_all(conn, now);
    }
}

/* The interface. */

/* Returns a new connection to 'uri', any that libvirt understands.  It stays
 * disconnected until virt_conn_run().  What 'executor' points to is copied;
 * its 'aux' must outlive the connection and its calls. */
struct virt_conn *
virt_conn_create(const char *uri, const struct virt_executor *executor)
{
    struct virt_conn *conn = xzalloc(sizeof *conn);
    conn->uri = xstrdup(uri);
    conn->executor = *executor;
    conn->state = VIRT_DISCONNECTED;
    conn->since_ms = time_wall_msec();
    conn->retry_ms = LLONG_MIN;
    conn->backoff_ms = RETRY_MS;
    domain_poll_init(&conn->domains);
    network_poll_init(&conn->networks);
    return conn;
}

/* Frees 'conn' at once, whatever libvirt does.  What is open is closed in the
 * background, for as long as the executor lives.  Accepts NULL. */
void
virt_conn_destroy(struct virt_conn *conn)
{
    if (!conn) {
        return;
    }
    drop_marks(conn);
    if (!conn->call && conn->link) {
        ask_close(conn, 0);
    }
    if (conn->call) {
        virt_call_abandon(conn->call);
    }
    network_poll_destroy(&conn->networks);
    domain_poll_destroy(&conn->domains);
    free(conn->error);
    free(conn->uri);
    free(conn);
}

/* Takes in what libvirt told, and asks what there is to ask.  Call it whenever
 * the main loop turns; it never blocks. */
void
virt_conn_run(struct virt_conn *conn, long long int now)
{
    if (conn->marks) {
        recv_marks(conn, now);
    }
    if (conn->call && conn->call->is_done) {
        recv_answer(conn, now);
    }
    if (!conn->call) {
        run_state(conn, now);
    }
}

/* Returns when libvirt is to be asked something, LLONG_MAX for never. */
static long long int
due_ms(const struct virt_conn *conn)
{
    return network_poll_is_complete(&conn->networks)
           ? MIN(domain_poll_due_ms(&conn->domains), conn->networks.due_ms)
           : conn->networks.due_ms;
}

/* Returns when virt_conn_run() has something to do even if nothing happens
 * before, LLONG_MAX for never. */
long long int
virt_conn_next_ms(const struct virt_conn *conn, long long int now)
{
    if (conn->call) {
        return conn->call->is_done ? now : LLONG_MAX;
    }
    if (virt_conn_is_connected(conn)) {
        return due_ms(conn);
    }
    if (conn->link) {
        return now;
    }
    return conn->state == VIRT_DISCONNECTED ? conn->retry_ms : LLONG_MAX;
}

/* Returns what is known, which is what was known last if there is no
 * connection.  Valid until virt_conn_run(). */
const struct domain_set *
virt_conn_domains(const struct virt_conn *conn)
{
    return &conn->domains.domains;
}

/* Likewise the networks; none if the driver does not know any. */
const struct network_set *
virt_conn_networks(const struct virt_conn *conn)
{
    return &conn->networks.networks;
}

/* Returns a number that changes when the facts or the state have changed, and
 * when a reading that virt_conn_read_domain() asked for is there.  It does not
 * when any other reading only confirms what is known. */
uint64_t
virt_conn_seqno(const struct virt_conn *conn)
{
    return conn->seqno + conn->domains.seqno;
}

/* True if libvirt can be asked. */
bool
virt_conn_is_connected(const struct virt_conn *conn)
{
    return conn->state == VIRT_SYNCING || conn->state == VIRT_SYNCED;
}

/* True if all networks and domains were listed and read since the connection
 * was made, as far as libvirt can: then what is not known does not exist. */
bool
virt_conn_is_synced(const struct virt_conn *conn)
{
    return conn->state == VIRT_SYNCED;
}

/* Returns when libvirt was asked for the newest list of domains that it has
 * answered, 0 if it has not answered any. */
long long int
virt_conn_listed_ms(const struct virt_conn *conn)
{
    return conn->domains.listed_ms;
}

/* True if libvirt owes an answer.  Then stores in '*since_ms', unless that is
 * NULL, since when. */
bool
virt_conn_is_reading(const struct virt_conn *conn, long long int *since_ms)
{
    long long int asked_ms = MIN(domain_poll_asked_ms(&conn->domains),
                                 conn->networks.asked_ms);
    if (asked_ms < LLONG_MAX && since_ms) {
        *since_ms = asked_ms;
    }
    return asked_ms < LLONG_MAX;
}

void
virt_conn_get_status(const struct virt_conn *conn, struct virt_status *status)
{
    const struct domain_set *domains = virt_conn_domains(conn);
    *status = (struct virt_status) {
        .uri = conn->uri,
        .state = conn->state,
        .since_ms = conn->since_ms,
        .error = conn->error,
        .n_domains = hmap_count(&domains->domains),
        .n_events = conn->n_events,
        .n_calls = conn->n_calls,
    };

    const struct domain *domain;
    HMAP_FOR_EACH (domain, node, &domains->domains) {
        status->n_active += domain->is_active;
    }
}

/* Asks for a reading of the domain 'uuid', before all others.  The answer is
 * there when the domain's 'read_ms', or 'failed_ms', is 'now' or later, or when
 * it is gone. */
void
virt_conn_read_domain(struct virt_conn *conn, const struct uuid *uuid,
                      long long int now)
{
    read_queue_add(&conn->domains.queue, uuid, true, now);
}

/* Takes ownership of 'domain', of which a hook of libvirt's told at its
 * 'read_ms', and takes it for what there is until libvirt has answered a
 * question that was asked later. */
void
virt_conn_tell_domain(struct virt_conn *conn, struct domain *domain)
{
    domain_poll_tell(&conn->domains, domain);
}

/* The same with 'network', of which a hook told just 'now'. */
void
virt_conn_tell_network(struct virt_conn *conn, struct network *network,
                       long long int now)
{
    conn->seqno += network_poll_tell(&conn->networks, network, now);
}

/* Asks for a list of the domains and of the networks, and a reading of
 * each. */
void
virt_conn_read_all(struct virt_conn *conn, long long int now)
{
    domain_poll_request(&conn->domains, now);
    network_poll_request(&conn->networks, now);
}

/* Starts to close the connection for good; virt_conn_run() goes on with it.
 * How long to wait for virt_conn_is_closed() is for the caller to decide. */
void
virt_conn_close(struct virt_conn *conn)
{
    if (conn->state != VIRT_CLOSED) {
        drop_marks(conn);
        transition(conn, VIRT_CLOSED);
    }
}

/* True if virt_conn_close() has come to its end: nothing of libvirt's is
 * held. */
bool
virt_conn_is_closed(const struct virt_conn *conn)
{
    return conn->state == VIRT_CLOSED && !conn->call && !conn->link;
}
