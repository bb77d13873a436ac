/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */

/* Is there a switch on this host? */

#include <config.h>
#include "controller/vswitchd.h"

#include <unistd.h>

#include "daemon.h"
#include "dirs.h"
#include "lib/cleanup.h"
#include "util.h"

/* Returns the process id of the running ovs-vswitchd, or 0. */
pid_t
vswitchd_find(void)
{
    CLEANUP_FREE char *pidfile = xasprintf("%s/ovs-vswitchd.pid",
                                           ovs_rundir());
    pid_t pid = access(pidfile, R_OK) ? 0 : read_pidfile(pidfile);
    return MAX(pid, 0);
}
