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

/* "" stands for all other operations. */
static const struct {
    const char *driver;
    const char *operation;
    enum need need;
} needs[] = {
    { "qemu", "prepare", NEED_OPINION },
    { "qemu", "migrate", NEED_GATE },
    { "qemu", "start", NEED_GATE },
    { "qemu", "started", NEED_NOTE },
    { "qemu", "reconnect", NEED_NOTE },
    { "qemu", "stopped", NEED_NOTE },
    { "qemu", "release", NEED_NOTE },
    { "lxc", "prepare", NEED_OPINION },
    { "lxc", "start", NEED_GATE },
    { "lxc", "started", NEED_NOTE },
    { "lxc", "reconnect", NEED_NOTE },
    { "lxc", "stopped", NEED_NOTE },
    { "lxc", "release", NEED_NOTE },
    { "network", "", NEED_NOTE },
    { "daemon", "start", NEED_WORK },
};

static enum need
find_need(const struct hook_event *event)
{
    for (size_t i = 0; i < sizeof needs / sizeof needs[0]; i++) {
        if (!strcmp(event->driver, needs[i].driver)
            && (!strcmp(event->operation, needs[i].operation)
                || !*needs[i].operation)) {
            return needs[i].need;
        }
    }
    return NEED_NOTHING;
}

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

/* Why is there no verdict? */
static const char *
explain(int error)
{
    return (error == ETIMEDOUT ? "no answer in time"
            : error == ECONNRESET ? "it hung up"
            : error == EPROTO ? "it speaks another language"
            : error == E2BIG ? "the XML is larger than 4 MiB"
            : strerror(error));
}

/* Says why the agent did not do its part for 'event', and returns what that
 * means where it must not be missed. */
static int
judge_failure(const struct invocation *call, const struct hook_config *config,
              const struct hook_answer *answer)
{
    if (answer->error) {
        fprintf(stderr, "vnicd: the agent at %s cannot be asked: %s",
                config->socket, explain(answer->error));
    } else {
        fprintf(stderr, "vnicd: %s", answer->verdict.sentence);
    }
    fprintf(stderr, "; guest %s may%s start (fail = %s in %s)\n",
            call->event.object, config->fails_open ? "" : " not",
            config->fails_open ? "open" : "closed", call->config_file);
    return config->fails_open ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* Returns the status that tells libvirt what 'answer' means. */
static int
judge(const struct invocation *call, enum need need,
      const struct hook_config *config, const struct hook_answer *answer)
{
    if (need < NEED_OPINION) {
        return EXIT_SUCCESS;
    }
    if (!answer->error && answer->verdict.code == HOOK_REFUSE) {
        fprintf(stderr, "vnicd: %s\n", answer->verdict.sentence);
        return EXIT_FAILURE;
    }
    bool is_done = !answer->error && answer->verdict.code == HOOK_PASS;
    return is_done || need != NEED_GATE ? EXIT_SUCCESS
                                        : judge_failure(call, config, answer);
}

/* Reads what libvirt says, asks the agent, and returns the status. */
static int
run(struct invocation *call, enum need need, const struct hook_config *config)
{
    struct hook_event *event = &call->event;
    struct hook_request request = {
        .socket = config->socket,
        .deadline_ms = hook_client_now() + config->deadline_ms,
    };
    struct hook_answer answer = { .error = 0 };
    char *xml;

    answer.error = hook_client_read_input(STDIN_FILENO, request.deadline_ms,
                                          &xml, &event->xml_size);
    event->xml = xml;
    if (need == NEED_GATE && !hook_scan_is_on_ovs(xml, event->xml_size)) {
        need = NEED_OPINION;
    }
    if (!answer.error) {
        request.insists = need == NEED_GATE;
        request.wants_verdict = need > NEED_NOTE;
        hook_client_ask(&request, event, &answer);
    }
    free(xml);
    return judge(call, need, config, &answer);
}

int
main(int argc, char *argv[])
{
    struct invocation call;
    if (!parse_call(&call, argc, argv)) {
        return EXIT_SUCCESS;
    }
    enum need need = find_need(&call.event);
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
