/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */

/* Text of others on its way to a log or a terminal.  Whoever may define a
 * domain chooses its name, and libvirt allows it to hold nearly anything. */

#include <config.h>
#include "lib/text.h"

#include <locale.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include "lib/cleanup.h"
#include "openvswitch/dynamic-string.h"
#include "util.h"

/* Returns how many bytes at 's' make up a character that does something to a
 * terminal instead of standing for itself, 0 if none do: the controls C0, DEL
 * and C1, and what turns the direction of writing (U+202A..E, U+2066..9), in
 * UTF-8. */
static size_t
control_size(const char *s_)
{
    const unsigned char *s = (const unsigned char *) s_;

    if (s[0] < ' ' || s[0] == 0x7f) {
        return 1;
    } else if (s[0] == 0xc2 && s[1] >= 0x80 && s[1] <= 0x9f) {
        return 2;
    } else if (s[0] == 0xe2
               && ((s[1] == 0x80 && s[2] >= 0xaa && s[2] <= 0xae)
                   || (s[1] == 0x81 && s[2] >= 0xa6 && s[2] <= 0xa9))) {
        return 3;
    }
    return 0;
}

/* Returns 's' with a question mark for each control character, as a malloc'd
 * string. */
char *
text_printable(const char *s)
{
    struct ds out = DS_EMPTY_INITIALIZER;
    while (*s) {
        size_t size = control_size(s);
        ds_put_char(&out, size ? '?' : *s);
        s += size ? size : 1;
    }
    return ds_steal_cstr(&out);
}

/* Returns how many of the first 'size' bytes of 's', which is UTF-8, make up
 * whole characters: half a one is refused by whoever reads JSON. */
size_t
text_cut(const char *s, size_t size)
{
    size = strnlen(s, size);
    while (size && (s[size] & 0xc0) == 0x80) {
        size--;                 /* In the middle of a character. */
    }
    return size;
}

/* Returns text_printable() of no more than 'size' bytes of 's', which is UTF-8,
 * with dots for those that are left out. */
char *
text_excerpt(const char *s, size_t size)
{
    size_t cut = text_cut(s, size);
    CLEANUP_FREE char *part = xmemdup0(s, cut);
    CLEANUP_FREE char *printable = text_printable(part);
    return xasprintf("%s%s", printable, s[cut] ? "..." : "");
}

/* Returns "'a'; 'b'", or the one that is not NULL.  Takes ownership of both. */
char *
text_join(char *a, char *b)
{
    if (!a || !b) {
        return a ? a : b;
    }
    char *joined = xasprintf("%s; %s", a, b);
    free(a);
    free(b);
    return joined;
}

static bool
is_ascii(const char *s)
{
    while (*s && (unsigned char) *s < 0x80) {
        s++;
    }
    return !*s;
}

/* In the locale in force.  A byte that is no character, and a character of
 * which the locale knows nothing, take one column, as on most terminals. */
static size_t
measure(const char *s)
{
    const char *end = s + strlen(s);
    mbstate_t state = { 0 };
    size_t width = 0;
    while (s < end) {
        wchar_t c;
        size_t size = mbrtowc(&c, s, end - s, &state);
        if (size > (size_t) (end - s)) {
            state = (mbstate_t) { 0 };
            size = 1;
            c = L'?';
        }
        int columns = wcwidth(c);
        width += columns < 0 ? 1 : columns;
        s += size;
    }
    return width;
}

/* Returns how many columns of a terminal 's', which is UTF-8 whatever the
 * locale of the process, takes: some characters take two, some none. */
size_t
text_width(const char *s)
{
    if (is_ascii(s)) {
        return strlen(s);
    }

    locale_t utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", NULL);
    locale_t before = uselocale(utf8);
    size_t width = measure(s);
    (void) uselocale(before);   /* Was in force, so cannot fail. */
    if (utf8) {
        freelocale(utf8);
    }
    return width;
}
