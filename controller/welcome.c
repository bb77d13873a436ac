/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */

/* Once flows keep NORMAL from the ports of vNICs, what it has learnt there is
 * to be forgotten (learnt-flush.c).  Then, and when a migration has brought
 * them, guests are greeted (greeting.c), each in its time (arrivals.c), and of
 * many at once as many as the switch takes. */

#include <config.h>
#include "controller/welcome.h"

#include <limits.h>
#include <stdlib.h>

#include "controller/arrivals.h"
#include "controller/greeting.h"
#include "controller/learnt-flush.h"
#include "coverage.h"
#include "flows/ofconn.h"
#include "flows/pipeline.h"
#include "openvswitch/poll-loop.h"
#include "util.h"

COVERAGE_DEFINE(welcome_greet);

struct welcome {
    struct arrivals arrivals;
    struct learnt_flush *flush;
    bool has_learnt;            /* NORMAL, on the ports of vNICs. */
};

struct welcome *
welcome_create(const char *bridge)
{
    struct welcome *welcome = xzalloc(sizeof *welcome);
    arrivals_init(&welcome->arrivals);
    welcome->flush = learnt_flush_create(bridge);
    return welcome;
}

void
welcome_destroy(struct welcome *welcome)
{
    if (welcome) {
        arrivals_destroy(&welcome->arrivals);
        learnt_flush_destroy(welcome->flush);
        free(welcome);
    }
}

/* Takes note that flows of ours are not there: NORMAL learns on the ports of
 * vNICs, too. */
void
welcome_note_learning(struct welcome *welcome)
{
    welcome->has_learnt = true;
}

/* Takes note of the guests that come and go between 'before' and 'after', two
 * sets of facts of the same bridge, both sorted. */
void
welcome_note_arrivals(struct welcome *welcome,
                      const struct pipeline_bridge *before,
                      const struct pipeline_bridge *after)
{
    arrivals_note(&welcome->arrivals, before, after);
}

static void
flush_learnt(struct welcome *welcome, const struct pipeline_bridge *bridge,
             bool is_installed, long long int now)
{
    if (welcome->has_learnt && is_installed) {
        welcome->has_learnt = false;
        learnt_flush_start(welcome->flush, now);
    }
    if (learnt_flush_run(welcome->flush, now)) {
        arrivals_note_forgotten(&welcome->arrivals, bridge);
    }
}

/* When somebody is to be greeted: their flows have to be there, and the switch
 * has to listen, for which ofconn_wait() waits. */
static long long int
greeting_ms(const struct welcome *welcome, const struct ofconn *conn,
            bool is_installed)
{
    return (is_installed && ofconn_has_room(conn)
            ? arrivals_due_ms(&welcome->arrivals) : LLONG_MAX);
}

static void
greet_next(struct welcome *welcome, struct ofconn *conn,
           const struct pipeline_bridge *bridge, long long int now)
{
    uint32_t number;
    unsigned int deeds = arrivals_next(&welcome->arrivals, now, &number);
    const struct pipeline_vnic *vnic = pipeline_bridge_find_vnic(bridge,
                                                                 number);
    if (vnic) {
        COVERAGE_INC(welcome_greet);
        greet(conn, vnic, deeds);
    }
}

/* Does what is due 'now' for the guests of 'bridge', over 'conn'; with
 * 'is_installed' it has their flows. */
void
welcome_run(struct welcome *welcome, struct ofconn *conn,
            const struct pipeline_bridge *bridge, bool is_installed,
            long long int now)
{
    flush_learnt(welcome, bridge, is_installed, now);
    while (now >= greeting_ms(welcome, conn, is_installed)) {
        greet_next(welcome, conn, bridge, now);
    }
}

void
welcome_wait(const struct welcome *welcome, const struct ofconn *conn,
             bool is_installed)
{
    poll_timer_wait_until(greeting_ms(welcome, conn, is_installed));
    learnt_flush_wait(welcome->flush);
}
