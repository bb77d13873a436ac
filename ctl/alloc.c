/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */

/* The two allocations that vnicctl needs, in place of libopenvswitch's, which
 * cannot be linked into a program that uses jansson. */

#include <config.h>
#include "ctl/alloc.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char *
check(char *s)
{
    if (!s) {
        fputs("vnicctl: out of memory\n", stderr);
        abort();
    }
    return s;
}

char *
alloc_copy(const char *s)
{
    return check(strdup(s));
}

char *
alloc_format(const char *format, ...)
{
    char *s;
    va_list args;
    va_start(args, format);
    int n = vasprintf(&s, format, args);
    va_end(args);
    return check(n >= 0 ? s : NULL);
}
