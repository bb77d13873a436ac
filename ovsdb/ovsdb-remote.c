/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */

/* Whether the name of a database can be one.  The library would take any, try
 * it for ever, and tell the log alone that it is of no use.  Pure. */

#include <config.h>
#include "ovsdb/ovsdb-remote.h"

#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "ovsdb-session.h"
#include "socket-util.h"
#include "stream.h"
#include "svec.h"
#include "util.h"
#include "uuid.h"

static bool
begins_with(const char *s, const char *prefix)
{
    return !strncmp(s, prefix, strlen(prefix));
}

/* 'port' may be NULL: there is a default. */
static bool
is_port(const char *port)
{
    unsigned int number;
    return !port
           || (str_to_uint(port, 10, &number) && number > 0
               && number <= UINT16_MAX);
}

/* Checks "HOST[:PORT]". */
static bool
is_host(const char *args)
{
    CLEANUP_FREE char *copy = xstrdup(args);
    char *host, *port;
    inet_parse_host_port_tokens(copy, &host, &port);
    return host && *host && is_port(port);
}

static char *
check_one(const char *remote, bool has_keys)
{
    bool is_ssl = begins_with(remote, "ssl:");
    bool is_known = !stream_verify_name(remote)
                    || !pstream_verify_name(remote);
    const char *args = is_known ? strchr(remote, ':') + 1 : "";

    if (!*args
        || ((is_ssl || begins_with(remote, "tcp:")) && !is_host(args))) {
        return xasprintf("'%s' is not of the form unix:FILE, tcp:HOST[:PORT] "
                         "or ssl:HOST[:PORT]", remote);
    }
    if (is_ssl && !has_keys) {
        return xasprintf("'%s' needs --private-key, --certificate and "
                         "--ca-cert", remote);
    }
    return NULL;
}

/* Returns NULL if 'remote', one or several as in ovsdb(7), can be connected to
 * or listened on, otherwise a sentence.  'has_keys' tells whether there are
 * any for TLS. */
char *
ovsdb_remote_check(const char *remote, bool has_keys)
{
    struct svec remotes = SVEC_EMPTY_INITIALIZER;
    struct uuid cid;
    ovsdb_session_parse_remote(remote, &remotes, &cid);

    char *error = remotes.n ? NULL : check_one(remote, has_keys);
    for (size_t i = 0; i < remotes.n && !error; i++) {
        error = check_one(remotes.names[i], has_keys);
    }
    svec_destroy(&remotes);
    return error;
}
