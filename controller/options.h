/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef CONTROLLER_OPTIONS_H
#define CONTROLLER_OPTIONS_H 1

#include <stdbool.h>
#include <stddef.h>

/* The command line of vnicd(8). */
struct options {
    char *ovsdb_remote;
    char *hook_socket;
    char **libvirt_uris;
    size_t n_libvirt_uris;
    bool is_cleanup;            /* Remove what is ours and stop. */
    char **bridges;             /* Borrowed from argv; with 'is_cleanup'. */
    size_t n_bridges;
};

void options_parse(struct options *, int argc, char *argv[]);
void options_destroy(struct options *);

#endif /* controller/options.h */
