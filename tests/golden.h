/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_GOLDEN_H
#define TESTS_GOLDEN_H 1

/* Golden scenarios: folders with inputs, and the text that must follow.  With
 * VNICD_REGENERATE set the text is written instead of compared. */

char *golden_read_file(const char *path);
void golden_compare(const char *path, const char *actual);
void golden_for_each(const char *folder, void (*run)(const char *path));

#endif /* tests/golden.h */
