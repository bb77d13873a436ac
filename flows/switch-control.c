/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */

/* A client of ovs-vswitchd's control socket.
 *
 * There is a connection only while somebody waits for an answer: each time it
 * is opened to the switch that runs now, which its pidfile names.  Where it
 * breaks, everybody who waits is told so; nothing is asked twice, since nobody
 * knows whether it was done.
 *
 * The switch answers in its main loop, where it does its other work, too: it
 * gets a few questions at a time. */

#include <config.h>
#include "flows/switch-control.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "jsonrpc.h"
#include "lib/cleanup.h"
#include "lib/text.h"
#include "openvswitch/json.h"
#include "openvswitch/list.h"
#include "openvswitch/poll-loop.h"
#include "socket-util.h"
#include "stream.h"
#include "util.h"

/* How long an answer may take. */
enum { TIMEOUT_MS = 5000 };

/* Questions that the switch has and did not answer yet; and answers that are
 * taken in one turn of the loop. */
enum { MAX_SENT = 8 };

struct switch_control {
    char *rundir;
    struct jsonrpc *rpc;        /* NULL while nobody waits. */
    struct ovs_list waiting;    /* Of 'struct switch_request', oldest first;
                                 * those that were sent come before those that
                                 * were not. */
    size_t n_sent;
};

struct switch_request {
    struct ovs_list node;       /* In 'waiting', until it is done. */
    struct switch_control *control;
    struct jsonrpc_msg *msg;    /* To be sent; NULL once it was. */
    struct json *id;
    long long int deadline_ms;
    bool is_done;
    char *error;                /* A sentence, or NULL. */
    char *reply;                /* Text, or NULL. */
};

/* Requests. */

static void
request_end(struct switch_request *request, char *error, char *reply)
{
    ovs_list_remove(&request->node);
    request->control->n_sent -= !request->msg;
    request->is_done = true;
    request->error = error;
    request->reply = reply;
}

/* Asks what 'ovs-appctl METHOD ARGS...' would.  The caller owns the result. */
struct switch_request *
switch_control_ask(struct switch_control *control, const char *method,
                   const char *const args[], size_t n_args, long long int now)
{
    struct json *params = json_array_create_empty();
    for (size_t i = 0; i < n_args; i++) {
        json_array_add(params, json_string_create(args[i]));
    }

    struct switch_request *request = xzalloc(sizeof *request);
    request->control = control;
    request->msg = jsonrpc_create_request(method, params, NULL);
    request->id = json_clone(request->msg->id);
    request->deadline_ms = now + TIMEOUT_MS;
    ovs_list_push_back(&control->waiting, &request->node);
    return request;
}

/* An answer to what nobody waits for any more is dropped. */
void
switch_request_destroy(struct switch_request *request)
{
    if (request) {
        if (!request->is_done) {
            request_end(request, NULL, NULL);
        }
        jsonrpc_msg_destroy(request->msg);
        json_destroy(request->id);
        free(request->error);
        free(request->reply);
        free(request);
    }
}

bool
switch_request_is_done(const struct switch_request *request)
{
    return request->is_done;
}

/* Returns why there is no reply, or NULL if there is one, once 'request' is
 * done. */
char *
switch_request_error(const struct switch_request *request)
{
    return nullable_xstrdup(request->error);
}

/* Returns what the switch said, for as long as 'request' exists, or NULL. */
const char *
switch_request_reply(const struct switch_request *request)
{
    return request->reply;
}

/* The connection. */

static void
disconnect(struct switch_control *control)
{
    jsonrpc_close(control->rpc);
    control->rpc = NULL;
}

/* Tells all who wait that they do so in vain.  Takes ownership of 'error'. */
static void
fail(struct switch_control *control, char *error)
{
    struct switch_request *request;
    LIST_FOR_EACH_SAFE (request, node, &control->waiting) {
        request_end(request, xstrdup(error), NULL);
    }
    disconnect(control);
    free(error);
}

/* Stores in '*pid' the process that the pidfile names. */
static char *
read_pid(const char *path, long int *pid)
{
    *pid = 0;
    FILE *file = fopen(path, "r");
    if (!file) {
        return xasprintf("ovs-vswitchd does not run: %s: %s", path,
                         ovs_strerror(errno));
    }
    int n = fscanf(file, "%ld", pid);
    fclose(file);
    return n == 1 ? NULL : xasprintf("ovs-vswitchd does not run: %s names no "
                                     "process", path);
}

static char *
open_rpc(struct switch_control *control)
{
    CLEANUP_FREE char *pidfile = xasprintf("%s/ovs-vswitchd.pid",
                                           control->rundir);
    long int pid;
    char *error = read_pid(pidfile, &pid);
    if (error) {
        return error;
    }

    CLEANUP_FREE char *name = xasprintf("unix:%s/ovs-vswitchd.%ld.ctl",
                                        control->rundir, pid);
    struct stream *stream;
    int retval = stream_open(name, &stream, DSCP_DEFAULT);
    if (retval) {
        return xasprintf("ovs-vswitchd cannot be asked: %s: %s", name,
                         ovs_strerror(retval));
    }
    control->rpc = jsonrpc_open(stream);
    return NULL;
}

static struct switch_request *
find_request(const struct switch_control *control, const struct json *id)
{
    struct switch_request *request;
    LIST_FOR_EACH (request, node, &control->waiting) {
        if (!request->msg && json_equal(request->id, id)) {
            return request;
        }
    }
    return NULL;
}

/* Returns the text of a reply, or of an error, which are strings where the
 * switch is one. */
static char *
text_of(const struct json *json)
{
    return json && json->type == JSON_STRING
           ? xstrdup(json_string(json)) : json_to_string(json, 0);
}

/* The switch ends its complaints with a newline. */
static char *
sentence_of(const struct json *json)
{
    CLEANUP_FREE char *text = text_of(json);
    size_t len = strlen(text);
    while (len && text[len - 1] == '\n') {
        text[--len] = '\0';
    }
    return text_printable(text);
}

static void
take_answer(struct switch_control *control, const struct jsonrpc_msg *msg)
{
    struct switch_request *request = msg->id ? find_request(control, msg->id)
                                             : NULL;
    if (!request) {
        return;
    }
    if (msg->type == JSONRPC_REPLY) {
        request_end(request, NULL, text_of(msg->result));
    } else if (msg->type == JSONRPC_ERROR) {
        request_end(request, sentence_of(msg->error), NULL);
    }
}

/* Returns the next request that may be sent now, or NULL. */
static struct switch_request *
next_request(const struct switch_control *control)
{
    struct switch_request *request;
    LIST_FOR_EACH (request, node, &control->waiting) {
        if (request->msg) {
            return control->n_sent < MAX_SENT ? request : NULL;
        }
    }
    return NULL;
}

static void
send_requests(struct switch_control *control)
{
    struct switch_request *request;
    while ((request = next_request(control))) {
        control->n_sent++;
        /* An error is in the connection's status then. */
        (void) jsonrpc_send(control->rpc, TAKE_PTR(request->msg));
    }
}

static void
receive_answers(struct switch_control *control)
{
    for (int i = 0; i < MAX_SENT; i++) {
        struct jsonrpc_msg *msg;
        if (jsonrpc_recv(control->rpc, &msg)) {
            return;
        }
        take_answer(control, msg);
        jsonrpc_msg_destroy(msg);
    }
}

static void
run_connection(struct switch_control *control)
{
    send_requests(control);
    jsonrpc_run(control->rpc);
    receive_answers(control);
    int status = jsonrpc_get_status(control->rpc);
    if (status) {
        fail(control, xasprintf("ovs-vswitchd ended before it answered: %s",
                                ovs_retval_to_string(status)));
    }
}

void
switch_control_run(struct switch_control *control, long long int now)
{
    if (!ovs_list_is_empty(&control->waiting) && !control->rpc) {
        char *error = open_rpc(control);
        if (error) {
            fail(control, error);
        }
    }
    if (control->rpc) {
        run_connection(control);
    }
    if (ovs_list_is_empty(&control->waiting)) {
        disconnect(control);
        return;
    }

    const struct switch_request *oldest
        = CONTAINER_OF(ovs_list_front(&control->waiting),
                       struct switch_request, node);
    if (now >= oldest->deadline_ms) {
        fail(control, xasprintf("ovs-vswitchd did not answer within %d s",
                                TIMEOUT_MS / 1000));
    }
}

void
switch_control_wait(const struct switch_control *control)
{
    if (ovs_list_is_empty(&control->waiting)) {
        return;
    } else if (!control->rpc || next_request(control)) {
        poll_immediate_wake();
        return;
    }
    const struct switch_request *oldest
        = CONTAINER_OF(ovs_list_front(&control->waiting),
                       struct switch_request, node);
    jsonrpc_wait(control->rpc);
    jsonrpc_recv_wait(control->rpc);
    poll_timer_wait_until(oldest->deadline_ms);
}

/* Life. */

/* 'rundir' is where the pidfile and the control socket of ovs-vswitchd are. */
struct switch_control *
switch_control_create(const char *rundir)
{
    struct switch_control *control = xzalloc(sizeof *control);
    control->rundir = xstrdup(rundir);
    ovs_list_init(&control->waiting);
    return control;
}

void
switch_control_destroy(struct switch_control *control)
{
    if (control) {
        ovs_assert(ovs_list_is_empty(&control->waiting));
        disconnect(control);
        free(control->rundir);
        free(control);
    }
}
