/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */

/* Reads what 'dpif/show' of ovs-vswitchd says.  The datapath has numbers of
 * its own for ports, and a trace calls them by these; it would also say names,
 * but takes seven times as long for that on a bridge with a thousand ports. */

#include <config.h>
#include "flows/dp-ports.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "lib/cleanup.h"
#include "simap.h"
#include "util.h"

/* "  br0:" begins the ports of a bridge. */
static bool
is_heading_of(const char *line, const char *bridge)
{
    size_t len = strlen(bridge);
    return !strncmp(line, "  ", 2) && !strncmp(line + 2, bridge, len)
           && !strcmp(line + 2 + len, ":");
}

/* "    vnet1 5/7: (tap)"; a patch port has "none" for 7. */
static void
read_port(const char *line, struct simap *ports)
{
    unsigned int ofport, number;
    if (sscanf(line, " %*s %u/%u:", &ofport, &number) == 2) {
        CLEANUP_FREE char *name = xasprintf("%u", number);
        simap_put(ports, name, ofport);
    }
}

/* Puts into 'ports' the OpenFlow numbers of the ports of 'bridge' by their
 * datapath numbers, in decimal digits.  Returns NULL, or a sentence if the
 * bridge is not in 'text'. */
char *
dp_ports_parse(const char *text, const char *bridge, struct simap *ports)
{
    CLEANUP_FREE char *copy = xstrdup(text);
    bool is_found = false, is_inside = false;
    char *save = NULL;
    for (char *line = strtok_r(copy, "\n", &save); line;
         line = strtok_r(NULL, "\n", &save)) {
        if (strncmp(line, "    ", 4)) {
            is_inside = is_heading_of(line, bridge);
            is_found |= is_inside;
        } else if (is_inside) {
            read_port(line, ports);
        }
    }
    return is_found ? NULL : xasprintf("the switch has no bridge %s", bridge);
}
