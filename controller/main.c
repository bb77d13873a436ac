/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */

/* The agent's life: start, the main loop, and an end that leaves the switch as
 * it is. */

#include <config.h>

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "command-line.h"
#include "controller/commands.h"
#include "controller/hooks.h"
#include "controller/inputs.h"
#include "controller/loop.h"
#include "controller/notify.h"
#include "controller/options.h"
#include "controller/reconcile.h"
#include "controller/remove.h"
#include "controller/stale-sockets.h"
#include "controller/status.h"
#include "daemon.h"
#include "dirs.h"
#include "fatal-signal.h"
#include "lib/cleanup.h"
#include "memory.h"
#include "openvswitch/poll-loop.h"
#include "openvswitch/vlog.h"
#include "ovs-rcu.h"
#include "ovsdb/ovsdb-conn.h"
#include "simap.h"
#include "timeval.h"
#include "unixctl.h"
#include "util.h"
#include "virt/virt-conn.h"

VLOG_DEFINE_THIS_MODULE(main);

/* How long libvirt is given to say goodbye. */
enum { CLOSE_TIMEOUT_MS = 1000 };

struct agent {
    struct loop *loop;
    struct inputs inputs;
    struct reconciler *reconciler;
    struct hooks *hooks;
    struct commands *commands;
    struct unixctl_server *unixctl;
    uint64_t n_told_passes;     /* Of which the service manager knows. */
};

/* Control socket and pidfile live in the run directory of the installed Open
 * vSwitch, whatever was built into the library that we are linked with. */
static void
set_rundir(void)
{
    (void) setenv("OVS_RUNDIR", VNICD_OVS_RUNDIR, 0); /* Cannot but succeed. */
}

/* The directory may not be there yet: at boot we start as soon as we can. */
static void
create_rundir(void)
{
    if (mkdir(ovs_rundir(), 0755) && errno != EEXIST) {
        ovs_fatal(errno, "cannot create %s", ovs_rundir());
    }
}

/* The control socket can command changes: it is root's alone. */
static struct unixctl_server *
create_unixctl(void)
{
    struct unixctl_server *server;
    CLEANUP_FREE char *path = xasprintf("%s/%s.%ld.ctl", ovs_rundir(),
                                        program_name, (long int) getpid());

    int error = unixctl_server_create(path, &server);
    if (!error && chmod(path, 0700)) {
        error = errno;
    }
    if (error) {
        ovs_fatal(error, "%s: cannot make the control socket", path);
    }
    return server;
}

static void
agent_init(struct agent *agent, const struct options *options)
{
    virt_init();
    agent->loop = loop_create();
    agent->unixctl = create_unixctl();
    inputs_init(&agent->inputs, options->ovsdb_remote, options->libvirt_uris,
                options->n_libvirt_uris, loop_executor(agent->loop));
    agent->reconciler = reconciler_create(&agent->inputs);
    agent->hooks = hooks_create(&agent->inputs, agent->reconciler,
                                agent->loop, options->hook_socket);
    agent->commands = commands_create(&agent->inputs, agent->reconciler,
                                      agent->hooks, agent->loop);
}

/* Shows how the vNICs are in 'systemctl status'. */
static void
tell_service_manager(struct agent *agent)
{
    uint64_t n_passes = reconciler_n_passes(agent->reconciler);
    if (n_passes != agent->n_told_passes) {
        CLEANUP_FREE char *summary = status_summary(agent->reconciler);
        notify_status(summary);
        agent->n_told_passes = n_passes;
    }
}

/* For 'memory/show', and for the log when memory grows. */
static void
report_memory(const struct agent *agent)
{
    memory_run();
    if (memory_should_report()) {
        struct simap usage = SIMAP_INITIALIZER(&usage);
        simap_put(&usage, "vnics",
                  reconciler_pass(agent->reconciler)->desired.n_vnics);
        simap_put(&usage, "ports",
                  reconciler_pass(agent->reconciler)->view.n_ports);
        ovsdb_conn_get_memory_usage(agent->inputs.ovsdb, &usage);
        memory_report(&usage);
        simap_destroy(&usage);
    }
}

/* Once per turn of the loop: everything that can be done now. */
static void
agent_run(struct agent *agent, long long int now)
{
    loop_run(agent->loop);
    inputs_run(&agent->inputs, now);
    hooks_run(agent->hooks, now);
    reconciler_hear(agent->reconciler, now);
    hooks_answer(agent->hooks, now);
    reconciler_run(agent->reconciler, now);
    hooks_answer(agent->hooks, now);
    commands_run(agent->commands, now);
    unixctl_server_run(agent->unixctl);
    tell_service_manager(agent);
    notify_watchdog_run(now);

    report_memory(agent);
}

static void
agent_wait(struct agent *agent, long long int now)
{
    loop_wait(agent->loop);
    inputs_wait(&agent->inputs, now);
    hooks_wait(agent->hooks);
    reconciler_wait(agent->reconciler);
    commands_wait(agent->commands);
    unixctl_server_wait(agent->unixctl);
    notify_watchdog_wait();
    memory_wait();
}

static void
agent_loop(struct agent *agent)
{
    for (;;) {
        long long int now = time_msec();
        agent_run(agent, now);
        if (loop_is_exiting(agent->loop)) {
            return;
        }
        agent_wait(agent, now);
        poll_block();
    }
}

/* Says goodbye to libvirt.  Returns false if it does not answer in time. */
static bool
close_libvirt(struct agent *agent)
{
    long long int deadline_ms = time_msec() + CLOSE_TIMEOUT_MS;

    inputs_close(&agent->inputs);
    for (;;) {
        loop_run(agent->loop);
        inputs_run(&agent->inputs, time_msec());
        if (inputs_are_closed(&agent->inputs)) {
            return true;
        }
        if (time_msec() >= deadline_ms) {
            return false;
        }
        loop_wait(agent->loop);
        poll_timer_wait_until(deadline_ms);
        poll_block();
    }
}

static void
agent_destroy(struct agent *agent)
{
    commands_destroy(agent->commands);
    hooks_destroy(agent->hooks);
    unixctl_server_destroy(agent->unixctl);
    if (!close_libvirt(agent)) {
        /* Nobody waits for a thread that hangs in libvirt. */
        VLOG_WARN("libvirt does not answer, leaving without it");
        fatal_signal_atexit_handler();
        _exit(EXIT_SUCCESS);
    }
    reconciler_destroy(agent->reconciler);
    inputs_destroy(&agent->inputs);
    loop_destroy(agent->loop);
}

static int
clean_up(const struct options *options)
{
    CLEANUP_FREE char *error = remove_all(options->ovsdb_remote,
                                          options->bridges,
                                          options->n_bridges);
    if (error) {
        ovs_error(0, "%s", error);
    }
    return error ? EXIT_FAILURE : EXIT_SUCCESS;
}

static void
serve(const struct options *options)
{
    struct agent agent = { .n_told_passes = 0 };

    create_rundir();
    daemonize_start(false);     /* From here on the pidfile is ours. */
    stale_sockets_remove(ovs_rundir());
    agent_init(&agent, options);
    daemonize_complete();
    VLOG_INFO("vnicd %s", VERSION);
    notify_ready();

    agent_loop(&agent);

    notify_stopping();
    agent_destroy(&agent);
}

int
main(int argc, char *argv[])
{
    struct options options;
    int status = EXIT_SUCCESS;

    ovs_cmdl_proctitle_init(argc, argv);
    ovs_set_program_name(argv[0], VERSION);
    set_rundir();
    set_pidfile(NULL);
    options_parse(&options, argc, argv);
    fatal_ignore_sigpipe();

    if (options.is_cleanup) {
        status = clean_up(&options);
    } else {
        serve(&options);
    }
    options_destroy(&options);
    ovsrcu_exit();
    return status;
}
