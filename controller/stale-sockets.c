/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */

/* Control sockets of agents that were killed.  Nobody else removes them: each
 * has the number of its process in its name, so the next agent makes another.
 *
 * The directory is Open vSwitch's, and somebody's agent may be alive in it
 * under another pidfile, or in another PID namespace.  So a socket goes only
 * if it has our kind of name and our owner, its process is not there, and
 * nobody listens on it. */

#include <config.h>
#include "controller/stale-sockets.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "openvswitch/vlog.h"
#include "socket-util.h"
#include "util.h"

VLOG_DEFINE_THIS_MODULE(stale_sockets);

/* Returns the process whose control socket is called 'name', 0 if it is no
 * such name. */
static pid_t
find_owner(const char *name)
{
    size_t len = strlen(program_name);
    if (strncmp(name, program_name, len) || name[len] != '.') {
        return 0;
    }

    pid_t pid = strtol(name + len + 1, NULL, 10);
    CLEANUP_FREE char *expected = xasprintf("%s.%ld.ctl", program_name,
                                            (long int) pid);
    return pid > 0 && !strcmp(name, expected) ? pid : 0;
}

static bool
is_running(pid_t pid)
{
    return !kill(pid, 0) || errno != ESRCH;
}

static bool
is_our_socket(const char *path)
{
    struct stat s;
    return !lstat(path, &s) && S_ISSOCK(s.st_mode) && s.st_uid == geteuid();
}

/* True if somebody listens on the socket 'path', which is there.  Does not
 * block: a backlog that is full is somebody, too. */
bool
stale_sockets_is_listening(const char *path)
{
    int fd = make_unix_socket(SOCK_STREAM, true, NULL, path);
    if (fd >= 0) {
        close(fd);
    }
    return fd != -ECONNREFUSED;
}

static void
remove_if_stale(const char *path, pid_t pid)
{
    if (is_running(pid) || !is_our_socket(path)
        || stale_sockets_is_listening(path)) {
        return;
    }
    if (unlink(path)) {
        VLOG_WARN("%s: cannot be removed: %s", path, ovs_strerror(errno));
    } else {
        VLOG_INFO("%s: removed, its process is gone", path);
    }
}

/* Removes from 'rundir' what killed agents left there. */
void
stale_sockets_remove(const char *rundir)
{
    DIR *dir = opendir(rundir);
    if (!dir) {
        VLOG_WARN("%s: cannot be read: %s", rundir, ovs_strerror(errno));
        return;
    }

    struct dirent *entry;
    while ((entry = readdir(dir))) {
        pid_t pid = find_owner(entry->d_name);
        if (pid) {
            CLEANUP_FREE char *path = xasprintf("%s/%s", rundir,
                                                entry->d_name);
            remove_if_stale(path, pid);
        }
    }
    closedir(dir);
}
