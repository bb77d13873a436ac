/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */

/* Reads what libvirt says and brings it to the agent, under one deadline.
 * libvirt holds the domain's lock meanwhile, and with it whoever lists the
 * host's domains, so nothing here may wait for anything else than poll(). */

#include <config.h>
#include "libvirt-hooks/hook-client.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

/* Pause before another try: an agent that starts again is away for some tens
 * of milliseconds. */
enum { RETRY_MS = 10 };

/* Time. */

/* Returns the time in ms on a clock that never goes back. */
long long int
hook_client_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

static int
ms_until(long long int deadline_ms)
{
    long long int left_ms = deadline_ms - hook_client_now();
    return left_ms > 0 ? left_ms : 0;
}

/* Waits for 'events' on 'fd', -1: for nothing.  Returns 0, or ETIMEDOUT or
 * another error number. */
static int
wait_for(int fd, short events, long long int deadline_ms)
{
    struct pollfd pollfd = { .fd = fd, .events = events };
    for (;;) {
        int n = poll(&pollfd, 1, ms_until(deadline_ms));
        if (n > 0) {
            return 0;
        } else if (!n) {
            return ETIMEDOUT;
        } else if (errno != EINTR) {
            return errno;
        }
    }
}

/* Reading. */

/* Reads at most 'size' bytes from 'fd', 0 at its end.  Returns an error
 * number. */
static int
read_some(int fd, char *data, size_t size, long long int deadline_ms,
          size_t *np)
{
    *np = 0;
    for (;;) {
        int error = wait_for(fd, POLLIN, deadline_ms);
        if (error) {
            return error;
        }
        ssize_t n = read(fd, data, size);
        if (n >= 0) {
            *np = n;
            return 0;
        } else if (errno != EINTR && errno != EAGAIN) {
            return errno;
        }
    }
}

/* Makes room in '*datap', of 'size' bytes, for more. */
static int
grow(char **datap, size_t *sizep)
{
    size_t size = *sizep ? 2 * *sizep : 16384;
    char *data = realloc(*datap, size);
    if (!data) {
        return ENOMEM;
    }
    *datap = data;
    *sizep = size;
    return 0;
}

/* Reads 'fd' to its end, and stores in '*datap' and '*sizep' what came, also
 * when it fails, for the caller to free.  Returns an error number; E2BIG if it
 * is more than an event may hold. */
int
hook_client_read_input(int fd, long long int deadline_ms, char **datap,
                       size_t *sizep)
{
    size_t allocated = 0;
    *datap = NULL;
    *sizep = 0;
    while (*sizep <= HOOK_MAX_XML_BYTES) {
        int error = *sizep < allocated ? 0 : grow(datap, &allocated);
        size_t n = 0;
        if (!error) {
            error = read_some(fd, *datap + *sizep, allocated - *sizep,
                              deadline_ms, &n);
        }
        if (error || !n) {
            return error;
        }
        *sizep += n;
    }
    return E2BIG;
}

/* The connection. */

static int
start_connection(const char *path, int fd)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    if (strlen(path) >= sizeof address.sun_path) {
        return ENAMETOOLONG;
    }
    strcpy(address.sun_path, path);
    return (connect(fd, (struct sockaddr *) &address, sizeof address)
            ? errno : 0);
}

/* Sends the 'size' bytes at 'data'. */
static int
send_all(int fd, const char *data, size_t size, long long int deadline_ms)
{
    while (size) {
        ssize_t n = send(fd, data, size, MSG_NOSIGNAL);
        if (n >= 0) {
            data += n;
            size -= n;
        } else if (errno == EAGAIN) {
            int error = wait_for(fd, POLLOUT, deadline_ms);
            if (error) {
                return error;
            }
        } else if (errno != EINTR) {
            return errno;
        }
    }
    return 0;
}

static int
send_event(int fd, struct hook_event *event, long long int deadline_ms)
{
    size_t size = hook_event_size(event);
    char *frame = malloc(size);
    if (!frame) {
        return ENOMEM;
    }
    event->patience_ms = ms_until(deadline_ms);
    hook_event_encode(event, frame);
    int error = send_all(fd, frame, size, deadline_ms);
    free(frame);
    return error;
}

/* Receives the verdict.  An agent that ends says nothing: ECONNRESET. */
static int
receive_verdict(int fd, long long int deadline_ms, struct hook_answer *answer)
{
    size_t size = 0, expected = 0;
    do {
        size_t n;
        int error = read_some(fd, answer->frame + size,
                              sizeof answer->frame - size, deadline_ms, &n);
        if (error || !n) {
            return error ? error : ECONNRESET;
        }
        size += n;
        if (hook_verdict_check(answer->frame, size, &expected)) {
            return EPROTO;
        }
    } while (!expected || size < expected);
    return (hook_verdict_decode(answer->frame, size, &answer->verdict)
            ? EPROTO : 0);
}

static int
converse(const struct hook_request *request, int fd, struct hook_event *event,
         struct hook_answer *answer)
{
    int error = start_connection(request->socket, fd);
    if (!error) {
        error = send_event(fd, event, request->deadline_ms);
    }
    if (!error && request->wants_verdict) {
        error = receive_verdict(fd, request->deadline_ms, answer);
    }
    return error;
}

/* One try, on a connection of its own. */
static int
ask_once(const struct hook_request *request, struct hook_event *event,
         struct hook_answer *answer)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return errno;
    }
    int error = converse(request, fd, event, answer);
    close(fd);
    return error;
}

/* May an agent that is just starting again be the reason? */
static bool
may_pass(int error)
{
    return error == ECONNREFUSED || error == ENOENT || error == EAGAIN
           || error == ECONNRESET || error == EPIPE;
}

/* Hands 'event' to the agent, whose 'patience_ms' follows from the deadline,
 * and fills 'answer'. */
void
hook_client_ask(const struct hook_request *request, struct hook_event *event,
                struct hook_answer *answer)
{
    for (;;) {
        answer->error = ask_once(request, event, answer);
        if (!request->insists || !may_pass(answer->error)
            || !ms_until(request->deadline_ms)) {
            return;
        }
        int left_ms = ms_until(request->deadline_ms);
        (void) poll(NULL, 0, left_ms < RETRY_MS ? left_ms : RETRY_MS);
    }
}
