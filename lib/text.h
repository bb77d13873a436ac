/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef LIB_TEXT_H
#define LIB_TEXT_H 1

#include <stddef.h>

char *text_printable(const char *);
size_t text_cut(const char *, size_t size);
char *text_excerpt(const char *, size_t size);
char *text_join(char *, char *);
size_t text_width(const char *);

#endif /* lib/text.h */
