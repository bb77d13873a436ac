/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef CTL_OUTPUT_H
#define CTL_OUTPUT_H 1

#include <stdbool.h>
#include <stdio.h>

/* Answers on the terminal. */

bool output_wants_colour(void);
void output_put(FILE *, const char *text, bool has_colour);
void output_clear_screen(FILE *);
char *output_finish(void);

#endif /* ctl/output.h */
