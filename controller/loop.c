/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */

/* libuv's loop, nested in Open vSwitch's.
 *
 * Theory of operation: Open vSwitch's poll loop is the outer one, because it
 * keeps its poll nodes to itself, while libuv offers its descriptor and its
 * time-out for embedding.  loop_run() lets libuv do what is ready;
 * loop_wait() makes the outer loop wake for libuv's descriptor, which is
 * readable when any of libuv's own is, or for its time-out.  The wake-up
 * handle stays active for life: without an active handle libuv's time-out is
 * 0, and the loop would spin. */

#include <config.h>
#include "controller/loop.h"

#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <uv.h>

#include "openvswitch/poll-loop.h"
#include "openvswitch/vlog.h"
#include "util.h"
#include "virt/virt-conn.h"

VLOG_DEFINE_THIS_MODULE(loop);

static const int signals[] = { SIGTERM, SIGINT, SIGHUP };

struct loop {
    uv_loop_t uv;
    uv_async_t wake;
    uv_signal_t signals[ARRAY_SIZE(signals)];
    bool is_exiting;
    unsigned int n_working;     /* Jobs in the pool. */
    struct virt_executor executor;
};

/* A job on its way through the pool. */
struct work {
    uv_work_t request;
    struct loop *loop;
    struct virt_job *job;
};

static void
must(int error, const char *what)
{
    if (error) {
        VLOG_FATAL("%s: %s", what, uv_strerror(error));
    }
}

/* Waking is all that it is for: the work is found by the x_run() functions. */
static void
on_wake(uv_async_t *handle OVS_UNUSED)
{
}

static void
on_signal(uv_signal_t *handle, int number)
{
    struct loop *loop = handle->data;
    if (number == SIGHUP) {
        vlog_reopen_log_file();
    } else {
        VLOG_INFO("signal %d: stopping, the switch stays as it is", number);
        loop->is_exiting = true;
    }
}

static void
run_work(uv_work_t *request)
{
    struct work *work = CONTAINER_OF(request, struct work, request);
    work->job->run(work->job);
}

static void
finish_work(uv_work_t *request, int status OVS_UNUSED)
{
    struct work *work = CONTAINER_OF(request, struct work, request);
    work->loop->n_working--;
    work->job->done(work->job);
    free(work);
}

static void
submit(void *loop_, struct virt_job *job)
{
    struct loop *loop = loop_;
    struct work *work = xzalloc(sizeof *work);
    work->loop = loop;
    work->job = job;
    loop->n_working++;
    must(uv_queue_work(&loop->uv, &work->request, run_work, finish_work),
         "uv_queue_work");
}

/* Any thread. */
static void
wake(void *loop_)
{
    struct loop *loop = loop_;
    (void) uv_async_send(&loop->wake); /* Fails only on a closed handle. */
}

/* Call after daemonizing: the pool's threads do not survive a fork. */
struct loop *
loop_create(void)
{
    struct loop *loop = xzalloc(sizeof *loop);
    must(uv_loop_init(&loop->uv), "uv_loop_init");
    must(uv_async_init(&loop->uv, &loop->wake, on_wake), "uv_async_init");
    for (size_t i = 0; i < ARRAY_SIZE(signals); i++) {
        uv_signal_t *handle = &loop->signals[i];
        handle->data = loop;
        must(uv_signal_init(&loop->uv, handle), "uv_signal_init");
        must(uv_signal_start(handle, on_signal, signals[i]),
             "uv_signal_start");
    }
    loop->executor = (struct virt_executor) {
        .submit = submit,
        .wake = wake,
        .aux = loop,
    };
    return loop;
}

/* No job may be in the pool, and nobody may wake the loop any more. */
void
loop_destroy(struct loop *loop)
{
    if (loop) {
        ovs_assert(!loop->n_working);
        uv_close((uv_handle_t *) &loop->wake, NULL);
        for (size_t i = 0; i < ARRAY_SIZE(signals); i++) {
            uv_close((uv_handle_t *) &loop->signals[i], NULL);
        }
        (void) uv_run(&loop->uv, UV_RUN_DEFAULT); /* Runs the closing. */
        must(uv_loop_close(&loop->uv), "uv_loop_close");
        free(loop);
    }
}

void
loop_run(struct loop *loop)
{
    (void) uv_run(&loop->uv, UV_RUN_NOWAIT); /* Returns what is left. */
}

void
loop_wait(struct loop *loop)
{
    uv_update_time(&loop->uv);
    poll_fd_wait(uv_backend_fd(&loop->uv), POLLIN);
    int timeout_ms = uv_backend_timeout(&loop->uv);
    if (timeout_ms >= 0) {
        poll_timer_wait(timeout_ms);
    }
}

/* True once a signal or loop_exit() asked the agent to stop. */
bool
loop_is_exiting(const struct loop *loop)
{
    return loop->is_exiting;
}

void
loop_exit(struct loop *loop)
{
    loop->is_exiting = true;
}

/* For the sockets that libuv carries. */
struct uv_loop_s *
loop_uv(struct loop *loop)
{
    return &loop->uv;
}

/* Returns what runs libvirt's calls; it lives as long as 'loop'. */
const struct virt_executor *
loop_executor(struct loop *loop)
{
    return &loop->executor;
}
