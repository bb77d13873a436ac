/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */

/* Takes in what vnicd-hook says and carries the verdicts back.  Decides
 * nothing: complete events wait until they are popped, in the order in which
 * they came.
 *
 * Everything has a limit: who may connect, how many may at a time, how large a
 * frame is and how long it may take to come.  What is wrong with a connection
 * costs that connection only.  It ends without a verdict, and vnicd-hook knows
 * what that means. */

#include <config.h>
#include "controller/hook-server.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include <uv.h>

#include "controller/loop.h"
#include "controller/stale-sockets.h"
#include "fatal-signal.h"
#include "lib/cleanup.h"
#include "openvswitch/poll-loop.h"
#include "openvswitch/vlog.h"
#include "socket-util.h"
#include "timeval.h"
#include "util.h"

VLOG_DEFINE_THIS_MODULE(hook_server);

static struct vlog_rate_limit rl = VLOG_RATE_LIMIT_INIT(5, 20);

enum {
    MAX_CONNECTIONS = 256,
    BACKLOG = 256,
    FRAME_TIMEOUT_MS = 5000,    /* From the connection to the whole frame. */
    RELISTEN_MS = 1000,         /* Pause before the next try to listen. */
    FIRST_ALLOCATION = 16384,
};

/* Why an agent may have to do without hooks for a while. */
static const char is_taken[] = "another agent listens there";

/* A connection, from its acceptance to its end. */
struct hook_conn {
    uv_pipe_t pipe;
    struct ovs_list node;       /* In the server's 'conns'. */
    struct hook_server *server;
    long long int deadline_ms;  /* For the whole frame to come. */
    char *data;                 /* What has come of it. */
    size_t size, allocated;
    struct hook_call *call;     /* Once it has, until it is answered. */
};

struct hook_server {
    uv_loop_t *uv;
    char *path;
    uv_pipe_t *listener;        /* NULL: not listening; 'error' says why. */
    char *error;
    long long int relisten_ms;
    struct ovs_list conns;      /* Of 'struct hook_conn', the oldest first. */
    size_t n_conns;
    struct ovs_list calls;      /* Of 'struct hook_call', to be popped. */
    uint64_t n_malformed;
};

/* The end of a connection. */

static void
on_conn_closed(uv_handle_t *handle)
{
    struct hook_conn *conn = handle->data;
    free(conn->data);
    free(conn);
}

static void
close_conn(struct hook_conn *conn)
{
    if (conn->call) {
        conn->call->conn = NULL;
        conn->call = NULL;
    }
    ovs_list_remove(&conn->node);
    conn->server->n_conns--;
    uv_close((uv_handle_t *) &conn->pipe, on_conn_closed);
}

static void
refuse_conn(struct hook_conn *conn, const char *why)
{
    VLOG_WARN_RL(&rl, "%s: connection closed: %s", conn->server->path, why);
    conn->server->n_malformed++;
    close_conn(conn);
}

/* Calls. */

/* Has whoever is at the other end of 'conn' hung up?  libuv says so, too, but
 * in a later turn of the loop than it hands out the frame. */
static bool
has_hung_up(const struct hook_conn *conn)
{
    char byte;
    uv_os_fd_t fd;
    return uv_fileno((const uv_handle_t *) &conn->pipe, &fd)
           || !recv(fd, &byte, sizeof byte, MSG_PEEK | MSG_DONTWAIT);
}

/* True if nobody waits for an answer to 'call' any more. */
bool
hook_call_is_over(const struct hook_call *call)
{
    return !call->conn || has_hung_up(call->conn);
}

/* Hangs up on whoever waits for an answer to 'call', and frees it. */
void
hook_call_drop(struct hook_call *call)
{
    if (call->conn) {
        close_conn(call->conn);
    }
    free(call->frame);
    free(call);
}

/* Sends 'verdict' to whoever waits for it, if anybody does.  A verdict fits
 * into the buffer of a socket that nothing was written to before.  Frees
 * 'call'. */
void
hook_call_answer(struct hook_call *call, const struct hook_verdict *verdict)
{
    if (call->conn) {
        char frame[HOOK_MAX_VERDICT_BYTES];
        uv_buf_t buf = uv_buf_init(frame, hook_verdict_encode(verdict,
                                                              frame));
        int n = uv_try_write((uv_stream_t *) &call->conn->pipe, &buf, 1);
        if (n != buf.len) {
            VLOG_DBG("%s: no verdict sent: %s", call->conn->server->path,
                     n < 0 ? uv_strerror(n) : "cut off");
        }
    }
    hook_call_drop(call);
}

/* Makes a call of what 'conn' has received, which is a whole frame. */
static void
add_call(struct hook_conn *conn)
{
    struct hook_call *call = xzalloc(sizeof *call);
    const char *error = hook_event_decode(conn->data, conn->size,
                                          &call->event);
    if (error) {
        free(call);
        refuse_conn(conn, error);
        return;
    }
    call->received_ms = time_msec();
    call->frame = TAKE_PTR(conn->data);
    call->conn = conn;
    conn->call = call;
    conn->size = conn->allocated = 0;
    ovs_list_push_back(&conn->server->calls, &call->node);
}

/* Reading. */

/* Only what is part of the frame is kept; whoever goes on writing, is read into
 * the void until he hangs up. */
static void
on_alloc(uv_handle_t *handle, size_t suggested OVS_UNUSED, uv_buf_t *buf)
{
    struct hook_conn *conn = handle->data;
    if (conn->call) {
        conn->size = 0;
    }
    if (conn->size >= conn->allocated) {
        conn->allocated = (conn->allocated ? 2 * conn->allocated
                           : FIRST_ALLOCATION);
        conn->data = xrealloc(conn->data, conn->allocated);
    }
    *buf = uv_buf_init(conn->data + conn->size, conn->allocated - conn->size);
}

static void
recv_bytes(struct hook_conn *conn, size_t n)
{
    if (conn->call) {
        return;
    }
    conn->size += n;

    size_t expected;
    const char *error = hook_event_check(conn->data, conn->size, &expected);
    if (error) {
        refuse_conn(conn, error);
    } else if (expected && conn->size >= expected) {
        add_call(conn);
    }
}

static void
on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf OVS_UNUSED)
{
    struct hook_conn *conn = stream->data;
    if (n > 0) {
        recv_bytes(conn, n);
    } else if (n < 0 && conn->size && !conn->call) {
        refuse_conn(conn, "the frame is cut off");
    } else if (n < 0) {
        close_conn(conn);
    }
}

/* Accepting. */

/* Returns why whoever is at the other end of 'conn' must not say anything, or
 * NULL. */
static const char *
find_distrust(const struct hook_conn *conn)
{
    struct ucred peer;
    socklen_t len = sizeof peer;
    uv_os_fd_t fd;

    if (uv_fileno((const uv_handle_t *) &conn->pipe, &fd)
        || getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len)) {
        return "nobody knows who it is";
    }
    return peer.uid && peer.uid != geteuid() ? "its user is not root" : NULL;
}

static struct hook_conn *
accept_conn(struct hook_server *server)
{
    struct hook_conn *conn = xzalloc(sizeof *conn);
    conn->server = server;
    conn->deadline_ms = time_msec() + FRAME_TIMEOUT_MS;
    conn->pipe.data = conn;
    ovs_list_push_back(&server->conns, &conn->node);
    server->n_conns++;

    int error = uv_pipe_init(server->uv, &conn->pipe, false);
    ovs_assert(!error);         /* Cannot but succeed on Unix. */
    return conn;
}

static void
on_connection(uv_stream_t *listener, int status)
{
    struct hook_server *server = listener->data;
    if (status < 0) {
        VLOG_WARN_RL(&rl, "%s: %s", server->path, uv_strerror(status));
        return;
    }

    struct hook_conn *conn = accept_conn(server);
    int error = uv_accept(listener, (uv_stream_t *) &conn->pipe);
    const char *distrust = error ? uv_strerror(error) : find_distrust(conn);
    if (distrust) {
        refuse_conn(conn, distrust);
    } else if (server->n_conns > MAX_CONNECTIONS) {
        refuse_conn(conn, "there are too many");
    } else {
        error = uv_read_start((uv_stream_t *) &conn->pipe, on_alloc, on_read);
        ovs_assert(!error);     /* Cannot but succeed on one just accepted. */
    }
}

/* Listening. */

static void
on_listener_closed(uv_handle_t *handle)
{
    free(handle);
}

/* Returns why the path of 'server' is not ours to take, as a malloc'd sentence,
 * or NULL.  What an agent that was killed left there is. */
static char *
check_path(const struct hook_server *server)
{
    struct stat s;
    if (lstat(server->path, &s)) {
        return errno == ENOENT ? NULL : xstrdup(ovs_strerror(errno));
    }
    return (!S_ISSOCK(s.st_mode) ? xstrdup("it is there, and no socket")
            : stale_sockets_is_listening(server->path)
            ? xstrdup(is_taken) : NULL);
}

/* Makes the directory of 'path', if that is all that is missing. */
static void
create_directory(const char *path)
{
    CLEANUP_FREE char *directory = dir_name(path);
    if (mkdir(directory, 0755) && errno != EEXIST) {
        VLOG_DBG("%s: %s", directory, ovs_strerror(errno));
    }
}

/* Hands the listening 'fd' to libuv.  Returns 0 or one of its errors. */
static int
start_listening(struct hook_server *server, int fd)
{
    uv_pipe_t *listener = xzalloc(sizeof *listener);
    int error = uv_pipe_init(server->uv, listener, false);
    ovs_assert(!error);         /* Cannot but succeed on Unix. */
    listener->data = server;

    error = uv_pipe_open(listener, fd);
    if (error) {
        close(fd);
    } else {
        error = uv_listen((uv_stream_t *) listener, BACKLOG, on_connection);
    }
    if (error) {
        uv_close((uv_handle_t *) listener, on_listener_closed);
    } else {
        server->listener = listener;
    }
    return error;
}

/* Returns why nobody can be listened to, as a malloc'd sentence, or NULL. */
static char *
try_to_listen(struct hook_server *server)
{
    char *error = check_path(server);
    if (error) {
        return error;
    }
    create_directory(server->path);

    int fd = make_unix_socket(SOCK_STREAM, true, server->path, NULL);
    if (fd < 0) {
        return xstrdup(ovs_strerror(-fd));
    }
    if (chmod(server->path, 0600)) {
        error = xstrdup(ovs_strerror(errno));
        close(fd);
        return error;
    }
    int uv_error = start_listening(server, fd);
    return uv_error ? xstrdup(uv_strerror(uv_error)) : NULL;
}

/* The same reason is logged once, not at every try.  It is no fault that an
 * agent which stands by has to wait for the socket, too. */
static void
listen_to_hooks(struct hook_server *server, long long int now)
{
    char *error = try_to_listen(server);
    if (error && !nullable_string_is_equal(error, server->error)) {
        VLOG(strcmp(error, is_taken) ? VLL_WARN : VLL_INFO,
             "%s: hooks are not heard: %s", server->path, error);
    } else if (!error) {
        VLOG_INFO("%s: listening to hooks", server->path);
    }
    free(server->error);
    server->error = error;
    server->relisten_ms = error ? now + RELISTEN_MS : LLONG_MAX;
}

/* The interface. */

/* Returns a server that will listen on 'path', as soon as it may, in 'loop',
 * which must outlive it. */
struct hook_server *
hook_server_create(struct loop *loop, const char *path)
{
    struct hook_server *server = xzalloc(sizeof *server);
    server->uv = loop_uv(loop);
    server->path = xstrdup(path);
    ovs_list_init(&server->conns);
    ovs_list_init(&server->calls);
    listen_to_hooks(server, time_msec());
    return server;
}

/* Calls that were popped must have been answered.  Accepts NULL. */
void
hook_server_destroy(struct hook_server *server)
{
    if (!server) {
        return;
    }

    struct hook_call *call;
    LIST_FOR_EACH_POP (call, node, &server->calls) {
        hook_call_drop(call);
    }
    struct hook_conn *conn;
    LIST_FOR_EACH_SAFE (conn, node, &server->conns) {
        close_conn(conn);
    }
    if (server->listener) {
        uv_close((uv_handle_t *) server->listener, on_listener_closed);
        fatal_signal_unlink_file_now(server->path);
    }
    free(server->error);
    free(server->path);
    free(server);
}

/* Closes what takes too long, and listens if that has failed before. */
void
hook_server_run(struct hook_server *server, long long int now)
{
    if (now >= server->relisten_ms) {
        listen_to_hooks(server, now);
    }

    struct hook_conn *conn;
    LIST_FOR_EACH_SAFE (conn, node, &server->conns) {
        if (now < conn->deadline_ms) {
            break;
        }
        if (!conn->call) {
            refuse_conn(conn, "the frame does not come");
        }
    }
}

void
hook_server_wait(const struct hook_server *server)
{
    poll_timer_wait_until(server->relisten_ms);

    const struct hook_conn *conn;
    LIST_FOR_EACH (conn, node, &server->conns) {
        if (!conn->call) {
            poll_timer_wait_until(conn->deadline_ms);
            break;
        }
    }
}

/* Returns the next event, which the caller must give to hook_call_answer(), or
 * NULL. */
struct hook_call *
hook_server_pop(struct hook_server *server)
{
    return (ovs_list_is_empty(&server->calls) ? NULL
            : CONTAINER_OF(ovs_list_pop_front(&server->calls),
                           struct hook_call, node));
}

const char *
hook_server_path(const struct hook_server *server)
{
    return server->path;
}

/* Returns why hooks are not heard, or NULL if they are. */
const char *
hook_server_error(const struct hook_server *server)
{
    return server->error;
}

/* Returns how many connections were closed because something was wrong with
 * them. */
uint64_t
hook_server_n_malformed(const struct hook_server *server)
{
    return server->n_malformed;
}
