/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */

/* Reads what 'ofproto/trace --names' says.
 *
 * A text has one section for each time that the frame enters the pipeline:
 * once, and again where it is recirculated.  A section begins with "Flow:",
 * where its VLAN tags are, lists bridges and tables, and ends with "Datapath
 * actions:", which alone say who gets a copy, and with which tags: whatever
 * else is said about outputs, of NORMAL for instance, is in there.
 *
 * Remarks may be worded otherwise by another version, and are only kept for
 * people.  What the verdict depends on must be understood completely: a text
 * without it, or with an action of which we do not know whether it delivers,
 * is refused. */

#include <config.h>
#include "flows/trace.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/error.h"
#include "lib/text.h"
#include "packets.h"
#include "util.h"

void
trace_init(struct trace *trace)
{
    *trace = (struct trace) { .steps = NULL };
}

/* Frees what 'trace' owns, not 'trace' itself. */
void
trace_destroy(struct trace *trace)
{
    if (!trace) {
        return;
    }
    for (size_t i = 0; i < trace->n_steps; i++) {
        free(trace->steps[i].bridge);
        free(trace->steps[i].match);
        svec_destroy(&trace->steps[i].actions);
    }
    for (size_t i = 0; i < trace->n_copies; i++) {
        free(trace->copies[i].port);
    }
    free(trace->steps);
    free(trace->copies);
    free(trace->failure);
    trace_init(trace);
}

/* Datapath actions: words with commas between them, some with arguments in
 * parentheses, which are actions again for a few. */

/* Deeper than any switch nests. */
#define MAX_NESTING 16

struct action_reader {
    const char *next;           /* What is left of the text. */
    struct trace_tags tags;     /* Of the frame at this place. */
    unsigned int nesting;
    bool is_hashed;             /* A member of a bond is to be chosen. */
    size_t n_recirculations;    /* Other than for a bond. */
    struct trace *trace;        /* Where copies go. */
};

/* An action taken apart; both are parts of the text. */
struct action {
    const char *word;
    int word_len;
    const char *args;           /* Behind the parenthesis, or NULL. */
};

static bool
action_is(const struct action *action, const char *word)
{
    return strlen(word) == (size_t) action->word_len
           && !strncmp(action->word, word, action->word_len);
}

static bool
action_is_among(const struct action *action, const char *const words[])
{
    for (size_t i = 0; words[i]; i++) {
        if (action_is(action, words[i])) {
            return true;
        }
    }
    return false;
}

static void
add_copy(struct action_reader *reader, char *port)
{
    struct trace *trace = reader->trace;
    trace->copies = xrealloc(trace->copies, (trace->n_copies + 1)
                             * sizeof *trace->copies);
    trace->copies[trace->n_copies++] = (struct trace_copy) {
        .port = port, .tags = reader->tags,
    };
}

static char *
push_tag(struct trace_tags *tags, const char *args)
{
    unsigned int tpid = ETH_TYPE_VLAN_8021Q, vid;
    if (sscanf(args, "tpid=%x,vid=%u", &tpid, &vid) != 2
        && sscanf(args, "vid=%u", &vid) != 1) {
        return xstrdup("it pushes a VLAN tag that cannot be read");
    } else if (tags->n >= TRACE_MAX_TAGS) {
        return xasprintf("there are more than %d VLAN tags", TRACE_MAX_TAGS);
    }
    memmove(&tags->tags[1], &tags->tags[0], tags->n * sizeof tags->tags[0]);
    tags->tags[0] = (struct trace_tag) { .tpid = tpid, .vid = vid };
    tags->n++;
    return NULL;
}

static char *
pop_tag(struct trace_tags *tags)
{
    if (!tags->n) {
        return xstrdup("it pops a VLAN tag that is not there");
    }
    tags->n--;
    memmove(&tags->tags[0], &tags->tags[1], tags->n * sizeof tags->tags[0]);
    return NULL;
}

static char *read_actions(struct action_reader *);

/* Moves behind the parenthesis that closes the one before 'reader->next'. */
static char *
skip_arguments(struct action_reader *reader)
{
    for (int depth = 1; depth; reader->next++) {
        if (!*reader->next) {
            return xstrdup("a parenthesis is not closed");
        }
        depth += (*reader->next == '(') - (*reader->next == ')');
    }
    return NULL;
}

/* What happens inside does not change the frame for those that follow. */
static char *
read_nested(struct action_reader *reader)
{
    if (++reader->nesting > MAX_NESTING) {
        return xasprintf("actions are nested deeper than %d", MAX_NESTING);
    }
    struct trace_tags tags = reader->tags;
    char *error = read_actions(reader);
    reader->tags = tags;
    reader->nesting--;
    if (error) {
        return error;
    } else if (*reader->next != ')') {
        return xstrdup("a parenthesis is not closed");
    }
    reader->next++;
    return NULL;
}

/* The switch traces what comes back from connection tracking, in a section of
 * its own, but not how a bond chooses a member, behind a hash. */
static void
read_recirculation(struct action_reader *reader, const struct action *action)
{
    if (reader->is_hashed) {
        reader->is_hashed = false;
        add_copy(reader, xmemdup0(action->word, reader->next - action->word));
    } else {
        reader->n_recirculations++;
    }
}

/* Executes an action that has arguments. */
static char *
read_with_arguments(struct action_reader *reader, const struct action *action)
{
    /* "actions" is part of "sample", "gt" and "le" are of "check_pkt_len":
     * it depends on the frame whether these deliver. */
    static const char *const containers[] = {
        "clone", "sample", "actions", "check_pkt_len", "gt", "le", NULL
    };
    static const char *const outputs[] = { "lb_output", "tnl_pop", NULL };
    static const char *const changes[] = {
        "set", "ct", "trunc", "meter", "userspace", "push_mpls", "pop_mpls",
        "add_mpls", "push_nsh", "pop_nsh", "push_eth", "tnl_push", "dec_ttl",
        NULL
    };

    if (action_is_among(action, containers)) {
        return read_nested(reader);
    }
    char *error = skip_arguments(reader);
    if (error) {
        return error;
    } else if (action_is(action, "push_vlan")) {
        return push_tag(&reader->tags, action->args);
    } else if (action_is(action, "recirc")) {
        read_recirculation(reader, action);
    } else if (action_is(action, "hash")) {
        reader->is_hashed = true;
    } else if (action_is_among(action, outputs)) {
        add_copy(reader, xmemdup0(action->word, reader->next - action->word));
    } else if (!action_is_among(action, changes)) {
        return xasprintf("nobody knows what '%.*s()' does", action->word_len,
                         action->word);
    }
    return NULL;
}

/* Executes one that is a word alone: else the name of a port. */
static char *
read_without_arguments(struct action_reader *reader,
                       const struct action *action)
{
    static const char *const changes[] = {
        "drop", "ct", "ct_clear", "pop_eth", "dec_ttl", NULL
    };
    if (action_is(action, "pop_vlan")) {
        return pop_tag(&reader->tags);
    } else if (memchr(action->word, '=', action->word_len)) {
        /* A parameter of what encloses it. */
        return reader->nesting ? NULL : xasprintf(
            "'%.*s' is no action", action->word_len, action->word);
    } else if (!action->word_len) {
        return xstrdup("an action is missing");
    } else if (!action_is_among(action, changes)) {
        add_copy(reader, xmemdup0(action->word, action->word_len));
    }
    return NULL;
}

static char *
read_action(struct action_reader *reader)
{
    struct action action = {
        .word = reader->next, .word_len = strcspn(reader->next, ",()"),
    };
    reader->next += action.word_len;
    if (*reader->next != '(') {
        return read_without_arguments(reader, &action);
    }
    action.args = ++reader->next;
    return read_with_arguments(reader, &action);
}

/* Executes actions up to the end of the text, or the parenthesis that closes
 * them. */
static char *
read_actions(struct action_reader *reader)
{
    for (;;) {
        char *error = read_action(reader);
        if (error || *reader->next != ',') {
            return error;
        }
        reader->next++;
    }
}

/* Lines. */

struct trace_reader {
    struct trace *trace;
    char *bridge;               /* In which the frame is; owned. */
    bool is_open;               /* Between "Flow:" and "Datapath actions:". */
    size_t n_sections;          /* That have begun ... */
    size_t n_recirculations;    /* ... and that must follow the first. */
    size_t n_bridges;           /* Of this section. */
    struct trace_tags tags;     /* At the start of the section. */
};

/* Returns what follows 'prefix' in 'line', or NULL if that is not how it
 * begins. */
static const char *
after(const char *line, const char *prefix)
{
    size_t len = strlen(prefix);
    return strncmp(line, prefix, len) ? NULL : line + len;
}

/* Reads the VLAN tags of a flow, "dl_vlan=10" and "dl_vlan1=20".  TPIDs are
 * not said there. */
static void
read_flow_tags(const char *flow, struct trace_tags *tags)
{
    *tags = (struct trace_tags) { .n = 0 };
    CLEANUP_FREE char *copy = xstrdup(flow);
    char *save = NULL;
    for (char *word = strtok_r(copy, ",", &save);
         word && tags->n < TRACE_MAX_TAGS;
         word = strtok_r(NULL, ",", &save)) {
        unsigned int i, vid;
        if (sscanf(word, "dl_vlan=%u", &vid) == 1
            || sscanf(word, "dl_vlan%u=%u", &i, &vid) == 2) {
            tags->tags[tags->n++] = (struct trace_tag) {
                .tpid = ETH_TYPE_VLAN_8021Q, .vid = vid,
            };
        }
    }
}

static void
read_flow_source(const char *flow, struct eth_addr *source)
{
    const char *word = strstr(flow, "dl_src=");
    if (!word || !ovs_scan(word, "dl_src="ETH_ADDR_SCAN_FMT,
                           ETH_ADDR_SCAN_ARGS(*source))) {
        *source = eth_addr_zero;
    }
}

static char *
read_flow_line(struct trace_reader *reader, const char *flow)
{
    if (reader->is_open) {
        return xstrdup("a frame has no datapath actions");
    }
    reader->is_open = true;
    if (!reader->n_sections++) {
        read_flow_source(flow, &reader->trace->source);
    }
    reader->n_bridges = 0;
    read_flow_tags(flow, &reader->tags);
    return NULL;
}

static char *
read_bridge_line(struct trace_reader *reader, const char *name)
{
    const char *end = strrchr(name, '"');
    if (!end || strcmp(end, "\")")) {
        return xasprintf("the name of a bridge cannot be read: %s", name);
    }
    free(reader->bridge);
    reader->bridge = xmemdup0(name, end - name);
    reader->trace->n_crossings += reader->n_bridges++ > 0;
    return NULL;
}

/* Reads " priority 70, cookie 0x1" at the end of 'flow', which it shortens to
 * what is matched. */
static bool
read_flow_place(char *flow, struct trace_step *step)
{
    static const char word[] = "priority ";
    char *place = NULL;
    for (char *s = strstr(flow, word); s; s = strstr(s + 1, word)) {
        place = s;
    }
    if (!place || sscanf(place, "priority %d, cookie 0x%"SCNx64,
                         &step->priority, &step->cookie) < 1) {
        return false;
    }
    while (place > flow && (place[-1] == ' ' || place[-1] == ',')) {
        place--;
    }
    *place = '\0';
    return true;
}

/* "110. in_port=1, priority 70, cookie 0x1", or "110. No match." */
static void
read_table_line(struct trace_reader *reader, uint8_t table_id,
                const char *flow)
{
    struct trace *trace = reader->trace;
    trace->steps = xrealloc(trace->steps,
                            (trace->n_steps + 1) * sizeof *trace->steps);
    struct trace_step *step = &trace->steps[trace->n_steps++];
    *step = (struct trace_step) {
        .bridge = xstrdup(reader->bridge ? reader->bridge : ""),
        .table_id = table_id,
        .match = xstrdup(flow),
        .actions = SVEC_EMPTY_INITIALIZER,
    };
    step->has_flow = read_flow_place(step->match, step);
}

/* What was done in a table, or is said about that. */
static void
read_remark(struct trace_reader *reader, const char *line)
{
    struct trace *trace = reader->trace;
    if (strstr(line, "suppressing side effects, so learn action ignored")) {
        trace->skips_learning = true;
    }
    if (trace->n_steps) {
        svec_add(&trace->steps[trace->n_steps - 1].actions, line);
    }
}

static char *
read_actions_line(struct trace_reader *reader, const char *text)
{
    if (!reader->is_open) {
        return xstrdup("there are datapath actions of no frame");
    }
    reader->is_open = false;
    struct action_reader actions = {
        .next = text, .tags = reader->tags, .trace = reader->trace,
    };
    char *error = read_actions(&actions);
    reader->n_recirculations += actions.n_recirculations;
    if (!error && *actions.next) {
        error = xstrdup("a parenthesis is not opened");
    }
    CLEANUP_FREE char *place = text_excerpt(actions.next, 40);
    return error_wrap(error, "at '%s' in its datapath actions", place);
}

static void
read_failure(struct trace_reader *reader, const char *text)
{
    const char *end = strchr(text, ')');
    free(reader->trace->failure);
    reader->trace->failure = end ? xmemdup0(text, end - text) : xstrdup(text);
}

/* A line between "Flow:" and "Datapath actions:". */
static char *
read_inner_line(struct trace_reader *reader, const char *line)
{
    line += strspn(line, " ");
    const char *rest = after(line, "bridge(\"");
    unsigned int table_id;
    int n = 0;
    if (rest) {
        return read_bridge_line(reader, rest);
    } else if (sscanf(line, "%3u. %n", &table_id, &n) == 1 && n
               && table_id <= UINT8_MAX) {
        read_table_line(reader, table_id, line + n);
    } else if (*line && line[strspn(line, "-")]) {
        read_remark(reader, line);
    }
    return NULL;
}

static char *
read_line(struct trace_reader *reader, const char *line)
{
    const char *rest;
    if ((rest = after(line, "Flow: "))) {
        return read_flow_line(reader, rest);
    } else if ((rest = after(line, "Datapath actions: "))) {
        return read_actions_line(reader, rest);
    } else if ((rest = after(line, "Translation failed ("))) {
        read_failure(reader, rest);
    } else if (reader->is_open && !after(line, "Final flow: ")
               && !after(line, "Megaflow: ")) {
        return read_inner_line(reader, line);
    }
    return NULL;
}

static char *
read_lines(struct trace_reader *reader, char *text)
{
    char *save = NULL;
    for (char *line = strtok_r(text, "\n", &save); line;
         line = strtok_r(NULL, "\n", &save)) {
        char *error = read_line(reader, line);
        if (error) {
            return error;
        }
    }
    return reader->is_open
           || reader->n_sections != 1 + reader->n_recirculations
           ? xstrdup("it is not complete") : NULL;
}

/* Initializes 'trace' with what 'text' says.  Returns NULL, or a sentence if
 * that cannot be understood; 'trace' is empty then. */
char *
trace_parse(const char *text, struct trace *trace)
{
    trace_init(trace);
    struct trace_reader reader = { .trace = trace };
    CLEANUP_FREE char *copy = xstrdup(text);
    char *error = read_lines(&reader, copy);
    free(reader.bridge);
    if (!error) {
        return NULL;
    }
    trace_destroy(trace);
    error = error_wrap(error, "the switch's trace cannot be understood");
    char *printable = text_printable(error);
    free(error);
    return printable;
}
