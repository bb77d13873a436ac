/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */

/* A look at a domain's XML without an XML parser.  It only has to tell guests
 * that the agent may be missed by from all others, in what libvirt prints:
 * elements without namespace prefix, no comments, and "<" and ">" nowhere but
 * in markup.  Pure. */

#include <config.h>
#include "libvirt-hooks/hook-scan.h"

#include <string.h>

/* A piece of text, not terminated. */
struct text {
    const char *start;
    const char *end;
};

/* Returns where 'word' is in 'text', or NULL. */
static const char *
find(struct text text, const char *word)
{
    return memmem(text.start, text.end - text.start, word, strlen(word));
}

static bool
has_type_openvswitch(struct text tag)
{
    return find(tag, " type='openvswitch'")
           || find(tag, " type=\"openvswitch\"");
}

/* True if the domain that the 'size' bytes at 'xml' describe has an interface
 * with <virtualport type='openvswitch'>.  What metadata says, in front of
 * <devices>, does not count. */
bool
hook_scan_is_on_ovs(const char *xml, size_t size)
{
    struct text rest = { xml, xml + size };
    rest.start = size ? find(rest, "<devices>") : NULL;
    while (rest.start) {
        struct text tag = { find(rest, "<virtualport "), NULL };
        if (!tag.start) {
            break;
        }
        tag.end = memchr(tag.start, '>', rest.end - tag.start);
        if (!tag.end) {
            break;
        }
        if (has_type_openvswitch(tag)) {
            return true;
        }
        rest.start = tag.end;
    }
    return false;
}
