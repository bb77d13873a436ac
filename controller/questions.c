/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */

/* Keeps the connections of operators who wait for the switch, and replies when
 * it has answered, or has had its time: see flows/switch-control.c and
 * flows/counters.c. */

#include <config.h>
#include "controller/questions.h"

#include <inttypes.h>
#include <stdlib.h>

#include "flows/counters.h"
#include "flows/fate.h"
#include "flows/pipeline.h"
#include "flows/switch-control.h"
#include "flows/verifier.h"
#include "flows/verify.h"
#include "flows/why.h"
#include "lib/cleanup.h"
#include "openvswitch/list.h"
#include "openvswitch/poll-loop.h"
#include "unixctl.h"
#include "util.h"

struct questions {
    char *rundir;
    struct switch_control *control;
    struct ovs_list waiting;    /* Of 'struct question'. */
};

/* Exactly one of its first three kinds of work is not NULL. */
struct question {
    struct ovs_list node;       /* In 'waiting'. */
    struct questioner asker;
    struct fate *fate;
    struct counters *counters;
    struct verifier **verifiers; /* One for each bridge, owned. */
    size_t n_verifiers;
    size_t n_verified;          /* Those that are done come first. */
    struct report report;       /* Of the verifiers. */
};

/* Life. */

/* 'rundir' is where the sockets of ovs-vswitchd are. */
struct questions *
questions_create(const char *rundir)
{
    struct questions *q = xmalloc(sizeof *q);
    q->rundir = xstrdup(rundir);
    q->control = switch_control_create(rundir);
    ovs_list_init(&q->waiting);
    return q;
}

static void
question_destroy(struct question *question)
{
    ovs_list_remove(&question->node);
    fate_destroy(question->fate);
    counters_destroy(question->counters);
    for (size_t i = 0; i < question->n_verifiers; i++) {
        verifier_destroy(question->verifiers[i]);
    }
    free(question->verifiers);
    report_destroy(&question->report);
    free(question);
}

/* Those who still wait are told that the agent stops. */
void
questions_destroy(struct questions *q)
{
    if (q) {
        struct question *question;
        LIST_FOR_EACH_SAFE (question, node, &q->waiting) {
            unixctl_command_reply_error(question->asker.conn,
                                        "vnicd is stopping");
            question_destroy(question);
        }
        switch_control_destroy(q->control);
        free(q->rundir);
        free(q);
    }
}

/* Asking. */

static void
reply_error_take(const struct questioner *asker, char *error)
{
    unixctl_command_reply_error(asker->conn, error);
    free(error);
}

static struct question *
add_question(struct questions *q, const struct questioner *asker)
{
    struct question *question = xzalloc(sizeof *question);
    question->asker = *asker;
    verify_report_init(&question->report);
    ovs_list_push_back(&q->waiting, &question->node);
    return question;
}

/* What would become of a packet? */
void
questions_ask_fate(struct questions *q, const struct questioner *asker,
                   const struct fate_question *what)
{
    struct fate *fate;
    char *error = fate_create(q->control, what, asker->now, &fate);
    if (error) {
        reply_error_take(asker, error);
    } else {
        add_question(q, asker)->fate = fate;
    }
}

/* Which rules has the vNIC on the port of 'where' broken, and how often? */
void
questions_ask_counts(struct questions *q, const struct questioner *asker,
                     const struct fate_question *where)
{
    const char *bridge = where->bridge->name;
    const struct pipeline_vnic *vnic = why_find_vnic(
        where->bridge, where->ofports, where->port);
    if (!vnic) {
        reply_error_take(asker, xasprintf("port %s of bridge %s is no vNIC's: "
                                          "nothing is counted there",
                                          where->port, bridge));
        return;
    }
    CLEANUP_FREE char *target = xasprintf("unix:%s/%s.mgmt", q->rundir,
                                          bridge);
    add_question(q, asker)->counters = counters_create(bridge, target, vnic,
                                                       asker->now);
}

/* Is there any frame that 'bridges' do not treat as is meant? */
void
questions_ask_isolation(struct questions *q, const struct questioner *asker,
                        const struct pipeline_bridge *const bridges[],
                        size_t n_bridges, bool wants_all)
{
    struct question *question = add_question(q, asker);
    question->verifiers = xcalloc(n_bridges + 1,
                                  sizeof *question->verifiers);
    for (size_t i = 0; i < n_bridges; i++) {
        char *error = verifier_create(q->control, bridges[i], wants_all,
                                      &question->report,
                                      &question->verifiers[i]);
        if (error) {
            reply_error_take(asker, error);
            question_destroy(question);
            return;
        }
        question->n_verifiers++;
    }
}

/* Replying. */

static void
reply_report(const struct questioner *asker, const struct report *report,
             const char *remark)
{
    CLEANUP_FREE char *text = report_render(report, asker->format);
    if (remark && asker->format == REPORT_TABLE) {
        CLEANUP_FREE char *both = xasprintf("%s\n%s\n", text, remark);
        unixctl_command_reply(asker->conn, both);
    } else {
        unixctl_command_reply(asker->conn, text);
    }
}

/* Replies with 'report', unless there is an 'error', of which it takes
 * ownership. */
static void
reply(const struct questioner *asker, struct report *report, char *error)
{
    if (error) {
        reply_error_take(asker, error);
    } else {
        reply_report(asker, report, NULL);
    }
    report_destroy(report);
}

/* True once 'question' has a reply. */
static bool
run_fate(struct question *question)
{
    if (!fate_is_done(question->fate)) {
        return false;
    }
    struct report report;
    char *error = fate_tell(question->fate, &report);
    reply(&question->asker, &report, error);
    return true;
}

static bool
run_counters(struct question *question, long long int now)
{
    counters_run(question->counters, now);
    if (!counters_are_done(question->counters)) {
        return false;
    }
    struct report report;
    char *error = counters_tell(question->counters, &report);
    reply(&question->asker, &report, error);
    return true;
}

/* What was meant when the question was asked may be wrong by now. */
static void
reply_verified(const struct question *question, unsigned int flows_seqno)
{
    size_t n_traces = 0, n_wrong = 0;
    for (size_t i = 0; i < question->n_verifiers; i++) {
        n_traces += verifier_n_traces(question->verifiers[i]);
        n_wrong += verifier_n_wrong(question->verifiers[i]);
    }
    if (n_wrong && flows_seqno != question->asker.flows_seqno) {
        reply_error_take(&question->asker, xstrdup(
            "flows have changed while they were verified: ask again"));
        return;
    }
    CLEANUP_FREE char *remark = xasprintf(
        "(%"PRIuSIZE" frames traced, of %"PRIuSIZE" the fate is not what is "
        "meant)", n_traces, n_wrong);
    reply_report(&question->asker, &question->report, remark);
}

static bool
run_verifiers(struct question *question, unsigned int flows_seqno,
              long long int now)
{
    while (question->n_verified < question->n_verifiers) {
        struct verifier *verifier = question->verifiers[question->n_verified];
        verifier_run(verifier, now);
        if (!verifier_is_done(verifier)) {
            return false;
        }
        char *error = verifier_error(verifier);
        if (error) {
            reply_error_take(&question->asker, error);
            return true;
        }
        question->n_verified++;
    }
    reply_verified(question, flows_seqno);
    return true;
}

/* 'flows_seqno' is that of now: see 'struct questioner'. */
void
questions_run(struct questions *q, unsigned int flows_seqno,
              long long int now)
{
    switch_control_run(q->control, now);
    struct question *question;
    LIST_FOR_EACH_SAFE (question, node, &q->waiting) {
        if (question->fate ? run_fate(question)
            : question->counters ? run_counters(question, now)
            : run_verifiers(question, flows_seqno, now)) {
            question_destroy(question);
        }
    }
}

void
questions_wait(const struct questions *q)
{
    const struct question *question;
    LIST_FOR_EACH (question, node, &q->waiting) {
        if (question->counters) {
            counters_wait(question->counters);
        } else if (question->fate && fate_is_done(question->fate)) {
            poll_immediate_wake();
        } else if (question->n_verified < question->n_verifiers) {
            verifier_wait(question->verifiers[question->n_verified]);
        } else if (!question->fate) {
            poll_immediate_wake();
        }
    }
    switch_control_wait(q->control);
}
