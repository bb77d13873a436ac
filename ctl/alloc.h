/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef CTL_ALLOC_H
#define CTL_ALLOC_H 1

/* Strings on the heap, the caller's to free.  Without memory the program
 * ends. */

char *alloc_copy(const char *);
char *alloc_format(const char *format, ...)
    __attribute__((format(printf, 1, 2)));

#endif /* ctl/alloc.h */
