/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */

/* Prints the agent's answers as they are, except that on a terminal the word
 * for a vNIC's state gets a colour. */

#include <config.h>
#include "ctl/output.h"

#include <errno.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <wchar.h>

#include "ctl/alloc.h"

/* Where answers have states: below this heading of a table; in answers of a
 * line for each item, behind these names. */
#define STATE_HEADING "STATE"
#define STATE_NAME "state "
#define COUNTS_NAME "vnics "

#define GREEN "32"
#define YELLOW "33"
#define RED "31"
#define DIM "2"

struct style {
    const char *word;
    const char *sgr;            /* Parameter of "select graphic rendition". */
};

static const struct style styles[] = {
    { "ready", GREEN },
    { "waiting", YELLOW },
    { "pending", YELLOW },
    { "quarantined", RED },
    { "drifted", RED },
    { "unmanaged", DIM },
};

/* The first failure to write, a positive errno, or 0. */
static int write_error;

/* Returns the style of the word of 'len' characters at 's', or NULL. */
static const struct style *
find_style(const char *s, size_t len)
{
    for (size_t i = 0; i < sizeof styles / sizeof styles[0]; i++) {
        if (strlen(styles[i].word) == len
            && !memcmp(styles[i].word, s, len)) {
            return &styles[i];
        }
    }
    return NULL;
}

/* True if standard output is a terminal and its user has nothing against
 * colours (https://no-color.org). */
bool
output_wants_colour(void)
{
    const char *no_color = getenv("NO_COLOR");
    const char *term = getenv("TERM");
    return isatty(STDOUT_FILENO)
           && !(no_color && no_color[0])
           && !(term && !strcmp(term, "dumb"));
}

/* Returns the column of a terminal at which the table 'text' has the state, 0
 * if it has none: headings are ASCII. */
static size_t
find_state_column(const char *text)
{
    const char *heading = memmem(text, strcspn(text, "\n"), STATE_HEADING,
                                 strlen(STATE_HEADING));
    return heading ? heading - text : 0;
}

/* Returns the offset in the line from 'line' to 'end' of what a terminal shows
 * in 'column'; the line's length if it ends before.  Needs UTF-8 to be in
 * force. */
static size_t
find_offset(const char *line, const char *end, size_t column)
{
    mbstate_t state = { 0 };
    const char *s = line;
    for (size_t at = 0; s < end && at < column; ) {
        wchar_t c = L'?';
        size_t size = mbrtowc(&c, s, end - s, &state);
        if (size > (size_t) (end - s) || !size) {
            state = (mbstate_t) { 0 };
            size = 1;
        }
        int width = wcwidth(c);
        at += width < 0 ? 1 : width;
        s += size;
    }
    return s - line;
}

static bool
begins_with(const char *s, const char *prefix)
{
    return !strncmp(s, prefix, strlen(prefix));
}

/* Prints what is between 's' and 'end', where a word ends, and colours its
 * states. */
static void
put_states(FILE *stream, const char *s, const char *end)
{
    while (s < end) {
        size_t len = strcspn(s, " ,\n");
        len = len ? len : 1;
        const struct style *style = find_style(s, len);
        if (style) {
            fprintf(stream, "\033[%sm%s\033[0m", style->sgr, style->word);
        } else {
            fwrite(s, 1, len, stream);
        }
        s += len;
    }
}

/* Prints the line from 'line' to 'end', which has its state in 'column'; if
 * that is 0, its name tells. */
static void
put_line(FILE *stream, const char *line, const char *end, size_t column)
{
    const char *states = end;
    const char *states_end = end;
    if (column) {
        states = line + find_offset(line, end, column);
        states_end = states < end ? states + strcspn(states, " \n") : end;
    } else if (!column && (begins_with(line, STATE_NAME)
                           || begins_with(line, COUNTS_NAME))) {
        states = strchr(line, ' ');
    }
    fwrite(line, 1, states - line, stream);
    put_states(stream, states, states_end);
    fwrite(states_end, 1, end - states_end, stream);
}

static void
put_coloured(FILE *stream, const char *text)
{
    locale_t utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", NULL);
    locale_t before = uselocale(utf8);
    size_t column = find_state_column(text);
    while (*text) {
        const char *end = text + strcspn(text, "\n");
        end += *end == '\n';
        put_line(stream, text, end, column);
        text = end;
    }
    (void) uselocale(before);   /* Was in force, so cannot fail. */
    if (utf8) {
        freelocale(utf8);
    }
}

/* Notes whether what was put into 'stream' could be written. */
static void
flush(FILE *stream)
{
    if ((fflush(stream) || ferror(stream)) && !write_error) {
        write_error = errno ? errno : EIO;
    }
}

void
output_put(FILE *stream, const char *text, bool has_colour)
{
    errno = 0;
    if (has_colour) {
        put_coloured(stream, text);
    } else {
        fputs(text, stream);
    }
    flush(stream);
}

void
output_clear_screen(FILE *stream)
{
    fputs("\033[H\033[2J", stream);
}

/* Returns NULL, or a sentence if something could not be written to standard
 * output.  A reader that went away is no error: it has seen all that it
 * wanted. */
char *
output_finish(void)
{
    flush(stdout);
    return write_error && write_error != EPIPE
           ? alloc_format("cannot write: %s", strerror(write_error))
           : NULL;
}
