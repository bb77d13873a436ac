/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */

/* Reads the command line.  What is wrong with it ends the program, with one
 * sentence and status 2, which tells the service manager that another start
 * would be no better.  Options that Open vSwitch's library reads end it with
 * the library's status, 1. */

#include <config.h>
#include "controller/options.h"

#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command-line.h"
#include "daemon.h"
#include "dirs.h"
#include "lib/cleanup.h"
#include "openvswitch/vlog.h"
#include "ovsdb/ovsdb-remote.h"
#include "stream-ssl.h"
#include "util.h"

VLOG_DEFINE_THIS_MODULE(options);

/* The exit status after a command line of no use. */
enum { EXIT_USAGE = 2 };

#define DEFAULT_HOOK_SOCKET "/run/vnicd/hook.sock"
#define DEFAULT_LIBVIRT_URI "qemu:///system"

enum {
    OPT_DB = UCHAR_MAX + 1,
    OPT_CONNECT,
    OPT_HOOK_SOCKET,
    OPT_CLEANUP,
    DAEMON_OPTION_ENUMS,
    VLOG_OPTION_ENUMS,
    SSL_OPTION_ENUMS,
};

static const struct option long_options[] = {
    { "db", required_argument, NULL, OPT_DB },
    { "connect", required_argument, NULL, OPT_CONNECT },
    { "hook-socket", required_argument, NULL, OPT_HOOK_SOCKET },
    { "cleanup", no_argument, NULL, OPT_CLEANUP },
    { "help", no_argument, NULL, 'h' },
    { "version", no_argument, NULL, 'V' },
    DAEMON_LONG_OPTIONS,
    VLOG_LONG_OPTIONS,
    STREAM_SSL_LONG_OPTIONS,
    { NULL, 0, NULL, 0 },
};

static void
usage(void)
{
    printf("%s: Open vSwitch integration controller for libvirt hosts\n"
           "usage: %s [OPTIONS]\n"
           "       %s --cleanup [BRIDGE...]\n\n"
           "  --db=REMOTE       database of Open vSwitch "
           "[unix:%s/db.sock]\n"
           "  --connect=URI     libvirt connection, may be repeated [%s]\n"
           "  --hook-socket=PATH\n"
           "                    where vnicd-hook finds the agent [%s]\n"
           "  --cleanup         remove vnicd's flows and marks from BRIDGEs, "
           "or from\n"
           "                    all of them, and stop\n"
           "  -h, --help        show this\n"
           "  -V, --version     show the version\n",
           program_name, program_name, program_name, ovs_rundir(),
           DEFAULT_LIBVIRT_URI, DEFAULT_HOOK_SOCKET);
    daemon_usage();
    vlog_usage();
    exit(EXIT_SUCCESS);
}

static void OVS_NO_RETURN OVS_PRINTF_FORMAT(1, 2)
refuse(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    ovs_error_valist(0, format, args);
    va_end(args);
    exit(EXIT_USAGE);
}

static void
add_libvirt_uri(struct options *options, const char *uri)
{
    if (!*uri) {
        refuse("--connect needs a URI");
    }
    for (size_t i = 0; i < options->n_libvirt_uris; i++) {
        if (!strcmp(options->libvirt_uris[i], uri)) {
            refuse("--connect=%s is given twice", uri);
        }
    }
    options->libvirt_uris = xrealloc(
        options->libvirt_uris,
        (options->n_libvirt_uris + 1) * sizeof *options->libvirt_uris);
    options->libvirt_uris[options->n_libvirt_uris++] = xstrdup(uri);
}

static void
parse_option(struct options *options, int c)
{
    switch (c) {
    case OPT_DB:
        free(options->ovsdb_remote);
        options->ovsdb_remote = xstrdup(optarg);
        break;
    case OPT_CONNECT:
        add_libvirt_uri(options, optarg);
        break;
    case OPT_HOOK_SOCKET:
        free(options->hook_socket);
        options->hook_socket = xstrdup(optarg);
        break;
    case OPT_CLEANUP:
        options->is_cleanup = true;
        break;
    case 'h':
        usage();
        break;
    case 'V':
        ovs_print_version(0, 0);
        exit(EXIT_SUCCESS);
    DAEMON_OPTION_HANDLERS
    VLOG_OPTION_HANDLERS
    STREAM_SSL_OPTION_HANDLERS
    case '?':
        refuse("see %s --help", program_name);
    default:
        OVS_NOT_REACHED();
    }
}

static void
set_defaults(struct options *options)
{
    if (!options->ovsdb_remote) {
        options->ovsdb_remote = xasprintf("unix:%s/db.sock", ovs_rundir());
    }
    if (!options->hook_socket) {
        options->hook_socket = xstrdup(DEFAULT_HOOK_SOCKET);
    }
    if (!options->n_libvirt_uris) {
        add_libvirt_uri(options, DEFAULT_LIBVIRT_URI);
    }
}

static void
check_remote(const char *remote)
{
    char *error = ovsdb_remote_check(remote, stream_ssl_is_configured());
    if (error) {
        refuse("--db: %s", error);
    }
}

/* Fills 'options' from the command line. */
void
options_parse(struct options *options, int argc, char *argv[])
{
    CLEANUP_FREE char *short_options
        = ovs_cmdl_long_options_to_short_options(long_options);
    int c;

    *options = (struct options) { .ovsdb_remote = NULL };
    while ((c = getopt_long(argc, argv, short_options, long_options, NULL))
           != -1) {
        parse_option(options, c);
    }
    if (optind < argc && !options->is_cleanup) {
        refuse("unexpected argument '%s'; see %s --help", argv[optind],
               program_name);
    }
    options->bridges = argv + optind;
    options->n_bridges = argc - optind;
    set_defaults(options);
    check_remote(options->ovsdb_remote);
}

void
options_destroy(struct options *options)
{
    for (size_t i = 0; i < options->n_libvirt_uris; i++) {
        free(options->libvirt_uris[i]);
    }
    free(options->libvirt_uris);
    free(options->hook_socket);
    free(options->ovsdb_remote);
}
