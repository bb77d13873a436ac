/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */

/* Operators' commands over the control socket.  Listings are answered at once
 * from the newest pass, whatever libvirt or the switch do.  'reconcile' needs
 * the database, 'why' and 'isolation/verify' need the switch: their replies
 * are deferred, never the loop blocked. */

#include <config.h>
#include "controller/commands.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "controller/bridge-flows.h"
#include "controller/flow-listing.h"
#include "controller/inputs.h"
#include "controller/journal.h"
#include "controller/listings.h"
#include "controller/loop.h"
#include "controller/orphan-listing.h"
#include "controller/questions.h"
#include "controller/reconcile.h"
#include "controller/status.h"
#include "controller/switch-flows.h"
#include "controller/vlan-listing.h"
#include "flows/fate.h"
#include "dirs.h"
#include "lib/cleanup.h"
#include "lib/report.h"
#include "openvswitch/list.h"
#include "openvswitch/poll-loop.h"
#include "ovsdb/ovsdb-conn.h"
#include "simap.h"
#include "timeval.h"
#include "unixctl.h"
#include "util.h"

/* How long a deferred reply may take. */
enum { REPLY_TIMEOUT_MS = 5000 };

struct commands {
    struct inputs *in;
    struct reconciler *reconciler;
    const struct hooks *hooks;
    struct loop *loop;
    struct questions *questions;
    struct ovs_list waiting;    /* Of 'struct waiting', oldest first. */
};

/* An operator who waits for the pass that fulfils a wish. */
struct waiting {
    struct ovs_list node;
    struct unixctl_conn *conn;
    enum report_format format;
    enum wish_kind wish;
    uint64_t number;            /* Of the wish. */
    uint64_t journal_start;     /* Entries after this are its work. */
    long long int deadline_ms;
};

/* A request taken apart. */
struct request {
    enum report_format format;
    bool is_dry_run;            /* --dry-run was given. */
    bool wants_all;             /* --all was given. */
    const char *argument;       /* The word that is no option, or NULL ... */
    const char *packet;         /* ... and a second one, where there may be. */
};

/* Takes 'word', which begins with a hyphen.  Returns a sentence if it is no
 * option that 'command' takes. */
static char *
take_option(const char *command, const char *word, struct request *request)
{
    static const char format[] = "--format=";

    if (!strncmp(word, format, strlen(format))) {
        return report_format_from_string(word + strlen(format),
                                         &request->format);
    } else if (!strcmp(word, "--dry-run")
               && !strcmp(command, "orphan/collect")) {
        request->is_dry_run = true;
    } else if (!strcmp(word, "--all")
               && !strcmp(command, "isolation/verify")) {
        request->wants_all = true;
    } else {
        return xasprintf("unknown option '%s'", word);
    }
    return NULL;
}

/* Takes a word that is no option, of which there may be 'max', 2 at most.
 * Returns a sentence if it is one too many. */
static char *
take_argument(const char *word, int max, struct request *request)
{
    if (max >= 1 && !request->argument) {
        request->argument = word;
    } else if (max >= 2 && !request->packet) {
        request->packet = word;
    } else {
        return xasprintf("unexpected argument '%s'", word);
    }
    return NULL;
}

/* Takes 'argv' apart: an optional --format=FORMAT, other options where the
 * command takes them, and at most 'max_arguments' other words; behind "--" all
 * words are others, as a domain may be called "-h".  Returns a sentence if that
 * is not what it is. */
static char *
request_parse(int argc, const char *argv[], int max_arguments,
              struct request *request)
{
    bool are_options_over = false;
    char *error = NULL;

    *request = (struct request) { .format = REPORT_TABLE };
    for (int i = 1; i < argc && !error; i++) {
        bool is_option = argv[i][0] == '-' && argv[i][1] && !are_options_over;
        if (!is_option) {
            error = take_argument(argv[i], max_arguments, request);
        } else if (!strcmp(argv[i], "--")) {
            are_options_over = true;
        } else {
            error = take_option(argv[0], argv[i], request);
        }
    }
    return error;
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
    const struct listing *listing = find_listing(argv[0]);
    struct request request;
    char *error = request_parse(argc, argv, listing->max_arguments, &request);
    if (error) {
        reply_error_take(conn, error);
        return;
    }

    struct report report;
    error = listing->answer(c_, &request, &report);
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
    char *error = request_parse(argc, argv, 0, &request);
    if (error) {
        reply_error_take(conn, error);
    } else {
        reply_take(conn, status_render(c->in, c->reconciler, c->hooks,
                                       request.format));
    }
}

static void
handle_vnic_show(struct unixctl_conn *conn, int argc, const char *argv[],
                 void *c_)
{
    struct request request;
    char *error = request_parse(argc, argv, 1, &request);
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
         enum wish_kind wish, enum report_format format)
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
    struct waiting *waiting = xmalloc(sizeof *waiting);
    waiting->conn = conn;
    waiting->format = format;
    waiting->wish = wish;
    waiting->number = reconciler_wish(c->reconciler, wish, now);
    waiting->journal_start = reconciler_journal(c->reconciler)->n;
    waiting->deadline_ms = now + REPLY_TIMEOUT_MS;
    ovs_list_push_back(&c->waiting, &waiting->node);
}

static void
handle_reconcile(struct unixctl_conn *conn, int argc, const char *argv[],
                 void *c_)
{
    struct request request;
    char *error = request_parse(argc, argv, 0, &request);
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
    char *error = request_parse(argc, argv, 0, &request);
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

/* Questions to the switch. */

static struct questioner
make_questioner(const struct commands *c, struct unixctl_conn *conn,
                const struct request *request)
{
    return (struct questioner) {
        .conn = conn,
        .format = request->format,
        .flows_seqno = switch_flows_seqno(reconciler_flows(c->reconciler)),
        .now = time_msec(),
    };
}

/* Stores in '*factsp' what the flows of 'bridge' are made from.  Returns a
 * sentence unless the switch has them. */
static char *
find_facts(const struct commands *c, const char *bridge,
           const struct pipeline_bridge **factsp)
{
    const struct bridge_flows *flows
        = switch_flows_find(reconciler_flows(c->reconciler), bridge);
    if (!flows) {
        return xasprintf("no flows of vnicd are on bridge %s", bridge);
    }
    enum bridge_flows_state state = bridge_flows_state(flows);
    if (state != BRIDGE_FLOWS_INSTALLED && state != BRIDGE_FLOWS_CHANGED) {
        return xasprintf(
            "the flows of bridge %s are not installed: %s", bridge,
            bridge_flows_state_to_string(state));
    }
    *factsp = bridge_flows_facts(flows);
    return NULL;
}

static void
collect_ofports(const struct pass *pass, const char *bridge,
                struct simap *ofports)
{
    for (size_t i = 0; i < pass->view.n_ports; i++) {
        const struct port_view *port = &pass->view.ports[i];
        if (!strcmp(port->bridge, bridge) && port->ofport > 0) {
            simap_put(ofports, port->name, port->ofport);
        }
    }
}

/* Asks the switch about 'request'.  Returns a sentence if that makes no
 * sense. */
static char *
ask_why(struct commands *c, struct unixctl_conn *conn,
        const struct request *request)
{
    const struct pass *pass = newest_pass(c);
    const struct port_view *port
        = (request->argument
           ? switch_view_find_port(&pass->view, request->argument) : NULL);
    if (!port) {
        return request->argument
               ? xasprintf("there is no port '%s'", request->argument)
               : xstrdup("which port?  Give its name, and a packet to learn "
                         "what would become of it");
    }
    const struct pipeline_bridge *facts;
    char *error = find_facts(c, port->bridge, &facts);
    if (error) {
        return error;
    }
    struct questioner asker = make_questioner(c, conn, request);
    struct simap ofports = SIMAP_INITIALIZER(&ofports);
    collect_ofports(pass, port->bridge, &ofports);
    const struct fate_question question = {
        .bridge = facts, .ofports = &ofports, .port = port->name,
        .packet = request->packet,
    };
    if (request->packet) {
        questions_ask_fate(c->questions, &asker, &question);
    } else {
        questions_ask_counts(c->questions, &asker, &question);
    }
    simap_destroy(&ofports);
    return NULL;
}

static void
handle_why(struct unixctl_conn *conn, int argc, const char *argv[], void *c_)
{
    struct request request;
    char *error = request_parse(argc, argv, 2, &request);
    if (!error) {
        error = ask_why(c_, conn, &request);
    }
    if (error) {
        reply_error_take(conn, error);
    }
}

/* Stores in 'facts', which has room for all, those of each bridge whose vNICs
 * flows isolate, and in '*np' how many that are. */
static char *
find_all_facts(const struct commands *c, const struct pipeline_bridge *facts[],
               size_t *np)
{
    const struct switch_flows *flows = reconciler_flows(c->reconciler);
    *np = 0;
    for (size_t i = 0; i < switch_flows_n(flows); i++) {
        const struct bridge_flows *bf = switch_flows_get(flows, i);
        if (bridge_flows_state(bf) == BRIDGE_FLOWS_REMOVED) {
            continue;
        }
        char *error = find_facts(c, bridge_flows_name(bf), &facts[*np]);
        if (error) {
            return error;
        }
        ++*np;
    }
    return NULL;
}

static void
handle_verify(struct unixctl_conn *conn, int argc, const char *argv[],
              void *c_)
{
    struct commands *c = c_;
    struct request request;
    size_t n = switch_flows_n(reconciler_flows(c->reconciler));
    CLEANUP_FREE const struct pipeline_bridge **facts
        = xcalloc(n + 1, sizeof *facts);
    char *error = request_parse(argc, argv, 1, &request);
    if (!error) {
        error = check_bridge(c, request.argument);
    }
    if (!error && request.argument) {
        n = 1;
        error = find_facts(c, request.argument, &facts[0]);
    } else if (!error) {
        error = find_all_facts(c, facts, &n);
    }
    if (error) {
        reply_error_take(conn, error);
        return;
    }
    struct questioner asker = make_questioner(c, conn, &request);
    questions_ask_isolation(c->questions, &asker, facts, n,
                            request.wants_all);
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

/* What has become of a wish although libvirt has not told what it needs. */
static char *
explain_silence(const struct waiting *waiting, const struct journal *journal)
{
    return (waiting->wish == WISH_COLLECT
            ? xstrdup("libvirt has not told everything yet; no orphan is "
                      "collected before each connection has said that nobody "
                      "needs it")
            : xasprintf("libvirt has not told everything yet; done with what "
                        "is known of it, columns written: %"PRIu64,
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
    questions_run(c->questions,
                  switch_flows_seqno(reconciler_flows(c->reconciler)), now);
    struct waiting *waiting;
    LIST_FOR_EACH_SAFE (waiting, node, &c->waiting) {
        if (reconciler_has_fulfilled(c->reconciler, waiting->wish,
                                     waiting->number)) {
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
    questions_wait(c->questions);
    if (!ovs_list_is_empty(&c->waiting)) {
        const struct waiting *oldest
            = CONTAINER_OF(ovs_list_front(&c->waiting), struct waiting, node);
        poll_timer_wait_until(oldest->deadline_ms);
    }
}

/* Life. */

/* Registers the commands; what is passed in must outlive them. */
struct commands *
commands_create(struct inputs *in, struct reconciler *reconciler,
                const struct hooks *hooks, struct loop *loop)
{
    struct commands *c = xmalloc(sizeof *c);
    c->in = in;
    c->reconciler = reconciler;
    c->hooks = hooks;
    c->loop = loop;
    c->questions = questions_create(ovs_rundir());
    ovs_list_init(&c->waiting);

    /* Any of them may have "--" besides what its usage says. */
    for (size_t i = 0; i < ARRAY_SIZE(listings); i++) {
        unixctl_command_register(listings[i].name, listings[i].usage, 0,
                                 listings[i].max_arguments + 2,
                                 handle_listing, c);
    }
    unixctl_command_register("status", "[--format=FORMAT]", 0, 2,
                             handle_status, c);
    unixctl_command_register("vnic/show", "[--format=FORMAT] DOMAIN[/MAC]",
                             0, 3, handle_vnic_show, c);
    unixctl_command_register("reconcile", "[--format=FORMAT]", 0, 2,
                             handle_reconcile, c);
    unixctl_command_register("orphan/collect", "[--format=FORMAT] [--dry-run]",
                             0, 3, handle_orphan_collect, c);
    unixctl_command_register("why", "[--format=FORMAT] PORT [PACKET]", 0, 4,
                             handle_why, c);
    unixctl_command_register("isolation/verify",
                             "[--format=FORMAT] [--all] [BRIDGE]", 0, 4,
                             handle_verify, c);
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
        questions_destroy(c->questions);
        free(c);
    }
}
