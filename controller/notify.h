/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef CONTROLLER_NOTIFY_H
#define CONTROLLER_NOTIFY_H 1

/* What systemd is told of us; all of it does nothing without systemd. */

void notify_ready(void);
void notify_stopping(void);
void notify_status(const char *sentence);
void notify_watchdog_run(long long int now);
void notify_watchdog_wait(void);

#endif /* controller/notify.h */
