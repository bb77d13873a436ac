/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef CONTROLLER_WELCOME_H
#define CONTROLLER_WELCOME_H 1

#include <stdbool.h>

struct ofconn;
struct pipeline_bridge;

/* What is done for the guests of a bridge once their flows are there.  Main
 * thread only; never blocks. */

struct welcome *welcome_create(const char *bridge);
void welcome_destroy(struct welcome *);

void welcome_note_learning(struct welcome *);
void welcome_note_arrivals(struct welcome *,
                           const struct pipeline_bridge *before,
                           const struct pipeline_bridge *after);
void welcome_run(struct welcome *, struct ofconn *,
                 const struct pipeline_bridge *, bool is_installed,
                 long long int now);
void welcome_wait(const struct welcome *, const struct ofconn *,
                  bool is_installed);

#endif /* controller/welcome.h */
