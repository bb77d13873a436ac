/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */

/* The service manager's side of a Type=notify unit: sd_notify(3).  A failure
 * to notify is of no consequence to us, and systemd notices by itself. */

#include <config.h>
#include "controller/notify.h"

#include <limits.h>
#include <stdint.h>
#include <systemd/sd-daemon.h>

#include "openvswitch/poll-loop.h"
#include "openvswitch/util.h"

/* When the watchdog wants its next sign of life, monotonic ms. */
static long long int watchdog_ms = LLONG_MIN;

void
notify_ready(void)
{
    (void) sd_notify(0, "READY=1");
}

void
notify_stopping(void)
{
    (void) sd_notify(0, "STOPPING=1");
}

/* Shows 'sentence' in 'systemctl status'. */
void
notify_status(const char *sentence)
{
    (void) sd_notifyf(0, "STATUS=%s", sentence);
}

/* Tells the watchdog, if the unit has one, that the main loop turns: twice as
 * often as it asks for, as sd_watchdog_enabled(3) recommends. */
void
notify_watchdog_run(long long int now)
{
    uint64_t interval_us;

    if (now < watchdog_ms) {
        return;
    }
    if (sd_watchdog_enabled(0, &interval_us) > 0) {
        (void) sd_notify(0, "WATCHDOG=1");
        watchdog_ms = now + interval_us / 1000 / 2;
    } else {
        watchdog_ms = LLONG_MAX;
    }
}

void
notify_watchdog_wait(void)
{
    poll_timer_wait_until(watchdog_ms);
}
