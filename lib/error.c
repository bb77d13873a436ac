/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "lib/error.h"

#include <stdarg.h>
#include <stdlib.h>

#include "util.h"

/* Puts context in front of 'error': "domain web1" and "VLAN 0 …" give
 * "domain web1: VLAN 0 …".  Takes ownership of 'error'; NULL, which is
 * success, stays NULL. */
char *
error_wrap(char *error, const char *format, ...)
{
    if (!error) {
        return NULL;
    }

    va_list args;
    va_start(args, format);
    char *context = xvasprintf(format, args);
    va_end(args);

    char *wrapped = xasprintf("%s: %s", context, error);
    free(context);
    free(error);
    return wrapped;
}
