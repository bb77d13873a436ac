/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */

/* What libvirt's hooks mean to the agent.
 *
 * What a hook tells of a domain or a network is one more reading of it, as new
 * as can be.  Where a guest may still be refused the hook waits for a pass that
 * has seen it, and for what that pass found to be put right; whether the guest
 * may start is decided in controller/gate.c.  libvirt is not asked on the way:
 * it would not answer, because it waits for us.
 *
 * In a turn of the main loop hooks_run() takes events in, hooks_answer() gives
 * verdicts: as soon as the newest pass has done what they wait for, and again
 * behind a new one. */

#include <config.h>
#include "controller/hooks.h"

#include <stdlib.h>
#include <string.h>

#include "controller/gate.h"
#include "controller/hook-server.h"
#include "controller/inputs.h"
#include "controller/reconcile.h"
#include "lib/cleanup.h"
#include "lib/error.h"
#include "lib/text.h"
#include "lib/vnic.h"
#include "libvirt-hooks/hook-step.h"
#include "openvswitch/list.h"
#include "openvswitch/poll-loop.h"
#include "openvswitch/vlog.h"
#include "ovsdb/ovsdb-conn.h"
#include "util.h"
#include "virt/domain-xml.h"

VLOG_DEFINE_THIS_MODULE(hooks);

static struct vlog_rate_limit rl = VLOG_RATE_LIMIT_INIT(5, 20);

/* Nobody waits for longer, whatever a hook says of its patience. */
enum { MAX_PATIENCE_MS = 60000 };

/* A hook that waits for the agent. */
struct hook_wait {
    struct ovs_list node;       /* In the 'waits' of 'struct hooks'. */
    struct hook_call *call;
    bool is_sweep;              /* For that, otherwise for a domain. */
    uint64_t sweep;             /* Its number. */
    bool is_opinion;            /* What cannot be judged passes. */
    struct uuid domain;
    uint64_t n_passes;          /* As many had not seen what it tells. */
    long long int deadline_ms;
    char *reason;               /* Why it still waits, or NULL. */
};

struct hooks {
    struct inputs *in;
    struct reconciler *reconciler;
    struct hook_server *server;
    struct ovs_list waits;      /* Of 'struct hook_wait', owned. */
    uint64_t n_events;
    uint64_t n_refused;
    uint64_t n_unable;
};

/* Verdicts. */

static void
count_verdict(struct hooks *hooks, enum hook_code code)
{
    hooks->n_refused += code == HOOK_REFUSE;
    hooks->n_unable += code == HOOK_UNABLE;
}

static void
log_verdict(const struct hook_event *event, enum hook_code code,
            const char *sentence)
{
    CLEANUP_FREE char *object = text_printable(event->object);
    if (code == HOOK_UNABLE) {
        VLOG_WARN_RL(&rl, "hook %s %s: %s cannot be judged: %s",
                     event->driver, event->operation, object, sentence);
    } else if (code == HOOK_REFUSE) {
        VLOG_INFO("hook %s %s: %s refused: %s", event->driver,
                  event->operation, object, sentence);
    } else {
        VLOG_DBG("hook %s %s: %s passed", event->driver, event->operation,
                 object);
    }
}

/* Answers 'call', which is gone afterwards.  Takes ownership of 'reason', which
 * is NULL if there is nothing to say. */
static void
answer(struct hooks *hooks, struct hook_call *call, enum hook_code code,
       char *reason)
{
    CLEANUP_FREE char *sentence = text_printable(reason ? reason : "");
    struct hook_verdict verdict = { .code = code, .sentence = sentence };

    free(reason);
    count_verdict(hooks, code);
    log_verdict(&call->event, code, sentence);
    hook_call_answer(call, &verdict);
}

/* Waiting. */

static void
destroy_wait(struct hook_wait *wait)
{
    ovs_list_remove(&wait->node);
    free(wait->reason);
    free(wait);
}

/* Has 'call' wait.  Our answer is to be there before the hook gives up. */
static struct hook_wait *
add_wait(struct hooks *hooks, struct hook_call *call)
{
    long long int patience_ms = MIN(call->event.patience_ms,
                                    MAX_PATIENCE_MS);
    struct hook_wait *wait = xzalloc(sizeof *wait);
    wait->call = call;
    wait->n_passes = reconciler_n_passes(hooks->reconciler);
    wait->deadline_ms = call->received_ms + patience_ms - patience_ms / 10;
    ovs_list_push_back(&hooks->waits, &wait->node);
    return wait;
}

/* Has 'call' wait for a pass that has seen the domain 'uuid'. */
static struct hook_wait *
wait_for_domain(struct hooks *hooks, struct hook_call *call,
                const struct uuid *uuid)
{
    struct hook_wait *wait = add_wait(hooks, call);
    wait->domain = *uuid;
    reconciler_touch(hooks->reconciler);
    return wait;
}

/* Why does 'wait' wait for longer than it can? */
static char *
explain_delay(const struct hooks *hooks, const struct hook_wait *wait)
{
    const struct ovsdb_conn *ovsdb = hooks->in->ovsdb;
    if (!ovsdb_conn_has_facts(ovsdb)) {
        return xasprintf("database %s: %s", ovsdb_conn_remote(ovsdb),
                         ovsdb_conn_state_to_string(ovsdb_conn_state(ovsdb)));
    }
    return (wait->reason ? xstrdup(wait->reason)
            : xasprintf("database %s does not answer",
                        ovsdb_conn_remote(ovsdb)));
}

/* Gives the verdict that 'wait' waits for. */
static void
end_wait(struct hooks *hooks, struct hook_wait *wait, enum hook_code code,
         char *reason)
{
    if (!wait->is_sweep
        && (code != HOOK_PASS || hook_call_is_over(wait->call))) {
        /* Perhaps it does not start, and nobody else says so. */
        inputs_read_domain(hooks->in, &wait->domain, wait->call->received_ms);
    }
    answer(hooks, wait->call, code, reason);
    destroy_wait(wait);
}

static void
run_domain_wait(struct hooks *hooks, struct hook_wait *wait,
                long long int now)
{
    enum gate gate = GATE_WAITING;
    if (reconciler_n_passes(hooks->reconciler) > wait->n_passes) {
        free(wait->reason);
        gate = gate_of_domain(&wait->domain,
                              reconciler_pass(hooks->reconciler),
                              &wait->reason);
    }

    if (gate == GATE_OPEN) {
        end_wait(hooks, wait, HOOK_PASS, NULL);
    } else if (gate == GATE_CLOSED) {
        end_wait(hooks, wait, HOOK_REFUSE, TAKE_PTR(wait->reason));
    } else if (now >= wait->deadline_ms) {
        end_wait(hooks, wait, wait->is_opinion ? HOOK_PASS : HOOK_UNABLE,
                 wait->is_opinion ? NULL : explain_delay(hooks, wait));
    }
}

/* Once the hook is over libvirt goes on, and may plug guests. */
static void
run_sweep_wait(struct hooks *hooks, struct hook_wait *wait,
               long long int now)
{
    if (reconciler_has_fulfilled(hooks->reconciler, WISH_SWEEP,
                                 wait->sweep)) {
        end_wait(hooks, wait, HOOK_PASS, NULL);
    } else if (now >= wait->deadline_ms) {
        reconciler_forget_wishes(hooks->reconciler, WISH_SWEEP);
        end_wait(hooks, wait, HOOK_UNABLE, explain_delay(hooks, wait));
    }
}

static void
run_wait(struct hooks *hooks, struct hook_wait *wait, long long int now)
{
    if (hook_call_is_over(wait->call)) {
        if (wait->is_sweep) {
            reconciler_forget_wishes(hooks->reconciler, WISH_SWEEP);
        }
        end_wait(hooks, wait, HOOK_PASS, NULL); /* Nobody hears it. */
    } else if (wait->is_sweep) {
        run_sweep_wait(hooks, wait, now);
    } else {
        run_domain_wait(hooks, wait, now);
    }
}

/* Events. */

/* Parses the XML of 'event' and stores in '*domainp' the domain, as 'stage'
 * says, which the caller owns.  Returns a sentence if it makes no sense. */
static char *
parse_domain(const struct hook_call *call, enum domain_stage stage,
             struct domain **domainp)
{
    char *error = domain_xml_parse(call->event.xml, call->event.xml_size,
                                   domainp);
    if (error) {
        return error_wrap(error, "domain %s", call->event.object);
    }
    (*domainp)->stage = stage;
    (*domainp)->read_ms = call->received_ms;
    return NULL;
}

/* Nothing is plugged yet.  What we cannot judge passes: the gate is to come.
 * 'place' is where the guest is. */
static void
judge_ahead(struct hooks *hooks, struct hook_call *call,
            enum guest_place place)
{
    struct domain *domain;
    char *error = parse_domain(call, DOMAIN_PREPARED, &domain);
    if (error) {
        VLOG_WARN_RL(&rl, "hook %s %s: %s", call->event.driver,
                     call->event.operation, error);
        free(error);
        answer(hooks, call, HOOK_PASS, NULL);
        return;
    }

    struct uuid uuid = domain->uuid;
    domain->is_active = true;   /* As good as; of a migration it is not said. */
    domain->place = place;
    inputs_tell_domain(hooks->in, call->event.driver, domain);
    if (ovsdb_conn_has_facts(hooks->in->ovsdb)) {
        wait_for_domain(hooks, call, &uuid)->is_opinion = true;
    } else {
        answer(hooks, call, HOOK_PASS, NULL);
    }
}

static void
handle_prepare(struct hooks *hooks, struct hook_call *call)
{
    judge_ahead(hooks, call, GUEST_HERE);
}

/* On the destination of a migration, before "prepare". */
static void
handle_migrate(struct hooks *hooks, struct hook_call *call)
{
    judge_ahead(hooks, call, GUEST_INCOMING);
}

/* Everything is plugged, the guest does not run.  A container has no number yet
 * then, so libvirt shows it as if it were defined only: its ports, whose names
 * are not said, are found by their MAC addresses. */
static void
handle_start(struct hooks *hooks, struct hook_call *call)
{
    struct domain *domain;
    char *error = parse_domain(call, DOMAIN_STARTING, &domain);
    if (error) {
        answer(hooks, call, HOOK_UNABLE, error);
        return;
    }

    struct uuid uuid = domain->uuid;
    domain->is_active = true;   /* As good as. */
    inputs_tell_domain(hooks->in, call->event.driver, domain);
    (void) wait_for_domain(hooks, call, &uuid);
}

/* Takes in what 'call' tells of a domain, unless libvirt itself has told of it:
 * its own words, which are asked for, say more. */
static void
note_domain(struct hooks *hooks, const struct hook_call *call, bool is_told)
{
    struct domain *domain;
    CLEANUP_FREE char *error = parse_domain(call, DOMAIN_TOLD, &domain);
    if (error) {
        VLOG_WARN_RL(&rl, "hook %s %s: %s", call->event.driver,
                     call->event.operation, error);
        return;
    }

    struct uuid uuid = domain->uuid;
    if (is_told && !inputs_has_read_domain(hooks->in, &uuid)) {
        inputs_tell_domain(hooks->in, call->event.driver, domain);
    } else {
        domain_destroy(domain);
    }
    inputs_read_domain(hooks->in, &uuid, call->received_ms);
}

static void
handle_note(struct hooks *hooks, struct hook_call *call)
{
    note_domain(hooks, call, true);
    answer(hooks, call, HOOK_PASS, NULL);
}

/* What 'call' tells may be over when we act on it: a guest is dead, whose ports
 * belong to it until they are gone, or libvirt has gone on without us. */
static void
handle_past(struct hooks *hooks, struct hook_call *call)
{
    note_domain(hooks, call, false);
    answer(hooks, call, HOOK_PASS, NULL);
}

static void
handle_network(struct hooks *hooks, struct hook_call *call)
{
    CLEANUP_FREE char *error
        = inputs_tell_network(hooks->in, call->event.xml,
                              call->event.xml_size, call->received_ms);
    if (error) {
        CLEANUP_FREE char *object = text_printable(call->event.object);
        VLOG_WARN_RL(&rl, "hook network %s: network %s: %s",
                     call->event.operation, object, error);
    }
    answer(hooks, call, HOOK_PASS, NULL);
}

/* libvirt starts, and plugs nobody until we are done. */
static void
handle_daemon_start(struct hooks *hooks, struct hook_call *call)
{
    struct hook_wait *wait = add_wait(hooks, call);
    wait->is_sweep = true;
    wait->sweep = reconciler_wish(hooks->reconciler, WISH_SWEEP,
                                  call->received_ms);
}

static void
handle_nothing(struct hooks *hooks, struct hook_call *call)
{
    answer(hooks, call, HOOK_PASS, NULL);
}

typedef void handler(struct hooks *, struct hook_call *);

static const struct {
    handler *handle;
    handler *handle_late;       /* Its hook was to wait, and has given up. */
} handlers[N_HOOK_STEPS] = {
    [HOOK_STEP_OTHER] = { handle_nothing, handle_nothing },
    [HOOK_STEP_PREPARE] = { handle_prepare, handle_past },
    [HOOK_STEP_MIGRATE] = { handle_migrate, handle_past },
    [HOOK_STEP_START] = { handle_start, handle_past },
    [HOOK_STEP_STARTED] = { handle_note, handle_note },
    [HOOK_STEP_RECONNECT] = { handle_note, handle_note },
    [HOOK_STEP_STOPPED] = { handle_past, handle_past },
    [HOOK_STEP_RELEASE] = { handle_note, handle_note },
    [HOOK_STEP_NETWORK] = { handle_network, handle_network },
    [HOOK_STEP_DAEMON_START] = { handle_daemon_start, handle_nothing },
};

static void
handle(struct hooks *hooks, struct hook_call *call)
{
    enum hook_step step = hook_step_of_event(&call->event);
    hooks->n_events++;
    (hook_call_is_over(call) ? handlers[step].handle_late
     : handlers[step].handle)(hooks, call);
}

/* The interface. */

/* What is passed in must outlive the hooks. */
struct hooks *
hooks_create(struct inputs *in, struct reconciler *reconciler,
             struct loop *loop, const char *socket)
{
    struct hooks *hooks = xzalloc(sizeof *hooks);
    hooks->in = in;
    hooks->reconciler = reconciler;
    hooks->server = hook_server_create(loop, socket);
    ovs_list_init(&hooks->waits);
    return hooks;
}

/* Those who still wait are not told anything: they may ask the next agent. */
void
hooks_destroy(struct hooks *hooks)
{
    if (hooks) {
        struct hook_wait *wait;
        LIST_FOR_EACH_SAFE (wait, node, &hooks->waits) {
            hook_call_drop(wait->call);
            destroy_wait(wait);
        }
        hook_server_destroy(hooks->server);
        free(hooks);
    }
}

/* Takes in what hooks tell. */
void
hooks_run(struct hooks *hooks, long long int now)
{
    struct hook_call *call;
    hook_server_run(hooks->server, now);
    while ((call = hook_server_pop(hooks->server))) {
        handle(hooks, call);
    }
    reconciler_set_hurried(hooks->reconciler,
                           !ovs_list_is_empty(&hooks->waits));
}

/* Answers those who have waited for the newest pass, or for too long. */
void
hooks_answer(struct hooks *hooks, long long int now)
{
    struct hook_wait *wait;
    LIST_FOR_EACH_SAFE (wait, node, &hooks->waits) {
        run_wait(hooks, wait, now);
    }
}

void
hooks_wait(const struct hooks *hooks)
{
    const struct hook_wait *wait;
    hook_server_wait(hooks->server);
    LIST_FOR_EACH (wait, node, &hooks->waits) {
        poll_timer_wait_until(wait->deadline_ms);
    }
}

void
hooks_get_status(const struct hooks *hooks, struct hooks_status *status)
{
    *status = (struct hooks_status) {
        .socket = hook_server_path(hooks->server),
        .error = hook_server_error(hooks->server),
        .n_events = hooks->n_events,
        .n_refused = hooks->n_refused,
        .n_unable = hooks->n_unable,
        .n_malformed = hook_server_n_malformed(hooks->server),
    };
}
