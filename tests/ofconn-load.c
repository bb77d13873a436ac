/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */

/* Installs flows on a bridge, for the integration tests:
 *
 *     ofconn-load BRIDGE TARGET
 *
 * Reads commands from standard input, a line each, and answers each with a
 * line of JSON.  Ends with its input.
 *
 *     load FILE        these flows and groups are meant, in the syntax of
 *                      ovs-ofctl
 *     floods NUMBER=0|1 ...
 *     fragments 0|1
 *     refresh
 *     status
 */

#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "byte-order.h"
#include "fatal-signal.h"
#include "flow.h"
#include "flows/flood-map.h"
#include "flows/flow-space.h"
#include "flows/flow-table.h"
#include "flows/ofconn.h"
#include "flows/tables.h"
#include "openvswitch/dynamic-string.h"
#include "openvswitch/json.h"
#include "openvswitch/ofp-port.h"
#include "openvswitch/poll-loop.h"
#include "openvswitch/vlog.h"
#include "socket-util.h"
#include "tests/flow-text.h"
#include "timeval.h"
#include "util.h"

#define MAX_SHOWN 10

struct loader {
    int fd;                     /* Standard input; not 0, which OVS's poll
                                 * loop takes for none. */
    struct ofconn *conn;
    struct ds input;            /* Of an unfinished line. */
    bool is_done;
    long long int started_ms;   /* When the last "load" came. */
    long long int installed_ms; /* How long it took; -1: not yet. */
    long long int slowest_run_us; /* Since then. */
};

static void
put_integer(struct json *object, const char *name, long long int value)
{
    json_object_put(object, name, json_integer_create(value));
}

static struct json *
counters_to_json(const struct ofconn *conn)
{
    struct ofconn_counters counters;
    ofconn_get_counters(conn, &counters);
    struct json *object = json_object_create();
    for (enum flow_op_kind kind = 0; kind < N_FLOW_OP_KINDS; kind++) {
        put_integer(object, flow_op_kind_to_string(kind),
                    counters.bundles.ops[kind]);
    }
    put_integer(object, "bundles", counters.bundles.committed);
    put_integer(object, "refused_bundles", counters.bundles.refused);
    put_integer(object, "errors", counters.errors);
    put_integer(object, "port_mods", counters.port_mods);
    put_integer(object, "reads", counters.reads);
    put_integer(object, "reconnects", counters.reconnects);
    return object;
}

static struct json *
errors_to_json(const struct ofconn *conn)
{
    struct json *array = json_array_create_empty();
    size_t n;
    const struct bundle_error *errors = ofconn_errors(conn, &n);
    for (size_t i = 0; i < MIN(n, MAX_SHOWN); i++) {
        struct json *object = json_object_create();
        json_object_put_format(object, "cookie", "0x%"PRIx64,
                               errors[i].cookie);
        put_integer(object, "group", errors[i].group);
        json_object_put_string(object, "text", errors[i].text);
        json_array_add(array, object);
    }
    return array;
}

static struct json *
foreign_to_json(const struct ofconn *conn)
{
    struct flow_table nothing;
    flow_table_init(&nothing);
    struct flow_diff diff = FLOW_DIFF_INIT;
    flow_diff_compute(&nothing, ofconn_installed(conn), &table_space, &diff);

    struct json *array = json_array_create_empty();
    for (size_t i = 0; i < MIN(diff.n_foreign, MAX_SHOWN); i++) {
        struct ds s = DS_EMPTY_INITIALIZER;
        flow_entry_format(diff.foreign[i], &s);
        json_array_add(array, json_string_create_nocopy(ds_steal_cstr(&s)));
    }
    flow_diff_destroy(&diff);
    flow_table_destroy(&nothing);
    return array;
}

static size_t
count_ours(const struct flow_table *installed)
{
    size_t n = 0;
    const struct flow_entry *flow;
    HMAP_FOR_EACH (flow, node, &installed->flows) {
        n += table_cookie_is_ours(flow->cookie);
    }
    return n;
}

static const char *
verdict_to_string(enum ofconn_verdict verdict)
{
    switch (verdict) {
    case OFCONN_NONE:
        return "none";
    case OFCONN_PENDING:
        return "pending";
    case OFCONN_INSTALLED:
        return "installed";
    case OFCONN_REFUSED:
        return "refused";
    }
    OVS_NOT_REACHED();
}

static struct json *
status_to_json(const struct loader *loader)
{
    const struct ofconn *conn = loader->conn;
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    char *problem = ofconn_problem(conn);

    struct json *object = json_object_create();
    json_object_put_string(object, "state",
                           ofconn_state_to_string(ofconn_state(conn)));
    json_object_put_string(object, "verdict",
                           verdict_to_string(ofconn_verdict(conn)));
    json_object_put_string(object, "problem", problem ? problem : "");
    json_object_put(object, "counters", counters_to_json(conn));
    json_object_put(object, "errors", errors_to_json(conn));
    json_object_put(object, "foreign", foreign_to_json(conn));
    put_integer(object, "installed", count_ours(ofconn_installed(conn)));
    put_integer(object, "installed_ms", loader->installed_ms);
    put_integer(object, "slowest_run_us", loader->slowest_run_us);
    put_integer(object, "max_rss_kb", usage.ru_maxrss);
    free(problem);
    return object;
}

static char *
load(struct loader *loader, const char *name)
{
    FILE *file = fopen(name, "r");
    if (!file) {
        return xasprintf("%s: %s", name, ovs_strerror(errno));
    }

    struct flow_table table;
    flow_table_init(&table);
    char *error = NULL;
    struct ds line = DS_EMPTY_INITIALIZER;
    while (!error && !ds_get_line(&line, file)) {
        error = flow_text_add(&table, ds_cstr(&line));
    }
    if (!error) {
        loader->started_ms = time_msec();
        loader->installed_ms = -1;
        loader->slowest_run_us = 0;
        ofconn_set_desired(loader->conn, &table);
    }
    ds_destroy(&line);
    flow_table_destroy(&table);
    fclose(file);
    return error;
}

static char *
set_floods(struct loader *loader, char *words)
{
    struct flood_map floods = { .known = { 0 } };
    char *save = NULL;
    for (char *word = strtok_r(words, " ", &save); word;
         word = strtok_r(NULL, " ", &save)) {
        char *value = strchr(word, '=');
        if (value) {
            *value++ = '\0';
            flood_map_put(&floods, u16_to_ofp(atoi(word)), atoi(value));
        }
    }
    ofconn_set_floods(loader->conn, &floods);
    return NULL;
}

/* Executes 'line'.  Returns what is wrong with it, or NULL. */
static char *
execute(struct loader *loader, char *line)
{
    char *argument = strchr(line, ' ');
    if (argument) {
        *argument++ = '\0';
    }
    if (!strcmp(line, "load")) {
        return load(loader, argument);
    } else if (!strcmp(line, "floods")) {
        return set_floods(loader, argument);
    } else if (!strcmp(line, "fragments")) {
        ofconn_set_fragments(loader->conn, atoi(argument)
                             ? FRAGMENTS_MATCHED : FRAGMENTS_AS_IS);
    } else if (!strcmp(line, "refresh")) {
        ofconn_refresh(loader->conn);
    } else if (strcmp(line, "status")) {
        return xasprintf("%s: no such command", line);
    }
    return NULL;
}

static void
answer(struct loader *loader, char *line)
{
    char *error = execute(loader, line);
    struct json *json;
    if (error) {
        json = json_object_create();
        json_object_put_string(json, "error", error);
    } else {
        json = status_to_json(loader);
    }
    char *text = json_to_string(json, JSSF_SORT);
    puts(text);
    fflush(stdout);
    free(text);
    free(error);
    json_destroy(json);
}

static void
read_commands(struct loader *loader)
{
    char chunk[4096];
    ssize_t n = read(loader->fd, chunk, sizeof chunk);
    if (n > 0) {
        ds_put_buffer(&loader->input, chunk, n);
    } else if (n == 0 || errno != EAGAIN) {
        loader->is_done = true;
    }

    char *end;
    while ((end = strchr(ds_cstr(&loader->input), '\n'))) {
        *end = '\0';
        char *line = xstrdup(ds_cstr(&loader->input));
        char *rest = xstrdup(end + 1);
        ds_clear(&loader->input);
        ds_put_cstr(&loader->input, rest);
        answer(loader, line);
        free(line);
        free(rest);
    }
}

static void
run(struct loader *loader)
{
    long long int before_us = time_usec();
    ofconn_run(loader->conn);
    loader->slowest_run_us = MAX(loader->slowest_run_us,
                                 time_usec() - before_us);
    if (loader->installed_ms < 0
        && ofconn_verdict(loader->conn) == OFCONN_INSTALLED) {
        loader->installed_ms = time_msec() - loader->started_ms;
    }
}

int
main(int argc, char *argv[])
{
    if (argc != 3) {
        ovs_fatal(0, "usage: %s BRIDGE TARGET", argv[0]);
    }
    set_program_name(argv[0]);
    fatal_ignore_sigpipe();

    struct loader loader = {
        .fd = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1),
        .conn = ofconn_create(argv[1], argv[2], &table_space),
        .input = DS_EMPTY_INITIALIZER,
        .installed_ms = -1,
    };
    set_nonblocking(loader.fd);
    while (!loader.is_done) {
        run(&loader);
        read_commands(&loader);
        ofconn_wait(loader.conn);
        poll_fd_wait(loader.fd, POLLIN);
        poll_block();
    }
    ofconn_destroy(loader.conn);
    ds_destroy(&loader.input);
    return 0;
}
