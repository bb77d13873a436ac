/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */

/* Makes NORMAL forget where it has heard of whom: MAC addresses, and members
 * of multicast groups.
 *
 * Until a pipeline comes, NORMAL learns on the ports of vNICs.  It then goes
 * on sending there what is for those addresses and groups, whatever the flows
 * say, and NO_FLOOD is not about that: a multicast reaches members that may
 * not hear its sender, those that may twice, and its sender, until all of it
 * has aged.  What it hears afterwards it hears from one of the patch ports.
 *
 * Neither OpenFlow nor the database can say so; ovs-vswitchd can be asked. */

#include <config.h>
#include "controller/learnt-flush.h"

#include <limits.h>
#include <stdlib.h>

#include "dirs.h"
#include "flows/switch-control.h"
#include "lib/cleanup.h"
#include "openvswitch/poll-loop.h"
#include "openvswitch/vlog.h"
#include "util.h"

VLOG_DEFINE_THIS_MODULE(learnt_flush);

/* When a switch that did not answer is asked once more. */
enum { RETRY_MS = 5000 };

struct learnt_flush {
    char *bridge;
    struct switch_control *control;
    struct switch_request *addresses, *groups; /* NULL: not under way. */
    long long int retry_ms;     /* When to start again; LLONG_MAX: never. */
};

struct learnt_flush *
learnt_flush_create(const char *bridge)
{
    struct learnt_flush *flush = xzalloc(sizeof *flush);
    flush->bridge = xstrdup(bridge);
    flush->control = switch_control_create(ovs_rundir());
    flush->retry_ms = LLONG_MAX;
    return flush;
}

static void
end(struct learnt_flush *flush)
{
    switch_request_destroy(flush->addresses);
    switch_request_destroy(flush->groups);
    flush->addresses = flush->groups = NULL;
}

void
learnt_flush_destroy(struct learnt_flush *flush)
{
    if (flush) {
        end(flush);
        switch_control_destroy(flush->control);
        free(flush->bridge);
        free(flush);
    }
}

void
learnt_flush_start(struct learnt_flush *flush, long long int now)
{
    const char *const args[] = { flush->bridge };
    end(flush);
    flush->retry_ms = LLONG_MAX;
    flush->addresses = switch_control_ask(flush->control, "fdb/flush", args,
                                          ARRAY_SIZE(args), now);
    flush->groups = switch_control_ask(flush->control, "mdb/flush", args,
                                       ARRAY_SIZE(args), now);
}

/* Logs what has become of it, and returns true if groups were forgotten.  A
 * bridge that does not know groups refuses to forget them. */
static bool
finish(struct learnt_flush *flush, long long int now)
{
    static struct vlog_rate_limit rl = VLOG_RATE_LIMIT_INIT(1, 5);
    CLEANUP_FREE char *error = switch_request_error(flush->addresses);
    CLEANUP_FREE char *groups_error = switch_request_error(flush->groups);
    if (error) {
        VLOG_WARN_RL(&rl, "bridge %s: what NORMAL has learnt on the ports of "
                     "vNICs stays for now: %s", flush->bridge, error);
        flush->retry_ms = now + RETRY_MS;
    } else if (groups_error) {
        VLOG_INFO("bridge %s: no multicast groups are forgotten: %s",
                  flush->bridge, groups_error);
    }
    end(flush);
    return !groups_error;
}

/* Returns true when multicast groups have just been forgotten: their members
 * have to say once more that they are. */
bool
learnt_flush_run(struct learnt_flush *flush, long long int now)
{
    if (now >= flush->retry_ms) {
        learnt_flush_start(flush, now);
    }
    if (!flush->groups) {
        return false;
    }
    switch_control_run(flush->control, now);
    return switch_request_is_done(flush->addresses)
           && switch_request_is_done(flush->groups)
           && finish(flush, now);
}

void
learnt_flush_wait(const struct learnt_flush *flush)
{
    switch_control_wait(flush->control);
    poll_timer_wait_until(flush->retry_ms);
}
