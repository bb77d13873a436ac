/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */

/* The program that libvirt runs at each step of a guest's life: hands what
 * libvirt says to the agent and, where a guest may still be refused, waits for
 * its verdict.
 *
 * libvirt puts up with a failure in few places: at "started" and "reconnect"
 * it kills a guest that runs.  So the status is 0 except where the agent has
 * refused, or is missing where it must not be. */

#include <config.h>

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "libvirt-hooks/hook-client.h"
#include "libvirt-hooks/hook-config.h"
#include "libvirt-hooks/hook-scan.h"
#include "libvirt-hooks/hook-step.h"

enum { EXIT_USAGE = 2 };

/* Under which name libvirt knows us.  It runs whatever is executable in its
 * directories, the leftovers of package tools and editors, too. */
static const char hook_name[] = "50-vnicd";

/* What is needed of the agent. */
enum need {
    NEED_NOTHING,               /* It does not even want to know. */
    NEED_NOTE,                  /* It is told, and may forget it. */
    NEED_WORK,                  /* It is waited for, whatever it says. */
    NEED_OPINION,               /* It may refuse; without it nothing is known
                                 * to be wrong. */
    NEED_GATE,                  /* It has to agree. */
};

static const enum need needs[N_HOOK_STEPS] = {
    [HOOK_STEP_OTHER] = NEED_NOTHING,
    [HOOK_STEP_PREPARE] = NEED_OPINION,
    [HOOK_STEP_MIGRATE] = NEED_OPINION,
    [HOOK_STEP_START] = NEED_GATE,
    [HOOK_STEP_STARTED] = NEED_NOTE,
    [HOOK_STEP_RECONNECT] = NEED_NOTE,
    [HOOK_STEP_STOPPED] = NEED_NOTE,
    [HOOK_STEP_RELEASE] = NEED_NOTE,
    [HOOK_STEP_NETWORK] = NEED_NOTE,
    [HOOK_STEP_DAEMON_START] = NEED_WORK,
};

/* The command line. */

struct invocation {
    const char *config_file;
    const char *socket;         /* NULL: as configured. */
    char driver[16];
    struct hook_event event;
};

/* Takes over the words that libvirt gives each hook. */
static void
set_words(struct invocation *call, int argc, char *argv[])
{
    const char **words[] = {
        &call->event.object, &call->event.operation,
        &call->event.sub_operation, &call->event.extra,
    };
    for (int i = 0; i < (int) (sizeof words / sizeof words[0]); i++) {
        *words[i] = i < argc ? argv[i] : "-";
    }
    call->event.driver = call->driver;
}

/* Stores in 'driver' the one whose directory "DRIVER.d" 'path', of a file, is
 * in.  Returns false if it is in none. */
static bool
find_driver(const char *path, char driver[16])
{
    const char *slash = strrchr(path, '/');
    const char *start = slash;
    while (start && start > path && start[-1] != '/') {
        start--;
    }
    size_t len = slash ? slash - start : 0;
    if (len < 3 || len - 2 >= 16 || strncmp(slash - 2, ".d", 2)) {
        return false;
    }
    memcpy(driver, start, len - 2);
    driver[len - 2] = '\0';
    return true;
}

static void
usage(void)
{
    printf("vnicd-hook: hands what libvirt tells its hooks to vnicd\n"
           "usage: vnicd-hook [OPTIONS] DRIVER OBJECT OPERATION "
           "[SUB-OPERATION [EXTRA]] < XML\n\n"
           "libvirt runs it as hooks/{qemu,lxc,network,daemon}.d/%s.\n\n"
           "  --config=FILE     settings [%s]\n"
           "  --socket=PATH     of the agent [as configured]\n"
           "  -h, --help        show this\n"
           "  -V, --version     show the version\n",
           hook_name, HOOK_CONFIG_FILE);
    exit(EXIT_SUCCESS);
}

static void
parse_options(struct invocation *call, int argc, char *argv[])
{
    static const struct option options[] = {
        { "config", required_argument, NULL, 'c' },
        { "socket", required_argument, NULL, 's' },
        { "help", no_argument, NULL, 'h' },
        { "version", no_argument, NULL, 'V' },
        { NULL, 0, NULL, 0 },
    };
    int c;
    while ((c = getopt_long(argc, argv, "+hV", options, NULL)) != -1) {
        switch (c) {
        case 'c':
            call->config_file = optarg;
            break;
        case 's':
            call->socket = optarg;
            if (strlen(optarg) >= HOOK_MAX_PATH_BYTES) {
                fprintf(stderr, "vnicd-hook: --socket=%s is too long\n",
                        optarg);
                exit(EXIT_USAGE);
            }
            break;
        case 'h':
            usage();
            break;
        case 'V':
            puts("vnicd-hook (vnicd) " VERSION);
            exit(EXIT_SUCCESS);
        default:
            exit(EXIT_USAGE);
        }
    }
}

/* Somebody runs us by hand. */
static void
parse_manual_call(struct invocation *call, int argc, char *argv[])
{
    parse_options(call, argc, argv);
    argc -= optind;
    argv += optind;
    if (argc < 3 || strlen(argv[0]) >= sizeof call->driver) {
        fprintf(stderr, "vnicd-hook: it takes a DRIVER, an OBJECT and an "
                        "OPERATION; see vnicd-hook --help\n");
        exit(EXIT_USAGE);
    }
    strcpy(call->driver, argv[0]);
    set_words(call, argc - 1, argv + 1);
}

/* Fills 'call'.  Returns false if whoever runs us is not meant to. */
static bool
parse_call(struct invocation *call, int argc, char *argv[])
{
    const char *path = argc ? argv[0] : "";
    const char *slash = strrchr(path, '/');
    const char *name = slash ? slash + 1 : path;

    *call = (struct invocation) { .config_file = HOOK_CONFIG_FILE };
    if (!strcmp(name, hook_name)) {
        set_words(call, argc - 1, argv + 1);
        return find_driver(path, call->driver);
    } else if (!strcmp(name, "vnicd-hook")) {
        parse_manual_call(call, argc, argv);
        return true;
    }
    return false;
}

/* Judging. */

/* Why can what libvirt writes not be read? */
static const char *
explain_input(int error)
{
    return (error == ETIMEDOUT ? "its end has not come in time"
            : error == E2BIG ? "it is larger than 4 MiB"
            : strerror(error));
}

/* Why is there no verdict? */
static const char *
explain_answer(int error)
{
    return (error == ETIMEDOUT ? "no answer in time"
            : error == ECONNRESET ? "it hung up"
            : error == EPROTO ? "it speaks another language"
            : strerror(error));
}

/* Ends the sentence that says why the agent did not do its part, and returns
 * what that means where it must not be missed. */
static int
do_without(const struct invocation *call, const struct hook_config *config)
{
    fprintf(stderr, "; guest %s may%s start (fail = %s in %s)\n",
            call->event.object, config->fails_open ? "" : " not",
            config->fails_open ? "open" : "closed", call->config_file);
    return config->fails_open ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* Returns the status if the agent cannot be asked because of 'error': a guest
 * of which nobody knows whether it is on Open vSwitch counts as one that is. */
static int
judge_unread(const struct invocation *call, enum need need,
             const struct hook_config *config, int error)
{
    if (need != NEED_GATE) {
        return EXIT_SUCCESS;
    }
    fprintf(stderr, "vnicd: the guest's XML cannot be read: %s",
            explain_input(error));
    return do_without(call, config);
}

/* Returns the status that tells libvirt what 'answer' means. */
static int
judge(const struct invocation *call, enum need need,
      const struct hook_config *config, const struct hook_answer *answer)
{
    bool has_verdict = !answer->error && need >= NEED_OPINION;
    if (has_verdict && answer->verdict.code == HOOK_REFUSE) {
        fprintf(stderr, "vnicd: %s\n", answer->verdict.sentence);
        return EXIT_FAILURE;
    } else if (need != NEED_GATE
               || (has_verdict && answer->verdict.code == HOOK_PASS)) {
        return EXIT_SUCCESS;
    } else if (has_verdict) {
        fprintf(stderr, "vnicd: %s", answer->verdict.sentence);
    } else {
        fprintf(stderr, "vnicd: the agent at %s cannot be asked: %s",
                config->socket, explain_answer(answer->error));
    }
    return do_without(call, config);
}

/* Returns what 'event' needs of an operation that needs 'need': guests that are
 * not on Open vSwitch do without the agent. */
static enum need
relax_need(enum need need, const struct hook_event *event)
{
    return (need == NEED_GATE
            && !hook_scan_is_on_ovs(event->xml, event->xml_size)
            ? NEED_OPINION : need);
}

/* Asks the agent and returns the status. */
static int
ask(struct invocation *call, enum need need, const struct hook_config *config,
    long long int deadline_ms)
{
    struct hook_request request = {
        .socket = config->socket,
        .deadline_ms = deadline_ms,
        .insists = need == NEED_GATE,
        .wants_verdict = need > NEED_NOTE,
    };
    struct hook_answer answer;
    hook_client_ask(&request, &call->event, &answer);
    return judge(call, need, config, &answer);
}

/* Reads what libvirt says, asks the agent, and returns the status. */
static int
run(struct invocation *call, enum need need, const struct hook_config *config)
{
    struct hook_event *event = &call->event;
    long long int deadline_ms = hook_client_now() + config->deadline_ms;
    int status;
    char *xml;
    int error = hook_client_read_input(STDIN_FILENO, deadline_ms, &xml,
                                       &event->xml_size);
    event->xml = xml;
    if (error) {
        status = judge_unread(call, need, config, error);
    } else {
        status = ask(call, relax_need(need, event), config, deadline_ms);
    }
    free(xml);
    return status;
}

int
main(int argc, char *argv[])
{
    struct invocation call;
    if (!parse_call(&call, argc, argv)) {
        return EXIT_SUCCESS;
    }
    enum need need = needs[hook_step_of_event(&call.event)];
    if (need == NEED_NOTHING) {
        return EXIT_SUCCESS;
    }

    struct hook_config config;
    hook_config_init(&config);
    hook_config_load(call.config_file, &config);
    if (call.socket) {
        strcpy(config.socket, call.socket);
    }
    signal(SIGPIPE, SIG_IGN);
    return run(&call, need, &config);
}
