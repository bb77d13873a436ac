/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef LIB_CLEANUP_H
#define LIB_CLEANUP_H 1

/* CLEANUP(foo) struct foo x = FOO_INIT; calls foo_destroy(&x) when 'x' goes
 * out of scope.  Declare it initialised; hand its content over with TAKE_PTR
 * or the type's own steal function. */
#define CLEANUP(TYPE) __attribute__((cleanup(TYPE##_destroy)))

/* A pointer to free() when it goes out of scope. */
#define CLEANUP_FREE __attribute__((cleanup(cleanup_free)))

/* Yields 'PTR' and leaves NULL behind: ownership moves to the receiver. */
#define TAKE_PTR(PTR)                           \
    ({                                          \
        __typeof__(PTR) *take_p_ = &(PTR);      \
        __typeof__(PTR) take_v_ = *take_p_;     \
        *take_p_ = NULL;                        \
        take_v_;                                \
    })

void cleanup_free(void *);

#endif /* lib/cleanup.h */
