/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */

/* Operators' commands over the control socket.  Listings are answered at once
 * from the newest pass, whatever libvirt or the switch do.  'reconcile' needs
 * the database: its reply is deferred, never the loop blocked. */

#include <config.h>
#include "controller/commands.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "controller/flow-listing.h"
#include "controller/inputs.h"
#include "controller/journal.h"
#include "controller/listings.h"
#include "controller/loop.h"
#include "controller/orphan-listing.h"
#include "controller/reconcile.h"
#include "controller/status.h"
#include "controller/vlan-listing.h"
#include "lib/report.h"
#include "openvswitch/list.h"
#include "openvswitch/poll-loop.h"
#include "ovsdb/ovsdb-conn.h"
#include "timeval.h"
#include "unixctl.h"
#include "util.h"

/* How long a deferred reply may take. */
enum { REPLY_TIMEOUT_MS = 5000 };

struct commands {
    struct inputs *in;
    struct reconciler *reconciler;
    struct loop *loop;
    struct ovs_list waiting;    /* Of 'struct waiting', oldest first. */
};

/* An operator who waits for the pass that fulfils a wish. */
struct waiting {
    struct ovs_list node;
    struct unixctl_conn *conn;
    enum report_format format;
    enum reconcile_wish wish;
    uint64_t journal_start;     /* Entries after this are its work. */
    long long int deadline_ms;
};

/* A request taken apart. */
struct request {
    enum report_format format;
    bool is_dry_run;            /* --dry-run was given. */
    const char *argument;       /* The word that is no option, or NULL. */
};

/* Takes 'argv' apart: an optional --format=FORMAT, --dry-run where the command
 * takes it, and at most one other word.  Returns a sentence if that is not what
 * it is. */
static char *
request_parse(int argc, const char *argv[], struct request *request)
{
    static const char option[] = "--format=";

    *request = (struct request) { .format = REPORT_TABLE };
    for (int i = 1; i < argc; i++) {
        char *error = NULL;
        if (!strncmp(argv[i], option, strlen(option))) {
            error = report_format_from_string(argv[i] + strlen(option),
                                              &request->format);
        } else if (!strcmp(argv[i], "--dry-run")
                   && !strcmp(argv[0], "orphan/collect")) {
            request->is_dry_run = true;
        } else if (argv[i][0] == '-') {
            error = xasprintf("unknown option '%s'", argv[i]);
        } else if (request->argument) {
            error = xasprintf("unexpected argument '%s'", argv[i]);
        } else {
            request->argument = argv[i];
        }
        if (error) {
            return error;
        }
    }
    return NULL;
}

static void
reply_take(struct unixctl_conn *conn, char *text)
{
    unixctl_command_reply(conn, text);
    free(text);
}

static void
reply_error_take(struct unixctl_conn *conn, char *error)
{
    unixctl_command_reply_error(conn, error);
    free(error);
}

static void
reply_report(struct unixctl_conn *conn, struct report *report,
             enum report_format format)
{
    reply_take(conn, report_render(report, format));
    report_destroy(report);
}

/* Listings. */

typedef char *answer_func(struct commands *, const struct request *,
                          struct report *);

static const struct pass *
newest_pass(const struct commands *c)
{
    return reconciler_pass(c->reconciler);
}

static char *
check_bridge(const struct commands *c, const char *bridge)
{
    return bridge
           ? switch_view_check_bridge(&newest_pass(c)->view, bridge) : NULL;
}

static char *
answer_vnic_list(struct commands *c, const struct request *request,
                 struct report *report)
{
    char *error = check_bridge(c, request->argument);
    listing_vnics(newest_pass(c), request->argument, report);
    return error;
}

static char *
answer_vlan_show(struct commands *c, const struct request *request,
                 struct report *report)
{
    char *error = vlan_listing_fill(newest_pass(c), request->argument,
                                    report);
    char *unknown = check_bridge(c, request->argument);
    if (unknown) {
        free(error);
        return unknown;
    }
    return error;
}

static char *
answer_bridge_list(struct commands *c,
                   const struct request *request OVS_UNUSED,
                   struct report *report)
{
    listing_bridges(newest_pass(c), report);
    return NULL;
}

static char *
answer_quarantine_list(struct commands *c,
                       const struct request *request OVS_UNUSED,
                       struct report *report)
{
    listing_quarantine(newest_pass(c), report);
    return NULL;
}

static char *
answer_flow_dump(struct commands *c, const struct request *request,
                 struct report *report)
{
    flow_listing_dump(reconciler_flows(c->reconciler), request->argument,
                      report);
    return check_bridge(c, request->argument);
}

static char *
answer_flow_diff(struct commands *c, const struct request *request,
                 struct report *report)
{
    flow_listing_diff(reconciler_flows(c->reconciler), request->argument,
                      report);
    return check_bridge(c, request->argument);
}

static char *
answer_plan(struct commands *c, const struct request *request OVS_UNUSED,
            struct report *report)
{
    listing_plan(newest_pass(c), report);
    return NULL;
}

static char *
answer_drift_list(struct commands *c, const struct request *request OVS_UNUSED,
                  struct report *report)
{
    listing_drift(reconciler_journal(c->reconciler), report);
    return NULL;
}

static char *
answer_orphan_list(struct commands *c,
                   const struct request *request OVS_UNUSED,
                   struct report *report)
{
    orphan_listing_fill(newest_pass(c), report);
    return NULL;
}

/* A listing: 'answer' makes it. */
struct listing {
    const char *name;
    const char *usage;
    int max_arguments;          /* Besides --format. */
    answer_func *answer;
};

static const struct listing listings[] = {
    { "vnic/list", "[--format=FORMAT] [BRIDGE]", 1, answer_vnic_list },
    { "vlan/show", "[--format=FORMAT] [BRIDGE]", 1, answer_vlan_show },
    { "bridge/list", "[--format=FORMAT]", 0, answer_bridge_list },
    { "plan", "[--format=FORMAT]", 0, answer_plan },
    { "drift/list", "[--format=FORMAT]", 0, answer_drift_list },
    { "quarantine/list", "[--format=FORMAT]", 0, answer_quarantine_list },
    { "flow/dump", "[--format=FORMAT] [BRIDGE]", 1, answer_flow_dump },
    { "flow/diff", "[--format=FORMAT] [BRIDGE]", 1, answer_flow_diff },
    { "orphan/list", "[--format=FORMAT]", 0, answer_orphan_list },
};

/* The handlers of unixctl get one pointer: the commands.  Which listing is
 * meant, the command's name tells. */
static const struct listing *
find_listing(const char *name)
{
    for (size_t i = 0; i < ARRAY_SIZE(listings); i++) {
        if (!strcmp(listings[i].name, name)) {
            return &listings[i];
        }
    }
    OVS_NOT_REACHED();
}

static void
handle_listing(struct unixctl_conn *conn, int argc, const char *argv[],
               void *c_)
{
    struct request request;
    char *error = request_parse(argc, argv, &request);
    if (error) {
        reply_error_take(conn, error);
        return;
    }

    struct report report;
    error = find_listing(argv[0])->answer(c_, &request, &report);
    if (error) {
        report_destroy(&report);
        reply_error_take(conn, error);
    } else {
        reply_report(conn, &report, request.format);
    }
}

/* Single commands. */

static void
handle_status(struct unixctl_conn *conn, int argc, const char *argv[],
              void *c_)
{
    struct commands *c = c_;
    struct request request;
    char *error = request_parse(argc, argv, &request);
    if (error) {
        reply_error_take(conn, error);
    } else {
        reply_take(conn, status_render(c->in, c->reconciler, request.format));
    }
}

static void
handle_vnic_show(struct unixctl_conn *conn, int argc, const char *argv[],
                 void *c_)
{
    struct request request;
    char *error = request_parse(argc, argv, &request);
    if (!error && !request.argument) {
        error = xstrdup("which domain?  Give its name or UUID, or "
                        "DOMAIN/MAC for one vNIC");
    }
    if (error) {
        reply_error_take(conn, error);
        return;
    }

    struct report report;
    listing_vnic_details(newest_pass(c_), request.argument, &report);
    if (!report.n_cells) {
        reply_error_take(conn, xasprintf("no vNIC of '%s' is known",
                                         request.argument));
    } else if (request.format == REPORT_TABLE) {
        reply_take(conn, report_render_paragraphs(&report));
    } else {
        reply_take(conn, report_render(&report, request.format));
    }
    report_destroy(&report);
}

/* Utters 'wish'; the reply comes when it is fulfilled. */
static void
wait_for(struct commands *c, struct unixctl_conn *conn,
         enum reconcile_wish wish, enum report_format format)
{
    enum ovsdb_conn_state state = ovsdb_conn_state(c->in->ovsdb);
    if (state != OVSDB_CONN_ACTIVE) {
        reply_error_take(conn,
                         xasprintf("nothing can be put right: database %s is "
                                   "%s", ovsdb_conn_remote(c->in->ovsdb),
                                   ovsdb_conn_state_to_string(state)));
        return;
    }

    long long int now = time_msec();
    reconciler_wish(c->reconciler, wish, now);
    struct waiting *waiting = xmalloc(sizeof *waiting);
    waiting->conn = conn;
    waiting->format = format;
    waiting->wish = wish;
    waiting->journal_start = reconciler_journal(c->reconciler)->n;
    waiting->deadline_ms = now + REPLY_TIMEOUT_MS;
    ovs_list_push_back(&c->waiting, &waiting->node);
}

static void
handle_reconcile(struct unixctl_conn *conn, int argc, const char *argv[],
                 void *c_)
{
    struct request request;
    char *error = request_parse(argc, argv, &request);
    if (error) {
        reply_error_take(conn, error);
    } else {
        wait_for(c_, conn, WISH_REPAIR, request.format);
    }
}

static void
handle_orphan_collect(struct unixctl_conn *conn, int argc, const char *argv[],
                      void *c_)
{
    struct request request;
    char *error = request_parse(argc, argv, &request);
    if (error) {
        reply_error_take(conn, error);
    } else if (request.is_dry_run) {
        struct report report;
        (void) answer_orphan_list(c_, &request, &report); /* Never fails. */
        reply_report(conn, &report, request.format);
    } else {
        wait_for(c_, conn, WISH_COLLECT, request.format);
    }
}

static void
handle_exit(struct unixctl_conn *conn, int argc OVS_UNUSED,
            const char *argv[] OVS_UNUSED, void *c_)
{
    struct commands *c = c_;
    loop_exit(c->loop);
    unixctl_command_reply(conn, NULL);
}

/* Deferred replies. */

/* Has libvirt told what the wish of 'waiting' needs? */
static bool
has_libvirt_told(const struct commands *c, const struct waiting *waiting)
{
    return reconciler_was_answered(c->reconciler)
           && (waiting->wish != WISH_COLLECT
               || newest_pass(c)->desired.is_complete);
}

/* What has become of a wish although libvirt did not answer. */
static char *
explain_silence(const struct waiting *waiting, const struct journal *journal)
{
    return (waiting->wish == WISH_COLLECT
            ? xstrdup("libvirt did not answer; no orphan is collected "
                      "before each connection has said that nobody needs it")
            : xasprintf("libvirt did not answer; done with what was known of "
                        "it, columns written: %"PRIu64,
                        journal->n - waiting->journal_start));
}

static void
reply_waiting(struct commands *c, struct waiting *waiting)
{
    struct report report;
    const struct journal *journal = reconciler_journal(c->reconciler);

    if (!has_libvirt_told(c, waiting)) {
        reply_error_take(waiting->conn, explain_silence(waiting, journal));
        return;
    }
    listing_changes(journal, waiting->journal_start, &report);
    reply_report(waiting->conn, &report, waiting->format);
}

static void
drop_waiting(struct waiting *waiting)
{
    ovs_list_remove(&waiting->node);
    free(waiting);
}

/* Answers those who wait for a pass that has ended, or have waited enough. */
void
commands_run(struct commands *c, long long int now)
{
    struct waiting *waiting;
    LIST_FOR_EACH_SAFE (waiting, node, &c->waiting) {
        if (!reconciler_has_wishes(c->reconciler)) {
            reply_waiting(c, waiting);
        } else if (now >= waiting->deadline_ms) {
            unixctl_command_reply_error(
                waiting->conn, "the database did not answer within 5 s; the "
                "work goes on, see 'status' and 'plan'");
        } else {
            continue;
        }
        drop_waiting(waiting);
    }
}

void
commands_wait(const struct commands *c)
{
    if (!ovs_list_is_empty(&c->waiting)) {
        const struct waiting *oldest
            = CONTAINER_OF(ovs_list_front(&c->waiting), struct waiting, node);
        poll_timer_wait_until(reconciler_has_wishes(c->reconciler)
                              ? oldest->deadline_ms : LLONG_MIN);
    }
}

/* Life. */

/* Registers the commands; what is passed in must outlive them. */
struct commands *
commands_create(struct inputs *in, struct reconciler *reconciler,
                struct loop *loop)
{
    struct commands *c = xmalloc(sizeof *c);
    c->in = in;
    c->reconciler = reconciler;
    c->loop = loop;
    ovs_list_init(&c->waiting);

    for (size_t i = 0; i < ARRAY_SIZE(listings); i++) {
        unixctl_command_register(listings[i].name, listings[i].usage, 0,
                                 listings[i].max_arguments + 1,
                                 handle_listing, c);
    }
    unixctl_command_register("status", "[--format=FORMAT]", 0, 1,
                             handle_status, c);
    unixctl_command_register("vnic/show", "[--format=FORMAT] DOMAIN[/MAC]",
                             0, 2, handle_vnic_show, c);
    unixctl_command_register("reconcile", "[--format=FORMAT]", 0, 1,
                             handle_reconcile, c);
    unixctl_command_register("orphan/collect", "[--format=FORMAT] [--dry-run]",
                             0, 2, handle_orphan_collect, c);
    unixctl_command_register("exit", "", 0, 0, handle_exit, c);
    return c;
}

/* Those who still wait are told that the agent stops. */
void
commands_destroy(struct commands *c)
{
    if (c) {
        struct waiting *waiting;
        LIST_FOR_EACH_SAFE (waiting, node, &c->waiting) {
            unixctl_command_reply_error(waiting->conn, "vnicd is stopping");
            drop_waiting(waiting);
        }
        free(c);
    }
}
