/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef CONTROLLER_QUESTIONS_H
#define CONTROLLER_QUESTIONS_H 1

#include <stdbool.h>
#include <stddef.h>

#include "lib/report.h"

struct fate_question;
struct pipeline_bridge;
struct unixctl_conn;

/* Operators' questions that the switch answers: the reply comes when it has.
 * Main thread only; never blocks. */

struct questions *questions_create(const char *rundir);
void questions_destroy(struct questions *);

void questions_run(struct questions *, unsigned int flows_seqno,
                   long long int now);
void questions_wait(const struct questions *);

/* Who asks, and wants the answer how. */
struct questioner {
    struct unixctl_conn *conn;
    enum report_format format;
    unsigned int flows_seqno;   /* Changes whenever flows are meant to. */
    long long int now;
};

void questions_ask_fate(struct questions *, const struct questioner *,
                        const struct fate_question *);
void questions_ask_counts(struct questions *, const struct questioner *,
                          const struct fate_question *);
void questions_ask_isolation(struct questions *, const struct questioner *,
                             const struct pipeline_bridge *const bridges[],
                             size_t n_bridges, bool wants_all);

#endif /* controller/questions.h */
