/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */

/* The agent's control socket.  It speaks JSON-RPC 1.0 the way unixctl of Open
 * vSwitch does: one JSON value each way, without length or terminator, so a
 * reply ends where its value ends.
 *
 * One deadline covers connecting, asking and reading.  Each step returns NULL
 * or a sentence that says why there will be no answer. */

#include <config.h>
#include "ctl/client.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <jansson.h>

#include "ctl/alloc.h"

/* An open conversation. */
struct connection {
    int fd;
    long long int deadline_ms;  /* On the monotonic clock. */
    int error;                  /* Of the last receive(): 0, EOF or errno. */
};

/* Time. */

static long long int
now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

static long long int
time_left_ms(const struct connection *c)
{
    long long int left = c->deadline_ms - now_ms();
    return left > 0 ? left : 0;
}

/* Waits until 'c' is ready for 'events'.  Returns 0 or a positive errno. */
static int
wait_for(const struct connection *c, short int events)
{
    struct pollfd pfd = { .fd = c->fd, .events = events };
    for (;;) {
        long long int left = time_left_ms(c);
        int n = poll(&pfd, 1, left < INT_MAX ? left : INT_MAX);
        if (n > 0) {
            return 0;
        } else if (!n) {
            return ETIMEDOUT;
        } else if (errno != EINTR) {
            return errno;
        }
    }
}

/* Where the agent is. */

static bool
read_pid(FILE *file, long int *pidp)
{
    char line[32];
    if (!fgets(line, sizeof line, file)) {
        return false;
    }

    char *tail;
    errno = 0;
    *pidp = strtol(line, &tail, 10);
    return !errno && tail != line && (*tail == '\n' || !*tail)
           && *pidp > 0 && *pidp <= INT_MAX;
}

/* Stores in '*pidp' the process that 'pidfile' names, 0 if it names none. */
static char *
read_pidfile(const char *pidfile, long int *pidp)
{
    *pidp = 0;
    FILE *file = fopen(pidfile, "re");
    if (!file) {
        return errno == ENOENT
               ? alloc_format("vnicd is not running: there is no %s", pidfile)
               : alloc_format("cannot read %s: %s", pidfile, strerror(errno));
    }

    bool is_good = read_pid(file, pidp);
    fclose(file);
    return is_good ? NULL
                   : alloc_format("%s does not hold a process ID", pidfile);
}

/* Connecting. */

/* The address of a Unix socket has room for 107 characters of path.  A longer
 * one is reached through its directory, left open in '*dirfdp'. */
static char *
make_address(const char *path, struct sockaddr_un *sun, int *dirfdp)
{
    sun->sun_family = AF_UNIX;
    size_t size = sizeof sun->sun_path;
    if (strlen(path) < size) {
        strcpy(sun->sun_path, path);
        return NULL;
    }

    const char *base = strrchr(path, '/') + 1;
    char *dir = alloc_format("%.*s", (int) (base - path), path);
    *dirfdp = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
    free(dir);
    if (*dirfdp < 0) {
        return alloc_copy(strerror(errno));
    }
    int n = snprintf(sun->sun_path, size, "/proc/self/fd/%d/%s", *dirfdp,
                     base);
    return n < size ? NULL : alloc_copy(strerror(ENAMETOOLONG));
}

/* A full backlog makes connect() wait; the send time-out bounds that. */
static int
connect_before_deadline(const struct connection *c,
                        const struct sockaddr_un *sun)
{
    for (;;) {
        long long int left = time_left_ms(c);
        if (!left) {
            return ETIMEDOUT;
        }

        struct timeval tv = { left / 1000, left % 1000 * 1000 };
        setsockopt(c->fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof tv);
        if (!connect(c->fd, (const struct sockaddr *) sun, sizeof *sun)) {
            return 0;
        } else if (errno != EINTR && errno != EAGAIN) {
            return errno;
        }
    }
}

static char *
connect_to(struct connection *c, const char *path)
{
    struct sockaddr_un sun = { 0 };
    int dirfd = -1;
    char *reason = make_address(path, &sun, &dirfd);
    if (!reason) {
        c->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        int error = c->fd < 0 ? errno : connect_before_deadline(c, &sun);
        reason = error ? alloc_copy(strerror(error)) : NULL;
    }
    if (dirfd >= 0) {
        close(dirfd);
    }

    char *sentence = reason ? alloc_format("cannot connect to %s: %s", path,
                                           reason) : NULL;
    free(reason);
    return sentence;
}

/* Connects to the agent that the pidfile names. */
static char *
connect_to_agent(struct connection *c)
{
    const char *rundir = getenv("OVS_RUNDIR");
    if (!rundir || !rundir[0]) {
        rundir = VNICD_OVS_RUNDIR;
    }

    long int pid;
    char *pidfile = alloc_format("%s/vnicd.pid", rundir);
    char *error = read_pidfile(pidfile, &pid);
    if (!error) {
        char *path = alloc_format("%s/vnicd.%ld.ctl", rundir, pid);
        error = connect_to(c, path);
        free(path);
        if (error && kill(pid, 0) && errno == ESRCH) {
            free(error);
            error = alloc_format("vnicd is not running: %s is a relic of "
                                 "process %ld", pidfile, pid);
        }
    }
    free(pidfile);
    return error;
}

/* Asking. */

static json_t *
encode(const struct client_request *request)
{
    json_t *params = json_array();
    if (request->format) {
        json_array_append_new(params,
                              json_sprintf("--format=%s", request->format));
    }
    for (size_t i = 0; i < request->n_args; i++) {
        json_array_append_new(params, json_string(request->args[i]));
    }
    /* An argument that is not UTF-8 is no JSON string, and was left out. */
    size_t n = request->n_args + (request->format != NULL);
    if (json_array_size(params) < n) {
        json_decref(params);
        return NULL;
    }
    return json_pack("{s:i, s:s, s:o}", "id", 0, "method", request->method,
                     "params", params);
}

static char *
send_all(const struct connection *c, const char *s)
{
    for (size_t left = strlen(s); left; ) {
        int error = wait_for(c, POLLOUT);
        if (error) {
            return alloc_format("cannot ask the agent: %s", strerror(error));
        }

        ssize_t n = send(c->fd, s, left, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n >= 0) {
            s += n;
            left -= n;
        } else if (errno != EINTR && errno != EAGAIN) {
            return alloc_format("cannot ask the agent: %s", strerror(errno));
        }
    }
    return NULL;
}

static char *
ask(const struct connection *c, const json_t *question)
{
    char *s = json_dumps(question, JSON_COMPACT);
    char *error = send_all(c, s);
    free(s);
    return error;
}

/* Reading. */

/* A json_load_callback_t: the next bytes, as many as there are. */
static size_t
receive(void *buffer, size_t size, void *c_)
{
    struct connection *c = c_;
    for (;;) {
        c->error = wait_for(c, POLLIN);
        if (c->error) {
            return (size_t) -1;
        }

        ssize_t n = recv(c->fd, buffer, size, MSG_DONTWAIT);
        if (n >= 0) {
            c->error = n ? 0 : EOF;
            return n;
        } else if (errno != EINTR && errno != EAGAIN) {
            c->error = errno;
            return (size_t) -1;
        }
    }
}

static char *
explain_no_reply(const struct connection *c, const json_error_t *error)
{
    switch (c->error) {
    case 0:
        return alloc_format("the agent's answer is not JSON: %s",
                            error->text);
    case EOF:
        return alloc_copy("the agent closed the connection before its "
                          "answer was complete");
    case ETIMEDOUT:
        return alloc_copy("the agent did not answer in time");
    default:
        return alloc_format("the agent's answer cannot be read: %s",
                            strerror(c->error));
    }
}

/* Stores in 'reply' what the JSON-RPC reply 'json' says. */
static char *
decode(const json_t *json, struct client_reply *reply)
{
    const json_t *result = json_object_get(json, "result");
    const json_t *error = json_object_get(json, "error");
    bool is_answer = json_is_string(result)
                     && (!error || json_is_null(error));
    bool is_refusal = json_is_string(error)
                      && (!result || json_is_null(result));
    if (!is_answer && !is_refusal) {
        return alloc_copy("the agent's answer is not a JSON-RPC reply");
    }

    reply->outcome = is_answer ? CLIENT_ANSWERED : CLIENT_REFUSED;
    reply->text = alloc_copy(json_string_value(is_answer ? result : error));
    return NULL;
}

static char *
read_reply(struct connection *c, struct client_reply *reply)
{
    json_error_t json_error;
    json_t *json = json_load_callback(receive, c, JSON_DISABLE_EOF_CHECK,
                                      &json_error);
    char *error = json ? decode(json, reply)
                       : explain_no_reply(c, &json_error);
    json_decref(json);
    return error;
}

/* Everything together. */

static char *
converse(const struct client_request *request, const json_t *question,
         struct client_reply *reply)
{
    struct connection c = {
        .fd = -1,
        .deadline_ms = now_ms() + request->timeout_ms,
    };
    char *error = request->target ? connect_to(&c, request->target)
                                  : connect_to_agent(&c);
    if (!error) {
        error = ask(&c, question);
    }
    if (!error) {
        error = read_reply(&c, reply);
    }
    if (c.fd >= 0) {
        close(c.fd);
    }
    return error;
}

/* Puts 'request' to the agent.  Blocks, for its time-out at most.  The caller
 * destroys the reply. */
struct client_reply
client_call(const struct client_request *request)
{
    struct client_reply reply = { .outcome = CLIENT_REFUSED };
    json_t *question = encode(request);
    if (!question) {
        reply.text = alloc_copy("an argument is not valid UTF-8");
        return reply;
    }

    char *error = converse(request, question, &reply);
    if (error) {
        reply.outcome = CLIENT_UNREACHABLE;
        reply.text = error;
    }
    json_decref(question);
    return reply;
}

void
client_reply_destroy(struct client_reply *reply)
{
    free(reply->text);
    reply->text = NULL;
}
