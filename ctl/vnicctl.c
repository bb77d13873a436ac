/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */

/* vnicctl: the operator's command line.  It turns a word into a command of
 * the agent, asks, and prints the answer as it is.  All that it knows of the
 * agent is the table of words; the rest is decided there. */

#include <config.h>

#include <getopt.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ctl/client.h"
#include "ctl/findings.h"
#include "ctl/output.h"

#define ARRAY_SIZE(ARRAY) (sizeof (ARRAY) / sizeof (ARRAY)[0])

enum exit_code {
    EXIT_ANSWERED = 0,
    EXIT_FINDINGS = 1,
    EXIT_REFUSED = 2,           /* Wrong usage, or the agent will not. */
    EXIT_UNREACHABLE = 3,
};

/* Options that not every word takes. */
enum {
    TAKES_FORMAT = 1 << 0,
    TAKES_CHECK = 1 << 1,
    TAKES_INTERVAL = 1 << 2,
    TAKES_DRY_RUN = 1 << 3,
    TAKES_ALL = 1 << 4,
    GAVE_TIMEOUT = 1 << 5,      /* Any word takes that. */
};

struct option_info {
    char letter;
    const char *name;
    const char *arg;            /* NULL if it takes none. */
    unsigned int takes;         /* For words with this bit; 0: for all. */
    const char *help;
};

static const struct option_info option_infos[] = {
    { 'f', "format", "FORMAT", TAKES_FORMAT, "table (default), json or csv" },
    { 'c', "check", NULL, TAKES_CHECK, "exit with 1 if there are warnings" },
    { 'n', "interval", "SECS", TAKES_INTERVAL,
      "time between two looks (default 2)" },
    { 'd', "dry-run", NULL, TAKES_DRY_RUN, "only say what would go" },
    { 'a', "all", NULL, TAKES_ALL, "each pair of vNICs, not only examples" },
    { 't', "target", "PATH", 0, "control socket of the agent" },
    { 'T', "timeout", "SECS", 0, "longest wait for an answer (default 10)" },
    { 'h', "help", NULL, 0, "this text; after a WORD, about that word" },
    { 'V', "version", NULL, 0, "version of vnicctl" },
};

struct options {
    const char *format;
    const char *target;         /* NULL: find the agent by its pidfile. */
    int timeout_s;
    int interval_s;
    bool wants_check, wants_dry_run, wants_all, wants_help, wants_version;
    unsigned int given;         /* TAKES_* of the options that were given. */
};

/* What the operator wants: a word with its options and arguments. */
struct task {
    const struct word *word;
    struct options options;
    char **args;
    int n_args;
};

typedef enum exit_code run_func(const struct task *);
static run_func run_question, run_verify, run_status, run_watch, run_help;

/* Any number of arguments, not looked at; and the most of another word. */
#define RAW_ARGS 1000
#define MAX_ARGS 2

/* The single source for dispatch, help and completion. */
static const struct word {
    const char *name;           /* What the operator types. */
    const char *method;         /* The agent's command; NULL: first argument */
    const char *args;           /* For the usage line. */
    int min_args, max_args;
    unsigned int takes;         /* TAKES_*. */
    bool has_findings;          /* Each row of the answer is one. */
    run_func *run;
    const char *help;           /* One line. */
} words[] = {
    { "status", "status", "", 0, 0, TAKES_FORMAT | TAKES_CHECK, false,
      run_status, "connections, counts of vNICs, and warnings" },
    { "list", "vnic/list", "[BRIDGE]", 0, 1, TAKES_FORMAT, false,
      run_question, "vNICs with their port, VLAN and state" },
    { "show", "vnic/show", "DOMAIN[/MAC]", 1, 1, TAKES_FORMAT, false,
      run_question, "everything about the vNICs of a domain" },
    { "vlan", "vlan/show", "[BRIDGE]", 0, 1, TAKES_FORMAT, false,
      run_question, "each VLAN with its members" },
    { "bridges", "bridge/list", "", 0, 0, TAKES_FORMAT, false,
      run_question, "bridges, and the settings in force on each" },
    { "plan", "plan", "", 0, 0, TAKES_FORMAT, true,
      run_question, "what is not as intended, and what becomes of it" },
    { "drift", "drift/list", "", 0, 0, TAKES_FORMAT, true,
      run_question, "the last repairs and reports, with their causes" },
    { "quarantine", "quarantine/list", "", 0, 0, TAKES_FORMAT, true,
      run_question, "vNICs that are held back, and why" },
    { "flows", "flow/dump", "[BRIDGE]", 0, 1, TAKES_FORMAT, false,
      run_question, "the flows that isolate vNICs, with their names" },
    { "diff", "flow/diff", "[BRIDGE]", 0, 1, TAKES_FORMAT, true,
      run_question, "flows that are not as meant, and flows in their way" },
    { "orphans", "orphan/list", "", 0, 0, TAKES_FORMAT, true,
      run_question, "rows that guests left behind, and when they go" },
    { "collect", "orphan/collect", "", 0, 0, TAKES_FORMAT | TAKES_DRY_RUN,
      false, run_question, "remove the rows that guests left behind now" },
    { "why", "why", "PORT [PACKET]", 1, 2, TAKES_FORMAT, false,
      run_question, "what becomes of a packet; or what was dropped" },
    { "verify", "isolation/verify", "[BRIDGE]", 0, 1,
      TAKES_FORMAT | TAKES_ALL, true, run_verify,
      "prove that vNICs reach whom they may, and nobody else" },
    { "reconcile", "reconcile", "", 0, 0, TAKES_FORMAT, false,
      run_question, "compute and apply everything now" },
    { "watch", "vnic/list", "[BRIDGE]", 0, 1, TAKES_INTERVAL, false,
      run_watch, "the list, again and again until interrupted" },
    { "version", "version", "", 0, 0, 0, false,
      run_question, "version of the running agent" },
    { "exit", "exit", "", 0, 0, 0, false,
      run_question, "end the agent; the switch stays as it is" },
    { "call", NULL, "COMMAND [ARG...]", 1, RAW_ARGS, 0, false,
      run_question, "any command of the agent, such as vlog/set" },
    { "help", NULL, "[WORD]", 0, 1, 0, false,
      run_help, "about vnicctl, or about one of its words" },
};

static const struct word *
find_word(const char *name)
{
    for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
        if (!strcmp(words[i].name, name)) {
            return &words[i];
        }
    }
    return NULL;
}

/* Complaints. */

/* Says what is wrong with the command line, and where to read more. */
static void __attribute__((noreturn, format(printf, 2, 3)))
usage_error(const struct word *word, const char *format, ...)
{
    fputs("vnicctl: ", stderr);
    va_list args;
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fprintf(stderr, " (try 'vnicctl %s%s--help')\n", word ? word->name : "",
            word ? " " : "");
    exit(EXIT_REFUSED);
}

/* Says why there is no answer, and returns the exit code for it. */
static enum exit_code
complain(const struct client_reply *reply)
{
    size_t len = strlen(reply->text);
    bool has_newline = len && reply->text[len - 1] == '\n';
    fprintf(stderr, "vnicctl: %s%s", reply->text, has_newline ? "" : "\n");
    return reply->outcome == CLIENT_REFUSED ? EXIT_REFUSED : EXIT_UNREACHABLE;
}

/* Help. */

static void
print_entry(const char *entry, const char *help)
{
    printf("  %-22s%s\n", entry, help);
}

static void
print_options(unsigned int takes)
{
    puts("\nOptions:");
    for (size_t i = 0; i < ARRAY_SIZE(option_infos); i++) {
        const struct option_info *info = &option_infos[i];
        if (!info->takes || info->takes & takes) {
            char entry[64];
            snprintf(entry, sizeof entry, "-%c, --%s%s%s", info->letter,
                     info->name, info->arg ? "=" : "",
                     info->arg ? info->arg : "");
            print_entry(entry, info->help);
        }
    }
}

static void
print_help(void)
{
    puts("vnicctl asks vnicd, the Open vSwitch agent of this host.\n\n"
         "Usage: vnicctl [OPTION...] WORD [ARG...]\n\n"
         "Words:");
    for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
        char entry[64];
        snprintf(entry, sizeof entry, "%s %s", words[i].name, words[i].args);
        print_entry(entry, words[i].help);
    }
    print_options(TAKES_FORMAT);
    puts("\nExit codes: 0 answered; 1 findings, of words that look for any; "
         "2 wrong\nusage, or refused by the agent; 3 agent not reachable.");
}

static void
print_word_help(const struct word *word)
{
    printf("vnicctl %s: %s\n\nUsage: vnicctl %s [OPTION...]%s%s\n",
           word->name, word->help, word->name, word->args[0] ? " " : "",
           word->args);
    print_options(word->takes);
    if (word->has_findings) {
        puts("\nThe exit code is 1 if there is anything to list.");
    }
}

/* Running a word. */

/* Stores in 'args' what the agent gets besides the format, and returns how many
 * that are: an option, "--", and the arguments, which may look like options. */
static size_t
collect_args(const struct task *task, char *args[2 + MAX_ARGS])
{
    static char dry_run[] = "--dry-run", all[] = "--all", end[] = "--";
    const struct options *options = &task->options;
    size_t n = 0;

    if (options->wants_dry_run || options->wants_all) {
        args[n++] = options->wants_dry_run ? dry_run : all;
    }
    if (task->n_args) {
        args[n++] = end;
    }
    for (int i = 0; i < task->n_args; i++) {
        args[n++] = task->args[i];
    }
    return n;
}

static struct client_reply
ask(const struct task *task, const char *format)
{
    char *args[2 + MAX_ARGS];
    struct client_request request = {
        .target = task->options.target,
        .timeout_ms = task->options.timeout_s * 1000LL,
        .method = task->word->method,
        .format = format,
    };
    if (request.method) {
        request.args = args;
        request.n_args = collect_args(task, args);
    } else {                    /* "call": as they are. */
        request.method = task->args[0];
        request.args = task->args + 1;
        request.n_args = task->n_args - 1;
    }
    return client_call(&request);
}

static enum exit_code
run_question(const struct task *task)
{
    const char *format = task->word->takes & TAKES_FORMAT
                         ? task->options.format : NULL;
    struct client_reply reply = ask(task, format);
    enum exit_code code = EXIT_ANSWERED;
    if (reply.outcome != CLIENT_ANSWERED) {
        code = complain(&reply);
    } else {
        bool is_table = format && !strcmp(format, "table");
        output_put(stdout, reply.text, is_table && output_wants_colour());
        if (task->word->has_findings
            && findings_in_listing(reply.text, format)) {
            code = EXIT_FINDINGS;
        }
    }
    client_reply_destroy(&reply);
    return code;
}

/* A frame is traced for each vNIC at least, in the switch's own time. */
static enum exit_code
run_verify(const struct task *task)
{
    enum { LONG_TIMEOUT_S = 120 };
    struct task patient = *task;
    if (patient.options.timeout_s < LONG_TIMEOUT_S
        && !(patient.options.given & GAVE_TIMEOUT)) {
        patient.options.timeout_s = LONG_TIMEOUT_S;
    }
    return run_question(&patient);
}

/* Whether there are warnings is read from JSON, whatever is printed. */
static enum exit_code
run_status(const struct task *task)
{
    enum exit_code check = EXIT_ANSWERED;
    if (task->options.wants_check) {
        struct client_reply reply = ask(task, "json");
        if (reply.outcome != CLIENT_ANSWERED) {
            check = complain(&reply);
        } else if (findings_in_status(reply.text)) {
            check = EXIT_FINDINGS;
        }
        client_reply_destroy(&reply);
    }
    if (check > EXIT_FINDINGS) {
        return check;
    }

    enum exit_code code = run_question(task);
    return code == EXIT_ANSWERED ? check : code;
}

/* Shows the list until a signal ends the program.  An agent that is being
 * restarted is news like any other. */
static enum exit_code
run_watch(const struct task *task)
{
    if (!isatty(STDOUT_FILENO)) {
        usage_error(task->word, "watch needs a terminal");
    }
    while (!ferror(stdout)) {
        struct client_reply reply = ask(task, "table");
        output_clear_screen(stdout);
        output_put(stdout, reply.text, output_wants_colour());
        client_reply_destroy(&reply);
        sleep(task->options.interval_s);
    }
    return EXIT_ANSWERED;
}

static enum exit_code
run_help(const struct task *task)
{
    if (!task->n_args) {
        print_help();
        return EXIT_ANSWERED;
    }

    const struct word *word = find_word(task->args[0]);
    if (!word) {
        usage_error(NULL, "there is no word '%s'", task->args[0]);
    }
    print_word_help(word);
    return EXIT_ANSWERED;
}

/* The command line. */

static int
parse_seconds(const struct word *word, const char *s)
{
    char *tail;
    long int seconds = strtol(s, &tail, 10);
    if (tail == s || *tail || seconds < 1 || seconds > 86400) {
        usage_error(word, "'%s' is not a number of seconds (1..86400)", s);
    }
    return seconds;
}

static const char *
parse_format(const struct word *word, const char *s)
{
    if (strcmp(s, "table") && strcmp(s, "json") && strcmp(s, "csv")) {
        usage_error(word, "format '%s' is not one of table, json, csv", s);
    }
    return s;
}

static const char *
parse_target(const struct word *word, const char *s)
{
    if (s[0] != '/') {
        usage_error(word, "target '%s' is not an absolute path", s);
    }
    return s;
}

/* Complains of the option on which getopt_long() gave up with 'letter', having
 * left 'arg' behind. */
static void __attribute__((noreturn))
bad_option(const struct word *word, int letter, const char *arg)
{
    if (letter == ':') {
        usage_error(word, "option '%s' needs a value", arg);
    }
    for (size_t i = 0; i < ARRAY_SIZE(option_infos); i++) {
        if (option_infos[i].letter == optopt) {
            usage_error(word, "option '--%s' takes no value",
                        option_infos[i].name);
        }
    }
    if (optopt) {
        usage_error(word, "there is no option '-%c'", optopt);
    }
    usage_error(word, "there is no option '%s'", arg);
}

static void
set_option(const struct word *word, int letter, struct options *options)
{
    switch (letter) {
    case 'f':
        options->format = parse_format(word, optarg);
        options->given |= TAKES_FORMAT;
        break;
    case 'c':
        options->wants_check = true;
        options->given |= TAKES_CHECK;
        break;
    case 'd':
        options->wants_dry_run = true;
        options->given |= TAKES_DRY_RUN;
        break;
    case 'a':
        options->wants_all = true;
        options->given |= TAKES_ALL;
        break;
    case 'n':
        options->interval_s = parse_seconds(word, optarg);
        options->given |= TAKES_INTERVAL;
        break;
    case 't':
        options->target = parse_target(word, optarg);
        break;
    case 'T':
        options->timeout_s = parse_seconds(word, optarg);
        options->given |= GAVE_TIMEOUT;
        break;
    case 'h':
        options->wants_help = true;
        break;
    case 'V':
        options->wants_version = true;
        break;
    }
}

/* The options as getopt_long() has them. */
struct getopt_options {
    struct option longs[ARRAY_SIZE(option_infos) + 1];
    char shorts[2 + 2 * ARRAY_SIZE(option_infos) + 1];
};

/* With 'stop_early' options end at the first argument. */
static struct getopt_options
getopt_options_make(bool stop_early)
{
    struct getopt_options o = { 0 };
    char *p = o.shorts;
    if (stop_early) {
        *p++ = '+';
    }
    *p++ = ':';                 /* Complaints are ours. */
    for (size_t i = 0; i < ARRAY_SIZE(option_infos); i++) {
        const struct option_info *info = &option_infos[i];
        o.longs[i] = (struct option) {
            info->name, info->arg ? required_argument : no_argument, NULL,
            info->letter
        };
        *p++ = info->letter;
        if (info->arg) {
            *p++ = ':';
        }
    }
    return o;
}

/* Parses the options behind argv[0], for 'word' or, if it is null, in front of
 * the word.  Returns the index of the first argument that is none. */
static int
parse_options(const struct word *word, int argc, char *argv[],
              struct options *options)
{
    bool stop_early = !word || word->max_args == RAW_ARGS;
    struct getopt_options o = getopt_options_make(stop_early);
    int letter;

    optind = 0;                 /* Start again, says getopt(3). */
    while ((letter = getopt_long(argc, argv, o.shorts, o.longs, NULL)) != -1) {
        if (letter == ':' || letter == '?') {
            bad_option(word, letter, argv[optind - 1]);
        }
        set_option(word, letter, options);
    }
    return optind;
}

static void
check_options(const struct task *task)
{
    unsigned int foreign = task->options.given & ~task->word->takes;
    for (size_t i = 0; i < ARRAY_SIZE(option_infos); i++) {
        if (option_infos[i].takes & foreign) {
            usage_error(task->word, "%s takes no option '--%s'",
                        task->word->name, option_infos[i].name);
        }
    }
}

static void
check_args(const struct task *task)
{
    const struct word *word = task->word;
    if (task->n_args < word->min_args) {
        usage_error(word, "%s needs %s", word->name, word->args);
    } else if (task->n_args > word->max_args) {
        usage_error(word, "%s does not take '%s'", word->name,
                    task->args[word->max_args]);
    }
}

/* Does what the word argv[0] and what follows it say. */
static enum exit_code
run_word(int argc, char *argv[], const struct options *options)
{
    struct task task = { .word = find_word(argv[0]), .options = *options };
    if (!task.word) {
        usage_error(NULL, "there is no word '%s'", argv[0]);
    }

    int first = parse_options(task.word, argc, argv, &task.options);
    task.args = argv + first;
    task.n_args = argc - first;
    if (task.options.wants_help) {
        print_word_help(task.word);
        return EXIT_ANSWERED;
    }
    check_options(&task);
    check_args(&task);
    return task.word->run(&task);
}

static enum exit_code
run(int argc, char *argv[])
{
    struct options options = {
        .format = "table",
        .timeout_s = 10,
        .interval_s = 2,
    };
    int first = parse_options(NULL, argc, argv, &options);
    if (options.wants_version) {
        puts("vnicctl " VERSION);
        return EXIT_ANSWERED;
    } else if (first < argc) {
        return run_word(argc - first, argv + first, &options);
    } else if (options.wants_help) {
        print_help();
        return EXIT_ANSWERED;
    }
    usage_error(NULL, "a word is missing");
}

int
main(int argc, char *argv[])
{
    /* A reader that goes away must not decide our exit code. */
    signal(SIGPIPE, SIG_IGN);

    enum exit_code code = run(argc, argv);
    char *error = output_finish();
    if (error) {
        fprintf(stderr, "vnicctl: %s\n", error);
        free(error);
        return EXIT_REFUSED;
    }
    return code;
}
